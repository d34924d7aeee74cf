
/*
 * Copyright (C) OpenQoE
 *
 * Reads adopted segments once, to count what is in them: segments of dead
 * processes, and those that came with another instance.
 */


#include "qoe_spool_priv.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>


#define QOE_SPOOL_SCAN_RECORDS 64            /* between looks at the clock */


static bool qoe_spool_scan_begin(qoe_spool_t *sp, qoe_segment_entry_t *e);
static void qoe_spool_scan_end(qoe_spool_t *sp);
static bool qoe_spool_scan_useless(qoe_spool_t *sp);


/* Looks for an entry of a dead process, or one that is not counted. */

bool
qoe_spool_orphan(qoe_spool_t *sp)
{
    bool                  adopted;
    uint64_t              owner;
    qoe_segment_entry_t  *e;

    for (e = sp->table; e < sp->table + QOE_SEGMENTS_MAX; e++) {

        owner = qoe_acquire(&e->owner);

        if (owner == 0 || qoe_acquire(&e->state) == QOE_SEGMENT_FREE) {
            continue;
        }

        if (owner == sp->self) {
            if ((qoe_acquire(&e->reserved) & QOE_SPOOL_FOREIGN)
                && e != sp->backlog.entry && qoe_spool_scan_begin(sp, e))
            {
                return true;
            }

            continue;
        }

        if (qoe_spool_entry_claim(e, sp->self, &adopted) != QOE_OK) {
            continue;
        }

        if (!adopted) {
            qoe_spool_entry_seal(e);
            continue;
        }

        if (qoe_spool_scan_begin(sp, e)) {
            return true;
        }
    }

    return false;
}


static bool
qoe_spool_scan_begin(qoe_spool_t *sp, qoe_segment_entry_t *e)
{
    int                err;
    qoe_spool_scan_t  *s;

    s = &sp->scan;

    s->id = qoe_acquire(&e->id);
    s->events = 0;
    s->done = 0;
    s->oldest_ns = UINT64_MAX;

    err = qoe_spool_file_open(sp, s->id, &s->fd);

    if (err == 0 && qoe_segment_open(&s->reader, s->fd, s->id) != QOE_OK) {
        err = errno;
        close(s->fd);
        s->fd = -1;
    }

    if (err == ENOENT) {
        qoe_spool_lost(sp, e);
        return false;
    }

    if (qoe_spool_pass_over(sp, e, s->id, err)) {
        return false;
    }

    if (err != 0) {

        /* the backlog will try again */

        qoe_spool_warn(sp, err, "read a segment of", sp->name);
        qoe_spool_entry_seal(e);
        return false;
    }

    s->entry = e;

    return true;
}


void
qoe_spool_lost(qoe_spool_t *sp, qoe_segment_entry_t *e)
{
    uint64_t  events, done;

    events = qoe_acquire(&e->events);
    done = qoe_min(qoe_acquire(&e->done), events);

    qoe_dest_count(sp->zone, sp->dest, QOE_DEST_DROPPED_LOST, events - done);
    qoe_spool_entry_free(e);
}


void
qoe_spool_scan(qoe_spool_t *sp, uint64_t now_ms)
{
    int                    i;
    qoe_status_t           rc;
    qoe_spool_scan_t      *s;
    qoe_segment_record_t   record;

    s = &sp->scan;
    rc = QOE_OK;

    while (s->entry != NULL) {

        for (i = 0; i < QOE_SPOOL_SCAN_RECORDS; i++) {

            rc = qoe_segment_next(&s->reader, &record, NULL);

            if (rc != QOE_OK) {
                break;
            }

            s->events += record.items;
            s->done += record.done ? record.items : 0;
            s->oldest_ns = qoe_min(s->oldest_ns, record.received_ns);
        }

        if (rc == QOE_DONE || rc == QOE_ERROR) {
            qoe_spool_scan_end(sp);
            (void) qoe_spool_orphan(sp);
        }

        if (qoe_mono_ms() > now_ms + QOE_SPOOL_SLICE_MS) {
            break;
        }
    }
}


/* The file's counts replace the entry's, but for unreadable records. */

static void
qoe_spool_scan_end(qoe_spool_t *sp)
{
    char                  open[QOE_SPOOL_NAME_LEN], seg[QOE_SPOOL_NAME_LEN];
    uint64_t              events;
    qoe_spool_scan_t     *s;
    qoe_segment_entry_t  *e;

    s = &sp->scan;
    e = s->entry;
    events = qoe_acquire(&e->events);

    qoe_spool_scan_stop(sp);
    s->entry = NULL;

    if (events == 0 && qoe_spool_scan_useless(sp)) {
        qoe_spool_entry_free(e);
        return;
    }

    if (qoe_acquire(&e->reserved) & QOE_SPOOL_FOREIGN) {
        qoe_publish(&e->events, s->events);
        qoe_publish(&e->done, s->done);
        qoe_dest_recovered(sp->zone, sp->dest, s->id, s->events - s->done);
        __atomic_fetch_and(&e->reserved, ~(uint64_t) QOE_SPOOL_FOREIGN,
                           __ATOMIC_ACQ_REL);

    } else {

        /* records that the backlog's reader does not find are lost */

        qoe_publish(&e->events, qoe_max(events, s->events));
        qoe_publish(&e->done, s->done);
    }

    if (s->events != 0) {
        qoe_publish(&e->oldest_ns, s->oldest_ns);
    }

    qoe_publish(&e->bytes, s->reader.end);

    qoe_spool_file_name(open, s->id, "open");
    qoe_spool_file_name(seg, s->id, "seg");
    (void) renameat(sp->dir_fd, open, sp->dir_fd, seg);

    qoe_spool_entry_seal(e);

    if (sp->lease) {
        sp->next_ms = 0;

    } else {
        sp->look_ms = 0;
    }
}


/*
 * Whether the file has no record at all: such a file must not take room in the
 * table and of max_size until the server is back.  It is deleted then.
 */

static bool
qoe_spool_scan_useless(qoe_spool_t *sp)
{
    int                          err;
    const qoe_segment_reader_t  *r;

    r = &sp->scan.reader;

    if (sp->scan.events != 0 || r->next != 0 || r->offset < r->end) {
        return false;
    }

    if (r->damaged != 0 || (!r->header && !r->blank)) {
        qoe_spool_damaged(sp, sp->scan.id, r->damaged);
        return true;
    }

    err = qoe_spool_file_unlink(sp, sp->scan.id);

    if (err != 0 && err != ENOENT) {
        qoe_spool_warn(sp, err, "delete a segment of", sp->name);
    }

    return true;
}


/*
 * Any helper may read what this one could not read in time.  This process may
 * live on for hours, for its last requests, after its helper handed over.
 */

void
qoe_spool_scan_give(qoe_spool_t *sp)
{
    qoe_segment_entry_t  *e;

    for (e = sp->table; e < sp->table + QOE_SEGMENTS_MAX; e++) {

        if (qoe_acquire(&e->owner) == sp->self
            && (e == sp->scan.entry
                || (qoe_acquire(&e->reserved) & QOE_SPOOL_FOREIGN)))
        {
            qoe_publish(&e->owner, QOE_SPOOL_NOBODY);
        }
    }

    sp->scan.entry = NULL;
}


void
qoe_spool_scan_stop(qoe_spool_t *sp)
{
    qoe_spool_scan_t  *s;

    s = &sp->scan;

    if (s->fd != -1) {
        close(s->fd);
        s->fd = -1;
    }
}
