
/*
 * Copyright (C) OpenQoE
 *
 * A feed is the consumer's side of one lane: it counts new records, makes
 * batches of them, keeps each batch until the collector has answered, and
 * releases the lane in order.  Private to src/export; helper thread only.
 */


#ifndef _QOE_FEED_H_INCLUDED_
#define _QOE_FEED_H_INCLUDED_


#include "qoe_core.h"
#include "qoe_intake.h"
#include "qoe_otlp.h"
#include "qoe_zone.h"


/*
 * Batches of a feed that are encoded and not yet answered.  It bounds the
 * helper's memory, and what is sent twice after a kill.
 */
#define QOE_FEED_WINDOW    4


typedef enum {
    QOE_BATCH_READY = 0,         /* encoded, to be sent */
    QOE_BATCH_SENDING,
    QOE_BATCH_DONE               /* taken or given up: may be released */
} qoe_batch_state_t;


typedef struct qoe_feed_s  qoe_feed_t;

typedef struct {
    qoe_batch_state_t     state;
    qoe_feed_t           *feed;
    qoe_buf_t             payload;
    uint64_t              end;       /* position behind its last record */
    size_t                count;     /* records */
    size_t                bad;       /* of them unreadable, not in payload */
    size_t                rejected;  /* by a partial success */
    size_t                refused;   /* for good */
} qoe_export_batch_t;


/* What all feeds of a helper share; the owner is the helper. */

typedef struct {
    qoe_zone_t                 *zone;
    uint32_t                    slot;        /* of counters */
    size_t                      batch_size;
    uint64_t                    interval_ms;
    qoe_encoding_t              encoding;
    const qoe_otlp_identity_t  *identity;
    qoe_intake_env_t            intake;
    qoe_arena_t                 scratch;     /* of the encoder */
    const qoe_log_t            *log;
    qoe_log_limit_t             log_limit;
} qoe_feed_env_t;


struct qoe_feed_s {
    qoe_feed_env_t       *env;
    uint32_t              lane;
    qoe_intake_t         *intake;    /* goes ahead */
    bool                  more;      /* and has not taken in all there is */

    qoe_span_t           *records;   /* batch_size: read, in no batch yet */
    uint64_t             *ends;      /* position behind each */
    size_t                nrecords;
    uint64_t              first_ms;  /* the first of them was seen */
    uint64_t              pos;       /* behind the last one read */
    size_t                record_avg;

    qoe_export_batch_t    batch[QOE_FEED_WINDOW];
    size_t                first;     /* the oldest batch */
    size_t                nbatches;
};


/*
 * Begins at the lane's head.  The lane must be held; adopted: its last owner
 * died.  NULL: no memory.
 */
qoe_feed_t *qoe_feed_create(qoe_feed_env_t *env, uint32_t lane,
    bool adopted);

/* Batches that are being sent must be over. */
void qoe_feed_destroy(qoe_feed_t *feed);

/*
 * Takes new records into the metrics, reads them and makes batches of those
 * that are due: a full batch, an old one, any with flush.  now_ms is
 * monotonic.
 */
void qoe_feed_run(qoe_feed_t *feed, uint64_t now_ms, bool flush);

/* The oldest batch that is ready to be sent, or NULL. */
qoe_export_batch_t *qoe_feed_ready(qoe_feed_t *feed);

/*
 * Releases the oldest batches that are done, and counts what of them was lost:
 * not before, or a batch that is sent once more is counted once more.
 */
void qoe_feed_release(qoe_feed_t *feed);

bool qoe_feed_sending(const qoe_feed_t *feed);

/* Batches are done that cannot be released, for one before them is not. */
bool qoe_feed_blocked(const qoe_feed_t *feed);

/* Nothing read, nothing in a batch, nothing new in the lane. */
bool qoe_feed_empty(const qoe_feed_t *feed);

/*
 * Asks to be woken when the next batch is full or, where none is begun, by
 * the next record.  True: that is the case already, do not sleep.
 */
bool qoe_feed_arm(qoe_feed_t *feed);

/*
 * Monotonic ms at which the begun batch is due, or the metrics are;
 * UINT64_MAX: neither.
 */
uint64_t qoe_feed_due_ms(const qoe_feed_t *feed, uint64_t now_ms);


#endif /* _QOE_FEED_H_INCLUDED_ */
