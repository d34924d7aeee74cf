
/*
 * Copyright (C) OpenQoE
 *
 * Replays of real runs of players (t/data/cmcd, and older versions in a folder
 * of their own): their requests in the order in which they ended, as the log
 * phase has them, and what is estimated of them beside what the media element
 * did in the same run.
 */


#include "qoe_delivery_priv.h"
#include "tap.h"


#define DIR          "t/data/cmcd/"

#define REQUESTS     512
#define LINE         16384
#define STALLS       8

typedef struct {
    uint32_t        start;
    uint32_t        end;
    int             place;           /* in the file */
    char            uri[2048];
    unsigned        status;
    uint64_t        bytes;
    bool            aborted;
    char            header[4][1024];
    uint8_t         name[4];
    size_t          nheaders;
    char            range[64];
} request_t;

typedef struct {
    double          start;
    double          ms;
} stall_t;

typedef struct {
    stall_t         stall[STALLS];
    size_t          n;
    double          startup;
    double          playing;
    unsigned        attempts;
    unsigned        switches;
    double          misses;
} outcome_t;

/*
 * A run: the stalls of its media element, start and length in ms, as its events
 * show them; Shaka Player stops by the rate instead, so its playing time by the
 * events has the stalls in it.  A length of -1: it stalled until the player was
 * destroyed.
 */

typedef struct {
    const char     *name;
    stall_t         stall[STALLS];
    stall_t         rule[STALLS];    /* by the deadline alone */
} run_t;

static const run_t  runs[] = {
    { "dashjs-5.2.1-v1-headers", { { 13242, 539 } },
      { { 10216, 2623 }, { 16871, 146 }, { 18838, 201 } } },
    { "dashjs-5.2.1-v1-query", { { 13215, 557 } }, { { 10442, 2322 } } },
    { "dashjs-5.2.1-v2-event-batch", { { 13305, 524 } }, { { 10356, 2534 } } },
    { "dashjs-5.2.1-v2-event", { { 0, 0 } },
      { { 10249, 1123 }, { 18279, 103 } } },
    { "dashjs-5.2.1-v2-query-all", { { 12853, 1397 } }, { { 11020, 2171 } } },
    { "dashjs-5.2.1-v2-query", { { 0, 0 } }, { { 10163, 2125 } } },
    { "hls.js-1.7.4-v1-headers", { { 18358, 3496 } },
      { { 16467, 115 }, { 18602, 3270 } } },
    { "hls.js-1.7.4-v1-query", { { 18524, 3100 } },
      { { 16563, 110 }, { 18578, 3107 } } },
    { "hls.js-1.7.4-v2-event-batch", { { 0, 0 } }, { { 0, 0 } } },
    { "hls.js-1.7.4-v2-event", { { 18568, 3430 } },
      { { 16538, 409 }, { 18619, 3407 } } },
    { "hls.js-1.7.4-v2-query", { { 18457, 3164 } },
      { { 16423, 113 }, { 18496, 3111 } } },
    { "shaka-5.2.12-v1-headers", { { 11866, 5873 } }, { { 12276, 5548 } } },
    { "shaka-5.2.12-v1-query", { { 11896, 5382 } }, { { 12300, 5033 } } },
    { "shaka-5.2.12-v2-event-batch", { { 12118, 4161 }, { 18346, 1105 } },
      { { 12757, 3604 }, { 18863, 559 } } },
    { "shaka-5.2.12-v2-event", { { 11938, 5678 } },
      { { 12439, 4111 }, { 17157, 501 } } },
    { "shaka-5.2.12-v2-query", { { 11819, 4158 } }, { { 12247, 3808 } } },
    { "dashjs-5.2.1-x-err404", { { 12289, -1 } }, { { 0, 0 } } },
    { "hls.js-1.7.4-x-err404", { { 14514, 1491 } }, { { 0, 0 } } },
    { "shaka-5.2.12-x-err404", { { 11899, -1 } }, { { 0, 0 } } },
    { "dashjs-5.2.1-x-close", { { 0, 0 } }, { { 0, 0 } } },
    { "hls.js-1.7.4-x-close", { { 0, 0 } }, { { 0, 0 } } },
    { "shaka-5.2.12-x-close", { { 0, 0 } }, { { 0, 0 } } },
    { "hls.js-1.7.4-x-live", { { 0, 0 } }, { { 0, 0 } } },
    { "shaka-5.2.12-x-live", { { 0, 0 } }, { { 0, 0 } } },
    { "dashjs-5.2.1-x-cmsd", { { 0, 0 } }, { { 0, 0 } } },
    { "hls.js-1.7.4-x-cmsd", { { 0, 0 } }, { { 0, 0 } } },
    { "shaka-5.2.12-x-cmsd", { { 0, 0 } }, { { 0, 0 } } },
    { "dashjs-5.2.1-v1-query-defaults", { { 0, 0 } }, { { 0, 0 } } },
    { "dashjs-5.2.1-v2-headers", { { 0, 0 } }, { { 0, 0 } } },
    { "hls.js-1.7.4-v1-query-defaults", { { 0, 0 } }, { { 0, 0 } } },
    { "hls.js-1.7.4-v2-headers", { { 0, 0 } }, { { 0, 0 } } },
    { "shaka-5.2.12-v1-query-defaults", { { 0, 0 } }, { { 0, 0 } } },
    { "shaka-5.2.12-v1-query-hls", { { 0, 0 } }, { { 0, 0 } } },
    { "shaka-5.2.12-v2-headers", { { 0, 0 } }, { { 0, 0 } } }
};


/*
 * Older versions: how many stalls the page has seen, how long they were in all
 * (-1: no request says that), its startup and for how long it played, in ms.
 * The plugin's video.js seeks to where it has stalled, so its element speaks of
 * a seek.
 */

typedef struct {
    const char     *name;
    size_t          stalls;
    double          ms;
    double          startup;
    double          playing;
} older_t;

static const older_t  older[] = {
    { "older/dashjs-4.4.0-query", 1, 2573, 342, 29077 },
    { "older/dashjs-4.4.0-query-slow-seek", 0, 0, 237, 8421 },
    { "older/dashjs-4.7.4-headers-ranges", 2, 2991, 268, 35677 },
    { "older/dashjs-4.7.4-query", 1, 2409, 360, 29076 },
    { "older/dashjs-4.7.4-query-near-miss", 0, 0, 348, 39051 },
    { "older/dashjs-4.7.4-query-live", 1, 4589, 127, 22122 },
    { "older/hls.js-1.4.14-query-video-alone", 2, 6142, 441, 27462 },
    { "older/hls.js-1.5.20-headers", 1, 1241, 352, 31231 },
    { "older/hls.js-1.5.20-query", 1, 1177, 445, 31319 },
    { "older/hls.js-1.5.20-query-errors", 1, -1, 263, 11965 },
    { "older/hls.js-1.5.20-query-muxed", 2, 13189, 205, 20532 },
    { "older/shaka-4.11.7-query", 1, 3523, 63, 24735 },
    { "older/shaka-4.11.7-query-live", 1, 4399, 272, 19937 },
    { "older/shaka-4.3.8-headers-ranges", 2, 9021, 287, 24614 },
    { "older/shaka-4.3.8-query-slow-seek", 0, 0, 234, 5566 },
    { "older/videojs-8.24.1-cmcd-1.0.9-query", 1, -1, 511, 33177 }
};


static request_t       requests[REQUESTS];
static size_t          nrequests;
static double          began, plays, played;     /* of the media element */
static double          seek;                     /* of the test; -1: none */

/* What other players leave out, or have in another way. */

typedef enum {
    AS_SENT = 0,
    WITHOUT_DL,
    WITHOUT_BL,
    WITHOUT_NUMBERS,             /* and without nor */
    WITH_TIMES,                  /* as numbers of segments */
    VARIANTS
} variant_t;

static variant_t       variant;

static const char *const  variants[] = {
    "", ", without dl", ", without bl", ", without numbers", ", with times"
};

static const qoe_hash_key_t  key = { 1, 2 };


static int
by_end(const void *a, const void *b)
{
    const request_t  *x = a;
    const request_t  *y = b;

    if (x->end != y->end) {
        return x->end < y->end ? -1 : 1;
    }

    return x->place - y->place;
}


/*
 * An event of the media element, or the end of the test: when it wished to
 * play, and for how long it played.
 */

static void
event(const char *line, double *since)
{
    char    name[32];
    double  at;

    if (sscanf(line, "%*1[@#] %lf %31s", &at, name) != 2) {
        return;
    }

    if (strcmp(name, "seek") == 0) {
        seek = at;
    }

    if (strcmp(name, "play") == 0 && began < 0) {
        began = at;
    }

    if (strcmp(name, "playing") == 0) {
        plays = plays < 0 ? at : plays;
        *since = *since < 0 ? at : *since;
        return;
    }

    if (*since >= 0 && (strcmp(name, "waiting") == 0
                        || strcmp(name, "pause") == 0
                        || strcmp(name, "seeking") == 0
                        || strcmp(name, "ended") == 0
                        || strcmp(name, "destroy") == 0
                        || strcmp(name, "closed") == 0))
    {
        played += at - *since;
        *since = -1;
    }
}


static void
request(const char *line)
{
    int         at;
    request_t  *q;

    q = &requests[nrequests];
    memset(q, 0, sizeof(request_t));

    if (nrequests == REQUESTS
        || sscanf(line, "R %u-%u GET %2047s status=%u bytes=%lu%n", &q->start,
                  &q->end, q->uri, &q->status, &q->bytes, &at) != 5)
    {
        return;
    }

    q->aborted = strstr(line + at, "incomplete") != NULL;
    q->place = (int) nrequests++;
}


static void
header(const char *line, bool of_request)
{
    size_t      i, len;
    request_t  *q;

    static const char *const  names[] = {
        "  CMCD-Object: ", "  CMCD-Request: ", "  CMCD-Session: ",
        "  CMCD-Status: "
    };

    if (of_request && nrequests != 0) {
        sscanf(line, "  Range: %63s", requests[nrequests - 1].range);
    }

    for (i = 0; of_request && nrequests != 0 && i < 4; i++) {
        len = strlen(names[i]);
        q = &requests[nrequests - 1];

        if (strncmp(line, names[i], len) == 0) {
            q->name[q->nheaders] = (uint8_t) i;
            snprintf(q->header[q->nheaders++], sizeof(q->header[0]), "%.*s",
                     (int) strcspn(line + len, "\n"), line + len);
        }
    }
}


static bool
load(const char *name)
{
    bool     of_request;
    char     path[256];
    FILE    *in;
    double   since;

    static char  line[LINE];

    snprintf(path, sizeof(path), DIR "%s.txt", name);
    in = fopen(path, "r");

    if (in == NULL) {
        return false;
    }

    nrequests = 0;
    began = plays = since = seek = -1;
    played = 0;
    of_request = false;

    while (fgets(line, sizeof(line), in) != NULL) {

        if (line[0] == ' ') {
            header(line, of_request);
            continue;
        }

        of_request = (strncmp(line, "R ", 2) == 0
                      && strstr(line, " GET ") != NULL);

        if (of_request) {
            request(line);

        } else if (line[0] == '@' || line[0] == '#') {
            event(line, &since);
        }
    }

    fclose(in);
    qsort(requests, nrequests, sizeof(request_t), by_end);

    return true;
}


static void
change(qoe_request_t *r)
{
    switch (variant) {

    case WITHOUT_DL:
        r->dl_ms = NAN;
        break;

    case WITHOUT_BL:
        r->bl_ms = NAN;
        break;

    case WITHOUT_NUMBERS:
        r->segment = QOE_SEGMENT_NONE;
        r->nor = false;
        r->nor_hash = 0;
        break;

    case WITH_TIMES:
        if (r->segment != QOE_SEGMENT_NONE) {
            r->segment *= 180000;
        }

        break;

    default:
        break;
    }
}


/* What the type of the content says, where the player does not. */

static qoe_cmcd_ot_t
content(qoe_span_t path)
{
    return path.len > 4
           && memcmp(path.data + path.len - 4, ".m4s", 4) == 0
           ? QOE_CMCD_OT_VIDEO : QOE_CMCD_OT_NONE;
}


/* What the log phase and the tap would make of a line. */

static void
observe(qoe_request_t *r, const request_t *q)
{
    size_t      i;
    qoe_span_t  path, query, value[4];

    static char        buf[8192], packed[QOE_REQUEST_MAX];
    static qoe_cmcd_t  c;

    path = (qoe_span_t) { q->uri, strcspn(q->uri, "?") };
    query = qoe_span_str(q->uri + path.len + (q->uri[path.len] == '?'));

    qoe_request_init(r);

    r->start_ms = 1795906000000 + q->start;
    r->duration_ms = q->end - q->start;
    r->ttfb_ms = 0;
    r->bytes = q->bytes;
    r->status = (uint16_t) q->status;
    r->aborted = q->aborted;

    r->content = (uint8_t) content(path);
    qoe_request_path(r, &key, path, qoe_span_str(q->range));

    for (i = 0; i < q->nheaders; i++) {
        value[i] = qoe_span_str(q->header[i]);
    }

    if (qoe_cmcd_headers(&c, value, q->name, q->nheaders, buf) == QOE_OK
        || qoe_cmcd_query(&c, query, buf) == QOE_OK)
    {
        qoe_request_cmcd(r, &key, &c, path);
    }

    change(r);

    i = qoe_request_pack(packed, r);

    if (qoe_request_open(r, (qoe_span_t) { packed, i }) != QOE_OK) {
        ok(0, "the request of %u is read as it was written", q->start);
    }
}


static void
collect(outcome_t *o, const qoe_delivery_t *d, const qoe_points_t *points)
{
    size_t              i;
    const qoe_point_t  *p;

    for (i = 0; i < points->n; i++) {
        p = &points->point[i];

        switch (p->metric) {

        case QOE_METRIC_EXPERIENCE_STARTUP:
            o->startup = p->value;
            break;

        case QOE_METRIC_EXPERIENCE_ATTEMPTS:
            o->attempts++;
            break;

        case QOE_METRIC_EXPERIENCE_SWITCHES:
            o->switches++;
            break;

        case QOE_METRIC_EXPERIENCE_DEADLINE_MISSED:
            o->misses++;
            break;

        case QOE_METRIC_EXPERIENCE_PLAYING_TIME:
            o->playing += p->value;
            break;

        case QOE_METRIC_EXPERIENCE_REBUFFERS:
            if (o->n < STALLS) {
                o->stall[o->n].start = d->stall - 60000.0 + requests[0].start;
                o->stall[o->n++].ms = -1;
            }
            break;

        case QOE_METRIC_EXPERIENCE_REBUFFER_TIME:
            o->stall[o->n - 1].ms = p->value;
            break;

        default:
            break;
        }
    }
}


static void
replay(outcome_t *o)
{
    size_t          i;
    qoe_request_t   r;
    qoe_delivery_t  d;

    static qoe_points_t  points;

    memset(&d, 0, sizeof(d));
    memset(o, 0, sizeof(outcome_t));
    o->startup = -1;

    for (i = 0; i < nrequests; i++) {
        observe(&r, &requests[i]);

        if (qoe_request_sid(&r).len == 0) {
            continue;
        }

        qoe_points_clear(&points);
        qoe_delivery_apply(&d, &r, 1795906000000 + requests[i].end, &points);
        collect(o, &d, &points);
    }

    qoe_points_clear(&points);
    qoe_delivery_end(&d, &points);
    collect(o, &d, &points);
}


static double
error_of(const stall_t *real, const stall_t *guess, double *length)
{
    size_t  i;
    double  a, b;

    a = b = 0;

    for (i = 0; i < STALLS; i++) {
        a += fmax(real[i].ms, 0);
        b += fmax(guess[i].ms, 0);
    }

    *length = b;

    return fabs(a - b);
}


static void
show(const run_t *run, const outcome_t *o, double real)
{
    size_t  i;

    printf("# %-30s startup %4.0f (%4.0f) playing %6.0f (%6.0f) stalls",
           run->name, o->startup, plays - requests[0].start, o->playing, real);

    for (i = 0; i < o->n; i++) {
        printf(" %.0f", o->stall[i].ms);
    }

    printf(" (");

    for (i = 0; i < STALLS && run->stall[i].ms != 0; i++) {
        printf("%s%.0f", i ? " " : "", run->stall[i].ms);
    }

    printf("; by the deadline alone");

    for (i = 0; i < STALLS && run->rule[i].ms != 0; i++) {
        printf(" %.0f", run->rule[i].ms);
    }

    printf(")\n");
}


static void
test_run(const run_t *run)
{
    size_t     i, stalls;
    double     got, rule, length, other, real;
    outcome_t  o;

    if (!ok(load(run->name), "%s is there", run->name)) {
        return;
    }

    replay(&o);

    got = error_of(run->stall, o.stall, &length);
    rule = error_of(run->stall, run->rule, &other);
    real = played;

    for (stalls = 0; stalls < STALLS && run->stall[stalls].ms != 0; stalls++) {
        if (strncmp(run->name, "shaka", 5) == 0) {
            real -= run->stall[stalls].ms < 0
                    ? played - run->stall[stalls].start + plays
                    : run->stall[stalls].ms;
        }
    }

    show(run, &o, real);

    ok(o.attempts == 1, "%s is one attempt", run->name);
    ok(o.n == stalls, "%s: %zu stalls are estimated, and %zu there were",
       run->name, o.n, stalls);
    ok(got <= 300.0 * (stalls != 0 ? (double) stalls : 1),
       "%s: stalls are estimated %.0f ms wrong, by the deadline alone %.0f",
       run->name, got, rule);
    ok(fabs(o.startup - (plays - requests[0].start)) <= 250,
       "%s: a startup of %.0f ms is estimated as %.0f", run->name,
       plays - requests[0].start, o.startup);

    /*
     * What is played after the last request is not known, and a player may
     * repeat the buffer of its first try with each of the next.
     */

    ok(o.playing <= real * 1.02
       && (run->stall[0].ms < 0 || o.playing >= real * 0.95 - 2200),
       "%s: %.0f ms of playing are estimated as %.0f", run->name, real,
       o.playing);

    for (i = 0; i < o.n && i < stalls; i++) {
        ok(o.stall[i].start <= run->stall[i].start + 2500
           && o.stall[i].start + 20000 > run->stall[i].start,
           "%s: stall %zu is looked for where it was", run->name, i);
    }
}


static void
test_older(const older_t *run)
{
    size_t     i;
    double     ms;
    outcome_t  o;

    if (!ok(load(run->name), "%s is there", run->name)) {
        return;
    }

    replay(&o);

    for (i = 0, ms = 0; i < o.n; i++) {
        ms += o.stall[i].ms;
    }

    printf("# %-38s startup %4.0f (%4.0f) playing %6.0f (%6.0f) stalls %zu, "
           "%.0f ms (%zu, %.0f)\n", run->name, o.startup, run->startup,
           o.playing, run->playing, o.n, ms, run->stalls, run->ms);

    ok(o.attempts == 1, "%s is one attempt", run->name);
    ok(o.n == run->stalls, "%s: %zu stalls are estimated, and %zu there were",
       run->name, o.n, run->stalls);
    ok(o.n == 0 || fabs(ms - run->ms) <= 300.0 * (double) o.n,
       "%s: %.0f ms of stalls are estimated as %.0f", run->name, run->ms, ms);
    ok(fabs(o.startup - run->startup) <= 300,
       "%s: a startup of %.0f ms is estimated as %.0f", run->name,
       run->startup, o.startup);

    /* Shaka Player waits for a second at the start, and after a seek */

    ok(o.playing <= run->playing * 1.02 + 1200
       && o.playing >= run->playing * 0.95 - 2200,
       "%s: %.0f ms of playing are estimated as %.0f", run->name,
       run->playing, o.playing);
}


/* The stalls of a run as another player would have sent it. */

static void
test_variant(const run_t *run)
{
    size_t     i, stalls, late;
    double     got, length;
    outcome_t  o;

    if (!load(run->name)) {
        return;
    }

    replay(&o);

    got = error_of(run->stall, o.stall, &length);

    for (stalls = 0; stalls < STALLS && run->stall[stalls].ms != 0; stalls++) {
        /* void */
    }

    for (i = 0, late = 0; i < o.n; i++) {
        late += seek >= 0 && o.stall[i].start > seek - 3000;
    }

    ok(late == 0, "%s%s: no stall is made of the seek", run->name,
       variants[variant]);

    /* bs says nothing of a stall where a seek would look the same */

    ok(got <= 300.0 * (stalls != 0 ? (double) stalls : 1)
       || (variant == WITHOUT_NUMBERS && run->rule[0].ms == 0),
       "%s%s: stalls are estimated %.0f ms wrong", run->name,
       variants[variant], got);

    if (variant == WITHOUT_DL || variant == WITH_TIMES) {
        ok(o.n == stalls, "%s%s: %zu stalls are estimated, and %zu there were",
           run->name, variants[variant], o.n, stalls);
    }
}


int
main(void)
{
    size_t  i;

    for (i = 0; i < sizeof(runs) / sizeof(runs[0]); i++) {
        variant = AS_SENT;
        test_run(&runs[i]);

        for (variant = AS_SENT; variant < VARIANTS; variant++) {
            test_variant(&runs[i]);
        }
    }

    variant = AS_SENT;

    for (i = 0; i < sizeof(older) / sizeof(older[0]); i++) {
        test_older(&older[i]);
    }

    return tap_end();
}
