
/*
 * Copyright (C) OpenQoE
 *
 * The series store: values that count several times, and series that a writer
 * keeps.
 */


#include "store_support.h"


static bool
find(qoe_store_t *s, qoe_metric_id_t metric, uint32_t base,
    qoe_series_t *out, uint32_t *slot)
{
    uint32_t  i;

    /* a test that goes on without its series has a slot all the same */
    *slot = 0;

    for (i = 0; i < qoe_store_slots(s); i++) {
        if (qoe_store_read(s, i, out) && out->metric == metric
            && out->base == base)
        {
            *slot = i;
            return true;
        }
    }

    return false;
}


/* A value that counts three times is as that value three times. */

static void
test_times(void)
{
    size_t             i, k;
    uint32_t           slot, b[2];
    qoe_store_t       *s;
    qoe_series_t       e[2];
    qoe_store_info_t   info;

    static const struct {
        qoe_metric_id_t   metric;
        const char       *name;
        double            value;
    } rows[] = {
        { COUNTER, "counter", 7 }, { GAUGE, "gauge", 0.5 },
        { HISTOGRAM, "histogram", 300 }
    };

    s = store_new(QOE_STORE_MIN);
    b[0] = block(s, 1);
    b[1] = block(s, 2);
    memset(e, 0, sizeof(e));

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (k = 0; k < 3; k++) {
            qoe_store_record(s, &env, rows[i].metric, b[0], 0, rows[i].value,
                             NOW);
        }

        qoe_store_record_at(s, &env,
                            qoe_store_place(s, &env, rows[i].metric, b[1], 0),
                            rows[i].metric, b[1], 0, rows[i].value, 3, NOW);

        ok(find(s, rows[i].metric, b[0], &e[0], &slot)
           && find(s, rows[i].metric, b[1], &e[1], &slot)
           && e[1].sum == e[0].sum && e[1].count == e[0].count
           && e[1].min == e[0].min && e[1].max == e[0].max
           && e[1].open_sum == e[0].open_sum
           && e[1].open_count == e[0].open_count
           && memcmp(e[1].bucket, e[0].bucket, sizeof(e[0].bucket)) == 0,
           "a value that counts three times in a %s is three values",
           rows[i].name);
    }

    qoe_store_record_at(s, &env,
                        qoe_store_place(s, &env, COUNTER, QOE_STORE_OVERFLOW,
                                        0),
                        COUNTER, QOE_STORE_OVERFLOW, 0, 1, 3, NOW);

    qoe_store_info(s, &info);

    ok(info.overflowed == 3, "so it is when there is no room for its series");

    munmap(s, QOE_STORE_MIN);
}


/* Series by their number, which is valid until some have ended. */

static void
test_series(void)
{
    uint32_t           slot, cursor, one, two, b[2];
    qoe_store_t       *s;
    qoe_series_t       e;
    qoe_store_info_t   info;

    s = store_new(QOE_STORE_MIN);
    b[0] = block(s, 1);
    b[1] = block(s, 2);

    one = qoe_store_series(s, &env, COUNTER, b[0], 0, NOW);
    two = qoe_store_series(s, &env, COUNTER, b[1], 0, NOW);

    ok(one != 0 && two != 0 && one != two
       && !find(s, COUNTER, b[0], &e, &slot),
       "two sets have two series, which are not seen before their values");

    qoe_store_add(s, one, 2, 3, NOW);
    qoe_store_record(s, &env, COUNTER, b[0], 0, 1, NOW);
    qoe_store_add(s, two, 5, 1, NOW);

    ok(find(s, COUNTER, b[0], &e, &slot) && e.count == 7
       && find(s, COUNTER, b[1], &e, &slot) && e.count == 5
       && qoe_store_series(s, &env, COUNTER, b[0], 0, NOW) == one,
       "values by number and by blocks are of one series");

    cursor = 0;
    ok(!qoe_store_sweep(s, &env, &cursor, UINT32_MAX),
       "a sweep that ends no series says so");

    condemn_all(s);
    ok(!qoe_store_sweep(s, &env, &cursor, UINT32_MAX),
       "a sweep that only notes condemned series leaves their numbers valid");

    qoe_store_add(s, one, 1, 1, NOW + SECOND);
    ok(find(s, COUNTER, b[0], &e, &slot) && e.count == 1
       && e.start_ns == NOW + SECOND,
       "a value by number begins a condemned series again");

    ok(qoe_store_sweep(s, &env, &cursor, UINT32_MAX),
       "a sweep that ends a series says so");

    qoe_store_info(s, &info);
    ok(info.series == 1 && store_check(s, &env, 2, b) == NULL,
       "the other one stays");
    ok(qoe_store_series(s, &env, COUNTER, QOE_STORE_OVERFLOW, 0, NOW) == 0
       && qoe_store_series(s, &env, COUNTER, b[0], UINT32_MAX, NOW) == 0,
       "there is no series of a block that does not exist");

    munmap(s, QOE_STORE_MIN);
}


int
main(void)
{
    test_times();
    test_series();

    return tap_end();
}
