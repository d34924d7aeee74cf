
/*
 * Copyright (C) OpenQoE
 *
 * The backlog: reads the segments that wait, the oldest first.
 */


#include "qoe_spool_priv.h"
#include "qoe_failpoint.h"

#include <errno.h>
#include <unistd.h>


#define QOE_SPOOL_STRIKES      3             /* failed reads of a segment */
#define QOE_SPOOL_NEXT_RECORDS 256           /* passed over in one call */


static qoe_status_t qoe_spool_backlog_open(qoe_spool_t *sp, uint64_t now_ms);
static qoe_spool_seg_t *qoe_spool_backlog_oldest(const qoe_spool_t *sp,
    uint64_t past);
static bool qoe_spool_left_finish(qoe_spool_t *sp, uint64_t now_ms);
static qoe_status_t qoe_spool_backlog_begin(qoe_spool_t *sp,
    qoe_spool_seg_t *seg);
static qoe_status_t qoe_spool_backlog_read(qoe_spool_t *sp);
static void qoe_spool_backlog_end(qoe_spool_t *sp, uint64_t end);
static void qoe_spool_backlog_close(qoe_spool_t *sp);
static void qoe_spool_backlog_corrupt(qoe_spool_t *sp);
static void qoe_spool_backlog_mark(qoe_spool_t *sp);


qoe_status_t
qoe_spool_next(qoe_spool_t *sp, uint64_t now_ms, qoe_spool_item_t *item)
{
    uint64_t              wait_ms;
    qoe_status_t          rc;
    qoe_spool_backlog_t  *b;

    b = &sp->backlog;

    if (b->item) {
        return QOE_DONE;
    }

    wait_ms = (sp->conf.replay_rate == 0)
              ? 0 : qoe_spool_paid_ms(sp->zone, sp->dest, now_ms);
    wait_ms = qoe_max(wait_ms, sp->hold_ms);

    if (now_ms < wait_ms) {
        sp->next_ms = wait_ms;
        return QOE_AGAIN;
    }

    sp->next_ms = UINT64_MAX;

    rc = b->again ? QOE_OK : QOE_DONE;

    while (rc == QOE_DONE) {

        if (b->seg == NULL) {
            rc = qoe_spool_backlog_open(sp, now_ms);

            if (rc != QOE_OK) {
                break;
            }
        }

        rc = qoe_spool_backlog_read(sp);
    }

    if (rc == QOE_AGAIN) {
        sp->next_ms = now_ms;
        return rc;
    }

    if (rc == QOE_ERROR) {
        sp->hold_ms = now_ms + QOE_SPOOL_RETRY_MS;
        sp->next_ms = sp->hold_ms;
        return QOE_AGAIN;
    }

    if (rc != QOE_OK) {
        return rc;
    }

    b->item = true;
    b->again = false;
    b->seg->sent = true;
    qoe_spool_lane_note(b->seg->lane);

    item->lane = b->seg->lane->lane;
    item->signal = (qoe_signal_t) (b->record.flags & QOE_SEGMENT_SIGNAL);
    item->payload = (qoe_span_t) { b->payload.data, b->record.length };
    item->items = b->record.items;
    item->received_ns = b->record.received_ns;

    qoe_spool_pay(sp->zone, sp->dest, sp->conf.replay_rate, now_ms,
                  b->record.length);

    return QOE_OK;
}


static qoe_status_t
qoe_spool_backlog_open(qoe_spool_t *sp, uint64_t now_ms)
{
    bool              failed;
    uint64_t          past;
    qoe_status_t      rc;
    qoe_spool_seg_t  *seg;

    past = 0;
    failed = false;

    for ( ;; ) {
        seg = qoe_spool_backlog_oldest(sp, past);

        if (seg == NULL) {
            if (failed || !qoe_spool_left_finish(sp, now_ms)) {
                break;
            }

            past = 0;
            continue;
        }

        past = seg->id;
        rc = qoe_spool_backlog_begin(sp, seg);

        if (rc == QOE_OK) {
            return rc;
        }

        /* a segment that cannot be opened now does not stop the others */

        failed |= (rc == QOE_ERROR);
    }

    if (failed) {
        return QOE_ERROR;
    }

    /* the backlog is empty */

    qoe_buf_free(&sp->backlog.payload);

    return QOE_DONE;
}


static qoe_spool_seg_t *
qoe_spool_backlog_oldest(const qoe_spool_t *sp, uint64_t past)
{
    qoe_spool_seg_t         *seg, *oldest;
    const qoe_spool_lane_t  *l;

    oldest = NULL;

    for (l = sp->lanes; l != NULL; l = l->next) {
        for (seg = l->segs; seg != NULL; seg = seg->next) {
            if (seg->waiting && seg->id > past
                && (oldest == NULL || seg->id < oldest->id))
            {
                oldest = seg;
            }
        }
    }

    return oldest;
}


/*
 * Nothing else is left to read, so finish a segment that is always written to:
 * the records left in it need not wait for its natural end.
 */

static bool
qoe_spool_left_finish(qoe_spool_t *sp, uint64_t now_ms)
{
    bool               finished;
    qoe_spool_seg_t   *seg;
    qoe_spool_lane_t  *l;

    finished = false;

    for (l = sp->lanes; l != NULL; l = l->next) {
        seg = l->current;

        if (seg != NULL && seg->left_ms != 0 && seg->first == NULL
            && now_ms >= seg->left_ms + QOE_SPOOL_IDLE_MS)
        {
            qoe_spool_seg_finish(sp, seg);
            finished = true;
        }
    }

    if (finished) {
        qoe_spool_segs_settle(sp);
    }

    return finished;
}


static qoe_status_t
qoe_spool_backlog_begin(qoe_spool_t *sp, qoe_spool_seg_t *seg)
{
    int                   err;
    qoe_spool_backlog_t  *b;

    if (seg->spent) {
        return qoe_spool_seg_spent(sp, seg) ? QOE_DONE : QOE_ERROR;
    }

    b = &sp->backlog;

    err = qoe_spool_file_open(sp, seg, &b->fd);

    if (qoe_spool_pass_over(sp, seg, err)) {
        return QOE_DONE;
    }

    if (err == 0 && qoe_segment_open(&b->reader, b->fd, seg->id) != QOE_OK) {
        err = errno;
    }

    if (err != 0) {
        qoe_spool_warn(sp, err, "read a segment of", sp->name);
        qoe_spool_backlog_close(sp);
        return QOE_ERROR;
    }

    b->seg = seg;
    b->seen = 0;
    b->strikes = 0;
    b->damaged = false;

    return QOE_OK;
}


/* QOE_OK: found a request; QOE_DONE: the segment has no more. */

static qoe_status_t
qoe_spool_backlog_read(qoe_spool_t *sp)
{
    int                    i;
    qoe_status_t           rc;
    qoe_spool_backlog_t   *b;
    qoe_segment_record_t  *r;

    b = &sp->backlog;
    r = &b->record;

    for (i = 0; i < QOE_SPOOL_NEXT_RECORDS; i++) {

        rc = qoe_segment_next(&b->reader, r, &b->payload);

        switch (rc) {

        case QOE_OK:
            b->seen += r->items;
            b->strikes = 0;

            if (r->done) {
                break;
            }

            if (r->length != 0
                && (r->flags & QOE_SEGMENT_SIGNAL) < QOE_SIGNALS)
            {
                return QOE_OK;
            }

            /* the record is whole, but this module did not write it */

            qoe_spool_backlog_corrupt(sp);
            break;

        case QOE_INVALID:
            b->seen += r->items;
            qoe_spool_backlog_corrupt(sp);
            break;

        case QOE_DONE:
            qoe_spool_backlog_end(sp, b->reader.end);
            return QOE_DONE;

        case QOE_ERROR:
            qoe_spool_warn(sp, errno, "read a segment of", sp->name);

            if (++b->strikes < QOE_SPOOL_STRIKES) {
                return QOE_ERROR;
            }

            /* give up; the quarantine keeps the file for inspection */

            b->damaged = true;
            qoe_spool_backlog_end(sp, b->reader.offset);
            return QOE_DONE;

        default:                             /* QOE_AGAIN, QOE_NOMEM */
            return rc;
        }
    }

    return QOE_AGAIN;
}


static void
qoe_spool_backlog_end(qoe_spool_t *sp, uint64_t end)
{
    uint64_t              lost;
    qoe_spool_seg_t      *seg;
    qoe_spool_backlog_t  *b;

    b = &sp->backlog;
    seg = b->seg;

    lost = (seg->known && seg->events > b->seen) ? seg->events - b->seen : 0;

    if (lost != 0) {
        qoe_dest_count(sp->zone, sp->dest, QOE_DEST_DROPPED_CORRUPT, lost);
        qoe_spool_seg_done(seg, lost);
    }

    b->damaged |= lost != 0 || b->reader.damaged != 0 || b->reader.lost != 0
                  || end < b->reader.end;

    /* its writer may have been killed before it wrote the header */

    b->damaged |= !b->reader.header
                  && (!b->reader.blank || b->reader.next != 0);

    if (b->damaged) {
        seg->lane->damaged = true;
        qoe_spool_damaged(sp, seg, b->reader.damaged);

    } else {

        /* the marks must be durable before the file is deleted */

        qoe_dest_count(sp->zone, sp->dest, QOE_DEST_SPOOL_SYNCS, 1);

        if (fdatasync(b->fd) == -1) {
            qoe_spool_warn(sp, errno, "sync a segment of", sp->name);
        }
    }

    qoe_spool_backlog_close(sp);

    if (b->damaged) {
        qoe_spool_seg_free(sp, seg);

    } else {
        (void) qoe_spool_seg_spent(sp, seg);
    }
}


static void
qoe_spool_backlog_close(qoe_spool_t *sp)
{
    qoe_spool_backlog_t  *b;

    b = &sp->backlog;

    qoe_spool_fd_close(&b->fd);

    b->seg = NULL;
    b->item = false;
    b->again = false;
}


/* Marks the record as done, so that a later reader does not count it again. */

static void
qoe_spool_backlog_corrupt(qoe_spool_t *sp)
{
    qoe_spool_backlog_t  *b;

    b = &sp->backlog;

    b->damaged = true;

    qoe_dest_count(sp->zone, sp->dest, QOE_DEST_DROPPED_CORRUPT,
                   b->record.items);
    qoe_spool_backlog_mark(sp);
}


static void
qoe_spool_backlog_mark(qoe_spool_t *sp)
{
    int                   err;
    qoe_spool_backlog_t  *b;

    b = &sp->backlog;

    err = qoe_spool_seg_mark(b->seg, b->fd, b->record.offset,
                             b->record.items);

    if (err != 0) {

        /* the request may be delivered twice, after a restart */

        qoe_spool_warn(sp, err, "mark a record as done in", sp->name);
    }
}


void
qoe_spool_next_done(qoe_spool_t *sp)
{
    qoe_spool_backlog_t  *b;

    b = &sp->backlog;

    if (b->item) {
        b->item = false;
        b->seg->sent = false;

        qoe_spool_backlog_mark(sp);
        qoe_spool_lane_note(b->seg->lane);
        sp->next_ms = 0;
    }
}


void
qoe_spool_next_again(qoe_spool_t *sp)
{
    qoe_spool_backlog_t  *b;

    b = &sp->backlog;

    if (b->item) {
        b->item = false;
        b->again = true;
        b->seg->sent = false;

        qoe_spool_lane_note(b->seg->lane);
        sp->next_ms = UINT64_MAX;
    }
}


bool
qoe_spool_replays(const qoe_spool_t *sp, uint32_t lane)
{
    return sp->backlog.item && sp->backlog.seg->lane->lane == lane;
}


void
qoe_spool_backlog_stop(qoe_spool_t *sp)
{
    qoe_spool_backlog_t  *b;

    b = &sp->backlog;

    qoe_spool_next_again(sp);

    if (b->seg != NULL && b->damaged) {
        qoe_spool_damaged_half(sp, b->seg, b->reader.damaged);
    }

    qoe_spool_backlog_close(sp);
}
