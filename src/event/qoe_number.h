
/*
 * Copyright (C) OpenQoE
 *
 * Numbers as text, text as numbers, and text of a bounded length.
 */


#ifndef _QOE_NUMBER_H_INCLUDED_
#define _QOE_NUMBER_H_INCLUDED_


#include "qoe_arena.h"


#define QOE_NUMBER_LEN     32                /* bytes, the longest and a NUL */
#define QOE_NUMBER_IN_MAX  64                /* longer text is no number */

/* Up to here a double tells each integer from the next (2^53). */
#define QOE_NUMBER_EXACT   9007199254740992.0


/*
 * A finite decimal number and nothing else: "29.97", "-1", "1e3".  No blanks,
 * no hex, no "inf" or "nan".
 */
bool qoe_number_parse(double *n, qoe_span_t text);

/*
 * digits * 10^exp10, rounded once, to even where it is half way: what strtod()
 * gives, and faster for the numbers that players send.  Infinity where that
 * is out of range.
 */
double qoe_number_decimal(uint64_t digits, int exp10);

/*
 * The shortest text that is read as n again; an integer has no exponent up to
 * QOE_NUMBER_EXACT.  n is finite.  The result points into buf.
 */
qoe_span_t qoe_number_text(double n, char buf[QOE_NUMBER_LEN]);

/* The same in the arena; data is NULL on failure. */
qoe_span_t qoe_number_copy(double n, qoe_arena_t *arena);


/* At most max bytes of s, and no part of a UTF-8 character at the end. */
qoe_span_t qoe_text_cut(qoe_span_t s, size_t max);


#endif /* _QOE_NUMBER_H_INCLUDED_ */
