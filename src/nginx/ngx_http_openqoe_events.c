
/*
 * Copyright (C) OpenQoE
 *
 * POST to an events location.  The cheap checks are made first; then the body
 * is read and submitted, and the request is answered when the zone has either
 * all of its events or none.
 */


#include "ngx_http_openqoe.h"


#define NGX_HTTP_OPENQOE_ALLOW       "POST, OPTIONS"
#define NGX_HTTP_OPENQOE_GONE        410     /* nginx has no name for it */


/*
 * The state of a request while its body is processed.  It is on the stack, so
 * it is gone once the request is answered or waits.
 */

typedef struct {
    ngx_http_request_t            *r;
    ngx_http_openqoe_ctx_t        *ctx;
    ngx_http_openqoe_body_t        body;
    ngx_http_openqoe_parked_t     *parked;   /* if it waits to be stored */
    ngx_http_openqoe_delayed_t    *delayed;  /* if it waits for room */
    ngx_http_openqoe_answer_t      answer;   /* after it was stored */
    ngx_http_openqoe_submit_t      s;
} ngx_http_openqoe_request_t;


static qoe_status_t ngx_http_openqoe_json_decode(
    ngx_http_openqoe_submit_t *s, qoe_span_t body,
    const qoe_decode_conf_t *conf);
static ngx_int_t ngx_http_openqoe_events_gone(ngx_http_request_t *r);
static void ngx_http_openqoe_events_body(ngx_http_request_t *r);
static ngx_int_t ngx_http_openqoe_events(ngx_http_openqoe_request_t *q);
static ngx_int_t ngx_http_openqoe_decoded(ngx_http_openqoe_request_t *q,
    qoe_status_t rc);
static qoe_status_t ngx_http_openqoe_prepare(ngx_http_openqoe_request_t *q);
static void ngx_http_openqoe_judged(ngx_http_openqoe_request_t *q);
static ngx_int_t ngx_http_openqoe_accepted(ngx_http_openqoe_request_t *q);
static ngx_int_t ngx_http_openqoe_invalid(ngx_http_openqoe_request_t *q);
static ngx_int_t ngx_http_openqoe_refused(ngx_http_openqoe_request_t *q,
    qoe_status_t rc);


const ngx_http_openqoe_input_t  ngx_http_openqoe_json_input = {
    .types = { "application/json", "text/plain" },
    .expected = "Content-Type must be application/json or text/plain, or "
                "absent",
    .untyped = 1,
    .overload_status = NGX_HTTP_SERVICE_UNAVAILABLE,
    .decode = ngx_http_openqoe_json_decode
};


ngx_int_t
ngx_http_openqoe_events_handler(ngx_http_request_t *r)
{
    ngx_int_t                     rc;
    const char                   *reason;
    ngx_http_openqoe_ctx_t       *ctx;
    ngx_http_openqoe_loc_conf_t  *lcf;

    rc = ngx_http_openqoe_method(r, NGX_HTTP_POST, NGX_HTTP_OPENQOE_ALLOW);
    if (rc != NGX_DECLINED) {
        return rc;
    }

    ctx = ngx_http_openqoe_get_ctx(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* count it now: the client may go away before there is a status */

    ngx_http_openqoe_count_request(r, ctx, 0);
    ngx_http_openqoe_metrics_receipt(ctx);

    if (ngx_http_openqoe_authorized(r) != NGX_OK) {
        return ngx_http_openqoe_unauthorized(r);
    }

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_openqoe_module);

    if (lcf->gone) {
        return ngx_http_openqoe_events_gone(r);
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

    switch (ngx_http_openqoe_overload_unread(r)) {

    case NGX_DECLINED:
        return ngx_http_openqoe_events_read(r);

    case NGX_BUSY:
        return ngx_http_openqoe_events_discard(r);

    default: /* NGX_OK */
        return NGX_DONE;
    }
}


/* 410 makes a player stop its reports for as long as its session lasts. */

static ngx_int_t
ngx_http_openqoe_events_gone(ngx_http_request_t *r)
{
    ngx_int_t  rc;

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    return ngx_http_openqoe_fail(r, NGX_HTTP_OPENQOE_GONE, "Gone",
                                 "no reports are taken here");
}


ngx_int_t
ngx_http_openqoe_events_read(ngx_http_request_t *r)
{
    ngx_int_t                  rc;
    ngx_http_core_loc_conf_t  *clcf;

    /* a body that fits into client_body_buffer_size should be in one buffer */

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


ngx_int_t
ngx_http_openqoe_events_discard(ngx_http_request_t *r)
{
    ngx_int_t  rc;

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    return ngx_http_openqoe_overload_refuse(r, qoe_unix_ns());
}


static qoe_status_t
ngx_http_openqoe_json_decode(ngx_http_openqoe_submit_t *s, qoe_span_t body,
    const qoe_decode_conf_t *conf)
{
    return qoe_decode(&s->batch, body.data, body.len, conf,
                      (int64_t) (s->received_ns / 1000000), s->arena);
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

    ngx_memzero(&q, offsetof(ngx_http_openqoe_request_t, s));

    q.r = r;
    q.ctx = ngx_http_get_module_ctx(r, ngx_http_openqoe_module);
    ngx_http_openqoe_submit_init(&q.s, r, received_ns);

    rc = ngx_http_openqoe_events(&q);

    ngx_http_openqoe_submit_end(&q.s);
    ngx_http_openqoe_body_free(&q.body);

    if (rc == NGX_OK && q.delayed != NULL) {
        ngx_http_openqoe_overload_begin(q.delayed);
        return;
    }

    if (rc == NGX_OK && q.parked != NULL) {
        ngx_http_openqoe_ack_park(q.parked, q.s.ends, &q.answer);
        return;
    }

    ngx_http_finalize_request(r, rc);
}


static ngx_int_t
ngx_http_openqoe_events(ngx_http_openqoe_request_t *q)
{
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

    return ngx_http_openqoe_decoded(q,
               ngx_http_openqoe_submit_decode(&q->s, q->body.bytes));
}


static ngx_int_t
ngx_http_openqoe_decoded(ngx_http_openqoe_request_t *q, qoe_status_t rc)
{
    ngx_http_openqoe_submit_t  *s;

    s = &q->s;
    q->ctx->over = s->over;

    if (rc == QOE_INVALID) {
        return ngx_http_openqoe_invalid(q);
    }

    if (rc == QOE_OK && s->lcf->strict && s->batch.nrejected != 0) {
        ngx_http_openqoe_count(q->r, QOE_COUNT_EVENTS_STRICT,
                               s->batch.nevents);
        return ngx_http_openqoe_invalid(q);
    }

    if (rc == QOE_OK) {
        rc = ngx_http_openqoe_prepare(q);
    }

    if (rc == QOE_OK) {
        rc = ngx_http_openqoe_submit_put(s, s->lcf->marker ? q->ctx->marker
                                                           : NULL);
    }

    if (rc == QOE_FULL) {
        q->delayed = ngx_http_openqoe_overload_again(q->r, s->received_ns,
                                                     s->ends);
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


/*
 * Does what may fail, before the events are queued: sets the cookie, unless the
 * request was decoded before and has one, and allocates what is needed to wait
 * for an acknowledgement.
 */

static qoe_status_t
ngx_http_openqoe_prepare(ngx_http_openqoe_request_t *q)
{
    ngx_http_openqoe_submit_t  *s;

    s = &q->s;

    if (s->batch.nevents == 0) {
        return QOE_OK;
    }

    if (s->lcf->marker && !q->ctx->marked) {
        ngx_http_openqoe_marker_get(q->r, s->received_ns / 1000000,
                                    q->ctx->marker);

        if (ngx_http_openqoe_marker_set(q->r, q->ctx->marker) != NGX_OK) {
            return QOE_ERROR;
        }

        q->ctx->marked = 1;
    }

    if (s->lcf->ack != QOE_ACK_MEMORY) {
        q->parked = ngx_http_openqoe_ack_create(q->r, s->batch.nevents);

        if (q->parked == NULL) {
            s->nomem = 1;
            return QOE_NOMEM;
        }
    }

    return QOE_OK;
}


/*
 * Counts what the decoder has seen.  Call it only when the answer is certain,
 * because a request that waits for room is decoded again.
 */

static void
ngx_http_openqoe_judged(ngx_http_openqoe_request_t *q)
{
    ngx_http_openqoe_count(q->r, QOE_COUNT_EVENTS_RECEIVED, q->s.batch.total);
    ngx_http_openqoe_count(q->r, QOE_COUNT_UNKNOWN_KEYS,
                           q->s.batch.unknown_keys);
    ngx_http_openqoe_count(q->r, QOE_COUNT_EVENTS_INVALID, q->s.invalid);
    ngx_http_openqoe_count(q->r, QOE_COUNT_EVENTS_SESSIONS, q->s.over);

    if (q->s.lcf->input->judged != NULL) {
        q->s.lcf->input->judged(&q->s);
    }
}


static ngx_int_t
ngx_http_openqoe_accepted(ngx_http_openqoe_request_t *q)
{
    qoe_buf_t  b;
    qoe_mem_t  mem;

    ngx_http_openqoe_judged(q);
    ngx_http_openqoe_metrics_events(q->r, &q->s.batch, NGX_HTTP_OPENQOE_TAKEN);

    q->answer.accepted = q->s.batch.nevents;
    q->answer.received_ns = q->s.received_ns;
    q->answer.errors = qoe_span_null;

    if (q->s.batch.nrejected != 0) {
        ngx_http_openqoe_json_init(&b, &mem, q->r);
        qoe_buf_printf(&b, ",\"events_rejected\":%zu,", q->s.batch.nrejected);
        ngx_http_openqoe_errors(&b, &q->s.batch);

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
    ngx_http_openqoe_metrics_events(q->r, &q->s.batch,
                                    QOE_COUNT_EVENTS_STRICT);

    ngx_http_openqoe_json_init(&b, &mem, q->r);

    qoe_buf_literal(&b, "{\"success\":false,\"message\":"
                    "\"Validation failed\",");
    ngx_http_openqoe_errors(&b, &q->s.batch);
    qoe_buf_literal(&b, "}");

    return ngx_http_openqoe_send(q->r, NGX_HTTP_BAD_REQUEST, &b);
}


/* Answers that valid events were not queued, and why; counts and logs that. */

static ngx_int_t
ngx_http_openqoe_refused(ngx_http_openqoe_request_t *q, qoe_status_t rc)
{
    qoe_counter_t  counter;

    ngx_http_openqoe_judged(q);

    counter = QOE_COUNT_EVENTS_ERROR;

    if (rc == QOE_FULL || rc == QOE_BUSY) {
        counter = q->s.unstorable ? QOE_COUNT_EVENTS_UNSTORABLE
                                  : QOE_COUNT_EVENTS_OVERLOAD;
    }

    ngx_http_openqoe_count(q->r, counter, q->s.batch.nevents);
    ngx_http_openqoe_metrics_events(q->r, &q->s.batch, counter);

    if (counter != QOE_COUNT_EVENTS_ERROR) {
        qoe_zone_refused(q->s.zone, qoe_mono_ms());
        return ngx_http_openqoe_send_retry(q->r, "Server overload", 0,
                                           q->s.received_ns);
    }

    if (rc == QOE_TOO_LARGE || (rc == QOE_NOMEM && !q->s.nomem)) {
        return ngx_http_openqoe_fail(q->r, NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,
                                     "Request body too large",
                                     rc == QOE_TOO_LARGE
                                     ? "the events are more than the queue "
                                       "can hold"
                                     : "the body takes too much memory");
    }

    ngx_log_error(NGX_LOG_ERR, q->r->connection->log, 0,
                  "openqoe: %uz events were not taken (%d)",
                  q->s.batch.nevents, (int) rc);

    return ngx_http_openqoe_fail(q->r, NGX_HTTP_INTERNAL_SERVER_ERROR,
                                 "Internal server error", NULL);
}
