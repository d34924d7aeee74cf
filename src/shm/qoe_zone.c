
/*
 * Copyright (C) OpenQoE
 *
 * The zone as a whole: its creation, identity and counters, and information
 * about its lanes.
 */


#include "qoe_zone_layout.h"
#include "qoe_uuid.h"


/*
 * How the zone is divided: the lanes share a sixth; of the rest the state gets
 * slightly more than the queue.
 */
#define QOE_SHARE_SHARED   6
#define QOE_SHARE_STATE    55                /* per cent */
#define QOE_SHARE_TAP      32                /* the part (1 / n) of a lane */


static void qoe_zone_divide(qoe_zone_t *z);


size_t
qoe_zone_size_min(uint32_t lanes)
{
    return qoe_align(sizeof(qoe_zone_t), QOE_CACHE_LINE)
           + QOE_SLOTS * sizeof(qoe_slot_t) + QOE_ZONE_SHARED_MIN
           + lanes * (sizeof(qoe_lane_t) + QOE_ZONE_STATE_MIN + QOE_TAP_MIN
                      + qoe_align(QOE_LANE_MIN, QOE_CACHE_LINE)
                      + QOE_CACHE_LINE);
}


qoe_status_t
qoe_zone_create(qoe_zone_t **zone, void *mem, size_t size, uint32_t lanes,
    bool requests)
{
    uint8_t      random[10];
    uint32_t     i;
    qoe_zone_t  *z;

    if (lanes == 0 || lanes > QOE_LANES_MAX) {
        return QOE_INVALID;
    }

    if (size < qoe_zone_size_min(lanes)) {
        return QOE_TOO_LARGE;
    }

    z = mem;
    memset(z, 0, sizeof(qoe_zone_t));

    z->version = QOE_ZONE_VERSION;
    z->lanes = lanes;
    z->requests = requests;
    z->size = size;
    z->slots_offset = qoe_align(sizeof(qoe_zone_t), QOE_CACHE_LINE);
    z->lanes_offset = z->slots_offset + QOE_SLOTS * sizeof(qoe_slot_t);
    qoe_zone_divide(z);
    z->start_ns = qoe_unix_ns();

    if (qoe_random(random, sizeof(random)) != QOE_OK
        || qoe_random(&z->hash_key, sizeof(z->hash_key)) != QOE_OK)
    {
        return QOE_ERROR;
    }

    qoe_uuid_v7(z->instance_id, z->start_ns / 1000000, random);

    for (i = 0; i < lanes; i++) {
        qoe_zone_lane(z, i)->wake = QOE_LANE_AWAKE;
        qoe_zone_lane(z, i)->tap.wake = QOE_LANE_AWAKE;
        qoe_zone_lane(z, i)->lease_ms = qoe_mono_ms();
    }

    /*
     * set the magic last, so that a partly initialized zone is never attached
     */

    qoe_publish(&z->magic, QOE_ZONE_MAGIC);

    *zone = z;

    return QOE_OK;
}


/* All sizes are multiples of a cache line. */

static void
qoe_zone_divide(qoe_zone_t *z)
{
    uint64_t  left, lane, mask, tap;

    mask = ~((uint64_t) QOE_CACHE_LINE - 1);

    z->shared_offset = z->lanes_offset + z->lanes * sizeof(qoe_lane_t);
    left = z->size - z->shared_offset;

    z->shared_size = qoe_max(left / QOE_SHARE_SHARED,
                             (uint64_t) QOE_ZONE_SHARED_MIN) & mask;
    z->rings_offset = z->shared_offset + z->shared_size;

    lane = (left - z->shared_size) / z->lanes & mask;

    tap = z->requests ? lane / QOE_SHARE_TAP : 0;
    tap = qoe_max(tap, (uint64_t) QOE_TAP_MIN);
    z->tap_size = qoe_min(tap, (uint64_t) QOE_TAP_MAX) & mask;
    lane -= z->tap_size;

    z->state_size = qoe_max(lane * QOE_SHARE_STATE / 100,
                            (uint64_t) QOE_ZONE_STATE_MIN) & mask;
    z->ring_size = lane - z->state_size;

    if (z->ring_size < QOE_LANE_MIN) {
        z->ring_size = qoe_align(QOE_LANE_MIN, QOE_CACHE_LINE);
        z->state_size = lane - z->ring_size;
    }

    z->taps_offset = z->rings_offset + z->ring_size * z->lanes;
    z->state_offset = z->taps_offset + z->tap_size * z->lanes;
}


qoe_status_t
qoe_zone_attach(qoe_zone_t **zone, void *mem, size_t size)
{
    qoe_zone_t  *z;

    z = mem;

    if (size < sizeof(qoe_zone_t)
        || qoe_acquire(&z->magic) != QOE_ZONE_MAGIC
        || z->version != QOE_ZONE_VERSION
        || z->size != size)
    {
        return QOE_INVALID;
    }

    *zone = z;

    return QOE_OK;
}


uint32_t
qoe_zone_lanes(const qoe_zone_t *zone)
{
    return zone->lanes;
}


bool
qoe_zone_requests(const qoe_zone_t *zone)
{
    return zone->requests != 0;
}


void *
qoe_zone_shared(const qoe_zone_t *zone, size_t *size)
{
    *size = zone->shared_size;

    return (char *) zone + zone->shared_offset;
}


void *
qoe_zone_state(const qoe_zone_t *zone, uint32_t lane, size_t *size)
{
    *size = zone->state_size;

    return (char *) zone + zone->state_offset + zone->state_size * lane;
}


qoe_hash_key_t
qoe_zone_hash_key(const qoe_zone_t *zone)
{
    return zone->hash_key;
}


void
qoe_zone_instance_id(const qoe_zone_t *zone, uint8_t id[16])
{
    memcpy(id, zone->instance_id, 16);
}


uint64_t
qoe_zone_start_ns(const qoe_zone_t *zone)
{
    return zone->start_ns;
}


uint64_t
qoe_zone_generation(const qoe_zone_t *zone)
{
    return qoe_acquire(&zone->generation);
}


void
qoe_zone_generation_raise(qoe_zone_t *zone)
{
    __atomic_fetch_add(&zone->generation, 1, __ATOMIC_ACQ_REL);
}


void
qoe_zone_count(qoe_zone_t *zone, uint32_t slot, qoe_counter_t c, uint64_t n)
{
    qoe_slot_t  *slots;

    slots = (qoe_slot_t *) ((char *) zone + zone->slots_offset);

    __atomic_fetch_add(&slots[slot % QOE_SLOTS].value[c], n, __ATOMIC_RELAXED);
}


uint64_t
qoe_zone_counter(const qoe_zone_t *zone, qoe_counter_t c)
{
    uint32_t           i;
    uint64_t           sum;
    const qoe_slot_t  *slots;

    slots = (const qoe_slot_t *) ((const char *) zone + zone->slots_offset);
    sum = 0;

    for (i = 0; i < QOE_SLOTS; i++) {
        sum += qoe_peek(&slots[i].value[c]);
    }

    return sum;
}


void
qoe_zone_refused(qoe_zone_t *zone, uint64_t now_ms)
{
    qoe_publish(&zone->refused_ms, now_ms);
}


uint64_t
qoe_zone_refused_ms(const qoe_zone_t *zone)
{
    return qoe_acquire(&zone->refused_ms);
}


uint32_t
qoe_zone_lane_of(const qoe_zone_t *zone, qoe_span_t org_id,
    qoe_span_t session_id)
{
    uint64_t  h[2];

    if (zone->lanes == 1) {
        return 0;
    }

    /* hash both ids separately, so that "ab" + "c" differs from "a" + "bc" */

    h[0] = qoe_hash(&zone->hash_key, org_id.data, org_id.len);
    h[1] = qoe_hash(&zone->hash_key, session_id.data, session_id.len);

    return (uint32_t) (qoe_hash(&zone->hash_key, h, sizeof(h)) % zone->lanes);
}


void
qoe_zone_lane_info(const qoe_zone_t *zone, uint32_t lane,
    qoe_lane_info_t *info)
{
    uint64_t           floor, tail;
    qoe_counts_t       records;
    const qoe_lane_t  *l;

    l = qoe_zone_lane(zone, lane);

    /* read the floor first: a tail that is read later can only be further on */

    floor = qoe_mark_pos(&l->floor);
    info->consumed = qoe_lane_consumed(zone, lane, QOE_KIND_EVENT);
    info->views_consumed = qoe_lane_consumed(zone, lane, QOE_KIND_VIEW);

    qoe_mark_get(&l->tail, &tail, &records);
    info->produced = records.n[QOE_KIND_EVENT];
    info->views_produced = records.n[QOE_KIND_VIEW];
    info->used = qoe_min(tail - floor, zone->ring_size);
    info->size = zone->ring_size;
    info->owner = qoe_acquire(&l->owner);
    info->lease_ms = qoe_acquire(&l->lease_ms);
}


uint64_t
qoe_lane_lost(qoe_zone_t *zone, uint32_t lane)
{
    uint64_t          old, from;
    qoe_lane_t       *l;
    qoe_lane_info_t   info;

    l = qoe_zone_lane(zone, lane);
    old = qoe_acquire(&l->lost);

    do {
        qoe_zone_lane_info(zone, lane, &info);
        from = qoe_max(old, info.consumed);

        if (from >= info.produced) {
            return 0;
        }

    } while (!__atomic_compare_exchange_n(&l->lost, &old, info.produced, false,
                                          __ATOMIC_ACQ_REL,
                                          __ATOMIC_ACQUIRE));

    return info.produced - from;
}
