
/*
 * Copyright (C) OpenQoE
 *
 * The rendition that a view shows from an event on: its bitrate, size and
 * codec, and how its picture fills the player.
 */


#include "qoe_view_priv.h"


/* Sizes are rounded to pixels, so a scale this close to 1 counts as 1. */
#define QOE_VIEW_EXACT         0.01


static void qoe_view_loaded(qoe_judge_t *j);
static void qoe_view_shown_video(qoe_judge_t *j, float rate);
static void qoe_view_rate_open(qoe_view_t *v, const qoe_moment_t *m);
static void qoe_view_rate_seen(qoe_view_t *v, const qoe_moment_t *m);
static int qoe_view_stretched(const qoe_view_t *v);


void
qoe_view_shown(qoe_judge_t *j)
{
    float                rate;
    qoe_view_t          *v;
    const qoe_moment_t  *m;

    v = j->v;
    m = j->m;

    if (m->type == QOE_EVENT_BANDWIDTHCHANGE) {
        qoe_view_loaded(j);
        return;
    }

    if (m->type != QOE_EVENT_QUALITYCHANGE && m->type != QOE_EVENT_PLAYING
        && m->type != QOE_EVENT_HEARTBEAT)
    {
        return;
    }

    rate = v->media[QOE_VIEW_VIDEO].rate;

    qoe_view_rate_open(v, m);

    if (m->type == QOE_EVENT_QUALITYCHANGE) {
        qoe_view_average(v, j->points, m->media);

        if (m->media == QOE_VIEW_VIDEO && v->pixel_ms != 0) {
            qoe_point_add(j->points,
                          QOE_METRIC_TIME_WEIGHTED_AVERAGE_RESOLUTION,
                          qoe_view_mean_pixels(v));
        }
    }

    if (m->bitrate > 0) {
        qoe_view_rate_seen(v, m);
    }

    if (m->media == QOE_VIEW_VIDEO) {
        qoe_view_shown_video(j, rate);
    }
}


/*
 * The SDK names the codec of hls.js with the bandwidth alone, when media arrive
 * that are shown later: that counts only while no codec is known.
 */

static void
qoe_view_loaded(qoe_judge_t *j)
{
    qoe_view_t          *v;
    const qoe_moment_t  *m;

    v = j->v;
    m = j->m;

    if (m->media != QOE_VIEW_VIDEO || m->codec == QOE_CODEC_UNKNOWN
        || v->codec != QOE_CODEC_UNKNOWN)
    {
        return;
    }

    v->codec = m->codec;

    if (v->media[QOE_VIEW_VIDEO].rate > 0 || v->height != 0) {
        qoe_view_stretch_rendition(j);
    }
}


/* rate: the bitrate before the event. */

static void
qoe_view_shown_video(qoe_judge_t *j, float rate)
{
    uint8_t              codec;
    uint16_t             height;
    qoe_view_t          *v;
    const qoe_moment_t  *m;

    v = j->v;
    m = j->m;
    codec = v->codec;
    height = v->height;

    /*
     * A `playing` or a heartbeat must not override a qualitychange, which may
     * be newer than the picture that they report.
     */

    if (m->width != 0 && m->height != 0
        && (m->type == QOE_EVENT_QUALITYCHANGE || v->width == 0))
    {
        v->width = m->width;
        v->height = m->height;
        v->top_height = qoe_max(v->top_height, m->height);
    }

    if (m->codec != QOE_CODEC_UNKNOWN
        && (m->type == QOE_EVENT_QUALITYCHANGE
            || v->codec == QOE_CODEC_UNKNOWN))
    {
        v->codec = m->codec;
    }

    if (v->media[QOE_VIEW_VIDEO].rate != rate || v->height != height
        || v->codec != codec)
    {
        qoe_view_stretch_rendition(j);
    }

    if (m->box_width != 0 && m->box_height != 0) {
        v->box_width = m->box_width;
        v->box_height = m->box_height;
    }

    if (v->width != 0 && v->box_width != 0) {
        v->flags |= QOE_VIEW_SIZED;
        v->stretched = qoe_view_stretched(v);
    }
}


/*
 * An event that changes the rendition may leave the gap open.  Counts the time
 * until then for the old rendition, as if all of it were played;
 * qoe_view_rate_fit() corrects that later.
 */

static void
qoe_view_rate_open(qoe_view_t *v, const qoe_moment_t *m)
{
    uint64_t  ms;

    if ((v->flags & QOE_VIEW_STARTED) == 0 || v->phase != QOE_PHASE_PLAYING) {
        return;
    }

    ms = qoe_view_since(qoe_view_since(m->at_ms, v->last.at_ms), v->rated_ms);

    qoe_view_rate(v, ms);
    v->rated_ms += (uint32_t) qoe_min(ms, (uint64_t) INT32_MAX);
}


static void
qoe_view_rate_seen(qoe_view_t *v, const qoe_moment_t *m)
{
    v->media[m->media % QOE_VIEW_MEDIA].rate = m->bitrate;

    if (m->media != QOE_VIEW_VIDEO) {
        return;
    }

    v->rate_log = log(m->bitrate);

    if (!(v->top >= m->bitrate)) {
        v->top = m->bitrate;
    }
}


/*
 * Returns 1 if the player shows the picture enlarged, -1 if reduced.  The
 * aspect ratio is kept, so the direction in which the picture fills the player
 * decides.
 */

static int
qoe_view_stretched(const qoe_view_t *v)
{
    double  x, y, scale;

    x = v->box_width / (double) qoe_max(v->width, 1);
    y = v->box_height / (double) qoe_max(v->height, 1);
    scale = qoe_min(x, y);

    return (scale > 1 + QOE_VIEW_EXACT) - (scale < 1 - QOE_VIEW_EXACT);
}
