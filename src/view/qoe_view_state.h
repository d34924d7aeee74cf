
/*
 * Copyright (C) OpenQoE
 *
 * The bytes of a view and of a session.  They are in the zone: every member is
 * a plain value whose every bit pattern is safe to work on, because a writer
 * may be killed at any store.  A change of meaning raises QOE_STATE_VERSION.
 *
 * Times are ms of the session's clock (qoe_session.h), 0: none.  Positions are
 * ms of the video, NaN: not known.
 */


#ifndef _QOE_VIEW_STATE_H_INCLUDED_
#define _QOE_VIEW_STATE_H_INCLUDED_


#include "qoe_core.h"


#define QOE_VIEW_MEDIA     3                 /* video, audio, other */

/* Events of a view that wait to be judged: those of half a second. */
#define QOE_VIEW_MOMENTS   12

/* Views that are over and that a session remembers. */
#define QOE_SESSION_PAST   6


/* What is known of the renditions of a media type. */

typedef struct {
    double          rate_sum;        /* rate * ms of playing */
    uint64_t        rate_ms;
    uint64_t        request_ms;      /* when a rendition was requested */
    float           bitrate;         /* shown last, bit/s; 0: not known */
    float           rate;            /* the same for the sums, which follow
                                        heartbeats too */
    float           requested;       /* bit/s, by the last request */
} qoe_view_media_t;


/* Where a view stood at a moment: what proof of playing is measured from. */

typedef struct {
    uint64_t        at_ms;
    double          position;
    double          told;            /* playing_time as the player counts, ms */
} qoe_view_mark_t;


/* An event, reduced to what its judgement needs. */

typedef struct {
    uint64_t        at_ms;
    double          position;
    double          value;           /* what the type tells; NaN: nothing */
    float           told;            /* playing_time, ms; NaN: not sent */
    float           bitrate;         /* bit/s; 0: not known */
    union {
        struct {
            uint16_t    width;       /* picture, pixels; 0: not known */
            uint16_t    height;
            uint16_t    box_width;   /* the player's, physical pixels */
            uint16_t    box_height;
        };
        double      stalled_at;      /* stallend: position, ms, or NaN */
    };
    uint8_t         type;            /* qoe_event_type_t */
    uint8_t         media;
} qoe_moment_t;


struct qoe_view_s {

    /* written by qoe_sessions.c; read by collectors of other threads */

    uint64_t        view_key;        /* keyed hash of view_id; 0: free */
    uint64_t        video_key;       /* of video.id; 0: not known yet */
    uint32_t        seq;             /* odd while base is changed, and while the
                                        slot becomes this view's */
    uint32_t        base;            /* attribute block, a reference held */
    uint32_t        base_s;          /* Unix s at which base was looked up;
                                        0: not yet */
    uint32_t        next;            /* 1 + index: of the session's views, or
                                        of the free ones */
    uint32_t        session;         /* 1 + index */
    uint32_t        session_tag;     /* of its key: the link is still right */
    uint32_t        newer;           /* of the list by last receipt */
    uint32_t        older;
    uint64_t        base_key;        /* hash of the raw values of all three */
    uint32_t        titled;          /* attribute blocks of titled metrics, */
    uint32_t        fine;            /* and of headline ones; as base */
    uint32_t        list;            /* 1 + qoe_silence_t; 0: none */

    /*
     * Written by qoe_view*.c, from here on all zero when the view begins; in
     * the order of how often it is needed.
     */

    uint32_t        flags;           /* QOE_VIEW_... */
    uint64_t        received_ms;     /* last receipt, Unix */
    uint8_t         phase;           /* qoe_view_phase_t */
    uint8_t         nmoments;
    uint8_t         quartiles;       /* a bit each */
    uint8_t         start_class;     /* 1 + class of the first picture */

    /* the time that has been judged */

    uint32_t        since_ms;        /* played since last.position was seen */
    uint32_t        rated_ms;        /* of the gap that is open: what the sums
                                        over renditions have already */
    uint64_t        seen_ms;         /* the last event */
    qoe_view_mark_t last;            /* the last one that cut a gap */
    uint64_t        position_ms;     /* when last.position was seen */
    uint64_t        born_ms;         /* the first event */
    uint64_t        entry_ms;        /* that, or the last moveback */
    uint64_t        beat_at_ms;      /* the last heartbeat */
    uint32_t        beat_ms;         /* time between heartbeats; 0: unknown */
    float           rate;            /* of playback; 0: 1 */
    float           duration;        /* of the video, ms; 0: not known */
    float           dropped;         /* frames, as the player counts */
    uint64_t        playing_ms;
    uint64_t        watched_ms;
    uint64_t        stalled_ms;
    uint32_t        stalls;          /* after the first frame */
    uint32_t        recovered_ms;    /* played since a fatal error */

    /* of video, sums over the time of playing */

    uint16_t        width;           /* picture, pixels; 0: not known */
    uint16_t        height;
    uint16_t        box_width;       /* the player's, physical pixels */
    uint16_t        box_height;
    float           top;             /* highest bitrate seen */
    int32_t         stretched;       /* the picture is: 1; shrunk: -1 */
    double          rate_log;        /* log of the rate that is shown */
    double          log_sum;         /* log(rate) * ms */
    double          pixel_sum;
    uint64_t        pixel_ms;
    uint64_t        up_ms;           /* the picture was stretched */
    uint64_t        down_ms;         /* it was shrunk */
    qoe_view_media_t  media[QOE_VIEW_MEDIA];

    /* events that wait, by time and then by qoe_event_type_rank() */

    qoe_moment_t    moment[QOE_VIEW_MOMENTS];

    /* a wait, a seek, a suspension that is open; startup */

    qoe_view_mark_t wait;            /* at_ms 0: none is open */
    uint64_t        wait_lost_ms;    /* of it, which counts as nothing */
    qoe_view_mark_t seek;
    uint64_t        detached_ms;
    qoe_view_mark_t wish;            /* at_ms 0: there was none */
    uint64_t        frame_ms;        /* a first frame without proof yet */
    uint64_t        canplay_ms;
    uint64_t        ready_ms;
    double          canplay;         /* video_startup_time, ms */
    double          ready;           /* player_startup_time, ms */
    double          page;            /* page_load_time, ms; 0: not known */
    double          startup;         /* ms; NaN: not known */
    double          aggregate;       /* ms; NaN: not known */
    float           told_scale;      /* of playing_time, ms; 0: not known */
    float           scale_told;      /* where the unit is measured from */
    double          scale_position;
} __attribute__((aligned(64)));      /* no more cache lines than need be */


/* A view that is over. */

typedef struct {
    uint64_t        view_key;        /* 0: none */
    uint64_t        video_key;
    uint64_t        end_ms;
    uint64_t        wait_ms;         /* a wait that was reported since */
    float           told;            /* playing_time at the end; NaN: unknown */
    uint32_t        why;             /* qoe_view_end_t */
} qoe_past_t;


struct qoe_session_s {

    /* written by qoe_sessions.c */

    uint64_t        key[2];          /* 128 bits of keyed hash of org_id and
                                        session_id; 0, 0: free */
    uint32_t        next;            /* 1 + index: of the hash chain, or free */
    uint32_t        newer;           /* of the list by last receipt */
    uint32_t        older;
    uint32_t        views;           /* 1 + index of the newest view */
    uint32_t        nviews;
    uint32_t        listed;          /* 1: in the list */

    /* written by qoe_session.c */

    uint32_t        flags;           /* QOE_SESSION_... */
    uint32_t        next_past;
    uint64_t        received_ms;     /* last receipt, Unix */
    uint64_t        first_ms;        /* first receipt, Unix */
    int64_t         skew_ms;         /* least receipt - event time */
    int64_t         offset_ms;       /* added to the client's clock */
    uint64_t        newest_ms;       /* the latest event, session's clock */
    uint64_t        newest_received_ms;      /* and its receipt */
    uint64_t        suspect_ms;      /* an event that may show that the clock
                                        was set back; 0: none */
    uint64_t        suspect_received_ms;
    qoe_past_t      past[QOE_SESSION_PAST];

    /* written by qoe_sessions_newcomers.c */

    uint32_t        newcomer;        /* QOE_NEWCOMER_..., or 0 */
    uint32_t        later;           /* 1 + index: of its list */
    uint32_t        earlier;
} __attribute__((aligned(64)));


#endif /* _QOE_VIEW_STATE_H_INCLUDED_ */
