
/*
 * Copyright (C) OpenQoE
 */


#include "qoe_live.h"
#include "qoe_atomic.h"

#include <math.h>


static void qoe_live_add(qoe_live_t *live, qoe_live_word_t what, double n,
    uint64_t now_ns);
static void qoe_live_outcome(qoe_live_t *live, const qoe_point_t *p,
    uint64_t now_ns);
static qoe_live_word_t qoe_live_bucket(double ms);
static uint32_t qoe_live_value(const uint64_t *word, uint32_t step);
static void qoe_live_read_lane(qoe_live_read_t *out,
    const qoe_live_lane_t *lane);


const uint32_t  qoe_live_bounds[QOE_LIVE_BUCKETS - 1] = {
    50, 100, 150, 200, 300, 400, 500, 650, 800, 1000, 1250, 1500, 2000, 2500,
    3000, 3500, QOE_LIVE_SLOW_MS, 5000, 7000, 10000, 20000
};


static const struct {
    qoe_span_t       outcome;
    qoe_live_word_t  what;
    uint32_t         why;
} qoe_live_outcomes[] = {
    { { "completed", 9 }, QOE_LIVE_COMPLETED, 0 },
    { { "played", 6 }, QOE_LIVE_PLAYED, 0 },
    { { "exit_before_start", 17 }, QOE_LIVE_EXITS, QOE_LIVE_EXIT },
    { { "startup_failure", 15 }, QOE_LIVE_START_FAILURES,
      QOE_LIVE_START_FAILURE },
    { { "playback_failure", 16 }, QOE_LIVE_FAILURES, QOE_LIVE_FAILURE }
};

#define QOE_LIVE_OUTCOMES                                                     \
    (sizeof(qoe_live_outcomes) / sizeof(qoe_live_outcomes[0]))


/*
 * Adds to the word of the step, or begins it.  A sum that would not fit stands
 * still at the highest value; time that turns out not to have been played is
 * taken back, to 0 at most.
 */

static void
qoe_live_add(qoe_live_t *live, qoe_live_word_t what, double n,
    uint64_t now_ns)
{
    double     sum;
    uint32_t   step;
    uint64_t   old, new, *word;

    step = qoe_live_step(now_ns);
    word = &live->word[step % QOE_LIVE_KEPT][what];
    old = qoe_peek(word);

    do {
        sum = (double) (old >> 32 == step ? (uint32_t) old : 0) + n;
        sum = fmin(fmax(sum, 0), UINT32_MAX);
        new = (uint64_t) step << 32 | (uint32_t) sum;

    } while (!__atomic_compare_exchange_n(word, &old, new, true,
                                          __ATOMIC_RELAXED,
                                          __ATOMIC_RELAXED));
}


void
qoe_live_point(qoe_live_t *live, const qoe_point_t *p, uint64_t now_ns)
{
    switch (p->metric) {

    case QOE_METRIC_ERRORS_TOTAL:
        qoe_live_add(live, QOE_LIVE_ERRORS, 1, now_ns);
        break;

    case QOE_METRIC_VIEWS_STARTED_TOTAL:
        qoe_live_add(live, QOE_LIVE_STARTED, 1, now_ns);
        break;

    case QOE_METRIC_VIDEO_STARTUP_TIME:
        qoe_live_add(live, qoe_live_bucket(p->value), 1, now_ns);
        break;

    case QOE_METRIC_PLAYING_TIME_SECONDS:
        if (p->value != 0) {
            qoe_live_add(live, QOE_LIVE_PLAYING_MS, round(p->value * 1000),
                         now_ns);
        }
        break;

    case QOE_METRIC_REBUFFER_DURATION:
        qoe_live_add(live, QOE_LIVE_STALLS, 1, now_ns);
        qoe_live_add(live, QOE_LIVE_STALLED_MS, p->value, now_ns);
        break;

    case QOE_METRIC_REBUFFER_RATIO:
        qoe_live_add(live, QOE_LIVE_RATED, 1, now_ns);

        if (p->value > QOE_LIVE_STALLED) {
            qoe_live_add(live, QOE_LIVE_REBUFFERED, 1, now_ns);
        }
        break;

    case QOE_METRIC_VIEWS_TOTAL:
        qoe_live_outcome(live, p, now_ns);
        break;
    }
}


static void
qoe_live_outcome(qoe_live_t *live, const qoe_point_t *p, uint64_t now_ns)
{
    size_t  i;

    for (i = 0; i < QOE_LIVE_OUTCOMES; i++) {
        if (p->nextra != 0
            && qoe_span_eq(p->extra[0].text, qoe_live_outcomes[i].outcome))
        {
            qoe_live_add(live, qoe_live_outcomes[i].what, 1, now_ns);
        }
    }
}


static qoe_live_word_t
qoe_live_bucket(double ms)
{
    unsigned  i;

    for (i = 0; i < QOE_LIVE_BUCKETS - 1 && ms > qoe_live_bounds[i]; i++) {
        /* void */
    }

    return QOE_LIVE_STARTUP + i;
}


uint32_t
qoe_live_why(const qoe_points_t *points, double startup)
{
    size_t              i, k;
    uint32_t            why;
    const qoe_point_t  *p;

    why = (startup > QOE_LIVE_SLOW_MS) ? QOE_LIVE_SLOW : 0;

    for (i = 0; i < points->n; i++) {
        p = &points->point[i];

        if (p->metric == QOE_METRIC_REBUFFER_RATIO
            && p->value > QOE_LIVE_STALLED)
        {
            why |= QOE_LIVE_REBUFFER;
        }

        if (p->metric != QOE_METRIC_VIEWS_TOTAL || p->nextra == 0) {
            continue;
        }

        for (k = 0; k < QOE_LIVE_OUTCOMES; k++) {
            if (qoe_span_eq(p->extra[0].text, qoe_live_outcomes[k].outcome)) {
                why |= qoe_live_outcomes[k].why;
            }
        }
    }

    return why;
}


void
qoe_live_watched(qoe_live_lane_t *lane, uint32_t n, uint64_t now_ns)
{
    uint32_t  step;

    step = qoe_live_step(now_ns);

    qoe_poke(&lane->watched[step % QOE_LIVE_KEPT],
             (uint64_t) step << 32 | n);
}


void
qoe_live_read(qoe_live_read_t *out, const qoe_live_t *live,
    qoe_live_lane_t *const *lane, uint32_t lanes, uint64_t now_ns)
{
    size_t           what;
    uint32_t         i, step;
    const uint64_t  *word;

    out->step = qoe_live_step(now_ns);

    for (i = 0; i < QOE_LIVE_KEPT; i++) {

        step = out->step - (QOE_LIVE_KEPT - 1 - i);
        word = live->word[step % QOE_LIVE_KEPT];

        for (what = 0; what < QOE_LIVE_WORDS; what++) {
            out->count[i][what] = qoe_live_value(&word[what], step);
        }

        out->watched[i] = 0;
    }

    for (i = 0; i < lanes; i++) {
        qoe_live_read_lane(out, lane[i]);
    }
}


/* A count stands until the next one, as the holder of the lane means it. */

static void
qoe_live_read_lane(qoe_live_read_t *out, const qoe_live_lane_t *lane)
{
    uint32_t  i, step, n;
    uint64_t  v;

    n = 0;

    for (i = 0; i < QOE_LIVE_KEPT; i++) {

        step = out->step - (QOE_LIVE_KEPT - 1 - i);
        v = qoe_peek(&lane->watched[step % QOE_LIVE_KEPT]);

        if (v >> 32 == step) {
            n = (uint32_t) v;
        }

        out->watched[i] += n;
    }
}


static uint32_t
qoe_live_value(const uint64_t *word, uint32_t step)
{
    uint64_t  v;

    v = qoe_peek(word);

    return v >> 32 == step ? (uint32_t) v : 0;
}


double
qoe_live_startup(const qoe_live_read_t *read, size_t from, size_t n, double q)
{
    size_t  i, k;
    double  below, here, all, rank, low, high;

    all = 0;

    for (i = from; i < from + n; i++) {
        for (k = 0; k < QOE_LIVE_BUCKETS; k++) {
            all += read->count[i][QOE_LIVE_STARTUP + k];
        }
    }

    if (all == 0) {
        return NAN;
    }

    rank = q * all;
    below = 0;

    for (k = 0; k < QOE_LIVE_BUCKETS - 1; k++) {

        here = 0;

        for (i = from; i < from + n; i++) {
            here += read->count[i][QOE_LIVE_STARTUP + k];
        }

        if (here != 0 && below + here >= rank) {
            low = (k != 0) ? qoe_live_bounds[k - 1] : 0;
            high = qoe_live_bounds[k];

            return low + (high - low) * (rank - below) / here;
        }

        below += here;
    }

    /* the last bucket has no upper bound */

    return qoe_live_bounds[QOE_LIVE_BUCKETS - 2];
}
