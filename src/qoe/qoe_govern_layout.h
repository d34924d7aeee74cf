
/*
 * Copyright (C) OpenQoE
 *
 * Private to qoe_govern*.c: the bytes of the governance region.
 *
 *   header | viewer pairs | HyperLogLogs | top-k areas | value table
 *
 * What the size gives (qoe_govern_create):
 *   HyperLogLogs   a ninth, of 32 KB each, 6 to 1024: 6 and a sixth
 *                  of them for dimensions, the others (2 at least) for
 *                  viewers, a pair each, the last one for the pairs that have
 *                  none
 *   top-k areas    two fifteenths; 1, or 2 from 4 MB, or 4 from 32 MB on
 *   value table    the rest
 * With 10 MB: 11 and 24 sketches, 2 areas of 4,269 counters, 123,000 values;
 * with the least: 4 and 2, one of 434, 3,800.
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
#define QOE_VALUE_TEXT     48                /* bytes of a value, kept */


/*
 * A bucket.  A lookup reads the first two cache lines of two buckets, no more,
 * and last_s when it has found the value.
 */

typedef struct {
    uint64_t             hash[QOE_PLACES];           /* 0: free */
    uint32_t             last_s[QOE_PLACES];         /* seen, Unix */
    uint16_t             slot[QOE_PLACES];
    uint16_t             len[QOE_PLACES];            /* of the whole value */
    uint64_t             text[QOE_PLACES][QOE_VALUE_TEXT / 8];
} __attribute__((aligned(64))) qoe_bucket_t;


/* A dimension that is known: three cache lines, for three rates of change. */

typedef struct {
    char                 name[QOE_DIMENSION_NAME_MAX + 1];

    uint32_t             taken;          /* published behind the name */
    uint32_t             hll;            /* 1 + index, 0: none */
    uint32_t             topk;           /* 1 + index, 0: none */
    uint32_t             count;          /* values in the table */
    uint64_t             pad[6];

    uint64_t             overflow;
    uint64_t             pad2[7];
} __attribute__((aligned(64))) qoe_govern_slot_t;


/* Unique viewers of (org, player); looked through as a whole, so small. */

typedef struct {
    uint64_t             hash;           /* 0: free */
    uint32_t             day;            /* of the sketch; 0: none */
    uint16_t             org_len;
    uint16_t             player_len;
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
    uint64_t             pad[6];

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


/* qoe_govern_text.c */

/* value without what is no text, cut; it, or in buf. */
qoe_span_t qoe_govern_clean(qoe_span_t value, size_t maxlen,
    char buf[QOE_GOVERN_BUF]);
/* value may be in buf. */
qoe_span_t qoe_govern_crc(qoe_span_t value, char buf[QOE_GOVERN_BUF]);
qoe_span_t qoe_govern_range(qoe_span_t value, uint32_t size,
    char buf[QOE_GOVERN_BUF]);


#endif /* _QOE_GOVERN_LAYOUT_H_INCLUDED_ */
