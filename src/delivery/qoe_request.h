
/*
 * Copyright (C) OpenQoE
 *
 * One request for media as the edge served it, and what its CMCD said: made in
 * the log phase of nginx, carried through the tap to the helper thread, and
 * read there.
 *
 * Pure: uses no clock, and no memory but its arguments.
 */


#ifndef _QOE_REQUEST_H_INCLUDED_
#define _QOE_REQUEST_H_INCLUDED_


#include "qoe_cmcd.h"
#include "qoe_hash.h"
#include "qoe_sample.h"


/* The values of nginx's $upstream_cache_status, with nginx's numbers. */

#define QOE_CACHE_STATUSES(X)                                                 \
    X(NONE,        "NONE")                                                    \
    X(MISS,        "MISS")                                                    \
    X(BYPASS,      "BYPASS")                                                  \
    X(EXPIRED,     "EXPIRED")                                                 \
    X(STALE,       "STALE")                                                   \
    X(UPDATING,    "UPDATING")                                                \
    X(REVALIDATED, "REVALIDATED")                                             \
    X(HIT,         "HIT")                                                     \
    X(SCARCE,      "SCARCE")

typedef enum {
#define QOE_CACHE_ENUM(id, name)  QOE_CACHE_##id,
    QOE_CACHE_STATUSES(QOE_CACHE_ENUM)
#undef QOE_CACHE_ENUM
    QOE_CACHE_N
} qoe_cache_status_t;


/* The most named values, attributes and custom dimensions together. */
#define QOE_REQUEST_NAMED      32

/* Longer texts are cut at a character when a request is packed. */
#define QOE_REQUEST_TEXT_MAX   256

/* The longest packed request, in bytes. */
#define QOE_REQUEST_MAX        4096

/* As segment: the name of the file has no number. */
#define QOE_SEGMENT_NONE       UINT64_MAX


/*
 * Times are in ms: start is Unix time by the edge's clock, the others count
 * from start.  A number that is not known is NAN, a text is empty.
 */

typedef struct {
    uint64_t         start_ms;
    double           duration_ms;        /* until the last byte was handed to
                                            the kernel */
    double           ttfb_ms;            /* until the header was */
    double           upstream_header_ms; /* NAN: not from an upstream; the */
    double           upstream_ms;        /* last of several */
    double           rtt_ms;             /* TCP_INFO */
    double           lag_ms;             /* the kernel sent the response before
                                            it on the connection for so long
                                            after that had ended here */
    uint64_t         bytes;              /* of the body that were sent */
    uint64_t         path_hash;          /* of path and range, without the
                                            arguments; 0: not known */
    uint64_t         segment;            /* the last number in the name */
    uint64_t         range_first;        /* the bytes asked for; both 0: all */
    uint64_t         range_next;         /* the byte after them; UINT64_MAX:
                                            to the end */
    uint32_t         retransmits;        /* of the connection since the request
                                            before */
    uint16_t         status;
    uint8_t          cache;              /* qoe_cache_status_t */
    uint8_t          content;            /* qoe_cmcd_ot_t by content type, used
                                            where ot is absent */
    bool             aborted;            /* the client went before the end */

    /* of CMCD: NAN, 0, false where absent */

    bool             cmcd;               /* the request has a usable set */
    bool             headers;            /* from headers, not the query */
    uint8_t          version;
    uint8_t          ot;                 /* qoe_cmcd_ot_t */
    uint8_t          st;                 /* qoe_cmcd_st_t */
    uint8_t          sf;                 /* qoe_cmcd_sf_t */
    bool             bs;
    bool             su;
    bool             nor;                /* the next object is announced */
    double           bl_ms;
    double           dl_ms;
    double           d_ms;
    double           br_kbps;
    double           tb_kbps;
    double           mtp_kbps;
    double           rtp_kbps;
    double           pr;
    double           ltc_ms;
    uint64_t         nor_hash;           /* the path_hash that the announced
                                            object will have; 0: not known */

    /*
     * What attributes are made of, as for events: sid is the session_id, cid
     * the video_id, st the stream type; org_id, env and so on as configured.
     */

    qoe_span_t       text[QOE_TEXTS];
    size_t           nattrs;             /* of openqoe_attribute: the first */
    size_t           ndims;              /* custom dimensions: after them */
    qoe_named_t      named[QOE_REQUEST_NAMED];

    /*
     * After qoe_request_open(): the bytes that hold the texts, and those of the
     * dimensions.  Equal bytes mean equal attributes.
     */

    qoe_span_t       packed_texts;
    qoe_span_t       packed_dims;
} qoe_request_t;

#define qoe_request_sid(r)     ((r)->text[QOE_TEXT_SESSION_ID])
#define qoe_request_cid(r)     ((r)->text[QOE_TEXT_VIDEO_ID])


/* Makes *r a request about which nothing is known. */
void qoe_request_init(qoe_request_t *r);

/*
 * Sets what identifies the object: path is that of the URI without arguments,
 * as on the wire, range the value of the header Range or empty.  Several ranges
 * are hashed, but have no first and next byte.
 */
void qoe_request_path(qoe_request_t *r, const qoe_hash_key_t *key,
    qoe_span_t path, qoe_span_t range);

/*
 * Sets all that CMCD says, from a set for which decoding returned QOE_OK.  The
 * texts sid, cid and st point into *c.  path as above: a relative nor is
 * resolved against it.
 */
void qoe_request_cmcd(qoe_request_t *r, const qoe_hash_key_t *key,
    const qoe_cmcd_t *c, qoe_span_t path);

/* The class of a content type, QOE_CMCD_OT_NONE if it is not one of media. */
qoe_cmcd_ot_t qoe_request_content(qoe_span_t content_type);

/* What was asked for: ot, else the class of the content. */

static inline qoe_cmcd_ot_t
qoe_request_ot(const qoe_request_t *r)
{
    return (qoe_cmcd_ot_t) (r->ot != QOE_CMCD_OT_NONE ? r->ot : r->content);
}


/* Audio, video or both: that have a length where their type is not known. */

static inline bool
qoe_request_media(const qoe_request_t *r)
{
    qoe_cmcd_ot_t  ot;

    ot = qoe_request_ot(r);

    return ot == QOE_CMCD_OT_AUDIO || ot == QOE_CMCD_OT_VIDEO
           || ot == QOE_CMCD_OT_MUXED
           || (ot == QOE_CMCD_OT_NONE && r->d_ms > 0);
}


/* All bytes of a 2xx response were handed over. */

static inline bool
qoe_request_complete(const qoe_request_t *r)
{
    return r->status >= 200 && r->status < 300 && !r->aborted;
}


/*
 * A sample with the texts and the named values, for the functions that make
 * attributes (qoe_base.h); it points into *r.
 */
void qoe_request_sample(qoe_sample_t *s, const qoe_request_t *r);


/*
 * Packs the request and returns its length, at most QOE_REQUEST_MAX.  Texts are
 * cut; texts for which no room is left are left out, the named values first.
 */
size_t qoe_request_pack(char buf[QOE_REQUEST_MAX], const qoe_request_t *r);

/*
 * The texts of *r point into packed.  QOE_INVALID: the bytes are no request;
 * every other sequence of bytes makes a request that is safe to use.
 */
qoe_status_t qoe_request_open(qoe_request_t *r, qoe_span_t packed);


#endif /* _QOE_REQUEST_H_INCLUDED_ */
