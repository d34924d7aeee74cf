
/*
 * Copyright (C) OpenQoE
 *
 * The backlog: reads finished segments, the oldest first.
 */


#include "qoe_spool_priv.h"
#include "qoe_failpoint.h"

#include <errno.h>
#include <unistd.h>


#define QOE_SPOOL_STRIKES      3             /* failed reads of a segment */
#define QOE_SPOOL_NEXT_RECORDS 256           /* passed over in one call */
#define QOE_SPOOL_RATE_MAX     ((uint64_t) INT64_MAX / 8192)
#define QOE_SPOOL_RATE_MS      10            /* between counts of tokens */


static bool qoe_spool_rate(qoe_spool_t *sp, uint64_t now_ms);
static qoe_status_t qoe_spool_backlog_open(qoe_spool_t *sp, uint64_t now_ms);
static bool qoe_spool_left_finish(qoe_spool_t *sp, uint64_t now_ms);
static qoe_status_t qoe_spool_backlog_begin(qoe_spool_t *sp,
    qoe_segment_entry_t *e, uint64_t id);
static qoe_status_t qoe_spool_backlog_read(qoe_spool_t *sp);
static void qoe_spool_backlog_end(qoe_spool_t *sp, uint64_t end);
static void qoe_spool_backlog_close(qoe_spool_t *sp);
static void qoe_spool_backlog_count(qoe_spool_t *sp, uint64_t items);
static void qoe_spool_backlog_corrupt(qoe_spool_t *sp);
static void qoe_spool_backlog_mark(qoe_spool_t *sp);


bool
qoe_spool_lease(qoe_spool_t *sp)
{
    if (!sp->lease) {
        sp->lease = qoe_spool_backlog_take(sp->zone, sp->dest, sp->self);
        sp->next_ms = sp->lease ? 0 : UINT64_MAX;
    }

    return sp->lease;
}


void
qoe_spool_lease_give(qoe_spool_t *sp)
{
    if (sp->lease && sp->backlog.entry == NULL) {
        qoe_spool_backlog_give(sp->zone, sp->dest, sp->self);
        sp->lease = false;
        sp->next_ms = UINT64_MAX;
    }
}


qoe_status_t
qoe_spool_next(qoe_spool_t *sp, uint64_t now_ms, qoe_spool_item_t *item)
{
    qoe_status_t          rc;
    qoe_spool_backlog_t  *b;

    b = &sp->backlog;

    if (!sp->lease || b->item) {
        return QOE_DONE;
    }

    sp->next_ms = UINT64_MAX;

    if (now_ms < sp->hold_ms) {
        sp->next_ms = sp->hold_ms;
        return QOE_AGAIN;
    }

    if (!qoe_spool_rate(sp, now_ms)) {
        return QOE_AGAIN;
    }

    rc = b->again ? QOE_OK : QOE_DONE;

    while (rc == QOE_DONE) {

        if (b->entry == NULL) {
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

    item->signal = (qoe_signal_t) (b->record.flags & QOE_SEGMENT_SIGNAL);
    item->payload = (qoe_span_t) { b->payload.data, b->record.length };
    item->items = b->record.items;
    item->received_ns = b->record.received_ns;

    sp->tokens -= b->record.length;

    return QOE_OK;
}


/* A token bucket of one second's bytes, which a request may overdraw. */

static bool
qoe_spool_rate(qoe_spool_t *sp, uint64_t now_ms)
{
    int64_t   burst;
    uint64_t  debt, ms;

    if (sp->conf.replay_rate == 0) {
        sp->tokens = 1;
        return true;
    }

    burst = (int64_t) qoe_min(sp->conf.replay_rate, QOE_SPOOL_RATE_MAX);
    ms = (now_ms > sp->tokens_ms) ? now_ms - sp->tokens_ms : 0;

    if (ms >= QOE_SPOOL_RATE_MS) {
        sp->tokens = (ms >= 1000 * (uint64_t) (QOE_SEGMENT_PAYLOAD_MAX / burst
                                               + 2))
                     ? burst
                     : qoe_min(burst, sp->tokens
                                      + burst / 1000 * (int64_t) ms
                                      + burst % 1000 * (int64_t) ms / 1000);
        sp->tokens_ms = now_ms;
    }

    if (sp->tokens > 0) {
        return true;
    }

    debt = (uint64_t) -sp->tokens;

    sp->next_ms = now_ms + QOE_SPOOL_RATE_MS
                  + debt / (uint64_t) burst * 1000
                  + debt % (uint64_t) burst * 1000 / (uint64_t) burst;

    return false;
}


static qoe_status_t
qoe_spool_backlog_open(qoe_spool_t *sp, uint64_t now_ms)
{
    bool                  adopted, failed;
    uint64_t              id, best, past;
    qoe_status_t          rc;
    qoe_segment_entry_t  *e, *oldest;

    past = 0;
    failed = false;

    for ( ;; ) {
        oldest = NULL;
        best = UINT64_MAX;

        for (e = sp->table; e < sp->table + QOE_SEGMENTS_MAX; e++) {
            id = qoe_acquire(&e->id);

            if (qoe_acquire(&e->state) == QOE_SEGMENT_SEALED
                && qoe_acquire(&e->owner) == 0 && id > past && id < best)
            {
                oldest = e;
                best = id;
            }
        }

        if (oldest == NULL) {
            if (failed || !qoe_spool_left_finish(sp, now_ms)) {
                break;
            }

            past = 0;
            continue;
        }

        past = best;

        if (qoe_spool_entry_claim(oldest, sp->self, &adopted) != QOE_OK) {
            continue;
        }

        if (qoe_acquire(&oldest->id) != best) {
            qoe_spool_entry_seal(oldest);
            past = 0;
            continue;
        }

        rc = qoe_spool_backlog_begin(sp, oldest, best);

        if (rc != QOE_ERROR) {
            if (rc == QOE_OK) {
                return rc;
            }

            continue;
        }

        /* a segment that cannot be opened now does not stop the others */

        failed = true;
    }

    if (failed) {
        return QOE_ERROR;
    }

    /*
     * The backlog is empty: free the buffer, and give up the lease.  The
     * helper that finishes the next segment is awake then, and reads it.
     */

    qoe_buf_free(&sp->backlog.payload);

    if (sp->scan.entry == NULL) {
        qoe_spool_lease_give(sp);
    }

    return QOE_DONE;
}


/*
 * Nothing else is left to read, so finish a segment that is always written to:
 * the records left in it need not wait for its natural end.
 */

static bool
qoe_spool_left_finish(qoe_spool_t *sp, uint64_t now_ms)
{
    qoe_spool_seg_t  *seg;

    seg = sp->current;

    if (seg == NULL || seg->left_ms == 0 || seg->first != NULL
        || now_ms < seg->left_ms + QOE_SPOOL_IDLE_MS)
    {
        return false;
    }

    qoe_spool_seg_finish(sp, seg);
    qoe_spool_segs_settle(sp);

    return true;
}


static qoe_status_t
qoe_spool_backlog_begin(qoe_spool_t *sp, qoe_segment_entry_t *e, uint64_t id)
{
    int                   err;
    uint64_t              events, done;
    qoe_spool_backlog_t  *b;

    b = &sp->backlog;

    err = qoe_spool_dirs_open(sp);

    if (err == 0) {
        err = qoe_spool_file_open(sp, id, &b->fd);

        if (qoe_spool_pass_over(sp, e, id, err)) {
            return QOE_DONE;
        }
    }

    if (err == ENOENT) {
        events = qoe_acquire(&e->events);
        done = qoe_min(qoe_acquire(&e->done), events);

        qoe_dest_count(sp->zone, sp->dest, QOE_DEST_DROPPED_LOST,
                       events - done);
        qoe_log_limited(sp->log, &sp->damage_limit, QOE_LOG_ERR, "spool: "
                        "segment %016llx of \"%s/%s/%s\" is gone, %llu "
                        "events", (unsigned long long) id, sp->path,
                        sp->instance, sp->name,
                        (unsigned long long) (events - done));
        qoe_spool_entry_free(e);
        return QOE_DONE;
    }

    if (err == 0 && qoe_segment_open(&b->reader, b->fd, id) != QOE_OK) {
        err = errno;
    }

    if (err != 0) {
        qoe_spool_warn(sp, err, "read a segment of", sp->name);
        qoe_spool_backlog_close(sp);
        qoe_spool_entry_seal(e);
        return QOE_ERROR;
    }

    b->entry = e;
    b->id = id;
    b->seen = 0;
    b->done = qoe_acquire(&e->done);
    b->strikes = 0;
    b->damaged = (qoe_acquire(&e->reserved) & QOE_SPOOL_DAMAGED) != 0;
    b->doomed = false;

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
    int                   err;
    uint64_t              events, lost;
    qoe_spool_backlog_t  *b;

    b = &sp->backlog;

    events = qoe_acquire(&b->entry->events);
    lost = (events > b->seen) ? events - b->seen : 0;

    if (lost != 0) {
        qoe_dest_count(sp->zone, sp->dest, QOE_DEST_DROPPED_CORRUPT, lost);
    }

    b->damaged |= lost != 0 || b->reader.damaged != 0 || b->reader.lost != 0
                  || end < b->reader.end;

    /* its writer may have been killed before it wrote the header */

    b->damaged |= !b->reader.header
                  && (!b->reader.blank || b->reader.next != 0);

    if (b->damaged) {
        qoe_spool_damaged(sp, b->id, b->reader.damaged);

    } else {

        /* the marks must be durable before the file is deleted */

        qoe_dest_count(sp->zone, sp->dest, QOE_DEST_SPOOL_SYNCS, 1);

        if (fdatasync(b->fd) == -1) {
            qoe_spool_warn(sp, errno, "sync a segment of", sp->name);
        }

        (void) qoe_failpoint("spool.unlink");

        err = qoe_spool_dirs_open(sp);

        if (err == 0) {
            err = qoe_spool_file_unlink(sp, b->id);
        }

        if (err != 0 && err != ENOENT) {
            qoe_spool_warn(sp, err, "delete a segment of", sp->name);
        }
    }

    qoe_spool_entry_free(b->entry);
    qoe_spool_backlog_close(sp);
}


static void
qoe_spool_backlog_close(qoe_spool_t *sp)
{
    qoe_spool_backlog_t  *b;

    b = &sp->backlog;

    if (b->fd != -1) {
        close(b->fd);
        b->fd = -1;
    }

    b->entry = NULL;
    b->item = false;
    b->again = false;
    b->doomed = false;
}


static void
qoe_spool_backlog_count(qoe_spool_t *sp, uint64_t items)
{
    sp->backlog.done += items;
    qoe_publish(&sp->backlog.entry->done, sp->backlog.done);
}


/* Marks the record as done, so that a later reader does not count it again. */

static void
qoe_spool_backlog_corrupt(qoe_spool_t *sp)
{
    qoe_spool_backlog_t  *b;

    b = &sp->backlog;

    b->damaged = true;
    __atomic_fetch_or(&b->entry->reserved, QOE_SPOOL_DAMAGED,
                      __ATOMIC_ACQ_REL);

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

    err = qoe_failpoint("spool.done");

    if (err == 0) {
        err = qoe_segment_done(b->fd, b->record.offset);
    }

    if (err != 0) {

        /* the request may be delivered twice, after a restart */

        qoe_spool_warn(sp, err, "mark a record as done in", sp->name);
    }

    qoe_spool_backlog_count(sp, b->record.items);
}


void
qoe_spool_next_done(qoe_spool_t *sp)
{
    qoe_spool_backlog_t  *b;

    b = &sp->backlog;

    if (!b->item) {
        return;
    }

    b->item = false;

    if (b->doomed) {
        qoe_spool_entry_free(b->entry);
        qoe_spool_backlog_close(sp);
        sp->next_ms = 0;
        return;
    }

    qoe_spool_backlog_mark(sp);
    sp->next_ms = 0;
}


void
qoe_spool_next_again(qoe_spool_t *sp)
{
    qoe_spool_backlog_t  *b;

    b = &sp->backlog;

    if (!b->item) {
        return;
    }

    b->item = false;
    b->again = true;

    if (b->doomed) {
        qoe_dest_count(sp->zone, sp->dest, QOE_DEST_DROPPED_SPOOL,
                       b->record.items);
        qoe_spool_entry_free(b->entry);
        qoe_spool_backlog_close(sp);
    }

    sp->next_ms = UINT64_MAX;
}


/* The request that is being sent is not dropped: its fate is still open. */

void
qoe_spool_backlog_doom(qoe_spool_t *sp)
{
    uint64_t              events, keep;
    qoe_spool_backlog_t  *b;

    b = &sp->backlog;

    events = qoe_acquire(&b->entry->events);
    keep = b->item ? b->record.items : 0;

    if (events > b->done + keep) {
        qoe_dest_count(sp->zone, sp->dest, QOE_DEST_DROPPED_SPOOL,
                       events - b->done - keep);
    }

    if (!b->item) {
        qoe_spool_entry_free(b->entry);
        qoe_spool_backlog_close(sp);
        return;
    }

    qoe_publish(&b->entry->done, events > keep ? events - keep : 0);
    qoe_publish(&b->entry->bytes, 0);
    b->doomed = true;
}


void
qoe_spool_backlog_stop(qoe_spool_t *sp)
{
    qoe_segment_entry_t  *e;

    qoe_spool_next_again(sp);

    e = sp->backlog.entry;

    if (e != NULL) {
        qoe_spool_backlog_close(sp);
        qoe_spool_entry_seal(e);
    }
}
