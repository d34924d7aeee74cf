
/*
 * Copyright (C) OpenQoE
 *
 * Log records by protobuf-c: the oracle of qoe_otlp_logs(), in protobuf and in
 * JSON.
 */


#ifndef _OTLP_LOGS_PB_H_INCLUDED_
#define _OTLP_LOGS_PB_H_INCLUDED_


#include "record_pb.h"

#include "qoe_uuid.h"

#include "opentelemetry/proto/collector/logs/v1/logs_service.pb-c.h"


#define PB_LOG_EVENT_PREFIX  "openqoe."

#define pb_countof(a)        (sizeof(a) / sizeof((a)[0]))


typedef qoe_pb_service_type(Logs, ServiceRequest)  qoe_pb_logs_request_t;
typedef Opentelemetry__Proto__Logs__V1__ResourceLogs  qoe_pb_resource_logs_t;
typedef Opentelemetry__Proto__Logs__V1__ScopeLogs  qoe_pb_scope_logs_t;
typedef Opentelemetry__Proto__Logs__V1__LogRecord  qoe_pb_log_t;


typedef struct {
    const char  *key;
    size_t       offset;             /* of the bytes in the record */
} pb_log_field_t;


/* The record's fields that are attributes where they are not empty. */

static const pb_log_field_t  pb_log_fields[] = {
    { "org_id",      offsetof(Openqoe__V1__Record, org_id) },
    { "player_id",   offsetof(Openqoe__V1__Record, player_id) },
    { "session_id",  offsetof(Openqoe__V1__Record, session_id) },
    { "view_id",     offsetof(Openqoe__V1__Record, view_id) },
    { "viewer_id",   offsetof(Openqoe__V1__Record, viewer_id) },
    { "env",         offsetof(Openqoe__V1__Record, env) },
    { "app_name",    offsetof(Openqoe__V1__Record, app_name) },
    { "app_version", offsetof(Openqoe__V1__Record, app_version) },
    { "marker",      offsetof(Openqoe__V1__Record, marker) }
};

/* and event_type and log.record.uid; those of the record come on top */

#define PB_LOG_ATTRS         (pb_countof(pb_log_fields) + 2)


typedef struct {
    qoe_pb_attr_t    attr;
    qoe_pb_value_t   value;
} pb_log_attr_t;


/* All that one log record needs: one allocation. */

typedef struct {
    qoe_pb_log_t     log;
    qoe_pb_value_t   body;
    qoe_pb_attr_t  **attrs;          /* to those of attr */
    uint8_t          trace_id[16];
    char             uid[QOE_UUID_TEXT_LEN + 1];
    pb_log_attr_t   attr[];
} pb_log_slot_t;


static inline pb_log_slot_t *pb_log_slot(const Openqoe__V1__Record *rec,
    qoe_arena_t *arena);
static inline qoe_status_t pb_log_fill(pb_log_slot_t *slot,
    const Openqoe__V1__Record *rec, qoe_arena_t *arena);
static inline qoe_status_t pb_log_attributes(pb_log_slot_t *slot,
    const Openqoe__V1__Record *rec, qoe_arena_t *arena);
static inline qoe_status_t pb_log_enrichment(pb_log_slot_t *slot,
    const Openqoe__V1__Record *rec, qoe_arena_t *arena);
static inline bool pb_log_has(const pb_log_slot_t *slot, const char *key);
static inline void pb_log_attr(
    pb_log_slot_t *slot, const char *key, char *text);
static inline void pb_log_severity(qoe_pb_log_t *log, uint32_t severity);
static inline void pb_log_trace_id(pb_log_slot_t *slot, qoe_span_t view_id);
static inline qoe_status_t pb_logs_append(
    qoe_buf_t *out, qoe_encoding_t encoding,
    const qoe_otlp_identity_t *id, qoe_pb_log_t **logs, size_t n,
    qoe_arena_t *arena);


static inline qoe_status_t
pb_logs(qoe_buf_t *out, qoe_encoding_t encoding,
    const qoe_otlp_identity_t *id, const qoe_span_t *records, size_t n,
    size_t *nbad, qoe_arena_t *arena)
{
    size_t                i, nlogs;
    qoe_status_t          rc;
    qoe_pb_log_t        **logs;
    pb_log_slot_t       *slot;
    Openqoe__V1__Record  *rec;

    *nbad = 0;
    nlogs = 0;

    logs = qoe_arena_alloc(arena, n * sizeof(qoe_pb_log_t *));
    if (logs == NULL) {
        return QOE_NOMEM;
    }

    for (i = 0; i < n; i++) {

        rc = record_unpack(&rec, records[i], arena);

        if (rc == QOE_INVALID) {
            (*nbad)++;
            continue;
        }

        if (rc != QOE_OK) {
            return rc;
        }

        slot = pb_log_slot(rec, arena);

        if (slot == NULL || pb_log_fill(slot, rec, arena) != QOE_OK) {
            return QOE_NOMEM;
        }

        logs[nlogs++] = &slot->log;
    }

    if (nlogs == 0) {
        return QOE_DONE;
    }

    return pb_logs_append(out, encoding, id, logs, nlogs, arena);
}


/* Of a record that is none of ours the first attributes are enough. */

static inline size_t
pb_log_nattributes(const Openqoe__V1__Record *rec)
{
    return qoe_min(rec->n_attributes, (size_t) QOE_ATTRIBUTES_MAX);
}


static inline pb_log_slot_t *
pb_log_slot(const Openqoe__V1__Record *rec, qoe_arena_t *arena)
{
    size_t           n;
    pb_log_slot_t  *slot;

    n = PB_LOG_ATTRS + pb_log_nattributes(rec);

    slot = qoe_arena_alloc(arena, sizeof(pb_log_slot_t)
                                  + n * (sizeof(pb_log_attr_t)
                                         + sizeof(qoe_pb_attr_t *)));

    if (slot != NULL) {
        slot->attrs = (qoe_pb_attr_t **) &slot->attr[n];
    }

    return slot;
}


static inline qoe_span_t
pb_log_span(const ProtobufCBinaryData *b)
{
    return (qoe_span_t) { (const char *) b->data, b->len };
}


static inline qoe_status_t
pb_log_fill(pb_log_slot_t *slot, const Openqoe__V1__Record *rec,
    qoe_arena_t *arena)
{
    char          *text;
    qoe_pb_log_t  *log;

    log = &slot->log;

    opentelemetry__proto__logs__v1__log_record__init(log);
    log->attributes = slot->attrs;
    log->time_unix_nano = rec->event_unix_nano;
    log->observed_time_unix_nano = rec->received_unix_nano;

    pb_log_severity(log, rec->severity_number);
    pb_log_trace_id(slot, pb_log_span(&rec->view_id));

    text = qoe_pb_text(arena, qoe_span_null, pb_log_span(&rec->body));
    if (text == NULL) {
        return QOE_NOMEM;
    }

    qoe_pb_value_string(&slot->body, text);
    log->body = &slot->body;

    return pb_log_attributes(slot, rec, arena);
}


static inline qoe_status_t
pb_log_attributes(pb_log_slot_t *slot, const Openqoe__V1__Record *rec,
    qoe_arena_t *arena)
{
    char                       *text;
    size_t                      i;
    const ProtobufCBinaryData  *field;

    text = qoe_pb_text(arena, qoe_span(PB_LOG_EVENT_PREFIX),
                       pb_log_span(&rec->event_type));
    if (text == NULL) {
        return QOE_NOMEM;
    }

    slot->log.event_name = text;
    pb_log_attr(slot, "event_type",
                 text + sizeof(PB_LOG_EVENT_PREFIX) - 1);

    for (i = 0; i < pb_countof(pb_log_fields); i++) {
        field = (const ProtobufCBinaryData *)
                    ((const char *) rec + pb_log_fields[i].offset);

        if (field->len == 0) {
            continue;
        }

        text = qoe_pb_text(arena, qoe_span_null, pb_log_span(field));
        if (text == NULL) {
            return QOE_NOMEM;
        }

        pb_log_attr(slot, pb_log_fields[i].key, text);
    }

    if (rec->uid.len == 16) {
        qoe_uuid_format(slot->uid, rec->uid.data);
        slot->uid[QOE_UUID_TEXT_LEN] = '\0';
        pb_log_attr(slot, "log.record.uid", slot->uid);
    }

    return pb_log_enrichment(slot, rec, arena);
}


/* A key is there once, whatever a record says: the first one counts. */

static inline qoe_status_t
pb_log_enrichment(pb_log_slot_t *slot, const Openqoe__V1__Record *rec,
    qoe_arena_t *arena)
{
    char                      *key, *text;
    size_t                     i, n;
    const Openqoe__V1__Named  *named;

    n = pb_log_nattributes(rec);

    for (i = 0; i < n; i++) {
        named = rec->attributes[i];

        if (named->name.len == 0 || named->value.len == 0) {
            continue;
        }

        key = qoe_pb_text(arena, qoe_span_null, pb_log_span(&named->name));
        text = qoe_pb_text(arena, qoe_span_null, pb_log_span(&named->value));

        if (key == NULL || text == NULL) {
            return QOE_NOMEM;
        }

        if (!pb_log_has(slot, key)) {
            pb_log_attr(slot, key, text);
        }
    }

    return QOE_OK;
}


static inline bool
pb_log_has(const pb_log_slot_t *slot, const char *key)
{
    size_t  i;

    for (i = 0; i < slot->log.n_attributes; i++) {
        if (strcmp(slot->attr[i].attr.key, key) == 0) {
            return true;
        }
    }

    return false;
}


static inline void
pb_log_attr(pb_log_slot_t *slot, const char *key, char *text)
{
    size_t  n;

    n = slot->log.n_attributes++;

    qoe_pb_attr_string(&slot->attr[n].attr, &slot->attr[n].value, key, text);
    slot->attrs[n] = &slot->attr[n].attr;
}


/* A number that the data model does not know is sent as unspecified. */

static inline void
pb_log_severity(qoe_pb_log_t *log, uint32_t severity)
{
    static char  *const  names[] = {
        "TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"
    };

    if (severity == 0 || severity > 4 * pb_countof(names)) {
        return;
    }

    log->severity_number =
                    (Opentelemetry__Proto__Logs__V1__SeverityNumber) severity;
    log->severity_text = names[(severity - 1) / 4];
}


/* The view is the trace: its logs and its spans join on this id. */

static inline void
pb_log_trace_id(pb_log_slot_t *slot, qoe_span_t view_id)
{
    static const uint8_t  zero[16];

    if (qoe_uuid_parse(slot->trace_id, view_id) != QOE_OK
        || memcmp(slot->trace_id, zero, sizeof(zero)) == 0)
    {
        return;
    }

    slot->log.trace_id.data = slot->trace_id;
    slot->log.trace_id.len = sizeof(slot->trace_id);
}


static inline qoe_status_t
pb_logs_append(qoe_buf_t *out, qoe_encoding_t encoding,
    const qoe_otlp_identity_t *id, qoe_pb_log_t **logs, size_t n,
    qoe_arena_t *arena)
{
    qoe_pb_scope_t           scope;
    qoe_pb_resource_t        resource;
    qoe_pb_scope_logs_t      scope_logs, *scope_logs_list;
    qoe_pb_logs_request_t    request;
    qoe_pb_resource_logs_t   resource_logs, *resource_logs_list;

    if (qoe_pb_identity(&resource, &scope, id, arena) != QOE_OK) {
        return QOE_NOMEM;
    }

    opentelemetry__proto__logs__v1__scope_logs__init(&scope_logs);
    scope_logs.scope = &scope;
    scope_logs.log_records = logs;
    scope_logs.n_log_records = n;

    scope_logs_list = &scope_logs;

    opentelemetry__proto__logs__v1__resource_logs__init(&resource_logs);
    resource_logs.resource = &resource;
    resource_logs.scope_logs = &scope_logs_list;
    resource_logs.n_scope_logs = 1;

    resource_logs_list = &resource_logs;

    qoe_pb_service(logs, service_request__init)(&request);
    request.resource_logs = &resource_logs_list;
    request.n_resource_logs = 1;

    return qoe_pb_append(out, encoding, &request.base);
}


#endif /* _OTLP_LOGS_PB_H_INCLUDED_ */
