
/*
 * Copyright (C) OpenQoE
 *
 * A collection as OTLP metrics requests, each below a given size.  Points are
 * written directly as protobuf, and attribute sets are encoded once, because a
 * collection has many points and few sets.  JSON is made from the protobuf.
 */


#ifndef _QOE_OTLP_METRICS_H_INCLUDED_
#define _QOE_OTLP_METRICS_H_INCLUDED_


#include "qoe_collect.h"
#include "qoe_otlp.h"


typedef struct qoe_otlp_metrics_s  qoe_otlp_metrics_t;


/*
 * c must be complete; c and id must outlive the result.  max is the size of a
 * request in bytes, protobuf or JSON; only a single point may exceed it.
 * NULL: no memory.
 */
qoe_otlp_metrics_t *qoe_otlp_metrics_create(const qoe_collect_t *c,
    qoe_encoding_t encoding, const qoe_otlp_identity_t *id, size_t max,
    const qoe_mem_t *mem);
void qoe_otlp_metrics_destroy(qoe_otlp_metrics_t *m);

/*
 * Works for about budget_us on the next ExportMetricsServiceRequest in out,
 * which is empty or as the last call left it.
 *
 * QOE_AGAIN: call it again with the same out; QOE_OK: out is a request with
 * *npoints points; QOE_DONE: there are no more requests, out is empty;
 * QOE_NOMEM: out is empty, a later call may succeed; QOE_TOO_LARGE: a single
 * point is over the maximum of out and is left out, call again.
 *
 * Turning a request into JSON is not divided into steps: it takes about 20 ms
 * for the 2 MB that a maximum of 4 MiB gives.
 */
qoe_status_t qoe_otlp_metrics_next(qoe_otlp_metrics_t *m, qoe_buf_t *out,
    size_t *npoints, uint64_t budget_us);


#endif /* _QOE_OTLP_METRICS_H_INCLUDED_ */
