
/*
 * Copyright (C) OpenQoE
 *
 * The metrics of the exporters themselves, by the OpenTelemetry conventions
 * for SDK metrics.  Private to src/helper; helper thread only.
 */


#ifndef _QOE_REPORT_SELF_H_INCLUDED_
#define _QOE_REPORT_SELF_H_INCLUDED_


#include "qoe_state.h"
#include "qoe_transport.h"


/* A helper as its metrics and counters identify it. */

typedef struct {
    const qoe_state_t          *state;
    const qoe_conf_t           *conf;
    uint32_t                    slot;        /* of counters */
    qoe_proc_t                  self;
    const qoe_log_t            *log;
} qoe_self_env_t;


/* Counts an attempt to export in the module's own metrics. */
void qoe_report_attempt(const qoe_self_env_t *env, const qoe_outcome_t *o);

/*
 * Counts n items of a signal whose export has ended; error_type is why it
 * failed, or NULL.
 */
void qoe_report_exported(const qoe_self_env_t *env, qoe_signal_t signal,
    uint64_t n, const char *error_type);


#endif /* _QOE_REPORT_SELF_H_INCLUDED_ */
