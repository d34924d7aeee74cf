-- How long viewers waited for the first picture, ms.  Percentiles are within 1 %.

SELECT
    sum(v.startups) AS views,
    sum(v.startup_ms) / sum(v.startups) AS mean,
    quantilesDDMerge(0.01, 0.5, 0.9, 0.95, 0.99)(v.startup) AS q,
    q[1] AS p50,
    q[2] AS p90,
    q[3] AS p95,
    q[4] AS p99
FROM openqoe.agg AS v
WHERE time >= {since:DateTime('UTC')} AND time < {until:DateTime('UTC')}
      AND org_id = {org:String};
