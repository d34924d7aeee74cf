
/*
 * Copyright (C) OpenQoE
 *
 * Which view an event belongs to, when a view is over, and that no view is
 * lost.
 */


#include "apply_unit.h"


#define SIZE         (16 * 1024 * 1024)
#define SMALL        (2 * 1024 * 1024)

#define VIEWS_MAX    32                      /* of a session, alive */
#define MANY         100000


static void
play(lane_t *l, int64_t at, const char *of)
{
    tell(l, at, of, "canplay", "video_startup_time=0 at=0");
    tell(l, at, of, "playing", "at=0");
}


static void
test_several(void)
{
    int       i;
    char      of[32];
    int64_t   at;
    lane_t   *l;

    l = lane_new(SIZE);

    for (i = 0; i < 6; i++) {
        snprintf(of, sizeof(of), "s/v%d/m%d", i, i);
        play(l, i, of);
    }

    for (at = 10000; at <= 60000; at += 10000) {
        for (i = 0; i < 6; i++) {
            snprintf(of, sizeof(of), "s/v%d/m%d", i, i);
            beats(l, at + i, at + i, of, i);
        }
    }

    ok(l->views == 6 && total(l, QOE_METRIC_CONCURRENT_VIEWS_CURRENT) == 6,
       "six players on a page are six views of one session");

    for (i = 0; i < 6; i++) {
        snprintf(of, sizeof(of), "s/v%d/m%d", i, i);
        tell(l, 60010 + i, of, "ended", "at=60000");
    }

    ok(came_to(l, 6, 6, 0, 360060), "each of the six views is complete");
    lane_free(l);

    l = lane_new(SIZE);
    play(l, 0, "s/v/m");
    play(l, 0, "t/v/m");
    tell(l, 20000, "s/v/m", "ended", "at=20000");
    tell(l, 30000, "t/v/m", "ended", "at=30000");
    ok(came_to(l, 2, 2, 0, 50000),
       "the same view_id in two sessions is two views");
    lane_free(l);
}


static void
test_videos(void)
{
    lane_t  *l;

    l = lane_new(SIZE);
    play(l, 0, "s/v/a");
    tell(l, 10000, "s/v/a", "heartbeat", "at=10000");
    tell(l, 12000, "s/v/b", "playing", "at=0");
    tell(l, 22000, "s/v/b", "heartbeat", "at=10000");
    tell(l, 40000, "s/v/b", "ended", "at=28000");
    ok(came_to(l, 2, 1, 1, 40000),
       "a source that changes in the middle of a view_id begins another view");
    lane_free(l);

    l = lane_new(SIZE);
    play(l, 0, "s/v/a");
    tell(l, 20000, "s/v/b", "manifestload", "page_load_time=10");
    tell(l, 20500, "s/v/a", "heartbeat", "at=20500");
    tell(l, 30000, "s/v/a", "ended", "at=30000");
    tell(l, 30100, "s/v/b", "canplay", "video_startup_time=5 at=0");
    tell(l, 30200, "s/v/b", "playing", "at=0");
    tell(l, 60200, "s/v/b", "ended", "at=30000");
    ok(came_to(l, 2, 2, 0, 60000),
       "a video that loads while another plays does not end it");
    lane_free(l);

    l = lane_new(SIZE);
    play(l, 0, "s/v/a");
    tell(l, 30000, "s/v/a", "ended", "at=30000");
    tell(l, 31000, "s/v/b", "manifestload", "");
    tell(l, 31510, "s/v/b", "playing", "at=0");
    tell(l, 60000, "s/v/b", "ended", "at=28490");
    ok(came_to(l, 2, 2, 0, 58490), "the next video of a view_id is a view");
    lane_free(l);

    l = lane_new(SIZE);
    play(l, 0, "s/v/a");
    tell(l, 10000, "s/v/b", "playing", "at=0");
    tell(l, 20000, "s/v/a", "heartbeat", "at=10000");
    tell(l, 21000, "s/v/b", "heartbeat", "at=11000");
    tell(l, 9500, "s/v/a", "playing", "at=0");
    ok(alive(l) == 1 && counted(l, QOE_COUNT_EVENTS_LATE) == 2,
       "a late event of the video before begins no view");
    tell(l, 30000, "s/v/a", "playing", "at=0");
    tell(l, 40000, "s/v/a", "ended", "at=10000");
    ok(came_to(l, 3, 1, 2, 40000), "a video that plays again is another view");
    lane_free(l);
}


static void
test_names(void)
{
    lane_t  *l;

    l = lane_new(SIZE);
    tell(l, 0, "s/v/", "canplay", "video_startup_time=0 at=0");
    tell(l, 0, "s/v/", "playing", "at=0");
    tell(l, 10000, "s/v/a", "heartbeat", "at=10000");
    tell(l, 20000, "s/v/", "heartbeat", "at=20000");
    ok(alive(l) == 1, "a view gets the first video that one of its events "
       "names");
    tell(l, 25000, "s/v/b", "playing", "at=0");
    tell(l, 35000, "s/v/", "heartbeat", "at=10000");
    tell(l, 40000, "s/v/", "ended", "at=15000");
    ok(came_to(l, 2, 1, 1, 40000),
       "an event that names no video is of the view that began last");
    tell(l, 41000, "s/v/", "heartbeat", "at=15000");
    ok(alive(l) == 0, "after the view's end such an event begins none");
    lane_free(l);

    l = lane_new(SIZE);
    play(l, 0, "s//");
    tell(l, 10000, "s//", "ended", "at=10000");
    ok(came_to(l, 1, 1, 0, 10000), "a player may name neither view nor video");
    lane_free(l);
}


static void
test_ends(void)
{
    size_t   count;
    lane_t  *l;

    l = lane_new(SIZE);
    play(l, 0, "s/v/a");
    tell(l, 30000, "s/v/a", "ended", "at=30000");
    tell(l, 30100, "s/v/a", "pause", "at=30000");
    tell(l, 31400, "s/v/a", "heartbeat", "at=30000");
    ok(alive(l) == 0 && counted(l, QOE_COUNT_EVENTS_LATE) == 2
       && total(l, QOE_METRIC_PAUSE_EVENTS_TOTAL) == 0,
       "after `ended` neither a pause nor a heartbeat begins a view");
    tell(l, 31510, "s/v/a", "playing", "at=0");
    tell(l, 60000, "s/v/a", "ended", "at=28490");
    ok(came_to(l, 2, 2, 0, 58490)
       && (total_of(l, QOE_METRIC_VIDEO_STARTUP_TIME, NULL, &count),
           count == 1),
       "a replay is another view, and has no startup where none can be known");
    lane_free(l);

    l = lane_new(SIZE);
    play(l, 0, "s/v/a");
    tell(l, 30000, "s/v/a", "ended", "at=30000");
    tell(l, 31400, "s/v/a", "stallstart", "at=0");
    tell(l, 31510, "s/v/a", "playing", "at=0");
    tell(l, 33510, "s/v/a", "stallend", "at=0");
    tell(l, 60000, "s/v/a", "ended", "at=26490");
    ok(came_to(l, 2, 2, 0, 56490)
       && total(l, QOE_METRIC_VIDEO_STARTUP_TIME) == 2000
       && total(l, QOE_METRIC_REBUFFER_EVENTS_COUNT) == 0,
       "a wait just before a replay belongs to its startup");
    lane_free(l);

    l = lane_new(SIZE);
    play(l, 0, "s/v/a");
    tell(l, 12000, "s/v/a", "playbackdetached", "at=12000");
    tell(l, 12310, "s/v/a", "playing", "at=12000");
    tell(l, 60000, "s/v/a", "ended", "at=59690");
    ok(came_to(l, 1, 1, 0, 59690),
       "a player that is recovered goes on with its view");
    lane_free(l);
}


/* The event's own time decides, for it may be received much later. */

static void
test_lapse(void)
{
    size_t   i;
    lane_t  *l;

    for (i = 0; i < 2; i++) {
        l = lane_new(SIZE);
        play(l, 0, "s/v/a");
        tell(l, 12000, "s/v/a", "playbackdetached", "at=12000");
        tell(l, 42000 + (int64_t) i, "s/v/a", "playing", "at=12000");
        tell(l, 52000 + (int64_t) i, "s/v/a", "ended", "at=22000");

        ok(i == 0 ? came_to(l, 1, 1, 0, 22000) : came_to(l, 2, 1, 1, 22000),
           i == 0 ? "a suspended view goes on within 30 s of its events' time"
                  : "a suspended view is over after them");
        lane_free(l);
    }
}


static void
test_continued(void)
{
    lane_t  *l;

    l = lane_new(SIZE);
    tell(l, 0, "s/v/a", "canplay", "video_startup_time=5 at=0");
    tell(l, 0, "s/v/a", "playing", "at=0");
    beats(l, 10000, 60000, "s/v/a", 0);
    pass(l, 900000);
    ok(alive(l) == 0 && counted(l, QOE_COUNT_VIEWS_SILENT) == 1
       && came_to(l, 1, 0, 1, 60000), "silence ends a view");

    beats(l, 900000, 960000, "s/v/a", 840000);
    ok(total(l, QOE_METRIC_VIEWS_CONTINUED_TOTAL) == 1 && alive(l) == 1,
       "after silence any event begins a view, which counts as continued");

    tell(l, 960500, "s/v/a", "ended", "at=120500 playing_time=120500");
    ok(came_to(l, 2, 1, 1, 120500)
       && total(l, QOE_METRIC_VIDEO_STARTUP_TIME) == 5,
       "each second of playing is of one view, and the second view has no "
       "startup");

    beats(l, 970000, 990000, "s/v/a", 849500);
    ok(total(l, QOE_METRIC_VIEWS_CONTINUED_TOTAL) == 1 && alive(l) == 0,
       "after `ended` a heartbeat does not continue the view");
    lane_free(l);

    l = lane_new(SIZE);
    play(l, 0, "s/v/a");
    beats(l, 10000, 60000, "s/v/a", 0);
    pass(l, 900000);
    tell(l, 50000, "s/v/a", "fpsdrop", "");
    ok(alive(l) == 0 && counted(l, QOE_COUNT_EVENTS_LATE) == 1,
       "an event that happened before the view's end begins none");
    lane_free(l);
}


static void
test_duplicates(void)
{
    int      i;
    lane_t  *l;

    l = lane_new(SIZE);

    for (i = 0; i < 3; i++) {
        play(l, 0, "s/v/a");
        beats(l, 10000, 30000, "s/v/a", 0);
        tell(l, 30000, "s/v/a", "stallstart", "at=30000");
        tell(l, 33000, "s/v/a", "stallend", "at=30000");
        tell(l, 43000, "s/v/a", "ended", "at=40000");
        tell(l, 43000, "s/v/a", "playbackdetached", "at=40000");
    }

    ok(came_to(l, 1, 1, 0, 40000)
       && total(l, QOE_METRIC_REBUFFER_EVENTS_COUNT) == 1
       && total(l, QOE_METRIC_EVENTS_TOTAL) == 27
       && counted(l, QOE_COUNT_EVENTS_DUPLICATE) == 18,
       "a batch that is sent three times counts once, but for events_total");
    lane_free(l);
}


/*
 * Each view gives up its place to the next, so the number alive stays bounded.
 */

static void
test_many(void)
{
    int      i;
    char     of[32];
    lane_t  *l;

    l = lane_new(SIZE);

    for (i = 0; i < MANY; i++) {
        snprintf(of, sizeof(of), "s/v%d/a", i);
        tell(l, i, of, "playing", "at=0");
    }

    ok(l->views == VIEWS_MAX && counted(l, QOE_COUNT_VIEWS_STARTED) == MANY
       && counted(l, QOE_COUNT_VIEWS_ENDED) == MANY - VIEWS_MAX
       && counted(l, QOE_COUNT_VIEWS_EVICTED) == MANY - VIEWS_MAX,
       "of %d views of one session never more than %d are alive", MANY,
       VIEWS_MAX);

    pass(l, 7200000);
    ok(counted(l, QOE_COUNT_VIEWS_ENDED) == MANY && alive(l) == 0
       && total(l, QOE_METRIC_VIEWS_TOTAL) == MANY,
       "none of these views is lost: as many ended as began");
    lane_free(l);

    l = lane_new(SIZE);

    for (i = 0; i < 40; i++) {
        snprintf(of, sizeof(of), "s/v%d/a", i);
        play(l, i * 100, of);
        play(l, i * 100 + 50, "s/kept/a");
    }

    ok(counted(l, QOE_COUNT_VIEWS_EVICTED) == 9
       && counted(l, QOE_COUNT_VIEWS_STARTED) == 41,
       "the view that was silent longest makes room, and no other");
    lane_free(l);
}


static void
test_full(void)
{
    char                  of[32];
    lane_t               *l;
    uint32_t              i, n, peak;
    qoe_sessions_info_t   info;

    l = lane_new(SMALL);
    qoe_sessions_info(l->st.sessions[0], &info);
    n = info.sessions_max * 5;
    peak = 0;

    for (i = 0; i < n; i++) {
        snprintf(of, sizeof(of), "s%u/v/a", i);
        play(l, i * 10, of);

        qoe_sessions_info(l->st.sessions[0], &info);
        peak = qoe_max(peak, info.sessions);
    }

    ok(peak == info.sessions_max
       && l->views <= info.views_max
       && counted(l, QOE_COUNT_VIEWS_STARTED) == n
       && counted(l, QOE_COUNT_VIEWS_ENDED) + info.views == n
       && counted(l, QOE_COUNT_EVENTS_LATE) == 0,
       "%u sessions in places for %u: each view began and is over, or alive",
       n, info.sessions_max);

    pass(l, n * 10 + 10 * 3600000);
    qoe_sessions_info(l->st.sessions[0], &info);

    ok(info.views == 0 && info.sessions == 0
       && counted(l, QOE_COUNT_VIEWS_ENDED) == n
       && total(l, QOE_METRIC_VIEWS_TOTAL) == n,
       "silence empties the table, and every view has ended once");

    ok(total(l, QOE_METRIC_VIEWS_STARTED_TOTAL) == ended_as(l, "played"),
       "a view that made room counts as played");
    lane_free(l);
}


/* The session that is oldest plays; those after it have no view any more. */

static void
test_spare(void)
{
    char                  of[32];
    lane_t               *l;
    uint32_t              i;
    qoe_sessions_info_t   info;

    l = lane_new(SMALL);
    play(l, 0, "live/v/a");
    qoe_sessions_info(l->st.sessions[0], &info);

    for (i = 0; i < info.sessions_max + 50; i++) {
        snprintf(of, sizeof(of), "s%u/v/a", i);
        play(l, i, of);
        tell(l, i + 1, of, "ended", "at=1");
    }

    ok(alive(l) == 1 && counted(l, QOE_COUNT_VIEWS_EVICTED) == 0,
       "a full table forgets sessions without a live view first");
    lane_free(l);

    /* Every session that the search may look at has a live view. */

    l = lane_new(SMALL);

    for (i = 0; i < info.sessions_max; i++) {
        snprintf(of, sizeof(of), "s%u/v/a", i);
        play(l, i, of);

        if (i >= 20) {
            tell(l, i + 1, of, "ended", "at=1");
        }
    }

    /* All of these sessions are known. */

    for (i = 0; i < info.sessions_max; i++) {
        snprintf(of, sizeof(of), "s%u/v/a", i);
        tell(l, i + 3000, of, "heartbeat", "");
    }

    play(l, 10000, "other/v/a");
    beats(l, 11000, 11000, "s1/v/a", 0);
    ok(alive(l) == 20 && counted(l, QOE_COUNT_VIEWS_EVICTED) == 1
       && counted(l, QOE_COUNT_VIEWS_STARTED)
          == counted(l, QOE_COUNT_VIEWS_ENDED) + 20
       && total(l, QOE_METRIC_CONCURRENT_VIEWS_CURRENT) == 20,
       "where every session has a live view, the view of the session that is "
       "forgotten ends");
    lane_free(l);
}


static void
test_timeouts(void)
{
    size_t             i;
    lane_t            *l;
    uint64_t           last;
    static const struct {
        const char    *claim;
        const char    *type;
        uint64_t       due;
    } ends[] = {
        { "a view that plays is over after 10 minutes of silence, and not "
          "before", "heartbeat", 600000 },
        { "a paused view is over after 60 minutes, and not before", "pause",
          3600000 },
        { "a view in a hidden page is over after 3 minutes, and not before",
          "moveaway", 180000 },
        { "a view whose player was taken away is over after 30 seconds, and "
          "not before", "playbackdetached", 30000 }
    };

    for (i = 0; i < 4; i++) {
        l = lane_new(SIZE);
        play(l, 0, "s/v/a");
        tell(l, 20000, "s/v/a", ends[i].type, "at=20000");
        last = 20000;

        pass(l, last + ends[i].due - 1);

        ok(alive(l) == 1
           && (pass(l, last + ends[i].due), alive(l) == 0)
           && came_to(l, 1, 0, 1, 20000), "%s", ends[i].claim);

        lane_free(l);
    }
}


static void
test_due(void)
{
    int       i;
    char      of[32];
    lane_t   *l;

    l = lane_new(SIZE);
    ok(qoe_apply_due_ms(l->apply) == UINT64_MAX,
       "a lane without a session has nothing to wake up for");

    play(l, 0, "s/v/a");
    ok(qoe_apply_due_ms(l->apply) == LOG_START + 30000,
       "a view is looked at 30 s after its last event");

    for (i = 1; i <= 360; i++) {
        pass(l, (uint64_t) i * 10000);
        beats(l, i * 10000, i * 10000, "s/v/a", 0);
    }

    ok(l->wakeups == 0, "an hour of heartbeats never wakes the helper up");

    pass(l, 3600000 + 40000);
    ok(l->wakeups == 1
       && qoe_apply_due_ms(l->apply) == LOG_START + 3600000 + 600000,
       "30 s of silence wake the helper up once, then it sleeps until the view "
       "ends");

    pass(l, 24 * 3600000);
    ok(l->wakeups == 3 && qoe_apply_due_ms(l->apply) == UINT64_MAX,
       "the helper wakes up for the view's end and for the session's, and "
       "never again");
    lane_free(l);

    l = lane_new(SIZE);

    for (i = 0; i < 1000; i++) {
        snprintf(of, sizeof(of), "s%d/v/a", i);
        play(l, i, of);
    }

    pass(l, 24 * 3600000);
    ok(l->wakeups <= 3 * 1000 && alive(l) == 0
       && counted(l, QOE_COUNT_VIEWS_ENDED) == 1000
       && qoe_apply_due_ms(l->apply) == UINT64_MAX,
       "a thousand views wake the helper up three times each at most (%u)",
       l->wakeups);
    lane_free(l);
}


/* The bytes in the zone are all that the next consumer has. */

static void
test_adopted(void)
{
    lane_t  *l;

    l = lane_new(SIZE);
    play(l, 0, "s/v/a");
    beats(l, 10000, 20000, "s/v/a", 0);
    tell(l, 20000, "s/w/b", "playing", "at=0");
    tell(l, 20001, "s/w/b", "stallstart", "at=0");
    lane_hold(l, true);
    beats(l, 30000, 40000, "s/v/a", 0);
    tell(l, 25000, "s/w/b", "stallend", "at=0");
    lane_hold(l, true);
    tell(l, 50000, "s/v/a", "ended", "at=50000");
    tell(l, 60000, "s/w/b", "ended", "at=35000");
    ok(came_to(l, 2, 2, 0, 85000) && alive(l) == 0,
       "views go on with the next consumer of a lane whose last consumer was "
       "killed");

    pass(l, 24 * 3600000);
    ok(qoe_apply_due_ms(l->apply) == UINT64_MAX,
       "the next consumer forgets the session as the last one would have");
    lane_free(l);

    l = lane_new(SIZE);
    play(l, 0, "s/v/a");
    tell(l, 5000, "s/v/a", "pause", "at=5000");
    pass(l, 100000);
    lane_hold(l, true);
    pass(l, 5000 + 3600000 - 1);
    ok(alive(l) == 1 && (pass(l, 5000 + 3600000), alive(l) == 0),
       "a paused view keeps its 60 minutes when the consumer changes");
    lane_free(l);
}


static void
test_clock(void)
{
    lane_t  *l;

    l = lane_new(SIZE);
    play(l, 0, "s/v/a");
    beats(l, 10000, 60000, "s/v/a", 0);
    l->delay_ms = (uint64_t) -3600000;
    beats(l, 3670000, 3720000, "s/v/a", 3600000);
    tell(l, 3720500, "s/v/a", "ended", "at=120500 playing_time=120500");
    ok(came_to(l, 1, 1, 0, 120500) && counted(l, QOE_COUNT_CLOCKS_SET) == 1,
       "a view goes on when the client's clock is set forward by an hour");
    lane_free(l);

    l = lane_new(SIZE);
    play(l, 0, "s/v/a");
    beats(l, 10000, 60000, "s/v/a", 0);
    l->delay_ms = 3600000;
    beats(l, 70000 - 3600000, 120000 - 3600000, "s/v/a", -3600000);
    tell(l, 120500 - 3600000, "s/v/a", "ended", "at=120500");
    ok(came_to(l, 1, 1, 0, 120500) && counted(l, QOE_COUNT_CLOCKS_SET) == 1,
       "a view goes on when the client's clock is set back by an hour");
    lane_free(l);

    l = lane_new(SIZE);
    l->delay_ms = 300000;
    play(l, 0, "s/v/a");
    beats(l, 10000, 600000, "s/v/a", 0);
    tell(l, 600500, "s/v/a", "ended", "at=600500");
    ok(came_to(l, 1, 1, 0, 600500) && counted(l, QOE_COUNT_CLOCKS_SET) == 0,
       "batches that come five minutes late lose nothing");
    lane_free(l);
}


/* The `playing` of a video that was loaded before is lost. */

static void
test_lost(void)
{
    lane_t  *l;

    l = lane_new(SIZE);
    play(l, 0, "s/v/a");
    tell(l, 10000, "s/v/a", "heartbeat", "at=10000");
    tell(l, 20000, "s/v/b", "heartbeat", "at=5000 playing_time=5000");
    tell(l, 30000, "s/v/b", "heartbeat", "at=15000 playing_time=15000");
    ok(alive(l) == 1 && ended_as(l, "played") == 1,
       "once it is seen to play, it replaces the other, though its `playing` "
       "was lost");
    lane_free(l);
}


/* All who are known, and no room for another view. */

static void
test_known(void)
{
    char                  of[32];
    lane_t               *l;
    uint32_t              i, n;
    qoe_sessions_info_t   info;

    l = lane_new(SMALL);
    qoe_sessions_info(l->st.sessions[0], &info);
    n = qoe_min(info.views_max, info.sessions_max);

    for (i = 0; i < n; i++) {
        snprintf(of, sizeof(of), "s%u/v/a", i);
        play(l, i, of);
    }

    for (i = 0; i < n; i++) {
        snprintf(of, sizeof(of), "s%u/v/a", i);
        tell(l, n + 3000 + i, of, "heartbeat", "");
    }

    for (i = 0; n + i < info.views_max; i++) {
        snprintf(of, sizeof(of), "s%u/w%u/a", i % n, i / n);
        play(l, 2 * n + 3000 + i, of);
    }

    ok(alive(l) == info.views_max && counted(l, QOE_COUNT_VIEWS_EVICTED) == 0,
       "the table is full of the views of sessions that are known");

    /* the first view is heard again, so the second is silent longest */

    tell(l, 20000, "s0/v/a", "heartbeat", "");
    play(l, 20001, "s5/x/a");
    ok(alive(l) == info.views_max && counted(l, QOE_COUNT_VIEWS_EVICTED) == 1,
       "another view of a known session takes the place of one");

    tell(l, 20002, "s0/v/a", "ended", "at=20002");
    tell(l, 20003, "s2/v/a", "ended", "at=20003");
    ok(ended_as(l, "completed") == 2 && alive(l) == info.views_max - 2,
       "the views that were heard later are still there");

    tell(l, 20004, "s1/v/a", "ended", "at=20004");
    ok(ended_as(l, "completed") == 2,
       "the view that was silent longest made room");
    lane_free(l);
}


int
main(void)
{
    test_several();
    test_videos();
    test_names();
    test_ends();
    test_lapse();
    test_continued();
    test_duplicates();
    test_many();
    test_full();
    test_spare();
    test_timeouts();
    test_due();
    test_adopted();
    test_clock();
    test_lost();
    test_known();

    return tap_end();
}
