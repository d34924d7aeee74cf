
/*
 * Copyright (C) OpenQoE
 *
 * Judges the states of a player, as reports of CMCD name them: each is judged
 * as the events of the product that mean the same after the state before it.
 *
 * The same state means different things to different players: waiting before
 * the first frame is the startup, and within a seek a part of the seek; shaka
 * never reports that it starts, reports a failure while it plays on, and pauses
 * after the end.
 */


#include "qoe_view_priv.h"


static void qoe_player_as(qoe_judge_t *j, const qoe_moment_t *m,
    qoe_event_type_t type);
static void qoe_player_note(qoe_judge_t *j, const qoe_moment_t *m);
static void qoe_player_starts(qoe_judge_t *j, const qoe_moment_t *m);
static void qoe_player_plays(qoe_judge_t *j, const qoe_moment_t *m);
static void qoe_player_waits(qoe_judge_t *j, const qoe_moment_t *m,
    unsigned before);
static void qoe_player_seeks(qoe_judge_t *j, const qoe_moment_t *m,
    unsigned before);
static void qoe_player_seek(qoe_judge_t *j, const qoe_moment_t *m);
static void qoe_player_pauses(qoe_judge_t *j, const qoe_moment_t *m);
static void qoe_player_ends(qoe_judge_t *j, const qoe_moment_t *m);
static bool qoe_player_ends_next(const qoe_judge_t *j, const qoe_moment_t *m);
static void qoe_player_fails(qoe_judge_t *j, const qoe_moment_t *m);
static void qoe_player_resumes(qoe_judge_t *j, const qoe_moment_t *m,
    unsigned before);


void
qoe_view_judge_state(qoe_judge_t *j, const qoe_moment_t *m)
{
    unsigned     state, before;
    qoe_view_t  *v;

    v = j->v;
    state = m->type - QOE_MOMENT_STATE;
    before = v->state;
    v->state = (uint8_t) (1 + state);

    switch (state) {

    case QOE_PLAYER_STARTING:
        qoe_player_starts(j, m);
        break;

    case QOE_PLAYER_PLAYING:
        qoe_player_plays(j, m);
        break;

    case QOE_PLAYER_REBUFFERING:
    case QOE_PLAYER_WAITING:
        qoe_player_waits(j, m, before);
        break;

    case QOE_PLAYER_SEEKING:
        qoe_player_seeks(j, m, before);
        break;

    case QOE_PLAYER_PAUSED:
        qoe_player_pauses(j, m);
        break;

    case QOE_PLAYER_ENDED:
        qoe_player_ends(j, m);
        break;

    case QOE_PLAYER_FAILED:
        qoe_player_fails(j, m);
        break;

    case QOE_PLAYER_QUIT:
        qoe_player_as(j, m, QOE_EVENT_PLAYBACKDETACHED);
        break;

    default: /* QOE_PLAYER_PRELOADING */
        qoe_player_note(j, m);
    }

    /* a stall in which an error is named is a failure unless it ends */

    if (m->value > 0 && v->phase == QOE_PHASE_STALLED) {
        v->flags |= QOE_VIEW_ERROR_STALL;
    }
}


static void
qoe_player_as(qoe_judge_t *j, const qoe_moment_t *m, qoe_event_type_t type)
{
    qoe_moment_t  as;

    as = *m;
    as.type = (uint8_t) type;
    as.value = (type == QOE_EVENT_ERROR) ? 1 : (double) NAN;

    j->m = &as;
    qoe_view_judge_moment(j);
    j->m = m;
}


/* The state changes nothing: the moment shows that time has passed. */

static void
qoe_player_note(qoe_judge_t *j, const qoe_moment_t *m)
{
    qoe_player_as(j, m, QOE_EVENT_BUFFERLEVELCHANGE);
}


/* A wait makes the `playing` a wish that is no first frame. */

static void
qoe_player_starts(qoe_judge_t *j, const qoe_moment_t *m)
{
    qoe_view_t  *v;

    v = j->v;

    if (v->flags & QOE_VIEW_STARTED) {
        qoe_player_seek(j, m);
        return;
    }

    if (v->wish.at_ms != 0 && (v->flags & QOE_VIEW_WITHDRAWN) == 0) {
        qoe_player_note(j, m);
        return;
    }

    qoe_player_as(j, m, QOE_EVENT_WAITSTART);
    qoe_player_as(j, m, QOE_EVENT_PLAYING);
}


static void
qoe_player_plays(qoe_judge_t *j, const qoe_moment_t *m)
{
    double       ms;
    qoe_view_t  *v;

    v = j->v;

    if ((v->flags & QOE_VIEW_STARTED) == 0) {
        qoe_player_note(j, m);

        /* unless the position in the report has started it by now */

        if ((v->flags & QOE_VIEW_STARTED) == 0) {
            qoe_view_start_reported(j);
        }

    } else if (v->phase == QOE_PHASE_SEEKING) {
        ms = (double) qoe_view_since(m->at_ms, v->seek.at_ms);
        qoe_point_add(j->points, QOE_METRIC_SEEK_LATENCY, ms);
        qoe_point_add(j->points, QOE_METRIC_SEEK_LATENCY_SECONDS, ms / 1000);
    }

    /* no wait outlasts the pause: the player would have reported it */

    v->flags &= ~QOE_VIEW_HELD;
    qoe_player_as(j, m, QOE_EVENT_PLAYING);
}


/*
 * A wait is a stall only if the video played, or was paused, before: else it
 * belongs to the startup or the seek.
 */

static void
qoe_player_waits(qoe_judge_t *j, const qoe_moment_t *m, unsigned before)
{
    qoe_view_t  *v;

    v = j->v;

    if ((v->flags & QOE_VIEW_STARTED) == 0) {
        qoe_player_starts(j, m);
        return;
    }

    if (v->phase == QOE_PHASE_SUSPENDED) {
        qoe_player_resumes(j, m, before);

    } else if (v->phase == QOE_PHASE_PAUSED
               && before == 1 + QOE_PLAYER_PAUSED)
    {
        v->flags &= ~QOE_VIEW_HELD;
        qoe_player_as(j, m, QOE_EVENT_PLAYING);
    }

    if (v->phase == QOE_PHASE_PLAYING) {
        qoe_player_as(j, m, QOE_EVENT_STALLSTART);

    } else {
        qoe_player_note(j, m);
    }
}


/*
 * hls.js ends a long stall by a small seek of its own, so a seek does not end a
 * stall.
 */

static void
qoe_player_seeks(qoe_judge_t *j, const qoe_moment_t *m, unsigned before)
{
    qoe_view_t  *v;

    v = j->v;

    if (v->phase == QOE_PHASE_SUSPENDED) {
        qoe_player_resumes(j, m, before);
    }

    if ((v->flags & QOE_VIEW_STARTED) == 0 || v->phase != QOE_PHASE_PLAYING) {
        qoe_player_note(j, m);
        return;
    }

    qoe_player_seek(j, m);
}


/* The wait lasts until the player reports that it plays. */

static void
qoe_player_seek(qoe_judge_t *j, const qoe_moment_t *m)
{
    qoe_player_as(j, m, QOE_EVENT_SEEK);
    qoe_player_as(j, m, QOE_EVENT_WAITSTART);
}


static void
qoe_player_pauses(qoe_judge_t *j, const qoe_moment_t *m)
{
    if (qoe_player_ends_next(j, m)) {
        qoe_player_note(j, m);
        return;
    }

    qoe_player_as(j, m, QOE_EVENT_PAUSE);
}


/* dash.js pauses some ms before it ends. */

static bool
qoe_player_ends_next(const qoe_judge_t *j, const qoe_moment_t *m)
{
    size_t  i;

    for (i = 0; i < j->nrest && j->rest[i].at_ms - m->at_ms <= QOE_VIEW_END_MS;
         i++)
    {
        if (qoe_moment_is(&j->rest[i], ENDED)) {
            return true;
        }
    }

    return false;
}


/* The last wait of a video is its end, and no stall. */

static void
qoe_player_ends(qoe_judge_t *j, const qoe_moment_t *m)
{
    qoe_view_t  *v;

    v = j->v;

    if (v->phase == QOE_PHASE_STALLED
        && qoe_view_since(m->at_ms, v->wait.at_ms) <= QOE_VIEW_END_MS)
    {
        v->wait.at_ms = 0;
        v->phase = QOE_PHASE_PLAYING;
    }

    qoe_player_as(j, m, QOE_EVENT_ENDED);
}


static void
qoe_player_fails(qoe_judge_t *j, const qoe_moment_t *m)
{
    qoe_view_t  *v;

    v = j->v;
    v->flags &= ~QOE_VIEW_RESUMES;

    if (v->phase == QOE_PHASE_PLAYING) {
        v->flags |= QOE_VIEW_RESUMES;
    }

    qoe_player_as(j, m, QOE_EVENT_ERROR);
}


/*
 * A failure was not the end: shaka reports one when segments are missing, and
 * plays what it has until it waits.
 */

static void
qoe_player_resumes(qoe_judge_t *j, const qoe_moment_t *m, unsigned before)
{
    uint64_t            ms;
    qoe_view_t         *v;
    const qoe_growth_t  unknown = { QOE_GROWTH_UNKNOWN, 0 };

    v = j->v;

    if (before == 1 + QOE_PLAYER_FAILED && (v->flags & QOE_VIEW_RESUMES)) {
        ms = qoe_view_since(m->at_ms, v->detached_ms);
        qoe_view_play(j, qoe_view_credit(j, ms, unknown), m->at_ms);
        v->last.at_ms = m->at_ms;
    }

    qoe_player_as(j, m, QOE_EVENT_PLAYING);
}
