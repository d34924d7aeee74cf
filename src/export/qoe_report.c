
/*
 * Copyright (C) OpenQoE
 */


#include "qoe_report.h"
#include "qoe_backoff.h"
#include "qoe_outcome.h"

#include <stdlib.h>


/* Of one step. */
#define QOE_REPORT_STEP_US     2000

/*
 * Bytes of a request (protobuf): well below what collectors take, and no
 * more than what is compressed in a few milliseconds.
 */
#define QOE_REPORT_MAX         (1024 * 1024)


typedef enum {
    QOE_REPORT_IDLE = 0,
    QOE_REPORT_COLLECT,
    QOE_REPORT_ENCODE,
    QOE_REPORT_READY,            /* a request waits for its time */
    QOE_REPORT_SENDING
} qoe_report_phase_t;


struct qoe_report_s {
    qoe_report_env_t    *env;
    qoe_report_phase_t   phase;
    bool                 held;               /* the exporter lease */
    bool                 last;               /* nothing comes behind it */
    uint64_t             next_ms;            /* the next collection */

    qoe_collect_t       *collect;
    qoe_otlp_metrics_t  *writer;
    qoe_buf_t            payload;
    size_t               points;             /* in payload */

    qoe_retry_t          retry;
    qoe_log_limit_t      log_limit;
};


static uint64_t qoe_report_first(const qoe_report_t *r, uint64_t now_ms);
static void qoe_report_begin(qoe_report_t *r, uint64_t now_ms);
static void qoe_report_collect(qoe_report_t *r);
static void qoe_report_encode(qoe_report_t *r);
static void qoe_report_send(qoe_report_t *r, uint64_t now_ms);
static void qoe_report_done(void *data, const qoe_outcome_t *o);
static void qoe_report_taken(qoe_report_t *r, const qoe_outcome_t *o);
static void qoe_report_failed(qoe_report_t *r, const qoe_outcome_t *o,
    const char *error);
static void qoe_report_reset(qoe_report_t *r);
static void qoe_report_nomem(qoe_report_t *r);
static void qoe_report_count(qoe_report_t *r, qoe_counter_t c, uint64_t n);


qoe_report_t *
qoe_report_create(qoe_report_env_t *env)
{
    qoe_report_t  *r;

    r = calloc(1, sizeof(qoe_report_t));
    if (r == NULL) {
        return NULL;
    }

    r->env = env;
    qoe_retry_init(&r->retry);
    qoe_buf_init(&r->payload, &qoe_mem_heap, QOE_OTLP_REQUEST_MAX);

    return r;
}


void
qoe_report_destroy(qoe_report_t *r)
{
    r->phase = QOE_REPORT_IDLE;

    qoe_report_reset(r);
    (void) qoe_report_give(r);

    free(r);
}


void
qoe_report_take(qoe_report_t *r)
{
    uint64_t             owner;
    qoe_state_shared_t  *shared;

    if (r->held) {
        return;
    }

    shared = r->env->state->shared;
    owner = __atomic_load_n(&shared->exporter, __ATOMIC_ACQUIRE);

    if ((owner != 0 && qoe_proc_alive(owner))
        || !__atomic_compare_exchange_n(&shared->exporter, &owner,
                                        r->env->self, false,
                                        __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
    {
        return;
    }

    r->held = true;
    r->next_ms = qoe_report_first(r, qoe_mono_ms());
}


/* In the rhythm of who held the lease before. */

static uint64_t
qoe_report_first(const qoe_report_t *r, uint64_t now_ms)
{
    uint64_t  now, last, since;

    now = qoe_unix_ns() / 1000000;
    last = __atomic_load_n(&r->env->state->shared->collected_ns,
                           __ATOMIC_ACQUIRE) / 1000000;

    since = (last != 0 && now > last) ? now - last : 0;

    return now_ms + r->env->interval_ms - qoe_min(since, r->env->interval_ms);
}


bool
qoe_report_give(qoe_report_t *r)
{
    uint64_t  self;

    if (r->phase == QOE_REPORT_SENDING) {
        return false;
    }

    qoe_report_reset(r);

    if (r->held) {
        self = r->env->self;
        r->held = false;

        __atomic_compare_exchange_n(&r->env->state->shared->exporter, &self,
                                    0, false, __ATOMIC_ACQ_REL,
                                    __ATOMIC_RELAXED);
    }

    return true;
}


bool
qoe_report_last(qoe_report_t *r, uint64_t since_ns)
{
    qoe_report_take(r);

    if (!r->held) {
        return false;
    }

    if (__atomic_load_n(&r->env->state->shared->collected_ns,
                        __ATOMIC_ACQUIRE) < since_ns)
    {
        r->last = true;
        r->next_ms = 0;
        r->retry.not_before_ms = 0;
    }

    return true;
}


bool
qoe_report_idle(const qoe_report_t *r)
{
    return r->phase == QOE_REPORT_IDLE && (!r->held || r->next_ms != 0);
}


uint64_t
qoe_report_due_ms(const qoe_report_t *r)
{
    if (!r->held) {
        return UINT64_MAX;
    }

    switch (r->phase) {

    case QOE_REPORT_COLLECT:
    case QOE_REPORT_ENCODE:
        return 0;

    case QOE_REPORT_READY:
        return qoe_min(r->retry.not_before_ms, r->next_ms);

    case QOE_REPORT_SENDING:
        return UINT64_MAX;

    default:
        return r->next_ms;
    }
}


void
qoe_report_run(qoe_report_t *r, uint64_t now_ms)
{
    if (!r->held) {
        return;
    }

    /* what could not be sent in time: the next points carry it */

    if (r->phase == QOE_REPORT_READY && now_ms >= r->next_ms) {
        qoe_report_count(r, QOE_COUNT_METRIC_BATCHES_STALE, 1);
        qoe_report_reset(r);
    }

    switch (r->phase) {

    case QOE_REPORT_IDLE:
        if (now_ms >= r->next_ms) {
            qoe_report_begin(r, now_ms);
        }

        break;

    case QOE_REPORT_COLLECT:
        qoe_report_collect(r);
        break;

    case QOE_REPORT_ENCODE:
        qoe_report_encode(r);
        break;

    default:
        break;
    }

    if (r->phase == QOE_REPORT_READY) {
        qoe_report_send(r, now_ms);
    }
}


static void
qoe_report_begin(qoe_report_t *r, uint64_t now_ms)
{
    r->next_ms = now_ms + r->env->interval_ms;

    if (r->env->conf->groups == 0) {
        return;
    }

    r->collect = qoe_collect_create(r->env->state, r->env->conf,
                                    r->env->governor, QOE_COLLECT_EXPORT,
                                    r->env->conf->groups, qoe_unix_ns(),
                                    &qoe_mem_heap);
    if (r->collect == NULL) {
        qoe_report_nomem(r);
        return;
    }

    r->phase = QOE_REPORT_COLLECT;
}


static void
qoe_report_collect(qoe_report_t *r)
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

    qoe_report_count(r, QOE_COUNT_COLLECTIONS, 1);

    /* nowhere to go: it was for the windows of gauges and idle series */

    if (!r->env->send) {
        qoe_report_reset(r);
        return;
    }

    r->writer = qoe_otlp_metrics_create(r->collect,
                                   qoe_transport_encoding(r->env->transport),
                                   r->env->identity, QOE_REPORT_MAX,
                                   &qoe_mem_heap);
    if (r->writer == NULL) {
        qoe_report_nomem(r);
        return;
    }

    r->phase = QOE_REPORT_ENCODE;
}


/* The next request, when the one before it has been answered. */

static void
qoe_report_encode(qoe_report_t *r)
{
    qoe_status_t  rc;

    rc = qoe_otlp_metrics_next(r->writer, &r->payload, &r->points,
                               QOE_REPORT_STEP_US);

    switch (rc) {

    case QOE_AGAIN:
        return;

    case QOE_OK:
        r->phase = QOE_REPORT_READY;
        return;

    case QOE_DONE:
        qoe_report_reset(r);
        return;

    case QOE_TOO_LARGE:
        qoe_report_count(r, QOE_COUNT_POINTS_REFUSED, 1);
        qoe_buf_reset(&r->payload);
        return;

    default:
        qoe_report_nomem(r);
    }
}


static void
qoe_report_send(qoe_report_t *r, uint64_t now_ms)
{
    if (!qoe_retry_due(&r->retry, now_ms)) {
        return;
    }

    if (qoe_transport_send(r->env->transport, QOE_SIGNAL_METRICS,
                           (qoe_span_t) { r->payload.data, r->payload.len },
                           qoe_report_done, r)
        != QOE_OK)
    {
        qoe_report_nomem(r);
        return;
    }

    r->phase = QOE_REPORT_SENDING;
}


/* The answer; runs in qoe_net_wait(). */

static void
qoe_report_done(void *data, const qoe_outcome_t *o)
{
    const char    *error;
    qoe_report_t  *r = data;

    qoe_report_attempt(r->env, o);

    error = qoe_outcome_error(o);

    if (o->kind == QOE_OUTCOME_RETRY) {
        qoe_report_failed(r, o, error);
        return;
    }

    if (o->kind == QOE_OUTCOME_OK) {
        qoe_report_taken(r, o);

    } else {
        qoe_report_count(r, QOE_COUNT_METRIC_BATCHES_FAILED, 1);
        qoe_report_count(r, QOE_COUNT_POINTS_REFUSED, r->points);
        qoe_report_exported(r->env, QOE_SIGNAL_METRICS, r->points,
                            o->error_type);
        qoe_log_limited(r->env->log, &r->log_limit, QOE_LOG_ERR,
                        "the collector refused %zu metric points for good: "
                        "%s", r->points, error);
    }

    qoe_retry_succeeded(&r->retry);
    r->phase = QOE_REPORT_ENCODE;
    qoe_buf_reset(&r->payload);
}


static void
qoe_report_taken(qoe_report_t *r, const qoe_outcome_t *o)
{
    uint64_t  rejected;

    rejected = qoe_outcome_rejected(o, r->points);

    qoe_report_count(r, QOE_COUNT_METRIC_BATCHES_SENT, 1);
    qoe_report_count(r, QOE_COUNT_POINTS_SENT, r->points - rejected);
    qoe_report_exported(r->env, QOE_SIGNAL_METRICS, r->points - rejected,
                        NULL);

    if (rejected != 0) {
        qoe_report_count(r, QOE_COUNT_POINTS_REJECTED, rejected);
        qoe_report_exported(r->env, QOE_SIGNAL_METRICS, rejected, "rejected");
        qoe_log_limited(r->env->log, &r->log_limit, QOE_LOG_WARN,
                        "the collector rejected %llu of %zu metric points: "
                        "%s", (unsigned long long) rejected, r->points,
                        o->message);
    }

    if (r->retry.failures != 0) {
        qoe_log(r->env->log, QOE_LOG_NOTICE,
                "the collector takes metrics again, after %llu failures",
                (unsigned long long) r->retry.failures);
    }
}


static void
qoe_report_failed(qoe_report_t *r, const qoe_outcome_t *o, const char *error)
{
    qoe_retry_failed(&r->retry, qoe_mono_ms(), o->retry_after_ms, r->last);

    r->phase = QOE_REPORT_READY;

    qoe_report_count(r, QOE_COUNT_METRIC_BATCHES_RETRIED, 1);
    qoe_log_limited(r->env->log, &r->log_limit, QOE_LOG_WARN,
                    "export of metrics failed: %s", error);
}


static void
qoe_report_reset(qoe_report_t *r)
{
    if (r->writer != NULL) {
        qoe_otlp_metrics_destroy(r->writer);
        r->writer = NULL;
    }

    if (r->collect != NULL) {
        qoe_collect_destroy(r->collect);
        r->collect = NULL;
    }

    qoe_buf_free(&r->payload);

    r->phase = QOE_REPORT_IDLE;
}


static void
qoe_report_nomem(qoe_report_t *r)
{
    qoe_log_limited(r->env->log, &r->log_limit, QOE_LOG_ERR,
                    "no memory to export metrics, the next collection "
                    "carries them");
    qoe_report_reset(r);
}


static void
qoe_report_count(qoe_report_t *r, qoe_counter_t c, uint64_t n)
{
    qoe_zone_count(r->env->state->zone, r->env->slot, c, n);
}
