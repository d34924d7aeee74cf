
/*
 * Copyright (C) OpenQoE
 *
 * What makes a dry time that has been noted longer: bytes that the kernel still
 * had to send, another track that waits as well, and a player that first fills
 * its buffer.
 */


#include "qoe_delivery_priv.h"


/* How long after the dry time su still means that playback stands still. */
#define QOE_DRY_FILL           5000

/* How long browsers go on with the sound when the picture is late. */
#define QOE_DRY_SOUND          3000


static double qoe_delivery_left(const qoe_delivery_past_t *p,
    const qoe_dry_t *dry);


/* The response that ended the dry time was still on its way for a while. */

void
qoe_delivery_sign_lag(qoe_delivery_step_t *x)
{
    uint32_t   ended;
    qoe_dry_t  dry;

    dry = qoe_delivery_dry_open(x->d);
    ended = qoe_delivery_past_end(&qoe_delivery_track(x)->past[0]);

    /* the end of a remembered request is rounded to 4 ms */

    if (x->d->dry == 0 || dry.why != QOE_DRY_DEADLINE || dry.track != x->track
        || !x->newest || x->jump || !(x->r->lag_ms > QOE_DEADLINE_ROUND)
        || ended + 4 < dry.end || ended > dry.end + 4)
    {
        return;
    }

    dry.end = (uint32_t) fmin(dry.end + x->r->lag_ms, x->start);

    qoe_delivery_dry(x, &dry);
}


/*
 * The other track ran dry and has been fed, but this one had failed as well:
 * nothing plays before its media have come, too.  What it had left when
 * playback stopped is played first, and then there is a stall of its own.
 */

void
qoe_delivery_sign_both(qoe_delivery_step_t *x)
{
    double                      left;
    qoe_dry_t                   dry, open;
    const qoe_delivery_past_t  *p;

    p = &qoe_delivery_track(x)->past[0];
    open = qoe_delivery_dry_open(x->d);

    if (x->d->dry == 0 || open.why != QOE_DRY_DEADLINE
        || open.track == x->track || !x->newest || x->jump
        || x->end <= open.end || p->start == 0 || !qoe_delivery_past_failed(p))
    {
        return;
    }

    left = qoe_delivery_left(p, &open);

    if (isnan(left)) {
        return;
    }

    dry = open;
    dry.end = x->end;

    if (left > QOE_DRY_SLACK) {
        x->d->dry_more = 0;
        dry.start = open.end + (uint32_t) left;
        dry.track = x->track;

        if (x->d->failed >= p->start) {
            dry.cause = QOE_CAUSE_ERROR;
        }
    }

    qoe_delivery_dry(x, &dry);
}


/*
 * The buffer of a request at the end of a dry time of the other track, ms;
 * NAN: not known.  Nothing is played in that time, but sound goes on for a
 * while without its picture.
 */

static double
qoe_delivery_left(const qoe_delivery_past_t *p, const qoe_dry_t *dry)
{
    double    left;
    uint32_t  from;

    from = qoe_max(p->start, dry->start);
    left = p->start + qoe_delivery_past_bl(p) / qoe_delivery_past_rate(p)
           - from;

    if (dry->track == QOE_TRACK_VIDEO && dry->end > from) {
        left -= fmin(dry->end - from, QOE_DRY_SOUND);
    }

    return left;
}


/*
 * A player may go on only when it has some seconds of media again, and says so
 * by su: playback can have stood still until that request.
 */

void
qoe_delivery_sign_filling(qoe_delivery_step_t *x)
{
    uint32_t         more;
    qoe_delivery_t  *d;

    d = x->d;

    if (d->dry == 0 || !x->r->su || !x->newest || x->jump
        || d->seek > d->dry || x->start <= d->dry_end
        || x->start > d->dry_end + QOE_DRY_FILL)
    {
        return;
    }

    more = (x->start - d->dry_end + 3) / 4;
    d->dry_more = (uint16_t) qoe_max(more, d->dry_more);
}
