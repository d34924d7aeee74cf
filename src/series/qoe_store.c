
/*
 * Copyright (C) OpenQoE
 *
 * The writer's half of the store: how series begin and end.
 */


#include "qoe_store_layout.h"

#include <math.h>


/*
 * How the room is divided: numbers for each histogram, and the share of slots
 * in per cent.
 */
#define QOE_STORE_RATIO    4
#define QOE_STORE_SLOTS    85

/* Cells for each block, for the division of the rest. */
#define QOE_STORE_CELLS    3

_Static_assert(sizeof(qoe_store_number_t) == 88
               && sizeof(qoe_store_histogram_t) == 160
               && sizeof(qoe_store_cell_t) == 64, "sizes of slots and cells");


static uint32_t qoe_store_pow2(uint32_t n);
static void qoe_store_reserve(qoe_store_t *s);
static uint32_t qoe_store_series_at(qoe_store_t *s,
    const qoe_store_env_t *env, uint32_t *place, uint32_t metric,
    uint32_t base, uint32_t extra, uint64_t now_ns);
static uint32_t qoe_store_find(const qoe_store_t *s, const uint32_t *head,
    uint32_t metric, uint32_t base, uint32_t extra);
static uint32_t qoe_store_new(qoe_store_t *s, const qoe_store_env_t *env,
    uint32_t *head, uint32_t metric, uint32_t base, uint32_t extra,
    uint64_t now_ns);
static bool qoe_store_known(const qoe_store_t *s, uint32_t block);
static uint32_t qoe_store_overflow(qoe_store_t *s,
    const qoe_store_env_t *env, uint32_t metric, uint64_t now_ns);
static uint32_t qoe_store_slot_take(qoe_store_t *s, uint32_t metric);
static void qoe_store_end(qoe_store_t *s, const qoe_store_env_t *env,
    uint32_t slot);
static void qoe_store_unlink(qoe_store_t *s, const qoe_store_env_t *env,
    uint32_t slot);


void
qoe_store_create(qoe_store_t *s, size_t size)
{
    size_t    offset, rest;
    uint32_t  units, slots;

    offset = qoe_align(sizeof(qoe_store_t), 64);
    rest = size > offset + 64 ? size - offset - 64 : 0;

    /* a power of two, and at most twice as many heads as slots */

    units = (uint32_t) (rest / 100 * QOE_STORE_SLOTS
                        / (QOE_STORE_RATIO * sizeof(qoe_store_number_t)
                           + sizeof(qoe_store_histogram_t)
                           + (QOE_STORE_RATIO + 1) * 2 * sizeof(uint32_t)));

    s->numbers = units * QOE_STORE_RATIO;
    s->histograms = units;
    slots = s->numbers + s->histograms;
    s->heads = qoe_store_pow2(slots);

    s->pool[QOE_POOL_NUMBERS].n = s->numbers;
    s->pool[QOE_POOL_HISTOGRAMS].n = s->histograms;

    s->heads_offset = offset;
    offset += s->heads * sizeof(uint32_t);

    s->offset[QOE_POOL_NUMBERS] = offset;
    offset += s->numbers * sizeof(qoe_store_number_t);

    s->offset[QOE_POOL_HISTOGRAMS] = offset;
    offset += s->histograms * sizeof(qoe_store_histogram_t);

    rest = size > offset + 64 ? size - offset - 64 : 0;

    s->pool[QOE_POOL_BLOCKS].n = (uint32_t)
        (rest / (sizeof(qoe_store_block_t) + 2 * sizeof(uint32_t)
                 + QOE_STORE_CELLS * sizeof(qoe_store_cell_t)));

    s->block_heads = qoe_store_pow2(s->pool[QOE_POOL_BLOCKS].n);

    s->block_heads_offset = offset;
    offset += s->block_heads * sizeof(uint32_t);

    offset = qoe_align(offset, 8);
    s->offset[QOE_POOL_BLOCKS] = offset;
    offset += s->pool[QOE_POOL_BLOCKS].n * sizeof(qoe_store_block_t);

    offset = qoe_align(offset, 64);
    s->offset[QOE_POOL_CELLS] = offset;

    s->pool[QOE_POOL_CELLS].n = (uint32_t)
        (size > offset ? (size - offset) / sizeof(qoe_store_cell_t) : 0);

    qoe_store_reserve(s);
}


static uint32_t
qoe_store_pow2(uint32_t n)
{
    uint32_t  p;

    for (p = 1; p < n; p *= 2) {
        /* void */
    }

    return p;
}


/*
 * Reserves slots for the overflow series, so that there is always room for
 * them.  These slots are in no list.
 */

static void
qoe_store_reserve(qoe_store_t *s)
{
    uint32_t  i;

    for (i = 0; i < QOE_METRICS_N; i++) {

        if (!qoe_store_has(i)) {
            continue;
        }

        s->overflow[i] = qoe_store_is_histogram(i)
                         ? s->numbers + s->histogram_reserve++
                         : s->number_reserve++;
    }

    s->pool[QOE_POOL_NUMBERS].top = s->number_reserve;
    s->pool[QOE_POOL_HISTOGRAMS].top = s->histogram_reserve;
    s->pool[QOE_POOL_BLOCKS].top = QOE_STORE_OVERFLOW_BLOCK;
    s->pool[QOE_POOL_CELLS].top = QOE_STORE_OVERFLOW_BLOCK;
}


qoe_status_t
qoe_store_record(qoe_store_t *s, const qoe_store_env_t *env,
    qoe_metric_id_t metric, uint32_t base, uint32_t extra, double value,
    uint64_t now_ns)
{
    return qoe_store_record_at(s, env,
                               qoe_store_place(s, env, metric, base, extra),
                               metric, base, extra, value, 1, now_ns);
}


qoe_status_t
qoe_store_record_at(qoe_store_t *s, const qoe_store_env_t *env,
    uint32_t *place, qoe_metric_id_t metric, uint32_t base, uint32_t extra,
    double value, uint32_t times, uint64_t now_ns)
{
    uint32_t      series;
    qoe_status_t  rc;

    if (!qoe_store_has(metric) || !isfinite(value)
        || fabs(value) > QOE_STORE_VALUE_MAX)
    {
        return QOE_INVALID;
    }

    if (value < 0 && qoe_metrics[metric].kind != QOE_INSTRUMENT_GAUGE
        && qoe_metrics[metric].kind != QOE_INSTRUMENT_UPDOWN_DOUBLE)
    {
        return QOE_INVALID;
    }

    rc = QOE_OK;
    series = qoe_store_series_at(s, env, place, metric, base, extra, now_ns);

    if (series == 0) {
        series = qoe_store_overflow(s, env, metric, now_ns);
        qoe_publish(&s->overflowed, s->overflowed + times);
        rc = QOE_FULL;
    }

    qoe_store_add(s, series, value, times, now_ns);

    return rc;
}


uint32_t
qoe_store_series(qoe_store_t *s, const qoe_store_env_t *env,
    qoe_metric_id_t metric, uint32_t base, uint32_t extra, uint64_t now_ns)
{
    return qoe_store_series_at(s, env,
                               qoe_store_head(s, env, metric, base, extra),
                               metric, base, extra, now_ns);
}


/* Returns 1 + the slot of the series; 0: there is no room for it. */

static uint32_t
qoe_store_series_at(qoe_store_t *s, const qoe_store_env_t *env,
    uint32_t *place, uint32_t metric, uint32_t base, uint32_t extra,
    uint64_t now_ns)
{
    uint32_t  series;

    if (!qoe_store_block_ok(s, base) || !qoe_store_block_ok(s, extra)) {
        return 0;
    }

    series = qoe_store_find(s, place, metric, base, extra);

    return series != 0 ? series : qoe_store_new(s, env, place, metric, base,
                                                extra, now_ns);
}


uint32_t *
qoe_store_place(const qoe_store_t *s, const qoe_store_env_t *env,
    qoe_metric_id_t metric, uint32_t base, uint32_t extra)
{
    uint32_t  *head;

    head = qoe_store_head(s, env, metric, base, extra);
    __builtin_prefetch(head);

    return head;
}


void
qoe_store_fetch(const qoe_store_t *s, const uint32_t *place)
{
    if (*place != 0 && *place <= s->numbers + s->histograms) {
        qoe_store_fetch_series(s, *place);
    }
}


void
qoe_store_fetch_series(const qoe_store_t *s, uint32_t series)
{
    const char  *p;

    p = (const char *) qoe_store_slot(s, series - 1);

    __builtin_prefetch(p, 1);
    __builtin_prefetch(p + 64, 1);

    if (series > s->numbers) {
        __builtin_prefetch(p + 128, 1);
    }
}


/* The same; 0: there is none. */

static uint32_t
qoe_store_find(const qoe_store_t *s, const uint32_t *head, uint32_t metric,
    uint32_t base, uint32_t extra)
{
    uint32_t           i, left;
    qoe_store_slot_t  *e;

    left = s->numbers + s->histograms;

    for (i = *head; i != 0 && left != 0; i = e->next, left--) {

        if (i > s->numbers + s->histograms) {
            return 0;
        }

        e = qoe_store_slot(s, i - 1);

        if (e->base == base && e->metric == metric && e->extra == extra) {
            return i;
        }
    }

    return 0;
}


/*
 * Makes a series.  Readers do not see it before its first value is stored,
 * because its life is still 0.
 */

static uint32_t
qoe_store_new(qoe_store_t *s, const qoe_store_env_t *env, uint32_t *head,
    uint32_t metric, uint32_t base, uint32_t extra, uint64_t now_ns)
{
    bool               known;
    uint32_t           i, max;
    qoe_store_slot_t  *e;

    known = qoe_store_known(s, base) && qoe_store_known(s, extra);
    max = env->max - (known ? 0 : env->max / QOE_STORE_KEPT);

    if (qoe_peek(env->count) >= max
        || !qoe_store_pool_room(&s->pool[qoe_store_pool_of(metric)], 1, known))
    {
        return 0;
    }

    i = qoe_store_slot_take(s, metric);
    if (i == 0) {
        return 0;
    }

    e = qoe_store_slot(s, i - 1);

    if (__atomic_add_fetch(env->count, 1, __ATOMIC_RELAXED) > env->max) {
        __atomic_sub_fetch(env->count, 1, __ATOMIC_RELAXED);
        qoe_store_slot_free(s, i - 1);
        return 0;
    }

    qoe_publish(&s->series, s->series + 1);

    qoe_publish(&e->metric, (uint16_t) metric);
    qoe_publish(&e->base, base);
    qoe_publish(&e->extra, extra);

    qoe_store_clear(s, i - 1, now_ns);
    qoe_store_ref(s, base);
    qoe_store_ref(s, extra);

    e->next = *head;
    *head = i;

    return i;
}


/* Are all values of the block known?  True for no attributes. */

static bool
qoe_store_known(const qoe_store_t *s, uint32_t block)
{
    return block == 0 || qoe_store_block_at(s, block)->known;
}


static uint32_t
qoe_store_overflow(qoe_store_t *s, const qoe_store_env_t *env,
    uint32_t metric, uint64_t now_ns)
{
    uint32_t           slot;
    qoe_store_slot_t  *e;

    qoe_store_overflow_block(s, env);

    slot = s->overflow[metric];
    e = qoe_store_slot(s, slot);

    if (qoe_peek(&e->life) == 0) {
        qoe_publish(&e->metric, (uint16_t) metric);
        qoe_publish(&e->base, QOE_STORE_OVERFLOW_BLOCK);
        qoe_publish(&e->extra, 0);

        qoe_store_clear(s, slot, now_ns);
    }

    return slot + 1;
}


/* Returns 1 + a free slot for the metric, or 0. */

static uint32_t
qoe_store_slot_take(qoe_store_t *s, uint32_t metric)
{
    uint32_t           i, first;
    qoe_store_pool_t  *p;

    first = qoe_store_is_histogram(metric) ? s->numbers : 0;
    p = &s->pool[qoe_store_pool_of(metric)];

    i = p->free;

    if (i > first && i - first <= p->n) {
        p->free = qoe_store_slot(s, i - 1)->next;
        p->nfree--;
        return i;
    }

    if (p->top == p->n) {
        return 0;
    }

    qoe_publish(&p->top, p->top + 1);

    return first + p->top;
}


void
qoe_store_slot_free(qoe_store_t *s, uint32_t slot)
{
    qoe_store_pool_t  *p;

    p = &s->pool[slot < s->numbers ? QOE_POOL_NUMBERS : QOE_POOL_HISTOGRAMS];

    qoe_store_slot(s, slot)->next = p->free;
    p->free = slot + 1;
    p->nfree++;
}


bool
qoe_store_sweep(qoe_store_t *s, const qoe_store_env_t *env,
    uint32_t *cursor, uint32_t n)
{
    bool               ended;
    uint32_t           slots;
    uint64_t           life;
    qoe_store_slot_t  *e;

    ended = false;
    slots = s->numbers + s->histograms;

    for ( /* void */ ; n != 0 && *cursor < slots; n--, (*cursor)++) {

        /* the slots after this one were never used */

        if (!qoe_store_slot_touched(s, *cursor)) {
            *cursor = *cursor < s->numbers ? s->numbers - 1 : slots - 1;
            continue;
        }

        e = qoe_store_slot(s, *cursor);
        life = qoe_acquire(&e->life);

        if (!(life & QOE_LIFE_DEAD)) {
            continue;
        }

        if (!(life & QOE_LIFE_SEEN)) {
            __atomic_compare_exchange_n(&e->life, &life,
                                        life | QOE_LIFE_SEEN, false,
                                        __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
            continue;
        }

        /* fails if the series was pardoned */

        if (__atomic_compare_exchange_n(&e->life, &life, 0, false,
                                        __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
        {
            qoe_store_end(s, env, *cursor);
            ended = true;
        }
    }

    if (*cursor >= slots) {
        *cursor = 0;
    }

    return ended;
}


/* Ends a series whose life has just become 0. */

static void
qoe_store_end(qoe_store_t *s, const qoe_store_env_t *env, uint32_t slot)
{
    uint32_t           seq;
    qoe_store_slot_t  *e;

    e = qoe_store_slot(s, slot);

    /* readers that found it live must see a change before its blocks change */

    seq = e->seq | 1;
    qoe_publish(&e->seq, seq);
    qoe_publish(&e->seq, seq + 1);

    if (qoe_store_reserved(s, slot)) {
        return;
    }

    qoe_store_unlink(s, env, slot);

    qoe_store_unref(s, e->base);
    qoe_store_unref(s, e->extra);

    qoe_store_slot_free(s, slot);

    qoe_publish(&s->series, s->series - 1);
    __atomic_sub_fetch(env->count, 1, __ATOMIC_RELAXED);
}


static void
qoe_store_unlink(qoe_store_t *s, const qoe_store_env_t *env, uint32_t slot)
{
    uint32_t           left, *link;
    qoe_store_slot_t  *e;

    e = qoe_store_slot(s, slot);
    link = qoe_store_head(s, env, e->metric, e->base, e->extra);

    for (left = s->numbers + s->histograms; *link != 0 && left != 0; left--) {

        if (*link > s->numbers + s->histograms) {
            return;
        }

        if (*link == slot + 1) {
            *link = e->next;
            return;
        }

        link = &qoe_store_slot(s, *link - 1)->next;
    }
}
