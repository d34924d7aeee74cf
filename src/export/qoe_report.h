
/*
 * Copyright (C) OpenQoE
 *
 * Metrics go out: every interval the one helper that holds the exporter lease
 * collects what all lanes have and sends it.  One writer for all workers, so
 * that every series is there once; who takes the lease over goes on with the
 * same identity and the same start times.
 *
 * All of it in small steps between the helper's other work.  The helper's
 * thread.
 */


#ifndef _QOE_REPORT_H_INCLUDED_
#define _QOE_REPORT_H_INCLUDED_


#include "qoe_collect.h"
#include "qoe_otlp_metrics.h"
#include "qoe_transport.h"


typedef struct {
    const qoe_state_t          *state;
    const qoe_conf_t           *conf;
    qoe_governor_t             *governor;
    const qoe_otlp_identity_t  *identity;
    qoe_transport_t            *transport;
    bool                        send;        /* there is a metrics endpoint */
    uint32_t                    slot;        /* of counters */
    qoe_proc_t                  self;
    uint64_t                    interval_ms;
    const qoe_log_t            *log;
} qoe_report_env_t;


typedef struct qoe_report_s  qoe_report_t;


/* env must outlive it.  NULL: no memory. */
qoe_report_t *qoe_report_create(qoe_report_env_t *env);

/* Gives the lease up.  Nothing may be in flight, or the transport be gone. */
void qoe_report_destroy(qoe_report_t *r);

/* Takes the lease if it is free or its owner is dead. */
void qoe_report_take(qoe_report_t *r);

/* Gives the lease up once nothing is in flight; true when that is done. */
bool qoe_report_give(qoe_report_t *r);

/* A step.  now_ms: monotonic. */
void qoe_report_run(qoe_report_t *r, uint64_t now_ms);

/*
 * The last collection, of what was in the metrics at since_ns (Unix): begun
 * now, or behind what is on its way, unless another helper has begun one
 * since.  False: another one holds the lease, ask again.
 */
bool qoe_report_last(qoe_report_t *r, uint64_t since_ns);

/* Nothing is being collected or sent. */
bool qoe_report_idle(const qoe_report_t *r);

/* Monotonic ms of the next step, 0: at once; UINT64_MAX: none. */
uint64_t qoe_report_due_ms(const qoe_report_t *r);

/* Counts an export attempt in the metrics of the module itself. */
void qoe_report_attempt(const qoe_report_env_t *env, const qoe_outcome_t *o);

/* Counts n items of a signal whose export is over; error_type: NULL, or why. */
void qoe_report_exported(const qoe_report_env_t *env, qoe_signal_t signal,
    uint64_t n, const char *error_type);


#endif /* _QOE_REPORT_H_INCLUDED_ */
