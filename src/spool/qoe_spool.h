
/*
 * Copyright (C) OpenQoE
 *
 * The spool of one exporter: requests are kept on disk until the exporter's
 * server has taken them.  Helper thread only; I/O may block the helper, never
 * the event loop.
 *
 * DIR/INSTANCE/lock                shared lock (flock) of each live helper
 * DIR/INSTANCE/NAME/LANE/ID.open   a segment that a helper writes
 * DIR/INSTANCE/NAME/LANE/ID.seg    a finished segment
 * DIR/quarantine/NAME/ID.seg       requests that were refused for good
 * DIR/quarantine/NAME/ID.bad       damaged segments, after they were read
 *
 * A directory LANE belongs to whoever holds that lane of the zone.  No other
 * helper writes, syncs, reads or drops what is in it; to take a lane is to read
 * its directory.
 *
 * INSTANCE is the zone's id, so each zone (of another master, or of before a
 * change of size) has a directory of its own.  Whoever can lock it exclusively
 * knows that its instance is dead; the helper that holds lane 0 moves its
 * segments there, also those that an earlier version has left without a LANE.
 *
 * For each lane the zone has the sums of its segments (qoe_spool_info.h).
 */


#ifndef _QOE_SPOOL_H_INCLUDED_
#define _QOE_SPOOL_H_INCLUDED_


#include "qoe_core.h"
#include "qoe_otlp.h"
#include "qoe_zone.h"


typedef struct {
    qoe_span_t    dir;               /* absolute; null: no spool */
    uint64_t      max_size;          /* bytes, for this exporter */
    uint64_t      segment_size;
    uint64_t      sync_ms;           /* the longest time between syncs */
    uint64_t      replay_rate;       /* bytes a second; 0: unlimited */
    uint64_t      quarantine_size;   /* bytes, for this exporter; 0: none */
    bool          reject;            /* if full, refuse instead of dropping */
} qoe_spool_conf_t;


typedef struct qoe_spool_s  qoe_spool_t;

/* A record that its writer still waits for. */
typedef struct qoe_spool_ref_s  qoe_spool_ref_t;


/*
 * Does no I/O yet.  dest is the exporter's slot in the zone, name its name,
 * which becomes a path component.  All but zone and log is copied.  NULL: no
 * memory.
 */
qoe_spool_t *qoe_spool_create(const qoe_spool_conf_t *conf, qoe_zone_t *zone,
    uint32_t dest, qoe_span_t name, const qoe_log_t *log);

/* Gives back all lanes. */
void qoe_spool_destroy(qoe_spool_t *sp);

/*
 * To be called once the lane itself is held, and the exporter is in it: what
 * the last owner left is read.  QOE_NOMEM.
 */
qoe_status_t qoe_spool_take(qoe_spool_t *sp, uint32_t lane);

/*
 * Leaves every ref of the lane that is still held, and syncs and finishes its
 * segments, so that the next owner can read them.
 */
void qoe_spool_give(qoe_spool_t *sp, uint32_t lane);


/*
 * Appends a request (protobuf) of so many items, the oldest of which was
 * received at that time (Unix ns), to the segments of a lane that was taken.
 * *ref must be given back to qoe_spool_done() or qoe_spool_leave(); if ref is
 * NULL, the record is left at once.
 *
 * QOE_OK: the record survives this process and nginx, and after the next sync
 * a power failure, too.  Otherwise nothing was stored.  QOE_FULL: max_size is
 * reached, and nothing may be dropped; QOE_ERROR: I/O failed, noted in the
 * zone and logged; QOE_AGAIN: I/O failed lately, so it was not tried, or the
 * owner of another lane must drop the oldest segment first; QOE_NOMEM;
 * QOE_TOO_LARGE.
 */
qoe_status_t qoe_spool_append(qoe_spool_t *sp, uint32_t lane,
    qoe_signal_t signal, qoe_span_t payload, uint32_t items,
    uint64_t received_ns, qoe_spool_ref_t **ref);

/*
 * Makes durable all that is in the lanes, whoever wrote it.  QOE_ERROR: it is
 * not durable.  A descriptor whose fdatasync failed is never trusted again, so
 * a later append, sync or run writes its records once more, to another file.
 */
qoe_status_t qoe_spool_sync(qoe_spool_t *sp);

/* The server has taken the record, or it was dropped and counted. */
void qoe_spool_done(qoe_spool_t *sp, qoe_spool_ref_t *ref);

/* Leaves the record to the backlog. */
void qoe_spool_leave(qoe_spool_t *sp, qoe_spool_ref_t *ref);

/* Keeps a request that was refused for good, if the quarantine has room. */
void qoe_spool_quarantine(qoe_spool_t *sp, qoe_signal_t signal,
    qoe_span_t payload, uint32_t items, uint64_t received_ns);


/* Syncs if it is time, tries to heal, and drops what other lanes ask for. */
void qoe_spool_run(qoe_spool_t *sp, uint64_t now_ms);

/* The monotonic ms at which qoe_spool_run() is due; UINT64_MAX: it is not. */
uint64_t qoe_spool_due_ms(const qoe_spool_t *sp);

/* Whether the last append or sync failed. */
bool qoe_spool_failing(const qoe_spool_t *sp);


/*
 * The backlog of the lanes that were taken, the oldest segment first.  Damaged
 * records are counted and skipped.
 *
 * qoe_spool_next() gives the next request, which is valid until one of the
 * functions below is called; there is only one at a time.  QOE_DONE: there is
 * none; QOE_AGAIN: not now, because of the rate or because more must be
 * searched, see due_ms; QOE_NOMEM.  Records that were left in a segment which
 * is still written wait until it is finished, which its writer does when it has
 * appended nothing for a second.
 */

typedef struct {
    uint32_t      lane;
    qoe_signal_t  signal;
    qoe_span_t    payload;
    uint32_t      items;
    uint64_t      received_ns;
} qoe_spool_item_t;

qoe_status_t qoe_spool_next(qoe_spool_t *sp, uint64_t now_ms,
    qoe_spool_item_t *item);
void qoe_spool_next_done(qoe_spool_t *sp);       /* taken or dropped */
void qoe_spool_next_again(qoe_spool_t *sp);      /* not taken: read it again */

/* Whether a request of the lane was given out and is neither. */
bool qoe_spool_replays(const qoe_spool_t *sp, uint32_t lane);


#endif /* _QOE_SPOOL_H_INCLUDED_ */
