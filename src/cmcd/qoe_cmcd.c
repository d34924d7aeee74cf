
/*
 * Copyright (C) OpenQoE
 *
 * Sets of CMCD from where they are found: a query, headers, a line of a report.
 */


#include "qoe_cmcd_priv.h"
#include "qoe_hex.h"

#include <math.h>


static void
qoe_cmcd_clear(qoe_cmcd_t *c)
{
    c->set = 0;
    c->flags = 0;
    c->nitems = 0;
    c->ncustom = 0;
    c->headers = false;
    memset(c->ignored, 0, sizeof(c->ignored));
}


static void
qoe_cmcd_begin(qoe_cmcd_parser_t *p, qoe_cmcd_t *c, bool report)
{
    qoe_cmcd_clear(c);

    p->c = c;
    p->report = report;
    p->faulty = 0;
}


/* What is left out of the last members of their keys is counted. */

static qoe_status_t
qoe_cmcd_finish(qoe_cmcd_parser_t *p)
{
    unsigned     key;
    uint64_t     left;
    qoe_cmcd_t  *c = p->c;

    if (qoe_cmcd_has(c, QOE_CMCD_V)
        && c->number[QOE_CMCD_V] > QOE_CMCD_VERSION_MAX)
    {
        qoe_cmcd_clear(c);
        c->ignored[QOE_CMCD_VERSION] = 1;

        return QOE_INVALID;
    }

    for (left = p->faulty; left; left &= left - 1) {
        key = (unsigned) __builtin_ctzll(left);
        c->ignored[p->fault[key] - 1]++;
    }

    return QOE_OK;
}


/*
 * Decodes application/x-www-form-urlencoded from s up to end or to a character
 * of stop; a percent sign that no two digits follow stands for itself.
 */

static const char *
qoe_cmcd_unescape(const char *s, const char *end, const char *stop, char **to)
{
    int    byte;
    char  *d, ch;

    for (d = *to; s < end; d++) {
        ch = *s;

        if (ch == stop[0] || ch == stop[1]) {
            break;
        }

        s++;

        if (ch == '%' && end - s > 1) {
            byte = qoe_hex_byte(s);

            if (byte >= 0) {
                ch = (char) byte;
                s += 2;
            }

        } else if (ch == '+') {
            ch = ' ';
        }

        *d = ch;
    }

    *to = d;

    return s;
}


qoe_status_t
qoe_cmcd_query(qoe_cmcd_t *c, qoe_span_t query, char *buf)
{
    char               *to;
    const char         *s, *end;
    qoe_cmcd_parser_t   p;

    qoe_cmcd_begin(&p, c, false);

    s = query.data;
    end = s + query.len;

    while (s < end) {
        to = buf;
        s = qoe_cmcd_unescape(s, end, "=&", &to);

        if (to - buf == 4 && memcmp(buf, "CMCD", 4) == 0) {
            to = buf;

            if (s < end && *s == '=') {
                (void) qoe_cmcd_unescape(s + 1, end, "&&", &to);
            }

            p.p = buf;
            p.end = to;
            qoe_cmcd_parse(&p);

            return qoe_cmcd_finish(&p);
        }

        s = memchr(s, '&', (size_t) (end - s));

        if (s == NULL) {
            break;
        }

        s++;
    }

    return QOE_DONE;
}


#define qoe_cmcd_is_white(ch)                                                 \
    ((ch) == ' ' || (ch) == '\t' || (ch) == '\r' || (ch) == '\n')

/* The bytes without the white space around them. */

static qoe_span_t
qoe_cmcd_trim(qoe_span_t s)
{
    while (s.len && qoe_cmcd_is_white(s.data[s.len - 1])) {
        s.len--;
    }

    while (s.len && qoe_cmcd_is_white(s.data[0])) {
        s.data++;
        s.len--;
    }

    return s;
}


/*
 * Blanks and tabs around a value are no part of it (RFC 9110), and nginx leaves
 * the tabs.  Lines without a value are left out, or their commas would be too
 * many.
 */

qoe_status_t
qoe_cmcd_headers(qoe_cmcd_t *c, const qoe_span_t *value, const uint8_t *name,
    size_t n, char *buf)
{
    char               *start, *to;
    size_t              i;
    unsigned            header;
    qoe_span_t          line;
    qoe_cmcd_parser_t   p;

    qoe_cmcd_begin(&p, c, false);

    if (n == 0) {
        return QOE_DONE;
    }

    c->headers = true;
    to = buf;

    for (header = 0; header < QOE_CMCD_NHEADERS; header++) {
        start = to;

        for (i = 0; i < n; i++) {
            line = qoe_cmcd_trim(value[i]);

            if (name[i] != header || line.len == 0) {
                continue;
            }

            if (to != start) {
                *to++ = ',';
            }

            memcpy(to, line.data, line.len);
            to += line.len;
        }

        p.p = start;
        p.end = to;
        qoe_cmcd_parse(&p);
    }

    return qoe_cmcd_finish(&p);
}


qoe_status_t
qoe_cmcd_report(qoe_cmcd_t *c, qoe_span_t line, char *buf, const char **why)
{
    bool                e, ts;
    const char         *text;
    qoe_cmcd_parser_t   p;

    qoe_cmcd_begin(&p, c, true);

    line = qoe_cmcd_trim(line);

    if (line.len == 0) {
        return QOE_DONE;
    }

    memcpy(buf, line.data, line.len);
    p.p = buf;
    p.end = buf + line.len;
    qoe_cmcd_parse(&p);

    if (qoe_cmcd_finish(&p) != QOE_OK) {
        text = "version not supported";
        goto invalid;
    }

    e = qoe_cmcd_has(c, QOE_CMCD_E);
    ts = qoe_cmcd_has(c, QOE_CMCD_TS);

    if (e && ts) {
        return QOE_OK;
    }

    text = e ? "event report without ts"
           : ts ? "event report without e" : "event report without e and ts";

    c->set = 0;
    c->nitems = 0;
    c->ncustom = 0;

invalid:

    if (why) {
        *why = text;
    }

    return QOE_INVALID;
}


const qoe_cmcd_custom_t *
qoe_cmcd_custom_find(const qoe_cmcd_t *c, qoe_span_t name)
{
    size_t  i;

    for (i = 0; i < c->ncustom; i++) {
        if (qoe_span_eq(c->custom[i].name, name)) {
            return &c->custom[i];
        }
    }

    return NULL;
}


double
qoe_cmcd_number_of(const qoe_cmcd_t *c, qoe_cmcd_key_t key, qoe_cmcd_ot_t ot)
{
    size_t                  i;
    double                  rest;
    const qoe_cmcd_item_t  *item;

    if (!qoe_cmcd_has(c, key)) {
        return NAN;
    }

    item = &c->items[c->first[key]];

    if (ot == QOE_CMCD_OT_NONE) {
        return item->number;
    }

    rest = NAN;

    for (i = 0; i < c->count[key]; i++, item++) {
        if (item->ot == ot) {
            return item->number;
        }

        if (item->ot == QOE_CMCD_OT_NONE && isnan(rest)) {
            rest = item->number;
        }
    }

    return rest;
}
