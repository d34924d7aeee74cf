
/*
 * Copyright (C) OpenQoE
 *
 * Stalls that the player itself claims, by bs or su, and whether that belongs
 * to a seek.
 */


#include "qoe_delivery_priv.h"


/* bs and su belong to a seek for so long. */
#define QOE_DRY_SEEK           8000


static void qoe_delivery_claim_lag(qoe_delivery_step_t *x);
static bool qoe_delivery_seeking(const qoe_delivery_step_t *x);


/*
 * The player says that it has stalled (bs), or that it fills a short buffer
 * again (su), and did not seek.
 */

void
qoe_delivery_sign_claimed(qoe_delivery_step_t *x)
{
    qoe_dry_t              dry;
    qoe_delivery_t        *d;
    qoe_delivery_track_t  *t;

    d = x->d;
    t = qoe_delivery_track(x);

    if (!x->r->bs && !(x->r->bl_ms <= 0)) {
        d->flags &= (uint16_t) ~QOE_DELIVERY_BS;
    }

    qoe_delivery_claim_lag(x);

    /* without its place in the media it may as well be a seek */

    if (!x->newest || x->jump || !x->sure || t->past[0].start == 0
        || qoe_delivery_seeking(x)
        || (d->flags & (QOE_DELIVERY_DRY | QOE_DELIVERY_DRY << 1)))
    {
        return;
    }

    if (x->r->bs && !(d->flags & QOE_DELIVERY_BS)) {
        dry.why = QOE_DRY_BS;
        d->flags |= QOE_DELIVERY_BS;

    } else if (x->r->su && x->r->bl_ms <= QOE_DRY_LOW) {
        dry.why = QOE_DRY_SU;

    } else {
        return;
    }

    dry.start = t->past[t->past[1].start != 0].start;
    dry.end = x->start;
    dry.cause = d->slow != 0 ? (qoe_cause_t) (d->slow - 1) : QOE_CAUSE_CLIENT;

    if (dry.cause == QOE_CAUSE_CLIENT && qoe_delivery_lagged(x->r)) {
        dry.cause = QOE_CAUSE_NETWORK;
    }

    dry.cause = qoe_delivery_window(x, dry.cause);
    dry.track = x->track;

    /* with some media left it is the other track that has starved */

    if (x->r->bl_ms > QOE_DRY_LOW && d->track[!x->track].past[0].start != 0) {
        dry.track = (qoe_track_t) !x->track;
    }

    qoe_delivery_dry(x, &dry);
}


/*
 * A stall that was claimed without a cause: the next request of the connection
 * shows what the network did, which may be that of the other track.
 */

static void
qoe_delivery_claim_lag(qoe_delivery_step_t *x)
{
    qoe_dry_t  open;

    open = qoe_delivery_dry_open(x->d);

    if (x->d->dry != 0 && open.why != QOE_DRY_DEADLINE
        && open.cause == QOE_CAUSE_CLIENT && x->newest && !x->jump
        && qoe_delivery_lagged(x->r))
    {
        x->d->dry_of = (uint8_t) ((x->d->dry_of & ~15) | QOE_CAUSE_NETWORK);
    }
}


/*
 * What a player says of an empty buffer belongs to the seek before it, which
 * lasts until the first response from the new place has come.
 */

static bool
qoe_delivery_seeking(const qoe_delivery_step_t *x)
{
    size_t                      i;
    const qoe_delivery_past_t  *p;

    if (x->d->seek != 0 && x->start < x->d->seek + QOE_DRY_SEEK) {
        return true;
    }

    p = x->d->track[x->track].past;

    for (i = 0; i < QOE_DELIVERY_PAST; i++) {
        if (p[i].start != 0 && qoe_delivery_past_jumped(&p[i])
            && x->start < qoe_delivery_past_end(&p[i]) + QOE_DRY_SEEK)
        {
            return true;
        }
    }

    return false;
}
