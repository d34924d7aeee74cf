
/*
 * Copyright (C) OpenQoE
 *
 * Sketches over memory of fixed size, in the zone or not.
 *
 * HyperLogLog (Flajolet et al. 2007) with 2^15 registers, standard error
 * 0.57 %: 2 % is three and a half of it, with 2^14 one sketch in 70 would be
 * off by more.  The estimator is Ertl's (2017), without tables or a bias range.
 * Several writers at once are safe.
 *
 * Space-saving (Metwally et al. 2005): the most frequent of a stream, with an
 * upper bound of each count's error.  One writer at a time: a lock is the
 * caller's; readers may look at any time.
 */


#ifndef _QOE_SKETCH_H_INCLUDED_
#define _QOE_SKETCH_H_INCLUDED_


#include "qoe_core.h"


#define QOE_HLL_BITS       15
#define QOE_HLL_SIZE       (1 << QOE_HLL_BITS)       /* bytes; zero: empty */

typedef struct {
    uint8_t         reg[QOE_HLL_SIZE];
} qoe_hll_t;

/* hash: 64 good bits of the value. */
void qoe_hll_add(qoe_hll_t *h, uint64_t hash);
double qoe_hll_count(const qoe_hll_t *h);


#define QOE_TOPK_TEXT      104               /* bytes of a value */

typedef struct qoe_topk_s  qoe_topk_t;

size_t qoe_topk_size(uint32_t counters);
void qoe_topk_create(qoe_topk_t *t, uint32_t counters);
/* Forgets everything, under the writers' lock. */
void qoe_topk_clear(qoe_topk_t *t);

/*
 * Counts one occurrence and tells whether the value is among the k most
 * frequent ones now, and not by what it took over.
 */
bool qoe_topk_add(qoe_topk_t *t, uint64_t hash, qoe_span_t text, uint32_t k);

/* After the death of a writer: makes every index anew. */
void qoe_topk_rebuild(qoe_topk_t *t);

/* Halves every count, so that what was frequent once gives way. */
void qoe_topk_halve(qoe_topk_t *t);

typedef struct {
    uint64_t        hash;
    uint64_t        count;                   /* never too low */
    uint64_t        error;                   /* too high by at most this */
    qoe_span_t      text;
} qoe_topk_entry_t;

/* The n most frequent, most frequent first; how many there are. */
size_t qoe_topk_list(const qoe_topk_t *t, qoe_topk_entry_t *out, size_t n);

/*
 * Copies the text of an entry while a writer may be at work; its length, 0
 * when the counter has gone over to another value.
 */
size_t qoe_topk_text(const qoe_topk_entry_t *e, char buf[QOE_TOPK_TEXT]);


#endif /* _QOE_SKETCH_H_INCLUDED_ */
