
/*
 * Copyright (C) OpenQoE
 *
 * Renditions: bitrates and sizes, and what they add up to in the time of
 * playing.
 */


#include "qoe_view_priv.h"

#include <math.h>
#include <strings.h>


/* Of a video in pixels, and of its player's box. */

typedef struct {
    double          height;
    double          video;
    double          player;
} qoe_view_size_t;


static bool qoe_view_is(qoe_span_t text, const char *name);
static qoe_view_size_t qoe_view_size(const qoe_view_step_t *x);
static void qoe_view_set_size(qoe_view_t *v, const qoe_view_size_t *size);
static uint64_t qoe_view_less(uint64_t part, uint64_t before, uint64_t ms);
static bool qoe_view_of_audio(const qoe_view_step_t *x);
static void qoe_view_rate_seen(qoe_view_step_t *x, double rate);
static void qoe_view_picture(qoe_view_step_t *x);
static void qoe_view_change(qoe_view_step_t *x);
static void qoe_view_averages(qoe_view_step_t *x);


static bool
qoe_view_is(qoe_span_t text, const char *name)
{
    return text.len == strlen(name)
           && strncasecmp(text.data, name, text.len) == 0;
}


/* A rendition whose type is not told is the main one. */

int
qoe_view_media_of(qoe_span_t media_type)
{
    if (media_type.len == 0 || qoe_view_is(media_type, "video")) {
        return QOE_VIEW_VIDEO;
    }

    return qoe_view_is(media_type, "audio") ? QOE_VIEW_AUDIO : QOE_VIEW_OTHER;
}


/* 0 and less is "not known"; dash.js tells kbit/s where others tell bit/s. */

double
qoe_view_bitrate(const qoe_view_step_t *x)
{
    double      rate;
    qoe_span_t  player;

    rate = qoe_view_has(x, BITRATE) ? qoe_view_number(x, BITRATE) : 0;
    player = qoe_view_text(x, PLAYER_NAME);

    if (rate > 0) {

        if ((x->s->type == QOE_EVENT_PLAYING
             || x->s->type == QOE_EVENT_HEARTBEAT)
            && (qoe_view_is(player, "dashjs")
                || qoe_view_is(player, "dash.js")))
        {
            rate *= 1000;
        }

        return rate;
    }

    if (qoe_view_has(x, BITRATE_KB) && qoe_view_number(x, BITRATE_KB) > 0) {
        return qoe_view_number(x, BITRATE_KB) * 1000;
    }

    return 0;
}


static qoe_view_size_t
qoe_view_size(const qoe_view_step_t *x)
{
    double           ratio, width;
    qoe_view_size_t  size;

    memset(&size, 0, sizeof(size));

    if (qoe_view_has(x, VIDEO_WIDTH) && qoe_view_has(x, VIDEO_HEIGHT)
        && qoe_view_number(x, VIDEO_WIDTH) > 0
        && qoe_view_number(x, VIDEO_HEIGHT) > 0)
    {
        width = qoe_view_number(x, VIDEO_WIDTH);
        size.height = qoe_view_number(x, VIDEO_HEIGHT);

    } else {
        width = qoe_view_has(x, RESOLUTION_WIDTH)
                ? qoe_view_number(x, RESOLUTION_WIDTH) : 0;
        size.height = qoe_view_has(x, RESOLUTION_HEIGHT)
                      ? qoe_view_number(x, RESOLUTION_HEIGHT) : 0;
    }

    size.video = width * size.height;

    if (qoe_view_has(x, PLAYER_WIDTH) && qoe_view_has(x, PLAYER_HEIGHT)) {
        ratio = qoe_view_has(x, DEVICE_PIXEL_RATIO)
                ? qoe_view_number(x, DEVICE_PIXEL_RATIO) : 1;

        size.player = qoe_view_number(x, PLAYER_WIDTH)
                      * qoe_view_number(x, PLAYER_HEIGHT) * ratio * ratio;
    }

    return size;
}


static void
qoe_view_set_size(qoe_view_t *v, const qoe_view_size_t *size)
{
    if (size->video > 0) {
        v->pixels = size->video;
    }

    if (size->player > 0) {
        v->player_pixels = size->player;
    }

    if (v->pixels > 0 && v->player_pixels > 0) {
        v->flags |= QOE_VIEW_SIZED;
    }
}


void
qoe_view_rate(qoe_view_t *v, uint64_t ms)
{
    unsigned           i;
    qoe_view_media_t  *m;

    for (i = 0; i < QOE_VIEW_MEDIA; i++) {
        m = &v->media[i];

        if (m->rate > 0) {
            m->rate_sum += m->rate * (double) ms;
            m->rate_ms += ms;
        }
    }

    m = &v->media[QOE_VIEW_VIDEO];

    if (m->rate > 1) {
        v->log_sum += log(m->rate) * (double) ms;
    }

    if (v->pixels > 0) {
        v->pixel_sum += v->pixels * (double) ms;
        v->pixel_ms += ms;
    }

    if (v->pixels > 0 && v->player_pixels > 0) {
        v->up_ms += v->pixels < v->player_pixels ? ms : 0;
        v->down_ms += v->pixels > v->player_pixels ? ms : 0;
    }
}


/* What was played when is not known any more: all of it shrinks alike. */

void
qoe_view_rate_less(qoe_view_t *v, uint64_t before, uint64_t ms)
{
    double             share;
    unsigned           i;
    uint64_t           left;
    qoe_view_media_t  *m;

    for (i = 0; i < QOE_VIEW_MEDIA; i++) {
        m = &v->media[i];

        if (m->rate_ms == 0) {
            continue;
        }

        /* means are what they were */

        left = qoe_view_less(m->rate_ms, before, ms);
        share = (double) left / (double) m->rate_ms;

        m->rate_ms = left;
        m->rate_sum *= share;

        if (i == QOE_VIEW_VIDEO) {
            v->log_sum *= share;
        }
    }

    if (v->pixel_ms != 0) {
        left = qoe_view_less(v->pixel_ms, before, ms);
        v->pixel_sum *= (double) left / (double) v->pixel_ms;
        v->pixel_ms = left;
    }

    v->up_ms = qoe_view_less(v->up_ms, before, ms);
    v->down_ms = qoe_view_less(v->down_ms, before, ms);
}


static uint64_t
qoe_view_less(uint64_t part, uint64_t before, uint64_t ms)
{
    double  left;

    left = (double) part * ((double) (before - ms) / (double) before);

    return left < (double) (before - ms) ? (uint64_t) left : before - ms;
}


double
qoe_view_mean_rate(const qoe_view_media_t *m)
{
    return m->rate_ms != 0 ? m->rate_sum / (double) m->rate_ms : 0;
}


double
qoe_view_mean_pixels(const qoe_view_t *v)
{
    return v->pixel_ms != 0 ? v->pixel_sum / (double) v->pixel_ms : 0;
}


/* What is played from now on. */

static void
qoe_view_rate_seen(qoe_view_step_t *x, double rate)
{
    qoe_view_t  *v;

    v = x->v;
    v->media[x->media].rate = rate;

    if (qoe_view_text(x, MEDIA_TYPE).len != 0) {
        v->flags |= (uint32_t) QOE_VIEW_NAMED << x->media;
    }

    if (x->media == QOE_VIEW_VIDEO && !(v->top >= rate)) {
        v->top = rate;
    }
}


/* dash.js tells the bitrate of what was switched last, and not its type. */

static bool
qoe_view_of_audio(const qoe_view_step_t *x)
{
    return qoe_view_text(x, MEDIA_TYPE).len == 0
           && x->bitrate == x->v->media[QOE_VIEW_AUDIO].bitrate
           && x->bitrate != x->v->media[QOE_VIEW_VIDEO].bitrate;
}


/*
 * Of playing and heartbeat: what the view's last rendition was stays, for the
 * qualitychange that this belongs to may still be on its way.
 */

void
qoe_view_rendition(qoe_view_step_t *x)
{
    qoe_view_t        *v;
    qoe_view_size_t    size;
    qoe_view_media_t  *m;

    v = x->v;

    if (x->bitrate > 0) {
        qoe_view_point(x, QOE_METRIC_BITRATE, x->bitrate, QOE_WITH_MEDIA);
    }

    if (v == NULL) {
        return;
    }

    if (x->bitrate > 0 && !qoe_view_of_audio(x)) {
        m = &v->media[x->media];

        if (m->bitrate == 0) {
            m->bitrate = x->bitrate;
        }

        qoe_view_rate_seen(x, x->bitrate);
    }

    if (x->media == QOE_VIEW_VIDEO) {
        size = qoe_view_size(x);

        if (v->pixels > 0) {
            size.video = 0;
        }

        qoe_view_set_size(v, &size);
    }
}


/* A class of the height; what has no picture has none. */

void
qoe_view_resolution(qoe_view_step_t *x)
{
    size_t                i;
    double                height;
    qoe_point_t          *p;
    static const struct {
        double            height;
        qoe_span_t        text;
    } classes[] = {
        { 4320, { "8k", 2 } },
        { 2160, { "4k", 2 } },
        { 1440, { "1440p", 5 } },
        { 1080, { "1080p", 5 } },
        { 720, { "720p", 4 } },
        { 480, { "480p", 4 } },
        { 360, { "360p", 4 } },
        { 240, { "240p", 4 } },
        { 0, { "unknown", 7 } }
    };

    height = qoe_view_size(x).height;

    if (x->media == QOE_VIEW_AUDIO
        || (x->media == QOE_VIEW_OTHER && height == 0))
    {
        return;
    }

    for (i = 0; height < classes[i].height; i++) {
        /* void */
    }

    p = qoe_point_add(x->points, QOE_METRIC_RESOLUTION_TOTAL, 1);
    qoe_point_extra(p, QOE_DIM_RESOLUTION, classes[i].text);
}


void
qoe_view_quality_request(qoe_view_step_t *x)
{
    double        before, after;
    qoe_point_t  *p;

    qoe_view_point(x, QOE_METRIC_QUALITY_CHANGE_REQUEST_TOTAL, 1,
                   QOE_WITH_MEDIA);

    after = qoe_view_has(x, NEW_BITRATE_KB)
            ? qoe_view_number(x, NEW_BITRATE_KB) * 1000 : 0;
    before = qoe_view_has(x, OLD_BITRATE_KB)
             ? qoe_view_number(x, OLD_BITRATE_KB) * 1000 : 0;

    if (x->v != NULL) {
        x->v->media[x->media].request_ms = x->now_ms;

        if (before <= 0) {
            before = x->v->media[x->media].bitrate;
        }
    }

    if (!(before > 0) || after <= 0) {
        return;
    }

    p = qoe_point_add(x->points, QOE_METRIC_BITRATE_CHANGE,
                      fabs(after - before));
    qoe_point_extra(p, QOE_DIM_MEDIA_TYPE, qoe_view_text(x, MEDIA_TYPE));
    qoe_point_extra(p, QOE_DIM_DIRECTION,
                    after > before ? qoe_span("up") : qoe_span("down"));
}


void
qoe_view_quality_change(qoe_view_step_t *x)
{
    qoe_view_point(x, QOE_METRIC_QUALITY_CHANGE_TOTAL, 1,
                   QOE_WITH_MEDIA|QOE_WITH_CODEC|QOE_WITH_FRAMERATE);

    if (x->bitrate > 0) {
        qoe_view_point(x, QOE_METRIC_QUALITY_CHANGE_BITRATE_BPS, x->bitrate,
                       QOE_WITH_MEDIA);
        qoe_view_point(x, QOE_METRIC_BITRATE, x->bitrate, QOE_WITH_MEDIA);
    }

    if (qoe_view_has(x, FRAMERATE) && qoe_view_number(x, FRAMERATE) > 0) {
        qoe_view_point(x, QOE_METRIC_FRAMERATE,
                       qoe_view_number(x, FRAMERATE), QOE_WITH_MEDIA);
    }

    qoe_view_resolution(x);

    if (x->media == QOE_VIEW_VIDEO) {
        qoe_view_picture(x);
    }

    if (x->v != NULL) {
        qoe_view_averages(x);
        qoe_view_change(x);
    }
}


/* What the event alone says of the picture. */

static void
qoe_view_picture(qoe_view_step_t *x)
{
    double           rate;
    qoe_view_size_t  size;

    size = qoe_view_size(x);
    rate = qoe_view_has(x, FRAMERATE) ? qoe_view_number(x, FRAMERATE) : 0;

    if (x->bitrate > 0 && size.video > 0 && rate > 0) {
        qoe_view_point(x, QOE_METRIC_PERCEIVED_QUALITY_INDEX,
                       x->bitrate / (size.video * rate), QOE_WITH_CODEC);
    }

    if (size.video > 0 && size.player > 0) {
        qoe_view_point(x, QOE_METRIC_RESOLUTION_TO_PLAYER_RATIO,
                       size.video / size.player, 0);
    }
}


/* The new rendition against the one before it. */

static void
qoe_view_change(qoe_view_step_t *x)
{
    double             before;
    qoe_span_t         direction;
    qoe_point_t       *p;
    qoe_view_size_t    size;
    qoe_view_media_t  *m;

    m = &x->v->media[x->media];
    before = m->bitrate;
    direction = qoe_span("same");

    if (before > 0) {
        qoe_view_point(x, QOE_METRIC_QUALITY_CHANGE_OLD_BITRATE_BPS, before,
                       QOE_WITH_MEDIA);

        if (x->bitrate > 0 && x->bitrate != before) {
            direction = x->bitrate > before ? qoe_span("up")
                                            : qoe_span("down");
        }
    }

    p = qoe_point_add(x->points, QOE_METRIC_QUALITY_CHANGES_TOTAL, 1);
    qoe_point_extra(p, QOE_DIM_MEDIA_TYPE, qoe_view_text(x, MEDIA_TYPE));
    qoe_point_extra(p, QOE_DIM_CHANGE_DIRECTION, direction);

    if (m->request_ms != 0) {
        qoe_view_point(x, QOE_METRIC_QUALITY_CHANGE_LATENCY,
                       (double) qoe_view_since(x->now_ms, m->request_ms),
                       QOE_WITH_MEDIA|QOE_WITH_CODEC);
        m->request_ms = 0;
    }

    if (x->bitrate > 0) {
        m->bitrate = x->bitrate;
        qoe_view_rate_seen(x, x->bitrate);
    }

    if (x->media == QOE_VIEW_VIDEO) {
        size = qoe_view_size(x);
        qoe_view_set_size(x->v, &size);
    }
}


/* Of the view up to this change. */

static void
qoe_view_averages(qoe_view_step_t *x)
{
    const qoe_view_media_t  *m;

    m = &x->v->media[x->media];

    if (m->rate_ms != 0) {
        qoe_view_point(x, QOE_METRIC_TIME_WEIGHTED_AVERAGE_BITRATE,
                       qoe_view_mean_rate(m) / 1000, QOE_WITH_MEDIA);
    }

    if (x->media == QOE_VIEW_VIDEO && x->v->pixel_ms != 0) {
        qoe_view_point(x, QOE_METRIC_TIME_WEIGHTED_AVERAGE_RESOLUTION,
                       qoe_view_mean_pixels(x->v), 0);
    }
}
