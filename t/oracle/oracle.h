
/*
 * Copyright (C) OpenQoE
 *
 * The decoder by jansson, whole: a tree of the body, and the rules on that.
 * What the single-pass decoder says of a body is compared with it by the unit
 * tests and the fuzzers, and its costs by the benchmarks.
 */


#ifndef _ORACLE_H_INCLUDED_
#define _ORACLE_H_INCLUDED_


#include "qoe_decode_priv.h"
#include "qoe_schema.h"
#include "qoe_slice.h"

#include <jansson.h>


/* The elements of an array, one after the other. */

typedef struct {
    const char   *p;
    const char   *end;
    bool          first;
} qoe_slice_iter_t;


/*
 * As qoe_decode(), but that the batch's strings point into a tree, which lives
 * until the next call of either function.
 */
qoe_status_t qoe_decode_jansson(qoe_batch_t *batch, const char *body,
    size_t len, const qoe_decode_conf_t *conf, int64_t now_ms,
    qoe_arena_t *arena);
void qoe_oracle_free(void);

/* Errors of an event; n may be more than max, which is how many fit. */

typedef struct {
    qoe_decode_error_t  *list;
    size_t               max;
    size_t               n;
} oracle_errors_t;


/*
 * Fills ev from object, whose text is raw.  ev's strings point into object
 * and the arena.
 * *unknown grows by the keys that no rule knows, whatever is returned.
 *
 * QOE_OK, or QOE_INVALID with field and reason of each rule broken, in the
 * order type, time, known objects, fields, data.  QOE_NOMEM.
 */
qoe_status_t qoe_schema_event(qoe_event_t *ev, json_t *object, qoe_span_t raw,
    const qoe_decode_conf_t *conf, int64_t now_ms, size_t *unknown,
    oracle_errors_t *err, qoe_arena_t *arena);

/*
 * NULL, or the reason why value, which is no null, breaks the kind's rule.
 * A string points into value.
 */
const char *qoe_value_read(qoe_value_t *out, qoe_value_kind_t kind,
    const json_t *value);

/*
 * Fills number, set, data and dims of ev, whose sources are known, from the
 * object data.  What is not usable is ignored.  Texts point into data and the
 * arena.  QOE_NOMEM.
 */
qoe_status_t qoe_data_read(qoe_event_t *ev, json_t *data, qoe_arena_t *arena);

/*
 * Is there half a surrogate pair, as an escape, from *at on?  *at is where it
 * begins; all that is before must be whole.
 */
bool qoe_slice_half(qoe_span_t text, size_t *at);

/* As qoe_slice_pos(), a byte at a time. */
qoe_slice_pos_t qoe_oracle_pos(qoe_span_t text, size_t byte);

/* The value of the object's member number n (from 0, in the text's order). */
qoe_status_t qoe_slice_member(qoe_span_t object, size_t n, qoe_span_t *value);

/* QOE_OK and an element, QOE_DONE behind the last, QOE_INVALID. */
void qoe_slice_array(qoe_slice_iter_t *it, qoe_span_t array);
qoe_status_t qoe_slice_next(qoe_slice_iter_t *it, qoe_span_t *element);


#endif /* _ORACLE_H_INCLUDED_ */
