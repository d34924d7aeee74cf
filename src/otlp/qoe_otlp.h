
/*
 * Copyright (C) OpenQoE
 *
 * OTLP export requests (opentelemetry-proto 1.x), made from records, and the
 * answers to them.
 */


#ifndef _QOE_OTLP_H_INCLUDED_
#define _QOE_OTLP_H_INCLUDED_


#include "qoe_core.h"
#include "qoe_arena.h"
#include "qoe_buf.h"

#include <protobuf-c/protobuf-c.h>


/* Requests stay below 4 MiB, which gRPC servers accept by default. */
#define QOE_OTLP_REQUEST_MAX     (4 * 1024 * 1024)


typedef enum {
    QOE_SIGNAL_LOGS = 0,
    QOE_SIGNAL_TRACES,
    QOE_SIGNAL_METRICS,
    QOE_SIGNALS
} qoe_signal_t;


typedef enum {
    QOE_ENCODING_PROTOBUF = 0,
    QOE_ENCODING_JSON
} qoe_encoding_t;


typedef struct {
    qoe_span_t    key;
    qoe_span_t    value;
} qoe_attr_t;


/* The resource and scope: the same for all requests of an exporter. */

typedef struct {
    const qoe_attr_t  *attrs;            /* Resource attributes, strings */
    size_t             nattrs;
    qoe_span_t         scope_name;
    qoe_span_t         scope_version;
} qoe_otlp_identity_t;


/*
 * Appends to out one ExportLogsServiceRequest in protobuf, with a LogRecord
 * for each of the n packed records (qoe_record.h), which are read in place.  A
 * packed record that cannot be read is skipped and counted in *nbad.  Scratch
 * memory, about 150 bytes a record, comes from arena, which the caller resets.
 *
 * A byte of text that is not UTF-8 becomes '?': a collector would refuse the
 * whole request because of it.  An attribute of the record (openqoe_attribute)
 * becomes a log attribute of its own name, unless that name is taken.
 *
 * QOE_OK; QOE_DONE: no record could be read, nothing was appended; QOE_NOMEM;
 * QOE_TOO_LARGE: out's maximum was passed, try again with fewer records.  On
 * an error the length and the status of out are unchanged.
 */
qoe_status_t qoe_otlp_logs(qoe_buf_t *out, const qoe_otlp_identity_t *id,
    const qoe_span_t *records, size_t n, size_t *nbad, qoe_arena_t *arena);

/*
 * Appends msg as OTLP JSON, the JSON mapping of opentelemetry-proto: keys in
 * lowerCamelCase, trace and span ids in hex, other bytes in base64, 64-bit
 * integers as strings, enums as numbers, absent fields left out.  Works for
 * any message by its descriptor.  For a message more than 127 levels deep the
 * status of out becomes QOE_TOO_LARGE.
 */
void qoe_otlp_json(qoe_buf_t *out, const ProtobufCMessage *msg);


/*
 * Appends an Export*ServiceRequest, given in protobuf, as OTLP JSON.  Several
 * requests may be concatenated, which makes one with all their items.
 *
 * QOE_OK; QOE_INVALID: the bytes are no such message; QOE_NOMEM;
 * QOE_TOO_LARGE: out's maximum was passed.  On an error the length and the
 * status of out are unchanged.  The arena, which the caller resets, is asked
 * for up to QOE_OTLP_UNPACKED times the length of the request.
 */
#define QOE_OTLP_UNPACKED        64

qoe_status_t qoe_otlp_transcode(qoe_buf_t *out, qoe_signal_t signal,
    qoe_span_t request, qoe_arena_t *arena);

/*
 * Counts the log records, spans or metric points of an Export*ServiceRequest
 * in protobuf.  Allocates nothing.  QOE_INVALID, with *n = 0: the bytes are no
 * message; the inside of an item is not examined.
 */
qoe_status_t qoe_otlp_items(qoe_signal_t signal, qoe_span_t request,
    uint64_t *n);



/*
 * Reads an Export*ServiceResponse: *rejected is how many items the collector
 * rejected (partial_success), and error says why and points into the arena.
 * An empty response rejects 0.  *rejected is never negative, but a faulty
 * collector may count more items than it was sent.  QOE_INVALID: the bytes are
 * no response; QOE_NOMEM; QOE_TOO_LARGE: JSON of more than 64 kB.
 */
qoe_status_t qoe_otlp_response(qoe_signal_t signal, qoe_encoding_t encoding,
    qoe_span_t body, int64_t *rejected, qoe_span_t *error,
    qoe_arena_t *arena);

/*
 * Reads google.rpc.Status (the decoded grpc-status-details-bin trailer):
 * *retry_ms is the delay of a google.rpc.RetryInfo in it, or -1.  The delay
 * may be up to 10,000 years; the caller bounds it.  QOE_INVALID, with
 * *retry_ms = -1: the bytes are no Status or RetryInfo; QOE_NOMEM.
 */
qoe_status_t qoe_otlp_retry_info(qoe_span_t status, int64_t *retry_ms,
    qoe_arena_t *arena);


#endif /* _QOE_OTLP_H_INCLUDED_ */
