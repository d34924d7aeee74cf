
/*
 * Copyright (C) OpenQoE
 *
 * Renditions: their bitrates and sizes, summed up over the time of playing.
 */


#include "qoe_view_priv.h"

#include <strings.h>


/* A smaller bitrate must be in kbit/s, whatever its name says. */
#define QOE_VIEW_RATE_MIN      30000

/* A larger bitrate_kb must be in bit/s. */
#define QOE_VIEW_RATE_KB_MAX   1000000


static bool qoe_view_is(qoe_span_t text, const char *name);
static bool qoe_view_of_audio(const qoe_view_step_t *x);
static void qoe_view_picture(qoe_view_step_t *x, const qoe_moment_t *size);
static void qoe_view_name(qoe_view_step_t *x);
static void qoe_view_change(qoe_view_step_t *x);
static qoe_span_t qoe_view_direction(double before, double after);
static uint16_t qoe_view_pixels(double n);


static bool
qoe_view_is(qoe_span_t text, const char *name)
{
    return text.len == strlen(name)
           && strncasecmp(text.data, name, text.len) == 0;
}


/* A rendition without a media type is taken for video. */

int
qoe_view_media_of(qoe_span_t media_type)
{
    if (media_type.len == 0 || qoe_view_is(media_type, "video")) {
        return QOE_VIEW_VIDEO;
    }

    return qoe_view_is(media_type, "audio") ? QOE_VIEW_AUDIO : QOE_VIEW_OTHER;
}


/*
 * Values of 0 or less mean "not known".  The unit is the plausible one: dash.js
 * sends kbit/s in some versions and bit/s in others.
 */

double
qoe_view_bitrate(const qoe_view_step_t *x)
{
    double  rate;

    rate = qoe_view_has(x, BITRATE) ? qoe_view_number(x, BITRATE) : 0;

    if (rate > 0) {
        return rate < QOE_VIEW_RATE_MIN ? rate * 1000 : rate;
    }

    rate = qoe_view_has(x, BITRATE_KB) ? qoe_view_number(x, BITRATE_KB) : 0;

    if (rate > 0) {
        return rate > QOE_VIEW_RATE_KB_MAX ? rate : rate * 1000;
    }

    return 0;
}


static uint16_t
qoe_view_pixels(double n)
{
    return n > 0 ? (uint16_t) qoe_min(n + 0.5, (double) UINT16_MAX) : 0;
}


void
qoe_view_sizes(qoe_moment_t *m, const qoe_view_step_t *x)
{
    double  ratio, width, height;

    width = qoe_view_has(x, VIDEO_WIDTH) ? qoe_view_number(x, VIDEO_WIDTH) : 0;
    height = qoe_view_has(x, VIDEO_HEIGHT) ? qoe_view_number(x, VIDEO_HEIGHT)
                                           : 0;

    if (width <= 0 || height <= 0) {
        width = qoe_view_has(x, RESOLUTION_WIDTH)
                ? qoe_view_number(x, RESOLUTION_WIDTH) : 0;
        height = qoe_view_has(x, RESOLUTION_HEIGHT)
                 ? qoe_view_number(x, RESOLUTION_HEIGHT) : 0;
    }

    m->width = qoe_view_pixels(width);
    m->height = qoe_view_pixels(height);

    ratio = qoe_view_has(x, DEVICE_PIXEL_RATIO)
            ? qoe_view_number(x, DEVICE_PIXEL_RATIO) : 1;
    width = qoe_view_has(x, PLAYER_WIDTH) ? qoe_view_number(x, PLAYER_WIDTH)
                                          : 0;
    height = qoe_view_has(x, PLAYER_HEIGHT) ? qoe_view_number(x, PLAYER_HEIGHT)
                                            : 0;

    m->box_width = qoe_view_pixels(width * ratio);
    m->box_height = qoe_view_pixels(height * ratio);
}


void
qoe_view_rate(qoe_view_t *v, uint64_t ms)
{
    double             pixels;
    unsigned           i;
    qoe_view_media_t  *m;

    for (i = 0; i < QOE_VIEW_MEDIA; i++) {
        m = &v->media[i];

        if (m->rate > 0) {
            m->rate_sum += (double) m->rate * (double) ms;
            m->rate_ms += ms;
        }
    }

    m = &v->media[QOE_VIEW_VIDEO];

    if (m->rate > 1) {
        v->log_sum += v->rate_log * (double) ms;
    }

    pixels = (double) v->width * v->height;

    if (pixels > 0) {
        v->pixel_sum += pixels * (double) ms;
        v->height_sum += (double) v->height * (double) ms;
        v->pixel_ms += ms;
    }

    if (v->flags & QOE_VIEW_SIZED) {
        v->up_ms += v->stretched > 0 ? ms : 0;
        v->down_ms += v->stretched < 0 ? ms : 0;
    }
}


/*
 * Corrects the sums after a gap turned out to hold less playing than assumed;
 * the means do not change.
 */

void
qoe_view_rate_fit(qoe_view_t *v)
{
    double             share;
    unsigned           i;
    qoe_view_media_t  *m;

    for (i = 0; i < QOE_VIEW_MEDIA; i++) {
        m = &v->media[i];

        if (m->rate_ms <= v->playing_ms) {
            continue;
        }

        share = (double) v->playing_ms / (double) m->rate_ms;
        m->rate_ms = v->playing_ms;
        m->rate_sum *= share;

        if (i == QOE_VIEW_VIDEO) {
            v->log_sum *= share;
        }
    }

    if (v->pixel_ms > v->playing_ms) {
        share = (double) v->playing_ms / (double) v->pixel_ms;
        v->pixel_sum *= share;
        v->height_sum *= share;
        v->pixel_ms = v->playing_ms;
    }

    v->up_ms = qoe_min(v->up_ms, v->playing_ms);
    v->down_ms = qoe_min(v->down_ms, v->playing_ms);
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


void
qoe_view_average(const qoe_view_t *v, qoe_points_t *points, int media)
{
    qoe_point_t              *p;
    const qoe_view_media_t   *m;
    static const qoe_span_t   names[] = {
        [QOE_VIEW_VIDEO] = { "video", 5 },
        [QOE_VIEW_AUDIO] = { "audio", 5 }
    };

    /* the view does not keep the names of other types */

    m = &v->media[media % QOE_VIEW_MEDIA];

    if (media >= QOE_VIEW_OTHER || m->rate_ms == 0) {
        return;
    }

    p = qoe_point_add(points, QOE_METRIC_TIME_WEIGHTED_AVERAGE_BITRATE,
                      qoe_view_mean_rate(m) / 1000);

    if (v->flags & (uint32_t) QOE_VIEW_NAMED << media) {
        qoe_point_extra(p, QOE_DIM_MEDIA_TYPE, names[media]);
    }
}


/*
 * dash.js reports the bitrate of the rendition that was switched last, without
 * its media type.
 */

static bool
qoe_view_of_audio(const qoe_view_step_t *x)
{
    return qoe_view_text(x, MEDIA_TYPE).len == 0
           && (float) x->bitrate == x->v->media[QOE_VIEW_AUDIO].bitrate
           && (float) x->bitrate != x->v->media[QOE_VIEW_VIDEO].bitrate;
}


/*
 * Takes the bitrate of a `playing` or a heartbeat only if none is known: a
 * qualitychange that belongs to it may still be on its way.
 */

void
qoe_view_rendition(qoe_view_step_t *x)
{
    qoe_view_media_t  *m;

    if (x->bitrate > 0) {
        qoe_view_point(x, QOE_METRIC_BITRATE, x->bitrate, QOE_WITH_MEDIA);
    }

    if (x->v == NULL || x->bitrate <= 0) {
        return;
    }

    if (qoe_view_of_audio(x)) {
        x->bitrate = 0;
        return;
    }

    m = &x->v->media[x->media];

    if (m->bitrate == 0) {
        m->bitrate = (float) x->bitrate;
    }

    qoe_view_name(x);
}


/* Points of the whole view name the media type only if its events did. */

static void
qoe_view_name(qoe_view_step_t *x)
{
    if (qoe_view_text(x, MEDIA_TYPE).len != 0) {
        x->v->flags |= (uint32_t) QOE_VIEW_NAMED << x->media;
    }
}


/* The classes, by the 16:9 frame that a picture fits. */

static const struct {
    unsigned        width;
    unsigned        height;
    qoe_span_t      text;
} qoe_view_classes[] = {
    { 7680, 4320, { "8k", 2 } },
    { 3840, 2160, { "4k", 2 } },
    { 2560, 1440, { "1440p", 5 } },
    { 1920, 1080, { "1080p", 5 } },
    { 1280, 720, { "720p", 4 } },
    { 854, 480, { "480p", 4 } },
    { 640, 360, { "360p", 4 } },
    { 426, 240, { "240p", 4 } },
    { 0, 0, { "unknown", 7 } }
};

#define QOE_VIEW_CLASSES                                                      \
    (sizeof(qoe_view_classes) / sizeof(qoe_view_classes[0]))


/*
 * The class is the largest one whose width or height the picture has, in either
 * orientation: 1920x800 and 1080x1920 are 1080p.
 */

unsigned
qoe_view_class(unsigned width, unsigned height)
{
    unsigned  i, wide, narrow;

    if (width == 0 || height == 0) {
        return 0;
    }

    wide = qoe_max(width, height);
    narrow = qoe_min(width, height);

    for (i = 0; wide < qoe_view_classes[i].width
                && narrow < qoe_view_classes[i].height; i++)
    {
        /* void */
    }

    return i + 1;
}


void
qoe_view_class_point(qoe_points_t *points, unsigned class)
{
    qoe_point_t  *p;

    if (class == 0 || class > QOE_VIEW_CLASSES) {
        return;
    }

    p = qoe_point_add(points, QOE_METRIC_RESOLUTION_TOTAL, 1);
    qoe_point_extra(p, QOE_DIM_RESOLUTION, qoe_view_classes[class - 1].text);
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
        x->v->media[x->media].request_ms = x->at_ms;

        if (before <= 0) {
            before = (double) x->v->requested[x->media];
        }

        if (before <= 0) {
            before = (double) x->v->media[x->media].bitrate;
        }

        if (after > 0) {
            x->v->requested[x->media] = (float) after;
        }
    }

    if (!(before > 0) || after <= 0) {
        return;
    }

    p = qoe_point_add(x->points, QOE_METRIC_BITRATE_CHANGE,
                      fabs(after - before));
    qoe_point_extra(p, QOE_DIM_MEDIA_TYPE, qoe_view_text(x, MEDIA_TYPE));
    qoe_point_extra(p, QOE_DIM_DIRECTION, qoe_view_direction(before, after));
}


/* Compares bitrates as floats, which is how they are stored. */

static qoe_span_t
qoe_view_direction(double before, double after)
{
    if ((float) after == (float) before) {
        return qoe_span("same");
    }

    return after > before ? qoe_span("up") : qoe_span("down");
}


void
qoe_view_quality_change(qoe_view_step_t *x)
{
    qoe_moment_t  size;

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

    qoe_view_sizes(&size, x);

    if (x->media == QOE_VIEW_VIDEO) {
        qoe_view_class_point(x->points, size.width && size.height
                                        ? qoe_view_class(size.width,
                                                         size.height)
                                        : QOE_VIEW_CLASSES);
        qoe_view_picture(x, &size);

    } else if (x->media == QOE_VIEW_OTHER) {
        qoe_view_class_point(x->points, qoe_view_class(size.width,
                                                       size.height));
    }

    if (x->v != NULL) {
        qoe_view_change(x);
    }
}


/* Points about the picture that need only this event. */

static void
qoe_view_picture(qoe_view_step_t *x, const qoe_moment_t *size)
{
    double  rate, pixels, box;

    pixels = (double) size->width * size->height;
    box = (double) size->box_width * size->box_height;
    rate = qoe_view_has(x, FRAMERATE) ? qoe_view_number(x, FRAMERATE) : 0;

    if (x->bitrate > 0 && pixels * rate > 0) {
        qoe_view_point(x, QOE_METRIC_PERCEIVED_QUALITY_INDEX,
                       x->bitrate / (pixels * rate), QOE_WITH_CODEC);
    }

    if (pixels > 0 && box > 0) {
        qoe_view_point(x, QOE_METRIC_RESOLUTION_TO_PLAYER_RATIO, pixels / box,
                       0);
    }
}


/* Compares the new rendition with the previous one. */

static void
qoe_view_change(qoe_view_step_t *x)
{
    double             before;
    qoe_span_t         direction;
    qoe_point_t       *p;
    qoe_view_media_t  *m;

    m = &x->v->media[x->media];
    before = (double) m->bitrate;
    direction = qoe_span("same");

    if (before > 0) {
        qoe_view_point(x, QOE_METRIC_QUALITY_CHANGE_OLD_BITRATE_BPS, before,
                       QOE_WITH_MEDIA);

        if (x->bitrate > 0) {
            direction = qoe_view_direction(before, x->bitrate);
        }
    }

    if (x->media == QOE_VIEW_VIDEO) {
        x->v->switches_up += direction.data[0] == 'u';
        x->v->switches_down += direction.data[0] == 'd';
    }

    p = qoe_point_add(x->points, QOE_METRIC_QUALITY_CHANGES_TOTAL, 1);
    qoe_point_extra(p, QOE_DIM_MEDIA_TYPE, qoe_view_text(x, MEDIA_TYPE));
    qoe_point_extra(p, QOE_DIM_CHANGE_DIRECTION, direction);

    if (m->request_ms != 0) {
        qoe_view_point(x, QOE_METRIC_QUALITY_CHANGE_LATENCY,
                       (double) qoe_view_since(x->at_ms, m->request_ms),
                       QOE_WITH_MEDIA|QOE_WITH_CODEC);
        m->request_ms = 0;
    }

    if (x->bitrate > 0) {
        m->bitrate = (float) x->bitrate;
        qoe_view_name(x);
    }
}
