
/*
 * Copyright (C) OpenQoE
 *
 * Two destinations read one collection, each at its own pace, in its own
 * encoding and with its own identity: each gets every point of it.
 */


#define _GNU_SOURCE              /* memmem() */

#include "fake_transport.h"
#include "fake_collect.h"
#include "qoe_dest.h"
#include "qoe_points.h"
#include "self_unit.h"

#include "qoe_otlp.h"

#include <sys/mman.h>


#define TIME               1700000060123456789
#define START              1700000000000000001
#define SERIES             30000
#define ZONE               (4 << 20)


typedef struct {
    qoe_transport_t       transport;
    qoe_otlp_identity_t   identity;
    qoe_attr_t            attr;
    qoe_points_dest_t    *points;
    uint64_t              taken;         /* points */
} dest_t;


static qoe_state_t     state;
static qoe_conf_t      conf;
static qoe_self_env_t  self;
static int             logged;
static qoe_log_t       log_conf = { tap_log_write, &logged, QOE_LOG_INFO };


static void
setup(void)
{
    void  *mem;

    mem = mmap(NULL, ZONE, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS,
               -1, 0);

    if (mem == MAP_FAILED
        || qoe_zone_create(&state.zone, mem, ZONE, 1, true) != QOE_OK)
    {
        abort();
    }

    self = (qoe_self_env_t) { &state, &conf, 0, 1, &log_conf };
}


static void
dest_init(dest_t *d, const char *name, qoe_encoding_t encoding)
{
    qoe_points_env_t  env;

    memset(d, 0, sizeof(dest_t));

    d->transport.encoding = encoding;
    d->attr = (qoe_attr_t) { qoe_span("service.name"), qoe_span_str(name) };
    d->identity.attrs = &d->attr;
    d->identity.nattrs = 1;

    env = (qoe_points_env_t) { &self, &d->identity, &d->transport,
                               qoe_span_str(name) };
    d->points = qoe_points_create(&env);
}


/* Steps until a request is in flight or nothing is left. */

static bool
step(dest_t *d, uint64_t now_ms)
{
    int  i;

    for (i = 0; i < 1000000; i++) {

        if (qoe_points_sending(d->points)) {
            return true;
        }

        if (qoe_points_done(d->points)) {
            return false;
        }

        qoe_points_run(d->points, now_ms);
    }

    abort();
}


static void
take(dest_t *d)
{
    const char  *p, *end;
    uint64_t     n;

    n = 0;

    if (d->transport.encoding == QOE_ENCODING_JSON) {
        p = d->transport.payload.data;
        end = p + d->transport.payload.len;

        while ((p = memmem(p, (size_t) (end - p), "\"asInt\"", 7)) != NULL) {
            n++;
            p++;
        }

    } else if (qoe_otlp_items(QOE_SIGNAL_METRICS, d->transport.payload, &n)
               != QOE_OK)
    {
        abort();
    }

    d->taken += n;
    fake_answer(&d->transport, QOE_OUTCOME_OK);
}


static qoe_collect_t *
collection(size_t n)
{
    char            value[32];
    size_t          i;
    qoe_collect_t  *c;

    c = fake_create(TIME);

    for (i = 0; i < n; i++) {
        snprintf(value, sizeof(value), "v%zu", i);
        fake_add(c, QOE_METRIC_SEEK_TOTAL,
                 fake_labels(c, (const char *const []) { "org_id", value,
                                                         NULL }),
                 0, START, (double) i, NULL);
    }

    return c;
}


static uint64_t
count(qoe_counter_t c)
{
    return qoe_zone_counter(state.zone, c);
}


static void
test_pace(void)
{
    int             i;
    bool            own, more;
    dest_t          a, b;
    qoe_collect_t  *c;

    c = collection(SERIES);
    dest_init(&a, "first", QOE_ENCODING_PROTOBUF);
    dest_init(&b, "second", QOE_ENCODING_JSON);

    qoe_points_begin(a.points, c, false);
    qoe_points_begin(b.points, c, false);

    ok(qoe_points_due_ms(a.points) == 0 && !qoe_points_done(a.points),
       "a collection is due at once");

    /* Exporter b gets an answer for every three of exporter a. */

    own = true;
    more = true;

    for (i = 0; more; i++) {
        more = step(&a, 1);
        more |= step(&b, 1);

        if (qoe_points_sending(a.points)) {
            own &= fake_has(&a.transport, "first")
                   && !fake_has(&a.transport, "second");
            take(&a);
        }

        if (qoe_points_sending(b.points) && i % 3 == 0) {
            own &= fake_has(&b.transport, "second")
                   && !fake_has(&b.transport, "first");
            take(&b);
        }
    }

    ok(own, "each exporter's requests have its own identity");
    ok(a.transport.sent > 1 && b.transport.sent > a.transport.sent,
       "the exporters send %d and %d requests",
       a.transport.sent, b.transport.sent);
    ok(a.taken == SERIES && b.taken == SERIES,
       "each exporter gets every point");
    ok(count(QOE_COUNT_POINTS_SENT) == 2 * SERIES
       && count(QOE_COUNT_METRIC_BATCHES_SENT)
          == (uint64_t) (a.transport.sent + b.transport.sent)
       && count(QOE_COUNT_METRIC_BATCHES_STALE) == 0,
       "sent requests and points are counted, and none as stale");
    ok(qoe_points_due_ms(a.points) == UINT64_MAX,
       "nothing is due once all is sent");

    qoe_points_destroy(a.points);
    qoe_points_destroy(b.points);
    fake_destroy(c);
}


/* A collection is let go while a request of it is in flight. */

static void
test_drop(void)
{
    dest_t          d;
    uint64_t        stale, retried;
    qoe_collect_t  *c;

    dest_init(&d, "d", QOE_ENCODING_PROTOBUF);
    stale = count(QOE_COUNT_METRIC_BATCHES_STALE);
    retried = count(QOE_COUNT_METRIC_BATCHES_RETRIED);

    c = collection(SERIES);
    qoe_points_begin(d.points, c, false);
    ok(step(&d, 1), "the first of many requests is in flight");
    qoe_points_drop(d.points, true);
    fake_destroy(c);

    ok(qoe_points_done(d.points) && qoe_points_sending(d.points),
       "after the collection is let go, only the request in flight is left");

    c = collection(5);
    qoe_points_begin(d.points, c, false);
    qoe_points_run(d.points, 1);
    ok(d.transport.sent == 1,
       "the next collection waits for the answer to that request");

    fake_answer(&d.transport, QOE_OUTCOME_RETRY);
    ok(count(QOE_COUNT_METRIC_BATCHES_STALE) == stale + 1
       && count(QOE_COUNT_METRIC_BATCHES_RETRIED) == retried,
       "a request of a collection that was let go is given up when it fails");

    qoe_points_run(d.points, 1);
    ok(d.transport.sent == 1 && qoe_points_due_ms(d.points) > qoe_mono_ms(),
       "after the failure the circuit is open");
    ok(step(&d, UINT64_MAX), "the request is tried once the circuit closes");
    d.taken = 0;
    take(&d);
    ok(!step(&d, UINT64_MAX) && d.taken == 5,
       "that request has the new collection's points alone");

    /*
     * A collection begins while an older one is in flight, and is let go
     * before its turn.
     */

    qoe_points_begin(d.points, c, false);
    (void) step(&d, 1);
    qoe_points_drop(d.points, true);
    qoe_points_begin(d.points, c, false);
    qoe_points_drop(d.points, true);
    ok(count(QOE_COUNT_METRIC_BATCHES_STALE) == stale + 2,
       "a collection that never had its turn is counted as stale");
    take(&d);
    ok(count(QOE_COUNT_METRIC_BATCHES_STALE) == stale + 2
       && !qoe_points_sending(d.points)
       && qoe_points_due_ms(d.points) == UINT64_MAX,
       "a collection that is let go late is not counted as stale");

    qoe_points_destroy(d.points);
    fake_destroy(c);
}


static void
test_outcomes(void)
{
    dest_t          d;
    uint64_t        failed, refused;
    qoe_collect_t  *c;

    c = collection(7);
    dest_init(&d, "d", QOE_ENCODING_PROTOBUF);
    failed = count(QOE_COUNT_METRIC_BATCHES_FAILED);
    refused = count(QOE_COUNT_POINTS_REFUSED);

    qoe_points_begin(d.points, c, false);
    (void) step(&d, 1);
    fake_answer(&d.transport, QOE_OUTCOME_FINAL);
    ok(count(QOE_COUNT_METRIC_BATCHES_FAILED) == failed + 1
       && count(QOE_COUNT_POINTS_REFUSED) == refused + 7,
       "points that are refused for good are counted");
    ok(!step(&d, 1), "a request that was refused for good is not repeated");
    qoe_points_destroy(d.points);

    dest_init(&d, "d", QOE_ENCODING_PROTOBUF);
    logged = 0;
    d.transport.refuse = true;
    qoe_points_begin(d.points, c, false);
    ok(!step(&d, 1) && logged == 1,
       "a request without memory is logged and given up");

    qoe_points_destroy(d.points);

    /* When a helper ends, its transport is destroyed first. */

    dest_init(&d, "d", QOE_ENCODING_PROTOBUF);
    qoe_points_begin(d.points, c, true);
    (void) step(&d, 1);
    qoe_points_drop(d.points, false);
    qoe_points_destroy(d.points);

    fake_destroy(c);
}


/* An exporter that gets only metrics, and a collector that rejects some. */

static void
test_rejected(void)
{
    dest_t            d;
    uint32_t          slot;
    uint64_t          sent, rejected;
    qoe_span_t        name;
    qoe_outcome_t     o;
    qoe_collect_t    *c;
    qoe_dest_info_t   info;

    c = collection(7);
    name = qoe_span("d");
    qoe_dests_set_metrics(state.zone, &name, 1, &slot);
    dest_init(&d, "d", QOE_ENCODING_PROTOBUF);
    qoe_points_health(d.points, slot);
    sent = count(QOE_COUNT_POINTS_SENT);
    rejected = count(QOE_COUNT_POINTS_REJECTED);

    qoe_points_begin(d.points, c, false);
    (void) step(&d, 1);
    fake_answer(&d.transport, QOE_OUTCOME_RETRY);
    qoe_dest_info(state.zone, slot, &info);
    ok(info.health.consecutive_failures == 1
       && info.health.last_success_ms == 0,
       "a failure is one of the exporter, if it gets only metrics");

    (void) step(&d, UINT64_MAX);
    qoe_outcome_init(&o);
    o.rejected = 2;
    d.transport.payload = qoe_span_null;
    d.transport.done(d.transport.data, &o);
    qoe_dest_info(state.zone, slot, &info);
    ok(info.health.consecutive_failures == 0
       && info.health.last_success_ms != 0, "so is a success");
    ok(count(QOE_COUNT_POINTS_SENT) == sent + 5
       && count(QOE_COUNT_POINTS_REJECTED) == rejected + 2,
       "points that the collector rejects in part are counted");

    qoe_points_destroy(d.points);
    fake_destroy(c);
}


/* The points that the module says it exported, by the error; NULL: none. */

static double
exported(const char *error)
{
    return self_exported(state.self,
                         QOE_METRIC_OTEL_SDK_EXPORTER_METRIC_EXPORTED, error);
}


/* What the module's own metrics say of points. */

static void
test_self(void)
{
    dest_t          d;
    qoe_outcome_t   o;
    qoe_collect_t  *c;

    static const qoe_hash_key_t  key = { 1, 2 };

    state.self = mmap(NULL, QOE_SELF_MIN, PROT_READ|PROT_WRITE,
                      MAP_SHARED|MAP_ANONYMOUS, -1, 0);

    if (state.self == MAP_FAILED) {
        abort();
    }

    qoe_self_create(state.self, QOE_SELF_MIN, &key);
    conf.groups = QOE_GROUP_SELF;
    self.self = qoe_proc_self();

    c = collection(7);
    dest_init(&d, "d", QOE_ENCODING_PROTOBUF);
    qoe_points_begin(d.points, c, false);
    (void) step(&d, 1);
    qoe_outcome_init(&o);
    o.rejected = 2;
    d.transport.payload = qoe_span_null;
    logged = 0;
    d.transport.done(d.transport.data, &o);
    ok(exported(NULL) == 5 && exported("rejected") == 2 && logged == 1,
       "points that are taken are exported, and those rejected have an error");
    (void) step(&d, 1);

    qoe_points_begin(d.points, c, false);
    (void) step(&d, 1);
    fake_answer(&d.transport, QOE_OUTCOME_FINAL);
    ok(exported(NULL) == 5 && exported("test") == 7,
       "points that are refused have that of the answer");
    (void) step(&d, 1);

    qoe_points_begin(d.points, c, false);
    (void) step(&d, 1);
    fake_answer(&d.transport, QOE_OUTCOME_RETRY);
    ok(exported(NULL) == 5 && exported("test") == 7
       && exported("rejected") == 2,
       "points that are sent again are not counted before they are taken");

    qoe_points_destroy(d.points);
    fake_destroy(c);
    conf.groups = 0;
}


/* An exit whose server takes nothing: the last collection is tried once. */

static void
test_hopeless(void)
{
    dest_t          d;
    uint64_t        stale, retried;
    qoe_collect_t  *c;

    c = collection(7);
    stale = count(QOE_COUNT_METRIC_BATCHES_STALE);
    retried = count(QOE_COUNT_METRIC_BATCHES_RETRIED);

    dest_init(&d, "d", QOE_ENCODING_PROTOBUF);
    qoe_points_begin(d.points, c, true);
    (void) step(&d, 1);
    ok(d.transport.deadline_ms == 0, "a request has the time that it has");
    qoe_points_hopeless(d.points);
    ok(d.transport.deadline_ms == 300,
       "a server that takes nothing has 300 ms for what is in flight");
    d.transport.deadline_ms = 0;
    qoe_points_hopeless(d.points);
    ok(d.transport.deadline_ms == 0, "which begin once");

    fake_answer(&d.transport, QOE_OUTCOME_RETRY);
    ok(qoe_points_done(d.points) && !qoe_points_sending(d.points)
       && qoe_points_due_ms(d.points) == UINT64_MAX
       && count(QOE_COUNT_METRIC_BATCHES_STALE) == stale + 1
       && count(QOE_COUNT_METRIC_BATCHES_RETRIED) == retried + 1,
       "the last collection is given up when it fails there");
    qoe_points_destroy(d.points);

    dest_init(&d, "d", QOE_ENCODING_PROTOBUF);
    qoe_points_hopeless(d.points);
    d.transport.deadline_ms = 0;
    qoe_points_begin(d.points, c, false);
    (void) step(&d, 1);
    ok(d.transport.deadline_ms == 300, "what is sent later has no more time");
    fake_answer(&d.transport, QOE_OUTCOME_RETRY);
    ok(!qoe_points_done(d.points)
       && count(QOE_COUNT_METRIC_BATCHES_STALE) == stale + 1,
       "a collection that is not the last is tried again");
    qoe_points_destroy(d.points);

    dest_init(&d, "d", QOE_ENCODING_PROTOBUF);
    qoe_points_begin(d.points, c, true);
    (void) step(&d, 1);
    fake_answer(&d.transport, QOE_OUTCOME_RETRY);
    ok(!qoe_points_done(d.points)
       && qoe_points_due_ms(d.points) <= qoe_mono_ms() + 200,
       "so is the last one, soon, if the server is not known to fail");
    ok(step(&d, qoe_points_due_ms(d.points)), "when it is due");
    fake_answer(&d.transport, QOE_OUTCOME_OK);
    (void) step(&d, 1);

    /* after a failure, a collection that is the last is due at once */

    qoe_points_begin(d.points, c, false);
    (void) step(&d, UINT64_MAX);
    fake_answer(&d.transport, QOE_OUTCOME_RETRY);
    qoe_points_drop(d.points, false);
    ok(count(QOE_COUNT_METRIC_BATCHES_STALE) == stale + 1,
       "what is dropped because it is not needed is not stale");
    qoe_points_drop(d.points, true);
    ok(count(QOE_COUNT_METRIC_BATCHES_STALE) == stale + 1,
       "nor is nothing");
    qoe_points_begin(d.points, c, true);
    ok(step(&d, 1), "the last collection does not wait for the next try");

    /* one in flight that is not stale when it fails */

    qoe_points_drop(d.points, false);
    fake_answer(&d.transport, QOE_OUTCOME_RETRY);
    ok(count(QOE_COUNT_METRIC_BATCHES_STALE) == stale + 1
       && qoe_points_due_ms(d.points) == UINT64_MAX,
       "what is dropped in flight, and not needed, is not stale");

    qoe_points_destroy(d.points);
    fake_destroy(c);
    qoe_points_destroy(NULL);
}


int
main(void)
{
    setup();
    test_pace();
    test_drop();
    test_outcomes();
    test_rejected();
    test_hopeless();
    test_self();

    return tap_end();
}
