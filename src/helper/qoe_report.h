
/*
 * Copyright (C) OpenQoE
 *
 * The export of metrics: the one helper that holds the exporter lease collects
 * the metrics of all lanes at every interval, and each exporter sends them at
 * its own pace (qoe_points.h).  There is one writer for all workers, so that
 * every series exists once; the next holder of the lease continues with the
 * same identity and start times.
 *
 * Series that begin between two such collections are exported by collections
 * of births (qoe_collect.h): as zeros first, then with their values.
 *
 * Works in small steps between the helper's other work.  Helper thread only.
 */


#ifndef _QOE_REPORT_H_INCLUDED_
#define _QOE_REPORT_H_INCLUDED_


#include "qoe_dest.h"
#include "qoe_points.h"


typedef struct {
    qoe_self_env_t      self;
    qoe_governor_t     *governor;
    uint64_t            interval_ms;
    qoe_points_dest_t  *points[QOE_DESTS_CONF];  /* owned by the caller */
    size_t              npoints;     /* even with 0 it collects, for the
                                        windows of gauges and for idle
                                        series */
} qoe_report_env_t;


typedef struct qoe_report_s  qoe_report_t;


/* env must outlive the result.  NULL: no memory. */
qoe_report_t *qoe_report_create(qoe_report_env_t *env);

/*
 * Gives up the lease, and takes the collection from the points.  No request
 * may be in flight, unless the transports are gone.
 */
void qoe_report_destroy(qoe_report_t *r);

/* Takes the lease if it is free or its owner is dead. */
void qoe_report_take(qoe_report_t *r);

/*
 * Begins nothing new, and gives up the lease once nothing is in flight.  true:
 * that is done; else call it again.
 */
bool qoe_report_give(qoe_report_t *r);

/* Does a step.  now_ms is monotonic. */
void qoe_report_run(qoe_report_t *r, uint64_t now_ms);

/*
 * Begins the last collection now, with all that was in the metrics at since_ns
 * (Unix); each exporter sends it after what is in flight.  If another helper
 * has begun a collection since then, there is no need.  false: another helper
 * holds the lease, ask again.
 */
bool qoe_report_last(qoe_report_t *r, uint64_t since_ns);

/* Whether no exporter is collecting or sending anything. */
bool qoe_report_idle(const qoe_report_t *r);

/* The monotonic ms of the next step, 0: at once; UINT64_MAX: none. */
uint64_t qoe_report_due_ms(const qoe_report_t *r);


#endif /* _QOE_REPORT_H_INCLUDED_ */
