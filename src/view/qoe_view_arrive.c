
/*
 * Copyright (C) OpenQoE
 *
 * The points that an event makes by itself when it arrives, even if its view is
 * over.  Points that depend on the state are made when the event is judged.
 */


#include "qoe_view_priv.h"


static void qoe_arrive_page_load(qoe_view_step_t *x);
static void qoe_arrive_player_ready(qoe_view_step_t *x);
static void qoe_arrive_playing(qoe_view_step_t *x);
static void qoe_arrive_seek(qoe_view_step_t *x);
static void qoe_arrive_heartbeat(qoe_view_step_t *x);
static void qoe_arrive_quartile(qoe_view_step_t *x);
static void qoe_arrive_ended(qoe_view_step_t *x);
static double qoe_arrive_told(const qoe_view_step_t *x);


typedef void (*qoe_arrive_handler_t)(qoe_view_step_t *x);

static const qoe_arrive_handler_t  qoe_arrive_handlers[QOE_EVENT_CUSTOM + 1] = {
    [QOE_EVENT_MANIFESTLOAD]           = qoe_arrive_page_load,
    [QOE_EVENT_PLAYERREADY]            = qoe_arrive_player_ready,
    [QOE_EVENT_PLAYING]                = qoe_arrive_playing,
    [QOE_EVENT_SEEK]                   = qoe_arrive_seek,
    [QOE_EVENT_STALLSTART]             = qoe_view_buffer,
    [QOE_EVENT_ENDED]                  = qoe_arrive_ended,
    [QOE_EVENT_ERROR]                  = qoe_view_arrive_error,
    [QOE_EVENT_QUARTILE]               = qoe_arrive_quartile,
    [QOE_EVENT_HEARTBEAT]              = qoe_arrive_heartbeat,
    [QOE_EVENT_QUALITYCHANGEREQUESTED] = qoe_view_quality_request,
    [QOE_EVENT_QUALITYCHANGE]          = qoe_view_quality_change,
    [QOE_EVENT_FRAGMENTLOADED]         = qoe_view_fragment,
    [QOE_EVENT_BUFFERLEVELCHANGE]      = qoe_view_buffer_change,
    [QOE_EVENT_BANDWIDTHCHANGE]        = qoe_view_bandwidth
};


void
qoe_view_arrive(qoe_view_step_t *x)
{
    qoe_arrive_handler_t  handler;

    handler = qoe_arrive_handlers[qoe_min((unsigned) x->s->type,
                                          QOE_EVENT_CUSTOM)];
    if (handler != NULL) {
        handler(x);
    }
}


static void
qoe_arrive_page_load(qoe_view_step_t *x)
{
    if (qoe_view_has(x, PAGE_LOAD_TIME)) {
        qoe_view_point(x, QOE_METRIC_PAGE_LOAD_TIME,
                       qoe_view_number(x, PAGE_LOAD_TIME), 0);
    }
}


static void
qoe_arrive_player_ready(qoe_view_step_t *x)
{
    if (qoe_view_has(x, PLAYER_STARTUP_TIME)) {
        qoe_view_point(x, QOE_METRIC_PLAYER_STARTUP_TIME,
                       qoe_view_number(x, PLAYER_STARTUP_TIME), 0);
    }
}


static void
qoe_arrive_playing(qoe_view_step_t *x)
{
    qoe_view_rendition(x);

    if (qoe_view_has(x, FRAMERATE) && qoe_view_number(x, FRAMERATE) > 0) {
        qoe_view_point(x, QOE_METRIC_FRAMERATE,
                       qoe_view_number(x, FRAMERATE), QOE_WITH_MEDIA);
    }
}


static void
qoe_arrive_seek(qoe_view_step_t *x)
{
    double  ms;

    qoe_view_point(x, QOE_METRIC_SEEK_TOTAL, 1, 0);

    if (x->v != NULL) {
        x->v->seeks++;
    }

    if (qoe_view_has(x, SEEK_LATENCY)) {
        ms = qoe_view_number(x, SEEK_LATENCY);

        qoe_view_point(x, QOE_METRIC_SEEK_LATENCY, ms, 0);
        qoe_view_point(x, QOE_METRIC_SEEK_LATENCY_SECONDS, ms / 1000, 0);
    }
}


/* The playing_time in ms, provided that the player's unit is known by now. */

static double
qoe_arrive_told(const qoe_view_step_t *x)
{
    double  told;

    if (!qoe_view_has(x, PLAYING_TIME)) {
        return NAN;
    }

    told = qoe_view_number(x, PLAYING_TIME);

    return x->v != NULL && x->v->told_scale > 1
           ? told * (double) x->v->told_scale : told;
}


static void
qoe_arrive_heartbeat(qoe_view_step_t *x)
{
    double  ms;

    ms = qoe_arrive_told(x);

    qoe_view_point(x, QOE_METRIC_HEART_BEAT_PLAYING_TIME, ms, 0);
    qoe_view_point(x, QOE_METRIC_HEARTBEAT_PLAYING_TIME_SECONDS, ms / 1000, 0);

    if (x->bitrate > 0) {
        qoe_view_point(x, QOE_METRIC_HEART_BEAT_RATE_BPS, x->bitrate, 0);
    }

    qoe_view_buffer(x);
    qoe_view_rendition(x);
}


void
qoe_view_arrive_error(qoe_view_step_t *x)
{
    qoe_span_t    family, code;
    qoe_point_t  *p;

    family = qoe_view_text(x, ERROR_FAMILY);
    code = qoe_view_text(x, ERROR_CODE);

    p = qoe_point_add(x->points, QOE_METRIC_ERRORS_TOTAL, 1);

    qoe_point_extra(p, QOE_DIM_ERROR_FAMILY,
                    family.len ? family : qoe_span("unknown"));
    qoe_point_extra(p, QOE_DIM_ERROR_CODE,
                    code.len ? code : qoe_span("unknown"));

    if (x->v != NULL) {
        x->v->errors++;
    }
}


static void
qoe_arrive_quartile(qoe_view_step_t *x)
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

    if (x->v == NULL || !qoe_view_has(x, QUARTILE)) {
        return;
    }

    quartile = qoe_view_number(x, QUARTILE);

    for (i = 0; i < sizeof(quartiles) / sizeof(quartiles[0]); i++) {

        if (quartile == quartiles[i].value && !(x->v->quartiles >> i & 1)) {
            x->v->quartiles |= (uint8_t) (1 << i);

            p = qoe_point_add(x->points, QOE_METRIC_QUARTILE_REACHED_TOTAL, 1);
            qoe_point_extra(p, QOE_DIM_QUARTILE, quartiles[i].text);
        }
    }
}


static void
qoe_arrive_ended(qoe_view_step_t *x)
{
    double  rate;

    qoe_view_point(x, QOE_METRIC_PLAYING_TIME, qoe_arrive_told(x), 0);

    if (qoe_view_has(x, COMPLETION_RATE)) {
        rate = qoe_min(qoe_view_number(x, COMPLETION_RATE), 1);
        qoe_view_point(x, QOE_METRIC_COMPLETION_RATE, rate, 0);

        if (x->v != NULL) {
            x->v->completion = (float) rate;
        }
    }
}
