
/*
 * Copyright (C) OpenQoE
 *
 * What is rare in a body: escapes, characters beyond ASCII, white space between
 * tokens, and numbers with many digits.
 */


#include "qoe_fast_priv.h"

#include <stdio.h>
#include <stdlib.h>


#define QOE_FAST_HIGH(c)   ((c) >= 0xd800 && (c) < 0xdc00)
#define QOE_FAST_LOW(c)    ((c) >= 0xdc00 && (c) < 0xe000)
#define QOE_FAST_HALF(c)   ((c) >= 0xd800 && (c) < 0xe000)

#define QOE_FAST_REPLACED  0xfffd    /* stands for an unpaired surrogate */


/*
 * The meaning of the character after a backslash; 0 for an invalid one, and for
 * 'u'.
 */

static const char  qoe_fast_escapes[256] = {
    ['"'] = '"', ['\\'] = '\\', ['/'] = '/', ['b'] = '\b', ['f'] = '\f',
    ['n'] = '\n', ['r'] = '\r', ['t'] = '\t'
};


/*
 * By the first byte of a character: its length, and the range of its second
 * byte.
 */

typedef struct {
    unsigned char    first;
    unsigned char    last;
    unsigned char    len;
    unsigned char    low;
    unsigned char    high;
} qoe_fast_char_t;


/* RFC 3629, the table in section 4. */

static const qoe_fast_char_t  qoe_fast_chars[] = {
    { 0xc2, 0xdf, 2, 0x80, 0xbf },
    { 0xe0, 0xe0, 3, 0xa0, 0xbf },
    { 0xe1, 0xec, 3, 0x80, 0xbf },
    { 0xed, 0xed, 3, 0x80, 0x9f },
    { 0xee, 0xef, 3, 0x80, 0xbf },
    { 0xf0, 0xf0, 4, 0x90, 0xbf },
    { 0xf1, 0xf3, 4, 0x80, 0xbf },
    { 0xf4, 0xf4, 4, 0x80, 0x8f }
};


static int32_t
qoe_fast_hex(const char *p)
{
    int      d, i;
    int32_t  n;

    n = 0;

    for (i = 0; i < 4; i++) {

        if (p[i] >= '0' && p[i] <= '9') {
            d = p[i] - '0';

        } else if ((p[i] | 0x20) >= 'a' && (p[i] | 0x20) <= 'f') {
            d = (p[i] | 0x20) - 'a' + 10;

        } else {
            return -1;
        }

        n = n * 16 + d;
    }

    return n;
}


int32_t
qoe_fast_unicode(const char *p, const char *end, const char **next)
{
    int32_t  c, low;

    c = (end - p >= 6) ? qoe_fast_hex(p + 2) : -1;
    *next = p + 6;

    if (c <= 0) {
        return -1;
    }

    if (!QOE_FAST_HIGH(c) || end - p < 12 || p[6] != '\\' || p[7] != 'u') {
        return c;
    }

    low = qoe_fast_hex(p + 8);

    if (!QOE_FAST_LOW(low)) {
        return c;
    }

    *next = p + 12;

    return 0x10000 + (c - 0xd800) * 0x400 + (low - 0xdc00);
}


/* Reads an escape; p is at the backslash. */

const char *
qoe_fast_escape(qoe_fast_t *f, const char *p)
{
    int32_t      c;
    const char  *next;

    if (f->end - p < 2) {
        return NULL;
    }

    if (p[1] == 'u') {
        c = qoe_fast_unicode(p, f->end, &next);
        f->half = f->half || QOE_FAST_HALF(c);

        return (c != -1) ? next : NULL;
    }

    return (qoe_fast_escapes[(unsigned char) p[1]] != 0) ? p + 2 : NULL;
}


/* Skips one or more characters beyond ASCII. */

const char *
qoe_fast_utf8(const char *p, const char *end)
{
    size_t                  i, k;
    unsigned char           c;
    const qoe_fast_char_t  *t;

    do {
        c = (unsigned char) *p;

        for (i = 0; c > qoe_fast_chars[i].last; i++) {
            if (i == sizeof(qoe_fast_chars) / sizeof(qoe_fast_chars[0]) - 1) {
                return NULL;
            }
        }

        t = &qoe_fast_chars[i];

        if (c < t->first || end - p < t->len
            || (unsigned char) p[1] < t->low
            || (unsigned char) p[1] > t->high)
        {
            return NULL;
        }

        for (k = 2; k < t->len; k++) {
            if ((p[k] & 0xc0) != 0x80) {
                return NULL;
            }
        }

        p += t->len;

    } while (p != end && (unsigned char) *p >= 0x80);

    return p;
}


static char *
qoe_fast_put_char(char *dst, int32_t c)
{
    if (c < 0x80) {
        *dst++ = (char) c;
        return dst;
    }

    if (c < 0x800) {
        *dst++ = (char) (0xc0 | c >> 6);

    } else {

        if (c < 0x10000) {
            *dst++ = (char) (0xe0 | c >> 12);

        } else {
            *dst++ = (char) (0xf0 | c >> 18);
            *dst++ = (char) (0x80 | (c >> 12 & 0x3f));
        }

        *dst++ = (char) (0x80 | (c >> 6 & 0x3f));
    }

    *dst++ = (char) (0x80 | (c & 0x3f));

    return dst;
}


/*
 * Replaces the escapes of a string that has been checked.  The result is never
 * longer than the text with its escapes.
 */

bool
qoe_fast_unescape(qoe_fast_t *f, qoe_span_t *text)
{
    char        *dst, *start;
    int32_t      c;
    const char  *p, *end;

    p = text->data;
    end = p + text->len;
    start = dst = qoe_arena_alloc(f->arena, text->len);

    if (dst == NULL) {
        return false;
    }

    while (p != end) {

        if (*p != '\\') {
            *dst++ = *p++;

        } else if (p[1] != 'u') {
            *dst++ = qoe_fast_escapes[(unsigned char) p[1]];
            p += 2;

        } else {
            c = qoe_fast_unicode(p, end, &p);
            dst = qoe_fast_put_char(dst, QOE_FAST_HALF(c)
                                         ? QOE_FAST_REPLACED : c);
        }
    }

    *text = (qoe_span_t) { start, (size_t) (dst - start) };

    return true;
}


const char *
qoe_fast_space(const char *p)
{
    while (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r') {
        p++;
    }

    return p;
}


/*
 * Returns the place of the first byte that is not plain text, such as the
 * closing quote, or end.
 */

const char *
qoe_fast_plain_end(const char *p, const char *end)
{
    while (p != end && (unsigned char) *p >= ' ' && (unsigned char) *p < 0x80
           && *p != '"' && *p != '\\')
    {
        p++;
    }

    return p;
}


/*
 * Reads the digits of an exponent; there may be more of them than can matter.
 */

static const char *
qoe_fast_exponent(const char *p, int *exp)
{
    bool         minus;
    const char  *first;

    minus = (*p == '-');
    p += (minus || *p == '+');

    for (first = p; (unsigned char) (*p - '0') <= 9; p++) {
        if (*exp < QOE_FAST_EXPONENT) {
            *exp = *exp * 10 + (*p - '0');
        }
    }

    *exp = minus ? -*exp : *exp;

    return (p != first) ? p : NULL;
}


/*
 * Converts many digits by strtod(), without the decimal point, because the
 * locale may use another character for it.  Returns false if there is no
 * memory.
 */

static bool
qoe_fast_digits_many(qoe_arena_t *arena, const char *start, const char *end,
    int exp, double *n)
{
    char    small[QOE_NUMBER_IN_MAX + 16], *buf, *dst;
    size_t  size;

    small[0] = '\0';
    buf = small;
    size = (size_t) (end - start) + 16;

    if (size > sizeof(small)) {
        buf = qoe_arena_alloc(arena, size);

        if (buf == NULL) {
            return false;
        }
    }

    for (dst = buf; start != end; start++) {
        if (*start != '.') {
            *dst++ = *start;
        }
    }

    snprintf(dst, size - (size_t) (dst - buf), "e%d", exp);

    *n = strtod(buf, NULL);

    return true;
}


/*
 * Reads the rest of a number that began at start; p is at its exponent or at
 * its end.  It has len digits, whole of them before the point.
 */

const char *
qoe_fast_number_rest(const qoe_fast_t *f, const char *start, const char *p,
    uint64_t digits, size_t len, size_t whole, double *n)
{
    int          exp;
    const char  *end;

    end = p;
    exp = 0;

    if ((*p | 0x20) == 'e') {
        p = qoe_fast_exponent(p + 1, &exp);

        if (p == NULL) {
            return NULL;
        }
    }

    return qoe_fast_number_make(f->arena, start, end, exp, digits, len, whole,
                                n) ? p : NULL;
}


bool
qoe_fast_number_make(qoe_arena_t *arena, const char *start, const char *end,
    int exp, uint64_t digits, size_t len, size_t whole, double *n)
{
    exp -= (int) qoe_min(len - whole, (size_t) QOE_FAST_EXPONENT);

    if (len <= QOE_FAST_DIGITS) {
        *n = qoe_number_decimal(digits, exp);
        *n = (*start == '-') ? -*n : *n;

    } else if (!qoe_fast_digits_many(arena, start, end, exp, n)) {
        return false;
    }

    return isfinite(*n);
}
