
/*
 * Copyright (C) OpenQoE
 *
 * What the zone knows about the spools: an entry for each segment, written by
 * its owner alone, so that the owner may die at any store.  The files are
 * authoritative: a process that takes over the entry of a dead owner reads the
 * file again.
 */


#ifndef _QOE_SPOOL_TABLE_H_INCLUDED_
#define _QOE_SPOOL_TABLE_H_INCLUDED_


#include "qoe_zone.h"


#define QOE_SEGMENTS_MAX       128       /* for each exporter */


typedef enum {
    QOE_SEGMENT_FREE = 0,                /* entry not used */
    QOE_SEGMENT_OPEN,                    /* being written by its owner */
    QOE_SEGMENT_SEALED                   /* complete; has an owner while it
                                            is read or deleted */
} qoe_segment_state_t;


/* To be read and written only by qoe_acquire() and qoe_publish(). */

typedef struct {
    uint64_t      owner;                 /* qoe_proc_t */
    uint64_t      state;
    uint64_t      id;
    uint64_t      bytes;
    uint64_t      events;                /* items in the file */
    uint64_t      done;                  /* items no longer spooled */
    uint64_t      oldest_ns;             /* Unix, received */
    uint64_t      reserved;
} qoe_segment_entry_t;


/* The QOE_SEGMENTS_MAX entries of an exporter's slot. */
qoe_segment_entry_t *qoe_spool_table(const qoe_zone_t *zone, uint32_t dest);

/*
 * Takes a free entry for self: its state is OPEN, all else 0.  Free entries
 * with a dead owner are taken, too.  NULL if there is none.
 */
qoe_segment_entry_t *qoe_spool_entry_new(qoe_zone_t *zone, uint32_t dest,
    qoe_proc_t self);

/*
 * Makes self the owner of an entry that has no owner or a dead one; in the
 * latter case *adopted is set, and the file must be read again.  QOE_BUSY if
 * the entry has a living owner (which may be self), or is no longer used.
 */
qoe_status_t qoe_spool_entry_claim(qoe_segment_entry_t *e, qoe_proc_t self,
    bool *adopted);

/* Marks the entry SEALED and gives up its ownership. */
void qoe_spool_entry_seal(qoe_segment_entry_t *e);

/* Frees the entry of a segment that was deleted. */
void qoe_spool_entry_free(qoe_segment_entry_t *e);


/*
 * Takes the lease on reading the backlog of an exporter; returns true if self
 * holds it now.
 */
bool qoe_spool_backlog_take(qoe_zone_t *zone, uint32_t dest, qoe_proc_t self);
/* Gives the lease back if self holds it. */
void qoe_spool_backlog_give(qoe_zone_t *zone, uint32_t dest, qoe_proc_t self);


typedef struct {
    uint64_t      bytes;
    uint64_t      events;                /* events waiting in it */
    uint64_t      segments;
    uint64_t      oldest_ns;             /* Unix, 0: empty */
    uint64_t      failed_ms;             /* monotonic; 0: it works */
    char          error[256];            /* the last failure, or "" */
} qoe_spool_info_t;

/* Sums up the spool of an exporter.  Any thread of any process. */
void qoe_spool_info(const qoe_zone_t *zone, uint32_t dest,
    qoe_spool_info_t *info);

/* Reports the result of the last I/O; error is NULL if it succeeded. */
void qoe_spool_report(qoe_zone_t *zone, uint32_t dest, const char *error);

/*
 * Does the spool of any exporter fail?  The event loop asks before it accepts
 * events that must be spooled.
 */
bool qoe_spool_any_failing(const qoe_zone_t *zone);


#endif /* _QOE_SPOOL_TABLE_H_INCLUDED_ */
