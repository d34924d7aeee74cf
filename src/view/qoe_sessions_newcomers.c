
/*
 * Copyright (C) OpenQoE
 *
 * The sessions that are not known yet: those with a live view, and those
 * without.  They have lists of their own, so that a full table finds the
 * session to remove at once, however many others there are.
 */


#include "qoe_sessions_layout.h"


static void qoe_sessions_delist(qoe_sessions_t *t, qoe_session_t *s);


/* The sessions with their links in the lists of newcomers. */

static qoe_slots_t
qoe_sessions_newcomer_slots(const qoe_sessions_t *t)
{
    return (qoe_slots_t) { &qoe_sessions_session_slot(t, 0)->newcomers,
                           sizeof(qoe_session_t), t->sessions.capacity };
}


void
qoe_sessions_enlist(qoe_sessions_t *t, qoe_session_t *s)
{
    qoe_slots_t                slots;
    qoe_sessions_newcomers_t  *n;

    slots = qoe_sessions_newcomer_slots(t);
    n = &t->newcomers[s->nviews != 0];

    s->newcomer = (s->nviews != 0) ? QOE_NEWCOMER_VIEWING
                                   : QOE_NEWCOMER_IDLE;
    qoe_links_add(&n->list, &slots, qoe_sessions_session_link(t, s));
    n->count++;
}


static void
qoe_sessions_delist(qoe_sessions_t *t, qoe_session_t *s)
{
    qoe_slots_t                slots;
    qoe_sessions_newcomers_t  *n;

    slots = qoe_sessions_newcomer_slots(t);
    n = &t->newcomers[s->newcomer == QOE_NEWCOMER_VIEWING];

    qoe_links_remove(&n->list, &slots, qoe_sessions_session_link(t, s));
    n->count -= (n->count != 0);
}


void
qoe_sessions_relist(qoe_sessions_t *t, qoe_session_t *s)
{
    if (s->newcomer
        && (s->newcomer == QOE_NEWCOMER_VIEWING) != (s->nviews != 0))
    {
        qoe_sessions_delist(t, s);
        qoe_sessions_enlist(t, s);
    }
}


void
qoe_sessions_know(qoe_sessions_t *t, qoe_session_t *s)
{
    if (s->newcomer) {
        qoe_sessions_delist(t, s);
        s->newcomer = 0;
    }
}


qoe_session_t *
qoe_sessions_newcomer(qoe_sessions_t *t, bool viewing,
    const qoe_session_t *but)
{
    qoe_session_t  *s;

    s = qoe_sessions_session_at(t, t->newcomers[viewing].list.oldest);

    return s != NULL && s == but
           ? qoe_sessions_session_at(t, s->newcomers.newer) : s;
}


uint32_t
qoe_sessions_newcomers(const qoe_sessions_t *t)
{
    return t->newcomers[true].count;
}
