
/*
 * Copyright (C) OpenQoE
 *
 * How many sessions one request may have events of.
 */


#include "tap.h"
#include "qoe_batch.h"


#define NOW                1765976635154
#define NOW_TEXT           "1765976635154"

#define MANY               10000


static const qoe_hash_key_t  key = { 0x0706050403020100, 0x0f0e0d0c0b0a0908 };

static qoe_arena_t  arena;
static qoe_batch_t  batch;
static size_t       over;


/*
 * Each text is an event of "org/session"; "!" is an element that is no event.
 */

static void
limit(size_t max, size_t n, const char *const *of)
{
    char               *body, *p, *end;
    size_t              i, size;
    qoe_status_t        rc;
    qoe_decode_conf_t   conf;

    memset(&conf, 0, sizeof(conf));
    conf.max_events = MANY;
    conf.max_age_ms = 86400000;
    conf.max_ahead_ms = 300000;

    size = n * 256 + 64;
    body = malloc(size);

    if (body == NULL) {
        abort();
    }

    p = body;
    end = body + size;
    p += snprintf(p, size, "{\"events\":[");

    for (i = 0; i < n; i++) {
        p += snprintf(p, (size_t) (end - p), i ? "," : "");

        if (of[i][0] == '!') {
            /* an event with one fault, or with two */

            p += snprintf(p, (size_t) (end - p), "%s", of[i][1] == '!'
                          ? "{\"event_type\":\"playing\","
                            "\"event_time\":" NOW_TEXT ",\"org_id\":\"o\","
                            "\"session_id\":\"a\",\"player_id\":\"p\","
                            "\"view_id\":1,\"viewer_id\":2}"
                          : "5");
            continue;
        }

        p += snprintf(p, (size_t) (end - p), "{\"event_type\":\"playing\","
                      "\"event_time\":" NOW_TEXT ",\"org_id\":\"%.*s\","
                      "\"session_id\":\"%s\",\"player_id\":\"p\","
                      "\"view_id\":\"%zu\",\"viewer_id\":\"w\"}",
                      (int) strcspn(of[i], "/"), of[i],
                      strchr(of[i], '/') + 1, i);
    }

    p += snprintf(p, (size_t) (end - p), "]}");

    qoe_arena_init(&arena, &qoe_mem_heap, 65536, 256 * 1024 * 1024);

    rc = qoe_decode(&batch, body, (size_t) (p - body), &conf, NOW, &arena);

    if (rc != QOE_OK
        || qoe_batch_limit_sessions(&batch, max, &key, &arena, &over)
           != QOE_OK)
    {
        abort();
    }

    /*
     * The indexes of the events that are left, by their view_id, and those of
     * errors.
     */

    end = body;
    *end = '\0';

    for (i = 0; i < batch.nevents && i < 40; i++) {
        end += sprintf(end, "%.*s ",
                       (int) batch.events[i].field[QOE_FIELD_VIEW_ID]
                                 .v.string.len,
                       batch.events[i].field[QOE_FIELD_VIEW_ID].v.string.data);
    }

    end += sprintf(end, "|");

    for (i = 0; i < batch.nerrors; i++) {
        end += sprintf(end, " %zu%s", batch.errors[i].event,
                       strcmp(batch.errors[i].field, "session_id") == 0
                       ? "s" : "");
    }

    printf("# %s\n", body);

    memcpy(batch.errors[0].reason, body,
           qoe_min(strlen(body) + 1, sizeof(batch.errors[0].reason) - 1));
    free(body);
}


static bool
left(const char *text)
{
    bool  same;

    same = (strcmp(batch.errors[0].reason, text) == 0);

    qoe_arena_free(&arena);

    return same;
}


#define N(list)  sizeof(list) / sizeof(list[0]), list


static void
test_few(void)
{
    static const char *const  one[] = { "o/s", "o/s", "o/s" };
    static const char *const  two[] = { "o/s", "o/t", "p/s" };
    static const char *const  back[] = {
        "o/a", "o/b", "o/c", "o/a", "o/d", "o/b", "o/c", "o/a"
    };
    static const char *const  apart[] = { "ab/c", "a/bc", "ab/c" };

    limit(1, N(one));
    ok(over == 0 && left("0 1 2 |"),
       "a limit of one session takes a request of one session");

    limit(3, N(two));
    ok(over == 0 && left("0 1 2 |"),
       "as many sessions as the limit are taken, and each org's session counts "
       "on its own");

    limit(2, N(two));
    ok(over == 1 && batch.nrejected == 1 && left("0 1 | 2s"),
       "a session beyond the limit is refused");

    limit(2, N(back));
    ok(over == 3 && batch.nevents == 5 && batch.total == 8
       && left("0 1 3 5 7 | 2s 4s 6s"),
       "later events of sessions that were taken are taken");

    limit(1, N(apart));
    ok(over == 1 && left("0 2 | 1s"),
       "the parts of a session's name are not confused with each other");
}


static void
test_invalid(void)
{
    static const char *const  mixed[] = {
        "!", "o/a", "!", "!", "o/b", "o/a", "!", "o/c", "o/a", "!"
    };
    static const char *const  twice[] = {
        "!!", "o/a", "!!", "o/b", "!", "o/c"
    };
    const char               *many[64];
    size_t                    i;

    limit(1, N(mixed));
    ok(over == 2 && batch.nrejected == 7
       && left("1 5 8 | 0 2 3 6 9 4s 7s"),
       "errors give an event's place in the request, whatever was invalid "
       "before it");

    limit(1, N(twice));
    ok(over == 2 && batch.nrejected == 5 && left("1 | 0 0 2 2 4 3s 5s"),
       "errors name the place after events that have several errors");

    for (i = 0; i < 64; i++) {
        many[i] = i % 2 ? "!" : i == 0 ? "o/a" : "o/b";
    }

    limit(1, 64, many);
    ok(over == 31 && batch.nevents == 1 && batch.nrejected == 63
       && batch.nerrors == QOE_DECODE_ERRORS_MAX,
       "the list of errors ends at its maximum, and refused events are still "
       "counted");
    (void) left("");
}


static void
test_many(void)
{
    size_t        i, other;
    char         *names;
    const char  **of;

    names = malloc(MANY * 16);
    of = malloc(MANY * sizeof(char *));

    if (names == NULL || of == NULL) {
        abort();
    }

    for (i = 0; i < MANY; i++) {
        snprintf(names + i * 16, 16, "o/s%zu", i);
        of[i] = names + i * 16;
    }

    limit(64, MANY, of);
    other = MANY - 64;
    ok(over == other && batch.nevents == 64 && batch.nrejected == other,
       "of %d sessions in a request 64 are taken", MANY);
    (void) left("");

    limit(MANY, MANY, of);
    ok(over == 0 && batch.nevents == MANY,
       "a limit above the number of sessions takes them all");
    (void) left("");

    free(names);
    free(of);
}


int
main(void)
{
    test_few();
    test_invalid();
    test_many();

    return tap_end();
}
