
/*
 * Copyright (C) OpenQoE
 *
 * The last minutes and the bad views in the zone: alone, by many writers at a
 * time, by writers that are killed, and made of events.
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


/* What the lane says of itself at that ms of its time. */

static void
live_of(lane_t *l, uint64_t ms)
{
    qoe_live_read(&got, l->st.live, l->st.live_lane, l->st.lanes, lane_ns(ms));
}


static uint32_t
watched(lane_t *l, uint64_t ms)
{
    live_of(l, ms);

    return got.watched[QOE_LIVE_KEPT - 1];
}


/* As the helper does when it has taken in what came. */

static void
tick(lane_t *l, uint64_t ms)
{
    qoe_apply_tick(l->apply, lane_ns(ms));
}


static void
test_watched(void)
{
    lane_t    *l;
    uint32_t   i;

    l = lane_new(16 * 1024 * 1024);

    tick(l, 0);
    ok(watched(l, 0) == 0, "a new lane has no view that is watched");

    tell(l, 0, "s/a/x", "playing", "");
    tell(l, 500, "s/a/x", "stallend", "");
    tell(l, 600, "t/b/x", "playing", "");
    tell(l, 700, "u/c/x", "playerready", "");
    tick(l, 800);
    ok(watched(l, 800) == 2, "a view that plays or wants to is watched");

    beats(l, 10500, 20500, "s/a/x", 500);
    tell(l, 21000, "t/b/x", "playbackdetached", "");
    tell(l, 22000, "t/b/x", "heartbeat", "");
    tick(l, 22000);
    ok(watched(l, 22000) == 1, "one that is detached is not");
    ok(watched(l, 50000) == 1, "the count stands as long as nothing happens");
    live_of(l, 22000);
    ok(got.watched[QOE_LIVE_KEPT - 1 - 4] == 2,
       "the steps before have what was counted then");

    pass(l, 60000);
    ok(watched(l, 60000) == 0,
       "30 s after its last event a view is not watched any more");

    tell(l, 61000, "s/a/x", "heartbeat", "at=60000 playing_time=60000");
    lane_hold(l, true);
    tick(l, 61100);
    ok(watched(l, 61100) == 1, "who takes a lane over counts its views");

    tell(l, 62000, "s/a/x", "pause", "at=60500");
    tell(l, 63000, "s/a/x", "heartbeat", "at=60500");
    tick(l, 63000);
    ok(watched(l, 63000) == 0, "a pause is seen with the next tick");

    tell(l, 64000, "s/a/x", "playing", "at=60500");
    tell(l, 65000, "s/a/x", "heartbeat", "at=61500");
    tick(l, 65000);
    ok(watched(l, 65000) == 1, "so is that it plays again");

    /* over, while its record waits for room */

    for (i = 0; i < qoe_sessions_touched(l->st.sessions[0]); i++) {
        qoe_sessions_slot(l->st.sessions[0], i)->over = 1;
    }

    tell(l, 66000, "z/z/x", "playerready", "");
    tick(l, 66000);
    ok(watched(l, 66000) == 0, "a view that is over is not watched");

    lane_free(l);
}


/* The more slots there are, the longer the time between two counts. */

static void
test_pace(void)
{
    int      i;
    char     of[32];
    lane_t  *l;

    l = lane_new(16 * 1024 * 1024);

    for (i = 0; i < 400; i++) {
        snprintf(of, sizeof(of), "s%d/v/x", i);
        tell(l, 0, of, "playing", "");
    }

    tick(l, 1000);
    ok(watched(l, 1000) == 400, "all views are counted");

    tell(l, 1001, "more/v/x", "playing", "");
    tick(l, 1009);
    ok(watched(l, 1009) == 400, "400 slots are not counted again within 10 ms");
    tick(l, 1010);
    ok(watched(l, 1010) == 401, "but after them");

    tell(l, 1011, "evenmore/v/x", "playing", "");
    tick(l, 900);
    ok(watched(l, 900) == 402, "a clock that is set back stops no count");

    tick(l, 30900);
    ok(watched(l, 30900) == 402,
       "what nothing has changed is not counted again");
    pass(l, 31011);
    ok(watched(l, 31011) == 0, "until all views are silent");
    lane_free(l);
}


static const qoe_live_bad_t *
bad_of(lane_t *l, const char *id)
{
    size_t                 i, n;
    static qoe_live_bad_t  bad[QOE_LIVE_BAD_SHOWN];

    n = qoe_live_read_bad(l->st.live, bad, QOE_LIVE_BAD_SHOWN);

    for (i = 0; i < n; i++) {
        if (strncmp(bad[i].view_id, id, QOE_VIEW_ID) == 0) {
            return &bad[i];
        }
    }

    return NULL;
}


static bool
label_is(const qoe_live_bad_t *bad, const char *name, const char *value)
{
    qoe_span_t         key, text;
    qoe_labels_iter_t  it;

    qoe_labels_iter(&it, (qoe_span_t) { bad->labels, bad->labels_len });

    while (qoe_labels_next(&it, &key, &text)) {
        if (qoe_span_eq(key, qoe_span_str(name))) {
            return qoe_span_eq(text, qoe_span_str(value));
        }
    }

    return value == NULL;
}


static void
test_views(void)
{
    lane_t                *l;
    const qoe_live_bad_t  *bad;

    l = lane_new(16 * 1024 * 1024);

    /* a good one */

    tell(l, 0, "s/good/x", "playing", "");
    tell(l, 1, "s/good/x", "stallstart", "");
    tell(l, 400, "s/good/x", "stallend", "");
    beats(l, 10400, 60400, "s/good/x", 400);
    tell(l, 70400, "s/good/x", "ended", "at=70000 playing_time=70000");

    /* a slow start of 6 s, and 2 s of 22 s stalled */

    tell(l, 80000, "s/slow/x", "playing", "title=Dune cdn=edge device=tv");
    tell(l, 80001, "s/slow/x", "stallstart", "title=Dune cdn=edge device=tv");
    tell(l, 86000, "s/slow/x", "stallend", "title=Dune cdn=edge device=tv");
    tell(l, 96000, "s/slow/x", "stallstart",
         "at=10000 title=Dune cdn=edge device=tv");
    tell(l, 98000, "s/slow/x", "stallend",
         "at=10000 title=Dune cdn=edge device=tv");
    tell(l, 108000, "s/slow/x", "ended",
         "at=20000 playing_time=20000 title=Dune cdn=edge device=tv");

    /* a start that failed, and a viewer who did not wait */

    tell(l, 110000, "s/fail/x", "playing", "");
    tell(l, 110001, "s/fail/x", "stallstart", "");
    tell(l, 110500, "s/fail/x", "error",
         "error_family=network error_code=403");
    tell(l, 110600, "s/fail/x", "playbackdetached", "");
    tell(l, 120000, "s/exit/x", "playing", "");
    tell(l, 120001, "s/exit/x", "stallstart", "");
    tell(l, 126000, "s/exit/x", "playbackdetached", "");
    pass(l, 300000);

    live_of(l, 300000);

    ok(bad_of(l, "good") == NULL, "a good view is not among the bad ones");

    bad = bad_of(l, "slow");
    ok(bad != NULL && bad->why == (QOE_LIVE_SLOW|QOE_LIVE_REBUFFER)
       && bad->startup_ms == 6000 && bad->stalled_ms == 2000
       && bad->stalls == 1 && bad->playing_ms == 20000,
       "a view with a slow start and a long stall is one, with its numbers");
    ok(bad != NULL && label_is(bad, "video_title", "Dune")
       && label_is(bad, "video_id", "x") && label_is(bad, "device_category",
                                                     "tv")
       && label_is(bad, "org_id", "acme"),
       "it has the attributes that metrics have");
    ok(bad != NULL && label_is(bad, "cdn_provider", NULL),
       "and none that metrics do not have");

    bad = bad_of(l, "fail");
    ok(bad != NULL && bad->why == QOE_LIVE_START_FAILURE
       && strcmp(bad->error, "403") == 0 && bad->startup_ms == UINT32_MAX,
       "a start that failed is one, with the code of the error");

    bad = bad_of(l, "exit");
    ok(bad != NULL && bad->why == QOE_LIVE_EXIT && bad->error[0] == '\0',
       "a viewer who left before the start is one");

    ok(total(l, QOE_METRIC_VIEWS_STARTED_TOTAL) == 2
       && ended_as(l, "completed") == 2 && ended_as(l, "startup_failure") == 1
       && ended_as(l, "exit_before_start") == 1, "so say the metrics, too");

    lane_free(l);
}


/* The history is made of the points of the metrics, so their sums agree. */

static void
test_sums(void)
{
    size_t    i, k, n;
    lane_t   *l;
    double    sum[QOE_LIVE_WORDS], startups;

    l = lane_new(16 * 1024 * 1024);
    memset(sum, 0, sizeof(sum));

    tell(l, 0, "s/a/x", "playing", "");
    tell(l, 1, "s/a/x", "stallstart", "");
    tell(l, 900, "s/a/x", "stallend", "");
    beats(l, 10900, 60900, "s/a/x", 900);
    tell(l, 61000, "s/a/x", "stallstart", "at=60100");
    tell(l, 64000, "s/a/x", "stallend", "at=60100");
    tell(l, 74000, "s/a/x", "ended", "at=70100 playing_time=70100");
    tell(l, 75000, "t/b/x", "playing", "");
    tell(l, 75001, "t/b/x", "stallstart", "");
    tell(l, 75001, "t/b/x", "error", "error_family=media error_code=3");
    tell(l, 75002, "t/b/x", "playbackdetached", "");
    pass(l, 200000);
    live_of(l, 200000);

    for (i = 0; i < QOE_LIVE_KEPT; i++) {
        for (k = 0; k < QOE_LIVE_WORDS; k++) {
            sum[k] += got.count[i][k];
        }
    }

    for (k = QOE_LIVE_STARTUP, startups = 0; k < QOE_LIVE_WORDS; k++) {
        startups += sum[k];
    }

    ok(sum[QOE_LIVE_STARTED] == total(l, QOE_METRIC_VIEWS_STARTED_TOTAL)
       && sum[QOE_LIVE_ERRORS] == total(l, QOE_METRIC_ERRORS_TOTAL)
       && sum[QOE_LIVE_STALLS] == total(l, QOE_METRIC_REBUFFER_EVENTS_COUNT),
       "starts, errors and stalls of the history are those of the metrics");
    ok(fabs(sum[QOE_LIVE_PLAYING_MS]
            - total(l, QOE_METRIC_PLAYING_TIME_SECONDS) * 1000) < 20
       && sum[QOE_LIVE_STALLED_MS] == total(l, QOE_METRIC_REBUFFER_DURATION),
       "so are the times of playing and stalling");
    ok(sum[QOE_LIVE_COMPLETED] == ended_as(l, "completed")
       && sum[QOE_LIVE_START_FAILURES] == ended_as(l, "startup_failure")
       && sum[QOE_LIVE_START_FAILURES] == 1,
       "so are the outcomes");

    (void) total_of(l, QOE_METRIC_VIDEO_STARTUP_TIME, NULL, &n);
    ok(startups == n && n == 1, "so are the startups");

    lane_free(l);
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
    test_watched();
    test_pace();
    test_views();
    test_sums();

    return tap_end();
}
