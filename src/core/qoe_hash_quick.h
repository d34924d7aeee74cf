
/*
 * Copyright (C) OpenQoE
 *
 * A keyed hash at a third of the cost of SipHash, but without its strength.
 * Use it only where a client that finds collisions harms nothing but its own
 * data.  h chains the calls: it is key->k0 in the first call, and the previous
 * result in each later one.
 */


#ifndef _QOE_HASH_QUICK_H_INCLUDED_
#define _QOE_HASH_QUICK_H_INCLUDED_


#include "qoe_hash.h"


/* Folds both halves of the 128-bit product into 64 bits. */

static inline uint64_t
qoe_hash_mix(uint64_t a, uint64_t b)
{
#ifdef __SIZEOF_INT128__
    __extension__ unsigned __int128  product;

    product = (unsigned __int128) a * b;

    return (uint64_t) product ^ (uint64_t) (product >> 64);
#else
    uint64_t  low, middle, high;

    low = (a & UINT32_MAX) * (b & UINT32_MAX);
    middle = (a >> 32) * (b & UINT32_MAX) + (low >> 32);
    high = (a & UINT32_MAX) * (b >> 32) + (middle & UINT32_MAX);

    return (high << 32 | (low & UINT32_MAX))
           ^ ((a >> 32) * (b >> 32) + (middle >> 32) + (high >> 32));
#endif
}


/*
 * Reads 16 bytes at a time.  The reads at the end may overlap: with the length
 * hashed first, that loses nothing.
 */

static inline uint64_t
qoe_hash_quick(const qoe_hash_key_t *key, uint64_t h, qoe_span_t s)
{
    uint64_t     a, b;
    const char  *p, *end;

    h = qoe_hash_mix(h ^ s.len, key->k1);

    if (s.len == 0) {
        return h;
    }

    p = s.data;
    end = p + s.len;

    for (/* void */; end - p > 16; p += 16) {
        memcpy(&a, p, 8);
        memcpy(&b, p + 8, 8);
        h = qoe_hash_mix(a ^ key->k1, b ^ h);
    }

    a = 0;
    b = 0;

    if (end - p >= 8) {
        memcpy(&a, p, 8);
        memcpy(&b, end - 8, 8);

    } else if (end - p >= 4) {
        memcpy(&a, p, 4);
        memcpy(&b, end - 4, 4);

    } else {
        a = (uint64_t) (unsigned char) p[0] << 16
            | (uint64_t) (unsigned char) p[(end - p) / 2] << 8
            | (unsigned char) end[-1];
    }

    return qoe_hash_mix(a ^ key->k1, b ^ h);
}


/* The constants have many bits set, so that a factor is hardly ever small. */

static inline uint64_t
qoe_hash_quick_word(const qoe_hash_key_t *key, uint64_t h, uint64_t word)
{
    return qoe_hash_mix(h ^ key->k1 ^ 0x9e3779b97f4a7c15,
                        word ^ key->k0 ^ 0xd6e8feb86659fd93)
           ^ h;
}


#endif /* _QOE_HASH_QUICK_H_INCLUDED_ */
