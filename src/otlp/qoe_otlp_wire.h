
/*
 * Copyright (C) OpenQoE
 *
 * The protobuf wire format, written directly.  The caller reserves the room,
 * which the *_size functions compute; each writer returns the end of what it
 * wrote.  Field numbers are below 16, so a key is one byte.
 */


#ifndef _QOE_OTLP_WIRE_H_INCLUDED_
#define _QOE_OTLP_WIRE_H_INCLUDED_


#include "qoe_core.h"

#include <endian.h>


typedef enum {
    QOE_WIRE_VARINT = 0,
    QOE_WIRE_FIXED64 = 1,
    QOE_WIRE_BYTES = 2,
    QOE_WIRE_FIXED32 = 5
} qoe_wire_type_t;


/* A key and 8 bytes. */
#define QOE_WIRE_FIXED64_SIZE  9

/*
 * A length below 2^28 that is filled in later always takes four bytes: a
 * varint may be longer than necessary, and every parser reads it.
 */
#define QOE_WIRE_LEN_SIZE      4
#define QOE_WIRE_LEN_MAX       0x0fffffff

#define qoe_wire_key(field, type)  ((char) ((field) << 3 | (type)))


static inline size_t
qoe_wire_varint_size(uint64_t v)
{
    unsigned  bits;

    /* one byte for each 7 bits or part of them, without a division */

    bits = 64 - (unsigned) __builtin_clzll(v | 1);

    return (bits * 9 + 64) / 64;
}


/* A key, the length, and the bytes. */

static inline size_t
qoe_wire_bytes_size(size_t len)
{
    return 1 + qoe_wire_varint_size(len) + len;
}


static inline char *
qoe_wire_varint(char *p, uint64_t v)
{
    for ( /* void */ ; v >= 0x80; v >>= 7) {
        *p++ = (char) (v | 0x80);
    }

    *p++ = (char) v;

    return p;
}


/* Writes what stands before len bytes of text or of a message. */

static inline char *
qoe_wire_head(char *p, unsigned field, size_t len)
{
    *p++ = qoe_wire_key(field, QOE_WIRE_BYTES);

    return qoe_wire_varint(p, len);
}


/* Most text is short: copied by two overlapping moves instead of a call. */

static inline char *
qoe_wire_text(char *p, qoe_span_t s)
{
    uint32_t  u[2];
    uint64_t  v[4];

    if (s.len > 32) {
        memcpy(p, s.data, s.len);

    } else if (s.len >= 16) {
        memcpy(v, s.data, 16);
        memcpy(v + 2, s.data + s.len - 16, 16);
        memcpy(p, v, 16);
        memcpy(p + s.len - 16, v + 2, 16);

    } else if (s.len >= 8) {
        memcpy(v, s.data, 8);
        memcpy(v + 1, s.data + s.len - 8, 8);
        memcpy(p, v, 8);
        memcpy(p + s.len - 8, v + 1, 8);

    } else if (s.len >= 4) {
        memcpy(u, s.data, 4);
        memcpy(u + 1, s.data + s.len - 4, 4);
        memcpy(p, u, 4);
        memcpy(p + s.len - 4, u + 1, 4);

    } else if (s.len != 0) {
        p[0] = s.data[0];
        p[s.len / 2] = s.data[s.len / 2];
        p[s.len - 1] = s.data[s.len - 1];
    }

    return p + s.len;
}


static inline char *
qoe_wire_bytes(char *p, unsigned field, qoe_span_t s)
{
    return qoe_wire_text(qoe_wire_head(p, field, s.len), s);
}


/* Writes without a key, as the elements of packed fields are. */

static inline char *
qoe_wire_put64(char *p, uint64_t v)
{
    v = htole64(v);
    memcpy(p, &v, 8);

    return p + 8;
}


static inline char *
qoe_wire_put_double(char *p, double d)
{
    uint64_t  v;

    memcpy(&v, &d, 8);

    return qoe_wire_put64(p, v);
}


static inline char *
qoe_wire_fixed64(char *p, unsigned field, uint64_t v)
{
    *p++ = qoe_wire_key(field, QOE_WIRE_FIXED64);

    return qoe_wire_put64(p, v);
}


static inline char *
qoe_wire_double(char *p, unsigned field, double d)
{
    *p++ = qoe_wire_key(field, QOE_WIRE_FIXED64);

    return qoe_wire_put_double(p, d);
}


/* A field that is a small number, such as an enum or a boolean. */

static inline char *
qoe_wire_small(char *p, unsigned field, unsigned v)
{
    *p++ = qoe_wire_key(field, QOE_WIRE_VARINT);
    *p++ = (char) v;

    return p;
}


/* Fills in a length of QOE_WIRE_LEN_SIZE bytes. */

static inline void
qoe_wire_len(char *p, size_t len)
{
    p[0] = (char) (len | 0x80);
    p[1] = (char) (len >> 7 | 0x80);
    p[2] = (char) (len >> 14 | 0x80);
    p[3] = (char) (len >> 21 & 0x7f);
}


#endif /* _QOE_OTLP_WIRE_H_INCLUDED_ */
