
/*
 * Copyright (C) OpenQoE
 *
 * The helper thread: its life, its waits, and the sending of batches.
 * Which lanes it holds is decided in qoe_lease.c.
 */


#ifndef _GNU_SOURCE
#define _GNU_SOURCE              /* pthread_clockjoin_np() */
#endif

#include "qoe_helper_priv.h"
#include "qoe_outcome.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>


/* Past drain_ms, what a thread needs to notice and to return. */
#define QOE_HELPER_GRACE_MS    300

#define qoe_flag(p)            __atomic_load_n(p, __ATOMIC_ACQUIRE)
#define qoe_flag_set(p, v)     __atomic_store_n(p, v, __ATOMIC_RELEASE)


static qoe_status_t qoe_helper_spawn(qoe_helper_t *h);
static void qoe_helper_free(qoe_helper_t *h);
static void *qoe_helper_main(void *data);
static bool qoe_helper_turn(qoe_helper_t *h);
static void qoe_helper_leave(qoe_helper_t *h, uint64_t now);
static void qoe_helper_send(qoe_helper_t *h, uint64_t now);
static qoe_export_batch_t *qoe_helper_next(qoe_helper_t *h);
static void qoe_helper_done(void *data, const qoe_outcome_t *o);
static void qoe_helper_taken(qoe_helper_t *h, qoe_export_batch_t *b,
    const qoe_outcome_t *o);
static void qoe_helper_answered(qoe_helper_t *h, const char *error);
static void qoe_helper_failed(qoe_helper_t *h, qoe_export_batch_t *b,
    const qoe_outcome_t *o);
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
        rc = qoe_transport_create(&h->transport, h->net, &conf->transport,
                                  &h->conf.log);
    }

    if (rc == QOE_OK) {
        h->env.encoding = qoe_transport_encoding(h->transport);
        h->report_env.transport = h->transport;
        h->report_env.send = conf->transport.url[QOE_SIGNAL_METRICS].len != 0;

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
    uint64_t         ms;
    struct timespec  ts;

    h->drain_ms = drain_ms;
    qoe_flag_set(&h->stop, true);
    qoe_net_wakeup(h->net);

    ms = qoe_mono_ms() + drain_ms + QOE_HELPER_GRACE_MS;
    ts.tv_sec = (time_t) (ms / 1000);
    ts.tv_nsec = (long) (ms % 1000 * 1000000);

    if (pthread_clockjoin_np(h->thread, NULL, CLOCK_MONOTONIC, &ts) != 0) {
        return QOE_BUSY;
    }

    qoe_helper_free(h);

    return QOE_OK;
}


void
qoe_helper_reopen(qoe_helper_t *h)
{
    qoe_flag_set(&h->reopen, true);
    qoe_net_wakeup(h->net);
}


static qoe_status_t
qoe_helper_spawn(qoe_helper_t *h)
{
    int       err;
    sigset_t  all, old;

    /* nginx's signals are for its event loop; faults stay deliverable */

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
    if (h->report != NULL) {
        qoe_report_destroy(h->report);
    }

    if (h->transport != NULL) {
        qoe_transport_destroy(h->transport);
    }

    if (h->net != NULL) {
        qoe_net_destroy(h->net);
    }

    qoe_arena_free(&h->env.intake.scratch);
    qoe_arena_free(&h->env.scratch);
    qoe_arena_free(&h->arena);
    free(h);
}


static void *
qoe_helper_main(void *data)
{
    qoe_helper_t  *h = data;

    while (qoe_helper_turn(h)) {
        /* void */
    }

    return NULL;
}


/* One turn: look, send, sleep.  False at the end of the thread. */

static bool
qoe_helper_turn(qoe_helper_t *h)
{
    size_t    i;
    uint64_t  now;

    now = qoe_mono_ms();

    if (qoe_flag(&h->stop) && h->leaving_ms == 0) {
        qoe_helper_leave(h, now);
    }

    if (qoe_flag(&h->reopen)) {
        qoe_flag_set(&h->reopen, false);
        qoe_transport_reopen(h->transport);
    }

    qoe_lease_update(h, now);

    for (i = 0; i < h->nfeeds; i++) {
        if (!h->handing_over) {
            qoe_feed_run(h->feed[i], now, h->leaving_ms != 0);
        }
    }

    qoe_helper_send(h, now);

    qoe_report_run(h->report, now);

    if (h->leaving_ms != 0
        && (now >= h->leaving_ms || qoe_lease_finished(h)))
    {
        qoe_transport_destroy(h->transport);
        h->transport = NULL;
        qoe_report_destroy(h->report);
        h->report = NULL;
        qoe_lease_close(h);
        return false;
    }

    qoe_helper_wait(h, now);

    return true;
}


/* The exit begins: whatever is done from here on ends at leaving_ms. */

static void
qoe_helper_leave(qoe_helper_t *h, uint64_t now)
{
    h->leaving_ms = now + h->drain_ms;
    h->retry.not_before_ms = 0;
    qoe_transport_deadline(h->transport, h->drain_ms);
}


static void
qoe_helper_send(qoe_helper_t *h, uint64_t now)
{
    qoe_export_batch_t  *b;

    while (h->sending < QOE_HELPER_WINDOW && qoe_retry_due(&h->retry, now)) {

        /* a destination that fails is tried with one batch at a time */

        if (h->retry.failures != 0 && h->sending != 0) {
            return;
        }

        b = qoe_helper_next(h);
        if (b == NULL) {
            return;
        }

        if (qoe_transport_send(h->transport, QOE_SIGNAL_LOGS,
                               (qoe_span_t) { b->payload.data,
                                              b->payload.len },
                               qoe_helper_done, b)
            != QOE_OK)
        {
            qoe_log_limited(&h->conf.log, &h->log_limit, QOE_LOG_ERR,
                            "no memory to send a batch, "
                            "trying again");
            h->retry.not_before_ms = now + QOE_BACKOFF_MIN_MS;
            return;
        }

        b->state = QOE_BATCH_SENDING;
        h->sending++;

        if (h->handing_over) {
            qoe_transport_deadline(h->transport, h->hand_over_ms
                                   - qoe_min(now, h->hand_over_ms));
        }
    }
}


/* In turn, so that a lane with much to send does not starve another. */

static qoe_export_batch_t *
qoe_helper_next(qoe_helper_t *h)
{
    size_t               i;
    qoe_export_batch_t  *b;

    for (i = 0; i < h->nfeeds; i++) {
        h->turn = (h->turn + 1) % h->nfeeds;

        if (h->handing_over && !qoe_feed_blocked(h->feed[h->turn])) {
            continue;
        }

        b = qoe_feed_ready(h->feed[h->turn]);

        if (b != NULL) {
            return b;
        }
    }

    return NULL;
}


/* The answer to a batch; runs in qoe_net_wait(). */

static void
qoe_helper_done(void *data, const qoe_outcome_t *o)
{
    qoe_helper_t        *h;
    qoe_export_batch_t  *b = data;

    h = (qoe_helper_t *) ((char *) b->feed->env - offsetof(qoe_helper_t, env));

    h->sending--;

    qoe_report_attempt(&h->report_env, o);

    if (o->kind == QOE_OUTCOME_OK) {
        qoe_helper_taken(h, b, o);

    } else {
        qoe_helper_failed(h, b, o);
    }

    qoe_feed_release(b->feed);
}


static void
qoe_helper_taken(qoe_helper_t *h, qoe_export_batch_t *b,
    const qoe_outcome_t *o)
{
    size_t  sent;

    b->state = QOE_BATCH_DONE;
    sent = b->count - b->bad;
    b->rejected = (size_t) qoe_outcome_rejected(o, sent);

    qoe_zone_count(h->env.zone, h->env.slot, QOE_COUNT_BATCHES_SENT, 1);
    qoe_report_exported(&h->report_env, QOE_SIGNAL_LOGS, sent - b->rejected,
                        NULL);
    qoe_report_exported(&h->report_env, QOE_SIGNAL_LOGS, b->rejected,
                        "rejected");

    if (b->rejected != 0) {
        qoe_log_limited(&h->conf.log, &h->log_limit, QOE_LOG_WARN,
                        "the collector rejected %zu of %zu events: %s",
                        b->rejected, sent, o->message);
    }

    if (h->retry.failures != 0) {
        qoe_log(&h->conf.log, QOE_LOG_NOTICE,
                "the collector takes events again, after %llu "
                "failures", (unsigned long long) h->retry.failures);
    }

    qoe_helper_answered(h, NULL);
}


/*
 * The destination answers, be it with a refusal: no lane is failing, busy or
 * not.
 */

static void
qoe_helper_answered(qoe_helper_t *h, const char *error)
{
    size_t    i;
    uint64_t  now;

    now = qoe_unix_ns() / 1000000;

    for (i = 0; i < h->nfeeds; i++) {
        qoe_lane_report(h->env.zone, h->feed[i]->lane, now, error, false);
    }

    qoe_retry_succeeded(&h->retry);
}


static void
qoe_helper_failed(qoe_helper_t *h, qoe_export_batch_t *b,
    const qoe_outcome_t *o)
{
    const char  *error;

    error = qoe_outcome_error(o);

    if (o->kind == QOE_OUTCOME_FINAL) {
        b->state = QOE_BATCH_DONE;
        b->refused = b->count - b->bad;

        qoe_report_exported(&h->report_env, QOE_SIGNAL_LOGS, b->refused,
                            o->error_type);
        qoe_helper_answered(h, error);
        qoe_zone_refused(h->env.zone, qoe_mono_ms());

        qoe_zone_count(h->env.zone, h->env.slot, QOE_COUNT_BATCHES_FAILED, 1);
        qoe_log_limited(&h->conf.log, &h->log_limit, QOE_LOG_ERR,
                        "%zu events dropped, the collector refused "
                        "them for good: %s", b->refused, error);
        return;
    }

    qoe_lane_report(h->env.zone, b->feed->lane, qoe_unix_ns() / 1000000,
                    error, true);

    b->state = QOE_BATCH_READY;

    qoe_retry_failed(&h->retry, qoe_mono_ms(), o->retry_after_ms,
                     h->leaving_ms != 0);

    qoe_zone_count(h->env.zone, h->env.slot, QOE_COUNT_BATCHES_RETRIED, 1);
    qoe_log_limited(&h->conf.log, &h->log_limit, QOE_LOG_WARN,
                    "export failed, events are kept and sent again: "
                    "%s", error);
}


static void
qoe_helper_wait(qoe_helper_t *h, uint64_t now)
{
    int       fds[QOE_LANES_MAX];
    bool      more;
    size_t    i, nfds;
    int64_t   timeout;
    uint64_t  deadline, value;

    more = false;
    nfds = h->nfeeds;

    for (i = 0; i < nfds; i++) {
        fds[i] = h->conf.lane_fd[h->feed[i]->lane];

        if (!h->handing_over) {
            more |= qoe_feed_arm(h->feed[i]);
        }
    }

    deadline = qoe_helper_deadline(h, now);

    if (more || deadline <= now) {
        timeout = 0;

    } else {
        timeout = (deadline == UINT64_MAX) ? -1 : (int64_t) (deadline - now);
    }

    qoe_net_wait(h->net, fds, nfds, timeout);

    /* the descriptors are level-triggered: emptied, or the next wait ends */

    for (i = 0; i < nfds; i++) {
        while (read(fds[i], &value, sizeof(value)) == -1 && errno == EINTR) {
            /* void */
        }
    }

    for (i = 0; i < h->nfeeds; i++) {
        qoe_lane_arm(h->env.zone, h->feed[i]->lane, UINT64_MAX);
    }
}


/* Monotonic ms of the next thing to do that no descriptor tells of. */

static uint64_t
qoe_helper_deadline(qoe_helper_t *h, uint64_t now)
{
    size_t    i;
    bool      ready;
    uint64_t  at;

    at = qoe_min(h->lease_ms, qoe_report_due_ms(h->report));
    ready = false;

    if (h->leaving_ms != 0) {
        at = qoe_min(at, h->leaving_ms);
    }

    for (i = 0; i < h->nfeeds; i++) {

        if (!h->handing_over) {
            at = qoe_min(at, qoe_feed_due_ms(h->feed[i], now));

        } else if (!qoe_feed_blocked(h->feed[i])) {
            continue;
        }

        ready |= (qoe_feed_ready(h->feed[i]) != NULL);
    }

    if (ready && h->sending == 0) {
        at = qoe_min(at, h->retry.not_before_ms);
    }

    return at;
}
