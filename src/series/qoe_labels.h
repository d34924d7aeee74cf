
/*
 * Copyright (C) OpenQoE
 *
 * A set of attributes as a sequence of bytes; for each attribute: a byte with
 * the length of the name, the name, two bytes (little-endian) with the length
 * of the value, the value.  Because names are part of it, a set means the same
 * under every configuration.  Sets are compared as bytes, so whoever builds
 * them must add attributes in a fixed order.
 */


#ifndef _QOE_LABELS_H_INCLUDED_
#define _QOE_LABELS_H_INCLUDED_


#include "qoe_core.h"


#define QOE_LABELS_MAX     8192              /* longest set in bytes */


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
 * Appends an attribute.  QOE_TOO_LARGE, and nothing is appended, if the set is
 * full, name is longer than 255 bytes, or value longer than 65535.
 */
qoe_status_t qoe_labels_add(qoe_labels_t *l, qoe_span_t name,
    qoe_span_t value);

/*
 * Iterates over the attributes of a set.  Safe on any bytes: it stops at the
 * first attribute that is damaged.
 */
void qoe_labels_iter(qoe_labels_iter_t *it, qoe_span_t packed);
bool qoe_labels_next(qoe_labels_iter_t *it, qoe_span_t *name,
    qoe_span_t *value);

/* The value of the first attribute of that name; data is NULL: none has it. */
qoe_span_t qoe_labels_get(qoe_span_t packed, qoe_span_t name);


#endif /* _QOE_LABELS_H_INCLUDED_ */
