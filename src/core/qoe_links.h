
/*
 * Copyright (C) OpenQoE
 *
 * Lists of slots of an array in the zone, from the newest to the oldest.  A
 * link is 1 + index, and 0 is none.  A link that is read from the zone is
 * checked before it is followed.
 */


#ifndef _QOE_LINKS_H_INCLUDED_
#define _QOE_LINKS_H_INCLUDED_


#include "qoe_core.h"


typedef struct {
    uint32_t        newest;
    uint32_t        oldest;
} qoe_ends_t;

typedef struct {
    uint32_t        newer;           /* a slot has these for each list that */
    uint32_t        older;           /* it can be in */
} qoe_links_t;

typedef struct {
    void           *links;           /* of the first slot of an array */
    size_t          size;            /* of a slot */
    uint32_t        capacity;
} qoe_slots_t;


static inline qoe_links_t *
qoe_links_at(const qoe_slots_t *a, uint32_t link)
{
    return link != 0 && link <= a->capacity
           ? (qoe_links_t *) ((uintptr_t) a->links + (link - 1) * a->size)
           : NULL;
}


/* Makes a slot that is not in the list the newest. */

static inline void
qoe_links_add(qoe_ends_t *l, const qoe_slots_t *a, uint32_t link)
{
    qoe_links_t  *s, *newest;

    s = qoe_links_at(a, link);
    newest = qoe_links_at(a, l->newest);

    s->newer = 0;
    s->older = l->newest;

    if (newest != NULL) {
        newest->newer = link;

    } else {
        l->oldest = link;
    }

    l->newest = link;
}


static inline void
qoe_links_remove(qoe_ends_t *l, const qoe_slots_t *a, uint32_t link)
{
    qoe_links_t  *s, *newer, *older;

    s = qoe_links_at(a, link);
    newer = qoe_links_at(a, s->newer);
    older = qoe_links_at(a, s->older);

    if (newer != NULL) {
        newer->older = s->older;

    } else {
        l->newest = s->older;
    }

    if (older != NULL) {
        older->newer = s->newer;

    } else {
        l->oldest = s->newer;
    }
}


#endif /* _QOE_LINKS_H_INCLUDED_ */
