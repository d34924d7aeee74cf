
/*
 * Copyright (C) OpenQoE
 *
 * Requests in protobuf, as the spool holds them: their JSON is what the
 * encoder writes, two of them in a row are one, and no byte of them is
 * trusted.
 */


#include "tap.h"
#include "otlp_logs_oracle.h"
#include "qoe_otlp.h"
#include "qoe_record.h"


#define TRACES                                                                \
    "\x0a\x0c"                           /* resource_spans */                 \
    "\x0a\x00"                           /* resource */                       \
    "\x12\x08"                           /* scope_spans */                    \
    "\x12\x03\x2a\x01n"                  /* span, name n */                   \
    "\x1a\x01u"                          /* schema_url u */                   \
    "\x0a\x06\x12\x04\x12\x00\x12\x00"   /* two empty spans */

/*
 * A gauge of two points, a sum of one, a histogram of one, and a metric of no
 * data.
 */
#define METRICS                                                               \
    "\x0a\x1a\x12\x18"                                                        \
    "\x12\x06\x2a\x04\x0a\x00\x0a\x00"                                        \
    "\x12\x06\x3a\x04\x10\x02\x0a\x00"                                        \
    "\x12\x04\x4a\x02\x0a\x00"                                                \
    "\x12\x00"


static const qoe_attr_t  resource[] = {
    { qoe_span("service.name"), qoe_span("openQoE-worker") }
};

static const qoe_otlp_identity_t  identity = {
    resource, 1, qoe_span("openqoe"), qoe_span("0.1.0")
};


static qoe_arena_t  arena;
static qoe_arena_t  packs;
static qoe_span_t   records[3];


static void
make_records(void)
{
    char                raw[64];
    size_t              i;
    qoe_event_t         ev;
    qoe_record_meta_t   meta;
    qoe_record_parts_t  parts;

    for (i = 0; i < 3; i++) {
        memset(&ev, 0, sizeof(ev));
        memset(&meta, 0, sizeof(meta));
        snprintf(raw, sizeof(raw), "{\"n\":%zu,\"t\":\"\xc3\xa9\"}", i);

        ev.type = QOE_EVENT_PLAYING;
        ev.type_name = qoe_span("playing");
        ev.severity = QOE_SEVERITY_INFO;
        ev.time_ms = 1700000000000;
        ev.field[QOE_FIELD_ORG_ID] = (qoe_value_t) {
            QOE_VALUE_STRING, { qoe_span("org") }
        };
        ev.raw = qoe_arena_copy(&packs, qoe_span_str(raw));

        if (qoe_record_pack(&parts, &ev, &meta, &packs) != QOE_OK
            || qoe_record_join(&records[i], &parts, &packs) != QOE_OK)
        {
            abort();
        }
    }
}


static qoe_span_t
logs(qoe_buf_t *out, size_t first, size_t n)
{
    size_t  nbad, len;

    len = out->len;

    if (qoe_otlp_logs(out, &identity, records + first, n, &nbad, &arena)
        != QOE_OK)
    {
        abort();
    }

    qoe_arena_reset(&arena);

    return (qoe_span_t) { out->data + len, out->len - len };
}


static qoe_status_t
transcode(qoe_buf_t *out, qoe_signal_t signal, qoe_span_t request)
{
    qoe_status_t  rc;

    rc = qoe_otlp_transcode(out, signal, request, &arena);
    qoe_arena_reset(&arena);

    return rc;
}


static int
occurs(const qoe_buf_t *b, const char *text)
{
    int          n;
    const char  *p;

    n = 0;

    for (p = strstr(b->data, text); p != NULL; p = strstr(p + 1, text)) {
        n++;
    }

    return n;
}


static void
test_logs(void)
{
    size_t     nbad;
    uint64_t   n;
    qoe_buf_t  pb, want, json;

    qoe_buf_init(&pb, &qoe_mem_heap, 1 << 20);
    qoe_buf_init(&want, &qoe_mem_heap, 1 << 20);
    qoe_buf_init(&json, &qoe_mem_heap, 1 << 20);

    logs(&pb, 0, 3);
    qoe_otlp_json(&want, oracle_request(&identity, records, 3, &nbad, &arena));
    qoe_arena_reset(&arena);

    ok(transcode(&json, QOE_SIGNAL_LOGS,
                 (qoe_span_t) { pb.data, pb.len }) == QOE_OK
       && qoe_span_eq((qoe_span_t) { json.data, json.len },
                      (qoe_span_t) { want.data, want.len }),
       "the JSON is that of the same records' messages");
    ok(qoe_otlp_items(QOE_SIGNAL_LOGS, (qoe_span_t) { pb.data, pb.len }, &n)
       == QOE_OK && n == 3, "a request of three records has three items");

    qoe_buf_reset(&pb);
    qoe_buf_reset(&json);
    logs(&pb, 0, 1);
    logs(&pb, 1, 2);

    ok(transcode(&json, QOE_SIGNAL_LOGS,
                 (qoe_span_t) { pb.data, pb.len }) == QOE_OK,
       "two requests after each other can be made JSON");
    qoe_buf_append(&json, "", 1);
    ok(occurs(&json, "\"resourceLogs\"") == 1
       && occurs(&json, "\"timeUnixNano\"") == 3
       && occurs(&json, "\\\"n\\\":0") == 1
       && occurs(&json, "\\\"n\\\":1") == 1
       && occurs(&json, "\\\"n\\\":2") == 1,
       "two requests after each other become one with all records");
    ok(qoe_otlp_items(QOE_SIGNAL_LOGS, (qoe_span_t) { pb.data, pb.len }, &n)
       == QOE_OK && n == 3,
       "the items of two requests after each other are counted together");

    qoe_buf_free(&pb);
    qoe_buf_free(&want);
    qoe_buf_free(&json);
}


static void
test_others(void)
{
    uint64_t      n;
    qoe_buf_t     json;
    qoe_status_t  rc;

    static const char  traces[] =
        "{\"resourceSpans\":[{\"resource\":{},\"scopeSpans\":[{\"spans\":["
        "{\"name\":\"n\"}],\"schemaUrl\":\"u\"}]},{\"scopeSpans\":[{\"spans\":"
        "[{},{}]}]}]}";

    qoe_buf_init(&json, &qoe_mem_heap, 4096);

    rc = transcode(&json, QOE_SIGNAL_TRACES, qoe_span(TRACES));
    ok(rc == QOE_OK && qoe_span_eq((qoe_span_t) { json.data, json.len },
                                   qoe_span(traces)), "spans become JSON");
    ok(qoe_otlp_items(QOE_SIGNAL_TRACES, qoe_span(TRACES), &n) == QOE_OK
       && n == 3, "a request of three spans has three items");

    qoe_buf_reset(&json);
    ok(transcode(&json, QOE_SIGNAL_METRICS, qoe_span(METRICS)) == QOE_OK,
       "metrics become JSON");
    ok(qoe_otlp_items(QOE_SIGNAL_METRICS, qoe_span(METRICS), &n) == QOE_OK
       && n == 4, "a request of four points has four items");

    ok(qoe_otlp_items(QOE_SIGNAL_LOGS, qoe_span_null, &n) == QOE_OK
       && n == 0, "an empty request has no items");

    /* Unknown fields are passed over, for each wire type. */

    ok(qoe_otlp_items(QOE_SIGNAL_TRACES,
                      qoe_span("\xf8\x01\x80\x01\xf9\x01" "12345678\xfd\x01"
                               "1234\xfa\x01\x02zz" TRACES), &n) == QOE_OK
       && n == 3, "unknown fields do not change the number of items");

    qoe_buf_free(&json);
}


/* A request that cannot be converted leaves the buffer as it was. */

static void
test_errors(void)
{
    long          i;
    size_t        len, nbad;
    qoe_buf_t     pb, json;
    qoe_span_t    request;
    tap_mem_t     mem;
    qoe_arena_t   small;
    qoe_status_t  rc;

    qoe_buf_init(&pb, &qoe_mem_heap, 1 << 20);
    qoe_buf_init(&json, &qoe_mem_heap, 100);

    request = logs(&pb, 0, 3);
    qoe_buf_append(&json, "keep", 4);

    ok(transcode(&json, QOE_SIGNAL_LOGS, request) == QOE_TOO_LARGE
       && json.len == 4 && json.status == QOE_OK,
       "JSON past the buffer's maximum is refused, and the buffer stays as it "
       "was");
    ok(transcode(&json, QOE_SIGNAL_LOGS, qoe_span("garbage")) == QOE_INVALID
       && json.len == 4 && json.status == QOE_OK,
       "garbage is refused, and the buffer stays as it was");

    pb.status = QOE_NOMEM;
    len = pb.len;
    nbad = 7;
    ok(qoe_otlp_logs(&pb, &identity, records, 3, &nbad, &arena) == QOE_NOMEM
       && pb.len == len && nbad == 0,
       "a buffer that had an error takes no records, and says which");
    pb.status = QOE_OK;

    json.max = 1 << 20;

    for (i = 0; ; i++) {
        qoe_arena_init(&small, tap_mem(&mem, i), 256, 1 << 20);
        rc = qoe_otlp_transcode(&json, QOE_SIGNAL_LOGS, request, &small);
        qoe_arena_free(&small);

        if (mem.failed == 0) {
            break;
        }

        if (rc != QOE_NOMEM || json.len != 4 || mem.live != 0) {
            rc = QOE_ERROR;
            break;
        }
    }

    ok(rc == QOE_OK && i > 3,
       "the failure of each of %ld allocations is reported", i);

    qoe_buf_free(&pb);
    qoe_buf_free(&json);
}


/*
 * Requests cut anywhere, or with any byte altered: no crash, and no count of
 * nonsense.
 */

static void
test_damage(void)
{
    int           bit;
    bool          cut, flip;
    char         *copy;
    size_t        i;
    uint64_t      n;
    qoe_buf_t     pb, json;
    qoe_span_t    request;
    qoe_status_t  walk, unpack;

    qoe_buf_init(&pb, &qoe_mem_heap, 1 << 20);
    qoe_buf_init(&json, &qoe_mem_heap, 1 << 20);

    request = logs(&pb, 0, 3);
    cut = true;
    flip = true;

    /*
     * Copies of exactly their own length let a checker see each byte too far.
     */

    for (i = 0; i < request.len; i++) {
        copy = malloc(i + 1);
        memcpy(copy, request.data, i);

        n = 1;
        walk = qoe_otlp_items(QOE_SIGNAL_LOGS, (qoe_span_t) { copy, i }, &n);
        cut &= (i == 0 ? walk == QOE_OK : walk == QOE_INVALID) && n == 0;

        free(copy);
    }

    ok(cut, "a request that is cut off is refused");

    copy = malloc(request.len);

    for (i = 0; i < request.len; i++) {
        for (bit = 0; bit < 8; bit++) {
            memcpy(copy, request.data, request.len);
            copy[i] = (char) (copy[i] ^ 1 << bit);

            walk = qoe_otlp_items(QOE_SIGNAL_LOGS,
                                  (qoe_span_t) { copy, request.len }, &n);
            unpack = transcode(&json, QOE_SIGNAL_LOGS,
                               (qoe_span_t) { copy, request.len });
            qoe_buf_reset(&json);

            /* What protobuf-c unpacks is a message for the walk, too. */

            flip &= (walk == QOE_INVALID && n == 0)
                    || (walk == QOE_OK && n <= request.len / 2);
            flip &= unpack == QOE_INVALID || walk == QOE_OK;
        }
    }

    ok(flip,
       "a request with a wrong bit is refused or has a count that makes sense");

    free(copy);
    qoe_buf_free(&pb);
    qoe_buf_free(&json);
}


static void
test_wire(void)
{
    size_t    i;
    uint64_t  n;
    bool      refused;

    static const qoe_span_t  bad[] = {
        qoe_span("\x0a"),                                    /* no length */
        qoe_span("\x0a\x05" "abcd"),                         /* too long */
        qoe_span("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
        qoe_span("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"),
        qoe_span("\x00\x01"),                                /* field 0 */
        qoe_span("\x0b\x0c"),                                /* a group */
        qoe_span("\x09" "1234567"),                          /* fixed64 */
        qoe_span("\x0d" "123"),                              /* fixed32 */
        qoe_span("\x08\x80"),                                /* varint */
        qoe_span("\x0a\x02\x12\x05")                         /* within */
    };

    refused = true;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        n = 1;
        refused &= qoe_otlp_items(QOE_SIGNAL_LOGS, bad[i], &n) == QOE_INVALID
                   && n == 0;
    }

    ok(refused, "bytes that are no message are refused");
}


/* Messages that just fit, and numbers of fields that look like others. */

static void
test_fits(void)
{
    size_t    i;
    uint64_t  n;
    static const struct {
        const char    *claim;
        qoe_span_t     bytes;
        uint64_t       n;
    } rows[] = {
        { "a field may end with the message", qoe_span("\x12\x04" "abcd"), 0 },
        { "so may a fixed64", qoe_span("\x11" "12345678"), 0 },
        { "and a fixed32", qoe_span("\x15" "1234"), 0 },
        { "and a number", qoe_span("\x10\x7f"), 0 },
        { "a number may have ten bytes",
          qoe_span("\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), 0 },
        { "an item may be empty", qoe_span("\x0a\x04\x12\x02\x12\x00"), 1 },
        { "two items are two",
          qoe_span("\x0a\x06\x12\x04\x12\x00\x12\x00"), 2 },
        { "the last field that a bit stands for is not the first one",
          qoe_span("\xfa\x01\x04\x12\x02\x12\x00"), 0 },
        { "nor is the one after it",
          qoe_span("\x82\x02\x04\x12\x02\x12\x00"), 0 },
        { "nor is a number of 32 more",
          qoe_span("\x8a\x02\x04\x12\x02\x12\x00"), 0 },
        { "a number in place of a message has no items",
          qoe_span("\x08\x04\x12\x00"), 0 }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        n = 99;
        ok(qoe_otlp_items(QOE_SIGNAL_LOGS, rows[i].bytes, &n) == QOE_OK
           && n == rows[i].n, "%s", rows[i].claim);
    }
}


int
main(void)
{
    qoe_arena_init(&arena, &qoe_mem_heap, 65536, 16 << 20);
    qoe_arena_init(&packs, &qoe_mem_heap, 65536, 16 << 20);

    make_records();
    test_logs();
    test_others();
    test_errors();
    test_damage();
    test_wire();
    test_fits();

    qoe_arena_free(&arena);
    qoe_arena_free(&packs);

    return tap_end();
}
