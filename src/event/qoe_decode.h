
/*
 * Copyright (C) OpenQoE
 *
 * Bytes of a request body -> validated events (the HTTP contract's JSON
 * rules; JSON is RFC 8259).  One thread a batch; nothing global is changed.
 */


#ifndef _QOE_DECODE_H_INCLUDED_
#define _QOE_DECODE_H_INCLUDED_


#include "qoe_event.h"
#include "qoe_source.h"
#include "qoe_arena.h"


#define QOE_EVENTS_MAX           1000      /* default of max_events */
#define QOE_DEPTH_MAX            32
#define QOE_ID_MAX               256       /* bytes of a required id */
#define QOE_DATA_MAX             16384     /* bytes of data, compact JSON */
#define QOE_EVENT_RAW_MAX        65536     /* bytes of one event as sent */
#define QOE_KEYS_MAX             1024      /* of all objects of one event */
#define QOE_DECODE_ERRORS_MAX    20        /* told to the client */


typedef struct {
    size_t                    max_events;
    uint64_t                  max_age_ms;      /* event_time >= now - this */
    uint64_t                  max_ahead_ms;    /* event_time <= now + this */
    const qoe_custom_type_t  *types;
    size_t                    ntypes;
    const qoe_source_t       *sources;         /* of custom dimensions */
    size_t                    nsources;
} qoe_decode_conf_t;


/* Why an event, or with event == QOE_DECODE_BODY the whole body, is refused. */

#define QOE_DECODE_BODY          ((size_t) -1)

typedef struct {
    size_t      event;           /* index in the request's array, from 0 */
    char        field[64];       /* path, e.g. "device.category"; may be "" */
    char        reason[160];     /* valid UTF-8, one sentence, no full stop */
} qoe_decode_error_t;


typedef struct {
    qoe_event_t         *events;     /* the valid ones, in the order sent */
    size_t               nevents;
    size_t               total;      /* elements of the "events" array */
    size_t               nrejected;  /* total - nevents */
    qoe_decode_error_t   errors[QOE_DECODE_ERRORS_MAX];
    size_t               nerrors;
    size_t               unknown_keys;
} qoe_batch_t;


/*
 * Decodes and validates body[0..len).  The events' spans point into body and
 * the arena, and the events to conf's sources: keep all of them until the
 * events have been used.
 *
 * now_ms: Unix time of the receipt.
 *
 * QOE_OK         at least one event is valid (errors tell of the others)
 * QOE_INVALID    not JSON, too deep, wrong shape, 0 or too many events, or no
 *                valid one
 * QOE_NOMEM      out of memory, or the arena's maximum is too small: it holds
 *                sizeof(qoe_event_t) for every valid event, and the arrays that
 *                were too small for them; what strings with escapes and long
 *                numbers are without them, 32 bytes a number where a text is
 *                read, and sizeof(qoe_named_t) a source; the body itself, if
 *                it is no JSON
 */
qoe_status_t qoe_decode(qoe_batch_t *batch, const char *body, size_t len,
    const qoe_decode_conf_t *conf, int64_t now_ms, qoe_arena_t *arena);

/*
 * The events by event_time; those of the same time by qoe_event_type_rank(),
 * and those of the same type as they were sent.  The list is the arena's.
 * QOE_NOMEM.
 */
qoe_status_t qoe_batch_order(qoe_event_t ***order, const qoe_batch_t *batch,
    qoe_arena_t *arena);


#endif /* _QOE_DECODE_H_INCLUDED_ */
