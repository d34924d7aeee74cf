
/*
 * Copyright (C) OpenQoE
 *
 * A single pass over the bytes of a JSON text, for what jansson does not
 * tell: the depth before it recurses, and where a value stands in the text.
 *
 * The slices are for text that jansson has accepted.  On any other text they
 * may be wrong, but they never leave the span they were given.
 */


#ifndef _QOE_SLICE_H_INCLUDED_
#define _QOE_SLICE_H_INCLUDED_


#include "qoe_core.h"


/* Where something stands in a text, as editors count. */

typedef struct {
    size_t        byte;          /* from 0 */
    size_t        line;          /* from 1 */
    size_t        column;        /* from 1, in characters */
} qoe_slice_pos_t;


/* What a parser would have to hold at once. */

typedef struct {
    size_t        depth;
    size_t        containers;    /* objects and arrays */
    size_t        values;        /* counted by the commas between them */
} qoe_slice_limits_t;

typedef enum {
    QOE_SLICE_WITHIN = 0,
    QOE_SLICE_DEPTH,
    QOE_SLICE_CONTAINERS,
    QOE_SLICE_VALUES
} qoe_slice_excess_t;


/*
 * Which limit the text passes first, and *at the offset where.  Exact for
 * valid JSON; for a text that breaks off being JSON, exact up to that place,
 * which is as far as a parser goes.
 */
qoe_slice_excess_t qoe_slice_check(qoe_span_t text,
    const qoe_slice_limits_t *max, size_t *at);

/* Line and column of a byte offset; reads text[0..byte). */
qoe_slice_pos_t qoe_slice_pos(qoe_span_t text, size_t byte);

/* The length without the white space between the tokens. */
size_t qoe_slice_compact_len(qoe_span_t text);


#endif /* _QOE_SLICE_H_INCLUDED_ */
