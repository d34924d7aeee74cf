
/*
 * Copyright (C) OpenQoE
 *
 * Governance: which values of a dimension become attributes.  All lanes share a
 * table in the zone.  Look-ups take no lock; the rare inserts take a lock that
 * survives the death of its holder.  Memory is fixed, probes are bounded, and
 * the hash is keyed, so that forged values cost no more than honest ones.
 */


#ifndef _QOE_GOVERN_H_INCLUDED_
#define _QOE_GOVERN_H_INCLUDED_


#include "qoe_arena.h"
#include "qoe_dimension.h"
#include "qoe_hash.h"
#include "qoe_proc.h"
#include "qoe_sketch.h"


typedef struct qoe_govern_s  qoe_govern_t;

#define QOE_GOVERN_MIN     (512 * 1024)      /* smallest region, bytes */


/*
 * The key that all edges of a fleet share, and a number that names it without
 * disclosing it.  An id of 0: there is none, and the key of the zone is used.
 */

typedef struct {
    qoe_hash_key_t  key;
    uint64_t        id;
} qoe_fleet_key_t;


/* Creates empty tables in size bytes, zero-filled and aligned to 64 bytes. */
void qoe_govern_create(qoe_govern_t *g, size_t size,
    const qoe_hash_key_t *key);


/*
 * A thread's access to the tables under a configuration.  Dimensions are
 * identified by their names, so that their values survive a reload.
 */

typedef struct {
    qoe_govern_t            *g;
    const qoe_dimensions_t  *dims;
    qoe_proc_t               self;
    qoe_fleet_key_t          fleet;          /* none after init */
    uint64_t                 request;        /* 0: unknown */
    uint32_t                 session;        /* a tag; 0: unknown */
    bool                     refused;
    bool                     deferred;
    bool                     unknown;
    uint16_t                 fresh[QOE_DIMENSIONS_MAX];      /* by slot */
    uint16_t                 slot[QOE_DIMENSIONS_MAX];
} qoe_governor_t;

/*
 * Finds or takes the slots of the dimensions in the tables.  In the life of the
 * zone there can be QOE_DIMENSIONS_MAX names; a dimension beyond that has no
 * slot, admits nothing, and is counted as overflow.  dims must outlive the
 * governor.
 */
void qoe_governor_init(qoe_governor_t *gv, qoe_govern_t *g,
    const qoe_dimensions_t *dims, qoe_proc_t self);

/*
 * Sets where the next values come from.  A session (a keyed hash; 0: unknown)
 * vouches for values.  A request (any number that differs from other requests;
 * 0: unknown) brings at most dims->fresh new values of a dimension.  If the
 * events of the request are refused, it brings none, and nothing is counted or
 * estimated.
 */
void qoe_govern_from(qoe_governor_t *gv, uint64_t session, uint64_t request,
    bool refused);

/*
 * Returns true if, since the last call of this function, a value was replaced
 * only because its request had brought too many new ones.  The next event with
 * the value may have it admitted, so the caller must not cache the result.
 */
bool qoe_govern_deferred(qoe_governor_t *gv);

/*
 * Returns true if, since the last call of this function, a value became an
 * attribute that is not known: it is on probation, or it is a hash, of which a
 * client can make any number.
 */
bool qoe_govern_unknown(qoe_governor_t *gv);

/*
 * Returns the attribute for a value of a dimension: a part of value, a
 * constant, or text in buf; a null span if there is none, as for an empty
 * value.  Bytes that are not UTF-8 and control characters become '?'.  now_s is
 * Unix time.
 */
#define QOE_GOVERN_BUF     512

qoe_span_t qoe_govern(qoe_governor_t *gv, size_t dim, qoe_span_t value,
    uint32_t now_s, char buf[QOE_GOVERN_BUF]);

/*
 * The id of the fleet's key that is in force for the tables.  A sketch of
 * viewers that was begun under another key begins anew with its next viewer,
 * and viewers of a thread with another key are not added.  Returns the id that
 * was in force before.  Only for the master.
 */
uint64_t qoe_govern_fleet(qoe_govern_t *g, uint64_t id);

/*
 * Counts a viewer on the UTC day of now_s, for openqoe.unique_viewers.  known:
 * org and player are both known; if there is no free place, such a pair takes
 * that of an unknown pair.
 */
void qoe_govern_viewer(qoe_governor_t *gv, qoe_span_t org, qoe_span_t player,
    bool known, qoe_span_t viewer_id, uint32_t now_s);


/* The state of a dimension, for /v2/stats and collections; any thread. */

typedef struct {
    uint64_t        count;           /* distinct values: exact if they are
                                        stored, otherwise estimated */
    bool            unknown;         /* no room for an estimate */
    uint64_t        overflow;        /* values ever replaced */
} qoe_govern_info_t;

void qoe_govern_info(const qoe_governor_t *gv, size_t dim,
    qoe_govern_info_t *info);

/*
 * Lists up to *n admitted values, sorted by bytes and copied into the arena.  A
 * value that is longer than the table stores ends with "...".  QOE_NOMEM.
 */
qoe_status_t qoe_govern_values(const qoe_governor_t *gv, size_t dim,
    qoe_span_t *values, size_t *n, qoe_arena_t *arena);

/*
 * Reads entry i of the unique viewers: the labels of org and player, and
 * today's estimate.  Returns false after the last entry.  org and player point
 * into buf.  If org is null, the entry is unused, or with *overflow set, counts
 * all pairs that have no sketch of their own.
 */
bool qoe_govern_viewers(const qoe_governor_t *gv, size_t i, uint32_t now_s,
    qoe_span_t *org, qoe_span_t *player, bool *overflow, double *viewers,
    char buf[QOE_GOVERN_BUF]);

/*
 * The same with a copy of the registers, for edges to be merged.  Returns false
 * after the last entry.  begun_s is 0 if no viewer was counted today.
 */

typedef struct {
    qoe_span_t      org;
    qoe_span_t      player;
    bool            overflow;
    double          viewers;
    uint64_t        key_id;
    uint32_t        begun_s;         /* Unix */
    qoe_hll_t       hll;
    char            buf[QOE_GOVERN_BUF];
} qoe_govern_sketch_t;

bool qoe_govern_sketch(const qoe_governor_t *gv, size_t i, uint32_t now_s,
    qoe_govern_sketch_t *sketch);

/*
 * Removes values that were not seen within their ttl, among the n places of the
 * table from *cursor on; *cursor becomes 0 after a whole turn.  Only for the
 * holder of the exporter lease.
 */
void qoe_govern_expire(qoe_governor_t *gv, uint32_t now_s, uint32_t *cursor,
    uint32_t n);


#endif /* _QOE_GOVERN_H_INCLUDED_ */
