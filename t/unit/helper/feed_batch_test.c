
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
    ok(env.nspare == 0, "the payloads that are kept can be freed");

    end();
}


/* Batches that were released before their answers came. */

static void
test_idle(void)
{
    qoe_export_batch_t  *b, *last;

    start();

    b = batch(&feeds[0], 1000, QOE_BATCH_DONE);
    last = batch(&feeds[0], 1000, QOE_BATCH_SENDING);
    b->released = last->released = true;

    qoe_feed_release(&feeds[0]);
    ok(feeds[0].nbatches == 1 && env.nspare == 1,
       "while a batch is in flight the payload of another is kept");

    last->state = QOE_BATCH_DONE;
    qoe_feed_release(&feeds[0]);
    ok(feeds[0].nbatches == 0 && env.nspare == 0,
       "an exporter that has nothing to do keeps no payload");

    end();
}


/* Takes as many records as fit; none if full. */

static bool      full;
static size_t    fit;

static qoe_status_t
encode(qoe_buf_t *out, const qoe_otlp_identity_t *id,
    const qoe_span_t *records, size_t n, size_t *nbad, qoe_arena_t *arena)
{
    (void) out;
    (void) id;
    (void) records;
    (void) arena;

    *nbad = 0;

    return full || n > fit ? QOE_TOO_LARGE : QOE_OK;
}


static uint64_t
received(qoe_span_t record)
{
    (void) record;

    return 7;
}


/* Records that were read and do not all fit into the open batch. */

static void
test_parts(void)
{
    uint64_t                   ends[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
    qoe_counts_t               passes[8] = { { { 0 } } };
    qoe_span_t                 records[8] = { { NULL, 0 } };
    qoe_feed_t                *feed;
    qoe_export_batch_t        *b;
    static const qoe_stream_t  stream = { .encode = encode,
                                          .received = received,
                                          .noun = "records" };

    start();
    feed = &feeds[0];
    feed->records = records;
    feed->ends = ends;
    feed->passes = passes;
    feed->nrecords = 8;
    env.stream = &stream;

    full = true;
    b = batch(feed, 1000, QOE_BATCH_OPEN);
    ok(qoe_feed_part(feed, 1) == QOE_FULL && feed->nrecords == 8
       && b->count == 0 && b->bad == 0,
       "records that do not fit into a begun batch are left to the next");

    full = false;
    fit = 3;
    b->state = QOE_BATCH_READY;
    ok(qoe_feed_part(feed, 1) == QOE_OK && feed->nrecords == 6,
       "of records that are too many for a batch a part is taken");
    b = qoe_feed_open(feed);
    ok(b != NULL && b->count == 2 && b->items == 2 && b->bad == 0
       && b->end == 2 && b->received_ns == 7,
       "the part is a new batch");

    full = true;
    ok(qoe_feed_part(feed, 1) == QOE_OK && feed->nrecords == 5
       && b->count == 3 && b->items == 2 && b->bad == 1 && b->end == 3,
       "a record that fits into no batch is one that cannot be read");

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


/* A batch of n records that ends at position end. */

static qoe_export_batch_t *
records(size_t n, uint64_t end, qoe_batch_state_t state)
{
    qoe_export_batch_t  *b;

    b = batch(&feeds[0], 10, state);
    b->count = n;
    b->items = n;
    b->end = end;

    return b;
}


static void
test_fold(void)
{
    qoe_export_batch_t  *held, *b;

    start();

    held = records(3, 30, QOE_BATCH_READY);
    records(4, 70, QOE_BATCH_DONE)->rejected = 1;
    records(5, 120, QOE_BATCH_DONE)->refused = 5;
    qoe_feed_fold(&feeds[0]);

    b = qoe_feed_batch(&feeds[0], 1);
    ok(feeds[0].nbatches == 2 && b->count == 9 && b->end == 120
       && b->rejected == 1 && b->refused == 5,
       "batches that are done and wait for a held one become one batch");

    records(2, 140, QOE_BATCH_SENDING);
    records(2, 160, QOE_BATCH_DONE);
    qoe_feed_fold(&feeds[0]);
    ok(feeds[0].nbatches == 4 && qoe_feed_batch(&feeds[0], 1)->end == 120,
       "a batch in flight keeps its place, and those after it are not joined "
       "with those before it");

    qoe_feed_batch(&feeds[0], 2)->state = QOE_BATCH_DONE;
    qoe_feed_batch(&feeds[0], 3)->spooled = true;
    qoe_feed_fold(&feeds[0]);
    ok(feeds[0].nbatches == 4,
       "a batch that is left to the spool is not joined with one that the "
       "collector has");

    while (feeds[0].nbatches > 1) {
        qoe_feed_unpush(&feeds[0]);
    }

    held->hold = 7;
    b = records(1, 40, QOE_BATCH_READY);
    ok(qoe_feed_ready(&feeds[0]) == b,
       "a batch that no answer has held is sent before an older one that was");

    b->hold = 8;
    ok(qoe_feed_ready(&feeds[0]) == held,
       "of two batches that were held, the one that waits longer is next");

    end();
}


static void
drop(qoe_feed_t *feed)
{
    while (feed->nbatches != 0) {
        qoe_feed_unpush(feed);
    }
}


/* Every number of a batch that is joined with the one before it. */

static void
test_fold_sums(void)
{
    int                  i, k, n, wrong;
    qoe_feed_t          *feed;
    qoe_export_batch_t  *b;

    start();
    feed = &feeds[0];

    for (i = 0; i < 3; i++) {
        n = i == 0 ? 1 : i == 1 ? 10 : 100;
        b = records((size_t) n, 16 * (uint64_t) n, QOE_BATCH_DONE);
        b->items = 2 * (size_t) n;
        b->noted = 3 * (size_t) n;
        b->bad = 4 * (size_t) n;
        b->behind = 5 * (size_t) n;
        b->rejected = 6 * (size_t) n;
        b->refused = 7 * (size_t) n;

        for (k = 0; k < QOE_KINDS; k++) {
            b->passed.n[k] = (uint64_t) n * (uint64_t) (8 + k);
            b->noted_passed.n[k] = (uint64_t) n * (uint64_t) (20 + k);
        }
    }

    qoe_feed_fold(feed);
    b = qoe_feed_batch(feed, 0);

    for (k = 0, wrong = 0; k < QOE_KINDS; k++) {
        wrong += b->passed.n[k] != 111 * (uint64_t) (8 + k)
                 || b->noted_passed.n[k] != 111 * (uint64_t) (20 + k);
    }

    ok(feed->nbatches == 1 && b->count == 111 && b->end == 1600
       && b->items == 222 && b->noted == 333 && b->bad == 444
       && b->behind == 555 && b->rejected == 666 && b->refused == 777
       && wrong == 0,
       "three batches that are joined have the sums of their numbers, and the "
       "end of the last one");

    /* each flag of either keeps two batches apart; both spooled join */

    for (i = 0, wrong = 0; i < 8; i++) {
        drop(feed);
        (void) records(1, 16, QOE_BATCH_DONE);
        (void) records(1, 32, QOE_BATCH_DONE);
        b = qoe_feed_batch(feed, (size_t) i % 2);

        switch (i / 2) {
        case 0:  b->released = true;           break;
        case 1:  b->given_up = true;           break;
        case 2:  b->spooled = true;            break;
        default: b->state = QOE_BATCH_READY;   break;
        }

        qoe_feed_fold(feed);
        wrong += feed->nbatches != 2;
    }

    drop(feed);
    records(1, 16, QOE_BATCH_DONE)->spooled = true;
    records(1, 32, QOE_BATCH_DONE)->spooled = true;
    qoe_feed_fold(feed);
    ok(wrong == 0 && feed->nbatches == 1,
       "a batch that is released, given up, left to the spool or not done is "
       "not joined with one that is not");

    end();
}


int
main(void)
{
    test_reuse();
    test_bound();
    test_idle();
    test_parts();
    test_size();
    test_fold();
    test_fold_sums();

    return tap_end();
}
