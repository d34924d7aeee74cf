
/*
 * Copyright (C) OpenQoE
 *
 * The view state machine: every row of the catalogue that it makes.
 */


#include "view_events.h"


/*
 * A row: events of a view a second apart, "end" ends it; what the metric says
 * then.
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
    ROW(VIDEO_STARTUP_TIME, 1, 500, "",
        { "playerready", "player_startup_time=100" },
        { "canplay", "video_startup_time=500" },
        { "playing", "video_startup_time=900" },
        { "canplay", "video_startup_time=700" })
    ROW(VIDEO_STARTUP_TIME, 1, 1000, "",
        { "playerready", "player_startup_time=100" },
        { "canplay", "video_startup_time=1100" }, { "playing", "" })
    ROW(VIDEO_STARTUP_TIME, 1, 0, "",
        { "playerready", "player_startup_time=100" },
        { "canplay", "" },
        { "playing", "video_startup_time=50" }, { "heartbeat", "" })
    ROW(VIDEO_STARTUP_TIME, 0, 0, "",
        { "playing", "video_startup_time=50" }, { "heartbeat", "" })
    ROW(VIDEO_STARTUP_SECONDS, 1, 0.9, "",
        { "canplay", "video_startup_time=900" }, { "playing", "" },
        { "pause", "" }, { "playing", "video_startup_time=3900" })
    ROW(VIEWS_STARTED_TOTAL, 1, 1, "",
        { "playing", "" }, { "pause", "" }, { "playing", "" })
    ROW(VIEW_STARTED_TOTAL, 1, 1, "",
        { "playing", "" }, { "pause", "" }, { "playing", "" })
    ROW(VIEWS_COMPLETED_TOTAL, 1, 1, "",
        { "playing", "" }, { "ended", "" }, { "ended", "" })
    ROW(PAUSE_EVENTS_TOTAL, 2, 2, "",
        { "playing", "" }, { "pause", "" }, { "playing", "" },
        { "pause", "" })
    ROW(PAUSE_EVENTS_TOTAL, 0, 0, "", { "playing", "" }, { "ended", "" })
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
    ROW(REBUFFER_EVENTS_TOTAL, 1, 1, "",
        { "playing", "" }, { "stallstart", "" }, { "stallend", "" })
    ROW(REBUFFER_EVENTS_TOTAL, 0, 0, "",
        { "stallstart", "" }, { "playing", "" }, { "stallend", "" },
        { "end", "" })
    ROW(REBUFFER_DURATION, 1, 2000, "",
        { "playing", "" }, { "stallstart", "" }, { "stallstart", "" },
        { "stallend", "" }, { "stallend", "stall_duration=1500" },
        { "stallend", "" })
    ROW(REBUFFER_DURATION_SECONDS, 1, 0.5, "",
        { "playing", "" }, { "stallstart", "" },
        { "stallend", "stall_duration=500" })
    ROW(STALL_POSITION, 1, 12500, "",
        { "playing", "" }, { "stallstart", "" },
        { "stallend", "stall_position_secs=12.5" },
        { "stallend", "stall_position_secs=13.5" })
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
        { "pause", "" }, { "end", "" })
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
        { "heartbeat", "" },
        { "playing", "resolution.width=1920 resolution.height=1080" },
        { "qualitychange", "media_type=video" },
        { "qualitychange", "media_type=audio" },
        { "qualitychange", "video_width=3840 video_height=2160" })
    ROW(TIME_WEIGHTED_AVERAGE_BITRATE, 2, 1000 + 1500, "media_type=video",
        { "playing", "bitrate=1000000 media_type=video" },
        { "heartbeat", "" },
        { "qualitychange", "bitrate_kb=2000 media_type=video" },
        { "heartbeat", "" }, { "end", "" })
    ROW(TIME_WEIGHTED_AVERAGE_BITRATE, 1, 64, "media_type=audio",
        { "playing", "bitrate=64000 media_type=audio" },
        { "heartbeat", "" }, { "end", "" })
    ROW(TIME_WEIGHTED_AVERAGE_RESOLUTION, 2, 230400 + 576000, "",
        { "playing", "resolution.width=640 resolution.height=360" },
        { "heartbeat", "" },
        { "qualitychange",
          "resolution.width=1280 resolution.height=720 media_type=video" },
        { "heartbeat", "" }, { "end", "" })
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
        { "stallstart", "" }, { "playing", "" }, { "stallend", "" },
        { "heartbeat", "" }, { "stallstart", "" }, { "stallend", "" },
        { "end", "" })
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
        { "playbackdetached", "" }, { "end", "" })
    ROW(VIEWS_TOTAL, 1, 1, "outcome=exit_before_start",
        { "playerready", "" }, { "end", "" })
    ROW(VIEWS_TOTAL, 1, 1, "outcome=startup_failure",
        { "playerready", "" }, { "error", "" }, { "end", "" })
    ROW(VIEWS_TOTAL, 1, 1, "outcome=playback_failure",
        { "playing", "" }, { "heartbeat", "" },
        { "error", "error_context.fatal=1" },
        { "heartbeat", "playing_time=0" }, { "end", "" })
    ROW(VIEWS_TOTAL, 1, 1, "outcome=playback_failure",
        { "playing", "" }, { "stallstart", "" }, { "error", "" },
        { "end", "" })
    ROW(VIEWS_TOTAL, 1, 1, "outcome=played",
        { "playing", "" }, { "error", "" },
        { "heartbeat", "playing_time=9" }, { "end", "" })
    ROW(VIEWS_TOTAL, 1, 1, "outcome=playback_failure",
        { "playing", "" }, { "error", "error_context.fatal=1" },
        { "playing", "" }, { "end", "" })
    ROW(AGGREGATE_STARTUP_TIME, 1, 850 + 120 + 400, "",
        { "manifestload", "page_load_time=850" },
        { "playerready", "player_startup_time=120" },
        { "canplay", "video_startup_time=400" }, { "playing", "" },
        { "pause", "" }, { "playing", "" })
    ROW(AGGREGATE_STARTUP_TIME, 1, 1000, "",
        { "manifestload", "" }, { "stallstart", "" }, { "playing", "" },
        { "canplay", "" }, { "heartbeat", "" })
    ROW(REBUFFER_RATIO, 1, 0.25, "",
        { "playing", "" }, { "stallstart", "" }, { "stallend", "" },
        { "heartbeat", "" }, { "pause", "" }, { "end", "" })
    ROW(REBUFFER_PERCENTAGE, 1, 0.666667, "",
        { "playing", "" }, { "stallstart", "" }, { "heartbeat", "" },
        { "end", "" })
    ROW(REBUFFER_FREQUENCY, 1, 60, "",
        { "playing", "" }, { "stallstart", "" }, { "end", "" })
    ROW(WEIGHTED_AVERAGE_BITRATE, 1, 1500000, "",
        { "playing", "bitrate=1000000" }, { "heartbeat", "" },
        { "qualitychange", "bitrate_kb=2000" }, { "heartbeat", "" },
        { "end", "" })
    ROW(UPSCALE_PERCENTAGE, 1, 0.5, "",
        { "playing", "" }, { "heartbeat", "" },
        { "qualitychange", "video_width=640 video_height=360 "
          "player_width=1280 player_height=720" }, { "heartbeat", "" },
        { "end", "" })
    ROW(DOWNSCALE_PERCENTAGE, 1, 1, "",
        { "playing", "video_width=640 video_height=360 "
          "player_width=320 player_height=180" }, { "heartbeat", "" },
        { "end", "" })
    ROW(VIDEO_STARTUP_FAILURE_PERCENTAGE, 1, 1, "",
        { "error", "" }, { "end", "" })
    ROW(VIDEO_STARTUP_FAILURE_PERCENTAGE, 1, 0, "",
        { "playing", "" }, { "end", "" })
    ROW(EXITS_BEFORE_VIDEO_START_PERCENTAGE, 1, 1, "",
        { "viewstart", "" }, { "end", "" })
    ROW(PLAYBACK_FAILURE_PERCENTAGE, 1, 1, "",
        { "playing", "" }, { "error", "error_context.fatal=1" },
        { "end", "" })
    ROW(PLAYBACK_FAILURE_PERCENTAGE, 1, 0, "",
        { "playing", "" }, { "error", "" }, { "end", "" })
    ROW(PLAYBACK_FAILURE_PERCENTAGE, 0, 0, "", { "error", "" }, { "end", "" })
    ROW(WATCH_TIME_SECONDS, 2, 2, "",
        { "manifestload", "" }, { "playing", "" }, { "pause", "" })
    ROW(STARTUP_TIME_SCORE, 1, 0.890921, "",
        { "canplay", "video_startup_time=1000" }, { "playing", "" },
        { "end", "" })
    ROW(STARTUP_TIME_SCORE, 0, 0, "",
        { "playing", "" }, { "pause", "" }, { "end", "" })
    ROW(REBUFFER_SCORE, 1, 0.894427, "",
        { "playing", "" }, { "stallstart", "" }, { "end", "" })
    ROW(VIDEO_QUALITY_SCORE, 1, 1, "",
        { "playing", "bitrate=1000000" }, { "pause", "" }, { "end", "" })
    ROW(VIEWER_EXPERIENCE_SCORE, 1, 1, "",
        { "canplay", "video_startup_time=0" },
        { "playing", "bitrate=1000000" }, { "pause", "" }, { "end", "" })
    ROW(VIEWER_EXPERIENCE_SCORE, 1, 0, "",
        { "playing", "bitrate=1000000" },
        { "error", "error_context.fatal=1" }, { "end", "" })
    ROW(VIEWER_EXPERIENCE_SCORE, 0, 0, "",
        { "playing", "bitrate=1000000" }, { "pause", "" }, { "end", "" })
    ROW(VIEWER_EXPERIENCE_SCORE, 0, 0, "",
        { "playing", "" }, { "end", "" })
};


static int
near(const stream_t *t, qoe_metric_id_t metric, size_t count, double sum,
    const char *extra)
{
    /* Scores are written to six digits. */

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

    t = stream();
    t->birth.continued = true;
    event(t, 0, "heartbeat", "");
    event(t, 1000, "heartbeat", "");
    ok(made(t, QOE_METRIC_VIEWS_CONTINUED_TOTAL, 1, 1, ""),
       "a view that goes on after silence counts as continued once");
    seen[QOE_METRIC_VIEWS_CONTINUED_TOTAL] = 1;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        t = stream();

        for (j = 0; j < 8 && rows[i].events[j][0] != NULL; j++) {

            if (strcmp(rows[i].events[j][0], "end") == 0) {

                /* A second passes before the end. */

                event(t, (int64_t) j * 1000, "fpsdrop", "");
                end_view(t);

            } else {
                event(t, (int64_t) j * 1000, rows[i].events[j][0],
                      rows[i].events[j][1]);
            }
        }

        if (t->v.view_key != 0) {
            quiet(t);
        }

        ok(near(t, rows[i].metric, rows[i].count, rows[i].sum,
                rows[i].extra),
           "row %zu: the events make %zu points of %s, %g together", i,
           rows[i].count, qoe_metrics[rows[i].metric].name.data,
           rows[i].sum);

        seen[rows[i].metric] += (rows[i].count != 0);
    }

    for (i = 0; i < QOE_METRICS_N; i++) {
        if ((qoe_metrics[i].group
             & (QOE_GROUP_CORE|QOE_GROUP_RULES|QOE_GROUP_VIEW))
            && qoe_metrics[i].kind != QOE_INSTRUMENT_GAUGE_NOW && !seen[i])
        {
            ok(0, "some test gives points of %s", qoe_metrics[i].name.data);
        }
    }
}


/* The last receipt of a view, which silence is counted from. */

static void
test_receipts(void)
{
    stream_t  *t;

    t = stream();
    t->delay_ms = 500000;
    script(t, "0 playing at=0");
    t->delay_ms = 500000 - 120001;
    script(t, "1 heartbeat at=1");
    ok(t->v.received_ms == LOG_START + 500000,
       "a receipt that is older by two minutes came from another worker");
    t->delay_ms = 500000 - 120003;
    script(t, "2 heartbeat at=2");
    ok(t->v.received_ms == LOG_START + 500000 - 120001,
       "one that is older by more shows that the clock was set back");
    t->delay_ms = 500000;
    script(t, "3 heartbeat at=3");
    ok(t->v.received_ms == LOG_START + 500003, "a later one is the last");
}


/* More events within half a second than can wait: the first one stays. */

static void
test_crowd(void)
{
    int        i;
    stream_t  *t;

    t = stream();
    event(t, 0, "playing", "at=0");
    event(t, 10000, "heartbeat", "at=10000");

    for (i = 1; i <= 2 * QOE_VIEW_MOMENTS; i++) {
        event(t, 10000 + i, "fpsdrop", "");
    }

    event(t, 20000, "heartbeat", "at=20000");
    quiet(t);
    ok(t->v.beat_ms == 10000 && played_ms(t, 20000),
       "a crowd of events does not push the first of them out");

    t = stream();
    event(t, 0, "canplay", "video_startup_time=0 at=0");
    event(t, 0, "playing", "at=0");

    for (i = 1; i < QOE_VIEW_MOMENTS; i++) {
        event(t, 10000 + i, "fpsdrop", "");
    }

    event(t, 10100, "stallstart", "at=10100");
    event(t, 10101, "fpsdrop", "");
    event(t, 14100, "stallend", "at=10100");
    event(t, 20100, "ended", "at=16100");
    ok(stalled_ms(t, 1, 4000) && played_ms(t, 16100), "nor the last of them");
}


int
main(void)
{
    test_crowd();
    test_rows();
    test_receipts();

    return tap_end();
}
