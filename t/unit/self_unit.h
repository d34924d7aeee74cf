
/*
 * Copyright (C) OpenQoE
 *
 * What the module's own metrics say that it exported.
 */


#ifndef _SELF_UNIT_H_INCLUDED_
#define _SELF_UNIT_H_INCLUDED_


#include "qoe_self.h"


/* The sum of a metric of the table, by the error; NULL: those without one. */

static inline double
self_exported(const qoe_self_t *table, qoe_metric_id_t metric,
    const char *error)
{
    double             sum;
    uint32_t           i;
    qoe_span_t         text;
    qoe_self_series_t  s;

    sum = 0;

    for (i = 0; i < qoe_self_slots(table); i++) {
        if (!qoe_self_read(table, i, &s) || s.metric != metric) {
            continue;
        }

        text = qoe_labels_get((qoe_span_t) { s.labels, s.labels_len },
                              qoe_span("error.type"));
        sum += (error == NULL ? text.len == 0
                              : qoe_span_eq(text, qoe_span_str(error)))
               ? s.sum : 0;
    }

    return sum;
}


#endif /* _SELF_UNIT_H_INCLUDED_ */
