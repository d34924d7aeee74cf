
/*
 * Copyright (C) OpenQoE
 *
 * Limits on the valid events of a batch as a whole.
 */


#ifndef _QOE_BATCH_H_INCLUDED_
#define _QOE_BATCH_H_INCLUDED_


#include "qoe_decode.h"
#include "qoe_hash.h"


#define QOE_SESSIONS_MAX     64               /* default of max_sessions */

/*
 * Refuses the events of every session after the first max of a batch that
 * qoe_decode() has taken; a session is a pair of org_id and session_id.  The
 * refused events leave batch->events, are part of batch->nrejected, and stand
 * in batch->errors as far as there is room.  The number of them is *over.
 * Costs a few comparisons an event, whatever the sessions are called: the key
 * must be a secret.  QOE_NOMEM leaves the batch as it is.
 */
qoe_status_t qoe_batch_limit_sessions(qoe_batch_t *batch, size_t max,
    const qoe_hash_key_t *key, qoe_arena_t *arena, size_t *over);


#endif /* _QOE_BATCH_H_INCLUDED_ */
