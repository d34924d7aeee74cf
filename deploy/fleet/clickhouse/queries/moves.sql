-- Views that were seen by several edges, and the time that no edge saw.

SELECT
    edges,
    count() AS views,
    sum(v.handover_ms) AS handover_ms,
    sum(v.overlap_ms) AS overlap_ms,
    sum(v.playing_ms) AS playing_ms
FROM openqoe.views(since = {since:DateTime('UTC')},
                   until = {until:DateTime('UTC')}) AS v
WHERE org_id = {org:String}
GROUP BY edges
ORDER BY edges;
