
/*
 * Copyright (C) OpenQoE
 *
 * Series that are idle leave with an export, in all of their lanes or in none.
 */


#include "collect_place.h"


static void
test_idle(void)
{
    place_t          p;
    qoe_collected_t  e;

    place_make(&p, 2);

    record(&p, 0, COUNTER, 1, 0, 5);
    record(&p, 1, COUNTER, 1, 0, 6);
    record(&p, 0, HISTOGRAM, 2, 0, 6);

    p.now_ns += 50 * SECOND;
    record(&p, 1, COUNTER, 1, 0, 1);

    p.now_ns += 20 * SECOND;

    ok(scrape(&p) == QOE_OK, "a scrape is made after a series' ttl");
    sweep(&p);
    ok(p.st.shared->series == 3, "a scrape ends no series");

    ok(export(&p) == QOE_OK && qoe_collect_count(p.c, HISTOGRAM) == 1,
       "a series that is idle is exported a last time");
    sweep(&p);
    ok(p.st.shared->series == 2 && export(&p) == QOE_OK
       && qoe_collect_count(p.c, HISTOGRAM) == 0,
       "an idle series has left after its last export");
    ok(only(&p, COUNTER, &e) && e.integer == 12,
       "a series that is idle in one of its lanes stays whole");

    p.now_ns += 45 * SECOND;
    ok(export(&p) == QOE_OK, "a series that is idle in both lanes is exported");
    sweep(&p);
    ok(p.st.shared->series == 0,
       "a series that is idle in both lanes leaves both");

    record(&p, 1, COUNTER, 1, 0, 2);
    record(&p, 0, COUNTER, 9, 0, 2);
    ok(export(&p) == QOE_OK && qoe_collect_count(p.c, COUNTER) == 2,
       "a series that left is exported again when it has new values");
    qoe_collect_get(p.c, COUNTER, 0, &e);
    ok(e.integer == 2 && e.start_ns == p.now_ns,
       "a series that came back has a start of its own");

    p.conf.series_ttl_ms = 0;
    p.now_ns += 1000000 * SECOND;
    ok(export(&p) == QOE_OK, "an export is made without a ttl");
    sweep(&p);
    ok(p.st.shared->series == 2, "without a ttl no series ever leaves");

    p.st.shared->series += 3;
    ok(export(&p) == QOE_OK && p.st.shared->series == 2,
       "an export corrects a wrong count of series");

    place_free(&p);
}


/*
 * A value comes to one lane's part of an idle series while an export goes on:
 * after so many of its steps.  Returns what the series has afterwards, 0 if
 * the export was over before.
 */

static uint64_t
late_value(unsigned after, unsigned *gone)
{
    place_t          p;
    uint64_t         sum, start_ns;
    unsigned         steps;
    qoe_collected_t  e;

    place_make(&p, 2);
    record(&p, 0, COUNTER, 1, 0, 5);
    record(&p, 1, COUNTER, 1, 0, 6);
    start_ns = p.now_ns;
    p.now_ns += 70 * SECOND;

    p.c = qoe_collect_create(&p.st, &p.conf, &p.governor, QOE_COLLECT_EXPORT,
                             p.conf.groups, p.now_ns + SETTLE, &qoe_mem_heap);

    for (steps = 0; qoe_collect_step(p.c, 0) == QOE_AGAIN; steps++) {
        if (steps == after) {
            record(&p, 1, COUNTER, 1, 0, 1);
        }
    }

    sweep(&p);
    p.now_ns += SECOND;

    if (steps <= after) {
        sum = 0;

    } else if (scrape(&p) != QOE_OK || !only(&p, COUNTER, &e)) {
        sum = UINT64_MAX;

    } else {
        sum = e.integer;
        *gone += (e.start_ns > start_ns);

        if ((sum == 12) != (e.start_ns == start_ns)) {
            sum = UINT64_MAX;
        }
    }

    place_free(&p);

    return sum;
}


static void
test_idle_late(void)
{
    unsigned  i, whole, gone, wrong;
    uint64_t  sum;

    whole = gone = wrong = 0;

    for (i = 0; (sum = late_value(i, &gone)) != 0; i += 250) {
        whole += (sum == 12);
        wrong += (sum != 12 && sum != 1);
    }

    ok(wrong == 0 && whole > 2 && gone != 0,
       "a series that gets a value while it is found idle stays whole, or "
       "begins anew (%u, %u)", whole, gone);
}


/* Slots of one number in two lanes: the right lane's series is condemned. */

static void
test_idle_lane(void)
{
    place_t          p;
    qoe_collected_t  e;

    place_make(&p, 3);

    record(&p, 2, COUNTER, 20, 0, 7);
    p.now_ns += 50 * SECOND;
    record(&p, 0, COUNTER, 10, 0, 5);
    record(&p, 1, COUNTER, 11, 0, 6);
    p.now_ns += 20 * SECOND;

    ok(export(&p) == QOE_OK && qoe_collect_count(p.c, COUNTER) == 3,
       "a series that is idle in lane 2 alone is exported a last time");
    sweep(&p);
    ok(p.st.shared->series == 2 && export(&p) == QOE_OK
       && qoe_collect_count(p.c, COUNTER) == 2, "and leaves");
    qoe_collect_get(p.c, COUNTER, 0, &e);
    ok(e.integer == 5 || e.integer == 6,
       "the series in the same slots of other lanes stay");

    record(&p, 0, COUNTER, 10, 0, 1);
    record(&p, 1, COUNTER, 11, 0, 1);
    ok(scrape(&p) == QOE_OK && qoe_collect_count(p.c, COUNTER) == 2
       && p.st.shared->series == 2, "and go on to count");

    place_free(&p);
}


/* The ttl of a series, and the time for which a gauge stands, to the second. */

static void
test_bounds(void)
{
    place_t          p;
    qoe_collected_t  e;

    place_make(&p, 1);
    record(&p, 0, COUNTER, 1, 0, 5);

    p.now_ns += 60 * SECOND - SETTLE;
    (void) export(&p);
    sweep(&p);
    ok(p.st.shared->series == 1, "a series stays for its ttl");
    p.now_ns += SECOND / 1000;
    (void) export(&p);
    sweep(&p);
    ok(p.st.shared->series == 0, "a millisecond later it is idle");

    record(&p, 0, GAUGE, 1, 0, 30);
    ok(export(&p) == QOE_OK && only(&p, GAUGE, &e) && e.number == 30
       && !e.ended, "a gauge has its value");

    p.now_ns = (p.now_ns / SECOND + 60) * SECOND - SECOND;
    ok(export(&p) == QOE_OK && qoe_collect_count(p.c, GAUGE) == 0,
       "it stands for a minute");
    p.now_ns += SECOND;
    ok(export(&p) == QOE_OK && only(&p, GAUGE, &e) && e.ended
       && e.number == 0, "after which it ends");
    ok(export(&p) == QOE_OK && qoe_collect_count(p.c, GAUGE) == 0, "once");
    place_free(&p);
}


int
main(void)
{
    test_bounds();
    test_idle();
    test_idle_late();
    test_idle_lane();

    return tap_end();
}
