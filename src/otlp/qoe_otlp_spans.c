
/*
 * Copyright (C) OpenQoE
 *
 * Traces of views are written in one pass (qoe_otlp_write.h).
 *
 *   ExportTraceServiceRequest { resource_spans = 1:
 *       ResourceSpans { resource = 1, scope_spans = 2:
 *           ScopeSpans { scope = 1, spans = 2: Span ... } } }
 */


#include "qoe_otlp_spans.h"
#include "qoe_otlp_views_priv.h"
#include "qoe_otlp_pb.h"

#include "qoe_trace.h"

#include <math.h>


/* Fields of Span, Span.Event and Status. */

#define QOE_SPAN_TRACE_ID      1
#define QOE_SPAN_SPAN_ID       2
#define QOE_SPAN_PARENT        4
#define QOE_SPAN_NAME          5
#define QOE_SPAN_KIND          6
#define QOE_SPAN_START         7
#define QOE_SPAN_END           8
#define QOE_SPAN_ATTRIBUTES    9
#define QOE_SPAN_EVENTS        11
#define QOE_SPAN_STATUS        15

#define QOE_EVENT_TIME         1
#define QOE_EVENT_NAME         2
#define QOE_EVENT_ATTRIBUTES   3

#define QOE_STATUS_MESSAGE     2
#define QOE_STATUS_CODE        3

#define QOE_SPAN_INTERNAL      1
#define QOE_SPAN_ERROR         2

/* The most bytes of a child, of an error, and of a root beside its record. */
#define QOE_SPAN_CHILD_MAX     256
#define QOE_SPAN_ROOT_MAX      512


/* The trace of a record while it is written. */

typedef struct {
    qoe_view_log_t       log;            /* the record, and where to write */
    qoe_trace_t          trace;
    uint8_t              id[16];
    uint8_t              root[8];
    qoe_stretch_t        stretch[QOE_TIMELINE_ENTRIES];
} qoe_spans_t;


static bool qoe_spans_read(qoe_spans_t *s, qoe_span_t record);
static void qoe_spans_write(qoe_spans_t *s);
static void qoe_span_root(qoe_spans_t *s);
static void qoe_span_status(qoe_spans_t *s);
static void qoe_span_errors(qoe_spans_t *s);
static void qoe_span_error(qoe_spans_t *s, const qoe_stretch_t *e, bool last);
static void qoe_span_child(qoe_spans_t *s, const qoe_stretch_t *e);
static void qoe_span_head(qoe_spans_t *s, const uint8_t span[8],
    const uint8_t *parent, qoe_span_t name, uint64_t start_ms, uint64_t ms);


qoe_status_t
qoe_otlp_spans(qoe_buf_t *out, const qoe_otlp_identity_t *id,
    const qoe_span_t *records, size_t n, size_t *nbad, qoe_arena_t *arena)
{
    char                *p;
    size_t               i;
    qoe_spans_t         *s;
    qoe_status_t         rc;
    qoe_otlp_export_t    export;

    *nbad = 0;

    if (out->status != QOE_OK) {
        return out->status;
    }

    s = qoe_arena_alloc(arena, sizeof(qoe_spans_t));
    if (s == NULL) {
        return QOE_NOMEM;
    }

    rc = qoe_otlp_export_open(out, &export, id, arena);
    s->log.edge = qoe_otlp_edge(id);

    for (i = 0; i < n && rc == QOE_OK; i++) {

        if (!qoe_spans_read(s, records[i])) {
            (*nbad)++;
            continue;
        }

        if (!s->log.r.trace) {
            continue;
        }

        p = qoe_buf_reserve(out, qoe_view_log_bound(&s->log)
                                 + QOE_SPAN_ROOT_MAX
                                 + s->log.r.error_type.len
                                 + s->log.r.error_code.len
                                 + QOE_TIMELINE_ENTRIES * QOE_SPAN_CHILD_MAX);
        if (p == NULL) {
            rc = out->status;
            break;
        }

        s->log.item.p = p;
        qoe_spans_write(s);
        out->len += (size_t) (s->log.item.p - p);
    }

    return qoe_otlp_export_close(out, &export, rc);
}


/* A view that found no place for a timeline has a trace of its root alone. */

static bool
qoe_spans_read(qoe_spans_t *s, qoe_span_t record)
{
    const qoe_view_record_t  *r;

    r = &s->log.r;

    if (qoe_view_record_unpack(&s->log.r, record) != QOE_OK) {
        return false;
    }

    if (qoe_trace_unpack(&s->trace, r->timeline) != QOE_OK) {
        memset(&s->trace, 0, sizeof(qoe_trace_t));
    }

    qoe_trace_id(s->id, r->session_id, r->view_id);
    qoe_trace_root(s->root, s->id, s->trace.again, r->start_ms);

    return true;
}


static void
qoe_spans_write(qoe_spans_t *s)
{
    size_t  i, n;

    if (s->log.r.final) {
        qoe_span_root(s);
    }

    n = qoe_timeline_stretches(&s->trace.timeline, s->trace.timeline.sent,
                               s->log.r.end_ms, s->stretch);

    for (i = 0; i < n; i++) {

        if (s->stretch[i].kind != QOE_STRETCH_ERROR) {
            qoe_span_child(s, &s->stretch[i]);
        }
    }
}


static void
qoe_span_root(qoe_spans_t *s)
{
    char                     *at;
    const uint8_t            *parent;
    qoe_otlp_item_t          *item;
    const qoe_view_record_t  *r;

    r = &s->log.r;
    item = &s->log.item;
    at = qoe_otlp_item_open(item, QOE_SCOPE_ITEMS);

    /* a later view of the same view_id belongs to the first one */

    parent = s->trace.again ? s->id + 8 : NULL;

    qoe_span_head(s, s->root, parent, qoe_span("view"), r->start_ms,
                  r->end_ms - qoe_min(r->start_ms, r->end_ms));

    item->field = QOE_SPAN_ATTRIBUTES;
    qoe_view_log_attributes(&s->log);
    qoe_view_log_dims(&s->log);
    qoe_otlp_item_real(item, qoe_span("openqoe.trace.probability"),
                       s->trace.probability > 0 ? s->trace.probability
                                                : (double) NAN);

    if (s->trace.timeline.merged != 0) {
        qoe_otlp_item_count(item, qoe_span("openqoe.trace.merged"),
                            s->trace.timeline.merged);
    }

    qoe_span_errors(s);
    qoe_span_status(s);
    qoe_otlp_item_close(item, at);
}


/* Status { message = 2, code = 3 } */

static void
qoe_span_status(qoe_spans_t *s)
{
    char                     *at;
    qoe_otlp_item_t          *item;
    const qoe_view_record_t  *r;

    r = &s->log.r;
    item = &s->log.item;

    if (!r->failed) {
        return;
    }

    at = qoe_otlp_item_open(item, QOE_SPAN_STATUS);
    item->p = qoe_wire_bytes(item->p, QOE_STATUS_MESSAGE, r->outcome);
    item->p = qoe_wire_small(item->p, QOE_STATUS_CODE, QOE_SPAN_ERROR);
    qoe_otlp_item_close(item, at);
}


static void
qoe_span_errors(qoe_spans_t *s)
{
    size_t  i, n, last;

    n = qoe_timeline_stretches(&s->trace.timeline, 0, s->log.r.end_ms,
                               s->stretch);

    for (i = 0, last = n; i < n; i++) {
        last = s->stretch[i].kind == QOE_STRETCH_ERROR ? i : last;
    }

    for (i = 0; i < n; i++) {

        if (s->stretch[i].kind == QOE_STRETCH_ERROR) {
            qoe_span_error(s, &s->stretch[i], i == last);
        }
    }
}


/* The record knows family and code of the last error. */

static void
qoe_span_error(qoe_spans_t *s, const qoe_stretch_t *e, bool last)
{
    char             *at;
    qoe_otlp_item_t  *item;

    item = &s->log.item;
    at = qoe_otlp_item_open(item, QOE_SPAN_EVENTS);
    item->p = qoe_wire_fixed64(item->p, QOE_EVENT_TIME,
                               e->start_ms * 1000000);
    item->p = qoe_wire_bytes(item->p, QOE_EVENT_NAME, qoe_span("error"));
    item->field = QOE_EVENT_ATTRIBUTES;

    if (last) {
        qoe_otlp_item_text(item, qoe_span("error.type"),
                           s->log.r.error_type);
        qoe_otlp_item_text(item, qoe_span("error_code"),
                           s->log.r.error_code);
    }

    if (e->fatal) {
        qoe_otlp_item_flag(item, qoe_span("openqoe.error.fatal"));
    }

    qoe_otlp_item_count(item, qoe_span("openqoe.error.count"), e->errors);
    qoe_otlp_item_close(item, at);
}


static void
qoe_span_child(qoe_spans_t *s, const qoe_stretch_t *e)
{
    char             *at;
    uint8_t           span[8];
    qoe_otlp_item_t  *item;

    item = &s->log.item;
    qoe_trace_child(span, s->id, e);

    at = qoe_otlp_item_open(item, QOE_SCOPE_ITEMS);
    qoe_span_head(s, span, s->root, qoe_stretch_name(e->kind), e->start_ms,
                  e->ms);
    item->field = QOE_SPAN_ATTRIBUTES;

    if (e->kind == QOE_STRETCH_RENDITION && e->bitrate != 0) {
        qoe_otlp_item_count(item, qoe_span("openqoe.rendition.bitrate"),
                            e->bitrate);
    }

    if (e->kind == QOE_STRETCH_RENDITION && e->height != 0) {
        qoe_otlp_item_count(item, qoe_span("openqoe.rendition.height"),
                            e->height);
    }

    if (e->kind == QOE_STRETCH_RENDITION) {
        qoe_otlp_item_text(item, qoe_span("openqoe.rendition.codec"),
                           qoe_codec_name(e->codec));
    }

    qoe_otlp_item_close(item, at);
}


/* Writes a span up to its attributes.  parent NULL: it is a root. */

static void
qoe_span_head(qoe_spans_t *s, const uint8_t span[8], const uint8_t *parent,
    qoe_span_t name, uint64_t start_ms, uint64_t ms)
{
    char  *p;

    p = s->log.item.p;

    p = qoe_wire_bytes(p, QOE_SPAN_TRACE_ID,
                       (qoe_span_t) { (const char *) s->id, 16 });
    p = qoe_wire_bytes(p, QOE_SPAN_SPAN_ID,
                       (qoe_span_t) { (const char *) span, 8 });

    if (parent != NULL) {
        p = qoe_wire_bytes(p, QOE_SPAN_PARENT,
                           (qoe_span_t) { (const char *) parent, 8 });
    }

    p = qoe_wire_bytes(p, QOE_SPAN_NAME, name);
    p = qoe_wire_small(p, QOE_SPAN_KIND, QOE_SPAN_INTERNAL);
    p = qoe_wire_fixed64(p, QOE_SPAN_START, start_ms * 1000000);
    p = qoe_wire_fixed64(p, QOE_SPAN_END, (start_ms + ms) * 1000000);

    s->log.item.p = p;
}
