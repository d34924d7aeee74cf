-- Where views suffer: by CDN and country.  Any dimension of openqoe.agg can take
-- their place.

SELECT
    cdn_provider,
    network_country,
    sum(v.views) AS views,
    sumIf(v.views, v.outcome IN ('startup_failure', 'playback_failure')) / views
        AS failure_share,
    sum(v.stalled_ms) / (sum(v.stalled_ms) + sum(v.playing_ms)) AS rebuffer_ratio,
    quantilesDDMerge(0.01, 0.5, 0.9, 0.95, 0.99)(v.startup)[3] AS startup_p95
FROM openqoe.agg AS v
WHERE time >= {since:DateTime('UTC')} AND time < {until:DateTime('UTC')}
      AND org_id = {org:String}
GROUP BY cdn_provider, network_country
ORDER BY views DESC
LIMIT 100;
