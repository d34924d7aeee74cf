
/*
 * Copyright (C) OpenQoE
 *
 * The spool: what is appended comes back unless it is done, whoever dies; caps
 * are exact; nothing stays behind, neither files nor descriptors.
 *
 * What the disk does to it: spool_fault_test.c, spool_crash_test.c.
 */


#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "spool_unit.h"

#include <signal.h>
#include <sys/wait.h>


/* A live process that does nothing; its identity for a second helper. */

static pid_t
other(qoe_proc_t *proc)
{
    pid_t        pid;
    qoe_proc_t  *p;

    p = shared(4096);
    pid = fork();

    if (pid == 0) {
        __atomic_store_n(p, qoe_proc_self(), __ATOMIC_RELEASE);

        for ( ;; ) {
            pause();
        }
    }

    while (__atomic_load_n(p, __ATOMIC_ACQUIRE) == 0) {
        usleep(100);
    }

    *proc = *p;
    munmap(p, 4096);

    return pid;
}


static void
end(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}


static void
test_basic(void)
{
    qoe_zone_t       *zone;
    qoe_spool_t      *sp;
    struct stat       st;
    qoe_spool_ref_t  *a = NULL, *b = NULL, *c = NULL;

    begin();
    zone = spool_zone();
    sp = spool_as(zone, self);

    ok(!qoe_spool_failing(sp) && segments() == 0, "no file yet");

    ok(append(sp, 1, 100, 3, &a) == QOE_OK && append(sp, 2, 50, 2, &b)
       == QOE_OK && append(sp, 3, 10, 1, &c) == QOE_OK
       && append(sp, 4, 10, 4, NULL) == QOE_OK, "appended");
    ok(spooled(zone) == 10 && counter(zone, QOE_DEST_SPOOLED) == 10
       && counter(zone, QOE_DEST_SEGMENTS_CREATED) == 1
       && segments() == 1, "and counted");
    ok(count_files(dir, ".open") == 1 && stat(found, &st) == 0
       && (st.st_mode & 0777) == 0600, "a file of its owner alone");
    ok(append(sp, 5, QOE_SEGMENT_PAYLOAD_MAX + 1, 1, NULL) == QOE_TOO_LARGE,
       "one that is too large is refused");

    qoe_spool_done(sp, b);
    ok(spooled(zone) == 8, "one is done");
    ok(qoe_spool_sync(sp) == QOE_OK, "durable");

    pass(sp, 3000);
    ok(next(sp) == -2 && count_files(dir, ".open") == 1,
       "while one is held, the segment is written on");

    qoe_spool_leave(sp, a);
    qoe_spool_leave(sp, c);
    pass(sp, 1500);
    ok(count_files(dir, ".seg") == 1, "then it is finished, for the backlog");
    ok(next(sp) == 1 && next(sp) == 3 && next(sp) == 4 && next(sp) == -2,
       "which has all that was not done, in order");
    ok(spooled(zone) == 0 && entries(zone) == 0 && segments() == 0,
       "and nothing is left of it");
    pass(sp, 5000);
    ok(qoe_spool_due_ms(sp) == UINT64_MAX, "nor anything to do");

    /* all done: deleted when idle */

    ok(append(sp, 5, 10, 1, &a) == QOE_OK, "another segment");
    qoe_spool_done(sp, a);
    ok(qoe_spool_due_ms(sp) <= now() + 1000, "it is looked at");
    pass(sp, 1500);
    ok(segments() == 0 && entries(zone) == 0, "and deleted, all of it done");

    qoe_spool_destroy(sp);
    spool_zone_free(zone);
}


static void
test_again(void)
{
    qoe_zone_t        *zone;
    qoe_spool_t       *sp;
    qoe_spool_item_t   item;

    begin();
    conf.replay_rate = 1000;
    zone = spool_zone();
    sp = spool_as(zone, self);

    append(sp, 1, 900, 1, NULL);
    append(sp, 2, 900, 1, NULL);
    append(sp, 3, 900, 1, NULL);
    pass(sp, 1500);

    ok(qoe_spool_next(sp, now(), &item) == QOE_OK && number_of(&item) == 1,
       "the first of the backlog");
    ok(qoe_spool_next(sp, now(), &item) == QOE_DONE, "never two at once");
    qoe_spool_next_again(sp);
    ok(spooled(zone) == 3 && qoe_spool_next(sp, now(), &item) == QOE_OK
       && number_of(&item) == 1, "not taken, it comes again");
    qoe_spool_next_done(sp);

    ok(qoe_spool_next(sp, now(), &item) == QOE_AGAIN
       && qoe_spool_due_ms(sp) > now()
       && qoe_spool_due_ms(sp) <= now() + 1000,
       "past the rate it waits");
    skew += 1000;
    ok(qoe_spool_next(sp, now(), &item) == QOE_OK && number_of(&item) == 2,
       "a second later it goes on");

    /* a helper that leaves with one in flight */

    qoe_spool_destroy(sp);
    conf.replay_rate = 0;
    sp = spool_as(zone, self);
    pass(sp, 0);
    ok(next(sp) == 2 && next(sp) == 3 && next(sp) == -2,
       "the next helper has what the last one did not finish");
    ok(spooled(zone) == 0 && segments() == 0, "all gone");

    qoe_spool_destroy(sp);
    spool_zone_free(zone);
}


/* Segments of 10 records of 1 item each. */

static void
fill(qoe_spool_t *sp, int from, int n)
{
    int  i;

    for (i = from; i < from + n; i++) {
        append(sp, i, 960, 1, NULL);
    }
}


static void
test_caps(void)
{
    int               i;
    uint64_t          dropped;
    qoe_zone_t       *zone;
    qoe_spool_t      *sp;
    qoe_spool_info_t  info;
    qoe_spool_item_t  item;

    begin();
    conf.segment_size = QOE_SEGMENT_HEADER + 10 * 1000;
    conf.max_size = 5 * conf.segment_size;
    zone = spool_zone();
    sp = spool_as(zone, self);

    fill(sp, 0, 50);
    ok(spooled(zone) == 50 && counter(zone, QOE_DEST_DROPPED_SPOOL) == 0,
       "up to the cap nothing is dropped");
    fill(sp, 50, 1);
    ok(spooled(zone) == 41 && counter(zone, QOE_DEST_DROPPED_SPOOL) == 10,
       "past it the oldest segment, exactly");
    ok(strstr(logged, "is full, dropped") != NULL, "and the log tells");
    fill(sp, 51, 949);
    dropped = counter(zone, QOE_DEST_DROPPED_SPOOL);
    ok(counter(zone, QOE_DEST_SPOOLED) == 1000
       && dropped + spooled(zone) == 1000 && dropped == 950,
       "a long outage: %llu dropped", (unsigned long long) dropped);

    qoe_spool_info(zone, 0, &info);
    ok(info.bytes <= conf.max_size && segments() == 5
       && info.oldest_ns == 1000 + 950, "the table tells what is there");

    /* what is under way is not dropped under it */

    pass(sp, 1500);
    ok(qoe_spool_next(sp, now(), &item) == QOE_OK && number_of(&item) == 950,
       "one is sent");
    fill(sp, 1000, 1);
    ok(counter(zone, QOE_DEST_DROPPED_SPOOL) == 959 && spooled(zone) == 42,
       "the rest of its segment is dropped");
    qoe_spool_next_done(sp);
    ok(spooled(zone) == 41, "then it is done");

    pass(sp, 1500);
    ok(qoe_spool_next(sp, now(), &item) == QOE_OK && number_of(&item) == 960,
       "one more");
    fill(sp, 1001, 10);
    ok(counter(zone, QOE_DEST_DROPPED_SPOOL) == 968, "dropped meanwhile");
    qoe_spool_next_again(sp);
    ok(counter(zone, QOE_DEST_DROPPED_SPOOL) == 969, "and it itself, not sent");

    pass(sp, 1500);

    for (i = 970; i < 1011 && next(sp) == i; i++) { /* void */ }

    ok(i == 1011 && next(sp) == -2 && spooled(zone) == 0, "the rest comes");

    ok(append(sp, 1, 60000, 1, NULL) == QOE_FULL && entries(zone) == 0,
       "what never fits is refused");

    qoe_spool_destroy(sp);
    spool_zone_free(zone);
}


static void
test_reject(void)
{
    int               n;
    qoe_zone_t       *zone;
    qoe_spool_t      *sp;
    qoe_spool_ref_t  *ref[50];

    begin();
    conf.segment_size = QOE_SEGMENT_HEADER + 10 * 1000;
    conf.max_size = 5 * conf.segment_size;
    conf.reject = true;
    zone = spool_zone();
    sp = spool_as(zone, self);

    for (n = 0; n < 50; n++) {
        append(sp, n, 960, 1, &ref[n]);
    }

    ok(append(sp, 50, 960, 1, NULL) == QOE_FULL && spooled(zone) == 50
       && counter(zone, QOE_DEST_DROPPED_SPOOL) == 0
       && !qoe_spool_failing(sp), "full: refused, nothing is dropped");

    for (n = 0; n < 10; n++) {
        qoe_spool_done(sp, ref[n]);
    }

    ok(append(sp, 50, 960, 1, NULL) == QOE_OK && spooled(zone) == 41,
       "what is delivered makes room at once");

    for (n = 10; n < 50; n++) {
        qoe_spool_leave(sp, ref[n]);
    }

    qoe_spool_destroy(sp);
    ok(segments() == 5 && count_files(dir, ".open") == 0,
       "at the end all is finished");

    sp = spool_as(zone, self);
    pass(sp, 0);

    for (n = 10; n < 51 && next(sp) == n; n++) { /* void */ }

    ok(n == 51 && next(sp) == -2, "and read by the next");
    qoe_spool_destroy(sp);
    spool_zone_free(zone);
}


/* No entry is free, long before the bytes are used up. */

static void
test_table(void)
{
    int           i;
    qoe_zone_t   *zone;
    qoe_spool_t  *sp;

    begin();
    conf.segment_size = 1024;
    zone = spool_zone();
    sp = spool_as(zone, self);

    fill(sp, 0, QOE_SEGMENTS_MAX + 20);
    ok(entries(zone) == QOE_SEGMENTS_MAX
       && counter(zone, QOE_DEST_DROPPED_SPOOL) == 20,
       "a full table is a full spool");

    pass(sp, 1500);

    for (i = 20; i < QOE_SEGMENTS_MAX + 20 && next(sp) == i; i++) {
        /* void */
    }

    ok(i == QOE_SEGMENTS_MAX + 20, "the rest is read (%d)", i);

    qoe_spool_destroy(sp);

    /* a trickle during an outage does not use it up */

    begin();
    spool_zone_free(zone);
    zone = spool_zone();
    sp = spool_as(zone, self);

    for (i = 0; i < 300; i++) {
        append(sp, i, 10, 1, NULL);
        pass(sp, 2000);
    }

    ok(entries(zone) <= QOE_SEGMENTS_MAX / 4 + 2 && spooled(zone) == 300
       && counter(zone, QOE_DEST_DROPPED_SPOOL) == 0,
       "a trickle does not either: %llu segments",
       (unsigned long long) entries(zone));

    for (i = 0; i < 300; i++) {
        int  n;

        n = next(sp);

        if (n == -2) {
            pass(sp, 2000);
            n = next(sp);
        }

        if (n != i) {
            break;
        }
    }

    ok(i == 300 && spooled(zone) == 0, "all of it is read (%d)", i);

    qoe_spool_destroy(sp);
    spool_zone_free(zone);
}


static void
test_killed(void)
{
    int               n, status;
    pid_t             pid;
    qoe_zone_t       *zone;
    qoe_spool_t      *sp;
    qoe_spool_ref_t  *ref;

    begin();
    conf.segment_size = QOE_SEGMENT_HEADER + 10 * 1000;
    zone = spool_zone();
    pid = fork();

    if (pid == 0) {
        sp = spool_as(zone, qoe_proc_self());

        for (n = 0; n < 25; n++) {
            append(sp, n, 960, 1, &ref);

            if (n % 5 == 0) {
                qoe_spool_done(sp, ref);
            }
        }

        /* half a record more, as a kill within write() leaves it */

        if (count_files(dir, ".open") != 1
            || (n = open(found, O_WRONLY|O_APPEND)) == -1
            || write(n, "\x8fQRR1234567", 11) != 11)
        {
            _exit(1);
        }

        kill(getpid(), SIGKILL);
        _exit(1);
    }

    waitpid(pid, &status, 0);
    ok(WIFSIGNALED(status) && spooled(zone) == 20, "a helper was killed");

    sp = spool_as(zone, self);
    ok(append(sp, 100, 10, 1, NULL) == QOE_OK, "another one works on");
    pass(sp, 0);
    pass(sp, 1500);
    ok(spooled(zone) == 21 && counter(zone, QOE_DEST_RECOVERED) == 0,
       "nothing is counted twice");

    for (n = 0; n < 25; n++) {
        if (n % 5 != 0 && next(sp) != n) {
            break;
        }
    }

    ok(n == 25 && next(sp) == 100 && next(sp) == -2,
       "what it had not marked as done comes (%d)", n);
    ok(spooled(zone) == 0 && segments() == 0 && entries(zone) == 0
       && counter(zone, QOE_DEST_DROPPED_CORRUPT) == 0
       && counter(zone, QOE_DEST_SEGMENTS_DAMAGED) == 0,
       "a torn tail is no damage");

    qoe_spool_destroy(sp);
    spool_zone_free(zone);
}


/* Two helpers of one instance. */

static void
test_helpers(void)
{
    pid_t              pid;
    qoe_zone_t        *zone;
    qoe_proc_t         proc;
    qoe_spool_t       *a, *b;
    qoe_spool_item_t   item;

    begin();
    zone = spool_zone();
    pid = other(&proc);
    a = spool_as(zone, self);
    b = spool_as(zone, proc);

    /* ids of different helpers grow with time, down to some 65 us */

    append(a, 1, 10, 1, NULL);
    usleep(1000);
    append(b, 2, 10, 1, NULL);
    pass(a, 1500);
    pass(b, 1500);

    ok(qoe_spool_next(a, now(), &item) == QOE_OK && number_of(&item) == 1
       && qoe_spool_next(b, now(), &item) == QOE_DONE,
       "one helper reads the backlog");
    qoe_spool_next_done(a);
    ok(next(a) == 2 && next(a) == -2, "of all of them");

    append(b, 3, 10, 1, NULL);
    pass(b, 1500);
    ok(next(b) == 3, "who finishes a segment may read, nobody else does");

    append(b, 4, 10, 1, NULL);
    pass(b, 1500);
    ok(qoe_spool_next(b, now(), &item) == QOE_OK, "one in flight");
    usleep(1000);
    append(a, 5, 10, 1, NULL);
    pass(a, 1500);
    ok(next(a) == -2, "the other one has to wait");

    end(pid);
    pass(a, 5000);
    pass(a, 0);
    ok(next(a) == 4 && next(a) == 5 && next(a) == -2,
       "until the reader is dead: then it reads that again");
    ok(spooled(zone) == 0 && segments() == 0, "nothing is left");

    qoe_spool_destroy(a);
    qoe_spool_destroy(b);
    spool_zone_free(zone);
}


/* Two zones: two masters, or one whose zone changed its size. */

static void
test_instances(void)
{
    char          path[PATH_MAX + 64];
    pid_t         pid;
    qoe_zone_t   *old, *new;
    qoe_spool_t  *a, *b;

    begin();
    old = spool_zone();
    new = spool_zone();
    a = spool_as(old, self);
    b = spool_as(new, self);

    append(a, 1, 10, 2, NULL);
    append(b, 2, 10, 1, NULL);
    pass(a, 1500);
    pass(b, 6000);
    ok(next(b) == 2 && next(b) == -2 && spooled(old) == 2
       && counter(new, QOE_DEST_RECOVERED) == 0,
       "a live instance keeps what it has");
    ok(qoe_spool_due_ms(b) != UINT64_MAX, "and is looked at again");
    ok(next(a) == 1, "and reads it itself");

    append(a, 3, 10, 2, NULL);
    append(a, 4, 10, 3, NULL);
    qoe_spool_destroy(a);
    pass(b, 6000);
    ok(counter(new, QOE_DEST_RECOVERED) == 5 && spooled(new) == 5,
       "when it has ended, all it had is taken over");
    ok(next(b) == 3 && next(b) == 4 && next(b) == -2, "and read");
    ok(count_files(dir, "lock") == 1, "its directory is gone");
    pass(b, 5000);
    ok(qoe_spool_due_ms(b) == UINT64_MAX, "nobody is left to look for");

    /* one that was killed with all its processes, an open file and a lock */

    pid = fork();

    if (pid == 0) {
        old = spool_zone();
        a = spool_as(old, qoe_proc_self());
        append(a, 5, 10, 1, NULL);
        append(a, 6, 10, 1, NULL);
        kill(getpid(), SIGKILL);
    }

    waitpid(pid, NULL, 0);

    /* and a directory of a destination that is not ours */

    qoe_spool_destroy(b);
    count_files(dir, ".open");
    snprintf(path, sizeof(path), "%.*s/../Z",
             (int) (strrchr(found, '/') - found), found);
    mkdir(path, 0700);

    b = spool_as(new, self);
    pass(b, 0);
    ok(counter(new, QOE_DEST_RECOVERED) == 7 && next(b) == 5 && next(b) == 6
       && next(b) == -2, "another start takes over what was killed");
    ok(count_files(dir, "lock") == 2, "another destination's files stay");
    qoe_spool_destroy(b);

    /* files in our own directory that nobody knows of */

    b = spool_as(new, self);
    append(b, 7, 10, 1, NULL);
    qoe_spool_destroy(b);
    qoe_spool_entry_free(qoe_spool_table(new, 0));
    b = spool_as(new, self);
    pass(b, 0);
    ok(counter(new, QOE_DEST_RECOVERED) == 8 && next(b) == 7
       && next(b) == -2 && segments() == 0,
       "nor are files without an entry forgotten");

    qoe_spool_destroy(b);
    spool_zone_free(old);
    spool_zone_free(new);
}


int
main(void)
{
    int  before;

    self = qoe_proc_self();
    before = descriptors();

    test_basic();
    test_again();
    test_caps();
    test_reject();
    test_table();
    test_killed();
    test_helpers();
    test_instances();

    ok(descriptors() == before, "no descriptor is left open");
    clear(dir, false);

    return tap_end();
}
