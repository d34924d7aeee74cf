-- The exact sums, from the views themselves, with no table between.

SELECT
    count() AS views,
    countIf(v.started) AS started,
    sum(v.playing_ms) AS playing_ms,
    sum(v.stalled_ms) AS stalled_ms,
    sum(v.stalls) AS stalls,
    sum(v.errors) AS errors,
    sum(v.handover_ms) AS handover_ms,
    sum(v.overlap_ms) AS overlap_ms,
    count(v.startup_ms) AS startups,
    sum(v.startup_ms) AS startup_ms,
    uniqExact(v.viewer_hash) AS viewers
FROM openqoe.views(since = {since:DateTime('UTC')},
                   until = {until:DateTime('UTC')}) AS v
WHERE org_id = {org:String};
