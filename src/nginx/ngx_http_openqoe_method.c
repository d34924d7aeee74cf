
/*
 * Copyright (C) OpenQoE
 *
 * Requests with a method that a location does not handle: OPTIONS, which is the
 * preflight of a cross-origin request, and the others, which are refused.
 */


#include "ngx_http_openqoe.h"


static ngx_int_t ngx_http_openqoe_preflight(ngx_http_request_t *r,
    const char *allow);


static const struct {
    const char  *name;
    ngx_str_t    value;
} ngx_http_openqoe_preflight_headers[] = {
    { "Access-Control-Allow-Methods", ngx_string("GET, POST, OPTIONS") },
    { "Access-Control-Allow-Headers",
      ngx_string("Content-Type, Content-Encoding, Authorization, X-API-Key, "
                 "X-API-Token, X-OpenQoE-Session, X-SDK-Version, "
                 "traceparent") },
    { "Access-Control-Max-Age", ngx_string("86400") }
};


/*
 * NGX_DECLINED: the method is in the mask.  Otherwise the request was answered
 * (a preflight, or 405), and the handler must return the value.
 */

ngx_int_t
ngx_http_openqoe_method(ngx_http_request_t *r, ngx_uint_t allowed,
    const char *allow)
{
    ngx_int_t  rc;
    ngx_str_t  value;

    if (r->method & allowed) {
        return NGX_DECLINED;
    }

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    if (r->method == NGX_HTTP_OPTIONS) {
        return ngx_http_openqoe_preflight(r, allow);
    }

    value.data = (u_char *) allow;
    value.len = ngx_strlen(allow);

    if (ngx_http_openqoe_header(r, "Allow", value) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_openqoe_fail(r, NGX_HTTP_NOT_ALLOWED,
                                 "Method not allowed", NULL);
}


/* Answers OPTIONS with 204 in every location; the body was discarded. */

static ngx_int_t
ngx_http_openqoe_preflight(ngx_http_request_t *r, const char *allow)
{
    ngx_uint_t               i;
    ngx_str_t                value;
    ngx_http_openqoe_ctx_t  *ctx;

    value.data = (u_char *) allow;
    value.len = ngx_strlen(allow);

    ctx = ngx_http_openqoe_get_ctx(r);

    if (ctx == NULL
        || ngx_http_openqoe_header(r, "Allow", value) != NGX_OK
        || ngx_http_openqoe_common_headers(r) != NGX_OK
        || ngx_http_openqoe_cors_refusal(r) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    for (i = 0; i < sizeof(ngx_http_openqoe_preflight_headers)
                    / sizeof(ngx_http_openqoe_preflight_headers[0]); i++)
    {
        if (ngx_http_openqoe_header(r,
                ngx_http_openqoe_preflight_headers[i].name,
                ngx_http_openqoe_preflight_headers[i].value)
            != NGX_OK)
        {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    ctx->own = 1;
    r->headers_out.status = NGX_HTTP_NO_CONTENT;
    r->header_only = 1;

    return ngx_http_send_header(r);
}
