
/*
 * Copyright (C) OpenQoE
 *
 * The metrics that need nothing but the request, and the sums for the view of
 * the same session.
 */


#include "qoe_delivery_priv.h"


/*
 * A smaller response may lie in the kernel's buffer as a whole, and a shorter
 * time is not known well enough, because it is counted in ms.
 */
#define QOE_DELIVERY_LARGE     (128 * 1024)
#define QOE_DELIVERY_TIMED_MS  10

/* So often the bitrate of a response counts at most, once a second. */
#define QOE_DELIVERY_WEIGHT    20

#define QOE_DELIVERY_LATENCY   (3600 * 1000)


static void qoe_delivery_served(const qoe_request_t *r, qoe_span_t ot,
    qoe_points_t *points);
static void qoe_delivery_times(const qoe_request_t *r, qoe_span_t ot,
    qoe_points_t *points);
static void qoe_delivery_upstream(const qoe_request_t *r,
    qoe_points_t *points);
static void qoe_delivery_viewer(const qoe_request_t *r, qoe_span_t ot,
    qoe_points_t *points);
static void qoe_delivery_bitrate(const qoe_request_t *r, qoe_span_t ot,
    qoe_points_t *points);
static void qoe_delivery_extra(qoe_points_t *points, qoe_metric_id_t metric,
    double value, qoe_dim_t dim, qoe_span_t text);
static int qoe_delivery_cause_of(const qoe_point_t *p);


static const qoe_span_t  qoe_delivery_caches[QOE_CACHE_N] = {
#define QOE_DELIVERY_CACHE(id, name)  { name, sizeof(name) - 1 },
    QOE_CACHE_STATUSES(QOE_DELIVERY_CACHE)
};

static const qoe_span_t  qoe_delivery_causes[QOE_CAUSES_N] = {
#define QOE_DELIVERY_CAUSE(id, name)  { name, sizeof(name) - 1 },
    QOE_CAUSES(QOE_DELIVERY_CAUSE)
};


static inline unsigned
qoe_delivery_cached(const qoe_request_t *r)
{
    return r->cache < QOE_CACHE_N ? r->cache : 0;
}


/* 1xx to 5xx; 0: there is no status. */

static inline unsigned
qoe_delivery_class(const qoe_request_t *r)
{
    return r->status < 600 ? r->status / 100 : 0;
}


qoe_span_t
qoe_cause_name(qoe_cause_t cause)
{
    return cause < QOE_CAUSES_N ? qoe_delivery_causes[cause] : qoe_span_null;
}


qoe_span_t
qoe_delivery_ot(const qoe_request_t *r)
{
    qoe_span_t  text;

    text = qoe_cmcd_ot_text(qoe_request_ot(r));

    return text.len != 0 ? text : qoe_span("none");
}


void
qoe_delivery_request(const qoe_request_t *r, qoe_points_t *points)
{
    size_t      i;
    unsigned    code;
    qoe_span_t  ot;

    i = points->n;
    ot = qoe_delivery_ot(r);

    qoe_delivery_served(r, ot, points);
    qoe_delivery_times(r, ot, points);
    qoe_delivery_upstream(r, points);
    qoe_delivery_viewer(r, ot, points);

    /* all that the attributes of the other points are made of */

    code = 1 + qoe_request_ot(r)
           + QOE_CMCD_OTS * (qoe_delivery_cached(r)
                             + QOE_CACHE_N * qoe_delivery_class(r));

    for (/* void */; i < points->n; i++) {
        if (points->point[i].code == 0) {
            points->point[i].code = (uint16_t) code;
        }
    }

    /* with a session, its earlier errors count as a cause as well */

    if (qoe_request_sid(r).len == 0 && qoe_delivery_late(r)) {
        qoe_delivery_missed(r, qoe_delivery_cause(r), points);
    }
}


static void
qoe_delivery_served(const qoe_request_t *r, qoe_span_t ot,
    qoe_points_t *points)
{
    qoe_span_t    cache, class;
    qoe_point_t  *p;

    static const qoe_span_t  classes[] = {
        { "none", 4 }, { "1xx", 3 }, { "2xx", 3 }, { "3xx", 3 }, { "4xx", 3 },
        { "5xx", 3 }
    };

    cache = qoe_delivery_caches[qoe_delivery_cached(r)];
    class = classes[qoe_delivery_class(r)];

    p = qoe_point_add(points, QOE_METRIC_DELIVERY_REQUESTS, 1);
    qoe_point_extra(p, QOE_DIM_OT, ot);
    qoe_point_extra(p, QOE_DIM_CACHE_STATUS, cache);
    qoe_point_extra(p, QOE_DIM_STATUS_CLASS, class);

    p = qoe_point_add(points, QOE_METRIC_DELIVERY_BYTES, (double) r->bytes);
    qoe_point_extra(p, QOE_DIM_OT, ot);
    qoe_point_extra(p, QOE_DIM_CACHE_STATUS, cache);

    if (qoe_delivery_refused(r)) {
        p = qoe_point_add(points, QOE_METRIC_DELIVERY_ERRORS, 1);
        qoe_point_extra(p, QOE_DIM_OT, ot);
        qoe_point_extra(p, QOE_DIM_STATUS_CLASS, class);
    }

    if (r->aborted) {
        qoe_delivery_extra(points, QOE_METRIC_DELIVERY_ABORTED, 1, QOE_DIM_OT,
                           ot);
    }

    if (r->status != 0) {
        qoe_delivery_extra(points, QOE_METRIC_DELIVERY_TTFB, r->ttfb_ms,
                           QOE_DIM_CACHE_STATUS, cache);
    }

    (void) qoe_point_add(points, QOE_METRIC_DELIVERY_RTT, r->rtt_ms);
    (void) qoe_point_add(points, QOE_METRIC_DELIVERY_RETRANSMITS,
                         r->retransmits);
}


static void
qoe_delivery_extra(qoe_points_t *points, qoe_metric_id_t metric, double value,
    qoe_dim_t dim, qoe_span_t text)
{
    qoe_point_extra(qoe_point_add(points, metric, value), dim, text);
}


static void
qoe_delivery_times(const qoe_request_t *r, qoe_span_t ot,
    qoe_points_t *points)
{
    double  rate;

    if (!qoe_request_complete(r)) {
        return;
    }

    qoe_delivery_extra(points, QOE_METRIC_DELIVERY_DURATION, r->duration_ms,
                       QOE_DIM_OT, ot);
    qoe_delivery_extra(points, QOE_METRIC_DELIVERY_THROUGHPUT,
                       qoe_delivery_throughput(r), QOE_DIM_OT, ot);

    if (!qoe_request_media(r) || !(r->d_ms > 0)) {
        return;
    }

    qoe_delivery_extra(points, QOE_METRIC_DELIVERY_MEDIA_TIME, r->d_ms,
                       QOE_DIM_OT, ot);

    /* a response that took no ms at all took less than one */

    rate = qoe_delivery_rate(r);

    qoe_delivery_extra(points, QOE_METRIC_DELIVERY_REALTIME_RATIO,
                       r->d_ms / rate / fmax(r->duration_ms, 1), QOE_DIM_OT,
                       ot);
}


/* From the header on; NAN unless it is known well enough. */

double
qoe_delivery_throughput(const qoe_request_t *r)
{
    double  ms;

    ms = r->duration_ms - (r->ttfb_ms > 0 ? r->ttfb_ms : 0);

    return qoe_request_complete(r) && r->bytes > QOE_DELIVERY_LARGE
           && ms >= QOE_DELIVERY_TIMED_MS
           ? (double) r->bytes * 8 / ms : NAN;
}


static void
qoe_delivery_upstream(const qoe_request_t *r, qoe_points_t *points)
{
    qoe_point_t  *p;

    if (r->cache == QOE_CACHE_HIT) {
        return;
    }

    p = qoe_point_add(points, QOE_METRIC_DELIVERY_UPSTREAM_TIME,
                      r->upstream_header_ms);
    qoe_point_extra(p, QOE_DIM_STAGE, qoe_span("header"));
    qoe_point_code(p, 1);

    p = qoe_point_add(points, QOE_METRIC_DELIVERY_UPSTREAM_TIME,
                      r->upstream_ms);
    qoe_point_extra(p, QOE_DIM_STAGE, qoe_span("response"));
    qoe_point_code(p, 2);
}


/* What the request says of the player. */

static void
qoe_delivery_viewer(const qoe_request_t *r, qoe_span_t ot,
    qoe_points_t *points)
{
    double  deadline;

    if (r->ltc_ms > 0 && r->ltc_ms < QOE_DELIVERY_LATENCY) {
        qoe_delivery_point(points, QOE_METRIC_EXPERIENCE_LIVE_LATENCY,
                           r->ltc_ms);
    }

    if (!qoe_request_media(r)) {
        return;
    }

    if (r->pr > 0 && r->pr != 1) {
        qoe_delivery_point(points, QOE_METRIC_EXPERIENCE_PLAYBACK_RATE,
                           r->pr);
    }

    if (!r->su) {
        qoe_point_extra(qoe_delivery_point(points,
                                           QOE_METRIC_EXPERIENCE_BUFFER,
                                           r->bl_ms),
                        QOE_DIM_OT, ot);
    }

    if (!qoe_request_complete(r)) {
        return;
    }

    deadline = qoe_delivery_deadline(r);

    if (deadline > 0) {
        qoe_point_extra(qoe_delivery_point(points,
                                       QOE_METRIC_EXPERIENCE_DEADLINE_MARGIN,
                                       fmax(deadline - r->duration_ms, 0)),
                        QOE_DIM_OT, ot);
    }

    qoe_delivery_bitrate(r, ot, points);
}


static void
qoe_delivery_bitrate(const qoe_request_t *r, qoe_span_t ot,
    qoe_points_t *points)
{
    qoe_point_t  *p;

    if (!(r->br_kbps > 0) || !(r->d_ms > 0)) {
        return;
    }

    if (r->tb_kbps > 0) {
        qoe_point_extra(qoe_delivery_point(points,
                                           QOE_METRIC_EXPERIENCE_BITRATE_SHARE,
                                           r->br_kbps / r->tb_kbps),
                        QOE_DIM_OT, ot);
    }

    if (qoe_request_ot(r) == QOE_CMCD_OT_AUDIO) {
        return;
    }

    p = qoe_delivery_point(points, QOE_METRIC_EXPERIENCE_BITRATE, r->br_kbps);
    qoe_point_extra(p, QOE_DIM_OT, ot);

    if (p != NULL) {
        p->times = (uint16_t) fmin(fmax(round(r->d_ms / 1000), 1),
                                   QOE_DELIVERY_WEIGHT);
    }
}


qoe_point_t *
qoe_delivery_point(qoe_points_t *points, qoe_metric_id_t metric, double value)
{
    qoe_point_t  *p;

    p = qoe_point_add(points, metric, value);
    qoe_point_extra(p, QOE_DIM_SOURCE, qoe_span("request"));

    return p;
}


void
qoe_delivery_missed(const qoe_request_t *r, qoe_cause_t cause,
    qoe_points_t *points)
{
    qoe_point_t  *p;

    p = qoe_delivery_point(points, QOE_METRIC_EXPERIENCE_DEADLINE_MISSED, 1);
    qoe_point_extra(p, QOE_DIM_OT, qoe_delivery_ot(r));
    qoe_point_extra(p, QOE_DIM_CAUSE, qoe_cause_name(cause));
}


void
qoe_delivery_account(qoe_delivery_sums_t *sums, const qoe_request_t *r,
    const qoe_points_t *points)
{
    int                 cause;
    size_t              i;
    const qoe_point_t  *p;

    if (r != NULL) {
        sums->requests++;
        sums->bytes += r->bytes;
        sums->errors += qoe_delivery_refused(r);
        sums->aborted += r->aborted;
        sums->busy_ms += r->duration_ms > 0 ? (uint64_t) r->duration_ms : 0;

        if (qoe_request_complete(r) && qoe_request_media(r) && r->d_ms > 0) {
            sums->media_ms += (uint64_t) r->d_ms;
        }
    }

    for (i = 0; i < points->n; i++) {
        p = &points->point[i];

        if (p->metric == QOE_METRIC_EXPERIENCE_REBUFFER_TIME) {
            sums->stalled_ms += (uint64_t) p->value;
            continue;
        }

        if (p->metric != QOE_METRIC_EXPERIENCE_DEADLINE_MISSED
            && p->metric != QOE_METRIC_EXPERIENCE_REBUFFERS)
        {
            continue;
        }

        cause = qoe_delivery_cause_of(p);

        if (p->metric == QOE_METRIC_EXPERIENCE_REBUFFERS) {
            sums->stalls++;
            sums->stalled[cause]++;

        } else {
            sums->misses++;
            sums->missed[cause]++;
        }
    }
}


static int
qoe_delivery_cause_of(const qoe_point_t *p)
{
    int       cause;
    uint16_t  i;

    for (i = 0; i < p->nextra; i++) {

        if (p->extra[i].dim != QOE_DIM_CAUSE) {
            continue;
        }

        for (cause = 0; cause < QOE_CAUSES_N; cause++) {
            if (qoe_span_eq(p->extra[i].text, qoe_delivery_causes[cause])) {
                return cause;
            }
        }
    }

    return QOE_CAUSE_CLIENT;
}
