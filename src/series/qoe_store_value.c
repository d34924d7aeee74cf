
/*
 * Copyright (C) OpenQoE
 *
 * The writer's half of the store: how series get values.
 */


#include "qoe_store_layout.h"

#include <math.h>


static inline bool qoe_store_live(qoe_store_slot_t *e, uint64_t *life,
    uint64_t live);
static inline void qoe_store_write(qoe_store_slot_t *e, bool histogram,
    double value, uint32_t times);
static inline void qoe_store_write_number(qoe_store_number_t *n, double value,
    uint32_t times);
static inline void qoe_store_write_histogram(qoe_store_histogram_t *h,
    double value, uint32_t times);


/*
 * Stores the value first and updates life after it: if a collector has
 * condemned the series in between, that is noticed, and the value starts the
 * series again.  The counter of new series is raised last, so that a reader
 * that sees it change finds the series.
 */

void
qoe_store_add(qoe_store_t *s, uint32_t series, double value, uint32_t times,
    uint64_t now_ns)
{
    bool               begins;
    uint64_t           life, live;
    qoe_store_slot_t  *e;

    e = qoe_store_slot(s, series - 1);
    live = QOE_LIFE_LIVE | (uint32_t) (now_ns / 1000000000);
    life = qoe_acquire(&e->life);
    begins = false;

    do {
        if (!(life & QOE_LIFE_LIVE)) {
            begins = true;

            if (life & QOE_LIFE_DEAD) {
                qoe_store_clear(s, series - 1, now_ns);
            }
        }

        qoe_store_write(e, series > s->numbers, value, times);

    } while (!qoe_store_live(e, &life, live));

    if (begins) {
        qoe_publish(&s->born, s->born + 1);
    }
}


/* false: the series was condemned since *life was read, which is now *life. */

static inline bool
qoe_store_live(qoe_store_slot_t *e, uint64_t *life, uint64_t live)
{
    while (*life != live
           && !__atomic_compare_exchange_n(&e->life, life, live, false,
                                           __ATOMIC_ACQ_REL,
                                           __ATOMIC_ACQUIRE))
    {
        if (*life & QOE_LIFE_DEAD) {
            return false;
        }
    }

    return true;
}


static inline void
qoe_store_write(qoe_store_slot_t *e, bool histogram, double value,
    uint32_t times)
{
    uint32_t  seq;

    /* a writer that died here has left seq odd */

    seq = e->seq | 1;
    qoe_publish(&e->seq, seq);

    /* the common part of a slot is its first member */

    if (histogram) {
        qoe_store_write_histogram((void *) e, value, times);

    } else {
        qoe_store_write_number((void *) e, value, times);
    }

    qoe_publish(&e->seq, seq + 1);
}


static inline void
qoe_store_write_number(qoe_store_number_t *n, double value, uint32_t times)
{
    uint64_t  count;

    if (qoe_store_is_integer(n->slot.metric)) {

        /* OTLP has signed integers */

        count = n->count + times * (uint64_t) (value + 0.5);
        qoe_publish(&n->count, qoe_min(count, (uint64_t) INT64_MAX));

        return;
    }

    qoe_publish(&n->slot.sum, qoe_st_bits(qoe_st_double(n->slot.sum)
                                          + value * times));
    qoe_publish(&n->count, n->count + times);
}


/* The count is the sum of the buckets, so it cannot contradict them. */

static inline void
qoe_store_write_histogram(qoe_store_histogram_t *h, double value,
    uint32_t times)
{
    size_t   i;
    uint64_t  bits;

    const qoe_metric_t  *m = &qoe_metrics[h->slot.metric];

    bits = qoe_st_bits(value);

    /* min is infinite before the first value */

    if (value < qoe_st_double(h->min)) {
        qoe_publish(&h->min, bits);
    }

    if (value > qoe_st_double(h->max)) {
        qoe_publish(&h->max, bits);
    }

    qoe_publish(&h->slot.sum, qoe_st_bits(qoe_st_double(h->slot.sum)
                                          + value * times));

    i = qoe_metric_bucket(m, value);
    qoe_publish(&h->bucket[i], h->bucket[i] + times);
}


void
qoe_store_clear(qoe_store_t *s, uint32_t slot, uint64_t start_ns)
{
    size_t                  i;
    uint32_t                seq;
    qoe_store_slot_t       *e;
    qoe_store_number_t     *n;
    qoe_store_histogram_t  *h;

    e = qoe_store_slot(s, slot);

    seq = e->seq | 1;
    qoe_publish(&e->seq, seq);

    qoe_publish(&e->start_ns, start_ns);
    qoe_publish(&e->sum, qoe_st_bits(0));

    if (slot < s->numbers) {
        n = qoe_store_number(s, slot);

        qoe_publish(&n->count, 0);
        qoe_publish(&n->seen_sum, 0);
        qoe_publish(&n->seen_count, 0);
        qoe_publish(&n->window_sum, 0);
        qoe_publish(&n->window_count, 0);

    } else {
        h = qoe_store_histogram(s, slot);

        qoe_publish(&h->min, qoe_st_bits(INFINITY));
        qoe_publish(&h->max, qoe_st_bits(-INFINITY));

        for (i = 0; i < QOE_STORE_BUCKETS; i++) {
            qoe_publish(&h->bucket[i], 0);
        }
    }

    qoe_publish(&e->seq, seq + 1);
}
