
/*
 * Copyright (C) OpenQoE
 *
 * A report of CMCD arrives: which points it makes by itself, and what waits to
 * be judged.
 */


#include "qoe_view_priv.h"
#include "qoe_view_report.h"
#include "qoe_hash.h"


/* A player reports the same error as a state and as an error. */
#define QOE_REPORT_ERROR_MS    100

/* A response that takes longer has another reason. */
#define QOE_REPORT_TTLB_MAX    600000

/* No player starts so fast: the number is something else. */
#define QOE_REPORT_START_MIN   20


static bool qoe_report_is(const qoe_sample_t *s, qoe_report_event_t event);
static bool qoe_report_state(const qoe_sample_t *s, qoe_player_state_t state);
static bool qoe_report_stands(const qoe_view_t *v, const qoe_sample_t *s);
static void qoe_report_arrive(qoe_view_step_t *x);
static void qoe_report_count(qoe_points_t *points, const qoe_sample_t *s);
static void qoe_report_response(qoe_view_step_t *x);
static qoe_span_t qoe_report_class(const qoe_view_step_t *x);
static void qoe_report_error(qoe_view_step_t *x);
static void qoe_report_startup(qoe_view_step_t *x);
static double qoe_report_stalled(qoe_view_step_t *x);
static size_t qoe_report_gap(qoe_moment_t m[2], qoe_view_step_t *x, bool lost);
static bool qoe_report_waiting(const qoe_view_t *v);
static size_t qoe_report_moments(qoe_moment_t m[2],
    const qoe_view_step_t *x, bool state);


static bool
qoe_report_is(const qoe_sample_t *s, qoe_report_event_t event)
{
    return qoe_sample_has(s, REPORT)
           && s->number[QOE_NUMBER_REPORT] == (double) event;
}


static bool
qoe_report_state(const qoe_sample_t *s, qoe_player_state_t state)
{
    return qoe_sample_has(s, PLAYER_STATE)
           && s->number[QOE_NUMBER_PLAYER_STATE] == (double) state;
}


bool
qoe_report_leaves(const qoe_sample_t *s)
{
    return qoe_sample_has(s, REPORT) && !qoe_report_is(s, QOE_REPORT_CONTENT);
}


bool
qoe_report_lacks(qoe_view_t *v, const qoe_sample_t *s)
{
    uint32_t  named;

    named = (s->text[QOE_TEXT_VIDEO_ID].len != 0 ? QOE_VIEW_TITLED : 0)
            | (s->text[QOE_TEXT_CMCD_ST].len != 0 ? QOE_VIEW_TYPED : 0);

    if ((v->flags & ~named & (QOE_VIEW_TITLED|QOE_VIEW_TYPED)) != 0) {
        return true;
    }

    v->flags |= named;

    return false;
}


uint64_t
qoe_report_time(const qoe_sample_t *s, uint64_t at_ms)
{
    double  ttlb;

    if (!qoe_report_is(s, QOE_REPORT_RESPONSE) || !qoe_sample_has(s, TTLB)) {
        return at_ms;
    }

    ttlb = s->number[QOE_NUMBER_TTLB];

    return ttlb >= 0 && ttlb < QOE_REPORT_TTLB_MAX ? at_ms + (uint64_t) ttlb
                                                   : at_ms;
}


bool
qoe_report_begins(const qoe_sample_t *s)
{
    return qoe_report_type(s) == QOE_EVENT_PLAYING
           || qoe_report_state(s, QOE_PLAYER_FAILED);
}


qoe_event_type_t
qoe_report_type(const qoe_sample_t *s)
{
    if (qoe_report_state(s, QOE_PLAYER_STARTING)
        || qoe_report_state(s, QOE_PLAYER_PLAYING)
        || qoe_report_state(s, QOE_PLAYER_SEEKING)
        || qoe_report_state(s, QOE_PLAYER_REBUFFERING)
        || qoe_report_state(s, QOE_PLAYER_WAITING))
    {
        return QOE_EVENT_PLAYING;
    }

    return s->type == QOE_EVENT_PLAYING ? QOE_EVENT_HEARTBEAT : s->type;
}


bool
qoe_report_tells(const qoe_view_t *v, const qoe_past_t *past,
    const qoe_sample_t *s, bool lost)
{
    if (!qoe_sample_has(s, PLAYER_STATE)) {
        return false;
    }

    if (qoe_report_is(s, QOE_REPORT_STATE)
        || qoe_report_is(s, QOE_REPORT_INTERVAL))
    {
        return true;
    }

    if (v != NULL) {
        return lost || v->told_state == 0;
    }

    /* dash.js sends responses with the state before the end after it */

    return past == NULL || past->why == QOE_VIEW_SILENT
           || past->why == QOE_VIEW_EVICTED;
}


qoe_view_result_t
qoe_view_report(qoe_view_t *v, const qoe_view_report_t *r,
    const qoe_sample_t *s, const qoe_view_conf_t *conf, qoe_points_t *points)
{
    size_t           n;
    qoe_moment_t     m[4];
    qoe_view_step_t  x;

    qoe_points_clear(points);
    qoe_view_count_event(points, s);

    if (r->seen) {
        return QOE_VIEW_DUPLICATE;
    }

    qoe_report_count(points, s);

    memset(&x, 0, sizeof(x));
    x.v = v;
    x.s = s;
    x.points = points;
    x.at_ms = r->at_ms;
    x.set = qoe_view_valid(s, &points->ignored);
    x.media = QOE_VIEW_VIDEO;
    x.bitrate = qoe_view_bitrate(&x);

    qoe_report_response(&x);

    if (v == NULL) {
        return QOE_VIEW_EVENT;
    }

    v->flags |= QOE_VIEW_REPORTS;

    if (v->flags & QOE_VIEW_EVENTS) {
        return QOE_VIEW_EVENT;
    }

    if (x.at_ms < v->seen_ms) {
        return QOE_VIEW_OLD;
    }

    qoe_report_arrive(&x);

    n = qoe_report_gap(m, &x, r->lost);
    n += qoe_report_moments(m + n, &x, r->state);
    qoe_view_await(&x, conf, m, n);

    return QOE_VIEW_EVENT;
}


/*
 * The points of the product's own event of that type.  A player that seeks in
 * a stall only nudges the video, so that is no seek.
 */

static void
qoe_report_arrive(qoe_view_step_t *x)
{
    switch (x->s->type) {

    case QOE_EVENT_ERROR:
        break;

    case QOE_EVENT_SEEK:

        if (x->v->told_state == 1 + QOE_PLAYER_REBUFFERING) {
            break;
        }

        /* fall through */

    default:
        qoe_view_arrive(x);
    }

    qoe_report_error(x);
    qoe_report_startup(x);
}


static void
qoe_report_count(qoe_points_t *points, const qoe_sample_t *s)
{
    double        event;
    qoe_point_t  *p;

    static const qoe_span_t  names[] = {
#define QOE_REPORT_NAME(id, token, name)  { name, sizeof(name) - 1 },
        QOE_REPORT_EVENTS(QOE_REPORT_NAME)
#undef QOE_REPORT_NAME
    };

    event = s->number[QOE_NUMBER_REPORT];

    if (event >= 0 && event < QOE_REPORT_EVENTS_N) {
        p = qoe_point_add(points, QOE_METRIC_CMCD_REPORTS, 1);
        qoe_point_extra(p, QOE_DIM_EVENT_TYPE, names[(size_t) event]);
    }
}


/*
 * What the client saw of a response.  dash.js 5.2 sends the Unix time as the
 * time to the first byte.
 */

static void
qoe_report_response(qoe_view_step_t *x)
{
    double        ttlb;
    qoe_span_t    class;
    qoe_point_t  *p;

    if (!qoe_report_is(x->s, QOE_REPORT_RESPONSE)) {
        return;
    }

    ttlb = qoe_view_has(x, TTLB) ? qoe_view_number(x, TTLB) : (double) NAN;

    if (ttlb < QOE_REPORT_TTLB_MAX) {
        qoe_view_point(x, QOE_METRIC_DELIVERY_CLIENT_TTLB, ttlb,
                       QOE_WITH_MEDIA);

        if (qoe_view_has(x, TTFB) && qoe_view_number(x, TTFB) <= ttlb) {
            qoe_view_point(x, QOE_METRIC_DELIVERY_CLIENT_TTFB,
                           qoe_view_number(x, TTFB), QOE_WITH_MEDIA);
        }
    }

    class = qoe_report_class(x);

    if (class.len != 0) {
        p = qoe_point_add(x->points, QOE_METRIC_DELIVERY_CLIENT_ERRORS, 1);
        qoe_point_extra(p, QOE_DIM_STATUS_CLASS, class);
    }
}


/* The class of a failure; empty: there is none. */

static qoe_span_t
qoe_report_class(const qoe_view_step_t *x)
{
    double  code;

    if (!qoe_view_has(x, RESPONSE_CODE)) {
        return qoe_span_null;
    }

    code = qoe_view_number(x, RESPONSE_CODE);

    if (code < 100) {
        return qoe_span("none");
    }

    return code >= 500 ? qoe_span("5xx")
                       : code >= 400 ? qoe_span("4xx") : qoe_span_null;
}


/*
 * Counts an error where it is news: dash.js 5.2 repeats the code of an error in
 * each later report, shaka 5.2 sends a failure as a state and as an error.
 */

static void
qoe_report_error(qoe_view_step_t *x)
{
    bool         news;
    uint32_t     hash;
    qoe_view_t  *v;

    v = x->v;
    hash = qoe_hash_plain(qoe_view_text(x, ERROR_CODE));

    if (hash != 0) {
        news = (hash != v->error_hash);

    } else {
        news = x->s->type == QOE_EVENT_ERROR
               && (v->error_ms == 0
                   || ((uint32_t) x->at_ms | 1) - v->error_ms
                      > QOE_REPORT_ERROR_MS);
    }

    if (news) {
        v->error_hash = hash;
        v->error_ms = (uint32_t) x->at_ms | 1;
        qoe_view_arrive_error(x);
    }
}


/*
 * A start delay that comes while the player starts is none: dash.js 5.2 sends
 * the time since its own begin.
 */

static void
qoe_report_startup(qoe_view_step_t *x)
{
    qoe_view_t  *v;

    v = x->v;

    if (!qoe_view_has(x, START_DELAY)
        || !qoe_report_state(x->s, QOE_PLAYER_PLAYING)
        || qoe_view_number(x, START_DELAY) < QOE_REPORT_START_MIN)
    {
        return;
    }

    v->canplay = qoe_view_number(x, START_DELAY);

    if ((v->flags & (QOE_VIEW_STARTED|QOE_VIEW_CONTINUED)) != QOE_VIEW_STARTED
        || !isnan(v->startup))
    {
        return;
    }

    v->startup = v->canplay;
    v->aggregate = v->startup;

    qoe_point_add(x->points, QOE_METRIC_VIDEO_STARTUP_TIME, v->startup);
    qoe_point_add(x->points, QOE_METRIC_VIDEO_STARTUP_SECONDS,
                  v->startup / 1000);
    qoe_point_add(x->points, QOE_METRIC_AGGREGATE_STARTUP_TIME, v->aggregate);
}


/*
 * How much longer the player says that it stalled since its last report than
 * its states showed, ms; NaN: it does not say.
 */

static double
qoe_report_stalled(qoe_view_step_t *x)
{
    double       ms;
    qoe_view_t  *v;

    v = x->v;

    if (qoe_view_has(x, STALLED_TOTAL)) {
        ms = qoe_view_number(x, STALLED_TOTAL) - (double) v->told_stalled;

    } else if (qoe_view_has(x, STALLED)) {
        ms = qoe_view_number(x, STALLED);

    } else {
        return NAN;
    }

    v->told_stalled += (float) ms;
    ms -= (double) v->stalled_ms - (double) v->told_measured;
    v->told_measured = (float) v->stalled_ms;

    return ms;
}


/*
 * The states measure stalls.  Where reports were lost, the player's own sums
 * show that there was another one in the meantime: it is judged as if its two
 * states had come, so it takes no longer than the gap, and is no time of
 * playing.  Returns the number of moments.
 */

static size_t
qoe_report_gap(qoe_moment_t m[2], qoe_view_step_t *x, bool lost)
{
    double       ms, gap;
    qoe_view_t  *v;

    v = x->v;
    ms = qoe_report_stalled(x);
    gap = (double) qoe_view_since(x->at_ms, qoe_view_latest(v));

    if (!lost || !(ms >= QOE_VIEW_STALL_MS) || gap < QOE_VIEW_STALL_MS
        || v->phase != QOE_PHASE_PLAYING
        || v->told_state != 1 + QOE_PLAYER_PLAYING || qoe_report_waiting(v))
    {
        return 0;
    }

    qoe_moment_of(&m[1], x);
    m[1].type = QOE_MOMENT_STATE + QOE_PLAYER_PLAYING;
    m[1].value = 0;

    ms = qoe_min(ms, gap);

    m[0] = m[1];
    m[0].at_ms -= (uint64_t) ms;
    m[0].type = QOE_MOMENT_STATE + QOE_PLAYER_REBUFFERING;
    m[0].position = NAN;

    v->told_measured += (float) ms;

    return 2;
}


/* Is a stall among the moments that wait to be judged? */

static bool
qoe_report_waiting(const qoe_view_t *v)
{
    size_t  i;

    for (i = 0; i < qoe_min(v->nmoments, QOE_VIEW_MOMENTS); i++) {
        if (qoe_moment_is(&v->moment[i], REBUFFERING)
            || qoe_moment_is(&v->moment[i], WAITING))
        {
            return true;
        }
    }

    return false;
}


/*
 * A heartbeat is a moment beside its state, because the interval of heartbeats
 * matters, too.  Returns the number of moments.
 */

static size_t
qoe_report_moments(qoe_moment_t m[2], const qoe_view_step_t *x, bool state)
{
    size_t       n;
    qoe_view_t  *v;

    v = x->v;
    n = 0;

    if (!qoe_report_is(x->s, QOE_REPORT_STATE)) {
        qoe_moment_of(&m[n], x);
        n++;
    }

    if (!state || !qoe_view_has(x, PLAYER_STATE)
        || (n != 0 && qoe_report_stands(v, x->s)))
    {
        return n;
    }

    v->told_state = (uint8_t) (1 + qoe_view_number(x, PLAYER_STATE));

    qoe_moment_of(&m[n], x);
    m[n].type = (uint8_t) (QOE_MOMENT_STATE + v->told_state - 1);
    m[n].value = qoe_view_text(x, ERROR_CODE).len != 0;

    return n + 1;
}


/* Is the state the one that is known? */

static bool
qoe_report_stands(const qoe_view_t *v, const qoe_sample_t *s)
{
    return v->told_state == 1 + s->number[QOE_NUMBER_PLAYER_STATE];
}


void
qoe_report_missing(qoe_points_t *points, uint64_t n)
{
    (void) qoe_point_add(points, QOE_METRIC_CMCD_SEQUENCE_GAPS, n);
}
