
/*
 * Copyright (C) OpenQoE
 *
 * The slots of batches, and the memory of their payloads, which all feeds of
 * an exporter share.
 */


#include "qoe_feed.h"


static void qoe_feed_take(qoe_export_batch_t *b);
static void qoe_feed_give(qoe_export_batch_t *b);


qoe_export_batch_t *
qoe_feed_push(qoe_feed_t *feed)
{
    qoe_export_batch_t  *b;

    b = qoe_feed_batch(feed, feed->nbatches++);

    memset(b, 0, sizeof(qoe_export_batch_t));

    b->feed = feed;
    qoe_feed_take(b);

    return b;
}


void
qoe_feed_unpush(qoe_feed_t *feed)
{
    qoe_feed_give(qoe_feed_batch(feed, --feed->nbatches));
}


void
qoe_feed_fold(qoe_feed_t *feed)
{
    qoe_export_batch_t  *b, *last;

    while (feed->nbatches > 1) {
        b = qoe_feed_batch(feed, feed->nbatches - 2);
        last = qoe_feed_batch(feed, feed->nbatches - 1);

        if (b->state != QOE_BATCH_DONE || b->released || b->given_up
            || last->state != QOE_BATCH_DONE || last->released
            || last->given_up || b->spooled != last->spooled)
        {
            return;
        }

        b->end = last->end;
        b->count += last->count;
        b->items += last->items;
        b->noted += last->noted;
        b->passed = qoe_counts_add(b->passed, last->passed);
        b->noted_passed = qoe_counts_add(b->noted_passed, last->noted_passed);
        b->bad += last->bad;
        b->behind += last->behind;
        b->rejected += last->rejected;
        b->refused += last->refused;

        qoe_feed_unpush(feed);
    }
}


void
qoe_feed_reclaim(qoe_feed_t *feed)
{
    size_t               i;
    qoe_export_batch_t  *b;

    for (i = 0; i < feed->nbatches; i++) {
        b = qoe_feed_batch(feed, i);

        if (b->state == QOE_BATCH_DONE) {
            qoe_feed_give(b);
        }
    }
}


void
qoe_feed_env_free(qoe_feed_env_t *env)
{
    while (env->nspare != 0) {
        qoe_buf_free(&env->spare[--env->nspare]);
    }
}


static void
qoe_feed_take(qoe_export_batch_t *b)
{
    qoe_feed_env_t  *env;

    env = b->feed->env;

    if (env->nspare != 0) {
        b->payload = env->spare[--env->nspare];
        return;
    }

    qoe_buf_init(&b->payload, &qoe_mem_heap, env->payload_max);

    /* all at once: growing would leave holes in the heap */

    if (env->usual != 0 && qoe_buf_reserve(&b->payload, env->usual) == NULL) {
        qoe_buf_reset(&b->payload);
    }
}


static void
qoe_feed_give(qoe_export_batch_t *b)
{
    qoe_feed_env_t  *env;

    env = b->feed->env;

    /* the largest of late, plus an eighth, because batches differ */

    env->usual = qoe_max(env->usual - env->usual / 32,
                         qoe_min(b->payload.len + b->payload.len / 8,
                                 env->payload_max));

    if (b->payload.data == NULL || env->nspare == QOE_FEED_SPARE) {
        qoe_buf_free(&b->payload);
        return;
    }

    qoe_buf_reset(&b->payload);

    env->spare[env->nspare++] = b->payload;
    qoe_buf_init(&b->payload, &qoe_mem_heap, env->payload_max);
}
