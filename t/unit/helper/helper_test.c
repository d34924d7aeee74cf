
/*
 * Copyright (C) OpenQoE
 *
 * The helper thread without nginx: a zone, two lanes, a file as the
 * destination.  Every record that is put must come out once.
 */


#include "helper_bench.h"


static void
test_delivery(void)
{
    bench_t        t;
    qoe_helper_t  *h;

    setup(&t);
    put(&t, 250);
    ok(qoe_helper_start(&h, &t.conf) == QOE_OK, "the helper starts");
    ok(wait_delivered(&t, 250), "events that waited in the zone are delivered");
    put(&t, 1);
    ok(wait_delivered(&t, 251), "a single record is delivered");
    put(&t, 2000);
    ok(wait_delivered(&t, 2251), "2000 records are delivered, each once");
    ok(wait_empty(&t), "the lanes are empty once everything is delivered");
    ok(info_of(&t, 0).exported == 2251, "all exported events are counted");
    ok(qoe_helper_stop(h, DRAIN_MS) == QOE_OK, "the helper stops");
    teardown(&t);
}


static void
test_flush(void)
{
    bench_t        t;
    qoe_helper_t  *h;

    setup(&t);
    t.exporter[0].interval_ms = 3600000;
    qoe_helper_start(&h, &t.conf);
    put(&t, 30);
    usleep(100000);
    ok(delivered(&t) == 0, "a batch that is neither full nor old waits");
    put(&t, 300);
    ok(wait_delivered(&t, 200),
       "two full batches, one from each lane, go at once");
    ok(qoe_helper_stop(h, DRAIN_MS) == QOE_OK && delivered(&t) == 330,
       "what waits in batches is sent at the exit");
    teardown(&t);
}


static void
test_hand_over(void)
{
    bench_t           t;
    qoe_helper_t     *old, *new;
    qoe_lane_info_t   info;

    setup(&t);
    qoe_helper_start(&old, &t.conf);
    put(&t, 500);
    qoe_zone_generation_raise(t.zone);
    put(&t, 500);
    t.conf.generation = qoe_zone_generation(t.zone);
    qoe_helper_start(&new, &t.conf);
    put(&t, 500);
    ok(wait_delivered(&t, 1500),
       "a new helper takes over, and each record is delivered once");
    ok(qoe_helper_stop(old, DRAIN_MS) == QOE_OK,
       "the old helper stops after the takeover");
    qoe_zone_lane_info(t.zone, 0, &info);
    ok(info.owner == qoe_proc_self(), "the lane stays with the new helper");
    put(&t, 10);
    ok(qoe_helper_stop(new, DRAIN_MS) == QOE_OK && delivered(&t) == 1510,
       "the new helper stops");
    ok(strstr(log_text, "not exported") == NULL,
       "no log message reports events that were not exported");
    teardown(&t);
}


static void
test_failure(void)
{
    char             bad[160];
    bench_t          t;
    uint64_t         start;
    qoe_helper_t    *h;
    qoe_dest_info_t  info;

    setup(&t);
    snprintf(bad, sizeof(bad), "%s/missing/out", t.dir);
    t.exporter[0].transport.url[QOE_SIGNAL_LOGS] = qoe_span_str(bad);

    ok(qoe_helper_start(&h, &t.conf) == QOE_OK,
       "a destination that fails does not keep the helper from starting");
    put(&t, 300);
    usleep(200000);
    start = qoe_mono_ms();
    ok(qoe_helper_stop(h, DRAIN_MS) == QOE_OK,
       "a helper stops although its destination fails");
    ok(qoe_mono_ms() - start < 5000,
       "a helper stops within its bound although its destination fails");
    ok(strstr(log_text, "300 events were not exported") != NULL,
       "the number of events that were not exported is logged");
    ok(*t.conf.lost == 300,
       "events that were not exported are counted as lost");
    info = info_of(&t, 0);
    ok(info.health.consecutive_failures > 0 && info.health.last_error[0],
       "the destination's health has the last error: %s",
       info.health.last_error);
    ok(counter(&t, 0, QOE_DEST_BATCHES_RETRIED) > 0,
       "a batch that is sent again is counted as retried");

    t.exporter[0].transport.url[QOE_SIGNAL_LOGS] = qoe_span_str(t.path[0]);
    qoe_helper_start(&h, &t.conf);
    ok(wait_delivered(&t, 300),
       "the next helper delivers what the last one left, each record once");
    ok(qoe_helper_stop(h, DRAIN_MS) == QOE_OK, "the next helper stops");
    teardown(&t);
}


static void
test_corrupt(void)
{
    char          *frame;
    bench_t        t;
    qoe_helper_t  *h;

    setup(&t);
    put(&t, 10);
    put_bytes(&t, 0, qoe_span("\xff\xff no record"));
    put(&t, 10);
    qoe_helper_start(&h, &t.conf);
    ok(wait_delivered(&t, 20),
       "records around an unreadable one are delivered");
    wait_empty(&t);
    ok(counter(&t, 0, QOE_DEST_DROPPED_CORRUPT) == 1,
       "an unreadable record is counted as dropped");
    qoe_helper_stop(h, DRAIN_MS);

    /* A stray write destroys the frame of the next record of lane 0. */

    frame = qoe_zone_ring(t.zone, 0) + qoe_lane_tail(t.zone, 0);
    put(&t, 10);
    memset(frame, 0xee, 4);
    qoe_helper_start(&h, &t.conf);
    ok(wait_delivered(&t, 25),
       "while a ring is damaged, the other lane's records are delivered");
    ok(wait_empty(&t), "a damaged lane is emptied");
    ok(counter(&t, 0, QOE_DEST_DROPPED_CORRUPT) == 6,
       "events of a damaged lane are counted as dropped");
    put(&t, 10);
    ok(wait_delivered(&t, 35),
       "a lane that was damaged goes on with new records");
    qoe_helper_stop(h, DRAIN_MS);
    teardown(&t);
}


/*
 * Serves the lanes for a moment, which removes old exporters and adds new
 * ones.
 */

static void
serve(bench_t *t)
{
    bool      adopted;
    uint32_t  lane;

    for (lane = 0; lane < LANES; lane++) {
        while (qoe_lane_take(t->zone, lane, qoe_proc_self(), &adopted)
               != QOE_OK)
        {
            usleep(1000);
        }

        qoe_lane_dests(t->zone, lane);
        qoe_lane_give(t->zone, lane, qoe_proc_self());
    }
}


static void
test_slot(void)
{
    bench_t        t;
    uint32_t       slot;
    uint64_t       one;
    qoe_span_t     third;
    qoe_helper_t  *old;

    setup(&t);
    one = 1;
    third = qoe_span("third");
    qoe_helper_start(&old, &t.conf);
    put(&t, 10);
    ok(wait_delivered(&t, 10),
       "a helper of an old generation delivers its records");

    /* Two reloads later; the old helper never saw the end of the second. */

    qoe_dests_set(t.zone, &t.exporter[1].name, NULL, &(bool) { false }, 1,
                  &slot);
    qoe_zone_generation_raise(t.zone);

    if (write(t.fd[0], &one, 8) != 8) {
        abort();
    }

    serve(&t);
    qoe_dests_set(t.zone, &third, NULL, &(bool) { false }, 1, &slot);
    serve(&t);
    ok(slot == t.slots[0],
       "an exporter's slot is given to another exporter two reloads later");

    put(&t, 10);
    qoe_helper_stop(old, DRAIN_MS);
    ok(delivered(&t) == 10 && info_of(&t, 0).queued == 10,
       "the old helper leaves the events of the slot's new exporter alone");
    teardown(&t);
}


/* The file was renamed, as a rotation of logs does. */

static void
test_reopen(void)
{
    int            i;
    char           old[160];
    bench_t        t;
    qoe_helper_t  *h;

    setup(&t);
    qoe_helper_start(&h, &t.conf);
    put(&t, 10);
    ok(wait_delivered(&t, 10), "records are in the file");

    snprintf(old, sizeof(old), "%s.1", t.path[0]);
    rename(t.path[0], old);
    qoe_helper_reopen(h);

    for (i = 0; i < 1000 && access(t.path[0], F_OK) == -1; i++) {
        put(&t, 1);
        usleep(10000);
    }

    ok(i < 1000, "after the file was renamed another is opened");

    /* it may have been opened before any record was put */

    put(&t, 1);
    ok(qoe_helper_stop(h, DRAIN_MS) == QOE_OK, "the helper stops");
    i = delivered(&t);
    rename(old, t.path[0]);
    ok(i > 0 && delivered(&t) + i == (int) t.next,
       "no record is lost by that");
    teardown(&t);
}


/* Memory of the configuration is gone before the last helper with it. */

static void
test_copied(void)
{
    char           name[] = "before", text[65536];
    FILE          *f;
    bench_t        t;
    qoe_attr_t     attrs[1];
    qoe_helper_t  *h;

    setup(&t);
    attrs[0] = (qoe_attr_t) { qoe_span("service.name"), qoe_span_str(name) };
    t.exporter[0].identity.attrs = attrs;
    qoe_helper_start(&h, &t.conf);

    memcpy(name, "later!", 6);
    memset(attrs, 0, sizeof(attrs));

    put(&t, 10);
    ok(qoe_helper_stop(h, DRAIN_MS) == QOE_OK && delivered(&t) == 10,
       "the configuration may change while the helper runs");

    f = fopen(t.path[0], "r");
    text[f != NULL ? fread(text, 1, sizeof(text) - 1, f) : 0] = '\0';
    ok(strstr(text, "\"before\"") != NULL && strstr(text, "later!") == NULL,
       "attributes of the resource stay what they were at the start");

    if (f != NULL) {
        fclose(f);
    }

    teardown(&t);
}


int
main(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);

    test_delivery();
    test_flush();
    test_hand_over();
    test_failure();
    test_corrupt();
    test_slot();
    test_reopen();
    test_copied();

    return tap_end();
}
