
/*
 * Copyright (C) OpenQoE
 *
 * The last minutes and the bad views in the zone: alone, by many writers at a
 * time, and by writers that are killed.
 */


#include "apply_unit.h"

#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>


#define NOW_NS     (1900000000ULL * 1000000000)
#define STEP_NS    (QOE_LIVE_STEP_S * 1000000000ULL)
#define WRITERS    4
#define ADDS       100000


static qoe_live_t       *live;
static qoe_live_read_t   got;


static void
renew(void)
{
    memset(live, 0, sizeof(qoe_live_t));
}


static void
point(qoe_metric_id_t metric, double value, const char *extra, uint64_t now_ns)
{
    qoe_point_t  p;

    memset(&p, 0, sizeof(p));
    p.metric = metric;
    p.value = value;

    if (extra != NULL) {
        p.nextra = 1;
        p.extra[0].dim = QOE_DIM_OUTCOME;
        p.extra[0].text = qoe_span_str(extra);
    }

    qoe_live_point(live, &p, now_ns);
}


static void
look(uint64_t now_ns)
{
    qoe_live_read(&got, live, NULL, 0, now_ns);
}


/* The count of a word in the step that is so many steps old. */

static uint32_t
count(qoe_live_word_t what, size_t ago)
{
    return got.count[QOE_LIVE_KEPT - 1 - ago][what];
}


static void
test_points(void)
{
    renew();

    point(QOE_METRIC_VIEWS_STARTED_TOTAL, 1, NULL, NOW_NS);
    point(QOE_METRIC_VIEWS_STARTED_TOTAL, 1, NULL, NOW_NS);
    point(QOE_METRIC_ERRORS_TOTAL, 1, NULL, NOW_NS);
    point(QOE_METRIC_PLAYING_TIME_SECONDS, 12.3456, NULL, NOW_NS);
    point(QOE_METRIC_REBUFFER_DURATION, 700, NULL, NOW_NS);
    point(QOE_METRIC_REBUFFER_DURATION, 300, NULL, NOW_NS);
    point(QOE_METRIC_REBUFFER_RATIO, 0.01, NULL, NOW_NS);
    point(QOE_METRIC_REBUFFER_RATIO, 0.0101, NULL, NOW_NS);
    point(QOE_METRIC_VIEWS_TOTAL, 1, "completed", NOW_NS);
    point(QOE_METRIC_VIEWS_TOTAL, 1, "played", NOW_NS);
    point(QOE_METRIC_VIEWS_TOTAL, 1, "played", NOW_NS);
    point(QOE_METRIC_VIEWS_TOTAL, 1, "exit_before_start", NOW_NS);
    point(QOE_METRIC_VIEWS_TOTAL, 1, "startup_failure", NOW_NS);
    point(QOE_METRIC_VIEWS_TOTAL, 1, "playback_failure", NOW_NS);
    point(QOE_METRIC_SEEK_TOTAL, 1, NULL, NOW_NS);
    look(NOW_NS);

    ok(count(QOE_LIVE_STARTED, 0) == 2, "views that start are counted");
    ok(count(QOE_LIVE_ERRORS, 0) == 1, "errors are counted");
    ok(count(QOE_LIVE_PLAYING_MS, 0) == 12346, "time of playing is in ms");
    ok(count(QOE_LIVE_STALLS, 0) == 2
       && count(QOE_LIVE_STALLED_MS, 0) == 1000,
       "stalls are counted with their time");
    ok(count(QOE_LIVE_RATED, 0) == 2 && count(QOE_LIVE_REBUFFERED, 0) == 1,
       "a view has rebuffered if more than 1 %% of its time was stalled");
    ok(count(QOE_LIVE_COMPLETED, 0) == 1 && count(QOE_LIVE_PLAYED, 0) == 2
       && count(QOE_LIVE_EXITS, 0) == 1
       && count(QOE_LIVE_START_FAILURES, 0) == 1
       && count(QOE_LIVE_FAILURES, 0) == 1,
       "views that are over are counted by outcome");

    point(QOE_METRIC_PLAYING_TIME_SECONDS, -2.346, NULL, NOW_NS);
    look(NOW_NS);
    ok(count(QOE_LIVE_PLAYING_MS, 0) == 10000, "time that was not played is "
       "taken back");

    point(QOE_METRIC_PLAYING_TIME_SECONDS, -20, NULL, NOW_NS);
    look(NOW_NS);
    ok(count(QOE_LIVE_PLAYING_MS, 0) == 0, "but no count falls below 0");

    point(QOE_METRIC_PLAYING_TIME_SECONDS, 4e6, NULL, NOW_NS);
    point(QOE_METRIC_PLAYING_TIME_SECONDS, 4e6, NULL, NOW_NS);
    look(NOW_NS);
    ok(count(QOE_LIVE_PLAYING_MS, 0) == UINT32_MAX
       && count(QOE_LIVE_STARTED, 0) == 2,
       "a count that is too large stands at the highest number");
}


static void
test_steps(void)
{
    size_t    i;
    uint32_t  sum;

    renew();

    for (i = 0; i < QOE_LIVE_KEPT; i++) {
        point(QOE_METRIC_VIEWS_STARTED_TOTAL, 1, NULL, NOW_NS + i * STEP_NS);
    }

    point(QOE_METRIC_VIEWS_STARTED_TOTAL, 1, NULL,
          NOW_NS + (QOE_LIVE_KEPT - 1) * STEP_NS + STEP_NS - 1);
    look(NOW_NS + (QOE_LIVE_KEPT - 1) * STEP_NS);

    ok(got.step == NOW_NS / STEP_NS + QOE_LIVE_KEPT - 1,
       "the last step that is read is the one of now");
    ok(count(QOE_LIVE_STARTED, 0) == 2 && count(QOE_LIVE_STARTED, 1) == 1
       && count(QOE_LIVE_STARTED, QOE_LIVE_KEPT - 1) == 1,
       "each step of 5 s has a count of its own");

    look(NOW_NS + (QOE_LIVE_KEPT + 2) * STEP_NS);
    ok(count(QOE_LIVE_STARTED, 0) == 0 && count(QOE_LIVE_STARTED, 2) == 0
       && count(QOE_LIVE_STARTED, 3) == 2,
       "steps in which nothing happened are empty");

    point(QOE_METRIC_VIEWS_STARTED_TOTAL, 1, NULL,
          NOW_NS + (QOE_LIVE_KEPT + 2) * STEP_NS);
    look(NOW_NS + (QOE_LIVE_KEPT + 2) * STEP_NS);
    ok(count(QOE_LIVE_STARTED, 0) == 1,
       "a place that an old step had begins at 0");

    look(NOW_NS + 3 * QOE_LIVE_KEPT * STEP_NS);

    for (i = 0, sum = 0; i < QOE_LIVE_KEPT; i++) {
        sum += count(QOE_LIVE_STARTED, i);
    }

    ok(sum == 0, "after a long silence all is empty");

    /* the clock is set back by an hour */

    point(QOE_METRIC_VIEWS_STARTED_TOTAL, 1, NULL, NOW_NS - 720 * STEP_NS);
    look(NOW_NS - 720 * STEP_NS);
    ok(count(QOE_LIVE_STARTED, 0) == 1,
       "a clock that is set back is no reason to stop counting");
}


static void
test_startup(void)
{
    int     i;
    double  p50, p95;

    renew();
    look(NOW_NS);
    ok(isnan(qoe_live_startup(&got, 0, QOE_LIVE_KEPT, 0.5)),
       "without a startup there is no quantile");

    for (i = 1; i <= 1000; i++) {
        point(QOE_METRIC_VIDEO_STARTUP_TIME, i * 2, NULL, NOW_NS);
    }

    look(NOW_NS);
    p50 = qoe_live_startup(&got, QOE_LIVE_KEPT - 1, 1, 0.5);
    p95 = qoe_live_startup(&got, 0, QOE_LIVE_KEPT, 0.95);

    ok(fabs(p50 - 1000) < 2, "the median of 2 to 2000 ms is 1000 (%g)", p50);
    ok(fabs(p95 - 1900) < 2, "their 95th percentile is 1900 (%g)", p95);
    ok(isnan(qoe_live_startup(&got, 0, QOE_LIVE_KEPT - 1, 0.5)),
       "a quantile is of the steps that it is asked for");

    renew();
    point(QOE_METRIC_VIDEO_STARTUP_TIME, 4000, NULL, NOW_NS);
    point(QOE_METRIC_VIDEO_STARTUP_TIME, 4000.5, NULL, NOW_NS);
    point(QOE_METRIC_VIDEO_STARTUP_TIME, 99999, NULL, NOW_NS);
    look(NOW_NS);

    for (i = 0; qoe_live_bounds[i] != QOE_LIVE_SLOW_MS; i++) { /* void */ }

    ok(count(QOE_LIVE_STARTUP + i, 0) == 1
       && count(QOE_LIVE_STARTUP + i + 1, 0) == 1,
       "a startup of 4 s is not slow, a longer one is");
    ok(qoe_live_startup(&got, 0, QOE_LIVE_KEPT, 1) == 20000,
       "what took longer than the last bound counts as that");
}


/* Each bound belongs to the bucket below it. */

static void
test_bounds(void)
{
    size_t  i, wrong;

    for (i = 0, wrong = 0; i < QOE_LIVE_BUCKETS - 1; i++) {
        renew();
        point(QOE_METRIC_VIDEO_STARTUP_TIME, qoe_live_bounds[i], NULL, NOW_NS);
        point(QOE_METRIC_VIDEO_STARTUP_TIME, qoe_live_bounds[i] + 0.5, NULL,
              NOW_NS);
        look(NOW_NS);

        wrong += count(QOE_LIVE_STARTUP + i, 0) != 1
                 || count(QOE_LIVE_STARTUP + i + 1, 0) != 1;
    }

    ok(wrong == 0 && qoe_live_bounds[0] == 50
       && qoe_live_bounds[QOE_LIVE_BUCKETS - 2] == 20000,
       "a startup of exactly a bound is in the bucket that ends there");
}


static double
quantile(double q, double a, double b)
{
    renew();
    point(QOE_METRIC_VIDEO_STARTUP_TIME, a, NULL, NOW_NS);
    point(QOE_METRIC_VIDEO_STARTUP_TIME, b, NULL, NOW_NS + STEP_NS);
    look(NOW_NS + STEP_NS);

    return qoe_live_startup(&got, QOE_LIVE_KEPT - 2, 2, q);
}


static void
test_quantiles(void)
{
    ok(quantile(0.25, 40, 4500) == 25, "the first bucket begins at 0");
    ok(quantile(0.5, 40, 4500) == 50,
       "the median of two startups is in the bucket of the lower one");
    ok(quantile(0.75, 40, 4500) == 4500 && quantile(1, 40, 4500) == 5000,
       "what is above it is in the bucket of the other one");
    ok(quantile(0.75, 40, 90000) == 20000,
       "a startup above the last bound has that for its place");
    ok(isnan(qoe_live_startup(&got, QOE_LIVE_KEPT - 3, 1, 0.5))
       && qoe_live_startup(&got, QOE_LIVE_KEPT - 2, 1, 1) == 50,
       "steps that were not asked for do not count");
}


/* Which ends of a view make it a bad one. */

static void
test_why(void)
{
    size_t               i;
    qoe_point_t         *p;
    qoe_points_t         points;
    static const struct {
        const char      *claim;
        const char      *outcome;            /* NULL: no point says it */
        double           startup;
        double           ratio;              /* -1: no point */
        uint32_t         why;
    } rows[] = {
        { "a view that was completed is none", "completed", 100, 0, 0 },
        { "a view that was left in the middle is none", "played", 100, 0, 0 },
        { "a startup of 4 s is not slow", "played", 4000, 0, 0 },
        { "a longer one is", "played", 4000.5, 0, QOE_LIVE_SLOW },
        { "an unknown one is not", "played", NAN, 0, 0 },
        { "a stalled hundredth is no reason", "played", 100, 0.01, 0 },
        { "more is one", "completed", 100, 0.0101, QOE_LIVE_REBUFFER },
        { "a failure is one", "playback_failure", 100, -1, QOE_LIVE_FAILURE },
        { "so is one of the start", "startup_failure", NAN, -1,
          QOE_LIVE_START_FAILURE },
        { "and a viewer who left before it", "exit_before_start", NAN, -1,
          QOE_LIVE_EXIT },
        { "an outcome of another name is none", "other", 100, -1, 0 },
        { "nor is a point without an outcome", NULL, 100, -1, 0 },
        { "a view may be bad in several ways", "playback_failure", 5000, 0.5,
          QOE_LIVE_FAILURE|QOE_LIVE_SLOW|QOE_LIVE_REBUFFER }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        qoe_points_clear(&points);
        (void) qoe_point_add(&points, QOE_METRIC_STAY_DURATION, 0.5);

        p = qoe_point_add(&points, QOE_METRIC_VIEWS_TOTAL, 1);

        if (rows[i].outcome != NULL) {
            qoe_point_extra(p, QOE_DIM_OUTCOME, qoe_span_str(rows[i].outcome));
        }

        if (rows[i].ratio >= 0) {
            (void) qoe_point_add(&points, QOE_METRIC_REBUFFER_RATIO,
                                 rows[i].ratio);
        }

        ok(qoe_live_why(&points, rows[i].startup) == rows[i].why, "%s",
           rows[i].claim);
    }
}


static void *
add_many(void *data)
{
    int  i;

    for (i = 0; i < ADDS; i++) {
        point(QOE_METRIC_VIEWS_STARTED_TOTAL, 1, NULL,
              NOW_NS + (i % 7) * STEP_NS);
    }

    return data;
}


static void
test_threads(void)
{
    int        i;
    uint64_t   sum;
    pthread_t  thread[WRITERS];

    renew();

    for (i = 0; i < WRITERS; i++) {
        pthread_create(&thread[i], NULL, add_many, NULL);
    }

    for (i = 0; i < WRITERS; i++) {
        pthread_join(thread[i], NULL);
    }

    /* each thread goes through the steps again and again, never beyond them */

    look(NOW_NS + 6 * STEP_NS);

    for (i = 0, sum = 0; i < 7; i++) {
        sum += count(QOE_LIVE_STARTED, i);
    }

    ok(sum == WRITERS * ADDS, "%d threads at a time lose no count",
       WRITERS);
}


/*
 * Children count in a page of their own what they have added; each is killed
 * at any instruction.
 */

static void
test_kills(void)
{
    int        round, i, wrong;
    pid_t      pid[WRITERS];
    uint64_t  *added, sum;

    added = mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS,
                 -1, 0);
    wrong = 0;

    for (round = 0; round < 30; round++) {

        renew();
        memset(added, 0, 4096);

        for (i = 0; i < WRITERS; i++) {
            pid[i] = fork();

            while (pid[i] == 0) {
                point(QOE_METRIC_VIEWS_STARTED_TOTAL, 1, NULL, NOW_NS);
                __atomic_add_fetch(&added[i], 1, __ATOMIC_RELAXED);
            }
        }

        while (__atomic_load_n(&added[0], __ATOMIC_RELAXED) < 1000) {
            usleep(100);
        }

        for (i = 0, sum = 0; i < WRITERS; i++) {
            kill(pid[i], SIGKILL);
            waitpid(pid[i], NULL, 0);
            sum += added[i];
        }

        look(NOW_NS);
        wrong += count(QOE_LIVE_STARTED, 0) < sum
                 || count(QOE_LIVE_STARTED, 0) > sum + WRITERS;
    }

    ok(wrong == 0, "a writer that is killed leaves every count right");
    munmap(added, 4096);
}


static void
bad_view(const char *id)
{
    qoe_live_bad_t  bad;

    memset(&bad, 0, sizeof(bad));
    bad.why = QOE_LIVE_EXIT;
    bad.at_ms = 1;
    memcpy(bad.view_id, id, qoe_min(strlen(id), (size_t) QOE_VIEW_ID));
    qoe_live_bad(live, &bad);
}


/* Every member of what was noted is read. */

static void
test_bad_whole(void)
{
    qoe_live_bad_t  put, bad[2];

    renew();
    memset(&put, 0x41, sizeof(put));
    put.labels_len = QOE_LIVE_LABELS;
    qoe_live_bad(live, &put);

    ok(put.number == 1 && qoe_live_read_bad(live, bad, 2) == 1
       && memcmp(&put, &bad[0], sizeof(put)) == 0,
       "a bad view is read as it was noted");

    put.labels_len = QOE_LIVE_LABELS + 1;
    qoe_live_bad(live, &put);
    ok(put.number == 2 && qoe_live_read_bad(live, bad, 2) == 1
       && bad[0].number == 1,
       "one with more attributes than there is room for is not shown");
}


static void *
add_bad(void *data)
{
    int   i;
    char  id[32];

    for (i = 0; i < 20000; i++) {
        snprintf(id, sizeof(id), "%d", i);
        bad_view(id);
    }

    return data;
}


static void
test_bad(void)
{
    int              i, wrong;
    char             id[32];
    size_t           n, k;
    pthread_t        thread[WRITERS];
    qoe_live_bad_t   bad[QOE_LIVE_BAD];

    renew();
    ok(qoe_live_read_bad(live, bad, QOE_LIVE_BAD_SHOWN) == 0,
       "a new zone has no bad view");

    bad_view("first");
    bad_view("second");
    n = qoe_live_read_bad(live, bad, QOE_LIVE_BAD_SHOWN);
    ok(n == 2 && strcmp(bad[0].view_id, "second") == 0
       && strcmp(bad[1].view_id, "first") == 0, "the newest one comes first");

    for (i = 0; i < 100; i++) {
        snprintf(id, sizeof(id), "view %d", i);
        bad_view(id);
    }

    n = qoe_live_read_bad(live, bad, QOE_LIVE_BAD_SHOWN);
    ok(n == QOE_LIVE_BAD_SHOWN && strcmp(bad[0].view_id, "view 99") == 0
       && strcmp(bad[n - 1].view_id, "view 80") == 0,
       "the last %d are kept", QOE_LIVE_BAD_SHOWN);

    n = qoe_live_read_bad(live, bad, 1);
    ok(n == 1 && strcmp(bad[0].view_id, "view 99") == 0
       && qoe_live_read_bad(live, bad, 0) == 0,
       "no more are read than there is room for");

    n = qoe_live_read_bad(live, bad, QOE_LIVE_BAD);
    ok(n == QOE_LIVE_BAD && bad[0].number == 102
       && bad[n - 1].number == 102 - QOE_LIVE_BAD + 1,
       "as many can be read as there are places");

    /* two writers met in the place of view 98, number 101 */

    live->bad[101 % QOE_LIVE_BAD][5] ^= 1;
    n = qoe_live_read_bad(live, bad, QOE_LIVE_BAD_SHOWN);
    ok(n == QOE_LIVE_BAD_SHOWN && strcmp(bad[1].view_id, "view 97") == 0,
       "a mixture of two views is not shown");

    /* a writer was killed when it had its number */

    live->bad_views++;
    n = qoe_live_read_bad(live, bad, QOE_LIVE_BAD_SHOWN);
    ok(n == QOE_LIVE_BAD_SHOWN && strcmp(bad[0].view_id, "view 99") == 0,
       "a view that was never written is not shown");

    renew();

    for (i = 0; i < WRITERS; i++) {
        pthread_create(&thread[i], NULL, add_bad, NULL);
    }

    for (i = 0, wrong = 0; i < 2000; i++) {
        n = qoe_live_read_bad(live, bad, QOE_LIVE_BAD_SHOWN);

        for (k = 0; k < n; k++) {
            wrong += bad[k].why != QOE_LIVE_EXIT
                     || (k != 0 && bad[k].number >= bad[k - 1].number);
        }
    }

    for (i = 0; i < WRITERS; i++) {
        pthread_join(thread[i], NULL);
    }

    ok(wrong == 0, "what is read while others write is a view, in order");
    ok(live->bad_views == WRITERS * 20000, "every bad view has its number");
}


int
main(void)
{
    live = mmap(NULL, sizeof(qoe_live_t), PROT_READ|PROT_WRITE,
                MAP_SHARED|MAP_ANONYMOUS, -1, 0);

    if (live == MAP_FAILED) {
        abort();
    }

    test_points();
    test_steps();
    test_startup();
    test_bounds();
    test_quantiles();
    test_why();
    test_threads();
    test_kills();
    test_bad();
    test_bad_whole();

    return tap_end();
}
