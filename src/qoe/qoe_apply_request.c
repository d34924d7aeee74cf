
/*
 * Copyright (C) OpenQoE
 *
 * Applies the requests of a lane's tap: the metrics of each, the state of the
 * session that it belongs to, and sums for the view of the same session, if
 * events have begun one.
 *
 * A state holds its attribute blocks for the points that its silence makes.
 * The blocks of requests without a session are in a small cache, which also
 * saves most sessions the look-up of the same values.
 */


#include "qoe_apply_priv.h"
#include "qoe_hash_quick.h"
#include "qoe_tapped.h"


/* The states that one tick may end. */
#define QOE_REQUEST_ENDS       64


static void qoe_apply_rosters(qoe_apply_t *a);
static void qoe_apply_request_log(qoe_apply_t *a, qoe_span_t record,
    uint64_t now_ns);
static qoe_delivery_t *qoe_apply_delivery(qoe_apply_t *a,
    const uint64_t key[2], uint64_t now_ns);
static void qoe_apply_delivery_free(qoe_apply_t *a, qoe_delivery_t *d,
    uint64_t now_ns);
static qoe_blocks_t qoe_apply_request_base(qoe_apply_t *a,
    qoe_delivery_t *d, const qoe_request_t *r, uint32_t now_s);
static void qoe_apply_cache(qoe_apply_t *a, qoe_apply_cache_t *c,
    const qoe_request_t *r, uint64_t hash, uint32_t now_s);
static void qoe_apply_delivery_base(qoe_apply_t *a, qoe_delivery_t *d,
    const qoe_apply_cache_t *c);
static qoe_blocks_t qoe_apply_delivery_blocks(const qoe_delivery_t *d);
static void qoe_apply_request_counts(qoe_apply_t *a, const qoe_request_t *r,
    const qoe_tapped_t *head);
static void qoe_apply_request_view(qoe_apply_t *a, const uint64_t key[2],
    const qoe_request_t *r);
static qoe_view_t *qoe_apply_requested(qoe_apply_t *a,
    qoe_session_t *session, qoe_span_t cid);
static uint32_t qoe_apply_sum(uint32_t sum, uint32_t n);
static uint16_t qoe_apply_short(uint16_t sum, uint32_t n);


void
qoe_apply_request(qoe_apply_t *a, qoe_span_t record, uint64_t now_ns)
{
    uint64_t         key[2];
    qoe_span_t       log;
    qoe_blocks_t     b;
    qoe_tapped_t     head;
    qoe_request_t    r;
    qoe_delivery_t  *d;

    if (qoe_tapped_open(&head, &r, &log, record) != QOE_OK) {
        qoe_apply_count(a, QOE_COUNT_RECORDS_UNREAD, 1);
        return;
    }

    qoe_apply_rosters(a);
    qoe_points_clear(&a->points);
    d = NULL;

    qoe_apply_request_counts(a, &r, &head);

    if (head.media) {
        qoe_delivery_request(&r, &a->points);

        if (qoe_request_sid(&r).len != 0) {
            qoe_apply_session_key(a, r.text, key);
            d = qoe_apply_delivery(a, key, now_ns);
        }
    }

    qoe_govern_from(a->governor, d != NULL ? key[0] | 1 : 0,
                    r.start_ms, false);

    if (d != NULL) {
        qoe_deliveries_open(a->deliveries, d);
        qoe_delivery_apply(d, &r, now_ns / 1000000, &a->points);
        b = qoe_apply_request_base(a, d, &r, (uint32_t) (now_ns / 1000000000));
        qoe_deliveries_close(a->deliveries, d);

        qoe_apply_request_view(a, key, &r);

    } else {
        b = qoe_apply_request_base(a, NULL, &r,
                                   (uint32_t) (now_ns / 1000000000));
    }

    qoe_apply_request_points(a, &a->points, b, now_ns);

    if (log.len != 0 && a->conf->requests) {
        qoe_apply_request_log(a, record, now_ns);
    }
}


/*
 * Another roster may admit what this one does not: then nothing that is kept
 * stands for the same attributes.
 */

static void
qoe_apply_rosters(qoe_apply_t *a)
{
    size_t    i;
    uint64_t  h;

    h = 0;

    for (i = 0; i < a->nrosters; i++) {
        h = qoe_hash_quick_word(&a->key, h, qoe_roster_version(a->roster[i]));
    }

    if (h != a->rosters) {
        a->rosters = h;
        memset(a->kept, 0, sizeof(a->kept));
    }
}


/* Puts the record into the ring of the lane; full, it does without. */

static void
qoe_apply_request_log(qoe_apply_t *a, qoe_span_t record, uint64_t now_ns)
{
    uint64_t      wake[QOE_LANES_MAX / 64];
    qoe_put_t     put;
    qoe_logged_t  head;
    qoe_status_t  rc;

    head.format = QOE_LOGGED_FORMAT;
    head.reserved = 0;
    head.received_ns = now_ns;

    put.lane = a->lane;
    put.head = (qoe_span_t) { (const char *) &head, sizeof(qoe_logged_t) };
    put.body = record;
    put.kind = QOE_KIND_REQUEST;

    rc = qoe_zone_put(a->st->zone, a->self, a->slot, &put, 1, QOE_ACK_MEMORY,
                      NULL, wake);

    qoe_apply_count(a, rc == QOE_OK ? QOE_COUNT_CMCD_LOGS
                                    : QOE_COUNT_CMCD_LOGS_DROPPED, 1);
}


/* The state of the session; a full table gives up another for it. */

static qoe_delivery_t *
qoe_apply_delivery(qoe_apply_t *a, const uint64_t key[2], uint64_t now_ns)
{
    qoe_delivery_t  *d, *victim;

    d = qoe_deliveries_find(a->deliveries, key);

    if (d != NULL) {
        return d;
    }

    d = qoe_deliveries_add(a->deliveries, key);

    if (d == NULL) {
        victim = qoe_deliveries_victim(a->deliveries);

        if (victim == NULL) {
            return NULL;
        }

        /* a flood's states are newcomers, and make no points at their end */

        qoe_apply_delivery_free(a, victim, now_ns);
        qoe_apply_count(a, QOE_COUNT_CMCD_EVICTED, 1);

        d = qoe_deliveries_add(a->deliveries, key);
    }

    qoe_apply_count(a, QOE_COUNT_CMCD_SESSIONS, d != NULL);

    return d;
}


/*
 * Ends a state, and frees its slot.  The points of the request in hand, which
 * come first, are kept.
 */

static void
qoe_apply_delivery_free(qoe_apply_t *a, qoe_delivery_t *d, uint64_t now_ns)
{
    qoe_blocks_t  b;

    b = qoe_apply_delivery_blocks(d);

    qoe_apply_delivery_end(a, d, now_ns);

    qoe_deliveries_open(a->deliveries, d);
    memset(d->base, 0, sizeof(d->base));
    d->base_key = 0;
    d->base_s = 0;
    qoe_deliveries_close(a->deliveries, d);

    qoe_apply_base_free(a, b);
    qoe_deliveries_remove(a->deliveries, d);
}


void
qoe_apply_delivery_end(qoe_apply_t *a, qoe_delivery_t *d, uint64_t now_ns)
{
    qoe_points_t  *points;

    points = &a->ending;
    qoe_points_clear(points);

    qoe_deliveries_open(a->deliveries, d);
    qoe_delivery_end(d, points);
    qoe_deliveries_close(a->deliveries, d);

    qoe_apply_request_points(a, points, qoe_apply_delivery_blocks(d), now_ns);
}


/*
 * The blocks of the request's attributes, which the state keeps, and the cache.
 * 0 stands for the empty set; a set for which there is no room is not kept.
 */

static qoe_blocks_t
qoe_apply_request_base(qoe_apply_t *a, qoe_delivery_t *d,
    const qoe_request_t *r, uint32_t now_s)
{
    size_t              i;
    uint64_t            hash;
    qoe_blocks_t        b;
    qoe_apply_cache_t  *c;

    /* an equal hash means equal bytes, as in qoe_base_hash() */

    hash = qoe_hash_quick(&a->key, a->key.k0 ^ a->rosters, r->packed_texts);

    if (r->packed_dims.len != 0) {
        hash = qoe_hash_quick(&a->key, hash, r->packed_dims);
    }

    if (d != NULL && d->base_key == hash
        && now_s - d->base_s < QOE_APPLY_FRESH_S)
    {
        return qoe_apply_delivery_blocks(d);
    }

    c = &a->cache[hash % QOE_APPLY_CACHES];

    if (c->key != hash || now_s - c->at_s >= QOE_APPLY_FRESH_S) {
        qoe_apply_cache(a, c, r, hash, now_s);
    }

    if (d != NULL) {
        qoe_apply_delivery_base(a, d, c);
    }

    b = c->b;

    for (i = 0; i < QOE_GRAINS; i++) {
        if (c->key == 0 && b.grain[i] == 0) {
            b.grain[i] = QOE_STORE_OVERFLOW;
        }
    }

    return b;
}


static void
qoe_apply_cache(qoe_apply_t *a, qoe_apply_cache_t *c, const qoe_request_t *r,
    uint64_t hash, uint32_t now_s)
{
    size_t        i;
    qoe_sample_t  s;

    qoe_request_sample(&s, r);
    qoe_apply_base_free(a, c->b);

    (void) qoe_govern_deferred(a->governor);
    c->b = qoe_apply_base_blocks(a, &s, now_s, NULL);
    c->key = hash;
    c->at_s = qoe_govern_deferred(a->governor) ? now_s - QOE_APPLY_FRESH_S
                                               : now_s;

    for (i = 0; i < QOE_GRAINS; i++) {
        if (c->b.grain[i] == 0 && a->base[i].len != 0) {
            c->key = 0;
        }
    }
}


static void
qoe_apply_delivery_base(qoe_apply_t *a, qoe_delivery_t *d,
    const qoe_apply_cache_t *c)
{
    size_t        i;
    qoe_blocks_t  old;

    old = qoe_apply_delivery_blocks(d);

    for (i = 0; i < QOE_GRAINS; i++) {
        qoe_store_ref(a->store, c->b.grain[i]);
        d->base[i] = c->b.grain[i];
    }

    d->base_key = c->key;
    d->base_s = c->at_s;

    qoe_apply_base_free(a, old);
}


static qoe_blocks_t
qoe_apply_delivery_blocks(const qoe_delivery_t *d)
{
    size_t        i;
    qoe_blocks_t  b;

    b = qoe_apply_no_blocks;

    for (i = 0; i < QOE_GRAINS; i++) {
        b.grain[i] = d->base[i];
    }

    return b;
}


/*
 * The last writer may have been killed: the table is indexed anew, and the
 * references of its states are counted again.
 */

void
qoe_apply_requests_recover(qoe_apply_t *a)
{
    size_t                 k;
    uint32_t               i;
    qoe_delivery_t        *d;
    qoe_deliveries_info_t  info;

    qoe_deliveries_rebuild(a->deliveries);
    qoe_deliveries_info(a->deliveries, &info);

    for (i = 0; i < info.touched; i++) {
        d = qoe_deliveries_slot(a->deliveries, i);

        if (d->key[0] == 0 && d->key[1] == 0) {
            continue;
        }

        for (k = 0; k < QOE_GRAINS; k++) {
            if (d->base[k] != 0 && !qoe_store_adopt(a->store, d->base[k])) {
                d->base[k] = 0;
                d->base_key = 0;
            }
        }
    }
}


void
qoe_apply_requests_free(qoe_apply_t *a)
{
    size_t  i;

    for (i = 0; i < QOE_APPLY_CACHES; i++) {
        qoe_apply_base_free(a, a->cache[i].b);
    }
}


void
qoe_apply_requests_silence(qoe_apply_t *a, uint64_t now_ns)
{
    uint32_t         n;
    qoe_delivery_t  *d;

    for (n = 0; n < QOE_REQUEST_ENDS; n++) {
        d = qoe_deliveries_silent(a->deliveries, now_ns / 1000000);

        if (d == NULL) {
            break;
        }

        qoe_apply_delivery_end(a, d, now_ns);
    }

    a->hushed = (n == QOE_REQUEST_ENDS);
}


uint64_t
qoe_apply_requests_due_ms(const qoe_apply_t *a)
{
    return qoe_deliveries_due_ms(a->deliveries);
}


/* The metrics of the sets themselves. */

static void
qoe_apply_request_counts(qoe_apply_t *a, const qoe_request_t *r,
    const qoe_tapped_t *head)
{
    size_t        i;
    qoe_point_t  *p;

    static const qoe_span_t  versions[] = { { "0", 1 }, { "1", 1 },
                                            { "2", 1 } };

    if (r->cmcd) {
        p = qoe_point_add(&a->points, QOE_METRIC_CMCD_REQUESTS, 1);
        qoe_point_extra(p, QOE_DIM_SOURCE, r->headers ? qoe_span("header")
                                                      : qoe_span("query"));
        qoe_point_extra(p, QOE_DIM_VERSION,
                        versions[qoe_min(r->version, 2)]);
        qoe_point_code(p, 1 + 3u * r->headers + qoe_min(r->version, 2));
    }

    for (i = 0; i < QOE_CMCD_IGNORED; i++) {

        if (head->ignored[i] == 0) {
            continue;
        }

        p = qoe_point_add(&a->points, QOE_METRIC_CMCD_IGNORED,
                          head->ignored[i]);
        qoe_point_extra(p, QOE_DIM_REASON,
                        qoe_cmcd_ignored_name((qoe_cmcd_ignored_t) i));
    }
}


/*
 * A view that events have begun gets what the requests of its session amount
 * to; nothing that the events say is changed by it.
 */

static void
qoe_apply_request_view(qoe_apply_t *a, const uint64_t key[2],
    const qoe_request_t *r)
{
    size_t                i;
    qoe_view_t           *v;
    qoe_session_t        *session;
    qoe_view_requests_t  *sum;
    qoe_delivery_sums_t   sums;

    session = qoe_sessions_find(a->sessions, key);

    if (session == NULL) {
        return;
    }

    v = qoe_apply_requested(a, session, qoe_request_cid(r));

    if (v == NULL) {
        return;
    }

    memset(&sums, 0, sizeof(qoe_delivery_sums_t));
    qoe_delivery_account(&sums, r, &a->points);

    sum = &v->requests;
    sum->bytes += sums.bytes;
    sum->requests = qoe_apply_sum(sum->requests, sums.requests);
    sum->errors = qoe_apply_short(sum->errors, sums.errors);
    sum->aborted = qoe_apply_short(sum->aborted, sums.aborted);
    sum->misses = qoe_apply_short(sum->misses, sums.misses);
    sum->stalls = qoe_apply_short(sum->stalls, sums.stalls);

    for (i = 0; i < QOE_CAUSES_N; i++) {
        if (sums.missed[i] != 0 || sums.stalled[i] != 0) {
            sum->cause = (uint8_t) (i + 1);
        }
    }
}


/* The live view of the content, else the one that began last. */

static qoe_view_t *
qoe_apply_requested(qoe_apply_t *a, qoe_session_t *session, qoe_span_t cid)
{
    uint32_t     n;
    uint64_t     video_key;
    qoe_view_t  *v, *newest;

    video_key = qoe_apply_key(a, cid);
    newest = NULL;
    v = qoe_sessions_view(a->sessions, session);

    for (n = 0; v != NULL && n <= session->nviews; n++) {

        if (video_key != 0 && v->video_key == video_key) {
            return v;
        }

        if (newest == NULL || v->born_ms > newest->born_ms) {
            newest = v;
        }

        v = qoe_sessions_next_view(a->sessions, v);
    }

    return newest;
}


static uint32_t
qoe_apply_sum(uint32_t sum, uint32_t n)
{
    return n < UINT32_MAX - sum ? sum + n : UINT32_MAX;
}


static uint16_t
qoe_apply_short(uint16_t sum, uint32_t n)
{
    return (uint16_t) qoe_min(qoe_apply_sum(sum, n), (uint32_t) UINT16_MAX);
}
