
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

#define QOE_PAST_UNKNOWN   UINT16_MAX        /* of bl */

/* The same segment is looked for among that many later requests. */
#define QOE_PAST_AGAIN     2

/* A distance of that many usual ones is a jump. */
#define QOE_PAST_STEPS     1.5


static void qoe_delivery_expect(qoe_delivery_step_t *x);
static bool qoe_delivery_follows(qoe_delivery_step_t *x);
static bool qoe_delivery_adjoins(qoe_delivery_step_t *x);
static uint8_t qoe_delivery_number(const qoe_delivery_step_t *x);
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
    return p->bl == QOE_PAST_UNKNOWN ? NAN : p->bl * 10.0;
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
        x->jump = !qoe_delivery_follows(x);
    }

    qoe_delivery_expect(x);
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
    p->bl = isnan(r->bl_ms) && !(r->dl_ms > 0)
            ? QOE_PAST_UNKNOWN
            : qoe_min(qoe_delivery_short(isnan(r->bl_ms)
                                         ? r->dl_ms * qoe_delivery_rate(r)
                                         : r->bl_ms, 10),
                      QOE_PAST_UNKNOWN - 1);
    p->d = x->complete ? qoe_delivery_short(r->d_ms, 4) : 0;
    p->number = qoe_delivery_number(x) | (x->complete ? 0 : QOE_PAST_FAILED);
    p->rate = (uint8_t) fmin(round(qoe_delivery_rate(r) * 16), QOE_PAST_LOW)
              | (x->jump ? QOE_PAST_JUMPED : 0);
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


/*
 * The buffer at the first of the two, and what came until the second.  Media
 * that were asked for again later did not come.
 */

double
qoe_delivery_reach(const qoe_delivery_track_t *t, size_t i)
{
    size_t                      k, j;
    double                      ms, bl;
    uint32_t                    end;
    const qoe_delivery_past_t  *from, *to, *p;

    from = &t->past[i];
    to = &t->past[i - 1];
    bl = qoe_delivery_past_bl(from);
    ms = isnan(bl) ? 0 : bl;

    for (k = i; k < QOE_DELIVERY_PAST && t->past[k].start != 0; k++) {
        p = &t->past[k];
        end = qoe_delivery_past_end(p);

        if (end > to->start + 2 || (k != i && end <= from->start)) {
            continue;
        }

        for (j = k; j != 0 && k - j < QOE_PAST_AGAIN; j--) {
            if ((t->past[j - 1].number & QOE_PAST_LOW)
                == (p->number & QOE_PAST_LOW))
            {
                break;
            }
        }

        ms += (j == 0 || k - j == QOE_PAST_AGAIN) ? p->d * 4.0 : 0;
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
    played = (qoe_delivery_reach(t, i) - left) / rate;

    return fmin(fmax(wall - played, 0), wall);
}
