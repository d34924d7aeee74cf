
/*
 * Copyright (C) OpenQoE
 *
 * The segments that this helper writes, until they wait for the backlog or are
 * deleted; and the sync of all segments.
 */


#ifndef _GNU_SOURCE
#define _GNU_SOURCE              /* fallocate() */
#endif

#include "qoe_spool_priv.h"
#include "qoe_failpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>


#define QOE_SPOOL_ALLOCATE     (1024 * 1024)


static qoe_status_t qoe_spool_seg_create(qoe_spool_t *sp,
    qoe_spool_lane_t *l);
static int qoe_spool_seg_file(qoe_spool_t *sp, qoe_spool_lane_t *l,
    qoe_spool_seg_t **seg);
static int qoe_spool_seg_allocate(qoe_spool_t *sp, qoe_spool_seg_t *seg,
    uint64_t need);
static qoe_status_t qoe_spool_lane_sync(qoe_spool_t *sp, qoe_spool_lane_t *l,
    bool all);
static int qoe_spool_seg_sync(qoe_spool_t *sp, qoe_spool_seg_t *seg);
static void qoe_spool_seg_bad(qoe_spool_t *sp, qoe_spool_seg_t *seg);
static void qoe_spool_segs_bad(qoe_spool_t *sp);
static void qoe_spool_bad_delete(qoe_spool_t *sp, qoe_spool_lane_t *l);
static bool qoe_spool_seg_settle(qoe_spool_t *sp, qoe_spool_seg_t *seg);
static void qoe_spool_seg_delete(qoe_spool_t *sp, qoe_spool_seg_t *seg);


qoe_status_t
qoe_spool_seg_ready(qoe_spool_t *sp, qoe_spool_lane_t *l, uint64_t need,
    bool force)
{
    int               err;
    qoe_status_t      rc;
    qoe_spool_seg_t  *seg;

    err = qoe_spool_lane_open(sp, l);
    if (err != 0) {
        qoe_spool_fail(sp, err, "open", sp->name);
        return QOE_ERROR;
    }

    seg = l->current;

    if (seg != NULL && seg->sequence != 0
        && seg->offset + need > sp->conf.segment_size)
    {
        qoe_spool_seg_finish(sp, seg);
    }

    if (!force) {
        rc = qoe_spool_room(sp, need + (l->current == NULL
                                        ? QOE_SEGMENT_HEADER : 0));
        if (rc != QOE_OK) {
            return rc;
        }
    }

    if (l->current == NULL) {
        rc = qoe_spool_seg_create(sp, l);
        if (rc != QOE_OK) {
            return rc;
        }
    }

    err = qoe_spool_seg_allocate(sp, l->current, need);
    if (err != 0) {
        qoe_spool_fail(sp, err, "write", sp->name);
        return QOE_ERROR;
    }

    return QOE_OK;
}


static qoe_status_t
qoe_spool_seg_create(qoe_spool_t *sp, qoe_spool_lane_t *l)
{
    int               err;
    qoe_spool_seg_t  *seg;

    seg = NULL;
    err = qoe_failpoint("segment.create");

    if (err == 0) {
        err = qoe_spool_seg_file(sp, l, &seg);
    }

    if (err == ENOMEM) {
        return QOE_NOMEM;
    }

    if (err != 0) {
        qoe_spool_fail(sp, err, "create a segment in", sp->name);

        if (err == ENOENT || err == ESTALE) {

            /* the directory was removed, and the files with it */

            qoe_spool_segs_bad(sp);
        }

        return QOE_ERROR;
    }

    seg->known = true;
    seg->offset = QOE_SEGMENT_HEADER;
    seg->used_ms = qoe_mono_ms();

    l->current = seg;
    l->dir_dirty = true;

    qoe_spool_lane_note(l);
    qoe_dest_count(sp->zone, sp->dest, QOE_DEST_SEGMENTS_CREATED, 1);

    return QOE_OK;
}


static int
qoe_spool_seg_file(qoe_spool_t *sp, qoe_spool_lane_t *l,
    qoe_spool_seg_t **seg)
{
    int       err, fd, i;
    char      name[QOE_SPOOL_NAME_LEN];
    uint64_t  id;

    i = 0;

    do {
        id = qoe_spool_new_id(sp);

        qoe_spool_file_name(name, id, "open");
        fd = openat(l->dir_fd, name,
                    O_RDWR|O_CREAT|O_EXCL|O_NOFOLLOW|O_CLOEXEC, 0600);

    } while (fd == -1 && errno == EEXIST && ++i < QOE_SPOOL_ID_TRIES);

    if (fd == -1) {
        return errno;
    }

    err = qoe_segment_begin(fd, id, qoe_unix_ns());

    if (err == 0) {
        *seg = qoe_spool_seg_new(l, id);
        err = (*seg == NULL) ? ENOMEM : 0;
    }

    if (err != 0) {
        close(fd);
        (void) unlinkat(l->dir_fd, name, 0);
        return err;
    }

    (*seg)->fd = fd;
    (*seg)->open = true;

    return 0;
}


/* Reserves space, so that a full disk is noticed before it matters. */

static int
qoe_spool_seg_allocate(qoe_spool_t *sp, qoe_spool_seg_t *seg, uint64_t need)
{
    uint64_t  end, step;

    end = seg->offset + need;

    if (end <= seg->allocated) {
        return 0;
    }

    step = qoe_min(sp->conf.segment_size, (uint64_t) QOE_SPOOL_ALLOCATE);
    step = qoe_max(step, (uint64_t) 4096);
    end = seg->offset + qoe_max(need, step);

    while (fallocate(seg->fd, FALLOC_FL_KEEP_SIZE, (off_t) seg->offset,
                     (off_t) (end - seg->offset)) == -1)
    {
        if (errno == EINTR) {
            continue;
        }

        if (errno == EOPNOTSUPP || errno == ENOSYS) {
            end = UINT64_MAX;
            break;
        }

        return errno;
    }

    seg->allocated = end;

    return 0;
}


int
qoe_spool_seg_write(qoe_spool_t *sp, qoe_spool_lane_t *l,
    qoe_segment_record_t *record, const void *payload)
{
    int               err;
    uint64_t          items;
    qoe_spool_seg_t  *seg;

    seg = l->current;
    items = record->done ? 0 : record->items;

    record->offset = seg->offset;
    record->sequence = seg->sequence;

    qoe_spool_add(&l->part->moving, items);
    qoe_spool_add(&l->part->events, items);

    err = qoe_segment_append(seg->fd, seg->id, record, payload);

    if (err != 0) {
        qoe_spool_sub(&l->part->events, items);
    }

    qoe_spool_sub(&l->part->moving, items);

    if (err != 0) {
        seg->allocated = qoe_min(seg->allocated, seg->offset);
        qoe_spool_fail(sp, err, "write", sp->name);
        return err;
    }

    if (seg->sequence == 0 || record->received_ns < seg->oldest_ns) {
        seg->oldest_ns = record->received_ns;
    }

    seg->offset += QOE_SEGMENT_RECORD + record->length;
    seg->sequence++;
    seg->used_ms = qoe_mono_ms();
    seg->unsynced = true;

    if (seg->dirty_ms == 0) {
        seg->dirty_ms = seg->used_ms;
    }

    seg->events += record->items;
    seg->done += record->items - items;

    qoe_spool_lane_note(l);

    return 0;
}


void
qoe_spool_ref_add(qoe_spool_seg_t *seg, qoe_spool_ref_t *ref)
{
    ref->seg = seg;
    ref->next = NULL;
    ref->prev = seg->last;

    if (seg->last != NULL) {
        seg->last->next = ref;

    } else {
        seg->first = ref;
    }

    seg->last = ref;
}


void
qoe_spool_ref_remove(qoe_spool_ref_t *ref)
{
    qoe_spool_seg_t  *seg;

    seg = ref->seg;

    if (seg == NULL) {
        return;
    }

    if (ref->prev != NULL) {
        ref->prev->next = ref->next;

    } else {
        seg->first = ref->next;
    }

    if (ref->next != NULL) {
        ref->next->prev = ref->prev;

    } else {
        seg->last = ref->prev;
    }

    ref->seg = NULL;
}


qoe_status_t
qoe_spool_segs_sync(qoe_spool_t *sp, bool all)
{
    qoe_status_t       rc, one;
    qoe_spool_lane_t  *l;

    rc = QOE_OK;

    for (l = sp->lanes; l != NULL; l = l->next) {

        one = qoe_spool_lane_sync(sp, l, all);
        rc = (one == QOE_OK) ? rc : one;

        if (one == QOE_OK) {
            qoe_spool_bad_delete(sp, l);
        }
    }

    return rc;
}


static qoe_status_t
qoe_spool_lane_sync(qoe_spool_t *sp, qoe_spool_lane_t *l, bool all)
{
    int               err;
    qoe_status_t      rc;
    qoe_spool_seg_t  *seg;

    rc = QOE_OK;

    for (seg = l->segs; seg != NULL; seg = seg->next) {

        if (seg->bad) {
            rc = seg->copies ? rc : QOE_ERROR;
            continue;
        }

        if (!seg->unsynced && !(all && seg->dirty_ms != 0)) {
            continue;
        }

        err = qoe_spool_seg_sync(sp, seg);

        if (err != 0) {
            qoe_spool_fail(sp, err, "sync", sp->name);
            qoe_spool_seg_bad(sp, seg);
            rc = QOE_ERROR;
        }
    }

    err = l->dir_dirty ? qoe_spool_dirs_sync(sp, l) : 0;

    if (err != 0) {
        qoe_spool_fail(sp, err, "sync the directory of", sp->name);

        qoe_spool_segs_bad(sp);
        return QOE_ERROR;
    }

    return rc;
}


/* All that these files had is durable elsewhere. */

static void
qoe_spool_bad_delete(qoe_spool_t *sp, qoe_spool_lane_t *l)
{
    qoe_spool_seg_t  *seg, *next;

    for (seg = l->segs; seg != NULL; seg = next) {
        next = seg->next;

        if (seg->bad) {
            qoe_spool_seg_delete(sp, seg);
        }
    }

    if (qoe_acquire(&l->part->suspect)) {
        qoe_publish(&l->part->suspect, 0);
    }
}


static int
qoe_spool_seg_sync(qoe_spool_t *sp, qoe_spool_seg_t *seg)
{
    int  err, fd;

    fd = seg->fd;
    err = qoe_failpoint("spool.sync");

    if (err == 0 && fd == -1) {

        /* who meets a file that is gone, or a stranger, counts its loss */

        err = qoe_spool_file_open(sp, seg, &fd);
        err = (err == ENOENT || qoe_spool_stranger(err)) ? 0 : err;
    }

    if (err == 0 && fd != -1 && fdatasync(fd) == -1) {
        err = errno;

        /* at once: the next owner's sync would not make this good */

        qoe_publish(&seg->lane->part->suspect, 1);
    }

    if (fd != seg->fd) {
        qoe_spool_fd_close(&fd);
    }

    qoe_dest_count(sp->zone, sp->dest, QOE_DEST_SPOOL_SYNCS, 1);

    if (err == 0) {
        seg->dirty_ms = 0;
        seg->unsynced = false;
    }

    return err;
}


/*
 * After a failed fdatasync the kernel may have dropped the pages and marked
 * them clean: another fdatasync would succeed and prove nothing.  What this
 * helper writes is copied; for what others wrote no request gets its
 * acknowledgement any more.
 */

static void
qoe_spool_seg_bad(qoe_spool_t *sp, qoe_spool_seg_t *seg)
{
    if (seg->bad) {
        return;
    }

    if (seg->waiting) {
        if (seg->dirty_ms != 0) {
            seg->dirty_ms = 0;
            seg->unsynced = false;
            qoe_lane_dest_unkept(sp->zone, seg->lane->lane, sp->dest);
        }

        return;
    }

    qoe_spool_seg_finish(sp, seg);

    seg->bad = true;
    qoe_publish(&seg->lane->part->suspect, 1);

    qoe_spool_fd_close(&seg->fd);

    /* opened anew for marks, and to read the records back */

    (void) qoe_spool_file_open(sp, seg, &seg->fd);
}


/* Neither the directories nor anything below them may be trusted any more. */

static void
qoe_spool_segs_bad(qoe_spool_t *sp)
{
    qoe_spool_seg_t   *seg;
    qoe_spool_lane_t  *l;

    for (l = sp->lanes; l != NULL; l = l->next) {
        for (seg = l->segs; seg != NULL; seg = seg->next) {
            qoe_spool_seg_bad(sp, seg);
        }
    }

    qoe_spool_dirs_close(sp);
}


void
qoe_spool_seg_finish(qoe_spool_t *sp, qoe_spool_seg_t *seg)
{
    int  err;

    if (seg->finished) {
        return;
    }

    seg->finished = true;

    if (seg->lane->current == seg) {
        seg->lane->current = NULL;
    }

    /* both may fail: the space is freed later, and it keeps its name */

    if (seg->allocated > seg->offset && seg->fd != -1
        && ftruncate(seg->fd, (off_t) seg->offset) == -1)
    {
        qoe_spool_warn(sp, errno, "truncate", sp->name);
    }

    err = qoe_spool_file_finish(seg);

    if (err != 0) {
        qoe_spool_warn(sp, err, "rename a segment of", sp->name);
    }
}


void
qoe_spool_segs_settle(qoe_spool_t *sp)
{
    qoe_spool_seg_t   *seg, *next;
    qoe_spool_lane_t  *l;

    for (l = sp->lanes; l != NULL; l = l->next) {
        for (seg = l->segs; seg != NULL; seg = next) {
            next = seg->next;

            if (!seg->finished || seg->first != NULL || seg->bad
                || seg->waiting)
            {
                continue;
            }

            if (qoe_spool_lane_open(sp, l) != 0
                || !qoe_spool_seg_settle(sp, seg))
            {
                return;
            }
        }
    }
}


static bool
qoe_spool_seg_settle(qoe_spool_t *sp, qoe_spool_seg_t *seg)
{
    int  err;

    if (seg->done >= seg->events) {
        qoe_spool_seg_delete(sp, seg);
        return true;
    }

    err = (seg->dirty_ms != 0) ? qoe_spool_seg_sync(sp, seg) : 0;

    if (err != 0) {
        qoe_spool_fail(sp, err, "sync", sp->name);
        qoe_spool_seg_bad(sp, seg);
        return true;
    }

    err = seg->lane->dir_dirty ? qoe_spool_dirs_sync(sp, seg->lane) : 0;

    if (err != 0) {
        qoe_spool_fail(sp, err, "sync the directory of", sp->name);
        qoe_spool_segs_bad(sp);
        return false;
    }

    qoe_spool_fd_close(&seg->fd);
    seg->waiting = true;
    qoe_spool_lane_note(seg->lane);
    sp->next_ms = 0;

    return true;
}


/* All records are done; the marks must be durable before the file goes. */

static void
qoe_spool_seg_delete(qoe_spool_t *sp, qoe_spool_seg_t *seg)
{
    int  err;

    if (!seg->bad && seg->dirty_ms != 0) {
        err = qoe_spool_seg_sync(sp, seg);

        if (err != 0) {
            qoe_spool_warn(sp, err, "sync", sp->name);
        }
    }

    (void) qoe_spool_seg_spent(sp, seg);
}


bool
qoe_spool_seg_spent(qoe_spool_t *sp, qoe_spool_seg_t *seg)
{
    int  err;

    (void) qoe_failpoint("spool.unlink");

    err = qoe_spool_file_unlink(sp, seg);

    if (err == 0 || err == ENOENT) {
        qoe_spool_seg_free(sp, seg);
        return true;
    }

    qoe_spool_warn(sp, err, "delete a segment of", sp->name);
    qoe_spool_fd_close(&seg->fd);

    seg->known = true;
    seg->events = seg->done;
    seg->dirty_ms = 0;
    seg->unsynced = false;
    seg->bad = false;
    seg->waiting = true;
    seg->spent = true;

    qoe_spool_lane_note(seg->lane);
    sp->next_ms = 0;

    return false;
}
