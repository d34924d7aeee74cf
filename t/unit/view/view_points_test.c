
/*
 * Copyright (C) OpenQoE
 *
 * The points of events: their attributes, which numbers are used, and what a
 * list of points takes.
 */


#include "view_events.h"
#include "qoe_view_priv.h"


/*
 * Attributes that an event names are those of the points that are about media,
 * and of no others.
 */

static void
test_extras(void)
{
    char          text[256];
    size_t        i;
    stream_t     *t;

#define ALL  "media_type=audio codec=mp4a is_outlier=1 framerate=25"

    static const struct {
        qoe_metric_id_t  metric;
        const char      *type;
        const char      *data;
        const char      *extra;
    } points[] = {
        { QOE_METRIC_EVENTS_TOTAL, "fpsdrop", "", "event_type=fpsdrop" },
        { QOE_METRIC_PAGE_LOAD_TIME, "manifestload", "page_load_time=1", "" },
        { QOE_METRIC_PLAYER_STARTUP_TIME, "playerready",
          "player_startup_time=1", "" },
        { QOE_METRIC_SEEK_TOTAL, "seek", "", "" },
        { QOE_METRIC_SEEK_LATENCY, "seek", "seek_latency=9", "" },
        { QOE_METRIC_SEEK_LATENCY_SECONDS, "seek", "seek_latency=9", "" },
        { QOE_METRIC_HEART_BEAT_PLAYING_TIME, "heartbeat", "playing_time=1",
          "" },
        { QOE_METRIC_HEARTBEAT_PLAYING_TIME_SECONDS, "heartbeat",
          "playing_time=1", "" },
        { QOE_METRIC_HEART_BEAT_RATE_BPS, "heartbeat", "bitrate=64000", "" },
        { QOE_METRIC_PLAYING_TIME, "ended", "playing_time=9", "" },
        { QOE_METRIC_COMPLETION_RATE, "ended", "completion_rate=1", "" },
        { QOE_METRIC_BITRATE, "heartbeat", "bitrate=64000",
          "media_type=audio" },
        { QOE_METRIC_FRAMERATE, "playing", "", "media_type=audio" },
        { QOE_METRIC_FRAMERATE, "qualitychange", "", "media_type=audio" },
        { QOE_METRIC_BUFFER_LENGTH, "stallstart", "buffer_len_ms=1",
          "media_type=audio,is_outlier=true" },
        { QOE_METRIC_BUFFER_LENGTH_SECONDS, "stallstart", "buffer_len_ms=1",
          "media_type=audio" },
        { QOE_METRIC_BUFFER_INSTABILITY_INDEX, "bufferlevelchange",
          "z_score=1", "media_type=audio,is_outlier=true" },
        { QOE_METRIC_NETWORK_LATENCY, "fragmentloaded", "ttfb_ms=1",
          "media_type=audio,is_outlier=true" },
        { QOE_METRIC_NETWORK_LATENCY_DEVIATION, "fragmentloaded", "z_score=1",
          "media_type=audio,is_outlier=true" },
        { QOE_METRIC_FRAGMENT_DURATION, "fragmentloaded", "frag_duration=1",
          "media_type=audio" },
        { QOE_METRIC_FRAGMENT_SIZE, "fragmentloaded", "size_bytes=1",
          "media_type=audio" },
        { QOE_METRIC_BUFFERED_DURATION, "fragmentloaded", "frag_duration=1",
          "media_type=audio" },
        { QOE_METRIC_NETWORK_BANDWIDTH, "bandwidthchange", "bandwidth=1",
          "media_type=audio,codec=mp4a" },
        { QOE_METRIC_QUALITY_CHANGE_REQUEST_TOTAL, "qualitychangerequested",
          "", "media_type=audio" },
        { QOE_METRIC_BITRATE_CHANGE, "qualitychangerequested",
          "old.bitrate_kb=1 new.bitrate_kb=2",
          "media_type=audio,direction=up" },
        { QOE_METRIC_QUALITY_CHANGE_TOTAL, "qualitychange", "",
          "media_type=audio,codec=mp4a,framerate=25" },
        { QOE_METRIC_QUALITY_CHANGE_BITRATE_BPS, "qualitychange",
          "bitrate_kb=64", "media_type=audio" },
        { QOE_METRIC_QUALITY_CHANGES_TOTAL, "qualitychange", "bitrate_kb=64",
          "media_type=audio,change_direction=same" }
    };

    for (i = 0; i < sizeof(points) / sizeof(points[0]); i++) {
        t = stream();
        snprintf(text, sizeof(text), "0 %s %s " ALL, points[i].type,
                 points[i].data);
        script(t, text);

        ok(count_of(t, points[i].metric) == 1
           && made(t, points[i].metric, 1, sum_of(t, points[i].metric),
                   points[i].extra),
           "a point of %s has {%s}", qoe_metrics[points[i].metric].name.data,
           points[i].extra);
    }

    t = stream();
    script(t, "0 qualitychangerequested " ALL ";"
              "900 qualitychange bitrate_kb=64 " ALL ";"
              "2000 qualitychange bitrate_kb=96 " ALL);
    ok(made(t, QOE_METRIC_QUALITY_CHANGE_LATENCY, 1, 900,
            "media_type=audio,codec=mp4a")
       && made(t, QOE_METRIC_QUALITY_CHANGE_OLD_BITRATE_BPS, 1, 64000,
               "media_type=audio")
       && made(t, QOE_METRIC_QUALITY_CHANGES_TOTAL, 2, 2,
               "media_type=audio,change_direction=up"),
       "a change that was requested has its latency, and the rate before");
}


/* Frame rates as text, as far as an event has room for them. */

static void
test_framerates(void)
{
    char        text[128], extra[64];
    size_t      i;
    stream_t   *t;
    static const struct {
        const char  *sent;
        const char  *shown;
    } rates[] = {
        { "30", "30" }, { "29.97", "29.97" }, { "29.970", "29.97" },
        { "12.5", "12.5" }, { "0.01", "0.01" }, { "0.1", "0.1" },
        { "100", "100" }, { "1000", "1000" }, { "59.94006", "59.94" },
        { "23.976", "23.98" }, { "25.05", "25.05" }, { "0.005", "0.01" }
    };

    for (i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
        t = stream();
        snprintf(text, sizeof(text), "0 qualitychange framerate=%s",
                 rates[i].sent);
        snprintf(extra, sizeof(extra), "framerate=%s", rates[i].shown);
        script(t, text);
        ok(made(t, QOE_METRIC_QUALITY_CHANGE_TOTAL, 1, 1, extra),
           "the frame rate %s is shown as %s", rates[i].sent, rates[i].shown);
    }

    t = stream();
    script(t, "0 qualitychange framerate=0.004; 1 qualitychange framerate=0;"
              "2 qualitychange framerate=1000.01");
    ok(made(t, QOE_METRIC_QUALITY_CHANGE_TOTAL, 3, 3, "") && t->ignored == 1,
       "what is no frame rate is not shown");
}


/* Values at the ends of what a number may be, and beyond. */

static void
test_ranges(void)
{
    size_t         i, k;
    uint32_t       ignored;
    uint64_t       set;
    qoe_sample_t   s;

#define YEAR  (366.0 * 86400000)

    static const struct {
        qoe_number_t  number;
        double        min;
        double        max;
    } ranges[] = {
        { QOE_NUMBER_PAGE_LOAD_TIME, 0, YEAR },
        { QOE_NUMBER_PLAYING_TIME, 0, YEAR },
        { QOE_NUMBER_COMPLETION_RATE, 0, 1.05 },
        { QOE_NUMBER_STALL_POSITION_SECS, 0, YEAR / 1000 },
        { QOE_NUMBER_Z_SCORE, -1e6, 1e6 },
        { QOE_NUMBER_IS_OUTLIER, 0, 1 },
        { QOE_NUMBER_BITRATE, -1e12, 1e12 },
        { QOE_NUMBER_BITRATE_KB, -1e12, 1e9 },
        { QOE_NUMBER_QUARTILE, 0, 100 },
        { QOE_NUMBER_FRAMERATE, 0, 1000 },
        { QOE_NUMBER_RESOLUTION_WIDTH, 0, 100000 },
        { QOE_NUMBER_DEVICE_PIXEL_RATIO, 0, 100 },
        { QOE_NUMBER_PLAYBACK_RATE, 0.01, 100 },
        { QOE_NUMBER_PLAYBACK_TIME, -1e15, 1e15 },
        { QOE_NUMBER_RESPONSE_CODE, 0, 999 },
        { QOE_NUMBER_PLAYER_STATE, 0, QOE_PLAYER_STATES_N - 1 }
    };

    for (i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        const double  values[] = {
            ranges[i].min, ranges[i].max,
            nextafter(ranges[i].min, -INFINITY),
            nextafter(ranges[i].max, INFINITY), NAN, INFINITY, -INFINITY
        };

        memset(&s, 0, sizeof(s));
        ignored = 0;
        set = 0;

        for (k = 0; k < 7; k++) {
            s.set = 1ULL << ranges[i].number;
            s.number[ranges[i].number] = values[k];
            set |= (uint64_t) (qoe_view_valid(&s, &ignored) == s.set) << k;
        }

        ok(set == 3 && ignored == 5,
           "number %d is used from %g to %g, and ignored and counted beyond",
           (int) ranges[i].number, ranges[i].min, ranges[i].max);
    }

    memset(&s, 0, sizeof(s));
    s.set = UINT64_MAX;
    ignored = 0;
    ok(qoe_view_valid(&s, &ignored) == ((1ULL << QOE_NUMBERS) - 1)
                                       - (1ULL << QOE_NUMBER_PLAYBACK_RATE)
       && ignored == 1, "numbers that do not exist are not used");
}


/* What a list of points takes. */

static void
test_points(void)
{
    size_t               i;
    static qoe_points_t  points;

    qoe_points_clear(&points);

    ok(qoe_point_add(&points, QOE_METRIC_EVENTS_TOTAL, 0) == NULL
       && qoe_point_add(&points, QOE_METRIC_EVENTS_TOTAL, 0.4) == NULL
       && qoe_point_add(&points, QOE_METRIC_EVENTS_TOTAL, -1) == NULL
       && qoe_point_add(&points, QOE_METRIC_EVENTS_TOTAL, 0.5) != NULL
       && points.point[0].value == 1,
       "a counter takes whole numbers, of which 0 is none");
    ok(qoe_point_add(&points, QOE_METRIC_PLAYING_TIME_SECONDS, 0) == NULL
       && qoe_point_add(&points, QOE_METRIC_PLAYING_TIME_SECONDS, 0.25)
          != NULL, "a sum takes any number above 0");
    ok(qoe_point_add(&points, QOE_METRIC_VIDEO_STARTUP_TIME, 0) != NULL
       && qoe_point_add(&points, QOE_METRIC_VIDEO_STARTUP_TIME, -0.1) == NULL
       && qoe_point_add(&points, QOE_METRIC_VIDEO_STARTUP_TIME, NAN) == NULL
       && qoe_point_add(&points, QOE_METRIC_VIDEO_STARTUP_TIME, INFINITY)
          == NULL, "a histogram takes 0, and no other number that is none");
    ok(qoe_point_add(&points, QOE_METRIC_BUFFER_INSTABILITY_INDEX, -1) != NULL
       && qoe_point_add(&points, QOE_METRIC_NETWORK_LATENCY_DEVIATION, -1)
          != NULL, "only deviations are negative");

    for (i = points.n; i < QOE_POINTS_MAX; i++) {
        (void) qoe_point_add(&points, QOE_METRIC_EVENTS_TOTAL, 1);
    }

    ok(points.n == QOE_POINTS_MAX
       && qoe_point_add(&points, QOE_METRIC_EVENTS_TOTAL, 1) == NULL
       && points.n == QOE_POINTS_MAX, "a list that is full takes no more");

    for (i = 0; i <= QOE_POINT_EXTRAS; i++) {
        qoe_point_extra(&points.point[0], QOE_DIM_EVENT_TYPE, qoe_span(""));
        qoe_point_extra(&points.point[0], (qoe_dim_t) i, qoe_span("x"));
    }

    qoe_point_extra(NULL, QOE_DIM_EVENT_TYPE, qoe_span("x"));
    ok(points.point[0].nextra == QOE_POINT_EXTRAS
       && points.point[0].extra[QOE_POINT_EXTRAS - 1].dim
          == QOE_POINT_EXTRAS - 1,
       "a point takes %d attributes, and none that is empty",
       QOE_POINT_EXTRAS);

    points.ignored = 3;
    points.used = 5;
    points.nstretches = 7;
    qoe_points_clear(&points);
    ok(points.n == 0 && points.ignored == 0 && points.used == 0
       && points.nstretches == 0, "a list that is cleared is empty");
}


int
main(void)
{
    test_extras();
    test_framerates();
    test_ranges();
    test_points();

    return tap_end();
}
