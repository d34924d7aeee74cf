
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
 * Refuses the events of all sessions of a decoded batch except the first max.
 * A session is a pair of org_id and session_id.  The refused events are removed
 * from batch->events, counted in batch->nrejected and in *over, and reported in
 * batch->errors as far as there is room.  An event costs a few comparisons,
 * whatever names the client gives its sessions, provided the key is secret.
 * Memory comes from the arena; QOE_NOMEM leaves the batch unchanged.
 */
qoe_status_t qoe_batch_limit_sessions(qoe_batch_t *batch, size_t max,
    const qoe_hash_key_t *key, qoe_arena_t *arena, size_t *over);


#endif /* _QOE_BATCH_H_INCLUDED_ */
