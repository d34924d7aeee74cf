
/*
 * Copyright (C) OpenQoE
 *
 * One point of a metric: NumberDataPoint or HistogramDataPoint.
 */


#ifndef _QOE_OTLP_POINT_H_INCLUDED_
#define _QOE_OTLP_POINT_H_INCLUDED_


#include "qoe_collect.h"


/*
 * Whether a backend would accept the point.  A number that is not finite, or
 * is negative in a monotonic sum, can only come from a damaged zone; such a
 * point is left out.
 */
bool qoe_point_valid(const qoe_metric_t *m, const qoe_collected_t *c);

/*
 * The size of the point with attrs bytes of attributes, without the head of
 * its data_points field.
 */
size_t qoe_point_size(const qoe_metric_t *m, const qoe_collected_t *c,
    size_t attrs);

/* Writes the qoe_point_size() bytes, and returns their end. */
char *qoe_point_write(char *p, const qoe_metric_t *m,
    const qoe_collected_t *c, uint64_t time_ns, const qoe_span_t attrs[2]);


#endif /* _QOE_OTLP_POINT_H_INCLUDED_ */
