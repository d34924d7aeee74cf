
/*
 * Copyright (C) OpenQoE
 *
 * Records of views in a lane: when they are put, what their texts are, and
 * that none is forgotten while the ring is full, or when a helper is killed.
 */


#include "apply_unit.h"
#include "qoe_delivery.h"
#include "qoe_view_record.h"
#include "qoe_zone_layout.h"


#define LANE_SIZE  ((size_t) 16 << 20)
#define RECORDS    4096

#define VIEW       "71e30000-0001-4000-8000-000000000001"
#define SESSION    "5e551011-0001-4000-8000-000000000001"
#define OF         SESSION "/" VIEW "/film"


/* What the ring held, in order; the texts are copies. */

typedef struct {
    qoe_view_record_t  r[RECORDS];
    char               packed[RECORDS][1024];
    size_t             n;
    uint64_t           pos;
    uint32_t           dest;
} got_t;

static got_t  got;


static lane_t *
lane_of(uint64_t record_ms)
{
    lane_t      *l;
    bool         spooled, adopted;
    qoe_kind_t   kind;
    qoe_span_t   name;

    l = lane_new(LANE_SIZE);
    l->conf.records = true;
    l->conf.views = true;
    l->conf.record_ms = record_ms;

    name = qoe_span("default.views");
    kind = QOE_KIND_VIEW;
    spooled = false;

    memset(&got, 0, sizeof(got));
    qoe_dests_set(l->zone, &name, &kind, &spooled, 1, &got.dest);

    if (qoe_lane_take(l->zone, 0, qoe_proc_self(), &adopted) != QOE_OK) {
        abort();
    }

    (void) qoe_lane_dests(l->zone, 0);

    return l;
}


/* Reads what was put since the last call, and frees it. */

static size_t
receive(lane_t *l)
{
    size_t        n;
    qoe_kind_t    kind;
    qoe_span_t    record;
    qoe_counts_t  counts;

    memset(&counts, 0, sizeof(counts));

    for (n = 0;
         qoe_lane_next(l->zone, 0, UINT64_MAX, &got.pos, &record, &kind)
         == QOE_OK; n++)
    {
        counts.n[kind]++;

        if (kind != QOE_KIND_VIEW || got.n == RECORDS
            || record.len > sizeof(got.packed[0]))
        {
            abort();
        }

        memcpy(got.packed[got.n], record.data, record.len);

        if (qoe_view_record_unpack(&got.r[got.n],
                                   (qoe_span_t) { got.packed[got.n],
                                                  record.len })
            != QOE_OK)
        {
            abort();
        }

        got.n++;
    }

    qoe_lane_dest_release(l->zone, 0, got.dest, got.pos, counts, true);

    return n;
}


static int
is(qoe_span_t text, const char *expected)
{
    if (qoe_span_eq(text, qoe_span_str(expected))) {
        return 1;
    }

    printf("# \"%.*s\", not \"%s\"\n", (int) text.len, text.data, expected);

    return 0;
}


/* The value of a dimension in record i; "" if the record has none. */

static int
dim_is(size_t i, const char *name, const char *expected)
{
    qoe_span_t         key, value;
    qoe_labels_iter_t  it;

    qoe_labels_iter(&it, got.r[i].dims);

    while (qoe_labels_next(&it, &key, &value)) {
        if (qoe_span_eq(key, qoe_span_str(name))) {
            return is(value, expected);
        }
    }

    return expected[0] == '\0';
}


static uint64_t
counter(const lane_t *l, qoe_counter_t c)
{
    return qoe_zone_counter(l->zone, c);
}


static void
begin(lane_t *l, int64_t at, const char *of)
{
    tell(l, at, of, "canplay", "video_startup_time=0 at=0");
    tell(l, at, of, "playing", "at=0");
}


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
    ok(counter(l, QOE_COUNT_RECORDS_PUT) == 3,
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

    l->conf.traces.mode = QOE_TRACES_OFF;
    l->conf.views = true;
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


static void
test_texts(void)
{
    lane_t  *l;

    l = lane_of(0);

    l->dims.dim[QOE_DIM_VIDEO_ID].action = QOE_ACTION_DROP;
    l->dims.dim[QOE_DIM_ORG_ID].action = QOE_ACTION_HASH;
    begin(l, 0, OF);
    tell(l, 10000, OF, "ended", "at=10000 player=shaka");
    receive(l);

    ok(is(got.r[0].view_id, VIEW) && is(got.r[0].session_id, SESSION),
       "the ids of a record are those of its events");
    ok(dim_is(0, "video_id", "film") && dim_is(0, "org_id", "acme"),
       "values are those that were sent, not the governed ones");
    ok(dim_is(0, "player_name", "shaka") && dim_is(0, "player_id", "web"),
       "values that are governed as they were sent are there as well");
    ok(dim_is(0, "view_id", "") && dim_is(0, "session_id", ""),
       "ids are no dimensions");

    begin(l, 20000, "a session/the view/film");
    tell(l, 30000, "a session/the view/film", "ended", "at=10000");
    receive(l);
    ok(is(got.r[1].view_id, "the view")
       && is(got.r[1].session_id, "a session"),
       "ids that are no UUIDs are kept as well");
    ok(got.r[1].viewer_hash.len == 0 && got.r[1].error_type.len == 0,
       "what a view does not have is left out");
    lane_free(l);
}


/* The hash of a viewer, as the record of a view of that viewer has it. */

static const char *
viewer_of(lane_t *l, int64_t at, const char *data)
{
    char         of[64];
    static char  text[2][64];
    static int   n;

    n = !n;
    snprintf(of, sizeof(of), SESSION "/v%lld/film", (long long) at);
    tell(l, at, of, "playing", data);
    tell(l, at + 1000, of, "heartbeat", "at=1000");
    tell(l, at + 2000, of, "ended", "at=2000");
    got.n = 0;
    receive(l);

    snprintf(text[n], sizeof(text[n]), "%.*s", (int) got.r[0].viewer_hash.len,
             got.r[0].viewer_hash.data);

    return text[n];
}


static void
test_viewer(void)
{
    char     one[64];
    lane_t  *l, *other;

    l = lane_of(0);
    snprintf(one, sizeof(one), "%s", viewer_of(l, 0, "at=0 viewer=ann"));
    ok(strlen(one) == 16 && strspn(one, "0123456789abcdef") == 16,
       "a viewer is a hash of 16 digits, also where later events name none");
    ok(strcmp(viewer_of(l, 10000, "at=0 viewer=ann"), one) == 0,
       "a viewer has the same hash in each record");
    ok(strcmp(viewer_of(l, 20000, "at=0 viewer=bob"), one) != 0,
       "another viewer has another one");
    ok(strcmp(viewer_of(l, 30000, "at=0"), "") == 0,
       "a view without a viewer has none");

    other = lane_of(0);
    ok(strcmp(viewer_of(other, 0, "at=0 viewer=ann"), one) != 0,
       "another zone has another key");
    lane_free(other);
    lane_free(l);

    l = lane_of(0);
    l->conf.fleet.id = 7;
    l->conf.fleet.key = (qoe_hash_key_t) { 1, 2 };
    snprintf(one, sizeof(one), "%s", viewer_of(l, 0, "at=0 viewer=ann"));
    lane_free(l);

    l = lane_of(0);
    l->conf.fleet.id = 7;
    l->conf.fleet.key = (qoe_hash_key_t) { 1, 2 };
    ok(strcmp(viewer_of(l, 0, "at=0 viewer=ann"), one) == 0,
       "the edges of a fleet have the same hash of a viewer");
    l->conf.fleet.key = (qoe_hash_key_t) { 1, 3 };
    ok(strcmp(viewer_of(l, 10000, "at=0 viewer=ann"), one) != 0,
       "with another key of the fleet they have another one");
    lane_free(l);
}


static void
test_errors(void)
{
    lane_t      *l;
    qoe_view_t  *v;

    l = lane_of(0);
    begin(l, 0, OF);
    tell(l, 1000, OF, "error", "error_family=media error_code=3");
    tell(l, 2000, OF, "error", "error_code=404");
    tell(l, 10000, OF, "ended", "at=10000");
    receive(l);
    ok(is(got.r[0].error_type, "unknown") && is(got.r[0].error_code, "404")
       && got.r[0].errors == 2,
       "the error of a view is the last one, unknown if it names no family");

    begin(l, 20000, OF);
    v = qoe_sessions_slot(l->st.sessions[0], 0);
    v->requests.cause = 1 + QOE_CAUSE_ORIGIN;
    tell(l, 30000, OF, "ended", "at=10000");
    receive(l);
    ok(is(got.r[1].stall_cause, "origin") && got.r[1].errors == 0
       && got.r[1].error_type.len == 0 && got.r[1].error_code.len == 0,
       "a view has the cause of its last stall, and no error of another view");

    begin(l, 40000, OF);
    tell(l, 50000, OF, "ended", "at=10000");
    receive(l);
    ok(got.r[2].stall_cause.len == 0, "without a stall there is no cause");
    lane_free(l);
}


/* Where the store has no room for values as sent, the governed ones count. */

static void
test_no_room(void)
{
    char      of[64], data[128];
    lane_t   *l;
    uint32_t  i, n;

    l = lane_new(2 << 20);
    l->conf.records = true;
    l->conf.views = true;
    l->dims.dim[QOE_DIM_NETWORK_COUNTRY_CODE].action = QOE_ACTION_HASH;
    n = qoe_sessions_slots(l->st.sessions[0]);

    for (i = 0; i < n; i++) {
        snprintf(of, sizeof(of), "s%u/v%u/film%u", i, i, i);
        snprintf(data, sizeof(data), "at=0 country=a-long-country-that-takes-"
                 "room-in-the-store-%u title=another-long-title-of-film-%u",
                 i, i);
        tell(l, i, of, "playing", data);
    }

    ok(counter(l, QOE_COUNT_RECORDS_GOVERNED) > 0
       && counter(l, QOE_COUNT_RECORDS_GOVERNED) < n && alive(l) == n,
       "values as sent that find no room are counted (%u of %u)",
       (unsigned) counter(l, QOE_COUNT_RECORDS_GOVERNED), n);
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
    test_texts();
    test_viewer();
    test_errors();
    test_no_room();
    test_full();
    test_killed();

    return tap_end();
}
