
/*
 * Copyright (C) OpenQoE
 *
 * What the decoder has to say of a body.  Private to this room, and to the
 * oracle of its tests.
 */


#ifndef _QOE_DECODE_PRIV_H_INCLUDED_
#define _QOE_DECODE_PRIV_H_INCLUDED_


#include "qoe_fast.h"


#define QOE_DECODE_SIZE                                                       \
    "must be at most " QOE_STRINGIFY(QOE_EVENT_RAW_MAX) " bytes of JSON"
#define QOE_DECODE_KEYS                                                       \
    "must have at most " QOE_STRINGIFY(QOE_KEYS_MAX) " keys"
#define QOE_DECODE_HALF    "a string has half a surrogate pair"
#define QOE_DECODE_NO_OBJECT                                                  \
    "the body must be a JSON object with a list \"events\""
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

/*
 * Is the body no text that a reader of JSON takes, for a byte order mark or a
 * NUL byte?  Then it fails.
 */
bool qoe_decode_no_text(qoe_batch_t *batch, qoe_span_t body);

/*
 * Does the text hold more, or deeper, than its number of events has any use
 * for?  Then it fails; batch may be NULL.
 */
bool qoe_decode_excess(qoe_batch_t *batch, qoe_span_t text, size_t max_events);

/*
 * Why the walk has declined a body, into the batch: the first limit, or what is
 * no JSON there.  If there is nothing wrong with the body, it was memory:
 * QOE_NOMEM.
 */
qoe_status_t qoe_decode_broken(qoe_batch_t *batch, qoe_span_t body,
    const qoe_broken_place_t *place, size_t max_events, qoe_arena_t *arena);


#endif /* _QOE_DECODE_PRIV_H_INCLUDED_ */
