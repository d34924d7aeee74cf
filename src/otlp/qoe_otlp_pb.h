
/*
 * Copyright (C) OpenQoE
 *
 * What the encoders of this room share: short names for protobuf-c's long
 * ones, its memory from an arena, and text that any receiver accepts.
 */


#ifndef _QOE_OTLP_PB_H_INCLUDED_
#define _QOE_OTLP_PB_H_INCLUDED_


#include "qoe_otlp.h"

#include "opentelemetry/proto/common/v1/common.pb-c.h"
#include "opentelemetry/proto/resource/v1/resource.pb-c.h"


typedef Opentelemetry__Proto__Common__V1__AnyValue  qoe_pb_value_t;
typedef Opentelemetry__Proto__Common__V1__KeyValue  qoe_pb_attr_t;
typedef Opentelemetry__Proto__Common__V1__InstrumentationScope  qoe_pb_scope_t;
typedef Opentelemetry__Proto__Resource__V1__Resource  qoe_pb_resource_t;

/* Functions and types of a collector service: logs or Logs, and what of it. */

#define qoe_pb_service(signal, what)                                          \
    opentelemetry__proto__collector__##signal##__v1__export_##signal##_##what
#define qoe_pb_service_type(Signal, What)                                     \
    Opentelemetry__Proto__Collector__##Signal##__V1__Export##Signal##What


/*
 * Unpacks into memory of the arena.  QOE_INVALID for bytes that are not desc's
 * message, QOE_NOMEM.
 */
qoe_status_t qoe_pb_unpack(ProtobufCMessage **msg,
    const ProtobufCMessageDescriptor *desc, qoe_span_t packed,
    qoe_arena_t *arena);


/*
 * A copy of prefix and s with a NUL behind; NULL when the arena is exhausted.
 * One string that is not UTF-8 makes a collector refuse the whole request, and
 * protobuf-c ends a string at a NUL: in s each such byte becomes '?', so the
 * length stays.
 */
char *qoe_pb_text(qoe_arena_t *arena, qoe_span_t prefix, qoe_span_t s);

/* The same to text in place. */
void qoe_pb_repair(char *text, size_t len);

/* How many bytes from 0x01 to 0x7f text begins with: such need no repair. */
size_t qoe_pb_ascii(const char *text, size_t len);

/* Text is kept, not copied; so is the key of an attribute. */

void qoe_pb_value_string(qoe_pb_value_t *value, char *text);
void qoe_pb_attr_string(qoe_pb_attr_t *attr, qoe_pb_value_t *value,
    const char *key, char *text);

/* QOE_NOMEM when the arena is exhausted. */
qoe_status_t qoe_pb_identity(qoe_pb_resource_t *resource,
    qoe_pb_scope_t *scope, const qoe_otlp_identity_t *id, qoe_arena_t *arena);

/*
 * Appends msg in the encoding.  On an error (qoe_buf.h) the length and the
 * status of out are as they were.
 */
qoe_status_t qoe_pb_append(qoe_buf_t *out, qoe_encoding_t encoding,
    const ProtobufCMessage *msg);


#endif /* _QOE_OTLP_PB_H_INCLUDED_ */
