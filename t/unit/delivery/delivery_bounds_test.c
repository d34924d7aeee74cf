
/*
 * Copyright (C) OpenQoE
 *
 * The state of a session at the bounds of its rules: what belongs to a view
 * and to its startup, and what does not.
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


/* The kind of stream of an attempt, and that of the state. */

static void
test_types(void)
{
    size_t         i;
    qoe_request_t  r;

    static const char *const  sts[] = { NULL, "v", "l", "ll" };
    static const char *const  sfs[] = { NULL, "d", "e", "h", "s", "o" };

    for (i = 0; i < QOE_CMCD_STS; i++) {
        begin();
        r = segment(0, 20, VIDEO, 1, 0);
        r.st = (uint8_t) i;
        apply(&r);

        ok(COUNT(EXPERIENCE_ATTEMPTS, NULL) == 1
           && COUNT(EXPERIENCE_ATTEMPTS, sts[i]) == 1
           && all.point[0].nextra == 1 + (i != 0) && state.st == i
           && all.point[0].extra[i != 0].dim
              == (i != 0 ? QOE_DIM_ST : QOE_DIM_SOURCE),
           "an attempt has stream type %zu, if there is any", i);
    }

    for (i = 0; i < QOE_CMCD_SFS; i++) {
        begin();
        r = segment(0, 20, VIDEO, 1, 0);
        r.sf = (uint8_t) i;
        apply(&r);

        ok(COUNT(EXPERIENCE_ATTEMPTS, NULL) == 1
           && COUNT(EXPERIENCE_ATTEMPTS, sfs[i]) == 1
           && all.point[0].nextra == 1 + (i != 0) && state.sf == i,
           "an attempt has streaming format %zu, if there is any", i);
    }

    r = segment(1000, 20, VIDEO, 2, 2000);
    r.st = QOE_CMCD_ST_LIVE;
    apply(&r);
    ok(state.sf == QOE_CMCD_SFS - 1 && state.st == QOE_CMCD_ST_LIVE,
       "a type that a later request does not send stays");

    r = segment(2000, 20, VIDEO, 3, 2000);
    r.sf = QOE_CMCD_SF_DASH;
    apply(&r);
    ok(state.sf == QOE_CMCD_SF_DASH && state.st == QOE_CMCD_ST_LIVE,
       "another one takes its place");
}


/* After the end of a view of 4 segments, so many ms after the last receipt. */

static void
test_again(void)
{
    size_t         i;
    double         last;
    qoe_request_t  r;

    static const struct {
        double         after;
        qoe_cmcd_ot_t  ot;
        bool           ended;
        unsigned       attempts;
        const char    *text;
    } rows[] = {
        { 3600000, VIDEO, true, 1, "a segment an hour later is the same" },
        { 3600001, VIDEO, true, 2, "one that is later is another" },
        { 3600001, VIDEO, false, 1, "without an end the view goes on" },
        { 1000, MANIFEST, true, 2, "a manifest after the end is another" },
        { 1000, MANIFEST, false, 1, "a manifest in the view is the same" },
        { 1000, AUDIO, true, 1, "another track is the same" }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        (void) play(false);
        last = (double) (state.received_ms - T0);

        if (rows[i].ended) {
            end();
        }

        r = segment(last + rows[i].after - 10, 10, rows[i].ot, 6, 3000);
        r.st = QOE_CMCD_ST_VOD;
        apply(&r);

        ok(COUNT(EXPERIENCE_ATTEMPTS, NULL) == rows[i].attempts
           && state.received_ms == T0 + last + rows[i].after
           && !qoe_delivery_over(&state), "views: %s", rows[i].text);
    }
}


static void
visit(double at, const char *cid, double bl)
{
    qoe_request_t  r;

    r = segment(at, 10, VIDEO, (unsigned) at / 1000, bl);
    r.text[QOE_TEXT_VIDEO_ID] = qoe_span_str(cid);
    apply(&r);
}


static void
test_contents(void)
{
    begin();
    visit(0, "a", 0);
    visit(1000, "b", 0);
    visit(2000, "a", 0);
    visit(3000, "b", 0);
    visit(4000, "", 0);
    visit(5000, "a", 0);
    ok(COUNT(EXPERIENCE_ATTEMPTS, NULL) == 2,
       "two contents in turns are two views");

    visit(6000, "c", 0);
    visit(7000, "a", 0);
    ok(COUNT(EXPERIENCE_ATTEMPTS, NULL) == 3,
       "the one before a third is the last one that was asked for");

    visit(8000, "b", 0);
    ok(COUNT(EXPERIENCE_ATTEMPTS, NULL) == 4,
       "the one before that is forgotten");

    end();
    visit(400000, "a", 0);
    ok(COUNT(EXPERIENCE_ATTEMPTS, NULL) == 4,
       "after the end the one before goes on as well");

    end();
    visit(4400000, "b", 0);
    ok(COUNT(EXPERIENCE_ATTEMPTS, NULL) == 5,
       "but not after more than an hour");
}


/* A view that is left for another content: its end, and a clean state. */

static void
test_left(void)
{
    double         at;
    qoe_request_t  r;

    at = play(false);
    r = segment(at, 4000, VIDEO, 6, 2000);
    apply(&r);
    ok(COUNT(EXPERIENCE_REBUFFERS, NULL) == 0, "a stall is not judged yet");

    r = response(at + 5000, 20, MANIFEST);
    r.text[QOE_TEXT_VIDEO_ID] = qoe_span("next");
    r.st = QOE_CMCD_ST_VOD;
    apply(&r);
    ok(COUNT(EXPERIENCE_REBUFFERS, "deadline") == 1
       && COUNT(EXPERIENCE_ATTEMPTS, NULL) == 2,
       "the view that is left is judged before the next attempt");

    r = segment(at + 5100, 100, VIDEO, 1, 0);
    r.text[QOE_TEXT_VIDEO_ID] = qoe_span("next");
    apply(&r);
    r = segment(at + 5400, 100, VIDEO, 2, 2000);
    r.text[QOE_TEXT_VIDEO_ID] = qoe_span("next");
    apply(&r);
    ok(SUM(EXPERIENCE_STARTUP, NULL) == 2000 + 400
       && COUNT(EXPERIENCE_SWITCHES, NULL) == 0,
       "the startup of the next one is its own");

    begin();
    visit(0, "a", 0);
    state.flags &= (uint16_t) ~QOE_DELIVERY_ATTEMPT;
    all.n = 0;
    r = response(100, 10, VIDEO);
    r.text[QOE_TEXT_VIDEO_ID] = qoe_span("a");
    r.status = 404;
    apply(&r);
    visit(200, "b", 0);
    ok(COUNT(EXPERIENCE_STARTUP_FAILED, NULL) == 0
       && COUNT(EXPERIENCE_ATTEMPTS, NULL) == 1,
       "a content that is left after media has not failed");
}


/* Some days after the first request times are counted anew. */

static void
test_long(void)
{
    qoe_request_t  r;

    (void) play(false);
    all.n = 0;
    r = segment(0x40000000 - 60000.0, 100, VIDEO, 6, 3000);
    apply(&r);
    ok(COUNT(EXPERIENCE_PLAYING_TIME, NULL) == 1,
       "a session of twelve days goes on");

    (void) play(false);
    all.n = 0;
    r = segment(0x40000000 - 60000.0 + 1, 100, VIDEO, 6, 3000);
    apply(&r);
    ok(all.n == 0 && state.epoch_ms == r.start_ms - 60000,
       "one that is longer begins anew, without another attempt or startup");

    r = segment(0x40000000 - 58000.0 + 1, 100, VIDEO, 7, 3000);
    apply(&r);
    ok(all.n == 1 && SUM(EXPERIENCE_PLAYING_TIME, NULL) == 2000,
       "and it plays on");

    r = segment(0x40000000, 100, VIDEO, 8, 3000);
    r.text[QOE_TEXT_VIDEO_ID] = qoe_span("other");
    apply(&r);
    ok(COUNT(EXPERIENCE_ATTEMPTS, NULL) == 1,
       "another content is an attempt as before");
}


/* Requests that began before the one that ended first, and a negative time. */

static void
test_older(void)
{
    size_t         i;
    qoe_request_t  r;

    static const struct { double before, startup; }  rows[] = {
        { 10, 110 }, { 59999, 60099 }, { 60000, 60099 }, { 70000, 60099 }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        begin();
        r = segment(0, 5, VIDEO, 1, 0);
        apply(&r);
        r = response(-rows[i].before, rows[i].before + 10, MANIFEST);
        apply(&r);
        r = segment(100, 5, VIDEO, 2, 2000);
        apply(&r);
        ok(SUM(EXPERIENCE_STARTUP, NULL) == rows[i].startup,
           "a startup begins with what began first, %g ms before",
           rows[i].before);
    }

    begin();
    r = segment(0, NAN, VIDEO, 1, 0);
    r.status = 404;
    apply(&r);
    ok(state.failed == 60000, "a time that is not known is none");

    r = segment(1, 1e12, VIDEO, 2, 0);
    r.status = 404;
    apply(&r);
    ok(state.failed == 60001 + 86400000, "no time is longer than a day");

    begin();
    r = segment(-T0 + 30000.0, 10, VIDEO, 1, 0);
    apply(&r);
    ok(state.epoch_ms == 0 && state.first == 30000,
       "a request of the first minute of all time is in order");
}


/* The pause before a request that still belongs to the startup. */

static void
test_gap(void)
{
    size_t         i;
    qoe_request_t  r;

    static const struct { double at, startup; }  rows[] = {
        { 10020, 10120 }, { 10021, 100 }
    };

    for (i = 0; i < 2; i++) {
        manifest();
        r = segment(rows[i].at, 50, VIDEO, 1, 0);
        apply(&r);
        r = segment(rows[i].at + 100, 50, VIDEO, 2, 2000);
        apply(&r);
        ok(SUM(EXPERIENCE_STARTUP, NULL) == rows[i].startup,
           "a request %g ms after the manifest makes a startup of %g ms",
           rows[i].at - 20, rows[i].startup);
    }

    /* the longest startup; each response takes up to the next one */

    for (i = 0; i < 2; i++) {
        begin();
        r = response(0, 60000, MANIFEST);
        apply(&r);
        r = segment(60000, 59000, VIDEO, 1, 0);
        apply(&r);
        r = segment(120000.0 + (double) i, 50, VIDEO, 2, 2000);
        apply(&r);
        ok(COUNT(EXPERIENCE_STARTUP, NULL) == (i == 0)
           && (state.flags & QOE_DELIVERY_STARTED),
           "a startup of %zu ms is %s", 120000 + i,
           i == 0 ? "one" : "too long to be one, but it plays");
    }
}


/* The second request of a session, and whether it shows that it plays. */

static void
test_start(void)
{
    size_t         i;
    qoe_request_t  r;

    static const struct {
        bool         media;          /* a segment came before */
        double       bl;
        double       dl;
        bool         su;
        bool         plays;
        const char  *text;
    } rows[] = {
        { false, 1, NAN, true, true, "a buffer of 1 ms, even with su" },
        { false, 0.5, NAN, true, false, "none" },
        { false, NAN, 300, true, true, "a deadline of 300 ms" },
        { false, NAN, 299, true, false, "a shorter deadline" },
        { false, NAN, NAN, false, false, "no su, but no media either" },
        { true, NAN, NAN, false, true, "no su after media" },
        { true, 0, 0, true, false, "su after media" },
        { true, 0, 0, false, true, "no su after media, whatever the buffer" }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        manifest();

        if (rows[i].media) {
            blind(100, 50, 1, true);
        }

        r = segment(200, 50, VIDEO, 2, rows[i].bl);
        r.dl_ms = rows[i].dl;
        r.su = rows[i].su;
        apply(&r);

        ok(((state.flags & QOE_DELIVERY_STARTED) != 0) == rows[i].plays
           && COUNT(EXPERIENCE_STARTUP, NULL) == rows[i].plays,
           "%s: it %s", rows[i].text,
           rows[i].plays ? "plays" : "does not play yet");
    }

    /* media are complete responses */

    manifest();
    r = segment(100, 50, VIDEO, 1, 0);
    r.aborted = true;
    apply(&r);
    blind(200, 50, 1, false);
    ok(COUNT(EXPERIENCE_STARTUP, NULL) == 0,
       "what was given up is no media to play");
    blind(300, 50, 2, false);
    ok(SUM(EXPERIENCE_STARTUP, NULL) == 300, "what came then is");

    /* what is no media does not make it play */

    manifest();
    blind(100, 50, 1, true);
    r = response(200, 20, MANIFEST);
    r.bl_ms = 5000;
    apply(&r);
    ok(COUNT(EXPERIENCE_STARTUP, NULL) == 0,
       "a manifest with a buffer shows no playback");
}


int
main(void)
{
    test_types();
    test_again();
    test_contents();
    test_left();
    test_long();
    test_older();
    test_gap();
    test_start();

    return tap_end();
}
