
/*
 * Copyright (C) OpenQoE
 *
 * The headline metrics of all lanes summed up by title, CDN, country and
 * device.  Made in steps, because there may be many series; a collection
 * (qoe_collect.h) would cost several times as much, for it keeps each series.
 */


#ifndef _QOE_TOP_H_INCLUDED_
#define _QOE_TOP_H_INCLUDED_


#include "qoe_state.h"


#define QOE_TOP_ROWS       4096              /* of a list; more are left out */
#define QOE_TOP_SHOWN      30                /* of them are in order */
#define QOE_TOP_BUCKETS    11


typedef enum {
    QOE_TOP_TITLES = 0,
    QOE_TOP_CDNS,
    QOE_TOP_COUNTRIES,
    QOE_TOP_DEVICES,
    QOE_TOP_LISTS
} qoe_top_list_t;


/* Since its series began. */

typedef struct {
    qoe_span_t      name;
    uint64_t        started;
    uint64_t        over;                    /* with any outcome */
    uint64_t        failures;                /* of them; of starts, too */
    uint64_t        exits;                   /* before the start */
    uint64_t        stalls;
    double          stalled_ms;
    double          playing_ms;
    uint64_t        startup[QOE_TOP_BUCKETS];
} qoe_top_row_t;


typedef struct qoe_top_s  qoe_top_t;


/* st, dims and mem must outlive it.  NULL: no memory. */
qoe_top_t *qoe_top_create(const qoe_state_t *st, const qoe_dimensions_t *dims,
    const qoe_mem_t *mem);
void qoe_top_destroy(qoe_top_t *t);

/*
 * Works for about budget_us.  QOE_AGAIN: there is more to do; QOE_OK: it is
 * complete; QOE_NOMEM.
 */
qoe_status_t qoe_top_step(qoe_top_t *t, uint64_t budget_us);

/* Of a complete one: the n-th row by views, n < QOE_TOP_SHOWN, or NULL. */
const qoe_top_row_t *qoe_top_row(const qoe_top_t *t, qoe_top_list_t list,
    size_t n);
/* The number of rows, and whether there were more than could be kept. */
size_t qoe_top_rows(const qoe_top_t *t, qoe_top_list_t list, bool *more);


#endif /* _QOE_TOP_H_INCLUDED_ */
