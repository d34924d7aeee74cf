
/*
 * Copyright (C) OpenQoE
 *
 * Answers: always JSON, with the headers that every answer has.
 */


#include "ngx_http_openqoe.h"

#include <time.h>


static void *ngx_http_openqoe_palloc(void *ctx, size_t size);
static void ngx_http_openqoe_pfree(void *ctx, void *p);


static const ngx_http_openqoe_head_line_t  ngx_http_openqoe_common[] = {
    { "X-Content-Type-Options", ngx_string("nosniff") },
    { "X-App-Version", ngx_string("v2") },
    { "Cache-Control", ngx_string("no-store") },
    { NULL, ngx_null_string }
};


ngx_int_t
ngx_http_openqoe_common_headers(ngx_http_request_t *r)
{
    if (ngx_http_openqoe_header_lines(r, ngx_http_openqoe_common) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_openqoe_cors_headers(r);
}


/* Makes a buffer in the request's pool, so that it need not be freed. */

void
ngx_http_openqoe_json_init(qoe_buf_t *b, qoe_mem_t *mem,
    ngx_http_request_t *r)
{
    mem->alloc = ngx_http_openqoe_palloc;
    mem->free = ngx_http_openqoe_pfree;
    mem->ctx = r->pool;

    qoe_buf_init(b, mem, NGX_HTTP_OPENQOE_JSON_MAX);
}


static void *
ngx_http_openqoe_palloc(void *ctx, size_t size)
{
    return ngx_palloc(ctx, size);
}


static void
ngx_http_openqoe_pfree(void *ctx, void *p)
{
    if (p != NULL) {
        (void) ngx_pfree(ctx, p);
    }
}


/*
 * Sends the head of an answer, with the headers that every answer has, and
 * counts its status.  Otherwise as ngx_http_openqoe_send_start().
 */

ngx_int_t
ngx_http_openqoe_send_head(ngx_http_request_t *r, ngx_uint_t status,
    off_t length, const char *type, size_t type_len)
{
    ngx_http_openqoe_ctx_t  *ctx;

    ctx = ngx_http_openqoe_get_ctx(r);

    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_openqoe_count_request(r, ctx, status);

    if (ngx_http_openqoe_common_headers(r) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_openqoe_send_start(r, status, length, type, type_len);
}


/*
 * Sends the head of an answer as it is.  type_len is the length of the type
 * without its parameters.  Returns as ngx_http_send_header().
 */

ngx_int_t
ngx_http_openqoe_send_start(ngx_http_request_t *r, ngx_uint_t status,
    off_t length, const char *type, size_t type_len)
{
    ngx_http_openqoe_ctx_t  *ctx;

    ctx = ngx_http_openqoe_get_ctx(r);

    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->own = 1;

    /* If-None-Match and the like are for answers that have an ETag */

    r->disable_not_modified = (r->headers_out.etag == NULL);

    r->headers_out.status = status;
    r->headers_out.content_length_n = length;
    r->headers_out.content_type.data = (u_char *) type;
    r->headers_out.content_type.len = ngx_strlen(type);
    r->headers_out.content_type_len = type_len;
    r->headers_out.content_type_lowcase = NULL;

    return ngx_http_send_header(r);
}


/* A client that has the answer with this ETag gets 304 from nginx. */

ngx_int_t
ngx_http_openqoe_etag(ngx_http_request_t *r, ngx_str_t etag)
{
    r->headers_out.etag = ngx_http_openqoe_push_header(r, "ETag", etag);

    return r->headers_out.etag != NULL ? NGX_OK : NGX_ERROR;
}


/* Sends an answer.  Returns what to finalize the request with. */

ngx_int_t
ngx_http_openqoe_send(ngx_http_request_t *r, ngx_uint_t status,
    qoe_buf_t *json)
{
    ngx_str_t  text;

    if (json->status != QOE_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    text.data = (u_char *) json->data;
    text.len = json->len;

    return ngx_http_openqoe_send_text(r, status, &text);
}


/* Sends an answer whose text is in the request's pool. */

ngx_int_t
ngx_http_openqoe_send_text(ngx_http_request_t *r, ngx_uint_t status,
    ngx_str_t *json)
{
    ngx_int_t     rc;
    ngx_buf_t    *b;
    ngx_chain_t   out;

    static const char  type[] = "application/json";

    rc = ngx_http_openqoe_send_head(r, status, (off_t) json->len, type,
                                    sizeof(type) - 1);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->pos = json->data;
    b->last = b->pos + json->len;
    b->memory = 1;
    b->last_buf = (r == r->main);
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


/* Sends {"success":false,"message":...}, with an error if reason is given. */

ngx_int_t
ngx_http_openqoe_fail(ngx_http_request_t *r, ngx_uint_t status,
    const char *message, const char *reason)
{
    qoe_buf_t  b;
    qoe_mem_t  mem;

    ngx_http_openqoe_json_init(&b, &mem, r);

    qoe_buf_literal(&b, "{\"success\":false,\"message\":");
    qoe_buf_json_string(&b, qoe_span_str(message));

    if (reason != NULL) {
        qoe_buf_literal(&b, ",\"errors\":[{\"field\":\"\",\"reason\":");
        qoe_buf_json_string(&b, qoe_span_str(reason));
        qoe_buf_literal(&b, "}]");
    }

    qoe_buf_literal(&b, "}");

    return ngx_http_openqoe_send(r, status, &b);
}


ngx_int_t
ngx_http_openqoe_unauthorized(ngx_http_request_t *r)
{
    ngx_int_t         rc;
    ngx_table_elt_t  *h;

    static ngx_str_t  challenge = ngx_string("Bearer realm=\"OpenQoE\"");

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    h = ngx_http_openqoe_push_header(r, "WWW-Authenticate", challenge);
    if (h == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* auth_request takes the header from here */

    r->headers_out.www_authenticate = h;

    return ngx_http_openqoe_fail(r, NGX_HTTP_UNAUTHORIZED,
                                 "Unauthorized: Invalid or missing API key",
                                 NULL);
}


void
ngx_http_openqoe_rfc3339(qoe_buf_t *b, uint64_t unix_ms)
{
    time_t     t;
    struct tm  tm;

    t = (time_t) (unix_ms / 1000);

    if (gmtime_r(&t, &tm) == NULL) {
        qoe_buf_literal(b, "null");
        return;
    }

    qoe_buf_printf(b, "\"%04d-%02d-%02dT%02d:%02d:%02d.%03dZ\"",
                   tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
                   tm.tm_min, tm.tm_sec, (int) (unix_ms % 1000));
}
