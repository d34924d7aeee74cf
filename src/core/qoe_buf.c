
/*
 * Copyright (C) OpenQoE
 */


#include "qoe_buf.h"

#include <stdarg.h>
#include <stdio.h>


#define QOE_BUF_MIN        256


void
qoe_buf_init(qoe_buf_t *b, const qoe_mem_t *mem, size_t max)
{
    b->data = NULL;
    b->len = 0;
    b->cap = 0;
    b->max = max;
    b->mem = mem;
    b->status = QOE_OK;
}


char *
qoe_buf_reserve(qoe_buf_t *b, size_t n)
{
    char    *p;
    size_t   cap;

    if (b->status != QOE_OK) {
        return NULL;
    }

    if (n <= b->cap - b->len) {
        return b->data + b->len;
    }

    if (n > b->max - b->len) {
        b->status = QOE_TOO_LARGE;
        return NULL;
    }

    cap = qoe_max(b->cap * 2, (size_t) QOE_BUF_MIN);
    cap = qoe_max(cap, b->len + n);
    cap = qoe_min(cap, b->max);

    p = b->mem->alloc(b->mem->ctx, cap);
    if (p == NULL) {
        b->status = QOE_NOMEM;
        return NULL;
    }

    if (b->len != 0) {
        memcpy(p, b->data, b->len);
    }

    b->mem->free(b->mem->ctx, b->data);
    b->data = p;
    b->cap = cap;

    return b->data + b->len;
}


void
qoe_buf_append(qoe_buf_t *b, const void *p, size_t n)
{
    char  *dst;

    if (n == 0) {
        return;
    }

    dst = qoe_buf_reserve(b, n);

    if (dst != NULL) {
        memcpy(dst, p, n);
        b->len += n;
    }
}


void
qoe_buf_printf(qoe_buf_t *b, const char *fmt, ...)
{
    int      n;
    char    *dst;
    size_t   room;
    va_list  args;

    if (b->status != QOE_OK) {
        return;
    }

    /* try without reserving first: most texts fit into the space left */

    room = b->cap - b->len;
    dst = (room != 0) ? b->data + b->len : NULL;

    va_start(args, fmt);
    n = vsnprintf(dst, room, fmt, args);
    va_end(args);

    if (n >= 0 && (size_t) n < room) {
        b->len += (size_t) n;
        return;
    }

    if (n < 0) {
        b->status = QOE_ERROR;
        return;
    }

    /* vsnprintf() also writes a NUL, which does not count as content */

    dst = qoe_buf_reserve(b, (size_t) n + 1);
    if (dst == NULL) {
        return;
    }

    va_start(args, fmt);
    vsnprintf(dst, (size_t) n + 1, fmt, args);
    va_end(args);

    b->len += (size_t) n;
}


void
qoe_buf_json_string(qoe_buf_t *b, qoe_span_t s)
{
    char                  esc[8];
    size_t                n;
    const unsigned char  *p, *end, *run;

    if (s.len == 0) {
        qoe_buf_literal(b, "\"\"");
        return;
    }

    p = (const unsigned char *) s.data;
    end = p + s.len;
    run = p;

    qoe_buf_literal(b, "\"");

    while (p < end) {

        if (*p >= 0x20 && *p < 0x7f && *p != '"' && *p != '\\') {
            p++;
            continue;
        }

        n = (*p >= 0x80) ? qoe_utf8_len(p, end) : 0;

        if (n != 0) {
            p += n;
            continue;
        }

        qoe_buf_append(b, run, (size_t) (p - run));

        switch (*p) {

        case '"':
            qoe_buf_literal(b, "\\\"");
            break;

        case '\\':
            qoe_buf_literal(b, "\\\\");
            break;

        case '\n':
            qoe_buf_literal(b, "\\n");
            break;

        default:
            if (*p >= 0x80) {
                qoe_buf_literal(b, "\xef\xbf\xbd");
            } else {
                snprintf(esc, sizeof(esc), "\\u%04x", *p);
                qoe_buf_append(b, esc, 6);
            }
        }

        run = ++p;
    }

    qoe_buf_append(b, run, (size_t) (p - run));
    qoe_buf_literal(b, "\"");
}


void
qoe_buf_reset(qoe_buf_t *b)
{
    b->len = 0;
    b->status = QOE_OK;
}


void
qoe_buf_free(qoe_buf_t *b)
{
    b->mem->free(b->mem->ctx, b->data);
    b->data = NULL;
    b->len = 0;
    b->cap = 0;
}


size_t
qoe_utf8_len(const unsigned char *p, const unsigned char *end)
{
    size_t         n, i;
    unsigned char  lo, hi;

    lo = 0x80;
    hi = 0xbf;

    if (*p >= 0xc2 && *p <= 0xdf) {
        n = 2;

    } else if (*p >= 0xe0 && *p <= 0xef) {
        n = 3;
        lo = (*p == 0xe0) ? 0xa0 : 0x80;
        hi = (*p == 0xed) ? 0x9f : 0xbf;

    } else if (*p >= 0xf0 && *p <= 0xf4) {
        n = 4;
        lo = (*p == 0xf0) ? 0x90 : 0x80;
        hi = (*p == 0xf4) ? 0x8f : 0xbf;

    } else {
        return 0;
    }

    if ((size_t) (end - p) < n || p[1] < lo || p[1] > hi) {
        return 0;
    }

    for (i = 2; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }
    }

    return n;
}
