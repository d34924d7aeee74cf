
/*
 * Copyright (C) OpenQoE
 *
 * The spool: appended records come back unless they are done, whichever
 * process dies; limits are exact; neither files nor descriptors are left.
 *
 * What the disk does to it: spool_fault_test.c, spool_crash_test.c.
 */


#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "spool_unit.h"

#include <signal.h>
#include <sys/wait.h>


static void
test_basic(void)
{
    qoe_zone_t       *zone;
    qoe_spool_t      *sp;
    struct stat       st;
    qoe_spool_ref_t  *a = NULL, *b = NULL, *c = NULL;

    begin();
    zone = spool_zone();
    sp = spool_new(zone);

    ok(!qoe_spool_failing(sp) && segments() == 0, "a new spool has no file");

    ok(append(sp, 1, 100, 3, &a) == QOE_OK && append(sp, 2, 50, 2, &b)
       == QOE_OK && append(sp, 3, 10, 1, &c) == QOE_OK
       && append(sp, 4, 10, 4, NULL) == QOE_OK, "four records are appended");
    ok(spooled(zone) == 10 && counter(zone, QOE_DEST_SPOOLED) == 10
       && counter(zone, QOE_DEST_SEGMENTS_CREATED) == 1
       && segments() == 1, "appended records are counted");
    ok(count_files(dir, ".open") == 1 && stat(found, &st) == 0
       && (st.st_mode & 0777) == 0600,
       "a segment is readable by its owner alone");
    ok(append(sp, 5, QOE_SEGMENT_PAYLOAD_MAX + 1, 1, NULL) == QOE_TOO_LARGE,
       "a record that is too large is refused");

    qoe_spool_done(sp, b);
    ok(spooled(zone) == 8, "a record that is done is not counted as spooled");
    ok(qoe_spool_sync(sp) == QOE_OK, "the records can be synced");

    pass(sp, 3000);
    ok(next(sp) == -2 && count_files(dir, ".open") == 1,
       "while a record is held the segment stays open");

    qoe_spool_leave(sp, a);
    qoe_spool_leave(sp, c);
    pass(sp, 1500);
    ok(count_files(dir, ".seg") == 1,
       "once no record is held the segment is finished for the backlog");
    ok(next(sp) == 1 && next(sp) == 3 && next(sp) == 4 && next(sp) == -2,
       "the backlog gives all records that were not done, in order");
    ok(spooled(zone) == 0 && entries(zone) == 0 && segments() == 0,
       "once all records are done nothing is left of the segment");
    pass(sp, 5000);
    ok(qoe_spool_due_ms(sp) == UINT64_MAX,
       "once all records are done nothing is due");

    /* All of it is done, so it is deleted when idle. */

    ok(append(sp, 5, 10, 1, &a) == QOE_OK,
       "the next record begins another segment");
    qoe_spool_done(sp, a);
    ok(qoe_spool_due_ms(sp) <= now() + 1000,
       "a segment of which all is done is looked at soon");
    pass(sp, 1500);
    ok(segments() == 0 && entries(zone) == 0,
       "a segment of which all is done is deleted");

    qoe_spool_destroy(sp);
    spool_zone_free(zone);
}


static void
test_held(void)
{
    qoe_zone_t       *zone;
    qoe_spool_t      *sp;
    qoe_spool_ref_t  *a;

    begin();
    zone = spool_zone();
    sp = spool_new(zone);

    ok(append(sp, 1, 100, 3, &a) == QOE_OK && qoe_spool_sync(sp) == QOE_OK,
       "a record that is held can be synced");
    pass(sp, 0);
    ok(qoe_spool_due_ms(sp) > now() + 500,
       "while a record is held and synced nothing is due soon");
    qoe_spool_done(sp, a);

    qoe_spool_destroy(sp);
    spool_zone_free(zone);
}


static void
test_no_directory(void)
{
    qoe_zone_t   *zone;
    qoe_spool_t  *sp;

    begin();
    zone = spool_zone();
    rmdir(dir);
    sp = spool_new(zone);

    ok(append(sp, 1, 10, 1, NULL) == QOE_OK && qoe_spool_sync(sp) == QOE_OK
       && !qoe_spool_failing(sp) && counter(zone, QOE_DEST_SPOOL_ERRORS) == 0,
       "a directory that is not there is made, and takes the first record");

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
    sp = spool_new(zone);

    append(sp, 1, 900, 1, NULL);
    append(sp, 2, 900, 1, NULL);
    append(sp, 3, 900, 1, NULL);
    pass(sp, 1500);

    ok(qoe_spool_next(sp, now(), &item) == QOE_OK && number_of(&item) == 1,
       "the backlog gives its first record");
    ok(qoe_spool_next(sp, now(), &item) == QOE_DONE,
       "the backlog never gives two records at once");
    qoe_spool_next_again(sp);
    ok(spooled(zone) == 3 && qoe_spool_next(sp, now(), &item) == QOE_OK
       && number_of(&item) == 1, "a record that was not taken comes again");
    qoe_spool_next_done(sp);
    ok(qoe_spool_due_ms(sp) == 0, "when one is done the next one is due");

    ok(qoe_spool_next(sp, now(), &item) == QOE_AGAIN
       && qoe_spool_due_ms(sp) > now()
       && qoe_spool_due_ms(sp) <= now() + 1000,
       "past the rate the backlog waits");
    skew += 1000;
    ok(qoe_spool_next(sp, now(), &item) == QOE_OK && number_of(&item) == 2,
       "a second later the backlog goes on");

    /* A helper exits with a record in flight. */

    qoe_spool_destroy(sp);
    conf.replay_rate = 0;
    sp = spool_new(zone);
    pass(sp, 0);
    ok(next(sp) == 2 && next(sp) == 3 && next(sp) == -2,
       "the next helper gets what the last one did not finish");
    ok(spooled(zone) == 0 && segments() == 0,
       "once the backlog is read nothing is left");

    qoe_spool_destroy(sp);
    spool_zone_free(zone);
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
    sp = spool_new(zone);

    fill(sp, 0, 50);
    ok(spooled(zone) == 50 && counter(zone, QOE_DEST_DROPPED_SPOOL) == 0,
       "up to the limit nothing is dropped");
    fill(sp, 50, 1);
    ok(spooled(zone) == 41 && counter(zone, QOE_DEST_DROPPED_SPOOL) == 10,
       "past the limit exactly the oldest segment is dropped");
    ok(strstr(logged, "is full, dropped") != NULL,
       "the log says that the spool is full and drops");
    fill(sp, 51, 949);
    dropped = counter(zone, QOE_DEST_DROPPED_SPOOL);
    ok(counter(zone, QOE_DEST_SPOOLED) == 1000
       && dropped + spooled(zone) == 1000 && dropped == 950,
       "in a long outage %llu records are dropped",
       (unsigned long long) dropped);

    qoe_spool_info(zone, 0, &info);
    ok(info.bytes <= conf.max_size && segments() == 5
       && info.oldest_ns == 1000 + 950,
       "the zone knows how much is there and how old it is");

    /* A segment of which a request is in flight is not dropped. */

    pass(sp, 1500);
    ok(qoe_spool_next(sp, now(), &item) == QOE_OK && number_of(&item) == 950,
       "a record of the oldest segment is in flight");
    fill(sp, 1000, 1);
    ok(counter(zone, QOE_DEST_DROPPED_SPOOL) == 960 && spooled(zone) == 41,
       "the next segment is dropped meanwhile");
    qoe_spool_next_done(sp);
    ok(spooled(zone) == 40, "the record that was in flight is done");

    pass(sp, 1500);
    ok(qoe_spool_next(sp, now(), &item) == QOE_OK && number_of(&item) == 951,
       "the next record is in flight");
    qoe_spool_next_again(sp);
    fill(sp, 1001, 10);
    ok(counter(zone, QOE_DEST_DROPPED_SPOOL) == 969 && spooled(zone) == 41,
       "a segment is dropped whose record came back unsent");

    pass(sp, 1500);

    for (i = 970; i < 1011 && next(sp) == i; i++) { /* void */ }

    ok(i == 1011 && next(sp) == -2 && spooled(zone) == 0,
       "the other records are read");

    ok(append(sp, 1, 60000, 1, NULL) == QOE_FULL && entries(zone) == 0,
       "a record that can never fit is refused");

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
    sp = spool_new(zone);

    for (n = 0; n < 50; n++) {
        append(sp, n, 960, 1, &ref[n]);
    }

    ok(append(sp, 50, 960, 1, NULL) == QOE_FULL && spooled(zone) == 50
       && counter(zone, QOE_DEST_DROPPED_SPOOL) == 0
       && !qoe_spool_failing(sp),
       "with full=reject a full spool refuses records and drops none");

    for (n = 0; n < 10; n++) {
        qoe_spool_done(sp, ref[n]);
    }

    ok(append(sp, 50, 960, 1, NULL) == QOE_OK && spooled(zone) == 41,
       "delivered records make room at once");

    for (n = 10; n < 50; n++) {
        qoe_spool_leave(sp, ref[n]);
    }

    qoe_spool_destroy(sp);
    ok(segments() == 5 && count_files(dir, ".open") == 0,
       "at the end every segment is finished");

    sp = spool_new(zone);
    pass(sp, 0);

    for (n = 10; n < 51 && next(sp) == n; n++) { /* void */ }

    ok(n == 51 && next(sp) == -2, "the next helper reads all segments");
    qoe_spool_destroy(sp);
    spool_zone_free(zone);
}


/* A trickle during an outage does not make a file for each event. */

static void
test_trickle(void)
{
    int           i, n;
    qoe_zone_t   *zone;
    qoe_spool_t  *sp;

    begin();
    zone = spool_zone();
    sp = spool_new(zone);

    for (i = 0; i < 300; i++) {
        append(sp, i, 10, 1, NULL);
        pass(sp, 2000);
    }

    ok(entries(zone) <= 34 && spooled(zone) == 300
       && counter(zone, QOE_DEST_DROPPED_SPOOL) == 0,
       "a slow stream of records does not make a segment of each: %llu "
       "segments", (unsigned long long) entries(zone));

    for (i = 0; i < 300; i++) {
        n = next(sp);

        if (n == -2) {
            pass(sp, 2000);
            n = next(sp);
        }

        if (n != i) {
            break;
        }
    }

    ok(i == 300 && spooled(zone) == 0,
       "all records of the slow stream are read (%d)", i);

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
        sp = spool_new(zone);

        for (n = 0; n < 25; n++) {
            append(sp, n, 960, 1, &ref);

            if (n % 5 == 0) {
                qoe_spool_done(sp, ref);
            }
        }

        /* Half a record more, as a kill within write() leaves it. */

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
    ok(WIFSIGNALED(status) && spooled(zone) == 20,
       "a helper is killed with 20 records in the spool");

    sp = spool_new(zone);
    ok(append(sp, 100, 10, 1, NULL) == QOE_OK,
       "another helper appends a record");
    pass(sp, 0);
    pass(sp, 1500);
    ok(spooled(zone) == 21 && counter(zone, QOE_DEST_RECOVERED) == 0,
       "no record is counted twice");

    for (n = 0; n < 25; n++) {
        if (n % 5 != 0 && next(sp) != n) {
            break;
        }
    }

    ok(n == 25 && next(sp) == 100 && next(sp) == -2,
       "the killed helper's records that have no mark come again (%d)", n);
    ok(spooled(zone) == 0 && segments() == 0 && entries(zone) == 0
       && counter(zone, QOE_DEST_DROPPED_CORRUPT) == 0
       && counter(zone, QOE_DEST_SEGMENTS_DAMAGED) == 0,
       "a torn tail is no damage");

    qoe_spool_destroy(sp);
    spool_zone_free(zone);
}


/* Two zones: two masters, or a master whose zone changed its size. */

/* Segments of which all is done go at once, however many. */

static void
test_settled(void)
{
    size_t            i;
    qoe_zone_t       *zone;
    qoe_spool_t      *sp;
    qoe_spool_ref_t  *ref[4];

    begin();
    conf.segment_size = 1100;
    zone = spool_zone();
    sp = spool_new(zone);
    pass(sp, 0);

    for (i = 0; i < 4; i++) {
        append(sp, (int) i, 960, 1, &ref[i]);
    }

    ok(segments() == 4, "records that fill a segment have one each");

    for (i = 0; i < 3; i++) {
        qoe_spool_done(sp, ref[i]);
    }

    qoe_spool_run(sp, now());
    ok(segments() == 1, "one turn removes all segments of which all is done");

    qoe_spool_destroy(sp);
    spool_zone_free(zone);
}


/* When the helper has to look again: to the millisecond, or it spins. */

static void
test_due(void)
{
    int               i, n;
    uint64_t          due, from, until;
    qoe_zone_t       *zone;
    qoe_spool_t      *sp;
    qoe_spool_ref_t  *ref;

    begin();
    conf.sync_ms = 60000;
    zone = spool_zone();
    sp = spool_new(zone);
    pass(sp, 0);

    /* a millisecond may end within what is measured */

    for (i = 0, n = 0; i < 1000; i++) {
        from = qoe_mono_ms();
        append(sp, i, 100, 1, &ref);
        qoe_spool_done(sp, ref);
        until = qoe_mono_ms();
        due = qoe_spool_due_ms(sp);

        if (from == until) {
            n++;
            if (due != from + 1000) {
                break;
            }
        }
    }

    ok(n > 0 && i == 1000,
       "a segment that nothing waits in is due a second after its last record "
       "(%d times)", n);

    qoe_spool_destroy(sp);
    spool_zone_free(zone);
}


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
    a = spool_new(old);
    b = spool_new(new);

    append(a, 1, 10, 2, NULL);
    append(b, 2, 10, 1, NULL);
    pass(a, 1500);
    pass(b, 6000);
    ok(next(b) == 2 && next(b) == -2 && spooled(old) == 2
       && counter(new, QOE_DEST_RECOVERED) == 0,
       "a live instance keeps its records");
    ok(qoe_spool_due_ms(b) != UINT64_MAX,
       "a live instance is looked at again later");
    ok(next(a) == 1, "a live instance reads its own records");

    append(a, 3, 10, 2, NULL);
    append(a, 4, 10, 3, NULL);
    qoe_spool_destroy(a);
    pass(b, 6000);
    ok(counter(new, QOE_DEST_RECOVERED) == 5 && spooled(new) == 5,
       "once an instance has ended all its records are taken over");
    ok(next(b) == 3 && next(b) == 4 && next(b) == -2,
       "records that were taken over are read");
    ok(count_files(dir, "lock") == 1,
       "the directory of an instance that ended is removed");
    pass(b, 5000);
    ok(qoe_spool_due_ms(b) == UINT64_MAX,
       "without other instances nothing is due");

    /*
     * An instance that was killed with all its processes, an open file and a
     * lock.
     */

    pid = fork();

    if (pid == 0) {
        old = spool_zone();
        a = spool_new(old);
        append(a, 5, 10, 1, NULL);
        append(a, 6, 10, 1, NULL);
        kill(getpid(), SIGKILL);
    }

    waitpid(pid, NULL, 0);

    /* A directory of a destination that is not this one's. */

    qoe_spool_destroy(b);
    count_files(dir, ".open");
    snprintf(path, sizeof(path), "%.*s/../Z",
             (int) (strrchr(found, '/') - found), found);
    mkdir(path, 0700);

    b = spool_new(new);
    pass(b, 0);
    ok(counter(new, QOE_DEST_RECOVERED) == 7 && next(b) == 5 && next(b) == 6
       && next(b) == -2,
       "the next start takes over the records of a killed instance");
    ok(count_files(dir, "lock") == 2, "the files of another destination stay");
    qoe_spool_destroy(b);

    /* Files in the own directory that the zone does not know. */

    b = spool_new(new);
    append(b, 7, 10, 1, NULL);
    qoe_spool_destroy(b);
    memset(qoe_spool_part(new, 0, 0), 0, sizeof(qoe_spool_part_t));
    b = spool_new(new);
    pass(b, 0);
    ok(next(b) == 7 && next(b) == -2 && segments() == 0 && spooled(new) == 0,
       "files that the zone does not know are sent, too");

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
    test_held();
    test_no_directory();
    test_again();
    test_caps();
    test_reject();
    test_trickle();
    test_killed();
    test_settled();
    test_due();
    test_instances();

    ok(descriptors() == before, "the spool leaves no descriptor open");
    clear(dir, false);

    return tap_end();
}
