
/*
 * Copyright (C) OpenQoE
 *
 * All that the module does with events but nginx, for the tools that tests
 * run: bytes are decoded, packed into records, read as samples and applied to
 * the views of one lane, and what came of them is collected.  Time is what the
 * caller says.  One run at a time; each failure ends the program.
 */


#ifndef _SCENARIO_RUN_H_INCLUDED_
#define _SCENARIO_RUN_H_INCLUDED_


#include "qoe_apply.h"
#include "qoe_cmcd_events.h"
#include "qoe_collect.h"
#include "qoe_decode.h"


typedef struct {
    void                     *mem;           /* the zone's */
    qoe_state_t               st;
    qoe_conf_t                conf;
    qoe_dimensions_t          dims;
    qoe_governor_t            governor;
    qoe_apply_t              *apply;
    qoe_arena_t               arena;

    const qoe_custom_type_t  *types;         /* openqoe_event_type */
    size_t                    ntypes;

    unsigned                  line;          /* of the input, for messages */
} scenario_run_t;


/*
 * Begins with an empty zone; called again for a run that is in use, with a
 * fresh one.
 */
void scenario_run_begin(scenario_run_t *run);

/*
 * As if the lane's consumer had been killed: another takes over what it left.
 */
void scenario_run_adopt(scenario_run_t *run);

/* Prints the number of the input's line and the reason, and exits. */
void scenario_run_fail(const scenario_run_t *run, const char *why)
    __attribute__((noreturn));

/* The body of a request that was received then (Unix ms). */
void scenario_run_batch(scenario_run_t *run, const char *body, size_t len,
    int64_t received_ms);

/* The same for a body of reports of CMCD. */
void scenario_run_reports(scenario_run_t *run, const char *body, size_t len,
    int64_t received_ms);

/* Does what is due, as the helper thread does at each wakeup. */
void scenario_run_tick(scenario_run_t *run, int64_t now_ms);

/*
 * Does what is due at every wakeup of the helper thread from now_ms up to
 * until_ms.
 */
void scenario_run_advance(scenario_run_t *run, int64_t now_ms,
    int64_t until_ms);

/* A complete collection of these groups; the caller destroys it. */
qoe_collect_t *scenario_run_collect(scenario_run_t *run,
    qoe_collect_mode_t mode, uint32_t groups, int64_t now_ms);


#endif /* _SCENARIO_RUN_H_INCLUDED_ */
