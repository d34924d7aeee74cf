
/*
 * Copyright (C) OpenQoE
 *
 * The series store when several are at it: writers that are killed at any
 * moment, readers and an exporter beside the writer.
 */


#include "store_support.h"

#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>


#define SETS               40                /* of attributes */
#define ROUNDS             300


/* The values that writers had finished. */

static uint64_t  (*acked)[SETS];


static void
nap(long ns)
{
    struct timespec  ts = { 0, ns };

    nanosleep(&ts, NULL);
}


static const qoe_metric_id_t  kinds[] = { COUNTER, HISTOGRAM, GAUGE };


static void
record_one(qoe_store_t *s, unsigned kind, unsigned set)
{
    uint32_t  b;

    b = block(s, set);

    qoe_store_record(s, &env, kinds[kind], b, set % 3 ? b : 0, 1, NOW);
    qoe_store_unref(s, b);

    __atomic_add_fetch(&acked[kind][set], 1, __ATOMIC_RELEASE);
}


static void
writer(qoe_store_t *s, unsigned seed)
{
    uint32_t  cursor;
    unsigned  i;

    cursor = 0;

    for (i = 0; /* void */ ; i++) {
        seed = seed * 1103515245 + 12345;
        record_one(s, (seed >> 16) % 3, (seed >> 18) % SETS);

        if (i % 8 == 0) {
            qoe_store_sweep(s, &env, &cursor, 3);
        }
    }
}


/*
 * How many series disagree with the values that their writers had finished: a
 * writer that was killed may have been adding the next.
 */

static unsigned
disagree(qoe_store_t *s)
{
    char          buf[QOE_LABELS_MAX + 1];
    size_t        len;
    uint32_t      i, wrong;
    uint64_t     *done;
    unsigned      kind, set;
    qoe_series_t  e;

    wrong = 0;

    for (i = 0; i < qoe_store_slots(s); i++) {

        if (!qoe_store_read(s, i, &e)) {
            continue;
        }

        len = qoe_store_block_read(s, e.base, buf);
        buf[len] = '\0';
        set = len > 6 ? (unsigned) atoi(buf + 6) : SETS;

        for (kind = 0; kind < 2 && kinds[kind] != e.metric; kind++) {
            /* void */
        }

        if (set >= SETS) {
            wrong++;
            continue;
        }

        done = &acked[kind][set];
        wrong += e.count < *done || e.count > *done + 1
                 || fabs(e.sum - (double) e.count) > ROUNDS;
        *done = e.count;
    }

    return wrong;
}


static void
test_kill(void)
{
    pid_t         pid;
    int           i, damaged, wrong;
    uint32_t      drift;
    const char   *why, *last;
    qoe_store_t  *s;

    s = store_new(256 * 1024);
    memset(acked, 0, 3 * sizeof(*acked));

    damaged = 0;
    wrong = 0;
    last = "";

    for (i = 0; i < ROUNDS; i++) {

        pid = fork();

        if (pid == 0) {
            writer(s, (unsigned) i);
        }

        nap(300000 + i * 7919 % 1000000);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);

        qoe_store_rebuild(s, &env);
        qoe_store_rebuilt(s);

        why = store_check(s, &env, 0, NULL);
        damaged += why != NULL;
        last = why ? why : last;

        wrong += (int) disagree(s);

        if (i % 50 == 49) {
            condemn_all(s);
            sweep_all(s);
            damaged += !is_empty(s);
            memset(acked, 0, 3 * sizeof(*acked));
        }
    }

    drift = *env.count;

    ok(damaged == 0,
       "after each of %d killed writers a rebuild makes the store sound%s",
       ROUNDS, last);
    ok(wrong == 0, "no value that was recorded is lost, and none is made up");
    ok(drift <= ROUNDS / 10 || drift >= UINT32_MAX - ROUNDS / 10,
       "the count of series is off by no more than %d", (int) drift);

    munmap(s, 256 * 1024);
}


static void
test_torn(void)
{
    int                n, torn;
    pid_t              pid;
    uint32_t           slot, seq;
    unsigned           i;
    qoe_store_t       *s;
    qoe_series_t       e;
    qoe_store_slot_t  *slots;

    s = store_new(QOE_STORE_MIN);

    for (i = 0; i < SETS; i++) {
        record_one(s, 1, i);
    }

    pid = fork();

    while (pid == 0) {
        for (i = 0; i < SETS; i++) {
            record_one(s, 1, i);
        }
    }

    torn = 0;

    for (n = 0; n < 300000; n++) {
        slot = s->numbers + s->histogram_reserve + (uint32_t) n % SETS;
        slots = qoe_store_slot(s, slot);
        seq = qoe_acquire(&slots->seq);

        torn += (!qoe_store_read(s, slot, &e) || e.sum != (double) e.count)

                /* A writer that stands still is as good as a dead one. */
                && (!(seq & 1) || seq != qoe_acquire(&slots->seq));
    }

    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);

    ok(torn == 0,
       "of %d reads beside a writer %d histograms are torn", n, torn);

    munmap(s, QOE_STORE_MIN);
}


/* All that may happen in a store at the same time, for the thread sanitizer. */

static qoe_store_t  *common;
static int           stop;


static void *
reader_thread(void *arg)
{
    char          buf[QOE_LABELS_MAX];
    size_t       *bytes = arg;
    uint32_t      i;
    qoe_series_t  e;

    while (!qoe_acquire(&stop)) {
        for (i = 0; i < qoe_store_slots(common); i++) {
            if (qoe_store_read(common, i, &e)) {
                *bytes += qoe_store_block_read(common, e.base, buf);
            }
        }
    }

    return NULL;
}


static void *
exporter_thread(void *arg)
{
    size_t       *n = arg;
    uint32_t      i;
    qoe_series_t  e;

    while (!qoe_acquire(&stop)) {
        for (i = 0; i < qoe_store_slots(common); i++) {
            if (!qoe_store_read(common, i, &e)) {
                continue;
            }

            qoe_store_window(common, i);

            if (qoe_store_condemn(common, i, e.last_s)) {
                (*n)++;

                if (i % 3 == 0) {
                    qoe_store_pardon(common, i);
                }
            }
        }
    }

    return NULL;
}


static void
test_threads(void)
{
    int        i;
    size_t     bytes, condemned;
    uint32_t   cursor;
    unsigned   seed;
    pthread_t  reader, exporter;

    common = store_new(QOE_STORE_MIN);
    bytes = 0;
    condemned = 0;
    cursor = 0;
    seed = 1;

    pthread_create(&reader, NULL, reader_thread, &bytes);
    pthread_create(&exporter, NULL, exporter_thread, &condemned);

    for (i = 0; i < 200000; i++) {
        seed = seed * 1103515245 + 12345;
        record_one(common, (seed >> 16) % 3, (seed >> 18) % SETS);

        if (i % 4 == 0) {
            qoe_store_sweep(common, &env, &cursor, 100);
        }
    }

    qoe_publish(&stop, 1);
    pthread_join(reader, NULL);
    pthread_join(exporter, NULL);

    ok(bytes != 0 && condemned != 0,
       "a reader and an exporter work beside the writer: %lu series were "
       "condemned", (unsigned long) condemned);
    ok(store_check(common, &env, 0, NULL) == NULL,
       "after that the store is sound");

    condemn_all(common);
    sweep_all(common);
    ok(is_empty(common) && *env.count == 0, "in the end the store is empty");

    munmap(common, QOE_STORE_MIN);
}


int
main(void)
{
    acked = map(3 * sizeof(*acked));

    test_kill();
    test_torn();
    test_threads();

    return tap_end();
}
