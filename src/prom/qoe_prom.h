
/*
 * Copyright (C) OpenQoE
 *
 * A collection as text, in the Prometheus format 0.0.4 or OpenMetrics 1.0.
 * Names and labels are those of the OTLP to Prometheus translation of the
 * OpenTelemetry specification, with unit and type suffixes.
 */


#ifndef _QOE_PROM_H_INCLUDED_
#define _QOE_PROM_H_INCLUDED_


#include "qoe_buf.h"
#include "qoe_collect.h"


typedef enum {
    QOE_PROM_TEXT = 0,           /* text/plain; version=0.0.4 */
    QOE_PROM_OPENMETRICS         /* application/openmetrics-text 1.0.0 */
} qoe_prom_format_t;


/* The progress of a rendering; zero-initialised by the caller. */

typedef struct {
    uint32_t        metric;
    size_t          series;
} qoe_prom_t;


/*
 * Appends at least one more series, and about max bytes, to out.  QOE_AGAIN:
 * there is more; QOE_OK: all is written, with "# EOF" for OpenMetrics; else
 * the status of out, such as QOE_NOMEM.
 */
qoe_status_t qoe_prom_step(qoe_prom_t *p, const qoe_collect_t *c,
    qoe_prom_format_t format, qoe_buf_t *out, size_t max);

/*
 * Writes the name of a metric's family, which ends with "_total" for a counter
 * in both formats, and returns its length.
 */
#define QOE_PROM_NAME_MAX  128

size_t qoe_prom_name(const qoe_metric_t *m, char name[QOE_PROM_NAME_MAX]);


#endif /* _QOE_PROM_H_INCLUDED_ */
