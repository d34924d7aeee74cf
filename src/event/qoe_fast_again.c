
/*
 * Copyright (C) OpenQoE
 *
 * Reads an event again that the walk has not accepted, by the generic readers:
 * records each rule that the event breaks, and goes on after the event.  A
 * syntax error still declines the body.  An event that is only written in an
 * unusual way, with escapes in its known keys, turns out valid here.
 */


#include "qoe_fast_scan.h"


static const char *qoe_fast_again_object(qoe_fast_t *f, const char *p,
    size_t depth, const qoe_fast_table_t *t);


/* Is the value at p, which is valid JSON, a list of the kind its key takes? */

static bool
qoe_fast_again_list(qoe_fast_t *f, const char *p, size_t depth,
    const qoe_fast_name_t *name)
{
    size_t            keys, containers, commas;
    const char       *end;
    qoe_value_type_t  type;

    if (*p != '[' || (name->kind != QOE_KIND_NUMBER_LIST
                      && name->kind != QOE_KIND_STRING_LIST))
    {
        return false;
    }

    type = (name->kind == QOE_KIND_NUMBER_LIST) ? QOE_VALUE_NUMBER
                                                : QOE_VALUE_STRING;

    /* the caller has counted the content of the value already */

    keys = f->keys;
    containers = f->containers;
    commas = f->commas;

    end = qoe_fast_list(f, p, depth, type);

    f->keys = keys;
    f->containers = containers;
    f->commas = commas;

    return end != NULL;
}


/* Reads and checks the value of a known key. */

static const char *
qoe_fast_again_value(qoe_fast_t *f, const char *start, size_t depth,
    const qoe_fast_name_t *name)
{
    size_t             nkeys;
    const char        *p;
    qoe_fast_value_t   v;

    if (*start == '{' && name->kind == QOE_FAST_GROUP) {
        return qoe_fast_again_object(f, start, depth, f->tables + name->id);
    }

    if (*start == '{' && name->kind == QOE_FAST_DATA) {
        return qoe_fast_data(f, start, depth);
    }

    p = qoe_fast_value(f, start, depth, &v);

    if (p == NULL || *start == 'n') {
        return p;
    }

    nkeys = f->nkeys;

    if (qoe_fast_again_list(f, start, depth, name)) {
        return p;
    }

    f->nkeys = nkeys;

    return qoe_fast_judge(f, name, &v) ? p : NULL;
}


/* given has a bit for each name whose value is not null. */

static inline const char *
qoe_fast_again_member(qoe_fast_t *f, void *given, const char *p, size_t depth,
    const qoe_fast_key_t *key, const qoe_fast_name_t *name)
{
    qoe_fast_value_t  v;

    (void) key;

    if (name == NULL) {
        f->unknown++;
        return qoe_fast_value(f, p, depth, &v);
    }

    *(uint64_t *) given |= (*p != 'n') ? name->bit : 0;

    return qoe_fast_again_value(f, p, depth, name);
}


static const char *
qoe_fast_again_object(qoe_fast_t *f, const char *p, size_t depth,
    const qoe_fast_table_t *t)
{
    uint64_t  given;

    given = 0;
    p = qoe_fast_walk(f, p, depth + 1, t, qoe_fast_again_member, &given);

    if (p == NULL) {
        return NULL;
    }

    qoe_fast_missing(f, t, given);

    return qoe_fast_leave(f, p);
}


const char *
qoe_fast_again(qoe_fast_t *f, const char *start, size_t depth,
    const qoe_fast_counts_t *counts)
{
    const char        *p;
    qoe_fast_value_t   v;

    qoe_fast_faults_begin(f, counts);

    if (*start != '{') {
        p = qoe_fast_value(f, start, depth, &v);

    } else if (qoe_fast_slot(f, start)) {
        p = qoe_fast_again_object(f, start, depth, f->tables + QOE_FAST_TOP);

    } else {
        return NULL;
    }

    if (p != NULL) {
        qoe_fast_faults_end(f, (qoe_span_t) { start, (size_t) (p - start) },
                            counts);
    }

    return p;
}
