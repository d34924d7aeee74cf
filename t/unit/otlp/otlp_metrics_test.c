
/*
 * Copyright (C) OpenQoE
 *
 * The direct encoder against protobuf-c, which reads its requests back: every
 * field of every point is what the collection has.
 */


#include "otlp_reader.h"


static const qoe_otlp_identity_t  nobody;


/* All requests of c are right: returns what is wrong, or NULL. */

static const char *
check_all(const qoe_collect_t *c, size_t max, uint64_t budget,
    size_t *requests)
{
    size_t               n;
    reader_t             r = { c, 0, 0, 0, NULL };
    qoe_buf_t            out;
    qoe_status_t         rc;
    qoe_collected_t      s;
    qoe_otlp_metrics_t  *m;

    *requests = 0;
    qoe_buf_init(&out, &qoe_mem_heap, QOE_OTLP_REQUEST_MAX);

    m = qoe_otlp_metrics_create(c, QOE_ENCODING_PROTOBUF, &identity, max,
                                &qoe_mem_heap);

    while ((rc = next_whole(m, &out, &n, budget)) == QOE_OK
           && r.wrong == NULL)
    {
        if (n == 0 || (out.len > max && n != 1)) {
            r.wrong = "the size of a request";
        }

        check_request(&r, (qoe_span_t) { out.data, out.len }, n);
        qoe_buf_reset(&out);
        (*requests)++;
    }

    if (r.wrong == NULL && rc != QOE_DONE) {
        r.wrong = "no end";
    }

    if (r.wrong == NULL && (out.len != 0 || n != 0)) {
        r.wrong = "something at the end";
    }

    if (r.wrong == NULL && reader_next(&r, &s)) {
        r.wrong = "a point is missing";
    }

    qoe_otlp_metrics_destroy(m);
    qoe_buf_free(&out);

    return r.wrong;
}


/* Every metric of the catalogue, with labels as they are in practice. */

static qoe_collect_t *
whole_catalogue(void)
{
    int              i;
    uint32_t         base, extra, overflow;
    qoe_histogram_t  h;
    qoe_collect_t   *c;

    c = fake_create(TIME);

    base = fake_labels(c, (const char *const []) {
        "org_id", "o1", "player_id", "p1", "env", "prod", "app_name", "app",
        "video_id", "v\xc3\xa9", NULL });
    extra = fake_labels(c, (const char *const []) {
        "media_type", "video", NULL });
    overflow = fake_labels(c, (const char *const []) {
        "otel.metric.overflow", "true", NULL });

    for (i = 0; i < QOE_METRICS_N; i++) {

        if (qoe_metrics[i].kind == QOE_INSTRUMENT_HISTOGRAM) {
            h = histogram(&qoe_metrics[i], 5);
            fake_add(c, i, base, extra, START, 0, &h);
            fake_add(c, i, 0, overflow, START, 0, &h);
            continue;
        }

        fake_add(c, i, base, extra, START, 7 + i, NULL);
        fake_add(c, i, 0, overflow, START, 1.5, NULL);
        fake_add(c, i, 0, 0, START, 0, NULL);
    }

    return c;
}


static void
test_empty(void)
{
    size_t               n;
    qoe_buf_t            out;
    qoe_collect_t       *c;
    qoe_otlp_metrics_t  *m;

    c = fake_create(TIME);
    qoe_buf_init(&out, &qoe_mem_heap, 1000);

    m = qoe_otlp_metrics_create(c, QOE_ENCODING_PROTOBUF, &nobody, 1000,
                                &qoe_mem_heap);
    n = 1;
    ok(qoe_otlp_metrics_next(m, &out, &n, 0) == QOE_DONE && n == 0
       && out.len == 0, "a collection without points gives no request");
    qoe_otlp_metrics_destroy(m);

    fake_add(c, QOE_METRIC_BUFFERED_DURATION, 0, 0, START, -1, NULL);
    fake_add(c, QOE_METRIC_FRAMERATE, 0, 0, START, NAN, NULL);

    m = qoe_otlp_metrics_create(c, QOE_ENCODING_JSON, &identity, 1000,
                                &qoe_mem_heap);
    ok(qoe_otlp_metrics_next(m, &out, &n, 0) == QOE_DONE && n == 0
       && out.len == 0, "points that no backend takes give no request");
    qoe_otlp_metrics_destroy(m);

    fake_add(c, QOE_METRIC_FRAMERATE, 0, 0, START, 25, NULL);
    m = qoe_otlp_metrics_create(c, QOE_ENCODING_JSON, &nobody, 1000,
                                &qoe_mem_heap);
    ok(next_whole(m, &out, &n, 0) == QOE_OK && n == 1
       && qoe_span_eq((qoe_span_t) { out.data, out.len }, qoe_span(
       "{\"resourceMetrics\":[{\"resource\":{},\"scopeMetrics\":[{\"scope\":{"
       "},\"metrics\":[{\"name\":\"openqoe.framerate\",\"description\":"
       "\"Frame rate of the rendition shown\",\"unit\":\"fps\",\"gauge\":{"
       "\"dataPoints\":[{\"timeUnixNano\":\"1700000060123456789\","
       "\"asDouble\":25}]}}]}]}]}")), "a gauge as JSON has the expected text");
    qoe_otlp_metrics_destroy(m);

    qoe_buf_reset(&out);
    c->metric[QOE_METRIC_FRAMERATE].series[1].ended = true;
    m = qoe_otlp_metrics_create(c, QOE_ENCODING_JSON, &nobody, 1000,
                                &qoe_mem_heap);
    ok(next_whole(m, &out, &n, 0) == QOE_OK && n == 1
       && qoe_span_eq((qoe_span_t) { out.data, out.len }, qoe_span(
       "{\"resourceMetrics\":[{\"resource\":{},\"scopeMetrics\":[{\"scope\":{"
       "},\"metrics\":[{\"name\":\"openqoe.framerate\",\"description\":"
       "\"Frame rate of the rendition shown\",\"unit\":\"fps\",\"gauge\":{"
       "\"dataPoints\":[{\"timeUnixNano\":\"1700000060123456789\","
       "\"flags\":1}]}}]}]}]}")),
       "a gauge that has ended has no value, and says so");
    qoe_otlp_metrics_destroy(m);

    qoe_buf_free(&out);
    fake_destroy(c);
}


/*
 * The least maximum of the buffer at which a request of a single point is made;
 * 0: one was made that is longer than its buffer may be.
 */

static size_t
least(qoe_collect_t *c, size_t *len)
{
    size_t               max, n;
    qoe_buf_t            out;
    qoe_status_t         rc;
    qoe_otlp_metrics_t  *m;

    for (max = 1; max < 2000; max++) {
        qoe_buf_init(&out, &qoe_mem_heap, max);
        m = qoe_otlp_metrics_create(c, QOE_ENCODING_PROTOBUF, &identity, 100000,
                                    &qoe_mem_heap);
        rc = next_whole(m, &out, &n, 0);
        *len = out.len;
        qoe_otlp_metrics_destroy(m);
        qoe_buf_free(&out);

        if (rc == QOE_OK) {
            return *len <= max && n == 1 ? max : 0;
        }

        if (*len != 0) {
            return 0;
        }
    }

    return 0;
}


/* Room is taken for what is written, to a few bytes for what may be absent. */

static void
test_room(void)
{
    size_t           i, len, max, base;
    qoe_collect_t   *c;

    static const struct {
        qoe_metric_id_t  metric;
        size_t           spare;              /* a unit, and two flags */
    } rows[] = {
        { QOE_METRIC_DELIVERY_BYTES, 0 },
        { QOE_METRIC_SEEK_TOTAL, 2 },
        { QOE_METRIC_PLAYING_TIME_SECONDS, 2 },
        { QOE_METRIC_FRAMERATE, 4 }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        c = fake_create(TIME);
        base = fake_block(c, qoe_span("\1a\1\0b"));
        fake_add(c, rows[i].metric, (uint32_t) base, 0, START, 25, NULL);
        max = least(c, &len);

        ok(max == len + rows[i].spare,
           "a request of %zu bytes needs a buffer of %zu", len, max);
        fake_destroy(c);
    }
}


/* Values that are exact, and references that are damaged. */

static void
test_edges(void)
{
    size_t          n;
    qoe_collect_t  *c;

    c = fake_create(TIME);
    fake_block(c, qoe_span("\3abc\377\377x"));           /* broken */
    fake_block(c, qoe_span("\1a\1\0b\1a\1\0c\0\0\0"));   /* twice; empty */

    fake_add(c, QOE_METRIC_SEEK_TOTAL, 1, 2, START, 9007199254740993., NULL);
    fake_add(c, QOE_METRIC_SEEK_TOTAL, 2, 2, START, 0.9, NULL);
    fake_add(c, QOE_METRIC_PLAYING_TIME_SECONDS, 2, 0, START, -0.25, NULL);

    ok(check_all(c, 5000, 0, &n) == NULL && n == 1,
       "broken blocks give no attributes, and keys that are there twice are "
       "sent once");

    fake_destroy(c);
}


/* The reader of this test must be able to see what is wrong. */

static bool
reads_as(const qoe_collect_t *c, const qoe_buf_t *out, size_t n)
{
    reader_t  r = { c, 0, 0, 0, NULL };

    check_request(&r, (qoe_span_t) { out->data, out->len }, n);

    return r.wrong == NULL;
}


static void
test_reader(void)
{
    size_t               n;
    qoe_buf_t            out;
    qoe_collect_t       *c;
    qoe_collected_t     *s;
    qoe_otlp_metrics_t  *m;

    c = fake_create(TIME);
    fake_labels(c, (const char *const []) { "a", "b", NULL });
    fake_add(c, QOE_METRIC_SEEK_TOTAL, 1, 0, START, 3, NULL);
    fake_add(c, QOE_METRIC_SEEK_TOTAL, 77, 77, START, 4, NULL);

    qoe_buf_init(&out, &qoe_mem_heap, 5000);
    m = qoe_otlp_metrics_create(c, QOE_ENCODING_PROTOBUF, &identity, 5000,
                                &qoe_mem_heap);
    ok(next_whole(m, &out, &n, 0) == QOE_OK && n == 2,
       "a request has two points");

    s = c->metric[QOE_METRIC_SEEK_TOTAL].series;
    s[1].base = 0;
    s[1].extra = 0;
    ok(reads_as(c, &out, 2), "a damaged block gives no attributes");
    ok(!reads_as(c, &out, 3), "the reader notices a wrong count");

    s[1].extra = 1;
    ok(!reads_as(c, &out, 2),
       "the reader notices an attribute that is missing");

    s[1].extra = 0;
    s[0].base = 0;
    ok(!reads_as(c, &out, 2), "the reader notices an attribute too many");

    s[0].base = 1;
    s[0].integer++;
    ok(!reads_as(c, &out, 2), "the reader notices another value");

    qoe_otlp_metrics_destroy(m);
    qoe_buf_free(&out);
    fake_destroy(c);
}


static void
test_differential(void)
{
    int             i;
    size_t          n;
    const char     *wrong;
    qoe_collect_t  *c;

    c = whole_catalogue();
    wrong = check_all(c, QOE_OTLP_REQUEST_MAX, FOREVER, &n);
    ok(wrong == NULL && n == 1,
       "a request with every metric of the catalogue reads back: %s",
       wrong ? wrong : "as it is");
    fake_destroy(c);

    wrong = NULL;

    for (i = 0; i < 60 && wrong == NULL; i++) {
        seed = (uint64_t) i + 1;
        c = random_collection(rnd(400));
        wrong = check_all(c, 1 + rnd(40000), rnd(2) ? 0 : FOREVER, &n);
        fake_destroy(c);
    }

    ok(wrong == NULL, "random collections, sizes and steps read back: %s (%d)",
       wrong ? wrong : "as they are", i);
}


static void
test_split(void)
{
    size_t          i, n, before;
    const char     *wrong;
    qoe_collect_t  *c;
    static const size_t  max[] = { 1, 600, 3000, 20000, 4194304 };

    seed = 7;
    c = random_collection(2000);
    before = SIZE_MAX;

    for (i = 0; i < sizeof(max) / sizeof(max[0]); i++) {
        wrong = check_all(c, max[i], FOREVER, &n);
        ok(wrong == NULL && n < before,
           "with at most %zu bytes there are %zu requests: %s",
           max[i], n, wrong ? wrong : "all points once");
        before = n;
    }

    ok(n == 1, "a request of 4 MiB holds the whole collection");

    fake_destroy(c);
}


static void
test_steps(void)
{
    int                  i;
    size_t               n, steps;
    qoe_buf_t            once, out;
    qoe_collect_t       *c;
    qoe_otlp_metrics_t  *m;

    c = fake_create(TIME);

    for (i = 0; i < 1000; i++) {
        fake_add(c, QOE_METRIC_SEEK_TOTAL, 0, 0, START, i, NULL);
    }

    qoe_buf_init(&once, &qoe_mem_heap, 1000000);
    qoe_buf_init(&out, &qoe_mem_heap, 1000000);

    m = qoe_otlp_metrics_create(c, QOE_ENCODING_PROTOBUF, &identity, 1000000,
                                &qoe_mem_heap);
    ok(qoe_otlp_metrics_next(m, &once, &n, FOREVER) == QOE_OK && n == 1000,
       "a request can be made in a single call");
    qoe_otlp_metrics_destroy(m);

    m = qoe_otlp_metrics_create(c, QOE_ENCODING_PROTOBUF, &identity, 1000000,
                                &qoe_mem_heap);

    for (steps = 1; qoe_otlp_metrics_next(m, &out, &n, 0) == QOE_AGAIN; ) {
        steps++;
    }

    ok(n == 1000 && steps > 10
       && qoe_span_eq((qoe_span_t) { once.data, once.len },
                      (qoe_span_t) { out.data, out.len }),
       "a request made in %zu steps is the same", steps);
    qoe_otlp_metrics_destroy(m);

    qoe_buf_free(&once);
    qoe_buf_free(&out);
    fake_destroy(c);
}


int
main(void)
{
    qoe_arena_init(&arena, &qoe_mem_heap, 1024 * 1024, 1024 * 1024 * 1024);

    test_empty();
    test_room();
    test_edges();
    test_reader();
    test_differential();
    test_split();
    test_steps();

    qoe_arena_free(&arena);

    return tap_end();
}
