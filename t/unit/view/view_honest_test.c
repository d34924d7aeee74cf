
/*
 * Copyright (C) OpenQoE
 *
 * Honest players, of which the truth is known: they play, stall, pause, seek,
 * end and play again, several in one session at once, and report it.  Whatever
 * batches their events come in, in whatever order within a batch and however
 * often, the numbers are the same, and they are those of the truth.
 *
 * Arguments: first seed, number of streams.
 */


#include "apply_watch.h"
#include "qoe_hash_quick.h"


#define EVENTS_MAX   8000
#define PLAYERS      4
#define STREAMS      3000
#define WAYS         3                       /* of delivery */
#define BATCH_MS     20000                   /* a silence of 30 s is judged */
#define LANE         100
#define SIZE         (2 * 1024 * 1024)


typedef struct {
    int64_t           at;
    uint64_t          received;
    const char       *type;
    unsigned          player;
    double            position;
    double            latency;               /* of a seek; -1: none */
} event_t;

/* What a player did, and what was measured of it. */

typedef struct {
    double            playing;
    double            stalled;
    unsigned          stalls;
    unsigned          pauses;
    unsigned          started;
    double            startup;
    unsigned          views;
    unsigned          completed;
} numbers_t;


typedef struct {
    event_t           e[EVENTS_MAX];
    size_t            n;
    unsigned          players;
    numbers_t         truth[PLAYERS];
} story_t;


static uint64_t   seed;
static lane_t    *lane;
static numbers_t  got[PLAYERS];


static uint64_t
below(uint64_t n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;

    return (seed * 0x2545f4914f6cdd1dULL >> 11) % n;
}


static void
say(story_t *s, unsigned player, int64_t at, const char *type, double position)
{
    event_t  *e;

    if (s->n == EVENTS_MAX) {
        abort();
    }

    e = &s->e[s->n++];
    e->at = at;
    e->type = type;
    e->player = player;
    e->position = position;
    e->latency = -1;
}


/* Plays for so long, with heartbeats; returns when that is over. */

static int64_t
play_on(story_t *s, unsigned player, int64_t at, double *position, int64_t ms,
    int64_t beat)
{
    int64_t  step;

    s->truth[player].playing += (double) ms;

    while (ms > 0) {
        step = qoe_min(ms, beat);
        at += step;
        ms -= step;
        *position += (double) step;

        if (step == beat && ms > 1000) {
            say(s, player, at, "heartbeat", *position);
        }
    }

    return at;
}


/* Something happens in the middle of the video; returns when it is over. */

static int64_t
interrupt(story_t *s, unsigned player, int64_t at, double *position)
{
    int64_t     ms;
    numbers_t  *n;

    n = &s->truth[player];

    switch (below(3)) {

    case 0:
        ms = 300 + (int64_t) below(8000);
        say(s, player, at, "stallstart", *position);
        say(s, player, at + ms, "stallend", *position);
        n->stalls++;
        n->stalled += (double) ms;
        break;

    case 1:
        ms = 2000 + (int64_t) below(100000);
        say(s, player, at, "pause", *position);
        say(s, player, at + ms, "playing", *position);
        n->pauses++;
        break;

    default:

        /* The event comes with a wait that belongs to it, or without. */

        ms = 50 + (int64_t) below(2000);
        *position += 20000 + (double) below(100000);

        say(s, player, at + ms, "seek", *position);
        s->e[s->n - 1].latency = (double) ms;

        if (below(2)) {
            say(s, player, at, "stallstart", *position);
            say(s, player, at + ms, "stallend", *position);

        } else {
            say(s, player, at + ms, "canplay", *position);
        }

        break;
    }

    return at + ms;
}


/*
 * Plays from the wish on; returns when that is over. ended: whether the video
 * was.
 */

static int64_t
tell_view(story_t *s, unsigned player, int64_t at, int64_t beat, bool ended)
{
    double      position;
    int64_t     wait;
    unsigned    i, parts;
    numbers_t  *n;

    n = &s->truth[player];
    position = 0;
    parts = 1 + (unsigned) below(6);
    wait = 300 + (int64_t) below(4000);

    n->startup += (double) wait;
    n->started++;
    n->views++;

    say(s, player, at, "playing", 0);
    say(s, player, at, below(4) ? "stallstart" : "waitstart", 0);
    at += wait;
    say(s, player, at, below(2) ? "canplay" : "stallend", 0);

    for (i = 0; i < parts; i++) {
        at = play_on(s, player, at, &position, 3000 + (int64_t) below(40000),
                     beat);

        if (i + 1 < parts) {
            at = interrupt(s, player, at, &position);
        }
    }

    if (ended) {
        n->completed++;
        say(s, player, at, "ended", position);

        /* Some players pause at the end, and are taken away. */

        if (below(2)) {
            say(s, player, at + 10, "pause", position);
        }

        if (below(2)) {
            say(s, player, at + 20, "playbackdetached", position);
        }

    } else {
        say(s, player, at, below(2) ? "playbackdetached" : "heartbeat",
            position);
    }

    return at;
}


/* Plays a view, and replays of it. */

static void
tell_story(story_t *s, unsigned player, int64_t at)
{
    bool     again;
    int64_t  beat;

    beat = 5000 + (int64_t) below(10000);

    say(s, player, at, "playerready", 0);
    at += 2000 + (int64_t) below(20000);

    do {
        again = (below(3) == 0);
        at = tell_view(s, player, at, beat, again || below(2));
        at += 600 + (int64_t) below(20000);
    } while (again);
}


static int
by_time(const void *one, const void *two)
{
    const event_t  *a = one, *b = two;

    if (a->at != b->at) {
        return a->at < b->at ? -1 : 1;
    }

    return qoe_event_type_rank(type_of(a->type))
           - qoe_event_type_rank(type_of(b->type));
}


static void
make_story(story_t *s)
{
    unsigned  i;

    memset(s, 0, sizeof(story_t));
    s->players = 1 + (unsigned) below(PLAYERS);

    for (i = 0; i < s->players; i++) {
        tell_story(s, i, (int64_t) below(60000));
    }

    qsort(s->e, s->n, sizeof(event_t), by_time);
}


/* The view's number is in its view_id, and its tally under the view's key. */

static void
take(const watch_t *w)
{
    char        id[32];
    unsigned    i;
    numbers_t  *n;

    for (i = 0; i < PLAYERS; i++) {
        snprintf(id, sizeof(id), "v%u", i);

        if (w->view_key
            != (qoe_hash_quick(&lane->st.key, lane->st.key.k0,
                               qoe_span_str(id)) | 1))
        {
            continue;
        }

        n = &got[i];
        n->playing += w->playing_ms;
        n->stalled += w->stalled_ms;
        n->stalls += w->stalls;
        n->pauses += w->pauses;
        n->started += w->started;
        n->startup += w->startup_ms;
        n->views++;
        n->completed += (strcmp(w->outcome, "completed") == 0);
    }
}


static void
deliver(const event_t *e, uint64_t base, uint64_t received,
    unsigned long long stream, unsigned way)
{
    char      of[64], data[128];

    snprintf(of, sizeof(of), "s%llu-%u/v%u/m%u", stream, way, e->player,
             e->player);
    snprintf(data, sizeof(data), "at=%.17g", e->position);

    if (e->latency >= 0) {
        snprintf(data + strlen(data), sizeof(data) - strlen(data),
                 " seek_latency=%.17g", e->latency);
    }

    lane->delay_ms = received - (uint64_t) e->at;
    tell(lane, (int64_t) base + e->at, of, e->type, data);
}


/* Any order, and the order in which a batch is applied (qoe_batch_order). */

static void
shuffle(event_t *e, size_t n)
{
    size_t   i, j;
    event_t  swap;

    for (i = n - 1; i > 0; i--) {
        j = below(i + 1);
        swap = e[i];
        e[i] = e[j];
        e[j] = swap;
    }

    qsort(e, n, sizeof(event_t), by_time);
}


/*
 * Batches of any number of events, up to a few seconds late, some of them
 * twice. The first way is the plain way: each event by itself and at once.
 */

static void
run_way(story_t *s, unsigned long long stream, unsigned way)
{
    size_t    i, j, n, times;
    uint64_t  received, base, late;

    memset(got, 0, sizeof(got));
    received = 0;
    base = lane->now_ms + 1000;

    for (i = 0; i < s->n; i += n) {
        n = way == 0 ? 1 : 1 + below(below(2) ? 4 : 30);
        n = qoe_min(n, s->n - i);

        while (s->e[i + n - 1].at > s->e[i].at + BATCH_MS) {
            n--;
        }

        late = way == 0 ? 0 : below(4000);
        received = qoe_max(received, (uint64_t) s->e[i + n - 1].at + late);

        pass(lane, base + received);

        for (times = (way != 0 && below(5) == 0) ? 2 : 1; times > 0; times--) {
            shuffle(&s->e[i], n);

            for (j = i; j < i + n; j++) {
                deliver(&s->e[j], base, received, stream, way);
            }
        }
    }

    pass(lane, lane->now_ms + 8 * 3600000);
    must(alive(lane) == 0);
}


static bool
near(double a, double b, double within)
{
    return fabs(a - b) <= within;
}


static bool
compare(const numbers_t *a, const numbers_t *b, double within)
{
    return near(a->playing, b->playing, within)
           && near(a->stalled, b->stalled, within)
           && near(a->startup, b->startup, within)
           && a->stalls == b->stalls && a->pauses == b->pauses
           && a->started == b->started && a->views == b->views
           && a->completed == b->completed;
}


static void
show(const char *what, const numbers_t *n)
{
    printf("# %s: %u views, %u started, %u completed, %.0f ms of playing, "
           "%u stalls of %.0f ms, startup %.0f ms, %u pauses\n", what,
           n->views, n->started, n->completed, n->playing, n->stalls,
           n->stalled, n->startup, n->pauses);
}


static bool
run_story(story_t *s, unsigned long long stream, unsigned *same,
    unsigned *right)
{
    bool       good;
    unsigned   way, i;
    numbers_t  plain[PLAYERS];

    good = true;

    for (way = 0; way < WAYS; way++) {
        run_way(s, stream, way);

        for (i = 0; i < s->players; i++) {

            if (way == 0) {
                plain[i] = got[i];

                if (compare(&got[i], &s->truth[i], 1)) {
                    (*right)++;

                } else {
                    printf("# seed %llu, player %u\n", stream, i);
                    show("truth", &s->truth[i]);
                    show("measured", &got[i]);
                    good = false;
                }

            } else if (compare(&got[i], &plain[i], 0.01)) {
                (*same)++;

            } else {
                printf("# seed %llu, player %u, way %u\n", stream, i, way);
                show("at once", &plain[i]);
                show("in batches", &got[i]);
                good = false;
            }
        }
    }

    if (watch.broken != NULL) {
        printf("# seed %llu: %s\n", stream, watch.broken);
    }

    return good && watch.broken == NULL;
}


int
main(int argc, char **argv)
{
    long      i, n;
    unsigned  same, right, players;
    uint64_t  from;
    story_t   s;

    from = argc > 1 ? strtoull(argv[1], NULL, 0) : 20251129;
    n = argc > 2 ? atol(argv[2]) : STREAMS;
    same = right = players = 0;

    watch.strict = true;
    watch.ended = take;

    printf("# seeds %llu to %llu\n", (unsigned long long) from,
           (unsigned long long) (from + (uint64_t) n - 1));

    for (i = 0; i < n; i++) {

        if (i % LANE == 0) {
            if (lane != NULL) {
                lane_free(lane);
            }

            lane = lane_new(SIZE);
            watch.sessions = lane->st.sessions[0];
            memset(watch.view, 0, sizeof(watch.view));
        }

        seed = (from + (uint64_t) i) * 0x9e3779b97f4a7c15ULL | 1;

        make_story(&s);
        players += s.players;

        if (!run_story(&s, from + (uint64_t) i, &same, &right)) {
            break;
        }
    }

    ok(right == players,
       "for all %u players the numbers are the truth", players);
    ok(same == players * (WAYS - 1) && watch.broken == NULL,
       "at any batch boundaries, late and twice, the numbers are the same");

    lane_free(lane);

    return tap_end();
}
