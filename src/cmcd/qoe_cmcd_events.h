
/*
 * Copyright (C) OpenQoE
 *
 * The reports of a body in event mode (CTA-5004-B), one a line, as events: what
 * qoe_decode() makes of JSON.  A broken line does not affect the others.
 *
 * Pure: uses no clock, and no memory but the arena.
 */


#ifndef _QOE_CMCD_EVENTS_H_INCLUDED_
#define _QOE_CMCD_EVENTS_H_INCLUDED_


#include "qoe_cmcd.h"
#include "qoe_decode.h"


/* The player_id of a report, which has none of its own. */
#define QOE_CMCD_PLAYER_ID   "cmcd"


/* What a body has beside the events. */

typedef struct {
    size_t       no_sid;         /* reports that name no session: they are in
                                    no other count of the batch but total */
    uint32_t     ignored[QOE_CMCD_IGNORED];
} qoe_cmcd_events_t;


/*
 * Decodes body[0..len).  org is the org_id of all events; it may be empty.  The
 * events' spans point into the body and the arena, and into org.  Consecutive
 * reports of a session are in the order of their sequence numbers, because only
 * that is the order in which the player changed its state: use no other.
 *
 * QOE_OK         there is an event, or all lines were reports without a sid;
 *                errors describe the lines that are no reports, and those
 *                after conf->max_events
 * QOE_INVALID    there is no report
 * QOE_NOMEM      out of memory, or the maximum of the arena is too small
 *
 * A line takes sizeof(qoe_event_t), and some three times its own length.
 */
qoe_status_t qoe_cmcd_events(qoe_batch_t *batch, qoe_cmcd_events_t *x,
    qoe_span_t body, qoe_span_t org, const qoe_decode_conf_t *conf,
    int64_t now_ms, qoe_arena_t *arena);


#endif /* _QOE_CMCD_EVENTS_H_INCLUDED_ */
