
/*
 * Copyright (C) OpenQoE
 *
 * The rules of an event, one by one, and how those that it breaks are reported
 * to the client.
 */


#include "qoe_fast_priv.h"

#include <stdio.h>


static void qoe_fast_faults_note(qoe_fast_t *f);
static const char *qoe_fast_judge_field(qoe_value_t *out,
    qoe_value_kind_t kind, const qoe_value_t *v);
static const char *qoe_fast_judge_id(const qoe_value_t *v);
static void qoe_fast_judge_time(qoe_fast_t *f, const qoe_value_t *v);


/*
 * Starts reading an event again: resets the counters to their values before
 * the event.
 */

void
qoe_fast_faults_begin(qoe_fast_t *f, const qoe_fast_counts_t *counts)
{
    f->unknown = counts->unknown;
    f->containers = counts->containers;
    f->commas = counts->commas;
    f->nkeys = counts->nkeys;
    f->nevents = counts->nevents;

    f->keys = 0;
    f->half = false;
    f->broken_at = NULL;
    f->fault = QOE_FAULT_NONE;
    f->nfaults = 0;
}


/* Checks the limits that need the whole event, and files the error, if any. */

void
qoe_fast_faults_end(qoe_fast_t *f, qoe_span_t text,
    const qoe_fast_counts_t *counts)
{
    if (text.data[0] != '{') {
        qoe_fast_fault(f, QOE_FAULT_OBJECT, NULL, "", "must be an object");

    } else {
        f->ev->raw = text;

        if (text.len > QOE_EVENT_RAW_MAX) {
            qoe_fast_fault(f, QOE_FAULT_SIZE, NULL, "", QOE_DECODE_SIZE);
        }

        if (f->keys > QOE_KEYS_MAX) {
            qoe_fast_fault(f, QOE_FAULT_KEYS, NULL, "", QOE_DECODE_KEYS);
        }

        if (f->half) {
            qoe_fast_fault(f, QOE_FAULT_HALF, NULL, "", QOE_DECODE_HALF);
        }

        if (text.len > QOE_DATA_MAX && !qoe_fast_sizes(f)) {
            qoe_fast_fault(f, QOE_FAULT_DATA, NULL, "data",
                           QOE_SCHEMA_DATA_SIZE);
        }
    }

    if (f->fault == QOE_FAULT_NONE) {
        return;
    }

    /* if an event was refused as a whole, its keys do not count as unknown */

    if (f->fault < QOE_FAULT_TYPE) {
        f->unknown = counts->unknown;
    }

    f->nevents = counts->nevents;

    qoe_fast_faults_note(f);
}


/*
 * What the event breaks becomes a part of the batch's errors.  Of an event that
 * is refused unread there is only the reason for that.
 */

static void
qoe_fast_faults_note(qoe_fast_t *f)
{
    size_t  n;

    n = (f->fault < QOE_FAULT_TYPE) ? qoe_min(f->nfaults, (size_t) 1)
                                    : f->nfaults;

    while (n-- != 0) {
        f->errors[f->nerrors++].event = f->total - 1;
    }
}


/*
 * The faults of an event stand in the order of qoe_fast_fault_t after the
 * errors of the events before it; where there is no room, the last ones go.
 */

void
qoe_fast_fault(qoe_fast_t *f, qoe_fast_fault_t fault, const char *parent,
    const char *key, const char *reason)
{
    size_t               i, room;
    qoe_decode_error_t  *err;

    f->fault = qoe_min(f->fault, fault);
    room = QOE_DECODE_ERRORS_MAX - f->nerrors;

    for (i = f->nfaults; i != 0 && f->faults[i - 1] > fault; i--) {
        /* void */
    }

    if (i == room) {
        return;
    }

    f->nfaults = qoe_min(f->nfaults + 1, room);
    err = &f->errors[f->nerrors + i];

    memmove(err + 1, err, (f->nfaults - 1 - i) * sizeof(qoe_decode_error_t));
    memmove(&f->faults[i + 1], &f->faults[i],
            (f->nfaults - 1 - i) * sizeof(qoe_fast_fault_t));

    f->faults[i] = fault;

    snprintf(err->field, sizeof(err->field), "%s%s%s", parent ? parent : "",
             parent ? "." : "", key);
    snprintf(err->reason, sizeof(err->reason), "%s", reason);
}


/* Reports the required keys of a table that are absent or null. */

void
qoe_fast_missing(qoe_fast_t *f, const qoe_fast_table_t *t, uint64_t given)
{
    size_t                  i;
    qoe_fast_fault_t        fault;
    const qoe_fast_name_t  *name;

    if ((given & t->required) == t->required) {
        return;
    }

    for (i = 0; i < t->n; i++) {
        name = &t->name[i];

        if ((t->required & ~given & name->bit) == 0) {
            continue;
        }

        fault = (name->kind == QOE_FAST_TYPE) ? QOE_FAULT_TYPE
                : (name->kind == QOE_FAST_TIME) ? QOE_FAULT_TIME
                : QOE_FAULT_FIELD + name->id;

        qoe_fast_fault(f, fault, NULL, name->key.text.data, "is required");
    }
}


/*
 * Checks the value of a known key, which is not null, and stores it in the
 * event.  Returns false if there is no memory.  The items of a list have been
 * checked already.
 */

bool
qoe_fast_judge(qoe_fast_t *f, const qoe_fast_name_t *name,
    qoe_fast_value_t *v)
{
    const char                *reason;
    const qoe_schema_field_t  *field;

    if (v->value.type == QOE_VALUE_STRING && v->escaped
        && !qoe_fast_unescape(f, &v->value.v.string))
    {
        return false;
    }

    switch (name->kind) {

    case QOE_FAST_TYPE:

        if (v->value.type != QOE_VALUE_STRING) {
            qoe_fast_fault(f, QOE_FAULT_TYPE, NULL, "event_type",
                           "must be a string");

        } else if (!qoe_fast_type(f, v->value.v.string)) {
            qoe_fast_fault(f, QOE_FAULT_TYPE, NULL, "event_type",
                           "is not a known event type");
        }

        break;

    case QOE_FAST_TIME:
        qoe_fast_judge_time(f, &v->value);
        break;

    case QOE_FAST_GROUP:
        qoe_fast_fault(f, QOE_FAULT_GROUP + name->id, NULL,
                       name->key.text.data, "must be an object or null");
        break;

    case QOE_FAST_DATA:
        qoe_fast_fault(f, QOE_FAULT_DATA, NULL, "data",
                       "must be an object or null");
        break;

    default:
        field = &qoe_schema_fields[name->id];
        reason = qoe_fast_judge_field(&f->ev->field[name->id], field->kind,
                                      &v->value);

        if (reason != NULL) {
            qoe_fast_fault(f, QOE_FAULT_FIELD + name->id, field->parent,
                           field->key.data, reason);
        }
    }

    return true;
}


static void
qoe_fast_judge_time(qoe_fast_t *f, const qoe_value_t *v)
{
    char        text[80];
    double      t;

    t = (v->type == QOE_VALUE_NUMBER) ? v->v.number : 0.5;

    if (t != floor(t)) {
        qoe_fast_fault(f, QOE_FAULT_TIME, NULL, "event_time",
                       QOE_SCHEMA_TIME);

    } else if (t < f->time_min) {
        qoe_fast_fault(f, QOE_FAULT_TIME, NULL, "event_time",
                       qoe_schema_older(text, sizeof(text), f->conf, t,
                                        f->time_min, f->time_max));

    } else if (t > f->time_max) {
        qoe_fast_fault(f, QOE_FAULT_TIME, NULL, "event_time",
                       qoe_schema_ahead(text, sizeof(text), f->conf));

    } else {
        f->ev->time_ms = (int64_t) t;
    }
}


/* Sets *out and returns NULL, or returns the reason why v is refused. */

static const char *
qoe_fast_judge_field(qoe_value_t *out, qoe_value_kind_t kind,
    const qoe_value_t *v)
{
    const char         *reason;
    qoe_value_type_t    type;

    switch (kind) {

    case QOE_KIND_ID:
        reason = qoe_fast_judge_id(v);

        if (reason != NULL) {
            return reason;
        }

        *out = *v;
        return NULL;

    case QOE_KIND_STRING:
        type = QOE_VALUE_STRING;
        reason = "must be a string or null";
        break;

    case QOE_KIND_STRING_LIST:
        type = QOE_VALUE_STRING;
        reason = "must be a string, a list of strings or null";
        break;

    case QOE_KIND_NUMBER:
        type = QOE_VALUE_NUMBER;
        reason = "must be a number or null";
        break;

    case QOE_KIND_NUMBER_LIST:
        type = QOE_VALUE_NUMBER;
        reason = "must be a number, a list of numbers or null";
        break;

    default:
        type = QOE_VALUE_BOOL;
        reason = "must be true, false or null";
    }

    if (v->type != type) {
        return reason;
    }

    *out = *v;

    return NULL;
}


static const char *
qoe_fast_judge_id(const qoe_value_t *v)
{
    if (v->type != QOE_VALUE_STRING) {
        return "must be a string";
    }

    if (v->v.string.len == 0) {
        return "must not be empty";
    }

    if (v->v.string.len > QOE_ID_MAX) {
        return "must be at most " QOE_STRINGIFY(QOE_ID_MAX) " bytes long";
    }

    return NULL;
}
