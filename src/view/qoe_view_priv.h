
/*
 * Copyright (C) OpenQoE
 *
 * Inside qoe_view*.c: an event that arrives, and one that is judged.
 */


#ifndef _QOE_VIEW_PRIV_H_INCLUDED_
#define _QOE_VIEW_PRIV_H_INCLUDED_


#include "qoe_view.h"
#include "qoe_view_table.h"

#include <math.h>


/* How long an event waits for its neighbours, in time of events. */
#define QOE_VIEW_HOLD_MS       500

/* Events that near to each other may have happened in either order. */
#define QOE_VIEW_NEAR_MS       250

/* A pause that near to the end is the player's own. */
#define QOE_VIEW_END_MS        500

/* A shorter wait is no stall; so much growth proves that none is going on. */
#define QOE_VIEW_STALL_MS      250

/* A stalled position creeps; this is more. */
#define QOE_VIEW_CREEP_MS      5

/* Proof is taken over that much time, for some players count in ticks. */
#define QOE_VIEW_SPAN_MS       1000

/* A canplay that is older was there before the viewer wanted to play. */
#define QOE_VIEW_CANPLAY_MS    1000

/* A suspended view is over after that; a silent one is judged. */
#define QOE_VIEW_DETACH_MS     30000

/* So much playing shows that an error was not fatal. */
#define QOE_VIEW_RECOVERED_MS  10000

/* Heartbeats of a player that has sent no two yet. */
#define QOE_VIEW_BEAT_MS       10000
#define QOE_VIEW_PATIENCE_MS   30000         /* at least, for silent players */

/* Of watch time, a step at least. */
#define QOE_VIEW_STEP_MS       60000


/* Bits of a view's flags. */

#define QOE_VIEW_FIRST         0x0001        /* of its session */
#define QOE_VIEW_CONTINUED     0x0002
#define QOE_VIEW_ATTEMPTED     0x0004        /* a wish to play was there */
#define QOE_VIEW_STARTED       0x0008        /* a first frame was shown */
#define QOE_VIEW_WITHDRAWN     0x0010        /* paused before it */
#define QOE_VIEW_UNTIMED       0x0020        /* the startup cannot be known */
#define QOE_VIEW_FAILING       0x0040        /* an error before it */
#define QOE_VIEW_FATAL         0x0080        /* after it */
#define QOE_VIEW_ERROR_STALL   0x0100        /* an error in the open stall */
#define QOE_VIEW_HELD          0x0200        /* a wait outlasts the pause */
#define QOE_VIEW_HIDDEN        0x0400        /* the page */
#define QOE_VIEW_PROVEN        0x0800        /* positions or times are sent */
#define QOE_VIEW_TOLD          0x1000        /* playing_time was sent */
#define QOE_VIEW_ENDING        0x2000
#define QOE_VIEW_SIZED         0x4000        /* both sizes were known */
#define QOE_VIEW_HEARD         0x8000        /* an event arrived */
#define QOE_VIEW_NAMED         0x10000       /* << media: named by events */


enum {
    QOE_VIEW_VIDEO = 0,
    QOE_VIEW_AUDIO,
    QOE_VIEW_OTHER
};


/* An event that arrives. */

typedef struct {
    qoe_view_t             *v;           /* NULL: of a view that is over */
    const qoe_sample_t     *s;
    qoe_points_t           *points;
    uint64_t                at_ms;
    uint64_t                set;         /* numbers that are in range */
    int                     media;
    double                  bitrate;     /* of the event, bit/s; 0: none */
} qoe_view_step_t;


/* How far playback has got since a mark. */

typedef enum {
    QOE_GROWTH_UNKNOWN = 0,      /* no evidence */
    QOE_GROWTH_LEAP,             /* the position was moved */
    QOE_GROWTH_MS
} qoe_growth_kind_t;

typedef struct {
    qoe_growth_kind_t       kind;
    double                  ms;          /* may be negative */
} qoe_growth_t;


/* Judging a view. */

typedef struct {
    qoe_view_t             *v;
    const qoe_view_conf_t  *conf;
    qoe_points_t           *points;
    const qoe_moment_t     *m;           /* the event */
    const qoe_moment_t     *rest;        /* those after it, up to 500 ms */
    size_t                  nrest;
    uint64_t                gap_ms;      /* since the last cut */
    qoe_growth_t            growth;      /* since the state began */
    uint64_t                played_ms;   /* of all that is judged at once */
    uint64_t                watched_ms;
} qoe_judge_t;


#define qoe_view_has(x, id)     (((x)->set >> QOE_NUMBER_##id & 1) != 0)
#define qoe_view_number(x, id)  ((x)->s->number[QOE_NUMBER_##id])
#define qoe_view_text(x, id)    ((x)->s->text[QOE_TEXT_##id])


/* qoe_view_point.c */

/* Attributes that a point takes from its event, where it has them. */
#define QOE_WITH_MEDIA     1
#define QOE_WITH_OUTLIER   2
#define QOE_WITH_CODEC     4
#define QOE_WITH_FRAMERATE 8

/* Numbers outside of their range are counted, and not in the set. */
uint64_t qoe_view_valid(const qoe_sample_t *s, uint32_t *ignored);

/*
 * Adds a point unless its value is none, or a zero of a counter.  NULL then,
 * which qoe_point_extra() takes.
 */
qoe_point_t *qoe_point_add(qoe_points_t *points, qoe_metric_id_t metric,
    double value);
void qoe_point_extra(qoe_point_t *p, qoe_dim_t dim, qoe_span_t text);
void qoe_view_point(qoe_view_step_t *x, qoe_metric_id_t metric, double value,
    unsigned with);

void qoe_points_clear(qoe_points_t *points);

/* qoe_view.c */

/* Judges what happened longer than QOE_VIEW_HOLD_MS before at_ms. */
void qoe_view_judge_before(qoe_judge_t *j, uint64_t at_ms);
/*
 * The points of playing and watch time of all that was judged.  Watch time
 * holds the playing time, however a gap was cut.
 */
void qoe_view_times(const qoe_judge_t *j);

/* qoe_view_judge.c: j->m, with the neighbours in j->rest. */
void qoe_view_judge_moment(qoe_judge_t *j);

/* qoe_view_moment.c */

/* Puts what the judgement needs of the event into its place. */
void qoe_moment_of(qoe_moment_t *m, const qoe_view_step_t *x);
void qoe_moment_insert(qoe_view_t *v, const qoe_moment_t *m);
/* Leaves out one that only informs, of which others have more; false: none. */
bool qoe_moment_thin(qoe_view_t *v);
/* Events that say how it is, and change no state. */
bool qoe_moment_informs(const qoe_moment_t *m);
/* Events that say nothing of playing: no evidence, and no change. */
bool qoe_moment_silent(const qoe_moment_t *m);
/* One of that type within ms after the event that is judged; NULL: none. */
const qoe_moment_t *qoe_moment_ahead(const qoe_judge_t *j, unsigned type,
    uint64_t ms);

/* qoe_view_proof.c */

/* The unit of playing_time, which is seconds with some players. */
void qoe_view_unit(qoe_view_t *v, qoe_moment_t *m);
/* The time that counts at most without proof. */
uint64_t qoe_view_patience(const qoe_view_t *v, const qoe_view_conf_t *conf);
/* Since from, by the position, else by playing_time; both where known. */
qoe_growth_t qoe_view_growth(const qoe_view_t *v, const qoe_moment_t *m,
    const qoe_view_mark_t *from);
/* Since the last cut. */
qoe_growth_t qoe_view_growth_last(const qoe_view_t *v, const qoe_moment_t *m);
/* How much of a gap was playing. */
uint64_t qoe_view_credit(const qoe_judge_t *j, uint64_t gap_ms,
    qoe_growth_t growth);
void qoe_view_play(qoe_judge_t *j, uint64_t ms);
/* Ends the gap: the next one begins at the event. */
void qoe_view_cut(qoe_view_t *v, const qoe_moment_t *m);
/* Where the event is; what it does not say is as it was last. */
void qoe_view_mark(const qoe_view_t *v, qoe_view_mark_t *mark,
    const qoe_moment_t *m);

/* qoe_view_start.c */

/* Before the first frame.  It may have started when this returns. */
void qoe_view_before(qoe_judge_t *j);
/* It started at at_ms: the end, or the last event, leaves no other reading. */
void qoe_view_start_unproven(qoe_judge_t *j);

/* qoe_view_stall.c: actions of the table of transitions. */

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
/* The stall that is open is over at end_ms. */
void qoe_view_close_stall(qoe_judge_t *j, uint64_t end_ms);
bool qoe_view_at_end(const qoe_view_t *v, const qoe_moment_t *m);

/* qoe_view_arrive.c: the points that an event makes by itself. */
void qoe_view_arrive(qoe_view_step_t *x);

/* qoe_view_media.c */
void qoe_view_buffer(qoe_view_step_t *x);
void qoe_view_buffer_change(qoe_view_step_t *x);
void qoe_view_fragment(qoe_view_step_t *x);
void qoe_view_bandwidth(qoe_view_step_t *x);

/* qoe_view_quality.c */
int qoe_view_media_of(qoe_span_t media_type);
double qoe_view_bitrate(const qoe_view_step_t *x);
/* Playing went on for ms with the renditions that are known. */
void qoe_view_rate(qoe_view_t *v, uint64_t ms);
/* The sums over renditions shrink to the time that was played. */
void qoe_view_rate_fit(qoe_view_t *v);
/* The mean bitrate of a view so far, bit/s; 0: not known. */
double qoe_view_mean_rate(const qoe_view_media_t *m);
double qoe_view_mean_pixels(const qoe_view_t *v);
/* What an event tells of the rendition that is playing. */
void qoe_view_rendition(qoe_view_step_t *x);
/* The sizes of the picture and of its player, and the media, of a moment. */
void qoe_view_sizes(qoe_moment_t *m, const qoe_view_step_t *x);
/* 1 + the class of a picture's size; 0: it is not known. */
unsigned qoe_view_class(unsigned width, unsigned height);
void qoe_view_class_point(qoe_points_t *points, unsigned class);
void qoe_view_quality_request(qoe_view_step_t *x);
void qoe_view_quality_change(qoe_view_step_t *x);
/* From the moment on this is what is shown. */
void qoe_view_shown(qoe_judge_t *j);
/* Mean bitrates by media type, with its name where that is known. */
void qoe_view_average(const qoe_view_t *v, qoe_points_t *points, int media);


#endif /* _QOE_VIEW_PRIV_H_INCLUDED_ */
