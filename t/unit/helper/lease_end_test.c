
/*
 * Copyright (C) OpenQoE
 *
 * The end of a helper: when its exit is done, and what is lost with it.
 */


#include "lease_turn_unit.h"


/* Is the exit done? */

static void
test_finished(void)
{
    uint64_t  drained;

    begin();
    lane_of(1, 0, 0);
    lane_of(3, 0, 0);
    update(100000);
    h.leaving_ms = 103000;
    says->others = 1;

    says->busy = true;
    ok(!qoe_lease_finished(&h, 100000) && says->gone == 0,
       "an exit waits for answers");
    says->busy = false;
    says->filled[3] = true;
    ok(!qoe_lease_finished(&h, 100000), "and for records of its lanes");
    says->filled[3] = false;
    h.handing_over = true;
    ok(!qoe_lease_finished(&h, 100000), "and for a hand-over");
    h.handing_over = false;

    put(zone, 2, 1);
    ok(qoe_lease_finished(&h, 100000) && says->gone == 1 && says->last_ns == 0,
       "those of another helper are not waited for");
    lane_of(2, dead, 0);
    ok(!qoe_lease_finished(&h, 100000) && h.drained_ns == 0,
       "but those of a process that ended are");
    lane_of(2, OTHER, 0);

    says->report_busy = true;
    ok(!qoe_lease_finished(&h, 100000), "and for metrics in flight");
    drained = h.drained_ns;
    says->report_busy = false;
    ok(qoe_lease_finished(&h, 100000) && h.drained_ns == drained
       && drained != 0 && says->gone == 1,
       "the time at which all was out is noted once");

    /* the last one of all */

    says->others = 0;
    says->report_held = true;
    ok(!qoe_lease_finished(&h, 100000) && !h.last && says->last_ns == drained,
       "the last helper waits for the lease of the metrics");
    says->report_held = false;
    ok(qoe_lease_finished(&h, 100000) && h.last,
       "and sends all that was there by then");
    says->last_ns = 0;
    ok(qoe_lease_finished(&h, 100000) && says->last_ns == 0, "once");
}


static void
test_last_records(void)
{
    begin();
    lane_of(1, 0, 0);
    lane_of(3, 0, 0);
    update(100000);
    h.leaving_ms = 109000;
    conf.views = true;
    conf.record_ms = 0;
    says->leaves[1] = says->leaves[3] = true;
    ok(qoe_lease_finished(&h, 100000) && h.alone_at_ms == 0,
       "without records of views none are waited for");

    h.last = false;
    conf.views = false;
    conf.record_ms = 1000;
    ok(qoe_lease_finished(&h, 100000), "nor without views");

    h.last = false;
    conf.views = true;
    says->leaves[1] = says->leaves[3] = false;
    ok(!qoe_lease_finished(&h, 100000) && h.alone_at_ms == 100000
       && !qoe_lease_finished(&h, 100499),
       "the last helper waits for the lanes of one that ended with it");
    ok(qoe_lease_finished(&h, 100500) && h.last && !h.more,
       "for half a second");

    h.last = false;
    says->leaves[1] = true;
    ok(!qoe_lease_finished(&h, 100600) && h.more && !h.last,
       "records that are put have to be sent");
}


/* What is counted as lost of 3 events in lane 2, and 2 of its own lane 1. */

static void
test_lost(void)
{
    size_t  i;

    static const struct {
        qoe_proc_t   owner;          /* of lane 2 */
        uint32_t     others;
        bool         here;
        uint64_t     left;
        uint64_t     lost;
        const char  *text;
    } rows[] = {
        { OTHER, 1, true, 2, 0, "another helper has its own to send" },
        { 0, 1, false, 5, 0, "and what nobody holds" },
        { OTHER, 0, false, 5, 5, "a late helper is none" },
        { OTHER, 0, true, 2, 2, "unless it is there" }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        begin();
        lane_of(1, self, 0);
        put(zone, 1, 2);
        put(zone, 2, 3);
        lane_of(2, rows[i].owner, 0);
        says->others = rows[i].others;
        says->here = rows[i].here;
        h.drain_ms = 777;
        qoe_lease_late(&h);

        ok(lost == rows[i].lost && logged[0] == (char) ('0' + rows[i].left)
           && strstr(logged, "777 ms") != NULL && says->gone == 1
           && (strstr(logged, "for other helpers") != NULL)
              == (rows[i].others != 0),
           "events that a helper leaves: %s", rows[i].text);
    }

    begin();
    h.conf.lost = NULL;
    put(zone, 2, 3);
    qoe_lease_late(&h);
    ok(strstr(logged, "3 events were not exported") != NULL,
       "they are logged where they are not counted");

    begin();
    qoe_lease_late(&h);
    ok(logged[0] == '\0', "where none are left nothing is logged");

    begin();
    lane_of(1, 0, 0);
    lane_of(3, 0, 0);
    update(100000);
    put(zone, 3, 1);
    qoe_lease_close(&h);
    ok(h.env.nheld == 0 && holds() == 0 && says->closed == 1 && says->gone == 1
       && helds[1].more && helds[3].more && lost == 1,
       "an exit gives all lanes, closes the spool, and counts what is left");
}


int
main(void)
{
    begin_all();

    test_finished();
    test_last_records();
    test_lost();

    return tap_end();
}
