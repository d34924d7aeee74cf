
/*
 * Copyright (C) OpenQoE
 *
 * The helper thread and records of two kinds in a lane: each stream of an
 * exporter gets those of its kind, passes over the others, and holds up none.
 */


#include "helper_bench.h"
#include "qoe_view_record.h"


#define MANY  20000                      /* several rings full */


/* Puts records of views, each with "seq-N;" as its view. */

static void
put_views(bench_t *t, uint32_t n)
{
    char                raw[64];
    uint32_t            lane;
    uint64_t            wake[QOE_LANES_MAX / 64], one;
    qoe_put_t           p;
    qoe_view_record_t   r;
    static char         packed[QOE_VIEW_RECORD_MAX];

    one = 1;

    for (n += t->next; t->next < n; t->next++) {
        memset(&r, 0, sizeof(r));
        snprintf(raw, sizeof(raw), "seq-%u;", t->next);
        r.view_id = qoe_span_str(raw);
        r.made_ns = qoe_unix_ns();

        lane = t->next % LANES;
        p = (qoe_put_t) { lane, { packed, qoe_view_record_pack(packed, &r) },
                          qoe_span_null, QOE_KIND_VIEW };

        while (qoe_zone_put(t->zone, 1, 0, &p, 1, QOE_ACK_MEMORY, NULL, wake)
               != QOE_OK)
        {
            usleep(1000);
        }

        /* in the module the helper itself puts them, and is awake */

        if (write(t->fd[lane], &one, 8) != 8) {
            abort();
        }
    }
}


/* Wants these streams of the first n exporters; slots[] has theirs in order. */

static void
streams(bench_t *t, size_t n, const unsigned *wanted)
{
    bool         spooled[DESTS] = { false };
    char         text[DESTS][QOE_DEST_NAME];
    size_t       i, k, m;
    qoe_kind_t   kinds[DESTS] = { QOE_KIND_EVENT };
    qoe_span_t   names[DESTS] = { qoe_span_null };

    m = 0;

    for (i = 0; i < n; i++) {
        for (k = 0; k < QOE_STREAMS; k++) {
            if (wanted[i] >> k & 1) {
                snprintf(text[m], sizeof(text[m]), "%s%s",
                         t->exporter[i].name.data, qoe_streams[k].suffix);
                names[m] = qoe_span_str(text[m]);
                kinds[m++] = qoe_streams[k].kind;
            }
        }
    }

    qoe_dests_set(t->zone, names, kinds, spooled, m, t->slots);
    m = 0;

    for (i = 0; i < n; i++) {
        for (k = 0; k < QOE_STREAMS; k++) {
            t->exporter[i].dest[k] = wanted[i] >> k & 1 ? t->slots[m++]
                                                        : UINT32_MAX;
        }
    }

    t->conf.exporters = t->exporter;
    t->conf.nexporters = n;
}


#define LOGS   (1u << QOE_STREAM_LOGS)
#define VIEWS  (1u << QOE_STREAM_VIEWS)


static bool
adds_up(bench_t *t, size_t i)
{
    qoe_dest_info_t  d;

    d = info_of(t, i);

    return d.accepted + d.recovered == d.exported + d.rejected + d.dropped
                                       + d.queued + d.spooled;
}


static void
test_both(void)
{
    int            i;
    bench_t        t;
    qoe_helper_t  *h;

    setup(&t);
    streams(&t, 1, (unsigned[]) { LOGS|VIEWS });
    qoe_helper_start(&h, &t.conf);

    for (i = 0; i < 30; i++) {
        put(&t, 10);
        put_views(&t, 2);
    }

    ok(wait_delivered(&t, 360),
       "an exporter of two streams gets events and records of views, each "
       "once");
    ok(wait_empty(&t), "the lanes are empty then");
    ok(info_of(&t, 0).exported == 300 && info_of(&t, 1).exported == 60
       && adds_up(&t, 0) && adds_up(&t, 1), "each is counted by itself");
    ok(qoe_helper_stop(h, DRAIN_MS) == QOE_OK, "the helper stops");
    teardown(&t);
}


static void
test_passed_over(void)
{
    bench_t        t;
    qoe_helper_t  *h;

    setup(&t);
    streams(&t, 1, (unsigned[]) { VIEWS });
    qoe_helper_start(&h, &t.conf);

    put(&t, MANY);
    ok(wait_empty(&t),
       "events that no exporter wants are passed over, and free their space");
    put_views(&t, 10);
    ok(wait_delivered(&t, 10) && info_of(&t, 0).exported == 10,
       "records of views are delivered after them");
    put_views(&t, 3);
    put(&t, 1000);
    ok(qoe_helper_stop(h, DRAIN_MS) == QOE_OK && delivered(&t) == 13,
       "what waits in a batch among events is sent at the exit");
    teardown(&t);
}


/* Records of views that cannot be sent never cost an event. */

static void
test_failing(void)
{
    bench_t        t;
    qoe_helper_t  *h;

    setup(&t);
    t.exporter[1].transport.url[QOE_SIGNAL_LOGS] = qoe_span("/none/such/x");
    streams(&t, 2, (unsigned[]) { LOGS, VIEWS });
    qoe_helper_start(&h, &t.conf);

    put_views(&t, 10);
    put(&t, 100);
    ok(wait_delivered(&t, 100) && info_of(&t, 1).queued == 10,
       "records of views wait in the queue while their collector fails");
    put(&t, MANY);
    ok(wait_delivered(&t, 100 + MANY) && info_of(&t, 0).dropped == 0,
       "all events pass them");
    ok(counter(&t, 1, QOE_DEST_DROPPED_BEHIND) == 10 && adds_up(&t, 1)
       && adds_up(&t, 0),
       "they are given up, and counted, when they hold up half of the ring");
    qoe_helper_stop(h, DRAIN_MS);
    teardown(&t);
}


/* Events that cannot be sent wait, though records of views are ahead. */

static void
test_events_wait(void)
{
    bench_t        t;
    qoe_helper_t  *h;

    setup(&t);
    t.exporter[0].transport.url[QOE_SIGNAL_LOGS] = qoe_span("/none/such/x");
    streams(&t, 2, (unsigned[]) { LOGS, VIEWS });
    qoe_helper_start(&h, &t.conf);

    put(&t, 4000);
    put_views(&t, 20);
    ok(wait_delivered_to(&t, 1, 20),
       "records of views pass events that wait");
    usleep(300000);
    ok(info_of(&t, 0).queued == 4000 && info_of(&t, 0).dropped == 0,
       "no event is given up to make room for records of views");
    qoe_helper_stop(h, DRAIN_MS);
    teardown(&t);
}


int
main(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);

    test_both();
    test_passed_over();
    test_failing();
    test_events_wait();

    return tap_end();
}
