
/*
 * Copyright (C) OpenQoE
 *
 * The series store: kinds of series, blocks, the limit, ends of series.
 */


#include "store_support.h"

#include <math.h>


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


static void
test_kinds(void)
{
    uint32_t      slot, b;
    qoe_store_t  *s;
    qoe_series_t  e;

    s = store_new(QOE_STORE_MIN);
    b = block(s, 1);

    ok(qoe_store_record(s, &env, COUNTER, b, 0, 1e15, NOW) == QOE_OK
       && qoe_store_record(s, &env, COUNTER, b, 0, 1e15, NOW) == QOE_OK,
       "a counter takes two values");

    for (slot = 0; slot < 10; slot++) {
        qoe_store_record(s, &env, COUNTER, b, 0, 1e15, NOW);
    }

    qoe_store_record(s, &env, COUNTER, b, 0, 1, NOW + SECOND);

    ok(find(s, COUNTER, b, &e, &slot) && e.count == 12000000000000001ULL,
       "integers are exact beyond 2^53");
    ok(e.start_ns == NOW && e.last_s == 5001 && e.extra == 0,
       "a series starts with its first value, and knows its last one");

    ok(qoe_store_record(s, &env, COUNTER, b, 0, -1, NOW) == QOE_INVALID
       && qoe_store_record(s, &env, COUNTER, b, 0, NAN, NOW) == QOE_INVALID
       && qoe_store_record(s, &env, GAUGE, b, 0, INFINITY, NOW) == QOE_INVALID
       && qoe_store_record(s, &env, GAUGE, b, 0, 1e16, NOW) == QOE_INVALID
       && qoe_store_record(s, &env, HISTOGRAM, b, 0, -1, NOW) == QOE_INVALID
       && qoe_store_record(s, &env, QOE_METRICS_N, b, 0, 1, NOW)
          == QOE_INVALID
       && qoe_store_record(s, &env, QOE_METRIC_SERIES_COUNT, b, 0, 1, NOW)
          == QOE_INVALID, "values that a metric cannot have are refused");
    ok(*env.count == 1, "a refused value makes no series");

    qoe_store_record(s, &env, HISTOGRAM, b, 0, 100, NOW);
    qoe_store_record(s, &env, HISTOGRAM, b, 0, 100.5, NOW);
    qoe_store_record(s, &env, HISTOGRAM, b, 0, 99999, NOW);

    ok(find(s, HISTOGRAM, b, &e, &slot) && e.count == 3
       && e.bucket[0] == 1 && e.bucket[1] == 1 && e.bucket[10] == 1
       && e.sum == 100199.5 && e.min == 100 && e.max == 99999,
       "a histogram's bounds are upper-inclusive");

    qoe_store_record(s, &env, GAUGE, b, 0, 10, NOW);
    qoe_store_record(s, &env, GAUGE, b, 0, -4, NOW);

    ok(find(s, GAUGE, b, &e, &slot) && e.window_count == 0
       && e.open_count == 2 && e.open_sum == 6,
       "a gauge collects values in an open window");

    qoe_store_window(s, slot);
    qoe_store_record(s, &env, GAUGE, b, 0, 7, NOW);

    ok(qoe_store_read(s, slot, &e) && e.window_count == 2 && e.window_sum == 6
       && e.open_count == 1 && e.open_sum == 7,
       "a closed window keeps its values, and the next one begins");

    qoe_store_window(s, slot);
    qoe_store_window(s, slot);

    ok(qoe_store_read(s, slot, &e) && e.window_count == 0
       && e.open_count == 0, "a window without values is empty");
    ok(store_check(s, &env, 1, &b) == NULL,
       "a store with these series is sound");

    munmap(s, QOE_STORE_MIN);
}


/* A set with a value that is not known, and a series of that set. */

static bool
newcomer(qoe_store_t *s, unsigned i)
{
    int           n;
    char          text[16];
    uint32_t      b;
    qoe_labels_t  l;

    l.len = 0;
    n = snprintf(text, sizeof(text), "new%u", i);
    (void) qoe_labels_add(&l, qoe_span("set"),
                          (qoe_span_t) { text, (size_t) n });
    b = qoe_store_block_new(s, &env, qoe_labels_span(&l));

    return b != 0
           && qoe_store_record(s, &env, COUNTER, b, 0, 1, NOW) == QOE_OK;
}


static void
test_newcomers(void)
{
    uint32_t      n, known, b;
    qoe_store_t  *s;

    s = store_new(QOE_STORE_MIN);

    for (n = 0; newcomer(s, n); n++) { /* void */ }

    for (known = 0; (b = block(s, known)) != 0; known++) {
        if (qoe_store_record(s, &env, COUNTER, b, 0, 1, NOW) != QOE_OK) {
            break;
        }
    }

    ok(n > 20 && known > n / 10,
       "sets with an unknown value leave room for other sets: %u and %u in a "
       "small store", n, known);
    munmap(s, QOE_STORE_MIN);

    s = store_new(1024 * 1024);
    env.max = 100;

    for (n = 0; newcomer(s, n); n++) { /* void */ }

    for (known = 0; known < 100; known++) {
        if (qoe_store_record(s, &env, COUNTER, block(s, known), 0, 1, NOW)
            != QOE_OK)
        {
            break;
        }
    }

    ok(n == 75 && known == 25,
       "of 100 series the last 25 are for known values");
    ok(newcomer(s, 3), "a series that exists takes values in a full table");

    munmap(s, 1024 * 1024);
}


static void
test_blocks(void)
{
    char          buf[QOE_LABELS_MAX];
    size_t        len, other;
    uint32_t      a, b, i, n;
    qoe_span_t    big;
    qoe_store_t  *s;
    static char   bytes[QOE_LABELS_MAX + 1];

    s = store_new(QOE_STORE_MIN);

    a = block(s, 188);
    b = block(s, 188);

    len = qoe_store_block_read(s, a, buf);

    ok(a == b && a != 0 && block(s, 189) != a,
       "equal sets of attributes are one block");
    ok(len == 1 + 3 + 2 + 4 + 189
       && memcmp(buf, "\3set\xc1\0" "188-000", 13) == 0,
       "a block of four cells can be read");
    ok(qoe_store_block_hash(s, a)
       == qoe_hash(&env.key, buf, len), "a block's hash is that of its bytes");

    other = qoe_store_block_read(s, s->pool[QOE_POOL_BLOCKS].n, buf)
            + qoe_store_block_read(s, 0, buf)
            + qoe_store_block_read(s, UINT32_MAX, buf);
    ok(other == 0 && qoe_store_block_hash(s, 0) == 0
       && qoe_store_block_hash(s, UINT32_MAX) == 0,
       "a reference that is no block's reads as none");

    qoe_store_unref(s, a);
    ok(qoe_store_block_read(s, a, buf) == len,
       "a block with a reference left stays");
    qoe_store_unref(s, a);
    ok(qoe_store_block_read(s, a, buf) == 0
       && qoe_store_block_hash(s, a) == 0,
       "a block without references is gone");
    qoe_store_unref(s, a);
    qoe_store_unref(s, 0);
    qoe_store_unref(s, UINT32_MAX);
    qoe_store_ref(s, a);

    memset(bytes, 'x', sizeof(bytes));
    big = (qoe_span_t) { bytes, sizeof(bytes) };

    ok(qoe_store_block(s, &env, big) == 0
       && qoe_store_block(s, &env, qoe_span_null) == 0,
       "a set that is too large or empty gets no block");

    big.len--;
    b = qoe_store_block(s, &env, big);
    ok(b != 0 && qoe_store_block_read(s, b, buf) == QOE_LABELS_MAX
       && memcmp(buf, bytes, QOE_LABELS_MAX) == 0, "the largest set is stored");
    qoe_store_unref(s, b);

    for (n = 0; block(s, 1000 + n) != 0; n++) { /* void */ }

    ok(n > 50 && n <= s->pool[QOE_POOL_BLOCKS].n,
       "%u blocks fill a small store", n);
    ok(qoe_store_record(s, &env, COUNTER, QOE_STORE_OVERFLOW, 0, 1, NOW)
       == QOE_FULL, "a value whose block has no room overflows");

    for (i = 0; i < n; i++) {
        b = block(s, 1000 + i);
        qoe_store_unref(s, b);
        qoe_store_unref(s, b);
    }

    b = block(s, 189);
    qoe_store_unref(s, b);
    qoe_store_unref(s, b);

    ok(is_empty(s) && store_check(s, &env, 0, NULL) == NULL,
       "without references all blocks and cells are free");

    munmap(s, QOE_STORE_MIN);
}


static void
test_cap(void)
{
    char               buf[QOE_LABELS_MAX];
    bool               full;
    size_t             len;
    uint32_t           i, n, slot, a, slots;
    qoe_span_t         name, value;
    qoe_store_t       *s;
    qoe_series_t       e;
    qoe_store_info_t   info;
    qoe_labels_iter_t  it;

    s = store_new(QOE_STORE_MIN);
    env.max = 3;

    for (i = 0; i < 5; i++) {
        qoe_store_record(s, &env, COUNTER, block(s, i), 0, 1, NOW);
    }

    a = block(s, 0);
    ok(qoe_store_record(s, &env, COUNTER, a, 0, 1, NOW) == QOE_OK,
       "a series that exists takes values when the number of series is at its "
       "limit");

    qoe_store_info(s, &info);
    ok(info.series == 3 && *env.count == 3 && info.overflowed == 2,
       "three series exist and two values overflowed");

    full = find(s, COUNTER, QOE_STORE_OVERFLOW_BLOCK, &e, &slot)
           && e.count == 2 && e.start_ns == NOW;
    len = qoe_store_block_read(s, e.base, buf);
    qoe_labels_iter(&it, (qoe_span_t) { buf, len });

    ok(full && qoe_labels_next(&it, &name, &value)
       && qoe_span_eq(name, qoe_span("otel.metric.overflow"))
       && qoe_span_eq(value, qoe_span("true"))
       && !qoe_labels_next(&it, &name, &value),
       "values that overflow are in the series that OpenTelemetry prescribes");

    env.max = 1000000;

    for (i = 0, full = false; !full; i++) {
        full = qoe_store_record(s, &env, HISTOGRAM, a, block(s, i % 20),
                                1, NOW)
               == QOE_FULL
               || i == 20;
    }

    ok(i == 21, "the overflow of a metric takes no room from other metrics");

    slots = s->numbers - s->number_reserve;

    for (i = 0, n = 0; i < 2 * slots && n == 0; i++) {
        n = qoe_store_record(s, &env, i % 2 ? COUNTER : GAUGE,
                             block(s, i % 40), block(s, i / 40 % 40), 1, NOW)
            == QOE_FULL;
    }

    qoe_store_info(s, &info);
    ok(n == 1 && info.series == slots + 20,
       "%u of %u slots for numbers were taken before a value overflowed",
       info.series - 20, slots);

    for (i = 0, n = 0; i < QOE_METRICS_N; i++) {
        if (qoe_store_has(i)) {
            qoe_store_record(s, &env, i, QOE_STORE_OVERFLOW, 0, 1, NOW);
            n += !find(s, i, QOE_STORE_OVERFLOW_BLOCK, &e, &slot);
        }
    }

    ok(n == 0, "every metric's overflow series has room in a full store");

    munmap(s, QOE_STORE_MIN);
}


static void
test_all(void)
{
    uint32_t           i, n;
    qoe_store_t       *s;
    qoe_store_info_t   info;

    s = store_new(QOE_STORE_MIN);

    for (i = 0, n = 0; i < 2 * qoe_store_slots(s); i++) {
        n += qoe_store_record(s, &env, i % 2 ? HISTOGRAM : COUNTER,
                              block(s, i / 2 % 40), block(s, i / 80), 1, NOW)
             == QOE_FULL;
    }

    qoe_store_info(s, &info);
    ok(n != 0 && info.series == s->numbers - s->number_reserve
                                + s->histograms - s->histogram_reserve,
       "a store takes as many series as it has slots");

    condemn_all(s);
    sweep_all(s);
    qoe_store_info(s, &info);
    ok(info.series == 0 && store_check_slot_chains(s) == NULL
       && store_check_slots(s, &env) == NULL,
       "all of them can leave, those of the last slots as well");

    munmap(s, QOE_STORE_MIN);
}


static void
test_stray(void)
{
    uint32_t      slot;
    qoe_store_t  *s;
    qoe_series_t  e;

    s = store_new(QOE_STORE_MIN);
    qoe_store_record(s, &env, COUNTER, block(s, 1), 0, 5, NOW);
    (void) find(s, COUNTER, block(s, 1), &e, &slot);

    qoe_store_slot(s, slot)->metric = QOE_METRICS_N;
    ok(!qoe_store_read(s, slot, &e), "a slot of no metric is not read");
    qoe_store_slot(s, slot)->metric = HISTOGRAM;
    ok(!qoe_store_read(s, slot, &e),
       "a slot for numbers with the metric of a histogram is not read");

    munmap(s, QOE_STORE_MIN);
}


static void
test_ends(void)
{
    uint32_t      slot, again, cursor, b;
    qoe_store_t  *s;
    qoe_series_t  e;
    qoe_store_info_t  info;

    s = store_new(QOE_STORE_MIN);
    b = block(s, 1);

    qoe_store_record(s, &env, COUNTER, b, 0, 5, NOW);
    (void) find(s, COUNTER, b, &e, &slot);

    qoe_store_record(s, &env, COUNTER, b, 0, 1, NOW + SECOND);
    ok(!qoe_store_condemn(s, slot, e.last_s),
       "a series that got a value since is not condemned");
    ok(qoe_store_condemn(s, slot, e.last_s + 1)
       && !qoe_store_read(s, slot, &e), "a condemned series reads as free");

    qoe_store_pardon(s, slot);
    ok(qoe_store_read(s, slot, &e) && e.count == 6
       && e.start_ns == NOW && e.last_s == 5001,
       "a pardoned series is as it was");

    qoe_store_condemn(s, slot, e.last_s);
    qoe_store_record(s, &env, COUNTER, b, 0, 2, NOW + 9 * SECOND);
    ok(qoe_store_read(s, slot, &e) && e.count == 2
       && e.start_ns == NOW + 9 * SECOND,
       "a condemned series begins anew with its next value");

    qoe_store_info(s, &info);
    ok(info.born == 2, "both births of that series are counted");

    qoe_store_record(s, &env, GAUGE, b, 0, 2, NOW + 9 * SECOND);
    ok(find(s, GAUGE, b, &e, &again)
       && qoe_store_start(s, again) == NOW + 9 * SECOND,
       "the start of a series can be read alone");

    condemn_all(s);
    cursor = 0;
    do {
        qoe_store_sweep(s, &env, &cursor, 5);
    } while (cursor != 0);

    qoe_store_pardon(s, again);
    sweep_all(s);

    ok(!qoe_store_read(s, slot, &e) && *env.count == 1,
       "the second turn of the sweep frees a condemned series");
    ok(qoe_store_read(s, again, &e) && e.open_sum == 2,
       "the sweep leaves a series that was pardoned in between");
    ok(store_check(s, &env, 1, &b) == NULL,
       "the store is sound after the sweep");

    /* of the window that was closed nothing is left when it begins anew */

    qoe_store_window(s, again);
    (void) qoe_store_read(s, again, &e);
    qoe_store_condemn(s, again, e.last_s);
    qoe_store_record(s, &env, GAUGE, b, 0, 7, NOW + 20 * SECOND);
    ok(qoe_store_read(s, again, &e) && e.count == 1 && e.window_count == 0
       && e.window_sum == 0 && e.open_count == 1 && e.open_sum == 7,
       "a gauge that begins anew has no value of its former life");

    condemn_all(s);
    sweep_all(s);
    qoe_store_unref(s, b);
    ok(is_empty(s) && *env.count == 0, "the store is empty at the end");

    munmap(s, QOE_STORE_MIN);
}


static void
test_adopt(void)
{
    char          buf[QOE_LABELS_MAX];
    uint32_t      a, b, c, d;
    qoe_store_t  *s;
    const char   *wrong;

    s = store_new(QOE_STORE_MIN);

    a = block(s, 1);
    b = block(s, 2);
    c = block(s, 3);
    d = block(s, 4);
    qoe_store_record(s, &env, COUNTER, a, 0, 5, NOW);

    *env.count = 7;
    qoe_store_block_at(s, c)->hash ^= 1;

    qoe_store_rebuild(s, &env);
    ok(qoe_store_adopt(s, b) && !qoe_store_adopt(s, c)
       && !qoe_store_adopt(s, 0) && !qoe_store_adopt(s, UINT32_MAX),
       "a sound block is adopted, a damaged block is not");
    ok(qoe_store_block_read(s, d, buf) != 0,
       "a block that is not adopted yet stays while others are adopted");
    qoe_store_rebuilt(s);
    ok(qoe_store_block_read(s, d, buf) == 0
       && qoe_store_block_read(s, a, buf) != 0
       && qoe_store_block_read(s, b, buf) != 0,
       "a block that neither adoption nor a series uses is free then");

    wrong = store_check(s, &env, 1, &b);
    ok(wrong == NULL, "references are those of series and of adoptions%s",
       wrong ? wrong : "");
    ok(*env.count == 7, "series that were counted are not counted twice");

    s->series = 3;
    qoe_store_rebuild(s, &env);
    qoe_store_rebuilt(s);
    ok(*env.count == 5, "the count of series follows what is there");

    munmap(s, QOE_STORE_MIN);
}


/*
 * After a rebuild what was free is free, what was in use is in use, and as
 * much can be taken as before: of slots and of blocks in chains of some length.
 */

static void
test_rebuild(void)
{
    char          buf[QOE_LABELS_MAX];
    uint32_t      i, n, b[40], slots, taken, missing;
    qoe_store_t  *s;
    qoe_series_t  e;
    const char   *wrong;

    s = store_new(QOE_STORE_MIN);

    for (i = 0; i < 40; i++) {
        b[i] = block(s, 100 + i);
        qoe_store_record(s, &env, COUNTER, b[i], 0, 1, NOW);
        qoe_store_record(s, &env, HISTOGRAM, b[i], 0, 1, NOW);
    }

    for (i = 0; i < 40; i += 2) {
        for (n = 0; n < qoe_store_slots(s); n++) {
            if (qoe_store_read(s, n, &e) && e.base == b[i]) {
                qoe_store_condemn(s, n, e.last_s);
            }
        }
    }

    sweep_all(s);

    for (i = 0; i < 40; i++) {
        qoe_store_unref(s, b[i]);
    }

    wrong = store_check(s, &env, 0, NULL);
    ok(wrong == NULL && s->series == 40 && s->live_blocks == 20,
       "20 of 40 sets of attributes are left, with two series each%s",
       wrong ? wrong : "");

    qoe_store_rebuild(s, &env);
    qoe_store_rebuilt(s);
    wrong = store_check(s, &env, 0, NULL);
    ok(wrong == NULL && s->series == 40 && s->live_blocks == 20
       && *env.count == 40, "a rebuild loses no slot, no block and no cell, "
       "free or in use%s", wrong ? wrong : "");

    for (i = 0, missing = 0; i < 40; i++) {
        missing += (qoe_store_block_read(s, b[i], buf) != 0) != (i % 2);

        if (i % 2) {
            missing += block(s, 100 + i) != b[i];
            missing += qoe_store_record(s, &env, COUNTER, b[i], 0, 1, NOW)
                       != QOE_OK;
            qoe_store_unref(s, b[i]);
        }
    }

    ok(missing == 0 && *env.count == 40,
       "each series is found by its attributes, and takes values");

    slots = s->numbers - s->number_reserve;

    for (taken = 0; taken <= slots; taken++) {
        if (qoe_store_record(s, &env, taken % 2 ? COUNTER : GAUGE, b[1],
                             b[1 + taken / 2 % 20 * 2], 1, NOW) != QOE_OK
            || *env.count - 40 != taken + 1)
        {
            break;
        }
    }

    wrong = store_check(s, &env, 0, NULL);
    ok(taken == 40 && wrong == NULL,
       "40 more series find slots after a rebuild%s", wrong ? wrong : "");

    munmap(s, QOE_STORE_MIN);
}


/* Damage that a rebuild meets: a slot whose block is none is no series. */

static void
test_rebuild_damaged(void)
{
    int                n;
    uint32_t           a, slot, ends;
    qoe_store_t       *s;
    qoe_series_t       e;
    qoe_store_slot_t  *damaged;
    const char        *wrong;

    for (n = 0; n < 4; n++) {
        s = store_new(QOE_STORE_MIN);
        a = block(s, 1);
        qoe_store_record(s, &env, COUNTER, a, 0, 5, NOW);
        qoe_store_record(s, &env, HISTOGRAM, a, 0, 5, NOW);
        qoe_store_record(s, &env, GAUGE, a, 0, 5, NOW);
        qoe_store_unref(s, a);
        (void) find(s, COUNTER, a, &e, &slot);
        damaged = qoe_store_slot(s, slot);

        switch (n) {
        case 0:
            damaged->base = s->pool[QOE_POOL_BLOCKS].top + 1;
            break;
        case 1:
            damaged->extra = UINT32_MAX;
            break;
        case 2:
            damaged->metric = HISTOGRAM;
            break;
        default:
            damaged->metric = QOE_METRICS_N;
        }

        qoe_store_rebuild(s, &env);
        qoe_store_rebuilt(s);
        wrong = store_check(s, &env, 0, NULL);
        ends = *env.count;

        ok(wrong == NULL && ends == 2 && !qoe_store_read(s, slot, &e)
           && find(s, GAUGE, a, &e, &slot),
           "a slot whose %s is damaged is free after a rebuild, and the others "
           "are series%s", n == 0 ? "base" : n == 1 ? "extra" : "metric",
           wrong ? wrong : "");

        munmap(s, QOE_STORE_MIN);
    }
}


/* Would the checks notice?  Each chain is tied to its own beginning. */

static void
test_check(void)
{
    uint32_t      i, a, b, *head, *link, last;
    qoe_store_t  *s;

    s = store_new(QOE_STORE_MIN);
    a = block(s, 1);
    b = block(s, 2);
    qoe_store_record(s, &env, COUNTER, a, 0, 1, NOW);
    qoe_store_record(s, &env, COUNTER, b, 0, 1, NOW);
    qoe_store_unref(s, a);
    qoe_store_unref(s, b);
    ok(store_check(s, &env, 0, NULL) == NULL, "a store is sound");

    head = (uint32_t *) (void *) ((char *) s + s->heads_offset);

    for (i = 0; head[i] == 0; i++) { /* void */ }

    link = &qoe_store_slot(s, head[i] - 1)->next;
    last = *link;
    *link = head[i];
    ok(store_check(s, &env, 0, NULL) != NULL,
       "a chain of series that is a circle is noticed");
    *link = last;

    head = (uint32_t *) (void *) ((char *) s + s->block_heads_offset);

    for (i = 0; head[i] == 0; i++) { /* void */ }

    link = &qoe_store_block_at(s, head[i])->next;
    last = *link;
    *link = head[i];
    ok(store_check(s, &env, 0, NULL) != NULL,
       "a chain of blocks that is a circle is noticed");
    *link = last;

    s->pool[QOE_POOL_NUMBERS].nfree++;
    ok(store_check(s, &env, 0, NULL) != NULL,
       "a count of free slots that is wrong is noticed");
    s->pool[QOE_POOL_NUMBERS].nfree--;

    ok(store_check(s, &env, 0, NULL) == NULL,
       "the store is sound again once that is undone");

    munmap(s, QOE_STORE_MIN);
}


int
main(void)
{
    test_kinds();
    test_newcomers();
    test_blocks();
    test_cap();
    test_all();
    test_stray();
    test_ends();
    test_adopt();
    test_rebuild();
    test_rebuild_damaged();
    test_check();

    return tap_end();
}
