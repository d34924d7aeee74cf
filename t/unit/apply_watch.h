
/*
 * Copyright (C) OpenQoE
 *
 * The product's qoe_apply.c and qoe_apply_view.c, with a watch on their calls
 * of the view machine: the points of each view are tallied by its slot, and
 * checked against what must hold for any view.
 */


#ifndef _APPLY_WATCH_H_INCLUDED_
#define _APPLY_WATCH_H_INCLUDED_


#include "apply_unit.h"
#include "qoe_view_report.h"


#define WATCH_SLOTS  4096


/* What was observed of a view; times are those of its session's clock. */

typedef struct {
    bool              alive;
    uint64_t          view_key;
    uint64_t          first_ms;
    uint64_t          last_ms;
    double            playing_ms;
    double            watch_ms;
    double            stalled_ms;
    unsigned          stalls;
    unsigned          started;
    unsigned          startups;
    double            startup_ms;
    unsigned          pauses;
    unsigned          quartiles[4];
    double            ratio;                 /* -1: no point */
    unsigned          over;
    char              outcome[24];
    qoe_timeline_t    timeline;
} watch_t;


/*
 * strict: no writer died within an event, so that all numbers fit together.
 * broken: the first property that failed. ended is called with each view that
 * is over, at() between two stores.
 */

typedef struct {
    qoe_sessions_t   *sessions;
    bool              strict;
    const char       *broken;
    watch_t           view[WATCH_SLOTS];
    unsigned          begun;
    unsigned          started;
    unsigned          over;                  /* views that had started */
    unsigned          left;                  /* other views, over */
    void            (*ended)(const watch_t *w);
    void            (*at)(void);
} watcher_t;

static watcher_t  watch;


#define must(cond)                                                            \
    if (!(cond) && watch.broken == NULL) {                                    \
        watch.broken = #cond;                                                 \
    }


static inline watch_t *
watch_of(const qoe_view_t *v)
{
    uint32_t  i;

    i = (uint32_t) (v - qoe_sessions_slot(watch.sessions, 0));

    if (i >= WATCH_SLOTS) {
        abort();
    }

    return &watch.view[i];
}


/* What must hold for any point. */

static inline void
watch_sane(const qoe_point_t *p)
{
    size_t               i;
    const qoe_metric_t  *m;

    m = &qoe_metrics[p->metric];

    must(p->metric < QOE_METRICS_N);
    must(isfinite(p->value));
    must(m->kind != QOE_INSTRUMENT_GAUGE_NOW);
    must(m->kind > QOE_INSTRUMENT_UPDOWN_DOUBLE || p->value > 0);
    must(m->kind != QOE_INSTRUMENT_COUNTER || p->value == floor(p->value));
    must(p->nextra <= QOE_POINT_EXTRAS);

    for (i = 0; i < p->nextra; i++) {
        must(p->extra[i].text.len > 0 && p->extra[i].text.len < 64);
        must(p->extra[i].dim < QOE_DIMS_BUILTIN);
    }

    if (p->metric != QOE_METRIC_NETWORK_LATENCY_DEVIATION
        && p->metric != QOE_METRIC_BUFFER_INSTABILITY_INDEX)
    {
        must(p->value >= 0);
    }

    switch (p->metric) {

    case QOE_METRIC_REBUFFER_RATIO:
    case QOE_METRIC_REBUFFER_PERCENTAGE:
    case QOE_METRIC_UPSCALE_PERCENTAGE:
    case QOE_METRIC_DOWNSCALE_PERCENTAGE:
    case QOE_METRIC_COMPLETION_RATE:
    case QOE_METRIC_VIDEO_STARTUP_FAILURE_PERCENTAGE:
    case QOE_METRIC_EXITS_BEFORE_VIDEO_START_PERCENTAGE:
    case QOE_METRIC_PLAYBACK_FAILURE_PERCENTAGE:
    case QOE_METRIC_STARTUP_TIME_SCORE:
    case QOE_METRIC_REBUFFER_SCORE:
    case QOE_METRIC_VIDEO_QUALITY_SCORE:
    case QOE_METRIC_VIEWER_EXPERIENCE_SCORE:
        must(p->value <= 1);
        break;
    }
}


/* What a point says of its view; w NULL: that view is over. */

static inline void
watch_point(watch_t *w, const qoe_point_t *p)
{
    watch_t  none;

    if (w == NULL) {
        memset(&none, 0, sizeof(none));
        w = &none;
    }

    switch (p->metric) {

    case QOE_METRIC_VIEWS_STARTED_TOTAL:
        w->started++;
        watch.started++;
        break;

    case QOE_METRIC_VIDEO_STARTUP_TIME:
        w->startups++;
        w->startup_ms = p->value;
        break;

    case QOE_METRIC_QUARTILE_REACHED_TOTAL:
        w->quartiles[atoi(p->extra[0].text.data) / 25 - 1]++;
        break;

    case QOE_METRIC_PLAYING_TIME_SECONDS:
        w->playing_ms += p->value * 1000;
        break;

    case QOE_METRIC_WATCH_TIME_SECONDS:
        w->watch_ms += p->value * 1000;
        break;

    case QOE_METRIC_PAUSE_EVENTS_TOTAL:
        w->pauses++;
        break;

    case QOE_METRIC_REBUFFER_DURATION:
        w->stalled_ms += p->value;
        w->stalls++;
        break;

    case QOE_METRIC_REBUFFER_RATIO:
        w->ratio = p->value;
        break;

    case QOE_METRIC_VIEWS_TOTAL:
        w->over++;
        snprintf(w->outcome, sizeof(w->outcome), "%.*s",
                 (int) p->extra[0].text.len, p->extra[0].text.data);
        break;
    }

    if (w == &none) {
        must(none.started == 0 && none.over == 0 && none.playing_ms == 0
             && none.stalls == 0 && none.startups == 0);
    }
}


/* All that is known of a view at a moment, from its first event on. */

static inline void
watch_tally(const qoe_view_t *v, const watch_t *w)
{
    size_t  i;
    double  wall;

    wall = (double) (w->last_ms - w->first_ms);

    must(w->started <= 1 && w->startups <= w->started && w->over <= 1);
    must(w->playing_ms <= wall + 0.01);
    must(w->playing_ms + w->stalled_ms <= wall + 0.01);
    must(w->watch_ms >= w->playing_ms - 0.01);
    must(w->watch_ms <= wall + 0.01);

    for (i = 0; i < 4; i++) {
        must(w->quartiles[i] <= 1);
    }

    must(fabs(w->playing_ms - (double) v->playing_ms) < 0.01);

    /* Renditions have their part of a gap that is still open. */

    must(v->up_ms + v->down_ms <= v->playing_ms + v->rated_ms);
    must(v->pixel_ms <= v->playing_ms + v->rated_ms);

    for (i = 0; i < QOE_VIEW_MEDIA; i++) {
        must(v->media[i].rate_ms <= v->playing_ms + v->rated_ms);
    }
}


/* Parts end now and then, as in a trace. */

static inline void
watch_timeline(const qoe_view_t *v, watch_t *w, const qoe_points_t *points)
{
    must(points->nstretches < QOE_STRETCHES_MAX);

    timeline_take(&w->timeline, points);
    must(timeline_wrong(&w->timeline, v) == NULL);

    if (points->nstretches % 5 == 3) {
        qoe_timeline_part(&w->timeline, v->seen_ms);
    }
}


static inline void
watch_points(const qoe_view_t *v, const qoe_points_t *points)
{
    size_t  i;

    must(points->n <= QOE_POINTS_MAX);

    for (i = 0; i < points->n; i++) {
        watch_sane(&points->point[i]);

        if (watch.strict) {
            watch_point(v != NULL ? watch_of(v) : NULL, &points->point[i]);
        }
    }

    if (watch.strict && v != NULL) {
        watch_tally(v, watch_of(v));
        watch_timeline(v, watch_of(v), points);
    }

    if (watch.at != NULL) {
        watch.at();
    }
}


static void
watch_begin(qoe_view_t *v, const qoe_view_birth_t *birth)
{
    watch_t  *w;

    w = watch_of(v);

    if (watch.strict) {
        must(!w->alive);
    }

    memset(w, 0, sizeof(watch_t));
    w->alive = true;
    w->view_key = birth->view_key;
    w->first_ms = birth->at_ms;
    w->last_ms = birth->at_ms;
    w->ratio = -1;
    qoe_timeline_begin(&w->timeline, birth->at_ms);
    watch.begun++;

    qoe_view_begin(v, birth);

    if (watch.at != NULL) {
        watch.at();
    }
}


static qoe_view_result_t
watch_apply(qoe_view_t *v, bool seen, uint64_t at_ms, const qoe_sample_t *s,
    const qoe_view_conf_t *conf, qoe_points_t *points)
{
    watch_t            *w;
    qoe_view_result_t   rc;

    if (v != NULL && !seen) {
        w = watch_of(v);
        w->last_ms = qoe_max(w->last_ms, at_ms);
        w->first_ms = qoe_min(w->first_ms, at_ms);
    }

    rc = qoe_view_apply(v, seen, at_ms, s, conf, points);
    watch_points(v, points);

    return rc;
}


static qoe_view_result_t
watch_report(qoe_view_t *v, const qoe_view_report_t *r, const qoe_sample_t *s,
    const qoe_view_conf_t *conf, qoe_points_t *points)
{
    watch_t            *w;
    qoe_view_result_t   rc;

    if (v != NULL && !r->seen) {
        w = watch_of(v);
        w->last_ms = qoe_max(w->last_ms, r->at_ms);
        w->first_ms = qoe_min(w->first_ms, r->at_ms);
    }

    rc = qoe_view_report(v, r, s, conf, points);
    watch_points(v, points);

    return rc;
}


static void
watch_aside(qoe_view_t *v, uint64_t at_ms, const qoe_view_conf_t *conf,
    qoe_points_t *points)
{
    watch_t  *w;

    w = watch_of(v);
    w->last_ms = qoe_max(w->last_ms, at_ms);

    qoe_view_aside(v, at_ms, conf, points);
    watch_points(v, points);
}


static void
watch_judge(qoe_view_t *v, uint64_t at_ms, const qoe_view_conf_t *conf,
    qoe_points_t *points)
{
    qoe_view_judge(v, at_ms, conf, points);
    watch_points(v, points);
}


static void
watch_end(qoe_view_t *v, qoe_view_end_t why, uint64_t at_ms,
    const qoe_view_conf_t *conf, qoe_points_t *points)
{
    double    whole;
    watch_t  *w;

    w = watch_of(v);

    if (why == QOE_VIEW_REPLACED) {
        w->last_ms = qoe_max(w->last_ms, at_ms);
    }

    qoe_view_end(v, why, at_ms, conf, points);
    watch_points(v, points);

    if (!watch.strict) {
        return;
    }

    whole = w->stalled_ms + w->playing_ms;

    must(w->alive && w->view_key == v->view_key && w->over == 1);
    must(w->started == (strcmp(w->outcome, "completed") == 0
                        || strcmp(w->outcome, "played") == 0
                        || strcmp(w->outcome, "playback_failure") == 0));
    must((w->ratio >= 0) == (w->started && whole > 0));
    must(w->ratio < 0 || fabs(w->ratio - w->stalled_ms / whole)
                         <= (1.0 + w->stalls) / whole);

    w->alive = false;
    watch.over += w->started;
    watch.left += !w->started;

    if (watch.ended != NULL) {
        watch.ended(w);
    }
}


/* Rule 8: started = over + alive and started. */

static inline void
watch_identity(uint32_t live)
{
    size_t    i;
    unsigned  n, started;

    n = 0;
    started = 0;

    for (i = 0; i < qoe_sessions_slots(watch.sessions); i++) {
        n += watch.view[i].alive;
        started += watch.view[i].alive && watch.view[i].started;
    }

    must(watch.started == watch.over + started);
    must(watch.begun == watch.over + watch.left + n);
    must(live == n);
}


#define qoe_view_begin  watch_begin
#define qoe_view_apply  watch_apply
#define qoe_view_report watch_report
#define qoe_view_aside  watch_aside
#define qoe_view_judge  watch_judge
#define qoe_view_end    watch_end

#include "qoe_apply.c"
#include "qoe_apply_report.c"
#include "qoe_apply_view.c"

#undef qoe_view_begin
#undef qoe_view_apply
#undef qoe_view_report
#undef qoe_view_aside
#undef qoe_view_judge
#undef qoe_view_end


#endif /* _APPLY_WATCH_H_INCLUDED_ */
