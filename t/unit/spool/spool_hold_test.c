
/*
 * Copyright (C) OpenQoE
 *
 * What holds a spool up for a while: an instance that another process locks,
 * descriptors that have run out, a disk that takes nothing.  It goes on
 * afterwards, nothing is lost, and no descriptor is left open.
 */


#include "spool_unit.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>


#define NOBODY  65534
#define OTHER   65533


/* The lock of the instance, which has a segment of one record. */

static int
locked_instance(qoe_zone_t *zone)
{
    int           fd;
    qoe_spool_t  *sp;

    sp = spool_new(zone);

    if (append(sp, 1, 100, 1, NULL) != QOE_OK) {
        abort();
    }

    qoe_spool_destroy(sp);

    if (count_files(dir, "/lock") != 1) {
        abort();
    }

    fd = open(found, O_RDWR|O_CLOEXEC);

    if (fd == -1 || flock(fd, LOCK_EX|LOCK_NB) == -1) {
        abort();
    }

    return fd;
}


static void *
unlock_soon(void *data)
{
    usleep(20000);
    flock(*(int *) data, LOCK_UN);

    return data;
}


/*
 * A lock that is given up while the spool waits for it.  A busy machine may
 * give it up too late, which another round makes up for.
 */

static bool
waited_for(void)
{
    int           fd;
    bool          good;
    pthread_t     thread;
    qoe_zone_t   *zone;
    qoe_spool_t  *sp;

    begin();
    zone = spool_zone();
    fd = locked_instance(zone);

    pthread_create(&thread, NULL, unlock_soon, &fd);
    sp = spool_new(zone);
    good = append(sp, 2, 100, 1, NULL) == QOE_OK && !qoe_spool_failing(sp)
           && counter(zone, QOE_DEST_SPOOL_ERRORS) == 0;

    pthread_join(thread, NULL);
    qoe_spool_destroy(sp);
    close(fd);
    spool_zone_free(zone);

    return good;
}


static void
test_locked(void)
{
    int           i, fd;
    qoe_zone_t   *zone;
    qoe_spool_t  *sp;

    for (i = 0; i < 20 && !waited_for(); i++) { /* void */ }

    ok(i < 20,
       "an instance that another process locks for a moment is waited for");

    begin();
    zone = spool_zone();
    fd = locked_instance(zone);

    sp = qoe_spool_create(&conf, zone, 0, qoe_span("A"), &test_log);
    (void) qoe_spool_take(sp, 0);
    ok(append(sp, 2, 100, 1, NULL) != QOE_OK && qoe_spool_failing(sp)
       && counter(zone, QOE_DEST_SPOOL_ERRORS) != 0,
       "one that stays locked is an error");

    flock(fd, LOCK_UN);
    pass(sp, 2000);
    ok(append(sp, 2, 100, 1, NULL) == QOE_OK && !qoe_spool_failing(sp),
       "after which the spool works again");
    qoe_spool_destroy(sp);
    close(fd);

    sp = spool_new(zone);
    pass(sp, 1500);
    ok(next(sp) == 1 && next(sp) == 2 && next(sp) == -2,
       "and has all that was stored");
    qoe_spool_destroy(sp);
    spool_zone_free(zone);
}


static void
test_descriptors(void)
{
    int               i;
    qoe_zone_t       *zone;
    qoe_spool_t      *sp;
    qoe_status_t      rc;
    struct rlimit     old, none;
    qoe_spool_item_t  item;

    begin();
    zone = spool_zone();

    for (i = 1; i <= 3; i++) {
        sp = spool_new(zone);
        (void) append(sp, i, 100, 1, NULL);
        qoe_spool_destroy(sp);
    }

    sp = spool_new(zone);
    pass(sp, 0);

    getrlimit(RLIMIT_NOFILE, &old);
    none = old;
    none.rlim_cur = 0;
    setrlimit(RLIMIT_NOFILE, &none);
    rc = qoe_spool_next(sp, now(), &item);
    setrlimit(RLIMIT_NOFILE, &old);

    ok(rc == QOE_AGAIN && counter(zone, QOE_DEST_DROPPED_LOST) == 0
       && counter(zone, QOE_DEST_DROPPED_CORRUPT) == 0 && spooled(zone) == 3,
       "without descriptors no segment is read, and none is given up");

    pass(sp, 2000);
    ok(next(sp) == 1 && next(sp) == 2 && next(sp) == 3 && next(sp) == -2,
       "once there are some all are read");
    qoe_spool_destroy(sp);
    spool_zone_free(zone);
}


/* Sets how large a file may become: none, or any. */

static void
disk(bool works)
{
    struct rlimit  limit;

    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = works ? limit.rlim_max : 0;
    setrlimit(RLIMIT_FSIZE, &limit);
}


static void
test_no_disk(void)
{
    int           i, before, wrong;
    qoe_zone_t   *zone;
    qoe_spool_t  *sp;

    begin();
    zone = spool_zone();
    signal(SIGXFSZ, SIG_IGN);

    sp = spool_new(zone);
    (void) append(sp, 1, 100, 1, NULL);
    qoe_spool_destroy(sp);

    sp = spool_new(zone);
    pass(sp, 0);
    before = descriptors();
    wrong = 0;

    disk(false);

    for (i = 0; i < 5; i++) {
        wrong += append(sp, 2, 100, 1, NULL) == QOE_OK;
        pass(sp, 2000);
    }

    disk(true);

    ok(wrong == 0 && descriptors() <= before + 1
       && count_files(dir, ".open") == 0,
       "a disk that takes nothing is asked again, and leaves neither open "
       "descriptors nor files");

    pass(sp, 2000);
    ok(append(sp, 2, 100, 1, NULL) == QOE_OK && !qoe_spool_failing(sp),
       "a disk that works again is used");
    qoe_spool_destroy(sp);
    spool_zone_free(zone);
}


/* Records that were delivered, and cannot be marked as done. */

static void
test_no_marks(void)
{
    qoe_zone_t       *zone;
    qoe_spool_t      *sp;
    qoe_spool_ref_t  *ref;
    qoe_spool_item_t  item;

    begin();
    zone = spool_zone();
    sp = spool_new(zone);

    ok(append(sp, 1, 100, 7, &ref) == QOE_OK && spooled(zone) == 7,
       "a record is stored");
    disk(false);
    logged[0] = '\0';
    qoe_spool_done(sp, ref);
    disk(true);
    ok(counter(zone, QOE_DEST_SPOOL_ERRORS) == 1 && !qoe_spool_failing(sp)
       && strstr(logged, "cannot mark a record as done in") != NULL
       && strstr(logged, "File too large") != NULL && spooled(zone) == 0,
       "a mark that cannot be written is reported, and the record is done");
    ok(append(sp, 2, 100, 1, NULL) == QOE_OK, "and the spool goes on");
    qoe_spool_destroy(sp);

    /* the counts of the zone survive, the mark was to be in the file */

    sp = spool_new(zone);
    pass(sp, 1500);
    ok(qoe_spool_next(sp, now(), &item) == QOE_OK && number_of(&item) == 1,
       "a new helper delivers the record once more");
    disk(false);
    logged[0] = '\0';
    qoe_spool_next_done(sp);
    disk(true);
    ok(counter(zone, QOE_DEST_SPOOL_ERRORS) == 2
       && strstr(logged, "cannot mark a record as done in") != NULL
       && !qoe_spool_failing(sp),
       "a mark that it cannot write is reported as well");
    ok(next(sp) == 2 && next(sp) == -2 && spooled(zone) == 0
       && segments() == 0, "which stops nothing");
    qoe_spool_destroy(sp);
    spool_zone_free(zone);
}


/* Gives path and all that is below it to a user. */

static void
give_to(const char *path, uid_t user)
{
    DIR            *d;
    char            name[PATH_MAX];
    struct dirent  *e;

    if (lchown(path, user, (gid_t) -1) == -1) {
        abort();
    }

    d = opendir(path);

    while (d != NULL && (e = readdir(d)) != NULL) {
        if (e->d_name[0] != '.'
            && snprintf(name, sizeof(name), "%s/%s", path, e->d_name)
               < (int) sizeof(name))
        {
            give_to(name, user);
        }
    }

    if (d != NULL) {
        closedir(d);
    }
}


static void
become(uid_t user)
{
    if (seteuid(user) == -1) {
        abort();
    }
}


/*
 * A directory that the workers may not use any more: the master has given it to
 * the next workers, or an operator has made a mistake.
 */

static void
test_given(void)
{
    int           i;
    char          home[PATH_MAX];
    qoe_zone_t   *zone;
    qoe_spool_t  *sp;

    if (geteuid() != 0) {
        ok(1, "directories of other users # SKIP only root can make them");
        return;
    }

    for (i = 0; i < 2; i++) {
        begin();
        give_to(dir, NOBODY);
        zone = spool_zone();

        become(NOBODY);
        sp = spool_new(zone);

        if (append(sp, 1, 100, 1, NULL) != QOE_OK || segments() != 1) {
            abort();
        }

        snprintf(home, sizeof(home), "%s", found);
        *strrchr(home, '/') = '\0';          /* the lane's */

        become(0);
        chmod(home, i == 0 ? 0700 : 0);

        if (i == 0) {
            give_to(dir, OTHER);
        }

        become(NOBODY);
        logged[0] = '\0';
        pass(sp, 1500);                      /* the segment is finished */
        (void) append(sp, 2, 100, 1, NULL);
        become(0);

        ok(i == 0 ? strstr(logged, "was given to another user") != NULL
                    && counter(zone, QOE_DEST_SPOOL_ERRORS) == 0
                  : strstr(logged, "Permission denied") != NULL
                    && counter(zone, QOE_DEST_SPOOL_ERRORS) != 0,
           i == 0 ? "that the directory was given to the next workers is no "
                    "error"
                  : "a directory that is closed to its owner is one");

        chmod(home, 0700);
        qoe_spool_destroy(sp);
        spool_zone_free(zone);
    }
}


int
main(void)
{
    int  before;

    before = descriptors();

    test_locked();
    test_descriptors();
    test_no_disk();
    test_no_marks();
    test_given();

    ok(descriptors() == before, "no descriptor is left open");

    clear(dir, false);

    return tap_end();
}
