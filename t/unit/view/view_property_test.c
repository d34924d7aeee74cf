
/*
 * Copyright (C) OpenQoE
 *
 * Properties of views over random streams: even if events are shuffled,
 * repeated, cut off, delayed or forged, clocks are wrong and writers are
 * killed anywhere, no view is lost or counted twice, no time is negative or
 * beyond the clock, and no share is outside of 0 to 1.
 *
 * Arguments: first seed, number of streams.
 */


#include "apply_watch.h"


#define EVENTS_MAX   64
#define BATCH_MAX    10
#define STREAMS      20000
#define LANE         500                     /* streams in a lane */
#define SIZE         (2 * 1024 * 1024)


typedef struct {
    int64_t           at;                    /* the client's clock */
    uint64_t          received;
    qoe_event_type_t  type;
    unsigned          of;                    /* session, view, video */
    uint64_t          set;
    double            number[QOE_NUMBERS];
    unsigned          media;
} random_event_t;

typedef struct {
    random_event_t    e[2 * EVENTS_MAX];
    size_t            n;
    bool              stepping;              /* the client's clock is set */
    bool              forged;                /* numbers are anything */
    bool              torn;                  /* killed within events */
} random_stream_t;


static uint64_t   seed;
static lane_t    *lane;
static char      *snapshot;
static bool       killed;
static unsigned   kills;


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
        1e15, -1e15, 1.7e12, (double) NAN, (double) INFINITY,
        (double) -INFINITY
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

    case QOE_NUMBER_PLAYBACK_RATE:
        return 0.5 * (double) (1 + below(6));

    case QOE_NUMBER_STALL_DURATION:
        return (double) below(60000);

    default:
        return (double) below(below(2) ? 5000 : 5000000);
    }
}


/* Positions and playing_time follow the clock more often than not. */

static void
random_event(const random_stream_t *st, random_event_t *e, uint64_t since)
{
    unsigned  i;

    static const qoe_event_type_t  usual[] = {
        QOE_EVENT_PLAYING, QOE_EVENT_PAUSE, QOE_EVENT_STALLSTART,
        QOE_EVENT_STALLEND, QOE_EVENT_HEARTBEAT, QOE_EVENT_QUALITYCHANGE,
        QOE_EVENT_SEEK, QOE_EVENT_CANPLAY
    };

    e->type = below(3) ? usual[below(8)]
                       : (qoe_event_type_t) below(QOE_EVENT_CUSTOM + 1);

    /* Views end by events now and then, not at every other event. */

    if ((e->type == QOE_EVENT_ENDED || e->type == QOE_EVENT_PLAYBACKDETACHED)
        && below(3))
    {
        e->type = QOE_EVENT_HEARTBEAT;
    }

    e->media = (unsigned) below(4);
    e->of = (unsigned) (below(2) * below(2) + 2 * below(below(3) ? 1 : 3)
                        + 6 * below(below(3) ? 1 : 3));
    e->set = 0;

    for (i = 0; i < QOE_NUMBERS; i++) {
        if (below(4) == 0) {
            e->set |= 1ULL << i;
            e->number[i] = any_number((qoe_number_t) i, st->forged);
        }
    }

    /*
     * A quarter of the events are reports of CMCD, most of them sound, and all
     * of those of the second session are, of which no SDK sends anything.
     */

    if (e->of % 2 != 0) {
        e->set |= 1ULL << QOE_NUMBER_REPORT;
    }

    if (below(8)) {
        e->number[QOE_NUMBER_REPORT] = (double) below(QOE_REPORT_EVENTS_N);
        e->number[QOE_NUMBER_PLAYER_STATE] =
            (double) below(QOE_PLAYER_STATES_N);
        e->number[QOE_NUMBER_SEQUENCE] = (double) below(EVENTS_MAX);
        e->set |= 1ULL << QOE_NUMBER_PLAYER_STATE;
    }

    if (below(4)) {
        e->set |= 1ULL << QOE_NUMBER_PLAYBACK_TIME;
        e->number[QOE_NUMBER_PLAYBACK_TIME] = (double) (since - below(300));
    }

    if (below(4) == 0) {
        e->set |= 1ULL << QOE_NUMBER_PLAYING_TIME;
        e->number[QOE_NUMBER_PLAYING_TIME] = (double) (since - below(300));
    }
}


/* The order in which a batch is applied (qoe_batch_order). */

static int
by_time(const void *one, const void *two)
{
    const random_event_t  *a = one, *b = two;

    if (a->at != b->at) {
        return a->at < b->at ? -1 : 1;
    }

    return qoe_event_type_rank(a->type) - qoe_event_type_rank(b->type);
}


/*
 * Time comes in batches, as players send it; then batches are lost and
 * repeated.
 */

static void
random_stream(random_stream_t *st, uint64_t start)
{
    size_t    i, n, first;
    int64_t   skew;
    uint64_t  at, from, received;

    memset(st, 0, sizeof(random_stream_t));

    st->stepping = below(2);
    st->forged = below(2);
    st->torn = below(4) == 0;

    n = 1 + below(EVENTS_MAX);
    at = start;
    received = start;
    skew = (int64_t) below(7200000) - 3600000;
    first = 0;

    for (i = 0; i < n; i++) {
        random_event(st, &st->e[i], at - start + 1000);

        at += below(4) ? below(12000) : below(4) ? below(600) : below(900000);

        if (st->stepping && below(12) == 0) {
            skew += (int64_t) below(7200000) - 3600000;
        }

        st->e[i].at = (int64_t) at + skew;

        if (i - first == BATCH_MAX || below(4) == 0 || i == n - 1) {
            from = at + below(below(8) ? 300 : 400000);
            received = qoe_max(received, from);
            qsort(&st->e[first], i + 1 - first, sizeof(st->e[0]), by_time);

            for (from = first; first <= i; first++) {
                st->e[first].received = received;
            }

            /*
             * A batch that arrived is sent again, because its answer was lost.
             */

            for (; below(6) == 0 && from < first && n + i < 2 * EVENTS_MAX
                   && i + 1 < n; from++)
            {
                st->e[i + 1] = st->e[from];
                i++;
                first++;
            }
        }
    }

    st->n = n;
}


/*
 * A writer may be killed at any store: the next writer finds what is in the
 * zone then.
 */

static void
maybe_die(void)
{
    if (!killed && below(60) == 0) {
        memcpy(snapshot, lane->mem, SIZE);
        killed = true;
    }
}


static void
apply_event(const random_event_t *e, uint64_t stream)
{
    char                     session[32];
    qoe_sample_t             s;
    static const qoe_span_t  media[] = {
        { NULL, 0 }, { "video", 5 }, { "audio", 5 }, { "text", 4 }
    };
    static const qoe_span_t  view[] = { { "v", 1 }, { "w", 1 }, { "x", 1 } };
    static const qoe_span_t  video[] = { { NULL, 0 }, { "a", 1 }, { "b", 1 } };

    memset(&s, 0, sizeof(s));
    s.type = e->type;
    s.type_name = e->type < QOE_EVENT_CUSTOM ? qoe_event_type_name(e->type)
                                             : qoe_span("custom");
    s.time_ms = e->at;
    s.received_ns = e->received * 1000000;
    s.set = e->set;
    memcpy(s.number, e->number, sizeof(s.number));

    snprintf(session, sizeof(session), "s%llu-%u",
             (unsigned long long) stream, e->of % 2);

    s.text[QOE_TEXT_ORG_ID] = qoe_span("acme");
    s.text[QOE_TEXT_SESSION_ID] = qoe_span_str(session);
    s.text[QOE_TEXT_VIEW_ID] = view[e->of / 2 % 3];
    s.text[QOE_TEXT_VIDEO_ID] = video[e->of / 6 % 3];
    s.text[QOE_TEXT_MEDIA_TYPE] = media[e->media];

    lane->now_ms = e->received - LOG_START;
    lane_apply(lane, &s);
}


static bool
run_stream(const random_stream_t *st, uint64_t stream)
{
    size_t  i;

    watch.strict = !st->torn;
    watch.at = st->torn ? maybe_die : NULL;
    memset(watch.view, 0, sizeof(watch.view));
    watch.begun = watch.started = watch.over = watch.left = 0;

    for (i = 0; i < st->n && watch.broken == NULL; i++) {

        if (below(4)) {
            pass(lane, st->e[i].received - LOG_START);
        }

        killed = false;
        apply_event(&st->e[i], stream);

        if (killed) {
            memcpy(lane->mem, snapshot, SIZE);
            lane_hold(lane, true);
            kills++;

        } else if (below(40) == 0) {
            lane_hold(lane, true);
            kills++;
        }

        if (watch.strict) {
            watch_identity(alive(lane));
        }
    }

    /* All views end, and all sessions are forgotten. */

    killed = true;
    pass(lane, lane->now_ms + 8 * 3600000);

    must(alive(lane) == 0);
    must(qoe_apply_due_ms(lane->apply) == UINT64_MAX);

    if (watch.strict) {
        watch_identity(0);
    }

    return watch.broken == NULL;
}


/* A new lane now and then, whose clock starts where the last one's was. */

static void
next_lane(void)
{
    uint64_t  now_ms;

    now_ms = lane != NULL ? lane->now_ms : 0;

    if (lane != NULL) {
        lane_free(lane);
    }

    lane = lane_new(SIZE);
    lane->now_ms = now_ms % (365ULL * 86400000);
    watch.sessions = lane->st.sessions[0];
}


int
main(int argc, char **argv)
{
    long             i, n, events;
    uint64_t         from, start;
    random_stream_t  st;

    from = argc > 1 ? strtoull(argv[1], NULL, 0) : 20251129;
    n = argc > 2 ? atol(argv[2]) : STREAMS;
    events = 0;
    snapshot = malloc(SIZE);

    if (snapshot == NULL) {
        abort();
    }

    printf("# seeds %llu to %llu\n", (unsigned long long) from,
           (unsigned long long) (from + (uint64_t) n - 1));

    for (i = 0; i < n; i++) {

        if (i % LANE == 0) {
            next_lane();
        }

        start = from + (uint64_t) i;
        seed = start * 0x9e3779b97f4a7c15ULL | 1;

        random_stream(&st, LOG_START + lane->now_ms + 1000);
        events += (long) st.n;

        if (!run_stream(&st, start)) {
            printf("# seed %llu%s: %s\n", (unsigned long long) start,
                   st.torn ? ", torn" : "", watch.broken);
            break;
        }
    }

    ok(i == n,
       "in %ld streams with %ld events every view begins once and ends once, "
       "and its times and shares are possible", i, events);
    ok(events > 4 * i && (n < 1000 || kills > 0),
       "the streams had events, and %u writers were killed in them", kills);

    lane_free(lane);
    free(snapshot);

    return tap_end();
}
