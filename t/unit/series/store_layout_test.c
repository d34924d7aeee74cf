
/*
 * Copyright (C) OpenQoE
 *
 * The store from within: how its memory is divided, which metrics it has, what
 * lies in its cells, and what readers do with what cannot be.
 */


#include "store_support.h"

#include <math.h>


/* Does a number lie from one to twice another, as a power of two? */

static bool
is_pow2_of(uint32_t p, uint32_t n)
{
    return p != 0 && (p & (p - 1)) == 0 && p >= n && (p == 1 || p / 2 < n);
}


static void
test_create(void)
{
    size_t        i, size, ends, used;
    qoe_store_t  *s;

    static const size_t  sizes[] = {
        QOE_STORE_MIN, QOE_STORE_MIN + 64, 200000, 1000 * 1000,
        4 * 1024 * 1024, 64 * 1024 * 1024
    };

    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        size = sizes[i];
        s = store_new(size);
        used = s->numbers * sizeof(qoe_store_number_t)
               + s->histograms * sizeof(qoe_store_histogram_t)
               + s->heads * sizeof(uint32_t);
        ends = s->offset[QOE_POOL_CELLS]
               + s->pool[QOE_POOL_CELLS].n * sizeof(qoe_store_cell_t);

        ok(s->numbers == 4 * s->histograms
           && is_pow2_of(s->heads, s->numbers + s->histograms)
           && is_pow2_of(s->block_heads, s->pool[QOE_POOL_BLOCKS].n)
           && s->pool[QOE_POOL_NUMBERS].n == s->numbers
           && s->pool[QOE_POOL_HISTOGRAMS].n == s->histograms
           && used > size / 100 * 75 && used <= size / 100 * 86
           && s->pool[QOE_POOL_CELLS].n >= 2 * s->pool[QOE_POOL_BLOCKS].n,
           "%zu bytes are divided between slots, sets and cells", size);

        ok(s->heads_offset >= sizeof(qoe_store_t)
           && s->offset[QOE_POOL_NUMBERS]
              == s->heads_offset + s->heads * sizeof(uint32_t)
           && s->offset[QOE_POOL_HISTOGRAMS]
              == s->offset[QOE_POOL_NUMBERS]
                 + s->numbers * sizeof(qoe_store_number_t)
           && s->block_heads_offset
              == s->offset[QOE_POOL_HISTOGRAMS]
                 + s->histograms * sizeof(qoe_store_histogram_t)
           && s->offset[QOE_POOL_BLOCKS]
              >= s->block_heads_offset + s->block_heads * sizeof(uint32_t)
           && s->offset[QOE_POOL_CELLS]
              >= s->offset[QOE_POOL_BLOCKS]
                 + s->pool[QOE_POOL_BLOCKS].n * sizeof(qoe_store_block_t)
           && s->offset[QOE_POOL_CELLS] % 64 == 0
           && ends <= size && ends + sizeof(qoe_store_cell_t) > size,
           "%zu bytes: the parts follow each other, up to the end", size);

        munmap(s, size);
    }

    size = qoe_align(sizeof(qoe_store_t), 64) + 64;
    s = store_new(size);
    ok(s->numbers == 0 && s->pool[QOE_POOL_BLOCKS].n == 0
       && s->pool[QOE_POOL_CELLS].n <= 1, "without room there are no slots");
    munmap(s, size);
}


/* Each metric of the store has an overflow slot of its kind, and no other. */

static void
test_reserved(void)
{
    uint32_t       i, n[2], wrong;
    uint64_t       seen;
    qoe_store_t   *s;
    qoe_series_t   e;

    s = store_new(QOE_STORE_MIN);
    n[0] = n[1] = wrong = 0;

    for (i = 0; i < QOE_METRICS_N; i++) {
        if (!qoe_store_has(i)) {
            wrong += s->overflow[i] != 0;
            continue;
        }

        if (qoe_store_is_histogram(i)) {
            wrong += s->overflow[i] != s->numbers + n[1]++;

        } else {
            wrong += s->overflow[i] != n[0]++;
        }

        wrong += !qoe_store_reserved(s, s->overflow[i]);
    }

    ok(wrong == 0 && n[0] == s->number_reserve && n[1] == s->histogram_reserve
       && s->pool[QOE_POOL_NUMBERS].top == n[0]
       && s->pool[QOE_POOL_HISTOGRAMS].top == n[1]
       && !qoe_store_reserved(s, n[0])
       && !qoe_store_reserved(s, s->numbers + n[1])
       && !qoe_store_has(QOE_METRICS_N),
       "each metric has an overflow slot of its kind");

    seen = 0;
    wrong = 0;

    for (i = 0; i < QOE_METRICS_N; i++) {
        if (qoe_store_has(i)) {
            wrong += qoe_store_record(s, &env, i, QOE_STORE_OVERFLOW, 0, 1,
                                      NOW) != QOE_FULL;
            wrong += !qoe_store_read(s, s->overflow[i], &e) || e.metric != i
                     || e.base != QOE_STORE_OVERFLOW_BLOCK || e.extra != 0
                     || e.base_hash == 0 || e.extra_hash != 0 || e.sum != 1
                     || e.start_ns != NOW || e.last_s != 5000
                     || e.count != 1;
            wrong += qoe_store_record(s, &env, i, 0, QOE_STORE_OVERFLOW, 2,
                                      NOW + SECOND) != QOE_FULL;
            wrong += !qoe_store_read(s, s->overflow[i], &e) || e.sum != 3
                     || e.start_ns != NOW || e.last_s != 5001;
            seen += 2;
        }
    }

    ok(wrong == 0 && s->overflowed == seen && s->born == seen / 2
       && s->series == 0 && *env.count == 0 && s->live_blocks == 0,
       "values that overflow are those of no series that counts");

    /* they end like others, but their slots stay reserved */

    condemn_all(s);
    sweep_all(s);
    ok(s->pool[QOE_POOL_NUMBERS].nfree == 0
       && s->pool[QOE_POOL_HISTOGRAMS].nfree == 0 && s->series == 0
       && *env.count == 0 && !qoe_store_read(s, s->overflow[COUNTER], &e),
       "when they end, no slot is free for others");
    ok(qoe_store_record(s, &env, COUNTER, QOE_STORE_OVERFLOW, 0, 7, NOW)
       == QOE_FULL && qoe_store_read(s, s->overflow[COUNTER], &e)
       && e.count == 7, "and they begin again");

    munmap(s, QOE_STORE_MIN);
}


static uint32_t
bytes_block(qoe_store_t *s, char c, size_t len)
{
    static char  text[QOE_LABELS_MAX];

    memset(text, c, sizeof(text));

    return qoe_store_block(s, &env, (qoe_span_t) { text, len });
}


/* Sets of one cell, of two, and around the bounds. */

static void
test_cells(void)
{
    char          buf[QOE_LABELS_MAX];
    size_t        i, len, right;
    uint32_t      b, cell, n, top;
    qoe_store_t  *s;

    static const struct { size_t len; uint32_t cells; }  rows[] = {
        { 1, 1 }, { 59, 1 }, { 60, 1 }, { 61, 2 }, { 119, 2 }, { 120, 2 },
        { 121, 3 }, { 180, 3 }, { 181, 4 }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        s = store_new(QOE_STORE_MIN);
        top = s->pool[QOE_POOL_CELLS].top;
        b = bytes_block(s, 'a', rows[i].len);
        memset(buf, 0x77, sizeof(buf));
        len = qoe_store_block_read(s, b, buf);

        for (right = 0; right < len && buf[right] == 'a'; right++) {
            /* void */
        }

        cell = qoe_store_block_at(s, b)->first;

        for (n = 0; cell != 0 && n < 9; n++) {
            cell = qoe_store_cell_at(s, cell)->next;
        }

        ok(len == rows[i].len && right == len && buf[len] == 0x77
           && n == rows[i].cells
           && s->pool[QOE_POOL_CELLS].top == top + n
           && s->live_blocks == 1 && qoe_store_block_at(s, b)->refs == 1
           && qoe_store_block_at(s, b)->known == 1,
           "a set of %zu bytes has %u cells", rows[i].len, rows[i].cells);

        qoe_store_unref(s, b);
        ok(is_empty(s) && s->pool[QOE_POOL_CELLS].nfree == n
           && bytes_block(s, 'b', rows[i].len) == b
           && s->pool[QOE_POOL_CELLS].top == top + n
           && s->pool[QOE_POOL_CELLS].nfree == 0,
           "its %u cells are used again", n);

        munmap(s, QOE_STORE_MIN);
    }
}


/* Sets that differ, and what a reader meets in a damaged one. */

static void
test_damage(void)
{
    char                buf[QOE_LABELS_MAX];
    uint32_t            a, b, version;
    uint64_t            hash;
    qoe_store_t        *s;
    qoe_store_block_t  *at;

    s = store_new(QOE_STORE_MIN);
    a = bytes_block(s, 'a', 100);
    b = bytes_block(s, 'a', 99);
    ok(a != b && bytes_block(s, 'a', 100) == a && bytes_block(s, 'a', 99) == b
       && bytes_block(s, 'b', 100) != a && qoe_store_block_at(s, a)->refs == 2,
       "sets of the same bytes are one, and others are not");

    at = qoe_store_block_at(s, a);
    hash = at->hash;
    ok(qoe_store_block_hash(s, a) == hash && hash != 0
       && hash == qoe_store_hash(&env, (qoe_span_t) {
              buf, qoe_store_block_read(s, a, buf) }),
       "the hash of a set is that of its bytes");

    at->len = QOE_LABELS_MAX + 1;
    ok(qoe_store_block_read(s, a, buf) == 0, "a set that is too long is none");
    at->len = 100;
    at->first = 0;
    ok(qoe_store_block_read(s, a, buf) == 0, "nor is one without a cell");
    at->first = s->pool[QOE_POOL_CELLS].n + 1;
    ok(qoe_store_block_read(s, a, buf) == 0, "nor one of a cell beyond all");
    ok(bytes_block(s, 'a', 100) != a,
       "nor is it found by the bytes that it should have");

    version = qoe_store_block_at(s, b)->version;
    qoe_store_ref(s, b);
    qoe_store_unref(s, b);
    qoe_store_unref(s, b);
    ok(qoe_store_block_at(s, b)->version == version
       && qoe_store_block_at(s, b)->refs == 1,
       "references that are released leave the set to others");
    qoe_store_unref(s, b);
    ok(qoe_store_block_at(s, b)->version == version + 1
       && qoe_store_block_at(s, b)->hash == 0
       && qoe_store_block_at(s, b)->refs == 0
       && qoe_store_block_read(s, b, buf) == 0,
       "the last one ends it, in a version of its own");

    qoe_store_ref(s, b);
    ok(qoe_store_block_at(s, b)->refs == 0, "what has ended takes none");
    qoe_store_unref(s, QOE_STORE_OVERFLOW_BLOCK);

    munmap(s, QOE_STORE_MIN);
}


/* Known values, and sets that become known. */

static void
test_known(void)
{
    uint32_t      a, b;
    qoe_store_t  *s;

    s = store_new(QOE_STORE_MIN);
    a = qoe_store_block_new(s, &env, qoe_span("\1a\1\0x"));
    ok(qoe_store_block_at(s, a)->known == 0
       && qoe_store_block_new(s, &env, qoe_span("\1a\1\0x")) == a
       && qoe_store_block_at(s, a)->known == 0, "a new set is not known");
    b = qoe_store_block(s, &env, qoe_span("\1a\1\0x"));
    ok(b == a && qoe_store_block_at(s, a)->known == 1
       && qoe_store_block_new(s, &env, qoe_span("\1a\1\0x")) == a
       && qoe_store_block_at(s, a)->known == 1
       && qoe_store_block_at(s, a)->refs == 4,
       "once it is known it stays known");
    munmap(s, QOE_STORE_MIN);
}


/* What the sweep looks at in a call. */

static void
test_sweep(void)
{
    uint32_t      cursor, slot, n, first, h;
    uint64_t      seq;
    qoe_store_t  *s;

    s = store_new(QOE_STORE_MIN);
    n = s->number_reserve;
    first = n;
    h = s->numbers + s->histogram_reserve;

    qoe_store_record(s, &env, COUNTER, 0, 0, 1, NOW);
    qoe_store_record(s, &env, GAUGE, 0, 0, 1, NOW);
    qoe_store_record(s, &env, HISTOGRAM, 0, 0, 1, NOW);

    cursor = 0;
    qoe_store_sweep(s, &env, &cursor, n);
    ok(cursor == n, "a sweep looks at as many slots as it was asked for");
    qoe_store_sweep(s, &env, &cursor, 2);
    ok(cursor == n + 2, "and goes on from there");
    qoe_store_sweep(s, &env, &cursor, 1);
    ok(cursor == s->numbers, "it passes over slots that were never used");
    qoe_store_sweep(s, &env, &cursor, s->histogram_reserve + 1);
    ok(cursor == h + 1, "as it does from the numbers to the histograms");
    qoe_store_sweep(s, &env, &cursor, 1);
    ok(cursor == 0, "after the last one it begins anew");
    qoe_store_sweep(s, &env, &cursor, 0);
    ok(cursor == 0, "a sweep of no slots is none");

    condemn_all(s);
    cursor = first + 1;
    seq = qoe_store_slot(s, first + 1)->seq;
    qoe_store_sweep(s, &env, &cursor, 1);
    ok(qoe_store_slot(s, first + 1)->life
       == (QOE_LIFE_DEAD | QOE_LIFE_SEEN | 5000)
       && qoe_store_slot(s, first)->life == (QOE_LIFE_DEAD | 5000)
       && qoe_store_slot(s, h)->life == (QOE_LIFE_DEAD | 5000)
       && qoe_store_slot(s, first + 1)->seq == seq,
       "a condemned series is noted when it is first seen, and no other");
    cursor = first + 1;
    qoe_store_sweep(s, &env, &cursor, 1);
    ok(qoe_store_slot(s, first + 1)->life == 0 && s->series == 2
       && *env.count == 2 && s->pool[QOE_POOL_NUMBERS].nfree == 1
       && s->pool[QOE_POOL_NUMBERS].free == first + 2
       && qoe_store_slot(s, first + 1)->seq == ((seq | 1) + 1),
       "and free when it is seen again");

    qoe_store_record(s, &env, COUNTER, 0, 0, 5, NOW + SECOND);
    for (slot = first; qoe_store_slot(s, slot)->metric != COUNTER; slot++) {
        /* void */
    }
    ok(qoe_store_slot(s, slot)->life == (QOE_LIFE_LIVE | 5001),
       "a value brings a condemned series back");

    munmap(s, QOE_STORE_MIN);
}


/* Slots that were never used, of another kind, or beyond all. */

static void
test_readers(void)
{
    uint32_t           last, g, c;
    qoe_store_t       *s;
    qoe_series_t       e;
    qoe_store_info_t   info;

    s = store_new(QOE_STORE_MIN);
    last = qoe_store_slots(s);
    c = s->number_reserve;
    g = c + 1;
    qoe_store_record(s, &env, COUNTER, 0, 0, 3, NOW);
    qoe_store_record(s, &env, GAUGE, 0, 0, 3, NOW);

    ok(qoe_store_metric(s, c) == COUNTER && qoe_store_metric(s, g) == GAUGE
       && qoe_store_start(s, c) == NOW
       && qoe_store_metric(s, g + 1) == QOE_METRICS_N
       && qoe_store_start(s, g + 1) == 0 && !qoe_store_read(s, g + 1, &e)
       && qoe_store_metric(s, last) == QOE_METRICS_N
       && qoe_store_start(s, last) == 0 && !qoe_store_read(s, last, &e)
       && qoe_store_metric(s, last - 1) == QOE_METRICS_N
       && qoe_store_metric(s, 0) == QOE_METRICS_N
       && qoe_store_start(s, 0) == 0,
       "slots without a series have no metric and no start");

    ok(!qoe_store_condemn(s, last, 5000) && !qoe_store_condemn(s, g + 1, 0)
       && !qoe_store_condemn(s, c, 4999) && !qoe_store_condemn(s, c, 5001),
       "they cannot be condemned, nor can others with another last value");
    ok(qoe_store_condemn(s, c, 5000) && !qoe_store_condemn(s, c, 5000)
       && qoe_store_metric(s, c) == QOE_METRICS_N
       && qoe_store_start(s, c) == 0 && !qoe_store_read(s, c, &e),
       "a condemned series has neither");
    qoe_store_pardon(s, last);
    qoe_store_pardon(s, g + 1);
    qoe_store_pardon(s, g);
    qoe_store_pardon(s, c);
    ok(qoe_store_slot(s, g + 1)->life == 0
       && qoe_store_slot(s, g)->life == (QOE_LIFE_LIVE | 5000)
       && qoe_store_slot(s, c)->life == (QOE_LIFE_LIVE | 5000),
       "a pardon is for the condemned alone");

    qoe_store_window(s, c);
    ok(qoe_store_number(s, c)->seen_count == 0
       && qoe_store_number(s, c)->slot.window_seq == 0,
       "what is no gauge has no window");
    qoe_store_window(s, g);
    qoe_store_window(s, last);
    ok(qoe_store_number(s, g)->seen_count == 1
       && qoe_store_number(s, g)->window_count == 1
       && qoe_store_number(s, g)->slot.window_seq == 2,
       "that of a gauge is closed");

    /* a window that was closed between the reading of two words */

    qoe_store_number(s, g)->seen_count = 2;
    ok(qoe_store_read(s, g, &e) && e.open_count == 0 && e.open_sum == 0,
       "a window that is ahead of its values has none that are open");

    qoe_store_slot(s, c)->seq |= 1;
    memset(&e, 0xff, sizeof(e));
    ok(qoe_store_read(s, c, &e) && e.count == 3 && e.sum == 3
       && e.metric == COUNTER && e.last_s == 5000 && e.base == 0
       && e.extra == 0 && e.base_hash == 0 && e.extra_hash == 0,
       "what a dead writer left half-written is read after some tries");
    ok(e.min == 0 && e.max == 0 && e.window_sum == 0 && e.window_count == 0
       && e.open_sum == 0 && e.open_count == 0,
       "a counter has no extremes and no window");

    qoe_store_info(s, &info);
    ok(info.series == 2 && info.numbers == s->numbers
       && info.histograms == s->histograms && info.blocks == 0
       && info.blocks_max == s->pool[QOE_POOL_BLOCKS].n
       && info.overflowed == 0 && info.born == 2,
       "a store says what it holds");

    munmap(s, QOE_STORE_MIN);
}


/* Takes all slots, lets them leave, and takes them all again. */

static void
test_all_again(void)
{
    int           turn;
    uint32_t      i, taken[2];
    qoe_store_t  *s;

    s = store_new(QOE_STORE_MIN);

    for (turn = 0; turn < 2; turn++) {
        for (i = 0; i < 2 * qoe_store_slots(s); i++) {
            (void) qoe_store_record(s, &env, i % 2 ? HISTOGRAM : COUNTER,
                                    block(s, i / 2 % 40), block(s, i / 80), 1,
                                    NOW);
        }

        taken[turn] = s->series;
        condemn_all(s);
        sweep_all(s);
    }

    ok(taken[0] == taken[1]
       && taken[0] == s->numbers - s->number_reserve
                      + s->histograms - s->histogram_reserve
       && s->series == 0 && s->pool[QOE_POOL_NUMBERS].nfree
                            == s->numbers - s->number_reserve,
       "each slot is taken again, the last as well");
    munmap(s, QOE_STORE_MIN);
}


/* Each kind of series begins anew: nothing of its former life is left. */

static void
test_begins(void)
{
    size_t        i, n;
    uint32_t      slot;
    qoe_store_t  *s;
    qoe_series_t  e;

    static const qoe_metric_id_t  metrics[] = { COUNTER, GAUGE, HISTOGRAM };

    for (i = 0; i < 3; i++) {
        s = store_new(QOE_STORE_MIN);
        qoe_store_record(s, &env, metrics[i], 0, 0, 1, NOW);
        qoe_store_record(s, &env, metrics[i], 0, 0, 90000, NOW);
        slot = metrics[i] == HISTOGRAM ? s->numbers + s->histogram_reserve
                                       : s->number_reserve;
        qoe_store_window(s, slot);
        (void) qoe_store_condemn(s, slot, 5000);
        qoe_store_record(s, &env, metrics[i], 0, 0, 300, NOW + SECOND);

        ok(qoe_store_read(s, slot, &e) && e.sum == 300
           && e.count == (metrics[i] == COUNTER ? 300 : 1)
           && e.start_ns == NOW + SECOND && e.last_s == 5001
           && e.window_count == 0 && e.window_sum == 0
           && e.open_count == (metrics[i] == GAUGE)
           && (metrics[i] != HISTOGRAM || (e.min == 300 && e.max == 300)),
           "metric %zu has its new value alone", i);

        for (n = 0; n < QOE_BUCKETS_MAX && metrics[i] == HISTOGRAM; n++) {
            e.count -= e.bucket[n];
        }

        ok(e.count == (metrics[i] == COUNTER ? 300 : metrics[i] == GAUGE),
           "and nothing in a bucket of the old");
        munmap(s, QOE_STORE_MIN);
    }
}


/* Values at the bounds of what a metric can have. */

static void
test_values(void)
{
    size_t        i;
    qoe_store_t  *s;

    static const struct {
        qoe_metric_id_t  metric;
        double           value;
        bool             good;
    } rows[] = {
        { COUNTER, 1e15, true }, { COUNTER, 1.0000001e15, false },
        { COUNTER, -1e-9, false }, { COUNTER, 0, true },
        { COUNTER, INFINITY, false }, { COUNTER, NAN, false },
        { GAUGE, -1e15, true }, { GAUGE, -1.0000001e15, false },
        { HISTOGRAM, -1e-9, false }, { HISTOGRAM, 0, true },
        { HISTOGRAM, 1e15, true }, { QOE_METRICS_N, 1, false }
    };

    s = store_new(QOE_STORE_MIN);

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ok(qoe_store_record(s, &env, rows[i].metric, 0, 0, rows[i].value, NOW)
           == (rows[i].good ? QOE_OK : QOE_INVALID),
           "a value of %g is %s for metric %d", rows[i].value,
           rows[i].good ? "good" : "none", rows[i].metric);
    }

    munmap(s, QOE_STORE_MIN);
}


/* What a rebuild makes of a set of 100 bytes, in two cells, that is damaged. */

static void
test_rebuild(void)
{
    int                 n;
    char                buf[QOE_LABELS_MAX];
    uint32_t            a, b, version, born;
    qoe_store_t        *s;
    qoe_store_block_t  *at;
    const char         *wrong;

    static const char *const  what[] = {
        "nothing", "its hash", "a length of 0", "a length that is too long",
        "no first cell", "a first cell beyond all", "a byte", "a cell that "
        "another set has", "its first cell, which is the last"
    };

    for (n = 0; n < 9; n++) {
        s = store_new(QOE_STORE_MIN);
        a = bytes_block(s, 'a', 100);
        b = bytes_block(s, 'b', 10);
        qoe_store_record(s, &env, COUNTER, a, 0, 1, NOW);
        qoe_store_record(s, &env, COUNTER, b, a, 1, NOW);
        at = qoe_store_block_at(s, a);
        version = at->version;
        born = (uint32_t) s->born;

        switch (n) {
        case 1: at->hash ^= 2; break;
        case 2: at->len = 0; break;
        case 3: at->len = QOE_LABELS_MAX + 1; break;
        case 4: at->first = 0; break;
        case 5: at->first = s->pool[QOE_POOL_CELLS].top + 1; break;
        case 6: qoe_store_cell_at(s, at->first)->data[14] ^= 1; break;
        case 7: at->first = qoe_store_block_at(s, b)->first; break;
        case 8: at->first = qoe_store_cell_at(s, at->first)->next; break;
        default: break;
        }

        qoe_store_slot(s, s->number_reserve)->seq |= 1;
        qoe_store_rebuild(s, &env);
        ok(at->version == version + (n != 0) && (at->hash == 0) == (n != 0)
           && at->refs == (n == 0 ? 2 : 0)
           && qoe_store_block_at(s, b)->refs == (n == 0)
           && s->live_blocks == 1 + (n == 0)
           && s->series == (n == 0 ? 2 : 0) && *env.count == s->series
           && s->born == born + 1
           && !(qoe_store_slot(s, s->number_reserve)->seq & 1),
           "a rebuild takes a set away, and its series, for %s", what[n]);

        qoe_store_rebuilt(s);
        wrong = store_check(s, &env, 0, NULL);
        ok(wrong == NULL && (n != 0 || qoe_store_block_read(s, a, buf) == 100)
           && (qoe_store_block_read(s, b, buf) == 10) == (n == 0),
           "the store is sound after it%s", wrong ? wrong : "");
        munmap(s, QOE_STORE_MIN);
    }
}


/* Numbers of a pool, of all series and of the overflow's set, that are torn. */

static void
test_rebuild_torn(void)
{
    int                 i;
    char                buf[QOE_LABELS_MAX];
    qoe_store_t        *s;
    qoe_series_t        e;

    s = store_new(QOE_STORE_MIN);
    qoe_store_record(s, &env, COUNTER, QOE_STORE_OVERFLOW, 0, 1, NOW);
    qoe_store_record(s, &env, COUNTER, 0, 0, 1, NOW);

    for (i = 0; i < QOE_POOLS; i++) {
        s->pool[i].top = s->pool[i].n + 1;
        s->pool[i].free = 7;
        s->pool[i].nfree = 7;
    }

    s->series = 9;
    *env.count = 5;
    qoe_store_rebuild(s, &env);
    qoe_store_rebuilt(s);

    for (i = 0; i < QOE_POOLS && s->pool[i].top == s->pool[i].n; i++) {
        /* void */
    }

    ok(i == QOE_POOLS && s->series == 1 && *env.count == 0
       && store_check(s, &env, 0, NULL) == NULL,
       "a pool has no more than there is, and a count is not below 0");
    ok(qoe_store_read(s, s->overflow[COUNTER], &e)
       && qoe_store_block_read(s, QOE_STORE_OVERFLOW_BLOCK, buf) != 0,
       "overflow series stay");

    qoe_store_block_at(s, QOE_STORE_OVERFLOW_BLOCK)->hash ^= 2;
    qoe_store_rebuild(s, &env);
    qoe_store_rebuilt(s);
    ok(!qoe_store_read(s, s->overflow[COUNTER], &e)
       && store_check(s, &env, 0, NULL) == NULL
       && qoe_store_record(s, &env, COUNTER, QOE_STORE_OVERFLOW, 0, 4, NOW)
          == QOE_FULL && qoe_store_read(s, s->overflow[COUNTER], &e)
       && e.count == 4, "without their set they begin anew");

    qoe_store_slot(s, s->overflow[GAUGE])->life = QOE_LIFE_LIVE | 5000;
    qoe_store_slot(s, s->overflow[GAUGE])->metric = COUNTER;
    qoe_store_slot(s, s->overflow[GAUGE])->base = QOE_STORE_OVERFLOW_BLOCK;
    qoe_store_slot(s, s->overflow[COUNTER])->base = 0;
    qoe_store_rebuild(s, &env);
    ok(!qoe_store_read(s, s->overflow[GAUGE], &e)
       && !qoe_store_read(s, s->overflow[COUNTER], &e)
       && s->pool[QOE_POOL_NUMBERS].nfree
          == s->numbers - s->number_reserve - 1,
       "an overflow slot of another metric, or of another set, is free and "
       "stays reserved");
    ok(!qoe_store_adopt(s, QOE_STORE_OVERFLOW_BLOCK) && !qoe_store_adopt(s, 0),
       "the overflow's set has no references");

    munmap(s, QOE_STORE_MIN);
}


int
main(void)
{
    test_create();
    test_reserved();
    test_cells();
    test_damage();
    test_known();
    test_sweep();
    test_readers();
    test_all_again();
    test_begins();
    test_values();
    test_rebuild();
    test_rebuild_torn();

    return tap_end();
}
