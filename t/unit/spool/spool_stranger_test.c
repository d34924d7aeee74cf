
/*
 * Copyright (C) OpenQoE
 *
 * Any file in the spool's directories under the name of a segment is passed
 * over, counted and reported once, and never stops the spool.
 */


#include "spool_unit.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>


#define NOBODY         65534
#define MANY           128
#define LOOKS          12                    /* of 6 s each */


typedef struct {
    const char  *what;
    int        (*make)(const char *path);
    int          strangers;                  /* counted */
    int          damaged;
} stranger_t;


static qoe_proc_t  self;
static char        home[PATH_MAX];           /* DIR/INSTANCE/A */


static int
make_link(const char *path)
{
    return symlink("/etc/passwd", path);
}


static int
make_dangling(const char *path)
{
    return symlink("nowhere", path);
}


static int
make_fifo(const char *path)
{
    return mkfifo(path, 0600);
}


static int
make_dir(const char *path)
{
    char  name[PATH_MAX + 8];

    snprintf(name, sizeof(name), "%s/x", path);

    return mkdir(path, 0700) == -1 ? -1 : mkdir(name, 0700);
}


static int
make_socket(const char *path)
{
    int                 rc, fd, at;
    char               *name;
    struct sockaddr_un  sun;

    /* The whole path may be too long for a socket's address. */

    name = strrchr(path, '/') + 1;
    memset(&sun, 0, sizeof(sun));
    sun.sun_family = AF_UNIX;
    snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", name);

    at = open(".", O_RDONLY|O_DIRECTORY);
    name[-1] = '\0';
    rc = chdir(path);
    name[-1] = '/';

    fd = socket(AF_UNIX, SOCK_STREAM, 0);

    if (rc == 0) {
        rc = bind(fd, (struct sockaddr *) &sun, sizeof(sun));
    }

    close(fd);

    return fchdir(at) == -1 || close(at) == -1 ? -1 : rc;
}


static int
make_file(const char *path, const char *text, off_t size)
{
    int  fd;

    fd = open(path, O_WRONLY|O_CREAT|O_EXCL, 0600);

    return fd == -1
           || write(fd, text, strlen(text)) != (ssize_t) strlen(text)
           || ftruncate(fd, size) == -1 || close(fd) == -1 ? -1 : 0;
}


static int
make_huge(const char *path)
{
    return make_file(path, "huge", (off_t) 4 * 1024 * 1024 * 1024);
}


static int
make_empty(const char *path)
{
    return make_file(path, "", 0);
}


static int
make_zeroes(const char *path)
{
    return make_file(path, "", 8192);
}


static int
make_garbage(const char *path)
{
    return make_file(path, "this is no segment, and no record is in it", 42);
}


static const stranger_t  strangers[] = {
    { "a link",                 make_link,     1, 0 },
    { "a link to nothing",      make_dangling, 1, 0 },
    { "a FIFO",                 make_fifo,     1, 0 },
    { "a directory",            make_dir,      1, 0 },
    { "a socket",               make_socket,   1, 0 },
    { "a file of 4 GB",         make_huge,     1, 0 },
    { "an empty file",          make_empty,    0, 0 },
    { "a file of zeroes",       make_zeroes,   0, 0 },
    { "a file of other bytes",  make_garbage,  0, 1 }
};


/* A record waits in a finished segment, and its helper has exited. */

static qoe_zone_t *
one_waits(void)
{
    qoe_zone_t   *zone;
    qoe_spool_t  *sp;

    begin();
    zone = spool_zone();
    sp = spool_new(zone);

    if (append(sp, 1, 100, 1, NULL) != QOE_OK) {
        abort();
    }

    qoe_spool_destroy(sp);

    if (segments() != 1) {
        abort();
    }

    strcpy(home, found);
    *strrchr(home, '/') = '\0';

    return zone;
}


static void
put_in(const char *parent, const char *name, int (*make)(const char *path))
{
    char  path[PATH_MAX + 64];

    snprintf(path, sizeof(path), "%s/%s", parent, name);

    if (make(path) == -1) {
        printf("# %s: %s\n", path, strerror(errno));
        abort();
    }
}


/* The last owner of the lane has stored a record, and not synced it. */

static void
unsynced(qoe_zone_t *zone)
{
    uint64_t      pos;
    qoe_counts_t  n;

    (void) qoe_lane_dests(zone, 0);
    put(zone, 0, 1);
    qoe_mark_get(&qoe_zone_lane(zone, 0)->tail, &pos, &n);
    qoe_lane_dest_stored(zone, 0, 0, pos, qoe_events(1));
    (void) qoe_lane_dests(zone, 0);
}


/*
 * The next helper, which has to make durable what the last one left, goes on
 * as if there were nothing but segments, with the record `first` in one of
 * them.
 */

static bool
works(qoe_zone_t *zone, int first)
{
    int           i;
    bool          well;
    qoe_spool_t  *sp;

    unsynced(zone);
    sp = spool_new(zone);
    well = qoe_spool_sync(sp) == QOE_OK;
    pass(sp, 0);

    well &= append(sp, first + 1, 100, 1, NULL) == QOE_OK
            && qoe_spool_sync(sp) == QOE_OK && !qoe_spool_failing(sp);
    pass(sp, 1500);

    well &= next(sp) == first && next(sp) == first + 1;

    for (i = 0; i < LOOKS; i++) {
        pass(sp, 6000);
        well &= qoe_spool_sync(sp) == QOE_OK && !qoe_spool_failing(sp)
                && next(sp) == -2;
    }

    well &= append(sp, first + 2, 100, 1, NULL) == QOE_OK;
    qoe_spool_destroy(sp);

    return well && !qoe_spool_any_failing(zone) && entries(zone) == 1
           && counter(zone, QOE_DEST_SPOOL_ERRORS) == 0;
}


static void
check_names(const stranger_t *s, qoe_zone_t *zone, int n)
{
    int   bad;
    char  path[PATH_MAX + 16];

    ok(counter(zone, QOE_DEST_SPOOL_STRANGERS)
       == (uint64_t) (n * s->strangers)
       && counter(zone, QOE_DEST_SEGMENTS_DAMAGED)
          == (uint64_t) (n * s->damaged)
       && counter(zone, QOE_DEST_DROPPED_LOST) == 0
       && counter(zone, QOE_DEST_DROPPED_CORRUPT) == 0,
       "%s is counted once, and as what it is", s->what);

    /* count_files() looks into directories, and counts none. */

    bad = (s->make == make_dir) ? 0 : n * (s->strangers + s->damaged);
    ok(segments() == 1 && count_files(dir, ".bad") == bad,
       "%s has lost the name of a segment", s->what);

    if (s->make == make_dir) {
        return;
    }

    snprintf(path, sizeof(path), "%s/quarantine", dir);
    ok(count_files(path, ".bad") == (s->make == make_huge ? 0 : bad),
       "%s is %s", s->what, s->make == make_huge
       ? "too large for the quarantine, and stays where it is"
       : "in the quarantine");
}


static void
test_own(const stranger_t *s)
{
    qoe_zone_t  *zone;

    zone = one_waits();
    conf.quarantine_size = 64 * 1024;

    put_in(home, "0000000000000001.seg", s->make);
    put_in(home, "ffffffffffffff00.open", s->make);

    ok(works(zone, 1) && works(zone, 3),
       "%s in the spool's directory stops neither this helper nor the next",
       s->what);
    check_names(s, zone, 2);

    spool_zone_free(zone);
}


/* In place of a segment that the zone knows of, whose records are lost. */

static void
test_replaced(const stranger_t *s)
{
    uint64_t      lost;
    qoe_zone_t   *zone;
    qoe_spool_t  *sp;

    zone = one_waits();
    unlink(found);
    put_in(home, strrchr(found, '/') + 1, s->make);

    unsynced(zone);
    sp = spool_new(zone);

    ok(qoe_spool_sync(sp) == QOE_OK && append(sp, 2, 100, 1, NULL) == QOE_OK
       && qoe_spool_sync(sp) == QOE_OK && !qoe_spool_failing(sp),
       "%s in place of a segment stops no write", s->what);

    pass(sp, 1500);
    lost = next(sp) == 2 && next(sp) == -2
           ? counter(zone, QOE_DEST_DROPPED_LOST)
             + counter(zone, QOE_DEST_DROPPED_CORRUPT) : 0;
    ok(lost == 1 && entries(zone) == 0 && spooled(zone) == 0
       && segments() == 0,
       "%s in place of a segment costs only what was in that segment", s->what);

    qoe_spool_destroy(sp);
    spool_zone_free(zone);
}


/* Beside the segment of an instance that is dead. */

static void
test_adopted(const stranger_t *s)
{
    qoe_zone_t  *zone;

    zone = one_waits();
    put_in(home, "0000000000000001.seg", s->make);
    put_in(home, "ffffffffffffff00.seg", s->make);
    spool_zone_free(zone);

    zone = spool_zone();
    ok(works(zone, 1) && counter(zone, QOE_DEST_RECOVERED) == 1,
       "%s stops no adoption", s->what);
    check_names(s, zone, 2);

    spool_zone_free(zone);
}


/*
 * In place of an instance's directory, its lock, and an exporter's directory
 * in it.
 */

static void
test_instance(const stranger_t *s)
{
    char         path[PATH_MAX + 64];
    qoe_zone_t  *zone;
    const char  *id[] = {
        "00000000-0000-4000-8000-000000000001",
        "00000000-0000-4000-8000-000000000002",
        "00000000-0000-4000-8000-000000000003"
    };

    zone = one_waits();
    put_in(dir, id[0], s->make);

    snprintf(path, sizeof(path), "%s/%s", dir, id[1]);
    mkdir(path, 0700);
    put_in(path, "lock", s->make);

    snprintf(path, sizeof(path), "%s/%s", dir, id[2]);
    mkdir(path, 0700);
    put_in(path, "A", s->make);
    put_in(dir, "quarantine", s->make);

    ok(works(zone, 1) && works(zone, 3),
       "%s in place of directories stops nothing", s->what);
    ok(counter(zone, QOE_DEST_SPOOL_STRANGERS) <= 2 * 3,
       "%s in place of directories is reported once by a helper", s->what);

    spool_zone_free(zone);
}


/*
 * Files whose names are not those of segments belong to whoever put them
 * there.
 */

static void
test_names(void)
{
    char            path[PATH_MAX + 64];
    size_t          i;
    qoe_zone_t     *zone;
    struct stat     st;
    static const char  *names[] = {
        "x.seg", ".seg", "0000000000000000.seg", "ffffffffffffffff.seg",
        "00000000000000AA.seg", "0000000000000001.seg.open", "README",
        "0000000000000001", "\n\001.open"
    };

    zone = one_waits();

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        put_in(home, names[i], make_fifo);
    }

    ok(works(zone, 1) && works(zone, 3)
       && counter(zone, QOE_DEST_SPOOL_STRANGERS) == 0,
       "files whose names no segment has are not looked at");

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", home, names[i]);

        if (lstat(path, &st) == -1) {
            break;
        }
    }

    ok(i == sizeof(names) / sizeof(names[0]),
       "files whose names no segment has stay as they are");

    spool_zone_free(zone);
}


/* Many strangers, and the spool may not drop anything for them. */

static void
test_many(void)
{
    int          i;
    char         name[32];
    qoe_zone_t  *zone;

    zone = one_waits();
    conf.reject = true;

    for (i = 1; i <= 2 * MANY; i++) {
        snprintf(name, sizeof(name), "%016x.seg", i);
        put_in(home, name, i % 2 ? make_garbage : make_link);
    }

    ok(works(zone, 1),
       "many strangers are no reason to refuse events");
    ok(counter(zone, QOE_DEST_SPOOL_STRANGERS) == MANY
       && counter(zone, QOE_DEST_SEGMENTS_DAMAGED) == MANY,
       "many strangers are counted, each of them");

    spool_zone_free(zone);
}


/* As the user of the workers, with files that this user cannot open. */

static int
as_nobody(qoe_zone_t *zone)
{
    if (getuid() == 0 && (setgid(NOBODY) == -1 || setuid(NOBODY) == -1)) {
        return 1;
    }

    self = qoe_proc_self();

    return works(zone, 1) && works(zone, 3) ? 0 : 2;
}


static int
make_unreadable(const char *path)
{
    return make_file(path, "", 100) == -1 ? -1 : chmod(path, 0);
}


static int
own_tree(void)
{
    char  cmd[PATH_MAX + 64];

    snprintf(cmd, sizeof(cmd), "chown -R %d:%d '%s'", NOBODY, NOBODY, dir);

    return getuid() == 0 ? system(cmd) : 0;
}


static void
test_permission(void)
{
    int          rc;
    pid_t        pid;
    qoe_zone_t  *zone;

    zone = one_waits();

    if (own_tree() != 0) {
        abort();
    }

    put_in(home, "0000000000000001.seg", make_unreadable);
    put_in(home, "ffffffffffffff00.seg", make_unreadable);

    if (getuid() == 0) {
        put_in(home, "ffffffffffffff01.seg", make_dir);
    }

    fflush(stdout);
    pid = fork();

    if (pid == 0) {
        _exit(as_nobody(zone));
    }

    ok(waitpid(pid, &rc, 0) == pid && rc == 0,
       "files that the workers may not open stop nothing (%x)", rc);
    ok(counter(zone, QOE_DEST_SPOOL_STRANGERS)
       == (getuid() == 0 ? 3 : 2) && count_files(dir, ".bad") == 2,
       "files that the workers may not open are set aside");

    spool_zone_free(zone);
}


/* The spool's directory is new, and the workers may not read its parent. */

static int
below_closed(qoe_zone_t *zone)
{
    qoe_spool_t  *sp;

    if (getuid() == 0 && (setgid(NOBODY) == -1 || setuid(NOBODY) == -1)) {
        return 1;
    }

    self = qoe_proc_self();
    sp = spool_new(zone);

    return append(sp, 1, 100, 1, NULL) == QOE_OK
           && qoe_spool_sync(sp) == QOE_OK && !qoe_spool_failing(sp) ? 0 : 2;
}


static void
test_parent(void)
{
    int          rc;
    char         path[PATH_MAX + 8];
    pid_t        pid;
    qoe_zone_t  *zone;

    begin();
    zone = spool_zone();
    snprintf(path, sizeof(path), "%s/sub", dir);
    mkdir(path, 0700);

    if (own_tree() != 0 || (getuid() == 0 && chown(dir, 0, 0) == -1)
        || chmod(dir, 0711) == -1)
    {
        abort();
    }

    conf.dir = qoe_span_str(path);
    fflush(stdout);
    pid = fork();

    if (pid == 0) {
        _exit(below_closed(zone));
    }

    rc = waitpid(pid, &rc, 0) == pid ? rc : -1;
    ok(rc == 0,
       "a directory whose parent the workers may not read is synced all the "
       "same (%x)", rc);

    chmod(dir, 0700);
    spool_zone_free(zone);
}


int
main(void)
{
    size_t  i;

    self = qoe_proc_self();

    for (i = 0; i < sizeof(strangers) / sizeof(strangers[0]); i++) {
        test_own(&strangers[i]);
        test_replaced(&strangers[i]);
        test_adopted(&strangers[i]);
        test_instance(&strangers[i]);
    }

    test_names();
    test_many();
    test_permission();
    test_parent();

    clear(dir, false);

    return tap_end();
}
