
/*
 * Copyright (C) OpenQoE
 *
 * One point of a metric: NumberDataPoint or HistogramDataPoint.
 */


#ifndef _QOE_OTLP_POINT_H_INCLUDED_
#define _QOE_OTLP_POINT_H_INCLUDED_


#include "qoe_collect.h"


/*
 * Whether a backend accepts it: a number that is not finite, or negative in a
 * monotonic sum, comes from a damaged zone alone and is left out.
 */
bool qoe_point_valid(const qoe_metric_t *m, const qoe_collected_t *c);

/* Without the head that its data_points field has, with attrs bytes. */
size_t qoe_point_size(const qoe_metric_t *m, const qoe_collected_t *c,
    size_t attrs);

/* Writes the qoe_point_size() bytes; the byte behind them. */
char *qoe_point_write(char *p, const qoe_metric_t *m,
    const qoe_collected_t *c, uint64_t time_ns, const qoe_span_t attrs[2]);


#endif /* _QOE_OTLP_POINT_H_INCLUDED_ */
