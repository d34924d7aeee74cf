
/*
 * Copyright (C) OpenQoE
 *
 * The turns of a helper thread, one by one: what it calls and in which order,
 * how long it sleeps, and what ends it.
 */


#include "helper_turn_unit.h"


static void
test_leaving(void)
{
    begin();
    qoe_helper_flags(&h, 100000);
    ok(h.leaving_ms == 0 && !h.env.leaving && !h.env.spooling
       && wire[0].deadlines == 0 && h.exporter[0].retry.not_before_ms == 9
       && h.spooling_ms == 0, "without a stop a helper does not leave");

    h.stop = true;
    qoe_helper_flags(&h, 100000);
    ok(h.leaving_ms == 103000 && h.env.leaving && !h.env.spooling
       && h.spooling_ms == 102500 && wire[0].deadline_ms == 3000
       && wire[1].deadline_ms == 3000
       && h.exporter[0].retry.not_before_ms == 0
       && h.exporter[1].retry.not_before_ms == 0,
       "at a stop every request is due at once, and must end in time");

    h.exporter[0].retry.not_before_ms = 9;
    qoe_helper_flags(&h, 102499);
    ok(h.leaving_ms == 103000 && !h.env.spooling && wire[0].deadlines == 1
       && h.exporter[0].retry.not_before_ms == 9,
       "the end of an exit does not move");

    qoe_helper_flags(&h, 102500);
    ok(h.env.spooling, "half a second before it all goes to the spool");

    h.drain_ms = 900;
    h.leaving_ms = 100900;
    ok(qoe_helper_spooling_ms(&h) == 100600,
       "of a short exit the last third is for that");
}


/* How much time is left for the spool, by what waits. */

static void
test_spooling(void)
{
    begin();
    h.leaving_ms = 103000;
    h.exporter[0].spool = (qoe_spool_t *) &wire;
    lag[0][0] = 65536 * 400;
    lag[1][0] = 65536 * 100;
    lag[0][1] = 65536 * 2000;
    ok(qoe_helper_spooling_ms(&h) == 102500,
       "500 ms are enough for 500 ms of writing, and a stream without a spool "
       "writes nothing");

    lag[1][0] += 65536;
    ok(qoe_helper_spooling_ms(&h) == 102499,
       "more of any lane takes longer");

    h.exporter[1].spool = (qoe_spool_t *) &wire;
    ok(qoe_helper_spooling_ms(&h) == 103000 - 2501, "so does another stream");

    held[0].feed[1] = NULL;
    held[1].nfeeds = 0;
    ok(qoe_helper_spooling_ms(&h) == 102500,
       "what a lane does not feed is not written");

    lag[0][0] = 65536 * 9000;
    ok(qoe_helper_spooling_ms(&h) == 100000,
       "it takes no longer than the whole exit");

    h.env.nheld = 0;
    ok(qoe_helper_spooling_ms(&h) == 102500, "without lanes there is none");
}


static void
test_hopeless(void)
{
    size_t  i;

    static const struct {
        bool         points;
        bool         spool;
        bool         open;
        int          hopeless;
    } rows[] = {
        { true, true, true, 1 }, { false, true, true, 0 },
        { true, false, true, 0 }, { true, true, false, 0 }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        begin();
        h.leaving_ms = 103000;
        h.exporter[1].points = rows[i].points
                               ? (qoe_points_dest_t *) (uintptr_t) 2 : NULL;
        h.exporter[1].spool = rows[i].spool ? (qoe_spool_t *) &wire : NULL;
        out->open[1] = rows[i].open;
        qoe_helper_flags(&h, 100000);

        ok(is->hopeless[1] == rows[i].hopeless && is->hopeless[0] == 0,
           "an exit does not wait for metrics %s: %d %d %d",
           rows[i].hopeless ? "that no server takes"
                            : "unless it must", rows[i].points, rows[i].spool,
           rows[i].open);
    }

    begin();
    h.exporter[0].points = (qoe_points_dest_t *) (uintptr_t) 1;
    h.exporter[0].spool = (qoe_spool_t *) &wire;
    out->open[0] = true;
    qoe_helper_flags(&h, 100000);
    ok(is->hopeless[0] == 0, "before an exit metrics have their time");
}


static void
test_reopen(void)
{
    begin();
    qoe_helper_reopen(&h);
    ok(h.reopen, "a rotation is noted for the thread");
    qoe_helper_flags(&h, 100000);
    qoe_helper_flags(&h, 100000);
    ok(wire[0].reopened == 1 && wire[1].reopened == 1 && !h.reopen,
       "all files are opened again, once");
}


static void
test_watch(void)
{
    begin();
    qoe_helper_watch(&h, 100000);
    ok(strcmp(is->calls, "watch ") == 0 && is->counted[0] == 0
       && is->counted[1] == 0, "lists are looked at in each turn");

    is->found = (qoe_watch_found_t) { 1, 0 };
    qoe_helper_watch(&h, 100000);
    is->found = (qoe_watch_found_t) { 0, 2 };
    qoe_helper_watch(&h, 100000);
    ok(is->counted[0] == 1 && is->counted[1] == 2,
       "those that are read, and those that are wrong, are counted");

    is->calls[0] = '\0';
    h.leaving_ms = 1;
    qoe_helper_watch(&h, 100000);
    ok(is->calls[0] == '\0', "at an exit no list is looked at");
}


static void
test_work(void)
{
    begin();
    lanes->asked[0] = 40;
    lanes->asked[1] = 60;
    is->after_ms = 100700;
    h.more = true;
    qoe_helper_work(&h, 100000);
    ok(strcmp(is->calls, "run run commit commit send send ") == 0
       && lanes->run_ms[0] == 100000 && lanes->run_ms[1] == 100000
       && !lanes->flush[0] && out->commit_ms[1] == 100000
       && out->run_ms[0] == 100700 && !h.more,
       "lanes are read, then stored, then sent, at the time after that");
    ok(held[0].asked == 40 && held[1].asked == 50,
       "a question is answered as far as the lane is read");

    h.leaving_ms = 103000;
    out->commits[0] = true;
    qoe_helper_work(&h, 100700);
    ok(h.more && lanes->flush[0] && lanes->flush[1],
       "at an exit begun batches are closed; what is not stored goes on");

    out->commits[0] = false;
    out->runs[1] = true;
    qoe_helper_work(&h, 100700);
    ok(h.more, "so does what is not sent");

    out->runs[1] = false;
    out->commits[1] = true;
    h.handing_over = true;
    is->calls[0] = '\0';
    qoe_helper_work(&h, 100700);
    ok(strcmp(is->calls, "send send ") == 0 && !h.more,
       "who hands over reads and stores nothing");
}


/* The events in the descriptors of waiters 0 to 3. */

static bool
woken(uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    size_t    i;
    uint64_t  n[4], want[4] = { a, b, c, d };

    for (i = 0; i < 4; i++) {
        if (read(waiter_fd[i], &n[i], sizeof(n[i])) != sizeof(n[i])) {
            n[i] = 0;
        }
    }

    return memcmp(n, want, sizeof(n)) == 0;
}


static void
test_wake(void)
{
    uint64_t  most;

    begin();
    qoe_helper_wake(&h);
    ok(woken(0, 0, 0, 0), "without a change no waiter wakes");

    lanes->waiters[0] = 1;
    lanes->waiters[1] = 4 | 8;
    qoe_helper_wake(&h);
    ok(woken(1, 0, 1, 0),
       "the waiters of all lanes wake, and those that there are alone");

    lanes->waiters[0] = 0;
    lanes->waiters[1] = 2;
    qoe_helper_work(&h, 100000);
    ok(woken(0, 2, 0, 0), "they wake after a store and after an answer");

    most = UINT64_MAX - 1;
    (void) !write(waiter_fd[0], &most, sizeof(most));
    lanes->waiters[1] = 1;
    errno = EINTR;
    qoe_helper_wake(&h);
    ok(woken(most, 0, 0, 0), "one whose descriptor is full is awake already");
}


/* The time that a helper sleeps at 100,000 ms. */

static void
test_wait(void)
{
    size_t    i;
    uint64_t  n;

    static const struct {
        uint64_t     lease_ms;
        bool         more;
        bool         arms;
        bool         handing_over;
        int64_t      timeout;
    } rows[] = {
        { UINT64_MAX, false, false, false, -1 },
        { 100001, false, false, false, 1 },
        { 100000, false, false, false, 0 },
        { 99999, false, false, false, 0 },
        { 100500, false, false, false, 500 },
        { 100500, true, false, false, 0 },
        { 100500, false, true, false, 0 },
        { UINT64_MAX, false, true, false, 0 },
        { 100500, false, true, true, 500 },
        { 100500, true, false, true, 0 }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        begin();
        h.lease_ms = rows[i].lease_ms;
        h.more = rows[i].more;
        h.handing_over = rows[i].handing_over;
        lanes->arms[1] = rows[i].arms;
        qoe_helper_wait(&h, 100000);

        ok(is->timeout == rows[i].timeout && is->nfds == 2
           && is->fds[0] == lane_fd[LANE] && is->fds[1] == lane_fd[LANE + 1]
           && !lanes->armed[0] && !lanes->armed[1]
           && strcmp(is->calls, rows[i].handing_over
                                ? "wait disarm disarm "
                                : "arm arm wait disarm disarm ") == 0,
           "a sleep of %lld ms: %zu", (long long) rows[i].timeout, i);
    }

    n = 5;
    (void) !write(lane_fd[LANE + 1], &n, sizeof(n));
    qoe_helper_wait(&h, 100000);
    ok(read(lane_fd[LANE + 1], &n, sizeof(n)) == -1,
       "what has ended a sleep does not end the next one");
}


static void
test_deadline(void)
{
    begin();
    ok(qoe_helper_deadline(&h, 1) == UINT64_MAX, "nothing is due");

    is->watch_due_ms = 900;
    ok(qoe_helper_deadline(&h, 1) == 900, "a look at the lists is");
    out->due_ms[1] = 800;
    ok(qoe_helper_deadline(&h, 1) == 800, "the last stream comes before it");
    lanes->due_ms[1] = 700;
    ok(qoe_helper_deadline(&h, 1) == 700, "the last lane before that");
    is->report_due_ms = 600;
    ok(qoe_helper_deadline(&h, 1) == 600, "the metrics before that");
    h.lease_ms = 500;
    ok(qoe_helper_deadline(&h, 1) == 500, "and the leases before that");

    begin();
    lanes->due_ms[0] = 700;
    h.handing_over = true;
    ok(qoe_helper_deadline(&h, 1) == UINT64_MAX,
       "lanes are not due while they are handed over");

    begin();
    is->watch_due_ms = 900;
    h.leaving_ms = 3000;
    h.spooling_ms = 2500;
    ok(qoe_helper_deadline(&h, 1) == 2500,
       "at an exit the lists are not due, but the writing to the spool is");
    h.env.spooling = true;
    ok(qoe_helper_deadline(&h, 1) == 3000, "and then its end");
}


static void
test_turn(void)
{
    begin();
    ok(qoe_helper_turn(&h)
       && strcmp(is->calls, "watch lease run run commit commit send send "
                 "report arm arm wait disarm disarm ") == 0,
       "a turn looks, serves the lanes, the metrics, and sleeps");

    /* before the end of an exit, and at it */

    begin();
    h.stop = true;
    ok(qoe_helper_turn(&h) && h.report == &the_report && out->aborted == 0,
       "an exit goes on while there is time");
    is->clock_ms = 102999;
    ok(qoe_helper_turn(&h), "as long as there is any");
    is->calls[0] = '\0';
    is->clock_ms = 103000;
    ok(!qoe_helper_turn(&h) && h.report == NULL && out->aborted == EXPORTERS
       && is->destroyed == 1
       && strcmp(is->calls, "lease run run commit commit send send report "
                 "report_destroy close ") == 0,
       "then requests are given up, and lanes given away, without a sleep");

    begin();
    h.stop = true;
    is->finished = true;
    ok(!qoe_helper_turn(&h), "an exit ends when all is done");

    begin();
    is->finished = true;
    ok(qoe_helper_turn(&h), "without an exit it does not");

    /* the time runs out in a turn that has not spooled yet */

    begin();
    h.stop = true;
    is->after_ms = 103000;
    ok(qoe_helper_turn(&h) && !h.env.spooling,
       "a turn that takes too long is followed by one that spools");
    ok(!qoe_helper_turn(&h) && h.env.spooling, "which is the last");
}


static void
test_thread(void)
{
    int                i;
    sigset_t           own;
    qoe_helper_t      *helper;
    qoe_helper_conf_t  conf;

    begin();
    memset(&conf, 0, sizeof(conf));
    conf.nice = 1;
    is->clock_ms = 0;
    is->copied = QOE_ERROR;
    ok(qoe_helper_start(&helper, &conf) == QOE_ERROR,
       "a configuration that cannot be copied starts no helper");

    is->copied = QOE_OK;
    is->no_report = true;
    ok(qoe_helper_start(&helper, &conf) == QOE_NOMEM && is->calls[0] == '\0',
       "so does a want of memory");

    is->no_report = false;
    is->finished = true;
    ok(qoe_helper_start(&helper, &conf) == QOE_OK, "a helper starts");

    for (i = 0; i < 10000 && !__atomic_load_n(&is->seen, __ATOMIC_ACQUIRE);
         i++)
    {
        usleep(1000);
    }

    ok(is->seen && sigismember(&is->mask, SIGTERM)
       && sigismember(&is->mask, SIGCHLD) && sigismember(&is->mask, SIGHUP)
       && sigismember(&is->mask, SIGALRM) && !sigismember(&is->mask, SIGSEGV)
       && !sigismember(&is->mask, SIGBUS) && !sigismember(&is->mask, SIGFPE)
       && !sigismember(&is->mask, SIGILL) && !sigismember(&is->mask, SIGABRT),
       "its thread has a name, and takes no signal but faults");
    ok(is->nice == qoe_min(getpriority(PRIO_PROCESS, 0) + 1, 19)
       && is->policy == SCHED_BATCH,
       "it leaves the core to the event loop, which stays as it is");
    pthread_sigmask(SIG_SETMASK, NULL, &own);
    ok(!sigismember(&own, SIGTERM), "the caller takes signals as before");

    ok(qoe_helper_stop(helper, 2000) == QOE_OK && !is->late
       && is->destroyed == 1 && out->destroyed == 0,
       "it stops, and its report is freed once");

    __atomic_store_n(&is->hangs, true, __ATOMIC_RELEASE);
    (void) qoe_helper_start(&helper, &conf);
    ok(qoe_helper_stop(helper, 1) == QOE_BUSY && is->late,
       "a thread that hangs is not waited for, and counted as late");
    __atomic_store_n(&is->hangs, false, __ATOMIC_RELEASE);
    pthread_join(helper->thread, NULL);
    qoe_helper_free(helper);
}


int
main(void)
{
    size_t  i;

    for (i = 0; i < 8; i++) {
        lane_fd[i] = eventfd(0, EFD_NONBLOCK|EFD_CLOEXEC);
    }

    for (i = 0; i < 4; i++) {
        waiter_fd[i] = eventfd(0, EFD_NONBLOCK|EFD_CLOEXEC);
    }

    test_leaving();
    test_spooling();
    test_hopeless();
    test_reopen();
    test_watch();
    test_work();
    test_wake();
    test_wait();
    test_deadline();
    test_turn();
    test_thread();

    return tap_end();
}
