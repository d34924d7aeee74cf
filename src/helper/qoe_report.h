
/*
 * Copyright (C) OpenQoE
 *
 * Metrics go out: every interval the one helper that holds the exporter lease
 * collects what all lanes have, and each destination sends that at its own
 * pace (qoe_points.h).  One writer for all workers, so that every series is
 * there once; who takes the lease over goes on with the same identity and the
 * same start times.
 *
 * Series that begin between two such collections are exported with their
 * zeros, and with their values if they were too young at the first of the two,
 * by collections of births (qoe_collect.h).
 *
 * All of it in small steps between the helper's other work.  The helper's
 * thread.
 */


#ifndef _QOE_REPORT_H_INCLUDED_
#define _QOE_REPORT_H_INCLUDED_


#include "qoe_dest.h"
#include "qoe_points.h"


typedef struct {
    qoe_self_env_t      self;
    qoe_governor_t     *governor;
    uint64_t            interval_ms;
    qoe_points_dest_t  *points[QOE_DESTS_CONF];  /* the caller's */
    size_t              npoints;     /* 0: it collects all the same, for the
                                        windows of gauges and idle series */
} qoe_report_env_t;


typedef struct qoe_report_s  qoe_report_t;


/* env must outlive it.  NULL: no memory. */
qoe_report_t *qoe_report_create(qoe_report_env_t *env);

/*
 * Gives the lease up, takes the collection from the points.  Nothing may be
 * in flight, or the transports be gone.
 */
void qoe_report_destroy(qoe_report_t *r);

/* Takes the lease if it is free or its owner is dead. */
void qoe_report_take(qoe_report_t *r);

/*
 * Begins nothing any more, and gives the lease up once nothing is in flight;
 * true when that is done, call it again otherwise.
 */
bool qoe_report_give(qoe_report_t *r);

/* A step.  now_ms: monotonic. */
void qoe_report_run(qoe_report_t *r, uint64_t now_ms);

/*
 * The last collection, of what was in the metrics at since_ns (Unix): begun
 * now, each destination has it behind what is on its way, unless another
 * helper has begun one since.  False: another one holds the lease, ask again.
 */
bool qoe_report_last(qoe_report_t *r, uint64_t since_ns);

/* Nothing is being collected or sent, to whatever destination. */
bool qoe_report_idle(const qoe_report_t *r);

/* Monotonic ms of the next step, 0: at once; UINT64_MAX: none. */
uint64_t qoe_report_due_ms(const qoe_report_t *r);


#endif /* _QOE_REPORT_H_INCLUDED_ */
