
/*
 * Copyright (C) OpenQoE
 *
 * Events with made-up values fill the table of series: those of real viewers
 * find a place all the same.
 */


#include "apply_unit.h"


#define SMALL        (2 * 1024 * 1024)

#define EVENTS       60                      /* in a forged request */
#define REQUESTS     1000


/* An event of a session of its own, unless a text names the session. */

static void
send(lane_t *l, int64_t ms, uint64_t request, const char *session,
    const char *org, const char *player, const char *video, const char *type)
{
    uint64_t      at;
    qoe_sample_t  s;

    at = LOG_START + (uint64_t) ms;
    make_sample(&s, type, at, at, (char[16]) { "at=0" });

    s.received_ns += request;
    s.text[QOE_TEXT_ORG_ID] = qoe_span_str(org);
    s.text[QOE_TEXT_PLAYER_ID] = qoe_span_str(player);
    s.text[QOE_TEXT_SESSION_ID] = qoe_span_str(session);
    s.text[QOE_TEXT_VIEW_ID] = qoe_span("v");
    s.text[QOE_TEXT_VIDEO_ID] = qoe_span_str(video);

    l->now_ms = (uint64_t) ms;
    lane_apply(l, &s);
}


/* A request whose events have values that were never seen before. */

static void
forge(lane_t *l, int64_t ms)
{
    char             org[16], player[16], video[16], session[16];
    uint32_t         i;
    static uint32_t  n;

    n++;

    for (i = 0; i < EVENTS; i++) {
        snprintf(org, sizeof(org), "o%u-%u", n, i);
        snprintf(player, sizeof(player), "p%u-%u", n, i);
        snprintf(video, sizeof(video), "t%u-%u", n, i);
        snprintf(session, sizeof(session), "s%u-%u", n, i);

        send(l, ms, n % 100000 + 1, session, org, player, video, "heartbeat");
    }
}


/* A viewer of an org whose other values are known. */

static void
viewer(lane_t *l, int64_t ms, uint32_t number, const char *org,
    const char *type)
{
    char  session[32];

    snprintf(session, sizeof(session), "%s-%u", org, number);
    send(l, ms, 0, session, org, "web", "film", type);
}


/* The sum of the series that have the text among their attributes. */

static double
sum_with(lane_t *l, qoe_metric_id_t metric, const char *text)
{
    size_t           i, n;
    double           sum;
    qoe_span_t       base;
    qoe_collected_t  s;

    (void) total_of(l, metric, NULL, &n);
    sum = 0;

    for (i = 0; i < qoe_collect_count(l->c, metric); i++) {
        qoe_collect_get(l->c, metric, i, &s);

        if (s.base == 0) {
            continue;
        }

        base = qoe_collect_block(l->c, s.base);

        if (memmem(base.data, base.len, text, strlen(text)) != NULL) {
            sum += s.number;
        }
    }

    return sum;
}


static void
test_flood(bool capped)
{
    double              known, early;
    int64_t             ms;
    lane_t             *l;
    uint32_t            i;
    const char         *by;
    qoe_store_info_t    info;

    l = lane_new(SMALL);
    l->dims.fresh = 8;
    by = "as many as the memory holds";

    if (capped) {
        l->conf.series_max = 400;
        lane_hold(l, false);
        by = "openqoe_series_max";
    }

    for (i = 0; i < 4; i++) {
        viewer(l, 1000 * i, i, "acme", "heartbeat");
    }

    /* Ten requests come each second. */

    for (i = 0; i < REQUESTS; i++) {
        ms = 10000 + i * 100;
        forge(l, ms);
    }

    qoe_store_info(l->st.store[0], &info);
    ok(info.overflowed > 1000, "%u requests with %d forged events each fill "
       "the table of series, %s", REQUESTS, EVENTS, by);

    for (i = 0; i < 20; i++) {
        ms += 1000;
        forge(l, ms);
        viewer(l, ms, 100 + i, "acme", "pause");
        viewer(l, ms, 200 + i, "newco", "pause");
    }

    known = sum_with(l, QOE_METRIC_EVENTS_TOTAL, "acme");
    ok(known == 4 + 20,
       "a new series of known values has its place during the flood: %g of 4 "
       "and 20", known);

    early = sum_with(l, QOE_METRIC_EVENTS_TOTAL, "newco");

    for (i = 0; i < 20; i++) {
        ms += 1000;
        forge(l, ms);
        viewer(l, ms, 300 + i, "newco", "pause");
    }

    ok(early >= 10
       && sum_with(l, QOE_METRIC_EVENTS_TOTAL, "newco") == early + 20,
       "a series of a new org has its place once some sessions have shown the "
       "org: %g of 20", early);

    lane_free(l);
}


int
main(void)
{
    test_flood(false);
    test_flood(true);

    return tap_end();
}
