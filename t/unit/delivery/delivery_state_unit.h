
/*
 * Copyright (C) OpenQoE
 *
 * The state of a session that plays, made by hand, and a request that is about
 * to be judged.  Times are in ms after the epoch of the session.
 */


#ifndef _DELIVERY_STATE_UNIT_H_INCLUDED_
#define _DELIVERY_STATE_UNIT_H_INCLUDED_


#include "qoe_delivery_priv.h"
#include "delivery_unit.h"


#define DEADLINE  QOE_DRY_DEADLINE
#define NETWORK   QOE_CAUSE_NETWORK
#define VIDEO     QOE_TRACK_VIDEO
#define AUDIO     QOE_TRACK_AUDIO

#define DRY(track)    (uint16_t) (QOE_DELIVERY_DRY << (track))
#define BLIND(track)  (uint16_t) (QOE_DELIVERY_BLIND << (track))


static qoe_request_t        request;
static qoe_delivery_step_t  step;


/* A session that plays, with nothing remembered. */

static inline void
plays(void)
{
    begin();
    qoe_points_clear(&made);
    qoe_request_init(&request);

    state.flags = QOE_DELIVERY_BEGUN | QOE_DELIVERY_STARTED;
    state.played = 1;

    memset(&step, 0, sizeof(step));
    step.d = &state;
    step.r = &request;
    step.points = &made;
    step.newest = true;
}


static inline void
entry(qoe_track_t track, size_t i, uint32_t start, uint32_t took, double bl)
{
    qoe_delivery_past_t  *p;

    p = &state.track[track].past[i];

    p->start = start;
    p->took = (uint16_t) (took / 4);
    p->bl = isnan(bl) ? 0x8000 : (uint16_t) (bl / 10);
    p->number = (uint8_t) i;
    p->rate = 16;
}


static inline void
open_dry(uint32_t start, uint32_t end, qoe_dry_why_t why, qoe_cause_t cause,
    qoe_track_t track)
{
    state.dry = start;
    state.dry_end = end;
    state.dry_of = (uint8_t) (why << 4 | cause);
    state.flags |= DRY(track);
}


/* Is that the dry time that is open?  start is 0: is none open? */

static inline bool
open_is(uint32_t start, uint32_t end, qoe_dry_why_t why, qoe_cause_t cause,
    qoe_track_t track)
{
    qoe_dry_t  dry;

    dry = qoe_delivery_dry_open(&state);

    return dry.start == start && dry.end == end && dry.why == why
           && dry.cause == cause && dry.track == track
           && ((state.flags & DRY(track)) != 0) == (start != 0)
           && !(state.flags & DRY(!track));
}


/* A complete response of a video segment, with that buffer and deadline. */

static inline void
ask(uint32_t at, uint32_t ms, double dl)
{
    request.ot = QOE_CMCD_OT_VIDEO;
    request.status = 200;
    request.duration_ms = ms;
    request.d_ms = 2000;
    request.bl_ms = request.dl_ms = dl;

    step.start = at;
    step.end = at + ms;
    step.complete = true;
    step.sure = true;
    step.cause = NETWORK;
}


static inline void
sign(void)
{
    qoe_delivery_signs(&step);
    keep();
}


/* Nothing is open, as it was before. */

static inline bool
none_open(void)
{
    return state.dry == 0 && !(state.flags & (DRY(VIDEO) | DRY(AUDIO)));
}


#endif /* _DELIVERY_STATE_UNIT_H_INCLUDED_ */
