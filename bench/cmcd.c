
/*
 * Copyright (C) OpenQoE
 *
 * cmcd [ROUNDS]: what decoding a set of CMCD costs, as players send them and as
 * an attacker would.  Prints a row of a Markdown table for each kind:
 * nanoseconds of this thread's CPU a set, the best of ROUNDS (9) rounds.
 */


#include "qoe_cmcd_events.h"
#include "qoe_cmcd_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>


#define LONG               8192
#define BYTES              (4 * 1024 * 1024)     /* decoded in a round */

#define SID                "6e2fb550-c457-11e9-bb97-0800200c9a66"
#define V1_HEAD            "CMCD=bl%3D21300%2Cbr%3D3200%2Ccid%3D%22content-1" \
                           "%22%2Cd%3D4004%2Cdl%3D18500%2Cmtp%3D25400"
#define V1_TAIL            "%2Cot%3Dv%2Csf%3Dh%2Csid%3D%22" SID               \
                           "%22%2Cst%3Dv%2Ctb%3D6000"
#define NOR                "%2Cnor%3D%22segment-36.m4s%22"
#define NOW                1764752460000
#define V2_REPORT                                                             \
    "bl=(3200),br=(3000;v 164;a),cid=\"content-1\",e=ps,pt=59188,sf=d,sid=\""  \
    SID "\",sn=17,st=v,sta=p,ts=1764752460000,v=2"


typedef enum {
    QUERY = 0,
    HEADERS,
    REPORT,
    BODY,                            /* of a report, made an event */
    JSON                             /* a query, decoded and written */
} kind_t;

typedef struct {
    const char  *name;
    kind_t       kind;
    const char  *text;
    const char  *fill;               /* repeated up to LONG bytes, or NULL */
} set_t;


static const set_t  sets[] = {
    { "query, version 1", QUERY, V1_HEAD NOR V1_TAIL, NULL },
    { "the same amid other arguments", QUERY,
      "token=exp=1765976635~acl=/*~hmac=ab12cd34ef56&user=4711&"
      V1_HEAD NOR V1_TAIL "&a=b", NULL },
    { "query, version 2, with lists", QUERY,
      "CMCD=bl%3D%282100%3Bv+1800%3Ba%29%2Cbr%3D%283000%3Bv+164%3Ba%29%2C"
      "bs%2Ccid%3D%22content-1%22%2Cd%3D4000%2Cdl%3D1000%2Clb%3D%28500%3Bv+"
      "32%3Ba%29%2Cmtp%3D%2815000%29%2Cnor%3D%28%22next-seg.mp4%22%29%2Cot%3D"
      "v%2Cpb%3D%282000%3Bv+164%3Ba%29%2Csf%3Dd%2Csid%3D%22" SID "%22%2Csn%3D"
      "129%2Cst%3Dl%2Csta%3Dp%2Ctb%3D%286000%3Bv+350%3Ba%29%2Cv%3D2", NULL },
    { "query without CMCD", QUERY,
      "token=exp=1765976635~acl=/*~hmac=ab12cd34ef56&user=4711&a=b", NULL },
    { "headers, version 1", HEADERS,
      "br=3200,d=4004,ot=v,tb=6000\n"
      "bl=21300,dl=18500,mtp=25400,nor=\"segment-36.m4s\"\n"
      "cid=\"content-1\",sf=h,sid=\"" SID "\",st=v\n" "rtp=15000", NULL },
    { "report, version 2", REPORT, V2_REPORT, NULL },
    { "the same as an event", BODY, V2_REPORT, NULL },
    { "query, version 1, and JSON of it", JSON, V1_HEAD NOR V1_TAIL, NULL },
    { "8 kB of arguments", QUERY, "", "a=b&" },
    { "8 kB of escapes", QUERY, "CMCD=cid%3D%22", "%C3%A9" },
    { "8 kB of members of one letter", QUERY, "CMCD=", "a," },
    { "8 kB of one key, again and again", QUERY, "CMCD=", "bl," },
    { "8 kB of two lists in turn", QUERY, "CMCD=", "bl=(1),br=(1)," },
    { "8 kB of custom keys", QUERY, "CMCD=", "a-b=1,a-c=1," },
    { "8 kB of a list", QUERY, "CMCD=br=(", "1+" },
    { "8 kB of parameters", QUERY, "CMCD=br=1", ";v;a" },
    { "8 kB of broken texts", QUERY, "CMCD=", "a=\"%01\"," }
};

#define SETS               (sizeof(sets) / sizeof(sets[0]))

static qoe_cmcd_t   set;
static qoe_arena_t  arena;
static char         input[LONG + 64], buf[LONG + 64];


static double
cpu_ns(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);

    return (double) ts.tv_sec * 1e9 + (double) ts.tv_nsec;
}


static size_t
fill(const set_t *s)
{
    size_t  len, n;

    len = strlen(s->text);
    memcpy(input, s->text, len);

    if (s->fill) {
        n = strlen(s->fill);

        while (len + n <= LONG) {
            memcpy(input + len, s->fill, n);
            len += n;
        }
    }

    return len;
}


/* The lines of a header set, in the order of their names. */

static size_t
lines(qoe_span_t text, qoe_span_t *value, uint8_t *name)
{
    char    *feed;
    size_t   n;

    for (n = 0; text.len && n < QOE_CMCD_NHEADERS; n++) {
        feed = memchr(text.data, '\n', text.len);
        name[n] = (uint8_t) n;
        value[n].data = text.data;
        value[n].len = feed ? (size_t) (feed - text.data) : text.len;

        text.data += value[n].len + (feed != NULL);
        text.len -= value[n].len + (feed != NULL);
    }

    return n;
}


static void
body(qoe_span_t text)
{
    qoe_batch_t              batch;
    qoe_cmcd_events_t        x;
    const qoe_decode_conf_t  conf = {
        .max_events = 1, .max_age_ms = 1000, .max_ahead_ms = 1000
    };

    if (qoe_cmcd_events(&batch, &x, text, qoe_span("acme"), &conf, NOW,
                        &arena)
        != QOE_OK)
    {
        abort();
    }

    qoe_arena_reset(&arena);
}


/* Decodes a set as often as said, and returns the nanoseconds of one. */

static double
turn(const set_t *s, qoe_span_t text, size_t times, qoe_buf_t *json)
{
    size_t      i, n;
    double      start;
    uint8_t     name[QOE_CMCD_NHEADERS];
    qoe_span_t  value[QOE_CMCD_NHEADERS];

    n = lines(text, value, name);
    start = cpu_ns();

    for (i = 0; i < times; i++) {
        switch (s->kind) {
        case HEADERS:
            (void) qoe_cmcd_headers(&set, value, name, n, buf);
            break;
        case REPORT:
            (void) qoe_cmcd_report(&set, text, buf, NULL);
            break;
        case BODY:
            body(text);
            break;
        default:
            (void) qoe_cmcd_query(&set, text, buf);
        }

        if (s->kind == JSON) {
            qoe_buf_reset(json);
            qoe_cmcd_json(json, &set);
        }

        /* the result is needed, as far as the compiler knows */
        __asm__ volatile ("" : : "g" (&set) : "memory");
    }

    return (cpu_ns() - start) / (double) times;
}


int
main(int argc, char **argv)
{
    int          rounds, i;
    double       ns, best;
    size_t       k, times;
    qoe_buf_t    json;
    qoe_span_t   text;

    rounds = argc > 1 ? atoi(argv[1]) : 9;

    if (rounds < 1) {
        fprintf(stderr, "usage: cmcd [ROUNDS]\n");
        return 1;
    }

    qoe_buf_init(&json, &qoe_mem_heap, 64 * 1024);
    qoe_arena_init(&arena, &qoe_mem_heap, 64 * 1024, 1024 * 1024);
    printf("| a set | bytes | ns |\n|---|---|---|\n");

    for (k = 0; k < SETS; k++) {
        text = (qoe_span_t) { input, fill(&sets[k]) };
        times = BYTES / text.len;
        best = 1e18;

        for (i = 0; i < rounds; i++) {
            ns = turn(&sets[k], text, times, &json);
            best = qoe_min(best, ns);
        }

        printf("| %s | %zu | %.0f |\n", sets[k].name, text.len, best);
    }

    qoe_buf_free(&json);
    qoe_arena_free(&arena);

    return 0;
}
