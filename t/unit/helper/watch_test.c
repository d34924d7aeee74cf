
/*
 * Copyright (C) OpenQoE
 *
 * The watch of files of rosters: what makes it read one, and what it does when
 * there is none to read.  The clock is the test's.
 */


#ifndef _GNU_SOURCE
#define _GNU_SOURCE              /* syscall() */
#endif

#include "tap.h"
#include "qoe_watch.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <stdlib.h>
#include <unistd.h>


#define FILES  3


typedef struct {
    char                dir[64];
    char                path[FILES][96];
    qoe_roster_slot_t   slot[FILES];
    qoe_dimensions_t    dims;
    qoe_watch_t         watch;
    qoe_watch_found_t   found;           /* all that was found */
    uint64_t            now_ms;
    qoe_log_t           log;
    uint32_t            lines;
    char                last[512];
} place_t;


/* libqoe.a calls these functions instead of those of libc. */

static int     open_errno;                   /* open() fails so, until 0 */
static int     read_errno;                   /* read() fails so; -1: it ends */
static size_t  read_most;                    /* bytes a call; 0: all */


int
open(const char *path, int flags, ...)
{
    if (open_errno != 0) {
        errno = open_errno;
        return -1;
    }

    return (int) syscall(SYS_openat, AT_FDCWD, path, flags, 0);
}


ssize_t
read(int fd, void *p, size_t n)
{
    if (read_errno != 0) {
        errno = read_errno;
        return read_errno == -1 ? 0 : -1;
    }

    return syscall(SYS_read, fd, p, read_most ? qoe_min(n, read_most) : n);
}


static void
note(void *ctx, qoe_log_level_t level, const char *text, size_t len)
{
    place_t  *p = ctx;

    (void) level;

    p->lines++;
    (void) snprintf(p->last, sizeof(p->last), "%.*s", (int) len, text);
}


static void
put(const place_t *p, int i, const char *text)
{
    FILE  *f;
    char   fresh[128];

    (void) snprintf(fresh, sizeof(fresh), "%s.new", p->path[i]);
    f = fopen(fresh, "w");
    fputs(text, f);
    fclose(f);
    (void) rename(fresh, p->path[i]);
}


static void
place_init(place_t *p, int files)
{
    int            i;
    char           err[256], dir[] = "/tmp/openqoe-watch-XXXXXX";
    qoe_roster_t  *r;

    memset(p, 0, sizeof(place_t));
    (void) !mkdtemp(dir);
    strcpy(p->dir, dir);

    p->log.write = note;
    p->log.ctx = p;
    p->log.level = QOE_LOG_DEBUG;
    p->now_ms = 1000000;
    qoe_dimensions_init(&p->dims);

    for (i = 0; i < files; i++) {
        (void) snprintf(p->path[i], sizeof(p->path[i]), "%s/%d", dir, i);
        put(p, i, "first\n");

        (void) qoe_roster_make(&r, qoe_span("first\n"), 8, err, sizeof(err));
        p->slot[i].path = p->path[i];
        p->slot[i].maxlen = 8;
        p->slot[i].roster = r;
        p->dims.dim[i].roster = &p->slot[i];
    }

    /* as memory may be */
    memset(&p->watch, 0xff, sizeof(p->watch));
    qoe_watch_init(&p->watch, &p->dims, &p->log);
}


static void
place_free(place_t *p)
{
    int  i;

    for (i = 0; i < FILES; i++) {
        if (p->slot[i].roster != NULL) {
            (void) unlink(p->path[i]);
            qoe_roster_reap(&p->slot[i]);
            qoe_roster_free(p->slot[i].roster);
        }
    }

    (void) rmdir(p->dir);
}


/* A file that keeps its place, so that only its bytes and times change. */

static void
put_over(const place_t *p, int i, const char *text, time_t mtime)
{
    FILE            *f;
    struct timespec  times[2] = { { mtime, 0 }, { mtime, 7 } };

    f = fopen(p->path[i], "r+");
    fputs(text, f);
    fclose(f);
    (void) truncate(p->path[i], (off_t) strlen(text));
    (void) utimensat(AT_FDCWD, p->path[i], times, 0);
}


/* Runs the watch for so long, in turns of 100 ms. */

static void
pass(place_t *p, uint64_t ms)
{
    uint64_t           until;
    qoe_watch_found_t  found;

    for (until = p->now_ms + ms; p->now_ms < until; p->now_ms += 100) {
        qoe_watch_run(&p->watch, p->now_ms, &found);
        p->found.read += found.read;
        p->found.failed += found.failed;
    }
}


static bool
has(place_t *p, int i, const char *value)
{
    return qoe_roster_has(&p->slot[i], qoe_span_str(value));
}


static void
test_change(void)
{
    place_t  p;

    place_init(&p, 1);
    pass(&p, 5000);
    ok(p.found.read == 1 && p.found.failed == 0 && has(&p, 0, "first"),
       "a file that the configuration did not read as it is now is read once");

    put(&p, 0, "second\nthird\n");
    pass(&p, 2100);
    ok(p.found.read == 2 && has(&p, 0, "second") && has(&p, 0, "third")
       && !has(&p, 0, "first") && qoe_roster_version(&p.slot[0]) == 2,
       "a file that has changed is read within two seconds");

    pass(&p, 10000);
    ok(p.found.read == 2 && p.lines == 2,
       "a file that stays is not read again, and nothing is logged");
    ok(qoe_watch_due_ms(&p.watch) > p.now_ms
       && qoe_watch_due_ms(&p.watch) <= p.now_ms + QOE_WATCH_MS,
       "the next look is within a second");

    place_free(&p);
}


static void
test_writer(void)
{
    int      i;
    char     text[32];
    place_t  p;

    place_init(&p, 1);
    pass(&p, 3000);

    for (i = 0; i < 10; i++) {
        (void) snprintf(text, sizeof(text), "v%d\n", i);
        put(&p, 0, text);
        pass(&p, 1000);
    }

    ok(p.found.read == 1 && has(&p, 0, "first"),
       "a file that changes all the time is not read");

    pass(&p, 1100);
    ok(p.found.read == 2 && has(&p, 0, "v9"),
       "when it rests it is read");

    place_free(&p);
}


static void
test_missing(void)
{
    place_t  p;

    place_init(&p, 1);
    pass(&p, 3000);
    p.lines = 0;

    (void) unlink(p.path[0]);
    pass(&p, 30000);
    ok(has(&p, 0, "first") && p.found.failed >= 29 && p.found.failed <= 31
       && p.lines == 1 && strstr(p.last, "stat() failed (2)") != NULL
       && strstr(p.last, "the last good one stays, with 1 values") != NULL,
       "without the file the last roster stays; each look counts, and one line "
       "says so: %s", p.last);

    pass(&p, 60000);
    ok(p.lines == 2, "a minute later there is another line");

    put(&p, 0, "back\n");
    pass(&p, 2100);
    ok(has(&p, 0, "back") && p.found.read == 2, "a new file is read");

    place_free(&p);
}


static void
test_wrong(void)
{
    place_t  p;

    place_init(&p, 1);
    pass(&p, 3000);
    p.lines = 0;

    put(&p, 0, "good\nmuch too long\n");
    pass(&p, 10000);
    ok(has(&p, 0, "first") && !has(&p, 0, "good") && p.found.read == 1
       && p.found.failed >= 8 && p.found.failed <= 10 && p.lines == 1
       && strstr(p.last, "line 2 is longer than \"maxlen=\"") != NULL,
       "of a wrong file nothing is taken, each look counts, and one line says "
       "why: %s", p.last);

    put(&p, 0, "also\nwrong\001\n");
    pass(&p, 3000);
    ok(p.lines == 2 && strstr(p.last, "line 2 has a control") != NULL,
       "another fault is logged at once");

    put(&p, 0, "");
    pass(&p, 3000);
    ok(has(&p, 0, "first") && strstr(p.last, "there is no value") != NULL,
       "an empty file takes nothing away");

    (void) unlink(p.path[0]);
    (void) mkfifo(p.path[0], 0600);
    pass(&p, 3000);
    ok(has(&p, 0, "first") && strstr(p.last, "not a regular file") != NULL,
       "a pipe does not hold the watch up");

    (void) unlink(p.path[0]);
    put(&p, 0, "a\n");
    (void) !truncate(p.path[0], QOE_ROSTER_BYTES + 1);
    pass(&p, 3000);
    ok(has(&p, 0, "first") && strstr(p.last, "is larger than 8388608 bytes"),
       "a file that is too large is not read");

    put(&p, 0, "good\n");
    pass(&p, 2100);
    ok(has(&p, 0, "good") && p.found.read == 2,
       "a good file is read after all of them");

    place_free(&p);
}


/* A file that cannot be read for a while, and does not change meanwhile. */

static void
test_unreadable(void)
{
    int          i;
    uint32_t     failed;
    place_t      p;

    static const struct {
        int          open_errno, read_errno;
        const char  *text;
    } rows[] = {
        { EMFILE, 0, "open() failed (24)" },
        { EACCES, 0, "open() failed (13)" },
        { 0, EIO, "read() failed (5)" },
        { 0, -1, "it ends early" }
    };

    for (i = 0; i < 4; i++) {
        place_init(&p, 1);
        pass(&p, 3000);
        p.lines = 0;

        put(&p, 0, "second\n");
        open_errno = rows[i].open_errno;
        read_errno = rows[i].read_errno;
        pass(&p, 10000);
        failed = p.found.failed;
        open_errno = read_errno = 0;

        ok(has(&p, 0, "first") && p.found.read == 1 && failed >= 8
           && failed <= 10 && p.lines == 1
           && strstr(p.last, rows[i].text) != NULL,
           "without a file that can be read the last list stays, each look "
           "counts, and one line says why: %s", p.last);

        pass(&p, 1100);
        ok(has(&p, 0, "second") && p.found.read == 2
           && p.found.failed == failed,
           "the file is read within a second once it can be, though it has not "
           "changed");
        place_free(&p);
    }

    place_init(&p, 1);
    put(&p, 0, "one\nother\n");
    read_most = 3;
    pass(&p, 3000);
    read_most = 0;
    ok(has(&p, 0, "one") && has(&p, 0, "other") && p.found.read == 1,
       "a file that comes in parts is read whole");
    place_free(&p);
}


/* What shows that a file is another one: each sign by itself. */

static void
test_signs(void)
{
    uint32_t     seen;
    place_t      p;
    struct stat  st;

    place_init(&p, 1);
    put_over(&p, 0, "aa\n", 1000);
    pass(&p, 3000);
    ok(has(&p, 0, "aa") && p.found.read == 1, "the list is read");

    put_over(&p, 0, "bb\n", 1001);
    pass(&p, 2100);
    ok(has(&p, 0, "bb") && p.found.read == 2,
       "a file that has only another time is read");
    put_over(&p, 0, "bbb\n", 1001);
    pass(&p, 2100);
    ok(has(&p, 0, "bbb") && p.found.read == 3,
       "a file that has only another size is read");

    (void) stat(p.path[0], &st);
    put(&p, 0, "ccc\n");
    put_over(&p, 0, "ccc\n", 1001);
    seen = p.found.read;
    pass(&p, 2100);
    ok(has(&p, 0, "ccc") && p.found.read == seen + 1,
       "a file that is only another one of that path is read");

    place_free(&p);
}


/* A worker reads the list before the last one, for as long as it likes. */

static void
test_in_use(void)
{
    int                  i;
    char                 text[32];
    place_t              p;
    uint32_t             found;
    struct mallinfo2     before, after;
    const qoe_roster_t  *r;

    place_init(&p, 1);
    pass(&p, 3000);

    r = qoe_roster_enter(&p.slot[0]);
    put(&p, 0, "second\n");
    pass(&p, 2100);
    found = p.found.read;
    before = mallinfo2();

    for (i = 0; i < 3; i++) {
        (void) snprintf(text, sizeof(text), "third%d\n", i);
        put(&p, 0, text);
        pass(&p, 5000);
    }

    after = mallinfo2();
    ok(found == 2 && p.found.read == 2 && p.found.failed == 0
       && has(&p, 0, "second") && !has(&p, 0, "third2")
       && qoe_roster_count(r) == 1,
       "while a worker still reads the list before the last one, no other "
       "list is taken, which is no fault of the file");
    ok(after.uordblks <= before.uordblks,
       "lists that were read in vain leave no memory behind (%zu bytes)",
       after.uordblks - qoe_min(before.uordblks, after.uordblks));

    qoe_roster_leave(&p.slot[0]);
    pass(&p, 1100);
    ok(p.found.read == 3 && has(&p, 0, "third2") && !has(&p, 0, "second"),
       "when that worker is done, the list is read within a second");

    place_free(&p);
}


static void
test_several(void)
{
    int                i;
    place_t            p;
    uint32_t           most;
    qoe_watch_found_t  found;

    place_init(&p, FILES);
    pass(&p, 5000);
    ok(p.found.read == FILES, "each file is read");

    for (i = 0; i < FILES; i++) {
        put(&p, i, "all\n");
    }

    for (i = 0, most = 0; i < 30; i++, p.now_ms += 100) {
        qoe_watch_run(&p.watch, p.now_ms, &found);
        most = qoe_max(most, found.read);
    }

    ok(most == 1 && has(&p, 0, "all") && has(&p, 1, "all")
       && has(&p, 2, "all"),
       "files that change together are read in several turns");

    (void) unlink(p.path[1]);
    put(&p, 2, "last\n");
    p.found.failed = 0;
    pass(&p, 3000);
    ok(has(&p, 1, "all") && has(&p, 2, "last"),
       "a missing file does not keep the others from being read");
    ok(p.found.failed >= 3 && p.found.failed <= 5,
       "nor does it cause more looks than one a second: %u", p.found.failed);

    place_free(&p);
}


static void
test_none(void)
{
    place_t  p;

    place_init(&p, 0);
    pass(&p, 3000);
    ok(qoe_watch_due_ms(&p.watch) == UINT64_MAX && p.found.read == 0,
       "without a file there is nothing to wake up for");
    place_free(&p);
}


int
main(void)
{
    test_change();
    test_writer();
    test_missing();
    test_wrong();
    test_unreadable();
    test_signs();
    test_in_use();
    test_several();
    test_none();

    return tap_end();
}
