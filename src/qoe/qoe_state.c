
/*
 * Copyright (C) OpenQoE
 */


#include "qoe_state.h"
#include "qoe_deliveries.h"
#include "qoe_timelines.h"


#define QOE_STATE_MAGIC      0x316574617451656fULL

#define QOE_STATE_HEADER     qoe_align(sizeof(qoe_state_shared_t), 64)

/*
 * The module's own metrics have one part in so many of the shared region;
 * governance has the rest.
 */
#define QOE_STATE_SELF       8

/*
 * The parts of a lane's region for sessions, for timelines, for events seen and
 * for sessions of requests, in per cent; series have the rest.
 */
#define QOE_STATE_SESSIONS   45
#define QOE_STATE_TIMELINES  8
#define QOE_STATE_SEEN       3
#define QOE_STATE_DELIVERIES 6

/*
 * The same in a zone for which no requests are expected: the sessions of those
 * that come after all, by a later configuration, still have a place.
 */
#define QOE_STATE_SESSIONS_MORE    47
#define QOE_STATE_DELIVERIES_FEW   1

_Static_assert(QOE_STATE_HEADER + QOE_GOVERN_MIN + QOE_SELF_MIN
               + sizeof(qoe_live_t) + 128
               <= QOE_ZONE_SHARED_MIN, "the shared region's minimum");
_Static_assert(QOE_ZONE_STATE_MIN * QOE_STATE_SEEN / 100 <= QOE_SEEN_MIN
               && QOE_ZONE_STATE_MIN
                  * (100 - QOE_STATE_SESSIONS - QOE_STATE_TIMELINES
                     - QOE_STATE_DELIVERIES) / 100
                  - QOE_SEEN_MIN - sizeof(qoe_live_lane_t) - 128
                  >= QOE_STORE_MIN,
               "a lane's region's minimum");
_Static_assert(QOE_STATE_SESSIONS_MORE + QOE_STATE_DELIVERIES_FEW
               <= QOE_STATE_SESSIONS + QOE_STATE_DELIVERIES,
               "series have as much without requests");


static void qoe_state_map(qoe_state_t *st, qoe_zone_t *zone);
static size_t qoe_state_self_size(size_t size);
static size_t qoe_state_sessions_size(const qoe_zone_t *zone, size_t size);
static size_t qoe_state_timelines_size(size_t size);
static size_t qoe_state_seen_size(size_t size);
static size_t qoe_state_deliveries_size(const qoe_zone_t *zone, size_t size);


void
qoe_state_create(qoe_zone_t *zone)
{
    size_t       size;
    uint32_t     i;
    qoe_state_t  st;

    qoe_state_map(&st, zone);

    (void) qoe_zone_shared(zone, &size);

    qoe_self_create(st.self, qoe_state_self_size(size), &st.key);
    qoe_govern_create(st.govern, size - QOE_STATE_HEADER
                                 - qoe_state_self_size(size)
                                 - sizeof(qoe_live_t), &st.key);

    for (i = 0; i < st.lanes; i++) {
        (void) qoe_zone_state(zone, i, &size);

        qoe_sessions_create(st.sessions[i],
                            qoe_state_sessions_size(zone, size));
        qoe_timelines_create(st.timelines[i], qoe_state_timelines_size(size));
        qoe_seen_create(st.seen[i], qoe_state_seen_size(size));
        qoe_deliveries_create(st.deliveries[i],
                              qoe_state_deliveries_size(zone, size));
        qoe_store_create(st.store[i], size
                                      - qoe_state_sessions_size(zone, size)
                                      - qoe_state_timelines_size(size)
                                      - qoe_state_seen_size(size)
                                      - qoe_state_deliveries_size(zone, size)
                                      - sizeof(qoe_live_lane_t));
    }

    st.shared->version = QOE_STATE_VERSION;

    /* the magic comes last: half-made state must never be attached to */

    qoe_publish(&st.shared->magic, QOE_STATE_MAGIC);
}


qoe_status_t
qoe_state_attach(qoe_state_t *st, qoe_zone_t *zone)
{
    qoe_state_map(st, zone);

    if (qoe_acquire(&st->shared->magic) != QOE_STATE_MAGIC
        || st->shared->version != QOE_STATE_VERSION)
    {
        return QOE_INVALID;
    }

    return QOE_OK;
}


static void
qoe_state_map(qoe_state_t *st, qoe_zone_t *zone)
{
    char      *p;
    size_t     size;
    uint32_t   i;

    memset(st, 0, sizeof(qoe_state_t));

    st->zone = zone;
    st->lanes = qoe_zone_lanes(zone);
    st->key = qoe_zone_hash_key(zone);

    p = qoe_zone_shared(zone, &size);

    st->shared = (qoe_state_shared_t *) p;
    st->self = (qoe_self_t *) (p + QOE_STATE_HEADER);
    st->govern = (qoe_govern_t *) (p + QOE_STATE_HEADER
                                   + qoe_state_self_size(size));
    st->live = (qoe_live_t *) (p + ((size - sizeof(qoe_live_t))
                                    & ~(size_t) 63));

    for (i = 0; i < st->lanes; i++) {
        p = qoe_zone_state(zone, i, &size);

        st->sessions[i] = (qoe_sessions_t *) p;
        p += qoe_state_sessions_size(zone, size);

        st->timelines[i] = (qoe_timelines_t *) p;
        p += qoe_state_timelines_size(size);

        st->seen[i] = (qoe_seen_t *) p;
        p += qoe_state_seen_size(size);

        st->deliveries[i] = (qoe_deliveries_t *) p;
        st->store[i] = (qoe_store_t *)
                       (p + qoe_state_deliveries_size(zone, size));

        p = qoe_zone_state(zone, i, &size);
        st->live_lane[i] = (qoe_live_lane_t *)
                           (p + ((size - sizeof(qoe_live_lane_t))
                                 & ~(size_t) 63));
    }
}


static size_t
qoe_state_self_size(size_t size)
{
    return qoe_max(size / QOE_STATE_SELF, (size_t) QOE_SELF_MIN)
           & ~(size_t) 63;
}


static size_t
qoe_state_sessions_size(const qoe_zone_t *zone, size_t size)
{
    size *= qoe_zone_requests(zone) ? QOE_STATE_SESSIONS
                                    : QOE_STATE_SESSIONS_MORE;

    return size / 100 & ~(size_t) 63;
}


static size_t
qoe_state_timelines_size(size_t size)
{
    return size * QOE_STATE_TIMELINES / 100 & ~(size_t) 63;
}


static size_t
qoe_state_seen_size(size_t size)
{
    size = qoe_max(size * QOE_STATE_SEEN / 100, (size_t) QOE_SEEN_MIN);

    return qoe_min(size, (size_t) QOE_SEEN_MAX) & ~(size_t) 63;
}


static size_t
qoe_state_deliveries_size(const qoe_zone_t *zone, size_t size)
{
    size *= qoe_zone_requests(zone) ? QOE_STATE_DELIVERIES
                                    : QOE_STATE_DELIVERIES_FEW;

    return size / 100 & ~(size_t) 63;
}
