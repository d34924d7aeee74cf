
/*
 * Copyright (C) OpenQoE
 *
 * Every form of the single-pass decoder against jansson: which bodies it must
 * decline because they are no JSON, and that both give the same result.
 */


#define _GNU_SOURCE              /* MAP_ANONYMOUS */

#include "fast_unit.h"
#include "qoe_fast_priv.h"


#define TEN(x)             x x x x x x x x x x


static void
test_json(void)
{
    static const case_t  cases[] = {
        { EV(""), 0, true },
        { " \t\r\n{ \"events\" : [ { \"x\" : 1 , " BASE " } ] } \n", 0, true },
        { "{\"a\":[],\"events\":[{" BASE "}],\"b\":{},\"c\":[{},[1,2]]}", 0,
          true },
        { EV(",\"x\":[true,false,null,\"\",0,{\"y\":{\"z\":[[]]}}]"), 0,
          true },
        { EV(",\"x\":1,\"y\":1,\"z\":{\"x\":1,\"y\":{\"x\":1}}"), 0, true },
        { "", 0, false },
        { "{}", 0, true },
        { "}", 0, false },
        { "[]", 0, true },
        { "{\"events\":[]}", 0, true },
        { "{\"events\":null}", 0, true },
        { "{\"events\":{}}", 0, true },
        { "{\"events\":[{" BASE "}],\"x\":null}", 0, true },
        { "{\"events\":[{" BASE "}],\"x\":true}", 0, true },
        { "{\"events\":[{" BASE "}],\"x\":false}", 0, true },
        { "{\"events\":[{" BASE "},1]}", 0, true },
        { "{\"events\":[{" BASE "},{}]}", 0, true },
        { "\xef\xbb\xbf" EV(""), 0, false },
        { EV("") "}", 0, false },
        { EV("") " x", 0, false },
        { EV("") "\0", sizeof(EV("")), false },
        { EV("") "\v", 0, false },
        { EV("\0"), sizeof(EV("\0")) - 1, false },
        { EV(","), 0, false },
        { EV(",,"), 0, false },
        { EV(",\"x\""), 0, false },
        { EV(",\"x\":"), 0, false },
        { EV(",\"x\":1 2"), 0, false },
        { EV(",\"x\":[1,]"), 0, false },
        { EV(",\"x\":[,]"), 0, false },
        { EV(",\"x\":[1}"), 0, false },
        { EV(",\"x\":{\"a\":1,}"), 0, false },
        { EV(",\"x\":{\"a\":1]"), 0, false },
        { EV(",\"x\":{1:1}"), 0, false },
        { EV(",x:1"), 0, false },
        { EV(",\"x\":tru"), 0, false },
        { EV(",\"x\":nul"), 0, false },
        { EV(",\"x\":fals}"), 0, false },
        { EV(",\"x\":True"), 0, false },
        { EV(",\"x\":nulll"), 0, false },
        { EV(",\"x\":NaN"), 0, false },
        { EV(",\"x\":'a'"), 0, false },
        { EV(" /* */"), 0, false },
        { "{\"events\":[{" BASE "}", 0, false },
        { "{\"events\":[{" BASE "}}", 0, false },
        { "{\"events\":[{" BASE "}]", 0, false },
        { "{\"events\":[{" BASE "}],\"x\":{}", 0, false },
        { "{\"events\":[{" BASE ",\"x\":t}", 0, false },
        { "{\"events\":[{" BASE ",\"x\":\"}", 0, false },
        { "{\"events\":[{" BASE ",\"x\":\"\\\"}", 0, false },
        { "{\"events\":[{" BASE ",\"x\":\"\\}", 0, false },
        { "{\"events\":[{" BASE ",\"x\":\"\\u00}", 0, false }
    };

    check("JSON syntax", cases);
}


static void
test_strings(void)
{
    static const case_t  cases[] = {
        { EV(",\"env\":\"\""), 0, true },
        { EV(",\"env\":\"0123456789abcdef0123456789abcdef0123456789\""), 0,
          true },
        { EV(",\"env\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""), 0, true },
        { EV(",\"env\":\"a\\u00e9\\u20ac\\u0041\\u007f\\u07ff\\u0800\""), 0,
          true },
        { EV(",\"env\":\"\\ud83d\\ude82\\uDBFF\\uDFFF\\ud800\\udc00\""), 0,
          true },
        { EV(",\"env\":\"\\uFFFF\\uabCD\\u0001\""), 0, true },
        { EV(",\"env\":\"\xc2\x80 \xdf\xbf \xe0\xa0\x80 \xed\x9f\xbf "
             "\xee\x80\x80 \xf0\x90\x80\x80 \xf4\x8f\xbf\xbf\""), 0, true },
        { EV(",\"env\":\"0123456789abcdef0123456789abcdef\xc3\xa9\""), 0,
          true },
        { EV(",\"x\xc3\xa9\":\"\xe6\x9d\xb1\xe4\xba\xac\""), 0, true },
        { EV(",\"x\":\"\x7f\""), 0, true },
        { EV(",\"event_typ\\u0065\":\"x\""), 0, false },
        { EV(",\"\\u0078\":\"x\""), 0, true },
        { EV(",\"x\":{\"\\n\":1}"), 0, true },
        { EV(",\"env\":\"\\u0000\""), 0, false },
        { EV(",\"x\":\"\\u0000\""), 0, false },
        { EV(",\"x\":\"\\ud83d\""), 0, true },
        { EV(",\"x\":\"\\ud83dx\""), 0, true },
        { EV(",\"x\":\"\\ud83d\\n\""), 0, true },
        { EV(",\"x\":\"\\ud83d\\u0041\""), 0, true },
        { EV(",\"x\":\"\\ud83d\\ud83d\""), 0, true },
        { EV(",\"x\":\"\\ude82\""), 0, true },
        { EV(",\"x\":\"\\u12\""), 0, false },
        { EV(",\"x\":\"\\u12g4\""), 0, false },
        { EV(",\"x\":\"\\x41\""), 0, false },
        { EV(",\"x\":\"\\U0041\""), 0, false },
        { EV(",\"x\":\"\\a\""), 0, false },
        { EV(",\"x\":\"\\\0\""), sizeof(EV(",\"x\":\"\\\0\"")) - 1, false },
        { EV(",\"x\":\"\t\""), 0, false },
        { EV(",\"x\":\"0123456789abcdef0123456789abcdef\n\""), 0, false },
        { EV(",\"x\":\"\x1f\""), 0, false },
        { EV(",\"x\":\"\x80\""), 0, false },
        { EV(",\"x\":\"\xbf\""), 0, false },
        { EV(",\"x\":\"\xc0\x80\""), 0, false },
        { EV(",\"x\":\"\xc1\xbf\""), 0, false },
        { EV(",\"x\":\"\xc3\""), 0, false },
        { EV(",\"x\":\"\xc3(\""), 0, false },
        { EV(",\"x\":\"\xe0\x9f\xbf\""), 0, false },
        { EV(",\"x\":\"\xe2\x82\""), 0, false },
        { EV(",\"x\":\"\xe2\x28\xa1\""), 0, false },
        { EV(",\"x\":\"\xed\xa0\x80\""), 0, false },
        { EV(",\"x\":\"\xed\xbf\xbf\""), 0, false },
        { EV(",\"x\":\"\xf0\x8f\xbf\xbf\""), 0, false },
        { EV(",\"x\":\"\xf0\x90\x80\""), 0, false },
        { EV(",\"x\":\"\xf4\x90\x80\x80\""), 0, false },
        { EV(",\"x\":\"\xf5\x80\x80\x80\""), 0, false },
        { EV(",\"x\":\"\xff\""), 0, false },
        { EV(",\"x\xc3\":1"), 0, false },
        { EV(",\"x\":\xc3\xa9"), 0, false }
    };

    check("strings", cases);
}


#define NUMBERS(a)  EV(",\"playback_time\":" a ",\"data\":{\"bitrate\":" a    \
                       ",\"error_code\":" a ",\"z\":" a "}")

static void
test_numbers(void)
{
    static const case_t  cases[] = {
        { NUMBERS("0"), 0, true },
        { NUMBERS("-0"), 0, true },
        { NUMBERS("-0.0e-5"), 0, true },
        { NUMBERS("9007199254740993"), 0, true },
        { NUMBERS("18446744073709551615"), 0, true },
        { NUMBERS("9999999999999999999"), 0, true },
        { NUMBERS("123456789012345678901234567890"), 0, true },
        { NUMBERS("0.1"), 0, true },
        { NUMBERS("29.97"), 0, true },
        { NUMBERS("1234.5999999046326"), 0, true },
        { NUMBERS("0.30000000000000004"), 0, true },
        { NUMBERS("17.12345678901234512345678901234567890"), 0, true },
        { NUMBERS("1e22"), 0, true },
        { NUMBERS("1E+23"), 0, true },
        { NUMBERS("-1.7976931348623157e308"), 0, true },
        { NUMBERS("2.2250738585072011e-308"), 0, true },
        { NUMBERS("5e-324"), 0, true },
        { NUMBERS("1e-400"), 0, true },
        { NUMBERS("0e9999"), 0, true },
        { NUMBERS("1e0022"), 0, true },
        { NUMBERS("1e400"), 0, false },
        { NUMBERS("-1.7976931348623159e308"), 0, false },
        { NUMBERS("1e00022"), 0, true },
        { NUMBERS("1e99999"), 0, false },
        { NUMBERS(TEN("1234567")), 0, true },
        { NUMBERS("01"), 0, false },
        { NUMBERS("-01"), 0, false },
        { NUMBERS("-"), 0, false },
        { NUMBERS("+1"), 0, false },
        { NUMBERS("1."), 0, false },
        { NUMBERS(".5"), 0, false },
        { NUMBERS("1e"), 0, false },
        { NUMBERS("1e+"), 0, false },
        { NUMBERS("1.e5"), 0, false },
        { NUMBERS("1.5.5"), 0, false },
        { NUMBERS("0x10"), 0, false },
        { NUMBERS("1e5e5"), 0, false },
        { NUMBERS("--1"), 0, false },
        { NUMBERS("1-"), 0, false },
        { NUMBERS("1f"), 0, false },
        { NUMBERS("Infinity"), 0, false }
    };

    check("numbers", cases);
}


static void
test_events(void)
{
    static const case_t  cases[] = {
        { BODY("\"event_type\":\"adbreak\",\"event_time\":" NOW_TEXT ".0,"
               IDS), 0, true },
        { BODY("\"event_type\":\"\\u0073eek\",\"event_time\":"
               "1.765976635154e12," IDS), 0, true },
        { BODY(IDS ",\"event_time\":" NOW_TEXT ",\"event_type\":\"seek\""), 0,
          true },
        { EV(",\"env\":null,\"device\":null,\"cmcd\":null,\"data\":null,"
             "\"playback_time\":null"), 0, true },
        { EV(",\"device\":{},\"player\":{\"autoplay\":null,\"x\":1},"
             "\"cmcd\":{\"br\":null,\"nor\":null},\"data\":{}"), 0, true },
        { EV(",\"player\":{\"autoplay\":true},\"cmcd\":{\"bs\":false}"), 0,
          true },
        { EV(",\"cmcd\":{\"br\":[],\"bl\":[1,2.5],\"mtp\":7,\"nor\":[\"a\","
             "{\"value\":\"b\",\"params\":{\"value\":1}}],\"tb\":["
             "{\"params\":{},\"value\":1}]}"), 0, true },
        { EV(",\"cmcd\":{\"nor\":\"a\\nb\"}"), 0, true },
        { EV(",\"devices\":{},\"Device\":{},\"event_type_\":1,"
             "\"\":1,\"a_key_of_more_than_sixteen_bytes\":1"), 0, true },
        { BODY("\"event_type\":\"nope\",\"event_time\":" NOW_TEXT "," IDS), 0,
          true },
        { BODY("\"event_type\":null,\"event_time\":" NOW_TEXT "," IDS), 0,
          true },
        { BODY("\"event_type\":5,\"event_time\":" NOW_TEXT "," IDS), 0,
          true },
        { BODY("\"event_type\":\"seek\",\"event_time\":null," IDS), 0, true },
        { BODY("\"event_type\":\"seek\",\"event_time\":\"1\"," IDS), 0,
          true },
        { BODY("\"event_type\":\"seek\",\"event_time\":1," IDS), 0, true },
        { BODY("\"event_type\":\"seek\",\"event_time\":1765976935155," IDS),
          0, true },
        { BODY("\"event_type\":\"seek\",\"event_time\":" NOW_TEXT ".5," IDS),
          0, true },
        { BODY("\"event_type\":\"seek\"," IDS), 0, true },
        { BODY("\"event_time\":" NOW_TEXT "," IDS), 0, true },
        { EV(",\"env\":5"), 0, true },
        { EV(",\"env\":true"), 0, true },
        { EV(",\"playback_time\":\"5\""), 0, true },
        { EV(",\"playback_time\":[5]"), 0, true },
        { EV(",\"device\":[]"), 0, true },
        { EV(",\"device\":\"x\""), 0, true },
        { EV(",\"device\":{\"name\":{}}"), 0, true },
        { EV(",\"player\":{\"autoplay\":1}"), 0, true },
        { EV(",\"cmcd\":{\"br\":[\"a\"]}"), 0, true },
        { EV(",\"cmcd\":{\"br\":[null]}"), 0, true },
        { EV(",\"cmcd\":{\"br\":[{\"v\":1}]}"), 0, true },
        { EV(",\"cmcd\":{\"nor\":[{\"value\":1}]}"), 0, true },
        { EV(",\"cmcd\":{\"nor\":[[]]}"), 0, true },
        { EV(",\"cmcd\":{\"v\":[1]}"), 0, true },
        { EV(",\"data\":[]"), 0, true },
        { EV(",\"data\":5"), 0, true },
        { BODY("\"event_type\":\"seek\",\"event_time\":" NOW_TEXT ","
               "\"org_id\":\"\",\"player_id\":\"p\",\"view_id\":\"v\","
               "\"session_id\":\"s\",\"viewer_id\":\"w\""), 0, true },
        { BODY("\"event_type\":\"seek\",\"event_time\":" NOW_TEXT ","
               "\"org_id\":null,\"player_id\":\"p\",\"view_id\":\"v\","
               "\"session_id\":\"s\",\"viewer_id\":\"w\""), 0, true },
        { BODY("\"event_type\":\"seek\",\"event_time\":" NOW_TEXT ","
               "\"org_id\":\"" TEN("1234567890123456789012345") "123456\","
               "\"player_id\":\"p\",\"view_id\":\"v\","
               "\"session_id\":\"s\",\"viewer_id\":\"w\""), 0, true },
        { BODY("\"event_type\":\"seek\",\"event_time\":" NOW_TEXT ","
               "\"org_id\":\"" TEN("1234567890123456789012345") "1234567\","
               "\"player_id\":\"p\",\"view_id\":\"v\","
               "\"session_id\":\"s\",\"viewer_id\":\"w\""), 0, true }
    };

    check("events", cases);
}


static void
test_twice(void)
{
    static const case_t  cases[] = {
        { "{\"events\":[],\"events\":[{" BASE "}]}", 0, false },
        { "{\"events\":[{" BASE "}],\"events\":[{" BASE "}]}", 0, false },
        { "{\"x\":1,\"events\":[{" BASE "}],\"x\":1}", 0, false },
        { EV(",\"env\":\"a\",\"env\":\"b\""), 0, false },
        { EV(",\"env\":null,\"env\":null"), 0, false },
        { EV(",\"org_id\":\"o\""), 0, false },
        { EV(",\"data\":{},\"data\":{}"), 0, false },
        { EV(",\"device\":{},\"device\":null"), 0, false },
        { EV(",\"device\":{\"name\":null,\"name\":\"x\"}"), 0, false },
        { EV(",\"device\":{\"x\":1,\"name\":\"x\",\"x\":1}"), 0, false },
        { EV(",\"x\":1,\"y\":1,\"x\":1"), 0, false },
        { EV(",\"x\":{\"y\":1,\"z\":{},\"y\":1}"), 0, false },
        { EV(",\"x\":[{\"y\":1},{\"y\":1}]"), 0, true },
        { EV(",\"x\":[{\"y\":1,\"y\":1}]"), 0, false },
        { EV(",\"cmcd\":{\"br\":[{\"value\":1,\"value\":1}]}"), 0, false },
        { EV(",\"cmcd\":{\"br\":[{\"value\":1},{\"value\":1}]}"), 0, true },
        { DATA("\"bitrate\":1,\"bitrate\":1"), 0, false },
        { DATA("\"x\":1,\"y\":{\"x\":1},\"x\":1"), 0, false },
        { DATA("\"old\":{\"bitrate_kb\":1,\"bitrate_kb\":1}"), 0, false },
        { DATA("\"\":1,\"\":1"), 0, false },
        { DATA("\"abcdefgh\":1,\"abcdefgh_\":1,\"_abcdefgh\":1,\"a\":1,"
               "\"A\":1,\"aa\":1"), 0, true }
    };

    check("keys given twice", cases);
}


/* A body with n copies of a piece in its middle. */

static void
check_many(const char *what, bool taken, const char *before,
    const char *piece, size_t n, const char *after)
{
    char     *body, *p;
    size_t    i;
    case_t    one;

    body = malloc(strlen(before) + n * (strlen(piece) + 20) + strlen(after)
                  + 1);
    p = body + sprintf(body, "%s", before);

    for (i = 0; i < n; i++) {
        p += sprintf(p, piece, i);
    }

    strcpy(p, after);

    one = (case_t) { body, 0, taken };
    check_cases(what, &one, 1);
    free(body);
}


/*
 * The second event begins as the first one does, for at least 64 bytes and
 * four members, and then goes another way.
 */

#define TYPE(t)            "{\"event_type\":\"" t "\",\"event_time\":"      \
                           NOW_TEXT ","
#define TWO(a, b)          "{\"events\":[" TYPE("seek") IDS a "},"            \
                           TYPE("playing") IDS b "},"                         \
                           TYPE("pause") IDS a "}]}"

#define KEY(n)             "\"" n "\":0,"
#define EIGHT_KEYS(n)      KEY(n "0") KEY(n "1") KEY(n "2") KEY(n "3")        \
                           KEY(n "4") KEY(n "5") KEY(n "6") KEY(n "7")
#define MANY_KEYS          EIGHT_KEYS("b") EIGHT_KEYS("c") EIGHT_KEYS("d")    \
                           EIGHT_KEYS("e") EIGHT_KEYS("f") EIGHT_KEYS("g")    \
                           EIGHT_KEYS("h") EIGHT_KEYS("i") EIGHT_KEYS("j")

#define MANY_OTHERS        EIGHT_KEYS("k") EIGHT_KEYS("l") EIGHT_KEYS("m")    \
                           EIGHT_KEYS("n") EIGHT_KEYS("o") EIGHT_KEYS("p")
#define DEVICE             ",\"device\":{\"name\":\"a\\n\",\"x\":[{}],"     \
                           "\"model\":\"\xc3\xa9\"}"

#define OTHER(key, name)   TYPE("seek") IDS ",\"" key "\":null,"              \
                           "\"app_name\":\"" name "\""
#define REVERSED           TYPE("seek") "\"viewer_id\":\"w\","               \
                           "\"session_id\":\"s\",\"view_id\":\"v\","          \
                           "\"player_id\":\"p\",\"org_id\":\"o\"}"
#define VIEWER(n, x)       TYPE("seek") "\"viewer_time\":" n "," IDS          \
                           ",\"env\":\"" x "\",\"app_name\":\"" x "\","        \
                           "\"app_version\":\"" x "\",\"cdn\":{\"origin\":"    \
                           "\"" x "\"},\"data\":{}}"

static void
test_shared(void)
{
    static const case_t  cases[] = {
        { TWO("", ""), 0, true },
        { TWO(",\"env\":\"a\"", ""), 0, true },
        { TWO("", ",\"env\":\"a\""), 0, true },
        { TWO(DEVICE, DEVICE), 0, true },
        { TWO(DEVICE ",\"env\":null", DEVICE ",\"env\":\"b\""), 0, true },
        { TWO(DEVICE ",\"data\":{\"bitrate\":1}",
              DEVICE ",\"data\":{\"bitrate\":1}"), 0, true },
        { TWO(",\"playback_time\":12,\"env\":\"a\"",
              ",\"playback_time\":123,\"env\":\"a\""), 0, true },
        { TWO(",\"playback_time\":12,\"env\":\"a\"",
              ",\"playback_time\":12}"), 0, false },
        { TWO(",\"env\":\"a\",\"cdn\":null",
              ",\"env\":\"a\",\"cdn\":{}"),
          0, true },
        { TWO(",\"x\":1,\"env\":\"a\"", ",\"x\":1,\"env\":\"a\""), 0,
          true },
        { TWO(",\"env\":\"a\"", ",\"Env\":\"a\""), 0, true },
        { TWO(" , \"env\":\"a\"", " , \"env\":\"a\" "), 0, true },
        { TWO(DEVICE DEVICE, ""), 0, false },
        { TWO("", DEVICE DEVICE), 0, false },
        { TWO(DEVICE, DEVICE ",\"view_id\":\"v\""), 0, false },
        { TWO("", ",\"event_type\":\"seek\""), 0, false },
        { TWO(",\"env\":\"a\"", ","), 0, false },
        { TWO(",\"env\":\"a\"", ",,"), 0, false },
        { TWO(",\"env\":\"a\"", ",5"), 0, false },
        { TWO(",\"env\":\"a\"", ",\"env\":5"), 0, true },
        { TWO(",\"env\":\"a\"", ",\"env\":\"a"), 0, false },
        { "{\"events\":[{" IDS DEVICE ",\"event_type\":\"seek\","
          "\"event_time\":" NOW_TEXT "},{" IDS DEVICE ",\"event_type\":"
          "\"seek\",\"event_time\":" NOW_TEXT "},{" IDS DEVICE "}]}", 0,
          true },
        { "{\"events\":[{" IDS DEVICE ",\"event_type\":\"seek\","
          "\"event_time\":" NOW_TEXT "},{\"viewer_id\":\"w\"," IDS DEVICE
          ",\"event_type\":\"seek\",\"event_time\":" NOW_TEXT "}]}", 0,
          false },
        { "{\"events\":[{" IDS DEVICE ",\"event_type\":\"seek\","
          "\"event_time\":" NOW_TEXT "},{\"env\":\"e\"," IDS DEVICE
          ",\"event_type\":\"seek\",\"event_time\":" NOW_TEXT "}]}", 0,
          true },

        /* The marks of an event take the place of another event's marks. */

        { "{\"events\":[" OTHER("env", "a") "}," OTHER("env", "b") "},"
          REVERSED "," OTHER("cdn", "c") "}," OTHER("cdn", "d")
          ",\"cdn\":null}]}", 0, false },
        { "{\"events\":[" OTHER("env", "a") "}," OTHER("env", "b") "},"
          REVERSED "," OTHER("cdn", "c") "}," OTHER("cdn", "d")
          ",\"env\":null}]}", 0, true },

        /* A member that is shared has no marks of its own. */

        { "{\"events\":[" VIEWER("1", "a") "," VIEWER("2", "b") ","
          VIEWER("2", "b") "," VIEWER("2", "b") "]}", 0, true }
    };

    check("members shared with the event before", cases);

    /*
     * The array grows through all its sizes, to other kinds of events and
     * back.
     */

    conf.max_events = 1000;
    check_many("many shared events", true, "{\"events\":[" TYPE("seek") IDS
               "}", "," TYPE("seek") IDS DEVICE ",\"env\":\"%zu\"}", 300,
               "]}");
    check_many("events of two kinds", true, "{\"events\":[" TYPE("seek") IDS
               "}", "," TYPE("seek") IDS DEVICE "}," TYPE("pause")
               "\"env\":\"%zu\"," IDS "}", 300, "]}");
    check_many("events of many keys", true, "{\"events\":[" TYPE("seek") IDS
               "}", "," TYPE("seek") "\"a%zu\":1," MANY_KEYS IDS DEVICE
               "}", 30, "]}");
    conf.max_events = 20;
}


/*
 * The escapes of a string are decoded into memory of its own, so two events
 * have a string at the same address only if its member was shared.
 */

static void
test_sharing(void)
{
    run_t               r;
    char               *body;
    qoe_span_t          s[3];
    size_t              i;
    uintptr_t           name;
    const qoe_event_t  *ev;
    qoe_broken_place_t  place;

    static const char  text[] =
        "{\"events\":[{\"event_type\":\"seek\",\"event_time\":" NOW_TEXT ","
        IDS ",\"env\":\"a\\n\",\"app_name\":\"name\",\"app_version\":\"1\"},"
        "{\"event_type\":\"seek\",\"event_time\":" NOW_TEXT ","
        IDS ",\"env\":\"a\\n\",\"app_name\":\"name\",\"app_version\":\"2\"},"
        "{\"event_type\":\"seek\",\"event_time\":" NOW_TEXT ","
        "\"env\":\"a\\n\"," IDS ",\"app_name\":\"name\"}]}";

    body = (char *) padded(text, sizeof(text) - 1).data;
    start(&r);
    r.status = qoe_fast_decode(&r.batch, (qoe_span_t) { body,
                               sizeof(text) - 1 + PADDING }, &conf, NOW,
                               &r.arena, &place);

    for (i = 0; i < 3 && r.status == QOE_OK; i++) {
        s[i] = r.batch.events[i].field[QOE_FIELD_ENV].v.string;
    }

    ok(r.status == QOE_OK && r.batch.nevents == 3
       && qoe_span_eq(s[0], qoe_span("a\n")) && s[1].data == s[0].data,
       "a run of members that the event before has as well is not read again");
    ok(r.status == QOE_OK && qoe_span_eq(s[2], s[0]) && s[2].data != s[0].data,
       "a member that is equal but elsewhere is read");

    for (i = 0; i < 3 && r.status == QOE_OK; i++) {
        ev = &r.batch.events[i];
        name = (uintptr_t) ev->field[QOE_FIELD_APP_NAME].v.string.data;

        if (name - (uintptr_t) ev->raw.data >= ev->raw.len) {
            break;
        }
    }

    ok(i == 3, "a shared string lies in the text of its own event");

    done(&r);
}


static void
test_data(void)
{
    size_t               i;
    qoe_source_t         sources[8];

    static const case_t  cases[] = {
        { DATA("\"bitrate\":1,\"framerate\":\"29.97\",\"is_outlier\":true,"
               "\"fatal\":false,\"z_score\":null,\"quartile\":\"50/1\""), 0,
          true },
        { DATA("\"buffer_length\":1,\"buffer_len_ms\":2"), 0, true },
        { DATA("\"buffer_len_ms\":2,\"buffer_length\":1"), 0, true },
        { DATA("\"buffer_len_ms\":\"x\",\"buffer_length\":1"), 0, true },
        { DATA("\"buffer_len_ms\":\"\\u0032\",\"buffer_length\":1"), 0, true },
        { DATA("\"dropped_frames\":7"), 0, true },
        { DATA("\"dropped_frames\":{\"droppedFrames\":7,\"x\":{}}"), 0, true },
        { DATA("\"dropped_frames\":[7]"), 0, true },
        { DATA("\"fatal\":true,\"error_context\":{\"fatal\":false}"), 0,
          true },
        { DATA("\"error_context\":{\"fatal\":{\"fatal\":true}},\"fatal\":1"),
          0, true },
        { DATA("\"resolution\":{\"height\":\"1\\u0030\",\"width\":1.5,"
               "\"x\":[{\"width\":3}]}"), 0, true },
        { DATA("\"resolution\":[1,2]"), 0, true },
        { DATA("\"media_type\":\"\",\"codec\":true,\"error_code\":1e300,"
               "\"error_family\":{\"x\":1}"), 0, true },
        { DATA("\"media_type\":\"a\\\"b\",\"codec\":null,\"error_code\":-5"),
          0, true },
        { DATA("\"media_type\":12.25,\"codec\":\"" TEN("abcdefghijklmnopqrst"
               "uvwxyz\xc3\xa9") "\""), 0, true },
        { DATA("\"plan\":{\"name\":\"gold\",\"tier\":{\"name\":1}}"), 0,
          true },
        { DATA("\"plan\":\"gold\\u0021\",\"plans\":1,\"x\":{\"plan\":1}"), 0,
          true },
        { DATA("\"plan\":{\"name\":false},\"media_type\":false"), 0, true },
        { DATA("\"plan\":[]"), 0, true }
    };

    check("data", cases);

    static const char *const  texts[] = {
        "data.plan.name", "data.media_type", "data.plan", "data.plan.tier",
        "data.resolution.height", "network.city", "data.resolution.width",
        "data.codec"
    };

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (qoe_source_parse(&sources[i], qoe_span_str(texts[i]),
                             qoe_span_str(texts[i]))
            != QOE_OK)
        {
            ok(0, "%s is a source of a dimension", texts[i]);
        }
    }

    conf.sources = sources;
    conf.nsources = sizeof(texts) / sizeof(texts[0]);
    check("data with dimensions", cases);

    conf.sources = NULL;
    conf.nsources = 0;
}


static void
test_limits(void)
{
    const char  *head = "{\"events\":[{" BASE ",\"data\":{\"a\":0";

    check_many("20 events", true, "{\"events\":[{" BASE "}", ",{" BASE "}",
               19, "]}");
    check_many("21 events", true, "{\"events\":[{" BASE "}", ",{" BASE "}",
               20, "]}");

    check_many("arrays 32 deep", true, "{\"events\":[{" BASE ",\"x\":", "[", 29,
               "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}]}");
    check_many("arrays 33 deep",
               false, "{\"events\":[{" BASE ",\"x\":", "[", 30,
               "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}]}");
    check_many("objects 32 deep", true, "{\"events\":[{" BASE ",\"x\":",
               "{\"a\":", 28, "{}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}]}");
    check_many("objects 33 deep", false, "{\"events\":[{" BASE ",\"x\":",
               "{\"a\":", 29, "{}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}]}");

    check_many("100 keys in data", true, head, ",\"k%zu\":1", 100, "}}]}");
    check_many("200 keys in data", true, head, ",\"k%zu\":1", 200, "}}]}");
    check_many("100 objects of two keys",
               true, head, ",\"k%zu\":{\"a\":1,\"b\":1}",
               100, "}}]}");
    check_many("a key of 100 given twice", false, head, ",\"k%zu\":1", 100,
               ",\"k50\":1}}]}");
    check_many("the last of many keys given twice",
               false, head, ",\"k%zu\":1", 900,
               ",\"k899\":1}}]}");
    check_many("a key given twice around an object of many keys", false,
               "{\"events\":[{" BASE ",\"data\":{" MANY_KEYS "\"x\":{\"y\":1",
               ",\"k%zu\":1", 900, "},\"b7\":1}}]}");
    check_many("two objects with the same keys", true,
               "{\"events\":[{" BASE ",\"data\":{" MANY_KEYS "\"x\":{"
               MANY_KEYS "\"y\":1", ",\"k%zu\":1", 700, "},\"y\":1}}]}");

    /*
     * These come with the seven keys of BASE, "data" and the key before the
     * others.
     */

    check_many("1024 keys", true, head, ",\"k%zu\":1", 1015, "}}]}");
    check_many("1025 keys", true, head, ",\"k%zu\":1", 1016, "}}]}");
    check_many("1025 keys in objects", true, head, ",\"k%zu\":{\"a\":1}", 508,
               "}}]}");
    check_many("1025 keys, of which known ones are shared", true,
               "{\"events\":[" TYPE("seek") IDS ",\"device\":{" MANY_KEYS
               MANY_OTHERS "\"name\":\"a\"},\"data\":{}}," TYPE("seek") IDS
               ",\"device\":{" MANY_KEYS MANY_OTHERS "\"name\":\"a\"},"
               "\"data\":{\"a\":1", ",\"k%zu\":1", 900, "}}]}");
    check_many("1024 keys beside the events", true,
               "{\"events\":[{" BASE "}]", ",\"k%zu\":1", 1023, "}");
    check_many("1025 keys beside the events", true,
               "{\"events\":[{" BASE "}]", ",\"k%zu\":1", 1024, "}");
    check_many("19 invalid events of 20", true, "{\"events\":[{" BASE "}",
               ",{\"x\":%zu}", 19, "]}");

    /*
     * 52 containers of 32 bytes and of 256; the count includes some values
     * that are not there.
     */

    check_many("the greatest number of containers",
               true, "{\"events\":[{" BASE "}],\"x\":[[]",
               ",[]", 1659, "]}");
    check_many("a container more than that", false,
               "{\"events\":[{" BASE "}],\"x\":[[]", ",[]", 1660, "]}");
    check_many("a great number of values",
               true, "{\"events\":[{" BASE "}],\"x\":[1", ",1",
               13280, "]}");
    check_many("the greatest number of values", true,
               "{\"events\":[{" BASE "}],\"x\":[1", ",1", 13305, "]}");
    check_many("a value more than that",
               false, "{\"events\":[{" BASE "}],\"x\":[1",
               ",1", 13306, "]}");

    /* 16384 bytes of data, not counting the blanks in it. */

    check_many("data of the greatest length",
               true, "{\"events\":[{" BASE ",\"data\":{\"a\":"
               "\"12", "0123456789", 1637, "0123\"  } }]}");
    check_many("data that is too long", true, "{\"events\":[{" BASE ",\"data\":"
               "{\"a\":\"12", "0123456789", 1637, "01234\"}}]}");
    check_many("an event with much beside data",
               true, "{\"events\":[{" BASE ",\"data\":"
               "{\"a\":\"12\"},\"x\":\"", "0123456789", 6000, "\"}]}");
    check_many("an event that is too long",
               true, "{\"events\":[{" BASE ",\"data\":"
               "{\"a\":\"12\"},\"x\":\"", "0123456789", 6600, "\"}]}");
}


/* Without this check, a mistake in src/lib.mk would test one scanner twice. */

static void
test_step(void)
{
#if defined(__SSE2__) && !defined(QOE_FAST_PORTABLE)
    ok(qoe_fast_step == 16, "the decoder tested here scans by SSE2");
#else
    ok(qoe_fast_step == 8, "the decoder tested here has the portable scanner");
#endif
}


int
main(void)
{
    guard_init();

    test_step();
    test_json();
    test_strings();
    test_numbers();
    test_events();
    test_twice();
    test_shared();
    test_sharing();
    test_data();
    test_limits();

    return tap_end();
}
