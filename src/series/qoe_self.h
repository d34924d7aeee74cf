
/*
 * Copyright (C) OpenQoE
 *
 * Metrics about the module itself, counted where things happen: in the event
 * loops and helper threads of all workers.  They share a table in the zone, of
 * fixed size.  Adding to an existing series takes a few atomic additions; a new
 * series, which is rare, takes a lock that survives the death of its holder.
 *
 * The table also has a row for each worker process, where its helper thread
 * reports its memory and that it is alive.
 */


#ifndef _QOE_SELF_H_INCLUDED_
#define _QOE_SELF_H_INCLUDED_


#include "qoe_catalogue.h"
#include "qoe_hash.h"
#include "qoe_labels.h"
#include "qoe_proc.h"


typedef struct qoe_self_s  qoe_self_t;

#define QOE_SELF_MIN       (256 * 1024)      /* smallest table, bytes */
#define QOE_SELF_LABELS    512               /* bytes of a series' attributes */
#define QOE_WORKERS_MAX    256


/* Creates an empty table in size bytes, zero-filled and aligned to 64 bytes. */
void qoe_self_create(qoe_self_t *t, size_t size, const qoe_hash_key_t *key);

/*
 * Adds value to a counter of the groups self and stats, or observes it in a
 * histogram.  Sums are kept in 1/1000000 of the metric's unit (ns: as
 * integers).  labels is a set of qoe_labels.h, of at most QOE_SELF_LABELS
 * bytes.  If there is no room for a new series, the value goes to the metric's
 * series with otel.metric.overflow=true.  Any thread of process self.
 */
void qoe_self_add(qoe_self_t *t, qoe_proc_t self, qoe_metric_id_t metric,
    qoe_span_t labels, double value);


typedef struct {
    qoe_metric_id_t  metric;
    uint64_t         start_ns;               /* time of the first value, Unix */
    uint64_t         count;                  /* of a counter: its value */
    double           sum;
    double           min;
    double           max;
    uint64_t         bucket[QOE_BUCKETS_MAX];
    size_t           labels_len;
    char             labels[QOE_SELF_LABELS];
} qoe_self_series_t;

/*
 * Slots, and reading them.  qoe_self_read() returns false for a free slot.  Any
 * thread.
 */
uint32_t qoe_self_slots(const qoe_self_t *t);
bool qoe_self_read(const qoe_self_t *t, uint32_t slot, qoe_self_series_t *out);
/* Increases with each new series, after the series is visible to readers. */
uint64_t qoe_self_born(const qoe_self_t *t);


typedef struct {
    uint64_t         heap;                   /* bytes of all live workers */
    uint64_t         stack;
    uint32_t         helpers;                /* helpers seen recently */
} qoe_workers_t;

/*
 * Updates the row of a helper; now_ms is monotonic.  The first call takes a
 * free row, or that of a dead process.
 */
void qoe_self_worker(qoe_self_t *t, qoe_proc_t self, uint64_t heap,
    uint64_t stack, uint64_t now_ms);
/* To be called before the helper thread ends. */
void qoe_self_worker_gone(qoe_self_t *t, qoe_proc_t self);
/* Does the process have a row, that is a helper that has not ended? */
bool qoe_self_worker_here(const qoe_self_t *t, qoe_proc_t proc);
/*
 * Counts the helpers seen within lately_ms, and sums up the memory of all live
 * workers.
 */
void qoe_self_workers(const qoe_self_t *t, uint64_t now_ms,
    uint64_t lately_ms, qoe_workers_t *sum);


#endif /* _QOE_SELF_H_INCLUDED_ */
