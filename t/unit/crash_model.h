
/*
 * Copyright (C) OpenQoE
 *
 * Power loss: records the system calls that change files, and makes of any
 * begin of that list what a disk may hold after a crash there.  What fdatasync
 * or fsync has covered is there; of all else everything, nothing or anything.
 *
 * The calls are overridden by functions of the same names: a static library
 * takes those of the program before those of libc.
 */


#ifndef _CRASH_MODEL_H_INCLUDED_
#define _CRASH_MODEL_H_INCLUDED_


#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>


#define CRASH_OPS          4096
#define CRASH_NODES        256
#define CRASH_FILE         (64 * 1024)
#define CRASH_SECTOR       512


typedef enum {
    CRASH_CREATE,                            /* name in node becomes to */
    CRASH_MKDIR,
    CRASH_WRITE,
    CRASH_TRUNCATE,
    CRASH_RENAME,                            /* name in node to name2 in to */
    CRASH_UNLINK,                            /* name in node, which is to */
    CRASH_SYNC,
    CRASH_MARK                               /* of the test: value */
} crash_type_t;

typedef struct {
    crash_type_t  type;
    int           node;
    int           to;
    uint64_t      offset;                    /* or the value of a mark */
    size_t        len;
    char         *data;
    bool          lost;                      /* an fdatasync of it failed */
    char          name[64];
    char          name2[64];
} crash_op_t;

typedef struct {
    bool          dir;
    size_t        len;
    char         *data;                      /* of a file */
    int           entries;                   /* of a directory */
    int           entry[32];
    char          name[32][64];
} crash_node_t;


static crash_op_t    crash_ops[CRASH_OPS];
static int           crash_nops;
static ino_t         crash_ino[CRASH_NODES];
static bool          crash_is_dir[CRASH_NODES];
static int           crash_nnodes;
static bool          crash_on;
static int           crash_sync_errno;       /* the next fdatasync fails so */
static crash_node_t  crash_node[CRASH_NODES];
static uint32_t      crash_seed = 1;


static inline uint32_t
crash_random(void)
{
    crash_seed = crash_seed * 1664525 + 1013904223;

    return crash_seed >> 8;
}


static inline crash_op_t *
crash_op(crash_type_t type, int node)
{
    crash_op_t  *op;

    if (crash_nops == CRASH_OPS) {
        abort();
    }

    op = &crash_ops[crash_nops++];
    op->type = type;
    op->node = node;

    return op;
}


static inline void
crash_mark(uint64_t value)
{
    crash_op(CRASH_MARK, 0)->offset = value;
}


/* The newest file of that number: it may have been another file's before. */

static inline int
crash_find(ino_t ino)
{
    int  i;

    for (i = crash_nnodes - 1; i >= 0 && crash_ino[i] != ino; i--) {
        /* void */
    }

    if (i < 0) {
        abort();
    }

    return i;
}


static inline int
crash_fd(int fd)
{
    struct stat  st;

    if (fstat(fd, &st) == -1) {
        abort();
    }

    return crash_find(st.st_ino);
}


static inline int
crash_new(ino_t ino, bool is_dir)
{
    if (crash_nnodes == CRASH_NODES) {
        abort();
    }

    crash_ino[crash_nnodes] = ino;
    crash_is_dir[crash_nnodes] = is_dir;

    return crash_nnodes++;
}


/* Records calls from here on; root is the directory that everything is in. */

static inline void
crash_record(const char *root)
{
    struct stat  st;

    if (stat(root, &st) == -1) {
        abort();
    }

    crash_new(st.st_ino, true);
    crash_on = true;
}


int
openat(int at, const char *name, int flags, ...)
{
    int          fd, mode;
    bool         made;
    va_list      args;
    crash_op_t  *op;
    struct stat  st;

    va_start(args, flags);
    mode = (flags & O_CREAT) ? va_arg(args, int) : 0;
    va_end(args);

    made = crash_on && (flags & O_CREAT)
           && fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) == -1;

    fd = (int) syscall(SYS_openat, at, name, flags, mode);

    if (fd != -1 && made && fstat(fd, &st) == 0) {
        op = crash_op(CRASH_CREATE, crash_fd(at));
        op->to = crash_new(st.st_ino, false);
        strcpy(op->name, name);
    }

    return fd;
}


int
mkdirat(int at, const char *name, mode_t mode)
{
    int          rc;
    crash_op_t  *op;
    struct stat  st;

    rc = (int) syscall(SYS_mkdirat, at, name, mode);

    if (rc == 0 && crash_on && fstatat(at, name, &st, 0) == 0) {
        op = crash_op(CRASH_MKDIR, crash_fd(at));
        op->to = crash_new(st.st_ino, true);
        strcpy(op->name, name);
    }

    return rc;
}


/* Refers to a name in root, and nowhere else. */

int
mkdir(const char *path, mode_t mode)
{
    int          rc;
    crash_op_t  *op;
    struct stat  st;

    rc = (int) syscall(SYS_mkdirat, AT_FDCWD, path, mode);

    if (rc == 0 && crash_on && stat(path, &st) == 0) {
        op = crash_op(CRASH_MKDIR, 0);
        op->to = crash_new(st.st_ino, true);
        strcpy(op->name, strrchr(path, '/') + 1);
    }

    return rc;
}


static inline void
crash_write(int fd, const void *data, size_t len, off_t offset)
{
    crash_op_t  *op;

    op = crash_op(CRASH_WRITE, crash_fd(fd));
    op->offset = (uint64_t) offset;
    op->len = len;
    op->data = malloc(len + 1);

    if (op->data == NULL) {
        abort();
    }

    memcpy(op->data, data, len);
}


ssize_t
pwrite(int fd, const void *data, size_t len, off_t offset)
{
    ssize_t  n;

    n = syscall(SYS_pwrite64, fd, data, len, offset);

    if (n > 0 && crash_on) {
        crash_write(fd, data, (size_t) n, offset);
    }

    return n;
}


ssize_t
pwritev(int fd, const struct iovec *iov, int n, off_t offset)
{
    int      i;
    char     all[CRASH_FILE];
    size_t   len;
    ssize_t  rc;

    rc = syscall(SYS_pwritev, fd, iov, n, offset, 0);

    if (rc > 0 && crash_on) {
        for (i = 0, len = 0; i < n; i++) {
            if (iov[i].iov_len > sizeof(all) - len) {
                abort();
            }

            if (iov[i].iov_len != 0) {
                memcpy(all + len, iov[i].iov_base, iov[i].iov_len);
                len += iov[i].iov_len;
            }
        }

        crash_write(fd, all, (size_t) rc, offset);
    }

    return rc;
}


int
ftruncate(int fd, off_t len)
{
    int  rc;

    rc = (int) syscall(SYS_ftruncate, fd, len);

    if (rc == 0 && crash_on) {
        crash_op(CRASH_TRUNCATE, crash_fd(fd))->offset = (uint64_t) len;
    }

    return rc;
}


int
renameat2(int at, const char *name, int at2, const char *name2,
    unsigned int flags)
{
    int          rc;
    crash_op_t  *op;

    rc = (int) syscall(SYS_renameat2, at, name, at2, name2, flags);

    if (rc == 0 && crash_on) {
        op = crash_op(CRASH_RENAME, crash_fd(at));
        op->to = crash_fd(at2);
        strcpy(op->name, name);
        strcpy(op->name2, name2);
    }

    return rc;
}


int
renameat(int at, const char *name, int at2, const char *name2)
{
    return renameat2(at, name, at2, name2, 0);
}


int
unlinkat(int at, const char *name, int flags)
{
    int          rc;
    crash_op_t  *op;
    struct stat  st;

    st.st_ino = 0;
    (void) fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW);

    rc = (int) syscall(SYS_unlinkat, at, name, flags);

    if (rc == 0 && crash_on) {
        op = crash_op(CRASH_UNLINK, crash_fd(at));
        op->to = crash_find(st.st_ino);
        strcpy(op->name, name);
    }

    return rc;
}


/* Did a later sync before the crash at op n cover op i? */

static inline bool
crash_forced(int i, int n)
{
    int  j;

    for (j = i + 1; j < n; j++) {
        if (crash_ops[j].type == CRASH_SYNC && !crash_ops[i].lost
            && (crash_ops[j].node == crash_ops[i].node
                || (crash_ops[i].type == CRASH_RENAME
                    && crash_ops[j].node == crash_ops[i].to)))
        {
            return true;
        }
    }

    return false;
}


static inline int
crash_sync(int fd, long call)
{
    int  i, rc, node;

    if (crash_on && crash_sync_errno != 0) {

        /*
         * The kernel takes these pages for clean now: no later sync covers
         * them.
         */

        node = crash_fd(fd);

        for (i = 0; i < crash_nops; i++) {
            crash_ops[i].lost |= crash_ops[i].node == node
                                 && !crash_forced(i, crash_nops);
        }

        errno = crash_sync_errno;
        crash_sync_errno = 0;
        return -1;
    }

    rc = crash_on ? 0 : (int) syscall(call, fd);

    if (rc == 0 && crash_on) {
        crash_op(CRASH_SYNC, crash_fd(fd));
    }

    return rc;
}


int
fdatasync(int fd)
{
    return crash_sync(fd, SYS_fdatasync);
}


int
fsync(int fd)
{
    return crash_sync(fd, SYS_fsync);
}


static inline int
crash_entry(const crash_node_t *d, const char *name)
{
    int  i;

    for (i = 0; i < d->entries && strcmp(d->name[i], name) != 0; i++) {
        /* void */
    }

    return i < d->entries ? i : -1;
}


static inline void
crash_remove(crash_node_t *d, int i)
{
    d->entries--;
    d->entry[i] = d->entry[d->entries];
    memmove(d->name[i], d->name[d->entries], sizeof(d->name[i]));
}


static inline void
crash_add(crash_node_t *d, const char *name, int node)
{
    int  i;

    i = crash_entry(d, name);

    if (i == -1) {
        i = d->entries++;

        if (i == 32) {
            abort();
        }
    }

    strcpy(d->name[i], name);
    d->entry[i] = node;
}


/* A write reaches the disk in sectors, in any order; the size may be first. */

static inline void
crash_apply_write(const crash_op_t *op, bool torn)
{
    size_t         at, n;
    crash_node_t  *f;

    f = &crash_node[op->node];

    if (op->offset + op->len > CRASH_FILE) {
        abort();
    }

    for (at = 0; at < op->len; at += n) {
        n = CRASH_SECTOR - (op->offset + at) % CRASH_SECTOR;
        n = n < op->len - at ? n : op->len - at;

        if (torn && (crash_random() & 1)) {
            if (crash_random() & 1) {
                continue;                    /* zeroes, if more follows */
            }

            break;
        }

        memcpy(f->data + op->offset + at, op->data + at, n);

        if (f->len < op->offset + at + n) {
            f->len = op->offset + at + n;
        }
    }
}


static inline void
crash_apply(const crash_op_t *op, bool torn)
{
    int            i, node;
    crash_node_t  *d;

    d = &crash_node[op->node];

    switch (op->type) {

    case CRASH_CREATE:
    case CRASH_MKDIR:
        crash_add(d, op->name, op->to);
        break;

    case CRASH_WRITE:
        crash_apply_write(op, torn);
        break;

    case CRASH_TRUNCATE:
        if (d->len > op->offset) {
            memset(d->data + op->offset, 0, d->len - op->offset);
        }

        d->len = op->offset;
        break;

    case CRASH_RENAME:
        i = crash_entry(d, op->name);

        if (i != -1) {
            node = d->entry[i];
            crash_remove(d, i);
            crash_add(&crash_node[op->to], op->name2, node);
        }

        break;

    case CRASH_UNLINK:
        i = crash_entry(d, op->name);

        if (i != -1 && crash_node[d->entry[i]].entries == 0) {
            crash_remove(d, i);
        }

        break;

    default:
        break;
    }
}


static inline void
crash_build(int node, const char *path)
{
    int            i, fd;
    char           name[PATH_MAX];
    crash_node_t  *d, *f;

    d = &crash_node[node];

    for (i = 0; i < d->entries; i++) {
        f = &crash_node[d->entry[i]];

        if (snprintf(name, sizeof(name), "%s/%s", path, d->name[i])
            >= (int) sizeof(name))
        {
            abort();
        }

        if (f->dir) {
            if (mkdir(name, 0700) == -1) {
                abort();
            }

            crash_build(d->entry[i], name);
            continue;
        }

        fd = open(name, O_CREAT|O_EXCL|O_WRONLY, 0600);

        if (fd == -1 || write(fd, f->data, f->len) != (ssize_t) f->len) {
            abort();
        }

        close(fd);
    }
}


/*
 * Fills path, which is empty, with what may be there after a crash after n
 * calls. how: 0 nothing that was not synced, 1 all of it, else any part.
 */

static inline void
crash_replay(int n, int how, const char *path)
{
    int            i;
    crash_node_t  *f;

    for (i = 0; i < crash_nnodes; i++) {
        f = &crash_node[i];
        f->dir = crash_is_dir[i];
        f->entries = 0;
        f->len = 0;

        if (!f->dir) {
            f->data = f->data ? f->data : malloc(CRASH_FILE);

            if (f->data == NULL) {
                abort();
            }

            memset(f->data, 0, CRASH_FILE);
        }
    }

    for (i = 0; i < n; i++) {
        if (crash_forced(i, n) || how == 1) {
            crash_apply(&crash_ops[i], false);

        } else if (how > 1 && (crash_random() & 1)) {
            crash_apply(&crash_ops[i], true);
        }
    }

    crash_build(0, path);
}


#endif /* _CRASH_MODEL_H_INCLUDED_ */
