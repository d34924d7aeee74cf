
/*
 * Copyright (C) OpenQoE
 *
 * What a helper leaves to the next: records to make durable, finished
 * segments, a failure it reported, an instance that it was adopting.
 */


#include "spool_unit.h"
#include "qoe_feed.h"
#include "qoe_spool_priv.h"

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>


static ino_t  synced[256];
static int    nsynced, fail_errno;
static int    kill_at;                       /* mark; 0: none */

/* of processes that are killed: not given back, and no leak of ours */
static qoe_spool_t  *dead[8];
static size_t        ndead;


/* Replaces the function of libc and notes the files that it was called for. */

int
fdatasync(int fd)
{
    struct stat  st;

    if (fail_errno != 0) {
        errno = fail_errno;
        return -1;
    }

    if (fstat(fd, &st) == 0 && nsynced < 256) {
        synced[nsynced++] = st.st_ino;
    }

    return (int) syscall(SYS_fdatasync, fd);
}


/* A mark that a record is done is the write of a single byte. */

ssize_t
pwrite(int fd, const void *p, size_t n, off_t offset)
{
    if (n == 1 && kill_at != 0 && --kill_at == 0) {
        raise(SIGKILL);
    }

    return syscall(SYS_pwrite64, fd, p, n, offset);
}


/* Is the only segment there is among the synced files? */

static bool
was_synced(void)
{
    int          i;
    struct stat  st;

    if (segments() != 1 || stat(found, &st) == -1) {
        return false;
    }

    for (i = 0; i < nsynced && synced[i] != st.st_ino; i++) {
        /* void */
    }

    return i < nsynced;
}


/* An owner of the lane stores two records, and is killed before the sync. */

static qoe_zone_t *
killed_unsynced(void)
{
    qoe_zone_t       *zone;
    qoe_spool_ref_t  *ref;

    begin();
    zone = spool_zone();
    qoe_lane_dests(zone, 0);
    put(zone, 0, 2);

    dead[ndead] = spool_new(zone);

    if (append(dead[ndead++], 1, 100, 2, &ref) != QOE_OK) {
        abort();
    }

    qoe_lane_dest_stored(zone, 0, 0, 32, qoe_events(2));

    nsynced = 0;
    qoe_lane_dests(zone, 0);

    return zone;
}


static qoe_feed_t *
feed_of(qoe_zone_t *zone, qoe_spool_t *sp)
{
    qoe_feed_t             *feed;
    static qoe_feed_env_t   env;

    env.zone = zone;
    env.stream = &qoe_streams[QOE_STREAM_LOGS];
    env.batch_size = 10;
    env.interval_ms = 1000;
    env.payload_max = 1024 * 1024;
    env.spool = sp;
    env.log = &test_log;

    feed = qoe_feed_create(&env, 0);
    if (feed == NULL) {
        abort();
    }

    return feed;
}


static void
test_unsynced(void)
{
    bool          good;
    qoe_feed_t   *feed;
    qoe_zone_t   *zone;
    qoe_spool_t  *sp;

    zone = killed_unsynced();
    sp = spool_new(zone);
    feed = feed_of(zone, sp);

    ok(feed->unsynced && feed->changed && !was_synced(),
       "records are stored and not synced when their owner dies");
    ok(qoe_spool_sync(sp) == QOE_OK, "the next owner of the lane syncs");
    ok(was_synced(), "the next owner's sync includes the dead owner's file");
    nsynced = 0;
    ok(qoe_spool_sync(sp) == QOE_OK && nsynced == 0,
       "the dead owner's file is synced once");

    qoe_feed_destroy(feed);
    qoe_spool_destroy(sp);

    /* No request asks for a sync: it comes in its time all the same. */

    zone = killed_unsynced();
    sp = spool_new(zone);
    feed = feed_of(zone, sp);

    pass(sp, 0);
    good = !was_synced() && qoe_spool_due_ms(sp) <= now() + 1000;
    pass(sp, 1100);
    ok(good && was_synced(),
       "the dead owner's file is synced once the interval is over");

    qoe_feed_destroy(feed);
    qoe_spool_destroy(sp);

    /* The new owner exits, too, and perhaps no other follows. */

    zone = killed_unsynced();
    sp = spool_new(zone);
    feed = feed_of(zone, sp);
    qoe_feed_destroy(feed);
    qoe_spool_destroy(sp);
    ok(was_synced(), "the dead owner's file is synced at the helper's end");
}


/*
 * The kernel reports a failure once: a later success does not mean that all is
 * well.
 */

static void
test_failed(void)
{
    qoe_zone_t   *zone;
    qoe_spool_t  *sp;

    skew = 0;
    zone = killed_unsynced();
    sp = spool_new(zone);

    fail_errno = EIO;
    ok(qoe_spool_sync(sp) == QOE_ERROR && qoe_spool_any_failing(zone),
       "a failed sync of the dead owner's file is reported");
    fail_errno = 0;
    usleep(1100000);
    ok(qoe_spool_sync(sp) == QOE_OK,
       "what is written from then on can be synced");
    qoe_lane_dest_synced(zone, 0, 0);
    ok(qoe_lane_dest_head(zone, 0, 0) == 32
       && !qoe_lane_acked(zone, 0, 32, QOE_ACK_FSYNC),
       "what the dead owner wrote is never acknowledged");
    ok(next(sp) == 1 && next(sp) == -2,
       "a record whose sync failed is delivered");
    put(zone, 0, 1);
    qoe_lane_dest_stored(zone, 0, 0, 48, qoe_events(1));
    qoe_lane_dest_synced(zone, 0, 0);
    ok(qoe_lane_acked(zone, 0, 48, QOE_ACK_FSYNC),
       "what this owner writes is acknowledged");
    qoe_spool_destroy(sp);

    /* The owner's own sync failed, and it was killed before it had healed. */

    zone = killed_unsynced();
    sp = spool_new(zone);
    append(sp, 2, 100, 1, NULL);
    fail_errno = EIO;
    (void) qoe_spool_sync(sp);
    ok(qoe_acquire(&qoe_spool_part(zone, 0, 0)->suspect) == 1,
       "the zone knows that a sync failed");
    fail_errno = 0;
    dead[ndead++] = sp;
    sp = spool_new(zone);
    ok(qoe_spool_sync(sp) == QOE_OK
       && qoe_acquire(&qoe_spool_part(zone, 0, 0)->suspect) == 0,
       "the next owner can sync");
    qoe_lane_dest_synced(zone, 0, 0);
    ok(!qoe_lane_acked(zone, 0, 32, QOE_ACK_FSYNC),
       "the next owner's sync acknowledges nothing that the last one wrote");
    qoe_spool_destroy(sp);
}


/*
 * The destination refuses a batch of two parts for good, and the process dies
 * between their marks: nothing is gone that was not counted.
 */

static void
test_refused(void)
{
    pid_t                pid;
    qoe_feed_t          *feed;
    qoe_zone_t          *zone;
    qoe_spool_t         *sp;
    qoe_dest_info_t      info;
    qoe_export_batch_t  *b;

    begin();
    zone = spool_zone();
    qoe_lane_dests(zone, 0);
    put(zone, 0, 2);
    pid = fork();

    if (pid == 0) {
        sp = spool_new(zone);
        feed = feed_of(zone, sp);
        b = qoe_feed_push(feed);
        b->state = QOE_BATCH_SENDING;
        b->end = 32;
        b->count = 2;
        b->items = 2;
        b->noted = 2;
        b->nrefs = 2;
        append(sp, 1, 100, 1, &b->ref[0]);
        append(sp, 2, 100, 1, &b->ref[1]);
        qoe_lane_dest_stored(zone, 0, 0, 32, qoe_events(2));

        kill_at = 2;
        qoe_feed_refused(b);
        _exit(1);
    }

    waitpid(pid, NULL, 0);
    qoe_lane_dests(zone, 0);
    sp = spool_new(zone);
    pass(sp, 0);
    qoe_dest_info(zone, 0, &info);
    ok(info.spooled == 1 && info.exported == 0 && info.dropped >= 1,
       "after a kill between two marks the refused record is dropped and the "
       "other stays");
    ok(next(sp) == 1 && next(sp) == -2,
       "the record that has no mark comes again");
    ok(spooled(zone) == 0 && segments() == 0
       && counter(zone, QOE_DEST_DROPPED_LOST) == 0,
       "after such a kill nothing is lost, and nothing left");
    qoe_spool_destroy(sp);
}


/* There is no room in the spool, and another destination is ahead. */

static void
test_given_up(void)
{
    size_t               n;
    qoe_feed_t          *feed;
    qoe_zone_t          *zone;
    qoe_spool_t         *sp;
    qoe_export_batch_t  *b;

    begin();
    zone = spool_zone();
    qoe_lane_dests(zone, 0);
    put(zone, 0, 4);
    sp = spool_new(zone);
    feed = feed_of(zone, sp);

    b = qoe_feed_push(feed);
    b->state = QOE_BATCH_SENDING;
    b->end = 32;
    b->count = 2;
    b->items = 2;
    feed->pos = 32;

    ok(qoe_feed_give_up(feed, 64, 0, UINT64_MAX, &n) && n == 2
       && !qoe_lane_acked(zone, 0, 32, QOE_ACK_SPOOL)
       && !qoe_lane_acked(zone, 0, 32, QOE_ACK_FSYNC),
       "a record that was given up is not acknowledged");

    b->state = QOE_BATCH_DONE;
    qoe_feed_release(feed);
    put(zone, 0, 1);
    ok(qoe_feed_give_up(feed, 80, 0, UINT64_MAX, &n) && n == 3
       && qoe_lane_dest_head(zone, 0, 0) == 80
       && !qoe_lane_acked(zone, 0, 80, QOE_ACK_SPOOL),
       "a record that was in no batch yet and was given up is not "
       "acknowledged");

    qoe_feed_destroy(feed);
    qoe_spool_destroy(sp);
}


/* As an exporter does: when it is due. */

static void
minutes(qoe_spool_t *sp)
{
    int  i;

    for (i = 0; i < 120; i++) {
        skew += 1000;

        if (qoe_spool_due_ms(sp) <= now()) {
            qoe_spool_run(sp, now());
        }
    }
}


static void
test_ended(void)
{
    qoe_zone_t   *zone, *old;
    qoe_spool_t  *other, *sp, *past;

    begin();
    zone = spool_zone();
    other = spool_of(zone, 1);
    sp = spool_of(zone, 0);
    pass(sp, 0);
    qoe_spool_report(zone, 0, "no space");
    qoe_spool_destroy(other);
    (void) qoe_spool_take(sp, 1);
    minutes(sp);
    ok(!qoe_spool_any_failing(zone),
       "a failure that another helper left is healed with its lane");
    qoe_spool_destroy(sp);

    /* The old instance still lives at first. */

    begin();
    old = spool_zone();
    past = spool_new(old);
    append(past, 7, 100, 1, NULL);

    zone = spool_zone();
    other = spool_of(zone, 1);
    sp = spool_of(zone, 0);
    pass(sp, 0);
    pass(other, 0);
    qoe_spool_destroy(past);
    minutes(other);
    ok(next(other) == -2 && next(sp) == -2,
       "who does not hold the first lane adopts nothing");
    minutes(sp);
    ok(next(sp) == 7,
       "the helper with the first lane adopts what an ended instance left");
    qoe_spool_destroy(sp);
    qoe_spool_destroy(other);
}


/* All processes of an instance were killed; its segments come here. */

static qoe_zone_t *
killed_instance(int n, uint64_t segment_size)
{
    int           i;
    pid_t         pid;
    qoe_zone_t   *old;
    qoe_spool_t  *sp;

    begin();
    conf.segment_size = segment_size;
    old = spool_zone();
    pid = fork();

    if (pid == 0) {
        sp = spool_new(old);

        for (i = 0; i < n; i++) {
            append(sp, i, 10, 1, NULL);
        }

        raise(SIGKILL);
    }

    waitpid(pid, NULL, 0);
    spool_zone_free(old);
    nsynced = 0;

    return spool_zone();
}


static void
test_adopted(void)
{
    int           fd;
    qoe_zone_t   *zone;
    qoe_spool_t  *sp;
    struct stat   st;

    zone = killed_instance(3, 65536);
    sp = spool_new(zone);
    pass(sp, 0);
    ok(counter(zone, QOE_DEST_RECOVERED) == 3 && spooled(zone) == 3,
       "what was written in a killed instance is adopted");
    pass(sp, 1100);
    ok(was_synced(), "what was adopted is made durable");
    ok(count_files(dir, "/lock") == 1,
       "the directory of an instance of which all was adopted is gone");
    qoe_spool_destroy(sp);

    /* A file has the name of a lane. */

    zone = killed_instance(3, 65536);

    if (count_files(dir, ".open") != 1) {
        abort();
    }

    strcpy(strrchr(found, '/'), "");
    strcpy(strrchr(found, '/'), "/1");
    fd = open(found, O_WRONLY|O_CREAT|O_EXCL|O_CLOEXEC, 0600);
    close(fd);
    sp = spool_new(zone);
    pass(sp, 0);
    ok(fd != -1 && counter(zone, QOE_DEST_RECOVERED) == 3
       && spooled(zone) == 3 && !qoe_spool_failing(sp)
       && counter(zone, QOE_DEST_SPOOL_ERRORS) == 0,
       "a file in place of a lane's directory stops no adoption");
    qoe_spool_destroy(sp);

    /* What it held is known, so a part that is cut off later is missed. */

    zone = killed_instance(3, 65536);
    sp = spool_new(zone);
    pass(sp, 0);

    if (segments() != 1 || stat(found, &st) == -1
        || truncate(found, st.st_size - 40 - 10 - 5) == -1)
    {
        abort();
    }

    ok(next(sp) == 0 && next(sp) == -2 && spooled(zone) == 0
       && counter(zone, QOE_DEST_DROPPED_CORRUPT) == 2,
       "events that were adopted, and are gone from the file, are counted");
    qoe_spool_destroy(sp);

    /* The process was killed after it had counted, before the file moved. */

    zone = killed_instance(3, 65536);

    if (count_files(dir, ".open") != 1) {
        abort();
    }

    qoe_dest_recovered(zone, 0, strtoull(strrchr(found, '/') + 1, NULL, 16), 3);
    sp = spool_new(zone);
    pass(sp, 0);
    ok(counter(zone, QOE_DEST_RECOVERED) == 3 && spooled(zone) == 3
       && next(sp) == 0, "adopted events are counted once");
    qoe_spool_destroy(sp);
}


/* A helper hands over before it has adopted all. */

static void
test_adopter_goes(void)
{
    int           i;
    qoe_zone_t   *zone;
    qoe_spool_t  *sp;

    zone = killed_instance(9, 200);

    for (i = 0; i < 20 && spooled(zone) < 9; i++) {
        sp = spool_new(zone);

        if (qoe_spool_adopt(sp, qoe_spool_lane(sp, 0)) != EINPROGRESS) {
            break;
        }

        qoe_spool_destroy(sp);
    }

    sp = spool_new(zone);
    pass(sp, 0);
    ok(i == 3 && spooled(zone) == 9 && counter(zone, QOE_DEST_RECOVERED) == 9
       && next(sp) == 0 && next(sp) == 1,
       "the next helper adopts what the last one did not");
    qoe_spool_destroy(sp);
}


int
main(void)
{
    self = qoe_proc_self();

    test_unsynced();
    test_failed();
    test_refused();
    test_given_up();
    test_ended();
    test_adopted();
    test_adopter_goes();

    clear(dir, false);

    return tap_end();
}
