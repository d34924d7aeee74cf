
/*
 * Copyright (C) OpenQoE
 *
 * The view state machine: every row of the catalogue that is its own, and
 * what keeps the rows right when players and clocks do not behave.
 */


#include "view_events.h"


/*
 * A row: events of one view a second apart, "end" ends it; what the metric
 * says then.
 */

static const struct {
    qoe_metric_id_t    metric;
    size_t             count;
    double             sum;
    const char        *extra;
    const char        *events[8][2];
} rows[] = {
#define ROW(id, count, sum, extra, ...)                                       \
    { QOE_METRIC_##id, count, sum, extra, { __VA_ARGS__ } },

    ROW(EVENTS_TOTAL, 2, 2, "event_type=my_type",
        { "fpsdrop", "" }, { "my_type", "" })
    ROW(PAGE_LOAD_TIME, 1, 850, "", { "manifestload", "page_load_time=850" })
    ROW(PLAYER_STARTUP_TIME, 1, 120, "",
        { "playerready", "player_startup_time=120" })
    ROW(VIDEO_STARTUP_TIME, 1, 400, "",
        { "playerready", "player_startup_time=100" },
        { "canplay", "video_startup_time=500" },
        { "playing", "video_startup_time=900" },
        { "canplay", "video_startup_time=500" })
    ROW(VIDEO_STARTUP_TIME, 1, 50, "",
        { "playerready", "player_startup_time=100" },
        { "canplay", "" },
        { "playing", "video_startup_time=50" })
    ROW(VIDEO_STARTUP_SECONDS, 1, 0.9, "",
        { "playing", "" }, { "playing", "video_startup_time=900" })
    ROW(VIEWS_STARTED_TOTAL, 1, 1, "",
        { "playing", "" }, { "pause", "" }, { "playing", "" })
    ROW(VIEW_STARTED_TOTAL, 1, 1, "",
        { "playing", "" }, { "pause", "" }, { "playing", "" })
    ROW(VIEWS_COMPLETED_TOTAL, 1, 1, "",
        { "playing", "" }, { "ended", "" }, { "ended", "" })
    ROW(PAUSE_EVENTS_TOTAL, 2, 2, "", { "pause", "" }, { "pause", "" })
    ROW(PAUSE_PLAYING_TIME, 1, 5000, "", { "pause", "playing_time=5000" })
    ROW(PLAYING_TIME, 1, 61000, "", { "ended", "playing_time=61000" })
    ROW(COMPLETION_RATE, 1, 0.5, "", { "ended", "completion_rate=0.5" })
    ROW(COMPLETION_RATE, 1, 1, "", { "ended", "completion_rate=1.05" })
    ROW(COMPLETION_RATE, 0, 0, "", { "ended", "completion_rate=85" })
    ROW(SEEK_TOTAL, 1, 1, "", { "seek", "" })
    ROW(SEEK_LATENCY, 1, 250, "", { "seek", "seek_latency=250" })
    ROW(SEEK_LATENCY_SECONDS, 1, 0.25, "", { "seek", "seek_latency=250" })
    ROW(REBUFFER_EVENTS_COUNT, 2, 2, "",
        { "playing", "" }, { "stallstart", "" }, { "stallstart", "" },
        { "stallend", "" }, { "stallstart", "" }, { "stallend", "" })
    ROW(REBUFFER_EVENTS_TOTAL, 1, 1, "", { "stallstart", "" })
    ROW(REBUFFER_DURATION, 2, 3500, "",
        { "playing", "" }, { "stallstart", "" }, { "stallstart", "" },
        { "stallend", "" }, { "stallend", "stall_duration=1500" },
        { "stallend", "" })
    ROW(REBUFFER_DURATION_SECONDS, 1, 0, "",
        { "stallend", "stall_duration=0" })
    ROW(STALL_POSITION, 1, 12500, "",
        { "stallend", "stall_position_secs=12.5" })
    ROW(BUFFER_LENGTH, 3, 1500, "media_type=audio,is_outlier=true",
        { "heartbeat", "buffer_len_ms=1500" },
        { "stallstart", "buffer_len_ms=0" },
        { "bufferlevelchange",
          "buffer_len_ms=0 media_type=audio is_outlier=1" })
    ROW(BUFFER_LENGTH_SECONDS, 1, 1.5, "media_type=audio",
        { "bufferlevelchange",
          "buffer_len_ms=1500 media_type=audio is_outlier=0" })
    ROW(BUFFER_INSTABILITY_INDEX, 1, -2.5, "is_outlier=false",
        { "bufferlevelchange", "z_score=-2.5 is_outlier=0" })
    ROW(ERRORS_TOTAL, 2, 2, "error_family=network,error_code=404",
        { "error", "" },
        { "error", "error_family=network error_code=404" })
    ROW(QUARTILE_REACHED_TOTAL, 2, 2, "quartile=50",
        { "quartile", "quartile=25" }, { "quartile", "quartile=25" },
        { "quartile", "quartile=30" }, { "quartile", "quartile=50" })
    ROW(HEART_BEAT_PLAYING_TIME, 1, 9000, "",
        { "heartbeat", "playing_time=9000" })
    ROW(HEARTBEAT_PLAYING_TIME_SECONDS, 1, 9, "",
        { "heartbeat", "playing_time=9000" })
    ROW(HEART_BEAT_RATE_BPS, 3, 5000000, "",
        { "heartbeat", "bitrate=2000 player=DashJS" },
        { "heartbeat", "bitrate=1000 player=dash.js" },
        { "heartbeat", "bitrate=2000000 player=shaka" },
        { "heartbeat", "bitrate=0" }, { "heartbeat", "bitrate=-1" })
    ROW(DROPPED_FRAMES_TOTAL, 3, 19, "",
        { "heartbeat", "dropped_frames=5" },
        { "heartbeat", "dropped_frames=12" },
        { "heartbeat", "dropped_frames=12" },
        { "heartbeat", "dropped_frames=7" })
    ROW(EXIT_WITHOUT_PLAY, 1, 1, "", { "canplay", "" }, { "end", "" })
    ROW(STAY_DURATION, 2, 5000, "",
        { "playing", "" }, { "pause", "" }, { "moveaway", "" },
        { "moveaway", "" }, { "moveback", "" }, { "playing", "" },
        { "pause", "" }, { "playbackdetached", "" })
    ROW(NETWORK_LATENCY, 1, 45, "media_type=video,is_outlier=false",
        { "fragmentloaded", "ttfb_ms=45 media_type=video is_outlier=0" })
    ROW(NETWORK_LATENCY_DEVIATION, 1, -0.25, "media_type=video",
        { "fragmentloaded", "z_score=-0.25 media_type=video" })
    ROW(FRAGMENT_DURATION, 1, 4, "media_type=video",
        { "fragmentloaded", "frag_duration=4 media_type=video" })
    ROW(FRAGMENT_SIZE, 1, 1000, "",
        { "fragmentloaded", "size_bytes=1000 is_outlier=0" })
    ROW(BUFFERED_DURATION, 2, 6.5, "media_type=audio",
        { "fragmentloaded", "frag_duration=4 media_type=video" },
        { "fragmentloaded", "frag_duration=2.5 media_type=audio" })
    ROW(NETWORK_BANDWIDTH, 1, 1000001, "media_type=video,codec=avc1",
        { "bandwidthchange",
          "bandwidth=1000000.6 media_type=video codec=avc1" })
    ROW(BITRATE_CHANGE, 2, 2300000, "media_type=video,direction=down",
        { "qualitychangerequested",
          "old.bitrate_kb=1000 new.bitrate_kb=2500 media_type=video" },
        { "qualitychange", "bitrate_kb=2500 media_type=video" },
        { "qualitychangerequested", "new.bitrate_kb=1700 media_type=video" },
        { "qualitychangerequested",
          "old.bitrate_kb=900 new.bitrate_kb=900 media_type=video" })
    ROW(QUALITY_CHANGE_REQUEST_TOTAL, 1, 1, "media_type=audio",
        { "qualitychangerequested", "media_type=audio" })
    ROW(QUALITY_CHANGE_TOTAL, 1, 1,
        "media_type=video,codec=avc1,framerate=29.97",
        { "qualitychange",
          "media_type=video codec=avc1 framerate=29.97003 bitrate_kb=1" })
    ROW(QUALITY_CHANGE_TOTAL, 2, 2, "framerate=30",
        { "qualitychange", "" }, { "qualitychange", "framerate=30.001" })
    ROW(QUALITY_CHANGE_LATENCY, 1, 2000, "media_type=video,codec=vp9",
        { "qualitychangerequested", "media_type=video" },
        { "qualitychange", "media_type=audio bitrate_kb=64" },
        { "qualitychange", "media_type=video bitrate_kb=1000 codec=vp9" },
        { "qualitychange", "media_type=video bitrate_kb=1000 codec=vp9" })
    ROW(QUALITY_CHANGE_BITRATE_BPS, 2, 3000000, "media_type=video",
        { "qualitychange", "bitrate_kb=1000" },
        { "qualitychange", "bitrate=2000000 media_type=video" })
    ROW(QUALITY_CHANGE_OLD_BITRATE_BPS, 1, 1000000, "",
        { "qualitychange", "bitrate_kb=1000" },
        { "qualitychange", "bitrate_kb=2000" })
    ROW(FRAMERATE, 2, 55, "media_type=video",
        { "playing", "framerate=25" },
        { "qualitychange", "framerate=30 media_type=video" },
        { "qualitychange", "framerate=0" })
    ROW(RESOLUTION_TOTAL, 3, 3, "resolution=4k",
        { "playing", "resolution.width=1920 resolution.height=1080" },
        { "playing", "resolution.width=1920 resolution.height=1080" },
        { "qualitychange", "media_type=video" },
        { "qualitychange", "media_type=audio" },
        { "qualitychange", "video_width=3840 video_height=2160" })
    ROW(TIME_WEIGHTED_AVERAGE_BITRATE, 2, 1000 + 1500, "media_type=video",
        { "playing", "bitrate=1000000 media_type=video" },
        { "qualitychange", "bitrate_kb=2000 media_type=video" },
        { "end", "" })
    ROW(TIME_WEIGHTED_AVERAGE_RESOLUTION, 2, 230400 + 576000, "",
        { "playing", "resolution.width=640 resolution.height=360" },
        { "qualitychange",
          "resolution.width=1280 resolution.height=720 media_type=video" },
        { "end", "" })
    ROW(PERCEIVED_QUALITY_INDEX, 1, 0.1, "codec=avc1",
        { "qualitychange", "bitrate_kb=2764.8 framerate=30 codec=avc1 "
          "resolution.width=1280 resolution.height=720" },
        { "qualitychange", "bitrate_kb=2764.8 codec=avc1 "
          "resolution.width=1280 resolution.height=720" },
        { "qualitychange", "bitrate_kb=2764.8 framerate=30 media_type=audio "
          "resolution.width=1280 resolution.height=720" })
    ROW(RESOLUTION_TO_PLAYER_RATIO, 1, 1, "",
        { "qualitychange", "video_width=1280 video_height=720 "
          "player_width=640 player_height=360 device_pixel_ratio=2" },
        { "qualitychange", "video_width=1280 video_height=720" })
    ROW(REBUFFER_COUNT, 1, 1, "",
        { "stallstart", "" }, { "playing", "" }, { "stallstart", "" },
        { "stallend", "" }, { "end", "" })
    ROW(BITRATE, 3, 3500000, "media_type=video",
        { "playing", "bitrate=500000" }, { "heartbeat", "bitrate=1000000" },
        { "qualitychange", "bitrate_kb=2000 media_type=video" })
    ROW(QUALITY_CHANGES_TOTAL, 3, 3, "media_type=video,change_direction=down",
        { "qualitychange", "bitrate_kb=1000 media_type=video" },
        { "qualitychange", "bitrate_kb=2000 media_type=video" },
        { "qualitychange", "bitrate_kb=500 media_type=video" })
    ROW(QUALITY_CHANGES_TOTAL, 1, 1, "change_direction=same",
        { "qualitychange", "bitrate_kb=1000" })
    ROW(PLAYING_TIME_SECONDS, 3, 3, "",
        { "canplay", "" }, { "playing", "" }, { "heartbeat", "" },
        { "stallstart", "" }, { "stallend", "" }, { "pause", "" })
    ROW(VIEWS_TOTAL, 1, 1, "outcome=completed",
        { "playing", "" }, { "error", "" }, { "ended", "" })
    ROW(VIEWS_TOTAL, 1, 1, "outcome=played",
        { "playing", "" }, { "error", "error_context.fatal=0" },
        { "playbackdetached", "" })
    ROW(VIEWS_TOTAL, 1, 1, "outcome=exit_before_start",
        { "playerready", "" }, { "end", "" })
    ROW(VIEWS_TOTAL, 1, 1, "outcome=startup_failure",
        { "playerready", "" }, { "error", "" }, { "end", "" })
    ROW(VIEWS_TOTAL, 1, 1, "outcome=playback_failure",
        { "playing", "" }, { "error", "" }, { "heartbeat", "playing_time=0" },
        { "end", "" })
    ROW(VIEWS_TOTAL, 1, 1, "outcome=played",
        { "playing", "" }, { "error", "" },
        { "heartbeat", "playing_time=9" }, { "end", "" })
    ROW(VIEWS_TOTAL, 1, 1, "outcome=playback_failure",
        { "playing", "" }, { "error", "error_context.fatal=1" },
        { "playing", "" }, { "end", "" })
    ROW(AGGREGATE_STARTUP_TIME, 1, 2000, "",
        { "manifestload", "" }, { "canplay", "" }, { "playing", "" },
        { "pause", "" }, { "playing", "" })
    ROW(REBUFFER_RATIO, 1, 0.25, "",
        { "playing", "" }, { "stallstart", "" }, { "stallend", "" },
        { "heartbeat", "" }, { "pause", "" }, { "end", "" })
    ROW(REBUFFER_PERCENTAGE, 1, 0.666667, "",
        { "playing", "" }, { "stallstart", "" }, { "heartbeat", "" },
        { "end", "" })
    ROW(REBUFFER_FREQUENCY, 1, 60, "",
        { "playing", "" }, { "stallstart", "" }, { "end", "" })
    ROW(WEIGHTED_AVERAGE_BITRATE, 1, 1500000, "",
        { "playing", "bitrate=1000000" },
        { "qualitychange", "bitrate_kb=2000" }, { "end", "" })
    ROW(UPSCALE_PERCENTAGE, 1, 0.5, "",
        { "playing", "" },
        { "qualitychange", "video_width=640 video_height=360 "
          "player_width=1280 player_height=720" }, { "end", "" })
    ROW(DOWNSCALE_PERCENTAGE, 1, 1, "",
        { "playing", "video_width=640 video_height=360 "
          "player_width=320 player_height=180" }, { "end", "" })
    ROW(VIDEO_STARTUP_FAILURE_PERCENTAGE, 1, 1, "",
        { "error", "" }, { "end", "" })
    ROW(VIDEO_STARTUP_FAILURE_PERCENTAGE, 1, 0, "",
        { "playing", "" }, { "end", "" })
    ROW(EXITS_BEFORE_VIDEO_START_PERCENTAGE, 1, 1, "",
        { "viewstart", "" }, { "end", "" })
    ROW(PLAYBACK_FAILURE_PERCENTAGE, 1, 1, "",
        { "playing", "" }, { "error", "" }, { "end", "" })
    ROW(PLAYBACK_FAILURE_PERCENTAGE, 0, 0, "", { "error", "" }, { "end", "" })
    ROW(WATCH_TIME_SECONDS, 2, 2, "",
        { "manifestload", "" }, { "playing", "" }, { "pause", "" })
    ROW(STARTUP_TIME_SCORE, 1, 0.890921, "",
        { "manifestload", "" }, { "playing", "" }, { "end", "" })
    ROW(REBUFFER_SCORE, 1, 0.894427, "",
        { "playing", "" }, { "stallstart", "" }, { "end", "" })
    ROW(VIDEO_QUALITY_SCORE, 1, 1, "",
        { "playing", "bitrate=1000000" }, { "pause", "" }, { "end", "" })
    ROW(VIEWER_EXPERIENCE_SCORE, 1, 1, "",
        { "playing", "bitrate=1000000" }, { "pause", "" }, { "end", "" })
    ROW(VIEWER_EXPERIENCE_SCORE, 1, 0, "",
        { "playing", "bitrate=1000000" }, { "error", "" }, { "end", "" })
    ROW(VIEWER_EXPERIENCE_SCORE, 0, 0, "",
        { "playing", "" }, { "end", "" })
};


static int
near(const stream_t *t, qoe_metric_id_t metric, size_t count, double sum,
    const char *extra)
{
    /* scores are written to six digits */

    size_t    i;
    stream_t  rounded;

    rounded = *t;

    for (i = 0; i < rounded.n; i++) {
        if (qoe_metrics[metric].group == QOE_GROUP_VIEW) {
            rounded.log[i].value = round(rounded.log[i].value * 1e6) / 1e6;
        }
    }

    return made(&rounded, metric, count, sum, extra);
}


static void
test_rows(void)
{
    int        seen[QOE_METRICS_N];
    size_t     i, j;
    stream_t  *t;

    memset(seen, 0, sizeof(seen));

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        t = stream();

        for (j = 0; j < 8 && rows[i].events[j][0] != NULL; j++) {

            if (strcmp(rows[i].events[j][0], "end") == 0) {

                /* a second goes by before it */

                event(t, (int64_t) j * 1000, "fpsdrop", "");
                end_view(t);

            } else {
                event(t, (int64_t) j * 1000, rows[i].events[j][0],
                      rows[i].events[j][1]);
            }
        }

        ok(near(t, rows[i].metric, rows[i].count, rows[i].sum,
                rows[i].extra),
           "row %zu: %s", i, qoe_metrics[rows[i].metric].name.data);

        seen[rows[i].metric] += (rows[i].count != 0);
    }

    for (i = 0; i < QOE_METRICS_N; i++) {
        if ((qoe_metrics[i].group
             & (QOE_GROUP_CORE|QOE_GROUP_RULES|QOE_GROUP_VIEW))
            && qoe_metrics[i].kind != QOE_INSTRUMENT_GAUGE_NOW && !seen[i])
        {
            ok(0, "no test makes %s", qoe_metrics[i].name.data);
        }
    }
}


static double
sum_of(const stream_t *t, qoe_metric_id_t metric)
{
    size_t  i;
    double  sum;

    sum = 0;

    for (i = 0; i < t->n; i++) {
        sum += t->log[i].metric == metric ? t->log[i].value : 0;
    }

    return sum;
}


static int
is_ms(const stream_t *t, qoe_metric_id_t metric, double ms)
{
    double  sum;

    sum = sum_of(t, metric) * 1000;

    if (fabs(sum - ms) < 0.5) {
        return 1;
    }

    printf("# %s: %g ms\n", qoe_metrics[metric].name.data, sum);

    return 0;
}


static void
test_life(void)
{
    size_t     n;
    stream_t  *t;

    t = stream();

    event_of(t, 7, 0, "playing", "");
    ok(qoe_view_knows(&t->v, 7) && !qoe_view_knows(&t->v, 8)
       && !qoe_view_knows(&t->v, 0), "a session knows its view");
    ok(qoe_view_due_ms(&t->v, &view_conf) == LOG_START + 120000,
       "silence ends it 2 minutes behind its last event");
    ok(qoe_view_concurrent(&t->v, LOG_START + 30000)
       && !qoe_view_concurrent(&t->v, LOG_START + 30001),
       "it is concurrent for 30 s");

    event_of(t, 7, 1000, "moveaway", "");
    ok(qoe_view_hidden(&t->v)
       && qoe_view_due_ms(&t->v, &view_conf) == LOG_START + 1801000,
       "a hidden one has 30 minutes");

    event_of(t, 8, 2000, "playing", "");
    ok(made(t, QOE_METRIC_VIEWS_TOTAL, 1, 1, "outcome=played"),
       "another view of the session ends the first");
    ok(!qoe_view_hidden(&t->v), "and is not hidden as it was");

    event_of(t, 7, 3000, "error", "");
    ok(t->last == QOE_VIEW_LATE && qoe_view_knows(&t->v, 8),
       "an event of the first is late");
    ok(made(t, QOE_METRIC_ERRORS_TOTAL, 1, 1,
            "error_family=unknown,error_code=unknown"),
       "what it says by itself is counted");

    event_of(t, 7, 4000, "playing", "");
    event_of(t, 7, 4500, "ended", "playing_time=4000");
    ok(made(t, QOE_METRIC_VIEWS_STARTED_TOTAL, 2, 2, "")
       && made(t, QOE_METRIC_VIEWS_COMPLETED_TOTAL, 0, 0, "")
       && made(t, QOE_METRIC_PLAYING_TIME, 1, 4000, ""),
       "what is once a view is not");

    event_of(t, 8, 5000, "ended", "");
    ok(qoe_view_over(&t->v) && !qoe_view_concurrent(&t->v, LOG_START + 5000),
       "ended: it is over");

    event_of(t, 8, 6000, "playing", "");
    ok(t->last == QOE_VIEW_LATE && qoe_view_over(&t->v), "and stays over");

    n = t->n;
    end_view(t);
    ok(t->n == n, "there is nothing to end a second time");

    t = stream();
    event(t, 0, "playing", "");
    event(t, 10000, "heartbeat", "");
    t->again = true;
    event(t, 10000, "heartbeat", "");
    ok(t->last == QOE_VIEW_DUPLICATE
       && made(t, QOE_METRIC_EVENTS_TOTAL, 3, 3, "event_type=heartbeat")
       && is_ms(t, QOE_METRIC_PLAYING_TIME_SECONDS, 10000),
       "a duplicate is counted, and nothing else");
}


static void
test_clock(void)
{
    stream_t  *t;

    t = stream();
    t->delay_ms = 60000;
    event(t, 0, "playing", "");
    t->delay_ms = 30000;
    event(t, 30000, "heartbeat", "");
    t->delay_ms = 0;
    event(t, 60000, "pause", "");
    ok(is_ms(t, QOE_METRIC_PLAYING_TIME_SECONDS, 60000),
       "a first batch of a minute is a minute");

    t = stream();
    t->delay_ms = (uint64_t) -7200000;
    event(t, 7200000, "playing", "");
    event(t, 7210000, "pause", "");
    ok(is_ms(t, QOE_METRIC_PLAYING_TIME_SECONDS, 10000),
       "a clock two hours fast is as good as another");

    t = stream();
    event(t, 0, "playing", "");
    event(t, 40000, "heartbeat", "");
    t->delay_ms = (uint64_t) -60000;
    event(t, 110000, "heartbeat", "");
    event(t, 120000, "pause", "");
    ok(is_ms(t, QOE_METRIC_PLAYING_TIME_SECONDS, 60000),
       "a clock set forward a minute makes no playing time");

    t = stream();
    event(t, 0, "playing", "");
    event(t, 1000, "heartbeat", "");
    t->delay_ms = (uint64_t) -3600000;
    event(t, 3602000, "heartbeat", "");
    event(t, 3603000, "pause", "");
    ok(is_ms(t, QOE_METRIC_PLAYING_TIME_SECONDS, 3000),
       "nor one set forward an hour, however early");

    t = stream();
    event(t, 0, "playing", "");
    event(t, 10000, "heartbeat", "");
    t->delay_ms = 3600000;
    event(t, 20000 - 3600000, "heartbeat", "");
    event(t, 30000 - 3600000, "heartbeat", "");
    event(t, 40000 - 3600000, "pause", "");
    ok(is_ms(t, QOE_METRIC_PLAYING_TIME_SECONDS, 30000),
       "a clock set back an hour costs the time of one event");

    t = stream();
    event(t, 0, "playing", "");
    event(t, 10000, "heartbeat", "");
    t->delay_ms = 1000;
    event(t, 9500, "heartbeat", "");
    event(t, 20000, "pause", "");
    ok(is_ms(t, QOE_METRIC_PLAYING_TIME_SECONDS, 20000),
       "an event that was overtaken costs nothing");

    t = stream();
    event(t, 0, "playing", "");
    t->delay_ms = 2000;
    event(t, 5000, "playing", "");
    event(t, 4000, "pause", "");
    event(t, 6000, "heartbeat", "");
    ok(is_ms(t, QOE_METRIC_PLAYING_TIME_SECONDS, 6000),
       "nor does it change a state that is younger");

    t = stream();
    event(t, 3600000, "playing", "");
    event(t, 3610000, "heartbeat", "");
    event(t, 10000, "heartbeat", "");
    event(t, 20000, "heartbeat", "");
    event(t, 30000, "pause", "");
    ok(is_ms(t, QOE_METRIC_PLAYING_TIME_SECONDS, 30000)
       && t->v.now_ms == LOG_START + 30000,
       "a server's clock set back costs one event too");

    t = stream();
    event(t, 0, "playing", "");
    event(t, 300000, "heartbeat", "");
    ok(is_ms(t, QOE_METRIC_PLAYING_TIME_SECONDS, 120000)
       && is_ms(t, QOE_METRIC_WATCH_TIME_SECONDS, 60000),
       "a step is no longer than the silence that ends a view");
}


static void
test_stalls(void)
{
    stream_t  *t;

    t = stream();
    event(t, 0, "stallstart", "");
    event(t, 2000, "stallend", "stall_duration=2000");
    event(t, 2000, "playing", "");
    event(t, 12000, "pause", "");
    end_view(t);
    ok(made(t, QOE_METRIC_REBUFFER_RATIO, 1, 0, "")
       && made(t, QOE_METRIC_REBUFFER_COUNT, 1, 0, ""),
       "a stall before the first frame is startup");

    t = stream();
    event(t, 0, "playing", "");
    event(t, 100, "stallend", "stall_duration=900");
    event(t, 10000, "pause", "");
    end_view(t);
    ok(made(t, QOE_METRIC_REBUFFER_RATIO, 1, 0, ""),
       "so is one that is told just behind it, as html5 does");

    t = stream();
    event(t, 0, "playing", "");
    event(t, 10000, "stallend", "stall_duration=2000");
    end_view(t);
    ok(made(t, QOE_METRIC_REBUFFER_RATIO, 1, 0.2, "")
       && is_ms(t, QOE_METRIC_PLAYING_TIME_SECONDS, 8000),
       "later it was a stall, told or not");

    t = stream();
    event(t, 0, "playing", "");
    event(t, 8000, "stallstart", "");
    event(t, 9000, "stallend", "stall_duration=2000");
    event(t, 10000, "pause", "");
    end_view(t);
    ok(made(t, QOE_METRIC_REBUFFER_RATIO, 1, 0.2, "")
       && made(t, QOE_METRIC_REBUFFER_DURATION, 1, 2000, ""),
       "the larger of what was told and measured");

    t = stream();
    event(t, 0, "playing", "");
    event(t, 1000, "stallstart", "");
    event(t, 3000, "playing", "");
    event(t, 3500, "stallend", "");
    event(t, 5000, "pause", "");
    ok(made(t, QOE_METRIC_REBUFFER_DURATION, 1, 2000, "")
       && is_ms(t, QOE_METRIC_PLAYING_TIME_SECONDS, 3000),
       "playing ends a stall, whenever its stallend comes");

    t = stream();
    event(t, 0, "playing", "");
    event(t, 1000, "stallstart", "");
    event(t, 3000, "pause", "");
    event(t, 4000, "stallstart", "");
    event(t, 6000, "stallend", "");
    event(t, 9000, "playing", "");
    event(t, 10000, "pause", "");
    end_view(t);
    ok(made(t, QOE_METRIC_REBUFFER_EVENTS_COUNT, 1, 1, "")
       && made(t, QOE_METRIC_REBUFFER_RATIO, 1, 0.5, ""),
       "a pause ends its time, and it is the same one behind it");

    t = stream();
    event(t, 0, "playing", "");
    event(t, 4000, "stallend", "");
    event(t, 3000, "stallstart", "");
    event(t, 5000, "pause", "");
    end_view(t);
    ok(made(t, QOE_METRIC_REBUFFER_RATIO, 1, 0, ""),
       "a stallstart that its stallend overtook does not stall");

    t = stream();
    event(t, 0, "playing", "");
    event(t, 1000, "seek", "");
    event(t, 2000, "canplay", "");
    event(t, 3000, "seek", "");
    event(t, 4000, "heartbeat", "");
    event(t, 5000, "pause", "");
    event(t, 6000, "seek", "");
    event(t, 7000, "canplay", "");
    event(t, 8000, "fpsdrop", "");
    ok(is_ms(t, QOE_METRIC_PLAYING_TIME_SECONDS, 3000),
       "a seek is no playing time, and returns to what was before");
}


static void
test_values(void)
{
    size_t        i;
    stream_t     *t;
    qoe_view_t    torn;
    qoe_sample_t  s;

    t = stream();
    event(t, 0, "pause", "playing_time=-1");
    event(t, 1, "seek", "seek_latency=86400001");
    event(t, 2, "ended", "completion_rate=1.06 playing_time=nan");
    ok(t->ignored == 4 && made(t, QOE_METRIC_SEEK_LATENCY, 0, 0, "")
       && made(t, QOE_METRIC_PLAYING_TIME, 0, 0, ""),
       "what cannot be is ignored and counted");

    t = stream();

    for (i = 0; i < QOE_EVENT_CUSTOM; i++) {
        memset(&torn, 0xff, sizeof(torn));
        memset(&s, 0, sizeof(s));
        s.type = (qoe_event_type_t) i;
        s.time_ms = (int64_t) LOG_START;
        s.received_ns = LOG_START * 1000000;
        qoe_view_apply(&torn, UINT64_MAX, false, &s, &view_conf, &t->points);
        log_points(t);
        torn.view_key = 5;
        torn.flags &= ~0x100U;
        qoe_view_end(&torn, &view_conf, &t->points);
        log_points(t);
    }

    for (i = 0; i < t->n && isfinite(t->log[i].value); i++) {
        /* void */
    }

    ok(t->n > QOE_EVENT_CUSTOM && i == t->n, "a torn slot makes no nonsense");
    ok(sizeof(qoe_view_t) <= 512, "a view takes %zu bytes",
       sizeof(qoe_view_t));
}


int
main(void)
{
    test_rows();
    test_life();
    test_clock();
    test_stalls();
    test_values();

    return tap_end();
}
