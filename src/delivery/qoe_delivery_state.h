
/*
 * Copyright (C) OpenQoE
 *
 * The bytes of the state of a session that makes requests, as they lie in the
 * zone.  A change of meaning raises QOE_STATE_VERSION.
 *
 * A writer may be killed at any store: any values of the private part are safe,
 * and at worst make one wrong estimate.
 *
 * Included by qoe_delivery.h alone.
 */


#ifndef _QOE_DELIVERY_STATE_H_INCLUDED_
#define _QOE_DELIVERY_STATE_H_INCLUDED_


/* The tracks of a session; muxed content is video. */

typedef enum {
    QOE_TRACK_VIDEO = 0,
    QOE_TRACK_AUDIO,
    QOE_TRACKS
} qoe_track_t;


/* The last requests of a track that are remembered. */
#define QOE_DELIVERY_PAST  4


/* Times are in ms after the first request of the session, at least 1. */

typedef struct {
    uint32_t        start;           /* 0: none */
    uint32_t        end;
    uint32_t        segment;         /* the low bits */
    uint16_t        length;          /* d in units of 4 ms */
    uint8_t         cause;           /* what made it slow, qoe_cause_t */
    uint8_t         flags;
} qoe_delivery_past_t;

typedef struct {
    qoe_delivery_past_t  past[QOE_DELIVERY_PAST];    /* in no order */
    uint32_t        start;           /* of the request that began last */
    uint32_t        nor;             /* what it announced: low bits of a hash */
    uint32_t        step;            /* least distance of two segments */
    float           kbps;            /* br of the last complete response */
    float           rate;            /* throughput of a large response, kbit/s,
                                        until it was compared; 0: none */
    uint32_t        bl;              /* of the request that began last */
} qoe_delivery_track_t;


struct qoe_delivery_s {

    /* of the table (qoe_deliveries.h) */

    uint64_t        key[2];          /* both 0: a free slot */
    uint32_t        seq;             /* odd while the slot changes */
    uint32_t        next;            /* in the bucket, or next free slot */
    uint32_t        newer;
    uint32_t        older;
    uint64_t        received_ms;     /* the last receipt, Unix */
    uint8_t         list;            /* 1 + list; 0: in none */
    uint8_t         st;              /* qoe_cmcd_st_t */
    uint8_t         sf;              /* qoe_cmcd_sf_t */
    uint8_t         version;

    /* of its user: attribute blocks, as qoe_sessions.h has them for views */

    uint32_t        base_s;          /* when they were looked up, Unix */
    uint64_t        base_key;
    uint32_t        base[QOE_GRAINS];

    /* private to qoe_delivery*.c */

    uint32_t        flags;
    uint64_t        begin_ms;        /* the first request, Unix */
};


#endif /* _QOE_DELIVERY_STATE_H_INCLUDED_ */
