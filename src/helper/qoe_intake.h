
/*
 * Copyright (C) OpenQoE
 *
 * Makes metrics of a lane's records, ahead of their export as logs: a
 * collector that is down holds up only the logs.  Helper thread only.
 */


#ifndef _QOE_INTAKE_H_INCLUDED_
#define _QOE_INTAKE_H_INCLUDED_


#include "qoe_apply.h"


typedef struct qoe_intake_s  qoe_intake_t;


/* What all lanes of a helper share; the helper owns it. */

typedef struct {
    const qoe_state_t  *state;
    const qoe_conf_t   *conf;
    qoe_governor_t     *governor;
    uint32_t            slot;                /* of counters */
    qoe_arena_t         scratch;             /* for one record */
    const qoe_log_t    *log;
    qoe_log_limit_t     log_limit;
} qoe_intake_env_t;


/* For a lane just taken; adopted: its last owner died.  NULL: no memory. */
qoe_intake_t *qoe_intake_create(qoe_intake_env_t *env, uint32_t lane,
    bool adopted);
void qoe_intake_destroy(qoe_intake_t *in);

/*
 * Takes in some of the new records, and does what is due.  true: there is
 * more, call it again soon.  now_ms is monotonic.
 */
bool qoe_intake_run(qoe_intake_t *in, uint64_t now_ms);

/*
 * At an exit after which no helper is left: see qoe_apply_leave().  true: more
 * records are put, or will be.
 */
bool qoe_intake_leave(qoe_intake_t *in);

/* The position up to which records may be exported. */
uint64_t qoe_intake_pos(const qoe_intake_t *in);

/*
 * The position at which to wake if nothing else wakes the helper.  Right after
 * a run it is a quarter of the ring ahead: so a busy lane is taken in a few
 * times a second instead of record by record, and yet does not fill up.
 */
uint64_t qoe_intake_wake_pos(const qoe_intake_t *in, uint64_t now_ms);

/*
 * The same for the tap: asks to be woken by it, until qoe_intake_disarm().
 * true: it has got requests already.
 */
bool qoe_intake_arm(const qoe_intake_t *in, uint64_t now_ms);
void qoe_intake_disarm(const qoe_intake_t *in);

/* The monotonic ms of the next run; UINT64_MAX: there is no reason for one. */
uint64_t qoe_intake_due_ms(const qoe_intake_t *in, uint64_t now_ms);


#endif /* _QOE_INTAKE_H_INCLUDED_ */
