
/*
 * Copyright (C) OpenQoE
 *
 * Lists in environment variables: key=value pairs separated by commas.
 */


#include "ngx_http_openqoe.h"


static ngx_int_t ngx_http_openqoe_percent_decode(ngx_str_t *s);


/* Decodes in place.  A NUL in the result is left to later checks. */

static ngx_int_t
ngx_http_openqoe_percent_decode(ngx_str_t *s)
{
    u_char     *src, *dst, *end;
    ngx_int_t   c;

    src = s->data;
    dst = s->data;
    end = src + s->len;

    while (src < end) {

        if (*src != '%') {
            *dst++ = *src++;
            continue;
        }

        if (end - src < 3) {
            return NGX_ERROR;
        }

        c = ngx_hextoi(src + 1, 2);

        if (c == NGX_ERROR) {
            return NGX_ERROR;
        }

        *dst++ = (u_char) c;
        src += 3;
    }

    s->len = (size_t) (dst - s->data);

    return NGX_OK;
}


void
ngx_http_openqoe_trim(ngx_str_t *s)
{
    while (s->len && (s->data[0] == ' ' || s->data[0] == '\t')) {
        s->data++;
        s->len--;
    }

    while (s->len && (s->data[s->len - 1] == ' '
                      || s->data[s->len - 1] == '\t'))
    {
        s->len--;
    }
}


/* Reads k=v,k2=v2 (W3C Baggage), and percent-decodes the values. */

const char *
ngx_http_openqoe_pairs(ngx_http_openqoe_exporter_t *e, ngx_str_t *list,
    ngx_http_openqoe_add_t *add, ngx_uint_t decode_names)
{
    u_char      *p, *end, *next, *eq;
    ngx_str_t    name, value;
    ngx_uint_t   duplicate;
    const char  *expected;

    end = list->data + list->len;

    for (p = list->data; p < end; p = next + 1) {

        next = ngx_strlchr(p, end, ',');
        next = next ? next : end;

        value.data = p;
        value.len = (size_t) (next - p);
        ngx_http_openqoe_trim(&value);

        if (value.len == 0) {
            continue;
        }

        eq = ngx_strlchr(p, next, '=');

        if (eq == NULL) {
            return "a list of key=value separated by commas";
        }

        name.data = p;
        name.len = (size_t) (eq - p);
        value.data = eq + 1;
        value.len = (size_t) (next - eq - 1);

        ngx_http_openqoe_trim(&name);
        ngx_http_openqoe_trim(&value);

        if (ngx_http_openqoe_percent_decode(&value) != NGX_OK
            || (decode_names
                && ngx_http_openqoe_percent_decode(&name) != NGX_OK))
        {
            return "correctly percent-encoded";
        }

        expected = add(e, &name, &value, &duplicate);

        if (expected != NULL) {
            return expected;
        }
    }

    return NULL;
}
