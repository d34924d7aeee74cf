
/*
 * Copyright (C) OpenQoE
 *
 * Governance with many writers, with writers that are killed, and with values
 * that are forged.
 */


#include "govern_env.h"

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>


/* Several threads and processes insert the same values at once. */

#define RACERS             4
#define RACE_MAX           3000
#define RACE_VALUES        5000


typedef struct {
    qoe_govern_t            *g;
    const qoe_dimensions_t  *d;
    size_t                   dim;
    uint32_t                 first;
    uint32_t                 admitted;
} racer_t;


static void *
race(void *arg)
{
    char             text[16], buf[QOE_GOVERN_BUF];
    racer_t         *r = arg;
    uint32_t         i;
    qoe_span_t       v;
    qoe_governor_t   gv;

    qoe_governor_init(&gv, r->g, r->d, qoe_proc_self());

    for (i = 0; i < RACE_VALUES; i++) {
        v = number(text, (i + r->first) % RACE_VALUES);
        qoe_govern(&gv, QOE_DIM_VIDEO_TITLE, v, NOW, buf);
        qoe_govern(&gv, QOE_DIM_SESSION_ID, v, NOW, buf);
        qoe_govern_viewer(&gv, qoe_span("o"), qoe_span("p"), true, v,
                          NOW);
        r->admitted += (qoe_govern(&gv, r->dim, v, NOW, buf).data == v.data);
    }

    return NULL;
}


static uint32_t
table_count(qoe_govern_t *g, uint32_t slot, bool *twice)
{
    uint32_t       i, j, n;
    uint64_t       hash, last;
    qoe_bucket_t  *b;

    n = 0;
    last = 0;
    *twice = false;

    for (i = 0; i < g->buckets; i++) {
        b = qoe_govern_bucket(g, i);

        for (j = 0; j < QOE_PLACES; j++) {
            hash = b->hash[j];

            if (hash != 0 && b->slot[j] == slot) {
                n++;
                *twice |= (hash == last);
                last = hash;
            }
        }
    }

    return n;
}


static void
test_race(void)
{
    bool               twice;
    size_t             i, n, dim, left;
    pid_t              pid;
    uint32_t           cursor, kept;
    pthread_t          thread[RACERS];
    qoe_span_t         values[8];
    qoe_arena_t        arena;
    qoe_govern_t      *g;
    qoe_governor_t     gv;
    qoe_dimensions_t   d;
    racer_t            r[RACERS];

    g = region(SIZE);
    qoe_dimensions_init(&d);
    dim = custom(&d, "raced", QOE_ACTION_ALLOW, RACE_MAX);
    qoe_governor_init(&gv, g, &d, 1);
    qoe_arena_init(&arena, &qoe_mem_heap, 4096, 64 * MB);

    for (i = 0; i < RACERS; i++) {
        r[i] = (racer_t) { g, &d, dim, (uint32_t) (i * 1250), 0 };
    }

    pid = fork();

    for (i = 0; i < RACERS; i++) {
        pthread_create(&thread[i], NULL, race, &r[i]);
    }

    /* A reader runs among the writers. */

    for (i = 0; i < 20; i++) {
        n = 8;
        (void) qoe_govern_values(&gv, dim, values, &n, &arena);
        n = 8;
        (void) qoe_govern_values(&gv, QOE_DIM_VIDEO_TITLE, values, &n, &arena);
        (void) viewers(&gv, "o", NOW, &left);
        (void) info(&gv, QOE_DIM_SESSION_ID);
        cursor = 0;
        qoe_govern_expire(&gv, NOW, &cursor, 5000);
    }

    for (i = 0; i < RACERS; i++) {
        pthread_join(thread[i], NULL);
    }

    if (pid == 0) {
        _exit(0);
    }

    waitpid(pid, NULL, 0);

    kept = table_count(g, gv.slot[dim], &twice);
    ok(kept == RACE_MAX && info(&gv, dim).count == RACE_MAX && !twice,
       "%d threads in 2 processes insert the same values: %u are kept, none "
       "twice", 2 * RACERS, kept);
    ok(r[0].admitted >= RACE_MAX - 1250 && r[0].admitted <= RACE_MAX,
       "the threads together are given the own value as often as max allows");

    qoe_arena_free(&arena);
    munmap(g, SIZE);
}


/* A child that inserts is killed at any of its stores, over and over. */

static void
killed(qoe_govern_t *g, const qoe_dimensions_t *d, size_t dim, uint32_t seed)
{
    char            text[16], buf[QOE_GOVERN_BUF];
    uint32_t        i, cursor;
    qoe_span_t      v;
    qoe_governor_t  gv;

    qoe_governor_init(&gv, g, d, qoe_proc_self());
    cursor = 0;

    for (i = seed; /* void */ ; i = i * 1664525 + 1013904223) {
        v = number(text, i >> 8);
        qoe_govern(&gv, dim, v, NOW - (i & 1) * 2 * DAY, buf);
        qoe_govern(&gv, QOE_DIM_VIDEO_TITLE, v, NOW, buf);
        qoe_govern_viewer(&gv, v, v, i & 1, v, NOW + (i & 3) * 3 * DAY);
        qoe_govern_expire(&gv, NOW, &cursor, 4);
    }
}


static void
test_kill(void)
{
    int                i, bad, stolen;
    bool               twice;
    size_t             j, n, dim, pairs;
    pid_t              pid;
    uint32_t           kept;
    uint64_t           next;
    qoe_govern_t      *g;
    qoe_governor_t     gv;
    struct timespec    ts;
    qoe_topk_entry_t   e[100];
    qoe_dimensions_t   d;

    g = region(QOE_GOVERN_MIN);
    qoe_dimensions_init(&d);
    dim = custom(&d, "killed", QOE_ACTION_ALLOW, 500);
    qoe_governor_init(&gv, g, &d, qoe_proc_self());
    bad = 0;
    stolen = 0;

    for (i = 0; i < 250; i++) {
        pid = fork();

        if (pid == 0) {
            killed(g, &d, dim, (uint32_t) i * 7919 + 1);
        }

        ts = (struct timespec) { 0, 1000000 + i * 7001 % 3000000 };
        nanosleep(&ts, NULL);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);

        stolen += (g->lock != 0) + (qoe_govern_area(g, 0)->lock != 0);

        /* The next writer finds what the killed one left and must repair it. */

        for (j = 0; j < 100; j++) {
            gives(&gv, QOE_DIM_VIDEO_TITLE, "next", "next");
        }

        bad += (qoe_govern_lock(g, gv.self) != QOE_OK);
        qoe_unlock(&g->lock);

        kept = table_count(g, gv.slot[dim], &twice);
        bad += (kept != info(&gv, dim).count || kept > 500 || twice);
        (void) viewers(&gv, "x", NOW, &pairs);
    }

    ok(bad == 0,
       "%d writers were killed, %d of them with a lock: counts are right and "
       "no value is there twice", i, stolen);

    n = qoe_topk_list(qoe_area_topk(qoe_govern_area(g, 0)), e, 100);

    for (j = 0, bad = 0, next = 0; j < n; j++) {
        bad += (j > 0 && e[j].count > e[j - 1].count);
        next += qoe_span_eq(e[j].text, qoe_span("next")) ? e[j].count : 0;
    }

    ok(n == 100 && !bad && next >= 25000,
       "the top list is in order and no count is too low: %llu of 25000",
       (unsigned long long) next);

    /* This child is killed while it certainly holds the lock. */

    pid = fork();

    if (pid == 0) {
        g->lock = qoe_proc_self();
        g->slot[gv.slot[dim]].count = 77777;
        qoe_govern_area(g, 0)->lock = qoe_proc_self();
        _exit(0);
    }

    waitpid(pid, NULL, 0);
    bad = (qoe_govern_lock(g, gv.self) != QOE_OK);
    qoe_unlock(&g->lock);
    kept = table_count(g, gv.slot[dim], &twice);

    ok(!bad && info(&gv, dim).count == kept,
       "the lock of a killed process is taken, and the count is made anew");

    gives(&gv, QOE_DIM_VIDEO_TITLE, "next", "next");
    ok(qoe_govern_area(g, 0)->lock == 0,
       "the lock of a killed process's area is taken as well");

    munmap(g, QOE_GOVERN_MIN);
}


static double
ns_each(qoe_governor_t *gv, size_t dim, uint32_t from, uint32_t n,
    uint32_t step)
{
    char             text[16], buf[QOE_GOVERN_BUF];
    uint32_t         i;
    qoe_span_t       v;
    struct timespec  a, b;

    clock_gettime(CLOCK_MONOTONIC, &a);

    for (i = 0; i < n; i++) {
        v.data = text;
        v.len = 11;

        memcpy(text, "val", 3);
        memcpy(text + 3, "00000000", 8);

        for (uint32_t x = from + i % step, j = 10; x != 0; x /= 10, j--) {
            text[j] = (char) ('0' + x % 10);
        }

        qoe_govern(gv, dim, v, NOW, buf);
    }

    clock_gettime(CLOCK_MONOTONIC, &b);

    return ((double) (b.tv_sec - a.tv_sec) * 1e9
            + (double) (b.tv_nsec - a.tv_nsec)) / n;
}


static void
test_forged(void)
{
    double             honest, few, forged, dropped, top;
    uint64_t           before, kept;
    qoe_govern_t      *g;
    qoe_governor_t     gv;
    qoe_dimensions_t   d;

    g = region(SIZE);
    qoe_dimensions_init(&d);
    qoe_governor_init(&gv, g, &d, 1);

    (void) ns_each(&gv, QOE_DIM_VIDEO_ID, 0, 100000, 100000);
    kept = info(&gv, QOE_DIM_VIDEO_ID).count;
    ok(kept >= 99990,
       "all but a few of 100000 values have a place: %llu of %u",
       (unsigned long long) kept, g->buckets * QOE_PLACES);

    few = ns_each(&gv, QOE_DIM_VIDEO_ID, 0, 500000, 100);
    honest = ns_each(&gv, QOE_DIM_VIDEO_ID, 0, 500000, 100000);
    before = info(&gv, QOE_DIM_VIDEO_ID).overflow;
    forged = ns_each(&gv, QOE_DIM_VIDEO_ID, 10000000, 2000000, UINT32_MAX);
    dropped = ns_each(&gv, QOE_DIM_MARKER, 0, 500000, UINT32_MAX);
    top = ns_each(&gv, QOE_DIM_VIDEO_TITLE, 0, 500000, UINT32_MAX);

    printf("# ns a call: known %.0f (of 100) %.0f (of 100000), forged %.0f, "
           "drop %.0f, topk forged %.0f, topk known %.0f\n", few, honest,
           forged, dropped, top,
           ns_each(&gv, QOE_DIM_VIDEO_TITLE, 0, 500000, 100));

    kept = info(&gv, QOE_DIM_VIDEO_ID).count - kept;
    ok(info(&gv, QOE_DIM_VIDEO_ID).overflow - before == 2000000 - kept
       && info(&gv, QOE_DIM_VIDEO_ID).count == 100000,
       "of 2 million forged values as many are admitted as max leaves room "
       "for, and the others are counted");
    ok(gives(&gv, QOE_DIM_ENV, "prod", "prod")
       && gives(&gv, QOE_DIM_VIDEO_ID, "val00099999", "val00099999"),
       "another dimension's values and the known ones keep their places");

    munmap(g, SIZE);
}


int
main(void)
{
    test_race();
    test_kill();
    test_forged();

    return tap_end();
}
