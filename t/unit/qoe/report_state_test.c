
/*
 * Copyright (C) OpenQoE
 *
 * The states of a player as reports of CMCD name them: what a series of them
 * comes to.  The rules are those of docs/cmcd.md.
 */


#include "report_unit.h"


/*
 * "1000p 4000r": the states that were reported, by the tokens of CMCD, each
 * with its time in ms.  Startup NONE: no point.  Ten minutes of silence follow.
 */

typedef struct {
    const char  *claim;
    const char  *states;
    const char  *outcome;
    double       startup;
    double       playing;
    unsigned     stalls;
    double       stalled;
} states_t;


static const char  tokens[] = "dspkrwaefq";   /* in the order of the states */

static const states_t  rows[] = {
    { "the startup is from the start to the first playing",
      "0s 1500p 21500e", "completed", 1500, 20000, 0, 0 },
    { "waits before the first playing belong to the startup",
      "0s 500r 900w 1500p 21500e", "completed", 1500, 20000, 0, 0 },
    { "the startup of a player that reports no start begins with its wait",
      "0d 2000w 3500p 23500e", "completed", 1500, 20000, 0, 0 },
    { "a wait between two times of playing is a stall",
      "0s 1000p 11000r 14000p 24000e", "completed", 1000, 20000, 1, 3000 },
    { "`w` is such a wait, too",
      "0s 1000p 11000w 14000p 24000e", "completed", 1000, 20000, 1, 3000 },
    { "`r` and `w` in a row are one stall",
      "0s 1000p 11000r 12000w 14000p 24000e", "completed", 1000, 20000, 1,
      3000 },
    { "a wait of 249 ms is no stall",
      "0s 1000p 11000r 11249p 21000e", "completed", 1000, 19751, 0, 0 },
    { "the time of a pause does not count as playing",
      "0s 1000p 11000a 31000p 41000e", "completed", 1000, 20000, 0, 0 },
    { "a wait after a pause is a stall",
      "0s 1000p 11000a 31000w 33000p 43000e", "completed", 1000, 20000, 1,
      2000 },
    { "a wait within a pause that the player has left by a seek is none",
      "0s 1000p 11000a 31000k 32000w 33000p 43000e", "completed", 1000, 20000,
      0, 0 },
    { "a wait within a seek is no stall, and no playing",
      "0s 1000p 11000k 11500r 14000p 24000e", "completed", 1000, 20000, 0, 0 },
    { "a start in the midst of playing is a seek",
      "0s 1000p 11000s 14000p 24000e", "completed", 1000, 20000, 0, 0 },
    { "a seek does not end a stall",
      "0s 1000p 11000r 12000k 14000p 24000e", "completed", 1000, 20000, 1,
      3000 },
    { "a pause of 500 ms before the end is a part of the end",
      "0s 1000p 21000a 21500e", "completed", 1000, 20500, 0, 0 },
    { "a wait of 500 ms before the end is a part of the end",
      "0s 1000p 21000r 21500e", "completed", 1000, 20500, 0, 0 },
    { "a wait of more than 500 ms before the end is a stall",
      "0s 1000p 21000r 21501e", "completed", 1000, 20000, 1, 501 },
    { "a player that fails and plays on has not failed",
      "0s 1000p 11000f 15000p 25000e", "completed", 1000, 20000, 0, 0 },
    { "a player that fails has played what it had until it waits",
      "0s 1000p 11000f 15000w 18000p 28000e", "completed", 1000, 24000, 1,
      3000 },
    { "a failure while it waits, after which it plays on, is none",
      "0s 1000p 11000r 12000f 15000p 25000e", "completed", 1000, 20000, 1,
      1000 },
    { "a player that fails while it waits has nothing left to play",
      "0s 1000p 11000r 12000f 15000w 18000p 28000e", "completed", 1000, 20000,
      2, 4000 },
    { "a failure after which nothing plays is the end of the view",
      "0s 1000p 11000f", "playback_failure", 1000, 10000, 0, 0 },
    { "a failure before the first playing is a startup failure",
      "0s 3000f", "startup_failure", NONE, 0, 0, 0 },
    { "a player that quits before it plays was left before the start",
      "0s 3000q", "exit_before_start", NONE, 0, 0, 0 },
    { "a player that quits has played until then",
      "0s 1000p 11000q", "played", 1000, 10000, 0, 0 },
    { "a pause after the end changes nothing",
      "0s 1000p 21000e 21100a", "completed", 1000, 20000, 0, 0 }
};


static size_t
run(lane_t *l, const char *states)
{
    char     *end;
    size_t    n;
    int64_t   ms;

    for (n = 0, ms = 0; *states != '\0'; n++) {
        ms = strtoll(states, &end, 10);
        state(l, ms, "s//v",
              (qoe_player_state_t) (strchr(tokens, *end) - tokens));
        states = end + 1;
        states += strspn(states, " ");
    }

    pass(l, (uint64_t) ms + 600000);

    return n;
}


static int
as_expected(lane_t *l, const states_t *r)
{
    bool    started;
    double  startup, playing, stalls, stalled, ended;
    size_t  n, count;

    n = run(l, r->states);

    startup = total_of(l, QOE_METRIC_VIDEO_STARTUP_TIME, NULL, &count);
    playing = total(l, QOE_METRIC_PLAYING_TIME_SECONDS) * 1000;
    stalls = total(l, QOE_METRIC_REBUFFER_EVENTS_COUNT);
    stalled = total(l, QOE_METRIC_REBUFFER_DURATION);
    ended = ended_as(l, r->outcome);
    started = (r->startup != NONE);

    if (n == (size_t) total(l, QOE_METRIC_CMCD_REPORTS) && ended == 1
        && total(l, QOE_METRIC_VIEWS_STARTED_TOTAL) == started
        && count == started && (!started || startup == r->startup)
        && fabs(playing - r->playing) < 0.5 && stalls == r->stalls
        && fabs(stalled - r->stalled) < 0.5)
    {
        return 1;
    }

    printf("# %g ended so, startup %g (%zu), played %g, %g stalls of %g\n",
           ended, startup, count, playing, stalls, stalled);

    return 0;
}


int
main(void)
{
    size_t   i;
    lane_t  *l;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        l = begin();
        ok(as_expected(l, &rows[i]), "%s", rows[i].claim);
        lane_free(l);
    }

    return tap_end();
}
