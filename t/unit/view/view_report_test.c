
/*
 * Copyright (C) OpenQoE
 *
 * A report of CMCD: which points it makes by itself, whether its state is to be
 * believed, and what it shows about a stall between reports that are missing.
 */


#include "view_events.h"


/* A player that starts for a second, plays, and reports so 10 s later. */

#define PLAYS  "0 report e=ps sta=s; 1000 report e=ps sta=p;"                 \
               "11000 report e=t sta=p bsda=0;"


static qoe_sample_t
sample(const char *data)
{
    static char   buf[256];
    qoe_sample_t  s;

    snprintf(buf, sizeof(buf), "%s", data);
    make_sample(&s, "report", LOG_START, LOG_START, buf);

    return s;
}


static void
test_counts(void)
{
    char       text[64], extra[64];
    size_t     i;
    stream_t  *t;
    static const struct {
        const char    *token;
        const char    *name;
    } events[] = {
        { "ps", "state" }, { "t", "heartbeat" }, { "rr", "fragmentloaded" },
        { "e", "error" }, { "bc", "qualitychange" }, { "b", "background" },
        { "pr", "playbackratechange" }, { "m", "mute" }, { "um", "unmute" },
        { "c", "content_change" }, { "h", "host_change" },
        { "as", "ad_start" }, { "ae", "ad_end" }, { "abs", "ad_break_start" },
        { "abe", "ad_break_end" }, { "sk", "ad_skip" },
        { "pe", "player_expand" }, { "pc", "player_collapse" },
        { "ce", "custom_event" }
    };

    for (i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
        t = stream();
        snprintf(text, sizeof(text), "0 report e=%s", events[i].token);
        snprintf(extra, sizeof(extra), "event_type=%s", events[i].name);
        script(t, text);

        ok(made(t, QOE_METRIC_CMCD_REPORTS, 1, 1, extra)
           && count_of(t, QOE_METRIC_EVENTS_TOTAL) == 1,
           "a report with e=%s counts as %s", events[i].token,
           events[i].name);
    }

    ok(i == QOE_REPORT_EVENTS_N, "every kind of report is counted");

    t = stream();
    script(t, PLAYS "again; 12000 report e=rr sta=r rc=500 ttlb=9 error_code=x;"
              "22000 report e=t sta=p; end");
    ok(count_of(t, QOE_METRIC_CMCD_REPORTS) == 4
       && count_of(t, QOE_METRIC_EVENTS_TOTAL) == 5
       && count_of(t, QOE_METRIC_DELIVERY_CLIENT_ERRORS) == 0
       && count_of(t, QOE_METRIC_DELIVERY_CLIENT_TTLB) == 0
       && count_of(t, QOE_METRIC_ERRORS_TOTAL) == 0
       && played_ms(t, 21000) && stalled_ms(t, 0, 0),
       "of a report that came before only the event counts");

    t = stream();
    script(t, PLAYS "21000 report e=t sta=p; again; 22000 report e=t sta=p");
    ok(t->last == QOE_VIEW_DUPLICATE,
       "a report that came before is a duplicate");

    script(t, "5000 report e=ps sta=a error_code=late; "
              "31000 report e=t sta=p; end");
    ok(made(t, QOE_METRIC_CMCD_REPORTS, 6, 6, "event_type=heartbeat")
       && count_of(t, QOE_METRIC_PAUSE_EVENTS_TOTAL) == 0
       && count_of(t, QOE_METRIC_ERRORS_TOTAL) == 0 && played_ms(t, 30000),
       "a report that is older than what was judged counts, and changes "
       "nothing");

    t = stream();
    script(t, PLAYS "20000 report e=t sta=p; 5000 report e=ps sta=a");
    ok(t->last == QOE_VIEW_OLD, "such a report is an old one");
}


static void
test_response(void)
{
    char       text[128];
    size_t     i;
    stream_t  *t;
    static const struct {
        const char    *claim;
        const char    *data;
        double         ttlb;
        double         ttfb;
        const char    *class;
    } rows[] = {
        { "a response has the times that the client saw",
          "ttlb=100 ttfb=40 rc=200", 100, 40, NULL },
        { "its first byte may be its last one", "ttlb=100 ttfb=100", 100, 100,
          NULL },
        { "a first byte after the last one is no time", "ttlb=100 ttfb=101",
          100, NONE, NULL },
        { "a response may take nearly ten minutes", "ttlb=599999 ttfb=1",
          599999, 1, NULL },
        { "ten minutes are no response, nor is its first byte",
          "ttlb=600000 ttfb=1", NONE, NONE, NULL },
        { "a first byte alone is no time", "ttfb=40", NONE, NONE, NULL },
        { "0 is the code of a response that never came", "rc=0", NONE, NONE,
          "none" },
        { "so are those below 100", "rc=99", NONE, NONE, "none" },
        { "100 is no failure", "rc=100", NONE, NONE, NULL },
        { "399 is none", "rc=399", NONE, NONE, NULL },
        { "400 is one of the client", "rc=400", NONE, NONE, "4xx" },
        { "499 is, too", "rc=499", NONE, NONE, "4xx" },
        { "500 is one of the server", "rc=500", NONE, NONE, "5xx" },
        { "599 is, too", "rc=599", NONE, NONE, "5xx" },
        { "without a code there is no failure", "ttlb=7", 7, NONE, NULL }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        t = stream();
        snprintf(text, sizeof(text), "0 report e=rr %s media_type=audio",
                 rows[i].data);
        script(t, text);
        snprintf(text, sizeof(text), "status_class=%s",
                 rows[i].class != NULL ? rows[i].class : "");

        ok(made(t, QOE_METRIC_DELIVERY_CLIENT_TTLB, rows[i].ttlb != NONE,
                qoe_max(rows[i].ttlb, 0),
                rows[i].ttlb != NONE ? "media_type=audio" : "")
           && made(t, QOE_METRIC_DELIVERY_CLIENT_TTFB, rows[i].ttfb != NONE,
                   qoe_max(rows[i].ttfb, 0),
                   rows[i].ttfb != NONE ? "media_type=audio" : "")
           && made(t, QOE_METRIC_DELIVERY_CLIENT_ERRORS,
                   rows[i].class != NULL, rows[i].class != NULL,
                   rows[i].class != NULL ? text : ""),
           "%s", rows[i].claim);
    }

    t = stream();
    script(t, "0 report e=t sta=p ttlb=100 ttfb=40 rc=500");
    ok(count_of(t, QOE_METRIC_DELIVERY_CLIENT_TTLB) == 0
       && count_of(t, QOE_METRIC_DELIVERY_CLIENT_TTFB) == 0
       && count_of(t, QOE_METRIC_DELIVERY_CLIENT_ERRORS) == 0,
       "only reports about a response have them");

    t = stream();
    script(t, PLAYS "20000 report e=ps sta=e;"
              "20010 report e=rr ttlb=100 ttfb=40 rc=404");
    ok(count_of(t, QOE_METRIC_DELIVERY_CLIENT_TTLB) == 1
       && count_of(t, QOE_METRIC_DELIVERY_CLIENT_ERRORS) == 1
       && outcome(t, "completed"),
       "a response counts also when its view is over");

    t = stream();
    script(t, "0 canplay video_startup_time=0 at=0; 0 playing at=0;"
              "5000 report e=rr sta=a ttlb=100 rc=404 error_code=x msd=500;"
              "10000 heartbeat at=10000; end");
    ok(count_of(t, QOE_METRIC_DELIVERY_CLIENT_TTLB) == 1
       && count_of(t, QOE_METRIC_DELIVERY_CLIENT_ERRORS) == 1
       && count_of(t, QOE_METRIC_ERRORS_TOTAL) == 0
       && count_of(t, QOE_METRIC_PAUSE_EVENTS_TOTAL) == 0
       && startup_ms(t, 0) && played_ms(t, 10000),
       "a response counts in the view of an SDK, which it does not change");
}


static void
test_time(void)
{
    size_t         i;
    qoe_sample_t   s;
    static const struct {
        const char    *claim;
        const char    *data;
        uint64_t       at_ms;
    } rows[] = {
        { "a report about a response was made when that was complete",
          "e=rr ttlb=300", 1300 },
        { "that is at once for a response of no time", "e=rr ttlb=0", 1000 },
        { "a response of nearly ten minutes moves it by as much",
          "e=rr ttlb=599999", 600999 },
        { "one of ten minutes does not", "e=rr ttlb=600000", 1000 },
        { "nor does a negative time", "e=rr ttlb=-1", 1000 },
        { "nor one that is missing", "e=rr ttfb=300", 1000 },
        { "other reports were made at their own time", "e=t ttlb=300", 1000 }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        s = sample(rows[i].data);
        ok(qoe_report_time(&s, 1000) == rows[i].at_ms, "%s", rows[i].claim);
    }
}


static void
test_states(void)
{
    char          data[16];
    size_t        i;
    bool          wants;
    qoe_sample_t  s;

    static const char  states[] = "dspkrwaefq";

    for (i = 0; states[i] != '\0'; i++) {
        snprintf(data, sizeof(data), "e=ps sta=%c", states[i]);
        s = sample(data);
        wants = (strchr("spkrw", states[i]) != NULL);

        ok((qoe_report_type(&s) == QOE_EVENT_PLAYING) == wants
           && (wants || qoe_report_type(&s) == s.type)
           && qoe_report_begins(&s) == (wants || states[i] == 'f'),
           "the state %c %s", states[i],
           wants ? "begins a view, as a `playing` does"
                 : states[i] == 'f' ? "begins a view, which failed"
                                    : "begins no view");
    }

    s = sample("e=t");
    s.type = QOE_EVENT_PLAYING;
    ok(qoe_report_type(&s) == QOE_EVENT_HEARTBEAT && !qoe_report_begins(&s),
       "no type makes a report without a state the begin of a view");
    s = sample("e=bc");
    ok(qoe_report_type(&s) == QOE_EVENT_QUALITYCHANGE
       && !qoe_report_begins(&s),
       "a report without a state has the type of what it reports");

    s = sample("e=t");
    ok(qoe_report_leaves(&s), "a report may leave a content for a while");
    s = sample("e=c");
    ok(!qoe_report_leaves(&s), "unless it says that the content has changed");
    s = sample("");
    ok(!qoe_report_leaves(&s), "an event of an SDK is no report");
}


/* Whose state is believed. */

static void
test_tells(void)
{
    size_t        i;
    qoe_past_t    past;
    qoe_view_t    v;
    qoe_sample_t  s;

    enum { NO_VIEW = -1 };

    static const struct {
        const char    *claim;
        const char    *data;
        int            state;                /* of the view */
        int            past;                 /* how the last view ended */
        bool           lost;
        bool           tells;
    } rows[] = {
        { "a change of the state is believed", "e=ps sta=p", 1, -1, false,
          true },
        { "a change of the state is believed after the end, too",
          "e=ps sta=p", NO_VIEW, QOE_VIEW_ENDED, false, true },
        { "a heartbeat is believed", "e=t sta=p", 1, -1, false, true },
        { "a report without a state says nothing", "e=ps", 1, -1, true,
          false },
        { "a response's state is older or newer than what was reported",
          "e=rr sta=p", 1, -1, false, false },
        { "it is needed where reports are missing", "e=rr sta=p", 1, -1,
          true, true },
        { "it is needed where no state has arrived", "e=rr sta=p", 0, -1,
          false, true },
        { "it is believed where there was no view", "e=rr sta=p", NO_VIEW, -1,
          false, true },
        { "it is not after the end that the player reported", "e=rr sta=p",
          NO_VIEW, QOE_VIEW_ENDED, false, false },
        { "nor after the player was taken away", "e=rr sta=p", NO_VIEW,
          QOE_VIEW_DETACHED, true, false },
        { "nor after another video came", "e=rr sta=p", NO_VIEW,
          QOE_VIEW_REPLACED, false, false },
        { "it is after silence", "e=rr sta=p", NO_VIEW, QOE_VIEW_SILENT,
          false, true },
        { "it is if the view had to make room", "e=rr sta=p", NO_VIEW,
          QOE_VIEW_EVICTED, false, true }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        memset(&v, 0, sizeof(v));
        memset(&past, 0, sizeof(past));
        v.told_state = (uint8_t) (rows[i].state == NO_VIEW ? 0 : rows[i].state);
        past.why = (uint32_t) rows[i].past;
        s = sample(rows[i].data);

        ok(qoe_report_tells(rows[i].state == NO_VIEW ? NULL : &v,
                            rows[i].past < 0 ? NULL : &past, &s, rows[i].lost)
           == rows[i].tells, "%s", rows[i].claim);
    }
}


static bool
lacks(qoe_view_t *v, const char *data)
{
    qoe_sample_t  s;

    s = sample(data);

    return qoe_report_lacks(v, &s);
}


static void
test_lacks(void)
{
    qoe_view_t  v;

    memset(&v, 0, sizeof(v));

    ok(!lacks(&v, "e=t") && !lacks(&v, "e=t video=film"),
       "a report that names more than those before lacks nothing");
    ok(lacks(&v, "e=t"), "one that leaves out the content does");
    ok(!lacks(&v, "e=t video=film stream=v") && lacks(&v, "e=t video=film")
       && lacks(&v, "e=t stream=v") && lacks(&v, "e=t")
       && !lacks(&v, "e=t video=film stream=v"),
       "so does one that leaves out the type of the stream");

    memset(&v, 0, sizeof(v));
    ok(!lacks(&v, "e=t stream=v") && lacks(&v, "e=t")
       && lacks(&v, "e=t video=film") && !lacks(&v, "e=t stream=l"),
       "the type of the stream may be named first");
}


static void
test_errors(void)
{
    stream_t  *t;

    t = stream();
    script(t, PLAYS "12000 report e=e sta=p error_code=7;"
              "13000 report e=t sta=p error_code=7;"
              "13010 report e=ps sta=r error_code=7");
    ok(made(t, QOE_METRIC_ERRORS_TOTAL, 1, 1,
            "error_family=unknown,error_code=7"),
       "a code that later reports repeat is one error");

    script(t, "14000 report e=t sta=p error_code=8");
    ok(made(t, QOE_METRIC_ERRORS_TOTAL, 2, 2,
            "error_family=unknown,error_code=8"),
       "another code is another error, whatever reports it");

    script(t, "14001 report e=t sta=p error_code=7");
    ok(count_of(t, QOE_METRIC_ERRORS_TOTAL) == 3 && t->v.errors == 3,
       "so is the first code once there was another one");

    t = stream();
    script(t, PLAYS "12000 report e=ps sta=f; 12100 report e=e sta=f");
    ok(count_of(t, QOE_METRIC_ERRORS_TOTAL) == 1,
       "a failure and an error without a code within 100 ms are one error");
    script(t, "12102 report e=e sta=f");
    ok(made(t, QOE_METRIC_ERRORS_TOTAL, 2, 2,
            "error_family=unknown,error_code=unknown"),
       "those further apart are two");

    t = stream();
    script(t, PLAYS "12000 report e=t sta=p error_code=7;"
              "12050 report e=ps sta=f");
    ok(count_of(t, QOE_METRIC_ERRORS_TOTAL) == 1,
       "a failure just after an error with a code is that error");

    t = stream();
    script(t, PLAYS "12000 report e=t sta=p; 13000 report e=rr sta=p rc=500");
    ok(count_of(t, QOE_METRIC_ERRORS_TOTAL) == 0,
       "reports of other kinds without a code are no errors");
}


static int
startups(const stream_t *t, double ms)
{
    return startup_ms(t, ms)
           && made(t, QOE_METRIC_VIDEO_STARTUP_SECONDS, ms != NONE,
                   ms != NONE ? ms / 1000 : 0, "")
           && made(t, QOE_METRIC_AGGREGATE_STARTUP_TIME, ms != NONE,
                   ms != NONE ? ms : 0, "");
}


static void
test_startup(void)
{
    size_t     i;
    stream_t  *t;
    static const struct {
        const char    *claim;
        const char    *script;
        bool           continued;
        double         startup;
    } rows[] = {
        { "a view whose begin was missed has the delay that the player reports",
          "0 report e=t sta=p msd=800; 10000 report e=t sta=p; end", false,
          800 },
        { "so it has if the delay comes later",
          "0 report e=t sta=p; 10000 report e=t sta=p msd=700; "
          "20000 report e=t sta=p msd=900; end", false, 700 },
        { "a view that goes on after silence has none",
          "0 report e=t sta=p; 10000 report e=t sta=p msd=700; end", true,
          NONE },
        { "20 ms are a delay",
          "0 report e=t sta=p msd=20; 10000 report e=t sta=p; end", false,
          20 },
        { "19 ms are none",
          "0 report e=t sta=p msd=19; 10000 report e=t sta=p; end", false,
          NONE },
        { "what was measured counts more than the delay",
          "0 report e=ps sta=s; 1500 report e=ps sta=p; "
          "10000 report e=t sta=p msd=700; end", false, 1500 },
        { "a delay that is reported before anything plays is none",
          "0 report e=ps sta=s msd=700; 1500 report e=ps sta=p; "
          "10000 report e=t sta=p; end", false, 1500 },
        { "nor is one in a report of another state",
          "0 report e=t sta=p; 10000 report e=ps sta=a msd=700; end", false,
          NONE },
        { "nor is one of an error",
          "0 report e=t sta=p; 10000 report e=e msd=700; end", false, NONE },
        { "without a delay there is none",
          "0 report e=t sta=p; 10000 report e=t sta=p; end", false, NONE }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        t = stream();
        t->birth.continued = rows[i].continued;
        script(t, rows[i].script);

        ok(startups(t, rows[i].startup), "%s", rows[i].claim);
    }
}


/* What the player's own sums show of a gap without reports. */

static void
test_gap(void)
{
    size_t     i;
    stream_t  *t;
    static const struct {
        const char    *claim;
        const char    *script;
        unsigned       stalls;
        double         stalled;
        double         playing;
    } rows[] = {
        { "a stall among reports that are missing counts by the player's sum",
          PLAYS "lost; 21000 report e=t sta=p bsda=3000;"
          "31000 report e=t sta=p bsda=3000; end", 1, 3000, 27000 },
        { "so it does by the stalls since the last report",
          PLAYS "lost; 21000 report e=t sta=p bsd=3000;"
          "31000 report e=t sta=p; end", 1, 3000, 27000 },
        { "where no report is missing the sum changes nothing",
          PLAYS "21000 report e=t sta=p bsda=3000;"
          "31000 report e=t sta=p bsda=3000; end", 0, 0, 30000 },
        { "a sum that is known already is no stall of a later gap",
          PLAYS "21000 report e=t sta=p bsda=3000;"
          "lost; 31000 report e=t sta=p bsda=3000; end", 0, 0, 30000 },
        { "only what was added since is one",
          PLAYS "21000 report e=t sta=p bsda=3000;"
          "lost; 31000 report e=t sta=p bsda=5000; end", 1, 2000, 28000 },
        { "249 ms are no stall",
          PLAYS "lost; 21000 report e=t sta=p bsda=249;"
          "31000 report e=t sta=p; end", 0, 0, 30000 },
        { "250 ms are one",
          PLAYS "lost; 21000 report e=t sta=p bsda=250;"
          "31000 report e=t sta=p; end", 1, 250, 29750 },
        { "a stall is at most as long as the gap",
          PLAYS "lost; 21000 report e=t sta=p bsda=15000;"
          "31000 report e=t sta=p; end", 1, 10000, 20000 },
        { "a gap of 249 ms has none",
          PLAYS "lost; 11249 report e=t sta=p bsda=3000;"
          "21249 report e=t sta=p; end", 0, 0, 20249 },
        { "a gap of 250 ms has one",
          PLAYS "lost; 11250 report e=t sta=p bsda=3000;"
          "21250 report e=t sta=p; end", 1, 250, 20000 },
        { "a stall that the states have shown counts once",
          PLAYS "12000 report e=ps sta=r; 15000 report e=ps sta=p;"
          "25000 report e=t sta=p; lost; 35000 report e=t sta=p bsda=3000;"
          "45000 report e=t sta=p; end", 1, 3000, 41000 },
        { "where the sum is more than the states have shown, the rest counts",
          PLAYS "12000 report e=ps sta=r; 15000 report e=ps sta=p;"
          "25000 report e=t sta=p; lost; 35000 report e=t sta=p bsda=4000;"
          "45000 report e=t sta=p; end", 2, 4000, 40000 },
        { "a stall that was found so is not found again",
          PLAYS "lost; 21000 report e=t sta=p bsda=3000;"
          "lost; 31000 report e=t sta=p bsda=3000;"
          "lost; 41000 report e=t sta=p bsda=3200;"
          "51000 report e=t sta=p; end", 1, 3000, 47000 },
        { "a sum that was not sent shows nothing",
          PLAYS "lost; 21000 report e=t sta=p; 31000 report e=t sta=p; end",
          0, 0, 30000 },
        { "a player that waited before the gap stalls until it plays",
          PLAYS "12000 report e=ps sta=r; 13000 report e=t sta=r;"
          "lost; 21000 report e=t sta=p bsda=8000;"
          "31000 report e=t sta=p; end", 1, 9000, 21000 },
        { "a wait that was just reported is that stall",
          PLAYS "20800 report e=ps sta=r;"
          "lost; 21100 report e=t sta=p bsda=5000; 31100 report e=t sta=p; "
          "end", 1, 300, 29800 },
        { "so is one that is reported as waiting",
          PLAYS "20800 report e=ps sta=w;"
          "lost; 21100 report e=t sta=p bsda=5000; 31100 report e=t sta=p; "
          "end", 1, 300, 29800 },
        { "a player that paused before the gap did not stall",
          PLAYS "12000 report e=ps sta=a; 13000 report e=t sta=a;"
          "lost; 21000 report e=t sta=p bsda=5000;"
          "31000 report e=t sta=p; end", 0, 0, 21000 },
        { "nor did one that has not started",
          "0 report e=ps sta=s; lost; 5000 report e=t sta=p bsda=3000;"
          "15000 report e=t sta=p; end", 0, 0, 10000 },
        { "a report of another state in its place shows the stall as well",
          PLAYS "lost; 21000 report e=ps sta=a bsda=3000;"
          "22000 report e=t sta=a; end", 1, 3000, 17000 }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        t = stream();
        script(t, rows[i].script);

        ok(stalled_ms(t, rows[i].stalls, rows[i].stalled)
           && played_ms(t, rows[i].playing), "%s", rows[i].claim);
    }
}


static void
test_moments(void)
{
    stream_t  *t;

    t = stream();
    script(t, PLAYS "21000 report e=t sta=a; 31000 report e=t sta=a;"
              "41000 report e=t sta=p; 51000 report e=t sta=p; end");
    ok(made(t, QOE_METRIC_PAUSE_EVENTS_TOTAL, 1, 1, "")
       && played_ms(t, 30000),
       "the state in a heartbeat takes the place of a state that was lost");

    t = stream();
    script(t, PLAYS "11900 report e=bc sta=p; end");
    ok(played_ms(t, 10900),
       "the time until the last report counts, which needs no proof");

    t = stream();
    script(t, PLAYS "12000 report e=rr sta=a; 21000 report e=t sta=p; end");
    ok(count_of(t, QOE_METRIC_PAUSE_EVENTS_TOTAL) == 0 && played_ms(t, 20000),
       "the state in a response does not, if nothing is missing");

    t = stream();
    script(t, PLAYS "lost; 12000 report e=rr sta=a;"
              "21000 report e=t sta=a; end");
    ok(count_of(t, QOE_METRIC_PAUSE_EVENTS_TOTAL) == 1 && played_ms(t, 11000),
       "but it does where reports are missing");

    t = stream();
    script(t, PLAYS "21000 report e=t sta=p; 31000 report e=t sta=p; quiet");
    ok(t->v.beat_ms == 10000 && t->v.state == 1 + QOE_PLAYER_PLAYING
       && t->v.told_state == 1 + QOE_PLAYER_PLAYING && t->v.events == 5,
       "heartbeats of the same state show how often they come");

    t = stream();
    script(t, "0 report e=ps sta=s; 1000 report e=ps sta=p;"
              "11000 report e=ps sta=k; 12000 report e=ps sta=p; "
              "22000 report e=ps sta=r; 23000 report e=ps sta=k;"
              "24000 report e=ps sta=p; 34000 report e=ps sta=e");
    ok(made(t, QOE_METRIC_SEEK_TOTAL, 1, 1, "")
       && made(t, QOE_METRIC_SEEK_LATENCY, 1, 1000, "")
       && made(t, QOE_METRIC_SEEK_LATENCY_SECONDS, 1, 1, "")
       && stalled_ms(t, 1, 2000) && played_ms(t, 30000),
       "a seek within a stall is none, any other one counts");

    t = stream();
    script(t, PLAYS "12000 report e=ps sta=r error_code=7;"
              "13000 report e=t sta=r error_code=7; end");
    ok(outcome(t, "playback_failure"),
       "a stall in which an error is named, and that never ends, is a "
       "failure");

    t = stream();
    script(t, PLAYS "12000 report e=ps sta=r; 13000 report e=t sta=r; end");
    ok(outcome(t, "played"), "without an error it is none");
}


static void
test_missing(void)
{
    qoe_points_t  points;

    qoe_points_clear(&points);
    qoe_report_missing(&points, 0);
    ok(points.n == 0, "no missing report makes no point");

    qoe_report_missing(&points, 7);
    ok(points.n == 1 && points.point[0].value == 7
       && points.point[0].metric == QOE_METRIC_CMCD_SEQUENCE_GAPS
       && points.point[0].nextra == 0, "missing reports are counted");
}


int
main(void)
{
    test_counts();
    test_response();
    test_time();
    test_states();
    test_tells();
    test_lacks();
    test_errors();
    test_startup();
    test_gap();
    test_moments();
    test_missing();

    return tap_end();
}
