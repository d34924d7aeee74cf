
/*
 * Copyright (C) OpenQoE
 *
 * A feed is the side of one lane of a stream of an exporter: it makes batches
 * of the records that the stream takes, keeps each until the exporter's server
 * or the spool has it, and releases the lane in order.  Records of other kinds
 * are passed over.  Private to src/helper; helper thread only.
 *
 * A batch consists of parts, each a complete request in protobuf; concatenated
 * they are one request with all their items.  When requests wait until their
 * events are spooled, a part is encoded and appended to the spool at once,
 * while the batch goes on until it is due.
 */


#ifndef _QOE_FEED_H_INCLUDED_
#define _QOE_FEED_H_INCLUDED_


#include "qoe_core.h"
#include "qoe_dest.h"
#include "qoe_otlp.h"
#include "qoe_spool.h"
#include "qoe_stream.h"


/*
 * The batches of a feed that are encoded and not answered.  The number bounds
 * the helper's memory, and how much is sent twice after a kill.  There is a
 * slot more for a batch that can only go to the spool.
 */
#define QOE_FEED_WINDOW    5
#define QOE_FEED_SLOTS     (QOE_FEED_WINDOW + 1)

/*
 * Payloads that are kept for reuse by all lanes of an exporter.  The last one
 * given back is taken first, so that only as many are touched as were in use
 * at the same time.
 */
#define QOE_FEED_SPARE     4

/* The parts of a batch that the spool may have. */
#define QOE_FEED_PARTS     64


typedef enum {
    QOE_BATCH_OPEN = 0,          /* the newest, takes more parts */
    QOE_BATCH_READY,             /* to be sent */
    QOE_BATCH_SENDING,
    QOE_BATCH_DONE               /* taken, dropped, or left to the backlog */
} qoe_batch_state_t;


/* What answers that hold a request say against it; see QOE_EXPORTER_BLAMED. */

typedef struct {
    uint64_t              taken;     /* requests taken at the last of them */
    uint32_t              times;     /* others were taken before it */
} qoe_blame_t;


typedef struct qoe_feed_s  qoe_feed_t;

typedef struct {
    qoe_batch_state_t     state;
    qoe_feed_t           *feed;
    bool                  released;  /* from the lane, maybe still in flight */
    bool                  given_up;  /* and counted: ignore the answer */
    bool                  spooled;   /* left to the backlog */

    qoe_buf_t             payload;   /* freed when it is done */
    uint64_t              end;       /* position after its last record */
    size_t                count;     /* records */
    qoe_counts_t          passed;    /* records of other kinds before end */
    size_t                items;     /* in payload */
    uint64_t              received_ns;   /* of its first record, Unix */
    uint64_t              sent_ms;   /* monotonic */

    /* the spool has the first stored bytes of payload */
    qoe_spool_ref_t      *ref[QOE_FEED_PARTS];
    size_t                nrefs;
    size_t                stored;
    size_t                stored_items;
    size_t                noted;     /* records noted as stored */
    qoe_counts_t          noted_passed;

    /* answers that held the batch */
    uint64_t              hold;      /* number of the last; 0: none */
    qoe_blame_t           blame;

    /* counted once it is released, the last two once it is done */
    size_t                bad;       /* unreadable */
    size_t                behind;
    size_t                rejected;  /* by partial success */
    size_t                refused;   /* all of the batch */
} qoe_export_batch_t;


/* What all feeds of an exporter share. */

typedef struct {
    qoe_zone_t                 *zone;
    const qoe_stream_t         *stream;
    uint32_t                    dest;
    size_t                      batch_size;
    uint64_t                    interval_ms;
    size_t                      payload_max;
    const qoe_otlp_identity_t  *identity;
    qoe_spool_t                *spool;       /* NULL: no spool */
    qoe_arena_t                 scratch;     /* of the encoder */
    qoe_buf_t                   spare[QOE_FEED_SPARE];
    size_t                      nspare;
    size_t                      usual;       /* size of a payload lately */
    const qoe_log_t            *log;
    qoe_log_limit_t             log_limit;
} qoe_feed_env_t;


struct qoe_feed_s {
    qoe_feed_env_t       *env;
    uint32_t              lane;
    bool                  changed;   /* wake those who wait */
    bool                  unsynced;  /* stored, but not synced */
    uint64_t              taken;     /* position: released or stored */
    uint64_t              synced;    /* position: durable at least to here */

    qoe_span_t           *records;   /* batch_size: in no batch yet */
    uint64_t             *ends;      /* position after each */
    qoe_counts_t         *passes;    /* records passed over before each */
    size_t                nrecords;
    qoe_counts_t          passed;    /* and after the last one */
    uint64_t              hurry;     /* bytes that a begun batch may hold up */
    uint64_t              first_ms;  /* of the first not in a closed batch */
    uint64_t              pos;       /* after the last record read */
    size_t                record_avg;

    qoe_export_batch_t    batch[QOE_FEED_SLOTS];
    size_t                first;     /* index of the oldest batch */
    size_t                nbatches;
};


/* Frees the payloads that no batch uses. */
void qoe_feed_env_free(qoe_feed_env_t *env);

/* Starts at the exporter's head in a lane that is held.  NULL: no memory. */
qoe_feed_t *qoe_feed_create(qoe_feed_env_t *env, uint32_t lane);

/*
 * No batch may be in flight, unless the transport is gone.  What the spool has
 * is released, and left to the backlog.
 */
void qoe_feed_destroy(qoe_feed_t *feed);

/*
 * Reads records before limit, and closes the batches that are due: those that
 * are full or old, or all if flush is set.  now_ms is monotonic.
 */
void qoe_feed_run(qoe_feed_t *feed, uint64_t limit, uint64_t now_ms,
    bool flush);

/*
 * Appends all records before limit to the spool, as parts of batches that are
 * sent nevertheless.  QOE_AGAIN: there are more, call it again; else an error
 * of the spool, or QOE_NOMEM.
 */
qoe_status_t qoe_feed_commit(qoe_feed_t *feed, uint64_t limit,
    uint64_t now_ms);

/* The spool has synced: all that is stored is durable. */
void qoe_feed_synced(qoe_feed_t *feed);

/*
 * Appends all closed batches to the spool, even those in flight, and releases
 * them.  Returns what qoe_spool_append() returned.
 */
qoe_status_t qoe_feed_spool(qoe_feed_t *feed);

/*
 * Drops the oldest records, about a batch, and counts them in *n.  false:
 * there are none, or they are in flight since later than sent_ms.
 */
bool qoe_feed_give_up(qoe_feed_t *feed, uint64_t limit, uint64_t now_ms,
    uint64_t sent_ms, size_t *n);

/*
 * The batch that waits to be sent and is next, or NULL: the oldest of those
 * that no answer has held, else the batch whose last such answer is oldest, so
 * that a batch that the server breaks on does not keep others from being sent.
 */
qoe_export_batch_t *qoe_feed_ready(qoe_feed_t *feed);

/* Note the answer to a batch that was sent; call qoe_feed_release() next. */
void qoe_feed_taken(qoe_export_batch_t *b);
void qoe_feed_refused(qoe_export_batch_t *b);

/* It was not taken, so it waits again, or belongs to the backlog. */
void qoe_feed_failed(qoe_export_batch_t *b);

/* It can never be sent, and is counted as such. */
void qoe_feed_unsendable(qoe_export_batch_t *b);

/*
 * Releases the oldest batches that are done, and counts what was lost of them.
 * Not earlier, or a batch that is sent again would be counted again.
 */
void qoe_feed_release(qoe_feed_t *feed);

bool qoe_feed_sending(const qoe_feed_t *feed);

/* Whether something is in flight that is only in this process. */
bool qoe_feed_unsafe(const qoe_feed_t *feed);

/* Whether batches that are done wait for an older one that is not. */
bool qoe_feed_blocked(const qoe_feed_t *feed);

/* Whether there is no record that is read, unreleased, or new. */
bool qoe_feed_empty(const qoe_feed_t *feed);

/* The bytes of the lane that are not released. */
uint64_t qoe_feed_lag(const qoe_feed_t *feed);

/*
 * The position at which to wake: when the next batch is full, or, if none is
 * begun, at the next record.
 */
uint64_t qoe_feed_wake_pos(const qoe_feed_t *feed);

/* The monotonic ms at which the begun batch is due; UINT64_MAX: none. */
uint64_t qoe_feed_due_ms(const qoe_feed_t *feed);


/* For qoe_feed*.c. */

/* That many records of its kind, and those of others. */
qoe_counts_t qoe_feed_counts(const qoe_feed_t *feed, size_t count,
    qoe_counts_t passed);

/* Has nothing been passed over? */
bool qoe_feed_none(qoe_counts_t passed);

/* Releases what was passed over, or leaves it to the newest batch. */
void qoe_feed_pass(qoe_feed_t *feed);

/* Batch i, the oldest being 0. */
qoe_export_batch_t *qoe_feed_batch(const qoe_feed_t *feed, size_t i);
/* The open batch, or NULL. */
qoe_export_batch_t *qoe_feed_open(const qoe_feed_t *feed);
/* A new, empty batch; there must be a free slot. */
qoe_export_batch_t *qoe_feed_push(qoe_feed_t *feed);

/* Removes the newest batch, to which nothing was added. */
void qoe_feed_unpush(qoe_feed_t *feed);

/*
 * Makes one batch of the newest batches that are done but wait for an older
 * one, so that the window has room while that one is tried again.
 */
void qoe_feed_fold(qoe_feed_t *feed);

/* Takes the payloads of batches that are done for reuse. */
void qoe_feed_reclaim(qoe_feed_t *feed);
void qoe_feed_read(qoe_feed_t *feed, uint64_t limit, uint64_t now_ms);

/*
 * Makes a part of the open batch from the records that were read, as many as
 * fit.  QOE_FULL: none did, close the batch; QOE_NOMEM was logged.
 */
qoe_status_t qoe_feed_part(qoe_feed_t *feed, uint64_t now_ms);
qoe_counts_t qoe_feed_passes(const qoe_feed_t *feed, size_t n);
void qoe_feed_close(qoe_export_batch_t *b);
/* Whether the window has no slot for another batch. */
bool qoe_feed_is_full(const qoe_feed_t *feed);
void qoe_feed_shift(qoe_feed_t *feed, size_t n, uint64_t now_ms);
/* Whether the spool has all of the batch. */
bool qoe_feed_is_stored(const qoe_export_batch_t *b);
/* Adds *n to a counter of the exporter, and sets *n to 0. */
void qoe_feed_count(qoe_feed_t *feed, qoe_dest_counter_t c, size_t *n);

/* early: releases batches that the spool has, even if they are in flight. */
void qoe_feed_release_to(qoe_feed_t *feed, bool early);


#endif /* _QOE_FEED_H_INCLUDED_ */
