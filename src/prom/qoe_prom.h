
/*
 * Copyright (C) OpenQoE
 *
 * A collection as text: the Prometheus format 0.0.4, or OpenMetrics 1.0.
 * Names and labels are what the OTLP to Prometheus translation of the
 * OpenTelemetry specification gives (with unit and type suffixes).
 */


#ifndef _QOE_PROM_H_INCLUDED_
#define _QOE_PROM_H_INCLUDED_


#include "qoe_buf.h"
#include "qoe_collect.h"


typedef enum {
    QOE_PROM_TEXT = 0,           /* text/plain; version=0.0.4 */
    QOE_PROM_OPENMETRICS         /* application/openmetrics-text 1.0.0 */
} qoe_prom_format_t;


/* Where a rendering stands; zero-initialised. */

typedef struct {
    uint32_t        metric;
    size_t          series;
} qoe_prom_t;


/*
 * Appends at least one more series and about max bytes to out.  QOE_AGAIN:
 * there is more; QOE_OK: the end, "# EOF" with it for OpenMetrics; or the
 * status of out.
 */
qoe_status_t qoe_prom_step(qoe_prom_t *p, const qoe_collect_t *c,
    qoe_prom_format_t format, qoe_buf_t *out, size_t max);

/* The family's name: of a counter with _total in both formats. */
#define QOE_PROM_NAME_MAX  128

size_t qoe_prom_name(const qoe_metric_t *m, char name[QOE_PROM_NAME_MAX]);


#endif /* _QOE_PROM_H_INCLUDED_ */
