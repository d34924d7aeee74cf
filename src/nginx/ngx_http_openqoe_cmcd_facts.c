
/*
 * Copyright (C) OpenQoE
 *
 * What the server knows of a request that it has served: times, bytes, status,
 * cache, connection, and the class of what was asked for.  Numbers are those
 * that nginx's own variables have.
 */


#include "ngx_http_openqoe_cmcd.h"

#include <math.h>


static void ngx_http_openqoe_cmcd_upstream(ngx_http_request_t *r,
    qoe_request_t *q);
static ngx_int_t ngx_http_openqoe_cmcd_alone(ngx_http_request_t *r);
static ngx_str_t *ngx_http_openqoe_cmcd_type(ngx_http_request_t *r);


void
ngx_http_openqoe_cmcd_facts(ngx_http_request_t *r, qoe_request_t *q)
{
    off_t                    sent;
    ngx_http_openqoe_ctx_t  *ctx;

    q->start_ms = (uint64_t) r->start_sec * 1000 + r->start_msec;
    q->duration_ms = (double) ngx_http_openqoe_cmcd_elapsed(r);

    if (r->header_sent) {
        ctx = ngx_http_get_module_ctx(r, ngx_http_openqoe_module);
        q->ttfb_ms = (ctx != NULL) ? (double) ctx->headed_ms : 0;
    }

    /* as $status and $body_bytes_sent */

    q->status = (uint16_t) (r->err_status ? r->err_status
                                          : r->headers_out.status);

    sent = r->connection->sent - (off_t) r->header_size;
    q->bytes = (uint64_t) ngx_max(sent, 0);

    /* as $request_completion */

    q->aborted = !r->request_complete;

    if (r->upstream != NULL) {
        ngx_http_openqoe_cmcd_upstream(r, q);
    }
}


ngx_msec_t
ngx_http_openqoe_cmcd_elapsed(const ngx_http_request_t *r)
{
    ngx_time_t      *tp;
    ngx_msec_int_t   ms;

    tp = ngx_timeofday();
    ms = (ngx_msec_int_t) ((tp->sec - r->start_sec) * 1000
                           + (tp->msec - r->start_msec));

    return (ngx_msec_t) ngx_max(ms, 0);
}


void
ngx_http_openqoe_cmcd_tcp(ngx_http_request_t *r, qoe_request_t *q)
{
    double                  own;
    ngx_http_openqoe_tcp_t  tcp;

    if (ngx_http_openqoe_tcp(r, &tcp) == NGX_OK) {
        ngx_http_openqoe_tcp_delta(r, &tcp);

        q->rtt_ms = tcp.rtt_ms;
        q->retransmits = tcp.retransmits;

        /* what the kernel sent while this response had no body to hand over */

        if (ngx_http_openqoe_cmcd_alone(r) && !isnan(tcp.busy_ms)) {
            own = q->duration_ms - (q->ttfb_ms > 0 ? q->ttfb_ms : 0);
            q->lag_ms = fmax(tcp.busy_ms - own, 0);
        }
    }
}


/*
 * The kernel counts for a connection.  Of several streams of HTTP/2 the one
 * that ends takes what was counted since the last one ended; but what the
 * kernel sent meanwhile may as well be of a stream that is still open.
 */

static ngx_int_t
ngx_http_openqoe_cmcd_alone(ngx_http_request_t *r)
{
#if (NGX_HTTP_V2)
    if (r->stream != NULL) {
        return r->stream->connection->processing <= 1;
    }
#else
    (void) r;
#endif

    return 1;
}


/*
 * Of several upstreams that were asked in turn, the times are added up, because
 * the viewer waits for all of them; the header is that of the last one.
 */

static void
ngx_http_openqoe_cmcd_upstream(ngx_http_request_t *r, qoe_request_t *q)
{
    double                      sum;
    ngx_uint_t                  i;
    ngx_http_upstream_state_t  *state;

#if (NGX_HTTP_CACHE)
    q->cache = (uint8_t) r->upstream->cache_status;
#endif

    if (r->upstream_states == NULL) {
        return;
    }

    state = r->upstream_states->elts;
    sum = 0;

    for (i = 0; i < r->upstream_states->nelts; i++) {

        if (state[i].peer == NULL) {
            continue;
        }

        if (state[i].header_time != (ngx_msec_t) -1) {
            q->upstream_header_ms = sum + (double) state[i].header_time;
        }

        if (state[i].response_time != (ngx_msec_t) -1) {
            sum += (double) state[i].response_time;
        }

        q->upstream_ms = sum;
    }
}


/*
 * An answer that is an error or has no content (304) does not have the type of
 * what was asked for: then the name says it, by the location's types.
 */

qoe_cmcd_ot_t
ngx_http_openqoe_cmcd_content(ngx_http_request_t *r)
{
    ngx_str_t      *type;
    qoe_cmcd_ot_t   ot;

    ot = qoe_request_content((qoe_span_t) {
             (const char *) r->headers_out.content_type.data,
             ngx_min(r->headers_out.content_type_len,
                     r->headers_out.content_type.len) });

    if (ot != QOE_CMCD_OT_NONE
        || (r->err_status == 0
            && r->headers_out.status < NGX_HTTP_SPECIAL_RESPONSE))
    {
        return ot;
    }

    type = ngx_http_openqoe_cmcd_type(r);

    return type != NULL ? qoe_request_content(ngx_http_openqoe_span(*type))
                        : QOE_CMCD_OT_NONE;
}


/* The type that the location has for the extension of the URI, or NULL. */

static ngx_str_t *
ngx_http_openqoe_cmcd_type(ngx_http_request_t *r)
{
    size_t                     i, len;
    u_char                     low[16];
    ngx_uint_t                 hash;
    qoe_span_t                 path, query;
    ngx_http_core_loc_conf_t  *clcf;

    path = ngx_http_openqoe_cmcd_path(r, &query);

    for (len = 0; len < path.len && len < sizeof(low); len++) {
        if (path.data[path.len - 1 - len] == '.') {
            break;
        }
    }

    if (len == path.len || len == sizeof(low)) {
        return NULL;
    }

    hash = 0;

    for (i = 0; i < len; i++) {
        low[i] = ngx_tolower((u_char) path.data[path.len - len + i]);
        hash = ngx_hash(hash, low[i]);
    }

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    return ngx_hash_find(&clcf->types_hash, hash, low, len);
}


/* r->args and r->uri may have been rewritten, r->unparsed_uri never is. */

qoe_span_t
ngx_http_openqoe_cmcd_path(ngx_http_request_t *r, qoe_span_t *query)
{
    const char  *p;
    qoe_span_t   path;

    path = ngx_http_openqoe_span(r->unparsed_uri);
    *query = qoe_span_null;

    p = (path.len != 0) ? memchr(path.data, '?', path.len) : NULL;

    if (p != NULL) {
        query->data = p + 1;
        query->len = path.len - (size_t) (p + 1 - path.data);
        path.len = (size_t) (p - path.data);

        /* as nginx: what comes after a raw # is no argument */

        p = (query->len != 0) ? memchr(query->data, '#', query->len) : NULL;

        if (p != NULL) {
            query->len = (size_t) (p - query->data);
        }
    }

    return path;
}
