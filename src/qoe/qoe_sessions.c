
/*
 * Copyright (C) OpenQoE
 *
 * Layout: header | hash buckets | slots.  Links are 1 + index, 0 is none; a
 * link that came out of the zone is checked before it is followed, and no
 * walk is longer than there are slots.
 */


#include "qoe_sessions.h"

#include <stdlib.h>


struct qoe_sessions_s {
    uint32_t        capacity;
    uint32_t        buckets;         /* a power of two */
    uint32_t        count;
    uint32_t        free;            /* chained by next */
    uint32_t        unused;          /* slots behind it were never used */
    uint32_t        newest[QOE_SESSIONS_LISTS];
    uint32_t        oldest[QOE_SESSIONS_LISTS];
    uint64_t        slots_offset;
};

#define QOE_SESSIONS_HEADER  qoe_align(sizeof(struct qoe_sessions_s), 64)
#define QOE_SESSIONS_READS   100

_Static_assert(sizeof(qoe_view_t) <= 512, "a session takes 512 bytes");


typedef struct {
    uint64_t        received_ms;
    uint32_t        index;
} qoe_sessions_order_t;


static uint32_t *qoe_sessions_bucket(qoe_sessions_t *s,
    const uint64_t session[2]);
static uint32_t qoe_sessions_link(const qoe_sessions_t *s,
    const qoe_view_t *v);
static qoe_view_t *qoe_sessions_at(qoe_sessions_t *s, uint32_t link);
static void qoe_sessions_unlist(qoe_sessions_t *s, qoe_view_t *v);
static int qoe_sessions_order(const void *a, const void *b);
static void qoe_sessions_relink(qoe_sessions_t *s,
    qoe_sessions_order_t *order, uint32_t n);


void
qoe_sessions_create(qoe_sessions_t *s, size_t size)
{
    size_t    left;
    uint32_t  buckets;

    left = size - QOE_SESSIONS_HEADER;
    buckets = 16;

    /* half as many buckets as slots at least */

    while ((size_t) buckets * 4 * sizeof(qoe_view_t) < left) {
        buckets *= 2;
    }

    left -= (size_t) buckets * sizeof(uint32_t);

    s->buckets = buckets;
    s->capacity = (uint32_t) (left / sizeof(qoe_view_t));
    s->slots_offset = QOE_SESSIONS_HEADER + buckets * sizeof(uint32_t);
}


qoe_view_t *
qoe_sessions_find(qoe_sessions_t *s, const uint64_t session[2])
{
    uint32_t     n;
    qoe_view_t  *v;

    v = qoe_sessions_at(s, *qoe_sessions_bucket(s, session));

    for (n = 0; v != NULL && n < s->capacity; n++) {

        if (v->session[0] == session[0] && v->session[1] == session[1]) {
            return v;
        }

        v = qoe_sessions_at(s, v->next);
    }

    return NULL;
}


qoe_view_t *
qoe_sessions_add(qoe_sessions_t *s, const uint64_t session[2])
{
    uint32_t     seq, *bucket;
    qoe_view_t  *v;

    v = qoe_sessions_at(s, s->free);

    if (v != NULL) {
        s->free = v->next;

    } else if (s->unused < s->capacity) {
        v = qoe_sessions_slot(s, s->unused++);

    } else {
        return NULL;
    }

    /* readers must see that it is another session's now */

    seq = v->seq;
    memset(v, 0, sizeof(qoe_view_t));
    v->seq = (seq | 1) + 1;

    bucket = qoe_sessions_bucket(s, session);

    v->session[0] = session[0];
    v->session[1] = session[1];
    v->next = *bucket;
    *bucket = qoe_sessions_link(s, v);

    __atomic_store_n(&s->count, s->count + 1, __ATOMIC_RELAXED);

    return v;
}


void
qoe_sessions_touch(qoe_sessions_t *s, qoe_view_t *v, qoe_sessions_list_t list)
{
    uint32_t     link;
    qoe_view_t  *newest;

    link = qoe_sessions_link(s, v);

    if (v->list == (uint32_t) list + 1 && s->newest[list] == link) {
        return;
    }

    qoe_sessions_unlist(s, v);

    newest = qoe_sessions_at(s, s->newest[list]);

    v->list = (uint32_t) list + 1;
    v->newer = 0;
    v->older = s->newest[list];

    if (newest != NULL) {
        newest->newer = link;

    } else {
        s->oldest[list] = link;
    }

    s->newest[list] = link;
}


qoe_view_t *
qoe_sessions_oldest(qoe_sessions_t *s, qoe_sessions_list_t list)
{
    return qoe_sessions_at(s, s->oldest[list]);
}


qoe_view_t *
qoe_sessions_newer(qoe_sessions_t *s, const qoe_view_t *v)
{
    return qoe_sessions_at(s, v->newer);
}


void
qoe_sessions_remove(qoe_sessions_t *s, qoe_view_t *v)
{
    uint32_t     n, link, *place;
    qoe_view_t  *before;

    qoe_sessions_unlist(s, v);

    link = qoe_sessions_link(s, v);
    place = qoe_sessions_bucket(s, v->session);

    if (*place == link) {
        *place = v->next;

    } else {
        before = qoe_sessions_at(s, *place);

        for (n = 0; before != NULL && n < s->capacity; n++) {

            if (before->next == link) {
                before->next = v->next;
                break;
            }

            before = qoe_sessions_at(s, before->next);
        }
    }

    __atomic_store_n(&v->session[0], 0, __ATOMIC_RELEASE);
    __atomic_store_n(&v->session[1], 0, __ATOMIC_RELEASE);

    v->next = s->free;
    s->free = link;

    __atomic_store_n(&s->count, s->count - 1, __ATOMIC_RELAXED);
}


void
qoe_sessions_set_base(qoe_view_t *v, const qoe_blocks_t *blocks,
    uint64_t key, uint32_t now_s)
{
    /* odd for a moment only; readers take what is there if it stays so */

    __atomic_store_n(&v->seq, v->seq | 1, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_RELEASE);

    __atomic_store_n(&v->base, blocks->grain[QOE_GRAIN_COARSE],
                     __ATOMIC_RELAXED);
    __atomic_store_n(&v->titled, blocks->grain[QOE_GRAIN_TITLED],
                     __ATOMIC_RELAXED);
    __atomic_store_n(&v->fine, blocks->grain[QOE_GRAIN_HEADLINE],
                     __ATOMIC_RELAXED);
    __atomic_store_n(&v->base_key, key, __ATOMIC_RELAXED);
    __atomic_store_n(&v->base_s, now_s, __ATOMIC_RELAXED);

    __atomic_store_n(&v->seq, (v->seq | 1) + 1, __ATOMIC_RELEASE);
}


qoe_blocks_t
qoe_sessions_base(const qoe_view_t *v)
{
    return (qoe_blocks_t) { { v->base, v->titled, v->fine } };
}


/* The slots say what there is; everything else is made anew from them. */

void
qoe_sessions_rebuild(qoe_sessions_t *s)
{
    uint32_t               i, n, *bucket;
    qoe_view_t            *v;
    qoe_sessions_order_t  *order;

    s->unused = qoe_min(s->unused, s->capacity);

    /* a slot may have been filled and its taking not been stored */

    while (s->unused < s->capacity
           && (qoe_sessions_slot(s, s->unused)->session[0] != 0
               || qoe_sessions_slot(s, s->unused)->session[1] != 0))
    {
        s->unused++;
    }

    memset((char *) s + QOE_SESSIONS_HEADER, 0,
           s->buckets * sizeof(uint32_t));
    memset(s->newest, 0, sizeof(s->newest));
    memset(s->oldest, 0, sizeof(s->oldest));
    s->free = 0;

    order = malloc((s->unused + 1) * sizeof(qoe_sessions_order_t));
    n = 0;

    for (i = 0; i < s->unused; i++) {
        v = qoe_sessions_slot(s, i);

        if (v->session[0] == 0 && v->session[1] == 0) {
            v->list = 0;
            v->next = s->free;
            s->free = i + 1;
            continue;
        }

        v->seq &= ~(uint32_t) 1;

        bucket = qoe_sessions_bucket(s, v->session);
        v->next = *bucket;
        *bucket = i + 1;

        if (order != NULL) {
            order[n].received_ms = v->received_ms;
            order[n].index = i;

        } else {
            /* the order of the slots will do */
            qoe_sessions_relink(s, &(qoe_sessions_order_t) { 0, i }, 1);
        }

        n++;
    }

    if (order != NULL) {
        qsort(order, n, sizeof(qoe_sessions_order_t), qoe_sessions_order);
        qoe_sessions_relink(s, order, n);
        free(order);
    }

    __atomic_store_n(&s->count, n, __ATOMIC_RELAXED);
}


static int
qoe_sessions_order(const void *a, const void *b)
{
    const qoe_sessions_order_t  *x = a;
    const qoe_sessions_order_t  *y = b;

    return (x->received_ms > y->received_ms)
           - (x->received_ms < y->received_ms);
}


/* Into the lists, oldest first. */

static void
qoe_sessions_relink(qoe_sessions_t *s, qoe_sessions_order_t *order,
    uint32_t n)
{
    uint32_t              i;
    qoe_view_t           *v;
    qoe_sessions_list_t   list;

    for (i = 0; i < n; i++) {
        v = qoe_sessions_slot(s, order[i].index);

        list = (v->list == QOE_SESSIONS_HIDDEN + 1) ? QOE_SESSIONS_HIDDEN
                                                    : QOE_SESSIONS_VISIBLE;
        v->list = 0;
        qoe_sessions_touch(s, v, list);
    }
}


uint32_t
qoe_sessions_slots(const qoe_sessions_t *s)
{
    return s->capacity;
}


uint32_t
qoe_sessions_count(const qoe_sessions_t *s)
{
    return __atomic_load_n(&s->count, __ATOMIC_RELAXED);
}


bool
qoe_sessions_read(const qoe_sessions_t *s, uint32_t i, qoe_view_t *copy)
{
    int                n;
    uint32_t           seq;
    const qoe_view_t  *v;

    if (i >= __atomic_load_n(&s->unused, __ATOMIC_ACQUIRE)
        || i >= s->capacity)
    {
        return false;
    }

    v = qoe_sessions_slot((qoe_sessions_t *) (uintptr_t) s, i);

    for (n = 0; n < QOE_SESSIONS_READS; n++) {
        seq = __atomic_load_n(&v->seq, __ATOMIC_ACQUIRE);

        *copy = *v;

        __atomic_thread_fence(__ATOMIC_ACQUIRE);

        if ((seq & 1) == 0
            && seq == __atomic_load_n(&v->seq, __ATOMIC_RELAXED))
        {
            break;
        }
    }

    return copy->session[0] != 0 || copy->session[1] != 0;
}


qoe_view_t *
qoe_sessions_slot(qoe_sessions_t *s, uint32_t i)
{
    return (qoe_view_t *) ((char *) s + s->slots_offset) + i;
}


static uint32_t *
qoe_sessions_bucket(qoe_sessions_t *s, const uint64_t session[2])
{
    return (uint32_t *) ((char *) s + QOE_SESSIONS_HEADER)
           + (session[0] & (s->buckets - 1));
}


static uint32_t
qoe_sessions_link(const qoe_sessions_t *s, const qoe_view_t *v)
{
    return (uint32_t) (v - (const qoe_view_t *)
                           ((const char *) s + s->slots_offset)) + 1;
}


static qoe_view_t *
qoe_sessions_at(qoe_sessions_t *s, uint32_t link)
{
    if (link == 0 || link > s->capacity) {
        return NULL;
    }

    return qoe_sessions_slot(s, link - 1);
}


static void
qoe_sessions_unlist(qoe_sessions_t *s, qoe_view_t *v)
{
    uint32_t     list;
    qoe_view_t  *newer, *older;

    if (v->list == 0 || v->list > QOE_SESSIONS_LISTS) {
        return;
    }

    list = v->list - 1;
    newer = qoe_sessions_at(s, v->newer);
    older = qoe_sessions_at(s, v->older);

    if (newer != NULL) {
        newer->older = v->older;

    } else {
        s->newest[list] = v->older;
    }

    if (older != NULL) {
        older->newer = v->newer;

    } else {
        s->oldest[list] = v->newer;
    }

    v->list = 0;
}
