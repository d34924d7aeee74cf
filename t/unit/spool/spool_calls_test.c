
/*
 * Copyright (C) OpenQoE
 *
 * The life of a spool in which each system call fails once, in turn: no record
 * that was taken is lost by it, and the spool works again by itself.
 */


#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "spool_unit.h"

#include <errno.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <sys/uio.h>


/* libqoe.a calls these functions instead of those of libc. */

#define CALLS(X)                                                              \
    X(FDATASYNC, "fdatasync") X(FSYNC, "fsync") X(OPENAT, "openat")           \
    X(MKDIRAT, "mkdirat") X(PWRITEV, "pwritev") X(PWRITE, "pwrite")           \
    X(PREAD, "pread") X(FTRUNCATE, "ftruncate") X(FALLOCATE, "fallocate")     \
    X(UNLINKAT, "unlinkat") X(RENAMEAT, "renameat") X(LINKAT, "linkat")       \
    X(FSTATAT, "fstatat") X(FLOCK, "flock")

typedef enum {
#define CALL(id, name)  id,
    CALLS(CALL)
#undef CALL
    NCALLS
} call_t;

static const char  *const  call_name[] = {
#define CALL(id, name)  name,
    CALLS(CALL)
#undef CALL
};

static bool    counting;
static int     ncalls[NCALLS];
static call_t  fail_call;
static int     fail_at;                      /* 0: none */
static int     fail_errno;
static bool    failed;


static bool
fails(call_t call)
{
    if (!counting || ++ncalls[call] != fail_at || call != fail_call) {
        return false;
    }

    failed = true;
    errno = fail_errno;

    return true;
}


/* What is synced need not be on a disk here. */

int
fdatasync(int fd)
{
    (void) fd;

    return fails(FDATASYNC) ? -1 : 0;
}


int
fsync(int fd)
{
    (void) fd;

    return fails(FSYNC) ? -1 : 0;
}


int
openat(int at, const char *name, int flags, ...)
{
    va_list  args;
    mode_t   mode;

    va_start(args, flags);
    mode = (flags & O_CREAT) ? va_arg(args, mode_t) : 0;
    va_end(args);

    return fails(OPENAT) ? -1
           : (int) syscall(SYS_openat, at, name, flags, mode);
}


int
mkdirat(int at, const char *name, mode_t mode)
{
    return fails(MKDIRAT) ? -1 : (int) syscall(SYS_mkdirat, at, name, mode);
}


ssize_t
pwritev(int fd, const struct iovec *iov, int n, off_t at)
{
    return fails(PWRITEV) ? -1 : syscall(SYS_pwritev, fd, iov, n, at, 0);
}


ssize_t
pwrite(int fd, const void *p, size_t n, off_t at)
{
    return fails(PWRITE) ? -1 : syscall(SYS_pwrite64, fd, p, n, at);
}


ssize_t
pread(int fd, void *p, size_t n, off_t at)
{
    return fails(PREAD) ? -1 : syscall(SYS_pread64, fd, p, n, at);
}


int
ftruncate(int fd, off_t size)
{
    return fails(FTRUNCATE) ? -1 : (int) syscall(SYS_ftruncate, fd, size);
}


int
fallocate(int fd, int mode, off_t at, off_t size)
{
    return fails(FALLOCATE) ? -1
           : (int) syscall(SYS_fallocate, fd, mode, at, size);
}


int
unlinkat(int at, const char *name, int flags)
{
    return fails(UNLINKAT) ? -1 : (int) syscall(SYS_unlinkat, at, name, flags);
}


int
renameat(int from, const char *name, int to, const char *to_name)
{
    return fails(RENAMEAT) ? -1
           : (int) syscall(SYS_renameat2, from, name, to, to_name, 0);
}


int
linkat(int from, const char *name, int to, const char *to_name, int flags)
{
    return fails(LINKAT) ? -1
           : (int) syscall(SYS_linkat, from, name, to, to_name, flags);
}


int
fstatat(int at, const char *name, struct stat *st, int flags)
{
    int  fd, rc;

    if (fails(FSTATAT)) {
        return -1;
    }

    /* only regular files are looked at here, never by a link */

    fd = (int) syscall(SYS_openat, at, name, O_PATH|O_NOFOLLOW|O_CLOEXEC, 0);

    if (fd == -1) {
        return -1;
    }

    (void) flags;
    rc = fstat(fd, st);
    close(fd);

    return rc;
}


int
flock(int fd, int op)
{
    return fails(FLOCK) ? -1 : (int) syscall(SYS_flock, fd, op);
}


#define RECORDS  12

static bool          taken[RECORDS + 1];     /* and not answered */
static int           seen[RECORDS + 1];
static bool          damaged;                /* one record of them */
static bool          reported;               /* that a call failed */
static qoe_zone_t   *zone;


/* Appends until it is taken, as a feed does. */

static void
keep(qoe_spool_t *sp, int n, qoe_spool_ref_t **ref)
{
    int  i;

    for (i = 0; i < 5 && append(sp, n, 200, 1, ref) != QOE_OK; i++) {
        pass(sp, 1100);
    }

    taken[n] = (i < 5);
}


static bool
read_one(qoe_spool_t *sp)
{
    int  n;

    n = next(sp);

    if (n < 1 || n > RECORDS) {
        return false;
    }

    seen[n]++;

    return true;
}


static void
replay(qoe_spool_t *sp)
{
    int  i;

    for (i = 0; i < 5; i++) {
        while (read_one(sp)) { /* void */ }

        pass(sp, 1100);
    }
}


static void
start(void)
{
    memset(taken, 0, sizeof(taken));
    memset(seen, 0, sizeof(seen));
    memset(ncalls, 0, sizeof(ncalls));
    failed = false;
    damaged = false;
    skew = 0;

    begin();
    conf.segment_size = 1024;
    zone = spool_zone();
    counting = true;
}


    /* a damaged record whose mark fails counts again for the next helper */

static void
finish(qoe_spool_t *sp)
{
    counting = false;
    reported = counter(zone, QOE_DEST_SPOOL_ERRORS) != 0;

    pass(sp, 6000);
    replay(sp);
    qoe_spool_destroy(sp);

    sp = spool_new(zone);
    pass(sp, 0);
    replay(sp);
    qoe_spool_destroy(sp);
}


/*
 * Records are appended, synced, answered and left; the lane changes its owner,
 * and a refused batch is kept.
 */

static void
life(void)
{
    int               i;
    qoe_spool_t      *sp;
    qoe_spool_ref_t  *held[2];

    start();
    sp = spool_new(zone);

    for (i = 1; i <= 8; i++) {
        keep(sp, i, i == 2 ? &held[0] : i == 5 ? &held[1] : NULL);
    }

    (void) qoe_spool_sync(sp);
    pass(sp, 1100);
    qoe_spool_done(sp, held[0]);
    taken[2] = false;
    qoe_spool_leave(sp, held[1]);
    pass(sp, 1100);
    pass(sp, 1100);
    qoe_spool_quarantine(sp, QOE_SIGNAL_LOGS, qoe_span("refused"), 1, 7);

    read_one(sp);
    qoe_spool_destroy(sp);

    sp = spool_new(zone);
    pass(sp, 1100);
    keep(sp, 9, NULL);
    keep(sp, 10, NULL);
    pass(sp, 1100);
    pass(sp, 1100);
    replay(sp);
    finish(sp);
}


/* A segment with a damaged record is read by two helpers, one after another. */

static void
damaged_life(void)
{
    int           fd, i;
    qoe_spool_t  *sp;

    start();
    sp = spool_new(zone);

    for (i = 1; i <= 4; i++) {
        keep(sp, i, NULL);
    }

    pass(sp, 1100);
    pass(sp, 1100);

    counting = false;

    if (count_files(dir, ".seg") == 1) {
        fd = open(found, O_WRONLY);
        (void) syscall(SYS_pwrite64, fd, "?", 1,
                       QOE_SEGMENT_HEADER + 2 * QOE_SEGMENT_RECORD + 300);
        close(fd);
        taken[2] = false;
        damaged = true;
    }

    counting = true;
    (void) read_one(sp);
    (void) read_one(sp);
    qoe_spool_destroy(sp);

    sp = spool_new(zone);
    pass(sp, 1100);
    replay(sp);
    finish(sp);
}


/* What is wrong after a life in which a call failed; NULL: nothing. */

static const char *
fault(int before)
{
    int       i;
    bool      twice;
    uint64_t  corrupt;

    for (i = 1; i <= RECORDS; i++) {
        if (taken[i] && seen[i] == 0) {
            return "a record is lost";
        }

        if (seen[i] > 2) {
            return "a record comes more than twice";
        }
    }

    /* a damaged record whose mark fails counts once more for the next helper */

    corrupt = counter(zone, QOE_DEST_DROPPED_CORRUPT);
    twice = damaged && failed && fail_call == PWRITE;

    if (counter(zone, QOE_DEST_DROPPED_LOST) != 0
        || corrupt < damaged || corrupt > damaged + (uint64_t) twice
        || counter(zone, QOE_DEST_DROPPED_SPOOL) != 0)
    {
        return "a record counts as lost";
    }

    if (spooled(zone) != 0 || entries(zone) != 0 || segments() != 0) {
        return "something is left";
    }

    if (qoe_spool_any_failing(zone)) {
        return "the spool still fails";
    }

    if (descriptors() != before) {
        return "a descriptor is open";
    }

    return NULL;
}


/* Each call of each kind fails in turn, with each error. */

static void
test_calls(void (*run)(void), int before, const char *what)
{
    int          n, wrong, all[NCALLS];
    call_t       call;
    const char  *why;

    static const int   errors[] = { EIO, ENOSPC, EMFILE };

    /* these may be tried again before anything is missed */
    static const bool  quiet[NCALLS] = {
        [FSYNC] = true, [OPENAT] = true, [MKDIRAT] = true, [FLOCK] = true
    };

    fail_at = 0;
    run();
    why = fault(before);
    memcpy(all, ncalls, sizeof(all));
    ok(why == NULL && !reported && seen[1] == 1 && seen[2] == 0
       && seen[3] == 1 && seen[4] == 1,
       "without a fault %s gives each record once%s%s", what,
       why ? ": " : "", why ? why : "");
    spool_zone_free(zone);

    for (call = 0; call < NCALLS; call++) {
        for (n = 1, wrong = 0; n <= all[call]; n++) {
            fail_call = call;
            fail_at = n;
            fail_errno = errors[n % 3];
            run();
            why = fault(before);

            if (why == NULL && failed && !reported && !quiet[call]) {
                why = "it is not reported";
            }

            if (why != NULL) {
                printf("# %s no. %d, %s: %s\n", call_name[call], fail_at,
                       strerror(fail_errno), why);
                wrong++;
            }

            spool_zone_free(zone);
        }

        if (all[call] != 0) {
            ok(wrong == 0, "any of %d calls of %s may fail once in %s",
               all[call], call_name[call], what);
        }
    }
}


int
main(void)
{
    int  before;

    self = qoe_proc_self();
    begin();
    before = descriptors();

    test_calls(life, before, "a spool");
    test_calls(damaged_life, before, "a damaged spool");

    clear(dir, false);

    return tap_end();
}
