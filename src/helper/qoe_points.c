
/*
 * Copyright (C) OpenQoE
 */


#include "qoe_points.h"
#include "qoe_backoff.h"
#include "qoe_dest.h"
#include "qoe_otlp_metrics.h"
#include "qoe_outcome.h"

#include <stdlib.h>


/* The time for one step. */
#define QOE_POINTS_STEP_US     2000

/* How long to wait for a server that has not answered for a while. */
#define QOE_POINTS_HOPELESS_MS 300

/*
 * The size of a request in protobuf: well below what collectors accept, and
 * small enough to be compressed in a few milliseconds.
 */
#define QOE_POINTS_REQUEST     (1024 * 1024)


typedef enum {
    QOE_POINTS_IDLE = 0,
    QOE_POINTS_ENCODE,
    QOE_POINTS_READY,            /* a request waits to be sent */
    QOE_POINTS_SENDING
} qoe_points_phase_t;


struct qoe_points_dest_s {
    qoe_points_env_t     env;
    qoe_points_phase_t   phase;
    bool                 last;       /* no collection follows */
    bool                 hopeless;   /* so try it only once */
    bool                 old;        /* sending a former collection's */
    bool                 stale;      /* count it if that fails */

    qoe_otlp_metrics_t  *writer;     /* NULL: no collection */
    qoe_buf_t            payload;
    size_t               points;     /* in payload */

    uint32_t             dest;       /* for health; UINT32_MAX: none */
    qoe_retry_t          retry;
    qoe_log_limit_t      log_limit;
};


static void qoe_points_encode(qoe_points_dest_t *p);
static void qoe_points_send(qoe_points_dest_t *p, uint64_t now_ms);
static void qoe_points_answered(void *data, const qoe_outcome_t *o);
static void qoe_points_taken(qoe_points_dest_t *p, const qoe_outcome_t *o);
static void qoe_points_refused(qoe_points_dest_t *p, const qoe_outcome_t *o);
static void qoe_points_hurry(qoe_points_dest_t *p);
static void qoe_points_failed(qoe_points_dest_t *p, const qoe_outcome_t *o);
static void qoe_points_next(qoe_points_dest_t *p);
static void qoe_points_reset(qoe_points_dest_t *p);
static void qoe_points_nomem(qoe_points_dest_t *p);
static void qoe_points_count(qoe_points_dest_t *p, qoe_counter_t c,
    uint64_t n);


qoe_points_dest_t *
qoe_points_create(const qoe_points_env_t *env)
{
    qoe_points_dest_t  *p;

    p = calloc(1, sizeof(qoe_points_dest_t));
    if (p == NULL) {
        return NULL;
    }

    p->env = *env;
    p->dest = UINT32_MAX;
    qoe_retry_init(&p->retry);
    qoe_buf_init(&p->payload, &qoe_mem_heap, QOE_OTLP_REQUEST_MAX);

    return p;
}


void
qoe_points_destroy(qoe_points_dest_t *p)
{
    if (p == NULL) {
        return;
    }

    p->phase = QOE_POINTS_IDLE;

    qoe_points_reset(p);
    free(p);
}


void
qoe_points_health(qoe_points_dest_t *p, uint32_t dest)
{
    p->dest = dest;
}


void
qoe_points_begin(qoe_points_dest_t *p, const qoe_collect_t *c, bool last)
{
    p->last = last;

    if (last) {
        p->retry.not_before_ms = 0;
    }

    p->writer = qoe_otlp_metrics_create(c,
                                   qoe_transport_encoding(p->env.transport),
                                   p->env.identity, QOE_POINTS_REQUEST,
                                   &qoe_mem_heap);
    if (p->writer == NULL) {
        qoe_points_nomem(p);
        return;
    }

    if (p->phase != QOE_POINTS_SENDING) {
        p->phase = QOE_POINTS_ENCODE;
    }
}


void
qoe_points_run(qoe_points_dest_t *p, uint64_t now_ms)
{
    if (p->phase == QOE_POINTS_ENCODE) {
        qoe_points_encode(p);
    }

    if (p->phase == QOE_POINTS_READY) {
        qoe_points_send(p, now_ms);
    }
}


void
qoe_points_drop(qoe_points_dest_t *p, bool stale)
{
    if (p->writer == NULL) {
        return;
    }

    /* the transport uses the payload until it has answered */

    if (p->phase == QOE_POINTS_SENDING && !p->old) {
        p->old = true;
        p->stale = stale;

        qoe_otlp_metrics_destroy(p->writer);
        p->writer = NULL;

        return;
    }

    if (stale) {
        qoe_points_count(p, QOE_COUNT_METRIC_BATCHES_STALE, 1);
    }

    qoe_points_reset(p);
}


void
qoe_points_hopeless(qoe_points_dest_t *p)
{
    if (!p->hopeless) {
        p->hopeless = true;
        qoe_points_hurry(p);
    }
}


bool
qoe_points_done(const qoe_points_dest_t *p)
{
    return p->writer == NULL;
}


bool
qoe_points_sending(const qoe_points_dest_t *p)
{
    return p->phase == QOE_POINTS_SENDING;
}


uint64_t
qoe_points_due_ms(const qoe_points_dest_t *p)
{
    switch (p->phase) {

    case QOE_POINTS_ENCODE:
        return 0;

    case QOE_POINTS_READY:
        return p->retry.not_before_ms;

    default:
        return UINT64_MAX;
    }
}


/* Encodes the next request; the one before has been answered. */

static void
qoe_points_encode(qoe_points_dest_t *p)
{
    qoe_status_t  rc;

    rc = qoe_otlp_metrics_next(p->writer, &p->payload, &p->points,
                               QOE_POINTS_STEP_US);

    switch (rc) {

    case QOE_AGAIN:
        return;

    case QOE_OK:
        p->phase = QOE_POINTS_READY;
        return;

    case QOE_DONE:
        qoe_points_reset(p);
        return;

    case QOE_TOO_LARGE:
        qoe_points_count(p, QOE_COUNT_POINTS_REFUSED, 1);
        qoe_buf_reset(&p->payload);
        return;

    default:
        qoe_points_nomem(p);
    }
}


static void
qoe_points_send(qoe_points_dest_t *p, uint64_t now_ms)
{
    if (!qoe_retry_due(&p->retry, now_ms)) {
        return;
    }

    if (qoe_transport_send(p->env.transport, QOE_SIGNAL_METRICS,
                           (qoe_span_t) { p->payload.data, p->payload.len },
                           qoe_points_answered, p)
        != QOE_OK)
    {
        qoe_points_nomem(p);
        return;
    }

    p->phase = QOE_POINTS_SENDING;

    if (p->hopeless) {
        qoe_points_hurry(p);
    }
}


/* Cuts requests with batches short as well: the spool has those. */

static void
qoe_points_hurry(qoe_points_dest_t *p)
{
    qoe_transport_deadline(p->env.transport, QOE_POINTS_HOPELESS_MS);
}


/* Handles the answer; called in qoe_net_wait(). */

static void
qoe_points_answered(void *data, const qoe_outcome_t *o)
{
    qoe_points_dest_t  *p = data;

    qoe_report_attempt(p->env.self, o);

    if (p->dest != UINT32_MAX) {
        qoe_dest_report(p->env.self->state->zone, p->dest,
                        qoe_unix_ns() / 1000000,
                        o->kind == QOE_OUTCOME_OK ? NULL
                                                  : qoe_outcome_error(o),
                        true);
    }

    switch (o->kind) {

    case QOE_OUTCOME_RETRY:
    case QOE_OUTCOME_HOLD:
        qoe_points_failed(p, o);
        return;

    case QOE_OUTCOME_OK:
        qoe_points_taken(p, o);
        break;

    case QOE_OUTCOME_FINAL:
        qoe_points_refused(p, o);
        break;
    }

    qoe_retry_succeeded(&p->retry);
    qoe_points_next(p);
}


static void
qoe_points_taken(qoe_points_dest_t *p, const qoe_outcome_t *o)
{
    uint64_t  rejected;

    rejected = qoe_outcome_rejected(o, p->points);

    qoe_points_count(p, QOE_COUNT_METRIC_BATCHES_SENT, 1);
    qoe_points_count(p, QOE_COUNT_POINTS_SENT, p->points - rejected);
    qoe_report_exported(p->env.self, QOE_SIGNAL_METRICS,
                        p->points - rejected, NULL);

    if (rejected != 0) {
        qoe_points_count(p, QOE_COUNT_POINTS_REJECTED, rejected);
        qoe_report_exported(p->env.self, QOE_SIGNAL_METRICS, rejected,
                            "rejected");
        qoe_log_limited(p->env.self->log, &p->log_limit, QOE_LOG_WARN,
                        "exporter \"%.*s\": the collector rejected %llu of "
                        "%zu metric points: %s", (int) p->env.name.len,
                        p->env.name.data, (unsigned long long) rejected,
                        p->points, o->message);
    }

    if (p->retry.failures != 0) {
        qoe_log(p->env.self->log, QOE_LOG_NOTICE,
                "exporter \"%.*s\": the collector takes metrics again, after "
                "%llu failures", (int) p->env.name.len, p->env.name.data,
                (unsigned long long) p->retry.failures);
    }
}


static void
qoe_points_refused(qoe_points_dest_t *p, const qoe_outcome_t *o)
{
    qoe_points_count(p, QOE_COUNT_METRIC_BATCHES_FAILED, 1);
    qoe_points_count(p, QOE_COUNT_POINTS_REFUSED, p->points);
    qoe_report_exported(p->env.self, QOE_SIGNAL_METRICS, p->points,
                        o->error_type);
    qoe_log_limited(p->env.self->log, &p->log_limit, QOE_LOG_ERR,
                    "exporter \"%.*s\": the collector refused %zu metric "
                    "points for good: %s", (int) p->env.name.len,
                    p->env.name.data, p->points, qoe_outcome_error(o));
}


static void
qoe_points_failed(qoe_points_dest_t *p, const qoe_outcome_t *o)
{
    qoe_retry_failed(&p->retry, qoe_mono_ms(), o->retry_after_ms, p->last);

    qoe_log_limited(p->env.self->log, &p->log_limit, QOE_LOG_WARN,
                    "exporter \"%.*s\": export of metrics failed: %s",
                    (int) p->env.name.len, p->env.name.data,
                    qoe_outcome_error(o));

    if (!p->old) {
        qoe_points_count(p, QOE_COUNT_METRIC_BATCHES_RETRIED, 1);
        p->phase = QOE_POINTS_READY;

        if (p->last && p->hopeless) {
            qoe_points_count(p, QOE_COUNT_METRIC_BATCHES_STALE, 1);
            qoe_points_reset(p);
        }

        return;
    }

    if (p->stale) {
        qoe_points_count(p, QOE_COUNT_METRIC_BATCHES_STALE, 1);
    }

    qoe_points_next(p);
}


/* Goes on with the current collection, if there is one. */

static void
qoe_points_next(qoe_points_dest_t *p)
{
    p->old = false;

    if (p->writer == NULL) {
        p->phase = QOE_POINTS_IDLE;
        qoe_buf_free(&p->payload);
        return;
    }

    p->phase = QOE_POINTS_ENCODE;
    qoe_buf_reset(&p->payload);
}


/* Forgets all but a request in flight. */

static void
qoe_points_reset(qoe_points_dest_t *p)
{
    qoe_otlp_metrics_destroy(p->writer);
    p->writer = NULL;

    if (p->phase != QOE_POINTS_SENDING) {
        p->phase = QOE_POINTS_IDLE;
        qoe_buf_free(&p->payload);
    }
}


static void
qoe_points_nomem(qoe_points_dest_t *p)
{
    qoe_log_limited(p->env.self->log, &p->log_limit, QOE_LOG_ERR,
                    "exporter \"%.*s\": no memory to export metrics, the next "
                    "collection includes them", (int) p->env.name.len,
                    p->env.name.data);
    qoe_points_reset(p);
}


static void
qoe_points_count(qoe_points_dest_t *p, qoe_counter_t c, uint64_t n)
{
    qoe_zone_count(p->env.self->state->zone, p->env.self->slot, c, n);
}
