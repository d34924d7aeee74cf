
/*
 * Copyright (C) OpenQoE
 *
 * The requests of a track that are remembered: their order, whether one follows
 * another, and what their buffers say of the time between them.
 */


#include "delivery_unit.h"
#include "qoe_delivery_past.c"


#define VIDEO  QOE_CMCD_OT_VIDEO
#define AUDIO  QOE_CMCD_OT_AUDIO


static qoe_delivery_step_t  step;


/* A step with the request at its time; the state's epoch is T0 - 1. */

static qoe_delivery_step_t *
take(const qoe_request_t *r)
{
    memset(&step, 0, sizeof(step));

    step.d = &state;
    step.r = r;
    step.points = &made;
    step.track = qoe_request_ot(r) == AUDIO ? QOE_TRACK_AUDIO
                                            : QOE_TRACK_VIDEO;
    step.start = (uint32_t) (r->start_ms - T0 + 1);
    step.end = step.start + (uint32_t) fmax(r->duration_ms, 0);
    step.complete = qoe_request_complete(r);

    qoe_delivery_order(&step);

    return &step;
}


static qoe_delivery_past_t *
past(size_t i)
{
    return &state.track[QOE_TRACK_VIDEO].past[i];
}


/* Orders and remembers it. */

static void
add(const qoe_request_t *r)
{
    qoe_delivery_remember(take(r));
}


static void
test_remember(void)
{
    size_t         i, places;
    qoe_request_t  r;

    static const double  at[] = { 3000, 1000, 5000, 2000, 6000, 4000, 7000 };

    begin();

    for (i = 0; i < 7; i++) {
        r = segment(at[i], 100, VIDEO, 1, 0);
        add(&r);
    }

    for (i = 0, places = 0; i < QOE_DELIVERY_PAST; i++) {
        places += past(i)->start == 7001 - 1000 * i;
    }

    ok(places == QOE_DELIVERY_PAST,
       "the last six are remembered, the latest start first");

    r = segment(1500, 100, VIDEO, 1, 0);
    add(&r);
    ok(past(5)->start == 2001 && state.track[QOE_TRACK_AUDIO].past[0].start
       == 0, "one that began before all of them is not remembered");

    r = segment(4000, 200, VIDEO, 1, 0);
    add(&r);
    ok(past(3)->start == 4001 && past(3)->took == 50
       && past(4)->start == 4001 && past(4)->took == 25
       && past(5)->start == 3001,
       "of two that began at the same time the one that ended later is first");

    r = segment(2500, 100, AUDIO, 1, 0);
    add(&r);
    ok(state.track[QOE_TRACK_AUDIO].past[0].start == 2501
       && past(0)->start == 7001, "each track has a past of its own");
}


/* What is remembered of a request: in its units, rounded. */

static void
test_entry(void)
{
    double         bl;
    size_t         i;
    qoe_request_t  r;

    static const struct {
        double       bl;
        double       dl;
        double       pr;
        double       want;       /* -1: not known */
        const char  *text;
    } rows[] = {
        { 2000, 700, NAN, 2000, "bl is the buffer" },
        { 2004, NAN, NAN, 2000, "it is rounded to 10 ms, down" },
        { 2005, NAN, NAN, 2010, "and up" },
        { NAN, 700, 2, 1400, "without bl it is dl by the rate" },
        { NAN, 0, 2, -1, "a dl of 0 alone says nothing" },
        { NAN, 1, 2, 0, "a dl of 1 ms alone says that it is empty" },
        { NAN, NAN, NAN, -1, "nothing says nothing" },
        { 0, NAN, NAN, 0, "an empty buffer is known" },
        { 327670, NAN, NAN, 327670, "327 s have room" },
        { 327680, NAN, NAN, 327670, "a longer buffer is one of 327 s" },
        { 1e9, NAN, NAN, 327670, "so is any other" }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        begin();
        r = segment(0, 100, VIDEO, 1, rows[i].bl);
        r.dl_ms = rows[i].dl;
        r.pr = rows[i].pr;
        add(&r);
        bl = qoe_delivery_past_bl(past(0));

        ok(rows[i].want < 0 ? isnan(bl) != 0 : bl == rows[i].want,
           "a remembered buffer: %s", rows[i].text);
    }

    begin();
    r = segment(10, 101, VIDEO, 130, 0);
    add(&r);
    ok(past(0)->start == 11 && past(0)->took == 25
       && qoe_delivery_past_end(past(0)) == 11 + 100 && past(0)->d == 500
       && past(0)->number == 2 && !qoe_delivery_past_failed(past(0))
       && !qoe_delivery_past_jumped(past(0))
       && qoe_delivery_past_rate(past(0)) == 1,
       "times are kept by 4 ms, and the low bits of the number");

    r = segment(10, 102, VIDEO, 130, 0);
    r.pr = 1.5;
    r.aborted = true;
    add(&r);
    ok(past(0)->took == 26 && past(0)->d == 0 && past(0)->number == 0x82
       && qoe_delivery_past_failed(past(0))
       && qoe_delivery_past_rate(past(0)) == 1.5,
       "what was given up has failed and brought no media");

    r = segment(20, 1e9, VIDEO, 131, 0);
    r.pr = 100;
    add(&r);
    ok(past(0)->took == UINT16_MAX && qoe_delivery_past_rate(past(0))
       == 0x7f / 16.0 && !qoe_delivery_past_jumped(past(0)),
       "longer times and higher rates are those that have room");

    r = segment(30, NAN, VIDEO, 132, 0);
    r.d_ms = NAN;
    r.pr = 0.01;
    add(&r);
    ok(past(0)->took == 0 && past(0)->d == 0
       && qoe_delivery_past_rate(past(0)) == 1,
       "numbers that are not known, or too low, are those of no help");

    r = segment(40, 100, VIDEO, 900, 0);
    add(&r);
    ok(qoe_delivery_past_jumped(past(0))
       && qoe_delivery_past_rate(past(0)) == 1,
       "a jump is remembered beside the rate");

    r = segment(50, 100, VIDEO, QOE_SEGMENT_NONE & 0xffffff, 0);
    r.segment = QOE_SEGMENT_NONE;
    r.path_hash = 0x4500;
    add(&r);
    ok(past(0)->number == 0x45,
       "what has no number is known again by its path");

    r.start_ms += 10;
    r.segment = 9;
    r.range_next = 100;
    r.path_hash = 0x4701;
    add(&r);
    ok(past(0)->number == 0x47, "so is a range of a file with a number");
}


/*
 * A request after a segment with number 10, and what is known of it: is it a
 * jump, and is that sure?
 */

static void
test_follows(void)
{
    size_t         i;
    qoe_request_t  r;

    static const struct {
        unsigned     step;           /* of two segments, as far as known */
        uint64_t     segment;
        bool         announced;
        bool         jump;
        bool         sure;
        const char  *text;
    } rows[] = {
        { 1, 11, false, false, true, "the next number follows" },
        { 1, 10, false, false, true, "the same number is no jump" },
        { 1, 9, false, true, true, "a number before is one" },
        { 1, 9, true, false, true, "but not if it was announced" },
        { 1, 12, false, true, true, "two numbers on is a jump" },
        { 1, 12, true, false, true, "but not if it was announced" },
        { 2, 12, false, false, true, "a usual step of two follows" },
        { 2, 13, false, false, true, "so does a step of one and a half" },
        { 2, 14, false, true, true, "more is a jump" },
        { 0, 11, false, false, true, "a first step of one is sure" },
        { 0, 12, false, false, false, "a first step of two may be a jump" },
        { 0, 500, true, false, true, "what was announced is sure" },
        { 0, 9, false, true, true, "back is a jump without any step" },
        { 1, QOE_SEGMENT_NONE, false, false, false,
          "what has no number is no jump, and not sure" },
        { 1, QOE_SEGMENT_NONE, true, false, true,
          "it is sure if it was announced" },
        { 1, (1ULL << 32) + 11, false, false, true,
          "the low bits of a long number count" }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        begin();
        r = segment(0, 100, VIDEO, 10, 0);
        r.nor_hash = rows[i].announced ? 77 : 78;
        add(&r);
        state.track[QOE_TRACK_VIDEO].step = rows[i].step;

        r = segment(1000, 100, VIDEO, 0, 0);
        r.segment = rows[i].segment;
        r.path_hash = (uint64_t) 5 << 32 | 77;
        (void) take(&r);

        ok(step.newest && step.jump == rows[i].jump
           && step.sure == rows[i].sure, "%s", rows[i].text);
    }

    begin();
    r = segment(0, 100, VIDEO, 10, 0);
    add(&r);
    r = segment(1, 100, VIDEO, 20, 0);
    r.path_hash = 0;
    (void) take(&r);
    ok(!step.sure, "an object that is not known was not announced");
}


/* The step is the least distance; what is older than the newest says none. */

static void
test_step(void)
{
    qoe_request_t          r;
    qoe_delivery_track_t  *t;

    t = &state.track[QOE_TRACK_VIDEO];

    begin();
    r = segment(1000, 100, VIDEO, 10, 0);
    (void) take(&r);
    ok(step.newest && !step.jump && !step.sure && t->next == 11,
       "the first request of a track is no jump, whatever its number");
    qoe_delivery_remember(&step);

    r = segment(2000, 100, VIDEO, 16, 0);
    add(&r);
    ok(t->step == 6 && t->next == 17, "the first distance is the step");

    r = segment(3000, 100, VIDEO, 24, 0);
    add(&r);
    ok(t->step == 6 && t->next == 25, "a longer one leaves it");

    r = segment(4000, 100, VIDEO, 27, 0);
    add(&r);
    ok(t->step == 3 && past(0)->number == 27 / 3,
       "a shorter one is the step, and numbers are told apart by it");

    r = segment(4000, 100, VIDEO, 30, 0);
    (void) take(&r);
    ok(step.newest && t->next == 31, "a request of the same time is newest");

    r = segment(3999, 100, VIDEO, 90, 0);
    (void) take(&r);
    ok(!step.newest && !step.jump && !step.sure && t->next == 31
       && t->step == 3, "one that began before it says nothing of the order");
}


static void
test_adjoins(void)
{
    size_t         i;
    qoe_request_t  r;

    /* after bytes 1000 to 1999 of a file of 800 kbit/s */

    static const struct {
        uint64_t     first;
        uint64_t     next;
        double       br;
        unsigned     kbps;
        bool         announced;
        bool         jump;
        bool         sure;
        const char  *text;
    } rows[] = {
        { 2000, 3000, 800, 800, false, false, true, "the next bytes follow" },
        { 1000, 2000, 800, 800, false, false, true,
          "the same bytes are no jump" },
        { 2001, 3000, 800, 800, false, true, true,
          "others of the same bitrate are a jump" },
        { 1999, 2999, 800, 800, false, true, true,
          "so are some of them and more" },
        { 2001, 3000, 800, 800, true, false, true,
          "but not if they were announced" },
        { 2001, 3000, 801, 800, false, false, false,
          "those of another bitrate do not compare" },
        { 2001, 3000, NAN, 800, false, false, false,
          "nor without a bitrate" },
        { 2001, 3000, 800, 0, false, false, false,
          "nor if that of the file before is not known" },
        { 2001, 3000, 0.5, 0, false, false, false,
          "nor if both are below 1" },
        { 2001, 3000, 1, 1, false, true, true, "bitrates of 1 compare" }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        begin();
        r = segment(0, 100, VIDEO, 1, 0);
        r.range_first = 1000;
        r.range_next = 2000;
        r.nor_hash = rows[i].announced ? 77 : 78;
        add(&r);
        state.track[QOE_TRACK_VIDEO].kbps = (uint16_t) rows[i].kbps;

        r = segment(1000, 100, VIDEO, 1, 0);
        r.range_first = rows[i].first;
        r.range_next = rows[i].next;
        r.br_kbps = rows[i].br;
        r.path_hash = 77;
        (void) take(&r);

        ok(step.jump == rows[i].jump && step.sure == rows[i].sure
           && state.track[QOE_TRACK_VIDEO].next == rows[i].next,
           "ranges: %s", rows[i].text);
    }
}


/* An entry of the past, by hand. */

static void
entry(size_t i, uint32_t start, double took, double bl, double d,
    unsigned number)
{
    qoe_delivery_past_t  *p;

    p = past(i);

    p->start = start;
    p->took = (uint16_t) (took / 4);
    p->bl = isnan(bl) ? 0x8000 : (uint16_t) (bl / 10);
    p->d = (uint16_t) (d / 4);
    p->number = (uint8_t) number;
    p->rate = 16;
}


static void
test_reach(void)
{
    const qoe_delivery_track_t  *t;

    t = &state.track[QOE_TRACK_VIDEO];

    begin();
    entry(0, 5001, 100, 1000, 2000, 3);
    entry(1, 3001, 100, 4000, 2000, 2);
    ok(qoe_delivery_reach(t, 1, false) == 4000 + 2000,
       "the buffer at a request and what it brought can be played");

    past(1)->bl = 0x8000;
    ok(qoe_delivery_reach(t, 1, false) == 2000,
       "without a buffer it is what came");

    entry(1, 3001, 2000, 4000, 2000, 2);
    ok(qoe_delivery_reach(t, 1, false) == 6000,
       "what ends with the second one has come");

    entry(1, 3000, 2000, 4000, 2000, 2);
    past(0)->start = 4998;
    ok(qoe_delivery_reach(t, 1, false) == 6000, "2 ms after are rounding");

    past(0)->start = 4997;
    ok(qoe_delivery_reach(t, 1, false) == 4000, "what ends later has not come");

    /* an earlier one that was still under way, and one that was not */

    begin();
    entry(0, 5001, 100, 1000, 2000, 3);
    entry(1, 3001, 100, 4000, 2000, 2);
    entry(2, 1001, 2004, 4000, 1000, 1);
    ok(qoe_delivery_reach(t, 1, false) == 4000 + 2000 + 1000,
       "what was under way at the first one has come until the second");

    past(2)->took = 2000 / 4;
    past(1)->start = 2999;
    ok(qoe_delivery_reach(t, 1, false) == 4000 + 2000,
       "what ended up to 2 ms later is in the buffer of the first: rounding");

    past(1)->start = 2998;
    ok(qoe_delivery_reach(t, 1, false) == 4000 + 2000 + 1000,
       "what ended 3 ms later is not");

    past(1)->start = 3001;
    past(2)->took = 2004 / 4;

    entry(2, 1001, 2000, 4000, 1000, 1);
    ok(qoe_delivery_reach(t, 1, false) == 4000 + 2000,
       "what had come before the first one is in its buffer");

    entry(2, 1001, 4000, 4000, 1000, 1);
    ok(qoe_delivery_reach(t, 1, false) == 4000 + 2000 + 1000,
       "what came with the second one counts");

}


static void
test_reach_again(void)
{
    const qoe_delivery_track_t  *t;

    t = &state.track[QOE_TRACK_VIDEO];

    begin();
    entry(0, 5001, 100, 1000, 2000, 3);
    entry(1, 3001, 100, 4000, 2000, 3);
    ok(qoe_delivery_reach(t, 1, false) == 4000,
       "media that are asked for again did not come");

    past(0)->number |= 0x80;
    ok(qoe_delivery_reach(t, 1, false) == 4000,
       "whether or not the repetition fails");

    begin();
    entry(0, 5001, 100, 1000, 2000, 7);
    entry(1, 4001, 100, 1000, 2000, 5);
    entry(2, 3001, 100, 4000, 2000, 7);
    ok(qoe_delivery_reach(t, 2, false) == 4000,
       "they are looked for among the two requests after them");

    begin();
    entry(0, 6001, 100, 1000, 2000, 7);
    entry(1, 5001, 100, 1000, 2000, 5);
    entry(2, 4001, 100, 1000, 2000, 6);
    entry(3, 3001, 100, 4000, 2000, 7);
    ok(qoe_delivery_reach(t, 3, false) == 6000, "and no further");

    /* the oldest of all */

    begin();
    entry(0, 8001, 100, 1000, 2000, 6);
    entry(1, 7001, 100, 1000, 2000, 5);
    entry(2, 6001, 100, 1000, 2000, 4);
    entry(3, 5001, 100, 1000, 2000, 3);
    entry(4, 4001, 100, 1000, 2000, 2);
    entry(5, 3001, 2000, 1000, 2000, 1);
    ok(qoe_delivery_reach(t, 4, false) == 1000 + 2000 + 2000,
       "the oldest of the past counts");

    /* numbers after the past that would be a request */

    state.track[QOE_TRACK_VIDEO].next = 3001;
    state.track[QOE_TRACK_VIDEO].nor = 0x00010200;
    state.track[QOE_TRACK_VIDEO].step = 500;
    ok(qoe_delivery_reach(t, 4, false) == 1000 + 2000 + 2000,
       "and nothing after it");
}


static void
test_halt(void)
{
    size_t                       i;
    double                       halt;
    const qoe_delivery_track_t  *t;

    /* the buffers at two requests 3 s apart, the first with 2 s of media */

    static const struct {
        double       from;
        double       to;
        unsigned     rate[2];        /* by 16 */
        double       halt;           /* -1: not known */
        const char  *text;
    } rows[] = {
        { 4000, 3000, { 16, 16 }, 0, "3 s of media in 3 s are no halt" },
        { 4000, 4000, { 16, 16 }, 1000, "2 s of media in 3 s are 1 s" },
        { 4000, 6000, { 16, 16 }, 3000, "no media in 3 s are 3 s" },
        { 4000, 9000, { 16, 16 }, 3000, "a halt is no longer than the time" },
        { 4000, 0, { 16, 16 }, 0, "a buffer that was emptied is no halt" },
        { 4000, 4000, { 32, 32 }, 2000, "at twice the rate 2 s take 1 s" },
        { 4000, 3000, { 16, 32 }, 1000, "the rate is the mean of both" },
        { NAN, 4000, { 16, 16 }, -1, "the first buffer is not known" },
        { 4000, NAN, { 16, 16 }, -1, "the second buffer is not known" },
        { 4000, 4000, { 16 | 0x80, 16 }, -1, "the first one is a jump" },
        { 4000, 4000, { 16, 16 | 0x80 }, -1, "the second one is a jump" }
    };

    t = &state.track[QOE_TRACK_VIDEO];

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        begin();
        entry(0, 6001, 100, rows[i].to, 2000, 2);
        entry(1, 3001, 100, rows[i].from, 2000, 1);
        past(1)->rate = (uint8_t) rows[i].rate[0];
        past(0)->rate = (uint8_t) rows[i].rate[1];
        halt = qoe_delivery_halt(t, 1);

        ok(rows[i].halt < 0 ? isnan(halt) != 0 : halt == rows[i].halt,
           "a halt: %s", rows[i].text);
    }

    begin();
    entry(0, 6001, 100, 4000, 2000, 2);
    ok(isnan(qoe_delivery_halt(t, 1)), "a halt needs two requests");
}


int
main(void)
{
    test_remember();
    test_entry();
    test_follows();
    test_step();
    test_adjoins();
    test_reach();
    test_reach_again();
    test_halt();

    return tap_end();
}
