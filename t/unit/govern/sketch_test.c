
/*
 * Copyright (C) OpenQoE
 *
 * Sketches: how exact they are, and that garbage does no harm.
 */


#include "tap.h"
#include "qoe_hash.h"
#include "qoe_sketch.h"

#include <math.h>
#include <stddef.h>


#define SEEDS              24
#define TITLES             1000000
#define DRAWS              5000000
#define TOP                100
#define COUNTERS           4270          /* what a zone of 64 MB gives, 10 MB
                                            of it for governance */


static uint64_t
mix(uint64_t *state)
{
    uint64_t  z;

    z = (*state += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;

    return z ^ (z >> 31);
}


static void
test_hll(void)
{
    size_t               s, j;
    double               e, worst[4], squares;
    uint32_t             i;
    qoe_hll_t           *h;
    qoe_hash_key_t       key;
    static const double  within[] = { 0.0, 0.02, 0.02, 0.02 };
    static const uint32_t  at[] = { 10, 1000, 100000, 1000000 };

    h = malloc(sizeof(qoe_hll_t));
    squares = 0;
    memset(worst, 0, sizeof(worst));

    for (s = 0; s < SEEDS; s++) {
        key.k0 = s;
        key.k1 = ~s;
        memset(h, 0, sizeof(*h));

        for (i = 0, j = 0; j < 4; i++) {

            if (i == at[j]) {
                e = (qoe_hll_count(h) - i) / i;
                e = (i == 10) ? (round(qoe_hll_count(h)) != 10) : e;
                worst[j] = qoe_max(worst[j], fabs(e));
                squares += (j == 3) ? e * e : 0;
                j++;
            }

            qoe_hll_add(h, qoe_hash(&key, &i, sizeof(i)));
        }
    }

    for (j = 0; j < 4; j++) {
        ok(worst[j] <= within[j],
           "HyperLogLog of %u values is %.2f %% off at worst, over %d seeds",
           at[j], 100 * worst[j], SEEDS);
    }

    e = sqrt(squares / SEEDS);
    ok(e < 0.0075, "HyperLogLog is %.2f %% off as a rule", 100 * e);

    memset(h, 0, sizeof(*h));
    ok(qoe_hll_count(h) == 0, "an empty HyperLogLog counts 0");

    for (i = 0; i < 1000; i++) {
        qoe_hll_add(h, 0x123456789abcdef0ULL);
    }

    ok(round(qoe_hll_count(h)) == 1, "a value added 1000 times counts once");

    qoe_hll_add(h, 0);
    qoe_hll_add(h, UINT64_MAX);
    ok(round(qoe_hll_count(h)) == 3,
       "the smallest and the greatest hash are counted");

    memset(h, 0xff, sizeof(*h));
    e = qoe_hll_count(h);
    ok(!isnan(e) && e > 0, "registers of garbage give a positive estimate");

    free(h);
}


/* Walker's alias method: rank i with the weight 1 / (i + 1)^s. */

typedef struct {
    double              *p;
    uint32_t            *alias;
} zipf_t;


static void
zipf_new(zipf_t *z, double s)
{
    double     sum, *w;
    uint32_t   i, small, large, *todo;

    w = malloc(TITLES * sizeof(double));
    todo = malloc(TITLES * sizeof(uint32_t));
    z->p = malloc(TITLES * sizeof(double));
    z->alias = malloc(TITLES * sizeof(uint32_t));

    for (i = 0, sum = 0; i < TITLES; i++) {
        w[i] = pow(i + 1, -s);
        sum += w[i];
    }

    small = 0;
    large = TITLES;

    for (i = 0; i < TITLES; i++) {
        w[i] *= TITLES / sum;
        z->p[i] = 1;
        z->alias[i] = i;

        if (w[i] < 1) {
            todo[small++] = i;

        } else {
            todo[--large] = i;
        }
    }

    while (small > 0 && large < TITLES) {
        i = todo[--small];
        z->p[i] = w[i];
        z->alias[i] = todo[large];
        w[todo[large]] -= 1 - w[i];

        if (w[todo[large]] < 1) {
            todo[small++] = todo[large++];
        }
    }

    free(w);
    free(todo);
}


static uint32_t
zipf_draw(const zipf_t *z, uint64_t *state)
{
    double    x;
    uint32_t  i;

    i = (uint32_t) ((mix(state) >> 32) * TITLES >> 32);
    x = (double) (mix(state) >> 11) / 9007199254740992.0;

    return x < z->p[i] ? i : z->alias[i];
}


static int
by_count(const void *a, const void *b)
{
    uint64_t  x = *(const uint64_t *) a, y = *(const uint64_t *) b;

    return (x < y) - (x > y);
}


/*
 * Compares the list with the stream: how many titles of the true top are in
 * it.
 */

static void
test_zipf(double s)
{
    char                name[16];
    bool                bounds;
    size_t              i, n, right;
    zipf_t              z;
    uint32_t            title, *count;
    uint64_t            state, min, *sorted;
    qoe_span_t          text;
    qoe_topk_t         *t;
    qoe_hash_key_t      key = { 1, 2 };
    qoe_topk_entry_t    e[TOP];

    zipf_new(&z, s);
    count = calloc(TITLES, sizeof(uint32_t));
    sorted = malloc(TITLES * sizeof(uint64_t));
    t = malloc(qoe_topk_size(COUNTERS));
    qoe_topk_create(t, COUNTERS);
    state = 7;

    for (i = 0; i < DRAWS; i++) {
        title = zipf_draw(&z, &state);
        count[title]++;
        memcpy(name, &title, sizeof(title));
        text = (qoe_span_t) { name, sizeof(title) };
        qoe_topk_add(t, qoe_hash(&key, name, sizeof(title)), text, TOP);
    }

    for (i = 0; i < TITLES; i++) {
        sorted[i] = count[i];
    }

    qsort(sorted, TITLES, sizeof(uint64_t), by_count);
    min = sorted[TOP - 1];

    n = qoe_topk_list(t, e, TOP);
    right = 0;
    bounds = true;

    for (i = 0; i < n; i++) {
        memcpy(&title, e[i].text.data, sizeof(title));
        right += (count[title] >= min);
        bounds &= (e[i].count >= count[title]
                   && e[i].count - e[i].error <= count[title]);
        bounds &= (i == 0 || e[i - 1].count >= e[i].count);
    }

    ok(n == TOP && right >= 95,
       "Zipf %.1f, %d draws of %d titles, %d counters: %zu of the top %d are "
       "right", s, DRAWS, TITLES, COUNTERS, right, TOP);
    ok(bounds,
       "counts are upper bounds, counts less their error are lower bounds, and "
       "both are in order");

    free(z.p);
    free(z.alias);
    free(count);
    free(sorted);
    free(t);
}


static bool
add(qoe_topk_t *t, uint64_t hash, const char *text, uint32_t k)
{
    return qoe_topk_add(t, hash, qoe_span_str(text), k);
}


static void
test_topk(void)
{
    char                long_text[QOE_TOPK_TEXT + 9];
    size_t              i, j, n, wrong;
    qoe_topk_t         *t, *copy;
    qoe_topk_entry_t    e[8], before[8];

    t = malloc(qoe_topk_size(4));
    qoe_topk_create(t, 4);

    ok(qoe_topk_list(t, e, 8) == 0, "an empty top list is empty");
    ok(add(t, 1, "a", 2) && add(t, 1, "a", 2) && add(t, 2, "b", 2),
       "the first values are among the most frequent at once");
    ok(!add(t, 3, "c", 2),
       "a value seen once does not displace another seen once");
    ok(add(t, 3, "c", 2) && !add(t, 4, "d", 2),
       "a value seen twice displaces another seen once");

    n = qoe_topk_list(t, e, 8);
    ok(n == 4 && e[0].count == 2 && e[1].count == 2 && e[2].count == 1
       && e[0].error == 0, "the list is in the order of its counts");

    ok(!add(t, 5, "e", 2) && qoe_topk_list(t, e, 8) == 4
       && e[2].hash == 5 && e[2].count == 2 && e[2].error == 1
       && qoe_span_eq(e[2].text, qoe_span("e")),
       "a new value takes over the least frequent counter, whose count becomes "
       "its error");
    ok(add(t, 1, "a", 99) && add(t, 0, "zero", 4),
       "a k beyond the number of counters is no error");

    memset(long_text, 'x', sizeof(long_text));

    for (i = 0; i < 9; i++) {
        qoe_topk_add(t, 77, (qoe_span_t) { long_text, sizeof(long_text) }, 1);
    }

    ok(qoe_topk_list(t, e, 1) == 1 && e[0].text.len == QOE_TOPK_TEXT,
       "a long text is cut");

    for (i = 0; i < 9; i++) {
        add(t, 100 + i, "one after the other", 1);
    }

    n = qoe_topk_list(t, before, 8);
    qoe_topk_halve(t);

    wrong = (qoe_topk_list(t, e, 8) != n);

    for (i = 0; i < n; i++) {

        /* Values of the same count may stand in any order. */

        for (j = 0; j < n && e[j].hash != before[i].hash; j++) { /* void */ }

        wrong += (j == n || e[j].count != (before[i].count + 1) / 2
                  || e[j].error != before[i].error / 2
                  || (i > 0 && e[i].count > e[i - 1].count));
    }

    ok(n == 4 && wrong == 0 && e[0].hash == 77 && before[0].count > 9
       && before[1].error > 1,
       "halving halves the counts, rounded up, and the errors, rounded down");

    copy = malloc(qoe_topk_size(4));
    memcpy(copy, t, qoe_topk_size(4));
    qoe_topk_rebuild(t);
    ok(memcmp(copy, t, qoe_topk_size(4)) == 0,
       "after halving nothing is left to be rebuilt");
    free(copy);

    qoe_topk_clear(t);
    ok(qoe_topk_list(t, e, 8) == 0, "a cleared sketch is empty");

    free(t);
}


/* Values that come once each are not admitted, however many they are. */

static void
test_topk_forged(void)
{
    size_t       i, in, known;
    qoe_topk_t  *t;

    t = malloc(qoe_topk_size(1000));
    qoe_topk_create(t, 1000);

    for (i = 0; i < 30 * 100; i++) {
        add(t, 1 + i % 30, "known", 30);
    }

    in = 0;
    known = 0;

    for (i = 0; i < 100000; i++) {
        in += add(t, 1000000 + i, "forged", 30);

        if (i % 10 == 0) {
            known += add(t, 1 + i / 10 % 30, "known", 30);
        }
    }

    ok(in == 0, "%zu of 100000 forged values got in", in);
    ok(known == 10000, "%zu of 10000 known values stayed", known);

    free(t);
}


/* Compares with counts without a sketch: no value is ever pushed out. */

static void
test_topk_exact(void)
{
    int                 wrong;
    size_t              i, n;
    uint64_t            state, x, count[300];
    qoe_topk_t         *t;
    qoe_topk_entry_t    e[300];

    t = malloc(qoe_topk_size(300));
    qoe_topk_create(t, 300);
    memset(count, 0, sizeof(count));
    state = 3;
    wrong = 0;

    for (i = 0; i < 200000; i++) {
        x = qoe_min(mix(&state) % 300, mix(&state) % 300);
        count[x]++;
        add(t, x + 1, "v", 10);

        if (i % 20011 == 0) {
            qoe_topk_rebuild(t);
        }
    }

    n = qoe_topk_list(t, e, 300);

    for (i = 0; i < n; i++) {
        wrong += (e[i].count != count[e[i].hash - 1] || e[i].error != 0);
        wrong += (i > 0 && e[i].count > e[i - 1].count);
    }

    ok(n == 300 && wrong == 0,
       "counts are exact while there are counters enough");

    free(t);
}


/* The list and the answers of qoe_topk_add() are what exact counts say. */

static void
test_topk_halved(void)
{
    int                 round, wrong, in;
    size_t              i, n;
    uint64_t            x, count[40];
    qoe_topk_t         *t;
    qoe_topk_entry_t    e[10];

    t = malloc(qoe_topk_size(64));
    qoe_topk_create(t, 64);
    memset(count, 0, sizeof(count));
    wrong = 0;
    in = 0;

    for (round = 0; round < 6; round++) {

        for (x = 0; x < 40; x++) {
            for (i = 0; i < 100 + 7 * (40 - x); i++) {
                add(t, x + 1, "v", 10);
                count[x]++;
            }
        }

        qoe_topk_halve(t);

        for (x = 0; x < 40; x++) {
            count[x] -= count[x] / 2;
        }

        n = qoe_topk_list(t, e, 10);
        wrong += (n != 10);

        for (i = 0; i < n; i++) {
            wrong += (e[i].hash != i + 1 || e[i].count != count[i]);
        }

        /* Another draw changes no place: the counts are further apart. */

        for (x = 0; x < 40; x++) {
            in += (add(t, x + 1, "v", 10) != (x < 10));
            count[x]++;
        }
    }

    ok(wrong == 0, "after a halving the top 10 are the true ones, in order, "
       "with half their counts");
    ok(in == 0, "these 10 of 40 are admitted at once after a halving");

    free(t);
}


/* Whatever the bytes are: it ends, within its memory (see the sanitizers). */

static void
test_topk_garbage(void)
{
    char                buf[QOE_TOPK_TEXT];
    char               *bytes;
    size_t              i, j, n, size, bad;
    uint64_t            state;
    qoe_topk_t         *t;
    qoe_topk_entry_t    e[64];

    size = qoe_topk_size(64);
    t = malloc(size);
    bytes = (char *) t;
    state = 5;
    bad = 0;

    for (i = 0; i < 3000; i++) {
        qoe_topk_create(t, 64);

        for (j = 0; j < 200; j++) {
            add(t, mix(&state) % 90 + 1, "garbage", 10);
        }

        /* All but the sizes in the header. */

        for (j = 0; j < 1 + i % 200; j++) {
            n = 64 + mix(&state) % (size - 64);
            bytes[n] = (char) mix(&state);
        }

        for (j = 0; j < 50; j++) {
            add(t, mix(&state) % 90 + 1, "garbage", 10);
        }

        n = qoe_topk_list(t, e, 64);
        bad += (n > 64);

        for (j = 0; j < n; j++) {
            bad += (qoe_topk_text(&e[j], buf) > QOE_TOPK_TEXT);
        }

        qoe_topk_rebuild(t);

        for (j = 0; j < 50; j++) {
            add(t, mix(&state) % 90 + 1, "garbage", 10);
        }

        n = qoe_topk_list(t, e, 64);

        for (j = 1; j < n; j++) {
            bad += (e[j].count > e[j - 1].count);
        }
    }

    ok(bad == 0,
       "garbage in %zu sketches stays within bounds and is repaired by a "
       "rebuild", i);

    free(t);
}


/* The header of a sketch that has no counter is all there is of it. */

static void
test_topk_none(void)
{
    qoe_topk_t        *t;
    qoe_topk_entry_t   e[8];

    t = malloc(qoe_topk_size(0));
    qoe_topk_create(t, 0);

    ok(!add(t, 1, "a", 2) && !add(t, 1, "a", 2) && qoe_topk_list(t, e, 8) == 0,
       "in a sketch without a counter no value is frequent");

    free(t);
}


int
main(void)
{
    test_hll();
    test_topk();
    test_topk_forged();
    test_topk_exact();
    test_topk_halved();
    test_topk_garbage();
    test_topk_none();
    test_zipf(1.0);
    test_zipf(1.2);

    return tap_end();
}
