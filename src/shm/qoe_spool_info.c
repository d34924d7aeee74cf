
/*
 * Copyright (C) OpenQoE
 */


#include "qoe_zone_layout.h"
#include "qoe_lock.h"

#include <stdio.h>


#define QOE_SPOOL_READS    100
#define QOE_SPOOL_BURST_MS 1000


static void qoe_spool_error(const qoe_dest_t *d, char *error, size_t size);
static void qoe_spool_error_set(qoe_dest_t *d, const char *error);


qoe_spool_part_t *
qoe_spool_part(const qoe_zone_t *zone, uint32_t lane, uint32_t dest)
{
    return &qoe_zone_lane_dest(zone, lane, dest)->spool;
}


void
qoe_spool_info(const qoe_zone_t *zone, uint32_t dest, qoe_spool_info_t *info)
{
    uint32_t                 lane;
    uint64_t                 events, oldest;
    const qoe_dest_t        *d;
    const qoe_spool_part_t  *part;

    memset(info, 0, sizeof(qoe_spool_info_t));

    for (lane = 0; lane < zone->lanes; lane++) {
        part = qoe_spool_part(zone, lane, dest);

        info->segments += qoe_acquire(&part->segments);
        info->bytes += qoe_acquire(&part->bytes);

        events = qoe_acquire(&part->events);
        oldest = qoe_acquire(&part->oldest_ns);

        info->events += events;

        if (events != 0 && oldest != 0
            && (info->oldest_ns == 0 || oldest < info->oldest_ns))
        {
            info->oldest_ns = oldest;
        }
    }

    d = qoe_zone_dest(zone, dest);

    info->failed_ms = qoe_acquire(&d->failed_ms);
    qoe_spool_error(d, info->error, sizeof(info->error));
}


uint64_t
qoe_spool_bytes(const qoe_zone_t *zone, uint32_t dest)
{
    uint32_t  lane;
    uint64_t  bytes;

    bytes = 0;

    for (lane = 0; lane < zone->lanes; lane++) {
        bytes += qoe_acquire(&qoe_spool_part(zone, lane, dest)->bytes);
    }

    return bytes;
}


uint64_t
qoe_spool_failed_ms(const qoe_zone_t *zone, uint32_t dest)
{
    return qoe_acquire(&qoe_zone_dest(zone, dest)->failed_ms);
}


/*
 * replay_us is when all that was read would have been read at the rate: up to
 * a second of the rate may be read before that, and a request more.
 */

void
qoe_spool_pay(qoe_zone_t *zone, uint32_t dest, uint64_t rate, uint64_t now_ms,
    uint64_t bytes)
{
    uint64_t  old, next, *us;

    if (rate == 0) {
        return;
    }

    us = &qoe_zone_dest(zone, dest)->replay_us;
    old = qoe_acquire(us);

    do {
        next = qoe_max(old, now_ms * 1000)
               + bytes / rate * 1000000 + bytes % rate * 1000000 / rate;

    } while (!__atomic_compare_exchange_n(us, &old, next, false,
                                          __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE));
}


uint64_t
qoe_spool_paid_ms(const qoe_zone_t *zone, uint32_t dest, uint64_t now_ms)
{
    uint64_t  ms;

    ms = qoe_acquire(&qoe_zone_dest(zone, dest)->replay_us) / 1000;

    return ms >= now_ms + QOE_SPOOL_BURST_MS ? ms - QOE_SPOOL_BURST_MS + 1 : 0;
}


void
qoe_spool_report(qoe_zone_t *zone, uint32_t dest, const char *error)
{
    uint64_t     none;
    qoe_dest_t  *d;

    d = qoe_zone_dest(zone, dest);

    if (error == NULL) {
        if (qoe_acquire(&d->failed_ms) != 0) {
            qoe_publish(&d->failed_ms, 0);
        }

        return;
    }

    qoe_spool_error_set(d, error);

    /* keep the time of the first failure */

    none = 0;
    __atomic_compare_exchange_n(&d->failed_ms, &none,
                                qoe_max(qoe_mono_ms(), 1), false,
                                __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}


/*
 * Called only by helper threads, and only after a failure, so waiting shortly
 * for the lock does no harm.
 */

static void
qoe_spool_error_set(qoe_dest_t *d, const char *error)
{
    bool      stolen;
    uint64_t  seq;

    if (qoe_lock(&d->error_lock, qoe_proc_self(), &stolen) != QOE_OK) {
        return;
    }

    seq = d->error_seq | 1;
    __atomic_store_n(&d->error_seq, seq, __ATOMIC_SEQ_CST);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);

    snprintf(d->error, sizeof(d->error), "%s", error);

    qoe_publish(&d->error_seq, seq + 1);
    qoe_unlock(&d->error_lock);
}


static void
qoe_spool_error(const qoe_dest_t *d, char *error, size_t size)
{
    int       i;
    uint64_t  seq;

    for (i = 0; i < QOE_SPOOL_READS; i++) {
        seq = qoe_acquire(&d->error_seq);
        memcpy(error, d->error, qoe_min(size, sizeof(d->error)));
        __atomic_thread_fence(__ATOMIC_ACQUIRE);

        if ((seq & 1) == 0 && seq == qoe_acquire(&d->error_seq)) {
            break;
        }
    }

    error[size - 1] = '\0';
}


bool
qoe_spool_any_failing(const qoe_zone_t *zone)
{
    uint32_t           dest;
    const qoe_dest_t  *d;

    for (dest = 0; dest < QOE_DESTS_MAX; dest++) {
        d = qoe_zone_dest(zone, dest);

        if (qoe_dest_stores_events(d) && qoe_acquire(&d->failed_ms) != 0) {
            return true;
        }
    }

    return false;
}
