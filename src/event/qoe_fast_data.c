
/*
 * Copyright (C) OpenQoE
 *
 * Reads "data" and stores those of its values that an event needs.
 */


#include "qoe_fast_scan.h"


/* Reads the value of a key of data, or its members if it is an object. */

typedef struct {
    qoe_fast_hook_t        hook;
    qoe_span_t             key;
    const qoe_data_key_t  *rows;     /* may be NULL */
    qoe_value_t            sub[QOE_SOURCES_MAX];     /* one for each source */
} qoe_fast_member_t;


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


static void
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

static bool
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

static bool
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


static bool
qoe_fast_decoded(qoe_fast_t *f, qoe_fast_value_t *v)
{
    if (v->value.type != QOE_VALUE_STRING || !v->escaped) {
        return true;
    }

    v->escaped = false;

    return qoe_fast_unescape(f, &v->value.v.string);
}


/* Reads an object below data, for rows or sources with two keys. */

static __attribute__((noinline)) const char *
qoe_fast_data_nested(qoe_fast_t *f, const char *p, size_t depth,
    qoe_span_t key, const qoe_data_key_t *rows)
{
    qoe_fast_value_t   v;
    qoe_fast_member_t  m;

    qoe_fast_member_init(f, &m, key, rows);
    v = (qoe_fast_value_t) { .value.type = QOE_VALUE_NONE };

    if (*p == '{') {
        p = qoe_fast_object(f, p, depth, &m.hook);

    } else {
        p = qoe_fast_value(f, p, depth, &v);
    }

    return (p != NULL && qoe_fast_rows(f, rows, &v)
            && qoe_fast_dims(f, &m, &v))
           ? p : NULL;
}


/* Reads the value of a key of data; name is NULL if no row has that key. */

static inline const char *
qoe_fast_data_value(qoe_fast_t *f, void *ctx, const char *p, size_t depth,
    const qoe_fast_key_t *key, const qoe_fast_name_t *name)
{
    double                 n;
    qoe_fast_value_t       v;
    const qoe_data_key_t  *rows;

    (void) ctx;

    rows = (name != NULL) ? name->rows : NULL;

    if (f->conf->nsources != 0 || (*p == '{' && rows != NULL)) {
        return qoe_fast_data_nested(f, p, depth, key->text, rows);
    }

    if (rows != NULL && name->kind == QOE_FAST_ROW_NUMBER
        && (unsigned char) (*p - '0') <= 9)
    {
        p = qoe_fast_number(f, p, &n);

        if (p != NULL) {
            qoe_data_put(f->ev, rows->first, n, f->ranks);
        }

        return p;
    }

    p = qoe_fast_value(f, p, depth, &v);

    if (p != NULL && rows != NULL && !qoe_fast_rows(f, rows, &v)) {
        return NULL;
    }

    return p;
}


const char *
qoe_fast_data(qoe_fast_t *f, const char *p, size_t depth)
{
    f->data = p;

    p = qoe_fast_walk(f, p, depth + 1, f->tables + QOE_FAST_ROWS,
                      qoe_fast_data_value, NULL);
    if (p == NULL) {
        return NULL;
    }

    f->data_end = p + 1;

    return qoe_fast_leave(f, p);
}
