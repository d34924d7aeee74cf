
/*
 * Copyright (C) OpenQoE
 *
 * Where a value stands in the text of a JSON that jansson has accepted.
 */


#include "oracle.h"


static const char *qoe_slice_value_end(const char *p, const char *end);
static const char *qoe_slice_nested_end(const char *p, const char *end);
static const char *qoe_slice_skip_space(const char *p, const char *end);


static inline bool
qoe_slice_is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}


/* p is at the opening quote; the result is behind the closing one, or end. */

static inline const char *
oracle_string_end(const char *p, const char *end)
{
    return p + qoe_slice_string_len((qoe_span_t) { p, (size_t) (end - p) });
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


/* The result is p itself where no value starts. */

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
