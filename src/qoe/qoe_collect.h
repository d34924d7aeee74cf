
/*
 * Copyright (C) OpenQoE
 *
 * A collection: the series of all lanes merged, with the module's own, in
 * memory of the caller's process, grouped by metric.  It is made in steps so
 * that neither an event loop nor a helper thread stands still for it.
 * One thread; reads the zone without a lock.
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
    QOE_COLLECT_LAST,            /* the same, and no value waits */
    QOE_COLLECT_BIRTHS           /* only series that have begun since the
                                    last one, and those whose wait is over;
                                    changes nothing */
} qoe_collect_mode_t;


/*
 * Births.  increase() and rate() of Prometheus take the first value of a
 * series for granted, so a counter or histogram that begins with a value has
 * lost that value for them.  So it is shown with 0 at first, and with what it
 * has once every scraper with an interval of conf->series_birth_ms has seen
 * that: by the age of the series alone, so that several scrapers and a
 * scraper that comes and goes see the same.
 *
 * The lanes that have a series each note when it began there, and the earliest
 * of these times is its start.  A lane notes the time a moment before readers
 * can see its part, so a collection leaves out what is younger than
 * QOE_COLLECT_SETTLE_MS, and the next one has it: a start that was shown never
 * changes.  Only the last collection leaves out nothing.
 *
 * An exporter shows the zero between its collections, by collections of
 * births at most qoe_collect_births_ms() apart, and its values wait by that
 * much longer: who scrapes a collector that took the zero sees it as well.
 */
#define QOE_COLLECT_SETTLE_MS  100

uint64_t qoe_collect_births_ms(const qoe_conf_t *conf);
uint64_t qoe_collect_wait_ms(const qoe_conf_t *conf, qoe_collect_mode_t mode);

/* Grows with each series that begins, in all lanes and in the module's own. */
uint64_t qoe_collect_born(const qoe_state_t *st);


/*
 * What st points to, conf and governor must outlive the collection.  groups:
 * which metrics (QOE_GROUP_STATS for a scrape).  mem: all its memory.  NULL:
 * no memory.
 */
qoe_collect_t *qoe_collect_create(const qoe_state_t *st,
    const qoe_conf_t *conf, qoe_governor_t *governor, qoe_collect_mode_t mode,
    uint32_t groups, uint64_t now_ns, const qoe_mem_t *mem);
void qoe_collect_destroy(qoe_collect_t *c);

/*
 * Works for about budget_us.  QOE_AGAIN: call it again; QOE_OK: it is
 * complete; QOE_NOMEM.
 */
qoe_status_t qoe_collect_step(qoe_collect_t *c, uint64_t budget_us);


/* A complete collection. */

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
    bool            ended;           /* a gauge of an export that has had no
                                        value since the last one: so that what
                                        was exported then does not stand */
} qoe_collected_t;

/* Series that began until then are in it. */
uint64_t qoe_collect_until_ns(const qoe_collect_t *c);

/*
 * The time of its points: when it was begun, but never before those that were
 * exported last, whatever the clock does.
 */
uint64_t qoe_collect_time_ns(const qoe_collect_t *c);

/* A series in it is shown with 0, for it is too young. */
bool qoe_collect_waits(const qoe_collect_t *c);

/* Series of a metric, 0 .. n - 1. */
size_t qoe_collect_count(const qoe_collect_t *c, qoe_metric_id_t metric);
void qoe_collect_get(const qoe_collect_t *c, qoe_metric_id_t metric, size_t i,
    qoe_collected_t *out);

/* Blocks (qoe_labels.h) 1 .. n; an encoder may keep one result for each. */
uint32_t qoe_collect_blocks(const qoe_collect_t *c);
qoe_span_t qoe_collect_block(const qoe_collect_t *c, uint32_t block);


/*
 * Used by qoe_gauges.c, which adds what is taken at the collection: gauges and
 * sums, not histograms.  Values for the same attributes are added up; one
 * that is not finite, or of a metric that was not asked for, is nothing.
 * QOE_NOMEM.  qoe_gauges_collect() is called again with the same cursor, 0 at
 * first, for as long as it returns QOE_AGAIN.
 */
qoe_status_t qoe_collect_add(qoe_collect_t *c, qoe_metric_id_t metric,
    qoe_span_t base, qoe_span_t extra, double value);
qoe_status_t qoe_gauges_collect(qoe_collect_t *c, const qoe_state_t *st,
    const qoe_conf_t *conf, const qoe_governor_t *governor, uint64_t now_ns,
    uint32_t *cursor);


#endif /* _QOE_COLLECT_H_INCLUDED_ */
