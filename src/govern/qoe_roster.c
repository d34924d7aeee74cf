
/*
 * Copyright (C) OpenQoE
 */


#include "qoe_roster.h"
#include "qoe_atomic.h"
#include "qoe_buf.h"
#include "qoe_hash.h"
#include "qoe_uuid.h"

#include <stdio.h>
#include <stdlib.h>


struct qoe_roster_s {
    qoe_hash_key_t   key;
    uint32_t         n;
    uint32_t         mask;               /* places - 1 */
    uint32_t        *place;              /* 1 + index of a value; 0: free */
    qoe_span_t      *value;              /* point into text */
    char            *text;
};


static qoe_roster_t *qoe_roster_alloc(qoe_span_t text);
static qoe_span_t qoe_roster_line(qoe_span_t *rest);
static qoe_span_t qoe_roster_trim(qoe_span_t line);
static const char *qoe_roster_fault(qoe_span_t value, size_t maxlen);
static void qoe_roster_add(qoe_roster_t *r, qoe_span_t value);
static uint32_t qoe_roster_find(const qoe_roster_t *r, qoe_span_t value);


qoe_status_t
qoe_roster_make(qoe_roster_t **roster, qoe_span_t text, size_t maxlen,
    char *err, size_t size)
{
    uint32_t       line;
    const char    *fault;
    qoe_span_t     rest, value;
    qoe_roster_t  *r;

    r = qoe_roster_alloc(text);
    if (r == NULL) {
        return QOE_NOMEM;
    }

    fault = NULL;
    rest = (qoe_span_t) { r->text, text.len };

    for (line = 1; rest.len != 0 && fault == NULL; line++) {

        value = qoe_roster_trim(qoe_roster_line(&rest));

        if (value.len == 0 || value.data[0] == '#') {
            continue;
        }

        fault = qoe_roster_fault(value, maxlen);

        if (fault == NULL && r->n == QOE_ROSTER_VALUES
            && r->place[qoe_roster_find(r, value)] == 0)
        {
            fault = "is one value too many";
        }

        if (fault == NULL) {
            qoe_roster_add(r, value);
        }
    }

    if (fault == NULL && r->n != 0) {
        *roster = r;
        return QOE_OK;
    }

    if (fault != NULL) {
        (void) snprintf(err, size, "line %u %s", line - 1, fault);

    } else {
        (void) snprintf(err, size, "there is no value");
    }

    qoe_roster_free(r);

    return QOE_INVALID;
}


/* A value takes two bytes of text or more, but for the last one. */

static qoe_roster_t *
qoe_roster_alloc(qoe_span_t text)
{
    size_t         n, places;
    qoe_roster_t  *r;

    n = qoe_min(text.len / 2 + 1, (size_t) QOE_ROSTER_VALUES);

    for (places = 16; places < 2 * n; places *= 2) {
        /* void */
    }

    r = calloc(1, sizeof(qoe_roster_t));
    if (r == NULL) {
        return NULL;
    }

    r->mask = (uint32_t) places - 1;
    r->place = calloc(places, sizeof(uint32_t));
    r->value = calloc(n, sizeof(qoe_span_t));
    r->text = malloc(text.len + 1);

    if (r->place == NULL || r->value == NULL || r->text == NULL
        || qoe_random(&r->key, sizeof(r->key)) != QOE_OK)
    {
        qoe_roster_free(r);
        return NULL;
    }

    if (text.len != 0) {
        memcpy(r->text, text.data, text.len);
    }

    return r;
}


void
qoe_roster_free(qoe_roster_t *r)
{
    if (r == NULL) {
        return;
    }

    free(r->place);
    free(r->value);
    free(r->text);
    free(r);
}


/* Cuts the first line off *rest. */

static qoe_span_t
qoe_roster_line(qoe_span_t *rest)
{
    const char  *end;
    qoe_span_t   line;

    end = memchr(rest->data, '\n', rest->len);
    line.data = rest->data;
    line.len = end != NULL ? (size_t) (end - rest->data) : rest->len;

    rest->data += line.len + (end != NULL);
    rest->len -= line.len + (end != NULL);

    return line;
}


static qoe_span_t
qoe_roster_trim(qoe_span_t line)
{
    while (line.len != 0 && (line.data[0] == ' ' || line.data[0] == '\t')) {
        line.data++;
        line.len--;
    }

    while (line.len != 0 && (line.data[line.len - 1] == ' '
                             || line.data[line.len - 1] == '\t'
                             || line.data[line.len - 1] == '\r'))
    {
        line.len--;
    }

    return line;
}


/* Why the value could be no event's, or NULL. */

static const char *
qoe_roster_fault(qoe_span_t value, size_t maxlen)
{
    size_t                i, n;
    const unsigned char  *p, *end;

    if (value.len > maxlen) {
        return "is longer than \"maxlen=\"";
    }

    p = (const unsigned char *) value.data;
    end = p + value.len;

    for (i = 0; i < value.len; i += n) {

        if (p[i] < 0x20 || p[i] == 0x7f) {
            return "has a control character";
        }

        n = p[i] < 0x80 ? 1 : qoe_utf8_len(p + i, end);

        if (n == 0) {
            return "is not UTF-8";
        }
    }

    return NULL;
}


static void
qoe_roster_add(qoe_roster_t *r, qoe_span_t value)
{
    uint32_t  i;

    i = qoe_roster_find(r, value);

    if (r->place[i] == 0) {
        r->value[r->n] = value;
        r->place[i] = ++r->n;
    }
}


/* The place of the value, or the free one where it belongs. */

static uint32_t
qoe_roster_find(const qoe_roster_t *r, qoe_span_t value)
{
    uint32_t  i;

    i = (uint32_t) qoe_hash(&r->key, value.data, value.len) & r->mask;

    while (r->place[i] != 0
           && !qoe_span_eq(r->value[r->place[i] - 1], value))
    {
        i = (i + 1) & r->mask;
    }

    return i;
}


uint32_t
qoe_roster_count(const qoe_roster_t *r)
{
    return r->n;
}


qoe_span_t
qoe_roster_value(const qoe_roster_t *r, uint32_t i)
{
    return r->value[i];
}


bool
qoe_roster_has(qoe_roster_slot_t *slot, qoe_span_t value)
{
    bool                 found;
    const qoe_roster_t  *r;

    r = qoe_roster_enter(slot);
    found = r->place[qoe_roster_find(r, value)] != 0;
    qoe_roster_leave(slot);

    return found;
}


uint32_t
qoe_roster_version(const qoe_roster_slot_t *slot)
{
    return qoe_acquire(&slot->version);
}


/*
 * Sequentially consistent with qoe_roster_put(): whoever takes the old roster
 * from the slot is counted before the roster is replaced.
 */

const qoe_roster_t *
qoe_roster_enter(qoe_roster_slot_t *slot)
{
    __atomic_fetch_add(&slot->readers, 1, __ATOMIC_SEQ_CST);

    return __atomic_load_n(&slot->roster, __ATOMIC_SEQ_CST);
}


void
qoe_roster_leave(qoe_roster_slot_t *slot)
{
    __atomic_fetch_sub(&slot->readers, 1, __ATOMIC_RELEASE);
}


qoe_status_t
qoe_roster_put(qoe_roster_slot_t *slot, qoe_roster_t *roster)
{
    qoe_roster_reap(slot);

    if (slot->old != NULL) {
        return QOE_BUSY;
    }

    slot->old = __atomic_exchange_n(&slot->roster, roster, __ATOMIC_SEQ_CST);
    __atomic_fetch_add(&slot->version, 1, __ATOMIC_ACQ_REL);

    return QOE_OK;
}


void
qoe_roster_reap(qoe_roster_slot_t *slot)
{
    if (slot->old != NULL
        && __atomic_load_n(&slot->readers, __ATOMIC_SEQ_CST) == 0)
    {
        qoe_roster_free(slot->old);
        slot->old = NULL;
    }
}
