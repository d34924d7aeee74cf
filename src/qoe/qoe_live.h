
/*
 * Copyright (C) OpenQoE
 *
 * The last minutes of what matters most, and the last views that went badly,
 * in the zone: a page that is opened during an incident shows how it began.
 *
 * Time is cut into steps of QOE_LIVE_STEP_S seconds, numbered since 1970.  A
 * word holds the number of its step above and a count below, so a word of an
 * older step is empty without being cleared.  Any number of helpers add to a
 * word without a lock, and one that is killed leaves nothing half done.
 *
 * Views that are watched at a moment are counted for each lane by the holder
 * of the lane alone, in the lane's own region.
 */


#ifndef _QOE_LIVE_H_INCLUDED_
#define _QOE_LIVE_H_INCLUDED_


#include "qoe_labels.h"
#include "qoe_view.h"


/* Texts that are shown of a view; a longer id is left out, an error is cut. */
#define QOE_VIEW_ID        40
#define QOE_VIEW_ERROR     24

#define QOE_LIVE_STEP_S    5
#define QOE_LIVE_SHOWN     120               /* steps that are shown */
#define QOE_LIVE_MINUTE    12                /* steps of a minute */

/* The first step that is shown has the minute before it, too. */
#define QOE_LIVE_KEPT      (QOE_LIVE_SHOWN + QOE_LIVE_MINUTE)

#define QOE_LIVE_BAD       24                /* places */
#define QOE_LIVE_BAD_SHOWN 20
#define QOE_LIVE_LABELS    600

/* Thresholds of the alerts. */
#define QOE_LIVE_SLOW_MS   4000              /* a startup */
#define QOE_LIVE_STALLED   0.01              /* part of a view */


/* What is counted in each step. */

typedef enum {
    QOE_LIVE_ERRORS = 0,
    QOE_LIVE_STARTED,
    QOE_LIVE_COMPLETED,          /* views that are over, by outcome */
    QOE_LIVE_PLAYED,
    QOE_LIVE_EXITS,
    QOE_LIVE_START_FAILURES,
    QOE_LIVE_FAILURES,
    QOE_LIVE_PLAYING_MS,
    QOE_LIVE_STALLED_MS,
    QOE_LIVE_STALLS,
    QOE_LIVE_RATED,              /* views that are over and have a ratio */
    QOE_LIVE_REBUFFERED,         /* of them above QOE_LIVE_STALLED */
    QOE_LIVE_STARTUP,            /* the buckets of startup times */
    QOE_LIVE_BUCKETS = 22,
    QOE_LIVE_WORDS = QOE_LIVE_STARTUP + QOE_LIVE_BUCKETS
} qoe_live_word_t;

/* Upper bounds of the buckets, in ms; the last bucket has none. */
extern const uint32_t  qoe_live_bounds[QOE_LIVE_BUCKETS - 1];


/* Why a view is a bad one: bits. */

#define QOE_LIVE_START_FAILURE  1
#define QOE_LIVE_FAILURE        2
#define QOE_LIVE_EXIT           4
#define QOE_LIVE_SLOW           8
#define QOE_LIVE_REBUFFER       16


/* A bad view.  Its bytes are checked by a sum, so that no mixture is shown. */

typedef struct {
    uint64_t        number;                  /* 1, 2, ...; 0: free */
    uint64_t        at_ms;                   /* when it was over, Unix */
    uint32_t        why;
    uint32_t        startup_ms;              /* UINT32_MAX: unknown */
    uint32_t        playing_ms;
    uint32_t        stalled_ms;
    uint32_t        stalls;
    uint16_t        labels_len;
    char            view_id[QOE_VIEW_ID];    /* padded with NUL; may be empty */
    char            error[QOE_VIEW_ERROR];   /* the same */
    char            labels[QOE_LIVE_LABELS]; /* qoe_labels.h */
    uint32_t        sum;
} __attribute__((aligned(8))) qoe_live_bad_t;


#define QOE_LIVE_BAD_WORDS  (sizeof(qoe_live_bad_t) / sizeof(uint64_t))

typedef struct {
    uint64_t        word[QOE_LIVE_KEPT][QOE_LIVE_WORDS];
    uint64_t        bad_views;               /* ever */
    uint64_t        bad[QOE_LIVE_BAD][QOE_LIVE_BAD_WORDS];
} __attribute__((aligned(64))) qoe_live_t;


typedef struct {
    uint64_t        watched[QOE_LIVE_KEPT];
} __attribute__((aligned(64))) qoe_live_lane_t;


/* The step of a Unix time. */

static inline uint32_t
qoe_live_step(uint64_t now_ns)
{
    return (uint32_t) (now_ns / 1000000000 / QOE_LIVE_STEP_S);
}


/* Functions for helpers. */

/* Counts what a point of a view means here; most mean nothing. */
void qoe_live_point(qoe_live_t *live, const qoe_point_t *p, uint64_t now_ns);

/*
 * Why the view that ended is a bad one, by the points of its end and its
 * startup (NaN: unknown); 0: it is a good one.
 */
uint32_t qoe_live_why(const qoe_points_t *points, double startup);

/* Notes a bad view; number and sum are filled in. */
void qoe_live_bad(qoe_live_t *live, qoe_live_bad_t *bad);

/*
 * Only for the holder of the lane: so many views are watched from now on, until
 * it is called again.
 */
void qoe_live_watched(qoe_live_lane_t *lane, uint32_t n, uint64_t now_ns);


/* Functions for any process. */

typedef struct {
    uint32_t        step;                    /* of the last element */
    uint32_t        watched[QOE_LIVE_KEPT];
    uint32_t        count[QOE_LIVE_KEPT][QOE_LIVE_WORDS];
} qoe_live_read_t;

/* The steps until now, the oldest first. */
void qoe_live_read(qoe_live_read_t *out, const qoe_live_t *live,
    qoe_live_lane_t *const *lane, uint32_t lanes, uint64_t now_ns);

/* Copies the last bad views, the newest first, and returns their number. */
size_t qoe_live_read_bad(const qoe_live_t *live, qoe_live_bad_t *out,
    size_t n);

/*
 * The quantile q of the startup times in steps from .. from + n - 1 of what
 * was read, in ms; NaN: there are none.  Within a bucket, values count as
 * evenly spread.
 */
double qoe_live_startup(const qoe_live_read_t *read, size_t from, size_t n,
    double q);


#endif /* _QOE_LIVE_H_INCLUDED_ */
