
/*
 * Copyright (C) OpenQoE
 *
 * Directories of the spool, the lock of its instance, and files by their ids.
 */


#ifndef _GNU_SOURCE
#define _GNU_SOURCE              /* renameat2() */
#endif

#include "qoe_spool_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>


#define QOE_SPOOL_DIR_MODE     0700
#define QOE_SPOOL_FILE_MODE    0600

/* a helper that adopts a dead instance holds its lock for a moment */
#define QOE_SPOOL_LOCK_TRIES   20
#define QOE_SPOOL_LOCK_NS      5000000


/* musl before 1.2.6 has no renameat2(), and no flag of it in stdio.h */
#ifdef __GLIBC__
#define qoe_renameat2(from, name, to, to_name, flags)                         \
    renameat2(from, name, to, to_name, flags)
#else
#define qoe_renameat2(from, name, to, to_name, flags)                         \
    syscall(SYS_renameat2, from, name, to, to_name, flags)
#endif

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE       1
#endif


static int qoe_spool_dir_owner(int fd, uid_t *owner);
static int qoe_spool_base_open(qoe_spool_t *sp);
static int qoe_spool_base_sync(const qoe_spool_t *sp);


int
qoe_spool_dirs_open(qoe_spool_t *sp)
{
    int  err, tries;

    if (sp->name_fd != -1) {
        return 0;
    }

    err = qoe_spool_base_open(sp);

    /* a helper that adopts a dead instance removes its empty directory */

    for (tries = 0; err == 0 && tries < QOE_SPOOL_LOCK_TRIES; tries++) {

        err = qoe_spool_dir_make(sp->base_fd, sp->instance, &sp->instance_fd);
        if (err != 0) {
            break;
        }

        err = qoe_spool_dir_lock(sp->instance_fd, false, &sp->lock_fd);

        if (err == 0) {
            err = qoe_spool_dir_make(sp->instance_fd, sp->name, &sp->name_fd);

            if (err == 0) {
                err = qoe_spool_dir_owner(sp->name_fd, &sp->owner);
            }

            break;
        }

        qoe_spool_fd_close(&sp->instance_fd);

        if (err == EWOULDBLOCK || err == ENOENT || err == ESTALE) {
            struct timespec  ts = { 0, QOE_SPOOL_LOCK_NS };

            nanosleep(&ts, NULL);
            err = (tries + 1 < QOE_SPOOL_LOCK_TRIES) ? 0 : EBUSY;
        }
    }

    if (err != 0) {
        qoe_spool_dirs_close(sp);
    }

    return err;
}


int
qoe_spool_lane_open(qoe_spool_t *sp, qoe_spool_lane_t *l)
{
    int   err;
    char  name[QOE_SPOOL_NAME_LEN];

    err = qoe_spool_dirs_open(sp);

    if (err == 0 && l->dir_fd == -1) {
        snprintf(name, sizeof(name), "%" PRIu32, l->lane);
        err = qoe_spool_dir_make(sp->name_fd, name, &l->dir_fd);

        /* whoever made it may have died before it was durable */

        sp->dirs_synced &= (err != 0);
    }

    return err;
}


static int
qoe_spool_dir_owner(int fd, uid_t *owner)
{
    struct stat  st;

    if (fstat(fd, &st) == -1) {
        return errno;
    }

    *owner = st.st_uid;

    return 0;
}


/*
 * Whether err comes from a reload with another `user`: the master has given
 * the directory to the next workers, which will have the lanes in a moment.
 */

bool
qoe_spool_dirs_given(const qoe_spool_t *sp, int err)
{
    uid_t  owner;

    return (err == EACCES || err == EPERM) && sp->name_fd != -1
           && qoe_spool_dir_owner(sp->name_fd, &owner) == 0
           && owner != sp->owner;
}


static int
qoe_spool_base_open(qoe_spool_t *sp)
{
    int  flags;

    flags = O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC;

    sp->base_fd = open(sp->path, flags);

    if (sp->base_fd == -1 && errno == ENOENT
        && (mkdir(sp->path, QOE_SPOOL_DIR_MODE) == 0 || errno == EEXIST))
    {
        sp->base_fd = open(sp->path, flags);
    }

    return sp->base_fd == -1 ? errno : 0;
}


void
qoe_spool_dirs_close(qoe_spool_t *sp)
{
    qoe_spool_lane_t  *l;

    for (l = sp->lanes; l != NULL; l = l->next) {
        qoe_spool_fd_close(&l->dir_fd);
    }

    qoe_spool_fd_close(&sp->quarantine_fd);
    qoe_spool_fd_close(&sp->name_fd);
    qoe_spool_fd_close(&sp->lock_fd);
    qoe_spool_fd_close(&sp->instance_fd);
    qoe_spool_fd_close(&sp->base_fd);

    sp->dirs_synced = false;
}


void
qoe_spool_fd_close(int *fd)
{
    if (*fd != -1) {
        close(*fd);
        *fd = -1;
    }
}


/*
 * Makes the directories durable, whoever made them: nothing in them is durable
 * before they are.
 */

int
qoe_spool_dirs_sync(qoe_spool_t *sp, qoe_spool_lane_t *l)
{
    int  err;

    err = qoe_spool_lane_open(sp, l);
    if (err != 0) {
        return err;
    }

    if (!sp->dirs_synced) {

        err = qoe_spool_base_sync(sp);

        if (err != 0) {
            return err;
        }

        if (fsync(sp->base_fd) == -1 || fsync(sp->instance_fd) == -1
            || fsync(sp->name_fd) == -1)
        {
            return errno;
        }

        sp->dirs_synced = true;
    }

    if (l->dir_dirty) {

        if (fsync(l->dir_fd) == -1) {
            return errno;
        }

        l->dir_dirty = false;
    }

    return 0;
}


/*
 * DIR itself may be new.  Its parent may be unreadable for the workers, which
 * is no error.
 */

static int
qoe_spool_base_sync(const qoe_spool_t *sp)
{
    int  fd, err;

    fd = openat(sp->base_fd, "..", O_RDONLY|O_DIRECTORY|O_CLOEXEC);

    if (fd == -1) {
        return (errno == EACCES || errno == EPERM) ? 0 : errno;
    }

    err = (fsync(fd) == -1 && errno == EIO) ? EIO : 0;
    close(fd);

    return err;
}


int
qoe_spool_dir_make(int at, const char *name, int *fd)
{
    if (mkdirat(at, name, QOE_SPOOL_DIR_MODE) == -1 && errno != EEXIST) {
        return errno;
    }

    *fd = openat(at, name, O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC);

    return *fd == -1 ? errno : 0;
}


int
qoe_spool_dir_lock(int dir, bool exclusive, int *fd)
{
    int          err, f;
    struct stat  st;

    f = openat(dir, "lock", O_RDWR|O_CREAT|O_NOFOLLOW|O_CLOEXEC|O_NONBLOCK,
               QOE_SPOOL_FILE_MODE);
    if (f == -1) {
        return errno;
    }

    err = 0;

    if (flock(f, (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB) == -1) {
        err = errno;

    } else if (fstat(f, &st) == -1) {
        err = errno;

    } else if (st.st_nlink == 0) {

        /* its last owner removed it between the two calls */

        err = ESTALE;
    }

    if (err != 0) {
        close(f);
        return err;
    }

    *fd = f;

    return 0;
}


/* Needs a descriptor of its own: duplicates share the position. */

DIR *
qoe_spool_dir_list(int fd)
{
    int   own;
    DIR  *dir;

    own = openat(fd, ".", O_RDONLY|O_DIRECTORY|O_CLOEXEC);
    if (own == -1) {
        return NULL;
    }

    dir = fdopendir(own);
    if (dir == NULL) {
        close(own);
    }

    return dir;
}


/* Ids grow with time; their low bits distinguish processes. */

uint64_t
qoe_spool_new_id(qoe_spool_t *sp)
{
    uint16_t  bits;
    uint64_t  id;

    bits = 0;
    (void) qoe_random(&bits, sizeof(bits));

    id = (qoe_unix_ns() & ~(uint64_t) 0xffff) | bits;

    if (id <= sp->last_id) {
        id = sp->last_id + 1 + bits;
    }

    sp->last_id = id;

    return id;
}


void
qoe_spool_file_name(char name[QOE_SPOOL_NAME_LEN], uint64_t id,
    const char *suffix)
{
    snprintf(name, QOE_SPOOL_NAME_LEN, "%016" PRIx64 ".%s", id, suffix);
}


bool
qoe_spool_file_id(const char *name, uint64_t *id)
{
    int       i;
    char      c;
    uint64_t  v;

    v = 0;

    for (i = 0; i < 16; i++) {
        c = name[i];

        if (c >= '0' && c <= '9') {
            v = v << 4 | (uint64_t) (c - '0');

        } else if (c >= 'a' && c <= 'f') {
            v = v << 4 | (uint64_t) (c - 'a' + 10);

        } else {
            return false;
        }
    }

    *id = v;

    /* UINT64_MAX is used as "none" in comparisons */

    return v != 0 && v != UINT64_MAX
           && (strcmp(name + i, ".seg") == 0
               || strcmp(name + i, ".open") == 0);
}


void
qoe_spool_seg_name(char name[QOE_SPOOL_NAME_LEN], const qoe_spool_seg_t *seg)
{
    qoe_spool_file_name(name, seg->id, seg->open ? "open" : "seg");
}


int
qoe_spool_file_open(qoe_spool_t *sp, const qoe_spool_seg_t *seg, int *fd)
{
    int   err;
    char  name[QOE_SPOOL_NAME_LEN];

    qoe_spool_seg_name(name, seg);
    err = qoe_spool_lane_open(sp, seg->lane);

    return err != 0 ? err : qoe_spool_file_at(seg->lane->dir_fd, name, fd);
}


int
qoe_spool_file_unlink(qoe_spool_t *sp, const qoe_spool_seg_t *seg)
{
    int   err;
    char  name[QOE_SPOOL_NAME_LEN];

    qoe_spool_seg_name(name, seg);
    err = qoe_spool_lane_open(sp, seg->lane);

    if (err == 0 && unlinkat(seg->lane->dir_fd, name, 0) == -1) {
        err = errno;
    }

    return err;
}


int
qoe_spool_file_finish(qoe_spool_seg_t *seg)
{
    int   dir;
    char  open[QOE_SPOOL_NAME_LEN], name[QOE_SPOOL_NAME_LEN];

    if (!seg->open) {
        return 0;
    }

    dir = seg->lane->dir_fd;

    qoe_spool_file_name(open, seg->id, "open");
    qoe_spool_file_name(name, seg->id, "seg");

    if (renameat(dir, open, dir, name) == -1) {
        return errno;
    }

    seg->open = false;

    return 0;
}


int
qoe_spool_file_rename(int from, const char *name, int to, const char *to_name)
{
    struct stat  st;

    if (qoe_renameat2(from, name, to, to_name, RENAME_NOREPLACE) == 0) {
        return 0;
    }

    if (errno != EINVAL && errno != ENOSYS) {
        return errno;
    }

    /*
     * Some file systems cannot rename that way.  Between the look and the
     * rename no other process makes a file of that name: the id is ours.
     */

    if (fstatat(to, to_name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
        return EEXIST;
    }

    return renameat(from, name, to, to_name) == 0 ? 0 : errno;
}
