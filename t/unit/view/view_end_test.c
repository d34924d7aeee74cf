
/*
 * Copyright (C) OpenQoE
 *
 * The end of a view: its outcome, errors that it survives, a player that is
 * taken away, silence, and when a view counts as concurrent.
 */


#include "view_events.h"
#include "qoe_view_priv.h"


#define BEGUN  "0 canplay video_startup_time=0 at=0; 0 playing at=0;"
#define FATAL  "error_context.fatal=1"


static const view_case_t  cases[] = {

    /* A fatal error, and what shows that it was none. */

    { "after a fatal error 9,999 ms of playing do not show that it was none",
      BEGUN "10000 error at=10000 " FATAL "; 10010 playing at=10000;"
      "20009 pause at=19999; end", "playback_failure", 0, 19999, 0, 0 },
    { "10 s of playing do",
      BEGUN "10000 error at=10000 " FATAL "; 10010 playing at=10000;"
      "20010 pause at=20000; end", "played", 0, 20000, 0, 0 },
    { "the playing before a second fatal error shows nothing about that",
      BEGUN "10000 error at=10000 " FATAL "; 10010 playing at=10000;"
      "19000 error at=18990 " FATAL "; 19010 playing at=18990;"
      "28000 pause at=27980; end", "playback_failure", 0, 27980, 0, 0 },
    { "`ended` completes a view at once",
      BEGUN "60000 ended at=60000", "completed", 0, 60000, 0, 0 },
    { "a view that falls silent was played up to its last event",
      BEGUN "10000..60000 heartbeat at=@; end", "played", 0, 60000, 0, 0 },
    { "a view that another video replaces was played until then",
      BEGUN "10000 heartbeat at=10000; 12000 replaced", "played", 0, 12000,
      0, 0 },
    { "a stall that another video replaces ends with its last event",
      BEGUN "10000 stallstart at=10000; 15000 heartbeat at=10000;"
      "18000 replaced", "played", 0, 10000, 1, 5000 },
    { "a paused view that another video replaces plays no more",
      BEGUN "10000 pause at=10000; 18000 replaced", "played", 0, 10000, 0, 0 },

    /* Errors do not end a view. */

    { "a fatal error after which nothing plays is a failure",
      BEGUN "10000 error at=10000 " FATAL "; 11000 playbackdetached at=10000;"
      "end", "playback_failure", 0, 10000, 0, 0 },
    { "ten seconds of playing show that an error was not fatal",
      BEGUN "10000 error at=10000 " FATAL "; 20000 heartbeat at=20000;"
      "20001 heartbeat at=20001; end", "played", 0, 20000, 0, 0 },
    { "nine do not", BEGUN "10000 error at=10000 " FATAL ";"
      "19000 heartbeat at=19000; end", "playback_failure", 0, 19000, 0, 0 },
    { "heartbeats without playing_time or position show the same",
      "0 canplay video_startup_time=0; 0 playing; 10000 error " FATAL ";"
      "10500 playing; 20000 heartbeat; 30000 heartbeat; end",
      "played", 0, 29500, 0, 0 },
    { "ten seconds of playing before an error do not show that",
      BEGUN "10000..30000 heartbeat at=@; 31000 error at=31000 " FATAL ";"
      "40000 heartbeat at=31000; end", "playback_failure", 0, 31000, 0, 0 },
    { "an error that is not fatal is no failure",
      BEGUN "10000 error at=10000; 11000 playbackdetached at=11000; end",
      "played", 0, 11000, 0, 0 },
    { "a video that ends is complete, whatever errors there were",
      BEGUN "10000 error at=10000 " FATAL "; 10500 playing at=10000;"
      "15000 ended at=14500", "completed", 0, 14500, 0, 0 },

    /* A player that is taken away, and comes back. */

    { "a player that is recovered after 310 ms goes on with its view",
      BEGUN "12000 playbackdetached at=12000; 12310 playing at=12000;"
      "30000 stallstart at=29690; 35000 stallend at=29690;"
      "60000 ended at=54690", "completed", 0, 54690, 1, 5000 },
    { "a player that is taken away before its first frame is an exit",
      "0 playing; 1 stallstart; 3000 playbackdetached; end",
      "exit_before_start", NONE, 0, 0, 0 },
    { "a player that starts after it was taken away has started",
      "0 playing at=0; 1 stallstart at=0; 3000 playbackdetached at=0;"
      "4000 stallend at=0; 14000 heartbeat at=10000; end",
      "played", 4000, 10000, 0, 0 }
};


static void
test_silence(void)
{
    size_t             i;
    uint64_t           last;
    stream_t          *t;
    static const struct {
        const char    *claim;
        const char    *script;
        qoe_silence_t  silence;
        uint64_t       after;                /* the last event, ms */
        uint64_t       due;
    } silences[] = {
        { "silence ends a view that plays after 10 minutes",
          BEGUN "10000 heartbeat at=10000", QOE_SILENCE_ACTIVE, 10000, 600000 },
        { "silence ends a view that starts after 10 minutes",
          "0 playing; 1 stallstart", QOE_SILENCE_ACTIVE, 1, 600000 },
        { "silence ends a view that stalls after 10 minutes",
          BEGUN "5000 stallstart", QOE_SILENCE_ACTIVE, 5000, 600000 },
        { "silence ends a paused view after 60 minutes",
          BEGUN "5000 pause at=5000", QOE_SILENCE_PAUSED, 5000, 3600000 },
        { "silence ends a hidden view after 3 minutes",
          BEGUN "5000 moveaway at=5000", QOE_SILENCE_HIDDEN, 5000, 180000 },
        { "a hidden view that is paused has the time of a paused view",
          BEGUN "5000 pause at=5000; 6000 moveaway at=5000",
          QOE_SILENCE_PAUSED, 6000, 3600000 },
        { "a view that is shown again has the time of a view that plays",
          BEGUN "5000 moveaway at=5000; 6000 moveback at=6000",
          QOE_SILENCE_ACTIVE, 6000, 600000 },
        { "a suspended view is over after 30 s",
          BEGUN "5000 playbackdetached at=5000", QOE_SILENCE_FRESH, 5000,
          30000 },
        { "of a player that has sent positions a heartbeat without any does "
          "not take a suspended view up again",
          BEGUN "5000 playbackdetached at=5000; 15000 heartbeat",
          QOE_SILENCE_FRESH, 15000, 30000 },
        { "a failed view is over after 30 s",
          BEGUN "5000 error at=5000 " FATAL, QOE_SILENCE_FRESH, 5000, 30000 },
        { "an error that says it is not fatal suspends no view",
          BEGUN "5000 error at=5000 error_context.fatal=0",
          QOE_SILENCE_ACTIVE, 5000, 600000 },
        { "an error that is not fatal ends no view before its first frame",
          "0 playing; 1 stallstart; 3000 error error_context.fatal=0",
          QOE_SILENCE_ACTIVE, 3000, 600000 },
        { "a fatal error before the first frame suspends the view",
          "0 playing; 1 stallstart; 3000 error " FATAL, QOE_SILENCE_FRESH,
          3000, 30000 },
        { "a player taken away before its first frame is over after 30 s",
          "0 playing; 1 stallstart; 3000 playbackdetached", QOE_SILENCE_FRESH,
          3000, 30000 }
    };

    for (i = 0; i < sizeof(silences) / sizeof(silences[0]); i++) {
        t = stream();
        script(t, silences[i].script);
        quiet(t);
        last = LOG_START + silences[i].after;

        ok(qoe_view_silence(&t->v, &view_conf) == silences[i].silence
           && qoe_view_due_ms(&t->v, silences[i].silence, &view_conf)
              == last + silences[i].due, "%s", silences[i].claim);
    }

    t = stream();
    t->delay_ms = 5000;
    script(t, "0 playing at=0");
    t->delay_ms = 0;
    script(t, "1000 heartbeat at=1000");
    ok(t->v.received_ms == LOG_START + 5000,
       "an event that overtook another leaves the last receipt as it is");

    t->delay_ms = (uint64_t) -3600000;
    script(t, "2000 heartbeat at=2000");
    ok(t->v.received_ms == LOG_START + 2000 - 3600000,
       "a server's clock that is set back does not lengthen the silence");

    t = stream();
    script(t, BEGUN "5000 playbackdetached at=5000; 5400 heartbeat at=5000");
    ok(!qoe_view_quiet(&t->v, LOG_START + 35400)
       && qoe_view_quiet(&t->v, LOG_START + 35401),
       "a view is quiet 30 s after its last event, judged or not");

    quiet(t);
    ok(!qoe_view_lapsed(&t->v, LOG_START + 35000)
       && qoe_view_lapsed(&t->v, LOG_START + 35001),
       "a suspended view has lapsed 30 s after it was suspended");
}


/* Heartbeats of reports, at intervals around what each silence covers. */

static void
test_reported(void)
{
    size_t                 i;
    stream_t              *t;
    qoe_view_conf_t        conf;
    static const struct {
        const char        *claim;
        uint32_t           interval;
        uint64_t           hidden;
        qoe_silence_t      silence;
    } reported[] = {
        { "reports each 30 s are silent after a minute", 30000, 180000,
          QOE_SILENCE_REPORTS },
        { "rarer reports have the time of a hidden view", 30001, 180000,
          QOE_SILENCE_HIDDEN },
        { "so have reports with half of that time between them", 90000,
          180000, QOE_SILENCE_HIDDEN },
        { "still rarer ones have the time of a view that plays", 90001,
          180000, QOE_SILENCE_ACTIVE },
        { "a time of hidden views that reports outlast is not theirs", 45000,
          89999, QOE_SILENCE_ACTIVE }
    };

    for (i = 0; i < sizeof(reported) / sizeof(reported[0]); i++) {
        t = stream();
        t->v.flags = QOE_VIEW_REPORTS|QOE_VIEW_STARTED;
        t->v.phase = QOE_PHASE_PLAYING;
        t->v.beat_ms = reported[i].interval;
        conf = view_conf;
        conf.hidden_timeout_ms = reported[i].hidden;

        ok(qoe_view_silence(&t->v, &conf) == reported[i].silence, "%s",
           reported[i].claim);
    }
}


/* Rule 9, at the times of receipt. */

static void
test_concurrent(void)
{
    size_t             i;
    stream_t          *t;
    static const struct {
        const char    *claim;
        const char    *script;
        uint64_t       until;                /* ms; 0: not concurrent */
    } views[] = {
        { "a view that plays is concurrent for 30 s after its last event",
          BEGUN "10000 heartbeat at=10000; quiet", 40000 },
        { "a view is concurrent before its first event is judged",
          "0 playing", 30000 },
        { "a view that starts is concurrent",
          "0 playing; 1 stallstart; quiet", 30001 },
        { "a view that stalls is concurrent",
          BEGUN "10000 stallstart at=10000; quiet", 40000 },
        { "a view that beats once a minute is concurrent for three minutes",
          BEGUN "60000 heartbeat at=60000; 120000 heartbeat at=120000; quiet",
          300000 },
        { "a paused view is not concurrent", BEGUN "5000 pause; quiet", 0 },
        { "a page on which nothing was asked for is not concurrent",
          "0 manifestload; 5000 canplay; quiet", 0 },
        { "a suspended view is not concurrent",
          BEGUN "5000 playbackdetached; quiet", 0 },
        { "a view that is over is not concurrent", BEGUN "5000 ended", 0 }
    };

    for (i = 0; i < sizeof(views) / sizeof(views[0]); i++) {
        t = stream();
        script(t, views[i].script);

        ok(views[i].until == 0
           ? !qoe_view_concurrent(&t->v, t->v.received_ms)
           : qoe_view_concurrent(&t->v, LOG_START + views[i].until)
             && !qoe_view_concurrent(&t->v, LOG_START + views[i].until + 1),
           "%s", views[i].claim);
    }
}


static void
test_rest(void)
{
    size_t     n;
    stream_t  *t;

    t = stream();
    script(t, "0 playerready; quiet");
    ok(!qoe_view_attempted(&t->v), "a page that loads is no attempt to play");

    t = stream();
    script(t, "0 playing; quiet");
    ok(qoe_view_attempted(&t->v), "a wish to play is an attempt to play");

    t = stream();
    t->birth.at_ms = LOG_START;
    qoe_view_begin(&t->v, &t->birth);
    end_as(t, QOE_VIEW_SILENT, 0);
    ok(t->n == 0, "a view whose writer died before its first event is no view");

    t = stream();
    script(t, BEGUN "10000 heartbeat at=10000 playing_time=9000; quiet");
    ok(qoe_view_told(&t->v) == 9000,
       "at a view's end its last playing_time is known");

    t = stream();
    script(t, BEGUN "10000 heartbeat at=10000; quiet");
    ok(isnan(qoe_view_told(&t->v)),
       "where no playing_time was sent none is known");

    /* An event of a view that is over counts with what it says by itself. */

    t = stream();
    n = t->n;
    qoe_view_apply(NULL, false, LOG_START, &(qoe_sample_t) {
                       .type = QOE_EVENT_ERROR,
                       .type_name = qoe_span("error")
                   }, &view_conf, &t->points);
    log_points(t);
    ok(t->n == n + 2
       && made(t, QOE_METRIC_EVENTS_TOTAL, 1, 1, "event_type=error")
       && made(t, QOE_METRIC_ERRORS_TOTAL, 1, 1,
               "error_family=unknown,error_code=unknown"),
       "an event of a view that is over counts, with what it says by itself");

    t = stream();
    script(t, BEGUN "10000 heartbeat at=10000 playing_time=10000; again;"
              "10000 heartbeat at=10000 playing_time=10000");
    ok(t->last == QOE_VIEW_DUPLICATE
       && made(t, QOE_METRIC_EVENTS_TOTAL, 4, 4, "event_type=heartbeat")
       && made(t, QOE_METRIC_HEART_BEAT_PLAYING_TIME, 1, 10000, ""),
       "a duplicate counts in events_total alone");

    script(t, "20000 heartbeat at=20000; 30000 heartbeat at=30000;"
              "5000 heartbeat at=5000 playing_time=5000");
    ok(t->last == QOE_VIEW_OLD
       && made(t, QOE_METRIC_HEART_BEAT_PLAYING_TIME, 1, 10000, ""),
       "an event older than what was judged counts in events_total alone as "
       "well");
}


int
main(void)
{
    view_cases(cases, sizeof(cases) / sizeof(cases[0]));
    test_silence();
    test_reported();
    test_concurrent();
    test_rest();

    return tap_end();
}
