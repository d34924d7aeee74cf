
/*
 * Copyright (C) OpenQoE
 *
 * A log record's body: the event as JSON text, or as a structured value?
 * Encodes batches of 512 records of one realistic event both ways with
 * everything else alike, and prints what a record costs and takes.
 */


#include "qoe_otlp_pb.h"

#include "opentelemetry/proto/logs/v1/logs.pb-c.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <jansson.h>
#include <zlib.h>


#define BATCH            512
#define ROUNDS           40

#define VALUE(which)                                                          \
    OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_##which##_VALUE


typedef Opentelemetry__Proto__Logs__V1__ScopeLogs  scope_logs_t;
typedef Opentelemetry__Proto__Logs__V1__LogRecord  log_t;
typedef Opentelemetry__Proto__Common__V1__ArrayValue  array_t;
typedef Opentelemetry__Proto__Common__V1__KeyValueList  kvlist_t;

typedef qoe_pb_value_t *(*body_t)(qoe_arena_t *arena, qoe_span_t event);


static qoe_pb_value_t *text_body(qoe_arena_t *arena, qoe_span_t event);
static qoe_pb_value_t *kvlist_body(qoe_arena_t *arena, qoe_span_t event);
static void from_json(qoe_arena_t *arena, qoe_pb_value_t *v, json_t *json);
static void from_object(qoe_arena_t *arena, qoe_pb_value_t *v, json_t *json);
static void from_array(qoe_arena_t *arena, qoe_pb_value_t *v, json_t *json);


static const struct {
    const char  *name;
    body_t       body;
} forms[] = {
    { "JSON text", text_body },
    { "kvlist", kvlist_body }
};


/* The events that a player sends now and then while it plays. */

static const char  event[] =
    "{\"event_type\":\"qualitychange\",\"event_time\":17000000%05u,"
    "\"viewer_time\":17000000%05u,\"playback_time\":%u.25,"
    "\"org_id\":\"acme-media\",\"player_id\":\"web-player-main\","
    "\"view_id\":\"018bcfe5-6800-7000-8000-%012x\","
    "\"session_id\":\"018bcfe5-6800-7abc-9000-%012x\","
    "\"viewer_id\":\"viewer-%08x\",\"env\":\"production\","
    "\"app_name\":\"acme-tv\",\"app_version\":\"4.12.0\","
    "\"device\":{\"name\":\"MacBook Pro\",\"model\":\"MacBookPro18,3\","
    "\"category\":\"desktop\",\"manufacturer\":\"Apple\"},"
    "\"os\":{\"family\":\"macOS\",\"version\":\"14.4.1\"},"
    "\"browser\":{\"family\":\"Chrome\",\"version\":\"126.0.6478.127\"},"
    "\"player\":{\"name\":\"hls.js\",\"version\":\"1.5.13\","
    "\"autoplay\":true,\"preload\":\"auto\"},"
    "\"network\":{\"asn\":3320,\"country_code\":\"DE\",\"region\":\"BE\","
    "\"city\":\"Berlin\"},\"cdn\":{\"provider\":\"edge-one\","
    "\"edge_pop\":\"FRA56\",\"origin\":\"origin-eu\"},"
    "\"video\":{\"id\":\"vid-%05u\",\"title\":\"The Long Way Home\","
    "\"series\":\"Northern Lights\",\"duration\":3254.5,\"source_url\":"
    "\"https://cdn.example.com/hls/vid/master.m3u8\","
    "\"stream_type\":\"vod\"},\"data\":{\"bitrate_kb\":%u,"
    "\"media_type\":\"video\",\"resolution\":{\"width\":1920,"
    "\"height\":1080},\"framerate\":29.97,\"codec\":\"avc1.640028\","
    "\"bits_per_pixel\":0.0801,\"device_pixel_ratio\":2}}";


static void
die(const char *why)
{
    fprintf(stderr, "body_form: %s\n", why);
    exit(1);
}


static void *
take(qoe_arena_t *arena, size_t size)
{
    void  *p;

    p = qoe_arena_alloc(arena, size);
    if (p == NULL) {
        die("out of memory");
    }

    return p;
}


/* Each event is of a view of its own, because ids do not compress. */

static qoe_span_t
make_event(unsigned i)
{
    int       n;
    char     *p;
    unsigned  id;

    p = malloc(2048);
    if (p == NULL) {
        die("out of memory");
    }

    id = i * 2654435761u;

    n = snprintf(p, 2048, event, i * 7, i * 7 + 3, id % 3600, id,
                 id * 2246822519u, id * 3266489917u, id % 50,
                 1500 + id % 6 * 700);

    return (qoe_span_t) { p, (size_t) n };
}


static qoe_pb_value_t *
text_body(qoe_arena_t *arena, qoe_span_t s)
{
    qoe_pb_value_t  *v;

    v = take(arena, sizeof(qoe_pb_value_t));
    qoe_pb_value_string(v, qoe_pb_text(arena, qoe_span_null, s));

    return v;
}


static qoe_pb_value_t *
kvlist_body(qoe_arena_t *arena, qoe_span_t s)
{
    json_t          *json;
    qoe_pb_value_t  *v;

    json = json_loadb(s.data, s.len, 0, NULL);
    if (json == NULL) {
        die("the event is not JSON");
    }

    v = take(arena, sizeof(qoe_pb_value_t));
    from_json(arena, v, json);
    json_decref(json);

    return v;
}


static void
from_json(qoe_arena_t *arena, qoe_pb_value_t *v, json_t *json)
{
    opentelemetry__proto__common__v1__any_value__init(v);

    switch (json_typeof(json)) {

    case JSON_OBJECT:
        from_object(arena, v, json);
        break;

    case JSON_ARRAY:
        from_array(arena, v, json);
        break;

    case JSON_STRING:
        qoe_pb_value_string(v, qoe_pb_text(arena, qoe_span_null,
                                 (qoe_span_t) { json_string_value(json),
                                                json_string_length(json) }));
        break;

    case JSON_INTEGER:
        v->value_case = VALUE(INT);
        v->int_value = json_integer_value(json);
        break;

    case JSON_REAL:
        v->value_case = VALUE(DOUBLE);
        v->double_value = json_real_value(json);
        break;

    case JSON_TRUE:
    case JSON_FALSE:
        v->value_case = VALUE(BOOL);
        v->bool_value = json_is_true(json);
        break;

    default:                     /* null is the empty value */
        break;
    }
}


static void
from_object(qoe_arena_t *arena, qoe_pb_value_t *v, json_t *json)
{
    size_t           n;
    json_t          *member;
    kvlist_t        *list;
    const char      *key;
    qoe_pb_attr_t   *attr;

    n = json_object_size(json);
    list = take(arena, sizeof(kvlist_t));
    opentelemetry__proto__common__v1__key_value_list__init(list);
    list->values = take(arena, n * sizeof(qoe_pb_attr_t *));

    json_object_foreach(json, key, member) {
        attr = take(arena, sizeof(qoe_pb_attr_t));
        opentelemetry__proto__common__v1__key_value__init(attr);
        attr->key = qoe_pb_text(arena, qoe_span_null, qoe_span_str(key));
        attr->value = take(arena, sizeof(qoe_pb_value_t));
        from_json(arena, attr->value, member);
        list->values[list->n_values++] = attr;
    }

    v->value_case = VALUE(KVLIST);
    v->kvlist_value = list;
}


static void
from_array(qoe_arena_t *arena, qoe_pb_value_t *v, json_t *json)
{
    size_t    i;
    json_t   *member;
    array_t  *array;

    array = take(arena, sizeof(array_t));
    opentelemetry__proto__common__v1__array_value__init(array);
    array->n_values = json_array_size(json);
    array->values = take(arena, array->n_values * sizeof(qoe_pb_value_t *));

    json_array_foreach(json, i, member) {
        array->values[i] = take(arena, sizeof(qoe_pb_value_t));
        from_json(arena, array->values[i], member);
    }

    v->value_case = VALUE(ARRAY);
    v->array_value = array;
}


static void
encode(qoe_buf_t *out, qoe_encoding_t encoding, body_t body,
    const qoe_span_t *events, qoe_arena_t *arena)
{
    char         *p;
    size_t        i;
    log_t        *logs, *list[BATCH];
    scope_logs_t  batch;

    qoe_buf_reset(out);
    qoe_arena_reset(arena);

    logs = take(arena, BATCH * sizeof(log_t));

    for (i = 0; i < BATCH; i++) {
        opentelemetry__proto__logs__v1__log_record__init(&logs[i]);
        logs[i].time_unix_nano = 1700000000000000000 + i * 7000000;
        logs[i].severity_number = 9;
        logs[i].body = body(arena, events[i]);
        list[i] = &logs[i];
    }

    opentelemetry__proto__logs__v1__scope_logs__init(&batch);
    batch.log_records = list;
    batch.n_log_records = BATCH;

    if (encoding == QOE_ENCODING_JSON) {
        qoe_otlp_json(out, &batch.base);

    } else {
        p = qoe_buf_reserve(out,
                            protobuf_c_message_get_packed_size(&batch.base));

        if (p != NULL) {
            out->len += protobuf_c_message_pack(&batch.base, (uint8_t *) p);
        }
    }

    if (out->status != QOE_OK) {
        die("the batch does not fit");
    }
}


static double
now_us(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);

    return (double) ts.tv_sec * 1e6 + (double) ts.tv_nsec / 1e3;
}


static size_t
gzip(z_stream *z, const qoe_buf_t *in, qoe_buf_t *dst)
{
    char  *p;

    qoe_buf_reset(dst);
    p = qoe_buf_reserve(dst, deflateBound(z, in->len));

    if (p == NULL || deflateReset(z) != Z_OK) {
        die("gzip");
    }

    z->next_in = (Bytef *) in->data;
    z->avail_in = (uInt) in->len;
    z->next_out = (Bytef *) p;
    z->avail_out = (uInt) (dst->cap - dst->len);

    if (deflate(z, Z_FINISH) != Z_STREAM_END) {
        die("gzip");
    }

    return z->total_out;
}


static void
measure(const char *name, const char *wire, qoe_encoding_t encoding,
    body_t body, const qoe_span_t *events, z_stream *z)
{
    int          i;
    double       t, packing, zipping;
    size_t       zipped;
    qoe_buf_t    out, dst;
    qoe_arena_t  arena;

    qoe_arena_init(&arena, &qoe_mem_heap, 1 << 20, 256 << 20);
    qoe_buf_init(&out, &qoe_mem_heap, 16 << 20);
    qoe_buf_init(&dst, &qoe_mem_heap, 16 << 20);

    encode(&out, encoding, body, events, &arena);
    zipped = gzip(z, &out, &dst);

    t = now_us();

    for (i = 0; i < ROUNDS; i++) {
        encode(&out, encoding, body, events, &arena);
    }

    packing = (now_us() - t) / ROUNDS / BATCH;
    t = now_us();

    for (i = 0; i < ROUNDS; i++) {
        zipped = gzip(z, &out, &dst);
    }

    zipping = (now_us() - t) / ROUNDS / BATCH;

    printf("%-10s %-9s %9.2f %9.2f %9zu %9zu\n", name, wire, packing, zipping,
           out.len / BATCH, zipped / BATCH);

    qoe_buf_free(&dst);
    qoe_buf_free(&out);
    qoe_arena_free(&arena);
}


int
main(void)
{
    size_t      i, total;
    z_stream    z;
    qoe_span_t  events[BATCH];

    memset(&z, 0, sizeof(z));

    if (deflateInit2(&z, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY)
        != Z_OK)
    {
        die("zlib");
    }

    for (i = 0, total = 0; i < BATCH; i++) {
        events[i] = make_event((unsigned) i);
        total += events[i].len;
    }

    printf("%d batches of %d events of %zu bytes; a record:\n", ROUNDS, BATCH,
           total / BATCH);
    printf("%-10s %-9s %9s %9s %9s %9s\n", "body", "wire", "encode us",
           "gzip us", "bytes", "gzipped");

    for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        measure(forms[i].name, "protobuf", QOE_ENCODING_PROTOBUF,
                forms[i].body, events, &z);
        measure(forms[i].name, "JSON", QOE_ENCODING_JSON, forms[i].body,
                events, &z);
    }

    for (i = 0; i < BATCH; i++) {
        free((char *) (uintptr_t) events[i].data);
    }

    deflateEnd(&z);

    return 0;
}
