
/*
 * Copyright (C) OpenQoE
 *
 * The helper thread of a worker: it holds lanes of the zone, makes metrics of
 * their records, batches and exports the records, and releases what collectors
 * have taken; and one helper of all exports the metrics.
 */


#ifndef _QOE_HELPER_H_INCLUDED_
#define _QOE_HELPER_H_INCLUDED_


#include "qoe_core.h"
#include "qoe_dest.h"
#include "qoe_otlp.h"
#include "qoe_spool.h"
#include "qoe_state.h"
#include "qoe_stream.h"
#include "qoe_transport.h"


/* One openqoe_exporter. */

typedef struct {
    qoe_span_t             name;

    /* slots in the zone (qoe_dest.h); UINT32_MAX: it does not get that */
    uint32_t               dest[QOE_STREAMS];
    uint32_t               metrics_dest;     /* if it gets only metrics */

    qoe_transport_conf_t   transport;    /* a null url: not for that signal */
    qoe_otlp_identity_t    identity;
    size_t                 batch_size;   /* records */
    uint64_t               interval_ms;  /* of all but metrics */
    qoe_spool_conf_t       spool;        /* a null dir: no spool */
} qoe_exporter_conf_t;


typedef struct {
    qoe_zone_t            *zone;
    uint32_t               worker;       /* ngx_worker */
    uint32_t               workers;      /* workers of this generation, >= 1 */
    bool                   single;       /* no master: never hand over */
    uint64_t               generation;   /* of the zone, for this conf */

    const int             *lane_fd;      /* an eventfd for each lane, shared */
    const int             *waiter_fd;    /* an eventfd for each waiter slot */
    uint32_t               nwaiters;

    const qoe_exporter_conf_t  *exporters;
    size_t                 nexporters;   /* 1..QOE_DESTS_CONF */
    qoe_conf_t             qoe;          /* groups of 0: no metrics */
    uint64_t               metric_interval_ms;   /* one collection for all
                                                    exporters */
    uint64_t               drain_ms;     /* the most a hand-over takes */
    int                    nice;         /* is added to the process's */
    uint64_t              *lost;         /* counts events lost at exits,
                                            atomically, in memory that
                                            outlives the zone */

    qoe_log_t              log;
} qoe_helper_conf_t;


typedef struct qoe_helper_s  qoe_helper_t;


/*
 * Copies conf and what it refers to, except for zone and log.ctx; blocks all
 * signals for the new thread, and starts it.  Called on the event loop's
 * thread, after fork.  QOE_OK; QOE_NOMEM or QOE_ERROR: the reason was logged.
 */
qoe_status_t qoe_helper_start(qoe_helper_t **helper,
    const qoe_helper_conf_t *conf);

/*
 * Flushes within drain_ms, and joins the thread.  QOE_OK: helper is freed.
 * QOE_BUSY: the thread did not return in time; what it holds is counted as
 * lost unless another helper is there, and the caller must exit by _exit().
 */
qoe_status_t qoe_helper_stop(qoe_helper_t *helper, uint64_t drain_ms);

/* Reopens the files of file exporters, after a log rotation.  Any thread. */
void qoe_helper_reopen(qoe_helper_t *helper);


#endif /* _QOE_HELPER_H_INCLUDED_ */
