
/*
 * Copyright (C) OpenQoE
 *
 * openqoe_cmcd_log: which requests are logged, and the attributes that only a
 * log has: what was asked for, and the set of CMCD key by key, by the names
 * that logs of events have for it.
 */


#include "ngx_http_openqoe_cmcd.h"

#include "qoe_tapped.h"


static void ngx_http_openqoe_cmcd_log_uri(ngx_http_request_t *r,
    qoe_labels_t *out);
static void ngx_http_openqoe_cmcd_log_set(const qoe_cmcd_t *set,
    qoe_cmcd_ot_t ot, qoe_labels_t *out);
static void ngx_http_openqoe_cmcd_log_key(const qoe_cmcd_t *set,
    qoe_cmcd_key_t key, int type, qoe_cmcd_ot_t ot, qoe_span_t name,
    qoe_labels_t *out);


/* The types of keys, as the table of keys names them. */

enum {
    NGX_HTTP_OPENQOE_NUMBER,
    NGX_HTTP_OPENQOE_DECIMAL,
    NGX_HTTP_OPENQOE_NUMBERS,
    NGX_HTTP_OPENQOE_FLAG,
    NGX_HTTP_OPENQOE_STRING,
    NGX_HTTP_OPENQOE_STRINGS,
    NGX_HTTP_OPENQOE_TOKEN
};


/*
 * All requests of a session are logged, or none of them; those without a
 * session by chance.
 */

ngx_uint_t
ngx_http_openqoe_cmcd_logs(const qoe_request_t *q, const qoe_hash_key_t *key,
    ngx_uint_t share)
{
    uint64_t  h[2];

    if (share == 0 || share == NGX_HTTP_OPENQOE_WHOLE) {
        return share != 0;
    }

    if (qoe_request_sid(q).len == 0) {
        return (ngx_uint_t) ngx_random() % NGX_HTTP_OPENQOE_WHOLE
               < share;
    }

    h[0] = qoe_hash(key, q->text[QOE_TEXT_ORG_ID].data,
                    q->text[QOE_TEXT_ORG_ID].len);
    h[1] = qoe_hash(key, qoe_request_sid(q).data, qoe_request_sid(q).len);

    return qoe_hash(key, h, sizeof(h)) % NGX_HTTP_OPENQOE_WHOLE < share;
}


void
ngx_http_openqoe_cmcd_log_make(ngx_http_request_t *r, const qoe_cmcd_t *set,
    const qoe_request_t *q, qoe_labels_t *out)
{
    out->len = 0;

    qoe_logged_text(out, qoe_span("http.request.method"),
                    ngx_http_openqoe_span(r->method_name));
    qoe_logged_text(out, qoe_span("server.address"),
                    ngx_http_openqoe_span(r->headers_in.server));
    ngx_http_openqoe_cmcd_log_uri(r, out);

    if (q->cmcd) {
        qoe_logged_text(out, qoe_span("openqoe.cmcd.source"),
                        q->headers ? qoe_span("header") : qoe_span("query"));
        ngx_http_openqoe_cmcd_log_set(set, qoe_request_ot(q), out);
    }
}


/* As it was sent; arguments may be secrets, and are left out. */

static void
ngx_http_openqoe_cmcd_log_uri(ngx_http_request_t *r, qoe_labels_t *out)
{
    qoe_span_t  query;

    qoe_logged_text(out, qoe_span("url.path"),
                    ngx_http_openqoe_cmcd_path(r, &query));

    if (r->headers_in.range != NULL) {
        qoe_logged_text(out, qoe_span("http.request.header.range"),
                        ngx_http_openqoe_span(r->headers_in.range->value));
    }
}


static void
ngx_http_openqoe_cmcd_log_set(const qoe_cmcd_t *set, qoe_cmcd_ot_t ot,
    qoe_labels_t *out)
{
    size_t      i, len;
    char        name[sizeof("cmcd.") + 255];
    qoe_span_t  text;

#define NGX_HTTP_OPENQOE_KEY(id, key, type, max, where)                       \
    ngx_http_openqoe_cmcd_log_key(set, QOE_CMCD_##id,                         \
                                  NGX_HTTP_OPENQOE_##type, ot,                \
                                  qoe_span("cmcd." key), out);

    QOE_CMCD_KEYS(NGX_HTTP_OPENQOE_KEY)

    ngx_memcpy(name, "cmcd.", 5);

    for (i = 0; i < set->ncustom; i++) {
        text = set->custom[i].name;
        len = qoe_min(text.len, (size_t) 250);
        ngx_memcpy(name + 5, text.data, len);

        qoe_logged_text(out, (qoe_span_t) { name, 5 + len },
                        set->custom[i].text);
    }
}


/* Of a list, the item about the object; else its first. */

static void
ngx_http_openqoe_cmcd_log_key(const qoe_cmcd_t *set, qoe_cmcd_key_t key,
    int type, qoe_cmcd_ot_t ot, qoe_span_t name, qoe_labels_t *out)
{
    double  number;

    if (!qoe_cmcd_has(set, key)) {
        return;
    }

    switch (type) {

    case NGX_HTTP_OPENQOE_NUMBER:
    case NGX_HTTP_OPENQOE_DECIMAL:
        qoe_logged_number(out, name, set->number[key]);
        break;

    case NGX_HTTP_OPENQOE_NUMBERS:
        number = qoe_cmcd_number_of(set, key, ot);

        if (number != number) {
            number = qoe_cmcd_number_of(set, key, QOE_CMCD_OT_NONE);
        }

        qoe_logged_number(out, name, number);
        break;

    case NGX_HTTP_OPENQOE_STRINGS:
        qoe_logged_text(out, name, set->items[set->first[key]].text);
        break;

    case NGX_HTTP_OPENQOE_FLAG:
        if (qoe_cmcd_flag(set, key)) {
            qoe_logged_flag(out, name);
        }

        break;

    default:
        qoe_logged_text(out, name, set->text[key]);
        break;
    }
}
