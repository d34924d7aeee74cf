
/*
 * Copyright (C) OpenQoE
 *
 * The metric series of one lane, in the zone.  One writer: the helper thread
 * that holds the lane.  Collectors in any thread of any process read without
 * a lock, and the writer never waits for them.
 *
 * A series is (metric, base block, extra block).  Blocks are interned sets of
 * attributes (qoe_labels.h) with reference counts; series and sessions hold
 * references.  Memory is fixed when the zone is made: cells of blocks, slots of
 * numbers, slots of histograms.
 *
 * A writer may be killed at any store: the next one calls
 * qoe_store_rebuild() before anything else, which makes every index and
 * count anew from the slots.
 */


#ifndef _QOE_STORE_H_INCLUDED_
#define _QOE_STORE_H_INCLUDED_


#include "qoe_catalogue.h"
#include "qoe_hash.h"
#include "qoe_labels.h"


typedef struct qoe_store_s  qoe_store_t;

#define QOE_STORE_MIN      (128 * 1024)      /* bytes; room for the overflow
                                                series of every metric too */


/* Makes an empty store in size bytes, zero-filled, 64-byte aligned. */
void qoe_store_create(qoe_store_t *s, size_t size);


/* The writer. */

/* As base: straight to the overflow series, for the set could not be kept. */
#define QOE_STORE_OVERFLOW  UINT32_MAX

/*
 * What stands beyond the store: how many series there may be in the zone.
 * count is shared by the lanes (atomic).
 */

typedef struct {
    qoe_hash_key_t  key;
    uint32_t       *count;
    uint32_t        max;                     /* openqoe_series_max */
} qoe_store_env_t;

/*
 * The block of a set of attributes, with a reference for the caller.  0: the
 * set is empty, or there is no room for it (record under QOE_STORE_OVERFLOW
 * then).
 */
#define QOE_STORE_OVERFLOW  UINT32_MAX

uint32_t qoe_store_block(qoe_store_t *s, const qoe_store_env_t *env,
    qoe_span_t labels);
/*
 * The same for a set with a value that is not known (qoe_govern_unknown).  Such
 * a set, and its series, begin only while more than a quarter of what they need
 * is free: the last quarter is for sets of known values.  A set is one of those
 * once qoe_store_block was called for it.
 */
uint32_t qoe_store_block_new(qoe_store_t *s, const qoe_store_env_t *env,
    qoe_span_t labels);
void qoe_store_ref(qoe_store_t *s, uint32_t block);
void qoe_store_unref(qoe_store_t *s, uint32_t block);        /* 0: nothing */

/*
 * Adds to a counter or an up-down counter, observes into a gauge or a
 * histogram.  base and extra are blocks; 0 is no attributes.  now_ns: Unix.
 * QOE_OK; QOE_FULL: the series is new and there is no room, or a block is
 * QOE_STORE_OVERFLOW, so the value went to the metric's series with
 * otel.metric.overflow=true (the text "true").  QOE_INVALID, and nothing: a
 * value that is not finite, negative for a monotonic sum or a histogram, or
 * beyond QOE_STORE_VALUE_MAX (it would drown what follows in the sum); a
 * metric that is not of the store.  COUNTERs take whole numbers: a fraction
 * is rounded.
 */
#define QOE_STORE_VALUE_MAX  1e15

qoe_status_t qoe_store_record(qoe_store_t *s, const qoe_store_env_t *env,
    qoe_metric_id_t metric, uint32_t base, uint32_t extra, double value,
    uint64_t now_ns);

/*
 * The same in three steps, so that the series of several values are fetched
 * from memory together: for all of them where the series is looked up, then
 * for all of them fetch, then record.  A place stays right for as long as
 * nothing else is done to the store.
 */
uint32_t *qoe_store_place(const qoe_store_t *s, const qoe_store_env_t *env,
    qoe_metric_id_t metric, uint32_t base, uint32_t extra);
void qoe_store_fetch(const qoe_store_t *s, const uint32_t *place);
qoe_status_t qoe_store_record_at(qoe_store_t *s, const qoe_store_env_t *env,
    uint32_t *place, qoe_metric_id_t metric, uint32_t base, uint32_t extra,
    double value, uint64_t now_ns);

/*
 * Frees the series that collectors have condemned (qoe_store_condemn): those
 * found condemned for the second time, so that a pardon still finds them.
 * Looks at n slots from *cursor on, which it moves; *cursor is back at 0 after
 * a whole turn.
 */
void qoe_store_sweep(qoe_store_t *s, const qoe_store_env_t *env,
    uint32_t *cursor, uint32_t n);

/*
 * After the death of a writer.  Reference counts come from the series alone:
 * the caller takes those of its own (sessions) again with qoe_store_adopt(),
 * which is false for a block that is none any more, and then calls
 * qoe_store_rebuilt(), which frees blocks without a reference.
 */
void qoe_store_rebuild(qoe_store_t *s, const qoe_store_env_t *env);
bool qoe_store_adopt(qoe_store_t *s, uint32_t block);
void qoe_store_rebuilt(qoe_store_t *s);


/* Readers. */

typedef struct {
    qoe_metric_id_t  metric;
    uint32_t         base;
    uint32_t         extra;
    uint32_t         last_s;                 /* Unix, of the last value */
    uint64_t         base_hash;              /* of the blocks, while they were
                                                the series'; 0: no block */
    uint64_t         extra_hash;
    uint64_t         start_ns;
    double           sum;                    /* counters: the value */
    uint64_t         count;                  /* gauges, histograms; of COUNTER
                                                the value, exact */
    double           min;                    /* histograms */
    double           max;
    double           window_sum;             /* gauges: what the last export
                                                collection covered */
    uint64_t         window_count;
    double           open_sum;               /* and what came since */
    uint64_t         open_count;
    uint64_t         bucket[QOE_BUCKETS_MAX];
} qoe_series_t;

/* Slots, numbers first; a free or condemned one reads as false. */
uint32_t qoe_store_slots(const qoe_store_t *s);
bool qoe_store_read(const qoe_store_t *s, uint32_t slot, qoe_series_t *out);

/* When the series of a slot began, Unix ns; 0: it reads as false. */
uint64_t qoe_store_start(const qoe_store_t *s, uint32_t slot);

/* Copies a block; its length, or 0 when it is none (any more). */
size_t qoe_store_block_read(const qoe_store_t *s, uint32_t block,
    char buf[QOE_LABELS_MAX]);
/* The keyed hash of a block's bytes, 0 when it is none. */
uint64_t qoe_store_block_hash(const qoe_store_t *s, uint32_t block);

/*
 * Only the holder of the exporter lease, one at a time:
 * closes the window of a gauge, so that what is open now becomes window_*;
 */
void qoe_store_window(qoe_store_t *s, uint32_t slot);
/*
 * condemns a series that has had no value since last_s: it reads as free from
 * now on, and a new value begins it anew, with a start of its own.  False: a
 * value has come in between.  pardon undoes it.
 */
bool qoe_store_condemn(qoe_store_t *s, uint32_t slot, uint32_t last_s);
void qoe_store_pardon(qoe_store_t *s, uint32_t slot);


typedef struct {
    uint32_t         series;                 /* live, but for overflow's */
    uint32_t         numbers;                /* slots there are */
    uint32_t         histograms;
    uint32_t         blocks;                 /* live */
    uint32_t         blocks_max;             /* no block is above */
    uint64_t         overflowed;             /* values, ever */
    uint64_t         born;                   /* grows with each series that
                                                begins, once readers see it */
} qoe_store_info_t;

void qoe_store_info(const qoe_store_t *s, qoe_store_info_t *info);


#endif /* _QOE_STORE_H_INCLUDED_ */
