
/*
 * Copyright (C) OpenQoE
 *
 * Turns pages that nginx itself makes in a location of this module (413 by
 * client_max_body_size, 401 by auth_request, 503 by limit_req ...) into the
 * JSON that clients of this API expect.  A page that error_page names is left
 * alone, because its author wants that page.
 *
 * The filters of this module run first, because it is the last in the order of
 * modules, so the other filters see the JSON.
 */


#include "ngx_http_openqoe.h"


static ngx_int_t ngx_http_openqoe_header_filter(ngx_http_request_t *r);
static ngx_int_t ngx_http_openqoe_body_filter(ngx_http_request_t *r,
    ngx_chain_t *in);
static const char *ngx_http_openqoe_status_text(ngx_uint_t status);


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;
static ngx_http_output_body_filter_pt    ngx_http_next_body_filter;


static const struct {
    ngx_uint_t   status;
    const char  *text;
} ngx_http_openqoe_texts[] = {
    { NGX_HTTP_BAD_REQUEST, "Bad request" },
    { NGX_HTTP_UNAUTHORIZED, "Unauthorized" },
    { NGX_HTTP_FORBIDDEN, "Forbidden" },
    { NGX_HTTP_NOT_FOUND, "Not found" },
    { NGX_HTTP_NOT_ALLOWED, "Method not allowed" },
    { NGX_HTTP_REQUEST_TIME_OUT, "Request timeout" },
    { NGX_HTTP_LENGTH_REQUIRED, "Length required" },
    { NGX_HTTP_REQUEST_ENTITY_TOO_LARGE, "Request body too large" },
    { NGX_HTTP_TOO_MANY_REQUESTS, "Too many requests" },
    { NGX_HTTP_INTERNAL_SERVER_ERROR, "Internal server error" },
    { NGX_HTTP_SERVICE_UNAVAILABLE, "Service unavailable" }
};


ngx_int_t
ngx_http_openqoe_filter_init(ngx_conf_t *cf)
{
    (void) cf;

    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_openqoe_header_filter;

    ngx_http_next_body_filter = ngx_http_top_body_filter;
    ngx_http_top_body_filter = ngx_http_openqoe_body_filter;

    return NGX_OK;
}


static ngx_int_t
ngx_http_openqoe_header_filter(ngx_http_request_t *r)
{
    qoe_buf_t                     b;
    qoe_mem_t                     mem;
    ngx_http_openqoe_ctx_t       *ctx;
    ngx_http_openqoe_loc_conf_t  *lcf;

    static ngx_str_t  retry_after = ngx_string("1");

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_openqoe_module);

    if (lcf->kind == NGX_HTTP_OPENQOE_NONE
        || r != r->main
        || r->err_status < NGX_HTTP_BAD_REQUEST)
    {
        return ngx_http_next_header_filter(r);
    }

    ctx = ngx_http_openqoe_get_ctx(r);

    if (ctx == NULL || ctx->own || ctx->replaced) {
        return ctx ? ngx_http_next_header_filter(r) : NGX_ERROR;
    }

    ngx_http_openqoe_json_init(&b, &mem, r);
    qoe_buf_literal(&b, "{\"success\":false,\"message\":");
    qoe_buf_json_string(&b, qoe_span_str(
                            ngx_http_openqoe_status_text(r->err_status)));
    qoe_buf_literal(&b, "}");

    if (b.status != QOE_OK || ngx_http_openqoe_common_headers(r) != NGX_OK) {
        return NGX_ERROR;
    }

    if ((r->err_status == NGX_HTTP_SERVICE_UNAVAILABLE
         || r->err_status == NGX_HTTP_TOO_MANY_REQUESTS)
        && ngx_http_openqoe_header(r, "Retry-After", retry_after) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_openqoe_count_request(r, ctx, r->err_status);

    ctx->json = (qoe_span_t) { b.data, b.len };
    ctx->replaced = 1;

    r->headers_out.content_length_n = (off_t) b.len;
    ngx_str_set(&r->headers_out.content_type, "application/json");
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;

    return ngx_http_next_header_filter(r);
}


/* Discards nginx's page, and sends the JSON once. */

static ngx_int_t
ngx_http_openqoe_body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_buf_t               *b;
    ngx_chain_t              out, *cl;
    ngx_http_openqoe_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_openqoe_module);

    if (ctx == NULL || !ctx->replaced || in == NULL) {
        return ngx_http_next_body_filter(r, in);
    }

    for (cl = in; cl != NULL; cl = cl->next) {
        cl->buf->pos = cl->buf->last;
        cl->buf->file_pos = cl->buf->file_last;
    }

    if (ctx->json.len == 0) {
        return NGX_OK;
    }

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->pos = (u_char *) ctx->json.data;
    b->last = b->pos + ctx->json.len;
    b->memory = 1;
    b->last_buf = 1;
    b->last_in_chain = 1;

    ctx->json = qoe_span_null;

    out.buf = b;
    out.next = NULL;

    return ngx_http_next_body_filter(r, &out);
}


static const char *
ngx_http_openqoe_status_text(ngx_uint_t status)
{
    ngx_uint_t  i;

    for (i = 0; i < sizeof(ngx_http_openqoe_texts)
                    / sizeof(ngx_http_openqoe_texts[0]); i++)
    {
        if (ngx_http_openqoe_texts[i].status == status) {
            return ngx_http_openqoe_texts[i].text;
        }
    }

    return "Request refused";
}
