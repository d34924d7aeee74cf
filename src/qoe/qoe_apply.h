
/*
 * Copyright (C) OpenQoE
 *
 * Applies samples to state and series: all that the consumer of a lane does
 * with a sample.  There is one qoe_apply_t for each lane held, and only the
 * helper thread uses it.
 */


#ifndef _QOE_APPLY_H_INCLUDED_
#define _QOE_APPLY_H_INCLUDED_


#include "qoe_state.h"


typedef struct qoe_apply_s  qoe_apply_t;


/*
 * For a lane that has just been taken.  adopted: the last owner died, so the
 * indexes are made anew.  slot is the counter slot to count in.  st, conf and
 * governor must outlive the result.  NULL: no memory.
 */
qoe_apply_t *qoe_apply_create(const qoe_state_t *st, const qoe_conf_t *conf,
    qoe_governor_t *governor, uint32_t lane, uint32_t slot, bool adopted);
void qoe_apply_destroy(qoe_apply_t *a);

/*
 * What stands in the zone for a view_id, and for an org_id: the key of its
 * views, and the hash of qoe_timelines_find().
 */
uint64_t qoe_apply_view_key(const qoe_hash_key_t *key, qoe_span_t view_id);
uint32_t qoe_apply_org_hash(const qoe_hash_key_t *key, qoe_span_t org_id);

/* now_ns is Unix time, here and below. */
void qoe_apply_sample(qoe_apply_t *a, const qoe_sample_t *s, uint64_t now_ns);

/* The same for a record of the tap (qoe_tapped.h), aligned to 8 bytes. */
void qoe_apply_request(qoe_apply_t *a, qoe_span_t record, uint64_t now_ns);

/*
 * Ends views that are silent for too long and frees series that were
 * condemned, for about a millisecond at most.
 */
void qoe_apply_tick(qoe_apply_t *a, uint64_t now_ns);

/*
 * At an exit that the zone may not outlive: puts a record of each view that has
 * started and is alive, once, if such records are made at all.  QOE_AGAIN:
 * there are more, which wait for room or for another call; QOE_OK: all are put.
 */
qoe_status_t qoe_apply_leave(qoe_apply_t *a, uint64_t now_ns);

/* true: the last tick was cut short, so the next is due at once. */
bool qoe_apply_busy(const qoe_apply_t *a);

/*
 * The Unix time in ms at which a tick has something to do; UINT64_MAX: there
 * is nothing to wait for.
 */
uint64_t qoe_apply_due_ms(const qoe_apply_t *a);


#endif /* _QOE_APPLY_H_INCLUDED_ */
