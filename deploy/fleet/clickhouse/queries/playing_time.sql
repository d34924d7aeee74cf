-- How long was watched, and the most that moves between edges may hide of it.

SELECT
    sum(v.playing_ms) AS playing_ms,
    playing_ms / 3600000 AS hours,
    playing_ms / sum(v.started) / 60000 AS minutes_a_view,
    sum(v.handover_ms) AS handover_ms,
    sum(v.overlap_ms) AS overlap_ms
FROM openqoe.agg AS v
WHERE time >= {since:DateTime('UTC')} AND time < {until:DateTime('UTC')}
      AND org_id = {org:String};
