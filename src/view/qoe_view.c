
/*
 * Copyright (C) OpenQoE
 *
 * The life of a view: an event arrives, waits, and is judged.
 */


#include "qoe_view_priv.h"


/* A receipt that is older by more shows that the server's clock was set. */
#define QOE_VIEW_OVERTAKE_MS   120000


static qoe_view_result_t qoe_view_take(qoe_view_step_t *x,
    const qoe_view_conf_t *conf);
static void qoe_view_moment(qoe_judge_t *j, const qoe_moment_t *m);
static void qoe_view_receive(qoe_view_t *v, uint64_t received_ms);
static void qoe_view_judge_first(qoe_judge_t *j);


void
qoe_view_begin(qoe_view_t *v, const qoe_view_birth_t *birth)
{
    size_t  view;

    view = offsetof(qoe_view_t, flags);

    memset((char *) v + view, 0, sizeof(qoe_view_t) - view);

    v->view_key = birth->view_key;
    v->video_key = birth->video_key;

    v->flags = (birth->first ? QOE_VIEW_FIRST : 0)
               | (birth->continued ? QOE_VIEW_CONTINUED : 0)
               | (birth->again ? QOE_VIEW_AGAIN : 0);

    v->born_ms = birth->at_ms;
    v->entry_ms = birth->at_ms;
    v->seen_ms = birth->at_ms;

    v->last.at_ms = birth->at_ms;
    v->last.position = NAN;
    v->startup = NAN;
    v->aggregate = NAN;
    v->max_position = NAN;
    v->completion = NAN;

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

    v->flags |= QOE_VIEW_EVENTS;

    qoe_moment_of(&m, x);
    qoe_view_await(x, conf, &m, 1);

    return QOE_VIEW_EVENT;
}


void
qoe_view_await(qoe_view_step_t *x, const qoe_view_conf_t *conf,
    const qoe_moment_t *m, size_t n)
{
    size_t        i;
    qoe_view_t   *v;
    qoe_judge_t   j;

    v = x->v;

    memset(&j, 0, sizeof(j));
    j.v = v;
    j.conf = conf;
    j.points = x->points;

    qoe_view_receive(v, x->s->received_ns / 1000000);
    v->events++;

    if (qoe_view_has(x, VIDEO_DURATION)) {
        v->duration = (float) qoe_view_number(x, VIDEO_DURATION);
    }

    if ((v->flags & QOE_VIEW_HEARD) == 0) {
        v->flags |= QOE_VIEW_HEARD;
        qoe_point_add(x->points, QOE_METRIC_VIEWS_CONTINUED_TOTAL,
                      (v->flags & QOE_VIEW_CONTINUED) != 0);
    }

    for (i = 0; i < n; i++) {

        if (!isnan(m[i].position) || !isnan(m[i].told)) {
            v->flags |= QOE_VIEW_PROVEN;
        }

        qoe_view_moment(&j, &m[i]);
    }

    qoe_view_times(&j);
}


/* Lets a moment wait, and judges those whose time has come. */

static void
qoe_view_moment(qoe_judge_t *j, const qoe_moment_t *m)
{
    qoe_view_t  *v;

    v = j->v;

    qoe_view_judge_before(j, m->at_ms);

    if (qoe_view_ending(v)) {
        return;
    }

    /*
     * there is no room for more events of this moment, so judge the first one
     */

    if (v->nmoments >= QOE_VIEW_MOMENTS && !qoe_moment_thin(v)) {
        qoe_view_judge_first(j);
    }

    qoe_moment_insert(v, m);
    qoe_view_judge_before(j, v->moment[v->nmoments - 1].at_ms);

    /* no event that may still come can change that the view has ended */

    if (m->type == QOE_EVENT_ENDED || qoe_moment_is(m, ENDED)) {
        qoe_view_judge_before(j, UINT64_MAX);
    }
}


/* Receipts from several workers may arrive slightly out of order. */

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

    if (m.type >= QOE_MOMENT_STATE) {
        qoe_view_judge_state(j, &m);

    } else {
        qoe_view_unit(v, &m);
        qoe_view_judge_moment(j);
    }

    j->m = NULL;
    j->nrest = 0;
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


void
qoe_view_count_event(qoe_points_t *points, const qoe_sample_t *s)
{
    qoe_point_t  *p;

    p = qoe_point_add(points, QOE_METRIC_EVENTS_TOTAL, 1);

    qoe_point_extra(p, QOE_DIM_EVENT_TYPE,
                    s->type < QOE_EVENT_CUSTOM ? qoe_event_type_name(s->type)
                                               : s->type_name);
}


qoe_view_sums_t
qoe_view_sums(const qoe_view_t *v)
{
    return (qoe_view_sums_t) { v->startup, v->playing_ms, v->stalled_ms,
                               v->stalls };
}
