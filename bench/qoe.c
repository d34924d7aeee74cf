
/*
 * Copyright (C) OpenQoE
 *
 * qoe [SECONDS [SESSIONS [SIDE]]]: what the metrics cost, from samples to
 * series: the state machine of views, governance and the series store,
 * without a record, a lane or a thread (qoe_apply_sample).  Samples are made
 * in advance, with 13 base attributes each and two of the point's own, in about
 * the mix that players send, views begin and end, and time goes on by 3 seconds
 * a round of all sessions.
 *
 * Four sides take turns of some ms each, so that what disturbs the machine
 * disturbs all of them: metrics alone, with timelines of views, with their
 * records too, and with their traces too.  Records are put into the ring, read,
 * encoded and packed by gzip 1 in batches of 512, and so are traces, which all
 * views have here: all of that counts.  SIDE (0 to 3) runs one side alone, for
 * a profiler.
 *
 * Prints rows of Markdown tables, each after its name.  "speed", of metrics
 * with timelines, as nginx has them: events/s (median of the slices), ns an
 * event, slices, sessions, series.  "memory": bytes of a view, of a session, of
 * a number, of a histogram and of an attribute set with its cells, bytes a
 * series with all of them.  "side": what is on, ns an event, ratio to metrics
 * alone (median and quartiles of the turns), bytes of a view in the zone,
 * records a view, bytes of a view in the ring, in protobuf and packed.  What a
 * scrape has of them is measured over HTTP, by bench/lib/Bench/Scrape.pm.
 * Times are of this thread's CPU, not of the clock.
 */


#include "qoe_apply.h"
#include "qoe_dest.h"
#include "qoe_gzip.h"
#include "qoe_otlp_spans.h"
#include "qoe_otlp_views.h"
#include "qoe_sessions.h"
#include "qoe_store_layout.h"
#include "qoe_timelines.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>


#define ZONE_SIZE          (512UL * 1024 * 1024)
#define SCRIPT             64                /* events of a view */
#define PLAYING            3                 /* the first playing event */
#define ROUND_NS           3000000000ULL
#define TURNS              101
#define BATCH              512               /* records in a request */
#define RECORD_MS          300000            /* between those of a view */
#define TIMELINE           384               /* bytes in the zone */


typedef enum {
    SIDE_METRICS = 0,
    SIDE_TIMELINES,
    SIDE_RECORDS,
    SIDE_TRACES,
    SIDES
} side_t;


typedef struct {
    qoe_event_type_t  type;
    const char       *media;
    uint64_t          set;
    double            number[QOE_NUMBERS];
} step_t;

typedef struct {
    qoe_sample_t      sample;
    uint32_t          step;                  /* next of the script */
    int64_t           begin_ms;              /* when it begins to play */
    uint32_t          view;
    int64_t           skew_ms;
    char              ids[3][48];            /* session, view, viewer */
    char              video[16];
} session_t;

typedef struct {
    qoe_apply_t      *apply;
    qoe_state_t       state;
    qoe_conf_t        conf;
    qoe_dimensions_t  dims;
    qoe_governor_t    governor;
    session_t        *session;
    size_t            sessions;
    size_t            next;
    uint64_t          now_ns;
    uint64_t          tick_ns;
    step_t            script[SCRIPT];

    side_t            side;
    uint32_t          seed;
    uint32_t          kb;                    /* of the video that plays */

    /* records of views */
    uint64_t          pos;
    uint64_t          records;
    uint64_t          ring;                  /* bytes of records, */
    uint64_t          sent;                  /* in protobuf, */
    uint64_t          zipped;                /* and packed */
    qoe_span_t        batch[BATCH];
    size_t            nbatch;
    qoe_gzip_t        gzip;
    qoe_buf_t         out;
    qoe_buf_t         packed;
    qoe_arena_t       arena;
} bench_t;


static bench_t *make_bench(side_t side, size_t sessions);
static void make_zone(bench_t *b);
static void make_script(bench_t *b);
static void make_step(bench_t *b, step_t *s, uint32_t share);
static void make_session(bench_t *b, size_t i);
static void new_view(session_t *s, size_t i);
static double turn(bench_t *b, double seconds);
static void play(bench_t *b, size_t n);
static void drain(bench_t *b);
static void send_batch(bench_t *b);
static void send_request(bench_t *b, qoe_status_t rc, size_t nbad);
static void report(bench_t *b, double ns[TURNS]);
static void report_side(const bench_t *b, double ns[TURNS],
    double ratio[TURNS]);
static uint32_t pick(bench_t *b, uint32_t n);
static double cpu_seconds(void);
static int ascending(const void *one, const void *two);
static void die(const char *what, const char *why)
    __attribute__((noreturn));

#define put(step, id, value)                                                  \
    ((step)->set |= 1ULL << QOE_NUMBER_##id,                                  \
     (step)->number[QOE_NUMBER_##id] = (value))

#define text(s, id, value)                                                    \
    ((s)->text[QOE_TEXT_##id] = qoe_span_str(value))


static void
die(const char *what, const char *why)
{
    fprintf(stderr, "qoe: %s: %s\n", what, why);
    exit(1);
}


int
main(int argc, char **argv)
{
    int       i, side, from, to;
    size_t    sessions;
    double    seconds, ns[SIDES][TURNS], ratio[SIDES][TURNS];
    bench_t  *b[SIDES];

    seconds = (argc > 1) ? atof(argv[1]) : 6;
    sessions = (argc > 2) ? (size_t) atol(argv[2]) : 10000;
    from = (argc > 3) ? atoi(argv[3]) : 0;
    to = (argc > 3) ? from : SIDES - 1;

    if (seconds <= 0 || sessions < 1 || sessions > 1000000 || from < 0
        || to >= SIDES)
    {
        die("usage", "qoe [SECONDS [SESSIONS [SIDE]]]");
    }

    for (side = from; side <= to; side++) {
        b[side] = make_bench((side_t) side, sessions);
    }

    for (i = 0; i < TURNS; i++) {
        for (side = from; side <= to; side++) {
            ns[side][i] = turn(b[side], seconds / TURNS / (to - from + 1));
            ratio[side][i] = ns[side][i] / ns[from][i];
        }
    }

    side = from == to ? from : SIDE_TIMELINES;
    report(b[side], ns[side]);

    for (side = from; side <= to; side++) {
        report_side(b[side], ns[side], ratio[side]);
    }

    return 0;
}


/* Every session has gone through a view, so that every series exists. */

static bench_t *
make_bench(side_t side, size_t sessions)
{
    size_t    i;
    bench_t  *b;

    b = calloc(1, sizeof(bench_t));
    if (b == NULL) {
        die("bench", "out of memory");
    }

    b->side = side;
    b->sessions = sessions;
    b->seed = 20260117;

    make_zone(b);
    make_script(b);

    b->session = calloc(b->sessions, sizeof(session_t));
    if (b->session == NULL) {
        die("sessions", "out of memory");
    }

    for (i = 0; i < b->sessions; i++) {
        make_session(b, i);
    }

    play(b, b->sessions * (SCRIPT + 2));

    return b;
}


/* Plays for so many seconds of CPU time and returns the ns an event. */

static double
turn(bench_t *b, double seconds)
{
    size_t  n, chunk;
    double  start, now;

    chunk = b->sessions < 1000 ? b->sessions : 1000;
    n = 0;
    start = cpu_seconds();

    do {
        play(b, chunk);
        n += chunk;
        now = cpu_seconds();
    } while (now - start < seconds);

    return (now - start) * 1e9 / (double) n;
}


/* One lane, with the defaults of the configuration but for its size. */

static void
make_zone(bench_t *b)
{
    void        *mem;
    qoe_zone_t  *zone;

    mem = mmap(NULL, ZONE_SIZE, PROT_READ|PROT_WRITE,
               MAP_SHARED|MAP_ANONYMOUS, -1, 0);

    if (mem == MAP_FAILED
        || qoe_zone_create(&zone, mem, ZONE_SIZE, 1, true) != QOE_OK)
    {
        die("zone", "cannot be made");
    }

    qoe_state_create(zone);

    if (qoe_state_attach(&b->state, zone) != QOE_OK) {
        die("state", "cannot be attached to");
    }

    qoe_dimensions_init(&b->dims);

    b->conf.groups = QOE_GROUPS_ALL;
    b->conf.view.timeout_ms = 600000;
    b->conf.view.paused_timeout_ms = 3600000;
    b->conf.view.hidden_timeout_ms = 180000;
    b->conf.series_max = 10000000;
    b->conf.series_ttl_ms = 86400000;
    b->conf.dims = &b->dims;
    b->conf.record_ms = RECORD_MS;
    b->conf.records = b->side >= SIDE_RECORDS;
    b->conf.views = b->side >= SIDE_RECORDS;
    b->conf.traces.mode = b->side >= SIDE_TRACES ? QOE_TRACES_ALL
                                                 : QOE_TRACES_OFF;

    /* a table without a place */

    if (b->side == SIDE_METRICS) {
        memset(b->state.timelines[0], 0, 64);
        qoe_timelines_create(b->state.timelines[0], 0);
    }

    qoe_governor_init(&b->governor, b->state.govern, &b->dims,
                      qoe_proc_self());

    b->apply = qoe_apply_create(&b->state, &b->conf, &b->governor, 0, 0,
                                false);
    if (b->apply == NULL) {
        die("apply", "out of memory");
    }

    b->now_ns = (uint64_t) time(NULL) * 1000000000;

    qoe_buf_init(&b->out, &qoe_mem_heap, 4 << 20);
    qoe_buf_init(&b->packed, &qoe_mem_heap, 4 << 20);
    qoe_arena_init(&b->arena, &qoe_mem_heap, 65536, 16 << 20);

    if (qoe_gzip_init(&b->gzip, &qoe_mem_heap, 1) != QOE_OK) {
        die("gzip", "out of memory");
    }
}


/* What a helper's feed does with the records that wait in the ring. */

static void
drain(bench_t *b)
{
    qoe_kind_t   kind;
    qoe_zone_t  *zone;
    qoe_span_t   record;

    zone = b->state.zone;

    while (qoe_lane_next(zone, 0, UINT64_MAX, &b->pos, &record, &kind)
           == QOE_OK)
    {
        b->batch[b->nbatch++] = record;
        b->ring += record.len;
        b->records++;

        if (b->nbatch == BATCH) {
            send_batch(b);
        }
    }
}


static void
send_batch(bench_t *b)
{
    size_t                     nbad;
    qoe_status_t               rc;
    static const qoe_attr_t    attrs[] = {
        { qoe_span("service.name"), qoe_span("openQoE-worker") },
        { qoe_span("service.instance.id"),
          qoe_span("0af0cfc7-91d2-5bd0-bd4a-0c8e3f1a7e11") },
        { qoe_span("service.version"), qoe_span("2.0.0") },
        { qoe_span("host.name"), qoe_span("edge-0001") }
    };
    const qoe_otlp_identity_t  id = { attrs, 4, qoe_span("openqoe"),
                                      qoe_span("2.0.0") };

    rc = qoe_otlp_views(&b->out, &id, b->batch, b->nbatch, &nbad, &b->arena);
    send_request(b, rc, nbad);

    if (b->side == SIDE_TRACES) {
        rc = qoe_otlp_spans(&b->out, &id, b->batch, b->nbatch, &nbad,
                            &b->arena);

        /* records of views that are still alive have no trace */

        send_request(b, rc == QOE_DONE ? QOE_OK : rc, nbad);
    }

    b->nbatch = 0;

    qoe_lane_free(b->state.zone, 0, b->pos);
}


/* All but the network. */

static void
send_request(bench_t *b, qoe_status_t rc, size_t nbad)
{
    if (rc != QOE_OK || nbad != 0
        || qoe_gzip(&b->gzip, &b->packed,
                    (qoe_span_t) { b->out.data, b->out.len })
           != QOE_OK)
    {
        die("records", "cannot be encoded");
    }

    b->sent += b->out.len;
    b->zipped += b->packed.len;

    qoe_buf_reset(&b->out);
    qoe_buf_reset(&b->packed);
    qoe_arena_reset(&b->arena);
}


/* A view that begins, goes on with the usual mix of events, and ends. */

static void
make_script(bench_t *b)
{
    uint32_t  i;
    step_t   *s;

    b->kb = 3000;

    for (i = PLAYING + 1; i < SCRIPT - 1; i++) {
        make_step(b, &b->script[i], pick(b, 100));
    }

    s = b->script;
    s[0].type = QOE_EVENT_MANIFESTLOAD;
    put(&s[0], PAGE_LOAD_TIME, 420);
    s[1].type = QOE_EVENT_PLAYERREADY;
    put(&s[1], PLAYER_STARTUP_TIME, 180);
    s[2].type = QOE_EVENT_CANPLAY;
    put(&s[2], VIDEO_STARTUP_TIME, 1300);
    s[PLAYING].type = QOE_EVENT_PLAYING;
    put(&s[PLAYING], BITRATE, 3000000);
    put(&s[PLAYING], FRAMERATE, 25);

    s[SCRIPT - 1].type = QOE_EVENT_ENDED;
    put(&s[SCRIPT - 1], PLAYING_TIME, 180000);
    put(&s[SCRIPT - 1], COMPLETION_RATE, 0.9);
}


static void
make_step(bench_t *b, step_t *s, uint32_t share)
{
    uint32_t                      i;
    static const qoe_event_type_t  rare[] = {
        QOE_EVENT_PAUSE, QOE_EVENT_PLAYING, QOE_EVENT_STALLSTART,
        QOE_EVENT_STALLEND, QOE_EVENT_SEEK, QOE_EVENT_QUARTILE,
        QOE_EVENT_MOVEAWAY, QOE_EVENT_MOVEBACK, QOE_EVENT_ERROR
    };

    if (share < 45) {
        s->type = QOE_EVENT_HEARTBEAT;
        put(s, PLAYING_TIME, 1000 * pick(b, 180));
        put(s, BITRATE, b->kb * 1000);
        put(s, BUFFER_LENGTH, pick(b, 30000));
        put(s, DROPPED_FRAMES, pick(b, 20));

    } else if (share < 65) {
        s->type = QOE_EVENT_FRAGMENTLOADED;
        s->media = "video";
        put(s, FRAG_DURATION, 4);
        put(s, SIZE_BYTES, 1000000 + pick(b, 1000000));
        put(s, TTFB_MS, 20 + pick(b, 90));
        put(s, Z_SCORE, 0.3);
        put(s, IS_OUTLIER, 0);
        put(s, BANDWIDTH, 20000000);

    } else if (share < 85) {
        s->type = QOE_EVENT_BUFFERLEVELCHANGE;
        s->media = "video";
        put(s, BUFFER_LENGTH, pick(b, 30000));
        put(s, Z_SCORE, -0.7);
        put(s, IS_OUTLIER, 0);

    } else if (share < 91) {
        b->kb = 800 * (1 + pick(b, 4));
        s->type = QOE_EVENT_QUALITYCHANGE;
        s->media = "video";
        put(s, BITRATE_KB, b->kb);
        put(s, FRAMERATE, 25);
        put(s, RESOLUTION_WIDTH, 1280);
        put(s, RESOLUTION_HEIGHT, 720);
        put(s, VIDEO_WIDTH, 1280);
        put(s, VIDEO_HEIGHT, 720);
        put(s, PLAYER_WIDTH, 960);
        put(s, PLAYER_HEIGHT, 540);
        put(s, DEVICE_PIXEL_RATIO, 2);

    } else {
        i = share % (sizeof(rare) / sizeof(rare[0]));
        s->type = rare[i];
        put(s, STALL_DURATION, 100 + pick(b, 3000));
        put(s, SEEK_LATENCY, 20 + pick(b, 900));
        put(s, QUARTILE, 25 * (1 + pick(b, 4)));
        put(s, PLAYING_TIME, 1000 * pick(b, 180));
    }
}


/* 400 sets of base attributes, as many as a busy edge has within a day. */

static void
make_session(bench_t *b, size_t i)
{
    size_t              of;
    session_t          *s;
    qoe_sample_t       *e;
    static const char  *device[] = { "desktop", "mobile", "tv", "tablet" };
    static const char  *os[] = { "Windows", "iOS", "Android TV", "Android" };
    static const char  *browser[] = { "Chrome", "Mobile Safari",
                                      "Android WebView", "Firefox" };
    static const char  *player[] = { "hls.js", "dash.js", "shaka", "video.js" };
    static const char  *country[] = { "DE", "FR", "US", "BR", "JP" };
    static const char  *org[] = { "acme-broadcast", "northern-media",
                                  "kids-channel", "sports-now" };
    static const char  *title[] = { "The Long Way Home", "Northern Lights, 4",
                                    "Derby Live: Second Half", "Harbour" };

    s = &b->session[i];
    e = &s->sample;
    of = i % 400;

    snprintf(s->video, sizeof(s->video), "vid-%05zu", of / 4);
    snprintf(s->ids[0], sizeof(s->ids[0]),
             "5e551011-0000-4000-8000-%012zx", i);
    snprintf(s->ids[2], sizeof(s->ids[2]), "viewer-%zu", i * 7 % 65536);
    new_view(s, i);

    text(e, ORG_ID, org[of / 4 % 4]);
    text(e, PLAYER_ID, "web-player-main");
    text(e, SESSION_ID, s->ids[0]);
    text(e, VIEWER_ID, s->ids[2]);
    text(e, ENV, "production");
    text(e, APP_NAME, "acme-tv");
    text(e, APP_VERSION, "4.12.3");
    text(e, DEVICE_CATEGORY, device[of % 4]);
    text(e, OS_FAMILY, os[of % 4]);
    text(e, BROWSER_FAMILY, browser[of % 4]);
    text(e, PLAYER_NAME, player[of % 4]);
    text(e, NETWORK_COUNTRY_CODE, country[of / 4 % 5]);
    text(e, NETWORK_ASN, "3320");
    text(e, CDN_PROVIDER, "edge-one");
    text(e, VIDEO_ID, s->video);
    text(e, VIDEO_TITLE, title[of / 4 % 4]);
    text(e, VIDEO_SOURCE_URL, "https://cdn.example.com/hls/1/master.m3u8");
    text(e, CMCD_ST, "v");

    s->step = (uint32_t) (i % SCRIPT);
    s->skew_ms = (int64_t) (i % 2000) - 1000;
    s->begin_ms = (int64_t) (b->now_ns / 1000000) - s->skew_ms;
}


static void
new_view(session_t *s, size_t i)
{
    snprintf(s->ids[1], sizeof(s->ids[1]),
             "71e30000-%04x-4000-8000-%012zx", s->view++ & 0xffff, i);
    text(&s->sample, VIEW_ID, s->ids[1]);
}


/* n events, each of the next session. */

static void
play(bench_t *b, size_t n)
{
    session_t     *s;
    qoe_sample_t  *e;
    const step_t  *step;

    for ( /* void */ ; n; n--) {
        s = &b->session[b->next];
        e = &s->sample;
        step = &b->script[s->step];

        e->type = step->type;
        e->received_ns = b->now_ns;
        e->time_ms = (int64_t) (b->now_ns / 1000000) - s->skew_ms;

        /* The position, which every event has. */

        if (s->step == PLAYING) {
            s->begin_ms = e->time_ms;
        }

        e->set = step->set | 1ULL << QOE_NUMBER_PLAYBACK_TIME;
        memcpy(e->number, step->number, sizeof(e->number));
        e->number[QOE_NUMBER_PLAYBACK_TIME]
            = s->step < PLAYING ? 0 : (double) (e->time_ms - s->begin_ms);
        e->text[QOE_TEXT_MEDIA_TYPE] = qoe_span_str(step->media);
        e->text[QOE_TEXT_CODEC] = step->media ? qoe_span("avc1.640028")
                                              : qoe_span_null;

        qoe_apply_sample(b->apply, e, b->now_ns);

        if (++s->step == SCRIPT) {
            s->step = 0;
            new_view(s, b->next);
        }

        b->now_ns += ROUND_NS / b->sessions;

        if (b->now_ns >= b->tick_ns) {
            qoe_apply_tick(b->apply, b->now_ns);
            b->tick_ns = b->now_ns + 1000000000;
            drain(b);
        }

        if (++b->next == b->sessions) {
            b->next = 0;
        }
    }
}


static void
report(bench_t *b, double ns[TURNS])
{
    double              used, blocks;
    qoe_store_t        *store;
    qoe_store_info_t    info;
    qoe_sessions_info_t  table;

    store = b->state.store[0];
    qoe_store_info(store, &info);
    qoe_sessions_info(b->state.sessions[0], &table);

    if (info.overflowed || table.sessions != b->sessions) {
        fprintf(stderr, "qoe: %u sessions of %zu, %lu values overflowed\n",
                table.sessions, b->sessions, (unsigned long) info.overflowed);
        exit(1);
    }

    qsort(ns, TURNS, sizeof(double), ascending);

    printf("speed | %.0f | %.0f | %.0f..%.0f | %u | %u |\n",
           1e9 / ns[TURNS / 2], ns[TURNS / 2], 1e9 / ns[TURNS - 1],
           1e9 / ns[0], table.sessions, info.series);

    blocks = (double) store->pool[QOE_POOL_CELLS].top
             * sizeof(qoe_store_cell_t)
             + (double) store->pool[QOE_POOL_BLOCKS].top
             * sizeof(qoe_store_block_t);

    used = blocks
           + (double) store->pool[QOE_POOL_NUMBERS].top
             * sizeof(qoe_store_number_t)
           + (double) store->pool[QOE_POOL_HISTOGRAMS].top
             * sizeof(qoe_store_histogram_t);

    printf("memory | %zu | %zu | %zu | %zu | %.0f | %.0f |\n",
           sizeof(qoe_view_t), sizeof(qoe_session_t),
           sizeof(qoe_store_number_t), sizeof(qoe_store_histogram_t),
           blocks / store->pool[QOE_POOL_BLOCKS].top, used / info.series);
}


static void
report_side(const bench_t *b, double ns[TURNS], double ratio[TURNS])
{
    double              views;
    static const char  *name[] = {
        "metrics alone", "with timelines", "with records, too",
        "with traces of all views, too"
    };

    qsort(ns, TURNS, sizeof(double), ascending);
    qsort(ratio, TURNS, sizeof(double), ascending);

    printf("side | %s | %.0f | %.3f (%.2f..%.2f) | %zu |", name[b->side],
           ns[TURNS / 2], ratio[TURNS / 2], ratio[TURNS / 4],
           ratio[3 * TURNS / 4],
           sizeof(qoe_view_t) + (b->side != SIDE_METRICS ? TIMELINE : 0));

    if (b->records == 0) {
        printf(" | | | |\n");
        return;
    }

    views = (double) qoe_zone_counter(b->state.zone, QOE_COUNT_VIEWS_ENDED);

    printf(" %.2f | %.0f | %.0f | %.0f |\n", (double) b->records / views,
           (double) b->ring / views, (double) b->sent / views,
           (double) b->zipped / views);
}


/* A number below n; the same numbers in each run. */

static uint32_t
pick(bench_t *b, uint32_t n)
{
    b->seed = b->seed * 1664525 + 1013904223;
    return (uint32_t) ((uint64_t) b->seed * n >> 32);
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
    double  a = *(const double *) one, b = *(const double *) two;

    return (a > b) - (a < b);
}
