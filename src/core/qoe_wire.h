
/*
 * Copyright (C) OpenQoE
 *
 * The protobuf wire format, written and read directly.  Room is reserved by
 * the caller, who has asked the *_size functions; each writer returns the byte
 * behind what it wrote.  Field numbers are below 16, a key is one byte, unless
 * a function says otherwise.
 */


#ifndef _QOE_WIRE_H_INCLUDED_
#define _QOE_WIRE_H_INCLUDED_


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
 * A length that is not known yet, of less than 2^28: four bytes always.  A
 * varint may be longer than it need be, every parser reads it.
 */
#define QOE_WIRE_LEN_SIZE      4
#define QOE_WIRE_LEN_MAX       0x0fffffff

#define qoe_wire_key(field, type)  ((char) ((field) << 3 | (type)))


static inline size_t
qoe_wire_varint_size(uint64_t v)
{
    size_t  n;

    for (n = 1; v >= 0x80; v >>= 7) {
        n++;
    }

    return n;
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


/* What stands before len bytes: of text, or of a message. */

static inline char *
qoe_wire_head(char *p, unsigned field, size_t len)
{
    *p++ = qoe_wire_key(field, QOE_WIRE_BYTES);

    return qoe_wire_varint(p, len);
}


static inline char *
qoe_wire_text(char *p, qoe_span_t s)
{
    if (s.len != 0) {
        memcpy(p, s.data, s.len);
    }

    return p + s.len;
}


static inline char *
qoe_wire_bytes(char *p, unsigned field, qoe_span_t s)
{
    return qoe_wire_text(qoe_wire_head(p, field, s.len), s);
}


/* Elements of packed fields have no key. */

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


/* A field that is a small number: an enum, a boolean. */

static inline char *
qoe_wire_small(char *p, unsigned field, unsigned v)
{
    *p++ = qoe_wire_key(field, QOE_WIRE_VARINT);
    *p++ = (char) v;

    return p;
}


/* The same with a field number from 16 to 2047: a key of two bytes. */

static inline char *
qoe_wire_wide_head(char *p, unsigned field, size_t len)
{
    p = qoe_wire_varint(p, field << 3 | QOE_WIRE_BYTES);

    return qoe_wire_varint(p, len);
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


/* What stands at one place of a message. */

typedef struct {
    uint32_t     field;
    unsigned     type;               /* qoe_wire_type_t */
    uint64_t     number;             /* unless it is bytes */
    qoe_span_t   bytes;
} qoe_wire_item_t;


/* The byte behind the varint, or NULL: it does not end before end. */

static inline const char *
qoe_wire_get_varint(const char *p, const char *end, uint64_t *v)
{
    unsigned  shift;

    /* nearly all of them are of one byte or of two */

    if (p < end && (*p & 0x80) == 0) {
        *v = (uint8_t) *p;
        return p + 1;
    }

    if (end - p >= 2 && (p[1] & 0x80) == 0) {
        *v = (uint64_t) (p[0] & 0x7f) | (uint64_t) (uint8_t) p[1] << 7;
        return p + 2;
    }

    *v = 0;

    for (shift = 0; p < end && shift < 70; shift += 7) {
        *v |= (uint64_t) (*p & 0x7f) << (shift & 63);

        if ((*p++ & 0x80) == 0) {
            return p;
        }
    }

    return NULL;
}


static inline uint64_t
qoe_wire_get64(const char *p)
{
    uint64_t  v;

    memcpy(&v, p, 8);

    return le64toh(v);
}


/*
 * Reads a field of any number, in place.  The byte behind it, or NULL: there
 * is none, or it goes beyond end.
 */

static inline const char *
qoe_wire_next(const char *p, const char *end, qoe_wire_item_t *item)
{
    uint32_t  fixed32;
    uint64_t  v;

    p = qoe_wire_get_varint(p, end, &v);

    if (p == NULL || v >> 32 != 0 || v >> 3 == 0) {
        return NULL;
    }

    item->field = (uint32_t) (v >> 3);
    item->type = v & 7;

    switch (item->type) {

    case QOE_WIRE_BYTES:
        p = qoe_wire_get_varint(p, end, &v);

        if (p == NULL || v > (uint64_t) (end - p)) {
            return NULL;
        }

        item->bytes = (qoe_span_t) { p, (size_t) v };
        return p + v;

    case QOE_WIRE_VARINT:
        return qoe_wire_get_varint(p, end, &item->number);

    case QOE_WIRE_FIXED64:
        if (end - p < 8) {
            return NULL;
        }

        item->number = qoe_wire_get64(p);
        return p + 8;

    case QOE_WIRE_FIXED32:
        if (end - p < 4) {
            return NULL;
        }

        memcpy(&fixed32, p, 4);
        item->number = le32toh(fixed32);
        return p + 4;

    default:
        return NULL;
    }
}


#endif /* _QOE_WIRE_H_INCLUDED_ */
