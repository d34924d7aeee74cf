
/*
 * Copyright (C) OpenQoE
 *
 * Properties of the view state machine over random streams: whatever is
 * shuffled, repeated, cut off, delayed or told by a wrong clock, no duration
 * is negative or beyond the wall clock, no share outside of 0 to 1, nothing
 * that counts goes down.
 *
 * Arguments: first seed, number of streams.
 */


#include "view_events.h"


#define EVENTS_MAX   48
#define BATCH_MAX    8
#define STREAMS      100000


typedef struct {
    uint64_t          at;                    /* true */
    int64_t           told;                  /* by the client's clock */
    uint64_t          received;
    uint64_t          key;
    bool              again;                 /* known to have come before */
    qoe_event_type_t  type;
    uint64_t          set;
    double            number[QOE_NUMBERS];
    unsigned          media;
} random_event_t;

typedef struct {
    random_event_t    e[2 * EVENTS_MAX];
    size_t            n;
    bool              honest;                /* the clock was not set */
    bool              forged;                /* numbers are anything */
} random_stream_t;

/* What was seen of one view. */

typedef struct {
    double            playing_s;
    double            watch_s;
    unsigned          started;
    unsigned          completed;
    unsigned          quartiles[4];
    unsigned          startups;
    double            first;                 /* true */
    double            begin;                 /* as it was taken at first */
    double            early;                 /* at most, before that */
} tally_t;


static uint64_t     seed;
static const char  *broken;


static uint64_t
next_random(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;

    return seed * 0x2545f4914f6cdd1dULL;
}


static uint64_t
below(uint64_t n)
{
    return (next_random() >> 11) % n;
}


static double
any_number(qoe_number_t id, bool forged)
{
    static const double  odd[] = {
        0, -1, -0.0, 1e-300, 1e300, 86400000, 86400001, 100, 25, 0.5, 1,
        (double) NAN, (double) INFINITY, (double) -INFINITY
    };

    if (forged && below(3) == 0) {
        return odd[below(sizeof(odd) / sizeof(odd[0]))];
    }

    switch (id) {

    case QOE_NUMBER_QUARTILE:
        return 25.0 * (double) below(5);

    case QOE_NUMBER_FATAL:
    case QOE_NUMBER_IS_OUTLIER:
    case QOE_NUMBER_COMPLETION_RATE:
        return (double) below(2);

    case QOE_NUMBER_STALL_DURATION:
        return (double) below(60000);

    default:
        return (double) below(below(2) ? 5000 : 5000000);
    }
}


static void
random_event(random_stream_t *st, random_event_t *e)
{
    unsigned  i;

    static const qoe_event_type_t  usual[] = {
        QOE_EVENT_PLAYING, QOE_EVENT_PAUSE, QOE_EVENT_STALLSTART,
        QOE_EVENT_STALLEND, QOE_EVENT_HEARTBEAT, QOE_EVENT_QUALITYCHANGE,
        QOE_EVENT_SEEK, QOE_EVENT_CANPLAY
    };

    e->type = below(3) ? usual[below(8)]
                       : (qoe_event_type_t) below(QOE_EVENT_CUSTOM + 1);

    /* views end by events now and then, not every other event */

    if ((e->type == QOE_EVENT_ENDED || e->type == QOE_EVENT_PLAYBACKDETACHED)
        && below(3))
    {
        e->type = QOE_EVENT_HEARTBEAT;
    }

    e->media = (unsigned) below(4);
    e->set = 0;

    for (i = 0; i < QOE_NUMBERS; i++) {
        if (below(3) == 0) {
            e->set |= 1ULL << i;
            e->number[i] = any_number((qoe_number_t) i, st->forged);
        }
    }
}


/* Time in batches, as players send it; then what happens to batches. */

static void
random_stream(random_stream_t *st)
{
    size_t          i, n, first;
    int64_t         skew;
    uint64_t        at, key, from;
    random_event_t  e;

    memset(st, 0, sizeof(random_stream_t));

    st->honest = below(2);
    st->forged = below(2);

    n = 1 + below(EVENTS_MAX);
    at = LOG_START;
    key = 1;
    skew = (int64_t) below(7200000) - 3600000;
    first = 0;

    for (i = 0; i < n; i++) {
        random_event(st, &st->e[i]);

        at += below(4) ? below(12000) : below(4) ? 0 : below(300000);
        key += below(12) == 0;

        if (!st->honest && below(10) == 0) {
            skew += (int64_t) below(7200000) - 3600000;
        }

        st->e[i].at = at;
        st->e[i].told = (int64_t) at + skew;
        st->e[i].key = key;

        if (i - first == BATCH_MAX || below(4) == 0 || i == n - 1) {
            from = at + below(below(8) ? 300 : 20000);

            for (; first <= i; first++) {
                st->e[first].received = from;
            }
        }
    }

    /* overtaken, repeated */

    for (i = 0; i + 1 < n; i++) {
        if (below(8) == 0) {
            from = i + 1 + below(qoe_min(n - i - 1, 6));
            e = st->e[i];
            st->e[i] = st->e[from];
            st->e[from] = e;
        }
    }

    for (i = below(10); i < n && n < 2 * EVENTS_MAX; i += 1 + below(10)) {
        st->e[n] = st->e[i];
        st->e[n++].again = (below(2) == 0);
    }

    st->n = n - below(n);

    /* receipts are in order, for they are what makes it */

    for (i = 1; i < st->n; i++) {
        st->e[i].received = qoe_max(st->e[i].received,
                                    st->e[i - 1].received);
    }
}


#define must(cond)                                                            \
    if (!(cond)) {                                                            \
        broken = #cond;                                                       \
        return false;                                                         \
    }


static bool
check_point(const qoe_point_t *p, tally_t *tally)
{
    size_t               i;
    const qoe_metric_t  *m;

    must(p->metric < QOE_METRICS_N);
    m = &qoe_metrics[p->metric];

    must(isfinite(p->value));
    must(m->kind != QOE_INSTRUMENT_GAUGE_NOW);
    must(m->kind > QOE_INSTRUMENT_UPDOWN_DOUBLE || p->value > 0);
    must(m->kind != QOE_INSTRUMENT_COUNTER || p->value == floor(p->value));
    must(p->nextra <= QOE_POINT_EXTRAS);

    for (i = 0; i < p->nextra; i++) {
        must(p->extra[i].text.len > 0 && p->extra[i].text.len < 64);
        must(p->extra[i].dim < QOE_DIMS_BUILTIN);
    }

    if (p->metric != QOE_METRIC_NETWORK_LATENCY_DEVIATION
        && p->metric != QOE_METRIC_BUFFER_INSTABILITY_INDEX)
    {
        must(p->value >= 0);
    }

    switch (p->metric) {

    case QOE_METRIC_REBUFFER_RATIO:
    case QOE_METRIC_REBUFFER_PERCENTAGE:
    case QOE_METRIC_UPSCALE_PERCENTAGE:
    case QOE_METRIC_DOWNSCALE_PERCENTAGE:
    case QOE_METRIC_COMPLETION_RATE:
    case QOE_METRIC_VIDEO_STARTUP_FAILURE_PERCENTAGE:
    case QOE_METRIC_EXITS_BEFORE_VIDEO_START_PERCENTAGE:
    case QOE_METRIC_PLAYBACK_FAILURE_PERCENTAGE:
    case QOE_METRIC_STARTUP_TIME_SCORE:
    case QOE_METRIC_REBUFFER_SCORE:
    case QOE_METRIC_VIDEO_QUALITY_SCORE:
    case QOE_METRIC_VIEWER_EXPERIENCE_SCORE:
        must(p->value <= 1);
        break;

    case QOE_METRIC_VIDEO_STARTUP_TIME:
    case QOE_METRIC_REBUFFER_DURATION:
    case QOE_METRIC_SEEK_LATENCY:
        must(p->value <= 86400000);
        break;

    case QOE_METRIC_VIEWS_STARTED_TOTAL:
        must(++tally->started == 1);
        break;

    case QOE_METRIC_VIEWS_COMPLETED_TOTAL:
        must(++tally->completed == 1);
        break;

    case QOE_METRIC_QUARTILE_REACHED_TOTAL:
        must(++tally->quartiles[atoi(p->extra[0].text.data) / 25 - 1] == 1);
        break;

    case QOE_METRIC_VIDEO_STARTUP_SECONDS:
        must(++tally->startups == 1);
        break;

    case QOE_METRIC_PLAYING_TIME_SECONDS:
        tally->playing_s += p->value;
        break;

    case QOE_METRIC_WATCH_TIME_SECONDS:
        must(p->value <= 60);
        tally->watch_s += p->value;
        break;
    }

    return true;
}


static bool
check_points(const qoe_points_t *points, tally_t *tally)
{
    size_t  i;

    must(points->n <= QOE_POINTS_MAX);

    for (i = 0; i < points->n; i++) {
        if (!check_point(&points->point[i], tally)) {
            return false;
        }
    }

    return true;
}


/* The state, against the wall clock. */

static bool
check_state(const qoe_view_t *v, const qoe_view_t *before, double wall_ms)
{
    size_t    i;
    uint64_t  sum;

    if (v->view_key == 0) {
        return true;
    }

    sum = 0;

    for (i = 0; i < QOE_VIEW_STATES; i++) {
        sum += v->spent_ms[i];

        must(v->spent_ms[i] <= sum);
        must(v->view_key != before->view_key || i == 1
             || v->spent_ms[i] >= before->spent_ms[i]);
    }

    must(v->now_ms <= v->received_ms);
    must(v->begin_ms <= v->now_ms);
    must(v->entry_ms <= v->now_ms);
    must(sum <= v->received_ms - v->begin_ms);
    must((double) sum <= wall_ms);
    must(v->hidden_ms <= sum);
    must(v->up_ms + v->down_ms <= v->spent_ms[1]);
    must(v->pixel_ms <= v->spent_ms[1]);

    for (i = 0; i < QOE_VIEW_MEDIA; i++) {
        must(v->media[i].rate_ms <= v->spent_ms[1]);
    }

    must(v->stalls == 0 || v->flags != 0);

    if (v->view_key == before->view_key) {
        must(v->stalls >= before->stalls);
        must(v->top >= before->top);
    }

    return true;
}


static bool
end_checked(qoe_view_t *v, qoe_points_t *points, tally_t *tally)
{
    qoe_view_end(v, &view_conf, points);
    must(v->view_key == 0);

    return check_points(points, tally);
}


static bool
apply_checked(qoe_view_t *v, const random_event_t *e, qoe_points_t *points,
    tally_t *tally)
{
    qoe_sample_t             s;
    static const qoe_span_t  media[] = {
        { NULL, 0 }, { "video", 5 }, { "audio", 5 }, { "text", 4 }
    };

    memset(&s, 0, sizeof(s));
    s.type = e->type;
    s.type_name = qoe_span("custom");
    s.time_ms = e->told;
    s.received_ns = e->received * 1000000;
    s.set = e->set;
    memcpy(s.number, e->number, sizeof(s.number));
    s.text[QOE_TEXT_MEDIA_TYPE] = media[e->media];

    if (!qoe_view_knows(v, e->key)) {

        if (!end_checked(v, points, tally)) {
            return false;
        }

        memset(tally, 0, sizeof(tally_t));
        tally->first = (double) e->at;
        qoe_view_begin(v, e->key, &s);
    }

    tally->first = fmin(tally->first, (double) e->at);

    qoe_view_apply(v, e->key, e->again, &s, &view_conf, points);

    if (tally->begin == 0) {
        tally->begin = (double) v->begin_ms;
    }

    return check_points(points, tally);
}


/*
 * Nothing takes longer than since the view's first event.  When the clock was
 * set nobody knows when that was: then than since when it was taken to be, and
 * as much before as later deliveries can make likely.
 */

static double
wall_of(const random_stream_t *st, const random_event_t *e,
    const qoe_view_t *before, tally_t *tally)
{
    if (st->honest) {
        return (double) e->received - tally->first;
    }

    if (e->received - st->e[0].received >= 30000) {
        tally->early += 10000;

    } else {
        tally->early += qoe_view_hidden(before) ? 1800000 : 120000;
    }

    return (double) e->received - tally->begin + tally->early;
}


static bool
run_stream(const random_stream_t *st)
{
    size_t             i;
    double             wall;
    tally_t            tally;
    qoe_view_t         v, before;
    qoe_points_t       points;

    memset(&v, 0, sizeof(v));
    memset(&tally, 0, sizeof(tally));
    points.n = 0;

    for (i = 0; i < st->n; i++) {
        before = v;

        if (!apply_checked(&v, &st->e[i], &points, &tally)) {
            return false;
        }

        wall = wall_of(st, &st->e[i], &before, &tally);

        must(tally.playing_s * 1000 <= wall + 0.5);
        must(tally.watch_s * 1000 <= wall + 0.5);

        if (!check_state(&v, &before, wall)) {
            return false;
        }

        if (qoe_view_ending(&v) && !end_checked(&v, &points, &tally)) {
            return false;
        }
    }

    return end_checked(&v, &points, &tally);
}


/* A slot of which any byte may be anything: no crash, no nonsense. */

static bool
run_torn(void)
{
    size_t           i;
    tally_t          tally;
    qoe_view_t       v;
    unsigned char   *p;
    qoe_points_t     points;
    random_event_t   e;
    random_stream_t  st;

    p = (unsigned char *) &v;

    for (i = 0; i < sizeof(v); i++) {
        p[i] = (unsigned char) next_random();
    }

    memset(&st, 0, sizeof(st));
    memset(&e, 0, sizeof(e));

    for (i = 0; i < 8; i++) {
        random_event(&st, &e);
        e.received = LOG_START + i;
        e.told = (int64_t) LOG_START;
        e.key = v.view_key;

        memset(&tally, 0, sizeof(tally));

        qoe_sample_t  s = {
            .type = e.type, .time_ms = e.told, .set = e.set,
            .received_ns = e.received * 1000000
        };

        memcpy(s.number, e.number, sizeof(s.number));
        qoe_view_apply(&v, e.key, false, &s, &view_conf, &points);

        if (!check_points(&points, &tally)) {
            return false;
        }
    }

    memset(&tally, 0, sizeof(tally));

    return end_checked(&v, &points, &tally);
}


int
main(int argc, char **argv)
{
    long             i, n, events;
    uint64_t         from, start;
    random_stream_t  st;

    from = argc > 1 ? strtoull(argv[1], NULL, 0) : 20251123;
    n = argc > 2 ? atol(argv[2]) : STREAMS;
    events = 0;

    printf("# seeds %llu to %llu\n", (unsigned long long) from,
           (unsigned long long) (from + (uint64_t) n - 1));

    for (i = 0; i < n; i++) {
        start = from + (uint64_t) i;
        seed = start * 0x9e3779b97f4a7c15ULL | 1;

        random_stream(&st);
        events += (long) st.n;

        if (!run_stream(&st) || !run_torn()) {
            printf("# seed %llu: %s\n", (unsigned long long) start, broken);
            break;
        }
    }

    ok(i == n, "%ld streams, %ld events: every property holds", i, events);
    ok(events > 4 * i, "and they were streams");

    return tap_end();
}
