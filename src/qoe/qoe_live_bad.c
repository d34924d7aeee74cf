
/*
 * Copyright (C) OpenQoE
 *
 * The ring of bad views.  A writer takes a number and writes the place of that
 * number without a lock: two writers meet in a place only if one is delayed by
 * as many bad views as there are places, and what they leave there then, or
 * what a killed writer leaves, does not fit its sum and is not shown.
 */


#include "qoe_live.h"
#include "qoe_atomic.h"
#include "qoe_crc32c.h"


_Static_assert(sizeof(qoe_live_bad_t) % sizeof(uint64_t) == 0,
               "a bad view is copied by words");


static uint32_t qoe_live_sum(const qoe_live_bad_t *bad);
static bool qoe_live_bad_get(const qoe_live_t *live, uint64_t number,
    qoe_live_bad_t *out);


void
qoe_live_bad(qoe_live_t *live, qoe_live_bad_t *bad)
{
    size_t     i;
    uint64_t  *place, word[QOE_LIVE_BAD_WORDS];

    bad->number = __atomic_add_fetch(&live->bad_views, 1, __ATOMIC_RELAXED);
    bad->sum = qoe_live_sum(bad);

    memcpy(word, bad, sizeof(word));
    place = live->bad[bad->number % QOE_LIVE_BAD];

    for (i = 0; i < QOE_LIVE_BAD_WORDS; i++) {
        qoe_poke(&place[i], word[i]);
    }
}


/* Never 0, which is the sum in a place that was never written. */

static uint32_t
qoe_live_sum(const qoe_live_bad_t *bad)
{
    return qoe_crc32c(0, bad, offsetof(qoe_live_bad_t, sum)) | 1;
}


size_t
qoe_live_read_bad(const qoe_live_t *live, qoe_live_bad_t *out, size_t n)
{
    size_t    k;
    uint64_t  last, i;

    last = qoe_peek(&live->bad_views);
    k = 0;

    for (i = last; k < n && i != 0 && last - i < QOE_LIVE_BAD; i--) {
        k += qoe_live_bad_get(live, i, &out[k]);
    }

    return k;
}


static bool
qoe_live_bad_get(const qoe_live_t *live, uint64_t number, qoe_live_bad_t *out)
{
    size_t           i;
    uint64_t         word[QOE_LIVE_BAD_WORDS];
    const uint64_t  *place;

    place = live->bad[number % QOE_LIVE_BAD];

    for (i = 0; i < QOE_LIVE_BAD_WORDS; i++) {
        word[i] = qoe_peek(&place[i]);
    }

    /* the loop sets all of it */
    /* cppcheck-suppress uninitvar */
    memcpy(out, word, sizeof(word));

    return out->number == number && out->sum == qoe_live_sum(out)
           && out->labels_len <= QOE_LIVE_LABELS;
}
