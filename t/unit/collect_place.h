
/*
 * Copyright (C) OpenQoE
 *
 * A zone with lanes to collect from, and a clock that the test moves.
 */


#ifndef _COLLECT_PLACE_H_INCLUDED_
#define _COLLECT_PLACE_H_INCLUDED_


#include "tap.h"
#include "qoe_collect.h"

#include <sys/mman.h>


#define SIZE               (80 * 1024 * 1024)
#define SECOND             1000000000ULL
#define SETTLE             (QOE_COLLECT_SETTLE_MS * 1000000ULL)

#define COUNTER            QOE_METRIC_EVENTS_TOTAL
#define GAUGE              QOE_METRIC_PAGE_LOAD_TIME
#define HISTOGRAM          QOE_METRIC_VIDEO_STARTUP_TIME


typedef struct {
    qoe_zone_t        *zone;
    qoe_state_t        st;
    qoe_conf_t         conf;
    qoe_dimensions_t   dims;
    qoe_governor_t     governor;
    qoe_store_env_t    env;
    uint64_t           now_ns;
    qoe_collect_t     *c;
} place_t;


static inline void
place_make(place_t *p, uint32_t lanes)
{
    void  *mem;

    memset(p, 0, sizeof(place_t));

    mem = mmap(NULL, SIZE, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS, -1,
               0);

    if (mem == MAP_FAILED
        || qoe_zone_create(&p->zone, mem, SIZE, lanes, true) != QOE_OK)
    {
        abort();
    }

    qoe_state_create(p->zone);

    if (qoe_state_attach(&p->st, p->zone) != QOE_OK) {
        abort();
    }

    qoe_dimensions_init(&p->dims);
    qoe_governor_init(&p->governor, p->st.govern, &p->dims, qoe_proc_self());

    p->conf.groups = QOE_GROUPS_ALL;
    p->conf.series_max = 1000000;
    p->conf.series_ttl_ms = 60000;
    p->conf.dims = &p->dims;

    p->env.key = p->st.key;
    p->env.count = &p->st.shared->series;
    p->env.max = p->conf.series_max;

    /* a whole second: with SETTLE it is the same second, not the next one */

    p->now_ns = (qoe_zone_start_ns(p->zone) / SECOND + 5) * SECOND;
}


static inline void
place_free(place_t *p)
{
    qoe_collect_destroy(p->c);
    munmap(p->zone, SIZE);
}


static inline uint32_t
block(place_t *p, uint32_t lane, const char *name, unsigned value)
{
    char          text[32];
    qoe_labels_t  l;

    snprintf(text, sizeof(text), "%u", value);
    l.len = 0;

    if (qoe_labels_add(&l, qoe_span_str(name), qoe_span_str(text)) != QOE_OK) {
        abort();
    }

    return qoe_store_block(p->st.store[lane], &p->env, qoe_labels_span(&l));
}


static inline void
record(place_t *p, uint32_t lane, qoe_metric_id_t metric, unsigned set,
    unsigned extra, double value)
{
    uint32_t  b, x;

    b = block(p, lane, "set", set);
    x = extra ? block(p, lane, "extra", extra) : 0;

    (void) qoe_store_record(p->st.store[lane], &p->env, metric, b, x, value,
                            p->now_ns);

    qoe_store_unref(p->st.store[lane], b);
    qoe_store_unref(p->st.store[lane], x);
}


static inline void
sweep(place_t *p)
{
    int       turn;
    uint32_t  lane, cursor;

    for (lane = 0; lane < p->st.lanes; lane++) {
        cursor = 0;

        for (turn = 0; turn < 2; turn++) {
            do {
                qoe_store_sweep(p->st.store[lane], &p->env, &cursor, 1000);
            } while (cursor != 0);
        }
    }
}


/*
 * Collects SETTLE after the test's clock, so a series that began at it is
 * included.
 */

static inline qoe_status_t
collect(place_t *p, qoe_collect_mode_t mode, uint32_t groups,
    const qoe_mem_t *mem)
{
    qoe_status_t  rc;

    qoe_collect_destroy(p->c);

    p->c = qoe_collect_create(&p->st, &p->conf, &p->governor, mode, groups,
                              p->now_ns + SETTLE, mem);
    if (p->c == NULL) {
        return QOE_NOMEM;
    }

    do {
        rc = qoe_collect_step(p->c, 500);
    } while (rc == QOE_AGAIN);

    return rc;
}


#define export(p)  collect(p, QOE_COLLECT_EXPORT, (p)->conf.groups,           \
                           &qoe_mem_heap)
#define scrape(p)  collect(p, QOE_COLLECT_READ,                               \
                           (p)->conf.groups|QOE_GROUP_STATS, &qoe_mem_heap)


/* The only series of the metric. */

static inline bool
only(place_t *p, qoe_metric_id_t metric, qoe_collected_t *out)
{
    if (qoe_collect_count(p->c, metric) != 1) {
        return false;
    }

    qoe_collect_get(p->c, metric, 0, out);

    return true;
}


#endif /* _COLLECT_PLACE_H_INCLUDED_ */
