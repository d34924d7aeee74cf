
/*
 * Copyright (C) OpenQoE
 *
 * Metrics requests under strain: as JSON, without memory, too large, and in
 * haste.
 */


#include "otlp_reader.h"

#include <jansson.h>


#define SPEED_BASES      2000
#define SPEED_POINTS     100000


static size_t
json_points(qoe_span_t text)
{
    size_t   i, n;
    json_t  *root, *metrics, *data;

    root = json_loadb(text.data, text.len, JSON_REJECT_DUPLICATES, NULL);
    if (root == NULL) {
        return 0;
    }

    metrics = json_object_get(json_array_get(json_object_get(json_array_get(
                  json_object_get(root, "resourceMetrics"), 0),
                  "scopeMetrics"), 0), "metrics");
    n = 0;

    for (i = 0; i < json_array_size(metrics); i++) {
        data = json_object_get(json_array_get(metrics, i), "sum");

        if (data == NULL) {
            data = json_object_get(json_array_get(metrics, i), "gauge");
        }

        if (data == NULL) {
            data = json_object_get(json_array_get(metrics, i), "histogram");
        }

        n += json_array_size(json_object_get(data, "dataPoints"));
    }

    json_decref(root);

    return n;
}


/* The points of the requests, 0 when one of them is wrong. */

static size_t
json_all(const qoe_collect_t *c, size_t max, size_t *requests)
{
    bool                 good;
    size_t               n, total;
    qoe_buf_t            out;
    qoe_status_t         rc;
    qoe_otlp_metrics_t  *m;

    good = true;
    total = 0;
    *requests = 0;
    qoe_buf_init(&out, &qoe_mem_heap, QOE_OTLP_REQUEST_MAX);

    m = qoe_otlp_metrics_create(c, QOE_ENCODING_JSON, &identity, max,
                                &qoe_mem_heap);

    while ((rc = next_whole(m, &out, &n, 100)) == QOE_OK) {
        good &= n != 0 && (n == 1 || out.len <= max)
                && json_points((qoe_span_t) { out.data, out.len }) == n;
        total += n;
        (*requests)++;
        qoe_buf_reset(&out);
    }

    qoe_otlp_metrics_destroy(m);
    qoe_buf_free(&out);

    return (good && rc == QOE_DONE) ? total : 0;
}


static void
test_json(void)
{
    int             i;
    size_t          n, points, requests;
    char            text[200];
    uint32_t        block;
    qoe_labels_t    l = { .len = 0 };
    qoe_collect_t  *c;

    seed = 11;
    c = random_collection(1500);
    n = exportable_all(c);

    points = json_all(c, QOE_OTLP_REQUEST_MAX, &requests);
    ok(points == n && requests < 10,
       "JSON: all %zu points are in %zu requests", n, requests);

    points = json_all(c, 50000, &requests);
    ok(points == n && requests > 50,
       "JSON: with a smaller maximum all points are in %zu requests", requests);

    points = json_all(c, 1, &requests);
    ok(points == n && requests == n,
       "JSON: with the smallest maximum each request has a single point");

    fake_destroy(c);

    /*
     * JSON that is six times as long as protobuf is made again with fewer
     * points.
     */

    c = fake_create(TIME);
    memset(text, 0x7f, sizeof(text));

    for (i = 0; i < 10; i++) {
        qoe_labels_add(&l, (qoe_span_t) { text, (size_t) i + 1 },
                       (qoe_span_t) { text, sizeof(text) });
    }

    block = fake_block(c, qoe_labels_span(&l));

    for (i = 0; i < 1000; i++) {
        fake_add(c, QOE_METRIC_SEEK_TOTAL, block, 0, START, i, NULL);
    }

    points = json_all(c, 1000000, &requests);
    ok(points == 1000 && requests > 12,
       "JSON that is longer than estimated is cut into more requests: %zu",
       requests);

    fake_destroy(c);
}


/* A point that is longer than the buffer may be is left out; others go on. */

static void
test_too_large(qoe_encoding_t encoding)
{
    char                 big[5000];
    size_t               n, total;
    uint32_t             i, block;
    qoe_buf_t            out;
    qoe_status_t         rc;
    qoe_labels_t         l = { .len = 0 };
    qoe_collect_t       *c;
    unsigned             large, again;
    qoe_otlp_metrics_t  *m;

    memset(big, 'x', sizeof(big));
    qoe_labels_add(&l, qoe_span("video_title"),
                   (qoe_span_t) { big, sizeof(big) });

    c = fake_create(TIME);
    block = fake_block(c, qoe_labels_span(&l));

    for (i = 0; i < 9; i++) {
        fake_add(c, QOE_METRIC_SEEK_TOTAL, i % 3 == 2 ? block : 0, 0, START,
                 i, NULL);
    }

    qoe_buf_init(&out, &qoe_mem_heap, 4000);
    m = qoe_otlp_metrics_create(c, encoding, &identity, 1000000,
                                &qoe_mem_heap);
    large = 0;
    again = 0;
    total = 0;

    do {
        rc = qoe_otlp_metrics_next(m, &out, &n, FOREVER);
        large += (rc == QOE_TOO_LARGE && out.len == 0);
        again += (rc == QOE_AGAIN);
        total += n;

        if (rc == QOE_OK) {
            qoe_buf_reset(&out);
        }

    } while (rc != QOE_DONE && rc != QOE_NOMEM && large + again < 50);

    ok(rc == QOE_DONE && large == 3 && total == 6 && out.status == QOE_OK,
       "%s: three points that are too large are left out, and six go",
       encoding == QOE_ENCODING_JSON ? "JSON" : "protobuf");

    qoe_otlp_metrics_destroy(m);
    qoe_buf_free(&out);
    fake_destroy(c);
}


/* Any allocation may fail; a later call makes the rest all the same. */

static void
test_nomem(qoe_encoding_t encoding)
{
    bool                 good;
    long                 at;
    size_t               n, total, all;
    unsigned             failures;
    tap_mem_t            mem;
    qoe_buf_t            out;
    qoe_status_t         rc;
    qoe_collect_t       *c;
    const qoe_mem_t     *failing;
    qoe_otlp_metrics_t  *m;

    seed = 3;
    c = random_collection(600);
    all = exportable_all(c);
    good = true;

    for (at = 0; good; at++) {
        failing = tap_mem(&mem, at);
        failures = 0;
        total = 0;

        qoe_buf_init(&out, failing, QOE_OTLP_REQUEST_MAX);
        m = qoe_otlp_metrics_create(c, encoding, &identity, 60000, failing);

        if (m != NULL) {
            do {
                rc = qoe_otlp_metrics_next(m, &out, &n, FOREVER);
                total += n;
                failures += (rc == QOE_NOMEM);
                good &= rc != QOE_NOMEM || (out.len == 0 && n == 0);

                if (rc == QOE_OK) {
                    qoe_buf_reset(&out);
                }

            } while (rc != QOE_DONE && rc != QOE_TOO_LARGE && failures < 3);

            good &= (rc == QOE_DONE && total == all && failures <= 1);
        }

        qoe_otlp_metrics_destroy(m);
        qoe_buf_free(&out);
        good &= (mem.live == 0 && (m != NULL || mem.failed == 1));

        if (mem.failed == 0) {
            break;
        }
    }

    ok(good && at > 5,
       "%s: after the failure of any of %ld allocations the rest is made all "
       "the same",
       encoding == QOE_ENCODING_JSON ? "JSON" : "protobuf", at);

    fake_destroy(c);
}


/* 15 attributes of the base, one of extra; every fifth point is a histogram. */

static qoe_collect_t *
speed_collection(void)
{
    char             value[32];
    size_t           i, j;
    uint32_t         extra;
    qoe_labels_t     l;
    qoe_collect_t   *c;
    qoe_histogram_t  h;
    static const char *const  names[] = {
        "org_id", "player_id", "env", "app_name", "app_version",
        "device_category", "os_family", "browser_family", "player_name",
        "network_country", "video_id", "video_title", "content_type",
        "stream_id"
    };

    c = fake_create(TIME);
    extra = fake_labels(c, (const char *const []) {
        "media_type", "video", NULL });

    for (i = 0; i < SPEED_BASES; i++) {
        l.len = 0;

        for (j = 0; j < sizeof(names) / sizeof(names[0]); j++) {
            snprintf(value, sizeof(value), "%s-%zu", "value", i * j);
            qoe_labels_add(&l, qoe_span_str(names[j]), qoe_span_str(value));
        }

        fake_block(c, qoe_labels_span(&l));
    }

    h = histogram(&qoe_metrics[QOE_METRIC_BUFFER_LENGTH], 20);

    for (i = 0; i < SPEED_POINTS; i++) {
        if (i % 5 == 0) {
            fake_add(c, QOE_METRIC_BUFFER_LENGTH, 2 + (i / 5) % SPEED_BASES,
                     extra, START, 0, &h);
        } else {
            fake_add(c, (qoe_metric_id_t) (QOE_METRIC_NETWORK_LATENCY + i % 5),
                     2 + (i / 5) % SPEED_BASES, extra, START, (double) i,
                     NULL);
        }
    }

    return c;
}


static void
test_speed(qoe_encoding_t encoding, size_t max)
{
    size_t               n, total, bytes, requests;
    uint64_t             start, step, longest;
    qoe_buf_t            out;
    qoe_status_t         rc;
    qoe_collect_t       *c;
    qoe_otlp_metrics_t  *m;

    c = speed_collection();
    total = 0;
    bytes = 0;
    requests = 0;
    longest = 0;

    qoe_buf_init(&out, &qoe_mem_heap, QOE_OTLP_REQUEST_MAX);

    start = now_us();
    m = qoe_otlp_metrics_create(c, encoding, &identity, max, &qoe_mem_heap);

    do {
        step = now_us();
        rc = qoe_otlp_metrics_next(m, &out, &n, 1000);
        longest = qoe_max(longest, now_us() - step);
        total += n;

        if (rc == QOE_OK) {
            bytes += out.len;
            requests++;
            qoe_buf_reset(&out);
        }

    } while (rc == QOE_OK || rc == QOE_AGAIN);

    qoe_otlp_metrics_destroy(m);

    printf("# %s: %d points with 15 attributes: %.1f ms, %zu requests, "
           "%.1f MB; longest step %.1f ms\n",
           encoding == QOE_ENCODING_JSON ? "JSON" : "protobuf", SPEED_POINTS,
           (double) (now_us() - start) / 1e3, requests, (double) bytes / 1e6,
           (double) longest / 1e3);

    ok(rc == QOE_DONE && total == SPEED_POINTS,
       "%d points are written in the time measured", SPEED_POINTS);

    qoe_buf_free(&out);
    fake_destroy(c);
}


int
main(void)
{
    test_json();
    test_too_large(QOE_ENCODING_PROTOBUF);
    test_too_large(QOE_ENCODING_JSON);
    test_nomem(QOE_ENCODING_PROTOBUF);
    test_nomem(QOE_ENCODING_JSON);
    test_speed(QOE_ENCODING_PROTOBUF, 1024 * 1024);
    test_speed(QOE_ENCODING_JSON, QOE_OTLP_REQUEST_MAX);

    return tap_end();
}
