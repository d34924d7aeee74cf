
/*
 * Copyright (C) OpenQoE
 *
 * The bytes of the zone.  Private to src/shm.  Any change of meaning raises
 * QOE_ZONE_VERSION: a zone of another version is refused, never guessed at.
 *
 * Positions in a ring (head, tail) only grow; the offset of position p is
 * p % ring_size.  floor <= head of each destination <= tail, and
 * tail <= floor + ring_size.
 *
 * A position and the number of records up to it move together, whatever
 * moment their writer is killed at: what has been exported plus what waits is
 * what was accepted, always.
 */


#ifndef _QOE_ZONE_LAYOUT_H_INCLUDED_
#define _QOE_ZONE_LAYOUT_H_INCLUDED_


#include "qoe_dest.h"
#include "qoe_spool_table.h"


#define QOE_ZONE_MAGIC         0x315a456f51456e4fULL
#define QOE_ZONE_VERSION       9

#define QOE_CACHE_LINE         64
#define QOE_SLOTS              16            /* of counters */

#define qoe_cache_aligned      __attribute__((aligned(QOE_CACHE_LINE)))


typedef struct {
    uint64_t             value[QOE_COUNTERS_N];
} qoe_cache_aligned qoe_slot_t;


/*
 * Two words that change as one.  slot[version & 1] holds; the writer fills
 * the other one and then raises the version.  One writer at a time.
 */

typedef struct {
    uint64_t             version;
    struct {
        uint64_t         pos;
        uint64_t         records;            /* before pos, ever */
    } slot[2];
} qoe_mark_t;


/*
 * Is a destination in a lane, and since when; changes as one, as a mark does.
 * It is in while incarnation is that of its slot and active is set.
 */

typedef struct {
    uint64_t             incarnation;
    uint64_t             active;
    uint64_t             joined;             /* records that are not its own */
    uint64_t             left;               /* the tail's records then */
    uint64_t             removed;            /* given up when it left */
} qoe_member_t;


/* What a lane knows of a destination; its owner alone writes here. */

typedef struct {
    qoe_mark_t           head;
    qoe_mark_t           stored;             /* counts beyond the head only */
    uint64_t             synced;             /* all before it is durable */
    uint64_t             unkept;             /* see qoe_lane_dest_unkept() */

    uint64_t             member_version;
    qoe_member_t         member[2];

    /* a seqlock: odd while the owner writes */
    uint64_t             health_seq;
    qoe_lane_health_t    health;
} qoe_cache_aligned qoe_lane_dest_t;


typedef struct {
    /* written by producers, under the lock */
    uint64_t             lock;               /* qoe_proc_t, 0 when free */
    qoe_mark_t           tail;
    uint64_t             asked[2];           /* of spool, of fsync */

    /* written by the consumer */
    qoe_mark_t           floor qoe_cache_aligned;    /* of the heads */
    uint64_t             applied;            /* floor <= applied <= tail */
    uint64_t             hand;               /* end of the record in hand */

    uint64_t             wake qoe_cache_aligned;

    /* by event loops that wait for an acknowledgement, cleared by the owner */
    uint64_t             waiters qoe_cache_aligned;

    uint64_t             owner qoe_cache_aligned;    /* qoe_proc_t */
    uint64_t             lease_ms;
    uint64_t             lost;               /* events before it, at an exit */

    qoe_lane_dest_t      dest[QOE_DESTS_MAX];
} qoe_cache_aligned qoe_lane_t;


/* A slot of a destination. */

typedef struct {
    /* written by the master */
    uint64_t             incarnation;        /* 0: never used */
    uint64_t             flags;
    uint64_t             name_len;
    char                 name[QOE_DEST_NAME];

    uint64_t             backlog;            /* qoe_proc_t: who reads it */

    /* the spool: text under the lock and a seqlock */
    uint64_t             failed_ms;          /* monotonic, 0: it works */
    uint64_t             error_lock;         /* qoe_proc_t, 0 when free */
    uint64_t             error_seq;
    char                 error[256];

    /* RECOVERED, under the lock; pos is the last segment's id */
    uint64_t             recovered_lock;     /* qoe_proc_t, 0 when free */
    qoe_mark_t           recovered;

    /* of one that gets metrics alone: under the lock and a seqlock */
    uint64_t             health_lock;        /* qoe_proc_t, 0 when free */
    uint64_t             health_seq;
    qoe_lane_health_t    health;

    uint64_t             counter[QOE_DEST_COUNTERS_N] qoe_cache_aligned;
} qoe_cache_aligned qoe_dest_t;

#define QOE_DEST_WANTED        1
#define QOE_DEST_HAS_SPOOL     2             /* has a spool */
#define QOE_DEST_METRICS       4             /* gets no events */


struct qoe_zone_s {
    uint64_t             magic;
    uint32_t             version;
    uint32_t             lanes;
    uint64_t             size;
    uint64_t             ring_size;
    uint64_t             slots_offset;
    uint64_t             segments_offset;
    uint64_t             lanes_offset;
    uint64_t             rings_offset;
    uint64_t             state_size;         /* opaque here, a lane */
    uint64_t             state_offset;
    uint64_t             shared_size;        /* opaque here */
    uint64_t             shared_offset;

    uint8_t              instance_id[16];
    uint64_t             start_ns;
    qoe_hash_key_t       hash_key;

    uint64_t             generation qoe_cache_aligned;
    uint64_t             refused_ms;

    /* qoe_proc_t of who waits for acknowledgements, 0 when free */
    uint64_t             waiter[QOE_WAITERS_MAX] qoe_cache_aligned;

    /* how many of its requests wait now; its process alone writes here */
    uint64_t             waiting[QOE_WAITERS_MAX][QOE_WAITS];

    qoe_dest_t           dest[QOE_DESTS_MAX];
};


/* What stands before the bytes of a record; 8-byte aligned, as records are. */

typedef struct {
    uint32_t             kind;
    uint32_t             len;
} qoe_frame_t;

#define QOE_FRAME_RECORD       0x43455251
#define QOE_FRAME_PAD          0x44415051    /* nothing up to the ring's end */


#define qoe_load(p)            __atomic_load_n(p, __ATOMIC_ACQUIRE)
#define qoe_store(p, v)        __atomic_store_n(p, v, __ATOMIC_RELEASE)


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


static inline void
qoe_mark_get(const qoe_mark_t *m, uint64_t *pos, uint64_t *records)
{
    uint64_t  version;

    do {
        version = qoe_load(&m->version);
        *pos = __atomic_load_n(&m->slot[version & 1].pos, __ATOMIC_RELAXED);
        *records = __atomic_load_n(&m->slot[version & 1].records,
                                   __ATOMIC_RELAXED);

        /* one version on, a writer may be in this slot */
        __atomic_thread_fence(__ATOMIC_ACQUIRE);

    } while (__atomic_load_n(&m->version, __ATOMIC_RELAXED) != version);
}


static inline uint64_t
qoe_mark_pos(const qoe_mark_t *m)
{
    uint64_t  pos, records;

    qoe_mark_get(m, &pos, &records);

    return pos;
}


/* Sets the mark to pos, before which were so many records. */

static inline void
qoe_mark_set(qoe_mark_t *m, uint64_t pos, uint64_t records)
{
    uint64_t  version;

    version = m->version + 1;

    /* readers of the version before this one must not see what follows */
    __atomic_thread_fence(__ATOMIC_RELEASE);

    __atomic_store_n(&m->slot[version & 1].pos, pos, __ATOMIC_RELAXED);
    __atomic_store_n(&m->slot[version & 1].records, records,
                     __ATOMIC_RELAXED);

    /* in one order with the wake position, see qoe_put_publish() */
    __atomic_store_n(&m->version, version, __ATOMIC_SEQ_CST);
}


/* Moves it to pos, n records further on. */

static inline void
qoe_mark_move(qoe_mark_t *m, uint64_t pos, uint64_t n)
{
    qoe_mark_set(m, pos, m->slot[m->version & 1].records + n);
}


static inline size_t
qoe_frame_size(size_t len)
{
    return sizeof(qoe_frame_t) + qoe_align(len, sizeof(uint64_t));
}


/* qoe_dest_lane.c, for this room. */

/* Returns the version that it read; any thread. */
uint64_t qoe_member_get(const qoe_lane_dest_t *ld, qoe_member_t *member);

/* Is dest, whose slot is d, in that lane?  Any thread. */
bool qoe_member_in(const qoe_dest_t *d, const qoe_lane_dest_t *ld);

/* Up to where dest has it, in the spool or released. */
void qoe_lane_dest_taken(const qoe_lane_dest_t *ld, uint64_t *pos,
    uint64_t *records);

void qoe_lane_dest_health(const qoe_lane_dest_t *ld,
    qoe_lane_health_t *health);

/* The same for any health with its seqlock; one writer at a time. */
void qoe_health_write(qoe_lane_health_t *h, uint64_t *seq, uint64_t now_ms,
    const char *error, bool failing);
void qoe_health_read(const qoe_lane_health_t *h, const uint64_t *seq,
    qoe_lane_health_t *health);


#endif /* _QOE_ZONE_LAYOUT_H_INCLUDED_ */
