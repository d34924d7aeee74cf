
/*
 * Copyright (C) OpenQoE
 *
 * The oracle of qoe_otlp_logs(): the same request, field by field, made by
 * protobuf-c.  For the unit tests and the fuzzers.
 */


#ifndef _OTLP_LOGS_ORACLE_H_INCLUDED_
#define _OTLP_LOGS_ORACLE_H_INCLUDED_


#include "qoe_otlp_pb.h"
#include "qoe_record.h"
#include "qoe_uuid.h"

#include "opentelemetry/proto/collector/logs/v1/logs_service.pb-c.h"

#include <stdlib.h>


#define ORACLE_ATTRS  (QOE_ATTRIBUTES_MAX + 11)


typedef Opentelemetry__Proto__Logs__V1__LogRecord  oracle_log_t;

typedef struct {
    oracle_log_t     log;
    qoe_pb_value_t   body;
    qoe_pb_value_t   value[ORACLE_ATTRS];
    qoe_pb_attr_t    attr[ORACLE_ATTRS];
    qoe_pb_attr_t   *attrs[ORACLE_ATTRS];
    uint8_t          trace_id[16];
    char             uid[QOE_UUID_TEXT_LEN + 1];
} oracle_slot_t;

typedef struct {
    qoe_pb_scope_t                                 scope;
    qoe_pb_resource_t                              resource;
    Opentelemetry__Proto__Logs__V1__ScopeLogs      sl, *sls;
    Opentelemetry__Proto__Logs__V1__ResourceLogs   rl, *rls;
    qoe_pb_service_type(Logs, ServiceRequest)      request;
    oracle_log_t                                  *logs[];
} oracle_frame_t;


static inline char *
oracle_text(qoe_arena_t *arena, const char *prefix, qoe_span_t s)
{
    char  *text;

    text = qoe_pb_text(arena, qoe_span_str(prefix), s);

    if (text == NULL) {
        abort();
    }

    return text;
}


static inline void
oracle_attr(oracle_slot_t *slot, const char *key, char *text)
{
    size_t  n;

    n = slot->log.n_attributes++;

    qoe_pb_attr_string(&slot->attr[n], &slot->value[n], key, text);
    slot->attrs[n] = &slot->attr[n];
}


static inline void
oracle_attributes(oracle_slot_t *slot, const qoe_record_t *r,
    qoe_arena_t *arena)
{
    char         *key;
    size_t        i, k;
    qoe_span_t    text;
    qoe_named_t   named;

    static const struct {
        const char  *key;
        qoe_text_t   text;
    } fields[] = {
        { "org_id", QOE_TEXT_ORG_ID }, { "player_id", QOE_TEXT_PLAYER_ID },
        { "session_id", QOE_TEXT_SESSION_ID }, { "view_id", QOE_TEXT_VIEW_ID },
        { "viewer_id", QOE_TEXT_VIEWER_ID }, { "env", QOE_TEXT_ENV },
        { "app_name", QOE_TEXT_APP_NAME },
        { "app_version", QOE_TEXT_APP_VERSION }, { "marker", QOE_TEXT_MARKER }
    };

    oracle_attr(slot, "event_type", slot->log.event_name + 8);

    for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        text = qoe_record_text(r, fields[i].text);

        if (text.len != 0) {
            oracle_attr(slot, fields[i].key, oracle_text(arena, "", text));
        }
    }

    qoe_uuid_format(slot->uid, r->head->uid);
    slot->uid[QOE_UUID_TEXT_LEN] = '\0';
    oracle_attr(slot, "log.record.uid", slot->uid);

    for (i = 0; i < r->head->nattrs; i++) {
        named = qoe_record_named(r, i);

        if (named.name.len == 0 || named.value.len == 0) {
            continue;
        }

        key = oracle_text(arena, "", named.name);

        for (k = 0; k < slot->log.n_attributes; k++) {
            if (strcmp(slot->attr[k].key, key) == 0) {
                break;
            }
        }

        if (k == slot->log.n_attributes) {
            oracle_attr(slot, key, oracle_text(arena, "", named.value));
        }
    }
}


static inline oracle_log_t *
oracle_log(const qoe_record_t *r, qoe_arena_t *arena)
{
    unsigned        severity;
    qoe_span_t      view_id;
    oracle_log_t   *log;
    oracle_slot_t  *slot;

    static char  *const    names[] = {
        "TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"
    };
    static const uint8_t   zero[16];

    slot = qoe_arena_alloc(arena, sizeof(oracle_slot_t));

    if (slot == NULL) {
        abort();
    }

    log = &slot->log;
    opentelemetry__proto__logs__v1__log_record__init(log);

    log->attributes = slot->attrs;
    log->time_unix_nano = (uint64_t) r->head->time_ms * 1000000;
    log->observed_time_unix_nano = r->head->received_ns;
    log->event_name = oracle_text(arena, "openqoe.", r->type_name);

    severity = r->head->severity;

    if (severity >= 1 && severity <= 24) {
        log->severity_number =
            (Opentelemetry__Proto__Logs__V1__SeverityNumber) severity;
        log->severity_text = names[(severity - 1) / 4];
    }

    qoe_pb_value_string(&slot->body, oracle_text(arena, "", r->body));
    log->body = &slot->body;

    view_id = qoe_record_text(r, QOE_TEXT_VIEW_ID);

    if (qoe_uuid_parse(slot->trace_id, view_id) == QOE_OK
        && memcmp(slot->trace_id, zero, 16) != 0)
    {
        log->trace_id.data = slot->trace_id;
        log->trace_id.len = 16;

        if (memcmp(slot->trace_id + 8, zero, 8) != 0) {
            log->span_id.data = slot->trace_id + 8;
            log->span_id.len = 8;
        }
    }

    oracle_attributes(slot, r, arena);

    return log;
}


/* The request as protobuf-c has it, in the arena; NULL if no record is read. */

static inline const ProtobufCMessage *
oracle_request(const qoe_otlp_identity_t *id, const qoe_span_t *records,
    size_t n, size_t *nbad, qoe_arena_t *arena)
{
    size_t            i;
    qoe_record_t      r;
    oracle_frame_t   *f;

    *nbad = 0;

    f = qoe_arena_alloc(arena, sizeof(oracle_frame_t)
                               + n * sizeof(oracle_log_t *));

    if (f == NULL
        || qoe_pb_identity(&f->resource, &f->scope, id, arena) != QOE_OK)
    {
        abort();
    }

    opentelemetry__proto__logs__v1__scope_logs__init(&f->sl);
    opentelemetry__proto__logs__v1__resource_logs__init(&f->rl);
    qoe_pb_service(logs, service_request__init)(&f->request);

    for (i = 0; i < n; i++) {
        if (qoe_record_open(&r, records[i]) == QOE_OK) {
            f->logs[f->sl.n_log_records++] = oracle_log(&r, arena);

        } else {
            (*nbad)++;
        }
    }

    f->sls = &f->sl;
    f->rls = &f->rl;
    f->sl.scope = &f->scope;
    f->sl.log_records = f->logs;
    f->rl.resource = &f->resource;
    f->rl.scope_logs = &f->sls;
    f->rl.n_scope_logs = 1;
    f->request.resource_logs = &f->rls;
    f->request.n_resource_logs = 1;

    return (f->sl.n_log_records != 0) ? &f->request.base : NULL;
}


/* The request's bytes, appended to out, whose memory must do. */

static inline qoe_status_t
oracle_logs(qoe_buf_t *out, const qoe_otlp_identity_t *id,
    const qoe_span_t *records, size_t n, size_t *nbad, qoe_arena_t *arena)
{
    char                    *p;
    const ProtobufCMessage  *msg;

    msg = oracle_request(id, records, n, nbad, arena);

    if (msg == NULL) {
        return QOE_DONE;
    }

    p = qoe_buf_reserve(out, protobuf_c_message_get_packed_size(msg));

    if (p == NULL) {
        abort();
    }

    out->len += protobuf_c_message_pack(msg, (uint8_t *) p);

    return QOE_OK;
}


#endif /* _OTLP_LOGS_ORACLE_H_INCLUDED_ */
