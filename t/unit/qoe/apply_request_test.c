
/*
 * Copyright (C) OpenQoE
 *
 * Requests of the tap: their metrics and attributes, sessions, sums for the
 * view of the same session, logs, silence, a full table, and a writer that was
 * killed.
 */


#include "apply_unit.h"
#include "tap.h"
#include "qoe_deliveries.h"
#include "qoe_tapped.h"

#include <math.h>


#define ZONE               (16 * 1024 * 1024)


/* A request for a segment of video, complete, of the session sid. */

static void
segment(qoe_request_t *r, const char *sid, uint64_t ms, uint64_t n)
{
    qoe_request_init(r);
    r->start_ms = LOG_START + ms;
    r->duration_ms = 100;
    r->ttfb_ms = 5;
    r->bytes = 1000;
    r->status = 200;
    r->cmcd = true;
    r->version = 1;
    r->ot = QOE_CMCD_OT_VIDEO;
    r->st = QOE_CMCD_ST_VOD;
    r->segment = n;
    r->path_hash = n + 1;
    r->d_ms = 4000;
    r->bl_ms = 8000;
    r->text[QOE_TEXT_ORG_ID] = qoe_span("acme");
    r->text[QOE_TEXT_SESSION_ID] = qoe_span_str(sid);
    r->text[QOE_TEXT_VIDEO_ID] = qoe_span("film");
}


/* Applies it as the tap brings it, with what the head and the log have. */

static void
bring(lane_t *l, const qoe_request_t *r, qoe_tapped_t *head, const char *log)
{
    static union {
        uint64_t    align;
        char        data[QOE_REQUEST_MAX + 1024];
    } buf;

    size_t          len;
    qoe_tapped_t    none;

    if (head == NULL) {
        memset(&none, 0, sizeof(none));
        none.media = 1;
        head = &none;
    }

    head->request = (uint32_t) qoe_request_pack(buf.data + sizeof(*head), r);
    head->log = (uint32_t) strlen(log);
    memcpy(buf.data, head, sizeof(*head));
    len = sizeof(*head) + head->request;
    memcpy(buf.data + len, log, head->log);

    l->now_ms = r->start_ms - LOG_START + 100;
    qoe_apply_request(l->apply, (qoe_span_t) { buf.data, len + head->log },
                      lane_ns(l->now_ms));
}


static uint32_t
sessions(const lane_t *l, uint32_t *all)
{
    size_t                 i;
    uint32_t               n;
    qoe_deliveries_info_t  info;

    qoe_deliveries_info(l->st.deliveries[0], &info);
    n = 0;

    for (i = 0; i < QOE_CMCD_STS * QOE_CMCD_SFS; i++) {
        n += info.alive[i / QOE_CMCD_SFS][i % QOE_CMCD_SFS];
    }

    *all = info.count;

    return n;
}


static void
test_metrics(void)
{
    lane_t          *l;
    size_t           n;
    uint32_t         all;
    qoe_tapped_t     head;
    qoe_request_t    r;

    l = lane_new(ZONE);

    segment(&r, "s", 0, 1);
    bring(l, &r, NULL, "");
    segment(&r, "s", 4000, 2);
    bring(l, &r, NULL, "");

    ok(total(l, QOE_METRIC_DELIVERY_REQUESTS) == 2
       && total(l, QOE_METRIC_DELIVERY_BYTES) == 2000
       && total(l, QOE_METRIC_DELIVERY_MEDIA_TIME) == 8000,
       "requests, bytes and media time are added up");
    ok(total_of(l, QOE_METRIC_CMCD_REQUESTS, "query", &n) == 2 && n == 1,
       "sets are counted by their source");
    ok(sessions(l, &all) == 1 && all == 1,
       "both requests are of one session");

    memset(&head, 0, sizeof(head));
    head.ignored[QOE_CMCD_VERSION] = 1;
    qoe_request_init(&r);
    r.start_ms = LOG_START + 5000;
    bring(l, &r, &head, "");
    ok(total(l, QOE_METRIC_DELIVERY_REQUESTS) == 2
       && total_of(l, QOE_METRIC_CMCD_IGNORED, "version", &n) == 1 && n == 1,
       "a request that is only what was left out of it is none for media");

    qoe_request_init(&r);
    r.start_ms = LOG_START + 6000;
    r.status = 200;
    r.content = QOE_CMCD_OT_VIDEO;
    bring(l, &r, NULL, "");
    ok(total(l, QOE_METRIC_DELIVERY_REQUESTS) == 3
       && total(l, QOE_METRIC_CMCD_REQUESTS) == 2 && sessions(l, &all) == 1
       && total_of(l, QOE_METRIC_DELIVERY_REQUESTS, "overflow", &n) == 0
       && n == 0,
       "a request without CMCD or attributes has series of its own");

    qoe_apply_request(l->apply, qoe_span("12345678"), lane_ns(7000));
    ok(counted(l, QOE_COUNT_RECORDS_UNREAD) == 1,
       "a record that is no request is counted");

    lane_free(l);
}


static void
test_silence(void)
{
    lane_t          *l;
    uint32_t         all;
    qoe_request_t    r;

    l = lane_new(ZONE);

    segment(&r, "s", 0, 1);
    r.ot = QOE_CMCD_OT_MANIFEST;
    r.status = 404;
    bring(l, &r, NULL, "");

    ok(qoe_apply_due_ms(l->apply) < UINT64_MAX,
       "the end of a session by silence is something to wait for");
    pass(l, 1000000);
    ok(sessions(l, &all) == 0 && all == 1,
       "a silent session is over, and remembered");
    ok(total(l, QOE_METRIC_EXPERIENCE_STARTUP_FAILED) == 1
       && l->wakeups < 10,
       "its last points go to its attributes, with few wake-ups");

    lane_free(l);
}


static void
test_view(void)
{
    lane_t         *l;
    qoe_view_t     *v, copy;
    qoe_request_t   r;

    l = lane_new(ZONE);

    tell(l, 0, "s/view/film", "playing", "at=0");
    tell(l, 1000, "s/other/ad", "playing", "at=0");

    v = qoe_sessions_slot(l->st.sessions[0], 0);
    copy = *v;

    segment(&r, "s", 2000, 1);
    bring(l, &r, NULL, "");
    segment(&r, "s", 3000, 2);
    r.status = 404;
    bring(l, &r, NULL, "");
    segment(&r, "s", 4000, 3);
    r.aborted = true;
    bring(l, &r, NULL, "");
    segment(&r, "another", 5000, 1);
    bring(l, &r, NULL, "");

    ok(v->requests.requests == 3 && v->requests.bytes == 3000
       && v->requests.errors == 1 && v->requests.aborted == 1,
       "the view of the content gets the sums of its session's requests");
    ok(qoe_sessions_slot(l->st.sessions[0], 1)->requests.requests == 0,
       "a view of other content does not");

    copy.requests = v->requests;
    ok(memcmp(&copy, v, sizeof(copy)) == 0,
       "nothing else of the view has changed");

    lane_free(l);
}


static void
test_log(void)
{
    lane_t           *l;
    uint64_t          pos, ns;
    qoe_span_t        record, log;
    qoe_kind_t        kind;
    qoe_request_t     r, got;
    qoe_lane_info_t   info;

    l = lane_new(ZONE);

    segment(&r, "s", 0, 1);
    bring(l, &r, NULL, "attributes");
    ok(counted(l, QOE_COUNT_CMCD_LOGS) == 0,
       "without an exporter for it no request is logged");

    l->conf.requests = true;
    bring(l, &r, NULL, "attributes");
    bring(l, &r, NULL, "");

    pos = 0;
    ok(qoe_lane_next(l->zone, 0, UINT64_MAX, &pos, &record, &kind) == QOE_OK
       && kind == QOE_KIND_REQUEST
       && qoe_logged_open(&ns, &got, &log, record) == QOE_OK
       && ns == lane_ns(100) && qoe_logged_received(record) == ns
       && got.bytes == 1000 && qoe_span_eq(log, qoe_span("attributes")),
       "a logged request is in the ring of the lane, with its time");
    ok(qoe_lane_next(l->zone, 0, UINT64_MAX, &pos, &record, &kind) == QOE_DONE
       && counted(l, QOE_COUNT_CMCD_LOGS) == 1,
       "a request that is not to be logged is not there");

    while (counted(l, QOE_COUNT_CMCD_LOGS_DROPPED) == 0) {
        bring(l, &r, NULL, "attributes");
    }

    qoe_zone_lane_info(l->zone, 0, &info);
    ok(qoe_lane_room(l->zone, 0)
       > 7 * info.size / 16,
       "logs of requests leave half of the ring to events");

    lane_free(l);
}


/* More sessions than there is room for; then the writer is killed. */

static void
test_full(void)
{
    char                    sid[32];
    lane_t                 *l;
    uint32_t                all, i, n;
    qoe_store_info_t        before, after;
    qoe_request_t           r;
    qoe_deliveries_info_t   info;

    l = lane_new(ZONE);
    qoe_deliveries_info(l->st.deliveries[0], &info);
    n = 3 * info.max;

    for (i = 0; i < n; i++) {
        snprintf(sid, sizeof(sid), "s-%u", i);
        segment(&r, sid, i, 1);
        bring(l, &r, NULL, "");
    }

    (void) sessions(l, &all);
    ok(all <= info.max && counted(l, QOE_COUNT_CMCD_SESSIONS) == n
       && counted(l, QOE_COUNT_CMCD_EVICTED) == n - all,
       "a full table gives up a session for each new one, and counts it");
    ok(total(l, QOE_METRIC_DELIVERY_REQUESTS) == n,
       "each request is in the metrics all the same");

    qoe_store_info(l->st.store[0], &before);
    lane_hold(l, true);
    qoe_store_info(l->st.store[0], &after);
    ok(after.series == before.series && after.blocks <= before.blocks,
       "a holder that takes over from a killed one finds all series");

    snprintf(sid, sizeof(sid), "s-%u", n - 1);
    segment(&r, sid, n, 2);
    bring(l, &r, NULL, "");
    ok(counted(l, QOE_COUNT_CMCD_SESSIONS) == n
       && total(l, QOE_METRIC_DELIVERY_REQUESTS) == n + 1,
       "and goes on with the sessions that it finds");

    pass(l, 1000000 + n);
    (void) sessions(l, &all);
    ok(sessions(l, &all) == 0, "all of them end by silence");

    lane_free(l);
}


/* A writer was killed after it had added a state, before its first request. */

static void
test_unbegun(void)
{
    lane_t    *l;
    uint32_t   all, alive;
    uint64_t   key[2] = { 1, 2 };

    l = lane_new(ZONE);
    (void) qoe_deliveries_add(l->st.deliveries[0], key);

    lane_hold(l, true);
    qoe_apply_tick(l->apply, lane_ns(0));
    alive = sessions(l, &all);

    ok(alive == 0 && all == 1,
       "a session without the request that began it is over");
    ok(!qoe_apply_busy(l->apply)
       && qoe_apply_due_ms(l->apply) > LOG_START,
       "it is not due again");

    lane_free(l);
}


int
main(void)
{
    test_metrics();
    test_silence();
    test_view();
    test_log();
    test_full();
    test_unbegun();

    return tap_end();
}
