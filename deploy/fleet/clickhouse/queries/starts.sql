-- Views that began, and how many of them showed a picture.

SELECT
    sum(v.views) AS views,
    sum(v.started) AS started,
    sumIf(v.views, v.outcome = 'exit_before_start') AS exits_before_start,
    sumIf(v.views, v.outcome = 'startup_failure') AS startup_failures,
    startup_failures / views AS startup_failure_share
FROM openqoe.agg AS v
WHERE time >= {since:DateTime('UTC')} AND time < {until:DateTime('UTC')}
      AND org_id = {org:String};
