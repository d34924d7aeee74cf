
/*
 * Copyright (C) OpenQoE
 *
 * Decides which series are shown with 0 because they have only just begun, and
 * which belong in a collection of births.
 */


#include "qoe_collect_priv.h"


/*
 * Scrapers are late now and then.  The wait is an eighth longer than the
 * interval, so that even a late scrape finds the zero.
 */
#define QOE_COLLECT_LATE   8

/* No collection takes longer than this to make, in ns. */
#define QOE_COLLECT_MADE_NS  10000000000

/* The zero of a series lasts for so many looks for births. */
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
 * Sets the times by which the functions below decide.  After the clock stepped
 * back, earlier exports seem to lie in the future: then all young series are
 * announced once more.
 */

void
qoe_collect_birth(qoe_collect_t *c)
{
    const qoe_state_shared_t  *shared;

    shared = c->st.shared;

    c->wait_ns = qoe_collect_wait_ms(c->conf, c->mode) * 1000000;
    c->time_ns = c->now_ns;

    /* a scrape that does not wait for births shows every series at once */

    c->until_ns = c->mode == QOE_COLLECT_LAST
                  || (c->mode == QOE_COLLECT_READ && c->wait_ns == 0)
                  ? c->now_ns : qoe_collect_settled(c->now_ns);

    if (c->mode == QOE_COLLECT_READ) {
        return;
    }

    c->time_ns = qoe_max(c->now_ns,
                         qoe_acquire(&shared->points_ns) + 1000000);

    c->since_ns = qoe_acquire(&shared->announced_ns);
    c->regular_ns = qoe_acquire(&shared->collected_ns);
    c->zeros_ns = qoe_collect_settled(c->regular_ns);

    if (c->since_ns > c->now_ns) {
        c->since_ns = c->until_ns - c->wait_ns;
    }
}


/* Series that began until then are visible with their start by now_ns. */

static uint64_t
qoe_collect_settled(uint64_t now_ns)
{
    return now_ns - qoe_min(now_ns, QOE_COLLECT_SETTLE_MS * 1000000ULL);
}


/*
 * Another lane may have an earlier start that is not visible yet, or whose
 * part came after the collection had passed.  The start of the whole series
 * decides, so what a lane adds to a known series is never left out.  Sums that
 * the collection makes itself have the start of the zone, which never changes.
 * A start far ahead is from a clock that stepped back.
 */

bool
qoe_collect_later(const qoe_collect_t *c, uint64_t start_ns)
{
    return c->mode != QOE_COLLECT_LAST && start_ns != c->start_ns
           && start_ns > c->until_ns
           && start_ns - c->until_ns < QOE_COLLECT_MADE_NS;
}


/*
 * The last collection may show a series that began after the collection did.
 * No point may be older than its start, so the time of the points moves on.
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
 * The wait counts from when the series can first be seen, hence until_ns.  A
 * start in the future is from a clock that stepped back: such a series does
 * not wait.
 */

bool
qoe_collect_young(const qoe_collect_t *c, uint64_t start_ns)
{
    return c->until_ns < start_ns + c->wait_ns
           && start_ns < c->until_ns + c->wait_ns;
}


/*
 * Due are the series that began since the last collection, as zeros; and those
 * that the last export showed as zeros and whose wait is over, with their
 * values, which would otherwise wait for the next export.
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
