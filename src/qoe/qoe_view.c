
/*
 * Copyright (C) OpenQoE
 *
 * The life of a view, and its time.
 *
 * Skew is the least difference between receipt and event time that the
 * session has shown; corrected by it, an event never lies ahead of its
 * receipt.  A difference that is less still has one of two reasons:
 *
 *   the events before were delivered later than this one (a batch holds
 *   events of many seconds, and the first batch of a session all there is):
 *   what is remembered happened earlier than it was thought to, and moves
 *   back with the skew, so that durations stay those of the client's clock;
 *
 *   the client's clock was set forward: what is remembered stays, and the
 *   time since then is what receipts say.
 *
 * It is the clock when the session is known for a while, and the difference
 * is more than deliveries vary; or when it is more than the silence that ends
 * a view.  A clock that was set back makes events older than any delivery
 * explains: the skew is raised, so that time stands still for one event, and
 * from then on receipts are believed, for it may have been a lone old event.
 */


#include "qoe_view_priv.h"


/* How far behind the last one an event may be by its way alone. */
#define QOE_VIEW_LATE_MS       120000

/* From then on deliveries do not bring much better estimates. */
#define QOE_VIEW_KNOWN_MS      30000
#define QOE_VIEW_JITTER_MS     10000

#define QOE_VIEW_CONCURRENT_MS 30000

/* Of watch time, a step. */
#define QOE_VIEW_STEP_MS       60000


_Static_assert(sizeof(qoe_view_t) <= 512, "a view takes 512 bytes");


typedef void (*qoe_view_handler_t)(qoe_view_step_t *x);


static bool qoe_view_is_over(const qoe_view_t *v, uint64_t view_key);
static void qoe_view_receive(qoe_view_t *v, const qoe_sample_t *s);
static void qoe_view_clock(qoe_view_step_t *x);
static void qoe_view_shift(qoe_view_t *v, uint64_t ms);
static void qoe_view_spend(qoe_view_step_t *x);
static uint64_t qoe_view_timeout(const qoe_view_t *v,
    const qoe_view_conf_t *conf);
static void qoe_view_count_event(qoe_view_step_t *x);
static void qoe_view_times(qoe_view_step_t *x);


/* What an event does; live: only to a view that is not over. */

static const struct {
    qoe_view_handler_t  handler;
    bool                live;
} qoe_view_events[QOE_EVENT_CUSTOM + 1] = {
    [QOE_EVENT_MANIFESTLOAD]           = { qoe_view_page_load, false },
    [QOE_EVENT_PLAYERREADY]            = { qoe_view_player_ready, false },
    [QOE_EVENT_CANPLAY]                = { qoe_view_can_play, true },
    [QOE_EVENT_PLAYING]                = { qoe_view_playing, false },
    [QOE_EVENT_PAUSE]                  = { qoe_view_pause, false },
    [QOE_EVENT_SEEK]                   = { qoe_view_seek, false },
    [QOE_EVENT_STALLSTART]             = { qoe_view_stall_start, false },
    [QOE_EVENT_STALLEND]               = { qoe_view_stall_end, false },
    [QOE_EVENT_ENDED]                  = { qoe_view_ended, false },
    [QOE_EVENT_ERROR]                  = { qoe_view_error, false },
    [QOE_EVENT_QUARTILE]               = { qoe_view_quartile, true },
    [QOE_EVENT_HEARTBEAT]              = { qoe_view_heartbeat, false },
    [QOE_EVENT_QUALITYCHANGEREQUESTED] = { qoe_view_quality_request, false },
    [QOE_EVENT_QUALITYCHANGE]          = { qoe_view_quality_change, false },
    [QOE_EVENT_FRAGMENTLOADED]         = { qoe_view_fragment, false },
    [QOE_EVENT_BUFFERLEVELCHANGE]      = { qoe_view_buffer_change, false },
    [QOE_EVENT_BANDWIDTHCHANGE]        = { qoe_view_bandwidth, false },
    [QOE_EVENT_PLAYBACKDETACHED]       = { qoe_view_detached, true },
    [QOE_EVENT_MOVEAWAY]               = { qoe_view_move_away, true },
    [QOE_EVENT_MOVEBACK]               = { qoe_view_move_back, true },
};


void
qoe_view_begin(qoe_view_t *v, uint64_t view_key, const qoe_sample_t *s)
{
    size_t  view;

    (void) s;

    view = offsetof(qoe_view_t, state);

    v->view_key = 0;
    v->flags = (v->flags & QOE_VIEW_SESSION) | QOE_VIEW_FRESH;
    memset((char *) v + view, 0, sizeof(qoe_view_t) - view);
    v->view_key = view_key;
}


qoe_view_result_t
qoe_view_apply(qoe_view_t *v, uint64_t view_key, bool seen,
    const qoe_sample_t *s, const qoe_view_conf_t *conf, qoe_points_t *points)
{
    unsigned         type;
    qoe_view_step_t  x;

    type = qoe_min((unsigned) s->type, QOE_EVENT_CUSTOM);

    points->n = 0;
    points->ignored = 0;
    points->used = 0;

    memset(&x, 0, sizeof(x));
    x.s = s;
    x.conf = conf;
    x.points = points;

    qoe_view_receive(v, s);
    qoe_view_count_event(&x);

    if (seen) {
        return QOE_VIEW_DUPLICATE;
    }

    x.set = qoe_view_valid(s, &points->ignored);
    x.media = qoe_view_media_of(qoe_view_text(&x, MEDIA_TYPE));
    x.bitrate = qoe_view_bitrate(&x);

    if (view_key != 0 && view_key == v->view_key
        && !qoe_view_ending(v))
    {
        x.v = v;
        qoe_view_clock(&x);
        qoe_view_spend(&x);
    }

    if (qoe_view_events[type].handler != NULL
        && (x.v != NULL || !qoe_view_events[type].live))
    {
        qoe_view_events[type].handler(&x);
    }

    if (x.v == NULL) {
        return QOE_VIEW_LATE;
    }

    qoe_view_times(&x);

    return QOE_VIEW_EVENT;
}


bool
qoe_view_knows(const qoe_view_t *v, uint64_t view_key)
{
    return view_key != 0
           && (view_key == v->view_key || qoe_view_is_over(v, view_key));
}


static bool
qoe_view_is_over(const qoe_view_t *v, uint64_t view_key)
{
    unsigned  i;

    for (i = 0; i < QOE_VIEW_OVER; i++) {
        if (v->over[i] == view_key) {
            return true;
        }
    }

    return false;
}


bool
qoe_view_ending(const qoe_view_t *v)
{
    return v->view_key != 0 && (v->flags & QOE_VIEW_ENDING) != 0;
}


bool
qoe_view_over(const qoe_view_t *v)
{
    return v->view_key == 0;
}


bool
qoe_view_hidden(const qoe_view_t *v)
{
    return v->view_key != 0 && (v->flags & QOE_VIEW_HIDDEN) != 0;
}


static uint64_t
qoe_view_timeout(const qoe_view_t *v, const qoe_view_conf_t *conf)
{
    return qoe_view_hidden(v) ? conf->hidden_timeout_ms : conf->timeout_ms;
}


/* What comes of a view that is over must not be taken for another one. */

uint64_t
qoe_view_due_ms(const qoe_view_t *v, const qoe_view_conf_t *conf)
{
    return v->received_ms + (qoe_view_over(v) ? conf->hidden_timeout_ms
                                              : qoe_view_timeout(v, conf));
}


bool
qoe_view_concurrent(const qoe_view_t *v, uint64_t now_ms)
{
    return v->view_key != 0
           && qoe_view_since(now_ms, v->received_ms) <= QOE_VIEW_CONCURRENT_MS;
}


/* Receipts of several workers may overtake each other a little. */

static void
qoe_view_receive(qoe_view_t *v, const qoe_sample_t *s)
{
    uint64_t  received_ms;

    received_ms = s->received_ns / 1000000;

    if (received_ms > v->received_ms
        || v->received_ms - received_ms > QOE_VIEW_LATE_MS)
    {
        v->received_ms = received_ms;
    }
}


/* The event's time by the corrected clock, and the time since the last one. */

static void
qoe_view_clock(qoe_view_step_t *x)
{
    int64_t      skew, at;
    uint64_t     lead, timeout;
    qoe_view_t  *v;

    v = x->v;
    skew = (int64_t) (v->received_ms - (uint64_t) x->s->time_ms);
    timeout = qoe_view_timeout(v, x->conf);

    if ((v->flags & QOE_VIEW_CLOCK) == 0) {
        v->skew_ms = skew;
        v->first_ms = v->received_ms;
        v->now_ms = v->received_ms;
        v->flags |= QOE_VIEW_CLOCK;
    }

    /* only a server's clock that was set back, or a torn slot, makes it so */

    v->now_ms = qoe_min(v->now_ms, v->received_ms);

    if (skew < v->skew_ms) {
        lead = (uint64_t) v->skew_ms - (uint64_t) skew;

        if (qoe_view_since(v->received_ms, v->first_ms) >= QOE_VIEW_KNOWN_MS) {
            timeout = qoe_min(timeout, QOE_VIEW_JITTER_MS);
        }

        if (lead <= timeout && (v->flags & QOE_VIEW_STEPPED) == 0) {
            qoe_view_shift(v, lead);
        }

        v->skew_ms = skew;
    }

    at = (int64_t) ((uint64_t) x->s->time_ms + (uint64_t) v->skew_ms);
    x->now_ms = at > 0 ? (uint64_t) at : 0;

    if (qoe_view_since(v->now_ms, x->now_ms) > QOE_VIEW_LATE_MS) {
        v->skew_ms = (int64_t) ((uint64_t) v->skew_ms + v->now_ms - x->now_ms);
        v->flags |= QOE_VIEW_STEPPED;
        x->now_ms = v->now_ms;
    }

    if (v->flags & QOE_VIEW_FRESH) {
        x->now_ms = qoe_max(x->now_ms, v->now_ms);
        v->now_ms = x->now_ms;
        v->begin_ms = x->now_ms;
        v->entry_ms = x->now_ms;
        v->change_ms = x->now_ms;
        v->flags &= ~QOE_VIEW_FRESH;
    }

    x->spent_ms = qoe_min(qoe_view_since(x->now_ms, v->now_ms),
                          qoe_view_timeout(v, x->conf));
    v->now_ms = qoe_max(v->now_ms, x->now_ms);
}


static void
qoe_view_shift(qoe_view_t *v, uint64_t ms)
{
    unsigned   i;
    uint64_t  *at[] = {
        &v->now_ms, &v->begin_ms, &v->entry_ms, &v->change_ms, &v->stall_ms,
        &v->stall_end_ms, &v->media[QOE_VIEW_VIDEO].request_ms,
        &v->media[QOE_VIEW_AUDIO].request_ms,
        &v->media[QOE_VIEW_OTHER].request_ms
    };

    for (i = 0; i < sizeof(at) / sizeof(at[0]); i++) {

        /* 0 means none, and is not where anything is moved to */

        if (*at[i] != 0) {
            *at[i] = *at[i] > ms ? *at[i] - ms : 1;
        }
    }
}


/* Gives the time since the last event to the state that held then. */

static void
qoe_view_spend(qoe_view_step_t *x)
{
    unsigned     state;
    uint64_t     ms;
    qoe_view_t  *v;

    v = x->v;
    ms = x->spent_ms;
    state = v->state % QOE_VIEW_STATES;

    /* what is waited for before the first frame is startup, and no stall */

    if ((v->flags & QOE_VIEW_STARTED) == 0) {
        state = QOE_VIEW_INIT;
    }

    v->spent_ms[state] += ms;

    if (v->flags & QOE_VIEW_HIDDEN) {
        v->hidden_ms += ms;
    }

    if (state == QOE_VIEW_PLAYING && ms != 0) {
        x->played_ms = ms;
        qoe_view_rate(v, ms);
    }
}


bool
qoe_view_overtaken(const qoe_view_step_t *x)
{
    return x->now_ms < x->v->now_ms;
}


/* What playing_time_seconds was told before stays told. */

void
qoe_view_move(qoe_view_step_t *x, uint64_t ms, qoe_view_mode_t mode)
{
    uint64_t  *playing;

    playing = &x->v->spent_ms[QOE_VIEW_PLAYING];
    ms = qoe_min(ms, *playing);

    if (ms == 0) {
        return;
    }

    qoe_view_rate_less(x->v, *playing, ms);

    *playing -= ms;
    x->v->spent_ms[mode] += ms;
    x->played_ms = qoe_view_since(x->played_ms, ms);
}


void
qoe_view_enter(qoe_view_step_t *x, qoe_view_mode_t mode)
{
    qoe_view_t  *v;

    v = x->v;

    if (x->now_ms < v->change_ms) {
        return;
    }

    if ((v->flags & QOE_VIEW_STALL) && v->stall_end_ms == 0) {
        v->stall_end_ms = x->now_ms;
    }

    if (mode == QOE_VIEW_PLAYING) {
        v->flags &= ~QOE_VIEW_IDLE_SEEK;
    }

    v->state = (uint8_t) mode;
    v->change_ms = x->now_ms;
}


static void
qoe_view_count_event(qoe_view_step_t *x)
{
    qoe_point_t  *p;

    p = qoe_point_add(x->points, QOE_METRIC_EVENTS_TOTAL, 1);

    qoe_point_extra(p, QOE_DIM_EVENT_TYPE,
                    x->s->type < QOE_EVENT_CUSTOM
                    ? qoe_event_type_name(x->s->type) : x->s->type_name);
}


static void
qoe_view_times(qoe_view_step_t *x)
{
    qoe_view_point(x, QOE_METRIC_PLAYING_TIME_SECONDS,
                   (double) x->played_ms / 1000, 0);
    qoe_view_point(x, QOE_METRIC_WATCH_TIME_SECONDS,
                   (double) qoe_min(x->spent_ms, QOE_VIEW_STEP_MS) / 1000, 0);
}
