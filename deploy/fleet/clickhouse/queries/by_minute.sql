-- A line for each minute: what a graph shows.

SELECT
    toStartOfMinute(time) AS minute,
    sum(v.views) AS views,
    sumIf(v.views, v.outcome IN ('startup_failure', 'playback_failure')) AS failures,
    sum(v.stalled_ms) / (sum(v.stalled_ms) + sum(v.playing_ms)) AS rebuffer_ratio,
    uniqCombined64Merge(14)(v.viewers) AS viewers
FROM openqoe.agg AS v
WHERE time >= {since:DateTime('UTC')} AND time < {until:DateTime('UTC')}
      AND org_id = {org:String}
GROUP BY minute
ORDER BY minute;
