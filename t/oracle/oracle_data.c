
/*
 * Copyright (C) OpenQoE
 *
 * The values of "data" that go into an event, from a tree of jansson.
 */


#include "oracle.h"
#include "qoe_data.h"


static void qoe_data_value(qoe_value_t *out, json_t *value, qoe_span_t sub);
static qoe_status_t qoe_data_dims(qoe_event_t *ev, qoe_span_t key,
    json_t *value, qoe_arena_t *arena);


qoe_status_t
qoe_data_read(qoe_event_t *ev, json_t *data, qoe_arena_t *arena)
{
    void                  *iter;
    json_t                *value;
    uint8_t                ranks[QOE_DATA_NUMBERS];
    qoe_span_t             key;
    qoe_value_t            v;
    const qoe_data_key_t  *k;
    const qoe_data_row_t  *row, *end;

    qoe_data_init();

    for (iter = json_object_iter(data);
         iter != NULL;
         iter = json_object_iter_next(data, iter))
    {
        key.data = json_object_iter_key(iter);
        key.len = json_object_iter_key_len(iter);
        value = json_object_iter_value(iter);
        k = qoe_data_find(key);
        row = (k != NULL) ? k->first : NULL;
        end = (k != NULL) ? k->end : NULL;

        for ( /* void */ ; row != end; row++) {
            qoe_data_value(&v, value, row->sub);

            if (qoe_data_set(ev, row, &v, ranks, arena) != QOE_OK) {
                return QOE_NOMEM;
            }
        }

        if (ev->nsources != 0
            && qoe_data_dims(ev, key, value, arena) != QOE_OK)
        {
            return QOE_NOMEM;
        }
    }

    return QOE_OK;
}


static void
qoe_data_value(qoe_value_t *out, json_t *value, qoe_span_t sub)
{
    if (sub.len != 0) {
        value = json_object_getn(value, sub.data, sub.len);
    }

    if (json_is_string(value)) {
        out->type = QOE_VALUE_STRING;
        out->v.string.data = json_string_value(value);
        out->v.string.len = json_string_length(value);

    } else if (json_is_number(value)) {
        out->type = QOE_VALUE_NUMBER;
        out->v.number = json_number_value(value);

    } else if (json_is_boolean(value)) {
        out->type = QOE_VALUE_BOOL;
        out->v.boolean = json_is_true(value);

    } else {
        out->type = QOE_VALUE_NONE;
    }
}


/* Sources are few: a search of them compares each key's length first. */

static qoe_status_t
qoe_data_dims(qoe_event_t *ev, qoe_span_t key, json_t *value,
    qoe_arena_t *arena)
{
    size_t               i, max;
    qoe_value_t          v;
    const qoe_source_t  *source;

    max = qoe_min(ev->nsources, (size_t) QOE_SOURCES_MAX);

    for (i = 0; i < max; i++) {
        source = &ev->sources[i];

        if (source->kind != QOE_SOURCE_DATA || !qoe_span_eq(key, source->key))
        {
            continue;
        }

        qoe_data_value(&v, value, source->sub);

        if (qoe_data_dim(ev, source, &v, arena) != QOE_OK) {
            return QOE_NOMEM;
        }
    }

    return QOE_OK;
}
