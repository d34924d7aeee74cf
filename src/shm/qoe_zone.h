
/*
 * Copyright (C) OpenQoE
 *
 * The shared zone: one fixed layout of offsets, made once in memory that the
 * caller maps, used by every worker of every generation.
 *
 *   header | counters, a block a slot | segments of the spools
 *   | lane headers | shared region | for each lane: ring
 *   | for each lane: state region
 *
 * What is in the regions is the business of src/qoe (qoe_state.h).
 *
 * Producers (event loops) put records under the lane's lock; one consumer a
 * lane (a helper thread) holds it by lease and never locks.
 */


#ifndef _QOE_ZONE_H_INCLUDED_
#define _QOE_ZONE_H_INCLUDED_


#include "qoe_core.h"
#include "qoe_counters.h"
#include "qoe_hash.h"
#include "qoe_proc.h"


#define QOE_LANES_MAX      128
#define QOE_RING_RECORD_MAX  (128 * 1024)

/* A ring: the largest record fits wherever the tail of an empty one stands. */
#define QOE_LANE_MIN       (2 * QOE_RING_RECORD_MAX + 4096)


/* The regions of src/qoe, at least. */
#define QOE_ZONE_SHARED_MIN  (800 * 1024)
#define QOE_ZONE_STATE_MIN   (320 * 1024)    /* a lane */


typedef struct qoe_zone_s  qoe_zone_t;


/* What a consumer tells of an exporter; for health and stats. */

typedef struct {
    uint64_t      last_success_ms;       /* Unix, 0 never */
    uint64_t      last_failure_ms;
    uint64_t      consecutive_failures;
    char          last_error[256];
} qoe_lane_health_t;

typedef struct {
    uint64_t           used;             /* bytes */
    uint64_t           size;
    uint64_t           produced;         /* records ever put */
    uint64_t           consumed;         /* of them, those that every
                                            destination has released */
    qoe_proc_t         owner;            /* 0: no consumer */
    uint64_t           lease_ms;         /* owner changed last; monotonic */
} qoe_lane_info_t;


/* What a request waits for (openqoe_ack); see qoe_dest.h. */

typedef enum {
    QOE_ACK_MEMORY = 0,
    QOE_ACK_SPOOL,
    QOE_ACK_FSYNC
} qoe_ack_t;


/* Bytes that a zone with that many lanes needs at least. */
size_t qoe_zone_size_min(uint32_t lanes);

/*
 * Makes the layout in mem (page-aligned, size bytes, zero-filled).  lanes is
 * 1..QOE_LANES_MAX.  QOE_TOO_LARGE when size is below qoe_zone_size_min();
 * QOE_ERROR without random bytes.  Only before another process sees mem.
 */
qoe_status_t qoe_zone_create(qoe_zone_t **zone, void *mem, size_t size,
    uint32_t lanes);

/* QOE_INVALID unless mem holds a zone of this layout version and size. */
qoe_status_t qoe_zone_attach(qoe_zone_t **zone, void *mem, size_t size);

/* Any thread of any process, from here on. */

uint32_t qoe_zone_lanes(const qoe_zone_t *zone);
void qoe_zone_instance_id(const qoe_zone_t *zone, uint8_t id[16]);
uint64_t qoe_zone_start_ns(const qoe_zone_t *zone);          /* Unix */

/* Raised by the master at each configuration; an old worker sees it move. */
uint64_t qoe_zone_generation(const qoe_zone_t *zone);
void qoe_zone_generation_raise(qoe_zone_t *zone);

/* slot spreads writers over cache lines: pass the worker's number. */
void qoe_zone_count(qoe_zone_t *zone, uint32_t slot, qoe_counter_t c,
    uint64_t n);
uint64_t qoe_zone_counter(const qoe_zone_t *zone, qoe_counter_t c);

/* When events were last refused or lost; monotonic ms, 0 never. */
void qoe_zone_refused(qoe_zone_t *zone, uint64_t now_ms);
uint64_t qoe_zone_refused_ms(const qoe_zone_t *zone);

/* The lane of a session: keyed hash of org_id and session_id. */
uint32_t qoe_zone_lane_of(const qoe_zone_t *zone, qoe_span_t org_id,
    qoe_span_t session_id);

void qoe_zone_lane_info(const qoe_zone_t *zone, uint32_t lane,
    qoe_lane_info_t *info);


/* The regions: aligned to 64 bytes, zero-filled when the zone is made. */
void *qoe_zone_shared(const qoe_zone_t *zone, size_t *size);
void *qoe_zone_state(const qoe_zone_t *zone, uint32_t lane, size_t *size);

/* The key of every hash over what a client can choose. */
qoe_hash_key_t qoe_zone_hash_key(const qoe_zone_t *zone);


/* Producers. */

/* A record in two parts, which stand together in the ring; body may be "". */

typedef struct {
    uint32_t      lane;
    qoe_span_t    head;
    qoe_span_t    body;
} qoe_put_t;

/*
 * Puts all n records or none; those of one lane keep their order.  Sets a bit
 * in wake[lane / 64] for each lane whose consumer wants to be woken (see
 * qoe_lane_arm).  ends, unless NULL, has QOE_LANES_MAX places: those of the
 * lanes that took of it get the position behind it, all others 0; after
 * QOE_FULL they have the room that the records need in each of their lanes
 * (qoe_lane_room), enough for wherever the tail stands.  With an
 * ack other than memory these are asked for (qoe_lane_asked), which wakes any
 * consumer that sleeps.
 *
 * QOE_OK; QOE_FULL; QOE_BUSY when a lock was not had within some ms;
 * QOE_TOO_LARGE when they can never fit, were the lanes empty.  A dead
 * process's lock is stolen and counted.  Event loop thread of process self.
 */
qoe_status_t qoe_zone_put(qoe_zone_t *zone, qoe_proc_t self, uint32_t slot,
    const qoe_put_t *puts, size_t n, qoe_ack_t ack, uint64_t *ends,
    uint64_t wake[QOE_LANES_MAX / 64]);


/* Consumers. */

/*
 * Takes the lane's lease if it is free or its owner is dead (then *adopted
 * is set).  QOE_OK, or QOE_BUSY.
 */
qoe_status_t qoe_lane_take(qoe_zone_t *zone, uint32_t lane, qoe_proc_t self,
    bool *adopted);

/*
 * No helper is left that would export what the lane holds: how many events
 * these are.  Each of them is counted by one call, whoever makes it.
 */
uint64_t qoe_lane_lost(qoe_zone_t *zone, uint32_t lane);

/* Only the owner; later calls on the lane need a new lease. */
void qoe_lane_give(qoe_zone_t *zone, uint32_t lane, qoe_proc_t self);

/*
 * Where the first record begins that some destination has not released.  Its
 * bytes stay until then; how each of them releases is told in qoe_dest.h.
 */
uint64_t qoe_lane_floor(const qoe_zone_t *zone, uint32_t lane);
uint64_t qoe_lane_tail(const qoe_zone_t *zone, uint32_t lane);

/* Bytes that are free in the lane's ring. */
uint64_t qoe_lane_room(const qoe_zone_t *zone, uint32_t lane);

/* Every lane is over 15/16 full. */
bool qoe_zone_crowded(const qoe_zone_t *zone);

/*
 * The record at *pos, in place, and *pos moved behind it.  QOE_DONE at limit
 * or the tail, whichever comes first.  QOE_INVALID: the ring is damaged there;
 * everything up to the tail must be given up (release it with the records
 * counted as dropped).
 */
qoe_status_t qoe_lane_read(const qoe_zone_t *zone, uint32_t lane,
    uint64_t limit, uint64_t *pos, qoe_span_t *record);

/*
 * Up to where records are in the metrics.  A record goes into them between
 * qoe_lane_hand() and qoe_lane_apply(), both with the position behind it.
 * Who takes a lane calls qoe_lane_recover() first: true when its last owner
 * died with a record in hand, which then counts as applied: it may be in some
 * of the metrics, it is never in one twice, and it kills nobody again.
 */
uint64_t qoe_lane_applied(const qoe_zone_t *zone, uint32_t lane);
void qoe_lane_hand(qoe_zone_t *zone, uint32_t lane, uint64_t pos);
void qoe_lane_apply(qoe_zone_t *zone, uint32_t lane, uint64_t pos);
bool qoe_lane_recover(qoe_zone_t *zone, uint32_t lane);

/*
 * Asks producers to wake the consumer once the tail passes pos, or at once
 * when something is put that a request waits for.  True when that is so
 * already: the tail is past pos, or somebody asked beyond asked, what the
 * caller has last seen of qoe_lane_asked(, QOE_ACK_SPOOL) and done what it
 * can for.  Call it before every sleep; with pos QOE_LANE_ASKED it wakes only
 * those who ask (there is no room for more batches), with QOE_LANE_AWAKE,
 * behind the sleep, nobody any more.
 */
#define QOE_LANE_AWAKE         UINT64_MAX
#define QOE_LANE_ASKED         (UINT64_MAX - 1)
bool qoe_lane_arm(qoe_zone_t *zone, uint32_t lane, uint64_t pos,
    uint64_t asked);


#endif /* _QOE_ZONE_H_INCLUDED_ */
