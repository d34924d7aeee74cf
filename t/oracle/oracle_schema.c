
/*
 * Copyright (C) OpenQoE
 *
 * The rules of an event, on a tree of jansson.
 */


#include "oracle.h"
#include "qoe_data.h"

#include <math.h>
#include <stdio.h>


/* Keys at the top of an event that are no plain field. */

typedef enum {
    QOE_SLOT_TYPE = QOE_FIELDS,
    QOE_SLOT_TIME,
    QOE_SLOT_DATA,
    QOE_SLOT_GROUP               /* the first of them */
} qoe_schema_slot_t;


#define QOE_SCHEMA_SLOTS   (QOE_SLOT_GROUP + QOE_SCHEMA_GROUPS)


typedef struct {
    json_t             *slot[QOE_SCHEMA_SLOTS];      /* NULL: absent, null */
    size_t              data_index;  /* which member of the event data is */
    size_t              unknown;
} qoe_schema_values_t;


static void qoe_schema_collect(qoe_schema_values_t *v, json_t *object);
static void qoe_schema_collect_group(qoe_schema_values_t *v, json_t *object,
    const qoe_schema_group_t *group);
static size_t qoe_schema_find(qoe_span_t key, size_t first, size_t end,
    size_t *hint);
static size_t qoe_schema_find_top(qoe_span_t key, size_t *hint);
static void qoe_schema_groups_check(qoe_schema_values_t *v,
    oracle_errors_t *err);
static void qoe_schema_type(qoe_event_t *ev, const json_t *value,
    const qoe_decode_conf_t *conf, oracle_errors_t *err);
static void qoe_schema_time(qoe_event_t *ev, const json_t *value,
    const qoe_decode_conf_t *conf, int64_t now_ms, oracle_errors_t *err);
static void qoe_schema_values(qoe_event_t *ev,
    const qoe_schema_values_t *v, oracle_errors_t *err);
static void qoe_schema_data(const qoe_schema_values_t *v,
    qoe_span_t raw, oracle_errors_t *err);
static void qoe_schema_fail(oracle_errors_t *err,
    const char *parent, const char *key, const char *reason);


static const char  qoe_schema_required[] = "is required";


qoe_status_t
qoe_schema_event(qoe_event_t *ev, json_t *object, qoe_span_t raw,
    const qoe_decode_conf_t *conf, int64_t now_ms, size_t *unknown,
    oracle_errors_t *err, qoe_arena_t *arena)
{
    size_t               before;
    qoe_schema_values_t  v;

    memset(ev, 0, offsetof(qoe_event_t, number));
    memset(&v, 0, sizeof(qoe_schema_values_t));

    ev->raw = raw;
    ev->sources = conf->sources;
    ev->nsources = conf->nsources;

    before = err->n;

    qoe_schema_collect(&v, object);
    qoe_schema_type(ev, v.slot[QOE_SLOT_TYPE], conf, err);
    qoe_schema_time(ev, v.slot[QOE_SLOT_TIME], conf, now_ms, err);
    qoe_schema_groups_check(&v, err);
    *unknown += v.unknown;

    qoe_schema_values(ev, &v, err);
    qoe_schema_data(&v, raw, err);

    if (err->n != before) {
        return QOE_INVALID;
    }

    return (v.slot[QOE_SLOT_DATA] != NULL)
           ? qoe_data_read(ev, v.slot[QOE_SLOT_DATA], arena) : QOE_OK;
}


static void
qoe_schema_collect(qoe_schema_values_t *v, json_t *object)
{
    void        *iter;
    size_t       i, n, hint;
    qoe_span_t   key;

    hint = 0;
    n = 0;

    for (iter = json_object_iter(object);
         iter != NULL;
         iter = json_object_iter_next(object, iter))
    {
        key.data = json_object_iter_key(iter);
        key.len = json_object_iter_key_len(iter);

        i = qoe_schema_find_top(key, &hint);

        if (i == QOE_SCHEMA_SLOTS) {
            v->unknown++;

        } else if (!json_is_null(json_object_iter_value(iter))) {
            v->slot[i] = json_object_iter_value(iter);
        }

        if (i == QOE_SLOT_DATA) {
            v->data_index = n;
        }

        n++;
    }
}


static void
qoe_schema_collect_group(qoe_schema_values_t *v, json_t *object,
    const qoe_schema_group_t *group)
{
    void        *iter;
    size_t       i, hint;
    qoe_span_t   key;

    hint = group->first;

    for (iter = json_object_iter(object);
         iter != NULL;
         iter = json_object_iter_next(object, iter))
    {
        key.data = json_object_iter_key(iter);
        key.len = json_object_iter_key_len(iter);

        i = qoe_schema_find(key, group->first, group->end, &hint);

        if (i == group->end) {
            v->unknown++;

        } else if (!json_is_null(json_object_iter_value(iter))) {
            v->slot[i] = json_object_iter_value(iter);
        }
    }
}


/*
 * Players send their keys in much the same order as the table has them, so
 * the search starts where the last one ended.
 */

static size_t
qoe_schema_find(qoe_span_t key, size_t first, size_t end, size_t *hint)
{
    size_t  i, n;

    i = *hint;

    for (n = end - first; n != 0; n--) {
        if (i >= end) {
            i = first;
        }

        if (qoe_span_eq(key, qoe_schema_fields[i].key)) {
            *hint = i + 1;
            return i;
        }

        i++;
    }

    return end;
}


static size_t
qoe_schema_find_top(qoe_span_t key, size_t *hint)
{
    size_t  i;

    i = qoe_schema_find(key, 0, QOE_SCHEMA_TOP_END, hint);

    if (i != QOE_SCHEMA_TOP_END) {
        return i;
    }

    if (qoe_span_eq(key, qoe_span("event_type"))) {
        return QOE_SLOT_TYPE;
    }

    if (qoe_span_eq(key, qoe_span("event_time"))) {
        return QOE_SLOT_TIME;
    }

    if (qoe_span_eq(key, qoe_span("data"))) {
        return QOE_SLOT_DATA;
    }

    for (i = 0; i < QOE_SCHEMA_GROUPS; i++) {
        if (qoe_span_eq(key, qoe_schema_groups[i].key)) {
            return QOE_SLOT_GROUP + i;
        }
    }

    return QOE_SCHEMA_SLOTS;
}


static void
qoe_schema_groups_check(qoe_schema_values_t *v, oracle_errors_t *err)
{
    size_t                     i;
    json_t                    *object;
    const qoe_schema_group_t  *group;

    for (i = 0; i < QOE_SCHEMA_GROUPS; i++) {
        group = &qoe_schema_groups[i];
        object = v->slot[QOE_SLOT_GROUP + i];

        if (object == NULL) {
            continue;
        }

        if (json_is_object(object)) {
            qoe_schema_collect_group(v, object, group);

        } else {
            qoe_schema_fail(err, NULL, group->key.data,
                            "must be an object or null");
        }
    }
}


static void
qoe_schema_type(qoe_event_t *ev, const json_t *value,
    const qoe_decode_conf_t *conf, oracle_errors_t *err)
{
    qoe_span_t  name;

    if (value == NULL) {
        qoe_schema_fail(err, NULL, "event_type", qoe_schema_required);
        return;
    }

    if (!json_is_string(value)) {
        qoe_schema_fail(err, NULL, "event_type", "must be a string");
        return;
    }

    name.data = json_string_value(value);
    name.len = json_string_length(value);

    if (qoe_event_type_find(name, conf->types, conf->ntypes, &ev->type,
                            &ev->severity)
        != QOE_OK)
    {
        qoe_schema_fail(err, NULL, "event_type", "is not a known event type");
        return;
    }

    ev->type_name = name;
}


static void
qoe_schema_time(qoe_event_t *ev, const json_t *value,
    const qoe_decode_conf_t *conf, int64_t now_ms, oracle_errors_t *err)
{
    char    reason[80];
    double  t, now, min, max;

    if (value == NULL) {
        qoe_schema_fail(err, NULL, "event_time", qoe_schema_required);
        return;
    }

    t = json_is_number(value) ? json_number_value(value) : NAN;

    if (!isfinite(t) || t != floor(t)) {
        qoe_schema_fail(err, NULL, "event_time", QOE_SCHEMA_TIME);
        return;
    }

    now = (double) now_ms;

    /* the clocks of OTLP start at 0, whatever the configuration allows */

    min = fmax(now - (double) conf->max_age_ms, 0);
    max = fmin(now + (double) conf->max_ahead_ms, QOE_TIME_MAX);

    if (t < min) {
        qoe_schema_fail(err, NULL, "event_time",
                        qoe_schema_older(reason, sizeof(reason), conf, t, min,
                                         max));

    } else if (t > max) {
        qoe_schema_fail(err, NULL, "event_time",
                        qoe_schema_ahead(reason, sizeof(reason), conf));

    } else {
        ev->time_ms = (int64_t) t;
    }
}


static void
qoe_schema_values(qoe_event_t *ev, const qoe_schema_values_t *v,
    oracle_errors_t *err)
{
    size_t                     i;
    const char                *reason;
    const qoe_schema_field_t  *f;

    for (i = 0; i < QOE_FIELDS; i++) {
        f = &qoe_schema_fields[i];

        if (v->slot[i] != NULL) {
            reason = qoe_value_read(&ev->field[i], f->kind, v->slot[i]);

        } else {
            reason = (f->kind == QOE_KIND_ID) ? qoe_schema_required : NULL;
        }

        if (reason != NULL) {
            qoe_schema_fail(err, f->parent, f->key.data, reason);
        }
    }
}


static void
qoe_schema_data(const qoe_schema_values_t *v, qoe_span_t raw,
    oracle_errors_t *err)
{
    qoe_span_t     text;
    const json_t  *data;

    data = v->slot[QOE_SLOT_DATA];

    if (data == NULL) {
        return;
    }

    if (!json_is_object(data)) {
        qoe_schema_fail(err, NULL, "data", "must be an object or null");
        return;
    }

    /* a part is not longer than the whole */

    if (raw.len <= QOE_DATA_MAX) {
        return;
    }

    if (qoe_slice_member(raw, v->data_index, &text) != QOE_OK
        || qoe_slice_compact_len(text) > QOE_DATA_MAX)
    {
        qoe_schema_fail(err, NULL, "data", QOE_SCHEMA_DATA_SIZE);
    }
}


/* The errors beyond those that fit are counted in err->n all the same. */

static void
qoe_schema_fail(oracle_errors_t *err, const char *parent, const char *key,
    const char *reason)
{
    qoe_decode_error_t  *e;

    if (err->n < err->max) {
        e = &err->list[err->n];

        snprintf(e->field, sizeof(e->field), "%s%s%s", parent ? parent : "",
                 parent ? "." : "", key);
        snprintf(e->reason, sizeof(e->reason), "%s", reason);
    }

    err->n++;
}
