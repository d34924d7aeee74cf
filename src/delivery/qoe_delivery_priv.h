
/*
 * Copyright (C) OpenQoE
 *
 * Private to qoe_delivery*.c.
 */


#ifndef _QOE_DELIVERY_PRIV_H_INCLUDED_
#define _QOE_DELIVERY_PRIV_H_INCLUDED_


#include "qoe_delivery.h"

#include <math.h>


/*
 * Deadlines and buffers are rounded to 100 ms.  A shorter deadline says hardly
 * more than that the buffer is empty, and 0 is what players send when they do
 * not know it.
 */
#define QOE_DEADLINE_MIN       300
#define QOE_DEADLINE_ROUND     100


/* Flags of a state. */

#define QOE_DELIVERY_BEGUN     0x0001
#define QOE_DELIVERY_STARTED   0x0002        /* it plays, or has played */
#define QOE_DELIVERY_OVER      0x0004        /* silence has ended the view */
#define QOE_DELIVERY_BS        0x0008        /* in a burst of bs */
#define QOE_DELIVERY_NOR       0x0010        /* it announces next objects, */
#define QOE_DELIVERY_LAST      0x0020        /* but the last request did not */
#define QOE_DELIVERY_AUDIO     0x0040        /* audio is a track of its own */
#define QOE_DELIVERY_HUNGRY    0x0080        /* << track: what failed */
#define QOE_DELIVERY_DRY       0x0200        /* << track: what ran dry */
#define QOE_DELIVERY_BLIND     0x0800        /* << track: its halts in the dry
                                                time are not known */
#define QOE_DELIVERY_ATTEMPT   0x2000        /* the view is not counted yet */
#define QOE_DELIVERY_EVICTED   0x4000


/* With su, a longer buffer is no sign of a stall. */
#define QOE_DRY_LOW            1000

/* A player may stop with that much left, and begin that much later. */
#define QOE_DRY_SLACK          500


/* Why a stall is assumed, the strongest sign first. */

typedef enum {
    QOE_DRY_DEADLINE = 0,
    QOE_DRY_BS,
    QOE_DRY_SU
} qoe_dry_why_t;

/* A time for which the buffer was, or may have been, empty. */

typedef struct {
    uint32_t        start;
    uint32_t        end;
    qoe_dry_why_t   why;
    qoe_cause_t     cause;
    qoe_track_t     track;
} qoe_dry_t;


/* A request of a session while it is applied. */

typedef struct {
    qoe_delivery_t       *d;
    const qoe_request_t  *r;
    qoe_points_t         *points;
    qoe_track_t           track;
    qoe_cause_t           cause;         /* of its own slowness */
    uint32_t              start;
    uint32_t              end;
    bool                  complete;
    bool                  newest;        /* of its track */
    bool                  jump;
    bool                  sure;          /* jump is known */
} qoe_delivery_step_t;


/* qoe_delivery_request.c */

/* The text of its type for the attribute ot; "none" if there is none. */
qoe_span_t qoe_delivery_ot(const qoe_request_t *r);
/* kbit/s; NAN if that is not known well. */
double qoe_delivery_throughput(const qoe_request_t *r);
/* Adds a point with the attribute source; NULL as qoe_point_add(). */
qoe_point_t *qoe_delivery_point(qoe_points_t *points, qoe_metric_id_t metric,
    double value);
void qoe_delivery_missed(const qoe_request_t *r, qoe_cause_t cause,
    qoe_points_t *points);

/* qoe_delivery_cause.c */

/* Was it answered with an error?  499 is what nginx notes of an abort. */
bool qoe_delivery_refused(const qoe_request_t *r);
/* The rate of playback, 1 if nothing says another. */
double qoe_delivery_rate(const qoe_request_t *r);
/* The time left when it was made, ms; NAN: not known, or too short. */
double qoe_delivery_deadline(const qoe_request_t *r);
bool qoe_delivery_late(const qoe_request_t *r);
/* What took the time of a request. */
qoe_cause_t qoe_delivery_cause(const qoe_request_t *r);
/* Did the network take longer for the response before it than that plays? */
bool qoe_delivery_lagged(const qoe_request_t *r);

/* qoe_delivery_past.c */

/* Is it later than all of its track?  Then also whether it follows a jump. */
void qoe_delivery_order(qoe_delivery_step_t *x);
/* Remembers the request. */
void qoe_delivery_remember(qoe_delivery_step_t *x);
/*
 * The time in which it did not play, ms, between two requests of a track that
 * follow each other, entries i and i - 1 of its past; NAN: not known.
 */
double qoe_delivery_halt(const qoe_delivery_track_t *t, size_t i);
/* The most that it can have played between them, ms of media. */
double qoe_delivery_shown(const qoe_delivery_track_t *t, size_t i);
/* Does the length of the last segment say that it is the last of all? */
bool qoe_delivery_shortened(const qoe_delivery_track_t *t);
/* The end of a remembered request. */
uint32_t qoe_delivery_past_end(const qoe_delivery_past_t *p);
bool qoe_delivery_past_failed(const qoe_delivery_past_t *p);
bool qoe_delivery_past_jumped(const qoe_delivery_past_t *p);
double qoe_delivery_past_bl(const qoe_delivery_past_t *p);
/* The buffer that it had when it was made, ms, if need be an assumed one. */
double qoe_delivery_past_buffer(const qoe_delivery_past_t *p);
double qoe_delivery_past_rate(const qoe_delivery_past_t *p);

/* qoe_delivery.c */

/* Adds playing time. */
void qoe_delivery_played(qoe_delivery_t *d, double ms, qoe_points_t *points);

/* qoe_delivery_stall.c */

/* Looks for signs of a stall in a request, before it is remembered. */
void qoe_delivery_signs(qoe_delivery_step_t *x);
/* Opens a dry time, or makes it part of the open one; *dry changes. */
void qoe_delivery_dry(qoe_delivery_step_t *x, qoe_dry_t *dry);
/* The open dry time, if d->dry is not 0. */
qoe_dry_t qoe_delivery_dry_open(const qoe_delivery_t *d);
/* Judges the open dry time once enough has come; forced: now. */
void qoe_delivery_judge(qoe_delivery_t *d, bool forced, qoe_points_t *points);
/*
 * The session has ended, or gone elsewhere at a time other than 0: was it
 * waiting for what errors kept from it?
 */
void qoe_delivery_starved(qoe_delivery_t *d, uint32_t until,
    qoe_points_t *points);
/* Adds the last pair of a track to the halts of the open dry time. */
void qoe_delivery_halted(qoe_delivery_step_t *x);

/* The cause of a miss or a stall: what made the request slow, or an error. */
qoe_cause_t qoe_delivery_window(const qoe_delivery_step_t *x,
    qoe_cause_t cause);

/* qoe_delivery_claim.c */

/* Looks for what the player says of a stall. */
void qoe_delivery_sign_claimed(qoe_delivery_step_t *x);

/* qoe_delivery_longer.c */

/* Makes the open dry time longer, by the request before of the track. */
void qoe_delivery_sign_lag(qoe_delivery_step_t *x);
/* The same, by another track that was fed after the one that ran dry. */
void qoe_delivery_sign_both(qoe_delivery_step_t *x);
/* The same, by the su of a request that was made after it. */
void qoe_delivery_sign_filling(qoe_delivery_step_t *x);


static inline qoe_delivery_track_t *
qoe_delivery_track(qoe_delivery_step_t *x)
{
    return &x->d->track[x->track];
}


#endif /* _QOE_DELIVERY_PRIV_H_INCLUDED_ */
