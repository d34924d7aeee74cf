
/*
 * Copyright (C) OpenQoE
 *
 * The spool on disks that fail, are full, read-only or changed by other
 * programs; and the quarantine.
 */


#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "spool_unit.h"

#include <errno.h>
#include <sys/mount.h>
#include <sys/syscall.h>


/* libqoe.a calls these functions instead of those of libc. */

static int  sync_errno;                      /* the next fdatasync fails so */
static int  sync_calls;
static int  dir_errno;
static int  unlink_errno;                    /* unlink fails so until 0 */
static int  taken_ids;                       /* so many new files exist */


int
fdatasync(int fd)
{
    sync_calls++;

    if (sync_errno != 0) {
        errno = sync_errno;
        sync_errno = 0;
        return -1;
    }

    return (int) syscall(SYS_fdatasync, fd);
}


int
fsync(int fd)
{
    if (dir_errno != 0) {
        errno = dir_errno;
        dir_errno = 0;
        return -1;
    }

    return (int) syscall(SYS_fsync, fd);
}


int
unlinkat(int at, const char *name, int flags)
{
    if (unlink_errno != 0) {
        errno = unlink_errno;
        return -1;
    }

    return (int) syscall(SYS_unlinkat, at, name, flags);
}


int
openat(int at, const char *name, int flags, ...)
{
    va_list  args;
    mode_t   mode;

    va_start(args, flags);
    mode = (flags & O_CREAT) ? va_arg(args, mode_t) : 0;
    va_end(args);

    if ((flags & O_EXCL) && taken_ids > 0) {
        taken_ids--;
        errno = EEXIST;
        return -1;
    }

    return (int) syscall(SYS_openat, at, name, flags, mode);
}


static void
test_sync_fails(void)
{
    int               n;
    qoe_zone_t       *zone;
    qoe_spool_t      *sp;
    qoe_spool_ref_t  *a, *b, *c;

    begin();
    zone = spool_zone();
    sp = spool_new(zone);

    append(sp, 1, 100, 1, &a);
    append(sp, 2, 100, 1, &b);
    append(sp, 3, 100, 1, &c);
    append(sp, 4, 100, 1, NULL);
    qoe_spool_done(sp, a);

    sync_errno = EIO;
    ok(qoe_spool_sync(sp) == QOE_ERROR && qoe_spool_failing(sp)
       && qoe_spool_any_failing(zone), "a failed fdatasync is reported");
    ok(strstr(logged, "cannot sync") && strstr(logged, dir),
       "the log names the failed sync: \"%s\"", logged);

    sync_calls = 0;
    ok(qoe_spool_sync(sp) == QOE_ERROR && sync_calls == 0,
       "after a failed sync the next one fails too, without another try");
    ok(append(sp, 5, 10, 1, NULL) == QOE_AGAIN,
       "after a failed sync no record is appended");

    qoe_spool_done(sp, b);
    pass(sp, 1100);
    ok(!qoe_spool_failing(sp) && !qoe_spool_any_failing(zone)
       && qoe_spool_sync(sp) == QOE_OK,
       "a second later the spool heals by itself");
    ok(counter(zone, QOE_DEST_SEGMENTS_CREATED) == 2 && segments() == 1
       && spooled(zone) == 2 && counter(zone, QOE_DEST_SPOOLED) == 4,
       "all that is not done is in another file");

    qoe_spool_done(sp, c);
    pass(sp, 1500);
    ok(next(sp) == 4 && next(sp) == -2 && segments() == 0,
       "a record that was held can be done in the new file, and the rest is "
       "read");

    /* This is the sync of the directory. */

    append(sp, 6, 100, 1, NULL);
    dir_errno = EIO;
    ok(qoe_spool_sync(sp) == QOE_ERROR && qoe_spool_failing(sp),
       "a failed fsync of the directory is reported");
    pass(sp, 1100);
    pass(sp, 1500);
    ok(!qoe_spool_failing(sp) && next(sp) == 6 && next(sp) == -2
       && segments() == 0,
       "after a failed fsync of the directory the spool heals too");

    /*
     * The sync fails again and again, and for what the helper leaves at its
     * end.
     */

    append(sp, 7, 100, 1, &a);

    for (n = 0; n < 3; n++) {
        sync_errno = ENOSPC;
        (void) qoe_spool_sync(sp);
        pass(sp, 1100);
    }

    sync_errno = EIO;
    (void) qoe_spool_sync(sp);
    qoe_spool_destroy(sp);
    sync_errno = 0;
    sp = spool_new(zone);
    pass(sp, 0);
    ok(next(sp) == 7 && next(sp) == -2 && spooled(zone) == 0
       && segments() == 0, "five failures in a row lose no record");

    qoe_spool_destroy(sp);
    spool_zone_free(zone);
}


/* With full=reject the limit holds while the spool heals, too. */

static void
test_sync_fails_full(void)
{
    int               i, n, seen;
    qoe_zone_t       *zone;
    qoe_spool_t      *sp;
    qoe_spool_ref_t  *ref;

    begin();
    conf.segment_size = QOE_SEGMENT_HEADER + 10 * 1000;
    conf.max_size = 5 * conf.segment_size;
    conf.reject = true;
    zone = spool_zone();
    sp = spool_new(zone);

    ref = NULL;

    for (n = 0; append(sp, n, 960, 1, n == 49 ? &ref : NULL) == QOE_OK; n++) {
        /* void */
    }

    ok(ref != NULL && n == 50, "a full spool takes no record (%d)", n);

    sync_errno = EIO;
    (void) qoe_spool_sync(sp);
    ok(qoe_spool_failing(sp), "in a full spool a segment's sync fails");
    pass(sp, 1100);
    ok(spooled(zone) == (uint64_t) n && !qoe_spool_failing(sp)
       && counter(zone, QOE_DEST_DROPPED_SPOOL) == 0,
       "no record is dropped to heal the spool");

    if (ref != NULL) {
        qoe_spool_leave(sp, ref);
    }

    for (i = 0, seen = 0; i < 10 && seen < n; i++) {
        while (next(sp) >= 0) {
            seen++;
        }

        pass(sp, 1500);
    }

    ok(seen == n, "all %d records are read", seen);

    qoe_spool_destroy(sp);
    spool_zone_free(zone);
}


static void
test_no_space(void)
{
    int           i, fd, n;
    char          path[PATH_MAX + 16], mnt[PATH_MAX];
    qoe_zone_t   *zone;
    qoe_spool_t  *sp;

    begin();
    strcpy(mnt, dir);

    if (mount("none", mnt, "tmpfs", 0, "size=1m") == -1) {
        ok(1, "a full disk # SKIP no tmpfs may be mounted: %s",
           strerror(errno));
        return;
    }

    conf.segment_size = 64 * 1024;
    conf.max_size = 16 * 1024 * 1024;
    zone = spool_zone();
    sp = spool_new(zone);

    ok(append(sp, 0, 960, 1, NULL) == QOE_OK,
       "a record fits on the small disk");

    snprintf(path, sizeof(path), "%s/ballast", mnt);
    fd = open(path, O_CREAT|O_WRONLY, 0600);

    for (i = 0; i < 300 && write(fd, mnt, 4096) == 4096; i++) { /* void */ }

    close(fd);

    for (n = 1; n < 2000 && append(sp, n, 960, 1, NULL) == QOE_OK; n++) {
        /* void */
    }

    ok(n < 2000 && qoe_spool_any_failing(zone)
       && strstr(logged, "No space left"),
       "on a full disk the spool fails: \"%s\"", logged);
    ok(spooled(zone) == (uint64_t) n && append(sp, n, 960, 1, NULL)
       == QOE_AGAIN, "a record that the disk refused is not counted");

    pass(sp, 1100);
    ok(qoe_spool_any_failing(zone),
       "while the disk is full the spool keeps failing");

    unlink(path);
    pass(sp, 1100);
    ok(!qoe_spool_any_failing(zone),
       "once there is room the spool heals by itself");
    ok(append(sp, n, 960, 1, NULL) == QOE_OK,
       "once there is room a record is appended again");

    pass(sp, 1500);

    for (i = 0; i <= n && next(sp) == i; i++) { /* void */ }

    ok(i == n + 1 && next(sp) == -2 && spooled(zone) == 0,
       "all %d records that were taken are read", i);

    /* The disk is read-only from the start, and healed later. */

    qoe_spool_destroy(sp);
    spool_zone_free(zone);

    ok(mount("none", mnt, NULL, MS_REMOUNT|MS_RDONLY, NULL) == 0,
       "the disk can be made read-only");

    zone = spool_zone();
    sp = spool_new(zone);
    pass(sp, 0);
    ok(qoe_spool_any_failing(zone) && append(sp, 1, 10, 1, NULL) == QOE_AGAIN,
       "a read-only disk is reported before the first event comes");

    mount("none", mnt, NULL, MS_REMOUNT, "size=1m");
    pass(sp, 1100);
    ok(!qoe_spool_any_failing(zone) && append(sp, 1, 10, 1, NULL) == QOE_OK,
       "once the disk is writable the spool heals");

    qoe_spool_destroy(sp);
    spool_zone_free(zone);

    if (umount(mnt) == -1) {
        ok(0, "umount: %s", strerror(errno));
    }
}


static void
test_quarantine(void)
{
    int           i, n;
    char          path[PATH_MAX + 32];
    qoe_zone_t   *zone;
    qoe_spool_t  *sp, *other;

    begin();
    conf.quarantine_size = 20 * 1024;
    zone = spool_zone();
    sp = spool_new(zone);
    snprintf(path, sizeof(path), "%s/quarantine", dir);

    for (i = 0; i < 64; i++) {
        qoe_spool_quarantine(sp, QOE_SIGNAL_LOGS, qoe_span("0123456789"), 2,
                             7);
    }

    ok(count_files(path, ".seg") == 64
       && counter(zone, QOE_DEST_BATCHES_QUARANTINED) == 64
       && entries(zone) == 0, "each batch in quarantine is a file of its own");

    for (i = 0; i < 160; i++) {
        char  big[1024] = "x";

        qoe_spool_quarantine(sp, QOE_SIGNAL_LOGS,
                             (qoe_span_t) { big, sizeof(big) }, 2, 7);
    }

    n = count_files(path, ".seg");
    ok(n == 18, "the quarantine keeps as many files as it has room for, %d", n);

    /* Two helpers of one exporter, neither of which looks at every file. */

    other = spool_of(zone, 1);

    for (i = 0; i < 50; i++) {
        char  big[1024] = "x";

        qoe_spool_quarantine(i % 3 ? other : sp, QOE_SIGNAL_LOGS,
                             (qoe_span_t) { big, sizeof(big) }, 2, 7);
        n = qoe_max(n, count_files(path, ".seg"));
    }

    ok(n == 18, "two helpers together keep no more files in quarantine, %d", n);

    qoe_spool_destroy(other);
    qoe_spool_destroy(sp);
    spool_zone_free(zone);

    begin();
    conf.quarantine_size = 0;
    zone = spool_zone();
    sp = spool_new(zone);
    qoe_spool_quarantine(sp, QOE_SIGNAL_LOGS, qoe_span("1"), 2, 7);
    ok(count_files(path, ".seg") == 0
       && counter(zone, QOE_DEST_BATCHES_QUARANTINED) == 0,
       "a quarantine of size 0 keeps no file");
    qoe_spool_destroy(sp);
    spool_zone_free(zone);
}


static void
poke(const char *path, off_t at, size_t len)
{
    int   fd;
    char  junk[4096];

    memset(junk, 0x5a, sizeof(junk));
    fd = open(path, O_WRONLY);

    if (fd == -1 || pwrite(fd, junk, len, at) != (ssize_t) len) {
        abort();
    }

    close(fd);
}


static void
test_damage(void)
{
    int           n;
    qoe_zone_t   *zone;
    qoe_spool_t  *sp;

    begin();
    zone = spool_zone();
    sp = spool_new(zone);

    for (n = 0; n < 6; n++) {
        append(sp, n, 960, 10, NULL);
    }

    pass(sp, 1500);
    count_files(dir, ".seg");
    poke(found, 32 + 1000 + 100, 10);        /* the payload of 1 */
    poke(found, 32 + 3000, 20);              /* the header of 3 */
    poke(found, 32 + 5000, 20);              /* and of the last record */

    ok(next(sp) == 0 && next(sp) == 2 && next(sp) == 4 && next(sp) == -2,
       "all records but the damaged ones are read");
    ok(counter(zone, QOE_DEST_DROPPED_CORRUPT) == 30
       && counter(zone, QOE_DEST_SEGMENTS_DAMAGED) == 1 && spooled(zone) == 0
       && entries(zone) == 0, "damaged records are counted exactly");
    ok(segments() == 0 && count_files(dir, ".bad") == 1
       && strstr(found, "/quarantine/A/"),
       "a damaged file is kept for inspection");

    /* The next helper knows only how many events all segments had. */

    for (n = 10; n < 14; n++) {
        append(sp, n, 960, 1, NULL);
    }

    qoe_spool_destroy(sp);
    count_files(dir, ".seg");
    poke(found, 0, 200);
    sp = spool_new(zone);
    pass(sp, 0);
    ok(next(sp) == 11 && next(sp) == 12 && next(sp) == 13 && next(sp) == -2
       && counter(zone, QOE_DEST_DROPPED_CORRUPT) == 31,
       "a damaged file header loses no record but the first");

    /* A file that another program took away. */

    append(sp, 20, 960, 5, NULL);
    append(sp, 21, 960, 5, NULL);
    pass(sp, 1500);
    count_files(dir, ".seg");
    ok(unlink(found) == 0 && next(sp) == -2
       && counter(zone, QOE_DEST_DROPPED_LOST) == 10 && entries(zone) == 0,
       "the records of a file that is gone are counted as lost");

    /* A link in place of a file is not followed, and stops no other segment. */

    append(sp, 22, 960, 5, NULL);
    pass(sp, 1500);
    count_files(dir, ".seg");
    unlink(found);

    if (symlink("/etc/passwd", found) == -1) {
        abort();
    }

    append(sp, 23, 960, 5, NULL);
    pass(sp, 1500);
    ok(next(sp) == 23, "a file that cannot be opened does not stop the others");
    unlink(found);
    ok(next(sp) == -2 && counter(zone, QOE_DEST_DROPPED_LOST) == 15
       && entries(zone) == 0,
       "the records of a file that cannot be opened are lost once it is gone");

    qoe_spool_destroy(sp);
    spool_zone_free(zone);
}


/* The reader exits, and the next reader meets the damage again. */

static void
test_damage_again(void)
{
    int           n;
    qoe_zone_t   *zone;
    qoe_spool_t  *sp;

    begin();
    zone = spool_zone();
    sp = spool_new(zone);

    for (n = 0; n < 4; n++) {
        append(sp, n, 960, 10, NULL);
    }

    pass(sp, 1500);
    count_files(dir, ".seg");
    poke(found, 32 + 100, 10);               /* the payload of 0 */
    ok(next(sp) == 1 && counter(zone, QOE_DEST_DROPPED_CORRUPT) == 10
       && spooled(zone) == 20,
       "a damaged record is counted, and the record after it is read");

    qoe_spool_destroy(sp);
    sp = spool_new(zone);
    pass(sp, 0);
    ok(next(sp) == 2 && counter(zone, QOE_DEST_DROPPED_CORRUPT) == 10
       && spooled(zone) == 10,
       "another reader does not count the damaged record again");
    ok(next(sp) == 3 && next(sp) == -2 && entries(zone) == 0
       && counter(zone, QOE_DEST_SEGMENTS_DAMAGED) == 1 && segments() == 0
       && count_files(dir, ".bad") == 1,
       "another reader keeps the damaged file for inspection");

    qoe_spool_destroy(sp);
    spool_zone_free(zone);
}


/* A whole record that cannot be sent does not stop the others. */

static void
test_unknown(void)
{
    qoe_zone_t        *zone;
    qoe_spool_t       *sp;
    qoe_spool_item_t   item;

    begin();
    zone = spool_zone();
    sp = spool_new(zone);
    qoe_spool_append(sp, 0, (qoe_signal_t) QOE_SIGNALS, qoe_span("1"), 2, 1,
                     NULL);
    qoe_spool_append(sp, 0, QOE_SIGNAL_LOGS, qoe_span_null, 4, 1, NULL);
    append(sp, 3, 10, 1, NULL);
    pass(sp, 1500);

    ok(qoe_spool_next(sp, now(), &item) == QOE_OK && number_of(&item) == 3
       && counter(zone, QOE_DEST_DROPPED_CORRUPT) == 6 && spooled(zone) == 1,
       "records of an unknown signal and empty records are counted as damaged");

    qoe_spool_destroy(sp);
    spool_zone_free(zone);
}


/* Files that cannot be deleted are not dropped, nor is there room for more. */

static void
test_undeletable(void)
{
    int            n;
    uint64_t       kept;
    qoe_zone_t    *zone;
    qoe_spool_t   *sp;
    qoe_status_t   rc;

    begin();
    conf.max_size = 16 * 1024;
    conf.segment_size = 4 * 1024;
    zone = spool_zone();
    sp = spool_new(zone);
    unlink_errno = EACCES;

    for (n = 0, rc = QOE_OK; n < 40 && rc == QOE_OK; n++) {
        rc = append(sp, n, 960, 1, NULL);
        pass(sp, 0);
    }

    kept = spooled(zone);
    ok(rc == QOE_FULL && kept == (uint64_t) n - 1
       && counter(zone, QOE_DEST_DROPPED_SPOOL) == 0,
       "a full spool whose files cannot be deleted refuses records and keeps "
       "%llu", (unsigned long long) kept);
    ok(next(sp) == 0 && append(sp, n, 960, 1, NULL) == QOE_FULL
       && next(sp) == 1 && counter(zone, QOE_DEST_DROPPED_SPOOL) == 0,
       "no record of the segment being read is dropped");

    unlink_errno = 0;
    ok(append(sp, n, 960, 1, NULL) == QOE_OK
       && counter(zone, QOE_DEST_DROPPED_SPOOL) + spooled(zone) == kept - 1,
       "once files can be deleted the spool drops and appends again");

    qoe_spool_destroy(sp);
    spool_zone_free(zone);
}


/* All directories are removed under a running helper. */

static void
test_removed(void)
{
    int           fd;
    char          path[PATH_MAX];
    qoe_zone_t   *zone;
    qoe_spool_t  *sp;

    begin();
    zone = spool_zone();
    sp = spool_new(zone);
    append(sp, 1, 10, 4, NULL);
    pass(sp, 1500);
    clear(dir, false);

    ok(append(sp, 2, 10, 1, NULL) == QOE_ERROR && qoe_spool_failing(sp),
       "a removed directory fails the spool");
    pass(sp, 1100);
    ok(!qoe_spool_failing(sp) && append(sp, 3, 10, 1, NULL) == QOE_OK,
       "the directory is made again");
    pass(sp, 1500);
    ok(next(sp) == 3 && counter(zone, QOE_DEST_DROPPED_LOST) == 4
       && spooled(zone) == 0,
       "what was in the removed directory is counted as lost");

    /* A file in the place of the directory of the instance. */

    append(sp, 4, 10, 1, NULL);
    count_files(dir, ".open");
    snprintf(path, sizeof(path), "%s", found);
    *strrchr(path, '/') = '\0';
    *strrchr(path, '/') = '\0';
    *strrchr(path, '/') = '\0';
    qoe_spool_destroy(sp);
    clear(dir, false);
    mkdir(dir, 0700);

    fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    ok(fd != -1 && close(fd) == 0, "\"%s\" is a file now", path);
    logged[0] = '\0';
    sp = spool_new(zone);
    ok(append(sp, 5, 10, 1, NULL) == QOE_ERROR && qoe_spool_failing(sp)
       && strstr(logged, "Not a directory"),
       "a file where the directory should be fails the spool, the log says "
       "why: \"%s\"", logged);
    ok(unlink(path) == 0, "the file is deleted");
    pass(sp, 1100);
    ok(!qoe_spool_failing(sp) && append(sp, 6, 10, 1, NULL) == QOE_OK,
       "once it is gone the spool works");

    qoe_spool_destroy(sp);
    spool_zone_free(zone);
}


/* Another process may have made a file of the name that was drawn. */

static void
test_taken_ids(void)
{
    qoe_zone_t   *zone;
    qoe_spool_t  *sp;

    begin();
    zone = spool_zone();
    sp = spool_new(zone);

    taken_ids = 7;
    ok(append(sp, 1, 100, 1, NULL) == QOE_OK && taken_ids == 0
       && !qoe_spool_failing(sp) && segments() == 1,
       "a segment whose first seven names are taken has the eighth");

    qoe_spool_destroy(sp);
    sp = spool_new(zone);
    logged[0] = '\0';
    taken_ids = 100;
    ok(append(sp, 2, 100, 1, NULL) == QOE_ERROR && taken_ids == 92
       && qoe_spool_failing(sp) && strstr(logged, "cannot create a segment"),
       "after eight names that are taken the spool fails and logs that: "
       "\"%s\"", logged);

    taken_ids = 0;
    pass(sp, 1100);
    ok(!qoe_spool_failing(sp) && append(sp, 3, 100, 1, NULL) == QOE_OK,
       "once a name is free the spool heals");

    qoe_spool_destroy(sp);
    spool_zone_free(zone);
}


int
main(void)
{
    int  before;

    self = qoe_proc_self();
    before = descriptors();

    test_sync_fails();
    test_sync_fails_full();
    test_no_space();
    test_quarantine();
    test_damage();
    test_damage_again();
    test_unknown();
    test_undeletable();
    test_removed();
    test_taken_ids();

    ok(descriptors() == before, "the spool leaves no descriptor open");
    clear(dir, false);

    return tap_end();
}
