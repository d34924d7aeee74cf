
/*
 * Copyright (C) OpenQoE
 *
 * Points: which values of an event are usable, and the attributes that points
 * take from the event.
 */


#include "qoe_view_priv.h"

#include <math.h>


/*
 * The ranges of numbers.  A value outside comes from a broken player or a
 * forged event, and a single one would spoil a mean for good.  Durations are
 * within a year, because live streams go on for days.  Bitrates have no lower
 * limit here, because players send 0 or -1 for "not known".  A position may be
 * a Unix time.
 */

#define QOE_LONG_MS        (366.0 * 86400000)
#define QOE_POSITION_MAX   1e15
#define QOE_RATE_MAX       1e12
#define QOE_SIZE_MAX       100000            /* pixels of an edge */

static const struct {
    double          min;
    double          max;
} qoe_view_range[QOE_NUMBERS] = {
    [QOE_NUMBER_PAGE_LOAD_TIME]      = { 0, QOE_LONG_MS },
    [QOE_NUMBER_PLAYER_STARTUP_TIME] = { 0, QOE_LONG_MS },
    [QOE_NUMBER_VIDEO_STARTUP_TIME]  = { 0, QOE_LONG_MS },
    [QOE_NUMBER_PLAYING_TIME]        = { 0, QOE_LONG_MS },
    [QOE_NUMBER_COMPLETION_RATE]     = { 0, 1.05 },
    [QOE_NUMBER_SEEK_LATENCY]        = { 0, QOE_LONG_MS },
    [QOE_NUMBER_STALL_DURATION]      = { 0, QOE_LONG_MS },
    [QOE_NUMBER_STALL_POSITION_SECS] = { 0, QOE_LONG_MS / 1000 },
    [QOE_NUMBER_BUFFER_LENGTH]       = { 0, QOE_LONG_MS },
    [QOE_NUMBER_Z_SCORE]             = { -1e6, 1e6 },
    [QOE_NUMBER_IS_OUTLIER]          = { 0, 1 },
    [QOE_NUMBER_BITRATE]             = { -QOE_RATE_MAX, QOE_RATE_MAX },
    [QOE_NUMBER_BITRATE_KB]          = { -QOE_RATE_MAX, QOE_RATE_MAX / 1000 },
    [QOE_NUMBER_OLD_BITRATE_KB]      = { -QOE_RATE_MAX, QOE_RATE_MAX / 1000 },
    [QOE_NUMBER_NEW_BITRATE_KB]      = { -QOE_RATE_MAX, QOE_RATE_MAX / 1000 },
    [QOE_NUMBER_DROPPED_FRAMES]      = { 0, 1e9 },
    [QOE_NUMBER_QUARTILE]            = { 0, 100 },
    [QOE_NUMBER_FRAG_DURATION]       = { 0, QOE_LONG_MS / 1000 },
    [QOE_NUMBER_SIZE_BYTES]          = { 0, 1e12 },
    [QOE_NUMBER_TTFB_MS]             = { 0, QOE_LONG_MS },
    [QOE_NUMBER_BANDWIDTH]           = { 0, QOE_RATE_MAX },
    [QOE_NUMBER_FRAMERATE]           = { 0, 1000 },
    [QOE_NUMBER_RESOLUTION_WIDTH]    = { 0, QOE_SIZE_MAX },
    [QOE_NUMBER_RESOLUTION_HEIGHT]   = { 0, QOE_SIZE_MAX },
    [QOE_NUMBER_VIDEO_WIDTH]         = { 0, QOE_SIZE_MAX },
    [QOE_NUMBER_VIDEO_HEIGHT]        = { 0, QOE_SIZE_MAX },
    [QOE_NUMBER_PLAYER_WIDTH]        = { 0, QOE_SIZE_MAX },
    [QOE_NUMBER_PLAYER_HEIGHT]       = { 0, QOE_SIZE_MAX },
    [QOE_NUMBER_DEVICE_PIXEL_RATIO]  = { 0, 100 },
    [QOE_NUMBER_FATAL]               = { 0, 1 },
    [QOE_NUMBER_PLAYBACK_RATE]       = { 0.01, 100 },
    [QOE_NUMBER_PLAYBACK_TIME]       = { -QOE_POSITION_MAX, QOE_POSITION_MAX },
    [QOE_NUMBER_VIDEO_DURATION]      = { -QOE_POSITION_MAX, QOE_POSITION_MAX },
    [QOE_NUMBER_REPORT]              = { 0, QOE_REPORT_EVENTS_N - 1 },
    [QOE_NUMBER_PLAYER_STATE]        = { 0, QOE_PLAYER_STATES_N - 1 },
    [QOE_NUMBER_SEQUENCE]            = { 0, 1e15 },
    [QOE_NUMBER_START_DELAY]         = { 0, QOE_LONG_MS },
    [QOE_NUMBER_TTFB]                = { 0, QOE_POSITION_MAX },
    [QOE_NUMBER_TTLB]                = { 0, QOE_POSITION_MAX },
    [QOE_NUMBER_RESPONSE_CODE]       = { 0, 999 },
    [QOE_NUMBER_STALLED_TOTAL]       = { 0, QOE_LONG_MS },
    [QOE_NUMBER_STALLED]             = { 0, QOE_LONG_MS }
};

/* Within, a double may have a fraction. */
#define QOE_POINT_WHOLE    4503599627370496.0

_Static_assert(QOE_NUMBERS <= 64, "a bit a number");


static bool qoe_point_no_increase(qoe_metric_id_t metric,
    qoe_instrument_t kind, double value);
static qoe_span_t qoe_view_framerate(qoe_view_step_t *x);


uint64_t
qoe_view_valid(const qoe_sample_t *s, uint32_t *ignored)
{
    double    value;
    uint64_t  set, rest;
    unsigned  i;

    set = s->set & ((1ULL << QOE_NUMBERS) - 1);

    for (rest = set; rest != 0; rest &= rest - 1) {
        i = (unsigned) __builtin_ctzll(rest);
        value = s->number[i];

        /* written so that NaN fails, too */

        if (!(value >= qoe_view_range[i].min
              && value <= qoe_view_range[i].max))
        {
            set &= ~(1ULL << i);
            (*ignored)++;
        }
    }

    return set;
}


void
qoe_points_clear(qoe_points_t *points)
{
    points->n = 0;
    points->ignored = 0;
    points->used = 0;
    points->nstretches = 0;
}


/* Is it a number that round() would leave as it is, and not very large? */

static inline bool
qoe_point_whole(double value)
{
    return value > -QOE_POINT_WHOLE && value < QOE_POINT_WHOLE
           && (double) (int64_t) value == value;
}


qoe_point_t *
qoe_point_add(qoe_points_t *points, qoe_metric_id_t metric, double value)
{
    qoe_point_t       *p;
    qoe_instrument_t   kind;

    kind = qoe_metrics[metric].kind;

    if (kind == QOE_INSTRUMENT_COUNTER && !qoe_point_whole(value)) {
        value = round(value);
    }

    if (!(value > 0) && !qoe_point_no_increase(metric, kind, value)) {
        return NULL;
    }

    if (isinf(value) || points->n == QOE_POINTS_MAX) {
        return NULL;
    }

    p = &points->point[points->n++];

    p->metric = (uint16_t) metric;
    p->nextra = 0;
    p->times = 1;
    p->code = 0;
    p->value = value;

    return p;
}


/* May the metric have such a value, which is 0, negative or NaN? */

static bool
qoe_point_no_increase(qoe_metric_id_t metric, qoe_instrument_t kind,
    double value)
{
    if (kind <= QOE_INSTRUMENT_UPDOWN_DOUBLE) {
        return false;
    }

    /* negative only for z-scores; otherwise it comes from a torn slot */

    return value == 0
           || (value < 0 && (metric == QOE_METRIC_BUFFER_INSTABILITY_INDEX
                          || metric == QOE_METRIC_NETWORK_LATENCY_DEVIATION));
}


void
qoe_view_point(qoe_view_step_t *x, qoe_metric_id_t metric, double value,
    unsigned with)
{
    qoe_point_t  *p;

    p = qoe_point_add(x->points, metric, value);

    if (p == NULL || with == 0) {
        return;
    }

    if (with & QOE_WITH_MEDIA) {
        qoe_point_extra(p, QOE_DIM_MEDIA_TYPE, qoe_view_text(x, MEDIA_TYPE));
    }

    if (with & QOE_WITH_CODEC) {
        qoe_point_extra(p, QOE_DIM_CODEC, qoe_view_text(x, CODEC));
    }

    if (with & QOE_WITH_FRAMERATE) {
        qoe_point_extra(p, QOE_DIM_FRAMERATE, qoe_view_framerate(x));
    }

    if ((with & QOE_WITH_OUTLIER) && qoe_view_has(x, IS_OUTLIER)) {
        qoe_point_extra(p, QOE_DIM_IS_OUTLIER,
                        qoe_view_number(x, IS_OUTLIER) != 0
                        ? qoe_span("true") : qoe_span("false"));
    }
}


/*
 * Formats the frame rate once for an event, like "30", "29.97", "12.5",
 * independent of the locale.
 */

static qoe_span_t
qoe_view_framerate(qoe_view_step_t *x)
{
    char          *p, *end;
    unsigned       cents, digits;
    qoe_points_t  *points;

    if (!qoe_view_has(x, FRAMERATE)) {
        return qoe_span_null;
    }

    cents = (unsigned) lround(qoe_view_number(x, FRAMERATE) * 100);
    points = x->points;

    if (cents == 0 || sizeof(points->scratch) - points->used < 8) {
        return qoe_span_null;
    }

    /* at most "1000.00"; written backwards from the end */

    end = points->scratch + points->used + 8;
    p = end;
    digits = 2;

    while (digits > 0 && cents % 10 == 0) {
        cents /= 10;
        digits--;
    }

    while (digits > 0) {
        *--p = (char) ('0' + cents % 10);
        cents /= 10;

        if (--digits == 0) {
            *--p = '.';
        }
    }

    do {
        *--p = (char) ('0' + cents % 10);
        cents /= 10;
    } while (cents != 0);

    points->used += 8;

    return (qoe_span_t) { p, (size_t) (end - p) };
}
