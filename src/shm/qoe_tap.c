
/*
 * Copyright (C) OpenQoE
 */


#include "qoe_tap.h"
#include "qoe_failpoint.h"
#include "qoe_lock.h"
#include "qoe_zone_layout.h"


/* The longest time that the log phase of a request waits for the lock. */
#define QOE_TAP_WAIT_MS    2

#define QOE_FRAME_TAP      0x20504154

/*
 * A producer that wakes the consumer lets the tap be filled by this part
 * (1 / n) until the next wakes it again: else each request would write to the
 * eventfd until the helper has a turn, and if a producer is killed before it
 * has written, the next one to pass wakes the consumer.
 */
#define QOE_TAP_AGAIN      8

/* The length of most records. */
#define QOE_TAP_NEXT       256

/* Makes a line this core's.  Without -mprfchw gcc asks for a shared one. */
#if defined(__x86_64__)
#define qoe_tap_own(p)     __asm__ volatile ("prefetchw %0" : : "m" (*(p)))
#else
#define qoe_tap_own(p)     __builtin_prefetch(p, 1)
#endif


static qoe_status_t qoe_tap_copy(qoe_zone_t *zone, uint32_t lane,
    const qoe_span_t *part, size_t n, size_t len, uint64_t *tail);
static bool qoe_tap_wakes(qoe_zone_t *zone, qoe_lane_tap_t *tap,
    uint64_t tail);
static void qoe_tap_fetch(qoe_zone_t *zone, uint32_t lane, uint64_t tail);


static inline qoe_lane_tap_t *
qoe_lane_tap(const qoe_zone_t *zone, uint32_t lane)
{
    return &qoe_zone_lane(zone, lane)->tap;
}


qoe_status_t
qoe_tap_put(qoe_zone_t *zone, qoe_proc_t self, uint32_t slot, uint32_t lane,
    const qoe_span_t *part, size_t n, bool *wake)
{
    bool             stolen;
    size_t           i, len;
    uint64_t         tail;
    qoe_status_t     rc;
    qoe_lane_tap_t  *tap;

    *wake = false;
    len = 0;

    for (i = 0; i < n; i++) {
        if (part[i].len > QOE_TAP_RECORD_MAX - len) {
            return QOE_TOO_LARGE;
        }

        len += part[i].len;
    }

    if (lane >= zone->lanes) {
        return QOE_TOO_LARGE;
    }

    tap = qoe_lane_tap(zone, lane);

    if (qoe_lock_within(&tap->lock, self, QOE_TAP_WAIT_MS, &stolen) != QOE_OK) {
        return QOE_BUSY;
    }

    if (stolen) {
        qoe_zone_count(zone, slot, QOE_COUNT_LOCKS_STOLEN, 1);
    }

    rc = qoe_tap_copy(zone, lane, part, n, len, &tail);

    if (rc == QOE_OK) {

        /* sequentially consistent with the wake position, see qoe_tap_arm() */

        __atomic_store_n(&tap->tail, tail, __ATOMIC_SEQ_CST);
        *wake = qoe_tap_wakes(zone, tap, tail);
        (void) qoe_failpoint("tap.publish");
    }

    qoe_unlock(&tap->lock);

    if (rc == QOE_OK) {
        qoe_tap_fetch(zone, lane, tail);
    }

    return rc;
}


/*
 * Asks for the lines that the next record will be written to.  The consumer on
 * another core has read them, and to wait for them would be half of a put.
 */

static void
qoe_tap_fetch(qoe_zone_t *zone, uint32_t lane, uint64_t tail)
{
    size_t       i;
    uint64_t     offset;
    const char  *next;

    offset = tail % zone->tap_size;
    next = qoe_zone_tap(zone, lane) + offset;

    for (i = 0; i < QOE_TAP_NEXT && offset + i < zone->tap_size;
         i += QOE_CACHE_LINE)
    {
        qoe_tap_own(next + i);
    }
}


/*
 * Copies the record beyond the tail.  It is never split: if it does not fit
 * before the end of the tap, a pad fills the rest.  *tail is the position
 * after it.
 */

static qoe_status_t
qoe_tap_copy(qoe_zone_t *zone, uint32_t lane, const qoe_span_t *part,
    size_t n, size_t len, uint64_t *tail)
{
    char            *ring;
    size_t           i, need;
    uint64_t         offset, pad, end;
    qoe_frame_t      frame;
    qoe_lane_tap_t  *tap;

    tap = qoe_lane_tap(zone, lane);
    ring = qoe_zone_tap(zone, lane);
    need = qoe_frame_size(len);

    offset = tap->tail % zone->tap_size;
    pad = zone->tap_size - offset;
    pad = (pad < need) ? pad : 0;
    end = tap->tail + pad + need;

    if (end - tap->known > zone->tap_size) {
        tap->known = qoe_acquire(&tap->head);

        if (end - tap->known > zone->tap_size) {
            return QOE_FULL;
        }
    }

    if (pad != 0) {
        frame.kind = QOE_FRAME_PAD;
        frame.len = 0;
        memcpy(ring + offset, &frame, sizeof(frame));
        offset = 0;
    }

    frame.kind = QOE_FRAME_TAP;
    frame.len = (uint32_t) len;
    memcpy(ring + offset, &frame, sizeof(frame));
    offset += sizeof(frame);

    for (i = 0; i < n; i++) {
        if (part[i].len != 0) {
            memcpy(ring + offset, part[i].data, part[i].len);
            offset += part[i].len;
        }
    }

    *tail = end;

    return QOE_OK;
}


static bool
qoe_tap_wakes(qoe_zone_t *zone, qoe_lane_tap_t *tap, uint64_t tail)
{
    uint64_t  pos;

    pos = __atomic_load_n(&tap->wake, __ATOMIC_SEQ_CST);

    /* the consumer may have armed anew meanwhile: then its position stands */

    return tail > pos
           && __atomic_compare_exchange_n(&tap->wake, &pos,
                                          tail + zone->tap_size
                                                 / QOE_TAP_AGAIN,
                                          false, __ATOMIC_SEQ_CST,
                                          __ATOMIC_SEQ_CST);
}


uint64_t
qoe_tap_start(qoe_zone_t *zone, uint32_t lane)
{
    uint64_t         pos;
    qoe_lane_tap_t  *tap;

    tap = qoe_lane_tap(zone, lane);
    pos = qoe_max(qoe_acquire(&tap->head), qoe_acquire(&tap->hand));

    qoe_tap_release(zone, lane, pos);

    return pos;
}


qoe_status_t
qoe_tap_next(qoe_zone_t *zone, uint32_t lane, uint64_t *pos,
    qoe_span_t *record)
{
    uint64_t         tail, offset, left;
    const char      *ring;
    qoe_frame_t      frame;
    qoe_lane_tap_t  *tap;

    tap = qoe_lane_tap(zone, lane);
    ring = qoe_zone_tap(zone, lane);
    tail = qoe_acquire(&tap->tail);
    frame.kind = QOE_FRAME_PAD;
    offset = 0;
    left = 0;

    while (*pos < tail) {
        offset = *pos % zone->tap_size;
        left = qoe_min(zone->tap_size - offset, tail - *pos);

        if (left < sizeof(frame)) {
            break;
        }

        memcpy(&frame, ring + offset, sizeof(frame));

        if (frame.kind != QOE_FRAME_PAD) {
            break;
        }

        *pos += left;
    }

    if (*pos >= tail) {
        return QOE_DONE;
    }

    if (frame.kind != QOE_FRAME_TAP || qoe_frame_size(frame.len) > left) {
        *pos = tail;
        return QOE_INVALID;
    }

    record->data = ring + offset + sizeof(frame);
    record->len = frame.len;
    *pos += qoe_frame_size(frame.len);

    /* no change made with the record may reach the zone before this store */

    qoe_poke(&tap->hand, *pos);
    __atomic_thread_fence(__ATOMIC_RELEASE);

    return QOE_OK;
}


void
qoe_tap_release(qoe_zone_t *zone, uint32_t lane, uint64_t pos)
{
    qoe_publish(&qoe_lane_tap(zone, lane)->head, pos);
}


bool
qoe_tap_arm(qoe_zone_t *zone, uint32_t lane, uint64_t pos)
{
    qoe_lane_tap_t  *tap;

    tap = qoe_lane_tap(zone, lane);

    /*
     * The consumer stores the wake position and then loads the tail; a producer
     * stores the tail and then loads the wake position.
     */

    __atomic_store_n(&tap->wake, pos, __ATOMIC_SEQ_CST);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);

    return pos != QOE_LANE_AWAKE && qoe_acquire(&tap->tail) > pos;
}


uint64_t
qoe_tap_size(const qoe_zone_t *zone)
{
    return zone->tap_size;
}


uint64_t
qoe_tap_used(const qoe_zone_t *zone, uint32_t lane)
{
    uint64_t               head;
    const qoe_lane_tap_t  *tap;

    tap = qoe_lane_tap(zone, lane);

    /* read the head first: it never passes a tail that is read later */

    head = qoe_acquire(&tap->head);

    return qoe_acquire(&tap->tail) - head;
}
