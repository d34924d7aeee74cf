
/*
 * Copyright (C) OpenQoE
 *
 * The state of a helper thread, private to qoe_helper*.c, qoe_lease*.c and
 * qoe_row.c.  Only the thread uses it, except for the two flags and what the
 * lock protects.
 */


#ifndef _QOE_HELPER_PRIV_H_INCLUDED_
#define _QOE_HELPER_PRIV_H_INCLUDED_


#include "qoe_atomic.h"
#include "qoe_exporter.h"
#include "qoe_report.h"
#include "qoe_watch.h"

#include <pthread.h>


/* Whether a lane was taken but cannot be served yet for want of memory. */

typedef enum {
    QOE_LANE_NONE = 0,
    QOE_LANE_TAKEN,
    QOE_LANE_ADOPTED                     /* its last owner died */
} qoe_lane_owed_t;


struct qoe_helper_s {
    qoe_helper_conf_t     conf;
    qoe_arena_t           arena;         /* what conf refers to */
    pthread_t             thread;

    uint64_t              drain_ms;      /* set before stop is set */
    bool                  stop;          /* atomic, set by the event loop */
    bool                  reopen;

    pthread_mutex_t       ended_lock;
    pthread_cond_t        ended_cond;    /* uses the monotonic clock */
    bool                  ended;         /* under the lock: it returns */

    qoe_net_t            *net;
    qoe_exporter_env_t    env;           /* has the lanes held */
    qoe_exporter_t        exporter[QOE_FEEDS_MAX];
    size_t                nexporters;    /* created, one for each stream */
    qoe_intake_env_t      intake;
    qoe_state_t           state;
    qoe_governor_t        governor;
    qoe_watch_t           watch;
    qoe_report_env_t      report_env;
    qoe_report_t         *report;
    qoe_proc_t            self;
    qoe_log_limit_t       log_limit;

    uint8_t               owed[QOE_LANES_MAX];       /* qoe_lane_owed_t */

    bool                  more;          /* do not sleep in this turn */
    bool                  handing_over;  /* there is a newer generation */
    uint64_t              hand_over_ms;  /* the end of the hand-over */
    uint64_t              alone_ms;      /* since when a lane has no owner */
    uint64_t              leaving_ms;    /* the end of the exit; 0: no exit */
    uint64_t              spooling_ms;   /* when the rest goes to spools */
    uint64_t              started_ms;
    uint64_t              lease_ms;      /* next look at the leases */
    uint64_t              row_ms;        /* next update of the row */
    uint64_t              drained_ns;    /* all records are out; Unix */
    bool                  gone;          /* its row was removed */
    uint64_t              alone_at_ms;   /* no other helper since then, at an
                                            exit; 0: there are others */
    bool                  last;          /* the last collection is arranged */
};


/* Copies conf and all it refers to.  QOE_NOMEM or QOE_ERROR: logged. */
qoe_status_t qoe_helper_copy_conf(qoe_helper_t *h,
    const qoe_helper_conf_t *conf);

/* Takes, keeps and hands over lanes as the state requires; sets lease_ms. */
void qoe_lease_update(qoe_helper_t *h, uint64_t now);

/* At an exit: whether all that this helper could send is sent. */
bool qoe_lease_finished(qoe_helper_t *h, uint64_t now);

/*
 * Updates the worker's row in the zone every few seconds: its memory, and that
 * its helper lives.
 */
void qoe_row_update(qoe_helper_t *h, uint64_t now);

/*
 * Gives back all lanes, with what is left in them, and the spools; counts and
 * logs what is lost with this helper.
 */
void qoe_lease_close(qoe_helper_t *h);

/*
 * Counts the same if the thread did not end in time.  Called on the event
 * loop's thread, whose process exits next.
 */
void qoe_lease_late(qoe_helper_t *h);

/* For qoe_lease*.c. */

bool qoe_lease_take(qoe_helper_t *h, uint32_t lane);
void qoe_lease_give(qoe_helper_t *h, size_t i);
bool qoe_lease_holds(const qoe_helper_t *h, uint32_t lane);


#endif /* _QOE_HELPER_PRIV_H_INCLUDED_ */
