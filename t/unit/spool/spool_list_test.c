
/*
 * Copyright (C) OpenQoE
 *
 * A lane whose directory cannot be read for a while: what its last owner has
 * said of it stays, and its records come as soon as they can be seen.
 */


#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "spool_unit.h"

#include <errno.h>
#include <sys/syscall.h>


/* libqoe.a calls this function instead of that of libc. */

static int  list_errno;                      /* no directory is read, until 0 */


int
openat(int at, const char *name, int flags, ...)
{
    va_list  args;
    mode_t   mode;

    va_start(args, flags);
    mode = (flags & O_CREAT) ? va_arg(args, mode_t) : 0;
    va_end(args);

    if (list_errno != 0 && strcmp(name, ".") == 0) {
        errno = list_errno;
        return -1;
    }

    return (int) syscall(SYS_openat, at, name, flags, mode);
}


static void
test_unlisted(void)
{
    qoe_zone_t        *zone;
    qoe_spool_t       *sp;
    qoe_spool_info_t   before, after;

    begin();
    zone = spool_zone();
    sp = spool_new(zone);
    append(sp, 1, 100, 3, NULL);
    append(sp, 2, 100, 4, NULL);
    qoe_spool_destroy(sp);
    qoe_spool_info(zone, 0, &before);

    list_errno = EMFILE;
    sp = spool_new(zone);
    qoe_spool_info(zone, 0, &after);
    ok(before.events == 7 && before.segments == 1 && before.bytes == 312
       && before.oldest_ns == 1001
       && memcmp(&before, &after, sizeof(before)) == 0,
       "the sums of a lane that cannot be listed are those of its last owner");

    ok(append(sp, 3, 100, 5, NULL) == QOE_OK && spooled(zone) == 12,
       "records can be appended to it");
    qoe_spool_info(zone, 0, &after);
    ok(after.segments == 1 && after.bytes == 312,
       "which changes only the number of events");
    ok(qoe_spool_sync(sp) == QOE_ERROR,
       "nothing is known to be durable: the last owner may not have synced");

    pass(sp, 0);
    ok(qoe_spool_failing(sp) && next(sp) == -2, "the spool fails meanwhile");
    list_errno = 0;
    pass(sp, 1100);
    qoe_spool_info(zone, 0, &after);
    ok(!qoe_spool_failing(sp) && after.events == 12 && after.segments >= 2
       && qoe_spool_sync(sp) == QOE_OK,
       "once the lane is listed all is summed up and can be synced");

    pass(sp, 1500);
    ok(next(sp) == 1 && next(sp) == 2 && next(sp) == 3 && next(sp) == -2
       && spooled(zone) == 0 && entries(zone) == 0,
       "all records come, the oldest first");

    qoe_spool_destroy(sp);
    spool_zone_free(zone);
}


int
main(void)
{
    self = qoe_proc_self();

    test_unlisted();

    clear(dir, false);

    return tap_end();
}
