
/*
 * Copyright (C) OpenQoE
 *
 * Collections: lanes are merged, windows of gauges close, memory runs out, and
 * writers work meanwhile.
 */


#include "collect_place.h"

#include <pthread.h>
#include <time.h>


static void
test_merge(void)
{
    place_t           p;
    qoe_span_t        bytes;
    qoe_collected_t   e;

    place_make(&p, 4);
    p.conf.series_ttl_ms = 0;

    record(&p, 0, COUNTER, 1, 7, 5);
    record(&p, 1, COUNTER, 1, 7, 6);
    record(&p, 2, HISTOGRAM, 1, 0, 90);
    record(&p, 3, HISTOGRAM, 1, 0, 400);
    record(&p, 3, HISTOGRAM, 1, 0, 20);
    record(&p, 0, GAUGE, 1, 0, 10);
    record(&p, 2, GAUGE, 1, 0, 30);
    record(&p, 2, GAUGE, 1, 0, 50);

    ok(scrape(&p) == QOE_OK && only(&p, COUNTER, &e) && e.number == 11
       && e.integer == 11 && e.start_ns == p.now_ns,
       "a counter of two lanes is a series with the sum of both");

    bytes = qoe_collect_block(p.c, e.extra);
    ok(bytes.len == 9 && memcmp(bytes.data, "\5extra\1\0" "7", 9) == 0
       && qoe_collect_block(p.c, 0).len == 0
       && qoe_collect_block(p.c, qoe_collect_blocks(p.c) + 1).len == 0,
       "the series has the attributes that its lanes have");

    ok(only(&p, HISTOGRAM, &e) && e.histogram->count == 3
       && e.histogram->sum == 510 && e.histogram->min == 20
       && e.histogram->max == 400 && e.histogram->bucket[0] == 2
       && e.histogram->bucket[2] == 1,
       "a histogram of two lanes is a series with the sum of both");
    ok(only(&p, GAUGE, &e) && e.number == 30,
       "a scrape before any export has the gauge's mean so far");

    ok(export(&p) == QOE_OK && only(&p, GAUGE, &e) && e.number == 30
       && p.st.shared->collected_ns == p.now_ns + SETTLE,
       "an export has the gauge's mean");

    record(&p, 1, GAUGE, 1, 0, 100);

    ok(scrape(&p) == QOE_OK && only(&p, GAUGE, &e) && e.number == 30,
       "a scrape after an export has the gauge's value of that export");
    ok(export(&p) == QOE_OK && only(&p, GAUGE, &e) && e.number == 100,
       "the next export has the mean of what came since");
    ok(export(&p) == QOE_OK && qoe_collect_count(p.c, GAUGE) == 0,
       "an export without new values of the gauge has no series of it");

    p.now_ns += 59 * SECOND;
    ok(export(&p) == QOE_OK && qoe_collect_count(p.c, GAUGE) == 0,
       "for a minute an exported gauge is not ended");
    p.now_ns += SECOND;
    ok(export(&p) == QOE_OK && only(&p, GAUGE, &e) && e.ended
       && e.number == 0,
       "after a minute an export says that the gauge has no value");
    ok(scrape(&p) == QOE_OK && qoe_collect_count(p.c, GAUGE) == 0
       && export(&p) == QOE_OK && qoe_collect_count(p.c, GAUGE) == 0,
       "the end of a gauge is exported once, and scrapes have no series of it "
       "then");

    record(&p, 0, GAUGE, 1, 0, 40);
    p.now_ns += 30 * SECOND;
    record(&p, 3, GAUGE, 1, 0, 50);
    (void) export(&p);
    p.now_ns += 30 * SECOND;
    ok(export(&p) == QOE_OK && qoe_collect_count(p.c, GAUGE) == 0,
       "a later value of another lane does not end the gauge");
    p.now_ns += 300 * SECOND;
    ok(export(&p) == QOE_OK && only(&p, GAUGE, &e) && e.ended,
       "with long intervals the next export says that the gauge has no value");

    ok(scrape(&p) == QOE_OK && qoe_collect_count(p.c, GAUGE) == 0,
       "a scrape then has no series of the gauge");
    ok(qoe_collect_count(p.c, COUNTER) == 1
       && qoe_collect_count(p.c, QOE_METRICS_N) == 0
       && qoe_collect_time_ns(p.c) == p.now_ns + SETTLE,
       "counters stay when gauges end");

    place_free(&p);
}


/* Views that play are counted from sessions, of which there are none. */

static void
test_no_views(void)
{
    place_t          p;
    qoe_collected_t  e;

    place_make(&p, 2);

    record(&p, 0, QOE_METRIC_VIEWS_STARTED_TOTAL, 1, 0, 1);
    ok(scrape(&p) == QOE_OK
       && qoe_collect_count(p.c, QOE_METRIC_CONCURRENT_VIEWS_CURRENT) == 0,
       "no number of views is given for the attributes of headline metrics");

    record(&p, 0, COUNTER, 2, 0, 1);
    record(&p, 1, COUNTER, 2, 3, 1);
    record(&p, 1, HISTOGRAM, 2, 0, 1);
    ok(export(&p) == QOE_OK
       && only(&p, QOE_METRIC_CONCURRENT_VIEWS_CURRENT, &e)
       && e.number == 0 && e.base != 0 && e.extra == 0,
       "where no session is left the number of views is 0 while other series "
       "live");

    p.now_ns += 120 * SECOND;
    (void) export(&p);
    sweep(&p);
    ok(export(&p) == QOE_OK
       && qoe_collect_count(p.c, QOE_METRIC_CONCURRENT_VIEWS_CURRENT) == 0,
       "the number of views leaves with the last other series");

    place_free(&p);
}


/* More sets of attributes than are looked at in a single step. */

static void
test_no_views_many(void)
{
    size_t           i, zeros;
    place_t          p;
    qoe_collected_t  e;

    place_make(&p, 1);

    for (i = 0; i < 200; i++) {
        record(&p, 0, COUNTER, (unsigned) i, 0, 1);
    }

    ok(scrape(&p) == QOE_OK
       && qoe_collect_count(p.c, QOE_METRIC_CONCURRENT_VIEWS_CURRENT) == 200,
       "each of 200 sets of attributes has its number of views");

    for (i = 0, zeros = 0; i < 200; i++) {
        qoe_collect_get(p.c, QOE_METRIC_CONCURRENT_VIEWS_CURRENT, i, &e);
        zeros += (e.number == 0 && e.base != 0);
    }

    ok(zeros == 200, "without a view each of these numbers is 0");
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
       "the module's own metrics are collected");
    ok(qoe_collect_count(p.c, QOE_METRIC_SERIES_COUNT) == 1
       && qoe_collect_count(p.c, QOE_METRIC_QUEUE_SIZE) == 1,
       "values that are taken at the collection are collected");

    ok(export(&p) == QOE_OK
       && qoe_collect_count(p.c, QOE_METRIC_EVENTS_RECEIVED) == 0,
       "metrics that belong to scrapes alone are not exported");

    p.conf.groups = QOE_GROUP_VIEW;
    ok(export(&p) == QOE_OK && qoe_collect_count(p.c, COUNTER) == 0
       && qoe_collect_count(p.c, QOE_METRIC_SERIES_COUNT) == 0,
       "metrics that were not asked for are not exported");

    p.now_ns += 70 * SECOND;
    ok(export(&p) == QOE_OK,
       "an export is made after the ttl of series that it leaves out");
    sweep(&p);
    ok(p.st.shared->series == 0,
       "series that no consumer asks for are freed, too");

    place_free(&p);
}


/*
 * A sum of hashes, a line for each series, so that their order does not
 * matter.
 */

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


/* The values are whole numbers, whose sums are the same in any order. */

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
        for (i = 0; i < 40000; i++) {
            seed = seed * 1103515245 + 12345;
            metric = (seed >> 8) % QOE_METRICS_N;
            set = (seed >> 12) % 20;
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

    ok(same, "four lanes collect what a single lane collects");
    ok(qoe_collect_count(four.c, COUNTER) == 60,
       "a collection of four lanes has all the series");

    place_free(&one);
    place_free(&four);
}


/* Collects until no allocation fails, one more each time. */

/* Fails each of the *n allocations of a collection in its turn. */

static bool
fails_well(place_t *p, long *allocations)
{
    long          n;
    bool          fine;
    tap_mem_t     m;
    qoe_status_t  rc;

    fine = true;

    for (n = 0; ; n++) {
        rc = collect(p, QOE_COLLECT_EXPORT, p->conf.groups|QOE_GROUP_STATS,
                     tap_mem(&m, n));
        qoe_collect_destroy(p->c);
        p->c = NULL;

        fine = fine && m.live == 0 && rc == (m.failed ? QOE_NOMEM : QOE_OK);

        if (m.failed == 0) {
            break;
        }
    }

    *allocations = n;

    return fine;
}


static void
each_fails(place_t *p, long least, const char *what)
{
    long  n;
    bool  fine;

    fine = fails_well(p, &n);

    ok(fine && n > least,
       "the failure of each of %ld allocations for %s is reported, and frees "
       "all others", n, what);
}


static void
test_nomem(void)
{
    unsigned  i;
    place_t   p;

    place_make(&p, 2);
    each_fails(&p, 5, "gauges alone");

    qoe_self_add(p.st.self, qoe_proc_self(), QOE_METRIC_EVENTS_RECEIVED,
                 qoe_span_null, 2);
    each_fails(&p, 5, "a metric of the module itself");
    place_free(&p);

    place_make(&p, 2);

    for (i = 0; i < 1500; i++) {
        record(&p, i % 2, i % 3 ? COUNTER : HISTOGRAM, i, i % 5, 1);
    }

    each_fails(&p, 10, "series of two lanes");

    p.now_ns += 2 * p.conf.series_ttl_ms * 1000000;
    each_fails(&p, 10, "series that are idle");
    place_free(&p);
}


/*
 * Memory is taken for 512 series at a time: with one series of events more at a
 * time, each of the values that are taken at the collection is once the first
 * that needs more.
 */

static void
test_nomem_gauges(void)
{
    bool      fine;
    long      n;
    size_t    gauges;
    place_t   p;
    unsigned  i;

    place_make(&p, 1);

    if (collect(&p, QOE_COLLECT_EXPORT, p.conf.groups|QOE_GROUP_STATS,
                &qoe_mem_heap) != QOE_OK)
    {
        abort();
    }

    for (i = 0, gauges = 0; i < QOE_METRICS_N; i++) {
        gauges += qoe_collect_count(p.c, (qoe_metric_id_t) i);
    }

    fine = true;

    for (i = 1; i < 512; i++) {
        record(&p, 0, COUNTER, 1, i, 1);

        if (i + gauges >= 512) {
            fine = fails_well(&p, &n) && fine;
        }
    }

    ok(fine && gauges > 10, "where memory ends at any of the %zu values that "
       "are taken at the collection, the collection fails", gauges);

    place_free(&p);
}


/* More series than the first table of chunks can hold. */

static void
test_many(void)
{
    double           sum;
    size_t           i, n;
    place_t          p;
    qoe_collected_t  out;

    place_make(&p, 1);

    for (i = 0; i < 33000; i++) {
        record(&p, 0, COUNTER, (unsigned) (i % 200), (unsigned) (1 + i / 200),
               (double) (i % 7));
    }

    (void) export(&p);
    n = qoe_collect_count(p.c, COUNTER);

    for (i = 0, sum = 0; i < n; i++) {
        qoe_collect_get(p.c, COUNTER, i, &out);
        sum += out.number;
    }

    ok(n == 33000 && sum == 98995,
       "%zu series are collected, each with its value: %.0f in all", n, sum);

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
                             p.conf.groups, p.now_ns + SETTLE, &qoe_mem_heap);

    for (steps = 1; (rc = qoe_collect_step(p.c, 0)) == QOE_AGAIN; steps++) {
        if (qoe_collect_count(p.c, COUNTER) != 0) {
            break;
        }
    }

    ok(rc == QOE_OK && steps > 100,
       "without a budget a collection takes small steps");
    ok(qoe_collect_count(p.c, COUNTER) > 1000
       && qoe_collect_step(p.c, 0) == QOE_OK,
       "a collection in small steps is complete at its end");

    place_free(&p);
}


/* Writers, a scrape and exports at once, for the thread sanitizer as well. */

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

    ok(w[2].recorded == 0,
       "beside writers no counter goes down, and no mean is anything but the "
       "values");

    (void) export(&p);
    total = 0;

    for (n = 0; n < qoe_collect_count(p.c, COUNTER); n++) {
        qoe_collect_get(p.c, COUNTER, n, &e);
        total += e.number;
    }

    ok(total == 200000, "at last the collection has all that was recorded");

    place_free(&p);
}


int
main(void)
{
    test_merge();
    test_no_views();
    test_no_views_many();
    test_groups();
    test_lanes();
    test_nomem();
    test_nomem_gauges();
    test_many();
    test_steps();
    test_threads();

    return tap_end();
}
