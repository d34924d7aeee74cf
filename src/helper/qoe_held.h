
/*
 * Copyright (C) OpenQoE
 *
 * A lane that a helper holds: one intake, which goes ahead, and behind it a
 * feed for each destination of events.  Private to src/helper; helper thread
 * only.
 */


#ifndef _QOE_HELD_H_INCLUDED_
#define _QOE_HELD_H_INCLUDED_


#include "qoe_feed.h"
#include "qoe_intake.h"


typedef struct {
    qoe_zone_t      *zone;
    uint32_t         lane;
    uint64_t         size;               /* of the ring, in bytes */
    uint64_t         asked;              /* served as far as can be */
    bool             more;               /* to take in */
    qoe_intake_t    *intake;
    qoe_feed_t      *feed[QOE_DESTS_CONF];   /* NULL: not for events */
    size_t           nfeeds;
} qoe_held_t;


/*
 * Of a lane that has just been taken; adopted: its last owner died.  env: of
 * each of the n exporters, NULL where it has no logs.  NULL: no memory.
 */
qoe_held_t *qoe_held_create(qoe_intake_env_t *intake,
    qoe_feed_env_t *const *env, size_t n, uint32_t lane, bool adopted);

/* As qoe_feed_destroy(). */
void qoe_held_destroy(qoe_held_t *held);

/* Takes in some of what is new and makes batches. */
void qoe_held_run(qoe_held_t *held, uint64_t now_ms, bool flush);

/*
 * Asks to be woken by what is put.  True: there is something to do already,
 * do not sleep.
 */
bool qoe_held_arm(qoe_held_t *held);
void qoe_held_disarm(qoe_held_t *held);

/* Monotonic ms of what is due and nobody wakes for; UINT64_MAX: nothing. */
uint64_t qoe_held_due_ms(const qoe_held_t *held, uint64_t now_ms);

/* Of any feed. */
bool qoe_held_sending(const qoe_held_t *held);
bool qoe_held_blocked(const qoe_held_t *held);
bool qoe_held_empty(const qoe_held_t *held);

/* Is feed i more than half the ring behind, or another so far ahead of it? */
bool qoe_held_lags(const qoe_held_t *held, size_t i);
bool qoe_held_behind(const qoe_held_t *held, size_t i);

/* The waiters (a bit a slot) to be woken, for something was stored. */
uint64_t qoe_held_waiters(qoe_held_t *held);


#endif /* _QOE_HELD_H_INCLUDED_ */
