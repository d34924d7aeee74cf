
/*
 * Copyright (C) OpenQoE
 *
 * Events into state and series: the whole of what a lane's consumer does with
 * a sample.  One a lane held; the helper's thread.
 */


#ifndef _QOE_APPLY_H_INCLUDED_
#define _QOE_APPLY_H_INCLUDED_


#include "qoe_state.h"


typedef struct qoe_apply_s  qoe_apply_t;


/*
 * For a lane that has just been taken; makes its indexes anew if its last
 * owner died (adopted).  st, conf and governor must outlive it.  slot: of
 * counters.  NULL: no memory.
 */
qoe_apply_t *qoe_apply_create(const qoe_state_t *st, const qoe_conf_t *conf,
    qoe_governor_t *governor, uint32_t lane, uint32_t slot, bool adopted);
void qoe_apply_destroy(qoe_apply_t *a);

/* now_ns: Unix. */
void qoe_apply_sample(qoe_apply_t *a, const qoe_sample_t *s, uint64_t now_ns);

/*
 * Ends views that are silent too long and frees series that were condemned, as
 * much as can be done in about a millisecond.
 */
void qoe_apply_tick(qoe_apply_t *a, uint64_t now_ns);

/* The last tick was cut short: there is more to do at once. */
bool qoe_apply_busy(const qoe_apply_t *a);

/* Unix ms at which a tick has something to do; UINT64_MAX: nothing. */
uint64_t qoe_apply_due_ms(const qoe_apply_t *a);


#endif /* _QOE_APPLY_H_INCLUDED_ */
