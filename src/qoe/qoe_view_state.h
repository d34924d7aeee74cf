
/*
 * Copyright (C) OpenQoE
 *
 * The bytes of a session slot.  They are in the zone: every member is a plain
 * value whose every bit pattern is safe to work on, for its writer may have
 * been killed at any store.  A change of meaning raises QOE_STATE_VERSION.
 *
 * Times are Unix ms of the session's corrected clock (qoe_view.c), 0: none.
 */


#ifndef _QOE_VIEW_STATE_H_INCLUDED_
#define _QOE_VIEW_STATE_H_INCLUDED_


#include "qoe_core.h"


#define QOE_VIEW_OVER      4                 /* views that are over */
#define QOE_VIEW_STATES    5
#define QOE_VIEW_MEDIA     3                 /* video, audio, other */


/* What is known of the renditions of a media type. */

typedef struct {
    double          bitrate;         /* shown last, bit/s; 0: not known */
    double          rate;            /* the same for the sums, which follow
                                        heartbeats too */
    double          rate_sum;        /* rate * ms of playing */
    uint64_t        rate_ms;
    uint64_t        request_ms;      /* a quality was asked for */
} qoe_view_media_t;


struct qoe_view_s {

    /* written by qoe_sessions.c; read by collectors of other threads */

    uint64_t        session[2];      /* 128 bits of keyed hash of org_id and
                                        session_id; 0, 0: free */
    uint32_t        seq;             /* odd while base is changed */
    uint32_t        base;            /* attribute block, a reference held */
    uint32_t        next;            /* of the hash chain, 1 + index */
    uint32_t        newer;           /* of the list by last receipt */
    uint32_t        older;
    uint32_t        list;            /* 1 + qoe_sessions_list_t; 0: none */
    uint32_t        base_s;          /* Unix s at which base was looked up;
                                        0: not yet */
    uint32_t        flags;           /* qoe_view*.c's */
    uint64_t        base_key;        /* hash of the raw values of all three */
    uint32_t        titled;          /* attribute blocks of titled metrics, */
    uint32_t        fine;            /* and of headline ones; as base */

    /* written by qoe_view*.c */

    uint64_t        received_ms;     /* last receipt, Unix */
    uint64_t        view_key;        /* current view, 0: none */

    /* of the session */

    uint64_t        over[QOE_VIEW_OVER];
    int64_t         skew_ms;         /* server's clock - client's */
    uint64_t        first_ms;        /* receipt of its first event */
    uint64_t        now_ms;          /* never goes back */
    uint8_t         over_next;

    /* of the current view: all zero when it begins */

    uint8_t         state;
    uint8_t         quartiles;       /* a bit each */
    uint32_t        stalls;          /* behind the first frame */
    uint64_t        begin_ms;        /* the first event */
    uint64_t        entry_ms;        /* that, or the last moveback */
    uint64_t        change_ms;       /* of the state */
    uint64_t        stall_ms;        /* begin of the last stall */
    uint64_t        stall_end_ms;    /* its end, before its stallend */
    uint64_t        spent_ms[QOE_VIEW_STATES];
    uint64_t        hidden_ms;       /* part of them */
    double          told_ms;         /* playing time, as the player counts */
    uint32_t        told_at_ms;      /* what was measured of it by then */
    uint32_t        failed_ms;       /* it plays on behind a fatal error, if
                                        told_ms gets there */
    double          dropped;         /* frames, as the player counts */
    double          ready_ms;        /* player startup time */
    double          startup_ms;      /* first frame - page entry */
    qoe_view_media_t  media[QOE_VIEW_MEDIA];

    /* of video, sums over the time of playing */

    double          log_sum;         /* log(rate) * ms */
    double          top;             /* highest bitrate seen */
    double          pixels;          /* of the rendition; 0: not known */
    double          player_pixels;
    double          pixel_sum;
    uint64_t        pixel_ms;
    uint64_t        up_ms;           /* fewer pixels than the player has */
    uint64_t        down_ms;         /* more */
} __attribute__((aligned(64)));      /* no more cache lines than need be */


#endif /* _QOE_VIEW_STATE_H_INCLUDED_ */
