
/*
 * Copyright (C) OpenQoE
 */


#include "qoe_number.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>


/*
 * The largest power of ten that a double holds exactly, and the largest power
 * of five that fits into 64 bits.
 */
#define QOE_NUMBER_POW10   22
#define QOE_NUMBER_POW5    27


static double qoe_number_strtod(uint64_t digits, int exp10);
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

    /* strtod() also accepts hexadecimal numbers, "inf" and "nan" */

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


#ifdef __SIZEOF_INT128__

static const uint64_t  qoe_number_pow5[QOE_NUMBER_POW5 + 1] = {
    1, 5, 25, 125, 625, 3125, 15625, 78125, 390625, 1953125, 9765625,
    48828125, 244140625, 1220703125, 6103515625, 30517578125, 152587890625,
    762939453125, 3814697265625, 19073486328125, 95367431640625,
    476837158203125, 2384185791015625, 11920928955078125, 59604644775390625,
    298023223876953125, 1490116119384765625, 7450580596923828125
};


/*
 * Rounds n * 2^exp2 to a double.  rest: there is something more below the last
 * bit of n.  n must have more than 64 bits, unless it is exact.
 */

static double
qoe_number_round(unsigned __int128 n, int exp2, bool rest)
{
    int                bits, drop;
    uint64_t           top;
    unsigned __int128  low, half;

    top = (uint64_t) (n >> 64);
    bits = (top != 0) ? 128 - __builtin_clzll(top)
                      : 64 - __builtin_clzll((uint64_t) n);
    drop = bits - DBL_MANT_DIG;

    if (drop <= 0) {
        return ldexp((double) (uint64_t) n, exp2);
    }

    half = (unsigned __int128) 1 << (drop - 1);
    low = n & (half * 2 - 1);
    top = (uint64_t) (n >> drop);

    if (low > half || (low == half && (rest || (top & 1) != 0))) {
        top++;
    }

    return ldexp((double) top, exp2 + drop);
}


/* Computes with integers, so that only the final step rounds. */

static double
qoe_number_exact(uint64_t digits, int exp10)
{
    int                shift;
    uint64_t           pow5;
    unsigned __int128  n, q;

    if (exp10 >= 0) {
        n = (unsigned __int128) digits * qoe_number_pow5[exp10];
        return qoe_number_round(n, exp10, false);
    }

    pow5 = qoe_number_pow5[-exp10];
    shift = 64 + __builtin_clzll(digits);
    n = (unsigned __int128) digits << shift;
    q = n / pow5;

    return qoe_number_round(q, exp10 - shift, q * pow5 != n);
}


#endif


double
qoe_number_decimal(uint64_t digits, int exp10)
{
#if FLT_EVAL_METHOD == 0
    static const double  pow10[QOE_NUMBER_POW10 + 1] = {
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12,
        1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22
    };

    /* both operands are exact, so the result is rounded only once */

    if (digits <= (uint64_t) QOE_NUMBER_EXACT && abs(exp10) <= QOE_NUMBER_POW10)
    {
        return (exp10 < 0) ? (double) digits / pow10[-exp10]
                           : (double) digits * pow10[exp10];
    }
#endif

    if (digits == 0) {
        return 0;
    }

#ifdef __SIZEOF_INT128__
    if (abs(exp10) <= QOE_NUMBER_POW5) {
        return qoe_number_exact(digits, exp10);
    }
#endif

    return qoe_number_strtod(digits, exp10);
}


/*
 * Writes the number without a decimal point, because the locale may use another
 * character for it.
 */

static double
qoe_number_strtod(uint64_t digits, int exp10)
{
    char  buf[48];

    snprintf(buf, sizeof(buf), "%" PRIu64 "e%d", digits, exp10);

    return strtod(buf, NULL);
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

    /* go back to the start of a character, of which up to three bytes follow */

    for (n = 0; n < qoe_min(max, (size_t) 3); n++) {
        if ((s.data[max - n] & 0xc0) != 0x80) {
            break;
        }
    }

    if ((s.data[max - n] & 0xc0) == 0x80) {
        n = 0;                       /* not UTF-8: cut anywhere */
    }

    return (qoe_span_t) { s.data, max - n };
}


/*
 * Nearly every event has an integer (the network's ASN), and snprintf() would
 * be a noticeable part of its cost.
 */

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
