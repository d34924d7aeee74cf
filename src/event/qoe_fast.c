
/*
 * Copyright (C) OpenQoE
 */


#include "qoe_fast_scan.h"
#include "qoe_slice.h"


static void qoe_fast_init(qoe_fast_t *f, const qoe_decode_conf_t *conf,
    int64_t now_ms, qoe_arena_t *arena);
static const char *qoe_fast_text(qoe_fast_t *f, qoe_span_t body);
static const char *qoe_fast_body(qoe_fast_t *f, const char *p);
static bool qoe_fast_crowded(const qoe_fast_t *f);
static bool qoe_fast_shape(qoe_batch_t *batch, const qoe_fast_t *f);


qoe_status_t
qoe_fast_decode(qoe_batch_t *batch, qoe_span_t body,
    const qoe_decode_conf_t *conf, int64_t now_ms, qoe_arena_t *arena,
    qoe_broken_place_t *place)
{
    qoe_fast_t   f;
    const char  *text;

    qoe_fast_init(&f, conf, now_ms, arena);
    f.errors = batch->errors;
    place->broken = QOE_BROKEN_NOT;
    text = qoe_fast_text(&f, body);

    if (text == NULL) {
        return QOE_DONE;
    }

    if (qoe_fast_body(&f, qoe_fast_skip(text)) == NULL) {

        if (f.broken_at != NULL) {
            place->broken = f.broken;
            place->at = qoe_min((size_t) (f.broken_at - text), body.len);
            place->crowded = qoe_fast_crowded(&f);
        }

        return QOE_DONE;
    }

    if (qoe_fast_crowded(&f)
        && qoe_decode_excess(NULL, body, conf->max_events))
    {
        return QOE_DONE;
    }

    memset(batch, 0, offsetof(qoe_batch_t, errors));
    batch->nerrors = 0;
    batch->unknown_keys = 0;

    if (!qoe_fast_shape(batch, &f)) {
        return QOE_INVALID;
    }

    batch->events = f.events;
    batch->nevents = f.nevents;
    batch->nrejected = f.total - f.nevents;
    batch->nerrors = f.nerrors;
    batch->unknown_keys += f.unknown;

    /* callers may look at the first error even if there is none */

    if (f.nerrors == 0) {
        memset(&batch->errors[0], 0, sizeof(qoe_decode_error_t));
    }

    return (f.nevents != 0) ? QOE_OK : QOE_INVALID;
}


/*
 * Returns the text for the walk, which relies on a '}' at its end.  A body that
 * does not begin with '{' and end with '}' is refused in any case; to find out
 * why, the walk gets a copy with a '}' appended.  NULL if there is no memory.
 */

static const char *
qoe_fast_text(qoe_fast_t *f, qoe_span_t body)
{
    char        *copy;
    size_t       len;
    const char  *text;

    text = body.data;
    len = body.len;

    while (len != 0 && (text[len - 1] == ' ' || text[len - 1] == '\n'
                        || text[len - 1] == '\r' || text[len - 1] == '\t'))
    {
        len--;
    }

    if (len < 2 || text[len - 1] != '}' || *qoe_fast_skip(text) != '{') {
        len = body.len;
        copy = qoe_arena_alloc(f->arena, len + 1);

        if (copy == NULL) {
            return NULL;
        }

        memcpy(copy, body.data, len);
        copy[len++] = '}';
        text = copy;
        f->cut = true;
    }

    f->end = text + len;
    f->safe = (len > QOE_FAST_MARGIN) ? f->end - QOE_FAST_MARGIN : text;

    return text;
}


static const char *
qoe_fast_events(qoe_fast_t *f, const char *p, size_t depth)
{
    size_t            keys;
    const char       *end, *next;
    qoe_fast_value_t  v;

    keys = f->keys;
    f->containers++;
    p = qoe_fast_skip(p + 1);
    f->array = p;

    while (*p != ']') {
        f->keys = 0;

        /* too many events refuse the body, but only if the rest is JSON */

        end = (f->total++ < f->conf->max_events)
              ? qoe_fast_event(f, p, depth + 1)
              : qoe_fast_value(f, p, depth + 1, &v);

        if (end == NULL) {
            return qoe_fast_broken(f, p, QOE_BROKEN_ITEM);
        }

        f->half = false;

        next = qoe_fast_more(f, end, ']');

        if (next == NULL) {
            return qoe_fast_broken_after(f, p, end, QOE_BROKEN_ITEM);
        }

        p = next;
    }

    f->keys = keys;

    return p + 1;
}


/* Reads a body that is not an object, and so has no events. */

static const char *
qoe_fast_other(qoe_fast_t *f, const char *p)
{
    const char        *end;
    qoe_fast_value_t   v;

    end = qoe_fast_value(f, p, 0, &v);

    if (end == NULL) {
        return qoe_fast_broken(f, p, QOE_BROKEN_TOP);
    }

    if (qoe_fast_skip(end) + 1 != f->end) {
        return qoe_fast_broken_after(f, p, end, QOE_BROKEN_TOP);
    }

    f->no_object = true;

    return end;
}


/* Reads the value of a key of the body. */

static inline const char *
qoe_fast_body_value(qoe_fast_t *f, const char *p, const qoe_fast_key_t *key)
{
    qoe_fast_value_t  v;

    if (!qoe_span_eq(key->text, qoe_span("events"))) {
        f->unknown_body++;
        return qoe_fast_value(f, p, 1, &v);
    }

    if (*p == '[') {
        f->shape = NULL;
        return qoe_fast_events(f, p, 1);
    }

    f->shape = (*p == 'n') ? f->shape : "must be a list of events";

    return qoe_fast_value(f, p, 1, &v);
}


static inline const char *
qoe_fast_body_member(qoe_fast_t *f, void *ctx, const char *p, size_t depth,
    const qoe_fast_key_t *key, const qoe_fast_name_t *name)
{
    (void) ctx;
    (void) depth;
    (void) name;

    p = qoe_fast_body_value(f, p, key);

    f->half_body = f->half_body || f->half;
    f->half = false;

    return p;
}


/*
 * Reads the whole body; its last byte must be the '}' of the outermost object.
 */

static const char *
qoe_fast_body(qoe_fast_t *f, const char *p)
{
    if (*p != '{') {
        return qoe_fast_other(f, p);
    }

    f->shape = "is required";

    p = qoe_fast_walk(f, p, 1, NULL, qoe_fast_body_member, NULL);

    if (p == NULL) {
        return NULL;
    }

    if (p + 1 != f->end) {
        return qoe_fast_broken(f, p + 1, QOE_BROKEN_END);
    }

    return f->cut ? qoe_fast_broken(f, p, QOE_BROKEN_MEMBERS) : p + 1;
}


/*
 * Is an exact count of the values needed?  The walk's own counts are
 * estimates: they include known keys that are absent, and not the last value
 * of a body that breaks off.
 */

static bool
qoe_fast_crowded(const qoe_fast_t *f)
{
    return f->containers >= qoe_containers_max(f->conf->max_events)
           || f->commas >= qoe_values_max(f->conf->max_events);
}


/*
 * Remembers the first place reported, which is the innermost one.  Always
 * returns NULL, for the reader to return.
 */

const char *
qoe_fast_broken(qoe_fast_t *f, const char *p, qoe_broken_t broken)
{
    if (f->broken_at == NULL) {
        f->broken_at = p;
        f->broken = broken;
    }

    return NULL;
}


/*
 * Reports a fault after the value that ends at end and belongs to the member
 * or item at p.  A number or a word may form a single token with what follows
 * it, so it must be read again from p.
 */

const char *
qoe_fast_broken_after(qoe_fast_t *f, const char *p, const char *end,
    qoe_broken_t broken)
{
    if (strchr("\"}]", end[-1]) == NULL) {
        return qoe_fast_broken(f, p, broken);
    }

    switch (broken) {

    case QOE_BROKEN_MEMBER:
        return qoe_fast_broken(f, end, QOE_BROKEN_MEMBERS);

    case QOE_BROKEN_ITEM:
        return qoe_fast_broken(f, end, QOE_BROKEN_ITEMS);

    default:
        return qoe_fast_broken(f, end, QOE_BROKEN_END);
    }
}


/* Checks the body's own rules, in the order in which they are reported. */

static bool
qoe_fast_shape(qoe_batch_t *batch, const qoe_fast_t *f)
{
    if (f->no_object) {
        qoe_decode_fail(batch, "", QOE_DECODE_NO_OBJECT);
        return false;
    }

    if (f->keys > QOE_KEYS_MAX) {
        qoe_decode_fail(batch, "", QOE_DECODE_KEYS_BODY);
        return false;
    }

    if (f->half_body) {
        qoe_decode_fail(batch, "", QOE_DECODE_HALF_BODY);
        return false;
    }

    batch->unknown_keys = f->unknown_body;

    if (f->shape != NULL) {
        qoe_decode_fail(batch, "events", "%s", f->shape);
        return false;
    }

    batch->total = f->total;

    return qoe_decode_total(batch, f->conf->max_events);
}


/*
 * The members from next on are written before they are read, so that only
 * those before it need clearing.
 */

static void
qoe_fast_init(qoe_fast_t *f, const qoe_decode_conf_t *conf, int64_t now_ms,
    qoe_arena_t *arena)
{
    double  now;

    memset(f, 0, offsetof(qoe_fast_t, next));

    f->conf = conf;
    f->arena = arena;
    f->lenient = true;

    /*
     * as a variable, so that the compiler calls memset(), which is faster than
     * the stores that it would emit for a constant
     */

    f->clear = offsetof(qoe_event_t, number);

    now = (double) now_ms;
    f->time_min = qoe_max(now - (double) conf->max_age_ms, 0);
    f->time_max = qoe_min(now + (double) conf->max_ahead_ms, QOE_TIME_MAX);

    f->tables = qoe_fast_tables();
    qoe_fast_expect(f);

    f->before = &f->marks[0];
    f->before->n = 0;
    memset(f->before->at, 0, sizeof(f->before->at));
    memset(f->marks[1].at, 0, sizeof(f->marks[1].at));
}


/*
 * Takes the next place in the array of events for the event that begins at p,
 * and clears it; false if there is no memory.  The size of the array is
 * estimated from the mean length of the preceding events, or from
 * QOE_FAST_EVENT, so that it is rarely enlarged.
 */

bool
qoe_fast_slot(qoe_fast_t *f, const char *p)
{
    size_t        room;
    qoe_event_t  *events, *ev;

    if (f->nevents == f->room) {
        room = qoe_max((size_t) (f->end - p) / QOE_FAST_EVENT, (size_t) 1);

        if (f->nevents != 0) {
            room = (size_t) (f->end - p)
                   / ((size_t) (p - f->array) / f->nevents);
            room += f->nevents + room / 8 + 1;
        }

        room = qoe_min(room, f->conf->max_events);
        events = qoe_arena_alloc(f->arena, room * sizeof(qoe_event_t));

        if (events == NULL) {
            return false;
        }

        if (f->nevents != 0) {
            memcpy(events, f->events, f->nevents * sizeof(qoe_event_t));
        }

        f->events = events;
        f->room = room;
    }

    ev = &f->events[f->nevents++];
    memset(ev, 0, f->clear);

    ev->sources = f->conf->sources;
    ev->nsources = f->conf->nsources;

    f->ev = ev;
    f->data = NULL;

    return true;
}


/*
 * Are the event and its data within their limits, as measured in the bytes
 * sent and in compact JSON?
 */

bool
qoe_fast_sizes(const qoe_fast_t *f)
{
    qoe_span_t  text;

    if (f->ev->raw.len > QOE_EVENT_RAW_MAX) {
        return false;
    }

    if (f->data == NULL) {
        return true;
    }

    text = (qoe_span_t) { f->data, (size_t) (f->data_end - f->data) };

    return qoe_slice_compact_len(text) <= QOE_DATA_MAX;
}
