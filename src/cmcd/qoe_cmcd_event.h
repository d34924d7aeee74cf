
/*
 * Copyright (C) OpenQoE
 *
 * Private to qoe_cmcd_event*.c: a single report.
 */


#ifndef _QOE_CMCD_EVENT_H_INCLUDED_
#define _QOE_CMCD_EVENT_H_INCLUDED_


#include "qoe_cmcd.h"
#include "qoe_decode.h"


/*
 * Makes an event of a set that has an e, a ts and a sid; len is that of its
 * line.  Its texts point into those of the set and into the arena.  false: no
 * memory.
 */
bool qoe_cmcd_event(qoe_event_t *ev, const qoe_cmcd_t *c, qoe_span_t org,
    size_t len, const qoe_decode_conf_t *conf, qoe_arena_t *arena);


#endif /* _QOE_CMCD_EVENT_H_INCLUDED_ */
