
/*
 * Copyright (C) OpenQoE
 *
 * What a session knows of its client: the clock, and the views that are over.
 * Pure: no clock and no memory but the arguments.
 *
 * The session's clock is the client's with an offset, which is 0 until the
 * client's clock is set.  The difference between receipt and event time is
 * never less than the way that an event takes.  An event that is ahead of what
 * the session has shown so far has one of two reasons:
 *
 *   the events before it were delivered later (a batch holds events of many
 *   seconds): the least difference was only an estimate, and gets better;
 *
 *   the clock was set forward: the offset takes that back, and the time since
 *   the last event is what receipts say.  It is this when the session has been
 *   known for a while and the difference is more than deliveries vary.
 *
 * An event that is far older than the newest one is late, or the clock was set
 * back.  Only the next receipt decides: events that go on from the old time, as
 * fast as receipts do, come from a clock that was set back, and the offset
 * makes up for it.
 */


#ifndef _QOE_SESSION_H_INCLUDED_
#define _QOE_SESSION_H_INCLUDED_


#include "qoe_view.h"


typedef struct qoe_session_s  qoe_session_t;


/*
 * The event's time by the session's clock, ms, at least 1.  Takes notice of the
 * receipt.  *stepped: the clock was set, and this event shows it.
 */
uint64_t qoe_session_clock(qoe_session_t *s, const qoe_sample_t *sample,
    bool *stepped);

/*
 * Has it been heard of in receipts that are some seconds apart?  One request
 * can make up any number of sessions, but not that.
 */
bool qoe_session_known(const qoe_session_t *s);

/* Is the view that begins now the session's first?  True once. */
bool qoe_session_first(qoe_session_t *s);

/* Remembers a view that is over, instead of the one that was first. */
void qoe_session_remember(qoe_session_t *s, const qoe_view_t *v,
    qoe_view_end_t why);

/*
 * The view that is over under both keys, the latest; NULL: none is known.
 * video_key 0: of whatever video.  A view that was never named is of any.
 */
qoe_past_t *qoe_session_past(qoe_session_t *s, uint64_t view_key,
    uint64_t video_key);


#endif /* _QOE_SESSION_H_INCLUDED_ */
