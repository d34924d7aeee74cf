
/*
 * Copyright (C) OpenQoE
 *
 * A full table of sessions gives up newcomers before viewers who are known.
 */


#include "apply_unit.h"


#define SMALL        (2 * 1024 * 1024)


/* Events of viewers 0 .. n - 1 come at ms. */

static void
viewers_beat(lane_t *l, int64_t ms, uint32_t n)
{
    char      of[32], data[64];
    uint32_t  i;

    snprintf(data, sizeof(data), "at=%lld", (long long) ms);

    for (i = 0; i < n; i++) {
        snprintf(of, sizeof(of), "viewer%u/v/a", i);
        tell(l, ms, of, "heartbeat", data);
    }
}


/* Made-up sessions, with a view each, come at ms. */

static void
flood(lane_t *l, int64_t ms, uint32_t from, uint32_t n, bool ended)
{
    char      of[32];
    uint32_t  i;

    for (i = from; i < from + n; i++) {
        snprintf(of, sizeof(of), "forged%u/v/a", i);
        tell(l, ms, of, "playing", "at=0");

        if (ended) {
            tell(l, ms, of, "ended", "at=0");
        }
    }
}


/* Are all n viewers still in their first view? */

static bool
viewers_kept(lane_t *l, int64_t ms, uint32_t n)
{
    uint64_t  started;

    started = counted(l, QOE_COUNT_VIEWS_STARTED);
    viewers_beat(l, ms, n);
    return counted(l, QOE_COUNT_VIEWS_STARTED) == started
           && total(l, QOE_METRIC_VIEWS_CONTINUED_TOTAL) == 0;
}


/*
 * As the attack that was seen: 28 requests with 1,000 sessions each, which is
 * many times what the table holds.
 */

static void
test_newcomers(void)
{
    lane_t               *l;
    uint32_t              i, n, left;
    uint64_t              evicted;
    qoe_sessions_info_t   info;

    l = lane_new(SMALL);
    qoe_sessions_info(l->st.sessions[0], &info);
    n = info.views_max * 3 / 4;

    viewers_beat(l, 0, n);
    viewers_beat(l, 3000, n);

    for (i = 0; i < 28; i++) {
        flood(l, 3100 + i * 100, i * 1000, 1000, i % 2);
    }

    ok(viewers_kept(l, 10000, n),
       "28,000 made-up sessions close none of %u viewers' views", n);
    ok(counted(l, QOE_COUNT_VIEWS_STARTED) == n + 28000
       && alive(l) <= info.views_max,
       "the view of each made-up session began all the same");
    lane_free(l);

    /* The table is full of made-up sessions when the viewers come. */

    l = lane_new(SMALL);
    flood(l, 0, 0, 5000, false);
    viewers_beat(l, 100, 20);
    viewers_beat(l, 2200, 20);
    flood(l, 2300, 5000, 5000, false);
    ok(viewers_kept(l, 5000, 20),
       "viewers who come to a full table become known, and stay");
    lane_free(l);

    /* There are only viewers: some places are for newcomers. */

    l = lane_new(SMALL);

    viewers_beat(l, 0, info.views_max);
    viewers_beat(l, 3000, info.views_max);
    flood(l, 4000, 0, 10000, false);

    evicted = counted(l, QOE_COUNT_VIEWS_EVICTED);
    left = alive(l);
    ok(left == info.views_max && evicted == 10000,
       "a full table takes newcomers, a view for each");

    evicted = counted(l, QOE_COUNT_VIEWS_STARTED);
    viewers_beat(l, 5000, info.views_max / 4);
    ok(counted(l, QOE_COUNT_VIEWS_STARTED) - evicted
       <= info.views_max / 8 + 1,
       "newcomers cost known sessions an eighth of the views at most");
    lane_free(l);

    /* A page that is hidden or paused sends little. */

    l = lane_new(SMALL);
    viewers_beat(l, 0, 20);
    viewers_beat(l, 3000, 20);

    for (i = 0; i < 20; i++) {
        flood(l, 4000 + i * 1000, i * 5000, 5000, i % 3 == 0);
    }

    ok(viewers_kept(l, 25000, 20),
       "viewers who were silent longest of all are kept too");
    lane_free(l);
}


/* The table that a killed writer leaves still knows its newcomers. */

static void
test_newcomers_adopted(void)
{
    lane_t               *l;
    uint32_t              n;
    qoe_sessions_info_t   info;

    l = lane_new(SMALL);
    qoe_sessions_info(l->st.sessions[0], &info);
    n = info.views_max / 2;

    viewers_beat(l, 0, n);
    viewers_beat(l, 3000, n);
    flood(l, 3100, 0, 5000, false);

    lane_hold(l, true);
    ok(qoe_sessions_newcomers(l->st.sessions[0]) != 0,
       "newcomers are known as such after their writer was killed");

    flood(l, 3200, 5000, 5000, false);
    ok(viewers_kept(l, 6000, n),
       "viewers stay rather than newcomers after a writer was killed");
    lane_free(l);
}


int
main(void)
{
    test_newcomers();
    test_newcomers_adopted();

    return tap_end();
}
