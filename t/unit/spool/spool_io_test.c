
/*
 * Copyright (C) OpenQoE
 *
 * Reads and writes of the spool that fail, the first, the second or a later
 * one: no record is lost by it, and none comes twice.
 */


#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "spool_unit.h"

#include <errno.h>
#include <sys/syscall.h>
#include <sys/uio.h>


/* libqoe.a calls these instead of those of libc */

static int  sync_calls, sync_errno;
static int  dir_calls;
static int  write_after;                     /* so many go well; -1: all */
static int  read_fails;                      /* so many fail */
static int  read_after;                      /* reads before those */


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
    dir_calls++;

    return (int) syscall(SYS_fsync, fd);
}


ssize_t
pwritev(int fd, const struct iovec *iov, int n, off_t offset)
{
    if (write_after == 0) {
        errno = ENOSPC;
        return -1;
    }

    write_after -= write_after > 0;

    return syscall(SYS_pwritev, fd, iov, n, offset, 0);
}


ssize_t
pread(int fd, void *p, size_t n, off_t offset)
{
    if (read_after != 0) {
        read_after--;

    } else if (read_fails != 0) {
        read_fails--;
        errno = EIO;
        return -1;
    }

    return syscall(SYS_pread64, fd, p, n, offset);
}


/*
 * An fdatasync has failed, and what is copied to another file meets a full disk
 * at each of its writes in turn.
 */

static void
test_copy_fails(void)
{
    int               i, n, wrong, failed;
    qoe_zone_t       *zone;
    qoe_spool_t      *sp;
    qoe_spool_ref_t  *held;

    wrong = 0;
    failed = 0;

    for (n = 0; n == failed; n++) {
        begin();
        zone = spool_zone();
        sp = spool_new(zone);

        for (i = 1; i <= 4; i++) {
            wrong += append(sp, i, 100, 1, i == 2 ? &held : NULL) != QOE_OK;
        }

        sync_errno = EIO;
        wrong += qoe_spool_sync(sp) != QOE_ERROR;

        write_after = n;
        pass(sp, 1100);
        failed += qoe_spool_failing(sp);
        write_after = -1;
        pass(sp, 1100);
        wrong += qoe_spool_failing(sp) || spooled(zone) != 4;

        qoe_spool_done(sp, held);
        pass(sp, 1500);

        wrong += next(sp) != 1 || next(sp) != 3 || next(sp) != 4
                 || next(sp) != -2;
        wrong += segments() != 0 || spooled(zone) != 0
                 || counter(zone, QOE_DEST_DROPPED_CORRUPT) != 0;

        if (wrong) {
            printf("# after %d writes\n", n);
            break;
        }

        qoe_spool_destroy(sp);
        spool_zone_free(zone);
    }

    ok(wrong == 0 && failed >= 5, "a copy that fails at any of its %d writes "
       "is made later, and each record that was not sent comes once", failed);
}


/* Changes a byte of record n in the only segment, or cuts the file there. */

static void
damage(int n, bool cut)
{
    int            fd;
    char           text[16], *at;
    ssize_t        len;
    static char    bytes[64 * 1024];

    if (count_files(dir, ".open") != 1) {
        abort();
    }

    fd = open(found, O_RDWR);
    len = read(fd, bytes, sizeof(bytes));
    snprintf(text, sizeof(text), "%d:", n);
    at = len > 0 ? memmem(bytes, (size_t) len, text, strlen(text)) : NULL;

    if (at == NULL || lseek(fd, at - bytes + 20, SEEK_SET) == -1
        || (cut ? ftruncate(fd, at - bytes) == -1 : write(fd, "?", 1) != 1)
        || close(fd) == -1)
    {
        abort();
    }
}


/* What has to be copied has a record that the disk has not kept. */

static void
test_copy_damaged(void)
{
    int               i;
    qoe_zone_t       *zone;
    qoe_spool_t      *sp;
    qoe_spool_ref_t  *held;

    begin();
    zone = spool_zone();
    sp = spool_new(zone);

    for (i = 1; i <= 4; i++) {
        append(sp, i, 100, 1, i == 2 ? &held : NULL);
    }

    damage(3, false);
    sync_errno = EIO;
    (void) qoe_spool_sync(sp);
    pass(sp, 1100);

    ok(!qoe_spool_failing(sp) && spooled(zone) == 3
       && counter(zone, QOE_DEST_DROPPED_CORRUPT) == 1
       && counter(zone, QOE_DEST_DROPPED_LOST) == 0,
       "a damaged record of a segment that is copied is counted once");

    qoe_spool_done(sp, held);
    pass(sp, 1500);
    ok(next(sp) == 1 && next(sp) == 4 && next(sp) == -2
       && spooled(zone) == 0,
       "the other records are still there");

    qoe_spool_destroy(sp);
    spool_zone_free(zone);

    /* the rest is gone, but one of it is in its holder's memory */

    begin();
    zone = spool_zone();
    sp = spool_new(zone);

    for (i = 1; i <= 4; i++) {
        append(sp, i, 100, 1, i == 4 ? &held : NULL);
    }

    damage(3, true);
    sync_errno = EIO;
    (void) qoe_spool_sync(sp);
    pass(sp, 1100);

    ok(!qoe_spool_failing(sp) && spooled(zone) == 2
       && counter(zone, QOE_DEST_DROPPED_CORRUPT) == 1,
       "of the records that are gone all are lost but the one that is held");

    qoe_spool_done(sp, held);
    pass(sp, 1500);
    ok(next(sp) == 1 && next(sp) == 2 && next(sp) == -2
       && spooled(zone) == 0 && counter(zone, QOE_DEST_DROPPED_CORRUPT) == 1,
       "the records before them are still there");

    qoe_spool_destroy(sp);
    spool_zone_free(zone);
}


static void
test_read_fails(void)
{
    int                n, wrong;
    char               path[PATH_MAX + 16];
    uint64_t           at;
    qoe_zone_t        *zone;
    qoe_spool_t       *sp;
    qoe_spool_item_t   item;

    for (n = 1; n < 3; n++) {
        begin();
        zone = spool_zone();
        sp = spool_new(zone);
        append(sp, 1, 100, 1, NULL);
        append(sp, 2, 100, 1, NULL);
        pass(sp, 1500);

        wrong = next(sp) != 1;
        read_fails = n;
        ok(wrong == 0 && next(sp) == 2 && read_fails == 0 && next(sp) == -2
           && segments() == 0 && counter(zone, QOE_DEST_DROPPED_CORRUPT) == 0,
           "a record comes once the disk can be read again, after %d failed "
           "reads", n);
        ok(strstr(logged, "cannot read a segment") != NULL,
           "a failed read is logged");

        qoe_spool_destroy(sp);
        spool_zone_free(zone);
    }

    /* of the first record, after the head of the file */

    begin();
    zone = spool_zone();
    sp = spool_new(zone);
    append(sp, 1, 100, 1, NULL);
    pass(sp, 1500);
    read_after = 1;
    read_fails = 2;
    at = now();
    ok(qoe_spool_next(sp, at, &item) == QOE_AGAIN && read_fails == 1
       && qoe_spool_next(sp, at + 999, &item) == QOE_AGAIN && read_fails == 1
       && qoe_spool_due_ms(sp) == at + 1000,
       "a failed read is not tried again for a second");
    ok(qoe_spool_next(sp, at + 1000, &item) == QOE_AGAIN && read_fails == 0,
       "then it is");
    ok(next(sp) == 1 && read_fails == 0 && next(sp) == -2,
       "the first record of a segment has as many tries as the others");
    qoe_spool_destroy(sp);
    spool_zone_free(zone);

    begin();
    zone = spool_zone();
    sp = spool_new(zone);
    append(sp, 1, 100, 1, NULL);
    append(sp, 2, 100, 1, NULL);
    pass(sp, 1500);
    wrong = next(sp) != 1;
    read_fails = 1000;

    wrong += next(sp) != -2;
    read_fails = 0;
    snprintf(path, sizeof(path), "%s/quarantine", dir);
    ok(wrong == 0 && count_files(path, ".bad") == 1 && segments() == 0
       && spooled(zone) == 0 && counter(zone, QOE_DEST_DROPPED_CORRUPT) == 1,
       "a segment that cannot be read again and again goes to the quarantine, "
       "and what it held is counted");

    append(sp, 3, 100, 1, NULL);
    pass(sp, 1500);
    ok(next(sp) == 3 && next(sp) == -2, "the next segment is read");

    qoe_spool_destroy(sp);
    spool_zone_free(zone);
}


/* What the helper leaves is durable, its name as well. */

static void
test_close(void)
{
    qoe_zone_t       *zone;
    qoe_spool_t      *sp;
    qoe_spool_ref_t  *held;

    begin();
    zone = spool_zone();
    sp = spool_new(zone);
    append(sp, 1, 100, 1, &held);
    append(sp, 2, 100, 1, NULL);

    sync_calls = 0;
    dir_calls = 0;
    qoe_spool_destroy(sp);
    ok(sync_calls == 1 && dir_calls > 0 && segments() == 1,
       "closing a spool syncs what was written, and the directory");

    sp = spool_new(zone);
    pass(sp, 0);
    ok(next(sp) == 1 && next(sp) == 2 && next(sp) == -2,
       "the next helper reads the closed spool");

    append(sp, 3, 100, 1, NULL);
    (void) qoe_spool_sync(sp);
    sync_calls = 0;
    qoe_spool_destroy(sp);
    ok(sync_calls == 0, "synced records are not synced once more at the end");

    spool_zone_free(zone);
}


/* A batch and its file's headers have just room in the quarantine. */

static void
test_quarantine_bounds(void)
{
    int           n;
    char          path[PATH_MAX + 16];
    uint64_t      size;
    qoe_zone_t   *zone;
    qoe_spool_t  *sp;

    size = QOE_SEGMENT_HEADER + QOE_SEGMENT_RECORD + 100;

    for (n = 0; n < 3; n++) {
        begin();
        conf.quarantine_size = size * (n == 2 ? 2 : 1) - (n == 0);
        zone = spool_zone();
        sp = spool_new(zone);
        snprintf(path, sizeof(path), "%s/quarantine", dir);

        qoe_spool_quarantine(sp, QOE_SIGNAL_LOGS,
                             (qoe_span_t) { path, 100 }, 2, 7);
        qoe_spool_quarantine(sp, QOE_SIGNAL_LOGS,
                             (qoe_span_t) { path, 100 }, 2, 7);

        ok(count_files(path, ".seg") == n, "of two batches of %d bytes a "
           "quarantine of %d keeps %d", (int) size,
           (int) conf.quarantine_size, n);

        qoe_spool_destroy(sp);
        spool_zone_free(zone);
    }
}


/* Files of 100 bytes in a quarantine that is full of them. */

static void
test_quarantine_trim(void)
{
    int           i, n, wrong;
    char          path[PATH_MAX + 16];
    qoe_zone_t   *zone;
    qoe_spool_t  *sp;

    static const struct { int files, then; }  rows[] = {
        { 100, 100 }, { 256, 256 }, { 257, 224 }, { 300, 262 }
    };

    for (n = 0, wrong = 0; n < 4; n++) {
        begin();
        conf.quarantine_size = 100 * (uint64_t) rows[n].files;
        zone = spool_zone();
        sp = spool_new(zone);
        snprintf(path, sizeof(path), "%s/quarantine", dir);

        for (i = 0; i < rows[n].files; i++) {
            qoe_spool_quarantine(sp, QOE_SIGNAL_LOGS,
                                 (qoe_span_t) { path, 28 }, 2, 7);
        }

        wrong += count_files(path, ".seg") != rows[n].files;
        qoe_spool_quarantine(sp, QOE_SIGNAL_LOGS, (qoe_span_t) { path, 28 }, 2,
                             7);
        wrong += count_files(path, ".seg") != rows[n].then;

        qoe_spool_destroy(sp);
        spool_zone_free(zone);
    }

    ok(wrong == 0, "a full quarantine loses as many files as the next one "
       "needs, and an eighth of it if they are more than 256");
}


int
main(void)
{
    self = qoe_proc_self();
    write_after = -1;

    test_copy_fails();
    test_copy_damaged();
    test_read_fails();
    test_close();
    test_quarantine_bounds();
    test_quarantine_trim();
    clear(dir, false);

    return tap_end();
}
