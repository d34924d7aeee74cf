
/*
 * Copyright (C) OpenQoE
 *
 * requests [SECONDS [SESSIONS [KIND]]]: what a request for media costs beside
 * nginx's own work.  "loop" is what the event loop does but for the tap:
 * decoding, what identifies the object, and packing; "helper" is what the
 * helper makes of the packed request: state, points and series
 * (qoe_apply_request).  KIND 0 are requests with CMCD, 1 without.  Sessions
 * take turns, each asks for a segment of 4 s as often, and a tenth of them
 * hits no cache.
 *
 * Prints a row of a Markdown table for each kind: ns a request of this thread's
 * CPU, medians of the turns; the loop's has the making of the query in it.
 */


#include "qoe_apply.h"
#include "qoe_tapped.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>


#define ZONE_SIZE          (256UL * 1024 * 1024)
#define TURNS              31
#define CHUNK              256
#define SEGMENT_MS         4000


typedef struct {
    qoe_apply_t       *apply;
    qoe_state_t        state;
    qoe_conf_t         conf;
    qoe_dimensions_t   dims;
    qoe_governor_t     governor;
    qoe_hash_key_t     key;
    uint64_t           now_ns;
    size_t             sessions;
    size_t             next;
    bool               cmcd;
    char               record[CHUNK][QOE_REQUEST_MAX + sizeof(qoe_tapped_t)];
    size_t             len[CHUNK];
} bench_t;


static void make(bench_t *b, bool cmcd, size_t sessions);
static void turn(bench_t *b, double seconds, double ns[2]);
static void pack(bench_t *b, size_t i);
static double cpu_seconds(void);
static int ascending(const void *one, const void *two);
static void die(const char *what) __attribute__((noreturn));


static void
die(const char *what)
{
    fprintf(stderr, "requests: %s\n", what);
    exit(1);
}


int
main(int argc, char **argv)
{
    int      i, k, kind, from, to;
    size_t   sessions;
    double   seconds, ns[2], all[2][TURNS];
    bench_t  *b;

    seconds = (argc > 1) ? atof(argv[1]) : 4;
    sessions = (argc > 2) ? (size_t) atol(argv[2]) : 1000;
    from = (argc > 3) ? atoi(argv[3]) : 0;
    to = (argc > 3) ? from : 1;

    if (seconds <= 0 || sessions < 1 || sessions > 100000 || from < 0
        || to > 1)
    {
        die("usage: requests [SECONDS [SESSIONS [KIND]]]");
    }

    for (kind = from; kind <= to; kind++) {
        b = calloc(1, sizeof(bench_t));
        if (b == NULL) {
            die("out of memory");
        }

        make(b, kind == 0, sessions);
        turn(b, 0.2, ns);

        for (i = 0; i < TURNS; i++) {
            turn(b, seconds / TURNS / (to - from + 1), ns);
            all[0][i] = ns[0];
            all[1][i] = ns[1];
        }

        for (k = 0; k < 2; k++) {
            qsort(all[k], TURNS, sizeof(double), ascending);
        }

        printf("| %s | %.0f | %.0f |\n",
               kind == 0 ? "with CMCD" : "without", all[0][TURNS / 2],
               all[1][TURNS / 2]);

        free(b);
    }

    return 0;
}


static void
make(bench_t *b, bool cmcd, size_t sessions)
{
    void        *mem;
    qoe_zone_t  *zone;

    mem = mmap(NULL, ZONE_SIZE, PROT_READ|PROT_WRITE,
               MAP_SHARED|MAP_ANONYMOUS, -1, 0);

    if (mem == MAP_FAILED
        || qoe_zone_create(&zone, mem, ZONE_SIZE, 1, true) != QOE_OK)
    {
        die("the zone cannot be made");
    }

    qoe_state_create(zone);

    if (qoe_state_attach(&b->state, zone) != QOE_OK) {
        die("the state cannot be attached to");
    }

    qoe_dimensions_init(&b->dims);

    b->conf.groups = QOE_GROUPS_ALL;
    b->conf.series_max = 1000000;
    b->conf.series_ttl_ms = 86400000;
    b->conf.dims = &b->dims;

    qoe_governor_init(&b->governor, b->state.govern, &b->dims,
                      qoe_proc_self());

    b->apply = qoe_apply_create(&b->state, &b->conf, &b->governor, 0, 0,
                                false);
    if (b->apply == NULL) {
        die("out of memory");
    }

    b->key = qoe_zone_hash_key(zone);
    b->now_ns = (uint64_t) time(NULL) * 1000000000;
    b->sessions = sessions;
    b->cmcd = cmcd;
}


/* ns[0]: of the loop, ns[1]: of the helper. */

static void
turn(bench_t *b, double seconds, double ns[2])
{
    size_t  i, n;
    double  a, c, d, sum[2];

    n = 0;
    sum[0] = 0;
    sum[1] = 0;

    do {
        a = cpu_seconds();

        for (i = 0; i < CHUNK; i++) {
            pack(b, i);
        }

        c = cpu_seconds();

        for (i = 0; i < CHUNK; i++) {
            qoe_apply_request(b->apply,
                              (qoe_span_t) { b->record[i], b->len[i] },
                              b->now_ns);
        }

        d = cpu_seconds();

        sum[0] += c - a;
        sum[1] += d - c;
        n += CHUNK;

    } while (sum[0] + sum[1] < seconds);

    ns[0] = sum[0] * 1e9 / (double) n;
    ns[1] = sum[1] * 1e9 / (double) n;
}


/* The next request of all sessions, in turn. */

static void
pack(bench_t *b, size_t i)
{
    int            len;
    char           query[512], buf[512];
    uint64_t       session, segment;
    qoe_span_t     path;
    qoe_cmcd_t     set;
    qoe_tapped_t   head;
    qoe_request_t  r;
    static char    uri[64];

    session = b->next % b->sessions;
    segment = b->next / b->sessions;
    b->next++;
    b->now_ns += SEGMENT_MS * 1000000ULL / b->sessions;

    len = snprintf(uri, sizeof(uri), "/vod/film/1080p/seg-%llu.m4s",
                   (unsigned long long) segment);
    path = (qoe_span_t) { uri, (size_t) len };

    memset(&head, 0, sizeof(head));
    qoe_request_init(&r);

    r.content = QOE_CMCD_OT_VIDEO;

    if (b->cmcd) {
        len = snprintf(query, sizeof(query),
                       "CMCD=bl%%3D21300%%2Cbr%%3D3200%%2Ccid%%3D%%22film%%22"
                       "%%2Cd%%3D4000%%2Cdl%%3D18500%%2Cmtp%%3D25400%%2Cnor"
                       "%%3D%%22seg-%llu.m4s%%22%%2Cot%%3Dv%%2Crtp%%3D15000"
                       "%%2Csf%%3Dh%%2Csid%%3D%%226e2fb550-c457-11e9-bb97-"
                       "%012llx%%22%%2Cst%%3Dv%%2Ctb%%3D6000",
                       (unsigned long long) segment + 1,
                       (unsigned long long) session);

        if (qoe_cmcd_query(&set, (qoe_span_t) { query, (size_t) len }, buf)
            != QOE_OK)
        {
            die("the set cannot be decoded");
        }

        qoe_request_path(&r, &b->key, path, qoe_span_null);
        qoe_request_cmcd(&r, &b->key, &set, path);
    }

    r.start_ms = b->now_ns / 1000000;
    r.duration_ms = (double) (b->next % 50);
    r.ttfb_ms = (double) (b->next % 7);
    r.bytes = 1600000;
    r.status = 200;
    r.cache = b->next % 10 == 0 ? QOE_CACHE_MISS : QOE_CACHE_HIT;
    r.rtt_ms = b->next % 16 == 0 ? 23.5 : NAN;

    head.request = (uint32_t) qoe_request_pack(b->record[i] + sizeof(head),
                                               &r);
    head.media = 1;
    memcpy(b->record[i], &head, sizeof(head));
    b->len[i] = sizeof(head) + head.request;
}


static double
cpu_seconds(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);

    return (double) ts.tv_sec + (double) ts.tv_nsec / 1e9;
}


static int
ascending(const void *one, const void *two)
{
    double  a, b;

    a = *(const double *) one;
    b = *(const double *) two;

    return (a > b) - (a < b);
}
