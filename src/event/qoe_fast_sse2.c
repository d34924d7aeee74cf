
/*
 * Copyright (C) OpenQoE
 *
 * Sixteen bytes at a time, with what every x86-64 has.
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
    __m128i  v, end;

    v = _mm_loadu_si128((const __m128i *) p);

    end = _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('"')),
                       _mm_cmpeq_epi8(v, _mm_set1_epi8('\\')));

    /* these are signed: what is beyond ASCII is less, too */

    end = _mm_or_si128(end, _mm_cmpgt_epi8(_mm_set1_epi8(' '), v));

    return (qoe_fast_mask_t) _mm_movemask_epi8(end);
}


#include "qoe_fast_walk.h"
#include "qoe_fast_event.h"


const char *
qoe_fast_walk_sse2(qoe_fast_t *f, const char *p)
{
    return qoe_fast_body(f, p);
}

#endif
