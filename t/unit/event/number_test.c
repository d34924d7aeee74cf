
/*
 * Copyright (C) OpenQoE
 *
 * Numbers as text and text as numbers, against strtod(); text of a bounded
 * length.
 */


#include "tap.h"
#include "qoe_number.h"

#include <math.h>


static void
test_parse(void)
{
    char    text[QOE_NUMBER_IN_MAX + 2];
    double  n;
    size_t  i;
    static const struct {
        const char  *text;
        double       n;
    } good[] = {
        { "0", 0 }, { "29.97", 29.97 }, { "-1", -1 }, { "1e3", 1000 },
        { "1E-3", 0.001 }, { "+7", 7 }, { ".5", 0.5 }, { "5.", 5 },
        { "9007199254740993", 9007199254740992.0 }
    };
    static const char *const  bad[] = {
        "", " 1", "1 ", "0x10", "inf", "nan", "1e", "-", "--1", "1.2.3",
        "1e400", "1,5", "e5", "."
    };

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        ok(qoe_number_parse(&n, qoe_span_str(good[i].text))
           && n == good[i].n, "\"%s\" is a number", good[i].text);
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        n = 77;
        ok(!qoe_number_parse(&n, qoe_span_str(bad[i])) && n == 77,
           "\"%s\" is no number", bad[i]);
    }

    memset(text, '1', sizeof(text));
    ok(qoe_number_parse(&n, (qoe_span_t) { text, QOE_NUMBER_IN_MAX })
       && !qoe_number_parse(&n, (qoe_span_t) { text, QOE_NUMBER_IN_MAX + 1 }),
       "a number has at most %d characters", QOE_NUMBER_IN_MAX);
}


static void
test_text(void)
{
    char        buf[QOE_NUMBER_LEN];
    size_t      i;
    qoe_span_t  s;
    static const struct {
        double       n;
        const char  *text;
    } cases[] = {
        { 0, "0" }, { 7, "7" }, { -1, "-1" }, { 10, "10" }, { -120, "-120" },
        { 9007199254740992.0, "9007199254740992" },
        { -9007199254740992.0, "-9007199254740992" },
        { 9007199254740994.0, "9007199254740994" },
        { 123456789e12, "1.23456789e+20" },
        { 0.1, "0.1" }, { 0.3, "0.3" }, { 0.1 + 0.2, "0.30000000000000004" },
        { 29.97, "29.97" }, { -0.5, "-0.5" }, { 1e300, "1e+300" },
        { 1.0 / 3, "0.3333333333333333" }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        s = qoe_number_text(cases[i].n, buf);
        ok(qoe_span_eq(s, qoe_span_str(cases[i].text)),
           "the text of a number is the shortest that is read as it: %.*s",
           (int) s.len, s.data);
    }
}


/* Around the ends of the ways in which it is computed. */

static void
test_decimal(void)
{
    int                    exp, wrong;
    char                   text[64];
    size_t                 i;
    static const uint64_t  digits[] = {
        1, 9, 123456789, 9007199254740991, 9007199254740992, 9007199254740993,
        9007199254740995, 18014398509481985, 4611686018427387905,
        9223372036854775807u, 9223372036854775809u, 18446744073709551615u
    };

    for (i = 0, wrong = 0; i < sizeof(digits) / sizeof(digits[0]); i++) {
        for (exp = -40; exp <= 40; exp++) {
            snprintf(text, sizeof(text), "%llue%d",
                     (unsigned long long) digits[i], exp);
            wrong += qoe_number_decimal(digits[i], exp) != strtod(text, NULL);
        }
    }

    ok(wrong == 0, "digits and a power of ten give what strtod() gives");
}


static void
test_cut(void)
{
    size_t      i;
    qoe_span_t  s;
    static const struct {
        const char  *in;
        size_t       max;
        const char  *out;
    } cases[] = {
        { "abc", 3, "abc" }, { "abc", 2, "ab" }, { "abc", 0, "" },
        { "a\xc3\xa4", 2, "a" }, { "a\xc3\xa4", 3, "a\xc3\xa4" },
        { "\xe2\x82\xac", 2, "" }, { "\xe2\x82\xac" "b", 3, "\xe2\x82\xac" },
        { "a\xf0\x9f\x8e\xac", 4, "a" }, { "a\xf0\x9f\x8e\xac", 1, "a" },
        { "ab\x80\x80\x80\x80\x80", 6, "ab\x80\x80\x80\x80" }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        s = qoe_text_cut(qoe_span_str(cases[i].in), cases[i].max);
        ok(qoe_span_eq(s, qoe_span_str(cases[i].out)),
           "a text of %zu bytes is cut to %zu at a character's end",
           strlen(cases[i].in), s.len);
    }
}


static bool
cut_to(const char *text, size_t max, size_t len)
{
    qoe_span_t  s;

    s = qoe_text_cut(qoe_span_str(text), max);

    return s.data == text && s.len == len;
}


static void
test_cut_bytes(void)
{
    ok(cut_to("abcd", 4, 4) && cut_to("abcd", 3, 3),
       "a text is cut to its limit, and not if it is within that");
    ok(cut_to("ab\xc3\xa9", 3, 2) && cut_to("ab\xe2\x82\xac", 4, 2)
       && cut_to("ab\xf0\x9f\x98\x80", 5, 2)
       && cut_to("ab\xf0\x9f\x98\x80x", 6, 6),
       "a text is cut between characters");
    ok(cut_to("a\x80\x80\x80\x80\x80", 4, 4)
       && cut_to("a\x80\x80\x80\x80\x80", 5, 5),
       "more than three bytes that begin no character are cut anywhere");
    ok(cut_to("\x80\x80\x80\x80", 2, 2) && cut_to("\x80\x80", 0, 0),
       "no byte before the text is looked at");
}


int
main(void)
{
    test_parse();
    test_text();
    test_decimal();
    test_cut();
    test_cut_bytes();

    return tap_end();
}
