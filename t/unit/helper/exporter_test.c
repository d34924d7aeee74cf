
/*
 * Copyright (C) OpenQoE
 *
 * An exporter between its lanes and its collector: what it sends and when, and
 * what it does with answers, failures, the spool and a ring that is full.  The
 * transport, the intake and what says that a lane lags are the test's own.
 */


#include "qoe_exporter.h"
#include "qoe_outcome.h"
#include "spool_unit.h"


#define BATCH              2
#define SHIPS              (QOE_EXPORTER_WINDOW + 1)


struct qoe_transport_s {
    qoe_transport_done_pt  done[SHIPS];
    void                  *data[SHIPS];
    size_t                 n;                /* in flight */
    int                    sent;             /* so far */
    char                   first;            /* byte of the last payload */
    size_t                 len;              /* of it */
    bool                   nomem;
    uint64_t               deadline_ms;
};


static struct qoe_transport_s  wire;
static uint64_t                at;           /* the time, ms */
static bool                    lags, behind;

static qoe_zone_t          *zone;
static qoe_conf_t           qoe_conf;
static qoe_state_t          state;
static qoe_self_env_t       self_env;
static qoe_exporter_env_t   env;
static qoe_exporter_t       e;
static qoe_held_t           held[LANES];


qoe_status_t
qoe_transport_create(qoe_transport_t **t, qoe_net_t *net,
    const qoe_transport_conf_t *c, const qoe_log_t *log)
{
    (void) net;
    (void) c;
    (void) log;

    memset(&wire, 0, sizeof(wire));
    *t = &wire;

    return QOE_OK;
}


void
qoe_transport_destroy(qoe_transport_t *t)
{
    if (t != NULL) {
        t->n = 0;
    }
}


void
qoe_transport_reopen(qoe_transport_t *t)
{
    (void) t;
}


void
qoe_transport_deadline(qoe_transport_t *t, uint64_t ms)
{
    t->deadline_ms = ms;
}


qoe_encoding_t
qoe_transport_encoding(const qoe_transport_t *t)
{
    (void) t;

    return QOE_ENCODING_PROTOBUF;
}


qoe_status_t
qoe_transport_send(qoe_transport_t *t, qoe_signal_t signal,
    qoe_span_t payload, qoe_transport_done_pt done, void *data)
{
    if (signal != QOE_SIGNAL_LOGS || payload.len == 0 || t->n == SHIPS) {
        abort();
    }

    if (t->nomem) {
        return QOE_NOMEM;
    }

    t->done[t->n] = done;
    t->data[t->n++] = data;
    t->sent++;
    t->first = payload.data[0];
    t->len = payload.len;

    return QOE_OK;
}


uint64_t
qoe_intake_pos(const qoe_intake_t *in)
{
    (void) in;

    return UINT64_MAX;
}


bool
qoe_held_lags(const qoe_held_t *h, size_t i)
{
    return lags && qoe_feed_lag(h->feed[i]) != 0;
}


bool
qoe_held_behind(const qoe_held_t *h, size_t i)
{
    (void) h;
    (void) i;

    return behind;
}


/* Answers the oldest request in flight. */

static void
answer(qoe_outcome_kind_t kind, int64_t rejected)
{
    void                   *data;
    qoe_outcome_t           o;
    qoe_transport_done_pt   done;

    if (wire.n == 0) {
        abort();
    }

    qoe_outcome_init(&o);
    o.rejected = rejected;

    if (kind != QOE_OUTCOME_OK) {
        qoe_outcome_fail(&o, kind, "503");
    }

    done = wire.done[0];
    data = wire.data[0];
    wire.n--;
    memmove(wire.done, wire.done + 1, wire.n * sizeof(wire.done[0]));
    memmove(wire.data, wire.data + 1, wire.n * sizeof(wire.data[0]));

    done(data, &o);
}


static qoe_status_t
encode(qoe_buf_t *out, const qoe_otlp_identity_t *id,
    const qoe_span_t *records, size_t n, size_t *nbad, qoe_arena_t *arena)
{
    char    *p;
    size_t   i;

    (void) id;
    (void) arena;

    p = qoe_buf_reserve(out, n);

    for (i = 0; i < n; i++) {
        p[i] = records[i].data[0];
    }

    out->len += n;
    *nbad = 0;

    return QOE_OK;
}


static uint64_t
received(qoe_span_t record)
{
    (void) record;

    return 7;
}


static const qoe_stream_t  stream = {
    .noun = "things", .kind = QOE_KIND_EVENT, .signal = QOE_SIGNAL_LOGS,
    .encode = encode, .received = received
};


static uint64_t  max_size;                   /* of the spool; 0: large */

static void
start(bool with_spool)
{
    int                   i;
    qoe_exporter_conf_t   c;

    begin();

    if (max_size != 0) {
        conf.max_size = max_size;
        conf.reject = true;
    }

    at = qoe_mono_ms();
    lags = behind = false;
    zone = zone_new(LANES);
    configure(zone, "A", &c.dest[0]);

    memset(&env, 0, sizeof(env));
    memset(&c, 0, sizeof(c));
    memset(held, 0, sizeof(held));
    self_env = (qoe_self_env_t) { &state, &qoe_conf, 0, self, &test_log };
    env.zone = zone;
    env.self = &self_env;
    env.log = &test_log;
    env.nheld = LANES;
    qoe_arena_init(&env.scratch, &qoe_mem_heap, 64, 4096);

    c.name = qoe_span("A");
    c.metrics_dest = UINT32_MAX;
    c.batch_size = BATCH;
    c.interval_ms = 0;

    if (with_spool) {
        c.spool = conf;
    }

    if (qoe_exporter_create(&e, &env, 0, &c, QOE_STREAM_LOGS, NULL) != QOE_OK) {
        abort();
    }

    e.stream = &stream;
    e.feed.stream = &stream;

    for (i = 0; i < LANES; i++) {
        (void) qoe_lane_dests(zone, (uint32_t) i);

        if (e.spool != NULL && qoe_spool_take(e.spool, (uint32_t) i)
                               != QOE_OK)
        {
            abort();
        }

        env.held[i] = &held[i];
        held[i].zone = zone;
        held[i].lane = (uint32_t) i;
        held[i].nfeeds = 1;
        held[i].feed[0] = qoe_feed_create(&e.feed, (uint32_t) i);
    }
}


static void
end(void)
{
    int  i;

    qoe_exporter_abort(&e);

    for (i = 0; i < LANES; i++) {
        qoe_feed_destroy(held[i].feed[0]);
        held[i].feed[0] = NULL;
    }

    qoe_exporter_destroy(&e);
    spool_zone_free(zone);
}


/* n batches of the lane are ready. */

static void
ready(uint32_t lane, int n)
{
    int        i;
    uint64_t   wake[QOE_LANES_MAX / 64];
    qoe_put_t  p;

    p = (qoe_put_t) { lane, lane ? qoe_span("1       ") : qoe_span("0       "),
                      qoe_span_null, 0 };

    for (i = 0; i < n * BATCH; i++) {
        if (qoe_zone_put(zone, self, 0, &p, 1, QOE_ACK_MEMORY, NULL, wake)
            != QOE_OK)
        {
            abort();
        }
    }

    qoe_feed_run(held[lane].feed[0], UINT64_MAX, at, true);
}


static bool
run(void)
{
    return qoe_exporter_run(&e, at);
}


static void
pass_ms(uint64_t ms)
{
    at = qoe_max(at, qoe_mono_ms()) + ms;
}


/* The next try is due; answers are judged by the real clock. */

static void
later(void)
{
    e.retry.not_before_ms = 0;
}


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
