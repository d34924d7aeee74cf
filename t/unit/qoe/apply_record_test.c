
/*
 * Copyright (C) OpenQoE
 *
 * Records of views in a lane: when they are put, and that none is forgotten
 * while the ring is full, or when a helper is killed.
 */


#include "record_unit.h"


/* An exit, in as many steps as it takes; false: it takes too many. */

static bool
leave(lane_t *l)
{
    int  n;

    for (n = 0; n < 1000; n++) {
        if (qoe_apply_leave(l->apply, lane_ns(l->now_ms)) == QOE_OK) {
            return true;
        }
    }

    return false;
}


static void
test_when(void)
{
    lane_t  *l;

    l = lane_of(300000);

    tell(l, 0, OF, "manifestload", "");
    tell(l, 1000, OF, "playerready", "");
    ok(receive(l) == 0, "a view that has shown no frame puts no record");

    begin(l, 2000, OF);
    beats(l, 12000, 302000, OF, 2000);
    ok(receive(l) == 1 && got.r[0].started && !got.r[0].final
       && got.r[0].seq == 1,
       "the first frame puts a record, which is not final");

    beats(l, 312000, 602000, OF, 2000);
    ok(receive(l) == 1 && got.r[1].seq == 2 && !got.r[1].final
       && got.r[1].playing_ms > 290000,
       "after the interval another record follows, with all until then");

    tell(l, 612000, OF, "ended", "at=610000 completion_rate=1");
    ok(receive(l) == 1 && got.r[2].seq == 3 && got.r[2].final
       && is(got.r[2].outcome, "completed") && is(got.r[2].end_reason, "ended")
       && got.r[2].playing_ms == 610000,
       "the end of a view puts its final record");
    ok(counter(l, QOE_COUNT_RECORDS_PUT) == 3
       && counter(l, QOE_COUNT_RECORDS_GOVERNED) == 0
       && counter(l, QOE_COUNT_RECORDS_DROPPED) == 0,
       "records that were put are counted");

    tell(l, 700000, OF, "playing", "at=0");
    beats(l, 710000, 720000, OF, 700000);
    tell(l, 721000, OF, "ended", "at=21000");
    ok(receive(l) == 2 && got.r[4].final && got.r[4].play == 2
       && got.r[2].play == 1 && got.r[4].seq == 2,
       "the next view of the same id has another number");
    lane_free(l);

    l = lane_of(0);
    begin(l, 0, OF);
    beats(l, 10000, 900000, OF, 0);
    ok(receive(l) == 0, "without an interval a live view puts no record");
    tell(l, 910000, OF, "ended", "at=910000");
    ok(receive(l) == 1 && got.r[0].final && got.r[0].seq == 1,
       "without an interval there is the final record alone");
    lane_free(l);

    l = lane_of(0);
    tell(l, 0, OF, "playing", "at=0");
    pass(l, 700000);
    ok(receive(l) == 1 && got.r[0].final && got.r[0].events == 1,
       "a view of a single event puts its final record");
    lane_free(l);

    l = lane_of(300000);
    begin(l, 0, OF);
    tell(l, 1000, OF, "heartbeat", "at=1000");
    ok(receive(l) == 1, "the first frame puts the first record");
    tell(l, 300999, OF, "heartbeat", "at=300999");
    ok(receive(l) == 0, "before the interval is over none follows");
    tell(l, 301000, OF, "heartbeat", "at=301000");
    ok(receive(l) == 1 && got.r[1].seq == 2,
       "with the interval's end the next one does");
    lane_free(l);

    l = lane_of(300000);
    l->conf.views = false;
    begin(l, 0, OF);
    beats(l, 10000, 900000, OF, 0);
    tell(l, 910000, OF, "ended", "at=910000");
    ok(receive(l) == 0 && leave(l) && receive(l) == 0,
       "where no exporter takes records of views there is none");
    lane_free(l);

    l = lane_of(300000);
    l->conf.records = false;
    begin(l, 0, OF);
    tell(l, 10000, OF, "ended", "at=10000");
    ok(receive(l) == 0, "without an exporter of records none is put");
    lane_free(l);
}


static void
test_leave(void)
{
    size_t   i, n;
    char     of[128];
    lane_t  *l;

    l = lane_of(300000);

    begin(l, 0, OF);
    tell(l, 500, SESSION "/71e30000-0001-4000-8000-000000000002/other",
         "manifestload", "");
    beats(l, 10000, 30000, OF, 0);
    ok(receive(l) == 1, "a live view has its first record");

    ok(leave(l) && receive(l) == 1
       && got.r[1].seq == 2 && !got.r[1].final && got.r[1].playing_ms > 19000
       && is(got.r[1].view_id, VIEW),
       "at an exit it puts another one, which is not final, and a view that "
       "has shown no frame puts none");
    ok(leave(l) && receive(l) == 0,
       "but only once");
    lane_free(l);

    l = lane_of(0);
    begin(l, 0, OF);
    beats(l, 10000, 30000, OF, 0);
    ok(leave(l) && receive(l) == 0,
       "without an interval there are only final records, at an exit, too");
    lane_free(l);

    l = lane_of(300000);

    for (i = 0; i < 1000; i++) {
        snprintf(of, sizeof(of), "5e551011-0001-4000-8000-%012zx"
                 "/71e30000-0001-4000-8000-%012zx/film", i, i);
        begin(l, (int64_t) i, of);
        tell(l, 2000 + (int64_t) i, of, "heartbeat", "at=2000");
    }

    n = receive(l);
    got.n = 0;

    ok(n == 1000 && leave(l) && receive(l) == 1000,
       "1000 views put as many last records");
    lane_free(l);
}


static void
test_replaced(void)
{
    lane_t  *l;

    l = lane_of(0);
    begin(l, 0, SESSION "/a/film");
    beats(l, 10000, 20000, SESSION "/a/film", 0);
    begin(l, 20000, SESSION "/a/next");
    ok(receive(l) == 1 && is(got.r[0].end_reason, "replaced"),
       "a view is replaced at the moment of its last event, too");
    lane_free(l);
}


/* Does record i have a trace of so many entries, of which some were sent? */

static bool
traced(size_t i, size_t n, size_t sent)
{
    qoe_trace_t  t;

    return got.r[i].trace
           && qoe_trace_unpack(&t, got.r[i].timeline) == QOE_OK
           && t.probability == 1 && !t.again
           && t.timeline.n == n && t.timeline.sent == sent;
}


static void
test_traces(void)
{
    lane_t  *l;

    l = lane_of(0);
    l->conf.traces.mode = QOE_TRACES_ALL;
    begin(l, 0, OF);
    beats(l, 10000, 20000, OF, 0);
    tell(l, 21000, OF, "ended", "at=21000");
    ok(receive(l) == 1 && traced(0, 2, 0),
       "the record of a view has the trace of its timeline");

    l->conf.traces = (qoe_traces_conf_t) { QOE_TRACES_BAD, 0 };
    begin(l, 30000, SESSION "/b/film");
    tell(l, 40000, SESSION "/b/film", "ended", "at=10000");
    ok(receive(l) == 1 && got.r[1].final && !got.r[1].trace,
       "a view without a fault has a record without a trace");

    l->conf.views = false;
    begin(l, 50000, SESSION "/c/film");
    tell(l, 60000, SESSION "/c/film", "ended", "at=10000");
    ok(receive(l) == 0,
       "where no exporter takes records of views it has none");

    l->conf.views = true;
    l->conf.traces.mode = QOE_TRACES_ALL;
    begin(l, 62000, SESSION "/n/film");
    qoe_sessions_slot(l->st.sessions[0], 0)->timeline = 0;
    tell(l, 64000, SESSION "/n/film", "ended", "at=2000");
    ok(receive(l) == 1 && traced(2, 0, 0),
       "a view that found no place for its timeline has an empty trace");
    got.n--;

    l->conf.traces.mode = QOE_TRACES_OFF;
    begin(l, 70000, SESSION "/d/film");
    tell(l, 80000, SESSION "/d/film", "ended", "at=10000");
    ok(receive(l) == 1 && !got.r[2].trace,
       "with traces off a record has no trace");
    lane_free(l);
}


/* A part of a trace is sent every half an hour. */

static void
test_parts(void)
{
    lane_t  *l;

    l = lane_of(0);
    l->conf.traces.mode = QOE_TRACES_ALL;
    begin(l, 0, OF);
    beats(l, 10000, 1790000, OF, 0);
    ok(receive(l) == 0, "before half an hour no part of a trace is sent");
    beats(l, 1800000, 1810000, OF, 0);
    ok(receive(l) == 1 && !got.r[0].final && traced(0, 2, 0),
       "a view that is alive for half an hour sends a part of its trace");
    beats(l, 1820000, 3590000, OF, 0);
    ok(receive(l) == 0, "the part is sent once");
    beats(l, 3600000, 3610000, OF, 0);
    ok(receive(l) == 1 && !got.r[1].final && traced(1, 3, 2),
       "another half an hour makes another part, with what was sent");
    tell(l, 3620000, OF, "ended", "at=3620000");
    ok(receive(l) == 1 && got.r[2].final && traced(2, 4, 3),
       "the last part comes with the view's end");
    lane_free(l);
}


static void
test_ends(void)
{
    lane_t  *l;

    l = lane_of(0);

    begin(l, 0, SESSION "/a/film");
    beats(l, 10000, 20000, SESSION "/a/film", 0);
    begin(l, 30000, SESSION "/a/next");
    ok(receive(l) == 1 && is(got.r[0].end_reason, "replaced"),
       "a view that another video replaces puts its final record");

    tell(l, 40000, SESSION "/a/next", "playbackdetached", "at=10000");
    pass(l, 75000);
    ok(receive(l) == 1 && is(got.r[1].end_reason, "detached")
       && is(got.r[1].outcome, "played"),
       "a view whose player was removed puts its final record");

    begin(l, 100000, SESSION "/b/film");
    beats(l, 110000, 120000, SESSION "/b/film", 100000);
    pass(l, 800000);
    ok(receive(l) == 1 && is(got.r[2].end_reason, "silent")
       && got.r[2].end_ms == LOG_START + 120000,
       "a view that falls silent puts its final record");

    begin(l, 900000, SESSION "/c/film");
    beats(l, 910000, 920000, SESSION "/c/film", 900000);
    tell(l, 921000, SESSION "/c/film", "moveaway", "at=21000");
    pass(l, 1200000);
    ok(receive(l) == 1 && is(got.r[3].outcome, "played"),
       "a page that was closed while hidden puts its final record");

    tell(l, 1300000, SESSION "/d/film", "playing", "");
    tell(l, 1300001, SESSION "/d/film", "stallstart", "");
    tell(l, 1303000, SESSION "/d/film", "error",
         "error_context.fatal=1 error_family=network error_code=403");
    pass(l, 1340000);
    ok(receive(l) == 1 && is(got.r[4].outcome, "startup_failure")
       && got.r[4].failed && is(got.r[4].error_type, "network")
       && is(got.r[4].error_code, "403") && got.r[4].errors == 1,
       "a view that fails says with which error");
    lane_free(l);
}


/* Events leave a part of the ring: fills that too. */

static void
fill_ring(lane_t *l)
{
    char          text[4096];
    size_t        len;
    uint64_t      wake[QOE_LANES_MAX / 64];
    qoe_put_t     put;

    memset(text, 'x', sizeof(text));

    for (len = sizeof(text); len >= 8; len /= 2) {
        put = (qoe_put_t) { 0, { text, len }, qoe_span_null, QOE_KIND_VIEW };

        while (qoe_zone_put(l->zone, qoe_proc_self(), 0, &put, 1,
                            QOE_ACK_MEMORY, NULL, wake)
               == QOE_OK)
        {
            /* void */
        }
    }
}


/* Frees all that the ring holds, without reading it. */

static void
drop_ring(lane_t *l)
{
    qoe_counts_t  counts;

    counts = qoe_lane_dest_queued(l->zone, 0, got.dest, &got.pos);
    qoe_lane_dest_release(l->zone, 0, got.dest, got.pos, counts, true);
}


static void
test_full(void)
{
    char                  of[64];
    int                   i;
    lane_t               *l;
    uint32_t              n;
    qoe_sessions_info_t   info;

    l = lane_of(300000);
    fill_ring(l);

    begin(l, 0, OF);
    beats(l, 10000, 20000, OF, 0);
    tell(l, 21000, OF, "ended", "at=21000");
    qoe_sessions_info(l->st.sessions[0], &info);
    ok(counter(l, QOE_COUNT_RECORDS_PUT) == 0 && info.over == 1
       && info.views == 0,
       "while the ring is full a view that is over keeps its place");
    ok(qoe_apply_due_ms(l->apply) > LOG_START + 21000
       && qoe_apply_due_ms(l->apply) <= LOG_START + 21000 + 1000,
       "the helper wakes up soon to try again, and not at once");

    pass(l, 29000);
    qoe_sessions_info(l->st.sessions[0], &info);
    ok(l->wakeups >= 2 && info.over == 1
       && counter(l, QOE_COUNT_RECORDS_DROPPED) == 0,
       "as long as there is no room the record waits");

    begin(l, 30000, OF);
    drop_ring(l);
    pass(l, 31000);
    ok(receive(l) == 1 && got.r[0].final && got.r[0].playing_ms == 21000,
       "the final record is put when there is room");
    beats(l, 40000, 50000, OF, 30000);
    ok(receive(l) == 1 && !got.r[1].final && got.r[1].play == 2,
       "the view that began meanwhile is another one");
    qoe_sessions_info(l->st.sessions[0], &info);
    ok(info.over == 0 && info.views == 1, "then the place is free");
    lane_free(l);

    l = lane_of(300000);
    fill_ring(l);
    begin(l, 0, OF);
    tell(l, 10000, OF, "ended", "at=10000");
    pass(l, 120000);
    ok(l->wakeups <= 1200
       && qoe_apply_due_ms(l->apply) > LOG_START + 120000
       && qoe_apply_due_ms(l->apply) <= LOG_START + 120000 + 1000,
       "the helper tries again ten times a second, however long the view has "
       "been over (%u times in 110 s)", l->wakeups);
    lane_free(l);

    l = lane_of(0);
    n = qoe_sessions_slots(l->st.sessions[0]);
    fill_ring(l);

    for (i = 0; i < (int) n + 50; i++) {
        snprintf(of, sizeof(of), "session %d/view/film", i);
        begin(l, i * 10, of);
        tell(l, i * 10 + 5, of, "ended", "at=5");
    }

    qoe_sessions_info(l->st.sessions[0], &info);
    ok(info.over == n && counter(l, QOE_COUNT_RECORDS_DROPPED) == 50
       && counter(l, QOE_COUNT_VIEWS_EVICTED) == 0,
       "a new view takes the place of the oldest one that is over, which is "
       "counted, and no live view gives way");

    drop_ring(l);
    pass(l, 100000);
    qoe_sessions_info(l->st.sessions[0], &info);
    ok(counter(l, QOE_COUNT_RECORDS_PUT) == n && info.over == 0,
       "all others are put when there is room");
    lane_free(l);

    l = lane_of(0);
    fill_ring(l);

    for (i = 0; i < (int) n + 1; i++) {
        snprintf(of, sizeof(of), "session %d/view/film", i);
        begin(l, i * 10, of);
    }

    qoe_sessions_info(l->st.sessions[0], &info);
    ok(info.views == n && info.over == 0
       && counter(l, QOE_COUNT_VIEWS_EVICTED) == 1
       && counter(l, QOE_COUNT_RECORDS_DROPPED) == 1
       && counter(l, QOE_COUNT_VIEWS_STARTED) == n + 1,
       "where all views are alive one gives way, with its record");
    lane_free(l);
}


static void
test_killed(void)
{
    lane_t               *l;
    qoe_view_t           *v;
    qoe_sessions_info_t   info;

    l = lane_of(300000);
    begin(l, 0, OF);
    beats(l, 10000, 20000, OF, 0);
    receive(l);

    /* killed after it had put a record, and before it noted that */

    v = qoe_sessions_slot(l->st.sessions[0], 0);
    v->records--;
    v->recorded_ms = 0;
    lane_hold(l, true);
    beats(l, 30000, 30000, OF, 0);
    tell(l, 40000, OF, "ended", "at=40000 player=shaka");
    ok(receive(l) == 2 && got.r[2].final && got.r[2].seq > got.r[1].seq
       && got.r[1].seq > got.r[0].seq,
       "after a kill no record has the number of another one");
    ok(got.r[2].playing_ms == 40000 && is(got.r[2].view_id, VIEW)
       && dim_is(2, "player_name", "shaka"),
       "after a kill the final record has all of the view");

    fill_ring(l);
    begin(l, 100000, OF);
    beats(l, 110000, 110000, OF, 100000);
    tell(l, 120000, OF, "error", "error_family=media error_code=3 at=20000");
    tell(l, 130000, OF, "ended", "at=30000");
    lane_hold(l, true);
    qoe_sessions_info(l->st.sessions[0], &info);
    ok(info.over == 1 && info.views == 0,
       "a view that is over survives the death of its helper, and is not "
       "alive again");
    drop_ring(l);
    pass(l, 131000);
    ok(receive(l) == 1 && got.r[3].final && is(got.r[3].outcome, "completed")
       && is(got.r[3].error_type, "media") && dim_is(3, "org_id", "acme"),
       "the next helper puts its final record, with all its texts");

    fill_ring(l);
    begin(l, 200000, OF);
    tell(l, 210000, OF, "ended", "at=10000");
    l->conf.records = false;
    lane_hold(l, false);
    pass(l, 212000);
    qoe_sessions_info(l->st.sessions[0], &info);
    ok(info.over == 0 && counter(l, QOE_COUNT_RECORDS_DROPPED) == 1,
       "a configuration without records gives up what waits, and counts it");
    lane_free(l);
}


int
main(void)
{
    test_when();
    test_leave();
    test_replaced();
    test_traces();
    test_parts();
    test_ends();
    test_full();
    test_killed();

    return tap_end();
}
