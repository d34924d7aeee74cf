
/*
 * Copyright (C) OpenQoE
 *
 * The scanner: the steps in which text is searched, and the readers of strings,
 * numbers, keys and what stands between them that are part of every loop of the
 * walk, so they are inline.
 */


#ifndef _QOE_FAST_SCAN_H_INCLUDED_
#define _QOE_FAST_SCAN_H_INCLUDED_


#include "qoe_fast_priv.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif


/*
 * What a step of the scanner is: 16 bytes by SSE2, which every x86-64 processor
 * has, or eight bytes in a general register.  QOE_FAST_PORTABLE selects the
 * latter on any processor, for the tests.
 *
 * QOE_FAST_STEP       the bytes of a step
 * qoe_fast_mask_t     a set of the bytes of a step; lower bits, earlier bytes
 * QOE_FAST_AT(mask)   the index of the first byte in the set
 * qoe_fast_block(p)   the bytes that end a run of plain text: quotes and
 *                     backslashes, control characters, and bytes beyond
 *                     ASCII.  Only the first byte in the set must be exact
 * qoe_fast_is(p, n)   is the name n at p?  p is before the margin
 * qoe_fast_common(p, q)  the number of equal bytes at both, up to
 *                     QOE_FAST_SAME, which is no more than the margin
 */

#if defined(__SSE2__) && !defined(QOE_FAST_PORTABLE)

#define QOE_FAST_STEP      16
#define QOE_FAST_SAME      32
#define QOE_FAST_AT(mask)  ((size_t) __builtin_ctz(mask))

typedef uint32_t  qoe_fast_mask_t;


static inline qoe_fast_mask_t
qoe_fast_block(const char *p)
{
    __m128i  v, end;

    v = _mm_loadu_si128((const __m128i *) p);

    end = _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('"')),
                       _mm_cmpeq_epi8(v, _mm_set1_epi8('\\')));

    /* bytes beyond ASCII are negative, so they are below a blank, too */

    end = _mm_or_si128(end, _mm_cmplt_epi8(v, _mm_set1_epi8(' ')));

    return (qoe_fast_mask_t) _mm_movemask_epi8(end);
}


static inline bool
qoe_fast_is(const char *p, const qoe_fast_name_t *name)
{
    __m128i  same;

    same = _mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *) p),
                          _mm_loadu_si128((const __m128i *) name->text));

    return ((uint32_t) _mm_movemask_epi8(same) | name->other) == 0xffff;
}


static inline qoe_fast_mask_t
qoe_fast_equal(const char *p, const char *q)
{
    __m128i  same;

    same = _mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *) p),
                          _mm_loadu_si128((const __m128i *) q));

    return (qoe_fast_mask_t) _mm_movemask_epi8(same);
}


static inline size_t
qoe_fast_common(const char *p, const char *q)
{
    qoe_fast_mask_t  other;

    other = ~(qoe_fast_equal(p, q) | qoe_fast_equal(p + 16, q + 16) << 16);

    return (other != 0) ? QOE_FAST_AT(other) : QOE_FAST_SAME;
}


#else

#define QOE_FAST_STEP      8
#define QOE_FAST_SAME      8
#define QOE_FAST_AT(mask)  ((size_t) __builtin_ctzll(mask) / 8)

typedef uint64_t  qoe_fast_mask_t;


/*
 * Returns the top bits of the bytes that are less than n, considering bytes
 * below 0x80 only.  Bytes above the first hit may be wrong, because the
 * subtraction borrows from them.
 */

static inline uint64_t
qoe_fast_less(uint64_t w, unsigned n)
{
    return (w - QOE_FAST_BYTES(n)) & ~w;
}


static inline qoe_fast_mask_t
qoe_fast_block(const char *p)
{
    uint64_t  w;

    w = qoe_fast_load_little(p);

    return (w | qoe_fast_less(w, ' ')
            | qoe_fast_less(w ^ QOE_FAST_BYTES('"'), 1)
            | qoe_fast_less(w ^ QOE_FAST_BYTES('\\'), 1))
           & QOE_FAST_BYTES(0x80);
}


static inline bool
qoe_fast_is(const char *p, const qoe_fast_name_t *name)
{
    return (((qoe_fast_load(p) ^ name->text[0]) & name->mask[0])
            | ((qoe_fast_load(p + 8) ^ name->text[1]) & name->mask[1])) == 0;
}


static inline size_t
qoe_fast_common(const char *p, const char *q)
{
    uint64_t  other;

    other = qoe_fast_load_little(p) ^ qoe_fast_load_little(q);

    return (other != 0) ? QOE_FAST_AT(other) : QOE_FAST_SAME;
}


#endif


/*
 * May this byte follow a value?  '}' and ']' differ in the bit 0x20, and no
 * other byte becomes '}' with it but these.
 */

static inline bool
qoe_fast_ends(char c)
{
    return c == ',' || (c | 0x20) == '}';
}


/* Skips white space before the next token. */

static inline const char *
qoe_fast_skip(const char *p)
{
    return ((unsigned char) *p > ' ') ? p : qoe_fast_space(p);
}


/* Returns the place after the '}' at p, or NULL if it was the last byte. */

static inline const char *
qoe_fast_leave(qoe_fast_t *f, const char *p)
{
    return (p + 1 != f->end) ? p + 1
                             : qoe_fast_broken(f, f->end, QOE_BROKEN_ITEMS);
}


static inline const char *
qoe_fast_colon(const char *p)
{
    if (*p != ':') {
        p = qoe_fast_space(p);

        if (*p != ':') {
            return NULL;
        }
    }

    return qoe_fast_skip(p + 1);
}


/*
 * The first byte decides which literal it is; the rest must match, and no
 * letter may follow.
 */

static inline const char *
qoe_fast_literal(const qoe_fast_t *f, const char *p)
{
    size_t  len;

    len = (*p == 'f') ? 5 : 4;

    if (f->end - p <= (ptrdiff_t) len
        || (unsigned char) ((p[len] | 0x20) - 'a') < 26)
    {
        return NULL;
    }

    if (len == 5) {
        return (memcmp(p, "false", 5) == 0) ? p + 5 : NULL;
    }

    return (memcmp(p, "null", 4) == 0 || memcmp(p, "true", 4) == 0) ? p + 4
                                                                    : NULL;
}


static inline const char *
qoe_fast_quote(const qoe_fast_t *f, const char *p)
{
    qoe_fast_mask_t  mask;

    if (p >= f->safe) {
        return NULL;
    }

    mask = qoe_fast_block(p);

    if (mask == 0) {
        return qoe_fast_quote_far(p + QOE_FAST_STEP, f->safe);
    }

    p += QOE_FAST_AT(mask);

    return (*p == '"') ? p : NULL;
}


/* Reads a string; p is at the opening quote. */

static inline const char *
qoe_fast_string(qoe_fast_t *f, const char *p, qoe_fast_text_t *text)
{
    const char  *end;

    end = qoe_fast_quote(f, ++p);

    if (end == NULL) {
        return qoe_fast_string_rest(f, p, text);
    }

    text->data = p;
    text->len = (size_t) (end - p);
    text->escaped = false;

    return end + 1;
}


static inline bool
qoe_fast_string_value(qoe_fast_t *f, qoe_span_t *out,
    const qoe_fast_text_t *text)
{
    *out = (qoe_span_t) { text->data, text->len };

    return !text->escaped || qoe_fast_unescape(f, out);
}


static const uint64_t  qoe_fast_pow10[] = {
    1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000
};


/*
 * Reads the digits at p, eight at most: sets their value and returns how many
 * there are.
 */

static inline size_t
qoe_fast_eight(const char *p, uint64_t *value)
{
    size_t    n;
    uint64_t  w, other;

    /* digits are below 10 now; the bits up to the first other byte are exact */

    w = qoe_fast_load_little(p) ^ QOE_FAST_BYTES('0');
    other = ((w + QOE_FAST_BYTES(0x76)) | w) & QOE_FAST_BYTES(0x80);
    n = 8;

    if (other != 0) {
        n = (size_t) __builtin_ctzll(other) / 8;

        if (n == 0) {
            *value = 0;
            return 0;
        }

        w <<= 64 - 8 * n;            /* leading zeros */
    }

    /* add up pairs of digits, then pairs of these, then both halves */

    w = w * 10 + (w >> 8);
    w = ((w & 0x000000ff000000ff) * 0x000f424000000064)
        + ((w >> 16 & 0x000000ff000000ff) * 0x0000271000000001);
    *value = w >> 32;

    return n;
}


/*
 * Reads a number; the fast path is for integers of a few digits, the most
 * frequent numbers in data.
 */

static inline const char *
qoe_fast_number(const qoe_fast_t *f, const char *p, double *n)
{
    size_t    len;
    uint64_t  digits;

    if (p < f->safe) {
        len = qoe_fast_eight(p, &digits);

        if (len != 0 && len < 8 && qoe_fast_ends(p[len])
            && (*p != '0' || len == 1))
        {
            *n = (double) (int64_t) digits;
            return p + len;
        }
    }

    return qoe_fast_number_long(f, p, n);
}


/* Reads a key that was not expected, and returns the place of its value. */

static inline __attribute__((always_inline)) const char *
qoe_fast_member(qoe_fast_t *f, const char *p, qoe_fast_key_t *key)
{
    qoe_fast_text_t  text;

    if (*p != '"') {
        return NULL;
    }

    f->keys++;
    p = qoe_fast_string(f, p, &text);

    if (p == NULL) {
        return NULL;
    }

    if (text.escaped) {
        return qoe_fast_key_escaped(f, &text, key) ? qoe_fast_colon(p) : NULL;
    }

    qoe_fast_hash(key, text.data, text.len, f->end);

    return qoe_fast_colon(p);
}


/*
 * Returns the next member or item, or the closing bracket at its end; NULL if
 * what follows the value at p is neither a comma before another one nor close.
 */

static inline const char *
qoe_fast_more(qoe_fast_t *f, const char *p, char close)
{
    if (*p != ',') {
        p = qoe_fast_skip(p);

        if (*p != ',') {
            return (*p == close) ? p : NULL;
        }
    }

    f->commas++;
    p = qoe_fast_skip(p + 1);

    return (*p != close) ? p : NULL;
}


/*
 * Reads the value of a member at p, and returns the place after it; NULL to
 * decline.  name is NULL if the table of the object does not have the key.
 */

typedef const char *(*qoe_fast_member_pt)(qoe_fast_t *f, void *ctx,
    const char *p, size_t depth, const qoe_fast_key_t *key,
    const qoe_fast_name_t *name);


/*
 * Reads the members of the object at p, whose values are at that depth, and
 * returns the place of its '}'.  t has the names that the object may have, and
 * may be NULL.  A copy is compiled for each caller, with its own function for
 * values: data is too frequent for a call by a pointer.
 */

static inline __attribute__((always_inline)) const char *
qoe_fast_walk(qoe_fast_t *f, const char *p, size_t depth,
    const qoe_fast_table_t *t, qoe_fast_member_pt member, void *ctx)
{
    size_t                  first;
    uint64_t                names, seen;
    const char             *end, *next;
    qoe_fast_key_t          key;
    const qoe_fast_name_t  *name;

    f->containers++;
    first = f->nkeys;
    names = 0;
    seen = 0;
    p = qoe_fast_skip(p + 1);

    while (*p != '}') {
        end = qoe_fast_member(f, p, &key);

        if (end == NULL) {
            return qoe_fast_broken_key(f, p, t, names, first, seen);
        }

        name = (t != NULL) ? qoe_fast_find(t, &key) : NULL;

        if ((name != NULL) ? (names & name->bit) != 0
                           : !qoe_fast_key(f, first, &seen, &key))
        {
            return qoe_fast_broken(f, p, QOE_BROKEN_TWICE);
        }

        names |= (name != NULL) ? name->bit : 0;

        end = member(f, ctx, end, depth, &key, name);

        if (end == NULL) {
            return qoe_fast_broken(f, p, QOE_BROKEN_MEMBER);
        }

        next = qoe_fast_more(f, end, '}');

        if (next == NULL) {
            return qoe_fast_broken_after(f, p, end, QOE_BROKEN_MEMBER);
        }

        p = next;
    }

    f->nkeys = first;

    return p;
}


#endif /* _QOE_FAST_SCAN_H_INCLUDED_ */
