
/*
 * Copyright (C) OpenQoE
 *
 * The stretches of the timeline that the judgement of a view makes.  Playing
 * and stalls are added where their time is counted, so that the sums of the
 * timeline are those of the view.
 */


#include "qoe_view_priv.h"


static qoe_stretch_t *qoe_view_stretch_new(qoe_points_t *points,
    qoe_stretch_kind_t kind, uint64_t start_ms, uint64_t ms);
static void qoe_view_stretch_left(qoe_judge_t *j, qoe_view_phase_t phase,
    uint64_t end_ms);


/*
 * More stretches than QOE_STRETCHES_MAX can come only from a torn view; their
 * time is added to the last one.
 */

static qoe_stretch_t *
qoe_view_stretch_new(qoe_points_t *points, qoe_stretch_kind_t kind,
    uint64_t start_ms, uint64_t ms)
{
    qoe_stretch_t  *s;

    if (points->nstretches == QOE_STRETCHES_MAX) {
        s = &points->stretch[QOE_STRETCHES_MAX - 1];
        s->ms += (s->kind == (uint32_t) kind) ? ms : 0;
        return s;
    }

    s = &points->stretch[points->nstretches++];

    memset(s, 0, sizeof(qoe_stretch_t));
    s->kind = (uint32_t) kind;
    s->start_ms = start_ms;
    s->ms = ms;

    return s;
}


void
qoe_view_stretch(qoe_judge_t *j, qoe_stretch_kind_t kind, uint64_t start_ms,
    uint64_t ms)
{
    (void) qoe_view_stretch_new(j->points, kind, start_ms, ms);
}


void
qoe_view_stretch_error(qoe_judge_t *j)
{
    qoe_stretch_t  *s;

    s = qoe_view_stretch_new(j->points, QOE_STRETCH_ERROR, j->m->at_ms, 0);

    s->errors = 1;
    s->fatal = (j->m->value > 0);
}


void
qoe_view_stretch_rendition(qoe_judge_t *j)
{
    float           rate;
    qoe_stretch_t  *s;

    rate = j->v->media[QOE_VIEW_VIDEO].rate;
    s = qoe_view_stretch_new(j->points, QOE_STRETCH_RENDITION, j->m->at_ms, 0);

    s->bitrate = rate > 0 && rate < 1e12f ? (uint64_t) rate : 0;
    s->height = j->v->height;
    s->codec = j->v->codec;
}


void
qoe_view_stretch_phase(qoe_judge_t *j, qoe_view_phase_t from,
    qoe_view_signal_t signal, const qoe_view_before_t *before)
{
    size_t         n;
    uint64_t       end, begin, played;
    qoe_view_t    *v;
    qoe_stretch_t  s;

    v = j->v;
    played = j->played_ms - before->played_ms;

    if (from == (qoe_view_phase_t) v->phase && played == 0
        && signal != QOE_SIGNAL_SEEKS)
    {
        return;
    }

    begin = signal == QOE_SIGNAL_SEEKS ? qoe_view_seek_start(j->m)
                                       : j->m->at_ms;
    end = qoe_view_since(begin, played);

    n = j->points->nstretches;
    qoe_view_stretch_left(j, from, end);

    /* what the action counted came after the phase that it left */

    if (j->points->nstretches > n && n > before->nstretches) {
        s = j->points->stretch[n];
        memmove(&j->points->stretch[before->nstretches + 1],
                &j->points->stretch[before->nstretches],
                (n - before->nstretches) * sizeof(qoe_stretch_t));
        j->points->stretch[before->nstretches] = s;
    }

    v->phase_ms = signal == QOE_SIGNAL_GROWS ? end : begin;
}


/* A pause that the player made by itself, at the end, is none. */

static void
qoe_view_stretch_left(qoe_judge_t *j, qoe_view_phase_t phase, uint64_t end_ms)
{
    qoe_view_t  *v;

    v = j->v;

    if (phase == QOE_PHASE_SEEKING) {
        qoe_view_stretch(j, QOE_STRETCH_SEEK, v->phase_ms,
                         qoe_view_since(end_ms, v->phase_ms));

    } else if (phase == QOE_PHASE_PAUSED
               && (v->flags & QOE_VIEW_AUTO_PAUSE) == 0)
    {
        qoe_view_stretch(j, QOE_STRETCH_PAUSE, v->phase_ms,
                         qoe_view_since(end_ms, v->phase_ms));
    }
}


void
qoe_view_stretch_end(qoe_judge_t *j)
{
    qoe_view_t  *v;

    v = j->v;

    if ((v->flags & QOE_VIEW_STARTED) == 0) {

        if (v->wish.at_ms != 0 && (v->flags & QOE_VIEW_WITHDRAWN) == 0) {
            qoe_view_stretch(j, QOE_STRETCH_STARTUP, v->wish.at_ms,
                             qoe_view_since(v->seen_ms, v->wish.at_ms));
        }

    } else {
        qoe_view_stretch_left(j, (qoe_view_phase_t) v->phase, v->seen_ms);
    }

    if (v->flags & QOE_VIEW_HIDDEN) {
        qoe_view_stretch(j, QOE_STRETCH_HIDDEN, v->entry_ms,
                         qoe_view_since(v->seen_ms, v->entry_ms));
    }
}


size_t
qoe_view_open_stretches(const qoe_view_t *v, qoe_stretch_t s[2])
{
    size_t         n;
    qoe_stretch_t  open;

    n = 0;
    memset(&open, 0, sizeof(open));
    open.start_ms = v->phase_ms;
    open.kind = QOE_STRETCH_KINDS;

    switch (v->phase) {

    case QOE_PHASE_STARTING:

        if ((v->flags & QOE_VIEW_WITHDRAWN) == 0) {
            open.kind = QOE_STRETCH_STARTUP;
            open.start_ms = v->wish.at_ms;
        }

        break;

    case QOE_PHASE_STALLED:
        open.kind = QOE_STRETCH_STALL;
        open.start_ms = v->wait.at_ms;
        break;

    case QOE_PHASE_SEEKING:
        open.kind = QOE_STRETCH_SEEK;
        break;

    case QOE_PHASE_PAUSED:

        if ((v->flags & QOE_VIEW_AUTO_PAUSE) == 0) {
            open.kind = QOE_STRETCH_PAUSE;
        }

        break;

    default:
        break;
    }

    if (open.kind != QOE_STRETCH_KINDS) {
        open.ms = qoe_view_since(v->seen_ms, open.start_ms);
        s[n++] = open;
    }

    if (v->flags & QOE_VIEW_HIDDEN) {
        open.kind = QOE_STRETCH_HIDDEN;
        open.start_ms = v->entry_ms;
        open.ms = qoe_view_since(v->seen_ms, open.start_ms);
        s[n++] = open;
    }

    return n;
}


qoe_span_t
qoe_view_state_name(const qoe_view_t *v)
{
    static const qoe_span_t  names[] = {
#define QOE_VIEW_PHASE_NAME(id, name, text)  { name, sizeof(name) - 1 },
        QOE_VIEW_PHASES(QOE_VIEW_PHASE_NAME)
#undef QOE_VIEW_PHASE_NAME
    };

    return names[v->phase % QOE_PHASES];
}
