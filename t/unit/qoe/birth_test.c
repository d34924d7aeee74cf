
/*
 * Copyright (C) OpenQoE
 *
 * Births of series: scrapers and exports get a counter or histogram with 0
 * first, and then with everything that was counted.
 */


#include "collect_place.h"


#define BIRTH              15000             /* ms */
#define MS                 1000000ULL


#define births(p)  collect(p, QOE_COLLECT_BIRTHS, (p)->conf.groups,           \
                           &qoe_mem_heap)
#define last(p)    collect(p, QOE_COLLECT_LAST, (p)->conf.groups,             \
                           &qoe_mem_heap)


static void
birth_make(place_t *p, uint32_t lanes)
{
    place_make(p, lanes);
    p->conf.series_birth_ms = BIRTH;
}


/* What the exporter does once a collection has been sent. */

static void
announce(place_t *p)
{
    p->st.shared->announced_ns = qoe_collect_until_ns(p->c);
}


/* How long zeros last, and how often births are looked for. */

static void
test_times(void)
{
    qoe_conf_t  conf;

    memset(&conf, 0, sizeof(conf));
    ok(qoe_collect_births_ms(&conf) == 0
       && qoe_collect_wait_ms(&conf, QOE_COLLECT_READ) == 0
       && qoe_collect_wait_ms(&conf, QOE_COLLECT_EXPORT) == 0,
       "with births off nothing waits");

    conf.series_birth_ms = 16000;
    ok(qoe_collect_births_ms(&conf) == 2000,
       "births are looked for eight times an interval");
    ok(qoe_collect_wait_ms(&conf, QOE_COLLECT_READ) == 18000,
       "a scrape shows a zero for an interval and an eighth");
    ok(qoe_collect_wait_ms(&conf, QOE_COLLECT_EXPORT) == 20000
       && qoe_collect_wait_ms(&conf, QOE_COLLECT_BIRTHS) == 20000,
       "an exporter for the time between two looks more");
    ok(qoe_collect_wait_ms(&conf, QOE_COLLECT_LAST) == 0,
       "the last collection shows none");
}


/* To the nanosecond. */

static void
test_bound(void)
{
    uint64_t         born;
    place_t          p;
    qoe_collected_t  e;

    birth_make(&p, 1);
    born = p.now_ns;
    record(&p, 0, COUNTER, 1, 0, 5);

    p.now_ns = born + (BIRTH + BIRTH / 8) * MS - 1;
    ok(scrape(&p) == QOE_OK && only(&p, COUNTER, &e) && e.integer == 0
       && qoe_collect_waits(p.c), "a zero lasts until its time is over");
    p.now_ns++;
    ok(scrape(&p) == QOE_OK && only(&p, COUNTER, &e) && e.integer == 5
       && !qoe_collect_waits(p.c), "and no longer");
    place_free(&p);
}


/* A series that begins while the last collection is made. */

static void
test_last_late(void)
{
    uint64_t         now;
    place_t          p;
    qoe_collected_t  e;

    birth_make(&p, 1);
    now = p.now_ns;
    p.c = qoe_collect_create(&p.st, &p.conf, &p.governor, QOE_COLLECT_LAST,
                             p.conf.groups, now, &qoe_mem_heap);
    p.now_ns = now + 2 * SECOND;
    record(&p, 0, COUNTER, 1, 0, 5);

    while (qoe_collect_step(p.c, 1000) == QOE_AGAIN) { /* void */ }

    ok(only(&p, COUNTER, &e) && e.integer == 5 && e.start_ns == p.now_ns
       && qoe_collect_time_ns(p.c) == p.now_ns,
       "the time of the last collection is never before the start of a "
       "series");
    place_free(&p);
}


/* The sum of all series of the counter. */

static uint64_t
total(const place_t *p)
{
    size_t           i;
    uint64_t         n;
    qoe_collected_t  e;

    for (i = 0, n = 0; i < qoe_collect_count(p->c, COUNTER); i++) {
        qoe_collect_get(p->c, COUNTER, i, &e);
        n += e.integer;
    }

    return n;
}


/* The number of points of all metrics of views. */

static size_t
points(const place_t *p)
{
    size_t    n;
    uint32_t  i;

    for (i = 0, n = 0; i < QOE_METRICS_N; i++) {
        if (qoe_metrics[i].group < QOE_GROUP_SELF) {
            n += qoe_collect_count(p->c, i);
        }
    }

    return n;
}


static void
test_scrapes(void)
{
    uint64_t         born;
    place_t          p, other;
    qoe_collected_t  e;

    birth_make(&p, 2);
    born = p.now_ns;

    record(&p, 0, COUNTER, 1, 0, 5);
    record(&p, 0, HISTOGRAM, 1, 0, 700);
    record(&p, 0, QOE_METRIC_PLAYING_TIME_SECONDS, 1, 0, 2.5);
    record(&p, 0, GAUGE, 1, 0, 30);

    ok(scrape(&p) == QOE_OK && only(&p, COUNTER, &e) && e.integer == 0
       && e.number == 0 && e.start_ns == born,
       "a counter that has just begun is collected with 0");
    ok(only(&p, HISTOGRAM, &e) && e.histogram->count == 0
       && e.histogram->sum == 0 && e.histogram->bucket[3] == 0,
       "a histogram that has just begun is collected with 0");
    ok(only(&p, QOE_METRIC_PLAYING_TIME_SECONDS, &e) && e.number == 0,
       "an up-down counter that has just begun is collected with 0");
    ok(only(&p, GAUGE, &e) && e.number == 30, "a gauge has its value at once");

    p.now_ns = born + BIRTH * MS + 500 * MS;
    record(&p, 0, COUNTER, 1, 0, 6);

    other = p;
    other.c = NULL;

    ok(scrape(&p) == QOE_OK && only(&p, COUNTER, &e) && e.integer == 0,
       "a scraper that is half a second late finds the zero as well");
    ok(scrape(&other) == QOE_OK && only(&other, COUNTER, &e)
       && e.integer == 0, "a second scraper sees what the first scraper saw");
    qoe_collect_destroy(other.c);

    p.now_ns = born + BIRTH * MS + BIRTH * MS / 8;

    ok(scrape(&p) == QOE_OK && only(&p, COUNTER, &e) && e.integer == 11
       && e.number == 11 && e.start_ns == born
       && only(&p, HISTOGRAM, &e) && e.histogram->count == 1
       && e.histogram->sum == 700
       && only(&p, QOE_METRIC_PLAYING_TIME_SECONDS, &e) && e.number == 2.5,
       "after the birth's time a series has all that was counted");

    record(&p, 1, COUNTER, 1, 0, 4);
    ok(scrape(&p) == QOE_OK && only(&p, COUNTER, &e) && e.integer == 15
       && e.start_ns == born,
       "what another lane adds to a known series is collected at once");

    p.conf.series_birth_ms = 0;
    record(&p, 1, COUNTER, 2, 0, 4);
    ok(scrape(&p) == QOE_OK && qoe_collect_count(p.c, COUNTER) == 2
       && !qoe_collect_waits(p.c), "with births off no series waits");
    ok(total(&p) == 19, "with births off a value is collected at once");

    place_free(&p);
}


static void
test_anew(void)
{
    place_t          p;
    qoe_collected_t  e;

    birth_make(&p, 1);

    record(&p, 0, COUNTER, 1, 0, 5);
    p.now_ns += 100 * SECOND;
    ok(export(&p) == QOE_OK && only(&p, COUNTER, &e) && e.integer == 5,
       "a series is exported a last time when it is idle");
    sweep(&p);

    record(&p, 0, COUNTER, 1, 0, 3);
    ok(scrape(&p) == QOE_OK && only(&p, COUNTER, &e) && e.integer == 0
       && e.start_ns == p.now_ns,
       "a series that had left and begins anew is born anew");

    p.now_ns += 20 * SECOND;
    ok(scrape(&p) == QOE_OK && only(&p, COUNTER, &e) && e.integer == 3,
       "a series that began anew has its new value after the birth's time");

    (void) qoe_store_record(p.st.store[0], &p.env, COUNTER,
                            QOE_STORE_OVERFLOW, 0, 2, p.now_ns);
    ok(scrape(&p) == QOE_OK && qoe_collect_count(p.c, COUNTER) == 2
       && total(&p) == 3,
       "the overflow series of a metric is born with 0");

    place_free(&p);
}


/* A series whose value waits must not leave before the value was collected. */

static void
test_ttl(void)
{
    uint64_t         born;
    place_t          p;
    qoe_collected_t  e;

    birth_make(&p, 1);
    born = p.now_ns;
    p.conf.series_ttl_ms = 1000;

    record(&p, 0, COUNTER, 1, 0, 5);

    p.now_ns = born + 15 * SECOND;
    ok(export(&p) == QOE_OK,
       "a series with a very short ttl is exported at its birth");
    sweep(&p);
    p.now_ns = born + 25 * SECOND;
    ok(export(&p) == QOE_OK && only(&p, COUNTER, &e) && e.integer == 5,
       "a series lives at least until its value has been seen");
    p.now_ns = born + 60 * SECOND;
    (void) export(&p);
    sweep(&p);
    ok(export(&p) == QOE_OK && qoe_collect_count(p.c, COUNTER) == 0,
       "a series with a very short ttl leaves once its value was exported");

    place_free(&p);
}


static void
test_self(void)
{
    uint64_t         born;
    place_t          p;
    qoe_collected_t  e;

    birth_make(&p, 1);
    born = qoe_collect_born(&p.st);

    qoe_self_add(p.st.self, qoe_proc_self(), QOE_METRIC_INGEST_EVENTS,
                 qoe_span("\7outcome\10\0accepted"), 7);
    qoe_self_add(p.st.self, qoe_proc_self(), QOE_METRIC_INGEST_EVENTS,
                 qoe_span("\7outcome\10\0accepted"), 7);

    ok(qoe_collect_born(&p.st) == born + 1,
       "a series is counted once among those that were born");

    p.now_ns = qoe_unix_ns() + MS;
    ok(scrape(&p) == QOE_OK && only(&p, QOE_METRIC_INGEST_EVENTS, &e)
       && e.integer == 0 && e.start_ns <= p.now_ns,
       "a series of the module itself is collected with 0 first");
    ok(births(&p) == QOE_OK && only(&p, QOE_METRIC_INGEST_EVENTS, &e),
       "a series of the module itself is in a collection of births");

    p.now_ns += 20 * SECOND;
    ok(scrape(&p) == QOE_OK && only(&p, QOE_METRIC_INGEST_EVENTS, &e)
       && e.integer == 14,
       "a series of the module itself has its values after the birth's time");

    place_free(&p);
}


static void
test_exports(void)
{
    uint64_t         born, wait;
    place_t          p;
    qoe_collected_t  e;

    birth_make(&p, 2);
    born = p.now_ns;
    wait = qoe_collect_wait_ms(&p.conf, QOE_COLLECT_EXPORT) * MS;

    record(&p, 0, COUNTER, 1, 0, 5);

    p.now_ns = born + SECOND;
    ok(export(&p) == QOE_OK && only(&p, COUNTER, &e) && e.integer == 0
       && qoe_collect_waits(p.c),
       "an export has the zero of a series that has just begun");
    announce(&p);

    p.now_ns = born + 2 * SECOND;
    record(&p, 1, COUNTER, 2, 0, 9);
    record(&p, 1, COUNTER, 1, 0, 9);
    record(&p, 1, GAUGE, 1, 0, 9);

    p.now_ns = born + 3 * SECOND;
    ok(births(&p) == QOE_OK && points(&p) == 1 && only(&p, COUNTER, &e)
       && e.integer == 0 && e.start_ns == born + 2 * SECOND,
       "a series that began since the export is in a collection of births, "
       "with 0");
    announce(&p);

    p.now_ns = born + 5 * SECOND;
    ok(births(&p) == QOE_OK && points(&p) == 0,
       "a series is in a single collection of births");
    announce(&p);

    p.now_ns = born + wait - MS;
    ok(births(&p) == QOE_OK && points(&p) == 0,
       "the value that the export left out waits for its time");
    announce(&p);

    p.now_ns = born + wait + SECOND;
    ok(births(&p) == QOE_OK && points(&p) == 1 && only(&p, COUNTER, &e)
       && e.integer == 14 && e.start_ns == born,
       "once its wait is over that value follows, with what all lanes have");
    announce(&p);

    p.now_ns = born + wait + 30 * SECOND;
    ok(births(&p) == QOE_OK && points(&p) == 0,
       "a value of a series born between two exports waits for the next "
       "export");

    ok(export(&p) == QOE_OK && total(&p) == 23
       && !qoe_collect_waits(p.c), "the next export has all values");
    announce(&p);

    record(&p, 0, COUNTER, 3, 0, 8);
    ok(export(&p) == QOE_OK && total(&p) == 23,
       "an export shows a series that has only just begun with 0");
    ok(last(&p) == QOE_OK && total(&p) == 31,
       "the last export has the value of a new series, which must not be lost");

    place_free(&p);
}


/*
 * The start of a series is the earliest of its lanes' starts. collect() looks
 * SETTLE after the test's clock, so a series that began at that clock is just
 * included.
 */

static void
test_settle(void)
{
    uint64_t         born;
    place_t          p;
    qoe_collected_t  e;

    birth_make(&p, 2);
    born = p.now_ns + 10 * MS;

    p.now_ns = born;
    record(&p, 0, COUNTER, 1, 0, 5);
    record(&p, 0, GAUGE, 1, 0, 7);

    p.now_ns = born - 5 * MS;
    ok(scrape(&p) == QOE_OK && points(&p) == 1 && only(&p, GAUGE, &e)
       && births(&p) == QOE_OK && points(&p) == 0,
       "a scrape leaves out a series that began within SETTLE, but no gauge");
    announce(&p);
    ok(export(&p) == QOE_OK && qoe_collect_count(p.c, COUNTER) == 0,
       "an export leaves out a series that began within SETTLE");
    announce(&p);
    ok(last(&p) == QOE_OK && only(&p, COUNTER, &e) && e.integer == 5
       && e.start_ns == born && qoe_collect_time_ns(p.c) >= born,
       "the last export has that series, and no point of it is before its "
       "start");

    /* Another lane took its time earlier, and is to be seen later. */

    p.now_ns = born - 2 * MS;
    record(&p, 1, COUNTER, 1, 0, 4);

    p.now_ns = born;
    ok(births(&p) == QOE_OK && only(&p, COUNTER, &e) && e.integer == 0
       && e.start_ns == born - 2 * MS,
       "the next collection has that series, with the start of the earliest "
       "lane");
    announce(&p);
    ok(births(&p) == QOE_OK && points(&p) == 0,
       "that series is in a single collection of births");

    p.now_ns = born + 30 * SECOND;
    ok(export(&p) == QOE_OK && only(&p, COUNTER, &e) && e.integer == 9
       && e.start_ns == born - 2 * MS, "the start of a series stays the same");

    place_free(&p);
}


/* A lane adds to an old series for the first time. */

static void
test_settle_known(void)
{
    uint64_t         born;
    place_t          p;
    qoe_collected_t  e;

    birth_make(&p, 2);
    born = p.now_ns;
    record(&p, 0, COUNTER, 1, 0, 5);

    p.now_ns = born + 70 * SECOND;
    record(&p, 1, COUNTER, 1, 0, 4);
    p.now_ns -= MS;
    ok(export(&p) == QOE_OK && only(&p, COUNTER, &e) && e.integer == 9
       && e.start_ns == born,
       "what another lane adds to a known series is never left out");

    sweep(&p);
    p.now_ns += 2 * MS;
    ok(export(&p) == QOE_OK && only(&p, COUNTER, &e) && e.integer == 9
       && e.start_ns == born,
       "the old lane's part stays for as long as the new one's lives");

    p.now_ns += 70 * SECOND;
    ok(export(&p) == QOE_OK && only(&p, COUNTER, &e) && e.integer == 9,
       "a series that is idle in both lanes is exported a last time");
    sweep(&p);
    record(&p, 1, COUNTER, 1, 0, 3);
    ok(export(&p) == QOE_OK && only(&p, COUNTER, &e) && e.integer == 0
       && e.start_ns == p.now_ns,
       "a series that left both lanes begins as a new one");

    place_free(&p);
}


/*
 * A series that began just before an export is in the births after it, with 0.
 */

static void
test_settle_export(void)
{
    uint64_t         born, wait;
    place_t          p;
    qoe_collected_t  e;

    birth_make(&p, 1);
    born = p.now_ns;
    wait = qoe_collect_wait_ms(&p.conf, QOE_COLLECT_EXPORT) * MS;

    record(&p, 0, COUNTER, 1, 0, 5);
    p.now_ns = born - MS;
    ok(export(&p) == QOE_OK && points(&p) == 0,
       "an export leaves out a series that began just before it");
    announce(&p);

    p.now_ns = born + 2 * SECOND;
    ok(births(&p) == QOE_OK && only(&p, COUNTER, &e) && e.integer == 0
       && e.start_ns == born,
       "the zero of that series comes between that export and the next");
    announce(&p);

    p.now_ns = born + wait + SECOND;
    ok(births(&p) == QOE_OK && points(&p) == 0,
       "the value of that series waits for the next export");
    ok(export(&p) == QOE_OK && only(&p, COUNTER, &e) && e.integer == 5,
       "the next export has the value of that series");

    place_free(&p);
}


static void
test_clock(void)
{
    uint64_t         time_ns;
    place_t          p;
    qoe_collected_t  e;

    birth_make(&p, 1);

    record(&p, 0, COUNTER, 1, 0, 5);
    p.now_ns += SECOND;
    ok(export(&p) == QOE_OK,
       "a series is exported before the clock steps back");
    time_ns = qoe_collect_time_ns(p.c);
    announce(&p);

    p.now_ns -= 3600 * SECOND;
    ok(export(&p) == QOE_OK && qoe_collect_time_ns(p.c) > time_ns,
       "after a clock that steps back no point is older than the point before");
    ok(only(&p, COUNTER, &e) && e.start_ns <= qoe_collect_time_ns(p.c)
       && e.integer == 5,
       "no point is older than its start, and no value waits for an hour");
    announce(&p);

    ok(scrape(&p) == QOE_OK && only(&p, COUNTER, &e)
       && e.start_ns <= qoe_collect_time_ns(p.c),
       "no start is after the time of a scrape");

    record(&p, 0, COUNTER, 2, 0, 5);
    p.now_ns += SECOND;
    p.st.shared->announced_ns = p.now_ns + 3599 * SECOND;
    ok(births(&p) == QOE_OK && qoe_collect_count(p.c, COUNTER) == 2
       && total(&p) == 5 && qoe_collect_time_ns(p.c) > time_ns,
       "a series that begins after the step is announced with 0");

    place_free(&p);
}


/* A series that begins at the very time of the collection. */

static void
test_young(void)
{
    place_t          p;
    qoe_collected_t  e;

    birth_make(&p, 1);
    record(&p, 0, COUNTER, 1, 0, 5);
    p.now_ns -= SETTLE;
    ok(scrape(&p) == QOE_OK && qoe_collect_count(p.c, COUNTER) == 0,
       "a scrape that waits for births leaves out what may not be whole yet");
    place_free(&p);

    place_make(&p, 1);
    record(&p, 0, COUNTER, 1, 0, 5);
    p.now_ns -= SETTLE;
    ok(scrape(&p) == QOE_OK && only(&p, COUNTER, &e) && e.integer == 5,
       "a scrape that does not wait for births shows it at once");
    ok(export(&p) == QOE_OK && qoe_collect_count(p.c, COUNTER) == 0,
       "an export leaves out what may not be whole yet, even without births");
    ok(last(&p) == QOE_OK && only(&p, COUNTER, &e) && e.integer == 5,
       "the last export has everything");
    place_free(&p);
}


int
main(void)
{
    test_times();
    test_bound();
    test_last_late();
    test_scrapes();
    test_young();
    test_anew();
    test_ttl();
    test_self();
    test_exports();
    test_settle();
    test_settle_known();
    test_settle_export();
    test_clock();

    return tap_end();
}
