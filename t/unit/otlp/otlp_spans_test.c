
/*
 * Copyright (C) OpenQoE
 *
 * Traces of views: what a parser of the published messages reads in the
 * requests.  The views are made of events, as in t/unit/view.
 */


#define _GNU_SOURCE                          /* memmem() */

#include "view_events.h"

#include "qoe_otlp_spans.h"
#include "qoe_otlp_pb.h"
#include "qoe_trace.h"
#include "qoe_uuid.h"

#include "opentelemetry/proto/collector/trace/v1/trace_service.pb-c.h"

#include <zlib.h>


#define REQUEST   qoe_pb_service_type(Trace, ServiceRequest)
#define DESCRIPTOR qoe_pb_service(trace, service_request__descriptor)
#define SPAN      Opentelemetry__Proto__Trace__V1__Span

#define VIEW      "7c9e6679-7425-40de-944b-e07fc1f90ae7"
#define SESSION   "1f0e3dad-9990-4345-b743-1234567890ab"

#define BAD_VIEW                                                              \
    "0 playing at=0; 1 stallstart at=0; 5000 stallend at=0;"                  \
    "5100 qualitychange bitrate=3000000 video_width=1280 video_height=720 "   \
    "at=100; 10000..60000 heartbeat at=@-5000;"                               \
    "61000 stallstart at=56000; 63000 stallend at=56000;"                     \
    "70000..90000 heartbeat at=@-7000; 91000 pause at=84000;"                 \
    "99000 playing at=84000; 110000 heartbeat at=95000;"                      \
    "111000 qualitychange bitrate=800000 video_width=640 video_height=360 "   \
    "at=96000; 120000 moveaway at=105000; 130000 moveback at=115000;"         \
    "140000 error error_family=network at=125000;"                            \
    "141000 stallstart at=126000; 151000 error error_family=network "         \
    "error_context.fatal=1 at=126000; end"

#define GOOD_VIEW                                                             \
    "0 canplay video_startup_time=0 at=0; 0 playing at=0 bitrate=3000000 "    \
    "video_width=1280 video_height=720; 10000..60000 heartbeat at=@;"         \
    "60111 ended at=60111"


static qoe_arena_t  arena;
static qoe_buf_t    out;
static char         packed[4][QOE_VIEW_RECORD_MAX];
static qoe_span_t   records[4];
static char         traces[4][QOE_TRACE_PACKED];

static const qoe_attr_t  resource[] = {
    { { "service.name", 12 }, { "openqoe", 7 } },
    { { "service.instance.id", 19 }, { "edge-1", 6 } }
};

static const qoe_otlp_identity_t  identity = {
    resource, 2, { "openqoe", 7 }, { "2", 1 }
};


static void
read_record(qoe_view_record_t *r, stream_t *t)
{
    t->v.over = t->over ? 1 + QOE_VIEW_SILENT : 0;
    qoe_view_record_make(r, &t->v, (LOG_START + 200000) * 1000000);
}


/* Makes record i of the view, with its timeline. */

static void
make_record(size_t i, stream_t *t, const char *view_id, bool again)
{
    qoe_trace_t        trace;
    qoe_view_record_t  r;

    read_record(&r, t);

    r.session_id = qoe_span(SESSION);
    r.view_id = qoe_span_str(view_id);
    r.trace = true;

    if (r.errors != 0) {
        r.error_type = qoe_span("network");
        r.error_code = qoe_span("manifestLoadError");
    }

    memset(&trace, 0, sizeof(trace));
    trace.probability = 0.25;
    trace.again = again;
    trace.timeline = t->timeline;

    r.timeline.data = traces[i];
    r.timeline.len = qoe_trace_pack(traces[i], &trace);

    records[i].data = packed[i];
    records[i].len = qoe_view_record_pack(packed[i], &r);
}


/* The spans of a request with the first n records; NULL: none. */

static SPAN **
spans_of(size_t n, size_t *nspans)
{
    size_t        nbad;
    REQUEST      *request;
    qoe_status_t  rc;

    qoe_arena_reset(&arena);
    out.len = 0;

    rc = qoe_otlp_spans(&out, &identity, records, n, &nbad, &arena);

    if (rc != QOE_OK || nbad != 0
        || qoe_pb_unpack((ProtobufCMessage **) &request,
                         &DESCRIPTOR,
                         (qoe_span_t) { out.data, out.len }, &arena)
           != QOE_OK
        || request->n_resource_spans != 1
        || request->resource_spans[0]->n_scope_spans != 1)
    {
        *nspans = 0;
        return NULL;
    }

    *nspans = request->resource_spans[0]->scope_spans[0]->n_spans;

    return request->resource_spans[0]->scope_spans[0]->spans;
}


static const char *
attribute(qoe_pb_attr_t **attrs, size_t n, const char *key)
{
    size_t           i;
    qoe_pb_value_t  *v;
    static char      text[64];

    for (i = 0; i < n; i++) {

        if (strcmp(attrs[i]->key, key) != 0) {
            continue;
        }

        v = attrs[i]->value;

        switch (v->value_case) {

        case OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_STRING_VALUE:
            return v->string_value;

        case OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_BOOL_VALUE:
            return v->bool_value ? "true" : "false";

        case OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_INT_VALUE:
            sprintf(text, "%lld", (long long) v->int_value);
            return text;

        default:
            sprintf(text, "%g", v->double_value);
            return text;
        }
    }

    return "none";
}


static bool
has(const SPAN *s, const char *key, const char *value)
{
    const char  *got;

    got = attribute(s->attributes, s->n_attributes, key);

    if (strcmp(got, value) != 0) {
        printf("# %s is %s\n", key, got);
        return false;
    }

    return true;
}


static long long
ms_of(uint64_t ns)
{
    return (long long) (ns / 1000000 - LOG_START);
}


/* "name start+length ..." of all children. */

static const char *
children(SPAN **s, size_t n)
{
    char         *p;
    size_t        i;
    static char   text[2048];

    text[0] = '\0';

    for (i = 0, p = text; i < n; i++) {
        p += sprintf(p, "%s%s %lld+%lld", i ? "; " : "", s[i]->name,
                     ms_of(s[i]->start_time_unix_nano),
                     ms_of(s[i]->end_time_unix_nano)
                     - ms_of(s[i]->start_time_unix_nano));
    }

    return text;
}


static void
is_text(const char *got, const char *right, const char *name)
{
    if (!ok(strcmp(got, right) == 0, "%s", name)) {
        printf("#      got: %s\n# expected: %s\n", got, right);
    }
}


static stream_t *
view_of(const char *text)
{
    stream_t  *t;

    t = stream();
    script(t, text);

    return t;
}


static void
test_bad_view(void)
{
    size_t    n, i, wrong;
    uint8_t   id[16];
    SPAN    **s;

    make_record(0, view_of(BAD_VIEW), VIEW, false);
    s = spans_of(1, &n);
    (void) qoe_uuid_parse(id, qoe_span(VIEW));

    if (!ok(s != NULL && n > 1 && n <= 40, "a view makes %zu spans", n)) {
        return;
    }

    ok(strcmp(s[0]->name, "view") == 0 && s[0]->parent_span_id.len == 0
       && s[0]->kind == 1, "the root is a span \"view\", internal");
    ok(s[0]->trace_id.len == 16 && memcmp(s[0]->trace_id.data, id, 16) == 0,
       "the trace id is the view_id");
    ok(s[0]->span_id.len == 8
       && memcmp(s[0]->span_id.data, id + 8, 8) == 0,
       "the id of the root is the end of the view_id");
    ok(ms_of(s[0]->start_time_unix_nano) == 0
       && ms_of(s[0]->end_time_unix_nano) == 151000,
       "it lasts from the first event to the last one");
    ok(s[0]->status != NULL && s[0]->status->code == 2
       && strcmp(s[0]->status->message, "playback_failure") == 0,
       "a view that failed has the status of an error, and says which");
    ok(has(s[0], "view_id", VIEW) && has(s[0], "session_id", SESSION)
       && has(s[0], "openqoe.edge", "edge-1")
       && has(s[0], "openqoe.view.outcome", "playback_failure")
       && has(s[0], "openqoe.view.stalls", "2"),
       "it has the attributes of the record of the view");
    ok(has(s[0], "openqoe.trace.probability", "0.25"),
       "and the probability with which such views have a trace");

    is_text(children(s + 1, n - 1),
            "startup 0+5000; playing 5000+56000; rendition 5100+105900; "
            "stall 61000+2000; playing 63000+28000; pause 91000+8000; "
            "playing 99000+42000; rendition 111000+40000; "
            "hidden 120000+10000; stall 141000+10000",
            "its children are the stretches of the timeline, in order");

    for (i = 1, wrong = 0; i < n; i++) {
        wrong += s[i]->parent_span_id.len != 8
                 || memcmp(s[i]->parent_span_id.data, id + 8, 8) != 0
                 || s[i]->span_id.len != 8 || s[i]->status != NULL
                 || memcmp(s[i]->trace_id.data, id, 16) != 0;
    }

    ok(wrong == 0, "all of them have the root as their parent");
    ok(has(s[3], "openqoe.rendition.bitrate", "3000000")
       && has(s[3], "openqoe.rendition.height", "720"),
       "a rendition has its bitrate and its height");
    ok(s[0]->n_events == 2 && strcmp(s[0]->events[0]->name, "error") == 0
       && ms_of(s[0]->events[0]->time_unix_nano) == 140000
       && ms_of(s[0]->events[1]->time_unix_nano) == 151000,
       "its errors are events of the root");
    is_text(attribute(s[0]->events[1]->attributes,
                      s[0]->events[1]->n_attributes, "error_code"),
            "manifestLoadError", "the last one has its code");
    is_text(attribute(s[0]->events[0]->attributes,
                      s[0]->events[0]->n_attributes, "openqoe.error.fatal"),
            "none", "the first one was not fatal");
    is_text(attribute(s[0]->events[1]->attributes,
                      s[0]->events[1]->n_attributes, "openqoe.error.fatal"),
            "true", "and the last one was");
}


static void
test_good_view(void)
{
    size_t   n;
    SPAN   **s;

    make_record(0, view_of(GOOD_VIEW), VIEW, false);
    s = spans_of(1, &n);

    ok(n == 4 && s[0]->status == NULL && s[0]->n_events == 0,
       "a view without a failure has no status and no events");
    is_text(children(s + 1, n - 1),
            "startup 0+0; rendition 0+60111; playing 0+60111",
            "it has what it played");
}


/* The same bytes again, and what several records share. */

static void
test_ids(void)
{
    char     first[8192];
    size_t   n, i, k, same, len;
    SPAN   **s;

    make_record(0, view_of(BAD_VIEW), VIEW, false);
    (void) spans_of(1, &n);
    len = out.len;
    memcpy(first, out.data, qoe_min(len, sizeof(first)));
    s = spans_of(1, &n);
    ok(out.len == len && memcmp(first, out.data, len) == 0,
       "a record that is sent again makes the same spans");

    for (i = 0, same = 0; i < n; i++) {
        for (k = 0; k < i; k++) {
            same += memcmp(s[i]->span_id.data, s[k]->span_id.data, 8) == 0;
        }
    }

    ok(same == 0, "no two spans of a trace have one id");

    make_record(0, view_of(GOOD_VIEW), VIEW, false);
    make_record(1, view_of(GOOD_VIEW), VIEW, true);
    s = spans_of(2, &n);
    ok(n == 8 && memcmp(s[0]->span_id.data, s[4]->span_id.data, 8) != 0
       && s[4]->parent_span_id.len == 8
       && memcmp(s[4]->parent_span_id.data, s[0]->span_id.data, 8) == 0
       && memcmp(s[4]->trace_id.data, s[0]->trace_id.data, 16) == 0,
       "a later view under the same view_id is a child of the first one");
    ok(memcmp(s[5]->parent_span_id.data, s[4]->span_id.data, 8) == 0,
       "with children of its own");

    make_record(0, view_of(GOOD_VIEW), "view 5", false);
    make_record(1, view_of(GOOD_VIEW), "view 6", false);
    s = spans_of(2, &n);
    ok(n == 8 && s[0]->trace_id.len == 16
       && memcmp(s[0]->trace_id.data, s[4]->trace_id.data, 16) != 0
       && memcmp(s[0]->span_id.data, (uint8_t *) s[0]->trace_id.data + 8, 8)
          == 0,
       "an id that is no UUID gets a trace id that is its own");

    make_record(0, view_of(GOOD_VIEW), "00000000-0000-0000-0000-000000000000",
                false);
    s = spans_of(1, &n);
    for (i = 0, k = 0; s != NULL && i < 16; i++) {
        k |= ((uint8_t *) s[0]->trace_id.data)[i];
    }
    ok(k != 0, "a trace id is never all zero, which would be none");
}


static void
test_parts(void)
{
    size_t     n;
    SPAN     **s;
    stream_t  *t;

    t = stream();
    script(t, "0 canplay video_startup_time=0 at=0; 0 playing at=0 "
              "bitrate=800000 video_width=640 video_height=360;"
              "5000 error error_family=network at=5000;"
              "10000..30000 heartbeat at=@");
    quiet(t);
    make_record(0, t, VIEW, false);
    s = spans_of(1, &n);
    is_text(children(s, n),
            "startup 0+0; rendition 0+30000; playing 0+30000",
            "the part of a view that is alive has no root");
    ok(s != NULL && s[0]->parent_span_id.len == 8,
       "its spans name the root that will come");

    qoe_timeline_part(&t->timeline, t->v.seen_ms);
    script(t, "40000..50000 heartbeat at=@; end");
    make_record(0, t, VIEW, false);
    s = spans_of(1, &n);
    is_text(children(s, n),
            "view 0+50000; rendition 30000+20000; playing 30000+20000",
            "the rest comes with the root, and what was sent does not again");
    ok(s != NULL && s[0]->n_events == 1,
       "the root has the errors of all parts");
}


static void
test_odd_bytes(void)
{
    long     i;
    char     text[QOE_VIEW_RECORD_MAX];
    size_t   n, k, nbad, len;
    SPAN   **s;

    make_record(0, view_of(BAD_VIEW), VIEW, false);
    len = records[0].len;
    memcpy(text, packed[0], len);
    srand48(20261129);

    for (i = 0; i < 20000; i++) {
        memcpy(packed[0], text, len);
        records[0].len = len - (size_t) lrand48() % 3;

        for (k = 0; k < 1 + (size_t) lrand48() % 8; k++) {
            packed[0][(size_t) lrand48() % len] = (char) lrand48();
        }

        qoe_arena_reset(&arena);
        out.len = 0;
        (void) qoe_otlp_spans(&out, &identity, records, 1, &nbad, &arena);
    }

    ok(i == 20000, "20000 damaged records are encoded or refused");

    records[0] = qoe_span("no record");
    make_record(1, view_of(GOOD_VIEW), VIEW, false);
    qoe_arena_reset(&arena);
    out.len = 0;
    ok(qoe_otlp_spans(&out, &identity, records, 2, &nbad, &arena) == QOE_OK
       && nbad == 1, "a record that cannot be read is counted");
    out.len = 0;
    ok(qoe_otlp_spans(&out, &identity, records, 1, &nbad, &arena) == QOE_DONE
       && nbad == 1 && out.len == 0,
       "a request of such records alone is not made");

    records[0] = records[1];
    s = spans_of(2, &n);
    ok(s != NULL && n == 8, "the next one is as before");
}


/* Views that have no trace, and requests that are too long. */

static void
test_no_trace(void)
{
    size_t              n, nbad, len;
    SPAN              **s;
    qoe_buf_t           small;
    qoe_view_record_t   r;

    make_record(0, view_of(GOOD_VIEW), VIEW, false);
    records[1] = records[0];

    read_record(&r, view_of(GOOD_VIEW));
    r.session_id = qoe_span(SESSION);
    r.view_id = qoe_span(VIEW);
    r.trace = false;
    records[0].data = packed[2];
    records[0].len = qoe_view_record_pack(packed[2], &r);

    s = spans_of(2, &n);
    ok(s != NULL && n == 4, "a view without a trace makes no span");
    qoe_arena_reset(&arena);
    out.len = 0;
    ok(qoe_otlp_spans(&out, &identity, records + 1, 1, &nbad, &arena)
       == QOE_OK, "a view with a trace makes a request");
    len = out.len;

    qoe_buf_init(&small, &qoe_mem_heap, len - 1);
    ok(qoe_otlp_spans(&small, &identity, records + 1, 1, &nbad, &arena)
       == QOE_TOO_LARGE && small.len == 0,
       "no request is made that is longer than it may be");
    qoe_buf_free(&small);
}


static void
test_json(void)
{
    size_t      n;
    uint64_t    items;
    qoe_buf_t   json;

    make_record(0, view_of(BAD_VIEW), VIEW, false);
    (void) spans_of(1, &n);

    ok(qoe_otlp_items(QOE_SIGNAL_TRACES, (qoe_span_t) { out.data, out.len },
                      &items) == QOE_OK && items == n,
       "the spans of a request can be counted");

    qoe_buf_init(&json, &qoe_mem_heap, 1024 * 1024);
    ok(qoe_otlp_transcode(&json, QOE_SIGNAL_TRACES,
                          (qoe_span_t) { out.data, out.len }, &arena)
       == QOE_OK
       && memmem(json.data, json.len, "\"spanId\":\"944be07fc1f90ae7\"", 27)
          != NULL
       && memmem(json.data, json.len, "\"parentSpanId\":\"944be07fc1f90ae7\"",
                 33) != NULL,
       "as JSON the ids are hexadecimal");
    qoe_buf_free(&json);
}


/* Policy: which views have a trace. */

static void
test_policy(void)
{
    long               i, kept;
    char               id[QOE_UUID_TEXT_LEN];
    double             p;
    uint8_t            raw[16];
    qoe_view_record_t  r;
    qoe_traces_conf_t  conf = { QOE_TRACES_BAD, 0.01 };
    size_t             k;

    static const struct {
        const char  *script;
        bool         bad;
        const char  *name;
    } views[] = {
        { GOOD_VIEW, false, "a view that just played is not bad" },
        { BAD_VIEW, true, "a view that failed is bad" },
        { "0 playing at=0; 0 stallstart at=0; 6000 playbackdetached at=0; end",
          true, "a view that was left before it started is bad" },
        { "0 error error_family=network; 5 playing at=0; 5 stallstart at=0;"
          "12000 playbackdetached at=0; end", true,
          "a view that failed to start is bad" },
        { "0 playing at=0; 1 stallstart at=0; 4002 stallend at=0;"
          "10000..60000 heartbeat at=@-4002; end", true,
          "a view that took more than 4 s to start is bad" },
        { "0 playing at=0; 1 stallstart at=0; 4000 stallend at=0;"
          "10000..60000 heartbeat at=@-4000; end", false,
          "a view that took 4 s is not" },
        { "0 canplay video_startup_time=0 at=0; 0 playing at=0;"
          "10000..30000 heartbeat at=@; 30000 stallstart at=30000;"
          "30300 stallend at=30000; 40000 heartbeat at=39700; end", false,
          "a view that stalled for 0.75 % of its time is not bad" },
        { "0 canplay video_startup_time=0 at=0; 0 playing at=0;"
          "10000..30000 heartbeat at=@; 30000 stallstart at=30000;"
          "30450 stallend at=30000; 40000 heartbeat at=39550; end", true,
          "a view that stalled for more than 1 % is" },
        { "0 canplay video_startup_time=0 at=0; 0 playing at=0;"
          "5000 error error_family=network at=5000;"
          "10000..30000 heartbeat at=@; end", true,
          "a view that went on after an error is bad" }
    };

    for (k = 0; k < sizeof(views) / sizeof(views[0]); k++) {
        read_record(&r, view_of(views[k].script));
        ok(qoe_trace_bad(&r) == views[k].bad, "%s", views[k].name);
    }

    read_record(&r, view_of(BAD_VIEW));
    ok(qoe_trace_wanted(&conf, &r, &p) && p == 1,
       "a bad view always has a trace");
    conf.mode = QOE_TRACES_OFF;
    ok(!qoe_trace_wanted(&conf, &r, &p), "\"off\" makes none");

    read_record(&r, view_of(GOOD_VIEW));
    conf.mode = QOE_TRACES_ALL;
    ok(qoe_trace_wanted(&conf, &r, &p) && p == 1,
       "\"all\" makes one of any view");

    conf.mode = QOE_TRACES_BAD;
    srand48(20261129);

    for (i = 0, kept = 0; i < 100000; i++) {
        for (k = 0; k < 16; k++) {
            raw[k] = (uint8_t) (lrand48() >> 8);
        }

        qoe_uuid_format(id, raw);
        r.view_id = (qoe_span_t) { id, sizeof(id) };
        kept += qoe_trace_wanted(&conf, &r, &p);
    }

    ok(kept > 850 && kept < 1150 && p == 0.01,
       "of 100000 others %ld have one at sample=1%%", kept);

    conf.sample = 0;
    ok(!qoe_trace_wanted(&conf, &r, &p), "at sample=0%% none has");
    conf.sample = 1;
    ok(qoe_trace_wanted(&conf, &r, &p), "at sample=100%% each has");
}


static size_t
gzipped(void)
{
    size_t    n;
    uLongf    len;
    z_stream  z;
    static Bytef  room[65536];

    memset(&z, 0, sizeof(z));
    deflateInit2(&z, 1, Z_DEFLATED, 31, 9, Z_DEFAULT_STRATEGY);
    len = sizeof(room);
    z.next_in = (Bytef *) out.data;
    z.avail_in = (uInt) out.len;
    z.next_out = room;
    z.avail_out = (uInt) len;
    deflate(&z, Z_FINISH);
    n = z.total_out;
    deflateEnd(&z);

    return n;
}


/* Bytes of a view in a request of many: what more of the same add. */

static void
test_size(void)
{
    size_t       i, n, nbad, bytes, packed_bytes;
    uint8_t      raw[16];
    char         id[QOE_UUID_TEXT_LEN + 1];
    static char  room[64][QOE_VIEW_RECORD_MAX];
    qoe_span_t   many[64];
    const char  *scripts[2] = { GOOD_VIEW, BAD_VIEW };

    for (i = 0; i < 2; i++) {
        srand48(20261129);

        for (n = 0; n < 64; n++) {
            for (bytes = 0; bytes < 16; bytes++) {
                raw[bytes] = (uint8_t) (lrand48() >> 8);
            }

            qoe_uuid_format(id, raw);
            id[QOE_UUID_TEXT_LEN] = '\0';
            make_record(0, view_of(scripts[i]), id, false);
            memcpy(room[n], packed[0], records[0].len);
            many[n] = (qoe_span_t) { room[n], records[0].len };
        }

        qoe_arena_reset(&arena);
        out.len = 0;
        (void) qoe_otlp_spans(&out, &identity, many, 64, &nbad, &arena);
        bytes = out.len / 64;
        packed_bytes = gzipped() / 64;

        ok(packed_bytes < (i ? 1000 : 400),
           "%s view takes %zu bytes, %zu of them gzipped",
           i ? "a bad" : "a good", bytes, packed_bytes);
    }
}


int
main(void)
{
    qoe_arena_init(&arena, &qoe_mem_heap, 65536, 64 * 1024 * 1024);
    qoe_buf_init(&out, &qoe_mem_heap, 4 * 1024 * 1024);

    test_bad_view();
    test_good_view();
    test_ids();
    test_parts();
    test_odd_bytes();
    test_no_trace();
    test_json();
    test_policy();
    test_size();

    qoe_buf_free(&out);
    qoe_arena_free(&arena);

    return tap_end();
}
