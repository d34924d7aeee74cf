
/*
 * Copyright (C) OpenQoE
 */


#include "tap.h"

#include "qoe_otlp_pb.h"

#include "opentelemetry/proto/metrics/v1/metrics.pb-c.h"
#include "opentelemetry/proto/trace/v1/trace.pb-c.h"

#include <limits.h>
#include <locale.h>
#include <math.h>
#include <unistd.h>
#include <jansson.h>


#define VALUE(which)                                                          \
    OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_##which##_VALUE

#define EMPTY_LIST                                                            \
    OPENTELEMETRY__PROTO__COMMON__V1__KEY_VALUE_LIST__INIT

#define EMPTY_POINT                                                           \
    OPENTELEMETRY__PROTO__METRICS__V1__NUMBER_DATA_POINT__INIT

#define EMPTY_HISTOGRAM                                                       \
    OPENTELEMETRY__PROTO__METRICS__V1__HISTOGRAM_DATA_POINT__INIT

#define HISTOGRAM(which)                                                      \
    OPENTELEMETRY__PROTO__METRICS__V1__HISTOGRAM_DATA_POINT___##which

#define NUMBER(which)                                                         \
    OPENTELEMETRY__PROTO__METRICS__V1__NUMBER_DATA_POINT__VALUE_AS_##which


typedef Opentelemetry__Proto__Common__V1__ArrayValue  array_t;
typedef Opentelemetry__Proto__Common__V1__KeyValueList  kvlist_t;
typedef Opentelemetry__Proto__Metrics__V1__HistogramDataPoint  histogram_t;
typedef Opentelemetry__Proto__Metrics__V1__NumberDataPoint  number_t;
typedef Opentelemetry__Proto__Trace__V1__Span  span_t;
typedef Opentelemetry__Proto__Trace__V1__Span__Link  link_t;
typedef Opentelemetry__Proto__Trace__V1__Status  status_t;


static qoe_buf_t  out;


/* The text of msg is want, and jansson reads it. */

static void
is(const void *msg, const char *want, const char *name)
{
    int      same;
    json_t  *json;

    qoe_buf_reset(&out);
    qoe_otlp_json(&out, msg);

    same = out.status == QOE_OK
           && qoe_span_eq(qoe_span_str(want),
                          (qoe_span_t) { out.data, out.len });

    json = json_loadb(out.data, out.len, 0, NULL);

    if (!ok(same && json != NULL, "%s", name)) {
        printf("# got  %.*s\n# want %s\n", (int) out.len, out.data, want);
    }

    json_decref(json);
}


static qoe_pb_value_t
value(int which)
{
    qoe_pb_value_t  v = OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__INIT;

    v.value_case = which;

    return v;
}


static void
test_scalars(void)
{
    size_t          i;
    qoe_pb_value_t  v;
    static const struct {
        int64_t      in;
        const char  *want;
    } ints[] = {
        { 0, "{\"intValue\":\"0\"}" },
        { -1, "{\"intValue\":\"-1\"}" },
        { INT64_MAX, "{\"intValue\":\"9223372036854775807\"}" },
        { INT64_MIN, "{\"intValue\":\"-9223372036854775808\"}" }
    };

    v = value(0);
    is(&v, "{}", "no member is the empty value");

    for (i = 0; i < sizeof(ints) / sizeof(ints[0]); i++) {
        v = value(VALUE(INT));
        v.int_value = ints[i].in;
        is(&v, ints[i].want, "an int64 is a string of digits");
    }

    v = value(VALUE(BOOL));
    is(&v, "{\"boolValue\":false}", "false in a oneof is written");
    v.bool_value = 1;
    is(&v, "{\"boolValue\":true}", "true is written");

    v = value(VALUE(STRING));
    v.string_value = "";
    is(&v, "{\"stringValue\":\"\"}", "an empty string in a oneof is written");
    v.string_value = NULL;
    is(&v, "{\"stringValue\":\"\"}",
       "a string that was never set is written empty");
    v.string_value = "\"\\/\b\t\n\x01\x7f \xe2\x82\xac";
    is(&v, "{\"stringValue\":\"\\\"\\\\/\\u0008\\u0009\\n\\u0001\\u007f "
           "\xe2\x82\xac\"}", "a string is escaped");
    v.string_value = "a\xff" "b\xed\xa0\x80\xc3";
    is(&v, "{\"stringValue\":\"a\xef\xbf\xbd" "b\xef\xbf\xbd\xef\xbf\xbd"
           "\xef\xbf\xbd\xef\xbf\xbd\"}", "bytes that are not UTF-8 are not "
           "let through");
}


static void
test_doubles(void)
{
    size_t          i;
    char            name[64];
    qoe_pb_value_t  v;
    static const struct {
        double       in;
        const char  *want;
    } rows[] = {
        { 0.0, "{\"doubleValue\":0}" },
        { -0.0, "{\"doubleValue\":-0}" },
        { 0.1, "{\"doubleValue\":0.1}" },
        { 0.1 + 0.2, "{\"doubleValue\":0.30000000000000004}" },
        { 1.0 / 3, "{\"doubleValue\":0.3333333333333333}" },
        { 5e-324, "{\"doubleValue\":4.94065645841247e-324}" },
        { 1.7976931348623157e308, "{\"doubleValue\":1.7976931348623157e+308}" },
        { -1234.5, "{\"doubleValue\":-1234.5}" },
        { NAN, "{\"doubleValue\":\"NaN\"}" },
        { INFINITY, "{\"doubleValue\":\"Infinity\"}" },
        { -INFINITY, "{\"doubleValue\":\"-Infinity\"}" }
    };

    v = value(VALUE(DOUBLE));

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        v.double_value = rows[i].in;
        snprintf(name, sizeof(name), "the double %a", rows[i].in);
        is(&v, rows[i].want, name);
    }
}


/* Every bit pattern that is a number reads back as itself. */

static void
test_round_trip(void)
{
    long            n, bad;
    double          back;
    uint64_t        bits;
    qoe_pb_value_t  v;

    v = value(VALUE(DOUBLE));
    bits = 0x0123456789abcdef;
    bad = 0;

    for (n = 0; n < 20000; n++) {
        bits = bits * 6364136223846793005 + 1442695040888963407;
        memcpy(&v.double_value, &bits, sizeof(bits));

        if (!isfinite(v.double_value)) {
            continue;
        }

        qoe_buf_reset(&out);
        qoe_otlp_json(&out, &v.base);
        qoe_buf_append(&out, "", 1);

        back = strtod(out.data + sizeof("{\"doubleValue\":") - 1, NULL);
        bad += (memcmp(&back, &v.double_value, sizeof(back)) != 0);
    }

    ok(bad == 0, "20,000 doubles read back bit by bit");
}


/* A locale with a decimal comma, made for the test. */

static void
test_locale(void)
{
    int             made;
    char            dir[] = "/tmp/qoe_locale_XXXXXX", cmd[128];
    qoe_pb_value_t  v;

    made = 0;

    if (mkdtemp(dir) != NULL) {
        snprintf(cmd, sizeof(cmd), "localedef -i de_DE -f UTF-8 "
                 "%s/de_DE.UTF-8 >%s/log 2>&1", dir, dir);
        made = system(cmd) == 0 && setenv("LOCPATH", dir, 1) == 0
               && setlocale(LC_NUMERIC, "de_DE.UTF-8") != NULL;
    }

    if (made) {
        v = value(VALUE(DOUBLE));
        v.double_value = -1234567.25e-10;
        snprintf(cmd, sizeof(cmd), "%.1f", 0.5);
        ok(strcmp(cmd, "0,5") == 0,
           "the locale that the test made has a decimal comma");
        is(&v, "{\"doubleValue\":-0.000123456725}",
           "JSON has a decimal point in any locale");
        setlocale(LC_NUMERIC, "C");

    } else {
        ok(1, "a decimal comma # SKIP localedef or de_DE is not here");
    }

    snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);

    if (system(cmd) != 0) {
        printf("# %s is left\n", dir);
    }
}


static void
test_bytes(void)
{
    size_t              i, bad;
    qoe_buf_t           small;
    qoe_pb_value_t      v;
    static const char  *want[] = {
        "{\"bytesValue\":\"\"}", "{\"bytesValue\":\"+w==\"}",
        "{\"bytesValue\":\"+/8=\"}", "{\"bytesValue\":\"+/8A\"}",
        "{\"bytesValue\":\"+/8A/g==\"}"
    };

    v = value(VALUE(BYTES));
    v.bytes_value.data = (uint8_t *) (uintptr_t) "\xfb\xff\x00\xfe";

    for (i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
        v.bytes_value.len = i;
        is(&v, want[i], "bytes are base64");
    }

    v.bytes_value.len = 48;
    v.bytes_value.data = (uint8_t *) (uintptr_t)
        "\x00\x10\x83\x10\x51\x87\x20\x92\x8b\x30\xd3\x8f\x41\x14\x93\x51"
        "\x55\x97\x61\x96\x9b\x71\xd7\x9f\x82\x18\xa3\x92\x59\xa7\xa2\x9a"
        "\xab\xb2\xdb\xaf\xc3\x1c\xb3\xd3\x5d\xb7\xe3\x9e\xbb\xf3\xdf\xbf";
    is(&v, "{\"bytesValue\":\"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrst"
           "uvwxyz0123456789+/\"}", "base64 has each of its 64 digits");

    v.bytes_value.len = 3;
    v.bytes_value.data = (uint8_t *) (uintptr_t) "\xff\xff\xff";
    is(&v, "{\"bytesValue\":\"////\"}", "each of four digits has six bits");
    v.bytes_value.len = 2;
    is(&v, "{\"bytesValue\":\"//8=\"}", "what comes after two bytes is not in "
       "their digits");
    v.bytes_value.len = 1;
    is(&v, "{\"bytesValue\":\"/w==\"}", "nor what comes after a single one");

    v.bytes_value.len = 3;

    for (i = 1, bad = 0; i < 30; i++) {
        qoe_buf_init(&small, &qoe_mem_heap, i);
        qoe_otlp_json(&small, &v.base);
        bad += (small.status == QOE_OK) != (i >= 21)
               || small.len > i
               || (small.status != QOE_OK && small.status != QOE_TOO_LARGE);
        qoe_buf_free(&small);
    }

    ok(bad == 0, "bytes that have no room are reported (%zu)", bad);
}


static void
test_nested(void)
{
    array_t         array = OPENTELEMETRY__PROTO__COMMON__V1__ARRAY_VALUE__INIT;
    kvlist_t        list = EMPTY_LIST;
    qoe_pb_attr_t   attr[2], *attrs[] = { &attr[0], &attr[1] };
    qoe_pb_value_t  text, number, empty, inner, top;
    qoe_pb_value_t  *values[] = { &number, &empty };

    number = value(VALUE(DOUBLE));
    number.double_value = 1.5;
    empty = value(0);

    array.values = values;
    array.n_values = 2;
    inner = value(VALUE(ARRAY));
    inner.array_value = &array;

    qoe_pb_attr_string(&attr[0], &text, "k", "v");
    opentelemetry__proto__common__v1__key_value__init(&attr[1]);
    attr[1].key = "a";
    attr[1].value = &inner;

    list.values = attrs;
    list.n_values = 2;
    top = value(VALUE(KVLIST));
    top.kvlist_value = &list;

    is(&top, "{\"kvlistValue\":{\"values\":["
             "{\"key\":\"k\",\"value\":{\"stringValue\":\"v\"}},"
             "{\"key\":\"a\",\"value\":{\"arrayValue\":{\"values\":["
             "{\"doubleValue\":1.5},{}]}}}]}}", "lists in lists");

    list.n_values = 0;
    is(&top, "{\"kvlistValue\":{}}", "an empty list in a oneof is written");
    top.kvlist_value = NULL;
    is(&top, "{\"kvlistValue\":{}}",
       "a list that was never set is written empty");
}


/* An array in an array, each level two messages; n levels. */

static qoe_status_t
nest(size_t n)
{
    size_t           i;
    array_t         *arrays;
    qoe_pb_value_t  *values, **list;

    arrays = calloc(n, sizeof(array_t));
    values = calloc(n + 1, sizeof(qoe_pb_value_t));
    list = calloc(n + 1, sizeof(qoe_pb_value_t *));

    if (arrays == NULL || values == NULL || list == NULL) {
        abort();
    }

    values[n] = value(VALUE(BOOL));
    list[n] = &values[n];

    for (i = n; i-- > 0; /* void */) {
        opentelemetry__proto__common__v1__array_value__init(&arrays[i]);
        arrays[i].n_values = 1;
        arrays[i].values = &list[i + 1];
        values[i] = value(VALUE(ARRAY));
        values[i].array_value = &arrays[i];
        list[i] = &values[i];
    }

    qoe_buf_reset(&out);
    qoe_otlp_json(&out, &values[0].base);

    free(arrays);
    free(values);
    free(list);

    return out.status;
}


static void
test_depth(void)
{
    ok(nest(63) == QOE_OK, "messages 127 deep are written");
    ok(nest(64) == QOE_TOO_LARGE, "messages 129 deep are refused");
    ok(nest(1000) == QOE_TOO_LARGE, "messages 2,001 deep are refused");
}


static void
test_points(void)
{
    number_t     number = EMPTY_POINT;
    histogram_t  h = EMPTY_HISTOGRAM;
    double       bounds[] = { 0, 0.5, 10 };
    uint64_t     counts[] = { 0, 1, UINT64_MAX, 2 };

    is(&h, "{}", "an empty point is an empty object");

    h.start_time_unix_nano = UINT64_MAX;
    h.time_unix_nano = 1;
    h.count = 3;
    h.bucket_counts = counts;
    h.n_bucket_counts = 4;
    h.explicit_bounds = bounds;
    h.n_explicit_bounds = 3;
    h.flags = UINT_MAX;
    h._min_case = HISTOGRAM(MIN_MIN);
    h.min = 0;
    h._max_case = HISTOGRAM(MAX_MAX);
    h.max = -2.5;

    is(&h, "{\"startTimeUnixNano\":\"18446744073709551615\","
           "\"timeUnixNano\":\"1\",\"count\":\"3\","
           "\"bucketCounts\":[\"0\",\"1\",\"18446744073709551615\",\"2\"],"
           "\"explicitBounds\":[0,0.5,10],\"flags\":4294967295,"
           "\"min\":0,\"max\":-2.5}",
       "a histogram: a min of 0 is there, a sum that is not set is not");

    number.value_case = NUMBER(INT);
    number.as_int = -5;
    is(&number, "{\"asInt\":\"-5\"}", "an integer point is a string of digits");
    number.value_case = NUMBER(DOUBLE);
    number.as_double = 0;
    is(&number, "{\"asDouble\":0}", "a point of 0 is written");
}


static void
test_span(void)
{
    span_t    span = OPENTELEMETRY__PROTO__TRACE__V1__SPAN__INIT;
    link_t    link = OPENTELEMETRY__PROTO__TRACE__V1__SPAN__LINK__INIT;
    link_t   *links[] = { &link };
    status_t  status = OPENTELEMETRY__PROTO__TRACE__V1__STATUS__INIT;
    uint8_t   id[16] = { 0x00, 0x1f, 0xa0, 0xff };

    span.trace_id = (ProtobufCBinaryData) { 16, id };
    span.span_id = (ProtobufCBinaryData) { 8, id };
    span.parent_span_id = (ProtobufCBinaryData) { 8, id + 1 };
    span.name = "view";
    span.kind = 3;
    span.flags = 0x100;
    span.end_time_unix_nano = 7;
    link.trace_id = (ProtobufCBinaryData) { 2, id + 2 };
    link.span_id = (ProtobufCBinaryData) { 1, id + 3 };
    span.links = links;
    span.n_links = 1;
    status.code = 2;
    span.status = &status;

    is(&span, "{\"traceId\":\"001fa0ff000000000000000000000000\","
              "\"spanId\":\"001fa0ff00000000\","
              "\"parentSpanId\":\"1fa0ff0000000000\",\"name\":\"view\","
              "\"kind\":3,\"endTimeUnixNano\":\"7\","
              "\"links\":[{\"traceId\":\"a0ff\",\"spanId\":\"ff\"}],"
              "\"status\":{\"code\":2},\"flags\":256}",
       "a span: ids are hex, enums numbers");

    status.code = 0;
    span = (span_t) OPENTELEMETRY__PROTO__TRACE__V1__SPAN__INIT;
    span.status = &status;
    is(&span, "{\"status\":{}}", "an empty message that is set is written");
}


static void
test_memory(void)
{
    long             n, bad;
    qoe_buf_t        b;
    tap_mem_t        m;
    qoe_pb_attr_t    attr;
    qoe_pb_value_t   v;
    char             text[3000];

    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    qoe_pb_attr_string(&attr, &v, "key", text);
    bad = 0;

    for (n = 0; ; n++) {
        qoe_buf_init(&b, tap_mem(&m, n), 1 << 20);
        qoe_otlp_json(&b, &attr.base);

        bad += m.failed ? (b.status != QOE_NOMEM) : (b.status != QOE_OK);

        qoe_buf_free(&b);
        bad += (m.live != 0);

        if (m.failed == 0) {
            break;
        }
    }

    ok(bad == 0 && n > 1,
       "the failure of each of %ld allocations is reported", n);

    for (n = 0, bad = 0; n < 3030; n++) {
        qoe_buf_init(&b, &qoe_mem_heap, (size_t) n);
        qoe_otlp_json(&b, &attr.base);
        bad += (b.status != QOE_TOO_LARGE || b.len > (size_t) n);
        qoe_buf_free(&b);
    }

    ok(bad == 0, "a buffer's maximum is never passed");
}


int
main(void)
{
    qoe_buf_init(&out, &qoe_mem_heap, 1 << 20);

    test_scalars();
    test_doubles();
    test_round_trip();
    test_locale();
    test_bytes();
    test_nested();
    test_depth();
    test_points();
    test_span();
    test_memory();

    qoe_buf_free(&out);

    return tap_end();
}
