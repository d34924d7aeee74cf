
/*
 * Copyright (C) OpenQoE
 *
 * The metrics that are taken at a collection, and the counters that the zone
 * keeps for other reasons.
 */


#include "qoe_gauges.h"

#include "qoe_dest.h"
#include "qoe_record.h"
#include "qoe_spool_info.h"

#include <math.h>


#define QOE_GAUGES_LATELY_MS   10000
#define QOE_GAUGES_READS       8             /* tries at a moving floor */


typedef struct {
    qoe_metric_id_t     metric;              /* a metric that add adds */
    qoe_status_t      (*add)(const qoe_gauges_t *g);
} qoe_gauge_t;


static qoe_status_t qoe_gauges_viewers(const qoe_gauges_t *g);
static qoe_status_t qoe_gauges_workers(const qoe_gauges_t *g);
static qoe_status_t qoe_gauges_waits(const qoe_gauges_t *g);
static qoe_status_t qoe_gauges_waiting(const qoe_gauges_t *g, qoe_wait_t what,
    const char *reason);
static qoe_status_t qoe_gauges_counters(const qoe_gauges_t *g);
static qoe_status_t qoe_gauges_queue(const qoe_gauges_t *g);
static uint64_t qoe_gauges_oldest(const qoe_zone_t *zone, uint32_t lane);
static qoe_status_t qoe_gauges_delivery(const qoe_gauges_t *g);
static qoe_status_t qoe_gauges_dest(const qoe_gauges_t *g, uint32_t dest,
    qoe_span_t name);
static qoe_status_t qoe_gauges_events(const qoe_gauges_t *g, qoe_span_t name,
    qoe_dest_state_t state, const char *reason, uint64_t n);
static qoe_status_t qoe_gauges_series(const qoe_gauges_t *g);
static qoe_status_t qoe_gauges_dimensions(const qoe_gauges_t *g);
static qoe_status_t qoe_gauges_overflow(const qoe_gauges_t *g,
    const qoe_dimension_t *dim, uint64_t n);
static qoe_status_t qoe_gauges_add(const qoe_gauges_t *g,
    qoe_metric_id_t metric, double value);


/*
 * Only the first works in slices, so it must come first: when it is called
 * again, nothing else has been added.
 */

static const qoe_gauge_t  qoe_gauges[] = {
    { QOE_METRIC_CONCURRENT_VIEWS_CURRENT, qoe_gauges_views },
    { QOE_METRIC_UNIQUE_VIEWERS, qoe_gauges_viewers },
    { QOE_METRIC_WORKER_HEAP_ALLOCATION, qoe_gauges_workers },
    { QOE_METRIC_INGEST_WAITING, qoe_gauges_waits },
    { QOE_METRIC_INGEST_DELAYED, qoe_gauges_counters },
    { QOE_METRIC_QUEUE_SIZE, qoe_gauges_queue },
    { QOE_METRIC_DELIVERY_EVENTS, qoe_gauges_delivery },
    { QOE_METRIC_SERIES_COUNT, qoe_gauges_series },
    { QOE_METRIC_DIMENSION_CARDINALITY, qoe_gauges_dimensions },
    { QOE_METRIC_CMCD_SESSIONS_ACTIVE, qoe_gauges_requests }
};


/* The metrics that are counters of the zone; QOE_METRICS_N: there is none. */

static const uint16_t  qoe_gauges_metrics[QOE_COUNTERS_N] = {
#define QOE_METRIC_NONE    QOE_METRICS_N
#define QOE_GAUGES_METRIC(id, place, name, metric, what)  QOE_METRIC_##metric,
    QOE_COUNTERS(QOE_GAUGES_METRIC)
};


qoe_status_t
qoe_gauges_collect(qoe_collect_t *c, const qoe_state_t *st,
    const qoe_conf_t *conf, const qoe_governor_t *governor, uint64_t now_ns,
    uint32_t *cursor)
{
    size_t        i;
    qoe_gauges_t  g;
    qoe_status_t  rc;

    g = (qoe_gauges_t) { c, st, conf, governor, now_ns, cursor };

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
            continue;                        /* free, or no viewers today */
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


/* Requests that wait now. */

static qoe_status_t
qoe_gauges_waits(const qoe_gauges_t *g)
{
    qoe_status_t  rc;

    rc = qoe_gauges_waiting(g, QOE_WAIT_ROOM, "room");

    return rc == QOE_OK ? qoe_gauges_waiting(g, QOE_WAIT_ACK, "ack") : rc;
}


static qoe_status_t
qoe_gauges_waiting(const qoe_gauges_t *g, qoe_wait_t what, const char *reason)
{
    qoe_labels_t  labels;

    labels.len = 0;
    (void) qoe_labels_add(&labels, qoe_span("reason"), qoe_span_str(reason));

    return qoe_collect_add(g->collect, QOE_METRIC_INGEST_WAITING,
                           qoe_span_null, qoe_labels_span(&labels),
                           (double) qoe_zone_waiting(g->st->zone, what));
}


static qoe_status_t
qoe_gauges_counters(const qoe_gauges_t *g)
{
    size_t               i;
    double               n;
    qoe_status_t         rc;
    const qoe_metric_t  *m;

    for (i = 0; i < QOE_COUNTERS_N; i++) {

        if (qoe_gauges_metrics[i] == QOE_METRIC_NONE) {
            continue;
        }

        m = &qoe_metrics[qoe_gauges_metrics[i]];
        n = (double) qoe_zone_counter(g->st->zone, (qoe_counter_t) i);

        /* counters of time are in milliseconds */

        rc = qoe_gauges_add(g, (qoe_metric_id_t) qoe_gauges_metrics[i],
                            qoe_span_eq(m->unit, qoe_span("s")) ? n / 1000
                                                                : n);
        if (rc != QOE_OK) {
            return rc;
        }
    }

    return QOE_OK;
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

    return qoe_gauges_add(g, QOE_METRIC_QUEUE_OLDEST_AGE,
                          (double) (g->now_ns - oldest) / 1e9);
}


/*
 * The Unix time in ns at which the record at the lane's floor was received; 0:
 * there is none.  The consumer may release the record at any moment, so what
 * was read is valid only if the floor has not moved since.
 */

static uint64_t
qoe_gauges_oldest(const qoe_zone_t *zone, uint32_t lane)
{
    int         n;
    uint64_t    floor, pos, received;
    qoe_span_t  record;

    for (n = 0; n < QOE_GAUGES_READS; n++) {

        floor = qoe_lane_floor(zone, lane);
        pos = floor;
        received = 0;

        if (qoe_lane_read(zone, lane, UINT64_MAX, &pos, &record) == QOE_OK) {
            received = qoe_record_received(record);
        }

        __atomic_thread_fence(__ATOMIC_ACQUIRE);

        if (qoe_lane_floor(zone, lane) == floor) {
            return received;
        }
    }

    /* a consumer that fast has no old records */

    return 0;
}


/*
 * The exporters of the configuration; one that was removed has no metrics any
 * more, though it still drains.
 */

static qoe_status_t
qoe_gauges_delivery(const qoe_gauges_t *g)
{
    char          name[QOE_DEST_NAME];
    size_t        len;
    uint32_t      dest;
    qoe_status_t  rc;

    for (dest = 0; dest < QOE_DESTS_MAX; dest++) {

        if (!qoe_dest_wanted(g->st->zone, dest)) {
            continue;
        }

        len = qoe_dest_name(g->st->zone, dest, name);
        rc = qoe_gauges_dest(g, dest, (qoe_span_t) { name, len });

        if (rc != QOE_OK) {
            return rc;
        }
    }

    return QOE_OK;
}


static qoe_status_t
qoe_gauges_dest(const qoe_gauges_t *g, uint32_t dest, qoe_span_t name)
{
    size_t            i;
    qoe_labels_t      labels;
    qoe_status_t      rc;
    qoe_dest_info_t   info;
    qoe_spool_info_t  spool;

    qoe_dest_info(g->st->zone, dest, &info);
    qoe_spool_info(g->st->zone, dest, &spool);

    labels.len = 0;
    (void) qoe_labels_add(&labels, qoe_span("exporter"), name);

    rc = qoe_collect_add(g->collect, QOE_METRIC_SPOOL_SIZE, qoe_span_null,
                         qoe_labels_span(&labels), (double) spool.bytes);

    if (rc == QOE_OK && g->conf->spool_max != 0
        && qoe_dest_spooled(g->st->zone, dest))
    {
        rc = qoe_collect_add(g->collect, QOE_METRIC_SPOOL_CAPACITY,
                             qoe_span_null, qoe_labels_span(&labels),
                             (double) g->conf->spool_max);
    }

    for (i = 0; i < QOE_DEST_STATES_N && rc == QOE_OK; i++) {

        if (i != QOE_DEST_STATE_DROPPED) {
            rc = qoe_gauges_events(g, name, (qoe_dest_state_t) i, NULL,
                                   qoe_dest_state(&info,
                                                  (qoe_dest_state_t) i));
        }
    }

    for (i = 0; i < QOE_DEST_COUNTERS_N && rc == QOE_OK; i++) {

        if (qoe_dest_counters[i].place == QOE_DEST_PLACE_DROPPED) {
            rc = qoe_gauges_events(g, name, QOE_DEST_STATE_DROPPED,
                                   qoe_dest_counters[i].name,
                                   info.counter[i]);
        }
    }

    return rc;
}


static qoe_status_t
qoe_gauges_events(const qoe_gauges_t *g, qoe_span_t name,
    qoe_dest_state_t state, const char *reason, uint64_t n)
{
    qoe_labels_t  labels;

    labels.len = 0;
    (void) qoe_labels_add(&labels, qoe_span("exporter"), name);
    (void) qoe_labels_add(&labels, qoe_span("state"),
                          qoe_span_str(qoe_dest_state_name(state)));

    if (reason != NULL) {
        (void) qoe_labels_add(&labels, qoe_span("reason"),
                              qoe_span_str(reason));
    }

    return qoe_collect_add(g->collect, QOE_METRIC_DELIVERY_EVENTS,
                           qoe_span_null, qoe_labels_span(&labels),
                           (double) n);
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

        /* a counter: present with 0 as soon as the dimension has values */

        if (info.count == 0 && info.overflow == 0) {
            continue;
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

    if (n == 0 && dim->action != QOE_ACTION_ALLOW
        && dim->action != QOE_ACTION_TOPK)
    {
        return QOE_OK;                       /* no limit, no metric */
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
