
/*
 * Copyright (C) OpenQoE
 */


#include "qoe_event.h"
#include "qoe_number.h"


typedef struct {
    const char        *parent;       /* NULL at the top */
    qoe_span_t         key;
    qoe_value_type_t   fill;         /* the type that a fill value gets */
} qoe_event_path_t;


/* The type of a field that the server fills, by the field's kind. */

#define QOE_FILL_ID           QOE_VALUE_NONE
#define QOE_FILL_STRING       QOE_VALUE_STRING
#define QOE_FILL_NUMBER       QOE_VALUE_NUMBER
#define QOE_FILL_BOOL         QOE_VALUE_NONE
#define QOE_FILL_NUMBER_LIST  QOE_VALUE_NONE
#define QOE_FILL_STRING_LIST  QOE_VALUE_NONE

static const qoe_event_path_t  qoe_event_paths[] = {
#define QOE_EVENT_PATH(id, parent, key, kind)                                 \
    { parent, { key, sizeof(key) - 1 }, QOE_FILL_##kind },
    QOE_EVENT_FIELDS(QOE_EVENT_PATH)
#undef QOE_EVENT_PATH
};


_Static_assert(QOE_FIELDS <= 64, "qoe_event_t.filled has a bit a field");


size_t
qoe_event_field_find(qoe_span_t path)
{
    size_t                   i;
    qoe_span_t               parent, key;
    const char              *dot;
    const qoe_event_path_t  *p;

    parent = qoe_span_null;
    key = path;
    dot = (path.len != 0) ? memchr(path.data, '.', path.len) : NULL;

    if (dot != NULL) {
        parent = (qoe_span_t) { path.data, (size_t) (dot - path.data) };
        key = (qoe_span_t) { dot + 1, path.len - parent.len - 1 };
    }

    for (i = 0; i < QOE_FIELDS; i++) {
        p = &qoe_event_paths[i];

        if (qoe_span_eq(key, p->key)
            && (p->parent != NULL) == (dot != NULL)
            && qoe_span_eq(parent, qoe_span_str(p->parent)))
        {
            return i;
        }
    }

    return QOE_FIELDS;
}


qoe_span_t
qoe_event_field_path(qoe_event_field_t field, qoe_arena_t *arena)
{
    char        *text;
    qoe_span_t   parent, key;

    parent = qoe_span_str(qoe_event_paths[field].parent);
    key = qoe_event_paths[field].key;

    if (parent.len == 0) {
        return key;
    }

    text = qoe_arena_alloc(arena, parent.len + 1 + key.len);

    if (text == NULL) {
        return qoe_span_null;
    }

    memcpy(text, parent.data, parent.len);
    text[parent.len] = '.';
    memcpy(text + parent.len + 1, key.data, key.len);

    return (qoe_span_t) { text, parent.len + 1 + key.len };
}


bool
qoe_event_field_known(qoe_span_t path)
{
    size_t  i;

    i = qoe_event_field_find(path);

    return i != QOE_FIELDS && qoe_event_paths[i].fill != QOE_VALUE_NONE;
}


qoe_status_t
qoe_event_fill(qoe_event_t *ev, qoe_span_t path, qoe_span_t value)
{
    size_t        i;
    qoe_value_t  *v, new;

    i = qoe_event_field_find(path);

    if (i == QOE_FIELDS || value.len == 0) {
        return QOE_INVALID;
    }

    new.type = qoe_event_paths[i].fill;

    switch (new.type) {

    case QOE_VALUE_STRING:
        new.v.string = qoe_text_cut(value, QOE_FILL_MAX);
        break;

    case QOE_VALUE_NUMBER:
        if (!qoe_number_parse(&new.v.number, value)) {
            return QOE_INVALID;
        }

        break;

    default:
        return QOE_INVALID;
    }

    v = &ev->field[i];

    if (v->type != QOE_VALUE_NONE
        && (v->type != QOE_VALUE_STRING || v->v.string.len != 0))
    {
        return QOE_DONE;
    }

    *v = new;
    ev->filled |= (uint64_t) 1 << i;

    return QOE_OK;
}


qoe_status_t
qoe_event_field_text(qoe_span_t *text, const qoe_event_t *ev,
    qoe_event_field_t field, qoe_arena_t *arena)
{
    const qoe_value_t  *value;

    value = &ev->field[field];
    *text = qoe_span_null;

    switch (value->type) {

    case QOE_VALUE_STRING:
        *text = value->v.string;
        break;

    case QOE_VALUE_BOOL:
        *text = value->v.boolean ? qoe_span("true") : qoe_span("false");
        break;

    case QOE_VALUE_NUMBER:
        *text = qoe_number_copy(value->v.number, arena);
        return (text->data != NULL) ? QOE_OK : QOE_NOMEM;

    case QOE_VALUE_NONE:
        break;
    }

    return QOE_OK;
}
