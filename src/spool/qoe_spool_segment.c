
/*
 * Copyright (C) OpenQoE
 *
 * The segments that this helper writes, until they are sealed, which gives
 * them away, or deleted.
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


static qoe_status_t qoe_spool_seg_room(qoe_spool_t *sp, uint64_t need);
static qoe_status_t qoe_spool_seg_create(qoe_spool_t *sp);
static int qoe_spool_seg_file(qoe_spool_t *sp, qoe_spool_seg_t *seg);
static int qoe_spool_seg_allocate(qoe_spool_t *sp, qoe_spool_seg_t *seg,
    uint64_t need);
static int qoe_spool_seg_sync(qoe_spool_t *sp, qoe_spool_seg_t *seg);
static void qoe_spool_seg_bad(qoe_spool_t *sp, qoe_spool_seg_t *seg);
static void qoe_spool_segs_bad(qoe_spool_t *sp);
static void qoe_spool_seg_delete(qoe_spool_t *sp, qoe_spool_seg_t *seg);
static void qoe_spool_seg_free(qoe_spool_t *sp, qoe_spool_seg_t *seg);


qoe_status_t
qoe_spool_seg_ready(qoe_spool_t *sp, uint64_t need, bool force)
{
    int               err;
    qoe_status_t      rc;
    qoe_spool_seg_t  *seg;

    err = qoe_spool_dirs_open(sp);
    if (err != 0) {
        qoe_spool_fail(sp, err, "open", sp->name);
        return QOE_ERROR;
    }

    seg = sp->current;

    if (seg != NULL && seg->sequence != 0
        && seg->offset + need > sp->conf.segment_size)
    {
        qoe_spool_seg_finish(sp, seg);
    }

    if (!force) {
        rc = qoe_spool_seg_room(sp, need + (sp->current == NULL
                                            ? QOE_SEGMENT_HEADER : 0));
        if (rc != QOE_OK) {
            return rc;
        }
    }

    if (sp->current == NULL) {
        rc = qoe_spool_seg_create(sp);
        if (rc != QOE_OK) {
            return rc;
        }
    }

    err = qoe_spool_seg_allocate(sp, sp->current, need);
    if (err != 0) {
        qoe_spool_fail(sp, err, "write", sp->name);
        return QOE_ERROR;
    }

    return QOE_OK;
}


static qoe_status_t
qoe_spool_seg_room(qoe_spool_t *sp, uint64_t need)
{
    bool      settled;
    uint64_t  bytes;

    settled = false;

    if (need > sp->conf.max_size) {
        return QOE_FULL;
    }

    for ( ;; ) {
        (void) qoe_spool_segments(sp, &bytes);

        if (bytes <= sp->conf.max_size - need) {
            return QOE_OK;
        }

        if (!settled) {

            /* delivered segments can go first */

            settled = true;
            qoe_spool_segs_settle(sp);
            continue;
        }

        if (sp->conf.reject || !qoe_spool_drop_oldest(sp)) {
            return QOE_FULL;
        }
    }
}


uint64_t
qoe_spool_segments(const qoe_spool_t *sp, uint64_t *bytes)
{
    uint64_t                    n, sum;
    const qoe_segment_entry_t  *e;

    n = 0;
    sum = 0;

    for (e = sp->table; e < sp->table + QOE_SEGMENTS_MAX; e++) {
        if (qoe_acquire(&e->state) != QOE_SEGMENT_FREE) {
            n++;
            sum += qoe_acquire(&e->bytes);
        }
    }

    if (bytes != NULL) {
        *bytes = sum;
    }

    return n;
}


static qoe_status_t
qoe_spool_seg_create(qoe_spool_t *sp)
{
    int               err;
    bool              settled;
    qoe_spool_seg_t  *seg;

    settled = false;
    seg = calloc(1, sizeof(qoe_spool_seg_t));
    if (seg == NULL) {
        return QOE_NOMEM;
    }

    seg->fd = -1;

    for ( ;; ) {
        seg->entry = qoe_spool_entry_new(sp->zone, sp->dest, sp->self);

        if (seg->entry != NULL) {
            break;
        }

        if (!settled) {
            settled = true;
            qoe_spool_segs_settle(sp);
            continue;
        }

        if (sp->conf.reject || !qoe_spool_drop_oldest(sp)) {
            free(seg);
            return QOE_FULL;
        }
    }

    err = qoe_failpoint("segment.create");

    if (err == 0) {
        err = qoe_spool_seg_file(sp, seg);
    }

    if (err != 0) {
        qoe_spool_fail(sp, err, "create a segment in", sp->name);
        qoe_spool_entry_free(seg->entry);
        free(seg);

        if (err == ENOENT || err == ESTALE) {

            /* the directory was removed, and the files with it */

            qoe_spool_segs_bad(sp);
        }

        return QOE_ERROR;
    }

    seg->offset = QOE_SEGMENT_HEADER;
    seg->used_ms = qoe_mono_ms();
    qoe_publish(&seg->entry->bytes, seg->offset);

    seg->next = sp->segs;
    sp->segs = seg;
    sp->current = seg;
    sp->dir_dirty = true;

    qoe_dest_count(sp->zone, sp->dest, QOE_DEST_SEGMENTS_CREATED, 1);

    return QOE_OK;
}


/* The entry has the id before the file exists: no file is unknown. */

static int
qoe_spool_seg_file(qoe_spool_t *sp, qoe_spool_seg_t *seg)
{
    int   err, i;
    char  name[QOE_SPOOL_NAME_LEN];

    for (i = 0; i < QOE_SPOOL_ID_TRIES; i++) {

        seg->id = qoe_spool_new_id(sp);
        qoe_publish(&seg->entry->id, seg->id);

        qoe_spool_file_name(name, seg->id, "open");
        seg->fd = openat(sp->dir_fd, name,
                         O_RDWR|O_CREAT|O_EXCL|O_NOFOLLOW|O_CLOEXEC, 0600);

        if (seg->fd != -1 || errno != EEXIST) {
            break;
        }
    }

    if (seg->fd == -1) {
        return errno;
    }

    err = qoe_segment_begin(seg->fd, seg->id, qoe_unix_ns());

    if (err != 0) {
        close(seg->fd);
        (void) unlinkat(sp->dir_fd, name, 0);
    }

    return err;
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
qoe_spool_seg_write(qoe_spool_t *sp, qoe_segment_record_t *record,
    const void *payload)
{
    int                   err;
    qoe_spool_seg_t      *seg;
    qoe_segment_entry_t  *e;

    seg = sp->current;
    e = seg->entry;

    record->offset = seg->offset;
    record->sequence = seg->sequence;

    err = qoe_segment_append(seg->fd, seg->id, record, payload);

    if (err != 0) {
        seg->allocated = qoe_min(seg->allocated, seg->offset);
        qoe_spool_fail(sp, err, "write", sp->name);
        return err;
    }

    seg->offset += QOE_SEGMENT_RECORD + record->length;
    seg->sequence++;
    seg->used_ms = qoe_mono_ms();
    seg->unsynced = true;

    if (seg->dirty_ms == 0) {
        seg->dirty_ms = seg->used_ms;
    }

    if (seg->events == 0 || record->received_ns
                            < qoe_acquire(&e->oldest_ns))
    {
        qoe_publish(&e->oldest_ns, record->received_ns);
    }

    qoe_publish(&e->bytes, seg->offset);

    seg->events += record->items;
    qoe_publish(&e->events, seg->events);

    if (record->done) {
        qoe_spool_seg_done(seg, record->items);
    }

    return 0;
}


void
qoe_spool_seg_done(qoe_spool_seg_t *seg, uint64_t items)
{
    seg->done += items;
    qoe_publish(&seg->entry->done, seg->done);
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


static int
qoe_spool_seg_sync(qoe_spool_t *sp, qoe_spool_seg_t *seg)
{
    int  err;

    err = qoe_failpoint("spool.sync");

    if (err == 0 && seg->fd != -1 && fdatasync(seg->fd) == -1) {
        err = errno;
    }

    qoe_dest_count(sp->zone, sp->dest, QOE_DEST_SPOOL_SYNCS, 1);

    if (err == 0) {
        seg->dirty_ms = 0;
        seg->unsynced = false;

    } else {

        /* at once: others may sync it too, see qoe_spool_left.c */

        qoe_publish(&seg->entry->reserved, QOE_SPOOL_BAD);
    }

    return err;
}


qoe_status_t
qoe_spool_segs_sync(qoe_spool_t *sp, bool all)
{
    int               err;
    qoe_status_t      rc;
    qoe_spool_seg_t  *seg, *next;

    rc = QOE_OK;

    for (seg = sp->segs; seg != NULL; seg = seg->next) {

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

    err = sp->dir_dirty ? qoe_spool_dirs_sync(sp) : 0;

    if (err != 0) {
        qoe_spool_fail(sp, err, "sync the directory of", sp->name);

        qoe_spool_segs_bad(sp);
        return QOE_ERROR;
    }

    if (rc == QOE_OK) {
        for (seg = sp->segs; seg != NULL; seg = next) {
            next = seg->next;

            if (seg->bad) {
                qoe_spool_seg_delete(sp, seg);
            }
        }
    }

    return rc;
}


/*
 * After a failed fdatasync the kernel may have dropped the pages and marked
 * them clean: another fdatasync would succeed and prove nothing.
 */

static void
qoe_spool_seg_bad(qoe_spool_t *sp, qoe_spool_seg_t *seg)
{
    if (seg->bad) {
        return;
    }

    qoe_spool_seg_finish(sp, seg);

    seg->bad = true;
    qoe_publish(&seg->entry->reserved, QOE_SPOOL_BAD);

    if (seg->fd != -1) {
        close(seg->fd);
        seg->fd = -1;
    }

    /* opened anew for marks, and to read the records back */

    (void) qoe_spool_file_open(sp, seg->id, &seg->fd);
}


/* Neither the directories nor anything below them may be trusted any more. */

static void
qoe_spool_segs_bad(qoe_spool_t *sp)
{
    qoe_spool_seg_t  *seg;

    for (seg = sp->segs; seg != NULL; seg = seg->next) {
        qoe_spool_seg_bad(sp, seg);
    }

    qoe_spool_dirs_close(sp);
}


void
qoe_spool_seg_finish(qoe_spool_t *sp, qoe_spool_seg_t *seg)
{
    char  open[QOE_SPOOL_NAME_LEN], name[QOE_SPOOL_NAME_LEN];

    if (seg->finished) {
        return;
    }

    seg->finished = true;

    if (sp->current == seg) {
        sp->current = NULL;
    }

    /* both may fail: the space is freed later, and both names are read */

    if (seg->allocated > seg->offset && seg->fd != -1
        && ftruncate(seg->fd, (off_t) seg->offset) == -1)
    {
        qoe_spool_warn(sp, errno, "truncate", sp->name);
    }

    qoe_spool_file_name(open, seg->id, "open");
    qoe_spool_file_name(name, seg->id, "seg");

    if (renameat(sp->dir_fd, open, sp->dir_fd, name) == -1) {
        qoe_spool_warn(sp, errno, "rename", open);
    }
}


void
qoe_spool_segs_settle(qoe_spool_t *sp)
{
    int               err;
    qoe_spool_seg_t  *seg, *next;

    if (sp->segs == NULL || qoe_spool_dirs_open(sp) != 0) {
        return;
    }

    for (seg = sp->segs; seg != NULL; seg = next) {
        next = seg->next;

        if (!seg->finished || seg->first != NULL || seg->bad) {
            continue;
        }

        if (seg->done >= seg->events) {
            qoe_spool_seg_delete(sp, seg);
            continue;
        }

        err = (seg->dirty_ms != 0) ? qoe_spool_seg_sync(sp, seg) : 0;

        if (err != 0) {
            qoe_spool_fail(sp, err, "sync", sp->name);
            qoe_spool_seg_bad(sp, seg);
            continue;
        }

        /* the next owner does not know whether the name is durable */

        err = sp->dir_dirty ? qoe_spool_dirs_sync(sp) : 0;

        if (err != 0) {
            qoe_spool_fail(sp, err, "sync the directory of", sp->name);
            qoe_spool_segs_bad(sp);
            return;
        }

        qoe_spool_entry_seal(seg->entry);
        seg->entry = NULL;
        qoe_spool_seg_free(sp, seg);

        /* there is a backlog now: find out who reads it */

        sp->look_ms = 0;
    }
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

    (void) qoe_failpoint("spool.unlink");

    err = qoe_spool_file_unlink(sp, seg->id);

    if (err != 0 && err != ENOENT) {
        qoe_spool_warn(sp, err, "delete a segment of", sp->name);

        if (!seg->bad) {

            /* the next reader finds all records done, and deletes it */

            qoe_spool_entry_seal(seg->entry);
            seg->entry = NULL;
        }
    }

    qoe_spool_seg_free(sp, seg);
}


static void
qoe_spool_seg_free(qoe_spool_t *sp, qoe_spool_seg_t *seg)
{
    qoe_spool_seg_t  **p;

    for (p = &sp->segs; *p != NULL; p = &(*p)->next) {
        if (*p == seg) {
            *p = seg->next;
            break;
        }
    }

    if (sp->current == seg) {
        sp->current = NULL;
    }

    /* only a bad segment has refs; their loss was reported */

    while (seg->first != NULL) {
        qoe_spool_ref_remove(seg->first);
    }

    if (seg->entry != NULL) {
        qoe_spool_entry_free(seg->entry);
    }

    if (seg->fd != -1) {
        close(seg->fd);
    }

    free(seg);
}
