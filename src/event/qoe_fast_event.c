
/*
 * Copyright (C) OpenQoE
 *
 * Reads an event and its known objects.
 */


#include "qoe_fast_scan.h"


/* The state of an object with known names while it is read. */

typedef struct {
    const qoe_fast_table_t  *table;
    size_t                   depth;      /* the depth of its values */
    size_t                   first;      /* index of its first unknown key */
    uint64_t                 seen;       /* hash bits of the unknown keys */
    const qoe_fast_name_t   *name;
} qoe_fast_open_t;


static const char *qoe_fast_group(qoe_fast_t *f, const char *p, size_t depth,
    const qoe_fast_table_t *t);


/* Records the place p of a member, before the member is read. */

static inline void
qoe_fast_mark(qoe_fast_t *f, const char *p)
{
    qoe_fast_mark_t   *m;
    qoe_fast_marks_t  *now;

    now = f->now;

    if (now == NULL) {
        return;
    }

    m = &now->mark[now->n++];
    m->start = p;
    m->name = NULL;
    m->unknown = f->unknown;
    m->containers = f->containers;
    m->commas = f->commas;

    if (now->n == QOE_FAST_TOP_MAX * 2) {
        f->now = NULL;               /* no room for another member */
    }
}


/* Records the name of the member that was marked last. */

static inline void
qoe_fast_mark_name(qoe_fast_t *f, const qoe_fast_name_t *name)
{
    qoe_fast_marks_t  *now;

    now = f->now;

    if (now != NULL && name->first != name->end) {
        now->mark[now->n - 1].name = name;
        now->at[name->index] = (uint8_t) (now->n - 1);
    }
}


/* Finds the member of that name in the event that this one is compared with. */

static inline const qoe_fast_mark_t *
qoe_fast_marked(const qoe_fast_t *f, const qoe_fast_name_t *name)
{
    size_t                   i;
    const qoe_fast_marks_t  *before;

    before = f->before;
    i = before->at[name->index];

    return (i < before->n && before->mark[i].name == name)
           ? &before->mark[i] : NULL;
}


/*
 * Tries to share the members from p on with the earlier event.  Returns the
 * place after the shared members and what is expected there, or NULL if too
 * few are equal.
 */

static inline const char *
qoe_fast_shared(qoe_fast_t *f, const char *p, const qoe_fast_name_t *name,
    uint64_t *names, const qoe_fast_name_t ***next)
{
    size_t                  n, step;
    const char             *end;
    const qoe_fast_mark_t  *m, *last;

    m = qoe_fast_marked(f, name);

    if (m == NULL) {
        return NULL;
    }

    /*
     * The earlier event comes first in the text, so the bytes at m->start may
     * be read as far as those at p.  Stop at the end of its marks: in a run of
     * equal events each of them would otherwise be compared up to the end of
     * the body.
     */

    end = f->before->mark[f->before->n - 1].start;
    n = 0;

    do {
        step = qoe_fast_common(p + n, m->start + n);
        n += step;
    } while (step == QOE_FAST_SAME && m->start + n < end && p + n < f->safe);

    if (n < QOE_FAST_SHARE) {
        return NULL;
    }

    last = qoe_fast_share(f, p, n, m, names);

    if (last == NULL) {
        return NULL;
    }

    *next = &f->next[last[-1].name->next];

    return p + (last->start - m->start);
}


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


static const char *
qoe_fast_time(qoe_fast_t *f, const char *p)
{
    double  t;

    p = qoe_fast_number_long(f, p, &t);

    if (p == NULL || !(t >= f->time_min && t <= f->time_max)) {
        return NULL;
    }

    /* time_min and time_max keep it between 0 and 2^53 */

    f->ev->time_ms = (int64_t) t;

    return ((double) f->ev->time_ms == t) ? p : NULL;
}


/* A string that has escapes or is not plain ASCII, or an id. */

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


/* The value of a known key; white space may precede it. */

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
        return qoe_fast_number_long(f, p, &out->v.number);

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
               ? qoe_fast_group(f, p, depth, f->tables + name->id) : NULL;
    }

    return NULL;
}


static inline void
qoe_fast_open(qoe_fast_t *f, qoe_fast_open_t *o, const qoe_fast_table_t *t,
    size_t depth)
{
    o->table = t;
    o->depth = depth;
    o->first = f->nkeys;
    o->seen = 0;

    f->containers++;
    f->commas += t->n;
}


/*
 * Reads the key at p, which is not the expected one or not written as
 * expected.  Returns the place of the value of a known key, which is expected
 * here in the next event.  An unknown key is skipped with its value, and
 * o->name becomes NULL.
 */

static __attribute__((noinline)) const char *
qoe_fast_known_key(qoe_fast_t *f, const char *p, qoe_fast_open_t *o,
    const qoe_fast_name_t **next)
{
    qoe_fast_key_t    key;
    qoe_fast_value_t  v;

    o->name = NULL;
    p = qoe_fast_member(f, qoe_fast_skip(p), &key);

    if (p == NULL) {
        return NULL;
    }

    o->name = qoe_fast_find(o->table, &key);

    if (o->name != NULL) {
        *next = o->name;
        return p;
    }

    f->unknown++;
    f->commas++;

    return qoe_fast_key(f, o->first, &o->seen, &key)
           ? qoe_fast_value(f, p, o->depth, &v) : NULL;
}


/* The value of a known key.  Most are plain strings, then numbers. */

static inline __attribute__((always_inline)) const char *
qoe_fast_member_value(qoe_fast_t *f, const char *p, size_t depth,
    const qoe_fast_name_t *name)
{
    size_t        len;
    const char   *end;
    qoe_value_t  *out;

    end = (name->kind <= QOE_KIND_STRING && *p == '"')
          ? qoe_fast_quote(f, p + 1) : NULL;

    if (end != NULL) {
        out = &f->ev->field[name->id];
        len = (size_t) (end - p) - 1;
        out->type = QOE_VALUE_STRING;
        out->v.string = (qoe_span_t) { p + 1, len };

        return (len - name->len_min <= name->len_more) ? end + 1 : NULL;
    }

    if (name->kind == QOE_KIND_NUMBER && *p != 'n') {
        out = &f->ev->field[name->id];
        out->type = QOE_VALUE_NUMBER;

        return qoe_fast_number_long(f, qoe_fast_skip(p), &out->v.number);
    }

    return qoe_fast_known_value(f, p, depth, name);
}


/*
 * Reads an event (top) or one of its known objects.  Players send the same
 * keys in the same order again and again, so the key that followed another one
 * last time is tried first.
 *
 * The commas are counted as if all known keys were present: an upper limit is
 * enough.
 */

static inline __attribute__((always_inline)) const char *
qoe_fast_members(qoe_fast_t *f, const char *p, size_t depth,
    const qoe_fast_table_t *t, const bool top)
{
    bool                     more;
    uint64_t                 names;
    const char              *end;
    qoe_fast_open_t          o;
    const qoe_fast_name_t   *name, **next;

    qoe_fast_open(f, &o, t, depth + 1);
    next = &f->next[t->next];
    names = 0;
    p = qoe_fast_skip(p + 1);
    more = (*p != '}');

    while (more) {
        name = *next;

        if (p < f->safe && qoe_fast_is(p, name)) {

            if (top) {
                end = qoe_fast_shared(f, p, name, &names, &next);

                if (end != NULL) {
                    p = end;
                    continue;
                }

                qoe_fast_mark(f, p);
            }

            p += name->size;

        } else {

            if (top) {
                qoe_fast_mark(f, p);
            }

            p = qoe_fast_known_key(f, p, &o, next);
            name = o.name;
        }

        if (name != NULL) {

            if ((names & name->bit) != 0) {
                return NULL;
            }

            if (top) {
                qoe_fast_mark_name(f, name);
            }

            names |= name->bit;
            next = &f->next[name->next];
            p = qoe_fast_member_value(f, p, depth + 1, name);
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

    f->nkeys = o.first;

    return ((names & t->required) == t->required) ? qoe_fast_leave(f, p)
                                                  : NULL;
}


static __attribute__((noinline)) const char *
qoe_fast_group(qoe_fast_t *f, const char *p, size_t depth,
    const qoe_fast_table_t *t)
{
    return qoe_fast_members(f, p, depth, t, false);
}


/*
 * An event that is not accepted here is read again, rule by rule, so no event
 * is read more than twice.
 */

const char *
qoe_fast_event(qoe_fast_t *f, const char *start, size_t depth)
{
    const char         *p;
    qoe_fast_counts_t   counts;

    counts = (qoe_fast_counts_t) {
        f->unknown, f->containers, f->commas, f->nkeys, f->nevents
    };

    if (*start == '{') {

        if (!qoe_fast_slot(f, start)) {
            return NULL;
        }

        f->lenient = false;
        qoe_fast_marks_begin(f, start);
        p = qoe_fast_members(f, start, depth, f->tables + QOE_FAST_TOP, true);
        f->lenient = true;

        if (p != NULL && !f->half
            && f->keys <= QOE_KEYS_MAX - QOE_FAST_KEYS_KNOWN)
        {
            f->ev->raw = (qoe_span_t) { start, (size_t) (p - start) };

            if (f->ev->raw.len <= QOE_DATA_MAX || qoe_fast_sizes(f)) {
                qoe_fast_marks_end(f);
                return p;
            }
        }
    }

    return qoe_fast_again(f, start, depth, &counts);
}
