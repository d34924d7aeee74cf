
/*
 * Copyright (C) OpenQoE
 *
 * The decoder, the scanner under it, and what both do without memory.
 */


#include "tap.h"
#include "oracle.h"

#include <inttypes.h>
#include <jansson.h>


#define NOW                1765976635154
#define NOW_TEXT           "1765976635154"

#define IDS                                                                   \
    "\"org_id\":\"o\",\"player_id\":\"p\",\"view_id\":\"v\","                 \
    "\"session_id\":\"s\",\"viewer_id\":\"w\""
#define BASE                                                                  \
    "\"event_type\":\"playing\",\"event_time\":" NOW_TEXT "," IDS


typedef struct {
    qoe_arena_t   arena;
    qoe_batch_t   batch;
    qoe_status_t  status;
} run_t;


static qoe_custom_type_t  customs[] = {
    { { "adbreak", 7 }, QOE_SEVERITY_WARN }
};

static qoe_decode_conf_t  conf = {
    QOE_EVENTS_MAX, 86400000, 300000, customs, 1, NULL, 0
};


static void
run_mem(run_t *r, const char *body, size_t len, const qoe_mem_t *mem)
{
    qoe_arena_init(&r->arena, mem, 4096, 16 * 1024 * 1024);
    r->status = qoe_decode(&r->batch, body, len, &conf, NOW, &r->arena);
}


static void
run(run_t *r, const char *body)
{
    run_mem(r, body, strlen(body), &qoe_mem_heap);
}


static void
done(run_t *r)
{
    qoe_arena_free(&r->arena);
}


static int
span_is(qoe_span_t s, const char *text)
{
    return qoe_span_eq(s, qoe_span_str(text));
}


static int
field_is(const qoe_event_t *ev, qoe_event_field_t f, const char *text)
{
    return ev->field[f].type == QOE_VALUE_STRING
           && span_is(ev->field[f].v.string, text);
}


static void
test_values(void)
{
    run_t         r;
    qoe_event_t  *ev;

    run(&r, "{ \"events\" : [ {" BASE ",\"viewer_time\":1.5,"
            "\"device\":{\"model\":\"M\\u0031\"},\"player\":{\"autoplay\":"
            "false},\"cmcd\":{\"br\":[1,2],\"bl\":300,\"su\":true},"
            "\"network\":{\"asn\":64512},\"env\":null} , {"
            "\"event_type\":\"adbreak\",\"event_time\":" NOW_TEXT ".0,"
            IDS "} ] }");

    ok(r.status == QOE_OK && r.batch.nevents == 2 && r.batch.nrejected == 0
       && r.batch.nerrors == 0 && r.batch.total == 2
       && r.batch.unknown_keys == 0,
       "a body with two valid events gives both and no error");

    ev = r.batch.events;

    ok(ev->type == QOE_EVENT_PLAYING && span_is(ev->type_name, "playing")
       && ev->severity == QOE_SEVERITY_INFO && ev->time_ms == NOW,
       "an event has its type, severity and time");
    ok(field_is(ev, QOE_FIELD_ORG_ID, "o")
       && field_is(ev, QOE_FIELD_PLAYER_ID, "p")
       && field_is(ev, QOE_FIELD_VIEW_ID, "v")
       && field_is(ev, QOE_FIELD_SESSION_ID, "s")
       && field_is(ev, QOE_FIELD_VIEWER_ID, "w"), "an event has its ids");
    ok(ev->field[QOE_FIELD_VIEWER_TIME].type == QOE_VALUE_NUMBER
       && ev->field[QOE_FIELD_VIEWER_TIME].v.number == 1.5
       && ev->field[QOE_FIELD_NETWORK_ASN].v.number == 64512
       && ev->field[QOE_FIELD_CMCD_BL].v.number == 300,
       "an event has its numbers");
    ok(field_is(ev, QOE_FIELD_DEVICE_MODEL, "M1"),
       "an escape in a string is decoded");
    ok(ev->field[QOE_FIELD_PLAYER_AUTOPLAY].type == QOE_VALUE_BOOL
       && !ev->field[QOE_FIELD_PLAYER_AUTOPLAY].v.boolean
       && ev->field[QOE_FIELD_CMCD_SU].v.boolean, "an event has its booleans");
    ok(ev->field[QOE_FIELD_CMCD_BR].type == QOE_VALUE_NONE
       && ev->field[QOE_FIELD_ENV].type == QOE_VALUE_NONE
       && ev->field[QOE_FIELD_OS_FAMILY].type == QOE_VALUE_NONE,
       "a list, null and an absent field give no value");
    ok(ev->raw.len > 2 && memcmp(ev->raw.data, "{\"event_type\"", 13) == 0
       && memcmp(ev->raw.data + ev->raw.len - 6, ":null}", 6) == 0,
       "the raw slice of an event starts and ends at its braces");

    ev++;

    ok(ev->type == QOE_EVENT_CUSTOM && span_is(ev->type_name, "adbreak")
       && ev->severity == QOE_SEVERITY_WARN && ev->time_ms == NOW,
       "an event of a configured type is taken, with a time written as a "
       "double");

    done(&r);
}


static void
test_slices(void)
{
    run_t  r;

    run(&r, "{\"a\":\"\\\"events\\\":[\",\"b\":[{\"events\":[]}],"
            "\"\\u0065vents\" :\n[{" BASE ",\"env\":\"]},{\\\\\"},\n"
            "7, {" BASE "}],\"c\":1}");

    ok(r.status == QOE_OK && r.batch.nevents == 2 && r.batch.nrejected == 1
       && r.batch.total == 3 && r.batch.unknown_keys == 3,
       "an escaped key is found after keys that look like it");
    ok(span_is(r.batch.events[0].raw,
               "{" BASE ",\"env\":\"]},{\\\\\"}")
       && span_is(r.batch.events[1].raw, "{" BASE "}"),
       "elements beside one that is no object keep their slices");
    ok(r.batch.nerrors == 1 && r.batch.errors[0].event == 1
       && strcmp(r.batch.errors[0].field, "") == 0
       && strcmp(r.batch.errors[0].reason, "must be an object") == 0,
       "an element that is no object is reported at its position");

    done(&r);
}


/* All rules that an event breaks, in a fixed order, as far as there is room. */

static void
test_all_faults(void)
{
    run_t   r;
    size_t  i;

    static const char *const  fields[] = {
        "event_type", "event_time", "device", "org_id", "view_id", "env",
        "video.duration", "data"
    };

    run(&r, "{\"events\":[{" BASE "},{\"data\":7,"
            "\"video\":{\"duration\":\"x\"},\"env\":5,"
            "\"org_id\":\"\",\"event_time\":1,\"device\":[],"
            "\"session_id\":\"s\",\"player_id\":\"p\",\"viewer_id\":\"w\"},"
            "{\"event_type\":\"seek\",\"event_time\":" NOW_TEXT "}]}");

    ok(r.batch.nevents == 1 && r.batch.nrejected == 2 && r.batch.nerrors == 13,
       "each fault of two events is an error");

    for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        ok(r.batch.errors[i].event == 1
           && strcmp(r.batch.errors[i].field, fields[i]) == 0,
           "error %zu of the event is that of %s", i, fields[i]);
    }

    ok(r.batch.errors[8].event == 2
       && strcmp(r.batch.errors[8].field, "org_id") == 0,
       "the errors of the next event come after those of the first");
    done(&r);

    run(&r, "{\"events\":[{},{},{},{},{" BASE "}]}");

    ok(r.batch.nrejected == 4 && r.batch.nerrors == QOE_DECODE_ERRORS_MAX
       && r.batch.errors[14].event == 2
       && strcmp(r.batch.errors[14].field, "event_type") == 0
       && r.batch.errors[19].event == 2
       && strcmp(r.batch.errors[19].field, "session_id") == 0,
       "where there is no room for all faults of an event, the last ones go");
    done(&r);

    run(&r, "{\"events\":[{" BASE "},{\"env\":\"\\ud83d\",\"data\":5}]}");

    ok(r.batch.nerrors == 1 && strcmp(r.batch.errors[0].field, "") == 0,
       "an event that is refused unread has a single error");
    done(&r);
}


/* The scanner alone, on text that no parser has accepted. */

/* Lines and columns are counted eight bytes at a time. */

static void
test_positions(void)
{
    char             text[64];
    size_t           i, n, bad;
    unsigned         seed;
    qoe_span_t       span;
    qoe_slice_pos_t  a, b;

    static const char  *const  part[] = { "\n", "x", "\xc3\xa9",
                                          "\xf0\x9f\x8e\xac", "\x8a", "\v" };

    bad = 0;
    seed = 7;

    for (i = 0; i < 20000; i++) {

        for (n = 0; n < 40; n += strlen(text + n)) {
            seed = seed * 1103515245 + 12345;
            strcpy(text + n, part[(seed >> 16) % 6]);
        }

        span = (qoe_span_t) { text + i % 8, 1 + i % 40 };

        a = qoe_slice_pos(span, i % 43);
        b = qoe_oracle_pos(span, i % 43);

        bad += a.byte != b.byte || a.line != b.line || a.column != b.column;
    }

    ok(bad == 0,
       "an error's position does not depend on how many bytes are read at "
       "once");
}


static void
test_slice_bounds(void)
{
    size_t                    i, j, n, at;
    char                     *copy;
    qoe_span_t                s, out;
    qoe_status_t              status;
    qoe_slice_iter_t          it;
    const qoe_slice_limits_t  one = { 1, 1, 1 }, two = { 2, 3, 3 };
    static const char *const  texts[] = {
        "{\"a\":[1,{\"b\":\"\\\"\"}],\"c\\\\\":\"\\u0041\",\"d\":[]}",
        "[[],{},\"\\\\\",1 , [ ] ,{\"a\":[\"]\"]}]",
        "{\"a\" 1}", "{1:2}", "{\"a\":}", "[,]", "[1 2]", "]", "}", "\"\\"
    };

    n = 0;

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        for (j = 0; j <= strlen(texts[i]); j++) {

            /* A sanitizer reports the first byte that is read past the end. */

            copy = malloc(j + (j == 0));
            memcpy(copy, texts[i], j);
            s = (qoe_span_t) { copy, j };

            status = qoe_slice_member(s, 2, &out);
            n += (status == QOE_OK
                  && (out.data < copy || out.data + out.len > copy + j));

            qoe_slice_array(&it, s);

            while (qoe_slice_next(&it, &out) == QOE_OK) {
                n += (out.data < copy || out.data + out.len > copy + j
                      || out.len == 0);
            }

            n += (qoe_slice_compact_len(s) > j)
                 + (qoe_slice_check(s, &one, &at) != QOE_SLICE_WITHIN
                    && at >= j);
            free(copy);
        }
    }

    ok(n == 0, "slices of broken text stay within it");

    ok(qoe_slice_member(qoe_span("{\"a\":1,\"b\": [2] }"), 1, &out) == QOE_OK
       && span_is(out, "[2]"),
       "the second member of an object is found past white space");
    ok(qoe_slice_member(qoe_span("{\"a\":1}"), 1, &out) == QOE_INVALID
       && qoe_slice_member(qoe_span("{}"), 0, &out) == QOE_INVALID
       && qoe_slice_member(qoe_span("[1]"), 0, &out) == QOE_INVALID,
       "a member that does not exist is refused");
    ok(qoe_slice_check(qoe_span("[\"[[[\",[]]"), &two, &at)
       == QOE_SLICE_WITHIN
       && qoe_slice_check(qoe_span("[\"[[[\\\"\",[[]]]"), &two, &at)
          == QOE_SLICE_DEPTH && at == 10, "brackets in strings add no depth");
    ok(qoe_slice_check(qoe_span("[{},{},{}]"), &two, &at)
       == QOE_SLICE_CONTAINERS && at == 7,
       "an array with more containers than allowed is refused at the first too "
       "many");
    ok(qoe_slice_check(qoe_span("[\",,,,\",1,2,3,4]"), &two, &at)
       == QOE_SLICE_VALUES && at == 13,
       "an array with more values than allowed is refused, commas in strings "
       "aside");
    ok(qoe_slice_compact_len(qoe_span(" { \"a b\" :\n[ 1\t] } ")) == 11,
       "the compact length leaves out white space, except in strings");
}


static void
test_window(void)
{
    run_t              r;
    char               body[512];
    size_t             i;
    qoe_decode_conf_t  saved;

    static const struct {
        int64_t        time;
        uint64_t       age;
        uint64_t       ahead;
        const char    *reason;       /* NULL: taken */
    } cases[] = {
        { NOW - 86400000, 86400000, 300000, NULL },
        { NOW - 86400001, 86400000, 300000, "is older than 24 hours" },
        { NOW + 300000, 86400000, 300000, NULL },
        { NOW + 300001, 86400000, 300000,
          "is more than 5 minutes in the future" },
        { NOW - 3600001, 3600000, 0, "is older than 1 hour" },
        { NOW + 1, 3600000, 0, "is more than 0 milliseconds in the future" },
        { NOW - 90001, 90000, 0, "is older than 90 seconds" },
        { NOW - 2, 1, 0, "is older than 1 millisecond" },
        { NOW / 1000, 86400000, 300000,
          "must be in milliseconds: 1765976635 looks like seconds" },
        { NOW / 1000 - 86401, 86400000, 300000, "is older than 24 hours" },
        { NOW / 1000 + 301, 86400000, 300000, "is older than 24 hours" },
        { NOW, 0, 0, NULL },
        { 0, UINT64_MAX, 0, NULL },
        { -1, UINT64_MAX, 0,
          "is older than 18446744073709551615 milliseconds" },
        { INT64_MAX, 0, UINT64_MAX,
          "is more than 18446744073709551615 milliseconds in the future" }
    };

    saved = conf;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        conf.max_age_ms = cases[i].age;
        conf.max_ahead_ms = cases[i].ahead;

        snprintf(body, sizeof(body), "{\"events\":[{\"event_type\":\"seek\","
                 "\"event_time\":%" PRId64 "," IDS "}]}", cases[i].time);
        run(&r, body);

        if (cases[i].reason == NULL) {
            ok(r.status == QOE_OK
               && r.batch.events[0].time_ms == cases[i].time,
               "event_time %" PRId64 " is taken", cases[i].time);
        } else {
            ok(r.status == QOE_INVALID && r.batch.nerrors == 1
               && strcmp(r.batch.errors[0].field, "event_time") == 0
               && strcmp(r.batch.errors[0].reason, cases[i].reason) == 0,
               "event_time %" PRId64 " %s", cases[i].time,
               r.batch.errors[0].reason);
        }

        done(&r);
    }

    conf = saved;
}


static void
test_counts(void)
{
    run_t  r;

    run(&r, "{\"x\":0,\"events\":[{" BASE ",\"y\":1,\"device\":{\"z\":1,"
            "\"name\":\"n\"}},{\"q\":1}]}");

    ok(r.status == QOE_OK && r.batch.unknown_keys == 4,
       "unknown keys are counted in the body, in an event, in an object and in "
       "a refused event");
    done(&r);

    run(&r, "{\"events\":[1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7,8,9,0,1,2,{"
            BASE "}]}");

    ok(r.status == QOE_OK && r.batch.nevents == 1 && r.batch.nrejected == 22
       && r.batch.nerrors == QOE_DECODE_ERRORS_MAX
       && r.batch.errors[19].event == 19,
       "no more than 20 errors are reported, and all refused events are "
       "counted");
    done(&r);

    conf.max_events = 1;
    run(&r, "{\"events\":[{" BASE "},{" BASE "}]}");

    ok(r.status == QOE_INVALID && r.batch.nerrors == 1
       && r.batch.errors[0].event == QOE_DECODE_BODY
       && strcmp(r.batch.errors[0].reason, "must hold at most 1 events") == 0,
       "a body with more events than configured is refused");
    done(&r);
    conf.max_events = QOE_EVENTS_MAX;
}


static void
test_body_errors(void)
{
    run_t    r;
    size_t   i, n;

    static const struct {
        const char  *body;
        const char  *reason;
    } cases[] = {
        { "", "the body ends before the JSON does: "
          "line 1, column 1, byte 0" },
        { "{\"a\":\n \"\xc3\xa9\" x}",
          "the body is not valid JSON near 'x': line 2, column 7, byte 13" },
        { "{\"a\":\"\xff\"}",
          "the body is not valid UTF-8 near '\"': line 1, column 7, byte 6" },
        { "{\"a\":1,\"a\":1}",
          "a key occurs twice in one object near '\"a\"': "
          "line 1, column 11, byte 10" },
        { "{\"a\xc3\xa9\":1,\"a\xc3\xa9\":1}",
          "a key occurs twice in one object near '\"a??\"': "
          "line 1, column 13, byte 14" },
        { "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
          "the JSON is nested deeper than 32 levels: "
          "line 1, column 33, byte 32" },

        /* A bracket that is misplaced: at the greatest depth, and below it. */

        { "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\"\"[",
          "the JSON is nested deeper than 32 levels: "
          "line 1, column 35, byte 34" },
        { "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[{\"\"{",
          "the JSON is nested deeper than 32 levels: "
          "line 1, column 35, byte 34" },
        { "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\"\"[",
          "the body is not valid JSON near '[': line 1, column 35, byte 34" }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        run(&r, cases[i].body);
        ok(r.status == QOE_INVALID && r.batch.nerrors == 1
           && r.batch.errors[0].event == QOE_DECODE_BODY
           && strcmp(r.batch.errors[0].field, "") == 0
           && strcmp(r.batch.errors[0].reason, cases[i].reason) == 0,
           "a body is refused as a whole: %s", r.batch.errors[0].reason);
        done(&r);
    }

    /* Every message of jansson's, cut anywhere, stays printable. */

    for (i = 1, n = 0; i < 256; i++) {
        char  body[] = "{\"a\":\"b\" \xe2\x82\xac??}";

        body[10] = (char) i;
        run(&r, body);

        for (const char *p = r.batch.errors[0].reason; *p; p++) {
            n += (*p < 0x20 || *p > 0x7e);
        }

        n += (r.status != QOE_INVALID || r.batch.errors[0].reason[0] == '\0');
        done(&r);
    }

    ok(n == 0, "reasons are printable ASCII whatever the client sent");
}


/* Events are ordered by event_time, then by their place in the body. */

static void
test_sort(void)
{
    run_t         r;
    char         *body, *p;
    size_t        i, n, bad;
    qoe_event_t **ev;

    n = 500;
    body = malloc(n * 300);
    p = body + sprintf(body, "{\"events\":[");

    for (i = 0; i < n; i++) {
        p += sprintf(p, "%s{\"event_type\":\"seek\",\"event_time\":%" PRId64
                     "," IDS ",\"playback_time\":%zu}", i ? "," : "",
                     NOW - (int64_t) (i * 7919 % 100), i);
    }

    sprintf(p, "]}");
    run(&r, body);

    ok(r.status == QOE_OK && r.batch.nevents == n,
       "a body of %zu events gives them all", n);
    ok(qoe_batch_order(&ev, &r.batch, &r.arena) == QOE_OK,
       "the events of a batch can be put in order");

    for (i = 1, bad = 0; i < n; i++) {
        bad += (ev[i - 1]->time_ms > ev[i]->time_ms)
               || (ev[i - 1]->time_ms == ev[i]->time_ms
                   && ev[i - 1]->field[QOE_FIELD_PLAYBACK_TIME].v.number
                      >= ev[i]->field[QOE_FIELD_PLAYBACK_TIME].v.number);
    }

    ok(bad == 0 && ev[0]->time_ms == NOW - 99 && ev[n - 1]->time_ms == NOW,
       "events are ordered by time, and those of one time as they were sent");

    done(&r);
    free(body);

    run(&r, "{}");
    ok(qoe_batch_order(&ev, &r.batch, &r.arena) == QOE_OK
       && r.batch.nevents == 0, "a batch without events can be put in order");
    done(&r);
}


/* The other decoder's tests with memory that fails are in fast_test.c. */

static const char  nomem_body[] =
    "{\"events\":[{" BASE ",\"device\":{\"name\":\"a name of some length\"},"
    "\"data\":{\"a\":[1,2,3,\"\\u00e9\"]}},{" BASE "},3],\"x\":null}";

#define TEN_NULLS  "0,0,{},0,0,0,0,{},0,0,"

static const char  many_nulls[] =
    "{\"events\":[" TEN_NULLS TEN_NULLS TEN_NULLS TEN_NULLS "{" BASE "}]}";


static void
test_nomem_arena(void)
{
    run_t   r;
    size_t  limit, bad;

    static const char  escaped[] =
        "{\"events\":[{" BASE ",\"env\":\"a\\n\"}]}";

    /* Elements that cannot be events take no memory. */

    qoe_arena_init(&r.arena, &qoe_mem_heap, 64, 3 * sizeof(qoe_event_t));
    r.status = qoe_decode(&r.batch, many_nulls, sizeof(many_nulls) - 1, &conf,
                          NOW, &r.arena);
    ok(r.status == QOE_OK && r.batch.nevents == 1 && r.batch.nrejected == 40,
       "a valid event among forty invalid elements is taken");
    done(&r);

    qoe_arena_init(&r.arena, &qoe_mem_heap, 64, 128);
    r.status = qoe_decode(&r.batch, nomem_body, sizeof(nomem_body) - 1, &conf,
                          NOW, &r.arena);
    ok(r.status == QOE_NOMEM,
       "an arena that is too small is reported as out of memory");
    done(&r);

    for (limit = 0, bad = 0; limit < 2 * sizeof(qoe_event_t); limit += 8) {
        qoe_arena_init(&r.arena, &qoe_mem_heap, 64, limit);
        r.status = qoe_decode(&r.batch, escaped, sizeof(escaped) - 1, &conf,
                              NOW, &r.arena);

        bad += r.status != QOE_NOMEM
               && (r.status != QOE_OK || r.batch.nevents != 1
                   || !qoe_span_eq(r.batch.events[0].field[QOE_FIELD_ENV]
                                   .v.string, qoe_span("a\n")));
        done(&r);
    }

    ok(bad == 0 && r.status == QOE_OK,
       "an arena that is too small for a string without its escapes is "
       "reported, too");
}


/* A body with more of something than any body of that many events needs. */

static void
test_excess(void)
{
    char    *body, *p, want[128];
    size_t   i, j, n;
    run_t    r;

    static const struct {
        const char  *part;
        size_t       max;
        const char  *what;
    } cases[] = {
        { "[],", qoe_containers_max(QOE_EVENTS_MAX), "objects and lists" },
        { "1,", qoe_values_max(QOE_EVENTS_MAX), "values" }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        n = strlen(cases[i].part);
        body = malloc(n * (cases[i].max + 2) + 16);
        p = body + sprintf(body, "{\"x\":[");

        for (j = 0; j < cases[i].max + 2; j++) {
            memcpy(p, cases[i].part, n);
            p += n;
        }

        strcpy(p - 1, "]}");
        snprintf(want, sizeof(want), "the JSON has more than %zu %s",
                 cases[i].max, cases[i].what);

        run(&r, body);
        ok(r.status == QOE_INVALID && r.batch.nerrors == 1
           && strstr(r.batch.errors[0].reason, want) != NULL,
           "a body is refused because %s", want);
        done(&r);
        free(body);
    }
}


int
main(void)
{
    test_values();
    test_slices();
    test_all_faults();
    test_slice_bounds();
    test_positions();
    test_window();
    test_counts();
    test_sort();
    test_body_errors();
    test_nomem_arena();
    test_excess();

    return tap_end();
}
