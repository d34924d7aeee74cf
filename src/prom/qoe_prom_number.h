
/*
 * Copyright (C) OpenQoE
 *
 * Numbers in Prometheus text, the same in every locale.
 */


#ifndef _QOE_PROM_NUMBER_H_INCLUDED_
#define _QOE_PROM_NUMBER_H_INCLUDED_


#include "qoe_buf.h"


/* Appends the shortest text that reads back as value, which must be finite. */
void qoe_prom_number(qoe_buf_t *out, double value);
void qoe_prom_integer(qoe_buf_t *out, uint64_t value);

/*
 * A bucket's bound as a label.  Labels are compared as text, so the bound is
 * written as every other exporter writes it, which is Go's way ("0.5", "1000",
 * "2.5e+06"); OpenMetrics (canonical) appends ".0" to a whole number.  Returns
 * the length.
 */
#define QOE_PROM_LE_MAX    40

size_t qoe_prom_le(char text[QOE_PROM_LE_MAX], double value, bool canonical);


#endif /* _QOE_PROM_NUMBER_H_INCLUDED_ */
