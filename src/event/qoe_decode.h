
/*
 * Copyright (C) OpenQoE
 *
 * Turns the bytes of a request body into validated events by the JSON rules of
 * the HTTP contract (JSON is RFC 8259).  A batch is used by one thread at a
 * time; no global state is changed.
 */


#ifndef _QOE_DECODE_H_INCLUDED_
#define _QOE_DECODE_H_INCLUDED_


#include "qoe_event.h"
#include "qoe_source.h"
#include "qoe_arena.h"


#define QOE_EVENTS_MAX           1000      /* default of max_events */
#define QOE_DEPTH_MAX            32
#define QOE_ID_MAX               256       /* longest required id, bytes */
#define QOE_DATA_MAX             16384     /* of data, as compact JSON bytes */
#define QOE_EVENT_RAW_MAX        65536     /* longest event, bytes as sent */
#define QOE_KEYS_MAX             1024      /* keys in an event's objects */
#define QOE_DECODE_ERRORS_MAX    20        /* errors reported to the client */


typedef struct {
    size_t                    max_events;
    uint64_t                  max_age_ms;      /* event_time >= now - this */
    uint64_t                  max_ahead_ms;    /* event_time <= now + this */
    const qoe_custom_type_t  *types;
    size_t                    ntypes;
    const qoe_source_t       *sources;         /* for custom dimensions */
    size_t                    nsources;
} qoe_decode_conf_t;


/* Why an event is refused, or with event == QOE_DECODE_BODY the whole body. */

#define QOE_DECODE_BODY          ((size_t) -1)

typedef struct {
    size_t      event;           /* index in the request's array, from 0 */
    char        field[64];       /* path, e.g. "device.category"; may be "" */
    char        reason[160];     /* valid UTF-8, one sentence, no full stop */
} qoe_decode_error_t;


typedef struct {
    qoe_event_t         *events;     /* the valid events, in the order sent */
    size_t               nevents;
    size_t               total;      /* elements of the "events" array */
    size_t               nrejected;  /* total - nevents */
    qoe_decode_error_t   errors[QOE_DECODE_ERRORS_MAX];
    size_t               nerrors;
    size_t               unknown_keys;
} qoe_batch_t;


/*
 * Decodes and validates body[0..len).  The events' spans point into body and
 * the arena, and the events into conf's sources: keep all of them until the
 * events have been used.  now_ms is the Unix time of the receipt.
 *
 * QOE_OK         at least one event is valid; errors describe the others
 * QOE_INVALID    not JSON, nested too deep, of the wrong shape, or without any
 *                valid event, or with too many events
 * QOE_NOMEM      out of memory, or the maximum of the arena is too small
 *
 * The arena holds the array of events (and the smaller arrays that it has
 * outgrown), the texts of strings with escapes, 32 bytes for a number whose
 * text is needed, the digits of long numbers, sizeof(qoe_named_t) for every
 * source, and a copy of a body that does not end like JSON.
 */
qoe_status_t qoe_decode(qoe_batch_t *batch, const char *body, size_t len,
    const qoe_decode_conf_t *conf, int64_t now_ms, qoe_arena_t *arena);

/*
 * Lists the events by event_time; events of the same time by
 * qoe_event_type_rank(), and those of the same rank in the order they were
 * sent.  The list belongs to the arena.  QOE_NOMEM.
 */
qoe_status_t qoe_batch_order(qoe_event_t ***order, const qoe_batch_t *batch,
    qoe_arena_t *arena);


#endif /* _QOE_DECODE_H_INCLUDED_ */
