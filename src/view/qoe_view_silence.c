
/*
 * Copyright (C) OpenQoE
 *
 * Questions about a view: is it over, which silence ends it, and does it count
 * as watched now?
 */


#include "qoe_view_priv.h"


#define QOE_VIEW_CONCURRENT_MS 30000


static bool qoe_view_suspended(const qoe_view_t *v);
static qoe_silence_t qoe_view_silence_reported(const qoe_view_t *v,
    const qoe_view_conf_t *conf);
static bool qoe_view_wanted(const qoe_view_t *v);


bool
qoe_view_ending(const qoe_view_t *v)
{
    return (v->flags & QOE_VIEW_ENDING) != 0;
}


bool
qoe_view_quiet(const qoe_view_t *v, uint64_t at_ms)
{
    return qoe_view_since(at_ms, qoe_view_latest(v)) > QOE_VIEW_DETACH_MS;
}


uint64_t
qoe_view_latest(const qoe_view_t *v)
{
    return v->nmoments != 0
           ? v->moment[qoe_min(v->nmoments, QOE_VIEW_MOMENTS) - 1].at_ms
           : v->seen_ms;
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


bool
qoe_view_started(const qoe_view_t *v)
{
    return (v->flags & QOE_VIEW_STARTED) != 0;
}


bool
qoe_view_again(const qoe_view_t *v)
{
    return (v->flags & QOE_VIEW_AGAIN) != 0;
}


bool
qoe_view_reported(const qoe_view_t *v)
{
    return (v->flags & (QOE_VIEW_EVENTS|QOE_VIEW_REPORTS)) == QOE_VIEW_REPORTS;
}


bool
qoe_view_found(const qoe_view_t *v)
{
    return (v->flags & QOE_VIEW_STARTED) != 0 && v->wish.at_ms == 0;
}


float
qoe_view_told(const qoe_view_t *v)
{
    return v->flags & QOE_VIEW_TOLD ? (float) v->last.told : NAN;
}


/* Was the player removed, or did it fail, and has nothing played since? */

static bool
qoe_view_suspended(const qoe_view_t *v)
{
    return v->phase == QOE_PHASE_SUSPENDED
           || ((v->flags & QOE_VIEW_STARTED) == 0 && v->detached_ms != 0);
}


qoe_silence_t
qoe_view_silence(const qoe_view_t *v, const qoe_view_conf_t *conf)
{
    if (qoe_view_suspended(v)) {
        return QOE_SILENCE_FRESH;
    }

    if (qoe_view_reported(v)) {
        return qoe_view_silence_reported(v, conf);
    }

    if (v->phase == QOE_PHASE_PAUSED) {
        return QOE_SILENCE_PAUSED;
    }

    return v->flags & QOE_VIEW_HIDDEN ? QOE_SILENCE_HIDDEN
                                      : QOE_SILENCE_ACTIVE;
}


/*
 * A player that sends reports does so at an interval, whatever its state: after
 * twice that time it is gone.  Lists are for one length of silence each, so a
 * rare interval, of more than 30 s, has the first of the longer silences that
 * covers it.
 */

static qoe_silence_t
qoe_view_silence_reported(const qoe_view_t *v, const qoe_view_conf_t *conf)
{
    uint64_t  ms;

    ms = qoe_view_interval(v);

    if (ms <= QOE_VIEW_REPORT_MS) {
        return QOE_SILENCE_REPORTS;
    }

    return ms <= conf->hidden_timeout_ms ? QOE_SILENCE_HIDDEN
                                         : QOE_SILENCE_ACTIVE;
}


uint64_t
qoe_view_due_ms(const qoe_view_t *v, qoe_silence_t silence,
    const qoe_view_conf_t *conf)
{
    uint64_t  ms;

    switch (silence) {

    case QOE_SILENCE_ACTIVE:
        return v->received_ms + conf->timeout_ms;

    case QOE_SILENCE_HIDDEN:
        return v->received_ms + conf->hidden_timeout_ms;

    case QOE_SILENCE_PAUSED:
        return v->received_ms + conf->paused_timeout_ms;

    case QOE_SILENCE_REPORTS:
        return v->received_ms + qoe_min(conf->timeout_ms,
                                        (uint64_t) QOE_VIEW_REPORT_MS);

    default:
        break;
    }

    /*
     * a view is not fresh for longer than the shortest silence that ends a view
     */

    ms = qoe_min(conf->timeout_ms, conf->hidden_timeout_ms);
    ms = qoe_min(ms, conf->paused_timeout_ms);

    return v->received_ms + qoe_min(ms, (uint64_t) QOE_VIEW_DETACH_MS);
}


/*
 * Considers events that wait to be judged, because a `playing` may be the only
 * event yet.
 */

static bool
qoe_view_wanted(const qoe_view_t *v)
{
    size_t  i;

    for (i = 0; i < qoe_min(v->nmoments, QOE_VIEW_MOMENTS); i++) {

        if (v->moment[i].type == QOE_EVENT_PLAYING
            || qoe_moment_is(&v->moment[i], PLAYING)
            || qoe_moment_is(&v->moment[i], STARTING)
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
    return now_ms <= qoe_view_concurrent_ms(v);
}


uint64_t
qoe_view_concurrent_ms(const qoe_view_t *v)
{
    uint64_t  beats;

    if (v->view_key == 0 || v->phase == QOE_PHASE_SUSPENDED
        || v->phase == QOE_PHASE_PAUSED
        || (v->phase == QOE_PHASE_IDLE && !qoe_view_wanted(v)))
    {
        return 0;
    }

    beats = 3 * (uint64_t) v->beat_ms;

    return v->received_ms + qoe_max(beats, (uint64_t) QOE_VIEW_CONCURRENT_MS);
}
