
/*
 * Copyright (C) OpenQoE
 *
 * qoe [SECONDS [SESSIONS [INTERVAL]]]: what the metrics cost, from samples to
 * series: the state machine of views, governance and the series store,
 * without a record, a lane or a thread (qoe_apply_sample).  Samples are made
 * attributes each and two of the point's own, in about the mix that players
 * send, views begin and end, and time goes on by 3 seconds a round of all
 * sessions.
 *
 * Prints two rows of Markdown tables, "speed" and "memory" before them:
 * events/s (median of the slices), ns an event, slices, sessions,
 * series; bytes of a view, of a session, of a number, of a histogram and of an
 * attribute set with its cells, bytes a series with all of them.  What a scrape
 * has of them is measured over HTTP, by bench/lib/Bench/Scrape.pm.
 * Times are of this thread's CPU, not of the clock.
 *
 * With INTERVAL (seconds) there are records of views too: they are put into the
 * ring, read, encoded and packed by gzip 1 in batches of 512, all of which
 * counts in the speed.  A third row, "records": how many a view, bytes of one
 * in the ring, in protobuf and packed.
 */


#include "qoe_apply.h"
#include "qoe_dest.h"
#include "qoe_gzip.h"
#include "qoe_otlp_views.h"
#include "qoe_sessions.h"
#include "qoe_store_layout.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>


#define ZONE_SIZE          (512UL * 1024 * 1024)
#define SCRIPT             64                /* events of a view */
#define PLAYING            3                 /* the first playing event */
#define ROUND_NS           3000000000ULL
#define SLICES             9
#define BATCH              512               /* records in a request */


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

    /* records of views */
    uint64_t          pos;
    uint64_t          records;
    uint64_t          bytes[3];              /* ring, protobuf, packed */
    qoe_span_t        batch[BATCH];
    size_t            nbatch;
    qoe_gzip_t        gzip;
    qoe_buf_t         out;
    qoe_buf_t         packed;
    qoe_arena_t       arena;
} bench_t;


static void make_zone(bench_t *b);
static void make_script(bench_t *b);
static void make_step(step_t *s, uint32_t share);
static void make_session(bench_t *b, size_t i);
static void new_view(session_t *s, size_t i);
static void play(bench_t *b, size_t n);
static void drain(bench_t *b);
static void send_batch(bench_t *b);
static void report(bench_t *b, double *rate, size_t n);
static uint32_t pick(uint32_t n);
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
    size_t    i, n, chunk;
    double    seconds, start, end, rate[SLICES];
    bench_t  *b;

    b = calloc(1, sizeof(bench_t));
    if (b == NULL) {
        die("bench", "out of memory");
    }

    seconds = (argc > 1) ? atof(argv[1]) : 3;
    b->sessions = (argc > 2) ? (size_t) atol(argv[2]) : 10000;

    if (seconds <= 0 || b->sessions < 1 || b->sessions > 1000000) {
        die("usage", "qoe [SECONDS [SESSIONS [INTERVAL]]]");
    }

    if (argc > 3) {
        b->conf.records = true;
        b->conf.record_ms = (uint64_t) (1000 * atof(argv[3]));
    }

    make_zone(b);
    make_script(b);

    b->session = calloc(b->sessions, sizeof(session_t));
    if (b->session == NULL) {
        die("sessions", "out of memory");
    }

    for (i = 0; i < b->sessions; i++) {
        make_session(b, i);
    }

    /* Every session goes through a view, so that every series exists. */

    play(b, b->sessions * (SCRIPT + 2));

    chunk = b->sessions < 1000 ? b->sessions : 1000;

    for (i = 0; i < SLICES; i++) {
        n = 0;
        start = cpu_seconds();
        end = start + seconds / SLICES;

        do {
            play(b, chunk);
            n += chunk;
        } while (cpu_seconds() < end);

        rate[i] = (double) n / (cpu_seconds() - start);
    }

    report(b, rate, SLICES);

    return 0;
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
        || qoe_zone_create(&zone, mem, ZONE_SIZE, 1) != QOE_OK)
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
        b->bytes[0] += record.len;
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
    static const qoe_attr_t    attrs[] = {
        { qoe_span("service.name"), qoe_span("openQoE-worker") },
        { qoe_span("service.instance.id"),
          qoe_span("0af0cfc7-91d2-5bd0-bd4a-0c8e3f1a7e11") },
        { qoe_span("service.version"), qoe_span("2.0.0") },
        { qoe_span("host.name"), qoe_span("edge-0001") }
    };
    const qoe_otlp_identity_t  id = { attrs, 4, qoe_span("openqoe"),
                                      qoe_span("2.0.0") };

    qoe_buf_reset(&b->out);
    qoe_buf_reset(&b->packed);

    if (qoe_otlp_views(&b->out, &id, b->batch, b->nbatch, &nbad, &b->arena)
        != QOE_OK
        || nbad != 0
        || qoe_gzip(&b->gzip, &b->packed,
                    (qoe_span_t) { b->out.data, b->out.len })
           != QOE_OK)
    {
        die("records", "cannot be encoded");
    }

    qoe_arena_reset(&b->arena);

    b->bytes[1] += b->out.len;
    b->bytes[2] += b->packed.len;
    b->nbatch = 0;

    qoe_lane_free(b->state.zone, 0, b->pos);
}


/* A view that begins, goes on with the usual mix of events, and ends. */

static void
make_script(bench_t *b)
{
    uint32_t  i;
    step_t   *s;

    for (i = PLAYING + 1; i < SCRIPT - 1; i++) {
        make_step(&b->script[i], pick(100));
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
make_step(step_t *s, uint32_t share)
{
    uint32_t                      i, kb;
    static const qoe_event_type_t  rare[] = {
        QOE_EVENT_PAUSE, QOE_EVENT_PLAYING, QOE_EVENT_STALLSTART,
        QOE_EVENT_STALLEND, QOE_EVENT_SEEK, QOE_EVENT_QUARTILE,
        QOE_EVENT_MOVEAWAY, QOE_EVENT_MOVEBACK, QOE_EVENT_ERROR
    };

    kb = 800 * (1 + pick(4));

    if (share < 45) {
        s->type = QOE_EVENT_HEARTBEAT;
        put(s, PLAYING_TIME, 1000 * pick(180));
        put(s, BITRATE, kb * 1000);
        put(s, BUFFER_LENGTH, pick(30000));
        put(s, DROPPED_FRAMES, pick(20));

    } else if (share < 65) {
        s->type = QOE_EVENT_FRAGMENTLOADED;
        s->media = "video";
        put(s, FRAG_DURATION, 4);
        put(s, SIZE_BYTES, 1000000 + pick(1000000));
        put(s, TTFB_MS, 20 + pick(90));
        put(s, Z_SCORE, 0.3);
        put(s, IS_OUTLIER, 0);
        put(s, BANDWIDTH, 20000000);

    } else if (share < 85) {
        s->type = QOE_EVENT_BUFFERLEVELCHANGE;
        s->media = "video";
        put(s, BUFFER_LENGTH, pick(30000));
        put(s, Z_SCORE, -0.7);
        put(s, IS_OUTLIER, 0);

    } else if (share < 91) {
        s->type = QOE_EVENT_QUALITYCHANGE;
        s->media = "video";
        put(s, BITRATE_KB, kb);
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
        put(s, STALL_DURATION, 100 + pick(3000));
        put(s, SEEK_LATENCY, 20 + pick(900));
        put(s, QUARTILE, 25 * (1 + pick(4)));
        put(s, PLAYING_TIME, 1000 * pick(180));
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
report(bench_t *b, double *rate, size_t n)
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

    qsort(rate, n, sizeof(double), ascending);

    printf("speed | %.0f | %.0f | %.0f..%.0f | %u | %u |\n", rate[n / 2],
           1e9 / rate[n / 2], rate[0], rate[n - 1], table.sessions,
           info.series);

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

    if (b->records != 0) {
        printf("records | %.2f | %.0f | %.0f | %.0f |\n", (double) b->records
               / (double) qoe_zone_counter(b->state.zone,
                                           QOE_COUNT_VIEWS_ENDED),
               (double) b->bytes[0] / (double) b->records,
               (double) b->bytes[1] / (double) b->records,
               (double) b->bytes[2] / (double) b->records);
    }
}


/* A number below n; the same numbers in each run. */

static uint32_t
pick(uint32_t n)
{
    static uint32_t  seed = 20260117;

    seed = seed * 1664525 + 1013904223;
    return (uint32_t) ((uint64_t) seed * n >> 32);
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
