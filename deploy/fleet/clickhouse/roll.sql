-- The hours of one day, from its views: every night for yesterday and the day
-- before, and again for a day of which a spool came late.  The day is replaced
-- at once, so it can be done at any time, and twice:
--
--     clickhouse-client --param_day=2026-01-31 --multiquery < roll.sql

TRUNCATE TABLE openqoe.agg_1h_day;

INSERT INTO openqoe.agg_1h_day
SELECT * EXCEPT hourly
FROM openqoe.sums(since = toDateTime({day:Date}, 'UTC'),
                  until = toDateTime({day:Date}, 'UTC') + INTERVAL 1 DAY,
                  step = 'hour');

ALTER TABLE openqoe.agg_1h REPLACE PARTITION {day:Date}
FROM openqoe.agg_1h_day;
