
/*
 * Copyright (C) OpenQoE
 *
 * What the zone says of an exporter after its collector's answers, and what is
 * left of requests that get none.
 */


#include "exporter_unit.h"


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

    test_answers();
    test_health();
    test_destroyed();

    clear(dir, false);

    return tap_end();
}
