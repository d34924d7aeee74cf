
/*
 * Copyright (C) OpenQoE
 *
 * The timeline of a view: what it did when, in a fixed number of entries of 8
 * bytes.  A full timeline merges the two neighbours of one kind that are
 * closest together, and counts that: the time of each kind stays exact, and its
 * place is known less exactly.
 *
 * Pure: uses no clock, and no memory but its arguments.  Times are those of the
 * session's clock (qoe_session.h), ms.  Any bytes are safe to read, because the
 * writer may be killed at any store.
 */


#ifndef _QOE_TIMELINE_H_INCLUDED_
#define _QOE_TIMELINE_H_INCLUDED_


#include "qoe_codec.h"


#define QOE_TIMELINE_ENTRIES   32


/* The kinds of stretches: an id, and the name in traces and JSON. */

#define QOE_STRETCHES(X)                                                      \
    X(STARTUP,   "startup")                                                   \
    X(PLAYING,   "playing")                                                   \
    X(STALL,     "stall")                                                     \
    X(SEEK,      "seek")                                                      \
    X(PAUSE,     "pause")                                                     \
    X(HIDDEN,    "hidden")                                                    \
    X(RENDITION, "rendition")                                                 \
    X(ERROR,     "error")

typedef enum {
#define QOE_STRETCH_ENUM(id, name)  QOE_STRETCH_##id,
    QOE_STRETCHES(QOE_STRETCH_ENUM)
#undef QOE_STRETCH_ENUM
    QOE_STRETCH_KINDS
} qoe_stretch_kind_t;


/*
 * A stretch of a view's time.  A rendition lasts until the next one, and an
 * error is a moment.  A timeline keeps bitrates in steps of 1 kbit/s below
 * 16.384 Mbit/s, of 4 below 65.536, of 16 below 262.144, and of 64 kbit/s up to
 * 1.048512 Gbit/s.
 */

typedef struct {
    uint64_t            start_ms;
    uint64_t            ms;
    uint32_t            kind;            /* qoe_stretch_kind_t */
    uint32_t            height;          /* of a rendition, pixels; even; 0:
                                            unknown */
    uint64_t            bitrate;         /* of a rendition, bit/s, rounded
                                            down as below; 0: unknown */
    uint32_t            codec;           /* of a rendition, qoe_codec_t */
    uint32_t            errors;          /* how many errors it stands for */
    bool                fatal;           /* one of them was fatal */
} qoe_stretch_t;


typedef struct {
    uint64_t            base_ms;
    uint32_t            merged;          /* entries that were merged */
    uint8_t             n;
    uint8_t             sent;            /* the first entries belong to a part
                                            that is complete */
    uint8_t             last[QOE_STRETCH_KINDS];     /* 1 + index, of each
                                                        kind */
    uint16_t            spare;
    uint64_t            entry[QOE_TIMELINE_ENTRIES];  /* by arrival */
} qoe_timeline_t;


/* An empty timeline of a view whose first event is of at_ms. */
void qoe_timeline_begin(qoe_timeline_t *t, uint64_t at_ms);

/*
 * Adds a stretch.  Those of a kind must be added in order; one that would
 * overlap the last of its kind begins at its end.  A rendition that differs
 * from the last one in a codec that was unknown is the same: it had that codec
 * from its start.
 */
void qoe_timeline_add(qoe_timeline_t *t, const qoe_stretch_t *s);

/*
 * Ends a part of a long timeline at at_ms: no entry of it changes any more,
 * except that entries of the part are merged with each other.
 */
void qoe_timeline_part(qoe_timeline_t *t, uint64_t at_ms);

/*
 * Fills out with the stretches from entry `from` on, ordered by their start,
 * and returns their number.  The last rendition lasts until end_ms.
 */
size_t qoe_timeline_stretches(const qoe_timeline_t *t, size_t from,
    uint64_t end_ms, qoe_stretch_t out[QOE_TIMELINE_ENTRIES]);

/* The time of all stretches of a kind. */
uint64_t qoe_timeline_sum(const qoe_timeline_t *t, qoe_stretch_kind_t kind);

/* Is playing that begins at start_ms the same stretch as that until end_ms? */
bool qoe_timeline_plays_on(uint64_t end_ms, uint64_t start_ms);

/*
 * Turns a timeline of a build that knew no codecs, whose renditions have
 * bitrates in steps of 1 kbit/s alone, into one of this build.
 */
void qoe_timeline_convert(qoe_timeline_t *t);

/* Where the last stretch of a kind ends; 0: there is none. */
uint64_t qoe_timeline_end(const qoe_timeline_t *t, qoe_stretch_kind_t kind);

qoe_span_t qoe_stretch_name(uint32_t kind);


#endif /* _QOE_TIMELINE_H_INCLUDED_ */
