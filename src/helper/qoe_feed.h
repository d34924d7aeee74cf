
/*
 * Copyright (C) OpenQoE
 *
 * A feed is one destination's side of one lane: it makes batches of records,
 * keeps each until the destination has answered or the spool has it, and
 * releases the lane in order.  Private to src/helper; helper thread only.
 *
 * A batch is made of parts, each a request of its own in protobuf: what
 * follows one another is one request with all their items.  When requests
 * wait until their events are spooled, a part is encoded and appended to the
 * spool at once, and the batch goes on until it is due.
 */


#ifndef _QOE_FEED_H_INCLUDED_
#define _QOE_FEED_H_INCLUDED_


#include "qoe_core.h"
#include "qoe_dest.h"
#include "qoe_otlp.h"
#include "qoe_spool.h"


/*
 * Batches of a feed that are encoded and not yet answered.  It bounds the
 * helper's memory, and what is sent twice after a kill.  One more has place
 * that goes to the spool and nowhere else.
 */
#define QOE_FEED_WINDOW    5
#define QOE_FEED_SLOTS     (QOE_FEED_WINDOW + 1)

/*
 * Payloads kept to be used again, by all lanes of an exporter: the one that was
 * given back last is taken first, so that a helper has touched only as many as
 * were in use at once.
 */
#define QOE_FEED_SPARE     4

/* Parts of a batch that the spool has. */
#define QOE_FEED_PARTS     64


typedef enum {
    QOE_BATCH_OPEN = 0,          /* the newest: takes further parts */
    QOE_BATCH_READY,             /* to be sent */
    QOE_BATCH_SENDING,
    QOE_BATCH_DONE               /* taken or given up, or the backlog's */
} qoe_batch_state_t;


typedef struct qoe_feed_s  qoe_feed_t;

typedef struct {
    qoe_batch_state_t     state;
    qoe_feed_t           *feed;
    bool                  released;  /* from the lane; may be in flight yet */
    bool                  given_up;  /* and counted, whatever the answer is */
    bool                  spooled;   /* left to the backlog */

    qoe_buf_t             payload;   /* until it is done */
    uint64_t              end;       /* position behind its last record */
    size_t                count;     /* records */
    size_t                items;     /* of them in payload */
    uint64_t              received_ns;   /* Unix; of its first record */
    uint64_t              sent_ms;   /* monotonic */

    /* what the spool has of it: the first stored bytes of payload */
    qoe_spool_ref_t      *ref[QOE_FEED_PARTS];
    size_t                nrefs;
    size_t                stored;
    size_t                stored_items;
    size_t                told;      /* records told to be stored */

    /* to be counted: once it is released, the last two once it is done */
    size_t                bad;       /* unreadable */
    size_t                behind;
    size_t                rejected;  /* by a partial success */
    size_t                refused;   /* for good */
} qoe_export_batch_t;


/* What all feeds of an exporter share. */

typedef struct {
    qoe_zone_t                 *zone;
    uint32_t                    dest;
    size_t                      batch_size;
    uint64_t                    interval_ms;
    size_t                      payload_max;
    const qoe_otlp_identity_t  *identity;
    qoe_spool_t                *spool;       /* NULL: none */
    qoe_arena_t                 scratch;     /* of the encoder */
    qoe_buf_t                   spare[QOE_FEED_SPARE];
    size_t                      nspare;
    size_t                      usual;       /* bytes of a payload */
    const qoe_log_t            *log;
    qoe_log_limit_t             log_limit;
} qoe_feed_env_t;


struct qoe_feed_s {
    qoe_feed_env_t       *env;
    uint32_t              lane;
    bool                  changed;   /* released or stored: tell who waits */
    bool                  unsynced;  /* stored since the last sync */
    uint64_t              taken;     /* position: released, or stored */
    uint64_t              synced;    /* position: durable, at least */

    qoe_span_t           *records;   /* batch_size: read, in no batch yet */
    uint64_t             *ends;      /* position behind each */
    size_t                nrecords;
    uint64_t              first_ms;  /* the first of what is not closed */
    uint64_t              pos;       /* behind the last one read */
    size_t                record_avg;

    qoe_export_batch_t    batch[QOE_FEED_SLOTS];
    size_t                first;     /* the oldest batch */
    size_t                nbatches;
};


/* Frees the payloads that no batch has. */
void qoe_feed_env_free(qoe_feed_env_t *env);

/* Begins at its head in the lane, which must be held.  NULL: no memory. */
qoe_feed_t *qoe_feed_create(qoe_feed_env_t *env, uint32_t lane);

/*
 * Batches that are being sent must be over, or the transport be gone.  What
 * the spool has is released and left to the backlog.
 */
void qoe_feed_destroy(qoe_feed_t *feed);

/*
 * Reads records before limit and makes batches of those that are due: a full
 * batch, an old one, any with flush.  now_ms is monotonic.
 */
void qoe_feed_run(qoe_feed_t *feed, uint64_t limit, uint64_t now_ms,
    bool flush);

/*
 * Brings all records before limit into the spool: parts of batches that are
 * sent all the same.  QOE_AGAIN: not all, call it again; an error is the
 * spool's, or QOE_NOMEM.
 */
qoe_status_t qoe_feed_commit(qoe_feed_t *feed, uint64_t limit,
    uint64_t now_ms);

/* All that is stored is durable. */
void qoe_feed_synced(qoe_feed_t *feed);

/*
 * Brings all batches that are closed into the spool, also those in flight,
 * and releases them.  As qoe_spool_append().
 */
qoe_status_t qoe_feed_spool(qoe_feed_t *feed);

/*
 * Gives up the oldest records, a batch or so, and counts them: *n.  False:
 * there is nothing, or it is in flight since later than sent_ms.
 */
bool qoe_feed_give_up(qoe_feed_t *feed, uint64_t limit, uint64_t now_ms,
    uint64_t sent_ms, size_t *n);

/* The oldest batch that is ready to be sent, or NULL. */
qoe_export_batch_t *qoe_feed_ready(qoe_feed_t *feed);

/* The answers to a batch that was sent; qoe_feed_release() behind it. */
void qoe_feed_taken(qoe_export_batch_t *b);
void qoe_feed_refused(qoe_export_batch_t *b);

/* Not taken: it is ready again, or the backlog's. */
void qoe_feed_failed(qoe_export_batch_t *b);

/* It cannot be sent at all, and is counted so. */
void qoe_feed_unsendable(qoe_export_batch_t *b);

/*
 * Releases the oldest batches that are done, and counts what of them was lost:
 * not before, or a batch that is sent once more is counted once more.
 */
void qoe_feed_release(qoe_feed_t *feed);

bool qoe_feed_sending(const qoe_feed_t *feed);

/* Of what is in flight there is something that only this process has. */
bool qoe_feed_unsafe(const qoe_feed_t *feed);

/* Batches are done that cannot be released, for one before them is not. */
bool qoe_feed_blocked(const qoe_feed_t *feed);

/* Nothing read, nothing in a batch that is not released, nothing new. */
bool qoe_feed_empty(const qoe_feed_t *feed);

/* Bytes of the lane that are not released. */
uint64_t qoe_feed_lag(const qoe_feed_t *feed);

/*
 * Where to be woken: when the next batch is full or, where none is begun, by
 * the next record.
 */
uint64_t qoe_feed_wake_pos(const qoe_feed_t *feed);

/* Monotonic ms at which the begun batch is due; UINT64_MAX: none. */
uint64_t qoe_feed_due_ms(const qoe_feed_t *feed);


/* For qoe_feed*.c. */

qoe_export_batch_t *qoe_feed_batch(const qoe_feed_t *feed, size_t i);
qoe_export_batch_t *qoe_feed_open(const qoe_feed_t *feed);
qoe_export_batch_t *qoe_feed_push(qoe_feed_t *feed);

/* Takes back the newest batch, to which nothing was added. */
void qoe_feed_unpush(qoe_feed_t *feed);

/* The payloads of batches that are done are for others to use. */
void qoe_feed_reclaim(qoe_feed_t *feed);
void qoe_feed_read(qoe_feed_t *feed, uint64_t limit, uint64_t now_ms);

/*
 * The records that were read become a part of the open batch, as many as fit:
 * QOE_FULL when none did and it must be closed.  QOE_NOMEM, logged.
 */
qoe_status_t qoe_feed_part(qoe_feed_t *feed, uint64_t now_ms);
void qoe_feed_close(qoe_export_batch_t *b);
bool qoe_feed_is_full(const qoe_feed_t *feed);
void qoe_feed_shift(qoe_feed_t *feed, size_t n, uint64_t now_ms);
bool qoe_feed_is_stored(const qoe_export_batch_t *b);
void qoe_feed_count(qoe_feed_t *feed, qoe_dest_counter_t c, size_t *n);

/* early: also what the spool has and is in flight yet. */
void qoe_feed_release_to(qoe_feed_t *feed, bool early);


#endif /* _QOE_FEED_H_INCLUDED_ */
