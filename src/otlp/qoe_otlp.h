
/*
 * Copyright (C) OpenQoE
 *
 * OTLP export requests (opentelemetry-proto 1.x) from records.
 */


#ifndef _QOE_OTLP_H_INCLUDED_
#define _QOE_OTLP_H_INCLUDED_


#include "qoe_core.h"
#include "qoe_arena.h"
#include "qoe_buf.h"

#include <protobuf-c/protobuf-c.h>


/* A request stays below what gRPC servers accept by default (4 MiB). */
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


/* Who speaks: the same for every request of an exporter. */

typedef struct {
    const qoe_attr_t  *attrs;            /* Resource attributes, strings */
    size_t             nattrs;
    qoe_span_t         scope_name;
    qoe_span_t         scope_version;
} qoe_otlp_identity_t;


/*
 * Appends one ExportLogsServiceRequest in protobuf with a LogRecord for each
 * of the n packed records (qoe_record.h) to out; they are read where they are.
 * Scratch memory comes from arena, which the caller resets.  A packed record
 * that cannot be read is skipped and counted in *nbad.
 *
 * A byte of a record's text that is not UTF-8 becomes '?': a collector would
 * refuse the whole request for it.
 *
 * QOE_OK; QOE_DONE when no record could be read (nothing appended);
 * QOE_NOMEM; QOE_TOO_LARGE when out's maximum is passed (try again with fewer
 * records).  On an error the length and the status of out are as they were.
 *
 * An attribute of the record (openqoe_attribute) is a log attribute of its
 * own name, unless that name is taken.
 *
 * The arena is asked for about 150 bytes a record.
 */
qoe_status_t qoe_otlp_logs(qoe_buf_t *out, const qoe_otlp_identity_t *id,
    const qoe_span_t *records, size_t n, size_t *nbad, qoe_arena_t *arena);

/*
 * Appends msg as OTLP JSON (the JSON mapping of opentelemetry-proto: keys
 * lowerCamelCase, trace and span ids hex, other bytes base64, 64-bit integers
 * as strings, enums as numbers, absent fields left out).  Works for any
 * message by its descriptor.  Not over 127 messages deep: QOE_TOO_LARGE is
 * then the status of out.
 */
void qoe_otlp_json(qoe_buf_t *out, const ProtobufCMessage *msg);


/*
 * Appends an Export*ServiceRequest, given in protobuf, as OTLP JSON.  It may
 * be the concatenation of several, which is one with all their items.
 *
 * QOE_OK; QOE_INVALID for bytes that are no such message; QOE_NOMEM;
 * QOE_TOO_LARGE when out's maximum is passed.  On an error the length and the
 * status of out are as they were.  The arena, which the caller resets, is
 * asked for up to QOE_OTLP_UNPACKED times the length of the request.
 */
#define QOE_OTLP_UNPACKED        64

qoe_status_t qoe_otlp_transcode(qoe_buf_t *out, qoe_signal_t signal,
    qoe_span_t request, qoe_arena_t *arena);

/*
 * Counts what an Export*ServiceRequest in protobuf has: log records, spans or
 * metric points.  Allocates nothing.  QOE_INVALID (*n is 0) for bytes that
 * are no message; what is within an item is not looked at.
 */
qoe_status_t qoe_otlp_items(qoe_signal_t signal, qoe_span_t request,
    uint64_t *n);



/*
 * Reads an Export*ServiceResponse: how many items the collector rejected
 * (partial_success) and why.  error points into the arena.  QOE_INVALID for
 * bytes that are no response; an empty one is 0 rejected.  QOE_NOMEM;
 * QOE_TOO_LARGE for JSON over 64 kB.  *rejected is never negative, but a wrong
 * collector may count more than it was sent.
 */
qoe_status_t qoe_otlp_response(qoe_signal_t signal, qoe_encoding_t encoding,
    qoe_span_t body, int64_t *rejected, qoe_span_t *error,
    qoe_arena_t *arena);

/*
 * Reads google.rpc.Status (the grpc-status-details-bin trailer, decoded):
 * *retry_ms is the delay of a google.rpc.RetryInfo in it, or -1; up to 10,000
 * years, so the caller bounds it.  QOE_INVALID for bytes that are no Status or
 * RetryInfo (*retry_ms is -1 then), QOE_NOMEM.
 */
qoe_status_t qoe_otlp_retry_info(qoe_span_t status, int64_t *retry_ms,
    qoe_arena_t *arena);


#endif /* _QOE_OTLP_H_INCLUDED_ */
