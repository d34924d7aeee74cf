-- How views ended; `alive`: not yet; `unfinished`: the edge that had them is lost.

SELECT outcome, sum(v.views) AS views
FROM openqoe.agg AS v
WHERE time >= {since:DateTime('UTC')} AND time < {until:DateTime('UTC')}
      AND org_id = {org:String}
GROUP BY outcome
ORDER BY views DESC;
