
/*
 * Copyright (C) OpenQoE
 *
 * Inside qoe_view*.c: an event on its way through the state machine.
 */


#ifndef _QOE_VIEW_PRIV_H_INCLUDED_
#define _QOE_VIEW_PRIV_H_INCLUDED_


#include "qoe_view.h"


#define QOE_DAY_MS         86400000


/* Bits of qoe_view_t's flags: of the session, then of the view. */

#define QOE_VIEW_CLOCK     0x0001            /* skew_ms and now_ms are set */
#define QOE_VIEW_STEPPED   0x0002            /* skew_ms was raised once */
#define QOE_VIEW_SESSION   0x00ff            /* those that outlive a view */
#define QOE_VIEW_FRESH     0x0100            /* no event yet */
#define QOE_VIEW_STARTED   0x0200            /* a first frame was shown */
#define QOE_VIEW_COMPLETED 0x0400
#define QOE_VIEW_ENDING    0x0800
#define QOE_VIEW_HIDDEN    0x1000
#define QOE_VIEW_FATAL     0x2000            /* the player said so */
#define QOE_VIEW_DOUBTFUL  0x4000            /* fatal unless it plays on */
#define QOE_VIEW_READY     0x8000            /* ready_ms is set */
#define QOE_VIEW_TIMED     0x10000           /* its startup was told */
#define QOE_VIEW_STALL     0x20000           /* without its stallend yet */
#define QOE_VIEW_IDLE_SEEK 0x40000           /* a seek of a paused player */
#define QOE_VIEW_SIZED     0x80000           /* both sizes were known */
#define QOE_VIEW_NAMED     0x100000          /* << media: named by events */
#define QOE_VIEW_IDLE_STALL 0x800000         /* it began while paused */
#define QOE_VIEW_MEASURED  0x1000000         /* the duration of the stall before
                                                is told, its stallend is not */


typedef enum {
    QOE_VIEW_INIT = 0,           /* no frame yet */
    QOE_VIEW_PLAYING,
    QOE_VIEW_PAUSED,
    QOE_VIEW_STALLED,
    QOE_VIEW_SEEKING
} qoe_view_mode_t;

enum {
    QOE_VIEW_VIDEO = 0,
    QOE_VIEW_AUDIO,
    QOE_VIEW_OTHER
};


typedef struct {
    qoe_view_t             *v;           /* NULL: of a view that is over */
    const qoe_sample_t     *s;
    const qoe_view_conf_t  *conf;
    qoe_points_t           *points;
    uint64_t                set;         /* numbers that are in range */
    uint64_t                now_ms;      /* of the event */
    uint64_t                spent_ms;    /* since the last one */
    uint64_t                played_ms;   /* part of it */
    int                     media;
    double                  bitrate;     /* of the event, bit/s; 0: none */
} qoe_view_step_t;


#define qoe_view_has(x, id)     (((x)->set >> QOE_NUMBER_##id & 1) != 0)
#define qoe_view_number(x, id)  ((x)->s->number[QOE_NUMBER_##id])
#define qoe_view_text(x, id)    ((x)->s->text[QOE_TEXT_##id])


/* Later than then by; never negative. */

static inline uint64_t
qoe_view_since(uint64_t now, uint64_t then)
{
    return now > then ? now - then : 0;
}


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

/* qoe_view.c */

/* Was it older than another that came before it? */
bool qoe_view_overtaken(const qoe_view_step_t *x);
/* Up to ms of what was held for playing was spent in that state. */
void qoe_view_move(qoe_view_step_t *x, uint64_t ms, qoe_view_mode_t mode);
/* An event that is older than the state in force does not change it. */
void qoe_view_enter(qoe_view_step_t *x, qoe_view_mode_t mode);

/* Handlers of event types; what each may rely on is in qoe_view.c's table. */

/* qoe_view_play.c */
void qoe_view_page_load(qoe_view_step_t *x);
void qoe_view_player_ready(qoe_view_step_t *x);
void qoe_view_can_play(qoe_view_step_t *x);
void qoe_view_playing(qoe_view_step_t *x);
void qoe_view_pause(qoe_view_step_t *x);
void qoe_view_seek(qoe_view_step_t *x);
/* Ends a seek: to where it was begun from. */
void qoe_view_sought(qoe_view_step_t *x);
void qoe_view_ended(qoe_view_step_t *x);
void qoe_view_detached(qoe_view_step_t *x);
void qoe_view_error(qoe_view_step_t *x);
void qoe_view_quartile(qoe_view_step_t *x);
void qoe_view_heartbeat(qoe_view_step_t *x);
void qoe_view_move_away(qoe_view_step_t *x);
void qoe_view_move_back(qoe_view_step_t *x);

/* qoe_view_stall.c */
void qoe_view_stall_start(qoe_view_step_t *x);
void qoe_view_stall_end(qoe_view_step_t *x);
/* The duration of a stall behind which no stallend came. */
void qoe_view_stall_measured(const qoe_view_t *v, qoe_points_t *points);

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
/* It did not for ms of before, which is more than that. */
void qoe_view_rate_less(qoe_view_t *v, uint64_t before, uint64_t ms);
/* The mean bitrate of a view so far, bit/s; 0: not known. */
double qoe_view_mean_rate(const qoe_view_media_t *m);
double qoe_view_mean_pixels(const qoe_view_t *v);
/* What an event tells of the rendition that is playing. */
void qoe_view_rendition(qoe_view_step_t *x);
void qoe_view_resolution(qoe_view_step_t *x);
void qoe_view_quality_request(qoe_view_step_t *x);
void qoe_view_quality_change(qoe_view_step_t *x);


#endif /* _QOE_VIEW_PRIV_H_INCLUDED_ */
