
/*
 * Copyright (C) OpenQoE
 *
 * The shared zone: a fixed layout of offsets, created once in memory that the
 * caller maps, and used by every worker of every generation.
 *
 *   header | counters, a block a slot | segments of the spools
 *   | lane headers | shared region | for each lane: ring
 *   | for each lane: tap (qoe_tap.h) | for each lane: state region
 *
 * The content of the regions belongs to src/qoe (qoe_state.h).
 *
 * Producers (event loops) put records under the lock of the lane.  Each lane
 * has at most one consumer (a helper thread), which holds it by a lease and
 * needs no lock.
 */


#ifndef _QOE_ZONE_H_INCLUDED_
#define _QOE_ZONE_H_INCLUDED_


#include "qoe_core.h"
#include "qoe_counters.h"
#include "qoe_hash.h"
#include "qoe_proc.h"


#define QOE_LANES_MAX      128
#define QOE_RING_RECORD_MAX  (128 * 1024)

/*
 * The smallest ring: an empty one takes the largest record at any position of
 * its tail, beside the part that events leave free.
 */
#define QOE_LANE_MIN       (2 * QOE_RING_RECORD_MAX + 16384)

/* The smallest and the largest tap of a lane (qoe_tap.h). */
#define QOE_TAP_MIN        (64 * 1024)
#define QOE_TAP_MAX        (8 * 1024 * 1024)


/* The smallest regions of src/qoe. */
#define QOE_ZONE_SHARED_MIN  (832 * 1024)
#define QOE_ZONE_STATE_MIN   (360 * 1024)    /* for each lane */


typedef struct qoe_zone_s  qoe_zone_t;


/*
 * What a record in a ring is.  Each kind is counted by itself, and an exporter
 * takes the records of one kind.
 */

typedef enum {
    QOE_KIND_EVENT = 0,
    QOE_KIND_VIEW,               /* qoe_view_record.h, put by the consumer */
    QOE_KIND_REQUEST,            /* qoe_tapped.h, put by the consumer */
    QOE_KINDS
} qoe_kind_t;

/* A number of records of each kind. */

typedef struct {
    uint64_t      n[QOE_KINDS];
} qoe_counts_t;

#define qoe_events(number)  ((qoe_counts_t) { { number } })


static inline qoe_counts_t
qoe_counts_add(qoe_counts_t a, qoe_counts_t b)
{
    int  i;

    for (i = 0; i < QOE_KINDS; i++) {
        a.n[i] += b.n[i];
    }

    return a;
}


static inline qoe_counts_t
qoe_counts_sub(qoe_counts_t a, qoe_counts_t b)
{
    int  i;

    for (i = 0; i < QOE_KINDS; i++) {
        a.n[i] -= b.n[i];
    }

    return a;
}


/* How an exporter is doing, for health checks and statistics. */

typedef struct {
    uint64_t      last_success_ms;       /* Unix; 0: never */
    uint64_t      last_failure_ms;
    uint64_t      consecutive_failures;
    char          last_error[256];
} qoe_lane_health_t;

typedef struct {
    uint64_t           used;             /* bytes */
    uint64_t           size;
    uint64_t           produced;         /* events ever put */
    uint64_t           consumed;         /* events that all exporters of
                                            events have released */
    uint64_t           views_produced;   /* the same of views' records */
    uint64_t           views_consumed;
    qoe_proc_t         owner;            /* 0: no consumer */
    uint64_t           lease_ms;         /* last change of owner, monotonic */
} qoe_lane_info_t;


/* What a request waits for (openqoe_ack); see qoe_dest.h. */

typedef enum {
    QOE_ACK_MEMORY = 0,
    QOE_ACK_SPOOL,
    QOE_ACK_FSYNC
} qoe_ack_t;


/* The smallest size of a zone with that many lanes, in bytes. */
size_t qoe_zone_size_min(uint32_t lanes);

/*
 * Creates the layout in mem, which is page-aligned, zero-filled and of size
 * bytes.  lanes is 1..QOE_LANES_MAX.  requests: requests for media will come
 * (openqoe_cmcd), so their taps and sessions get a full share; else a small
 * one, and views and series have the rest.  QOE_TOO_LARGE if size is below
 * qoe_zone_size_min(); QOE_ERROR if the kernel gives no random bytes.  No other
 * process may see mem before it returns.
 */
qoe_status_t qoe_zone_create(qoe_zone_t **zone, void *mem, size_t size,
    uint32_t lanes, bool requests);

/*
 * Uses an existing zone.  QOE_INVALID unless mem holds a zone of this layout
 * version and size.
 */
qoe_status_t qoe_zone_attach(qoe_zone_t **zone, void *mem, size_t size);

/* Unless stated otherwise, any thread of any process may call the following. */

/* The number of lanes, a UUID of the zone, and the time of its creation. */
uint32_t qoe_zone_lanes(const qoe_zone_t *zone);

/* As it was created: with a full share for requests for media? */
bool qoe_zone_requests(const qoe_zone_t *zone);
void qoe_zone_instance_id(const qoe_zone_t *zone, uint8_t id[16]);
uint64_t qoe_zone_start_ns(const qoe_zone_t *zone);          /* Unix */

/*
 * The master raises it with each configuration, which shows an old worker that
 * it is outdated.
 */
uint64_t qoe_zone_generation(const qoe_zone_t *zone);
void qoe_zone_generation_raise(qoe_zone_t *zone);

/*
 * Adds n to a counter.  slot is the worker's number; it spreads the writers
 * over cache lines.
 */
void qoe_zone_count(qoe_zone_t *zone, uint32_t slot, qoe_counter_t c,
    uint64_t n);

/* The sum of a counter over all slots. */
uint64_t qoe_zone_counter(const qoe_zone_t *zone, qoe_counter_t c);

/* Records that events were refused or lost just now; monotonic ms, 0: never. */
void qoe_zone_refused(qoe_zone_t *zone, uint64_t now_ms);
uint64_t qoe_zone_refused_ms(const qoe_zone_t *zone);

/* The lane of a session, by a keyed hash of org_id and session_id. */
uint32_t qoe_zone_lane_of(const qoe_zone_t *zone, qoe_span_t org_id,
    qoe_span_t session_id);

/*
 * Reads the state of a lane; the numbers may be from slightly different
 * moments.
 */
void qoe_zone_lane_info(const qoe_zone_t *zone, uint32_t lane,
    qoe_lane_info_t *info);


/*
 * The regions of src/qoe: aligned to 64 bytes, zero-filled when the zone is
 * created.
 */
void *qoe_zone_shared(const qoe_zone_t *zone, size_t *size);
void *qoe_zone_state(const qoe_zone_t *zone, uint32_t lane, size_t *size);

/* The secret key for every hash of something that a client can choose. */
qoe_hash_key_t qoe_zone_hash_key(const qoe_zone_t *zone);


/* Producers. */

/*
 * A record in two parts, which become adjacent in the ring; body may be empty.
 */

typedef struct {
    uint32_t      lane;
    qoe_span_t    head;
    qoe_span_t    body;
    qoe_kind_t    kind;
} qoe_put_t;

/*
 * Puts all n records or none; the records of a lane keep their order.  Sets a
 * bit in wake[lane / 64] for each lane whose consumer must be woken (see
 * qoe_lane_arm).  ends may be NULL or has QOE_LANES_MAX elements: each lane
 * that took records gets the position after them, all others 0.  After
 * QOE_FULL, ends has the room that the records need in each lane
 * (qoe_lane_room), whatever the position of the tail.  An ack other than memory
 * asks for the records to be stored (qoe_lane_asked) and wakes a sleeping
 * consumer.
 *
 * QOE_OK; QOE_FULL; QOE_BUSY if a lock could not be taken within some ms;
 * QOE_TOO_LARGE if the records would not fit into empty lanes.  The lock of a
 * dead process is taken over and counted.  To be called by the event loop of
 * process self, or for records of views and of requests by the consumer of the
 * lane: those of views may fill a small part of the ring that is kept free of
 * events, those of requests half of it.
 */
qoe_status_t qoe_zone_put(qoe_zone_t *zone, qoe_proc_t self, uint32_t slot,
    const qoe_put_t *puts, size_t n, qoe_ack_t ack, uint64_t *ends,
    uint64_t wake[QOE_LANES_MAX / 64]);


/* Consumers. */

/*
 * Takes the lease of the lane if it is free, or if its owner is dead, which
 * sets *adopted.  QOE_OK, or QOE_BUSY.
 */
qoe_status_t qoe_lane_take(qoe_zone_t *zone, uint32_t lane, qoe_proc_t self,
    bool *adopted);

/*
 * To be called when no helper is left to export what the lane holds: returns
 * the number of these events.  Each event is counted by a single call,
 * whichever process makes it.
 */
uint64_t qoe_lane_lost(qoe_zone_t *zone, uint32_t lane);

/*
 * Gives up the lease.  Only for the owner; it must not use the lane afterwards.
 */
void qoe_lane_give(qoe_zone_t *zone, uint32_t lane, qoe_proc_t self);

/*
 * The position of the first record that some exporter has not released.  Its
 * bytes remain until then; qoe_dest.h has the functions that release records.
 */
uint64_t qoe_lane_floor(const qoe_zone_t *zone, uint32_t lane);

/* The position after the last record. */
uint64_t qoe_lane_tail(const qoe_zone_t *zone, uint32_t lane);

/* The bytes of the lane's ring that are free for events. */
uint64_t qoe_lane_room(const qoe_zone_t *zone, uint32_t lane);

/* Is every lane more than 15/16 full? */
bool qoe_zone_crowded(const qoe_zone_t *zone);

/*
 * Returns the record at *pos, in place, and moves *pos after it.  QOE_DONE at
 * limit or at the tail, whichever comes first.  QOE_INVALID if the ring is
 * damaged there: then everything up to the tail must be given up, that is
 * released and counted as dropped.
 */
qoe_status_t qoe_lane_next(const qoe_zone_t *zone, uint32_t lane,
    uint64_t limit, uint64_t *pos, qoe_span_t *record, qoe_kind_t *kind);

/* The same for events: *pos also moves after records of other kinds. */
qoe_status_t qoe_lane_read(const qoe_zone_t *zone, uint32_t lane,
    uint64_t limit, uint64_t *pos, qoe_span_t *record);

/*
 * The position before which records are applied to the metrics.  The consumer
 * calls qoe_lane_hand() before and qoe_lane_apply() after it applies a record,
 * both with the position after the record.  A new owner calls
 * qoe_lane_recover() first: it returns true if the previous owner died while it
 * applied a record.  That record then counts as applied: it may be missing in
 * some of the metrics, but is in none of them twice, and cannot crash another
 * owner.
 */
uint64_t qoe_lane_applied(const qoe_zone_t *zone, uint32_t lane);
void qoe_lane_hand(qoe_zone_t *zone, uint32_t lane, uint64_t pos);
void qoe_lane_apply(qoe_zone_t *zone, uint32_t lane, uint64_t pos);
bool qoe_lane_recover(qoe_zone_t *zone, uint32_t lane);

/*
 * Asks the producers to wake the consumer when the tail passes pos, or when a
 * request waits for records to be stored.  Returns true if that has happened
 * already: the tail is past pos, or requests wait beyond asked, the value of
 * qoe_lane_asked(, QOE_ACK_SPOOL) that the consumer has handled last.  Call it
 * before every sleep.  With QOE_LANE_ASKED only waiting requests wake the
 * consumer (for a consumer that has no room for more batches); with
 * QOE_LANE_AWAKE, after the sleep, nothing does.
 */
#define QOE_LANE_AWAKE         UINT64_MAX
#define QOE_LANE_ASKED         (UINT64_MAX - 1)
bool qoe_lane_arm(qoe_zone_t *zone, uint32_t lane, uint64_t pos,
    uint64_t asked);


#endif /* _QOE_ZONE_H_INCLUDED_ */
