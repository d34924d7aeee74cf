
/*
 * Copyright (C) OpenQoE
 *
 * Destinations in the zone.  Each exporter of the configuration has a slot,
 * found again by its name after a reload, with counters and, in every lane, a
 * position of its own: a destination that is dead holds up nobody.  A lane's
 * space is free up to the slowest position, its floor.
 *
 * For each destination, at any moment (docs/delivery.md):
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
    X(DROPPED_LOST,      "spooled events whose segment was taken away or "    \
                         "replaced")                                          \
    X(RECOVERED,         "events found in the spool of another instance")     \
    X(SPOOLED,           "events written to the spool")                       \
    X(REPLAYED,          "of spooled ones, those sent later")                 \
    X(BATCHES_SENT,      "export requests that succeeded")                    \
    X(BATCHES_RETRIED,   "export attempts that will be repeated")             \
    X(BATCHES_FAILED,    "export requests refused for good")                  \
    X(BATCHES_QUARANTINED, "of them kept in the quarantine")                  \
    X(BATCHES_UNFINISHED, "of those that succeeded, such whose answer never " \
                         "ended")                                             \
    X(SEGMENTS_CREATED,  "segments begun")                                    \
    X(SEGMENTS_DAMAGED,  "segments with damage, kept in the quarantine")      \
    X(SPOOL_STRANGERS,   "entries of its directory that were no segments")    \
    X(QUARANTINE_BYTES,  "bytes that were given room in the quarantine")      \
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
 * it), or for a name longer than QOE_DEST_NAME; spooled[i]: has a spool.
 *
 * A slot is given to another name once no lane and no living process has to
 * do with it; one with segments of the old name last of all: their files
 * stay, the zone no longer knows of them.
 */
void qoe_dests_set(qoe_zone_t *zone, const qoe_span_t *names,
    const bool *spooled, size_t n, uint32_t *slots);

/*
 * The same for those that get metrics alone, before qoe_dests_set(), which
 * leaves their slots alone: no lane lets them in, only their health is there.
 */
void qoe_dests_set_metrics(qoe_zone_t *zone, const qoe_span_t *names,
    size_t n, uint32_t *slots);

/*
 * What became of an export of metrics, as qoe_lane_dest_report(); nothing for
 * a slot of another sort.  Any thread of any process.
 */
void qoe_dest_report(qoe_zone_t *zone, uint32_t dest, uint64_t now_ms,
    const char *error, bool failing);

/* Any thread of any process. */

bool qoe_dest_wanted(const qoe_zone_t *zone, uint32_t dest);

/* Its bytes, how many there are is returned; 0: the slot was never used. */
size_t qoe_dest_name(const qoe_zone_t *zone, uint32_t dest,
    char name[QOE_DEST_NAME]);


/* One of DROPPED_*: as qoe_zone_refused(), too. */
void qoe_dest_count(qoe_zone_t *zone, uint32_t dest, qoe_dest_counter_t c,
    uint64_t n);
uint64_t qoe_dest_counter(const qoe_zone_t *zone, uint32_t dest,
    qoe_dest_counter_t c);

/*
 * Counts the n events of an adopted segment: once, also if who did it is
 * killed before it could note that, and the next one does it again.
 */
void qoe_dest_recovered(qoe_zone_t *zone, uint32_t dest, uint64_t id,
    uint64_t n);

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

/*
 * One look at all: the identity holds, with exported as what is left.  What
 * moves meanwhile is seen where it was or twice, never nowhere: exported may
 * be too small by what is in flight, never too large.
 */
void qoe_dest_info(const qoe_zone_t *zone, uint32_t dest,
    qoe_dest_info_t *info);


/* The lane's owner, and it alone. */

/*
 * After the lane was taken, before anything of it is read: lets every wanted
 * destination in (at the floor; one that comes back not before what it had
 * released), gives up what is queued for those that went away
 * (DROPPED_REMOVED, counted by this; returns how many events), and takes over
 * what the last owner had in the spool.  Who waits for the lane is among the
 * next qoe_lane_waiters(), for the last owner may have died waking them.
 */
uint64_t qoe_lane_dests(qoe_zone_t *zone, uint32_t lane);

/*
 * Was dest let in?  Records are kept for those alone: nothing may be read for
 * another, also if the owner's own configuration has it.
 */
bool qoe_lane_dest_in(const qoe_zone_t *zone, uint32_t lane, uint32_t dest);

/* Where the first record begins that was not released for dest. */
uint64_t qoe_lane_dest_head(const qoe_zone_t *zone, uint32_t lane,
    uint32_t dest);

/*
 * How many records lie between there and the tail, which *tail is set to, all
 * in one look: what a lane holds that is damaged is given up with it.
 */
uint64_t qoe_lane_dest_queued(const qoe_zone_t *zone, uint32_t lane,
    uint32_t dest, uint64_t *tail);

/*
 * Frees the space before pos, n records, as far as dest is concerned.
 * durable: the destination has taken them, or they were given up and counted;
 * not durable: they are in the spool and perhaps not synced yet.
 */
void qoe_lane_dest_release(qoe_zone_t *zone, uint32_t lane, uint32_t dest,
    uint64_t pos, uint64_t n, bool durable);

/*
 * Frees the space before pos of a lane that no destination is in; nothing if
 * one is.
 */
void qoe_lane_free(qoe_zone_t *zone, uint32_t lane, uint64_t pos);

/*
 * The n records up to pos behind what was stored or released before are in
 * dest's spool although they are not released: if the owner goes or dies, the
 * spool has them, and they are not read again.
 */
void qoe_lane_dest_stored(qoe_zone_t *zone, uint32_t lane, uint32_t dest,
    uint64_t pos, uint64_t n);

/*
 * Behind it records are given up, and counted: nobody who waits for one that
 * is queued now is told that dest has it, not even where another one's were
 * given up, for a request knows only where its last record ends.
 */
void qoe_lane_dest_unkept(qoe_zone_t *zone, uint32_t lane, uint32_t dest);

/* All that is stored, also what a former owner has stored, is durable. */
void qoe_lane_dest_synced(qoe_zone_t *zone, uint32_t lane, uint32_t dest);

/*
 * Is something stored or released that was not synced?  Behind
 * qoe_lane_dests(): the last owner left it so, and a dead one's segments are
 * for the caller to sync.
 */
bool qoe_lane_dest_unsynced(const qoe_zone_t *zone, uint32_t lane,
    uint32_t dest);

/*
 * What became of an export.  error is NULL for a success; failing: the error
 * is one more of a series of failures, anything else ends it.  now_ms: Unix.
 */
void qoe_lane_dest_report(qoe_zone_t *zone, uint32_t lane, uint32_t dest,
    uint64_t now_ms, const char *error, bool failing);


/*
 * Acknowledgement.  A request whose location has openqoe_ack spool or fsync
 * waits until each lane that took of it is stored (or released) up to where
 * it was put, for every wanted destination with a spool.
 */

/*
 * The event loop, behind qoe_zone_put().  A destination that the lane's owner
 * has not let in yet is waited for; if none has a spool (a reload took it
 * away), spool and fsync mean that every destination has released it.
 */
bool qoe_lane_acked(const qoe_zone_t *zone, uint32_t lane, uint64_t pos,
    qoe_ack_t ack);

/*
 * Asks to be woken through waiter slot w when more of the lane is stored.
 * Look at qoe_lane_acked() once more behind it, or a wake-up is missed.
 */
void qoe_lane_wait(qoe_zone_t *zone, uint32_t lane, uint32_t w);

/*
 * A slot of the process, of the first n, that have an eventfd; UINT32_MAX:
 * none is free.  Dead owners lose theirs.
 */
#define QOE_WAITERS_MAX        64
uint32_t qoe_waiter_take(qoe_zone_t *zone, qoe_proc_t self, uint32_t n);
void qoe_waiter_give(qoe_zone_t *zone, uint32_t w);

/*
 * So many requests of the slot's process wait now for that; the sum is over
 * all processes that live and have a slot, whoever was killed.
 */
typedef enum {
    QOE_WAIT_ROOM = 0,           /* in the queue */
    QOE_WAIT_ACK,                /* until their events are stored */
    QOE_WAITS
} qoe_wait_t;

void qoe_waiter_waiting(qoe_zone_t *zone, uint32_t w, qoe_wait_t what,
    uint64_t n);
uint64_t qoe_zone_waiting(const qoe_zone_t *zone, qoe_wait_t what);

/*
 * Up to where requests wait for that level, at least; 0 or an old position
 * when none does, never past the tail.  A request for fsync counts as one for
 * spool, too.  What was asked for while the lane was nobody's still is.
 */
uint64_t qoe_lane_asked(const qoe_zone_t *zone, uint32_t lane, qoe_ack_t ack);

/*
 * The lane's owner: the waiters (a bit a slot) that asked since the last time;
 * the caller wakes them.  After stored, synced or release.
 */
uint64_t qoe_lane_waiters(qoe_zone_t *zone, uint32_t lane);


#endif /* _QOE_DEST_H_INCLUDED_ */
