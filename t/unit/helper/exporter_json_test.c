
/*
 * Copyright (C) OpenQoE
 *
 * An exporter to a collector that takes JSON; when it is due and opens its
 * circuit, at the bounds of the times; its health.
 */


#include "exporter_unit.h"


/* A collector that takes JSON. */

static void
test_json(void)
{
    json = true;
    start(false);
    ok(e.feed.payload_max == 640 * 1024,
       "a batch that becomes JSON is shorter");
    ready(0, 1);
    run();
    ok(wire.n == 1 && wire.first == '{' && wire.len > 2
       && e.ship[0].text.data != NULL, "a batch is sent as JSON");
    answer(QOE_OUTCOME_OK, 0);
    ok(is(zone, 0, "2 2 0 0 0") && e.ship[0].text.data == NULL,
       "and its text is freed with the answer");

    wire.nomem = true;
    ready(0, 1);
    run();
    ok(wire.n == 0 && e.ship[0].text.data == NULL
       && is(zone, 0, "4 2 2 0 0"), "so it is without memory to send it");
    wire.nomem = false;
    later();
    run();
    answer(QOE_OUTCOME_OK, 0);

    unfit = true;
    memset(&e.log_limit, 0, sizeof(e.log_limit));
    ready(0, 2);
    ready(1, 1);
    run();
    ok(wire.n == 0 && counter(zone, QOE_DEST_DROPPED_CORRUPT) == 6
       && is(zone, 0, "10 4 0 0 6") && e.retry.failures == 0
       && strstr(logged, "cannot be sent as JSON") != NULL,
       "what cannot be JSON is dropped, counted and logged");
    end();

    /* in the spool by the time that it must be JSON */

    json = false;
    start(true);
    ok(e.feed.payload_max == 2 * 1024 * 1024, "a batch in protobuf is longer");
    ready(0, 1);
    run();
    answer(QOE_OUTCOME_HOLD, 0);
    run();
    pass_ms(1500);
    json = true;
    memset(&e.log_limit, 0, sizeof(e.log_limit));
    later();
    run();
    ok(wire.n == 0 && spooled(zone) == 0 && !e.item_held && !e.item_sent
       && counter(zone, QOE_DEST_DROPPED_CORRUPT) == BATCH
       && strstr(logged, "spooled things dropped, they cannot be sent")
          != NULL, "so is what is spooled");
    json = unfit = false;
    end();
}


/* When an exporter with a spool is due. */

static void
test_due(void)
{
    uint64_t  spool_due;

    start(true);
    e.run_ms = 0;
    spool_due = qoe_spool_due_ms(e.spool);
    ok(qoe_exporter_due_ms(&e, at) == spool_due && spool_due < at + 60000,
       "the spool is due when it says so");
    e.run_ms = spool_due + 50;
    ok(qoe_exporter_due_ms(&e, at) == spool_due + 50,
       "but not before the exporter runs it again");

    e.run_ms = UINT64_MAX;
    e.spool_ms = at + 1;
    ok(qoe_exporter_due_ms(&e, at) == at + 1,
       "an append that failed is tried again");
    e.spool_ms = at;
    ok(qoe_exporter_due_ms(&e, at) == UINT64_MAX, "once");

    e.retry.failures = 1;
    e.failing_ms = at - 999;
    e.retry.not_before_ms = at + 500;
    ok(qoe_exporter_due_ms(&e, at) == at + 1,
       "the circuit opens a second after the first failure");
    ok(qoe_exporter_due_ms(&e, at + 1) == at + 500,
       "then the next try is due");
    ok(qoe_exporter_due_ms(&e, at + 500) == UINT64_MAX,
       "of which there is none without a batch");
    e.retry.failures = 0;
    ok(qoe_exporter_due_ms(&e, at) == UINT64_MAX,
       "without a failure neither is");
    end();

    /* metrics alone */

    start(false);
    ready(0, 1);
    e.stream = NULL;
    ok(qoe_exporter_due_ms(&e, at) == UINT64_MAX && !run() && wire.sent == 0
       && !qoe_exporter_serves(&e),
       "a stream of metrics alone sends no batch");
    e.stream = &stream;
    ok(qoe_exporter_serves(&e), "that of events serves its slot");
    e.name[0] = 'B';
    ok(!qoe_exporter_serves(&e), "which may become another's");
    end();
}


/* When the circuit opens. */

static void
test_open(void)
{
    size_t  i;

    static const struct {
        uint64_t     failures;
        bool         refusing;
        uint64_t     ms;             /* since the first failure */
        bool         open;
    } rows[] = {
        { 0, false, 0, false }, { 0, true, 5000, false }, { 1, false, 999,
        false }, { 1, false, 1000, true }, { 1, true, 0, true },
        { 2, false, 0, true }, { 3, false, 0, true }
    };

    start(false);

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        e.retry.failures = rows[i].failures;
        e.refusing = rows[i].refusing;
        e.failing_ms = at;
        ok(qoe_exporter_open(&e, at + rows[i].ms) == rows[i].open,
           "%llu failures since %llu ms: the circuit is %s",
           (unsigned long long) rows[i].failures,
           (unsigned long long) rows[i].ms,
           rows[i].open ? "open" : "closed");
    }

    e.retry.failures = 0;
    e.refusing = false;
    end();
}


/* An answer that was cut, and what is spooled while the circuit is open. */

static void
test_answers(void)
{
    qoe_outcome_t  o;

    start(true);
    ready(0, 2);
    run();
    qoe_outcome_init(&o);
    o.unfinished = true;
    qoe_outcome_message(&o, "the body ended early");
    wire.n--;
    wire.done[wire.n](wire.data[wire.n], &o);
    ok(counter(zone, QOE_DEST_BATCHES_UNFINISHED) == 1
       && counter(zone, QOE_DEST_BATCHES_SENT) == 1
       && strstr(logged, "rejected things is unknown: the body ended early")
          != NULL,
       "a batch whose answer was cut counts as sent, and is logged");
    answer(QOE_OUTCOME_OK, 0);
    ok(counter(zone, QOE_DEST_BATCHES_UNFINISHED) == 1
       && counter(zone, QOE_DEST_BATCHES_SENT) == 2
       && is(zone, 0, "4 4 0 0 0"), "one that is whole is only sent");

    ready(0, 1);
    run();
    answer(QOE_OUTCOME_HOLD, 0);
    ready(1, 1);
    ok(run() && spooled(zone) == 4,
       "a lane that was emptied into the spool may have more");
    ok(!run() && spooled(zone) == 4, "one that is empty has not");
    end();
}


/* What the zone says of the exporter's health. */

static void
test_health(void)
{
    qoe_dest_info_t  info;

    start(false);
    ready(0, 1);
    ready(1, 1);
    run();
    answer(QOE_OUTCOME_RETRY, 0);
    qoe_dest_info(zone, 0, &info);
    ok(info.health.consecutive_failures == 1
       && strcmp(info.health.last_error, "503") == 0
       && info.health.last_success_ms == 0, "a failure is one of its lane");

    answer(QOE_OUTCOME_OK, 0);
    qoe_dest_info(zone, 0, &info);
    ok(info.health.consecutive_failures == 0
       && info.health.last_success_ms != 0,
       "a success is one of all lanes");

    later();
    run();
    answer(QOE_OUTCOME_FINAL, 0);
    qoe_dest_info(zone, 0, &info);
    ok(info.health.consecutive_failures == 0 && e.retry.failures == 0,
       "a refusal is an answer");
    end();
}


/* An exporter that is freed with requests in flight. */

static void
test_destroyed(void)
{
    int  i;

    json = true;
    start(false);
    ready(0, 2);
    run();
    ok(wire.n == 2 && e.ship[1].busy, "two requests are in flight");

    for (i = 0; i < LANES; i++) {
        qoe_feed_destroy(held[i].feed[0]);
        held[i].feed[0] = NULL;
    }

    qoe_exporter_destroy(&e);
    ok(wire.n == 0 && e.sending == 0 && !e.ship[1].busy
       && e.ship[1].text.data == NULL && e.transport == NULL,
       "they are given up with it");
    json = false;
    spool_zone_free(zone);

    start(true);

    for (i = 0; i < LANES; i++) {
        qoe_feed_destroy(held[i].feed[0]);
        held[i].feed[0] = NULL;
    }

    qoe_exporter_destroy(&e);
    ok(e.spool == NULL && e.feed.spool == NULL, "its spool is closed with it");
    spool_zone_free(zone);
}


int
main(void)
{
    self = qoe_proc_self();

    test_json();
    test_due();
    test_open();
    test_answers();
    test_health();
    test_destroyed();

    clear(dir, false);

    return tap_end();
}
