
/*
 * Copyright (C) OpenQoE
 *
 * The state of a session, by sums worked out by hand.
 */


#include "delivery_unit.h"


#define VIDEO     QOE_CMCD_OT_VIDEO
#define AUDIO     QOE_CMCD_OT_AUDIO
#define MANIFEST  QOE_CMCD_OT_MANIFEST


/* A manifest, and video that plays from 300 ms on: segments 1 to n. */

static double
play(unsigned n)
{
    unsigned       i;
    qoe_request_t  r;

    begin();

    r = response(0, 20, MANIFEST);
    apply(&r);

    r = segment(100, 100, VIDEO, 1, 0);
    apply(&r);

    for (i = 2; i <= n; i++) {
        r = segment(300 + (i - 2) * 2000, 100, VIDEO, i, 2000);
        apply(&r);
    }

    return 300 + (n - 1) * 2000.0;
}


static void
test_attempts(void)
{
    qoe_request_t  r;

    begin();
    r = response(0, 20, MANIFEST);
    r.st = QOE_CMCD_ST_LIVE;
    r.sf = QOE_CMCD_SF_HLS;
    apply(&r);

    ok(COUNT(EXPERIENCE_ATTEMPTS, "l") == 1 && COUNT(EXPERIENCE_ATTEMPTS, "h")
       == 1, "the first request of a session is an attempt, with st and sf");

    r = segment(100, 20, VIDEO, 1, 0);
    apply(&r);
    ok(COUNT(EXPERIENCE_ATTEMPTS, NULL) == 1, "the second one is none");

    r.text[QOE_TEXT_VIDEO_ID] = qoe_span_null;
    apply(&r);
    ok(COUNT(EXPERIENCE_ATTEMPTS, NULL) == 1,
       "a request without cid belongs to the content before");

    r = response(5000, 20, MANIFEST);
    r.text[QOE_TEXT_VIDEO_ID] = qoe_span("ad");
    r.st = QOE_CMCD_ST_VOD;
    apply(&r);
    ok(COUNT(EXPERIENCE_ATTEMPTS, NULL) == 2, "another content is an attempt");

    r = segment(9000, 20, VIDEO, 2, 0);
    apply(&r);
    ok(COUNT(EXPERIENCE_ATTEMPTS, NULL) == 2,
       "the content before goes on after an advertisement");

    r.text[QOE_TEXT_VIDEO_ID] = qoe_span("next");
    r.start_ms += 1000;
    apply(&r);
    ok(COUNT(EXPERIENCE_ATTEMPTS, NULL) == 3, "a third one is an attempt");
}


static void
test_attempt_type(void)
{
    qoe_request_t  r;

    begin();
    r = response(0, 20, MANIFEST);
    apply(&r);
    ok(COUNT(EXPERIENCE_ATTEMPTS, NULL) == 0,
       "a manifest without st waits for the type of the stream");

    r = segment(100, 20, VIDEO, 1, 0);
    r.st = QOE_CMCD_ST_VOD;
    r.sf = QOE_CMCD_SF_DASH;
    apply(&r);
    ok(COUNT(EXPERIENCE_ATTEMPTS, "v") == 1
       && COUNT(EXPERIENCE_ATTEMPTS, "d") == 1,
       "the attempt has the type that the next request says");

    begin();
    r = response(0, 20, MANIFEST);
    apply(&r);
    end();
    ok(COUNT(EXPERIENCE_ATTEMPTS, NULL) == 1,
       "a manifest alone is an attempt at its end");
}


static void
test_again(void)
{
    double         at;
    qoe_request_t  r;

    at = play(3);
    end();
    ok(qoe_delivery_over(&state), "a session is over after its end");

    r = segment(at + 100000, 20, VIDEO, 4, 2000);
    apply(&r);
    ok(!qoe_delivery_over(&state) && COUNT(EXPERIENCE_ATTEMPTS, NULL) == 1
       && COUNT(EXPERIENCE_STARTUP, NULL) == 1,
       "a segment after the end continues the view, as after a pause");

    end();
    r = response(at + 200000, 20, MANIFEST);
    apply(&r);
    r = segment(at + 200100, 100, VIDEO, 1, 0);
    apply(&r);
    ok(COUNT(EXPERIENCE_ATTEMPTS, NULL) == 2,
       "a manifest after the end is another attempt");
    r = segment(at + 200500, 100, VIDEO, 2, 2000);
    apply(&r);
    ok(COUNT(EXPERIENCE_STARTUP, NULL) == 2
       && SUM(EXPERIENCE_STARTUP, NULL) == 300 + 500,
       "its startup is one of its own");
}


static void
test_startup(void)
{
    qoe_request_t  r;

    (void) play(2);
    ok(SUM(EXPERIENCE_STARTUP, "request") == 300,
       "startup ends with the first request that has a buffer");

    (void) play(4);
    ok(COUNT(EXPERIENCE_STARTUP, NULL) == 1, "there is one of a view");

    /* no bl: su goes with the third segment */

    begin();
    r = response(0, 20, MANIFEST);
    apply(&r);

    r = segment(100, 100, VIDEO, 1, 0);
    r.bl_ms = r.dl_ms = NAN;
    r.su = true;
    apply(&r);
    r.start_ms += 200;
    r.segment = 2;
    apply(&r);
    ok(COUNT(EXPERIENCE_STARTUP, NULL) == 0, "with su it does not play yet");

    r.start_ms += 200;
    r.segment = 3;
    r.su = false;
    apply(&r);
    ok(SUM(EXPERIENCE_STARTUP, NULL) == 500,
       "startup ends with the first segment without su");

    /* dl=0 all the time, as one player has it */

    begin();
    r = response(0, 20, MANIFEST);
    apply(&r);
    r = segment(100, 100, VIDEO, 1, 0);
    r.bl_ms = NAN;
    r.su = r.bs = true;
    apply(&r);
    ok(COUNT(EXPERIENCE_STARTUP, NULL) == 0, "a deadline of 0 is no buffer");

    begin();
    r = segment(0, 100, VIDEO, 100, 6000);
    apply(&r);
    r = segment(2000, 100, VIDEO, 101, 6000);
    apply(&r);
    ok(COUNT(EXPERIENCE_STARTUP, NULL) == 0
       && SUM(EXPERIENCE_PLAYING_TIME, NULL) == 2000,
       "a session that plays at its first request has no startup");

    /* a page that was open for a minute before the click */

    begin();
    r = response(0, 20, MANIFEST);
    apply(&r);
    r = segment(60000, 100, VIDEO, 1, 0);
    apply(&r);
    r = segment(60400, 100, VIDEO, 2, 2000);
    apply(&r);
    ok(SUM(EXPERIENCE_STARTUP, NULL) == 400,
       "a pause before playback is no part of the startup");

    begin();
    r = response(0, 20, MANIFEST);
    apply(&r);
    r = segment(100, 15000, VIDEO, 1, 0);
    apply(&r);
    r = segment(15200, 100, VIDEO, 2, 2000);
    apply(&r);
    ok(SUM(EXPERIENCE_STARTUP, NULL) == 15200,
       "a slow first segment is a part of the startup");
}


static void
test_startup_failed(void)
{
    qoe_request_t  r;

    begin();
    r = response(0, 20, MANIFEST);
    apply(&r);
    end();
    ok(COUNT(EXPERIENCE_STARTUP_FAILED, "request") == 1,
       "silence after a manifest alone is a failed startup");

    begin();
    r = response(0, 20, MANIFEST);
    apply(&r);
    r = segment(100, 20, VIDEO, 1, 0);
    r.status = 404;
    apply(&r);
    end();
    ok(COUNT(EXPERIENCE_STARTUP_FAILED, NULL) == 1,
       "silence after errors alone is one");

    begin();
    r = response(0, 20, MANIFEST);
    apply(&r);
    r = segment(100, 20, VIDEO, 1, 0);
    r.aborted = true;
    apply(&r);
    end();
    ok(COUNT(EXPERIENCE_STARTUP_FAILED, NULL) == 0,
       "a viewer who leaves while the first segment comes is none");

    begin();
    r = response(0, 20, MANIFEST);
    apply(&r);
    qoe_delivery_evict(&state);
    end();
    ok(COUNT(EXPERIENCE_STARTUP_FAILED, NULL) == 0
       && COUNT(EXPERIENCE_ATTEMPTS, NULL) == 1,
       "a session whose slot is needed has not failed for that");

    (void) play(2);
    end();
    end();
    ok(COUNT(EXPERIENCE_STARTUP_FAILED, NULL) == 0, "media are a startup");
}


static void
test_switches(void)
{
    double         at;
    qoe_request_t  r;

    at = play(3);
    r = segment(at, 100, VIDEO, 4, 2000);
    r.br_kbps = 400;
    apply(&r);
    r = segment(at + 2000, 100, VIDEO, 5, 2000);
    r.br_kbps = 1600;
    apply(&r);

    ok(COUNT(EXPERIENCE_SWITCHES, "down") == 1
       && COUNT(EXPERIENCE_SWITCHES, "up") == 1
       && COUNT(EXPERIENCE_SWITCHES, "v") == 2,
       "a change of the bitrate is a switch up or down");

    r = segment(at + 3000, 100, VIDEO, 6, 2000);
    r.br_kbps = 400;
    r.aborted = true;
    apply(&r);
    r = segment(at + 3100, 100, AUDIO, 6, 2000);
    r.br_kbps = 64;
    apply(&r);

    ok(COUNT(EXPERIENCE_SWITCHES, NULL) == 2,
       "what was given up, and another track, make no switch");
}


static void
test_gap(void)
{
    double         at;
    qoe_request_t  r;

    at = play(2);

    r = segment(at, 400, VIDEO, 3, 2000);
    r.bytes = 250000;
    apply(&r);
    r = segment(at + 2000, 400, VIDEO, 4, 2000);
    r.mtp_kbps = 2500;
    apply(&r);
    r = segment(at + 4000, 1, VIDEO, 5, 2000);
    r.mtp_kbps = 2500;
    apply(&r);
    r = segment(at + 6000, 1, VIDEO, 6, 2000);
    r.mtp_kbps = 2500;
    apply(&r);

    ok(COUNT(DELIVERY_THROUGHPUT_GAP, "v") == 2
       && SUM(DELIVERY_THROUGHPUT_GAP, NULL) == 2 + 1.6,
       "a throughput of 5,000 kbit/s by a measure of 2,500 is a gap of 2");
}


static void
test_retries(void)
{
    double         at;
    qoe_request_t  r;

    at = play(2);

    r = segment(at, 100, VIDEO, 3, 2000);
    r.status = 503;
    apply(&r);
    r = segment(at + 500, 100, VIDEO, 4, 2000);
    apply(&r);
    r = segment(at + 4000, 100, VIDEO, 3, 2000);
    apply(&r);
    r = segment(at + 4100, 100, VIDEO, 3, 2000);
    apply(&r);
    ok(COUNT(DELIVERY_RETRIES, "v") == 1,
       "the same object within two segments after an error is a retry, once");

    r = segment(at + 5000, 100, VIDEO, 5, 2000);
    r.aborted = true;
    apply(&r);
    r = segment(at + 9200, 100, VIDEO, 5, 2000);
    apply(&r);
    ok(COUNT(DELIVERY_RETRIES, NULL) == 1, "later it is none");
}


static void
test_playing(void)
{
    double         at;
    qoe_request_t  r;

    /* from 300 on, a segment each 2 s with a buffer that stays */

    at = play(6);
    ok(SUM(EXPERIENCE_PLAYING_TIME, "request") == 8000,
       "a buffer that stays while a segment comes has played it");

    /* paused for 5 s: the buffer grows by what came */

    r = segment(at + 5000, 100, VIDEO, 7, 2000);
    apply(&r);
    ok(SUM(EXPERIENCE_PLAYING_TIME, NULL) == 8000 + 2000,
       "a pause is no playing time");

    /* a seek: 5 s of buffer are thrown away */

    r = segment(at + 6000, 100, VIDEO, 50, 0);
    apply(&r);
    ok(SUM(EXPERIENCE_PLAYING_TIME, NULL) == 10000 + 1000,
       "a seek counts the time before it, and not what it threw away");

    /* rate 2: 4 s of media in 2 s */

    begin();
    r = segment(0, 10, VIDEO, 1, 6000);
    r.pr = 2;
    r.d_ms = 4000;
    apply(&r);
    r = segment(2000, 10, VIDEO, 2, 6000);
    r.pr = 2;
    apply(&r);
    ok(SUM(EXPERIENCE_PLAYING_TIME, NULL) == 2000,
       "media at twice the rate play for half of their time");
}


static void
test_playing_tracks(void)
{
    unsigned       i;
    qoe_request_t  r;

    /* audio and video at once, and a video buffer that is emptied */

    begin();

    for (i = 0; i < 6; i++) {
        r = segment(i * 2000.0, 10, AUDIO, i + 1, 4000);
        apply(&r);
        r = segment(i * 2000.0 + 1, 10, VIDEO, i + 1, i == 3 ? 300 : 4000);
        apply(&r);
    }

    ok(SUM(EXPERIENCE_PLAYING_TIME, NULL) == 10000,
       "two tracks play once, and that of the audio says how long");

    /* neither bl nor dl: what came, but no longer than the time */

    begin();

    for (i = 0; i < 6; i++) {
        r = segment(i * 1500.0, 10, VIDEO, i + 1, 0);
        r.bl_ms = r.dl_ms = NAN;
        r.su = false;
        apply(&r);
    }

    ok(SUM(EXPERIENCE_PLAYING_TIME, NULL) == 6000,
       "without a buffer, media play for as long as they came");
}


static void
test_end(void)
{
    double         at;
    qoe_request_t  r;

    at = play(3);
    r = segment(at, 100, VIDEO, 4, 3000);
    r.nor = true;
    apply(&r);
    end();
    ok(SUM(EXPERIENCE_PLAYING_TIME, NULL) == 4000 - 1000,
       "in a silence in the middle nothing is played");

    at = play(3);
    r = segment(at, 100, VIDEO, 4, 2000);
    r.nor = true;
    apply(&r);
    r = segment(at + 2000, 100, VIDEO, 5, 2000);
    apply(&r);
    end();
    ok(SUM(EXPERIENCE_PLAYING_TIME, NULL) == 6000 + 4000,
       "after the last object of all the buffer is played");
    end();
    ok(SUM(EXPERIENCE_PLAYING_TIME, NULL) == 10000, "it is played once");
}


static void
test_silence(void)
{
    size_t         i;
    qoe_request_t  r;

    static const struct { double d, bl, silence; }  rows[] = {
        { 2000, 6000, 30000 }, { 10000, 10000, 30000 },
        { 10000, 10001, 60000 }, { 10000, 60000, 120000 },
        { 10000, 200000, 300000 }, { 10000, 5000000, 300000 },
        { NAN, NAN, 30000 }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        begin();
        r = segment(0, 10, VIDEO, 1, rows[i].bl);
        r.d_ms = rows[i].d;
        apply(&r);

        ok((double) qoe_delivery_silence_ms(&state) == rows[i].silence,
           "segments of %g ms and a buffer of %g ms end after %g ms",
           rows[i].d, rows[i].bl, rows[i].silence);
    }
}


static void
test_known(void)
{
    unsigned       i;
    qoe_request_t  r;

    begin();

    for (i = 0; i < 100; i++) {
        r = segment(i, 1, VIDEO, i, 2000);
        apply(&r);
    }

    ok(!qoe_delivery_known(&state), "a burst makes no session a known one");

    (void) play(3);
    ok(!qoe_delivery_known(&state), "nor do 2 s");

    (void) play(5);
    ok(qoe_delivery_known(&state), "segments over 5 s do");
}


/* Numbers of all sizes, and a state of any bytes: nothing breaks. */

static void
test_any(void)
{
    bool           sane;
    size_t         i, k;
    unsigned       seed;
    qoe_request_t  r;

    seed = 7;
    sane = true;
    begin();

    for (i = 0; i < 100000; i++) {

        if (i % 100 == 0) {
            for (k = offsetof(qoe_delivery_t, st); k < sizeof(state); k++) {
                seed = seed * 1103515245 + 12345;
                ((char *) &state)[k] = (char) (seed >> 24);
            }
        }

        seed = seed * 1103515245 + 12345;
        r = segment(seed >> 8, seed >> (seed >> 27), (seed >> 5) % QOE_CMCD_OTS,
                    seed >> 20, seed >> (seed >> 28));
        r.bs = (seed >> 9 & 1) != 0;
        r.aborted = (seed >> 10 & 7) == 0;
        r.status = (seed >> 13 & 7) ? 200 : 500;
        r.d_ms = (seed >> 16 & 3) ? 2000 : 1e15;
        r.br_kbps = 1e15;

        all.n = 0;
        qoe_points_clear(&made);
        qoe_delivery_apply(&state, &r, T0 + (seed >> 4), &made);

        if ((seed >> 17 & 31) == 0) {
            qoe_delivery_end(&state, &made);
        }

        keep();

        for (k = 0; k < all.n; k++) {
            sane &= isfinite(all.point[k].value) && all.point[k].value >= 0
                    && all.point[k].nextra <= QOE_POINT_EXTRAS;
        }
    }

    ok(sane, "forged numbers and a torn state make points that are sane");
    ok(refused_points == 0, "no request makes more points than there is room");
}


int
main(void)
{
    test_attempts();
    test_attempt_type();
    test_again();
    test_startup();
    test_startup_failed();
    test_switches();
    test_gap();
    test_retries();
    test_playing();
    test_playing_tracks();
    test_end();
    test_silence();
    test_known();
    test_any();

    return tap_end();
}
