
/*
 * Copyright (C) OpenQoE
 *
 * SipHash-2-4 (Aumasson, Bernstein): the keyed hash for everything that a
 * client can choose, so that nobody can aim at one lane or one bucket.
 */


#ifndef _QOE_HASH_H_INCLUDED_
#define _QOE_HASH_H_INCLUDED_


#include "qoe_core.h"


typedef struct {
    uint64_t  k0;
    uint64_t  k1;
} qoe_hash_key_t;


uint64_t qoe_hash(const qoe_hash_key_t *key, const void *data, size_t len);


#endif /* _QOE_HASH_H_INCLUDED_ */
