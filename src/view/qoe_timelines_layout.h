
/*
 * Copyright (C) OpenQoE
 *
 * The bytes of the table of timelines.  Private to qoe_timelines*.c.
 *
 *   header | hash buckets by the key of the view | timelines
 *
 * Links are 1 + index, and 0 is none.  A link that is read from the zone is
 * checked before it is followed, and no walk takes more steps than there are
 * slots.
 */


#ifndef _QOE_TIMELINES_LAYOUT_H_INCLUDED_
#define _QOE_TIMELINES_LAYOUT_H_INCLUDED_


#include "qoe_links.h"
#include "qoe_timelines.h"
#include "qoe_atomic.h"


#define QOE_TIMELINES_HEADER   64

/* The length of an id that is stored as the 16 bytes of a UUID. */
#define QOE_TIMELINES_UUID     0xff


/* A change of meaning raises QOE_STATE_VERSION. */

typedef struct {

    /* what an event needs comes first, to use few cache lines */

    uint64_t        view_key;        /* 0: free */
    uint32_t        seq;             /* odd while the slot changes */
    uint32_t        view;            /* 1 + index of the view; 0: it is over */
    qoe_timeline_t  timeline;

    uint64_t        start_ms;
    uint64_t        end_ms;          /* of a view that is over */
    uint32_t        next;            /* in the bucket, or next free slot */
    uint32_t        prev;            /* 0: the first of its bucket */
    qoe_links_t     links;           /* in the list of those that are over,
                                        by their end */
    uint32_t        org_hash;
    uint8_t         outcome;
    uint8_t         spare[3];
    uint8_t         ids[QOE_TIMELINE_IDS];   /* a length and a text each */
} __attribute__((aligned(64))) qoe_timelines_slot_t;

struct qoe_timelines_s {
    uint32_t        buckets;         /* a power of two */
    uint32_t        capacity;
    uint32_t        unused;          /* the first slot never used */
    uint32_t        free;
    qoe_ends_t      over;
    uint32_t        moves;           /* changes of the chains */
};

_Static_assert(sizeof(qoe_timelines_slot_t) == 384, "six cache lines");
_Static_assert(sizeof(struct qoe_timelines_s) <= QOE_TIMELINES_HEADER,
               "the header's place");


static inline qoe_timelines_slot_t *
qoe_timelines_slot(const qoe_timelines_t *t, uint32_t link)
{
    if (link == 0 || link > t->capacity) {
        return NULL;
    }

    return (qoe_timelines_slot_t *) ((uintptr_t) t + QOE_TIMELINES_HEADER
                                     + t->buckets * sizeof(uint32_t))
           + (link - 1);
}


static inline qoe_slots_t
qoe_timelines_links(const qoe_timelines_t *t)
{
    return (qoe_slots_t) { t->capacity != 0 ? &qoe_timelines_slot(t, 1)->links
                                            : NULL,
                           sizeof(qoe_timelines_slot_t), t->capacity };
}


static inline uint32_t *
qoe_timelines_bucket(qoe_timelines_t *t, uint64_t view_key)
{
    return (uint32_t *) ((char *) t + QOE_TIMELINES_HEADER)
           + (view_key >> 32 & (t->buckets - 1));
}


/* The stretch that is kept in the view.  false: there is none. */

static inline bool
qoe_timelines_kept(const qoe_view_t *v, qoe_stretch_t *s)
{
    if (v->open_ms == 0) {
        return false;
    }

    memset(s, 0, sizeof(qoe_stretch_t));
    s->kind = QOE_STRETCH_PLAYING;
    s->start_ms = v->born_ms + v->open_at_ms;
    s->ms = v->open_ms;

    return true;
}


#endif /* _QOE_TIMELINES_LAYOUT_H_INCLUDED_ */
