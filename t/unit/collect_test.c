
/*
 * Copyright (C) OpenQoE
 *
 * Collections: lanes merged, windows of gauges, idle series, memory that runs
 * out, writers at work meanwhile.
 */


#include "tap.h"
#include "qoe_collect.h"

#include <pthread.h>
#include <sys/mman.h>
#include <time.h>


#define SIZE               (32 * 1024 * 1024)
#define SECOND             1000000000ULL

#define COUNTER            QOE_METRIC_EVENTS_TOTAL
#define GAUGE              QOE_METRIC_PAGE_LOAD_TIME
#define HISTOGRAM          QOE_METRIC_VIDEO_STARTUP_TIME


typedef struct {
    qoe_zone_t        *zone;
    qoe_state_t        st;
    qoe_conf_t         conf;
    qoe_dimensions_t   dims;
    qoe_governor_t     governor;
    qoe_store_env_t    env;
    uint64_t           now_ns;
    qoe_collect_t     *c;
} place_t;


static void
place_make(place_t *p, uint32_t lanes)
{
    void  *mem;

    memset(p, 0, sizeof(place_t));

    mem = mmap(NULL, SIZE, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS, -1,
               0);

    if (mem == MAP_FAILED
        || qoe_zone_create(&p->zone, mem, SIZE, lanes) != QOE_OK)
    {
        abort();
    }

    qoe_state_create(p->zone);

    if (qoe_state_attach(&p->st, p->zone) != QOE_OK) {
        abort();
    }

    qoe_dimensions_init(&p->dims);
    qoe_governor_init(&p->governor, p->st.govern, &p->dims, qoe_proc_self());

    p->conf.groups = QOE_GROUPS_ALL;
    p->conf.series_max = 1000000;
    p->conf.series_ttl_ms = 60000;
    p->conf.dims = &p->dims;

    p->env.key = p->st.key;
    p->env.count = &p->st.shared->series;
    p->env.max = p->conf.series_max;
    p->env.zone_start_ns = qoe_zone_start_ns(p->zone);

    p->now_ns = p->env.zone_start_ns + 5 * SECOND;
}


static void
place_free(place_t *p)
{
    qoe_collect_destroy(p->c);
    munmap(p->zone, SIZE);
}


static uint32_t
block(place_t *p, uint32_t lane, const char *name, unsigned value)
{
    char          text[32];
    qoe_labels_t  l;

    snprintf(text, sizeof(text), "%u", value);
    l.len = 0;

    if (qoe_labels_add(&l, qoe_span_str(name), qoe_span_str(text)) != QOE_OK) {
        abort();
    }

    return qoe_store_block(p->st.store[lane], &p->env, qoe_labels_span(&l));
}


static void
record(place_t *p, uint32_t lane, qoe_metric_id_t metric, unsigned set,
    unsigned extra, double value)
{
    uint32_t  b, x;

    b = block(p, lane, "set", set);
    x = extra ? block(p, lane, "extra", extra) : 0;

    (void) qoe_store_record(p->st.store[lane], &p->env, metric, b, x, value,
                            p->now_ns);

    qoe_store_unref(p->st.store[lane], b);
    qoe_store_unref(p->st.store[lane], x);
}


static void
sweep(place_t *p)
{
    int       turn;
    uint32_t  lane, cursor;

    for (lane = 0; lane < p->st.lanes; lane++) {
        cursor = 0;

        for (turn = 0; turn < 2; turn++) {
            do {
                qoe_store_sweep(p->st.store[lane], &p->env, &cursor, 1000);
            } while (cursor != 0);
        }
    }
}


static qoe_status_t
collect(place_t *p, qoe_collect_mode_t mode, uint32_t groups,
    const qoe_mem_t *mem)
{
    qoe_status_t  rc;

    qoe_collect_destroy(p->c);

    p->c = qoe_collect_create(&p->st, &p->conf, &p->governor, mode, groups,
                              p->now_ns, mem);
    if (p->c == NULL) {
        return QOE_NOMEM;
    }

    do {
        rc = qoe_collect_step(p->c, 500);
    } while (rc == QOE_AGAIN);

    return rc;
}


#define export(p)  collect(p, QOE_COLLECT_EXPORT, (p)->conf.groups,           \
                           &qoe_mem_heap)
#define scrape(p)  collect(p, QOE_COLLECT_READ,                               \
                           (p)->conf.groups|QOE_GROUP_STATS, &qoe_mem_heap)


/* The only series of the metric. */

static bool
only(place_t *p, qoe_metric_id_t metric, qoe_collected_t *out)
{
    if (qoe_collect_count(p->c, metric) != 1) {
        return false;
    }

    qoe_collect_get(p->c, metric, 0, out);

    return true;
}


static void
test_merge(void)
{
    place_t           p;
    qoe_span_t        bytes;
    qoe_collected_t   e;

    place_make(&p, 4);

    record(&p, 0, COUNTER, 1, 7, 5);
    record(&p, 1, COUNTER, 1, 7, 6);
    record(&p, 2, HISTOGRAM, 1, 0, 90);
    record(&p, 3, HISTOGRAM, 1, 0, 400);
    record(&p, 3, HISTOGRAM, 1, 0, 20);
    record(&p, 0, GAUGE, 1, 0, 10);
    record(&p, 2, GAUGE, 1, 0, 30);
    record(&p, 2, GAUGE, 1, 0, 50);

    ok(scrape(&p) == QOE_OK && only(&p, COUNTER, &e) && e.number == 11
       && e.integer == 11 && e.start_ns == p.env.zone_start_ns,
       "a counter of two lanes");

    bytes = qoe_collect_block(p.c, e.extra);
    ok(bytes.len == 9 && memcmp(bytes.data, "\5extra\1\0" "7", 9) == 0
       && qoe_collect_block(p.c, 0).len == 0
       && qoe_collect_block(p.c, qoe_collect_blocks(p.c) + 1).len == 0,
       "its attributes are those of the lanes");

    ok(only(&p, HISTOGRAM, &e) && e.histogram->count == 3
       && e.histogram->sum == 510 && e.histogram->min == 20
       && e.histogram->max == 400 && e.histogram->bucket[0] == 2
       && e.histogram->bucket[2] == 1, "a histogram of two");
    ok(only(&p, GAUGE, &e) && e.number == 30,
       "a scrape before any export: the mean of what there was");

    ok(export(&p) == QOE_OK && only(&p, GAUGE, &e) && e.number == 30
       && p.st.shared->collected_ns == p.now_ns, "an export has the mean");

    record(&p, 1, GAUGE, 1, 0, 100);

    ok(scrape(&p) == QOE_OK && only(&p, GAUGE, &e) && e.number == 30,
       "a scrape behind it has that of the export");
    ok(export(&p) == QOE_OK && only(&p, GAUGE, &e) && e.number == 100,
       "the next export has what came since");
    ok(export(&p) == QOE_OK && qoe_collect_count(p.c, GAUGE) == 0,
       "and one with nothing new has no series");
    ok(scrape(&p) == QOE_OK && qoe_collect_count(p.c, GAUGE) == 0,
       "a scrape neither");
    ok(qoe_collect_count(p.c, COUNTER) == 1
       && qoe_collect_count(p.c, QOE_METRICS_N) == 0
       && qoe_collect_time_ns(p.c) == p.now_ns, "counters stay");

    place_free(&p);
}


static void
test_groups(void)
{
    place_t          p;
    qoe_labels_t     l;
    qoe_collected_t  e;

    place_make(&p, 1);

    l.len = 0;
    (void) qoe_labels_add(&l, qoe_span("org_id"), qoe_span("acme"));

    record(&p, 0, COUNTER, 1, 1, 1);
    qoe_self_add(p.st.self, qoe_proc_self(), QOE_METRIC_EVENTS_RECEIVED,
                 qoe_labels_span(&l), 3);
    qoe_self_add(p.st.self, qoe_proc_self(), QOE_METRIC_INGEST_LATENCY,
                 qoe_span_null, 0.003);

    ok(scrape(&p) == QOE_OK
       && only(&p, QOE_METRIC_EVENTS_RECEIVED, &e) && e.integer == 3
       && e.base == 0 && qoe_collect_block(p.c, e.extra).len == l.len
       && only(&p, QOE_METRIC_INGEST_LATENCY, &e) && e.histogram->count == 1,
       "the module's own metrics are there");
    ok(qoe_collect_count(p.c, QOE_METRIC_SERIES_COUNT) == 1
       && qoe_collect_count(p.c, QOE_METRIC_QUEUE_SIZE) == 1,
       "and what is taken at the collection");

    ok(export(&p) == QOE_OK
       && qoe_collect_count(p.c, QOE_METRIC_EVENTS_RECEIVED) == 0,
       "what belongs to the scrape alone is not exported");

    p.conf.groups = QOE_GROUP_VIEW;
    ok(export(&p) == QOE_OK && qoe_collect_count(p.c, COUNTER) == 0
       && qoe_collect_count(p.c, QOE_METRIC_SERIES_COUNT) == 0,
       "nor what was not asked for");

    p.now_ns += 70 * SECOND;
    ok(export(&p) == QOE_OK, "an export behind its ttl");
    sweep(&p);
    ok(p.st.shared->series == 0, "frees series that nobody asks for, too");

    place_free(&p);
}


static void
test_idle(void)
{
    place_t          p;
    qoe_collected_t  e;

    place_make(&p, 2);

    record(&p, 0, COUNTER, 1, 0, 5);
    record(&p, 1, COUNTER, 1, 0, 6);
    record(&p, 0, HISTOGRAM, 2, 0, 6);

    p.now_ns += 50 * SECOND;
    record(&p, 1, COUNTER, 1, 0, 1);

    p.now_ns += 20 * SECOND;

    ok(scrape(&p) == QOE_OK, "a scrape");
    sweep(&p);
    ok(p.st.shared->series == 3, "ends nothing");

    ok(export(&p) == QOE_OK && qoe_collect_count(p.c, HISTOGRAM) == 1,
       "a series that is idle is exported a last time");
    sweep(&p);
    ok(p.st.shared->series == 2 && export(&p) == QOE_OK
       && qoe_collect_count(p.c, HISTOGRAM) == 0, "and has left then");
    ok(only(&p, COUNTER, &e) && e.integer == 12,
       "one that is idle in a lane but not in all stays whole");

    p.now_ns += 45 * SECOND;
    ok(export(&p) == QOE_OK, "idle in both");
    sweep(&p);
    ok(p.st.shared->series == 0, "it leaves both");

    record(&p, 1, COUNTER, 1, 0, 2);
    record(&p, 0, COUNTER, 9, 0, 2);
    ok(export(&p) == QOE_OK && qoe_collect_count(p.c, COUNTER) == 2,
       "it comes back");
    qoe_collect_get(p.c, COUNTER, 0, &e);
    ok(e.integer == 2 && e.start_ns == p.now_ns, "with a start of its own");

    p.conf.series_ttl_ms = 0;
    p.now_ns += 1000000 * SECOND;
    ok(export(&p) == QOE_OK, "without a ttl");
    sweep(&p);
    ok(p.st.shared->series == 2, "nothing ever leaves");

    p.st.shared->series += 3;
    ok(export(&p) == QOE_OK && p.st.shared->series == 2,
       "a count that is off is put right");

    place_free(&p);
}


/* One line a series, in any order: a sum of hashes. */

static uint64_t
digest(place_t *p)
{
    size_t           i, n;
    uint64_t         sum;
    qoe_span_t       b;
    qoe_collected_t  e;
    struct {
        uint64_t         metric;
        uint64_t         base;
        uint64_t         extra;
        uint64_t         integer;
        double           number;
        qoe_histogram_t  h;
    } line;

    const qoe_hash_key_t  key = { 1, 2 };

    sum = 0;

    for (i = 0; i < QOE_METRICS_N; i++) {
        if (qoe_metrics[i].group >= QOE_GROUP_SELF
            || qoe_metrics[i].kind == QOE_INSTRUMENT_GAUGE_NOW)
        {
            continue;
        }

        for (n = 0; n < qoe_collect_count(p->c, i); n++) {
            qoe_collect_get(p->c, i, n, &e);
            memset(&line, 0, sizeof(line));

            line.metric = i;
            b = qoe_collect_block(p->c, e.base);
            line.base = qoe_hash(&key, b.data, b.len);
            b = qoe_collect_block(p->c, e.extra);
            line.extra = qoe_hash(&key, b.data, b.len);
            line.integer = e.integer;
            line.number = e.number;

            if (e.histogram != NULL) {
                line.h = *e.histogram;
            }

            sum += qoe_hash(&key, &line, sizeof(line));
        }
    }

    return sum;
}


/* Whole values: their sums are the same in any order. */

static void
test_lanes(void)
{
    int       i, round, same;
    place_t   one, four;
    unsigned  seed, metric, set, extra, value;

    place_make(&one, 1);
    place_make(&four, 4);
    seed = 3;
    same = 1;

    for (round = 0; round < 5; round++) {
        for (i = 0; i < 20000; i++) {
            seed = seed * 1103515245 + 12345;
            metric = (seed >> 8) % QOE_METRICS_N;
            set = (seed >> 12) % 50;
            seed = seed * 1103515245 + 12345;
            extra = (seed >> 8) % 3;
            value = (seed >> 12) % 9000;

            record(&one, 0, metric, set, extra, value);
            record(&four, (uint32_t) i % 4, metric, set, extra, value);
        }

        same &= export(&one) == QOE_OK && export(&four) == QOE_OK
                && digest(&one) == digest(&four) && digest(&one) != 0;
        same &= scrape(&one) == QOE_OK && scrape(&four) == QOE_OK
                && digest(&one) == digest(&four);
    }

    ok(same, "four lanes collect as one does");
    ok(qoe_collect_count(four.c, COUNTER) == 150,
       "all the series are in it");

    place_free(&one);
    place_free(&four);
}


static void
test_nomem(void)
{
    long       n;
    int        fine;
    unsigned   i;
    place_t    p;
    tap_mem_t  m;

    place_make(&p, 2);

    for (i = 0; i < 1500; i++) {
        record(&p, i % 2, i % 3 ? COUNTER : HISTOGRAM, i, i % 5, 1);
    }

    fine = 1;

    for (n = 0; ; n++) {
        qoe_status_t  rc;

        rc = collect(&p, QOE_COLLECT_EXPORT, p.conf.groups, tap_mem(&m, n));
        qoe_collect_destroy(p.c);
        p.c = NULL;

        fine &= m.live == 0 && rc == (m.failed ? QOE_NOMEM : QOE_OK);

        if (m.failed == 0) {
            break;
        }
    }

    ok(fine && n > 10, "each of %ld allocations may fail", n);

    place_free(&p);
}


static void
test_steps(void)
{
    int           steps;
    unsigned      i;
    place_t       p;
    qoe_status_t  rc;

    place_make(&p, 2);

    for (i = 0; i < 3000; i++) {
        record(&p, i % 2, COUNTER, i % 40, 1 + i / 80, 1);
    }

    p.c = qoe_collect_create(&p.st, &p.conf, &p.governor, QOE_COLLECT_READ,
                             p.conf.groups, p.now_ns, &qoe_mem_heap);

    for (steps = 1; (rc = qoe_collect_step(p.c, 0)) == QOE_AGAIN; steps++) {
        if (qoe_collect_count(p.c, COUNTER) != 0) {
            break;
        }
    }

    ok(rc == QOE_OK && steps > 100, "without a budget it takes small steps");
    ok(qoe_collect_count(p.c, COUNTER) > 1000
       && qoe_collect_step(p.c, 0) == QOE_OK, "and then is complete");

    place_free(&p);
}


/* Writers, a scrape and exports at once; for the thread sanitizer as well. */

static int  stop;

typedef struct {
    place_t   *p;
    uint32_t   lane;
    uint64_t   recorded;
} work_t;


static void *
writer_thread(void *arg)
{
    work_t    *w = arg;
    uint32_t   cursor;
    unsigned   i;

    cursor = 0;

    for (i = 0; i < 100000; i++) {
        record(w->p, w->lane, COUNTER, i % 100, 0, 1);
        record(w->p, w->lane, GAUGE, i % 7, 0, 1);
        record(w->p, w->lane, HISTOGRAM, i % 13, 1, 1);
        w->recorded++;

        qoe_store_sweep(w->p->st.store[w->lane], &w->p->env, &cursor, 50);
    }

    return NULL;
}


static void *
scrape_thread(void *arg)
{
    size_t           n;
    double           now, last, wrong;
    place_t         *p;
    qoe_collected_t  e;

    p = ((work_t *) arg)->p;
    last = 0;
    wrong = 0;

    while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
        if (scrape(p) != QOE_OK) {
            wrong++;
            continue;
        }

        now = 0;

        for (n = 0; n < qoe_collect_count(p->c, COUNTER); n++) {
            qoe_collect_get(p->c, COUNTER, n, &e);
            now += e.number;
        }

        for (n = 0; n < qoe_collect_count(p->c, GAUGE); n++) {
            qoe_collect_get(p->c, GAUGE, n, &e);
            wrong += e.number != 1;
        }

        wrong += now < last;
        last = now;
    }

    qoe_collect_destroy(p->c);
    p->c = NULL;
    ((work_t *) arg)->recorded = (uint64_t) wrong;

    return NULL;
}


static void
test_threads(void)
{
    int              i;
    double           total;
    size_t           n;
    work_t           w[3];
    place_t          p, scraper;
    pthread_t        t[3];
    qoe_collected_t  e;

    place_make(&p, 2);
    scraper = p;

    for (i = 0; i < 3; i++) {
        w[i] = (work_t) { i < 2 ? &p : &scraper, (uint32_t) i, 0 };
        pthread_create(&t[i], NULL, i < 2 ? writer_thread : scrape_thread,
                       &w[i]);
    }

    for (i = 0; i < 20; i++) {
        struct timespec  ts = { 0, 3000000 };

        nanosleep(&ts, NULL);
        (void) export(&p);
    }

    pthread_join(t[0], NULL);
    pthread_join(t[1], NULL);
    __atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
    pthread_join(t[2], NULL);

    ok(w[2].recorded == 0, "beside writers no counter goes down, and no mean "
       "is anything but the values");

    (void) export(&p);
    total = 0;

    for (n = 0; n < qoe_collect_count(p.c, COUNTER); n++) {
        qoe_collect_get(p.c, COUNTER, n, &e);
        total += e.number;
    }

    ok(total == 200000, "at last there is all that was recorded");

    place_free(&p);
}


int
main(void)
{
    test_merge();
    test_groups();
    test_idle();
    test_lanes();
    test_nomem();
    test_steps();
    test_threads();

    return tap_end();
}
