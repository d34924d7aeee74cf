
/*
 * Copyright (C) OpenQoE
 */


#include "qoe_feed.h"

#include <stdlib.h>


/*
 * The first guess of a record's bytes in the ring.  Too small only wakes the
 * helper before the batch is full; too large leaves it to the interval.
 */
#define QOE_RECORD_AVG     256


static uint64_t qoe_feed_batch_due_ms(const qoe_feed_t *feed);
static void qoe_feed_count(qoe_feed_t *feed, qoe_counter_t counter, size_t n);
static bool qoe_feed_has(const qoe_feed_t *feed, qoe_batch_state_t state);
static bool qoe_feed_full(const qoe_feed_t *feed);
static void qoe_feed_read(qoe_feed_t *feed, uint64_t now_ms);
static void qoe_feed_damaged(qoe_feed_t *feed);
static bool qoe_feed_encode(qoe_feed_t *feed, uint64_t now_ms);
static qoe_export_batch_t *qoe_feed_push(qoe_feed_t *feed, size_t count,
    uint64_t end);
static void qoe_feed_shift(qoe_feed_t *feed, size_t n, uint64_t now_ms);


qoe_feed_t *
qoe_feed_create(qoe_feed_env_t *env, uint32_t lane, bool adopted)
{
    size_t       i;
    qoe_feed_t  *feed;

    feed = calloc(1, sizeof(qoe_feed_t));
    if (feed == NULL) {
        return NULL;
    }

    feed->records = calloc(env->batch_size, sizeof(qoe_span_t));
    feed->ends = calloc(env->batch_size, sizeof(uint64_t));
    feed->intake = qoe_intake_create(&env->intake, lane, adopted);

    if (feed->records == NULL || feed->ends == NULL || feed->intake == NULL) {
        if (feed->intake != NULL) {
            qoe_intake_destroy(feed->intake);
        }

        free(feed->records);
        free(feed->ends);
        free(feed);
        return NULL;
    }

    feed->env = env;
    feed->lane = lane;
    feed->pos = qoe_lane_head(env->zone, lane);
    feed->record_avg = QOE_RECORD_AVG;

    for (i = 0; i < QOE_FEED_WINDOW; i++) {
        feed->batch[i].feed = feed;
        qoe_buf_init(&feed->batch[i].payload, &qoe_mem_heap,
                     QOE_OTLP_REQUEST_MAX);
    }

    return feed;
}


void
qoe_feed_destroy(qoe_feed_t *feed)
{
    size_t  i;

    for (i = 0; i < QOE_FEED_WINDOW; i++) {
        qoe_buf_free(&feed->batch[i].payload);
    }

    qoe_intake_destroy(feed->intake);

    free(feed->records);
    free(feed->ends);
    free(feed);
}


void
qoe_feed_run(qoe_feed_t *feed, uint64_t now_ms, bool flush)
{
    feed->more = qoe_intake_run(feed->intake, now_ms);

    while (!qoe_feed_full(feed)) {
        qoe_feed_read(feed, now_ms);

        if (feed->nrecords == 0
            || (feed->nrecords < feed->env->batch_size && !flush
                && now_ms < qoe_feed_batch_due_ms(feed)))
        {
            return;
        }

        if (!qoe_feed_encode(feed, now_ms)) {
            return;
        }
    }
}


qoe_export_batch_t *
qoe_feed_ready(qoe_feed_t *feed)
{
    size_t               i;
    qoe_export_batch_t  *b;

    for (i = 0; i < feed->nbatches; i++) {
        b = &feed->batch[(feed->first + i) % QOE_FEED_WINDOW];

        if (b->state == QOE_BATCH_READY) {
            return b;
        }
    }

    return NULL;
}


void
qoe_feed_release(qoe_feed_t *feed)
{
    size_t               i;
    qoe_export_batch_t  *b;

    while (feed->nbatches != 0) {
        b = &feed->batch[feed->first];

        if (b->state != QOE_BATCH_DONE) {
            return;
        }

        qoe_feed_count(feed, QOE_COUNT_REJECTED, b->rejected);
        qoe_feed_count(feed, QOE_COUNT_DROPPED_REFUSED, b->refused);
        qoe_feed_count(feed, QOE_COUNT_DROPPED_CORRUPT, b->bad);

        qoe_lane_release(feed->env->zone, feed->lane, b->end, b->count);

        feed->first = (feed->first + 1) % QOE_FEED_WINDOW;
        feed->nbatches--;
    }

    if (feed->nbatches != 0 || feed->nrecords != 0) {
        return;
    }

    /* idle: what a burst made large is given back */

    for (i = 0; i < QOE_FEED_WINDOW; i++) {
        qoe_buf_free(&feed->batch[i].payload);
    }
}


bool
qoe_feed_sending(const qoe_feed_t *feed)
{
    return qoe_feed_has(feed, QOE_BATCH_SENDING);
}


bool
qoe_feed_blocked(const qoe_feed_t *feed)
{
    return qoe_feed_has(feed, QOE_BATCH_DONE);
}


bool
qoe_feed_empty(const qoe_feed_t *feed)
{
    return feed->nbatches == 0 && feed->nrecords == 0
           && qoe_lane_tail(feed->env->zone, feed->lane) == feed->pos;
}


bool
qoe_feed_arm(qoe_feed_t *feed)
{
    uint64_t         pos;
    qoe_feed_env_t  *env;

    env = feed->env;
    pos = UINT64_MAX;

    /* else an answer, or the time of another try, comes first */

    if (!qoe_feed_full(feed) && feed->nrecords != env->batch_size) {
        pos = feed->pos;

        if (feed->nrecords != 0) {
            pos += (env->batch_size - feed->nrecords - 1) * feed->record_avg;
        }
    }

    pos = qoe_min(pos, qoe_intake_wake_pos(feed->intake, qoe_mono_ms()));

    return qoe_lane_arm(env->zone, feed->lane, pos) || feed->more;
}


uint64_t
qoe_feed_due_ms(const qoe_feed_t *feed, uint64_t now_ms)
{
    return qoe_min(qoe_feed_batch_due_ms(feed),
                   qoe_intake_due_ms(feed->intake, now_ms));
}


static uint64_t
qoe_feed_batch_due_ms(const qoe_feed_t *feed)
{
    if (feed->nrecords == 0 || qoe_feed_full(feed)) {
        return UINT64_MAX;
    }

    return feed->first_ms + feed->env->interval_ms;
}


static void
qoe_feed_count(qoe_feed_t *feed, qoe_counter_t counter, size_t n)
{
    if (n != 0) {
        qoe_zone_count(feed->env->zone, feed->env->slot, counter, n);
    }
}


static bool
qoe_feed_has(const qoe_feed_t *feed, qoe_batch_state_t state)
{
    size_t  i;

    for (i = 0; i < feed->nbatches; i++) {
        if (feed->batch[(feed->first + i) % QOE_FEED_WINDOW].state == state) {
            return true;
        }
    }

    return false;
}


static bool
qoe_feed_full(const qoe_feed_t *feed)
{
    return feed->nbatches == QOE_FEED_WINDOW;
}


static void
qoe_feed_read(qoe_feed_t *feed, uint64_t now_ms)
{
    uint64_t         start;
    qoe_status_t     rc;
    qoe_feed_env_t  *env;

    env = feed->env;

    while (feed->nrecords < env->batch_size) {
        start = feed->pos;

        rc = qoe_lane_read(env->zone, feed->lane,
                           qoe_intake_pos(feed->intake), &feed->pos,
                           &feed->records[feed->nrecords]);

        if (rc == QOE_INVALID) {
            qoe_feed_damaged(feed);
            return;
        }

        if (rc != QOE_OK) {
            return;
        }

        if (feed->nrecords == 0) {
            feed->first_ms = now_ms;
        }

        feed->ends[feed->nrecords++] = feed->pos;

        /* a moving mean over about 16 records */
        feed->record_avg += (feed->pos - start) / 16;
        feed->record_avg -= feed->record_avg / 16;
    }
}


/*
 * Never seen but by a stray write into the zone: the rest of the lane cannot
 * be told apart, so it is given up, counted, and the lane goes on.
 */

static void
qoe_feed_damaged(qoe_feed_t *feed)
{
    size_t               i, known;
    uint64_t             tail;
    qoe_feed_env_t      *env;
    qoe_lane_info_t      info;
    qoe_export_batch_t  *b;

    if (feed->nrecords != 0) {
        /* these are whole: they go first, the damage is met again */
        feed->pos = feed->ends[feed->nrecords - 1];
        feed->first_ms = 0;
        return;
    }

    env = feed->env;
    /* one look at both: the tail, and the records before it */

    qoe_zone_lane_info(env->zone, feed->lane, &info);
    tail = qoe_lane_head(env->zone, feed->lane) + info.used;

    known = 0;

    for (i = 0; i < feed->nbatches; i++) {
        known += feed->batch[(feed->first + i) % QOE_FEED_WINDOW].count;
    }

    b = qoe_feed_push(feed, info.produced - info.consumed - known, tail);
    b->state = QOE_BATCH_DONE;
    b->bad = b->count;
    feed->pos = tail;

    qoe_log(env->log, QOE_LOG_ERR, "lane %u of the zone is damaged, "
            "%zu events given up", feed->lane, b->count);

    qoe_feed_release(feed);
}


/*
 * One batch of as many records as fit a request.  False: no memory, or no
 * record was readable; the caller looks again later.
 */

static bool
qoe_feed_encode(qoe_feed_t *feed, uint64_t now_ms)
{
    size_t               n, bad;
    qoe_status_t         rc;
    qoe_feed_env_t      *env;
    qoe_export_batch_t  *b;

    env = feed->env;
    n = feed->nrecords;
    b = qoe_feed_push(feed, 0, 0);

    for ( ;; ) {
        qoe_buf_reset(&b->payload);

        rc = qoe_otlp_logs(&b->payload, env->encoding, env->identity,
                           feed->records, n, &bad, &env->scratch);

        qoe_arena_reset(&env->scratch);

        if (rc != QOE_TOO_LARGE || n == 1) {
            break;
        }

        n /= 2;
    }

    if (rc == QOE_NOMEM || rc == QOE_ERROR) {
        feed->nbatches--;
        qoe_log_limited(env->log, &env->log_limit, QOE_LOG_ERR,
                        "no memory to encode %zu events, "
                        "trying again", n);

        /* not at once: that would be a busy loop */
        feed->first_ms = now_ms;

        return false;
    }

    b->count = n;
    b->end = feed->ends[n - 1];
    b->bad = (rc == QOE_OK) ? bad : n;
    b->state = (rc == QOE_OK) ? QOE_BATCH_READY : QOE_BATCH_DONE;

    if (b->bad != 0) {
        qoe_log_limited(env->log, &env->log_limit, QOE_LOG_ERR,
                        "%zu records of lane %u cannot be read",
                        b->bad, feed->lane);
    }

    qoe_feed_shift(feed, n, now_ms);
    qoe_feed_release(feed);

    return true;
}


static qoe_export_batch_t *
qoe_feed_push(qoe_feed_t *feed, size_t count, uint64_t end)
{
    qoe_export_batch_t  *b;

    b = &feed->batch[(feed->first + feed->nbatches) % QOE_FEED_WINDOW];

    b->state = QOE_BATCH_READY;
    b->count = count;
    b->end = end;
    b->bad = 0;
    b->rejected = 0;
    b->refused = 0;

    feed->nbatches++;

    return b;
}


/* Takes the first n records off, which are in a batch now. */

static void
qoe_feed_shift(qoe_feed_t *feed, size_t n, uint64_t now_ms)
{
    feed->nrecords -= n;

    if (feed->nrecords != 0) {
        memmove(feed->records, feed->records + n,
                feed->nrecords * sizeof(qoe_span_t));
        memmove(feed->ends, feed->ends + n,
                feed->nrecords * sizeof(uint64_t));

        feed->first_ms = now_ms;
    }
}
