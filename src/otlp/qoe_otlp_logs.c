
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

#define QOE_LOG_SEVERITY_MAX  24         /* FATAL4 */

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

#define QOE_LOG_FIELDS  qoe_countof(qoe_log_fields)


/* One log record as it will be written; spans point into the record. */

typedef struct {
    size_t         size;                 /* 0: it could not be read */
    uint64_t       time_ns;
    uint64_t       observed_ns;
    uint32_t       severity;             /* SeverityNumber, 0: unspecified */
    bool           traced;
    qoe_span_t     type_name;
    qoe_span_t     body;
    qoe_span_t     field[QOE_LOG_FIELDS];
    size_t         nattrs;               /* of openqoe_attribute */
    qoe_named_t   *attr;
    uint8_t        trace_id[16];
    char           uid[QOE_UUID_TEXT_LEN];
} qoe_log_record_t;


static qoe_status_t qoe_log_read(qoe_log_record_t *log, qoe_span_t packed,
    qoe_record_t *r, qoe_arena_t *arena);
static qoe_status_t qoe_log_enrichment(qoe_log_record_t *log,
    const qoe_record_t *r, qoe_arena_t *arena);
static bool qoe_log_has(const qoe_log_record_t *log, qoe_span_t key);
static qoe_span_t qoe_log_severity(const qoe_log_record_t *log);
static size_t qoe_log_size(const qoe_log_record_t *log);
static char *qoe_log_write(char *p, const qoe_log_record_t *log);
static char *qoe_log_attr(char *p, qoe_span_t key, qoe_span_t value);
static char *qoe_log_string(char *p, unsigned field, qoe_span_t prefix,
    qoe_span_t text);
static qoe_status_t qoe_logs_identity(qoe_span_t *resource, qoe_span_t *scope,
    const qoe_otlp_identity_t *id, qoe_arena_t *arena);
static qoe_status_t qoe_logs_message(qoe_span_t *bytes,
    const ProtobufCMessage *msg, qoe_arena_t *arena);
static qoe_status_t qoe_logs_append(qoe_buf_t *out,
    const qoe_otlp_identity_t *id, const qoe_log_record_t *logs, size_t n,
    qoe_arena_t *arena);


static const qoe_span_t  qoe_log_type_key = { "event_type", 10 };
static const qoe_span_t  qoe_log_uid_key = { "log.record.uid", 14 };


/*
 * Lengths stand before what they count: all records are read before any is
 * written.
 */

qoe_status_t
qoe_otlp_logs(qoe_buf_t *out, const qoe_otlp_identity_t *id,
    const qoe_span_t *records, size_t n, size_t *nbad, qoe_arena_t *arena)
{
    size_t             i;
    qoe_record_t      *r;
    qoe_status_t       rc;
    qoe_log_record_t  *logs;

    *nbad = 0;

    logs = qoe_arena_alloc(arena, n * sizeof(qoe_log_record_t));
    r = qoe_arena_alloc(arena, sizeof(qoe_record_t));

    if (logs == NULL || r == NULL) {
        return QOE_NOMEM;
    }

    for (i = 0; i < n; i++) {
        rc = qoe_log_read(&logs[i], records[i], r, arena);

        if (rc == QOE_INVALID) {
            logs[i].size = 0;
            (*nbad)++;

        } else if (rc != QOE_OK) {
            return rc;
        }
    }

    if (*nbad == n) {
        return QOE_DONE;
    }

    return qoe_logs_append(out, id, logs, n, arena);
}


static qoe_status_t
qoe_log_read(qoe_log_record_t *log, qoe_span_t packed, qoe_record_t *r,
    qoe_arena_t *arena)
{
    size_t        i;
    qoe_status_t  rc;

    static const uint8_t  zero[16];

    rc = qoe_record_open(r, packed);

    if (rc != QOE_OK) {
        return rc;
    }

    log->time_ns = r->event_ns;
    log->observed_ns = r->received_ns;
    log->severity = (r->severity <= QOE_LOG_SEVERITY_MAX) ? r->severity : 0;
    log->type_name = r->type_name;
    log->body = r->body;

    for (i = 0; i < QOE_LOG_FIELDS; i++) {
        log->field[i] = r->text[qoe_log_fields[i].text];
    }

    qoe_uuid_format(log->uid, (const uint8_t *) r->uid.data);

    /* the view is the trace: its logs and its spans join on this id */

    log->traced = qoe_uuid_parse(log->trace_id, r->text[QOE_TEXT_VIEW_ID])
                  == QOE_OK
                  && memcmp(log->trace_id, zero, sizeof(zero)) != 0;

    log->nattrs = 0;

    if (r->nattrs != 0) {
        rc = qoe_log_enrichment(log, r, arena);

        if (rc != QOE_OK) {
            return rc;
        }
    }

    log->size = qoe_log_size(log);

    return QOE_OK;
}


/* A key is there once, whatever a record says: the first one counts. */

static qoe_status_t
qoe_log_enrichment(qoe_log_record_t *log, const qoe_record_t *r,
    qoe_arena_t *arena)
{
    char         *key;
    size_t        i;
    qoe_named_t   named;

    log->attr = qoe_arena_alloc(arena, r->nattrs * sizeof(qoe_named_t));

    if (log->attr == NULL) {
        return QOE_NOMEM;
    }

    for (i = 0; i < r->nattrs; i++) {
        named = r->attrs[i];

        /* two that are not UTF-8 may be one when they are mended */

        key = qoe_pb_text(arena, qoe_span_null, named.name);
        if (key == NULL) {
            return QOE_NOMEM;
        }

        named.name.data = key;

        if (!qoe_log_has(log, named.name)) {
            log->attr[log->nattrs++] = named;
        }
    }

    return QOE_OK;
}


static bool
qoe_log_has(const qoe_log_record_t *log, qoe_span_t key)
{
    size_t  i;

    if (qoe_span_eq(key, qoe_log_type_key)
        || qoe_span_eq(key, qoe_log_uid_key))
    {
        return true;
    }

    for (i = 0; i < QOE_LOG_FIELDS; i++) {
        if (log->field[i].len != 0 && qoe_span_eq(key, qoe_log_fields[i].key))
        {
            return true;
        }
    }

    for (i = 0; i < log->nattrs; i++) {
        if (qoe_span_eq(key, log->attr[i].name)) {
            return true;
        }
    }

    return false;
}


/* A number that the data model does not know is sent as unspecified. */

static qoe_span_t
qoe_log_severity(const qoe_log_record_t *log)
{
    static const qoe_span_t  names[] = {
        { "TRACE", 5 }, { "DEBUG", 5 }, { "INFO", 4 }, { "WARN", 4 },
        { "ERROR", 5 }, { "FATAL", 5 }
    };

    _Static_assert(qoe_countof(names) * 4 == QOE_LOG_SEVERITY_MAX,
                   "four numbers a name");

    return names[(log->severity - 1) / 4];
}


/* Of an AnyValue with a string, and of a KeyValue with one. */

static inline size_t
qoe_log_value_size(size_t len)
{
    return qoe_wire_bytes_size(len);
}


static inline size_t
qoe_log_attr_size(size_t key, size_t value)
{
    return qoe_wire_bytes_size(key)
           + qoe_wire_bytes_size(qoe_log_value_size(value));
}


static size_t
qoe_log_size(const qoe_log_record_t *log)
{
    size_t  i, size;

    size = (log->time_ns != 0) ? QOE_WIRE_FIXED64_SIZE : 0;
    size += (log->observed_ns != 0) ? QOE_WIRE_FIXED64_SIZE : 0;

    if (log->severity != 0) {
        size += 2 + qoe_wire_bytes_size(qoe_log_severity(log).len);
    }

    size += qoe_wire_bytes_size(qoe_log_value_size(log->body.len));
    size += qoe_wire_bytes_size(qoe_log_attr_size(qoe_log_type_key.len,
                                                  log->type_name.len));

    for (i = 0; i < QOE_LOG_FIELDS; i++) {
        if (log->field[i].len != 0) {
            size += qoe_wire_bytes_size(
                        qoe_log_attr_size(qoe_log_fields[i].key.len,
                                          log->field[i].len));
        }
    }

    size += qoe_wire_bytes_size(qoe_log_attr_size(qoe_log_uid_key.len,
                                                  QOE_UUID_TEXT_LEN));

    for (i = 0; i < log->nattrs; i++) {
        size += qoe_wire_bytes_size(qoe_log_attr_size(log->attr[i].name.len,
                                                      log->attr[i].value.len));
    }

    if (log->traced) {
        size += qoe_wire_bytes_size(sizeof(log->trace_id));
    }

    return size + qoe_wire_bytes_size(QOE_LOG_EVENT_LEN + log->type_name.len);
}


/* Fields without a value are left out, as everywhere in proto3. */

static char *
qoe_log_write(char *p, const qoe_log_record_t *log)
{
    size_t  i;

    if (log->time_ns != 0) {
        p = qoe_wire_fixed64(p, QOE_LOG_TIME, log->time_ns);
    }

    if (log->severity != 0) {
        p = qoe_wire_small(p, QOE_LOG_SEVERITY_NUMBER, log->severity);
        p = qoe_wire_bytes(p, QOE_LOG_SEVERITY_TEXT, qoe_log_severity(log));
    }

    p = qoe_wire_head(p, QOE_LOG_BODY, qoe_log_value_size(log->body.len));
    p = qoe_log_string(p, QOE_ANY_VALUE_STRING, qoe_span_null, log->body);
    p = qoe_log_attr(p, qoe_log_type_key, log->type_name);

    for (i = 0; i < QOE_LOG_FIELDS; i++) {
        if (log->field[i].len != 0) {
            p = qoe_log_attr(p, qoe_log_fields[i].key, log->field[i]);
        }
    }

    p = qoe_log_attr(p, qoe_log_uid_key,
                     (qoe_span_t) { log->uid, QOE_UUID_TEXT_LEN });

    for (i = 0; i < log->nattrs; i++) {
        p = qoe_log_attr(p, log->attr[i].name, log->attr[i].value);
    }

    if (log->traced) {
        p = qoe_wire_bytes(p, QOE_LOG_TRACE_ID,
                           (qoe_span_t) { (const char *) log->trace_id,
                                          sizeof(log->trace_id) });
    }

    if (log->observed_ns != 0) {
        p = qoe_wire_fixed64(p, QOE_LOG_OBSERVED_TIME, log->observed_ns);
    }

    return qoe_log_string(p, QOE_LOG_EVENT_NAME,
                          qoe_span(QOE_LOG_EVENT_PREFIX), log->type_name);
}


static char *
qoe_log_attr(char *p, qoe_span_t key, qoe_span_t value)
{
    p = qoe_wire_head(p, QOE_LOG_ATTRIBUTES,
                      qoe_log_attr_size(key.len, value.len));
    p = qoe_wire_bytes(p, QOE_KEY_VALUE_KEY, key);
    p = qoe_wire_head(p, QOE_KEY_VALUE_VALUE, qoe_log_value_size(value.len));

    return qoe_log_string(p, QOE_ANY_VALUE_STRING, qoe_span_null, value);
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


static qoe_status_t
qoe_logs_append(qoe_buf_t *out, const qoe_otlp_identity_t *id,
    const qoe_log_record_t *logs, size_t n, qoe_arena_t *arena)
{
    char          *p;
    size_t         i, scope_logs, resource_logs;
    qoe_span_t     resource, scope;
    qoe_status_t   rc;

    if (out->status != QOE_OK) {
        return out->status;
    }

    if (qoe_logs_identity(&resource, &scope, id, arena) != QOE_OK) {
        return QOE_NOMEM;
    }

    scope_logs = qoe_wire_bytes_size(scope.len);

    for (i = 0; i < n; i++) {
        if (logs[i].size != 0) {
            scope_logs += qoe_wire_bytes_size(logs[i].size);
        }
    }

    resource_logs = qoe_wire_bytes_size(resource.len)
                    + qoe_wire_bytes_size(scope_logs);

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
        if (logs[i].size != 0) {
            p = qoe_wire_head(p, QOE_LOGS_RECORDS, logs[i].size);
            p = qoe_log_write(p, &logs[i]);
        }
    }

    out->len += qoe_wire_bytes_size(resource_logs);

    return QOE_OK;
}
