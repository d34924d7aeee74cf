
/*
 * Copyright (C) OpenQoE
 */


#include "qoe_batch.h"

#include <stdio.h>


/* The sessions seen so far: a hash table that is never more than half full. */

typedef struct {
    const qoe_event_t  **slot;       /* the first event of a session, or NULL */
    size_t               mask;
    size_t               n;
    size_t               max;
    const qoe_hash_key_t  *key;
} qoe_batch_sessions_t;


static bool qoe_batch_same(const qoe_event_t *a, const qoe_event_t *b);
static bool qoe_batch_alike(const qoe_batch_t *batch);
static qoe_status_t qoe_batch_sessions_init(qoe_batch_sessions_t *s,
    size_t nevents, qoe_arena_t *arena);
static bool qoe_batch_session(qoe_batch_sessions_t *s, const qoe_event_t *ev);
static size_t qoe_batch_index(const qoe_batch_t *batch, size_t n,
    size_t *error, size_t *refused, size_t nerrors);
static void qoe_batch_refuse(qoe_batch_t *batch, size_t event, size_t max);


#define qoe_batch_text(ev, id)       ((ev)->field[QOE_FIELD_##id].v.string)


qoe_status_t
qoe_batch_limit_sessions(qoe_batch_t *batch, size_t max,
    const qoe_hash_key_t *key, qoe_arena_t *arena, size_t *over)
{
    size_t                i, n, event, error, refused, nerrors;
    qoe_batch_sessions_t  s;

    *over = 0;

    if (batch->nevents <= max || qoe_batch_alike(batch)) {
        return QOE_OK;
    }

    memset(&s, 0, sizeof(s));
    s.max = max;
    s.key = key;

    if (qoe_batch_sessions_init(&s, batch->nevents, arena) != QOE_OK) {
        return QOE_NOMEM;
    }

    error = 0;
    refused = 0;
    nerrors = batch->nerrors;

    for (i = 0, n = 0; i < batch->nevents; i++) {
        event = qoe_batch_index(batch, i, &error, &refused, nerrors);

        /*
         * move the event first: the table of sessions points to its final
         * place
         */

        if (n != i) {
            batch->events[n] = batch->events[i];
        }

        if (qoe_batch_session(&s, &batch->events[n])) {
            n++;

        } else {
            qoe_batch_refuse(batch, event, max);
        }
    }

    *over = batch->nevents - n;
    batch->nrejected += *over;
    batch->nevents = n;

    return QOE_OK;
}


static bool
qoe_batch_same(const qoe_event_t *a, const qoe_event_t *b)
{
    return qoe_span_eq(qoe_batch_text(a, SESSION_ID),
                       qoe_batch_text(b, SESSION_ID))
           && qoe_span_eq(qoe_batch_text(a, ORG_ID), qoe_batch_text(b, ORG_ID));
}


/*
 * Nearly every request has the events of a single player, and then no table is
 * needed.
 */

static bool
qoe_batch_alike(const qoe_batch_t *batch)
{
    size_t  i;

    for (i = 1; i < batch->nevents; i++) {
        if (!qoe_batch_same(&batch->events[i], &batch->events[0])) {
            return false;
        }
    }

    return true;
}


static qoe_status_t
qoe_batch_sessions_init(qoe_batch_sessions_t *s, size_t nevents,
    qoe_arena_t *arena)
{
    size_t  size;

    size = 16;

    while (size < 2 * qoe_min(s->max, nevents)) {
        size *= 2;
    }

    s->n = 0;
    s->mask = size - 1;
    s->slot = qoe_arena_alloc(arena, size * sizeof(qoe_event_t *));

    if (s->slot == NULL) {
        return QOE_NOMEM;
    }

    memset(s->slot, 0, size * sizeof(qoe_event_t *));

    return QOE_OK;
}


/* Returns false if the event belongs to a session beyond the limit. */

static bool
qoe_batch_session(qoe_batch_sessions_t *s, const qoe_event_t *ev)
{
    size_t        i;
    qoe_hasher_t  h;

    qoe_hash_begin(&h, s->key);
    qoe_hash_add(&h, qoe_batch_text(ev, ORG_ID));
    qoe_hash_add(&h, qoe_batch_text(ev, SESSION_ID));

    for (i = qoe_hash_end(&h) & s->mask;
         s->slot[i] != NULL;
         i = (i + 1) & s->mask)
    {
        if (qoe_batch_same(s->slot[i], ev)) {
            return true;
        }
    }

    if (s->n == s->max) {
        return false;
    }

    s->slot[i] = ev;
    s->n++;

    return true;
}


/*
 * Where valid event n stood in the request.  The list of errors is in that
 * order, with one or more of each refused event; *refused of them stand before
 * *error.  Where the list is too short for all of them, no other error is added
 * to it, and the answer does not matter.
 */

static size_t
qoe_batch_index(const qoe_batch_t *batch, size_t n, size_t *error,
    size_t *refused, size_t nerrors)
{
    size_t  event;

    while (*error < nerrors && batch->errors[*error].event <= n + *refused) {
        event = batch->errors[*error].event;

        while (*error < nerrors && batch->errors[*error].event == event) {
            (*error)++;
        }

        (*refused)++;
    }

    return n + *refused;
}


static void
qoe_batch_refuse(qoe_batch_t *batch, size_t event, size_t max)
{
    qoe_decode_error_t  *err;

    if (batch->nerrors == QOE_DECODE_ERRORS_MAX) {
        return;
    }

    err = &batch->errors[batch->nerrors++];

    err->event = event;
    snprintf(err->field, sizeof(err->field), "session_id");
    snprintf(err->reason, sizeof(err->reason),
             "only the first %zu sessions of a request are taken", max);
}
