
/*
 * Copyright (C) OpenQoE
 */


#include "qoe_otlp_point.h"
#include "qoe_otlp_wire.h"

#include <math.h>


/* Fields of both kinds of points; attributes (7 and 9) are in the runs. */

#define QOE_POINT_START      2
#define QOE_POINT_TIME       3

/* NumberDataPoint */

#define QOE_POINT_AS_DOUBLE  4
#define QOE_POINT_AS_INT     6
#define QOE_POINT_FLAGS      8

#define QOE_POINT_NO_VALUE   1               /* NO_RECORDED_VALUE */

/* HistogramDataPoint */

#define QOE_POINT_COUNT      4
#define QOE_POINT_SUM        5
#define QOE_POINT_BUCKETS    6
#define QOE_POINT_BOUNDS     7
#define QOE_POINT_MIN        11
#define QOE_POINT_MAX        12


static char *qoe_point_number(char *p, const qoe_metric_t *m,
    const qoe_collected_t *c);
static char *qoe_point_histogram(char *p, const qoe_metric_t *m,
    const qoe_histogram_t *h);


bool
qoe_point_valid(const qoe_metric_t *m, const qoe_collected_t *c)
{
    switch (m->kind) {

    case QOE_INSTRUMENT_HISTOGRAM:
        return c->histogram != NULL && isfinite(c->histogram->sum);

    case QOE_INSTRUMENT_COUNTER:
        return true;

    case QOE_INSTRUMENT_COUNTER_DOUBLE:
        return isfinite(c->number) && c->number >= 0;

    default:
        return isfinite(c->number);
    }
}


/* 0 for gauges, which have no start. */

static inline uint64_t
qoe_point_start(const qoe_metric_t *m, const qoe_collected_t *c)
{
    return (m->kind == QOE_INSTRUMENT_GAUGE
            || m->kind == QOE_INSTRUMENT_GAUGE_NOW) ? 0 : c->start_ns;
}


static inline bool
qoe_point_has_range(const qoe_histogram_t *h)
{
    return h->count != 0 && isfinite(h->min) && isfinite(h->max);
}


size_t
qoe_point_size(const qoe_metric_t *m, const qoe_collected_t *c, size_t attrs)
{
    size_t  n, size;

    if (c->ended) {
        return attrs + QOE_WIRE_FIXED64_SIZE + 2;
    }

    n = 2 + (qoe_point_start(m, c) != 0);    /* time, and number or count */
    size = attrs;

    if (m->kind == QOE_INSTRUMENT_HISTOGRAM) {
        n += 1;                              /* sum */
        n += qoe_point_has_range(c->histogram) ? 2 : 0;

        size += qoe_wire_bytes_size(8 * (m->nbounds + 1));
        size += qoe_wire_bytes_size(8 * m->nbounds);
    }

    return size + n * QOE_WIRE_FIXED64_SIZE;
}


char *
qoe_point_write(char *p, const qoe_metric_t *m, const qoe_collected_t *c,
    uint64_t time_ns, const qoe_span_t attrs[2])
{
    uint64_t  start;

    start = qoe_point_start(m, c);

    if (start != 0) {
        p = qoe_wire_fixed64(p, QOE_POINT_START, start);
    }

    p = qoe_wire_fixed64(p, QOE_POINT_TIME, time_ns);

    if (c->ended) {
        p = qoe_wire_small(p, QOE_POINT_FLAGS, QOE_POINT_NO_VALUE);

    } else if (m->kind == QOE_INSTRUMENT_HISTOGRAM) {
        p = qoe_point_histogram(p, m, c->histogram);

    } else {
        p = qoe_point_number(p, m, c);
    }

    p = qoe_wire_text(p, attrs[0]);
    p = qoe_wire_text(p, attrs[1]);

    return p;
}


static char *
qoe_point_number(char *p, const qoe_metric_t *m, const qoe_collected_t *c)
{
    uint64_t  n;

    if (m->kind != QOE_INSTRUMENT_COUNTER) {
        return qoe_wire_double(p, QOE_POINT_AS_DOUBLE, c->number);
    }

    n = qoe_min(c->integer, (uint64_t) INT64_MAX);

    return qoe_wire_fixed64(p, QOE_POINT_AS_INT, n);
}


static char *
qoe_point_histogram(char *p, const qoe_metric_t *m, const qoe_histogram_t *h)
{
    size_t  i;

    p = qoe_wire_fixed64(p, QOE_POINT_COUNT, h->count);
    p = qoe_wire_double(p, QOE_POINT_SUM, h->sum);
    p = qoe_wire_head(p, QOE_POINT_BUCKETS, 8 * (m->nbounds + 1));

    for (i = 0; i <= m->nbounds; i++) {
        p = qoe_wire_put64(p, h->bucket[i]);
    }

    p = qoe_wire_head(p, QOE_POINT_BOUNDS, 8 * m->nbounds);

    for (i = 0; i < m->nbounds; i++) {
        p = qoe_wire_put_double(p, m->bounds[i]);
    }

    if (qoe_point_has_range(h)) {
        p = qoe_wire_double(p, QOE_POINT_MIN, h->min);
        p = qoe_wire_double(p, QOE_POINT_MAX, h->max);
    }

    return p;
}
