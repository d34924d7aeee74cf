
/*
 * Copyright (C) OpenQoE
 *
 * SipHash-1-3 (Aumasson, Bernstein): the keyed hash for everything that a
 * client can choose, so that nobody can aim at one lane or one bucket.  The
 * rounds are those that hash tables use: nobody sees the hashes.
 */


#ifndef _QOE_HASH_H_INCLUDED_
#define _QOE_HASH_H_INCLUDED_


#include "qoe_core.h"


typedef struct {
    uint64_t  k0;
    uint64_t  k1;
} qoe_hash_key_t;


uint64_t qoe_hash(const qoe_hash_key_t *key, const void *data, size_t len);


/*
 * The same of a list of byte strings, without a copy: their lengths count, so
 * no two lists have the same input.  Not the hash of their concatenation.
 */

typedef struct {
    uint64_t  v[4];
} qoe_hasher_t;


void qoe_hash_begin(qoe_hasher_t *h, const qoe_hash_key_t *key);
void qoe_hash_add(qoe_hasher_t *h, qoe_span_t s);
void qoe_hash_word(qoe_hasher_t *h, uint64_t word);
uint64_t qoe_hash_end(qoe_hasher_t *h);

/* Behind the end: another 64 bits, as SipHash-128 takes its second half. */
uint64_t qoe_hash_more(qoe_hasher_t *h);


#endif /* _QOE_HASH_H_INCLUDED_ */
