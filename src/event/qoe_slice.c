
/*
 * Copyright (C) OpenQoE
 */


#include "qoe_slice.h"

#include <stdlib.h>


static int32_t qoe_slice_unicode(const char *p, const char *end);
static const char *qoe_slice_string_end(const char *p, const char *end);


static inline bool
qoe_slice_is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}


qoe_slice_excess_t
qoe_slice_check(qoe_span_t text, const qoe_slice_limits_t *max, size_t *at)
{
    size_t       depth, containers, values;
    const char  *p, *end;

    depth = 0;
    containers = 0;
    values = 0;
    p = text.data;
    end = p + text.len;

    for ( /* void */ ; p < end; p++) {

        *at = (size_t) (p - text.data);

        switch (*p) {

        case '"':
            p = qoe_slice_string_end(p, end) - 1;
            break;

        case '{':
        case '[':
            if (depth++ == max->depth) {
                return QOE_SLICE_DEPTH;
            }

            if (containers++ == max->containers) {
                return QOE_SLICE_CONTAINERS;
            }

            break;

        case '}':
        case ']':
            depth -= (depth != 0);
            break;

        case ',':
            if (values++ == max->values) {
                return QOE_SLICE_VALUES;
            }

            break;
        }
    }

    return QOE_SLICE_WITHIN;
}


qoe_slice_pos_t
qoe_slice_pos(qoe_span_t text, size_t byte)
{
    size_t           i;
    qoe_slice_pos_t  pos;

    pos.byte = qoe_min(byte, text.len);
    pos.line = 1;
    pos.column = 1;

    for (i = 0; i < pos.byte; i++) {
        if (text.data[i] == '\n') {
            pos.line++;
            pos.column = 1;

        } else if ((text.data[i] & 0xc0) != 0x80) {
            pos.column++;
        }
    }

    return pos;
}


size_t
qoe_slice_compact_len(qoe_span_t text)
{
    size_t       len;
    const char  *p, *end, *next;

    len = 0;
    p = text.data;
    end = p + text.len;

    while (p < end) {
        if (*p == '"') {
            next = qoe_slice_string_end(p, end);
            len += (size_t) (next - p);
            p = next;
            continue;
        }

        len += !qoe_slice_is_space(*p);
        p++;
    }

    return len;
}


size_t
qoe_slice_string_len(qoe_span_t text)
{
    return (size_t) (qoe_slice_string_end(text.data, text.data + text.len)
                     - text.data);
}


bool
qoe_slice_half(qoe_span_t text, size_t *at)
{
    int32_t      c;
    const char  *p, *end;

    p = text.data + *at;
    end = text.data + text.len;

    while ((p = memchr(p, '\\', (size_t) (end - p))) != NULL) {
        c = qoe_slice_unicode(p, end);

        if (c < 0xd800 || c > 0xdfff) {
            p += qoe_min(end - p, 2);

        } else if (c < 0xdc00 && qoe_slice_unicode(p + 6, end) >= 0xdc00
                   && qoe_slice_unicode(p + 6, end) <= 0xdfff)
        {
            p += 12;

        } else {
            *at = (size_t) (p - text.data);
            return true;
        }
    }

    return false;
}


/* The four digits of the escape "\u" at p, or -1. */

static int32_t
qoe_slice_unicode(const char *p, const char *end)
{
    char  digits[5];

    if (end - p < 6 || p[0] != '\\' || p[1] != 'u') {
        return -1;
    }

    memcpy(digits, p + 2, 4);
    digits[4] = '\0';

    return (strspn(digits, "0123456789abcdefABCDEF") == 4)
           ? (int32_t) strtol(digits, NULL, 16) : -1;
}


/* p is at the opening quote; the result is behind the closing one, or end. */

static const char *
qoe_slice_string_end(const char *p, const char *end)
{
    p++;

    while (p < end) {
        if (*p == '"') {
            return p + 1;
        }

        if (*p == '\\') {
            if (end - p < 2) {
                return end;
            }

            p++;
        }

        p++;
    }

    return end;
}
