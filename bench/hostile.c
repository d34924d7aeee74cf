
/*
 * Copyright (C) OpenQoE
 *
 * hostile [TIMES [FAMILY]]: what bodies that an attacker would send cost the
 * event loop, beside a valid body of the same size.  Each family is a body of
 * 1 MB, made here: the same text on every machine.  A body is decoded and
 * validated, its sessions are limited, its events ordered, packed and copied,
 * as the events location does it.  Prints a row of a Markdown table for each
 * family: microseconds of this thread's CPU, the best of TIMES (5) rounds, the
 * ratio to the valid body, events, and the client's answer.
 *
 * With FAMILY (its number, from 0) only that one is worked on, TIMES times,
 * and nothing is measured: for callgrind.
 */


#include "qoe_batch.h"
#include "qoe_fast_priv.h"
#include "qoe_record.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>


#define SIZE               ((size_t) 1 << 20)
#define NOW                1765976635154
#define DAY_MS             (24 * 3600 * 1000)
#define SESSIONS           64        /* default of openqoe_max_sessions */

#define WHO                                                                   \
    "\"event_type\":\"heartbeat\",\"event_time\":1765976635154,"              \
    "\"org_id\":\"acme\",\"player_id\":\"html5\","                            \
    "\"view_id\":\"0197f2a0-6b7c-7c11-9d2e-3f1a5b7c9d10\","                   \
    "\"viewer_id\":\"viewer-29\","
#define ONE                                                                   \
    WHO "\"session_id\":\"session-1\""
#define MORE                                                                  \
    ",\"env\":\"production\",\"app_name\":\"web\",\"app_version\":\"4.1.2\"," \
    "\"device\":{\"name\":\"MacBook Pro\",\"category\":\"desktop\","          \
    "\"manufacturer\":\"Apple\"},\"os\":{\"family\":\"macOS\","               \
    "\"version\":\"14.4.1\"},\"browser\":{\"family\":\"Chrome\","             \
    "\"version\":\"126.0.6478.127\"},\"network\":{\"asn\":3320,"              \
    "\"country_code\":\"DE\",\"region\":\"BE\",\"city\":\"Berlin\"},"         \
    "\"video\":{\"id\":\"v-#\",\"title\":\"The Long Way Home\","              \
    "\"series\":\"Northern Lights\"},\"data\":{\"playing_time\":1234567,"     \
    "\"bitrate\":4500000,\"buffer_length\":31234,\"dropped_frames\":7,"       \
    "\"note\":\""
#define VALID              "{" ONE MORE, "n", 300, "\"}}"


#define UNITS(...)         UNITS_(__VA_ARGS__)
#define UNITS_(open_, unit_, units_, close_)                                  \
    .open = open_, .unit = unit_, .units = units_, .close = close_


/*
 * A body is {"events":[ and events; an event is open, units, and close.  In
 * all of them '#' becomes a number of its own, '@' a key that is chosen to
 * collide.
 */

typedef struct {
    const char  *name;
    const char  *open;
    const char  *unit;
    size_t       units;              /* an event; 0: as many as fit */
    const char  *close;
    const char  *first;              /* another first event, or NULL */
    const char  *end;                /* NULL: the right end */
    const char  *before;             /* NULL: {"events":[ */
    size_t       events;             /* at most; 0: as many as fit */
} family_t;


typedef struct {
    double        us;
    size_t        len;
    qoe_status_t  status;
} result_t;


static const family_t  families[] = {
    { "valid", UNITS(VALID), .events = 1000 },
    { "one event is not valid", UNITS(VALID), .first = "{}", .events = 1000 },
    { "no event has an org",
      UNITS("{\"env1\":1" MORE, "n", 550, "\"}}"), .events = 1000 },
    { "every event fails at its last member",
      UNITS("{" ONE MORE, "n", 300, "\"},\"ad\":5,\"timestamp\":{},\"env2\":5,"
        "\"playback_time\":\"x\"}"), .events = 1000 },
    { "every event is a word",
      .open = "true", .events = 1000 },
    { "broken at the last byte", UNITS(VALID), .end = "]]" },
    { "the last byte is missing", UNITS(VALID), .end = "]" },
    { "text follows the end", UNITS(VALID), .end = "]}}" },
    { "a NUL at the end", UNITS(VALID), .end = "]}\\0" },
    { "a byte order mark", UNITS(VALID), .before = "\xef\xbb\xbf{\"events\":"
       "[" },

    { "one event of short keys",
      UNITS("{" ONE, ",\"#\":1", 0, "}") },
    { "the same in data",
      UNITS("{" ONE ",\"data\":{\"a\":1", ",\"#\":1", 0, "}}") },
    { "the same in an object in data",
      UNITS("{" ONE ",\"data\":{\"a\":{\"a\":1", ",\"#\":1", 0, "}}}") },
    { "1,000 keys an event",
      UNITS("{" ONE, ",\"#\":1", 1000, "}") },
    { "1,000 keys an event in data",
      UNITS("{" ONE ",\"data\":{\"a\":1", ",\"#\":1", 1000, "}}") },
    { "100 keys an event",
      UNITS("{" ONE, ",\"#\":1", 100, "}") },
    { "30 keys an object",
      UNITS("{" ONE ",\"data\":{\"a\":0",
       ",\"#\":{\"a#\":1,\"b#\":1,\"c#\":1,\"d#\":1,\"e#\":1,\"f#\":1,"
        "\"g#\":1,\"h#\":1,\"i#\":1,\"j#\":1,\"k#\":1,\"l#\":1,\"m#\":1,"
        "\"n#\":1,\"o#\":1,\"p#\":1,\"q#\":1,\"r#\":1,\"s#\":1,\"t#\":1,"
        "\"u#\":1,\"v#\":1,\"w#\":1,\"x#\":1,\"y#\":1,\"z#\":1,\"A#\":1,"
        "\"B#\":1,\"C#\":1,\"D#\":1}", 30, "}}") },
    { "keys that collide",
      UNITS("{" ONE, ",\"@\":1", 1000, "}") },
    { "keys that collide in data",
      UNITS("{" ONE ",\"data\":{\"a\":1", ",\"@\":1", 1000, "}}") },
    { "keys that differ in the middle",
      UNITS("{" ONE, ",\"aaaaaaaa#bbbbbbbb\":1", 1000, "}") },
    { "objects of 40 keys by turns",
      UNITS("{" ONE ",\"data\":{\"a#\":0,\"b#\":0,\"c#\":0,\"d#\":0,\"e#\":"
       "0", ",\"p#\":0,\"q#\":0,\"r#\":{\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e"
       "\":1,"
        "\"f\":1,\"g\":1,\"h\":1,\"i\":1,\"j\":1,\"k\":1,\"l\":1,\"m\":1,"
        "\"n\":1,\"o\":1,\"p\":1,\"q\":1,\"r\":1,\"s\":1,\"t\":1,\"u\":1,"
        "\"v\":1,\"w\":1,\"x\":1,\"y\":1,\"z\":1,\"A\":1,\"B\":1,\"C\":1,"
        "\"D\":1,\"E\":1,\"F\":1,\"G\":1,\"H\":1}", 27, "}}") },
    { "a key twice after the cap",
      UNITS("{" ONE, ",\"#\":1", 0, ",\"env\":1,"
        "\"env\":2}") },

    { "lists in lists",
      UNITS("{" ONE ",\"data\":{\"a\":[0",
       ",[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]", 0, "]}}") },
    { "only opened lists",
      UNITS("{" ONE ",\"data\":{\"a\":[", "[", 0, "") },
    { "only opened objects",
      UNITS("{" ONE ",\"data\":{\"a\":[", "{\"a\":[", 0, "") },
    { "empty lists",
      UNITS("{" ONE ",\"data\":{\"a\":[0", ",[]", 0, "]}}") },
    { "empty objects",
      UNITS("{" ONE ",\"data\":{\"a\":[0", ",{}", 0, "]}}") },
    { "empty strings",
      UNITS("{" ONE ",\"data\":{\"a\":[0", ",\"\"", 0, "]}}") },
    { "zeros",
      UNITS("{" ONE ",\"data\":{\"a\":[0", ",0", 0, "]}}") },
    { "words",
      UNITS("{" ONE ",\"data\":{\"a\":[0", ",null", 0, "]}}") },
    { "decimals",
      UNITS("{" ONE ",\"data\":{\"a\":[0", ",1.25e-7", 0, "]}}") },
    { "decimals of 20 digits",
      UNITS("{" ONE ",\"data\":{\"a\":[0", ",0.12345678901234567899", 0,
       "]}}") },
    { "decimals of 40 digits an event",
      UNITS("{" ONE ",\"data\":{\"a\":[0",
       ",0.1234567890123456789912345678901234567899e-300", 300, "]}}") },
    { "lists of a known key",
      UNITS("{" ONE ",\"cmcd\":{\"br\":[0", ",{\"value\":1}", 900, "]}}") },
    { "lists of a known key that fail",
      UNITS("{" ONE ",\"cmcd\":{\"br\":[0", ",{\"value\":1}", 900,
       ",\"a\"]}}") },

    { "empty events",
      .open = "{}", .events = 1000 },
    { "too many empty events",
      .open = "{}" },
    { "too many words",
      .open = "0" },
    { "events of 64 kB",
      UNITS("{" ONE ",\"data\":{\"a\":\"", "n", 65300, "\"}}") },
    { "data of blanks",
      UNITS("{" ONE ",\"data\":{\"a\":[0", " ", 65200, "]}}") },
    { "data of many values",
      UNITS("{" ONE ",\"data\":{\"a\":[0", " , 0", 16300, "]}}") },
    { "events of one session each",
      UNITS("{" WHO "\"session_id\":\"#\"" MORE, "n", 300,
       "\"}}"), .events = 1000 },
    { "events out of order",
      .open = "{\"event_type\":\"seek\","
        "\"event_time\":17659766#,\"org_id\":\"o\",\"player_id\":\"p\","
        "\"view_id\":\"v\",\"session_id\":\"s\",\"viewer_id\":\"w\"}" },
    { "members that are nearly shared",
      UNITS("{" ONE ",\"u\":1,\"env\":\"e\","
        "\"u1\":1,\"app_name\":\"n\",\"u2\":1,\"app_version\":\"v\",\"u3\":1,"
        "\"page_url\":\"p\",\"u4\":1,\"sdk_version\":\"v\",\"u5\":1,"
        "\"data\":{\"a\":\"", "n", 15000, "\"},\"x#\":1}") },

    { "escapes",
      UNITS("{" ONE ",\"data\":{\"a\":\"", "\\n", 0, "\"}}") },
    { "events that are equal",
      UNITS("{" ONE ",\"env\":\"", "n", 800, "\"}") },
    { "escapes in fields",
      UNITS("{" ONE ",\"env\":\"", "\\n", 450, "\"}") },
    { "characters as escapes",
      UNITS("{" ONE ",\"env\":\"", "\\u00e9", 5000, "\"}") },
    { "pairs as escapes",
      UNITS("{" ONE ",\"env\":\"", "\\ud83d\\ude00", 2500, "\"}") },
    { "half pairs",
      UNITS("{" ONE ",\"env\":\"", "\\ud83d", 5000, "\"}") },
    { "half pairs, then broken",
      UNITS("{" ONE ",\"env\":\"", "\\ud83d", 5000, "\"}"), .end = "]" },
    { "escaped keys",
      UNITS("{" ONE, ",\"\\u0061#\":1", 1000, "}") },
    { "characters of two bytes",
      UNITS("{" ONE ",\"data\":{\"a\":\"", "\xc3\xa9", 0, "\"}}") },
    { "characters of four bytes",
      UNITS("{" ONE ",\"data\":{\"a\":\"", "\xf0\x9f\x98\x80", 0, "\"}}") },
    { "a string that does not end",
      UNITS("{" ONE ",\"data\":{\"a\":\"", "n", 0, "") },
    { "a key that does not end",
      UNITS("{" ONE ",\"data\":{\"", "n", 0, "") },
    { "escapes that do not end",
      UNITS("{" ONE ",\"data\":{\"a\":\"", "\\n", 0, "") },
    { "a string whose last byte is no UTF-8",
      UNITS("{" ONE ",\"data\":{\"a\":\"", "n", 0, "\xff\"}}") },
    { "characters, and the last byte is no UTF-8",
      UNITS("{" ONE ",\"data\":{\"a\":\"", "\xc3\xa9", 0, "\xff\"}}") },
    { "a string, and no comma",
      UNITS("{" ONE ",\"data\":{\"a\":\"", "n", 0, "\" 1}}") },
    { "a long key, and no colon",
      UNITS("{" ONE ",\"data\":{\"", "n", 0, "\"}}") },
    { "a long key twice",
      UNITS("{" ONE ",\"data\":{\"a\":1,\"a\":\"", "n", 0, "\"}}") },
    { "digits",
      UNITS("{" ONE ",\"data\":{\"a\":0.", "7", 0, "}}") },
    { "digits that are too large",
      UNITS("{" ONE ",\"data\":{\"a\":", "7", 0, "}}") },
    { "digits of an exponent",
      UNITS("{" ONE ",\"data\":{\"a\":0e", "7", 0, "}}") },
    { "digits, then broken",
      UNITS("{" ONE ",\"data\":{\"a\":0.", "7", 0, "x}}") },
    { "letters",
      UNITS("{" ONE ",\"data\":{\"a\":", "x", 0, "}}") },

    { "blanks",
      UNITS("{" ONE ",\"data\":{\"a\":", " ", 0, "1}}") },
    { "blanks between events",
      UNITS("{" ONE "}", " ", 0, "") },
    { "lines, then broken",
      UNITS("{" ONE ",\"data\":{\"a\":", "\n", 0, "x}}") },
    { "blanks, then broken",
      UNITS("{" ONE ",\"data\":{\"a\":1", " ", 0, "x}}") }
};

#define FAMILIES           (sizeof(families) / sizeof(families[0]))


static size_t fill(char *body, const family_t *family);
static char *put(char *p, const char *text, size_t *number);
static char *collide(char *p, size_t *number);
static qoe_status_t request(qoe_batch_t *batch, qoe_span_t body);
static void records(const qoe_batch_t *batch);
static void print(const family_t *family, const result_t *r,
    const result_t *valid, const qoe_batch_t *batch);
static double cpu_us(void);
static void die(const char *what) __attribute__((noreturn));


static qoe_arena_t   arena;
static char         *ring;
static qoe_batch_t   batch;


int
main(int argc, char **argv)
{
    int         i, times;
    char       *body;
    size_t      k;
    double      us;
    result_t    r, valid;

    times = (argc > 1) ? atoi(argv[1]) : 5;
    body = malloc(SIZE + 1);
    ring = malloc(16 * SIZE);

    if (body == NULL || ring == NULL || times < 1) {
        die("usage: hostile [TIMES [FAMILY]]");
    }

    qoe_arena_init(&arena, &qoe_mem_heap, 64 * 1024, 128 * SIZE);
    memset(&valid, 0, sizeof(valid));

    if (argc == 2 || argc == 1) {
        printf("| a body of 1 MB | bytes | us | of the valid body | events "
               "| refused | answer |\n|---|---|---|---|---|---|---|\n");
    }

    for (k = 0; k < FAMILIES; k++) {

        if (argc > 2 && k != (size_t) atoi(argv[2])) {
            continue;
        }

        r.len = fill(body, &families[k]);
        r.us = 0;

        for (i = 0; i < times; i++) {
            us = -cpu_us();
            r.status = request(&batch, (qoe_span_t) { body, r.len });
            us += cpu_us();
            r.us = (i == 0 || us < r.us) ? us : r.us;
        }

        valid = (k == 0) ? r : valid;

        if (argc <= 2) {
            print(&families[k], &r, &valid, &batch);
        }
    }

    return 0;
}


/* A body of SIZE bytes at most; *number counts on from unit to unit. */

static size_t
fill(char *body, const family_t *f)
{
    char        *p, *last;
    size_t       n, k, number;
    const char  *end;

    number = 0;
    end = (f->end != NULL) ? f->end : "]}";
    p = put(body, (f->before != NULL) ? f->before : "{\"events\":[", &number);
    last = body + SIZE - 4096;

    for (n = 0; p < last && (f->events == 0 || n < f->events); n++) {

        if (n != 0) {
            *p++ = ',';
        }

        if (n == 0 && f->first != NULL) {
            p = put(p, f->first, &number);
            continue;
        }

        p = put(p, f->open, &number);

        if (f->unit == NULL) {
            continue;
        }

        for (k = 0; p < last && (f->units == 0 || k < f->units); k++) {
            p = put(p, f->unit, &number);
        }

        p = put(p, f->close, &number);
    }

    if (strcmp(end, "]}\\0") == 0) {
        memcpy(p, "]}\0", 3);
        return (size_t) (p - body) + 3;
    }

    p = put(p, end, &number);

    return (size_t) (p - body);
}


static char *
put(char *p, const char *text, size_t *number)
{
    int        i;
    size_t     n;

    for ( /* void */ ; *text != '\0'; text++) {

        if (*text == '@') {
            p = collide(p, number);
            continue;
        }

        if (*text != '#') {
            *p++ = *text;
            continue;
        }

        n = (*number)++ % 100000;

        for (i = 4; i >= 0; i--) {
            p[i] = (char) ('0' + n % 10);
            n /= 10;
        }

        p += 5;
    }

    return p;
}


/*
 * The next key that a hash which is known beforehand puts into the same chain.
 */

static char *
collide(char *p, size_t *number)
{
    char            text[8];
    size_t          i, n;
    qoe_fast_key_t  key;

    do {
        n = (*number)++;

        for (i = 0; i < sizeof(text); i++) {
            text[i] = (char) ('a' + n % 16);
            n /= 16;
        }

        qoe_fast_hash(&key, text, sizeof(text), text + sizeof(text));

    } while ((key.hash >> 32 & (QOE_FAST_HEADS - 1)) != 0);

    memcpy(p, text, sizeof(text));

    return p + sizeof(text);
}


/* Does with a body what the events location does. */

static qoe_status_t
request(qoe_batch_t *b, qoe_span_t body)
{
    size_t                over;
    qoe_status_t          rc;
    qoe_decode_conf_t     conf;
    const qoe_hash_key_t  key = { 1, 2 };

    memset(&conf, 0, sizeof(conf));
    conf.max_events = QOE_EVENTS_MAX;
    conf.max_age_ms = DAY_MS;
    conf.max_ahead_ms = DAY_MS;

    rc = qoe_decode(b, body.data, body.len, &conf, NOW, &arena);

    if (rc == QOE_OK) {
        rc = qoe_batch_limit_sessions(b, SESSIONS, &key, &arena, &over);
    }

    if (rc == QOE_OK) {
        records(b);
    }

    qoe_arena_reset(&arena);

    return rc;
}


static void
records(const qoe_batch_t *b)
{
    char                *p;
    size_t               i;
    qoe_event_t        **order;
    qoe_record_meta_t    meta;
    qoe_record_parts_t   parts;

    memset(&meta, 0, sizeof(meta));

    if (qoe_batch_order(&order, b, &arena) != QOE_OK) {
        die("out of memory");
    }

    for (p = ring, i = 0; i < b->nevents; i++) {

        if (qoe_record_pack(&parts, order[i], &meta, &arena) != QOE_OK) {
            return;
        }

        memcpy(p, parts.head.data, parts.head.len);
        p += parts.head.len;
        memcpy(p, parts.body.data, parts.body.len);
        p += parts.body.len;
    }
}


static void
print(const family_t *family, const result_t *r, const result_t *valid,
    const qoe_batch_t *b)
{
    if (r->status != QOE_OK && r->status != QOE_INVALID) {
        die(family->name);
    }

    printf("| %s | %zu | %.0f | %.2f | %zu | %zu | %s%s%s |\n", family->name,
           r->len, r->us,
           r->us / (double) r->len / (valid->us / (double) valid->len),
           b->total, b->nrejected, b->nerrors ? b->errors[0].field : "",
           b->nerrors ? " " : "", b->nerrors ? b->errors[0].reason : "");
}


static double
cpu_us(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);

    return (double) ts.tv_sec * 1e6 + (double) ts.tv_nsec / 1e3;
}


static void
die(const char *what)
{
    fprintf(stderr, "hostile: %s\n", what);
    exit(1);
}
