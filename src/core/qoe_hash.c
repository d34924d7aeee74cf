
/*
 * Copyright (C) OpenQoE
 */


#include "qoe_hash.h"


#define qoe_rotl(x, b)     (((x) << (b)) | ((x) >> (64 - (b))))

#define qoe_sip_round(v)                                                      \
    v[0] += v[1]; v[1] = qoe_rotl(v[1], 13); v[1] ^= v[0];                    \
    v[0] = qoe_rotl(v[0], 32);                                                \
    v[2] += v[3]; v[3] = qoe_rotl(v[3], 16); v[3] ^= v[2];                    \
    v[0] += v[3]; v[3] = qoe_rotl(v[3], 21); v[3] ^= v[0];                    \
    v[2] += v[1]; v[1] = qoe_rotl(v[1], 17); v[1] ^= v[2];                    \
    v[2] = qoe_rotl(v[2], 32)


uint64_t
qoe_hash(const qoe_hash_key_t *key, const void *data, size_t len)
{
    size_t          i;
    uint64_t        m, v[4];
    const uint8_t  *p;

    v[0] = key->k0 ^ 0x736f6d6570736575ULL;
    v[1] = key->k1 ^ 0x646f72616e646f6dULL;
    v[2] = key->k0 ^ 0x6c7967656e657261ULL;
    v[3] = key->k1 ^ 0x7465646279746573ULL;

    p = data;

    for (i = len / 8; i != 0; i--) {
        m = (uint64_t) p[0] | (uint64_t) p[1] << 8 | (uint64_t) p[2] << 16
            | (uint64_t) p[3] << 24 | (uint64_t) p[4] << 32
            | (uint64_t) p[5] << 40 | (uint64_t) p[6] << 48
            | (uint64_t) p[7] << 56;
        p += 8;

        v[3] ^= m;
        qoe_sip_round(v);
        qoe_sip_round(v);
        v[0] ^= m;
    }

    m = (uint64_t) len << 56;

    for (i = 0; i < (len & 7); i++) {
        m |= (uint64_t) p[i] << (8 * i);
    }

    v[3] ^= m;
    qoe_sip_round(v);
    qoe_sip_round(v);
    v[0] ^= m;

    v[2] ^= 0xff;
    qoe_sip_round(v);
    qoe_sip_round(v);
    qoe_sip_round(v);
    qoe_sip_round(v);

    return v[0] ^ v[1] ^ v[2] ^ v[3];
}
