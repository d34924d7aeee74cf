
/*
 * Copyright (C) OpenQoE
 *
 * The bytes of the table of self metrics.  Private to qoe_self*.c; a change
 * raises QOE_STATE_VERSION.
 *
 *   header with the workers' rows | index | entries
 *
 * An entry is never moved or removed.  It is published by a word of the index,
 * the upper half of its hash << 32 | its offset in units, so that a single
 * store makes the complete entry visible.
 */


#ifndef _QOE_SELF_LAYOUT_H_INCLUDED_
#define _QOE_SELF_LAYOUT_H_INCLUDED_


#include "qoe_self.h"
#include "qoe_atomic.h"


#define QOE_SELF_UNIT      64                /* bytes; a cache line */
#define QOE_SELF_PROBES    64


typedef struct {
    uint64_t             proc;               /* qoe_proc_t; 0: free */
    uint64_t             heap;
    uint64_t             stack;
    uint64_t             seen_ms;            /* monotonic */
} qoe_self_row_t;


/* An entry, followed by its buckets and its labels. */

typedef struct {
    uint64_t             hash;
    uint32_t             metric;
    uint32_t             buckets;            /* 0 if not a histogram */
    uint32_t             labels_len;
    uint32_t             reserved;
    uint64_t             start_ns;           /* 0: no value yet */
    uint64_t             count;              /* 0 for a histogram */
    uint64_t             sum;                /* scaled, see qoe_self_scale() */
    uint64_t             min;                /* bits of doubles, which sort */
    uint64_t             max;                /* like numbers: none is below 0 */
    uint64_t             bucket[];
} qoe_self_entry_t;


struct qoe_self_s {
    qoe_hash_key_t       key;
    uint64_t             size;
    uint64_t             index_offset;
    uint32_t             slots;              /* of the index; a power of two */
    uint32_t             overflow[QOE_METRICS_N];    /* entries, in units */

    /* changed under the lock */
    uint64_t             lock __attribute__((aligned(QOE_SELF_UNIT)));
    uint64_t             used;               /* bytes from the table's start */
    uint64_t             busy_ms;            /* until then, skip the lock */

    uint64_t             born __attribute__((aligned(QOE_SELF_UNIT)));

    qoe_self_row_t       row[QOE_WORKERS_MAX]
                             __attribute__((aligned(QOE_SELF_UNIT)));
};


#endif /* _QOE_SELF_LAYOUT_H_INCLUDED_ */
