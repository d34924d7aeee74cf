
/*
 * Copyright (C) OpenQoE
 *
 * What a session counts, at the bounds of the rules: retries, switches,
 * throughput, playing time, and what its end adds.
 */


#include "qoe_delivery_priv.h"
#include "delivery_play.h"


/* A segment of a session without a buffer that says su as wanted. */

static void
blind(double at, double ms, unsigned number, bool su)
{
    qoe_request_t  r;

    r = segment(at, ms, VIDEO, number, 0);
    r.bl_ms = r.dl_ms = NAN;
    r.su = su;
    apply(&r);
}


/* A manifest of 20 ms at T0, so that the last receipt is 20 ms after T0. */

static void
manifest(void)
{
    qoe_request_t  r;

    begin();
    r = response(0, 20, MANIFEST);
    apply(&r);
}


/* After a failure of 100 ms at T0 + 1000, the same object again. */

static void
test_retry(void)
{
    size_t         i;
    qoe_request_t  r;

    static const struct {
        double       d;              /* of what failed */
        unsigned     status;
        bool         aborted;
        double       at;
        uint64_t     path;
        unsigned     retries;
        const char  *text;
    } rows[] = {
        { 2000, 503, false, 5100, 7, 1, "two segments after an error" },
        { 2000, 503, false, 5101, 7, 0, "later" },
        { 2000, 200, true, 5100, 7, 1, "two segments after an abort" },
        { 2000, 499, true, 5100, 7, 1, "the same with the status 499" },
        { 2000, 499, false, 5100, 7, 0, "499 alone is no failure" },
        { 2000, 200, false, 1200, 7, 0, "what was answered did not fail" },
        { NAN, 503, false, 5100, 7, 1, "a segment of no length has 2 s" },
        { NAN, 503, false, 5101, 7, 0, "and no more" },
        { 0, 503, false, 5101, 7, 0, "so has one of 0" },
        { 1, 503, false, 1102, 7, 1, "one of 1 ms has 2 ms" },
        { 1, 503, false, 1103, 7, 0, "and no more" },
        { 500, 503, false, 2100, 7, 1, "a short segment has less" },
        { 500, 503, false, 2101, 7, 0, "twice its length" },
        { 90000, 503, false, 121100, 7, 1, "a long one has 2 min" },
        { 90000, 503, false, 121101, 7, 0, "and no more" },
        { 2000, 503, false, 1200, 8, 0, "another object" },
        { 2000, 503, false, 1200, 0, 0, "an object that is not known" },
        { 2000, 503, false, 1200, 1ULL << 40 | 7, 1,
          "the low bits of the object's hash are kept" }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        manifest();
        r = segment(1000, 100, VIDEO, 1, 0);
        r.path_hash = rows[i].path != 0 ? 7 : 0;
        r.d_ms = rows[i].d;
        r.status = (uint16_t) rows[i].status;
        r.aborted = rows[i].aborted;
        apply(&r);

        r = segment(rows[i].at, 10, VIDEO, 1, 0);
        r.path_hash = rows[i].path;
        apply(&r);
        r.start_ms++;
        apply(&r);

        ok(COUNT(DELIVERY_RETRIES, NULL) == rows[i].retries
           && COUNT(DELIVERY_RETRIES, "v") == rows[i].retries
           && COUNT(DELIVERY_RETRIES, "request") == 0,
           "retries: %s", rows[i].text);
    }

    /* another object does not end the time in which it is a retry */

    manifest();
    r = response(1000, 100, MANIFEST);
    r.path_hash = 7;
    r.status = 503;
    apply(&r);
    r = segment(1200, 10, VIDEO, 1, 0);
    apply(&r);
    r = response(1300, 100, MANIFEST);
    r.path_hash = 7;
    apply(&r);
    ok(COUNT(DELIVERY_RETRIES, "m") == 1,
       "a manifest is asked for again, after another request");
}


/* Throughput of 5,000 kbit/s at T0, and what a later request measured. */

static void
test_compare(void)
{
    unsigned       i;
    qoe_request_t  r;

    begin();

    for (i = 0; i < 4; i++) {
        r = segment(i * 2000.0, i == 0 ? 400 : 1, VIDEO, i + 1, 2000);
        r.bytes = i == 0 ? 250000 : 1;
        r.mtp_kbps = i == 2 ? 4000 : i == 1 ? 0 : NAN;
        apply(&r);
    }

    ok(COUNT(DELIVERY_THROUGHPUT_GAP, "v") == 1
       && SUM(DELIVERY_THROUGHPUT_GAP, NULL) == 1.25
       && all.point[all.n - 1].metric != QOE_METRIC_DELIVERY_THROUGHPUT_GAP,
       "throughput is compared once, with the next measure that is one");

    begin();
    r = segment(0, 400, VIDEO, 1, 2000);
    r.bytes = 250000;
    apply(&r);
    r = segment(1000, 1, AUDIO, 1, 2000);
    r.mtp_kbps = 2500;
    apply(&r);
    r = segment(-10, 1011, VIDEO, 2, 2000);
    r.mtp_kbps = 2500;
    r.bytes = 1;
    apply(&r);
    ok(COUNT(DELIVERY_THROUGHPUT_GAP, NULL) == 0,
       "another track, and what was asked for before, are not compared");

    r = segment(2000, 400, VIDEO, 3, 2000);
    r.bytes = 500000;
    r.mtp_kbps = 2500;
    apply(&r);
    r = segment(4000, 1, VIDEO, 4, 2000);
    r.mtp_kbps = 2500;
    apply(&r);
    ok(COUNT(DELIVERY_THROUGHPUT_GAP, NULL) == 2
       && SUM(DELIVERY_THROUGHPUT_GAP, NULL) == 2 + 4,
       "each throughput is compared with what was measured after it");
}


/* A second segment after one of 800 kbit/s. */

static void
test_switches(void)
{
    size_t         i;
    qoe_request_t  r;

    static const struct {
        double       from;
        double       to;
        double       at;
        const char  *direction;      /* NULL: no switch */
        const char  *text;
    } rows[] = {
        { 800, 800, 2000, NULL, "the same bitrate is no switch" },
        { 800, 800.9, 2000, NULL, "nor is a part of a kbit/s" },
        { 800, 801, 2000, "up", "1 kbit/s more is one up" },
        { 800, 799, 2000, "down", "1 kbit/s less is one down" },
        { 800, 0.9, 2000, NULL, "less than 1 kbit/s is no bitrate" },
        { 800, 1, 2000, "down", "1 kbit/s is one" },
        { 0.9, 800, 2000, NULL, "the first bitrate is no switch" },
        { 800, NAN, 2000, NULL, "without a bitrate there is no switch" },
        { 70000, 90000, 2000, NULL, "above 65,535 kbit/s all are equal" },
        { 65534, 90000, 2000, "up", "below it they are not" },
        { 800, 900, -1, NULL, "what was asked for before is no switch" },
        { 800, 900, 0, "up", "what was asked for at the same time is one" }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        begin();
        r = segment(0, 10, VIDEO, 1, 2000);
        r.br_kbps = rows[i].from;
        apply(&r);
        r = segment(rows[i].at, 100, VIDEO, 2, 2000);
        r.br_kbps = rows[i].to;
        apply(&r);

        ok(COUNT(EXPERIENCE_SWITCHES, NULL) == (rows[i].direction != NULL)
           && COUNT(EXPERIENCE_SWITCHES, rows[i].direction)
              == (rows[i].direction != NULL)
           && COUNT(EXPERIENCE_SWITCHES, "request")
              == COUNT(EXPERIENCE_SWITCHES, "v"),
           "switches: %s", rows[i].text);
    }

    begin();
    r = segment(0, 10, VIDEO, 1, 2000);
    apply(&r);
    r = segment(2000, 10, VIDEO, 2, 2000);
    r.br_kbps = NAN;
    apply(&r);
    r = segment(4000, 10, VIDEO, 3, 2000);
    r.br_kbps = 400;
    apply(&r);
    ok(COUNT(EXPERIENCE_SWITCHES, "down") == 1,
       "a bitrate is compared with the last one that was known");
}


/* Which track says how long it played, and from when on. */

static void
test_playing(void)
{
    unsigned       i;
    qoe_request_t  r;

    /* audio without a buffer does not lead */

    begin();

    for (i = 0; i < 4; i++) {
        r = segment(i * 2000.0, 10, VIDEO, i + 1, 4000);
        apply(&r);
        r = segment(i * 2000.0 + 500, 10, AUDIO, i + 1, 0);
        r.bl_ms = r.dl_ms = NAN;
        r.su = false;
        apply(&r);
    }

    ok(!(state.flags & QOE_DELIVERY_AUDIO),
       "audio without a buffer does not lead");

    /* audio that leads from its second request on */

    begin();
    r = segment(0, 10, VIDEO, 1, 4000);
    apply(&r);
    r = segment(1000, 10, AUDIO, 1, 4000);
    apply(&r);
    ok(COUNT(EXPERIENCE_PLAYING_TIME, NULL) == 0
       && (state.flags & QOE_DELIVERY_AUDIO),
       "a first request of a track says nothing of the time before");
    r = segment(2000, 10, VIDEO, 2, 4000);
    apply(&r);
    ok(COUNT(EXPERIENCE_PLAYING_TIME, NULL) == 0,
       "the video says nothing where the audio has a buffer");
    r = segment(3000, 10, AUDIO, 2, 4000);
    apply(&r);
    ok(SUM(EXPERIENCE_PLAYING_TIME, NULL) == 2000,
       "the audio counts the time between its requests");
}


/* The last requests of a view, and what is played after them. */

static void
test_last(void)
{
    size_t         i, k;
    double         at;
    qoe_request_t  r;

    static const struct {
        qoe_cmcd_st_t  st;
        double         bl;
        double         pr;
        bool           nor[3];
        double         rest;
        const char    *text;
    } rows[] = {
        { QOE_CMCD_ST_NONE, 2000, NAN, { true, true, false }, 4000,
          "after the last object the buffer and the object are played" },
        { QOE_CMCD_ST_VOD, 2000, NAN, { true, true, false }, 4000,
          "so it is on demand" },
        { QOE_CMCD_ST_LIVE, 2000, NAN, { true, true, false }, 0,
          "a live stream goes on without the viewer" },
        { QOE_CMCD_ST_LOW_LATENCY, 2000, NAN, { true, true, false }, 0,
          "so does one of low latency" },
        { QOE_CMCD_ST_VOD, 2000, 2, { true, true, false }, 2000,
          "at twice the rate it takes half of the time" },
        { QOE_CMCD_ST_VOD, 2000, NAN, { true, false, true }, 0,
          "an object that announces another is not the last" },
        { QOE_CMCD_ST_VOD, 2000, NAN, { false, false, false }, 0,
          "where none is announced none is known to be the last" },
        { QOE_CMCD_ST_VOD, 2000, NAN, { true, false, false }, 4000,
          "the last of several without one ends it" }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        at = play(false);

        for (k = 0; k < 3; k++) {
            r = segment(at, 100, VIDEO, (unsigned) (6 + k), rows[i].bl);
            r.nor = rows[i].nor[k];
            r.st = (uint8_t) rows[i].st;
            r.pr = rows[i].pr;
            apply(&r);
            at += 2000;
        }

        all.n = 0;
        end();
        ok(SUM(EXPERIENCE_PLAYING_TIME, NULL) == rows[i].rest
           && COUNT(EXPERIENCE_PLAYING_TIME, NULL) == (rows[i].rest > 0)
           && qoe_delivery_over(&state), "the rest: %s", rows[i].text);
    }

}


/* An audio track has its own last object, and its own buffer. */

static void
test_last_audio(void)
{
    double         at;
    qoe_request_t  r;

    at = play(true);
    r = segment(at, 100, VIDEO, 6, 3000);
    r.nor = true;
    apply(&r);
    r = segment(at + 100, 100, AUDIO, 6, 5000);
    apply(&r);
    all.n = 0;
    end();
    ok(SUM(EXPERIENCE_PLAYING_TIME, NULL) == 0,
       "audio that announces nothing beside a video is not the last");

    at = play(true);
    r = segment(at, 100, VIDEO, 6, 3000);
    r.nor = true;
    apply(&r);
    r = segment(at + 100, 100, AUDIO, 6, 5000);
    r.nor = true;
    apply(&r);
    r = segment(at + 2000, 100, VIDEO, 7, 3000);
    apply(&r);
    all.n = 0;
    end();
    ok(SUM(EXPERIENCE_PLAYING_TIME, NULL) == 5000 + 2000,
       "the buffer of the audio is played where it has one");

    /* audio alone */

    begin();
    r = segment(0, 100, AUDIO, 1, 3000);
    r.nor = true;
    apply(&r);
    r = segment(2000, 100, AUDIO, 2, 3000);
    apply(&r);
    all.n = 0;
    end();
    ok(SUM(EXPERIENCE_PLAYING_TIME, NULL) == 3000 + 2000,
       "audio alone has a last object");
}


/* A last object that says nothing of what is played after it. */

static void
test_last_none(void)
{
    double         at;
    qoe_request_t  r;

    at = play(false);
    r = segment(at, 100, VIDEO, 6, 3000);
    r.nor = true;
    apply(&r);
    r = segment(at + 2000, 100, VIDEO, 7, 3000);
    apply(&r);
    all.n = 0;
    qoe_delivery_evict(&state);
    end();
    ok(all.n == 0 && qoe_delivery_over(&state),
       "a state that is given up plays nothing after its last object");

    /* older than the newest of the track */

    at = play(false);
    r = segment(at, 100, VIDEO, 6, 3000);
    r.nor = true;
    apply(&r);
    r = segment(at - 1, 200, VIDEO, 6, 3000);
    apply(&r);
    all.n = 0;
    end();
    ok(all.n == 0, "a request from before the newest is not the last one");
}


static void
test_end(void)
{
    qoe_request_t  r;

    begin();
    end();
    ok(all.n == 0 && qoe_delivery_over(&state),
       "a state without a request ends without a point, once");

    /* nothing came */

    manifest();
    r = segment(100, 10, AUDIO, 1, 0);
    r.aborted = true;
    apply(&r);
    end();
    ok(COUNT(EXPERIENCE_STARTUP_FAILED, NULL) == 0,
       "a viewer who leaves while the first sound comes has not failed");

    manifest();
    r = segment(100, 10, AUDIO, 1, 0);
    r.aborted = true;
    apply(&r);
    r = response(200, 10, MANIFEST);
    r.status = 500;
    apply(&r);
    end();
    ok(COUNT(EXPERIENCE_STARTUP_FAILED, "request") == 1,
       "a viewer who leaves after an error has");

    /* media came, and then an error */

    manifest();
    blind(100, 50, 1, true);
    r = segment(300, 50, VIDEO, 2, 0);
    r.status = 500;
    apply(&r);
    end();
    ok(COUNT(EXPERIENCE_STARTUP_FAILED, NULL) == 0,
       "an error after media is no failed startup");
}


/* Complete responses, and the time from the first start to the last end. */

static void
test_known(void)
{
    size_t         i;
    unsigned       k;
    qoe_request_t  r;

    static const struct {
        unsigned     segments;
        double       ms;
        bool         known;
    } rows[] = {
        { 3, 5000, true }, { 3, 4998, false }, { 2, 60000, false },
        { 4, 5000, true }, { 300, 5000, true }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        begin();

        for (k = 1; k <= rows[i].segments; k++) {
            r = segment(0, 0, VIDEO, k, 2000);
            r.duration_ms = k == rows[i].segments ? rows[i].ms : 0;
            apply(&r);
        }

        ok(qoe_delivery_known(&state) == rows[i].known
           && state.media == qoe_min(rows[i].segments, 255U),
           "%u segments in %g ms make %s session", rows[i].segments,
           rows[i].ms, rows[i].known ? "a known" : "no known");
    }

    begin();

    for (i = 0; i < 5; i++) {
        r = segment((double) i * 5000, 10, VIDEO, 1, 2000);
        r.aborted = true;
        apply(&r);
    }

    ok(state.media == 0 && !qoe_delivery_known(&state),
       "what was given up makes no session known");
}


static void
test_silence(void)
{
    size_t         i;
    qoe_request_t  r;

    static const struct { double d, bl, silence; }  rows[] = {
        { 15000, NAN, 30000 }, { 15001, NAN, 60000 }, { 15000, 1, 60000 },
        { 15000, 30000, 60000 }, { 15000, 30001, 120000 },
        { NAN, 120000, 120000 }, { NAN, 120001, 300000 },
        { -1, 30000, 30000 }, { 15000, -1, 30000 }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        begin();
        r = segment(0, 10, VIDEO, 1, rows[i].bl);
        r.d_ms = rows[i].d;
        apply(&r);
        ok((double) qoe_delivery_silence_ms(&state) == rows[i].silence,
           "a silence after %g ms of media and a buffer of %g ms", rows[i].d,
           rows[i].bl);
    }

    state.patience = 7;
    ok(qoe_delivery_silence_ms(&state) == 300000,
       "a torn state has a silence as well");
}


/* A complete response, and what it says of the cause of a stall after it. */

static void
test_slow(void)
{
    size_t         i;
    qoe_request_t  r;

    static const struct {
        double       ms;
        double       lag;
        bool         aborted;
        unsigned     slow;
        const char  *text;
    } rows[] = {
        { 2000, NAN, false, 0, "as long as it plays is not slow" },
        { 2001, NAN, false, 1 + QOE_CAUSE_NETWORK, "longer is slow" },
        { 10, 2001, false, 1 + QOE_CAUSE_NETWORK, "a slow one before it" },
        { 10, 2000, false, 0, "one before it that was not" },
        { 2001, NAN, true, 1 + QOE_CAUSE_EDGE, "one that was given up" }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        begin();
        r = segment(0, 3000, VIDEO, 1, 9000);
        r.ttfb_ms = 2900;
        apply(&r);
        r = segment(4000, rows[i].ms, VIDEO, 2, 9000);
        r.lag_ms = rows[i].lag;
        r.bytes = 1;
        r.aborted = rows[i].aborted;
        apply(&r);
        ok(state.slow == rows[i].slow, "the last response: %s", rows[i].text);
    }

    ok(state.media == 1, "only complete responses bring media");
}


int
main(void)
{
    test_retry();
    test_compare();
    test_switches();
    test_playing();
    test_last();
    test_last_audio();
    test_last_none();
    test_end();
    test_known();
    test_silence();
    test_slow();

    return tap_end();
}
