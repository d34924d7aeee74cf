
/*
 * Copyright (C) OpenQoE
 *
 * Keeps batches that were refused for good, and damaged segments, for people
 * to look at; as far as the quarantine has room.
 */


#include "qoe_spool_priv.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>


/* look again after so many files: another master may write there uncounted */
#define QOE_SPOOL_LOOK_EACH    16
/* with more files than this an eighth of them is deleted at once */
#define QOE_SPOOL_TRIM_MANY    256
#define QOE_SPOOL_TRIM_FILES   65536         /* examined in one trim */


typedef struct {
    uint64_t  id;
    uint64_t  size;
    bool      bad;
} qoe_spool_kept_t;


static int qoe_spool_quarantine_file(qoe_spool_t *sp,
    const qoe_spool_seg_t *seg, bool stays);
static void qoe_spool_damage_note(qoe_spool_t *sp, const qoe_spool_seg_t *seg,
    uint64_t bytes);
static int qoe_spool_quarantine_open(qoe_spool_t *sp);
static int qoe_spool_quarantine_write(qoe_spool_t *sp,
    qoe_segment_record_t *record, const void *payload);
static void qoe_spool_quarantine_trim(qoe_spool_t *sp, uint64_t size);
static int qoe_spool_quarantine_move(qoe_spool_t *sp,
    const qoe_spool_seg_t *seg, bool stays);
static size_t qoe_spool_quarantine_list(int fd, qoe_spool_kept_t **kept,
    uint64_t *size);
static bool qoe_spool_quarantine_id(const char *name, qoe_spool_kept_t *k);
static int qoe_spool_kept_cmp(const void *a, const void *b);


void
qoe_spool_quarantine(qoe_spool_t *sp, qoe_signal_t signal, qoe_span_t payload,
    uint32_t items, uint64_t received_ns)
{
    int                   err;
    uint64_t              size;
    qoe_segment_record_t  record;

    size = QOE_SEGMENT_HEADER + QOE_SEGMENT_RECORD + payload.len;

    if (sp->conf.quarantine_size < size
        || payload.len > QOE_SEGMENT_PAYLOAD_MAX)
    {
        return;
    }

    memset(&record, 0, sizeof(qoe_segment_record_t));
    record.offset = QOE_SEGMENT_HEADER;
    record.length = (uint32_t) payload.len;
    record.items = items;
    record.flags = (uint32_t) signal & QOE_SEGMENT_SIGNAL;
    record.received_ns = received_ns;

    err = qoe_spool_quarantine_room(sp, size);

    if (err == 0) {
        err = qoe_spool_quarantine_write(sp, &record, payload.data);
    }

    if (err != 0) {
        qoe_spool_warn(sp, err, "keep a refused request of", sp->name);
        return;
    }

    qoe_dest_count(sp->zone, sp->dest, QOE_DEST_BATCHES_QUARANTINED, 1);
}


int
qoe_spool_quarantine_room(qoe_spool_t *sp, uint64_t size)
{
    int       err;
    uint64_t  used;

    if (sp->conf.quarantine_size == 0 || size > sp->conf.quarantine_size) {
        return EFBIG;
    }

    err = qoe_spool_quarantine_open(sp);
    if (err != 0) {
        return err;
    }

    /* count first: helpers that write now see each other's bytes */

    qoe_dest_count(sp->zone, sp->dest, QOE_DEST_QUARANTINE_BYTES, size);

    used = sp->kept - sp->kept_base
           + qoe_dest_counter(sp->zone, sp->dest, QOE_DEST_QUARANTINE_BYTES);

    if (!sp->looked || used > sp->conf.quarantine_size
        || ++sp->quarantined >= QOE_SPOOL_LOOK_EACH)
    {
        qoe_spool_quarantine_trim(sp, size);
    }

    return 0;
}


static int
qoe_spool_quarantine_open(qoe_spool_t *sp)
{
    int  err, fd;

    if (sp->quarantine_fd != -1) {
        return 0;
    }

    err = qoe_spool_dirs_open(sp);
    if (err != 0) {
        return err;
    }

    err = qoe_spool_dir_make(sp->base_fd, "quarantine", &fd);
    if (err != 0) {
        return err;
    }

    err = qoe_spool_dir_make(fd, sp->name, &sp->quarantine_fd);
    close(fd);

    return err;
}


static int
qoe_spool_quarantine_write(qoe_spool_t *sp, qoe_segment_record_t *record,
    const void *payload)
{
    int       err, fd;
    char      name[QOE_SPOOL_NAME_LEN];
    uint64_t  id;

    id = qoe_spool_new_id(sp);
    qoe_spool_file_name(name, id, "seg");

    fd = openat(sp->quarantine_fd, name,
                O_RDWR|O_CREAT|O_EXCL|O_NOFOLLOW|O_CLOEXEC, 0600);

    if (fd == -1) {
        err = errno;

        if (err == ENOENT) {

            /* the quarantine was removed, with its directory */

            close(sp->quarantine_fd);
            sp->quarantine_fd = -1;
        }

        return err;
    }

    err = qoe_segment_begin(fd, id, qoe_unix_ns());

    if (err == 0) {
        err = qoe_segment_append(fd, id, record, payload);
    }

    close(fd);

    if (err != 0) {
        (void) unlinkat(sp->quarantine_fd, name, 0);
    }

    return err;
}


void
qoe_spool_damaged(qoe_spool_t *sp, const qoe_spool_seg_t *seg, uint64_t bytes)
{
    qoe_spool_damage_note(sp, seg, bytes);

    if (qoe_spool_quarantine_file(sp, seg, false) != 0) {
        (void) qoe_spool_file_unlink(sp, seg);
    }
}


void
qoe_spool_damaged_half(qoe_spool_t *sp, const qoe_spool_seg_t *seg,
    uint64_t bytes)
{
    qoe_spool_damage_note(sp, seg, bytes);
    (void) qoe_spool_quarantine_file(sp, seg, true);
}


static void
qoe_spool_damage_note(qoe_spool_t *sp, const qoe_spool_seg_t *seg,
    uint64_t bytes)
{
    qoe_log_limited(sp->log, &sp->damage_limit, QOE_LOG_ERR, "spool: segment "
                    "%016llx of \"%s/%s/%s\" is damaged, %llu bytes",
                    (unsigned long long) seg->id, sp->path, sp->instance,
                    sp->name, (unsigned long long) bytes);
    qoe_dest_count(sp->zone, sp->dest, QOE_DEST_SEGMENTS_DAMAGED, 1);
}


/* stays: under its own name, too. */

static int
qoe_spool_quarantine_file(qoe_spool_t *sp, const qoe_spool_seg_t *seg,
    bool stays)
{
    int  err;

    if (sp->conf.quarantine_size == 0) {
        return ENOENT;
    }

    err = qoe_spool_lane_open(sp, seg->lane);

    if (err == 0) {
        err = qoe_spool_quarantine_move(sp, seg, stays);
    }

    if (err != 0) {
        qoe_spool_warn(sp, err, "keep a damaged segment of", sp->name);
    }

    return err;
}


static int
qoe_spool_quarantine_move(qoe_spool_t *sp, const qoe_spool_seg_t *seg,
    bool stays)
{
    int          err, dir;
    char         name[QOE_SPOOL_NAME_LEN], bad[QOE_SPOOL_NAME_LEN];
    struct stat  st;

    dir = seg->lane->dir_fd;

    qoe_spool_seg_name(name, seg);
    qoe_spool_file_name(bad, seg->id, "bad");

    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == -1) {
        return errno;
    }

    err = qoe_spool_quarantine_room(sp, (uint64_t) st.st_size);
    if (err != 0) {
        return err;
    }

    err = stays ? linkat(dir, name, sp->quarantine_fd, bad, 0)
                : renameat(dir, name, sp->quarantine_fd, bad);

    return err == -1 ? errno : 0;
}


/* Counts what is in the quarantine, and makes room for size bytes. */

static void
qoe_spool_quarantine_trim(qoe_spool_t *sp, uint64_t size)
{
    char               name[QOE_SPOOL_NAME_LEN];
    size_t             i, n;
    uint64_t           used, most;
    qoe_spool_kept_t  *kept;

    sp->looked = true;
    sp->quarantined = 0;
    sp->kept_base = qoe_dest_counter(sp->zone, sp->dest,
                                     QOE_DEST_QUARANTINE_BYTES);

    n = qoe_spool_quarantine_list(sp->quarantine_fd, &kept, &used);
    most = sp->conf.quarantine_size - size;

    if (used > most) {

        qsort(kept, n, sizeof(qoe_spool_kept_t), qoe_spool_kept_cmp);

        if (n > QOE_SPOOL_TRIM_MANY) {
            most -= qoe_min(most, sp->conf.quarantine_size / 8);
        }
    }

    for (i = 0; i < n && used > most; i++) {

        qoe_spool_file_name(name, kept[i].id, kept[i].bad ? "bad" : "seg");

        if (unlinkat(sp->quarantine_fd, name, 0) == 0 || errno == ENOENT) {
            used -= kept[i].size;
        }
    }

    sp->kept = used + size;

    free(kept);
}


static size_t
qoe_spool_quarantine_list(int fd, qoe_spool_kept_t **kept, uint64_t *size)
{
    DIR               *dir;
    size_t             n, cap;
    struct stat        st;
    struct dirent     *d;
    qoe_spool_kept_t   k, *more;

    n = 0;
    cap = 0;
    *kept = NULL;
    *size = 0;

    dir = qoe_spool_dir_list(fd);
    if (dir == NULL) {
        return 0;
    }

    while (n < QOE_SPOOL_TRIM_FILES && (d = readdir(dir)) != NULL) {

        if (!qoe_spool_quarantine_id(d->d_name, &k)
            || fstatat(fd, d->d_name, &st, AT_SYMLINK_NOFOLLOW) == -1)
        {
            continue;
        }

        if (n == cap) {
            cap = qoe_max(cap * 2, (size_t) 64);
            more = realloc(*kept, cap * sizeof(qoe_spool_kept_t));

            if (more == NULL) {
                break;
            }

            *kept = more;
        }

        k.size = (uint64_t) st.st_size;
        (*kept)[n++] = k;
        *size += k.size;
    }

    closedir(dir);

    return n;
}


static bool
qoe_spool_quarantine_id(const char *name, qoe_spool_kept_t *k)
{
    char  seg[QOE_SPOOL_NAME_LEN];

    k->bad = strlen(name) == 20 && strcmp(name + 16, ".bad") == 0;

    if (k->bad) {
        memcpy(seg, name, 16);
        memcpy(seg + 16, ".seg", 5);
        name = seg;
    }

    return qoe_spool_file_id(name, &k->id);
}


static int
qoe_spool_kept_cmp(const void *a, const void *b)
{
    const qoe_spool_kept_t  *x, *y;

    x = a;
    y = b;

    return x->id < y->id ? -1 : x->id > y->id;
}
