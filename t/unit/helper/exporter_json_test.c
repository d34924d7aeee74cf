
/*
 * Copyright (C) OpenQoE
 *
 * An exporter to a collector that takes JSON.
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


int
main(void)
{
    self = qoe_proc_self();

    test_json();

    clear(dir, false);

    return tap_end();
}
