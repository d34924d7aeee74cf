
/*
 * Copyright (C) OpenQoE
 *
 * The bytes of the table of sessions.  Private to qoe_sessions*.c.
 *
 *   header | hash buckets | sessions | views
 *
 * Links are 1 + index, and 0 is none.  A link that is read from the zone is
 * checked before it is followed, and no walk takes more steps than there are
 * slots.
 */


#ifndef _QOE_SESSIONS_LAYOUT_H_INCLUDED_
#define _QOE_SESSIONS_LAYOUT_H_INCLUDED_


#include "qoe_sessions.h"
#include "qoe_atomic.h"


typedef struct {
    uint32_t        capacity;
    uint32_t        count;
    uint32_t        free;            /* first of a list by next */
    uint32_t        unused;          /* the first slot never used */
} qoe_sessions_pool_t;

typedef struct {
    qoe_ends_t      list;
    uint32_t        count;
} qoe_sessions_newcomers_t;

/* The list of views that are over, beside those of silence. */
#define QOE_SESSIONS_OVER     ((qoe_silence_t) QOE_SILENCES)

#define QOE_NEWCOMER_IDLE     1
#define QOE_NEWCOMER_VIEWING  2      /* has a live view */

struct qoe_sessions_s {
    uint32_t             buckets;    /* a power of two */
    qoe_sessions_pool_t  sessions;
    qoe_sessions_pool_t  views;
    qoe_ends_t           list;       /* sessions by last receipt */
    qoe_ends_t           silent[QOE_SILENCES + 1];   /* and views over */
    uint32_t             over;
    qoe_sessions_newcomers_t  newcomers[2];      /* without and with a view */
    uint64_t             sessions_offset;
    uint64_t             views_offset;
};


/* Functions of qoe_sessions_newcomers.c. */

/* Adds s, which is in no list of newcomers, to the list that fits it. */
void qoe_sessions_enlist(qoe_sessions_t *t, qoe_session_t *s);
/* Moves s to the other list if it has got its first view, or lost its last. */
void qoe_sessions_relist(qoe_sessions_t *t, qoe_session_t *s);


#define QOE_SESSIONS_HEADER  qoe_align(sizeof(struct qoe_sessions_s), 64)


static inline qoe_session_t *
qoe_sessions_session_slot(const qoe_sessions_t *t, uint32_t i)
{
    return (qoe_session_t *) ((uintptr_t) t + t->sessions_offset) + i;
}


static inline qoe_view_t *
qoe_sessions_view_slot(const qoe_sessions_t *t, uint32_t i)
{
    return (qoe_view_t *) ((uintptr_t) t + t->views_offset) + i;
}


static inline qoe_session_t *
qoe_sessions_session_at(const qoe_sessions_t *t, uint32_t link)
{
    return link != 0 && link <= t->sessions.capacity
           ? qoe_sessions_session_slot(t, link - 1) : NULL;
}


static inline qoe_view_t *
qoe_sessions_view_at(const qoe_sessions_t *t, uint32_t link)
{
    return link != 0 && link <= t->views.capacity
           ? qoe_sessions_view_slot(t, link - 1) : NULL;
}


/* The sessions with their links in the list by last receipt. */

static inline qoe_slots_t
qoe_sessions_session_slots(const qoe_sessions_t *t)
{
    return (qoe_slots_t) { &qoe_sessions_session_slot(t, 0)->links,
                           sizeof(qoe_session_t), t->sessions.capacity };
}


static inline qoe_slots_t
qoe_sessions_view_slots(const qoe_sessions_t *t)
{
    return (qoe_slots_t) { &qoe_sessions_view_slot(t, 0)->links,
                           sizeof(qoe_view_t), t->views.capacity };
}


static inline uint32_t
qoe_sessions_session_link(const qoe_sessions_t *t, const qoe_session_t *s)
{
    return (uint32_t) (s - qoe_sessions_session_slot(t, 0)) + 1;
}


static inline uint32_t
qoe_sessions_view_link(const qoe_sessions_t *t, const qoe_view_t *v)
{
    return (uint32_t) (v - qoe_sessions_view_slot(t, 0)) + 1;
}


static inline uint32_t *
qoe_sessions_bucket(qoe_sessions_t *t, const uint64_t key[2])
{
    return (uint32_t *) ((char *) t + QOE_SESSIONS_HEADER)
           + (key[0] & (t->buckets - 1));
}


static inline bool
qoe_sessions_used(const qoe_session_t *s)
{
    return s->key[0] != 0 || s->key[1] != 0;
}


#endif /* _QOE_SESSIONS_LAYOUT_H_INCLUDED_ */
