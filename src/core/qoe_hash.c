
/*
 * Copyright (C) OpenQoE
 */


#include "qoe_hash.h"


#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define qoe_le64(x)        __builtin_bswap64(x)
#else
#define qoe_le64(x)        (x)
#endif

#define qoe_rotl(x, b)     (((x) << (b)) | ((x) >> (64 - (b))))

#define qoe_sip_round(v)                                                      \
    v[0] += v[1]; v[1] = qoe_rotl(v[1], 13); v[1] ^= v[0];                    \
    v[0] = qoe_rotl(v[0], 32);                                                \
    v[2] += v[3]; v[3] = qoe_rotl(v[3], 16); v[3] ^= v[2];                    \
    v[0] += v[3]; v[3] = qoe_rotl(v[3], 21); v[3] ^= v[0];                    \
    v[2] += v[1]; v[1] = qoe_rotl(v[1], 17); v[1] ^= v[2];                    \
    v[2] = qoe_rotl(v[2], 32)

#define qoe_sip_word(v, m)                                                    \
    v[3] ^= (m);                                                              \
    qoe_sip_round(v);                                                         \
    v[0] ^= (m)


uint64_t
qoe_hash(const qoe_hash_key_t *key, const void *data, size_t len)
{
    size_t         i;
    uint64_t       m;
    const char    *p;
    qoe_hasher_t   h;

    qoe_hash_begin(&h, key);

    p = data;

    for (i = len / 8; i != 0; i--) {
        memcpy(&m, p, 8);
        m = qoe_le64(m);
        qoe_sip_word(h.v, m);
        p += 8;
    }

    m = 0;

    if (len & 7) {
        memcpy(&m, p, len & 7);
        m = qoe_le64(m);
    }

    qoe_hash_word(&h, m | (uint64_t) len << 56);

    return qoe_hash_end(&h);
}


void
qoe_hash_begin(qoe_hasher_t *h, const qoe_hash_key_t *key)
{
    h->v[0] = key->k0 ^ 0x736f6d6570736575ULL;
    h->v[1] = key->k1 ^ 0x646f72616e646f6dULL;
    h->v[2] = key->k0 ^ 0x6c7967656e657261ULL;
    h->v[3] = key->k1 ^ 0x7465646279746573ULL;
}


/* A local copy of the state lets the compiler keep it in registers. */

void
qoe_hash_add(qoe_hasher_t *h, qoe_span_t s)
{
    uint64_t      m;
    const char   *p, *end;
    qoe_hasher_t  w;

    if (s.len == 0) {
        qoe_hash_word(h, 0);
        return;
    }

    w = *h;
    p = s.data;
    end = p + (s.len & ~(size_t) 7);

    qoe_sip_word(w.v, s.len);

    while (p != end) {
        memcpy(&m, p, 8);
        m = qoe_le64(m);
        qoe_sip_word(w.v, m);
        p += 8;
    }

    if (s.len & 7) {
        m = 0;
        memcpy(&m, p, s.len & 7);
        m = qoe_le64(m);
        qoe_sip_word(w.v, m);
    }

    *h = w;
}


void
qoe_hash_word(qoe_hasher_t *h, uint64_t word)
{
    qoe_sip_word(h->v, word);
}


uint64_t
qoe_hash_end(qoe_hasher_t *h)
{
    h->v[2] ^= 0xff;
    qoe_sip_round(h->v);
    qoe_sip_round(h->v);
    qoe_sip_round(h->v);

    return h->v[0] ^ h->v[1] ^ h->v[2] ^ h->v[3];
}


uint64_t
qoe_hash_more(qoe_hasher_t *h)
{
    h->v[1] ^= 0xdd;
    qoe_sip_round(h->v);
    qoe_sip_round(h->v);
    qoe_sip_round(h->v);

    return h->v[0] ^ h->v[1] ^ h->v[2] ^ h->v[3];
}


uint32_t
qoe_hash_plain(qoe_span_t text)
{
    size_t    i;
    uint32_t  hash;

    hash = 2166136261u;

    for (i = 0; i < text.len; i++) {
        hash = (hash ^ (uint8_t) text.data[i]) * 16777619u;
    }

    return text.len != 0 ? hash | 1 : 0;
}
