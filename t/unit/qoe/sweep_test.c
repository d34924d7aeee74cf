
/*
 * Copyright (C) OpenQoE
 *
 * The consumer of a lane frees the series that exports condemn.
 */


#include "apply_unit.h"


#define SIZE               (16 * 1024 * 1024)


/* Adds so many series to the lane's store. */

static void
series(lane_t *l, unsigned n)
{
    char              text[32];
    uint32_t          b;
    qoe_labels_t      labels;
    qoe_store_env_t   env;

    memset(&env, 0, sizeof(env));
    env.key = l->st.key;
    env.count = &l->st.shared->series;
    env.max = l->conf.series_max;

    while (n-- != 0) {
        snprintf(text, sizeof(text), "%u", n);
        labels.len = 0;
        (void) qoe_labels_add(&labels, qoe_span("set"), qoe_span_str(text));

        b = qoe_store_block(l->st.store[0], &env, qoe_labels_span(&labels));
        (void) qoe_store_record(l->st.store[0], &env, QOE_METRIC_EVENTS_TOTAL,
                                b, 0, 1, lane_ns(0));
        qoe_store_unref(l->st.store[0], b);
    }
}


/* Looks at the series until that is done; returns the turns it took. */

static int
look(lane_t *l)
{
    int  turns;

    turns = 0;

    do {
        qoe_apply_tick(l->apply, lane_ns(0));
        turns++;
    } while (qoe_apply_busy(l->apply));

    return turns;
}


static void
test_sweep(void)
{
    lane_t    *l;
    uint64_t   later;

    l = lane_new(SIZE);
    later = 2 * l->conf.series_ttl_ms;
    series(l, 100);

    lane_export(l, 20000);
    ok(look(l) == 1 && l->st.shared->series == 100,
       "after an export the series are looked at, and those that are fresh "
       "stay");

    lane_export(l, later);
    lane_export(l, later + 1);
    ok(l->st.shared->series == 100,
       "an export alone does not free the series that it condemns");

    (void) look(l);
    (void) look(l);
    ok(l->st.shared->series == 100, "a look after it notes them");

    lane_export(l, later + 2);
    (void) look(l);
    ok(l->st.shared->series == 0, "a look after the next export frees them");

    series(l, 3000);
    lane_export(l, later + 3);
    ok(look(l) == 2, "a look at more series than a turn may take goes on in "
       "the next one");
    ok(look(l) == 1, "there is one look for each export");
    lane_free(l);
}


int
main(void)
{
    test_sweep();

    return tap_end();
}
