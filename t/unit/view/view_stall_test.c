
/*
 * Copyright (C) OpenQoE
 *
 * Waits, seeks and pauses after the first frame: what is rebuffering, how long
 * it was, and what a pause is.
 */


#include "view_events.h"


/* A view whose first frame was shown at once. */

#define BEGUN  "0 canplay video_startup_time=0 at=0; 0 playing at=0;"
#define BEAT(ms)  #ms " heartbeat at=10000;"
#define CROWD  BEAT(10010) BEAT(10011) BEAT(10012) BEAT(10013) BEAT(10014)    \
               BEAT(10015) BEAT(10016) BEAT(10017) BEAT(10018) BEAT(10019)    \
               BEAT(10020) BEAT(10021) BEAT(10022) BEAT(10023) BEAT(10024)


static const view_case_t  cases[] = {

    /* More events than wait to be judged. */

    { "a crowd of heartbeats does not push a stall out",
      BEGUN "10000 heartbeat at=10000; 10001 stallstart at=10000;"
      CROWD "14001 stallend at=10000; 24001 ended at=20000",
      "completed", 0, 20001, 1, 4000 },

    /* The unit of playing_time, which is found during a stall. */

    { "a stall during which playing_time is found to be in seconds ends where "
      "that has grown",
      BEGUN "10000 heartbeat at=10000 playing_time=10;"
      "20000 stallstart at=20000;"
      "21000 heartbeat at=20000 playing_time=20;"
      "23000 heartbeat playing_time=20.26; 33000 ended playing_time=30.26",
      "completed", 0, 30260, 1, 2740 },

    /* What a stall is. */

    { "a wait in the middle of playing is a stall, with its length",
      BEGUN "10000 stallstart at=10000; 12000 stallend at=10000;"
      "30000 ended at=28000", "completed", 0, 28000, 1, 2000 },
    { "a wait of 250 ms is a stall",
      BEGUN "10000 stallstart at=10000; 10250 stallend at=10000;"
      "30000 ended at=29750", "completed", 0, 29750, 1, 250 },
    { "a wait of which the position leaves 250 ms is a stall",
      BEGUN "10000 stallstart at=10000; 20250 heartbeat at=20000;"
      "40250 ended at=40000", "completed", 0, 40000, 1, 250 },
    { "a wait of which the position leaves 249 ms is none",
      BEGUN "10000 stallstart at=10000; 20249 heartbeat at=20000;"
      "40249 ended at=40000", "completed", 0, 40249, 0, 0 },
    { "a wait of 249 ms is no stall",
      BEGUN "10000 stallstart at=10000; 10249 stallend at=10000;"
      "30000 ended at=29751", "completed", 0, 29751, 0, 0 },
    { "a second stallstart without an end between is the same stall",
      BEGUN "10000 stallstart at=10000; 11000 stallstart at=10000;"
      "12000 stallend at=10000; 13000 stallend at=11000; 30000 ended at=28000",
      "completed", 0, 28000, 1, 2000 },
    { "a stallend without a stall makes none, whatever it says",
      BEGUN "10000 stallend at=10000 stall_duration=5000; 30000 ended at=30000",
      "completed", 0, 30000, 0, 0 },
    { "a stall that lasts until the view ends counts up to the last event",
      BEGUN "10000 stallstart at=10000; 15000 heartbeat at=10000; end",
      "played", 0, 10000, 1, 5000 },
    { "a stall at whose end the video is over counts",
      BEGUN "10000 stallstart at=10000; 15000 ended at=10000",
      "completed", 0, 10000, 1, 5000 },
    { "a wait at the end of the video is no stall",
      BEGUN "10000 stallstart at=10000 duration=10200; 12000 heartbeat at=10000"
      " duration=10200; 12500 ended at=10000", "completed", 0, 10000, 0, 0 },

    { "a wait at whose end the position has moved was no stall for so long",
      BEGUN "10000 stallstart at=10000; 18000 stallend at=15000;"
      "28000 ended at=25000", "completed", 0, 25000, 1, 3000 },
    { "250 ms that the position has crept do not shorten a stall",
      BEGUN "10000 stallstart at=10000; 13000 stallend at=10250;"
      "23000 ended at=20250", "completed", 0, 20000, 1, 3000 },
    { "251 ms do",
      BEGUN "10000 stallstart at=10000; 13000 stallend at=10251;"
      "23000 ended at=20251", "completed", 0, 20251, 1, 2749 },

    /* What proves that a view plays. */

    { "a wait during which the position grows as time does never was",
      "0 playing at=0; 1000 heartbeat at=1000 playing_time=1000;"
      "10000 stallstart at=9890; 20000..60000 heartbeat at=@-110 "
      "playing_time=@-110; 60111 ended at=60000",
      "completed", NONE, 60111, 0, 0 },
    { "a stall without stallend lasted as long as the position lacks",
      BEGUN "10000..60000 heartbeat at=@ playing_time=@;"
      "60000 stallstart at=60000;"
      "70000..600000 heartbeat at=@-4000 playing_time=@-4000; end",
      "played", 0, 596000, 1, 4000 },
    { "a position that creeps by less than 250 ms does not end a stall",
      BEGUN "10000 stallstart at=10000; 15000 heartbeat at=10200;"
      "20000 stallend at=10200; 30000 ended at=20200",
      "completed", 0, 20000, 1, 10000 },
    { "without a position the playing_time ends the stall",
      BEGUN "10000 heartbeat playing_time=10000; 10000 stallstart;"
      "20000 heartbeat playing_time=17000; 30000 heartbeat playing_time=27000;"
      "end", "played", 0, 27000, 1, 3000 },

    /* What players say of their waits. */

    { "a stall reported shorter than it was measured counts as reported",
      BEGUN "10000 stallstart; 111000 stallend stall_duration=1000;"
      "121000 ended", "completed", 0, 20000, 1, 1000 },
    { "a stall reported longer counts as it was measured",
      BEGUN "10000 stallstart at=10000; 12000 stallend at=10000 "
      "stall_duration=70000; 22000 ended at=20000",
      "completed", 0, 20000, 1, 2000 },
    { "a stall reported to have taken no time was none",
      BEGUN "10000 stallstart at=10000; 12000 stallend at=10000 "
      "stall_duration=0; 22000 ended at=20000",
      "completed", 0, 20000, 0, 0 },

    /* playing and pause. */

    { "`playing` ends a stall",
      BEGUN "10000 stallstart at=10000; 13000 playing at=10000;"
      "16000 stallend at=13000; 23000 ended at=20000",
      "completed", 0, 20000, 1, 3000 },
    { "a pause closes the stall, and the `playing` after it opens another",
      BEGUN "10000 stallstart at=10000; 12000 pause at=10000;"
      "60000 playing at=10000; 63000 stallend at=10000; 73000 ended at=20000",
      "completed", 0, 20000, 2, 5000 },
    { "the stall that a `playing` opens ends by proof as well",
      BEGUN "10000 stallstart at=10000; 12000 pause at=10000;"
      "60000 playing at=10000; 70000 heartbeat at=17000; 73000 ended at=20000",
      "completed", 0, 20000, 2, 5000 },
    { "a stall that ends in the pause is over",
      BEGUN "10000 stallstart at=10000; 12000 pause at=10000;"
      "13000 stallend at=10000; 60000 playing at=10000; 70000 ended at=20000",
      "completed", 0, 20000, 1, 2000 },
    { "a paused video does not stall",
      BEGUN "10000 pause at=10000; 11000 stallstart at=10000;"
      "30000 stallend at=10000; 60000 playing at=10000; 70000 ended at=20000",
      "completed", 0, 20000, 0, 0 },

    { "a pause in a seek that did not wait opens no wait when it is over",
      BEGUN "10000 seek at=40000; 10100 pause at=40000; 20000 playing at=40000;"
      "23000 heartbeat at=40000; 33000 ended at=50000",
      "completed", 0, 20000, 0, 0 },
    { "a wait in a seek goes on after a pause",
      BEGUN "10000 seek at=40000; 10050 stallstart at=40000;"
      "11000 pause at=40000; 20000 playing at=40000; 23000 stallend at=40000;"
      "33000 ended at=50000", "completed", 0, 20000, 1, 3000 },

    /* Seeks. */

    { "a latency of a millisecond belongs to the seek and not to the playing",
      "0 canplay video_startup_time=0; 0 playing; 10000 seek seek_latency=1;"
      "30000 ended", "completed", 0, 29999, 0, 0 },
    { "a wait that a seek reports afterwards belongs to the seek",
      BEGUN "10000 stallstart at=40000; 12000 seek seek_latency=2000 at=40000;"
      "12000 stallend at=40000; 30000 ended at=58000",
      "completed", 0, 28000, 0, 0 },
    { "the stallend of such a wait may come before the seek",
      BEGUN "10000 stallstart at=40000; 11990 stallend at=40000;"
      "12000 seek seek_latency=2000 at=40000; 30000 ended at=58000",
      "completed", 0, 28000, 0, 0 },
    { "a stall from which the viewer seeks away ends where the seek begins",
      BEGUN "10000 stallstart at=10000; 20000 seek seek_latency=2000 at=40000;"
      "20100 stallend at=40000; 30000 ended at=49900",
      "completed", 0, 19900, 1, 8000 },
    { "a stall that is over before the seek begins ends with its stallend",
      BEGUN "10000 stallstart at=10000; 12000 stallend at=10000;"
      "12200 seek at=40000; 12200 canplay at=40000; 30000 ended at=57800",
      "completed", 0, 28000, 1, 2000 },
    { "a wait within a seek is no stall",
      BEGUN "10000 seek at=40000; 10100 stallstart at=40000;"
      "15000 stallend at=40000; 30000 ended at=55000",
      "completed", 0, 25000, 0, 0 },
    { "what plays before a leap within a seek counts up to the wait there",
      BEGUN "10000 seek at=40000; 14000 stallstart at=90000;"
      "15000 stallend at=90000; 30000 ended at=105000",
      "completed", 0, 29000, 0, 0 },
    { "a position that leaps during a wait within a seek is still that wait",
      BEGUN "10000 seek at=40000; 10100 stallstart at=40000;"
      "14000 stallstart at=90000; 15000 stallend at=90000;"
      "30000 ended at=105000", "completed", 0, 25000, 0, 0 },
    { "a seek that takes 3 s is no time of playing",
      BEGUN "13000 seek seek_latency=3000 at=40000;"
      "13001 playing at=40000; 23001 ended at=50000",
      "completed", 0, 20000, 0, 0 },
    { "a position that leaps within a seek is where the seek leads to",
      BEGUN "10000 seek at=40000; 12000 heartbeat at=90000;"
      "14000 heartbeat at=91900; end", "played", 0, 12000, 0, 0 },
    { "a seek of a paused video leaves it paused",
      BEGUN "10000 pause at=10000; 15000 seek at=40000 seek_latency=100;"
      "15010 canplay at=40000; 25000 heartbeat at=40000;"
      "60000 playing at=40000; 70000 ended at=50000",
      "completed", 0, 20000, 0, 0 },
    { "a pause within the seek counts as a pause",
      BEGUN "10000 seek at=40000; 11000 pause at=40000;"
      "60000 playing at=40000; 70000 ended at=50000",
      "completed", 0, 20000, 0, 0 },

    /* Hidden pages and errors. */

    { "a stall counts whole while the page is visible",
      BEGUN "10000 stallstart at=10000; 110000 stallend at=10000;"
      "120000 ended at=20000", "completed", 0, 20000, 1, 100000 },
    { "of a stall in a hidden page a gap of over three beats does not count",
      BEGUN "10000..60000 heartbeat at=@; 60000 stallstart at=60000;"
      "63000 moveaway at=60000; 1263000 moveback at=60000;"
      "1264000 stallend at=60000; 1274000 ended at=70000",
      "completed", 0, 70000, 1, 4000 },
    { "a stall that an error named and in which the viewer leaves is a failure",
      BEGUN "10000 stallstart at=10000; 10010 error at=10000;"
      "20000 heartbeat at=10000; end", "playback_failure", 0, 10000, 1, 10000 },
    { "a stall that an error named and that is over is no failure",
      BEGUN "12000 stallstart at=12000; 12010 error at=12000;"
      "14001 stallend at=12000; 20000 playbackdetached at=17999; end",
      "played", 0, 17999, 1, 2001 }
};


/* Events of one moment give the same view in either order. */

static const struct {
    const char  *claim;
    const char  *before;
    const char  *first;
    const char  *second;
    const char  *after;
} pairs[] = {
    { "`playing` and stallstart", "0 playerready;",
      "5000 playing at=0;", "5000 stallstart at=0;",
      "8000 stallend at=0; 18000 ended at=10000" },
    { "stallend and seek", BEGUN "10000 stallstart at=40000;",
      "12000 seek seek_latency=2000 at=40000;", "12000 stallend at=40000;",
      "30000 ended at=58000" },
    { "stallend and `playing`", BEGUN "10000 stallstart at=10000;",
      "12000 playing at=10000;", "12000 stallend at=10000;",
      "30000 ended at=28000" },
    { "stallstart and pause", BEGUN,
      "10000 stallstart at=10000;", "10005 pause at=10000;",
      "20000 playing at=10000; 21000 stallend at=10000; 31000 ended at=20000" },
    { "a heartbeat and what came 300 ms before it", BEGUN,
      "10000 stallstart at=10000;", "10300 heartbeat at=10000;",
      "15000 stallend at=10000; 25000 ended at=20000" }
};


static void
totals(stream_t *t, size_t pair, bool swapped, double total[4])
{
    script(t, pairs[pair].before);
    script(t, swapped ? pairs[pair].second : pairs[pair].first);
    script(t, swapped ? pairs[pair].first : pairs[pair].second);
    script(t, pairs[pair].after);

    total[0] = sum_of(t, QOE_METRIC_PLAYING_TIME_SECONDS);
    total[1] = sum_of(t, QOE_METRIC_REBUFFER_DURATION);
    total[2] = sum_of(t, QOE_METRIC_REBUFFER_EVENTS_COUNT);
    total[3] = sum_of(t, QOE_METRIC_VIDEO_STARTUP_TIME);
}


static void
test_order(void)
{
    size_t  i, j, same;
    double  one[4], other[4];

    for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        totals(stream(), i, false, one);
        totals(stream(), i, true, other);

        for (j = 0, same = 0; j < 4; j++) {
            same += fabs(one[j] - other[j]) < 1e-9;
        }

        ok(same == 4 && one[0] > 0, "%s mean the same in either order",
           pairs[i].claim);
    }
}


static void
test_pauses(void)
{
    size_t             i;
    stream_t          *t;
    static const struct {
        const char    *claim;
        const char    *script;
        size_t         pauses;
    } pauses[] = {
        { "a pause while it plays is counted once",
          BEGUN "10000 pause at=10000; 10100 pause at=10000; 30000 playing;"
          "40000 heartbeat; end", 1 },
        { "a pause before the first frame is not counted",
          "0 playing; 1 stallstart; 2000 pause; 30000 heartbeat; end", 0 },
        { "a pause 500 ms before `ended` is the player's own",
          BEGUN "30000 pause at=30000; 30500 ended at=30000", 0 },
        { "a pause 501 ms before `ended` is the viewer's",
          BEGUN "30000 pause at=30000; 30501 ended at=30000", 1 },
        { "a pause at the end of the video is the player's own",
          BEGUN "30000 pause at=30000 duration=30400; 40000 heartbeat; end",
          0 },
        { "a duration in seconds does not make every pause the player's own",
          BEGUN "30000 pause at=30000 duration=30.4; 40000 heartbeat; end", 1 }
    };

    for (i = 0; i < sizeof(pauses) / sizeof(pauses[0]); i++) {
        t = stream();
        script(t, pauses[i].script);
        ok(made(t, QOE_METRIC_PAUSE_EVENTS_TOTAL, pauses[i].pauses,
                (double) pauses[i].pauses, ""), "%s", pauses[i].claim);
    }
}


int
main(void)
{
    view_cases(cases, sizeof(cases) / sizeof(cases[0]));
    test_order();
    test_pauses();

    return tap_end();
}
