
/*
 * Copyright (C) OpenQoE
 *
 * Leases by themselves, at the bounds of their times: which lanes a helper
 * takes and gives at a moment, and when it looks again.
 */


#include "lease_turn_unit.h"


static void
test_preferred(void)
{
    begin();
    lane_of(0, 0, 100000);
    lane_of(1, 0, 100000);
    lane_of(2, dead, 100000);
    lane_of(3, dead, 100000);
    update(100000);
    ok(holds() == 10 && h.lease_ms == 101000 && h.started_ms == 100000
       && says->takes == 1 && says->adopted == 1 && says->rows == 1
       && qoe_zone_counter(zone, QOE_COUNT_LANES_ADOPTED) == 1
       && strstr(logged, "lane 3 adopted from a process that ended") != NULL,
       "a helper takes the lanes that prefer it at once, and no other");

    update(100999);
    ok(says->takes == 1 && says->rows == 2, "it looks again a second later");

    lane_of(0, 0, 99001);
    update(101000);
    ok(holds() == 10, "it leaves 2 s to the helper that another lane prefers");

    lane_of(0, 0, 100000);
    lane_of(2, OTHER, 0);
    update(102000);
    ok(holds() == 11 && h.lease_ms == 103000 && says->takes == 3,
       "but no more; what lives keeps its lane for ever");
    ok(says->fed == NULL && says->opened == 3,
       "an exporter that lost its place in the zone is fed by no lane");

    says->serves = true;
    lane_of(2, dead, 100999);
    update(103000);
    ok(holds() == 15 && says->fed == &h.exporter[0].feed && says->adopted == 2,
       "one that has it is");
}


/* The next look of a helper that misses a lane, by how long it has run. */

static void
test_missing(void)
{
    size_t  i;

    static const struct {
        uint64_t     ran;
        uint64_t     next;
        unsigned     holds;          /* lane 0 is an orphan */
    } rows[] = {
        { 0, 20, 8 }, { 499, 20, 8 }, { 500, 500, 8 }, { 29999, 500, 8 },
        { 30000, 1000, 9 }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        begin();
        lane_of(0, 0, 0);
        lane_of(3, 0, 0);
        h.started_ms = rows[i].ran != 0 ? 100000 - rows[i].ran : 0;
        update(100000);
        ok(holds() == rows[i].holds && h.lease_ms == 100000 + rows[i].next,
           "%llu ms after its start a helper without its lane looks again in "
           "%llu ms", (unsigned long long) rows[i].ran,
           (unsigned long long) rows[i].next);
    }
}


static void
test_memory(void)
{
    begin();
    lane_of(1, dead, 0);
    lane_of(3, 0, 0);
    says->nomem = true;
    update(100000);
    ok(h.env.nheld == 0 && h.owed[1] == QOE_LANE_ADOPTED
       && h.owed[3] == QOE_LANE_TAKEN && h.owed[0] == QOE_LANE_NONE
       && qoe_zone_lane(zone, 1)->owner == self
       && strstr(logged, "no memory to serve lane 1") != NULL,
       "without memory a helper keeps the lanes that it has taken");

    says->nomem = false;
    update(100020);
    ok(holds() == 10 && says->adopted == 1 && h.owed[1] == QOE_LANE_NONE
       && qoe_zone_counter(zone, QOE_COUNT_LANES_ADOPTED) == 1,
       "and serves them later; what was adopted still is, and counted once");

    /* one that does not prefer it */

    begin();
    lane_of(1, 0, 0);
    lane_of(3, 0, 0);
    lane_of(2, dead, 0);
    says->nomem = true;
    h.started_ms = 1;
    update(100000);
    says->nomem = false;
    lane_of(2, self, 100000);
    update(101000);
    ok(holds() == 14 && says->adopted == 1,
       "a lane that is owed is served without a wait");

    begin();
    says->nomem = true;
    lane_of(1, 0, 0);
    lane_of(3, dead, 0);
    update(100000);
    qoe_lease_close(&h);
    ok(qoe_zone_lane(zone, 1)->owner == 0 && qoe_zone_lane(zone, 3)->owner
       == self, "an exit gives what it owes, but for what was adopted: the "
       "next owner has to know");
}


static void
test_hand_over(void)
{
    begin();
    lane_of(1, 0, 0);
    lane_of(3, 0, 0);
    update(100000);

    h.conf.single = true;
    qoe_zone_generation_raise(zone);
    update(100100);
    ok(!h.handing_over && holds() == 10, "a single process hands nothing over");

    h.conf.single = false;
    says->sending[3] = true;
    h.alone_ms = 5;
    update(100100);
    ok(h.handing_over && h.env.handing_over && h.hand_over_ms == 103100
       && h.env.until_ms == 103100 && wire.deadline_ms == 3000
       && holds() == 8 && h.lease_ms == 103100 && h.alone_ms == 0
       && says->closed == 0,
       "an old helper gives its lanes away, but for those with requests");

    wire.deadline_ms = 0;
    says->blocked[3] = true;
    says->sending[3] = false;
    update(103099);
    ok(holds() == 8 && wire.deadline_ms == 0 && h.lease_ms == 103119,
       "a batch that waits for an older one is waited for in time");

    says->report_sends = true;
    update(103100);
    ok(holds() == 0 && says->closed == 0 && h.lease_ms == 103120,
       "and no longer; but metrics in flight have to end");

    says->report_sends = false;
    lane_of(1, OTHER, 0);
    lane_of(3, OTHER, 0);
    update(103200);
    ok(says->closed == 1 && h.lease_ms == 103700 && h.handing_over
       && h.alone_ms == 0 && says->takes == 1,
       "then the spool is closed, and each half a second it looks around");
}


/* After a hand-over: a lane has no owner. */

static void
test_alone(void)
{
    begin();
    h.conf.generation--;
    lane_of(2, dead, 0);
    update(100000);
    ok(h.handing_over && h.alone_ms == 100000 && holds() == 0,
       "a lane without an owner is noticed");

    update(100999);
    ok(holds() == 0 && h.alone_ms == 100000, "for a second nothing is done");

    lane_of(2, OTHER, 0);
    update(100999);
    ok(h.alone_ms == 0, "an owner ends that");

    lane_of(0, 0, 101900);
    lane_of(2, 0, 101899);
    update(101000);
    update(102000);
    ok(!h.handing_over && !h.env.handing_over && holds() == 5
       && h.conf.generation == qoe_zone_generation(zone)
       && strstr(logged, "2 of them taken back") != NULL && says->takes == 1,
       "after a second without an owner all such lanes are taken back");
    ok(h.lease_ms == 102020 && h.started_ms == 102000,
       "and it serves as one of the new generation");

    begin();
    h.conf.generation--;
    lane_of(0, 0, 101901);
    lane_of(2, 0, 101900);
    update(101000);
    update(102000);
    ok(holds() == 4, "but for those that were given within 100 ms");
}


static void
test_leaving(void)
{
    size_t  i;

    static const struct {
        bool         newer;
        uint64_t     given;
        unsigned     holds;
    } rows[] = {
        { false, 99900, 1 }, { false, 99901, 0 }, { true, 98000, 1 },
        { true, 98001, 0 }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        begin();
        h.leaving_ms = 103000;
        h.handing_over = h.env.handing_over = rows[i].newer;
        h.conf.generation -= rows[i].newer;
        lane_of(0, 0, rows[i].given);
        update(100000);
        ok(holds() == rows[i].holds && h.lease_ms == 100020
           && !h.handing_over && !h.env.handing_over && says->takes == 0
           && says->closed == rows[i].newer,
           "a helper of %s generation that leaves takes a lane that was given "
           "%llu ms ago: %u", rows[i].newer ? "an old" : "the last",
           (unsigned long long) (100000 - rows[i].given), rows[i].holds);
    }

    begin();
    h.leaving_ms = 103000;
    h.conf.generation--;
    update(100000);
    ok(!h.handing_over && wire.deadline_ms == 0,
       "a helper that leaves begins no hand-over");
}


int
main(void)
{
    begin_all();

    test_preferred();
    test_missing();
    test_memory();
    test_hand_over();
    test_alone();
    test_leaving();

    return tap_end();
}
