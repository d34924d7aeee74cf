
/*
 * Copyright (C) OpenQoE
 *
 * The bytes of the table of states.  Private to qoe_deliveries*.c.
 *
 *   header | hash buckets | states
 *
 * Links are 1 + index, and 0 is none.  A link that is read from the zone is
 * checked before it is followed, and no walk takes more steps than there are
 * slots.
 */


#ifndef _QOE_DELIVERIES_LAYOUT_H_INCLUDED_
#define _QOE_DELIVERIES_LAYOUT_H_INCLUDED_


#include "qoe_deliveries.h"
#include "qoe_atomic.h"


#define QOE_DELIVERIES_HEADER  512

/* The lists: newcomers, those of each silence, and those that are over. */

#define QOE_DELIVERIES_NEW     0
#define QOE_DELIVERIES_ALIVE   1
#define QOE_DELIVERIES_OVER    5
#define QOE_DELIVERIES_LISTS   6


typedef struct {
    qoe_ends_t      ends;
    uint32_t        count;
} qoe_deliveries_list_t;

struct qoe_deliveries_s {
    uint32_t               buckets;          /* a power of two */
    uint32_t               capacity;
    uint32_t               unused;           /* the first slot never used */
    uint32_t               free;
    uint32_t               count;
    qoe_deliveries_list_t  list[QOE_DELIVERIES_LISTS];
    uint32_t               alive[QOE_CMCD_STS][QOE_CMCD_SFS];
};

_Static_assert(sizeof(struct qoe_deliveries_s) <= QOE_DELIVERIES_HEADER,
               "the header's place");


/* The state with that link, or NULL. */

static inline qoe_delivery_t *
qoe_deliveries_at(const qoe_deliveries_t *t, uint32_t link)
{
    if (link == 0 || link > t->capacity) {
        return NULL;
    }

    return (qoe_delivery_t *) ((uintptr_t) t + QOE_DELIVERIES_HEADER
                               + qoe_align(t->buckets * sizeof(uint32_t), 64))
           + (link - 1);
}


static inline qoe_slots_t
qoe_deliveries_slots(const qoe_deliveries_t *t)
{
    return (qoe_slots_t) { &qoe_deliveries_at(t, 1)->links,
                           sizeof(qoe_delivery_t), t->capacity };
}


static inline qoe_delivery_t *
qoe_deliveries_oldest_of(const qoe_deliveries_t *t, uint32_t list)
{
    return qoe_deliveries_at(t, t->list[list].ends.oldest);
}


static inline uint32_t
qoe_deliveries_link(const qoe_deliveries_t *t, const qoe_delivery_t *d)
{
    return (uint32_t) (d - qoe_deliveries_at(t, 1)) + 1;
}


static inline uint32_t *
qoe_deliveries_bucket(qoe_deliveries_t *t, const uint64_t key[2])
{
    return (uint32_t *) ((char *) t + QOE_DELIVERIES_HEADER)
           + (key[0] & (t->buckets - 1));
}


static inline bool
qoe_deliveries_used(const qoe_delivery_t *d)
{
    return (d->key[0] | d->key[1]) != 0;
}


#endif /* _QOE_DELIVERIES_LAYOUT_H_INCLUDED_ */
