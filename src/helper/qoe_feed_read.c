
/*
 * Copyright (C) OpenQoE
 *
 * From records to parts of batches.
 */


#include "qoe_feed.h"


static void qoe_feed_damaged(qoe_feed_t *feed);
static qoe_status_t qoe_feed_encode(qoe_feed_t *feed, qoe_export_batch_t *b,
    size_t *n, size_t *bad);
static uint64_t qoe_feed_received(const qoe_feed_t *feed);


void
qoe_feed_read(qoe_feed_t *feed, uint64_t limit, uint64_t now_ms)
{
    size_t               held;
    uint64_t             start;
    qoe_kind_t           kind;
    qoe_status_t         rc;
    qoe_export_batch_t  *b;

    b = qoe_feed_open(feed);
    held = (b != NULL) ? b->count : 0;

    while (held + feed->nrecords < feed->env->batch_size) {
        start = feed->pos;

        rc = qoe_lane_next(feed->env->zone, feed->lane, limit, &feed->pos,
                           &feed->records[feed->nrecords], &kind);

        if (rc == QOE_INVALID) {
            qoe_feed_damaged(feed);
            return;
        }

        if (rc != QOE_OK) {
            break;
        }

        if (kind != feed->env->stream->kind) {
            feed->passed.n[kind]++;
            continue;
        }

        if (held + feed->nrecords == 0) {
            feed->first_ms = now_ms;
        }

        feed->passes[feed->nrecords] = feed->passed;
        feed->passed = qoe_events(0);
        feed->ends[feed->nrecords++] = feed->pos;

        /* a moving mean over about 16 records */
        feed->record_avg += (feed->pos - start) / 16;
        feed->record_avg -= feed->record_avg / 16;
    }

    qoe_feed_pass(feed);
}


/*
 * The ring is damaged, which only a stray write into the zone can cause.  The
 * records after the damage cannot be separated, so all of them are dropped and
 * counted, and the lane goes on.
 */

static void
qoe_feed_damaged(qoe_feed_t *feed)
{
    size_t               i;
    uint64_t             tail;
    qoe_kind_t           kind;
    qoe_counts_t         records, own;
    qoe_export_batch_t  *b;

    if (feed->nrecords != 0) {
        /* these records are whole: send them first, the damage is met again */
        feed->pos = feed->ends[feed->nrecords - 1];
        feed->passed = qoe_events(0);
        feed->first_ms = 0;
        return;
    }

    b = qoe_feed_open(feed);

    if (b != NULL) {
        feed->first_ms = 0;
        return;
    }

    if (feed->nbatches == QOE_FEED_SLOTS) {
        return;
    }

    records = qoe_lane_dest_queued(feed->env->zone, feed->lane,
                                   feed->env->dest, &tail);

    for (i = 0; i < feed->nbatches; i++) {
        b = qoe_feed_batch(feed, i);

        if (!b->released) {
            own = qoe_feed_counts(feed, b->count, b->passed);
            records = qoe_counts_sub(records, own);
        }
    }

    kind = feed->env->stream->kind;

    b = qoe_feed_push(feed);
    b->state = QOE_BATCH_DONE;
    b->count = records.n[kind];
    records.n[kind] = 0;
    b->passed = records;
    b->bad = b->count;
    b->end = tail;
    feed->pos = tail;
    feed->passed = qoe_events(0);

    qoe_log(feed->env->log, QOE_LOG_ERR, "lane %u of the zone is damaged, "
            "%zu %s dropped", feed->lane, b->count, feed->env->stream->noun);

    qoe_feed_release(feed);
}


qoe_status_t
qoe_feed_part(qoe_feed_t *feed, uint64_t now_ms)
{
    size_t               n, bad;
    qoe_status_t         rc;
    qoe_export_batch_t  *b;

    b = qoe_feed_open(feed);

    if (b == NULL) {
        b = qoe_feed_push(feed);
        b->received_ns = qoe_feed_received(feed);
    }

    rc = qoe_feed_encode(feed, b, &n, &bad);

    if (rc == QOE_TOO_LARGE && b->payload.len != 0) {
        return QOE_FULL;
    }

    if (rc == QOE_NOMEM || rc == QOE_ERROR) {

        if (b->count == 0) {
            qoe_feed_unpush(feed);
        }

        qoe_log_limited(feed->env->log, &feed->env->log_limit, QOE_LOG_ERR,
                        "no memory to encode %zu %s, trying again", n,
                        feed->env->stream->noun);

        /* not at once, which would be a busy loop */
        feed->first_ms = now_ms;

        return QOE_NOMEM;
    }

    /* of a stream that does not take all records, QOE_DONE is no fault */

    bad = (rc == QOE_OK || rc == QOE_DONE) ? bad : n;

    b->count += n;
    b->items += (rc == QOE_OK) ? n - bad : 0;
    b->bad += bad;
    b->end = feed->ends[n - 1];
    b->passed = qoe_counts_add(b->passed, qoe_feed_passes(feed, n));

    if (bad != 0) {
        qoe_log_limited(feed->env->log, &feed->env->log_limit, QOE_LOG_ERR,
                        "%zu records of lane %u cannot be read", bad,
                        feed->lane);
    }

    qoe_feed_shift(feed, n, now_ms);

    return QOE_OK;
}


/* Encodes as many of the records as fit in what is left of the batch. */

static qoe_status_t
qoe_feed_encode(qoe_feed_t *feed, qoe_export_batch_t *b, size_t *n,
    size_t *bad)
{
    qoe_status_t     rc;
    qoe_feed_env_t  *env;

    env = feed->env;
    *n = feed->nrecords;

    for ( ;; ) {
        rc = env->stream->encode(&b->payload, env->identity, feed->records,
                                 *n, bad, &env->scratch);

        qoe_arena_reset(&env->scratch);

        if (rc != QOE_TOO_LARGE || *n == 1 || b->payload.len != 0) {
            return rc;
        }

        *n /= 2;
    }
}


void
qoe_feed_close(qoe_export_batch_t *b)
{
    b->state = (b->items != 0) ? QOE_BATCH_READY : QOE_BATCH_DONE;
}


/* The records that were passed over before the first n. */

qoe_counts_t
qoe_feed_passes(const qoe_feed_t *feed, size_t n)
{
    size_t        i;
    qoe_counts_t  passed;

    passed = qoe_events(0);

    for (i = 0; i < n; i++) {
        passed = qoe_counts_add(passed, feed->passes[i]);
    }

    return passed;
}


/* Removes the first n records, which are in a batch now. */

void
qoe_feed_shift(qoe_feed_t *feed, size_t n, uint64_t now_ms)
{
    feed->nrecords -= n;

    if (feed->nrecords != 0) {
        memmove(feed->records, feed->records + n,
                feed->nrecords * sizeof(qoe_span_t));
        memmove(feed->ends, feed->ends + n,
                feed->nrecords * sizeof(uint64_t));
        memmove(feed->passes, feed->passes + n,
                feed->nrecords * sizeof(qoe_counts_t));

        feed->first_ms = now_ms;
    }
}


/* When the oldest record was received or made, Unix ns. */

static uint64_t
qoe_feed_received(const qoe_feed_t *feed)
{
    uint64_t  ns;

    ns = feed->env->stream->received(feed->records[0]);

    return (ns != 0) ? ns : qoe_unix_ns();
}
