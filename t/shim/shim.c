
/*
 * Copyright (C) OpenQoE
 *
 * LD_PRELOAD for the fault tests: errors of the disk and jumps of the clock,
 * switched while nginx runs.  OPENQOE_SHIM names a file of 4096 bytes, mapped
 * and read at each call:
 *
 *     bytes 0..7    signed, little-endian: ms added to CLOCK_REALTIME
 *     bytes 8..11   errno of the calls below, 0: none
 *     bytes 12..15  bits: 1 write, 2 fdatasync and fsync, 4 create, 8 rename,
 *                   16 unlink, 32 half of a write is done before it fails
 *     from 16       the path, NUL-terminated, below which they fail
 *
 * OPENQOE_SHIM_HOST names a file whose text is the host name.
 *
 * OPENQOE_SHIM_TCP names a file of 256 bytes, mapped as well, which the kernel
 * is made to answer for TCP_INFO, whatever the socket is.
 *
 * OpenQoE::Shim builds it and writes the files.
 */

#define _GNU_SOURCE
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>


enum {
    SHIM_WRITE = 1, SHIM_SYNC = 2, SHIM_CREATE = 4, SHIM_RENAME = 8,
    SHIM_UNLINK = 16, SHIM_HALF = 32
};


typedef struct {
    int64_t   clock;
    int32_t   error;
    uint32_t  what;
    char      path[4080];
} shim_t;


#define SHIM_TCP_INFO  256

static const volatile shim_t  *shim;
static const char             *shim_host;
static const char             *shim_tcp;


#define SHIM_REAL(name)                                                       \
    static __typeof__(name)  *real;                                           \
                                                                              \
    if (real == NULL) {                                                       \
        *(void **) &real = dlsym(RTLD_NEXT, #name);                           \
    }


/* the bytes of the file that the variable names, or NULL */

static const void *
shim_map(const char *variable, size_t size)
{
    int          fd;
    void        *p;
    const char  *name;

    name = getenv(variable);
    fd = name ? open(name, O_RDONLY | O_CLOEXEC) : -1;
    if (fd == -1) {
        return NULL;
    }

    p = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
    close(fd);

    return p == MAP_FAILED ? NULL : p;
}


static void __attribute__((constructor))
shim_open(void)
{
    const char  *name;

    /* nginx gives its processes another environment */

    name = getenv("OPENQOE_SHIM_HOST");
    shim_host = name ? strdup(name) : NULL;

    shim = shim_map("OPENQOE_SHIM", sizeof(shim_t));
    shim_tcp = shim_map("OPENQOE_SHIM_TCP", SHIM_TCP_INFO);
}


/* the errno for that call on the path, or 0 */

static int
shim_error(unsigned what, const char *path)
{
    size_t       len;
    const char  *below;

    if (shim == NULL || shim->error == 0 || !(shim->what & what)) {
        return 0;
    }

    below = (const char *) shim->path;
    len = strlen(below);

    return strncmp(path, below, len) == 0
           && (path[len] == '/' || path[len] == '\0') ? shim->error : 0;
}


static int
shim_error_fd(unsigned what, int fd)
{
    char     link[64], path[PATH_MAX];
    ssize_t  n;

    if (shim == NULL || shim->error == 0 || !(shim->what & what)) {
        return 0;
    }

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    n = readlink(link, path, sizeof(path) - 1);
    if (n < 0) {
        return 0;
    }

    path[n] = '\0';

    return shim_error(what, path);
}


static int
shim_error_at(unsigned what, int dir, const char *name)
{
    char     link[64], path[2 * PATH_MAX];
    ssize_t  n;

    if (shim == NULL || shim->error == 0 || name[0] == '/'
        || dir == AT_FDCWD)
    {
        return shim_error(what, name);
    }

    snprintf(link, sizeof(link), "/proc/self/fd/%d", dir);
    n = readlink(link, path, PATH_MAX);
    if (n < 0) {
        return 0;
    }

    snprintf(path + n, sizeof(path) - (size_t) n, "/%s", name);

    return shim_error(what, path);
}


#define SHIM_FAIL(error)                                                      \
    do {                                                                      \
        int  shim_errno = (error);                                            \
                                                                              \
        if (shim_errno) {                                                     \
            errno = shim_errno;                                               \
            return -1;                                                        \
        }                                                                     \
    } while (0)


ssize_t
write(int fd, const void *p, size_t n)
{
    SHIM_REAL(write);

    if (shim && (shim->what & SHIM_HALF) && n > 1
        && shim_error_fd(SHIM_WRITE, fd))
    {
        return real(fd, p, n / 2);
    }

    SHIM_FAIL(shim_error_fd(SHIM_WRITE, fd));
    return real(fd, p, n);
}


ssize_t
writev(int fd, const struct iovec *v, int n)
{
    SHIM_REAL(writev);
    SHIM_FAIL(shim_error_fd(SHIM_WRITE, fd));
    return real(fd, v, n);
}


#define SHIM_PWRITE(name, type)                                               \
ssize_t                                                                       \
name(int fd, const void *p, size_t n, type at)                                \
{                                                                             \
    SHIM_REAL(name);                                                          \
    SHIM_FAIL(shim_error_fd(SHIM_WRITE, fd));                                 \
    return real(fd, p, n, at);                                                \
}

SHIM_PWRITE(pwrite, off_t)
SHIM_PWRITE(pwrite64, off64_t)


#define SHIM_PWRITEV(name, type)                                              \
ssize_t                                                                       \
name(int fd, const struct iovec *v, int n, type at)                           \
{                                                                             \
    SHIM_REAL(name);                                                          \
                                                                              \
    if (shim && (shim->what & SHIM_HALF) && v[0].iov_len > 1                  \
        && shim_error_fd(SHIM_WRITE, fd))                                     \
    {                                                                         \
        struct iovec  part = { v[0].iov_base, v[0].iov_len / 2 };             \
                                                                              \
        return real(fd, &part, 1, at);                                        \
    }                                                                         \
                                                                              \
    SHIM_FAIL(shim_error_fd(SHIM_WRITE, fd));                                 \
    return real(fd, v, n, at);                                                \
}

SHIM_PWRITEV(pwritev, off_t)
SHIM_PWRITEV(pwritev64, off64_t)


int
fdatasync(int fd)
{
    SHIM_REAL(fdatasync);
    SHIM_FAIL(shim_error_fd(SHIM_SYNC, fd));
    return real(fd);
}


int
fsync(int fd)
{
    SHIM_REAL(fsync);
    SHIM_FAIL(shim_error_fd(SHIM_SYNC, fd));
    return real(fd);
}


#define SHIM_MODE(flags)                                                      \
    mode_t   mode = 0;                                                        \
    va_list  args;                                                            \
                                                                              \
    if ((flags) & (O_CREAT | O_TMPFILE)) {                                    \
        va_start(args, flags);                                                \
        mode = va_arg(args, mode_t);                                          \
        va_end(args);                                                         \
    }

#define SHIM_OPEN(name)                                                       \
int                                                                           \
name(const char *path, int flags, ...)                                        \
{                                                                             \
    SHIM_MODE(flags)                                                          \
    SHIM_REAL(name);                                                          \
                                                                              \
    if (flags & O_CREAT) {                                                    \
        SHIM_FAIL(shim_error(SHIM_CREATE, path));                             \
    }                                                                         \
                                                                              \
    return real(path, flags, mode);                                           \
}

SHIM_OPEN(open)
SHIM_OPEN(open64)


#define SHIM_OPENAT(name)                                                     \
int                                                                           \
name(int dir, const char *path, int flags, ...)                               \
{                                                                             \
    SHIM_MODE(flags)                                                          \
    SHIM_REAL(name);                                                          \
                                                                              \
    if (flags & O_CREAT) {                                                    \
        SHIM_FAIL(shim_error_at(SHIM_CREATE, dir, path));                     \
    }                                                                         \
                                                                              \
    return real(dir, path, flags, mode);                                      \
}

SHIM_OPENAT(openat)
SHIM_OPENAT(openat64)


int
rename(const char *from, const char *to)
{
    SHIM_REAL(rename);
    SHIM_FAIL(shim_error(SHIM_RENAME, from));
    return real(from, to);
}


int
renameat(int from_dir, const char *from, int to_dir, const char *to)
{
    SHIM_REAL(renameat);
    SHIM_FAIL(shim_error_at(SHIM_RENAME, from_dir, from));
    return real(from_dir, from, to_dir, to);
}


int
unlink(const char *path)
{
    SHIM_REAL(unlink);
    SHIM_FAIL(shim_error(SHIM_UNLINK, path));
    return real(path);
}


int
unlinkat(int dir, const char *path, int flags)
{
    SHIM_REAL(unlinkat);
    SHIM_FAIL(shim_error_at(SHIM_UNLINK, dir, path));
    return real(dir, path, flags);
}


/* Adds the file's milliseconds, which may be negative. */

static void
shim_move(struct timespec *ts)
{
    int64_t  ns, second = 1000000000;

    ns = ts->tv_nsec + shim->clock % 1000 * 1000000;
    ts->tv_sec += shim->clock / 1000 + ns / second;
    ns %= second;

    if (ns < 0) {
        ns += second;
        ts->tv_sec--;
    }

    ts->tv_nsec = ns;
}


int
clock_gettime(clockid_t clock, struct timespec *ts)
{
    int  rc;

    SHIM_REAL(clock_gettime);
    rc = real(clock, ts);

    if (rc == 0 && shim != NULL && clock == CLOCK_REALTIME) {
        shim_move(ts);
    }

    return rc;
}


int
gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
    int              rc;
    struct timespec  ts;

    SHIM_REAL(gettimeofday);
    rc = real(tv, zone);

    if (rc == 0 && shim != NULL) {
        ts.tv_sec = tv->tv_sec;
        ts.tv_nsec = tv->tv_usec * 1000;

        shim_move(&ts);

        tv->tv_sec = ts.tv_sec;
        tv->tv_usec = ts.tv_nsec / 1000;
    }

    return rc;
}


time_t
time(time_t *t)
{
    struct timespec  ts;

    clock_gettime(CLOCK_REALTIME, &ts);

    if (t != NULL) {
        *t = ts.tv_sec;
    }

    return ts.tv_sec;
}


int
gethostname(char *name, size_t len)
{
    int      fd;
    ssize_t  n;

    SHIM_REAL(gethostname);

    if (shim_host == NULL) {
        return real(name, len);
    }

    fd = open(shim_host, O_RDONLY | O_CLOEXEC);
    n = fd == -1 ? -1 : read(fd, name, len - 1);

    if (fd != -1) {
        close(fd);
    }

    name[n > 0 ? n : 0] = '\0';

    return 0;
}


int
getsockopt(int fd, int level, int name, void *restrict value,
    socklen_t *restrict len)
{
    SHIM_REAL(getsockopt);

    if (shim_tcp == NULL || level != IPPROTO_TCP || name != TCP_INFO) {
        return real(fd, level, name, value, len);
    }

    *len = *len < SHIM_TCP_INFO ? *len : SHIM_TCP_INFO;
    memcpy(value, shim_tcp, *len);

    return 0;
}
