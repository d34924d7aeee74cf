
/*
 * Copyright (C) OpenQoE
 *
 * Dry times: how they are opened, joined and judged, and what the requests that
 * are remembered say of them.
 */


#include "delivery_state_unit.h"


static void
more_dry(uint32_t start, uint32_t end, qoe_dry_why_t why, qoe_cause_t cause,
    qoe_track_t track)
{
    qoe_dry_t  dry = { start, end, why, cause, track };

    qoe_delivery_dry(&step, &dry);
    keep();
}


static void
test_open(void)
{
    plays();
    more_dry(10000, 10000, DEADLINE, QOE_CAUSE_EDGE, VIDEO);
    ok(state.dry == 0 && !(state.flags & DRY(VIDEO)),
       "a dry time without a length is none");

    state.dry_more = 7;
    state.flags |= DRY(VIDEO) | BLIND(VIDEO);
    entry(VIDEO, 0, 9000, 100, 1000);
    more_dry(10000, 10001, QOE_DRY_SU, QOE_CAUSE_CLIENT, AUDIO);
    ok(open_is(10000, 10001, QOE_DRY_SU, QOE_CAUSE_CLIENT, AUDIO)
       && state.dry_more == 0 && !(state.flags & BLIND(VIDEO))
       && (state.flags & BLIND(AUDIO)) && all.n == 0,
       "a dry time of 1 ms is opened, and takes nothing from another");

    state.dry_of = 0xff;
    ok(qoe_delivery_dry_open(&state).cause == QOE_CAUSES_N - 1
       && qoe_delivery_dry_open(&state).why <= 3,
       "a torn state has a cause");
}


/* A second dry time after one from 10,000 to 14,000. */

static void
test_join(void)
{
    size_t  i;

    static const struct {
        uint32_t       start;
        uint32_t       end;
        qoe_dry_why_t  first;
        qoe_dry_why_t  second;
        uint32_t       joined_start;
        uint32_t       joined_end;
        qoe_dry_why_t  why;
        unsigned       stalls;       /* of the first one, if not joined */
        const char    *text;
    } rows[] = {
        { 15000, 16000, DEADLINE, DEADLINE, 10000, 16000, DEADLINE, 0,
          "1,000 ms after the end is the same" },
        { 15001, 16000, DEADLINE, DEADLINE, 15001, 16000, DEADLINE, 1,
          "1,001 ms after it is another" },
        { 8000, 9000, DEADLINE, DEADLINE, 8000, 14000, DEADLINE, 0,
          "1,000 ms before the start is the same" },
        { 8000, 8999, DEADLINE, DEADLINE, 8000, 8999, DEADLINE, 1,
          "1,001 ms before it is another" },
        { 11000, 12000, DEADLINE, DEADLINE, 10000, 14000, DEADLINE, 0,
          "a part of it is the same" },
        { 11000, 12000, QOE_DRY_BS, DEADLINE, 11000, 12000, DEADLINE, 0,
          "a deadline takes the place of bs" },
        { 20000, 21000, QOE_DRY_SU, DEADLINE, 20000, 21000, DEADLINE, 0,
          "and of su, wherever it is" },
        { 13000, 15000, DEADLINE, QOE_DRY_BS, 10000, 15000, DEADLINE, 0,
          "bs makes a deadline's longer" },
        { 13000, 15000, QOE_DRY_SU, QOE_DRY_BS, 10000, 15000, QOE_DRY_SU, 0,
          "bs makes that of su longer" }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        plays();
        open_dry(10000, 14000, rows[i].first, QOE_CAUSE_NETWORK, AUDIO);
        more_dry(rows[i].start, rows[i].end, rows[i].second, QOE_CAUSE_EDGE,
                 VIDEO);

        ok(open_is(rows[i].joined_start, rows[i].joined_end, rows[i].why,
                   QOE_CAUSE_EDGE,
                   rows[i].joined_start == rows[i].start
                   && rows[i].joined_end == rows[i].end ? VIDEO : AUDIO)
           && COUNT(EXPERIENCE_REBUFFERS, "network") == rows[i].stalls
           && COUNT(EXPERIENCE_REBUFFERS, NULL) == rows[i].stalls,
           "two dry times: %s", rows[i].text);
    }

    plays();
    open_dry(10000, 14000, DEADLINE, QOE_CAUSE_ORIGIN, VIDEO);
    more_dry(12000, 15000, DEADLINE, QOE_CAUSE_CLIENT, VIDEO);
    ok(open_is(10000, 15000, DEADLINE, QOE_CAUSE_ORIGIN, VIDEO),
       "of two causes the first of the rules counts");

    /* one that is over for long is judged at once */

    plays();
    entry(VIDEO, 0, 24000, 0, NAN);
    more_dry(10000, 14000, DEADLINE, QOE_CAUSE_EDGE, VIDEO);
    ok(state.dry == 10000 && all.n == 0,
       "a dry time 10 s before the last end of its track waits");

    plays();
    entry(VIDEO, 0, 24000, 4, NAN);
    more_dry(10000, 14000, DEADLINE, QOE_CAUSE_EDGE, VIDEO);
    ok(state.dry == 0 && COUNT(EXPERIENCE_REBUFFERS, "edge") == 1,
       "one that is older is judged at once");

    plays();
    entry(VIDEO, 0, 24000, 4, NAN);
    more_dry(10000, 14000, DEADLINE, QOE_CAUSE_EDGE, AUDIO);
    ok(state.dry == 10000, "another track does not make it older");
}


/* Two requests around a dry time from 10,000 to 14,000, and their halt. */

static void
test_pair(void)
{
    size_t    i;
    uint16_t  flags;

    static const struct {
        uint32_t     from;
        uint32_t     to;
        double       halt;
        uint32_t     stall;          /* counted before: its start and end */
        uint32_t     stall_end;
        uint32_t     more;
        double       counted;
        const char  *text;
    } rows[] = {
        { 10000, 14000, 4000, 0, 0, 0, 4000, "all of it" },
        { 10000, 14000, 1000, 0, 0, 0, 1000, "a part of it" },
        { 10000, 14000, 250, 0, 0, 0, 248, "250 ms, by 4" },
        { 10000, 14000, 240, 0, 0, 0, 0, "less is rounding" },
        { 9500, 14000, 4500, 0, 0, 0, 4500, "from 500 ms before it" },
        { 9000, 14000, 5000, 0, 0, 0, 4500, "and no earlier" },
        { 10000, 14100, 4100, 0, 0, 0, 4100, "until 100 ms after it" },
        { 10000, 14500, 4500, 0, 0, 0, 4100, "and no later" },
        { 10000, 14500, 4500, 0, 0, 100, 4500, "with what was still to come" },
        { 8000, 9500, 1500, 0, 0, 0, 0, "what ended 500 ms before it" },
        { 8000, 9504, 1500, 0, 0, 0, 4, "or just later" },
        { 14100, 16000, 1900, 0, 0, 0, 0, "what began 100 ms after it" },
        { 14092, 16000, 1900, 0, 0, 0, 8, "or just earlier" },
        { 10000, 14000, 4000, 8000, 10501, 0, 0, "of a counted stall" },
        { 10000, 14000, 4000, 8000, 10500, 0, 4000,
          "after a stall that was counted" },
        { 10000, 14000, 4000, 14000, 15000, 0, 4000,
          "before a stall that was counted" },
        { 10000, 14000, 4000, 13999, 15000, 0, 0, "of a stall until later" }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        plays();
        open_dry(10000, 14000, DEADLINE, QOE_CAUSE_EDGE, VIDEO);
        state.dry_more = (uint16_t) rows[i].more;
        state.stall = rows[i].stall;
        state.stall_end = rows[i].stall_end;
        entry(VIDEO, 1, rows[i].from, 0,
              20000 + (rows[i].to - rows[i].from - rows[i].halt));
        entry(VIDEO, 0, rows[i].to, 0, 20000);
        qoe_delivery_halted(&step);

        ok(fabs(state.track[VIDEO].halt * 4.0 - rows[i].counted) < 4
           && (state.track[VIDEO].halt == 0) == (rows[i].counted == 0)
           && state.track[AUDIO].halt == 0
           && !(state.flags & (BLIND(VIDEO) | BLIND(AUDIO))),
           "a halt counts: %s", rows[i].text);
    }

    plays();
    open_dry(10000, 14000, DEADLINE, QOE_CAUSE_EDGE, VIDEO);
    entry(VIDEO, 1, 10000, 0, 20000);
    entry(VIDEO, 0, 14000, 0, 20000);
    state.track[VIDEO].halt = 100;
    step.newest = false;
    qoe_delivery_halted(&step);
    ok(state.track[VIDEO].halt == 100,
       "a request from before the newest adds no halt");

    step.newest = true;
    qoe_delivery_halted(&step);
    ok(state.track[VIDEO].halt == 1100, "halts add up");

    state.track[VIDEO].halt = 65000;
    qoe_delivery_halted(&step);
    ok(state.track[VIDEO].halt == UINT16_MAX, "as far as there is room");

    state.track[VIDEO].past[0].bl = 0x8000;
    state.track[VIDEO].halt = 9;
    flags = state.flags;
    qoe_delivery_halted(&step);
    ok(state.track[VIDEO].halt == 9
       && state.flags == (flags | BLIND(VIDEO)),
       "without a buffer the halts of the track are not known");

    state.flags = flags;
    state.dry = 0;
    qoe_delivery_halted(&step);
    ok(state.flags == flags, "without a dry time nothing is collected");
}


/* A dry time is opened after the requests that tell of it. */

static void
test_look_back(void)
{
    size_t  i;

    static const struct {
        uint32_t     start;          /* of a response of 1,000 ms */
        bool         failed;
        uint32_t     more;           /* ms */
        const char  *text;
    } rows[] = {
        { 13004, false, 4, "one that ends 4 ms after it" },
        { 13000, false, 0, "one that ends with it" },
        { 14500, false, 1500, "one that began 500 ms after it" },
        { 14501, false, 0, "one that began later" },
        { 14000, true, 0, "one that failed" }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        plays();
        entry(VIDEO, 0, rows[i].start, 1000, 2000);
        state.track[VIDEO].past[0].number = rows[i].failed ? 0x80 : 0;
        more_dry(10000, 14000, DEADLINE, QOE_CAUSE_EDGE, VIDEO);
        ok(state.dry_more * 4 == rows[i].more,
           "the response that is more of the dry time: %s", rows[i].text);
    }

    plays();
    entry(VIDEO, 0, 14400, 1000, 2000);
    entry(VIDEO, 1, 14000, 1000, 2000);
    entry(VIDEO, 2, 9000, 1000, 2000);
    more_dry(10000, 14000, DEADLINE, QOE_CAUSE_EDGE, VIDEO);
    ok(state.dry_more * 4 == 1000, "of several it is the first");

    plays();
    entry(VIDEO, 5, 13000, 1001 + 2, 2000);
    more_dry(10000, 13999, DEADLINE, QOE_CAUSE_EDGE, VIDEO);
    ok(state.dry_more == 1, "it is looked for in all of the past, rounded up");

    plays();
    entry(AUDIO, 0, 14000, 1000, 2000);
    more_dry(10000, 14000, DEADLINE, QOE_CAUSE_EDGE, VIDEO);
    ok(state.dry_more == 0, "it is none of another track");

    /* halts of both tracks, and how far back they are known */

    plays();

    for (i = 0; i < QOE_DELIVERY_PAST; i++) {
        entry(VIDEO, i, 14000 - 1000 * (uint32_t) i, 0, 2000);
        entry(AUDIO, i, 14000 - 800 * (uint32_t) i, 0, 2000);
    }

    state.track[VIDEO].halt = 77;
    more_dry(10000, 14000, DEADLINE, QOE_CAUSE_EDGE, VIDEO);
    ok(state.track[VIDEO].halt * 4 == 4500
       && state.track[AUDIO].halt * 4 == 4000
       && !(state.flags & (BLIND(VIDEO) | BLIND(AUDIO))),
       "the halts between all requests of a track are added");

    plays();

    for (i = 0; i < QOE_DELIVERY_PAST; i++) {
        entry(VIDEO, i, 14000 - 799 * (uint32_t) i, 0, 2000);
    }

    entry(AUDIO, 0, 14000, 0, 2000);
    entry(AUDIO, 1, 10000, 0, 2000);
    more_dry(10000, 14000, DEADLINE, QOE_CAUSE_EDGE, VIDEO);
    ok((state.flags & BLIND(VIDEO)) && !(state.flags & BLIND(AUDIO))
       && state.track[AUDIO].halt * 4 == 4000,
       "a track whose past begins after the dry time knows too little of it");
}


/* A dry time from 10,000 to 14,000 of the video, and when it is judged. */

static void
test_ready(void)
{
    size_t  i;

    static const struct {
        uint32_t     own;            /* the last request of the video */
        uint32_t     other;          /* and of the audio; 0: none */
        uint32_t     more;
        bool         failed;
        bool         ready;
        const char  *text;
    } rows[] = {
        { 14000, 0, 0, false, true, "a request at its end is enough" },
        { 13999, 0, 0, false, false, "one before it is not" },
        { 14000, 0, 0, true, false, "one that failed is not" },
        { 14000, 14000, 0, false, true, "the other track must be there" },
        { 14000, 13999, 0, false, false, "not before the end" },
        { 14000, 14000, 1000, false, false, "nor before all has come" },
        { 14000, 15000, 1000, false, true, "but then" },
        { 13000, 24000, 0, false, false, "it waits for 10 s" },
        { 13000, 24001, 0, false, true, "and no longer" },
        { 24001, 5000, 0, true, true, "whichever track it is" }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        plays();
        open_dry(10000, 14000, DEADLINE, QOE_CAUSE_EDGE, VIDEO);
        state.dry_more = (uint16_t) (rows[i].more / 4);
        state.flags |= BLIND(VIDEO) | BLIND(AUDIO);
        entry(VIDEO, 0, rows[i].own, 0, NAN);
        state.track[VIDEO].past[0].number = rows[i].failed ? 0x80 : 0;
        entry(AUDIO, 0, rows[i].other, 0, NAN);
        qoe_delivery_judge(&state, false, &made);
        keep();

        ok((state.dry == 0) == rows[i].ready
           && COUNT(EXPERIENCE_REBUFFERS, NULL) == rows[i].ready
           && ((state.flags & DRY(VIDEO)) == 0) == rows[i].ready,
           "a dry time is judged: %s", rows[i].text);
    }

    plays();
    qoe_delivery_judge(&state, true, &made);
    ok(made.n == 0 && state.stall_end == 0,
       "without a dry time there is nothing to judge");
}


/* What a dry time from 10,000 to 14,000 of the video is judged by. */

static void
test_judge(void)
{
    size_t  i;

    static const struct {
        uint32_t       video;        /* the last requests */
        uint32_t       audio;
        double         halt[2];      /* -1: not known */
        uint32_t       more;
        qoe_dry_why_t  why;
        double         ms;           /* -1: no stall; 0: of no length */
        const char    *text;
    } rows[] = {
        { 14000, 14000, { 1000, 2000 }, 0, DEADLINE, 2000,
          "the other track says it first" },
        { 14000, 14000, { 1000, -1 }, 0, DEADLINE, 1000,
          "then its own" },
        { 14000, 13999, { 1000, 2000 }, 0, DEADLINE, 1000,
          "a track that has not come so far says nothing" },
        { 13999, 13999, { 1000, 2000 }, 0, DEADLINE, 4000,
          "without any the deadline says it" },
        { 14000, 14000, { -1, -1 }, 0, DEADLINE, 4000,
          "so it does where no buffer is known" },
        { 14000, 14000, { -1, -1 }, 0, QOE_DRY_BS, 0,
          "bs is a stall of no length" },
        { 14000, 14000, { -1, -1 }, 0, QOE_DRY_SU, -1, "su alone is none" },
        { 14000, 14000, { 0, 1000 }, 0, QOE_DRY_SU, 1000,
          "su is one by the buffers" },
        { 14000, 14000, { 0, 300 }, 0, DEADLINE, 300, "300 ms are a stall" },
        { 14000, 14000, { 4000, 296 }, 0, DEADLINE, -1, "less is none" },
        { 14000, 14000, { 0, 4500 }, 0, DEADLINE, 4500,
          "it is 500 ms longer at most" },
        { 14000, 14000, { 0, 5000 }, 0, DEADLINE, 4500, "and no more" },
        { 14000, 14000, { 0, 5500 }, 1000, DEADLINE, 5500,
          "but for what was still to come" },
        { 14000, 14000, { 0, 6000 }, 1000, DEADLINE, 5500, "and that alone" }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        plays();
        open_dry(10000, 14000, rows[i].why, QOE_CAUSE_ORIGIN, VIDEO);
        state.dry_more = (uint16_t) (rows[i].more / 4);
        entry(VIDEO, 0, rows[i].video, 0, 2000);
        entry(AUDIO, 0, rows[i].audio, 0, 2000);

        state.track[VIDEO].halt = (uint16_t) fmax(rows[i].halt[0] / 4, 0);
        state.track[AUDIO].halt = (uint16_t) fmax(rows[i].halt[1] / 4, 0);
        state.flags |= rows[i].halt[0] < 0 ? BLIND(VIDEO) : 0;
        state.flags |= rows[i].halt[1] < 0 ? BLIND(AUDIO) : 0;

        qoe_delivery_judge(&state, true, &made);
        keep();

        ok(COUNT(EXPERIENCE_REBUFFERS, NULL) == (rows[i].ms >= 0)
           && COUNT(EXPERIENCE_REBUFFERS, "origin") == (rows[i].ms >= 0)
           && COUNT(EXPERIENCE_REBUFFER_TIME, NULL) == (rows[i].ms > 0)
           && SUM(EXPERIENCE_REBUFFER_TIME, NULL) == fmax(rows[i].ms, 0)
           && state.dry == 0 && !(state.flags & DRY(VIDEO))
           && state.stall == (rows[i].ms >= 0 ? 10000 : 0)
           && state.stall_end
              == (rows[i].ms >= 0 ? 14000 + rows[i].more : 0),
           "a verdict: %s", rows[i].text);
    }

    plays();
    open_dry(10000, 10500, DEADLINE, QOE_CAUSE_ORIGIN, AUDIO);
    qoe_delivery_judge(&state, true, &made);
    keep();
    ok(made_are("experience.rebuffers 1 source=request reason=deadline "
                "cause=origin; experience.rebuffer_time 500 source=request "
                "reason=deadline cause=origin"),
       "500 ms after a deadline are a stall without any buffer");

    plays();
    open_dry(10000, 10499, DEADLINE, QOE_CAUSE_ORIGIN, AUDIO);
    qoe_delivery_judge(&state, true, &made);
    ok(made.n == 0 && state.dry == 0 && !(state.flags & DRY(AUDIO)),
       "499 ms are not");

    plays();
    open_dry(10000, 10100, QOE_DRY_BS, QOE_CAUSE_CLIENT, VIDEO);
    qoe_delivery_judge(&state, true, &made);
    keep();
    ok(made_are("experience.rebuffers 1 source=request reason=bs "
                "cause=client"), "the reason of a stall by bs is bs");
}


/* After a stall from 8,000 to 11,000 that was counted, another one. */

static void
test_counted(void)
{
    size_t  i;

    static const struct { uint32_t start, end; unsigned counted; }  rows[] = {
        { 11000, 12000, 1 }, { 10999, 12000, 0 }, { 7000, 8000, 1 },
        { 7000, 8001, 0 }, { 9000, 9900, 0 }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        plays();
        state.stall = 8000;
        state.stall_end = 11000;
        open_dry(rows[i].start, rows[i].end, DEADLINE, QOE_CAUSE_EDGE, VIDEO);
        qoe_delivery_judge(&state, true, &made);
        keep();

        ok(COUNT(EXPERIENCE_REBUFFERS, NULL) == rows[i].counted
           && state.stall == (rows[i].counted ? rows[i].start : 8000)
           && state.stall_end == (rows[i].counted ? rows[i].end : 11000),
           "a stall from %u to %u is %s", rows[i].start, rows[i].end,
           rows[i].counted ? "another" : "the same");
    }
}


static void
test_starved(void)
{
    size_t  i;

    static const struct {
        uint32_t     hungry;
        uint32_t     played;
        qoe_cause_t  cause;
        bool         started;
        double       rest;           /* that is played; -1: no stall */
        const char  *text;
    } rows[] = {
        { 9000, 5000, QOE_CAUSE_ERROR, true, 4000,
          "the buffer is played, and then playback ends" },
        { 9000, 9000, QOE_CAUSE_ERROR, true, 0, "a buffer that was played" },
        { 9000, 9500, QOE_CAUSE_ERROR, true, 0, "a buffer that was too long" },
        { 9000, 5000, QOE_CAUSE_NETWORK, true, -1, "only errors starve" },
        { 0, 5000, QOE_CAUSE_ERROR, true, -1, "nothing was missing" },
        { 9000, 5000, QOE_CAUSE_ERROR, false, -1, "nothing had played" }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        plays();
        state.hungry = rows[i].hungry;
        state.hungry_of = (uint8_t) rows[i].cause;
        state.played = rows[i].played;
        state.dry_more = 100;
        state.flags = rows[i].started ? state.flags : QOE_DELIVERY_BEGUN;
        qoe_delivery_starved(&state, 0, &made);
        keep();

        ok(COUNT(EXPERIENCE_REBUFFERS, "error") == (rows[i].rest >= 0)
           && COUNT(EXPERIENCE_REBUFFERS, "deadline")
              == COUNT(EXPERIENCE_REBUFFERS, NULL)
           && COUNT(EXPERIENCE_REBUFFERS, NULL) == (rows[i].rest >= 0)
           && COUNT(EXPERIENCE_REBUFFER_TIME, NULL) == 0
           && SUM(EXPERIENCE_PLAYING_TIME, NULL) == fmax(rows[i].rest, 0)
           && state.played == (rows[i].rest > 0 ? rows[i].hungry
                                                : rows[i].played)
           && state.hungry == (rows[i].rest >= 0 ? 0 : rows[i].hungry)
           && state.stall_end == (rows[i].rest >= 0 ? 9001 : 0),
           "an end after errors: %s", rows[i].text);
    }
}


int
main(void)
{
    test_open();
    test_join();
    test_pair();
    test_look_back();
    test_ready();
    test_judge();
    test_counted();
    test_starved();

    return tap_end();
}
