
/*
 * Copyright (C) OpenQoE
 *
 * Stores to test with, in memory that children share.
 */


#ifndef _STORE_SUPPORT_H_INCLUDED_
#define _STORE_SUPPORT_H_INCLUDED_


#include "tap.h"
#include "store_check.h"

#include <sys/mman.h>


#define SECOND             1000000000ULL
#define NOW                (5000 * SECOND)

#define COUNTER            QOE_METRIC_EVENTS_TOTAL
#define GAUGE              QOE_METRIC_PAGE_LOAD_TIME
#define HISTOGRAM          QOE_METRIC_VIDEO_STARTUP_TIME


/* count is in memory that children share. */

static qoe_store_env_t  env;


static inline void *
map(size_t size)
{
    void  *p;

    p = mmap(NULL, size, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS, -1,
             0);

    if (p == MAP_FAILED) {
        abort();
    }

    return p;
}


static inline qoe_store_t *
store_new(size_t size)
{
    qoe_store_t  *s;

    s = map(size);
    qoe_store_create(s, size);

    if (env.count == NULL) {
        env.count = map(sizeof(uint32_t));
    }

    env.key = (qoe_hash_key_t) { 11, 22 };
    env.max = 1000000;

    *env.count = 0;

    return s;
}


/* A block of its own for each number; big blocks have several cells. */

static inline uint32_t
block(qoe_store_t *s, unsigned i)
{
    char          text[200];
    int           n;
    qoe_labels_t  l;

    l.len = 0;
    n = snprintf(text, sizeof(text), "%u-%0*u", i, (int) (i % 190) + 1, i);

    if (qoe_labels_add(&l, qoe_span("set"), (qoe_span_t) { text, (size_t) n })
        != QOE_OK)
    {
        abort();
    }

    return qoe_store_block(s, &env, qoe_labels_span(&l));
}


static inline void
condemn_all(qoe_store_t *s)
{
    uint32_t      i;
    qoe_series_t  e;

    for (i = 0; i < qoe_store_slots(s); i++) {
        if (qoe_store_read(s, i, &e)) {
            qoe_store_condemn(s, i, e.last_s);
        }
    }
}


static inline void
sweep_all(qoe_store_t *s)
{
    int       turn;
    uint32_t  cursor;

    cursor = 0;

    for (turn = 0; turn < 2; turn++) {
        do {
            qoe_store_sweep(s, &env, &cursor, 7);
        } while (cursor != 0);
    }
}


static inline bool
is_empty(qoe_store_t *s)
{
    qoe_store_info_t  info;

    qoe_store_info(s, &info);

    return info.series == 0 && info.blocks == 0
           && s->pool[QOE_POOL_CELLS].nfree
              == s->pool[QOE_POOL_CELLS].top - QOE_STORE_OVERFLOW_BLOCK
           && s->pool[QOE_POOL_BLOCKS].nfree
              == s->pool[QOE_POOL_BLOCKS].top - QOE_STORE_OVERFLOW_BLOCK;
}


#endif /* _STORE_SUPPORT_H_INCLUDED_ */
