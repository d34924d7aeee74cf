-- Stalls, how many views had any, and how many come in an hour of playing.

SELECT
    sum(v.stalls) AS stalls,
    sum(v.stalled_views) AS stalled_views,
    stalled_views / sum(v.started) AS stalled_share,
    stalls / (sum(v.playing_ms) / 3600000) AS stalls_an_hour
FROM openqoe.agg AS v
WHERE time >= {since:DateTime('UTC')} AND time < {until:DateTime('UTC')}
      AND org_id = {org:String};
