
/*
 * Copyright (C) OpenQoE
 *
 * Stalls.  One begins with the first stallstart and is over with its stallend,
 * or when playback goes on without one; what is repeated in between is the
 * same stall.  A stall before the first frame is startup: its points are made,
 * but it is none of the view's.
 *
 * A duration is told once a stall.  Where playing comes without a stallend, as
 * dash.js has it, the one that was measured is kept for a stallend that may
 * still come and know better, until the next stall or the end of the view.
 */


#include "qoe_view_priv.h"


static bool qoe_view_idle(const qoe_view_t *v);
static uint64_t qoe_view_stalled(const qoe_view_t *v, uint64_t now_ms);
static void qoe_view_duration(qoe_points_t *points, double ms);
static void qoe_view_stall_time(qoe_view_step_t *x, bool open,
    uint64_t measured);


void
qoe_view_stall_start(qoe_view_step_t *x)
{
    qoe_view_t  *v;

    v = x->v;

    qoe_view_buffer(x);

    /* a pause or a seek within a stall does not make two of it */

    if (v == NULL
        || ((v->flags & QOE_VIEW_STALL)
            && (v->stall_end_ms == 0 || v->state != QOE_VIEW_PLAYING)))
    {
        return;
    }

    qoe_view_point(x, QOE_METRIC_REBUFFER_EVENTS_COUNT, 1, 0);
    qoe_view_point(x, QOE_METRIC_REBUFFER_EVENTS_TOTAL, 1, 0);

    v->stalls += (v->flags & QOE_VIEW_STARTED) != 0;

    /* it may come so late that playback has gone on behind it */

    if (x->now_ms < v->change_ms) {
        return;
    }

    if (v->flags & QOE_VIEW_STALL) {
        qoe_view_stall_measured(v, x->points);
        v->flags |= QOE_VIEW_MEASURED;

    } else {
        v->flags &= ~QOE_VIEW_MEASURED;
    }

    v->flags &= ~(QOE_VIEW_STALL|QOE_VIEW_IDLE_STALL);

    if (qoe_view_idle(v)) {
        v->flags |= QOE_VIEW_IDLE_STALL;

    } else {
        qoe_view_enter(x, QOE_VIEW_STALLED);
    }

    v->flags |= QOE_VIEW_STALL;
    v->stall_ms = x->now_ms;
    v->stall_end_ms = 0;
}


/* Paused, whether it seeks or not: nobody waits for it to play on. */

static bool
qoe_view_idle(const qoe_view_t *v)
{
    return v->state == QOE_VIEW_PAUSED
           || (v->state == QOE_VIEW_SEEKING
               && (v->flags & QOE_VIEW_IDLE_SEEK));
}


static uint64_t
qoe_view_stalled(const qoe_view_t *v, uint64_t now_ms)
{
    uint64_t  end;

    end = v->stall_end_ms != 0 ? v->stall_end_ms : now_ms;

    return qoe_min(qoe_view_since(end, v->stall_ms), QOE_DAY_MS);
}


static void
qoe_view_duration(qoe_points_t *points, double ms)
{
    qoe_point_add(points, QOE_METRIC_REBUFFER_DURATION, ms);
    qoe_point_add(points, QOE_METRIC_REBUFFER_DURATION_SECONDS, ms / 1000);
}


/* How long a paused player would have stalled nobody knows. */

void
qoe_view_stall_measured(const qoe_view_t *v, qoe_points_t *points)
{
    if ((v->flags & QOE_VIEW_STALL) && v->stall_end_ms != 0
        && (v->flags & QOE_VIEW_IDLE_STALL) == 0)
    {
        qoe_view_duration(points, (double) qoe_view_stalled(v, 0));
    }
}


void
qoe_view_stall_end(qoe_view_step_t *x)
{
    bool         open, told;
    uint64_t     measured;
    qoe_view_t  *v;

    v = x->v;
    told = qoe_view_has(x, STALL_DURATION);
    open = v != NULL && (v->flags & QOE_VIEW_STALL);
    measured = open ? qoe_view_stalled(v, x->now_ms) : 0;

    if (qoe_view_has(x, STALL_POSITION_SECS)) {
        qoe_view_point(x, QOE_METRIC_STALL_POSITION,
                       qoe_view_number(x, STALL_POSITION_SECS) * 1000, 0);
    }

    /* the next stall overtook it, and told its duration */

    if (v != NULL && (v->flags & QOE_VIEW_MEASURED)
        && x->now_ms < v->stall_ms)
    {
        v->flags &= ~QOE_VIEW_MEASURED;
        return;
    }

    if (told || open) {
        qoe_view_duration(x->points, told ? qoe_view_number(x, STALL_DURATION)
                                          : (double) measured);
    }

    if (v == NULL) {
        return;
    }

    if (told) {
        qoe_view_stall_time(x, open, measured);
    }

    v->flags &= ~QOE_VIEW_STALL;

    if (v->state == QOE_VIEW_STALLED) {
        qoe_view_enter(x, v->flags & QOE_VIEW_STARTED ? QOE_VIEW_PLAYING
                                                      : QOE_VIEW_INIT);
    }

    qoe_view_sought(x);

    v->stall_end_ms = 0;

    /* whatever is older has been overtaken */

    v->change_ms = qoe_max(v->change_ms, x->now_ms);
}


/*
 * A stall that was longer than what was measured took place in what was held
 * for playing.  Without a stallstart it may have been startup, unless the
 * view has played for longer.
 */

static void
qoe_view_stall_time(qoe_view_step_t *x, bool open, uint64_t measured)
{
    uint64_t     ms;
    qoe_view_t  *v;

    v = x->v;
    ms = (uint64_t) qoe_view_number(x, STALL_DURATION);

    if ((v->flags & QOE_VIEW_STARTED) == 0
        || (!open && ms > v->spent_ms[QOE_VIEW_PLAYING]))
    {
        return;
    }

    qoe_view_move(x, qoe_view_since(ms, measured), QOE_VIEW_STALLED);
}
