
/*
 * Copyright (C) OpenQoE
 */


#include "qoe_report.h"

#include <stdlib.h>


/* The time for one step. */
#define QOE_REPORT_STEP_US     2000


struct qoe_report_s {
    qoe_report_env_t    *env;
    bool                 held;               /* has the exporter lease */
    bool                 giving;             /* gives the lease up */
    bool                 last;               /* no collection follows */
    uint64_t             next_ms;            /* the next collection */
    uint64_t             births_ms;          /* the next look for births */
    uint64_t             waits_ms;           /* values wait until then */
    uint64_t             born;               /* births before last collected */
    uint64_t             young_ms;           /* newer series may have been
                                                left out until then */
    bool                 young;              /* and may be so still */

    qoe_collect_t       *collect;
    bool                 regular;            /* not of births only */
    bool                 complete;           /* the points use it */

    qoe_log_limit_t      log_limit;
};


static uint64_t qoe_report_first(const qoe_report_t *r, uint64_t now_ms);
static bool qoe_report_births(qoe_report_t *r, uint64_t now_ms);
static bool qoe_report_births_wanted(const qoe_report_t *r);
static bool qoe_report_born(qoe_report_t *r, uint64_t now_ms);
static void qoe_report_begin(qoe_report_t *r, uint64_t now_ms);
static void qoe_report_create_collect(qoe_report_t *r,
    qoe_collect_mode_t mode);
static void qoe_report_collect(qoe_report_t *r, uint64_t now_ms);
static void qoe_report_collected(qoe_report_t *r, uint64_t now_ms);
static uint64_t qoe_report_wait_ms(const qoe_report_t *r);
static void qoe_report_send(qoe_report_t *r, uint64_t now_ms);
static bool qoe_report_sending(const qoe_report_t *r);
static void qoe_report_drop(qoe_report_t *r, bool stale);
static void qoe_report_release(qoe_report_t *r);
static void qoe_report_nomem(qoe_report_t *r);


qoe_report_t *
qoe_report_create(qoe_report_env_t *env)
{
    qoe_report_t  *r;

    r = calloc(1, sizeof(qoe_report_t));
    if (r == NULL) {
        return NULL;
    }

    r->env = env;

    return r;
}


void
qoe_report_destroy(qoe_report_t *r)
{
    qoe_report_drop(r, false);
    qoe_report_release(r);

    free(r);
}


void
qoe_report_take(qoe_report_t *r)
{
    uint64_t             owner;
    qoe_state_shared_t  *shared;

    r->giving = false;

    if (r->held) {
        return;
    }

    shared = r->env->self.state->shared;
    owner = qoe_acquire(&shared->exporter);

    if ((owner != 0 && qoe_proc_alive(owner))
        || !__atomic_compare_exchange_n(&shared->exporter, &owner,
                                        r->env->self.self, false,
                                        __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
    {
        return;
    }

    r->held = true;
    r->next_ms = qoe_report_first(r, qoe_mono_ms());

    /* the last holder may have left births and waiting values */

    r->births_ms = 0;
    r->born = 0;
    r->waits_ms = qoe_mono_ms() + qoe_report_wait_ms(r);
}


/* The time until the values that a collection left out are collected. */

static uint64_t
qoe_report_wait_ms(const qoe_report_t *r)
{
    return qoe_collect_wait_ms(r->env->self.conf, QOE_COLLECT_EXPORT)
           + 2 * qoe_collect_births_ms(r->env->self.conf);
}


/* Keeps the rhythm of the last holder of the lease. */

static uint64_t
qoe_report_first(const qoe_report_t *r, uint64_t now_ms)
{
    uint64_t  now, last, since;

    now = qoe_unix_ns() / 1000000;
    last = qoe_acquire(&r->env->self.state->shared->collected_ns) / 1000000;

    since = (last != 0 && now > last) ? now - last : 0;

    return now_ms + r->env->interval_ms - qoe_min(since, r->env->interval_ms);
}


bool
qoe_report_give(qoe_report_t *r)
{
    r->giving = true;

    qoe_report_drop(r, false);

    if (qoe_report_sending(r)) {
        return false;
    }

    qoe_report_release(r);

    return true;
}


static void
qoe_report_release(qoe_report_t *r)
{
    uint64_t  self;

    if (!r->held) {
        return;
    }

    self = r->env->self.self;
    r->held = false;

    __atomic_compare_exchange_n(&r->env->self.state->shared->exporter, &self,
                                0, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}


bool
qoe_report_last(qoe_report_t *r, uint64_t since_ns)
{
    qoe_report_take(r);

    if (!r->held) {
        return false;
    }

    /* other collections may have left out waiting values or young series */

    if (r->env->self.conf->series_birth_ms != 0
        || qoe_acquire(&r->env->self.state->shared->collected_ns)
           < since_ns + QOE_COLLECT_SETTLE_MS * 1000000ULL)
    {
        r->last = true;
        r->next_ms = 0;
    }

    return true;
}


bool
qoe_report_idle(const qoe_report_t *r)
{
    return r->collect == NULL && (!r->held || r->next_ms != 0)
           && !qoe_report_sending(r);
}


uint64_t
qoe_report_due_ms(const qoe_report_t *r)
{
    size_t    i;
    uint64_t  at;

    if (!r->held || r->giving) {
        return UINT64_MAX;
    }

    if (r->collect != NULL && !r->complete) {
        return 0;
    }

    at = r->next_ms;

    if (qoe_report_births_wanted(r)) {
        at = qoe_min(at, r->births_ms);
    }

    for (i = 0; i < r->env->npoints; i++) {
        at = qoe_min(at, qoe_points_due_ms(r->env->points[i]));
    }

    return at;
}


void
qoe_report_run(qoe_report_t *r, uint64_t now_ms)
{
    if (!r->held || r->giving) {
        return;
    }

    if (r->collect != NULL && !r->complete) {
        qoe_report_collect(r, now_ms);

    } else if (now_ms >= r->next_ms) {
        qoe_report_begin(r, now_ms);

    } else if (qoe_report_births(r, now_ms)) {
        qoe_report_create_collect(r, QOE_COLLECT_BIRTHS);
    }

    if (r->complete) {
        qoe_report_send(r, now_ms);
    }
}


/*
 * Whether a collection of births is due and has something to show.  It never
 * replaces another collection.
 */

static bool
qoe_report_births(qoe_report_t *r, uint64_t now_ms)
{
    if (!qoe_report_births_wanted(r) || now_ms < r->births_ms) {
        return false;
    }

    r->births_ms = now_ms + qoe_collect_births_ms(r->env->self.conf);

    return qoe_report_born(r, now_ms) || now_ms < r->waits_ms;
}


/*
 * Called before a collection: whether it has births that the last one had not.
 * Series that began just before a collection are left to the next, so another
 * one must follow shortly after.
 */

static bool
qoe_report_born(qoe_report_t *r, uint64_t now_ms)
{
    bool      was;
    uint64_t  born;

    was = r->young;
    born = qoe_collect_born(r->env->self.state);

    if (born != r->born) {
        r->born = born;
        r->young_ms = now_ms + QOE_COLLECT_SETTLE_MS + 1;
        was = true;
    }

    r->young = (now_ms < r->young_ms);

    return was;
}


static bool
qoe_report_births_wanted(const qoe_report_t *r)
{
    const qoe_conf_t  *conf;

    conf = r->env->self.conf;

    return conf->series_birth_ms != 0 && conf->groups != 0 && !r->last
           && r->collect == NULL && r->env->npoints != 0;
}


static void
qoe_report_begin(qoe_report_t *r, uint64_t now_ms)
{
    /* drop what could not be sent in time: the next points include it */

    qoe_report_drop(r, true);

    r->next_ms = now_ms + r->env->interval_ms;

    if (r->env->self.conf->groups == 0) {
        return;
    }

    r->births_ms = now_ms + qoe_collect_births_ms(r->env->self.conf);
    (void) qoe_report_born(r, now_ms);

    qoe_report_create_collect(r, r->last ? QOE_COLLECT_LAST
                                         : QOE_COLLECT_EXPORT);
}


static void
qoe_report_create_collect(qoe_report_t *r, qoe_collect_mode_t mode)
{
    const qoe_self_env_t  *self;

    self = &r->env->self;

    r->regular = (mode != QOE_COLLECT_BIRTHS);
    r->collect = qoe_collect_create(self->state, self->conf,
                                    r->env->governor, mode,
                                    self->conf->groups, qoe_unix_ns(),
                                    &qoe_mem_heap);
    if (r->collect == NULL) {
        qoe_report_nomem(r);
    }
}


static void
qoe_report_collect(qoe_report_t *r, uint64_t now_ms)
{
    qoe_status_t  rc;

    rc = qoe_collect_step(r->collect, QOE_REPORT_STEP_US);

    if (rc == QOE_AGAIN) {
        return;
    }

    if (rc != QOE_OK) {
        qoe_report_nomem(r);
        return;
    }

    if (r->regular) {
        qoe_zone_count(r->env->self.state->zone, r->env->self.slot,
                       QOE_COUNT_COLLECTIONS, 1);
    }

    /* the last collection, now asked for, includes all of this one */

    if (r->next_ms == 0) {
        qoe_report_drop(r, false);
        return;
    }

    qoe_report_collected(r, now_ms);
}


static void
qoe_report_collected(qoe_report_t *r, uint64_t now_ms)
{
    size_t  i;

    if (r->regular && qoe_collect_waits(r->collect)) {
        r->waits_ms = now_ms + qoe_report_wait_ms(r);
    }

    r->complete = true;

    for (i = 0; i < r->env->npoints; i++) {
        qoe_points_begin(r->env->points[i], r->collect, r->last);
    }
}


/* Does a step of each exporter; the collection stays until all are done. */

static void
qoe_report_send(qoe_report_t *r, uint64_t now_ms)
{
    size_t  i;
    bool    done;

    done = true;

    for (i = 0; i < r->env->npoints; i++) {
        qoe_points_run(r->env->points[i], now_ms);
        done &= qoe_points_done(r->env->points[i]);
    }

    if (done) {
        qoe_publish(&r->env->self.state->shared->announced_ns,
                    qoe_collect_until_ns(r->collect));
        qoe_report_drop(r, false);
    }
}


static bool
qoe_report_sending(const qoe_report_t *r)
{
    size_t  i;

    for (i = 0; i < r->env->npoints; i++) {
        if (qoe_points_sending(r->env->points[i])) {
            return true;
        }
    }

    return false;
}


static void
qoe_report_drop(qoe_report_t *r, bool stale)
{
    size_t  i;

    for (i = 0; i < r->env->npoints; i++) {
        qoe_points_drop(r->env->points[i], stale);
    }

    qoe_collect_destroy(r->collect);
    r->collect = NULL;
    r->complete = false;
}


static void
qoe_report_nomem(qoe_report_t *r)
{
    qoe_log_limited(r->env->self.log, &r->log_limit, QOE_LOG_ERR,
                    "no memory to collect metrics, the next collection "
                    "includes them");
    qoe_report_drop(r, false);
}
