
/*
 * Copyright (C) OpenQoE
 *
 * An exporter between its lanes and its collector: what it sends and when, and
 * what it does with answers, failures, the spool and a ring that is full.
 */


#include "exporter_unit.h"


static void
test_send(void)
{
    start(false);
    ok(!run() && wire.sent == 0 && qoe_exporter_due_ms(&e, at)
       == UINT64_MAX && qoe_exporter_idle(&e, at),
       "without a batch there is nothing to do");

    ready(0, 4);
    ready(1, 2);
    ok(qoe_exporter_due_ms(&e, at) == 0, "a batch that is ready is due");
    run();
    ok(wire.sent == QOE_EXPORTER_WINDOW && e.sending == QOE_EXPORTER_WINDOW
       && qoe_feed_ready(held[1].feed[0]) == NULL
       && qoe_feed_ready(held[0].feed[0]) != NULL,
       "as many are sent as the window allows, of the lanes in turn");
    ok(qoe_exporter_due_ms(&e, at) == UINT64_MAX
       && !qoe_exporter_idle(&e, at), "an answer comes before the next");

    answer(QOE_OUTCOME_OK, 0);
    run();
    ok(wire.sent == QOE_EXPORTER_WINDOW + 1 && wire.first == '0'
       && counter(zone, QOE_DEST_BATCHES_SENT) == 1 && e.taken == 1,
       "after an answer the next is sent");

    wire.nomem = true;
    answer(QOE_OUTCOME_OK, 1);
    run();
    ok(wire.sent == QOE_EXPORTER_WINDOW + 1 && e.retry.failures == 0
       && e.retry.not_before_ms > at
       && e.retry.not_before_ms <= at + QOE_BACKOFF_MIN_MS
       && qoe_feed_ready(held[0].feed[0]) != NULL,
       "without memory a batch waits for a second, which is no failure");
    wire.nomem = false;
    later();
    run();
    ok(wire.sent == QOE_EXPORTER_WINDOW + 2, "then it is sent");

    while (wire.n != 0) {
        answer(QOE_OUTCOME_OK, 0);
    }

    ok(is(zone, 0, "12 11 0 0 0") && qoe_exporter_idle(&e, at)
       && counter(zone, QOE_DEST_REJECTED) == 1
       && counter(zone, QOE_DEST_BATCHES_SENT) == 6,
       "all are exported, but for what was rejected");

    end();
}


static void
test_failing(void)
{
    start(false);
    ready(0, 3);
    run();
    answer(QOE_OUTCOME_RETRY, 0);
    ok(e.retry.failures == 1 && counter(zone, QOE_DEST_BATCHES_RETRIED) == 1
       && qoe_feed_ready(held[0].feed[0]) != NULL && e.sending == 2
       && !qoe_exporter_open(&e, at)
       && !qoe_exporter_open(&e, e.failing_ms + 999)
       && qoe_exporter_open(&e, e.failing_ms + 1000),
       "a failure that lasts for a second opens the circuit");
    run();
    ok(wire.sent == 3, "before the next try is due nothing is sent");
    answer(QOE_OUTCOME_RETRY, 0);
    answer(QOE_OUTCOME_OK, 0);
    ok(e.retry.failures == 0 && !qoe_exporter_open(&e, at)
       && strstr(logged, "takes things again, after 1 failures") != NULL,
       "an answer closes it, which is logged");

    run();
    answer(QOE_OUTCOME_RETRY, 0);
    later();
    ok(qoe_exporter_due_ms(&e, at) == UINT64_MAX && !run()
       && wire.n == 1, "while one is in flight, no other is tried");
    answer(QOE_OUTCOME_RETRY, 0);
    later();
    ok(e.retry.failures == 2 && qoe_exporter_open(&e, at)
       && qoe_exporter_due_ms(&e, at) == e.retry.not_before_ms,
       "two failures, one after another, open the circuit");
    run();
    ok(wire.n == 1 && e.sending == 1, "then one request at a time is tried");

    answer(QOE_OUTCOME_OK, 0);
    run();
    answer(QOE_OUTCOME_HOLD, 0);
    ok(e.retry.failures == 1 && qoe_exporter_open(&e, e.failing_ms),
       "a server that refuses all requests opens it at once");

    later();
    run();
    ok(!qoe_exporter_idle(&e, at),
       "an exit waits for a batch that is in this process alone");
    answer(QOE_OUTCOME_FINAL, 0);
    ok(counter(zone, QOE_DEST_BATCHES_FAILED) == 1
       && counter(zone, QOE_DEST_DROPPED_REFUSED) == BATCH
       && e.retry.failures == 0 && e.taken == 2
       && is(zone, 0, "6 4 0 0 2") && qoe_zone_refused_ms(zone) != 0,
       "what is refused for good is dropped, and ends the failures");

    end();
}


static void
test_blame(void)
{
    int          i;
    qoe_blame_t  b;

    start(false);
    b.times = 99;
    ok(!qoe_exporter_blame(&e, &b, true) && b.times == 0,
       "the first answer that holds a request blames nothing");

    for (i = 0; i < 2 * QOE_EXPORTER_BLAMED; i++) {
        if (qoe_exporter_blame(&e, &b, false)) {
            break;
        }
    }

    ok(i == 2 * QOE_EXPORTER_BLAMED && b.times == 0,
       "a server that takes nothing is itself to blame");

    ready(0, 1);

    for (i = 0; i < 2 * QOE_EXPORTER_BLAMED; i++) {
        later();
        run();
        answer(QOE_OUTCOME_HOLD, 0);

        if (counter(zone, QOE_DEST_DROPPED_REFUSED) != 0) {
            break;
        }

        ready(1, 1);
        later();
        run();

        if (wire.n != 1 || wire.first != '1') {
            break;
        }

        answer(QOE_OUTCOME_OK, 0);
    }

    ok(i == QOE_EXPORTER_BLAMED
       && counter(zone, QOE_DEST_DROPPED_REFUSED) == BATCH,
       "a batch is dropped that is held %d times while others are taken",
       QOE_EXPORTER_BLAMED);

    end();
}


static void
test_spool(void)
{
    char  path[PATH_MAX + 16];

    start(true);
    ok(qoe_exporter_can_spool(&e, at), "the spool works");
    ready(0, 3);
    run();
    ok(spooled(zone) == 0, "while the server answers nothing is spooled");
    answer(QOE_OUTCOME_HOLD, 0);
    run();
    ok(spooled(zone) == 6 && qoe_feed_lag(held[0].feed[0]) == 0
       && qoe_exporter_idle(&e, at),
       "with an open circuit all batches go to the spool");
    answer(QOE_OUTCOME_OK, 0);
    answer(QOE_OUTCOME_OK, 0);
    ok(spooled(zone) == 2, "those that were taken are done there");

    pass_ms(1500);
    run();
    ok(e.item_sent && wire.n == 1 && wire.len == BATCH,
       "what is left is sent from the backlog");
    ready(1, 1);
    run();
    ok(wire.n == 2, "a live batch does not wait for the backlog's answer");
    e.log_limit = (qoe_log_limit_t) { 0 };
    answer(QOE_OUTCOME_RETRY, 0);
    ok(!e.item_sent && !e.item_held && spooled(zone) == 2
       && strstr(logged, "spooled things are kept") != NULL,
       "what the server does not take stays in the spool, which is logged");
    answer(QOE_OUTCOME_OK, 0);
    run();
    answer(QOE_OUTCOME_OK, 1);
    ok(spooled(zone) == 0 && counter(zone, QOE_DEST_REPLAYED) == BATCH
       && counter(zone, QOE_DEST_REJECTED) == 1
       && !e.item_held && e.taken == 4,
       "once it is taken it is done, and what was rejected is counted");

    ready(0, 1);
    run();
    answer(QOE_OUTCOME_HOLD, 0);
    run();
    pass_ms(1500);
    later();
    run();
    answer(QOE_OUTCOME_FINAL, 0);
    snprintf(path, sizeof(path), "%s/quarantine", dir);
    ok(spooled(zone) == 0 && counter(zone, QOE_DEST_DROPPED_REFUSED) == BATCH
       && count_files(path, ".seg") == 1,
       "what is refused for good goes from the backlog to the quarantine");

    qoe_exporter_spool_failed(&e, QOE_FULL, at);
    ok(!qoe_exporter_can_spool(&e, at)
       && qoe_exporter_can_spool(&e, e.spool_ms)
       && e.spool_ms > at && e.spool_ms <= at + 250
       && qoe_exporter_due_ms(&e, at) <= e.spool_ms,
       "after an append that failed, none is tried for a quarter of a second");

    end();
}


static void
test_commit(void)
{
    uint64_t   wake[QOE_LANES_MAX / 64];
    qoe_put_t  p;

    start(true);
    p = (qoe_put_t) { 0, qoe_span("0       "), qoe_span_null, 0 };

    (void) qoe_zone_put(zone, self, 0, &p, 1, QOE_ACK_MEMORY, NULL, wake);
    ok(!qoe_exporter_commit(&e, at) && spooled(zone) == 0,
       "what no request waits for is not stored");
    (void) qoe_zone_put(zone, self, 0, &p, 1, QOE_ACK_SPOOL, NULL, wake);
    ok(!qoe_exporter_commit(&e, at) && spooled(zone) == 2
       && held[0].feed[0]->unsynced && held[0].feed[0]->synced == 0,
       "what a request waits for is stored, with all before it");
    (void) qoe_zone_put(zone, self, 0, &p, 1, QOE_ACK_FSYNC, NULL, wake);
    ok(!qoe_exporter_commit(&e, at) && spooled(zone) == 3
       && !held[0].feed[0]->unsynced
       && held[0].feed[0]->synced == qoe_lane_tail(zone, 0)
       && counter(zone, QOE_DEST_SPOOL_SYNCS) != 0,
       "a request that waits for the disk gets a sync");

    qoe_exporter_spool_failed(&e, QOE_ERROR, at);
    (void) qoe_zone_put(zone, self, 0, &p, 1, QOE_ACK_SPOOL, NULL, wake);
    ok(!qoe_exporter_commit(&e, at) && spooled(zone) == 3,
       "after a failure nothing is stored for a while");
    at += 250;
    ok(!qoe_exporter_commit(&e, at) && spooled(zone) == 4,
       "then it is tried again");

    end();
}


static void
test_full(void)
{
    uint64_t   wake[QOE_LANES_MAX / 64];
    qoe_put_t  p;

    max_size = 1;
    start(true);
    max_size = 0;
    p = (qoe_put_t) { 0, qoe_span("0       "), qoe_span_null, 0 };

    (void) qoe_zone_put(zone, self, 0, &p, 1, QOE_ACK_SPOOL, NULL, wake);
    ok(!qoe_exporter_commit(&e, at) && spooled(zone) == 0
       && e.spool_ms == at + 250
       && strstr(logged, "the spool is full") != NULL,
       "a spool that is full is not tried again at once, and logged");

    end();
}


static void
test_give_up(void)
{
    start(false);
    ready(0, 3);
    run();
    lags = true;
    ok(!run() && is(zone, 0, "6 0 6 0 0"),
       "a lane that lags drops nothing while no other exporter waits");

    behind = true;
    ok(!run() && is(zone, 0, "6 0 6 0 0"),
       "what has just been sent is not dropped");
    at += 1000;
    ok(!run() && is(zone, 0, "6 0 0 0 6")
       && counter(zone, QOE_DEST_DROPPED_BEHIND) == 6
       && qoe_zone_refused_ms(zone) != 0
       && strstr(logged, "6 things dropped to make room") != NULL,
       "what was sent a second ago is dropped, and logged");

    end();

    start(false);
    ready(0, 5);
    run();
    lags = behind = true;
    answer(QOE_OUTCOME_HOLD, 0);
    ok(run() && is(zone, 0, "10 0 2 0 8"),
       "with an open circuit four batches are dropped in a turn");
    ok(!run() && is(zone, 0, "10 0 0 0 10"), "the rest in the next");

    end();
}


static void
test_leaving(void)
{
    start(true);
    ready(0, 2);
    env.leaving = true;
    env.spooling = true;
    run();
    ok(wire.sent == 0 && spooled(zone) == 4,
       "at the exit all that is left goes to the spool, and nothing is sent");
    pass_ms(1500);
    run();
    ok(wire.sent == 0, "an exit sends nothing of the backlog");
    end();

    start(false);
    ready(0, 2);
    ready(1, 1);
    run();
    qoe_feed_failed(held[0].feed[0]->batch);
    e.sending--;
    env.handing_over = true;
    env.until_ms = at + 700;
    ok(!run() && wire.sent == 3,
       "who hands a lane over begins nothing that the next owner can send");
    qoe_feed_taken(held[0].feed[0]->batch + 1);
    qoe_feed_release(held[0].feed[0]);
    e.sending--;
    ok(!run() && wire.sent == 4 && wire.deadline_ms <= 700
       && wire.deadline_ms > 0,
       "but what others wait for that are done is tried in time");
    end();
}


int
main(void)
{
    self = qoe_proc_self();

    test_send();
    test_failing();
    test_blame();
    test_spool();
    test_commit();
    test_full();
    test_give_up();
    test_leaving();

    clear(dir, false);

    return tap_end();
}
