
/*
 * Copyright (C) OpenQoE
 */


#include "qoe_deliveries_layout.h"

#include <stdlib.h>


#define QOE_DELIVERIES_READS   100

/* Newcomers may be that part of all before one of them makes room. */
#define QOE_DELIVERIES_SHARE   4


typedef struct {
    uint64_t        received_ms;
    uint32_t        link;
} qoe_deliveries_order_t;


static uint32_t qoe_deliveries_list_of(const qoe_delivery_t *d);
static void qoe_deliveries_enlist(qoe_deliveries_t *t, qoe_delivery_t *d);
static void qoe_deliveries_delist(qoe_deliveries_t *t, qoe_delivery_t *d);
static qoe_delivery_t *qoe_deliveries_choose(qoe_deliveries_t *t);
static qoe_delivery_t *qoe_deliveries_oldest(qoe_deliveries_t *t);
static void qoe_deliveries_alive(qoe_deliveries_t *t, const qoe_delivery_t *d,
    uint32_t n);
static void qoe_deliveries_rebuild_slots(qoe_deliveries_t *t,
    qoe_deliveries_order_t *order);
static int qoe_deliveries_order(const void *a, const void *b);


void
qoe_deliveries_create(qoe_deliveries_t *t, size_t size)
{
    size_t    left;
    uint32_t  buckets;

    if (size < QOE_DELIVERIES_HEADER + 64) {
        return;
    }

    left = size - QOE_DELIVERIES_HEADER;
    buckets = 16;

    /* at least half as many buckets as states */

    while (buckets * 2 * sizeof(qoe_delivery_t) < left) {
        buckets *= 2;
    }

    t->buckets = buckets;
    left -= qoe_min(left, qoe_align(buckets * sizeof(uint32_t), 64));
    t->capacity = (uint32_t) (left / sizeof(qoe_delivery_t));
}


qoe_delivery_t *
qoe_deliveries_find(qoe_deliveries_t *t, const uint64_t key[2])
{
    uint32_t         n;
    qoe_delivery_t  *d;

    if (t->capacity == 0) {
        return NULL;
    }

    d = qoe_deliveries_at(t, *qoe_deliveries_bucket(t, key));

    for (n = 0; d != NULL && n < t->capacity; n++) {

        if (d->key[0] == key[0] && d->key[1] == key[1]) {
            return d;
        }

        d = qoe_deliveries_at(t, d->next);
    }

    return NULL;
}


qoe_delivery_t *
qoe_deliveries_add(qoe_deliveries_t *t, const uint64_t key[2])
{
    size_t           after;
    uint32_t         link, *bucket;
    qoe_delivery_t  *d;

    link = t->free;
    d = qoe_deliveries_at(t, link);

    if (d != NULL) {
        t->free = d->next;

    } else if (t->unused < t->capacity) {
        link = ++t->unused;
        d = qoe_deliveries_at(t, link);

    } else {
        return NULL;
    }

    /* the sequence number stays, and says that the slot changes */

    qoe_poke(&d->seq, d->seq | 1);
    __atomic_thread_fence(__ATOMIC_RELEASE);

    after = offsetof(qoe_delivery_t, seq) + sizeof(d->seq);
    memset((char *) d + after, 0, sizeof(qoe_delivery_t) - after);

    bucket = qoe_deliveries_bucket(t, key);

    d->key[0] = key[0];
    d->key[1] = key[1];
    d->next = *bucket;
    *bucket = link;

    qoe_deliveries_enlist(t, d);
    qoe_poke(&t->count, t->count + 1);

    qoe_publish(&d->seq, (d->seq | 1) + 1);

    return d;
}


static uint32_t
qoe_deliveries_list_of(const qoe_delivery_t *d)
{
    if (qoe_delivery_over(d)) {
        return QOE_DELIVERIES_OVER;
    }

    if (!qoe_delivery_known(d)) {
        return QOE_DELIVERIES_NEW;
    }

    return QOE_DELIVERIES_ALIVE
           + qoe_min(d->patience, QOE_DELIVERIES_OVER - QOE_DELIVERIES_ALIVE
                                  - 1);
}


/* Lists a state by its kind, as the newest. */

static void
qoe_deliveries_enlist(qoe_deliveries_t *t, qoe_delivery_t *d)
{
    uint32_t                i;
    qoe_slots_t             slots;
    qoe_deliveries_list_t  *list;

    i = qoe_deliveries_list_of(d);
    list = &t->list[i];
    slots = qoe_deliveries_slots(t);

    d->list = (uint8_t) (1 + i);
    qoe_links_add(&list->ends, &slots, qoe_deliveries_link(t, d));
    list->count++;

    if (i != QOE_DELIVERIES_OVER) {
        qoe_deliveries_alive(t, d, 1);
    }
}


static void
qoe_deliveries_delist(qoe_deliveries_t *t, qoe_delivery_t *d)
{
    qoe_slots_t             slots;
    qoe_deliveries_list_t  *list;

    if (d->list == 0 || d->list > QOE_DELIVERIES_LISTS) {
        return;
    }

    list = &t->list[d->list - 1];
    slots = qoe_deliveries_slots(t);

    qoe_links_remove(&list->ends, &slots, qoe_deliveries_link(t, d));
    list->count -= (list->count != 0);

    if (d->list - 1 != QOE_DELIVERIES_OVER) {
        qoe_deliveries_alive(t, d, UINT32_MAX);
    }

    d->list = 0;
}


static void
qoe_deliveries_alive(qoe_deliveries_t *t, const qoe_delivery_t *d, uint32_t n)
{
    uint32_t  *alive;

    alive = &t->alive[d->st < QOE_CMCD_STS ? d->st : 0]
                     [d->sf < QOE_CMCD_SFS ? d->sf : 0];

    qoe_poke(alive, *alive + n);
}


void
qoe_deliveries_open(qoe_deliveries_t *t, qoe_delivery_t *d)
{
    /* before anything changes by which the state is listed and counted */

    qoe_deliveries_delist(t, d);

    qoe_poke(&d->seq, d->seq | 1);
    __atomic_thread_fence(__ATOMIC_RELEASE);
}


void
qoe_deliveries_close(qoe_deliveries_t *t, qoe_delivery_t *d)
{
    qoe_deliveries_enlist(t, d);

    qoe_publish(&d->seq, (d->seq | 1) + 1);
}


qoe_delivery_t *
qoe_deliveries_victim(qoe_deliveries_t *t)
{
    qoe_delivery_t  *d;

    d = qoe_deliveries_choose(t);

    if (d != NULL) {
        qoe_delivery_evict(d);
    }

    return d;
}


static qoe_delivery_t *
qoe_deliveries_choose(qoe_deliveries_t *t)
{
    size_t           i;
    qoe_delivery_t  *d;

    static const uint8_t  order[] = {
        QOE_DELIVERIES_OVER, QOE_DELIVERIES_NEW
    };

    if (t->list[QOE_DELIVERIES_NEW].count > t->capacity / QOE_DELIVERIES_SHARE)
    {
        d = qoe_deliveries_oldest_of(t, QOE_DELIVERIES_NEW);

        if (d != NULL) {
            return d;
        }
    }

    for (i = 0; i < sizeof(order); i++) {
        d = qoe_deliveries_oldest_of(t, order[i]);

        if (d != NULL) {
            return d;
        }
    }

    return qoe_deliveries_oldest(t);
}


/* Of the states that are alive and known, that with the oldest receipt. */

static qoe_delivery_t *
qoe_deliveries_oldest(qoe_deliveries_t *t)
{
    uint32_t         i;
    qoe_delivery_t  *d, *oldest;

    oldest = NULL;

    for (i = QOE_DELIVERIES_ALIVE; i < QOE_DELIVERIES_OVER; i++) {
        d = qoe_deliveries_oldest_of(t, i);

        if (d != NULL && (oldest == NULL
                          || d->received_ms < oldest->received_ms))
        {
            oldest = d;
        }
    }

    return oldest;
}


qoe_delivery_t *
qoe_deliveries_silent(qoe_deliveries_t *t, uint64_t now_ms)
{
    uint32_t         i;
    qoe_delivery_t  *d;

    for (i = 0; i < QOE_DELIVERIES_OVER; i++) {
        d = qoe_deliveries_oldest_of(t, i);

        if (d != NULL && d->received_ms + qoe_delivery_silence_ms(d) <= now_ms)
        {
            return d;
        }
    }

    return NULL;
}


uint64_t
qoe_deliveries_due_ms(const qoe_deliveries_t *t)
{
    uint32_t               i;
    uint64_t               due;
    const qoe_delivery_t  *d;

    due = UINT64_MAX;

    for (i = 0; i < QOE_DELIVERIES_OVER; i++) {
        d = qoe_deliveries_oldest_of(t, i);

        if (d != NULL) {
            due = qoe_min(due, d->received_ms + qoe_delivery_silence_ms(d));
        }
    }

    return due;
}


void
qoe_deliveries_remove(qoe_deliveries_t *t, qoe_delivery_t *d)
{
    uint32_t         n, link, *place;
    qoe_delivery_t  *before;

    qoe_deliveries_delist(t, d);

    link = qoe_deliveries_link(t, d);
    place = qoe_deliveries_bucket(t, d->key);
    before = qoe_deliveries_at(t, *place);

    for (n = 0; before != NULL && n < t->capacity; n++) {

        if (before == d) {
            *place = d->next;
            break;
        }

        place = &before->next;
        before = qoe_deliveries_at(t, *place);
    }

    qoe_poke(&d->seq, d->seq | 1);
    __atomic_thread_fence(__ATOMIC_RELEASE);

    qoe_poke(&d->key[0], 0);
    qoe_poke(&d->key[1], 0);
    qoe_publish(&d->seq, (d->seq | 1) + 1);

    d->next = t->free;
    t->free = link;

    qoe_poke(&t->count, t->count - (t->count != 0));
}


/*
 * After the death of a writer the slots are the truth, and every link, list and
 * count is made of them.
 */

void
qoe_deliveries_rebuild(qoe_deliveries_t *t)
{
    qoe_deliveries_order_t  *order;

    /* without memory, the order of the slots has to do */

    order = malloc((t->capacity + 1) * sizeof(qoe_deliveries_order_t));

    t->unused = qoe_min(t->unused, t->capacity);

    /* a slot may be filled without its number having been stored */

    while (t->unused < t->capacity
           && qoe_deliveries_used(qoe_deliveries_at(t, t->unused + 1)))
    {
        t->unused++;
    }

    memset((char *) t + QOE_DELIVERIES_HEADER, 0,
           t->buckets * sizeof(uint32_t));
    memset(t->list, 0, sizeof(t->list));
    memset(t->alive, 0, sizeof(t->alive));
    t->free = 0;

    qoe_deliveries_rebuild_slots(t, order);

    free(order);
}


static void
qoe_deliveries_rebuild_slots(qoe_deliveries_t *t,
    qoe_deliveries_order_t *order)
{
    uint32_t         i, n, *bucket;
    qoe_delivery_t  *d;

    for (i = 1, n = 0; i <= t->unused; i++) {
        d = qoe_deliveries_at(t, i);

        d->list = 0;
        d->seq = (d->seq | 1) + 1;

        if (!qoe_deliveries_used(d)) {
            d->next = t->free;
            t->free = i;
            continue;
        }

        bucket = qoe_deliveries_bucket(t, d->key);
        d->next = *bucket;
        *bucket = i;

        if (order != NULL) {
            order[n].received_ms = d->received_ms;
            order[n].link = i;

        } else {
            qoe_deliveries_enlist(t, d);
        }

        n++;
    }

    qoe_poke(&t->count, n);

    if (order != NULL) {
        qsort(order, n, sizeof(qoe_deliveries_order_t), qoe_deliveries_order);

        for (i = 0; i < n; i++) {
            qoe_deliveries_enlist(t, qoe_deliveries_at(t, order[i].link));
        }
    }
}


static int
qoe_deliveries_order(const void *a, const void *b)
{
    const qoe_deliveries_order_t  *x = a;
    const qoe_deliveries_order_t  *y = b;

    return (x->received_ms > y->received_ms)
           - (x->received_ms < y->received_ms);
}


qoe_delivery_t *
qoe_deliveries_slot(qoe_deliveries_t *t, uint32_t i)
{
    return qoe_deliveries_at(t, i + 1);
}


void
qoe_deliveries_info(const qoe_deliveries_t *t, qoe_deliveries_info_t *info)
{
    size_t  i, j;

    info->count = qoe_peek(&t->count);
    info->max = t->capacity;
    info->touched = qoe_min(qoe_acquire(&t->unused), t->capacity);

    for (i = 0; i < QOE_CMCD_STS; i++) {
        for (j = 0; j < QOE_CMCD_SFS; j++) {
            info->alive[i][j] = qoe_peek(&t->alive[i][j]);
        }
    }
}


bool
qoe_deliveries_read(const qoe_deliveries_t *t, uint32_t i,
    qoe_delivery_t *copy)
{
    int                    n;
    uint32_t               seq;
    const qoe_delivery_t  *d;

    if (i >= qoe_acquire(&t->unused) || i >= t->capacity) {
        return false;
    }

    d = qoe_deliveries_at(t, i + 1);

    for (n = 0; n < QOE_DELIVERIES_READS; n++) {
        seq = qoe_acquire(&d->seq);

        memcpy(copy, d, sizeof(qoe_delivery_t));

        __atomic_thread_fence(__ATOMIC_ACQUIRE);

        if ((seq & 1) == 0 && seq == qoe_peek(&d->seq)) {
            break;
        }
    }

    return qoe_deliveries_used(copy);
}
