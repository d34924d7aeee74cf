
/*
 * Copyright (C) OpenQoE
 */


#include "qoe_session.h"
#include "qoe_view_report.h"


/*
 * How much an event may be older than the newest one just because it was
 * delivered late.
 */
#define QOE_SESSION_LATE_MS    120000

/* After this time, deliveries rarely improve the estimate of the skew. */
#define QOE_SESSION_KNOWN_MS   30000
#define QOE_SESSION_JITTER_MS  10000

/* How far a young session may be ahead of its first events. */
#define QOE_SESSION_AHEAD_MS   600000

/* Receipts that far apart belong to two requests. */
#define QOE_SESSION_APART_MS   1000

/* Receipts that far apart make a session known. */
#define QOE_SESSION_TWICE_MS   2000


/* Flags of a session. */

#define QOE_SESSION_CLOCK      0x1           /* skew_ms is set */
#define QOE_SESSION_STEPPED    0x2           /* the clock was once set */
#define QOE_SESSION_VIEWED     0x4           /* a view has begun */
#define QOE_SESSION_EVENTS     0x8           /* an SDK sends events of it */


static void qoe_session_receive(qoe_session_t *s, uint64_t received_ms);
static bool qoe_session_ahead(qoe_session_t *s, uint64_t *at);
static bool qoe_session_set_back(qoe_session_t *s, uint64_t *at);


uint64_t
qoe_session_clock(qoe_session_t *s, const qoe_sample_t *sample, bool *stepped)
{
    int64_t   local;
    uint64_t  at;

    qoe_session_receive(s, sample->received_ns / 1000000);

    local = (int64_t) ((uint64_t) sample->time_ms + (uint64_t) s->offset_ms);
    at = local > 0 ? (uint64_t) local : 1;

    *stepped = qoe_session_ahead(s, &at) || qoe_session_set_back(s, &at);

    if (at >= s->newest_ms) {
        s->newest_ms = at;
        s->newest_received_ms = s->received_ms;
        s->suspect_ms = 0;
    }

    return at;
}


/*
 * Receipts from several workers may arrive slightly out of order.  If the
 * difference is larger, the server's clock was set back.  The skew is moved by
 * that and becomes an estimate again, because the real time between the two
 * receipts is unknown.
 */

static void
qoe_session_receive(qoe_session_t *s, uint64_t received_ms)
{
    uint64_t  back;

    back = qoe_view_since(s->received_ms, received_ms);

    if (back > QOE_SESSION_LATE_MS) {
        s->skew_ms = (int64_t) ((uint64_t) s->skew_ms - back);
        s->first_ms = received_ms;
        s->newest_received_ms = received_ms;
        s->suspect_ms = 0;
        s->flags &= ~QOE_SESSION_STEPPED;
    }

    if (back == 0 || back > QOE_SESSION_LATE_MS) {
        s->received_ms = received_ms;
    }

    if (s->first_ms == 0) {
        s->first_ms = s->received_ms;
    }
}


bool
qoe_session_known(const qoe_session_t *s)
{
    return qoe_view_since(s->received_ms, s->first_ms) >= QOE_SESSION_TWICE_MS;
}


/* Was the client's clock set forward?  Keeps skew_ms at the minimum seen. */

static bool
qoe_session_ahead(qoe_session_t *s, uint64_t *at)
{
    int64_t   skew;
    uint64_t  lead, tolerance;

    skew = (int64_t) (s->received_ms - *at);

    if ((s->flags & QOE_SESSION_CLOCK) == 0) {
        s->flags |= QOE_SESSION_CLOCK;
        s->skew_ms = skew;
    }

    if (skew >= s->skew_ms) {
        return false;
    }

    lead = (uint64_t) s->skew_ms - (uint64_t) skew;

    tolerance = qoe_view_since(s->received_ms, s->first_ms)
                < QOE_SESSION_KNOWN_MS ? QOE_SESSION_AHEAD_MS
                                       : QOE_SESSION_JITTER_MS;

    if (lead <= tolerance && (s->flags & QOE_SESSION_STEPPED) == 0) {
        s->skew_ms = skew;
        return false;
    }

    s->flags |= QOE_SESSION_STEPPED;
    s->offset_ms = (int64_t) ((uint64_t) s->offset_ms - lead);
    *at = *at > lead ? *at - lead : 1;

    return true;
}


/*
 * Was the client's clock set back?  The first such event is treated as late; an
 * event in a later request decides.
 */

static bool
qoe_session_set_back(qoe_session_t *s, uint64_t *at)
{
    uint64_t  went, passed, now;

    if (qoe_view_since(s->newest_ms, *at) <= QOE_SESSION_LATE_MS) {
        return false;
    }

    passed = qoe_view_since(s->received_ms, s->suspect_received_ms);

    if (s->suspect_ms == 0 || *at < s->suspect_ms) {
        s->suspect_ms = *at;
        s->suspect_received_ms = s->received_ms;
        return false;
    }

    if (passed < QOE_SESSION_APART_MS) {
        return false;
    }

    went = *at - s->suspect_ms;

    if (went > passed + passed / 10 + QOE_SESSION_JITTER_MS
        || passed > went + went / 10 + QOE_SESSION_JITTER_MS)
    {
        s->suspect_ms = *at;
        s->suspect_received_ms = s->received_ms;
        return false;
    }

    now = s->newest_ms + qoe_view_since(s->received_ms, s->newest_received_ms);

    s->flags |= QOE_SESSION_STEPPED;
    s->offset_ms = (int64_t) ((uint64_t) s->offset_ms + now - *at);
    *at = now;

    return true;
}


bool
qoe_session_first(qoe_session_t *s)
{
    bool  first;

    first = (s->flags & QOE_SESSION_VIEWED) == 0;
    s->flags |= QOE_SESSION_VIEWED;

    return first;
}


void
qoe_session_remember(qoe_session_t *s, const qoe_view_t *v, qoe_view_end_t why)
{
    qoe_past_t  *p;

    p = &s->past[s->next_past % QOE_SESSION_PAST];
    s->next_past = (s->next_past + 1) % QOE_SESSION_PAST;

    p->view_key = v->other_key != 0 ? v->other_key : v->view_key;
    p->video_key = v->video_key;
    p->end_ms = v->seen_ms;
    p->wait_ms = 0;
    p->told = qoe_view_told(v);
    p->why = why;
}


qoe_past_t *
qoe_session_past(qoe_session_t *s, uint64_t view_key, uint64_t video_key)
{
    uint32_t     i;
    qoe_past_t  *p;

    for (i = 1; i <= QOE_SESSION_PAST; i++) {
        p = &s->past[(s->next_past + QOE_SESSION_PAST - i) % QOE_SESSION_PAST];

        if (p->view_key == view_key && view_key != 0
            && (video_key == 0 || p->video_key == 0
                || p->video_key == video_key))
        {
            return p;
        }
    }

    return NULL;
}


bool
qoe_session_of_events(const qoe_session_t *s)
{
    return (s->flags & QOE_SESSION_EVENTS) != 0;
}


void
qoe_session_note_events(qoe_session_t *s)
{
    s->flags |= QOE_SESSION_EVENTS;
}
