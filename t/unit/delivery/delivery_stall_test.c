
/*
 * Copyright (C) OpenQoE
 *
 * Estimated stalls: their signs, their length, their cause, and what is none.
 */


#include "delivery_play.h"


static bool
smooth(void)
{
    return COUNT(EXPERIENCE_REBUFFERS, NULL) == 0
           && COUNT(EXPERIENCE_REBUFFER_TIME, NULL) == 0;
}


/* A response that comes 4 s after its deadline of 2 s. */

static void
test_deadline(void)
{
    double         at;
    qoe_request_t  r;

    /* the buffers after it agree: 2 s were played in 6 */

    at = play(false);
    r = segment(at, 6000, VIDEO, 6, 2000);
    r.bytes = 50000;
    apply(&r);
    ok(COUNT(EXPERIENCE_DEADLINE_MISSED, "network") == 1,
       "a response after its deadline has missed it");
    ok(smooth(), "the stall waits for what later requests say of the buffer");
    goes_on(at + 6000, 7, false);
    ok(stalled(4000, "network", "deadline"), "a stall of 4 s is counted");

    /* no bl later: the deadline alone */

    at = play(false);
    r = segment(at, 6000, VIDEO, 6, 2000);
    apply(&r);
    end();
    ok(stalled(4000, NULL, "deadline"),
       "without later requests its length is that of the deadline");

    at = play(false);
    r = segment(at, 2450, VIDEO, 6, 2000);
    apply(&r);
    end();
    ok(smooth() && COUNT(EXPERIENCE_DEADLINE_MISSED, NULL) == 1,
       "450 ms by the deadline alone are a miss, but no stall");

    at = play(false);
    r = segment(at, 2100, VIDEO, 6, 2000);
    apply(&r);
    goes_on(at + 2200, 7, false);
    ok(smooth() && COUNT(EXPERIENCE_DEADLINE_MISSED, NULL) == 0,
       "100 ms are rounding");
}


/*
 * The picture is 4 s late, and the sound plays on: then for 3 s, then until the
 * end.
 */

static void
test_other_track(void)
{
    double         at;
    qoe_request_t  r;

    at = play(true);
    r = segment(at, 100, AUDIO, 6, 3000);
    apply(&r);
    r = segment(at + 2000, 100, AUDIO, 7, 3000);
    apply(&r);
    r = segment(at + 4000, 100, AUDIO, 8, 3000);
    apply(&r);
    r = segment(at, 6000, VIDEO, 6, 2000);
    apply(&r);
    r = segment(at + 7000, 100, AUDIO, 9, 3000);
    apply(&r);
    r = segment(at + 7000, 100, VIDEO, 7, 2000);
    apply(&r);
    goes_on(at + 9000, 8, true);
    ok(stalled(1000, NULL, "deadline"),
       "sound that stops for 1 s in a late picture is a stall of 1 s");

    at = play(true);
    r = segment(at, 100, AUDIO, 6, 3000);
    apply(&r);
    r = segment(at + 2000, 100, AUDIO, 7, 3000);
    apply(&r);
    r = segment(at + 4000, 100, AUDIO, 8, 3000);
    apply(&r);
    r = segment(at, 6000, VIDEO, 6, 2000);
    apply(&r);
    r = segment(at + 6000, 100, AUDIO, 9, 3000);
    apply(&r);
    r = segment(at + 6000, 100, VIDEO, 7, 2000);
    apply(&r);
    ok(smooth(), "sound that goes on says that there was no stall");
}


/* The same requests in the order in which they ended, and in another. */

static void
test_order(void)
{
    double         at;
    qoe_request_t  r;

    /* the original is given up without an abort, and ends long after */

    at = play(true);

    r = segment(at, 100, AUDIO, 6, 3000);
    apply(&r);
    r = segment(at + 5000, 1000, VIDEO, 6, 0);
    r.dl_ms = 0;
    r.su = false;
    apply(&r);
    r = segment(at + 6000, 100, AUDIO, 7, 2000);
    apply(&r);
    r = segment(at + 6000, 100, VIDEO, 7, 2000);
    apply(&r);
    r = segment(at + 8000, 100, VIDEO, 8, 2000);
    apply(&r);
    r = segment(at + 8000, 100, AUDIO, 8, 2000);
    apply(&r);
    ok(smooth(), "nothing is known of a request before it has ended");

    r = segment(at, 10000, VIDEO, 6, 3000);
    apply(&r);
    ok(stalled(3000, NULL, "deadline"),
       "a request that ends last makes the stall that its deadline began");
    goes_on(at + 10000, 9, true);
    ok(COUNT(EXPERIENCE_REBUFFERS, NULL) == 1, "it is counted once");
}


static void
test_merge(void)
{
    double         at;
    qoe_request_t  r;

    at = play(false);
    r = segment(at, 4000, VIDEO, 6, 2000);
    apply(&r);
    r = segment(at + 4000, 2000, VIDEO, 7, 300);
    apply(&r);
    ok(COUNT(EXPERIENCE_DEADLINE_MISSED, NULL) == 2, "two responses are late");
    goes_on(at + 6000, 8, false);
    ok(COUNT(EXPERIENCE_REBUFFERS, NULL) == 1,
       "dry times that are close are one stall");

    at = play(false);
    r = segment(at, 4000, VIDEO, 6, 2000);
    apply(&r);
    goes_on(at + 4000, 7, false);
    r = segment(at + 12000, 4000, VIDEO, 11, 2000);
    apply(&r);
    goes_on(at + 16000, 12, false);
    ok(COUNT(EXPERIENCE_REBUFFERS, NULL) == 2
       && fabs(SUM(EXPERIENCE_REBUFFER_TIME, NULL) - 4000) < 20,
       "stalls that are apart are two");
}


static void
test_errors(void)
{
    double         at;
    unsigned       i;
    qoe_request_t  r;

    /* 503 until the buffer of 2 s has been empty for 3 s */

    at = play(false);

    for (i = 0; i < 5; i++) {
        r = segment(at + i * 1000.0, 50, VIDEO, 6, fmax(2000 - i * 1000.0, 0));
        r.status = 503;
        r.su = false;
        apply(&r);
    }

    r = segment(at + 5000, 100, VIDEO, 6, 0);
    r.su = false;
    apply(&r);
    goes_on(at + 5100, 7, false);
    ok(stalled(3000, "error", "deadline"),
       "answers of 503 until the buffer was empty are a stall by errors");

    at = play(false);
    r = segment(at, 50, VIDEO, 6, 2000);
    r.status = 503;
    apply(&r);
    r = segment(at + 1000, 100, VIDEO, 6, 1000);
    apply(&r);
    goes_on(at + 2000, 7, false);
    ok(smooth() && SUM(DELIVERY_RETRIES, NULL) == 1,
       "an error that a retry makes good in time is none");

    at = play(false);
    r = segment(at, 50, VIDEO, 6, 2000);
    r.status = 404;
    apply(&r);
    end();
    ok(stalled(NAN, "error", "deadline"),
       "silence after an error is a stall whose length is not known");

    at = play(false);
    r = segment(at, 50, VIDEO, 6, 2000);
    r.aborted = true;
    apply(&r);
    end();
    ok(smooth(), "silence after an abort is a viewer who left");

    /* given up before the deadline, and the next one comes late */

    at = play(false);
    r = segment(at, 1900, VIDEO, 6, 2000);
    r.aborted = true;
    apply(&r);
    r = segment(at + 1900, 3100, VIDEO, 6, 100);
    apply(&r);
    goes_on(at + 5000, 7, false);
    ok(stalled(3000, NULL, "deadline"),
       "the deadline of a request that was given up holds for the next one");
}


static void
test_cause(void)
{
    double         at;
    qoe_request_t  r;

    at = play(false);
    r = segment(at, 6000, VIDEO, 6, 2000);
    r.cache = QOE_CACHE_MISS;
    r.upstream_header_ms = 5800;
    r.upstream_ms = 5900;
    r.ttfb_ms = 5850;
    apply(&r);
    goes_on(at + 6000, 7, false);
    ok(stalled(4000, "origin", "deadline")
       && COUNT(EXPERIENCE_DEADLINE_MISSED, "origin") == 1,
       "a stall by a slow origin says so");

    at = play(false);
    r = segment(at, 6000, VIDEO, 6, 2000);
    r.ttfb_ms = 5850;
    apply(&r);
    goes_on(at + 6000, 7, false);
    ok(stalled(4000, "edge", "deadline"), "a stall by a slow edge says so");

    at = play(false);
    r = segment(at, 6000, VIDEO, 6, 2000);
    r.ttfb_ms = 50;
    r.br_kbps = 0;
    apply(&r);
    goes_on(at + 6000, 7, false);
    ok(stalled(4000, "network", "deadline"),
       "the network is the cause where a bitrate of 0 says nothing of the "
       "client");

    at = play(false);
    r = segment(at, 50, VIDEO, 6, 3000);
    r.status = 502;
    apply(&r);
    r = segment(at + 1000, 5000, VIDEO, 6, 2000);
    apply(&r);
    goes_on(at + 6000, 7, false);
    ok(COUNT(EXPERIENCE_REBUFFERS, "error") == 1
       && COUNT(EXPERIENCE_DEADLINE_MISSED, "error") == 1,
       "an error that cost the time of the next request is the cause");
}


/*
 * The sound is asked for elsewhere before the last request for the picture is
 * over, which began earlier.
 */

static void
test_seek_of_other_track(void)
{
    double         at;
    qoe_request_t  r;

    at = play(true);
    r = segment(at + 100, 100, AUDIO, 50, 0);
    r.bs = r.su = true;
    apply(&r);
    r = segment(at, 300, VIDEO, 6, 0);
    r.bs = r.su = true;
    r.bl_ms = r.dl_ms = NAN;
    apply(&r);
    end();
    ok(smooth(), "bs is none in a request that began just before the jump");
}


static void
test_seek(void)
{
    double         at;
    qoe_request_t  r;

    /* bs and su with a jump, and again a little later */

    at = play(true);
    r = segment(at, 100, VIDEO, 50, 0);
    r.bs = r.su = true;
    apply(&r);
    r = segment(at, 100, AUDIO, 50, 0);
    r.bs = r.su = true;
    apply(&r);
    r = segment(at + 1000, 100, VIDEO, 51, 1900);
    apply(&r);
    r = segment(at + 1100, 100, VIDEO, 52, 2900);
    r.bs = r.su = true;
    apply(&r);
    goes_on(at + 3000, 53, true);
    end();
    ok(smooth(), "bs after a seek is no stall");

    at = play(true);
    r = segment(at, 100, VIDEO, 2, 0);
    r.bs = r.su = true;
    apply(&r);
    goes_on(at + 3000, 3, true);
    end();
    ok(smooth(), "nor after a seek back");

    /* a slow response that was on its way when the viewer went elsewhere */

    at = play(false);
    r = segment(at + 1000, 100, VIDEO, 50, 0);
    apply(&r);
    r = segment(at + 1200, 100, VIDEO, 51, 2000);
    apply(&r);
    r = segment(at, 9000, VIDEO, 6, 3000);
    apply(&r);
    goes_on(at + 9000, 52, false);
    end();
    ok(smooth(), "a deadline from before a seek is not missed by it");

    /* the same, and what was asked for then comes even later */

    at = play(false);
    r = segment(at, 9000, VIDEO, 6, 3000);
    apply(&r);
    r = segment(at + 1000, 9000, VIDEO, 50, 0);
    apply(&r);
    goes_on(at + 10000, 51, false);
    end();
    ok(smooth(), "nor if the seek takes longer than that response");

    /* a buffer that was reported before the player emptied it */

    at = play(false);
    r = segment(at, 6000, VIDEO, 50, 2000);
    apply(&r);
    goes_on(at + 6000, 51, false);
    end();
    ok(smooth(), "a slow seek is none, whatever buffer its request reports");

    r = segment(at + 20000, 6000, VIDEO, 55, 2000);
    apply(&r);
    goes_on(at + 26000, 56, false);
    ok(COUNT(EXPERIENCE_REBUFFERS, NULL) == 1,
       "a slow response some time after a seek is a stall");

    /* times as numbers: a step of 180,180 */

    begin();
    r = response(0, 20, MANIFEST);
    apply(&r);

    for (at = 0; at < 10000; at += 2000) {
        r = segment(at, 100, VIDEO, (unsigned) (at / 2000 * 180180),
                    at != 0 ? 3000 : 0);
        apply(&r);
    }

    r = segment(at, 100, VIDEO, 40 * 180180, 0);
    r.bl_ms = r.dl_ms = NAN;
    r.bs = true;
    apply(&r);
    end();
    ok(smooth(), "a seek is found by times as well");
}


/* One file for each rendition, of which ranges are asked for. */

static void
test_ranges(void)
{
    double         at;
    unsigned       i, place;
    qoe_request_t  r;

    static const struct {
        unsigned     first;
        double       kbps;
        bool         stall;
        const char  *text;
    } rows[] = {
        { 5000, 800, true, "bs with the next range of a file is a stall" },
        { 9000, 800, false, "bs with a range further on is a seek" },
        { 9000, 400, false, "bs with a range of another file may be a seek" }
    };

    for (i = 0; i < 3; i++) {
        begin();
        r = response(0, 20, MANIFEST);
        apply(&r);

        for (at = 0, place = 0; at < 10000; at += 2000, place += 1000) {
            r = segment(at, 100, VIDEO, 1, 0);
            r.bl_ms = r.dl_ms = NAN;
            r.su = (at == 0);
            r.range_first = place;
            r.range_next = place + 1000;
            apply(&r);
        }

        r.start_ms = (uint64_t) (T0 + at);
        r.bs = true;
        r.br_kbps = rows[i].kbps;
        r.range_first = rows[i].first;
        r.range_next = rows[i].first + 1000;
        apply(&r);
        end();

        ok(COUNT(EXPERIENCE_REBUFFERS, "bs") == rows[i].stall, "%s",
           rows[i].text);
    }
}


static void
test_claimed(void)
{
    double         at;
    qoe_request_t  r;

    /* dl is 0: nothing but bs, and the buffers */

    at = play(false);
    r = segment(at, 6000, VIDEO, 6, 2000);
    r.dl_ms = 0;
    apply(&r);
    r = segment(at + 6000, 100, VIDEO, 7, 2000);
    r.dl_ms = 0;
    r.bs = r.su = true;
    apply(&r);
    r = segment(at + 6100, 100, VIDEO, 8, 3900);
    r.bs = true;
    apply(&r);
    goes_on(at + 8000, 9, false);
    ok(stalled(4000, NULL, "bs"),
       "bs is a stall, as long as the buffers say, and counts once in a burst");

    /* neither bl nor dl */

    begin();
    r = response(0, 20, MANIFEST);
    apply(&r);

    for (at = 0; at < 10000; at += 2000) {
        r = segment(at, 100, VIDEO, (unsigned) at / 2000, 0);
        r.bl_ms = r.dl_ms = NAN;
        r.su = (at == 0);
        r.bs = (at == 6000);
        apply(&r);
    }

    end();
    ok(stalled(NAN, "client", "bs"),
       "without a buffer the length of a stall by bs is not known");

    /* the player says so, but the buffers do not */

    at = play(false);
    r = segment(at, 100, VIDEO, 6, 3000);
    r.bs = r.su = true;
    apply(&r);
    goes_on(at + 2000, 7, false);
    ok(smooth(), "bs without any time that did not play is none");

    /* su again, and a buffer that was not played */

    at = play(false);
    r = segment(at, 6000, VIDEO, 6, 2000);
    r.dl_ms = 0;
    apply(&r);
    r = segment(at + 6000, 100, VIDEO, 6, 400);
    r.su = true;
    apply(&r);
    goes_on(at + 7000, 7, false);
    ok(COUNT(EXPERIENCE_REBUFFERS, "su") == 1,
       "su again with a short buffer is a stall if the buffers say so");

    /* before playback */

    begin();
    r = response(0, 20, MANIFEST);
    apply(&r);

    for (at = 100; at < 1000; at += 100) {
        r = segment(at, 50, VIDEO, (unsigned) at / 100, 0);
        r.bl_ms = NAN;
        r.bs = true;
        apply(&r);
    }

    end();
    ok(smooth(), "bs before playback is no stall");
}


int
main(void)
{
    test_deadline();
    test_other_track();
    test_order();
    test_merge();
    test_errors();
    test_cause();
    test_seek_of_other_track();
    test_seek();
    test_ranges();
    test_claimed();

    return tap_end();
}
