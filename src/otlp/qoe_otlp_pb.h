
/*
 * Copyright (C) OpenQoE
 *
 * What the encoders of this room share: short names for protobuf-c's long
 * ones, its memory from an arena, and text that any receiver accepts.
 */


#ifndef _QOE_OTLP_PB_H_INCLUDED_
#define _QOE_OTLP_PB_H_INCLUDED_


#include "qoe_otlp.h"
#include "qoe_otlp_wire.h"

#include "opentelemetry/proto/common/v1/common.pb-c.h"
#include "opentelemetry/proto/resource/v1/resource.pb-c.h"


typedef Opentelemetry__Proto__Common__V1__AnyValue  qoe_pb_value_t;
typedef Opentelemetry__Proto__Common__V1__KeyValue  qoe_pb_attr_t;
typedef Opentelemetry__Proto__Common__V1__InstrumentationScope  qoe_pb_scope_t;
typedef Opentelemetry__Proto__Resource__V1__Resource  qoe_pb_resource_t;

/*
 * Functions and types of a collector service; signal is logs or Logs, what is
 * the rest of the name.
 */

#define qoe_pb_service(signal, what)                                          \
    opentelemetry__proto__collector__##signal##__v1__export_##signal##_##what
#define qoe_pb_service_type(Signal, What)                                     \
    Opentelemetry__Proto__Collector__##Signal##__V1__Export##Signal##What


/*
 * Unpacks into memory of the arena.  QOE_INVALID: the bytes are no message of
 * type desc; QOE_NOMEM.
 */
qoe_status_t qoe_pb_unpack(ProtobufCMessage **msg,
    const ProtobufCMessageDescriptor *desc, qoe_span_t packed,
    qoe_arena_t *arena);


/*
 * A copy of prefix and s, NUL-terminated; NULL when the arena is exhausted.  A
 * collector refuses a whole request for one string that is not UTF-8, and
 * protobuf-c ends a string at a NUL: such bytes of s become '?', which keeps
 * the length.
 */
char *qoe_pb_text(qoe_arena_t *arena, qoe_span_t prefix, qoe_span_t s);

/* Repairs text in place in the same way. */
void qoe_pb_repair(char *text, size_t len);

/* How many bytes from 0x01 to 0x7f text begins with; those need no repair. */
size_t qoe_pb_ascii(const char *text, size_t len);

#define QOE_PB_ONES   0x0101010101010101
#define QOE_PB_HIGHS  0x8080808080808080

/* Not 0 if a byte of the word is 0 or has its highest bit set. */
#define qoe_pb_other(word)                                                    \
    (((word) | ((word) - QOE_PB_ONES)) & QOE_PB_HIGHS)


/*
 * Copies the words that start at bytes from the start, and that end at bytes
 * from the end.  Not 0: as qoe_pb_other().
 */

static inline uint64_t
qoe_pb_put_ends(char *p, const char *s, size_t len, size_t at)
{
    uint64_t  a, b;

    memcpy(&a, s + at, 8);
    memcpy(&b, s + len - at - 8, 8);
    memcpy(p + at, &a, 8);
    memcpy(p + len - at - 8, &b, 8);

    return qoe_pb_other(a) | qoe_pb_other(b);
}


/*
 * Copies s to p, repaired as qoe_pb_text() does, without the NUL.  Returns the
 * end of the copy.  Most text is short, so it is copied by overlapping moves
 * instead of a call, and checked at the same time.
 */

static inline char *
qoe_pb_put(char *p, qoe_span_t s)
{
    char      *end;
    uint32_t   u[2];
    uint64_t   other;

    end = p + s.len;

    if (s.len > 64 || s.len < 4) {
        (void) qoe_wire_text(p, s);
        other = 1;

    } else if (s.len >= 8) {
        other = qoe_pb_put_ends(p, s.data, s.len, 0);

        if (s.len > 16) {
            other |= qoe_pb_put_ends(p, s.data, s.len, 8);
        }

        if (s.len > 32) {
            other |= qoe_pb_put_ends(p, s.data, s.len, 16)
                     | qoe_pb_put_ends(p, s.data, s.len, 24);
        }

    } else {
        memcpy(u, s.data, 4);
        memcpy(u + 1, s.data + s.len - 4, 4);
        memcpy(p, u, 4);
        memcpy(end - 4, u + 1, 4);

        other = qoe_pb_other((uint64_t) u[0] << 32 | u[1]);
    }

    if (other != 0) {
        qoe_pb_repair(p, s.len);
    }

    return end;
}


/* The text, and the key of an attribute, are kept by pointer, not copied. */

void qoe_pb_value_string(qoe_pb_value_t *value, char *text);
void qoe_pb_attr_string(qoe_pb_attr_t *attr, qoe_pb_value_t *value,
    const char *key, char *text);

/* QOE_NOMEM when the arena is exhausted. */
qoe_status_t qoe_pb_identity(qoe_pb_resource_t *resource,
    qoe_pb_scope_t *scope, const qoe_otlp_identity_t *id, qoe_arena_t *arena);

/*
 * Appends msg as OTLP JSON.  On an error (qoe_buf.h) the length and the status
 * of out are unchanged.
 */
qoe_status_t qoe_pb_append_json(qoe_buf_t *out, const ProtobufCMessage *msg);


#endif /* _QOE_OTLP_PB_H_INCLUDED_ */
