
/*
 * Copyright (C) OpenQoE
 *
 * The known objects of a body, for the file that includes this behind
 * qoe_fast_walk.h.
 */


static const char *qoe_fast_known(qoe_fast_t *f, const char *p, size_t depth,
    const qoe_fast_table_t *t);


/* p is at the value of a field, which is neither null nor a list. */

QOE_FAST_TARGET
static inline const char *
qoe_fast_plain(qoe_fast_t *f, const char *p, qoe_value_t *out,
    qoe_value_kind_t kind)
{
    size_t           len;
    qoe_fast_text_t  text;

    switch (kind) {

    case QOE_KIND_ID:
    case QOE_KIND_STRING:
    case QOE_KIND_STRING_LIST:

        if (*p != '"') {
            return NULL;
        }

        p = qoe_fast_string(f, p, &text);

        if (p == NULL || !qoe_fast_string_value(f, &out->v.string, &text)) {
            return NULL;
        }

        out->type = QOE_VALUE_STRING;
        len = out->v.string.len;

        return (kind != QOE_KIND_ID || (len != 0 && len <= QOE_ID_MAX))
               ? p : NULL;

    case QOE_KIND_NUMBER:
    case QOE_KIND_NUMBER_LIST:
        out->type = QOE_VALUE_NUMBER;
        return qoe_fast_number(f, p, &out->v.number);

    case QOE_KIND_BOOL:
        out->type = QOE_VALUE_BOOL;
        out->v.boolean = (*p == 't');
        return (*p != 'n') ? qoe_fast_literal(f, p) : NULL;
    }

    return NULL;
}


QOE_FAST_TARGET
static const char *
qoe_fast_type_name(qoe_fast_t *f, const char *p)
{
    qoe_span_t       name;
    qoe_fast_text_t  text;

    if (*p != '"') {
        return NULL;
    }

    p = qoe_fast_string(f, p, &text);

    return (p != NULL && qoe_fast_string_value(f, &name, &text)
            && qoe_fast_type(f, name))
           ? p : NULL;
}


QOE_FAST_TARGET
static const char *
qoe_fast_time(qoe_fast_t *f, const char *p)
{
    double  t;

    p = qoe_fast_number(f, p, &t);

    if (p == NULL || !(t >= f->time_min && t <= f->time_max)) {
        return NULL;
    }

    /* from 0 to 2^53, that is */

    f->ev->time_ms = (int64_t) t;

    return ((double) f->ev->time_ms == t) ? p : NULL;
}


QOE_FAST_TARGET
static inline const char *
qoe_fast_known_value(qoe_fast_t *f, const char *p, size_t depth,
    const qoe_fast_name_t *name)
{
    qoe_value_t  *out;

    if (*p == 'n') {
        return (name->kind != QOE_KIND_ID && name->kind != QOE_FAST_TYPE
                && name->kind != QOE_FAST_TIME)
               ? qoe_fast_literal(f, p) : NULL;
    }

    switch (name->kind) {

    case QOE_FAST_TYPE:
        return qoe_fast_type_name(f, p);

    case QOE_FAST_TIME:
        return qoe_fast_time(f, p);

    case QOE_FAST_DATA:
        return (*p == '{') ? qoe_fast_data(f, p, depth) : NULL;

    case QOE_FAST_GROUP:
        return (*p == '{')
               ? qoe_fast_known(f, p, depth, f->tables + name->id) : NULL;

    case QOE_KIND_NUMBER_LIST:
    case QOE_KIND_STRING_LIST:

        if (*p == '[') {
            return qoe_fast_list(f, p, depth,
                                 name->kind == QOE_KIND_NUMBER_LIST
                                 ? QOE_VALUE_NUMBER : QOE_VALUE_STRING);
        }

        break;
    }

    out = &f->ev->field[name->id];

    return qoe_fast_plain(f, p, out, (qoe_value_kind_t) name->kind);
}


/*
 * The key at p that is not the expected one, or does not stand where it is
 * expected, as *next then is; and its value.  *name is NULL for an unknown
 * key.
 */

QOE_FAST_TARGET
static __attribute__((noinline)) const char *
qoe_fast_known_key(qoe_fast_t *f, const char *p, const qoe_fast_table_t *t,
    const qoe_fast_name_t **next, const qoe_fast_name_t **name,
    qoe_span_t *key)
{
    p = qoe_fast_member(f, qoe_fast_skip(p), key);
    *name = NULL;

    if (p != NULL) {
        *name = qoe_fast_find(t, *key, f->end);

        if (*name != NULL) {
            *next = *name;
        }
    }

    return p;
}


/*
 * An event or one of its known objects.  Players send the same keys in the
 * same order again and again: what stood behind a key last time is expected
 * there.
 *
 * For its commas it counts as if all known keys were there.
 */

QOE_FAST_TARGET
static const char *
qoe_fast_known(qoe_fast_t *f, const char *p, size_t depth,
    const qoe_fast_table_t *t)
{
    size_t                   first;
    uint64_t                 names, seen;
    qoe_span_t               key;
    qoe_value_t             *out;
    qoe_fast_text_t          text;
    qoe_fast_value_t         v;
    const qoe_fast_name_t   *name, **next;

    f->containers++;
    f->commas += t->n;
    first = f->nkeys;
    names = 0;
    seen = 0;
    next = &f->next[t->next];
    p = qoe_fast_skip(p + 1);

    if (*p == '}') {
        goto end;
    }

    for ( ;; ) {
        name = *next;

        if (p < f->safe && qoe_fast_is(p, name)) {
            p += name->size;

        } else {
            p = qoe_fast_known_key(f, p, t, next, &name, &key);

            if (p == NULL) {
                return NULL;
            }

            if (name == NULL) {
                p = qoe_fast_key(f, first, &seen, key)
                    ? qoe_fast_value(f, p, depth + 1, &v) : NULL;
                f->unknown++;
                f->commas++;
                goto behind;
            }
        }

        if ((names & name->bit) != 0) {
            return NULL;
        }

        names |= name->bit;
        next = &f->next[name->next];

        if (name->kind == QOE_KIND_STRING && *p == '"') {
            p = qoe_fast_string(f, p, &text);
            out = &f->ev->field[name->id];
            out->type = QOE_VALUE_STRING;
            out->v.string = (qoe_span_t) { text.data, text.len };

            if (text.escaped && p != NULL
                && !qoe_fast_unescape(f, &out->v.string))
            {
                return NULL;
            }

        } else {
            p = qoe_fast_known_value(f, qoe_fast_skip(p), depth + 1, name);
        }

    behind:

        if (p == NULL) {
            return NULL;
        }

        if (*p != ',') {
            p = qoe_fast_skip(p);

            if (*p == '}') {
                break;
            }

            if (*p != ',') {
                return NULL;
            }
        }

        p++;
    }

end:

    f->nkeys = first;

    return ((names & t->required) == t->required) ? qoe_fast_leave(f, p)
                                                  : NULL;
}


QOE_FAST_TARGET
static const char *
qoe_fast_event(qoe_fast_t *f, const char *p, size_t depth)
{
    qoe_event_t  *ev;
    const char   *start;

    if (*p != '{') {
        return NULL;
    }

    ev = qoe_fast_slot(f, p);

    if (ev == NULL) {
        return NULL;
    }

    memset(ev, 0, offsetof(qoe_event_t, number));

    ev->sources = f->conf->sources;
    ev->nsources = f->conf->nsources;

    f->ev = ev;
    f->data = NULL;
    start = p;
    p = qoe_fast_known(f, p, depth, f->tables + QOE_FAST_TOP);

    if (p == NULL) {
        return NULL;
    }

    ev->raw = (qoe_span_t) { start, (size_t) (p - start) };

    if (ev->raw.len > QOE_DATA_MAX && !qoe_fast_sizes(f)) {
        return NULL;
    }

    return p;
}


QOE_FAST_TARGET
static const char *
qoe_fast_events(qoe_fast_t *f, const char *p, size_t depth)
{
    f->containers++;
    p = qoe_fast_skip(p + 1);
    f->array = p;

    while (*p != ']') {
        p = qoe_fast_event(f, p, depth + 1);

        if (p == NULL) {
            return NULL;
        }

        p = qoe_fast_more(f, p, ']');

        if (p == NULL) {
            return NULL;
        }
    }

    return (f->nevents != 0) ? p + 1 : NULL;
}


/* The last byte is the '}' of the outermost object, or else it declines. */

QOE_FAST_TARGET
static inline const char *
qoe_fast_body(qoe_fast_t *f, const char *p)
{
    bool              found;
    uint64_t          seen;
    qoe_span_t        key;
    qoe_fast_value_t  v;

    if (*p != '{') {
        return NULL;
    }

    f->containers++;
    found = false;
    seen = 0;
    p = qoe_fast_skip(p + 1);

    while (*p != '}') {
        p = qoe_fast_member(f, p, &key);

        if (p == NULL || !qoe_fast_key(f, 0, &seen, key)) {
            return NULL;
        }

        if (qoe_span_eq(key, qoe_span("events"))) {
            found = true;
            p = (*p == '[') ? qoe_fast_events(f, p, 1) : NULL;

        } else {
            f->unknown++;
            p = qoe_fast_value(f, p, 1, &v);
        }

        if (p == NULL) {
            return NULL;
        }

        p = qoe_fast_more(f, p, '}');

        if (p == NULL) {
            return NULL;
        }
    }

    return (found && p + 1 == f->end) ? p + 1 : NULL;
}
