
/*
 * Copyright (C) OpenQoE
 *
 * Acknowledgements: what requests wait for, whether they have it, and which
 * processes must be woken.
 */


#include "qoe_zone_layout.h"


bool
qoe_lane_acked(const qoe_zone_t *zone, uint32_t lane, uint64_t pos,
    qoe_ack_t ack)
{
    bool                    any;
    uint32_t                dest;
    uint64_t                upto;
    qoe_counts_t            records;
    const qoe_dest_t       *d;
    const qoe_lane_dest_t  *ld;

    if (ack == QOE_ACK_MEMORY) {
        return true;
    }

    any = false;

    for (dest = 0; dest < QOE_DESTS_MAX; dest++) {
        d = qoe_zone_dest(zone, dest);

        if (!qoe_dest_stores_events(d)) {
            continue;
        }

        any = true;
        ld = qoe_zone_lane_dest(zone, lane, dest);

        if (!qoe_member_in(d, ld)) {
            return false;
        }

        if (ack == QOE_ACK_FSYNC) {
            upto = qoe_acquire(&ld->synced);

        } else {
            qoe_lane_dest_taken(ld, &upto, &records);
        }

        /*
         * read unkept after upto: records that are given up are marked so
         * before they are released
         */

        if (pos > upto || pos <= qoe_acquire(&ld->unkept)) {
            return false;
        }
    }

    return any || pos <= qoe_lane_released(zone, lane, QOE_KIND_EVENT, NULL);
}


void
qoe_lane_wait(qoe_zone_t *zone, uint32_t lane, uint32_t w)
{
    __atomic_fetch_or(&qoe_zone_lane(zone, lane)->waiters, (uint64_t) 1 << w,
                      __ATOMIC_SEQ_CST);

    /*
     * orders the caller's next look at the lane after this store; the other
     * half is in qoe_lane_waiters()
     */

    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}


uint64_t
qoe_lane_waiters(qoe_zone_t *zone, uint32_t lane)
{
    qoe_lane_t  *l;

    l = qoe_zone_lane(zone, lane);

    /*
     * orders the look at the waiters after the stores of the progress: a
     * process that is not seen here will see the progress itself
     */

    __atomic_thread_fence(__ATOMIC_SEQ_CST);

    if (__atomic_load_n(&l->waiters, __ATOMIC_SEQ_CST) == 0) {
        return 0;
    }

    return __atomic_exchange_n(&l->waiters, 0, __ATOMIC_SEQ_CST);
}


uint64_t
qoe_lane_asked(const qoe_zone_t *zone, uint32_t lane, qoe_ack_t ack)
{
    uint64_t           asked, tail;
    const qoe_lane_t  *l;

    if (ack == QOE_ACK_MEMORY) {
        return 0;
    }

    l = qoe_zone_lane(zone, lane);

    /* read the tail first: everything asked for up to it is visible then */

    tail = qoe_mark_pos(&l->tail);
    asked = qoe_acquire(&l->asked[ack == QOE_ACK_FSYNC]);

    return qoe_min(asked, tail);
}


uint32_t
qoe_waiter_take(qoe_zone_t *zone, qoe_proc_t self, uint32_t n)
{
    int       dead;
    uint32_t  w;
    uint64_t  owner;

    n = qoe_min(n, QOE_WAITERS_MAX);

    for (dead = 0; dead < 2; dead++) {
        for (w = 0; w < n; w++) {
            owner = qoe_acquire(&zone->waiter[w]);

            if (owner != 0 && (!dead || qoe_proc_alive(owner))) {
                continue;
            }

            if (__atomic_compare_exchange_n(&zone->waiter[w], &owner, self,
                                            false, __ATOMIC_ACQ_REL,
                                            __ATOMIC_RELAXED))
            {
                qoe_waiter_waiting(zone, w, QOE_WAIT_ROOM, 0);
                qoe_waiter_waiting(zone, w, QOE_WAIT_ACK, 0);
                return w;
            }
        }
    }

    return UINT32_MAX;
}


void
qoe_waiter_give(qoe_zone_t *zone, uint32_t w)
{
    qoe_publish(&zone->waiter[w], 0);
}


void
qoe_waiter_waiting(qoe_zone_t *zone, uint32_t w, qoe_wait_t what, uint64_t n)
{
    qoe_poke(&zone->waiting[w][what], n);
}


uint64_t
qoe_zone_waiting(const qoe_zone_t *zone, qoe_wait_t what)
{
    uint32_t  w;
    uint64_t  n, sum, owner;

    sum = 0;

    for (w = 0; w < QOE_WAITERS_MAX; w++) {

        n = qoe_peek(&zone->waiting[w][what]);
        owner = qoe_acquire(&zone->waiter[w]);

        if (n != 0 && owner != 0 && qoe_proc_alive(owner)) {
            sum += n;
        }
    }

    return sum;
}
