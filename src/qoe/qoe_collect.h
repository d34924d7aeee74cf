
/*
 * Copyright (C) OpenQoE
 *
 * A collection: the series of all lanes merged with the module's own, grouped
 * by metric, in memory of the caller's process.  It is made in steps, so that
 * neither an event loop nor a helper thread is blocked by it.  Used by one
 * thread; reads the zone without a lock.
 */


#ifndef _QOE_COLLECT_H_INCLUDED_
#define _QOE_COLLECT_H_INCLUDED_


#include "qoe_state.h"


typedef struct qoe_collect_s  qoe_collect_t;


typedef enum {
    QOE_COLLECT_READ = 0,        /* for a scrape: changes nothing */

    /* for the holder of the exporter lease */

    QOE_COLLECT_EXPORT,          /* closes the windows of gauges, condemns
                                    idle series, lets values of dimensions
                                    expire */
    QOE_COLLECT_LAST,            /* EXPORT, but values do not wait as zeros */
    QOE_COLLECT_BIRTHS           /* only series that began since the last
                                    collection, and those whose wait is
                                    over; changes nothing */
} qoe_collect_mode_t;


/*
 * Births.  Prometheus's increase() and rate() ignore the first value of a
 * series, so a counter or histogram that begins with a value loses that value.
 * So a young series is shown with 0 first, and with its value once every
 * scraper with an interval of conf->series_birth_ms must have seen the 0.
 * Only the age of the series decides, so several scrapers, and scrapers that
 * come and go, see the same.
 *
 * Each lane that has a series notes when the series began there, and the
 * earliest of these times is its start.  A lane notes the time a moment before
 * readers can see its part, so a collection leaves out series younger than
 * QOE_COLLECT_SETTLE_MS, and the next collection has them: a start that was
 * shown never changes.  Only the last collection leaves out nothing.
 *
 * An exporter shows the zeros between its collections too, by collections of
 * births at most qoe_collect_births_ms() apart, and its values wait that much
 * longer: so whoever scrapes the collector that received the zero sees it as
 * well.
 */
#define QOE_COLLECT_SETTLE_MS  100

/* The longest time between collections of births, in ms; 0: off. */
uint64_t qoe_collect_births_ms(const qoe_conf_t *conf);
/* How long a young series is shown with 0, in ms. */
uint64_t qoe_collect_wait_ms(const qoe_conf_t *conf, qoe_collect_mode_t mode);

/* A count of all series ever begun, in all lanes and the module's own. */
uint64_t qoe_collect_born(const qoe_state_t *st);


/*
 * groups: bits of qoe_metric_group_t, the metrics to collect (QOE_GROUP_STATS
 * for a scrape).  All memory comes from mem.  conf, governor and what st
 * points to must outlive the collection.  NULL: no memory.
 */
qoe_collect_t *qoe_collect_create(const qoe_state_t *st,
    const qoe_conf_t *conf, qoe_governor_t *governor, qoe_collect_mode_t mode,
    uint32_t groups, uint64_t now_ns, const qoe_mem_t *mem);
void qoe_collect_destroy(qoe_collect_t *c);

/*
 * Works for about budget_us.  QOE_AGAIN: call it again; QOE_OK: the collection
 * is complete; QOE_NOMEM.
 */
qoe_status_t qoe_collect_step(qoe_collect_t *c, uint64_t budget_us);


/* A series of a complete collection. */

typedef struct {
    uint64_t        count;
    double          sum;
    double          min;
    double          max;
    uint64_t        bucket[QOE_BUCKETS_MAX];         /* not cumulative */
} qoe_histogram_t;

typedef struct {
    uint32_t        base;            /* blocks of the collection; 0: none */
    uint32_t        extra;
    uint64_t        start_ns;        /* of sums and histograms; never after
                                        the time of the collection */
    double          number;          /* sums, gauges */
    uint64_t        integer;         /* COUNTER: number, exact */
    const qoe_histogram_t  *histogram;
    bool            ended;           /* a gauge of an export without a value
                                        since the last one: ends the value
                                        that was exported then */
} qoe_collected_t;

/* The Unix time until which series must have begun to be in the collection. */
uint64_t qoe_collect_until_ns(const qoe_collect_t *c);

/*
 * The time of the points: when the collection was begun, but always after the
 * points that were exported last, even if the clock stepped back.
 */
uint64_t qoe_collect_time_ns(const qoe_collect_t *c);

/* true: a series of the collection is too young, and shown with 0. */
bool qoe_collect_waits(const qoe_collect_t *c);

/* The number of series of a metric; get takes 0 .. n - 1. */
size_t qoe_collect_count(const qoe_collect_t *c, qoe_metric_id_t metric);
void qoe_collect_get(const qoe_collect_t *c, qoe_metric_id_t metric, size_t i,
    qoe_collected_t *out);

/*
 * Blocks (qoe_labels.h) are numbered 1 .. n, so that an encoder can keep one
 * result for each.
 */
uint32_t qoe_collect_blocks(const qoe_collect_t *c);
qoe_span_t qoe_collect_block(const qoe_collect_t *c, uint32_t block);


/*
 * For qoe_gauges.c, which adds the metrics that are taken at the collection:
 * gauges and sums, not histograms.  Values for the same attributes are added
 * up.  A value that is not finite, or of a metric that was not asked for, is
 * ignored.  QOE_NOMEM.
 *
 * qoe_gauges_collect() is called with *cursor = 0 at first, and again with the
 * same cursor as long as it returns QOE_AGAIN.
 */
qoe_status_t qoe_collect_add(qoe_collect_t *c, qoe_metric_id_t metric,
    qoe_span_t base, qoe_span_t extra, double value);
qoe_status_t qoe_gauges_collect(qoe_collect_t *c, const qoe_state_t *st,
    const qoe_conf_t *conf, const qoe_governor_t *governor, uint64_t now_ns,
    uint32_t *cursor);


#endif /* _QOE_COLLECT_H_INCLUDED_ */
