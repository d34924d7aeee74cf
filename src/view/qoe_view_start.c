
/*
 * Copyright (C) OpenQoE
 *
 * Before the first frame: the wish to play, the first frame, and the startup
 * time between them.
 */


#include "qoe_view_priv.h"


/* A canplay of the same moment may follow its `playing`. */
#define QOE_VIEW_SAME_MS       5


static void qoe_view_note_startup(qoe_judge_t *j);
static bool qoe_view_found_playing(qoe_judge_t *j);
static bool qoe_view_wishes(qoe_judge_t *j);
static bool qoe_view_wait_near(const qoe_judge_t *j);
static bool qoe_view_frame_proven(qoe_judge_t *j);
static bool qoe_view_frame_settled(const qoe_judge_t *j, qoe_growth_t growth);
static void qoe_view_start(qoe_judge_t *j, uint64_t at_ms, double told);
static double qoe_view_told_startup(const qoe_view_t *v);
static double qoe_view_told_player(const qoe_view_t *v, bool told);


void
qoe_view_before(qoe_judge_t *j)
{
    bool                 started;
    qoe_view_t          *v;
    const qoe_moment_t  *m;

    v = j->v;
    m = j->m;

    if (m->type == QOE_EVENT_STALLEND) {
        v->wait.at_ms = 0;
    }

    if (m->type == QOE_EVENT_PLAYING
        && (v->wish.at_ms == 0 || (v->flags & QOE_VIEW_WITHDRAWN)))
    {
        started = qoe_view_wishes(j);

    } else if (v->wish.at_ms == 0) {
        started = qoe_view_found_playing(j);

    } else {
        started = qoe_view_frame_proven(j);
    }

    if (started) {
        v->wait.at_ms = 0;

    } else {
        qoe_view_note_startup(j);
    }
}


/* Keeps what the event reports and a later first frame needs. */

static void
qoe_view_note_startup(qoe_judge_t *j)
{
    qoe_view_t          *v;
    const qoe_moment_t  *m;

    v = j->v;
    m = j->m;

    switch (m->type) {

    case QOE_EVENT_STALLSTART:
    case QOE_EVENT_WAITSTART:
        qoe_view_open_wait(v, m);
        break;

    case QOE_EVENT_CANPLAY:

        if (!isnan(m->value)) {
            v->canplay_ms = m->at_ms;
            v->canplay = m->value;
        }

        break;

    case QOE_EVENT_PLAYERREADY:

        if (!isnan(m->value)) {
            v->ready_ms = m->at_ms;
            v->ready = m->value;
        }

        break;

    case QOE_EVENT_MANIFESTLOAD:

        if (!isnan(m->value)) {
            v->page = m->value;
        }

        break;

    case QOE_EVENT_ERROR:
        v->flags |= QOE_VIEW_FAILING;

        if (m->value > 0) {
            v->detached_ms = m->at_ms;
        }

        break;

    case QOE_EVENT_PAUSE:

        if (v->wish.at_ms != 0 && (v->flags & QOE_VIEW_WITHDRAWN) == 0) {
            qoe_view_stretch(j, QOE_STRETCH_STARTUP, v->wish.at_ms,
                             qoe_view_since(m->at_ms, v->wish.at_ms));
        }

        v->flags |= QOE_VIEW_WITHDRAWN;
        break;

    case QOE_EVENT_PLAYBACKDETACHED:
        v->detached_ms = m->at_ms;
        break;

    default:
        break;
    }

    qoe_view_cut(v, m);
}


/*
 * Detects a view that plays although no wish was seen, because the first events
 * of the view may have been lost.
 */

static bool
qoe_view_found_playing(qoe_judge_t *j)
{
    qoe_view_t    *v;
    qoe_growth_t   growth;

    v = j->v;

    /* its first sign is that it has played already */

    if (j->m->told > 0 && isnan(v->last.position)
        && (v->flags & (QOE_VIEW_TOLD|QOE_VIEW_CONTINUED)) == 0)
    {
        qoe_view_start(j, j->m->at_ms, NAN);

        /* growth is measured from this event's values */

        qoe_view_cut(v, j->m);

        return true;
    }

    growth = qoe_view_growth_last(v, j->m);

    if (growth.kind == QOE_GROWTH_MS && growth.ms > QOE_VIEW_NEAR_MS
        && (double) j->gap_ms >= growth.ms - QOE_VIEW_NEAR_MS)
    {
        qoe_view_start(j, v->last.at_ms, NAN);
        return true;
    }

    return false;
}


/*
 * A `playing` is the wish to play: most players send it when playing is
 * requested.  Other players send it when pictures move, and then it is also the
 * first frame; that is assumed if there is no wait and none begins.
 */

static bool
qoe_view_wishes(qoe_judge_t *j)
{
    qoe_view_t          *v;
    const qoe_moment_t  *m, *canplay;

    v = j->v;
    m = j->m;

    v->wish.at_ms = m->at_ms;
    v->wish.position = isnan(m->position) ? 0 : m->position;
    v->wish.told = 0;
    v->phase = QOE_PHASE_STARTING;
    v->flags |= QOE_VIEW_ATTEMPTED;
    v->flags &= ~QOE_VIEW_WITHDRAWN;
    v->start_class = (uint8_t) qoe_view_class(m->width, m->height);

    if (v->wait.at_ms != 0 || qoe_view_wait_near(j)) {
        return false;
    }

    canplay = qoe_moment_ahead(j, QOE_EVENT_CANPLAY, QOE_VIEW_SAME_MS);

    if (v->canplay_ms == 0 && canplay != NULL && !isnan(canplay->value)) {
        v->canplay_ms = canplay->at_ms;
        v->canplay = canplay->value;
    }

    if (v->canplay_ms != 0 && v->canplay_ms + QOE_VIEW_CANPLAY_MS >= m->at_ms) {
        qoe_view_start(j, m->at_ms, qoe_view_told_startup(v));
        return true;
    }

    v->frame_ms = m->at_ms;

    /*
     * the player reports no startup, and may have started before this new view
     */

    if (qoe_view_since(m->at_ms, v->born_ms) <= QOE_VIEW_CANPLAY_MS) {
        v->flags |= QOE_VIEW_UNTIMED;
    }

    return false;
}


static bool
qoe_view_wait_near(const qoe_judge_t *j)
{
    return qoe_moment_ahead(j, QOE_EVENT_STALLSTART, QOE_VIEW_NEAR_MS) != NULL
           || qoe_moment_ahead(j, QOE_EVENT_WAITSTART, QOE_VIEW_NEAR_MS)
              != NULL;
}


/* There was a wish: has a first frame been shown by now? */

static bool
qoe_view_frame_proven(qoe_judge_t *j)
{
    double               since;
    uint64_t             at_ms;
    qoe_view_t          *v;
    qoe_growth_t         growth;
    const qoe_moment_t  *m;

    v = j->v;
    m = j->m;

    growth = qoe_view_growth(v, m, &v->wish);

    if (v->frame_ms == 0 && (v->flags & QOE_VIEW_WITHDRAWN) == 0
        && (m->type == QOE_EVENT_STALLEND || m->type == QOE_EVENT_CANPLAY
            || (m->type == QOE_EVENT_PLAYING && v->wait.at_ms == 0)))
    {
        v->frame_ms = m->at_ms;
    }

    if (growth.kind == QOE_GROWTH_MS && growth.ms > QOE_VIEW_CREEP_MS
        && m->type != QOE_EVENT_PLAYING)
    {
        since = (double) qoe_view_since(m->at_ms, v->wish.at_ms);
        at_ms = m->at_ms - (uint64_t) qoe_min(growth.ms, since);
        at_ms = v->frame_ms != 0 ? qoe_min(v->frame_ms, at_ms) : at_ms;

    } else if (v->frame_ms != 0 && qoe_view_frame_settled(j, growth)) {
        at_ms = v->frame_ms;

    } else {

        /*
         * it starts at another position, as live streams do: measure from there
         */

        if (growth.kind == QOE_GROWTH_LEAP) {
            v->wish.position = m->position;
        }

        /* the position stands still, so there was no first frame */

        if (v->frame_ms != 0 && growth.kind == QOE_GROWTH_MS
            && m->at_ms > v->frame_ms + QOE_VIEW_SPAN_MS
            && m->type != QOE_EVENT_PAUSE)
        {
            v->frame_ms = 0;
        }

        return false;
    }

    qoe_view_start(j, at_ms, NAN);

    v->last.position = v->wish.position;
    v->position_ms = at_ms;
    v->since_ms = 0;

    return true;
}


/* Without growth: does the event show all the same that it has played? */

static bool
qoe_view_frame_settled(const qoe_judge_t *j, qoe_growth_t growth)
{
    const qoe_moment_t  *m;

    m = j->m;

    if (m->type == QOE_EVENT_ENDED || growth.kind == QOE_GROWTH_LEAP) {
        return true;
    }

    if (growth.kind != QOE_GROWTH_UNKNOWN
        || m->at_ms <= j->v->frame_ms + QOE_VIEW_HOLD_MS)
    {
        return false;
    }

    /* believe a player that never sends evidence */

    if ((j->v->flags & QOE_VIEW_PROVEN) == 0) {
        return true;
    }

    switch (m->type) {

    case QOE_EVENT_STALLSTART:
    case QOE_EVENT_PAUSE:
    case QOE_EVENT_SEEK:
    case QOE_EVENT_MOVEAWAY:
    case QOE_EVENT_HEARTBEAT:
    case QOE_EVENT_ERROR:
    case QOE_EVENT_PLAYBACKDETACHED:
        return true;

    default:
        return false;
    }
}


void
qoe_view_start_unproven(qoe_judge_t *j)
{
    qoe_view_t  *v;

    v = j->v;

    if (v->frame_ms == 0 || (v->flags & QOE_VIEW_STARTED)) {
        return;
    }

    qoe_view_start(j, v->frame_ms, NAN);
    v->last.at_ms = qoe_max(v->seen_ms, v->frame_ms);
}


/*
 * Without a known wish there is a startup only if the player reports one: the
 * server has joined late, or the player was paused before it played.
 */

void
qoe_view_start_reported(qoe_judge_t *j)
{
    qoe_view_t  *v;

    v = j->v;

    if (v->flags & QOE_VIEW_WITHDRAWN) {
        v->flags &= ~QOE_VIEW_WITHDRAWN;
        v->wish.at_ms = 0;
    }

    if (v->wish.at_ms == 0 && v->canplay > 0) {
        v->wish.at_ms = qoe_max(qoe_view_since(j->m->at_ms,
                                               (uint64_t) v->canplay),
                                (uint64_t) 1);
    }

    v->wait.at_ms = 0;
    qoe_view_start(j, j->m->at_ms, NAN);
    qoe_view_cut(v, j->m);
}


/*
 * Starts the view.  told is the startup time that a canplay reported; NaN means
 * that the measured time counts.
 */

static void
qoe_view_start(qoe_judge_t *j, uint64_t at_ms, double told)
{
    uint64_t     startup_ms;
    qoe_view_t  *v;

    v = j->v;

    v->flags |= QOE_VIEW_STARTED|QOE_VIEW_ATTEMPTED;
    v->phase = QOE_PHASE_PLAYING;
    v->last.at_ms = at_ms;
    v->frame_ms = 0;
    v->detached_ms = 0;
    j->gap_ms = qoe_view_since(j->m != NULL ? j->m->at_ms : at_ms, at_ms);

    qoe_point_add(j->points, QOE_METRIC_VIEWS_STARTED_TOTAL, 1);
    qoe_point_add(j->points, QOE_METRIC_VIEW_STARTED_TOTAL, 1);
    qoe_view_class_point(j->points, v->start_class);

    if (!isnan(told)) {
        v->flags &= ~QOE_VIEW_UNTIMED;
    }

    if (v->wish.at_ms == 0 || (v->flags & (QOE_VIEW_UNTIMED
                                           |QOE_VIEW_CONTINUED)))
    {
        return;
    }

    v->startup = isnan(told) ? (double) qoe_view_since(at_ms, v->wish.at_ms)
                             : told;
    v->aggregate = v->startup;
    startup_ms = (uint64_t) v->startup;
    qoe_view_stretch(j, QOE_STRETCH_STARTUP, qoe_view_since(at_ms, startup_ms),
                     startup_ms);

    if (v->flags & QOE_VIEW_FIRST) {
        v->aggregate += v->page + qoe_view_told_player(v, !isnan(told));
    }

    qoe_point_add(j->points, QOE_METRIC_VIDEO_STARTUP_TIME, v->startup);
    qoe_point_add(j->points, QOE_METRIC_VIDEO_STARTUP_SECONDS,
                  v->startup / 1000);
    qoe_point_add(j->points, QOE_METRIC_AGGREGATE_STARTUP_TIME, v->aggregate);
}


/*
 * Some players count the video's startup from the page's start.  Then the two
 * startup times differ by as much as their events do, and the player's startup
 * must be subtracted.  It is 0 where the player has reported none.
 */

static double
qoe_view_told_startup(const qoe_view_t *v)
{
    double  told, events;

    told = v->canplay - v->ready;
    events = (double) (int64_t) (v->canplay_ms - v->ready_ms);

    return fabs(told - events) <= QOE_VIEW_NEAR_MS
           ? qoe_max(told, 0.0) : v->canplay;
}


/*
 * The part of the player's startup before the wish; the rest has been measured.
 */

static double
qoe_view_told_player(const qoe_view_t *v, bool told)
{
    double  ms;

    ms = v->ready;

    if (!told) {
        ms -= (double) qoe_view_since(v->ready_ms, v->wish.at_ms);
    }

    return qoe_max(ms, 0.0);
}
