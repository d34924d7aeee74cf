-- The centre of a fleet in ClickHouse: what the Collector's ClickHouse exporter
-- inserts, the records of views, the views, and their sums by the minute.
-- docs/fleet.md says why each table is as it is.  Every statement can be run
-- again:
--
--     clickhouse-client --multiquery < schema.sql

CREATE DATABASE IF NOT EXISTS openqoe;


-- What the exporter inserts into (create_schema: false, database: openqoe).  It
-- keeps nothing: the columns of this table that are of use go into `part`.

CREATE TABLE IF NOT EXISTS openqoe.otel_logs
(
    Timestamp           DateTime64(9),
    TraceId             String,
    SpanId              String,
    TraceFlags          UInt8,
    SeverityText        LowCardinality(String),
    SeverityNumber      UInt8,
    ServiceName         LowCardinality(String),
    Body                String,
    ResourceSchemaUrl   LowCardinality(String),
    ResourceAttributes  Map(LowCardinality(String), String),
    ScopeSchemaUrl      LowCardinality(String),
    ScopeName           String,
    ScopeVersion        LowCardinality(String),
    ScopeAttributes     Map(LowCardinality(String), String),
    LogAttributes       Map(LowCardinality(String), String),
    EventName           String
)
ENGINE = Null;


-- The records: of each view and edge the one that says most.  The sorting key
-- is a record's identity, so a record that comes twice, or late, changes
-- nothing.  A final record stands over all others of its identity, else the
-- highest number does.  The partition is of the identity, too: rows that
-- replace one another are always in the same one, and a whole day goes at its
-- end.  An edge refuses event times that are off by more than a day, so clients
-- with wrong clocks cannot make partitions.

CREATE TABLE IF NOT EXISTS openqoe.part
(
    org_id           LowCardinality(String),
    start            DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    session_id       String CODEC(ZSTD(1)),
    view_id          String CODEC(ZSTD(1)),
    play             UInt32 CODEC(ZSTD(1)),
    edge             LowCardinality(String),
    config_hash      LowCardinality(String),
    rank             UInt64 CODEC(T64, ZSTD(1)),
    end              DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    final            Bool,
    started          Bool,
    continued        Bool,
    outcome          LowCardinality(String),
    end_reason       LowCardinality(String),
    error_type       LowCardinality(String),
    error_code       LowCardinality(String),
    viewer_hash      String CODEC(ZSTD(1)),
    events           UInt32 CODEC(T64, ZSTD(1)),
    startup_ms       Nullable(Float32) CODEC(ZSTD(1)),
    playing_ms       UInt64 CODEC(T64, ZSTD(1)),
    watched_ms       UInt64 CODEC(T64, ZSTD(1)),
    paused_ms        UInt64 CODEC(T64, ZSTD(1)),
    seeking_ms       UInt64 CODEC(T64, ZSTD(1)),
    hidden_ms        UInt64 CODEC(T64, ZSTD(1)),
    stalled_ms       UInt64 CODEC(T64, ZSTD(1)),
    longest_stall_ms UInt32 CODEC(T64, ZSTD(1)),
    stalls           UInt32 CODEC(T64, ZSTD(1)),
    pauses           UInt32 CODEC(T64, ZSTD(1)),
    seeks            UInt32 CODEC(T64, ZSTD(1)),
    errors           UInt32 CODEC(T64, ZSTD(1)),
    switches_up      UInt32 CODEC(T64, ZSTD(1)),
    switches_down    UInt32 CODEC(T64, ZSTD(1)),
    dropped_frames   UInt64 CODEC(T64, ZSTD(1)),
    bitrate          Nullable(Float32) CODEC(ZSTD(1)),
    height           Nullable(Float32) CODEC(ZSTD(1)),
    completion       Nullable(Float32) CODEC(ZSTD(1)),
    experience_score Nullable(Float32) CODEC(ZSTD(1)),
    env              LowCardinality(String),
    app_name         LowCardinality(String),
    app_version      LowCardinality(String),
    player_id        LowCardinality(String),
    player_name      LowCardinality(String),
    device_category  LowCardinality(String),
    os_family        LowCardinality(String),
    browser_family   LowCardinality(String),
    content_type     LowCardinality(String),
    network_country  LowCardinality(String),
    network_asn      LowCardinality(String),
    cdn_provider     LowCardinality(String),
    video_id         String CODEC(ZSTD(1)),
    video_title      String CODEC(ZSTD(1)),

    -- attributes that have no column: dimensions of your own
    more             Map(LowCardinality(String), String) CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(rank)
PARTITION BY toDate(start)
ORDER BY (org_id, toStartOfHour(start), session_id, view_id, start, play, edge)
TTL toDateTime(start) + INTERVAL 90 DAY
SETTINGS ttl_only_drop_parts = 1;


-- A record is known by its number, not by EventName: an exporter that started
-- while this database was away leaves that column out.

CREATE MATERIALIZED VIEW IF NOT EXISTS openqoe.part_mv TO openqoe.part AS
WITH
    LogAttributes AS a,
    a['openqoe.view.final'] = 'true' AS is_final,
    (name -> toUInt64OrZero(a[name])) AS count
SELECT
    a['org_id'] AS org_id,
    fromUnixTimestamp64Milli(toInt64OrZero(a['openqoe.view.start_ms']), 'UTC')
        AS start,
    a['session_id'] AS session_id,
    a['view_id'] AS view_id,
    toUInt32OrZero(a['openqoe.view.play']) AS play,
    if(a['openqoe.edge'] != '', a['openqoe.edge'],
       ResourceAttributes['service.instance.id']) AS edge,
    ResourceAttributes['openqoe.config.hash'] AS config_hash,
    toUInt64OrZero(a['openqoe.view.seq']) + if(is_final, 4294967296, 0)
        AS rank,
    fromUnixTimestamp64Milli(toInt64OrZero(a['openqoe.view.end_ms']), 'UTC')
        AS end,
    is_final AS final,
    a['openqoe.view.started'] = 'true' AS started,
    a['openqoe.view.continued'] = 'true' AS continued,
    a['openqoe.view.outcome'] AS outcome,
    a['openqoe.view.end_reason'] AS end_reason,
    a['error.type'] AS error_type,
    a['error_code'] AS error_code,
    a['viewer_hash'] AS viewer_hash,
    toUInt32OrZero(a['openqoe.view.events']) AS events,
    toFloat32OrNull(a['openqoe.view.startup_ms']) AS startup_ms,
    toUInt64OrZero(a['openqoe.view.playing_ms']) AS playing_ms,
    toUInt64OrZero(a['openqoe.view.watched_ms']) AS watched_ms,
    toUInt64OrZero(a['openqoe.view.paused_ms']) AS paused_ms,
    toUInt64OrZero(a['openqoe.view.seeking_ms']) AS seeking_ms,
    toUInt64OrZero(a['openqoe.view.hidden_ms']) AS hidden_ms,
    toUInt64OrZero(a['openqoe.view.stalled_ms']) AS stalled_ms,
    toUInt32OrZero(a['openqoe.view.longest_stall_ms']) AS longest_stall_ms,
    toUInt32OrZero(a['openqoe.view.stalls']) AS stalls,
    toUInt32OrZero(a['openqoe.view.pauses']) AS pauses,
    toUInt32OrZero(a['openqoe.view.seeks']) AS seeks,
    toUInt32OrZero(a['openqoe.view.errors']) AS errors,
    toUInt32OrZero(a['openqoe.view.switches_up']) AS switches_up,
    toUInt32OrZero(a['openqoe.view.switches_down']) AS switches_down,
    toUInt64OrZero(a['openqoe.view.dropped_frames']) AS dropped_frames,
    toFloat32OrNull(a['openqoe.view.bitrate']) AS bitrate,
    toFloat32OrNull(a['openqoe.view.height']) AS height,
    toFloat32OrNull(a['openqoe.view.completion']) AS completion,
    toFloat32OrNull(a['openqoe.view.experience_score']) AS experience_score,
    a['env'] AS env,
    a['app_name'] AS app_name,
    a['app_version'] AS app_version,
    a['player_id'] AS player_id,
    a['player_name'] AS player_name,
    a['device_category'] AS device_category,
    a['os_family'] AS os_family,
    a['browser_family'] AS browser_family,
    a['content_type'] AS content_type,
    a['network_country'] AS network_country,
    a['network_asn'] AS network_asn,
    a['cdn_provider'] AS cdn_provider,
    a['video_id'] AS video_id,
    a['video_title'] AS video_title,
    mapFilter((k, v) -> k NOT LIKE 'openqoe.%' AND k NOT IN ('org_id',
        'session_id', 'view_id', 'error.type', 'error_code', 'viewer_hash',
        'env', 'app_name', 'app_version', 'player_id', 'player_name',
        'device_category', 'os_family', 'browser_family', 'content_type',
        'network_country', 'network_asn', 'cdn_provider', 'video_id',
        'video_title'), a) AS more
FROM openqoe.otel_logs
WHERE mapContains(LogAttributes, 'openqoe.view.seq');


-- The views that begin from `since` to `until`: the records of all edges of a
-- view together.
--
-- A session has a view for each video that it plays, and may call several of
-- them by one view_id.  So the records of an id are put in the order of time,
-- and one begins another view where all before it are over, the last of them
-- for good (ended, detached, replaced; not silent: a session that goes to
-- another edge falls silent where it was) or of another video.  `play` does not
-- help: each edge counts for itself.
--
-- Numbers are added up.  The startup is the least that an edge saw: an edge to
-- which a session came later saw none.  The outcome is that of the last
-- record, once it is final, and until then `alive`, or `unfinished` where no
-- record has come for two hours, as of an edge that is lost.
--
-- handover_ms is the time that no edge saw, from the last event at the one to
-- the first at the next: playing_ms + handover_ms is the most that a view can
-- have played.  overlap_ms is the time that several edges saw, of a session
-- whose requests go to and fro: each of them fills the holes in what it saw, so
-- as much of that time as the later one played is taken off once.
--
-- Records of a view that are more than 12 h apart are two views.

CREATE OR REPLACE VIEW openqoe.views AS
WITH
    parts AS
    (
        SELECT
            *,
            toUnixTimestamp64Milli(start) AS start_ms,
            toUnixTimestamp64Milli(end) AS end_ms,
            max(end_ms) OVER before AS seen_ms,
            argMax(toString(end_reason), end_ms) OVER before AS past_reason,
            argMax(video_id, end_ms) OVER before AS past_video,
            count() OVER before = 0
                OR (start_ms >= seen_ms
                    AND (past_reason IN ('ended', 'detached', 'replaced')
                         OR (past_video != video_id AND past_video != ''
                             AND video_id != ''))) AS begins
        FROM openqoe.part FINAL
        WHERE start >= {since:DateTime('UTC')} - INTERVAL 12 HOUR
              AND start < {until:DateTime('UTC')} + INTERVAL 12 HOUR
              AND toStartOfHour(start)
                  >= toStartOfHour({since:DateTime('UTC')} - INTERVAL 12 HOUR)
        WINDOW before AS (PARTITION BY org_id, session_id, view_id
                          ORDER BY start, end, edge, play
                          ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
    ),
    numbered AS
    (
        SELECT
            *,
            sum(begins) OVER (PARTITION BY org_id, session_id, view_id
                              ORDER BY start, end, edge, play
                              ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
                AS number,
            if(begins, 0, greatest(start_ms - seen_ms, 0)) AS hole_ms,
            if(begins, 0, greatest(least(end_ms, seen_ms) - start_ms, 0))
                AS twice_ms
        FROM parts
    )
SELECT
    org_id,
    session_id,
    view_id,
    number,
    min(p.start) AS start,
    max(p.end) AS end,
    uniqExact(edge) AS edges,
    argMax(edge, (p.end, p.final)) AS last_edge,
    argMax(p.final, (p.end, p.final)) AS final,
    max(p.started) AS started,
    multiIf(argMax(p.final, (p.end, p.final)),
            argMax(toString(p.outcome), (p.end, p.final)),
            max(p.end) < now() - INTERVAL 2 HOUR, 'unfinished', 'alive')
        AS outcome,
    argMax(p.end_reason, (p.end, p.final)) AS end_reason,
    argMaxIf(p.error_type, p.end, p.error_type != '') AS error_type,
    argMaxIf(p.error_code, p.end, p.error_code != '') AS error_code,
    max(p.viewer_hash) AS viewer_hash,
    sum(p.events) AS events,
    min(p.startup_ms) AS startup_ms,
    toUInt64(greatest(
        sum(p.playing_ms)
            - sumIf(twice_ms * least(p.playing_ms / (end_ms - start_ms), 1),
                    twice_ms > 0),
        toFloat64(max(p.playing_ms)))) AS playing_ms,
    sum(p.watched_ms) AS watched_ms,
    sum(p.paused_ms) AS paused_ms,
    sum(p.seeking_ms) AS seeking_ms,
    sum(p.hidden_ms) AS hidden_ms,
    sum(p.stalled_ms) AS stalled_ms,
    max(p.longest_stall_ms) AS longest_stall_ms,
    sum(p.stalls) AS stalls,
    sum(p.pauses) AS pauses,
    sum(p.seeks) AS seeks,
    sum(p.errors) AS errors,
    sum(p.switches_up) AS switches_up,
    sum(p.switches_down) AS switches_down,
    sum(p.dropped_frames) AS dropped_frames,
    sum(hole_ms) AS handover_ms,
    sum(twice_ms) AS overlap_ms,
    avgWeighted(p.bitrate, p.playing_ms) AS bitrate,
    avgWeighted(p.height, p.playing_ms) AS height,
    max(p.completion) AS completion,
    argMax(p.experience_score, (p.end, p.final)) AS experience_score,
    argMax(p.env, p.end) AS env,
    argMax(p.app_name, p.end) AS app_name,
    argMax(p.app_version, p.end) AS app_version,
    argMax(p.player_id, p.end) AS player_id,
    argMax(p.player_name, p.end) AS player_name,
    argMax(p.device_category, p.end) AS device_category,
    argMax(p.os_family, p.end) AS os_family,
    argMax(p.browser_family, p.end) AS browser_family,
    argMax(p.content_type, p.end) AS content_type,
    argMax(p.network_country, p.end) AS network_country,
    argMax(p.network_asn, p.end) AS network_asn,
    argMax(p.cdn_provider, p.end) AS cdn_provider,
    argMax(p.video_id, p.end) AS video_id,
    argMax(p.video_title, p.end) AS video_title
FROM numbered AS p
GROUP BY org_id, session_id, view_id, number
HAVING min(p.start) >= {since:DateTime('UTC')} AND min(p.start) < {until:DateTime('UTC')};


-- The sums of views by the time at which they begin, as both tables below have
-- them: some rows for a minute or an hour in place of all views.

CREATE OR REPLACE VIEW openqoe.sums AS
SELECT
    org_id,
    {step:String} = 'hour' AS hourly,
    if(hourly, toStartOfHour(v.start), toStartOfMinute(v.start)) AS time,
    app_name,
    player_name,
    device_category,
    content_type,
    network_country,
    cdn_provider,
    outcome,
    count() AS views,
    countIf(v.started) AS started,
    countIf(v.stalls > 0) AS stalled_views,
    sum(v.playing_ms) AS playing_ms,
    sum(v.stalled_ms) AS stalled_ms,
    sum(v.handover_ms) AS handover_ms,
    sum(v.overlap_ms) AS overlap_ms,
    sum(v.stalls) AS stalls,
    sum(v.errors) AS errors,
    sum(v.dropped_frames) AS dropped_frames,
    sum(if(isFinite(v.bitrate), v.bitrate * v.playing_ms, 0)) AS bitrate_ms,
    sumIf(v.playing_ms, isFinite(v.bitrate)) AS bitrate_time_ms,
    sum(ifNull(v.startup_ms, 0)) AS startup_ms,
    countIf(v.startup_ms IS NOT NULL) AS startups,
    quantilesDDState(0.01, 0.5, 0.9, 0.95, 0.99)(v.startup_ms) AS startup,
    uniqCombined64State(14)(v.viewer_hash) AS viewers
FROM openqoe.views(since = {since:DateTime('UTC')},
                   until = {until:DateTime('UTC')}) AS v
GROUP BY org_id, hourly, time, app_name, player_name, device_category,
         content_type, network_country, cdn_provider, outcome;


-- By the minute, of today and yesterday.  It is made anew from the views every
-- minute, never added to by what is inserted: so what comes twice, late, or is
-- replaced by a newer record is right in it.

CREATE TABLE IF NOT EXISTS openqoe.agg_1m
(
    org_id           LowCardinality(String),
    time             DateTime('UTC'),
    app_name         LowCardinality(String),
    player_name      LowCardinality(String),
    device_category  LowCardinality(String),
    content_type     LowCardinality(String),
    network_country  LowCardinality(String),
    cdn_provider     LowCardinality(String),
    outcome          LowCardinality(String),
    views            SimpleAggregateFunction(sum, UInt64),
    started          SimpleAggregateFunction(sum, UInt64),
    stalled_views    SimpleAggregateFunction(sum, UInt64),
    playing_ms       SimpleAggregateFunction(sum, UInt64),
    stalled_ms       SimpleAggregateFunction(sum, UInt64),
    handover_ms      SimpleAggregateFunction(sum, Int64),
    overlap_ms       SimpleAggregateFunction(sum, Int64),
    stalls           SimpleAggregateFunction(sum, UInt64),
    errors           SimpleAggregateFunction(sum, UInt64),
    dropped_frames   SimpleAggregateFunction(sum, UInt64),
    bitrate_ms       SimpleAggregateFunction(sum, Float64),
    bitrate_time_ms  SimpleAggregateFunction(sum, UInt64),
    startup_ms       SimpleAggregateFunction(sum, Float64),
    startups         SimpleAggregateFunction(sum, UInt64),
    startup          AggregateFunction(quantilesDD(0.01, 0.5, 0.9, 0.95, 0.99),
                                       Nullable(Float32)),
    viewers          AggregateFunction(uniqCombined64(14), String)
)
ENGINE = AggregatingMergeTree
ORDER BY (org_id, time, app_name, player_name, device_category, content_type,
          network_country, cdn_provider, outcome);

CREATE MATERIALIZED VIEW IF NOT EXISTS openqoe.agg_1m_mv
REFRESH EVERY 1 MINUTE
TO openqoe.agg_1m AS
SELECT * EXCEPT hourly
FROM openqoe.sums(since = toStartOfDay(now('UTC')) - INTERVAL 1 DAY,
                  until = now('UTC') + INTERVAL 1 HOUR, step = 'minute');


-- By the hour, of the days before: roll.sql makes a day of it.

CREATE TABLE IF NOT EXISTS openqoe.agg_1h AS openqoe.agg_1m
ENGINE = AggregatingMergeTree
PARTITION BY toDate(time)
ORDER BY (org_id, time, app_name, player_name, device_category, content_type,
          network_country, cdn_provider, outcome)
TTL time + INTERVAL 800 DAY
SETTINGS ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS openqoe.agg_1h_day AS openqoe.agg_1h;


-- Both, for queries that look at any time.

CREATE OR REPLACE VIEW openqoe.agg AS
SELECT * FROM openqoe.agg_1m
WHERE time >= toStartOfDay(now('UTC')) - INTERVAL 1 DAY
UNION ALL
SELECT * FROM openqoe.agg_1h
WHERE time < toStartOfDay(now('UTC')) - INTERVAL 1 DAY;
