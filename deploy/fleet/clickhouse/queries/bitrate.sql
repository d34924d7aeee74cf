-- The mean video bitrate over the time of playing, bit/s.

SELECT sum(v.bitrate_ms) / sum(v.bitrate_time_ms) AS bitrate
FROM openqoe.agg AS v
WHERE time >= {since:DateTime('UTC')} AND time < {until:DateTime('UTC')}
      AND org_id = {org:String};
