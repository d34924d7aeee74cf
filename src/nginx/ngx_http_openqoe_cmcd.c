
/*
 * Copyright (C) OpenQoE
 *
 * openqoe_cmcd: reads what players say in their requests for media (CMCD) and
 * puts it, with what the server knows of the request, into the tap of a lane.
 * Works in the log phase, when the answer is out: nothing here changes or
 * delays a request, and what has no room is dropped and counted.
 */


#include "ngx_http_openqoe_cmcd.h"


/*
 * A system call for each request would be a third of its cost.  An answer that
 * the kernel took within a millisecond was not held up by the network, so of
 * those only each so many asks for TCP_INFO.
 */
#define NGX_HTTP_OPENQOE_CMCD_TCP    16

/* Longer queries are rare: nginx's limit for a request line is 8k. */
#define NGX_HTTP_OPENQOE_CMCD_QUERY_MAX  4096

/* For the texts of all attributes of a location. */
#define NGX_HTTP_OPENQOE_CMCD_ARENA  (64 * 1024)


static ngx_int_t ngx_http_openqoe_cmcd_header_filter(ngx_http_request_t *r);
static ngx_int_t ngx_http_openqoe_cmcd_handler(ngx_http_request_t *r);
static qoe_status_t ngx_http_openqoe_cmcd_read(ngx_http_request_t *r,
    ngx_uint_t where, qoe_span_t query);
static void ngx_http_openqoe_cmcd_count(ngx_http_request_t *r,
    qoe_zone_t *zone, qoe_status_t rc);
static qoe_status_t ngx_http_openqoe_cmcd_texts(ngx_http_request_t *r,
    ngx_http_openqoe_main_conf_t *mcf, ngx_http_openqoe_loc_conf_t *lcf);
static void ngx_http_openqoe_cmcd_put(ngx_http_openqoe_zone_t *z,
    qoe_status_t rc);


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;


/*
 * Of the request in hand: each is finished without returning to the event
 * loop, so only one of them uses it at a time.
 */

static struct {
    qoe_cmcd_t      set;
    qoe_request_t   request;
    qoe_arena_t     arena;
    qoe_labels_t    log;
    ngx_uint_t      quick;                   /* requests of less than 1 ms */
    time_t          warned;                  /* when a version was logged */
    char            buf[NGX_HTTP_OPENQOE_CMCD_QUERY_MAX];
} ngx_http_openqoe_cmcd_hand;


/* Without a location that reads CMCD, nothing is installed. */

ngx_int_t
ngx_http_openqoe_cmcd_init(ngx_conf_t *cf, ngx_http_openqoe_main_conf_t *mcf)
{
    ngx_http_handler_pt        *h;
    ngx_http_core_main_conf_t  *cmcf;

    if (!mcf->cmcd_used) {
        return NGX_OK;
    }

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_LOG_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_openqoe_cmcd_handler;

    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_openqoe_cmcd_header_filter;

    return NGX_OK;
}


void
ngx_http_openqoe_cmcd_exit(void)
{
    if (ngx_http_openqoe_cmcd_hand.arena.mem != NULL) {
        qoe_arena_free(&ngx_http_openqoe_cmcd_hand.arena);
    }
}


/*
 * Notes when the header went out, which nginx does not keep; most go out within
 * the millisecond of the request, and need no memory for that.
 */

static ngx_int_t
ngx_http_openqoe_cmcd_header_filter(ngx_http_request_t *r)
{
    ngx_msec_t                    ms;
    ngx_http_openqoe_ctx_t       *ctx;
    ngx_http_openqoe_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_openqoe_module);

    if (lcf->cmcd == 0 || r != r->main) {
        return ngx_http_next_header_filter(r);
    }

    ms = ngx_http_openqoe_cmcd_elapsed(r);
    ctx = (ms != 0) ? ngx_http_openqoe_get_ctx(r) : NULL;

    if (ctx != NULL) {
        ctx->headed_ms = ms;
    }

    return ngx_http_next_header_filter(r);
}


static ngx_int_t
ngx_http_openqoe_cmcd_handler(ngx_http_request_t *r)
{
    ngx_uint_t                     logs;
    qoe_span_t                     path, query;
    qoe_status_t                   rc;
    qoe_cmcd_ot_t                  content;
    qoe_hash_key_t                 key;
    qoe_request_t                 *q;
    ngx_http_openqoe_zone_t       *z;
    ngx_http_openqoe_loc_conf_t   *lcf;
    ngx_http_openqoe_main_conf_t  *mcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_openqoe_module);

    /* a location with a handler of this module serves no media */

    if (lcf->cmcd == 0 || lcf->kind != NGX_HTTP_OPENQOE_NONE
        || r != r->main || (r->method & (NGX_HTTP_GET|NGX_HTTP_POST)) == 0)
    {
        return NGX_OK;
    }

    mcf = ngx_http_get_module_main_conf(r, ngx_http_openqoe_module);
    z = ngx_http_openqoe_get_zone(mcf);
    path = ngx_http_openqoe_cmcd_path(r, &query);

    rc = ngx_http_openqoe_cmcd_read(r, lcf->cmcd, query);

    ngx_http_openqoe_cmcd_count(r, z->zone, rc);

    if (rc == QOE_NOMEM) {
        return NGX_OK;
    }

    content = ngx_http_openqoe_cmcd_content(r);

    if (rc == QOE_DONE && content == QOE_CMCD_OT_NONE) {
        return NGX_OK;
    }

    if (rc == QOE_DONE) {
        qoe_zone_count(z->zone, (uint32_t) ngx_worker, QOE_COUNT_CMCD_MEDIA,
                       1);
    }

    q = &ngx_http_openqoe_cmcd_hand.request;
    key = qoe_zone_hash_key(z->zone);

    qoe_request_init(q);
    q->content = (uint8_t) content;

    if (rc == QOE_OK) {
        qoe_request_path(q, &key, path,
                         r->headers_in.range != NULL
                         ? ngx_http_openqoe_span(r->headers_in.range->value)
                         : qoe_span_null);
        qoe_request_cmcd(q, &key, &ngx_http_openqoe_cmcd_hand.set, path);
    }

    ngx_http_openqoe_cmcd_facts(r, q);

    if (q->duration_ms > 0
        || ngx_http_openqoe_cmcd_hand.quick++ % NGX_HTTP_OPENQOE_CMCD_TCP == 0)
    {
        ngx_http_openqoe_cmcd_tcp(r, q);
    }

    if (ngx_http_openqoe_cmcd_texts(r, mcf, lcf) == QOE_OK) {
        logs = mcf->cmcd_logged && rc == QOE_OK
               && ngx_http_openqoe_cmcd_logs(q, &key, lcf->cmcd_log);

        if (logs) {
            ngx_http_openqoe_cmcd_log_make(r, &ngx_http_openqoe_cmcd_hand.set,
                                           q, &ngx_http_openqoe_cmcd_hand.log);
        } else {
            ngx_http_openqoe_cmcd_hand.log.len = 0;
        }

        ngx_http_openqoe_cmcd_put(z, rc);

    } else {
        qoe_zone_count(z->zone, (uint32_t) ngx_worker, QOE_COUNT_CMCD_DROPPED,
                       1);
    }

    qoe_arena_reset(&ngx_http_openqoe_cmcd_hand.arena);

    return NGX_OK;
}


/*
 * A set in the query is decoded without memory of the request's pool, which
 * would often need another block for it.
 */

static qoe_status_t
ngx_http_openqoe_cmcd_read(ngx_http_request_t *r, ngx_uint_t where,
    qoe_span_t query)
{
    qoe_cmcd_t    *set;
    qoe_status_t   rc;

    set = &ngx_http_openqoe_cmcd_hand.set;

    if (query.len > NGX_HTTP_OPENQOE_CMCD_QUERY_MAX) {
        return ngx_http_openqoe_cmcd_decode(r,
                                        where & NGX_HTTP_OPENQOE_CMCD_HEADERS,
                                        where & NGX_HTTP_OPENQOE_CMCD_QUERY,
                                        set);
    }

    rc = (where & NGX_HTTP_OPENQOE_CMCD_HEADERS) != 0
         ? ngx_http_openqoe_cmcd_decode(r, 1, 0, set) : QOE_DONE;

    if (rc == QOE_DONE && (where & NGX_HTTP_OPENQOE_CMCD_QUERY) != 0
        && query.len != 0)
    {
        rc = qoe_cmcd_query(set, query, ngx_http_openqoe_cmcd_hand.buf);
    }

    return rc;
}


static void
ngx_http_openqoe_cmcd_count(ngx_http_request_t *r, qoe_zone_t *zone,
    qoe_status_t rc)
{
    qoe_cmcd_t  *set;

    qoe_zone_count(zone, (uint32_t) ngx_worker, QOE_COUNT_CMCD_REQUESTS, 1);

    if (rc == QOE_NOMEM) {
        qoe_zone_count(zone, (uint32_t) ngx_worker, QOE_COUNT_CMCD_DROPPED, 1);
    }

    if (rc == QOE_DONE || rc == QOE_NOMEM) {
        return;
    }

    set = &ngx_http_openqoe_cmcd_hand.set;

    if (rc == QOE_OK) {
        qoe_zone_count(zone, (uint32_t) ngx_worker, QOE_COUNT_CMCD_SETS, 1);

        if (!qoe_cmcd_has(set, QOE_CMCD_SID)) {
            set->ignored[QOE_CMCD_NO_SID]++;
        }
    }

    (void) ngx_http_openqoe_tap_ignored(zone, set->ignored);

    if (set->ignored[QOE_CMCD_VERSION] != 0
        && ngx_http_openqoe_cmcd_hand.warned != ngx_time())
    {
        ngx_http_openqoe_cmcd_hand.warned = ngx_time();
        ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                      "openqoe: CMCD of a version above %d is left out",
                      QOE_CMCD_VERSION_MAX);
    }
}


/* The texts that attributes of metrics are made of. */

static qoe_status_t
ngx_http_openqoe_cmcd_texts(ngx_http_request_t *r,
    ngx_http_openqoe_main_conf_t *mcf, ngx_http_openqoe_loc_conf_t *lcf)
{
    ngx_str_t       value;
    qoe_arena_t    *arena;
    qoe_request_t  *q;

    q = &ngx_http_openqoe_cmcd_hand.request;
    arena = &ngx_http_openqoe_cmcd_hand.arena;

    if (arena->mem == NULL) {
        qoe_arena_init(arena, &qoe_mem_heap, NGX_HTTP_OPENQOE_CMCD_ARENA,
                       2 * NGX_HTTP_OPENQOE_CMCD_ARENA);
    }

    if (lcf->cmcd_org != NULL) {
        if (ngx_http_complex_value(r, lcf->cmcd_org, &value) != NGX_OK) {
            return QOE_NOMEM;
        }

        if (ngx_http_openqoe_attribute_text(&q->text[QOE_TEXT_ORG_ID], &value,
                                            arena) != QOE_OK)
        {
            return QOE_NOMEM;
        }
    }

    if (lcf->attributes == NULL && mcf->sources.nelts == 0) {
        return QOE_OK;
    }

    return ngx_http_openqoe_attributes_request(r, lcf->attributes,
                                               &mcf->sources, q, arena);
}


/* All requests of a session go to one lane, as its events do. */

static void
ngx_http_openqoe_cmcd_put(ngx_http_openqoe_zone_t *z, qoe_status_t rc)
{
    uint32_t        lane;
    qoe_request_t  *q;

    q = &ngx_http_openqoe_cmcd_hand.request;

    lane = (qoe_request_sid(q).len != 0)
           ? qoe_zone_lane_of(z->zone, q->text[QOE_TEXT_ORG_ID],
                              qoe_request_sid(q))
           : ngx_http_openqoe_tap_lane(z->zone);

    ngx_http_openqoe_tap(z, lane, q,
                         rc == QOE_OK || q->content != QOE_CMCD_OT_NONE,
                         rc != QOE_DONE ? ngx_http_openqoe_cmcd_hand.set.ignored
                                        : NULL,
                         qoe_labels_span(&ngx_http_openqoe_cmcd_hand.log));
}
