
/*
 * Copyright (C) OpenQoE
 *
 * A set of attributes as one run of bytes: for each a byte of name length, the
 * name, two bytes (little-endian) of value length, the value.  It carries the
 * names, so it means the same under every configuration.  Equal sets are
 * equal bytes: who builds one keeps an order.
 */


#ifndef _QOE_LABELS_H_INCLUDED_
#define _QOE_LABELS_H_INCLUDED_


#include "qoe_core.h"


#define QOE_LABELS_MAX     8192              /* bytes of a set */


typedef struct {
    char            data[QOE_LABELS_MAX];
    size_t          len;
} qoe_labels_t;

typedef struct {
    const char     *p;
    const char     *end;
} qoe_labels_iter_t;


#define qoe_labels_span(l)  ((qoe_span_t) { (l)->data, (l)->len })

/*
 * Appends one.  QOE_TOO_LARGE, with nothing appended: the set is full, name is
 * over 255 bytes or value over 65535.
 */
qoe_status_t qoe_labels_add(qoe_labels_t *l, qoe_span_t name,
    qoe_span_t value);

/* Reads any bytes without leaving them; stops at the first that is broken. */
void qoe_labels_iter(qoe_labels_iter_t *it, qoe_span_t packed);
bool qoe_labels_next(qoe_labels_iter_t *it, qoe_span_t *name,
    qoe_span_t *value);


#endif /* _QOE_LABELS_H_INCLUDED_ */
