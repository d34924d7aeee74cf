
/*
 * Copyright (C) OpenQoE
 *
 * What a feed does if the server does not take its batches in time: it spools
 * or drops them.
 */


#include "qoe_feed.h"
#include "qoe_failpoint.h"


static qoe_status_t qoe_feed_commit_part(qoe_feed_t *feed, uint64_t now_ms);
static qoe_status_t qoe_feed_store(qoe_feed_t *feed);
static qoe_status_t qoe_feed_append(qoe_export_batch_t *b);
static void qoe_feed_note(qoe_feed_t *feed);
static qoe_export_batch_t *qoe_feed_oldest(const qoe_feed_t *feed);


qoe_status_t
qoe_feed_commit(qoe_feed_t *feed, uint64_t limit, uint64_t now_ms)
{
    int           n;
    qoe_status_t  rc;

    for (n = 0; n < QOE_FEED_SLOTS; n++) {
        qoe_feed_read(feed, limit, now_ms);

        if (feed->nrecords == 0) {
            break;
        }

        rc = qoe_feed_commit_part(feed, now_ms);

        if (rc != QOE_OK) {
            return rc;
        }
    }

    rc = qoe_feed_store(feed);

    return (rc == QOE_OK && n == QOE_FEED_SLOTS) ? QOE_AGAIN : rc;
}


static qoe_status_t
qoe_feed_commit_part(qoe_feed_t *feed, uint64_t now_ms)
{
    bool                 over;
    qoe_status_t         rc;
    qoe_export_batch_t  *b;

    over = qoe_feed_is_full(feed);

    if (over && feed->nbatches == QOE_FEED_SLOTS) {
        rc = qoe_feed_spool(feed);

        if (rc != QOE_OK || feed->nbatches == QOE_FEED_SLOTS) {
            return rc != QOE_OK ? rc : QOE_BUSY;
        }
    }

    rc = qoe_feed_part(feed, now_ms);

    if (rc == QOE_NOMEM) {
        return rc;
    }

    b = qoe_feed_open(feed);

    if (rc == QOE_FULL || over || b->count >= feed->env->batch_size) {
        qoe_feed_close(b);
        feed->first_ms = now_ms;
    }

    /* the batch in the extra slot can only go to the spool */

    return over ? qoe_feed_spool(feed) : QOE_OK;
}


/* Appends all batches to the spool, and notes in the zone that it has them. */

static qoe_status_t
qoe_feed_store(qoe_feed_t *feed)
{
    size_t               i;
    qoe_status_t         rc;
    qoe_export_batch_t  *b;

    rc = QOE_OK;

    for (i = 0; i < feed->nbatches && rc == QOE_OK; i++) {
        b = qoe_feed_batch(feed, i);

        if (b->state == QOE_BATCH_DONE || b->released) {
            continue;
        }

        rc = qoe_feed_append(b);

        /* the last place is for a part that no request waits for */

        if (b->state == QOE_BATCH_OPEN && b->nrefs >= QOE_FEED_PARTS - 1) {
            qoe_feed_close(b);
        }
    }

    (void) qoe_failpoint("feed.stored");

    qoe_feed_note(feed);

    return rc;
}


qoe_status_t
qoe_feed_spool(qoe_feed_t *feed)
{
    size_t               i;
    qoe_status_t         rc;
    qoe_export_batch_t  *b;

    rc = QOE_OK;

    for (i = 0; i < feed->nbatches; i++) {
        b = qoe_feed_batch(feed, i);

        if (b->state == QOE_BATCH_OPEN) {
            break;
        }

        if (b->state == QOE_BATCH_DONE || b->given_up) {
            continue;
        }

        rc = qoe_feed_append(b);

        if (rc != QOE_OK) {
            break;
        }

        if (b->state == QOE_BATCH_READY) {
            qoe_feed_failed(b);
        }
    }

    (void) qoe_failpoint("feed.stored");

    qoe_feed_release_to(feed, true);
    qoe_feed_note(feed);

    return rc;
}


/* Appends the part of the batch that the spool does not have yet. */

static qoe_status_t
qoe_feed_append(qoe_export_batch_t *b)
{
    qoe_span_t       rest;
    qoe_status_t     rc;
    qoe_spool_ref_t  *ref;

    rest = (qoe_span_t) { b->payload.data + b->stored,
                          b->payload.len - b->stored };

    if (rest.len == 0) {
        return QOE_OK;
    }

    rc = qoe_spool_append(b->feed->env->spool, b->feed->lane,
                          b->feed->env->stream->signal, rest,
                          (uint32_t) (b->items - b->stored_items),
                          b->received_ns, &ref);

    if (rc == QOE_OK) {
        b->ref[b->nrefs++] = ref;
        b->stored = b->payload.len;
        b->stored_items = b->items;
        b->feed->unsynced = true;
    }

    return rc;
}


/* Moves the position in the zone up to which the spool has all records. */

static void
qoe_feed_note(qoe_feed_t *feed)
{
    size_t               i, n;
    uint64_t             pos;
    qoe_counts_t         passed;
    qoe_export_batch_t  *b;

    n = 0;
    passed = qoe_events(0);
    pos = 0;

    for (i = 0; i < feed->nbatches; i++) {
        b = qoe_feed_batch(feed, i);

        if (b->released) {
            continue;
        }

        /* a batch without any readable record has nothing to store */

        if (b->state != QOE_BATCH_DONE && b->stored != b->payload.len) {
            break;
        }

        n += b->count - b->noted;
        passed = qoe_counts_add(passed, qoe_counts_sub(b->passed,
                                                       b->noted_passed));
        b->noted = b->count;
        b->noted_passed = b->passed;
        pos = b->end;
    }

    if (n == 0 && qoe_feed_none(passed)) {
        return;
    }

    qoe_lane_dest_stored(feed->env->zone, feed->lane, feed->env->dest, pos,
                         qoe_feed_counts(feed, n, passed));

    feed->taken = pos;
    feed->changed = true;

    qoe_feed_release(feed);
}


void
qoe_feed_synced(qoe_feed_t *feed)
{
    qoe_lane_dest_synced(feed->env->zone, feed->lane, feed->env->dest);

    feed->unsynced = false;
    feed->synced = feed->taken;
    feed->changed = true;
}


bool
qoe_feed_give_up(qoe_feed_t *feed, uint64_t limit, uint64_t now_ms,
    uint64_t sent_ms, size_t *n)
{
    qoe_export_batch_t  *b;

    b = qoe_feed_oldest(feed);

    if (b != NULL) {

        if (b->state == QOE_BATCH_SENDING && b->sent_ms > sent_ms) {
            return false;
        }

        qoe_lane_dest_unkept(feed->env->zone, feed->lane, feed->env->dest);

        while (b->nrefs != 0) {
            qoe_spool_leave(feed->env->spool, b->ref[--b->nrefs]);
        }

        *n = b->items - b->stored_items;
        b->behind = *n;
        b->given_up = true;

        if (b->state != QOE_BATCH_SENDING) {
            b->state = QOE_BATCH_DONE;
        }

        qoe_feed_release(feed);

        return true;
    }

    qoe_feed_read(feed, limit, now_ms);

    if (feed->nrecords == 0 || feed->nbatches == QOE_FEED_SLOTS) {
        return false;
    }

    qoe_lane_dest_unkept(feed->env->zone, feed->lane, feed->env->dest);

    /* dropped without being encoded */

    b = qoe_feed_push(feed);
    b->state = QOE_BATCH_DONE;
    *n = feed->nrecords;
    b->count = *n;
    b->behind = *n;
    b->end = feed->ends[feed->nrecords - 1];
    b->passed = qoe_feed_passes(feed, feed->nrecords);

    qoe_feed_shift(feed, feed->nrecords, now_ms);
    qoe_feed_release(feed);

    return true;
}


/* The oldest batch that is not released. */

static qoe_export_batch_t *
qoe_feed_oldest(const qoe_feed_t *feed)
{
    size_t               i;
    qoe_export_batch_t  *b;

    for (i = 0; i < feed->nbatches; i++) {
        b = qoe_feed_batch(feed, i);

        if (!b->released) {
            return b;
        }
    }

    return NULL;
}
