
/*
 * Copyright (C) OpenQoE
 */


#include "qoe_number.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>


static size_t qoe_number_integer(uint64_t n, bool negative,
    char buf[QOE_NUMBER_LEN]);


bool
qoe_number_parse(double *n, qoe_span_t text)
{
    char    buf[QOE_NUMBER_IN_MAX + 1], *end;
    double  value;

    if (text.len == 0 || text.len > QOE_NUMBER_IN_MAX) {
        return false;
    }

    memcpy(buf, text.data, text.len);
    buf[text.len] = '\0';

    /* strtod() takes more than that */

    if (strspn(buf, "0123456789.eE+-") != text.len) {
        return false;
    }

    value = strtod(buf, &end);

    if (end != buf + text.len || !isfinite(value)) {
        return false;
    }

    *n = value;

    return true;
}


qoe_span_t
qoe_number_text(double n, char buf[QOE_NUMBER_LEN])
{
    int  digits, len;

    if (fabs(n) <= QOE_NUMBER_EXACT && n == floor(n)) {
        return (qoe_span_t) { buf, qoe_number_integer((uint64_t) fabs(n),
                                                      n < 0, buf) };
    }

    digits = 15;

    do {
        len = snprintf(buf, QOE_NUMBER_LEN, "%.*g", digits, n);
    } while (digits++ < 17 && strtod(buf, NULL) != n);

    return (qoe_span_t) { buf, (size_t) len };
}


qoe_span_t
qoe_number_copy(double n, qoe_arena_t *arena)
{
    char  buf[QOE_NUMBER_LEN];

    return qoe_arena_copy(arena, qoe_number_text(n, buf));
}


qoe_span_t
qoe_text_cut(qoe_span_t s, size_t max)
{
    size_t  n;

    if (s.len <= max) {
        return s;
    }

    /* to where a character begins; three of its bytes may stand behind */

    for (n = 0; n < qoe_min(max, (size_t) 3); n++) {
        if ((s.data[max - n] & 0xc0) != 0x80) {
            break;
        }
    }

    if ((s.data[max - n] & 0xc0) == 0x80) {
        n = 0;                       /* this is no UTF-8 */
    }

    return (qoe_span_t) { s.data, max - n };
}


/* Every event has one (the ASN): printf() would be felt. */

static size_t
qoe_number_integer(uint64_t n, bool negative, char buf[QOE_NUMBER_LEN])
{
    char    digits[20];
    size_t  i, len;

    i = sizeof(digits);

    do {
        digits[--i] = (char) ('0' + n % 10);
        n /= 10;
    } while (n != 0);

    len = 0;

    if (negative) {
        buf[len++] = '-';
    }

    memcpy(buf + len, digits + i, sizeof(digits) - i);

    return len + sizeof(digits) - i;
}
