
/*
 * Copyright (C) OpenQoE
 *
 * Sketches in memory of a fixed size, in the zone or elsewhere.
 *
 * HyperLogLog (Flajolet et al. 2007) with 2^15 registers has a standard error
 * of 0.57 %, so that 2 % are three and a half times as much; with 2^14
 * registers, a sketch in 70 would be off by more.  The estimator is Ertl's
 * (2017), which needs no tables and has no range of bias.  Several threads may
 * add at the same time.
 *
 * Space-saving (Metwally et al. 2005) finds the most frequent values of a
 * stream, with an upper bound of each count's error.  The caller provides a
 * lock for writers; readers need none.
 */


#ifndef _QOE_SKETCH_H_INCLUDED_
#define _QOE_SKETCH_H_INCLUDED_


#include "qoe_core.h"


#define QOE_HLL_BITS       15
#define QOE_HLL_SIZE       (1 << QOE_HLL_BITS)       /* all 0: empty */

typedef struct {
    uint8_t         reg[QOE_HLL_SIZE];
} qoe_hll_t;

/* hash must have 64 well-mixed bits of the value. */
void qoe_hll_add(qoe_hll_t *h, uint64_t hash);

/* The estimated number of distinct values that were added. */
double qoe_hll_count(const qoe_hll_t *h);


#define QOE_TOPK_TEXT      104               /* stored bytes of a value */

typedef struct qoe_topk_s  qoe_topk_t;

/*
 * The bytes that a sketch with that many counters needs, and creating an empty
 * one in such memory, aligned to 64 bytes.
 */
size_t qoe_topk_size(uint32_t counters);
void qoe_topk_create(qoe_topk_t *t, uint32_t counters);

/*
 * Removes all values.  The caller holds the writers' lock, as for all functions
 * that change the sketch.
 */
void qoe_topk_clear(qoe_topk_t *t);

/*
 * Counts an occurrence of the value.  Returns true if it is among the k most
 * frequent values, and at least half of its count is its own.
 */
bool qoe_topk_add(qoe_topk_t *t, uint64_t hash, qoe_span_t text, uint32_t k);

/* Builds the indexes again, after a writer has died. */
void qoe_topk_rebuild(qoe_topk_t *t);

/* Halves every count, so that values that are no longer frequent give way. */
void qoe_topk_halve(qoe_topk_t *t);

typedef struct {
    uint64_t        hash;
    uint64_t        count;                   /* an upper bound */
    uint64_t        error;                   /* count may be too high by this */
    qoe_span_t      text;
} qoe_topk_entry_t;

/*
 * Lists the n most frequent values in descending order; returns their number.
 */
size_t qoe_topk_list(const qoe_topk_t *t, qoe_topk_entry_t *out, size_t n);

/*
 * Copies the text of an entry, and returns its length; 0 if a writer has given
 * the counter to another value meanwhile.
 */
size_t qoe_topk_text(const qoe_topk_entry_t *e, char buf[QOE_TOPK_TEXT]);


#endif /* _QOE_SKETCH_H_INCLUDED_ */
