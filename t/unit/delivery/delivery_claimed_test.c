
/*
 * Copyright (C) OpenQoE
 *
 * What a player claims with bs and su: when it opens a dry time, and what its
 * cause is.
 */


#include "delivery_state_unit.h"


/* bs and su at 10,000, after requests at 6,000 and 8,000. */

typedef struct {
    bool           bs;
    bool           su;
    double         bl;
    uint32_t       seek;
    unsigned       flags;
    bool           newest;
    bool           jump;
    bool           sure;
    unsigned       past;
    qoe_dry_why_t  why;
    uint32_t       start;            /* of the dry time; 0: none */
    bool           burst;            /* it is in a burst of bs after it */
    const char    *text;
} claim_t;

#define NEW     true, false, true

static const claim_t  claims[] = {
    { true, false, NAN, 0, 0, NEW, 2, QOE_DRY_BS, 6000, true,
      "bs is a sign from the request before the last on" },
    { true, false, NAN, 0, 0, NEW, 1, QOE_DRY_BS, 8000, true,
      "with a single request before it is from that on" },
    { true, false, NAN, 0, 0, NEW, 0, 0, 0, false,
      "a first request has no time to be dry" },
    { true, false, NAN, 0, 0, false, false, true, 2, 0, 0, false,
      "what is older than the newest claims nothing" },
    { true, false, NAN, 0, 0, true, false, false, 2, 0, 0, false,
      "what may be a seek claims nothing" },
    { true, false, NAN, 2001, 0, NEW, 2, 0, 0, false,
      "bs belongs to a seek for 8 s" },
    { true, false, NAN, 2000, 0, NEW, 2, QOE_DRY_BS, 6000, true,
      "and no longer" },
    { true, false, NAN, 0, QOE_DELIVERY_BS, NEW, 2, 0, 0, true,
      "bs counts once in a burst" },
    { false, false, 0, 0, QOE_DELIVERY_BS, NEW, 2, 0, 0, true,
      "an empty buffer does not end the burst" },
    { false, false, 10, 0, QOE_DELIVERY_BS, NEW, 2, 0, 0, false,
      "a buffer does" },
    { false, false, NAN, 0, QOE_DELIVERY_BS, NEW, 2, 0, 0, false,
      "so does a request that says nothing" },
    { false, false, NAN, 0, QOE_DELIVERY_BS, false, false, true, 2, 0, 0,
      false, "whether or not it is the newest" },
    { false, true, 1000, 0, 0, NEW, 2, QOE_DRY_SU, 6000, false,
      "su with 1 s of buffer is a sign" },
    { false, true, 1001, 0, 0, NEW, 2, 0, 0, false, "not with more" },
    { false, true, NAN, 0, 0, NEW, 2, 0, 0, false,
      "nor with a buffer that is not known" },
    { false, false, 100, 0, 0, NEW, 2, 0, 0, false,
      "a short buffer without su is none" },
    { true, true, 100, 0, QOE_DELIVERY_BS, NEW, 2, QOE_DRY_SU, 6000, true,
      "su counts in a burst of bs" },
    { true, true, 100, 0, 0, NEW, 2, QOE_DRY_BS, 6000, true,
      "bs stands over su" }
};


static void
test_claimed(void)
{
    size_t          i;
    const claim_t  *c;

    for (i = 0; i < sizeof(claims) / sizeof(claims[0]); i++) {
        c = &claims[i];
        plays();
        state.seek = c->seek;
        state.flags |= (uint16_t) c->flags;
        entry(VIDEO, 0, c->past > 0 ? 8000 : 0, 100, NAN);
        entry(VIDEO, 1, c->past > 1 ? 6000 : 0, 100, NAN);
        ask(10000, 10, c->bl);
        request.dl_ms = NAN;
        request.bs = c->bs;
        request.su = c->su;
        step.newest = c->newest;
        step.jump = c->jump;
        step.sure = c->sure;
        sign();

        ok((c->start == 0
            ? none_open()
            : open_is(c->start, 10000, c->why, QOE_CAUSE_CLIENT, VIDEO))
           && ((state.flags & QOE_DELIVERY_BS) != 0) == c->burst
           && all.n == 0, "%s", c->text);
    }

    for (i = 0; i < 2; i++) {
        plays();
        entry(VIDEO, 0, 8000, 100, NAN);
        open_dry(1000, 2000, DEADLINE, QOE_CAUSE_EDGE, (qoe_track_t) i);
        ask(10000, 10, NAN);
        request.bs = true;
        sign();
        ok(open_is(1000, 2000, DEADLINE, QOE_CAUSE_EDGE, (qoe_track_t) i),
           "bs adds nothing to a dry time of the %s that is open",
           i == 0 ? "video" : "audio");
    }
}


/* What the cause of a stall is that the player claims. */

static void
test_claimed_cause(void)
{
    size_t  i;

    static const struct {
        unsigned     slow;
        double       lag;
        uint32_t     failed;
        qoe_cause_t  cause;
        const char  *text;
    } rows[] = {
        { 0, NAN, 0, QOE_CAUSE_CLIENT, "nothing was slow" },
        { 1 + QOE_CAUSE_ORIGIN, NAN, 0, QOE_CAUSE_ORIGIN,
          "the response before was slow" },
        { 0, 2001, 0, NETWORK, "the kernel sent it for longer than it plays" },
        { 0, 2000, 0, QOE_CAUSE_CLIENT, "or not longer" },
        { 1 + QOE_CAUSE_CLIENT, 2001, 0, NETWORK,
          "so it is if the client was the cause" },
        { 1 + QOE_CAUSE_EDGE, 2001, 0, QOE_CAUSE_EDGE,
          "a cause that is known stands over it" },
        { 1 + QOE_CAUSE_EDGE, NAN, 9000, QOE_CAUSE_ERROR,
          "an error stands over all" }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        plays();
        entry(VIDEO, 0, 8000, 100, NAN);
        state.slow = (uint8_t) rows[i].slow;
        state.failed = rows[i].failed;
        ask(10000, 10, NAN);
        request.bs = true;
        request.lag_ms = rows[i].lag;
        sign();
        ok(open_is(8000, 10000, QOE_DRY_BS, rows[i].cause, VIDEO),
           "the cause of bs: %s", rows[i].text);
    }
}


/* bs of a request with so much of a buffer, beside another track or not. */

static void
test_claimed_track(void)
{
    size_t  i;

    static const struct {
        double       bl;
        bool         other;
        qoe_track_t  track;
        const char  *text;
    } rows[] = {
        { 1000, true, VIDEO, "1 s left may be too little to play" },
        { 1010, true, AUDIO, "with more it is the other track that starved" },
        { 1010, false, VIDEO, "if there is one" },
        { NAN, true, VIDEO, "what is left is not known" }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        plays();
        entry(VIDEO, 0, 8000, 100, NAN);
        entry(AUDIO, 0, rows[i].other ? 7000 : 0, 100, NAN);
        ask(10000, 10, rows[i].bl);
        request.bs = true;
        sign();
        ok(open_is(8000, 10000, QOE_DRY_BS, QOE_CAUSE_CLIENT, rows[i].track),
           "whose stall bs is: %s", rows[i].text);
    }
}


/* A request shows what the network did before a stall that was claimed. */

static void
test_claimed_lag(void)
{
    size_t  i;

    static const struct {
        qoe_dry_why_t  why;
        qoe_cause_t    open;
        double         lag;
        bool           newest;
        bool           jump;
        qoe_cause_t    cause;
        const char    *text;
    } rows[] = {
        { QOE_DRY_BS, QOE_CAUSE_CLIENT, 2001, true, false, NETWORK,
          "the network was slow" },
        { QOE_DRY_SU, QOE_CAUSE_CLIENT, 2001, true, false, NETWORK,
          "so it is with su" },
        { QOE_DRY_BS, QOE_CAUSE_CLIENT, 2000, true, false, QOE_CAUSE_CLIENT,
          "the network was as fast as it plays" },
        { QOE_DRY_BS, QOE_CAUSE_EDGE, 2001, true, false, QOE_CAUSE_EDGE,
          "a cause that is known stands" },
        { DEADLINE, QOE_CAUSE_CLIENT, 2001, true, false, QOE_CAUSE_CLIENT,
          "a deadline has its own cause" },
        { QOE_DRY_BS, QOE_CAUSE_CLIENT, 2001, false, false, QOE_CAUSE_CLIENT,
          "the request is older than the newest" },
        { QOE_DRY_BS, QOE_CAUSE_CLIENT, 2001, true, true, QOE_CAUSE_CLIENT,
          "the viewer went elsewhere" }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        plays();
        entry(VIDEO, 0, 5000, 100, NAN);
        open_dry(6000, 20000, rows[i].why, rows[i].open, AUDIO);
        ask(10000, 10, NAN);
        request.lag_ms = rows[i].lag;
        step.newest = rows[i].newest;
        step.jump = rows[i].jump;
        sign();
        ok(qoe_delivery_dry_open(&state).cause == rows[i].cause
           && qoe_delivery_dry_open(&state).why == rows[i].why,
           "the cause of a claim that is open: %s", rows[i].text);
    }

    plays();
    entry(VIDEO, 0, 5000, 100, NAN);
    state.dry_of = QOE_DRY_BS << 4 | QOE_CAUSE_CLIENT;
    ask(10000, 10, NAN);
    request.lag_ms = 3000;
    sign();
    ok(none_open() && state.dry_of == (QOE_DRY_BS << 4 | QOE_CAUSE_CLIENT),
       "without a claim a slow network is no stall");
}


int
main(void)
{
    test_claimed();
    test_claimed_cause();
    test_claimed_track();
    test_claimed_lag();

    return tap_end();
}
