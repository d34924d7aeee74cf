
/*
 * Copyright (C) OpenQoE
 *
 * The set of CMCD that a request brings, as the client has sent it: internal
 * redirects and "set $args" change neither r->unparsed_uri nor the headers.
 */


#include "ngx_http_openqoe_cmcd.h"


/* A line of a CMCD header: which header it is, or QOE_CMCD_NHEADERS. */

static ngx_uint_t
ngx_http_openqoe_cmcd_header(ngx_table_elt_t *h)
{
    ngx_uint_t  i;

#define NGX_HTTP_OPENQOE_CMCD_HEADER(id, name)  ngx_string(name),

    static const ngx_str_t  names[] = {
        QOE_CMCD_HEADERS(NGX_HTTP_OPENQOE_CMCD_HEADER)
    };

    /* hash is 0 for lines that nginx ignores */

    if (h->hash == 0 || h->key.len < 5
        || ngx_memcmp(h->lowcase_key, "cmcd-", 5) != 0)
    {
        return QOE_CMCD_NHEADERS;
    }

    for (i = 0; i < QOE_CMCD_NHEADERS; i++) {
        if (h->key.len == names[i].len
            && ngx_memcmp(h->lowcase_key, names[i].data, names[i].len) == 0)
        {
            return i;
        }
    }

    return QOE_CMCD_NHEADERS;
}


/* The lines of CMCD headers, of which values and names have room for max. */

static size_t
ngx_http_openqoe_cmcd_lines(ngx_http_request_t *r, qoe_span_t *values,
    uint8_t *names, size_t max, size_t *len)
{
    size_t            n;
    ngx_uint_t        i, header;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    n = 0;
    *len = 0;

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            header = ngx_http_openqoe_cmcd_header(&h[i]);

            if (header == QOE_CMCD_NHEADERS) {
                continue;
            }

            if (n < max) {
                values[n] = ngx_http_openqoe_span(h[i].value);
                names[n] = (uint8_t) header;
            }

            *len += h[i].value.len + 1;
            n++;
        }
    }

    return n;
}


/* The usual number of lines needs no second look at the headers. */
#define NGX_HTTP_OPENQOE_CMCD_LINES  8

static qoe_status_t
ngx_http_openqoe_cmcd_headers(ngx_http_request_t *r, qoe_cmcd_t *c)
{
    char        *buf;
    size_t       n, len;
    uint8_t      few_names[NGX_HTTP_OPENQOE_CMCD_LINES], *names;
    qoe_span_t   few[NGX_HTTP_OPENQOE_CMCD_LINES], *values;

    values = few;
    names = few_names;

    n = ngx_http_openqoe_cmcd_lines(r, values, names,
                                    NGX_HTTP_OPENQOE_CMCD_LINES, &len);

    if (n == 0) {
        return QOE_DONE;
    }

    if (n > NGX_HTTP_OPENQOE_CMCD_LINES) {
        values = ngx_palloc(r->pool, n * sizeof(qoe_span_t));
        names = ngx_pnalloc(r->pool, n);

        if (values == NULL || names == NULL) {
            return QOE_NOMEM;
        }

        n = ngx_http_openqoe_cmcd_lines(r, values, names, n, &len);
    }

    buf = ngx_pnalloc(r->pool, len);

    return buf == NULL ? QOE_NOMEM
                       : qoe_cmcd_headers(c, values, names, n, buf);
}


static qoe_status_t
ngx_http_openqoe_cmcd_query(ngx_http_request_t *r, qoe_cmcd_t *c)
{
    char        *buf;
    qoe_span_t   query;

    (void) ngx_http_openqoe_cmcd_path(r, &query);

    /* most requests without CMCD need no memory */

    if (query.len < 4) {
        return QOE_DONE;
    }

    buf = ngx_pnalloc(r->pool, query.len);

    return buf == NULL ? QOE_NOMEM : qoe_cmcd_query(c, query, buf);
}


qoe_status_t
ngx_http_openqoe_cmcd_decode(ngx_http_request_t *r, ngx_uint_t headers,
    ngx_uint_t query, qoe_cmcd_t *c)
{
    qoe_status_t  rc;

    rc = headers ? ngx_http_openqoe_cmcd_headers(r, c) : QOE_DONE;

    if (rc == QOE_DONE && query) {
        rc = ngx_http_openqoe_cmcd_query(r, c);
    }

    return rc;
}
