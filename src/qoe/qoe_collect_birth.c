
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

/* Births are looked for that often while one zero would be seen. */
#define QOE_COLLECT_LOOKS  8


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

    if (c->mode == QOE_COLLECT_READ) {
        return;
    }

    c->time_ns = qoe_max(c->now_ns,
                         __atomic_load_n(&shared->points_ns, __ATOMIC_ACQUIRE)
                         + 1000000);

    c->since_ns = __atomic_load_n(&shared->announced_ns, __ATOMIC_ACQUIRE);
    c->regular_ns = __atomic_load_n(&shared->collected_ns, __ATOMIC_ACQUIRE);

    if (c->since_ns > c->now_ns) {
        c->since_ns = c->now_ns - c->wait_ns;
    }
}


/* One from the time to come is of a clock that stepped back: not any more. */

bool
qoe_collect_young(const qoe_collect_t *c, uint64_t start_ns)
{
    return c->now_ns < start_ns + c->wait_ns
           && start_ns < c->now_ns + c->wait_ns;
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
        return true;
    }

    over_ns = start_ns + c->wait_ns;

    return start_ns <= c->regular_ns && over_ns > c->regular_ns
           && over_ns > c->since_ns && over_ns <= c->now_ns;
}
