
/*
 * Copyright (C) OpenQoE
 *
 * libFuzzer: bodies of reports of CMCD through all of it but nginx: events,
 * records, samples and views.  What must hold for any view (apply_watch.h) must
 * hold for those of forged reports as well.
 *
 * A line "@MS" ends a body, after which that time passes, and a line "!" makes
 * another consumer take over the lane.  All other lines are reports, whose ts
 * may be any time since 1970.
 */


#include "../unit/apply_watch.h"

#include <jansson.h>

#include "qoe_cmcd_events.h"
#include "qoe_record.h"


#define SIZE        ((size_t) 2 * 1024 * 1024)
#define EVENTS      100                      /* in a body */
#define PASS        3600000                  /* between bodies, at most */
#define REST        (24ULL * 3600000)        /* all sessions are forgotten */


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static lane_t       *lane;
static char         *fresh;                  /* the zone of a new lane */
static qoe_arena_t   arena;


static void
check(int good, const char *what)
{
    if (!good) {
        fprintf(stderr, "failed: %s\n", what);
        abort();
    }
}


/* Each input begins with the same lane, so that it can be run alone. */

static void
begin(void)
{
    if (lane == NULL) {
        lane = lane_new(SIZE);
        fresh = malloc(SIZE);
        check(fresh != NULL, "memory");
        memcpy(fresh, lane->mem, SIZE);
        qoe_arena_init(&arena, &qoe_mem_heap, 65536, 64 * 1024 * 1024);
    }

    qoe_apply_destroy(lane->apply);
    lane->apply = NULL;
    memcpy(lane->mem, fresh, SIZE);
    lane->now_ms = 0;
    lane->wakeups = 0;
    lane_hold(lane, false);

    watch.sessions = lane->st.sessions[0];
    memset(watch.view, 0, qoe_sessions_slots(watch.sessions) * sizeof(watch_t));
    watch.begun = watch.started = watch.over = watch.left = 0;
    watch.strict = true;
}


/* The event as JSON is what exporters and the log of events get. */

static void
check_event(const qoe_event_t *ev)
{
    json_t  *json;

    check(ev->type <= QOE_EVENT_CUSTOM && ev->type_name.len != 0, "a type");
    check(ev->field[QOE_FIELD_SESSION_ID].v.string.len != 0, "a session");

    json = json_loadb(ev->raw.data, ev->raw.len,
                      JSON_REJECT_DUPLICATES|JSON_ALLOW_NUL, NULL);
    check(json_is_object(json), "the event is an object");
    json_decref(json);
}


static void
apply(const qoe_event_t *ev)
{
    qoe_span_t           packed;
    qoe_sample_t         sample;
    qoe_record_t         record;
    qoe_record_meta_t    meta;
    qoe_record_parts_t   parts;

    memset(&meta, 0, sizeof(meta));
    meta.received_ns = lane_ns(lane->now_ms);

    check(qoe_record_pack(&parts, ev, &meta, &arena) == QOE_OK
          && qoe_record_join(&packed, &parts, &arena) == QOE_OK
          && qoe_record_open(&record, packed) == QOE_OK
          && qoe_record_sample(&sample, &record, &arena) == QOE_OK,
          "an event passes as a record");

    lane_apply(lane, &sample);
    watch_identity(alive(lane));
    check(watch.broken == NULL, watch.broken);
}


static void
body(qoe_span_t text)
{
    char               *exact;
    size_t              i;
    qoe_batch_t         batch;
    qoe_status_t        rc;
    qoe_cmcd_events_t   x;
    qoe_decode_conf_t   conf;

    memset(&conf, 0, sizeof(conf));
    conf.max_events = EVENTS;
    conf.max_age_ms = (int64_t) (LOG_START + lane->now_ms);
    conf.max_ahead_ms = conf.max_age_ms;

    exact = malloc(text.len + 1);
    check(exact != NULL, "memory");
    memcpy(exact, text.data, text.len);
    exact = realloc(exact, text.len + (text.len == 0));
    text.data = exact;

    rc = qoe_cmcd_events(&batch, &x, text, qoe_span("acme"), &conf,
                         (int64_t) (LOG_START + lane->now_ms), &arena);

    check(rc == QOE_OK || rc == QOE_INVALID, "the body is read");
    check(batch.nevents + batch.nrejected == batch.total,
          "each report is counted once");
    check(batch.nevents + x.no_sid <= EVENTS, "reports are limited");
    check(batch.nerrors <= QOE_DECODE_ERRORS_MAX, "errors are limited");
    check((rc == QOE_OK) == (batch.nevents != 0 || x.no_sid != 0),
          "a body without a report is invalid");

    for (i = 0; i < batch.nevents; i++) {
        check_event(&batch.events[i]);
        apply(&batch.events[i]);
    }

    qoe_arena_reset(&arena);
    free(exact);
}


static void
rest(uint64_t ms)
{
    pass(lane, lane->now_ms + ms);
    check(watch.broken == NULL, watch.broken);
}


static uint64_t
number(qoe_span_t line)
{
    size_t    i;
    uint64_t  n;

    n = 0;

    for (i = 1; i < line.len && line.data[i] >= '0' && line.data[i] <= '9';
         i++)
    {
        n = qoe_min(n * 10 + (uint64_t) (line.data[i] - '0'), PASS);
    }

    return n;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    qoe_span_t   text, line;
    const char  *p, *end, *next;

    begin();

    text = (qoe_span_t) { (const char *) data, 0 };
    end = (const char *) data + size;

    for (p = text.data; p < end; p = next + 1) {
        next = memchr(p, '\n', (size_t) (end - p));
        next = next != NULL ? next : end;
        line = (qoe_span_t) { p, (size_t) (next - p) };

        if (line.len == 0 || (*p != '@' && *p != '!')) {
            text.len = (size_t) (next - text.data);
            continue;
        }

        body(text);

        if (*p == '!') {
            lane_hold(lane, true);
        } else {
            rest(number(line));
        }

        text = (qoe_span_t) { next < end ? next + 1 : end, 0 };
    }

    body(text);
    rest(REST);

    watch_identity(0);
    check(watch.broken == NULL, watch.broken);
    check(qoe_apply_due_ms(lane->apply) == UINT64_MAX, "nothing is due");

    return 0;
}
