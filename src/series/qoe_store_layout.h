
/*
 * Copyright (C) OpenQoE
 *
 * The bytes of a series store.  Private to qoe_store*.c; a change of meaning
 * raises QOE_STATE_VERSION.
 *
 *   header | heads of series | heads of blocks | numbers | histograms
 *   | block headers | cells
 *
 * After a writer's death, only the slots and the block headers are reliable: a
 * slot is a series if its life says so, a block exists if it has a hash, and
 * these words are the last store when something begins and the first one when
 * it ends.  qoe_store_rebuild() computes everything else again: chains, free
 * lists, counts.
 *
 * Every word that a reader in another process may read while it changes is
 * accessed by the atomics below.  Indexes are checked wherever they are
 * followed, and no walk takes more steps than there are things to walk.
 */


#ifndef _QOE_STORE_LAYOUT_H_INCLUDED_
#define _QOE_STORE_LAYOUT_H_INCLUDED_


#include "qoe_store.h"
#include "qoe_atomic.h"


#define QOE_STORE_BUCKETS  (QOE_VIEW_BOUNDS_MAX + 1)

#define QOE_CELL_WORDS     15
#define QOE_CELL_DATA      (QOE_CELL_WORDS * sizeof(uint32_t))
#define QOE_CELL_USED      0x80000000        /* in next: a mark of rebuild */

/*
 * How often a reader tries again before it accepts half-written values, which a
 * dead writer may have left.
 */
#define QOE_STORE_TRIES    100

/* Block 1 belongs to the overflow series, and cell 1 has its bytes. */
#define QOE_STORE_OVERFLOW_BLOCK  1


/*
 * The life of a slot: flags, and the Unix second of the last value.  It is a
 * single word, so that of a new value and the end of the series only one can
 * win.
 */

#define QOE_LIFE_LIVE      0x100000000
#define QOE_LIFE_DEAD      0x200000000       /* condemned */
#define QOE_LIFE_SEEN      0x400000000       /* found dead by a turn of sweep */


typedef struct {
    uint64_t        life;            /* 0: free */
    uint32_t        seq;             /* odd while the writer changes it */
    uint32_t        window_seq;      /* the same for the exporter's window */
    uint32_t        base;
    uint32_t        extra;
    uint32_t        next;            /* in chain or free list, 1 + slot */
    uint16_t        metric;
    uint16_t        pad;
    uint64_t        start_ns;
    uint64_t        sum;             /* bits of a double, as below */
} qoe_store_slot_t;

typedef struct {
    qoe_store_slot_t  slot;
    uint64_t        count;           /* gauges: values; COUNTER: the value */

    /*
     * gauges: the state at the end of the last window, and that window itself;
     * written by the exporter
     */
    uint64_t        seen_sum;
    uint64_t        seen_count;
    uint64_t        window_sum;
    uint64_t        window_count;
} qoe_store_number_t;

typedef struct {
    qoe_store_slot_t  slot;
    uint64_t        min;
    uint64_t        max;
    uint64_t        bucket[QOE_STORE_BUCKETS];
} qoe_store_histogram_t;

typedef struct {
    uint64_t        hash;            /* never 0; 0: not a block */
    uint32_t        version;         /* raised when the block is freed */
    uint32_t        len;             /* in bytes */
    uint32_t        first;           /* first cell */
    uint32_t        refs;            /* used by the writer only */
    uint32_t        next;            /* next block in the chain or free list */
    uint32_t        known;           /* all values are known; writer only */
} qoe_store_block_t;

typedef struct {
    uint32_t        next;
    uint32_t        data[QOE_CELL_WORDS];
} qoe_store_cell_t;


/*
 * A pool of n things.  Those from top on were never used, and their memory was
 * never touched; those below it are in use or in the free list.
 */

typedef struct {
    uint32_t        n;
    uint32_t        top;             /* only grows, before a thing is used */
    uint32_t        free;            /* first free one, 1 + index */
    uint32_t        nfree;           /* length of the free list */
} qoe_store_pool_t;

typedef enum {
    QOE_POOL_NUMBERS = 0,
    QOE_POOL_HISTOGRAMS,
    QOE_POOL_BLOCKS,
    QOE_POOL_CELLS,
    QOE_POOLS
} qoe_store_pool_id_t;


/* Blocks and cells are numbered from 1, and 0 means none; slots from 0. */

struct qoe_store_s {
    uint64_t        heads_offset;
    uint64_t        block_heads_offset;
    uint64_t        offset[QOE_POOLS];
    uint32_t        heads;           /* a power of two */
    uint32_t        block_heads;
    uint32_t        numbers;         /* slots, as in the pools */
    uint32_t        histograms;

    /* the first slots of each kind, which belong to the overflow series */
    uint32_t        number_reserve;
    uint32_t        histogram_reserve;
    uint32_t        overflow[QOE_METRICS_N];

    /* changed by the writer */
    uint32_t        series __attribute__((aligned(64)));
    uint32_t        live_blocks;     /* without the overflow series' block */
    uint64_t        overflowed;
    uint64_t        born;            /* number of series ever begun */
    qoe_store_pool_t  pool[QOE_POOLS];
};


/*
 * The last quarter of every pool is reserved for sets of known values, so that
 * clients with invented values cannot take all of it.
 */
#define QOE_STORE_KEPT     4


static inline double
qoe_st_double(uint64_t bits)
{
    double  d;

    memcpy(&d, &bits, sizeof(d));

    return d;
}


static inline uint64_t
qoe_st_bits(double d)
{
    uint64_t  bits;

    memcpy(&bits, &d, sizeof(bits));

    return bits;
}


static inline void *
qoe_store_pool_at(const qoe_store_t *s, qoe_store_pool_id_t id, size_t i,
    size_t size)
{
    return (char *) s + s->offset[id] + i * size;
}


static inline qoe_store_number_t *
qoe_store_number(const qoe_store_t *s, uint32_t slot)
{
    return qoe_store_pool_at(s, QOE_POOL_NUMBERS, slot,
                             sizeof(qoe_store_number_t));
}


static inline qoe_store_histogram_t *
qoe_store_histogram(const qoe_store_t *s, uint32_t slot)
{
    return qoe_store_pool_at(s, QOE_POOL_HISTOGRAMS, slot - s->numbers,
                             sizeof(qoe_store_histogram_t));
}


static inline qoe_store_block_t *
qoe_store_block_at(const qoe_store_t *s, uint32_t block)
{
    return qoe_store_pool_at(s, QOE_POOL_BLOCKS, block - 1,
                             sizeof(qoe_store_block_t));
}


static inline qoe_store_cell_t *
qoe_store_cell_at(const qoe_store_t *s, uint32_t cell)
{
    return qoe_store_pool_at(s, QOE_POOL_CELLS, cell - 1,
                             sizeof(qoe_store_cell_t));
}


/* slot must be below numbers + histograms. */

static inline qoe_store_slot_t *
qoe_store_slot(const qoe_store_t *s, uint32_t slot)
{
    return slot < s->numbers ? &qoe_store_number(s, slot)->slot
                             : &qoe_store_histogram(s, slot)->slot;
}


/* Has the slot ever been used? */

static inline bool
qoe_store_slot_touched(const qoe_store_t *s, uint32_t slot)
{
    if (slot < s->numbers) {
        return slot < qoe_acquire(&s->pool[QOE_POOL_NUMBERS].top);
    }

    return slot - s->numbers < qoe_acquire(&s->pool[QOE_POOL_HISTOGRAMS].top);
}


static inline bool
qoe_store_reserved(const qoe_store_t *s, uint32_t slot)
{
    return slot < s->number_reserve
           || (slot >= s->numbers
               && slot - s->numbers < s->histogram_reserve);
}


/* Is it the number of a block, or 0 for none? */

static inline bool
qoe_store_block_ok(const qoe_store_t *s, uint32_t block)
{
    return block == 0
           || (block <= qoe_acquire(&s->pool[QOE_POOL_BLOCKS].top)
               && qoe_peek(&qoe_store_block_at(s, block)->hash) != 0);
}


static inline uint32_t *
qoe_store_head(const qoe_store_t *s, const qoe_store_env_t *env,
    uint32_t metric, uint32_t base, uint32_t extra)
{
    uint64_t   h;
    uint32_t  *heads;

    /* clients cannot choose these numbers, so a few rounds of mixing suffice */

    h = ((uint64_t) base << 32 | extra) ^ env->key.k0;
    h *= 0x9e3779b97f4a7c15;
    h ^= (h >> 32) ^ metric ^ env->key.k1;
    h *= 0xd6e8feb86659fd93;
    h ^= h >> 32;

    heads = (uint32_t *) ((char *) s + s->heads_offset);

    return &heads[h & (s->heads - 1)];
}


static inline uint32_t *
qoe_store_block_head(const qoe_store_t *s, uint64_t hash)
{
    uint32_t  *heads;

    heads = (uint32_t *) ((char *) s + s->block_heads_offset);

    return &heads[hash & (s->block_heads - 1)];
}


static inline bool
qoe_store_is_histogram(uint32_t metric)
{
    return qoe_metrics[metric].kind == QOE_INSTRUMENT_HISTOGRAM;
}


static inline qoe_store_pool_id_t
qoe_store_pool_of(uint32_t metric)
{
    return qoe_store_is_histogram(metric) ? QOE_POOL_HISTOGRAMS
                                          : QOE_POOL_NUMBERS;
}


/* Are the metric's series kept in the store? */

static inline bool
qoe_store_has(uint32_t metric)
{
    return metric < QOE_METRICS_N
           && (qoe_metrics[metric].group & QOE_GROUPS_STORED)
           && qoe_metrics[metric].kind != QOE_INSTRUMENT_GAUGE_NOW
           && qoe_metrics[metric].nbounds < QOE_STORE_BUCKETS;
}


/* Is the metric a counter, which is kept as an integer? */

static inline bool
qoe_store_is_integer(uint32_t metric)
{
    return qoe_metrics[metric].kind == QOE_INSTRUMENT_COUNTER;
}


/* May a new set or series take need things from the pool? */

static inline bool
qoe_store_pool_room(const qoe_store_pool_t *p, uint32_t need, bool known)
{
    uint32_t  kept;

    kept = known ? 0 : p->n / QOE_STORE_KEPT;

    return p->nfree + (p->n - p->top) >= need + kept;
}


/* Functions of qoe_store.c. */

/* Puts a slot into the free list; its life must be 0. */
void qoe_store_slot_free(qoe_store_t *s, uint32_t slot);

/* Functions of qoe_store_value.c. */

/*
 * Sets all values to zero, under the seqlock; readers do not treat the slot as
 * live.
 */
void qoe_store_clear(qoe_store_t *s, uint32_t slot, uint64_t start_ns);

/* Functions of qoe_store_block.c. */

#define qoe_store_cells_of(len)                                               \
    ((uint32_t) (((len) + QOE_CELL_DATA - 1) / QOE_CELL_DATA))

/* The keyed hash of the bytes; never 0. */
uint64_t qoe_store_hash(const qoe_store_env_t *env, qoe_span_t labels);

/* Makes the block of the overflow series unless it exists. */
void qoe_store_overflow_block(qoe_store_t *s, const qoe_store_env_t *env);

/* Adds a block to the chain of its hash, or to the free list. */
void qoe_store_block_link(qoe_store_t *s, uint32_t block);
void qoe_store_block_free(qoe_store_t *s, uint32_t block);

/* Removes a block that has no references. */
void qoe_store_block_end(qoe_store_t *s, uint32_t block);
void qoe_store_cell_free(qoe_store_t *s, uint32_t cell);


#endif /* _QOE_STORE_LAYOUT_H_INCLUDED_ */
