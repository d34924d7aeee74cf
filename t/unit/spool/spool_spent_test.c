
/*
 * Copyright (C) OpenQoE
 *
 * Segments all of whose records are done, on a disk that deletes nothing for a
 * while: they must go once it does, without a restart, and come no more.
 */


#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "spool_unit.h"

#include <errno.h>
#include <sys/syscall.h>


/* libqoe.a calls these functions instead of those of libc. */

static bool  read_only;                      /* nothing is deleted */
static bool  sync_fails;                     /* the next fdatasync does */
static int   tries;                          /* calls of unlinkat() */


int
fdatasync(int fd)
{
    if (sync_fails) {
        sync_fails = false;
        errno = EIO;
        return -1;
    }

    return (int) syscall(SYS_fdatasync, fd);
}


int
unlinkat(int at, const char *name, int flags)
{
    tries++;

    if (read_only) {
        errno = EROFS;
        return -1;
    }

    return (int) syscall(SYS_unlinkat, at, name, flags);
}


/* The backlog has nothing to give out, and asks to be called again or not. */

static bool
idle(qoe_spool_t *sp, qoe_status_t rc)
{
    qoe_spool_item_t  item;

    return qoe_spool_next(sp, now(), &item) == rc;
}


/* Nothing is left once the disk deletes again, and nothing comes twice. */

static void
goes(qoe_zone_t *zone, qoe_spool_t *sp, const char *what)
{
    bool  kept;

    kept = segments() > 0 && spooled(zone) == 0 && !qoe_spool_failing(sp);
    read_only = false;
    pass(sp, 1500);
    pass(sp, 1500);

    ok(kept && next(sp) == -2 && idle(sp, QOE_DONE) && segments() == 0,
       "%s is deleted once the disk lets it", what);

    qoe_spool_destroy(sp);
    sp = spool_new(zone);
    pass(sp, 0);
    ok(next(sp) == -2 && spooled(zone) == 0, "%s does not come twice", what);

    qoe_spool_destroy(sp);
    spool_zone_free(zone);
}


static void
test_read(void)
{
    qoe_zone_t   *zone;
    qoe_spool_t  *sp;

    begin();
    zone = spool_zone();
    sp = spool_new(zone);

    append(sp, 1, 100, 1, NULL);
    append(sp, 2, 100, 1, NULL);
    pass(sp, 1500);
    read_only = true;

    ok(next(sp) == 1 && next(sp) == 2 && idle(sp, QOE_AGAIN)
       && segments() == 1 && spooled(zone) == 0,
       "a segment that was read and cannot be deleted is kept in mind");
    ok(strstr(logged, "cannot delete a segment") != NULL,
       "the log says so: \"%s\"", logged);

    tries = 0;
    ok(idle(sp, QOE_AGAIN) && tries == 0 && qoe_spool_due_ms(sp) > now(),
       "it is not tried at each call");
    pass(sp, 1100);
    ok(idle(sp, QOE_AGAIN) && tries == 1, "but a second later");

    append(sp, 3, 100, 1, NULL);
    pass(sp, 1500);
    ok(next(sp) == 3 && segments() == 2 && spooled(zone) == 0,
       "records after it are given out meanwhile");

    goes(zone, sp, "what was read");
}


static void
test_held(void)
{
    qoe_zone_t       *zone;
    qoe_spool_t      *sp;
    qoe_spool_ref_t  *ref;

    begin();
    zone = spool_zone();
    sp = spool_new(zone);

    append(sp, 1, 100, 1, &ref);
    read_only = true;
    qoe_spool_done(sp, ref);
    pass(sp, 1500);

    goes(zone, sp, "what was held and done");
}


static void
test_bad(void)
{
    qoe_zone_t       *zone;
    qoe_spool_t      *sp;
    qoe_spool_ref_t  *ref;

    begin();
    zone = spool_zone();
    sp = spool_new(zone);

    append(sp, 1, 100, 1, &ref);
    sync_fails = true;
    ok(qoe_spool_sync(sp) == QOE_ERROR, "a sync fails");

    read_only = true;
    qoe_spool_done(sp, ref);
    pass(sp, 1100);
    ok(qoe_spool_sync(sp) == QOE_OK,
       "a spool heals though what it copied cannot be deleted");

    goes(zone, sp, "what could not be synced");
}


int
main(void)
{
    int  before;

    self = qoe_proc_self();
    before = descriptors();

    test_read();
    test_held();
    test_bad();

    ok(descriptors() == before, "the spool leaves no descriptor open");
    clear(dir, false);

    return tap_end();
}
