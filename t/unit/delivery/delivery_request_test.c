
/*
 * Copyright (C) OpenQoE
 *
 * The metrics of single requests, by sums worked out by hand.
 */


#include "delivery_unit.h"


static void
test_served(void)
{
    qoe_request_t  r;

    r = segment(0, 500, QOE_CMCD_OT_VIDEO, 1, 4000);
    r.ttfb_ms = 100;
    r.cache = QOE_CACHE_HIT;
    r.bytes = 250000;
    r.rtt_ms = 20;
    r.retransmits = 2;
    r.tb_kbps = 1600;
    r.ltc_ms = 3500;
    r.pr = 2;

    alone(&r);

    ok(COUNT(DELIVERY_REQUESTS, "v") == 1 && COUNT(DELIVERY_REQUESTS, "HIT")
       == 1 && COUNT(DELIVERY_REQUESTS, "2xx") == 1,
       "a request counts by type, cache status and class of status");
    ok(SUM(DELIVERY_BYTES, "v") == 250000 && SUM(DELIVERY_BYTES, "HIT")
       == 250000, "its bytes count by type and cache status");
    ok(SUM(DELIVERY_TTFB, "HIT") == 100 && SUM(DELIVERY_DURATION, "v") == 500,
       "its times are observed");
    ok(SUM(DELIVERY_THROUGHPUT, "v") == 5000,
       "250,000 bytes in the 400 ms after the header are 5,000 kbit/s");
    ok(SUM(DELIVERY_RTT, NULL) == 20 && SUM(DELIVERY_RETRANSMITS, NULL) == 2,
       "what TCP says is observed");
    ok(SUM(DELIVERY_MEDIA_TIME, "v") == 2000
       && SUM(DELIVERY_REALTIME_RATIO, "v") == 2,
       "2 s of media at twice the rate in 0.5 s are 2 times real time");
    ok(COUNT(DELIVERY_ERRORS, NULL) == 0 && COUNT(DELIVERY_ABORTED, NULL) == 0
       && COUNT(DELIVERY_UPSTREAM_TIME, NULL) == 0,
       "it is no error, no abort, and came from no upstream");

    ok(COUNT(EXPERIENCE_BITRATE, "v") == 2 && SUM(EXPERIENCE_BITRATE, "v")
       == 1600, "a bitrate counts once for each second of media");
    ok(SUM(EXPERIENCE_BITRATE_SHARE, "v") == 0.5
       && SUM(EXPERIENCE_BUFFER, "v") == 4000
       && SUM(EXPERIENCE_PLAYBACK_RATE, NULL) == 2
       && SUM(EXPERIENCE_LIVE_LATENCY, NULL) == 3500,
       "what the player says is observed");
    ok(SUM(EXPERIENCE_DEADLINE_MARGIN, "v") == 3500,
       "a deadline of 4,000 ms met in 500 leaves 3,500");
    ok(COUNT(EXPERIENCE_BUFFER, "request")
       == COUNT(EXPERIENCE_BUFFER, NULL), "estimates name their source");
}


static void
test_failed(void)
{
    qoe_request_t  r;

    r = segment(0, 80, QOE_CMCD_OT_AUDIO, 1, 4000);
    r.status = 503;
    alone(&r);

    ok(COUNT(DELIVERY_ERRORS, "a") == 1 && COUNT(DELIVERY_ERRORS, "5xx") == 1
       && COUNT(DELIVERY_REQUESTS, "5xx") == 1, "an answer of 503 is an error");
    ok(COUNT(DELIVERY_MEDIA_TIME, NULL) == 0
       && COUNT(DELIVERY_DURATION, NULL) == 0
       && COUNT(EXPERIENCE_BITRATE, NULL) == 0
       && COUNT(EXPERIENCE_DEADLINE_MARGIN, NULL) == 0,
       "it brought no media, and its time says nothing of segments");

    r = segment(0, 80, QOE_CMCD_OT_VIDEO, 1, 4000);
    r.aborted = true;
    alone(&r);

    ok(COUNT(DELIVERY_ABORTED, "v") == 1 && COUNT(DELIVERY_ERRORS, NULL) == 0
       && COUNT(DELIVERY_MEDIA_TIME, NULL) == 0,
       "an abort is no error, and brought no whole segment");

    r.status = 499;
    alone(&r);

    ok(COUNT(DELIVERY_ERRORS, NULL) == 0 && COUNT(DELIVERY_ABORTED, "v") == 1,
       "a status of 499 is an abort");
}


static void
test_bounds(void)
{
    qoe_request_t  r;

    r = segment(0, 500, QOE_CMCD_OT_VIDEO, 1, 4000);
    r.bytes = 128 * 1024;
    alone(&r);
    ok(COUNT(DELIVERY_THROUGHPUT, NULL) == 0,
       "128 kB may lie in the kernel's buffer, and have no throughput");

    r.bytes++;
    alone(&r);
    ok(COUNT(DELIVERY_THROUGHPUT, NULL) == 1, "one byte more has one");

    r.duration_ms = 9;
    alone(&r);
    ok(COUNT(DELIVERY_THROUGHPUT, NULL) == 0,
       "a response of 9 ms is too short for a throughput");

    r.duration_ms = 0;
    alone(&r);
    ok(SUM(DELIVERY_REALTIME_RATIO, NULL) == 2000,
       "2 s of media in no time count as in one ms");

    r.d_ms = 100000;
    alone(&r);
    ok(COUNT(EXPERIENCE_BITRATE, NULL) == 20,
       "a segment counts for 20 s of bitrate at most");

    r.d_ms = 2500;
    alone(&r);
    ok(COUNT(EXPERIENCE_BITRATE, NULL) == 3,
       "a segment counts for its seconds, and half of one counts whole");

    r.d_ms = 200;
    alone(&r);
    ok(COUNT(EXPERIENCE_BITRATE, NULL) == 1,
       "a part of a segment counts once");

    r.ot = QOE_CMCD_OT_AUDIO;
    alone(&r);
    ok(COUNT(EXPERIENCE_BITRATE, NULL) == 0,
       "the bitrate of audio is none of the video");

    r.pr = 1;
    r.ltc_ms = 3600 * 1000;
    alone(&r);
    ok(COUNT(EXPERIENCE_PLAYBACK_RATE, NULL) == 0
       && COUNT(EXPERIENCE_LIVE_LATENCY, NULL) == 0,
       "the usual rate and an hour of latency are not observed");

    r = segment(0, 500, QOE_CMCD_OT_VIDEO, 1, 4000);
    r.su = true;
    alone(&r);
    ok(COUNT(EXPERIENCE_BUFFER, NULL) == 0,
       "the buffer at a startup is not observed");
}


static void
test_plain(void)
{
    qoe_request_t  r;

    /* without CMCD */

    qoe_request_init(&r);
    r.start_ms = T0;
    r.duration_ms = 40;
    r.ttfb_ms = 30;
    r.status = 206;
    r.bytes = 1000;
    r.cache = QOE_CACHE_MISS;
    r.upstream_header_ms = 25;
    r.upstream_ms = 35;
    r.content = QOE_CMCD_OT_MANIFEST;
    alone(&r);

    ok(COUNT(DELIVERY_REQUESTS, "m") == 1
       && COUNT(DELIVERY_REQUESTS, "MISS") == 1,
       "without CMCD the content type says the type");
    ok(SUM(DELIVERY_UPSTREAM_TIME, "header") == 25
       && SUM(DELIVERY_UPSTREAM_TIME, "response") == 35,
       "the times of the upstream are observed");
    ok(COUNT(EXPERIENCE_BUFFER, NULL) == 0, "nothing is known of a viewer");

    r.content = QOE_CMCD_OT_NONE;
    r.cache = QOE_CACHE_HIT;
    alone(&r);

    ok(COUNT(DELIVERY_REQUESTS, "none") == 1, "no type is a type as well");
    ok(COUNT(DELIVERY_UPSTREAM_TIME, NULL) == 0,
       "a hit has no time of an upstream");
}


/* dl, service time, and the cause of the miss, NULL if it is none. */

static void
test_missed(void)
{
    size_t         i;
    qoe_request_t  r;

    static const struct {
        double       dl;
        double       bl;
        double       ms;
        const char  *cause;
        const char  *text;
    } rows[] = {
        { 1000, 1000, 1100, NULL, "rounding is no miss" },
        { 1000, 1000, 1101, "network", "more is one" },
        { 300, 300, 401, "network", "300 ms is a deadline" },
        { 299, 299, 5000, NULL, "less is none" },
        { 0, 4000, 5000, NULL, "0 is no deadline, whatever the buffer" },
        { NAN, 1000, 1101, "network", "without dl the buffer is one" },
        { NAN, NAN, 5000, NULL, "without both there is none" }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        r = segment(0, rows[i].ms, QOE_CMCD_OT_VIDEO, 1, rows[i].bl);
        r.dl_ms = rows[i].dl;
        r.bytes = 10000;
        r.text[QOE_TEXT_SESSION_ID] = qoe_span_null;
        alone(&r);

        ok(COUNT(EXPERIENCE_DEADLINE_MISSED, rows[i].cause)
           == (rows[i].cause != NULL) && COUNT(EXPERIENCE_DEADLINE_MISSED,
                                               NULL)
           == (rows[i].cause != NULL), "deadlines: %s", rows[i].text);
    }

    r = segment(0, 1400, QOE_CMCD_OT_VIDEO, 1, 3000);
    r.dl_ms = NAN;
    r.pr = 3;
    r.text[QOE_TEXT_SESSION_ID] = qoe_span_null;
    alone(&r);

    ok(COUNT(EXPERIENCE_DEADLINE_MISSED, NULL) == 1
       && SUM(EXPERIENCE_DEADLINE_MARGIN, NULL) == 0,
       "a buffer of 3 s at three times the rate lasts 1 s; a miss leaves 0");
}


/*
 * A request of 10 s, late: the time of the header, of the upstream's header and
 * response, the cache, the bytes for its 800 kbit/s, the status.
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
        unsigned     cache;
        double       bytes;
        unsigned     status;
        const char  *cause;
        const char  *text;
    } rows[] = {
        { 0, NAN, NAN, 0, 200000, 500, "error", "an error" },
        { 6000, 5500, 5600, QOE_CACHE_MISS, 200000, 200, "origin",
          "an upstream that took more than half of the time" },
        { 6000, 5500, 5600, QOE_CACHE_HIT, 200000, 200, "edge",
          "the times of an upstream do not count for a hit" },
        { 100, 90, 9500, QOE_CACHE_MISS, 200000, 200, "origin",
          "an upstream whose body took all the time" },
        { 6000, NAN, NAN, QOE_CACHE_HIT, 200000, 200, "edge",
          "a wait before the first byte" },
        { 6000, 1000, 1100, QOE_CACHE_MISS, 200000, 200, "edge",
          "a wait that is not the upstream's" },
        { 6000, 4000, 4100, QOE_CACHE_MISS, 200000, 200, "network",
          "a wait that is mostly the upstream's, and a longer body" },
        { 100, 90, 200, QOE_CACHE_MISS, 200000, 200, "network",
          "a slow body that the upstream had sent at once" },
        { 0, NAN, NAN, QOE_CACHE_HIT, 2000000, 200, "client",
          "a body faster than its bitrate, asked for too late" }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        r = segment(0, 10000, QOE_CMCD_OT_VIDEO, 1, 1000);
        r.ttfb_ms = rows[i].ttfb;
        r.upstream_header_ms = rows[i].header;
        r.upstream_ms = rows[i].upstream;
        r.cache = (uint8_t) rows[i].cache;
        r.bytes = (uint64_t) rows[i].bytes;
        r.status = (uint16_t) rows[i].status;
        r.text[QOE_TEXT_SESSION_ID] = qoe_span_null;
        alone(&r);

        ok(COUNT(EXPERIENCE_DEADLINE_MISSED, rows[i].cause) == 1,
           "the cause is %s: %s", rows[i].cause, rows[i].text);
    }

    r = segment(0, 10000, QOE_CMCD_OT_VIDEO, 1, 1000);
    r.status = 499;
    r.aborted = true;
    r.bytes = 0;
    r.ttfb_ms = NAN;
    r.text[QOE_TEXT_SESSION_ID] = qoe_span_null;
    alone(&r);
    ok(COUNT(EXPERIENCE_DEADLINE_MISSED, "edge") == 1,
       "a client that leaves before the header has waited for the edge");

    r.status = 200;
    r.aborted = false;
    r.bytes = 2000000;
    r.ttfb_ms = 0;
    r.cache = QOE_CACHE_HIT;
    r.retransmits = 1;
    alone(&r);
    ok(COUNT(EXPERIENCE_DEADLINE_MISSED, "network") == 1,
       "segments sent again blame the network all the same");
}


/* Every point of a request, and no other. */

static void
test_all(void)
{
    qoe_request_t  r;

    qoe_request_init(&r);
    alone(&r);
    ok(made_are("delivery.requests 1 ot=none cache_status=NONE "
                "status_class=none"),
       "a request of which nothing is known counts, and no more");

    r = segment(0, 500, QOE_CMCD_OT_VIDEO, 1, 4000);
    r.ttfb_ms = 100;
    r.cache = QOE_CACHE_MISS;
    r.bytes = 250000;
    r.rtt_ms = 20;
    r.retransmits = 2;
    r.tb_kbps = 1600;
    r.ltc_ms = 3500;
    r.pr = 2;
    r.upstream_header_ms = 90;
    r.upstream_ms = 400;
    alone(&r);
    ok(made_are("delivery.requests 1 ot=v cache_status=MISS status_class=2xx; "
                "delivery.bytes 250000 ot=v cache_status=MISS; "
                "delivery.ttfb 100 cache_status=MISS; delivery.rtt 20; "
                "delivery.retransmits 2; delivery.duration 500 ot=v; "
                "delivery.throughput 5000 ot=v; "
                "delivery.media_time 2000 ot=v; "
                "delivery.realtime_ratio 2 ot=v; "
                "delivery.upstream_time 90 stage=header; "
                "delivery.upstream_time 400 stage=response; "
                "experience.live_latency 3500 source=request; "
                "experience.playback_rate 2 source=request; "
                "experience.buffer 4000 source=request ot=v; "
                "experience.deadline_margin 3500 source=request ot=v; "
                "experience.bitrate_share 0.5 source=request ot=v; "
                "experience.bitrate 800 source=request ot=v; "
                "experience.bitrate 800 source=request ot=v"),
       "a request of which all is known makes these points");

    r.status = 404;
    r.aborted = true;
    r.cache = QOE_CACHE_N;
    r.ot = QOE_CMCD_OT_AUDIO;
    alone(&r);
    ok(made_are("delivery.requests 1 ot=a cache_status=NONE status_class=4xx; "
                "delivery.bytes 250000 ot=a cache_status=NONE; "
                "delivery.errors 1 ot=a status_class=4xx; "
                "delivery.aborted 1 ot=a; delivery.ttfb 100 cache_status=NONE; "
                "delivery.rtt 20; delivery.retransmits 2; "
                "delivery.upstream_time 90 stage=header; "
                "delivery.upstream_time 400 stage=response; "
                "experience.live_latency 3500 source=request; "
                "experience.playback_rate 2 source=request; "
                "experience.buffer 4000 source=request ot=a"),
       "one that failed makes these");

    r = response(0, 500, QOE_CMCD_OT_MANIFEST);
    r.ttfb_ms = 20;
    r.d_ms = 2000;
    r.bl_ms = r.dl_ms = 4000;
    r.pr = 2;
    r.br_kbps = 800;
    alone(&r);
    ok(made_are("delivery.requests 1 ot=m cache_status=NONE status_class=2xx; "
                "delivery.ttfb 20 cache_status=NONE; "
                "delivery.duration 500 ot=m"),
       "what is no media has no buffer, no deadline and no bitrate");

    r = segment(0, 5000, QOE_CMCD_OT_VIDEO, 1, 1000);
    r.text[QOE_TEXT_SESSION_ID] = qoe_span_null;
    r.d_ms = NAN;
    r.bytes = 0;
    alone(&r);
    ok(made_are("delivery.requests 1 ot=v cache_status=NONE status_class=2xx; "
                "delivery.ttfb 0 cache_status=NONE; "
                "delivery.duration 5000 ot=v; "
                "experience.buffer 1000 source=request ot=v; "
                "experience.deadline_margin 0 source=request ot=v; "
                "experience.deadline_missed 1 source=request ot=v "
                "cause=network"),
       "without a session a miss counts at once, and without its length a "
       "segment has no bitrate");
}


static void
test_names(void)
{
    size_t         i;
    qoe_request_t  r;

    static const char *const  caches[] = {
        "NONE", "MISS", "BYPASS", "EXPIRED", "STALE", "UPDATING",
        "REVALIDATED", "HIT", "SCARCE", "NONE"
    };
    static const struct { unsigned status; const char *text; }  classes[] = {
        { 0, "none" }, { 99, "none" }, { 100, "1xx" }, { 199, "1xx" },
        { 200, "2xx" }, { 304, "3xx" }, { 499, "4xx" }, { 500, "5xx" },
        { 599, "5xx" }, { 600, "none" }, { 65535, "none" }
    };

    for (i = 0; i <= QOE_CACHE_N; i++) {
        r = response(0, 10, QOE_CMCD_OT_VIDEO);
        r.cache = (uint8_t) i;
        alone(&r);
        ok(COUNT(DELIVERY_REQUESTS, caches[i]) == 1,
           "cache status %zu is \"%s\"", i, caches[i]);
    }

    for (i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
        r = response(0, 10, QOE_CMCD_OT_VIDEO);
        r.status = (uint16_t) classes[i].status;
        alone(&r);
        ok(COUNT(DELIVERY_REQUESTS, classes[i].text) == 1
           && COUNT(DELIVERY_TTFB, NULL) == (classes[i].status != 0),
           "the class of status %u is \"%s\"", classes[i].status,
           classes[i].text);
    }
}


/* Bounds of what a request says of the player and of its times. */

static void
test_more_bounds(void)
{
    size_t         i;
    qoe_request_t  r;

    static const struct { double d; unsigned points; }  weights[] = {
        { 1, 1 }, { 1499, 1 }, { 1500, 2 }, { 19499, 19 }, { 19500, 20 },
        { 20500, 20 }, { 0, 0 }, { NAN, 0 }
    };
    static const struct { double ltc; unsigned points; }  latencies[] = {
        { 0, 0 }, { 1, 1 }, { 3599999, 1 }, { 3600000, 0 }, { NAN, 0 }
    };

    for (i = 0; i < sizeof(weights) / sizeof(weights[0]); i++) {
        r = segment(0, 500, QOE_CMCD_OT_VIDEO, 1, 4000);
        r.d_ms = weights[i].d;
        alone(&r);
        ok(COUNT(EXPERIENCE_BITRATE, NULL) == weights[i].points
           && COUNT(DELIVERY_MEDIA_TIME, NULL) == (weights[i].points != 0)
           && COUNT(DELIVERY_REALTIME_RATIO, NULL)
              == (weights[i].points != 0),
           "a segment of %g ms counts %u times", weights[i].d,
           weights[i].points);
    }

    for (i = 0; i < sizeof(latencies) / sizeof(latencies[0]); i++) {
        r = response(0, 500, QOE_CMCD_OT_MANIFEST);
        r.ltc_ms = latencies[i].ltc;
        alone(&r);
        ok(COUNT(EXPERIENCE_LIVE_LATENCY, NULL) == latencies[i].points,
           "a latency of %g ms is %s", latencies[i].ltc,
           latencies[i].points != 0 ? "observed" : "none");
    }

    r = segment(0, 500, QOE_CMCD_OT_VIDEO, 1, 4000);
    r.br_kbps = 0;
    r.tb_kbps = 1600;
    alone(&r);
    ok(COUNT(EXPERIENCE_BITRATE, NULL) == 0
       && COUNT(EXPERIENCE_BITRATE_SHARE, NULL) == 0,
       "a bitrate of 0 is none");

    r.br_kbps = 800;
    r.tb_kbps = 0;
    alone(&r);
    ok(COUNT(EXPERIENCE_BITRATE_SHARE, NULL) == 0
       && COUNT(EXPERIENCE_BITRATE, NULL) == 2, "a top bitrate of 0 is none");

    r.ot = QOE_CMCD_OT_AUDIO;
    r.tb_kbps = 1600;
    alone(&r);
    ok(SUM(EXPERIENCE_BITRATE_SHARE, "a") == 0.5,
       "audio has a share of its top bitrate");

    r.ttfb_ms = -1;
    r.bytes = 250000;
    alone(&r);
    ok(SUM(DELIVERY_THROUGHPUT, NULL) == 4000,
       "without a time of the header all of the time counts");

    r.duration_ms = 110;
    r.ttfb_ms = 100;
    alone(&r);
    ok(COUNT(DELIVERY_THROUGHPUT, NULL) == 1,
       "10 ms after the header are long enough for a throughput");

    r.ttfb_ms = 101;
    alone(&r);
    ok(COUNT(DELIVERY_THROUGHPUT, NULL) == 0, "9 ms are not");

    r.ttfb_ms = 0;
    r.duration_ms = 0.5;
    alone(&r);
    ok(SUM(DELIVERY_REALTIME_RATIO, NULL) == 2000
       && SUM(EXPERIENCE_DEADLINE_MARGIN, NULL) == 3999.5,
       "half a millisecond counts as one");

    r.dl_ms = r.bl_ms = 299;
    alone(&r);
    ok(COUNT(EXPERIENCE_DEADLINE_MARGIN, NULL) == 0,
       "a deadline that is too short leaves no margin");

    r.pr = 0;
    alone(&r);
    ok(COUNT(EXPERIENCE_PLAYBACK_RATE, NULL) == 0, "a rate of 0 is none");
}


static void
test_account(void)
{
    qoe_point_t          *p;
    qoe_request_t         r;
    qoe_delivery_sums_t   sums;

    memset(&sums, 0, sizeof(sums));

    r = segment(0, 5000, QOE_CMCD_OT_VIDEO, 1, 1000);
    r.text[QOE_TEXT_SESSION_ID] = qoe_span_null;
    r.bytes = 10000;
    alone(&r);
    qoe_delivery_account(&sums, &r, &made);

    ok(sums.requests == 1 && sums.bytes == 10000 && sums.busy_ms == 5000
       && sums.media_ms == 2000 && sums.misses == 1
       && sums.missed[QOE_CAUSE_NETWORK] == 1 && sums.errors == 0
       && sums.aborted == 0 && sums.stalls == 0,
       "a request adds to the sums of its view");

    r.status = 404;
    r.aborted = true;
    qoe_points_clear(&made);
    qoe_delivery_account(&sums, &r, &made);

    ok(sums.requests == 2 && sums.errors == 1 && sums.aborted == 1
       && sums.media_ms == 2000, "an error and an abort do, too");

    qoe_points_clear(&made);
    p = qoe_point_add(&made, QOE_METRIC_EXPERIENCE_REBUFFERS, 1);
    qoe_point_extra(p, QOE_DIM_CAUSE, qoe_cause_name(QOE_CAUSE_ORIGIN));
    (void) qoe_point_add(&made, QOE_METRIC_EXPERIENCE_REBUFFER_TIME, 1200);
    qoe_delivery_account(&sums, NULL, &made);

    ok(sums.requests == 2 && sums.stalls == 1
       && sums.stalled[QOE_CAUSE_ORIGIN] == 1 && sums.stalled_ms == 1200,
       "a stall adds its cause and its length, without another request");

    /* what adds nothing */

    r = segment(0, NAN, QOE_CMCD_OT_VIDEO, 1, 1000);
    r.d_ms = NAN;
    r.bytes = 0;
    qoe_points_clear(&made);
    (void) qoe_point_add(&made, QOE_METRIC_EXPERIENCE_PLAYING_TIME, 500);
    qoe_delivery_account(&sums, &r, &made);
    r = response(0, 100, QOE_CMCD_OT_MANIFEST);
    r.d_ms = 2000;
    qoe_points_clear(&made);
    qoe_delivery_account(&sums, &r, &made);

    ok(sums.requests == 4 && sums.busy_ms == 10100 && sums.media_ms == 2000
       && sums.bytes == 20000 && sums.stalls == 1 && sums.stalled_ms == 1200
       && sums.misses == 1,
       "a request without media, a time or bytes adds only itself");
}


/* The sums by cause, of all causes and of what has none. */

static void
test_account_causes(void)
{
    unsigned              i, right;
    qoe_point_t          *p;
    qoe_delivery_sums_t   sums;

    memset(&sums, 0, sizeof(sums));

    for (i = 0; i < QOE_CAUSES_N; i++) {
        qoe_points_clear(&made);
        p = qoe_point_add(&made, QOE_METRIC_EXPERIENCE_REBUFFERS, 1);
        qoe_point_extra(p, QOE_DIM_SOURCE, qoe_span("request"));
        qoe_point_extra(p, QOE_DIM_CAUSE, qoe_cause_name((qoe_cause_t) i));
        p = qoe_point_add(&made, QOE_METRIC_EXPERIENCE_DEADLINE_MISSED, 1);
        qoe_point_extra(p, QOE_DIM_CAUSE, qoe_cause_name((qoe_cause_t) i));
        p = qoe_point_add(&made, QOE_METRIC_EXPERIENCE_DEADLINE_MISSED, 1);
        qoe_point_extra(p, QOE_DIM_CAUSE, qoe_cause_name((qoe_cause_t) i));
        qoe_delivery_account(&sums, NULL, &made);
    }

    for (i = 0, right = 0; i < QOE_CAUSES_N; i++) {
        right += sums.stalled[i] == 1 && sums.missed[i] == 2;
    }

    ok(right == QOE_CAUSES_N && sums.stalls == QOE_CAUSES_N
       && sums.misses == 2 * QOE_CAUSES_N && sums.stalled_ms == 0,
       "stalls and misses are added by their cause");

    qoe_points_clear(&made);
    (void) qoe_point_add(&made, QOE_METRIC_EXPERIENCE_REBUFFERS, 1);
    p = qoe_point_add(&made, QOE_METRIC_EXPERIENCE_DEADLINE_MISSED, 1);
    qoe_point_extra(p, QOE_DIM_REASON, qoe_span("error"));
    qoe_point_extra(p, QOE_DIM_CAUSE, qoe_span("moon"));
    qoe_delivery_account(&sums, NULL, &made);

    ok(sums.stalled[QOE_CAUSE_CLIENT] == 2
       && sums.missed[QOE_CAUSE_CLIENT] == 3
       && sums.missed[QOE_CAUSE_ERROR] == 2,
       "those without a cause are the client's");
}


int
main(void)
{
    test_served();
    test_failed();
    test_bounds();
    test_plain();
    test_missed();
    test_cause();
    test_all();
    test_names();
    test_more_bounds();
    test_account();
    test_account_causes();

    return tap_end();
}
