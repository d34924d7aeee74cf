
/*
 * Copyright (C) OpenQoE
 *
 * The record of a view: its numbers are those of the view's points, and its
 * bytes hold all of it.
 */


#include "view_events.h"
#include "qoe_view_record.h"


#define BEGUN  "0 canplay video_startup_time=700 at=0; 0 playing at=0;"
#define RATES  "0 qualitychange bitrate=2000000 video_width=1280 "            \
               "video_height=720 player_width=1920 player_height=1080;"


static char  packed[QOE_VIEW_RECORD_MAX];


/* The record of the stream's view; why: how it ended, or -1 if it lives. */

static qoe_view_record_t
record_of(stream_t *t, int why)
{
    qoe_view_record_t  r;

    t->v.over = (uint8_t) (1 + why);
    qoe_view_record_make(&r, &t->v, 123456789);

    return r;
}


static int
same(const stream_t *t, qoe_metric_id_t metric, double n)
{
    double  sum;

    sum = sum_of(t, metric);

    if (fabs(sum - n) < 1e-6) {
        return 1;
    }

    printf("# %s: the points say %g, the record %g\n",
           qoe_metrics[metric].name.data, sum, n);

    return 0;
}


/* Scores, means and shares: the point of that metric, or NaN if none. */

static int
same_point(const stream_t *t, qoe_metric_id_t metric, double value)
{
    return count_of(t, metric) == 0 ? isnan(value)
                                    : same(t, metric, value);
}


static bool
is_outcome(const qoe_view_record_t *r, const char *outcome)
{
    return qoe_span_eq(r->outcome, qoe_span_str(outcome));
}


static int
points_agree(const stream_t *t, const qoe_view_record_t *r)
{
    char  text[32];

    snprintf(text, sizeof(text), "%.*s", (int) r->outcome.len,
             r->outcome.data);

    return outcome(t, text)
           & same(t, QOE_METRIC_VIEWS_STARTED_TOTAL, r->started)
           & same_point(t, QOE_METRIC_VIDEO_STARTUP_TIME, r->startup_ms)
           & same_point(t, QOE_METRIC_AGGREGATE_STARTUP_TIME,
                        r->aggregate_startup_ms)
           & same(t, QOE_METRIC_PLAYING_TIME_SECONDS,
                  (double) r->playing_ms / 1000)
           & same(t, QOE_METRIC_WATCH_TIME_SECONDS,
                  (double) r->watched_ms / 1000)
           & same(t, QOE_METRIC_REBUFFER_DURATION, (double) r->stalled_ms)
           & same(t, QOE_METRIC_REBUFFER_EVENTS_TOTAL, (double) r->stalls)
           & same(t, QOE_METRIC_PAUSE_EVENTS_TOTAL, (double) r->pauses)
           & same(t, QOE_METRIC_SEEK_TOTAL, (double) r->seeks)
           & same(t, QOE_METRIC_ERRORS_TOTAL, (double) r->errors)
           & same(t, QOE_METRIC_DROPPED_FRAMES_TOTAL,
                  (double) r->dropped_frames)
           & same_point(t, QOE_METRIC_WEIGHTED_AVERAGE_BITRATE, r->bitrate)
           & same_point(t, QOE_METRIC_UPSCALE_PERCENTAGE, r->upscale_share)
           & same_point(t, QOE_METRIC_DOWNSCALE_PERCENTAGE,
                        r->downscale_share)
           & same_point(t, QOE_METRIC_STARTUP_TIME_SCORE, r->startup_score)
           & same_point(t, QOE_METRIC_REBUFFER_SCORE, r->rebuffer_score)
           & same_point(t, QOE_METRIC_VIDEO_QUALITY_SCORE, r->quality_score)
           & same_point(t, QOE_METRIC_VIEWER_EXPERIENCE_SCORE,
                        r->experience_score);
}


static void
test_points(void)
{
    size_t              i;
    stream_t           *t;
    qoe_view_record_t   r;
    static const struct {
        const char     *claim;
        const char     *script;
        int             why;
    } views[] = {
        { "a view that completes",
          BEGUN RATES "10000..60000 heartbeat at=@ dropped_frames=7;"
          "60000 ended at=60000 completion_rate=1", QOE_VIEW_ENDED },
        { "a view with stalls, pauses, seeks, errors and two renditions",
          BEGUN RATES "10000 heartbeat at=10000 dropped_frames=3;"
          "12000 stallstart at=12000; 14000 stallend at=12000;"
          "20000 qualitychange bitrate=5000000 video_width=1920 "
          "video_height=1080; 30000 pause at=28000; 90000 playing at=28000;"
          "95000 error error_family=network error_code=503;"
          "99000 seek at=60000 seek_latency=1000;"
          "110000 heartbeat at=71000 dropped_frames=9;"
          "120000 moveaway at=81000; 150000 moveback at=111000;"
          "160000 heartbeat at=121000 dropped_frames=2; end",
          QOE_VIEW_SILENT },
        { "a view that another video replaces",
          BEGUN "10000 heartbeat at=10000; 12000 replaced",
          QOE_VIEW_REPLACED },
        { "a view that fails before its first frame",
          "0 playing; 1 stallstart; 3000 error error_context.fatal=1; end",
          QOE_VIEW_SILENT },
        { "a view that is left before its first frame",
          "0 playing; 1 stallstart; 3000 playbackdetached; end",
          QOE_VIEW_DETACHED }
    };

    for (i = 0; i < sizeof(views) / sizeof(views[0]); i++) {
        t = stream();
        script(t, views[i].script);
        r = record_of(t, views[i].why);

        ok(points_agree(t, &r) && r.final,
           "the final record of %s has the numbers of its points",
           views[i].claim);
    }
}


static void
test_numbers(void)
{
    stream_t           *t;
    qoe_view_record_t   r;

    t = stream();
    script(t, BEGUN RATES "10000 stallstart at=10000;"
           "11000 stallend at=10000; 20000 stallstart at=19000;"
           "24000 stallend at=19000; 30000 pause at=25000;"
           "70000 playing at=25000; 80000 heartbeat at=35000 duration=70000;"
           "80500 quartile quartile=25 at=35500;"
           "80600 quartile quartile=50 at=35600;"
           "82000 qualitychange bitrate=1000000 video_height=360 "
           "video_width=640 at=37000; 90000 heartbeat at=45000; end");
    r = record_of(t, QOE_VIEW_SILENT);

    ok(r.stalls == 2 && r.stalled_ms == 5000 && r.longest_stall_ms == 4000,
       "the longest stall is the longest, not the last or the sum");
    ok(r.paused_ms == 40000 && r.pauses == 1,
       "the time of a pause is the time until it plays again");
    ok(r.start_ms == LOG_START && r.end_ms == LOG_START + 90000,
       "a record begins and ends with the first and the last event");
    ok(r.switches_down == 1 && r.switches_up == 0,
       "a change to a lower bitrate is a switch down, the first rendition "
       "is none");
    ok(r.top_bitrate == 2000000 && r.top_height == 720,
       "the top rendition is the best, not the last");
    ok(r.height > 360 && r.height < 720 && r.bitrate > 1e6 && r.bitrate < 2e6,
       "the mean height and bitrate lie between those of the renditions");
    ok(r.quartile == 50, "the quartile is the highest one reached");
    ok(fabs(r.completion - 45.0 / 70) < 1e-6 && r.max_position_ms == 45000
       && r.duration_ms == 70000,
       "without a rate from the player, completion is the furthest position");
    ok(r.seq == 1 && r.made_ns == 123456789 && r.events == 14,
       "a record has its number and time, and the number of events");

    t = stream();
    script(t, BEGUN "10000 heartbeat at=10000; 13000 seek at=40000 "
           "seek_latency=3000; 20000 heartbeat at=47000; quiet");
    r = record_of(t, -1);
    ok(r.seeking_ms == 3000 && r.playing_ms == 17000,
       "the latency of a seek is time of seeking, and no time of playing");

    t = stream();
    script(t, BEGUN "10000 heartbeat at=10000; 11000 seek at=40000 "
           "seek_latency=1; 20000 heartbeat at=49000; quiet");
    r = record_of(t, -1);
    ok(r.seeking_ms == 1 && r.playing_ms == 19999,
       "a latency of a millisecond counts");

    t = stream();
    script(t, BEGUN "10000 heartbeat at=10000; 11000 seek at=40000 "
           "seek_latency=5000; 20000 heartbeat at=49000; quiet");
    r = record_of(t, -1);
    ok(r.seeking_ms == 1000 && r.playing_ms == 19000,
       "a latency that is longer than the time since the last event counts as "
       "that time");
    ok(!r.final && r.outcome.len == 0 && r.end_reason.len == 0
       && isnan(r.experience_score),
       "the record of a view that lives has no outcome and no scores");

    t = stream();
    script(t, BEGUN "10000 moveaway at=10000; 25000 heartbeat at=25000;"
           "40000 moveback at=40000; 50000 heartbeat at=50000; quiet");
    r = record_of(t, -1);
    ok(r.hidden_ms == 30000 && r.playing_ms == 50000,
       "a hidden page may play: both times count");

    t = stream();
    t->birth.first = false;
    script(t, "0 manifestload page_load_time=850; 10 playerready "
           "player_startup_time=120;" BEGUN "5000 error error_code=7 at=5000;"
           "6000 error error_context.fatal=0 at=6000;"
           "10000 heartbeat at=10000; end");
    r = record_of(t, QOE_VIEW_SILENT);
    ok(isnan(r.page_load_ms) && isnan(r.player_startup_ms) && r.errors == 2
       && !r.failed && !r.continued && is_outcome(&r, "played"),
       "an error in the middle of playing changes nothing but the number of "
       "errors");

    t = stream();
    script(t, "0 playing; 1 stallstart; 5000 playbackdetached; end");
    r = record_of(t, QOE_VIEW_DETACHED);
    ok(!r.started && isnan(r.startup_ms) && isnan(r.bitrate)
       && isnan(r.height) && isnan(r.completion) && isnan(r.max_position_ms),
       "what a view that never started does not have is NaN, not 0");
}


static int
text_is(qoe_span_t text, const char *is)
{
    return qoe_span_eq(text, qoe_span_str(is));
}


/* Every number of the record gets another value. */

static void
fill(qoe_view_record_t *r)
{
    double  n;

    n = 1;

#define FILL_TEXT(member, name, text)   r->member = qoe_span(name);
#define FILL_NUMBER(member, name, text)                                       \
    r->member = (__typeof__(r->member)) (n *= 1.25);
#define FILL_FLAG(member, name, text)   r->member = true;

    QOE_VIEW_ATTRIBUTES(FILL_TEXT, FILL_NUMBER, FILL_NUMBER, FILL_NUMBER,
                        FILL_FLAG)

    r->dims = qoe_span("\3org\3\0acm");
    r->timeline = qoe_span("0123456789abcdef");
    r->made_ns = 1700000000000000001;
    r->trace = true;
    r->failed = true;
}


static int
equal(const qoe_view_record_t *a, const qoe_view_record_t *b)
{
    int  good;

    good = qoe_span_eq(a->dims, b->dims)
           && qoe_span_eq(a->timeline, b->timeline)
           && a->made_ns == b->made_ns && a->trace == b->trace
           && a->failed == b->failed;

#define EQUAL_TEXT(member, name, text)                                        \
    good &= qoe_span_eq(a->member, b->member);
#define EQUAL_COUNT(member, name, text)  good &= a->member == b->member;
#define EQUAL_REAL(member, name, text)                                        \
    good &= a->member == b->member                                            \
            || (isnan(a->member) && isnan(b->member));

    QOE_VIEW_ATTRIBUTES(EQUAL_TEXT, EQUAL_COUNT, EQUAL_COUNT, EQUAL_REAL,
                        EQUAL_COUNT)

    return good;
}


static void
test_bytes(void)
{
    size_t              i, len, bad, room;
    char               *big;
    stream_t           *t;
    qoe_view_record_t   r, back;

    memset(&r, 0, sizeof(r));
    fill(&r);

    len = qoe_view_record_pack(packed, &r);
    ok(qoe_view_record_unpack(&back, (qoe_span_t) { packed, len }) == QOE_OK
       && equal(&r, &back),
       "every member of a record comes back from its bytes");
    ok(qoe_view_record_made((qoe_span_t) { packed, len }) == r.made_ns,
       "the time of a record can be read without unpacking it");

    for (i = 0, bad = 0; i < len; i++) {
        bad += qoe_view_record_unpack(&back, (qoe_span_t) { packed, i })
               != QOE_INVALID;
    }

    ok(bad == 0, "no part of a record is a record");

    packed[0] ^= 1;
    ok(qoe_view_record_unpack(&back, (qoe_span_t) { packed, len })
       == QOE_INVALID
       && qoe_view_record_made((qoe_span_t) { packed, len }) == 0,
       "bytes of another kind are no record");

    t = stream();
    script(t, BEGUN "5000 heartbeat at=5000; quiet");
    r = record_of(t, -1);
    len = qoe_view_record_pack(packed, &r);
    ok(qoe_view_record_unpack(&back, (qoe_span_t) { packed, len }) == QOE_OK
       && equal(&r, &back) && text_is(back.source, "events")
       && back.timeline.len == 0,
       "a record of a real view comes back from its bytes");

    big = calloc(1, QOE_VIEW_RECORD_MAX);
    r.timeline = (qoe_span_t) { big, QOE_TIMELINE_MAX + 1 };
    r.dims = (qoe_span_t) { big, QOE_LABELS_MAX };
    r.view_id = (qoe_span_t) { big, QOE_VIEW_RECORD_MAX };
    len = qoe_view_record_pack(packed, &r);
    ok(len <= QOE_VIEW_RECORD_MAX
       && qoe_view_record_unpack(&back, (qoe_span_t) { packed, len }) == QOE_OK
       && back.timeline.len == 0 && back.view_id.len == 0
       && back.dims.len == QOE_LABELS_MAX,
       "a text that does not fit is left out, the rest is there");

    /* the last byte of the room */

    memset(&r, 0, sizeof(r));
    r.made_ns = 1;
    room = QOE_VIEW_RECORD_MAX - qoe_view_record_pack(packed, &r);
    r.dims = (qoe_span_t) { big, QOE_LABELS_MAX };
    r.view_id = (qoe_span_t) { big, room - QOE_LABELS_MAX };
    len = qoe_view_record_pack(packed, &r);
    ok(len == QOE_VIEW_RECORD_MAX
       && qoe_view_record_unpack(&back, (qoe_span_t) { packed, len }) == QOE_OK
       && back.view_id.len == room - QOE_LABELS_MAX
       && back.dims.len == QOE_LABELS_MAX, "a record is filled to its end");
    r.view_id.len++;
    len = qoe_view_record_pack(packed, &r);
    ok(len < QOE_VIEW_RECORD_MAX
       && qoe_view_record_unpack(&back, (qoe_span_t) { packed, len }) == QOE_OK
       && back.view_id.len == room - QOE_LABELS_MAX + 1
       && back.dims.len == 0, "what does not fit by a byte is left out");
    free(big);
}


/* Whatever bytes a slot or a ring may hold: only the result must be safe. */

static void
test_nonsense(void)
{
    size_t              i, k, invalid;
    uint64_t            x;
    qoe_view_t          v;
    qoe_view_record_t   r;

    x = 88172645463325252ULL;
    invalid = 0;

    for (k = 0; k < 2000; k++) {
        for (i = 0; i < sizeof(v); i++) {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            ((uint8_t *) &v)[i] = (uint8_t) x;
            packed[i] = (char) (x >> 8);
        }

        qoe_view_record_make(&r, &v, 1);
        (void) qoe_view_record_pack(packed, &r);

        packed[20 + x % 400] = (char) x;
        invalid += qoe_view_record_unpack(&r, (qoe_span_t) { packed,
                                                            300 + x % 600 })
                   == QOE_INVALID;
    }

    ok(invalid > 0, "a slot and bytes of nonsense make no access beyond them");
}


int
main(void)
{
    test_points();
    test_numbers();
    test_bytes();
    test_nonsense();

    return tap_end();
}
