
/*
 * Copyright (C) OpenQoE
 *
 * Finds where and why a text stops being JSON (RFC 8259), starting from the
 * innermost place that the walk has reported, which is at most three tokens
 * before the fault.  Private to this room; any thread.
 */


#ifndef _QOE_DECODE_FAULT_H_INCLUDED_
#define _QOE_DECODE_FAULT_H_INCLUDED_


#include "qoe_fast.h"


typedef struct {
    const char  *reason;         /* a constant */
    qoe_span_t   near;           /* the token at the fault, if it is short */
    size_t       at;             /* offset in the body where reading ended */
} qoe_decode_fault_t;


/*
 * Finds the fault after place in body, which must not have a NUL byte;
 * fault->near points into body.  Reports the same faults in the same order and
 * at the same offsets as jansson's json_loadb(), which the tests compare.
 * Returns false if there is no fault, that is if the walk ended at a limit or
 * for lack of memory.  The arena holds the digits of a long number.
 */
bool qoe_decode_fault(qoe_decode_fault_t *fault, qoe_span_t body,
    const qoe_broken_place_t *place, qoe_arena_t *arena);


#endif /* _QOE_DECODE_FAULT_H_INCLUDED_ */
