
/*
 * Copyright (C) OpenQoE
 *
 * How long a view may be silent: which silence ends it and when, until when it
 * counts as watched, and what another video does to it.
 */


#include "view_events.h"


#define BEGUN  "0 canplay video_startup_time=0 at=0; 0 playing at=0;"


static void
test_due(void)
{
    size_t                 i;
    qoe_view_t             v;
    static const qoe_view_conf_t  other[] = {
        { 600000, 3600000, 180000 },
        { 20000, 3600000, 180000 },
        { 600000, 20000, 180000 },
        { 600000, 3600000, 20000 },
        { 30001, 30001, 30001 }
    };
    static const struct {
        const char        *claim;
        size_t             conf;
        qoe_silence_t      silence;
        uint64_t           ms;
    } rows[] = {
        { "a view that plays has the first of the timeouts", 0,
          QOE_SILENCE_ACTIVE, 600000 },
        { "a hidden view has that of hidden ones", 0, QOE_SILENCE_HIDDEN,
          180000 },
        { "a paused view has that of paused ones", 0, QOE_SILENCE_PAUSED,
          3600000 },
        { "a view of reports has a minute", 0, QOE_SILENCE_REPORTS, 60000 },
        { "but no more than the timeout", 1, QOE_SILENCE_REPORTS, 20000 },
        { "a view is fresh for 30 s", 0, QOE_SILENCE_FRESH, 30000 },
        { "but no longer than the timeout", 1, QOE_SILENCE_FRESH, 20000 },
        { "or that of paused views", 2, QOE_SILENCE_FRESH, 20000 },
        { "or that of hidden views", 3, QOE_SILENCE_FRESH, 20000 },
        { "longer timeouts change nothing", 4, QOE_SILENCE_FRESH, 30000 }
    };

    memset(&v, 0, sizeof(v));
    v.received_ms = LOG_START;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ok(qoe_view_due_ms(&v, rows[i].silence, &other[rows[i].conf])
           == LOG_START + rows[i].ms, "%s", rows[i].claim);
    }
}


static void
test_silence(void)
{
    size_t     i;
    stream_t  *t;
    static const struct {
        const char    *claim;
        const char    *script;
        qoe_silence_t  silence;
    } rows[] = {
        { "a view that plays is active", BEGUN "5000 heartbeat at=5000",
          QOE_SILENCE_ACTIVE },
        { "so is one that stalls", BEGUN "5000 stallstart at=5000",
          QOE_SILENCE_ACTIVE },
        { "and one that has not started", "0 playerready",
          QOE_SILENCE_ACTIVE },
        { "a paused view is paused", BEGUN "5000 pause at=5000",
          QOE_SILENCE_PAUSED },
        { "so it is in a hidden page", BEGUN "5000 pause at=5000;"
          "6000 moveaway at=5000", QOE_SILENCE_PAUSED },
        { "a view that plays in a hidden page is hidden",
          BEGUN "5000 moveaway at=5000", QOE_SILENCE_HIDDEN },
        { "a page that came back is not hidden",
          BEGUN "5000 moveaway at=5000; 6000 moveback at=6000",
          QOE_SILENCE_ACTIVE },
        { "a view whose player was taken away is over after 30 s",
          BEGUN "5000 playbackdetached at=5000", QOE_SILENCE_FRESH },
        { "so is one that failed", BEGUN
          "5000 error at=5000 error_context.fatal=1", QOE_SILENCE_FRESH },
        { "and one that failed before it started",
          "0 playerready; 5000 error error_context.fatal=1",
          QOE_SILENCE_FRESH },
        { "and one whose player was taken away before it started",
          "0 playerready; 5000 playbackdetached", QOE_SILENCE_FRESH },
        { "an error that is not fatal ends no view before it started",
          "0 playerready; 5000 error error_context.fatal=0",
          QOE_SILENCE_ACTIVE },
        { "a view that started after its player was taken away goes on",
          "0 playerready; 100 playbackdetached; 200 canplay "
          "video_startup_time=0 at=0; 200 playing at=0; 2000 heartbeat "
          "at=1800", QOE_SILENCE_ACTIVE },

        { "a view of reports has its own silence",
          "0 report e=ps sta=s; 1000 report e=ps sta=p", QOE_SILENCE_REPORTS },
        { "so it has while it pauses",
          "0 report e=ps sta=p; 1000 report e=ps sta=a", QOE_SILENCE_REPORTS },
        { "reports every 30 s are awaited for a minute",
          "0 report e=t sta=p; 30000 report e=t sta=p", QOE_SILENCE_REPORTS },
        { "rarer ones for the time of a hidden view",
          "0 report e=t sta=p; 30001 report e=t sta=p", QOE_SILENCE_HIDDEN },
        { "up to half of that time apart",
          "0 report e=t sta=p; 90000 report e=t sta=p", QOE_SILENCE_HIDDEN },
        { "and even rarer ones for the time of a view that plays",
          "0 report e=t sta=p; 90001 report e=t sta=p", QOE_SILENCE_ACTIVE },
        { "a view of reports whose player quits is over after 30 s",
          "0 report e=ps sta=p; 1000 report e=ps sta=q", QOE_SILENCE_FRESH },
        { "a view of reports that an SDK describes as well is the SDK's",
          "0 report e=ps sta=p; 1000 pause at=1000", QOE_SILENCE_PAUSED }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        t = stream();
        script(t, rows[i].script);
        quiet(t);

        ok(qoe_view_silence(&t->v, &view_conf) == rows[i].silence, "%s",
           rows[i].claim);
    }
}


static void
test_times(void)
{
    stream_t  *t;

    t = stream();
    script(t, BEGUN "10000 heartbeat at=10000");
    ok(!qoe_view_quiet(&t->v, LOG_START + 40000)
       && qoe_view_quiet(&t->v, LOG_START + 40001),
       "a view is quiet once its last event is more than 30 s old");
    quiet(t);
    ok(!qoe_view_quiet(&t->v, LOG_START + 40000)
       && qoe_view_quiet(&t->v, LOG_START + 40001),
       "so it is when all of its events have been judged");

    t = stream();
    script(t, BEGUN "10000 playbackdetached at=10000; 10400 fpsdrop; quiet");
    ok(!qoe_view_lapsed(&t->v, LOG_START + 40000)
       && qoe_view_lapsed(&t->v, LOG_START + 40001),
       "a suspended view lapses after 30 s, whatever else comes");

    t = stream();
    script(t, BEGUN "10000 pause at=10000; quiet");
    ok(!qoe_view_lapsed(&t->v, LOG_START + 3600000),
       "a view that is not suspended does not lapse");
}


/* Until when a view counts, ms from the begin; 0: it does not. */

static void
test_concurrent(void)
{
    size_t     i;
    uint64_t   until;
    stream_t  *t;
    static const struct {
        const char    *claim;
        const char    *script;
        uint64_t       until;
    } rows[] = {
        { "a view counts for 30 s after its last event", BEGUN
          "9000 heartbeat at=9000; quiet", 39000 },
        { "beats of 10 s do not change that", BEGUN
          "10000..20000 heartbeat at=@; quiet", 50000 },
        { "rarer beats count three times their interval", BEGUN
          "10000 heartbeat at=10000; 20001 heartbeat at=20001; quiet",
          20001 + 3 * 10001 },
        { "a paused view does not count", BEGUN "9000 pause at=9000; quiet",
          0 },
        { "nor does a suspended one", BEGUN
          "9000 playbackdetached at=9000; quiet", 0 },
        { "nor one that nobody wants to play", "0 playerready; quiet", 0 },
        { "nor while that waits to be judged", "0 playerready", 0 },
        { "a stalled view counts", BEGUN "9000 stallstart at=9000; quiet",
          39000 },
        { "so does one that starts", "0 playing; 1 stallstart; quiet",
          30001 },
        { "a wish counts before it is judged", "0 playing", 30000 },
        { "so does that of a report", "0 report e=ps sta=p", 30000 },
        { "and a player that starts", "0 report e=ps sta=s", 30000 },
        { "but not one that preloads", "0 report e=ps sta=d", 0 },
        { "what has played counts though no event says so",
          "0 heartbeat playing_time=1", 30000 },
        { "what has played nothing does not",
          "0 heartbeat playing_time=0", 0 }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        t = stream();
        script(t, rows[i].script);

        until = rows[i].until != 0 ? LOG_START + rows[i].until : 0;

        ok(qoe_view_concurrent_ms(&t->v) == until
           && qoe_view_concurrent(&t->v, until)
           && !qoe_view_concurrent(&t->v, until + 1), "%s", rows[i].claim);
    }

    t->v.view_key = 0;
    t->v.phase = QOE_PHASE_PLAYING;
    ok(qoe_view_concurrent_ms(&t->v) == 0, "a free slot counts nothing");
}


/* Another video plays from at on; the view goes on later, or ends. */

static void
aside(stream_t *t, int64_t at)
{
    qoe_view_aside(&t->v, LOG_START + (uint64_t) at, &view_conf, &t->points);
    log_points(t);
}


static void
test_aside(void)
{
    stream_t    *t;
    qoe_view_t   before;

    t = stream();
    script(t, "0 report e=ps sta=s; 1000 report e=ps sta=p;"
              "11000 report e=t sta=p");
    aside(t, 14000);
    ok(played_ms(t, 13000) && t->v.phase == QOE_PHASE_PAUSED
       && t->v.state == 1 + QOE_PLAYER_PAUSED
       && t->v.told_state == 1 + QOE_PLAYER_PAUSED
       && count_of(t, QOE_METRIC_PAUSE_EVENTS_TOTAL) == 0
       && t->v.pauses == 0,
       "a view that played when another video began has played until then, "
       "and does not count a pause");

    script(t, "60000 report e=ps sta=p; 70000 report e=t sta=p; end");
    ok(played_ms(t, 23000) && stalled_ms(t, 0, 0) && outcome(t, "played")
       && sum_of(t, QOE_METRIC_WATCH_TIME_SECONDS) >= 23,
       "it may go on later, and the time between counts nothing");

    t = stream();
    script(t, "0 report e=ps sta=s; 1000 report e=ps sta=p;"
              "11000 report e=ps sta=r; 12000 report e=t sta=r");
    aside(t, 14000);
    ok(stalled_ms(t, 1, 3000) && played_ms(t, 10000)
       && t->v.phase == QOE_PHASE_PAUSED && t->v.wait.at_ms == 0,
       "a stall ends when another video begins");

    t = stream();
    script(t, "0 report e=ps sta=s; 1000 report e=ps sta=p;"
              "11000 report e=ps sta=f; 12000 report e=t sta=f");
    aside(t, 14000);
    ok(t->v.phase == QOE_PHASE_SUSPENDED && played_ms(t, 10000),
       "a view that failed stays suspended");
    script(t, "end");
    ok(outcome(t, "playback_failure"), "and has failed");

    t = stream();
    script(t, "0 report e=ps sta=s; 1000 report e=ps sta=p;"
              "11000 report e=ps sta=a; 11700 report e=t sta=a");
    before = t->v;
    aside(t, 14000);
    ok(memcmp(&before, &t->v, sizeof(before)) == 0 && t->points.n == 0,
       "a view that is paused does not change");

    t = stream();
    script(t, "0 report e=ps sta=s; 1000 report e=ps sta=p;"
              "11000 report e=t sta=p; 21000 report e=t sta=p");
    before = t->v;
    aside(t, 10999);
    ok(memcmp(&before, &t->v, sizeof(before)) == 0 && t->points.n == 0,
       "another video that began before what was judged changes nothing");

    t = stream();
    script(t, "0 report e=ps sta=s; 1000 report e=t sta=s");
    aside(t, 14000);
    ok(t->v.phase == QOE_PHASE_STARTING && played_ms(t, 0)
       && t->v.told_state == 1 + QOE_PLAYER_STARTING
       && t->v.nmoments == 0 && started(t, 0),
       "a view that has not started is judged, and starts no pause");

    t = stream();
    t->birth.at_ms = LOG_START;
    qoe_view_begin(&t->v, &t->birth);
    qoe_timeline_begin(&t->timeline, LOG_START);
    before = t->v;
    aside(t, 14000);
    ok(memcmp(&before, &t->v, sizeof(before)) == 0,
       "a view without an event does not change");
}


int
main(void)
{
    test_due();
    test_silence();
    test_times();
    test_concurrent();
    test_aside();

    return tap_end();
}
