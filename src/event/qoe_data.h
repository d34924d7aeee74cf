
/*
 * Copyright (C) OpenQoE
 *
 * The free part of an event, "data": the numbers and texts of it that metrics
 * are made of, and the values of custom dimensions.  Private to this room.
 */


#ifndef _QOE_DATA_H_INCLUDED_
#define _QOE_DATA_H_INCLUDED_


#include "qoe_source.h"


#define QOE_DATA_RANKS     3             /* paths of a number at most */
#define QOE_DATA_ROWS      (QOE_DATA_NUMBERS * QOE_DATA_RANKS + QOE_DATA_TEXTS)

/* Where a value is read from: one path of the tables, in two keys. */

typedef struct {
    qoe_span_t             key;
    qoe_span_t             sub;      /* empty: the value of key itself */
    bool                   text;
    uint8_t                id;       /* qoe_number_t or qoe_data_text_t */
    uint8_t                rank;     /* the lower one is taken */
} qoe_data_row_t;


/* All rows of a key. */

typedef struct {
    qoe_span_t             key;
    const qoe_data_row_t  *first;
    const qoe_data_row_t  *end;
} qoe_data_key_t;


/* Before the other ones; any number of times. */
void qoe_data_init(void);

/* NULL: no path starts with that key. */
const qoe_data_key_t *qoe_data_find(qoe_span_t key);

/* All keys. */
const qoe_data_key_t *qoe_data_keys(size_t *n);

/*
 * One value into its row, or into the dimension of a source: of type NONE it
 * is neither text, number nor boolean.  ranks[] belongs to this one event and
 * needs no clearing.  QOE_NOMEM.
 */
qoe_status_t qoe_data_set(qoe_event_t *ev, const qoe_data_row_t *row,
    const qoe_value_t *value, uint8_t *ranks, qoe_arena_t *arena);
qoe_status_t qoe_data_dim(qoe_event_t *ev, const qoe_source_t *source,
    const qoe_value_t *value, qoe_arena_t *arena);


/* A usable number into its row. */

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
