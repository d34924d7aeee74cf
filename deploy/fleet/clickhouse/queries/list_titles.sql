-- The titles that were watched most, a line each: a list for all edges,
-- openqoe_dimension video_title allow file=PATH.  Write it beside its place and
-- rename it there (clickhouse-client --format TSVRaw).

SELECT replaceRegexpAll(video_title, '[[:cntrl:]]', ' ') AS title
FROM openqoe.views(since = {since:DateTime('UTC')},
                   until = {until:DateTime('UTC')}) AS v
WHERE org_id = {org:String} AND video_title != ''
GROUP BY title
ORDER BY count() DESC, title
LIMIT 100;
