
/*
 * Copyright (C) OpenQoE
 */


#include "qoe_slice.h"

#include <string.h>


static const char *qoe_slice_count(const char *p, size_t n, size_t *lines,
    size_t *rest);
static size_t qoe_slice_bits(uint64_t w);
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
    size_t            n, lines, none, rest;
    const char       *line;
    qoe_slice_pos_t   pos;

    pos.byte = qoe_min(byte, text.len);
    line = qoe_slice_count(text.data, pos.byte, &lines, &rest);

    if (line != text.data) {
        n = pos.byte - (size_t) (line - text.data);
        (void) qoe_slice_count(line, n, &none, &rest);
    }

    pos.line = lines + 1;
    pos.column = pos.byte - (size_t) (line - text.data) - rest + 1;

    return pos;
}


/*
 * Counts the line feeds of a text, and the bytes that continue a character,
 * eight bytes at a time, because a client may send a megabyte that is broken
 * only at its end.  Returns the beginning of the last line.
 */

static const char *
qoe_slice_count(const char *p, size_t n, size_t *lines, size_t *rest)
{
    size_t       i, k, found;
    uint64_t     w, other;
    const char  *line;

    *lines = 0;
    *rest = 0;
    line = p;

    for (i = 0; n - i >= sizeof(uint64_t); i += sizeof(uint64_t)) {
        memcpy(&w, p + i, sizeof(uint64_t));

        *rest += qoe_slice_bits(w & ~(w << 1));

        /* set the high bit of each byte that is not a line feed */

        w ^= 0x0a0a0a0a0a0a0a0a;
        other = ((w & 0x7f7f7f7f7f7f7f7f) + 0x7f7f7f7f7f7f7f7f) | w;
        found = qoe_slice_bits(~other);

        if (found != 0) {
            *lines += found;

            for (k = sizeof(uint64_t); p[i + k - 1] != '\n'; k--) {
                /* void */
            }

            line = p + i + k;
        }
    }

    for ( /* void */ ; i < n; i++) {
        *rest += ((p[i] & 0xc0) == 0x80);

        if (p[i] == '\n') {
            ++*lines;
            line = p + i + 1;
        }
    }

    return line;
}


/* Counts the high bits that are set. */

static size_t
qoe_slice_bits(uint64_t w)
{
    return (size_t) ((((w & 0x8080808080808080) >> 7) * 0x0101010101010101)
                     >> 56);
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


/*
 * Returns the place after the closing quote, or end; p is at the opening quote.
 */

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
