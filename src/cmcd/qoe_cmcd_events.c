
/*
 * Copyright (C) OpenQoE
 *
 * Reports of CMCD as events.
 */


#include "qoe_cmcd_events.h"
#include "qoe_cmcd_event.h"
#include "qoe_number.h"
#include "qoe_schema.h"

#include <stdio.h>
#include <stdlib.h>


/* The length of "e=t,ts=1", less than which no report has. */
#define QOE_CMCD_LINE_MIN     8


/* A body while it is decoded. */

typedef struct {
    qoe_batch_t              *batch;
    qoe_cmcd_events_t        *x;
    const qoe_decode_conf_t  *conf;
    qoe_arena_t              *arena;
    int64_t                   now_ms;
    qoe_span_t                org;
    uint64_t                 *order;     /* of events: the sequence number */
    size_t                    room;
    qoe_cmcd_t                set;       /* of the line in hand */
} qoe_cmcd_body_t;


/* The place of an event in its run. */

typedef struct {
    uint64_t                  order;
    size_t                    i;
} qoe_cmcd_place_t;


static size_t qoe_cmcd_lines(qoe_span_t body);
static bool qoe_cmcd_room(qoe_cmcd_body_t *b, size_t lines);
static qoe_status_t qoe_cmcd_line(qoe_cmcd_body_t *b, qoe_span_t line);
static void qoe_cmcd_count(qoe_cmcd_body_t *b);
static const char *qoe_cmcd_fault(qoe_cmcd_body_t *b, char *buf, size_t size);
static void qoe_cmcd_refuse(qoe_cmcd_body_t *b, const char *why);
static bool qoe_cmcd_add(qoe_cmcd_body_t *b, qoe_span_t line);
static void qoe_cmcd_sort(qoe_cmcd_body_t *b);
static void qoe_cmcd_sort_run(qoe_cmcd_body_t *b, size_t start, size_t n);
static int qoe_cmcd_by_order(const void *one, const void *two);


qoe_status_t
qoe_cmcd_events(qoe_batch_t *batch, qoe_cmcd_events_t *x, qoe_span_t body,
    qoe_span_t org, const qoe_decode_conf_t *conf, int64_t now_ms,
    qoe_arena_t *arena)
{
    qoe_span_t        line;
    const char       *p, *end, *next;
    qoe_status_t      rc;
    qoe_cmcd_body_t   b;

    /* the set is large, and each line fills in its own */

    memset(&b, 0, offsetof(qoe_cmcd_body_t, set));
    memset(batch, 0, sizeof(qoe_batch_t));
    memset(x, 0, sizeof(qoe_cmcd_events_t));

    b.batch = batch;
    b.x = x;
    b.conf = conf;
    b.arena = arena;
    b.now_ms = now_ms;
    b.org = org;

    if (!qoe_cmcd_room(&b, qoe_cmcd_lines(body))) {
        return QOE_NOMEM;
    }

    end = body.data + body.len;

    for (p = body.data; p < end; p = next + 1) {
        next = memchr(p, '\n', (size_t) (end - p));
        next = next != NULL ? next : end;

        line = (qoe_span_t) { p, (size_t) (next - p) };
        rc = qoe_cmcd_line(&b, line);

        if (rc != QOE_OK) {
            return rc;
        }
    }

    if (batch->nevents == 0 && x->no_sid == 0) {

        if (batch->total == 0) {
            qoe_cmcd_refuse(&b, "the body has no report");
            batch->errors[0].event = QOE_DECODE_BODY;
            batch->total = 0;
            batch->nrejected = 0;
        }

        return QOE_INVALID;
    }

    qoe_cmcd_sort(&b);

    return QOE_OK;
}


/* A blank line is no report.  QOE_NOMEM. */

static qoe_status_t
qoe_cmcd_line(qoe_cmcd_body_t *b, qoe_span_t line)
{
    char          text[160], *buf;
    qoe_status_t  rc;
    const char   *why;

    /* lines that are too many cost no more than their count */

    if (b->batch->nevents + b->x->no_sid >= b->conf->max_events) {
        qoe_cmcd_refuse(b, "more reports than a request may have");
        return QOE_OK;
    }

    if (line.len > QOE_EVENT_RAW_MAX / 2) {
        qoe_cmcd_refuse(b, "the report is too long");
        return QOE_OK;
    }

    buf = qoe_arena_alloc(b->arena, line.len + 1);

    if (buf == NULL) {
        return QOE_NOMEM;
    }

    rc = qoe_cmcd_report(&b->set, line, buf, &why);

    if (rc == QOE_DONE) {
        return QOE_OK;
    }

    qoe_cmcd_count(b);

    if (rc == QOE_OK) {
        why = qoe_cmcd_fault(b, text, sizeof(text));
    }

    if (why != NULL) {
        qoe_cmcd_refuse(b, why);
        return QOE_OK;
    }

    if (!qoe_cmcd_has(&b->set, QOE_CMCD_SID)
        || b->set.text[QOE_CMCD_SID].len == 0)
    {
        b->x->ignored[QOE_CMCD_NO_SID]++;
        b->x->no_sid++;
        return QOE_OK;
    }

    return qoe_cmcd_add(b, line) ? QOE_OK : QOE_NOMEM;
}


static bool
qoe_cmcd_add(qoe_cmcd_body_t *b, qoe_span_t line)
{
    size_t             i;
    const qoe_cmcd_t  *c;

    c = &b->set;
    i = b->batch->nevents;

    if (!qoe_cmcd_event(&b->batch->events[i], c, b->org, line.len, b->conf,
                        b->arena))
    {
        return false;
    }

    b->order[i] = qoe_cmcd_has(c, QOE_CMCD_SN)
                  ? (uint64_t) qoe_min(c->number[QOE_CMCD_SN],
                                       QOE_NUMBER_EXACT)
                  : UINT64_MAX;
    b->batch->nevents++;
    b->batch->total++;

    return true;
}


static void
qoe_cmcd_count(qoe_cmcd_body_t *b)
{
    size_t  i;

    for (i = 0; i < QOE_CMCD_IGNORED; i++) {
        b->x->ignored[i] += b->set.ignored[i];
    }
}


/* Why a report is refused, or NULL. */

static const char *
qoe_cmcd_fault(qoe_cmcd_body_t *b, char *buf, size_t size)
{
    double  t, min, max;
    char    reason[128];

    t = b->set.number[QOE_CMCD_TS];
    min = qoe_max((double) b->now_ms - (double) b->conf->max_age_ms, 0);
    max = (double) b->now_ms + (double) b->conf->max_ahead_ms;

    if (t < min) {
        snprintf(buf, size, "ts %s", qoe_schema_older(reason, sizeof(reason),
                                                      b->conf, t, min, max));
        return buf;
    }

    if (t > max) {
        snprintf(buf, size, "ts %s", qoe_schema_ahead(reason, sizeof(reason),
                                                      b->conf));
        return buf;
    }

    return NULL;
}


static void
qoe_cmcd_refuse(qoe_cmcd_body_t *b, const char *why)
{
    qoe_batch_t         *batch;
    qoe_decode_error_t  *e;

    batch = b->batch;

    if (batch->nerrors < QOE_DECODE_ERRORS_MAX) {
        e = &batch->errors[batch->nerrors++];
        e->event = batch->total;
        e->field[0] = '\0';
        snprintf(e->reason, sizeof(e->reason), "%s", why);
    }

    batch->total++;
    batch->nrejected++;
}


/* Room for an event for each line, as far as they may be events. */

static bool
qoe_cmcd_room(qoe_cmcd_body_t *b, size_t lines)
{
    b->room = qoe_min(lines, b->conf->max_events);

    b->batch->events = qoe_arena_alloc(b->arena,
                                       b->room * sizeof(qoe_event_t));
    b->order = qoe_arena_alloc(b->arena, b->room * sizeof(uint64_t));

    return b->batch->events != NULL && b->order != NULL;
}


static size_t
qoe_cmcd_lines(qoe_span_t body)
{
    size_t       n;
    const char  *p, *end, *next;

    n = 0;
    end = body.data + body.len;

    for (p = body.data; p < end; p = next + 1) {
        next = memchr(p, '\n', (size_t) (end - p));
        next = next != NULL ? next : end;
        n += (next - p >= QOE_CMCD_LINE_MIN);
    }

    return n;
}


/* Sorts each run of reports of a session that have sequence numbers. */

static void
qoe_cmcd_sort(qoe_cmcd_body_t *b)
{
    size_t        i, start;
    qoe_event_t  *events;

    events = b->batch->events;
    start = 0;

    for (i = 1; i <= b->batch->nevents; i++) {

        if (i < b->batch->nevents && b->order[i] != UINT64_MAX
            && b->order[start] != UINT64_MAX
            && qoe_span_eq(events[i].field[QOE_FIELD_SESSION_ID].v.string,
                           events[start].field[QOE_FIELD_SESSION_ID].v.string))
        {
            continue;
        }

        qoe_cmcd_sort_run(b, start, i - start);
        start = i;
    }
}


/*
 * Nearly every run is in order.  Events are large, so places are sorted and the
 * events moved once, into new memory; without it, the order stays.
 */

static void
qoe_cmcd_sort_run(qoe_cmcd_body_t *b, size_t start, size_t n)
{
    size_t             i;
    qoe_event_t       *events, *copy;
    qoe_cmcd_place_t  *place;

    for (i = 1; i < n && b->order[start + i - 1] <= b->order[start + i]; i++) {
        /* void */
    }

    if (i >= n) {
        return;
    }

    events = &b->batch->events[start];
    copy = qoe_arena_alloc(b->arena, n * sizeof(qoe_event_t));
    place = qoe_arena_alloc(b->arena, n * sizeof(qoe_cmcd_place_t));

    if (copy == NULL || place == NULL) {
        return;
    }

    for (i = 0; i < n; i++) {
        place[i].order = b->order[start + i];
        place[i].i = i;
    }

    qsort(place, n, sizeof(qoe_cmcd_place_t), qoe_cmcd_by_order);
    memcpy(copy, events, n * sizeof(qoe_event_t));

    for (i = 0; i < n; i++) {
        events[i] = copy[place[i].i];
    }
}


static int
qoe_cmcd_by_order(const void *one, const void *two)
{
    const qoe_cmcd_place_t  *a = one, *b = two;

    if (a->order != b->order) {
        return a->order < b->order ? -1 : 1;
    }

    return a->i < b->i ? -1 : 1;
}
