
/*
 * Copyright (C) OpenQoE
 *
 * Records of a lane -> metrics, ahead of their export as logs: a collector
 * that is down holds up the one and not the other.  The helper's thread.
 */


#ifndef _QOE_INTAKE_H_INCLUDED_
#define _QOE_INTAKE_H_INCLUDED_


#include "qoe_apply.h"


typedef struct qoe_intake_s  qoe_intake_t;


/* What all lanes of a helper share; the owner is the helper. */

typedef struct {
    const qoe_state_t  *state;
    const qoe_conf_t   *conf;
    qoe_governor_t     *governor;
    uint32_t            slot;                /* of counters */
    qoe_arena_t         scratch;             /* of one record */
    const qoe_log_t    *log;
    qoe_log_limit_t     log_limit;
} qoe_intake_env_t;


/*
 * For a lane that has just been taken; adopted: from a process that died.
 * NULL: no memory.
 */
qoe_intake_t *qoe_intake_create(qoe_intake_env_t *env, uint32_t lane,
    bool adopted);
void qoe_intake_destroy(qoe_intake_t *in);

/*
 * Takes in some of what is new, and does what is due.  True: there is more,
 * call it again soon.  now_ms is monotonic.
 */
bool qoe_intake_run(qoe_intake_t *in, uint64_t now_ms);

/* Up to where records may be exported. */
uint64_t qoe_intake_pos(const qoe_intake_t *in);

/*
 * Where to be woken when nothing else wakes: just behind a run a quarter of the
 * ring further on, so that a busy lane is taken in a few times a second and not
 * record by record, and does not fill meanwhile.
 */
uint64_t qoe_intake_wake_pos(const qoe_intake_t *in, uint64_t now_ms);

/* Monotonic ms of the next run there is a reason for; UINT64_MAX: none. */
uint64_t qoe_intake_due_ms(const qoe_intake_t *in, uint64_t now_ms);


#endif /* _QOE_INTAKE_H_INCLUDED_ */
