
/*
 * Copyright (C) OpenQoE
 *
 * One view: what happened in it, as state of fixed size, and the metric points
 * that its events make.  The rules are those of docs/numbers.md; the table of
 * states and transitions is qoe_view_table.h.
 *
 * Pure: no clock, no memory but the arguments.  Time is the session's clock
 * (qoe_session.h).
 *
 * An event arrives, and makes the points that it alone decides.  It is judged,
 * which may change the state, once an event of the view that happened 500 ms
 * later has arrived, or when the view was silent for 30 s or ends: players and
 * networks do not keep the order of what happens at one moment.
 */


#ifndef _QOE_VIEW_H_INCLUDED_
#define _QOE_VIEW_H_INCLUDED_


#include "qoe_catalogue.h"
#include "qoe_dimension.h"


#define QOE_POINTS_MAX     128
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
 * private to qoe_view*.c.  All zero is a free slot.
 */

#include "qoe_view_state.h"


/* openqoe_view_timeout: the silence, in ms, that ends a view. */

typedef struct {
    uint64_t        timeout_ms;              /* starting, playing, stalled */
    uint64_t        paused_timeout_ms;
    uint64_t        hidden_timeout_ms;       /* not paused, its page hidden */
} qoe_view_conf_t;


/* How a view may begin. */

typedef struct {
    uint64_t        view_key;
    uint64_t        video_key;               /* 0: the event names no video */
    uint64_t        at_ms;
    bool            first;                   /* of its session: the page load
                                                and the player's startup are
                                                part of its startup */
    bool            continued;               /* silence ended the one before */
    float           told;                    /* playing_time by then, or NaN */
    uint64_t        wait_ms;                 /* a wait that began, 0: none */
} qoe_view_birth_t;


typedef enum {
    QOE_VIEW_EVENT = 0,          /* it will be judged */
    QOE_VIEW_DUPLICATE,          /* seen before: nothing but events_total */
    QOE_VIEW_LATE,               /* of a view that is over: no state */
    QOE_VIEW_OLD                 /* older than what was judged: the same */
} qoe_view_result_t;

typedef enum {
    QOE_VIEW_ENDED = 0,          /* the player said so */
    QOE_VIEW_DETACHED,           /* and nothing played for 30 s */
    QOE_VIEW_REPLACED,           /* by another video of its view_id */
    QOE_VIEW_SILENT,
    QOE_VIEW_EVICTED             /* its place was needed */
} qoe_view_end_t;

/* Which silence ends the view: each has a list in qoe_sessions.h. */

typedef enum {
    QOE_SILENCE_FRESH = 0,       /* heard of within 30 s */
    QOE_SILENCE_ACTIVE,
    QOE_SILENCE_HIDDEN,
    QOE_SILENCE_PAUSED,
    QOE_SILENCES
} qoe_silence_t;


/* Begins a view in a slot whose first part is filled in. */
void qoe_view_begin(qoe_view_t *v, const qoe_view_birth_t *birth);

/*
 * An event that arrived at at_ms; v is its view, or NULL if that is over.  The
 * points belong to the attributes of the event; they replace what points held.
 * seen: it came before.  Then look at qoe_view_ending().
 */
qoe_view_result_t qoe_view_apply(qoe_view_t *v, bool seen, uint64_t at_ms,
    const qoe_sample_t *s, const qoe_view_conf_t *conf, qoe_points_t *points);

/*
 * Judges what waits: of an event at at_ms all that happened 500 ms before it,
 * with UINT64_MAX everything.  The points replace what points held.
 */
void qoe_view_judge(qoe_view_t *v, uint64_t at_ms, const qoe_view_conf_t *conf,
    qoe_points_t *points);

/*
 * Ends the view: judges what waits, and makes the points of its whole, which
 * belong to the attributes last seen in it (v->base).  at_ms: where a view
 * that is replaced ends.  The points replace what points held.
 */
void qoe_view_end(qoe_view_t *v, qoe_view_end_t why, uint64_t at_ms,
    const qoe_view_conf_t *conf, qoe_points_t *points);

/* An `ended` was judged: call qoe_view_end() next. */
bool qoe_view_ending(const qoe_view_t *v);

/* Its last event, judged or not, is over 30 s older than at_ms. */
bool qoe_view_quiet(const qoe_view_t *v, uint64_t at_ms);

/* It was suspended at least 30 s before at_ms, of the session's clock. */
bool qoe_view_lapsed(const qoe_view_t *v, uint64_t at_ms);

/* It has had a wish to play: another video takes its place. */
bool qoe_view_attempted(const qoe_view_t *v);

/* It was first heard of while it played. */
bool qoe_view_found(const qoe_view_t *v);

/* Its playing_time as the player counts, ms; NaN: not known. */
float qoe_view_told(const qoe_view_t *v);

/*
 * The list that it belongs to after 30 s of silence; QOE_SILENCE_FRESH: none,
 * for it was suspended, and is over.
 */
qoe_silence_t qoe_view_silence(const qoe_view_t *v);

/* When silence of that kind is over: Unix ms of receipt. */
uint64_t qoe_view_due_ms(const qoe_view_t *v, qoe_silence_t silence,
    const qoe_view_conf_t *conf);

/* Counts in openqoe.concurrent_views_current at that Unix time. */
bool qoe_view_concurrent(const qoe_view_t *v, uint64_t now_ms);

/* How much later now is; never negative. */

static inline uint64_t
qoe_view_since(uint64_t now, uint64_t then)
{
    return now > then ? now - then : 0;
}


#endif /* _QOE_VIEW_H_INCLUDED_ */
