
/*
 * Copyright (C) OpenQoE
 *
 * One collection for two destinations: a dead destination takes nothing from
 * the other, and the process that gets the lease keeps the rhythm.
 */


#define _GNU_SOURCE              /* memmem() */

#include "fake_transport.h"
#include "qoe_report.h"
#include "qoe_store_layout.h"
#include "qoe_zone.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>


#define ZONE               (4 << 20)
#define INTERVAL           60000         /* ms; the clock is the test's */
#define SETTLE             (QOE_COLLECT_SETTLE_MS * 1000000ULL)


typedef struct {
    qoe_report_env_t      env;
    qoe_report_t         *report;
    qoe_transport_t       transport[2];
    qoe_otlp_identity_t   identity;
    uint64_t              now;
} bench_t;


static qoe_state_t       state;
static qoe_governor_t    governor;
static qoe_conf_t        conf;
static qoe_dimensions_t  dims;
static int               logged;
static qoe_log_t         log_conf = { tap_log_write, &logged, QOE_LOG_INFO };


static void
setup_zone(void)
{
    void        *mem;
    qoe_zone_t  *zone;

    mem = mmap(NULL, ZONE, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS,
               -1, 0);

    if (mem == MAP_FAILED
        || qoe_zone_create(&zone, mem, ZONE, 1, true) != QOE_OK)
    {
        abort();
    }

    qoe_state_create(zone);
    qoe_dimensions_init(&dims);

    conf.groups = QOE_GROUPS_ALL;
    conf.dims = &dims;
    conf.series_max = 1000;
    conf.series_ttl_ms = 3600000;

    if (qoe_state_attach(&state, zone) != QOE_OK) {
        abort();
    }

    qoe_governor_init(&governor, state.govern, &dims, qoe_proc_self());
}


/* A helper with n destinations. */

static void
bench_init(bench_t *b, size_t n)
{
    size_t            i;
    qoe_points_env_t  env;

    memset(b, 0, sizeof(bench_t));

    b->now = qoe_mono_ms();
    b->identity.scope_name = qoe_span("openqoe");
    b->env.self = (qoe_self_env_t) { &state, &conf, 0, qoe_proc_self(),
                                     &log_conf };
    b->env.governor = &governor;
    b->env.interval_ms = INTERVAL;
    b->env.npoints = n;

    for (i = 0; i < n; i++) {
        env = (qoe_points_env_t) { &b->env.self, &b->identity,
                                   &b->transport[i], qoe_span("d") };
        b->env.points[i] = qoe_points_create(&env);
    }

    b->report = qoe_report_create(&b->env);
}


static void
bench_free(bench_t *b)
{
    size_t  i;

    qoe_report_destroy(b->report);

    for (i = 0; i < b->env.npoints; i++) {
        qoe_points_destroy(b->env.points[i]);
    }
}


/* Steps for as long as something is due at that time. */

static void
run(bench_t *b)
{
    int  i;

    for (i = 0; i < 100000 && qoe_report_due_ms(b->report) <= b->now; i++) {
        qoe_report_run(b->report, b->now);
    }

    if (i == 100000) {
        abort();
    }
}


static void
next_interval(bench_t *b)
{
    b->now = qoe_max(b->now, qoe_mono_ms()) + INTERVAL;
    run(b);
}


static uint64_t
count(qoe_counter_t c)
{
    return qoe_zone_counter(state.zone, c);
}


static void
test_dead(void)
{
    int        i;
    bool       all;
    bench_t    b;
    uint64_t   stale, collections;

    bench_init(&b, 2);
    stale = count(QOE_COUNT_METRIC_BATCHES_STALE);
    collections = count(QOE_COUNT_COLLECTIONS);

    ok(qoe_report_due_ms(b.report) == UINT64_MAX,
       "without the lease no collection is due");
    qoe_report_take(b.report);
    ok(qoe_report_idle(b.report)
       && qoe_report_due_ms(b.report) >= b.now + INTERVAL / 2,
       "the first collection comes after the interval");

    next_interval(&b);
    ok(b.transport[0].sent == 1 && b.transport[1].sent == 1
       && !qoe_report_idle(b.report), "each destination gets a request");

    /* The first destination takes its request, the second never answers. */

    fake_answer(&b.transport[0], QOE_OUTCOME_OK);
    run(&b);
    all = true;

    for (i = 2; i <= 5; i++) {
        next_interval(&b);
        all &= b.transport[0].sent == i;
        fake_answer(&b.transport[0], QOE_OUTCOME_OK);
        run(&b);
    }

    ok(all && b.transport[1].sent == 1
       && count(QOE_COUNT_COLLECTIONS) == collections + 5,
       "a destination that answers gets every collection while the other "
       "hangs");
    ok(count(QOE_COUNT_METRIC_BATCHES_STALE) == stale + 3,
       "collections that had no turn are counted as stale, the one in flight "
       "is not");

    fake_answer(&b.transport[1], QOE_OUTCOME_RETRY);
    run(&b);
    ok(count(QOE_COUNT_METRIC_BATCHES_STALE) == stale + 4
       && b.transport[1].sent == 2,
       "a destination that is back gets the latest collection alone");

    /* Each destination has a circuit of its own. */

    fake_answer(&b.transport[1], QOE_OUTCOME_RETRY);
    qoe_report_run(b.report, qoe_mono_ms());
    ok(b.transport[1].sent == 2 && qoe_report_due_ms(b.report) > qoe_mono_ms()
       && qoe_report_due_ms(b.report) != UINT64_MAX,
       "a request that failed waits until its circuit closes");

    next_interval(&b);
    ok(b.transport[0].sent == 6 && b.transport[1].sent == 3
       && count(QOE_COUNT_METRIC_BATCHES_STALE) == stale + 5,
       "the next collection replaces what the failed request held");

    fake_answer(&b.transport[0], QOE_OUTCOME_OK);
    fake_answer(&b.transport[1], QOE_OUTCOME_OK);
    run(&b);
    ok(qoe_report_idle(b.report), "at last every collection is sent");

    bench_free(&b);
}


static void
test_last(void)
{
    bench_t    b;
    uint64_t   stale;

    bench_init(&b, 2);
    qoe_report_take(b.report);
    next_interval(&b);

    /*
     * The first destination has to repeat, the second has a request in flight.
     */

    fake_answer(&b.transport[0], QOE_OUTCOME_RETRY);
    stale = count(QOE_COUNT_METRIC_BATCHES_STALE);

    b.now = qoe_mono_ms();
    ok(qoe_report_last(b.report, qoe_unix_ns()) && !qoe_report_idle(b.report),
       "the last collection is begun when the worker exits");
    run(&b);
    ok(b.transport[0].sent == 2 && b.transport[1].sent == 1
       && count(QOE_COUNT_METRIC_BATCHES_STALE) == stale + 1,
       "a destination that is to repeat gets the last collection at once");

    fake_answer(&b.transport[0], QOE_OUTCOME_RETRY);
    fake_answer(&b.transport[1], QOE_OUTCOME_OK);
    run(&b);
    ok(b.transport[1].sent == 2,
       "a destination with a request in flight gets the last collection after "
       "it");

    ok(qoe_report_due_ms(b.report) <= qoe_mono_ms() + 250,
       "the last collection is repeated after a short wait");
    b.now += 1000;
    run(&b);
    ok(b.transport[0].sent == 3, "the last collection is sent again");

    fake_answer(&b.transport[0], QOE_OUTCOME_OK);
    ok(!qoe_report_idle(b.report),
       "the last collection is not over before both destinations have it");
    fake_answer(&b.transport[1], QOE_OUTCOME_OK);
    run(&b);
    ok(qoe_report_idle(b.report),
       "the last collection is over once both destinations have it");

    ok(qoe_report_last(b.report, 1) && qoe_report_idle(b.report),
       "no last collection is made if one was made since the time given");

    bench_free(&b);
}


/* The last collection is asked for while another is being made. */

static void
test_last_collecting(void)
{
    bench_t   b;
    uint64_t  stale, collections;

    bench_init(&b, 1);
    qoe_report_take(b.report);
    stale = count(QOE_COUNT_METRIC_BATCHES_STALE);
    collections = count(QOE_COUNT_COLLECTIONS);

    b.now = qoe_mono_ms() + INTERVAL;
    qoe_report_run(b.report, b.now);
    ok(qoe_report_due_ms(b.report) == 0,
       "a collection is being made when the last one is asked for");
    (void) qoe_report_last(b.report, qoe_unix_ns());
    run(&b);

    ok(count(QOE_COUNT_COLLECTIONS) == collections + 2
       && count(QOE_COUNT_METRIC_BATCHES_STALE) == stale
       && b.transport[0].sent == 1,
       "of the two collections only the last one is sent");

    fake_answer(&b.transport[0], QOE_OUTCOME_OK);
    run(&b);
    ok(qoe_report_idle(b.report),
       "the report is idle once the last collection is sent");

    bench_free(&b);
}


static void
test_give(void)
{
    bench_t   a, b;
    uint64_t  owner;

    bench_init(&a, 2);
    bench_init(&b, 1);

    qoe_report_take(a.report);
    qoe_report_take(b.report);
    ok(qoe_report_due_ms(b.report) == UINT64_MAX
       && !qoe_report_last(b.report, qoe_unix_ns()),
       "only one process holds the lease");

    next_interval(&a);
    fake_answer(&a.transport[0], QOE_OUTCOME_OK);

    ok(!qoe_report_give(a.report),
       "the lease is not given up while a request is in flight");
    a.now += INTERVAL;
    run(&a);
    qoe_report_run(a.report, a.now);
    ok(a.transport[0].sent == 1 && a.transport[1].sent == 1
       && qoe_report_due_ms(a.report) == UINT64_MAX,
       "a holder that is to give up the lease begins no collection");

    fake_answer(&a.transport[1], QOE_OUTCOME_RETRY);
    owner = __atomic_load_n(&state.shared->exporter, __ATOMIC_RELAXED);
    ok(owner == a.env.self.self && qoe_report_give(a.report)
       && state.shared->exporter == 0,
       "the lease is given up once nothing is in flight");

    qoe_report_take(b.report);
    ok(qoe_report_due_ms(b.report) <= qoe_mono_ms() + INTERVAL,
       "another process takes the free lease");
    next_interval(&b);
    ok(b.transport[0].sent == 1, "the new holder sends its collections");

    /* The transports are gone, with what was in flight. */

    bench_free(&b);
    ok(state.shared->exporter == 0,
       "destroying the report of the holder frees the lease");

    /*
     * The lease is given up, then wanted once more: the exit of the last
     * worker.
     */

    qoe_report_take(a.report);
    a.now = qoe_mono_ms();
    (void) qoe_report_last(a.report, qoe_unix_ns());
    run(&a);
    (void) qoe_report_give(a.report);
    (void) qoe_report_last(a.report, qoe_unix_ns());
    fake_answer(&a.transport[0], QOE_OUTCOME_OK);
    fake_answer(&a.transport[1], QOE_OUTCOME_OK);
    run(&a);
    ok(a.transport[0].sent == 3 && a.transport[1].sent == 3,
       "a holder that takes the lease back sends the last collection");

    bench_free(&a);
}


/* Whose the lease is, before a process wants it. */

static void
test_lease(void)
{
    bench_t     b;
    pid_t       pid;
    qoe_proc_t  dead;

    pid = fork();

    if (pid == 0) {
        _exit(0);
    }

    (void) waitpid(pid, NULL, 0);
    dead = (qoe_proc_t) pid << 32 | 1;

    bench_init(&b, 1);
    state.shared->exporter = (qoe_proc_t) 1 << 32;
    qoe_report_take(b.report);
    ok(state.shared->exporter == (qoe_proc_t) 1 << 32
       && qoe_report_due_ms(b.report) == UINT64_MAX,
       "the lease of a process that lives is left to it");

    state.shared->exporter = dead;
    qoe_report_take(b.report);
    ok(state.shared->exporter == b.env.self.self
       && qoe_report_due_ms(b.report) != UINT64_MAX,
       "that of a process that ended is taken");

    (void) qoe_report_give(b.report);
    state.shared->exporter = dead;
    ok(qoe_report_give(b.report) && state.shared->exporter == dead,
       "what is not held is not given");
    state.shared->exporter = 0;
    bench_free(&b);
}


/* When the first collection of a new holder is due, by that of the last one. */

static void
test_rhythm(void)
{
    size_t    i;
    bench_t   b;
    uint64_t  due, kept;

    static const struct {
        int64_t      ago_ms;             /* 0: there was none */
        uint64_t     due_ms;
    } rows[] = {
        { 0, INTERVAL }, { 20000, 40000 }, { INTERVAL, 0 },
        { 10 * INTERVAL, 0 }, { -20000, INTERVAL }
    };

    kept = state.shared->collected_ns;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        bench_init(&b, 1);
        state.shared->collected_ns
            = rows[i].ago_ms == 0
              ? 0 : qoe_unix_ns() - (uint64_t) (rows[i].ago_ms * 1000000);
        b.now = qoe_mono_ms();
        qoe_report_take(b.report);
        due = qoe_report_due_ms(b.report);

        /* a busy machine makes some time pass in between */

        ok(due + 5000 >= b.now + rows[i].due_ms
           && due <= qoe_mono_ms() + rows[i].due_ms,
           "%lld ms after the last collection the next is due in about %llu "
           "ms", (long long) rows[i].ago_ms,
           (unsigned long long) rows[i].due_ms);
        bench_free(&b);
    }

    state.shared->collected_ns = kept;
}


/* A new holder looks for births that the last one may have left, long after. */

static void
test_births_left(void)
{
    bench_t       b;
    qoe_store_t  *s;
    uint64_t      born;

    conf.series_birth_ms = 600000;
    s = state.store[0];
    born = s->born;
    s->born = 1;

    bench_init(&b, 1);
    b.env.interval_ms = 1000 * conf.series_birth_ms;
    qoe_report_take(b.report);
    b.now = qoe_mono_ms() + 100 * conf.series_birth_ms;
    ok(qoe_report_idle(b.report) && qoe_report_due_ms(b.report) <= b.now,
       "a new holder of the lease looks for births at once");
    qoe_report_run(b.report, b.now);
    ok(!qoe_report_idle(b.report) && qoe_report_due_ms(b.report) == 0,
       "a single one is collected");
    bench_free(&b);

    s->born = born;
    conf.series_birth_ms = 0;
}


/* What is asked of the last collection, by the time of the one before. */

static void
test_last_since(void)
{
    size_t    i;
    bench_t   b;
    uint64_t  since, kept;

    static const struct { int64_t after_ns; bool wanted; }  rows[] = {
        { -1, true }, { 0, false }, { 1, false }
    };

    kept = state.shared->collected_ns;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        bench_init(&b, 1);
        since = qoe_unix_ns();
        state.shared->collected_ns = since + SETTLE + (uint64_t)
                                     rows[i].after_ns;
        ok(qoe_report_last(b.report, since)
           && qoe_report_idle(b.report) == !rows[i].wanted
           && (qoe_report_due_ms(b.report) == 0) == rows[i].wanted,
           "a collection %lld ns after what has settled is %s",
           (long long) rows[i].after_ns,
           rows[i].wanted ? "too early to be the last" : "the last");
        bench_free(&b);
    }

    state.shared->collected_ns = kept;
}


/* Without metrics the windows of gauges are closed all the same. */

static void
test_nowhere(void)
{
    bench_t   b;
    uint64_t  collections;

    bench_init(&b, 0);
    collections = count(QOE_COUNT_COLLECTIONS);
    qoe_report_take(b.report);
    next_interval(&b);
    ok(count(QOE_COUNT_COLLECTIONS) == collections + 1
       && qoe_report_idle(b.report),
       "without a destination collections are made and nothing is sent");

    conf.groups = 0;
    next_interval(&b);
    ok(count(QOE_COUNT_COLLECTIONS) == collections + 1
       && qoe_report_idle(b.report), "without metrics no collection is made");
    conf.groups = QOE_GROUPS_ALL;

    bench_free(&b);
}


static void
began(bench_t *b, uint64_t start_ns, qoe_metric_id_t metric)
{
    qoe_store_env_t  env;

    env = (qoe_store_env_t) { state.key, &state.shared->series, 1000 };

    (void) qoe_store_record(state.store[0], &env, metric, 0, 0, 7, start_ns);
    b->now += qoe_collect_births_ms(&conf);
    run(b);
}


static void
wait_until_ns(uint64_t unix_ns)
{
    while (qoe_unix_ns() <= unix_ns) {
        usleep(1000);
    }
}


/*
 * Exports between two collections: zeros of series that begin, and values that
 * the collection before has left out.
 */

static void
test_births(void)
{
    bench_t   b;
    uint64_t  collections, points, start_ns, announced_ns;

    conf.series_birth_ms = 600000;
    conf.groups = QOE_GROUP_CORE;
    bench_init(&b, 1);
    collections = count(QOE_COUNT_COLLECTIONS);
    points = count(QOE_COUNT_POINTS_SENT);

    b.env.interval_ms = 100 * conf.series_birth_ms;
    qoe_report_take(b.report);
    run(&b);
    ok(qoe_report_idle(b.report) && b.transport[0].sent == 0,
       "before any series begins nothing is exported");

    start_ns = qoe_unix_ns() + 2000000000;
    began(&b, start_ns, QOE_METRIC_SEEK_TOTAL);
    ok(b.transport[0].sent == 0 && qoe_report_idle(b.report),
       "a series that has only just begun waits for the next look");

    wait_until_ns(start_ns + SETTLE);
    b.now += qoe_collect_births_ms(&conf);
    run(&b);
    ok(b.transport[0].sent == 1,
       "that next look comes although no other series has begun");
    fake_answer(&b.transport[0], QOE_OUTCOME_RETRY);
    announced_ns = state.shared->announced_ns;
    b.now += 5000;
    run(&b);
    fake_answer(&b.transport[0], QOE_OUTCOME_OK);
    run(&b);
    ok(count(QOE_COUNT_POINTS_SENT) == points + 1 && b.transport[0].sent == 2
       && state.shared->announced_ns > announced_ns,
       "the first export of a series is repeated until it is taken");

    began(&b, qoe_unix_ns(), QOE_METRIC_SEEK_TOTAL);
    ok(b.transport[0].sent == 2,
       "a series that was exported is not exported as new again");

    b.now += b.env.interval_ms;
    run(&b);
    fake_answer(&b.transport[0], QOE_OUTCOME_OK);
    run(&b);
    ok(count(QOE_COUNT_COLLECTIONS) == collections + 1
       && count(QOE_COUNT_POINTS_SENT) == points + 2,
       "first exports of series are no collections of their own");

    /* The wait of that value ends a moment after the collection. */

    start_ns = state.shared->collected_ns + 1000000
               - qoe_collect_wait_ms(&conf, QOE_COLLECT_EXPORT) * 1000000;
    wait_until_ns(state.shared->collected_ns + 1000000 + SETTLE);

    began(&b, start_ns, QOE_METRIC_PAUSE_EVENTS_TOTAL);
    fake_answer(&b.transport[0], QOE_OUTCOME_OK);
    run(&b);
    ok(count(QOE_COUNT_POINTS_SENT) == points + 3,
       "a value that a collection left out is exported after its wait");

    b.now += qoe_collect_wait_ms(&conf, QOE_COLLECT_EXPORT)
             + 2 * qoe_collect_births_ms(&conf);
    run(&b);
    points = (uint64_t) b.transport[0].sent;
    b.now += 20 * qoe_collect_births_ms(&conf);
    run(&b);
    ok((uint64_t) b.transport[0].sent == points && qoe_report_idle(b.report),
       "then there is no work until a series begins");

    ok(qoe_report_last(b.report, 1) && !qoe_report_idle(b.report),
       "the last collection is always made when the one before left values "
       "out");
    run(&b);
    fake_answer(&b.transport[0], QOE_OUTCOME_OK);
    run(&b);
    ok(qoe_report_idle(b.report), "the report is idle at the end");

    bench_free(&b);
    conf.series_birth_ms = 0;
    conf.groups = QOE_GROUPS_ALL;
}


int
main(void)
{
    setup_zone();

    test_births();

    test_dead();
    test_last();
    test_last_collecting();
    test_give();
    test_nowhere();
    test_lease();
    test_rhythm();
    test_births_left();
    test_last_since();

    return tap_end();
}
