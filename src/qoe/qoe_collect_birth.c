
/*
 * Copyright (C) OpenQoE
 *
 * Which series are shown with 0 because they have only just begun, and which
 * belong into a collection of births.
 */


#include "qoe_collect_priv.h"


/*
 * A scraper is late now and then, and its interval begins with a scrape: an
 * eighth more than the interval lets the zero be there for one of them.
 */
#define QOE_COLLECT_LATE   8

/* No collection takes that long to make. */
#define QOE_COLLECT_MADE_NS  10000000000

/* Births are looked for that often while one zero would be seen. */
#define QOE_COLLECT_LOOKS  8


static uint64_t qoe_collect_settled(uint64_t now_ns);


uint64_t
qoe_collect_births_ms(const qoe_conf_t *conf)
{
    return conf->series_birth_ms / QOE_COLLECT_LOOKS;
}


uint64_t
qoe_collect_wait_ms(const qoe_conf_t *conf, qoe_collect_mode_t mode)
{
    uint64_t  wait_ms;

    if (mode == QOE_COLLECT_LAST) {
        return 0;
    }

    wait_ms = conf->series_birth_ms + conf->series_birth_ms / QOE_COLLECT_LATE;

    return mode == QOE_COLLECT_READ ? wait_ms
                                    : wait_ms + qoe_collect_births_ms(conf);
}


uint64_t
qoe_collect_born(const qoe_state_t *st)
{
    uint32_t          i;
    uint64_t          born;
    qoe_store_info_t  info;

    born = qoe_self_born(st->self);

    for (i = 0; i < st->lanes; i++) {
        qoe_store_info(st->store[i], &info);
        born += info.born;
    }

    return born;
}


/*
 * A clock that stepped back makes what was exported look as if it were still
 * to come: then all that is young is announced once more.
 */

void
qoe_collect_birth(qoe_collect_t *c)
{
    const qoe_state_shared_t  *shared;

    shared = c->st.shared;

    c->wait_ns = qoe_collect_wait_ms(c->conf, c->mode) * 1000000;
    c->time_ns = c->now_ns;

    /* a scrape that awaits no births shows at once what there is */

    c->until_ns = c->mode == QOE_COLLECT_LAST
                  || (c->mode == QOE_COLLECT_READ && c->wait_ns == 0)
                  ? c->now_ns : qoe_collect_settled(c->now_ns);

    if (c->mode == QOE_COLLECT_READ) {
        return;
    }

    c->time_ns = qoe_max(c->now_ns,
                         __atomic_load_n(&shared->points_ns, __ATOMIC_ACQUIRE)
                         + 1000000);

    c->since_ns = __atomic_load_n(&shared->announced_ns, __ATOMIC_ACQUIRE);
    c->regular_ns = __atomic_load_n(&shared->collected_ns, __ATOMIC_ACQUIRE);
    c->zeros_ns = qoe_collect_settled(c->regular_ns);

    if (c->since_ns > c->now_ns) {
        c->since_ns = c->until_ns - c->wait_ns;
    }
}


/* A series that began until then is seen with its start at that time. */

static uint64_t
qoe_collect_settled(uint64_t now_ns)
{
    return now_ns - qoe_min(now_ns, QOE_COLLECT_SETTLE_MS * 1000000ULL);
}


/*
 * Another lane may have an earlier start that is not to be seen yet, or whose
 * part was not there when the collection passed.  This goes by the start of
 * the whole series, so what a lane adds to a known one is never left out.  Sums
 * that the collection makes itself have the start of the zone, which does not
 * change; and a start that is far ahead is of a clock that stepped back.
 */

bool
qoe_collect_later(const qoe_collect_t *c, uint64_t start_ns)
{
    return c->mode != QOE_COLLECT_LAST && start_ns != c->start_ns
           && start_ns > c->until_ns
           && start_ns - c->until_ns < QOE_COLLECT_MADE_NS;
}


/*
 * In the last collection a series may have begun after it: no point is before
 * its start, so the time of the points moves on.
 */

void
qoe_collect_begins(qoe_collect_t *c, const qoe_merged_t *m)
{
    if (qoe_collect_is_gauge(m->metric)) {
        return;
    }

    c->waits |= qoe_collect_young(c, m->start_ns);

    if (m->start_ns > c->time_ns
        && m->start_ns - c->time_ns < QOE_COLLECT_MADE_NS)
    {
        c->time_ns = m->start_ns;
    }
}


/*
 * A wait begins when the series can be seen first, hence until_ns.  A start in
 * the time to come is of a clock that stepped back: that series does not wait.
 */

bool
qoe_collect_young(const qoe_collect_t *c, uint64_t start_ns)
{
    return c->until_ns < start_ns + c->wait_ns
           && start_ns < c->until_ns + c->wait_ns;
}


/*
 * Those that have begun since the last collection, with their zeros; and those
 * which the last export has shown as zeros and whose wait has ended since,
 * with their values, which would have to wait for the next export otherwise.
 */

bool
qoe_collect_due(const qoe_collect_t *c, uint64_t start_ns)
{
    uint64_t  over_ns;

    if (start_ns > c->since_ns) {
        return !qoe_collect_later(c, start_ns);
    }

    over_ns = start_ns + c->wait_ns;

    return start_ns <= c->zeros_ns && over_ns > c->zeros_ns
           && over_ns > c->since_ns && over_ns <= c->until_ns;
}
