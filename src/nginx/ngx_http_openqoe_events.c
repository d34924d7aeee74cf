
/*
 * Copyright (C) OpenQoE
 *
 * POST to an events location.  Cheap checks first, then the body, then
 * decode -> pack -> put; the answer comes when the zone has all events or
 * none.
 */


#include "ngx_http_openqoe.h"

#include "qoe_record.h"

#include <stdlib.h>


#define NGX_HTTP_OPENQOE_ALLOW       "POST, OPTIONS"

/*
 * Memory that decoding a body may take: what JSON needs at worst for each of
 * its bytes.  More is an attack, not a memory shortage.
 */
#define NGX_HTTP_OPENQOE_ARENA_RATIO 64
#define NGX_HTTP_OPENQOE_ARENA_MIN   (1024 * 1024)
#define NGX_HTTP_OPENQOE_ATTRIBUTE_ROOM  512 /* in an event's record */
#define NGX_HTTP_OPENQOE_BLOCK       (64 * 1024)


/*
 * One request while it is worked on; on the stack, gone with the answer, or
 * when the request is parked.
 */

typedef struct {
    ngx_http_request_t            *r;
    ngx_http_openqoe_main_conf_t  *mcf;
    ngx_http_openqoe_loc_conf_t   *lcf;
    qoe_zone_t                    *zone;
    uint64_t                       received_ns;

    ngx_uint_t                     nomem;    /* malloc() itself failed */
    ngx_http_openqoe_body_t        body;
    qoe_batch_t                    batch;

    qoe_arena_t                   *arena;    /* not its own */
    ngx_uint_t                     unstorable;       /* the spool fails */
    ngx_uint_t                     invalid;  /* events */
    ngx_http_openqoe_parked_t     *parked;   /* waits, once it is queued */
    ngx_http_openqoe_delayed_t    *delayed;  /* waits, its lanes being full */
    ngx_http_openqoe_answer_t      answer;   /* then */
    uint64_t                       ends[QOE_LANES_MAX];
} ngx_http_openqoe_request_t;


static void ngx_http_openqoe_events_body(ngx_http_request_t *r);
static ngx_int_t ngx_http_openqoe_events_discard(ngx_http_request_t *r);
static ngx_int_t ngx_http_openqoe_events(ngx_http_openqoe_request_t *q);
static qoe_arena_t *ngx_http_openqoe_arena(ngx_http_openqoe_request_t *q,
    size_t max);
static ngx_int_t ngx_http_openqoe_decode(ngx_http_openqoe_request_t *q);
static ngx_int_t ngx_http_openqoe_sessions(ngx_http_openqoe_request_t *q);
static ngx_int_t ngx_http_openqoe_accept(ngx_http_openqoe_request_t *q);
static qoe_status_t ngx_http_openqoe_put(ngx_http_openqoe_request_t *q,
    const ngx_http_openqoe_ctx_t *ctx);
static void ngx_http_openqoe_judged(ngx_http_openqoe_request_t *q);
static ngx_int_t ngx_http_openqoe_accepted(ngx_http_openqoe_request_t *q);
static ngx_int_t ngx_http_openqoe_invalid(ngx_http_openqoe_request_t *q);
static ngx_int_t ngx_http_openqoe_refused(ngx_http_openqoe_request_t *q,
    qoe_status_t rc);
static void *ngx_http_openqoe_malloc(void *ctx, size_t size);
static void ngx_http_openqoe_free(void *ctx, void *p);


/*
 * A request is worked on in one go, so that all of them take turns with one
 * arena.  It keeps one block for the next.
 */

static struct {
    qoe_arena_t  arena;
    qoe_mem_t    mem;
} ngx_http_openqoe_scratch;


ngx_int_t
ngx_http_openqoe_events_handler(ngx_http_request_t *r)
{
    ngx_int_t                  rc;
    const char                *reason;
    ngx_http_openqoe_ctx_t    *ctx;
    ngx_http_core_loc_conf_t  *clcf;

    rc = ngx_http_openqoe_method(r, NGX_HTTP_POST, NGX_HTTP_OPENQOE_ALLOW);
    if (rc != NGX_DECLINED) {
        return rc;
    }

    ctx = ngx_http_openqoe_get_ctx(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* now: the client may go away before there is a status */

    ngx_http_openqoe_count_request(r, ctx, 0);
    ngx_http_openqoe_metrics_receipt(ctx);

    if (ngx_http_openqoe_authorized(r) != NGX_OK) {
        return ngx_http_openqoe_unauthorized(r);
    }

    reason = ngx_http_openqoe_media_type(r);

    if (reason != NULL) {

        rc = ngx_http_discard_request_body(r);
        if (rc != NGX_OK) {
            return rc;
        }

        return ngx_http_openqoe_fail(r, NGX_HTTP_UNSUPPORTED_MEDIA_TYPE,
                                     "Unsupported media type", reason);
    }

    if (ngx_http_openqoe_overload_refuses(r)) {
        return ngx_http_openqoe_events_discard(r);
    }

    /* in memory as far as client_body_buffer_size goes, and in one piece */

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (r->headers_in.content_length_n > 0
        && r->headers_in.content_length_n
           <= (off_t) clcf->client_body_buffer_size)
    {
        r->request_body_in_single_buf = 1;
    }

    rc = ngx_http_read_client_request_body(r, ngx_http_openqoe_events_body);

    return rc >= NGX_HTTP_SPECIAL_RESPONSE ? rc : NGX_DONE;
}


static ngx_int_t
ngx_http_openqoe_events_discard(ngx_http_request_t *r)
{
    ngx_int_t  rc;

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    return ngx_http_openqoe_overload_refuse(r, qoe_unix_ns());
}


void
ngx_http_openqoe_events_exit(void)
{
    qoe_arena_free(&ngx_http_openqoe_scratch.arena);
}


static void
ngx_http_openqoe_events_body(ngx_http_request_t *r)
{
    uint64_t  received_ns;

    received_ns = qoe_unix_ns();

    ngx_http_openqoe_metrics_receipt(
        ngx_http_get_module_ctx(r, ngx_http_openqoe_module));

    switch (ngx_http_openqoe_overload_park(r, received_ns)) {

    case NGX_DECLINED:
        ngx_http_openqoe_events_run(r, received_ns);
        return;

    case NGX_BUSY:
        ngx_http_finalize_request(r,
                       ngx_http_openqoe_overload_refuse(r, received_ns));
        return;

    default: /* NGX_OK */
        return;
    }
}


void
ngx_http_openqoe_events_run(ngx_http_request_t *r, uint64_t received_ns)
{
    ngx_int_t                   rc;
    ngx_http_openqoe_request_t  q;

    /* the batch is large, and it is cleared by who fills it; so are ends */

    ngx_memzero(&q, offsetof(ngx_http_openqoe_request_t, batch));
    q.unstorable = 0;
    q.invalid = 0;
    q.parked = NULL;
    q.delayed = NULL;

    q.r = r;
    q.received_ns = received_ns;
    q.mcf = ngx_http_get_module_main_conf(r, ngx_http_openqoe_module);
    q.lcf = ngx_http_get_module_loc_conf(r, ngx_http_openqoe_module);
    q.zone = ngx_http_openqoe_get_zone(q.mcf)->zone;

    rc = ngx_http_openqoe_events(&q);

    ngx_http_openqoe_body_free(&q.body);

    if (rc == NGX_OK && q.delayed != NULL) {
        ngx_http_openqoe_overload_begin(q.delayed);
        return;
    }

    if (rc == NGX_OK && q.parked != NULL) {
        ngx_http_openqoe_ack_park(q.parked, q.ends, &q.answer);
        return;
    }

    ngx_http_finalize_request(r, rc);
}


static ngx_int_t
ngx_http_openqoe_events(ngx_http_openqoe_request_t *q)
{
    size_t      len, added, max;
    ngx_int_t   rc;
    ngx_uint_t  status;

    status = ngx_http_openqoe_body(q->r, &q->body);

    if (status != 0) {
        return ngx_http_openqoe_fail(q->r, status,
                   status == NGX_HTTP_REQUEST_ENTITY_TOO_LARGE
                   ? "Request body too large"
                   : status == NGX_HTTP_BAD_REQUEST ? "Validation failed"
                                                    : "Internal server error",
                   q->body.error);
    }

    len = q->body.bytes.len;

    /*
     * An element of the array takes two bytes at least, and is one event; each
     * record has what the configuration adds to it.
     */

    added = sizeof(qoe_event_t)
            + q->mcf->sources.nelts * (sizeof(qoe_named_t) + QOE_SOURCE_LEN);

    if (q->lcf->attributes != NULL) {
        added += q->lcf->attributes->nelts * NGX_HTTP_OPENQOE_ATTRIBUTE_ROOM;
    }

    max = len * NGX_HTTP_OPENQOE_ARENA_RATIO + NGX_HTTP_OPENQOE_ARENA_MIN
          + qoe_min(len / 2, q->lcf->max_events) * added;

    q->arena = ngx_http_openqoe_arena(q, max);

    rc = ngx_http_openqoe_decode(q);

    qoe_arena_reset(q->arena);

    return rc;
}


static qoe_arena_t *
ngx_http_openqoe_arena(ngx_http_openqoe_request_t *q, size_t max)
{
    qoe_mem_t    *mem;
    qoe_arena_t  *arena;

    arena = &ngx_http_openqoe_scratch.arena;
    mem = &ngx_http_openqoe_scratch.mem;

    mem->ctx = &q->nomem;

    if (arena->mem == NULL) {
        mem->alloc = ngx_http_openqoe_malloc;
        mem->free = ngx_http_openqoe_free;
        qoe_arena_init(arena, mem, NGX_HTTP_OPENQOE_BLOCK, 0);
    }

    arena->max = qoe_max(max, (size_t) 2 * NGX_HTTP_OPENQOE_BLOCK);

    return arena;
}


static ngx_int_t
ngx_http_openqoe_decode(ngx_http_openqoe_request_t *q)
{
    qoe_batch_t        *batch;
    qoe_status_t        rc;
    qoe_decode_conf_t   conf;

    conf.max_events = q->lcf->max_events;
    conf.max_age_ms = q->mcf->max_age;
    conf.max_ahead_ms = q->mcf->max_ahead;
    conf.types = q->mcf->types.elts;
    conf.ntypes = q->mcf->types.nelts;
    conf.sources = q->mcf->sources.elts;
    conf.nsources = q->mcf->sources.nelts;

    batch = &q->batch;

    rc = qoe_decode(batch, q->body.bytes.data, q->body.bytes.len, &conf,
                    (int64_t) (q->received_ns / 1000000), q->arena);

    if (rc != QOE_OK && rc != QOE_INVALID) {

        /* it gave up on the way: none of them counts as looked at */

        batch->nevents = batch->total;
        batch->events = NULL;
        return ngx_http_openqoe_refused(q, rc);
    }

    q->invalid = batch->total - batch->nevents;

    if (rc == QOE_INVALID) {
        return ngx_http_openqoe_invalid(q);
    }

    return ngx_http_openqoe_sessions(q);
}


/* Of a valid batch: the events of more sessions than a request may have. */

static ngx_int_t
ngx_http_openqoe_sessions(ngx_http_openqoe_request_t *q)
{
    qoe_status_t             rc;
    qoe_hash_key_t           key;
    ngx_http_openqoe_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(q->r, ngx_http_openqoe_module);
    key = qoe_zone_hash_key(q->zone);

    rc = qoe_batch_limit_sessions(&q->batch, q->lcf->max_sessions, &key,
                                  q->arena, &ctx->over);
    if (rc != QOE_OK) {
        return ngx_http_openqoe_refused(q, rc);
    }

    if (q->lcf->strict && q->batch.nrejected != 0) {
        ngx_http_openqoe_count(q->r, QOE_COUNT_EVENTS_STRICT,
                               q->batch.nevents);
        return ngx_http_openqoe_invalid(q);
    }

    return ngx_http_openqoe_accept(q);
}


static ngx_int_t
ngx_http_openqoe_accept(ngx_http_openqoe_request_t *q)
{
    qoe_status_t             rc;
    ngx_http_openqoe_ctx_t  *ctx;

    /*
     * The cookie first: nothing may fail once the events are queued.  A
     * request that is decoded again has it.
     */

    ctx = ngx_http_get_module_ctx(q->r, ngx_http_openqoe_module);

    if (q->lcf->marker && !ctx->marked) {
        ngx_http_openqoe_marker_get(q->r, q->received_ns / 1000000,
                                    ctx->marker);

        if (ngx_http_openqoe_marker_set(q->r, ctx->marker) != NGX_OK) {
            return ngx_http_openqoe_refused(q, QOE_ERROR);
        }

        ctx->marked = 1;
    }

    rc = ngx_http_openqoe_put(q, ctx);

    if (rc == QOE_FULL) {
        q->delayed = ngx_http_openqoe_overload_again(q->r, q->received_ns,
                                                     q->ends);
        if (q->delayed != NULL) {
            return NGX_OK;
        }
    }

    if (rc != QOE_OK) {
        q->parked = NULL;
        return ngx_http_openqoe_refused(q, rc);
    }

    return ngx_http_openqoe_accepted(q);
}


/* Packs all events into records and puts them into their lanes. */

static qoe_status_t
ngx_http_openqoe_put(ngx_http_openqoe_request_t *q,
    const ngx_http_openqoe_ctx_t *ctx)
{
    size_t              i;
    uint64_t            wake[QOE_LANES_MAX / 64];
    qoe_put_t          *puts;
    qoe_event_t        *ev, **order;
    qoe_status_t        rc;
    qoe_record_meta_t   meta;
    qoe_record_parts_t  parts;

    if (q->lcf->ack != QOE_ACK_MEMORY) {

        if (qoe_spool_any_failing(q->zone)) {
            q->unstorable = 1;
            return QOE_BUSY;
        }

        q->parked = ngx_http_openqoe_ack_create(q->r, q->batch.nevents);
        if (q->parked == NULL) {
            q->nomem = 1;
            return QOE_NOMEM;
        }
    }

    puts = qoe_arena_alloc(q->arena, q->batch.nevents * sizeof(qoe_put_t));
    if (puts == NULL) {
        return QOE_NOMEM;
    }

    meta.received_ns = q->received_ns;
    meta.marker = q->lcf->marker
                  ? (qoe_span_t) { ctx->marker, QOE_UUID_TEXT_LEN }
                  : qoe_span_null;
    meta.attrs = NULL;
    meta.nattrs = 0;

    if (q->lcf->attributes != NULL) {

        rc = ngx_http_openqoe_attributes(q->r, q->lcf->attributes, &q->batch,
                                         &meta, q->arena);
        if (rc != QOE_OK) {
            return rc;
        }
    }

    /* in the order of the client's clock, which the metrics are made by */

    rc = qoe_batch_order(&order, &q->batch, q->arena);
    if (rc != QOE_OK) {
        return rc;
    }

    for (i = 0; i < q->batch.nevents; i++) {

        ev = order[i];
        ngx_http_openqoe_uuid(meta.uid, q->received_ns / 1000000);

        rc = qoe_record_pack(&parts, ev, &meta, q->arena);

        if (rc != QOE_OK) {
            return rc;
        }

        puts[i].head = parts.head;
        puts[i].body = parts.body;
        puts[i].lane = qoe_zone_lane_of(q->zone,
                                        ev->field[QOE_FIELD_ORG_ID].v.string,
                                        ev->field[QOE_FIELD_SESSION_ID]
                                            .v.string);
    }

    ngx_memzero(wake, sizeof(wake));

    rc = qoe_zone_put(q->zone, ngx_http_openqoe_self(), (uint32_t) ngx_worker,
                      puts, q->batch.nevents, q->lcf->ack, q->ends, wake);

    if (rc == QOE_OK) {
        ngx_http_openqoe_zone_wake(ngx_http_openqoe_get_zone(q->mcf), wake);
    }

    return rc;
}


/*
 * Counts what the decoder has seen, once the answer is certain: what waits
 * for room is decoded again.
 */

static void
ngx_http_openqoe_judged(ngx_http_openqoe_request_t *q)
{
    ngx_http_openqoe_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(q->r, ngx_http_openqoe_module);

    ngx_http_openqoe_count(q->r, QOE_COUNT_EVENTS_RECEIVED, q->batch.total);
    ngx_http_openqoe_count(q->r, QOE_COUNT_UNKNOWN_KEYS,
                           q->batch.unknown_keys);
    ngx_http_openqoe_count(q->r, QOE_COUNT_EVENTS_INVALID, q->invalid);
    ngx_http_openqoe_count(q->r, QOE_COUNT_EVENTS_SESSIONS, ctx->over);
}


static ngx_int_t
ngx_http_openqoe_accepted(ngx_http_openqoe_request_t *q)
{
    qoe_buf_t  b;
    qoe_mem_t  mem;

    ngx_http_openqoe_judged(q);
    ngx_http_openqoe_metrics_events(q->r, &q->batch, NGX_HTTP_OPENQOE_TAKEN);

    q->answer.accepted = q->batch.nevents;
    q->answer.received_ns = q->received_ns;
    q->answer.errors = qoe_span_null;

    if (q->batch.nrejected != 0) {
        ngx_http_openqoe_json_init(&b, &mem, q->r);
        qoe_buf_printf(&b, ",\"events_rejected\":%zu,", q->batch.nrejected);
        ngx_http_openqoe_errors(&b, &q->batch);

        if (b.status == QOE_OK) {
            q->answer.errors = (qoe_span_t) { b.data, b.len };
        }
    }

    return q->parked != NULL
           ? NGX_OK : ngx_http_openqoe_send_accepted(q->r, &q->answer);
}


static ngx_int_t
ngx_http_openqoe_invalid(ngx_http_openqoe_request_t *q)
{
    qoe_buf_t  b;
    qoe_mem_t  mem;

    ngx_http_openqoe_judged(q);
    ngx_http_openqoe_metrics_events(q->r, &q->batch,
                                    NGX_HTTP_OPENQOE_STRICT);

    ngx_http_openqoe_json_init(&b, &mem, q->r);

    qoe_buf_literal(&b, "{\"success\":false,\"message\":"
                    "\"Validation failed\",");
    ngx_http_openqoe_errors(&b, &q->batch);
    qoe_buf_literal(&b, "}");

    return ngx_http_openqoe_send(q->r, NGX_HTTP_BAD_REQUEST, &b);
}


/* Valid events that were not taken: why, and whom it concerns. */

static ngx_int_t
ngx_http_openqoe_refused(ngx_http_openqoe_request_t *q, qoe_status_t rc)
{
    qoe_counter_t  counter;

    ngx_http_openqoe_judged(q);

    counter = QOE_COUNT_EVENTS_ERROR;

    if (rc == QOE_FULL || rc == QOE_BUSY) {
        counter = q->unstorable ? QOE_COUNT_EVENTS_UNSTORABLE
                                : QOE_COUNT_EVENTS_OVERLOAD;
    }

    ngx_http_openqoe_count(q->r, counter, q->batch.nevents);
    ngx_http_openqoe_metrics_events(q->r, &q->batch,
                                    counter == QOE_COUNT_EVENTS_ERROR
                                    ? NGX_HTTP_OPENQOE_ERROR
                                    : q->unstorable
                                      ? NGX_HTTP_OPENQOE_UNSTORABLE
                                      : NGX_HTTP_OPENQOE_OVERLOAD);

    if (counter != QOE_COUNT_EVENTS_ERROR) {
        qoe_zone_refused(q->zone, qoe_mono_ms());
        return ngx_http_openqoe_send_retry(q->r, "Server overload", 0,
                                           q->received_ns);
    }

    if (rc == QOE_TOO_LARGE || (rc == QOE_NOMEM && !q->nomem)) {
        return ngx_http_openqoe_fail(q->r, NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,
                                     "Request body too large",
                                     rc == QOE_TOO_LARGE
                                     ? "the events are more than the queue "
                                       "can hold"
                                     : "the body takes too much memory");
    }

    ngx_log_error(NGX_LOG_ERR, q->r->connection->log, 0,
                  "openqoe: %uz events were not taken (%d)",
                  q->batch.nevents, (int) rc);

    return ngx_http_openqoe_fail(q->r, NGX_HTTP_INTERNAL_SERVER_ERROR,
                                 "Internal server error", NULL);
}


/* malloc() that tells a real shortage from the arena's cap. */

static void *
ngx_http_openqoe_malloc(void *ctx, size_t size)
{
    void        *p;
    ngx_uint_t  *nomem = ctx;

    p = malloc(size);

    if (p == NULL) {
        *nomem = 1;
    }

    return p;
}


static void
ngx_http_openqoe_free(void *ctx, void *p)
{
    (void) ctx;
    free(p);
}
