
/*
 * Copyright (C) OpenQoE
 *
 * A collection in the making.  Private to qoe_collect*.c.
 */


#ifndef _QOE_COLLECT_PRIV_H_INCLUDED_
#define _QOE_COLLECT_PRIV_H_INCLUDED_


#include "qoe_arena.h"
#include "qoe_collect.h"


/* An array of chunks, whose items never move: no step has to copy it all. */

#define QOE_COLLECT_CHUNK  512               /* items */

typedef struct {
    const qoe_mem_t  *mem;
    size_t            size;      /* bytes of an item */
    uint32_t          n;
    uint32_t          cap;       /* places in chunk[] */
    char            **chunk;
} qoe_collect_pool_t;


/* A series, merged from all lanes that have it. */

typedef struct {
    uint32_t          base;
    uint32_t          extra;
    uint32_t          next;      /* 1 + index, in its chain */
    uint32_t          idle;      /* 1 + index of its first idle slot */
    uint16_t          metric;
    bool              lively;    /* some slot is not idle */
    bool              before;    /* gauges: had values before */
    uint32_t          last_s;    /* gauges: of the last value, Unix s */
    uint64_t          start_ns;
    uint64_t          count;     /* gauges: values of the last window */
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
    uint32_t          next;      /* 1 + index, of this series */
} qoe_idle_t;


typedef struct {
    uint64_t          hash;
    qoe_span_t        bytes;
    uint32_t          next;      /* 1 + index, in its chain */
    bool              views;     /* has concurrent views */
} qoe_collect_block_t;


/* The block of the collection that a lane's block became last. */

typedef struct {
    uint64_t          hash;
    uint32_t          block;
    uint32_t          lane;      /* 1 + lane; 0: empty entry */
} qoe_collect_map_t;


struct qoe_collect_s {
    qoe_state_t              st;
    const qoe_conf_t        *conf;
    qoe_governor_t          *governor;
    const qoe_mem_t         *mem;
    qoe_collect_mode_t       mode;
    uint32_t                 groups;
    uint64_t                 now_ns;
    uint64_t                 time_ns;        /* time of the points */
    uint64_t                 start_ns;       /* start of the zone */
    uint64_t                 until_ns;       /* later series are left out */
    uint64_t                 wait_ns;        /* how long a zero must be seen */
    uint64_t                 since_ns;       /* births: the last ones */
    uint64_t                 regular_ns;     /* the last export */
    uint64_t                 zeros_ns;       /* its until_ns */
    bool                     waits;
    bool                     resting;        /* births: the second walk */
    int32_t                  drift;          /* qoe_collect_drift() at first */

    /* the progress of the work */
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
    qoe_collect_map_t       *map;            /* indexed by a lane's block */
    uint32_t                 nmap;

    /* the result: series sorted by metric */
    uint32_t                 first[QOE_METRICS_N + 1];
    uint32_t                 fill[QOE_METRICS_N];
    uint32_t                *index;
};


/* qoe_collect_merge.c */

/*
 * Makes tables for about so many series and blocks, and a map for nmap blocks
 * of lanes.  QOE_NOMEM.
 */
qoe_status_t qoe_collect_tables(qoe_collect_t *c, uint32_t series,
    uint32_t blocks, uint32_t nmap);
void qoe_collect_tables_free(qoe_collect_t *c);

/* Adds a lane's series to the collection's. */
qoe_status_t qoe_collect_series(qoe_collect_t *c, uint32_t lane,
    uint32_t slot, const qoe_series_t *e, bool before);
/* Adds a series of the module's own metrics. */
qoe_status_t qoe_collect_self(qoe_collect_t *c, const qoe_self_series_t *e);

/* Appends an item of zeros.  NULL: no memory. */
void *qoe_collect_pool_add(qoe_collect_pool_t *p);

/* Adds 0 concurrent views for the attributes of series i, if need be. */
qoe_status_t qoe_collect_no_views(qoe_collect_t *c, uint32_t i);

/* Whether a lane's block with that hash is in the collection. */
bool qoe_collect_known(const qoe_collect_t *c, uint64_t hash);

static inline void *
qoe_collect_pool_at(const qoe_collect_pool_t *p, uint32_t i)
{
    return p->chunk[i / QOE_COLLECT_CHUNK] + i % QOE_COLLECT_CHUNK * p->size;
}


/* qoe_collect_birth.c */

/* Whether a series with that start is still shown with 0. */
bool qoe_collect_young(const qoe_collect_t *c, uint64_t start_ns);
/* Whether a series with that start is left to the next collection. */
bool qoe_collect_later(const qoe_collect_t *c, uint64_t start_ns);
/* Whether a series with that start belongs in a collection of births. */
bool qoe_collect_due(const qoe_collect_t *c, uint64_t start_ns);
/* Sets the times by which the three above decide. */
void qoe_collect_birth(qoe_collect_t *c);
/* Notes the start of a series that is shown. */
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

/* Whether a gauge's last value must not stand any longer. */
bool qoe_collect_ended(const qoe_collect_t *c, const qoe_merged_t *m);
/* Whether a value of that second is too long ago. */
bool qoe_collect_is_idle(const qoe_collect_t *c, uint32_t last_s);
/* Condemns a series that is idle in all lanes that have it. */
void qoe_collect_condemn(qoe_collect_t *c, qoe_merged_t *m);

/*
 * drift is how far the shared count of series is from the sum of the lanes';
 * recount corrects it by what was wrong at both ends of the collection.
 */
int32_t qoe_collect_drift(const qoe_state_t *st);
void qoe_collect_recount(qoe_collect_t *c);


#endif /* _QOE_COLLECT_PRIV_H_INCLUDED_ */
