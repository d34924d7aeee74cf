
/*
 * Copyright (C) OpenQoE
 */


#include "qoe_watch.h"

#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>


#define QOE_WATCH_LOG_MS   60000         /* between lines about one file */
#define QOE_WATCH_REST_MS  500           /* without a change, to be read */


static bool qoe_watch_look(qoe_watch_t *w, qoe_watched_t *f, uint64_t now_ms,
    qoe_watch_found_t *found);
static bool qoe_watch_stamp(const char *path, qoe_roster_stamp_t *stamp,
    char *err, size_t size);
static bool qoe_watch_same(const qoe_roster_stamp_t *a,
    const qoe_roster_stamp_t *b);
static qoe_status_t qoe_watch_read(qoe_watched_t *f, char *err, size_t size);
static qoe_status_t qoe_watch_content(const qoe_watched_t *f, char **text,
    char *err, size_t size);
static qoe_status_t qoe_watch_bytes(int fd, char *text, size_t size);
static void qoe_watch_fail(qoe_watch_t *w, qoe_watched_t *f, uint64_t now_ms,
    const char *err, qoe_watch_found_t *found);


void
qoe_watch_init(qoe_watch_t *w, const qoe_dimensions_t *dims,
    const qoe_log_t *log)
{
    size_t  i;

    memset(w, 0, sizeof(qoe_watch_t));
    w->log = log;

    for (i = 0; i < dims->n; i++) {
        if (dims->dim[i].roster != NULL) {
            w->file[w->n++].slot = dims->dim[i].roster;
        }
    }
}


uint64_t
qoe_watch_due_ms(const qoe_watch_t *w)
{
    return w->n != 0 ? w->due_ms : UINT64_MAX;
}


void
qoe_watch_run(qoe_watch_t *w, uint64_t now_ms, qoe_watch_found_t *found)
{
    bool    may_read;
    size_t  i, at;

    found->read = 0;
    found->failed = 0;

    if (w->n == 0 || now_ms < w->due_ms) {
        return;
    }

    w->due_ms = now_ms + QOE_WATCH_MS;
    may_read = true;

    for (i = 0; i < w->n && may_read; i++) {
        at = (w->next + i) % w->n;

        if (qoe_watch_look(w, &w->file[at], now_ms, found)) {

            /* the files after it come first at the next look, which is soon */

            w->next = at + 1;
            w->due_ms = now_ms + (w->n > 1 ? 1 : QOE_WATCH_MS);
            may_read = false;
        }
    }
}


/* true: the file was read, which is enough for a turn. */

static bool
qoe_watch_look(qoe_watch_t *w, qoe_watched_t *f, uint64_t now_ms,
    qoe_watch_found_t *found)
{
    char                err[256];
    qoe_status_t        rc;
    qoe_roster_stamp_t  stamp;

    qoe_roster_reap(f->slot);

    if (!qoe_watch_stamp(f->slot->path, &stamp, err, sizeof(err))) {
        memset(&f->seen, 0, sizeof(f->seen));
        qoe_watch_fail(w, f, now_ms, err, found);
        return false;
    }

    if (!qoe_watch_same(&stamp, &f->seen)) {
        f->seen = stamp;
        f->since_ms = now_ms;
    }

    if (qoe_watch_same(&stamp, &f->slot->stamp)) {
        f->logged_ms = 0;
        return false;
    }

    if (qoe_watch_same(&stamp, &f->wrong)) {
        qoe_watch_fail(w, f, now_ms, NULL, found);
        return false;
    }

    /* a file that changes still is being written */

    if (now_ms - f->since_ms < QOE_WATCH_REST_MS) {
        return false;
    }

    rc = qoe_watch_read(f, err, sizeof(err));

    if (rc == QOE_OK) {
        f->logged_ms = 0;
        found->read++;
        qoe_log(w->log, QOE_LOG_INFO, "list \"%s\": read, %u values",
                f->slot->path, qoe_roster_count(f->slot->roster));

    } else if (rc == QOE_ERROR) {

        /* no change of the file announces that it can be read */

        qoe_watch_fail(w, f, now_ms, err, found);

    } else if (rc != QOE_BUSY) {
        f->wrong = stamp;
        f->logged_ms = 0;
        qoe_watch_fail(w, f, now_ms, err, found);
    }

    return true;
}


static bool
qoe_watch_stamp(const char *path, qoe_roster_stamp_t *stamp, char *err,
    size_t size)
{
    struct stat  st;

    if (stat(path, &st) == -1) {
        (void) snprintf(err, size, "stat() failed (%d)", errno);
        return false;
    }

    stamp->mtime_ns = (uint64_t) st.st_mtim.tv_sec * 1000000000
                      + (uint64_t) st.st_mtim.tv_nsec;
    stamp->inode = st.st_ino;
    stamp->size = (uint64_t) st.st_size;

    return true;
}


static bool
qoe_watch_same(const qoe_roster_stamp_t *a, const qoe_roster_stamp_t *b)
{
    return a->mtime_ns == b->mtime_ns && a->inode == b->inode
           && a->size == b->size;
}


/*
 * QOE_BUSY and QOE_ERROR: try again at another look; QOE_INVALID: the file is
 * wrong.  err says why, but for QOE_BUSY.
 */

static qoe_status_t
qoe_watch_read(qoe_watched_t *f, char *err, size_t size)
{
    char          *text;
    qoe_status_t   rc;
    qoe_roster_t  *roster;

    rc = qoe_watch_content(f, &text, err, size);
    if (rc != QOE_OK) {
        return rc;
    }

    rc = qoe_roster_make(&roster, (qoe_span_t) { text, f->seen.size },
                         f->slot->maxlen, err, size);
    free(text);

    if (rc == QOE_NOMEM) {
        return QOE_BUSY;
    }

    if (rc != QOE_OK) {
        return rc;
    }

    if (qoe_roster_put(f->slot, roster) != QOE_OK) {
        qoe_roster_free(roster);
        return QOE_BUSY;
    }

    f->slot->stamp = f->seen;

    return QOE_OK;
}


/*
 * The bytes of the file, which the caller frees.  O_NONBLOCK: what stands at
 * the path may be a pipe by now.
 */

static qoe_status_t
qoe_watch_content(const qoe_watched_t *f, char **text, char *err, size_t size)
{
    int           fd;
    qoe_status_t  rc;
    struct stat   st;

    *text = NULL;
    fd = open(f->slot->path, O_RDONLY|O_CLOEXEC|O_NONBLOCK|O_NOCTTY);

    if (fd == -1) {
        (void) snprintf(err, size, "open() failed (%d)", errno);
        return QOE_ERROR;
    }

    rc = QOE_INVALID;

    if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode)) {
        (void) snprintf(err, size, "it is not a regular file");

    } else if (f->seen.size > QOE_ROSTER_BYTES) {
        (void) snprintf(err, size, "it is larger than %d bytes",
                        QOE_ROSTER_BYTES);

    } else {
        *text = malloc(f->seen.size + 1);
        rc = (*text == NULL) ? QOE_BUSY
                             : qoe_watch_bytes(fd, *text, f->seen.size);
    }

    if (rc == QOE_ERROR) {
        (void) snprintf(err, size, "it ends early, or read() failed (%d)",
                        errno);
        free(*text);
    }

    close(fd);

    return rc;
}


static qoe_status_t
qoe_watch_bytes(int fd, char *text, size_t size)
{
    size_t   len;
    ssize_t  n;

    errno = 0;

    for (len = 0; len < size; len += (size_t) n) {
        n = read(fd, text + len, size - len);

        if (n <= 0) {
            return QOE_ERROR;
        }
    }

    return QOE_OK;
}


/* err may be NULL if it was logged before. */

static void
qoe_watch_fail(qoe_watch_t *w, qoe_watched_t *f, uint64_t now_ms,
    const char *err, qoe_watch_found_t *found)
{
    found->failed++;

    if (f->logged_ms != 0 && now_ms - f->logged_ms < QOE_WATCH_LOG_MS) {
        return;
    }

    f->logged_ms = now_ms;

    qoe_log(w->log, QOE_LOG_WARN, "list \"%s\": %s; the last good one stays, "
            "with %u values", f->slot->path,
            err != NULL ? err : "it is still wrong",
            qoe_roster_count(f->slot->roster));
}
