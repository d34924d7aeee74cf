
/*
 * Copyright (C) OpenQoE
 *
 * The metrics of one exporter: writes requests from a collection, which all
 * exporters read, and sends them one by one at the pace of this exporter.
 * What is not sent when the next collection is due is dropped, because the
 * next points include it.
 *
 * Works in small steps between the helper's other work.  Helper thread only.
 */


#ifndef _QOE_POINTS_H_INCLUDED_
#define _QOE_POINTS_H_INCLUDED_


#include "qoe_collect.h"
#include "qoe_report_self.h"


typedef struct {
    const qoe_self_env_t       *self;
    const qoe_otlp_identity_t  *identity;
    qoe_transport_t            *transport;   /* it must have a metrics URL */
    qoe_span_t                  name;        /* of the exporter, for logs */
} qoe_points_env_t;


typedef struct qoe_points_dest_s  qoe_points_dest_t;


/* Copies env; what it points to must outlive the result.  NULL: no memory. */
qoe_points_dest_t *qoe_points_create(const qoe_points_env_t *env);

/*
 * Call it after qoe_report_destroy() of its report.  No request may be in
 * flight, unless the transport is gone.
 */
void qoe_points_destroy(qoe_points_dest_t *p);

/* The answers to its requests count for the health of that slot. */
void qoe_points_health(qoe_points_dest_t *p, uint32_t dest);


/*
 * The functions below are for qoe_report.c only.
 *
 * Begins to send a complete collection, after the request that is in flight.
 * The collection must stay until qoe_points_done() or qoe_points_drop().
 * last: no collection follows, so its requests are tried at once and often.
 */
void qoe_points_begin(qoe_points_dest_t *p, const qoe_collect_t *c, bool last);

/* Does a step.  now_ms is monotonic. */
void qoe_points_run(qoe_points_dest_t *p, uint64_t now_ms);

/*
 * Forgets the collection; only a request in flight goes on.  stale: counts
 * what was not sent.
 */
void qoe_points_drop(qoe_points_dest_t *p, bool stale);

/*
 * At an exit, if the server is known to take nothing: tries the last
 * collection once, and does not wait long for an answer.
 */
void qoe_points_hopeless(qoe_points_dest_t *p);

/* Whether no part of the collection is left to send. */
bool qoe_points_done(const qoe_points_dest_t *p);

/* Whether a request is in flight. */
bool qoe_points_sending(const qoe_points_dest_t *p);

/* The monotonic ms of the next step, 0: at once; UINT64_MAX: none. */
uint64_t qoe_points_due_ms(const qoe_points_dest_t *p);


#endif /* _QOE_POINTS_H_INCLUDED_ */
