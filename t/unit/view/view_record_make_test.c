
/*
 * Copyright (C) OpenQoE
 *
 * What the record of a view takes from its slot: each member, who described the
 * view, how it ended, and what is unknown.
 */


#include "tap.h"
#include "qoe_view_priv.h"
#include "qoe_view_record.h"


static qoe_view_t         v;
static qoe_view_record_t  r;


static void
make(void)
{
    qoe_view_record_make(&r, &v, 77);
}


static void
fresh(void)
{
    memset(&v, 0, sizeof(v));
    v.startup = v.aggregate = NAN;
    v.max_position = v.completion = NAN;
}


static int
is(qoe_span_t text, const char *expected)
{
    return qoe_span_eq(text, qoe_span_str(expected));
}


static void
test_members(void)
{
    fresh();

    v.play = 3;
    v.records = 7;
    v.born_ms = 1000;
    v.seen_ms = 9000;
    v.events = 11;
    v.playing_ms = 12;
    v.watched_ms = 13;
    v.paused_ms = 14;
    v.seeking_ms = 15;
    v.hidden_ms = 16;
    v.stalled_ms = 17;
    v.stalls = 18;
    v.longest_ms = 19;
    v.pauses = 20;
    v.seeks = 21;
    v.errors = 22;
    v.requests.requests = 23;
    v.requests.bytes = 24;
    v.requests.errors = 25;
    v.requests.aborted = 26;
    v.requests.misses = 27;
    v.requests.stalls = 28;
    v.max_position = 29;
    v.duration = 30;
    v.completion = 0.25f;
    v.top = 31;
    v.top_height = 32;
    v.switches_up = 33;
    v.switches_down = 34;
    v.frames_lost = 35;
    v.startup = 36;
    v.aggregate = 37;
    make();

    ok(r.made_ns == 77 && r.play == 3 && r.seq == 8 && r.start_ms == 1000
       && r.end_ms == 9000 && r.events == 11,
       "a record has its own number, and those of the view");
    ok(r.playing_ms == 12 && r.watched_ms == 13 && r.paused_ms == 14
       && r.seeking_ms == 15 && r.hidden_ms == 16 && r.stalled_ms == 17,
       "it has the times of the view");
    ok(r.stalls == 18 && r.longest_stall_ms == 19 && r.pauses == 20
       && r.seeks == 21 && r.errors == 22, "it has the counts of the view");
    ok(r.requests == 23 && r.request_bytes == 24 && r.request_errors == 25
       && r.request_aborts == 26 && r.deadline_misses == 27
       && r.request_stalls == 28, "it has the sums of the requests");
    ok(r.max_position_ms == 29 && r.duration_ms == 30 && r.completion == 0.25
       && r.startup_ms == 36 && r.aggregate_startup_ms == 37,
       "it has the position, the length, what was seen, and the startup");
    ok(r.top_bitrate == 31 && r.top_height == 32 && r.switches_up == 33
       && r.switches_down == 34 && r.dropped_frames == 35,
       "it has the renditions and the frames");
    ok(!r.final && !r.failed && !r.started && !r.continued && !r.trace
       && r.quartile == 0 && r.outcome.len == 0 && r.end_reason.len == 0,
       "what is not said of the view is not said of the record");

    v.born_ms = 9001;
    make();
    ok(r.start_ms == 9001 && r.end_ms == 9001,
       "no record ends before it begins");

    v.flags = QOE_VIEW_CONTINUED|QOE_VIEW_STARTED;
    make();
    ok(r.continued && r.started,
       "a view that started, and that goes on after silence, says so");
}


static void
test_unknown(void)
{
    fresh();
    v.ready = 120;
    make();
    ok(isnan(r.startup_ms) && isnan(r.aggregate_startup_ms)
       && isnan(r.page_load_ms) && isnan(r.player_startup_ms)
       && isnan(r.duration_ms) && isnan(r.completion)
       && isnan(r.max_position_ms) && isnan(r.bitrate)
       && isnan(r.top_bitrate) && isnan(r.top_height) && isnan(r.height)
       && isnan(r.upscale_share) && isnan(r.downscale_share),
       "what is unknown is NaN");

    v.page = 850;
    v.ready_ms = 5;
    make();
    ok(isnan(r.page_load_ms) && isnan(r.player_startup_ms),
       "the page and the player load for the first view of a session only");
    v.flags = QOE_VIEW_FIRST;
    make();
    ok(r.page_load_ms == 850 && r.player_startup_ms == 120,
       "whose record has both");
    v.ready_ms = 0;
    make();
    ok(r.page_load_ms == 850 && isnan(r.player_startup_ms),
       "or what is known of them");

    v.max_position = 30;
    v.duration = 40;
    make();
    ok(r.completion == 0.75,
       "without a rate from the player, completion is the furthest position");
    v.max_position = 50;
    make();
    ok(r.completion == 1, "which is the whole video at most");

    v.height_sum = 720 * 10;
    v.pixel_ms = 10;
    v.media[QOE_VIEW_VIDEO].rate_sum = 5e6 * 10;
    v.media[QOE_VIEW_VIDEO].rate_ms = 10;
    v.up_ms = 1;
    v.down_ms = 2;
    v.playing_ms = 4;
    make();
    ok(r.height == 720 && r.bitrate == 5e6 && isnan(r.upscale_share),
       "means are by the time that counts for them");
    v.flags |= QOE_VIEW_SIZED;
    make();
    ok(r.upscale_share == 0.25 && r.downscale_share == 0.5,
       "shares are of the time of playing, once both sizes are known");
    v.playing_ms = 0;
    make();
    ok(isnan(r.upscale_share) && isnan(r.downscale_share),
       "without a time of playing there are none");
}


static void
test_source(void)
{
    fresh();
    make();
    ok(is(r.source, "events"), "an SDK's view is described by events");
    v.flags = QOE_VIEW_EVENTS;
    make();
    ok(is(r.source, "events"), "whether they have come or not");
    v.requests.requests = 1;
    make();
    ok(is(r.source, "events+cmcd"), "requests describe it as well");
    v.requests.requests = 0;
    v.flags = QOE_VIEW_EVENTS|QOE_VIEW_REPORTS;
    make();
    ok(is(r.source, "events+cmcd"), "so do reports");
    v.flags = QOE_VIEW_REPORTS;
    make();
    ok(is(r.source, "cmcd"), "reports alone describe a view of CMCD");
}


static void
test_over(void)
{
    size_t              i;
    static const struct {
        qoe_view_end_t       why;
        qoe_view_outcome_t   outcome;
        const char          *reason;
        const char          *name;
        bool                 failed;
    } rows[] = {
        { QOE_VIEW_ENDED, QOE_VIEW_WAS_COMPLETED, "ended", "completed",
          false },
        { QOE_VIEW_DETACHED, QOE_VIEW_WAS_PLAYED, "detached", "played",
          false },
        { QOE_VIEW_REPLACED, QOE_VIEW_WAS_LEFT, "replaced",
          "exit_before_start", false },
        { QOE_VIEW_SILENT, QOE_VIEW_FAILED_START, "silent",
          "startup_failure", true },
        { QOE_VIEW_EVICTED, QOE_VIEW_FAILED, "evicted", "playback_failure",
          true }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        fresh();
        v.over = (uint8_t) (1 + rows[i].why);
        v.outcome = (uint8_t) rows[i].outcome;
        v.aggregate = 0;
        v.flags = QOE_VIEW_STARTED;
        make();

        ok(r.final && is(r.end_reason, rows[i].reason)
           && is(r.outcome, rows[i].name) && r.failed == rows[i].failed
           && r.startup_score == 1 && r.rebuffer_score == 1
           && isnan(r.quality_score)
           && (rows[i].failed ? r.experience_score == 0
                              : isnan(r.experience_score)),
           "a view that is %s has %s for its outcome, and scores",
           rows[i].reason, rows[i].name);
    }

    v.over = 200;
    v.outcome = 200;
    make();
    ok(r.final && is(r.end_reason, "evicted") && r.outcome.len == 0,
       "a torn slot gives a record all the same");
}


static void
test_quartiles(void)
{
    size_t  i;
    static const struct {
        uint8_t      bits;
        uint64_t     quartile;
    } rows[] = {
        { 0, 0 }, { 1, 25 }, { 2, 50 }, { 3, 50 }, { 4, 75 }, { 7, 75 },
        { 8, 100 }, { 15, 100 }, { 16, 0 }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        fresh();
        v.quartiles = rows[i].bits;
        make();
        ok(r.quartile == rows[i].quartile,
           "the highest quartile of the bits %u is %u", rows[i].bits,
           (unsigned) rows[i].quartile);
    }
}


int
main(void)
{
    test_members();
    test_unknown();
    test_source();
    test_over();
    test_quartiles();

    return tap_end();
}
