
/*
 * Copyright (C) OpenQoE
 *
 * The signs of a stall in a single request: what opens a dry time, what makes
 * it longer or shorter, and what says nothing.
 */


#include "delivery_state_unit.h"


static void
test_late(void)
{
    plays();
    ask(10000, 6000, 2000);
    sign();
    ok(open_is(12000, 16000, DEADLINE, NETWORK, VIDEO)
       && made_are("experience.deadline_missed 1 source=request ot=v "
                   "cause=network"),
       "a late response opens a dry time from its deadline to its end");

    plays();
    state.flags = QOE_DELIVERY_BEGUN;
    ask(10000, 6000, 2000);
    sign();
    ok(none_open() && COUNT(EXPERIENCE_DEADLINE_MISSED, "network") == 1,
       "before playback it is a miss, and no dry time");

    plays();
    ask(10000, 2100, 2000);
    sign();
    ok(none_open() && all.n == 0, "a response in time is neither");

    plays();
    ask(10000, 6000, 2000);
    request.ot = QOE_CMCD_OT_AUDIO;
    step.track = AUDIO;
    step.newest = false;
    step.cause = QOE_CAUSE_EDGE;
    sign();
    ok(open_is(12000, 16000, DEADLINE, QOE_CAUSE_EDGE, AUDIO)
       && COUNT(EXPERIENCE_DEADLINE_MISSED, "a") == 1,
       "so is a response that began before the newest of its track");
}


/* A late response at 10,000 with a deadline of 2,000, in a dry time. */

static void
test_stood(void)
{
    size_t  i;

    static const struct {
        uint32_t       start;
        uint32_t       end;
        qoe_dry_why_t  why;
        uint32_t       dry;
    } rows[] = {
        { 9000, 10900, DEADLINE, 12900 }, { 10000, 10900, DEADLINE, 12900 },
        { 10001, 10900, DEADLINE, 12000 }, { 9000, 10000, DEADLINE, 12000 },
        { 9000, 10001, DEADLINE, 12001 }, { 9000, 10900, QOE_DRY_BS, 12000 }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        plays();
        open_dry(rows[i].start, rows[i].end, rows[i].why, NETWORK, AUDIO);
        ask(10000, 6000, 2000);
        sign();
        ok(open_is(rows[i].dry, 16000, DEADLINE, NETWORK, VIDEO),
           "a buffer lasts until %u with a halt from %u to %u", rows[i].dry,
           rows[i].start, rows[i].end);
    }
}


/* What else came of the track before a late response from 10,000 to 16,000. */

static void
test_fed(void)
{
    size_t  i;

    static const struct {
        uint32_t     start;
        uint32_t     took;
        bool         failed;
        qoe_track_t  track;
        uint32_t     end;
        const char  *text;
    } rows[] = {
        { 11000, 3000, false, VIDEO, 14000, "a later request that came first" },
        { 10001, 2000, false, VIDEO, 12001, "one just after the deadline" },
        { 10000, 3000, false, VIDEO, 16000, "not one of the same time" },
        { 10500, 1500, false, VIDEO, 16000, "not one before the deadline" },
        { 11000, 3000, true, VIDEO, 16000, "not one that failed" },
        { 11000, 3000, false, AUDIO, 16000, "not one of another track" },
        { 11000, 6000, false, VIDEO, 16000, "not one that came later" }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        plays();
        entry(rows[i].track, 0, rows[i].start, rows[i].took, NAN);
        state.track[rows[i].track].past[0].number = rows[i].failed ? 0x80 : 0;
        ask(10000, 6000, 2000);
        step.newest = false;
        sign();
        ok(open_is(12000, rows[i].end, DEADLINE, NETWORK, VIDEO),
           "a dry time ends with what feeds it: %s", rows[i].text);
    }

    plays();
    entry(VIDEO, 0, 12000, 1000, NAN);
    entry(VIDEO, 5, 11000, 3000, NAN);
    ask(10000, 6000, 2000);
    step.newest = false;
    sign();
    ok(open_is(12000, 13000, DEADLINE, NETWORK, VIDEO),
       "of several it is the first that came");

    plays();
    entry(VIDEO, 0, 12000, 3000, NAN);
    entry(VIDEO, 5, 11000, 3000, NAN);
    ask(10000, 6000, 2000);
    step.newest = false;
    sign();
    ok(open_is(12000, 14000, DEADLINE, NETWORK, VIDEO),
       "wherever it is remembered");
}


/* A late response from 10,000 to 16,000, and a seek. */

static void
test_late_seek(void)
{
    size_t  i;

    static const struct { uint32_t seek, end; }  rows[] = {
        { 0, 16000 }, { 9999, 16000 }, { 10000, 0 }, { 12000, 0 },
        { 12001, 12001 }, { 16000, 16000 }, { 17000, 16000 }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        plays();
        state.seek = rows[i].seek;
        ask(10000, 6000, 2000);
        sign();
        ok(rows[i].end == 0
           ? none_open()
           : open_is(12000, rows[i].end, DEADLINE, NETWORK, VIDEO),
           "a deadline at 12,000 with a seek at %u", rows[i].seek);
    }
}


/* An error before a late response from 20,000 to 26,000. */

static void
test_window(void)
{
    size_t       i;
    qoe_cause_t  cause;

    static const struct { double d; uint32_t failed; bool error; }  rows[] = {
        { 2000, 15000, true }, { 2000, 14999, false }, { 2000, 0, false },
        { 2000, 26000, true }, { 2000, 26001, false }, { 500, 18000, true },
        { 500, 17999, false }, { NAN, 15000, true }, { NAN, 14999, false },
        { 0, 15000, true }, { 9000, 1000, true }, { 9000, 999, false }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        plays();
        state.failed = rows[i].failed;
        ask(20000, 6000, 2000);
        request.d_ms = rows[i].d;
        sign();
        cause = rows[i].error ? QOE_CAUSE_ERROR : NETWORK;
        ok(open_is(22000, 26000, DEADLINE, cause, VIDEO)
           && COUNT(EXPERIENCE_DEADLINE_MISSED,
                    rows[i].error ? "error" : "network") == 1,
           "an error at %u is %s of a request of %g ms at 20,000",
           rows[i].failed, rows[i].error ? "the cause" : "no cause",
           rows[i].d);
    }

    plays();
    state.failed = 39000;
    ask(100000, 6000, 2000);
    request.d_ms = 50000;
    sign();
    ok(state.dry_of >> 4 == DEADLINE && (state.dry_of & 15) == 0,
       "an error 61 s before a long segment is its cause");

    plays();
    state.failed = 38999;
    ask(100000, 6000, 2000);
    request.d_ms = 50000;
    sign();
    ok((state.dry_of & 15) == NETWORK, "one that is older is not");
}


/* A jump with a dry time from 10,000 to 14,000 open. */

static void
test_seek(void)
{
    size_t  i;

    static const struct { uint32_t at, end; }  rows[] = {
        { 9000, 0 }, { 10000, 0 }, { 10001, 10001 }, { 14000, 14000 },
        { 15000, 14000 }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        plays();
        open_dry(10000, 14000, DEADLINE, NETWORK, AUDIO);
        state.hungry = 10500;
        state.hungry_of = QOE_CAUSE_EDGE;
        ask(rows[i].at, 10, NAN);
        step.jump = true;
        sign();
        ok((rows[i].end == 0
            ? none_open()
            : open_is(10000, rows[i].end, DEADLINE, NETWORK, AUDIO))
           && state.seek == rows[i].at && state.hungry == 0 && all.n == 0,
           "a seek at %u ends a dry time that began at 10,000", rows[i].at);
    }

    plays();
    state.flags = QOE_DELIVERY_BEGUN;
    ask(9000, 10, NAN);
    step.jump = true;
    sign();
    ok(state.seek == 9000, "a seek before playback is remembered as well");

    plays();
    open_dry(10000, 14000, DEADLINE, NETWORK, AUDIO);
    state.hungry = 10500;
    ask(9000, 10, NAN);
    sign();
    ok(open_is(10000, 14000, DEADLINE, NETWORK, AUDIO)
       && state.hungry == 10500 && state.seek == 0,
       "what is no jump is no seek");
}


/* A response after a dry time of the video from 10,000 to 14,000. */

static void
test_more(void)
{
    size_t  i;

    static const struct {
        uint32_t     at;
        uint32_t     ms;
        bool         complete;
        unsigned     before;         /* by 4 */
        qoe_track_t  track;
        unsigned     more;
        const char  *text;
    } rows[] = {
        { 14000, 100, true, 0, VIDEO, 25, "the next response" },
        { 14500, 100, true, 0, VIDEO, 150, "one of 500 ms later" },
        { 14501, 100, true, 0, VIDEO, 0, "not one that began later" },
        { 13000, 1000, true, 0, VIDEO, 0, "not one that ended with it" },
        { 13000, 1001, true, 0, VIDEO, 1, "one that ended 1 ms later" },
        { 14000, 100, false, 0, VIDEO, 0, "not one that failed" },
        { 14000, 100, true, 0, AUDIO, 0, "not one of another track" },
        { 14000, 100, true, 5, VIDEO, 5, "not a second one" },
        { 14000, 400000, true, 0, VIDEO, UINT16_MAX,
          "as far as there is room" }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        plays();
        open_dry(10000, 14000, DEADLINE, NETWORK, VIDEO);
        state.dry_more = (uint16_t) rows[i].before;
        ask(rows[i].at, rows[i].ms, NAN);
        step.track = rows[i].track;
        step.complete = rows[i].complete;
        sign();
        ok(state.dry_more == rows[i].more
           && open_is(10000, 14000, DEADLINE, NETWORK, VIDEO),
           "more of a dry time: %s", rows[i].text);
    }

    plays();
    open_dry(10000, 14000, DEADLINE, NETWORK, VIDEO);
    ask(14000, 5000, 3000);
    sign();
    ok(open_is(17000, 19000, DEADLINE, NETWORK, VIDEO)
       && COUNT(EXPERIENCE_REBUFFER_TIME, NULL) == 1
       && SUM(EXPERIENCE_REBUFFER_TIME, NULL) == 4000,
       "a response that is late itself is no more of it, but another");
}


/* What the kernel still sent of a response that ended a dry time. */

static void
test_lag(void)
{
    size_t  i;

    static const struct {
        uint32_t       ended;        /* the last response; past[0] */
        double         lag;
        qoe_dry_why_t  why;
        qoe_track_t    track;        /* of the dry time */
        bool           newest;
        bool           jump;
        uint32_t       end;
        const char    *text;
    } rows[] = {
        { 14000, 3000, DEADLINE, VIDEO, true, false, 17000, "3 s of it" },
        { 14000, 101, DEADLINE, VIDEO, true, false, 14101, "101 ms of it" },
        { 14000, 100, DEADLINE, VIDEO, true, false, 14000,
          "100 ms are rounding" },
        { 14000, NAN, DEADLINE, VIDEO, true, false, 14000, "none is known" },
        { 14000, 9000, DEADLINE, VIDEO, true, false, 20000,
          "no more than until the next request" },
        { 13996, 3000, DEADLINE, VIDEO, true, false, 17000,
          "the end is rounded by 4 ms, down" },
        { 14004, 3000, DEADLINE, VIDEO, true, false, 17000, "and up" },
        { 13992, 3000, DEADLINE, VIDEO, true, false, 14000,
          "an earlier end is that of another response" },
        { 14008, 3000, DEADLINE, VIDEO, true, false, 14000,
          "so is a later one" },
        { 14000, 3000, QOE_DRY_BS, VIDEO, true, false, 14000,
          "bs has no response that ended it" },
        { 14000, 3000, DEADLINE, AUDIO, true, false, 14000,
          "another track ended it" },
        { 14000, 3000, DEADLINE, VIDEO, false, false, 14000,
          "a request from before says nothing" },
        { 14000, 3000, DEADLINE, VIDEO, true, true, 14000,
          "a seek says nothing" }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        plays();
        open_dry(10000, 14000, rows[i].why, NETWORK, rows[i].track);
        entry(VIDEO, 0, rows[i].ended - 1000, 1000, 2000);
        ask(20000, 10, NAN);
        request.lag_ms = rows[i].lag;
        step.newest = rows[i].newest;
        step.jump = rows[i].jump;
        sign();
        ok(open_is(10000, rows[i].end, rows[i].why, NETWORK, rows[i].track),
           "what was still on its way: %s", rows[i].text);
    }

    plays();
    entry(VIDEO, 0, 0, 0, 2000);
    ask(20000, 10, NAN);
    request.lag_ms = 3000;
    sign();
    ok(none_open() && state.dry_end == 0, "a lag alone opens no dry time");
}


/*
 * One track ran dry from 10,000 to 14,000, and a request of the other failed,
 * which comes at 16,000.
 */

static void
test_both(void)
{
    size_t  i;

    static const struct {
        uint32_t       start;        /* of what failed; 0: nothing did */
        double         bl;
        unsigned       rate;
        bool           failed;
        bool           complete;
        uint32_t       ends;         /* the response of the video */
        qoe_dry_why_t  why;
        qoe_track_t    track;        /* of the dry time; the other failed,
                                        but for "itself" */
        bool           newest;
        uint32_t       from;         /* of the dry time that is open then */
        uint32_t       end;
        const char    *text;
    } rows[] = {
        { 9000, 1500, 16, true, true, 16000, DEADLINE, AUDIO, true,
          10000, 16000, "a buffer that ends half a second later" },
        { 12000, 500, 16, true, true, 16000, DEADLINE, AUDIO, true,
          10000, 16000, "half a second left in the midst" },
        { 12000, 1000, 32, true, true, 16000, DEADLINE, AUDIO, true,
          10000, 16000, "a buffer of twice the rate" },
        { 12000, 1000, 16, true, true, 16000, DEADLINE, AUDIO, true,
          10000, 16000, "a second left is played between, and is no end" },
        { 12000, 1010, 16, true, true, 16000, DEADLINE, AUDIO, true,
          15010, 16000, "more is, and then it stalls again" },
        { 9000, 2010, 16, true, true, 16000, DEADLINE, AUDIO, true,
          15010, 16000, "what is left counts from the start of the stall" },
        { 12000, 2000, 16, true, true, 16000, DEADLINE, AUDIO, true,
          10000, 14000, "a buffer until it comes" },
        { 12000, NAN, 16, true, true, 16000, DEADLINE, AUDIO, true,
          10000, 14000, "a buffer that is not known" },
        { 12000, 0, 16, false, true, 16000, DEADLINE, AUDIO, true,
          10000, 14000, "nothing failed" },
        { 0, 0, 16, true, true, 16000, DEADLINE, AUDIO, true,
          10000, 14000, "nothing was asked for" },
        { 12000, 0, 16, true, false, 16000, DEADLINE, AUDIO, true,
          10000, 14000, "it fails again" },
        { 12000, 0, 16, true, true, 14000, DEADLINE, AUDIO, true,
          10000, 14000, "it came with the other" },
        { 12000, 0, 16, true, true, 14001, DEADLINE, AUDIO, true,
          10000, 14001, "it came 1 ms after it" },
        { 12000, 0, 16, true, true, 16000, QOE_DRY_SU, AUDIO, true,
          10000, 14000, "the dry time was only claimed" },
        { 12000, 0, 16, true, true, 16000, DEADLINE, AUDIO, false,
          10000, 14000, "it is older than the newest" },
        { 9000, 4500, 16, true, true, 16000, DEADLINE, VIDEO, true,
          10000, 16000, "sound goes on for 3 s without its picture" },
        { 9000, 5010, 16, true, true, 16000, DEADLINE, VIDEO, true,
          15010, 16000, "and what is left of it is played then" },
        { 13000, 1500, 16, true, true, 16000, DEADLINE, VIDEO, true,
          10000, 16000, "but no longer than the picture is missing" }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        plays();
        open_dry(10000, 14000, rows[i].why, QOE_CAUSE_ERROR, rows[i].track);
        state.dry_more = 1;
        entry(!rows[i].track, 0, rows[i].start, 100, rows[i].bl);
        state.track[!rows[i].track].past[0].rate = (uint8_t) rows[i].rate;
        state.track[!rows[i].track].past[0].number = rows[i].failed ? 0x80 : 0;
        ask(13500, rows[i].ends - 13500, NAN);
        step.track = !rows[i].track;
        step.complete = rows[i].complete;
        step.newest = rows[i].newest;
        sign();
        ok(open_is(rows[i].from, rows[i].end, rows[i].why, QOE_CAUSE_ERROR,
                   rows[i].from == 10000 ? rows[i].track : !rows[i].track)
           && COUNT(EXPERIENCE_REBUFFERS, NULL) == (rows[i].from != 10000),
           "both tracks fail: %s", rows[i].text);
    }

    plays();
    open_dry(10000, 14000, DEADLINE, QOE_CAUSE_ERROR, VIDEO);
    entry(VIDEO, 0, 12000, 100, 0);
    state.track[VIDEO].past[0].number = 0x80;
    ask(13500, 2500, NAN);
    sign();
    ok(open_is(10000, 14000, DEADLINE, QOE_CAUSE_ERROR, VIDEO),
       "a track that failed and ran dry itself is no other");
}


/* What failed has its own cause in the stall that it makes. */

static void
test_both_cause(void)
{
    uint32_t  failed;

    for (failed = 12000; failed >= 11999; failed--) {
        plays();
        open_dry(10000, 14000, DEADLINE, NETWORK, AUDIO);
        entry(VIDEO, 0, 12000, 100, 1500);
        state.track[VIDEO].past[0].number = 0x80;
        state.failed = failed;
        ask(13500, 4000, NAN);
        sign();
        ok(open_is(15500, 17500, DEADLINE,
                   failed == 12000 ? QOE_CAUSE_ERROR : NETWORK, VIDEO),
           "an error at %u makes the second stall, or what made the first",
           failed);
    }
}


/* Media come at 13,000, and were missing since a deadline. */

static void
test_hungry_fed(void)
{
    size_t  i;

    static const struct {
        uint32_t     hungry;
        uint32_t     ms;
        double       dl;
        qoe_cause_t  of;             /* what failed */
        qoe_cause_t  own;            /* of the response */
        bool         newest;
        qoe_track_t  track;          /* what failed */
        qoe_cause_t  cause;
        bool         dry;
        const char  *text;
    } rows[] = {
        { 12000, 2000, NAN, QOE_CAUSE_EDGE, NETWORK, true, VIDEO,
          QOE_CAUSE_EDGE, true, "the cause is that of the failure" },
        { 12000, 1000, NAN, NETWORK, QOE_CAUSE_EDGE, true, VIDEO,
          QOE_CAUSE_EDGE, true, "or that of a response of half the time" },
        { 12000, 998, NAN, NETWORK, QOE_CAUSE_EDGE, true, VIDEO,
          NETWORK, true, "but not that of a shorter one" },
        { 13000, 100, NAN, NETWORK, NETWORK, true, VIDEO, 0, false,
          "100 ms are rounding" },
        { 13000, 101, NAN, NETWORK, NETWORK, true, VIDEO, NETWORK, true,
          "101 ms are not" },
        { 12000, 2000, 2001, NETWORK, NETWORK, true, VIDEO, 0, false,
          "a buffer that lasts longer than the response takes" },
        { 12000, 2000, 2000, NETWORK, NETWORK, true, VIDEO, NETWORK, true,
          "a buffer that lasts as long" },
        { 12000, 2000, NAN, NETWORK, NETWORK, false, VIDEO, 0, false,
          "a request from before the newest" },
        { 12000, 2000, NAN, NETWORK, NETWORK, true, AUDIO, 0, false,
          "another track" },
        { 0, 2000, NAN, NETWORK, NETWORK, true, VIDEO, 0, false,
          "nothing was missing" }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        plays();
        state.hungry = rows[i].hungry;
        state.hungry_of = (uint8_t) rows[i].of;
        state.flags |= (uint16_t) (QOE_DELIVERY_HUNGRY << rows[i].track);
        ask(13000, rows[i].ms, rows[i].dl);
        step.cause = rows[i].own;
        step.newest = rows[i].newest;
        sign();

        ok((rows[i].dry ? open_is(rows[i].hungry, 13000 + rows[i].ms, DEADLINE,
                                  rows[i].cause, VIDEO)
                        : none_open())
           && state.hungry == (rows[i].newest && rows[i].track == VIDEO
                               ? 0 : rows[i].hungry) && all.n == 0,
           "media after a failure: %s", rows[i].text);
    }

    plays();
    state.hungry = 12000;
    state.hungry_of = QOE_CAUSE_EDGE;
    state.failed = 12500;
    state.flags |= QOE_DELIVERY_HUNGRY;
    ask(13000, 2000, NAN);
    sign();
    ok(open_is(12000, 15000, DEADLINE, QOE_CAUSE_ERROR, VIDEO),
       "an error in between is the cause");
}


/* A request at 10,000 fails with a buffer of 2,000. */

static void
test_failed(void)
{
    size_t    i;
    unsigned  flags;

    static const struct {
        double       dl;
        bool         newest;
        bool         jump;
        uint32_t     before;         /* missing since, in the audio */
        uint32_t     hungry;
        qoe_cause_t  of;
        qoe_track_t  track;
        const char  *text;
    } rows[] = {
        { 2000, true, false, 0, 12000, NETWORK, VIDEO,
          "its media are missing from the deadline on" },
        { NAN, true, false, 0, 0, 0, VIDEO, "without a deadline none are" },
        { 299, true, false, 0, 0, 0, VIDEO, "a short deadline is none" },
        { 2000, false, false, 0, 0, 0, VIDEO,
          "of a request from before the newest none are" },
        { 2000, true, true, 0, 0, 0, VIDEO, "of a seek none are" },
        { 2000, true, true, 11000, 0, QOE_CAUSE_CLIENT, AUDIO,
          "and with a seek others are not any more" },
        { 2000, true, false, 11999, 11999, NETWORK, AUDIO,
          "an earlier deadline stands, with the first of the causes" },
        { 2000, true, false, 12000, 12000, NETWORK, AUDIO,
          "so does an equal one" },
        { 2000, true, false, 12001, 12000, NETWORK, VIDEO,
          "a later one does not" }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        plays();
        state.hungry = rows[i].before;
        state.hungry_of = rows[i].before != 0 ? QOE_CAUSE_CLIENT : 0;
        state.flags |= (uint16_t) (rows[i].before != 0
                                   ? QOE_DELIVERY_HUNGRY << AUDIO : 0);
        ask(10000, 100, rows[i].dl);
        step.complete = false;
        step.newest = rows[i].newest;
        step.jump = rows[i].jump;
        sign();

        flags = state.flags & (QOE_DELIVERY_HUNGRY | QOE_DELIVERY_HUNGRY << 1);
        ok(state.hungry == rows[i].hungry && state.hungry_of == rows[i].of
           && flags == (rows[i].hungry == 0 && rows[i].before == 0
                        ? 0U : (unsigned) QOE_DELIVERY_HUNGRY << rows[i].track)
           && none_open(), "a failure: %s", rows[i].text);
    }

    plays();
    state.hungry = 11000;
    state.hungry_of = QOE_CAUSE_ERROR;
    ask(10000, 100, 2000);
    step.complete = false;
    sign();
    ok(state.hungry_of == QOE_CAUSE_ERROR, "an error stays the cause");
}


int
main(void)
{
    test_late();
    test_stood();
    test_fed();
    test_late_seek();
    test_window();
    test_seek();
    test_more();
    test_lag();
    test_both();
    test_both_cause();
    test_hungry_fed();
    test_failed();

    return tap_end();
}
