
/*
 * Copyright (C) OpenQoE
 */


#include "tap.h"
#include "otlp_golden.h"

#include "qoe_otlp.h"

#include "google/rpc/error_details.pb-c.h"
#include "google/rpc/status.pb-c.h"


#define UNSET            (-77)


static qoe_arena_t  arena;


typedef struct {
    qoe_signal_t  signal;
    const char   *body;          /* hex for protobuf */
    qoe_status_t  rc;
    int64_t       rejected;
    const char   *error;
} row_t;


static const row_t  protobuf[] = {
    { QOE_SIGNAL_LOGS, "", QOE_OK, 0, "" },
    { QOE_SIGNAL_LOGS, GOLDEN_LOGS_RESPONSE, QOE_OK, 3, "too old" },
    { QOE_SIGNAL_TRACES, GOLDEN_TRACE_RESPONSE, QOE_OK, INT64_MAX, "" },
    { QOE_SIGNAL_METRICS, GOLDEN_METRICS_RESPONSE, QOE_OK, 0, "m" },

    /* An empty partial_success and an unknown field. */
    { QOE_SIGNAL_LOGS, "0a00", QOE_OK, 0, "" },
    { QOE_SIGNAL_LOGS, "5a03616263" GOLDEN_LOGS_RESPONSE, QOE_OK, 3,
      "too old" },

    /* A text that is not UTF-8, or has a NUL. */
    { QOE_SIGNAL_LOGS, "0a05120361ff62", QOE_OK, 0, "a?b" },

    /*
     * A varint without an end, a length past the end, an unknown wire type, a
     * tag 0.
     */
    { QOE_SIGNAL_LOGS, "0affffffffffffffffffff", QOE_INVALID, 0, "" },
    { QOE_SIGNAL_LOGS, "0a05", QOE_INVALID, 0, "" },
    { QOE_SIGNAL_LOGS, "0f", QOE_INVALID, 0, "" },
    { QOE_SIGNAL_LOGS, "0a0308", QOE_INVALID, 0, "" },
    { QOE_SIGNAL_LOGS, "3c68746d6c3e", QOE_INVALID, 0, "" }
};


static const row_t  json[] = {
    { QOE_SIGNAL_LOGS, "", QOE_OK, 0, "" },
    { QOE_SIGNAL_LOGS, "{}", QOE_OK, 0, "" },
    { QOE_SIGNAL_LOGS, "{\"partialSuccess\":{}}", QOE_OK, 0, "" },
    { QOE_SIGNAL_LOGS, " {\"partialSuccess\":null,\"x\":[1]}\n", QOE_OK, 0,
      "" },
    { QOE_SIGNAL_LOGS, "{\"partialSuccess\":{\"rejectedLogRecords\":\"3\","
      "\"errorMessage\":\"too old\"}}", QOE_OK, 3, "too old" },
    { QOE_SIGNAL_LOGS, "{\"partialSuccess\":{\"rejectedLogRecords\":3}}",
      QOE_OK, 3, "" },
    { QOE_SIGNAL_LOGS, "{\"partialSuccess\":{\"rejectedLogRecords\":null,"
      "\"errorMessage\":null}}", QOE_OK, 0, "" },
    { QOE_SIGNAL_LOGS, "{\"partialSuccess\":{\"errorMessage\":"
      "\"\\u0000\\u20ac\"}}", QOE_OK, 0, "?\xe2\x82\xac" },
    { QOE_SIGNAL_TRACES, "{\"partialSuccess\":{\"rejectedSpans\":"
      "\"9223372036854775807\"}}", QOE_OK, INT64_MAX, "" },
    { QOE_SIGNAL_METRICS, "{\"partialSuccess\":{\"rejectedDataPoints\":"
      "\"-4\"}}", QOE_OK, 0, "" },
    { QOE_SIGNAL_METRICS, "{\"partialSuccess\":{\"rejectedSpans\":4}}",
      QOE_OK, 0, "" },
    { QOE_SIGNAL_METRICS, "{\"partialSuccess\":{\"rejectedDataPoints\":"
      "\"0\"}}", QOE_OK, 0, "" },
    { QOE_SIGNAL_METRICS, "{\"partialSuccess\":{\"rejectedDataPoints\":"
      "\"9\"}}", QOE_OK, 9, "" },
    { QOE_SIGNAL_METRICS, "{\"partialSuccess\":{\"rejectedDataPoints\":"
      "\"+9\"}}", QOE_INVALID, 0, "" },
    { QOE_SIGNAL_METRICS, "{\"partialSuccess\":{\"rejectedDataPoints\":"
      "\":9\"}}", QOE_INVALID, 0, "" },
    { QOE_SIGNAL_METRICS, "{\"partialSuccess\":{\"rejectedDataPoints\":"
      "\"/9\"}}", QOE_INVALID, 0, "" },

    { QOE_SIGNAL_LOGS, "ok", QOE_INVALID, 0, "" },
    { QOE_SIGNAL_LOGS, "[]", QOE_INVALID, 0, "" },
    { QOE_SIGNAL_LOGS, "{} {}", QOE_INVALID, 0, "" },
    { QOE_SIGNAL_LOGS, "{\"partialSuccess\":[]}", QOE_INVALID, 0, "" },
    { QOE_SIGNAL_LOGS, "{\"partialSuccess\":{\"rejectedLogRecords\":true}}",
      QOE_INVALID, 0, "" },
    { QOE_SIGNAL_LOGS, "{\"partialSuccess\":{\"rejectedLogRecords\":1.5}}",
      QOE_INVALID, 0, "" },
    { QOE_SIGNAL_LOGS, "{\"partialSuccess\":{\"rejectedLogRecords\":\"\"}}",
      QOE_INVALID, 0, "" },
    { QOE_SIGNAL_LOGS, "{\"partialSuccess\":{\"rejectedLogRecords\":\"-\"}}",
      QOE_INVALID, 0, "" },
    { QOE_SIGNAL_LOGS, "{\"partialSuccess\":{\"rejectedLogRecords\":\" 1\"}}",
      QOE_INVALID, 0, "" },
    { QOE_SIGNAL_LOGS, "{\"partialSuccess\":{\"rejectedLogRecords\":\"1x\"}}",
      QOE_INVALID, 0, "" },
    { QOE_SIGNAL_LOGS, "{\"partialSuccess\":{\"rejectedLogRecords\":"
      "\"1\\u0000\"}}", QOE_INVALID, 0, "" },
    { QOE_SIGNAL_LOGS, "{\"partialSuccess\":{\"rejectedLogRecords\":"
      "\"9223372036854775808\"}}", QOE_INVALID, 0, "" },
    { QOE_SIGNAL_LOGS, "{\"partialSuccess\":{\"rejectedLogRecords\":"
      "9223372036854775808}}", QOE_INVALID, 0, "" },
    { QOE_SIGNAL_LOGS, "{\"partialSuccess\":{\"rejectedLogRecords\":7,"
      "\"errorMessage\":5}}", QOE_INVALID, 0, "" }
};


static void
test_rows(const row_t *rows, size_t n, qoe_encoding_t encoding)
{
    char          bytes[256];
    size_t        i;
    int64_t       rejected;
    qoe_span_t    body, error;
    qoe_status_t  rc;

    for (i = 0; i < n; i++) {
        body = (encoding == QOE_ENCODING_JSON)
               ? qoe_span_str(rows[i].body)
               : golden_bytes(bytes, rows[i].body);

        rejected = UNSET;
        error = qoe_span("unset");
        qoe_arena_reset(&arena);

        rc = qoe_otlp_response(rows[i].signal, encoding, body, &rejected,
                               &error, &arena);

        if (!ok(rc == rows[i].rc && rejected == rows[i].rejected
                && qoe_span_eq(error, qoe_span_str(rows[i].error)),
                "the response %s is read as the protocol says",
                rows[i].body[0] ? rows[i].body : "(empty)"))
        {
            printf("# got %d, %lld, \"%.*s\"\n", rc, (long long) rejected,
                   (int) error.len, error.data);
        }
    }
}


static void
test_long_json(void)
{
    char         *body;
    size_t        len;
    int64_t       rejected;
    qoe_span_t    error;
    qoe_status_t  rc;

    len = 1 << 20;
    body = malloc(len);
    if (body == NULL) {
        abort();
    }

    memset(body, '[', len);
    rc = qoe_otlp_response(QOE_SIGNAL_LOGS, QOE_ENCODING_JSON,
                           (qoe_span_t) { body, len }, &rejected, &error,
                           &arena);
    ok(rc == QOE_TOO_LARGE && rejected == 0 && error.len == 0,
       "a megabyte of JSON is refused unread");

    rc = qoe_otlp_response(QOE_SIGNAL_LOGS, QOE_ENCODING_JSON,
                           (qoe_span_t) { body, 60000 }, &rejected, &error,
                           &arena);
    ok(rc == QOE_INVALID, "60,000 nested arrays are refused");

    memset(body, ' ', len);
    memcpy(body, "{\"partialSuccess\":{\"rejectedLogRecords\":3}}", 43);
    rc = qoe_otlp_response(QOE_SIGNAL_LOGS, QOE_ENCODING_JSON,
                           (qoe_span_t) { body, 64 * 1024 }, &rejected, &error,
                           &arena);
    ok(rc == QOE_OK && rejected == 3, "64 KiB of JSON are read");
    rc = qoe_otlp_response(QOE_SIGNAL_LOGS, QOE_ENCODING_JSON,
                           (qoe_span_t) { body, 64 * 1024 + 1 }, &rejected,
                           &error, &arena);
    ok(rc == QOE_TOO_LARGE && rejected == 0, "a byte more is not");

    free(body);
}


/* A Status with a single detail; returns what qoe_otlp_retry_info() says. */

static qoe_status_t
retry(const char *type, const uint8_t *packed, size_t len, int64_t *ms)
{
    uint8_t                buf[512];
    size_t                 n;
    Google__Rpc__Status    s = GOOGLE__RPC__STATUS__INIT;
    Google__Protobuf__Any  any = GOOGLE__PROTOBUF__ANY__INIT;
    Google__Protobuf__Any *details[] = { &any };

    any.type_url = (char *) (uintptr_t) type;
    any.value = (ProtobufCBinaryData) { len, (uint8_t *) (uintptr_t) packed };
    s.code = 8;
    s.details = details;
    s.n_details = 1;

    n = google__rpc__status__pack(&s, buf);
    *ms = UNSET;
    qoe_arena_reset(&arena);

    return qoe_otlp_retry_info((qoe_span_t) { (char *) buf, n }, ms, &arena);
}


static void
test_retry_delay(void)
{
    size_t                      i, n;
    int64_t                     ms;
    uint8_t                     packed[64];
    qoe_status_t                rc;
    Google__Rpc__RetryInfo      info = GOOGLE__RPC__RETRY_INFO__INIT;
    Google__Protobuf__Duration  delay = GOOGLE__PROTOBUF__DURATION__INIT;
    static const struct {
        int64_t  seconds;
        int32_t  nanos;
        int64_t  ms;
    } rows[] = {
        { 0, 0, 0 }, { 0, 1, 1 }, { 0, 999999999, 1000 }, { 1, 0, 1000 },
        { 30, 500000000, 30500 }, { -1, 0, 0 }, { 1, -1, 0 },
        { 0, 1000000, 1 }, { 0, 1000001, 2 },
        { 315576000000, 0, 315576000000 * 1000 },
        { 315576000001, 0, 315576000000 * 1000 },
        { INT64_MAX, INT32_MAX, 315576000000 * 1000 + 2148 },
        { INT64_MIN, INT32_MIN, 0 }
    };

    info.retry_delay = &delay;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        delay.seconds = rows[i].seconds;
        delay.nanos = rows[i].nanos;
        n = google__rpc__retry_info__pack(&info, packed);

        rc = retry("type.googleapis.com/google.rpc.RetryInfo", packed, n, &ms);
        ok(rc == QOE_OK && ms == rows[i].ms, "%lld s and %d ns are %lld ms",
           (long long) rows[i].seconds, rows[i].nanos, (long long) rows[i].ms);
    }

    rc = retry("x/google.rpc.RetryInfo", NULL, 0, &ms);
    ok(rc == QOE_OK && ms == 0, "a RetryInfo without a delay is a delay of 0");

    rc = retry("type.googleapis.com/google.rpc.RetryInfo2", packed, 1, &ms);
    ok(rc == QOE_OK && ms == -1, "a detail of another type gives no delay");

    rc = retry("google.rpc.RetryInfo", packed, 1, &ms);
    ok(rc == QOE_OK && ms == -1,
       "a detail whose type has no slash gives no delay");

    rc = retry("x/google.rpc.RetryInfo", (uint8_t *) "\x0a\x05", 2, &ms);
    ok(rc == QOE_INVALID && ms == -1,
       "a RetryInfo that cannot be read gives no delay");
}


static void
test_retry_status(void)
{
    char          bytes[256];
    size_t        len;
    int64_t       ms;
    qoe_span_t    status;
    qoe_status_t  rc;

    status = golden_bytes(bytes, GOLDEN_RETRY_INFO);
    rc = qoe_otlp_retry_info(status, &ms, &arena);
    ok(rc == QOE_OK && ms == 5251,
       "a RetryInfo after another detail gives 5 s and 250,000,001 ns");

    rc = qoe_otlp_retry_info(qoe_span_null, &ms, &arena);
    ok(rc == QOE_OK && ms == -1, "an empty Status gives no delay");

    for (len = 0; len < status.len; len++) {
        rc = qoe_otlp_retry_info((qoe_span_t) { bytes, len }, &ms, &arena);

        if ((rc != QOE_OK && rc != QOE_INVALID) || ms != -1) {
            break;
        }
    }

    ok(len == status.len, "a Status that is cut gives no delay");
}


/* What the loop over failing allocations runs: 0 a response, 1 a Status. */

static qoe_status_t
run(int which, qoe_arena_t *a, int64_t *n)
{
    char        bytes[256];
    qoe_span_t  body, error;

    if (which == 1) {
        body = golden_bytes(bytes, GOLDEN_RETRY_INFO);
        return qoe_otlp_retry_info(body, n, a);
    }

    body = golden_bytes(bytes, GOLDEN_LOGS_RESPONSE);

    return qoe_otlp_response(QOE_SIGNAL_LOGS, QOE_ENCODING_PROTOBUF, body, n,
                             &error, a);
}


static void
test_memory(void)
{
    int           which;
    long          n, bad;
    int64_t       got;
    tap_mem_t     m;
    qoe_arena_t   a;
    qoe_status_t  rc;

    for (which = 0; which < 2; which++) {
        bad = 0;

        for (n = 0; ; n++) {
            qoe_arena_init(&a, tap_mem(&m, n), 16, 1 << 20);
            rc = run(which, &a, &got);

            bad += m.failed ? (rc != QOE_NOMEM)
                            : (rc != QOE_OK || got != (which ? 5251 : 3));

            qoe_arena_free(&a);
            bad += (m.live != 0);

            if (m.failed == 0) {
                break;
            }
        }

        ok(bad == 0 && n > 3,
           "the failure of each of %ld allocations is reported, in a %s", n,
           which ? "Status" : "response");
    }
}


int
main(void)
{
    qoe_arena_init(&arena, &qoe_mem_heap, 4096, 1 << 20);

    test_rows(protobuf, sizeof(protobuf) / sizeof(protobuf[0]),
              QOE_ENCODING_PROTOBUF);
    test_rows(json, sizeof(json) / sizeof(json[0]), QOE_ENCODING_JSON);
    test_long_json();
    test_retry_delay();
    test_retry_status();
    test_memory();

    qoe_arena_free(&arena);

    return tap_end();
}
