
/*
 * Copyright (C) OpenQoE
 *
 * The sessions that are not known yet: those with a live view, and those
 * without.  They have lists of their own, so that a full table finds the
 * session to remove at once, however many others there are.
 */


#include "qoe_sessions_layout.h"


static void qoe_sessions_delist(qoe_sessions_t *t, qoe_session_t *s);


void
qoe_sessions_enlist(qoe_sessions_t *t, qoe_session_t *s)
{
    uint32_t                   link;
    qoe_session_t             *newest;
    qoe_sessions_newcomers_t  *list;

    link = qoe_sessions_session_link(t, s);
    list = &t->newcomers[s->nviews != 0];
    newest = qoe_sessions_session_at(t, list->ends.newest);

    s->newcomer = (s->nviews != 0) ? QOE_NEWCOMER_VIEWING
                                   : QOE_NEWCOMER_IDLE;
    s->later = 0;
    s->earlier = list->ends.newest;

    if (newest != NULL) {
        newest->later = link;

    } else {
        list->ends.oldest = link;
    }

    list->ends.newest = link;
    list->count++;
}


static void
qoe_sessions_delist(qoe_sessions_t *t, qoe_session_t *s)
{
    qoe_session_t             *later, *earlier;
    qoe_sessions_newcomers_t  *list;

    list = &t->newcomers[s->newcomer == QOE_NEWCOMER_VIEWING];
    later = qoe_sessions_session_at(t, s->later);
    earlier = qoe_sessions_session_at(t, s->earlier);

    if (later != NULL) {
        later->earlier = s->earlier;

    } else {
        list->ends.newest = s->earlier;
    }

    if (earlier != NULL) {
        earlier->later = s->later;

    } else {
        list->ends.oldest = s->later;
    }

    list->count -= (list->count != 0);
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

    s = qoe_sessions_session_at(t, t->newcomers[viewing].ends.oldest);

    return s != NULL && s == but ? qoe_sessions_session_at(t, s->later) : s;
}


uint32_t
qoe_sessions_newcomers(const qoe_sessions_t *t)
{
    return t->newcomers[true].count;
}
