
/*
 * Copyright (C) OpenQoE
 *
 * The table of states and transitions: each row of QOE_VIEW_TRANSITIONS has a
 * case that takes it.
 */


#include "view_events.h"


#define STEP_MAX   8


typedef struct {
    const char        *name;
    qoe_view_phase_t   from;
    qoe_view_signal_t  on;
    qoe_view_phase_t   to;
} row_t;

static const row_t  table[] = {
#define ROW(from, on, action, to, text)                                       \
    { #from " " #on " " #action " " #to, QOE_PHASE_##from, QOE_SIGNAL_##on,   \
      QOE_PHASE_##to },
    QOE_VIEW_TRANSITIONS(ROW)
#undef ROW
};

#define ROWS  (sizeof(table) / sizeof(table[0]))

static const char *const  phases[] = {
#define PHASE(id, name, text)  [QOE_PHASE_##id] = name,
    QOE_VIEW_PHASES(PHASE)
#undef PHASE
};

static const char *const  signals[] = {
#define SIGNAL(id, name, text)  [QOE_SIGNAL_##id] = name,
    QOE_VIEW_SIGNALS(SIGNAL)
#undef SIGNAL
    [QOE_SIGNAL_NONE] = "nothing"
};


/*
 * Events that lead to a state, then the event that happens there; all are
 * judged before and after that event, which is the only one that can lead to
 * the other state. playing, stalls: ms and number when the view ends by
 * silence after it.
 */

typedef struct {
    int64_t      ms;
    const char  *type;
    const char  *data;
} step_t;

typedef struct {
    qoe_view_phase_t   from;
    qoe_view_signal_t  on;
    qoe_view_phase_t   to;
    const char        *what;
    double             playing;
    unsigned           stalls;
    step_t             step[STEP_MAX];       /* the last is the event */
    step_t             after[2];             /* show the effect */
} case_t;


#define CASE(from, on, to, what, playing, stalls)                             \
    QOE_PHASE_##from, QOE_SIGNAL_##on, QOE_PHASE_##to, what, playing, stalls

#define NO_MORE  { { 0, NULL, NULL } }

#define BEGUN                                                                 \
    { 0, "canplay", "video_startup_time=0 at=0" }, { 0, "playing", "at=0" }

static const case_t  cases[] = {
    { CASE(PLAYING, WAITS, STALLED, "a stallstart while it plays is a stall",
           5000, 1),
      { BEGUN, { 5000, "stallstart", "at=5000" } },
      { { 7000, "stallend", "at=5000" } } },
    { CASE(PLAYING, WAITS, STALLED, "a waitstart while it plays is one too",
           5000, 1),
      { BEGUN, { 5000, "waitstart", "at=5000" } },
      { { 7000, "stallend", "at=5000" } } },
    { CASE(PLAYING, WAITS, PLAYING, "a wait at the end of the video is none",
           5000, 0),
      { BEGUN, { 5000, "stallstart", "at=5000 duration=5100" } },
      { { 6000, "heartbeat", "at=5000 duration=5100" } } },
    { CASE(PLAYING, LEAPS, SEEKING, "a position a minute ahead is a seek",
           10000, 0),
      { BEGUN, { 10000, "heartbeat", "at=70000" } }, NO_MORE },
    { CASE(PLAYING, LEAPS, SEEKING, "a position that goes back is a seek",
           10000, 0),
      { BEGUN, { 5000, "heartbeat", "at=5000" },
        { 10000, "heartbeat", "at=1000" } }, NO_MORE },
    { CASE(PLAYING, SEEKS, SEEKING, "a seek while it plays", 10000, 0),
      { BEGUN, { 10000, "seek", "at=70000" } }, NO_MORE },
    { CASE(PLAYING, PAUSES, PAUSED, "a pause while it plays", 10000, 0),
      { BEGUN, { 10000, "pause", "at=10000" } },
      { { 15000, "heartbeat", "at=10000" } } },
    { CASE(PLAYING, LEAVES, SUSPENDED, "a player that is taken away", 10000, 0),
      { BEGUN, { 10000, "playbackdetached", "at=10000" } }, NO_MORE },
    { CASE(PLAYING, LEAVES, SUSPENDED, "a fatal error while it plays", 10000,
           0),
      { BEGUN, { 10000, "error", "at=10000 error_context.fatal=1" } },
      NO_MORE },
    { CASE(STALLED, GROWS, PLAYING, "a position that grew ends the stall",
           11000, 1),
      { BEGUN, { 5000, "stallstart", "at=5000" },
        { 15000, "heartbeat", "at=11000" } }, NO_MORE },
    { CASE(STALLED, GROWS, PLAYING, "playing_time that grew ends it as well",
           11000, 1),
      { BEGUN, { 5000, "heartbeat", "playing_time=5000" },
        { 5000, "stallstart", "" },
        { 15000, "heartbeat", "playing_time=11000" } }, NO_MORE },
    { CASE(STALLED, GOES_ON, PLAYING, "stallend ends the stall", 5000, 1),
      { BEGUN, { 5000, "stallstart", "at=5000" },
        { 8000, "stallend", "at=5000" } }, NO_MORE },
    { CASE(STALLED, PLAYS, PLAYING, "`playing` ends the stall", 5000, 1),
      { BEGUN, { 5000, "stallstart", "at=5000" },
        { 8000, "playing", "at=5000" } }, NO_MORE },
    { CASE(STALLED, SEEKS, SEEKING, "a seek ends the stall", 5000, 1),
      { BEGUN, { 5000, "stallstart", "at=5000" },
        { 8000, "seek", "at=50000 seek_latency=1000" } }, NO_MORE },
    { CASE(STALLED, PAUSES, PAUSED, "a pause ends the stall", 5000, 1),
      { BEGUN, { 5000, "stallstart", "at=5000" },
        { 8000, "pause", "at=5000" } }, NO_MORE },
    { CASE(STALLED, LEAVES, SUSPENDED, "taken away while it stalls", 5000, 1),
      { BEGUN, { 5000, "stallstart", "at=5000" },
        { 8000, "playbackdetached", "at=5000" } }, NO_MORE },
    { CASE(SEEKING, GROWS, PLAYING, "the position grows after the seek", 8000,
           0),
      { BEGUN, { 5000, "seek", "at=50000" },
        { 10000, "heartbeat", "at=53000" } }, NO_MORE },
    { CASE(SEEKING, WAITS, SEEKING, "a wait in a seek is no stall", 5000, 0),
      { BEGUN, { 5000, "seek", "at=50000" },
        { 6000, "stallstart", "at=50000" } },
      { { 12000, "canplay", "at=50000" }, { 12200, "pause", "at=50000" } } },
    { CASE(SEEKING, GOES_ON, PLAYING, "stallend ends the seek", 9000, 0),
      { BEGUN, { 5000, "seek", "at=50000" },
        { 6000, "stallstart", "at=50000" }, { 8000, "stallend", "at=50000" } },
      { { 12000, "heartbeat", "at=54000" } } },
    { CASE(SEEKING, PLAYS, PLAYING, "`playing` ends the seek", 9000, 0),
      { BEGUN, { 5000, "seek", "at=50000" }, { 8000, "playing", "at=50000" } },
      { { 12000, "heartbeat", "at=54000" } } },
    { CASE(SEEKING, CAN_PLAY, PLAYING, "canplay ends a seek without a wait",
           9000, 0),
      { BEGUN, { 5000, "seek", "at=50000" }, { 8000, "canplay", "at=50000" } },
      { { 12000, "heartbeat", "at=54000" } } },
    { CASE(SEEKING, SEEKS, SEEKING, "between two seeks it has played",
           8000, 0),
      { BEGUN, { 5000, "seek", "at=50000" }, { 8000, "seek", "at=90000" } },
      { { 9000, "heartbeat", "at=90000" } } },
    { CASE(SEEKING, PAUSES, PAUSED, "a pause within the seek", 5000, 0),
      { BEGUN, { 5000, "seek", "at=50000" }, { 8000, "pause", "at=50000" } },
      { { 20000, "heartbeat", "at=50000" } } },
    { CASE(SEEKING, LEAVES, SUSPENDED, "taken away within the seek", 5000, 0),
      { BEGUN, { 5000, "seek", "at=50000" },
        { 8000, "playbackdetached", "at=50000" } }, NO_MORE },
    { CASE(PAUSED, GROWS, PLAYING, "the position grows after a pause", 9000,
           0),
      { BEGUN, { 5000, "pause", "at=5000" },
        { 15000, "heartbeat", "at=9000" } }, NO_MORE },
    { CASE(PAUSED, WAITS, PAUSED, "a wait of a paused video is held", 5000,
           1),
      { BEGUN, { 5000, "pause", "at=5000" },
        { 6000, "stallstart", "at=5000" } },
      { { 7000, "playing", "at=5000" }, { 9000, "stallend", "at=5000" } } },
    { CASE(PAUSED, GOES_ON, PAUSED, "a wait ends with the video paused", 5000,
           0),
      { BEGUN, { 5000, "pause", "at=5000" },
        { 6000, "stallstart", "at=5000" }, { 7000, "stallend", "at=5000" } },
      { { 9000, "playing", "at=5000" }, { 12000, "pause", "at=5000" } } },
    { CASE(PAUSED, PLAYS, STALLED, "`playing` opens the wait that was held",
           5000, 1),
      { BEGUN, { 5000, "pause", "at=5000" },
        { 6000, "stallstart", "at=5000" }, { 9000, "playing", "at=5000" } },
      { { 12000, "stallend", "at=5000" } } },
    { CASE(PAUSED, PLAYS, PLAYING, "`playing` ends the pause", 8000, 0),
      { BEGUN, { 5000, "pause", "at=5000" }, { 9000, "playing", "at=5000" } },
      { { 12000, "heartbeat", "at=8000" } } },
    { CASE(PAUSED, LEAVES, SUSPENDED, "taken away while it is paused", 5000,
           0),
      { BEGUN, { 5000, "pause", "at=5000" },
        { 9000, "playbackdetached", "at=5000" } }, NO_MORE },
    { CASE(SUSPENDED, PLAYS, PLAYING, "`playing` brings the view back", 15000,
           0),
      { BEGUN, { 5000, "playbackdetached", "at=5000" },
        { 9000, "playing", "at=5000" } },
      { { 19000, "heartbeat", "at=15000" } } },
    { CASE(SUSPENDED, GROWS, PLAYING, "so does a position that grows", 9000,
           0),
      { BEGUN, { 5000, "playbackdetached", "at=5000" },
        { 15000, "heartbeat", "at=9000" } }, NO_MORE },
    { CASE(SUSPENDED, WAITS, SUSPENDED, "a wait without a player is none",
           5000, 0),
      { BEGUN, { 5000, "playbackdetached", "at=5000" },
        { 9000, "stallstart", "at=5000" } },
      { { 10000, "stallend", "at=5000" } } }
};


/* The row that leads from the case's state to the other state. */

static int
row_of(const case_t *c)
{
    size_t  i;

    for (i = 0; i < ROWS; i++) {
        if (table[i].from == c->from && table[i].on == c->on
            && table[i].to == c->to)
        {
            return (int) i;
        }
    }

    return -1;
}


static bool
is_phase(const stream_t *t, qoe_view_phase_t phase)
{
    if (t->v.phase == phase) {
        return true;
    }

    printf("# it is %s and should be %s\n",
           t->v.phase < QOE_PHASES ? phases[t->v.phase] : "nothing",
           phases[phase]);

    return false;
}


static bool
run_case(const case_t *c)
{
    bool       good;
    size_t     i, last;
    stream_t  *t;

    t = stream();

    for (last = 0; last + 1 < STEP_MAX && c->step[last + 1].type; last++) {
        /* void */
    }

    for (i = 0; i < last; i++) {
        event(t, c->step[i].ms, c->step[i].type, c->step[i].data);
    }

    quiet(t);
    good = is_phase(t, c->from);

    event(t, c->step[last].ms, c->step[last].type, c->step[last].data);
    quiet(t);
    good = is_phase(t, c->to) && good;

    for (i = 0; i < 2 && c->after[i].type != NULL; i++) {
        event(t, c->after[i].ms, c->after[i].type, c->after[i].data);
    }

    end_view(t);

    return played_ms(t, c->playing)
           && sum_of(t, QOE_METRIC_REBUFFER_EVENTS_COUNT) == c->stalls
           && good;
}


int
main(void)
{
    int     row;
    size_t  i, taken[ROWS];

    memset(taken, 0, sizeof(taken));

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        row = row_of(&cases[i]);

        ok(run_case(&cases[i]), "%s, it %s: %s: %s", phases[cases[i].from],
           signals[cases[i].on], phases[cases[i].to], cases[i].what);

        if (row >= 0) {
            taken[row]++;
        }

        if (row < 0 && cases[i].from != cases[i].to) {
            ok(0, "the table of transitions has a row for every case");
        }
    }

    for (i = 0; i < ROWS; i++) {
        ok(taken[i] != 0, "a case takes the row %s", table[i].name);
    }

    return tap_end();
}
