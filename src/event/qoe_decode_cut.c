
/*
 * Copyright (C) OpenQoE
 *
 * Leaves out of a broken piece what cannot be its fault, before jansson words
 * the fault: jansson takes a byte at a time, and a client may send a string of
 * a megabyte without an end.
 */


#include "qoe_decode_priv.h"
#include "qoe_fast_priv.h"

#include <string.h>


/*
 * jansson quotes the text of a token of at most 20 bytes.  An integer of more
 * than 309 digits is out of range, whatever its digits are.
 */

#define QOE_CUT_KEEP         32
#define QOE_CUT_DIGITS       1024


static const char *qoe_cut_string(const char *p, const char *end);
static const char *qoe_cut_element(const char *p, const char *end);
static qoe_span_t qoe_cut_token(const char *p, const char *end,
    const char **next);
static const char *qoe_cut_space(const char *p, const char *end);


void
qoe_decode_cut(qoe_span_t text, qoe_span_t cut[2])
{
    const char  *p, *end;

    end = text.data + text.len;
    cut[0] = qoe_cut_token(text.data, end, &p);
    cut[1] = qoe_span_null;

    if (p == text.data || p[-1] != '"') {
        return;
    }

    /* a key, perhaps, and then its value may be long as well */

    p = qoe_cut_space(p, end);

    if (p != end && *p == ':') {
        p = qoe_cut_space(p + 1, end);
        cut[1] = qoe_cut_token(p, end, &p);
    }
}


/*
 * The text at p is a string, from its quote on.  Past what is valid of it: the
 * closing quote, or the first element that is not valid, or the end.
 */

static const char *
qoe_cut_string(const char *p, const char *end)
{
    const char  *next;

    for (next = p + 1; next != NULL; next = qoe_cut_element(p, end)) {
        p = next;
    }

    return p;
}


/* Past one character of a string or one escape; NULL if it is none. */

static const char *
qoe_cut_element(const char *p, const char *end)
{
    size_t         len;
    int32_t        c;
    const char    *next;
    unsigned char  first;

    if (p == end || *p == '"' || (unsigned char) *p < ' ') {
        return NULL;
    }

    first = (unsigned char) *p;

    if (first == '\\') {

        if (end - p < 2) {
            return NULL;
        }

        if (p[1] != 'u') {
            return memchr("\"\\/bfnrt", p[1], 8) != NULL ? p + 2 : NULL;
        }

        c = qoe_fast_unicode(p, end, &next);

        return (c != -1 && (c < 0xd800 || c >= 0xe000)) ? next : NULL;
    }

    if (first < 0x80) {
        return p + 1;
    }

    len = (first < 0xe0) ? 2 : (first < 0xf0) ? 3 : 4;

    return ((size_t) (end - p) >= len) ? qoe_fast_utf8(p, p + len) : NULL;
}


/*
 * The text at p, which is a value or a member: what may be left out of its
 * first token, and *next is the place after that token.
 */

static qoe_span_t
qoe_cut_token(const char *p, const char *end, const char **next)
{
    const char  *from, *to;

    from = p;
    *next = p;

    if (p != end && *p == '"') {
        to = qoe_cut_string(p, end);
        *next = (to != end && *to == '"') ? to + 1 : to;

        while (from != NULL && from - p < QOE_CUT_KEEP) {
            from = (from == p) ? p + 1 : qoe_cut_element(from, end);
        }

        return (from != NULL && from < to)
               ? (qoe_span_t) { from, (size_t) (to - from) } : qoe_span_null;
    }

    from += (p != end && *p == '-');

    if (from == end || *from < '1' || *from > '9') {
        return qoe_span_null;
    }

    for (to = from; to != end && (unsigned char) (*to - '0') <= 9; to++) {
        /* void */
    }

    *next = to;

    if (to - from <= QOE_CUT_DIGITS
        || (to != end && (*to == '.' || *to == 'e' || *to == 'E')))
    {
        return qoe_span_null;
    }

    return (qoe_span_t) { from + QOE_CUT_DIGITS,
                          (size_t) (to - from) - QOE_CUT_DIGITS };
}


static const char *
qoe_cut_space(const char *p, const char *end)
{
    while (p != end
           && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r'))
    {
        p++;
    }

    return p;
}
