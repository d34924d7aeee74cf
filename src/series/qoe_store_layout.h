
/*
 * Copyright (C) OpenQoE
 *
 * The bytes of a series store.  Private to qoe_store*.c; a change of meaning
 * raises QOE_STATE_VERSION.
 *
 *   header | heads of series | heads of blocks | numbers | histograms
 *   | block headers | cells
 *
 * What is true after a writer's death is in the slots and the block headers
 * alone: a slot is a series by its life, a block is one by its hash, and both
 * words are the last store of a birth and the first one of an end.  The rest
 * (chains, free lists, counts) qoe_store_rebuild() makes anew.
 *
 * Every word that a reader of another process may look at while it changes is
 * read and written by the atomics below.  Indexes are checked wherever they
 * are followed, and no walk is longer than there are things to walk.
 */


#ifndef _QOE_STORE_LAYOUT_H_INCLUDED_
#define _QOE_STORE_LAYOUT_H_INCLUDED_


#include "qoe_store.h"


#define QOE_STORE_BUCKETS  (QOE_VIEW_BOUNDS_MAX + 1)

#define QOE_CELL_WORDS     15
#define QOE_CELL_DATA      (QOE_CELL_WORDS * sizeof(uint32_t))
#define QOE_CELL_USED      0x80000000        /* of next: a mark of rebuild */

/* Tries of a reader before it takes a dead writer's half-made values. */
#define QOE_STORE_TRIES    100

/* Block 1 is the overflow series' own, and cell 1 its bytes. */
#define QOE_STORE_OVERFLOW_BLOCK  1


/*
 * The life of a slot: flags, and the Unix second of the last value.  One word,
 * so that a value and the end of the series cannot both win.
 */

#define QOE_LIFE_LIVE      0x100000000
#define QOE_LIFE_DEAD      0x200000000       /* condemned */
#define QOE_LIFE_SEEN      0x400000000       /* dead in a turn of sweep */


typedef struct {
    uint64_t        life;            /* 0: free */
    uint32_t        seq;             /* odd while the writer is at it */
    uint32_t        window_seq;      /* the same of the exporter */
    uint32_t        base;
    uint32_t        extra;
    uint32_t        next;            /* 1 + slot: of the chain, or free */
    uint16_t        metric;
    uint16_t        pad;
    uint64_t        start_ns;
    uint64_t        sum;             /* bits of a double, here and below */
} qoe_store_slot_t;

typedef struct {
    qoe_store_slot_t  slot;
    uint64_t        count;           /* gauges: values; COUNTER: its value */

    /* gauges, written by the exporter: where the last window ended, and it */
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
    uint64_t        hash;            /* never 0; 0: free */
    uint32_t        version;         /* raised when it is freed */
    uint32_t        len;             /* bytes */
    uint32_t        first;           /* cell */
    uint32_t        refs;            /* the writer's */
    uint32_t        next;            /* block of the chain, or free */
    uint32_t        known;           /* each value is known; the writer's */
} qoe_store_block_t;

typedef struct {
    uint32_t        next;
    uint32_t        data[QOE_CELL_WORDS];
} qoe_store_cell_t;


/*
 * n things of a kind.  Those from top on were never used, and their memory
 * never touched; those below it are in use or in the list of free ones.
 */

typedef struct {
    uint32_t        n;
    uint32_t        top;             /* only grows, before the thing is used */
    uint32_t        free;            /* 1 + index */
    uint32_t        nfree;           /* in the list */
} qoe_store_pool_t;

typedef enum {
    QOE_POOL_NUMBERS = 0,
    QOE_POOL_HISTOGRAMS,
    QOE_POOL_BLOCKS,
    QOE_POOL_CELLS,
    QOE_POOLS
} qoe_store_pool_id_t;


/* Blocks and cells count from 1, so that 0 is none; slots from 0. */

struct qoe_store_s {
    uint64_t        heads_offset;
    uint64_t        block_heads_offset;
    uint64_t        offset[QOE_POOLS];
    uint32_t        heads;           /* powers of two */
    uint32_t        block_heads;
    uint32_t        numbers;         /* slots, as in the pools */
    uint32_t        histograms;

    /* the first slots of each kind are of the overflow series */
    uint32_t        number_reserve;
    uint32_t        histogram_reserve;
    uint32_t        overflow[QOE_METRICS_N];

    /* the writer's */
    uint32_t        series __attribute__((aligned(64)));
    uint32_t        live_blocks;     /* but for the overflow series' own */
    uint64_t        overflowed;
    uint64_t        born;            /* series begun, ever */
    qoe_store_pool_t  pool[QOE_POOLS];
};


/*
 * The last quarter of everything is for sets of known values: what clients make
 * up takes no more than the rest.
 */
#define QOE_STORE_KEPT     4


#define qoe_st_get(p)      __atomic_load_n(p, __ATOMIC_ACQUIRE)
#define qoe_st_set(p, v)   __atomic_store_n(p, v, __ATOMIC_RELEASE)
#define qoe_st_peek(p)     __atomic_load_n(p, __ATOMIC_RELAXED)


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


/* slot is below numbers + histograms */

static inline qoe_store_slot_t *
qoe_store_slot(const qoe_store_t *s, uint32_t slot)
{
    return slot < s->numbers ? &qoe_store_number(s, slot)->slot
                             : &qoe_store_histogram(s, slot)->slot;
}


/* Was it ever used? */

static inline bool
qoe_store_slot_touched(const qoe_store_t *s, uint32_t slot)
{
    if (slot < s->numbers) {
        return slot < qoe_st_get(&s->pool[QOE_POOL_NUMBERS].top);
    }

    return slot - s->numbers < qoe_st_get(&s->pool[QOE_POOL_HISTOGRAMS].top);
}


static inline bool
qoe_store_reserved(const qoe_store_t *s, uint32_t slot)
{
    return slot < s->number_reserve
           || (slot >= s->numbers
               && slot - s->numbers < s->histogram_reserve);
}


/* 0 is no block, and none that is wrong. */

static inline bool
qoe_store_block_ok(const qoe_store_t *s, uint32_t block)
{
    return block == 0
           || (block <= qoe_st_get(&s->pool[QOE_POOL_BLOCKS].top)
               && qoe_st_peek(&qoe_store_block_at(s, block)->hash) != 0);
}


static inline uint32_t *
qoe_store_head(const qoe_store_t *s, const qoe_store_env_t *env,
    uint32_t metric, uint32_t base, uint32_t extra)
{
    uint64_t   h;
    uint32_t  *heads;

    /* numbers of our own giving: a few rounds of mixing will do */

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


/* A metric whose series are in the store. */

static inline bool
qoe_store_has(uint32_t metric)
{
    return metric < QOE_METRICS_N
           && (qoe_metrics[metric].group
               & (QOE_GROUP_CORE|QOE_GROUP_RULES|QOE_GROUP_VIEW))
           && qoe_metrics[metric].kind != QOE_INSTRUMENT_GAUGE_NOW
           && qoe_metrics[metric].nbounds < QOE_STORE_BUCKETS;
}


/* A counter of integers keeps them as such. */

static inline bool
qoe_store_is_integer(uint32_t metric)
{
    return qoe_metrics[metric].kind == QOE_INSTRUMENT_COUNTER;
}


/* May something new of a set take one of a pool? */

static inline bool
qoe_store_pool_room(const qoe_store_pool_t *p, uint32_t need, bool known)
{
    uint32_t  kept;

    kept = known ? 0 : p->n / QOE_STORE_KEPT;

    return p->nfree + (p->n - p->top) >= need + kept;
}


/* qoe_store.c */

/* Into the list of free ones; life is 0 already. */
void qoe_store_slot_free(qoe_store_t *s, uint32_t slot);

/* qoe_store_block.c */

#define qoe_store_cells_of(len)                                               \
    ((uint32_t) (((len) + QOE_CELL_DATA - 1) / QOE_CELL_DATA))

/* The bytes' keyed hash, never 0. */
uint64_t qoe_store_hash(const qoe_store_env_t *env, qoe_span_t labels);

/* Makes the overflow series' block if it is not there. */
void qoe_store_overflow_block(qoe_store_t *s, const qoe_store_env_t *env);

/* To the chain of its hash; into the list of free ones, of which it was none */
void qoe_store_block_link(qoe_store_t *s, uint32_t block);
void qoe_store_block_free(qoe_store_t *s, uint32_t block);

/* Ends a block without references: takes it out of everything. */
void qoe_store_block_end(qoe_store_t *s, uint32_t block);
void qoe_store_cell_free(qoe_store_t *s, uint32_t cell);


#endif /* _QOE_STORE_LAYOUT_H_INCLUDED_ */
