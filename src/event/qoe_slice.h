
/*
 * Copyright (C) OpenQoE
 *
 * Single passes over the bytes of a JSON text: its depth and size, the line and
 * column of a byte, and its length without white space.
 *
 * On text that is not JSON the results may be wrong, but no function reads
 * outside of its span.
 */


#ifndef _QOE_SLICE_H_INCLUDED_
#define _QOE_SLICE_H_INCLUDED_


#include "qoe_core.h"


/* A position in a text, counted as editors do. */

typedef struct {
    size_t        byte;          /* from 0 */
    size_t        line;          /* from 1 */
    size_t        column;        /* from 1, in characters */
} qoe_slice_pos_t;


/* Limits on the structure of a text. */

typedef struct {
    size_t        depth;
    size_t        containers;    /* objects and arrays */
    size_t        values;        /* counted by their commas */
} qoe_slice_limits_t;

typedef enum {
    QOE_SLICE_WITHIN = 0,
    QOE_SLICE_DEPTH,
    QOE_SLICE_CONTAINERS,
    QOE_SLICE_VALUES
} qoe_slice_excess_t;


/*
 * The limit that the text exceeds first, and *at the offset where.  Exact for
 * valid JSON; in other text exact up to the first fault, which is as far as a
 * parser reads.
 */
qoe_slice_excess_t qoe_slice_check(qoe_span_t text,
    const qoe_slice_limits_t *max, size_t *at);

/* The line and column of a byte offset; reads text[0..byte). */
qoe_slice_pos_t qoe_slice_pos(qoe_span_t text, size_t byte);

/* The length of a JSON text without white space between its tokens. */
size_t qoe_slice_compact_len(qoe_span_t text);


#endif /* _QOE_SLICE_H_INCLUDED_ */
