
/*
 * Copyright (C) OpenQoE
 *
 * The walk with steps of 16 bytes, which every x86-64 processor supports.
 */


#include "qoe_fast_priv.h"


#ifdef __SSE2__

#include <emmintrin.h>


#define QOE_FAST_STEP      16
#define QOE_FAST_AT(mask)  ((size_t) __builtin_ctz(mask))
#define QOE_FAST_TARGET


typedef uint32_t  qoe_fast_mask_t;


static inline qoe_fast_mask_t
qoe_fast_block(const char *p)
{
    __m128i         v, end;
    const __m128i  *quote, *backslash, *blank;

    quote = (const __m128i *) qoe_fast_bytes.quote;
    backslash = (const __m128i *) qoe_fast_bytes.backslash;
    blank = (const __m128i *) qoe_fast_bytes.blank;

    v = _mm_loadu_si128((const __m128i *) p);

    end = _mm_or_si128(_mm_cmpeq_epi8(v, *quote),
                          _mm_cmpeq_epi8(v, *backslash));

    /* bytes beyond ASCII are negative, so they are below a blank, too */

    end = _mm_or_si128(end, _mm_subs_epi8(v, *blank));

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


static inline size_t
qoe_fast_common(const char *p, const char *q)
{
    __m128i          same;
    qoe_fast_mask_t  other;

    same = _mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *) p),
                          _mm_loadu_si128((const __m128i *) q));
    other = (qoe_fast_mask_t) _mm_movemask_epi8(same) ^ 0xffff;

    return (other != 0) ? QOE_FAST_AT(other) : QOE_FAST_STEP;
}


#include "qoe_fast_walk.h"
#include "qoe_fast_event.h"
#include "qoe_fast_again.h"


const char *
qoe_fast_walk_sse2(qoe_fast_t *f, const char *p)
{
    return qoe_fast_body(f, p);
}

#endif
