
/*
 * Copyright (C) OpenQoE
 *
 * What is copied of a segment whose fdatasync failed, if its file cannot be
 * opened again at once, or is gone.
 */


#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "spool_unit.h"

#include <errno.h>
#include <sys/syscall.h>


/* libqoe.a calls these functions instead of those of libc. */

static int  sync_errno;                      /* the next fdatasync fails so */
static int  open_errno;                      /* files that exist, until 0 */


int
fdatasync(int fd)
{
    if (sync_errno != 0) {
        errno = sync_errno;
        sync_errno = 0;
        return -1;
    }

    return (int) syscall(SYS_fdatasync, fd);
}


int
openat(int at, const char *name, int flags, ...)
{
    va_list  args;
    mode_t   mode;

    va_start(args, flags);
    mode = (flags & O_CREAT) ? va_arg(args, mode_t) : 0;
    va_end(args);

    if (open_errno != 0 && !(flags & O_CREAT)
        && (flags & O_ACCMODE) == O_RDWR)
    {
        errno = open_errno;
        return -1;
    }

    return (int) syscall(SYS_openat, at, name, flags, mode);
}


/*
 * Four records of 1, 2, 3 and 4 items, of which the second is held; then the
 * sync fails, and the file cannot be opened again.
 */

static qoe_spool_t *
failed(qoe_zone_t **zone, qoe_spool_ref_t **held)
{
    int           i;
    qoe_spool_t  *sp;

    begin();
    *zone = spool_zone();
    sp = spool_new(*zone);

    for (i = 1; i <= 4; i++) {
        if (append(sp, i, 100, (uint32_t) i, i == 2 ? held : NULL) != QOE_OK) {
            abort();
        }
    }

    sync_errno = EIO;
    open_errno = EMFILE;

    if (qoe_spool_sync(sp) != QOE_ERROR || !qoe_spool_failing(sp)) {
        abort();
    }

    return sp;
}


static void
test_no_descriptors(void)
{
    qoe_zone_t        *zone;
    qoe_spool_t       *sp;
    qoe_spool_ref_t   *held;
    qoe_spool_info_t   info;

    sp = failed(&zone, &held);
    pass(sp, 1100);
    qoe_spool_info(zone, 0, &info);
    ok(qoe_spool_failing(sp) && spooled(zone) == 10 && segments() == 1
       && strstr(info.error, "read") != NULL
       && strstr(info.error, "Too many open files") != NULL,
       "without descriptors nothing is copied and nothing is lost, and the "
       "zone says why: %s", info.error);

    open_errno = 0;
    pass(sp, 1100);
    ok(!qoe_spool_failing(sp) && spooled(zone) == 10 && segments() == 1
       && counter(zone, QOE_DEST_SEGMENTS_CREATED) == 2
       && counter(zone, QOE_DEST_DROPPED_LOST) == 0,
       "once there are some, all records are in another file");

    qoe_spool_done(sp, held);
    pass(sp, 1500);
    ok(next(sp) == 1 && next(sp) == 3 && next(sp) == 4 && next(sp) == -2
       && spooled(zone) == 0 && segments() == 0,
       "each of them that was not answered comes once");

    qoe_spool_destroy(sp);
    spool_zone_free(zone);
}


/* The answer comes before the file could be opened again. */

static void
test_answered(void)
{
    qoe_zone_t       *zone;
    qoe_spool_t      *sp;
    qoe_spool_ref_t  *held;

    sp = failed(&zone, &held);
    open_errno = 0;
    qoe_spool_done(sp, held);
    ok(spooled(zone) == 8, "a record is done whose file cannot be opened");

    pass(sp, 1100);
    pass(sp, 1500);
    ok(next(sp) == 1 && next(sp) == 3 && next(sp) == 4 && next(sp) == -2
       && spooled(zone) == 0 && segments() == 0,
       "it does not come again when its segment was copied");

    qoe_spool_destroy(sp);
    spool_zone_free(zone);
}


static void
test_gone(void)
{
    qoe_zone_t       *zone;
    qoe_spool_t      *sp;
    qoe_spool_ref_t  *held;

    sp = failed(&zone, &held);
    open_errno = 0;

    if (count_files(dir, ".seg") != 1 || unlink(found) == -1) {
        abort();
    }

    pass(sp, 1100);
    ok(!qoe_spool_failing(sp) && spooled(zone) == 0
       && counter(zone, QOE_DEST_DROPPED_LOST) == 8
       && counter(zone, QOE_DEST_DROPPED_CORRUPT) == 0,
       "of a file that is gone all is lost but what its holder has");

    qoe_spool_done(sp, held);
    ok(counter(zone, QOE_DEST_DROPPED_LOST) == 8
       && counter(zone, QOE_DEST_DROPPED_CORRUPT) == 0,
       "that is not lost if it is answered");
    ok(append(sp, 5, 100, 1, NULL) == QOE_OK, "the spool goes on");
    pass(sp, 1500);
    ok(next(sp) == 5 && next(sp) == -2 && spooled(zone) == 0,
       "and has what it got since");

    qoe_spool_destroy(sp);
    spool_zone_free(zone);

    sp = failed(&zone, &held);
    open_errno = 0;

    if (count_files(dir, ".seg") != 1 || unlink(found) == -1) {
        abort();
    }

    pass(sp, 1100);
    qoe_spool_leave(sp, held);
    ok(counter(zone, QOE_DEST_DROPPED_LOST) == 8
       && counter(zone, QOE_DEST_DROPPED_CORRUPT) == 2,
       "it is lost if its holder leaves it to the spool");

    qoe_spool_destroy(sp);
    spool_zone_free(zone);
}


int
main(void)
{
    int  before;

    self = qoe_proc_self();
    before = descriptors();

    test_no_descriptors();
    test_answered();
    test_gone();

    ok(descriptors() == before, "the spool leaves no descriptor open");
    clear(dir, false);

    return tap_end();
}
