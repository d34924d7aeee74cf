
/*
 * Copyright (C) OpenQoE
 *
 * Reports of CMCD are applied: which view each belongs to, and what an SDK in
 * the same session takes over.
 */


#include "report_unit.h"


static double
gaps(lane_t *l)
{
    return total(l, QOE_METRIC_CMCD_SEQUENCE_GAPS);
}


static void
test_view(void)
{
    lane_t  *l;

    l = begin();
    report(l, 0, "s//v", QOE_REPORT_INTERVAL, QOE_PLAYER_PRELOADING);
    ok(alive(l) == 0, "a player that preloads begins no view");

    state(l, 1000, "s//v", QOE_PLAYER_STARTING);
    ok(alive(l) == 1, "a player that wants to play begins a view");
    state(l, 3000, "s//v", QOE_PLAYER_PLAYING);
    plays(l, 10000, 60000, "s//v");
    state(l, 63000, "s//v", QOE_PLAYER_ENDED);
    pass(l, 2000000);
    ok(came_to(l, 1, 1, 0, 60000)
       && total(l, QOE_METRIC_VIDEO_STARTUP_TIME) == 2000
       && total(l, QOE_METRIC_CMCD_REPORTS) == 10,
       "reports alone make a view with its startup and its time of playing");
    ok(gaps(l) == 0, "of reports in a row none is missing");
    lane_free(l);

    l = begin();
    state(l, 0, "s//v", QOE_PLAYER_STARTING);
    state(l, 2000, "s//v", QOE_PLAYER_PLAYING);
    sn += 3;
    plays(l, 10000, 20000, "s//v");
    ok(gaps(l) == 0, "reports that may still come are not missing");
    pass(l, 2000000);
    ok(gaps(l) == 3, "those that did not come by the end of the view are");
    lane_free(l);

    l = begin();
    state(l, 0, "s//v", QOE_PLAYER_STARTING);
    sn++;
    plays(l, 10000, 320000, "s//v");
    ok(gaps(l) == 1, "once 32 reports came after it, one is missing");
    lane_free(l);

    l = begin();
    report(l, 0, "s//v", QOE_REPORT_RESPONSE, QOE_PLAYER_PLAYING);
    plays(l, 10000, 20000, "s//v");
    state(l, 23000, "s//v", QOE_PLAYER_ENDED);
    pass(l, 2000000);
    ok(came_to(l, 1, 1, 0, 20000),
       "a report of a response describes the player when the response ended");
    lane_free(l);

    l = begin();
    tell(l, 0, "s/a/v", "playing", "at=0");
    beats(l, 10000, 20000, "s/a/v", 0);
    pass(l, 2000000);
    ok(gaps(l) == 0 && total(l, QOE_METRIC_CMCD_REPORTS) == 0,
       "a session without reports misses none");
    lane_free(l);
}


static void
test_videos(void)
{
    lane_t  *l;

    l = begin();
    state(l, 0, "s//v", QOE_PLAYER_STARTING);
    state(l, 2000, "s//v", QOE_PLAYER_PLAYING);
    plays(l, 10000, 30000, "s//v");
    state(l, 32000, "s//w", QOE_PLAYER_STARTING);
    state(l, 33000, "s//w", QOE_PLAYER_PLAYING);
    plays(l, 40000, 50000, "s//w");
    state(l, 53000, "s//w", QOE_PLAYER_ENDED);
    pass(l, 9000000);
    ok(came_to(l, 2, 1, 1, 30000 + 20000),
       "another video of the session is another view");
    lane_free(l);

    l = begin();
    state(l, 0, "s//v", QOE_PLAYER_STARTING);
    state(l, 2000, "s//v", QOE_PLAYER_PLAYING);
    plays(l, 10000, 30000, "s//v");
    state(l, 32000, "s//w", QOE_PLAYER_PLAYING);
    plays(l, 40000, 50000, "s//w");
    ok(alive(l) == 2, "a video that may go on later stays");
    state(l, 52000, "s//v", QOE_PLAYER_PLAYING);
    plays(l, 60000, 70000, "s//v");
    state(l, 72000, "s//v", QOE_PLAYER_ENDED);
    pass(l, 9000000);
    ok(came_to(l, 2, 1, 1, 30000 + 20000 + 20000),
       "reports of a video that comes back belong to its view");
    lane_free(l);

    l = begin();
    state(l, 0, "s//v", QOE_PLAYER_STARTING);
    state(l, 2000, "s//v", QOE_PLAYER_PLAYING);
    plays(l, 10000, 30000, "s//v");
    state(l, 32000, "s//w", QOE_PLAYER_PLAYING);
    plays(l, 40000, 50000, "s//w");
    plays(l, 60000, 60000, "s//");
    state(l, 62000, "s//", QOE_PLAYER_ENDED);
    pass(l, 9000000);
    ok(came_to(l, 2, 1, 1, 30000 + 30000),
       "reports that name no video belong to the view that began last");
    lane_free(l);

    l = begin();
    state(l, 0, "s//", QOE_PLAYER_STARTING);
    state(l, 2000, "s//", QOE_PLAYER_PLAYING);
    plays(l, 10000, 30000, "s//v");
    state(l, 32000, "s//", QOE_PLAYER_ENDED);
    pass(l, 9000000);
    ok(came_to(l, 1, 1, 0, 30000),
       "reports that name no video belong to the view of the session");
    lane_free(l);

    l = begin();
    state(l, 0, "s//v", QOE_PLAYER_STARTING);
    state(l, 2000, "s//v", QOE_PLAYER_PLAYING);
    plays(l, 10000, 20000, "s//v");
    report(l, 22000, "s//v", QOE_REPORT_AD_START, QOE_PLAYER_PLAYING);
    state(l, 22100, "s//ad", QOE_PLAYER_STARTING);
    state(l, 22200, "s//ad", QOE_PLAYER_PLAYING);
    plays(l, 30000, 30000, "s//ad");
    ok(alive(l) == 1, "an ad begins no view");
    report(l, 32000, "s//ad", QOE_REPORT_AD_END, QOE_PLAYER_PLAYING);
    state(l, 32100, "s//v", QOE_PLAYER_PLAYING);
    plays(l, 40000, 50000, "s//v");
    state(l, 52000, "s//v", QOE_PLAYER_ENDED);
    pass(l, 9000000);
    ok(total(l, QOE_METRIC_VIEWS_STARTED_TOTAL) == 1
       && ended_as(l, "completed") == 1,
       "a video that an ad interrupts is one view");
    lane_free(l);
}


static void
test_sdk(void)
{
    lane_t  *l;

    l = begin();
    tell(l, 0, "s/a/v", "playerready", "");
    tell(l, 2000, "s/a/v", "playing", "at=0");
    state(l, 2010, "s//v", QOE_PLAYER_STARTING);
    plays(l, 12000, 12000, "s//v");
    beats(l, 12000, 32000, "s/a/v", 2000);
    state(l, 32010, "s//v", QOE_PLAYER_PAUSED);
    plays(l, 33000, 33000, "s//x");
    beats(l, 42000, 52000, "s/a/v", 2000);
    tell(l, 62000, "s/a/v", "ended", "at=60000");
    pass(l, 9000000);
    ok(came_to(l, 1, 1, 0, 60000)
       && total(l, QOE_METRIC_CMCD_REPORTS) == 4,
       "the states of reports change no view of an SDK, and begin none in its "
       "session");
    lane_free(l);

    l = begin();
    state(l, 0, "s//v", QOE_PLAYER_STARTING);
    state(l, 2000, "s//v", QOE_PLAYER_PLAYING);
    tell(l, 5000, "s/a/v", "heartbeat", "at=3000 playing_time=3000");
    beats(l, 12000, 52000, "s/a/v", 2000);
    tell(l, 62000, "s/a/v", "ended", "at=60000");
    pass(l, 9000000);
    ok(came_to(l, 1, 1, 0, 60000),
       "a view that reports have begun goes on as that of the SDK");
    lane_free(l);

    l = begin();
    state(l, 0, "s//v", QOE_PLAYER_STARTING);
    state(l, 2000, "s//v", QOE_PLAYER_PLAYING);
    tell(l, 5000, "s/a/other", "heartbeat", "at=3000 playing_time=3000");
    beats(l, 12000, 52000, "s/a/other", 2000);
    tell(l, 62000, "s/a/other", "ended", "at=60000");
    pass(l, 9000000);
    ok(came_to(l, 1, 1, 0, 60000),
       "so it does if the SDK has another name for the video");
    lane_free(l);
}


int
main(void)
{
    test_view();
    test_videos();
    test_sdk();

    return tap_end();
}
