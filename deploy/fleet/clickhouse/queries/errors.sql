-- What fails, by the last error of each view.  It reads every view of the time.

SELECT
    error_type,
    error_code,
    count() AS views,
    countIf(v.outcome IN ('startup_failure', 'playback_failure')) AS failed
FROM openqoe.views(since = {since:DateTime('UTC')},
                   until = {until:DateTime('UTC')}) AS v
WHERE org_id = {org:String} AND error_type != ''
GROUP BY error_type, error_code
ORDER BY views DESC
LIMIT 50;
