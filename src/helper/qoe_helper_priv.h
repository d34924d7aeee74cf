
/*
 * Copyright (C) OpenQoE
 *
 * The state of a helper thread, shared by qoe_helper*.c, qoe_lease*.c and
 * qoe_row.c.  All of it is the thread's own but for the two flags and what
 * is locked.
 */


#ifndef _QOE_HELPER_PRIV_H_INCLUDED_
#define _QOE_HELPER_PRIV_H_INCLUDED_


#include "qoe_exporter.h"
#include "qoe_report.h"

#include <pthread.h>


/* A lane that was taken and could not be served, for want of memory. */

typedef enum {
    QOE_LANE_NONE = 0,
    QOE_LANE_TAKEN,
    QOE_LANE_ADOPTED                     /* its last owner had died */
} qoe_lane_owed_t;


struct qoe_helper_s {
    qoe_helper_conf_t     conf;
    qoe_arena_t           arena;         /* copies that conf refers to */
    pthread_t             thread;

    uint64_t              drain_ms;      /* set before stop is */
    bool                  stop;          /* set by the event loop, atomic */
    bool                  reopen;

    pthread_mutex_t       ended_lock;
    pthread_cond_t        ended_cond;    /* waits by the monotonic clock */
    bool                  ended;         /* locked: the thread returns now */

    qoe_net_t            *net;
    qoe_exporter_env_t    env;           /* also: the lanes held */
    qoe_exporter_t        exporter[QOE_DESTS_CONF];
    size_t                nexporters;    /* made */
    qoe_intake_env_t      intake;
    qoe_state_t           state;
    qoe_governor_t        governor;
    qoe_report_env_t      report_env;
    qoe_report_t         *report;
    qoe_proc_t            self;
    qoe_log_limit_t       log_limit;

    uint8_t               owed[QOE_LANES_MAX];       /* qoe_lane_owed_t */

    bool                  more;          /* of this turn: do not sleep */
    bool                  handing_over;  /* a newer generation is here */
    uint64_t              hand_over_ms;  /* that must be over */
    uint64_t              alone_ms;      /* since when a lane is nobody's */
    uint64_t              leaving_ms;    /* the exit must be over; 0: no exit */
    uint64_t              spooling_ms;   /* the rest goes to the spool then */
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
bool qoe_lease_finished(qoe_helper_t *h, uint64_t now);

/* Tells of the worker, every few seconds: its memory, that its helper lives. */
void qoe_row_update(qoe_helper_t *h, uint64_t now);

/*
 * Gives every lane back, with what is left in it, and the spools; counts and
 * logs what is lost with this helper.
 */
void qoe_lease_close(qoe_helper_t *h);

/*
 * The same counts where the thread did not end in time.  Event loop thread,
 * which exits after that.
 */
void qoe_lease_late(qoe_helper_t *h);

/* For qoe_lease*.c. */

bool qoe_lease_take(qoe_helper_t *h, uint32_t lane);
void qoe_lease_give(qoe_helper_t *h, size_t i);
bool qoe_lease_holds(const qoe_helper_t *h, uint32_t lane);


#endif /* _QOE_HELPER_PRIV_H_INCLUDED_ */
