-- What is watched most, over all edges.  It reads every view of the time.

SELECT
    video_id,
    any(v.video_title) AS title,
    count() AS views,
    uniqExact(v.viewer_hash) AS viewers,
    sum(v.playing_ms) AS playing_ms,
    sum(v.stalled_ms) / (sum(v.stalled_ms) + sum(v.playing_ms)) AS rebuffer_ratio
FROM openqoe.views(since = {since:DateTime('UTC')},
                   until = {until:DateTime('UTC')}) AS v
WHERE org_id = {org:String}
GROUP BY video_id
ORDER BY views DESC, video_id
LIMIT 10;
