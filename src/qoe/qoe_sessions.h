
/*
 * Copyright (C) OpenQoE
 *
 * The sessions of one lane, in the zone: a hash table of qoe_view_t with two
 * lists by last receipt, of visible and of hidden views.  One writer: the
 * helper thread that holds the lane.  Fixed memory.
 *
 * A writer may be killed at any store: the next one calls
 * qoe_sessions_rebuild() before anything else.
 */


#ifndef _QOE_SESSIONS_H_INCLUDED_
#define _QOE_SESSIONS_H_INCLUDED_


#include "qoe_view.h"


typedef struct qoe_sessions_s  qoe_sessions_t;

typedef enum {
    QOE_SESSIONS_VISIBLE = 0,
    QOE_SESSIONS_HIDDEN,
    QOE_SESSIONS_LISTS
} qoe_sessions_list_t;


/* Makes an empty table in size bytes, zero-filled, 64-byte aligned. */
void qoe_sessions_create(qoe_sessions_t *s, size_t size);


/* The writer. */

qoe_view_t *qoe_sessions_find(qoe_sessions_t *s, const uint64_t session[2]);

/* A cleared slot for a session that is not there; NULL: the table is full. */
qoe_view_t *qoe_sessions_add(qoe_sessions_t *s, const uint64_t session[2]);

/* Makes v the newest of a list. */
void qoe_sessions_touch(qoe_sessions_t *s, qoe_view_t *v,
    qoe_sessions_list_t list);

/* The one that was silent longest, or NULL. */
qoe_view_t *qoe_sessions_oldest(qoe_sessions_t *s, qoe_sessions_list_t list);

/* The next one behind v in its list, or NULL. */
qoe_view_t *qoe_sessions_newer(qoe_sessions_t *s, const qoe_view_t *v);

/* Frees the slot; its blocks must have been given up (0). */
void qoe_sessions_remove(qoe_sessions_t *s, qoe_view_t *v);

/*
 * The attribute blocks, one a grain of metrics, looked up at Unix time now_s
 * for raw values with that hash; for readers set as one change.  All 0: not
 * looked up yet, or given up.  A block 0 with a time: there was no room for it.
 */

typedef struct {
    uint32_t        grain[QOE_GRAINS];
} qoe_blocks_t;

void qoe_sessions_set_base(qoe_view_t *v, const qoe_blocks_t *blocks,
    uint64_t key, uint32_t now_s);
qoe_blocks_t qoe_sessions_base(const qoe_view_t *v);

void qoe_sessions_rebuild(qoe_sessions_t *s);


/* Any thread of any process. */

uint32_t qoe_sessions_slots(const qoe_sessions_t *s);        /* capacity */
uint32_t qoe_sessions_count(const qoe_sessions_t *s);        /* in use */

/*
 * A copy of slot i; false for a free one.  Its base is a block of the lane's
 * store only as long as a second read still gives it: read the block in
 * between.
 */
bool qoe_sessions_read(const qoe_sessions_t *s, uint32_t i, qoe_view_t *copy);

/* The writer's walk over its own slots. */
qoe_view_t *qoe_sessions_slot(qoe_sessions_t *s, uint32_t i);


#endif /* _QOE_SESSIONS_H_INCLUDED_ */
