
/*
 * Copyright (C) OpenQoE
 *
 * Directories that cannot be read for a while: what the last owner has said of
 * a lane stays, and records come as soon as they can be seen.
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


/* An ended instance, beside which nothing else is in the directory. */

static void
test_ended(void)
{
    qoe_zone_t   *zone;
    qoe_spool_t  *sp;

    skew = 0;
    begin();
    zone = spool_zone();
    sp = spool_new(zone);
    append(sp, 1, 100, 3, NULL);
    qoe_spool_destroy(sp);
    spool_zone_free(zone);

    zone = spool_zone();
    sp = spool_new(zone);
    logged[0] = '\0';
    list_errno = EMFILE;
    pass(sp, 0);
    ok(qoe_spool_failing(sp) && spooled(zone) == 0,
       "without descriptors nothing is adopted");
    list_errno = 0;
    pass(sp, 1100);
    pass(sp, 5000);
    ok(!qoe_spool_failing(sp) && spooled(zone) == 3 && next(sp) == 1
       && next(sp) == -2, "then what another instance left is");
    ok(counter(zone, QOE_DEST_SPOOL_STRANGERS) == 0
       && counter(zone, QOE_DEST_RECOVERED) == 3,
       "it counts as recovered, and nothing as a stranger");
    qoe_spool_destroy(sp);
    spool_zone_free(zone);
}


/* A file that is named as an instance. */

static void
test_passed_over(void)
{
    int           fd;
    char          path[PATH_MAX + 64];
    qoe_zone_t   *zone;
    qoe_spool_t  *sp;

    skew = 0;
    begin();
    snprintf(path, sizeof(path), "%s/00000000-0000-4000-8000-000000000001",
             dir);
    fd = open(path, O_WRONLY|O_CREAT|O_EXCL, 0600);
    close(fd);

    zone = spool_zone();
    sp = spool_new(zone);
    pass(sp, 0);
    ok(!qoe_spool_failing(sp) && counter(zone, QOE_DEST_SPOOL_STRANGERS) == 1
       && strstr(logged, path) != NULL
       && strstr(logged, "Not a directory") != NULL,
       "a file in place of an instance is passed over, and the log names it: "
       "%s", logged);
    pass(sp, 5001);
    pass(sp, 5001);
    ok(counter(zone, QOE_DEST_SPOOL_STRANGERS) == 1, "it counts once");
    qoe_spool_destroy(sp);
    spool_zone_free(zone);
}


int
main(void)
{
    self = qoe_proc_self();

    test_unlisted();
    test_ended();
    test_passed_over();

    clear(dir, false);

    return tap_end();
}
