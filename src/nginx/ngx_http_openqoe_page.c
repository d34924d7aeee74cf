
/*
 * Copyright (C) OpenQoE
 *
 * The live page and its files, from the module itself.  The page names its
 * files by a query ("?live.js"), so that one exact location is enough, under
 * any name; in a prefix location their own paths work, too.  The files have
 * nothing that is secret: the numbers come from /v2/stats, under its rules.
 */


#include "ngx_http_openqoe.h"
#include "ngx_http_openqoe_page.h"


static const ngx_http_openqoe_asset_t *ngx_http_openqoe_asset(
    ngx_http_request_t *r);
static const ngx_http_openqoe_asset_t *ngx_http_openqoe_asset_named(
    const u_char *data, size_t len);
static ngx_int_t ngx_http_openqoe_page_headers(ngx_http_request_t *r,
    const ngx_http_openqoe_asset_t *asset, ngx_uint_t packed);
static ngx_int_t ngx_http_openqoe_page_send(ngx_http_request_t *r,
    const ngx_http_openqoe_asset_t *asset, ngx_uint_t packed);
static ngx_uint_t ngx_http_openqoe_takes_gzip(ngx_http_request_t *r);


/* A page of the same site may show this page in a frame. */

static const ngx_http_openqoe_head_line_t  ngx_http_openqoe_page_lines[] = {
    { "X-Content-Type-Options", ngx_string("nosniff") },
    { "Cache-Control", ngx_string("no-cache") },
    { "Vary", ngx_string("Accept-Encoding") },
    { "Referrer-Policy", ngx_string("no-referrer") },
    { "Content-Security-Policy",
      ngx_string("default-src 'none'; script-src 'self'; style-src 'self'; "
                 "connect-src 'self'; img-src data:; base-uri 'none'; "
                 "form-action 'none'; frame-ancestors 'self'") },
    { NULL, ngx_null_string }
};


ngx_int_t
ngx_http_openqoe_page_handler(ngx_http_request_t *r)
{
    ngx_int_t                        rc;
    ngx_uint_t                       packed;
    const ngx_http_openqoe_asset_t  *asset;

    rc = ngx_http_openqoe_method(r, NGX_HTTP_GET|NGX_HTTP_HEAD,
                                 "GET, HEAD, OPTIONS");
    if (rc != NGX_DECLINED) {
        return rc;
    }

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    asset = ngx_http_openqoe_asset(r);

    if (asset == NULL) {
        return ngx_http_openqoe_fail(r, NGX_HTTP_NOT_FOUND, "Not found", NULL);
    }

    packed = ngx_http_openqoe_takes_gzip(r);

    if (ngx_http_openqoe_page_headers(r, asset, packed) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_openqoe_page_send(r, asset, packed);
}


/*
 * By the path after the location's name if there is one, else by the query; a
 * query that is no file's name is for the page itself.
 */

static const ngx_http_openqoe_asset_t *
ngx_http_openqoe_asset(ngx_http_request_t *r)
{
    u_char                          *p, *end;
    ngx_http_core_loc_conf_t        *clcf;
    const ngx_http_openqoe_asset_t  *asset;

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    end = r->uri.data + r->uri.len;
    p = end;

    if (!clcf->exact_match && !clcf->named && clcf->name.len < r->uri.len
        && ngx_strncmp(r->uri.data, clcf->name.data, clcf->name.len) == 0)
    {
        p = r->uri.data + clcf->name.len;

        if (*p != '/' && p[-1] != '/') {
            return NULL;                     /* /v2/lively */
        }

        p += (*p == '/');
    }

    if (p != end) {
        return ngx_http_openqoe_asset_named(p, (size_t) (end - p));
    }

    asset = ngx_http_openqoe_asset_named(r->args.data, r->args.len);

    return asset != NULL ? asset : ngx_http_openqoe_assets;
}


static const ngx_http_openqoe_asset_t *
ngx_http_openqoe_asset_named(const u_char *data, size_t len)
{
    const ngx_http_openqoe_asset_t  *a;

    for (a = ngx_http_openqoe_assets; a->name.len != 0; a++) {
        if (a->name.len == len && ngx_memcmp(a->name.data, data, len) == 0) {
            return a;
        }
    }

    return NULL;
}


static ngx_int_t
ngx_http_openqoe_page_headers(ngx_http_request_t *r,
    const ngx_http_openqoe_asset_t *asset, ngx_uint_t packed)
{
    u_char           *p;
    ngx_str_t         etag, value;
    ngx_table_elt_t  *h;

    if (ngx_http_openqoe_header_lines(r, ngx_http_openqoe_page_lines)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    p = ngx_pnalloc(r->pool, ngx_strlen(asset->tag) + sizeof("\"-gz\""));
    if (p == NULL) {
        return NGX_ERROR;
    }

    etag.data = p;
    etag.len = (size_t) (ngx_sprintf(p, "\"%s%s\"", asset->tag,
                                     packed ? "-gz" : "") - p);

    if (!packed) {
        return ngx_http_openqoe_etag(r, etag);
    }

    ngx_str_set(&value, "gzip");
    h = ngx_http_openqoe_push_header(r, "Content-Encoding", value);

    if (h == NULL) {
        return NGX_ERROR;
    }

    /* nginx's own filter must not pack it once more */

    r->headers_out.content_encoding = h;

    return ngx_http_openqoe_etag(r, etag);
}


static ngx_int_t
ngx_http_openqoe_page_send(ngx_http_request_t *r,
    const ngx_http_openqoe_asset_t *asset, ngx_uint_t packed)
{
    size_t       len, type_len;
    ngx_int_t    rc;
    ngx_buf_t   *b;
    ngx_chain_t  out;

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    len = packed ? asset->packed_len : asset->plain_len;
    type_len = (size_t) (ngx_strchr(asset->type, ';') - asset->type);

    rc = ngx_http_openqoe_send_start(r, NGX_HTTP_OK, (off_t) len, asset->type,
                                     type_len);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    b->pos = (u_char *) (uintptr_t) (packed ? asset->packed : asset->plain);
    b->last = b->pos + len;
    b->memory = 1;
    b->last_buf = (r == r->main);
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


/* gzip with a quality above 0 in Accept-Encoding (RFC 9110, 12.5.3). */

static ngx_uint_t
ngx_http_openqoe_takes_gzip(ngx_http_request_t *r)
{
    u_char                      *p, *end;
    ngx_table_elt_t             *h;
    ngx_http_openqoe_headers_t   it;

    ngx_http_openqoe_headers_in(r, &it);

    while ((h = ngx_http_openqoe_next_header(&it)) != NULL) {

        if (!ngx_http_openqoe_header_is(h, "accept-encoding")) {
            continue;
        }

        end = h->value.data + h->value.len;
        p = ngx_strlcasestrn(h->value.data, end, (u_char *) "gzip", 4 - 1);

        if (p == NULL
            || (p != h->value.data && !ngx_http_openqoe_in(" ,\t", p[-1])))
        {
            continue;
        }

        for (p += 4; p < end && ngx_http_openqoe_in(" \t", *p); p++) {
            /* void */
        }

        if (p == end || *p == ',') {
            return 1;
        }

        if (*p != ';') {
            continue;
        }

        /* "q=0", "q=0.000" and the like refuse it */

        for (p++; p < end && *p != ','; p++) {
            if (*p >= '1' && *p <= '9') {
                return 1;
            }
        }
    }

    return 0;
}
