
/*
 * Copyright (C) OpenQoE
 */


#include "qoe_feed.h"
#include "qoe_failpoint.h"

#include <stdlib.h>


/*
 * A first guess of the bytes that a record takes in the ring.  If it is too
 * small, the helper wakes before a batch is full; if too large, the interval
 * ends the batch.
 */
#define QOE_RECORD_AVG     256

/*
 * A batch of few records among many of other kinds is closed when it holds up
 * this part (1 / n) of the ring.
 */
#define QOE_FEED_HURRY     8


static void qoe_feed_free(qoe_feed_t *feed);
static size_t qoe_feed_pending(const qoe_feed_t *feed);
static bool qoe_feed_due(const qoe_feed_t *feed, uint64_t now_ms, bool flush);
static bool qoe_feed_hurries(const qoe_feed_t *feed);
static bool qoe_feed_has(const qoe_feed_t *feed, qoe_batch_state_t state);
static void qoe_feed_settle(qoe_feed_t *feed, qoe_export_batch_t *b);
static void qoe_feed_pop(qoe_feed_t *feed);


qoe_feed_t *
qoe_feed_create(qoe_feed_env_t *env, uint32_t lane)
{
    size_t            i;
    qoe_feed_t       *feed;
    qoe_lane_info_t   info;

    feed = calloc(1, sizeof(qoe_feed_t));
    if (feed == NULL) {
        return NULL;
    }

    feed->records = calloc(env->batch_size, sizeof(qoe_span_t));
    feed->ends = calloc(env->batch_size, sizeof(uint64_t));
    feed->passes = calloc(env->batch_size, sizeof(qoe_counts_t));

    if (feed->records == NULL || feed->ends == NULL || feed->passes == NULL) {
        qoe_feed_free(feed);
        return NULL;
    }

    feed->env = env;
    feed->lane = lane;

    qoe_zone_lane_info(env->zone, lane, &info);
    feed->hurry = info.size / QOE_FEED_HURRY;

    feed->pos = qoe_lane_dest_head(env->zone, lane, env->dest);
    feed->taken = feed->pos;
    feed->record_avg = QOE_RECORD_AVG;

    /* the last owner may not have synced what it stored */

    feed->unsynced = qoe_lane_dest_unsynced(env->zone, lane, env->dest);
    feed->synced = feed->unsynced ? 0 : feed->pos;

    /* the last owner may have died before it woke the requests that wait */

    feed->changed = true;

    for (i = 0; i < QOE_FEED_SLOTS; i++) {
        qoe_buf_init(&feed->batch[i].payload, &qoe_mem_heap,
                     env->payload_max);
    }

    return feed;
}


void
qoe_feed_destroy(qoe_feed_t *feed)
{
    size_t               i;
    qoe_export_batch_t  *b;

    for (i = 0; i < feed->nbatches; i++) {
        b = qoe_feed_batch(feed, i);

        if (b->state != QOE_BATCH_DONE) {
            qoe_feed_failed(b);
        }
    }

    qoe_feed_release(feed);

    for (i = 0; i < QOE_FEED_SLOTS; i++) {
        b = &feed->batch[i];

        /* the next owner sends the part that the spool does not have */

        while (b->nrefs != 0) {
            qoe_spool_leave(feed->env->spool, b->ref[--b->nrefs]);
        }

        qoe_buf_free(&b->payload);
    }

    qoe_feed_free(feed);
}


static void
qoe_feed_free(qoe_feed_t *feed)
{
    free(feed->records);
    free(feed->ends);
    free(feed->passes);
    free(feed);
}


void
qoe_feed_run(qoe_feed_t *feed, uint64_t limit, uint64_t now_ms, bool flush)
{
    qoe_export_batch_t  *b;

    while (!qoe_feed_is_full(feed)) {
        qoe_feed_read(feed, limit, now_ms);

        if (!qoe_feed_due(feed, now_ms, flush)) {
            return;
        }

        if (feed->nrecords != 0 && qoe_feed_part(feed, now_ms) == QOE_NOMEM) {
            return;
        }

        b = qoe_feed_open(feed);

        if (b != NULL) {
            qoe_feed_close(b);
            feed->first_ms = now_ms;
        }

        qoe_feed_release(feed);
    }
}


/* The number of records that are in no closed batch. */

static size_t
qoe_feed_pending(const qoe_feed_t *feed)
{
    qoe_export_batch_t  *b;

    b = qoe_feed_open(feed);

    return feed->nrecords + (b != NULL ? b->count : 0);
}


static bool
qoe_feed_due(const qoe_feed_t *feed, uint64_t now_ms, bool flush)
{
    size_t  n;

    n = qoe_feed_pending(feed);

    return n >= feed->env->batch_size
           || (n != 0 && (flush || now_ms >= qoe_feed_due_ms(feed)
                          || qoe_feed_hurries(feed)));
}


static bool
qoe_feed_hurries(const qoe_feed_t *feed)
{
    return feed->env->stream->kind != QOE_KIND_EVENT
           && qoe_feed_lag(feed) > feed->hurry;
}


qoe_export_batch_t *
qoe_feed_batch(const qoe_feed_t *feed, size_t i)
{
    return (qoe_export_batch_t *)
               &feed->batch[(feed->first + i) % QOE_FEED_SLOTS];
}


qoe_export_batch_t *
qoe_feed_open(const qoe_feed_t *feed)
{
    qoe_export_batch_t  *b;

    if (feed->nbatches == 0) {
        return NULL;
    }

    b = qoe_feed_batch(feed, feed->nbatches - 1);

    return b->state == QOE_BATCH_OPEN ? b : NULL;
}


qoe_export_batch_t *
qoe_feed_ready(qoe_feed_t *feed)
{
    size_t               i;
    qoe_export_batch_t  *b, *next;

    next = NULL;

    for (i = 0; i < feed->nbatches; i++) {
        b = qoe_feed_batch(feed, i);

        if (b->state == QOE_BATCH_READY
            && (next == NULL || b->hold < next->hold))
        {
            next = b;
        }
    }

    return next;
}


void
qoe_feed_taken(qoe_export_batch_t *b)
{
    b->state = QOE_BATCH_DONE;

    if (b->given_up) {
        b->rejected = 0;
        b->refused = 0;
    }

    if (b->nrefs != 0) {

        /* now, because a kill between the marks must not lose the counts */

        qoe_feed_count(b->feed, QOE_DEST_REJECTED, &b->rejected);
        qoe_feed_count(b->feed, QOE_DEST_DROPPED_REFUSED, &b->refused);
    }

    while (b->nrefs != 0) {
        qoe_spool_done(b->feed->env->spool, b->ref[--b->nrefs]);
    }
}


void
qoe_feed_refused(qoe_export_batch_t *b)
{
    b->refused = b->items;
    qoe_feed_taken(b);
}


void
qoe_feed_unsendable(qoe_export_batch_t *b)
{
    b->bad += b->items;
    qoe_feed_taken(b);
}


void
qoe_feed_failed(qoe_export_batch_t *b)
{
    if (!qoe_feed_is_stored(b)) {
        b->state = b->given_up ? QOE_BATCH_DONE : QOE_BATCH_READY;
        return;
    }

    while (b->nrefs != 0) {
        qoe_spool_leave(b->feed->env->spool, b->ref[--b->nrefs]);
    }

    b->state = QOE_BATCH_DONE;
    b->spooled = true;
}


void
qoe_feed_release(qoe_feed_t *feed)
{
    qoe_feed_release_to(feed, false);
}


void
qoe_feed_release_to(qoe_feed_t *feed, bool early)
{
    bool                 durable;
    size_t               i;
    qoe_export_batch_t  *b;

    for (i = 0; i < feed->nbatches; i++) {
        b = qoe_feed_batch(feed, i);

        if (b->released) {
            continue;
        }

        if (b->state != QOE_BATCH_DONE && !b->given_up
            && !(early && b->state == QOE_BATCH_SENDING
                 && qoe_feed_is_stored(b)))
        {
            break;
        }

        b->released = true;
        qoe_feed_settle(feed, b);

        durable = b->given_up
                  || (b->state == QOE_BATCH_DONE && !b->spooled);

        qoe_lane_dest_release(feed->env->zone, feed->lane, feed->env->dest,
                              b->end,
                              qoe_feed_counts(feed, b->count, b->passed),
                              durable);
        (void) qoe_failpoint("feed.release");

        feed->changed = true;
        feed->taken = qoe_max(feed->taken, b->end);

        if (!durable) {
            feed->unsynced = true;

        } else if (!feed->unsynced) {
            feed->synced = b->end;
        }
    }

    for (i = 0; i < feed->nbatches; i++) {
        qoe_feed_settle(feed, qoe_feed_batch(feed, i));
    }

    qoe_feed_reclaim(feed);
    qoe_feed_pop(feed);
    qoe_feed_fold(feed);
}


qoe_counts_t
qoe_feed_counts(const qoe_feed_t *feed, size_t count, qoe_counts_t passed)
{
    passed.n[feed->env->stream->kind] = count;

    return passed;
}


bool
qoe_feed_none(qoe_counts_t passed)
{
    int  i;

    for (i = 0; i < QOE_KINDS; i++) {
        if (passed.n[i] != 0) {
            return false;
        }
    }

    return true;
}


/*
 * No record may wait in the feed.  Without it, a lane full of records of other
 * kinds would never be free again.
 */

void
qoe_feed_pass(qoe_feed_t *feed)
{
    qoe_export_batch_t  *b;

    if (qoe_feed_none(feed->passed) || feed->nrecords != 0) {
        return;
    }

    b = feed->nbatches != 0 ? qoe_feed_batch(feed, feed->nbatches - 1) : NULL;

    if (b != NULL && !b->released) {
        b->end = feed->pos;
        b->passed = qoe_counts_add(b->passed, feed->passed);
        feed->passed = qoe_events(0);
        return;
    }

    qoe_lane_dest_release(feed->env->zone, feed->lane, feed->env->dest,
                          feed->pos, qoe_feed_counts(feed, 0, feed->passed),
                          true);

    feed->passed = qoe_events(0);
    feed->changed = true;
    feed->taken = qoe_max(feed->taken, feed->pos);

    if (!feed->unsynced) {
        feed->synced = feed->pos;
    }
}


/* Counts what was lost of the batch, once it cannot be read again. */

static void
qoe_feed_settle(qoe_feed_t *feed, qoe_export_batch_t *b)
{
    if (!b->released && b->noted != b->count) {
        return;
    }

    qoe_feed_count(feed, QOE_DEST_DROPPED_CORRUPT, &b->bad);
    qoe_feed_count(feed, QOE_DEST_DROPPED_BEHIND, &b->behind);

    if (b->state == QOE_BATCH_DONE) {
        qoe_feed_count(feed, QOE_DEST_REJECTED, &b->rejected);
        qoe_feed_count(feed, QOE_DEST_DROPPED_REFUSED, &b->refused);
    }
}


/* Forgets the oldest batches that are done and released. */

static void
qoe_feed_pop(qoe_feed_t *feed)
{
    qoe_export_batch_t  *b;

    while (feed->nbatches != 0) {
        b = qoe_feed_batch(feed, 0);

        if (b->state == QOE_BATCH_DONE && b->released) {
            feed->first = (feed->first + 1) % QOE_FEED_SLOTS;
            feed->nbatches--;
            continue;
        }

        b = qoe_feed_batch(feed, feed->nbatches - 1);

        if (b->state != QOE_BATCH_DONE || !b->released) {
            return;
        }

        feed->nbatches--;
    }

    /* idle: return the memory that a burst took */

    if (feed->nrecords == 0) {
        qoe_feed_env_free(feed->env);
    }
}


bool
qoe_feed_sending(const qoe_feed_t *feed)
{
    return qoe_feed_has(feed, QOE_BATCH_SENDING);
}


bool
qoe_feed_unsafe(const qoe_feed_t *feed)
{
    size_t               i;
    qoe_export_batch_t  *b;

    for (i = 0; i < feed->nbatches; i++) {
        b = qoe_feed_batch(feed, i);

        if (b->state == QOE_BATCH_SENDING && !qoe_feed_is_stored(b)) {
            return true;
        }
    }

    return false;
}


bool
qoe_feed_blocked(const qoe_feed_t *feed)
{
    size_t               i;
    qoe_export_batch_t  *b;

    for (i = 0; i < feed->nbatches; i++) {
        b = qoe_feed_batch(feed, i);

        if (b->state == QOE_BATCH_DONE && !b->released) {
            return true;
        }
    }

    return false;
}


bool
qoe_feed_empty(const qoe_feed_t *feed)
{
    size_t  i;

    for (i = 0; i < feed->nbatches; i++) {
        if (!qoe_feed_batch(feed, i)->released) {
            return false;
        }
    }

    return feed->nrecords == 0
           && qoe_lane_tail(feed->env->zone, feed->lane) == feed->pos;
}


uint64_t
qoe_feed_lag(const qoe_feed_t *feed)
{
    return qoe_lane_tail(feed->env->zone, feed->lane)
           - qoe_lane_dest_head(feed->env->zone, feed->lane, feed->env->dest);
}


uint64_t
qoe_feed_wake_pos(const qoe_feed_t *feed)
{
    size_t  n;

    n = qoe_feed_pending(feed);

    /* otherwise an answer or the next try wakes the helper first */

    if (qoe_feed_is_full(feed) || n >= feed->env->batch_size) {
        return QOE_LANE_ASKED;
    }

    /* what the consumer of the lane puts itself needs no wake-up */

    if (feed->env->stream->kind != QOE_KIND_EVENT) {
        return QOE_LANE_ASKED;
    }

    if (n == 0) {
        return feed->pos;
    }

    return feed->pos + (feed->env->batch_size - n - 1) * feed->record_avg;
}


uint64_t
qoe_feed_due_ms(const qoe_feed_t *feed)
{
    if (qoe_feed_pending(feed) == 0 || qoe_feed_is_full(feed)) {
        return UINT64_MAX;
    }

    return feed->first_ms + feed->env->interval_ms;
}


void
qoe_feed_count(qoe_feed_t *feed, qoe_dest_counter_t c, size_t *n)
{
    if (*n != 0) {
        qoe_dest_count(feed->env->zone, feed->env->dest, c, *n);
        *n = 0;
    }
}


static bool
qoe_feed_has(const qoe_feed_t *feed, qoe_batch_state_t state)
{
    size_t  i;

    for (i = 0; i < feed->nbatches; i++) {
        if (qoe_feed_batch(feed, i)->state == state) {
            return true;
        }
    }

    return false;
}


bool
qoe_feed_is_full(const qoe_feed_t *feed)
{
    return feed->nbatches >= QOE_FEED_WINDOW && qoe_feed_open(feed) == NULL;
}


bool
qoe_feed_is_stored(const qoe_export_batch_t *b)
{
    return b->nrefs != 0 && b->stored == b->payload.len;
}
