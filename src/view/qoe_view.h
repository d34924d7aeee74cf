
/*
 * Copyright (C) OpenQoE
 *
 * A view: what happened in it, as state of fixed size, and the metric points
 * and the stretches of its timeline that its events make.  The rules are in
 * docs/numbers.md; qoe_view_table.h has the table of states and transitions.
 *
 * Pure: uses no clock, and no memory but its arguments.  Times are those of the
 * session's clock (qoe_session.h).
 *
 * An event arrives, and makes the points that it alone determines.  It is
 * judged, which may change the state, when an event of the view that happened
 * 500 ms later has arrived, or when the view has been silent for 30 s or ends:
 * players and networks do not keep the order of what happens at the same
 * moment.
 */


#ifndef _QOE_VIEW_H_INCLUDED_
#define _QOE_VIEW_H_INCLUDED_


#include "qoe_catalogue.h"
#include "qoe_dimension.h"
#include "qoe_timeline.h"


#define QOE_POINTS_MAX     128
#define QOE_POINT_EXTRAS   4

/* Those of a full list of events that wait, and of the view's end. */
#define QOE_STRETCHES_MAX  96


/*
 * An observation: value is in the metric's unit; for counters, the increment.
 * It counts as so many observations of the same value.  Points of one metric
 * with one code have the same attributes; a code of 0 says nothing.
 */

typedef struct {
    uint16_t        metric;                  /* qoe_metric_id_t */
    uint16_t        nextra;
    uint16_t        times;                   /* at least 1 */
    uint16_t        code;
    struct {
        uint16_t    dim;                     /* qoe_dim_t, of role EXTRA */
        qoe_span_t  text;                    /* not empty, not governed yet */
    } extra[QOE_POINT_EXTRAS];
    double          value;
} qoe_point_t;

typedef struct {
    qoe_point_t     point[QOE_POINTS_MAX];
    size_t          n;
    uint32_t        ignored;                 /* values out of range */
    char            scratch[128];            /* texts made for points */
    size_t          used;
    qoe_stretch_t   stretch[QOE_STRETCHES_MAX];      /* that were judged, for
                                                        the timeline */
    size_t          nstretches;
} qoe_points_t;

void qoe_points_clear(qoe_points_t *points);

/*
 * Adds a point, unless the value is NaN, or 0 for a counter.  In that case
 * returns NULL, which the functions below accept.
 */
qoe_point_t *qoe_point_add(qoe_points_t *points, qoe_metric_id_t metric,
    double value);


/* Adds an attribute, unless its text is empty. */

static inline void
qoe_point_extra(qoe_point_t *p, qoe_dim_t dim, qoe_span_t text)
{
    if (p == NULL || text.len == 0 || p->nextra == QOE_POINT_EXTRAS) {
        return;
    }

    p->extra[p->nextra].dim = (uint16_t) dim;
    p->extra[p->nextra].text = text;
    p->nextra++;
}


/* Says which points of the metric have the same attributes; also for NULL. */

static inline void
qoe_point_code(qoe_point_t *p, unsigned code)
{
    if (p != NULL) {
        p->code = (uint16_t) code;
    }
}


typedef struct qoe_view_s  qoe_view_t;

/*
 * The state.  Its first part belongs to the table (qoe_sessions.h), the rest is
 * private to qoe_view*.c.  A free slot is all zero.
 */

#include "qoe_view_state.h"


/* openqoe_view_timeout: the silence that ends a view, in ms. */

typedef struct {
    uint64_t        timeout_ms;              /* starting, playing, stalled */
    uint64_t        paused_timeout_ms;
    uint64_t        hidden_timeout_ms;       /* not paused, its page hidden */
} qoe_view_conf_t;


/* The circumstances in which a view begins. */

typedef struct {
    uint64_t        view_key;
    uint64_t        video_key;               /* 0: the event names no video */
    uint64_t        at_ms;
    bool            first;                   /* of its session: then page
                                                load and player startup are
                                                part of its startup */
    bool            continued;               /* silence ended the last view */
    bool            again;                   /* not the first view of its
                                                view_id */
    float           told;                    /* playing_time by then, or NaN */
    uint64_t        wait_ms;                 /* when a wait began, 0: none */
} qoe_view_birth_t;


typedef enum {
    QOE_VIEW_EVENT = 0,          /* will be judged */
    QOE_VIEW_DUPLICATE,          /* seen before: counts in events_total */
    QOE_VIEW_LATE,               /* its view is over: changes no state */
    QOE_VIEW_OLD                 /* older than what was judged: the same */
} qoe_view_result_t;

typedef enum {
    QOE_VIEW_ENDED = 0,          /* the player reported it */
    QOE_VIEW_DETACHED,           /* and nothing has played for 30 s */
    QOE_VIEW_REPLACED,           /* by another video of its view_id */
    QOE_VIEW_SILENT,
    QOE_VIEW_EVICTED             /* its slot was needed */
} qoe_view_end_t;

/* How a view ended: an id, and the value of the attribute "outcome". */

#define QOE_VIEW_OUTCOMES(X)                                                  \
    X(WAS_COMPLETED, "completed")                                             \
    X(WAS_PLAYED,    "played")                                                \
    X(WAS_LEFT,      "exit_before_start")                                     \
    X(FAILED_START,  "startup_failure")                                       \
    X(FAILED,        "playback_failure")

typedef enum {
#define QOE_VIEW_OUTCOME_ENUM(id, name)  QOE_VIEW_##id,
    QOE_VIEW_OUTCOMES(QOE_VIEW_OUTCOME_ENUM)
#undef QOE_VIEW_OUTCOME_ENUM
    QOE_VIEW_OUTCOMES_N
} qoe_view_outcome_t;

qoe_span_t qoe_view_outcome_name(qoe_view_outcome_t outcome);


/* The kinds of silence that end a view; each has a list in qoe_sessions.h. */

typedef enum {
    QOE_SILENCE_FRESH = 0,       /* an event in the last 30 s */
    QOE_SILENCE_ACTIVE,
    QOE_SILENCE_HIDDEN,
    QOE_SILENCE_PAUSED,
    QOE_SILENCE_REPORTS,         /* all that is known of it are reports */
    QOE_SILENCES
} qoe_silence_t;


/* Begins a view in a slot whose first part is filled in. */
void qoe_view_begin(qoe_view_t *v, const qoe_view_birth_t *birth);

/*
 * Applies an event that arrived at at_ms; v is its view, or NULL if that view
 * is over.  seen: the event came before.  The points belong to the attributes
 * of the event, and replace the content of points.  Call qoe_view_ending()
 * next.
 */
qoe_view_result_t qoe_view_apply(qoe_view_t *v, bool seen, uint64_t at_ms,
    const qoe_sample_t *s, const qoe_view_conf_t *conf, qoe_points_t *points);

/*
 * Judges what waits: with an event's time, everything that happened more than
 * 500 ms before it; with UINT64_MAX, everything.  The points replace the
 * content of points.
 */
void qoe_view_judge(qoe_view_t *v, uint64_t at_ms, const qoe_view_conf_t *conf,
    qoe_points_t *points);

/*
 * Ends the view: judges what waits, and makes the points of the view as a
 * whole, which belong to the attributes last seen in it (v->base).  at_ms is
 * the end of a view that is replaced.  The points replace the content of
 * points.
 */
void qoe_view_end(qoe_view_t *v, qoe_view_end_t why, uint64_t at_ms,
    const qoe_view_conf_t *conf, qoe_points_t *points);

/* Was `ended` judged?  Then call qoe_view_end(). */
bool qoe_view_ending(const qoe_view_t *v);

/* Is its last event, judged or not, more than 30 s older than at_ms? */
bool qoe_view_quiet(const qoe_view_t *v, uint64_t at_ms);

/* Was it suspended more than 30 s before at_ms? */
bool qoe_view_lapsed(const qoe_view_t *v, uint64_t at_ms);

/*
 * Did the viewer, or autoplay, want it to play?  Then another video replaces
 * it.
 */
bool qoe_view_attempted(const qoe_view_t *v);

/* Was it playing already when its first events arrived? */
bool qoe_view_found(const qoe_view_t *v);

/* Has it shown a first frame? */
bool qoe_view_started(const qoe_view_t *v);

/* Its playing_time by the player's count, ms; NaN if unknown. */
float qoe_view_told(const qoe_view_t *v);

/*
 * The list that it belongs to after 30 s of silence; QOE_SILENCE_FRESH if it is
 * over then, because it was suspended.
 */
qoe_silence_t qoe_view_silence(const qoe_view_t *v,
    const qoe_view_conf_t *conf);

/* When that kind of silence ends the view; Unix ms of a receipt. */
uint64_t qoe_view_due_ms(const qoe_view_t *v, qoe_silence_t silence,
    const qoe_view_conf_t *conf);

/* What a list of views shows of it. */

typedef struct {
    double          startup;                 /* ms; NaN: unknown */
    uint64_t        playing_ms;
    uint64_t        stalled_ms;
    uint32_t        stalls;
} qoe_view_sums_t;

qoe_view_sums_t qoe_view_sums(const qoe_view_t *v);

/* Does it count in openqoe.concurrent_views_current at that Unix time? */
bool qoe_view_concurrent(const qoe_view_t *v, uint64_t now_ms);
/* The last such time as far as is known now; 0: it does not count. */
uint64_t qoe_view_concurrent_ms(const qoe_view_t *v);

/*
 * Is all that is known of it from reports of CMCD?  Once an event of an SDK has
 * come, too, the view is the SDK's.
 */
bool qoe_view_reported(const qoe_view_t *v);

/* Was there a view of its view_id before it? */
bool qoe_view_again(const qoe_view_t *v);

/* The name of its state, one of QOE_VIEW_PHASES. */
qoe_span_t qoe_view_state_name(const qoe_view_t *v);

/*
 * The stretches that are open, until the last event: the startup, stall, seek
 * or pause that the view is in, and the time for which its page is hidden.
 * Returns their number.
 */
size_t qoe_view_open_stretches(const qoe_view_t *v, qoe_stretch_t s[2]);

/* The time from then to now, or 0 if then is later. */

static inline uint64_t
qoe_view_since(uint64_t now, uint64_t then)
{
    return now > then ? now - then : 0;
}


#endif /* _QOE_VIEW_H_INCLUDED_ */
