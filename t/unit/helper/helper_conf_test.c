
/*
 * Copyright (C) OpenQoE
 *
 * What a helper takes of its configuration: a copy of everything that a reload
 * may free, an exporter for each stream that has a place and a URL, and the
 * same state for all its parts.
 */


#include "helper_bench.h"
#include "qoe_helper_priv.h"


static qoe_helper_t      h;
static qoe_dimensions_t  dims;


static void
release(bench_t *t)
{
    size_t  i;

    for (i = 0; i < h.nexporters; i++) {
        qoe_exporter_abort(&h.exporter[i]);
    }

    for (i = 0; i < h.nexporters; i++) {
        qoe_exporter_destroy(&h.exporter[i]);
    }

    qoe_net_destroy(h.net);
    qoe_arena_free(&h.env.scratch);
    qoe_arena_free(&h.intake.scratch);
    qoe_arena_free(&h.arena);
    teardown(t);
}


static qoe_status_t
copy(bench_t *t)
{
    memset(&h, 0, sizeof(h));
    qoe_arena_init(&h.arena, &qoe_mem_heap, 4096, 1024 * 1024);

    return qoe_helper_copy_conf(&h, &t->conf);
}


/* The same bytes at another place. */

static bool
is_copy(qoe_span_t a, qoe_span_t b)
{
    return qoe_span_eq(a, b) && a.data != b.data;
}


static void
test_copy(void)
{
    size_t                      i, right;
    bench_t                     t;
    const qoe_otlp_identity_t  *id, *from;

    setup(&t);
    dims = *t.conf.qoe.dims;
    dims.dim[0].source = qoe_span("source");
    dims.dim[dims.n - 1].source = qoe_span("source");
    t.conf.qoe.dims = &dims;
    spool(&t, 0);
    configure(&t, 1);

    ok(copy(&t) == QOE_OK && h.nexporters == 1, "a configuration is copied");

    for (i = 0, right = 0; i < dims.n; i++) {
        right += is_copy(h.conf.qoe.dims->dim[i].name, dims.dim[i].name)
                 && h.conf.qoe.dims->dim[i].source.len == 0
                 && h.conf.qoe.dims->dim[i].max == dims.dim[i].max;
    }

    ok(right == dims.n && h.conf.qoe.dims != &dims
       && h.conf.qoe.dims->n == dims.n,
       "the name of each dimension is, and not where its value comes from");
    ok(h.conf.lane_fd != t.fd && memcmp(h.conf.lane_fd, t.fd, sizeof(t.fd)) == 0
       && h.conf.waiter_fd != t.waiter
       && memcmp(h.conf.waiter_fd, t.waiter, sizeof(t.waiter)) == 0
       && h.conf.nwaiters == WAITERS, "so are the descriptors");

    id = &h.exporter[0].conf.identity;
    from = &t.exporter[0].identity;
    ok(is_copy(h.exporter[0].conf.name, t.exporter[0].name)
       && is_copy(h.exporter[0].conf.spool.dir, t.exporter[0].spool.dir)
       && id->nattrs == 1 && id->attrs != from->attrs
       && is_copy(id->attrs[0].key, from->attrs[0].key)
       && is_copy(id->attrs[0].value, from->attrs[0].value)
       && is_copy(id->scope_name, from->scope_name)
       && is_copy(id->scope_version, from->scope_version),
       "and what an exporter says of itself");
    ok(h.conf.exporters == NULL && h.exporter[0].spool != NULL
       && h.exporter[0].feed.spool == h.exporter[0].spool,
       "an exporter with a place for it has a spool");

    release(&t);
}


static void
test_parts(void)
{
    bench_t  t;

    setup(&t);
    t.conf.worker = 1;
    t.conf.nwaiters = 0;
    memset(&t.conf.qoe.fleet, 5, sizeof(t.conf.qoe.fleet));
    ok(copy(&t) == QOE_OK && h.self == qoe_proc_self()
       && memcmp(&h.governor.fleet, &t.conf.qoe.fleet,
                 sizeof(t.conf.qoe.fleet)) == 0
       && h.report_env.self.state == &h.state
       && h.report_env.self.conf == &h.conf.qoe
       && h.report_env.self.slot == 1 && h.report_env.self.self == h.self
       && h.report_env.self.log == &h.conf.log
       && h.report_env.governor == &h.governor
       && h.report_env.interval_ms == 60000,
       "the metrics are those of this worker");
    ok(h.env.zone == t.zone && h.env.net == h.net && h.net != NULL
       && h.env.self == &h.report_env.self && h.env.log == &h.conf.log
       && h.exporter[0].env == &h.env,
       "the exporters have the zone, the net and the log");
    ok(h.intake.state == &h.state && h.intake.conf == &h.conf.qoe
       && h.intake.governor == &h.governor && h.intake.slot == 1
       && h.intake.log == &h.conf.log && h.state.zone == t.zone,
       "the intakes have the state and the governor");
    release(&t);
}


/* Streams with and without a place and a URL. */

static void
test_streams(void)
{
    size_t   i;
    bench_t  t;

    setup(&t);
    configure(&t, 2);

    for (i = 0; i < 2; i++) {
        t.exporter[i].dest[QOE_STREAM_TRACES] = 5;
        t.exporter[i].dest[QOE_STREAM_VIEWS] = 6;
    }

    t.exporter[1].transport.url[QOE_SIGNAL_METRICS]
        = t.exporter[1].transport.url[QOE_SIGNAL_LOGS];
    ok(copy(&t) == QOE_OK && h.nexporters == 4
       && h.exporter[0].stream == &qoe_streams[QOE_STREAM_LOGS]
       && h.exporter[0].first && h.exporter[0].index == 0
       && h.exporter[1].stream == &qoe_streams[QOE_STREAM_VIEWS]
       && !h.exporter[1].first && h.exporter[1].index == 1
       && h.exporter[1].dest == 6
       && h.exporter[1].transport == h.exporter[0].transport
       && h.exporter[2].stream == &qoe_streams[QOE_STREAM_LOGS]
       && h.exporter[2].first && h.exporter[3].index == 3
       && h.exporter[2].transport != h.exporter[0].transport,
       "each stream with a place and a URL is one, and shares its transport");
    ok(strcmp(h.exporter[0].name, "default") == 0
       && strcmp(h.exporter[1].name, "default.views") == 0
       && h.report_env.npoints == 1
       && h.report_env.points[0] == h.exporter[2].points
       && h.exporter[3].points == NULL && h.exporter[0].points == NULL,
       "the first stream of an exporter sends its metrics");
    release(&t);

    /* metrics alone */

    setup(&t);
    memset(t.exporter[0].dest, 0xff, sizeof(t.exporter[0].dest));
    t.exporter[0].metrics_dest = 3;
    t.exporter[0].transport.url[QOE_SIGNAL_METRICS]
        = t.exporter[0].transport.url[QOE_SIGNAL_LOGS];
    ok(copy(&t) == QOE_OK && h.nexporters == 1
       && h.exporter[0].stream == NULL && h.exporter[0].first
       && h.exporter[0].dest == 3 && h.report_env.npoints == 1,
       "an exporter of metrics alone has no stream");
    release(&t);

    setup(&t);
    t.conf.nexporters = 0;
    ok(copy(&t) == QOE_OK && h.nexporters == 0 && h.report_env.npoints == 0,
       "a helper needs no exporter");
    release(&t);
}


int
main(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);

    test_copy();
    test_parts();
    test_streams();

    return tap_end();
}
