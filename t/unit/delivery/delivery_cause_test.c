
/*
 * Copyright (C) OpenQoE
 *
 * What a single request says of its deadline and of what made it slow, at the
 * bounds of each rule.
 */


#include "qoe_delivery_priv.h"
#include "delivery_unit.h"


static void
test_refused(void)
{
    size_t         i;
    qoe_request_t  r;

    static const struct {
        unsigned  status;
        bool      refused;
    } rows[] = {
        { 0, false }, { 200, false }, { 304, false }, { 399, false },
        { 400, true }, { 404, true }, { 498, true }, { 499, false },
        { 500, true }, { 599, true }
    };

    qoe_request_init(&r);

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        r.status = (uint16_t) rows[i].status;
        ok(qoe_delivery_refused(&r) == rows[i].refused,
           "a status of %u is %s", rows[i].status,
           rows[i].refused ? "an error" : "no error");
    }
}


/* pr, bl and dl, and the rate and the deadline that they say; 0: unknown. */

static void
test_deadline(void)
{
    double         deadline;
    size_t         i;
    qoe_request_t  r;

    static const struct {
        double       pr;
        double       bl;
        double       dl;
        double       rate;
        double       deadline;
        const char  *text;
    } rows[] = {
        { 2, 4000, 1000, 2, 1000, "pr stands over bl and dl" },
        { 0, 4000, 2000, 2, 2000, "a pr of 0 is none" },
        { NAN, 4000, 2000, 2, 2000, "bl by dl is the rate" },
        { NAN, 1201, 1000, 1.201, 1000, "1,000 ms are enough for a rate" },
        { NAN, 1300, 999, 1, 999, "a shorter deadline says no rate" },
        { NAN, 1000, 1201, 1000 / 1201.0, 1201, "a rate may be below 1" },
        { NAN, 999, 1300, 1, 1300, "a shorter buffer says no rate" },
        { NAN, 4000, 3800, 1, 3800, "a difference of 200 ms is rounding" },
        { NAN, 4000, 4200, 1, 4200, "so it is the other way round" },
        { NAN, 4000, 3799, 4000 / 3799.0, 3799, "one of 201 ms is a rate" },
        { NAN, 4000, NAN, 1, 4000, "without dl the buffer is the deadline" },
        { 0.5, 4000, NAN, 0.5, 8000, "it lasts longer at half the rate" },
        { NAN, NAN, 4000, 1, 4000, "dl alone says no rate" },
        { NAN, 300, NAN, 1, 300, "300 ms are a deadline" },
        { NAN, 299, NAN, 1, 0, "299 ms are none" },
        { NAN, 4000, 0, 1, 0, "a dl of 0 is no deadline" },
        { NAN, NAN, NAN, 1, 0, "nothing says nothing" }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        qoe_request_init(&r);
        r.pr = rows[i].pr;
        r.bl_ms = rows[i].bl;
        r.dl_ms = rows[i].dl;
        deadline = qoe_delivery_deadline(&r);

        ok(qoe_delivery_rate(&r) == rows[i].rate
           && (rows[i].deadline > 0 ? deadline == rows[i].deadline
                                    : isnan(deadline)) != 0,
           "rate and deadline: %s", rows[i].text);
    }
}


static void
test_late(void)
{
    qoe_request_t  r;

    r = segment(0, 2100, QOE_CMCD_OT_VIDEO, 1, 2000);
    ok(!qoe_delivery_late(&r), "100 ms after the deadline is not late");

    r.duration_ms = 2101;
    ok(qoe_delivery_late(&r), "101 ms after the deadline is late");

    r.ot = QOE_CMCD_OT_MANIFEST;
    ok(!qoe_delivery_late(&r), "what is no media has no deadline");
}


/*
 * A request of 1,000 ms with 800 kbit/s: what is known of it, and the cause of
 * its slowness.  The first of the rules that holds counts.
 */

static void
test_cause(void)
{
    size_t         i;
    qoe_request_t  r;

    static const struct {
        double       ttfb;
        double       header;
        double       upstream;
        double       br;
        uint64_t     bytes;
        unsigned     cache;
        unsigned     status;
        bool         aborted;
        unsigned     sent_again;
        qoe_cause_t  cause;
        const char  *text;
    } rows[] = {
        { 900, 800, 800, 800, 0, QOE_CACHE_MISS, 500, false, 1,
          QOE_CAUSE_ERROR, "an error stands over all" },
        { 600, 501, 501, 800, 0, QOE_CACHE_MISS, 200, false, 0,
          QOE_CAUSE_ORIGIN, "a header of the upstream after more than half" },
        { 500, 500, 500, 800, 0, QOE_CACHE_MISS, 200, false, 0,
          QOE_CAUSE_NETWORK, "exactly half is not more than half" },
        { 10, 10, 901, 800, 0, QOE_CACHE_MISS, 200, false, 0,
          QOE_CAUSE_ORIGIN, "an upstream of more than nine tenths" },
        { 10, 10, 900, 800, 0, QOE_CACHE_MISS, 200, false, 0,
          QOE_CAUSE_NETWORK, "exactly nine tenths are not more" },
        { 10, 600, 950, 800, 0, QOE_CACHE_HIT, 200, false, 0,
          QOE_CAUSE_NETWORK, "a hit does not come from the upstream" },
        { 500, NAN, NAN, 800, 0, QOE_CACHE_HIT, 200, false, 0,
          QOE_CAUSE_EDGE, "a wait of half the time" },
        { 499, NAN, NAN, 800, 0, QOE_CACHE_HIT, 200, false, 0,
          QOE_CAUSE_NETWORK, "a shorter wait" },
        { 600, 200, 300, 800, 0, QOE_CACHE_MISS, 200, false, 0,
          QOE_CAUSE_EDGE, "a wait of 400 ms without that for the upstream" },
        { 600, 201, 300, 800, 0, QOE_CACHE_MISS, 200, false, 0,
          QOE_CAUSE_NETWORK, "the wait for the upstream is not the edge's" },
        { 600, 201, 300, 800, 0, QOE_CACHE_HIT, 200, false, 0,
          QOE_CAUSE_EDGE, "of a hit there is none" },
        { 600, NAN, NAN, 800, 0, QOE_CACHE_NONE, 200, false, 0,
          QOE_CAUSE_EDGE, "nor without an upstream" },
        { 5000, NAN, NAN, 800, 0, QOE_CACHE_HIT, 200, false, 0,
          QOE_CAUSE_EDGE, "a header after the end counts as one at the end" },
        { NAN, NAN, NAN, 800, 0, QOE_CACHE_HIT, 499, true, 0,
          QOE_CAUSE_EDGE, "a client that left before the header" },
        { NAN, NAN, NAN, 800, 1, QOE_CACHE_HIT, 499, true, 0,
          QOE_CAUSE_NETWORK, "a client that left with a byte" },
        { NAN, NAN, NAN, 800, 0, QOE_CACHE_HIT, 200, false, 0,
          QOE_CAUSE_NETWORK, "no time of a header, and no client that left" },
        { 0, NAN, NAN, 800, 0, QOE_CACHE_HIT, 499, true, 0,
          QOE_CAUSE_NETWORK, "a header at once, and a client that left" },
        { 200, NAN, NAN, 800, 80000, QOE_CACHE_HIT, 200, false, 0,
          QOE_CAUSE_CLIENT, "a body exactly as fast as its bitrate" },
        { 200, NAN, NAN, 800, 79999, QOE_CACHE_HIT, 200, false, 0,
          QOE_CAUSE_NETWORK, "a body slower than its bitrate" },
        { 200, NAN, NAN, 800, 90000, QOE_CACHE_HIT, 200, false, 1,
          QOE_CAUSE_NETWORK, "a single segment sent again" },
        { 200, NAN, NAN, 1, 90000, QOE_CACHE_HIT, 200, false, 0,
          QOE_CAUSE_CLIENT, "a bitrate of 1 is one" },
        { 200, NAN, NAN, 0, 90000, QOE_CACHE_HIT, 200, false, 0,
          QOE_CAUSE_NETWORK, "a bitrate of 0" },
        { 200, NAN, NAN, NAN, 90000, QOE_CACHE_HIT, 200, false, 0,
          QOE_CAUSE_NETWORK, "no bitrate" }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        r = segment(0, 1000, QOE_CMCD_OT_VIDEO, 1, 1000);
        r.ttfb_ms = rows[i].ttfb;
        r.upstream_header_ms = rows[i].header;
        r.upstream_ms = rows[i].upstream;
        r.br_kbps = rows[i].br;
        r.bytes = rows[i].bytes;
        r.cache = (uint8_t) rows[i].cache;
        r.status = (uint16_t) rows[i].status;
        r.aborted = rows[i].aborted;
        r.retransmits = rows[i].sent_again;

        ok(qoe_delivery_cause(&r) == rows[i].cause, "the cause is %s: %s",
           qoe_cause_name(rows[i].cause).data, rows[i].text);
    }
}


static void
test_lagged(void)
{
    qoe_request_t  r;

    r = segment(0, 10, QOE_CMCD_OT_VIDEO, 1, 4000);
    ok(!qoe_delivery_lagged(&r), "a lag that is not known is none");

    r.lag_ms = 2000;
    ok(!qoe_delivery_lagged(&r), "a lag as long as the segment is none");

    r.lag_ms = 2001;
    ok(qoe_delivery_lagged(&r), "a lag that is longer is one");

    r.pr = 2;
    r.lag_ms = 1001;
    ok(qoe_delivery_lagged(&r), "at twice the rate a segment plays half as "
       "long");

    r.lag_ms = 1000;
    ok(!qoe_delivery_lagged(&r), "that half is no lag");
}


static void
test_name(void)
{
    size_t  i;

    static const char *const  names[] = {
        "error", "origin", "edge", "network", "client"
    };

    for (i = 0; i < QOE_CAUSES_N; i++) {
        ok(qoe_span_eq(qoe_cause_name((qoe_cause_t) i),
                       qoe_span_str(names[i])),
           "the name of cause %zu is \"%s\"", i, names[i]);
    }

    ok(qoe_cause_name(QOE_CAUSES_N).len == 0,
       "a number that is no cause has no name");
}


int
main(void)
{
    test_refused();
    test_deadline();
    test_late();
    test_cause();
    test_lagged();
    test_name();

    return tap_end();
}
