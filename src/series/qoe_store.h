
/*
 * Copyright (C) OpenQoE
 *
 * The metric series of a lane, in the zone.  Its only writer is the helper
 * thread that holds the lane.  Collectors in any thread of any process read
 * without a lock, and the writer never waits for them.
 *
 * A series is identified by metric, base block and extra block.  Blocks are
 * interned sets of attributes (qoe_labels.h) with reference counts; series and
 * sessions hold references.  Memory is fixed when the zone is created: cells of
 * blocks, slots of numbers, slots of histograms.
 *
 * A writer may be killed at any store.  The next one calls qoe_store_rebuild()
 * before anything else, which computes every index and count again from the
 * slots.
 */


#ifndef _QOE_STORE_H_INCLUDED_
#define _QOE_STORE_H_INCLUDED_


#include "qoe_catalogue.h"
#include "qoe_hash.h"
#include "qoe_labels.h"


typedef struct qoe_store_s  qoe_store_t;

#define QOE_STORE_MIN      (128 * 1024)      /* bytes, with room for the
                                                overflow series of every
                                                metric */


/* Creates an empty store in size bytes, zero-filled and aligned to 64 bytes. */
void qoe_store_create(qoe_store_t *s, size_t size);


/* Functions for the writer. */

/* As base: use the overflow series, because the set could not be stored. */
#define QOE_STORE_OVERFLOW  UINT32_MAX

/*
 * Data outside of the store.  count is the number of series in the zone, which
 * all lanes share (atomic); max is its limit.
 */

typedef struct {
    qoe_hash_key_t  key;
    uint32_t       *count;
    uint32_t        max;                     /* openqoe_series_max */
} qoe_store_env_t;

/*
 * Returns the block of a set of attributes, with a reference for the caller; 0
 * if the set is empty, or if there is no room for it (then record with
 * QOE_STORE_OVERFLOW).
 */
uint32_t qoe_store_block(qoe_store_t *s, const qoe_store_env_t *env,
    qoe_span_t labels);

/*
 * The same for a set with a value that is not known (qoe_govern_unknown).  Such
 * a set and its series are created only while more than a quarter of what they
 * need is free: the last quarter is reserved for sets of known values.  A set
 * for which qoe_store_block() was called before counts as one of these.
 */
uint32_t qoe_store_block_new(qoe_store_t *s, const qoe_store_env_t *env,
    qoe_span_t labels);

/* Take or release a reference to a block; 0 is ignored. */
void qoe_store_ref(qoe_store_t *s, uint32_t block);
void qoe_store_unref(qoe_store_t *s, uint32_t block);

/*
 * Adds value to a counter or an up-down counter, or observes it in a gauge or a
 * histogram.  base and extra are blocks, or 0 for no attributes; now_ns is Unix
 * time.  A COUNTER takes whole numbers, and rounds fractions.
 *
 * QOE_OK; QOE_FULL if there is no room for a new series, or a block is
 * QOE_STORE_OVERFLOW: then the value goes to the metric's series with
 * otel.metric.overflow=true (the text "true").  QOE_INVALID, and the value is
 * ignored, if it is not finite, or beyond QOE_STORE_VALUE_MAX (it would absorb
 * all later values of a sum), or negative for a monotonic sum or a histogram,
 * or if the metric is not one of the store.
 */
#define QOE_STORE_VALUE_MAX  1e15

qoe_status_t qoe_store_record(qoe_store_t *s, const qoe_store_env_t *env,
    qoe_metric_id_t metric, uint32_t base, uint32_t extra, double value,
    uint64_t now_ns);

/*
 * The same in three steps, to fetch the series of several values from memory in
 * parallel: first call place for all of them, then fetch for all, then record.
 * A place stays valid until anything else in the store changes.  The value is
 * recorded as often as times says.
 */
uint32_t *qoe_store_place(const qoe_store_t *s, const qoe_store_env_t *env,
    qoe_metric_id_t metric, uint32_t base, uint32_t extra);
void qoe_store_fetch(const qoe_store_t *s, const uint32_t *place);
qoe_status_t qoe_store_record_at(qoe_store_t *s, const qoe_store_env_t *env,
    uint32_t *place, qoe_metric_id_t metric, uint32_t base, uint32_t extra,
    double value, uint32_t times, uint64_t now_ns);

/*
 * For a writer that keeps series: the number of that with these blocks, which
 * is made if there is none, 0 if there is no room for it; and a value for it,
 * from 0 to QOE_STORE_VALUE_MAX.  Readers do not see a new series before its
 * first value.  A number stays valid until qoe_store_sweep() says that series
 * have ended.
 */
uint32_t qoe_store_series(qoe_store_t *s, const qoe_store_env_t *env,
    qoe_metric_id_t metric, uint32_t base, uint32_t extra, uint64_t now_ns);
void qoe_store_add(qoe_store_t *s, uint32_t series, double value,
    uint32_t times, uint64_t now_ns);
/* Fetches it from memory before that. */
void qoe_store_fetch_series(const qoe_store_t *s, uint32_t series);

/*
 * Frees series that collectors have condemned (qoe_store_condemn), when they
 * are found condemned for the second time, which leaves time for a pardon.
 * Looks at n slots from *cursor on, and moves it; *cursor becomes 0 after a
 * whole turn.  true: series have ended.
 */
bool qoe_store_sweep(qoe_store_t *s, const qoe_store_env_t *env,
    uint32_t *cursor, uint32_t n);

/*
 * To be called after the death of a writer.  Counts only the references of
 * series; the caller then takes its own (those of sessions) again with
 * qoe_store_adopt(), which returns false if the block no longer exists, and
 * finally calls qoe_store_rebuilt(), which frees blocks without a reference.
 */
void qoe_store_rebuild(qoe_store_t *s, const qoe_store_env_t *env);
bool qoe_store_adopt(qoe_store_t *s, uint32_t block);
void qoe_store_rebuilt(qoe_store_t *s);


/* Functions for readers. */

typedef struct {
    qoe_metric_id_t  metric;
    uint32_t         base;
    uint32_t         extra;
    uint32_t         last_s;                 /* Unix time of the last value */
    uint64_t         base_hash;              /* hashes of the blocks that the
                                                series had when it was read;
                                                0: no block */
    uint64_t         extra_hash;
    uint64_t         start_ns;
    double           sum;                    /* of a counter: its value */
    uint64_t         count;                  /* gauges, histograms; of a
                                                COUNTER its exact value */
    double           min;                    /* histograms */
    double           max;
    double           window_sum;             /* gauges: values between the
                                                last two collections for
                                                export */
    uint64_t         window_count;
    double           open_sum;               /* gauges: values since then */
    uint64_t         open_count;
    uint64_t         bucket[QOE_BUCKETS_MAX];
} qoe_series_t;

/*
 * The slots, numbers before histograms, and reading them.  qoe_store_read()
 * returns false for a free or condemned slot.
 */
uint32_t qoe_store_slots(const qoe_store_t *s);
bool qoe_store_read(const qoe_store_t *s, uint32_t slot, qoe_series_t *out);

/*
 * The metric of a slot, for callers that want few of all: QOE_METRICS_N if
 * qoe_store_read() would return false.
 */
uint32_t qoe_store_metric(const qoe_store_t *s, uint32_t slot);

/*
 * When the series of a slot began, Unix ns; 0 if qoe_store_read() would return
 * false.
 */
uint64_t qoe_store_start(const qoe_store_t *s, uint32_t slot);

/*
 * Copies the bytes of a block and returns their length; 0 if it does not exist.
 */
size_t qoe_store_block_read(const qoe_store_t *s, uint32_t block,
    char buf[QOE_LABELS_MAX]);
/* The keyed hash of a block's bytes; 0 if it does not exist. */
uint64_t qoe_store_block_hash(const qoe_store_t *s, uint32_t block);

/*
 * Closes the window of a gauge: its open values become window_*.  Only for the
 * holder of the exporter lease.
 */
void qoe_store_window(qoe_store_t *s, uint32_t slot);
/*
 * Condemns a series that has had no value since last_s: readers no longer see
 * it, and a new value begins it again with a new start.  Returns false if a
 * value has come in between.  qoe_store_pardon() undoes it.  Only for the
 * holder of the exporter lease.
 */
bool qoe_store_condemn(qoe_store_t *s, uint32_t slot, uint32_t last_s);
void qoe_store_pardon(qoe_store_t *s, uint32_t slot);


typedef struct {
    uint32_t         series;                 /* live, without overflow series */
    uint32_t         numbers;                /* total of slots */
    uint32_t         histograms;
    uint32_t         blocks;                 /* live blocks */
    uint32_t         blocks_max;             /* highest number of a block */
    uint64_t         overflowed;             /* values that overflowed, ever */
    uint64_t         born;                   /* rises with each new series,
                                                after readers can see it */
} qoe_store_info_t;

/* Reads the state of a store, for statistics. */
void qoe_store_info(const qoe_store_t *s, qoe_store_info_t *info);


#endif /* _QOE_STORE_H_INCLUDED_ */
