
/*
 * Copyright (C) OpenQoE
 */


#include "qoe_fast.h"
#include "qoe_schema.h"
#include "qoe_slice.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>


#define QOE_DECODE_NEAR_MAX    48

#define QOE_UTF8_BOM           "\xef\xbb\xbf"

/* event_type, event_time and the ids: no object with fewer is an event */
#define QOE_DECODE_KEYS_MIN    7


static qoe_status_t qoe_decode_check(qoe_batch_t *batch, qoe_span_t body);
static qoe_status_t qoe_decode_check_size(qoe_batch_t *batch, qoe_span_t body,
    size_t max_events);
static qoe_status_t qoe_decode_parse(qoe_batch_t *batch, qoe_span_t body);
static qoe_status_t qoe_decode_syntax(qoe_batch_t *batch, qoe_span_t body,
    const json_error_t *error);
static qoe_status_t qoe_decode_whole(qoe_span_t *whole, qoe_span_t body,
    qoe_arena_t *arena);
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
static int qoe_batch_compare(const void *one, const void *two);
static void qoe_decode_near(char *dst, size_t size, const char *text);
static void qoe_decode_fail_at(qoe_batch_t *batch, qoe_slice_pos_t pos,
    const char *reason, const char *near);


qoe_status_t
qoe_decode(qoe_batch_t *batch, const char *body, size_t len,
    const qoe_decode_conf_t *conf, int64_t now_ms, qoe_arena_t *arena)
{
    qoe_span_t        span;
    qoe_status_t      status;
    qoe_arena_mark_t  mark;

    span = (qoe_span_t) { (body != NULL) ? body : "", len };
    mark = qoe_arena_mark(arena);

    status = qoe_fast_decode(batch, span, conf, now_ms, arena,
                             qoe_fast_best());

    if (status != QOE_DONE) {
        return status;
    }

    qoe_arena_rewind(arena, mark);

    return qoe_decode_jansson(batch, body, len, conf, now_ms, arena);
}


qoe_status_t
qoe_decode_jansson(qoe_batch_t *batch, const char *body, size_t len,
    const qoe_decode_conf_t *conf, int64_t now_ms, qoe_arena_t *arena)
{
    json_t        *array;
    qoe_span_t     span, whole, text;
    qoe_status_t   status;

    memset(batch, 0, sizeof(qoe_batch_t));

    span = (qoe_span_t) { (body != NULL) ? body : "", len };

    status = qoe_decode_check(batch, span);

    if (status == QOE_OK) {
        status = qoe_decode_check_size(batch, span, conf->max_events);
    }

    if (status == QOE_OK) {
        status = qoe_decode_whole(&whole, span, arena);
    }

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


bool
qoe_decode_total(qoe_batch_t *batch, size_t max_events)
{
    if (batch->total == 0) {
        qoe_decode_fail(batch, "events", "must hold at least one event");
        return false;
    }

    if (batch->total > max_events) {
        qoe_decode_fail(batch, "events", "must hold at most %zu events",
                        max_events);
        return false;
    }

    return true;
}


void
qoe_batch_free(qoe_batch_t *batch)
{
    json_decref(batch->root);

    batch->root = NULL;
    batch->events = NULL;
    batch->nevents = 0;
}


qoe_status_t
qoe_batch_order(qoe_event_t ***order, const qoe_batch_t *batch,
    qoe_arena_t *arena)
{
    bool           sorted;
    size_t         i;
    qoe_event_t  **p;

    p = qoe_arena_alloc(arena, batch->nevents * sizeof(qoe_event_t *));
    if (p == NULL) {
        return QOE_NOMEM;
    }

    sorted = true;

    for (i = 0; i < batch->nevents; i++) {
        p[i] = &batch->events[i];
        sorted = sorted && (i == 0 || qoe_batch_compare(&p[i - 1], &p[i]) < 0);
    }

    if (!sorted) {
        qsort(p, batch->nevents, sizeof(qoe_event_t *), qoe_batch_compare);
    }

    *order = p;

    return QOE_OK;
}


/* Events of one millisecond: in the order in which a player causes them. */

static int
qoe_batch_compare(const void *one, const void *two)
{
    int                 order;
    const qoe_event_t  *a, *b;

    a = *(qoe_event_t *const *) one;
    b = *(qoe_event_t *const *) two;

    if (a->time_ms != b->time_ms) {
        return (a->time_ms < b->time_ms) ? -1 : 1;
    }

    order = qoe_event_type_rank(a->type) - qoe_event_type_rank(b->type);

    if (order != 0) {
        return order;
    }

    return (a < b) ? -1 : a > b;
}


/*
 * What jansson must not be given: it takes a NUL byte behind a number for
 * nothing at all, and has only "invalid token" to say about a byte order mark.
 */

static qoe_status_t
qoe_decode_check(qoe_batch_t *batch, qoe_span_t body)
{
    const char  *nul;

    if (body.len >= sizeof(QOE_UTF8_BOM) - 1
        && memcmp(body.data, QOE_UTF8_BOM, sizeof(QOE_UTF8_BOM) - 1) == 0)
    {
        qoe_decode_fail_at(batch, qoe_slice_pos(body, 0),
                           "the body starts with a byte order mark", "");
        return QOE_INVALID;
    }

    nul = memchr(body.data, '\0', body.len);

    if (nul != NULL) {
        qoe_decode_fail_at(batch,
                           qoe_slice_pos(body, (size_t) (nul - body.data)),
                           "the body has a NUL byte", "");
        return QOE_INVALID;
    }

    return QOE_OK;
}


/*
 * A tree of "{}," takes two orders of magnitude more memory than its text: no
 * body may hold more values than its number of events has any use for.
 */

static qoe_status_t
qoe_decode_check_size(qoe_batch_t *batch, qoe_span_t body, size_t max_events)
{
    size_t              at;
    char                reason[80];
    qoe_slice_limits_t  max;

    max.depth = QOE_DEPTH_MAX;
    max.containers = qoe_containers_max(max_events);
    max.values = qoe_values_max(max_events);

    switch (qoe_slice_check(body, &max, &at)) {

    case QOE_SLICE_DEPTH:
        snprintf(reason, sizeof(reason),
                 "the JSON is nested deeper than %zu levels", max.depth);
        break;

    case QOE_SLICE_CONTAINERS:
        snprintf(reason, sizeof(reason),
                 "the JSON has more than %zu objects and lists",
                 max.containers);
        break;

    case QOE_SLICE_VALUES:
        snprintf(reason, sizeof(reason), "the JSON has more than %zu values",
                 max.values);
        break;

    default:
        return QOE_OK;
    }

    qoe_decode_fail_at(batch, qoe_slice_pos(body, at), reason, "");

    return QOE_INVALID;
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
qoe_decode_parse(qoe_batch_t *batch, qoe_span_t body)
{
    json_error_t  error;

    /* jansson leaves the text empty where an allocation failed */

    memset(&error, 0, sizeof(json_error_t));

    batch->root = json_loadb(body.data, body.len,
                             JSON_REJECT_DUPLICATES|JSON_DECODE_INT_AS_REAL
                             |JSON_DECODE_ANY,
                             &error);

    if (batch->root != NULL) {
        return QOE_OK;
    }

    if (error.text[0] == '\0'
        || json_error_code(&error) == json_error_out_of_memory)
    {
        return QOE_NOMEM;
    }

    return qoe_decode_syntax(batch, body, &error);
}


static qoe_status_t
qoe_decode_syntax(qoe_batch_t *batch, qoe_span_t body,
    const json_error_t *error)
{
    char                             near[QOE_DECODE_NEAR_MAX];
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
          "the body goes on behind the end of the JSON" },
        { json_error_null_character, "a string has a NUL (\\u0000)" },
        { json_error_null_byte_in_key, "a key has a NUL (\\u0000)" },
        { json_error_duplicate_key, "a key stands twice in one object" },
        { json_error_numeric_overflow, "a number is out of range" }
    };

    reason = "the body is not valid JSON";

    for (i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        if (reasons[i].code == json_error_code(error)) {
            reason = reasons[i].reason;
        }
    }

    /* one way of counting for every error; jansson counts columns from 0 */

    pos = qoe_slice_pos(body, (size_t) qoe_max(error->position, 0));

    qoe_decode_near(near, sizeof(near), error->text);
    qoe_decode_fail_at(batch, pos, reason, near);

    return QOE_INVALID;
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
        qoe_decode_fail(batch, "", "the body must be a JSON object with a "
                        "list \"events\"");
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


static void
qoe_decode_fail_at(qoe_batch_t *batch, qoe_slice_pos_t pos,
    const char *reason, const char *near)
{
    qoe_decode_fail(batch, "", "%s%s: line %zu, column %zu, byte %zu", reason,
                    near, pos.line, pos.column, pos.byte);
}


void
qoe_decode_fail(qoe_batch_t *batch, const char *field, const char *fmt, ...)
{
    va_list              args;
    qoe_decode_error_t  *err;

    err = &batch->errors[0];
    batch->nerrors = 1;

    err->event = QOE_DECODE_BODY;
    snprintf(err->field, sizeof(err->field), "%s", field);

    va_start(args, fmt);
    vsnprintf(err->reason, sizeof(err->reason), fmt, args);
    va_end(args);
}
