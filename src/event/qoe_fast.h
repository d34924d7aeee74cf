
/*
 * Copyright (C) OpenQoE
 *
 * The single-pass decoder, with no tree and no heap.  A valid event is read
 * once, and an event that breaks a rule twice: then the error is noted, and
 * the rest of the body is decoded as ever.  A body that is not JSON it
 * declines, and qoe_decode_broken() says where and why.  Private to this room;
 * any one thread a batch.
 */


#ifndef _QOE_FAST_H_INCLUDED_
#define _QOE_FAST_H_INCLUDED_


#include "qoe_decode.h"


/* What a body may hold of both at most: the realistic events have 10 and 60. */
#define qoe_containers_max(events)   (((events) + 32) * 32)
#define qoe_values_max(events)       (((events) + 32) * 256)


/* How strings are searched: bytes at a time, the widest last. */

typedef enum {
    QOE_FAST_SWAR = 0,           /* 8, in a register; anywhere */
    QOE_FAST_SSE2,               /* 16 */
    QOE_FAST_AVX2,               /* 32 */
    QOE_FAST_VARIANTS
} qoe_fast_variant_t;


/* Was it built, and does this machine have it? */
bool qoe_fast_usable(qoe_fast_variant_t variant);

/* The best usable one. */
qoe_fast_variant_t qoe_fast_best(void);

/*
 * Where a body stops being JSON: the text from a byte on is wrong where this
 * stands before it.
 */

typedef enum {
    QOE_BROKEN_NOT = 0,
    QOE_BROKEN_TOP,              /* nothing: the body's value */
    QOE_BROKEN_END,              /* that value */
    QOE_BROKEN_MEMBER,           /* the beginning of an object */
    QOE_BROKEN_TWICE,            /* the same, and the same key */
    QOE_BROKEN_ITEM,             /* the beginning of a list */
    QOE_BROKEN_MEMBERS,          /* an object with a member */
    QOE_BROKEN_ITEMS             /* a list with an item */
} qoe_broken_t;

typedef struct {
    qoe_broken_t  broken;
    size_t        at;
    bool          crowded;       /* a limit may have been passed before */
} qoe_broken_place_t;


/*
 * QOE_OK or QOE_INVALID, and the batch, whose strings point into body and the
 * arena.  QOE_DONE: declined, and the batch says nothing; the arena may be
 * fuller.  *place says where it is no JSON, if that is why: QOE_BROKEN_NOT if
 * it was memory, or a limit.
 */
qoe_status_t qoe_fast_decode(qoe_batch_t *batch, qoe_span_t body,
    const qoe_decode_conf_t *conf, int64_t now_ms, qoe_arena_t *arena,
    qoe_fast_variant_t variant, qoe_broken_place_t *place);


#endif /* _QOE_FAST_H_INCLUDED_ */
