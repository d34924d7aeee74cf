
/*
 * Copyright (C) OpenQoE
 *
 * What a request brings beside its body, header fields and arguments of the
 * query; and header fields of an answer.
 */


#include "ngx_http_openqoe.h"


void
ngx_http_openqoe_headers_in(ngx_http_request_t *r,
    ngx_http_openqoe_headers_t *it)
{
    it->part = &r->headers_in.headers.part;
    it->i = 0;
}


/* The next field in the order in which they were sent; NULL after the last. */

ngx_table_elt_t *
ngx_http_openqoe_next_header(ngx_http_openqoe_headers_t *it)
{
    ngx_table_elt_t  *h;

    while (it->part != NULL && it->i >= it->part->nelts) {
        it->part = it->part->next;
        it->i = 0;
    }

    if (it->part == NULL) {
        return NULL;
    }

    h = it->part->elts;

    return &h[it->i++];
}


ngx_uint_t
ngx_http_openqoe_header_is(const ngx_table_elt_t *h, const char *name)
{
    return ngx_http_openqoe_str_is(&h->key, name);
}


/* Whether s equals text, ignoring case. */

ngx_uint_t
ngx_http_openqoe_str_is(const ngx_str_t *s, const char *text)
{
    return s->len == ngx_strlen(text)
           && ngx_strncasecmp(s->data, (u_char *) text, s->len) == 0;
}


/*
 * Adds a field to the answer.  name and value must outlive it.  NULL: no
 * memory.
 */

ngx_table_elt_t *
ngx_http_openqoe_push_header(ngx_http_request_t *r, const char *name,
    ngx_str_t value)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NULL;
    }

    h->hash = 1;
    h->key.data = (u_char *) name;
    h->key.len = ngx_strlen(name);
    h->value = value;
#if (nginx_version >= 1023000)
    h->next = NULL;
#endif

    return h;
}


ngx_int_t
ngx_http_openqoe_header(ngx_http_request_t *r, const char *name,
    ngx_str_t value)
{
    return ngx_http_openqoe_push_header(r, name, value) != NULL ? NGX_OK
                                                                : NGX_ERROR;
}


ngx_int_t
ngx_http_openqoe_header_lines(ngx_http_request_t *r,
    const ngx_http_openqoe_head_line_t *l)
{
    for (/* void */; l->name != NULL; l++) {
        if (ngx_http_openqoe_header(r, l->name, l->value) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_openqoe_arg(ngx_http_request_t *r, const char *name, size_t max,
    ngx_str_t *value)
{
    u_char     *src, *dst;
    ngx_str_t   raw;

    if (ngx_http_arg(r, (u_char *) (uintptr_t) name, ngx_strlen(name), &raw)
        != NGX_OK
        || (max != 0 && raw.len > max))
    {
        return NGX_DECLINED;
    }

    src = raw.data;
    dst = ngx_pnalloc(r->pool, raw.len + 1);

    if (dst == NULL) {
        return NGX_ERROR;
    }

    value->data = dst;
    ngx_unescape_uri(&dst, &src, raw.len, 0);
    value->len = (size_t) (dst - value->data);

    return NGX_OK;
}
