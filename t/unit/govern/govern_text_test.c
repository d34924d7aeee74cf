
/*
 * Copyright (C) OpenQoE
 *
 * Values as text: every byte at every place, numbers at the bounds of what a
 * range can be, names by their characters, and which values the module makes.
 */


#include "govern_env.h"

#include <zlib.h>


/* One byte among letters: does it stay? */

static void
test_bytes(void)
{
    bool        good, plain;
    char        buf[QOE_GOVERN_BUF], text[40];
    size_t      len, at;
    unsigned    c, wrong;
    qoe_span_t  s;

    for (c = 0, wrong = 0; c < 256; c++) {
        plain = c >= 0x20 && c < 0x7f;

        for (len = 1; len <= 25; len++) {
            for (at = 0; at < len; at++) {
                memset(text, 'x', sizeof(text));
                text[at] = (char) c;
                s = qoe_govern_clean((qoe_span_t) { text, len }, 128, buf);
                good = s.len == len && s.data == (plain ? text : buf)
                       && s.data[at] == (plain ? (char) c : '?');
                text[at] = s.data[at];
                wrong += !good || memcmp(s.data, text, len) != 0;
            }
        }
    }

    ok(wrong == 0, "every byte that is no text becomes '?', wherever it is");
}


static void
test_clean(void)
{
    char        buf[QOE_GOVERN_BUF];
    size_t      i;
    qoe_span_t  s;
    static char long_text[QOE_GOVERN_BUF];

    static const struct {
        const char  *in;
        size_t       max;
        const char  *out;
    } rows[] = {
        { "plain", 5, "plain" }, { "plain", 4, "plai" }, { "plain", 0, "" },
        { "a\xc3\xa9z", 4, "a\xc3\xa9z" }, { "a\xc3\xa9z", 3, "a\xc3\xa9" },
        { "a\xc3\xa9z", 2, "a" }, { "a\xc3\xa9z", 1, "a" },
        { "a ~\xc3\xa9\x1f", 9, "a ~\xc3\xa9?" },
        { "a\xc3", 9, "a?" }, { "\xe2\x82\xac", 9, "\xe2\x82\xac" },
        { "\xe2\x82", 9, "??" }, { "\xc2\x9f", 9, "??" },
        { "\xc2\xa0", 9, "\xc2\xa0" }, { "\xc2\x80", 9, "??" },
        { "\xc3\x80", 9, "\xc3\x80" }, { "a\nb", 2, "a?" },
        { "a\nb", 3, "a?b" }, { "\x7f", 9, "?" },
        { "\xf0\x9f\x98\x80", 4, "\xf0\x9f\x98\x80" },
        { "\xf0\x9f\x98\x80", 3, "" }, { "abc\xff", 3, "abc" }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        s = qoe_govern_clean(qoe_span_str(rows[i].in), rows[i].max, buf);

        /* a control character of two bytes is one '?' */

        ok(qoe_span_eq(s, qoe_span_str(rows[i].out))
           || (strcmp(rows[i].out, "??") == 0 && (uint8_t) rows[i].in[0] == 0xc2
               && qoe_span_eq(s, qoe_span("?"))),
           "text %zu is cut to %zu bytes between characters: %.*s", i,
           rows[i].max, (int) s.len, s.data);
    }

    memset(long_text, 'y', sizeof(long_text));
    s = qoe_govern_clean((qoe_span_t) { long_text, sizeof(long_text) }, 9999,
                         buf);
    ok(s.len == QOE_DIMENSION_LEN_MAX && s.data == long_text,
       "no value is longer than there is room for");
}


static void
test_ranges(void)
{
    char        buf[QOE_GOVERN_BUF];
    size_t      i;
    qoe_span_t  s;

    static const struct {
        const char  *in;
        uint32_t     size;
        const char  *out;
    } rows[] = {
        { "7", 0, "7-8" }, { "7", 1, "7-8" }, { "7", 10, "0-10" },
        { "10", 10, "10-20" }, { "9.99", 10, "0-10" }, { "-1", 10, "-10-0" },
        { "-10", 10, "-10-0" }, { "-10.1", 10, "-20--10" },
        { "+5", 10, "0-10" }, { "1e2", 10, "100-110" },
        { "1E+2", 10, "100-110" }, { "15e-1", 1, "1-2" },
        { ".5", 1, "0-1" }, { "5.", 1, "5-6" }, { "0.3", 1, "0-1" },
        { "9007199254740990", 1, "9007199254740990-9007199254740991" },
        { "9007199254740991", 1, NULL }, { "9007199254740992", 1, NULL },
        { "-9007199254740991", 1, "-9007199254740991--9007199254740990" },
        { "-9007199254740992", 1, NULL }, { "1e9999", 1, NULL },
        { "0e99999", 1, NULL }, { "", 5, NULL }, { "+", 5, NULL },
        { ".", 5, NULL }, { "1.2.3", 5, NULL }, { "1e", 5, NULL },
        { "1e-", 5, NULL }, { "1x", 5, NULL }, { "e5", 5, NULL },
        { "--1", 5, NULL }, { "1e5x", 5, NULL }, { "/", 5, NULL },
        { ":", 5, NULL }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char  other[32];

        s = qoe_govern_range(qoe_span_str(rows[i].in), rows[i].size, buf);
        snprintf(other, sizeof(other), "bucket_%lu",
                 crc32(0, (const Bytef *) rows[i].in,
                       (uInt) strlen(rows[i].in))
                 % (rows[i].size != 0 ? rows[i].size : 1));
        ok(qoe_span_eq(s, qoe_span_str(rows[i].out != NULL ? rows[i].out
                                                           : other)),
           "\"%s\" by %u is %.*s", rows[i].in, rows[i].size, (int) s.len,
           s.data);
    }

    s = qoe_govern_crc(qoe_span("value"), buf);
    snprintf(buf + 100, 16, "%08lx", crc32(0, (const Bytef *) "value", 5));
    ok(s.len == 8 && memcmp(s.data, buf + 100, 8) == 0,
       "a hash has eight digits: %.8s", buf);
    s = qoe_govern_crc(qoe_span_null, buf);
    ok(s.len == 8 && memcmp(s.data, "00000000", 8) == 0,
       "that of nothing is 0");
}


static void
test_names(void)
{
    bool      first, later;
    char      name[80];
    unsigned  c, wrong;

    for (c = 0, wrong = 0; c < 256; c++) {
        first = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        later = first || (c >= '0' && c <= '9') || c == '.';
        name[0] = (char) c;
        name[1] = 'q';
        wrong += (qoe_dimension_name_valid((qoe_span_t) { name, 2 })
                  == QOE_OK) != first;
        name[0] = 'q';
        name[1] = (char) c;
        wrong += (qoe_dimension_name_valid((qoe_span_t) { name, 2 })
                  == QOE_OK) != later;
    }

    ok(wrong == 0, "a name has letters, digits, dots and underscores");

    memset(name, 'n', sizeof(name));
    ok(qoe_dimension_name_valid((qoe_span_t) { name, 63 }) == QOE_OK
       && qoe_dimension_name_valid((qoe_span_t) { name, 64 }) == QOE_INVALID
       && qoe_dimension_name_valid(qoe_span_null) == QOE_INVALID
       && qoe_dimension_name_valid(qoe_span("_")) == QOE_OK
       && qoe_dimension_name_valid(qoe_span("_a")) == QOE_OK
       && qoe_dimension_name_valid(qoe_span("__a")) == QOE_INVALID
       && qoe_dimension_name_valid(qoe_span("_.a")) == QOE_INVALID
       && qoe_dimension_name_valid(qoe_span("a__")) == QOE_OK,
       "it has 63 bytes at most, and does not begin with two underscores");
    ok(qoe_dimension_name_valid(qoe_span("org.id")) == QOE_INVALID
       && qoe_dimension_name_valid(qoe_span("stage")) == QOE_INVALID
       && qoe_dimension_name_valid(qoe_span("le")) == QOE_INVALID
       && qoe_dimension_name_valid(qoe_span("otel.metric.overflow"))
          == QOE_INVALID
       && qoe_dimension_name_valid(qoe_span("lea")) == QOE_OK,
       "and is none that is taken");
}


static void
test_made(void)
{
    size_t             i, made;
    uint32_t           n;
    qoe_dimension_t    d;
    const qoe_span_t  *own;
    qoe_span_t         pins[2] = { qoe_span("a"), qoe_span("b") };

    for (i = 0, made = 0; i < QOE_DIMS_BUILTIN; i++) {
        made += qoe_dimension_made(i, qoe_span("x"));
        own = qoe_dimension_own(i, &n);

        if ((n == 0) != (own == NULL)
            || (n != 0) != (i == QOE_DIM_CONTENT_TYPE))
        {
            break;
        }
    }

    ok(i == QOE_DIMS_BUILTIN && made == 17
       && qoe_dimension_made(QOE_DIM_STAGE, qoe_span("x"))
       && qoe_dimension_made(QOE_DIM_EVENT_TYPE, qoe_span("x"))
       && !qoe_dimension_made(QOE_DIM_ORG_ID, qoe_span("vod"))
       && qoe_dimension_made(QOE_DIM_CONTENT_TYPE, qoe_span("vod"))
       && qoe_dimension_made(QOE_DIM_CONTENT_TYPE, qoe_span("live"))
       && !qoe_dimension_made(QOE_DIM_CONTENT_TYPE, qoe_span("liv")),
       "the module makes all values of some dimensions, and two of another");

    d.pins = pins;
    d.npins = 2;
    ok(qoe_dimension_pinned(&d, qoe_span("a"))
       && qoe_dimension_pinned(&d, qoe_span("b"))
       && !qoe_dimension_pinned(&d, qoe_span("c")), "pins are found");
    d.npins = 1;
    ok(!qoe_dimension_pinned(&d, qoe_span("b")), "as many as there are");
}


int
main(void)
{
    test_bytes();
    test_clean();
    test_ranges();
    test_names();
    test_made();

    return tap_end();
}
