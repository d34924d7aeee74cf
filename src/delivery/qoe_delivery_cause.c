
/*
 * Copyright (C) OpenQoE
 *
 * What a single request says of its deadline, and of what made it slow.
 */


#include "qoe_delivery_priv.h"


/* A buffer that is long enough to infer the rate of playback from it, ms. */
#define QOE_DELIVERY_RATED     1000

/* The response of the upstream that so much of the time is spent on. */
#define QOE_DELIVERY_UPSTREAM  0.9


bool
qoe_delivery_refused(const qoe_request_t *r)
{
    return r->status >= 400 && r->status != 499;
}


/* Some players send no pr, but their deadline is their buffer by the rate. */

double
qoe_delivery_rate(const qoe_request_t *r)
{
    if (r->pr > 0) {
        return r->pr;
    }

    if (r->bl_ms >= QOE_DELIVERY_RATED && r->dl_ms >= QOE_DELIVERY_RATED
        && fabs(r->bl_ms - r->dl_ms) > 2 * QOE_DEADLINE_ROUND)
    {
        return r->bl_ms / r->dl_ms;
    }

    return 1;
}


double
qoe_delivery_deadline(const qoe_request_t *r)
{
    double  ms;

    ms = isnan(r->dl_ms) ? r->bl_ms / qoe_delivery_rate(r) : r->dl_ms;

    return ms >= QOE_DEADLINE_MIN ? ms : NAN;
}


/* Without a deadline that is worth the name nothing is late. */

bool
qoe_delivery_late(const qoe_request_t *r)
{
    return qoe_request_media(r)
           && r->duration_ms > qoe_delivery_deadline(r) + QOE_DEADLINE_ROUND;
}


/*
 * The first of the rules that holds.  An upstream whose body ended with the
 * response is what the response waited for: to a client that is slower than it,
 * nginx would have had the body earlier.
 */

qoe_cause_t
qoe_delivery_cause(const qoe_request_t *r)
{
    double  all, wait, body;

    if (qoe_delivery_refused(r)) {
        return QOE_CAUSE_ERROR;
    }

    all = r->duration_ms;

    if (r->cache != QOE_CACHE_HIT
        && (r->upstream_header_ms > all / 2
            || r->upstream_ms > all * QOE_DELIVERY_UPSTREAM))
    {
        return QOE_CAUSE_ORIGIN;
    }

    /*
     * Without a time of the header, all of it is taken for the body, but where
     * the client left before there was one.
     */

    wait = r->ttfb_ms > 0 ? fmin(r->ttfb_ms, all) : 0;

    if (isnan(r->ttfb_ms) && r->aborted && r->bytes == 0) {
        wait = all;
    }

    body = all - wait;

    if (r->cache != QOE_CACHE_HIT && r->upstream_header_ms > 0) {
        wait -= r->upstream_header_ms;
    }

    if (wait >= body) {
        return QOE_CAUSE_EDGE;
    }

    return !(r->br_kbps > 0) || r->retransmits != 0
           || (double) r->bytes * 8 < r->br_kbps * body
           ? QOE_CAUSE_NETWORK : QOE_CAUSE_CLIENT;
}


/*
 * A response that fits into the socket's buffer ends at once here, however slow
 * the path is.  The next request of the connection shows for how long the
 * kernel went on sending.  The lengths of two segments that follow each other
 * are taken for equal.
 */

bool
qoe_delivery_lagged(const qoe_request_t *r)
{
    return r->lag_ms > r->d_ms / qoe_delivery_rate(r);
}
