
/*
 * Copyright (C) OpenQoE
 *
 * What a session knows about its client: the clock, and the views that are
 * over.  Pure: uses no clock, and no memory but its arguments.
 *
 * The session's clock is the client's plus an offset, which is 0 until the
 * client's clock is set.  The difference between receipt and event time, the
 * skew, cannot be less than the time that delivery takes.  An event that is
 * ahead of what the session has shown so far has one of two reasons:
 *
 *   the earlier events took longer to be delivered (a batch holds events of
 *   many seconds): the least skew was only an estimate, and improves;
 *
 *   the clock was set forward: the offset undoes that, and the time since the
 *   last event follows from the receipts.  That is assumed if the session has
 *   been known for a while, and the difference exceeds what deliveries vary.
 *
 * An event that is far older than the newest one is either late, or the clock
 * was set back.  Only the next receipt decides: if events continue from the old
 * time as fast as receipts do, the clock was set back, and the offset
 * compensates for it.
 */


#ifndef _QOE_SESSION_H_INCLUDED_
#define _QOE_SESSION_H_INCLUDED_


#include "qoe_view.h"


typedef struct qoe_session_s  qoe_session_t;


/*
 * Returns the event's time by the session's clock in ms, at least 1, and
 * updates the session from the receipt.  *stepped: this event shows that the
 * clock was set.
 */
uint64_t qoe_session_clock(qoe_session_t *s, const qoe_sample_t *sample,
    bool *stepped);

/*
 * Have events of the session arrived several seconds apart?  A single request
 * can invent any number of sessions, but cannot do that.
 */
bool qoe_session_known(const qoe_session_t *s);

/* Is the view that begins now the session's first?  Returns true only once. */
bool qoe_session_first(qoe_session_t *s);

/* Remembers a view that is over, in place of the oldest remembered one. */
void qoe_session_remember(qoe_session_t *s, const qoe_view_t *v,
    qoe_view_end_t why);

/*
 * The latest view with both keys that is over, or NULL.  video_key 0 matches
 * any video, and so does a view whose video was never named.
 */
qoe_past_t *qoe_session_past(qoe_session_t *s, uint64_t view_key,
    uint64_t video_key);


#endif /* _QOE_SESSION_H_INCLUDED_ */
