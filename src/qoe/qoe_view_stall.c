
/*
 * Copyright (C) OpenQoE
 *
 * Stalls.  One begins with the first stallstart and is over with its stallend,
 * or when playback goes on without one; what is repeated in between is the
 * same stall.  A stall before the first frame is startup: its points are made,
 * but it is none of the view's.
 */


#include "qoe_view_priv.h"


static bool qoe_view_idle(const qoe_view_t *v);
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

    if (!qoe_view_idle(v)) {
        v->flags &= ~QOE_VIEW_STALL;
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


void
qoe_view_stall_end(qoe_view_step_t *x)
{
    bool         open, told;
    double       ms;
    uint64_t     end, measured;
    qoe_view_t  *v;

    v = x->v;
    told = qoe_view_has(x, STALL_DURATION);
    open = v != NULL && (v->flags & QOE_VIEW_STALL);
    measured = 0;

    if (open) {
        end = v->stall_end_ms != 0 ? v->stall_end_ms : x->now_ms;
        measured = qoe_min(qoe_view_since(end, v->stall_ms), QOE_DAY_MS);
    }

    if (told || open) {
        ms = told ? qoe_view_number(x, STALL_DURATION) : (double) measured;

        qoe_view_point(x, QOE_METRIC_REBUFFER_DURATION, ms, 0);
        qoe_view_point(x, QOE_METRIC_REBUFFER_DURATION_SECONDS, ms / 1000, 0);
    }

    if (qoe_view_has(x, STALL_POSITION_SECS)) {
        qoe_view_point(x, QOE_METRIC_STALL_POSITION,
                       qoe_view_number(x, STALL_POSITION_SECS) * 1000, 0);
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
    uint64_t     ms, *playing;
    qoe_view_t  *v;

    v = x->v;
    playing = &v->spent_ms[QOE_VIEW_PLAYING];
    ms = (uint64_t) qoe_view_number(x, STALL_DURATION);

    if ((v->flags & QOE_VIEW_STARTED) == 0 || (!open && ms > *playing)) {
        return;
    }

    ms = qoe_min(qoe_view_since(ms, measured), *playing);

    *playing -= ms;
    v->spent_ms[QOE_VIEW_STALLED] += ms;
    x->played_ms = qoe_view_since(x->played_ms, ms);
}
