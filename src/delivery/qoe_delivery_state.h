
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


#include "qoe_links.h"


/* The tracks of a session; muxed content is video. */

typedef enum {
    QOE_TRACK_VIDEO = 0,
    QOE_TRACK_AUDIO,
    QOE_TRACKS
} qoe_track_t;


/* The last requests of a track that are remembered. */
#define QOE_DELIVERY_PAST  6


/*
 * Times of a session are in ms after its epoch, and at least 1.  "by 4" is in
 * units of 4 ms.
 */

typedef struct {
    uint32_t        start;           /* 0: none */
    uint16_t        took;            /* until its end, by 4 */
    uint16_t        bl;              /* by 10, and whether it is assumed */
    uint16_t        d;               /* media that it brought, by 4 */
    uint8_t         number;          /* low bits of the segment's number, and
                                        whether it failed */
    uint8_t         rate;            /* by 1/16, and whether it followed a
                                        jump */
} qoe_delivery_past_t;

typedef struct {
    qoe_delivery_past_t  past[QOE_DELIVERY_PAST];    /* the latest start
                                                        first */
    uint32_t        next;            /* the number expected next */
    uint32_t        nor;             /* low bits of the hash of what was
                                        announced */
    uint32_t        step;            /* least distance of two segments */
    float           rate;            /* throughput to compare with the next
                                        mtp, kbit/s; 0: none */
    uint16_t        kbps;            /* br of the last complete response */
    uint16_t        halt;            /* in the open dry time: how long it did
                                        not play, by 4 */
} qoe_delivery_track_t;


struct qoe_delivery_s {

    /* of the table (qoe_deliveries.h) */

    uint64_t        key[2];          /* both 0: a free slot */
    uint32_t        seq;             /* odd while the slot changes */
    uint32_t        next;            /* in the bucket, or next free slot */
    qoe_links_t     links;           /* in its list */
    uint64_t        received_ms;     /* the last receipt, Unix */
    uint8_t         list;            /* 1 + list; 0: in none */
    uint8_t         st;              /* qoe_cmcd_st_t */
    uint8_t         sf;              /* qoe_cmcd_sf_t */

    /* private to qoe_delivery*.c, but for base* */

    uint8_t         patience;        /* the silence that ends it */

    uint32_t        base_s;          /* attribute blocks, as those of views:
                                        when they were looked up, Unix */
    uint64_t        base_key;
    uint64_t        epoch_ms;        /* Unix */
    uint32_t        base[QOE_GRAINS];

    uint32_t        cid;             /* a hash of the content's id */
    uint32_t        cid_before;
    uint32_t        first;           /* the first request of the view */
    uint32_t        played;          /* playing time is counted until then */
    uint32_t        seek;            /* the last jump */
    uint32_t        failed;          /* the end of the last error */
    uint32_t        failed_path;     /* what failed last, also by an abort */
    uint32_t        failed_until;    /* a repetition until then is a retry */
    uint32_t        hungry;          /* the deadline of what failed; 0: none */
    uint32_t        dry;             /* the buffer ran dry, 0: it did not */
    uint32_t        dry_end;
    uint32_t        stall;           /* the last stall that was counted */
    uint32_t        stall_end;
    uint16_t        flags;
    uint16_t        dry_more;        /* from dry_end to the end of the response
                                        after it, by 4 */
    uint8_t         media;           /* complete responses with media, or 255 */
    uint8_t         dry_of;          /* cause, and why that is assumed */
    uint8_t         hungry_of;       /* cause */
    uint8_t         slow;            /* 1 + cause of a response that was slower
                                        than real time; 0: the last one was
                                        not */

    qoe_delivery_track_t  track[QOE_TRACKS];
} __attribute__((aligned(64)));

_Static_assert(sizeof(struct qoe_delivery_s) == 320, "five cache lines");


#endif /* _QOE_DELIVERY_STATE_H_INCLUDED_ */
