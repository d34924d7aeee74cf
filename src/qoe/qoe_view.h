
/*
 * Copyright (C) OpenQoE
 *
 * One viewer's session and the view that is on in it: what happened, as
 * state of fixed size, and the metric points that each event makes.
 *
 * Pure: no clock, no memory but its arguments.  Time of the state machine is
 * the client's clock corrected by the session's estimated skew, so it never
 * runs ahead of receipt and never goes back.
 */


#ifndef _QOE_VIEW_H_INCLUDED_
#define _QOE_VIEW_H_INCLUDED_


#include "qoe_catalogue.h"
#include "qoe_dimension.h"


#define QOE_POINTS_MAX     64
#define QOE_POINT_EXTRAS   3


/* One observation: value is in the metric's unit; counters: the increment. */

typedef struct {
    uint16_t        metric;                  /* qoe_metric_id_t */
    uint16_t        nextra;
    struct {
        uint16_t    dim;                     /* qoe_dim_t, of role EXTRA */
        qoe_span_t  text;                    /* never empty; not governed yet */
    } extra[QOE_POINT_EXTRAS];
    double          value;
} qoe_point_t;

typedef struct {
    qoe_point_t     point[QOE_POINTS_MAX];
    size_t          n;
    uint32_t        ignored;                 /* values out of range */
    char            scratch[128];            /* of made texts */
    size_t          used;
} qoe_points_t;


typedef struct qoe_view_s  qoe_view_t;

/*
 * The state.  Its first part is the table's (qoe_sessions.h); the rest is
 * private to qoe_view*.c.  All zero is a free slot.  At most 512 bytes.
 */

#include "qoe_view_state.h"


typedef struct {
    uint64_t        timeout_ms;              /* openqoe_view_timeout */
    uint64_t        hidden_timeout_ms;
} qoe_view_conf_t;


typedef enum {
    QOE_VIEW_EVENT = 0,          /* applied to the current view */
    QOE_VIEW_DUPLICATE,          /* seen before: state and points untouched
                                    but for events_total */
    QOE_VIEW_LATE                /* of a view that is over: no state */
} qoe_view_result_t;


/*
 * Begins the view view_key in a slot whose session part is filled in; a view
 * that is on must have been ended.  What the session has learnt stays.
 */
void qoe_view_begin(qoe_view_t *v, uint64_t view_key, const qoe_sample_t *s);

/*
 * Applies an event to the session.  The points belong to the attributes of
 * the event; they replace what points held.  The event's view_key decides:
 * the current one, or one that is over (QOE_VIEW_LATE).  A new one must have
 * been begun by the caller.  seen: it came before.
 */
qoe_view_result_t qoe_view_apply(qoe_view_t *v, uint64_t view_key, bool seen,
    const qoe_sample_t *s, const qoe_view_conf_t *conf, qoe_points_t *points);

/* Is view_key the current view, or known to be over? */
bool qoe_view_knows(const qoe_view_t *v, uint64_t view_key);

/*
 * Ends the current view, if it is not over: the points of its whole, which
 * belong to the attributes last seen in it (v->base).  They replace what
 * points held.
 */
void qoe_view_end(qoe_view_t *v, const qoe_view_conf_t *conf,
    qoe_points_t *points);

/* An event ended the view: call qoe_view_end() behind qoe_view_apply(). */
bool qoe_view_ending(const qoe_view_t *v);

/* There is no view, or it has been ended. */
bool qoe_view_over(const qoe_view_t *v);

/* Its page is hidden: the hidden timeout counts. */
bool qoe_view_hidden(const qoe_view_t *v);

/* When silence ends it, or its session if it is over: Unix ms of receipt. */
uint64_t qoe_view_due_ms(const qoe_view_t *v, const qoe_view_conf_t *conf);

/* Counts in openqoe.concurrent_views_current at that Unix time. */
bool qoe_view_concurrent(const qoe_view_t *v, uint64_t now_ms);


#endif /* _QOE_VIEW_H_INCLUDED_ */
