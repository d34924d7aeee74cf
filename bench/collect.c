
/*
 * Copyright (C) OpenQoE
 *
 * collect [SERIES]: what it costs to record into, collect, encode and forget
 * that many series (100000) of views with 15 base attributes, in four lanes,
 * and to collect those of 20 views that have only just begun.
 * Prints a Markdown table: what, ms, the longest step in ms (its budget is
 * 1 ms); then the bytes of the lanes' stores that a series takes, and how fast
 * values are recorded.  Times are of this thread's CPU, not of the clock.
 */


#include "qoe_collect.h"
#include "qoe_otlp_metrics.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>


#define LANES              4
#define BUDGET_US          1000
#define REQUEST_MAX        (4 * 1024 * 1024 - 4096)
#define ROUNDS             5
#define RECORDS            4000000


typedef struct {
    double           cpu;                    /* ms */
    double           step;                   /* ms, the longest */
} cost_t;

typedef struct {
    cost_t           collect;
    cost_t           encode;
    cost_t           destroy;
    uint64_t         bytes;
    uint64_t         points;
} result_t;


static qoe_zone_t       *zone;
static qoe_state_t       st;
static qoe_conf_t        conf;
static qoe_dimensions_t  dims;
static qoe_governor_t    governor;
static qoe_store_env_t   env;
static uint64_t          now_ns;
static uint32_t          views;
static uint32_t          metrics[QOE_METRICS_N];     /* of views */
static uint32_t          nmetrics;


static void setup(size_t size);
static uint32_t base_block(uint32_t lane, uint32_t view);
static uint32_t fill(uint32_t series);
static bool fill_view(uint32_t view);
static double record_ns(void);
static void measure(result_t *res, qoe_collect_mode_t mode);
static void births(result_t *res);
static void encode(result_t *res, const qoe_collect_t *c);
static void step_end(cost_t *cost, double start);
static double cpu_ms(void);
static void die(const char *why)
    __attribute__((noreturn));


int
main(int argc, char **argv)
{
    int        i;
    char      *region;
    double     ns;
    size_t     size;
    uint32_t   n, full, view;
    result_t   res, best;

    n = argc > 1 ? (uint32_t) atoi(argv[1]) : 100000;

    /* Rings and governance take the larger part of a zone. */

    size = (size_t) 96 * 1024 * 1024 + (size_t) n * 1024;

    setup(size);
    n = fill(n);
    ns = record_ns();

    memset(&best, 0, sizeof(best));

    for (i = 0; i < ROUNDS; i++) {
        memset(&res, 0, sizeof(res));

        /* Each gauge gets a value in its window. */

        for (view = 0; view < views; view++) {
            (void) fill_view(view);
        }

        measure(&res, QOE_COLLECT_EXPORT);

        if (i == 0 || res.collect.cpu + res.encode.cpu
                      < best.collect.cpu + best.encode.cpu)
        {
            best = res;
        }
    }

    printf("| %u series | ms | longest step |\n|---|---|---|\n", n);
    printf("| collect | %.1f | %.2f |\n", best.collect.cpu,
           best.collect.step);
    printf("| encode (%.1f MB, %llu points) | %.1f | %.2f |\n",
           (double) best.bytes / 1e6, (unsigned long long) best.points,
           best.encode.cpu, best.encode.step);
    printf("| forget | %.1f | %.2f |\n", best.destroy.cpu,
           best.destroy.step);
    printf("| collect and encode | %.1f | %.2f |\n",
           best.collect.cpu + best.encode.cpu,
           qoe_max(best.collect.step, best.encode.step));

    births(&res);

    printf("| births (%llu points) | %.1f | %.2f |\n",
           (unsigned long long) res.points,
           res.collect.cpu + res.encode.cpu,
           qoe_max(res.collect.step, res.encode.step));

    /*
     * The zone is filled until a lane overflows, when its regions are as full
     * as they get.
     */

    full = fill(UINT32_MAX);

    region = qoe_zone_state(zone, 0, &size);
    size -= (size_t) ((char *) st.store[0] - region);

    printf("\nA value recorded: %.0f ns.  A series: %.0f bytes of the lanes' "
           "stores (%u fill them).\n", ns,
           (double) size * LANES / (double) full, full);

    return 0;
}


static void
die(const char *why)
{
    fprintf(stderr, "collect: %s\n", why);
    exit(1);
}


static void
setup(size_t size)
{
    void      *mem;
    uint32_t   i;

    mem = mmap(NULL, size, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS, -1,
               0);

    if (mem == MAP_FAILED
        || qoe_zone_create(&zone, mem, size, LANES, true) != QOE_OK)
    {
        die("no zone");
    }

    qoe_state_create(zone);

    if (qoe_state_attach(&st, zone) != QOE_OK) {
        die("no state");
    }

    qoe_dimensions_init(&dims);
    qoe_governor_init(&governor, st.govern, &dims, qoe_proc_self());

    for (i = 0; i < QOE_METRICS_N; i++) {
        if (qoe_metrics[i].group < QOE_GROUP_SELF
            && qoe_metrics[i].kind != QOE_INSTRUMENT_GAUGE_NOW)
        {
            metrics[nmetrics++] = i;
        }
    }

    conf.groups = QOE_GROUPS_ALL;
    conf.series_max = 100000000;
    conf.series_ttl_ms = 3600000;
    conf.dims = &dims;

    env.key = st.key;
    env.count = &st.shared->series;
    env.max = conf.series_max;

    now_ns = qoe_unix_ns();
}


/* 15 attributes, of the built-in dimensions' names. */

static uint32_t
base_block(uint32_t lane, uint32_t view)
{
    char          text[64];
    int           i;
    qoe_labels_t  l;

    l.len = 0;

    for (i = 0; i < 15; i++) {
        snprintf(text, sizeof(text), i == QOE_DIM_VIDEO_ID ? "video-%08u"
                                                           : "value-%u",
                 i == QOE_DIM_VIDEO_ID ? view : (uint32_t) i);

        if (qoe_labels_add(&l, dims.dim[i].name, qoe_span_str(text))
            != QOE_OK)
        {
            die("no labels");
        }
    }

    return qoe_store_block(st.store[lane], &env, qoe_labels_span(&l));
}


/* Adds views until there are that many series, or the first has no room. */

static uint32_t
fill(uint32_t series)
{
    while (st.shared->series < series && fill_view(views)) {
        views++;
    }

    return st.shared->series;
}


/*
 * A view of all groups adds a series of each metric.  False: there was no
 * room.
 */

static bool
fill_view(uint32_t view)
{
    uint32_t  i, lane, base;

    lane = view % LANES;

    base = base_block(lane, view);
    if (base == 0) {
        return false;
    }

    for (i = 0; i < nmetrics; i++) {
        if (qoe_store_record(st.store[lane], &env, metrics[i], base, 0,
                             7 + i, now_ns)
            != QOE_OK)
        {
            return false;
        }
    }

    qoe_store_unref(st.store[lane], base);

    return true;
}


/*
 * Adds values to series that exist, of views in an order that no cache knows.
 */

static double
record_ns(void)
{
    double    start;
    uint32_t  i, seed, base, nbase, bases[1024];

    for (nbase = 0; nbase < 1024; nbase++) {
        bases[nbase] = base_block(0, nbase % 256 * LANES);
    }

    seed = 1;
    start = cpu_ms();

    for (i = 0; i < RECORDS; i++) {
        seed = seed * 1103515245 + 12345;
        base = bases[(seed >> 16) % nbase];

        (void) qoe_store_record(st.store[0], &env,
                                metrics[(seed >> 8) % nmetrics], base, 0, 7,
                                now_ns);
    }

    start = (cpu_ms() - start) * 1e6 / RECORDS;

    for (i = 0; i < nbase; i++) {
        qoe_store_unref(st.store[0], bases[i]);
    }

    return start;
}


static void
births(result_t *res)
{
    uint32_t  i;

    conf.series_birth_ms = 15000;
    st.shared->announced_ns = now_ns;
    st.shared->collected_ns = now_ns;
    now_ns += 1000000000;

    for (i = 0; i < 20; i++) {
        (void) fill_view(views++);
    }

    memset(res, 0, sizeof(*res));
    measure(res, QOE_COLLECT_BIRTHS);
}


static void
measure(result_t *res, qoe_collect_mode_t mode)
{
    double          start;
    qoe_status_t    rc;
    qoe_collect_t  *c;

    start = cpu_ms();

    c = qoe_collect_create(&st, &conf, &governor, mode, conf.groups,
                           now_ns + QOE_COLLECT_SETTLE_MS * 1000000ULL,
                           &qoe_mem_heap);
    if (c == NULL) {
        die("no memory");
    }

    step_end(&res->collect, start);

    do {
        start = cpu_ms();
        rc = qoe_collect_step(c, BUDGET_US);
        step_end(&res->collect, start);
    } while (rc == QOE_AGAIN);

    if (rc != QOE_OK) {
        die("no collection");
    }

    encode(res, c);

    start = cpu_ms();
    qoe_collect_destroy(c);
    step_end(&res->destroy, start);
}


static void
encode(result_t *res, const qoe_collect_t *c)
{
    double               start;
    size_t               n;
    qoe_buf_t            out;
    qoe_attr_t           attr;
    qoe_status_t         rc;
    qoe_otlp_metrics_t  *m;

    attr = (qoe_attr_t) { qoe_span("service.name"), qoe_span("bench") };

    const qoe_otlp_identity_t  id = {
        &attr, 1, qoe_span("openqoe"), qoe_span("0")
    };

    qoe_buf_init(&out, &qoe_mem_heap, 2 * REQUEST_MAX);

    start = cpu_ms();

    m = qoe_otlp_metrics_create(c, QOE_ENCODING_PROTOBUF, &id, REQUEST_MAX,
                                &qoe_mem_heap);
    if (m == NULL) {
        die("no memory");
    }

    for ( ;; ) {
        rc = qoe_otlp_metrics_next(m, &out, &n, BUDGET_US);
        step_end(&res->encode, start);

        if (rc == QOE_DONE) {
            break;
        }

        if (rc == QOE_OK) {
            res->bytes += out.len;
            res->points += n;
            qoe_buf_reset(&out);

        } else if (rc != QOE_AGAIN) {
            die("no encoding");
        }

        start = cpu_ms();
    }

    qoe_otlp_metrics_destroy(m);
    qoe_buf_free(&out);
}


static void
step_end(cost_t *cost, double start)
{
    start = cpu_ms() - start;

    cost->cpu += start;
    cost->step = qoe_max(cost->step, start);
}


static double
cpu_ms(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);

    return (double) ts.tv_sec * 1e3 + (double) ts.tv_nsec / 1e6;
}
