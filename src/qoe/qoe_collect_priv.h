
/*
 * Copyright (C) OpenQoE
 *
 * A collection in the making.  Private to qoe_collect*.c.
 */


#ifndef _QOE_COLLECT_PRIV_H_INCLUDED_
#define _QOE_COLLECT_PRIV_H_INCLUDED_


#include "qoe_arena.h"
#include "qoe_collect.h"


/*
 * An array that grows by chunks and never moves what is in it: no step has
 * to copy it all.
 */

#define QOE_COLLECT_CHUNK  512               /* items */

typedef struct {
    const qoe_mem_t  *mem;
    size_t            size;      /* of an item */
    uint32_t          n;
    uint32_t          cap;       /* of chunk[] */
    char            **chunk;
} qoe_collect_pool_t;


/* A series, of whatever lanes have it. */

typedef struct {
    uint32_t          base;
    uint32_t          extra;
    uint32_t          next;      /* 1 + index, of the chain */
    uint32_t          idle;      /* 1 + index, of its list of idle slots */
    uint16_t          metric;
    bool              lively;    /* a slot of it is not idle */
    bool              before;    /* gauges: had values in the window before */
    uint32_t          last_s;    /* gauges: of the last value, Unix */
    uint64_t          start_ns;
    uint64_t          count;     /* gauges: of the last window */
    double            sum;
    uint64_t          open_count;
    double            open_sum;
    qoe_histogram_t  *histogram;
} qoe_merged_t;


/* A slot that had no value for the series' ttl. */

typedef struct {
    uint32_t          lane;
    uint32_t          slot;
    uint32_t          last_s;
    uint32_t          next;      /* 1 + index, of the same series */
} qoe_idle_t;


typedef struct {
    uint64_t          hash;
    qoe_span_t        bytes;
    uint32_t          next;      /* 1 + index, of the chain */
    bool              views;     /* it has a number of concurrent views */
} qoe_collect_block_t;


/* What block of the collection a lane's block was last. */

typedef struct {
    uint64_t          hash;
    uint32_t          block;
    uint32_t          lane;      /* 1 + lane; 0: nothing known */
} qoe_collect_map_t;


struct qoe_collect_s {
    qoe_state_t              st;
    const qoe_conf_t        *conf;
    qoe_governor_t          *governor;
    const qoe_mem_t         *mem;
    qoe_collect_mode_t       mode;
    uint32_t                 groups;
    uint64_t                 now_ns;
    uint64_t                 time_ns;        /* of the points */
    uint64_t                 start_ns;       /* of the zone */
    uint64_t                 until_ns;       /* what began later is left out */
    uint64_t                 wait_ns;        /* for a zero to be seen */
    uint64_t                 since_ns;       /* births: announced until then */
    uint64_t                 regular_ns;     /* and the last export */
    uint64_t                 zeros_ns;       /* which had what began until */
    bool                     waits;
    bool                     resting;        /* births: the second walk */
    int32_t                  drift;          /* of the shared count, before */

    /* where the work stands */
    qoe_status_t             status;
    uint32_t                 phase;
    uint32_t                 lane;
    uint32_t                 cursor;

    qoe_arena_t              bytes;
    qoe_collect_pool_t       series;
    qoe_collect_pool_t       histograms;
    qoe_collect_pool_t       idle;
    qoe_collect_pool_t       blocks;
    uint32_t                *heads;          /* of series; a power of two */
    uint32_t                 nheads;
    uint32_t                *block_heads;
    uint32_t                 nblock_heads;
    qoe_collect_map_t       *map;            /* by block of a lane */
    uint32_t                 nmap;

    /* the result: series by metric */
    uint32_t                 first[QOE_METRICS_N + 1];
    uint32_t                 fill[QOE_METRICS_N];
    uint32_t                *index;
};


/* qoe_collect_merge.c */

/*
 * Tables for about that many series and blocks, and blocks of lanes up to
 * nmap.  QOE_NOMEM.
 */
qoe_status_t qoe_collect_tables(qoe_collect_t *c, uint32_t series,
    uint32_t blocks, uint32_t nmap);
void qoe_collect_tables_free(qoe_collect_t *c);

/* A lane's series into the collection's. */
qoe_status_t qoe_collect_series(qoe_collect_t *c, uint32_t lane,
    uint32_t slot, const qoe_series_t *e, bool before);
qoe_status_t qoe_collect_self(qoe_collect_t *c, const qoe_self_series_t *e);

/* A zero-filled item at the end; NULL: no memory. */
void *qoe_collect_pool_add(qoe_collect_pool_t *p);

/* Number i of the series: where views of its attributes were, there are 0. */
qoe_status_t qoe_collect_no_views(qoe_collect_t *c, uint32_t i);

/* Is a block of a lane with that hash one of the collection? */
bool qoe_collect_known(const qoe_collect_t *c, uint64_t hash);

static inline void *
qoe_collect_pool_at(const qoe_collect_pool_t *p, uint32_t i)
{
    return p->chunk[i / QOE_COLLECT_CHUNK] + i % QOE_COLLECT_CHUNK * p->size;
}


/* qoe_collect_birth.c */

/* At a start like that a series shows 0 as yet. */
bool qoe_collect_young(const qoe_collect_t *c, uint64_t start_ns);
/* Is a series with that start left to the next collection? */
bool qoe_collect_later(const qoe_collect_t *c, uint64_t start_ns);
/* Is a series with that start to be in a collection of births? */
bool qoe_collect_due(const qoe_collect_t *c, uint64_t start_ns);
/* Sets what the three go by. */
void qoe_collect_birth(qoe_collect_t *c);
/* Takes note of the start of a series that is shown. */
void qoe_collect_begins(qoe_collect_t *c, const qoe_merged_t *m);

static inline bool
qoe_collect_exports(const qoe_collect_t *c)
{
    return c->mode == QOE_COLLECT_EXPORT || c->mode == QOE_COLLECT_LAST;
}


static inline bool
qoe_collect_is_gauge(uint32_t metric)
{
    return qoe_metrics[metric].kind == QOE_INSTRUMENT_GAUGE
           || qoe_metrics[metric].kind == QOE_INSTRUMENT_GAUGE_NOW;
}


/* qoe_collect_idle.c */

/* Is that a gauge whose last value must not stand any more? */
bool qoe_collect_ended(const qoe_collect_t *c, const qoe_merged_t *m);
/* Is a value of that second too long ago? */
bool qoe_collect_is_idle(const qoe_collect_t *c, uint32_t last_s);
/* Condemns a series that is idle in all lanes that have it. */
void qoe_collect_condemn(qoe_collect_t *c, qoe_merged_t *m);

/*
 * How far the shared count of series is from what the lanes have, and its
 * correction by what it was off at both ends of the collection.
 */
int32_t qoe_collect_drift(const qoe_state_t *st);
void qoe_collect_recount(qoe_collect_t *c);


#endif /* _QOE_COLLECT_PRIV_H_INCLUDED_ */
