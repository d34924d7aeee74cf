
/*
 * Copyright (C) OpenQoE
 *
 * The producers' side: the records of a request go into the rings of their
 * lanes, either all or none.  They are copied beyond the tail, where the
 * consumer does not look, and the tail is moved last: a producer that dies
 * before that has put nothing, and its lock is taken over.
 */


#include "qoe_zone_layout.h"
#include "qoe_failpoint.h"
#include "qoe_lock.h"


typedef struct {
    uint64_t             start[QOE_LANES_MAX];
    uint64_t             tail[QOE_LANES_MAX];
    qoe_counts_t         count[QOE_LANES_MAX];
    uint64_t             touched[QOE_LANES_MAX / 64];
} qoe_put_state_t;


static const uint32_t  qoe_put_frames[QOE_KINDS] = {
    [QOE_KIND_EVENT] = QOE_FRAME_RECORD,
    [QOE_KIND_VIEW] = QOE_FRAME_VIEW,
    [QOE_KIND_REQUEST] = QOE_FRAME_REQUEST
};


static bool qoe_touched(const uint64_t *set, uint32_t lane);
static uint64_t qoe_put_limit(const qoe_zone_t *zone, qoe_kind_t kind);
static qoe_status_t qoe_put_lock(qoe_zone_t *zone, qoe_proc_t self,
    uint32_t slot, qoe_put_state_t *st);
static void qoe_put_unlock(qoe_zone_t *zone, const qoe_put_state_t *st,
    uint32_t end);
static qoe_status_t qoe_put_copy(qoe_zone_t *zone, qoe_put_state_t *st,
    const qoe_put_t *put);
static qoe_status_t qoe_put_needs(const qoe_zone_t *zone,
    const qoe_put_t *puts, size_t n, uint64_t *needs);
static void qoe_put_publish(qoe_zone_t *zone, const qoe_put_state_t *st,
    qoe_ack_t ack, uint64_t *ends, uint64_t *wake);
static void qoe_put_ask(qoe_lane_t *lane, uint64_t pos, qoe_ack_t ack);
static qoe_status_t qoe_lane_lock(qoe_zone_t *zone, qoe_lane_t *lane,
    qoe_proc_t self, uint32_t slot);


qoe_status_t
qoe_zone_put(qoe_zone_t *zone, qoe_proc_t self, uint32_t slot,
    const qoe_put_t *puts, size_t n, qoe_ack_t ack, uint64_t *ends,
    uint64_t wake[QOE_LANES_MAX / 64])
{
    size_t           i;
    qoe_status_t     rc;
    qoe_put_state_t  st;

    memset(wake, 0, QOE_LANES_MAX / 8);
    memset(st.touched, 0, sizeof(st.touched));

    if (ends != NULL) {
        memset(ends, 0, QOE_LANES_MAX * sizeof(uint64_t));
    }

    for (i = 0; i < n; i++) {
        if (puts[i].lane >= zone->lanes || puts[i].kind >= QOE_KINDS
            || puts[i].head.len > QOE_RING_RECORD_MAX
            || puts[i].body.len > QOE_RING_RECORD_MAX - puts[i].head.len)
        {
            return QOE_TOO_LARGE;
        }

        st.touched[puts[i].lane / 64] |= (uint64_t) 1 << puts[i].lane % 64;
    }

    rc = qoe_put_lock(zone, self, slot, &st);

    for (i = 0; i < n && rc == QOE_OK; i++) {
        rc = qoe_put_copy(zone, &st, &puts[i]);

        if (rc != QOE_OK) {
            qoe_put_unlock(zone, &st, zone->lanes);
        }
    }

    if (rc == QOE_OK) {
        qoe_put_publish(zone, &st, ack, ends, wake);
    }

    if (rc == QOE_FULL && ends != NULL) {
        rc = qoe_put_needs(zone, puts, n, ends);
    }

    return rc;
}


static bool
qoe_touched(const uint64_t *set, uint32_t lane)
{
    return set[lane / 64] >> lane % 64 & 1;
}


/*
 * Locks the lanes in the order of their numbers, so that two producers cannot
 * deadlock.
 */

static qoe_status_t
qoe_put_lock(qoe_zone_t *zone, qoe_proc_t self, uint32_t slot,
    qoe_put_state_t *st)
{
    uint32_t     i;
    qoe_lane_t  *lane;

    for (i = 0; i < zone->lanes; i++) {

        if (!qoe_touched(st->touched, i)) {
            continue;
        }

        lane = qoe_zone_lane(zone, i);

        if (qoe_lane_lock(zone, lane, self, slot) != QOE_OK) {
            qoe_put_unlock(zone, st, i);
            return QOE_BUSY;
        }

        st->start[i] = qoe_mark_pos(&lane->tail);
        st->tail[i] = st->start[i];
        st->count[i] = qoe_events(0);
    }

    return QOE_OK;
}


/* Unlocks the touched lanes before end. */

static void
qoe_put_unlock(qoe_zone_t *zone, const qoe_put_state_t *st, uint32_t end)
{
    uint32_t  i;

    for (i = 0; i < end; i++) {
        if (qoe_touched(st->touched, i)) {
            qoe_unlock(&qoe_zone_lane(zone, i)->lock);
        }
    }
}


/*
 * A record is never split: if it does not fit before the end of the ring, a pad
 * fills the rest, and the record begins at the start of the ring.
 */

static qoe_status_t
qoe_put_copy(qoe_zone_t *zone, qoe_put_state_t *st, const qoe_put_t *put)
{
    char         *ring;
    size_t        len, need;
    uint32_t      lane;
    uint64_t      offset, pad, end, limit;
    qoe_frame_t   frame;

    lane = put->lane;
    len = put->head.len + put->body.len;
    ring = qoe_zone_ring(zone, lane);
    need = qoe_frame_size(len);
    offset = st->tail[lane] % zone->ring_size;
    pad = zone->ring_size - offset;
    pad = (pad < need) ? pad : 0;
    end = st->tail[lane] + pad + need;
    limit = qoe_put_limit(zone, put->kind);

    if (end - qoe_lane_floor(zone, lane) > limit) {

        /*
         * even an empty ring could not hold the request, so waiting is useless
         */

        return end - st->start[lane] > limit ? QOE_TOO_LARGE : QOE_FULL;
    }

    if (pad != 0) {
        frame.kind = QOE_FRAME_PAD;
        frame.len = 0;
        memcpy(ring + offset, &frame, sizeof(frame));
        offset = 0;
    }

    frame.kind = qoe_put_frames[put->kind];
    frame.len = (uint32_t) len;
    memcpy(ring + offset, &frame, sizeof(frame));
    offset += sizeof(frame);

    if (put->head.len != 0) {
        memcpy(ring + offset, put->head.data, put->head.len);
        offset += put->head.len;
    }

    if (put->body.len != 0) {
        memcpy(ring + offset, put->body.data, put->body.len);
    }

    st->tail[lane] = end;
    st->count[lane].n[put->kind]++;

    return QOE_OK;
}


/* The bytes of the ring that may be in use when a record was put. */

static uint64_t
qoe_put_limit(const qoe_zone_t *zone, qoe_kind_t kind)
{
    switch (kind) {

    case QOE_KIND_EVENT:
        return qoe_ring_events(zone);

    case QOE_KIND_REQUEST:
        return zone->ring_size / QOE_RING_REQUESTS;

    default:
        return zone->ring_size;
    }
}


/*
 * Estimates the room that the records need; the pad before the end of the ring
 * is always smaller than the largest record.
 */

static qoe_status_t
qoe_put_needs(const qoe_zone_t *zone, const qoe_put_t *puts, size_t n,
    uint64_t *needs)
{
    size_t    i;
    uint32_t  lane;
    uint64_t  size, largest[QOE_LANES_MAX];

    memset(largest, 0, sizeof(largest));

    for (i = 0; i < n; i++) {
        lane = puts[i].lane;
        size = qoe_frame_size(puts[i].head.len + puts[i].body.len);
        needs[lane] += size;
        largest[lane] = qoe_max(largest[lane], size);
    }

    for (lane = 0; lane < zone->lanes; lane++) {

        if (needs[lane] > qoe_ring_events(zone)) {
            return QOE_TOO_LARGE;
        }

        needs[lane] = qoe_min(needs[lane] + largest[lane],
                              qoe_ring_events(zone));
    }

    return QOE_FULL;
}


static void
qoe_put_publish(qoe_zone_t *zone, const qoe_put_state_t *st, qoe_ack_t ack,
    uint64_t *ends, uint64_t *wake)
{
    uint32_t     i;
    uint64_t     pos;
    qoe_lane_t  *lane;

    for (i = 0; i < zone->lanes; i++) {

        if (!qoe_touched(st->touched, i)) {
            continue;
        }

        lane = qoe_zone_lane(zone, i);

        /*
         * before the tail: a consumer that sees the tail must see what is asked
         */

        qoe_put_ask(lane, st->tail[i], ack);

        /*
         * The producer stores the tail and then loads the wake position; the
         * consumer (qoe_lane_arm) stores the wake position and then loads the
         * tail.  Both use sequentially consistent operations, or a wake-up
         * could be lost.
         *
         * Every producer that passes the wake position wakes the consumer until
         * it disarms: the first of them may be killed before it has written to
         * the eventfd.
         */

        qoe_mark_move(&lane->tail, st->tail[i], st->count[i]);

        pos = __atomic_load_n(&lane->wake, __ATOMIC_SEQ_CST);

        if (st->tail[i] > pos
            || (ack != QOE_ACK_MEMORY && pos != QOE_LANE_AWAKE))
        {
            wake[i / 64] |= (uint64_t) 1 << i % 64;
        }

        if (ends != NULL) {
            ends[i] = st->tail[i];
        }

        (void) qoe_failpoint("put.publish");

        qoe_unlock(&lane->lock);
    }
}


/*
 * If the producer is killed after this, it has asked for records that do not
 * exist; qoe_lane_asked() therefore counts requests only up to the tail.
 */

static void
qoe_put_ask(qoe_lane_t *lane, uint64_t pos, qoe_ack_t ack)
{
    if (ack != QOE_ACK_MEMORY) {
        qoe_poke(&lane->asked[0], pos);
    }

    if (ack == QOE_ACK_FSYNC) {
        qoe_poke(&lane->asked[1], pos);
    }
}


static qoe_status_t
qoe_lane_lock(qoe_zone_t *zone, qoe_lane_t *lane, qoe_proc_t self,
    uint32_t slot)
{
    bool  stolen;

    if (qoe_lock(&lane->lock, self, &stolen) != QOE_OK) {
        return QOE_BUSY;
    }

    if (stolen) {
        qoe_zone_count(zone, slot, QOE_COUNT_LOCKS_STOLEN, 1);
    }

    return QOE_OK;
}
