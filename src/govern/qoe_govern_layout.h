
/*
 * Copyright (C) OpenQoE
 *
 * Private to qoe_govern*.c: the bytes of the governance region.
 *
 *   header | viewer pairs | HyperLogLogs | top-k areas | waiting | value table
 *
 * How qoe_govern_create() divides the region:
 *   HyperLogLogs   a ninth of it, 6 to 1024 sketches of 32 KB: 6 and a sixth of
 *                  the total for dimensions, the others (at least 2) for pairs
 *                  of org and player, the last one of them for all pairs that
 *                  have none
 *   top-k areas    two fifteenths; 1 area, or 2 from 4 MB, or 4 from 32 MB on
 *   waiting        a 128th, for values that found no place
 *   value table    the rest
 * 10 MB give 11 and 24 sketches, 2 areas of 4,269 counters, and 122,000 values;
 * the smallest region gives 4 and 2 sketches, an area of 434, and 3,700 values.
 *
 * The header's lock guards the assignment of slots, sketches and areas, every
 * change of the table, and the days of viewers.  Each area has a lock of its
 * own.  Look-ups, counts of overflow and additions to a HyperLogLog take none.
 */


#ifndef _QOE_GOVERN_LAYOUT_H_INCLUDED_
#define _QOE_GOVERN_LAYOUT_H_INCLUDED_


#include "qoe_govern.h"
#include "qoe_lock.h"
#include "qoe_sketch.h"
#include "qoe_words.h"


#define QOE_GOVERN_NONE    UINT16_MAX        /* a dimension without a slot */
#define QOE_GOVERN_TOUCH_S 60                /* last_s is updated that rarely */

#define QOE_SKETCHES_MAX   1024
#define QOE_PLACES         16                /* values in a bucket */
#define QOE_VALUE_TEXT     40                /* stored bytes of a value */

/*
 * A value is known once three sessions have shown it, in three different
 * seconds.  Until then it is on probation: it has a place like a known value,
 * but loses it if no other session shows the value within QOE_PROBATION_S
 * seconds, or if a known value needs the place.  A known value stays, after it
 * was last seen, for QOE_STANDING times as long as it had been known, but at
 * most for its ttl.
 */
#define QOE_PROBATION_S    300
#define QOE_STANDING       8

/*
 * How often, in seconds, the table may be searched for a place of a dimension,
 * and for a place of a known value, so that forged values cause no load.
 */
#define QOE_GOVERN_SCAN_S  5
#define QOE_GOVERN_PLACE_S 1

#define QOE_WAITING        4                 /* values in a waiting set */


/*
 * A bucket.  A look-up reads no more than the first two cache lines of two
 * buckets, and last_s and shown of the value that it finds.
 */

typedef struct {
    uint64_t             hash[QOE_PLACES];           /* 0: free */
    uint32_t             last_s[QOE_PLACES];         /* last seen, Unix */
    uint16_t             slot[QOE_PLACES];
    uint16_t             len[QOE_PLACES];            /* of the full value */
    uint32_t             since_s[QOE_PLACES];        /* known since, or last
                                                        shown by another
                                                        session */
    uint32_t             shown[QOE_PLACES];          /* qoe_shown_...() */
    uint64_t             text[QOE_PLACES][QOE_VALUE_TEXT / 8];
} __attribute__((aligned(64))) qoe_bucket_t;


/*
 * A value that waits for a place.  Writers take no lock: any bits are safe, and
 * a torn write confuses two values only once.
 */

typedef struct {
    uint64_t             hash;
    uint32_t             shown;
    uint32_t             at_s;
} qoe_waiting_t;


/*
 * The slot of a dimension: three cache lines, which change at different rates.
 */

typedef struct {
    char                 name[QOE_DIMENSION_NAME_MAX + 1];

    uint32_t             taken;          /* published after the name */
    uint32_t             hll;            /* 1 + index, 0: none */
    uint32_t             topk;           /* 1 + index, 0: none */
    uint32_t             count;          /* values in the table */
    uint32_t             scanned_s;      /* last search for a place */
    uint32_t             placed_s;       /* last search for a known value */
    uint64_t             pad[5];

    uint64_t             overflow;
    uint64_t             pad2[7];
} __attribute__((aligned(64))) qoe_govern_slot_t;


/*
 * Unique viewers of an org and a player; small, because the whole list is
 * searched.
 */

typedef struct {
    uint64_t             hash;           /* 0: free */
    uint32_t             day;            /* day of the sketch; 0: none */
    uint16_t             org_len;
    uint16_t             player_len;
    uint32_t             known;          /* keeps its place for the day */
    uint32_t             begun_s;        /* when the sketch began, Unix */
    uint64_t             key_id;         /* of the key of the sketch */
} qoe_pair_t;

typedef struct {
    uint64_t             org[QOE_DIMENSION_LEN_MAX / 8];
    uint64_t             player[QOE_DIMENSION_LEN_MAX / 8];
} qoe_pair_text_t;


typedef struct {
    uint64_t             lock;
    uint64_t             halved_s;       /* Unix */
    uint64_t             pad[6];
} qoe_area_t;                            /* followed by a qoe_topk_t */


struct qoe_govern_s {
    qoe_hash_key_t       key;
    uint32_t             sketches;       /* for dimensions */
    uint32_t             pairs;          /* each has a sketch, too */
    uint32_t             areas;
    uint32_t             buckets;
    uint64_t             pair_offset;
    uint64_t             pair_text_offset;
    uint64_t             hll_offset;
    uint64_t             area_offset;
    uint64_t             area_size;
    uint64_t             table_offset;
    uint64_t             waiting_offset;
    uint64_t             waiting;        /* number of sets */
    uint64_t             key_id;         /* of the fleet's key in force; 0:
                                            none */
    uint64_t             pad[3];

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

/* The sketches of dimensions, followed by those of pairs. */

#define qoe_govern_hll_at(g, i)                                               \
    ((qoe_hll_t *) qoe_govern_at(g, (g)->hll_offset) + (i))

#define qoe_govern_area(g, i)                                                 \
    ((qoe_area_t *) qoe_govern_at(g, (g)->area_offset                         \
                                     + (i) * (g)->area_size))

#define qoe_govern_waiting(g, i)                                              \
    ((qoe_waiting_t *) qoe_govern_at(g, (g)->waiting_offset)                  \
     + (i) * QOE_WAITING)

#define qoe_area_topk(a)   ((qoe_topk_t *) ((a) + 1))


/* Functions of qoe_govern.c. */

/* Take the locks, and repair what a dead holder has left. */
qoe_status_t qoe_govern_lock(qoe_govern_t *g, qoe_proc_t self);
qoe_status_t qoe_govern_area_lock(qoe_area_t *a, qoe_proc_t self);

/* The slot of a dimension of the configuration; NULL if it has none. */
qoe_govern_slot_t *qoe_govern_slot(const qoe_governor_t *gv, size_t dim);
/* The sketch or area of a slot; NULL if it has none. */
qoe_hll_t *qoe_govern_hll(qoe_govern_t *g, const qoe_govern_slot_t *s);
qoe_area_t *qoe_govern_topk(qoe_govern_t *g, const qoe_govern_slot_t *s);

/* The hash of a value of a slot; never 0. */
uint64_t qoe_govern_hash(const qoe_govern_t *g, size_t slot, qoe_span_t value);


/* Functions of qoe_govern_table.c. */

/* Returns true if the value is in the table, or could be added. */
bool qoe_govern_admit(qoe_governor_t *gv, size_t slot,
    const qoe_dimension_t *d, uint64_t hash, qoe_span_t value, uint32_t now_s);
/* Counts the values of every slot again.  The caller holds the lock. */
void qoe_govern_recount(qoe_govern_t *g);


/* The result of a look-up: where a value is or could be stored. */

typedef struct {
    qoe_bucket_t        *bucket[2];
    uint32_t             free[2];        /* number of free places */
    qoe_bucket_t        *found;
    uint32_t             place;
} qoe_table_look_t;

void qoe_table_look(qoe_govern_t *g, uint64_t hash, qoe_table_look_t *at);
/*
 * Removes a value if it is still due to leave.  victim: it is due if it is on
 * probation.
 */
void qoe_table_leave(qoe_governor_t *gv, qoe_bucket_t *b, uint32_t place,
    const uint32_t *ttl, bool victim, uint32_t now_s);
bool qoe_table_expired(const qoe_bucket_t *b, uint32_t place,
    const uint32_t *ttl, uint32_t now_s);
/* Fills in the ttl of each slot. */
void qoe_table_ttls(const qoe_governor_t *gv, uint32_t *ttl);


/* Functions of qoe_govern_probation.c. */

/* Records that the current session has shown the value. */
void qoe_govern_vouch(const qoe_governor_t *gv, qoe_bucket_t *b,
    uint32_t place, uint32_t now_s);
/* May the current request bring another new value?  If so, counts it. */
bool qoe_govern_fresh(qoe_governor_t *gv, size_t slot);
/*
 * To be called when a value found no place.  Returns true if a place may have
 * become free.  *known: the module itself makes the value; it is also set if
 * enough sessions have shown the value while it waited.
 */
bool qoe_govern_make_place(qoe_governor_t *gv, size_t slot, uint64_t hash,
    const qoe_table_look_t *at, bool full, uint32_t now_s, bool *known);

#define QOE_SHOWN_KNOWN      UINT32_MAX

#define qoe_shown_known(shown)  (((shown) & 3) == 3)

/*
 * Adds a session to the two tags of 15 bits and the count in shown; tag 0 is no
 * session.
 */

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


/* Functions of qoe_govern_text.c. */

/*
 * Replaces what is not text and cuts value; the result is value itself or in
 * buf.
 */
qoe_span_t qoe_govern_clean(qoe_span_t value, size_t maxlen,
    char buf[QOE_GOVERN_BUF]);
/* The CRC-32 of a value in buf, as text; value may be in buf, too. */
qoe_span_t qoe_govern_crc(qoe_span_t value, char buf[QOE_GOVERN_BUF]);
qoe_span_t qoe_govern_range(qoe_span_t value, uint32_t size,
    char buf[QOE_GOVERN_BUF]);


#endif /* _QOE_GOVERN_LAYOUT_H_INCLUDED_ */
