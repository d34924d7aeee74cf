
/*
 * Copyright (C) OpenQoE
 *
 * Records of views are written in one pass: the lengths of the messages around
 * an attribute take four bytes each and are filled in afterwards.
 *
 *   ExportLogsServiceRequest { resource_logs = 1:
 *       ResourceLogs { resource = 1, scope_logs = 2:
 *           ScopeLogs { scope = 1, log_records = 2: LogRecord ... } } }
 */


#include "qoe_otlp_views.h"
#include "qoe_otlp_views_priv.h"
#include "qoe_otlp_pb.h"

#include "qoe_uuid.h"

#include <math.h>


#define QOE_VIEW_EVENT         qoe_span("openqoe.view")
#define QOE_VIEW_EDGE          qoe_span("openqoe.edge")
#define QOE_VIEW_EDGE_SOURCE   qoe_span("service.instance.id")

/* Names of attributes that begin so are those of the record. */
#define QOE_VIEW_PREFIX        qoe_span("openqoe.view.")

/* Fields of LogRecord, KeyValue and AnyValue. */

#define QOE_LOG_TIME           1
#define QOE_LOG_SEVERITY       2
#define QOE_LOG_SEVERITY_TEXT  3
#define QOE_LOG_BODY           5
#define QOE_LOG_ATTRIBUTES     6
#define QOE_LOG_TRACE_ID       9
#define QOE_LOG_OBSERVED       11
#define QOE_LOG_EVENT_NAME     12

#define QOE_VALUE_STRING       1
#define QOE_VALUE_BOOL         2
#define QOE_VALUE_INT          3
#define QOE_VALUE_DOUBLE       4

#define QOE_LOG_INFO           9
#define QOE_LOG_ERROR          17

/*
 * The most bytes of an attribute without its key and its text, and of all of a
 * record beside its attributes.
 */
#define QOE_VIEW_ATTR_MAX      32
#define QOE_VIEW_LOG_MAX       256

/* An attribute of the dimensions takes three bytes or more there. */
#define QOE_VIEW_DIMS_FACTOR   4


static char *qoe_view_log_write(qoe_view_log_t *log);
static void qoe_view_log_key(qoe_view_log_t *log, qoe_span_t key,
    size_t value);


qoe_status_t
qoe_otlp_views(qoe_buf_t *out, const qoe_otlp_identity_t *id,
    const qoe_span_t *records, size_t n, size_t *nbad, qoe_arena_t *arena)
{
    char                *p;
    size_t               i;
    qoe_status_t         rc;
    qoe_view_log_t       log;
    qoe_view_request_t   request;

    *nbad = 0;

    if (out->status != QOE_OK) {
        return out->status;
    }

    rc = qoe_views_open(out, &request, id, arena);
    log.edge = qoe_views_edge(id);
    log.field = QOE_LOG_ATTRIBUTES;

    for (i = 0; i < n && rc == QOE_OK; i++) {

        if (qoe_view_record_unpack(&log.r, records[i]) != QOE_OK) {
            (*nbad)++;
            continue;
        }

        p = qoe_buf_reserve(out, qoe_view_log_bound(&log));

        if (p == NULL) {
            rc = out->status;
            break;
        }

        log.p = p;
        out->len += (size_t) (qoe_view_log_write(&log) - p);
    }

    return qoe_views_close(out, &request, rc);
}


qoe_status_t
qoe_views_open(qoe_buf_t *out, qoe_view_request_t *request,
    const qoe_otlp_identity_t *id, qoe_arena_t *arena)
{
    char               *p;
    size_t              resource_size, scope_size;
    qoe_pb_scope_t      scope;
    qoe_pb_resource_t   resource;

    request->start = out->len;

    if (qoe_pb_identity(&resource, &scope, id, arena) != QOE_OK) {
        return QOE_NOMEM;
    }

    resource_size = protobuf_c_message_get_packed_size(&resource.base);
    scope_size = protobuf_c_message_get_packed_size(&scope.base);

    p = qoe_buf_reserve(out, QOE_VIEW_LOG_MAX + resource_size + scope_size);
    if (p == NULL) {
        return out->status;
    }

    *p++ = qoe_wire_key(1, QOE_WIRE_BYTES);
    p += QOE_WIRE_LEN_SIZE;
    request->at[0] = (size_t) (p - out->data);

    p = qoe_wire_head(p, 1, resource_size);
    p += protobuf_c_message_pack(&resource.base, (uint8_t *) p);

    *p++ = qoe_wire_key(2, QOE_WIRE_BYTES);
    p += QOE_WIRE_LEN_SIZE;
    request->at[1] = (size_t) (p - out->data);

    p = qoe_wire_head(p, 1, scope_size);
    p += protobuf_c_message_pack(&scope.base, (uint8_t *) p);

    out->len = (size_t) (p - out->data);
    request->items = out->len;

    return QOE_OK;
}


qoe_status_t
qoe_views_close(qoe_buf_t *out, const qoe_view_request_t *request,
    qoe_status_t rc)
{
    size_t  i;

    if (rc == QOE_OK && out->len == request->items) {
        rc = QOE_DONE;
    }

    if (rc != QOE_OK) {
        out->len = request->start;
        out->status = QOE_OK;
        return rc;
    }

    for (i = 0; i < 2; i++) {
        qoe_wire_len(out->data + request->at[i] - QOE_WIRE_LEN_SIZE,
                     out->len - request->at[i]);
    }

    return QOE_OK;
}


qoe_span_t
qoe_views_edge(const qoe_otlp_identity_t *id)
{
    size_t  i;

    for (i = 0; i < id->nattrs; i++) {
        if (qoe_span_eq(id->attrs[i].key, QOE_VIEW_EDGE_SOURCE)) {
            return id->attrs[i].value;
        }
    }

    return qoe_span_null;
}


size_t
qoe_view_log_bound(const qoe_view_log_t *log)
{
    size_t  size;

    size = QOE_VIEW_LOG_MAX + log->r.dims.len * QOE_VIEW_DIMS_FACTOR
           + log->edge.len + 2 * QOE_VIEW_ATTR_MAX + QOE_VIEW_EDGE.len
           + log->r.outcome.len;

#define QOE_VIEW_TEXT_BOUND(member, name, text)                               \
    size += QOE_VIEW_ATTR_MAX + sizeof(name) + log->r.member.len;
#define QOE_VIEW_NUMBER_BOUND(member, name, text)                             \
    size += QOE_VIEW_ATTR_MAX + sizeof(name);

    QOE_VIEW_ATTRIBUTES(QOE_VIEW_TEXT_BOUND, QOE_VIEW_NUMBER_BOUND,
                        QOE_VIEW_NUMBER_BOUND, QOE_VIEW_NUMBER_BOUND,
                        QOE_VIEW_NUMBER_BOUND)

#undef QOE_VIEW_TEXT_BOUND
#undef QOE_VIEW_NUMBER_BOUND

    return size;
}


static char *
qoe_view_log_write(qoe_view_log_t *log)
{
    char                     *start;
    uint8_t                   id[16];
    qoe_span_t                body;
    const qoe_view_record_t  *r;

    static const uint8_t  zero[16];

    r = &log->r;
    body = r->final ? r->outcome : qoe_span("alive");

    *log->p++ = qoe_wire_key(2, QOE_WIRE_BYTES);
    log->p += QOE_WIRE_LEN_SIZE;
    start = log->p;

    log->p = qoe_wire_fixed64(log->p, QOE_LOG_TIME, r->end_ms * 1000000);
    log->p = qoe_wire_small(log->p, QOE_LOG_SEVERITY,
                            r->failed ? QOE_LOG_ERROR : QOE_LOG_INFO);
    log->p = qoe_wire_bytes(log->p, QOE_LOG_SEVERITY_TEXT,
                            r->failed ? qoe_span("ERROR") : qoe_span("INFO"));

    log->p = qoe_wire_head(log->p, QOE_LOG_BODY,
                           qoe_wire_bytes_size(body.len));
    log->p = qoe_wire_head(log->p, QOE_VALUE_STRING, body.len);
    log->p = qoe_pb_put(log->p, body);

    qoe_view_log_attributes(log);
    qoe_view_log_dims(log);

    if (qoe_uuid_parse(id, r->view_id) == QOE_OK
        && memcmp(id, zero, sizeof(zero)) != 0)
    {
        log->p = qoe_wire_bytes(log->p, QOE_LOG_TRACE_ID,
                                (qoe_span_t) { (const char *) id,
                                               sizeof(id) });
    }

    log->p = qoe_wire_fixed64(log->p, QOE_LOG_OBSERVED, r->made_ns);
    log->p = qoe_wire_bytes(log->p, QOE_LOG_EVENT_NAME, QOE_VIEW_EVENT);

    qoe_wire_len(start - QOE_WIRE_LEN_SIZE, (size_t) (log->p - start));

    return log->p;
}


void
qoe_view_log_attributes(qoe_view_log_t *log)
{
    const qoe_view_record_t  *r;

    r = &log->r;

    qoe_view_log_text(log, QOE_VIEW_EDGE, log->edge);

#define QOE_VIEW_TEXT_WRITE(member, name, text)                               \
    qoe_view_log_text(log, qoe_span(name), r->member);
#define QOE_VIEW_COUNT_WRITE(member, name, text)                              \
    qoe_view_log_count(log, qoe_span(name), r->member);
#define QOE_VIEW_PLAYED_WRITE(member, name, text)                             \
    if (r->started) {                                                         \
        qoe_view_log_count(log, qoe_span(name), r->member);                   \
    }
#define QOE_VIEW_REAL_WRITE(member, name, text)                               \
    qoe_view_log_real(log, qoe_span(name), r->member);
#define QOE_VIEW_FLAG_WRITE(member, name, text)                               \
    if (r->member) {                                                          \
        qoe_view_log_flag(log, qoe_span(name));                               \
    }

    QOE_VIEW_ATTRIBUTES(QOE_VIEW_TEXT_WRITE, QOE_VIEW_COUNT_WRITE,
                        QOE_VIEW_PLAYED_WRITE, QOE_VIEW_REAL_WRITE,
                        QOE_VIEW_FLAG_WRITE)

#undef QOE_VIEW_TEXT_WRITE
#undef QOE_VIEW_COUNT_WRITE
#undef QOE_VIEW_PLAYED_WRITE
#undef QOE_VIEW_REAL_WRITE
#undef QOE_VIEW_FLAG_WRITE
}


/* No key may appear twice: the record's own win over a custom dimension. */

void
qoe_view_log_dims(qoe_view_log_t *log)
{
    qoe_span_t         name, value;
    qoe_labels_iter_t  it;

    qoe_labels_iter(&it, log->r.dims);

    while (qoe_labels_next(&it, &name, &value)) {

        if (name.len == 0
            || qoe_span_eq(name, QOE_VIEW_EDGE)
            || qoe_span_eq(name, qoe_span("error.type"))
            || qoe_span_eq(name, qoe_span("viewer_hash"))
            || (name.len > QOE_VIEW_PREFIX.len
                && memcmp(name.data, QOE_VIEW_PREFIX.data,
                          QOE_VIEW_PREFIX.len)
                   == 0))
        {
            continue;
        }

        qoe_view_log_text(log, name, value);
    }
}


void
qoe_view_log_text(qoe_view_log_t *log, qoe_span_t key, qoe_span_t text)
{
    if (text.len == 0) {
        return;
    }

    qoe_view_log_key(log, key, qoe_wire_bytes_size(text.len));

    log->p = qoe_wire_head(log->p, QOE_VALUE_STRING, text.len);
    log->p = qoe_pb_put(log->p, text);
}


void
qoe_view_log_count(qoe_view_log_t *log, qoe_span_t key, uint64_t value)
{
    /* int_value is signed */

    value = qoe_min(value, (uint64_t) INT64_MAX);

    qoe_view_log_key(log, key, 1 + qoe_wire_varint_size(value));

    *log->p++ = qoe_wire_key(QOE_VALUE_INT, QOE_WIRE_VARINT);
    log->p = qoe_wire_varint(log->p, value);
}


void
qoe_view_log_real(qoe_view_log_t *log, qoe_span_t key, double value)
{
    if (!isfinite(value)) {
        return;
    }

    qoe_view_log_key(log, key, QOE_WIRE_FIXED64_SIZE);

    log->p = qoe_wire_double(log->p, QOE_VALUE_DOUBLE, value);
}


void
qoe_view_log_flag(qoe_view_log_t *log, qoe_span_t key)
{
    qoe_view_log_key(log, key, 2);

    log->p = qoe_wire_small(log->p, QOE_VALUE_BOOL, 1);
}


/* Writes an attribute up to its value, which takes that many bytes. */

static void
qoe_view_log_key(qoe_view_log_t *log, qoe_span_t key, size_t value)
{
    log->p = qoe_wire_head(log->p, log->field,
                           qoe_wire_bytes_size(key.len)
                           + qoe_wire_bytes_size(value));
    log->p = qoe_wire_head(log->p, 1, key.len);
    log->p = qoe_pb_put(log->p, key);
    log->p = qoe_wire_head(log->p, 2, value);
}
