
/*
 * Copyright (C) OpenQoE
 *
 * Requests for media as log records: read back by protobuf-c, each attribute is
 * there once and says what the request says.
 */


#include "tap.h"

#include "qoe_otlp_pb.h"
#include "qoe_otlp_requests.h"
#include "qoe_tapped.h"

#include "opentelemetry/proto/collector/logs/v1/logs_service.pb-c.h"

#include <math.h>


typedef qoe_pb_service_type(Logs, ServiceRequest)  request_t;
typedef Opentelemetry__Proto__Logs__V1__LogRecord  log_t;
typedef Opentelemetry__Proto__Common__V1__AnyValue  value_t;

#define VALUE(name)                                                           \
    OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_##name##_VALUE

#define RECEIVED   1700000001000000007


static const qoe_attr_t  resource[] = {
    { qoe_span("service.instance.id"), qoe_span("edge-1") }
};

static const qoe_otlp_identity_t  identity = {
    resource, 1, qoe_span("openqoe"), qoe_span("0.1.0")
};

static qoe_arena_t   arena;
static qoe_labels_t  attrs;


/* The record of a request, as the intake puts it into the ring. */

static qoe_span_t
logged(const qoe_request_t *r)
{
    static char  buf[sizeof(qoe_logged_t) + sizeof(qoe_tapped_t)
                     + QOE_REQUEST_MAX + QOE_LABELS_MAX];

    char          *p;
    qoe_logged_t   head;
    qoe_tapped_t   tapped;

    memset(&head, 0, sizeof(head));
    memset(&tapped, 0, sizeof(tapped));

    head.format = QOE_LOGGED_FORMAT;
    head.received_ns = RECEIVED;

    p = buf + sizeof(head) + sizeof(tapped);
    tapped.request = (uint32_t) qoe_request_pack(p, r);
    tapped.log = (uint32_t) attrs.len;
    memcpy(p + tapped.request, attrs.data, attrs.len);

    memcpy(buf, &head, sizeof(head));
    memcpy(buf + sizeof(head), &tapped, sizeof(tapped));

    return (qoe_span_t) { buf, sizeof(head) + sizeof(tapped) + tapped.request
                               + tapped.log };
}


/* The only log record of the request; NULL: it is none, or has not just one. */

static log_t *
log_of(const qoe_buf_t *b)
{
    request_t         *request;
    ProtobufCMessage  *msg;

    if (qoe_pb_unpack(&msg, &qoe_pb_service(logs, service_request__descriptor),
                      (qoe_span_t) { b->data, b->len }, &arena)
        != QOE_OK)
    {
        return NULL;
    }

    request = (request_t *) msg;

    return request->n_resource_logs == 1
           && request->resource_logs[0]->n_scope_logs == 1
           && request->resource_logs[0]->scope_logs[0]->n_log_records == 1
           ? request->resource_logs[0]->scope_logs[0]->log_records[0] : NULL;
}


/* The value of an attribute; NULL: it is not there, or not once. */

static const value_t *
value_of(const log_t *log, const char *key)
{
    size_t          i;
    const value_t  *found;

    found = NULL;

    for (i = 0; i < log->n_attributes; i++) {
        if (strcmp(log->attributes[i]->key, key) == 0) {

            if (found != NULL) {
                return NULL;
            }

            found = log->attributes[i]->value;
        }
    }

    return found;
}


static bool
text_is(const log_t *log, const char *key, const char *text)
{
    const value_t  *v;

    v = value_of(log, key);

    return v != NULL && v->value_case == VALUE(STRING)
           && strcmp(v->string_value, text) == 0;
}


static bool
count_is(const log_t *log, const char *key, int64_t n)
{
    const value_t  *v;

    v = value_of(log, key);

    return v != NULL && v->value_case == VALUE(INT) && v->int_value == n;
}


static bool
real_is(const log_t *log, const char *key, double n)
{
    const value_t  *v;

    v = value_of(log, key);

    return v != NULL && v->value_case == VALUE(DOUBLE) && v->double_value == n;
}


static void
make(qoe_request_t *r)
{
    qoe_request_init(r);
    r->start_ms = 1700000000123;
    r->duration_ms = 250;
    r->ttfb_ms = 2;
    r->upstream_header_ms = 1.5;
    r->upstream_ms = 200;
    r->rtt_ms = 12.25;
    r->retransmits = 3;
    r->bytes = 1000000;
    r->status = 200;
    r->cache = QOE_CACHE_MISS;
    r->cmcd = true;
    r->text[QOE_TEXT_ORG_ID] = qoe_span("acme");
    r->text[QOE_TEXT_SESSION_ID] = qoe_span("sid-1");
    r->named[0].name = qoe_span("pop");
    r->named[0].value = qoe_span("fra1");
    r->nattrs = 1;

    attrs.len = 0;
    qoe_logged_text(&attrs, qoe_span("url.path"), qoe_span("/v/1.m4s"));
    qoe_logged_number(&attrs, qoe_span("cmcd.br"), 3200);
    qoe_logged_number(&attrs, qoe_span("cmcd.pr"), 1.25);
    qoe_logged_flag(&attrs, qoe_span("cmcd.bs"));
}


static void
test_attributes(void)
{
    size_t          bad;
    qoe_buf_t       b;
    const log_t    *log = NULL;
    qoe_span_t      record;
    const value_t  *v;
    qoe_request_t   r;

    log = NULL;
    make(&r);
    record = logged(&r);
    qoe_buf_init(&b, &qoe_mem_heap, QOE_OTLP_REQUEST_MAX);

    ok(qoe_otlp_requests(&b, &identity, &record, 1, &bad, &arena) == QOE_OK
       && bad == 0 && (log = log_of(&b)) != NULL,
       "a request becomes a log record");

    ok(log->time_unix_nano == 1700000000123000000
       && log->observed_time_unix_nano == RECEIVED
       && strcmp(log->event_name, "openqoe.request") == 0
       && log->severity_number == 9
       && strcmp(log->body->string_value, "served") == 0,
       "it has the time of the request and of its receipt, and a name");

    ok(count_is(log, "http.response.status_code", 200)
       && count_is(log, "http.response.body.size", 1000000)
       && real_is(log, "openqoe.request.duration_ms", 250)
       && real_is(log, "openqoe.request.ttfb_ms", 2)
       && real_is(log, "openqoe.request.upstream_header_ms", 1.5)
       && real_is(log, "openqoe.request.upstream_ms", 200)
       && real_is(log, "openqoe.request.rtt_ms", 12.25)
       && count_is(log, "openqoe.request.retransmits", 3)
       && text_is(log, "openqoe.request.cache_status", "MISS")
       && value_of(log, "openqoe.request.aborted") == NULL,
       "it has what the edge knows");

    v = value_of(log, "cmcd.bs");
    ok(text_is(log, "org_id", "acme") && text_is(log, "session_id", "sid-1")
       && text_is(log, "pop", "fra1") && text_is(log, "url.path", "/v/1.m4s")
       && count_is(log, "cmcd.br", 3200) && real_is(log, "cmcd.pr", 1.25)
       && v != NULL && v->value_case == VALUE(BOOL) && v->bool_value
       && text_is(log, "openqoe.edge", "edge-1"),
       "and what the player and the configuration say, each as its type");

    qoe_buf_free(&b);
}


static void
test_faults(void)
{
    size_t          bad;
    qoe_buf_t       b;
    const log_t    *log = NULL;
    qoe_span_t      record[2];
    qoe_request_t   r;

    log = NULL;
    make(&r);
    r.status = 503;
    r.aborted = true;
    r.rtt_ms = NAN;
    r.cache = QOE_CACHE_NONE;
    qoe_logged_text(&attrs, qoe_span("cmcd.cid"), qoe_span("a\xff" "b"));
    qoe_logged_number(&attrs, qoe_span("cmcd.d"), NAN);
    qoe_logged_text(&attrs, qoe_span("cmcd.h"), qoe_span(""));

    record[0] = qoe_span("no record of a request");
    record[1] = logged(&r);
    qoe_buf_init(&b, &qoe_mem_heap, QOE_OTLP_REQUEST_MAX);

    ok(qoe_otlp_requests(&b, &identity, record, 2, &bad, &arena) == QOE_OK
       && bad == 1 && (log = log_of(&b)) != NULL,
       "a record that cannot be read is counted and left out");

    ok(log->severity_number == 17
       && strcmp(log->body->string_value, "aborted") == 0
       && value_of(log, "openqoe.request.aborted") != NULL,
       "a server's error is an error, and an aborted request says so");

    ok(text_is(log, "cmcd.cid", "a?b"), "what is no UTF-8 becomes ?");
    ok(value_of(log, "cmcd.d") == NULL && value_of(log, "cmcd.h") == NULL
       && value_of(log, "openqoe.request.rtt_ms") == NULL
       && value_of(log, "openqoe.request.retransmits") == NULL
       && value_of(log, "openqoe.request.cache_status") == NULL,
       "what is not known is left out");

    ok(qoe_otlp_requests(&b, &identity, record, 1, &bad, &arena) == QOE_DONE
       && bad == 1, "of unreadable records alone no request is made");

    qoe_buf_free(&b);
}


/* Every record that is cut off, and one whose set is full, is safe. */

static void
test_bytes(void)
{
    char            text[1500];
    size_t          len, bad, wrong;
    qoe_buf_t       b;
    qoe_span_t      record;
    qoe_request_t   r;

    make(&r);
    memset(text, 0xfe, sizeof(text));

    for (len = 0; len < 40; len++) {
        qoe_logged_text(&attrs, (qoe_span_t) { text, 200 },
                        (qoe_span_t) { text, sizeof(text) });
    }

    ok(attrs.len <= QOE_LABELS_MAX, "a set that is full takes no more");

    record = logged(&r);
    len = record.len;
    wrong = 0;
    qoe_buf_init(&b, &qoe_mem_heap, QOE_OTLP_REQUEST_MAX);

    while (record.len != 0) {
        record.len--;
        b.len = 0;
        wrong += qoe_otlp_requests(&b, &identity, &record, 1, &bad, &arena)
                 != QOE_DONE || bad != 1;
        qoe_arena_reset(&arena);
    }

    ok(wrong == 0, "a record of %zu bytes that is cut anywhere is unreadable",
       len);

    record.len = len;
    ok(qoe_otlp_requests(&b, &identity, &record, 1, &bad, &arena) == QOE_OK
       && log_of(&b) != NULL, "a full record is written and can be read");

    qoe_buf_free(&b);
}


int
main(void)
{
    qoe_arena_init(&arena, &qoe_mem_heap, 65536, 16 * 1024 * 1024);

    test_attributes();
    test_faults();
    test_bytes();

    qoe_arena_free(&arena);

    return tap_end();
}
