
/*
 * Copyright (C) OpenQoE
 *
 * The sessions and the views of one lane, in the zone: a hash table of sessions
 * with a list by last receipt, and their live views, which stand in a list by
 * the silence that ends them.  One writer: the helper thread that holds the
 * lane.  Fixed memory.
 *
 * A view takes a slot for as long as it is alive; what is over is remembered in
 * the session's slot (qoe_session.h).
 *
 * A writer may be killed at any store: the next one calls
 * qoe_sessions_rebuild() before anything else.
 */


#ifndef _QOE_SESSIONS_H_INCLUDED_
#define _QOE_SESSIONS_H_INCLUDED_


#include "qoe_session.h"


typedef struct qoe_sessions_s  qoe_sessions_t;


/* Makes an empty table in size bytes, zero-filled, 64-byte aligned. */
void qoe_sessions_create(qoe_sessions_t *t, size_t size);


/* The writer. */

qoe_session_t *qoe_sessions_find(qoe_sessions_t *t, const uint64_t key[2]);

/*
 * Begins to load what qoe_sessions_find() of that key needs: with far first,
 * then without.
 */
void qoe_sessions_fetch(const qoe_sessions_t *t, const uint64_t key[2],
    bool far);
/* Begins to load the newest view of a session, and what touching it needs. */
void qoe_sessions_fetch_view(const qoe_sessions_t *t,
    const qoe_session_t *s);
/* The same of what listing a view needs. */
void qoe_sessions_fetch_list(const qoe_sessions_t *t, const qoe_view_t *v);

/* A cleared slot for a session that is not there; NULL: the table is full. */
qoe_session_t *qoe_sessions_add(qoe_sessions_t *t, const uint64_t key[2]);

/* Makes it the newest of the list. */
void qoe_sessions_touch(qoe_sessions_t *t, qoe_session_t *s);

/* The one that was silent longest, or NULL; the one after s. */
qoe_session_t *qoe_sessions_oldest(qoe_sessions_t *t);
qoe_session_t *qoe_sessions_newer(qoe_sessions_t *t, const qoe_session_t *s);

/*
 * Newcomers: sessions that were added and that qoe_sessions_know() has not been
 * called for.  The one that has a live view, or has none, for the longest time,
 * but for one; NULL: there is none.  How many have a live view.
 */
qoe_session_t *qoe_sessions_newcomer(qoe_sessions_t *t, bool viewing,
    const qoe_session_t *but);
uint32_t qoe_sessions_newcomers(const qoe_sessions_t *t);
void qoe_sessions_know(qoe_sessions_t *t, qoe_session_t *s);

/* Frees the slot; its views must have been removed. */
void qoe_sessions_remove(qoe_sessions_t *t, qoe_session_t *s);


/* The live views of a session, the newest first; NULL after the last one. */
qoe_view_t *qoe_sessions_view(qoe_sessions_t *t, const qoe_session_t *s);
qoe_view_t *qoe_sessions_next_view(qoe_sessions_t *t, const qoe_view_t *v);

qoe_session_t *qoe_sessions_of(qoe_sessions_t *t, const qoe_view_t *v);

/*
 * A slot for a view of the session under view_key, not in a list yet; NULL:
 * none is left.
 */
qoe_view_t *qoe_sessions_add_view(qoe_sessions_t *t, qoe_session_t *s,
    uint64_t view_key);

/* Makes v the newest of a list. */
void qoe_sessions_list(qoe_sessions_t *t, qoe_view_t *v,
    qoe_silence_t silence);

/* The view that is in the list longest, or NULL. */
qoe_view_t *qoe_sessions_silent(qoe_sessions_t *t, qoe_silence_t silence);

/* Frees the slot; its attribute blocks must have been given up (0). */
void qoe_sessions_remove_view(qoe_sessions_t *t, qoe_view_t *v);

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

void qoe_sessions_rebuild(qoe_sessions_t *t);


/* Any thread of any process. */

typedef struct {
    uint32_t        sessions;        /* in use */
    uint32_t        sessions_max;
    uint32_t        views;
    uint32_t        views_max;
} qoe_sessions_info_t;

void qoe_sessions_info(const qoe_sessions_t *t, qoe_sessions_info_t *info);

/* View slots. */
uint32_t qoe_sessions_slots(const qoe_sessions_t *t);

/*
 * A copy of the view in slot i; false for a free one.  Its base is a block of
 * the lane's store only as long as a second read still gives it: read the
 * block in between.
 */
bool qoe_sessions_read(const qoe_sessions_t *t, uint32_t i, qoe_view_t *copy);

/* The writer's walk over its own view slots; a free one has view_key 0. */
qoe_view_t *qoe_sessions_slot(qoe_sessions_t *t, uint32_t i);


#endif /* _QOE_SESSIONS_H_INCLUDED_ */
