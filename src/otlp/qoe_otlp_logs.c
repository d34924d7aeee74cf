
/*
 * Copyright (C) OpenQoE
 *
 * Log records straight from records to bytes: the same bytes that protobuf-c
 * packs (t/unit/otlp_logs_test.c), without its structures, which took five
 * times as long.
 */


#include "qoe_otlp_pb.h"

#include "qoe_record.h"
#include "qoe_uuid.h"
#include "qoe_wire.h"


#define QOE_LOG_EVENT_PREFIX  "openqoe."
#define QOE_LOG_EVENT_LEN     (sizeof(QOE_LOG_EVENT_PREFIX) - 1)

#define qoe_countof(a)        (sizeof(a) / sizeof((a)[0]))


/* Field numbers of opentelemetry-proto 1.x. */

enum {
    QOE_LOGS_RESOURCE_LOGS = 1,          /* ExportLogsServiceRequest */

    QOE_LOGS_RESOURCE = 1,               /* ResourceLogs */
    QOE_LOGS_SCOPE_LOGS = 2,

    QOE_LOGS_SCOPE = 1,                  /* ScopeLogs */
    QOE_LOGS_RECORDS = 2,

    QOE_LOG_TIME = 1,                    /* LogRecord */
    QOE_LOG_SEVERITY_NUMBER = 2,
    QOE_LOG_SEVERITY_TEXT = 3,
    QOE_LOG_BODY = 5,
    QOE_LOG_ATTRIBUTES = 6,
    QOE_LOG_TRACE_ID = 9,
    QOE_LOG_OBSERVED_TIME = 11,
    QOE_LOG_EVENT_NAME = 12,

    QOE_KEY_VALUE_KEY = 1,
    QOE_KEY_VALUE_VALUE = 2,
    QOE_ANY_VALUE_STRING = 1
};


/* The record's texts that are attributes where they are not empty. */

static const struct {
    qoe_span_t   key;
    qoe_text_t   text;
} qoe_log_fields[] = {
    { { "org_id", 6 },      QOE_TEXT_ORG_ID },
    { { "player_id", 9 },   QOE_TEXT_PLAYER_ID },
    { { "session_id", 10 }, QOE_TEXT_SESSION_ID },
    { { "view_id", 7 },     QOE_TEXT_VIEW_ID },
    { { "viewer_id", 9 },   QOE_TEXT_VIEWER_ID },
    { { "env", 3 },         QOE_TEXT_ENV },
    { { "app_name", 8 },    QOE_TEXT_APP_NAME },
    { { "app_version", 11 }, QOE_TEXT_APP_VERSION },
    { { "marker", 6 },      QOE_TEXT_MARKER }
};

/* and event_type and log.record.uid; those of the record come on top */

#define QOE_LOG_ATTRS  (qoe_countof(qoe_log_fields) + 2 + QOE_ATTRIBUTES_MAX)


/* One log record as it will be written. */

typedef struct {
    qoe_record_t   record;
    qoe_span_t     severity;
    size_t         nattrs;
    qoe_named_t    attr[QOE_LOG_ATTRS];
    bool           traced;
    uint8_t        trace_id[16];
    char           uid[QOE_UUID_TEXT_LEN];
} qoe_log_record_t;


static qoe_status_t qoe_log_open(qoe_log_record_t *log, qoe_span_t packed,
    qoe_arena_t *arena);
static qoe_status_t qoe_log_enrichment(qoe_log_record_t *log, qoe_arena_t *arena);
static bool qoe_log_has(const qoe_log_record_t *log, qoe_span_t key);
static void qoe_log_severity(qoe_log_record_t *log);
static size_t qoe_log_size(const qoe_log_record_t *log);
static char *qoe_log_write(char *p, const qoe_log_record_t *log);
static char *qoe_log_string(char *p, unsigned field, qoe_span_t prefix,
    qoe_span_t text);
static qoe_status_t qoe_logs_identity(qoe_span_t *resource, qoe_span_t *scope,
    const qoe_otlp_identity_t *id, qoe_arena_t *arena);
static qoe_status_t qoe_logs_message(qoe_span_t *bytes,
    const ProtobufCMessage *msg, qoe_arena_t *arena);
static qoe_status_t qoe_logs_append(qoe_buf_t *out,
    const qoe_otlp_identity_t *id, const qoe_span_t *records,
    const size_t *sizes, size_t n, qoe_log_record_t *log, qoe_arena_t *arena);


qoe_status_t
qoe_otlp_logs(qoe_buf_t *out, const qoe_otlp_identity_t *id,
    const qoe_span_t *records, size_t n, size_t *nbad, qoe_arena_t *arena)
{
    size_t         i, *sizes;
    qoe_log_record_t     *log;
    qoe_status_t   rc;

    *nbad = 0;

    sizes = qoe_arena_alloc(arena, n * sizeof(size_t));
    log = qoe_arena_alloc(arena, sizeof(qoe_log_record_t));

    if (sizes == NULL || log == NULL) {
        return QOE_NOMEM;
    }

    for (i = 0; i < n; i++) {
        rc = qoe_log_open(log, records[i], arena);

        if (rc == QOE_INVALID) {
            sizes[i] = 0;
            (*nbad)++;
            continue;
        }

        if (rc != QOE_OK) {
            return rc;
        }

        sizes[i] = qoe_log_size(log);
    }

    if (*nbad == n) {
        return QOE_DONE;
    }

    return qoe_logs_append(out, id, records, sizes, n, log, arena);
}


static inline void
qoe_log_attr(qoe_log_record_t *log, qoe_span_t key, qoe_span_t value)
{
    log->attr[log->nattrs].name = key;
    log->attr[log->nattrs++].value = value;
}


static qoe_status_t
qoe_log_open(qoe_log_record_t *log, qoe_span_t packed, qoe_arena_t *arena)
{
    size_t        i;
    qoe_span_t    text;
    qoe_status_t  rc;

    static const uint8_t  zero[16];

    rc = qoe_record_open(&log->record, packed);

    if (rc != QOE_OK) {
        return rc;
    }

    qoe_log_severity(log);

    /* the view is the trace: its logs and its spans join on this id */

    log->traced = qoe_uuid_parse(log->trace_id,
                                 log->record.text[QOE_TEXT_VIEW_ID])
                  == QOE_OK
                  && memcmp(log->trace_id, zero, sizeof(zero)) != 0;

    log->nattrs = 0;
    qoe_log_attr(log, qoe_span("event_type"), log->record.type_name);

    for (i = 0; i < qoe_countof(qoe_log_fields); i++) {
        text = log->record.text[qoe_log_fields[i].text];

        if (text.len != 0) {
            qoe_log_attr(log, qoe_log_fields[i].key, text);
        }
    }

    qoe_uuid_format(log->uid, (const uint8_t *) log->record.uid.data);
    qoe_log_attr(log, qoe_span("log.record.uid"),
                 (qoe_span_t) { log->uid, QOE_UUID_TEXT_LEN });

    return qoe_log_enrichment(log, arena);
}


/* A key is there once, whatever a record says: the first one counts. */

static qoe_status_t
qoe_log_enrichment(qoe_log_record_t *log, qoe_arena_t *arena)
{
    char         *key;
    size_t        i;
    qoe_named_t   named;

    for (i = 0; i < log->record.nattrs; i++) {
        named = log->record.attrs[i];

        /* two that are not UTF-8 may be one when they are mended */

        key = qoe_pb_text(arena, qoe_span_null, named.name);
        if (key == NULL) {
            return QOE_NOMEM;
        }

        named.name.data = key;

        if (!qoe_log_has(log, named.name)) {
            qoe_log_attr(log, named.name, named.value);
        }
    }

    return QOE_OK;
}


static bool
qoe_log_has(const qoe_log_record_t *log, qoe_span_t key)
{
    size_t  i;

    for (i = 0; i < log->nattrs; i++) {
        if (qoe_span_eq(log->attr[i].name, key)) {
            return true;
        }
    }

    return false;
}


/* A number that the data model does not know is sent as unspecified. */

static void
qoe_log_severity(qoe_log_record_t *log)
{
    static const qoe_span_t  names[] = {
        { "TRACE", 5 }, { "DEBUG", 5 }, { "INFO", 4 }, { "WARN", 4 },
        { "ERROR", 5 }, { "FATAL", 5 }
    };

    if (log->record.severity == 0
        || log->record.severity > 4 * qoe_countof(names))
    {
        log->severity = qoe_span_null;
        return;
    }

    log->severity = names[(log->record.severity - 1) / 4];
}


/* Of an AnyValue with a string, and of a KeyValue with one. */

static inline size_t
qoe_log_value_size(size_t len)
{
    return qoe_wire_bytes_size(len);
}


static inline size_t
qoe_log_attr_size(const qoe_named_t *attr)
{
    return qoe_wire_bytes_size(attr->name.len)
           + qoe_wire_bytes_size(qoe_log_value_size(attr->value.len));
}


static size_t
qoe_log_size(const qoe_log_record_t *log)
{
    size_t  i, size;

    size = (log->record.event_ns != 0) ? QOE_WIRE_FIXED64_SIZE : 0;
    size += (log->record.received_ns != 0) ? QOE_WIRE_FIXED64_SIZE : 0;

    if (log->severity.len != 0) {
        size += 2 + qoe_wire_bytes_size(log->severity.len);
    }

    size += qoe_wire_bytes_size(qoe_log_value_size(log->record.body.len));

    for (i = 0; i < log->nattrs; i++) {
        size += qoe_wire_bytes_size(qoe_log_attr_size(&log->attr[i]));
    }

    if (log->traced) {
        size += qoe_wire_bytes_size(sizeof(log->trace_id));
    }

    return size + qoe_wire_bytes_size(QOE_LOG_EVENT_LEN
                                      + log->record.type_name.len);
}


/* Fields without a value are left out, as everywhere in proto3. */

static char *
qoe_log_write(char *p, const qoe_log_record_t *log)
{
    size_t              i;
    const qoe_named_t  *attr;

    if (log->record.event_ns != 0) {
        p = qoe_wire_fixed64(p, QOE_LOG_TIME, log->record.event_ns);
    }

    if (log->severity.len != 0) {
        p = qoe_wire_small(p, QOE_LOG_SEVERITY_NUMBER, log->record.severity);
        p = qoe_wire_bytes(p, QOE_LOG_SEVERITY_TEXT, log->severity);
    }

    p = qoe_wire_head(p, QOE_LOG_BODY,
                      qoe_log_value_size(log->record.body.len));
    p = qoe_log_string(p, QOE_ANY_VALUE_STRING, qoe_span_null,
                       log->record.body);

    for (i = 0; i < log->nattrs; i++) {
        attr = &log->attr[i];

        p = qoe_wire_head(p, QOE_LOG_ATTRIBUTES, qoe_log_attr_size(attr));
        p = qoe_wire_bytes(p, QOE_KEY_VALUE_KEY, attr->name);
        p = qoe_wire_head(p, QOE_KEY_VALUE_VALUE,
                          qoe_log_value_size(attr->value.len));
        p = qoe_log_string(p, QOE_ANY_VALUE_STRING, qoe_span_null,
                           attr->value);
    }

    if (log->traced) {
        p = qoe_wire_bytes(p, QOE_LOG_TRACE_ID,
                           (qoe_span_t) { (const char *) log->trace_id,
                                          sizeof(log->trace_id) });
    }

    if (log->record.received_ns != 0) {
        p = qoe_wire_fixed64(p, QOE_LOG_OBSERVED_TIME,
                             log->record.received_ns);
    }

    return qoe_log_string(p, QOE_LOG_EVENT_NAME,
                          qoe_span(QOE_LOG_EVENT_PREFIX),
                          log->record.type_name);
}


/* Text of the record, which a collector must be able to read. */

static char *
qoe_log_string(char *p, unsigned field, qoe_span_t prefix, qoe_span_t text)
{
    char  *end;

    p = qoe_wire_head(p, field, prefix.len + text.len);
    p = qoe_wire_text(p, prefix);
    end = qoe_wire_text(p, text);
    qoe_pb_repair(p, text.len);

    return end;
}


/* What stands around the records is small, and the same for all of them. */

static qoe_status_t
qoe_logs_identity(qoe_span_t *resource, qoe_span_t *scope,
    const qoe_otlp_identity_t *id, qoe_arena_t *arena)
{
    qoe_pb_scope_t     scope_msg;
    qoe_pb_resource_t  resource_msg;

    if (qoe_pb_identity(&resource_msg, &scope_msg, id, arena) != QOE_OK
        || qoe_logs_message(resource, &resource_msg.base, arena) != QOE_OK)
    {
        return QOE_NOMEM;
    }

    return qoe_logs_message(scope, &scope_msg.base, arena);
}


static qoe_status_t
qoe_logs_message(qoe_span_t *bytes, const ProtobufCMessage *msg,
    qoe_arena_t *arena)
{
    char  *p;

    p = qoe_arena_alloc(arena, protobuf_c_message_get_packed_size(msg));
    if (p == NULL) {
        return QOE_NOMEM;
    }

    bytes->data = p;
    bytes->len = protobuf_c_message_pack(msg, (uint8_t *) p);

    return QOE_OK;
}


/*
 * Lengths stand before what they count, so the records are opened a second
 * time; that is cheaper than to keep what was found, or to move the bytes.
 */

static qoe_status_t
qoe_logs_append(qoe_buf_t *out, const qoe_otlp_identity_t *id,
    const qoe_span_t *records, const size_t *sizes, size_t n, qoe_log_record_t *log,
    qoe_arena_t *arena)
{
    char          *p;
    size_t         i, scope_logs, resource_logs;
    qoe_span_t     resource, scope;
    qoe_status_t   rc;

    if (qoe_logs_identity(&resource, &scope, id, arena) != QOE_OK) {
        return QOE_NOMEM;
    }

    scope_logs = qoe_wire_bytes_size(scope.len);

    for (i = 0; i < n; i++) {
        scope_logs += (sizes[i] != 0) ? qoe_wire_bytes_size(sizes[i]) : 0;
    }

    resource_logs = qoe_wire_bytes_size(resource.len)
                    + qoe_wire_bytes_size(scope_logs);

    if (out->status != QOE_OK) {
        return out->status;
    }

    p = qoe_buf_reserve(out, qoe_wire_bytes_size(resource_logs));

    if (p == NULL) {
        rc = out->status;
        out->status = QOE_OK;
        return rc;
    }

    p = qoe_wire_head(p, QOE_LOGS_RESOURCE_LOGS, resource_logs);
    p = qoe_wire_bytes(p, QOE_LOGS_RESOURCE, resource);
    p = qoe_wire_head(p, QOE_LOGS_SCOPE_LOGS, scope_logs);
    p = qoe_wire_bytes(p, QOE_LOGS_SCOPE, scope);

    for (i = 0; i < n; i++) {

        if (sizes[i] == 0) {
            continue;
        }

        rc = qoe_log_open(log, records[i], arena);

        if (rc != QOE_OK) {
            return rc;
        }

        p = qoe_wire_head(p, QOE_LOGS_RECORDS, sizes[i]);
        p = qoe_log_write(p, log);
    }

    out->len += qoe_wire_bytes_size(resource_logs);

    return QOE_OK;
}
