
/*
 * Copyright (C) OpenQoE
 *
 * The readers of a store, in any thread of any process, and what the exporter
 * does to series.  Nothing here waits for the writer: after some tries, what is
 * there is accepted, with every index checked.
 */


#include "qoe_store_layout.h"

#include <math.h>


static bool qoe_store_copy(const qoe_store_t *s, uint32_t slot,
    qoe_series_t *out);
static void qoe_store_copy_number(const qoe_store_number_t *n,
    qoe_series_t *out);
static void qoe_store_copy_histogram(const qoe_store_histogram_t *h,
    qoe_series_t *out);
static void qoe_store_copy_window(const qoe_store_number_t *n,
    qoe_series_t *out);


uint32_t
qoe_store_slots(const qoe_store_t *s)
{
    return s->numbers + s->histograms;
}


bool
qoe_store_read(const qoe_store_t *s, uint32_t slot, qoe_series_t *out)
{
    bool               sane;
    uint32_t           seq, tries;
    uint64_t           life;
    qoe_store_slot_t  *e;

    if (slot >= qoe_store_slots(s) || !qoe_store_slot_touched(s, slot)) {
        return false;
    }

    e = qoe_store_slot(s, slot);
    tries = 0;

    do {
        life = qoe_acquire(&e->life);

        if (!(life & QOE_LIFE_LIVE)) {
            return false;
        }

        seq = qoe_acquire(&e->seq);
        sane = qoe_store_copy(s, slot, out);

    } while (((seq & 1) || qoe_peek(&e->seq) != seq)
             && ++tries < QOE_STORE_TRIES);

    out->last_s = (uint32_t) life;

    /* if the slot was freed and reused meanwhile, it has no value yet */

    return sane && (qoe_peek(&e->life) & QOE_LIFE_LIVE);
}


uint32_t
qoe_store_metric(const qoe_store_t *s, uint32_t slot)
{
    qoe_store_slot_t  *e;

    if (slot >= qoe_store_slots(s) || !qoe_store_slot_touched(s, slot)) {
        return QOE_METRICS_N;
    }

    e = qoe_store_slot(s, slot);

    return (qoe_acquire(&e->life) & QOE_LIFE_LIVE) ? qoe_acquire(&e->metric)
                                                   : QOE_METRICS_N;
}


/* Reads only a word, for callers that search all slots for new series. */

uint64_t
qoe_store_start(const qoe_store_t *s, uint32_t slot)
{
    qoe_store_slot_t  *e;

    if (slot >= qoe_store_slots(s) || !qoe_store_slot_touched(s, slot)) {
        return 0;
    }

    e = qoe_store_slot(s, slot);

    return (qoe_acquire(&e->life) & QOE_LIFE_LIVE) ? qoe_acquire(&e->start_ns)
                                                   : 0;
}


/* Returns false if the content cannot be that of a series. */

static bool
qoe_store_copy(const qoe_store_t *s, uint32_t slot, qoe_series_t *out)
{
    qoe_store_slot_t  *e;

    e = qoe_store_slot(s, slot);

    out->metric = qoe_acquire(&e->metric);
    out->base = qoe_acquire(&e->base);
    out->extra = qoe_acquire(&e->extra);
    out->start_ns = qoe_acquire(&e->start_ns);

    if (!qoe_store_has(out->metric)
        || qoe_store_is_histogram(out->metric) != (slot >= s->numbers))
    {
        return false;
    }

    out->base_hash = qoe_store_block_hash(s, out->base);
    out->extra_hash = qoe_store_block_hash(s, out->extra);

    out->sum = qoe_st_double(qoe_acquire(&e->sum));
    out->min = 0;
    out->max = 0;
    out->window_sum = 0;
    out->window_count = 0;
    out->open_sum = 0;
    out->open_count = 0;

    if (slot < s->numbers) {
        qoe_store_copy_number(qoe_store_number(s, slot), out);

    } else {
        qoe_store_copy_histogram(qoe_store_histogram(s, slot), out);
    }

    return isfinite(out->sum)
           && (out->base == 0) == (out->base_hash == 0)
           && (out->extra == 0) == (out->extra_hash == 0);
}


static void
qoe_store_copy_number(const qoe_store_number_t *n, qoe_series_t *out)
{
    out->count = qoe_acquire(&n->count);

    if (qoe_store_is_integer(out->metric)) {
        out->sum = (double) out->count;
        return;
    }

    if (qoe_metrics[out->metric].kind == QOE_INSTRUMENT_GAUGE) {
        qoe_store_copy_window(n, out);
    }
}


static void
qoe_store_copy_histogram(const qoe_store_histogram_t *h, qoe_series_t *out)
{
    double  min, max;
    size_t  i, n;

    n = qoe_metrics[out->metric].nbounds + 1;

    memset(out->bucket, 0, sizeof(out->bucket));
    out->count = 0;

    for (i = 0; i < n; i++) {
        out->bucket[i] = qoe_acquire(&h->bucket[i]);
        out->count += out->bucket[i];
    }

    min = qoe_st_double(qoe_acquire(&h->min));
    max = qoe_st_double(qoe_acquire(&h->max));

    if (out->count != 0 && isfinite(min) && isfinite(max)) {
        out->min = min;
        out->max = max;
    }
}


/* Reads the window and the values after it, under the exporter's seqlock. */

static void
qoe_store_copy_window(const qoe_store_number_t *n, qoe_series_t *out)
{
    double    seen_sum;
    uint32_t  seq, tries;
    uint64_t  seen_count;

    tries = 0;

    do {
        seq = qoe_acquire(&n->slot.window_seq);

        seen_sum = qoe_st_double(qoe_acquire(&n->seen_sum));
        seen_count = qoe_acquire(&n->seen_count);
        out->window_sum = qoe_st_double(qoe_acquire(&n->window_sum));
        out->window_count = qoe_acquire(&n->window_count);

    } while (((seq & 1) || qoe_peek(&n->slot.window_seq) != seq)
             && ++tries < QOE_STORE_TRIES);

    /* a window may have been closed after sum and count were read */

    if (out->count > seen_count) {
        out->open_count = out->count - seen_count;
        out->open_sum = out->sum - seen_sum;
    }
}


void
qoe_store_window(qoe_store_t *s, uint32_t slot)
{
    uint32_t             seq;
    qoe_series_t         now;
    qoe_store_number_t  *n;

    if (slot >= s->numbers || !qoe_store_read(s, slot, &now)
        || qoe_metrics[now.metric].kind != QOE_INSTRUMENT_GAUGE)
    {
        return;
    }

    n = qoe_store_number(s, slot);

    /* an exporter that died here has left it odd */

    seq = n->slot.window_seq | 1;
    qoe_publish(&n->slot.window_seq, seq);

    qoe_publish(&n->window_sum, qoe_st_bits(now.open_sum));
    qoe_publish(&n->window_count, now.open_count);
    qoe_publish(&n->seen_sum, qoe_st_bits(now.sum));
    qoe_publish(&n->seen_count, now.count);

    qoe_publish(&n->slot.window_seq, seq + 1);
}


bool
qoe_store_condemn(qoe_store_t *s, uint32_t slot, uint32_t last_s)
{
    uint64_t  life;

    if (slot >= qoe_store_slots(s) || !qoe_store_slot_touched(s, slot)) {
        return false;
    }

    life = QOE_LIFE_LIVE | last_s;

    return __atomic_compare_exchange_n(&qoe_store_slot(s, slot)->life, &life,
                                       QOE_LIFE_DEAD | last_s, false,
                                       __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}


void
qoe_store_pardon(qoe_store_t *s, uint32_t slot)
{
    uint64_t           life;
    qoe_store_slot_t  *e;

    if (slot >= qoe_store_slots(s) || !qoe_store_slot_touched(s, slot)) {
        return;
    }

    e = qoe_store_slot(s, slot);
    life = qoe_acquire(&e->life);

    while ((life & QOE_LIFE_DEAD)
           && !__atomic_compare_exchange_n(&e->life, &life,
                                           QOE_LIFE_LIVE | (uint32_t) life,
                                           false, __ATOMIC_ACQ_REL,
                                           __ATOMIC_ACQUIRE))
    {
        /* void */
    }
}


size_t
qoe_store_block_read(const qoe_store_t *s, uint32_t block,
    char buf[QOE_LABELS_MAX])
{
    size_t              off, len;
    uint32_t            i, j, cell, version, word[QOE_CELL_WORDS];
    qoe_store_cell_t   *c;
    qoe_store_block_t  *b;

    if (qoe_store_block_hash(s, block) == 0) {
        return 0;
    }

    b = qoe_store_block_at(s, block);

    version = qoe_acquire(&b->version);
    len = qoe_acquire(&b->len);
    cell = qoe_acquire(&b->first);

    if (len > QOE_LABELS_MAX) {
        return 0;
    }

    for (off = 0; off < len; off += i) {

        if (cell == 0 || cell > s->pool[QOE_POOL_CELLS].n) {
            return 0;
        }

        c = qoe_store_cell_at(s, cell);
        cell = qoe_acquire(&c->next) & ~QOE_CELL_USED;

        for (j = 0; j < QOE_CELL_WORDS; j++) {
            word[j] = qoe_acquire(&c->data[j]);
        }

        i = (uint32_t) qoe_min(len - off, QOE_CELL_DATA);
        memcpy(buf + off, word, i);
    }

    if (qoe_acquire(&b->version) != version || qoe_acquire(&b->hash) == 0) {
        return 0;
    }

    return len;
}


uint64_t
qoe_store_block_hash(const qoe_store_t *s, uint32_t block)
{
    if (block == 0 || block > qoe_acquire(&s->pool[QOE_POOL_BLOCKS].top)) {
        return 0;
    }

    return qoe_acquire(&qoe_store_block_at(s, block)->hash);
}


void
qoe_store_info(const qoe_store_t *s, qoe_store_info_t *info)
{
    info->series = qoe_acquire(&s->series);
    info->numbers = s->numbers;
    info->histograms = s->histograms;
    info->blocks = qoe_acquire(&s->live_blocks);
    info->blocks_max = s->pool[QOE_POOL_BLOCKS].n;
    info->overflowed = qoe_acquire(&s->overflowed);
    info->born = qoe_acquire(&s->born);
}
