
/*
 * Copyright (C) OpenQoE
 */


#include "scenario_run.h"
#include "qoe_record.h"

#include <stdio.h>
#include <stdlib.h>


#define SCENARIO_RUN_ZONE     (16 * 1024 * 1024)
#define SCENARIO_RUN_EVENTS   1000           /* in a batch */

/* The helper thread looks for what is due at most this often. */
#define SCENARIO_RUN_TICK_MS  100


static void scenario_run_conf(scenario_run_t *run);
static void scenario_run_apply(scenario_run_t *run, bool adopted);
static void scenario_run_end(scenario_run_t *run);
static uint64_t scenario_run_ns(int64_t ms);
static qoe_decode_conf_t scenario_run_decode(const scenario_run_t *run);
static void scenario_run_event(scenario_run_t *run, const qoe_event_t *ev,
    int64_t received_ms);


void
scenario_run_begin(scenario_run_t *run)
{
    qoe_zone_t  *zone;

    if (run->apply != NULL) {
        scenario_run_end(run);

    } else {
        run->mem = aligned_alloc(4096, SCENARIO_RUN_ZONE);
        qoe_arena_init(&run->arena, &qoe_mem_heap, 65536, 64 * 1024 * 1024);
    }

    if (run->mem == NULL) {
        scenario_run_fail(run, "no memory for the zone");
    }

    memset(run->mem, 0, SCENARIO_RUN_ZONE);

    if (qoe_zone_create(&zone, run->mem, SCENARIO_RUN_ZONE, 1, true)
        != QOE_OK)
    {
        scenario_run_fail(run, "the zone cannot be made");
    }

    qoe_state_create(zone);

    if (qoe_state_attach(&run->st, zone) != QOE_OK) {
        scenario_run_fail(run, "the zone has no state");
    }

    scenario_run_conf(run);

    qoe_governor_init(&run->governor, run->st.govern, &run->dims,
                      qoe_proc_self());

    scenario_run_apply(run, false);
}


static void
scenario_run_apply(scenario_run_t *run, bool adopted)
{
    run->apply = qoe_apply_create(&run->st, &run->conf, &run->governor, 0, 0,
                                  adopted);
    if (run->apply == NULL) {
        scenario_run_fail(run, "no memory for the lane's consumer");
    }
}


/*
 * The lane is freed and not destroyed: a killed process gives nothing back to
 * the zone.
 */

void
scenario_run_adopt(scenario_run_t *run)
{
    free(run->apply);
    scenario_run_apply(run, true);
}


/*
 * The only place for the values of directives: their defaults, and room for
 * series.
 */

static void
scenario_run_conf(scenario_run_t *run)
{
    qoe_dimensions_init(&run->dims);

    run->conf.groups = QOE_GROUPS_ALL;
    run->conf.view.timeout_ms = 600000;
    run->conf.view.paused_timeout_ms = 3600000;
    run->conf.view.hidden_timeout_ms = 180000;
    run->conf.series_max = 100000;
    run->conf.series_ttl_ms = 3600000;
    run->conf.dims = &run->dims;
}


/* The zone's memory stays, for the next run. */

static void
scenario_run_end(scenario_run_t *run)
{
    qoe_apply_destroy(run->apply);
    run->apply = NULL;
}


void
scenario_run_fail(const scenario_run_t *run, const char *why)
{
    fprintf(stderr, "line %u: %s\n", run->line, why);
    exit(1);
}


static uint64_t
scenario_run_ns(int64_t ms)
{
    return (uint64_t) ms * 1000000;
}


static qoe_decode_conf_t
scenario_run_decode(const scenario_run_t *run)
{
    return (qoe_decode_conf_t) {
        .max_events = SCENARIO_RUN_EVENTS, .max_age_ms = 86400000,
        .max_ahead_ms = 300000, .types = run->types, .ntypes = run->ntypes
    };
}


void
scenario_run_batch(scenario_run_t *run, const char *body, size_t len,
    int64_t received_ms)
{
    size_t               i;
    qoe_batch_t          batch;
    qoe_event_t        **order;
    qoe_decode_conf_t    conf;

    conf = scenario_run_decode(run);

    if (qoe_decode(&batch, body, len, &conf, received_ms, &run->arena)
        != QOE_OK
        || batch.nrejected != 0)
    {
        scenario_run_fail(run, batch.nerrors ? batch.errors[0].reason
                                             : "the batch is refused");
    }

    if (qoe_batch_order(&order, &batch, &run->arena) != QOE_OK) {
        scenario_run_fail(run, "no memory for the batch");
    }

    for (i = 0; i < batch.nevents; i++) {
        scenario_run_event(run, order[i], received_ms);
    }

    qoe_arena_reset(&run->arena);
}


void
scenario_run_reports(scenario_run_t *run, const char *body, size_t len,
    int64_t received_ms)
{
    size_t              i;
    qoe_span_t          bytes;
    qoe_batch_t         batch;
    qoe_cmcd_events_t   x;
    qoe_decode_conf_t   conf;

    conf = scenario_run_decode(run);
    bytes = (qoe_span_t) { body, len };

    if (qoe_cmcd_events(&batch, &x, bytes, qoe_span("acme"), &conf,
                        received_ms, &run->arena)
        != QOE_OK
        || batch.nrejected != 0)
    {
        scenario_run_fail(run, batch.nerrors ? batch.errors[0].reason
                                             : "the reports are refused");
    }

    for (i = 0; i < batch.nevents; i++) {
        scenario_run_event(run, &batch.events[i], received_ms);
    }

    qoe_arena_reset(&run->arena);
}


/* As a record through the queue. */

static void
scenario_run_event(scenario_run_t *run, const qoe_event_t *ev,
    int64_t received_ms)
{
    qoe_span_t           packed;
    qoe_sample_t         sample;
    qoe_record_t         record;
    qoe_record_meta_t    meta;
    qoe_record_parts_t   parts;

    memset(&meta, 0, sizeof(meta));
    meta.received_ns = scenario_run_ns(received_ms);

    if (qoe_record_pack(&parts, ev, &meta, &run->arena) != QOE_OK
        || qoe_record_join(&packed, &parts, &run->arena) != QOE_OK
        || qoe_record_open(&record, packed) != QOE_OK
        || qoe_record_sample(&sample, &record, &run->arena) != QOE_OK)
    {
        scenario_run_fail(run, "an event does not pass as a record");
    }

    qoe_apply_sample(run->apply, &sample, scenario_run_ns(received_ms));
}


void
scenario_run_tick(scenario_run_t *run, int64_t now_ms)
{
    qoe_apply_tick(run->apply, scenario_run_ns(now_ms));
}


/*
 * A tick may leave due work for later (its work is bounded), so the next tick
 * comes after the interval of the helper's ticks at the latest.
 */

void
scenario_run_advance(scenario_run_t *run, int64_t now_ms, int64_t until_ms)
{
    int64_t   at;
    uint64_t  due;

    at = now_ms;

    for ( ;; ) {
        due = qoe_apply_due_ms(run->apply);

        if (due > (uint64_t) until_ms) {
            break;
        }

        at = qoe_max(at, (int64_t) due);
        scenario_run_tick(run, at);

        at += SCENARIO_RUN_TICK_MS;

        if (at > until_ms) {
            break;
        }
    }

    scenario_run_tick(run, until_ms);
}


/* Collects at a time when series that began now are no longer left out. */

qoe_collect_t *
scenario_run_collect(scenario_run_t *run, qoe_collect_mode_t mode,
    uint32_t groups, int64_t now_ms)
{
    qoe_status_t    rc;
    qoe_collect_t  *c;

    now_ms += QOE_COLLECT_SETTLE_MS;
    qoe_apply_tick(run->apply, scenario_run_ns(now_ms));

    c = qoe_collect_create(&run->st, &run->conf, &run->governor, mode, groups,
                           scenario_run_ns(now_ms), &qoe_mem_heap);
    if (c == NULL) {
        scenario_run_fail(run, "no memory for the collection");
    }

    do {
        rc = qoe_collect_step(c, 1000);
    } while (rc == QOE_AGAIN);

    if (rc != QOE_OK) {
        scenario_run_fail(run, "the collection failed");
    }

    return c;
}
