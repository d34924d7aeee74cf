
/*
 * Copyright (C) OpenQoE
 *
 * Records of views as log records: read back by protobuf-c, each attribute is
 * there once and says what the record says.
 */


#include "tap.h"

#include "qoe_otlp_pb.h"
#include "qoe_otlp_views.h"
#include "qoe_view_record.h"

#include "opentelemetry/proto/collector/logs/v1/logs_service.pb-c.h"

#include <math.h>


typedef qoe_pb_service_type(Logs, ServiceRequest)  request_t;
typedef Opentelemetry__Proto__Logs__V1__LogRecord  log_t;

#define VIEW_ID    "71e30000-0001-4000-8000-000000000001"
#define RECORDS    3

#define VALUE(name)                                                           \
    OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_##name##_VALUE


static const qoe_attr_t  resource[] = {
    { qoe_span("service.name"), qoe_span("openQoE-worker") },
    { qoe_span("service.instance.id"), qoe_span("edge-1") }
};

static const qoe_otlp_identity_t  identity = {
    resource, 2, qoe_span("openqoe"), qoe_span("0.1.0")
};

static char         bytes[RECORDS][QOE_VIEW_RECORD_MAX];
static qoe_span_t   packed[RECORDS];
static qoe_arena_t  arena;
static qoe_labels_t dims;


static void
fill(qoe_view_record_t *r)
{
    double  n;

    n = 1;
    memset(r, 0, sizeof(qoe_view_record_t));

#define FILL_TEXT(member, name, text)   r->member = qoe_span(name);
#define FILL_NUMBER(member, name, text)                                       \
    r->member = (__typeof__(r->member)) (n *= 1.5);
#define FILL_FLAG(member, name, text)   r->member = true;

    QOE_VIEW_ATTRIBUTES(FILL_TEXT, FILL_NUMBER, FILL_NUMBER, FILL_NUMBER,
                        FILL_FLAG)

    r->view_id = qoe_span(VIEW_ID);
    r->outcome = qoe_span("completed");
    r->end_ms = 1700000000123;
    r->made_ns = 1700000001000000007;
    r->dims = qoe_labels_span(&dims);
}


static void
pack(size_t i, const qoe_view_record_t *r)
{
    packed[i].data = bytes[i];
    packed[i].len = qoe_view_record_pack(bytes[i], r);
}


/* The n log records of the request; NULL: it is none, or has not as many. */

static log_t **
logs_of(const qoe_buf_t *b, size_t n)
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

    if (request->n_resource_logs != 1
        || request->resource_logs[0]->n_scope_logs != 1
        || request->resource_logs[0]->scope_logs[0]->n_log_records != n
        || request->resource_logs[0]->resource->n_attributes != 2
        || strcmp(request->resource_logs[0]->scope_logs[0]->scope->name,
                  "openqoe")
           != 0)
    {
        return NULL;
    }

    return request->resource_logs[0]->scope_logs[0]->log_records;
}


static const qoe_pb_value_t *
attr(const log_t *log, const char *name)
{
    size_t                 i, n;
    const qoe_pb_value_t  *value;

    n = 0;
    value = NULL;

    for (i = 0; i < log->n_attributes; i++) {
        if (strcmp(log->attributes[i]->key, name) == 0) {
            value = log->attributes[i]->value;
            n++;
        }
    }

    return n == 1 ? value : NULL;
}


static int
text_is(const log_t *log, const char *name, qoe_span_t text)
{
    const qoe_pb_value_t  *v;

    v = attr(log, name);

    return v != NULL && v->value_case == VALUE(STRING)
           && qoe_span_eq(qoe_span_str(v->string_value), text);
}


static int
says(const log_t *log, const qoe_view_record_t *r)
{
    int                    good;
    const qoe_pb_value_t  *v;

    good = 1;

#define SAYS_TEXT(member, name, text)                                         \
    good &= text_is(log, name, r->member);
#define SAYS_COUNT(member, name, text)                                        \
    v = attr(log, name);                                                      \
    good &= v != NULL && v->value_case == VALUE(INT)                          \
            && v->int_value == (int64_t) r->member;
#define SAYS_REAL(member, name, text)                                         \
    v = attr(log, name);                                                      \
    good &= v != NULL && v->value_case == VALUE(DOUBLE)                       \
            && v->double_value == r->member;
#define SAYS_FLAG(member, name, text)                                         \
    v = attr(log, name);                                                      \
    good &= v != NULL && v->value_case == VALUE(BOOL) && v->bool_value;

    QOE_VIEW_ATTRIBUTES(SAYS_TEXT, SAYS_COUNT, SAYS_COUNT, SAYS_REAL,
                        SAYS_FLAG)

    return good;
}


static void
test_record(void)
{
    log_t              **log = NULL;
    size_t               nbad, n;
    qoe_buf_t            out;
    qoe_view_record_t    r;

    qoe_buf_init(&out, &qoe_mem_heap, 1 << 20);

    dims.len = 0;
    (void) qoe_labels_add(&dims, qoe_span("org_id"), qoe_span("acme"));
    (void) qoe_labels_add(&dims, qoe_span("video_title"),
                          qoe_span("a \xff title"));
    (void) qoe_labels_add(&dims, qoe_span("openqoe.view.seq"), qoe_span("7"));
    (void) qoe_labels_add(&dims, qoe_span("error.type"), qoe_span("mine"));

    fill(&r);
    pack(0, &r);

    ok(qoe_otlp_views(&out, &identity, packed, 1, &nbad, &arena) == QOE_OK
       && nbad == 0 && (log = logs_of(&out, 1)) != NULL,
       "a record becomes a request with a log record");
    ok(says(log[0], &r), "every attribute of the table is there once, with "
       "the record's value");
    ok(text_is(log[0], "org_id", qoe_span("acme"))
       && text_is(log[0], "video_title", qoe_span("a ? title"))
       && text_is(log[0], "openqoe.edge", qoe_span("edge-1")),
       "so are the dimensions, as valid UTF-8, and the instance");
    ok(strcmp(log[0]->event_name, "openqoe.view") == 0
       && strcmp(log[0]->body->string_value, "completed") == 0
       && log[0]->time_unix_nano == 1700000000123000000
       && log[0]->observed_time_unix_nano == 1700000001000000007
       && log[0]->severity_number == 9 && log[0]->trace_id.len == 16
       && log[0]->trace_id.data[0] == 0x71,
       "the log record has its name, times, severity and the view as trace");

    n = log[0]->n_attributes;
    qoe_buf_reset(&out);
    r.final = false;
    r.started = false;
    r.startup_ms = NAN;
    r.view_id = qoe_span("my view");
    r.viewer_hash = qoe_span_null;
    r.failed = true;
    r.stalls = UINT64_MAX;
    pack(0, &r);
    (void) qoe_otlp_views(&out, &identity, packed, 1, &nbad, &arena);
    log = logs_of(&out, 1);
    ok(log != NULL && log[0]->n_attributes < n - 10
       && attr(log[0], "openqoe.view.stalls") == NULL
       && attr(log[0], "openqoe.view.startup_ms") == NULL
       && attr(log[0], "openqoe.view.final") == NULL
       && attr(log[0], "viewer_hash") == NULL
       && attr(log[0], "openqoe.view.events") != NULL,
       "what a view does not have is left out");
    ok(strcmp(log[0]->body->string_value, "alive") == 0
       && log[0]->trace_id.len == 0 && log[0]->severity_number == 17,
       "a view that lives is alive; an id that is no UUID makes no trace");

    qoe_buf_reset(&out);
    r.view_id = qoe_span("00000000-0000-0000-0000-000000000000");
    pack(0, &r);
    (void) qoe_otlp_views(&out, &identity, packed, 1, &nbad, &arena);
    log = logs_of(&out, 1);
    ok(log != NULL && log[0]->trace_id.len == 0,
       "nor does a UUID of zeroes, which OpenTelemetry does not allow");

    qoe_buf_free(&out);
}


static void
test_batch(void)
{
    size_t              nbad, one, i, start;
    qoe_buf_t           out;
    qoe_status_t        rc;
    qoe_view_record_t   r;

    fill(&r);
    qoe_buf_init(&out, &qoe_mem_heap, 1 << 20);

    for (i = 0; i < RECORDS; i++) {
        r.seq = i + 1;
        pack(i, &r);
    }

    bytes[1][0] ^= 1;
    ok(qoe_otlp_views(&out, &identity, packed, 3, &nbad, &arena) == QOE_OK
       && nbad == 1 && logs_of(&out, 2) != NULL,
       "a record that cannot be read is counted, the others are sent");
    one = out.len;

    start = out.len;
    ok(qoe_otlp_views(&out, &identity, packed + 1, 1, &nbad, &arena)
       == QOE_DONE && out.len == start && out.status == QOE_OK,
       "without a record that can be read nothing is appended");
    qoe_buf_free(&out);

    qoe_buf_init(&out, &qoe_mem_heap, one);
    rc = qoe_otlp_views(&out, &identity, packed, 3, &nbad, &arena);
    ok(rc == QOE_TOO_LARGE && out.len == 0 && out.status == QOE_OK,
       "records that do not fit leave the buffer as it was");
    qoe_buf_free(&out);
}


static void
test_json(void)
{
    size_t              nbad;
    qoe_buf_t           out, json;
    qoe_status_t        rc;
    qoe_view_record_t   r;

    fill(&r);
    pack(0, &r);
    qoe_buf_init(&out, &qoe_mem_heap, 1 << 20);
    qoe_buf_init(&json, &qoe_mem_heap, 1 << 20);
    (void) qoe_otlp_views(&out, &identity, packed, 1, &nbad, &arena);

    rc = qoe_otlp_transcode(&json, QOE_SIGNAL_LOGS,
                            (qoe_span_t) { out.data, out.len }, &arena);
    qoe_buf_append(&json, "", 1);

    ok(rc == QOE_OK
       && strstr(json.data, "\"eventName\":\"openqoe.view\"") != NULL
       && strstr(json.data, "{\"key\":\"openqoe.view.final\",\"value\":"
                            "{\"boolValue\":true}}") != NULL,
       "a request with lengths of four bytes becomes JSON");

    qoe_buf_free(&out);
    qoe_buf_free(&json);
}


int
main(void)
{
    qoe_arena_init(&arena, &qoe_mem_heap, 65536, 1 << 24);

    test_record();
    test_batch();
    test_json();

    qoe_arena_free(&arena);

    return tap_end();
}
