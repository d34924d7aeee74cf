
/*
 * Copyright (C) OpenQoE
 *
 * The walk with steps of eight bytes in a general register, portable.
 */


#include "qoe_fast_priv.h"


#define QOE_FAST_STEP      8
#define QOE_FAST_AT(mask)  ((size_t) __builtin_ctzll(mask) / 8)
#define QOE_FAST_TARGET

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

    return (other != 0) ? QOE_FAST_AT(other) : QOE_FAST_STEP;
}


#include "qoe_fast_walk.h"
#include "qoe_fast_event.h"
#include "qoe_fast_again.h"


const char *
qoe_fast_walk_swar(qoe_fast_t *f, const char *p)
{
    return qoe_fast_body(f, p);
}
