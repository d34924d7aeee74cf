
/*
 * Copyright (C) OpenQoE
 *
 * Reports of CMCD are applied: which view each belongs to, and what an SDK in
 * the same session takes over.
 */


#include "report_unit.h"
#include "qoe_uuid.h"


#define VIEW  "71e30000-0001-4000-8000-000000000001"


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


static void
test_begins(void)
{
    size_t   i;
    lane_t  *l;
    static const struct {
        const char  *claim;
        const char  *data;
        uint32_t     alive;
    } rows[] = {
        { "a player that plays begins a view", "e=ps sta=p", 1 },
        { "so does one that waits", "e=t sta=w", 1 },
        { "a player that failed begins a view", "e=ps sta=f", 1 },
        { "a player that has ended begins none", "e=ps sta=e", 0 },
        { "a player that pauses begins none", "e=t sta=a", 0 },
        { "a player that quits begins none", "e=ps sta=q", 0 },
        { "a report without a state begins none", "e=t", 0 },
        { "a response of a player that plays begins one", "e=rr sta=p", 1 },
        { "an event that is no state begins none", "e=bc", 0 }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        l = begin();
        report_of(l, 0, "s//v", rows[i].data);
        ok(alive(l) == rows[i].alive
           && total(l, QOE_METRIC_CMCD_REPORTS) == 1, "%s", rows[i].claim);
        lane_free(l);
    }

    l = begin();
    state(l, 0, "s//v", QOE_PLAYER_PLAYING);
    state(l, 10000, "s//v", QOE_PLAYER_ENDED);
    report_of(l, 10010, "s//v", "e=rr sta=p");
    ok(alive(l) == 0,
       "a response after the end that still says that it plays begins none");
    state(l, 20000, "s//v", QOE_PLAYER_PLAYING);
    ok(alive(l) == 1, "a replay does");

    pass(l, 200000);
    ok(alive(l) == 0, "a minute of silence ends it");
    report_of(l, 200000, "s//v", "e=rr sta=p");
    ok(alive(l) == 1 && total(l, QOE_METRIC_VIEWS_CONTINUED_TOTAL) == 1,
       "after silence a response goes on with it");
    lane_free(l);
}


static void
test_duplicates(void)
{
    lane_t  *l;

    l = begin();
    state(l, 0, "s//v", QOE_PLAYER_STARTING);
    state(l, 2000, "s//v", QOE_PLAYER_PLAYING);
    plays(l, 10000, 20000, "s//v");
    sn--;
    plays(l, 20000, 20000, "s//v");
    sn--;
    plays(l, 20000, 30000, "s//v");
    state(l, 32000, "s//v", QOE_PLAYER_ENDED);
    ok(came_to(l, 1, 1, 0, 30000) && gaps(l) == 0
       && counted(l, QOE_COUNT_EVENTS_DUPLICATE) == 2
       && total(l, QOE_METRIC_CMCD_REPORTS) == 6
       && total(l, QOE_METRIC_EVENTS_TOTAL) == 8,
       "a report that comes three times counts once, but for events_total");
    lane_free(l);
}


/* Whose attributes the view has, from which all of its points take them. */

static void
test_attributes(void)
{
    size_t   i;
    lane_t  *l;
    static const struct {
        const char  *claim;
        const char  *of;
        const char  *data;
        double       first;
        double       second;
    } rows[] = {
        { "a later report of the view changes its attributes", "s//v",
          "e=t sta=p country=FR", 0, 1 },
        { "one that leaves out the content changes none", "s//",
          "e=t sta=p country=FR", 1, 0 },
        { "nor does one that leaves out the type of the stream", "s//v",
          "e=t sta=p country=FR stream=", 1, 0 },
        { "nor does an ad", "s//ad", "e=as sta=p country=FR stream=v", 1, 0 }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        l = begin();
        report_of(l, 0, "s//v", i == 2 ? "e=t sta=p country=DE stream=v"
                                       : "e=t sta=p country=DE");
        report_of(l, 10000, rows[i].of, rows[i].data);
        pass(l, 2000000);
        ok(total_with(l, QOE_METRIC_VIEWS_TOTAL, "DE") == rows[i].first
           && total_with(l, QOE_METRIC_VIEWS_TOTAL, "FR") == rows[i].second
           && total(l, QOE_METRIC_VIEWS_TOTAL) == 1, "%s", rows[i].claim);
        lane_free(l);
    }

    l = begin();
    tell(l, 0, "s/a/v", "playing", "at=0 country=DE");
    tell(l, 10000, "s/a/v", "heartbeat", "at=10000 country=DE");
    report_of(l, 11000, "s//v", "e=t sta=p country=FR");
    report_of(l, 12000, "s//w", "e=rr sta=p ttlb=50 country=FR");
    tell(l, 20000, "s/a/v", "heartbeat", "at=20000 country=DE");
    pass(l, 2000000);
    ok(total_with(l, QOE_METRIC_VIEWS_TOTAL, "DE") == 1
       && total(l, QOE_METRIC_VIEWS_TOTAL) == 1
       && total_with(l, QOE_METRIC_CMCD_REPORTS, "DE") == 2
       && total_with(l, QOE_METRIC_DELIVERY_CLIENT_TTLB, "DE") == 50,
       "the attributes of an SDK's view are the SDK's, and its reports have "
       "them");
    lane_free(l);

    l = begin();
    report_of(l, 0, "s//v", "e=t sta=p country=FR");
    report_of(l, 10000, "s//v", "e=t sta=p country=FR");
    tell(l, 15000, "s/a/v", "heartbeat",
         "at=15000 playing_time=15000 country=DE");
    pass(l, 2000000);
    ok(total_with(l, QOE_METRIC_VIEWS_TOTAL, "DE") == 1
       && total(l, QOE_METRIC_VIEWS_TOTAL) == 1,
       "an SDK's event gives the view of reports its attributes");
    lane_free(l);

    l = begin();
    report_of(l, 0, "s//v", "e=ps sta=d country=FR");
    ok(total_with(l, QOE_METRIC_CMCD_REPORTS, "FR") == 1
       && total_with(l, QOE_METRIC_EVENTS_TOTAL, "FR") == 1,
       "a report without a view has its own attributes");
    lane_free(l);
}


static void
test_source(void)
{
    size_t   count;
    lane_t  *l;

    l = begin();
    report_of(l, 0, "s//v", "e=ps sta=d");
    report_of(l, 1000, "s//v", "e=t sta=p");
    report_of(l, 11000, "s//v", "e=t sta=p");
    report_of(l, 11900, "s//v", "e=bc");
    ok(total_of(l, QOE_METRIC_PLAYING_TIME_SECONDS, "source", &count) == 10
       && total(l, QOE_METRIC_PLAYING_TIME_SECONDS) == 10
       && total_of(l, QOE_METRIC_EVENTS_TOTAL, "source", &count) == 4,
       "what reports say has a source of its own, with a view or without");
    ok(total_of(l, QOE_METRIC_CMCD_REPORTS, "source", &count) == 0,
       "the metrics of CMCD need none");

    tell(l, 12000, "s/a/v", "heartbeat", "at=11000 playing_time=11000");
    tell(l, 22000, "s/a/v", "heartbeat", "at=21000 playing_time=21000");
    tell(l, 23000, "s/a/v", "fpsdrop", "");
    ok(total_of(l, QOE_METRIC_PLAYING_TIME_SECONDS, "source", &count) == 10
       && total(l, QOE_METRIC_PLAYING_TIME_SECONDS) == 21,
       "what an SDK says of the same view has none");
    lane_free(l);
}


/* A session is forgotten two hours after its last report. */

static void
test_forgotten(void)
{
    lane_t  *l;

    l = begin();
    report_of(l, 0, "s//v", "e=ps sta=d");
    report_of(l, 1000, "t//v", "e=ps sta=d");
    report_of(l, 2000, "s//v", "e=ps sta=d");
    ok(qoe_apply_due_ms(l->apply) == LOG_START + 1000 + 7200000,
       "a session is as old as its last report");
    lane_free(l);
}


static void
test_which(void)
{
    lane_t  *l;

    l = begin();
    state(l, 10000, "s//w", QOE_PLAYER_PLAYING);
    plays(l, 15000, 15000, "s//w");
    state(l, 5000, "s//v", QOE_PLAYER_PLAYING);
    ok(alive(l) == 2, "a video whose reports come late is a view as well");
    state(l, 20000, "s//", QOE_PLAYER_ENDED);
    ok(came_to(l, 1, 1, 0, 10000) && alive(l) == 1,
       "the view that began last is that, in whatever order reports come");
    lane_free(l);

    l = begin();
    state(l, 0, "s//v", QOE_PLAYER_PLAYING);
    plays(l, 10000, 10000, "s//v");
    report_of(l, 12000, "s//w", "e=c sta=p");
    plays(l, 22000, 22000, "s//w");
    ok(alive(l) == 1 && came_to(l, 2, 0, 1, 12000),
       "a content that has changed for good ends the view before at once");
    lane_free(l);

    l = begin();
    report_of(l, 0, "s//v", "e=as sta=s");
    state(l, 1000, "s//ad", QOE_PLAYER_PLAYING);
    plays(l, 11000, 11000, "s//ad");
    ok(alive(l) == 1 && total(l, QOE_METRIC_VIEWS_STARTED_TOTAL) == 1,
       "an ad before the video belongs to the view of the video");
    report_of(l, 12000, "s//ad", "e=ae sta=p");
    plays(l, 22000, 22000, "s//v");
    ok(alive(l) == 1, "which goes on when the ad is over");
    lane_free(l);
}


/* The first event of an SDK takes the view of reports over, and no other. */

static void
test_adopts(void)
{
    char         text[QOE_UUID_TEXT_LEN + 1];
    lane_t      *l;
    qoe_view_t  *v;

    l = begin();
    state(l, 0, "s//v", QOE_PLAYER_PLAYING);
    plays(l, 10000, 10000, "s//v");
    tell(l, 12000, "s/" VIEW "/v", "heartbeat", "at=12000 playing_time=12000");
    v = qoe_sessions_slot(l->st.sessions[0], 0);
    qoe_uuid_format(text, v->view_id);
    text[QOE_UUID_TEXT_LEN] = '\0';
    ok(alive(l) == 1 && strcmp(text, VIEW) == 0,
       "an SDK's view is known by the SDK's view_id");

    tell(l, 13000, "s/b/w", "playing", "at=0");
    tell(l, 13500, "s/" VIEW "/v", "heartbeat", "at=13500 playing_time=13500");
    ok(alive(l) == 2, "another view of the SDK is another view");
    lane_free(l);

    l = begin();
    state(l, 0, "s//v", QOE_PLAYER_PLAYING);
    plays(l, 10000, 10000, "s//v");
    tell(l, 12000, "s/a/", "heartbeat", "at=12000 playing_time=12000");
    tell(l, 13000, "s/a/w", "playing", "at=0");
    ok(came_to(l, 1, 0, 1, 13000) && alive(l) == 1,
       "an SDK that names no video leaves the view its name");
    lane_free(l);

    l = begin();
    state(l, 0, "s//v", QOE_PLAYER_PLAYING);
    plays(l, 10000, 10000, "s//v");
    state(l, 12000, "s//w", QOE_PLAYER_PLAYING);
    plays(l, 22000, 22000, "s//w");
    tell(l, 23000, "s/a/other", "heartbeat", "at=11000 playing_time=11000");
    tell(l, 33000, "s/a/other", "ended", "at=21000");
    ok(alive(l) == 1 && came_to(l, 2, 1, 0, 12000 + 21000),
       "of two views of reports an SDK with another name for the video goes on "
       "with the one that began last");
    lane_free(l);

    l = begin();
    report_of(l, 0, "s//v", "e=ps sta=d");
    tell(l, 1000, "s/a/v", "playing", "at=0");
    state(l, 2000, "s//v", QOE_PLAYER_PLAYING);
    ok(alive(l) == 1 && counted(l, QOE_COUNT_VIEWS_STARTED) == 1,
       "reports that made no view leave the SDK none to go on with");
    lane_free(l);
}


/* Each missing report is counted once, with the view that ends first. */

static void
test_gaps(void)
{
    lane_t  *l;

    l = begin();
    state(l, 0, "s//v", QOE_PLAYER_PLAYING);
    sn += 2;
    plays(l, 10000, 10000, "s//v");
    state(l, 12000, "s//w", QOE_PLAYER_PLAYING);
    plays(l, 22000, 22000, "s//w");
    report_of(l, 23000, "s//v", "e=ps sta=e");
    ok(gaps(l) == 2, "reports that are missing count when a view ends");
    report_of(l, 24000, "s//w", "e=ps sta=e");
    ok(gaps(l) == 2 && alive(l) == 0, "and not again with the next view");
    lane_free(l);
}


int
main(void)
{
    test_view();
    test_videos();
    test_sdk();
    test_begins();
    test_duplicates();
    test_attributes();
    test_source();
    test_forgotten();
    test_which();
    test_adopts();
    test_gaps();

    return tap_end();
}
