
/*
 * Copyright (C) OpenQoE
 */


#include "qoe_prom_number.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>


#define QOE_PROM_NUMBER    40        /* bytes of any number, and a NUL */

/* Up to here whole numbers are exact in a double, and written in full. */
#define QOE_PROM_WHOLE_MAX 1e15

/* Decimal exponents of numbers that are written without an exponent. */
#define QOE_PROM_EXP_MIN   (-4)
#define QOE_PROM_EXP_MAX   5


static size_t qoe_prom_point(char *text);


void
qoe_prom_number(qoe_buf_t *out, double value)
{
    int   digits;
    char  text[QOE_PROM_NUMBER];

    if (value == trunc(value) && fabs(value) < QOE_PROM_WHOLE_MAX) {

        if (value < 0) {
            qoe_buf_literal(out, "-");
        }

        qoe_prom_integer(out, (uint64_t) fabs(value));
        return;
    }

    for (digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof(text), "%.*g", digits, value);

        if (strtod(text, NULL) == value) {
            break;
        }
    }

    qoe_buf_append(out, text, qoe_prom_point(text));
}


void
qoe_prom_integer(qoe_buf_t *out, uint64_t value)
{
    char  text[QOE_PROM_NUMBER], *p;

    p = text + sizeof(text);

    do {
        *--p = (char) ('0' + value % 10);
        value /= 10;
    } while (value != 0);

    qoe_buf_append(out, p, (size_t) (text + sizeof(text) - p));
}


size_t
qoe_prom_le(char text[QOE_PROM_LE_MAX], double value, bool canonical)
{
    int     digits, exp;
    size_t  len;

    for (digits = 0; digits <= 16; digits++) {
        snprintf(text, QOE_PROM_LE_MAX, "%.*e", digits, value);

        if (strtod(text, NULL) == value) {
            break;
        }
    }

    exp = atoi(strchr(text, 'e') + 1);

    if (exp >= QOE_PROM_EXP_MIN && exp <= QOE_PROM_EXP_MAX) {
        snprintf(text, QOE_PROM_LE_MAX, "%.*f", qoe_max(digits - exp, 0),
                 value);
    }

    len = qoe_prom_point(text);

    if (canonical && strpbrk(text, ".e") == NULL) {
        memcpy(text + len, ".0", 2);
        len += 2;
    }

    return len;
}


/*
 * Any byte that cannot be in a number of the C locale is the decimal point of
 * another locale, and becomes '.'.  Returns the length.
 */

static size_t
qoe_prom_point(char *text)
{
    char    *p, *dst;
    size_t   n;

    dst = text;

    for (p = text; *p != '\0'; p += n) {
        n = strspn(p, "+-0123456789e");
        memmove(dst, p, n);
        dst += n;
        p += n;

        n = strcspn(p, "+-0123456789e");

        if (n != 0) {
            *dst++ = '.';
        }
    }

    *dst = '\0';

    return (size_t) (dst - text);
}
