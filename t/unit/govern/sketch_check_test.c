
/*
 * Copyright (C) OpenQoE
 *
 * The sketches from within: the indexes of the most frequent values after each
 * change, what is made of broken ones, and estimates by the formula they are
 * meant to follow.
 */


#include "tap.h"
#include "qoe_topk.c"

#include <math.h>


static qoe_topk_t  *t;


static void
create(uint32_t counters)
{
    free(t);
    t = aligned_alloc(64, qoe_topk_size(counters));
    qoe_topk_create(t, counters);
}


static bool
add(uint64_t hash, uint32_t k)
{
    char  text[24];

    return qoe_topk_add(t, hash, (qoe_span_t) {
        text, (size_t) sprintf(text, "t%llu", (unsigned long long) hash) }, k);
}


/* What is wrong with the indexes; NULL: nothing. */

static const char *
wrong(void)
{
    uint32_t                   i, g, pos, n, *order;
    qoe_topk_group_t          *groups;
    const qoe_topk_counter_t  *c, *before;

    order = qoe_topk_order(t);
    groups = qoe_topk_groups(t);
    before = NULL;

    for (pos = 0, n = 0; pos < t->used; pos++) {
        if (order[pos] >= t->counters) {
            return "a rank of no counter";
        }

        c = &t->counter[order[pos]];
        g = c->group;

        if (c->pos != pos || c->count == 0 || c->hash == 0) {
            return "a counter at another rank";
        }

        if (before != NULL && before->count < c->count) {
            return "the order";
        }

        if (g >= t->counters || groups[g].first > pos
            || groups[g].first + groups[g].size <= pos)
        {
            return "the bounds of a group";
        }

        if (before != NULL
            && (before->count == c->count) != (before->group == g))
        {
            return "the groups by count";
        }

        n += groups[g].first == pos;
        before = c;

        if (qoe_topk_find(t, c->hash) != order[pos]) {
            return "a value that is not found";
        }
    }

    for (i = 0; i < t->counters; i++) {
        if (t->counter[i].count == 0 && t->counter[i].hash != 0) {
            return "a counter without a count";
        }
    }

    /* n groups are in use, and the others are free */

    for (i = t->free_group; i != 0; i = groups[i - 1].first) {
        if (i > t->counters || n++ > t->counters || groups[i - 1].size != 0) {
            return "the free groups";
        }
    }

    return n == t->counters ? NULL : "a group that is lost";
}


/* The rank of a value; its count and error too. */

static uint32_t
rank_of(uint64_t hash, uint64_t *count, uint64_t *error)
{
    uint32_t  i;

    i = qoe_topk_find(t, hash);

    if (i == QOE_TOPK_NONE) {
        return i;
    }

    *count = t->counter[i].count;
    *error = t->counter[i].error;

    return t->counter[i].pos;
}


static void
test_size(void)
{
    uint32_t  n, right;

    static const struct { uint32_t n, heads; }  rows[] = {
        { 0, 16 }, { 1, 16 }, { 16, 16 }, { 17, 32 }, { 32, 32 }, { 33, 64 }
    };

    for (n = 0, right = 0; n < 6; n++) {
        right += qoe_topk_heads(rows[n].n) == rows[n].heads
                 && qoe_topk_size(rows[n].n) % 64 == 0
                 && qoe_topk_size(rows[n].n)
                    >= sizeof(qoe_topk_t) + rows[n].heads * 4
                       + rows[n].n * (sizeof(qoe_topk_counter_t) + 12)
                 && qoe_topk_size(rows[n].n)
                    < sizeof(qoe_topk_t) + rows[n].heads * 4
                      + rows[n].n * (sizeof(qoe_topk_counter_t) + 12) + 64;
    }

    ok(right == 6, "a sketch has the bytes for its counters, and no more");

    create(0);
    ok(!add(5, 10) && t->used == 0, "one without a counter counts nothing");
}


static void
test_counts(void)
{
    unsigned     i, seed;
    uint64_t     count, error;
    const char  *bad;

    create(8);
    ok(wrong() == NULL && t->used == 0, "a new sketch is sound");
    ok(add(1, 1) && !add(2, 1) && add(2, 2) && add(2, 1) && !add(1, 1)
       && wrong() == NULL, "of two values the more frequent is the first");
    ok(rank_of(1, &count, &error) == 1 && count == 2 && error == 0
       && rank_of(2, &count, &error) == 0 && count == 3 && error == 0,
       "each has its count");
    ok(add(0, 8) && rank_of(1, &count, &error) == 1 && count == 3,
       "a hash of 0 is that of 1");

    create(8);

    for (i = 0, seed = 3, bad = NULL; i < 20000 && bad == NULL; i++) {
        seed = seed * 1103515245 + 12345;
        (void) add(1 + (seed >> 16) % (1 + (seed >> 24) % 12), 4);

        if (i % 977 == 0) {
            qoe_topk_halve(t);
        }

        bad = wrong();
    }

    ok(bad == NULL, "after any value the indexes are right: %s, %u",
       bad ? bad : "", i);
}


/* A value that takes the place of another. */

static void
test_taken(void)
{
    unsigned           i;
    uint64_t           count, error;
    qoe_topk_entry_t   e[4];
    char               buf[QOE_TOPK_TEXT];

    create(2);
    (void) add(1, 2);
    (void) add(1, 2);
    (void) add(1, 2);
    (void) add(2, 2);
    ok(!add(3, 2) && rank_of(3, &count, &error) == 1 && count == 2
       && error == 1 && rank_of(2, &count, &error) == QOE_TOPK_NONE,
       "a new value takes the least frequent one's counter, with its error");
    ok(wrong() == NULL, "after that the sketch is sound");
    ok(add(3, 2) && count == 2, "with more of its own it is frequent");
    ok(qoe_topk_list(t, e, 4) == 2 && e[0].count == 3 && e[0].error < 3
       && qoe_topk_list(t, e, 1) == 1 && qoe_topk_list(t, e, 0) == 0,
       "as many are listed as there are, or as were asked for");
    ok(qoe_topk_text(&e[0], buf) == 2 && memcmp(buf, "t", 1) == 0,
       "with their text");
    e[0].hash++;
    ok(qoe_topk_text(&e[0], buf) == 0, "unless it is another's by now");

    /* halved, and half of an error */

    create(2);

    for (i = 0; i < 5; i++) {
        (void) add(1, 2);
    }

    (void) add(2, 2);
    (void) add(3, 2);
    (void) add(3, 2);
    (void) rank_of(3, &count, &error);
    ok(count == 3 && error == 1, "a count of 3 with an error of 1");
    qoe_topk_halve(t);
    ok(rank_of(3, &count, &error) == 1 && count == 2 && error == 0
       && rank_of(1, &count, &error) == 0 && count == 3 && wrong() == NULL,
       "halved counts are rounded up, their errors down");

    qoe_topk_clear(t);
    ok(t->used == 0 && wrong() == NULL && qoe_topk_list(t, e, 4) == 0
       && rank_of(1, &count, &error) == QOE_TOPK_NONE && add(9, 1),
       "a sketch that was cleared begins anew");
}


/* Indexes that a dead writer has left, one of them broken. */

static void
test_broken(void)
{
    unsigned            n, i;
    uint64_t            count, error;
    const char         *bad;
    qoe_topk_counter_t  *c;

    static const char *const  what[] = {
        "nothing", "a group beyond all", "a rank beyond all",
        "a group that begins after it", "a group without a counter",
        "a rank of no counter", "all free groups", "the group before",
        "the rank before"
    };

    for (n = 0; n < sizeof(what) / sizeof(what[0]); n++) {
        create(4);

        for (i = 0; i < 5; i++) {
            (void) add(1, 4);
        }

        for (i = 0; i < 3; i++) {
            (void) add(2, 4);
            (void) add(3, 4);
        }

        c = &t->counter[qoe_topk_find(t, 3)];

        switch (n) {
        case 1: c->group = t->counters; break;
        case 2: c->pos = t->counters; break;
        case 3: qoe_topk_groups(t)[c->group].first = c->pos + 1; break;
        case 4: qoe_topk_groups(t)[c->group].size = 0; break;
        case 5: qoe_topk_order(t)[1] = t->counters; break;
        case 6: t->free_group = t->counters + 1; break;
        case 7:
            (void) add(3, 4);
            t->counter[qoe_topk_find(t, 1)].group = t->counters;
            break;
        case 8:
            (void) add(3, 4);
            qoe_topk_order(t)[0] = t->counters;
            break;
        default: break;
        }

        (void) add(3, 4);
        bad = wrong();
        (void) rank_of(3, &count, &error);
        ok(bad == NULL && count == 4 + (n > 6),
           "a value is counted, and the indexes are made again, for %s: %s",
           what[n], bad ? bad : "");
    }

    /* a rank of no counter, where a new value is to be taken */

    create(2);
    (void) add(1, 2);
    qoe_topk_order(t)[1] = 2;
    (void) add(2, 2);
    ok(wrong() == NULL && t->used == 2
       && rank_of(2, &count, &error) == 1 && count == 1,
       "a new value finds its counter all the same");
    t->used = 9;
    (void) add(3, 2);
    qoe_topk_rebuild(t);
    ok(wrong() == NULL && t->used == 2, "there are no more than all");
}


/* Ertl's estimator, by sums of a fixed length. */

static double
estimate(const qoe_hll_t *h)
{
    int     i, q;
    double  n[66] = { 0 }, z, x, s, p;

    q = 64 - QOE_HLL_BITS;

    for (i = 0; i < QOE_HLL_SIZE; i++) {
        n[h->reg[i] < q + 1 ? h->reg[i] : q + 1]++;
    }

    x = 1 - n[q + 1] / QOE_HLL_SIZE;
    z = 0;

    if (x > 0 && x < 1) {
        for (i = 1, s = 1 - x, p = 1; i < 300; i++) {
            x = sqrt(x);
            p /= 2;
            s -= (1 - x) * (1 - x) * p;
        }

        z = QOE_HLL_SIZE * s / 3;
    }

    for (i = q; i > 0; i--) {
        z = 0.5 * (z + n[i]);
    }

    x = n[0] / QOE_HLL_SIZE;

    for (i = 0, s = x, p = 1; i < 300 && x < 1; i++) {
        x *= x;
        s += x * p;
        p *= 2;
    }

    z += QOE_HLL_SIZE * s;

    return (double) QOE_HLL_SIZE * QOE_HLL_SIZE / (2 * log(2)) / z;
}


static void
test_estimate(void)
{
    size_t     i, k;
    double     got, want;
    qoe_hll_t  h;

    /* so many registers of each rank, the rest empty */

    static const struct { uint8_t rank[3]; size_t n[3]; }  rows[] = {
        { { 1, 2, 3 }, { 10, 5, 1 } },
        { { 1, 2, 3 }, { 16384, 8192, 4096 } },
        { { 10, 11, 12 }, { 16384, 8192, 8192 } },
        { { 48, 49, 50 }, { 30000, 2000, 768 } },
        { { 1, 49, 50 }, { 100, 1, 1 } },
        { { 50, 50, 60 }, { 100, 100, 100 } },
        { { 50, 50, 255 }, { 30000, 2000, 700 } }
    };

    memset(&h, 0, sizeof(h));
    ok(qoe_hll_count(&h) == 0, "an empty sketch has no value");

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        memset(&h, 0, sizeof(h));
        memset(h.reg, rows[i].rank[0], rows[i].n[0]);
        memset(h.reg + rows[i].n[0], rows[i].rank[1], rows[i].n[1]);
        memset(h.reg + rows[i].n[0] + rows[i].n[1], rows[i].rank[2],
               rows[i].n[2]);
        got = qoe_hll_count(&h);
        want = estimate(&h);
        ok(fabs(got - want) <= want * 1e-9,
           "an estimate of %g follows the formula: %g", want, got);
    }

    /* a value's register and rank, by its bits */

    static const struct { uint64_t hash; size_t reg; uint8_t rank; }
    bits[] = {
        { 0, 0, 50 }, { 1, 0, 49 }, { 1ULL << 48, 0, 1 },
        { 1ULL << 47, 0, 2 }, { UINT64_MAX, QOE_HLL_SIZE - 1, 1 },
        { 1ULL << 49, 1, 50 }, { (1ULL << 49) + 4, 1, 47 }
    };

    for (i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
        memset(&h, 0, sizeof(h));
        qoe_hll_add(&h, bits[i].hash);

        for (k = 0; k < QOE_HLL_SIZE; k++) {
            if (h.reg[k] != (k == bits[i].reg ? bits[i].rank : 0)) {
                break;
            }
        }

        ok(k == QOE_HLL_SIZE, "a hash of %llx is of rank %u in register %zu",
           (unsigned long long) bits[i].hash, bits[i].rank, bits[i].reg);
    }

    qoe_hll_add(&h, 1ULL << 49 | 1ULL << 48);
    ok(h.reg[1] == 47, "a lower rank changes nothing");
    qoe_hll_add(&h, (1ULL << 49) + 2);
    ok(h.reg[1] == 48, "a higher one does");
}


int
main(void)
{
    test_size();
    test_counts();
    test_taken();
    test_broken();
    test_estimate();

    free(t);

    return tap_end();
}
