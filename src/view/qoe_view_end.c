
/*
 * Copyright (C) OpenQoE
 *
 * The end of a view, and the points of the view as a whole.
 */


#include "qoe_view_priv.h"


/* With this decay, a startup of 6 s scores a half. */
#define QOE_STARTUP_DECAY  0.0001155


static void qoe_view_close_up(qoe_judge_t *j, qoe_view_end_t why,
    uint64_t at_ms);
static qoe_view_outcome_t qoe_view_outcome(const qoe_view_t *v,
    qoe_view_end_t why);
static void qoe_view_end_outcome(const qoe_view_t *v, qoe_points_t *points,
    qoe_view_outcome_t outcome);
static void qoe_view_end_stalls(const qoe_view_t *v, qoe_points_t *points);
static void qoe_view_end_quality(const qoe_view_t *v, qoe_points_t *points);
static void qoe_view_end_scores(const qoe_view_t *v, qoe_points_t *points,
    qoe_view_outcome_t outcome);


void
qoe_view_end(qoe_view_t *v, qoe_view_end_t why, uint64_t at_ms,
    const qoe_view_conf_t *conf, qoe_points_t *points)
{
    qoe_judge_t         j;
    qoe_view_outcome_t  outcome;

    qoe_points_clear(points);

    /* the writer died between the begin of the view and its first event */

    if ((v->flags & QOE_VIEW_HEARD) == 0) {
        return;
    }

    memset(&j, 0, sizeof(j));
    j.v = v;
    j.conf = conf;
    j.points = points;

    qoe_view_judge_before(&j, UINT64_MAX);
    qoe_view_close_up(&j, why, at_ms);
    outcome = qoe_view_outcome(v, why);

    if (v->phase == QOE_PHASE_STALLED) {
        qoe_view_close_stall(&j, why == QOE_VIEW_ENDED ? v->seen_ms
                                                       : v->last.at_ms);
    }

    qoe_view_stretch_end(&j);
    qoe_view_times(&j);
    qoe_view_end_outcome(v, points, outcome);
    qoe_view_end_stalls(v, points);
    qoe_view_end_quality(v, points);
    qoe_view_end_scores(v, points, outcome);

    v->outcome = (uint8_t) outcome;
}


/*
 * The view ends with its last event, except for a view that another video
 * replaces, which ends when that begins.
 */

static void
qoe_view_close_up(qoe_judge_t *j, qoe_view_end_t why, uint64_t at_ms)
{
    qoe_view_t          *v;
    const qoe_growth_t   unknown = { QOE_GROWTH_UNKNOWN, 0 };

    v = j->v;

    qoe_view_start_unproven(j);

    /* less than a second may be open, which needs no proof: it was reported */

    if (qoe_view_reported(v) && v->phase == QOE_PHASE_PLAYING) {
        qoe_view_play(j, qoe_view_credit(j, qoe_view_since(v->seen_ms,
                                                           v->last.at_ms),
                                         unknown), v->seen_ms);
        v->last.at_ms = qoe_max(v->last.at_ms, v->seen_ms);
    }

    if (why == QOE_VIEW_REPLACED && v->phase == QOE_PHASE_PLAYING) {
        qoe_view_play(j, qoe_view_credit(j, qoe_view_since(at_ms,
                                                           v->last.at_ms),
                                         unknown), at_ms);
        v->last.at_ms = qoe_max(v->last.at_ms, at_ms);
        v->seen_ms = qoe_max(v->seen_ms, at_ms);
    }
}


static qoe_view_outcome_t
qoe_view_outcome(const qoe_view_t *v, qoe_view_end_t why)
{
    if ((v->flags & QOE_VIEW_STARTED) == 0) {
        return v->flags & QOE_VIEW_FAILING ? QOE_VIEW_FAILED_START
                                           : QOE_VIEW_WAS_LEFT;
    }

    if (why == QOE_VIEW_ENDED) {
        return QOE_VIEW_WAS_COMPLETED;
    }

    if ((v->flags & QOE_VIEW_FATAL)
        || (v->phase == QOE_PHASE_STALLED
            && (v->flags & QOE_VIEW_ERROR_STALL)))
    {
        return QOE_VIEW_FAILED;
    }

    return QOE_VIEW_WAS_PLAYED;
}


static void
qoe_view_end_outcome(const qoe_view_t *v, qoe_points_t *points,
    qoe_view_outcome_t outcome)
{
    bool          started;
    qoe_point_t  *p;

    started = (v->flags & QOE_VIEW_STARTED) != 0;

    p = qoe_point_add(points, QOE_METRIC_VIEWS_TOTAL, 1);
    qoe_point_extra(p, QOE_DIM_OUTCOME, qoe_view_outcome_name(outcome));

    if (outcome == QOE_VIEW_WAS_COMPLETED) {
        qoe_point_add(points, QOE_METRIC_VIEWS_COMPLETED_TOTAL, 1);
    }

    /* the mean of values that are 1 or 0 is the share of the 1s */

    qoe_point_add(points, QOE_METRIC_VIDEO_STARTUP_FAILURE_PERCENTAGE,
                  outcome == QOE_VIEW_FAILED_START);
    qoe_point_add(points, QOE_METRIC_EXITS_BEFORE_VIDEO_START_PERCENTAGE,
                  outcome == QOE_VIEW_WAS_LEFT);

    if (started) {
        qoe_point_add(points, QOE_METRIC_PLAYBACK_FAILURE_PERCENTAGE,
                      outcome == QOE_VIEW_FAILED);

    } else {
        qoe_point_add(points, QOE_METRIC_EXIT_WITHOUT_PLAY, 1);
    }

    if ((v->flags & QOE_VIEW_HIDDEN) == 0) {
        qoe_point_add(points, QOE_METRIC_STAY_DURATION,
                      (double) qoe_view_since(v->seen_ms, v->entry_ms));
    }
}


static void
qoe_view_end_stalls(const qoe_view_t *v, qoe_points_t *points)
{
    double  playing, stalled, ratio;

    if ((v->flags & QOE_VIEW_STARTED) == 0) {
        return;
    }

    playing = (double) v->playing_ms;
    stalled = (double) v->stalled_ms;

    qoe_point_add(points, QOE_METRIC_REBUFFER_COUNT, v->stalls);

    if (playing + stalled > 0) {
        ratio = qoe_view_share(stalled, stalled + playing);

        qoe_point_add(points, QOE_METRIC_REBUFFER_RATIO, ratio);
        qoe_point_add(points, QOE_METRIC_REBUFFER_PERCENTAGE, ratio);
    }

    if (playing > 0) {
        qoe_point_add(points, QOE_METRIC_REBUFFER_FREQUENCY,
                      v->stalls / (playing / 60000));
    }
}


static void
qoe_view_end_quality(const qoe_view_t *v, qoe_points_t *points)
{
    double  playing;

    qoe_view_average(v, points, QOE_VIEW_VIDEO);
    qoe_view_average(v, points, QOE_VIEW_AUDIO);

    if (v->media[QOE_VIEW_VIDEO].rate_ms != 0) {
        qoe_point_add(points, QOE_METRIC_WEIGHTED_AVERAGE_BITRATE,
                      qoe_view_mean_rate(&v->media[QOE_VIEW_VIDEO]));
    }

    if (v->pixel_ms != 0) {
        qoe_point_add(points, QOE_METRIC_TIME_WEIGHTED_AVERAGE_RESOLUTION,
                      qoe_view_mean_pixels(v));
    }

    playing = (double) v->playing_ms;

    if ((v->flags & QOE_VIEW_SIZED) && playing > 0) {
        qoe_point_add(points, QOE_METRIC_UPSCALE_PERCENTAGE,
                      qoe_view_share((double) v->up_ms, playing));
        qoe_point_add(points, QOE_METRIC_DOWNSCALE_PERCENTAGE,
                      qoe_view_share((double) v->down_ms, playing));
    }
}


static void
qoe_view_end_scores(const qoe_view_t *v, qoe_points_t *points,
    qoe_view_outcome_t outcome)
{
    qoe_view_scores_t  s;

    qoe_view_scores(&s, v, outcome);

    /* an unknown score makes no point */

    qoe_point_add(points, QOE_METRIC_STARTUP_TIME_SCORE, s.startup);
    qoe_point_add(points, QOE_METRIC_REBUFFER_SCORE, s.rebuffer);
    qoe_point_add(points, QOE_METRIC_VIDEO_QUALITY_SCORE, s.quality);
    qoe_point_add(points, QOE_METRIC_VIEWER_EXPERIENCE_SCORE, s.experience);
}


void
qoe_view_scores(qoe_view_scores_t *s, const qoe_view_t *v,
    qoe_view_outcome_t outcome)
{
    bool                     failed;
    const qoe_view_media_t  *m;

    m = &v->media[QOE_VIEW_VIDEO];
    s->startup = s->rebuffer = s->quality = NAN;

    /* fmin() and fmax() would turn an unknown share into 1 */

    if (!isnan(v->aggregate)) {
        s->startup = qoe_view_share(exp(-QOE_STARTUP_DECAY * v->aggregate), 1);
    }

    if (v->flags & QOE_VIEW_STARTED) {
        s->rebuffer = 1 / hypot(1, v->stalls / 2.0);
    }

    if (v->top > 1 && m->rate_ms != 0) {
        s->quality = qoe_view_share(v->log_sum,
                                    log(v->top) * (double) m->rate_ms);
    }

    failed = (outcome == QOE_VIEW_FAILED_START
              || outcome == QOE_VIEW_FAILED);

    s->experience = failed ? 0 : cbrt(s->startup * s->rebuffer * s->quality);
    s->experience = s->experience > 1 ? 1 : s->experience;
}


qoe_span_t
qoe_view_outcome_name(qoe_view_outcome_t outcome)
{
    static const qoe_span_t  names[] = {
#define QOE_VIEW_OUTCOME_NAME(id, name)  { name, sizeof(name) - 1 },
        QOE_VIEW_OUTCOMES(QOE_VIEW_OUTCOME_NAME)
#undef QOE_VIEW_OUTCOME_NAME
    };

    return (unsigned) outcome < QOE_VIEW_OUTCOMES_N ? names[outcome]
                                                    : qoe_span_null;
}


/* A share, kept between 0 and 1 even if a torn slot holds nonsense. */

double
qoe_view_share(double part, double whole)
{
    return fmax(0, fmin(1, part / whole));
}
