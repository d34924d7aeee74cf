
/*
 * Copyright (C) OpenQoE
 *
 * The actions of QOE_VIEW_TRANSITIONS, which change the state after the first
 * frame.  Each returns whether its row of the table applies.
 */


#include "qoe_view_priv.h"


/* The last position of a video may exceed its duration by this much. */
#define QOE_VIEW_BEYOND_MS     2000


static void qoe_view_close(qoe_judge_t *j, double ms, double told);


bool
qoe_view_always(qoe_judge_t *j)
{
    (void) j;

    return true;
}


bool
qoe_view_at_end(const qoe_view_t *v, const qoe_moment_t *m)
{
    double  left;

    left = (double) v->duration - m->position;

    /* a position far beyond it shows that the duration has another unit */

    return v->duration > 0 && left <= QOE_VIEW_END_MS
           && left >= -QOE_VIEW_BEYOND_MS;
}


/* A second event without an end in between belongs to the same wait. */

void
qoe_view_open_wait(qoe_view_t *v, const qoe_moment_t *m)
{
    if (v->wait.at_ms != 0) {
        return;
    }

    qoe_view_mark(v, &v->wait, m);
    v->wait_lost_ms = 0;
    v->flags &= ~QOE_VIEW_ERROR_STALL;
}


bool
qoe_view_wait_opens(qoe_judge_t *j)
{
    if (qoe_view_at_end(j->v, j->m)) {
        return false;
    }

    j->v->wait.at_ms = 0;
    qoe_view_open_wait(j->v, j->m);

    return true;
}


bool
qoe_view_wait_is_held(qoe_judge_t *j)
{
    j->v->flags |= QOE_VIEW_HELD;

    return true;
}


bool
qoe_view_wait_forgets(qoe_judge_t *j)
{
    j->v->flags &= ~QOE_VIEW_HELD;

    return true;
}


/* The view has played since the last event, without an event that said so. */

bool
qoe_view_plays_on(qoe_judge_t *j)
{
    uint64_t  gap_ms;

    gap_ms = j->gap_ms;

    if (j->m->type == QOE_EVENT_SEEK && j->m->value > 0) {
        gap_ms = qoe_view_since(gap_ms, (uint64_t) j->m->value);
    }

    qoe_view_play(j, qoe_view_credit(j, gap_ms, j->growth),
                  j->m->type == QOE_EVENT_SEEK ? qoe_view_seek_start(j->m)
                                               : j->m->at_ms);

    j->v->wait.at_ms = 0;
    j->v->flags &= ~QOE_VIEW_HELD;

    return true;
}


bool
qoe_view_wait_resumes(qoe_judge_t *j)
{
    if ((j->v->flags & QOE_VIEW_HELD) == 0) {
        return false;
    }

    j->v->flags &= ~QOE_VIEW_HELD;

    return qoe_view_wait_opens(j);
}


/* Closes the wait, and counts it as a stall if it was long enough. */

static void
qoe_view_close(qoe_judge_t *j, double ms, double told)
{
    uint64_t     begin_ms;
    qoe_view_t  *v;

    v = j->v;
    begin_ms = v->wait.at_ms;
    v->wait.at_ms = 0;

    /*
     * the player's value is an upper limit only, because it may be the sum of
     * several stalls and a pause
     */

    ms = told < ms ? told : ms;

    if (!(ms >= QOE_VIEW_STALL_MS)) {
        return;
    }

    qoe_view_count_stall(v, j->points, ms);
    qoe_view_stretch(j, QOE_STRETCH_STALL, begin_ms, (uint64_t) ms);
}


void
qoe_view_count_stall(qoe_view_t *v, qoe_points_t *points, double ms)
{
    v->stalls++;
    v->stalled_ms += (uint64_t) ms;
    v->longest_ms = qoe_max(v->longest_ms,
                            (uint32_t) qoe_min(ms, (double) UINT32_MAX));

    qoe_point_add(points, QOE_METRIC_REBUFFER_EVENTS_COUNT, 1);
    qoe_point_add(points, QOE_METRIC_REBUFFER_EVENTS_TOTAL, 1);
    qoe_point_add(points, QOE_METRIC_REBUFFER_DURATION, ms);
    qoe_point_add(points, QOE_METRIC_REBUFFER_DURATION_SECONDS, ms / 1000);
}


void
qoe_view_close_stall(qoe_judge_t *j, uint64_t end_ms)
{
    uint64_t  ms;

    ms = qoe_view_since(end_ms, j->v->wait.at_ms);

    qoe_view_close(j, (double) qoe_view_since(ms, j->v->wait_lost_ms), NAN);
}


/* The stall was the part of the time that the growth does not explain. */

bool
qoe_view_stall_grows(qoe_judge_t *j)
{
    double       total, stalled;
    qoe_view_t  *v;

    v = j->v;

    total = (double) qoe_view_since(qoe_view_since(j->m->at_ms, v->wait.at_ms),
                                    v->wait_lost_ms);
    stalled = qoe_max(total - j->growth.ms, 0.0);

    if (stalled < QOE_VIEW_STALL_MS) {
        stalled = 0;
    }

    qoe_view_close(j, stalled, j->m->type == QOE_EVENT_STALLEND
                               ? j->m->value : (double) NAN);
    qoe_view_play(j, (uint64_t) (total - stalled), j->m->at_ms);

    return true;
}


bool
qoe_view_stall_goes_on(qoe_judge_t *j)
{
    double               ms;
    uint32_t             stalls;
    uint64_t             begin;
    qoe_view_t          *v;
    const qoe_moment_t  *seek;

    v = j->v;
    seek = qoe_moment_ahead(j, QOE_EVENT_SEEK, QOE_VIEW_HOLD_MS);
    begin = seek ? qoe_view_seek_start(seek) : 0;

    if (seek != NULL && begin <= j->m->at_ms + QOE_VIEW_NEAR_MS) {

        /* the wait belongs to the seek that is reported next */

        if (v->wait.at_ms + QOE_VIEW_NEAR_MS >= begin) {
            v->wait.at_ms = 0;

        } else {
            qoe_view_close_stall(j, qoe_min(begin, j->m->at_ms));
        }

        return true;
    }

    /* if pictures moved meanwhile, part of the wait was no stall */

    j->growth = qoe_view_growth(v, j->m, &v->wait);

    if (j->growth.kind == QOE_GROWTH_MS && j->growth.ms > QOE_VIEW_STALL_MS) {
        return qoe_view_stall_grows(j);
    }

    ms = (double) qoe_view_since(qoe_view_since(j->m->at_ms, v->wait.at_ms),
                                 v->wait_lost_ms);
    stalls = v->stalls;

    qoe_view_close(j, ms, j->m->value);

    if (v->stalls != stalls && !isnan(j->m->stalled_at)) {
        qoe_point_add(j->points, QOE_METRIC_STALL_POSITION,
                      j->m->stalled_at);
    }

    return true;
}


bool
qoe_view_stall_ends(qoe_judge_t *j)
{
    qoe_view_close_stall(j, j->m->at_ms);

    return true;
}


bool
qoe_view_stall_pauses(qoe_judge_t *j)
{
    qoe_view_close_stall(j, j->m->at_ms);
    j->v->flags |= QOE_VIEW_HELD;

    return true;
}


bool
qoe_view_stall_leaves(qoe_judge_t *j)
{
    qoe_view_close_stall(j, j->m->at_ms);

    return qoe_view_suspends(j);
}


uint64_t
qoe_view_seek_start(const qoe_moment_t *seek)
{
    return seek->value > 0
           ? qoe_view_since(seek->at_ms, (uint64_t) seek->value)
           : seek->at_ms;
}


bool
qoe_view_stall_seeks(qoe_judge_t *j)
{
    uint64_t  begin;

    begin = qoe_view_seek_start(j->m);

    if (j->v->wait.at_ms + QOE_VIEW_NEAR_MS >= begin) {
        j->v->wait.at_ms = 0;

    } else {
        qoe_view_close_stall(j, begin);
    }

    (void) qoe_view_seek_begins(j);

    return qoe_view_seek_waits(j);
}


bool
qoe_view_seek_begins(qoe_judge_t *j)
{
    qoe_view_mark(j->v, &j->v->seek, j->m);

    return true;
}


/*
 * A seek while seeking.  A seek is reported when it ends, so playback before it
 * counts.
 */

bool
qoe_view_seek_again(qoe_judge_t *j)
{
    uint64_t  gap_ms;

    gap_ms = qoe_view_since(qoe_view_seek_start(j->m),
                            j->m->at_ms - qoe_min(j->gap_ms, j->m->at_ms));

    if (j->v->wait.at_ms == 0) {
        qoe_view_play(j, qoe_view_credit(j, gap_ms, j->growth),
                      qoe_view_seek_start(j->m));
    }

    return qoe_view_seek_begins(j);
}


bool
qoe_view_seek_waits(qoe_judge_t *j)
{
    qoe_view_t  *v;

    v = j->v;

    /* a wait at yet another position belongs to another seek */

    if (v->wait.at_ms == 0
        && qoe_view_growth(v, j->m, &v->seek).kind == QOE_GROWTH_LEAP)
    {
        qoe_view_play(j, qoe_view_credit(j, j->gap_ms, j->growth),
                      j->m->at_ms);
        (void) qoe_view_seek_begins(j);
    }

    v->wait.at_ms = 0;
    qoe_view_open_wait(v, j->m);

    return true;
}


bool
qoe_view_seek_can_play(qoe_judge_t *j)
{
    return j->v->wait.at_ms == 0;
}


bool
qoe_view_seek_pauses(qoe_judge_t *j)
{
    if (j->v->wait.at_ms != 0) {
        j->v->wait.at_ms = 0;
        j->v->flags |= QOE_VIEW_HELD;
    }

    return true;
}


bool
qoe_view_seek_ends(qoe_judge_t *j)
{
    j->v->wait.at_ms = 0;

    return true;
}


bool
qoe_view_suspends(qoe_judge_t *j)
{
    j->v->wait.at_ms = 0;
    j->v->detached_ms = j->m->at_ms;
    j->v->flags &= ~QOE_VIEW_HELD;

    return true;
}
