
/*
 * Copyright (C) OpenQoE
 *
 * Exporters in the zone ("dest", for destination, in identifiers).  Each
 * exporter of the configuration has a slot, which is found again by its name
 * after a reload, with counters, and a position of its own in every lane, so
 * that an exporter that fails delays no other.  The space of a lane is free up
 * to the lowest of these positions, its floor.
 *
 * A slot takes records of one kind: an exporter that gets events and records
 * of views has two slots.  "Events" below are the records of its kind.
 *
 * For each exporter, at any moment (docs/delivery.md):
 *
 *   accepted + recovered = exported + rejected + dropped + queued + spooled
 *
 * accepted and queued follow from the marks of the lanes, spooled from the
 * sums of its segments, and the others are counters, except exported, which is
 * the remainder: a counter of it could differ from the release that it belongs
 * to if the process is killed between the two.
 */


#ifndef _QOE_DEST_H_INCLUDED_
#define _QOE_DEST_H_INCLUDED_


#include "qoe_zone.h"


#define QOE_DESTS_MAX          24        /* slots, also of removed exporters */
#define QOE_DESTS_CONF         4         /* exporters in a configuration */
#define QOE_DEST_NAME          40        /* bytes of a name */


/*
 * Called by the master when a configuration comes into force: finds or assigns
 * the slots of the n names; the exporters in all other slots are being removed.
 * kinds[i] is what the exporter takes, always the same for a name (kinds NULL:
 * all take events); spooled[i]: the exporter has a spool.  slots[i] becomes
 * UINT32_MAX if there is no free slot (a removed exporter keeps its slot until
 * the owners of the lanes have seen it go), or if a name is longer than
 * QOE_DEST_NAME.
 *
 * A slot gets another name only when no lane and no living process uses it.
 * Slots that still have segments are taken last: the files remain, but the zone
 * no longer knows them.
 */
void qoe_dests_set(qoe_zone_t *zone, const qoe_span_t *names,
    const qoe_kind_t *kinds, const bool *spooled, size_t n, uint32_t *slots);

/*
 * The same for exporters that get only metrics, to be called before
 * qoe_dests_set(), which does not touch their slots.  They take part in no
 * lane; their slots only hold their health.
 */
void qoe_dests_set_metrics(qoe_zone_t *zone, const qoe_span_t *names,
    size_t n, uint32_t *slots);

/*
 * Reports the result of an export of metrics, like qoe_lane_dest_report();
 * ignored for other slots.  Any thread of any process.
 */
void qoe_dest_report(qoe_zone_t *zone, uint32_t dest, uint64_t now_ms,
    const char *error, bool failing);

/*
 * Is the exporter in the current configuration, and does it get events?  Any
 * thread of any process.
 */

bool qoe_dest_wanted(const qoe_zone_t *zone, uint32_t dest);

/* Does the exporter have a spool?  Any thread of any process. */
bool qoe_dest_spooled(const qoe_zone_t *zone, uint32_t dest);

/* Copies the name and returns its length; 0: the slot was never used. */
size_t qoe_dest_name(const qoe_zone_t *zone, uint32_t dest,
    char name[QOE_DEST_NAME]);


/*
 * Adds n to a counter.  For DROPPED_* it also does what qoe_zone_refused()
 * does.
 */
void qoe_dest_count(qoe_zone_t *zone, uint32_t dest, qoe_dest_counter_t c,
    uint64_t n);

/*
 * The value of a counter; RECOVERED and DROPPED_REMOVED include what adoptions
 * and memberships record.
 */
uint64_t qoe_dest_counter(const qoe_zone_t *zone, uint32_t dest,
    qoe_dest_counter_t c);

/*
 * Counts the n events of an adopted segment.  For the owner of lane 0 alone.  A
 * repeated call with the same id is ignored, so that who takes the lane from an
 * owner killed during the adoption can call it again.
 */
void qoe_dest_recovered(qoe_zone_t *zone, uint32_t dest, uint64_t id,
    uint64_t n);

typedef struct {
    uint64_t           accepted;         /* since the exporter has its slot */
    uint64_t           recovered;
    uint64_t           exported;
    uint64_t           rejected;
    uint64_t           dropped;          /* for any reason */
    uint64_t           queued;
    uint64_t           spooled;          /* waiting in the spool */
    uint64_t           counter[QOE_DEST_COUNTERS_N];
    qoe_lane_health_t  health;           /* the worst and latest of all lanes */
} qoe_dest_info_t;

/* The states of events, as the stats and openqoe.delivery.events name them. */

#define QOE_DEST_STATES(X)                                                    \
    X(ACCEPTED,  accepted)                                                    \
    X(RECOVERED, recovered)                                                   \
    X(EXPORTED,  exported)                                                    \
    X(REJECTED,  rejected)                                                    \
    X(DROPPED,   dropped)                                                     \
    X(QUEUED,    queued)                                                      \
    X(SPOOLED,   spooled)

typedef enum {
#define QOE_DEST_STATE_ENUM(id, name)  QOE_DEST_STATE_##id,
    QOE_DEST_STATES(QOE_DEST_STATE_ENUM)
#undef QOE_DEST_STATE_ENUM
    QOE_DEST_STATES_N
} qoe_dest_state_t;

const char *qoe_dest_state_name(qoe_dest_state_t state);
uint64_t qoe_dest_state(const qoe_dest_info_t *info, qoe_dest_state_t state);

/*
 * Reads all numbers at once: the identity above holds, with exported as the
 * remainder.  An event that moves meanwhile may be counted in two places, so
 * exported may be too small by the events that are moving, but never too large.
 */
void qoe_dest_info(const qoe_zone_t *zone, uint32_t dest,
    qoe_dest_info_t *info);


/* The following functions are for the owner of the lane only. */

/*
 * To be called after the lane was taken, before it is read.  Lets every
 * exporter of the configuration in, at the floor, but not before a position
 * that it has released already; gives up what is queued for removed exporters
 * (counts it as DROPPED_REMOVED, and returns the number of events); and
 * releases what the previous owner had stored in the spool.  All waiting
 * processes are among the next qoe_lane_waiters(), because the previous owner
 * may have died before it woke them.
 */
uint64_t qoe_lane_dests(qoe_zone_t *zone, uint32_t lane);

/*
 * Is the exporter in the lane?  Records are only kept for such exporters, so
 * nothing may be read for another one, even if the owner's own, older
 * configuration has it.
 */
bool qoe_lane_dest_in(const qoe_zone_t *zone, uint32_t lane, uint32_t dest);

/* The position of the first record that the exporter has not released. */
uint64_t qoe_lane_dest_head(const qoe_zone_t *zone, uint32_t lane,
    uint32_t dest);

/*
 * The numbers of records between that position and the tail, and the tail
 * itself, read together: if the lane is damaged, these records are given up.
 */
qoe_counts_t qoe_lane_dest_queued(const qoe_zone_t *zone, uint32_t lane,
    uint32_t dest, uint64_t *tail);

/*
 * Frees the space before pos, n records of all kinds, for this exporter.
 * durable: the receiver has accepted them, or they were given up and counted.
 * Otherwise they are in the spool, but perhaps not synced yet.
 */
void qoe_lane_dest_release(qoe_zone_t *zone, uint32_t lane, uint32_t dest,
    uint64_t pos, qoe_counts_t n, bool durable);

/*
 * Frees the space before pos of a lane that no exporter is in; does nothing if
 * there is an exporter.
 */
void qoe_lane_free(qoe_zone_t *zone, uint32_t lane, uint64_t pos);

/*
 * The n records up to pos, after those stored or released before, are now in
 * the exporter's spool, though not released: if the owner leaves or dies, they
 * are not read again.
 */
void qoe_lane_dest_stored(qoe_zone_t *zone, uint32_t lane, uint32_t dest,
    uint64_t pos, qoe_counts_t n);

/*
 * To be called before records are given up and counted: from now on no request
 * that waits for records queued by now gets an acknowledgement.  That includes
 * records that were stored, because a request only knows where its last record
 * ends.
 */
void qoe_lane_dest_unkept(qoe_zone_t *zone, uint32_t lane, uint32_t dest);

/* Everything stored so far, also by earlier owners, is durable now. */
void qoe_lane_dest_synced(qoe_zone_t *zone, uint32_t lane, uint32_t dest);

/*
 * Is anything stored or released, but not synced?  Right after qoe_lane_dests()
 * this means that the previous owner left it so, and the caller must sync the
 * segments of that owner.
 */
bool qoe_lane_dest_unsynced(const qoe_zone_t *zone, uint32_t lane,
    uint32_t dest);

/*
 * Reports the result of an export.  error is NULL for a success.  failing: the
 * error continues a series of failures; any other result ends the series.
 * now_ms is Unix time.
 */
void qoe_lane_dest_report(qoe_zone_t *zone, uint32_t lane, uint32_t dest,
    uint64_t now_ms, const char *error, bool failing);


/*
 * Acknowledgement.  A request whose location has openqoe_ack spool or fsync
 * waits until each lane that took its records is stored (or released) up to its
 * last record there, for every exporter that has a spool.
 */

/*
 * For the event loop, after qoe_zone_put(): are the records before pos stored?
 * Waits for exporters that the lane's owner has not let in yet.  If no exporter
 * has a spool (a reload removed it), spool and fsync mean that every exporter
 * has released the records.
 */
bool qoe_lane_acked(const qoe_zone_t *zone, uint32_t lane, uint64_t pos,
    qoe_ack_t ack);

/*
 * Asks to be woken through waiter slot w when more of the lane is stored.  Call
 * qoe_lane_acked() again after this, or a wake-up may be missed.
 */
void qoe_lane_wait(qoe_zone_t *zone, uint32_t lane, uint32_t w);

/*
 * Takes one of the first n slots, which have an eventfd, for the process.
 * Slots of dead processes are taken, too.  UINT32_MAX if there is none.
 */
#define QOE_WAITERS_MAX        64
uint32_t qoe_waiter_take(qoe_zone_t *zone, qoe_proc_t self, uint32_t n);
/* Gives the slot back. */
void qoe_waiter_give(qoe_zone_t *zone, uint32_t w);

/*
 * Sets how many requests of the slot's process wait now; qoe_zone_waiting() is
 * the sum over the slots of living processes, so a killed process does not
 * distort it.
 */
typedef enum {
    QOE_WAIT_ROOM = 0,           /* for room in the queue */
    QOE_WAIT_ACK,                /* for their events to be stored */
    QOE_WAITS
} qoe_wait_t;

void qoe_waiter_waiting(qoe_zone_t *zone, uint32_t w, qoe_wait_t what,
    uint64_t n);
uint64_t qoe_zone_waiting(const qoe_zone_t *zone, qoe_wait_t what);

/*
 * The position up to which requests wait for that level; older or 0 if none
 * waits, and never past the tail.  A request for fsync counts as a request for
 * spool, too.  Requests made while the lane had no owner are included.
 */
uint64_t qoe_lane_asked(const qoe_zone_t *zone, uint32_t lane, qoe_ack_t ack);

/*
 * For the owner of the lane: takes the set of waiters (a bit a slot) that asked
 * since the last call, and must be woken by the caller.  To be called after
 * stored, synced or release.
 */
uint64_t qoe_lane_waiters(qoe_zone_t *zone, uint32_t lane);


#endif /* _QOE_DEST_H_INCLUDED_ */
