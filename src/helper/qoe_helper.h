
/*
 * Copyright (C) OpenQoE
 *
 * What a worker's helper thread does: holds lanes of the zone, makes metrics of
 * their records, batches and exports them, releases what the collector has
 * taken; and one helper of all exports the metrics.
 */


#ifndef _QOE_HELPER_H_INCLUDED_
#define _QOE_HELPER_H_INCLUDED_


#include "qoe_core.h"
#include "qoe_dest.h"
#include "qoe_otlp.h"
#include "qoe_spool.h"
#include "qoe_state.h"
#include "qoe_transport.h"


/* One openqoe_exporter. */

typedef struct {
    qoe_span_t             name;
    uint32_t               dest;         /* its slot in the zone (qoe_dest.h) */
    qoe_transport_conf_t   transport;    /* url null: that signal is not its */
    qoe_otlp_identity_t    identity;
    size_t                 batch_size;   /* records */
    uint64_t               interval_ms;  /* of logs and spans */
    qoe_spool_conf_t       spool;        /* dir null: none */
} qoe_exporter_conf_t;


typedef struct {
    qoe_zone_t            *zone;
    uint32_t               worker;       /* ngx_worker */
    uint32_t               workers;      /* of this generation, at least 1 */
    bool                   single;       /* no master: never hand over */
    uint64_t               generation;   /* the zone's, of this configuration */

    const int             *lane_fd;      /* an eventfd a lane, shared by all */
    const int             *waiter_fd;    /* an eventfd a waiter slot */
    uint32_t               nwaiters;

    const qoe_exporter_conf_t  *exporters;
    size_t                 nexporters;   /* 1..QOE_DESTS_CONF */
    qoe_conf_t             qoe;          /* groups 0: no metrics */
    uint64_t               metric_interval_ms;   /* one collection for all */
    uint64_t               drain_ms;     /* bound of a hand-over */
    int                    nice;         /* of the thread, over the process's */
    uint64_t              *lost;         /* events lost at exits; atomic, in
                                            memory that outlives the zone */

    qoe_log_t              log;
} qoe_helper_conf_t;


typedef struct qoe_helper_s  qoe_helper_t;


/*
 * Copies conf (what its spans and pointers refer to as well, but for zone and
 * log.ctx), blocks every signal for the new thread and starts it.  Event loop
 * thread, after fork.  QOE_NOMEM or QOE_ERROR with the reason logged.
 */
qoe_status_t qoe_helper_start(qoe_helper_t **helper,
    const qoe_helper_conf_t *conf);

/*
 * Flushes within drain_ms and joins the thread.  QOE_OK and helper is freed;
 * QOE_BUSY when the thread did not come back a moment after that: what it
 * holds is counted as lost if no other helper is there, and the caller must
 * leave with _exit().
 */
qoe_status_t qoe_helper_stop(qoe_helper_t *helper, uint64_t drain_ms);

/* Opens file destinations anew (log rotation).  Any thread. */
void qoe_helper_reopen(qoe_helper_t *helper);


#endif /* _QOE_HELPER_H_INCLUDED_ */
