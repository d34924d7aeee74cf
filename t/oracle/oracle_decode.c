
/*
 * Copyright (C) OpenQoE
 *
 * A body through a tree of jansson.
 */


#include "oracle.h"

#include <stdio.h>


/* event_type, event_time and the ids: no object with fewer is an event */
#define QOE_DECODE_KEYS_MIN    7


static qoe_status_t qoe_decode_parse(qoe_batch_t *batch, qoe_span_t body);
static json_t *qoe_decode_array(qoe_batch_t *batch, qoe_span_t body,
    qoe_span_t whole, qoe_span_t *text);
static bool qoe_decode_outside(qoe_batch_t *batch, qoe_span_t body,
    qoe_span_t whole, const json_t *events, size_t n, qoe_span_t *text);
static size_t qoe_decode_keys(const json_t *value);
static size_t qoe_decode_candidates(const json_t *array);
static qoe_status_t qoe_decode_events(qoe_batch_t *batch, json_t *array,
    qoe_span_t text, const char *whole, const qoe_decode_conf_t *conf,
    int64_t now_ms, qoe_arena_t *arena);
static qoe_status_t qoe_decode_event(qoe_event_t *ev, json_t *value,
    qoe_span_t raw, const char *whole, const qoe_decode_conf_t *conf,
    int64_t now_ms, size_t *unknown, qoe_decode_error_t *err,
    qoe_arena_t *arena);


qoe_status_t
qoe_decode_jansson(qoe_batch_t *batch, const char *body, size_t len,
    const qoe_decode_conf_t *conf, int64_t now_ms, qoe_arena_t *arena)
{
    json_t        *array;
    qoe_span_t     span, whole, text;
    qoe_status_t   status;

    span = (qoe_span_t) { (body != NULL) ? body : "", len };

    status = qoe_decode_prepare(batch, span, &whole, conf->max_events, arena);

    if (status == QOE_OK) {
        status = qoe_decode_parse(batch, whole);
    }

    if (status != QOE_OK) {
        return status;
    }

    array = qoe_decode_array(batch, span, whole, &text);

    if (array == NULL) {
        return QOE_INVALID;
    }

    batch->total = json_array_size(array);

    if (!qoe_decode_total(batch, conf->max_events)) {
        return QOE_INVALID;
    }

    batch->events = qoe_arena_alloc(arena, qoe_decode_candidates(array)
                                           * sizeof(qoe_event_t));

    if (batch->events == NULL) {
        return QOE_NOMEM;
    }

    return qoe_decode_events(batch, array, text,
                             whole.data + (text.data - span.data), conf,
                             now_ms, arena);
}


static qoe_status_t
qoe_decode_parse(qoe_batch_t *batch, qoe_span_t body)
{
    json_error_t  error;

    /* jansson leaves the text empty where an allocation failed */

    memset(&error, 0, sizeof(json_error_t));

    batch->root = json_loadb(body.data, body.len, QOE_DECODE_FLAGS, &error);

    return (batch->root != NULL) ? QOE_OK
                                 : qoe_decode_syntax(batch, body, &error);
}


static json_t *
qoe_decode_array(qoe_batch_t *batch, qoe_span_t body, qoe_span_t whole,
    qoe_span_t *text)
{
    void        *iter;
    json_t      *root, *array;
    size_t       n, unknown;
    qoe_span_t   key;

    root = batch->root;

    if (!json_is_object(root)) {
        qoe_decode_fail(batch, "", QOE_DECODE_NO_OBJECT);
        return NULL;
    }

    array = NULL;
    n = 0;
    unknown = 0;

    /* jansson keeps the order of the text; a key may stand there escaped */

    for (iter = json_object_iter(root);
         iter != NULL;
         iter = json_object_iter_next(root, iter))
    {
        key.data = json_object_iter_key(iter);
        key.len = json_object_iter_key_len(iter);

        if (qoe_span_eq(key, qoe_span("events"))) {
            array = json_object_iter_value(iter);

        } else {
            unknown++;
            n += (array == NULL);
        }
    }

    if (!qoe_decode_outside(batch, body, whole, array, n, text)) {
        return NULL;
    }

    batch->unknown_keys = unknown;

    if (array == NULL || json_is_null(array)) {
        qoe_decode_fail(batch, "events", "is required");
        return NULL;
    }

    if (!json_is_array(array)) {
        qoe_decode_fail(batch, "events", "must be a list of events");
        return NULL;
    }

    if (text->len == 0) {
        qoe_decode_fail(batch, "events", "cannot be found in the body");
        return NULL;
    }

    return array;
}


/*
 * What is limited and refused outside of the events, which are member n of the
 * body; their text, which is empty if they are no list.
 */

static bool
qoe_decode_outside(qoe_batch_t *batch, qoe_span_t body, qoe_span_t whole,
    const json_t *events, size_t n, qoe_span_t *text)
{
    size_t  before, behind, keys;

    *text = (qoe_span_t) { body.data, 0 };
    keys = qoe_decode_keys(batch->root);

    if (json_is_array(events)) {
        keys -= qoe_decode_keys(events);

        if (qoe_slice_member(body, n, text) != QOE_OK) {
            *text = (qoe_span_t) { body.data, 0 };
        }
    }

    if (keys > QOE_KEYS_MAX) {
        qoe_decode_fail(batch, "", QOE_DECODE_KEYS_BODY);
        return false;
    }

    before = (size_t) (text->data - body.data);
    behind = before + text->len;

    if (memcmp(body.data, whole.data, before) != 0
        || memcmp(body.data + behind, whole.data + behind, body.len - behind)
           != 0)
    {
        qoe_decode_fail(batch, "", QOE_DECODE_HALF_BODY);
        return false;
    }

    return true;
}


/* Of all objects in a value. */

static size_t
qoe_decode_keys(const json_t *value)
{
    void    *iter;
    size_t   i, n;
    json_t  *object;

    n = json_object_size(value);

    for (i = 0; i < json_array_size(value); i++) {
        n += qoe_decode_keys(json_array_get(value, i));
    }

    object = (json_t *) value;

    for (iter = json_object_iter(object);
         iter != NULL;
         iter = json_object_iter_next(object, iter))
    {
        n += qoe_decode_keys(json_object_iter_value(iter));
    }

    return n;
}


/*
 * How many elements may be events: memory follows the bytes that were sent,
 * where two bytes an element would otherwise buy room for a whole event.  One
 * more than that, for the last one to be refused in.
 */

static size_t
qoe_decode_candidates(const json_t *array)
{
    size_t  i, n, total;

    total = json_array_size(array);
    n = 1;

    for (i = 0; i < total; i++) {
        n += (json_object_size(json_array_get(array, i))
              >= QOE_DECODE_KEYS_MIN);
    }

    return n;
}


static qoe_status_t
qoe_decode_events(qoe_batch_t *batch, json_t *array, qoe_span_t text,
    const char *whole, const qoe_decode_conf_t *conf, int64_t now_ms,
    qoe_arena_t *arena)
{
    size_t               i;
    qoe_span_t           raw;
    qoe_status_t         rc;
    qoe_slice_iter_t     it;
    qoe_decode_error_t  *err, spare;

    memset(&spare, 0, sizeof(qoe_decode_error_t));
    qoe_slice_array(&it, text);

    for (i = 0; i < batch->total; i++) {

        if (qoe_slice_next(&it, &raw) != QOE_OK) {
            raw = (qoe_span_t) { text.data, 0 };
        }

        err = (batch->nerrors < QOE_DECODE_ERRORS_MAX)
              ? &batch->errors[batch->nerrors] : &spare;

        rc = qoe_decode_event(&batch->events[batch->nevents],
                              json_array_get(array, i), raw,
                              whole + (raw.data - text.data), conf, now_ms,
                              &batch->unknown_keys, err, arena);

        if (rc == QOE_OK) {
            batch->nevents++;
            continue;
        }

        if (rc != QOE_INVALID) {
            return rc;
        }

        err->event = i;
        batch->nrejected++;
        batch->nerrors += (err != &spare);
    }

    return (batch->nevents != 0) ? QOE_OK : QOE_INVALID;
}


static qoe_status_t
qoe_decode_event(qoe_event_t *ev, json_t *value, qoe_span_t raw,
    const char *whole, const qoe_decode_conf_t *conf, int64_t now_ms,
    size_t *unknown, qoe_decode_error_t *err, qoe_arena_t *arena)
{
    const char  *reason;

    if (!json_is_object(value)) {
        reason = "must be an object";

    } else if (raw.len > QOE_EVENT_RAW_MAX) {
        reason = QOE_DECODE_SIZE;

    } else if (qoe_decode_keys(value) > QOE_KEYS_MAX) {
        reason = QOE_DECODE_KEYS;

    } else if (memcmp(raw.data, whole, raw.len) != 0) {
        reason = QOE_DECODE_HALF;

    } else if (raw.len < 2 || raw.data[0] != '{') {
        reason = "cannot be found in the body";

    } else {
        return qoe_schema_event(ev, value, raw, conf, now_ms, unknown, err,
                                arena);
    }

    err->field[0] = '\0';
    snprintf(err->reason, sizeof(err->reason), "%s", reason);

    return QOE_INVALID;
}
