
/*
 * Copyright (C) OpenQoE
 *
 * What the zone knows of the spools: an entry a segment, each written by its
 * owner alone, so a process may die at any store.  In the file is the truth;
 * who takes over a dead owner's entry reads it again.
 */


#ifndef _QOE_SPOOL_TABLE_H_INCLUDED_
#define _QOE_SPOOL_TABLE_H_INCLUDED_


#include "qoe_zone.h"


#define QOE_SEGMENTS_MAX       128       /* a destination */


typedef enum {
    QOE_SEGMENT_FREE = 0,                /* no entry */
    QOE_SEGMENT_OPEN,                    /* its owner writes it */
    QOE_SEGMENT_SEALED                   /* owner 0, or who reads or drops it */
} qoe_segment_state_t;


/* Read and written with atomics (qoe_load and qoe_store). */

typedef struct {
    uint64_t      owner;                 /* qoe_proc_t */
    uint64_t      state;
    uint64_t      id;
    uint64_t      bytes;
    uint64_t      events;                /* items in it */
    uint64_t      done;                  /* of them no longer spooled */
    uint64_t      oldest_ns;             /* Unix, received */
    uint64_t      reserved;
} qoe_segment_entry_t;


/* The QOE_SEGMENTS_MAX entries of destination slot dest. */
qoe_segment_entry_t *qoe_spool_table(const qoe_zone_t *zone, uint32_t dest);

/*
 * A free entry, owned by self, state OPEN, all else 0.  NULL: none is free.
 * An entry FREE with a dead owner is taken, too.
 */
qoe_segment_entry_t *qoe_spool_entry_new(qoe_zone_t *zone, uint32_t dest,
    qoe_proc_t self);

/*
 * Makes self the owner of an entry of nobody or of a dead process; *adopted:
 * the latter, read the file again.  QOE_BUSY: somebody is already (be it
 * self), or there is no entry any more.
 */
qoe_status_t qoe_spool_entry_claim(qoe_segment_entry_t *e, qoe_proc_t self,
    bool *adopted);

/* Gives up ownership; the entry is SEALED then. */
void qoe_spool_entry_seal(qoe_segment_entry_t *e);

/* The segment is gone. */
void qoe_spool_entry_free(qoe_segment_entry_t *e);


/* Who reads the backlog of dest: true if it is self now. */
bool qoe_spool_backlog_take(qoe_zone_t *zone, uint32_t dest, qoe_proc_t self);
void qoe_spool_backlog_give(qoe_zone_t *zone, uint32_t dest, qoe_proc_t self);


typedef struct {
    uint64_t      bytes;
    uint64_t      events;                /* that wait in it */
    uint64_t      segments;
    uint64_t      oldest_ns;             /* Unix, 0: empty */
    uint64_t      failed_ms;             /* monotonic; 0: all is well */
    char          error[256];            /* the last failure, "" if none */
} qoe_spool_info_t;

/* Any thread of any process. */
void qoe_spool_info(const qoe_zone_t *zone, uint32_t dest,
    qoe_spool_info_t *info);

/* What became of the last I/O; error NULL: it works (again). */
void qoe_spool_report(qoe_zone_t *zone, uint32_t dest, const char *error);

/*
 * Does any spool of the current configuration fail?  The event loop asks
 * before it takes events that are to be spooled.
 */
bool qoe_spool_any_failing(const qoe_zone_t *zone);


#endif /* _QOE_SPOOL_TABLE_H_INCLUDED_ */
