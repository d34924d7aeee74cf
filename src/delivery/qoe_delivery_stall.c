
/*
 * Copyright (C) OpenQoE
 *
 * Stalls as far as requests show them.  A time for which the buffer must have
 * been empty begins with the deadline of a response that came later, and ends
 * with the next response of its track.  Whether, and for how long, playback
 * stood still in it, the buffers say that later requests report, those of the
 * other track first: browsers go on with the sound for seconds when the
 * picture is late, and a player may stop before its buffer is empty.
 */


#include "qoe_delivery_priv.h"


/* Dry times that are closer belong to one stall. */
#define QOE_DRY_NEAR           1000

/* What the rounding of buffers can make of no halt at all. */
#define QOE_DRY_NOISE          250

/* A shorter stall is not counted: by buffers, and by the deadline alone. */
#define QOE_DRY_MEASURED       300
#define QOE_DRY_ASSUMED        500

/* The longest wait for the buffers of later requests. */
#define QOE_DRY_WAIT           10000


static uint32_t qoe_delivery_stood(const qoe_delivery_step_t *x);
static void qoe_delivery_sign_late(qoe_delivery_step_t *x, double deadline);
static void qoe_delivery_sign_seek(qoe_delivery_step_t *x);
static void qoe_delivery_sign_fed(qoe_delivery_step_t *x);
static void qoe_delivery_sign_failed(qoe_delivery_step_t *x, double deadline);
static void qoe_delivery_sign_more(qoe_delivery_step_t *x);
static uint32_t qoe_delivery_fed(const qoe_delivery_step_t *x,
    uint32_t deadline);
static uint32_t qoe_delivery_near(const qoe_delivery_t *d);
static void qoe_delivery_dry_set(qoe_delivery_t *d, const qoe_dry_t *dry);
static void qoe_delivery_look_back(qoe_delivery_t *d);
static void qoe_delivery_pair(qoe_delivery_t *d, qoe_track_t track, size_t i);
static bool qoe_delivery_ready(const qoe_delivery_t *d);
static void qoe_delivery_stalled(qoe_delivery_t *d, const qoe_dry_t *dry,
    double ms, qoe_points_t *points);
static bool qoe_delivery_seen(const qoe_delivery_t *d, qoe_track_t track);


void
qoe_delivery_signs(qoe_delivery_step_t *x)
{
    double           deadline;
    qoe_delivery_t  *d;

    d = x->d;
    deadline = qoe_delivery_deadline(x->r);

    if (qoe_delivery_late(x->r)) {
        qoe_delivery_missed(x->r, qoe_delivery_window(x, x->cause),
                            x->points);
    }

    if (x->jump) {
        qoe_delivery_starved(x->d, x->start, x->points);
        qoe_delivery_sign_seek(x);
    }

    if (!(d->flags & QOE_DELIVERY_STARTED)) {
        return;
    }

    qoe_delivery_sign_more(x);
    qoe_delivery_sign_filling(x);
    qoe_delivery_sign_lag(x);
    qoe_delivery_sign_claimed(x);

    if (qoe_delivery_late(x->r)) {
        qoe_delivery_sign_late(x, deadline);
    }

    if (x->complete) {
        qoe_delivery_sign_fed(x);
        qoe_delivery_sign_both(x);

    } else {
        qoe_delivery_sign_failed(x, deadline);
    }
}


/*
 * The cause of a miss or a stall: an error shortly before the request has used
 * up its time.
 */

qoe_cause_t
qoe_delivery_window(const qoe_delivery_step_t *x, qoe_cause_t cause)
{
    double  before;

    before = 1000 + 2 * (x->r->d_ms > 0 ? fmin(x->r->d_ms, 30000) : 2000);

    return x->d->failed != 0 && x->d->failed <= x->end
           && x->d->failed + before >= x->start
           ? QOE_CAUSE_ERROR : cause;
}


/*
 * How long playback stood still after the request was made, as far as is known:
 * its buffer lasts that much longer.
 */

static uint32_t
qoe_delivery_stood(const qoe_delivery_step_t *x)
{
    qoe_dry_t  open;

    open = qoe_delivery_dry_open(x->d);

    if (x->d->dry == 0 || open.why != QOE_DRY_DEADLINE
        || open.end <= x->start || open.start > x->start)
    {
        return 0;
    }

    return open.end - x->start;
}


/* A response that came after its deadline. */

static void
qoe_delivery_sign_late(qoe_delivery_step_t *x, double deadline)
{
    qoe_dry_t  dry;

    dry.start = x->start + (uint32_t) deadline + qoe_delivery_stood(x);
    dry.end = qoe_delivery_fed(x, dry.start);
    dry.why = QOE_DRY_DEADLINE;
    dry.cause = qoe_delivery_window(x, x->cause);
    dry.track = x->track;

    /*
     * What was on its way when the viewer went elsewhere was not missed, which
     * leaves no time at all; and to wait after that is part of the seek.
     */

    if (x->d->seek >= x->start) {
        dry.end = qoe_min(dry.end, x->d->seek);
    }

    qoe_delivery_dry(x, &dry);
}


/* Where the viewer goes elsewhere, nothing is missing any more. */

static void
qoe_delivery_sign_seek(qoe_delivery_step_t *x)
{
    qoe_delivery_t  *d;

    d = x->d;

    d->hungry = 0;
    d->seek = x->start;

    if (d->dry == 0) {
        return;
    }

    if (x->start <= d->dry) {
        d->dry = 0;
        d->flags &= (uint16_t) ~(QOE_DELIVERY_DRY | QOE_DELIVERY_DRY << 1);
        return;
    }

    d->dry_end = qoe_min(d->dry_end, x->start);
}


/*
 * The first end, after the deadline, of the response or of another to a later
 * request of the track.
 */

static uint32_t
qoe_delivery_fed(const qoe_delivery_step_t *x, uint32_t deadline)
{
    size_t                      i;
    uint32_t                    end, fed;
    const qoe_delivery_past_t  *p;

    fed = x->end;

    for (i = 0; i < QOE_DELIVERY_PAST; i++) {
        p = &x->d->track[x->track].past[i];
        end = qoe_delivery_past_end(p);

        if (p->start > x->start && end > deadline
            && !qoe_delivery_past_failed(p))
        {
            fed = qoe_min(fed, end);
        }
    }

    return fed;
}


/* Media came: was something missing for longer than the buffer lasted? */

static void
qoe_delivery_sign_fed(qoe_delivery_step_t *x)
{
    uint32_t         hungry;
    qoe_dry_t        dry;
    qoe_delivery_t  *d;

    d = x->d;
    hungry = d->hungry;

    if (hungry == 0 || !(d->flags & QOE_DELIVERY_HUNGRY << x->track)
        || !x->newest)
    {
        return;
    }

    d->hungry = 0;

    if (x->end <= hungry + QOE_DEADLINE_ROUND) {
        return;
    }

    /* a player may have stopped with something left, and then says su */

    if (qoe_delivery_deadline(x->r) > x->end - x->start
        && !(x->r->su && x->r->bl_ms <= QOE_DRY_LOW))
    {
        return;
    }

    dry.start = hungry;
    dry.end = x->end;
    dry.why = QOE_DRY_DEADLINE;
    dry.cause = (qoe_cause_t) d->hungry_of;
    dry.track = x->track;

    /* what came at once after a long wait says nothing of the wait */

    if (x->end - x->start >= (x->end - hungry) / 2) {
        dry.cause = qoe_min(dry.cause, x->cause);
    }

    dry.cause = qoe_delivery_window(x, dry.cause);

    qoe_delivery_dry(x, &dry);
}


/*
 * The buffer lasts until the deadline, and nothing has come for it.  A player
 * that tries again may send what it sent before, but as long as nothing comes
 * the first deadline stands.
 */

static void
qoe_delivery_sign_failed(qoe_delivery_step_t *x, double deadline)
{
    uint32_t         hungry;
    qoe_delivery_t  *d;

    d = x->d;

    if (isnan(deadline) || !x->newest || x->jump) {
        return;
    }

    hungry = x->start + (uint32_t) deadline;

    if (d->hungry != 0 && d->hungry <= hungry) {
        d->hungry_of = (uint8_t) qoe_min(d->hungry_of, x->cause);
        return;
    }

    d->hungry = hungry;
    d->hungry_of = (uint8_t) x->cause;
    d->flags &= (uint16_t) ~(QOE_DELIVERY_HUNGRY
                             | QOE_DELIVERY_HUNGRY << 1);
    d->flags |= (uint16_t) (QOE_DELIVERY_HUNGRY << x->track);
}


/*
 * The response after the one that ended the dry time: where playback went on
 * without this track, the first one may have come too late to be shown.  If it
 * was late itself, it makes a dry time of its own.
 */

static void
qoe_delivery_sign_more(qoe_delivery_step_t *x)
{
    qoe_delivery_t  *d;

    d = x->d;

    if ((d->flags & QOE_DELIVERY_DRY << x->track) && d->dry_more == 0
        && x->complete && !qoe_delivery_late(x->r)
        && x->start <= d->dry_end + QOE_DRY_SLACK
        && x->end > d->dry_end)
    {
        d->dry_more = (uint16_t) qoe_min((x->end - d->dry_end + 3) / 4,
                                         (uint32_t) UINT16_MAX);
    }
}


/* Opens a dry time, or makes it part of the one that is open. */

void
qoe_delivery_dry(qoe_delivery_step_t *x, qoe_dry_t *dry)
{
    double           ms;
    qoe_dry_t        open;
    qoe_delivery_t  *d;

    d = x->d;

    if (dry->end <= dry->start) {
        return;
    }

    if (d->dry != 0) {
        open = qoe_delivery_dry_open(d);

        if (dry->why == QOE_DRY_DEADLINE && open.why != QOE_DRY_DEADLINE) {

            /* the better sign takes the place of the other */

        } else if (dry->start <= open.end + qoe_delivery_near(d)
                   && open.start <= dry->end + QOE_DRY_NEAR)
        {
            dry->start = qoe_min(dry->start, open.start);
            dry->end = qoe_max(dry->end, open.end);
            dry->cause = qoe_min(dry->cause, open.cause);
            dry->why = open.why;
            dry->track = open.track;

        } else {
            qoe_delivery_judge(d, true, x->points);
        }
    }

    /* a time that is over for long, as of a response that nothing waited for */

    qoe_delivery_dry_set(d, dry);
    qoe_delivery_look_back(d);

    ms = qoe_delivery_past_end(&d->track[dry->track].past[0]);

    if (ms > dry->end + QOE_DRY_WAIT) {
        qoe_delivery_judge(d, true, x->points);
    }
}


/*
 * How long after its end another dry time belongs to the open one: also while
 * the response was awaited with which playback may have gone on.
 */

static uint32_t
qoe_delivery_near(const qoe_delivery_t *d)
{
    return qoe_max((uint32_t) d->dry_more * 4, QOE_DRY_NEAR);
}


qoe_dry_t
qoe_delivery_dry_open(const qoe_delivery_t *d)
{
    return (qoe_dry_t) {
        d->dry, d->dry_end, (qoe_dry_why_t) (d->dry_of >> 4 & 3),
        (qoe_cause_t) qoe_min(d->dry_of & 15, QOE_CAUSES_N - 1),
        (d->flags & QOE_DELIVERY_DRY << QOE_TRACK_AUDIO) ? QOE_TRACK_AUDIO
                                                         : QOE_TRACK_VIDEO
    };
}


static void
qoe_delivery_dry_set(qoe_delivery_t *d, const qoe_dry_t *dry)
{
    d->dry = dry->start;
    d->dry_end = dry->end;
    d->dry_more = 0;
    d->dry_of = (uint8_t) ((unsigned) dry->why << 4 | dry->cause);

    d->flags &= (uint16_t) ~(QOE_DELIVERY_DRY | QOE_DELIVERY_DRY << 1
                             | QOE_DELIVERY_BLIND | QOE_DELIVERY_BLIND << 1);
    d->flags |= (uint16_t) (QOE_DELIVERY_DRY << dry->track);
}


/* Collects what requests say that were made since the dry time began. */

static void
qoe_delivery_look_back(qoe_delivery_t *d)
{
    size_t                      i, k;
    qoe_dry_t                   dry;
    const qoe_delivery_past_t  *p;

    dry = qoe_delivery_dry_open(d);
    p = d->track[dry.track].past;

    for (i = QOE_DELIVERY_PAST; i != 0; i--) {
        if (p[i - 1].start != 0 && !qoe_delivery_past_failed(&p[i - 1])
            && qoe_delivery_past_end(&p[i - 1]) > dry.end
            && p[i - 1].start <= dry.end + QOE_DRY_SLACK)
        {
            d->dry_more = (uint16_t) qoe_min(
                (qoe_delivery_past_end(&p[i - 1]) - dry.end + 3) / 4,
                (uint32_t) UINT16_MAX);
            break;
        }
    }

    for (k = 0; k < QOE_TRACKS; k++) {
        p = d->track[k].past;
        d->track[k].halt = 0;

        for (i = 1; i < QOE_DELIVERY_PAST && p[i].start != 0; i++) {
            qoe_delivery_pair(d, (qoe_track_t) k, i);
        }

        if (p[i - 1].start == 0 || p[i - 1].start > dry.start) {
            d->flags |= (uint16_t) (QOE_DELIVERY_BLIND << k);
        }
    }
}


/* Adds the halt between two requests as far as it may lie in the dry time. */

static void
qoe_delivery_pair(qoe_delivery_t *d, qoe_track_t track, size_t i)
{
    double                 halt, from, to;
    qoe_dry_t              dry;
    qoe_delivery_track_t  *t;

    t = &d->track[track];
    dry = qoe_delivery_dry_open(d);

    from = fmax(t->past[i].start, (double) dry.start - QOE_DRY_SLACK);
    to = fmin(t->past[i - 1].start,
              (double) dry.end + d->dry_more * 4 + QOE_DEADLINE_ROUND);

    /* a halt that has been counted is none of another stall */

    if (to <= from || (t->past[i].start + QOE_DRY_SLACK < d->stall_end
                       && t->past[i - 1].start > d->stall))
    {
        return;
    }

    halt = qoe_delivery_halt(t, i);

    if (isnan(halt)) {
        d->flags |= (uint16_t) (QOE_DELIVERY_BLIND << track);

    } else if (halt >= QOE_DRY_NOISE) {
        halt = t->halt + fmin(halt, to - from) / 4;
        t->halt = (uint16_t) fmin(halt, UINT16_MAX);
    }
}


void
qoe_delivery_halted(qoe_delivery_step_t *x)
{
    if (x->d->dry != 0 && x->newest) {
        qoe_delivery_pair(x->d, x->track, 1);
    }
}


static bool
qoe_delivery_seen(const qoe_delivery_t *d, qoe_track_t track)
{
    return d->track[track].past[0].start != 0;
}


/* Has each track reported its buffer after the dry time, or is it too late? */

static bool
qoe_delivery_ready(const qoe_delivery_t *d)
{
    uint32_t     own, other, end;
    qoe_dry_t    dry;
    qoe_track_t  track;

    dry = qoe_delivery_dry_open(d);
    track = dry.track;
    end = dry.end + (uint32_t) d->dry_more * 4;

    own = d->track[track].past[0].start;
    other = d->track[!track].past[0].start;

    if (qoe_max(own, other) > dry.end + QOE_DRY_WAIT) {
        return true;
    }

    /* what has failed will be asked for again */

    return own >= dry.end && !qoe_delivery_past_failed(&d->track[track].past[0])
           && (!qoe_delivery_seen(d, (qoe_track_t) !track) || other >= end);
}


void
qoe_delivery_judge(qoe_delivery_t *d, bool forced, qoe_points_t *points)
{
    int          i;
    double       ms, limit;
    qoe_dry_t    dry;
    qoe_track_t  track;

    if (d->dry == 0 || (!forced && !qoe_delivery_ready(d))) {
        return;
    }

    dry = qoe_delivery_dry_open(d);
    limit = (double) dry.end - dry.start + d->dry_more * 4.0 + QOE_DRY_SLACK;
    ms = NAN;

    for (i = 0; i < QOE_TRACKS && isnan(ms); i++) {
        track = (i == 0) ? (qoe_track_t) !dry.track : dry.track;

        if (d->track[track].past[0].start >= dry.end
            && !(d->flags & QOE_DELIVERY_BLIND << track))
        {
            ms = fmin(d->track[track].halt * 4.0, limit);
        }
    }

    d->dry = 0;
    d->flags &= (uint16_t) ~(QOE_DELIVERY_DRY | QOE_DELIVERY_DRY << 1);

    if (!isnan(ms)) {
        if (ms >= QOE_DRY_MEASURED) {
            qoe_delivery_stalled(d, &dry, ms, points);
        }

        return;
    }

    if (dry.why == QOE_DRY_DEADLINE) {
        ms = (double) dry.end - dry.start;

        if (ms >= QOE_DRY_ASSUMED) {
            qoe_delivery_stalled(d, &dry, ms, points);
        }

    } else if (dry.why == QOE_DRY_BS) {
        qoe_delivery_stalled(d, &dry, NAN, points);
    }
}


/*
 * After an abort it is not known whether the viewer left or waited; but where
 * an error was the last answer, playback has ended with the buffer: for good,
 * or until the viewer went elsewhere.
 */

void
qoe_delivery_starved(qoe_delivery_t *d, uint32_t until, qoe_points_t *points)
{
    qoe_dry_t  dry;

    if (d->hungry == 0 || d->hungry_of != QOE_CAUSE_ERROR
        || !(d->flags & QOE_DELIVERY_STARTED)
        || (until != 0 && until < d->hungry + QOE_DRY_ASSUMED))
    {
        return;
    }

    if (until == 0 && d->hungry > d->played) {
        qoe_delivery_played(d, d->hungry - d->played, points);
        d->played = d->hungry;
    }

    dry.start = d->hungry;
    dry.end = until != 0 ? until : d->hungry + 1;
    dry.why = QOE_DRY_DEADLINE;
    dry.cause = QOE_CAUSE_ERROR;
    dry.track = QOE_TRACK_VIDEO;

    d->hungry = 0;
    d->dry_more = 0;

    qoe_delivery_stalled(d, &dry, until != 0 ? until - dry.start : NAN,
                         points);
}


/* Counts a stall; ms is NAN if nothing says how long it was. */

static void
qoe_delivery_stalled(qoe_delivery_t *d, const qoe_dry_t *dry, double ms,
    qoe_points_t *points)
{
    int           i;
    double        value[2];
    uint32_t      end;
    qoe_point_t  *p;

    static const qoe_metric_id_t  metrics[] = {
        QOE_METRIC_EXPERIENCE_REBUFFERS, QOE_METRIC_EXPERIENCE_REBUFFER_TIME
    };
    static const qoe_span_t  reasons[] = {
        { "deadline", 8 }, { "bs", 2 }, { "su", 2 }
    };

    end = dry->end + (uint32_t) d->dry_more * 4;

    /* a second sign of a stall that has been counted */

    if (d->stall_end > dry->start && d->stall < dry->end) {
        return;
    }

    d->stall = dry->start;
    d->stall_end = end;

    value[0] = 1;
    value[1] = ms;

    for (i = 0; i < 2; i++) {
        p = qoe_delivery_point(points, metrics[i], value[i]);
        qoe_point_extra(p, QOE_DIM_REASON, reasons[dry->why % 3]);
        qoe_point_extra(p, QOE_DIM_CAUSE, qoe_cause_name(dry->cause));
    }
}
