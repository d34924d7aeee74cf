
/*
 * Copyright (C) OpenQoE
 *
 * A helper's part of one stream of an openqoe_exporter: its circuit breaker,
 * the requests in flight, its spool and the backlog in that.  The streams of an
 * exporter share its transport, and do not affect each other.  Private to
 * src/helper; helper thread only.
 *
 * The circuit opens at the second failure in a row, or a second after the
 * first, or at once if the server refuses all requests.  While it is open and
 * the spool works, all batches go to the spool at once, but one request is
 * tried whenever the next try is due.  The first answer closes the circuit.
 */


#ifndef _QOE_EXPORTER_H_INCLUDED_
#define _QOE_EXPORTER_H_INCLUDED_


#include "qoe_backoff.h"
#include "qoe_held.h"
#include "qoe_helper.h"
#include "qoe_points.h"


/*
 * The requests with live batches that may be in flight at once; a request of
 * the backlog comes in addition.
 */
#define QOE_EXPORTER_WINDOW    4


/*
 * A request that was held this often, each time after the server took another
 * one, is itself to blame, whatever the status says, and is dropped: it would
 * block its lane or the rest of the backlog for ever.  The number is high
 * because several servers may share an address, of which only some are at
 * fault.
 */
#define QOE_EXPORTER_BLAMED    32


typedef struct qoe_exporter_s  qoe_exporter_t;


/* A request in flight. */

typedef struct {
    qoe_exporter_t         *exporter;
    bool                    busy;
    qoe_export_batch_t     *batch;       /* NULL: from the backlog */
    qoe_buf_t               text;        /* JSON, transcoded */
} qoe_shipment_t;


/* What all exporters of a helper share; the helper owns it. */

typedef struct {
    qoe_zone_t             *zone;
    qoe_net_t              *net;
    const qoe_self_env_t   *self;
    const qoe_log_t        *log;
    qoe_arena_t             scratch;     /* for transcoding */

    qoe_held_t             *held[QOE_LANES_MAX];     /* the lanes held */
    size_t                  nheld;

    /* the state of the helper */
    bool                    leaving;     /* the process exits */
    bool                    spooling;    /* all that is left goes to spools */
    bool                    handing_over;
    uint64_t                until_ms;    /* the end of the exit or hand-over */
} qoe_exporter_env_t;


struct qoe_exporter_s {
    qoe_exporter_env_t     *env;
    size_t                  index;       /* of its feed in each lane held */
    qoe_exporter_conf_t     conf;        /* all but transport is valid */
    char                    name[QOE_DEST_NAME + 1];     /* of its slot */
    const qoe_stream_t     *stream;      /* NULL: gets only metrics */
    uint32_t                dest;
    bool                    first;       /* stream of its exporter: owns the
                                            transport, sends the metrics */
    qoe_transport_t        *transport;
    qoe_points_dest_t      *points;      /* NULL: no metrics */
    qoe_feed_env_t          feed;

    qoe_shipment_t          ship[QOE_EXPORTER_WINDOW + 1];
    size_t                  sending;     /* live batches in flight */
    size_t                  turn;        /* lane that was served last */

    qoe_retry_t             retry;       /* of logs; monotonic times */
    uint64_t                failing_ms;  /* of the first failure in a row */
    bool                    refusing;    /* the last was QOE_OUTCOME_HOLD */

    qoe_spool_t            *spool;       /* NULL: none */
    uint64_t                spool_ms;    /* appends are not tried before */
    uint64_t                run_ms;      /* the spool's next run, if due */
    qoe_spool_item_t        item;        /* request from the backlog */
    bool                    item_held;
    bool                    item_sent;
    uint64_t                taken;       /* requests taken so far */
    uint64_t                holds;       /* answers that held live batches */
    qoe_blame_t             blame;       /* of the refused payload, */
    uint32_t                blamed_crc;  /* whose CRC this is */
    uint64_t                backlog_ms;  /* of the backlog's next read */

    qoe_log_limit_t         log_limit;
};


/*
 * conf is copied, but what it refers to must outlive the exporter, except for
 * conf->transport.  stream: QOE_STREAMS: metrics alone.  first: the first
 * stream of the same exporter, or NULL if this is the one.  QOE_OK; QOE_NOMEM
 * or QOE_ERROR: the reason was logged.
 */
qoe_status_t qoe_exporter_create(qoe_exporter_t *e, qoe_exporter_env_t *env,
    size_t index, const qoe_exporter_conf_t *conf, qoe_stream_id_t stream,
    const qoe_exporter_t *first);

/*
 * Aborts what is in flight, of the first stream also what the others have; all
 * lanes must have been given back before.
 */
void qoe_exporter_abort(qoe_exporter_t *e);
void qoe_exporter_destroy(qoe_exporter_t *e);

/*
 * Whether it has a stream, and still owns its slot in the zone: after some
 * reloads the slot may belong to an exporter of another name.
 */
bool qoe_exporter_serves(const qoe_exporter_t *e);

/* Finishes the spool and gives it away, or opens it again. */
void qoe_exporter_close_spool(qoe_exporter_t *e);
void qoe_exporter_open_spool(qoe_exporter_t *e);

/*
 * Writes to the spool what requests wait for, and makes it durable for those
 * that ask for that.  true: there is more, call again at once.
 */
bool qoe_exporter_commit(qoe_exporter_t *e, uint64_t now_ms);

/*
 * Sends all that it can, and spools or drops what it cannot.  true: there is
 * more, call again at once.
 */
bool qoe_exporter_run(qoe_exporter_t *e, uint64_t now_ms);

/* The monotonic ms of the next step, 0: at once; UINT64_MAX: none. */
uint64_t qoe_exporter_due_ms(const qoe_exporter_t *e, uint64_t now_ms);

/* Whether no answer in flight is worth waiting for. */
bool qoe_exporter_idle(const qoe_exporter_t *e, uint64_t now_ms);


/* For qoe_exporter*.c. */

/* QOE_OK; QOE_NOMEM; QOE_INVALID, QOE_TOO_LARGE: it can never be sent. */
qoe_status_t qoe_exporter_ship(qoe_exporter_t *e, qoe_signal_t signal,
    qoe_span_t payload, qoe_export_batch_t *b);
/* Whether the circuit is open. */
bool qoe_exporter_open(const qoe_exporter_t *e, uint64_t now_ms);
/* Whether a batch may be appended to the spool now. */
bool qoe_exporter_can_spool(const qoe_exporter_t *e, uint64_t now_ms);

/* Notes the failure: the spool is not tried again for a moment. */
void qoe_exporter_spool_failed(qoe_exporter_t *e, qoe_status_t rc,
    uint64_t now_ms);

/* An answer has held a request: is the request to blame?  first: no other. */
bool qoe_exporter_blame(qoe_exporter_t *e, qoe_blame_t *blame, bool first);

/* Adds n to a counter of the exporter. */
void qoe_exporter_count(qoe_exporter_t *e, qoe_dest_counter_t c, uint64_t n);

/* The server answers, even if with a refusal, which is error. */
void qoe_exporter_answered(qoe_exporter_t *e, const char *error);
/* A request, of the backlog if spooled is set, failed and is kept. */
void qoe_exporter_failed(qoe_exporter_t *e, const qoe_outcome_t *o,
    bool spooled);
/* A request was taken, in whole or in part. */
void qoe_exporter_sent(qoe_exporter_t *e, const qoe_outcome_t *o);
/* The server took a request but rejected some of the events in it. */
void qoe_exporter_rejected(qoe_exporter_t *e, uint64_t rejected,
    uint64_t sent, const qoe_outcome_t *o);

/* Sends a request of the backlog if no live batch waits. */
void qoe_exporter_backlog(qoe_exporter_t *e, uint64_t now_ms);
void qoe_exporter_backlog_done(qoe_exporter_t *e, const qoe_outcome_t *o);


#endif /* _QOE_EXPORTER_H_INCLUDED_ */
