
/*
 * Copyright (C) OpenQoE
 *
 * The states of the sessions whose requests a lane has seen, in the zone: a
 * hash table with lists by last receipt.  The only writer is the helper thread
 * that holds the lane; any thread of any process reads without a lock.  Fixed
 * memory: a full table gives up another session, newcomers before sessions that
 * are known.
 *
 * A writer may be killed at any store: the next one calls
 * qoe_deliveries_rebuild() before anything else.
 */


#ifndef _QOE_DELIVERIES_H_INCLUDED_
#define _QOE_DELIVERIES_H_INCLUDED_


#include "qoe_delivery.h"


typedef struct qoe_deliveries_s  qoe_deliveries_t;


/*
 * Creates an empty table in size bytes, at least 512, zero-filled and aligned
 * to 64 bytes.  There may be too few of them for a single state.
 */
void qoe_deliveries_create(qoe_deliveries_t *t, size_t size);


/* Functions for the writer. */

/* The state with that key, or NULL. */
qoe_delivery_t *qoe_deliveries_find(qoe_deliveries_t *t,
    const uint64_t key[2]);

/*
 * Adds a state that is not in the table; NULL if the table is full.  Then end
 * and remove the victim, and add again.
 */
qoe_delivery_t *qoe_deliveries_add(qoe_deliveries_t *t, const uint64_t key[2]);

/*
 * The state to give up for a new one: a newcomer while these are more than a
 * quarter of all, else what has been over for the longest time, else a
 * newcomer, else the one that has been silent longest.  It is marked: its end
 * makes no points of what only a silence shows.  NULL: the table is empty.
 */
qoe_delivery_t *qoe_deliveries_victim(qoe_deliveries_t *t);

/*
 * Between these two the writer changes a state; close also lists it by its
 * receipt, kind and silence, as of qoe_delivery_apply() and qoe_delivery_end().
 */
void qoe_deliveries_open(qoe_deliveries_t *t, qoe_delivery_t *d);
void qoe_deliveries_close(qoe_deliveries_t *t, qoe_delivery_t *d);

/*
 * A state whose silence is over at now_ms (Unix), for which qoe_delivery_end()
 * is due, or NULL; and the Unix time in ms at which the next one is due,
 * UINT64_MAX: none.
 */
qoe_delivery_t *qoe_deliveries_silent(qoe_deliveries_t *t, uint64_t now_ms);
uint64_t qoe_deliveries_due_ms(const qoe_deliveries_t *t);

/* Frees the slot of a state, whose blocks must have been released (0). */
void qoe_deliveries_remove(qoe_deliveries_t *t, qoe_delivery_t *d);

/* To be called by a new writer: computes every index from the slots. */
void qoe_deliveries_rebuild(qoe_deliveries_t *t);

/* Slot i, for the writer that iterates; its key is 0 in a free slot. */
qoe_delivery_t *qoe_deliveries_slot(qoe_deliveries_t *t, uint32_t i);


/* Functions for any thread of any process. */

typedef struct {
    uint32_t         count;              /* states, those that are over too */
    uint32_t         max;
    uint32_t         touched;            /* slots that were ever used */
    uint32_t         alive[QOE_CMCD_STS][QOE_CMCD_SFS];  /* by st and sf */
} qoe_deliveries_info_t;

void qoe_deliveries_info(const qoe_deliveries_t *t,
    qoe_deliveries_info_t *info);

/* Copies the state in slot i; false: there is none. */
bool qoe_deliveries_read(const qoe_deliveries_t *t, uint32_t i,
    qoe_delivery_t *copy);


#endif /* _QOE_DELIVERIES_H_INCLUDED_ */
