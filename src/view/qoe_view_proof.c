
/*
 * Copyright (C) OpenQoE
 *
 * Proof of playing: what the position and the playing time show about the time
 * between two events.
 */


#include "qoe_view_priv.h"


/*
 * A position that changes by that much more than time and rate explain is a
 * leap.
 */
#define QOE_VIEW_LEAP_MS       1000
#define QOE_VIEW_LEAP_BACK_MS  500

/*
 * A playing time that is lower by less is the same count; otherwise the count
 * started again.
 */
#define QOE_VIEW_COUNT_BACK_MS 1000

/* Playback may be a fifth or 250 ms behind the clock, and still be playing. */
#define QOE_VIEW_SLACK         0.2
#define QOE_VIEW_SLACK_MS      250

/* The unit of playing_time is determined over this part of the video. */
#define QOE_VIEW_UNIT_MS       3000


static double qoe_view_speed(const qoe_view_t *v);
static bool qoe_view_leapt(const qoe_view_t *v, double growth,
    uint64_t gap_ms);
static qoe_growth_t qoe_view_growth_by(double position, bool leapt,
    double told);
static double qoe_view_growth_told(const qoe_moment_t *m, double from);


void
qoe_view_unit(qoe_view_t *v, qoe_moment_t *m)
{
    double  position, told;

    if (isnan(m->told)) {
        return;
    }

    if (v->told_scale == 0 && !isnan(m->position)) {
        position = m->position - v->scale_position;
        told = m->told - v->scale_told;

        /* a leap reveals nothing about the unit */

        if ((v->flags & QOE_VIEW_TOLD) == 0 || !(position >= 0)
            || qoe_view_leapt(v, position, qoe_view_since(m->at_ms,
                                                          v->born_ms)))
        {
            v->scale_position = m->position;
            v->scale_told = m->told;

        } else if (position >= QOE_VIEW_UNIT_MS) {

            if (told * 1000 > position / 2 && told * 1000 < position * 2) {
                v->told_scale = 1000;

                /* the count so far was made in another unit */
                v->last.told = m->told * 1000;
                v->wait.told = m->told * 1000;

            } else if (told > position / 2 && told < position * 2) {
                v->told_scale = 1;

            } else {
                v->scale_position = m->position;
                v->scale_told = m->told;
            }
        }
    }

    if (v->told_scale > 1) {
        m->told *= v->told_scale;
    }
}


static double
qoe_view_speed(const qoe_view_t *v)
{
    return v->rate > 0 ? (double) v->rate : 1;
}


uint64_t
qoe_view_interval(const qoe_view_t *v)
{
    return qoe_max(2 * (uint64_t) v->beat_ms, (uint64_t) QOE_VIEW_REPORT_MS);
}


uint64_t
qoe_view_patience(const qoe_view_t *v, const qoe_view_conf_t *conf)
{
    uint64_t  ms;

    if (qoe_view_reported(v)) {
        return qoe_view_interval(v);
    }

    ms = 3 * (uint64_t) (v->beat_ms ? v->beat_ms : QOE_VIEW_BEAT_MS);

    return qoe_max(qoe_min(ms, conf->timeout_ms),
                   (uint64_t) QOE_VIEW_PATIENCE_MS);
}


static bool
qoe_view_leapt(const qoe_view_t *v, double growth, uint64_t gap_ms)
{
    return growth > (double) gap_ms * qoe_max(qoe_view_speed(v), 1.0)
                    + QOE_VIEW_LEAP_MS
           || growth < -QOE_VIEW_LEAP_BACK_MS;
}


/* Prefers the position, which is the better evidence; NaN is none. */

static qoe_growth_t
qoe_view_growth_by(double position, bool leapt, double told)
{
    if (!isnan(position) && !leapt) {
        return (qoe_growth_t) { QOE_GROWTH_MS, position };
    }

    if (!isnan(told)) {
        return (qoe_growth_t) { QOE_GROWTH_MS, told };
    }

    return (qoe_growth_t) { leapt ? QOE_GROWTH_LEAP : QOE_GROWTH_UNKNOWN, 0 };
}


/* If the count is lower by more than coarse steps explain, it started again. */

static double
qoe_view_growth_told(const qoe_moment_t *m, double from)
{
    if (isnan(m->told) || isnan(from)) {
        return NAN;
    }

    if (m->told < from - QOE_VIEW_COUNT_BACK_MS) {
        return m->told;
    }

    return qoe_max((double) m->told - from, 0.0);
}


qoe_growth_t
qoe_view_growth(const qoe_view_t *v, const qoe_moment_t *m,
    const qoe_view_mark_t *from)
{
    double  growth;

    growth = m->position - from->position;

    return qoe_view_growth_by(growth / qoe_view_speed(v),
                              qoe_view_leapt(v, growth,
                                             qoe_view_since(m->at_ms,
                                                            from->at_ms)),
                              qoe_view_growth_told(m, from->told));
}


/* The last position may have been seen before the last cut. */

qoe_growth_t
qoe_view_growth_last(const qoe_view_t *v, const qoe_moment_t *m)
{
    bool    leapt;
    double  growth, told;

    growth = m->position - v->last.position;
    leapt = qoe_view_leapt(v, growth,
                           qoe_view_since(m->at_ms, v->position_ms));
    growth /= qoe_view_speed(v);

    if (growth > 0) {
        growth = qoe_max(growth - v->since_ms, 0.0);
    }

    told = qoe_view_growth_told(m, v->flags & QOE_VIEW_TOLD ? v->last.told
                                                            : NAN);

    return qoe_view_growth_by(growth, leapt, told);
}


uint64_t
qoe_view_credit(const qoe_judge_t *j, uint64_t gap_ms, qoe_growth_t growth)
{
    double  gap;

    if (growth.kind != QOE_GROWTH_MS) {
        return gap_ms <= qoe_view_patience(j->v, j->conf) ? gap_ms : 0;
    }

    gap = (double) gap_ms;

    if (gap - growth.ms <= qoe_max(QOE_VIEW_SLACK * gap,
                                   (double) QOE_VIEW_SLACK_MS))
    {
        return gap_ms;
    }

    return growth.ms > 0 ? (uint64_t) qoe_min(growth.ms, gap) : 0;
}


void
qoe_view_play(qoe_judge_t *j, uint64_t ms, uint64_t until_ms)
{
    qoe_view_t  *v;

    v = j->v;

    if (ms == 0) {
        return;
    }

    qoe_view_stretch(j, QOE_STRETCH_PLAYING, qoe_view_since(until_ms, ms), ms);

    v->playing_ms += ms;
    v->last.told += (double) ms;
    v->since_ms += (uint32_t) qoe_min(ms, (uint64_t) INT32_MAX);
    v->recovered_ms += (uint32_t) qoe_min(ms, (uint64_t) INT32_MAX);

    if (v->recovered_ms >= QOE_VIEW_RECOVERED_MS) {
        v->flags &= ~QOE_VIEW_FATAL;
    }

    qoe_view_rate(v, qoe_view_since(ms, v->rated_ms));
    v->rated_ms = (uint32_t) qoe_view_since(v->rated_ms, ms);

    j->played_ms += ms;
}


void
qoe_view_cut(qoe_view_t *v, const qoe_moment_t *m)
{
    v->last.at_ms = m->at_ms;

    if (v->rated_ms != 0) {
        v->rated_ms = 0;
        qoe_view_rate_fit(v);
    }

    if (!isnan(m->position)) {
        v->last.position = m->position;
        v->position_ms = m->at_ms;
        v->since_ms = 0;
    }

    if (!isnan(m->told)) {
        v->last.told = m->told;
        v->flags |= QOE_VIEW_TOLD;
    }
}


void
qoe_view_mark(const qoe_view_t *v, qoe_view_mark_t *mark,
    const qoe_moment_t *m)
{
    mark->at_ms = m->at_ms;
    mark->position = isnan(m->position) ? v->last.position : m->position;
    mark->told = v->last.told;
}
