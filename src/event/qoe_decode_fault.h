
/*
 * Copyright (C) OpenQoE
 *
 * Where and why a text stops being JSON (RFC 8259), found from the innermost
 * place that the walk has named: it is at most three tokens away.  Private to
 * this room; any thread.
 */


#ifndef _QOE_DECODE_FAULT_H_INCLUDED_
#define _QOE_DECODE_FAULT_H_INCLUDED_


#include "qoe_fast.h"


typedef struct {
    const char  *reason;         /* a constant text */
    qoe_span_t   near;           /* the token it is at, if that is short */
    size_t       at;             /* the byte of the body where reading ended */
} qoe_decode_fault_t;


/*
 * The fault at place in body, which has no NUL byte; near points into body.
 * The same faults, in the same order and at the same bytes, as jansson's
 * json_loadb() has, which is what the tests compare.  False: there is none,
 * what the walk met was a limit, or memory.  The arena holds the digits of a
 * number that is long.
 */
bool qoe_decode_fault(qoe_decode_fault_t *fault, qoe_span_t body,
    const qoe_broken_place_t *place, qoe_arena_t *arena);


#endif /* _QOE_DECODE_FAULT_H_INCLUDED_ */
