
/*
 * Copyright (C) OpenQoE
 *
 * A helper's view of one openqoe_exporter: its transport, the circuit that
 * tells whether it is worth trying, the requests in flight, its spool and the
 * backlog in it.  What one destination does is of no consequence to another.
 * Private to src/helper; helper thread only.
 *
 * The circuit opens at the second failure in a row, or a second after the
 * first, or at once when the destination refuses whatever it gets.  With a
 * spool that works, everything then goes there at once but one request
 * whenever the next try is due; the first answer closes it.
 */


#ifndef _QOE_EXPORTER_H_INCLUDED_
#define _QOE_EXPORTER_H_INCLUDED_


#include "qoe_backoff.h"
#include "qoe_held.h"
#include "qoe_helper.h"
#include "qoe_points.h"


/* Requests with live batches in flight at once; one of the backlog on top. */
#define QOE_EXPORTER_WINDOW    4


typedef struct qoe_exporter_s  qoe_exporter_t;


/* A request in flight. */

typedef struct {
    qoe_exporter_t         *exporter;
    bool                    busy;
    qoe_export_batch_t     *batch;       /* NULL: of the backlog */
    qoe_buf_t               text;        /* transcoded, for JSON */
} qoe_shipment_t;


/* What all exporters of a helper share; the owner is the helper. */

typedef struct {
    qoe_zone_t             *zone;
    qoe_net_t              *net;
    const qoe_self_env_t   *self;
    const qoe_log_t        *log;
    qoe_arena_t             scratch;     /* to transcode */

    qoe_held_t             *held[QOE_LANES_MAX];     /* lanes */
    size_t                  nheld;

    /* how the helper goes: */
    bool                    leaving;     /* the process ends */
    bool                    spooling;    /* so what is left goes to spools */
    bool                    handing_over;
    uint64_t                until_ms;    /* which is over then */
} qoe_exporter_env_t;


struct qoe_exporter_s {
    qoe_exporter_env_t     *env;
    size_t                  index;       /* its feed in each lane held */
    qoe_exporter_conf_t     conf;        /* without transport */
    char                    name[QOE_DEST_NAME + 1];
    bool                    logs;        /* are sent */
    qoe_transport_t        *transport;
    qoe_points_dest_t      *points;      /* NULL: no metrics */
    qoe_feed_env_t          feed;

    qoe_shipment_t          ship[QOE_EXPORTER_WINDOW + 1];
    size_t                  sending;     /* live batches in flight */
    size_t                  turn;        /* the lane that was served last */

    qoe_retry_t             retry;       /* of logs; times: monotonic */
    uint64_t                failing_ms;  /* since */
    bool                    refusing;    /* the last failure was held */

    qoe_spool_t            *spool;       /* NULL: none */
    uint64_t                spool_ms;    /* not tried before */
    uint64_t                run_ms;      /* it need not be run before */
    uint64_t                look_ms;     /* it is run then, due or not */
    qoe_spool_item_t        item;        /* of the backlog */
    bool                    item_held;
    bool                    item_sent;
    uint64_t                taken;       /* requests, so far */
    uint64_t                blamed_taken;    /* of taken, seen when refused */
    uint32_t                blamed_crc;  /* of a payload that was refused */
    uint32_t                blamed;      /* so often, others being taken */
    uint64_t                backlog_ms;  /* not looked at before */

    qoe_log_limit_t         log_limit;
};


/*
 * conf is copied, and what it refers to must outlive the exporter, but for
 * conf->transport.  QOE_NOMEM or QOE_ERROR, logged.
 */
qoe_status_t qoe_exporter_create(qoe_exporter_t *e, qoe_exporter_env_t *env,
    size_t index, const qoe_exporter_conf_t *conf);

/* Aborts what is in flight; the lanes must have been given back then. */
void qoe_exporter_abort(qoe_exporter_t *e);
void qoe_exporter_destroy(qoe_exporter_t *e);

/*
 * Are logs sent, and is the slot in the zone still that of the exporter?  Some
 * reloads on, it may have been given to one of another name.
 */
bool qoe_exporter_serves(const qoe_exporter_t *e);

/* The spool: finished and given away, and used again. */
void qoe_exporter_close_spool(qoe_exporter_t *e);
void qoe_exporter_open_spool(qoe_exporter_t *e);

/*
 * Brings into the spool what requests wait for, and makes it durable where
 * they ask for that.  True: there is more, come back at once.
 */
bool qoe_exporter_commit(qoe_exporter_t *e, uint64_t now_ms);

/*
 * Sends what it can, spools or gives up what it cannot.  True: there is more,
 * come back at once.
 */
bool qoe_exporter_run(qoe_exporter_t *e, uint64_t now_ms);

/* Monotonic ms of the next step, 0: at once; UINT64_MAX: none. */
uint64_t qoe_exporter_due_ms(const qoe_exporter_t *e, uint64_t now_ms);

/* Nothing is in flight whose answer is worth waiting for. */
bool qoe_exporter_idle(const qoe_exporter_t *e, uint64_t now_ms);


/* For qoe_exporter*.c. */

/* QOE_OK; QOE_NOMEM; QOE_INVALID or QOE_TOO_LARGE: it can never be sent. */
qoe_status_t qoe_exporter_ship(qoe_exporter_t *e, qoe_signal_t signal,
    qoe_span_t payload, qoe_export_batch_t *b);
bool qoe_exporter_open(const qoe_exporter_t *e, uint64_t now_ms);
bool qoe_exporter_can_spool(const qoe_exporter_t *e, uint64_t now_ms);

/* After a failure it is not tried for a moment. */
void qoe_exporter_spool_failed(qoe_exporter_t *e, qoe_status_t rc,
    uint64_t now_ms);

/* Counts for the destination. */
void qoe_exporter_count(qoe_exporter_t *e, qoe_dest_counter_t c, uint64_t n);

/* It answers, be it with a refusal (error). */
void qoe_exporter_answered(qoe_exporter_t *e, const char *error);
void qoe_exporter_failed(qoe_exporter_t *e, const qoe_outcome_t *o,
    const char *what);
void qoe_exporter_sent(qoe_exporter_t *e, const qoe_outcome_t *o);
void qoe_exporter_rejected(qoe_exporter_t *e, uint64_t rejected,
    uint64_t sent, const qoe_outcome_t *o);

/* The backlog: one request of it when nothing live waits. */
void qoe_exporter_backlog(qoe_exporter_t *e, uint64_t now_ms);
void qoe_exporter_backlog_done(qoe_exporter_t *e, const qoe_outcome_t *o);


#endif /* _QOE_EXPORTER_H_INCLUDED_ */
