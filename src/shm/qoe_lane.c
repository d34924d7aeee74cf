
/*
 * Copyright (C) OpenQoE
 *
 * The consumer's side of a lane: its lease, and reading its records.  Except
 * for qoe_lane_take(), functions that change anything are called only by the
 * owner of the lane.
 */


#include "qoe_zone_layout.h"


static bool qoe_lane_kind(uint32_t frame, qoe_kind_t *kind);


qoe_status_t
qoe_lane_take(qoe_zone_t *zone, uint32_t lane, qoe_proc_t self, bool *adopted)
{
    uint64_t     owner;
    qoe_lane_t  *l;

    l = qoe_zone_lane(zone, lane);
    owner = qoe_acquire(&l->owner);

    if (owner != 0 && qoe_proc_alive(owner)) {
        return QOE_BUSY;
    }

    *adopted = (owner != 0);

    if (!__atomic_compare_exchange_n(&l->owner, &owner, self, false,
                                     __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
    {
        return QOE_BUSY;
    }

    qoe_publish(&l->lease_ms, qoe_mono_ms());

    return QOE_OK;
}


void
qoe_lane_give(qoe_zone_t *zone, uint32_t lane, qoe_proc_t self)
{
    qoe_lane_t  *l;

    l = qoe_zone_lane(zone, lane);

    qoe_publish(&l->wake, QOE_LANE_AWAKE);
    qoe_publish(&l->tap.wake, QOE_LANE_AWAKE);
    qoe_publish(&l->lease_ms, qoe_mono_ms());

    __atomic_compare_exchange_n(&l->owner, &self, 0, false, __ATOMIC_ACQ_REL,
                                __ATOMIC_RELAXED);
}


uint64_t
qoe_lane_floor(const qoe_zone_t *zone, uint32_t lane)
{
    return qoe_mark_pos(&qoe_zone_lane(zone, lane)->floor);
}


uint64_t
qoe_lane_tail(const qoe_zone_t *zone, uint32_t lane)
{
    return qoe_mark_pos(&qoe_zone_lane(zone, lane)->tail);
}


uint64_t
qoe_lane_room(const qoe_zone_t *zone, uint32_t lane)
{
    uint64_t  floor, used;

    /* read the floor first: it never passes a tail that is read later */

    floor = qoe_lane_floor(zone, lane);
    used = qoe_lane_tail(zone, lane) - floor;

    return qoe_ring_events(zone) - qoe_min(used, qoe_ring_events(zone));
}


bool
qoe_zone_crowded(const qoe_zone_t *zone)
{
    uint32_t  i;

    for (i = 0; i < zone->lanes; i++) {
        if (qoe_lane_room(zone, i) >= zone->ring_size / 16) {
            return false;
        }
    }

    return true;
}


qoe_status_t
qoe_lane_read(const qoe_zone_t *zone, uint32_t lane, uint64_t limit,
    uint64_t *pos, qoe_span_t *record)
{
    qoe_kind_t    kind;
    qoe_status_t  rc;

    do {
        rc = qoe_lane_next(zone, lane, limit, pos, record, &kind);
    } while (rc == QOE_OK && kind != QOE_KIND_EVENT);

    return rc;
}


qoe_status_t
qoe_lane_next(const qoe_zone_t *zone, uint32_t lane, uint64_t limit,
    uint64_t *pos, qoe_span_t *record, qoe_kind_t *kind)
{
    uint64_t      tail, offset, left;
    const char   *ring;
    qoe_frame_t   frame;

    ring = qoe_zone_ring(zone, lane);
    tail = qoe_lane_tail(zone, lane);

    for ( ;; ) {

        if (*pos >= tail || *pos >= limit) {
            return QOE_DONE;
        }

        offset = *pos % zone->ring_size;
        left = qoe_min(zone->ring_size - offset, tail - *pos);

        if (left < sizeof(frame)) {
            return QOE_INVALID;
        }

        memcpy(&frame, ring + offset, sizeof(frame));

        if (frame.kind != QOE_FRAME_PAD) {
            break;
        }

        if (zone->ring_size - offset > left) {
            return QOE_INVALID;
        }

        *pos += zone->ring_size - offset;
    }

    if (!qoe_lane_kind(frame.kind, kind) || qoe_frame_size(frame.len) > left) {
        return QOE_INVALID;
    }

    record->data = ring + offset + sizeof(frame);
    record->len = frame.len;

    *pos += qoe_frame_size(frame.len);

    return QOE_OK;
}


/* false: no frame of a record begins so. */

static bool
qoe_lane_kind(uint32_t frame, qoe_kind_t *kind)
{
    switch (frame) {

    case QOE_FRAME_RECORD:
        *kind = QOE_KIND_EVENT;
        return true;

    case QOE_FRAME_VIEW:
        *kind = QOE_KIND_VIEW;
        return true;

    case QOE_FRAME_REQUEST:
        *kind = QOE_KIND_REQUEST;
        return true;

    default:
        return false;
    }
}


uint64_t
qoe_lane_applied(const qoe_zone_t *zone, uint32_t lane)
{
    return qoe_acquire(&qoe_zone_lane(zone, lane)->applied);
}


void
qoe_lane_hand(qoe_zone_t *zone, uint32_t lane, uint64_t pos)
{
    /* no change made with the record may reach the zone before this store */

    qoe_poke(&qoe_zone_lane(zone, lane)->hand, pos);
    __atomic_thread_fence(__ATOMIC_RELEASE);
}


void
qoe_lane_apply(qoe_zone_t *zone, uint32_t lane, uint64_t pos)
{
    qoe_publish(&qoe_zone_lane(zone, lane)->applied, pos);
}


bool
qoe_lane_recover(qoe_zone_t *zone, uint32_t lane)
{
    uint64_t     hand;
    qoe_lane_t  *l;

    l = qoe_zone_lane(zone, lane);
    hand = qoe_acquire(&l->hand);

    if (hand <= qoe_acquire(&l->applied)) {
        return false;
    }

    qoe_publish(&l->applied, hand);

    return true;
}


bool
qoe_lane_arm(qoe_zone_t *zone, uint32_t lane, uint64_t pos, uint64_t asked)
{
    qoe_lane_t  *l;

    l = qoe_zone_lane(zone, lane);

    /* qoe_put_publish() explains the order */

    __atomic_store_n(&l->wake, pos, __ATOMIC_SEQ_CST);

    __atomic_thread_fence(__ATOMIC_SEQ_CST);

    if (pos == QOE_LANE_AWAKE) {
        return false;
    }

    return qoe_mark_pos(&l->tail) > pos
           || qoe_lane_asked(zone, lane, QOE_ACK_SPOOL) > asked;
}
