
/*
 * Copyright (C) OpenQoE
 *
 * When an exporter sends a request of its backlog: what has to be done first,
 * and when it looks again.
 */


#include "exporter_unit.h"
#include "self_unit.h"


/* A batch is in the spool, and nothing else is to be sent. */

static void
spooled_one(void)
{
    start(true);
    ready(0, 1);
    run();
    answer(QOE_OUTCOME_HOLD, 0);
    (void) qoe_feed_spool(held[0].feed[0]);
    qoe_retry_succeeded(&e.retry);
    e.refusing = false;
    pass_ms(1500);
    qoe_spool_run(e.spool, at);
    e.backlog_ms = 0;
}


static void
test_conditions(void)
{
    size_t  i;

    static const struct {
        bool         sent;
        bool         leaving;
        bool         handing_over;
        uint64_t     backlog;        /* after now, ms */
        uint64_t     next;           /* the next try, after now, ms */
        uint64_t     failures;
        size_t       sending;
        bool         sends;
        const char  *text;
    } rows[] = {
        { false, false, false, 0, 0, 0, 0, true, "if nothing is against it" },
        { true, false, false, 0, 0, 0, 0, false, "not beside another" },
        { false, true, false, 0, 0, 0, 0, false, "not at an exit" },
        { false, false, true, 0, 0, 0, 0, false, "not in a hand-over" },
        { false, false, false, 1, 0, 0, 0, false, "not before it is due" },
        { false, false, false, 0, 1, 1, 0, false, "not before the next try" },
        { false, false, false, 0, 0, 1, 0, true, "as the next try" },
        { false, false, false, 0, 0, 1, 1, false,
          "not beside a batch that is the next try" },
        { false, false, false, 0, 0, 2, 1, false, "of any number" },
        { false, false, false, 0, 0, 0, 1, true,
          "beside a batch to a server that answers" }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        spooled_one();
        e.item_sent = rows[i].sent;
        env.leaving = rows[i].leaving;
        env.handing_over = rows[i].handing_over;
        e.backlog_ms = rows[i].backlog != 0 ? at + rows[i].backlog : at;
        e.retry.not_before_ms = rows[i].next != 0 ? at + rows[i].next : at;
        e.retry.failures = rows[i].failures;
        e.sending = rows[i].sending;
        qoe_exporter_backlog(&e, at);

        ok(wire.n == rows[i].sends && e.item_held == rows[i].sends
           && e.item_sent == (rows[i].sends || rows[i].sent),
           "a request of the backlog is sent %s", rows[i].text);

        e.item_sent = rows[i].sends;
        e.sending = 0;
        env.leaving = env.handing_over = false;
        end();
    }
}


static void
test_again(void)
{
    uint64_t  taken;

    spooled_one();
    wire.nomem = true;
    qoe_exporter_backlog(&e, at);
    ok(wire.n == 0 && e.item_held && !e.item_sent
       && e.backlog_ms == at + 1000,
       "without memory a request is kept, for a second");
    wire.nomem = false;
    qoe_exporter_backlog(&e, at + 999);
    ok(wire.n == 0, "in which it is not tried");
    qoe_exporter_backlog(&e, at + 1000);
    ok(wire.n == 1 && e.item_sent, "then it is");

    taken = e.taken;
    answer(QOE_OUTCOME_OK, 0);
    ok(!e.item_held && !e.item_sent && e.taken == taken + 1
       && e.backlog_ms == 0 && spooled(zone) == 0
       && counter(zone, QOE_DEST_REPLAYED) == BATCH
       && counter(zone, QOE_DEST_BATCHES_SENT) == 1,
       "once it is taken the next is due");
    qoe_exporter_backlog(&e, at);
    ok(wire.n == 0 && e.backlog_ms >= at + 5000,
       "in an empty spool it is looked for again when there can be one");
    end();

    /* a failure, noted in a lane that is held */

    spooled_one();
    qoe_exporter_backlog(&e, at);
    answer(QOE_OUTCOME_RETRY, 0);
    ok(!e.item_held && !e.item_sent && spooled(zone) == BATCH
       && e.retry.failures == 1
       && counter(zone, QOE_DEST_BATCHES_RETRIED) == 2,
       "a request that fails stays in the spool");
    end();

    spooled_one();
    qoe_exporter_backlog(&e, at);
    ok(e.item_held, "a request is in flight");
    e.item_sent = false;
    qoe_exporter_close_spool(&e);
    ok(!e.item_held && e.spool == NULL && e.feed.spool == NULL,
       "it is left to the next owner with the spool");
    qoe_exporter_backlog(&e, at);
    ok(wire.sent == 2, "without a spool there is no backlog");
    e.backlog_ms = UINT64_MAX;
    qoe_exporter_open_spool(&e);
    ok(e.spool != NULL && e.feed.spool == e.spool && e.backlog_ms == 0,
       "a spool is opened again");
    end();
}


/* A spool that has just been opened is due, and runs at the exporter's pace. */

static void
test_run(void)
{
    start(true);
    e.run_ms = 7;
    e.backlog_ms = 7;
    ok(qoe_spool_due_ms(e.spool) == 0, "a spool that was opened is due");
    (void) qoe_exporter_run(&e, 0);
    ok(e.run_ms == 1, "it runs, and may do so again at once");
    end();

    start(true);
    e.item_sent = true;
    (void) qoe_exporter_run(&e, at);
    ok(e.run_ms == at + 100, "while a request of it is in flight it waits");
    e.item_sent = false;
    end();

    start(true);
    e.retry.failures = 1;
    e.retry.not_before_ms = at + 5000;
    (void) qoe_exporter_run(&e, at);
    ok(e.run_ms == at + 100, "so it does while the server fails");
    end();
}


/* The backlog is read at a byte a second, which two bytes of a batch exceed. */

static void
test_rate(void)
{
    rate = 1;
    start(true);
    rate = 0;
    ready(0, 1);
    ready(1, 1);
    run();
    answer(QOE_OUTCOME_HOLD, 0);
    answer(QOE_OUTCOME_HOLD, 0);
    (void) qoe_feed_spool(held[0].feed[0]);
    (void) qoe_feed_spool(held[1].feed[0]);
    qoe_retry_succeeded(&e.retry);
    e.refusing = false;
    pass_ms(1500);
    qoe_spool_run(e.spool, at);
    e.backlog_ms = 0;

    qoe_exporter_backlog(&e, at);
    ok(wire.n == 1, "the first request of the backlog is sent at any rate");
    answer(QOE_OUTCOME_OK, 0);
    qoe_exporter_backlog(&e, at);
    ok(wire.n == 0 && !e.item_held && e.backlog_ms == UINT64_MAX
       && spooled(zone) == BATCH,
       "the next one waits until the spool says that it is due");
    e.run_ms = 0;
    ok(qoe_exporter_due_ms(&e, at) == at + 1001,
       "which is when a second of the rate is left to pay");
    at += 1000;
    (void) run();
    ok(wire.n == 0, "not a moment earlier");
    at += 1;
    e.run_ms = 0;
    (void) run();
    (void) run();
    ok(wire.n == 1, "then it is sent");
    answer(QOE_OUTCOME_OK, 0);
    ok(spooled(zone) == 0, "and the backlog is empty");
    end();
}


/* The events that the module says it exported, by the error; NULL: none. */

static double
exported(const char *error)
{
    return self_exported(state.self, QOE_METRIC_OTEL_SDK_EXPORTER_LOG_EXPORTED,
                         error);
}


/* What the module's own metrics say of events, live and of the backlog. */

static void
test_self(void)
{
    static const qoe_hash_key_t  key = { 1, 2 };

    state.self = shared(QOE_SELF_MIN);
    qoe_self_create(state.self, QOE_SELF_MIN, &key);
    qoe_conf.groups = QOE_GROUP_SELF;

    start(false);
    ready(0, 3);
    run();
    answer(QOE_OUTCOME_OK, 1);
    ok(exported(NULL) == 1 && exported("rejected") == 1,
       "events that are taken are exported, and those rejected have an error");
    answer(QOE_OUTCOME_FINAL, 0);
    ok(exported(NULL) == 1 && exported("503") == BATCH,
       "events that are refused have that of the answer");
    answer(QOE_OUTCOME_RETRY, 0);
    ok(exported(NULL) == 1 && exported("503") == BATCH,
       "those that are sent again are not counted before");
    lags = behind = true;
    e.retry.not_before_ms = UINT64_MAX;
    run();
    ok(exported("behind") == BATCH,
       "those that made room are counted as such");
    end();

    spooled_one();
    qoe_exporter_backlog(&e, at);
    answer(QOE_OUTCOME_OK, 1);
    ok(exported(NULL) == 2 && exported("rejected") == 2,
       "those of the backlog are exported");
    end();

    spooled_one();
    qoe_exporter_backlog(&e, at);
    answer(QOE_OUTCOME_FINAL, 0);
    ok(exported(NULL) == 2 && exported("503") == 2 * BATCH,
       "or refused");
    end();
    qoe_conf.groups = 0;
}


int
main(void)
{
    self = qoe_proc_self();

    test_conditions();
    test_again();
    test_run();
    test_rate();
    test_self();

    clear(dir, false);

    return tap_end();
}
