-- What each edge has said, and when last: an edge that is lost or late shows here.
-- Sums of parts, not of views: a view that moved is in several lines.

SELECT
    edge,
    count() AS parts,
    countIf(v.final) AS final,
    max(v.end) AS last_event,
    sum(v.playing_ms) AS playing_ms
FROM openqoe.part AS v FINAL
WHERE start >= {since:DateTime('UTC')} AND start < {until:DateTime('UTC')}
      AND org_id = {org:String}
GROUP BY edge
ORDER BY edge;
