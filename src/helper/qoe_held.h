
/*
 * Copyright (C) OpenQoE
 *
 * A lane that a helper holds: an intake, which reads ahead, and a feed for
 * each stream of an exporter, which follow.  The feeds belong to the lane,
 * because they live as long as its lease, and because all of them are asked
 * what the lane waits for, and whether one of them lags.  The exporter
 * has what outlives a lease (qoe_feed_env_t).  Private to src/helper; helper
 * thread only.
 */


#ifndef _QOE_HELD_H_INCLUDED_
#define _QOE_HELD_H_INCLUDED_


#include "qoe_feed.h"
#include "qoe_intake.h"


typedef struct {
    qoe_zone_t      *zone;
    uint32_t         lane;
    uint64_t         size;               /* of the ring, in bytes */
    uint64_t         asked;              /* the last question is answered */
    bool             more;               /* more to take in */
    qoe_intake_t    *intake;
    qoe_feed_t      *feed[QOE_FEEDS_MAX];    /* NULL: gets no records */
    qoe_spool_t     *spool[QOE_FEEDS_MAX];   /* NULL: none */
    size_t           nfeeds;
} qoe_held_t;


/*
 * For a lane that has just been taken; adopted: its last owner died.  env has
 * an entry for each of the n streams, NULL for those that get none.  NULL: no
 * memory.
 */
qoe_held_t *qoe_held_create(qoe_intake_env_t *intake,
    qoe_feed_env_t *const *env, size_t n, uint32_t lane, bool adopted);

/* See qoe_feed_destroy(). */
void qoe_held_destroy(qoe_held_t *held);

/* Takes in some of the new records, and makes batches. */
void qoe_held_run(qoe_held_t *held, uint64_t now_ms, bool flush);

/*
 * Asks to be woken when a record is put.  true: there is something to do
 * already, so do not sleep.
 */
bool qoe_held_arm(qoe_held_t *held);
void qoe_held_disarm(qoe_held_t *held);

/* The monotonic ms of the next step without a wake-up; UINT64_MAX: none. */
uint64_t qoe_held_due_ms(const qoe_held_t *held, uint64_t now_ms);

/* Whether this is true of any feed. */
bool qoe_held_sending(const qoe_held_t *held);
bool qoe_held_blocked(const qoe_held_t *held);
bool qoe_held_empty(const qoe_held_t *held);

/*
 * lags: feed i has more than half of the ring to do; behind: it has a quarter
 * of the ring more to do than another feed that must not wait for it.  Events
 * wait for no other exporter's events, and records of views hold up nothing.
 */
bool qoe_held_lags(const qoe_held_t *held, size_t i);
bool qoe_held_behind(const qoe_held_t *held, size_t i);

/* The waiters to wake, since something was stored, a bit for each slot. */
uint64_t qoe_held_waiters(qoe_held_t *held);


#endif /* _QOE_HELD_H_INCLUDED_ */
