
/*
 * Copyright (C) OpenQoE
 *
 * The trace of a view: which views have one, its ids, and the bytes of its
 * timeline in a record (qoe_view_record.h).
 *
 * Pure: uses no clock, and no memory but its arguments.
 */


#ifndef _QOE_TRACE_H_INCLUDED_
#define _QOE_TRACE_H_INCLUDED_


#include "qoe_view_record.h"


/* A view that lives longer sends a part of its trace each time. */
#define QOE_TRACE_PART_MS  (30 * 60 * 1000)


/* openqoe_traces */

typedef enum {
    QOE_TRACES_OFF = 0,
    QOE_TRACES_BAD,              /* and a sample of the others */
    QOE_TRACES_ALL
} qoe_traces_t;

typedef struct {
    qoe_traces_t    mode;
    double          sample;      /* of the views that are not bad: 0 to 1 */
} qoe_traces_conf_t;


/* What a record says of the trace of its view. */

typedef struct {
    double          probability;     /* with which such a view has a trace */
    bool            again;           /* an earlier view had its view_id */
    qoe_timeline_t  timeline;        /* with the entries that were sent */
} qoe_trace_t;


/*
 * Is it a view to look at: it failed, was left before it started or started
 * late, stalled for more than 1 % of its time, or had an error?
 */
bool qoe_trace_bad(const qoe_view_record_t *r);

/*
 * Has the view of the record a trace?  The ids decide about a sample, so that
 * all parts of a trace, and all edges, decide alike.
 */
bool qoe_trace_wanted(const qoe_traces_conf_t *conf,
    const qoe_view_record_t *r, double *probability);

/*
 * The trace id, which is the view_id if that is a UUID, as in the logs of its
 * events; a hash of the ids otherwise.
 */
void qoe_trace_id(uint8_t id[16], qoe_span_t session_id, qoe_span_t view_id);

/*
 * The span id of the view that begins at start_ms: the last bytes of the trace
 * id, which logs name as well.  Views that come again under one view_id have
 * ids of their own.
 */
void qoe_trace_root(uint8_t span[8], const uint8_t id[16], bool again,
    uint64_t start_ms);

/* The span id of a stretch of that view; the same each time it is made. */
void qoe_trace_child(uint8_t span[8], const uint8_t id[16],
    const qoe_stretch_t *s);


/* The most bytes of a packed trace. */
#define QOE_TRACE_PACKED   (16 + sizeof(qoe_timeline_t))

_Static_assert(QOE_TRACE_PACKED <= QOE_TIMELINE_MAX, "a trace fits a record");

size_t qoe_trace_pack(char buf[QOE_TRACE_PACKED], const qoe_trace_t *t);

/* QOE_INVALID: the bytes are no trace; any sequence of bytes is safe. */
qoe_status_t qoe_trace_unpack(qoe_trace_t *t, qoe_span_t packed);


#endif /* _QOE_TRACE_H_INCLUDED_ */
