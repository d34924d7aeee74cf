
/*
 * Copyright (C) OpenQoE
 *
 * Metrics of the module itself that are counted where things happen: in event
 * loops and helper threads of all workers.  One table in the zone; adding to
 * a series that exists is a few atomic additions, a new one (rare) takes a
 * lock that survives the death of its holder.  Fixed memory.
 *
 * Also a row a worker process: what it tells of its memory, and that its
 * helper lives.
 */


#ifndef _QOE_SELF_H_INCLUDED_
#define _QOE_SELF_H_INCLUDED_


#include "qoe_catalogue.h"
#include "qoe_hash.h"
#include "qoe_labels.h"
#include "qoe_proc.h"


typedef struct qoe_self_s  qoe_self_t;

#define QOE_SELF_MIN       (256 * 1024)      /* bytes */
#define QOE_SELF_LABELS    512               /* bytes of a series' attributes */
#define QOE_WORKERS_MAX    256


/* Makes an empty table in size bytes, zero-filled, 64-byte aligned. */
void qoe_self_create(qoe_self_t *t, size_t size, const qoe_hash_key_t *key);

/*
 * Adds value to a counter of groups self and stats, or observes it into a
 * histogram.  Sums are kept in 1/1000000 of the metric's unit (ns: whole).
 * labels: qoe_labels.h, at most QOE_SELF_LABELS bytes.  A new series that has
 * no room goes to the metric's series with otel.metric.overflow=true.  Any
 * thread of process self.
 */
void qoe_self_add(qoe_self_t *t, qoe_proc_t self, qoe_metric_id_t metric,
    qoe_span_t labels, double value);


typedef struct {
    qoe_metric_id_t  metric;
    uint64_t         start_ns;               /* the first value, Unix */
    uint64_t         count;                  /* counters: the value */
    double           sum;
    double           min;
    double           max;
    uint64_t         bucket[QOE_BUCKETS_MAX];
    size_t           labels_len;
    char             labels[QOE_SELF_LABELS];
} qoe_self_series_t;

/* Any thread.  False: a free slot. */
uint32_t qoe_self_slots(const qoe_self_t *t);
bool qoe_self_read(const qoe_self_t *t, uint32_t slot, qoe_self_series_t *out);
/* Grows with each series that begins, once readers see it. */
uint64_t qoe_self_born(const qoe_self_t *t);


typedef struct {
    uint64_t         heap;                   /* bytes, all live workers */
    uint64_t         stack;
    uint32_t         helpers;                /* threads seen lately */
} qoe_workers_t;

/* A helper's row: now_ms monotonic.  Takes a free or a dead one's at first. */
void qoe_self_worker(qoe_self_t *t, qoe_proc_t self, uint64_t heap,
    uint64_t stack, uint64_t now_ms);
/* Before the thread ends. */
void qoe_self_worker_gone(qoe_self_t *t, qoe_proc_t self);
/* Has that process a helper which has not gone yet? */
bool qoe_self_worker_here(const qoe_self_t *t, qoe_proc_t proc);
/* Helpers seen within lately_ms; memory of all that live. */
void qoe_self_workers(const qoe_self_t *t, uint64_t now_ms,
    uint64_t lately_ms, qoe_workers_t *sum);


#endif /* _QOE_SELF_H_INCLUDED_ */
