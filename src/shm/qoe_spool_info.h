
/*
 * Copyright (C) OpenQoE
 *
 * What the zone knows of the spools: for each exporter in each lane the sums
 * of its segments, written by the owner of the lane alone.
 */


#ifndef _QOE_SPOOL_INFO_H_INCLUDED_
#define _QOE_SPOOL_INFO_H_INCLUDED_


#include "qoe_zone.h"


/* To be read and written only by qoe_acquire() and qoe_publish(). */

typedef struct {
    uint64_t      events;                /* waiting in the files */
    uint64_t      moving;                /* of these, perhaps not there */
    uint64_t      bytes;
    uint64_t      segments;
    uint64_t      oldest_ns;             /* of the events; Unix, received */
    uint64_t      oldest;                /* id: the next to drop; 0: none */
    uint64_t      drop;                  /* id: who needs room asks to drop it;
                                            the only word of other processes */
    uint64_t      suspect;               /* an fdatasync failed: others prove
                                            nothing for what was written */
} qoe_spool_part_t;


qoe_spool_part_t *qoe_spool_part(const qoe_zone_t *zone, uint32_t lane,
    uint32_t dest);


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

/* The sum of bytes alone. */
uint64_t qoe_spool_bytes(const qoe_zone_t *zone, uint32_t dest);

/* When the spool began to fail, monotonic; 0: it works. */
uint64_t qoe_spool_failed_ms(const qoe_zone_t *zone, uint32_t dest);

/* Reports the result of the last I/O; error is NULL if it succeeded. */
void qoe_spool_report(qoe_zone_t *zone, uint32_t dest, const char *error);

/*
 * Takes a request of so many bytes off the exporter's replay rate, in bytes a
 * second, which all helpers share.
 */
void qoe_spool_pay(qoe_zone_t *zone, uint32_t dest, uint64_t rate,
    uint64_t now_ms, uint64_t bytes);

/* The monotonic ms from which the rate allows a request; 0: now. */
uint64_t qoe_spool_paid_ms(const qoe_zone_t *zone, uint32_t dest,
    uint64_t now_ms);

/*
 * Does the spool of any exporter fail?  The event loop asks before it accepts
 * events that must be spooled.
 */
bool qoe_spool_any_failing(const qoe_zone_t *zone);


#endif /* _QOE_SPOOL_INFO_H_INCLUDED_ */
