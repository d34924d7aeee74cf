
/*
 * Copyright (C) OpenQoE
 *
 * The life of a view: an event arrives, waits, and is judged.
 */


#include "qoe_view_priv.h"


/* Growth that shows that it plays although nothing said so. */
#define QOE_VIEW_PLAYS_ON_MS   1000

#define QOE_VIEW_CONCURRENT_MS 30000

/* A receipt that is older by more comes from a server's clock that was set. */
#define QOE_VIEW_OVERTAKE_MS   120000


static qoe_view_result_t qoe_view_take(qoe_view_step_t *x,
    const qoe_view_conf_t *conf);
static void qoe_view_receive(qoe_view_t *v, uint64_t received_ms);
static void qoe_view_judge_first(qoe_judge_t *j);
static void qoe_view_judge_moment(qoe_judge_t *j);
static void qoe_view_notice(qoe_judge_t *j);
static void qoe_view_after(qoe_judge_t *j);
static bool qoe_view_playing_gap(qoe_judge_t *j);
static qoe_view_signal_t qoe_view_evidence(qoe_judge_t *j);
static qoe_view_signal_t qoe_view_signal(const qoe_moment_t *m);
static void qoe_view_go(qoe_judge_t *j, qoe_view_signal_t signal);
static void qoe_view_remark(qoe_judge_t *j);
static void qoe_view_pause_counts(qoe_judge_t *j);
static void qoe_view_visible(qoe_judge_t *j, bool hidden);
static void qoe_view_frames(qoe_judge_t *j);
static void qoe_view_count_event(qoe_points_t *points,
    const qoe_sample_t *s);
static bool qoe_view_suspended(const qoe_view_t *v);
static bool qoe_view_wanted(const qoe_view_t *v);


/* The table of transitions. */

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
qoe_view_begin(qoe_view_t *v, const qoe_view_birth_t *birth)
{
    size_t  view;

    view = offsetof(qoe_view_t, flags);

    memset((char *) v + view, 0, sizeof(qoe_view_t) - view);

    v->view_key = birth->view_key;
    v->video_key = birth->video_key;

    v->flags = (birth->first ? QOE_VIEW_FIRST : 0)
               | (birth->continued ? QOE_VIEW_CONTINUED : 0);

    v->born_ms = birth->at_ms;
    v->entry_ms = birth->at_ms;
    v->seen_ms = birth->at_ms;

    v->last.at_ms = birth->at_ms;
    v->last.position = NAN;
    v->startup = NAN;
    v->aggregate = NAN;

    if (!isnan(birth->told)) {
        v->last.told = birth->told;
        v->flags |= birth->continued ? QOE_VIEW_TOLD : 0;
    }

    v->wait.at_ms = birth->wait_ms;
    v->wait.position = NAN;
}


qoe_view_result_t
qoe_view_apply(qoe_view_t *v, bool seen, uint64_t at_ms,
    const qoe_sample_t *s, const qoe_view_conf_t *conf, qoe_points_t *points)
{
    qoe_view_step_t  x;

    qoe_points_clear(points);
    qoe_view_count_event(points, s);

    if (seen) {
        return QOE_VIEW_DUPLICATE;
    }

    memset(&x, 0, sizeof(x));
    x.v = v;
    x.s = s;
    x.points = points;
    x.at_ms = at_ms;

    return qoe_view_take(&x, conf);
}


static qoe_view_result_t
qoe_view_take(qoe_view_step_t *x, const qoe_view_conf_t *conf)
{
    qoe_view_t    *v;
    qoe_judge_t    j;
    qoe_moment_t   m;

    v = x->v;

    if (v != NULL && x->at_ms < v->seen_ms) {
        return QOE_VIEW_OLD;
    }

    x->set = qoe_view_valid(x->s, &x->points->ignored);
    x->media = qoe_view_media_of(qoe_view_text(x, MEDIA_TYPE));
    x->bitrate = qoe_view_bitrate(x);

    qoe_view_arrive(x);

    if (v == NULL) {
        return QOE_VIEW_LATE;
    }

    memset(&j, 0, sizeof(j));
    j.v = v;
    j.conf = conf;
    j.points = x->points;

    qoe_view_receive(v, x->s->received_ns / 1000000);

    if (qoe_view_has(x, VIDEO_DURATION)) {
        v->duration = (float) qoe_view_number(x, VIDEO_DURATION);
    }

    if ((v->flags & QOE_VIEW_HEARD) == 0) {
        v->flags |= QOE_VIEW_HEARD;
        qoe_point_add(x->points, QOE_METRIC_VIEWS_CONTINUED_TOTAL,
                      (v->flags & QOE_VIEW_CONTINUED) != 0);
    }

    qoe_moment_of(&m, x);

    if (!isnan(m.position) || !isnan(m.told)) {
        v->flags |= QOE_VIEW_PROVEN;
    }

    qoe_view_judge_before(&j, m.at_ms);

    if (!qoe_view_ending(v)) {

        /* so many at one moment that there is no room: the first is judged */

        if (v->nmoments >= QOE_VIEW_MOMENTS) {
            qoe_view_judge_first(&j);
        }

        qoe_moment_insert(v, &m);
        qoe_view_judge_before(&j, v->moment[v->nmoments - 1].at_ms);

        /* nothing that may still come changes that it is over */

        if (m.type == QOE_EVENT_ENDED) {
            qoe_view_judge_before(&j, UINT64_MAX);
        }
    }

    qoe_view_times(&j);

    return QOE_VIEW_EVENT;
}


/* Receipts of several workers may overtake each other a little. */

static void
qoe_view_receive(qoe_view_t *v, uint64_t received_ms)
{
    if (received_ms > v->received_ms
        || v->received_ms - received_ms > QOE_VIEW_OVERTAKE_MS)
    {
        v->received_ms = received_ms;
    }
}


void
qoe_view_judge(qoe_view_t *v, uint64_t at_ms, const qoe_view_conf_t *conf,
    qoe_points_t *points)
{
    qoe_judge_t  j;

    qoe_points_clear(points);

    memset(&j, 0, sizeof(j));
    j.v = v;
    j.conf = conf;
    j.points = points;

    qoe_view_judge_before(&j, at_ms);
    qoe_view_times(&j);
}


void
qoe_view_judge_before(qoe_judge_t *j, uint64_t at_ms)
{
    qoe_view_t  *v;

    v = j->v;
    v->nmoments = (uint8_t) qoe_min(v->nmoments, QOE_VIEW_MOMENTS);

    while (v->nmoments != 0 && !qoe_view_ending(v)
           && qoe_view_since(at_ms, v->moment[0].at_ms) > QOE_VIEW_HOLD_MS)
    {
        qoe_view_judge_first(j);
    }
}


static void
qoe_view_judge_first(qoe_judge_t *j)
{
    qoe_view_t    *v;
    qoe_moment_t   m;

    v = j->v;
    m = v->moment[0];

    v->nmoments--;
    memmove(&v->moment[0], &v->moment[1], v->nmoments * sizeof(qoe_moment_t));

    j->m = &m;
    j->rest = v->moment;
    j->nrest = v->nmoments;

    qoe_view_unit(v, &m);
    qoe_view_judge_moment(j);

    j->m = NULL;
    j->nrest = 0;
}


static void
qoe_view_judge_moment(qoe_judge_t *j)
{
    qoe_view_t          *v;
    const qoe_moment_t  *m;

    v = j->v;
    m = j->m;

    j->gap_ms = qoe_view_since(m->at_ms, v->last.at_ms);

    qoe_view_notice(j);

    if ((v->flags & QOE_VIEW_STARTED) == 0) {
        qoe_view_before(j);
    }

    if (v->flags & QOE_VIEW_STARTED) {
        qoe_view_after(j);
    }

    qoe_view_shown(j);

    /* from here on: the time up to the event was played at the rate before */

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


/* What an event says in any state. */

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
    }
}


/* After the first frame. */

static void
qoe_view_after(qoe_judge_t *j)
{
    bool                 cut;
    qoe_view_t          *v;
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
    }

    qoe_view_go(j, qoe_view_evidence(j));

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
 * How much of the time since the last cut was played.  False: the event says
 * too little to end the gap.
 */

static bool
qoe_view_playing_gap(qoe_judge_t *j)
{
    uint64_t             gap;
    qoe_view_t          *v;
    qoe_growth_t         growth;
    const qoe_moment_t  *m;

    v = j->v;
    m = j->m;
    gap = j->gap_ms;

    growth = qoe_view_growth_last(v, m);

    if (m->type == QOE_EVENT_SEEK) {

        /* a leap is the seek's; what is left is the time before it */

        gap = m->value > 0 ? qoe_view_since(gap, (uint64_t) m->value) : gap;

        if (growth.kind == QOE_GROWTH_LEAP) {
            growth.kind = QOE_GROWTH_UNKNOWN;
        }

    } else if (growth.kind == QOE_GROWTH_LEAP) {
        j->growth = growth;

    } else if (isnan(m->position) && isnan(m->told)
               && (v->flags & QOE_VIEW_PROVEN)
               && (qoe_moment_informs(m) || m->type == QOE_EVENT_CANPLAY
                   || m->type == QOE_EVENT_MOVEBACK
                   || m->type == QOE_EVENT_PLAYBACKRATECHANGE))
    {
        return false;

    } else if (gap < QOE_VIEW_SPAN_MS && qoe_moment_informs(m)) {
        return false;
    }

    qoe_view_play(j, qoe_view_credit(j, gap, growth));

    return true;
}


/* What the position and the playing time say of the state. */

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
                                               : QOE_SIGNALS;

    case QOE_PHASE_STALLED:

        if (m->type == QOE_EVENT_STALLEND) {
            return QOE_SIGNALS;
        }

        j->growth = qoe_view_growth(v, m, &v->wait);
        enough = QOE_VIEW_STALL_MS;
        break;

    case QOE_PHASE_SEEKING:
        j->growth = qoe_view_growth(v, m, &v->seek);
        enough = QOE_VIEW_NEAR_MS;

        /* without any evidence it plays on at some time after the seek */

        if (j->growth.kind == QOE_GROWTH_UNKNOWN && v->wait.at_ms == 0
            && (v->flags & QOE_VIEW_PROVEN) == 0
            && m->at_ms > v->seek.at_ms + QOE_VIEW_HOLD_MS)
        {
            return QOE_SIGNAL_GROWS;
        }

        break;

    case QOE_PHASE_PAUSED:
    case QOE_PHASE_SUSPENDED:

        if (m->type == QOE_EVENT_PLAYING) {
            return QOE_SIGNALS;
        }

        j->growth = qoe_view_growth_last(v, m);
        enough = QOE_VIEW_PLAYS_ON_MS;
        break;

    default:
        return QOE_SIGNALS;
    }

    return j->growth.kind == QOE_GROWTH_MS && j->growth.ms > enough
           ? QOE_SIGNAL_GROWS : QOE_SIGNALS;
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
        return m->value > 0 ? QOE_SIGNAL_LEAVES : QOE_SIGNALS;

    default:
        return QOE_SIGNALS;
    }
}


static void
qoe_view_go(qoe_judge_t *j, qoe_view_signal_t signal)
{
    size_t  i;

    if (signal == QOE_SIGNALS) {
        return;
    }

    for (i = 0; i < QOE_VIEW_ROWS; i++) {

        if (qoe_view_transitions[i].from == j->v->phase
            && qoe_view_transitions[i].on == signal
            && qoe_view_transitions[i].action(j))
        {
            j->v->phase = qoe_view_transitions[i].to;
            return;
        }
    }
}


/* A leap within a seek begins it anew, from the place that it leads to. */

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


/* The player's own pause at the end of a video is none of the viewer's. */

static void
qoe_view_pause_counts(qoe_judge_t *j)
{
    if (j->v->phase == QOE_PHASE_PAUSED || qoe_view_at_end(j->v, j->m)
        || qoe_moment_ahead(j, QOE_EVENT_ENDED, QOE_VIEW_END_MS) != NULL)
    {
        return;
    }

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
        v->entry_ms = j->m->at_ms;
    }
}


/* A player that begins anew counts its frames from 0 again. */

static void
qoe_view_frames(qoe_judge_t *j)
{
    double       frames;
    qoe_view_t  *v;

    v = j->v;
    frames = j->m->value;

    if (isnan(frames)) {
        return;
    }

    qoe_point_add(j->points, QOE_METRIC_DROPPED_FRAMES_TOTAL,
                  frames < (double) v->dropped
                  ? frames : frames - (double) v->dropped);

    v->dropped = (float) frames;
}


void
qoe_view_times(const qoe_judge_t *j)
{
    uint64_t     watched;
    qoe_view_t  *v;

    v = j->v;
    watched = qoe_max(v->watched_ms + j->watched_ms, v->playing_ms);

    qoe_point_add(j->points, QOE_METRIC_PLAYING_TIME_SECONDS,
                  (double) j->played_ms / 1000);
    qoe_point_add(j->points, QOE_METRIC_WATCH_TIME_SECONDS,
                  (double) qoe_view_since(watched, v->watched_ms) / 1000);

    v->watched_ms = watched;
}


static void
qoe_view_count_event(qoe_points_t *points, const qoe_sample_t *s)
{
    qoe_point_t  *p;

    p = qoe_point_add(points, QOE_METRIC_EVENTS_TOTAL, 1);

    qoe_point_extra(p, QOE_DIM_EVENT_TYPE,
                    s->type < QOE_EVENT_CUSTOM ? qoe_event_type_name(s->type)
                                               : s->type_name);
}


bool
qoe_view_ending(const qoe_view_t *v)
{
    return (v->flags & QOE_VIEW_ENDING) != 0;
}


bool
qoe_view_quiet(const qoe_view_t *v, uint64_t at_ms)
{
    uint64_t  last;

    last = v->seen_ms;

    if (v->nmoments != 0) {
        last = v->moment[qoe_min(v->nmoments, QOE_VIEW_MOMENTS) - 1].at_ms;
    }

    return qoe_view_since(at_ms, last) > QOE_VIEW_DETACH_MS;
}


bool
qoe_view_lapsed(const qoe_view_t *v, uint64_t at_ms)
{
    return v->phase == QOE_PHASE_SUSPENDED
           && qoe_view_since(at_ms, v->detached_ms) > QOE_VIEW_DETACH_MS;
}


bool
qoe_view_attempted(const qoe_view_t *v)
{
    return (v->flags & QOE_VIEW_ATTEMPTED) != 0;
}


float
qoe_view_told(const qoe_view_t *v)
{
    return v->flags & QOE_VIEW_TOLD ? (float) v->last.told : NAN;
}


/* Taken away, and nothing has played since. */

static bool
qoe_view_suspended(const qoe_view_t *v)
{
    return v->phase == QOE_PHASE_SUSPENDED
           || ((v->flags & QOE_VIEW_STARTED) == 0 && v->detached_ms != 0);
}


qoe_silence_t
qoe_view_silence(const qoe_view_t *v)
{
    if (qoe_view_suspended(v)) {
        return QOE_SILENCE_FRESH;
    }

    if (v->phase == QOE_PHASE_PAUSED) {
        return QOE_SILENCE_PAUSED;
    }

    return v->flags & QOE_VIEW_HIDDEN ? QOE_SILENCE_HIDDEN
                                      : QOE_SILENCE_ACTIVE;
}


uint64_t
qoe_view_due_ms(const qoe_view_t *v, qoe_silence_t silence,
    const qoe_view_conf_t *conf)
{
    switch (silence) {

    case QOE_SILENCE_ACTIVE:
        return v->received_ms + conf->timeout_ms;

    case QOE_SILENCE_HIDDEN:
        return v->received_ms + conf->hidden_timeout_ms;

    case QOE_SILENCE_PAUSED:
        return v->received_ms + conf->paused_timeout_ms;

    default:
        return v->received_ms + QOE_VIEW_DETACH_MS;
    }
}


/* What waits to be judged counts too: a `playing` may be all there is. */

static bool
qoe_view_wanted(const qoe_view_t *v)
{
    size_t  i;

    for (i = 0; i < qoe_min(v->nmoments, QOE_VIEW_MOMENTS); i++) {

        if (v->moment[i].type == QOE_EVENT_PLAYING
            || v->moment[i].told > 0)
        {
            return true;
        }
    }

    return false;
}


bool
qoe_view_concurrent(const qoe_view_t *v, uint64_t now_ms)
{
    uint64_t  beats;

    if (v->view_key == 0 || v->phase == QOE_PHASE_SUSPENDED
        || v->phase == QOE_PHASE_PAUSED
        || (v->phase == QOE_PHASE_IDLE && !qoe_view_wanted(v)))
    {
        return false;
    }

    beats = 3 * (uint64_t) v->beat_ms;

    return qoe_view_since(now_ms, v->received_ms)
           <= qoe_max(beats, (uint64_t) QOE_VIEW_CONCURRENT_MS);
}
