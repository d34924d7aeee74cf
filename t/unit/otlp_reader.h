
/*
 * Copyright (C) OpenQoE
 *
 * For the tests of the metrics encoder: random collections, and a reader
 * that holds each field of a request against the collection it is of.
 */


#ifndef _OTLP_READER_H_INCLUDED_
#define _OTLP_READER_H_INCLUDED_


#include "tap.h"
#include "fake_collect.h"

#include "qoe_otlp_metrics.h"
#include "qoe_otlp_pb.h"

#include "opentelemetry/proto/collector/metrics/v1/metrics_service.pb-c.h"

#include <math.h>
#include <time.h>


#define TIME             1700000060123456789
#define START            1700000000000000001
#define FOREVER          UINT64_MAX


typedef qoe_pb_service_type(Metrics, ServiceRequest)  request_t;
typedef Opentelemetry__Proto__Metrics__V1__Metric  pb_metric_t;
typedef Opentelemetry__Proto__Metrics__V1__NumberDataPoint  number_t;
typedef Opentelemetry__Proto__Metrics__V1__HistogramDataPoint  hist_t;

#define DATA(name)       OPENTELEMETRY__PROTO__METRICS__V1__METRIC__DATA_##name
#define VALUE(name)                                                           \
    OPENTELEMETRY__PROTO__METRICS__V1__NUMBER_DATA_POINT__VALUE_##name


static const qoe_attr_t  resource[] = {
    { qoe_span("service.name"), qoe_span("openQoE-worker") },
    { qoe_span("host.name"), qoe_span("h\xff" "1") }
};

static const qoe_otlp_identity_t  identity = {
    resource, 2, qoe_span("openqoe"), qoe_span("0.1.0")
};

/* Where a reader of requests is in the collection, and what it found wrong. */

typedef struct {
    const qoe_collect_t  *c;
    uint32_t              metric;
    size_t                series;
    size_t                points;
    const char           *wrong;
} reader_t;


static qoe_arena_t  arena;           /* for unpacked messages and the oracle */
static uint64_t     seed = 1;


static inline uint64_t
rnd(uint64_t n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;

    return seed % n;
}


static inline uint64_t
now_us(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000 + (uint64_t) ts.tv_nsec / 1000;
}


static inline bool
exportable(const qoe_metric_t *m, const qoe_collected_t *s)
{
    if (m->kind == QOE_INSTRUMENT_HISTOGRAM) {
        return isfinite(s->histogram->sum);
    }

    return m->kind == QOE_INSTRUMENT_COUNTER
           || (isfinite(s->number)
               && (m->kind != QOE_INSTRUMENT_COUNTER_DOUBLE
                   || s->number >= 0));
}


/* Moves on to the next series that is to be exported. */

static inline bool
reader_next(reader_t *r, qoe_collected_t *s)
{
    for ( /* void */ ; r->metric < QOE_METRICS_N; r->metric++) {

        while (r->series < qoe_collect_count(r->c, r->metric)) {
            qoe_collect_get(r->c, r->metric, r->series++, s);

            if (exportable(&qoe_metrics[r->metric], s)) {
                return true;
            }
        }

        r->series = 0;
    }

    return false;
}


static inline bool
has_key(qoe_span_t block, size_t n, qoe_span_t key)
{
    size_t             i;
    qoe_span_t         name, value;
    qoe_labels_iter_t  it;

    qoe_labels_iter(&it, block);

    for (i = 0; i < n && qoe_labels_next(&it, &name, &value); i++) {
        if (qoe_span_eq(name, key)) {
            return true;
        }
    }

    return false;
}


static inline bool
attr_is(const qoe_pb_attr_t *a, qoe_span_t name, qoe_span_t value)
{
    if (strcmp(a->key, qoe_pb_text(&arena, qoe_span_null, name)) != 0) {
        return false;
    }

    if (qoe_span_eq(name, qoe_span("otel.metric.overflow"))
        && qoe_span_eq(value, qoe_span("true")))
    {
        return a->value->value_case
               == OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_BOOL_VALUE
               && a->value->bool_value;
    }

    return a->value->value_case
           == OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_STRING_VALUE
           && strcmp(a->value->string_value,
                     qoe_pb_text(&arena, qoe_span_null, value)) == 0;
}


/* The attributes of a block that must be there, from *at on. */

static inline bool
block_is(qoe_pb_attr_t **attrs, size_t n, size_t *at, qoe_span_t block,
    qoe_span_t without)
{
    size_t             i;
    qoe_span_t         name, value;
    qoe_labels_iter_t  it;

    qoe_labels_iter(&it, block);

    for (i = 0; qoe_labels_next(&it, &name, &value); i++) {

        if (has_key(block, i, name) || has_key(without, SIZE_MAX, name)) {
            continue;
        }

        if (*at == n || !attr_is(attrs[*at], name, value)) {
            return false;
        }

        (*at)++;
    }

    return true;
}


static inline bool
attrs_are(const qoe_collect_t *c, const qoe_collected_t *s,
    qoe_pb_attr_t **attrs, size_t n)
{
    size_t      at;
    qoe_span_t  base, extra;

    at = 0;
    base = s->base ? qoe_collect_block(c, s->base) : qoe_span_null;
    extra = s->extra ? qoe_collect_block(c, s->extra) : qoe_span_null;

    return block_is(attrs, n, &at, base, extra)
           && block_is(attrs, n, &at, extra, qoe_span_null) && at == n;
}


static inline void
check_number(reader_t *r, const number_t *p)
{
    bool                 gauge;
    qoe_collected_t      s;
    const qoe_metric_t  *m;

    if (!reader_next(r, &s)) {
        r->wrong = "a point too many";
        return;
    }

    r->points++;
    m = &qoe_metrics[r->metric];
    gauge = m->kind == QOE_INSTRUMENT_GAUGE
            || m->kind == QOE_INSTRUMENT_GAUGE_NOW;

    if (p->time_unix_nano != TIME
        || p->start_time_unix_nano != (gauge ? 0 : s.start_ns))
    {
        r->wrong = "times of a number";
    }

    if (s.ended) {
        if (p->value_case != 0 || p->flags != 1) {
            r->wrong = "a gauge that has ended has a value";
        }

    } else if (p->flags != 0) {
        r->wrong = "the flags of a number";

    } else if (m->kind == QOE_INSTRUMENT_COUNTER
        ? p->value_case != VALUE(AS_INT) || p->as_int != (int64_t) s.integer
        : p->value_case != VALUE(AS_DOUBLE) || p->as_double != s.number)
    {
        r->wrong = "the value of a number";
    }

    if (!attrs_are(r->c, &s, p->attributes, p->n_attributes)) {
        r->wrong = "attributes of a number";
    }
}


static inline void
check_histogram(reader_t *r, const hist_t *p)
{
    bool                    range;
    qoe_collected_t         s;
    const qoe_metric_t     *m;
    const qoe_histogram_t  *h;

    if (!reader_next(r, &s)) {
        r->wrong = "a histogram too many";
        return;
    }

    r->points++;
    m = &qoe_metrics[r->metric];
    h = s.histogram;
    range = (h->count != 0);

    if (p->time_unix_nano != TIME || p->start_time_unix_nano != s.start_ns
        || p->count != h->count || p->_sum_case != 5 || p->sum != h->sum
        || p->_min_case != (range ? 11 : 0)
        || p->_max_case != (range ? 12 : 0)
        || (range && (p->min != h->min || p->max != h->max)))
    {
        r->wrong = "times or totals of a histogram";
    }

    if (p->n_bucket_counts != m->nbounds + 1
        || p->n_explicit_bounds != m->nbounds
        || memcmp(p->bucket_counts, h->bucket, 8 * (m->nbounds + 1)) != 0
        || memcmp(p->explicit_bounds, m->bounds, 8 * m->nbounds) != 0)
    {
        r->wrong = "buckets";
    }

    if (!attrs_are(r->c, &s, p->attributes, p->n_attributes)) {
        r->wrong = "attributes of a histogram";
    }
}


static inline void
check_meta(reader_t *r, const pb_metric_t *pb)
{
    reader_t             ahead = *r;
    qoe_collected_t      s;
    const qoe_metric_t  *m;

    if (!reader_next(&ahead, &s)) {
        r->wrong = "a metric too many";
        return;
    }

    m = &qoe_metrics[ahead.metric];

    if (!qoe_span_eq(qoe_span_str(pb->name), m->name)
        || !qoe_span_eq(qoe_span_str(pb->unit), m->unit)
        || !qoe_span_eq(qoe_span_str(pb->description), m->description))
    {
        r->wrong = "name, unit or description";
    }

    switch (m->kind) {

    case QOE_INSTRUMENT_HISTOGRAM:
        if (pb->data_case != DATA(HISTOGRAM)
            || pb->histogram->aggregation_temporality != 2)
        {
            r->wrong = "a histogram's kind";
        }
        break;

    case QOE_INSTRUMENT_GAUGE:
    case QOE_INSTRUMENT_GAUGE_NOW:
        if (pb->data_case != DATA(GAUGE)) {
            r->wrong = "a gauge's kind";
        }
        break;

    default:
        if (pb->data_case != DATA(SUM)
            || pb->sum->aggregation_temporality != 2
            || pb->sum->is_monotonic
               != (m->kind != QOE_INSTRUMENT_UPDOWN_DOUBLE))
        {
            r->wrong = "a sum's kind";
        }
    }
}


static inline void
check_metric(reader_t *r, const pb_metric_t *pb)
{
    size_t  i;

    check_meta(r, pb);

    if (r->wrong != NULL) {
        return;
    }

    switch (pb->data_case) {

    case DATA(HISTOGRAM):
        for (i = 0; i < pb->histogram->n_data_points; i++) {
            check_histogram(r, pb->histogram->data_points[i]);
        }
        break;

    case DATA(GAUGE):
        for (i = 0; i < pb->gauge->n_data_points; i++) {
            check_number(r, pb->gauge->data_points[i]);
        }
        break;

    default:
        for (i = 0; i < pb->sum->n_data_points; i++) {
            check_number(r, pb->sum->data_points[i]);
        }
    }

    if (i == 0) {
        r->wrong = "a metric without points";
    }
}


static inline qoe_span_t
json_of(const ProtobufCMessage *msg, qoe_buf_t *text)
{
    qoe_buf_init(text, &qoe_mem_heap, SIZE_MAX / 4);
    qoe_otlp_json(text, msg);

    return (qoe_span_t) { text->data, text->len };
}


/* What protobuf-c would have written means the same. */

static inline bool
repacked_same(const request_t *q)
{
    bool               same;
    char              *p;
    size_t             len;
    qoe_buf_t          a, b;
    ProtobufCMessage  *again;

    len = protobuf_c_message_get_packed_size(&q->base);
    p = malloc(len + 1);

    if (p == NULL) {
        abort();
    }

    protobuf_c_message_pack(&q->base, (uint8_t *) p);

    same = qoe_pb_unpack(&again, q->base.descriptor, (qoe_span_t) { p, len },
                         &arena) == QOE_OK
           && qoe_span_eq(json_of(&q->base, &a), json_of(again, &b));

    qoe_buf_free(&a);
    qoe_buf_free(&b);
    free(p);

    return same;
}


static inline void
check_request(reader_t *r, qoe_span_t packed, size_t npoints)
{
    size_t             i, before;
    request_t         *q;
    ProtobufCMessage  *msg;

    before = r->points;
    qoe_arena_reset(&arena);

    if (qoe_pb_unpack(&msg,
                      &qoe_pb_service(metrics, service_request__descriptor),
                      packed, &arena)
        != QOE_OK)
    {
        r->wrong = "bytes that are no request";
        return;
    }

    q = (request_t *) msg;

    if (q->n_resource_metrics != 1
        || q->resource_metrics[0]->n_scope_metrics != 1
        || q->resource_metrics[0]->resource == NULL
        || q->resource_metrics[0]->scope_metrics[0]->scope == NULL)
    {
        r->wrong = "the frame of a request";
        return;
    }

    for (i = 0; i < q->resource_metrics[0]->scope_metrics[0]->n_metrics; i++) {
        check_metric(r, q->resource_metrics[0]->scope_metrics[0]->metrics[i]);
    }

    if (r->wrong == NULL && r->points - before != npoints) {
        r->wrong = "the count of points";
    }

    if (r->wrong == NULL && packed.len < 1000000 && !repacked_same(q)) {
        r->wrong = "the meaning after a repack";
    }
}


static inline qoe_status_t
next_whole(qoe_otlp_metrics_t *m, qoe_buf_t *out, size_t *n, uint64_t budget)
{
    qoe_status_t  rc;

    do {
        rc = qoe_otlp_metrics_next(m, out, n, budget);
    } while (rc == QOE_AGAIN);

    return rc;
}


/* Collections */

static inline qoe_histogram_t
histogram(const qoe_metric_t *m, uint64_t n)
{
    double           v;
    uint64_t         i;
    qoe_histogram_t  h = { .count = n };

    for (i = 0; i < n; i++) {
        v = (double) rnd(1000000) / 7;
        h.sum += v;
        h.min = (i == 0 || v < h.min) ? v : h.min;
        h.max = (i == 0 || v > h.max) ? v : h.max;
        h.bucket[qoe_metric_bucket(m, v)]++;
    }

    return h;
}


static inline void
add_any(qoe_collect_t *c, qoe_metric_id_t id, uint32_t base, uint32_t extra)
{
    double               v;
    qoe_histogram_t      h;
    const qoe_metric_t  *m;

    m = &qoe_metrics[id];

    if (m->kind == QOE_INSTRUMENT_HISTOGRAM) {
        h = histogram(m, rnd(4) ? rnd(30) : 0);

        if (rnd(40) == 0) {
            h.sum = NAN;
        }

        fake_add(c, id, base, extra, START + rnd(1000), 0, &h);
        return;
    }

    v = rnd(3) ? (double) rnd(UINT64_C(1) << 53) : (double) rnd(1000) / 999;

    if (rnd(30) == 0) {
        v = rnd(2) ? NAN : -INFINITY;

    } else if (rnd(10) == 0) {
        v = rnd(2) ? -v : 0;
    }

    fake_add(c, id, base, extra, START + rnd(1000), v, NULL);
}


static inline uint32_t
random_block(qoe_collect_t *c, size_t n)
{
    size_t               i, len;
    char                 name[300], value[3000];
    static qoe_labels_t  l;

    l.len = 0;

    while (n-- > 0) {

        /* Few names, so that some are there twice; all bytes in values. */

        len = (size_t) snprintf(name, sizeof(name), "key.%d",
                                (int) rnd(40));

        if (rnd(100) == 0) {
            len = 1 + rnd(255);
            memset(name, 'x', len);
        }

        (void) qoe_labels_add(&l, (qoe_span_t) { name, len },
                              qoe_span("first"));

        len = rnd(20) == 0 ? rnd(3000) : rnd(30);

        for (i = 0; i < len; i++) {
            value[i] = (char) (rnd(4) ? 'a' + rnd(26) : rnd(256));
        }

        len = (size_t) snprintf(name, sizeof(name), "k%d", (int) rnd(200));

        (void) qoe_labels_add(&l, (qoe_span_t) { name, len },
                              (qoe_span_t) { value, i });
    }

    return fake_block(c, qoe_labels_span(&l));
}


static inline qoe_collect_t *
random_collection(size_t series)
{
    uint32_t        i, base, extra;
    qoe_collect_t  *c;

    c = fake_create(TIME);

    for (i = 0; i < 30; i++) {
        random_block(c, rnd(16));
    }

    while (series-- > 0) {
        base = (uint32_t) rnd(c->nblocks + 1);
        extra = (uint32_t) rnd(c->nblocks + 1);

        add_any(c, (qoe_metric_id_t) rnd(QOE_METRICS_N), base, extra);
    }

    return c;
}


static inline size_t
exportable_all(const qoe_collect_t *c)
{
    size_t           n;
    reader_t         r = { c, 0, 0, 0, NULL };
    qoe_collected_t  s;

    for (n = 0; reader_next(&r, &s); n++) {
        /* void */
    }

    return n;
}


#endif /* _OTLP_READER_H_INCLUDED_ */
