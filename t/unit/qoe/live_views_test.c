
/*
 * Copyright (C) OpenQoE
 *
 * What the live page shows of views: how many are watched, which went badly,
 * and that its sums are those of the metrics.
 */


#include "apply_unit.h"


static qoe_live_read_t  got;


/* What the lane says of itself at that ms of its time. */

static void
live_of(lane_t *l, uint64_t ms)
{
    qoe_live_read(&got, l->st.live, l->st.live_lane, l->st.lanes, lane_ns(ms));
}


static uint32_t
watched(lane_t *l, uint64_t ms)
{
    live_of(l, ms);

    return got.watched[QOE_LIVE_KEPT - 1];
}


/* As the helper does when it has taken in what came. */

static void
tick(lane_t *l, uint64_t ms)
{
    qoe_apply_tick(l->apply, lane_ns(ms));
}


static void
test_watched(void)
{
    lane_t    *l;
    uint32_t   i;

    l = lane_new(16 * 1024 * 1024);

    tick(l, 0);
    ok(watched(l, 0) == 0, "a new lane has no view that is watched");

    tell(l, 0, "s/a/x", "playing", "");
    tell(l, 500, "s/a/x", "stallend", "");
    tell(l, 600, "t/b/x", "playing", "");
    tell(l, 700, "u/c/x", "playerready", "");
    tick(l, 800);
    ok(watched(l, 800) == 2, "a view that plays or wants to is watched");

    beats(l, 10500, 20500, "s/a/x", 500);
    tell(l, 21000, "t/b/x", "playbackdetached", "");
    tell(l, 22000, "t/b/x", "heartbeat", "");
    tick(l, 22000);
    ok(watched(l, 22000) == 1, "one that is detached is not");
    ok(watched(l, 50000) == 1, "the count stands as long as nothing happens");
    live_of(l, 22000);
    ok(got.watched[QOE_LIVE_KEPT - 1 - 4] == 2,
       "the steps before have what was counted then");

    pass(l, 60000);
    ok(watched(l, 60000) == 0,
       "30 s after its last event a view is not watched any more");

    tell(l, 61000, "s/a/x", "heartbeat", "at=60000 playing_time=60000");
    lane_hold(l, true);
    tick(l, 61100);
    ok(watched(l, 61100) == 1, "who takes a lane over counts its views");

    tell(l, 62000, "s/a/x", "pause", "at=60500");
    tell(l, 63000, "s/a/x", "heartbeat", "at=60500");
    tick(l, 63000);
    ok(watched(l, 63000) == 0, "a pause is seen with the next tick");

    tell(l, 64000, "s/a/x", "playing", "at=60500");
    tell(l, 65000, "s/a/x", "heartbeat", "at=61500");
    tick(l, 65000);
    ok(watched(l, 65000) == 1, "so is that it plays again");

    /* over, while its record waits for room */

    for (i = 0; i < qoe_sessions_touched(l->st.sessions[0]); i++) {
        qoe_sessions_slot(l->st.sessions[0], i)->over = 1;
    }

    tell(l, 66000, "z/z/x", "playerready", "");
    tick(l, 66000);
    ok(watched(l, 66000) == 0, "a view that is over is not watched");

    lane_free(l);
}


/* The more slots there are, the longer the time between two counts. */

static void
test_pace(void)
{
    int      i;
    char     of[32];
    lane_t  *l;

    l = lane_new(16 * 1024 * 1024);

    for (i = 0; i < 400; i++) {
        snprintf(of, sizeof(of), "s%d/v/x", i);
        tell(l, 0, of, "playing", "");
    }

    tick(l, 1000);
    ok(watched(l, 1000) == 400, "all views are counted");

    tell(l, 1001, "more/v/x", "playing", "");
    tick(l, 1009);
    ok(watched(l, 1009) == 400, "400 slots are not counted again within 10 ms");
    tick(l, 1010);
    ok(watched(l, 1010) == 401, "but after them");

    tell(l, 1011, "evenmore/v/x", "playing", "");
    tick(l, 900);
    ok(watched(l, 900) == 402, "a clock that is set back stops no count");

    tick(l, 30900);
    ok(watched(l, 30900) == 402,
       "what nothing has changed is not counted again");
    pass(l, 31011);
    ok(watched(l, 31011) == 0, "until all views are silent");
    lane_free(l);
}


static const qoe_live_bad_t *
bad_of(lane_t *l, const char *id)
{
    size_t                 i, n;
    static qoe_live_bad_t  bad[QOE_LIVE_BAD_SHOWN];

    n = qoe_live_read_bad(l->st.live, bad, QOE_LIVE_BAD_SHOWN);

    for (i = 0; i < n; i++) {
        if (strncmp(bad[i].view_id, id, QOE_VIEW_ID) == 0) {
            return &bad[i];
        }
    }

    return NULL;
}


static bool
label_is(const qoe_live_bad_t *bad, const char *name, const char *value)
{
    qoe_span_t         key, text;
    qoe_labels_iter_t  it;

    qoe_labels_iter(&it, (qoe_span_t) { bad->labels, bad->labels_len });

    while (qoe_labels_next(&it, &key, &text)) {
        if (qoe_span_eq(key, qoe_span_str(name))) {
            return qoe_span_eq(text, qoe_span_str(value));
        }
    }

    return value == NULL;
}


static void
test_views(void)
{
    lane_t                *l;
    const qoe_live_bad_t  *bad;

    l = lane_new(16 * 1024 * 1024);

    /* a good one */

    tell(l, 0, "s/good/x", "playing", "");
    tell(l, 1, "s/good/x", "stallstart", "");
    tell(l, 400, "s/good/x", "stallend", "");
    beats(l, 10400, 60400, "s/good/x", 400);
    tell(l, 70400, "s/good/x", "ended", "at=70000 playing_time=70000");

    /* a slow start of 6 s, and 2 s of 22 s stalled */

    tell(l, 80000, "s/slow/x", "playing", "title=Dune cdn=edge device=tv");
    tell(l, 80001, "s/slow/x", "stallstart", "title=Dune cdn=edge device=tv");
    tell(l, 86000, "s/slow/x", "stallend", "title=Dune cdn=edge device=tv");
    tell(l, 96000, "s/slow/x", "stallstart",
         "at=10000 title=Dune cdn=edge device=tv");
    tell(l, 98000, "s/slow/x", "stallend",
         "at=10000 title=Dune cdn=edge device=tv");
    tell(l, 108000, "s/slow/x", "ended",
         "at=20000 playing_time=20000 title=Dune cdn=edge device=tv");

    /* a start that failed, and a viewer who did not wait */

    tell(l, 110000, "s/fail/x", "playing", "");
    tell(l, 110001, "s/fail/x", "stallstart", "");
    tell(l, 110500, "s/fail/x", "error",
         "error_family=network error_code=403");
    tell(l, 110600, "s/fail/x", "playbackdetached", "");
    tell(l, 112000, "s/digit/x", "playing", "");
    tell(l, 112001, "s/digit/x", "stallstart", "");
    tell(l, 112500, "s/digit/x", "error", "error_family=media error_code=3");
    tell(l, 112600, "s/digit/x", "playbackdetached", "");
    tell(l, 114000, "s/family/x", "playing", "");
    tell(l, 114001, "s/family/x", "stallstart", "");
    tell(l, 114500, "s/family/x", "error", "error_family=media");
    tell(l, 114600, "s/family/x", "playbackdetached", "");
    tell(l, 120000, "s/exit/x", "playing", "");
    tell(l, 120001, "s/exit/x", "stallstart", "");
    tell(l, 126000, "s/exit/x", "playbackdetached", "");
    pass(l, 300000);

    live_of(l, 300000);

    ok(bad_of(l, "good") == NULL, "a good view is not among the bad ones");

    bad = bad_of(l, "slow");
    ok(bad != NULL && bad->why == (QOE_LIVE_SLOW|QOE_LIVE_REBUFFER)
       && bad->startup_ms == 6000 && bad->stalled_ms == 2000
       && bad->stalls == 1 && bad->playing_ms == 20000,
       "a view with a slow start and a long stall is one, with its numbers");
    ok(bad != NULL && label_is(bad, "video_title", "Dune")
       && label_is(bad, "video_id", "x") && label_is(bad, "device_category",
                                                     "tv")
       && label_is(bad, "org_id", "acme"),
       "it has the attributes that metrics have");
    ok(bad != NULL && label_is(bad, "cdn_provider", NULL),
       "and none that metrics do not have");

    bad = bad_of(l, "fail");
    ok(bad != NULL && bad->why == QOE_LIVE_START_FAILURE
       && strcmp(bad->error, "403") == 0 && bad->startup_ms == UINT32_MAX,
       "a start that failed is one, with the code of the error");

    ok(bad_of(l, "digit") != NULL
       && strcmp(bad_of(l, "digit")->error, "3") == 0
       && bad_of(l, "family") != NULL
       && strcmp(bad_of(l, "family")->error, "media") == 0,
       "an error without a code has the name of its family");

    bad = bad_of(l, "exit");
    ok(bad != NULL && bad->why == QOE_LIVE_EXIT && bad->error[0] == '\0',
       "a viewer who left before the start is one");

    ok(total(l, QOE_METRIC_VIEWS_STARTED_TOTAL) == 2
       && ended_as(l, "completed") == 2 && ended_as(l, "startup_failure") == 3
       && ended_as(l, "exit_before_start") == 1, "so say the metrics, too");

    lane_free(l);
}


/* The history is made of the points of the metrics, so their sums agree. */

static void
test_sums(void)
{
    size_t    i, k, n;
    lane_t   *l;
    double    sum[QOE_LIVE_WORDS], startups;

    l = lane_new(16 * 1024 * 1024);
    memset(sum, 0, sizeof(sum));

    tell(l, 0, "s/a/x", "playing", "");
    tell(l, 1, "s/a/x", "stallstart", "");
    tell(l, 900, "s/a/x", "stallend", "");
    beats(l, 10900, 60900, "s/a/x", 900);
    tell(l, 61000, "s/a/x", "stallstart", "at=60100");
    tell(l, 64000, "s/a/x", "stallend", "at=60100");
    tell(l, 74000, "s/a/x", "ended", "at=70100 playing_time=70100");
    tell(l, 75000, "t/b/x", "playing", "");
    tell(l, 75001, "t/b/x", "stallstart", "");
    tell(l, 75001, "t/b/x", "error", "error_family=media error_code=3");
    tell(l, 75002, "t/b/x", "playbackdetached", "");
    pass(l, 200000);
    live_of(l, 200000);

    for (i = 0; i < QOE_LIVE_KEPT; i++) {
        for (k = 0; k < QOE_LIVE_WORDS; k++) {
            sum[k] += got.count[i][k];
        }
    }

    for (k = QOE_LIVE_STARTUP, startups = 0; k < QOE_LIVE_WORDS; k++) {
        startups += sum[k];
    }

    ok(sum[QOE_LIVE_STARTED] == total(l, QOE_METRIC_VIEWS_STARTED_TOTAL)
       && sum[QOE_LIVE_ERRORS] == total(l, QOE_METRIC_ERRORS_TOTAL)
       && sum[QOE_LIVE_STALLS] == total(l, QOE_METRIC_REBUFFER_EVENTS_COUNT),
       "starts, errors and stalls of the history are those of the metrics");
    ok(fabs(sum[QOE_LIVE_PLAYING_MS]
            - total(l, QOE_METRIC_PLAYING_TIME_SECONDS) * 1000) < 20
       && sum[QOE_LIVE_STALLED_MS] == total(l, QOE_METRIC_REBUFFER_DURATION),
       "so are the times of playing and stalling");
    ok(sum[QOE_LIVE_COMPLETED] == ended_as(l, "completed")
       && sum[QOE_LIVE_START_FAILURES] == ended_as(l, "startup_failure")
       && sum[QOE_LIVE_START_FAILURES] == 1,
       "so are the outcomes");

    (void) total_of(l, QOE_METRIC_VIDEO_STARTUP_TIME, NULL, &n);
    ok(startups == n && n == 1, "so are the startups");

    lane_free(l);
}


int
main(void)
{
    test_watched();
    test_pace();
    test_views();
    test_sums();

    return tap_end();
}
