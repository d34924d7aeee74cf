
/*
 * Copyright (C) OpenQoE
 *
 * The single-pass decoder, which builds no tree and uses no heap.  A valid
 * event is read once.  An event that breaks a rule is read twice: the second
 * time its error is recorded, and the rest of the body is decoded as usual.  A
 * body that is not JSON is declined; qoe_decode_broken() then reports where
 * and why.  Private to this room; a batch is used by one thread at a time.
 */


#ifndef _QOE_FAST_H_INCLUDED_
#define _QOE_FAST_H_INCLUDED_


#include "qoe_decode.h"


/*
 * The most containers and values that a body may have, far above the 10 and 60
 * of a realistic event.
 */
#define qoe_containers_max(events)   (((events) + 32) * 32)
#define qoe_values_max(events)       (((events) + 32) * 256)


/* What precedes the place where a body stops being JSON. */

typedef enum {
    QOE_BROKEN_NOT = 0,
    QOE_BROKEN_TOP,              /* nothing: at the body's value */
    QOE_BROKEN_END,              /* the body's value */
    QOE_BROKEN_MEMBER,           /* the beginning of an object */
    QOE_BROKEN_TWICE,            /* the same, and the same key */
    QOE_BROKEN_ITEM,             /* the beginning of a list */
    QOE_BROKEN_MEMBERS,          /* a member of an object */
    QOE_BROKEN_ITEMS             /* an item of a list */
} qoe_broken_t;

typedef struct {
    qoe_broken_t  broken;
    size_t        at;
    bool          crowded;       /* a limit may be exceeded before it */
} qoe_broken_place_t;


/*
 * QOE_OK or QOE_INVALID fill the batch; its strings point into body and the
 * arena.  QOE_DONE declines the body: the batch is not valid, and the arena
 * may hold garbage.  *place then is where the body stops being JSON; if it was
 * declined for a limit or for lack of memory, place->broken is QOE_BROKEN_NOT.
 */
qoe_status_t qoe_fast_decode(qoe_batch_t *batch, qoe_span_t body,
    const qoe_decode_conf_t *conf, int64_t now_ms, qoe_arena_t *arena,
    qoe_broken_place_t *place);


#endif /* _QOE_FAST_H_INCLUDED_ */
