
/*
 * Copyright (C) OpenQoE
 *
 * Governance: which values of a dimension become attributes.  One table for
 * all lanes, in the zone; lookups take no lock, inserts (rare) take one that
 * survives the death of its holder.  Fixed memory, bounded probes, a keyed
 * hash: forged values cost the same as honest ones.
 */


#ifndef _QOE_GOVERN_H_INCLUDED_
#define _QOE_GOVERN_H_INCLUDED_


#include "qoe_arena.h"
#include "qoe_dimension.h"
#include "qoe_hash.h"
#include "qoe_proc.h"


typedef struct qoe_govern_s  qoe_govern_t;

#define QOE_GOVERN_MIN     (512 * 1024)      /* bytes */


/* Makes empty tables in size bytes, zero-filled, 64-byte aligned. */
void qoe_govern_create(qoe_govern_t *g, size_t size,
    const qoe_hash_key_t *key);


/*
 * One thread's access, under one configuration.  Dimensions are known by
 * their names, so that their values survive a reload.
 */

typedef struct {
    qoe_govern_t            *g;
    const qoe_dimensions_t  *dims;
    qoe_proc_t               self;
    uint64_t                 request;        /* 0: not known */
    uint32_t                 session;        /* a tag; 0: not known */
    bool                     refused;
    bool                     deferred;
    bool                     unknown;
    uint16_t                 fresh[QOE_DIMENSIONS_MAX];      /* by slot */
    uint16_t                 slot[QOE_DIMENSIONS_MAX];
} qoe_governor_t;

/*
 * Finds or takes the tables' slots of the dimensions (QOE_DIMENSIONS_MAX
 * names can ever be known: a dimension without a slot admits nothing, and is
 * counted as overflow).  dims must outlive the governor.
 */
void qoe_governor_init(qoe_governor_t *gv, qoe_govern_t *g,
    const qoe_dimensions_t *dims, qoe_proc_t self);

/*
 * Whose values come next.  A session (a keyed hash; 0: not known) vouches for
 * values.  A request (whatever is unlike others; 0: not known) brings
 * dims->fresh new values of a dimension at most, and none at all where its
 * events are refused: then nothing is counted or estimated either.
 */
void qoe_govern_from(qoe_governor_t *gv, uint64_t session, uint64_t request,
    bool refused);

/*
 * True: a value became something else since the last call of this function only
 * because its request had brought too many new ones.  The next event that
 * shows the value may have it admitted, so no caller should keep the answer.
 */
bool qoe_govern_deferred(qoe_governor_t *gv);

/*
 * True: a value that became an attribute since the last call of this function
 * is not known: it is on probation, or a hash, of which a client can make any
 * number.
 */
bool qoe_govern_unknown(qoe_governor_t *gv);

/*
 * What the attribute of a dimension is for a raw value: a part of value, a
 * constant, or text in buf.  A null span: no attribute.  An empty value has
 * none.  Bytes that are not UTF-8 and control characters become '?'.  now_s:
 * Unix.
 */
#define QOE_GOVERN_BUF     512

qoe_span_t qoe_govern(qoe_governor_t *gv, size_t dim, qoe_span_t value,
    uint32_t now_s, char buf[QOE_GOVERN_BUF]);

/*
 * Counts a viewer of the UTC day of now_s, for openqoe.unique_viewers.  known:
 * org and player are; such a pair has the place of one that is not, if need be.
 */
void qoe_govern_viewer(qoe_governor_t *gv, qoe_span_t org, qoe_span_t player,
    bool known, qoe_span_t viewer_id, uint32_t now_s);


/* For /v2/stats and collections; any thread. */

typedef struct {
    uint64_t        count;           /* distinct values: exact where they are
                                        kept, else estimated */
    bool            unknown;         /* there was no room for an estimate */
    uint64_t        overflow;        /* values not admitted, ever */
} qoe_govern_info_t;

void qoe_govern_info(const qoe_governor_t *gv, size_t dim,
    qoe_govern_info_t *info);

/*
 * Up to n admitted values, sorted by bytes, copied into the arena; a value
 * longer than the table keeps ends with "...".  QOE_NOMEM.
 */
qoe_status_t qoe_govern_values(const qoe_governor_t *gv, size_t dim,
    qoe_span_t *values, size_t *n, qoe_arena_t *arena);

/*
 * Unique viewers: entry i as (labels of org and player, estimate of today).
 * False behind the last one.  org and player point into buf.  A null org: of
 * no use, or with overflow, of all pairs that have no sketch of their own.
 */
bool qoe_govern_viewers(const qoe_governor_t *gv, size_t i, uint32_t now_s,
    qoe_span_t *org, qoe_span_t *player, bool *overflow, double *viewers,
    char buf[QOE_GOVERN_BUF]);

/*
 * Takes out values that were not seen within their ttl: n places of the table
 * from *cursor on, which is back at 0 after a whole turn.  Holder of the
 * exporter lease.
 */
void qoe_govern_expire(qoe_governor_t *gv, uint32_t now_s, uint32_t *cursor,
    uint32_t n);


#endif /* _QOE_GOVERN_H_INCLUDED_ */
