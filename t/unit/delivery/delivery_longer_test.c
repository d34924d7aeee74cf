
/*
 * Copyright (C) OpenQoE
 *
 * Estimated stalls that last longer than the first sign says: errors in both
 * tracks, and bytes that the kernel still had to send.
 */


#include "delivery_play.h"


/* Both tracks fail, and are fed one after the other. */

static void
test_both(void)
{
    double         at;
    qoe_request_t  r;

    at = play(true);
    r = segment(at, 10, AUDIO, 6, 2000);
    r.status = 503;
    apply(&r);
    r = segment(at + 10, 10, VIDEO, 6, 1900);
    r.status = 503;
    apply(&r);
    r = segment(at + 1000, 10, AUDIO, 6, 1000);
    r.status = 503;
    apply(&r);
    r = segment(at + 5000, 10, VIDEO, 6, 100);
    r.bs = r.su = true;
    apply(&r);
    r = segment(at + 5100, 10, VIDEO, 7, 2000);
    apply(&r);
    r = segment(at + 8000, 10, AUDIO, 6, 0);
    apply(&r);
    r = segment(at + 8010, 10, AUDIO, 7, 2000);
    apply(&r);
    goes_on(at + 10000, 8, true);

    ok(COUNT(EXPERIENCE_REBUFFERS, "error") == 1
       && fabs(SUM(EXPERIENCE_REBUFFER_TIME, "error") - 6000) <= 150,
       "where both tracks failed, a stall lasts until both have come: %.0f ms",
       SUM(EXPERIENCE_REBUFFER_TIME, "error"));
}


/*
 * Both tracks fail, but of the video 2 s are left when the sound has ended, at
 * 3 s.  The sound comes at 6.5 s, the video after so many ms.
 */

static void
fails_apart(double video)
{
    double         at;
    qoe_request_t  r;

    at = play(true);
    r = segment(at, 10, VIDEO, 6, 3000);
    apply(&r);
    r = segment(at, 10, AUDIO, 6, 3000);
    r.status = 503;
    apply(&r);
    r = segment(at + 2000, 10, VIDEO, 7, 3000);
    r.status = 503;
    apply(&r);
    r = segment(at + 2400, 10, AUDIO, 6, 600);
    r.status = 503;
    apply(&r);
    r = segment(at + 4000, 10, VIDEO, 7, 2000);
    r.status = 503;
    r.bs = r.su = true;
    apply(&r);
    r = segment(at + 6500, 10, AUDIO, 6, 0);
    r.su = true;
    apply(&r);
    r = segment(at + 6510, 10, AUDIO, 7, 2000);
    r.su = true;
    apply(&r);

    r = segment(at + video, 10, VIDEO, 7, fmax(8500 - video, 0));
    r.bs = r.su = (video > 8500);
    apply(&r);
    r = segment(at + video + 20, 10, VIDEO, 8, 2000);
    apply(&r);
    r = segment(at + video + 20, 10, AUDIO, 8, 2000);
    apply(&r);
    goes_on(at + video + 2020, 9, true);
}


static void
test_apart(void)
{
    size_t  i;

    static const struct {
        double       video;
        uint64_t     stalls;
        double       ms;
        const char  *text;
    } rows[] = {
        { 12000, 2, 7000,
          "what a track had left is played between two stalls" },
        { 9000, 2, 4000, "a short stall after a long one counts as well" },
        { 8400, 1, 3500, "a track that is fed in time makes no second stall" }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        fails_apart(rows[i].video);
        ok(COUNT(EXPERIENCE_REBUFFERS, NULL) == rows[i].stalls
           && COUNT(EXPERIENCE_REBUFFERS, "error") == rows[i].stalls
           && fabs(SUM(EXPERIENCE_REBUFFER_TIME, "error") - rows[i].ms) <= 150,
           "%s: %.0f ms", rows[i].text,
           SUM(EXPERIENCE_REBUFFER_TIME, "error"));
    }
}


/*
 * As dash.js asked when the edge held up all: the picture came as the sound
 * ended, and what was asked for then with an empty buffer came with late sound.
 */

static void
test_asked_empty(void)
{
    size_t         i;
    double         at;
    qoe_request_t  r;

    static const struct {
        double       start;
        double       took;
        int          ot;
        unsigned     number;
        double       bl;
    } rows[] = {
        { 0, 10, VIDEO, 6, 1800 },
        { 20, 10, AUDIO, 6, 3800 },
        { 2020, 4650, VIDEO, 7, 1800 },
        { 4560, 2130, AUDIO, 7, 1600 },
        { 6680, 6680, VIDEO, 8, 0 },
        { 6700, 6670, AUDIO, 8, 1900 },
        { 13930, 10, VIDEO, 9, 1600 },
        { 14520, 10, AUDIO, 9, 3100 }
    };

    at = play(true);

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        r = segment(at + rows[i].start, rows[i].took, rows[i].ot,
                    rows[i].number, rows[i].bl);
        r.bs = r.su = (rows[i].took > 6000);
        apply(&r);
    }

    goes_on(at + 16000, 10, true);

    ok(COUNT(EXPERIENCE_REBUFFERS, NULL) == 1
       && fabs(SUM(EXPERIENCE_REBUFFER_TIME, NULL) - 7390) <= 400,
       "what is asked for with an empty buffer belongs to the stall of 7,390 "
       "ms: %.0f", SUM(EXPERIENCE_REBUFFER_TIME, NULL));
}


/* The player says with a failed request that it has starved. */

static void
test_claimed_error(void)
{
    double         at, before;
    qoe_request_t  r;

    at = play(true);
    r = segment(at, 10, AUDIO, 6, 2000);
    r.status = 503;
    apply(&r);
    r = segment(at + 10, 10, VIDEO, 6, 2000);
    r.status = 503;
    apply(&r);

    for (before = 3000; before <= 5000; before += 2000) {
        r = segment(at + before, 10, VIDEO, 6, 100);
        r.status = 503;
        r.bs = r.su = true;
        apply(&r);
    }

    r = segment(at + 7000, 10, AUDIO, 6, 0);
    apply(&r);
    r = segment(at + 8000, 10, VIDEO, 6, 100);
    apply(&r);
    r = segment(at + 8010, 10, AUDIO, 7, 2000);
    apply(&r);
    goes_on(at + 10000, 8, true);

    ok(COUNT(EXPERIENCE_REBUFFERS, NULL) == 1
       && COUNT(EXPERIENCE_REBUFFERS, "error") == 1
       && fabs(SUM(EXPERIENCE_REBUFFER_TIME, "error") - 6000) <= 150,
       "bs of a request that fails does not end the stall: %.0f ms",
       SUM(EXPERIENCE_REBUFFER_TIME, "error"));
}


/* The response after a late one is late as well, some seconds later. */

static void
test_two(void)
{
    double         at;
    qoe_request_t  r;

    at = play(false);
    r = segment(at, 2800, VIDEO, 6, 2000);
    r.ttfb_ms = 2790;
    apply(&r);
    r = segment(at + 2800, 8000, VIDEO, 7, 2000);
    r.ttfb_ms = 7990;
    apply(&r);
    goes_on(at + 10800, 8, false);

    ok(COUNT(EXPERIENCE_REBUFFERS, NULL) == 2
       && COUNT(EXPERIENCE_REBUFFERS, "edge") == 2
       && fabs(SUM(EXPERIENCE_REBUFFER_TIME, NULL) - 6800) <= 150,
       "a late response after a late response is another stall: %.0f ms",
       SUM(EXPERIENCE_REBUFFER_TIME, NULL));
}


/*
 * The kernel takes a response at once and sends it for 5900 ms, which the next
 * request of the connection shows.
 */

static void
test_lag(void)
{
    double         at;
    size_t         i;
    qoe_request_t  r;

    static const struct {
        double       lag;
        double       took;
        bool         before;         /* with an audio request just before */
        const char  *cause;
        const char  *text;
    } rows[] = {
        { 5900, 20, false, "network",
          "a response that the kernel sent for longer than it plays" },
        { 1900, 20, false, "client",
          "a response that the kernel sent for less than it plays" },
        { NAN, 20, false, "client",
          "a connection of which the kernel says nothing" },
        { 5900, 20, true, "network",
          "a slow response that another request of the session showed" }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        at = play(rows[i].before);
        r = segment(at, rows[i].took, VIDEO, 6, 2000);
        apply(&r);

        if (rows[i].before) {
            r = segment(at + 5800, 10, AUDIO, 6, 0);
            r.lag_ms = rows[i].lag;
            apply(&r);
        }

        r = segment(at + 6000, 10, VIDEO, 7, 0);
        r.bs = r.su = true;
        r.lag_ms = rows[i].before ? 0 : rows[i].lag;
        apply(&r);
        goes_on(at + 6100, 8, rows[i].before);

        ok(COUNT(EXPERIENCE_REBUFFERS, NULL) == 1
           && COUNT(EXPERIENCE_REBUFFERS, rows[i].cause) == 1,
           "the cause is %s: %s", rows[i].cause, rows[i].text);
    }

    /* of a late response the last 3 s are still on their way */

    at = play(false);
    r = segment(at, 3000, VIDEO, 6, 2000);
    r.bytes = 50000;
    apply(&r);
    r = segment(at + 6000, 10, VIDEO, 7, 2000);
    r.bs = r.su = true;
    r.lag_ms = 2900;
    apply(&r);
    goes_on(at + 6100, 8, false);
    ok(stalled(4000, "network", "deadline"),
       "a stall lasts until the kernel has sent the late response");
}


/* The buffer of a request that was made in a stall lasts from its end on. */

static void
test_asked_in_stall(void)
{
    double         at;
    qoe_request_t  r;

    at = play(true);
    r = segment(at + 50, 100, AUDIO, 6, 950);
    apply(&r);
    r = segment(at, 4000, VIDEO, 6, 1500);
    apply(&r);
    r = segment(at + 4000, 100, VIDEO, 7, 2000);
    apply(&r);
    r = segment(at + 3000, 6500, AUDIO, 7, 1500);
    apply(&r);
    goes_on(at + 9600, 8, true);

    ok(COUNT(EXPERIENCE_REBUFFERS, NULL) == 2
       && fabs(SUM(EXPERIENCE_REBUFFER_TIME, NULL) - 6500) <= 600,
       "a response that was asked for in a stall, and is late itself, makes "
       "another stall: %.0f, %.0f ms", COUNT(EXPERIENCE_REBUFFERS, NULL) * 1.0,
       SUM(EXPERIENCE_REBUFFER_TIME, NULL));
}


/* The player gives up what the edge delays, and then has it at once. */

static void
test_given_up(void)
{
    double         at;
    qoe_request_t  r;

    at = play(true);
    r = segment(at + 50, 100, AUDIO, 6, 4000);
    apply(&r);
    r = segment(at, 10000, VIDEO, 6, 2000);
    r.status = 499;
    r.aborted = true;
    r.bytes = 0;
    r.ttfb_ms = NAN;
    apply(&r);
    r = segment(at + 10010, 13, VIDEO, 6, 0);
    r.upstream_header_ms = 1;
    r.upstream_ms = 12;
    apply(&r);
    goes_on(at + 10100, 7, true);

    ok(COUNT(EXPERIENCE_REBUFFERS, NULL) == 1
       && COUNT(EXPERIENCE_REBUFFERS, "edge") == 1,
       "the response that ends a stall at once is not its cause");
}


int
main(void)
{
    test_both();
    test_apart();
    test_asked_empty();
    test_given_up();
    test_asked_in_stall();
    test_claimed_error();
    test_two();
    test_lag();

    return tap_end();
}
