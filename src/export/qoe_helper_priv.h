
/*
 * Copyright (C) OpenQoE
 *
 * The state of a helper thread, shared by qoe_helper*.c, qoe_lease.c and
 * qoe_row.c.  All of it is the thread's own but for the two flags.
 */


#ifndef _QOE_HELPER_PRIV_H_INCLUDED_
#define _QOE_HELPER_PRIV_H_INCLUDED_


#include "qoe_backoff.h"
#include "qoe_feed.h"
#include "qoe_helper.h"
#include "qoe_report.h"

#include <pthread.h>


/* Requests in flight at once. */
#define QOE_HELPER_WINDOW      4


struct qoe_helper_s {
    qoe_helper_conf_t     conf;
    qoe_arena_t           arena;         /* copies that conf refers to */
    pthread_t             thread;

    uint64_t              drain_ms;      /* set before stop is */
    bool                  stop;          /* set by the event loop, atomic */
    bool                  reopen;

    qoe_net_t            *net;
    qoe_transport_t      *transport;
    qoe_feed_env_t        env;
    qoe_state_t           state;
    qoe_governor_t        governor;
    qoe_report_env_t      report_env;
    qoe_report_t         *report;
    qoe_proc_t            self;

    qoe_feed_t           *feed[QOE_LANES_MAX];       /* of the lanes held */
    size_t                nfeeds;
    size_t                turn;

    size_t                sending;       /* requests in flight */
    qoe_retry_t           retry;         /* of batches; times: monotonic */
    qoe_log_limit_t       log_limit;

    bool                  handing_over;  /* a newer generation is here */
    uint64_t              hand_over_ms;  /* that must be over */
    uint64_t              leaving_ms;    /* the exit must be over; 0: no exit */
    uint64_t              started_ms;
    uint64_t              lease_ms;      /* leases are looked at again */
    uint64_t              row_ms;        /* what is told of the worker, too */
    uint64_t              drained_ns;    /* every record is out; Unix */
    bool                  gone;          /* its row has been taken out */
    bool                  last;          /* the last collection is seen to */
};


/* Copies conf and all it refers to; QOE_NOMEM or QOE_ERROR, logged. */
qoe_status_t qoe_helper_copy_conf(qoe_helper_t *h,
    const qoe_helper_conf_t *conf);

/*
 * Takes, keeps and hands over lanes as the state asks; sets lease_ms.
 */
void qoe_lease_update(qoe_helper_t *h, uint64_t now);

/* At an exit: is all sent that this helper could send, and the metrics? */
bool qoe_lease_finished(qoe_helper_t *h);

/* Tells of the worker, every few seconds: its memory, that its helper lives. */
void qoe_row_update(qoe_helper_t *h, uint64_t now);

/* Gives every lane back, with what is left in it, and logs that. */
void qoe_lease_close(qoe_helper_t *h);


#endif /* _QOE_HELPER_PRIV_H_INCLUDED_ */
