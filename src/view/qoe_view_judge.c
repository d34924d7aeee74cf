
/*
 * Copyright (C) OpenQoE
 *
 * Judges an event: what it shows about the time since the last one, and which
 * state it leads to.
 */


#include "qoe_view_priv.h"


/* Growth that shows that a view plays although no event said so. */
#define QOE_VIEW_PLAYS_ON_MS   1000


static void qoe_view_notice(qoe_judge_t *j);
static void qoe_view_passed(qoe_judge_t *j, uint8_t phase, uint64_t ms);
static void qoe_view_sum(uint32_t *sum, uint64_t n);
static void qoe_view_after(qoe_judge_t *j);
static bool qoe_view_playing_gap(qoe_judge_t *j);
static qoe_view_signal_t qoe_view_evidence(qoe_judge_t *j);
static qoe_view_signal_t qoe_view_signal(const qoe_moment_t *m);
static void qoe_view_go(qoe_judge_t *j, qoe_view_signal_t signal);
static void qoe_view_remark(qoe_judge_t *j);
static void qoe_view_pause_counts(qoe_judge_t *j);
static void qoe_view_visible(qoe_judge_t *j, bool hidden);
static void qoe_view_frames(qoe_judge_t *j);


/* The table of transitions, see qoe_view_table.h. */

static const struct {
    uint8_t               from;
    uint8_t               on;
    uint8_t               to;
    bool                (*action)(qoe_judge_t *j);
} qoe_view_transitions[] = {
#define QOE_VIEW_ROW(from, on, action, to, text)                              \
    { QOE_PHASE_##from, QOE_SIGNAL_##on, QOE_PHASE_##to, qoe_view_##action },
    QOE_VIEW_TRANSITIONS(QOE_VIEW_ROW)
#undef QOE_VIEW_ROW
};

#define QOE_VIEW_ROWS                                                         \
    (sizeof(qoe_view_transitions) / sizeof(qoe_view_transitions[0]))


void
qoe_view_judge_moment(qoe_judge_t *j)
{
    uint8_t              phase;
    uint64_t             step, playing;
    qoe_view_t          *v;
    const qoe_moment_t  *m;

    v = j->v;
    m = j->m;
    phase = v->phase;
    playing = v->playing_ms;
    step = qoe_view_since(m->at_ms, v->seen_ms);

    j->gap_ms = qoe_view_since(m->at_ms, v->last.at_ms);

    qoe_view_notice(j);

    if (v->flags & QOE_VIEW_HIDDEN) {
        qoe_view_sum(&v->hidden_ms, step);
    }

    if (m->type == QOE_EVENT_ERROR) {
        qoe_view_stretch_error(j);
    }

    if ((v->flags & QOE_VIEW_STARTED) == 0) {
        qoe_view_before(j);
    }

    if (v->flags & QOE_VIEW_STARTED) {
        qoe_view_after(j);
    }

    qoe_view_passed(j, phase, qoe_view_since(step, v->playing_ms - playing));
    qoe_view_shown(j);

    /* the time up to this event was played at the old rate */

    if (m->type == QOE_EVENT_PLAYBACKRATECHANGE && m->value > 0) {
        v->rate = (float) m->value;
    }

    if (m->type == QOE_EVENT_MOVEAWAY || m->type == QOE_EVENT_MOVEBACK) {
        qoe_view_visible(j, m->type == QOE_EVENT_MOVEAWAY);
    }

    if (m->type == QOE_EVENT_ENDED) {
        v->flags |= QOE_VIEW_ENDING;
    }
}


/* What an event shows in any state. */

static void
qoe_view_notice(qoe_judge_t *j)
{
    uint64_t             step;
    qoe_view_t          *v;
    const qoe_moment_t  *m;

    v = j->v;
    m = j->m;

    step = qoe_view_since(m->at_ms, v->seen_ms);
    j->watched_ms += qoe_min(step, qoe_max(qoe_view_patience(v, j->conf),
                                           (uint64_t) QOE_VIEW_STEP_MS));
    v->seen_ms = qoe_max(v->seen_ms, m->at_ms);

    if (m->type == QOE_EVENT_HEARTBEAT) {
        step = qoe_view_since(m->at_ms, v->beat_at_ms);

        if (v->beat_at_ms != 0) {
            v->beat_ms = (uint32_t) qoe_min(step, (uint64_t) UINT32_MAX);
        }

        v->beat_at_ms = m->at_ms;
        qoe_view_frames(j);

    } else if (m->type == QOE_EVENT_PAUSE
               || m->type == QOE_EVENT_PLAYBACKDETACHED)
    {
        /*
         * the time until the next heartbeat is not the interval of heartbeats
         */

        v->beat_at_ms = 0;
    }
}


/*
 * Notes how ms were spent that passed in that state and in which it did not
 * play.  A seek is reported when it ends, so its latency lies before it.
 */

static void
qoe_view_passed(qoe_judge_t *j, uint8_t phase, uint64_t ms)
{
    qoe_view_t          *v;
    const qoe_moment_t  *m;

    v = j->v;
    m = j->m;

    if (phase == QOE_PHASE_PAUSED) {
        qoe_view_sum(&v->paused_ms, ms);

    } else if (phase == QOE_PHASE_SEEKING) {
        qoe_view_sum(&v->seeking_ms, ms);

    } else if (phase == QOE_PHASE_PLAYING && m->type == QOE_EVENT_SEEK
               && m->value > 0)
    {
        qoe_view_sum(&v->seeking_ms,
                     (uint64_t) qoe_min(m->value, (double) j->gap_ms));
    }

    if (m->position >= 0 && !(m->position <= v->max_position)) {
        v->max_position = m->position;
    }
}


static void
qoe_view_sum(uint32_t *sum, uint64_t n)
{
    *sum = (uint32_t) qoe_min(*sum + n, (uint64_t) UINT32_MAX);
}


/* Judges an event after the first frame. */

static void
qoe_view_after(qoe_judge_t *j)
{
    bool                 cut;
    qoe_view_t          *v;
    qoe_view_signal_t    evidence;
    const qoe_moment_t  *m;

    v = j->v;
    m = j->m;
    cut = true;

    if (v->phase == QOE_PHASE_STALLED && (v->flags & QOE_VIEW_HIDDEN)
        && j->gap_ms > qoe_view_patience(v, j->conf))
    {
        v->wait_lost_ms += j->gap_ms;
    }

    j->growth.kind = QOE_GROWTH_UNKNOWN;

    if (v->phase == QOE_PHASE_PLAYING) {
        cut = qoe_view_playing_gap(j);

    } else if (v->phase == QOE_PHASE_SEEKING) {
        cut = !qoe_moment_silent(m);
    }

    evidence = qoe_view_evidence(j);
    qoe_view_go(j, evidence);

    /* the time has been counted, so the next event must not count it again */

    cut = cut || evidence == QOE_SIGNAL_GROWS;

    if (m->type == QOE_EVENT_PAUSE) {
        qoe_view_pause_counts(j);

    } else if (m->type == QOE_EVENT_ERROR) {
        v->flags |= (v->phase == QOE_PHASE_STALLED) ? QOE_VIEW_ERROR_STALL : 0;

        if (m->value > 0) {
            v->flags |= QOE_VIEW_FATAL;
            v->recovered_ms = 0;
        }
    }

    j->growth.kind = QOE_GROWTH_UNKNOWN;
    qoe_view_go(j, qoe_view_signal(m));
    qoe_view_remark(j);

    if (cut) {
        qoe_view_cut(v, m);
    }
}


/*
 * Determines how much of the time since the last cut was played.  Returns false
 * if the event shows too little, so that the gap stays open.
 */

static bool
qoe_view_playing_gap(qoe_judge_t *j)
{
    uint64_t             gap, played;
    qoe_view_t          *v;
    qoe_growth_t         growth;
    const qoe_moment_t  *m;

    v = j->v;
    m = j->m;
    gap = j->gap_ms;

    growth = qoe_view_growth_last(v, m);

    if (m->type == QOE_EVENT_SEEK) {

        /*
         * a leap belongs to the seek; what remains is the time before the seek
         */

        gap = m->value > 0 ? qoe_view_since(gap, (uint64_t) m->value) : gap;

    } else if (growth.kind == QOE_GROWTH_LEAP) {
        j->growth = growth;

    } else if ((v->flags & QOE_VIEW_PROVEN) && qoe_moment_silent(m)) {
        return false;

    } else if (gap < QOE_VIEW_SPAN_MS && qoe_moment_informs(m)) {
        return false;
    }

    /* what the proof leaves out of the gap is taken for its end */

    played = qoe_view_credit(j, gap, growth);
    qoe_view_play(j, played, v->last.at_ms + played);

    return true;
}


/* Which signal the position and the playing time give in the current state. */

static qoe_view_signal_t
qoe_view_evidence(qoe_judge_t *j)
{
    double               enough;
    qoe_view_t          *v;
    const qoe_moment_t  *m;

    v = j->v;
    m = j->m;

    switch (v->phase) {

    case QOE_PHASE_PLAYING:
        return j->growth.kind == QOE_GROWTH_LEAP
               && m->type != QOE_EVENT_PLAYING ? QOE_SIGNAL_LEAPS
                                               : QOE_SIGNAL_NONE;

    case QOE_PHASE_STALLED:

        if (m->type == QOE_EVENT_STALLEND) {
            return QOE_SIGNAL_NONE;
        }

        j->growth = qoe_view_growth(v, m, &v->wait);
        enough = QOE_VIEW_STALL_MS;
        break;

    case QOE_PHASE_SEEKING:
        j->growth = qoe_view_growth(v, m, &v->seek);
        enough = QOE_VIEW_NEAR_MS;

        /* without evidence, assume that it plays some time after the seek */

        if (j->growth.kind == QOE_GROWTH_UNKNOWN && v->wait.at_ms == 0
            && m->at_ms > v->seek.at_ms + QOE_VIEW_HOLD_MS
            && ((v->flags & QOE_VIEW_PROVEN) == 0 || !qoe_moment_silent(m)))
        {
            return QOE_SIGNAL_GROWS;
        }

        break;

    case QOE_PHASE_PAUSED:
    case QOE_PHASE_SUSPENDED:

        if (m->type == QOE_EVENT_PLAYING) {
            return QOE_SIGNAL_NONE;
        }

        j->growth = qoe_view_growth_last(v, m);
        enough = QOE_VIEW_PLAYS_ON_MS;

        /*
         * a player that never sends evidence is believed when it sends
         * heartbeats, unless it reports its state
         */

        if (j->growth.kind == QOE_GROWTH_UNKNOWN
            && v->phase == QOE_PHASE_SUSPENDED
            && (v->flags & QOE_VIEW_PROVEN) == 0 && v->state == 0
            && m->type == QOE_EVENT_HEARTBEAT)
        {
            return QOE_SIGNAL_GROWS;
        }

        break;

    default:
        return QOE_SIGNAL_NONE;
    }

    return j->growth.kind == QOE_GROWTH_MS && j->growth.ms > enough
           ? QOE_SIGNAL_GROWS : QOE_SIGNAL_NONE;
}


static qoe_view_signal_t
qoe_view_signal(const qoe_moment_t *m)
{
    switch (m->type) {

    case QOE_EVENT_PLAYING:
        return QOE_SIGNAL_PLAYS;

    case QOE_EVENT_STALLSTART:
    case QOE_EVENT_WAITSTART:
        return QOE_SIGNAL_WAITS;

    case QOE_EVENT_STALLEND:
        return QOE_SIGNAL_GOES_ON;

    case QOE_EVENT_CANPLAY:
        return QOE_SIGNAL_CAN_PLAY;

    case QOE_EVENT_SEEK:
        return QOE_SIGNAL_SEEKS;

    case QOE_EVENT_PAUSE:
        return QOE_SIGNAL_PAUSES;

    case QOE_EVENT_PLAYBACKDETACHED:
        return QOE_SIGNAL_LEAVES;

    case QOE_EVENT_ERROR:
        return m->value > 0 ? QOE_SIGNAL_LEAVES : QOE_SIGNAL_NONE;

    default:
        return QOE_SIGNAL_NONE;
    }
}


static void
qoe_view_go(qoe_judge_t *j, qoe_view_signal_t signal)
{
    size_t             i;
    qoe_view_phase_t   from;
    qoe_view_before_t  before;

    if (signal == QOE_SIGNAL_NONE) {
        return;
    }

    from = (qoe_view_phase_t) j->v->phase;
    before.played_ms = j->played_ms;
    before.nstretches = j->points->nstretches;

    for (i = 0; i < QOE_VIEW_ROWS; i++) {

        if (qoe_view_transitions[i].from == j->v->phase
            && qoe_view_transitions[i].on == signal
            && qoe_view_transitions[i].action(j))
        {
            j->v->phase = qoe_view_transitions[i].to;
            qoe_view_stretch_phase(j, from, signal, &before);
            return;
        }
    }
}


/* A leap during a seek restarts the seek at its new position. */

static void
qoe_view_remark(qoe_judge_t *j)
{
    qoe_view_t  *v;

    v = j->v;

    if (v->phase == QOE_PHASE_SEEKING
        && qoe_view_growth(v, j->m, &v->seek).kind == QOE_GROWTH_LEAP)
    {
        qoe_view_mark(v, &v->seek, j->m);
    }
}


/* Counts a pause, unless the player itself made it at the end of the video. */

static void
qoe_view_pause_counts(qoe_judge_t *j)
{
    if (j->v->phase == QOE_PHASE_PAUSED) {
        return;
    }

    if (qoe_view_at_end(j->v, j->m)
        || qoe_moment_ahead(j, QOE_EVENT_ENDED, QOE_VIEW_END_MS) != NULL)
    {
        j->v->flags |= QOE_VIEW_AUTO_PAUSE;
        return;
    }

    j->v->flags &= ~QOE_VIEW_AUTO_PAUSE;
    j->v->pauses++;

    qoe_point_add(j->points, QOE_METRIC_PAUSE_EVENTS_TOTAL, 1);
    qoe_point_add(j->points, QOE_METRIC_PAUSE_PLAYING_TIME, j->m->value);
}


static void
qoe_view_visible(qoe_judge_t *j, bool hidden)
{
    qoe_view_t  *v;

    v = j->v;

    if (hidden == ((v->flags & QOE_VIEW_HIDDEN) != 0)) {
        return;
    }

    if (hidden) {
        v->flags |= QOE_VIEW_HIDDEN;
        qoe_point_add(j->points, QOE_METRIC_STAY_DURATION,
                      (double) qoe_view_since(j->m->at_ms, v->entry_ms));

    } else {
        v->flags &= ~QOE_VIEW_HIDDEN;
        qoe_view_stretch(j, QOE_STRETCH_HIDDEN, v->entry_ms,
                         qoe_view_since(j->m->at_ms, v->entry_ms));
    }

    v->entry_ms = j->m->at_ms;
}


/* Counts dropped frames.  A player that starts again counts from 0. */

static void
qoe_view_frames(qoe_judge_t *j)
{
    double       frames, lost;
    qoe_view_t  *v;

    v = j->v;
    frames = j->m->value;

    if (isnan(frames)) {
        return;
    }

    lost = frames < (double) v->dropped ? frames
                                        : frames - (double) v->dropped;

    qoe_point_add(j->points, QOE_METRIC_DROPPED_FRAMES_TOTAL, lost);

    v->dropped = (float) frames;

    if (lost > 0) {
        qoe_view_sum(&v->frames_lost, (uint64_t) round(lost));
    }
}
