
/*
 * Copyright (C) OpenQoE
 *
 * What an export collection does to the lanes' stores: it condemns series that
 * are idle in all lanes, and ends the value of gauges that have no new ones.
 */


#include "qoe_collect_priv.h"


/* The value of a gauge stands for this long without a new one. */
#define QOE_COLLECT_STANDS_S  60


/*
 * true in the first export after that time and after the export of the value.
 * All that this depends on is in the zone, so another exporter can take over.
 */

bool
qoe_collect_ended(const qoe_collect_t *c, const qoe_merged_t *m)
{
    uint64_t  end_s;

    end_s = (uint64_t) m->last_s + QOE_COLLECT_STANDS_S;

    return c->now_ns / 1000000000 >= end_s
           && (m->before || c->regular_ns / 1000000000 < end_s);
}


bool
qoe_collect_is_idle(const qoe_collect_t *c, uint32_t last_s)
{
    uint64_t  ttl_ms;

    ttl_ms = c->conf->series_ttl_ms;

    if (ttl_ms == 0) {
        return false;
    }

    /* everyone must have seen the value that followed the zero */

    ttl_ms = qoe_max(ttl_ms, 2 * qoe_collect_wait_ms(c->conf,
                                                     QOE_COLLECT_EXPORT));

    return (uint64_t) last_s * 1000 + ttl_ms < c->now_ns / 1000000;
}


/*
 * Condemns all slots of the series or none: without one lane's part the sum of
 * the rest would be a counter that went down.
 */

void
qoe_collect_condemn(qoe_collect_t *c, qoe_merged_t *m)
{
    uint32_t     i, j;
    qoe_idle_t  *e, *done;

    if (m->lively) {
        return;
    }

    for (i = m->idle; i != 0; i = e->next) {
        e = qoe_collect_pool_at(&c->idle, i - 1);

        if (qoe_store_condemn(c->st.store[e->lane], e->slot, e->last_s)) {
            continue;
        }

        for (j = m->idle; j != i; j = done->next) {
            done = qoe_collect_pool_at(&c->idle, j - 1);
            qoe_store_pardon(c->st.store[done->lane], done->slot);
        }

        return;
    }
}


int32_t
qoe_collect_drift(const qoe_state_t *st)
{
    uint32_t          i, series;
    qoe_store_info_t  info;

    series = 0;

    for (i = 0; i < st->lanes; i++) {
        qoe_store_info(st->store[i], &info);
        series += info.series;
    }

    return (int32_t) (qoe_acquire(&st->shared->series) - series);
}


/*
 * A writer that was killed between the shared count and its own leaves the
 * shared count off by one.  Writers at work look the same for a moment, but
 * hardly by the same amount at both ends of a collection.
 */

void
qoe_collect_recount(qoe_collect_t *c)
{
    if (c->drift != 0 && c->drift == qoe_collect_drift(&c->st)) {
        __atomic_sub_fetch(&c->st.shared->series, (uint32_t) c->drift,
                           __ATOMIC_ACQ_REL);
    }
}
