
/*
 * Copyright (C) OpenQoE
 *
 * The helper thread without nginx: a zone, two lanes, a file as the
 * destination.  Every record that is put must come out once.
 */


#include "tap.h"
#include "qoe_helper.h"
#include "qoe_record.h"
#include "qoe_uuid.h"
#include "qoe_zone_layout.h"

#include <curl/curl.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>


#define LANES              2
#define SEEN_MAX           10000
#define DRAIN_MS           500


typedef struct {
    qoe_zone_t         *zone;
    int                 fd[LANES];
    char                dir[64];
    char                path[128];
    uint32_t            next;            /* number of the next record */
    qoe_helper_conf_t   conf;
} bench_t;


static char  log_text[8192];


static void
log_write(void *ctx, qoe_log_level_t level, const char *text, size_t len)
{
    size_t  used;

    (void) ctx;
    (void) level;

    used = strlen(log_text);

    if (used + len + 2 < sizeof(log_text)) {
        memcpy(log_text + used, text, len);
        memcpy(log_text + used + len, "\n", 2);
    }
}


static void
setup(bench_t *t)
{
    int                      i;
    void                    *mem;
    qoe_helper_conf_t       *c;
    static qoe_dimensions_t  dims;
    static qoe_attr_t   attrs[] = {
        { qoe_span("service.name"), qoe_span("openQoE-worker") }
    };

    memset(t, 0, sizeof(*t));
    log_text[0] = '\0';

    mem = mmap(NULL, 4 << 20, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS,
               -1, 0);
    strcpy(t->dir, "/tmp/openqoe-helper-XXXXXX");

    if (mem == MAP_FAILED || mkdtemp(t->dir) == NULL
        || qoe_zone_create(&t->zone, mem, 4 << 20, LANES) != QOE_OK)
    {
        abort();
    }

    qoe_state_create(t->zone);
    qoe_dimensions_init(&dims);

    for (i = 0; i < LANES; i++) {
        t->fd[i] = eventfd(0, EFD_NONBLOCK|EFD_CLOEXEC);
    }

    snprintf(t->path, sizeof(t->path), "%s/out.jsonl", t->dir);

    c = &t->conf;
    c->zone = t->zone;
    c->workers = 1;
    c->lane_fd = t->fd;
    c->transport.protocol = QOE_PROTOCOL_FILE;
    c->transport.url[QOE_SIGNAL_LOGS] = qoe_span_str(t->path);
    c->transport.timeout_ms = 1000;
    c->identity.attrs = attrs;
    c->identity.nattrs = 1;
    c->identity.scope_name = qoe_span("openqoe");
    c->identity.scope_version = qoe_span("test");
    c->batch_size = 100;
    c->interval_ms = 20;
    c->qoe.groups = QOE_GROUPS_ALL;
    c->qoe.dims = &dims;
    c->qoe.series_max = 10000;
    c->qoe.series_ttl_ms = 3600000;
    c->qoe.view.timeout_ms = 120000;
    c->qoe.view.hidden_timeout_ms = 1800000;
    c->metric_interval_ms = 60000;
    c->drain_ms = DRAIN_MS;
    c->log = (qoe_log_t) { log_write, NULL, QOE_LOG_INFO };
}


static void
teardown(bench_t *t)
{
    int  i;

    for (i = 0; i < LANES; i++) {
        close(t->fd[i]);
    }

    unlink(t->path);
    rmdir(t->dir);
    munmap(t->zone, 4 << 20);
}


static void
put_bytes(bench_t *t, uint32_t lane, qoe_span_t record)
{
    uint64_t   wake[QOE_LANES_MAX / 64], one;
    qoe_put_t  put;

    put = (qoe_put_t) { lane, record };
    one = 1;

    while (qoe_zone_put(t->zone, 1, 0, &put, 1, wake) == QOE_FULL) {
        usleep(1000);
    }

    if (wake[0] >> lane & 1 && write(t->fd[lane], &one, 8) != 8) {
        abort();
    }
}


/* Records number t->next up, each with "seq-N;" in its body. */

static void
put(bench_t *t, uint32_t n)
{
    char               raw[64];
    qoe_span_t         packed;
    qoe_event_t        ev;
    qoe_arena_t        arena;
    qoe_record_meta_t  meta;

    qoe_arena_init(&arena, &qoe_mem_heap, 4096, 1 << 20);

    for (n += t->next; t->next < n; t->next++) {
        memset(&ev, 0, sizeof(ev));
        memset(&meta, 0, sizeof(meta));
        snprintf(raw, sizeof(raw), "{\"n\":\"seq-%u;\"}", t->next);

        ev.type = QOE_EVENT_PLAYING;
        ev.type_name = qoe_span("playing");
        ev.severity = QOE_SEVERITY_INFO;
        ev.time_ms = 1700000000000;
        ev.field[QOE_FIELD_ORG_ID] = (qoe_value_t) {
            QOE_VALUE_STRING, { qoe_span("org") }
        };
        ev.raw = qoe_span_str(raw);

        if (qoe_record_pack(&packed, &ev, &meta, &arena) != QOE_OK) {
            abort();
        }

        put_bytes(t, t->next % LANES, packed);
        qoe_arena_reset(&arena);
    }

    qoe_arena_free(&arena);
}


/* How many of the records came out exactly once; -1: one more than once. */

static int
delivered(bench_t *t)
{
    int           n;
    char         *text, *p;
    FILE         *f;
    size_t        len;
    unsigned long i;
    static char   seen[SEEN_MAX];

    memset(seen, 0, sizeof(seen));
    f = fopen(t->path, "r");

    if (f == NULL) {
        return 0;
    }

    text = calloc(1, 16 << 20);
    len = fread(text, 1, (16 << 20) - 1, f);
    text[len] = '\0';
    fclose(f);
    n = 0;

    for (p = text; (p = strstr(p, "seq-")) != NULL; /* void */) {
        i = strtoul(p + 4, &p, 10);

        if (i >= SEEN_MAX || seen[i]++ != 0) {
            n = -1;
            break;
        }

        n++;
    }

    free(text);

    return n;
}


static bool
wait_delivered(bench_t *t, int n)
{
    int  i;

    for (i = 0; i < 1000 && delivered(t) != n; i++) {
        usleep(10000);
    }

    return delivered(t) == n;
}


static uint64_t
counter(bench_t *t, qoe_counter_t c)
{
    return qoe_zone_counter(t->zone, c);
}


static uint64_t
consumed(bench_t *t)
{
    uint32_t         i;
    uint64_t         n;
    qoe_lane_info_t  info;

    n = 0;

    for (i = 0; i < LANES; i++) {
        qoe_zone_lane_info(t->zone, i, &info);
        n += info.consumed;
    }

    return n;
}


/* Released, not only written: the file is ahead of the answer to it. */

static bool
wait_empty(bench_t *t)
{
    int  i;

    for (i = 0; i < 1000; i++) {
        if (qoe_lane_head(t->zone, 0) == qoe_lane_tail(t->zone, 0)
            && qoe_lane_head(t->zone, 1) == qoe_lane_tail(t->zone, 1))
        {
            return true;
        }

        usleep(10000);
    }

    return false;
}


static void
test_delivery(void)
{
    bench_t        t;
    qoe_helper_t  *h;

    setup(&t);
    put(&t, 250);
    ok(qoe_helper_start(&h, &t.conf) == QOE_OK, "the helper starts");
    ok(wait_delivered(&t, 250), "what waited in the zone is delivered");
    put(&t, 1);
    ok(wait_delivered(&t, 251), "one record alone is");
    put(&t, 2000);
    ok(wait_delivered(&t, 2251), "many are, each once");
    ok(wait_empty(&t), "the lanes are empty");
    ok(consumed(&t) == 2251, "all counted");
    ok(qoe_helper_stop(h, DRAIN_MS) == QOE_OK, "it stops");
    teardown(&t);
}


static void
test_flush(void)
{
    bench_t        t;
    qoe_helper_t  *h;

    setup(&t);
    t.conf.interval_ms = 3600000;
    qoe_helper_start(&h, &t.conf);
    put(&t, 30);
    usleep(100000);
    ok(delivered(&t) == 0, "a batch that is neither full nor old waits");
    put(&t, 300);
    ok(wait_delivered(&t, 200), "the full ones, one a lane, go at once");
    ok(qoe_helper_stop(h, DRAIN_MS) == QOE_OK && delivered(&t) == 330,
       "the rest goes at the exit");
    teardown(&t);
}


static void
test_hand_over(void)
{
    bench_t           t;
    qoe_helper_t     *old, *new;
    qoe_lane_info_t   info;

    setup(&t);
    qoe_helper_start(&old, &t.conf);
    put(&t, 500);
    qoe_zone_generation_raise(t.zone);
    put(&t, 500);
    t.conf.generation = qoe_zone_generation(t.zone);
    qoe_helper_start(&new, &t.conf);
    put(&t, 500);
    ok(wait_delivered(&t, 1500), "a new generation takes over, each once");
    ok(qoe_helper_stop(old, DRAIN_MS) == QOE_OK, "the old one stops");
    qoe_zone_lane_info(t.zone, 0, &info);
    ok(info.owner == qoe_proc_self(), "the lane stays the new one's");
    put(&t, 10);
    ok(qoe_helper_stop(new, DRAIN_MS) == QOE_OK && delivered(&t) == 1510,
       "and so does the new one");
    ok(strstr(log_text, "not exported") == NULL, "nothing left was logged");
    teardown(&t);
}


static void
test_failure(void)
{
    char             bad[160];
    bench_t          t;
    uint64_t         start;
    qoe_helper_t    *h;
    qoe_lane_info_t  info;

    setup(&t);
    snprintf(bad, sizeof(bad), "%s/missing/out", t.dir);
    t.conf.transport.url[QOE_SIGNAL_LOGS] = qoe_span_str(bad);

    ok(qoe_helper_start(&h, &t.conf) == QOE_OK,
       "a destination that fails does not keep the helper from starting");
    put(&t, 300);
    usleep(200000);
    start = qoe_mono_ms();
    ok(qoe_helper_stop(h, DRAIN_MS) == QOE_OK, "it stops");
    ok(qoe_mono_ms() - start < 5000, "within its bound");
    ok(strstr(log_text, "300 events were not exported") != NULL,
       "what was left is logged");
    qoe_zone_lane_info(t.zone, 0, &info);
    ok(info.health.consecutive_failures > 0 && info.health.last_error[0],
       "health tells of it: %s", info.health.last_error);
    ok(counter(&t, QOE_COUNT_BATCHES_RETRIED) > 0, "counted as retried");

    t.conf.transport.url[QOE_SIGNAL_LOGS] = qoe_span_str(t.path);
    qoe_helper_start(&h, &t.conf);
    ok(wait_delivered(&t, 300), "the next helper delivers it all, once");
    ok(qoe_helper_stop(h, DRAIN_MS) == QOE_OK, "and stops");
    teardown(&t);
}


static void
test_corrupt(void)
{
    char          *frame;
    bench_t        t;
    qoe_helper_t  *h;

    setup(&t);
    put(&t, 10);
    put_bytes(&t, 0, qoe_span("\xff\xff no record"));
    put(&t, 10);
    qoe_helper_start(&h, &t.conf);
    ok(wait_delivered(&t, 20), "records around an unreadable one come out");
    wait_empty(&t);
    ok(counter(&t, QOE_COUNT_DROPPED_CORRUPT) == 1, "it is counted");
    qoe_helper_stop(h, DRAIN_MS);

    /* a stray write over the frame of the next record of lane 0 */

    frame = qoe_zone_ring(t.zone, 0) + qoe_lane_tail(t.zone, 0);
    put(&t, 10);
    memset(frame, 0xee, 4);
    qoe_helper_start(&h, &t.conf);
    ok(wait_delivered(&t, 25), "a damaged ring: the other lane comes out");
    ok(wait_empty(&t), "the damaged one is emptied");
    ok(counter(&t, QOE_COUNT_DROPPED_CORRUPT) == 6, "its events are counted");
    put(&t, 10);
    ok(wait_delivered(&t, 35), "and it goes on");
    qoe_helper_stop(h, DRAIN_MS);
    teardown(&t);
}


int
main(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);

    test_delivery();
    test_flush();
    test_hand_over();
    test_failure();
    test_corrupt();

    return tap_end();
}
