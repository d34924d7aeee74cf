
/*
 * Copyright (C) OpenQoE
 *
 * The bytes of a view and of a session, which are in the zone.  Every member is
 * a plain value, and every bit pattern of it is safe, because a writer may be
 * killed at any store.  A change of meaning raises QOE_STATE_VERSION.
 *
 * Times are ms of the session's clock (qoe_session.h), and 0 means none.
 * Positions are ms of the video, and NaN means unknown.
 */


#ifndef _QOE_VIEW_STATE_H_INCLUDED_
#define _QOE_VIEW_STATE_H_INCLUDED_


#include "qoe_core.h"
#include "qoe_links.h"


#define QOE_VIEW_MEDIA     3                 /* video, audio, other */

/* The most events of a view that wait to be judged, those of half a second. */
#define QOE_VIEW_MOMENTS   12

/* The ended views that a session remembers. */
#define QOE_SESSION_PAST   6


/* The renditions of a media type. */

typedef struct {
    double          rate_sum;        /* rate * ms of playing */
    uint64_t        rate_ms;
    uint64_t        request_ms;      /* when a rendition was requested */
    float           bitrate;         /* last one shown, bit/s; 0: unknown */
    float           rate;            /* the same for the sums, also updated
                                        by heartbeats */
} qoe_view_media_t;


/* The state of playback at a moment, from which growth is measured. */

typedef struct {
    uint64_t        at_ms;
    double          position;
    double          told;            /* playing_time by the player, ms */
} qoe_view_mark_t;


/* An event, reduced to what its judgement needs. */

typedef struct {
    uint64_t        at_ms;
    double          position;
    double          value;           /* what matters for the type, or NaN */
    float           told;            /* playing_time, ms; NaN: not sent */
    float           bitrate;         /* bit/s; 0: unknown */
    union {
        struct {
            uint16_t    width;       /* picture, pixels; 0: unknown */
            uint16_t    height;
            uint16_t    box_width;   /* player, physical pixels */
            uint16_t    box_height;
        };
        double      stalled_at;      /* of a stallend: position or NaN */
    };
    uint8_t         type;            /* qoe_event_type_t */
    uint8_t         media;
    uint8_t         codec;           /* qoe_codec_t */
} qoe_moment_t;


/* The requests of a view's session, as far as they name it by CMCD. */

typedef struct {
    uint64_t        bytes;
    uint32_t        requests;        /* these do not wrap around */
    uint16_t        errors;          /* 4xx and 5xx */
    uint16_t        aborted;
    uint16_t        misses;          /* deadlines */
    uint16_t        stalls;          /* estimated */
    uint8_t         cause;           /* of the last miss or stall: 1 + number;
                                        0: none */
} qoe_view_requests_t;


struct qoe_view_s {

    /* written by qoe_sessions.c; read by collectors in other threads */

    uint64_t        view_key;        /* keyed hash of view_id; 0: free */
    uint64_t        video_key;       /* hash of video.id; 0: unknown */
    uint32_t        seq;             /* odd while the bases change, and while
                                        the slot gets another view */
    uint32_t        base;            /* attribute block, with a reference */
    uint32_t        base_s;          /* Unix time of the look-up of base; 0:
                                        not looked up */
    uint32_t        next;            /* next view of the session, or next
                                        free slot; 1 + index */
    uint32_t        session;         /* 1 + index */
    uint32_t        session_tag;     /* part of the session's key, to detect
                                        that its slot was reused */
    qoe_links_t     links;           /* in the list by last receipt */
    uint64_t        base_key;        /* hash of the raw values of all bases */
    uint32_t        titled;          /* bases of titled metrics, */
    uint32_t        fine;            /* and of headline metrics */
    uint32_t        list;            /* 1 + qoe_silence_t; 0: none */
    uint32_t        timeline;        /* 1 + index; 0: it has none */

    /*
     * Written by qoe_view*.c; from here on, everything is zero when the view
     * begins.  Ordered by how often a member is needed.
     */

    uint32_t        flags;           /* QOE_VIEW_... */
    uint8_t         phase;           /* qoe_view_phase_t */
    uint8_t         nmoments;
    uint8_t         quartiles;       /* a bit for each */
    uint8_t         start_class;     /* 1 + class of the first picture */
    uint64_t        received_ms;     /* last receipt, Unix */

    /* the time that has been judged */

    uint32_t        since_ms;        /* played since last.position was seen */
    uint32_t        rated_ms;        /* time of the open gap that the sums
                                        over renditions include already */
    uint64_t        seen_ms;         /* time of the last event */
    qoe_view_mark_t last;            /* the last event that cut a gap */
    uint64_t        position_ms;     /* when last.position was seen */
    uint64_t        born_ms;         /* time of the first event */
    uint64_t        entry_ms;        /* the same, or of the last moveback or
                                        moveaway */
    uint64_t        beat_at_ms;      /* time of the last heartbeat */
    uint32_t        beat_ms;         /* their interval; 0: unknown */
    float           rate;            /* playback rate; 0: 1 */
    float           duration;        /* of the video, ms; 0: unknown */
    float           dropped;         /* frames, by the player's count */
    uint64_t        playing_ms;
    uint64_t        watched_ms;
    uint64_t        stalled_ms;
    uint32_t        stalls;          /* after the first frame */
    uint32_t        recovered_ms;    /* played since a fatal error */

    /* of video, summed up over the time of playing */

    uint16_t        width;           /* picture, pixels; 0: unknown */
    uint16_t        height;
    uint16_t        box_width;       /* player, physical pixels */
    uint16_t        box_height;
    float           top;             /* highest bitrate seen */
    int32_t         stretched;       /* picture enlarged: 1; reduced: -1 */
    double          rate_log;        /* log of the current rate */
    double          log_sum;         /* log(rate) * ms */
    double          pixel_sum;
    uint64_t        pixel_ms;
    uint64_t        up_ms;           /* time with the picture enlarged */
    uint64_t        down_ms;         /* time with it reduced */
    qoe_view_media_t  media[QOE_VIEW_MEDIA];
    float           requested[QOE_VIEW_MEDIA];       /* bit/s, in the last
                                                        request */

    /*
     * Written by qoe_timelines.c: the stretch of playing that is still open,
     * so that an event which prolongs it needs no memory beside the view.
     */

    uint32_t        open_ms;         /* its length; 0: none is open */
    uint32_t        open_at_ms;      /* its start, since born_ms */
    uint16_t        parts;           /* parts of the timeline that are over */

    uint8_t         codec;           /* of the picture, qoe_codec_t */

    /* events that wait, ordered by time and qoe_event_type_rank() */

    qoe_moment_t    moment[QOE_VIEW_MOMENTS];

    /* open waits, seeks and suspensions; startup */

    qoe_view_mark_t wait;            /* at_ms 0: none is open */
    uint64_t        wait_lost_ms;    /* part of it that does not count */
    qoe_view_mark_t seek;
    uint64_t        detached_ms;
    qoe_view_mark_t wish;            /* at_ms 0: no wish yet */
    uint64_t        frame_ms;        /* time of an unproven first frame */
    uint64_t        canplay_ms;
    uint64_t        ready_ms;
    double          canplay;         /* video_startup_time, or the start delay
                                        of reports, ms */
    double          ready;           /* player_startup_time, ms */
    double          page;            /* page_load_time, ms; 0: unknown */
    double          startup;         /* ms; NaN: unknown */
    double          aggregate;       /* ms; NaN: unknown */
    float           told_scale;      /* unit of playing_time, ms; 0: unknown */
    float           scale_told;      /* start of the measurement of the unit */
    double          scale_position;
    uint64_t        phase_ms;        /* when the seek or the pause began */

    /* of views with reports of CMCD (qoe_view_report.h) */

    uint64_t        other_key;       /* keyed hash of the view_id by which an
                                        SDK names it; 0: none */
    uint32_t        error_ms;        /* the last error that was counted, the
                                        low bits; 0: none */
    uint32_t        error_hash;      /* its code; 0: none */
    float           told_stalled;    /* stalled in total, by the player, ms, */
    float           told_measured;   /* and by the view at the same time */
    uint8_t         state;           /* 1 + the state that was judged last */
    uint8_t         told_state;      /* 1 + the state that arrived last */

    /* for the record of the view (qoe_view_record.h) */

    uint8_t         over;            /* 1 + qoe_view_end_t; 0: alive */
    uint8_t         outcome;         /* qoe_view_outcome_t, once it is over */
    uint16_t        top_height;      /* of the picture, pixels */
    uint32_t        events;          /* without duplicates */
    uint32_t        pauses;
    uint32_t        seeks;
    uint32_t        errors;
    uint32_t        switches_up;     /* changes of the video's bitrate */
    uint32_t        switches_down;
    uint32_t        longest_ms;      /* the longest stall */
    uint32_t        paused_ms;       /* these do not wrap around */
    uint32_t        seeking_ms;
    uint32_t        hidden_ms;
    uint32_t        frames_lost;     /* dropped frames, all together */
    double          height_sum;      /* height * ms of playing */
    double          max_position;
    float           completion;      /* reported by the player, or NaN */

    /* written by src/qoe */

    uint32_t        play;            /* number of the view in its session */
    uint32_t        records;         /* put so far */
    uint32_t        sent;            /* block: dimensions as sent, where the
                                        governed values are others */
    uint32_t        ids;             /* block: ids that are no UUIDs */
    uint32_t        error;           /* block: family and code of the last
                                        error */
    uint64_t        recorded_ms;     /* of the last record, Unix */
    uint64_t        viewer;          /* keyed hash; 0: unknown */
    uint8_t         view_id[16];     /* UUIDs; zero: see ids */
    uint8_t         session_id[16];
    qoe_view_requests_t  requests;
} __attribute__((aligned(64)));      /* to use few cache lines */


/* A view that is over. */

typedef struct {
    uint64_t        view_key;        /* 0: none */
    uint64_t        video_key;
    uint64_t        end_ms;
    uint64_t        wait_ms;         /* time of a wait reported since then */
    float           told;            /* playing_time at the end; NaN: unknown */
    uint32_t        why;             /* qoe_view_end_t */
} qoe_past_t;


struct qoe_session_s {

    /* written by qoe_sessions.c */

    uint64_t        key[2];          /* 128 bits of a keyed hash of org_id
                                        and session_id; 0, 0: free */
    uint32_t        next;            /* in the chain or free list, 1 + index */
    qoe_links_t     links;           /* in the list by last receipt */
    uint32_t        views;           /* 1 + index of the newest view */
    uint32_t        nviews;
    uint32_t        listed;          /* 1: in the list */
    uint32_t        plays;           /* views begun */

    /* written by qoe_session.c */

    uint32_t        flags;           /* QOE_SESSION_... */
    uint32_t        next_past;
    uint64_t        received_ms;     /* last receipt, Unix */
    uint64_t        first_ms;        /* first receipt, Unix */
    int64_t         skew_ms;         /* least receipt - event time */
    int64_t         offset_ms;       /* added to the client's clock */
    uint64_t        newest_ms;       /* latest event, by the session's clock */
    uint64_t        newest_received_ms;      /* and its receipt */
    uint64_t        suspect_ms;      /* event that may show that the clock
                                        was set back; 0: none */
    uint64_t        suspect_received_ms;
    qoe_past_t      past[QOE_SESSION_PAST];

    /* written by qoe_session_report.c */

    uint32_t        report_window;   /* which of the 32 reports up to the last
                                        one have arrived, from bit 0 on */
    uint32_t        report_last;     /* 1 + the highest sequence number */
    uint32_t        ad;              /* tag of the video that an ad
                                        interrupts; 0: there is no ad */

    /* written by qoe_sessions_newcomers.c */

    uint32_t        newcomer;        /* QOE_NEWCOMER_..., or 0 */
    qoe_links_t     newcomers;       /* links in its list */
} __attribute__((aligned(64)));


#endif /* _QOE_VIEW_STATE_H_INCLUDED_ */
