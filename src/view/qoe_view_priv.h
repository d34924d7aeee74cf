
/*
 * Copyright (C) OpenQoE
 *
 * Private to qoe_view*.c: an event while it arrives, and while it is judged.
 */


#ifndef _QOE_VIEW_PRIV_H_INCLUDED_
#define _QOE_VIEW_PRIV_H_INCLUDED_


#include "qoe_view.h"
#include "qoe_view_table.h"

#include <math.h>


/* How long an event waits for its neighbours, in event time. */
#define QOE_VIEW_HOLD_MS       500

/* Events that close together may have happened in either order. */
#define QOE_VIEW_NEAR_MS       250

/* A pause that close to the end is made by the player. */
#define QOE_VIEW_END_MS        500

/*
 * A shorter wait is not a stall; that much growth proves that none is going on.
 */
#define QOE_VIEW_STALL_MS      250

/* The position may creep that much during a stall. */
#define QOE_VIEW_CREEP_MS      5

/* The least time for proof, because some players count in coarse steps. */
#define QOE_VIEW_SPAN_MS       1000

/* An older canplay was there before the viewer wanted to play. */
#define QOE_VIEW_CANPLAY_MS    1000

/* After this time, a suspended view is over, and a silent view is judged. */
#define QOE_VIEW_DETACH_MS     30000

/* That much playing shows that an error was not fatal. */
#define QOE_VIEW_RECOVERED_MS  10000

/* The interval of heartbeats that is assumed until two have arrived. */
#define QOE_VIEW_BEAT_MS       10000
#define QOE_VIEW_PATIENCE_MS   30000         /* minimum, for silent players */

/* Twice the default interval of the reports of CMCD. */
#define QOE_VIEW_REPORT_MS     60000

/* A step counts up to this as watch time, or more if heartbeats are rare. */
#define QOE_VIEW_STEP_MS       60000


/* Flags of a view. */

#define QOE_VIEW_FIRST         0x0001        /* the first of its session */
#define QOE_VIEW_CONTINUED     0x0002
#define QOE_VIEW_ATTEMPTED     0x0004        /* playing was requested */
#define QOE_VIEW_STARTED       0x0008        /* a first frame was shown */
#define QOE_VIEW_WITHDRAWN     0x0010        /* paused before the first frame */
#define QOE_VIEW_UNTIMED       0x0020        /* the startup time is unknown */
#define QOE_VIEW_FAILING       0x0040        /* error before the first frame */
#define QOE_VIEW_FATAL         0x0080        /* fatal error after it */
#define QOE_VIEW_ERROR_STALL   0x0100        /* error in the open stall */
#define QOE_VIEW_HELD          0x0200        /* a wait outlasts the pause */
#define QOE_VIEW_HIDDEN        0x0400        /* the page is hidden */
#define QOE_VIEW_PROVEN        0x0800        /* positions or times are sent */
#define QOE_VIEW_TOLD          0x1000        /* playing_time was sent */
#define QOE_VIEW_ENDING        0x2000
#define QOE_VIEW_SIZED         0x4000        /* both sizes were known */
#define QOE_VIEW_HEARD         0x8000        /* an event arrived */
#define QOE_VIEW_NAMED         0x10000       /* << media: type named */
#define QOE_VIEW_AUTO_PAUSE    0x80000       /* the player made the pause */
#define QOE_VIEW_AGAIN         0x100000      /* not the first of its view_id */
#define QOE_VIEW_EVENTS        0x200000      /* an SDK has sent events of it */
#define QOE_VIEW_REPORTS       0x400000      /* so have reports of CMCD */
#define QOE_VIEW_RESUMES       0x800000      /* it played when it failed */
#define QOE_VIEW_TITLED        0x1000000     /* a report named the content, */
#define QOE_VIEW_TYPED         0x2000000     /* and the type of the stream */


enum {
    QOE_VIEW_VIDEO = 0,
    QOE_VIEW_AUDIO,
    QOE_VIEW_OTHER
};


/* An event that arrives. */

typedef struct {
    qoe_view_t             *v;           /* NULL: the view is over */
    const qoe_sample_t     *s;
    qoe_points_t           *points;
    uint64_t                at_ms;
    uint64_t                set;         /* numbers that are in range */
    int                     media;
    double                  bitrate;     /* of the event, bit/s; 0: unknown */
} qoe_view_step_t;


/* How far playback has progressed since a mark. */

typedef enum {
    QOE_GROWTH_UNKNOWN = 0,      /* no evidence */
    QOE_GROWTH_LEAP,             /* the position has jumped */
    QOE_GROWTH_MS
} qoe_growth_kind_t;

typedef struct {
    qoe_growth_kind_t       kind;
    double                  ms;          /* may be negative */
} qoe_growth_t;


/* The judgement of a view. */

typedef struct {
    qoe_view_t             *v;
    const qoe_view_conf_t  *conf;
    qoe_points_t           *points;
    const qoe_moment_t     *m;           /* the event */
    const qoe_moment_t     *rest;        /* the following ones, up to 500 ms */
    size_t                  nrest;
    uint64_t                gap_ms;      /* since the last cut */
    qoe_growth_t            growth;      /* since the state began */
    uint64_t                played_ms;   /* total of this judgement */
    uint64_t                watched_ms;
} qoe_judge_t;


/* What a judgement had made before an action. */

typedef struct {
    uint64_t                played_ms;
    size_t                  nstretches;
} qoe_view_before_t;


#define qoe_view_has(x, id)     (((x)->set >> QOE_NUMBER_##id & 1) != 0)
#define qoe_view_number(x, id)  ((x)->s->number[QOE_NUMBER_##id])
#define qoe_view_text(x, id)    ((x)->s->text[QOE_TEXT_##id])


/* Functions of qoe_view_point.c. */

/* Attributes that a point takes from its event if they are present. */
#define QOE_WITH_MEDIA     1
#define QOE_WITH_OUTLIER   2
#define QOE_WITH_CODEC     4
#define QOE_WITH_FRAMERATE 8

/* In qoe_view_silence.c: the time of the latest event that has arrived. */
uint64_t qoe_view_latest(const qoe_view_t *v);

/* The set of numbers that are in range; the others are counted. */
uint64_t qoe_view_valid(const qoe_sample_t *s, uint32_t *ignored);

void qoe_view_point(qoe_view_step_t *x, qoe_metric_id_t metric, double value,
    unsigned with);

/* Functions of qoe_view_stretch.c. */

/* Adds a stretch of the timeline. */
void qoe_view_stretch(qoe_judge_t *j, qoe_stretch_kind_t kind,
    uint64_t start_ms, uint64_t ms);
/* The event is an error: adds it to the timeline. */
void qoe_view_stretch_error(qoe_judge_t *j);
/* The rendition of video is another one from the event on. */
void qoe_view_stretch_rendition(qoe_judge_t *j);
/* The phase was `from` before an action of the event's signal. */
void qoe_view_stretch_phase(qoe_judge_t *j, qoe_view_phase_t from,
    qoe_view_signal_t signal, const qoe_view_before_t *before);
/* The view is over: adds what is still open. */
void qoe_view_stretch_end(qoe_judge_t *j);

/* Functions of qoe_view.c. */

/* Judges everything that happened more than QOE_VIEW_HOLD_MS before at_ms. */
void qoe_view_judge_before(qoe_judge_t *j, uint64_t at_ms);
/*
 * Makes the points of playing and watch time for everything judged.  Watch time
 * includes the playing time, however the gaps were cut.
 */
void qoe_view_times(const qoe_judge_t *j);

/*
 * An event has arrived and counts: notes its receipt, and lets the moments wait
 * that it makes; the last one is the one that matters for what can be judged.
 */
void qoe_view_await(qoe_view_step_t *x, const qoe_view_conf_t *conf,
    const qoe_moment_t *m, size_t n);
/* Counts an event of any kind. */
void qoe_view_count_event(qoe_points_t *points, const qoe_sample_t *s);

/* In qoe_view_judge.c: judges j->m, with the following events in j->rest. */
void qoe_view_judge_moment(qoe_judge_t *j);

/* Functions of qoe_view_moment.c. */

/* Fills m with what the judgement needs of the event. */
void qoe_moment_of(qoe_moment_t *m, const qoe_view_step_t *x);
void qoe_moment_insert(qoe_view_t *v, const qoe_moment_t *m);
/*
 * Drops an event that only informs and is not essential; returns false if there
 * is none.
 */
bool qoe_moment_thin(qoe_view_t *v);
/* Does the event only describe the state, without changing it? */
bool qoe_moment_informs(const qoe_moment_t *m);
/* Does the event show nothing about playing: no evidence, and no change? */
bool qoe_moment_silent(const qoe_moment_t *m);
/* An event of that type up to ms after the event that is judged, or NULL. */
const qoe_moment_t *qoe_moment_ahead(const qoe_judge_t *j, unsigned type,
    uint64_t ms);

/*
 * A moment that is a state of the player, reported by CMCD: its type is this
 * plus the qoe_player_state_t.  Its value is 1 if the report names an error.
 */
#define QOE_MOMENT_STATE       (QOE_EVENT_CUSTOM + 1)

#define qoe_moment_is(m, state)                                               \
    ((m)->type == QOE_MOMENT_STATE + QOE_PLAYER_##state)


/* In qoe_view_player.c: judges a state of the player. */
void qoe_view_judge_state(qoe_judge_t *j, const qoe_moment_t *m);

/* Functions of qoe_view_proof.c. */

/* Determines the unit of playing_time, which some players send in seconds. */
void qoe_view_unit(qoe_view_t *v, qoe_moment_t *m);
/* Twice the interval of the reports of a view, and a minute at least. */
uint64_t qoe_view_interval(const qoe_view_t *v);
/* The longest time that counts as playing without proof. */
uint64_t qoe_view_patience(const qoe_view_t *v, const qoe_view_conf_t *conf);
/*
 * The growth since from, by the position if it is known, else by playing_time.
 */
qoe_growth_t qoe_view_growth(const qoe_view_t *v, const qoe_moment_t *m,
    const qoe_view_mark_t *from);
/* The growth since the last cut. */
qoe_growth_t qoe_view_growth_last(const qoe_view_t *v, const qoe_moment_t *m);
/* How much of a gap was playing. */
uint64_t qoe_view_credit(const qoe_judge_t *j, uint64_t gap_ms,
    qoe_growth_t growth);
/* Counts ms of playing that ended at until_ms. */
void qoe_view_play(qoe_judge_t *j, uint64_t ms, uint64_t until_ms);
/* Closes the gap: the next one begins at the event. */
void qoe_view_cut(qoe_view_t *v, const qoe_moment_t *m);
/*
 * Sets a mark at the event; values that the event does not have are the last
 * known ones.
 */
void qoe_view_mark(const qoe_view_t *v, qoe_view_mark_t *mark,
    const qoe_moment_t *m);

/* Functions of qoe_view_start.c. */

/* Judges an event before the first frame; the view may have started then. */
void qoe_view_before(qoe_judge_t *j);
/*
 * Starts a view whose first frame had no proof, because its end or last event
 * allows no other interpretation.
 */
void qoe_view_start_unproven(qoe_judge_t *j);
/* A report says that the view plays, which needs no proof. */
void qoe_view_start_reported(qoe_judge_t *j);

/* Functions of qoe_view_stall.c: the actions of the table of transitions. */

bool qoe_view_wait_opens(qoe_judge_t *j);
bool qoe_view_wait_is_held(qoe_judge_t *j);
bool qoe_view_wait_resumes(qoe_judge_t *j);
bool qoe_view_wait_forgets(qoe_judge_t *j);
bool qoe_view_plays_on(qoe_judge_t *j);
bool qoe_view_stall_grows(qoe_judge_t *j);
bool qoe_view_stall_goes_on(qoe_judge_t *j);
bool qoe_view_stall_ends(qoe_judge_t *j);
bool qoe_view_stall_seeks(qoe_judge_t *j);
bool qoe_view_stall_pauses(qoe_judge_t *j);
bool qoe_view_stall_leaves(qoe_judge_t *j);
bool qoe_view_seek_begins(qoe_judge_t *j);
bool qoe_view_seek_again(qoe_judge_t *j);
bool qoe_view_seek_waits(qoe_judge_t *j);
bool qoe_view_seek_can_play(qoe_judge_t *j);
bool qoe_view_seek_pauses(qoe_judge_t *j);
bool qoe_view_seek_ends(qoe_judge_t *j);
bool qoe_view_suspends(qoe_judge_t *j);
bool qoe_view_always(qoe_judge_t *j);

void qoe_view_open_wait(qoe_view_t *v, const qoe_moment_t *m);
/* The time when a seek began; players report a seek when it ends. */
uint64_t qoe_view_seek_start(const qoe_moment_t *seek);
/* Counts a stall of that length. */
void qoe_view_count_stall(qoe_view_t *v, qoe_points_t *points, double ms);
/* Closes the open stall at end_ms. */
void qoe_view_close_stall(qoe_judge_t *j, uint64_t end_ms);
bool qoe_view_at_end(const qoe_view_t *v, const qoe_moment_t *m);

/* Functions of qoe_view_end.c. */

/* The scores of a view; NaN: unknown. */

typedef struct {
    double                  startup;
    double                  rebuffer;
    double                  quality;
    double                  experience;
} qoe_view_scores_t;

void qoe_view_scores(qoe_view_scores_t *s, const qoe_view_t *v,
    qoe_view_outcome_t outcome);
/* A share, between 0 and 1. */
double qoe_view_share(double part, double whole);

/* In qoe_view_arrive.c: makes the points that an event makes by itself. */
void qoe_view_arrive(qoe_view_step_t *x);
void qoe_view_arrive_error(qoe_view_step_t *x);

/* Functions of qoe_view_media.c. */

void qoe_view_buffer(qoe_view_step_t *x);
void qoe_view_buffer_change(qoe_view_step_t *x);
void qoe_view_fragment(qoe_view_step_t *x);
void qoe_view_bandwidth(qoe_view_step_t *x);

/* Functions of qoe_view_quality.c. */

int qoe_view_media_of(qoe_span_t media_type);
double qoe_view_bitrate(const qoe_view_step_t *x);
/* Adds ms of playing with the current renditions. */
void qoe_view_rate(qoe_view_t *v, uint64_t ms);
/* Reduces the sums over renditions to the time that was really played. */
void qoe_view_rate_fit(qoe_view_t *v);
/* The mean bitrate of a view so far, bit/s; 0: unknown. */
double qoe_view_mean_rate(const qoe_view_media_t *m);
double qoe_view_mean_pixels(const qoe_view_t *v);
/* Takes the bitrate of the current rendition from an event. */
void qoe_view_rendition(qoe_view_step_t *x);
/* Fills in the media type, and the sizes of the picture and the player. */
void qoe_view_sizes(qoe_moment_t *m, const qoe_view_step_t *x);
/* 1 + the class of a picture's size; 0 if the size is unknown. */
unsigned qoe_view_class(unsigned width, unsigned height);
void qoe_view_class_point(qoe_points_t *points, unsigned class);
void qoe_view_quality_request(qoe_view_step_t *x);
void qoe_view_quality_change(qoe_view_step_t *x);
/* Adds the mean bitrate of a media type, named if events have named it. */
void qoe_view_average(const qoe_view_t *v, qoe_points_t *points, int media);

/* In qoe_view_shown.c: updates what is shown from this moment on. */
void qoe_view_shown(qoe_judge_t *j);


#endif /* _QOE_VIEW_PRIV_H_INCLUDED_ */
