
/*
 * Copyright (C) OpenQoE
 *
 * Log records are written straight from the records of the queue, in two
 * passes: the first computes sizes, the second writes.  The bytes are those
 * that protobuf-c makes of the same request.
 *
 *   ExportLogsServiceRequest { resource_logs = 1:
 *       ResourceLogs { resource = 1, scope_logs = 2:
 *           ScopeLogs { scope = 1, log_records = 2: LogRecord ... } } }
 *
 *   LogRecord { time_unix_nano = 1, severity_number = 2, severity_text = 3,
 *       body = 5, attributes = 6 ..., trace_id = 9, span_id = 10,
 *       observed_time_unix_nano = 11, event_name = 12 }
 */


#include "qoe_otlp_pb.h"
#include "qoe_otlp_wire.h"

#include "qoe_record.h"
#include "qoe_uuid.h"


#define QOE_LOG_EVENT_PREFIX   qoe_span("openqoe.")

#define QOE_LOG_ATTRIBUTES     6     /* a field of LogRecord */

/*
 * If a key and a value are shorter than QOE_LOG_SHORT together, all lengths in
 * the attribute are single bytes, and QOE_LOG_SHORT_OVER bytes surround the
 * two.
 */
#define QOE_LOG_SHORT          122
#define QOE_LOG_SHORT_OVER     8

#define QOE_LOG_SPAN_ID        8     /* bytes */

#define qoe_countof(a)         (sizeof(a) / sizeof((a)[0]))


/* The record's texts that become attributes unless they are empty. */

#define QOE_LOG_FIELDS(X)                                                     \
    X("org_id",      ORG_ID)                                                  \
    X("player_id",   PLAYER_ID)                                               \
    X("session_id",  SESSION_ID)                                              \
    X("view_id",     VIEW_ID)                                                 \
    X("viewer_id",   VIEWER_ID)                                               \
    X("env",         ENV)                                                     \
    X("app_name",    APP_NAME)                                                \
    X("app_version", APP_VERSION)                                             \
    X("marker",      MARKER)

typedef struct {
    qoe_span_t    key;
    qoe_text_t    text;
} qoe_log_field_t;

static const qoe_log_field_t  qoe_log_fields[] = {
#define QOE_LOG_FIELD_ROW(key, id)  { { key, sizeof(key) - 1 }, QOE_TEXT_##id },
    QOE_LOG_FIELDS(QOE_LOG_FIELD_ROW)
#undef QOE_LOG_FIELD_ROW
};

/* attributes that every record has; the server's own come on top */

#define QOE_LOG_EVENT_TYPE     qoe_span("event_type")
#define QOE_LOG_UID            qoe_span("log.record.uid")


/* What the first pass finds out about a record for the second. */

typedef struct {
    qoe_record_t   record;
    size_t         size;             /* of the LogRecord */
    uint32_t       attrs;            /* a bit for each of its attributes */
    bool           traced;
    bool           spanned;
    uint8_t        trace_id[16];
} qoe_log_entry_t;

_Static_assert(QOE_ATTRIBUTES_MAX <= 32, "attrs has a bit an attribute");


/* The messages around the log records, with their sizes. */

typedef struct {
    qoe_pb_resource_t  resource;
    qoe_pb_scope_t     scope;
    size_t             resource_size;
    size_t             scope_size;
    size_t             scope_logs;
    size_t             resource_logs;
    size_t             request;
} qoe_logs_frame_t;


static qoe_status_t qoe_log_measure(qoe_log_entry_t *log, qoe_arena_t *arena);
static qoe_status_t qoe_log_enrichment(qoe_log_entry_t *log,
    qoe_arena_t *arena);
static qoe_status_t qoe_log_name(qoe_span_t *name, qoe_arena_t *arena);
static bool qoe_log_has(const qoe_log_entry_t *log, const qoe_span_t *names,
    size_t n, qoe_span_t name);
static void qoe_log_trace_id(qoe_log_entry_t *log);
static qoe_span_t qoe_log_span_id(const qoe_log_entry_t *log);
static qoe_status_t qoe_logs_frame(qoe_logs_frame_t *frame,
    const qoe_otlp_identity_t *id, size_t logs_size, qoe_arena_t *arena);
static char *qoe_logs_open(char *p, const qoe_logs_frame_t *frame);
static char *qoe_log_write(char *p, const qoe_log_entry_t *log);
static char *qoe_log_attributes(char *p, const qoe_log_entry_t *log);


/* A severity that the data model does not know is sent as unspecified. */

static inline const qoe_span_t *
qoe_log_severity(const qoe_record_t *r)
{
    static const qoe_span_t  names[] = {
        { "TRACE", 5 }, { "DEBUG", 5 }, { "INFO", 4 }, { "WARN", 4 },
        { "ERROR", 5 }, { "FATAL", 5 }
    };

    unsigned  severity;

    severity = r->head->severity;

    if (severity == 0 || severity > 4 * qoe_countof(names)) {
        return NULL;
    }

    return &names[(severity - 1) / 4];
}


static inline uint64_t
qoe_log_time_ns(const qoe_record_t *r)
{
    return (uint64_t) r->head->time_ms * 1000000;
}


/* AnyValue { string_value = 1 }, which is written for an empty text too. */

static inline size_t
qoe_log_value_size(size_t len)
{
    return qoe_wire_bytes_size(len);
}


static inline size_t
qoe_log_key_value_size(size_t key, size_t value)
{
    return qoe_wire_bytes_size(key)
           + qoe_wire_bytes_size(qoe_log_value_size(value));
}


/*
 * KeyValue { key = 1, value = 2 } as a field.  Always inlined: with a constant
 * key the compiler computes nearly all of it.
 */

static inline __attribute__((always_inline)) size_t
qoe_log_attr_size(size_t key, size_t value)
{
    if (key + value < QOE_LOG_SHORT) {
        return key + value + QOE_LOG_SHORT_OVER;
    }

    return qoe_wire_bytes_size(qoe_log_key_value_size(key, value));
}


/* Writes the attribute up to the bytes of its value. */

static inline __attribute__((always_inline)) char *
qoe_log_key(char *p, qoe_span_t key, size_t value)
{
    if (key.len + value < QOE_LOG_SHORT) {
        p[0] = qoe_wire_key(QOE_LOG_ATTRIBUTES, QOE_WIRE_BYTES);
        p[1] = (char) (key.len + value + QOE_LOG_SHORT_OVER - 2);
        p[2] = qoe_wire_key(1, QOE_WIRE_BYTES);
        p[3] = (char) key.len;
        p = qoe_wire_text(p + 4, key);
        p[0] = qoe_wire_key(2, QOE_WIRE_BYTES);
        p[1] = (char) (value + 2);
        p[2] = qoe_wire_key(1, QOE_WIRE_BYTES);
        p[3] = (char) value;

        return p + 4;
    }

    p = qoe_wire_head(p, QOE_LOG_ATTRIBUTES,
                      qoe_log_key_value_size(key.len, value));
    p = qoe_wire_bytes(p, 1, key);
    p = qoe_wire_head(p, 2, qoe_log_value_size(value));

    return qoe_wire_head(p, 1, value);
}


qoe_status_t
qoe_otlp_logs(qoe_buf_t *out, const qoe_otlp_identity_t *id,
    const qoe_span_t *records, size_t n, size_t *nbad, qoe_arena_t *arena)
{
    char              *p;
    size_t             i, nlogs, size;
    qoe_status_t       rc;
    qoe_log_entry_t   *logs;
    qoe_logs_frame_t   frame;

    *nbad = 0;
    nlogs = 0;
    size = 0;

    logs = qoe_arena_alloc(arena, n * sizeof(qoe_log_entry_t));
    if (logs == NULL) {
        return QOE_NOMEM;
    }

    for (i = 0; i < n; i++) {

        if (qoe_record_open(&logs[nlogs].record, records[i]) != QOE_OK) {
            (*nbad)++;
            continue;
        }

        if (qoe_log_measure(&logs[nlogs], arena) != QOE_OK) {
            return QOE_NOMEM;
        }

        size += qoe_wire_bytes_size(logs[nlogs++].size);
    }

    if (nlogs == 0) {
        return QOE_DONE;
    }

    if (out->status != QOE_OK) {
        return out->status;
    }

    if (qoe_logs_frame(&frame, id, size, arena) != QOE_OK) {
        return QOE_NOMEM;
    }

    p = qoe_buf_reserve(out, frame.request);

    if (p == NULL) {
        rc = out->status;
        out->status = QOE_OK;
        return rc;
    }

    p = qoe_logs_open(p, &frame);

    for (i = 0; i < nlogs; i++) {
        p = qoe_wire_head(p, 2, logs[i].size);
        p = qoe_log_write(p, &logs[i]);
    }

    out->len += frame.request;

    return QOE_OK;
}


/* Computes the size of the log record, and all that the second pass needs. */

static qoe_status_t
qoe_log_measure(qoe_log_entry_t *log, qoe_arena_t *arena)
{
    size_t               size, len;
    const qoe_span_t    *severity;
    const qoe_record_t  *r;

    r = &log->record;

    size = (qoe_log_time_ns(r) != 0) ? QOE_WIRE_FIXED64_SIZE : 0;
    size += (r->head->received_ns != 0) ? QOE_WIRE_FIXED64_SIZE : 0;

    severity = qoe_log_severity(r);

    if (severity != NULL) {
        size += 2 + qoe_wire_bytes_size(severity->len);
    }

    size += qoe_wire_bytes_size(qoe_log_value_size(r->body.len));

    size += qoe_log_attr_size(QOE_LOG_EVENT_TYPE.len, r->type_name.len);
    size += qoe_log_attr_size(QOE_LOG_UID.len, QOE_UUID_TEXT_LEN);

#define QOE_LOG_FIELD_SIZE(key, id)                                           \
    len = qoe_record_text(r, QOE_TEXT_##id).len;                              \
    size += (len != 0) ? qoe_log_attr_size(sizeof(key) - 1, len) : 0;

    QOE_LOG_FIELDS(QOE_LOG_FIELD_SIZE)

#undef QOE_LOG_FIELD_SIZE

    qoe_log_trace_id(log);

    size += log->traced ? qoe_wire_bytes_size(sizeof(log->trace_id)) : 0;
    size += log->spanned ? qoe_wire_bytes_size(QOE_LOG_SPAN_ID) : 0;
    size += qoe_wire_bytes_size(QOE_LOG_EVENT_PREFIX.len + r->type_name.len);

    log->size = size;
    log->attrs = 0;

    return (r->head->nattrs != 0) ? qoe_log_enrichment(log, arena) : QOE_OK;
}


/* Each key appears only once: the first attribute of the record wins. */

static qoe_status_t
qoe_log_enrichment(qoe_log_entry_t *log, qoe_arena_t *arena)
{
    size_t       i, n;
    qoe_span_t   names[QOE_ATTRIBUTES_MAX];
    qoe_named_t  attr;

    n = 0;

    for (i = 0; i < log->record.head->nattrs; i++) {
        attr = qoe_record_named(&log->record, i);

        if (attr.name.len == 0 || attr.value.len == 0) {
            continue;
        }

        if (qoe_log_name(&attr.name, arena) != QOE_OK) {
            return QOE_NOMEM;
        }

        if (qoe_log_has(log, names, n, attr.name)) {
            continue;
        }

        names[n++] = attr.name;
        log->attrs |= (uint32_t) 1 << i;
        log->size += qoe_log_attr_size(attr.name.len, attr.value.len);
    }

    return QOE_OK;
}


/* Makes the name valid UTF-8; names of the module are, others are copied. */

static qoe_status_t
qoe_log_name(qoe_span_t *name, qoe_arena_t *arena)
{
    qoe_span_t  copy;

    if (qoe_pb_ascii(name->data, name->len) == name->len) {
        return QOE_OK;
    }

    copy.data = qoe_pb_text(arena, qoe_span_null, *name);
    copy.len = name->len;
    *name = copy;

    return (copy.data != NULL) ? QOE_OK : QOE_NOMEM;
}


static bool
qoe_log_has(const qoe_log_entry_t *log, const qoe_span_t *names, size_t n,
    qoe_span_t name)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        if (qoe_span_eq(names[i], name)) {
            return true;
        }
    }

    for (i = 0; i < qoe_countof(qoe_log_fields); i++) {
        if (qoe_span_eq(qoe_log_fields[i].key, name)) {
            return qoe_record_text(&log->record, qoe_log_fields[i].text).len
                   != 0;
        }
    }

    return qoe_span_eq(QOE_LOG_EVENT_TYPE, name)
           || qoe_span_eq(QOE_LOG_UID, name);
}


/* A view is a trace: its logs and its spans are joined by this id. */

static void
qoe_log_trace_id(qoe_log_entry_t *log)
{
    static const uint8_t  zero[16];

    log->traced = qoe_uuid_parse(log->trace_id,
                                 qoe_record_text(&log->record,
                                                 QOE_TEXT_VIEW_ID))
                  == QOE_OK
                  && memcmp(log->trace_id, zero, sizeof(zero)) != 0;

    log->spanned = log->traced
                   && memcmp(log->trace_id + sizeof(zero) - QOE_LOG_SPAN_ID,
                             zero, QOE_LOG_SPAN_ID) != 0;
}


/* The root span of the view's trace, as in qoe_trace_root(). */

static qoe_span_t
qoe_log_span_id(const qoe_log_entry_t *log)
{
    return (qoe_span_t) { (const char *) log->trace_id + sizeof(log->trace_id)
                          - QOE_LOG_SPAN_ID, QOE_LOG_SPAN_ID };
}


static qoe_status_t
qoe_logs_frame(qoe_logs_frame_t *frame, const qoe_otlp_identity_t *id,
    size_t logs_size, qoe_arena_t *arena)
{
    if (qoe_pb_identity(&frame->resource, &frame->scope, id, arena)
        != QOE_OK)
    {
        return QOE_NOMEM;
    }

    frame->resource_size =
        protobuf_c_message_get_packed_size(&frame->resource.base);
    frame->scope_size =
        protobuf_c_message_get_packed_size(&frame->scope.base);

    frame->scope_logs = qoe_wire_bytes_size(frame->scope_size) + logs_size;
    frame->resource_logs = qoe_wire_bytes_size(frame->resource_size)
                           + qoe_wire_bytes_size(frame->scope_logs);
    frame->request = qoe_wire_bytes_size(frame->resource_logs);

    return QOE_OK;
}


/* Writes the request up to its log records, which are its very last field. */

static char *
qoe_logs_open(char *p, const qoe_logs_frame_t *frame)
{
    p = qoe_wire_head(p, 1, frame->resource_logs);

    p = qoe_wire_head(p, 1, frame->resource_size);
    p += protobuf_c_message_pack(&frame->resource.base, (uint8_t *) p);

    p = qoe_wire_head(p, 2, frame->scope_logs);

    p = qoe_wire_head(p, 1, frame->scope_size);
    p += protobuf_c_message_pack(&frame->scope.base, (uint8_t *) p);

    return p;
}


static char *
qoe_log_write(char *p, const qoe_log_entry_t *log)
{
    const qoe_span_t    *severity;
    const qoe_record_t  *r;

    r = &log->record;

    if (qoe_log_time_ns(r) != 0) {
        p = qoe_wire_fixed64(p, 1, qoe_log_time_ns(r));
    }

    severity = qoe_log_severity(r);

    if (severity != NULL) {
        p = qoe_wire_small(p, 2, r->head->severity);
        p = qoe_wire_bytes(p, 3, *severity);
    }

    p = qoe_wire_head(p, 5, qoe_log_value_size(r->body.len));
    p = qoe_wire_head(p, 1, r->body.len);
    p = qoe_pb_put(p, r->body);

    p = qoe_log_attributes(p, log);

    if (log->traced) {
        p = qoe_wire_bytes(p, 9, (qoe_span_t) { (const char *) log->trace_id,
                                                sizeof(log->trace_id) });
    }

    if (log->spanned) {
        p = qoe_wire_bytes(p, 10, qoe_log_span_id(log));
    }

    if (r->head->received_ns != 0) {
        p = qoe_wire_fixed64(p, 11, r->head->received_ns);
    }

    p = qoe_wire_head(p, 12, QOE_LOG_EVENT_PREFIX.len + r->type_name.len);
    p = qoe_wire_text(p, QOE_LOG_EVENT_PREFIX);

    return qoe_pb_put(p, r->type_name);
}


static char *
qoe_log_attributes(char *p, const qoe_log_entry_t *log)
{
    uint32_t             left;
    qoe_span_t           text;
    qoe_named_t          attr;
    const qoe_record_t  *r;

    r = &log->record;

    p = qoe_log_key(p, QOE_LOG_EVENT_TYPE, r->type_name.len);
    p = qoe_pb_put(p, r->type_name);

#define QOE_LOG_FIELD_WRITE(key, id)                                          \
    text = qoe_record_text(r, QOE_TEXT_##id);                                 \
                                                                              \
    if (text.len != 0) {                                                      \
        p = qoe_log_key(p, qoe_span(key), text.len);                          \
        p = qoe_pb_put(p, text);                                              \
    }

    QOE_LOG_FIELDS(QOE_LOG_FIELD_WRITE)

#undef QOE_LOG_FIELD_WRITE

    p = qoe_log_key(p, QOE_LOG_UID, QOE_UUID_TEXT_LEN);
    qoe_uuid_format(p, r->head->uid);
    p += QOE_UUID_TEXT_LEN;

    for (left = log->attrs; left != 0; left &= left - 1) {
        attr = qoe_record_named(r, (size_t) __builtin_ctz(left));

        p = qoe_wire_head(p, QOE_LOG_ATTRIBUTES,
                          qoe_log_key_value_size(attr.name.len,
                                                 attr.value.len));
        p = qoe_wire_head(p, 1, attr.name.len);
        p = qoe_pb_put(p, attr.name);
        p = qoe_wire_head(p, 2, qoe_log_value_size(attr.value.len));
        p = qoe_wire_head(p, 1, attr.value.len);
        p = qoe_pb_put(p, attr.value);
    }

    return p;
}
