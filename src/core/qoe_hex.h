
/*
 * Copyright (C) OpenQoE
 *
 * Hexadecimal digits of either case, as percent signs have two of.
 */


#ifndef _QOE_HEX_H_INCLUDED_
#define _QOE_HEX_H_INCLUDED_


#include "qoe_core.h"


#define QOE_HEX_NONE  16

/* By character: the digit's value, or QOE_HEX_NONE. */
extern const uint8_t  qoe_hex_values[256];


/* What two digits stand for; -1: one of them is none. */

static inline int
qoe_hex_byte(const char *s)
{
    unsigned  high, low;

    high = qoe_hex_values[(unsigned char) s[0]];
    low = qoe_hex_values[(unsigned char) s[1]];

    return (high | low) < QOE_HEX_NONE ? (int) (high << 4 | low) : -1;
}


#endif /* _QOE_HEX_H_INCLUDED_ */
