-- The share of the time in which pictures should have moved and did not.

SELECT
    sum(v.stalled_ms) AS stalled_ms,
    sum(v.playing_ms) AS playing_ms,
    stalled_ms / (stalled_ms + playing_ms) AS rebuffer_ratio
FROM openqoe.agg AS v
WHERE time >= {since:DateTime('UTC')} AND time < {until:DateTime('UTC')}
      AND org_id = {org:String};
