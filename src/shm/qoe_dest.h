
/*
 * Copyright (C) OpenQoE
 *
 * Destinations in the zone.  Each exporter of the configuration has a slot,
 * found again by its name after a reload, with counters and, in every lane, a
 * position of its own: a destination that is dead holds up nobody.  A lane's
 * space is free up to the slowest position, its floor.
 *
 * For each destination, at any moment (README, "What is never lost"):
 *
 *   accepted + recovered = exported + rejected + dropped + queued + spooled
 *
 * accepted - queued is the lanes' marks, spooled the table of segments, the
 * others counters, and exported what is left: it needs no counter that a kill
 * could tear from the release it belongs to.
 */


#ifndef _QOE_DEST_H_INCLUDED_
#define _QOE_DEST_H_INCLUDED_


#include "qoe_zone.h"


#define QOE_DESTS_MAX          8         /* slots: also of those going away */
#define QOE_DESTS_CONF         4         /* of a configuration */
#define QOE_DEST_NAME          32        /* bytes of a name */


#define QOE_DEST_COUNTERS(X)                                                  \
    X(REJECTED,          "events that the collector rejected in a partial "   \
                         "success")                                           \
    X(DROPPED_REFUSED,   "events of a batch refused for good")                \
    X(DROPPED_CORRUPT,   "events of records, queued or spooled, that could "  \
                         "not be read")                                       \
    X(DROPPED_SPOOL,     "events of the oldest segments, for room in the "    \
                         "spool")                                             \
    X(DROPPED_BEHIND,    "events given up while another destination was "     \
                         "ahead, for room in the queue")                      \
    X(DROPPED_REMOVED,   "events queued for an exporter that was removed")    \
    X(DROPPED_LOST,      "spooled events whose segment somebody took away")   \
    X(RECOVERED,         "events found in the spool of another instance")     \
    X(SPOOLED,           "events written to the spool")                       \
    X(REPLAYED,          "of spooled ones, those sent later")                 \
    X(BATCHES_SENT,      "export requests that succeeded")                    \
    X(BATCHES_RETRIED,   "export attempts that will be repeated")             \
    X(BATCHES_FAILED,    "export requests refused for good")                  \
    X(BATCHES_QUARANTINED, "of them kept in the quarantine")                  \
    X(SEGMENTS_CREATED,  "segments begun")                                    \
    X(SEGMENTS_DAMAGED,  "segments with damage, kept in the quarantine")      \
    X(SPOOL_SYNCS,       "fdatasync calls")                                   \
    X(SPOOL_ERRORS,      "failed I/O of the spool")

typedef enum {
#define QOE_DEST_COUNTER_ENUM(id, help)  QOE_DEST_##id,
    QOE_DEST_COUNTERS(QOE_DEST_COUNTER_ENUM)
#undef QOE_DEST_COUNTER_ENUM
    QOE_DEST_COUNTERS_N
} qoe_dest_counter_t;


/*
 * The master, when a configuration is in force: finds or makes the slots of
 * the n names, all others are going away.  slots[i] is UINT32_MAX where there
 * is none left (those going away hold them until the lanes' owners have seen
 * it); spooled[i]: has a spool.
 */
void qoe_dests_set(qoe_zone_t *zone, const qoe_span_t *names,
    const bool *spooled, size_t n, uint32_t *slots);

/* Any thread of any process. */

bool qoe_dest_wanted(const qoe_zone_t *zone, uint32_t dest);
void qoe_dest_count(qoe_zone_t *zone, uint32_t dest, qoe_dest_counter_t c,
    uint64_t n);
uint64_t qoe_dest_counter(const qoe_zone_t *zone, uint32_t dest,
    qoe_dest_counter_t c);

typedef struct {
    uint64_t           accepted;         /* since it is there */
    uint64_t           recovered;
    uint64_t           exported;
    uint64_t           rejected;
    uint64_t           dropped;          /* for whatever reason */
    uint64_t           queued;
    uint64_t           spooled;          /* in the spool now */
    qoe_lane_health_t  health;           /* of the worst and the latest lane */
} qoe_dest_info_t;

void qoe_dest_info(const qoe_zone_t *zone, uint32_t dest,
    qoe_dest_info_t *info);


/* The lane's owner, and it alone. */

/*
 * After the lane was taken: lets every wanted destination in (at the floor),
 * gives up what is queued for those that went away (DROPPED_REMOVED; returns
 * how many events), and takes over what the last owner had in the spool.
 */
uint64_t qoe_lane_dests(qoe_zone_t *zone, uint32_t lane);

/* Where the first record begins that was not released for dest. */
uint64_t qoe_lane_dest_head(const qoe_zone_t *zone, uint32_t lane,
    uint32_t dest);

/* Frees the space before pos, n records, as far as dest is concerned. */
void qoe_lane_dest_release(qoe_zone_t *zone, uint32_t lane, uint32_t dest,
    uint64_t pos, uint64_t n);

/*
 * The n records behind the last position, up to pos, are in dest's spool
 * although they are not released: if the owner goes or dies, the spool has
 * them, and they are not read again.
 */
void qoe_lane_dest_stored(qoe_zone_t *zone, uint32_t lane, uint32_t dest,
    uint64_t pos, uint64_t n);

/* All that is stored is durable. */
void qoe_lane_dest_synced(qoe_zone_t *zone, uint32_t lane, uint32_t dest);

/* As qoe_lane_report() was: what became of an export. */
void qoe_lane_dest_report(qoe_zone_t *zone, uint32_t lane, uint32_t dest,
    uint64_t now_ms, const char *error, bool failing);


/*
 * Acknowledgement.  A request whose location has openqoe_ack spool or fsync
 * waits until each lane that took of it is stored (or released) up to where
 * it was put, for every wanted destination with a spool.
 */

typedef enum {
    QOE_ACK_MEMORY = 0,
    QOE_ACK_SPOOL,
    QOE_ACK_FSYNC
} qoe_ack_t;

/* The event loop, behind qoe_zone_put(). */
bool qoe_lane_acked(const qoe_zone_t *zone, uint32_t lane, uint64_t pos,
    qoe_ack_t ack);

/*
 * Asks to be woken through waiter slot w when more of the lane is stored.
 * Look at qoe_lane_acked() once more behind it, or a wake-up is missed.
 */
void qoe_lane_wait(qoe_zone_t *zone, uint32_t lane, uint32_t w);

/* A slot of the process, UINT32_MAX: none is free.  Dead owners lose theirs. */
#define QOE_WAITERS_MAX        64
uint32_t qoe_waiter_take(qoe_zone_t *zone, qoe_proc_t self);
void qoe_waiter_give(qoe_zone_t *zone, uint32_t w);

/*
 * The lane's owner.  Up to where requests wait for that level, at least;
 * 0 or an old position when none does.
 */
uint64_t qoe_lane_asked(const qoe_zone_t *zone, uint32_t lane, qoe_ack_t ack);

/*
 * The waiters (a bit a slot) that asked since the last time; the caller wakes
 * them.  After stored, synced or release.
 */
uint64_t qoe_lane_waiters(qoe_zone_t *zone, uint32_t lane);


#endif /* _QOE_DEST_H_INCLUDED_ */
