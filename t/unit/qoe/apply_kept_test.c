
/*
 * Copyright (C) OpenQoE
 *
 * The series of requests that are kept, to be found without their attributes:
 * a value never goes to a series of other attributes, and none is kept beyond
 * its end.
 */


#include "apply_unit.h"
#include "tap.h"
#include "qoe_tapped.h"


#define ZONE               (16 * 1024 * 1024)
#define TTL_MS             10000


/* An export that condemns idle series, and the sweeps after it. */

static void
export_at(lane_t *l, uint64_t ms)
{
    lane_export(l, ms);

    do {
        qoe_apply_tick(l->apply, lane_ns(ms));
    } while (qoe_apply_busy(l->apply));
}


static const char  *env = "";            /* of the next requests */


/* A request without a session. */

static void
bring(lane_t *l, uint64_t ms, qoe_cmcd_ot_t ot, qoe_cache_status_t cache,
    uint16_t status)
{
    qoe_tapped_t   head;
    qoe_request_t  r;
    static union {
        uint64_t   align;
        char       data[QOE_REQUEST_MAX + sizeof(qoe_tapped_t)];
    } buf;

    qoe_request_init(&r);
    r.start_ms = LOG_START + ms;
    r.duration_ms = 100;
    r.ttfb_ms = 5;
    r.bytes = 1000;
    r.status = status;
    r.content = (uint8_t) ot;
    r.cache = (uint8_t) cache;
    r.text[QOE_TEXT_ORG_ID] = qoe_span("acme");
    r.text[QOE_TEXT_ENV] = qoe_span_str(env);

    memset(&head, 0, sizeof(head));
    head.media = 1;
    head.request = (uint32_t) qoe_request_pack(buf.data + sizeof(head), &r);
    memcpy(buf.data, &head, sizeof(head));

    l->now_ms = ms + 100;
    qoe_apply_request(l->apply,
                      (qoe_span_t) { buf.data, sizeof(head) + head.request },
                      lane_ns(l->now_ms));
}


/*
 * Each combination of what attributes are made of, two times: as often as it
 * was, and with its own values.
 */

static void
test_apart(void)
{
    lane_t    *l;
    size_t     n, count;
    unsigned   ot, cache, status, wrong;
    uint64_t   ms;

    static const char *const  caches[] = {
#define CACHE(id, name)  name,
        QOE_CACHE_STATUSES(CACHE)
    };

    l = lane_new(ZONE);
    ms = 0;

    for (n = 0; n < 2; n++) {
        for (ot = 0; ot < QOE_CMCD_OTS; ot++) {
            for (cache = 0; cache < QOE_CACHE_N; cache++) {
                for (status = 0; status < 700; status += 100) {
                    bring(l, ms++, ot, cache, (uint16_t) status);
                }
            }
        }
    }

    wrong = 0;

    for (cache = 0; cache < QOE_CACHE_N; cache++) {
        wrong += total_of(l, QOE_METRIC_DELIVERY_REQUESTS, caches[cache],
                          &count)
                 != 2 * QOE_CMCD_OTS * 7;
        wrong += count != QOE_CMCD_OTS * 6;
        wrong += total_of(l, QOE_METRIC_DELIVERY_TTFB, caches[cache], &count)
                 != 5 * 2 * QOE_CMCD_OTS * 6;
    }

    /* the texts of these two are in no other attribute */

    for (n = 0; n < 2; n++) {
        wrong += total_of(l, QOE_METRIC_DELIVERY_BYTES, n ? "av" : "tt",
                          &count)
                 != 2 * 1000 * QOE_CACHE_N * 7;
        wrong += total_of(l, QOE_METRIC_DELIVERY_ERRORS, n ? "av" : "tt",
                          &count)
                 != 2 * QOE_CACHE_N * 3;
        wrong += count != 3;
    }

    ok(wrong == 0 && total(l, QOE_METRIC_DELIVERY_REQUESTS)
                     == 2 * QOE_CMCD_OTS * QOE_CACHE_N * 7,
       "each request counts with its type, its cache and its status");
    lane_free(l);
}


/* The slots of series that have ended are those of others soon after. */

static void
test_ended(void)
{
    lane_t   *l;
    size_t    n;

    l = lane_new(ZONE);
    l->conf.series_ttl_ms = TTL_MS;

    bring(l, 0, QOE_CMCD_OT_VIDEO, QOE_CACHE_HIT, 200);
    export_at(l, 1000);
    export_at(l, 2 * TTL_MS);
    bring(l, 2 * TTL_MS + 1, QOE_CMCD_OT_VIDEO, QOE_CACHE_HIT, 200);

    ok(total_of(l, QOE_METRIC_DELIVERY_REQUESTS, "HIT", &n) == 1 && n == 1,
       "a series that was condemned begins again with a value");

    for (n = 3; n < 6; n++) {
        export_at(l, n * TTL_MS);
    }

    ok(l->st.shared->series == 0, "a series without values ends");

    bring(l, 5 * TTL_MS + 1, QOE_CMCD_OT_AUDIO, QOE_CACHE_MISS, 404);
    bring(l, 5 * TTL_MS + 2, QOE_CMCD_OT_VIDEO, QOE_CACHE_HIT, 200);

    ok(total_of(l, QOE_METRIC_DELIVERY_REQUESTS, "HIT", &n) == 1 && n == 1
       && total_of(l, QOE_METRIC_DELIVERY_REQUESTS, "4xx", &n) == 1 && n == 1
       && total_of(l, QOE_METRIC_DELIVERY_TTFB, "HIT", &n) == 5 && n == 1
       && total_of(l, QOE_METRIC_DELIVERY_TTFB, "MISS", &n) == 5 && n == 1
       && total_of(l, QOE_METRIC_DELIVERY_ERRORS, "4xx", &n) == 1 && n == 1,
       "values after that never go to what has its place now");
    lane_free(l);
}


/* What has no series of its own tries to get one with each value. */

static void
test_full(void)
{
    lane_t   *l;
    size_t    n;

    l = lane_new(ZONE);
    l->conf.series_max = 0;
    lane_hold(l, false);
    bring(l, 0, QOE_CMCD_OT_VIDEO, QOE_CACHE_HIT, 200);

    ok(total_of(l, QOE_METRIC_DELIVERY_REQUESTS, "HIT", &n) == 0
       && total(l, QOE_METRIC_DELIVERY_REQUESTS) == 1,
       "without room a value goes to the series of overflow");

    l->conf.series_max = 1000;
    lane_hold(l, false);
    bring(l, 1000, QOE_CMCD_OT_VIDEO, QOE_CACHE_HIT, 200);
    bring(l, 2000, QOE_CMCD_OT_VIDEO, QOE_CACHE_HIT, 200);

    ok(total_of(l, QOE_METRIC_DELIVERY_REQUESTS, "HIT", &n) == 2 && n == 1
       && total(l, QOE_METRIC_DELIVERY_REQUESTS) == 3,
       "with room there is a series for the next ones");
    lane_free(l);
}


/* A file that changes is looked at before the minute is over. */

static void
test_roster(void)
{
    size_t              n;
    lane_t             *l;
    qoe_roster_slot_t   types, envs;

    memset(&types, 0, sizeof(types));
    memset(&envs, 0, sizeof(envs));
    types.maxlen = envs.maxlen = 128;
    lane_roster(&types, "av\n");
    lane_roster(&envs, "one\n");

    l = lane_new(ZONE);
    l->dims.dim[QOE_DIM_OT].roster = &types;
    l->dims.dim[QOE_DIM_OT].max = 0;
    l->dims.dim[QOE_DIM_ENV].roster = &envs;
    l->dims.dim[QOE_DIM_ENV].max = 0;
    lane_hold(l, false);

    env = "one";
    bring(l, 0, QOE_CMCD_OT_MUXED, QOE_CACHE_HIT, 200);
    env = "two";
    bring(l, 1, QOE_CMCD_OT_TIMED_TEXT, QOE_CACHE_HIT, 200);

    ok(total_of(l, QOE_METRIC_DELIVERY_REQUESTS, "av", &n) == 1
       && total_of(l, QOE_METRIC_DELIVERY_REQUESTS, "tt", &n) == 0
       && total_with(l, QOE_METRIC_DELIVERY_REQUESTS, "one") == 1
       && total_with(l, QOE_METRIC_DELIVERY_REQUESTS, "two") == 0,
       "a request has the values that the files allow");

    lane_roster(&types, "av\ntt\n");
    bring(l, 2, QOE_CMCD_OT_TIMED_TEXT, QOE_CACHE_HIT, 200);
    ok(total_of(l, QOE_METRIC_DELIVERY_REQUESTS, "tt", &n) == 1
       && total_with(l, QOE_METRIC_DELIVERY_REQUESTS, "two") == 0,
       "a value of a point that a file allows later is there at once");

    lane_roster(&envs, "two\n");
    bring(l, 3, QOE_CMCD_OT_TIMED_TEXT, QOE_CACHE_HIT, 200);
    ok(total_with(l, QOE_METRIC_DELIVERY_REQUESTS, "two") == 1,
       "so is a value that all points have");

    env = "";
    lane_free(l);
    qoe_roster_free(types.roster);
    qoe_roster_free(envs.roster);
}


int
main(void)
{
    test_apart();
    test_roster();
    test_ended();
    test_full();

    return tap_end();
}
