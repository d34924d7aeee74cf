
/*
 * Copyright (C) OpenQoE
 *
 * What events of playback do: startup, playing, pauses, seeks, errors, the
 * page's visibility, the end.
 */


#include "qoe_view_priv.h"


/* A player that goes on for so long has recovered from a fatal error. */
#define QOE_VIEW_RECOVERED_MS  10000


static void qoe_view_startup(qoe_view_step_t *x);
static void qoe_view_start(qoe_view_step_t *x);
static bool qoe_view_told(qoe_view_step_t *x);
static void qoe_view_frames(qoe_view_step_t *x);


void
qoe_view_page_load(qoe_view_step_t *x)
{
    if (qoe_view_has(x, PAGE_LOAD_TIME)) {
        qoe_view_point(x, QOE_METRIC_PAGE_LOAD_TIME,
                       qoe_view_number(x, PAGE_LOAD_TIME), 0);
    }
}


void
qoe_view_player_ready(qoe_view_step_t *x)
{
    if (!qoe_view_has(x, PLAYER_STARTUP_TIME)) {
        return;
    }

    qoe_view_point(x, QOE_METRIC_PLAYER_STARTUP_TIME,
                   qoe_view_number(x, PLAYER_STARTUP_TIME), 0);

    if (x->v != NULL) {
        x->v->ready_ms = qoe_view_number(x, PLAYER_STARTUP_TIME);
        x->v->flags |= QOE_VIEW_READY;
    }
}


void
qoe_view_can_play(qoe_view_step_t *x)
{
    qoe_view_startup(x);

    /* a seek is over; players that play on say so a little later, if at all */

    qoe_view_sought(x);
}


void
qoe_view_sought(qoe_view_step_t *x)
{
    if (x->v->state == QOE_VIEW_SEEKING) {
        qoe_view_enter(x, x->v->flags & QOE_VIEW_IDLE_SEEK
                          ? QOE_VIEW_PAUSED : QOE_VIEW_PLAYING);
    }
}


/* Once a view, whichever event tells it first. */

static void
qoe_view_startup(qoe_view_step_t *x)
{
    double       ms;
    qoe_view_t  *v;

    v = x->v;

    if ((v->flags & QOE_VIEW_TIMED) || !qoe_view_has(x, VIDEO_STARTUP_TIME)) {
        return;
    }

    v->flags |= QOE_VIEW_TIMED;
    ms = qoe_view_number(x, VIDEO_STARTUP_TIME);

    if ((v->flags & QOE_VIEW_READY) && ms >= v->ready_ms && v->ready_ms >= 0) {
        ms -= v->ready_ms;
    }

    qoe_view_point(x, QOE_METRIC_VIDEO_STARTUP_TIME, ms, 0);
    qoe_view_point(x, QOE_METRIC_VIDEO_STARTUP_SECONDS, ms / 1000, 0);
}


void
qoe_view_playing(qoe_view_step_t *x)
{
    qoe_view_rendition(x);

    if (qoe_view_has(x, FRAMERATE) && qoe_view_number(x, FRAMERATE) > 0) {
        qoe_view_point(x, QOE_METRIC_FRAMERATE,
                       qoe_view_number(x, FRAMERATE), QOE_WITH_MEDIA);
    }

    if (x->v == NULL) {
        return;
    }

    qoe_view_startup(x);

    if ((x->v->flags & QOE_VIEW_STARTED) == 0) {
        qoe_view_start(x);
    }

    x->v->flags &= ~QOE_VIEW_DOUBTFUL;
    qoe_view_enter(x, QOE_VIEW_PLAYING);
}


/* The first frame of a view. */

static void
qoe_view_start(qoe_view_step_t *x)
{
    qoe_view_t  *v;

    v = x->v;

    v->flags |= QOE_VIEW_STARTED;
    v->startup_ms = (double) qoe_view_since(x->now_ms, v->entry_ms);

    qoe_view_point(x, QOE_METRIC_VIEWS_STARTED_TOTAL, 1, 0);
    qoe_view_point(x, QOE_METRIC_VIEW_STARTED_TOTAL, 1, 0);
    qoe_view_point(x, QOE_METRIC_AGGREGATE_STARTUP_TIME, v->startup_ms, 0);
    qoe_view_resolution(x);
}


void
qoe_view_pause(qoe_view_step_t *x)
{
    qoe_view_point(x, QOE_METRIC_PAUSE_EVENTS_TOTAL, 1, 0);

    if (qoe_view_has(x, PLAYING_TIME)) {
        qoe_view_point(x, QOE_METRIC_PAUSE_PLAYING_TIME,
                       qoe_view_number(x, PLAYING_TIME), 0);
    }

    if (x->v != NULL) {
        (void) qoe_view_told(x);
        qoe_view_enter(x, QOE_VIEW_PAUSED);
    }
}


void
qoe_view_seek(qoe_view_step_t *x)
{
    double       ms;
    qoe_view_t  *v;

    v = x->v;

    ms = 0;

    qoe_view_point(x, QOE_METRIC_SEEK_TOTAL, 1, 0);

    if (qoe_view_has(x, SEEK_LATENCY)) {
        ms = qoe_view_number(x, SEEK_LATENCY);

        qoe_view_point(x, QOE_METRIC_SEEK_LATENCY, ms, 0);
        qoe_view_point(x, QOE_METRIC_SEEK_LATENCY_SECONDS, ms / 1000, 0);
    }

    if (v == NULL || (v->flags & QOE_VIEW_STARTED) == 0) {
        return;
    }

    /* a seek whose time is told is over, and was in what held for playing */

    if (qoe_view_has(x, SEEK_LATENCY)) {

        if (v->state == QOE_VIEW_PLAYING) {
            qoe_view_move(x, qoe_min((uint64_t) ms,
                                     qoe_view_since(x->now_ms, v->change_ms)),
                          QOE_VIEW_SEEKING);
            qoe_view_enter(x, QOE_VIEW_PLAYING);
        }

        return;
    }

    if (v->state == QOE_VIEW_PAUSED) {
        v->flags |= QOE_VIEW_IDLE_SEEK;

    } else if (v->state != QOE_VIEW_SEEKING) {
        v->flags &= ~QOE_VIEW_IDLE_SEEK;
    }

    qoe_view_enter(x, QOE_VIEW_SEEKING);
}


/* Did the player's own count of playing time grow? */

static bool
qoe_view_told(qoe_view_step_t *x)
{
    bool         more;
    qoe_view_t  *v;

    v = x->v;

    if (!qoe_view_has(x, PLAYING_TIME) || qoe_view_overtaken(x)) {
        return false;
    }

    more = qoe_view_number(x, PLAYING_TIME) > v->told_ms;
    v->told_ms = qoe_view_number(x, PLAYING_TIME);
    v->told_at_ms = (uint32_t) v->spent_ms[QOE_VIEW_PLAYING];

    if ((v->flags & QOE_VIEW_FATAL) && v->told_ms >= v->failed_ms) {
        v->flags &= ~QOE_VIEW_FATAL;
    }

    return more;
}


void
qoe_view_heartbeat(qoe_view_step_t *x)
{
    double  ms;

    if (qoe_view_has(x, PLAYING_TIME)) {
        ms = qoe_view_number(x, PLAYING_TIME);

        qoe_view_point(x, QOE_METRIC_HEART_BEAT_PLAYING_TIME, ms, 0);
        qoe_view_point(x, QOE_METRIC_HEARTBEAT_PLAYING_TIME_SECONDS,
                       ms / 1000, 0);
    }

    if (x->bitrate > 0) {
        qoe_view_point(x, QOE_METRIC_HEART_BEAT_RATE_BPS, x->bitrate, 0);
    }

    qoe_view_buffer(x);
    qoe_view_rendition(x);

    if (x->v == NULL) {
        return;
    }

    if (qoe_view_told(x)) {
        x->v->flags &= ~QOE_VIEW_DOUBTFUL;
    }

    qoe_view_frames(x);

    /* not every player says that it plays on behind a seek */

    if (x->v->state == QOE_VIEW_SEEKING) {
        qoe_view_enter(x, QOE_VIEW_PLAYING);
    }
}


/* A player that begins anew counts its frames from 0 again. */

static void
qoe_view_frames(qoe_view_step_t *x)
{
    double       frames;
    qoe_view_t  *v;

    v = x->v;

    /* one that was overtaken is not a player that began anew */

    if (!qoe_view_has(x, DROPPED_FRAMES) || qoe_view_overtaken(x)) {
        return;
    }

    frames = qoe_view_number(x, DROPPED_FRAMES);

    qoe_view_point(x, QOE_METRIC_DROPPED_FRAMES_TOTAL,
                   frames < v->dropped ? frames : frames - v->dropped, 0);

    v->dropped = frames;
}


void
qoe_view_error(qoe_view_step_t *x)
{
    double        ms;
    qoe_span_t    family, code;
    qoe_view_t   *v;
    qoe_point_t  *p;

    v = x->v;
    family = qoe_view_text(x, ERROR_FAMILY);
    code = qoe_view_text(x, ERROR_CODE);

    p = qoe_point_add(x->points, QOE_METRIC_ERRORS_TOTAL, 1);

    qoe_point_extra(p, QOE_DIM_ERROR_FAMILY,
                    family.len ? family : qoe_span("unknown"));
    qoe_point_extra(p, QOE_DIM_ERROR_CODE,
                    code.len ? code : qoe_span("unknown"));

    if (v == NULL) {
        return;
    }

    if (!qoe_view_has(x, FATAL)) {
        v->flags |= QOE_VIEW_DOUBTFUL;

    } else if (qoe_view_number(x, FATAL) != 0) {
        v->flags |= QOE_VIEW_FATAL;

        /* what the player counts until now, and as much as it takes */

        ms = v->told_ms + QOE_VIEW_RECOVERED_MS
             + (double) qoe_view_since(v->spent_ms[QOE_VIEW_PLAYING],
                                       v->told_at_ms);

        v->failed_ms = ms >= 0 && ms < UINT32_MAX ? (uint32_t) ms : UINT32_MAX;
    }
}


void
qoe_view_quartile(qoe_view_step_t *x)
{
    unsigned              i;
    double                quartile;
    qoe_point_t          *p;
    static const struct {
        double            value;
        qoe_span_t        text;
    } quartiles[] = {
        { 25, { "25", 2 } },
        { 50, { "50", 2 } },
        { 75, { "75", 2 } },
        { 100, { "100", 3 } }
    };

    (void) qoe_view_told(x);

    /* hls.js calls errors fatal that it recovers from */

    x->v->flags &= ~QOE_VIEW_DOUBTFUL;

    if (!qoe_view_overtaken(x)) {
        x->v->flags &= ~QOE_VIEW_FATAL;
    }

    quartile = qoe_view_has(x, QUARTILE) ? qoe_view_number(x, QUARTILE) : 0;

    for (i = 0; i < sizeof(quartiles) / sizeof(quartiles[0]); i++) {

        if (quartile == quartiles[i].value && !(x->v->quartiles >> i & 1)) {
            x->v->quartiles |= (uint8_t) (1 << i);

            p = qoe_point_add(x->points, QOE_METRIC_QUARTILE_REACHED_TOTAL, 1);
            qoe_point_extra(p, QOE_DIM_QUARTILE, quartiles[i].text);
        }
    }
}


void
qoe_view_ended(qoe_view_step_t *x)
{
    if (qoe_view_has(x, PLAYING_TIME)) {
        qoe_view_point(x, QOE_METRIC_PLAYING_TIME,
                       qoe_view_number(x, PLAYING_TIME), 0);
    }

    if (qoe_view_has(x, COMPLETION_RATE)) {
        qoe_view_point(x, QOE_METRIC_COMPLETION_RATE,
                       qoe_min(qoe_view_number(x, COMPLETION_RATE), 1), 0);
    }

    if (x->v != NULL) {
        qoe_view_point(x, QOE_METRIC_VIEWS_COMPLETED_TOTAL, 1, 0);

        x->v->flags &= ~(QOE_VIEW_FATAL|QOE_VIEW_DOUBTFUL);
        x->v->flags |= QOE_VIEW_COMPLETED|QOE_VIEW_ENDING;
    }
}


void
qoe_view_detached(qoe_view_step_t *x)
{
    x->v->flags |= QOE_VIEW_ENDING;
}


void
qoe_view_move_away(qoe_view_step_t *x)
{
    qoe_view_t  *v;

    v = x->v;

    if ((v->flags & QOE_VIEW_HIDDEN) == 0) {
        v->flags |= QOE_VIEW_HIDDEN;
        qoe_view_point(x, QOE_METRIC_STAY_DURATION,
                       (double) qoe_view_since(x->now_ms, v->entry_ms), 0);
    }
}


void
qoe_view_move_back(qoe_view_step_t *x)
{
    if (x->v->flags & QOE_VIEW_HIDDEN) {
        x->v->flags &= ~QOE_VIEW_HIDDEN;
        x->v->entry_ms = x->now_ms;
    }
}
