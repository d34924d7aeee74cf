
/*
 * Copyright (C) OpenQoE
 *
 * A body through a tree of jansson.
 */


#include "oracle.h"

#include <stdio.h>


/* How jansson reads a body. */
#define QOE_DECODE_FLAGS                                                      \
    (JSON_REJECT_DUPLICATES|JSON_DECODE_INT_AS_REAL|JSON_DECODE_ANY)


/* event_type, event_time and the ids: no object with fewer is an event */
#define QOE_DECODE_KEYS_MIN    7


static qoe_status_t qoe_decode_whole(qoe_span_t *whole, qoe_span_t body,
    qoe_arena_t *arena);
static qoe_status_t qoe_decode_parse(qoe_batch_t *batch, qoe_span_t body,
    qoe_span_t whole, size_t max_events);
static qoe_status_t qoe_decode_syntax(qoe_batch_t *batch, qoe_span_t body,
    const json_error_t *error, size_t max_events);
static void qoe_decode_near(char *dst, size_t size, const char *text);
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
    int64_t now_ms, size_t *unknown, oracle_errors_t *err,
    qoe_arena_t *arena);


/* What the strings of the last batch point into. */
static json_t  *qoe_oracle_root;


void
qoe_oracle_free(void)
{
    json_decref(qoe_oracle_root);
    qoe_oracle_root = NULL;
}


qoe_status_t
qoe_decode_jansson(qoe_batch_t *batch, const char *body, size_t len,
    const qoe_decode_conf_t *conf, int64_t now_ms, qoe_arena_t *arena)
{
    json_t        *array;
    qoe_span_t     span, whole, text;
    qoe_status_t   status;

    span = (qoe_span_t) { (body != NULL) ? body : "", len };

    memset(batch, 0, sizeof(qoe_batch_t));

    if (qoe_decode_no_text(batch, span)) {
        return QOE_INVALID;
    }

    status = qoe_decode_whole(&whole, span, arena);

    if (status == QOE_OK) {
        status = qoe_decode_parse(batch, span, whole, conf->max_events);
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


/*
 * To jansson half a surrogate pair is no JSON at all, but it is one title's
 * fault, not its body's: U+FFFD takes its place, which is as long, and the
 * event is refused where the texts differ.
 */

static qoe_status_t
qoe_decode_whole(qoe_span_t *whole, qoe_span_t body, qoe_arena_t *arena)
{
    char    *copy;
    size_t   at;

    *whole = body;
    at = 0;

    if (!qoe_slice_half(body, &at)) {
        return QOE_OK;
    }

    copy = qoe_arena_alloc(arena, body.len);

    if (copy == NULL) {
        return QOE_NOMEM;
    }

    memcpy(copy, body.data, body.len);
    *whole = (qoe_span_t) { copy, body.len };

    do {
        memcpy(copy + at, "\\ufffd", 6);
    } while (qoe_slice_half(*whole, &at));

    return QOE_OK;
}


static qoe_status_t
qoe_decode_parse(qoe_batch_t *batch, qoe_span_t body, qoe_span_t whole,
    size_t max_events)
{
    json_error_t  error;

    /* jansson leaves the text empty where an allocation failed */

    memset(&error, 0, sizeof(json_error_t));

    qoe_oracle_free();
    qoe_oracle_root = json_loadb(whole.data, whole.len, QOE_DECODE_FLAGS,
                                 &error);

    if (qoe_oracle_root == NULL) {
        return qoe_decode_syntax(batch, body, &error, max_events);
    }

    return qoe_decode_excess(batch, body, max_events) ? QOE_INVALID : QOE_OK;
}


static qoe_status_t
qoe_decode_syntax(qoe_batch_t *batch, qoe_span_t body,
    const json_error_t *error, size_t max_events)
{
    char                             near[48];
    size_t                           i;
    const char                      *reason;
    qoe_slice_pos_t                  pos;
    static const struct {
        enum json_error_code         code;
        const char                  *reason;
    } reasons[] = {
        { json_error_invalid_utf8, "the body is not valid UTF-8" },
        { json_error_premature_end_of_input,
          "the body ends before the JSON does" },
        { json_error_end_of_input_expected,
          "the body goes on after the end of the JSON" },
        { json_error_null_character, "a string has a NUL (\\u0000)" },
        { json_error_null_byte_in_key, "a key has a NUL (\\u0000)" },
        { json_error_duplicate_key, "a key occurs twice in one object" },
        { json_error_numeric_overflow, "a number is out of range" }
    };

    if (error->text[0] == '\0'
        || json_error_code(error) == json_error_out_of_memory)
    {
        return QOE_NOMEM;
    }

    reason = "the body is not valid JSON";

    for (i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        if (reasons[i].code == json_error_code(error)) {
            reason = reasons[i].reason;
        }
    }

    /* one way of counting for every error; jansson counts columns from 0 */

    pos = qoe_oracle_pos(body, (size_t) qoe_max(error->position, 0));

    if (qoe_decode_excess(batch, (qoe_span_t) { body.data, pos.byte },
                          max_events))
    {
        return QOE_INVALID;
    }

    qoe_decode_near(near, sizeof(near), error->text);

    qoe_decode_fail(batch, "", "%s%s: line %zu, column %zu, byte %zu", reason,
                    near, pos.line, pos.column, pos.byte);

    return QOE_INVALID;
}


/*
 * The " near '...'" that jansson ends its text with, printable: it may hold
 * any byte that the client sent, and be cut within a character.
 */

static void
qoe_decode_near(char *dst, size_t size, const char *text)
{
    size_t       i;
    const char  *near;

    near = strstr(text, " near '");

    if (near == NULL) {
        near = "";
    }

    for (i = 0; i < size - 1 && near[i] != '\0'; i++) {
        dst[i] = (near[i] >= 0x20 && near[i] < 0x7f) ? near[i] : '?';
    }

    dst[i] = '\0';

    if (near[i] != '\0') {
        memcpy(dst + size - 5, "...'", 5);
    }
}


static json_t *
qoe_decode_array(qoe_batch_t *batch, qoe_span_t body, qoe_span_t whole,
    qoe_span_t *text)
{
    void        *iter;
    json_t      *root, *array;
    size_t       n, unknown;
    qoe_span_t   key;

    root = qoe_oracle_root;

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
    keys = qoe_decode_keys(qoe_oracle_root);

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
    size_t            i, n;
    qoe_span_t        raw;
    qoe_status_t      rc;
    oracle_errors_t   err;
    qoe_slice_iter_t  it;

    qoe_slice_array(&it, text);

    for (i = 0; i < batch->total; i++) {

        if (qoe_slice_next(&it, &raw) != QOE_OK) {
            raw = (qoe_span_t) { text.data, 0 };
        }

        err.list = &batch->errors[batch->nerrors];
        err.max = QOE_DECODE_ERRORS_MAX - batch->nerrors;
        err.n = 0;

        rc = qoe_decode_event(&batch->events[batch->nevents],
                              json_array_get(array, i), raw,
                              whole + (raw.data - text.data), conf, now_ms,
                              &batch->unknown_keys, &err, arena);

        if (rc == QOE_OK) {
            batch->nevents++;
            continue;
        }

        if (rc != QOE_INVALID) {
            return rc;
        }

        batch->nrejected++;

        for (n = qoe_min(err.n, err.max); n != 0; n--) {
            batch->errors[batch->nerrors++].event = i;
        }
    }

    return (batch->nevents != 0) ? QOE_OK : QOE_INVALID;
}


static qoe_status_t
qoe_decode_event(qoe_event_t *ev, json_t *value, qoe_span_t raw,
    const char *whole, const qoe_decode_conf_t *conf, int64_t now_ms,
    size_t *unknown, oracle_errors_t *err, qoe_arena_t *arena)
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

    if (err->max != 0) {
        err->list->field[0] = '\0';
        snprintf(err->list->reason, sizeof(err->list->reason), "%s", reason);
    }

    err->n = 1;

    return QOE_INVALID;
}
