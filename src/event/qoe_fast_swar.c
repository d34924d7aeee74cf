
/*
 * Copyright (C) OpenQoE
 *
 * Eight bytes at a time, in a register.
 */


#include "qoe_fast_priv.h"


#define QOE_FAST_STEP      8
#define QOE_FAST_AT(mask)  ((size_t) __builtin_ctzll(mask) / 8)
#define QOE_FAST_TARGET

#define QOE_FAST_BYTES(c)  ((uint64_t) (c) * 0x0101010101010101)


typedef uint64_t  qoe_fast_mask_t;


/*
 * The top bit of each byte that is less than n, which is at most 0x80.  A byte
 * above one of them may be told wrongly: it had to lend.
 */

static inline uint64_t
qoe_fast_less(uint64_t w, unsigned n)
{
    return (w - QOE_FAST_BYTES(n)) & ~w & QOE_FAST_BYTES(0x80);
}


static inline qoe_fast_mask_t
qoe_fast_block(const char *p, qoe_fast_mask_t *high)
{
    uint64_t  w;

    w = qoe_fast_load(p);

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    w = __builtin_bswap64(w);
#endif

    *high = w & QOE_FAST_BYTES(0x80);

    return qoe_fast_less(w, ' ')
           | qoe_fast_less(w ^ QOE_FAST_BYTES('"'), 1)
           | qoe_fast_less(w ^ QOE_FAST_BYTES('\\'), 1);
}


#include "qoe_fast_walk.h"
#include "qoe_fast_event.h"


const char *
qoe_fast_walk_swar(qoe_fast_t *f, const char *p)
{
    return qoe_fast_body(f, p);
}
