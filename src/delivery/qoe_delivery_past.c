
/*
 * Copyright (C) OpenQoE
 *
 * The last requests of a track, by their start, and what the buffers that they
 * report say of the time between them: media that came and is not in the buffer
 * any more has been played.
 */


#include "qoe_delivery_priv.h"


#define QOE_PAST_FAILED    0x80              /* of number */
#define QOE_PAST_JUMPED    0x80              /* of rate */
#define QOE_PAST_LOW       0x7f

/* Of bl: what the player has not said, but must have. */
#define QOE_PAST_ASSUMED   0x8000
#define QOE_PAST_BUFFER    0x7fff

/*
 * A segment that is so much shorter than all before, by more than those differ,
 * is the last one.
 */
#define QOE_PAST_SHORT     0.98
#define QOE_PAST_BEFORE    3

/* The same segment is looked for among that many later requests. */
#define QOE_PAST_AGAIN     2

/* The end of a remembered request may be so much too late, ms. */
#define QOE_PAST_ROUND     2

/* A distance of that many usual ones is a jump. */
#define QOE_PAST_STEPS     1.5


static void qoe_delivery_expect(qoe_delivery_step_t *x);
static bool qoe_delivery_follows(qoe_delivery_step_t *x);
static bool qoe_delivery_awaited(const qoe_delivery_step_t *x);
static bool qoe_delivery_adjoins(qoe_delivery_step_t *x);
static uint8_t qoe_delivery_number(const qoe_delivery_step_t *x);
static uint16_t qoe_delivery_buffer(const qoe_delivery_step_t *x);
static uint16_t qoe_delivery_assumed(const qoe_delivery_step_t *x);
static double qoe_delivery_reach(const qoe_delivery_track_t *t, size_t i,
    bool shown);
static uint16_t qoe_delivery_short(double value, double unit);


uint32_t
qoe_delivery_past_end(const qoe_delivery_past_t *p)
{
    return p->start + (uint32_t) p->took * 4;
}


bool
qoe_delivery_past_failed(const qoe_delivery_past_t *p)
{
    return (p->number & QOE_PAST_FAILED) != 0;
}


bool
qoe_delivery_past_jumped(const qoe_delivery_past_t *p)
{
    return (p->rate & QOE_PAST_JUMPED) != 0;
}


double
qoe_delivery_past_bl(const qoe_delivery_past_t *p)
{
    return (p->bl & QOE_PAST_ASSUMED) != 0 ? NAN : p->bl * 10.0;
}


double
qoe_delivery_past_buffer(const qoe_delivery_past_t *p)
{
    return (p->bl & QOE_PAST_BUFFER) * 10.0;
}


double
qoe_delivery_past_rate(const qoe_delivery_past_t *p)
{
    return (p->rate & QOE_PAST_LOW) != 0 ? (p->rate & QOE_PAST_LOW) / 16.0 : 1;
}


void
qoe_delivery_order(qoe_delivery_step_t *x)
{
    qoe_delivery_track_t  *t;

    t = qoe_delivery_track(x);

    x->jump = false;
    x->sure = false;
    x->newest = (x->start >= t->past[0].start);

    if (!x->newest) {
        return;
    }

    if (t->past[0].start != 0) {
        x->jump = !qoe_delivery_follows(x) || qoe_delivery_awaited(x);
    }

    qoe_delivery_expect(x);
}


/* After a jump, the first try has failed, and there is nothing to play yet. */

static bool
qoe_delivery_awaited(const qoe_delivery_step_t *x)
{
    const qoe_delivery_past_t  *p;

    p = &x->d->track[x->track].past[0];

    return qoe_delivery_past_jumped(p) && qoe_delivery_past_failed(p)
           && !(x->r->bl_ms > 0);
}


/* Does the object follow the one before, as far as is known? */

static bool
qoe_delivery_follows(qoe_delivery_step_t *x)
{
    bool                   announced;
    int64_t                distance;
    const qoe_request_t   *r;
    qoe_delivery_track_t  *t;

    r = x->r;
    t = qoe_delivery_track(x);

    announced = (r->path_hash != 0 && (uint32_t) r->path_hash == t->nor);
    x->sure = announced;

    if (r->range_next != 0) {
        return qoe_delivery_adjoins(x) || announced;
    }

    if (r->segment == QOE_SEGMENT_NONE) {
        return true;
    }

    /* next is that of the one before, plus 1 */

    distance = (int32_t) ((uint32_t) r->segment - t->next) + (int64_t) 1;

    if (distance <= 0) {
        x->sure = true;
        return distance == 0 || announced;
    }

    /* numbers may be times: the least distance is that of two segments */

    if (t->step == 0) {
        t->step = (uint32_t) distance;
        x->sure |= (distance == 1);
        return true;
    }

    x->sure = true;
    announced |= (double) distance <= t->step * QOE_PAST_STEPS;
    t->step = qoe_min(t->step, (uint32_t) distance);

    return announced;
}


/*
 * The same for ranges of bytes.  Those of different files, which are different
 * renditions, do not compare.
 */

static bool
qoe_delivery_adjoins(qoe_delivery_step_t *x)
{
    const qoe_request_t   *r;
    qoe_delivery_track_t  *t;

    r = x->r;
    t = qoe_delivery_track(x);

    if ((uint32_t) r->range_first == t->next
        || (uint32_t) r->range_next == t->next)
    {
        x->sure = true;
        return true;
    }

    if (t->kbps != 0 && r->br_kbps >= 1 && (uint32_t) r->br_kbps == t->kbps) {
        x->sure = true;
        return false;
    }

    return true;
}


static void
qoe_delivery_expect(qoe_delivery_step_t *x)
{
    const qoe_request_t   *r;
    qoe_delivery_track_t  *t;

    r = x->r;
    t = qoe_delivery_track(x);

    t->nor = (uint32_t) r->nor_hash;
    t->next = r->range_next != 0 ? (uint32_t) r->range_next
                                 : (uint32_t) r->segment + 1;
}


void
qoe_delivery_remember(qoe_delivery_step_t *x)
{
    size_t                 i;
    const qoe_request_t   *r;
    qoe_delivery_past_t   *p;
    qoe_delivery_track_t  *t;

    r = x->r;
    t = qoe_delivery_track(x);

    for (i = 0; i < QOE_DELIVERY_PAST && x->start < t->past[i].start; i++) {
        /* void */
    }

    if (i == QOE_DELIVERY_PAST) {
        return;
    }

    memmove(&t->past[i + 1], &t->past[i],
            (QOE_DELIVERY_PAST - 1 - i) * sizeof(qoe_delivery_past_t));

    p = &t->past[i];

    p->start = x->start;
    p->took = qoe_delivery_short(r->duration_ms, 4);
    p->bl = qoe_delivery_buffer(x);
    p->d = x->complete ? qoe_delivery_short(r->d_ms, 4) : 0;
    p->number = qoe_delivery_number(x) | (x->complete ? 0 : QOE_PAST_FAILED);
    p->rate = (uint8_t) fmin(round(qoe_delivery_rate(r) * 16), QOE_PAST_LOW)
              | (x->jump ? QOE_PAST_JUMPED : 0);

    if (i == 0 && (p->bl & QOE_PAST_ASSUMED) != 0) {
        p->bl |= qoe_delivery_assumed(x);
    }
}


/* The buffer as the request says it, or by its deadline. */

static uint16_t
qoe_delivery_buffer(const qoe_delivery_step_t *x)
{
    double                ms;
    const qoe_request_t  *r;

    r = x->r;

    if (isnan(r->bl_ms) && !(r->dl_ms > 0)) {
        return QOE_PAST_ASSUMED;
    }

    ms = isnan(r->bl_ms) ? r->dl_ms * qoe_delivery_rate(r) : r->bl_ms;

    return qoe_min(qoe_delivery_short(ms, 10), QOE_PAST_BUFFER);
}


/*
 * Without any of them: what has come and was not played since.  After a jump
 * nothing is known.
 */

static uint16_t
qoe_delivery_assumed(const qoe_delivery_step_t *x)
{
    double                       ms, wall;
    uint32_t                     from;
    const qoe_delivery_track_t  *t;

    t = &x->d->track[x->track];

    if (x->jump || t->past[1].start == 0) {
        return 0;
    }

    from = qoe_max(t->past[1].start, x->d->played);
    ms = qoe_delivery_reach(t, 1, false);

    if ((x->d->flags & QOE_DELIVERY_STARTED) && x->start > from) {
        wall = (x->start - from) * qoe_delivery_past_rate(&t->past[1]);
        ms -= fmin(wall, qoe_delivery_reach(t, 1, true));
    }

    return qoe_min(qoe_delivery_short(ms, 10), QOE_PAST_BUFFER);
}


/*
 * Is the last segment shorter than those before it?  As a rule, media do not
 * end where a segment does.
 */

bool
qoe_delivery_shortened(const qoe_delivery_track_t *t)
{
    size_t    i, n;
    uint16_t  least, most;

    n = 0;
    least = UINT16_MAX;
    most = 0;

    for (i = 1; i < QOE_DELIVERY_PAST; i++) {
        if (t->past[i].d != 0) {
            least = qoe_min(least, t->past[i].d);
            most = qoe_max(most, t->past[i].d);
            n++;
        }
    }

    return n >= QOE_PAST_BEFORE && t->past[0].d != 0
           && t->past[0].d < least * QOE_PAST_SHORT - (most - least);
}


/*
 * Some bits by which the same segment is known again, whatever its rendition:
 * of numbers that follow each other no two are equal.
 */

static uint8_t
qoe_delivery_number(const qoe_delivery_step_t *x)
{
    uint64_t                     n;
    const qoe_delivery_track_t  *t;

    t = &x->d->track[x->track];

    if (x->r->range_next != 0 || x->r->segment == QOE_SEGMENT_NONE) {
        n = x->r->path_hash >> 8;

    } else {
        n = (uint32_t) x->r->segment / qoe_max(t->step, 1);
    }

    return (uint8_t) (n & QOE_PAST_LOW);
}


/* A number in units that fits 16 bits; 0 for NaN. */

static uint16_t
qoe_delivery_short(double value, double unit)
{
    return value > 0 ? (uint16_t) fmin(round(value / unit), UINT16_MAX) : 0;
}


double
qoe_delivery_shown(const qoe_delivery_track_t *t, size_t i)
{
    return qoe_delivery_reach(t, i, true);
}


/*
 * The buffer at the first of the two, and what came until the second; shown: as
 * far as that can have been played, which nothing is before it has come.  Media
 * that were asked for again later did not come.
 */

static double
qoe_delivery_reach(const qoe_delivery_track_t *t, size_t i, bool shown)
{
    size_t                      k, j;
    double                      ms, d;
    uint32_t                    end;
    const qoe_delivery_past_t  *from, *to, *p;

    from = &t->past[i];
    to = &t->past[i - 1];
    ms = qoe_delivery_past_buffer(from);

    for (k = i; k < QOE_DELIVERY_PAST && t->past[k].start != 0; k++) {
        p = &t->past[k];
        end = qoe_delivery_past_end(p);

        if (end > to->start + QOE_PAST_ROUND
            || (k != i && end <= from->start + QOE_PAST_ROUND))
        {
            continue;
        }

        for (j = k; j != 0 && k - j < QOE_PAST_AGAIN; j--) {
            if ((t->past[j - 1].number & QOE_PAST_LOW)
                == (p->number & QOE_PAST_LOW))
            {
                break;
            }
        }

        d = (j == 0 || k - j == QOE_PAST_AGAIN) ? p->d * 4.0 : 0;

        if (shown && d != 0) {
            d = fmin(d, fmax((double) to->start - end, 0)
                        * qoe_delivery_past_rate(from));
        }

        ms += d;
    }

    return ms;
}


double
qoe_delivery_halt(const qoe_delivery_track_t *t, size_t i)
{
    double                      left, wall, rate, played;
    const qoe_delivery_past_t  *from, *to;

    from = &t->past[i];
    to = &t->past[i - 1];
    left = qoe_delivery_past_bl(to);

    if (from->start == 0 || isnan(left) || isnan(qoe_delivery_past_bl(from))
        || qoe_delivery_past_jumped(from) || qoe_delivery_past_jumped(to))
    {
        return NAN;
    }

    wall = to->start - from->start;
    rate = (qoe_delivery_past_rate(from) + qoe_delivery_past_rate(to)) / 2;
    played = (qoe_delivery_reach(t, i, false) - left) / rate;

    return fmin(fmax(wall - played, 0), wall);
}
