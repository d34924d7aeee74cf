
/*
 * Copyright (C) OpenQoE
 *
 * What versions of players say that have less of CMCD, or say it in a way of
 * their own: hls.js 1.5, dash.js 4, Shaka Player 4, video.js with a plugin.
 */


#include "delivery_play.h"


/*
 * Shaka Player 4 goes on only when it has some seconds again, which the next
 * request of the other track brings.
 */

static void
test_filling(void)
{
    double         at;
    qoe_request_t  r;

    at = play(true);

    r = segment(at, 6000, VIDEO, 6, 3000);
    r.br_kbps = 800;
    r.bytes = 200000;
    apply(&r);
    r = segment(at + 50, 50, AUDIO, 6, 3000);
    apply(&r);
    r = segment(at + 6010, 50, VIDEO, 7, 2000);
    r.bs = r.su = true;
    apply(&r);
    r = segment(at + 7200, 10, AUDIO, 7, 2000);
    r.su = true;
    apply(&r);
    r = segment(at + 8000, 50, VIDEO, 8, 3200);
    apply(&r);
    r = segment(at + 8050, 50, AUDIO, 8, 3200);
    apply(&r);
    goes_on(at + 10000, 9, true);

    ok(COUNT(EXPERIENCE_REBUFFERS, NULL) == 1
       && fabs(SUM(EXPERIENCE_REBUFFER_TIME, "network") - 4200) <= 100,
       "a stall lasts until the last request with su: %.0f ms",
       SUM(EXPERIENCE_REBUFFER_TIME, NULL));
}


/* The same request in a seek is no part of a stall. */

static void
test_filling_seek(void)
{
    double         at;
    qoe_request_t  r;

    at = play(false);

    r = segment(at, 4000, VIDEO, 6, 3000);
    apply(&r);
    r = segment(at + 4100, 10, VIDEO, 40, 0);
    apply(&r);
    r = segment(at + 6000, 10, VIDEO, 41, 900);
    r.su = true;
    apply(&r);
    goes_on(at + 8000, 42, false);

    ok(SUM(EXPERIENCE_REBUFFER_TIME, NULL) <= 1100,
       "what is filled after a seek makes no stall longer: %.0f ms",
       SUM(EXPERIENCE_REBUFFER_TIME, NULL));
}


/* Errors keep the next segment away, and the viewer goes elsewhere. */

static void
test_error_left(void)
{
    double         at, before, played;
    qoe_request_t  r;

    at = play(false);
    played = SUM(EXPERIENCE_PLAYING_TIME, NULL);

    for (before = 0; before <= 2000; before += 1000) {
        r = segment(at + before, 10, VIDEO, 6, 3000 - before);
        r.status = 404;
        apply(&r);
    }

    r = segment(at + 12000, 10, VIDEO, 30, 0);
    apply(&r);

    ok(stalled(9000, "error", "deadline"),
       "after errors it stood still until the viewer went elsewhere: %.0f ms",
       SUM(EXPERIENCE_REBUFFER_TIME, NULL));
    ok(fabs(SUM(EXPERIENCE_PLAYING_TIME, NULL) - played - 5000) <= 100,
       "and played what it had before: %.0f ms",
       SUM(EXPERIENCE_PLAYING_TIME, NULL) - played);

    goes_on(at + 14000, 31, false);
    end();
    ok(COUNT(EXPERIENCE_REBUFFERS, NULL) == 1,
       "the seek itself is no stall");

    at = play(false);
    r = segment(at, 10, VIDEO, 6, 3000);
    r.status = 404;
    apply(&r);
    r = segment(at + 2000, 10, VIDEO, 30, 0);
    apply(&r);
    goes_on(at + 4000, 31, false);
    ok(COUNT(EXPERIENCE_REBUFFERS, NULL) == 0,
       "a viewer who goes elsewhere in time sees no stall");
}


/* It stopped with 400 ms left, and says so by su until something comes. */

static void
test_error_su(void)
{
    double         at, before;
    qoe_request_t  r;

    at = play(false);

    for (before = 0; before <= 8000; before += 1000) {
        r = segment(at + before, 10, VIDEO, 6, fmax(3000 - before, 400));
        r.status = 404;
        r.su = (before > 3000);
        apply(&r);
    }

    r = segment(at + 9000, 10, VIDEO, 6, 400);
    r.su = true;
    apply(&r);
    goes_on(at + 9010, 7, false);

    ok(COUNT(EXPERIENCE_REBUFFERS, NULL) == 1
       && COUNT(EXPERIENCE_REBUFFERS, "error") == 1
       && COUNT(EXPERIENCE_REBUFFERS, "deadline") == 1
       && fabs(SUM(EXPERIENCE_REBUFFER_TIME, NULL) - 6400) <= 500,
       "a player that stops with something left has stalled: %.0f ms",
       SUM(EXPERIENCE_REBUFFER_TIME, NULL));
}


/* Playing time after five segments, and a last one of so many ms. */

static double
ended(double d_ms, qoe_cmcd_st_t st)
{
    double         at, played;
    qoe_request_t  r;

    at = play(false);
    r = segment(at, 10, VIDEO, 6, 3000);
    r.d_ms = d_ms;
    r.st = (uint8_t) st;
    apply(&r);

    played = SUM(EXPERIENCE_PLAYING_TIME, NULL);
    end();

    return SUM(EXPERIENCE_PLAYING_TIME, NULL) - played;
}


/* Without nor the end shows by the length of the last segment alone. */

static void
test_last(void)
{
    double         played;
    unsigned       i;
    qoe_request_t  r;

    ok(ended(2000, QOE_CMCD_ST_VOD) == 0,
       "nothing is played after a segment like all others");
    ok(fabs(ended(500, QOE_CMCD_ST_NONE) - 3500) <= 1,
       "after one that is shorter, what is in the buffer is");
    ok(ended(500, QOE_CMCD_ST_LIVE) == 0, "but not of a live stream");

    (void) ended(500, QOE_CMCD_ST_VOD);
    played = SUM(EXPERIENCE_PLAYING_TIME, NULL);
    r = response(60000, 10, MANIFEST);
    apply(&r);
    end();
    ok(SUM(EXPERIENCE_PLAYING_TIME, NULL) == played,
       "it is played once, though the content is asked for again");

    ok(fabs(ended(1900, QOE_CMCD_ST_VOD) - 4900) <= 1,
       "it is enough that it is a little shorter, if all others are equal");

    begin();

    for (i = 0; i < 6; i++) {
        r = segment(i * 2000.0, 100, VIDEO, i + 1, i ? 3000 : 0);
        r.d_ms = i < 5 ? 1600 + 200.0 * i : 1400;
        apply(&r);
    }

    played = SUM(EXPERIENCE_PLAYING_TIME, NULL);
    end();
    ok(SUM(EXPERIENCE_PLAYING_TIME, NULL) == played,
       "where lengths differ, one more difference says nothing");

    begin();
    r = response(0, 10, MANIFEST);
    apply(&r);
    r = segment(10, 10, VIDEO, 1, 0);
    apply(&r);
    r = segment(30, 10, VIDEO, 2, 2000);
    r.d_ms = 500;
    apply(&r);
    end();
    ok(SUM(EXPERIENCE_PLAYING_TIME, NULL) == 0,
       "of two segments the lengths say nothing");
}


/* The type of the content stands in for ot; d is known of video alone. */

static qoe_request_t
untyped(double at, double ms, unsigned number, double d_ms)
{
    qoe_request_t  r;

    r = segment(at, ms, QOE_CMCD_OT_NONE, number, NAN);
    r.content = VIDEO;
    r.d_ms = d_ms;
    r.dl_ms = 0;

    return r;
}


/*
 * The plugin of video.js: no ot, no bl, dl=0; three segments at once, and then
 * one every two seconds.
 */

static void
test_plugin(void)
{
    double         at;
    unsigned       i;
    qoe_request_t  r;

    begin();
    r = response(0, 10, MANIFEST);
    r.bs = r.su = true;
    apply(&r);

    r = untyped(100, 10, 1, 2000);
    r.bs = r.su = true;
    apply(&r);
    r = untyped(110, 10, 3, NAN);
    r.bs = r.su = true;
    apply(&r);

    for (i = 2; i < 9; i++) {
        at = i < 4 ? 200.0 + i : 200 + (i - 3) * 2000.0;
        r = untyped(at + 1, 10, i - 1, NAN);
        apply(&r);
        r = untyped(at, 10, i, 2000);
        apply(&r);
    }

    ok(COUNT(EXPERIENCE_STARTUP, NULL) == 1
       && fabs(SUM(EXPERIENCE_STARTUP, NULL) - 203) <= 2,
       "it starts with the first request without su");
    ok(fabs(SUM(EXPERIENCE_PLAYING_TIME, NULL) - 10000) <= 50,
       "what came and cannot have been played yet is its buffer: %.0f ms",
       SUM(EXPERIENCE_PLAYING_TIME, NULL));
    ok(COUNT(EXPERIENCE_REBUFFERS, NULL) == 0
       && COUNT(EXPERIENCE_DEADLINE_MISSED, NULL) == 0,
       "bs of the start is no stall, and dl=0 no deadline");

    /* segment 9 is late; of audio a request is made meanwhile, as ever */

    r = untyped(12200, 10, 30, NAN);
    apply(&r);
    r = untyped(12200, 12000, 9, 2000);
    apply(&r);
    r = untyped(24210, 10, 10, 2000);
    r.bs = r.su = true;
    apply(&r);
    end();

    ok(COUNT(EXPERIENCE_REBUFFERS, "bs") == 1,
       "bs after segments that follow each other is a stall, whatever audio "
       "asks for");
    ok(fabs(SUM(EXPERIENCE_PLAYING_TIME, NULL) - 16000) <= 100,
       "in a stall it plays what it had: %.0f ms",
       SUM(EXPERIENCE_PLAYING_TIME, NULL));
}


/* Nothing is known of the buffer after a jump. */

static void
test_assumed_jump(void)
{
    unsigned       i;
    double         played;
    qoe_request_t  r;

    begin();
    r = response(0, 10, MANIFEST);
    apply(&r);

    for (i = 1; i < 6; i++) {
        r = untyped(100 + i * 10.0, 5, i, 2000);
        apply(&r);
    }

    played = SUM(EXPERIENCE_PLAYING_TIME, NULL);
    r = untyped(1000, 10, 40, 2000);
    apply(&r);
    r = untyped(9000, 10, 41, 2000);
    apply(&r);

    played = SUM(EXPERIENCE_PLAYING_TIME, NULL) - played;
    ok(fabs(played - 850 - 2000) <= 20,
       "media from before a seek are not played after it: %.0f ms", played);
}


/*
 * dash.js 4 gives up the first segment after a seek, asks for it again, and
 * says bs once it plays: all of that belongs to the seek.
 */

static void
test_slow_seek(void)
{
    double         at;
    qoe_request_t  r;

    at = play(false);
    r = segment(at, 10000, VIDEO, 30, 0);
    r.bs = true;
    r.aborted = true;
    apply(&r);
    r = segment(at + 11000, 10, VIDEO, 30, 0);
    r.su = false;
    apply(&r);
    r = segment(at + 11020, 10, VIDEO, 31, 2000);
    apply(&r);
    r = segment(at + 11040, 10, VIDEO, 32, 3900);
    r.bs = r.su = true;
    apply(&r);
    goes_on(at + 13000, 33, false);
    end();

    ok(COUNT(EXPERIENCE_REBUFFERS, NULL) == 0,
       "a seek that takes long, and a second try, is no stall");

    at = play(false);
    r = segment(at, 9500, VIDEO, 30, 0);
    r.bs = true;
    apply(&r);
    r = segment(at + 9510, 10, VIDEO, 31, 2000);
    apply(&r);
    r = segment(at + 9530, 10, VIDEO, 32, 0);
    r.bs = r.su = true;
    apply(&r);
    goes_on(at + 12000, 33, false);
    end();

    ok(COUNT(EXPERIENCE_REBUFFERS, "bs") == 0,
       "nor is one whose first response takes long");
}


static void
test_nor(void)
{
    qoe_request_t  r;

    static char                  buf[256];
    static qoe_cmcd_t            c;
    static const qoe_hash_key_t  key = { 1, 2 };

    qoe_request_init(&r);
    (void) qoe_cmcd_query(&c, qoe_span("CMCD=nor%3D%22undefined%22"), buf);
    qoe_request_cmcd(&r, &key, &c, qoe_span("/v/1.ts"));
    ok(!r.nor && r.nor_hash == 0, "nor=\"undefined\" announces nothing");

    (void) qoe_cmcd_query(&c, qoe_span("CMCD=nor%3D%222.ts%22"), buf);
    qoe_request_cmcd(&r, &key, &c, qoe_span("/v/1.ts"));
    ok(r.nor && r.nor_hash != 0, "a name announces the next segment");
}


int
main(void)
{
    test_filling();
    test_filling_seek();
    test_error_left();
    test_error_su();
    test_last();
    test_plugin();
    test_assumed_jump();
    test_slow_seek();
    test_nor();

    return tap_end();
}
