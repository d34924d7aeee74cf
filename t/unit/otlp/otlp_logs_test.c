
/*
 * Copyright (C) OpenQoE
 */


#include "tap.h"
#include "otlp_golden.h"
#include "otlp_logs_records.h"

#include "qoe_otlp_pb.h"

#include "opentelemetry/proto/collector/logs/v1/logs_service.pb-c.h"


typedef qoe_pb_service_type(Logs, ServiceRequest)  request_t;
typedef Opentelemetry__Proto__Logs__V1__LogRecord  log_t;

static const qoe_attr_t  resource[] = {
    { qoe_span("service.name"), qoe_span("openQoE-worker") },
    { qoe_span("host.name"), qoe_span("h1") }
};

static const qoe_otlp_identity_t  identity = {
    resource, 2, qoe_span("openqoe"), qoe_span("0.1.0")
};


static qoe_arena_t  arena;
static qoe_buf_t    out;


static rec_t
small(void)
{
    rec_t  r;

    memset(&r, 0, sizeof(r));

    r.ev.time_ms = 1;
    r.ev.type = QOE_EVENT_PAUSE;
    r.ev.severity = QOE_SEVERITY_INFO;
    r.ev.raw = qoe_span("{}");
    r.meta.received_ns = 2;
    memset(r.meta.uid, 0xff, sizeof(r.meta.uid));

    set_str(&r, QOE_FIELD_ORG_ID, "o");
    set_str(&r, QOE_FIELD_PLAYER_ID, "p");
    set_str(&r, QOE_FIELD_SESSION_ID, "s");
    set_str(&r, QOE_FIELD_VIEW_ID, "v1");
    set_str(&r, QOE_FIELD_VIEWER_ID, "w");

    return r;
}


static rec_t
full(void)
{
    rec_t   r;
    size_t  i;

    memset(&r, 0, sizeof(r));

    r.ev.time_ms = 1700000000123;
    r.ev.type = QOE_EVENT_ERROR;
    r.ev.severity = QOE_SEVERITY_ERROR;
    r.ev.raw = qoe_span("{\"event_type\":\"error\","
                        "\"t\":\"\xc3\xa9 \\\"x\\\"\"}");
    r.meta.received_ns = 1700000000456789012;
    r.meta.marker = qoe_span("mk");

    for (i = 0; i < sizeof(r.meta.uid); i++) {
        r.meta.uid[i] = (uint8_t) i;
    }

    set_str(&r, QOE_FIELD_ORG_ID, "org");
    set_str(&r, QOE_FIELD_PLAYER_ID, "pl");
    set_str(&r, QOE_FIELD_SESSION_ID, "se");
    set_str(&r, QOE_FIELD_VIEW_ID, "018BCFE5-6800-7000-8000-0123456789ab");
    set_str(&r, QOE_FIELD_VIEWER_ID, "vw");
    set_str(&r, QOE_FIELD_ENV, "prod");
    set_str(&r, QOE_FIELD_APP_NAME, "app");
    set_str(&r, QOE_FIELD_APP_VERSION, "1.2");

    return r;
}


/*
 * What became of a single record, read back into the arena; NULL unless it is
 * a single log record.
 */

static log_t *
log_of(const rec_t *r)
{
    size_t             nbad;
    request_t         *req;
    qoe_span_t         packed;
    qoe_status_t       rc;
    ProtobufCMessage  *msg;

    packed = pack(r);
    qoe_buf_reset(&out);
    qoe_arena_reset(&arena);

    rc = qoe_otlp_logs(&out, &identity, &packed, 1, &nbad, &arena);

    release(&packed, 1);

    if (rc != QOE_OK || nbad != 0) {
        return NULL;
    }

    rc = qoe_pb_unpack(&msg, &qoe_pb_service(logs, service_request__descriptor),
                       (qoe_span_t) { out.data, out.len }, &arena);
    req = (request_t *) msg;

    if (rc != QOE_OK || req->n_resource_logs != 1
        || req->resource_logs[0]->n_scope_logs != 1
        || req->resource_logs[0]->scope_logs[0]->n_log_records != 1)
    {
        return NULL;
    }

    return req->resource_logs[0]->scope_logs[0]->log_records[0];
}


static const char *
attr(const log_t *log, const char *key)
{
    size_t  i;

    for (i = 0; i < log->n_attributes; i++) {
        if (strcmp(log->attributes[i]->key, key) == 0) {
            return log->attributes[i]->value->string_value;
        }
    }

    return NULL;
}


static void
test_golden(void)
{
    char               golden[2048];
    rec_t              a = full(), b = small();
    size_t             nbad;
    qoe_buf_t          text;
    qoe_span_t         records[3], want;
    qoe_status_t       rc;
    static const char  json[] =
        "{\"resourceLogs\":[{\"resource\":{\"attributes\":["
        "{\"key\":\"service.name\",\"value\":{\"stringValue\":"
        "\"openQoE-worker\"}},"
        "{\"key\":\"host.name\",\"value\":{\"stringValue\":\"h1\"}}]},"
        "\"scopeLogs\":[{\"scope\":{\"name\":\"openqoe\","
        "\"version\":\"0.1.0\"},\"logRecords\":["
        "{\"timeUnixNano\":\"1000000\",\"severityNumber\":9,"
        "\"severityText\":\"INFO\",\"body\":{\"stringValue\":\"{}\"},"
        "\"attributes\":["
        "{\"key\":\"event_type\",\"value\":{\"stringValue\":\"pause\"}},"
        "{\"key\":\"org_id\",\"value\":{\"stringValue\":\"o\"}},"
        "{\"key\":\"player_id\",\"value\":{\"stringValue\":\"p\"}},"
        "{\"key\":\"session_id\",\"value\":{\"stringValue\":\"s\"}},"
        "{\"key\":\"view_id\",\"value\":{\"stringValue\":"
        "\"018bcfe5-6800-7000-8000-0123456789ab\"}},"
        "{\"key\":\"viewer_id\",\"value\":{\"stringValue\":\"w\"}},"
        "{\"key\":\"log.record.uid\",\"value\":{\"stringValue\":"
        "\"ffffffff-ffff-ffff-ffff-ffffffffffff\"}}],"
        "\"traceId\":\"018bcfe56800700080000123456789ab\","
        "\"spanId\":\"80000123456789ab\","
        "\"observedTimeUnixNano\":\"2\",\"eventName\":\"openqoe.pause\"}"
        "]}]}]}";

    want = golden_bytes(golden, GOLDEN_LOGS);

    records[0] = pack(&a);
    records[1] = (qoe_span_t) { "\xff\xff", 2 };
    records[2] = pack(&b);

    rc = qoe_otlp_logs(&out, &identity, records, 3, &nbad, &arena);

    ok(rc == QOE_OK && nbad == 1, "two of three records are read");
    ok(qoe_span_eq(want, (qoe_span_t) { out.data, out.len }),
       "the request has the bytes that opentelemetry-proto writes");

    release(&records[0], 1);
    release(&records[2], 1);

    set_str(&b, QOE_FIELD_VIEW_ID, "018bcfe5-6800-7000-8000-0123456789ab");
    records[0] = pack(&b);
    qoe_buf_reset(&out);

    qoe_buf_init(&text, &qoe_mem_heap, 1 << 20);

    rc = qoe_otlp_logs(&out, &identity, records, 1, &nbad, &arena);

    ok(rc == QOE_OK && nbad == 0
       && qoe_otlp_transcode(&text, QOE_SIGNAL_LOGS,
                             (qoe_span_t) { out.data, out.len }, &arena)
          == QOE_OK
       && qoe_span_eq(qoe_span(json), (qoe_span_t) { text.data, text.len }),
       "the request as JSON has the expected text");

    qoe_buf_free(&text);
    release(&records[0], 1);
}


static void
test_nothing(void)
{
    size_t        nbad;
    qoe_span_t    records[2] = { qoe_span("\xff"), qoe_span("\x0a\x05x") };
    qoe_status_t  rc;

    qoe_buf_reset(&out);
    qoe_buf_literal(&out, "abc");

    rc = qoe_otlp_logs(&out, &identity, records, 2, &nbad, &arena);
    ok(rc == QOE_DONE && nbad == 2 && out.len == 3,
       "where no record can be read, nothing is appended");

    rc = qoe_otlp_logs(&out, &identity, records, 0, &nbad, &arena);
    ok(rc == QOE_DONE && nbad == 0 && out.len == 3,
       "without records nothing is appended");
}


static void
test_severity(void)
{
    log_t   *log;
    rec_t    r = small();
    size_t   i;

    static const struct {
        unsigned     in;
        int          number;
        const char  *text;
    } rows[] = {
        { 9, 9, "INFO" }, { 13, 13, "WARN" }, { 17, 17, "ERROR" },
        { 1, 1, "TRACE" }, { 8, 8, "DEBUG" }, { 24, 24, "FATAL" },
        { 0, 0, "" }, { 25, 0, "" }, { 0xff, 0, "" }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        r.ev.severity = (qoe_severity_t) rows[i].in;
        log = log_of(&r);

        ok(log != NULL && (int) log->severity_number == rows[i].number
           && strcmp(log->severity_text, rows[i].text) == 0,
           "severity %u is %d \"%s\"", rows[i].in, rows[i].number,
           rows[i].text);
    }
}


static void
test_trace_id(void)
{
    log_t   *log;
    rec_t    r = small();
    size_t   i;

    static const char  *none[] = {
        "00000000-0000-0000-0000-000000000000", "v1",
        "018bcfe5-6800-7000-8000-0123456789a",
        "018bcfe5-6800-7000-8000-0123456789abc",
        "018bcfe568007000800000123456789abcde",
        "g18bcfe5-6800-7000-8000-0123456789ab",
        "018bcfe5-6800-7000-8000-0123456789a@",
        "018bcfe5-6800-7000-8000\xad""0123456789ab",
        "\xb0""18bcfe5-6800-7000-8000-0123456789ab"
    };

    for (i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        set_str(&r, QOE_FIELD_VIEW_ID, none[i]);
        log = log_of(&r);

        ok(log != NULL && log->trace_id.len == 0 && log->span_id.len == 0
           && strlen(attr(log, "view_id")) == strlen(none[i]),
           "%s gives no trace id", none[i]);
    }

    set_str(&r, QOE_FIELD_VIEW_ID, "00000000-0000-0000-0000-000000000001");
    log = log_of(&r);

    ok(log != NULL && log->trace_id.len == 16
       && memcmp(log->trace_id.data, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1", 16)
          == 0,
       "a UUID that is not zero is the trace id");
    ok(log != NULL && log->span_id.len == 8
       && memcmp(log->span_id.data, "\0\0\0\0\0\0\0\1", 8) == 0,
       "its end is the span id, that of the root of the view's trace");

    set_str(&r, QOE_FIELD_VIEW_ID, "018bcfe5-6800-7000-0000-000000000000");
    log = log_of(&r);

    ok(log != NULL && log->trace_id.len == 16 && log->span_id.len == 0,
       "a span id of zeros would be none, and is left out");
}


static void
test_text(void)
{
    log_t  *log;
    rec_t   r = small();

    r.meta.marker = qoe_span("a\0b\xff");
    set_str(&r, QOE_FIELD_ENV, "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
    set_str(&r, QOE_FIELD_APP_NAME, "\xed\xa0\x80\xc0\x80\xf5\xe2\x82");
    r.ev.raw = qoe_span("{\"0123456789abcdef\":"
                        "\"\xc3\xa9\xfe 012345678\x80\"}");

    log = log_of(&r);

    ok(log != NULL && strcmp(attr(log, "marker"), "a?b?") == 0,
       "a NUL and a byte that is not UTF-8 become question marks");
    ok(log != NULL && strcmp(attr(log, "env"),
                             "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80") == 0,
       "UTF-8 of two to four bytes stays");
    ok(log != NULL && strcmp(attr(log, "app_name"), "????????") == 0,
       "surrogates, overlong, too high and cut sequences become question "
       "marks");
    ok(log != NULL && strcmp(log->body->string_value,
                             "{\"0123456789abcdef\":\"\xc3\xa9? 012345678?\"}")
                      == 0, "wrong bytes in a long text become question marks");
    ok(log != NULL && attr(log, "app_version") == NULL
       && log->n_attributes == 10, "an empty field is no attribute");
}


/* Wrong bytes at each place of a text of each length, and right ones. */

static void
test_text_places(void)
{
    char        text[200], want[200], put[202], *got;
    size_t      len, i, bad, n;
    qoe_span_t  s;

    bad = 0;
    n = 0;

    for (len = 0; len <= sizeof(text); len++) {
        for (i = 0; i <= len; i++) {
            memset(text, 'x', len);
            memset(want, 'x', len);

            if (i < len) {
                text[i] = (i & 1) ? '\0' : '\x80';
                want[i] = '?';
            }

            if (i + 4 < len && (i & 3) == 3) {
                memcpy(text + i, "\xf0\x9f\x98\x80", 4);
                memcpy(want + i, text + i, 4);
            }

            s = (qoe_span_t) { text, len };

            qoe_arena_reset(&arena);
            got = qoe_pb_text(&arena, qoe_span("\xffp"), s);

            bad += (got == NULL || memcmp(got, "\xffp", 2) != 0
                    || memcmp(got + 2, want, len) != 0
                    || got[len + 2] != '\0');

            memset(put, '#', sizeof(put));
            bad += (qoe_pb_put(put + 1, s) != put + 1 + len || put[0] != '#'
                    || put[len + 1] != '#' || memcmp(put + 1, want, len) != 0);
            bad += (qoe_pb_ascii(text, len) != i);
            n++;
        }
    }

    ok(bad == 0 && n > 20000,
       "a wrong byte is found at each place of a text of up to 200");
}


/*
 * The attributes that openqoe_attribute adds, and those that a broken record
 * may have.
 */

static void
test_attributes(void)
{
    rec_t                     r = full();
    log_t                    *log;
    size_t                    i, n;
    qoe_named_t               many[QOE_ATTRIBUTES_MAX + 1];
    static const char         names[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWX";
    static const qoe_named_t  named[] = {
        { { "geo.city", 8 }, { "K\xc3\xb6ln", 5 } },
        { { "env", 3 }, { "no", 2 } },
        { { "geo.city", 8 }, { "Bonn", 4 } },
        { { "empty", 5 }, { "", 0 } },
        { { "", 0 }, { "without a name", 14 } },
        { { "log.record.uid", 14 }, { "no", 2 } },
        { { "edge", 4 }, { "a\xff\0", 3 } },
        { { "e\xff", 2 }, { "1", 1 } },
        { { "e?", 2 }, { "2", 1 } },
        { { "event_type", 10 }, { "no", 2 } }
    };

    r.meta.attrs = named;
    r.meta.nattrs = sizeof(named) / sizeof(named[0]);
    log = log_of(&r);

    ok(log != NULL && log->n_attributes == 11 + 3
       && strcmp(attr(log, "geo.city"), "K\xc3\xb6ln") == 0
       && strcmp(attr(log, "edge"), "a??") == 0,
       "attributes that the server adds are in the record");
    ok(log != NULL && strcmp(attr(log, "env"), "prod") == 0
       && strcmp(attr(log, "event_type"), "error") == 0
       && strcmp(attr(log, "log.record.uid"),
                 "00010203-0405-0607-0809-0a0b0c0d0e0f") == 0,
       "an attribute of the server takes the place of none of ours, and none "
       "is there twice");
    ok(log != NULL && strcmp(attr(log, "e?"), "1") == 0,
       "attributes whose names become alike are there once");

    r.ev.field[QOE_FIELD_ENV].type = QOE_VALUE_NONE;
    log = log_of(&r);
    ok(log != NULL && strcmp(attr(log, "env"), "no") == 0,
       "an attribute may have a name of ours that the record lacks");

    r.ev.dims = (qoe_named_t *) (uintptr_t) named;
    r.ev.ndims = 3;
    r.meta.nattrs = 0;
    log = log_of(&r);

    ok(log != NULL && log->n_attributes == 10,
       "values of custom dimensions are no attributes");

    for (i = 0; i < QOE_ATTRIBUTES_MAX + 1; i++) {
        many[i].name = (qoe_span_t) { names + i, 1 };
        many[i].value = qoe_span("x");
    }

    r.meta.attrs = many;
    r.meta.nattrs = QOE_ATTRIBUTES_MAX + 1;
    log = log_of(&r);
    n = (log != NULL) ? log->n_attributes : 0;

    ok(n == 10 + QOE_ATTRIBUTES_MAX && attr(log, "F") != NULL
       && attr(log, "G") == NULL, "attributes past their maximum are left out");
}


static void
test_too_large(void)
{
    rec_t         r = full();
    size_t        nbad, len;
    qoe_buf_t     b;
    qoe_span_t    packed;
    qoe_status_t  rc, at;

    packed = pack(&r);

    qoe_buf_reset(&out);
    (void) qoe_otlp_logs(&out, &identity, &packed, 1, &nbad, &arena);
    len = out.len;

    qoe_buf_init(&b, &qoe_mem_heap, len + 2);
    qoe_buf_literal(&b, "abc");
    rc = qoe_otlp_logs(&b, &identity, &packed, 1, &nbad, &arena);

    ok(rc == QOE_TOO_LARGE && b.len == 3 && b.status == QOE_OK,
       "one byte too many leaves the buffer as it was");

    b.len = 2;
    at = qoe_otlp_logs(&b, &identity, &packed, 1, &nbad, &arena);

    ok(at == QOE_OK && b.len == len + 2
       && memcmp(b.data + 2, out.data, len) == 0,
       "a buffer with exactly enough room takes the request");

    qoe_buf_free(&b);
    release(&packed, 1);
}


static void
test_memory(void)
{
    long              n, bad;
    rec_t             r = full(), s = small();
    size_t            nbad;
    qoe_buf_t         b;
    tap_mem_t         m;
    qoe_span_t        records[2];
    qoe_arena_t       a;
    qoe_named_t       strange = { qoe_span("\xff"), qoe_span("x") };
    qoe_status_t      rc;
    const qoe_mem_t  *mem;

    s.meta.attrs = &strange;
    s.meta.nattrs = 1;

    records[0] = pack(&r);
    records[1] = pack(&s);
    bad = 0;

    for (n = 0; ; n++) {
        mem = tap_mem(&m, n);
        qoe_arena_init(&a, mem, 64, 1 << 20);
        qoe_buf_init(&b, mem, 1 << 20);

        rc = qoe_otlp_logs(&b, &identity, records, 2, &nbad, &a);

        bad += m.failed ? (rc != QOE_NOMEM || b.len != 0) : (rc != QOE_OK);

        qoe_arena_free(&a);
        qoe_buf_free(&b);
        bad += (m.live != 0);

        if (m.failed == 0) {
            break;
        }
    }

    ok(bad == 0 && n > 5,
       "the failure of each of %ld allocations is reported", n);

    qoe_arena_init(&a, &qoe_mem_heap, 128, 128);
    qoe_buf_init(&b, &qoe_mem_heap, 1 << 20);
    rc = qoe_otlp_logs(&b, &identity, records, 2, &nbad, &a);
    ok(rc == QOE_NOMEM && b.len == 0,
       "an arena that has reached its maximum is out of memory");

    qoe_arena_free(&a);
    qoe_buf_free(&b);
    release(records, 2);
}


int
main(void)
{
    qoe_arena_init(&arena, &qoe_mem_heap, 4096, 16 << 20);
    qoe_buf_init(&out, &qoe_mem_heap, QOE_OTLP_REQUEST_MAX);

    test_golden();
    test_nothing();
    test_severity();
    test_trace_id();
    test_text();
    test_text_places();
    test_attributes();
    test_too_large();
    test_memory();

    qoe_buf_free(&out);
    qoe_arena_free(&arena);

    return tap_end();
}
