
/*
 * Copyright (C) OpenQoE
 */


#include "qoe_decode_priv.h"

#include <stdlib.h>


static int qoe_batch_compare(const void *one, const void *two);


qoe_status_t
qoe_decode(qoe_batch_t *batch, const char *body, size_t len,
    const qoe_decode_conf_t *conf, int64_t now_ms, qoe_arena_t *arena)
{
    qoe_span_t          span;
    qoe_status_t        status;
    qoe_arena_mark_t    mark;
    qoe_broken_place_t  place;

    span = (qoe_span_t) { (body != NULL) ? body : "", len };
    mark = qoe_arena_mark(arena);

    status = qoe_fast_decode(batch, span, conf, now_ms, arena, &place);

    if (status != QOE_DONE) {
        return status;
    }

    qoe_arena_rewind(arena, mark);

    return qoe_decode_broken(batch, span, &place, conf->max_events, arena);
}


qoe_status_t
qoe_batch_order(qoe_event_t ***order, const qoe_batch_t *batch,
    qoe_arena_t *arena)
{
    bool           sorted;
    size_t         i;
    qoe_event_t  **p;

    p = qoe_arena_alloc(arena, batch->nevents * sizeof(qoe_event_t *));
    if (p == NULL) {
        return QOE_NOMEM;
    }

    sorted = true;

    for (i = 0; i < batch->nevents; i++) {
        p[i] = &batch->events[i];
        sorted = sorted && (i == 0 || qoe_batch_compare(&p[i - 1], &p[i]) < 0);
    }

    if (!sorted) {
        qsort(p, batch->nevents, sizeof(qoe_event_t *), qoe_batch_compare);
    }

    *order = p;

    return QOE_OK;
}


/* Events of the same millisecond are ordered as a player causes them. */

static int
qoe_batch_compare(const void *one, const void *two)
{
    int                 order;
    const qoe_event_t  *a, *b;

    a = *(qoe_event_t *const *) one;
    b = *(qoe_event_t *const *) two;

    if (a->time_ms != b->time_ms) {
        return (a->time_ms < b->time_ms) ? -1 : 1;
    }

    order = qoe_event_type_rank(a->type) - qoe_event_type_rank(b->type);

    if (order != 0) {
        return order;
    }

    return (a < b) ? -1 : a > b;
}
