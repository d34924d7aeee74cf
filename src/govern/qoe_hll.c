
/*
 * Copyright (C) OpenQoE
 */


#include "qoe_sketch.h"
#include "qoe_atomic.h"

#include <math.h>


#define QOE_HLL_RANKS      (64 - QOE_HLL_BITS)
#define QOE_HLL_ALPHA      0.72134752044448170368    /* 1 / (2 ln 2) */


static double qoe_hll_sigma(double x);
static double qoe_hll_tau(double x);


void
qoe_hll_add(qoe_hll_t *h, uint64_t hash)
{
    uint8_t   rank, old, *reg;
    uint64_t  rest;

    reg = &h->reg[hash >> QOE_HLL_RANKS];
    rest = hash << QOE_HLL_BITS;
    rank = (uint8_t) (rest ? __builtin_clzll(rest) + 1 : QOE_HLL_RANKS + 1);

    old = qoe_peek(reg);

    while (old < rank
           && !__atomic_compare_exchange_n(reg, &old, rank, true,
                                           __ATOMIC_RELAXED,
                                           __ATOMIC_RELAXED))
    {
        /* void */
    }
}


/*
 * The improved raw estimator by O. Ertl, "New cardinality estimation algorithms
 * for HyperLogLog sketches", algorithm 6.
 */

double
qoe_hll_count(const qoe_hll_t *h)
{
    double    z;
    size_t    i;
    uint8_t   rank;
    uint32_t  n[QOE_HLL_RANKS + 2];

    memset(n, 0, sizeof(n));

    for (i = 0; i < QOE_HLL_SIZE; i++) {
        rank = qoe_peek(&h->reg[i]);
        n[qoe_min(rank, QOE_HLL_RANKS + 1)]++;
    }

    if (n[0] == QOE_HLL_SIZE) {
        return 0;
    }

    z = QOE_HLL_SIZE
        * qoe_hll_tau(1.0 - (double) n[QOE_HLL_RANKS + 1] / QOE_HLL_SIZE);

    for (i = QOE_HLL_RANKS; i > 0; i--) {
        z = 0.5 * (z + n[i]);
    }

    z += QOE_HLL_SIZE * qoe_hll_sigma((double) n[0] / QOE_HLL_SIZE);

    return QOE_HLL_ALPHA * QOE_HLL_SIZE * QOE_HLL_SIZE / z;
}


/* x + sum of x^(2^k) * 2^(k-1), 0 <= x < 1. */

static double
qoe_hll_sigma(double x)
{
    double  y, z, last;

    y = 1;
    z = x;

    do {
        x *= x;
        last = z;
        z += x * y;
        y += y;
    } while (z != last);

    return z;
}


/* (1 - x - sum of (1 - x^(2^-k))^2 * 2^-k) / 3, 0 <= x <= 1. */

static double
qoe_hll_tau(double x)
{
    double  y, z, last;

    if (x <= 0 || x >= 1) {
        return 0;
    }

    y = 1;
    z = 1 - x;

    do {
        x = sqrt(x);
        last = z;
        y *= 0.5;
        z -= (1 - x) * (1 - x) * y;
    } while (z != last);

    return z / 3;
}
