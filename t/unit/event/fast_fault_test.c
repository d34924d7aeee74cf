
/*
 * Copyright (C) OpenQoE
 *
 * Events that break rules, decoded by the single-pass decoder and by jansson:
 * the errors, the events around them and the counters are the same, and only a
 * body that is no JSON is left to jansson.
 */


#define _GNU_SOURCE              /* MAP_ANONYMOUS */

#include "fast_unit.h"
#include "qoe_fast_priv.h"


/* Bodies that break several rules at once, and good events around a bad one. */

#define BAD(a)                                                                \
    "{\"events\":[{" BASE "},{" a "},{" BASE ",\"env\":\"a\"}],\"other\":1}"

static void
test_faults(void)
{
    static const case_t  cases[] = {
        { BAD(""), 0, true },
        { BAD("\"x\":1,\"data\":{\"y\":1},\"device\":{\"z\":1}"), 0, true },
        { BAD(BASE ",\"data\":5,\"env\":5,\"device\":5,\"os\":5"), 0, true },
        { BAD(BASE ",\"data\":5,\"env\":5,\"playback_time\":{}"), 0, true },
        { BAD(BASE ",\"data\":5,\"cmcd\":{\"br\":[1,\"a\"],\"x\":1}"), 0,
          true },
        { BAD(BASE ",\"cmcd\":{\"br\":[{\"value\":1}]},\"data\":5"), 0, true },
        { BAD(BASE ",\"cmcd\":{\"br\":[{\"a\":1,\"a\":1}]},\"data\":5"), 0,
          false },
        { BAD("\"event_time\":1,\"event_type\":\"nope\"," IDS), 0, true },
        { BAD("\"event_time\":1,\"event_type\":\"se\\u0065k\"," IDS), 0, true },
        { BAD("\"event_time\":1e300,\"event_type\":\"seek\"," IDS), 0, true },
        { BAD("\"event_time\":-1,\"event_type\":\"seek\"," IDS), 0, true },
        { BAD("\"\\u0065vent_time\":" NOW_TEXT ",\"event_type\":\"seek\"," IDS
              ",\"d\\u0061ta\":{\"bitr\\u0061te\":7},\"\\n\":1"), 0, true },
        { BAD(BASE ",\"event_typ\\u0065\":\"seek\""), 0, false },
        { BAD(BASE ",\"x\":1,\"\\u0078\":1"), 0, false },
        { BAD(BASE ",\"\\ud800\":1,\"\\udfff\":1"), 0, false },
        { BAD(BASE ",\"\\ud800\":1"), 0, true },
        { BAD(BASE ",\"env\":\"\\ude00\",\"data\":5"), 0, true },
        { BAD("\"env\":\"a\\ud83d\\n\",\"data\":5"), 0, true },
        { BAD(BASE ",\"env\":\"\\ud83d\\u\""), 0, false },
        { BAD(BASE ",\"env\":\"\\\\ud83d\""), 0, true },
        { BAD(BASE "},[{\"a\":\"\\ud83d\"}],{\"event_type\":null"), 0, true },
        { BAD(BASE "},7,\"\\ud83d\",{\"org_id\":\"\""), 0, true },
        { "{\"events\":[{" BASE "}],\"x\":\"\\ud83d\"}", 0, true },
        { "{\"\\ud83d\":1,\"events\":[{" BASE "}]}", 0, true },
        { "{\"x\":[\"\\ud83d\"],\"events\":5}", 0, true },
        { "{\"events\":[{\"env\":\"\\ud83d\"}],\"x\":[\"\\ud83d\\ude00\"]}",
          0, true },
        { "{\"event\\u0073\":[{" BASE "}],\"\\u0078\":1}", 0, true },
        { "{\"event\\u0073\":[{" BASE "}],\"events\":1}", 0, false }
    };

    check("bodies with several faults", cases);
}


/*
 * An event of n bytes, or of n keys, or with data of n bytes, whose env is a
 * number: what is too long or too many is an error of its own.  Also ids that
 * are not read at a stroke.
 */

static void
check_limit(const char *what, const char *head, const char *piece, size_t n,
    const char *tail)
{
    char    *body, *p;
    size_t   i;
    case_t   one;

    body = malloc(strlen(head) + n * (strlen(piece) + 8) + strlen(tail) + 1);

    if (body == NULL) {
        abort();
    }

    p = body + sprintf(body, "%s", head);

    for (i = 0; i < n; i++) {
        p += sprintf(p, piece, i);
    }

    strcpy(p, tail);

    one = (case_t) { body, 0, true };
    check_cases(what, &one, 1);
    free(body);
}


#define REST                                                                  \
    "\"event_type\":\"playing\",\"event_time\":" NOW_TEXT ","                 \
    "\"player_id\":\"p\",\"view_id\":\"v\",\"session_id\":\"s\","           \
    "\"viewer_id\":\"w\""

static void
test_limits(void)
{
    size_t       i, known;

    static const char  event[] = "{" BASE ",\"env\":5,\"x\":\"\"}";

    /* event_type, event_time, five ids, env */

    known = 8;

    for (i = 0; i < 3; i++) {
        check_limit("an event of 64 KB with another fault",
                    "{\"events\":[{" BASE ",\"env\":5,\"x\":\"", "a",
                    QOE_EVENT_RAW_MAX - (sizeof(event) - 1) + i - 1, "\"}]}");
        check_limit("an event of 1,024 keys with another fault",
                    "{\"events\":[{" BASE ",\"env\":5", ",\"k%zu\":1",
                    QOE_KEYS_MAX - known + i - 1, "}]}");
        check_limit("an id of 256 bytes with an escape",
                    "{\"events\":[{" REST ",\"org_id\":\"\\n", "a",
                    254 + i, "\"}]}");
        check_limit("an id of 256 bytes that is not ASCII",
                    "{\"events\":[{" REST ",\"org_id\":\"\xc3\xa9", "a",
                    253 + i, "\"}]}");
        check_limit("data of 16 KB beside another fault",
                    "{\"events\":[{" BASE ",\"env\":5,\"data\":{\"x\":\"",
                    "a", QOE_DATA_MAX - 8 + i - 1, "\"}}]}");
    }
}


/*
 * The place and the reason of a syntax error: jansson is given a piece of the
 * body, and all of it.
 */

static void
test_places(void)
{
    static const case_t  cases[] = {
        { "1\xc5x", 0, false },
        { "1 \xc5", 0, false },
        { "\"a\"\xc5}", 0, false },
        { "nullx", 0, false },
        { "1.5.5}", 0, false },
        { "[] []", 0, false },
        { "{} {}", 0, false },
        { "{}", 0, true },
        { "[{}] ", 0, true },
        { " 7\n", 0, true },
        { " 7}", 0, false },
        { "{\"events\":[{\"a\":1", 0, false },
        { "{\"events\":[{\"a\":1}", 0, false },
        { "{\"events\":[{\"a\":1}] \n", 0, false },
        { "{\"events\":[{\"a\":[{\"b\":\"c\"}}", 0, false },
        { "{\"events\":[{\"a\":{\"b\":1},\"a\"", 0, false },
        { "{\"events\":[{\"a\":{\"b\":1,\"b\"}}", 0, false },
        { "{\"events\":[{\"env\":1,\"\\u0065nv\" 2}]}", 0, false },
        { "{\"events\":[{" BASE ",\"data\":{\"bitrate\":1,\"bitrate\"}}]}", 0,
          false },
        { "{\"events\":[{" BASE ",\"x\":7\xe2}]}", 0, false },
        { "{\"events\":[{" BASE ",\"x\":[7\xe2]}]}", 0, false },
        { "{\"events\":[{" BASE ",\"x\":[{}x]}]}", 0, false },
        { "{\"events\":[{" BASE ",\"x\":{\"y\":{} \"z\":1}}]}", 0, false },
        { "{\"events\":[{" BASE ",\"x\":\"\\ud83d\\ud83d\\x\"}]}", 0, false },
        { "{\"\\ud83d\":1,\n\"\xc3\xa9\":[\"\\udc00\" 1]}", 0, false },

        /* the first and the last character of each length */

        { "[\"\xc2\x80\" 1]", 0, false }, { "[\"\xdf\xbf\" 1]", 0, false },
        { "[\"\xe0\xa0\x80\" 1]", 0, false },
        { "[\"\xef\xbf\xbf\" 1]", 0, false },
        { "[\"\xf0\x90\x80\x80\" 1]", 0, false },
        { "[\"\xf4\x8f\xbf\xbf\" 1]", 0, false },
        { "[\"\xc2\x80", 0, false }, { "[\"\xdf\xbf", 0, false },
        { "[\"\xe0\xa0", 0, false }, { "[\"\xdf", 0, false },
        { "[\"\xef\xbf\xbf", 0, false }, { "[\"\xf0\x90\x80", 0, false }
    };

    check("bodies whose syntax breaks somewhere", cases);
}


/*
 * A known key that stands twice in an object is found by the bit of its name.
 * Those of data come from the rows of tables, so a compiler cannot count them.
 */

static void
test_bits(void)
{
    size_t                   i, j;
    uint64_t                 bits;
    const qoe_fast_table_t  *t;

    t = qoe_fast_tables();

    for (i = 0; i < QOE_FAST_TABLES; i++) {
        bits = 0;

        for (j = 0; j < t[i].n; j++) {
            bits |= t[i].name[j].bit;
        }

        ok((size_t) __builtin_popcountll(bits) == t[i].n,
           "each of the %zu names of table %zu has a bit of its own", t[i].n,
           i);
    }
}


/* Each way to break an object, a list, a string, a number and a word. */

static void
test_tokens(void)
{
    static const case_t  cases[] = {
        { "{\"a\":1,\"b\" 2}", 0, false }, { "{\"a\":1,\"b\":2 3}", 0, false },
        { "{\"a\":1,2}", 0, false }, { "{\"a\":1,}", 0, false },
        { "{,}", 0, false }, { "{\"a\"}", 0, false }, { "{\"a\":}", 0, false },
        { "{\"a\":1,\"b\":[1,{\"c\":2,}]}", 0, false },
        { "{\"a\":1,\"b\":2,\"c\":3,\"d\"}", 0, false },
        { "{\"a\":1 \"b\":2}", 0, false }, { "{\"a\":1]", 0, false },
        { "{1:2}", 0, false }, { "{\"a\":1,", 0, false }, { "{", 0, false },
        { "[1,2", 0, false }, { "[1,]", 0, false }, { "[1 2]", 0, false },
        { "[1,2,3,4 5]", 0, false }, { "[,1]", 0, false }, { "[1}", 0, false },
        { "[", 0, false }, { "[1,", 0, false }, { "]", 0, false },
        { "\"abc", 0, false }, { "\"a\\x\"", 0, false },
        { "\"a\\\0\"", 5, false }, { "\"\\u004\0\"", 8, false },
        { "\"\\u12g4\"", 0, false }, { "\"\\u123", 0, false },
        { "\"\\u123\"", 0, false }, { "\"\\", 0, false },
        { "\"\x01\"", 0, false }, { "\"\x1f\"", 0, false },
        { "\"\x7f", 0, false }, { "\"\xc3", 0, false },
        { "\"\xe2\x82\"", 0, false }, { "\"\xf0\x9f\x98\"", 0, false },
        { "[\"\\u0000\",1", 0, false }, { "{\"\\u0000\":1,", 0, false },
        { "{\"events\":[{" BASE ",\"\\u0000\":1}]}", 0, false },
        { "{\"events\":[{" BASE ",\"a\":1,\"\\u0000\":1 2}]}", 0, false },
        { "01", 0, false }, { "-", 0, false }, { "-a", 0, false },
        { "-01", 0, false }, { "1.", 0, false }, { "1.e5", 0, false },
        { "1e", 0, false }, { "1e+", 0, false }, { "1e-x", 0, false },
        { "1E+}", 0, false }, { "1e400", 0, false }, { "-1e400", 0, false },
        { "[1e309,2]", 0, false }, { "[1e308,2", 0, false },
        { "[0.0000001e316,2", 0, false }, { "[9e99999999999,2]", 0, false },
        { "[9e-99999999999,2", 0, false }, { "+1", 0, false },
        { "tru", 0, false }, { "trueX", 0, false }, { "nul", 0, false },
        { "True", 0, false }, { "fals", 0, false }, { "zero", 0, false },
        { "@", 0, false }, { "`", 0, false }, { "~", 0, false },
        { "[\xe2\x82\xac]", 0, false }, { "\xe2\x82\xac", 0, false },
        { "[\x80]", 0, false }, { "[1\x80]", 0, false },
        { "[true\xe2]", 0, false }, { "", 0, false }, { " ", 0, false }
    };

    check("texts that are broken in each way", cases);
}


int
main(void)
{
    guard_init();

    test_bits();
    test_faults();
    test_limits();
    test_places();
    test_tokens();

    return tap_end();
}
