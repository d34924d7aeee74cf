
/*
 * Copyright (C) OpenQoE
 *
 * When an exporter has something to do, and when it opens its circuit, at the
 * bounds of the times.
 */


#include "exporter_unit.h"


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


int
main(void)
{
    self = qoe_proc_self();

    test_due();
    test_open();

    clear(dir, false);

    return tap_end();
}
