
/*
 * Copyright (C) OpenQoE
 *
 * The bytes of the zone.  Private to src/shm.  Any change of meaning raises
 * QOE_ZONE_VERSION, because a zone of another version is refused instead of
 * being misread.
 *
 * Positions in a ring (head, tail) only grow; the offset of position p is p %
 * ring_size.  floor <= head of each exporter <= tail, and tail <= floor +
 * ring_size.
 *
 * A position and the number of records before it change together, so that
 * whenever their writer is killed, exported and queued events still add up to
 * the accepted ones.
 */


#ifndef _QOE_ZONE_LAYOUT_H_INCLUDED_
#define _QOE_ZONE_LAYOUT_H_INCLUDED_


#include "qoe_dest.h"
#include "qoe_spool_info.h"
#include "qoe_atomic.h"


#define QOE_ZONE_MAGIC         0x315a456f51456e4fULL
#define QOE_ZONE_VERSION       14

#define QOE_CACHE_LINE         64
#define QOE_SLOTS              16            /* slots of counters */

#define qoe_cache_aligned      __attribute__((aligned(QOE_CACHE_LINE)))


typedef struct {
    uint64_t             value[QOE_COUNTERS_N];
} qoe_cache_aligned qoe_slot_t;


/*
 * Two words that change together.  slot[version & 1] is valid; the writer fills
 * the other slot and then raises the version.  Only one writer at a time.
 */

typedef struct {
    uint64_t             version;
    struct {
        uint64_t         pos;
        qoe_counts_t     records;            /* records ever put before pos */
    } slot[2];
} qoe_mark_t;


/*
 * Whether an exporter is in a lane, and its counters there, of the records of
 * its kind; changed together, like a mark.  It is in the lane if incarnation
 * equals that of its slot and active is set.
 */

typedef struct {
    uint64_t             incarnation;
    uint64_t             active;
    uint64_t             joined;             /* records it did not get */
    uint64_t             left;               /* tail's records when it left */
    uint64_t             removed;            /* records given up when it left */
} qoe_member_t;


/* The data of an exporter in a lane; written only by the owner of the lane. */

typedef struct {
    qoe_mark_t           head;
    qoe_mark_t           stored;             /* valid if beyond the head */
    uint64_t             synced;             /* everything before is durable */
    uint64_t             unkept;             /* see qoe_lane_dest_unkept() */

    uint64_t             member_version;
    qoe_member_t         member[2];

    /* a seqlock: odd while the owner writes */
    uint64_t             health_seq;
    qoe_lane_health_t    health;

    qoe_spool_part_t     spool;
} qoe_cache_aligned qoe_lane_dest_t;


/* The tap of a lane (qoe_tap.h); its positions are like those of the ring. */

typedef struct {
    /* written by producers under the lock */
    uint64_t             lock;               /* qoe_proc_t, 0: free */
    uint64_t             tail;
    uint64_t             known;              /* known <= head: read again only
                                                when the tap looks full, for its
                                                line is the consumer's */

    /* written by the consumer */
    uint64_t             head qoe_cache_aligned;     /* free before it */
    uint64_t             hand;               /* end of the record in hand */

    /* by the consumer, and by a producer that wakes it */
    uint64_t             wake qoe_cache_aligned;
} qoe_cache_aligned qoe_lane_tap_t;


typedef struct {
    /* written by producers under the lock */
    uint64_t             lock;               /* qoe_proc_t, 0: free */
    qoe_mark_t           tail;
    uint64_t             asked[2];           /* for spool, for fsync */

    /* written by the consumer */
    qoe_mark_t           floor qoe_cache_aligned;    /* the lowest head */
    uint64_t             applied;            /* floor <= applied <= tail */
    uint64_t             hand;               /* end of the record in hand */

    uint64_t             wake qoe_cache_aligned;

    /*
     * set by event loops that wait for an acknowledgement, cleared by the owner
     */
    uint64_t             waiters qoe_cache_aligned;

    uint64_t             owner qoe_cache_aligned;    /* qoe_proc_t */
    uint64_t             lease_ms;
    uint64_t             lost;               /* events before it were counted
                                                as lost when the last process
                                                exited */

    qoe_lane_tap_t       tap;

    qoe_lane_dest_t      dest[QOE_DESTS_MAX];
} qoe_cache_aligned qoe_lane_t;


/* The slot of an exporter. */

typedef struct {
    /* written by the master */
    uint64_t             incarnation;        /* 0: never used */
    uint64_t             flags;
    uint64_t             kind;               /* qoe_kind_t that it takes */
    uint64_t             name_len;
    char                 name[QOE_DEST_NAME];

    uint64_t             replay_us;          /* see qoe_spool_pay() */

    /*
     * the spool's state: error is written under the lock, read by the seqlock
     */
    uint64_t             failed_ms;          /* monotonic; 0: it works */
    uint64_t             error_lock;         /* qoe_proc_t, 0: free */
    uint64_t             error_seq;
    char                 error[256];

    /* RECOVERED, by the owner of lane 0; pos is the id of the last segment */
    qoe_mark_t           recovered;

    /* if it gets only metrics: written under the lock, read by the seqlock */
    uint64_t             health_lock;        /* qoe_proc_t, 0: free */
    uint64_t             health_seq;
    qoe_lane_health_t    health;

    uint64_t             counter[QOE_DEST_COUNTERS_N] qoe_cache_aligned;
} qoe_cache_aligned qoe_dest_t;

#define QOE_DEST_WANTED        1
#define QOE_DEST_HAS_SPOOL     2
#define QOE_DEST_METRICS       4             /* gets metrics, but no events */


struct qoe_zone_s {
    uint64_t             magic;
    uint32_t             version;
    uint32_t             lanes;
    uint64_t             requests;           /* 1: with a full share for them */
    uint64_t             size;
    uint64_t             ring_size;
    uint64_t             slots_offset;
    uint64_t             lanes_offset;
    uint64_t             rings_offset;
    uint64_t             tap_size;           /* of each lane's tap */
    uint64_t             taps_offset;
    uint64_t             state_size;         /* for each lane; opaque here */
    uint64_t             state_offset;
    uint64_t             shared_size;        /* opaque here */
    uint64_t             shared_offset;

    uint8_t              instance_id[16];
    uint64_t             start_ns;
    qoe_hash_key_t       hash_key;

    uint64_t             generation qoe_cache_aligned;
    uint64_t             refused_ms;

    /* qoe_proc_t of the process that waits for acknowledgements, 0: free */
    uint64_t             waiter[QOE_WAITERS_MAX] qoe_cache_aligned;

    /* how many of its requests wait; written by that process alone */
    uint64_t             waiting[QOE_WAITERS_MAX][QOE_WAITS];

    qoe_dest_t           dest[QOE_DESTS_MAX];
};


/* The header of a record in a ring; 8-byte aligned, as records are. */

typedef struct {
    uint32_t             kind;
    uint32_t             len;
} qoe_frame_t;

#define QOE_FRAME_RECORD       0x43455251
#define QOE_FRAME_VIEW         0x57454956
#define QOE_FRAME_REQUEST      0x55514552
#define QOE_FRAME_PAD          0x44415051    /* fills the rest of the ring */

/* The part (1 / n) of a ring that events leave to records of views. */
#define QOE_RING_RESERVE       32

/* Requests are put while less than this part (1 / n) of a ring is in use. */
#define QOE_RING_REQUESTS      2


static inline qoe_kind_t
qoe_dest_kind(const qoe_dest_t *d)
{
    uint64_t  kind;

    kind = qoe_peek(&d->kind);

    return kind < QOE_KINDS ? (qoe_kind_t) kind : QOE_KIND_EVENT;
}


/* Must events be in its spool before they can be acknowledged? */

static inline bool
qoe_dest_stores_events(const qoe_dest_t *d)
{
    return qoe_acquire(&d->flags) == (QOE_DEST_WANTED | QOE_DEST_HAS_SPOOL)
           && qoe_dest_kind(d) == QOE_KIND_EVENT;
}


static inline qoe_lane_t *
qoe_zone_lane(const qoe_zone_t *zone, uint32_t lane)
{
    return (qoe_lane_t *) ((char *) zone + zone->lanes_offset) + lane;
}


static inline qoe_lane_dest_t *
qoe_zone_lane_dest(const qoe_zone_t *zone, uint32_t lane, uint32_t dest)
{
    return &qoe_zone_lane(zone, lane)->dest[dest];
}


static inline qoe_dest_t *
qoe_zone_dest(const qoe_zone_t *zone, uint32_t dest)
{
    return (qoe_dest_t *) &zone->dest[dest];
}


static inline char *
qoe_zone_ring(const qoe_zone_t *zone, uint32_t lane)
{
    return (char *) zone + zone->rings_offset + zone->ring_size * lane;
}


static inline char *
qoe_zone_tap(const qoe_zone_t *zone, uint32_t lane)
{
    return (char *) zone + zone->taps_offset + zone->tap_size * lane;
}


static inline void
qoe_mark_get(const qoe_mark_t *m, uint64_t *pos, qoe_counts_t *records)
{
    int       i;
    uint64_t  version;

    do {
        version = qoe_acquire(&m->version);
        *pos = qoe_peek(&m->slot[version & 1].pos);

        for (i = 0; i < QOE_KINDS; i++) {
            records->n[i] = qoe_peek(&m->slot[version & 1].records.n[i]);
        }

        /* if the version has changed, a writer may have been in this slot */
        __atomic_thread_fence(__ATOMIC_ACQUIRE);

    } while (qoe_peek(&m->version) != version);
}


static inline uint64_t
qoe_mark_pos(const qoe_mark_t *m)
{
    uint64_t      pos;
    qoe_counts_t  records;

    qoe_mark_get(m, &pos, &records);

    return pos;
}


/* Sets the mark to pos, with that many records before it. */

static inline void
qoe_mark_set(qoe_mark_t *m, uint64_t pos, qoe_counts_t records)
{
    int       i;
    uint64_t  version;

    version = m->version + 1;

    /*
     * readers that still see the old version must not see the following stores
     */
    __atomic_thread_fence(__ATOMIC_RELEASE);

    qoe_poke(&m->slot[version & 1].pos, pos);

    for (i = 0; i < QOE_KINDS; i++) {
        qoe_poke(&m->slot[version & 1].records.n[i], records.n[i]);
    }

    /* sequentially consistent with the wake position, see qoe_put_publish() */
    __atomic_store_n(&m->version, version, __ATOMIC_SEQ_CST);
}


/* Moves the mark to pos, n records further on. */

static inline void
qoe_mark_move(qoe_mark_t *m, uint64_t pos, qoe_counts_t n)
{
    qoe_mark_set(m, pos, qoe_counts_add(m->slot[m->version & 1].records, n));
}


/* The bytes that events may fill. */

static inline uint64_t
qoe_ring_events(const qoe_zone_t *zone)
{
    return zone->ring_size - (zone->ring_size / QOE_RING_RESERVE
                              & ~(sizeof(uint64_t) - 1));
}


static inline size_t
qoe_frame_size(size_t len)
{
    return sizeof(qoe_frame_t) + qoe_align(len, sizeof(uint64_t));
}


/* Functions of qoe_dest_lane.c for this room. */

/* Reads the membership and returns its version.  Any thread. */
uint64_t qoe_member_get(const qoe_lane_dest_t *ld, qoe_member_t *member);

/* Is the exporter with slot d in the lane?  Any thread. */
bool qoe_member_in(const qoe_dest_t *d, const qoe_lane_dest_t *ld);

/* The position up to which the exporter has stored or released records. */
void qoe_lane_dest_taken(const qoe_lane_dest_t *ld, uint64_t *pos,
    qoe_counts_t *records);

/*
 * The position before which all exporters of a kind (QOE_KINDS: all) have
 * released what they take, and the numbers of records before it; without an
 * exporter, the floor.  released may be NULL.  Any thread.
 */
uint64_t qoe_lane_released(const qoe_zone_t *zone, uint32_t lane,
    qoe_kind_t kind, qoe_counts_t *released);

/* The number of records of the kind before that position.  Any thread. */
uint64_t qoe_lane_consumed(const qoe_zone_t *zone, uint32_t lane,
    qoe_kind_t kind);

void qoe_lane_dest_health(const qoe_lane_dest_t *ld,
    qoe_lane_health_t *health);

/* Write and read a health under its seqlock; only one writer at a time. */
void qoe_health_write(qoe_lane_health_t *h, uint64_t *seq, uint64_t now_ms,
    const char *error, bool failing);
void qoe_health_read(const qoe_lane_health_t *h, const uint64_t *seq,
    qoe_lane_health_t *health);


#endif /* _QOE_ZONE_LAYOUT_H_INCLUDED_ */
