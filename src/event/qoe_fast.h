
/*
 * Copyright (C) OpenQoE
 *
 * The single-pass decoder: a body of valid events only, read once, with no
 * tree and no heap.  What is wrong or unusual in any way it declines, and
 * qoe_decode_jansson() decides.  Private to this room; any one thread a batch.
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
 * QOE_OK and the batch that qoe_decode_jansson() would make, but that its
 * strings point into body and the arena.  QOE_DONE: declined, and the batch is
 * as it was; the arena may be fuller.
 */
qoe_status_t qoe_fast_decode(qoe_batch_t *batch, qoe_span_t body,
    const qoe_decode_conf_t *conf, int64_t now_ms, qoe_arena_t *arena,
    qoe_fast_variant_t variant);

/* qoe_decode() without this decoder. */
qoe_status_t qoe_decode_jansson(qoe_batch_t *batch, const char *body,
    size_t len, const qoe_decode_conf_t *conf, int64_t now_ms,
    qoe_arena_t *arena);


#endif /* _QOE_FAST_H_INCLUDED_ */
