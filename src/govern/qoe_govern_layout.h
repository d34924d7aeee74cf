
/*
 * Copyright (C) OpenQoE
 *
 * Private to qoe_govern*.c: the bytes of the governance region.
 *
 *   header | viewer pairs | HyperLogLogs | top-k areas | waiting | value table
 *
 * What the size gives (qoe_govern_create):
 *   HyperLogLogs   a ninth, of 32 KB each, 6 to 1024: 6 and a sixth
 *                  of them for dimensions, the others (2 at least) for
 *                  viewers, a pair each, the last one for the pairs that have
 *                  none
 *   top-k areas    two fifteenths; 1, or 2 from 4 MB, or 4 from 32 MB on
 *   waiting        a 128th: values for which there is no place
 *   value table    the rest
 * With 10 MB: 11 and 24 sketches, 2 areas of 4,269 counters, 122,000 values;
 * with the least: 4 and 2, one of 434, 3,700.
 *
 * The header's lock guards which slots, sketches and areas are taken, every
 * change of the table, and the days of viewers.  Each area has its own.
 * Lookups, counts of overflow and additions to a HyperLogLog take none.
 */


#ifndef _QOE_GOVERN_LAYOUT_H_INCLUDED_
#define _QOE_GOVERN_LAYOUT_H_INCLUDED_


#include "qoe_govern.h"
#include "qoe_lock.h"
#include "qoe_sketch.h"
#include "qoe_words.h"


#define QOE_GOVERN_NONE    UINT16_MAX        /* a dimension without a slot */
#define QOE_GOVERN_TOUCH_S 60                /* last_s is as old, at most */

#define QOE_SKETCHES_MAX   1024
#define QOE_PLACES         16                /* a bucket has */
#define QOE_VALUE_TEXT     40                /* bytes of a value, kept */

/*
 * A value that three sessions have shown, at three different seconds, is
 * known.  Until then it is on probation: it has its place as a known one does,
 * but leaves when no other session has shown it for so long, or when a known
 * one needs the place.  What is known stays, after it was seen last, as long
 * again as it has been known, so many times over, up to its ttl.
 */
#define QOE_PROBATION_S    300
#define QOE_STANDING       8

/*
 * The table is looked through for a place of a dimension that often, and for
 * one of a value that is known: forged values do not make it a load.
 */
#define QOE_GOVERN_SCAN_S  5
#define QOE_GOVERN_PLACE_S 1

#define QOE_WAITING        4                 /* a set of the waiting has */


/*
 * A bucket.  A lookup reads the first two cache lines of two buckets, no more,
 * and last_s and shown when it has found the value.
 */

typedef struct {
    uint64_t             hash[QOE_PLACES];           /* 0: free */
    uint32_t             last_s[QOE_PLACES];         /* seen, Unix */
    uint16_t             slot[QOE_PLACES];
    uint16_t             len[QOE_PLACES];            /* of the whole value */
    uint32_t             since_s[QOE_PLACES];        /* known, or shown by a
                                                        session last */
    uint32_t             shown[QOE_PLACES];          /* qoe_shown_...() */
    uint64_t             text[QOE_PLACES][QOE_VALUE_TEXT / 8];
} __attribute__((aligned(64))) qoe_bucket_t;


/*
 * A value that waits: any bits are safe, for writers take no lock.  Half a
 * write confuses two values for once.
 */

typedef struct {
    uint64_t             hash;
    uint32_t             shown;
    uint32_t             at_s;
} qoe_waiting_t;


/* A dimension that is known: three cache lines, for three rates of change. */

typedef struct {
    char                 name[QOE_DIMENSION_NAME_MAX + 1];

    uint32_t             taken;          /* published behind the name */
    uint32_t             hll;            /* 1 + index, 0: none */
    uint32_t             topk;           /* 1 + index, 0: none */
    uint32_t             count;          /* values in the table */
    uint32_t             scanned_s;      /* for a place, Unix */
    uint32_t             placed_s;       /* for one of a known value */
    uint64_t             pad[5];

    uint64_t             overflow;
    uint64_t             pad2[7];
} __attribute__((aligned(64))) qoe_govern_slot_t;


/* Unique viewers of (org, player); looked through as a whole, so small. */

typedef struct {
    uint64_t             hash;           /* 0: free */
    uint32_t             day;            /* of the sketch; 0: none */
    uint16_t             org_len;
    uint16_t             player_len;
    uint32_t             known;          /* not given up before the next day */
    uint32_t             pad;
} qoe_pair_t;

typedef struct {
    uint64_t             org[QOE_DIMENSION_LEN_MAX / 8];
    uint64_t             player[QOE_DIMENSION_LEN_MAX / 8];
} qoe_pair_text_t;


typedef struct {
    uint64_t             lock;
    uint64_t             halved_s;       /* Unix */
    uint64_t             pad[6];
} qoe_area_t;                            /* then a qoe_topk_t */


struct qoe_govern_s {
    qoe_hash_key_t       key;
    uint32_t             sketches;       /* of dimensions */
    uint32_t             pairs;          /* and as many sketches */
    uint32_t             areas;
    uint32_t             buckets;
    uint64_t             pair_offset;
    uint64_t             pair_text_offset;
    uint64_t             hll_offset;
    uint64_t             area_offset;
    uint64_t             area_size;
    uint64_t             table_offset;
    uint64_t             waiting_offset;
    uint64_t             waiting;        /* sets */
    uint64_t             pad[4];

    uint64_t             lock;
    uint64_t             homeless;       /* values of dimensions without a
                                            slot */
    uint64_t             pad2[6];

    qoe_govern_slot_t    slot[QOE_DIMENSIONS_MAX];
};


#define qoe_govern_at(g, offset)                                              \
    ((void *) ((char *) (g) + (offset)))

#define qoe_govern_bucket(g, i)                                               \
    ((qoe_bucket_t *) qoe_govern_at(g, (g)->table_offset) + (i))

#define qoe_govern_pair(g, i)                                                 \
    ((qoe_pair_t *) qoe_govern_at(g, (g)->pair_offset) + (i))

#define qoe_govern_pair_text(g, i)                                            \
    ((qoe_pair_text_t *) qoe_govern_at(g, (g)->pair_text_offset) + (i))

/* Sketches of dimensions first, then those of pairs. */

#define qoe_govern_hll_at(g, i)                                               \
    ((qoe_hll_t *) qoe_govern_at(g, (g)->hll_offset) + (i))

#define qoe_govern_area(g, i)                                                 \
    ((qoe_area_t *) qoe_govern_at(g, (g)->area_offset                         \
                                     + (i) * (g)->area_size))

#define qoe_govern_waiting(g, i)                                              \
    ((qoe_waiting_t *) qoe_govern_at(g, (g)->waiting_offset)                  \
     + (i) * QOE_WAITING)

#define qoe_area_topk(a)   ((qoe_topk_t *) ((a) + 1))


/* qoe_govern.c */

/* Repairs when the last holder has died. */
qoe_status_t qoe_govern_lock(qoe_govern_t *g, qoe_proc_t self);
qoe_status_t qoe_govern_area_lock(qoe_area_t *a, qoe_proc_t self);

/* The slot of a dimension of the configuration; NULL: none. */
qoe_govern_slot_t *qoe_govern_slot(const qoe_governor_t *gv, size_t dim);
/* Its sketch or area; NULL: none. */
qoe_hll_t *qoe_govern_hll(qoe_govern_t *g, const qoe_govern_slot_t *s);
qoe_area_t *qoe_govern_topk(qoe_govern_t *g, const qoe_govern_slot_t *s);

/* Never 0. */
uint64_t qoe_govern_hash(const qoe_govern_t *g, size_t slot, qoe_span_t value);


/* qoe_govern_table.c */

/* True: the value is kept, or is now. */
bool qoe_govern_admit(qoe_governor_t *gv, size_t slot,
    const qoe_dimension_t *d, uint64_t hash, qoe_span_t value, uint32_t now_s);
/* Counts the values of every slot anew.  The lock is held. */
void qoe_govern_recount(qoe_govern_t *g);


/* Where a value is or could be. */

typedef struct {
    qoe_bucket_t        *bucket[2];
    uint32_t             free[2];        /* places */
    qoe_bucket_t        *found;
    uint32_t             place;
} qoe_table_look_t;

void qoe_table_look(qoe_govern_t *g, uint64_t hash, qoe_table_look_t *at);
/*
 * Takes the value out of its place, if it is still due to leave; victim: it
 * need only be on probation.
 */
void qoe_table_leave(qoe_governor_t *gv, qoe_bucket_t *b, uint32_t place,
    const uint32_t *ttl, bool victim, uint32_t now_s);
bool qoe_table_expired(const qoe_bucket_t *b, uint32_t place,
    const uint32_t *ttl, uint32_t now_s);
/* By slot. */
void qoe_table_ttls(const qoe_governor_t *gv, uint32_t *ttl);


/* qoe_govern_probation.c */

/* A value is shown by the session at hand. */
void qoe_govern_vouch(const qoe_governor_t *gv, qoe_bucket_t *b,
    uint32_t place, uint32_t now_s);
/* May the request at hand bring another new value?  Counts it. */
bool qoe_govern_fresh(qoe_governor_t *gv, size_t slot);
/*
 * There is no place for the value.  True: some may be free now; *known: it is
 * the module's own, or so many sessions have shown it that it is known at once.
 */
bool qoe_govern_make_place(qoe_governor_t *gv, size_t slot, uint64_t hash,
    const qoe_table_look_t *at, bool full, uint32_t now_s, bool *known);

#define QOE_SHOWN_KNOWN      UINT32_MAX

#define qoe_shown_known(shown)  (((shown) & 3) == 3)

/* shown, and now by this session; the tag is of 15 bits, 0: no session. */

static inline uint32_t
qoe_shown_by(uint32_t shown, uint32_t tag)
{
    switch (shown & 3) {

    case 0:
        return (tag == 0) ? 0 : tag << 2 | 1;

    case 1:
        return (tag == 0 || (shown >> 2 & 0x7fff) == tag)
               ? shown : (shown & 0x1ffff) + 1 + (tag << 17);

    case 2:
        return (tag == 0 || (shown >> 2 & 0x7fff) == tag || shown >> 17 == tag)
               ? shown : QOE_SHOWN_KNOWN;

    default:
        return QOE_SHOWN_KNOWN;
    }
}


/* qoe_govern_text.c */

/* value without what is no text, cut; it, or in buf. */
qoe_span_t qoe_govern_clean(qoe_span_t value, size_t maxlen,
    char buf[QOE_GOVERN_BUF]);
/* value may be in buf. */
qoe_span_t qoe_govern_crc(qoe_span_t value, char buf[QOE_GOVERN_BUF]);
qoe_span_t qoe_govern_range(qoe_span_t value, uint32_t size,
    char buf[QOE_GOVERN_BUF]);


#endif /* _QOE_GOVERN_LAYOUT_H_INCLUDED_ */
