
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
    ok(total_of(l, QOE_METRIC_CMCD_IGNORED, NULL, &n) == 0 && n == 0,
       "where nothing was left out of a set, nothing is counted so");
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


/* How sets are counted: by where they were, and by their version. */

static void
test_sets(void)
{
    char             labels[3][16];
    lane_t          *l;
    size_t           i, n;
    qoe_request_t    r;
    static const struct {
        const char  *claim;
        uint8_t      version;
        bool         headers;
        const char  *shown;
        const char  *source;
    } rows[] = {
        { "a set of version 1 in the query", 1, false, "1", "query" },
        { "a set of version 2 in headers", 2, true, "2", "header" },
        { "a set of a version yet to come counts as 2", 3, false, "2",
          "query" },
        { "a set without a version", 0, true, "0", "header" }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        l = lane_new(ZONE);
        segment(&r, "s", 0, 1);
        r.version = rows[i].version;
        r.headers = rows[i].headers;
        bring(l, &r, NULL, "");

        snprintf(labels[0], sizeof(labels[0]), "%s", rows[i].source);
        ok(total_of(l, QOE_METRIC_CMCD_REQUESTS, labels[0], &n) == 1
           && total_of(l, QOE_METRIC_CMCD_REQUESTS, rows[i].shown, &n) == 1
           && total(l, QOE_METRIC_CMCD_REQUESTS) == 1, "%s", rows[i].claim);
        lane_free(l);
    }
}


/* The sessions that are active, by the type of stream and the format. */

static void
test_active(void)
{
    lane_t          *l;
    size_t           n;
    qoe_request_t    r;

    l = lane_new(ZONE);
    segment(&r, "s", 0, 1);
    bring(l, &r, NULL, "");
    segment(&r, "t", 0, 1);
    r.sf = QOE_CMCD_SF_HLS;
    bring(l, &r, NULL, "");
    segment(&r, "u", 0, 1);
    r.st = QOE_CMCD_ST_NONE;
    r.sf = QOE_CMCD_SF_HLS;
    bring(l, &r, NULL, "");
    segment(&r, "v", 0, 1);
    r.sf = QOE_CMCD_SF_HLS;
    bring(l, &r, NULL, "");

    ok(total_of(l, QOE_METRIC_CMCD_SESSIONS_ACTIVE, NULL, &n) == 4 && n == 3
       && total_of(l, QOE_METRIC_CMCD_SESSIONS_ACTIVE, "st", &n) == 3
       && n == 2
       && total_of(l, QOE_METRIC_CMCD_SESSIONS_ACTIVE, "sf", &n) == 3
       && n == 2
       && total_of(l, QOE_METRIC_CMCD_SESSIONS_ACTIVE, "v", &n) == 3
       && total_of(l, QOE_METRIC_CMCD_SESSIONS_ACTIVE, "h", &n) == 3,
       "active sessions are counted by the type and format that they name");

    pass(l, 1000000);
    ok(total(l, QOE_METRIC_CMCD_SESSIONS_ACTIVE) == 0,
       "sessions that are over are not active");
    lane_free(l);
}


/* Attributes of requests are reused for a minute, with a session or without. */

static void
test_fresh(void)
{
    size_t           i;
    lane_t          *l;
    qoe_request_t    r;

    for (i = 0; i < 2; i++) {
        l = lane_new(ZONE);
        l->dims.dim[QOE_DIM_NETWORK_COUNTRY_CODE].max = 1;

        segment(&r, "first", 0, 1);
        r.text[QOE_TEXT_NETWORK_COUNTRY_CODE] = qoe_span("DE");
        bring(l, &r, NULL, "");

        segment(&r, i == 0 ? "s" : "", 900, 1);
        r.text[QOE_TEXT_NETWORK_COUNTRY_CODE] = qoe_span("FR");
        bring(l, &r, NULL, "");

        l->dims.dim[QOE_DIM_NETWORK_COUNTRY_CODE].max = 10;
        r.start_ms = LOG_START + 60800;
        bring(l, &r, NULL, "");
        ok(total_with(l, QOE_METRIC_DELIVERY_REQUESTS, "FR") == 0
           && total_with(l, QOE_METRIC_DELIVERY_REQUESTS, "other") == 2,
           "requests %s a session keep their attributes for a minute",
           i == 0 ? "of" : "without");
        r.start_ms = LOG_START + 60900;
        bring(l, &r, NULL, "");
        ok(total_with(l, QOE_METRIC_DELIVERY_REQUESTS, "FR") == 1
           && total_with(l, QOE_METRIC_DELIVERY_REQUESTS, "DE") == 1,
           "after a minute the governor is asked again");
        lane_free(l);
    }
}


/* Sums of a view never begin anew, and the last reason for a stall stays. */

static void
test_sums(void)
{
    lane_t          *l;
    qoe_view_t      *v;
    qoe_request_t    r;

    l = lane_new(ZONE);
    tell(l, 0, "s/view/film", "playing", "at=0");
    v = qoe_sessions_slot(l->st.sessions[0], 0);
    v->requests.requests = UINT32_MAX - 2;
    v->requests.errors = UINT16_MAX - 1;
    v->requests.aborted = UINT16_MAX;

    segment(&r, "s", 1000, 1);
    r.status = 500;
    bring(l, &r, NULL, "");
    ok(v->requests.requests == UINT32_MAX - 1
       && v->requests.errors == UINT16_MAX
       && v->requests.aborted == UINT16_MAX,
       "sums go up to the highest number");

    segment(&r, "s", 2000, 2);
    r.status = 500;
    r.aborted = true;
    bring(l, &r, NULL, "");
    segment(&r, "s", 3000, 3);
    bring(l, &r, NULL, "");
    ok(v->requests.requests == UINT32_MAX && v->requests.errors == UINT16_MAX
       && v->requests.aborted == UINT16_MAX, "and stay there");

    ok(v->requests.misses == 0 && v->requests.cause == 0,
       "requests in time have no cause");
    segment(&r, "s", 20000, 10);
    r.dl_ms = 1000;
    r.bl_ms = 1000;
    r.duration_ms = 9000;
    r.upstream_header_ms = 8000;
    r.upstream_ms = 8500;
    bring(l, &r, NULL, "");
    ok(v->requests.misses == 1
       && v->requests.cause == 1 + QOE_CAUSE_ORIGIN,
       "one that is late has the cause of that");
    segment(&r, "s", 40000, 11);
    bring(l, &r, NULL, "");
    ok(v->requests.misses == 1
       && v->requests.cause == 1 + QOE_CAUSE_ORIGIN,
       "which stays when others are in time");
    lane_free(l);
}


/* Which view gets the requests of a session. */

static void
test_which(void)
{
    lane_t          *l;
    qoe_view_t      *a, *b;
    qoe_request_t    r;

    l = lane_new(ZONE);

    /* the view that began last came first */

    tell(l, 9000, "s/a/film", "playing", "at=0");
    tell(l, 5000, "s/b/other", "playing", "at=0");
    a = qoe_sessions_slot(l->st.sessions[0], 0);
    b = qoe_sessions_slot(l->st.sessions[0], 1);

    segment(&r, "s", 10000, 1);
    r.text[QOE_TEXT_VIDEO_ID] = qoe_span("other");
    bring(l, &r, NULL, "");
    ok(a->requests.requests == 0 && b->requests.requests == 1,
       "requests that name a content are of its view");
    r.text[QOE_TEXT_VIDEO_ID] = qoe_span("a third");
    bring(l, &r, NULL, "");
    ok(a->requests.requests == 1 && b->requests.requests == 1,
       "those of an unknown content are of the view that began last");
    r.text[QOE_TEXT_VIDEO_ID] = qoe_span_null;
    bring(l, &r, NULL, "");
    ok(a->requests.requests == 2 && b->requests.requests == 1,
       "so are those that name none");
    lane_free(l);

    l = lane_new(ZONE);
    tell(l, 5000, "s/b/other", "playing", "at=0");
    tell(l, 9000, "s/a/film", "playing", "at=0");
    b = qoe_sessions_slot(l->st.sessions[0], 0);
    a = qoe_sessions_slot(l->st.sessions[0], 1);
    segment(&r, "s", 10000, 1);
    r.text[QOE_TEXT_VIDEO_ID] = qoe_span_null;
    bring(l, &r, NULL, "");
    ok(a->requests.requests == 1 && b->requests.requests == 0,
       "the order in which views came does not matter");
    lane_free(l);
}


/* Where the store has no room the request counts as overflow. */

static void
test_no_room(void)
{
    char             text[64];
    lane_t          *l;
    uint32_t         i;
    qoe_request_t    r;

    l = lane_new(2 * 1024 * 1024);
    l->dims.dim[QOE_DIM_NETWORK_COUNTRY_CODE].max = 1000000;

    for (i = 0; i < 20000; i++) {
        snprintf(text, sizeof(text), "a-country-with-a-long-name-%u", i);
        segment(&r, "", i * 10, 1);
        r.text[QOE_TEXT_NETWORK_COUNTRY_CODE] = qoe_span_str(text);
        bring(l, &r, NULL, "");
    }

    ok(total(l, QOE_METRIC_DELIVERY_REQUESTS) == 20000
       && total_with(l, QOE_METRIC_DELIVERY_REQUESTS, "overflow") > 0
       && total_with(l, QOE_METRIC_DELIVERY_REQUESTS, "overflow") < 20000,
       "each request counts, %g of them as overflow",
       total_with(l, QOE_METRIC_DELIVERY_REQUESTS, "overflow"));
    lane_free(l);
}


/* A killed writer may leave a state with a block that exists no more. */

static void
test_gone(void)
{
    lane_t          *l;
    size_t           i, k, good;
    qoe_delivery_t  *d;
    qoe_request_t    r;

    l = lane_new(ZONE);
    segment(&r, "s", 0, 1);
    bring(l, &r, NULL, "");

    d = qoe_deliveries_slot(l->st.deliveries[0], 0);

    for (i = 0, good = 0; i < QOE_GRAINS; i++) {
        d->base[i] = 0x7ffffff0;
        lane_hold(l, true);

        for (k = 0; k < QOE_GRAINS; k++) {
            good += ((d->base[k] == 0) == (k == i));
        }

        good += (d->base_key == 0);

        segment(&r, "s", 4000 * (i + 1), i + 2);
        bring(l, &r, NULL, "");
        good += (d->base[i] != 0 && d->base_key != 0);
    }

    ok(good == QOE_GRAINS * (QOE_GRAINS + 2)
       && total_with(l, QOE_METRIC_DELIVERY_REQUESTS, "acme")
          == 1 + QOE_GRAINS,
       "of attributes that no longer exist nothing is kept, and the next "
       "request brings them again");
    lane_free(l);
}


/* A tick ends as many as take no time, and says that there are more. */

static void
test_many_silent(void)
{
    char             sid[32];
    lane_t          *l;
    uint32_t         all, i, left, ticks;
    qoe_request_t    r;

    l = lane_new(ZONE);

    for (i = 0; i < 150; i++) {
        snprintf(sid, sizeof(sid), "s-%u", i);
        segment(&r, sid, 0, 1);
        bring(l, &r, NULL, "");
    }

    for (ticks = 1, left = 150; ticks < 10; ticks++) {
        qoe_apply_tick(l->apply, lane_ns(10000000));
        i = sessions(l, &all);

        if (i != left - qoe_min(left, 64)
            || qoe_apply_busy(l->apply) != (left >= 64))
        {
            break;
        }

        left = i;

        if (!qoe_apply_busy(l->apply)) {
            break;
        }
    }

    ok(left == 0 && ticks == 3, "150 silent sessions end in three ticks");
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
    test_sets();
    test_active();
    test_fresh();
    test_sums();
    test_which();
    test_no_room();
    test_gone();
    test_many_silent();
    test_silence();
    test_view();
    test_log();
    test_full();
    test_unbegun();

    return tap_end();
}
