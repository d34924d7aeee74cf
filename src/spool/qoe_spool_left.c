
/*
 * Copyright (C) OpenQoE
 *
 * Makes durable what other processes have written.  The next owner of a lane
 * continues where the last owner had stored it, and must answer for what that
 * one had not synced, even if it is dead: so sync all files that there are.
 */


#include "qoe_spool_priv.h"

#include <errno.h>
#include <unistd.h>


#define QOE_SPOOL_NAME_TRIES   3


static bool qoe_spool_own(const qoe_spool_t *sp, uint64_t id);
static int qoe_spool_other_sync(qoe_spool_t *sp, qoe_segment_entry_t *e,
    uint64_t id);


void
qoe_spool_sync_left(qoe_spool_t *sp)
{
    if (sp->left_ms == 0) {
        sp->left_ms = qoe_max(qoe_mono_ms(), 1);
    }
}


qoe_status_t
qoe_spool_others_sync(qoe_spool_t *sp)
{
    int                   err;
    uint64_t              id;
    qoe_segment_entry_t  *e;

    if (sp->left_ms == 0) {
        return QOE_OK;
    }

    err = qoe_spool_dirs_open(sp);

    for (e = sp->table; err == 0 && e < sp->table + QOE_SEGMENTS_MAX; e++) {

        id = qoe_acquire(&e->id);

        if (qoe_acquire(&e->state) != QOE_SEGMENT_FREE && id != 0
            && !qoe_spool_own(sp, id))
        {
            err = qoe_spool_other_sync(sp, e, id);
        }
    }

    if (err == 0) {

        /* new names must be durable as well */

        sp->dir_dirty = true;
        err = qoe_spool_dirs_sync(sp);
    }

    if (err != 0) {
        qoe_spool_fail(sp, err, "sync the segments in", sp->name);
        return QOE_ERROR;
    }

    sp->left_ms = 0;

    return QOE_OK;
}


/* Files that this helper writes are synced elsewhere. */

static bool
qoe_spool_own(const qoe_spool_t *sp, uint64_t id)
{
    const qoe_spool_seg_t  *seg;

    for (seg = sp->segs; seg != NULL; seg = seg->next) {
        if (seg->id == id) {
            return true;
        }
    }

    return false;
}


static int
qoe_spool_other_sync(qoe_spool_t *sp, qoe_segment_entry_t *e, uint64_t id)
{
    int  i, err, fd;

    fd = -1;
    err = ENOENT;

    /* the file may be renamed between tries of its two names */

    for (i = 0; i < QOE_SPOOL_NAME_TRIES; i++) {
        err = qoe_spool_file_open(sp, id, &fd);

        if (err != ENOENT) {
            break;
        }
    }

    if (err == ENOENT || qoe_spool_stranger(err)) {

        /* delivered meanwhile, or lost, which the backlog's reader counts */

        return 0;
    }

    if (err != 0) {
        return err;
    }

    qoe_dest_count(sp->zone, sp->dest, QOE_DEST_SPOOL_SYNCS, 1);

    if (fdatasync(fd) == -1) {
        err = errno;
    }

    close(fd);

    if (qoe_acquire(&e->id) != id) {
        return err;
    }

    if (err != 0) {
        __atomic_fetch_or(&e->reserved, QOE_SPOOL_BAD, __ATOMIC_ACQ_REL);

    } else if (qoe_acquire(&e->reserved) & QOE_SPOOL_BAD) {

        /* not durable until its owner rewrites it or the backlog sends it */

        err = EIO;
    }

    return err;
}
