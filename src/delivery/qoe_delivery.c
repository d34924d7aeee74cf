
/*
 * Copyright (C) OpenQoE
 *
 * The state of a session that makes requests: its views, their startup, the
 * time that they played, what is repeated, and what is requested after what.
 */


#include "qoe_delivery_priv.h"
#include "qoe_hash.h"


/* The place of the first request after the epoch: others may be older. */
#define QOE_DELIVERY_SLACK     60000

/* A longer pause before playback is no part of the startup. */
#define QOE_DELIVERY_GAP       10000
#define QOE_DELIVERY_STARTUP   120000

/* After that time another view begins, whatever is asked for. */
#define QOE_DELIVERY_FORGET    (3600 * 1000)

/* Times of a session that exceed this are begun anew. */
#define QOE_DELIVERY_LONG      0x40000000

/* The buffer with which a player can play. */
#define QOE_DELIVERY_PLAYS     1

/* The length of a segment where no d is sent, ms. */
#define QOE_DELIVERY_SEGMENT   2000

/* Known: so many segments, that many ms apart. */
#define QOE_DELIVERY_KNOWN     3
#define QOE_DELIVERY_KNOWN_MS  5000


static uint32_t qoe_delivery_time(const qoe_delivery_t *d, uint64_t ms);
static void qoe_delivery_begin(qoe_delivery_step_t *x);
static void qoe_delivery_content(qoe_delivery_step_t *x, uint64_t now_ms);
static void qoe_delivery_view(qoe_delivery_step_t *x);
static void qoe_delivery_attempt(qoe_delivery_t *d, qoe_points_t *points);
static void qoe_delivery_clear(qoe_delivery_t *d, uint64_t epoch_ms);
static void qoe_delivery_retry(qoe_delivery_step_t *x);
static void qoe_delivery_failure(qoe_delivery_step_t *x);
static void qoe_delivery_segment(qoe_delivery_step_t *x);
static bool qoe_delivery_vague(const qoe_delivery_step_t *x);
static void qoe_delivery_start(qoe_delivery_step_t *x);
static void qoe_delivery_playing(qoe_delivery_step_t *x);
static bool qoe_delivery_leads(const qoe_delivery_step_t *x);
static void qoe_delivery_brought(qoe_delivery_step_t *x);
static void qoe_delivery_compare(qoe_delivery_step_t *x);
static void qoe_delivery_wait(qoe_delivery_step_t *x);
static void qoe_delivery_rest(qoe_delivery_t *d, qoe_points_t *points);


static const uint32_t  qoe_delivery_silences[] = {
    30000, 60000, 120000, 300000
};

#define QOE_DELIVERY_SILENCES                                                 \
    (sizeof(qoe_delivery_silences) / sizeof(qoe_delivery_silences[0]))


/* Also for numbers of a torn state. */

static uint32_t
qoe_delivery_time(const qoe_delivery_t *d, uint64_t ms)
{
    if (ms <= d->epoch_ms) {
        return 1;
    }

    return (uint32_t) qoe_min(ms - d->epoch_ms, (uint64_t) INT32_MAX);
}


void
qoe_delivery_apply(qoe_delivery_t *d, const qoe_request_t *r, uint64_t now_ms,
    qoe_points_t *points)
{
    qoe_delivery_step_t  x;

    memset(&x, 0, sizeof(x));

    x.d = d;
    x.r = r;
    x.points = points;

    if (!(d->flags & QOE_DELIVERY_BEGUN)
        || r->start_ms > d->epoch_ms + QOE_DELIVERY_LONG)
    {
        qoe_delivery_begin(&x);

    } else {
        qoe_delivery_content(&x, now_ms);
    }

    x.start = qoe_delivery_time(d, r->start_ms);
    x.end = x.start + (r->duration_ms > 0
                       ? (uint32_t) fmin(r->duration_ms, 86400000) : 0);
    x.complete = qoe_request_complete(r);
    x.cause = qoe_delivery_cause(r);

    d->st = r->st != 0 ? r->st : d->st;
    d->sf = r->sf != 0 ? r->sf : d->sf;

    if (r->st != 0 || qoe_request_ot(r) != QOE_CMCD_OT_MANIFEST) {
        qoe_delivery_attempt(d, points);
    }

    if (!(d->flags & QOE_DELIVERY_STARTED)
        && x.start > qoe_delivery_time(d, d->received_ms) + QOE_DELIVERY_GAP)
    {
        d->first = x.start;
    }

    d->first = qoe_min(d->first, x.start);
    d->received_ms = now_ms;

    qoe_delivery_retry(&x);

    if (qoe_request_media(r)) {
        qoe_delivery_segment(&x);
    }

    qoe_delivery_failure(&x);
}


static void
qoe_delivery_begin(qoe_delivery_step_t *x)
{
    bool             long_ago;
    qoe_delivery_t  *d;

    d = x->d;
    long_ago = (d->flags & QOE_DELIVERY_BEGUN) != 0;

    qoe_delivery_clear(d, x->r->start_ms > QOE_DELIVERY_SLACK
                          ? x->r->start_ms - QOE_DELIVERY_SLACK : 0);

    if (long_ago) {
        d->flags |= QOE_DELIVERY_STARTED;
        d->cid = qoe_hash_plain(qoe_request_cid(x->r));
        return;
    }

    qoe_delivery_view(x);
}


/* Forgets all times, but not the view. */

static void
qoe_delivery_clear(qoe_delivery_t *d, uint64_t epoch_ms)
{
    size_t  from;

    from = offsetof(qoe_delivery_t, first);

    memset((char *) d + from, 0, sizeof(qoe_delivery_t) - from);

    d->epoch_ms = epoch_ms;
    d->first = UINT32_MAX;
    d->flags = QOE_DELIVERY_BEGUN;
    d->patience = 0;
}


/*
 * Another content is another view, unless it is the one before the last, which
 * goes on after an advertisement or while the next one is loaded.  After the
 * end, a manifest begins the view anew, and a segment continues it.
 */

static void
qoe_delivery_content(qoe_delivery_step_t *x, uint64_t now_ms)
{
    bool             again;
    uint32_t         cid;
    qoe_delivery_t  *d;

    d = x->d;
    cid = qoe_hash_plain(qoe_request_cid(x->r));
    cid = cid != 0 ? cid : d->cid;

    again = (d->flags & QOE_DELIVERY_OVER) != 0
            && (qoe_request_ot(x->r) == QOE_CMCD_OT_MANIFEST
                || now_ms > d->received_ms + QOE_DELIVERY_FORGET);

    d->flags &= (uint16_t) ~QOE_DELIVERY_OVER;

    if (cid == d->cid && !again) {
        return;
    }

    if (cid == d->cid_before && !again) {
        d->cid_before = d->cid;
        d->cid = cid;
        return;
    }

    /* the end of the view that is left */

    qoe_delivery_end(d, x->points);

    qoe_delivery_clear(d, x->r->start_ms > QOE_DELIVERY_SLACK
                          ? x->r->start_ms - QOE_DELIVERY_SLACK : 0);
    d->cid_before = d->cid;

    qoe_delivery_view(x);
}


static void
qoe_delivery_view(qoe_delivery_step_t *x)
{
    x->d->cid = qoe_hash_plain(qoe_request_cid(x->r));
    x->d->flags |= QOE_DELIVERY_ATTEMPT;
}


/*
 * Players do not know the type of the stream before the first manifest has
 * come, so a view is counted with the request after it.
 */

static void
qoe_delivery_attempt(qoe_delivery_t *d, qoe_points_t *points)
{
    qoe_point_t  *p;

    static const char *const  sts[QOE_CMCD_STS] = { "", "v", "l", "ll" };
    static const char *const  sfs[QOE_CMCD_SFS] = { "", "d", "e", "h", "s",
                                                    "o" };

    if (!(d->flags & QOE_DELIVERY_ATTEMPT)) {
        return;
    }

    d->flags &= (uint16_t) ~QOE_DELIVERY_ATTEMPT;

    p = qoe_delivery_point(points, QOE_METRIC_EXPERIENCE_ATTEMPTS, 1);
    qoe_point_extra(p, QOE_DIM_ST,
                    qoe_span_str(sts[d->st < QOE_CMCD_STS ? d->st : 0]));
    qoe_point_extra(p, QOE_DIM_SF,
                    qoe_span_str(sfs[d->sf < QOE_CMCD_SFS ? d->sf : 0]));
}


static void
qoe_delivery_retry(qoe_delivery_step_t *x)
{
    qoe_delivery_t  *d;

    d = x->d;

    if (d->failed_until == 0 || x->r->path_hash == 0
        || (uint32_t) x->r->path_hash != d->failed_path)
    {
        return;
    }

    if (x->start <= d->failed_until) {
        qoe_point_extra(qoe_point_add(x->points, QOE_METRIC_DELIVERY_RETRIES,
                                      1),
                        QOE_DIM_OT, qoe_delivery_ot(x->r));
    }

    d->failed_until = 0;
}


static void
qoe_delivery_failure(qoe_delivery_step_t *x)
{
    double           d_ms;
    qoe_delivery_t  *d;

    d = x->d;

    if (!x->r->aborted && !qoe_delivery_refused(x->r)) {
        return;
    }

    d_ms = x->r->d_ms > 0 ? fmin(x->r->d_ms, 60000) : QOE_DELIVERY_SEGMENT;

    d->failed_path = (uint32_t) x->r->path_hash;
    d->failed_until = x->end + (uint32_t) (2 * d_ms);

    if (qoe_delivery_refused(x->r)) {
        d->failed = x->end;
    }
}


/* A request for audio or video. */

static void
qoe_delivery_segment(qoe_delivery_step_t *x)
{
    qoe_delivery_t  *d;

    d = x->d;

    x->track = qoe_request_ot(x->r) == QOE_CMCD_OT_AUDIO ? QOE_TRACK_AUDIO
                                                         : QOE_TRACK_VIDEO;

    if (qoe_delivery_vague(x)) {

        if (!(d->flags & QOE_DELIVERY_STARTED)) {
            qoe_delivery_start(x);
        }

        d->media += (x->complete && d->media != UINT8_MAX);
        return;
    }

    qoe_delivery_order(x);

    if (!(d->flags & QOE_DELIVERY_STARTED)) {
        qoe_delivery_start(x);
    }

    if (x->track == QOE_TRACK_AUDIO && !isnan(x->r->bl_ms)) {
        d->flags |= QOE_DELIVERY_AUDIO;
    }

    qoe_delivery_signs(x);
    qoe_delivery_compare(x);
    qoe_delivery_remember(x);
    qoe_delivery_halted(x);
    qoe_delivery_playing(x);
    qoe_delivery_judge(d, false, x->points);
    qoe_delivery_brought(x);
    qoe_delivery_wait(x);
}


/*
 * By the type of the content alone audio is not known from video, nor either
 * from an initialization segment.  A player that does not say what it asks for
 * may say how long that plays: what has no length is then not of this track.
 */

static bool
qoe_delivery_vague(const qoe_delivery_step_t *x)
{
    size_t                      i;
    const qoe_delivery_past_t  *p;

    if (x->r->ot != QOE_CMCD_OT_NONE || x->r->d_ms > 0
        || !isnan(x->r->bl_ms) || x->r->dl_ms > 0)
    {
        return false;
    }

    p = x->d->track[x->track].past;

    for (i = 0; i < QOE_DELIVERY_PAST; i++) {
        if (p[i].d != 0) {
            return true;
        }
    }

    return false;
}


/*
 * It plays, or can play, when a request is made with media in the buffer, or
 * after other media without su.  A session whose first request has a buffer has
 * begun elsewhere: its startup is not known.
 */

static void
qoe_delivery_start(qoe_delivery_step_t *x)
{
    bool             buffered;
    double           ms;
    qoe_delivery_t  *d;

    d = x->d;
    buffered = (x->r->bl_ms >= QOE_DELIVERY_PLAYS
                || qoe_delivery_deadline(x->r) > 0);

    if (!buffered && (x->r->su || d->media == 0)) {
        return;
    }

    d->flags |= QOE_DELIVERY_STARTED;
    d->played = x->start;
    ms = (double) x->start - d->first;

    if (d->first != x->start && ms <= QOE_DELIVERY_STARTUP) {
        (void) qoe_delivery_point(x->points, QOE_METRIC_EXPERIENCE_STARTUP,
                                  ms);
    }
}


/* Throughput as the edge saw it, by what the player made of it. */

static void
qoe_delivery_compare(qoe_delivery_step_t *x)
{
    double                 rate;
    qoe_point_t           *p;
    qoe_delivery_track_t  *t;

    t = qoe_delivery_track(x);

    if (t->rate > 0 && x->newest && x->r->mtp_kbps > 0) {
        p = qoe_point_add(x->points, QOE_METRIC_DELIVERY_THROUGHPUT_GAP,
                          (double) t->rate / x->r->mtp_kbps);
        qoe_point_extra(p, QOE_DIM_OT, qoe_delivery_ot(x->r));
        qoe_point_code(p, 1 + qoe_request_ot(x->r));
        t->rate = 0;
    }

    rate = qoe_delivery_throughput(x->r);

    if (rate > 0) {
        t->rate = (float) rate;
    }
}


/*
 * Where audio is a track of its own, its buffer says best how long it played:
 * that of video is emptied by some players when they change the rendition.
 */

static bool
qoe_delivery_leads(const qoe_delivery_step_t *x)
{
    return x->track == QOE_TRACK_AUDIO
           || !(x->d->flags & QOE_DELIVERY_AUDIO);
}


static void
qoe_delivery_playing(qoe_delivery_step_t *x)
{
    double                 wall, ms, rate;
    uint32_t               from;
    qoe_delivery_t        *d;
    qoe_delivery_track_t  *t;

    d = x->d;
    t = qoe_delivery_track(x);

    if (!x->newest || !(d->flags & QOE_DELIVERY_STARTED)
        || !qoe_delivery_leads(x) || t->past[1].start == 0
        || x->start <= d->played)
    {
        return;
    }

    wall = (double) x->start - t->past[1].start;
    ms = qoe_delivery_halt(t, 1);
    rate = qoe_delivery_past_rate(&t->past[1]);

    ms = isnan(ms) ? fmin(wall, qoe_delivery_shown(t, 1) / rate) : wall - ms;

    /* a part of that time has been counted, or was before the start */

    from = qoe_max(d->played, t->past[1].start);
    ms *= ((double) x->start - from) / fmax(wall, 1);

    d->played = x->start;
    qoe_delivery_played(d, ms, x->points);
}


void
qoe_delivery_played(qoe_delivery_t *d, double ms, qoe_points_t *points)
{
    if (d->flags & QOE_DELIVERY_STARTED) {
        qoe_point_code(qoe_delivery_point(points,
                                          QOE_METRIC_EXPERIENCE_PLAYING_TIME,
                                          ms),
                       1);
    }
}


/* What a complete response brought. */

static void
qoe_delivery_brought(qoe_delivery_step_t *x)
{
    bool                   up;
    uint16_t               kbps;
    qoe_point_t           *p;
    qoe_delivery_t        *d;
    qoe_delivery_track_t  *t;

    d = x->d;
    t = qoe_delivery_track(x);

    if (!x->complete) {
        return;
    }

    d->media += (d->media != UINT8_MAX);

    if (x->r->duration_ms > x->r->d_ms) {
        d->slow = (uint8_t) (1 + x->cause);

    } else {
        d->slow = qoe_delivery_lagged(x->r) ? 1 + QOE_CAUSE_NETWORK : 0;
    }

    if (!x->newest || !(x->r->br_kbps >= 1)) {
        return;
    }

    kbps = (uint16_t) fmin(x->r->br_kbps, UINT16_MAX);

    if (t->kbps != 0 && t->kbps != kbps) {
        up = kbps > t->kbps;

        p = qoe_delivery_point(x->points, QOE_METRIC_EXPERIENCE_SWITCHES, 1);
        qoe_point_extra(p, QOE_DIM_OT, qoe_delivery_ot(x->r));
        qoe_point_extra(p, QOE_DIM_CHANGE_DIRECTION,
                        up ? qoe_span("up") : qoe_span("down"));
    }

    t->kbps = kbps;
}


/* How long the silence after this request may be. */

static void
qoe_delivery_wait(qoe_delivery_step_t *x)
{
    double           ms;
    qoe_delivery_t  *d;

    d = x->d;

    ms = 2 * (x->r->d_ms > 0 ? x->r->d_ms : 0)
         + (x->r->bl_ms > 0 ? x->r->bl_ms : 0);

    for (d->patience = 0; d->patience < QOE_DELIVERY_SILENCES - 1
                          && qoe_delivery_silences[d->patience] < ms;
         d->patience++)
    {
        /* void */
    }

    /* some players announce what comes after audio only now and then */

    if (!x->newest || (x->track == QOE_TRACK_AUDIO
                       && d->track[QOE_TRACK_VIDEO].past[0].start != 0))
    {
        return;
    }

    if (x->r->nor) {
        d->flags |= QOE_DELIVERY_NOR;
        d->flags &= (uint16_t) ~QOE_DELIVERY_LAST;

    } else if (d->flags & QOE_DELIVERY_NOR) {
        d->flags |= QOE_DELIVERY_LAST;
    }
}


uint64_t
qoe_delivery_silence_ms(const qoe_delivery_t *d)
{
    return qoe_delivery_silences[d->patience % QOE_DELIVERY_SILENCES];
}


bool
qoe_delivery_known(const qoe_delivery_t *d)
{
    return d->media >= QOE_DELIVERY_KNOWN
           && qoe_delivery_time(d, d->received_ms)
              >= QOE_DELIVERY_SLACK + QOE_DELIVERY_KNOWN_MS;
}


bool
qoe_delivery_over(const qoe_delivery_t *d)
{
    return (d->flags & QOE_DELIVERY_OVER) != 0;
}


void
qoe_delivery_evict(qoe_delivery_t *d)
{
    d->flags |= QOE_DELIVERY_EVICTED;
}


void
qoe_delivery_end(qoe_delivery_t *d, qoe_points_t *points)
{
    if (d->flags & QOE_DELIVERY_OVER) {
        return;
    }

    /*
     * A writer that was killed before it had applied the first request leaves
     * such a state; it must not be due again and again.
     */

    if (!(d->flags & QOE_DELIVERY_BEGUN)) {
        d->flags |= QOE_DELIVERY_OVER;
        return;
    }

    qoe_delivery_attempt(d, points);
    qoe_delivery_judge(d, true, points);

    d->flags |= QOE_DELIVERY_OVER;

    /* nothing is known of what would have come */

    if (d->flags & QOE_DELIVERY_EVICTED) {
        return;
    }

    qoe_delivery_starved(d, 0, points);

    if (d->media == 0) {

        /* who only gave up the first segments has left, without a failure */

        if (d->failed != 0 || (d->track[0].past[0].start == 0
                               && d->track[1].past[0].start == 0))
        {
            (void) qoe_delivery_point(points,
                                      QOE_METRIC_EXPERIENCE_STARTUP_FAILED, 1);
        }

        return;
    }

    qoe_delivery_rest(d, points);
}


/*
 * After the last object of all, what is in the buffer is played.  Of live
 * streams the last one is that whose next one is not there yet.
 */

static void
qoe_delivery_rest(qoe_delivery_t *d, qoe_points_t *points)
{
    double                 ms;
    qoe_delivery_past_t   *last;

    if (d->st == QOE_CMCD_ST_LIVE || d->st == QOE_CMCD_ST_LOW_LATENCY
        || (!(d->flags & QOE_DELIVERY_LAST)
            && !qoe_delivery_shortened(&d->track[QOE_TRACK_VIDEO])
            && !qoe_delivery_shortened(&d->track[QOE_TRACK_AUDIO])))
    {
        return;
    }

    last = &d->track[(d->flags & QOE_DELIVERY_AUDIO) != 0].past[0];
    ms = (qoe_delivery_past_buffer(last) + last->d * 4.0)
         / qoe_delivery_past_rate(last);

    qoe_delivery_played(d, ms, points);

    /* it is played once, whatever else is asked for */

    d->flags &= (uint16_t) ~QOE_DELIVERY_LAST;
    d->track[QOE_TRACK_VIDEO].past[0].d = 0;
    d->track[QOE_TRACK_AUDIO].past[0].d = 0;
}
