
/*
 * Copyright (C) OpenQoE
 *
 * Strangers: entries in the spool's directories that are named like a segment
 * but are none, such as a link, a FIFO, a directory, a file that the workers
 * may not open or that is larger than any segment.  A stranger never stops the
 * spool: it is counted and reported once, and renamed or removed, so that no
 * helper meets it again.
 */


#include "qoe_spool_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>


/* openqoe_spool allows segments of 1g, and the last record may exceed that. */
#define QOE_SPOOL_FILE_MAX     ((off_t) 1024 * 1024 * 1024                    \
                                + 2 * QOE_SEGMENT_PAYLOAD_MAX)


static const char *qoe_spool_stranger_text(int err);
static bool qoe_spool_quarantine_entry(qoe_spool_t *sp, int dir,
    const char *name, uint64_t id);
static bool qoe_spool_rename_bad(qoe_spool_t *sp, int from, const char *name,
    int to, uint64_t id);


int
qoe_spool_file_at(int dir, const char *name, int *fd)
{
    int          err;
    struct stat  st;

    err = 0;

    /* O_NONBLOCK: opening a FIFO must not wait for its other end */

    *fd = openat(dir, name,
                 O_RDWR|O_NOFOLLOW|O_CLOEXEC|O_NONBLOCK|O_NOCTTY);

    if (*fd == -1) {
        err = errno;

        /*
         * EACCES may be due to the directory's mode; only then it is not the
         * entry's fault
         */

        if (err == EACCES && faccessat(dir, ".", R_OK|W_OK|X_OK, 0) == 0) {
            err = EPERM;
        }

        return err;
    }

    if (fstat(*fd, &st) == -1) {
        err = errno;

    } else if (!S_ISREG(st.st_mode)) {
        err = ENXIO;

    } else if (st.st_size > QOE_SPOOL_FILE_MAX) {
        err = EFBIG;
    }

    if (err != 0) {
        close(*fd);
        *fd = -1;
    }

    return err;
}


bool
qoe_spool_stranger(int err)
{
    return qoe_spool_stranger_text(err) != NULL;
}


/* NULL: it is an error of the disk, of memory, or of the directory above. */

static const char *
qoe_spool_stranger_text(int err)
{
    switch (err) {

    case ELOOP:
        return "it is a symbolic link";

    case EISDIR:
        return "it is a directory";

    case ENXIO:
    case ENODEV:
        return "it is not a regular file";

    case EFBIG:
        return "it is larger than any segment";

    case EPERM:
    case ETXTBSY:
        return "the workers may not open it for writing";

    default:
        return NULL;
    }
}


void
qoe_spool_stranger_aside(qoe_spool_t *sp, int dir, const char *name,
    uint64_t id, int err)
{
    const char  *what;

    if (qoe_spool_quarantine_entry(sp, dir, name, id)) {
        what = "moved to the quarantine";

    } else if (qoe_spool_rename_bad(sp, dir, name, dir, id)) {
        what = "renamed to end in \".bad\"";

    } else {
        what = "passed over";
    }

    qoe_dest_count(sp->zone, sp->dest, QOE_DEST_SPOOL_STRANGERS, 1);
    qoe_log_limited(sp->log, &sp->stranger_limit, QOE_LOG_WARN, "spool: "
                    "\"%s\" in \"%s\" for exporter %s is not a segment, %s; %s",
                    name, sp->path, sp->name, qoe_spool_stranger_text(err),
                    what);
}


/* Content of a directory has no known size, and counts as nothing. */

static bool
qoe_spool_quarantine_entry(qoe_spool_t *sp, int dir, const char *name,
    uint64_t id)
{
    uint64_t     size;
    struct stat  st;

    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == -1) {
        return false;
    }

    size = S_ISREG(st.st_mode) ? (uint64_t) st.st_size : 0;

    return qoe_spool_quarantine_room(sp, size) == 0
           && qoe_spool_rename_bad(sp, dir, name, sp->quarantine_fd, id);
}


/* Replaces no file: tries the file's own name first, then a new one. */

static bool
qoe_spool_rename_bad(qoe_spool_t *sp, int from, const char *name, int to,
    uint64_t id)
{
    int   i;
    char  bad[QOE_SPOOL_NAME_LEN];

    for (i = 0; i < 2; i++) {

        qoe_spool_file_name(bad, i == 0 ? id : qoe_spool_new_id(sp), "bad");

        if (qoe_spool_file_rename(from, name, to, bad) == 0) {
            return true;
        }
    }

    return false;
}


bool
qoe_spool_pass_over(qoe_spool_t *sp, qoe_spool_seg_t *seg, int err)
{
    char  name[QOE_SPOOL_NAME_LEN];

    if (err != ENOENT && !qoe_spool_stranger(err)) {
        return false;
    }

    if (err != ENOENT) {
        qoe_spool_seg_name(name, seg);
        qoe_spool_stranger_aside(sp, seg->lane->dir_fd, name, seg->id, err);
    }

    if (err == ENOENT) {
        qoe_log_limited(sp->log, &sp->damage_limit, QOE_LOG_ERR, "spool: "
                        "segment %016llx of \"%s/%s/%s\" is gone, %llu "
                        "events", (unsigned long long) seg->id, sp->path,
                        sp->instance, sp->name, (unsigned long long)
                        (seg->events - qoe_min(seg->done, seg->events)));
    }

    qoe_spool_seg_lost(sp, seg);

    return true;
}


/*
 * Another instance's directory may be anything, or belong to another user.  It
 * stays, and is tried again without a log message as long as their number does
 * not grow.
 */

void
qoe_spool_strangers_report(qoe_spool_t *sp, const char *name, int err,
    uint64_t n)
{
    if (n > sp->strangers) {
        qoe_dest_count(sp->zone, sp->dest, QOE_DEST_SPOOL_STRANGERS,
                       n - sp->strangers);
        qoe_log(sp->log, QOE_LOG_WARN, "spool: \"%s/%s\" cannot be adopted, "
                "and is passed over (%d: %s)", sp->path, name, err,
                strerror(err));
    }

    sp->strangers = n;
}
