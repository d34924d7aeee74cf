
/*
 * Copyright (C) OpenQoE
 */


#include "qoe_source.h"
#include "qoe_number.h"


static qoe_status_t qoe_source_value(qoe_span_t *value,
    const qoe_source_t *source, const qoe_event_t *ev,
    const qoe_named_t *attrs, size_t nattrs, qoe_arena_t *arena);


static const qoe_span_t  qoe_source_prefixes[] = {
#define QOE_SOURCE_PREFIX(id, prefix)  { prefix, sizeof(prefix) - 1 },
    QOE_SOURCE_KINDS(QOE_SOURCE_PREFIX)
#undef QOE_SOURCE_PREFIX
};


qoe_status_t
qoe_source_parse(qoe_source_t *out, qoe_span_t name, qoe_span_t text)
{
    size_t       field;
    qoe_span_t   prefix, rest;
    const char  *dot;

    memset(out, 0, sizeof(qoe_source_t));
    out->name = name;
    prefix = qoe_span_null;

    /* FIELD comes last: its prefix is empty and matches every text */

    for (out->kind = 0; out->kind < QOE_SOURCE_FIELD; out->kind++) {
        prefix = qoe_source_prefixes[out->kind];

        if (text.len >= prefix.len
            && memcmp(text.data, prefix.data, prefix.len) == 0)
        {
            break;
        }
    }

    if (out->kind == QOE_SOURCE_FIELD) {
        field = qoe_event_field_find(text);
        out->field = (qoe_event_field_t) field;

        return (field != QOE_FIELDS) ? QOE_OK : QOE_INVALID;
    }

    rest = (qoe_span_t) { text.data + prefix.len, text.len - prefix.len };
    out->key = rest;

    if (rest.len == 0 || out->kind == QOE_SOURCE_ATTRIBUTE) {
        return (rest.len != 0) ? QOE_OK : QOE_INVALID;
    }

    dot = memchr(rest.data, '.', rest.len);

    if (dot == NULL) {
        return QOE_OK;
    }

    out->key.len = (size_t) (dot - rest.data);
    out->sub = (qoe_span_t) { dot + 1, rest.len - out->key.len - 1 };

    if (out->key.len == 0 || out->sub.len == 0
        || memchr(out->sub.data, '.', out->sub.len) != NULL)
    {
        return QOE_INVALID;
    }

    return QOE_OK;
}


qoe_status_t
qoe_source_dims(const qoe_named_t **dims, size_t *ndims,
    const qoe_event_t *ev, const qoe_named_t *attrs, size_t nattrs,
    qoe_arena_t *arena)
{
    size_t               i, n, max;
    qoe_span_t           value;
    qoe_named_t         *list;
    const qoe_source_t  *source;

    *dims = ev->dims;
    *ndims = ev->ndims;

    list = NULL;
    n = ev->ndims;
    max = qoe_min(ev->nsources, (size_t) QOE_SOURCES_MAX);

    for (i = 0; i < max; i++) {
        source = &ev->sources[i];

        if (qoe_source_value(&value, source, ev, attrs, nattrs, arena)
            != QOE_OK)
        {
            return QOE_NOMEM;
        }

        if (value.len == 0) {
            continue;
        }

        if (list == NULL) {
            list = qoe_arena_alloc(arena, (n + max - i)
                                          * sizeof(qoe_named_t));

            if (list == NULL) {
                return QOE_NOMEM;
            }

            if (n != 0) {
                memcpy(list, ev->dims, n * sizeof(qoe_named_t));
            }

            *dims = list;
        }

        list[n].name = source->name;
        list[n].value = qoe_text_cut(value, QOE_SOURCE_LEN);
        *ndims = ++n;
    }

    return QOE_OK;
}


/*
 * Finds the value of a field or an attribute.  *value is empty if there is
 * none, and for sources below data, which decoding has read already.
 */

static qoe_status_t
qoe_source_value(qoe_span_t *value, const qoe_source_t *source,
    const qoe_event_t *ev, const qoe_named_t *attrs, size_t nattrs,
    qoe_arena_t *arena)
{
    size_t  i;

    *value = qoe_span_null;

    if (source->kind == QOE_SOURCE_FIELD) {
        return qoe_event_field_text(value, ev, source->field, arena);
    }

    if (source->kind == QOE_SOURCE_ATTRIBUTE) {
        for (i = 0; i < nattrs; i++) {
            if (qoe_span_eq(source->key, attrs[i].name)) {
                *value = attrs[i].value;
                break;
            }
        }
    }

    return QOE_OK;
}
