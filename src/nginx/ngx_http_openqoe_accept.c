
/*
 * Copyright (C) OpenQoE
 *
 * Decides in which form a client gets the stats: by "format" in the query
 * string, else by the Accept header fields with their quality values (RFC
 * 9110, 12.5.1).
 */


#include "ngx_http_openqoe_stats.h"


/* A media range of Accept. */

typedef struct {
    ngx_str_t   type;                        /* without parameters */
    ngx_str_t   version;                     /* empty: any */
    ngx_uint_t  q;                           /* 0 .. 1000 */
} ngx_http_openqoe_media_t;


/* How acceptable a form is: its most specific media range decides. */

typedef struct {
    ngx_uint_t  specific;                    /* 0: no range matches */
    ngx_uint_t  q;
} ngx_http_openqoe_accepted_t;


static void ngx_http_openqoe_media(ngx_http_openqoe_media_t *m, u_char *p,
    u_char *end);
static ngx_uint_t ngx_http_openqoe_q(u_char *p, u_char *end);
static ngx_uint_t ngx_http_openqoe_specific(
    const ngx_http_openqoe_media_t *m, ngx_uint_t form);
static u_char *ngx_http_openqoe_until(u_char *p, u_char *end, u_char c);


/* The forms; among equally acceptable ones the first is preferred. */

static const struct {
    ngx_str_t                  format;       /* in the query string */
    ngx_str_t                  type;
    ngx_str_t                  group;
    ngx_str_t                  version;
    ngx_http_openqoe_format_e  as;
} ngx_http_openqoe_forms[] = {
    { ngx_string("json"), ngx_string("application/json"),
      ngx_string("application/*"), ngx_null_string,
      NGX_HTTP_OPENQOE_AS_JSON },
    { ngx_string("openmetrics"), ngx_string("application/openmetrics-text"),
      ngx_string("application/*"), ngx_string("1.0.0"),
      NGX_HTTP_OPENQOE_AS_OPENMETRICS },
    { ngx_string("prometheus"), ngx_string("text/plain"),
      ngx_string("text/*"), ngx_string("0.0.4"),
      NGX_HTTP_OPENQOE_AS_TEXT }
};

#define NGX_HTTP_OPENQOE_FORMS                                                \
    (sizeof(ngx_http_openqoe_forms) / sizeof(ngx_http_openqoe_forms[0]))


ngx_http_openqoe_format_e
ngx_http_openqoe_format(ngx_http_request_t *r)
{
    u_char                       *p, *end, *next;
    ngx_str_t                     format;
    ngx_uint_t                    i, specific, best;
    ngx_table_elt_t              *h;
    ngx_http_openqoe_media_t      m;
    ngx_http_openqoe_headers_t    it;
    ngx_http_openqoe_accepted_t   form[NGX_HTTP_OPENQOE_FORMS];

    if (ngx_http_arg(r, (u_char *) "format", 6, &format) == NGX_OK) {
        for (i = 0; i < NGX_HTTP_OPENQOE_FORMS; i++) {
            if (qoe_span_eq(ngx_http_openqoe_span(format),
                    ngx_http_openqoe_span(ngx_http_openqoe_forms[i].format)))
            {
                return ngx_http_openqoe_forms[i].as;
            }
        }
    }

    ngx_memzero(form, sizeof(form));
    ngx_http_openqoe_headers_in(r, &it);

    while ((h = ngx_http_openqoe_next_header(&it)) != NULL) {

        if (!ngx_http_openqoe_header_is(h, "accept")) {
            continue;
        }

        end = h->value.data + h->value.len;

        for (p = h->value.data; p < end; p = next + 1) {

            next = ngx_http_openqoe_until(p, end, ',');
            ngx_http_openqoe_media(&m, p, next);

            for (i = 0; i < NGX_HTTP_OPENQOE_FORMS; i++) {

                specific = ngx_http_openqoe_specific(&m, i);

                if (specific > form[i].specific
                    || (specific != 0 && specific == form[i].specific
                        && m.q > form[i].q))
                {
                    form[i].specific = specific;
                    form[i].q = m.q;
                }
            }
        }
    }

    best = 0;

    for (i = 1; i < NGX_HTTP_OPENQOE_FORMS; i++) {
        if (form[i].q > form[best].q
            || (form[i].q != 0 && form[i].q == form[best].q
                && form[i].specific > form[best].specific))
        {
            best = i;
        }
    }

    return ngx_http_openqoe_forms[best].as;
}


/* 3: the range names the form, 2: its group, 1: anything, 0: no match. */

static ngx_uint_t
ngx_http_openqoe_specific(const ngx_http_openqoe_media_t *m, ngx_uint_t form)
{
    const ngx_str_t  *version;

    version = &ngx_http_openqoe_forms[form].version;

    if (ngx_http_openqoe_str_is(&m->type, "*/*")) {
        return 1;
    }

    if (m->type.len == ngx_http_openqoe_forms[form].group.len
        && ngx_strncasecmp(m->type.data,
                           ngx_http_openqoe_forms[form].group.data,
                           m->type.len)
           == 0)
    {
        return 2;
    }

    if (m->type.len != ngx_http_openqoe_forms[form].type.len
        || ngx_strncasecmp(m->type.data,
                           ngx_http_openqoe_forms[form].type.data,
                           m->type.len)
           != 0)
    {
        return 0;
    }

    /* another version than ours is another form */

    if (m->version.len != 0 && version->len != 0
        && !qoe_span_eq(ngx_http_openqoe_span(m->version),
                        ngx_http_openqoe_span(*version)))
    {
        return 0;
    }

    return 3;
}


/* Parses a range such as "type/subtype;version=1.0.0;q=0.5". */

static void
ngx_http_openqoe_media(ngx_http_openqoe_media_t *m, u_char *p, u_char *end)
{
    u_char     *next;
    ngx_str_t   s;

    ngx_memzero(m, sizeof(ngx_http_openqoe_media_t));
    m->q = 1000;

    next = ngx_http_openqoe_until(p, end, ';');

    m->type.data = p;
    m->type.len = (size_t) (next - p);
    ngx_http_openqoe_trim(&m->type);

    while (next < end) {

        p = next + 1;
        next = ngx_http_openqoe_until(p, end, ';');

        s.data = p;
        s.len = (size_t) (next - p);
        ngx_http_openqoe_trim(&s);

        if (s.len > 2 && ngx_strncasecmp(s.data, (u_char *) "q=", 2) == 0) {
            m->q = ngx_http_openqoe_q(s.data + 2, s.data + s.len);

        } else if (s.len > 8
                   && ngx_strncasecmp(s.data, (u_char *) "version=", 8) == 0)
        {
            m->version.data = s.data + 8;
            m->version.len = s.len - 8;

            if (m->version.len >= 2 && m->version.data[0] == '"') {
                m->version.data++;
                m->version.len -= 2;
            }
        }
    }
}


/* The quality in thousandths; an invalid value counts as 0. */

static ngx_uint_t
ngx_http_openqoe_q(u_char *p, u_char *end)
{
    ngx_uint_t  q, unit;

    if (*p != '0' && *p != '1') {
        return 0;
    }

    q = (*p == '1') ? 1000 : 0;
    p++;

    if (p == end) {
        return q;
    }

    if (*p != '.') {
        return 0;
    }

    unit = 100;

    for (p++; p < end; p++) {

        if (*p < '0' || *p > '9') {
            return 0;
        }

        q += (ngx_uint_t) (*p - '0') * unit;
        unit /= 10;
    }

    return ngx_min(q, 1000);
}


static u_char *
ngx_http_openqoe_until(u_char *p, u_char *end, u_char c)
{
    u_char  *found;

    found = ngx_strlchr(p, end, c);

    return (found != NULL) ? found : end;
}
