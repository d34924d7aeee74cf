
/*
 * Copyright (C) OpenQoE
 *
 * Stores the values of "data" that an event needs, and checks the items of
 * lists.
 */


#include "qoe_fast_priv.h"


static bool qoe_fast_data_member(qoe_fast_t *f, qoe_fast_hook_t *hook,
    qoe_span_t key, qoe_fast_value_t *v);
static bool qoe_fast_decoded(qoe_fast_t *f, qoe_fast_value_t *v);


static inline size_t
qoe_fast_sources(const qoe_fast_t *f)
{
    return qoe_min(f->conf->nsources, (size_t) QOE_SOURCES_MAX);
}


/* Is the source's value read from this key of data, or below it? */

static inline bool
qoe_fast_source_is(const qoe_source_t *source, qoe_span_t key)
{
    return source->kind == QOE_SOURCE_DATA && qoe_span_eq(key, source->key);
}


void
qoe_fast_member_init(qoe_fast_t *f, qoe_fast_member_t *m, qoe_span_t key,
    const qoe_data_key_t *rows)
{
    size_t  i;

    m->hook.member = qoe_fast_data_member;
    m->key = key;
    m->rows = rows;

    for (i = 0; i < qoe_fast_sources(f); i++) {
        m->sub[i].type = QOE_VALUE_NONE;
    }
}


/*
 * Handles a member of an object below data.  Numbers and texts are stored at
 * once; a dimension is kept in sub[] until qoe_fast_dims() adds the dimensions
 * in the order of their sources.
 */

static bool
qoe_fast_data_member(qoe_fast_t *f, qoe_fast_hook_t *hook, qoe_span_t key,
    qoe_fast_value_t *v)
{
    size_t                 i;
    qoe_fast_member_t     *m;
    const qoe_source_t    *source;
    const qoe_data_row_t  *row, *end;

    m = (qoe_fast_member_t *) hook;
    row = (m->rows != NULL) ? m->rows->first : NULL;
    end = (m->rows != NULL) ? m->rows->end : NULL;

    for ( /* void */ ; row != end; row++) {

        if (row->sub.len != 0 && qoe_span_eq(key, row->sub)
            && (!qoe_fast_decoded(f, v)
                || qoe_data_set(f->ev, row, &v->value, f->ranks, f->arena)
                   != QOE_OK))
        {
            return false;
        }
    }

    for (i = 0; i < qoe_fast_sources(f); i++) {
        source = &f->conf->sources[i];

        if (source->sub.len != 0 && qoe_span_eq(key, source->sub)
            && qoe_fast_source_is(source, m->key))
        {
            if (!qoe_fast_decoded(f, v)) {
                return false;
            }

            m->sub[i] = v->value;
        }
    }

    return true;
}


/* Stores the value of a key of data itself; rows may be NULL. */

bool
qoe_fast_rows(qoe_fast_t *f, const qoe_data_key_t *rows, qoe_fast_value_t *v)
{
    const qoe_data_row_t  *row, *end;

    row = (rows != NULL) ? rows->first : NULL;
    end = (rows != NULL) ? rows->end : NULL;

    for ( /* void */ ; row != end; row++) {

        if (row->sub.len == 0
            && (!qoe_fast_decoded(f, v)
                || qoe_data_set(f->ev, row, &v->value, f->ranks, f->arena)
                   != QOE_OK))
        {
            return false;
        }
    }

    return true;
}


/* Adds the dimensions of a key, after all of its members have been read. */

bool
qoe_fast_dims(qoe_fast_t *f, const qoe_fast_member_t *m, qoe_fast_value_t *v)
{
    size_t               i;
    const qoe_value_t   *value;
    const qoe_source_t  *source;

    for (i = 0; i < qoe_fast_sources(f); i++) {
        source = &f->conf->sources[i];

        if (!qoe_fast_source_is(source, m->key)) {
            continue;
        }

        value = (source->sub.len != 0) ? &m->sub[i] : &v->value;

        if ((source->sub.len == 0 && !qoe_fast_decoded(f, v))
            || qoe_data_dim(f->ev, source, value, f->arena) != QOE_OK)
        {
            return false;
        }
    }

    return true;
}


bool
qoe_fast_item_member(qoe_fast_t *f, qoe_fast_hook_t *hook, qoe_span_t key,
    qoe_fast_value_t *v)
{
    (void) f;

    if (qoe_span_eq(key, qoe_span("value"))) {
        ((qoe_fast_item_t *) hook)->type = v->value.type;
    }

    return true;
}


static bool
qoe_fast_decoded(qoe_fast_t *f, qoe_fast_value_t *v)
{
    if (v->value.type != QOE_VALUE_STRING || !v->escaped) {
        return true;
    }

    v->escaped = false;

    return qoe_fast_unescape(f, &v->value.v.string);
}
