
/*
 * Copyright (C) OpenQoE
 *
 * Numbers of the Prometheus text, the same in every locale.
 */


#ifndef _QOE_PROM_NUMBER_H_INCLUDED_
#define _QOE_PROM_NUMBER_H_INCLUDED_


#include "qoe_buf.h"


/* value is finite.  The shortest text that reads back as it. */
void qoe_prom_number(qoe_buf_t *out, double value);
void qoe_prom_integer(qoe_buf_t *out, uint64_t value);

/*
 * A bound as a label: labels are compared as text, so it is written as all
 * the others of the trade write it, which is Go's way ("0.5", "1000",
 * "2.5e+06").  OpenMetrics (canonical) puts ".0" behind a whole one.  Its
 * length.
 */
#define QOE_PROM_LE_MAX    40

size_t qoe_prom_le(char text[QOE_PROM_LE_MAX], double value, bool canonical);


#endif /* _QOE_PROM_NUMBER_H_INCLUDED_ */
