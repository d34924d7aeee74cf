
/*
 * Copyright (C) OpenQoE
 *
 * The module's own metrics in the zone: exact under several threads and
 * processes, whole after kill -9, and with a place for every value.
 */


#include "tap.h"
#include "qoe_self_layout.h"

#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>


#define SIZE               QOE_SELF_MIN
#define PROCESSES          4
#define THREADS            3
#define ADDS               20000
#define KEYS               37
#define SECONDS            QOE_METRIC_OTEL_SDK_EXPORTER_OPERATION_DURATION

#define INSERTS            10000
#define LARGE              (16 * 1024 * 1024)        /* room for all series */


static const qoe_hash_key_t  key = { 11, 22 };


static qoe_self_t *
self_new(size_t size)
{
    void  *mem;

    mem = mmap(NULL, size, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS, -1,
               0);

    if (mem == MAP_FAILED) {
        abort();
    }

    qoe_self_create(mem, size, &key);

    return mem;
}


static qoe_span_t
labels_of(qoe_labels_t *l, const char *name, uint32_t i)
{
    char  value[32];

    snprintf(value, sizeof(value), "v%u", i);

    l->len = 0;
    (void) qoe_labels_add(l, qoe_span_str(name), qoe_span_str(value));

    return qoe_labels_span(l);
}


/* The series of that metric and those labels; false if there is none. */

static bool
find(const qoe_self_t *t, qoe_metric_id_t metric, qoe_span_t labels,
    qoe_self_series_t *out)
{
    uint32_t    i;
    qoe_span_t  is;

    for (i = 0; i < qoe_self_slots(t); i++) {
        if (qoe_self_read(t, i, out) && out->metric == metric) {
            is = (qoe_span_t) { out->labels, out->labels_len };

            if (qoe_span_eq(is, labels)) {
                return true;
            }
        }
    }

    return false;
}


static qoe_span_t
overflow_labels(qoe_labels_t *l)
{
    l->len = 0;
    (void) qoe_labels_add(l, qoe_span("otel.metric.overflow"),
                          qoe_span("true"));

    return qoe_labels_span(l);
}


/*
 * All series of a metric: returns how many there are, and the sum of their
 * counts.
 */

static uint64_t
total(const qoe_self_t *t, qoe_metric_id_t metric, uint32_t *series)
{
    uint32_t           i;
    uint64_t           sum;
    qoe_self_series_t  s;

    sum = 0;
    *series = 0;

    for (i = 0; i < qoe_self_slots(t); i++) {
        if (qoe_self_read(t, i, &s) && s.metric == metric) {
            sum += s.count;
            (*series)++;
        }
    }

    return sum;
}


static void
test_values(void)
{
    uint32_t           n;
    qoe_self_t        *t;
    qoe_proc_t         self;
    qoe_labels_t       l;
    qoe_self_entry_t  *e;
    qoe_self_series_t  s;

    t = self_new(SIZE);
    self = qoe_proc_self();

    ok(total(t, QOE_METRIC_INGEST_EVENTS, &n) == 0 && n == 0,
       "a new table gives no series, not even the overflow series");

    qoe_self_add(t, self, QOE_METRIC_INGEST_EVENTS, labels_of(&l, "a", 1), 3);
    qoe_self_add(t, self, QOE_METRIC_INGEST_EVENTS, labels_of(&l, "a", 1), 4);
    qoe_self_add(t, self, QOE_METRIC_EVENTS_RECEIVED, labels_of(&l, "a", 1),
                 5);

    ok(find(t, QOE_METRIC_INGEST_EVENTS, labels_of(&l, "a", 1), &s)
       && s.count == 7 && s.sum == 7, "a counter adds up");
    ok(find(t, QOE_METRIC_EVENTS_RECEIVED, labels_of(&l, "a", 1), &s)
       && s.count == 5, "the same labels of another metric are another series");

    qoe_self_add(t, self, QOE_METRIC_INGEST_LATENCY, qoe_span_null, 0.0001);
    qoe_self_add(t, self, QOE_METRIC_INGEST_LATENCY, qoe_span_null, 0.0004);
    qoe_self_add(t, self, QOE_METRIC_INGEST_LATENCY, qoe_span_null, 9);

    ok(find(t, QOE_METRIC_INGEST_LATENCY, qoe_span_null, &s)
       && s.count == 3 && s.bucket[0] == 1 && s.bucket[2] == 1
       && s.bucket[14] == 1, "a histogram's bounds belong to their bucket");
    ok(fabs(s.sum - 9.0005) < 1e-9 && s.min == 0.0001 && s.max == 9,
       "a histogram has its sum in seconds, its minimum and its maximum");

    qoe_self_add(t, self, QOE_METRIC_REQUEST_PROCESSING_TIME,
                 labels_of(&l, "a", 2), 123456789.0);
    ok(find(t, QOE_METRIC_REQUEST_PROCESSING_TIME, labels_of(&l, "a", 2), &s)
       && s.sum == 123456789.0 && s.min == s.max,
       "values in nanoseconds stay whole");

    for (n = 0, e = NULL; n < t->size; n += 8) {
        e = (qoe_self_entry_t *) ((char *) t + n);

        if (e->metric == QOE_METRIC_REQUEST_PROCESSING_TIME && e->count == 0
            && e->labels_len == labels_of(&l, "a", 2).len && e->hash != 0)
        {
            break;
        }
    }

    e->hash ^= 1;
    qoe_self_add(t, self, QOE_METRIC_REQUEST_PROCESSING_TIME,
                 labels_of(&l, "a", 2), 1);
    e->hash ^= 1;
    ok(find(t, QOE_METRIC_REQUEST_PROCESSING_TIME, labels_of(&l, "a", 2), &s)
       && s.sum == 123456789.0,
       "an entry whose hash differs in its lower half is another series");

    qoe_self_add(t, self, QOE_METRIC_INGEST_LATENCY, qoe_span_null, -1);
    qoe_self_add(t, self, QOE_METRIC_INGEST_LATENCY, qoe_span_null, NAN);
    qoe_self_add(t, self, QOE_METRIC_INGEST_LATENCY, qoe_span_null, INFINITY);
    qoe_self_add(t, self, QOE_METRIC_INGEST_LATENCY, qoe_span_null, -0.0);
    qoe_self_add(t, self, QOE_METRIC_QUEUE_SIZE, qoe_span_null, 1);
    qoe_self_add(t, self, QOE_METRIC_PAUSE_EVENTS_TOTAL, qoe_span_null, 1);
    qoe_self_add(t, self, QOE_METRICS_N, qoe_span_null, 1);

    ok(find(t, QOE_METRIC_INGEST_LATENCY, qoe_span_null, &s)
       && s.count == 4 && s.min == 0 && s.max == 9,
       "NaN and infinities are refused, and -0 is 0");
    ok(total(t, QOE_METRIC_QUEUE_SIZE, &n) == 0 && n == 0
       && total(t, QOE_METRIC_PAUSE_EVENTS_TOTAL, &n) == 0 && n == 0,
       "metrics that are not the module's own are not kept");
    ok(!qoe_self_read(t, qoe_self_slots(t), &s),
       "there is no slot after the last");
}


static void
test_overflow(void)
{
    char               large[QOE_SELF_LABELS];
    uint32_t           i, n, before;
    uint64_t           got;
    qoe_self_t        *t;
    qoe_proc_t         self;
    qoe_labels_t       l;
    qoe_self_series_t  s;

    t = self_new(SIZE);
    self = qoe_proc_self();

    for (i = 0; i < 10000; i++) {
        qoe_self_add(t, self, QOE_METRIC_EVENTS_RECEIVED,
                     labels_of(&l, "org_id", i), 1);
    }

    got = total(t, QOE_METRIC_EVENTS_RECEIVED, &n);
    printf("# %u series in %d bytes\n", n, SIZE);

    ok(got == 10000 && n > 500, "with more series than fit, no value is lost");
    ok(find(t, QOE_METRIC_EVENTS_RECEIVED, overflow_labels(&l), &s)
       && s.count == 10000 - (n - 1),
       "values of the series that do not fit are in the overflow series");
    ok(find(t, QOE_METRIC_EVENTS_RECEIVED, labels_of(&l, "org_id", 0), &s)
       && s.count == 1, "series that were there before stay");

    qoe_self_add(t, self, QOE_METRIC_REQUEST_PROCESSING_TIME,
                 labels_of(&l, "org_id", 0), 5);
    ok(find(t, QOE_METRIC_REQUEST_PROCESSING_TIME, overflow_labels(&l), &s)
       && s.count == 1 && s.bucket[0] == 1,
       "a metric whose first series does not fit has its overflow series too");

    t = self_new(SIZE);
    memset(large, 'x', sizeof(large));

    l.len = 0;
    (void) qoe_labels_add(&l, qoe_span("a"),
                          (qoe_span_t) { large, QOE_SELF_LABELS - 4 });
    qoe_self_add(t, self, QOE_METRIC_EVENTS_RECEIVED, qoe_labels_span(&l), 1);
    ok(l.len == QOE_SELF_LABELS
       && find(t, QOE_METRIC_EVENTS_RECEIVED, qoe_labels_span(&l), &s),
       "the longest labels make a series of their own");

    l.len = 0;
    (void) qoe_labels_add(&l, qoe_span("a"),
                          (qoe_span_t) { large, QOE_SELF_LABELS - 3 });
    qoe_self_add(t, self, QOE_METRIC_EVENTS_RECEIVED, qoe_labels_span(&l), 1);
    (void) total(t, QOE_METRIC_EVENTS_RECEIVED, &before);
    ok(before == 2
       && find(t, QOE_METRIC_EVENTS_RECEIVED, overflow_labels(&l), &s)
       && s.count == 1, "longer labels go to the overflow series");
}


/*
 * A process holds the lock, lives and does not release it: the wait has a
 * bound.
 */

static void
test_busy(void)
{
    uint32_t           i;
    uint64_t           start, ms, first, least;
    qoe_self_t        *t;
    qoe_proc_t         self;
    qoe_labels_t       l;
    qoe_self_series_t  s;

    t = self_new(SIZE);
    self = qoe_proc_self();

    qoe_self_add(t, self, QOE_METRIC_EVENTS_RECEIVED, labels_of(&l, "o", 0),
                 1);
    t->lock = self;

    start = qoe_mono_ms();
    qoe_self_add(t, self, QOE_METRIC_EVENTS_RECEIVED, labels_of(&l, "o", 1),
                 1);
    first = qoe_mono_ms() - start;

    /*
     * Each wait would take 50 ms, so the quickest of some calls shows whether
     * they wait, however busy the machine is.
     */

    for (i = 0, least = UINT64_MAX; i < 5; i++) {
        start = qoe_mono_ms();
        qoe_self_add(t, self, QOE_METRIC_EVENTS_RECEIVED,
                     labels_of(&l, "o", 2 + i), 1);
        ms = qoe_mono_ms() - start;
        least = ms < least ? ms : least;
    }

    qoe_self_add(t, self, QOE_METRIC_EVENTS_RECEIVED, labels_of(&l, "o", 0),
                 1);

    ok(first >= 40, "a lock that is held is waited for: %d ms", (int) first);
    ok(least < 20,
       "a lock that was waited for in vain is not waited for again at once: %d "
       "ms", (int) least);
    ok(find(t, QOE_METRIC_EVENTS_RECEIVED, overflow_labels(&l), &s)
       && s.count == 6,
       "values that found the lock held are in the overflow series");
    ok(find(t, QOE_METRIC_EVENTS_RECEIVED, labels_of(&l, "o", 0), &s)
       && s.count == 2, "series that exist need no lock");
}


static void *
adder(void *data)
{
    uint32_t      i;
    qoe_self_t   *t = data;
    qoe_proc_t    self;
    qoe_labels_t  l;

    self = qoe_proc_self();

    for (i = 0; i < ADDS; i++) {
        qoe_self_add(t, self, QOE_METRIC_INGEST_EVENTS,
                     labels_of(&l, "k", i % KEYS), 2);
        qoe_self_add(t, self, SECONDS, labels_of(&l, "k", i % KEYS),
                     i % 8 * 0.25);
    }

    return NULL;
}


/* Readers see buckets that are their count, and counts that only grow. */

static uint32_t
watch(const qoe_self_t *t)
{
    uint32_t           i, j, bad;
    uint64_t           sum;
    qoe_self_series_t  s;

    static uint64_t    last[1 << 16];

    bad = 0;

    for (i = 0; i < qoe_self_slots(t) && i < (1 << 16); i++) {

        if (!qoe_self_read(t, i, &s)) {
            bad += (last[i] != 0);
            continue;
        }

        if (qoe_metrics[s.metric].kind == QOE_INSTRUMENT_HISTOGRAM) {
            for (sum = 0, j = 0; j < QOE_BUCKETS_MAX; j++) {
                sum += s.bucket[j];
            }

            bad += (sum != s.count || s.min > s.max || s.min < 0
                    || s.max > 1.75);
        }

        bad += (s.count < last[i]);
        last[i] = s.count;
    }

    return bad;
}


static void
test_together(void)
{
    int                i, j, status, failed;
    pid_t              pid[PROCESSES];
    uint32_t           n, bad, live;
    uint64_t           count;
    pthread_t          thread[THREADS];
    qoe_self_t        *t;
    qoe_labels_t       l;
    struct timespec    pause = { 0, 3000000 };
    qoe_self_series_t  s;

    t = self_new(SIZE);
    failed = 0;

    for (i = 0; i < PROCESSES; i++) {

        pid[i] = fork();

        if (pid[i] == 0) {
            for (j = 0; j < THREADS; j++) {
                if (pthread_create(&thread[j], NULL, adder, t) != 0) {
                    _exit(1);
                }
            }

            for (j = 0; j < THREADS; j++) {
                pthread_join(thread[j], NULL);
            }

            _exit(0);
        }
    }

    bad = 0;

    for (live = PROCESSES; live > 0; /* void */ ) {
        bad += watch(t);
        nanosleep(&pause, NULL);

        if (waitpid(-1, &status, WNOHANG) > 0) {
            live--;
            failed += (status != 0);
        }
    }

    ok(failed == 0 && bad == 0,
       "while %d processes of %d threads add, readers see only possible values",
       PROCESSES, THREADS);

    count = total(t, QOE_METRIC_INGEST_EVENTS, &n);
    ok(count == (uint64_t) 2 * PROCESSES * THREADS * ADDS && n == KEYS,
       "there are %u series, and the sum of the counters is exact", n);

    count = total(t, SECONDS, &n);
    ok(count == (uint64_t) PROCESSES * THREADS * ADDS && n == KEYS,
       "the sum of the histograms' counts is exact");

    /*
     * Value i % 8 goes to key i % KEYS, so over all keys each value is as
     * frequent.
     */

    for (i = 0, count = 0; i < KEYS; i++) {
        if (find(t, SECONDS,
                 labels_of(&l, "k", (uint32_t) i), &s))
        {
            count += (uint64_t) (s.sum * 4 + 0.5);
        }
    }

    ok(count == (uint64_t) PROCESSES * THREADS * ADDS / 8 * 28,
       "the sum of the histograms' sums is exact");
}


/*
 * Inserts until it is killed. acks shows the parent what was added: number i
 * of a process is done when acks > i.
 */

static void
inserter(qoe_self_t *t, uint32_t base, uint32_t *acks)
{
    uint32_t      i;
    qoe_proc_t    self;
    qoe_labels_t  l;

    self = qoe_proc_self();

    for (i = 0; i < INSERTS; i++) {
        qoe_self_add(t, self, QOE_METRIC_EVENTS_RECEIVED,
                     labels_of(&l, "o", base + i), 1);
        qoe_self_add(t, self, QOE_METRIC_INGEST_LATENCY,
                     labels_of(&l, "o", base + i), 0.5);
        qoe_publish(acks, i + 1);
    }

    _exit(0);
}


static void
test_kill(void)
{
    int                round, i, kills;
    pid_t              pid[2];
    uint32_t           n, j, broken, *acks;
    uint64_t           acked, count;
    qoe_self_t        *t;
    qoe_labels_t       l;
    struct timespec    pause;
    qoe_self_series_t  s;

    acks = mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS,
                -1, 0);

    if (acks == MAP_FAILED) {
        abort();
    }

    broken = 0;
    kills = 0;

    for (round = 0; round < 60; round++) {

        t = self_new(LARGE);
        acks[0] = 0;
        acks[1] = 0;

        for (i = 0; i < 2; i++) {
            pid[i] = fork();

            if (pid[i] == 0) {
                inserter(t, (uint32_t) i * 1000000, &acks[i]);
            }
        }

        pause = (struct timespec) { 0, 300000 + round * 20011 };
        nanosleep(&pause, NULL);

        for (i = 0; i < 2; i++) {
            kill(pid[i], SIGKILL);
            waitpid(pid[i], NULL, 0);
            kills++;
        }

        /*
         * The dead process's lock is taken, and a new series finds its place.
         * On a busy machine an inserter may have waited for the lock in vain,
         * after which new series go to the overflow series for a second.
         */

        t->busy_ms = 0;

        qoe_self_add(t, qoe_proc_self(), QOE_METRIC_EVENTS_ACCEPTED,
                     labels_of(&l, "o", 1), 9);

        broken += !find(t, QOE_METRIC_EVENTS_ACCEPTED, labels_of(&l, "o", 1),
                        &s) || s.count != 9 || t->lock != 0;

        for (i = 0, acked = 0; i < 2; i++) {
            acked += acks[i];
        }

        /* At most the value that each process was adding may be missing. */

        count = total(t, QOE_METRIC_EVENTS_RECEIVED, &n);
        broken += count < acked || count > acked + 2;

        for (j = 0; j < qoe_self_slots(t); j++) {
            if (qoe_self_read(t, j, &s)
                && s.metric == QOE_METRIC_INGEST_LATENCY)
            {
                broken += s.min != 0.5 || s.max != 0.5
                          || s.bucket[11] != s.count;
            }
        }

        munmap(t, LARGE);
    }

    ok(broken == 0,
       "%d processes were killed while they insert: nothing is half made and "
       "nothing is lost", kills);
}


static void
test_garbage(void)
{
    uint32_t           i, n;
    uint64_t          *index, r;
    qoe_self_t        *t;
    qoe_labels_t       l;
    qoe_self_series_t  s;

    t = self_new(SIZE);
    index = (uint64_t *) ((char *) t + t->index_offset);
    r = 88172645463325252ULL;

    for (i = 0; i < t->slots; i++) {
        r ^= r << 13;
        r ^= r >> 7;
        r ^= r << 17;
        index[i] = (i & 1) ? r : (r & ~(uint64_t) 0xffffffff)
                                 | (r >> 20 & 4095);
    }

    for (i = 0, n = 0; i < qoe_self_slots(t); i++) {
        n += qoe_self_read(t, i, &s);
    }

    qoe_self_add(t, qoe_proc_self(), QOE_METRIC_EVENTS_RECEIVED,
                 labels_of(&l, "o", 1), 1);

    ok(n == 0, "an index of garbage gives no series");
    ok(((qoe_self_entry_t *) ((char *) t
            + t->overflow[QOE_METRIC_EVENTS_RECEIVED] * QOE_SELF_UNIT))->count
       == 1, "a value for a damaged index goes to the overflow series");
}


static void
test_workers(void)
{
    pid_t          pid;
    uint32_t       i;
    qoe_self_t    *t;
    qoe_proc_t     self;
    qoe_workers_t  w;

    t = self_new(SIZE);
    self = qoe_proc_self();

    qoe_self_workers(t, 1000, 100, &w);
    ok(w.heap == 0 && w.stack == 0 && w.helpers == 0,
       "at first there is no worker");

    qoe_self_worker(t, self, 1000, 10, 5000);
    qoe_self_worker(t, self, 2000, 20, 5100);
    qoe_self_workers(t, 5150, 100, &w);
    ok(w.heap == 2000 && w.stack == 20 && w.helpers == 1,
       "a worker has a single row, the newest");

    qoe_self_workers(t, 5300, 100, &w);
    ok(w.heap == 2000 && w.helpers == 0,
       "a worker without its thread still counts its memory");

    for (i = 0; i < 3; i++) {

        pid = fork();

        if (pid == 0) {
            qoe_self_worker(t, qoe_proc_self(), 500, 5, 5300);
            _exit(0);
        }

        waitpid(pid, NULL, 0);
        qoe_self_workers(t, 5300, 1000, &w);
        ok(w.heap == 2000 && w.stack == 20 && w.helpers == 1,
           "a worker that has died does not count (%u)", i);
    }

    ok(t->row[1].proc != 0 && t->row[2].proc == 0,
       "the row of a worker that has died is taken by the next worker");

    qoe_self_worker_gone(t, self);
    qoe_self_workers(t, 5300, 1000, &w);
    ok(w.heap == 0 && w.helpers == 0, "a worker that leaves does not count");

    for (i = 0; i < QOE_WORKERS_MAX; i++) {
        t->row[i].proc = self;
    }

    qoe_self_worker(t, self + 1, 1, 1, 1);
    qoe_self_worker_gone(t, self + 1);
    ok(t->row[0].proc == self, "without a free row nothing is overwritten");
}


int
main(void)
{
    test_values();
    test_overflow();
    test_busy();
    test_together();
    test_kill();
    test_garbage();
    test_workers();

    return tap_end();
}
