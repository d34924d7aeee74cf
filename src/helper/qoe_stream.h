
/*
 * Copyright (C) OpenQoE
 *
 * The streams of records: what an exporter may get of the lanes, beside the
 * metrics.  Each stream of an exporter has a slot in the zone (qoe_dest.h), a
 * spool, a circuit and feeds of its own, so that none of them holds up another.
 * A new signal is a row of this table and an encoder.
 */


#ifndef _QOE_STREAM_H_INCLUDED_
#define _QOE_STREAM_H_INCLUDED_


#include "qoe_dest.h"
#include "qoe_otlp.h"


/*
 * As qoe_otlp_logs(); QOE_DONE: none of the records is exported, and *nbad of
 * them cannot be read.
 */
typedef qoe_status_t (*qoe_encode_pt)(qoe_buf_t *out,
    const qoe_otlp_identity_t *id, const qoe_span_t *records, size_t n,
    size_t *nbad, qoe_arena_t *arena);

typedef struct {
    qoe_span_t       name;       /* in "signals" of an exporter */
    const char      *suffix;     /* of the name of its slot, and of the
                                    directory in the spool */
    const char      *noun;       /* its records, for messages */
    qoe_kind_t       kind;       /* the records of a lane that it takes */
    qoe_signal_t     signal;     /* the signal of OTLP that they are sent as */
    qoe_encode_pt    encode;

    /* When a record was received or made, Unix ns; 0: it cannot be read. */
    uint64_t       (*received)(qoe_span_t record);
} qoe_stream_t;


typedef enum {
    QOE_STREAM_LOGS = 0,
    QOE_STREAM_VIEWS,
    QOE_STREAM_TRACES,           /* of those records, those with a trace */
    QOE_STREAM_REQUESTS,         /* for media, as openqoe_cmcd_log has them */
    QOE_STREAMS
} qoe_stream_id_t;

extern const qoe_stream_t  qoe_streams[QOE_STREAMS];


/* The most streams of all exporters of a configuration together. */
#define QOE_FEEDS_MAX      (QOE_DESTS_CONF * QOE_STREAMS)

/* The longest name of an exporter: the slot's has room for the suffix. */
#define QOE_EXPORTER_NAME  32


#endif /* _QOE_STREAM_H_INCLUDED_ */
