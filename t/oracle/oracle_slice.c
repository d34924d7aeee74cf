
/*
 * Copyright (C) OpenQoE
 *
 * Where a value stands in the text of JSON that jansson has accepted.
 */


#include "oracle.h"

#include <stdlib.h>


static int32_t qoe_slice_unicode(const char *p, const char *end);
static const char *qoe_slice_value_end(const char *p, const char *end);
static const char *qoe_slice_nested_end(const char *p, const char *end);
static const char *qoe_slice_skip_space(const char *p, const char *end);


static inline bool
qoe_slice_is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}


/*
 * p is at the opening quote; returns the place after the closing quote, or
 * end.
 */

static const char *
oracle_string_end(const char *p, const char *end)
{
    for (p++; p < end && *p != '"'; p++) {
        p += (*p == '\\');
    }

    return (p < end) ? p + 1 : end;
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


/* As qoe_slice_pos(), a byte at a time. */

qoe_slice_pos_t
qoe_oracle_pos(qoe_span_t text, size_t byte)
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


qoe_status_t
qoe_slice_member(qoe_span_t object, size_t n, qoe_span_t *value)
{
    const char  *p, *end, *last;

    p = object.data;
    end = p + object.len;
    p = qoe_slice_skip_space(p, end);

    if (p == end || *p != '{') {
        return QOE_INVALID;
    }

    for ( ;; ) {
        p = qoe_slice_skip_space(p + 1, end);    /* past '{' or ',' */

        if (p == end || *p != '"') {
            return QOE_INVALID;
        }

        p = qoe_slice_skip_space(oracle_string_end(p, end), end);

        if (p == end || *p != ':') {
            return QOE_INVALID;
        }

        p = qoe_slice_skip_space(p + 1, end);
        last = qoe_slice_value_end(p, end);

        if (last == p) {
            return QOE_INVALID;
        }

        if (n-- == 0) {
            *value = (qoe_span_t) { p, (size_t) (last - p) };
            return QOE_OK;
        }

        p = qoe_slice_skip_space(last, end);

        if (p == end || *p != ',') {
            return QOE_INVALID;
        }
    }
}


void
qoe_slice_array(qoe_slice_iter_t *it, qoe_span_t array)
{
    it->p = array.data;
    it->end = array.data + array.len;
    it->first = true;
}


qoe_status_t
qoe_slice_next(qoe_slice_iter_t *it, qoe_span_t *element)
{
    const char  *p, *last;

    p = qoe_slice_skip_space(it->p, it->end);

    if (p == it->end) {
        return QOE_INVALID;
    }

    if (*p == ']' && !it->first) {
        return QOE_DONE;
    }

    if (*p != (it->first ? '[' : ',')) {
        return QOE_INVALID;
    }

    p = qoe_slice_skip_space(p + 1, it->end);

    if (p < it->end && *p == ']' && it->first) {
        it->first = false;
        it->p = p;
        return QOE_DONE;
    }

    last = qoe_slice_value_end(p, it->end);

    if (last == p) {
        return QOE_INVALID;
    }

    *element = (qoe_span_t) { p, (size_t) (last - p) };
    it->first = false;
    it->p = last;

    return QOE_OK;
}


/* Returns p itself where no value starts. */

static const char *
qoe_slice_value_end(const char *p, const char *end)
{
    if (p == end) {
        return p;
    }

    if (*p == '"') {
        return oracle_string_end(p, end);
    }

    if (*p == '{' || *p == '[') {
        return qoe_slice_nested_end(p, end);
    }

    while (p < end && *p != ',' && *p != ']' && *p != '}'
           && !qoe_slice_is_space(*p))
    {
        p++;
    }

    return p;
}


static const char *
qoe_slice_nested_end(const char *p, const char *end)
{
    size_t  depth;

    depth = 0;

    while (p < end) {

        switch (*p) {

        case '"':
            p = oracle_string_end(p, end);
            continue;

        case '{':
        case '[':
            depth++;
            break;

        case '}':
        case ']':
            if (--depth == 0) {
                return p + 1;
            }

            break;
        }

        p++;
    }

    return end;
}


static const char *
qoe_slice_skip_space(const char *p, const char *end)
{
    while (p < end && qoe_slice_is_space(*p)) {
        p++;
    }

    return p;
}
