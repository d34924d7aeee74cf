
/*
 * Copyright (C) OpenQoE
 *
 * What requests for media say of delivery and of the viewer's experience: the
 * metrics of a single request, and the state of a session (an org_id and a
 * sid), which makes points of its requests.  The rules are in docs/cmcd.md.
 *
 * Pure: uses no clock, and no memory but its arguments.  Requests arrive in the
 * order in which they ended, so everything is reckoned from their start.
 *
 * All that is said of the experience is an estimate, with the attribute source
 * "request": it never goes into the series of measurements.
 */


#ifndef _QOE_DELIVERY_H_INCLUDED_
#define _QOE_DELIVERY_H_INCLUDED_


#include "qoe_request.h"
#include "qoe_view.h"


/* Why a deadline was missed, or playback stalled: the first that holds. */

#define QOE_CAUSES(X)                                                         \
    X(ERROR,   "error")          /* the edge answered with an error */        \
    X(ORIGIN,  "origin")         /* most of the time went to the upstream */  \
    X(EDGE,    "edge")           /* the edge itself was late to begin */      \
    X(NETWORK, "network")        /* the body took most of the time */         \
    X(CLIENT,  "client")         /* all requests were in time */

typedef enum {
#define QOE_CAUSE_ENUM(id, name)  QOE_CAUSE_##id,
    QOE_CAUSES(QOE_CAUSE_ENUM)
#undef QOE_CAUSE_ENUM
    QOE_CAUSES_N
} qoe_cause_t;

qoe_span_t qoe_cause_name(qoe_cause_t cause);


typedef struct qoe_delivery_s  qoe_delivery_t;

/*
 * The state.  Its first part belongs to the table (qoe_deliveries.h), the rest
 * is private to qoe_delivery*.c.  A free slot is all zero.
 */

#include "qoe_delivery_state.h"


/*
 * The metrics that need no session, of any request for media: it adds to
 * points, as do the functions below.
 */
void qoe_delivery_request(const qoe_request_t *r, qoe_points_t *points);

/*
 * Applies a request with a sid to the state of its session.  now_ms is the time
 * of its receipt, Unix.  A state of zeros, except for what belongs to the
 * table, begins with its first request.
 */
void qoe_delivery_apply(qoe_delivery_t *d, const qoe_request_t *r,
    uint64_t now_ms, qoe_points_t *points);

/*
 * The last points of a view of the session: no request has come for as long as
 * qoe_delivery_silence_ms(), or the slot is needed.  Requests that come later
 * for the same content continue it, without another attempt or startup.
 */
void qoe_delivery_end(qoe_delivery_t *d, qoe_points_t *points);

/* The slot is needed: the end that follows is none by silence. */
void qoe_delivery_evict(qoe_delivery_t *d);

/* How long the session must be silent to be over: 30, 60, 120 or 300 s. */
uint64_t qoe_delivery_silence_ms(const qoe_delivery_t *d);

/*
 * Have media of several segments been sent to it, several seconds apart?  A
 * flood of invented sids cannot do that.
 */
bool qoe_delivery_known(const qoe_delivery_t *d);

/* Has silence ended its view, or its slot been needed? */
bool qoe_delivery_over(const qoe_delivery_t *d);


/* Sums for the view of the same session, if there is one. */

typedef struct {
    uint64_t         bytes;
    uint32_t         requests;
    uint32_t         errors;             /* 4xx and 5xx */
    uint32_t         aborted;
    uint32_t         misses;             /* deadlines */
    uint32_t         missed[QOE_CAUSES_N];
    uint32_t         stalls;
    uint32_t         stalled[QOE_CAUSES_N];
    uint64_t         stalled_ms;
    uint64_t         media_ms;
    uint64_t         busy_ms;            /* the sum of the durations */
} qoe_delivery_sums_t;

/*
 * Adds a request, and what the points that it has just made say; r is NULL for
 * points of qoe_delivery_end().
 */
void qoe_delivery_account(qoe_delivery_sums_t *sums, const qoe_request_t *r,
    const qoe_points_t *points);


#endif /* _QOE_DELIVERY_H_INCLUDED_ */
