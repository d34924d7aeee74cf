
/*
 * Copyright (C) OpenQoE
 *
 * Numbers in Prometheus text: the shortest that reads back as it was, and the
 * bounds of buckets as other exporters write them.
 */


#ifndef _GNU_SOURCE
#define _GNU_SOURCE              /* strtod_l() */
#endif

#include "tap.h"

#include "qoe_prom_number.h"

#include <locale.h>
#include <math.h>


/*
 * A locale, of which none need be installed: libqoe.a calls these functions
 * instead of those of libc.
 */

static const char  *point = ".";


int
snprintf(char *text, size_t size, const char *fmt, ...)
{
    int      n;
    char    *p, c[400];
    va_list  args;

    va_start(args, fmt);
    n = vsnprintf(c, sizeof(c), fmt, args);
    va_end(args);
    p = strchr(c, '.');

    if (p == NULL) {
        return (int) (stpncpy(text, c, size) - text);
    }

    if ((size_t) n + strlen(point) > size) {
        abort();
    }

    *p = '\0';
    stpcpy(stpcpy(stpcpy(text, c), point), p + 1);

    return n - 1 + (int) strlen(point);
}


double
strtod(const char *text, char **end)
{
    char             c[400];
    const char      *p;
    static locale_t  posix;

    if (posix == NULL) {
        posix = newlocale(LC_ALL_MASK, "C", NULL);
    }

    p = strstr(text, point);

    if (p == NULL) {
        return strtod_l(text, end, posix);
    }

    memcpy(c, text, (size_t) (p - text));
    strcpy(stpcpy(c + (p - text), "."), p + strlen(point));

    return strtod_l(c, end, posix);
}


/* Bits without a pattern (SplitMix64). */

static uint64_t
rnd(void)
{
    uint64_t         z;
    static uint64_t  state = 1;

    z = state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;

    return z ^ z >> 31;
}


static int
number_is(double value, const char *want)
{
    int        pass;
    qoe_buf_t  out;

    qoe_buf_init(&out, &qoe_mem_heap, 100);
    qoe_prom_number(&out, value);

    pass = ok(qoe_span_eq((qoe_span_t) { out.data, out.len },
                          qoe_span_str(want)),
              "a number is written as %s", want);
    qoe_buf_free(&out);

    return pass;
}


static int
le_is(double value, bool canonical, const char *want)
{
    char    text[QOE_PROM_LE_MAX];
    size_t  len;

    len = qoe_prom_le(text, value, canonical);

    return ok(qoe_span_eq((qoe_span_t) { text, len }, qoe_span_str(want)),
              "a bucket's bound is written as %s (%.*s)",
              want, (int) len, text);
}


static void
test_locale(void)
{
    char       text[QOE_PROM_LE_MAX];
    size_t     i;
    qoe_buf_t  out;

    static const char  *const  points[] = { ",", "\xd9\xab" };

    for (i = 0; i < 2; i++) {
        point = points[i];
        qoe_buf_init(&out, &qoe_mem_heap, 100);
        qoe_prom_number(&out, -0.25);
        ok(qoe_span_eq((qoe_span_t) { out.data, out.len }, qoe_span("-0.25"))
           && qoe_prom_le(text, 0.5, true) == 3 && memcmp(text, "0.5", 4) == 0
           && qoe_prom_le(text, 1000, true) == 6
           && memcmp(text, "1000.0", 6) == 0
           && qoe_prom_le(text, 2.5e6, true) == 7
           && memcmp(text, "2.5e+06", 8) == 0,
           "a locale whose decimal point is \"%s\" changes no number", point);
        qoe_buf_free(&out);
    }

    point = ".";
}


static void
test_numbers(void)
{
    int        i, wrong;
    double     v;
    uint64_t   bits;
    qoe_buf_t  out;

    number_is(0, "0");
    number_is(-0.25, "-0.25");
    number_is(-3, "-3");
    number_is(0.1, "0.1");
    number_is(1.0 / 3, "0.3333333333333333");
    number_is(123456789012345, "123456789012345");
    number_is(1e21, "1e+21");
    number_is(9007199254740991, "9007199254740991");
    number_is(999999999999999, "999999999999999");
    number_is(-999999999999999, "-999999999999999");
    number_is(1e15, "1e+15");
    number_is(-1e15, "-1e+15");
    number_is(7.3e-8, "7.3e-08");
    number_is(0.000587, "0.000587");
    number_is(0.1 + 0.2, "0.30000000000000004");
    number_is(5e-324, "4.94065645841247e-324");
    number_is(1.7976931348623157e308, "1.7976931348623157e+308");

    le_is(0.5, false, "0.5");
    le_is(1000, false, "1000");
    le_is(100000, false, "100000");
    le_is(1000000, false, "1e+06");
    le_is(2500000, false, "2.5e+06");
    le_is(999999, false, "999999");
    le_is(123456.5, false, "123456.5");
    le_is(1234567.5, false, "1.2345675e+06");
    le_is(0.00025, false, "0.00025");
    le_is(0.000025, false, "2.5e-05");
    le_is(10, false, "10");
    le_is(120, true, "120.0");
    le_is(0, true, "0.0");
    le_is(2.5, true, "2.5");
    le_is(0.0001, false, "0.0001");
    le_is(0.00001, false, "1e-05");
    le_is(0, false, "0");
    le_is(-1, true, "-1.0");
    le_is(1000, true, "1000.0");
    le_is(0.5, true, "0.5");
    le_is(1000000, true, "1e+06");
    le_is(0.1 + 0.2, true, "0.30000000000000004");

    wrong = 0;
    qoe_buf_init(&out, &qoe_mem_heap, 100);

    for (i = 0; i < 100000; i++) {
        bits = rnd();
        memcpy(&v, &bits, 8);

        if (!isfinite(v)) {
            continue;
        }

        qoe_buf_reset(&out);
        qoe_prom_number(&out, v);
        qoe_buf_append(&out, "", 1);
        wrong += (out.data == NULL || strtod(out.data, NULL) != v);
    }

    ok(wrong == 0, "any number reads back as it was");
    qoe_buf_free(&out);
}


int
main(void)
{
    test_numbers();
    test_locale();

    return tap_end();
}
