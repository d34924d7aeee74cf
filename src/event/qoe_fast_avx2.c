
/*
 * Copyright (C) OpenQoE
 *
 * The walk with steps of 32 bytes, for processors that have AVX2.
 */


#include "qoe_fast_priv.h"


#ifdef __x86_64__

#include <immintrin.h>


#define QOE_FAST_STEP      32
#define QOE_FAST_AT(mask)  ((size_t) __builtin_ctz(mask))
#define QOE_FAST_TARGET    __attribute__((target("avx2,bmi")))


typedef uint32_t  qoe_fast_mask_t;


QOE_FAST_TARGET
static inline qoe_fast_mask_t
qoe_fast_block(const char *p)
{
    __m256i         v, end;
    const __m256i  *quote, *backslash, *blank;

    quote = (const __m256i *) qoe_fast_bytes.quote;
    backslash = (const __m256i *) qoe_fast_bytes.backslash;
    blank = (const __m256i *) qoe_fast_bytes.blank;

    v = _mm256_loadu_si256((const __m256i *) p);

    end = _mm256_or_si256(_mm256_cmpeq_epi8(v, *quote),
                             _mm256_cmpeq_epi8(v, *backslash));

    /* bytes beyond ASCII are negative, so they are below a blank, too */

    end = _mm256_or_si256(end, _mm256_subs_epi8(v, *blank));

    return (qoe_fast_mask_t) _mm256_movemask_epi8(end);
}


QOE_FAST_TARGET
static inline bool
qoe_fast_is(const char *p, const qoe_fast_name_t *name)
{
    __m128i  same;

    same = _mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *) p),
                          _mm_loadu_si128((const __m128i *) name->text));

    return ((uint32_t) _mm_movemask_epi8(same) | name->other) == 0xffff;
}


QOE_FAST_TARGET
static inline size_t
qoe_fast_common(const char *p, const char *q)
{
    __m256i          same;
    qoe_fast_mask_t  other;

    same = _mm256_cmpeq_epi8(_mm256_loadu_si256((const __m256i *) p),
                             _mm256_loadu_si256((const __m256i *) q));
    other = ~(qoe_fast_mask_t) _mm256_movemask_epi8(same);

    return (other != 0) ? QOE_FAST_AT(other) : QOE_FAST_STEP;
}


#include "qoe_fast_walk.h"
#include "qoe_fast_event.h"
#include "qoe_fast_again.h"


QOE_FAST_TARGET
const char *
qoe_fast_walk_avx2(qoe_fast_t *f, const char *p)
{
    return qoe_fast_body(f, p);
}

#endif
