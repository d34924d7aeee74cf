
/*
 * Copyright (C) OpenQoE
 *
 * A helper in a zone whose lanes are held by others or by no process, for the
 * tests of leases.  The clock, and what lanes and exporters say, is the test's.
 */


#ifndef _LEASE_TURN_UNIT_H_INCLUDED_
#define _LEASE_TURN_UNIT_H_INCLUDED_


#include "tap.h"
#include "qoe_helper_priv.h"
#include "zone_unit.h"

#include <sys/wait.h>
#include <unistd.h>


static uint64_t  clock_ms;

#define qoe_mono_ms()  clock_ms
#include "qoe_lease.c"
#include "qoe_lease_end.c"


#define LANES   4
#define OTHER   ((qoe_proc_t) 1 << 32)   /* init, which lives */


struct qoe_transport_s {
    uint64_t           deadline_ms;
};


static struct {
    bool               sending[LANES];
    bool               blocked[LANES];
    bool               filled[LANES];
    bool               leaves[LANES];    /* there are records to put */
    bool               nomem;
    int                adopted;          /* lanes, of those that were made */
    int                takes;            /* of the report's lease */
    bool               report_sends;
    bool               report_busy;
    bool               report_held;      /* by another helper */
    uint64_t           last_ns;
    int                opened;
    int                closed;
    bool               busy;             /* the exporter */
    bool               serves;
    qoe_feed_env_t    *fed;              /* of the last lane that was made */
    uint32_t           others;
    bool               here;             /* the owner is another helper */
    int                gone;
    int                rows;
} says[1];

static qoe_helper_t            h;
static qoe_conf_t              conf;
static qoe_zone_t             *zone;
static qoe_held_t              helds[LANES];
static struct qoe_transport_s  wire;
static qoe_proc_t              dead;
static uint64_t                lost;
static char                    logged[512];


void
qoe_row_update(qoe_helper_t *of, uint64_t now)
{
    (void) of;
    (void) now;
    says->rows++;
}


void
qoe_transport_deadline(qoe_transport_t *t, uint64_t ms)
{
    t->deadline_ms = ms;
}


void
qoe_report_take(qoe_report_t *r)
{
    (void) r;
    says->takes++;
}


bool
qoe_report_give(qoe_report_t *r)
{
    (void) r;

    return !says->report_sends;
}


bool
qoe_report_last(qoe_report_t *r, uint64_t since_ns)
{
    (void) r;
    says->last_ns = since_ns;

    return !says->report_held;
}


bool
qoe_report_idle(const qoe_report_t *r)
{
    (void) r;

    return !says->report_busy;
}


void
qoe_exporter_open_spool(qoe_exporter_t *e)
{
    (void) e;
    says->opened++;
}


void
qoe_exporter_close_spool(qoe_exporter_t *e)
{
    (void) e;
    says->closed++;
}


bool
qoe_exporter_serves(const qoe_exporter_t *e)
{
    (void) e;

    return says->serves;
}


bool
qoe_exporter_idle(const qoe_exporter_t *e, uint64_t now_ms)
{
    (void) e;
    (void) now_ms;

    return !says->busy;
}


qoe_held_t *
qoe_held_create(qoe_intake_env_t *intake, qoe_feed_env_t *const *env,
    size_t n, uint32_t lane, bool adopted)
{
    (void) intake;

    if (says->nomem || n != 1) {
        return NULL;
    }

    says->fed = env[0];
    says->adopted += adopted;
    helds[lane].lane = lane;

    return &helds[lane];
}


void
qoe_held_destroy(qoe_held_t *held)
{
    held->more = true;
}


bool
qoe_held_sending(const qoe_held_t *held)
{
    return says->sending[held->lane];
}


bool
qoe_held_blocked(const qoe_held_t *held)
{
    return says->blocked[held->lane];
}


bool
qoe_held_empty(const qoe_held_t *held)
{
    return !says->filled[held->lane];
}


bool
qoe_intake_leave(qoe_intake_t *in)
{
    return says->leaves[(uintptr_t) in - 1];
}


void
qoe_self_worker_gone(qoe_self_t *t, qoe_proc_t proc)
{
    (void) t;
    says->gone += (proc == self);
}


void
qoe_self_workers(const qoe_self_t *t, uint64_t now_ms, uint64_t age_ms,
    qoe_workers_t *w)
{
    (void) t;
    memset(w, 0, sizeof(*w));
    w->helpers = (now_ms == clock_ms && age_ms == 15000) ? says->others : 99;
}


bool
qoe_self_worker_here(const qoe_self_t *t, qoe_proc_t proc)
{
    (void) t;

    return says->here && proc == OTHER;
}


static void
note(void *ctx, qoe_log_level_t level, const char *text, size_t len)
{
    (void) ctx;
    (void) level;
    snprintf(logged, sizeof(logged), "%.*s", (int) len, text);
}


/* Whose the lane is, and when it was taken or given. */

static inline void
lane_of(uint32_t lane, qoe_proc_t owner, uint64_t ms)
{
    qoe_zone_lane(zone, lane)->owner = owner;
    qoe_zone_lane(zone, lane)->lease_ms = ms;
}


/* Worker 1 of 2, at 100,000 ms; all lanes are those of another helper. */

static inline void
begin(void)
{
    uint32_t  lane;

    memset(says, 0, sizeof(says));
    memset(&h, 0, sizeof(h));
    memset(&conf, 0, sizeof(conf));
    memset(helds, 0, sizeof(helds));
    memset(&wire, 0, sizeof(wire));
    logged[0] = '\0';
    lost = 0;
    clock_ms = 100000;

    zone = zone_new(LANES);

    for (lane = 0; lane < LANES; lane++) {
        lane_of(lane, OTHER, 0);
        helds[lane].intake = (qoe_intake_t *) (uintptr_t) (lane + 1);
    }

    h.conf.zone = zone;
    h.conf.worker = 1;
    h.conf.workers = 2;
    h.conf.drain_ms = 3000;
    h.conf.generation = qoe_zone_generation(zone);
    h.conf.lost = &lost;
    h.conf.log = (qoe_log_t) { note, NULL, QOE_LOG_DEBUG };
    h.intake.conf = &conf;
    h.nexporters = 1;
    h.exporter[0].transport = &wire;
    h.self = self;
}


/* The lanes that are held, as a number with a bit for each. */

static inline unsigned
holds(void)
{
    unsigned  set;
    uint32_t  lane;

    for (lane = 0, set = 0; lane < LANES; lane++) {
        set |= (unsigned) qoe_lease_holds(&h, lane) << lane;

        if (qoe_lease_holds(&h, lane)
            != (qoe_zone_lane(zone, lane)->owner == self))
        {
            return 99;
        }
    }

    return set;
}


static inline void
update(uint64_t now)
{
    clock_ms = now;
    qoe_lease_update(&h, now);
}


/* An identity of this process, and one of a process that has ended. */

static inline void
begin_all(void)
{
    pid_t  pid;

    pid = fork();

    if (pid == 0) {
        _exit(0);
    }

    waitpid(pid, NULL, 0);
    dead = (qoe_proc_t) pid << 32 | 1;
    self = qoe_proc_self();
}


#endif /* _LEASE_TURN_UNIT_H_INCLUDED_ */
