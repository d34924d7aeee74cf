
/*
 * Copyright (C) OpenQoE
 *
 * The spool of one destination: requests on disk until the destination has
 * taken them.  Helper thread; all I/O may block it, never the event loop.
 *
 *   DIR/INSTANCE/lock                shared lock (flock) of each live helper
 *   DIR/INSTANCE/NAME/ID.open        a segment that a helper writes
 *   DIR/INSTANCE/NAME/ID.seg         a finished one
 *   DIR/quarantine/NAME/ID.seg       what the destination refused for good
 *   DIR/quarantine/NAME/ID.bad       segments with damage, when read out
 *
 * INSTANCE is the zone's id, so each zone (of another master, of before a
 * change of size) has a place of its own, and whoever can lock it exclusively
 * knows that nobody lives there and moves what is left to its own.
 *
 * Which segments there are, whose they are and how much is in them stands in
 * the zone (qoe_spool_table.h), and survives any process.
 */


#ifndef _QOE_SPOOL_H_INCLUDED_
#define _QOE_SPOOL_H_INCLUDED_


#include "qoe_core.h"
#include "qoe_otlp.h"
#include "qoe_zone.h"


typedef struct {
    qoe_span_t    dir;               /* absolute; null: no spool */
    uint64_t      max_size;          /* bytes, of a destination */
    uint64_t      segment_size;
    uint64_t      sync_ms;           /* fdatasync at least this often */
    uint64_t      replay_rate;       /* bytes a second; 0: no bound */
    uint64_t      quarantine_size;   /* bytes, of a destination; 0: none */
    bool          reject;            /* full: refuse, do not drop the oldest */
} qoe_spool_conf_t;


typedef struct qoe_spool_s  qoe_spool_t;

/* A record that its writer still has to do with. */
typedef struct qoe_spool_ref_s  qoe_spool_ref_t;


/*
 * No I/O yet; dest is the zone's destination slot, name its name (a path
 * component).  Everything is copied but zone and log.  NULL: no memory.
 */
qoe_spool_t *qoe_spool_create(const qoe_spool_conf_t *conf, qoe_zone_t *zone,
    uint32_t dest, qoe_span_t name, qoe_proc_t self, const qoe_log_t *log);

/*
 * Leaves every ref that is still held, syncs and finishes the segments, so
 * that the next helper may read them, gives the backlog away.
 */
void qoe_spool_destroy(qoe_spool_t *sp);


/*
 * Appends a request (protobuf) of some items, the oldest received then (Unix
 * ns).  *ref (unless NULL) is to be given back to qoe_spool_done() or
 * qoe_spool_leave(); with NULL it is left at once.
 *
 * QOE_OK: survives this process and nginx, after the next sync the power, too.
 * QOE_FULL: past max_size, and nothing may be dropped; QOE_ERROR: I/O failed,
 * told in the zone and logged; QOE_AGAIN: has failed lately, not tried;
 * QOE_NOMEM; QOE_TOO_LARGE.  Then nothing was taken.
 */
qoe_status_t qoe_spool_append(qoe_spool_t *sp, qoe_signal_t signal,
    qoe_span_t payload, uint32_t items, uint64_t received_ns,
    qoe_spool_ref_t **ref);

/*
 * Makes all that was appended durable.  QOE_ERROR: it is not, nothing of it
 * may be called so; what was appended is written once more elsewhere by a
 * later append, sync or run, for a descriptor whose fdatasync has failed is
 * never trusted again.
 */
qoe_status_t qoe_spool_sync(qoe_spool_t *sp);

/*
 * A former owner of a lane, dead or not, has written what may not be durable:
 * the next sync, asked for or in its time, is of all that the destination has.
 */
void qoe_spool_sync_left(qoe_spool_t *sp);

/* The destination has taken it, or it was given up (and counted). */
void qoe_spool_done(qoe_spool_t *sp, qoe_spool_ref_t *ref);

/* It is for the backlog. */
void qoe_spool_leave(qoe_spool_t *sp, qoe_spool_ref_t *ref);

/* Keeps a request that was refused for good; best effort, bounded. */
void qoe_spool_quarantine(qoe_spool_t *sp, qoe_signal_t signal,
    qoe_span_t payload, uint32_t items, uint64_t received_ns);


/* Syncs when it is time, tries to heal, finds what dead processes left. */
void qoe_spool_run(qoe_spool_t *sp, uint64_t now_ms);

/* Monotonic ms of the next run there is a reason for; UINT64_MAX: none. */
uint64_t qoe_spool_due_ms(const qoe_spool_t *sp);

/* The last append or sync failed, or would. */
bool qoe_spool_failing(const qoe_spool_t *sp);


/*
 * The backlog.  One helper of all reads it, oldest segment first.  What is
 * damaged is counted and passed over.
 *
 * qoe_spool_next() gives the next request, which stays until one of the three
 * below is called; never two at once.  QOE_DONE: none, or another helper reads
 * the backlog; QOE_AGAIN: not now (the rate, or more to look through), due_ms
 * tells when; QOE_NOMEM.  live: the records of live segments whose writers
 * have left them wait until those are finished, which a writer does when it
 * has appended nothing for a second.
 */

typedef struct {
    qoe_signal_t  signal;
    qoe_span_t    payload;
    uint32_t      items;
    uint64_t      received_ns;
} qoe_spool_item_t;

qoe_status_t qoe_spool_next(qoe_spool_t *sp, uint64_t now_ms,
    qoe_spool_item_t *item);
void qoe_spool_next_done(qoe_spool_t *sp);       /* taken, or given up */
void qoe_spool_next_again(qoe_spool_t *sp);      /* not taken: comes again */


#endif /* _QOE_SPOOL_H_INCLUDED_ */
