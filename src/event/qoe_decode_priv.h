
/*
 * Copyright (C) OpenQoE
 *
 * The texts and checks that report why a body is refused.  Private to this
 * room, and to the oracle of its tests.
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

/* Makes this the only error of the batch, about the body as a whole. */
void qoe_decode_fail(qoe_batch_t *batch, const char *field, const char *fmt,
    ...) __attribute__((format(printf, 3, 4)));

/* Checks that the number of events is allowed, and reports it if not. */
bool qoe_decode_total(qoe_batch_t *batch, size_t max_events);

/*
 * Returns true, and reports it, if the body starts with a byte order mark or
 * has a NUL byte, so that no JSON parser accepts it.
 */
bool qoe_decode_no_text(qoe_batch_t *batch, qoe_span_t body);

/*
 * Returns true, and reports it, if the text is nested too deep or has more
 * objects, lists or values than that many events can need.  batch may be NULL:
 * then nothing is reported.
 */
bool qoe_decode_excess(qoe_batch_t *batch, qoe_span_t text, size_t max_events);

/*
 * Reports why the walk has declined a body: the limit or the syntax error that
 * comes first.  If there is neither, the cause was memory: QOE_NOMEM.
 */
qoe_status_t qoe_decode_broken(qoe_batch_t *batch, qoe_span_t body,
    const qoe_broken_place_t *place, size_t max_events, qoe_arena_t *arena);


#endif /* _QOE_DECODE_PRIV_H_INCLUDED_ */
