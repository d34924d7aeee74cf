
/*
 * Copyright (C) OpenQoE
 *
 * The known objects of a body, for the file that includes this behind
 * qoe_fast_walk.h.
 */


/* The keys of an object that no table has. */

typedef struct {
    size_t             first;
    uint64_t           seen;
} qoe_fast_unknown_t;


static const char *qoe_fast_known(qoe_fast_t *f, const char *p, size_t depth,
    const qoe_fast_table_t *t);


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


/* A string that is not plain, or an id. */

QOE_FAST_TARGET
static inline const char *
qoe_fast_known_string(qoe_fast_t *f, const char *p,
    const qoe_fast_name_t *name)
{
    size_t            len;
    qoe_value_t      *out;
    qoe_fast_text_t   text;

    if (*p != '"') {
        return NULL;
    }

    out = &f->ev->field[name->id];
    p = qoe_fast_string(f, p, &text);

    if (p == NULL || !qoe_fast_string_value(f, &out->v.string, &text)) {
        return NULL;
    }

    out->type = QOE_VALUE_STRING;
    len = out->v.string.len;

    return (name->kind != QOE_KIND_ID || (len != 0 && len <= QOE_ID_MAX))
           ? p : NULL;
}


/* The value of a known key, wherever it stands behind the colon. */

QOE_FAST_TARGET
static __attribute__((noinline)) const char *
qoe_fast_known_value(qoe_fast_t *f, const char *p, size_t depth,
    const qoe_fast_name_t *name)
{
    qoe_value_t  *out;

    p = qoe_fast_skip(p);

    if (*p == 'n') {
        return (name->kind != QOE_KIND_ID && name->kind != QOE_FAST_TYPE
                && name->kind != QOE_FAST_TIME)
               ? qoe_fast_literal(f, p) : NULL;
    }

    out = &f->ev->field[name->id];

    switch (name->kind) {

    case QOE_KIND_ID:
    case QOE_KIND_STRING:
        return qoe_fast_known_string(f, p, name);

    case QOE_KIND_STRING_LIST:
        return (*p == '[') ? qoe_fast_list(f, p, depth, QOE_VALUE_STRING)
                           : qoe_fast_known_string(f, p, name);

    case QOE_KIND_NUMBER_LIST:

        if (*p == '[') {
            return qoe_fast_list(f, p, depth, QOE_VALUE_NUMBER);
        }

        /* fall through */

    case QOE_KIND_NUMBER:
        out->type = QOE_VALUE_NUMBER;
        return qoe_fast_short(f, p, &out->v.number);

    case QOE_KIND_BOOL:
        out->type = QOE_VALUE_BOOL;
        out->v.boolean = (*p == 't');
        return (*p == 't' || *p == 'f') ? qoe_fast_literal(f, p) : NULL;

    case QOE_FAST_TYPE:
        return qoe_fast_type_name(f, p);

    case QOE_FAST_TIME:
        return qoe_fast_time(f, p);

    case QOE_FAST_DATA:
        return (*p == '{') ? qoe_fast_data(f, p, depth) : NULL;

    case QOE_FAST_GROUP:
        return (*p == '{')
               ? qoe_fast_known(f, p, depth, f->tables + name->id) : NULL;
    }

    return NULL;
}


/*
 * The key at p is not the expected one, or does not stand where it is
 * expected.  A known one is expected there from now on, and p goes to its
 * value; any other one is done with.
 */

QOE_FAST_TARGET
static __attribute__((noinline)) const char *
qoe_fast_known_key(qoe_fast_t *f, const char *p, size_t depth,
    const qoe_fast_table_t *t, qoe_fast_unknown_t *unknown,
    const qoe_fast_name_t **next, const qoe_fast_name_t **name)
{
    qoe_fast_key_t    key;
    qoe_fast_value_t  v;

    p = qoe_fast_member(f, qoe_fast_skip(p), &key);

    if (p == NULL) {
        return NULL;
    }

    *name = qoe_fast_find(t, &key);

    if (*name != NULL) {
        *next = *name;
        return p;
    }

    f->unknown++;
    f->commas++;

    return qoe_fast_key(f, unknown->first, &unknown->seen, &key)
           ? qoe_fast_value(f, p, depth + 1, &v) : NULL;
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
    bool                     more;
    uint64_t                 names;
    const char              *end;
    qoe_value_t             *out;
    qoe_fast_unknown_t       unknown;
    const qoe_fast_name_t   *name, **next;

    f->containers++;
    f->commas += t->n;
    unknown.first = f->nkeys;
    unknown.seen = 0;
    names = 0;
    next = &f->next[t->next];
    p = qoe_fast_skip(p + 1);
    more = (*p != '}');

    while (more) {
        name = *next;

        if (p < f->safe && qoe_fast_is(p, name)) {
            p += name->size;

        } else {
            p = qoe_fast_known_key(f, p, depth, t, &unknown, next, &name);
        }

        if (p != NULL && name != NULL) {

            if ((names & name->bit) != 0) {
                return NULL;
            }

            names |= name->bit;
            next = &f->next[name->next];
            end = (name->kind == QOE_KIND_STRING && *p == '"')
                  ? qoe_fast_quote(f, p + 1) : NULL;

            if (end != NULL) {
                out = &f->ev->field[name->id];
                out->type = QOE_VALUE_STRING;
                out->v.string.data = p + 1;
                out->v.string.len = (size_t) (end - p) - 1;
                p = end + 1;

            } else {
                p = qoe_fast_known_value(f, p, depth + 1, name);
            }
        }

        if (p == NULL) {
            return NULL;
        }

        if (*p != ',') {
            p = qoe_fast_skip(p);
            more = (*p != '}');

            if (more && *p != ',') {
                return NULL;
            }
        }

        p += more;
    }

    f->nkeys = unknown.first;

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
    qoe_fast_key_t    key;
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

        if (p == NULL || !qoe_fast_key(f, 0, &seen, &key)) {
            return NULL;
        }

        if (qoe_span_eq(key.text, qoe_span("events"))) {
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
