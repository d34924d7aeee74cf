
/*
 * Copyright (C) OpenQoE
 *
 * The helper thread: its life, its turns and its waits.  qoe_lease.c decides
 * which lanes it holds, qoe_exporter*.c what is done with them.
 */


#ifndef _GNU_SOURCE
#define _GNU_SOURCE              /* pthread_setname_np() */
#endif

#include "qoe_helper_priv.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>


/* How long after drain_ms a thread may take to notice it and return. */
#define QOE_HELPER_GRACE_MS    300

/*
 * At an exit, all that is not sent goes to the spool this long before the end,
 * or earlier if there is more than a slow disk can write in that time, at this
 * number of bytes a ms.
 */
#define QOE_HELPER_SPOOL_MS    500
#define QOE_HELPER_SPOOL_RATE  (64 * 1024)

#define QOE_HELPER_SLICE_NS    100000000     /* the longest allowed */


/* The kernel's first struct sched_attr, which no header declares. */

typedef struct {
    uint32_t             size;
    uint32_t             sched_policy;
    uint64_t             sched_flags;
    int32_t              sched_nice;
    uint32_t             sched_priority;
    uint64_t             sched_runtime;
    uint64_t             sched_deadline;
    uint64_t             sched_period;
} qoe_sched_attr_t;


static bool qoe_helper_join(qoe_helper_t *h, uint64_t until_ms);
static qoe_status_t qoe_helper_spawn(qoe_helper_t *h);
static void qoe_helper_free(qoe_helper_t *h);
static void qoe_helper_nice(const qoe_helper_t *h);
static void *qoe_helper_main(void *data);
static bool qoe_helper_turn(qoe_helper_t *h);
static void qoe_helper_flags(qoe_helper_t *h, uint64_t now);
static void qoe_helper_watch(qoe_helper_t *h, uint64_t now);
static void qoe_helper_hopeless(qoe_helper_t *h, uint64_t now);
static uint64_t qoe_helper_spooling_ms(const qoe_helper_t *h);
static void qoe_helper_work(qoe_helper_t *h, uint64_t now);
static void qoe_helper_commit(qoe_helper_t *h, uint64_t now);
static void qoe_helper_wake(qoe_helper_t *h);
static void qoe_helper_end(qoe_helper_t *h);
static void qoe_helper_wait(qoe_helper_t *h, uint64_t now);
static uint64_t qoe_helper_deadline(qoe_helper_t *h, uint64_t now);


qoe_status_t
qoe_helper_start(qoe_helper_t **helper, const qoe_helper_conf_t *conf)
{
    qoe_helper_t  *h;
    qoe_status_t   rc;

    h = calloc(1, sizeof(qoe_helper_t));
    if (h == NULL) {
        return QOE_NOMEM;
    }

    qoe_arena_init(&h->arena, &qoe_mem_heap, 4096, 1024 * 1024);

    rc = qoe_helper_copy_conf(h, conf);

    if (rc == QOE_OK) {
        h->report = qoe_report_create(&h->report_env);
        rc = (h->report != NULL) ? qoe_helper_spawn(h) : QOE_NOMEM;
    }

    if (rc != QOE_OK) {
        qoe_helper_free(h);
        return rc;
    }

    *helper = h;

    return QOE_OK;
}


qoe_status_t
qoe_helper_stop(qoe_helper_t *h, uint64_t drain_ms)
{
    h->drain_ms = drain_ms;
    qoe_publish(&h->stop, true);
    qoe_net_wakeup(h->net);

    if (!qoe_helper_join(h, qoe_mono_ms() + drain_ms + QOE_HELPER_GRACE_MS)) {
        qoe_lease_late(h);
        return QOE_BUSY;
    }

    pthread_cond_destroy(&h->ended_cond);
    pthread_mutex_destroy(&h->ended_lock);
    qoe_helper_free(h);

    return QOE_OK;
}


/*
 * Waits for the thread until that time of the monotonic clock.  false: it has
 * not ended.  pthread_timedjoin_np() would use the clock of the day, which may
 * jump, and only glibc has pthread_clockjoin_np().
 */

static bool
qoe_helper_join(qoe_helper_t *h, uint64_t until_ms)
{
    bool             ended;
    struct timespec  ts;

    ts.tv_sec = (time_t) (until_ms / 1000);
    ts.tv_nsec = (long) (until_ms % 1000 * 1000000);

    pthread_mutex_lock(&h->ended_lock);

    while (!h->ended
           && pthread_cond_timedwait(&h->ended_cond, &h->ended_lock, &ts) == 0)
    {
        /* void */
    }

    ended = h->ended;

    pthread_mutex_unlock(&h->ended_lock);

    if (ended) {
        pthread_join(h->thread, NULL);
    }

    return ended;
}


void
qoe_helper_reopen(qoe_helper_t *h)
{
    qoe_publish(&h->reopen, true);
    qoe_net_wakeup(h->net);
}


static qoe_status_t
qoe_helper_spawn(qoe_helper_t *h)
{
    int                 err;
    sigset_t            all, old;
    pthread_condattr_t  attr;

    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&h->ended_cond, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&h->ended_lock, NULL);

    /* signals are for nginx's event loop; faults must stay deliverable */

    sigfillset(&all);
    sigdelset(&all, SIGSEGV);
    sigdelset(&all, SIGBUS);
    sigdelset(&all, SIGFPE);
    sigdelset(&all, SIGILL);
    sigdelset(&all, SIGABRT);

    pthread_sigmask(SIG_SETMASK, &all, &old);
    err = pthread_create(&h->thread, NULL, qoe_helper_main, h);
    pthread_sigmask(SIG_SETMASK, &old, NULL);

    if (err != 0) {
        qoe_log(&h->conf.log, QOE_LOG_ERR,
                "pthread_create() failed (%d)", err);
        return QOE_ERROR;
    }

    pthread_setname_np(h->thread, "openqoe");

    return QOE_OK;
}


static void
qoe_helper_free(qoe_helper_t *h)
{
    size_t  i;

    for (i = 0; i < h->nexporters; i++) {
        qoe_exporter_abort(&h->exporter[i]);
    }

    if (h->report != NULL) {
        qoe_report_destroy(h->report);
    }

    for (i = 0; i < h->nexporters; i++) {
        qoe_exporter_destroy(&h->exporter[i]);
    }

    if (h->net != NULL) {
        qoe_net_destroy(h->net);
    }

    qoe_arena_free(&h->intake.scratch);
    qoe_arena_free(&h->env.scratch);
    qoe_arena_free(&h->arena);
    free(h);
}


/*
 * The event loop comes first: if both want a core, it gets the larger share,
 * and does not wait when it wakes.  A thread of SCHED_BATCH does not preempt
 * others.  From Linux 6.12 on (EEVDF), a thread with a shorter slice preempts
 * one that asked for a longer; older kernels ignore sched_runtime for this
 * policy.  A file served beside 10,000 events/s had a p99 of 1 to 4 ms without
 * this, and 0.5 ms with it.  A pid of 0 is the calling thread.
 */

static void
qoe_helper_nice(const qoe_helper_t *h)
{
    int               prio;
    qoe_sched_attr_t  attr;

    if (h->conf.nice == 0) {
        return;
    }

    prio = getpriority(PRIO_PROCESS, 0) + h->conf.nice;

    memset(&attr, 0, sizeof(qoe_sched_attr_t));
    attr.size = sizeof(qoe_sched_attr_t);
    attr.sched_policy = SCHED_BATCH;
    attr.sched_nice = qoe_min(prio, 19);
    attr.sched_runtime = QOE_HELPER_SLICE_NS;

    if (syscall(SYS_sched_setattr, 0, &attr, 0) != 0) {
        qoe_log(&h->conf.log, QOE_LOG_WARN, "sched_setattr(%d) failed (%d)",
                (int) attr.sched_nice, errno);
    }
}


static void *
qoe_helper_main(void *data)
{
    qoe_helper_t  *h = data;

    qoe_helper_nice(h);

    while (qoe_helper_turn(h)) {
        /* void */
    }

    pthread_mutex_lock(&h->ended_lock);
    h->ended = true;
    pthread_cond_signal(&h->ended_cond);
    pthread_mutex_unlock(&h->ended_lock);

    return NULL;
}


/* One turn: look, send, sleep.  false: the thread must end. */

static bool
qoe_helper_turn(qoe_helper_t *h)
{
    uint64_t  now;

    now = qoe_mono_ms();

    qoe_helper_flags(h, now);
    qoe_helper_watch(h, now);
    qoe_lease_update(h, now);
    qoe_helper_work(h, now);
    qoe_report_run(h->report, now);

    /* read the clock again: the turn may have lasted past spooling_ms */

    if (h->leaving_ms != 0
        && ((qoe_mono_ms() >= h->leaving_ms && h->env.spooling)
            || qoe_lease_finished(h, now)))
    {
        qoe_helper_end(h);
        return false;
    }

    qoe_helper_wait(h, now);

    return true;
}


/* Acts on the flags that the event loop sets. */

static void
qoe_helper_flags(qoe_helper_t *h, uint64_t now)
{
    size_t  i;

    if (qoe_acquire(&h->stop) && h->leaving_ms == 0) {

        /* from here on every request must end by leaving_ms */

        h->leaving_ms = now + h->drain_ms;
        h->env.leaving = true;

        for (i = 0; i < h->nexporters; i++) {
            h->exporter[i].retry.not_before_ms = 0;
            qoe_transport_deadline(h->exporter[i].transport, h->drain_ms);
        }
    }

    if (h->leaving_ms != 0) {
        h->spooling_ms = qoe_helper_spooling_ms(h);
        h->env.spooling = (now >= h->spooling_ms);
        qoe_helper_hopeless(h, now);
    }

    if (qoe_acquire(&h->reopen)) {
        qoe_publish(&h->reopen, false);

        for (i = 0; i < h->nexporters; i++) {
            qoe_transport_reopen(h->exporter[i].transport);
        }
    }
}


/* Looks at the files of dimensions. */

static void
qoe_helper_watch(qoe_helper_t *h, uint64_t now)
{
    qoe_watch_found_t  found;

    if (h->leaving_ms != 0) {
        return;
    }

    qoe_watch_run(&h->watch, now, &found);

    if (found.read + found.failed == 0) {
        return;
    }

    qoe_zone_count(h->conf.zone, h->conf.worker, QOE_COUNT_LISTS_READ,
                   found.read);
    qoe_zone_count(h->conf.zone, h->conf.worker, QOE_COUNT_LISTS_FAILED,
                   found.failed);
}


/*
 * At an exit with an open circuit the events go to the spool, and metrics
 * alone are no reason to wait.
 */

static void
qoe_helper_hopeless(qoe_helper_t *h, uint64_t now)
{
    size_t           i;
    qoe_exporter_t  *e;

    for (i = 0; i < h->nexporters; i++) {
        e = &h->exporter[i];

        if (e->points != NULL && e->spool != NULL
            && qoe_exporter_open(e, now))
        {
            qoe_points_hopeless(e->points);
        }
    }
}


/* When to begin to write to the spools, so that all is written in time. */

static uint64_t
qoe_helper_spooling_ms(const qoe_helper_t *h)
{
    size_t             i, k;
    uint64_t           bytes, ms;
    const qoe_held_t  *held;

    bytes = 0;

    for (i = 0; i < h->env.nheld; i++) {
        held = h->env.held[i];

        for (k = 0; k < held->nfeeds; k++) {
            if (held->feed[k] != NULL && h->exporter[k].spool != NULL) {
                bytes += qoe_feed_lag(held->feed[k]);
            }
        }
    }

    ms = qoe_min(h->drain_ms / 3, (uint64_t) QOE_HELPER_SPOOL_MS);
    ms = qoe_max(ms, bytes / QOE_HELPER_SPOOL_RATE);

    return h->leaving_ms - qoe_min(ms, h->drain_ms);
}


static void
qoe_helper_work(qoe_helper_t *h, uint64_t now)
{
    size_t  i;

    h->more = false;

    if (!h->handing_over) {

        for (i = 0; i < h->env.nheld; i++) {
            qoe_held_run(h->env.held[i], now, h->leaving_ms != 0);
        }

        qoe_helper_commit(h, now);
    }

    /* writing may have taken long, and answers are waited for from now on */

    now = qoe_mono_ms();

    for (i = 0; i < h->nexporters; i++) {
        h->more |= qoe_exporter_run(&h->exporter[i], now);
    }

    qoe_helper_wake(h);
}


/* Stores what requests wait for: one write for all of them, and one sync. */

static void
qoe_helper_commit(qoe_helper_t *h, uint64_t now)
{
    size_t       i;
    uint64_t     asked;
    qoe_held_t  *held;

    for (i = 0; i < h->env.nheld; i++) {
        held = h->env.held[i];
        asked = qoe_lane_asked(h->conf.zone, held->lane, QOE_ACK_SPOOL);
        held->asked = qoe_min(asked, qoe_intake_pos(held->intake));
    }

    for (i = 0; i < h->nexporters; i++) {
        h->more |= qoe_exporter_commit(&h->exporter[i], now);
    }

    qoe_helper_wake(h);
}


/* Wakes those who wait for what was stored or released. */

static void
qoe_helper_wake(qoe_helper_t *h)
{
    size_t    i;
    uint32_t  w;
    uint64_t  set, one;

    set = 0;
    one = 1;

    for (i = 0; i < h->env.nheld; i++) {
        set |= qoe_held_waiters(h->env.held[i]);
    }

    for (w = 0; w < h->conf.nwaiters && set != 0; w++, set >>= 1) {

        /* EAGAIN is as good: a full eventfd wakes as well */

        while ((set & 1) != 0
               && write(h->conf.waiter_fd[w], &one, sizeof(one)) == -1
               && errno == EINTR)
        {
            /* void */
        }
    }
}


static void
qoe_helper_end(qoe_helper_t *h)
{
    size_t  i;

    for (i = 0; i < h->nexporters; i++) {
        qoe_exporter_abort(&h->exporter[i]);
    }

    qoe_report_destroy(h->report);
    h->report = NULL;

    qoe_lease_close(h);
}


static void
qoe_helper_wait(qoe_helper_t *h, uint64_t now)
{
    int       fds[QOE_LANES_MAX];
    bool      more;
    size_t    i, nfds;
    int64_t   timeout;
    uint64_t  deadline, value;

    more = h->more;
    nfds = h->env.nheld;

    for (i = 0; i < nfds; i++) {
        fds[i] = h->conf.lane_fd[h->env.held[i]->lane];

        if (!h->handing_over) {
            more |= qoe_held_arm(h->env.held[i]);
        }
    }

    deadline = qoe_helper_deadline(h, now);
    now = qoe_mono_ms();

    if (more || deadline <= now) {
        timeout = 0;

    } else {
        timeout = (deadline == UINT64_MAX) ? -1 : (int64_t) (deadline - now);
    }

    /* no entry is read that was not set: there are nfds of them */
    /* cppcheck-suppress uninitvar */
    qoe_net_wait(h->net, fds, nfds, timeout);

    /* level-triggered: if not emptied, they would end the next wait at once */

    for (i = 0; i < nfds; i++) {
        while (read(fds[i], &value, sizeof(value)) == -1 && errno == EINTR) {
            /* void */
        }
    }

    for (i = 0; i < h->env.nheld; i++) {
        qoe_held_disarm(h->env.held[i]);
    }
}


/* The monotonic ms of the next thing to do that no descriptor announces. */

static uint64_t
qoe_helper_deadline(qoe_helper_t *h, uint64_t now)
{
    size_t    i;
    uint64_t  at;

    at = qoe_min(h->lease_ms, qoe_report_due_ms(h->report));

    if (h->leaving_ms != 0) {
        at = qoe_min(at, h->env.spooling ? h->leaving_ms : h->spooling_ms);

    } else {
        at = qoe_min(at, qoe_watch_due_ms(&h->watch));
    }

    for (i = 0; i < h->env.nheld && !h->handing_over; i++) {
        at = qoe_min(at, qoe_held_due_ms(h->env.held[i], now));
    }

    for (i = 0; i < h->nexporters; i++) {
        at = qoe_min(at, qoe_exporter_due_ms(&h->exporter[i], now));
    }

    return at;
}
