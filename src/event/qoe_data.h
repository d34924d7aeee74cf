
/*
 * Copyright (C) OpenQoE
 *
 * The free-form member "data" of an event: which of its numbers and texts
 * metrics use, and the values of custom dimensions.  Private to this room.
 */


#ifndef _QOE_DATA_H_INCLUDED_
#define _QOE_DATA_H_INCLUDED_


#include "qoe_source.h"


#define QOE_DATA_RANKS     3             /* the most paths a number has */
#define QOE_DATA_ROWS      (QOE_DATA_NUMBERS * QOE_DATA_RANKS + QOE_DATA_TEXTS)

/* Where a value is read from: one path of the tables, split into its keys. */

typedef struct {
    qoe_span_t             key;
    qoe_span_t             sub;      /* empty: the value of key itself */
    bool                   text;
    uint8_t                id;       /* qoe_number_t or qoe_data_text_t */
    uint8_t                rank;     /* the lowest rank that is present wins */
} qoe_data_row_t;


/* All rows that start with the same key. */

typedef struct {
    qoe_span_t             key;
    const qoe_data_row_t  *first;
    const qoe_data_row_t  *end;
} qoe_data_key_t;


/*
 * Builds the tables.  Must be called before the other functions of this file;
 * further calls do nothing.  Any thread.
 */
void qoe_data_init(void);

/* Returns NULL if no path starts with that key. */
const qoe_data_key_t *qoe_data_find(qoe_span_t key);

/* All keys that a path starts with. */
const qoe_data_key_t *qoe_data_keys(size_t *n);

/*
 * Store a value in the place of its row, or as the dimension of a source.  A
 * value of type NONE is not text, number or boolean, and is ignored.  ranks[]
 * has QOE_DATA_NUMBERS elements; it is used by a single event and need not be
 * cleared.  The arena holds texts made of numbers.  QOE_NOMEM.
 */
qoe_status_t qoe_data_set(qoe_event_t *ev, const qoe_data_row_t *row,
    const qoe_value_t *value, uint8_t *ranks, qoe_arena_t *arena);
qoe_status_t qoe_data_dim(qoe_event_t *ev, const qoe_source_t *source,
    const qoe_value_t *value, qoe_arena_t *arena);


/*
 * Stores a finite number in the place of its row, unless a path of a lower
 * rank has already given one.
 */

static inline void
qoe_data_put(qoe_event_t *ev, const qoe_data_row_t *row, double n,
    uint8_t *ranks)
{
    uint64_t  bit;

    bit = (uint64_t) 1 << row->id;

    if ((ev->set & bit) == 0 || row->rank < ranks[row->id]) {
        ev->set |= bit;
        ev->number[row->id] = n;
        ranks[row->id] = row->rank;
    }
}


#endif /* _QOE_DATA_H_INCLUDED_ */
