
/*
 * Copyright (C) OpenQoE
 *
 * Traces of views: a record that carries the timeline of its view becomes one
 * where an exporter takes traces.
 */


#include "qoe_apply_priv.h"


static uint64_t qoe_apply_parts(const qoe_view_t *v);


/* How many parts of a trace a view has had time for. */

static uint64_t
qoe_apply_parts(const qoe_view_t *v)
{
    return qoe_min(qoe_view_since(v->seen_ms, v->born_ms) / QOE_TRACE_PART_MS,
                   (uint64_t) UINT16_MAX);
}


bool
qoe_apply_part_due(const qoe_apply_t *a, const qoe_view_t *v)
{
    return a->conf->traces.mode != QOE_TRACES_OFF && v->timeline != 0
           && qoe_apply_parts(v) > v->parts;
}


void
qoe_apply_trace(qoe_apply_t *a, qoe_view_record_t *r, qoe_view_t *v,
    char buf[QOE_TRACE_PACKED])
{
    bool                   wanted;
    qoe_trace_t            trace;
    const qoe_timeline_t  *t;

    if (a->conf->traces.mode == QOE_TRACES_OFF
        || (!r->final && !qoe_apply_part_due(a, v)))
    {
        return;
    }

    t = qoe_timelines_of(a->timelines, a->sessions, v);
    wanted = qoe_trace_wanted(&a->conf->traces, r, &trace.probability);

    /* a view that is no longer bad still needs the root of its parts */

    if (!wanted && (t == NULL || t->sent == 0)) {
        return;
    }

    trace.again = qoe_view_again(v);

    if (t != NULL) {
        trace.timeline = *t;

    } else {
        qoe_timeline_begin(&trace.timeline, v->born_ms);
    }

    r->trace = true;
    r->timeline.data = buf;
    r->timeline.len = qoe_trace_pack(buf, &trace);
}


void
qoe_apply_traced(qoe_apply_t *a, const qoe_view_record_t *r, qoe_view_t *v)
{
    if (!r->final && qoe_apply_part_due(a, v)) {
        qoe_timelines_part(a->timelines, a->sessions, v,
                           (uint16_t) qoe_apply_parts(v), r->trace);
    }
}
