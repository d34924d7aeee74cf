
/*
 * Copyright (C) OpenQoE
 *
 * The single-pass decoder, with no tree and no heap.  A valid event is read
 * once, and an event that breaks a rule twice: then the error is noted, and
 * the rest of the body is decoded as ever.  A body that is not JSON it
 * declines, and qoe_decode_jansson() says where and why.  Private to this
 * room; any one thread a batch.
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
 * QOE_OK or QOE_INVALID, and the batch that qoe_decode_jansson() would make,
 * but that its strings point into body and the arena.  QOE_DONE: declined, and
 * the batch says nothing; the arena may be fuller.
 */
qoe_status_t qoe_fast_decode(qoe_batch_t *batch, qoe_span_t body,
    const qoe_decode_conf_t *conf, int64_t now_ms, qoe_arena_t *arena,
    qoe_fast_variant_t variant);

/* qoe_decode() without this decoder. */
qoe_status_t qoe_decode_jansson(qoe_batch_t *batch, const char *body,
    size_t len, const qoe_decode_conf_t *conf, int64_t now_ms,
    qoe_arena_t *arena);



/* What both have to say, and how. */

#define QOE_DECODE_SIZE                                                       \
    "must be at most " QOE_STRINGIFY(QOE_EVENT_RAW_MAX) " bytes of JSON"
#define QOE_DECODE_KEYS                                                       \
    "must have at most " QOE_STRINGIFY(QOE_KEYS_MAX) " keys"
#define QOE_DECODE_HALF    "a string has half a surrogate pair"
#define QOE_DECODE_KEYS_BODY                                                  \
    "the body has more than " QOE_STRINGIFY(QOE_KEYS_MAX)                     \
    " keys outside of its events"
#define QOE_DECODE_HALF_BODY                                                  \
    "a string outside of the events has half a surrogate pair"

/* The only error of the whole body. */
void qoe_decode_fail(qoe_batch_t *batch, const char *field, const char *fmt,
    ...) __attribute__((format(printf, 3, 4)));

/* Is batch->total a number of events that is allowed?  If not, it fails. */
bool qoe_decode_total(qoe_batch_t *batch, size_t max_events);


#endif /* _QOE_FAST_H_INCLUDED_ */
