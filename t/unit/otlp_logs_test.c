
/*
 * Copyright (C) OpenQoE
 */


#include "tap.h"
#include "otlp_golden.h"

#include "otlp_logs_pb.h"


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


static ProtobufCBinaryData
bytes(const char *s)
{
    return (ProtobufCBinaryData) { strlen(s), (uint8_t *) (uintptr_t) s };
}


static Openqoe__V1__Record
small(void)
{
    Openqoe__V1__Record  r = OPENQOE__V1__RECORD__INIT;

    r.event_unix_nano = 1;
    r.received_unix_nano = 2;
    r.event_type = bytes("pause");
    r.severity_number = 9;
    r.uid = (ProtobufCBinaryData) { 16, (uint8_t *) (uintptr_t)
              "\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377"
            };
    r.org_id = bytes("o");
    r.player_id = bytes("p");
    r.session_id = bytes("s");
    r.view_id = bytes("v1");
    r.viewer_id = bytes("w");
    r.body = bytes("{}");

    return r;
}


static Openqoe__V1__Record
full(void)
{
    Openqoe__V1__Record  r = OPENQOE__V1__RECORD__INIT;

    r.event_unix_nano = 1700000000123000000;
    r.received_unix_nano = 1700000000456789012;
    r.event_type = bytes("error");
    r.severity_number = 17;
    r.uid = (ProtobufCBinaryData) { 16, (uint8_t *) (uintptr_t)
              "\0\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17" };
    r.org_id = bytes("org");
    r.player_id = bytes("pl");
    r.session_id = bytes("se");
    r.view_id = bytes("018BCFE5-6800-7000-8000-0123456789ab");
    r.viewer_id = bytes("vw");
    r.env = bytes("prod");
    r.app_name = bytes("app");
    r.app_version = bytes("1.2");
    r.marker = bytes("mk");
    r.body = bytes("{\"event_type\":\"error\",\"t\":\"\xc3\xa9 \\\"x\\\"\"}");

    return r;
}


/* Packed into memory that lives as long as the test. */

static qoe_span_t
pack(const Openqoe__V1__Record *r)
{
    size_t    len;
    uint8_t  *p;

    len = openqoe__v1__record__get_packed_size(r);
    p = malloc(len);

    if (p == NULL) {
        abort();
    }

    openqoe__v1__record__pack(r, p);

    return (qoe_span_t) { (char *) p, len };
}


static void
release(qoe_span_t *s, size_t n)
{
    while (n-- > 0) {
        free((char *) (uintptr_t) s[n].data);
    }
}


/* Is what is in out what protobuf-c writes of them, too? */

static bool
same(const qoe_span_t *records, size_t n)
{
    bool          is;
    size_t        nbad;
    qoe_buf_t     pb;
    qoe_arena_t   a;
    qoe_status_t  rc;

    qoe_buf_init(&pb, &qoe_mem_heap, QOE_OTLP_REQUEST_MAX);
    qoe_arena_init(&a, &qoe_mem_heap, 65536, 64 << 20);

    rc = pb_logs(&pb, QOE_ENCODING_PROTOBUF, &identity, records, n, &nbad, &a);
    is = (rc == QOE_OK && pb.len == out.len
          && memcmp(pb.data, out.data, pb.len) == 0);

    qoe_buf_free(&pb);
    qoe_arena_free(&a);

    return is;
}


/*
 * What became of one record, read back into the arena; NULL unless it is one
 * log record.
 */

static log_t *
log_of(const Openqoe__V1__Record *r)
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

    if (rc != QOE_OK || nbad != 0 || !same(&packed, 1)) {
        release(&packed, 1);
        return NULL;
    }

    release(&packed, 1);

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
    char                  golden[2048];
    size_t                nbad;
    qoe_span_t            records[3], want;
    qoe_status_t          rc;
    Openqoe__V1__Record   a = full(), b = small();
    static const char     json[] =
        "{\"resourceLogs\":[{\"resource\":{\"attributes\":["
        "{\"key\":\"service.name\",\"value\":{\"stringValue\":"
        "\"openQoE-worker\"}},"
        "{\"key\":\"host.name\",\"value\":{\"stringValue\":\"h1\"}}]},"
        "\"scopeLogs\":[{\"scope\":{\"name\":\"openqoe\","
        "\"version\":\"0.1.0\"},\"logRecords\":["
        "{\"timeUnixNano\":\"1\",\"severityNumber\":9,"
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

    b.view_id = bytes("018bcfe5-6800-7000-8000-0123456789ab");
    records[0] = pack(&b);
    qoe_buf_reset(&out);

    rc = pb_logs(&out, QOE_ENCODING_JSON, &identity, records, 1, &nbad, &arena);

    ok(rc == QOE_OK && nbad == 0
       && qoe_span_eq(qoe_span(json), (qoe_span_t) { out.data, out.len }),
       "the exact text of the JSON request");

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
       "no record can be read: nothing is appended");

    rc = qoe_otlp_logs(&out, &identity, records, 0, &nbad, &arena);
    ok(rc == QOE_DONE && nbad == 0 && out.len == 3, "no record at all");
}


static void
test_severity(void)
{
    size_t               i;
    log_t               *log;
    Openqoe__V1__Record  r = small();
    static const struct {
        uint32_t     in;
        int          number;
        const char  *text;
    } rows[] = {
        { 9, 9, "INFO" }, { 13, 13, "WARN" }, { 17, 17, "ERROR" },
        { 1, 1, "TRACE" }, { 8, 8, "DEBUG" }, { 24, 24, "FATAL" },
        { 0, 0, "" }, { 25, 0, "" }, { 0xffffffff, 0, "" }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        r.severity_number = rows[i].in;
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
    size_t               i;
    log_t               *log;
    Openqoe__V1__Record  r = small();
    static const char   *none[] = {
        "00000000-0000-0000-0000-000000000000", "v1",
        "018bcfe5-6800-7000-8000-0123456789a",
        "018bcfe5-6800-7000-8000-0123456789abc",
        "018bcfe568007000800000123456789abcde",
        "g18bcfe5-6800-7000-8000-0123456789ab"
    };

    for (i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        r.view_id = bytes(none[i]);
        log = log_of(&r);

        ok(log != NULL && log->trace_id.len == 0
           && strcmp(attr(log, "view_id"), none[i]) == 0,
           "no trace id from %s", none[i]);
    }

    r.view_id = bytes("00000000-0000-0000-0000-000000000001");
    log = log_of(&r);

    ok(log != NULL && log->trace_id.len == 16
       && memcmp(log->trace_id.data, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1", 16)
          == 0,
       "a UUID that is not zero is the trace id");
}


static void
test_text(void)
{
    log_t               *log;
    Openqoe__V1__Record  r = small();

    r.marker = (ProtobufCBinaryData) { 4, (uint8_t *) (uintptr_t) "a\0b\xff" };
    r.env = bytes("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
    r.app_name = bytes("\xed\xa0\x80\xc0\x80\xf5\xe2\x82");
    r.body = bytes("{\"0123456789abcdef\":\"\xc3\xa9\xfe 012345678\x80\"}");

    log = log_of(&r);

    ok(log != NULL && strcmp(attr(log, "marker"), "a?b?") == 0,
       "a NUL and a byte that is not UTF-8 become question marks");
    ok(log != NULL && strcmp(attr(log, "env"),
                             "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80") == 0,
       "UTF-8 of two to four bytes stays");
    ok(log != NULL && strcmp(attr(log, "app_name"), "????????") == 0,
       "surrogates, overlong, too high and cut sequences do not");
    ok(log != NULL && strcmp(log->body->string_value,
                             "{\"0123456789abcdef\":\"\xc3\xa9? 012345678?\"}")
                      == 0,
       "and in a long text");
    ok(log != NULL && attr(log, "app_version") == NULL
       && log->n_attributes == 10, "an empty field is no attribute");
}


/* Wrong bytes at each place of a text of each length. */

static void
test_text_places(void)
{
    char        text[41], want[41], *got;
    size_t      len, i, bad;

    bad = 0;

    for (len = 1; len <= 40; len++) {
        for (i = 0; i < len; i++) {
            memset(text, 'x', len);
            memset(want, 'x', len);
            text[i] = (i & 1) ? '\0' : '\x80';
            want[i] = '?';

            qoe_arena_reset(&arena);
            got = qoe_pb_text(&arena, qoe_span("\xffp"),
                              (qoe_span_t) { text, len });

            bad += (got == NULL || memcmp(got, "\xffp", 2) != 0
                    || memcmp(got + 2, want, len) != 0
                    || got[len + 2] != '\0');
        }
    }

    ok(bad == 0, "a wrong byte is found at each of 40 places");
}


/* What openqoe_attribute adds, and what a broken record may say there. */

static void
test_attributes(void)
{
    size_t                i, n;
    log_t                *log;
    Openqoe__V1__Named    named[50], *list[50];
    Openqoe__V1__Record   r = full();

    for (i = 0; i < 50; i++) {
        openqoe__v1__named__init(&named[i]);
        list[i] = &named[i];
    }

    named[0].name = bytes("geo.city");
    named[0].value = bytes("K\xc3\xb6ln");
    named[1].name = bytes("env");
    named[1].value = bytes("no");
    named[2].name = bytes("geo.city");
    named[2].value = bytes("Bonn");
    named[3].name = bytes("empty");
    named[4].value = bytes("without a name");
    named[5].name = bytes("log.record.uid");
    named[5].value = bytes("no");
    named[6].name = bytes("edge");
    named[6].value = (ProtobufCBinaryData) { 3, (uint8_t *) (uintptr_t)
                                                "a\xff\0" };

    r.attributes = list;
    r.n_attributes = 7;
    log = log_of(&r);

    ok(log != NULL && log->n_attributes == 11 + 2
       && strcmp(attr(log, "geo.city"), "K\xc3\xb6ln") == 0
       && strcmp(attr(log, "edge"), "a??") == 0, "attributes of the server");
    ok(log != NULL && strcmp(attr(log, "env"), "prod") == 0
       && strcmp(attr(log, "log.record.uid"),
                 "00010203-0405-0607-0809-0a0b0c0d0e0f") == 0,
       "none takes the place of ours, and none is there twice");

    r.dimensions = list;
    r.n_dimensions = 7;
    r.n_attributes = 0;
    log = log_of(&r);

    ok(log != NULL && log->n_attributes == 11,
       "values of custom dimensions are no attributes");

    for (i = 0; i < 50; i++) {
        named[i].name = (ProtobufCBinaryData) { 1, (uint8_t *) (uintptr_t)
            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWX" + i };
        named[i].value = bytes("x");
    }

    r.attributes = list;
    r.n_attributes = 50;
    log = log_of(&r);
    n = (log != NULL) ? log->n_attributes : 0;

    ok(n == 11 + QOE_ATTRIBUTES_MAX && attr(log, "F") != NULL
       && attr(log, "G") == NULL, "not more than a record of ours has");
}


static void
test_too_large(void)
{
    size_t               nbad, len;
    qoe_buf_t            b;
    qoe_span_t           packed;
    qoe_status_t         rc, at;
    Openqoe__V1__Record  r = full();

    packed = pack(&r);

    qoe_buf_reset(&out);
    qoe_arena_reset(&arena);
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
       && memcmp(b.data + 2, out.data, len) == 0, "and what fits is appended");

    qoe_buf_free(&b);
    release(&packed, 1);
}


static void
test_memory(void)
{
    long                 n, bad;
    size_t               nbad;
    qoe_buf_t            b;
    tap_mem_t            m;
    qoe_span_t           records[2];
    qoe_arena_t          a;
    qoe_status_t         rc;
    const qoe_mem_t     *mem;
    Openqoe__V1__Named   named = OPENQOE__V1__NAMED__INIT, *list = &named;
    Openqoe__V1__Record  r = full(), s = small();

    named.name = bytes("edge");
    named.value = bytes("fra1");
    r.attributes = &list;
    r.n_attributes = 1;

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

    ok(bad == 0 && n > 8, "each of %ld allocations fails", n);

    qoe_arena_init(&a, &qoe_mem_heap, 4096, 4096);
    qoe_buf_init(&b, &qoe_mem_heap, 1 << 20);
    rc = qoe_otlp_logs(&b, &identity, records, 2, &nbad, &a);
    ok(rc == QOE_NOMEM && b.len == 0, "the arena's maximum is kept");

    qoe_arena_free(&a);
    qoe_buf_free(&b);
    release(records, 2);
}


/* Text of any length and kind, of a few lengths more often. */

static ProtobufCBinaryData
any_text(unsigned *seed)
{
    size_t                i, len;
    uint8_t              *p;
    static const size_t   lens[] = { 0, 1, 20, 36, 127, 128, 300 };

    len = lens[(size_t) rand_r(seed) % (sizeof(lens) / sizeof(lens[0]))];
    p = qoe_arena_alloc(&arena, len + 1);

    if (p == NULL) {
        abort();
    }

    for (i = 0; i < len; i++) {
        p[i] = (rand_r(seed) % 40 == 0) ? (uint8_t) rand_r(seed)
                                        : (uint8_t) ('a' + rand_r(seed) % 26);
    }

    return (ProtobufCBinaryData) { len, p };
}


/* Records with and without each part, in batches of several sizes. */

static void
test_oracle(void)
{
    size_t               i, k, n, bad, nbad;
    unsigned             seed;
    qoe_span_t           records[40];
    Openqoe__V1__Named   named[40], *list[40];
    Openqoe__V1__Record  r;

    bad = 0;
    seed = 11;

    for (i = 0; i < 2000; i++) {
        qoe_arena_reset(&arena);
        qoe_buf_reset(&out);
        n = 1 + (size_t) rand_r(&seed) % 40;

        for (k = 0; k < 40; k++) {
            openqoe__v1__named__init(&named[k]);
            named[k].name = any_text(&seed);
            named[k].value = any_text(&seed);
            list[k] = &named[(size_t) rand_r(&seed) % (k + 1)];
        }

        for (k = 0; k < n; k++) {
            r = (rand_r(&seed) & 1) ? full() : small();
            r.event_unix_nano *= (rand_r(&seed) & 3) != 0;
            r.received_unix_nano *= (rand_r(&seed) & 3) != 0;
            r.severity_number = (uint32_t) rand_r(&seed) % 30;
            r.body = any_text(&seed);
            r.env = any_text(&seed);
            r.marker = any_text(&seed);
            r.app_name = any_text(&seed);
            r.event_type = (ProtobufCBinaryData) {
                1 + (size_t) rand_r(&seed) % 8, (uint8_t *) "event\xfftype"
            };

            r.n_attributes = (size_t) rand_r(&seed) % 41
                             * (rand_r(&seed) % 4 == 0);
            r.attributes = list;
            records[k] = pack(&r);

            if (rand_r(&seed) % 16 == 0) {
                records[k].len = records[k].len / 2;
            }
        }

        bad += (qoe_otlp_logs(&out, &identity, records, n, &nbad, &arena)
                == QOE_OK) != same(records, n);

        release(records, n);
    }

    ok(bad == 0, "the bytes of protobuf-c for %zu batches of any records", i);
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
    test_oracle();

    qoe_buf_free(&out);
    qoe_arena_free(&arena);

    return tap_end();
}
