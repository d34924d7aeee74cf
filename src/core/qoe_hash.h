
/*
 * Copyright (C) OpenQoE
 *
 * SipHash-1-3 (Aumasson, Bernstein): the keyed hash for everything that a
 * client can choose, so that no client can aim its input at one lane or one
 * bucket.  The fewer rounds of 1-3 suffice, as for other hash tables, because
 * the hashes are never disclosed.
 */


#ifndef _QOE_HASH_H_INCLUDED_
#define _QOE_HASH_H_INCLUDED_


#include "qoe_core.h"


typedef struct {
    uint64_t  k0;
    uint64_t  k1;
} qoe_hash_key_t;


/* The hash of len bytes under key, equal on machines of any byte order. */
uint64_t qoe_hash(const qoe_hash_key_t *key, const void *data, size_t len);


/*
 * The same for a list of byte strings, without concatenating them: their
 * lengths are hashed too, so that different lists never form the same input.
 * The result differs from the hash of the concatenation.
 */

typedef struct {
    uint64_t  v[4];
} qoe_hasher_t;


void qoe_hash_begin(qoe_hasher_t *h, const qoe_hash_key_t *key);
void qoe_hash_add(qoe_hasher_t *h, qoe_span_t s);
void qoe_hash_word(qoe_hasher_t *h, uint64_t word);
uint64_t qoe_hash_end(qoe_hasher_t *h);

/*
 * After qoe_hash_end(): another 64 bits, by the rule that gives SipHash-128
 * its second half.
 */
uint64_t qoe_hash_more(qoe_hasher_t *h);

/*
 * FNV-1a of 32 bits, odd, without a key; 0 for an empty text.  Only to see
 * whether a client names the same as before: by a collision it confuses nothing
 * but what is its own.
 */
uint32_t qoe_hash_plain(qoe_span_t text);


#endif /* _QOE_HASH_H_INCLUDED_ */
