
/*
 * Copyright (C) OpenQoE
 *
 * What the single-pass decoder and jansson's have to say of a body in the same
 * words.  Private to this room.
 */


#ifndef _QOE_DECODE_PRIV_H_INCLUDED_
#define _QOE_DECODE_PRIV_H_INCLUDED_


#include "qoe_fast.h"

#include <jansson.h>


/* How jansson reads a body. */
#define QOE_DECODE_FLAGS                                                      \
    (JSON_REJECT_DUPLICATES|JSON_DECODE_INT_AS_REAL|JSON_DECODE_ANY)

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

/* Of a body that jansson has refused; QOE_NOMEM if it was its memory. */
qoe_status_t qoe_decode_syntax(qoe_batch_t *batch, qoe_span_t body,
    const json_error_t *error);

/*
 * Empties the batch, and looks at all that jansson must not be given; *whole is
 * the text that it may be given.
 */
qoe_status_t qoe_decode_prepare(qoe_batch_t *batch, qoe_span_t body,
    qoe_span_t *whole, size_t max_events, qoe_arena_t *arena);

/*
 * Why the walk has declined a body: a limit, or what is no JSON there.  jansson
 * words that, but is given only what it takes to come to it.  If there is
 * nothing wrong with the body, it was memory: QOE_NOMEM.
 */
qoe_status_t qoe_decode_broken(qoe_batch_t *batch, qoe_span_t body,
    const qoe_broken_place_t *place, size_t max_events, qoe_arena_t *arena);

/*
 * Of the text of a broken value or member: up to two parts, in their order,
 * that are valid in themselves and far from any fault, so that jansson says
 * the same without them.  A part of no bytes is none.
 */
void qoe_decode_cut(qoe_span_t text, qoe_span_t cut[2]);


#endif /* _QOE_DECODE_PRIV_H_INCLUDED_ */
