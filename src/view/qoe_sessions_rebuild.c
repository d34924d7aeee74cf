
/*
 * Copyright (C) OpenQoE
 *
 * Repairs the table after the death of a writer: the slots are authoritative,
 * and every link, list and count is computed again from them.
 */


#include "qoe_sessions_layout.h"

#include <stdlib.h>


typedef struct {
    uint64_t        received_ms;
    uint32_t        index;
} qoe_sessions_order_t;


static void qoe_sessions_rebuild_sessions(qoe_sessions_t *t,
    qoe_sessions_order_t *order);
static void qoe_sessions_list_again(qoe_sessions_t *t, qoe_session_t *s);
static void qoe_sessions_rebuild_views(qoe_sessions_t *t,
    qoe_sessions_order_t *order);
static void qoe_sessions_list_view(qoe_sessions_t *t, qoe_view_t *v);
static bool qoe_sessions_keeps(const qoe_sessions_t *t, const qoe_view_t *v);
static int qoe_sessions_order(const void *a, const void *b);


void
qoe_sessions_rebuild(qoe_sessions_t *t)
{
    qoe_sessions_order_t  *order;

    /* without memory, the order of the slots has to do */

    order = malloc((qoe_max(t->sessions.capacity, t->views.capacity) + 1)
                   * sizeof(qoe_sessions_order_t));

    qoe_sessions_rebuild_sessions(t, order);
    qoe_sessions_rebuild_views(t, order);

    free(order);
}


static void
qoe_sessions_rebuild_sessions(qoe_sessions_t *t, qoe_sessions_order_t *order)
{
    uint32_t              i, n, *bucket;
    qoe_session_t        *s;
    qoe_sessions_pool_t  *p;

    p = &t->sessions;
    p->unused = qoe_min(p->unused, p->capacity);

    /*
     * the writer may have filled a slot without having stored that it is used
     */

    while (p->unused < p->capacity
           && qoe_sessions_used(qoe_sessions_session_slot(t, p->unused)))
    {
        p->unused++;
    }

    memset((char *) t + QOE_SESSIONS_HEADER, 0, t->buckets * sizeof(uint32_t));
    memset(&t->list, 0, sizeof(t->list));
    memset(t->newcomers, 0, sizeof(t->newcomers));
    p->free = 0;

    for (i = 0, n = 0; i < p->unused; i++) {
        s = qoe_sessions_session_slot(t, i);
        s->listed = 0;
        s->views = 0;
        s->nviews = 0;

        if (!qoe_sessions_used(s)) {
            s->next = p->free;
            p->free = i + 1;
            continue;
        }

        bucket = qoe_sessions_bucket(t, s->key);
        s->next = *bucket;
        *bucket = i + 1;

        if (order != NULL) {
            order[n].received_ms = s->received_ms;
            order[n].index = i;

        } else {
            qoe_sessions_list_again(t, s);
        }

        n++;
    }

    qoe_poke(&p->count, n);

    if (order != NULL) {
        qsort(order, n, sizeof(qoe_sessions_order_t), qoe_sessions_order);

        for (i = 0; i < n; i++) {
            s = qoe_sessions_session_slot(t, order[i].index);
            qoe_sessions_list_again(t, s);
        }
    }
}


/*
 * Keeps a newcomer a newcomer, ordered by its last receipt, because the time
 * when it came is not stored.
 */

static void
qoe_sessions_list_again(qoe_sessions_t *t, qoe_session_t *s)
{
    qoe_sessions_touch(t, s);

    if (s->newcomer) {
        qoe_sessions_enlist(t, s);
    }
}


/* Lists all views as fresh; the list of their state follows later. */

static void
qoe_sessions_rebuild_views(qoe_sessions_t *t, qoe_sessions_order_t *order)
{
    uint32_t              i, n;
    qoe_view_t           *v;
    qoe_session_t        *s;
    qoe_sessions_pool_t  *p;

    p = &t->views;
    p->unused = qoe_min(p->unused, p->capacity);

    while (p->unused < p->capacity
           && qoe_sessions_view_slot(t, p->unused)->view_key != 0)
    {
        p->unused++;
    }

    memset(t->silent, 0, sizeof(t->silent));
    qoe_poke(&t->over, 0);
    p->free = 0;

    for (i = 0, n = 0; i < p->unused; i++) {
        v = qoe_sessions_view_slot(t, i);
        v->list = 0;
        v->seq &= ~(uint32_t) 1;

        if (v->view_key != 0 && v->over != 0) {
            qoe_sessions_list(t, v, QOE_SESSIONS_OVER);
            qoe_poke(&t->over, t->over + 1);
            continue;
        }

        if (!qoe_sessions_keeps(t, v)) {
            v->view_key = 0;
            v->next = p->free;
            p->free = i + 1;
            continue;
        }

        s = qoe_sessions_of(t, v);
        v->next = s->views;
        s->views = i + 1;
        s->nviews++;

        if (order != NULL) {
            order[n].received_ms = v->received_ms;
            order[n].index = i;

        } else {
            qoe_sessions_list_view(t, v);
        }

        n++;
    }

    qoe_poke(&p->count, n);

    if (order != NULL) {
        qsort(order, n, sizeof(qoe_sessions_order_t), qoe_sessions_order);

        for (i = 0; i < n; i++) {
            qoe_sessions_list_view(t, qoe_sessions_view_slot(t,
                                                             order[i].index));
        }
    }
}


/* With its first view a newcomer comes into the list of those that view. */

static void
qoe_sessions_list_view(qoe_sessions_t *t, qoe_view_t *v)
{
    qoe_sessions_list(t, v, QOE_SILENCE_FRESH);
    qoe_sessions_relist(t, qoe_sessions_of(t, v));
}


/* Is the slot a view, and does the session that it began in still exist? */

static bool
qoe_sessions_keeps(const qoe_sessions_t *t, const qoe_view_t *v)
{
    const qoe_session_t  *s;

    s = qoe_sessions_session_at(t, v->session);

    return v->view_key != 0 && s != NULL && qoe_sessions_used(s)
           && v->session_tag == (uint32_t) s->key[1];
}


static int
qoe_sessions_order(const void *a, const void *b)
{
    const qoe_sessions_order_t  *x = a;
    const qoe_sessions_order_t  *y = b;

    return (x->received_ms > y->received_ms)
           - (x->received_ms < y->received_ms);
}
