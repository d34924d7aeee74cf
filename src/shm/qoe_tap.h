
/*
 * Copyright (C) OpenQoE
 *
 * The tap of a lane: a small ring beside the lane's own, for what the edge's
 * own requests say (CMCD and delivery).  It is apart from the queue of events,
 * so that a flood of requests takes no room from events, and a collector that
 * is away does not stop the metrics of requests.
 *
 * Producers are event loops, under a lock of the tap; the consumer is the
 * holder of the lane.  What finds no room is dropped, which the producer
 * counts: a request is never delayed.  A record is copied beyond the tail, and
 * the tail is moved last, so a producer that is killed has put nothing.  A
 * consumer that is killed has taken the record that it had in hand, so that a
 * record that kills one consumer does not kill the next.
 */


#ifndef _QOE_TAP_H_INCLUDED_
#define _QOE_TAP_H_INCLUDED_


#include "qoe_zone.h"


#define QOE_TAP_RECORD_MAX  (16 * 1024)


/*
 * Puts the n parts as one record, which begins at an address of 8 bytes'
 * alignment.  Sets *wake if the consumer must be woken by its eventfd.
 *
 * QOE_OK; QOE_FULL; QOE_BUSY if the lock could not be taken within 2 ms;
 * QOE_TOO_LARGE.  The lock of a dead process is taken over and counted.
 */
qoe_status_t qoe_tap_put(qoe_zone_t *zone, qoe_proc_t self, uint32_t slot,
    uint32_t lane, const qoe_span_t *part, size_t n, bool *wake);


/* For the holder of the lane alone. */

/*
 * To be called first by a new holder: the position of the first record that no
 * holder before has had in hand.
 */
uint64_t qoe_tap_start(qoe_zone_t *zone, uint32_t lane);

/*
 * Returns the record at *pos, in place, and moves *pos after it; the record is
 * noted as in hand.  Its bytes remain until qoe_tap_release().  QOE_DONE: there
 * is none.  QOE_INVALID: the tap is damaged there, and *pos is the tail.
 */
qoe_status_t qoe_tap_next(qoe_zone_t *zone, uint32_t lane, uint64_t *pos,
    qoe_span_t *record);

/* Frees the room of the records before pos. */
void qoe_tap_release(qoe_zone_t *zone, uint32_t lane, uint64_t pos);

/*
 * Asks producers to wake the consumer when the tail passes pos; QOE_LANE_AWAKE:
 * not to wake it.  Returns true if the tail is past pos already.
 */
bool qoe_tap_arm(qoe_zone_t *zone, uint32_t lane, uint64_t pos);

/* The bytes of the tap; any thread. */
uint64_t qoe_tap_size(const qoe_zone_t *zone);

/* The bytes that wait; any thread. */
uint64_t qoe_tap_used(const qoe_zone_t *zone, uint32_t lane);


#endif /* _QOE_TAP_H_INCLUDED_ */
