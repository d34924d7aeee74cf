
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
    ok(wait_delivered(&t, 250), "what waited in the zone is delivered");
    put(&t, 1);
    ok(wait_delivered(&t, 251), "one record alone is");
    put(&t, 2000);
    ok(wait_delivered(&t, 2251), "many are, each once");
    ok(wait_empty(&t), "the lanes are empty");
    ok(info_of(&t, 0).exported == 2251, "all counted");
    ok(qoe_helper_stop(h, DRAIN_MS) == QOE_OK, "it stops");
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
    ok(wait_delivered(&t, 200), "the full ones, one a lane, go at once");
    ok(qoe_helper_stop(h, DRAIN_MS) == QOE_OK && delivered(&t) == 330,
       "the rest goes at the exit");
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
    ok(wait_delivered(&t, 1500), "a new generation takes over, each once");
    ok(qoe_helper_stop(old, DRAIN_MS) == QOE_OK, "the old one stops");
    qoe_zone_lane_info(t.zone, 0, &info);
    ok(info.owner == qoe_proc_self(), "the lane stays the new one's");
    put(&t, 10);
    ok(qoe_helper_stop(new, DRAIN_MS) == QOE_OK && delivered(&t) == 1510,
       "and so does the new one");
    ok(strstr(log_text, "not exported") == NULL, "nothing left was logged");
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
    ok(qoe_helper_stop(h, DRAIN_MS) == QOE_OK, "it stops");
    ok(qoe_mono_ms() - start < 5000, "within its bound");
    ok(strstr(log_text, "300 events were not exported") != NULL,
       "what was left is logged");
    ok(*t.conf.lost == 300, "and counted as lost");
    info = info_of(&t, 0);
    ok(info.health.consecutive_failures > 0 && info.health.last_error[0],
       "health tells of it: %s", info.health.last_error);
    ok(counter(&t, 0, QOE_DEST_BATCHES_RETRIED) > 0, "counted as retried");

    t.exporter[0].transport.url[QOE_SIGNAL_LOGS] = qoe_span_str(t.path[0]);
    qoe_helper_start(&h, &t.conf);
    ok(wait_delivered(&t, 300), "the next helper delivers it all, once");
    ok(qoe_helper_stop(h, DRAIN_MS) == QOE_OK, "and stops");
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
    ok(wait_delivered(&t, 20), "records around an unreadable one come out");
    wait_empty(&t);
    ok(counter(&t, 0, QOE_DEST_DROPPED_CORRUPT) == 1, "it is counted");
    qoe_helper_stop(h, DRAIN_MS);

    /* a stray write over the frame of the next record of lane 0 */

    frame = qoe_zone_ring(t.zone, 0) + qoe_lane_tail(t.zone, 0);
    put(&t, 10);
    memset(frame, 0xee, 4);
    qoe_helper_start(&h, &t.conf);
    ok(wait_delivered(&t, 25), "a damaged ring: the other lane comes out");
    ok(wait_empty(&t), "the damaged one is emptied");
    ok(counter(&t, 0, QOE_DEST_DROPPED_CORRUPT) == 6, "its events are counted");
    put(&t, 10);
    ok(wait_delivered(&t, 35), "and it goes on");
    qoe_helper_stop(h, DRAIN_MS);
    teardown(&t);
}


/* Serves the lanes for a moment: who is out is removed, who is new comes in. */

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
    ok(wait_delivered(&t, 10), "an old helper");

    /* two reloads on, which it has not lived to see the end of */

    qoe_dests_set(t.zone, &t.exporter[1].name, &(bool) { false }, 1, &slot);
    qoe_zone_generation_raise(t.zone);

    if (write(t.fd[0], &one, 8) != 8) {
        abort();
    }

    serve(&t);
    qoe_dests_set(t.zone, &third, &(bool) { false }, 1, &slot);
    serve(&t);
    ok(slot == t.slots[0], "its slot has been given to another one");

    put(&t, 10);
    qoe_helper_stop(old, DRAIN_MS);
    ok(delivered(&t) == 10 && info_of(&t, 0).queued == 10,
       "whose events it leaves alone");
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

    return tap_end();
}
