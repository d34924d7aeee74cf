
/*
 * Copyright (C) OpenQoE
 *
 * OTLP JSON lines in files ("OpenTelemetry Protocol File Exporter"): each
 * request is one line, appended whole or not at all.
 *
 * All workers append to the same file.  O_APPEND alone would be enough if
 * every write were complete.  After a short write (disk full, a limit, a
 * killed process) the file must be repaired before another line follows, so it
 * is locked (flock) around each write.  The kernel releases the lock of a dead
 * process.
 */


#ifndef _GNU_SOURCE
#define _GNU_SOURCE              /* memrchr() */
#endif

#include "qoe_transport_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>


#define QOE_FILE_MODE          0640

/* how long to wait for another worker's write */
#define QOE_FILE_LOCK_MS       1000

/* how each request begins: only a torn line with that start is ours to cut */
#define QOE_FILE_BEGIN         "{\"resource"

#define QOE_FILE_BLOCK         4096


/* Signals that go to the same file share one descriptor. */

typedef struct {
    char   *path[QOE_SIGNALS];
    int     fd[QOE_SIGNALS];     /* -1: to be opened */
    int     of[QOE_SIGNALS];     /* index of the descriptor */
    bool    torn[QOE_SIGNALS];   /* a file that cannot be truncated needs a
                                    newline first */
} qoe_file_t;


static qoe_status_t qoe_file_create(qoe_transport_t *t,
    const qoe_transport_conf_t *conf);
static void qoe_file_destroy(qoe_transport_t *t);
static qoe_status_t qoe_file_send(qoe_transfer_t *r);
static void qoe_file_nothing(qoe_transfer_t *r);
static const char *qoe_file_peer(const qoe_transfer_t *r);
static void qoe_file_reopen(qoe_transport_t *t);
static int qoe_file_open(qoe_file_t *f, int i);
static int qoe_file_append(qoe_file_t *f, int i, qoe_span_t line);
static int qoe_file_lock(int fd);
static int qoe_file_mend(int fd, off_t *size, bool *torn);
static int qoe_file_line_start(int fd, off_t *pos);
static int qoe_file_write(int fd, qoe_span_t line, bool newline,
    size_t *written);


const qoe_transport_ops_t  qoe_file_ops = {
    .create = qoe_file_create,
    .destroy = qoe_file_destroy,
    .send = qoe_file_send,
    .settle = qoe_file_nothing,
    .stop = qoe_file_nothing,
    .peer = qoe_file_peer,
    .free = qoe_file_nothing,
    .reopen = qoe_file_reopen
};


static qoe_status_t
qoe_file_create(qoe_transport_t *t, const qoe_transport_conf_t *conf)
{
    int          i, j, err;
    qoe_file_t  *f;

    f = calloc(1, sizeof(qoe_file_t));
    if (f == NULL) {
        return QOE_NOMEM;
    }

    t->state = f;

    for (i = 0; i < QOE_SIGNALS; i++) {
        f->fd[i] = -1;
    }

    for (i = 0; i < QOE_SIGNALS; i++) {

        if (conf->url[i].len == 0) {
            continue;
        }

        f->path[i] = strndup(conf->url[i].data, conf->url[i].len);
        if (f->path[i] == NULL) {
            return QOE_NOMEM;
        }

        for (j = 0; j < i; j++) {
            if (f->path[j] != NULL && strcmp(f->path[j], f->path[i]) == 0) {
                break;
            }
        }

        f->of[i] = j;

        if (j != i) {
            continue;
        }

        err = qoe_file_open(f, i);

        if (err != 0) {

            /* try with each request, as the operator may have repaired it */

            qoe_log(&t->log, QOE_LOG_WARN, "cannot open \"%s\" (%d: %s)",
                    f->path[i], err, strerror(err));
        }
    }

    return QOE_OK;
}


static void
qoe_file_destroy(qoe_transport_t *t)
{
    int          i;
    qoe_file_t  *f;

    f = t->state;

    if (f == NULL) {
        return;
    }

    for (i = 0; i < QOE_SIGNALS; i++) {

        if (f->fd[i] != -1) {
            close(f->fd[i]);
        }

        free(f->path[i]);
    }

    free(f);
    t->state = NULL;
}


static qoe_status_t
qoe_file_send(qoe_transfer_t *r)
{
    int             i, err;
    qoe_file_t     *f;
    qoe_outcome_t  *o;

    f = r->t->state;

    if (f->path[r->signal] == NULL) {
        return QOE_ERROR;
    }

    i = f->of[r->signal];
    err = (f->fd[i] == -1) ? qoe_file_open(f, i) : 0;

    if (err == 0) {
        err = qoe_file_append(f, i, r->payload);
    }

    if (err != 0) {
        o = &r->outcome;

        qoe_outcome_fail(o, QOE_OUTCOME_RETRY, "file");
        qoe_outcome_message(o, "cannot append to \"%s\" (%d: %s)", f->path[i],
                            err, err == EWOULDBLOCK ? "busy" : strerror(err));
    }

    r->answered = true;
    r->expires_ms = 0;

    return QOE_OK;
}


/* Nothing is left to do after send(), which has set the outcome. */

static void
qoe_file_nothing(qoe_transfer_t *r)
{
    (void) r;
}


static const char *
qoe_file_peer(const qoe_transfer_t *r)
{
    return ((qoe_file_t *) r->t->state)->path[r->signal];
}


static void
qoe_file_reopen(qoe_transport_t *t)
{
    int          i, err;
    qoe_file_t  *f;

    f = t->state;

    for (i = 0; i < QOE_SIGNALS; i++) {

        if (f->path[i] == NULL || f->of[i] != i) {
            continue;
        }

        if (f->fd[i] != -1) {
            close(f->fd[i]);
            f->fd[i] = -1;
        }

        err = qoe_file_open(f, i);

        if (err != 0) {
            qoe_log(&t->log, QOE_LOG_ERR, "cannot reopen \"%s\" (%d: %s)",
                    f->path[i], err, strerror(err));
        }
    }
}


/* 0 or errno.  O_NONBLOCK: the reader of a pipe must not block the helper. */

static int
qoe_file_open(qoe_file_t *f, int i)
{
    f->torn[i] = false;
    f->fd[i] = open(f->path[i], O_RDWR|O_APPEND|O_CREAT|O_CLOEXEC|O_NOCTTY
                    |O_NONBLOCK, QOE_FILE_MODE);

    return f->fd[i] == -1 ? errno : 0;
}


/* Appends line and a newline, or nothing at all.  0 or errno. */

static int
qoe_file_append(qoe_file_t *f, int i, qoe_span_t line)
{
    int          fd, err;
    size_t       written;
    struct stat  st;

    fd = f->fd[i];

    err = qoe_file_lock(fd);
    if (err != 0) {
        return err;
    }

    if (fstat(fd, &st) == -1) {
        err = errno;
        goto done;
    }

    if (S_ISREG(st.st_mode)) {
        err = qoe_file_mend(fd, &st.st_size, &f->torn[i]);
        if (err != 0) {
            goto done;
        }
    }

    err = qoe_file_write(fd, line, f->torn[i], &written);

    if (err == 0) {
        f->torn[i] = false;

    } else if (written != 0
               && (!S_ISREG(st.st_mode) || ftruncate(fd, st.st_size) == -1))
    {
        f->torn[i] = true;
    }

done:

    flock(fd, LOCK_UN);

    return err;
}


static int
qoe_file_lock(int fd)
{
    int              i;
    struct timespec  ms = { 0, 1000000 };

    for (i = 0; i < QOE_FILE_LOCK_MS; i++) {

        if (flock(fd, LOCK_EX|LOCK_NB) == 0) {
            return 0;
        }

        if (errno != EWOULDBLOCK && errno != EINTR) {
            return errno;
        }

        nanosleep(&ms, NULL);
    }

    return EWOULDBLOCK;
}


/*
 * Repairs a file that does not end with a newline.  An unfinished line of a
 * killed worker is cut off: it was never acknowledged, so it is sent again.
 * Text of any other origin gets its newline (*torn).
 */

static int
qoe_file_mend(int fd, off_t *size, bool *torn)
{
    int      err;
    char     last, begin[sizeof(QOE_FILE_BEGIN) - 1];
    off_t    pos;
    ssize_t  n;

    *torn = false;
    errno = 0;

    if (*size == 0) {
        return 0;
    }

    if (pread(fd, &last, 1, *size - 1) != 1) {
        return errno ? errno : EIO;
    }

    if (last == '\n') {
        return 0;
    }

    pos = *size;

    err = qoe_file_line_start(fd, &pos);
    if (err != 0) {
        return err;
    }

    n = pread(fd, begin, sizeof(begin), pos);
    if (n <= 0) {
        return errno ? errno : EIO;
    }

    if (memcmp(begin, QOE_FILE_BEGIN, (size_t) n) != 0) {
        *torn = true;
        return 0;
    }

    if (ftruncate(fd, pos) == -1) {
        return errno;
    }

    *size = pos;

    return 0;
}


/* Moves *pos back to the byte after the newline before it, or to 0. */

static int
qoe_file_line_start(int fd, off_t *pos)
{
    char    block[QOE_FILE_BLOCK], *nl;
    off_t   start;
    size_t  len;

    while (*pos > 0) {

        len = (size_t) qoe_min(*pos, QOE_FILE_BLOCK);
        start = *pos - (off_t) len;

        if (pread(fd, block, len, start) != (ssize_t) len) {
            return errno ? errno : EIO;
        }

        nl = memrchr(block, '\n', len);

        if (nl != NULL) {
            *pos = start + (nl - block) + 1;
            return 0;
        }

        *pos = start;
    }

    return 0;
}


/*
 * One writev(); more only after a short write, to finish the line or to learn
 * the reason.  0 or errno; *written is set in both cases.
 */

static int
qoe_file_write(int fd, qoe_span_t line, bool newline, size_t *written)
{
    int           i;
    size_t        len;
    ssize_t       n;
    struct iovec  iov[3] = {
        { "\n", newline ? 1 : 0 },
        { (char *) line.data, line.len },
        { "\n", 1 }
    };

    *written = 0;
    len = line.len + (newline ? 2 : 1);

    while (*written < len) {

        n = writev(fd, iov, 3);

        if (n == -1) {
            if (errno == EINTR) {
                continue;
            }

            return errno;
        }

        if (n == 0) {
            return EIO;
        }

        *written += (size_t) n;

        for (i = 0; i < 3; i++) {
            if ((size_t) n < iov[i].iov_len) {
                iov[i].iov_base = (char *) iov[i].iov_base + n;
                iov[i].iov_len -= (size_t) n;
                break;
            }

            n -= (ssize_t) iov[i].iov_len;
            iov[i].iov_len = 0;
        }
    }

    return 0;
}
