
/*
 * Copyright (C) OpenQoE
 *
 * Leases: which lanes a helper takes, at once, after a while or never, and
 * when it gives them away.  Other helpers are processes that hold a lane and
 * do nothing.
 */


#include "helper_bench.h"

#include <signal.h>
#include <time.h>
#include <sys/wait.h>


static qoe_proc_t
owner(bench_t *t, uint32_t lane)
{
    qoe_lane_info_t  info;

    qoe_zone_lane_info(t->zone, lane, &info);

    return info.owner;
}


static bool
wait_owner(bench_t *t, uint32_t lane, qoe_proc_t proc)
{
    int  i;

    for (i = 0; i < 3000 && owner(t, lane) != proc; i++) {
        usleep(10000);
    }

    return owner(t, lane) == proc;
}


static bool
wait_log(const char *text)
{
    int  i;

    for (i = 0; i < 3000 && strstr(log_text, text) == NULL; i++) {
        usleep(10000);
    }

    return strstr(log_text, text) != NULL;
}


/* A process that holds the lane until it is killed, or gives it at a signal. */

static pid_t
hold(bench_t *t, uint32_t lane)
{
    int       n;
    pid_t     pid;
    bool      by_death;
    sigset_t  set;

    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, NULL);

    pid = fork();

    if (pid == 0) {
        if (qoe_lane_take(t->zone, lane, qoe_proc_self(), &by_death)
            != QOE_OK)
        {
            _exit(1);
        }

        sigwait(&set, &n);
        qoe_lane_give(t->zone, lane, qoe_proc_self());

        for ( ;; ) {
            pause();
        }
    }

    if (pid == -1) {
        abort();
    }

    for (n = 0; n < 3000 && owner(t, lane) == 0; n++) {
        usleep(10000);
    }

    return pid;
}


static void
gone(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}


static uint64_t
adopted(bench_t *t)
{
    return qoe_zone_counter(t->zone, QOE_COUNT_LANES_ADOPTED);
}


/* Of two workers the first one; the second one's helper is a holder. */

static void
begin(bench_t *t)
{
    setup(t);
    t->conf.workers = 2;
    t->conf.worker = 0;
}


static void
test_taken(void)
{
    bench_t        t;
    pid_t          other;
    qoe_helper_t  *h;

    begin(&t);
    other = hold(&t, 1);
    put(&t, 20);
    ok(qoe_helper_start(&h, &t.conf) == QOE_OK
       && wait_owner(&t, 0, qoe_proc_self()) && wait_delivered(&t, 10),
       "a helper serves the lane that prefers it");
    ok(owner(&t, 1) != 0 && owner(&t, 1) != qoe_proc_self()
       && adopted(&t) == 0,
       "the lane of a process that lives is left to that process");

    gone(other);
    ok(wait_owner(&t, 1, qoe_proc_self()) && wait_delivered(&t, 20),
       "the lane of a process that was killed is served by another helper");
    ok(adopted(&t) == 1 && wait_log("lane 1 adopted from a process that ended"),
       "the adoption of that lane is counted and logged");

    ok(qoe_helper_stop(h, DRAIN_MS) == QOE_OK && owner(&t, 0) == 0
       && owner(&t, 1) == 0, "a helper that stops gives all its lanes away");

    teardown(&t);
}


static void
test_given(void)
{
    bench_t        t;
    pid_t          first, other;
    uint64_t       given;
    qoe_helper_t  *h;

    begin(&t);
    first = hold(&t, 0);
    other = hold(&t, 1);
    put(&t, 20);
    qoe_helper_start(&h, &t.conf);

    given = qoe_mono_ms();
    kill(other, SIGUSR1);
    kill(first, SIGUSR1);
    ok(wait_owner(&t, 0, qoe_proc_self()) && wait_delivered_to(&t, 0, 10),
       "a helper takes the lane that prefers it when that is given away");
    ok(wait_owner(&t, 1, qoe_proc_self()) && wait_delivered(&t, 20),
       "a lane that no helper takes is taken by one that it does not prefer");
    ok(qoe_mono_ms() - given >= 2000,
       "that helper leaves two seconds to the preferred helper");
    ok(adopted(&t) == 0, "a lane that was given away is not adopted");

    qoe_helper_stop(h, DRAIN_MS);
    gone(first);
    gone(other);
    teardown(&t);
}


/* The next configuration has another zone: no helper of it comes here. */

static void
test_alone(void)
{
    bench_t        t;
    uint64_t       raised, one;
    qoe_helper_t  *h;

    begin(&t);
    t.conf.workers = 1;
    qoe_helper_start(&h, &t.conf);
    put(&t, 20);
    ok(wait_delivered(&t, 20) && wait_empty(&t), "a helper serves two lanes");

    one = 1;
    raised = qoe_mono_ms();
    qoe_zone_generation_raise(t.zone);

    if (write(t.fd[0], &one, 8) != 8) {
        abort();
    }

    ok(wait_log("taken back") && qoe_mono_ms() - raised >= 1000
       && owner(&t, 0) == qoe_proc_self() && owner(&t, 1) == qoe_proc_self(),
       "a helper of an old configuration gives its lanes away, and takes them "
       "back when no helper has served them for a second");

    put(&t, 20);
    ok(wait_delivered(&t, 40),
       "a helper goes on to serve lanes that it took back");

    qoe_helper_stop(h, DRAIN_MS);
    teardown(&t);
}


static uint64_t
cpu_ms(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);

    return (uint64_t) ts.tv_sec * 1000 + (uint64_t) ts.tv_nsec / 1000000;
}


/* A process that takes the lane as soon as its owner gives it. */

static pid_t
take_given(bench_t *t, uint32_t lane)
{
    pid_t  pid;
    bool   by_death;

    pid = fork();

    if (pid == 0) {
        while (qoe_lane_take(t->zone, lane, qoe_proc_self(), &by_death)
               != QOE_OK)
        {
            usleep(1000);
        }

        for ( ;; ) {
            pause();
        }
    }

    if (pid == -1) {
        abort();
    }

    return pid;
}


/* The helper of the next configuration is there, and serves. */

static void
test_handed(void)
{
    int            i;
    bench_t        t;
    pid_t          first, other;
    uint64_t       cpu, one;
    qoe_helper_t  *h;

    begin(&t);
    other = hold(&t, 1);
    put(&t, 20);
    qoe_helper_start(&h, &t.conf);
    ok(wait_delivered(&t, 10),
       "a helper of an old configuration serves a lane");

    first = take_given(&t, 0);
    one = 1;
    qoe_zone_generation_raise(t.zone);

    if (write(t.fd[0], &one, 8) != 8) {
        abort();
    }

    for (i = 0; i < 3000 && owner(&t, 0) == qoe_proc_self(); i++) {
        usleep(10000);
    }

    cpu = cpu_ms();
    usleep(1500000);
    cpu = cpu_ms() - cpu;
    ok(owner(&t, 0) != 0 && owner(&t, 0) != qoe_proc_self() && cpu < 100,
       "after such a helper has handed its lane over, it leaves that lane to "
       "the new owner and sleeps: it ran for %d ms of 1500", (int) cpu);

    qoe_helper_stop(h, DRAIN_MS);
    gone(first);
    gone(other);
    teardown(&t);
}


/* A helper that leaves sends what nobody else would. */

static void
test_leaving(void)
{
    bench_t        t;
    pid_t          other;
    qoe_helper_t  *h;

    begin(&t);
    other = hold(&t, 1);
    put(&t, 20);
    qoe_helper_start(&h, &t.conf);
    ok(wait_delivered(&t, 10), "a helper serves one of two lanes");

    gone(other);
    ok(qoe_helper_stop(h, 10000) == QOE_OK && delivered(&t) == 20,
       "as it stops, a helper sends what a killed process has left");
    ok(adopted(&t) == 1 && owner(&t, 1) == 0 && *t.conf.lost == 0,
       "the lane was adopted for that and given away then, nothing is lost");

    teardown(&t);
}


int
main(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);

    test_taken();
    test_given();
    test_alone();
    test_handed();
    test_leaving();

    return tap_end();
}
