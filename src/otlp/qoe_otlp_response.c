
/*
 * Copyright (C) OpenQoE
 *
 * The answers of a collector.
 */


#include "qoe_otlp_pb.h"

#include "opentelemetry/proto/collector/logs/v1/logs_service.pb-c.h"
#include "opentelemetry/proto/collector/trace/v1/trace_service.pb-c.h"
#include "opentelemetry/proto/collector/metrics/v1/metrics_service.pb-c.h"
#include "google/protobuf/duration.pb-c.h"
#include "google/rpc/error_details.pb-c.h"
#include "google/rpc/status.pb-c.h"

#include <errno.h>
#include <stdlib.h>
#include <jansson.h>


/*
 * Reading a JSON answer takes up to 80 times its length in memory, and a long
 * one says no more than a short one: a longer answer is not read.
 */
#define QOE_RESPONSE_JSON_MAX  (64 * 1024)

/* The longest google.protobuf.Duration, about 10,000 years. */
#define QOE_DURATION_MAX       315576000000

#define QOE_RETRY_INFO         "/google.rpc.RetryInfo"


/*
 * The three responses differ only in the name of the count, and protobuf-c
 * lays all of them out alike.
 */

#define qoe_response_types(Signal, signal)                                    \
    typedef qoe_pb_service_type(Signal, ServiceResponse)                      \
        qoe_pb_##signal##_response_t;                                         \
    typedef qoe_pb_service_type(Signal, PartialSuccess)                       \
        qoe_pb_##signal##_partial_t

qoe_response_types(Logs, logs);
qoe_response_types(Trace, trace);
qoe_response_types(Metrics, metrics);

#define qoe_same_layout(name, count)                                          \
    _Static_assert(offsetof(qoe_pb_##name##_response_t, partial_success)      \
                   == offsetof(qoe_pb_logs_response_t, partial_success)       \
                   && offsetof(qoe_pb_##name##_partial_t, count)              \
                   == offsetof(qoe_pb_logs_partial_t, rejected_log_records)   \
                   && offsetof(qoe_pb_##name##_partial_t, error_message)      \
                   == offsetof(qoe_pb_logs_partial_t, error_message),         \
                   "the responses are laid out alike")

qoe_same_layout(trace, rejected_spans);
qoe_same_layout(metrics, rejected_data_points);


typedef struct {
    const ProtobufCMessageDescriptor  *desc;
    const char                        *rejected;     /* the JSON key */
} qoe_response_t;


static const qoe_response_t  qoe_responses[QOE_SIGNALS] = {

    [QOE_SIGNAL_LOGS] = {
        &qoe_pb_service(logs, service_response__descriptor),
        "rejectedLogRecords"
    },

    [QOE_SIGNAL_TRACES] = {
        &qoe_pb_service(trace, service_response__descriptor),
        "rejectedSpans"
    },

    [QOE_SIGNAL_METRICS] = {
        &qoe_pb_service(metrics, service_response__descriptor),
        "rejectedDataPoints"
    }
};


static qoe_status_t qoe_response_protobuf(const qoe_response_t *r,
    qoe_span_t body, int64_t *rejected, qoe_span_t *error, qoe_arena_t *arena);
static qoe_status_t qoe_response_json(const qoe_response_t *r, qoe_span_t body,
    int64_t *rejected, qoe_span_t *error, qoe_arena_t *arena);
static qoe_status_t qoe_response_partial(const qoe_response_t *r,
    const json_t *partial, int64_t *rejected, qoe_span_t *error,
    qoe_arena_t *arena);
static qoe_status_t qoe_response_count(const json_t *v, int64_t *count);
static qoe_status_t qoe_response_error(qoe_span_t *error, qoe_span_t text,
    qoe_arena_t *arena);
static bool qoe_is_retry_info(const char *type_url);
static qoe_status_t qoe_retry_delay(const ProtobufCBinaryData *packed,
    int64_t *retry_ms, qoe_arena_t *arena);


qoe_status_t
qoe_otlp_response(qoe_signal_t signal, qoe_encoding_t encoding,
    qoe_span_t body, int64_t *rejected, qoe_span_t *error, qoe_arena_t *arena)
{
    qoe_status_t           rc;
    const qoe_response_t  *r;

    *rejected = 0;
    *error = qoe_span_null;

    if (body.len == 0) {
        return QOE_OK;
    }

    r = &qoe_responses[signal];

    rc = (encoding == QOE_ENCODING_JSON)
         ? qoe_response_json(r, body, rejected, error, arena)
         : qoe_response_protobuf(r, body, rejected, error, arena);

    /* a faulty collector might count less than nothing */

    *rejected = qoe_max(*rejected, (int64_t) 0);

    return rc;
}


static qoe_status_t
qoe_response_protobuf(const qoe_response_t *r, qoe_span_t body,
    int64_t *rejected, qoe_span_t *error, qoe_arena_t *arena)
{
    qoe_status_t             rc;
    ProtobufCMessage        *msg;
    qoe_pb_logs_partial_t   *partial;

    rc = qoe_pb_unpack(&msg, r->desc, body, arena);
    if (rc != QOE_OK) {
        return rc;
    }

    partial = ((qoe_pb_logs_response_t *) msg)->partial_success;
    if (partial == NULL) {
        return QOE_OK;
    }

    *rejected = partial->rejected_log_records;

    return qoe_response_error(error, qoe_span_str(partial->error_message),
                              arena);
}


static qoe_status_t
qoe_response_json(const qoe_response_t *r, qoe_span_t body, int64_t *rejected,
    qoe_span_t *error, qoe_arena_t *arena)
{
    json_t        *root;
    json_error_t   e;
    qoe_status_t   rc;

    if (body.len > QOE_RESPONSE_JSON_MAX) {
        return QOE_TOO_LARGE;
    }

    root = json_loadb(body.data, body.len, JSON_ALLOW_NUL, &e);

    if (root == NULL) {
        return json_error_code(&e) == json_error_out_of_memory ? QOE_NOMEM
                                                               : QOE_INVALID;
    }

    rc = json_is_object(root)
         ? qoe_response_partial(r, json_object_get(root, "partialSuccess"),
                                rejected, error, arena)
         : QOE_INVALID;

    json_decref(root);

    return rc;
}


static qoe_status_t
qoe_response_partial(const qoe_response_t *r, const json_t *partial,
    int64_t *rejected, qoe_span_t *error, qoe_arena_t *arena)
{
    int64_t        count;
    const json_t  *message;

    if (partial == NULL || json_is_null(partial)) {
        return QOE_OK;
    }

    if (!json_is_object(partial)
        || qoe_response_count(json_object_get(partial, r->rejected), &count)
           != QOE_OK)
    {
        return QOE_INVALID;
    }

    message = json_object_get(partial, "errorMessage");

    if (message == NULL || json_is_null(message)) {
        *rejected = count;
        return QOE_OK;
    }

    if (!json_is_string(message)) {
        return QOE_INVALID;
    }

    *rejected = count;

    return qoe_response_error(error,
                              (qoe_span_t) { json_string_value(message),
                                             json_string_length(message) },
                              arena);
}


/* protobuf's JSON writes 64-bit integers as strings; accept numbers too. */

static qoe_status_t
qoe_response_count(const json_t *v, int64_t *count)
{
    char        *end;
    const char  *s;

    *count = 0;

    if (v == NULL || json_is_null(v)) {
        return QOE_OK;
    }

    if (json_is_integer(v)) {
        *count = json_integer_value(v);
        return QOE_OK;
    }

    if (!json_is_string(v)) {
        return QOE_INVALID;
    }

    s = json_string_value(v);

    /* strtoll() would accept white space or a plus before the digits */

    if ((*s < '0' || *s > '9') && *s != '-') {
        return QOE_INVALID;
    }

    errno = 0;
    *count = strtoll(s, &end, 10);

    if (errno != 0 || end == s || end != s + json_string_length(v)) {
        return QOE_INVALID;
    }

    return QOE_OK;
}


static qoe_status_t
qoe_response_error(qoe_span_t *error, qoe_span_t text, qoe_arena_t *arena)
{
    char  *p;

    p = qoe_pb_text(arena, qoe_span_null, text);
    if (p == NULL) {
        return QOE_NOMEM;
    }

    *error = (qoe_span_t) { p, text.len };

    return QOE_OK;
}


qoe_status_t
qoe_otlp_retry_info(qoe_span_t status, int64_t *retry_ms, qoe_arena_t *arena)
{
    size_t                  i;
    qoe_status_t            rc;
    ProtobufCMessage       *msg;
    Google__Rpc__Status    *s;
    Google__Protobuf__Any  *any;

    *retry_ms = -1;

    rc = qoe_pb_unpack(&msg, &google__rpc__status__descriptor, status, arena);
    if (rc != QOE_OK) {
        return rc;
    }

    s = (Google__Rpc__Status *) msg;

    for (i = 0; i < s->n_details; i++) {
        any = s->details[i];

        if (qoe_is_retry_info(any->type_url)) {
            return qoe_retry_delay(&any->value, retry_ms, arena);
        }
    }

    return QOE_OK;
}


/* The part of a type's URL before the last slash has no meaning. */

static bool
qoe_is_retry_info(const char *type_url)
{
    const char  *slash;

    slash = strrchr(type_url, '/');

    return slash != NULL && strcmp(slash, QOE_RETRY_INFO) == 0;
}


static qoe_status_t
qoe_retry_delay(const ProtobufCBinaryData *packed, int64_t *retry_ms,
    qoe_arena_t *arena)
{
    int64_t                      seconds;
    qoe_status_t                 rc;
    ProtobufCMessage            *msg;
    Google__Protobuf__Duration  *delay;

    rc = qoe_pb_unpack(&msg, &google__rpc__retry_info__descriptor,
                       (qoe_span_t) { (const char *) packed->data,
                                      packed->len },
                       arena);
    if (rc != QOE_OK) {
        return rc;
    }

    delay = ((Google__Rpc__RetryInfo *) msg)->retry_delay;

    *retry_ms = 0;

    if (delay == NULL || delay->seconds < 0 || delay->nanos < 0) {
        return QOE_OK;
    }

    seconds = qoe_min(delay->seconds, QOE_DURATION_MAX);
    *retry_ms = seconds * 1000 + ((int64_t) delay->nanos + 999999) / 1000000;

    return QOE_OK;
}
