
/*
 * Copyright (C) OpenQoE
 *
 * A helper whose lanes, exporters, metrics, leases and clock are the test's:
 * each says what the test wants, and notes that it was called.
 */


#ifndef _HELPER_TURN_UNIT_H_INCLUDED_
#define _HELPER_TURN_UNIT_H_INCLUDED_


#ifndef _GNU_SOURCE
#define _GNU_SOURCE              /* pthread_getname_np() */
#endif

#include "tap.h"
#include "qoe_helper_priv.h"

#include <sys/eventfd.h>


#define HELD       2
#define EXPORTERS  2
#define LANE       3                     /* of held 0; the next has the next */


static uint64_t  test_clock(void);

#define qoe_mono_ms()  test_clock()
#include "qoe_helper.c"


struct qoe_transport_s {
    uint64_t           deadline_ms;
    int                deadlines;
    int                reopened;
};

struct qoe_intake_s {
    uint64_t           pos;
};

struct qoe_report_s {
    int                unused;
};


/* What the functions say, and what was asked of them. */

static struct {
    bool               flush[HELD];
    uint64_t           run_ms[HELD];
    uint64_t           asked[HELD];      /* of the lane */
    uint64_t           waiters[HELD];
    bool               armed[HELD];
    bool               arms[HELD];       /* there is something to do */
    uint64_t           due_ms[HELD];
} lanes[1];

static struct {
    uint64_t           run_ms[EXPORTERS];
    uint64_t           commit_ms[EXPORTERS];
    uint64_t           due_ms[EXPORTERS];
    bool               runs[EXPORTERS];  /* there is more */
    bool               commits[EXPORTERS];
    bool               open[EXPORTERS];
    int                aborted;
    int                destroyed;
} out[1];

static struct {
    uint64_t           clock_ms;         /* 0: the real one */
    uint64_t           after_ms;         /* from the first exporter's commit
                                            on; 0: as before */
    char               calls[512];
    qoe_watch_found_t  found;
    uint64_t           watch_due_ms;
    uint64_t           report_due_ms;
    uint64_t           counted[2];       /* lists read and failed */
    bool               finished;
    bool               late;
    bool               no_report;
    bool               hangs;
    int                hopeless[EXPORTERS];
    int                destroyed;        /* reports and nets */
    int64_t            timeout;
    int                fds[8];
    size_t             nfds;
    qoe_status_t       copied;
    sigset_t           mask;             /* of the thread */
    char               name[16];
    int                nice;
    int                policy;
    bool               seen;             /* both are */
} is[1];

static qoe_helper_t            h;
static qoe_held_t              held[HELD];
static struct qoe_intake_s     intake[HELD];
static struct qoe_transport_s  wire[EXPORTERS];
static struct qoe_report_s     the_report;
static qoe_feed_t              feeds[HELD][EXPORTERS];
static uint64_t                lag[HELD][EXPORTERS];
static int                     lane_fd[8], waiter_fd[4];


static uint64_t
test_clock(void)
{
    struct timespec  ts;

    if (is->clock_ms != 0) {
        return is->clock_ms;
    }

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000 + (uint64_t) ts.tv_nsec / 1000000;
}


static void
called(const char *name)
{
    if (strlen(is->calls) + strlen(name) + 2 < sizeof(is->calls)) {
        strcat(is->calls, name);
        strcat(is->calls, " ");
    }
}


qoe_status_t
qoe_helper_copy_conf(qoe_helper_t *to, const qoe_helper_conf_t *conf)
{
    to->conf = *conf;

    return is->copied;
}


qoe_report_t *
qoe_report_create(qoe_report_env_t *env)
{
    (void) env;

    return is->no_report ? NULL : &the_report;
}


void
qoe_report_destroy(qoe_report_t *r)
{
    called("report_destroy");
    is->destroyed += (r == &the_report);
}


void
qoe_report_run(qoe_report_t *r, uint64_t now_ms)
{
    (void) r;
    (void) now_ms;
    called("report");
}


uint64_t
qoe_report_due_ms(const qoe_report_t *r)
{
    (void) r;

    return is->report_due_ms;
}


void
qoe_net_wakeup(qoe_net_t *net)
{
    (void) net;
}


void
qoe_net_destroy(qoe_net_t *net)
{
    (void) net;
    is->destroyed += 100;
}


void
qoe_net_wait(qoe_net_t *net, const int *fds, size_t nfds, int64_t timeout_ms)
{
    (void) net;
    called("wait");
    is->timeout = timeout_ms;
    is->nfds = nfds;
    memcpy(is->fds, fds, nfds * sizeof(int));

    if (is->clock_ms == 0) {
        usleep(1000);
    }
}


void
qoe_lease_update(qoe_helper_t *of, uint64_t now)
{
    (void) of;
    (void) now;
    called("lease");

    if (is->clock_ms == 0 && !is->seen) {
        pthread_sigmask(SIG_SETMASK, NULL, &is->mask);
        pthread_getname_np(pthread_self(), is->name, sizeof(is->name));
        is->nice = getpriority(PRIO_PROCESS, 0);
        is->policy = sched_getscheduler(0);
        __atomic_store_n(&is->seen, strcmp(is->name, "openqoe") == 0,
                         __ATOMIC_RELEASE);
    }

    while (__atomic_load_n(&is->hangs, __ATOMIC_ACQUIRE)) {
        usleep(1000);
    }
}


bool
qoe_lease_finished(qoe_helper_t *of, uint64_t now)
{
    (void) of;
    (void) now;

    return is->finished;
}


void
qoe_lease_close(qoe_helper_t *of)
{
    (void) of;
    called("close");
}


void
qoe_lease_late(qoe_helper_t *of)
{
    (void) of;
    is->late = true;
}


void
qoe_exporter_abort(qoe_exporter_t *e)
{
    (void) e;
    out->aborted++;
}


void
qoe_exporter_destroy(qoe_exporter_t *e)
{
    (void) e;
    out->destroyed++;
}


bool
qoe_exporter_open(const qoe_exporter_t *e, uint64_t now_ms)
{
    (void) now_ms;

    return out->open[e->index];
}


bool
qoe_exporter_commit(qoe_exporter_t *e, uint64_t now_ms)
{
    called("commit");
    out->commit_ms[e->index] = now_ms;
    is->clock_ms = is->after_ms != 0 ? is->after_ms : is->clock_ms;

    return out->commits[e->index];
}


bool
qoe_exporter_run(qoe_exporter_t *e, uint64_t now_ms)
{
    called("send");
    out->run_ms[e->index] = now_ms;

    return out->runs[e->index];
}


uint64_t
qoe_exporter_due_ms(const qoe_exporter_t *e, uint64_t now_ms)
{
    (void) now_ms;

    return out->due_ms[e->index];
}


void
qoe_transport_deadline(qoe_transport_t *t, uint64_t ms)
{
    t->deadline_ms = ms;
    t->deadlines++;
}


void
qoe_transport_reopen(qoe_transport_t *t)
{
    t->reopened++;
}


void
qoe_watch_run(qoe_watch_t *w, uint64_t now_ms, qoe_watch_found_t *found)
{
    (void) w;
    (void) now_ms;
    called("watch");
    *found = is->found;
}


uint64_t
qoe_watch_due_ms(const qoe_watch_t *w)
{
    (void) w;

    return is->watch_due_ms;
}


void
qoe_zone_count(qoe_zone_t *zone, uint32_t slot, qoe_counter_t c, uint64_t n)
{
    (void) zone;

    if (slot != 7) {
        abort();
    }

    is->counted[c == QOE_COUNT_LISTS_FAILED] += n;
}


void
qoe_points_hopeless(qoe_points_dest_t *p)
{
    is->hopeless[(uintptr_t) p - 1]++;
}


uint64_t
qoe_feed_lag(const qoe_feed_t *feed)
{
    return lag[feed->lane][feed - feeds[feed->lane]];
}


static size_t
of(const qoe_held_t *which)
{
    return (size_t) (which - held);
}


void
qoe_held_run(qoe_held_t *which, uint64_t now_ms, bool flush)
{
    called("run");
    lanes->run_ms[of(which)] = now_ms;
    lanes->flush[of(which)] = flush;
}


uint64_t
qoe_held_waiters(qoe_held_t *which)
{
    return lanes->waiters[of(which)];
}


bool
qoe_held_arm(qoe_held_t *which)
{
    lanes->armed[of(which)] = true;
    called("arm");

    return lanes->arms[of(which)];
}


void
qoe_held_disarm(qoe_held_t *which)
{
    lanes->armed[of(which)] = false;
    called("disarm");
}


uint64_t
qoe_held_due_ms(const qoe_held_t *which, uint64_t now_ms)
{
    (void) now_ms;

    return lanes->due_ms[of(which)];
}


uint64_t
qoe_lane_asked(const qoe_zone_t *zone, uint32_t lane, qoe_ack_t ack)
{
    (void) zone;

    return ack == QOE_ACK_SPOOL ? lanes->asked[lane - LANE] : 0;
}


uint64_t
qoe_intake_pos(const qoe_intake_t *in)
{
    return in->pos;
}


/* A helper at 100,000 ms that has nothing to do for ever. */

static void
begin(void)
{
    size_t  i, k;

    memset(lanes, 0, sizeof(lanes));
    memset(out, 0, sizeof(out));
    memset(is, 0, sizeof(is));
    memset(&h, 0, sizeof(h));
    memset(held, 0, sizeof(held));
    memset(wire, 0, sizeof(wire));
    memset(lag, 0, sizeof(lag));

    is->clock_ms = 100000;
    is->watch_due_ms = is->report_due_ms = UINT64_MAX;
    h.lease_ms = UINT64_MAX;
    h.report = &the_report;
    h.conf.worker = 7;
    h.conf.lane_fd = lane_fd;
    h.conf.waiter_fd = waiter_fd;
    h.conf.nwaiters = 3;
    h.drain_ms = 3000;
    h.nexporters = EXPORTERS;
    h.env.nheld = HELD;

    for (i = 0; i < HELD; i++) {
        h.env.held[i] = &held[i];
        held[i].lane = (uint32_t) (LANE + i);
        held[i].intake = &intake[i];
        held[i].nfeeds = EXPORTERS;
        intake[i].pos = 50;
        lanes->due_ms[i] = UINT64_MAX;

        for (k = 0; k < EXPORTERS; k++) {
            held[i].feed[k] = &feeds[i][k];
            feeds[i][k].lane = (uint32_t) i;
        }
    }

    for (i = 0; i < EXPORTERS; i++) {
        h.exporter[i].index = i;
        h.exporter[i].transport = &wire[i];
        h.exporter[i].retry.not_before_ms = 9;
        out->due_ms[i] = UINT64_MAX;
    }
}


#endif /* _HELPER_TURN_UNIT_H_INCLUDED_ */
