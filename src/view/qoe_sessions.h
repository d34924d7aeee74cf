
/*
 * Copyright (C) OpenQoE
 *
 * The sessions and the views of a lane, in the zone: a hash table of sessions
 * with a list by last receipt, and their live views, each in the list of the
 * silence that would end it.  The only writer is the helper thread that holds
 * the lane.  Fixed memory.
 *
 * A view has a slot while it is alive; a view that is over is remembered in the
 * slot of its session (qoe_session.h), and keeps its own slot only until its
 * final record is put.
 *
 * A writer may be killed at any store: the next one calls
 * qoe_sessions_rebuild() before anything else.
 */


#ifndef _QOE_SESSIONS_H_INCLUDED_
#define _QOE_SESSIONS_H_INCLUDED_


#include "qoe_session.h"


typedef struct qoe_sessions_s  qoe_sessions_t;


/* Creates an empty table in size bytes, zero-filled and aligned to 64 bytes. */
void qoe_sessions_create(qoe_sessions_t *t, size_t size);


/* Functions for the writer. */

/* The session with that key, or NULL. */
qoe_session_t *qoe_sessions_find(qoe_sessions_t *t, const uint64_t key[2]);

/*
 * Prefetches what qoe_sessions_find() needs for that key; call it first with
 * far set, then without.
 */
void qoe_sessions_fetch(const qoe_sessions_t *t, const uint64_t key[2],
    bool far);
/* Prefetches the newest view of a session, and what touching it needs. */
void qoe_sessions_fetch_view(const qoe_sessions_t *t,
    const qoe_session_t *s);
/* Prefetches what listing a view needs. */
void qoe_sessions_fetch_list(const qoe_sessions_t *t, const qoe_view_t *v);

/*
 * Adds a session that is not in the table, and returns its cleared slot; NULL
 * if the table is full.
 */
qoe_session_t *qoe_sessions_add(qoe_sessions_t *t, const uint64_t key[2]);

/* Makes the session the newest of the list. */
void qoe_sessions_touch(qoe_sessions_t *t, qoe_session_t *s);

/* The session that has been silent longest, and the one after s, or NULL. */
qoe_session_t *qoe_sessions_oldest(qoe_sessions_t *t);
qoe_session_t *qoe_sessions_newer(qoe_sessions_t *t, const qoe_session_t *s);

/*
 * Newcomers are sessions for which qoe_sessions_know() has not been called.
 * Returns the newcomer, other than but, that has been with a live view
 * (viewing) or without one for the longest time; NULL if there is none.
 * qoe_sessions_newcomers() is the number of newcomers with a live view.
 */
qoe_session_t *qoe_sessions_newcomer(qoe_sessions_t *t, bool viewing,
    const qoe_session_t *but);
uint32_t qoe_sessions_newcomers(const qoe_sessions_t *t);
void qoe_sessions_know(qoe_sessions_t *t, qoe_session_t *s);

/* Frees the slot of a session, whose views must have been removed. */
void qoe_sessions_remove(qoe_sessions_t *t, qoe_session_t *s);


/* The live views of a session, the newest first; NULL after the last one. */
qoe_view_t *qoe_sessions_view(qoe_sessions_t *t, const qoe_session_t *s);
qoe_view_t *qoe_sessions_next_view(qoe_sessions_t *t, const qoe_view_t *v);

/* The session of a live view; NULL if the view's link is not valid. */
qoe_session_t *qoe_sessions_of(qoe_sessions_t *t, const qoe_view_t *v);

/*
 * Adds a view of the session with view_key, in no list yet; NULL if there is no
 * slot left.
 */
qoe_view_t *qoe_sessions_add_view(qoe_sessions_t *t, qoe_session_t *s,
    uint64_t view_key);

/* Makes v the newest of a list. */
void qoe_sessions_list(qoe_sessions_t *t, qoe_view_t *v,
    qoe_silence_t silence);

/* The view that has been longest in the list, or NULL. */
qoe_view_t *qoe_sessions_silent(qoe_sessions_t *t, qoe_silence_t silence);

/*
 * Takes a view that has ended, why, out of its session and of the lists of
 * silence: no event finds it any more, and no reader counts it.  It keeps its
 * slot and its blocks, also over the death of a writer.
 */
void qoe_sessions_part(qoe_sessions_t *t, qoe_view_t *v, qoe_view_end_t why);

/* The first of those views, or NULL. */
qoe_view_t *qoe_sessions_parted(qoe_sessions_t *t);

/*
 * Frees the slot of a view, whose attribute blocks must have been released (0).
 */
void qoe_sessions_remove_view(qoe_sessions_t *t, qoe_view_t *v);

/*
 * The attribute blocks of a view, for each grain of metrics, looked up at Unix
 * time now_s for raw values with that hash; readers see them change together.
 * All 0: not looked up yet, or released.  A block 0 with a time: there was no
 * room for the block.
 */

typedef struct {
    uint32_t        grain[QOE_GRAINS];
} qoe_blocks_t;

void qoe_sessions_set_base(qoe_view_t *v, const qoe_blocks_t *blocks,
    uint64_t key, uint32_t now_s);
qoe_blocks_t qoe_sessions_base(const qoe_view_t *v);

/* To be called by a new writer: computes every index from the slots. */
void qoe_sessions_rebuild(qoe_sessions_t *t);


/* Functions for any thread of any process. */

typedef struct {
    uint32_t        sessions;        /* in use */
    uint32_t        sessions_max;
    uint32_t        views;           /* alive */
    uint32_t        views_max;
    uint32_t        over;            /* views that are over, in their slots */
} qoe_sessions_info_t;

void qoe_sessions_info(const qoe_sessions_t *t, qoe_sessions_info_t *info);

/* The number of view slots, and of those that were ever used. */
uint32_t qoe_sessions_slots(const qoe_sessions_t *t);
uint32_t qoe_sessions_touched(const qoe_sessions_t *t);

/*
 * Copies the view in slot i; returns false unless it is alive.  Its base may be
 * used as a block of the lane's store only if a second read, after the block
 * was read, still returns the same base.  An odd seq in the copy: a writer has
 * been in the midst of a change all the time, or has died there, and the parts
 * of the copy may not fit together.
 */
bool qoe_sessions_read(const qoe_sessions_t *t, uint32_t i, qoe_view_t *copy);

/*
 * Slot i, for the writer that iterates over its own views; view_key is 0 in a
 * free slot.
 */
qoe_view_t *qoe_sessions_slot(qoe_sessions_t *t, uint32_t i);


#endif /* _QOE_SESSIONS_H_INCLUDED_ */
