
/*
 * Copyright (C) OpenQoE
 *
 * A feed by itself: which records make a batch and when, what is released in
 * which order, what goes to the spool, and what is given up.
 */


#include "qoe_feed.h"
#include "spool_unit.h"


#define BATCH              4
#define INTERVAL           100
#define SIZE               16                /* of a record in the ring */


static qoe_feed_env_t  env;
static qoe_feed_t     *feed;
static qoe_zone_t     *zone;
static size_t          bad;                  /* of each part */
static bool            nomem;


/* A byte for each record that can be read. */

static qoe_status_t
encode(qoe_buf_t *out, const qoe_otlp_identity_t *id,
    const qoe_span_t *records, size_t n, size_t *nbad, qoe_arena_t *arena)
{
    char  *p;

    (void) id;
    (void) arena;

    if (nomem) {
        return QOE_NOMEM;
    }

    *nbad = qoe_min(bad, n);

    if (*nbad == n) {
        return QOE_DONE;
    }

    p = qoe_buf_reserve(out, n - *nbad);

    if (p == NULL || !qoe_span_eq(records[n - 1], qoe_span("12345678"))) {
        abort();
    }

    memset(p, 'r', n - *nbad);
    out->len += n - *nbad;

    return QOE_OK;
}


static uint64_t
received(qoe_span_t record)
{
    (void) record;

    return 7;
}


static const qoe_stream_t  stream = {
    .noun = "events", .kind = QOE_KIND_EVENT, .signal = QOE_SIGNAL_LOGS,
    .encode = encode, .received = received
};

static const qoe_stream_t  stream_of_views = {
    .noun = "records of views", .kind = QOE_KIND_VIEW,
    .signal = QOE_SIGNAL_LOGS, .encode = encode, .received = received
};


static void
start(const qoe_stream_t *s)
{
    qoe_kind_t  kind;
    qoe_span_t  name;

    begin();
    bad = 0;
    nomem = false;
    zone = zone_new(LANES);
    kind = s->kind;
    name = qoe_span("A");
    memset(&env, 0, sizeof(env));
    qoe_dests_set(zone, &name, &kind, &(bool) { true }, 1, &env.dest);
    (void) qoe_lane_dests(zone, 0);

    env.zone = zone;
    env.stream = s;
    env.batch_size = BATCH;
    env.interval_ms = INTERVAL;
    env.payload_max = 1000;
    env.log = &test_log;
    env.spool = spool_new(zone);
    qoe_arena_init(&env.scratch, &qoe_mem_heap, 64, 4096);

    feed = qoe_feed_create(&env, 0);

    if (feed == NULL) {
        abort();
    }
}


static void
end(void)
{
    if (feed != NULL) {
        qoe_feed_destroy(feed);
    }

    qoe_feed_env_free(&env);
    qoe_arena_free(&env.scratch);
    qoe_spool_destroy(env.spool);
    spool_zone_free(zone);
}


static void
put_view(void)
{
    uint64_t   wake[QOE_LANES_MAX / 64];
    qoe_put_t  p;

    p = (qoe_put_t) { 0, qoe_span("12345678"), qoe_span_null, QOE_KIND_VIEW };

    if (qoe_zone_put(zone, self, 0, &p, 1, QOE_ACK_MEMORY, NULL, wake)
        != QOE_OK)
    {
        abort();
    }
}


static qoe_export_batch_t *
batch(size_t i)
{
    return qoe_feed_batch(feed, i);
}


static bool
has(size_t i, size_t count, uint64_t last, qoe_batch_state_t state)
{
    const qoe_export_batch_t  *b;

    b = batch(i);

    return i < feed->nbatches && b->count == count && b->end == last * SIZE
           && b->state == state;
}


static void
test_batches(void)
{
    size_t  i;

    start(&stream);
    ok(qoe_feed_empty(feed) && qoe_feed_lag(feed) == 0 && feed->changed
       && qoe_feed_wake_pos(feed) == 0 && qoe_feed_due_ms(feed) == UINT64_MAX,
       "a feed of an empty lane waits for the next record");

    put(zone, 0, 3);
    ok(!qoe_feed_empty(feed) && qoe_feed_lag(feed) == 3 * SIZE,
       "a feed with records that are not read is not empty");

    qoe_feed_run(feed, SIZE, 900, false);
    ok(feed->nrecords == 1 && qoe_feed_wake_pos(feed)
                              == SIZE + 2 * (256 + SIZE / 16 - 257 / 16),
       "a first guess of a record is 256 bytes");

    feed->nrecords = 0;
    feed->pos = 0;
    qoe_feed_run(feed, UINT64_MAX, 1000, false);
    ok(feed->nbatches == 0 && feed->nrecords == 3 && !qoe_feed_empty(feed)
       && qoe_feed_due_ms(feed) == 1000 + INTERVAL
       && qoe_feed_wake_pos(feed) == 3 * SIZE,
       "a begun batch is due after the interval, or with its last record");

    qoe_feed_run(feed, UINT64_MAX, 1000 + INTERVAL - 1, false);
    ok(qoe_feed_ready(feed) == NULL, "before the interval is over it waits");
    qoe_feed_run(feed, UINT64_MAX, 1000 + INTERVAL, false);
    ok(feed->nbatches == 1 && has(0, 3, 3, QOE_BATCH_READY)
       && qoe_feed_ready(feed) == batch(0) && batch(0)->items == 3
       && batch(0)->received_ns == 7 && batch(0)->payload.len == 3,
       "after the interval it is ready");
    ok(qoe_feed_due_ms(feed) == UINT64_MAX && !qoe_feed_empty(feed),
       "a batch that is ready is not due again");

    put(zone, 0, 9);
    qoe_feed_run(feed, 10 * SIZE, 1300, false);
    ok(feed->nbatches == 2 && has(1, 4, 7, QOE_BATCH_READY)
       && feed->nrecords == 3, "records past the limit are not read");
    qoe_feed_run(feed, UINT64_MAX, 1310, false);
    ok(feed->nbatches == 3 && has(2, 4, 11, QOE_BATCH_READY)
       && feed->nrecords == 1 && qoe_feed_due_ms(feed) == 1310 + INTERVAL,
       "a full batch is ready at once, and the next begins");
    ok(qoe_feed_wake_pos(feed) > 12 * SIZE
       && qoe_feed_wake_pos(feed) == 12 * SIZE + 2 * feed->record_avg,
       "the wake-up is where the batch will be full");
    qoe_feed_run(feed, UINT64_MAX, 1310, true);
    ok(feed->nbatches == 4 && has(3, 1, 12, QOE_BATCH_READY),
       "a flush closes the begun batch");

    for (i = 4; !qoe_feed_is_full(feed) && i < 100; i++) {
        put(zone, 0, 1);
        qoe_feed_run(feed, UINT64_MAX, 1310, true);
    }

    ok(feed->nbatches == QOE_FEED_WINDOW, "the window is full at %d batches",
       QOE_FEED_WINDOW);
    put(zone, 0, 1);
    qoe_feed_run(feed, UINT64_MAX, 9999, true);
    ok(feed->nbatches == QOE_FEED_WINDOW && feed->nrecords == 0
       && qoe_feed_due_ms(feed) == UINT64_MAX
       && qoe_feed_wake_pos(feed) == QOE_LANE_ASKED && !qoe_feed_empty(feed),
       "with a full window nothing is read, and no record wakes the helper");

    end();
}


/* n batches of two records each, in flight. */

static void
fly(size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        put(zone, 0, 2);
        qoe_feed_run(feed, UINT64_MAX, 1000, true);
    }

    for (i = 0; i < n; i++) {
        batch(i)->state = QOE_BATCH_SENDING;
        batch(i)->sent_ms = 1000 + i;
    }
}


static void
test_release(void)
{
    start(&stream);
    fly(3);
    feed->changed = false;
    ok(qoe_feed_sending(feed) && qoe_feed_unsafe(feed)
       && !qoe_feed_blocked(feed) && qoe_feed_ready(feed) == NULL,
       "batches in flight are in this process alone");

    batch(1)->rejected = 1;
    qoe_feed_taken(batch(1));
    qoe_feed_release(feed);
    ok(qoe_feed_blocked(feed) && is(zone, 0, "6 0 6 0 0") && !feed->changed
       && feed->taken == 0,
       "a batch that was taken waits for an older one");

    qoe_feed_taken(batch(0));
    qoe_feed_release(feed);
    ok(!qoe_feed_blocked(feed) && qoe_feed_sending(feed)
       && feed->nbatches == 1 && feed->changed && feed->taken == 4 * SIZE
       && feed->synced == 4 * SIZE && !feed->unsynced
       && counter(zone, QOE_DEST_REJECTED) == 1,
       "then both are released, and what was rejected is counted");

    qoe_feed_failed(batch(0));
    ok(!qoe_feed_sending(feed) && !qoe_feed_unsafe(feed)
       && qoe_feed_ready(feed) == batch(0),
       "a batch that was not taken is ready again");

    qoe_feed_refused(batch(0));
    qoe_feed_release(feed);
    ok(feed->nbatches == 0 && qoe_feed_empty(feed) && qoe_feed_lag(feed) == 0
       && counter(zone, QOE_DEST_DROPPED_REFUSED) == 2
       && is(zone, 0, "6 3 0 0 2"),
       "what was refused is released and counted");

    fly(1);
    qoe_feed_unsendable(batch(0));
    qoe_feed_release(feed);
    ok(counter(zone, QOE_DEST_DROPPED_CORRUPT) == 2 && qoe_feed_empty(feed),
       "what cannot be sent counts as corrupt");

    end();
}


static void
test_bad(void)
{
    start(&stream);
    bad = 1;
    put(zone, 0, 3);
    qoe_feed_run(feed, UINT64_MAX, 1000, true);
    ok(has(0, 3, 3, QOE_BATCH_READY) && batch(0)->items == 2
       && batch(0)->bad == 1 && logged[0] != '\0',
       "a record that cannot be read is left out of its batch, and logged");
    qoe_feed_taken(batch(0));
    qoe_feed_release(feed);
    ok(is(zone, 0, "3 2 0 0 1")
       && counter(zone, QOE_DEST_DROPPED_CORRUPT) == 1,
       "it counts as corrupt once its batch is released");

    bad = 9;
    put(zone, 0, 2);
    qoe_feed_run(feed, UINT64_MAX, 1000, true);
    ok(feed->nbatches == 0 && qoe_feed_empty(feed)
       && is(zone, 0, "5 2 0 0 3"),
       "a batch without a record that can be read is done at once");

    bad = 0;
    nomem = true;
    put(zone, 0, 2);
    qoe_feed_run(feed, UINT64_MAX, 2000, true);
    ok(feed->nbatches == 0 && feed->nrecords == 2
       && qoe_feed_due_ms(feed) == 2000 + INTERVAL,
       "without memory the records wait for another interval");
    nomem = false;
    qoe_feed_run(feed, UINT64_MAX, 2000 + INTERVAL, false);
    ok(has(0, 2, 7, QOE_BATCH_READY), "with memory they are a batch");

    end();
}


static void
test_give_up(void)
{
    size_t  n;

    start(&stream);
    n = 99;
    ok(!qoe_feed_give_up(feed, UINT64_MAX, 1000, 1000, &n) && n == 99,
       "without records there is nothing to give up");

    fly(2);
    ok(!qoe_feed_give_up(feed, UINT64_MAX, 1000, 999, &n) && n == 99,
       "what has just been sent is not given up");
    ok(qoe_feed_give_up(feed, UINT64_MAX, 1000, 1000, &n) && n == 2
       && batch(0)->state == QOE_BATCH_SENDING && batch(0)->given_up
       && qoe_feed_lag(feed) == 2 * SIZE
       && counter(zone, QOE_DEST_DROPPED_BEHIND) == 2,
       "what was sent earlier is counted and released, though in flight");

    qoe_feed_failed(batch(0));
    qoe_feed_release(feed);
    ok(feed->nbatches == 1 && counter(zone, QOE_DEST_DROPPED_BEHIND) == 2,
       "its answer changes nothing");

    batch(0)->state = QOE_BATCH_READY;
    ok(qoe_feed_give_up(feed, UINT64_MAX, 1000, 0, &n) && n == 2
       && feed->nbatches == 0 && is(zone, 0, "4 0 0 0 4"),
       "a batch that waits is given up");

    fly(1);
    (void) qoe_feed_give_up(feed, UINT64_MAX, 2000, 2000, &n);
    batch(0)->rejected = 1;
    qoe_feed_refused(batch(0));
    qoe_feed_release(feed);
    ok(counter(zone, QOE_DEST_DROPPED_REFUSED) == 0
       && counter(zone, QOE_DEST_REJECTED) == 0
       && is(zone, 0, "6 0 0 0 6"),
       "what the answer says of a batch that was given up is not counted");

    put(zone, 0, 3);
    ok(qoe_feed_give_up(feed, UINT64_MAX, 1000, 0, &n) && n == 3
       && qoe_feed_empty(feed) && is(zone, 0, "9 0 0 0 9"),
       "records that are in no batch are given up without being encoded");

    end();
}


static void
test_commit(void)
{
    start(&stream);
    put(zone, 0, 2);
    feed->changed = false;
    ok(qoe_feed_commit(feed, UINT64_MAX, 1000) == QOE_OK
       && has(0, 2, 2, QOE_BATCH_OPEN) && batch(0)->nrefs == 1
       && spooled(zone) == 2 && feed->unsynced && feed->changed
       && feed->taken == 2 * SIZE && feed->synced == 0
       && qoe_feed_lag(feed) == 2 * SIZE,
       "records of a begun batch are stored, and not yet released");

    qoe_feed_synced(feed);
    ok(!feed->unsynced && feed->synced == 2 * SIZE,
       "a sync makes all that is stored durable");

    put(zone, 0, 1);
    ok(qoe_feed_commit(feed, UINT64_MAX, 1000) == QOE_OK
       && has(0, 3, 3, QOE_BATCH_OPEN) && batch(0)->nrefs == 2
       && batch(0)->stored == 3 && batch(0)->stored_items == 3
       && spooled(zone) == 3 && feed->taken == 3 * SIZE,
       "the next records are another part of that batch");

    put(zone, 0, 1);
    ok(qoe_feed_commit(feed, UINT64_MAX, 1000) == QOE_OK
       && has(0, 4, 4, QOE_BATCH_READY),
       "a batch that is full is closed by that");

    batch(0)->state = QOE_BATCH_SENDING;
    ok(!qoe_feed_unsafe(feed), "a batch that is stored is safe in flight");
    batch(0)->rejected = 1;
    qoe_feed_taken(batch(0));
    ok(counter(zone, QOE_DEST_REJECTED) == 1 && spooled(zone) == 0,
       "what was taken is done in the spool, and what was rejected counted");
    qoe_feed_release(feed);
    ok(qoe_feed_empty(feed) && counter(zone, QOE_DEST_REJECTED) == 1
       && is(zone, 0, "4 3 0 0 0"), "it is counted once");

    put(zone, 0, 4);
    (void) qoe_feed_commit(feed, UINT64_MAX, 1000);
    batch(0)->state = QOE_BATCH_SENDING;
    qoe_feed_failed(batch(0));
    qoe_feed_release(feed);
    ok(qoe_feed_empty(feed) && spooled(zone) == 4 && feed->unsynced,
       "a stored batch that was not taken is left to the backlog");

    put(zone, 0, 2);
    (void) qoe_feed_commit(feed, UINT64_MAX, 1000);
    put(zone, 0, 2);
    qoe_feed_run(feed, UINT64_MAX, 1000, false);
    batch(0)->state = QOE_BATCH_SENDING;
    ok(has(0, 4, 12, QOE_BATCH_SENDING) && batch(0)->nrefs == 1
       && qoe_feed_unsafe(feed) && !qoe_feed_is_stored(batch(0)),
       "a batch of which the spool has a part is not safe");
    qoe_feed_failed(batch(0));
    ok(batch(0)->state == QOE_BATCH_READY && batch(0)->nrefs == 1,
       "and waits again when it fails");
    qoe_feed_taken(batch(0));
    qoe_feed_release(feed);
    ok(spooled(zone) == 4 && qoe_feed_empty(feed),
       "once it is taken that part is done");

    put(zone, 0, BATCH * (QOE_FEED_SLOTS + 1));
    ok(qoe_feed_commit(feed, UINT64_MAX, 1000) == QOE_AGAIN,
       "more records than the slots hold take another call");
    ok(qoe_feed_commit(feed, UINT64_MAX, 1000) == QOE_OK
       && spooled(zone) == 4 + BATCH * (QOE_FEED_SLOTS + 1),
       "after which all are stored");
    end();

    start(&stream);
    fly(2);
    qoe_feed_taken(batch(1));
    qoe_feed_release(feed);
    ok(qoe_feed_commit(feed, UINT64_MAX, 1000) == QOE_OK
       && feed->nbatches == 2 && spooled(zone) == 2 && batch(1)->nrefs == 0,
       "a batch that was taken is not stored while it waits for an older one");

    end();
}


static void
test_spool(void)
{
    start(&stream);
    fly(2);
    batch(1)->state = QOE_BATCH_READY;
    put(zone, 0, 1);
    qoe_feed_run(feed, UINT64_MAX, 1000, false);

    ok(qoe_feed_spool(feed) == QOE_OK && spooled(zone) == 4
       && feed->nbatches == 1 && feed->nrecords == 1
       && batch(0)->state == QOE_BATCH_SENDING && batch(0)->released
       && qoe_feed_lag(feed) == SIZE,
       "closed batches are stored and released, even the one in flight");
    ok(qoe_feed_spool(feed) == QOE_OK && spooled(zone) == 4,
       "nothing is stored twice");

    qoe_feed_taken(batch(0));
    qoe_feed_release(feed);
    ok(spooled(zone) == 2 && feed->nbatches == 0,
       "an answer after that is one to the spool");

    (void) qoe_feed_part(feed, 1000);
    ok(has(0, 1, 5, QOE_BATCH_OPEN) && qoe_feed_spool(feed) == QOE_OK
       && batch(0)->nrefs == 0 && spooled(zone) == 2
       && qoe_feed_lag(feed) == SIZE,
       "a batch that is open is not stored before it is closed");

    qoe_feed_destroy(feed);
    feed = qoe_feed_create(&env, 0);
    ok(feed != NULL && feed->pos == 4 * SIZE && feed->taken == 4 * SIZE
       && feed->unsynced && feed->synced == 0,
       "the next owner begins after what was released, which is not synced");

    end();
}


/* Records of another kind between those of the stream. */

static void
test_pass(void)
{
    start(&stream);
    put_view();
    put_view();
    qoe_feed_run(feed, UINT64_MAX, 1000, false);
    ok(qoe_feed_empty(feed) && qoe_feed_lag(feed) == 0
       && feed->passed.n[QOE_KIND_VIEW] == 0
       && feed->taken == 2 * SIZE,
       "records of another kind alone are released at once");

    put_view();
    put(zone, 0, 1);
    put_view();
    qoe_feed_run(feed, UINT64_MAX, 1000, true);
    ok(has(0, 1, 5, QOE_BATCH_READY) && batch(0)->passed.n[QOE_KIND_VIEW] == 2
       && feed->passed.n[QOE_KIND_VIEW] == 0,
       "records of another kind are released with the batch around them");

    put_view();
    qoe_feed_run(feed, UINT64_MAX, 1000, false);
    ok(has(0, 1, 6, QOE_BATCH_READY) && batch(0)->passed.n[QOE_KIND_VIEW] == 3,
       "so are those after it");

    qoe_feed_taken(batch(0));
    qoe_feed_release(feed);
    ok(qoe_feed_empty(feed) && qoe_feed_lag(feed) == 0
       && is(zone, 0, "1 1 0 0 0"), "they are not counted as exported");

    end();

    start(&stream_of_views);
    put_view();
    put(zone, 0, 1);
    qoe_feed_run(feed, UINT64_MAX, 1000, false);
    ok(feed->nrecords == 1 && feed->passed.n[QOE_KIND_EVENT] == 1
       && feed->nbatches == 0
       && qoe_feed_wake_pos(feed) == QOE_LANE_ASKED,
       "a record of a view waits for others, and events wake nothing");

    while (qoe_feed_lag(feed) <= feed->hurry) {
        put(zone, 0, 1);
    }

    qoe_feed_run(feed, UINT64_MAX, 1000, false);
    ok(feed->nbatches == 1 && batch(0)->count == 1,
       "unless it holds up many events");

    end();
}


/* A stray write destroys the frame of record n of the lane. */

static void
damage(uint64_t n)
{
    memset(qoe_zone_ring(zone, 0) + n * SIZE, 0xee, 4);
}


static void
test_damaged(void)
{
    start(&stream);
    put(zone, 0, 2);
    put_view();
    put(zone, 0, 3);
    damage(2);
    qoe_feed_run(feed, UINT64_MAX, 1000, false);
    ok(has(0, 2, 2, QOE_BATCH_READY) && feed->pos == 6 * SIZE
       && counter(zone, QOE_DEST_DROPPED_CORRUPT) == 0
       && strstr(logged, "lane 0 of the zone is damaged, 3 events dropped")
          != NULL,
       "records before the damage are sent first, and what is after it is "
       "passed over");
    qoe_feed_taken(batch(0));
    qoe_feed_release(feed);
    ok(feed->nbatches == 0 && qoe_feed_empty(feed) && qoe_feed_lag(feed) == 0
       && is(zone, 0, "5 2 0 0 3")
       && counter(zone, QOE_DEST_DROPPED_CORRUPT) == 3,
       "it is counted and released after them");

    put(zone, 0, 1);
    qoe_feed_run(feed, UINT64_MAX, 1000, true);
    ok(has(0, 1, 7, QOE_BATCH_READY), "the lane goes on with new records");
    end();

    /* a batch that is open, and its first part stored */

    start(&stream);
    put(zone, 0, 1);
    (void) qoe_feed_commit(feed, UINT64_MAX, 1000);
    put(zone, 0, 2);
    damage(1);
    qoe_feed_run(feed, UINT64_MAX, 1000, false);
    ok(has(0, 1, 1, QOE_BATCH_READY) && feed->pos == 3 * SIZE
       && feed->nbatches == 2 && batch(1)->count == 2 && batch(1)->bad == 2
       && batch(1)->state == QOE_BATCH_DONE && batch(1)->end == 3 * SIZE,
       "a batch that is open is closed before the damage");
    qoe_feed_taken(batch(0));
    qoe_feed_release(feed);
    ok(qoe_feed_empty(feed) && is(zone, 0, "3 1 0 0 2"),
       "and each record counts once");
    end();

    /* records of another kind alone */

    start(&stream);
    put(zone, 0, 1);
    put_view();
    damage(0);
    feed->changed = false;
    qoe_feed_run(feed, UINT64_MAX, 1000, false);
    ok(qoe_feed_empty(feed) && is(zone, 0, "1 0 0 0 1") && feed->changed,
       "what is damaged is counted by its kind");
    end();
}


int
main(void)
{
    self = qoe_proc_self();

    test_batches();
    test_release();
    test_bad();
    test_give_up();
    test_commit();
    test_spool();
    test_pass();
    test_damaged();

    clear(dir, false);

    return tap_end();
}
