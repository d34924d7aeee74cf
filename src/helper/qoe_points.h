
/*
 * Copyright (C) OpenQoE
 *
 * The metrics of one destination: writes requests from a collection, which
 * all destinations read, and sends them one by one at its own pace.  What was
 * not sent when the next collection is due is given up, for the next points
 * carry it.
 *
 * In small steps between the helper's other work.  The helper's thread.
 */


#ifndef _QOE_POINTS_H_INCLUDED_
#define _QOE_POINTS_H_INCLUDED_


#include "qoe_collect.h"
#include "qoe_report_self.h"


typedef struct {
    const qoe_self_env_t       *self;
    const qoe_otlp_identity_t  *identity;
    qoe_transport_t            *transport;   /* that has a metrics URL */
    qoe_span_t                  name;        /* of the destination, for logs */
} qoe_points_env_t;


typedef struct qoe_points_dest_s  qoe_points_dest_t;


/* env is copied; what it points to must outlive it.  NULL: no memory. */
qoe_points_dest_t *qoe_points_create(const qoe_points_env_t *env);

/*
 * Behind qoe_report_destroy() of the report it is in.  Nothing may be in
 * flight, or the transport be gone.
 */
void qoe_points_destroy(qoe_points_dest_t *p);

/* What becomes of the requests is reported as the health of that slot. */
void qoe_points_health(qoe_points_dest_t *p, uint32_t dest);


/*
 * The rest is the report's to call (qoe_report.h).
 *
 * Begins with a complete collection, behind the request that is in flight.
 * It must stay until qoe_points_done() or qoe_points_drop().  last: nothing
 * comes behind it, so it is tried at once and often.
 */
void qoe_points_begin(qoe_points_dest_t *p, const qoe_collect_t *c, bool last);

/* A step.  now_ms: monotonic. */
void qoe_points_run(qoe_points_dest_t *p, uint64_t now_ms);

/*
 * Lets the collection go, what is in flight alone goes on.  stale: count what
 * was not sent.
 */
void qoe_points_drop(qoe_points_dest_t *p, bool stale);

/*
 * An exit, and the destination is known not to take anything: the last
 * collection is tried once, and an answer is not waited for for long.
 */
void qoe_points_hopeless(qoe_points_dest_t *p);

/* Nothing of the collection is to be sent any more. */
bool qoe_points_done(const qoe_points_dest_t *p);

/* A request is in flight. */
bool qoe_points_sending(const qoe_points_dest_t *p);

/* Monotonic ms of the next step, 0: at once; UINT64_MAX: none. */
uint64_t qoe_points_due_ms(const qoe_points_dest_t *p);


#endif /* _QOE_POINTS_H_INCLUDED_ */
