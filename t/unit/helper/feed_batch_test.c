
/*
 * Copyright (C) OpenQoE
 *
 * The memory of batches, which the lanes of an exporter share.
 */


#include "tap.h"
#include "qoe_feed.h"


#define PAYLOAD_MAX    100000


static qoe_feed_env_t  env;
static qoe_feed_t      feeds[2];


static void
start(void)
{
    size_t  i, k;

    memset(&env, 0, sizeof(env));
    memset(feeds, 0, sizeof(feeds));

    env.payload_max = PAYLOAD_MAX;

    for (i = 0; i < 2; i++) {
        feeds[i].env = &env;

        for (k = 0; k < QOE_FEED_SLOTS; k++) {
            qoe_buf_init(&feeds[i].batch[k].payload, &qoe_mem_heap,
                         PAYLOAD_MAX);
        }
    }
}


static void
end(void)
{
    size_t  i, k;

    for (i = 0; i < 2; i++) {
        for (k = 0; k < QOE_FEED_SLOTS; k++) {
            qoe_buf_free(&feeds[i].batch[k].payload);
        }
    }

    qoe_feed_env_free(&env);
}


/* A batch with a payload of that many bytes. */

static qoe_export_batch_t *
batch(qoe_feed_t *feed, size_t len, qoe_batch_state_t state)
{
    char                *p;
    qoe_export_batch_t  *b;

    b = qoe_feed_push(feed);
    b->state = state;

    p = qoe_buf_reserve(&b->payload, len);

    if (p == NULL) {
        exit(1);
    }

    memset(p, 'x', len);
    b->payload.len += len;

    return b;
}


static void
test_reuse(void)
{
    int                  round;
    bool                 same;
    char                *memory;
    qoe_export_batch_t  *b;

    start();

    b = batch(&feeds[0], 5000, QOE_BATCH_SENDING);
    memory = b->payload.data;

    qoe_feed_reclaim(&feeds[0]);
    ok(b->payload.data == memory && b->payload.len == 5000 && env.nspare == 0,
       "a batch in flight keeps its payload");

    b->state = QOE_BATCH_DONE;
    qoe_feed_reclaim(&feeds[0]);
    ok(b->payload.data == NULL && env.nspare == 1,
       "a batch that is done gives its payload back, whether it was released "
       "or not");

    same = true;

    for (round = 0; round < 4 * QOE_FEED_SLOTS; round++) {
        feeds[0].first = (feeds[0].first + 1) % QOE_FEED_SLOTS;
        feeds[0].nbatches = 0;

        b = batch(&feeds[round % 2], 5000, QOE_BATCH_DONE);
        same &= (b->payload.data == memory);

        qoe_feed_reclaim(&feeds[round % 2]);
        feeds[1].nbatches = 0;
    }

    ok(same,
       "batches of two lanes, taken one after another, use the same memory");

    end();
}


static void
test_bound(void)
{
    size_t  i;

    start();

    for (i = 0; i < QOE_FEED_SLOTS; i++) {
        (void) batch(&feeds[0], 1000, QOE_BATCH_DONE);
        (void) batch(&feeds[1], 1000, QOE_BATCH_DONE);
    }

    qoe_feed_reclaim(&feeds[0]);
    qoe_feed_reclaim(&feeds[1]);
    ok(env.nspare == QOE_FEED_SPARE,
       "of twelve payloads given back four are kept and the others are freed");

    qoe_feed_env_free(&env);
    ok(env.nspare == 0, "an exporter that has nothing to do keeps no payload");

    end();
}


static void
test_size(void)
{
    int                  i;
    qoe_export_batch_t  *b;

    start();

    (void) batch(&feeds[0], 5000, QOE_BATCH_DONE);
    qoe_feed_reclaim(&feeds[0]);
    qoe_feed_env_free(&env);

    b = qoe_feed_push(&feeds[0]);
    ok(b->payload.cap >= 5000 && b->payload.len == 0,
       "a new payload has room for what the payload before it took");

    qoe_feed_unpush(&feeds[0]);
    ok(feeds[0].nbatches == 1 && env.nspare == 1,
       "a batch that is taken back gives its payload back");

    for (i = 0; i < 1000; i++) {
        feeds[0].nbatches = 0;
        (void) batch(&feeds[0], 10, QOE_BATCH_DONE);
        qoe_feed_reclaim(&feeds[0]);
    }

    qoe_feed_env_free(&env);
    feeds[0].nbatches = 0;

    b = qoe_feed_push(&feeds[0]);
    ok(b->payload.cap < 5000,
       "when batches have become small, payloads get smaller: %zu",
       b->payload.cap);

    (void) batch(&feeds[1], PAYLOAD_MAX, QOE_BATCH_DONE);
    qoe_feed_reclaim(&feeds[1]);
    qoe_feed_env_free(&env);

    b = qoe_feed_push(&feeds[1]);
    ok(b->payload.cap == PAYLOAD_MAX && b->payload.status == QOE_OK,
       "a payload never gets more room than its maximum");

    end();
}


int
main(void)
{
    test_reuse();
    test_bound();
    test_size();

    return tap_end();
}
