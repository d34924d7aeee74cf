
/*
 * Copyright (C) OpenQoE
 *
 * Before the first frame: the wish to play, what is a first frame and what is
 * not, and the startup between both.
 */


#include "view_events.h"


static const view_case_t  cases[] = {

    /* Startups that the player counts from the page's begin. */

    { "a startup that differs from its events by 250 ms has the player's in it",
      "0 playerready player_startup_time=100; 1000 canplay "
      "video_startup_time=1350 at=0; 1000 playing at=0; 11000 ended at=10000",
      "completed", 1250, 10000, 0, 0 },
    { "one that differs by more has not",
      "0 playerready player_startup_time=100; 1000 canplay "
      "video_startup_time=1351 at=0; 1000 playing at=0; 11000 ended at=10000",
      "completed", 1351, 10000, 0, 0 },
    { "so it is with one that is shorter",
      "0 playerready player_startup_time=100; 1000 canplay "
      "video_startup_time=850 at=0; 1000 playing at=0; 11000 ended at=10000",
      "completed", 750, 10000, 0, 0 },
    { "by 250 ms at most",
      "0 playerready player_startup_time=100; 1000 canplay "
      "video_startup_time=849 at=0; 1000 playing at=0; 11000 ended at=10000",
      "completed", 849, 10000, 0, 0 },
    { "a startup is never less than nothing",
      "0 playerready player_startup_time=300; 100 canplay "
      "video_startup_time=200 at=0; 100 playing at=0; 10100 ended at=10000",
      "completed", 0, 10000, 0, 0 },
    { "a canplay of a second before is that of the `playing`",
      "0 canplay video_startup_time=70 at=0; 1000 playing at=0;"
      "11000 ended at=10000", "completed", 70, 10000, 0, 0 },
    { "an older one is not",
      "0 canplay video_startup_time=70 at=0; 1001 playing at=0;"
      "11001 ended at=10000", "completed", 0, 10000, 0, 0 },
    { "a canplay 5 ms after the `playing` is of the same moment",
      "0 playing at=0; 5 canplay video_startup_time=70 at=0;"
      "10000 ended at=10000", "completed", 70, 10000, 0, 0 },

    /* Views whose first events were lost. */

    { "a view whose position grows plays though nothing said so",
      "0 heartbeat at=5000; 10000 heartbeat at=15000; 20000 ended at=25000",
      "completed", NONE, 20000, 0, 0 },
    { "growth of 250 ms is no sign of it",
      "0 heartbeat at=5000; 400 heartbeat at=5250; 700 heartbeat at=5250;"
      "1400 playbackdetached at=5250; end", "exit_before_start", NONE, 0, 0,
      0 },
    { "growth of 251 ms is",
      "0 heartbeat at=5000; 400 heartbeat at=5251; 700 heartbeat at=5251;"
      "1400 playbackdetached at=5251; end", "played", NONE, 251, 0, 0 },
    { "nor is a position that grows faster than time",
      "0 heartbeat at=5000; 500 heartbeat at=5751; 700 heartbeat at=5751;"
      "1400 playbackdetached at=5751; end", "exit_before_start", NONE, 0, 0,
      0 },
    { "a view that has played already when it is first heard of plays",
      "0 heartbeat playing_time=9000; 10000 heartbeat playing_time=19000;"
      "20000 ended playing_time=29000", "completed", NONE, 20000, 0, 0 },
    { "its growth is measured from what it had played then",
      "0 heartbeat playing_time=9000; 10000 heartbeat playing_time=12000; end",
      "played", NONE, 3000, 0, 0 },
    { "a view that has played nothing is not known to play",
      "0 heartbeat playing_time=0; 10000 heartbeat playing_time=0; end",
      "exit_before_start", NONE, 0, 0, 0 },

    /* The wish to play is not a first frame. */

    { "a `playing` that only waits until the player is gone is no view",
      "0 error error_family=network; 5 playing; 5 stallstart;"
      "10005 heartbeat playing_time=0; 12000 playbackdetached; end",
      "startup_failure", NONE, 0, 0, 0 },
    { "a page that is closed before the first frame is an exit before start",
      "0 playing; 0 stallstart; 6 playerready; 6000 playbackdetached; end",
      "exit_before_start", NONE, 0, 0, 0 },
    { "a page on which nothing was asked for is an exit before start",
      "0 manifestload page_load_time=500; 900 canplay; end",
      "exit_before_start", NONE, 0, 0, 0 },
    { "an error before the first frame is a startup failure",
      "0 playing; 1 stallstart; 900 error; end",
      "startup_failure", NONE, 0, 0, 0 },
    { "a pause before the first frame withdraws the wish",
      "0 playing; 1 stallstart; 2000 pause; end",
      "exit_before_start", NONE, 0, 0, 0 },
    { "a position that stands still a second later shows that there was no "
      "first frame",
      "0 playerready; 5000 playing at=0; 8000 heartbeat at=0; end",
      "exit_before_start", NONE, 0, 0, 0 },
    { "playing_time that stands still shows the same",
      "0 playerready; 5000 playing; 8000 heartbeat playing_time=0;"
      "18000 heartbeat playing_time=0; end",
      "exit_before_start", NONE, 0, 0, 0 },

    /* What is a first frame, and when. */

    { "a wait after `playing` belongs to the startup",
      "0 playing; 1 stallstart; 4000 canplay video_startup_time=4980;"
      "4001 stallend; 24001 ended", "completed", 4000, 20001, 0, 0 },
    { "a wait that was open at `playing` belongs to the startup",
      "0 stallstart; 3000 playing; 7000 stallend; 27000 ended",
      "completed", 4000, 20000, 0, 0 },
    { "a wait that is sent 250 ms after `playing` shows that it waits",
      "0 playerready; 5000 playing at=0; 5250 stallstart at=0;"
      "9000 stallend at=0; 19000 ended at=10000",
      "completed", 4000, 10000, 0, 0 },
    { "a wait that begins 251 ms after `playing` is a stall",
      "0 playerready; 5000 playing at=0; 5251 stallstart at=251;"
      "9000 stallend at=251; 19000 ended at=10251",
      "completed", 0, 10251, 1, 3749 },
    { "a waitstart is a wait",
      "0 playing; 1 waitstart; 4000 stallend; 24000 ended",
      "completed", 4000, 20000, 0, 0 },
    { "canplay is the first frame while the wish waits",
      "0 playing; 1 stallstart; 4000 canplay; 24000 ended",
      "completed", 4000, 20000, 0, 0 },
    { "a position that has grown dates the first frame back by its growth",
      "0 playing at=0; 1 stallstart at=0; 3000 heartbeat at=2000;"
      "13000 ended at=12000", "completed", 1000, 12000, 0, 0 },
    { "the growth is that since the wish, wherever in the video that was",
      "0 playing at=50000; 1 stallstart at=50000; 3000 heartbeat at=52000;"
      "13000 ended at=62000", "completed", 1000, 12000, 0, 0 },
    { "a live stream that begins at another position is measured from there",
      "0 playing at=0; 1 stallstart at=0; 3000 heartbeat at=50000;"
      "13000 heartbeat at=60000; 23000 ended at=70000",
      "completed", 3000, 20000, 0, 0 },
    { "a wait that is over before the wish does not count",
      "0 stallstart at=0; 500 stallend at=0; 5000 playing at=0;"
      "15000 heartbeat at=9000; end", "played", 0, 10000, 0, 0 },
    { "a view whose first event has a playing_time has started",
      "0..60000 heartbeat at=@+60000 playing_time=@+60000; 65000 ended at="
      "@+60000", "completed", NONE, 65000, 0, 0 },
    { "a view whose first event has a position has started",
      "0..60000 heartbeat at=@+60000; 65000 ended at=@+60000", "completed",
      NONE, 65000, 0, 0 },
    { "a player that loads in a page and stands still has not started",
      "0..60000 heartbeat at=0 playing_time=0; end", "exit_before_start",
      NONE, 0, 0, 0 },

    /* The startup. */

    { "a click ten seconds after the player was ready starts at once",
      "0 playerready player_startup_time=1561;"
      "328 canplay video_startup_time=1889; 10015 playing playing_time=2;"
      "20015 heartbeat playing_time=10000; end",
      "played", 0, 10000, 0, 0 },
    { "the startup that a resume reports does not count",
      "0 playing; 1 stallstart; 450 stallend; 20000 pause;"
      "28000 playing video_startup_time=27900; 30000 ended",
      "completed", 450, 21550, 0, 0 },
    { "a canplay at most 1 s before is the begin of autoplay",
      "0 playerready; 2000 canplay video_startup_time=1500 at=0;"
      "3000 playing at=0; 13000 ended at=10000",
      "completed", 1500, 10000, 0, 0 },
    { "a canplay more than 1 s before is not",
      "0 playerready; 2000 canplay video_startup_time=1500 at=0;"
      "3001 playing at=0; 13001 ended at=10000",
      "completed", 0, 10000, 0, 0 },
    { "a canplay of the same moment is it after `playing`, too",
      "0 playing at=0; 3 canplay video_startup_time=700 at=0;"
      "10000 ended at=10000", "completed", 700, 10000, 0, 0 },
    { "a view whose first event is `playing` has no startup",
      "0 playing at=0; 10000 ended at=10000", "completed", NONE, 10000, 0, 0 },
    { "a `playing` after which nothing comes is a view that has started",
      "0 playing at=0; end", "played", NONE, 0, 0, 0 },
    { "a `playing` 1 s after the first event has no startup either",
      "0 playerready; 1000 playing at=0; 11000 ended at=10000",
      "completed", NONE, 10000, 0, 0 },
    { "a `playing` later than that has a startup of 0",
      "0 playerready; 1001 playing at=0; 11001 ended at=10000",
      "completed", 0, 10000, 0, 0 },
    { "a wish that is withdrawn is not waited for",
      "0 playing at=0; 1 stallstart at=0; 2000 pause at=0;"
      "60000 playing at=0; 61000 stallend at=0; 71000 ended at=10000",
      "completed", 1000, 10000, 0, 0 },
    { "a second `playing` during the wait is not the first frame",
      "0 playerready; 2000 playing; 2001 stallstart; 3000 playing;"
      "6000 stallend; 26000 ended",
      "completed", 4000, 20000, 0, 0 },
    { "a second `playing` without a wait is the first frame if the position "
      "stood still since the first",
      "0 playerready; 2000 playing at=0; 5000 heartbeat at=0;"
      "9000 playing at=0; 29000 ended",
      "completed", 7000, 20000, 0, 0 },
    { "any event shows that a player without positions has started",
      "0 playerready; 5000 playing; 15000 waitstart; 18000 stallend;"
      "28000 ended", "completed", 0, 20000, 1, 3000 },
    { "of a player that has sent positions a wait without one does not show it",
      "0 playerready at=0; 5000 playing; 15000 waitstart; 18000 stallend;"
      "28000 ended", "completed", 0, 23000, 0, 0 }
};


/* Only a session's first view knows of the page and the player. */

static void
test_aggregate(void)
{
    size_t      i;
    double      want;
    stream_t   *t;

    for (i = 0; i < 2; i++) {
        t = stream();
        t->birth.first = (i == 0);
        script(t, "0 manifestload page_load_time=800;"
                  "200 playerready player_startup_time=300;"
                  "10000 playing at=0; 10001 stallstart at=0;"
                  "12000 stallend at=0; 20000 heartbeat at=8000; end");

        want = i == 0 ? 800 + 300 + 2000 : 2000;

        ok(made(t, QOE_METRIC_AGGREGATE_STARTUP_TIME, 1, want, ""),
           i == 0 ? "the aggregate startup is the page's, the player's and "
                    "the video's, and not the time until the click"
                  : "of a later view of the session it is the video's alone");
    }

    t = stream();
    script(t, "0 playing at=0; 10 stallstart at=0;"
              "500 playerready player_startup_time=600; 2000 stallend at=0;"
              "10000 heartbeat at=8000; end");
    ok(made(t, QOE_METRIC_AGGREGATE_STARTUP_TIME, 1, 2000 + 100, ""),
       "the player's startup counts up to the wish");

    t = stream();
    script(t, "0 manifestload page_load_time=800; 500 playing at=0;"
              "10000 heartbeat at=9500; end");
    ok(made(t, QOE_METRIC_AGGREGATE_STARTUP_TIME, 0, 0, "")
       && made(t, QOE_METRIC_STARTUP_TIME_SCORE, 0, 0, ""),
       "without a startup of the video there is no aggregate, and no score");
}


static void
test_births(void)
{
    stream_t  *t;

    t = stream();
    t->birth.first = false;
    t->birth.continued = true;
    t->birth.told = 60000;
    script(t, "0 heartbeat at=75000 playing_time=70000;"
              "10000 heartbeat at=85000 playing_time=80000; end");
    ok(made(t, QOE_METRIC_VIEWS_CONTINUED_TOTAL, 1, 1, "") && started(t, 1)
       && startup_ms(t, NONE) && played_ms(t, 10000),
       "a view that goes on after silence has no startup, and does not count "
       "the playing_time of the view before it");

    t = stream();
    t->birth.first = false;
    t->birth.continued = true;
    t->birth.told = 60000;
    script(t, "0 playing at=60000; 1 stallstart at=60000;"
              "5000 stallend at=60000; 15000 heartbeat at=70000; end");
    ok(started(t, 1) && startup_ms(t, NONE) && played_ms(t, 10000),
       "a view that goes on with a wait has no startup either");

    t = stream();
    t->birth.wait_ms = LOG_START - 200;
    script(t, "0 playing at=0; 3000 stallend at=0; 10000 heartbeat at=7000;"
              "end");
    ok(startup_ms(t, 3000) && played_ms(t, 7000),
       "a wait that began just before a replay belongs to its startup");
}


int
main(void)
{
    view_cases(cases, sizeof(cases) / sizeof(cases[0]));
    test_aggregate();
    test_births();

    return tap_end();
}
