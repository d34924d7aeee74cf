
/*
 * Copyright (C) OpenQoE
 *
 * A request of the backlog that the server refuses for now: whether others are
 * tried before it, and that it stays in the spool.
 */


#include "qoe_exporter.h"
#include "qoe_outcome.h"
#include "qoe_spool_info.h"
#include "spool_unit.h"


static qoe_zone_t          *zone;
static qoe_spool_t         *sp;
static qoe_exporter_t       e;
static qoe_exporter_env_t   env;
static qoe_conf_t           qoe_conf;
static qoe_state_t          state;
static qoe_self_env_t       self_env = { &state, &qoe_conf, 0, 0, &test_log };


/* n records wait in the spool, and the first is in flight. */

static void
start(int n, size_t len)
{
    int  i;

    begin();
    conf.max_size = 64 * 1024;
    conf.segment_size = 64 * 1024;
    zone = spool_zone();
    sp = spool_new(zone);

    for (i = 1; i <= n; i++) {
        if (append_to(sp, 0, i, len, 1, NULL) != QOE_OK) {
            abort();
        }
    }

    pass(sp, 1500);

    memset(&env, 0, sizeof(env));
    memset(&e, 0, sizeof(e));
    env.zone = zone;
    env.log = &test_log;
    env.self = &self_env;
    e.env = &env;
    e.stream = &qoe_streams[QOE_STREAM_LOGS];
    e.spool = sp;
    e.conf.spool = conf;

    if (qoe_spool_next(sp, now(), &e.item) != QOE_OK) {
        abort();
    }

    e.item_held = true;
    e.item_sent = true;
}


static void
held(void)
{
    qoe_outcome_t  o;

    qoe_outcome_init(&o);
    qoe_outcome_fail(&o, QOE_OUTCOME_HOLD, "500");
    qoe_exporter_backlog_done(&e, &o);
    pass(sp, 1500);
}


static void
end(void)
{
    qoe_spool_destroy(sp);
    spool_zone_free(zone);
}


/* The next request of the backlog is in flight. */

static void
fly(void)
{
    if (qoe_spool_next(sp, now(), &e.item) != QOE_OK) {
        abort();
    }

    e.item_held = true;
    e.item_sent = true;
}


/* A request that is held while others are taken is itself to blame. */

static void
test_blame(void)
{
    int  i;

    start(1, 100);

    for (i = 0; i < 100 && counter(zone, QOE_DEST_DROPPED_REFUSED) == 0; i++) {
        held();
        e.taken++;
        pass(sp, 1500);

        if (spooled(zone) != 0) {
            fly();
        }
    }

    ok(i == QOE_EXPORTER_BLAMED + 1 && spooled(zone) == 0
       && counter(zone, QOE_DEST_BATCHES_FAILED) == 1 && !e.item_held
       && !e.item_sent,
       "a request that is held %d times while others are taken is refused",
       QOE_EXPORTER_BLAMED);
    end();

    start(1, 100);

    for (i = 0; i < QOE_EXPORTER_BLAMED + 2; i++) {
        held();
        pass(sp, 1500);
        fly();
    }

    ok(counter(zone, QOE_DEST_DROPPED_REFUSED) == 0 && e.blame.times == 0,
       "a server that takes nothing blames none");
    end();

    /* of three in turn each comes after two others */

    start(3, 100);

    for (i = 0; i < QOE_EXPORTER_BLAMED + 2; i++) {
        held();
        e.taken++;
        pass(sp, 1500);
        fly();
    }

    ok(counter(zone, QOE_DEST_DROPPED_REFUSED) == 0 && spooled(zone) == 3
       && e.blame.times == 0,
       "another request than the last one that was held is not blamed for it");
    end();
}


int
main(void)
{
    qoe_spool_info_t  before, after;

    self = qoe_proc_self();

    start(3, 100);
    held();
    ok(spooled(zone) == 3 && next(sp) == 2 && next(sp) == 3 && next(sp) == 1
       && next(sp) == -2,
       "a request that the server refuses comes again after the others");
    end();

    start(1, 100);
    qoe_spool_info(zone, e.dest, &before);
    held();
    qoe_spool_info(zone, e.dest, &after);
    ok(after.bytes == before.bytes, "of the only one no copy is written");
    ok(spooled(zone) == 1 && next(sp) == 1 && next(sp) == -2,
       "a request that is the only one stays the first");
    end();

    start(3, 12000);
    held();
    ok(spooled(zone) == 3 && next(sp) == 1 && next(sp) == 2 && next(sp) == 3
       && next(sp) == -2,
       "in a spool that is half full the order stays");
    end();

    test_blame();

    clear(dir, false);

    return tap_end();
}
