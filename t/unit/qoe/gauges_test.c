
/*
 * Copyright (C) OpenQoE
 *
 * Values that are taken at a collection, tested by whole collections of a
 * zone.
 */


#include "tap.h"
#include "qoe_collect.h"
#include "qoe_dest.h"
#include "qoe_record.h"
#include "qoe_sessions.h"
#include "qoe_spool_info.h"
#include "qoe_view_table.h"
#include "qoe_zone_layout.h"

#include <math.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>


#define MB                 (1024 * 1024)
#define SIZE               (64 * MB)         /* room for some sketches */
#define LANES              2
#define NOW_MS             1900000000000ULL
#define NOW_NS             (NOW_MS * 1000000)
#define NOW_S              ((uint32_t) (NOW_MS / 1000))
#define set_base(v, b, key, at)                                               \
    qoe_sessions_set_base(v, &(qoe_blocks_t) { { b, 0, 0 } }, key, at)


typedef struct {
    qoe_zone_t        *zone;
    qoe_state_t        st;
    qoe_conf_t         conf;
    qoe_dimensions_t   dims;
    qoe_governor_t     governor;
    qoe_proc_t         self;
    uint64_t           sessions;
    bool               over;                 /* come_and_leave() may end */
    qoe_collect_t     *c;
} place_t;


static place_t *
place_new(void)
{
    void     *mem;
    place_t  *p;

    p = calloc(1, sizeof(place_t));
    mem = mmap(NULL, SIZE, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS, -1,
               0);

    if (p == NULL || mem == MAP_FAILED
        || qoe_zone_create(&p->zone, mem, SIZE, LANES, true) != QOE_OK)
    {
        abort();
    }

    /* A secret that stays the same makes estimates the same in each run. */

    p->zone->hash_key = (qoe_hash_key_t) { 11, 22 };
    qoe_state_create(p->zone);

    if (qoe_state_attach(&p->st, p->zone) != QOE_OK) {
        abort();
    }

    qoe_dimensions_init(&p->dims);

    p->self = qoe_proc_self();
    p->conf.groups = QOE_GROUPS_ALL;
    p->conf.series_max = 1000;
    p->conf.series_ttl_ms = 3600000;
    p->conf.dims = &p->dims;

    qoe_governor_init(&p->governor, p->st.govern, &p->dims, p->self);

    return p;
}


static void
place_free(place_t *p)
{
    qoe_collect_destroy(p->c);
    munmap(p->zone, SIZE);
    free(p);
}


static bool
collect(place_t *p)
{
    qoe_status_t  rc;

    if (p->c != NULL) {
        qoe_collect_destroy(p->c);
    }

    p->c = qoe_collect_create(&p->st, &p->conf, &p->governor,
                              QOE_COLLECT_READ,
                              p->conf.groups|QOE_GROUP_STATS, NOW_NS,
                              &qoe_mem_heap);
    if (p->c == NULL) {
        return false;
    }

    while ((rc = qoe_collect_step(p->c, 1000)) == QOE_AGAIN) {
        /* void */
    }

    return rc == QOE_OK;
}


/* "name=value,name=value" of both blocks of a series. */

static void
text_of(const qoe_collect_t *c, const qoe_collected_t *s, char *out,
    size_t size)
{
    int                i;
    size_t             n;
    qoe_span_t         name, value;
    qoe_labels_iter_t  it;

    n = 0;
    out[0] = '\0';

    for (i = 0; i < 2; i++) {

        if ((i == 0 ? s->base : s->extra) == 0) {
            continue;
        }

        qoe_labels_iter(&it, qoe_collect_block(c, i == 0 ? s->base
                                                         : s->extra));

        while (qoe_labels_next(&it, &name, &value) && n < size) {
            n += (size_t) snprintf(out + n, size - n, "%s%.*s=%.*s",
                                   n ? "," : "", (int) name.len, name.data,
                                   (int) value.len, value.data);
        }
    }
}


/* The value of the only series of those attributes; NAN if there is none. */

static double
value_of(const place_t *p, qoe_metric_id_t metric, const char *labels)
{
    char             text[1024];
    size_t           i;
    double           found;
    qoe_collected_t  s;

    found = NAN;

    for (i = 0; i < qoe_collect_count(p->c, metric); i++) {

        qoe_collect_get(p->c, metric, i, &s);
        text_of(p->c, &s, text, sizeof(text));

        if (strcmp(text, labels) == 0) {
            found = isnan(found) ? s.number : INFINITY;
        }
    }

    return found;
}


static qoe_store_env_t
env_of(place_t *p)
{
    return (qoe_store_env_t) { p->st.key, &p->st.shared->series,
                               p->conf.series_max };
}


/* The block of an org's attributes, with a reference for the caller. */

static uint32_t
block_of(place_t *p, uint32_t lane, const char *org)
{
    qoe_labels_t     l;
    qoe_store_env_t  env;

    l.len = 0;
    env = env_of(p);
    (void) qoe_labels_add(&l, qoe_span("org_id"), qoe_span_str(org));
    (void) qoe_labels_add(&l, qoe_span("env"), qoe_span("e"));

    return qoe_store_block(p->st.store[lane], &env, qoe_labels_span(&l));
}


/* A session with a view that plays, whose last event came age_ms ago. */

static qoe_view_t *
view(place_t *p, uint32_t lane, const char *org, uint64_t age_ms)
{
    uint32_t        base;
    uint64_t        key[2];
    qoe_view_t     *v;
    qoe_session_t  *session;

    key[0] = ++p->sessions;
    key[1] = 0x9e3779b97f4a7c15ULL * p->sessions;

    session = qoe_sessions_add(p->st.sessions[lane], key);

    if (session == NULL) {
        abort();
    }

    v = qoe_sessions_add_view(p->st.sessions[lane], session, p->sessions);

    if (v == NULL) {
        abort();
    }

    base = (org != NULL) ? block_of(p, lane, org) : 0;

    set_base(v, base, 1, NOW_MS / 1000);
    v->received_ms = NOW_MS - age_ms;
    v->phase = QOE_PHASE_PLAYING;
    qoe_sessions_list(p->st.sessions[lane], v, QOE_SILENCE_FRESH);

    return v;
}


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


static qoe_span_t
numbered(char id[16], int i)
{
    return (qoe_span_t) { id, (size_t) snprintf(id, 16, "v%d", i) };
}


static void
test_viewers(void)
{
    int          i;
    char         id[16];
    double       a, b;
    place_t     *p;

    p = place_new();

    for (i = 0; i < 600; i++) {
        qoe_govern_viewer(&p->governor, qoe_span("a"), qoe_span("p"), true,
                          numbered(id, i % 300), NOW_S);
    }

    qoe_govern_viewer(&p->governor, qoe_span("a"), qoe_span("q"), true,
                      qoe_span("v1"), NOW_S);

    ok(collect(p), "a zone with viewers can be collected");

    a = value_of(p, QOE_METRIC_UNIQUE_VIEWERS, "org_id=a,player_id=p");
    b = value_of(p, QOE_METRIC_UNIQUE_VIEWERS, "org_id=a,player_id=q");

    ok(fabs(a - 300) <= 6 && fabs(b - 1) < 0.5,
       "viewers are estimated by org and player: %g of 300, %g of 1", a, b);

    place_free(p);
}


/* More pairs of org and player than there are sketches for them. */

static void
test_viewers_many(void)
{
    int          i;
    char         id[16], labels[64];
    double       n, one, all, rest;
    place_t     *p;

    p = place_new();

    for (i = 0; i < 4000; i++) {
        qoe_govern_viewer(&p->governor, numbered(id, i), qoe_span("p"), true,
                          qoe_span("viewer"), NOW_S);
        qoe_govern_viewer(&p->governor, numbered(id, i), qoe_span("p"), true,
                          numbered(id, i), NOW_S);
    }

    ok(collect(p), "a zone with more viewers than sketches can be collected");

    rest = value_of(p, QOE_METRIC_UNIQUE_VIEWERS, "otel.metric.overflow=true");
    all = n = 0;

    for (i = 0; i < 4000; i++) {
        snprintf(labels, sizeof(labels), "org_id=v%d,player_id=p", i);
        one = value_of(p, QOE_METRIC_UNIQUE_VIEWERS, labels);
        all += isnan(one) ? 0 : 1;
        n += isnan(one) ? 0 : one;
    }

    ok(all > 10 && all < 4000 && n == 2 * all
       && qoe_collect_count(p->c, QOE_METRIC_UNIQUE_VIEWERS) == all + 1
       && fabs(rest - (4000 - all + 1)) < 0.05 * 4000,
       "pairs without a sketch are counted together: %g of %g", rest,
       4000 - all + 1);

    place_free(p);
}


/* Exporters, dimensions and viewers as they are; each allocation fails. */

static void
test_nomem(void)
{
    int            i;
    char           id[16], name[QOE_DESTS_MAX][8], dim[64][16];
    long           n;
    bool           wrong, spooled[QOE_DESTS_MAX];
    place_t       *p;
    uint32_t       slots[QOE_DESTS_MAX];
    qoe_span_t     names[QOE_DESTS_MAX];
    tap_mem_t      m;
    qoe_status_t   rc;

    p = place_new();

    for (i = 0; i < QOE_DESTS_MAX; i++) {
        snprintf(name[i], sizeof(name[i]), "e%d", i);
        names[i] = qoe_span_str(name[i]);
        spooled[i] = true;
    }

    qoe_dests_set(p->zone, names, NULL, spooled, QOE_DESTS_MAX, slots);

    for (i = 0; p->dims.n < QOE_DIMENSIONS_MAX; i++) {
        snprintf(dim[i], sizeof(dim[i]), "d%d", i);
        p->dims.dim[p->dims.n] = p->dims.dim[QOE_DIM_APP_NAME];
        p->dims.dim[p->dims.n++].name = qoe_span_str(dim[i]);
    }

    for (i = 0; i < 3000; i++) {
        (void) qoe_govern(&p->governor, (size_t) i % p->dims.n,
                          numbered(id, i), NOW_S, (char [QOE_GOVERN_BUF]) { 0 }
                         );
        qoe_govern_viewer(&p->governor, numbered(id, i), qoe_span("p"), true,
                          qoe_span("viewer"), NOW_S);
        view(p, 0, numbered(id, i).data, 0);
    }

    wrong = false;

    for (n = 0; n < 10000; n++) {
        p->c = qoe_collect_create(&p->st, &p->conf, &p->governor,
                                  QOE_COLLECT_READ, QOE_GROUPS_ALL, NOW_NS,
                                  tap_mem(&m, n));
        rc = QOE_NOMEM;

        while (p->c != NULL
               && (rc = qoe_collect_step(p->c, 1000)) == QOE_AGAIN)
        {
            /* void */
        }

        qoe_collect_destroy(p->c);
        p->c = NULL;
        wrong |= (m.live != 0) || (m.failed != 0) != (rc == QOE_NOMEM);

        if (m.failed == 0) {
            break;
        }
    }

    ok(!wrong && n > 10 && n < 10000,
       "where memory ends the collection ends without a leak (%ld places)", n);

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
    test_viewers();
    test_viewers_many();
    test_nomem();
    test_workers();
    test_queue();
    test_series();
    test_dimensions();
    return tap_end();
}
