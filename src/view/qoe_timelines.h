
/*
 * Copyright (C) OpenQoE
 *
 * The timelines of a lane, in the zone: those of the views that are alive, and
 * those of views that are over for as long as no other view needs their place.
 * Fixed memory, and there may be fewer places than views.  The only writer is
 * the helper thread that holds the lane; any thread of any process reads.
 *
 * A writer may be killed at any store: the next one calls
 * qoe_timelines_rebuild() after qoe_sessions_rebuild().
 */


#ifndef _QOE_TIMELINES_H_INCLUDED_
#define _QOE_TIMELINES_H_INCLUDED_


#include "qoe_sessions.h"


/* Room for the texts of the ids of a view, and the most that they take. */
#define QOE_TIMELINE_IDS   48
#define QOE_TIMELINE_TEXT  64


typedef struct qoe_timelines_s  qoe_timelines_t;


/*
 * Creates an empty table in size bytes, zero-filled and aligned to 64 bytes.
 * There may be too few of them for a single timeline.
 */
void qoe_timelines_create(qoe_timelines_t *t, size_t size);


/* Functions for the writer. */

/* The ids of a view that are shown with its timeline. */

typedef struct {
    uint32_t        org_hash;
    qoe_span_t      org_id;
    qoe_span_t      session_id;
} qoe_timeline_ids_t;

/*
 * Begins the timeline of a view that has just begun.  false: there is no place,
 * because all others are of views that are alive.
 */
bool qoe_timelines_begin(qoe_timelines_t *t, qoe_sessions_t *sessions,
    qoe_view_t *v, const qoe_timeline_ids_t *ids);

/* The complete timeline of a live view, or NULL. */
qoe_timeline_t *qoe_timelines_of(qoe_timelines_t *t, qoe_sessions_t *sessions,
    qoe_view_t *v);

/*
 * Adds the stretches of points, if the view has a timeline.  A stretch of
 * playing stays in the view while it can be prolonged.
 */
void qoe_timelines_add(qoe_timelines_t *t, qoe_sessions_t *sessions,
    qoe_view_t *v, const qoe_points_t *points);

/*
 * So many parts of the view's timeline are over; the last one was sent, see
 * qoe_timeline_part(), or it was of no interest.
 */
void qoe_timelines_part(qoe_timelines_t *t, qoe_sessions_t *sessions,
    qoe_view_t *v, uint16_t parts, bool sent);

/* The view is over, and its slot is given up next. */
void qoe_timelines_end(qoe_timelines_t *t, qoe_sessions_t *sessions,
    qoe_view_t *v);

/* Prefetches what adding the points to the timeline of a view needs. */
void qoe_timelines_fetch(const qoe_timelines_t *t, const qoe_view_t *v,
    const qoe_points_t *points);

/* To be called by a new writer: computes every index from the slots. */
void qoe_timelines_rebuild(qoe_timelines_t *t, qoe_sessions_t *sessions);


/* Functions for any thread of any process. */

typedef struct {
    size_t          len;
    char            text[QOE_TIMELINE_TEXT];
} qoe_timeline_id_t;

typedef struct {
    bool            alive;
    qoe_view_t      view;            /* if it is alive */
    uint64_t        start_ms;        /* its first event, and its last one, by */
    uint64_t        end_ms;          /* the clock of its session */
    uint32_t        outcome;         /* qoe_view_outcome_t, if it is over */
    qoe_timeline_t  timeline;
    qoe_timeline_id_t  org_id;       /* empty: too long to be kept */
    qoe_timeline_id_t  session_id;
} qoe_timeline_info_t;

/*
 * Finds the view with that key that began last, of any organization if
 * org_hash is 0.
 */
bool qoe_timelines_find(const qoe_timelines_t *t,
    const qoe_sessions_t *sessions, uint64_t view_key, uint32_t org_hash,
    qoe_timeline_info_t *info);

/* The number of places. */
uint32_t qoe_timelines_slots(const qoe_timelines_t *t);


#endif /* _QOE_TIMELINES_H_INCLUDED_ */
