
/*
 * Copyright (C) OpenQoE
 *
 * The time of playing: what proves it, in which units players report it, and
 * what unusual players send.
 */


#include "view_events.h"
#include "qoe_view_state.h"


#define BEGUN  "0 canplay video_startup_time=0 at=0; 0 playing at=0;"
#define BLIND  "0 canplay video_startup_time=0; 0 playing;"


static const view_case_t  cases[] = {

    /* Time without proof of playing. */

    { "without proof a gap of 30 s counts whole",
      BLIND "30000 pause; end", "played", 0, 30000, 0, 0 },
    { "without proof a longer gap counts as nothing",
      BLIND "30001 pause; end", "played", 0, 0, 0, 0 },
    { "without proof a gap counts up to three times the view's own beat",
      BLIND "20000 heartbeat; 40000 heartbeat; 100000 pause; end",
      "played", 0, 100000, 0, 0 },
    { "without proof a gap of more than three beats counts as nothing",
      BLIND "20000 heartbeat; 40000 heartbeat; 100001 pause; end",
      "played", 0, 40000, 0, 0 },
    { "other events between heartbeats do not shorten the beat",
      BLIND "20000 heartbeat; 30000 fpsdrop; 40000 heartbeat; 100000 pause;"
      "end", "played", 0, 100000, 0, 0 },
    { "without proof a view plays on after a seek",
      BLIND "10000 seek; 20000 heartbeat; 30000 ended",
      "completed", 0, 30000, 0, 0 },
    { "without proof a wait in a seek lasts until its stallend",
      BLIND "10000 seek; 10100 stallstart; 20000 heartbeat; 21000 stallend;"
      "30000 ended", "completed", 0, 19000, 0, 0 },
    { "events without any position or playing_time add up",
      BLIND "10000..60000 heartbeat; 65000 ended", "completed", 0, 65000,
      0, 0 },
    { "without proof a heartbeat shows that a player that was removed is back",
      BLIND "10000 playbackdetached; 20000 heartbeat; 30000 heartbeat; end",
      "played", 0, 30000, 0, 0 },

    /* Time with proof of playing. */

    { "a gap counts whole while its proof falls short by a fifth",
      BEGUN "10000 heartbeat at=8000; 20000 heartbeat at=16000; end",
      "played", 0, 20000, 0, 0 },
    { "where the proof falls short by more, the proof counts",
      BEGUN "10000 heartbeat at=7900; 20000 heartbeat at=15800; end",
      "played", 0, 15800, 0, 0 },
    { "a short gap may fall short by 250 ms",
      BEGUN "1000 heartbeat at=750; 2000 pause at=1500; end",
      "played", 0, 2000, 0, 0 },
    { "a position that outruns the clock counts no more than the clock",
      BEGUN "10000 heartbeat at=10900; 20000 heartbeat at=21800; end",
      "played", 0, 20000, 0, 0 },
    { "players that beat every 90 s count fully",
      BEGUN "90000 heartbeat at=90000; 180000 heartbeat at=180000;"
      "270000 ended at=270000", "completed", 0, 270000, 0, 0 },
    { "asleep for 110 s with the page visible counts as nothing",
      BEGUN "10000..60000 heartbeat at=@ playing_time=@;"
      "170000..230000 heartbeat at=@-110000 playing_time=@-110000; end",
      "played", 0, 120000, 0, 0 },
    { "a page that is hidden and frozen for 25 min counts as nothing",
      BEGUN "10000..60000 heartbeat at=@ playing_time=@;"
      "60000 moveaway at=60000; 1560000 moveback at=60000;"
      "1570000..1620000 heartbeat at=@-1500000 playing_time=@-1500000; end",
      "played", 0, 120000, 0, 0 },
    { "a hidden page that plays on counts",
      BEGUN "10000 moveaway at=10000; 70000 heartbeat at=70000;"
      "130000 heartbeat at=130000; 140000 moveback at=140000;"
      "150000 ended at=150000", "completed", 0, 150000, 0, 0 },
    { "a page that is reloaded with the ids that it had counts no gap",
      BEGUN "10000..60000 heartbeat at=@ playing_time=@;"
      "100000 playing at=60000; 110000 heartbeat at=70000 playing_time=10000;"
      "120000 heartbeat at=80000 playing_time=20000; end",
      "played", 0, 80000, 0, 0 },
    { "playing_time that lags by its ticks loses nothing",
      BEGUN "10000 heartbeat playing_time=9100;"
      "20000 heartbeat playing_time=19600; 30000 heartbeat playing_time=29300;"
      "40000 heartbeat playing_time=39200; end", "played", 0, 40000, 0, 0 },
    { "the playing_time of a `playing` is a position, and no proof",
      BLIND "10000 heartbeat playing_time=10000;"
      "20000 playing playing_time=700000; 30000 heartbeat playing_time=20000;"
      "end", "played", 0, 20000, 0, 0 },
    { "a pause that is visible for five minutes counts as nothing",
      BEGUN "10000..60000 heartbeat at=@; 60000 pause at=60000;"
      "360000 playing at=60000; 370000..420000 heartbeat at=@-300000;"
      "420500 ended at=120500", "completed", 0, 120500, 0, 0 },

    /* Units, and players that differ. */

    { "playing_time in seconds is taken for seconds",
      BEGUN "10000 heartbeat at=10000 playing_time=10;"
      "20000 heartbeat at=20000 playing_time=20;"
      "30000 heartbeat at=30000 playing_time=30;"
      "40000 heartbeat playing_time=40; 50000 heartbeat playing_time=50; end",
      "played", 0, 50000, 0, 0 },
    { "so it is where the video was resumed at its tenth minute",
      "0 canplay video_startup_time=0 at=600000; 0 playing at=600000;"
      "10000 heartbeat at=610000 playing_time=10;"
      "20000 heartbeat at=620000 playing_time=20;"
      "30000 heartbeat at=630000 playing_time=30;"
      "40000 heartbeat playing_time=40; 50000 heartbeat playing_time=50; end",
      "played", 0, 50000, 0, 0 },
    { "positions since 1970 are positions",
      "0 canplay video_startup_time=0 at=1700000000000;"
      "0 playing at=1700000000000;"
      "10000..60000 heartbeat at=@+1700000000000;"
      "70000 pause at=1700000060000; end", "played", 0, 60000, 0, 0 },
    { "a live stream with positions since 1970 can stall",
      "0 canplay video_startup_time=0 at=1700000000000;"
      "0 playing at=1700000000000; 10000 stallstart at=1700000010000;"
      "20000 heartbeat at=1700000017000; end", "played", 0, 17000, 1, 3000 },
    { "a negative playing_time is no proof",
      BEGUN "10000..60000 heartbeat at=@ playing_time=-1; end",
      "played", 0, 60000, 0, 0 },
    { "a negative position before the first frame is a position",
      "0 canplay video_startup_time=0 at=-5000; 0 playing at=-5000;"
      "10000..60000 heartbeat at=@-5000; end", "played", 0, 60000, 0, 0 },
    { "at twice the speed the time of the clock counts",
      BEGUN "10000 playbackratechange at=10000 playback_rate=2;"
      "20000 heartbeat at=30000; 30000 heartbeat at=50000;"
      "40000 ended at=70000", "completed", 0, 40000, 0, 0 },
    { "at twice the speed a position that grows by half stalled",
      BEGUN "10000 playbackratechange at=10000 playback_rate=2;"
      "20000 heartbeat at=20000; end", "played", 0, 15000, 0, 0 },
    { "at half the speed the time of the clock counts",
      BEGUN "10000 playbackratechange at=10000 playback_rate=0.5;"
      "20000 heartbeat at=15000; 30000 heartbeat at=20000; end",
      "played", 0, 30000, 0, 0 },
    { "a looped video plays on",
      BEGUN "10000 heartbeat at=10000; 20000 heartbeat at=20000;"
      "30000 heartbeat at=500; 40000 heartbeat at=10500;"
      "50000 heartbeat at=20500; end", "played", 0, 50000, 0, 0 },
    { "a looped video with playing_time plays on",
      BEGUN "10000 heartbeat at=10000 playing_time=10000;"
      "20000 heartbeat at=20000 playing_time=20000;"
      "30000 heartbeat at=500 playing_time=30000;"
      "40000 heartbeat at=10500 playing_time=40000; end",
      "played", 0, 40000, 0, 0 },
    { "a duplicate changes nothing",
      BEGUN "10000 stallstart at=10000; 12000 stallend at=10000;"
      "again; 12000 stallend at=10000; 20000 heartbeat at=18000;"
      "again; 10000 stallstart at=10000; 30000 ended at=28000",
      "completed", 0, 28000, 1, 2000 },
    { "an event that is older than what was judged changes nothing",
      BEGUN "10000 heartbeat at=10000; 20000 heartbeat at=20000;"
      "30000 heartbeat at=30000; 15000 pause at=15000; 40000 ended at=40000",
      "completed", 0, 40000, 0, 0 }
};


/* Beats of a minute; the catalogue's numbers of over 24 h are numbers. */

static void
test_long(void)
{
    int64_t    i, ms;
    char       data[128];
    stream_t  *t;

    t = stream();
    script(t, "0 canplay video_startup_time=0 at=0; 0 playing at=0");

    for (i = 1; i <= 30 * 60; i++) {
        ms = i * 60000;
        snprintf(data, sizeof(data), "at=%lld playing_time=%lld",
                 (long long) ms, (long long) ms);
        event(t, ms, "heartbeat", data);
    }

    quiet(t);
    ok(t->n > 0 && t->ignored == 0 && played_ms(t, 30 * 3600000.0)
       && t->log[t->n - 1].value > 0
       && made(t, QOE_METRIC_HEARTBEAT_PLAYING_TIME_SECONDS, 1800,
               1800 * 1801 / 2 * 60.0, ""),
       "a live view of 30 h keeps all its numbers");

    event(t, 30 * 3600000 + 10000, "ended", "playing_time=108010000");
    ok(outcome(t, "completed") && t->ignored == 0
       && made(t, QOE_METRIC_PLAYING_TIME, 1, 108010000, "")
       && is_ms(t, QOE_METRIC_WATCH_TIME_SECONDS, 108010000),
       "the end of a view of 30 h reports 30 h");
}


/* More events of a moment than a view keeps for judgement. */

static void
test_crowded(void)
{
    int        i;
    stream_t  *t;

    t = stream();
    script(t, "0 canplay video_startup_time=0 at=0; 0 playing at=0;"
              "10000 heartbeat at=10000");

    for (i = 0; i < 40; i++) {
        event(t, 10100 + i * 12, "fragmentloaded", "frag_duration=4");
    }

    script(t, "20000 stallstart at=20000; 23000 stallend at=20000;"
              "30000 ended at=27000");

    ok(played_ms(t, 27000) && stalled_ms(t, 1, 3000)
       && made(t, QOE_METRIC_FRAGMENT_DURATION, 40, 160, "")
       && made(t, QOE_METRIC_EVENTS_TOTAL, 46, 46, "event_type=ended"),
       "forty events within half a second change no time, and all of them "
       "count");

    t = stream();
    script(t, BEGUN);

    for (i = 0; i < 30; i++) {
        event(t, 10000, i % 2 ? "playing" : "stallstart", "at=10000");
    }

    script(t, "20000 heartbeat at=20000; 30000 ended at=30000");
    ok(played_ms(t, 30000) && stalled_ms(t, 0, 0),
       "a player that changes its state many times at one moment has not "
       "stalled");
}


static void
test_values(void)
{
    stream_t  *t;

    t = stream();
    event(t, 0, "pause", "playing_time=-1");
    event(t, 1, "seek", "seek_latency=31622400001");
    event(t, 2, "ended", "completion_rate=1.06 playing_time=nan");
    ok(t->ignored == 4 && made(t, QOE_METRIC_SEEK_LATENCY, 0, 0, "")
       && made(t, QOE_METRIC_PLAYING_TIME, 0, 0, ""),
       "impossible values are ignored and counted");
}


/*
 * Any bytes in the slots of a session and of a view, as a killed writer leaves
 * them.
 */

static void
fill(void *mem, size_t size, int with)
{
    size_t          i;
    unsigned char  *p;

    p = mem;

    for (i = 0; i < size; i++) {
        p[i] = (unsigned char) (with < 0 ? lrand48() >> 8 : with);
    }
}


static void
test_torn(void)
{
    size_t             i, j, bad, round;
    stream_t          *t;
    qoe_stretch_t      s[QOE_TIMELINE_ENTRIES];
    qoe_view_end_t     why;
    static const int   bytes[] = { -1, 0xff, 0x7f, 0x80, 0x01 };

    srand48(20251129);
    bad = 0;

    for (round = 0; round < 4000; round++) {
        t = stream();
        fill(&t->session, sizeof(t->session), bytes[round % 5]);
        fill(&t->v, sizeof(t->v), bytes[round % 5]);
        fill(&t->timeline, sizeof(t->timeline), bytes[round % 5]);
        t->torn = true;
        why = (qoe_view_end_t) (round % (QOE_VIEW_EVICTED + 1));

        for (i = 0; i < 6; i++) {
            t->v.view_key |= 1;
            t->over = false;
            event(t, (int64_t) i * 4000, qoe_event_type_name(
                  (qoe_event_type_t) ((size_t) lrand48() % QOE_EVENT_CUSTOM)
                  ).data, i % 2 ? "at=5000 playing_time=4000 bitrate=1000 "
                  "fatal=1 stall_duration=100 seek_latency=100" : "");
        }

        (void) qoe_view_silence(&t->v, &view_conf);
        (void) qoe_view_concurrent(&t->v, LOG_START);
        (void) qoe_view_lapsed(&t->v, LOG_START);
        (void) qoe_view_quiet(&t->v, LOG_START);
        end_as(t, why, LOG_START + 30000);

        bad += qoe_timeline_stretches(&t->timeline, 0, LOG_START, s)
               > QOE_TIMELINE_ENTRIES;

        for (j = 0; j < t->n; j++) {
            bad += !isfinite(t->log[j].value) || t->log[j].value < 0;
        }
    }

    ok(bad == 0,
       "4000 torn slots give no point that is negative or not finite, and no "
       "timeline that is longer than its places");
    ok(sizeof(qoe_view_t) <= 1344 && sizeof(qoe_session_t) <= 384,
       "a view takes %zu bytes, and a session %zu", sizeof(qoe_view_t),
       sizeof(qoe_session_t));
}


int
main(void)
{
    view_cases(cases, sizeof(cases) / sizeof(cases[0]));
    test_long();
    test_crowded();
    test_values();
    test_torn();

    return tap_end();
}
