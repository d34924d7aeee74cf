
/*
 * Copyright (C) OpenQoE
 *
 * The metrics that are taken at a collection, and two counters that the zone
 * keeps for other reasons.
 */


#include "qoe_gauges.h"

#include <math.h>


#define QOE_GAUGES_LATELY_MS   10000
#define QOE_GAUGES_READS       8             /* of a head that moves */

/* A record begins with its receipt: field 1, fixed64 (record.proto). */
#define QOE_GAUGES_RECEIVED    0x09


typedef struct {
    qoe_metric_id_t     metric;              /* one of those it adds */
    qoe_status_t      (*add)(const qoe_gauges_t *g);
} qoe_gauge_t;


static qoe_status_t qoe_gauges_viewers(const qoe_gauges_t *g);
static qoe_status_t qoe_gauges_workers(const qoe_gauges_t *g);
static qoe_status_t qoe_gauges_queue(const qoe_gauges_t *g);
static uint64_t qoe_gauges_oldest(const qoe_zone_t *zone, uint32_t lane);
static qoe_status_t qoe_gauges_series(const qoe_gauges_t *g);
static qoe_status_t qoe_gauges_dimensions(const qoe_gauges_t *g);
static qoe_status_t qoe_gauges_overflow(const qoe_gauges_t *g,
    const qoe_dimension_t *dim, uint64_t n);
static qoe_status_t qoe_gauges_add(const qoe_gauges_t *g,
    qoe_metric_id_t metric, double value);


/* The first one alone works in slices: nothing was added before it. */

static const qoe_gauge_t  qoe_gauges[] = {
    { QOE_METRIC_CONCURRENT_VIEWS_CURRENT, qoe_gauges_views },
    { QOE_METRIC_UNIQUE_VIEWERS, qoe_gauges_viewers },
    { QOE_METRIC_WORKER_HEAP_ALLOCATION, qoe_gauges_workers },
    { QOE_METRIC_QUEUE_SIZE, qoe_gauges_queue },
    { QOE_METRIC_SERIES_COUNT, qoe_gauges_series },
    { QOE_METRIC_DIMENSION_CARDINALITY, qoe_gauges_dimensions }
};


qoe_status_t
qoe_gauges_collect(qoe_collect_t *c, const qoe_state_t *st,
    const qoe_conf_t *conf, const qoe_governor_t *governor, uint64_t now_ns,
    uint32_t *cursor)
{
    size_t        i;
    qoe_gauges_t  g;
    qoe_status_t  rc;

    g = (qoe_gauges_t) { c, st, governor, now_ns, cursor };

    for (i = 0; i < sizeof(qoe_gauges) / sizeof(qoe_gauges[0]); i++) {

        if ((qoe_metrics[qoe_gauges[i].metric].group & conf->groups) == 0) {
            continue;
        }

        rc = qoe_gauges[i].add(&g);

        if (rc != QOE_OK) {
            return rc;
        }
    }

    return QOE_OK;
}


static qoe_status_t
qoe_gauges_viewers(const qoe_gauges_t *g)
{
    bool           overflow;
    char           buf[QOE_GOVERN_BUF];
    size_t         i;
    double         viewers;
    uint32_t       now_s;
    qoe_span_t     org, player;
    qoe_status_t   rc;
    qoe_labels_t   labels;

    now_s = (uint32_t) (g->now_ns / 1000000000);

    for (i = 0;
         qoe_govern_viewers(g->governor, i, now_s, &org, &player, &overflow,
                            &viewers, buf);
         i++)
    {
        if (viewers < 0.5) {
            continue;                        /* a free place, none today */
        }

        labels.len = 0;

        if (overflow) {
            (void) qoe_labels_add(&labels, qoe_span("otel.metric.overflow"),
                                  qoe_span("true"));
        } else {
            (void) qoe_labels_add(&labels, qoe_span("org_id"), org);
            (void) qoe_labels_add(&labels, qoe_span("player_id"), player);
        }

        rc = qoe_collect_add(g->collect, QOE_METRIC_UNIQUE_VIEWERS,
                             qoe_labels_span(&labels), qoe_span_null,
                             round(viewers));
        if (rc != QOE_OK) {
            return rc;
        }
    }

    return QOE_OK;
}


static qoe_status_t
qoe_gauges_workers(const qoe_gauges_t *g)
{
    qoe_status_t   rc;
    qoe_workers_t  workers;

    qoe_self_workers(g->st->self, qoe_mono_ms(), QOE_GAUGES_LATELY_MS,
                     &workers);

    rc = qoe_gauges_add(g, QOE_METRIC_WORKER_HEAP_ALLOCATION,
                        (double) workers.heap);
    if (rc != QOE_OK) {
        return rc;
    }

    return qoe_gauges_add(g, QOE_METRIC_WORKER_STACK_IN_USE,
                          (double) workers.stack);
}


static qoe_status_t
qoe_gauges_queue(const qoe_gauges_t *g)
{
    uint32_t         i;
    uint64_t         used, size, oldest, received;
    qoe_status_t     rc;
    qoe_lane_info_t  info;

    used = 0;
    size = 0;
    oldest = g->now_ns;

    for (i = 0; i < g->st->lanes; i++) {

        qoe_zone_lane_info(g->st->zone, i, &info);
        used += info.used;
        size += info.size;

        received = qoe_gauges_oldest(g->st->zone, i);

        if (received != 0) {
            oldest = qoe_min(oldest, received);
        }
    }

    rc = qoe_gauges_add(g, QOE_METRIC_QUEUE_SIZE, (double) used);
    if (rc != QOE_OK) {
        return rc;
    }

    rc = qoe_gauges_add(g, QOE_METRIC_QUEUE_CAPACITY, (double) size);
    if (rc != QOE_OK) {
        return rc;
    }

    rc = qoe_gauges_add(g, QOE_METRIC_QUEUE_OLDEST_AGE,
                        (double) (g->now_ns - oldest) / 1e9);
    if (rc != QOE_OK) {
        return rc;
    }

    /* events wait in memory alone */

    return qoe_gauges_add(g, QOE_METRIC_SPOOL_SIZE, 0);
}


/*
 * When the record at the lane's head was received, Unix ns; 0: there is none.
 * The consumer may release it at any moment: what was read counts only if the
 * head stands where it stood.
 */

static uint64_t
qoe_gauges_oldest(const qoe_zone_t *zone, uint32_t lane)
{
    int         i, n;
    uint64_t    head, pos, received;
    qoe_span_t  record;

    for (n = 0; n < QOE_GAUGES_READS; n++) {

        head = qoe_lane_head(zone, lane);
        pos = head;
        received = 0;

        if (qoe_lane_read(zone, lane, UINT64_MAX, &pos, &record) == QOE_OK
            && record.len > sizeof(received)
            && (uint8_t) record.data[0] == QOE_GAUGES_RECEIVED)
        {
            for (i = sizeof(received); i > 0; i--) {
                received = received << 8 | (uint8_t) record.data[i];
            }
        }

        __atomic_thread_fence(__ATOMIC_ACQUIRE);

        if (qoe_lane_head(zone, lane) == head) {
            return received;
        }
    }

    /* so fast a consumer has nothing old */

    return 0;
}


static qoe_status_t
qoe_gauges_series(const qoe_gauges_t *g)
{
    uint32_t          i;
    uint64_t          series, overflowed;
    qoe_status_t      rc;
    qoe_store_info_t  info;

    series = 0;
    overflowed = 0;

    for (i = 0; i < g->st->lanes; i++) {
        qoe_store_info(g->st->store[i], &info);
        series += info.series;
        overflowed += info.overflowed;
    }

    rc = qoe_gauges_add(g, QOE_METRIC_SERIES_COUNT, (double) series);
    if (rc != QOE_OK) {
        return rc;
    }

    return qoe_gauges_add(g, QOE_METRIC_SERIES_OVERFLOW, (double) overflowed);
}


static qoe_status_t
qoe_gauges_dimensions(const qoe_gauges_t *g)
{
    size_t                  i;
    qoe_labels_t            labels;
    qoe_status_t            rc;
    qoe_govern_info_t       info;
    const qoe_dimensions_t  *dims;

    dims = g->governor->dims;

    for (i = 0; i < dims->n; i++) {

        qoe_govern_info(g->governor, i, &info);

        if (info.count != 0) {
            labels.len = 0;
            (void) qoe_labels_add(&labels, qoe_span("dimension"),
                                  dims->dim[i].name);

            rc = qoe_collect_add(g->collect, QOE_METRIC_DIMENSION_CARDINALITY,
                                 qoe_span_null, qoe_labels_span(&labels),
                                 (double) info.count);
            if (rc != QOE_OK) {
                return rc;
            }
        }

        rc = qoe_gauges_overflow(g, &dims->dim[i], info.overflow);
        if (rc != QOE_OK) {
            return rc;
        }
    }

    return QOE_OK;
}


static qoe_status_t
qoe_gauges_overflow(const qoe_gauges_t *g, const qoe_dimension_t *dim,
    uint64_t n)
{
    qoe_labels_t  labels;

    if (n == 0) {
        return QOE_OK;
    }

    labels.len = 0;
    (void) qoe_labels_add(&labels, qoe_span("dimension"), dim->name);
    (void) qoe_labels_add(&labels, qoe_span("action"),
                          dim->overflow == QOE_OVERFLOW_HASH
                          ? qoe_span("hash") : qoe_span("other"));

    return qoe_collect_add(g->collect, QOE_METRIC_DIMENSION_OVERFLOW,
                           qoe_span_null, qoe_labels_span(&labels),
                           (double) n);
}


static qoe_status_t
qoe_gauges_add(const qoe_gauges_t *g, qoe_metric_id_t metric, double value)
{
    return qoe_collect_add(g->collect, metric, qoe_span_null, qoe_span_null,
                           value);
}
