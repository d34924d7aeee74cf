
/*
 * Copyright (C) OpenQoE
 *
 * Conversions between numbers and text, and cutting of text.
 */


#ifndef _QOE_NUMBER_H_INCLUDED_
#define _QOE_NUMBER_H_INCLUDED_


#include "qoe_arena.h"


#define QOE_NUMBER_LEN     32                /* the longest text and a NUL */
#define QOE_NUMBER_IN_MAX  64                /* longer texts are not numbers */

/* The largest integer up to which a double represents all of them (2^53). */
#define QOE_NUMBER_EXACT   9007199254740992.0


/*
 * Parses a finite decimal number such as "29.97", "-1" or "1e3".  The text must
 * have nothing else: no blanks, no hexadecimal, no "inf" or "nan".
 */
bool qoe_number_parse(double *n, qoe_span_t text);

/*
 * digits * 10^exp10, rounded to nearest, ties to even: the result of strtod(),
 * but faster for the numbers that players send.  Infinity if out of range.
 */
double qoe_number_decimal(uint64_t digits, int exp10);

/*
 * The shortest text that is read back as n, which must be finite.  An integer
 * up to QOE_NUMBER_EXACT has no exponent.  The result points into buf.
 */
qoe_span_t qoe_number_text(double n, char buf[QOE_NUMBER_LEN]);

/* The same, allocated in the arena; data is NULL on failure. */
qoe_span_t qoe_number_copy(double n, qoe_arena_t *arena);


/* The first max bytes of s or fewer: a UTF-8 character is not split. */
qoe_span_t qoe_text_cut(qoe_span_t s, size_t max);


#endif /* _QOE_NUMBER_H_INCLUDED_ */
