
/*
 * Copyright (C) OpenQoE
 *
 * Values that are taken at a collection, tested by whole collections of a zone.
 */


#include "gauges_place.h"

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>


static void
test_empty(void)
{
    double            size;
    uint32_t          i;
    place_t          *p;
    qoe_lane_info_t   info;

    p = place_new();
    size = 0;

    for (i = 0; i < LANES; i++) {
        qoe_zone_lane_info(p->zone, i, &info);
        size += (double) info.size;
    }

    ok(collect(p), "an empty zone can be collected");
    ok(value_of(p, QOE_METRIC_QUEUE_SIZE, "") == 0
       && value_of(p, QOE_METRIC_QUEUE_CAPACITY, "") == size && size > MB
       && value_of(p, QOE_METRIC_QUEUE_OLDEST_AGE, "") == 0
       && qoe_collect_count(p->c, QOE_METRIC_SPOOL_SIZE) == 0
       && qoe_collect_count(p->c, QOE_METRIC_DELIVERY_EVENTS) == 0,
       "an empty zone has an empty queue and no exporter");
    ok(value_of(p, QOE_METRIC_SERIES_COUNT, "") == 0
       && value_of(p, QOE_METRIC_SERIES_OVERFLOW, "") == 0, "there are none");
    ok(value_of(p, QOE_METRIC_WORKER_HEAP_ALLOCATION, "") == 0
       && value_of(p, QOE_METRIC_WORKER_STACK_IN_USE, "") == 0,
       "an empty zone has no workers");
    ok(qoe_collect_count(p->c, QOE_METRIC_CONCURRENT_VIEWS_CURRENT) == 0
       && qoe_collect_count(p->c, QOE_METRIC_UNIQUE_VIEWERS) == 0
       && qoe_collect_count(p->c, QOE_METRIC_DIMENSION_CARDINALITY) == 0
       && qoe_collect_count(p->c, QOE_METRIC_DIMENSION_OVERFLOW) == 0,
       "an empty zone has no metrics with attributes");

    place_free(p);
}


static void
test_views(void)
{
    int          i;
    char         org[16], text[64];
    double       sum;
    place_t     *p;
    qoe_view_t  *v;

    p = place_new();

    view(p, 0, "a", 0);
    view(p, 0, "a", 29000);
    view(p, 1, "a", 10000);
    view(p, 1, "b", 30000);
    view(p, 0, "b", 30001);
    view(p, 0, "c", 600000);
    view(p, 1, NULL, 0);
    view(p, 1, "f", 1000)->phase = QOE_PHASE_PAUSED;
    view(p, 0, "g", 1000)->phase = QOE_PHASE_SUSPENDED;
    view(p, 0, "h", 45000)->beat_ms = 15000;
    view(p, 0, "h", 45001)->beat_ms = 15000;
    view(p, 0, "d", 0);
    v = view(p, 0, "a", 0);
    set_base(v, 0, 0, 0);
    qoe_sessions_remove_view(p->st.sessions[0], v);
    set_base(view(p, 1, NULL, 0), 0, 0, 0);
    ok(collect(p), "a zone with views can be collected");
    ok(value_of(p, QOE_METRIC_CONCURRENT_VIEWS_CURRENT, "org_id=a,env=e") == 3,
       "views of the same attributes in two lanes are one series");
    ok(value_of(p, QOE_METRIC_CONCURRENT_VIEWS_CURRENT, "org_id=b,env=e") == 1
       && value_of(p, QOE_METRIC_CONCURRENT_VIEWS_CURRENT, "org_id=d,env=e")
       == 1, "a view counts for 30 s after its last event, and no longer");
    ok(value_of(p, QOE_METRIC_CONCURRENT_VIEWS_CURRENT, "org_id=c,env=e")
       + value_of(p, QOE_METRIC_CONCURRENT_VIEWS_CURRENT, "org_id=f,env=e")
       + value_of(p, QOE_METRIC_CONCURRENT_VIEWS_CURRENT, "org_id=g,env=e")
       == 0, "where the last view is silent, paused or suspended there are 0");
    ok(value_of(p, QOE_METRIC_CONCURRENT_VIEWS_CURRENT, "org_id=h,env=e")
       == 1, "a view that beats every 15 s counts for 45 s");
    ok(value_of(p, QOE_METRIC_CONCURRENT_VIEWS_CURRENT,
                "otel.metric.overflow=true") == 1,
       "a view counts as overflow once its attributes had no room");

    for (i = 0; i < 500; i++) {
        snprintf(org, sizeof(org), "o%d", i % 250);
        view(p, (uint32_t) i % LANES, org, 0);
    }

    sum = 0;
    ok(collect(p), "views of many sets of attributes can be collected");

    for (i = 0; i < 250; i++) {
        snprintf(text, sizeof(text), "org_id=o%d,env=e", i);
        sum += (value_of(p, QOE_METRIC_CONCURRENT_VIEWS_CURRENT, text) == 2);
    }

    ok(sum == 250, "each set of attributes has its views");

    p->conf.groups = QOE_GROUP_CORE;
    ok(collect(p)
       && qoe_collect_count(p->c, QOE_METRIC_CONCURRENT_VIEWS_CURRENT) == 0
       && qoe_collect_count(p->c, QOE_METRIC_QUEUE_SIZE) == 0,
       "metrics of groups that are off are not collected");

    place_free(p);
}


/* A view stays long enough to be collected in this state. */

static void
linger(bool so)
{
    struct timespec  ts = { 0, 20000 };

    if (so) {
        nanosleep(&ts, NULL);
    }
}


/*
 * Views come and leave, in the order in which qoe_apply.c does it, in the
 * place of each other and with other attributes, as fast as can be.
 */

static void *
come_and_leave(void *data)
{
    uint32_t        n, base;
    place_t        *p;
    qoe_view_t     *v;
    qoe_store_t    *store;
    qoe_session_t  *session;

    p = data;
    store = p->st.store[0];

    session = qoe_sessions_add(p->st.sessions[0], (uint64_t[2]) { 1, 1 });

    for (n = 0; !__atomic_load_n(&p->over, __ATOMIC_RELAXED); n++) {

        v = qoe_sessions_add_view(p->st.sessions[0], session, n + 1);

        v->received_ms = NOW_MS;
        v->phase = QOE_PHASE_PLAYING;
        linger(n % 5 == 0);

        base = block_of(p, 0, n % 2 ? "a" : "b");
        set_base(v, base, n % 2, NOW_S);
        linger(n % 3 == 0);

        set_base(v, 0, 0, 0);
        linger(n % 7 == 0);

        qoe_store_unref(store, base);
        qoe_sessions_remove_view(p->st.sessions[0], v);
    }

    return NULL;
}


static void
test_views_race(void)
{
    int        i, failed, overflowed;
    bool       there;
    place_t   *p;
    pthread_t  t;

    p = place_new();
    failed = overflowed = 0;
    there = false;

    pthread_create(&t, NULL, come_and_leave, p);

    for (i = 0; i < 300 || (!there && i < 1000000); i++) {
        failed += !collect(p);
        there |= !isnan(value_of(p, QOE_METRIC_CONCURRENT_VIEWS_CURRENT,
                                 "org_id=a,env=e"));
        overflowed += !isnan(value_of(p, QOE_METRIC_CONCURRENT_VIEWS_CURRENT,
                                      "otel.metric.overflow=true"));
    }

    __atomic_store_n(&p->over, true, __ATOMIC_RELAXED);
    pthread_join(t, NULL);

    ok(failed == 0 && there,
       "collections beside views that come and leave are right");
    ok(overflowed == 0, "none of these views counts as overflow");

    place_free(p);
}


static void
test_workers(void)
{
    pid_t     pid;
    place_t  *p;

    p = place_new();
    pid = fork();

    if (pid == 0) {
        qoe_self_worker(p->st.self, qoe_proc_self(), 7777, 7, qoe_mono_ms());
        _exit(0);
    }

    waitpid(pid, NULL, 0);
    qoe_self_worker(p->st.self, p->self, 4096, 132, qoe_mono_ms());

    ok(collect(p)
       && value_of(p, QOE_METRIC_WORKER_HEAP_ALLOCATION, "") == 4096
       && value_of(p, QOE_METRIC_WORKER_STACK_IN_USE, "") == 132,
       "the memory of the workers that live is summed");

    place_free(p);
}


static void
put(place_t *p, uint32_t lane, uint64_t age_ms)
{
    uint64_t           wake[QOE_LANES_MAX / 64] = { 0 };
    qoe_put_t          put;
    qoe_record_head_t  head;

    memset(&head, 0, sizeof(head));
    head.format = QOE_RECORD_FORMAT;
    head.received_ns = NOW_NS - age_ms * 1000000;

    memset(&put, 0, sizeof(put));
    put.lane = lane;
    put.head = (qoe_span_t) { (const char *) &head, sizeof(head) };

    if (qoe_zone_put(p->zone, p->self, 0, &put, 1, QOE_ACK_MEMORY, NULL,
                     wake)
        != QOE_OK) {
        abort();
    }
}


static double
events(const place_t *p, const char *state)
{
    char  labels[128];

    snprintf(labels, sizeof(labels), "exporter=default,state=%s", state);

    return value_of(p, QOE_METRIC_DELIVERY_EVENTS, labels);
}


static void
test_queue(void)
{
    uint32_t              dest;
    uint64_t              pos;
    place_t              *p;
    qoe_span_t            record, name;
    qoe_lane_info_t       info[2];
    qoe_spool_part_t     *part;

    p = place_new();
    name = qoe_span("default");
    p->conf.spool_max = 4096;
    put(p, 0, 2000);
    put(p, 1, 7500);
    put(p, 1, 3250);

    ok(collect(p), "a zone with a queue can be collected");
    ok(fabs(value_of(p, QOE_METRIC_QUEUE_OLDEST_AGE, "") - 7.5) < 1e-9,
       "the age of the queue is that of the oldest event of all lanes");

    qoe_zone_lane_info(p->zone, 0, &info[0]);
    qoe_zone_lane_info(p->zone, 1, &info[1]);
    ok(info[0].used > 0 && value_of(p, QOE_METRIC_QUEUE_SIZE, "")
                           == (double) (info[0].used + info[1].used),
       "the size of the queue is that of all lanes");

    qoe_dests_set(p->zone, &name, NULL, &(bool) { true }, 1, &dest);
    (void) qoe_lane_dests(p->zone, 1);

    pos = qoe_lane_dest_head(p->zone, 1, dest);
    ok(qoe_lane_read(p->zone, 1, UINT64_MAX, &pos, &record) == QOE_OK,
       "the oldest event is read");
    qoe_lane_dest_release(p->zone, 1, dest, pos, qoe_events(1), true);
    ok(collect(p)
       && fabs(value_of(p, QOE_METRIC_QUEUE_OLDEST_AGE, "") - 3.25) < 1e-9,
       "once the oldest event is released, the next one gives the age");

    ok(value_of(p, QOE_METRIC_SPOOL_SIZE, "exporter=default") == 0
       && value_of(p, QOE_METRIC_SPOOL_CAPACITY, "exporter=default") == 4096,
       "an exporter whose spool is empty has a size of 0, and a capacity");

    qoe_spool_part(p->zone, 0, dest)->bytes = 700;
    part = qoe_spool_part(p->zone, 1, dest);
    part->bytes = 77;
    part->events = 3;
    qoe_dest_count(p->zone, dest, QOE_DEST_RECOVERED, 8);
    qoe_dest_count(p->zone, dest, QOE_DEST_REJECTED, 1);
    qoe_dest_count(p->zone, dest, QOE_DEST_DROPPED_SPOOL, 2);
    ok(collect(p)
       && value_of(p, QOE_METRIC_SPOOL_SIZE, "exporter=default") == 777,
       "the spool's size is that of its segments in all lanes");

    ok(events(p, "accepted") == 2 && events(p, "recovered") == 8
       && events(p, "queued") == 1 && events(p, "spooled") == 3
       && events(p, "rejected") == 1
       && events(p, "dropped,reason=spool") == 2
       && events(p, "dropped,reason=behind") == 0
       && events(p, "exported") == 2 + 8 - 1 - 3 - 1 - 2,
       "events count by their state: %g exported", events(p, "exported"));
    ok(qoe_collect_count(p->c, QOE_METRIC_DELIVERY_EVENTS) == 12,
       "the delivery metric has a series for each state and each reason");

    qoe_dests_set(p->zone, NULL, NULL, NULL, 0, NULL);
    ok(collect(p) && qoe_collect_count(p->c, QOE_METRIC_DELIVERY_EVENTS) == 0
       && qoe_collect_count(p->c, QOE_METRIC_SPOOL_SIZE) == 0,
       "an exporter that goes away has no series");

    place_free(p);
}


static void
test_series(void)
{
    int               i;
    place_t          *p;
    uint32_t          lane, base;
    char              org[16];
    qoe_store_env_t   env;

    p = place_new();
    p->conf.series_max = 10;
    env = env_of(p);

    for (i = 0; i < 14; i++) {
        lane = (uint32_t) i % LANES;
        snprintf(org, sizeof(org), "o%d", i);

        base = block_of(p, lane, org);
        (void) qoe_store_record(p->st.store[lane], &env,
                                QOE_METRIC_PAUSE_EVENTS_TOTAL, base, 0, 1,
                                NOW_NS);
        qoe_store_unref(p->st.store[lane], base);
    }

    ok(collect(p), "a zone with series can be collected");
    ok(value_of(p, QOE_METRIC_SERIES_OVERFLOW, "") == 4,
       "values that found no room are counted");
    ok(value_of(p, QOE_METRIC_SERIES_COUNT, "") >= 10
       && value_of(p, QOE_METRIC_SERIES_COUNT, "") <= 10 + LANES,
       "the number of series is %g",
       value_of(p, QOE_METRIC_SERIES_COUNT, ""));

    place_free(p);
}


static void
test_dimensions(void)
{
    int          i;
    char         buf[QOE_GOVERN_BUF], id[16];
    place_t     *p;
    qoe_span_t   value;

    p = place_new();

    p->dims.dim[QOE_DIM_ENV].max = 3;
    p->dims.dim[QOE_DIM_APP_NAME].max = 2;
    p->dims.dim[QOE_DIM_APP_NAME].overflow = QOE_OVERFLOW_HASH;

    for (i = 0; i < 8; i++) {
        value = numbered(id, i);
        (void) qoe_govern(&p->governor, QOE_DIM_ENV, value, NOW_S, buf);
        (void) qoe_govern(&p->governor, QOE_DIM_APP_NAME, value, NOW_S, buf);
        (void) qoe_govern(&p->governor, QOE_DIM_ORG_ID, value, NOW_S, buf);
        (void) qoe_govern(&p->governor, QOE_DIM_SESSION_ID, value, NOW_S,
                          buf);
    }

    ok(collect(p), "a zone with dimensions can be collected");
    ok(value_of(p, QOE_METRIC_DIMENSION_CARDINALITY, "dimension=org_id") == 8
       && value_of(p, QOE_METRIC_DIMENSION_CARDINALITY,
                   "dimension=session_id") == 8,
       "distinct values count, whether their dimension is kept or dropped");
    ok(value_of(p, QOE_METRIC_DIMENSION_CARDINALITY, "dimension=env") >= 3
       && isnan(value_of(p, QOE_METRIC_DIMENSION_CARDINALITY,
                         "dimension=browser_family")),
       "a dimension without values has no series");
    ok(value_of(p, QOE_METRIC_DIMENSION_OVERFLOW,
                "dimension=env,action=other") == 5
       && value_of(p, QOE_METRIC_DIMENSION_OVERFLOW,
                   "dimension=app_name,action=hash") == 6,
       "values that were not admitted are counted by what they became");
    ok(value_of(p, QOE_METRIC_DIMENSION_OVERFLOW,
                "dimension=org_id,action=other") == 0,
       "a dimension whose values are all admitted has 0, for it is a counter");

    place_free(p);
}


int
main(void)
{
    test_empty();
    test_views();
    test_views_race();
    test_workers();
    test_queue();
    test_series();
    test_dimensions();
    return tap_end();
}
