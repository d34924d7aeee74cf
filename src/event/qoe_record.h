
/*
 * Copyright (C) OpenQoE
 *
 * The compact record that crosses the shared zone: openqoe.v1.Record of
 * proto/openqoe/v1/record.proto, written and read directly, in place.
 *
 * It stays protobuf because zones outlive the code: a reload may bring another
 * module to records that are there, and fields it does not know do no harm.
 * Of that protobuf-c made 2.1 us an event in the event loop and as much in
 * the helper; without its structures it costs less than the copy of the body
 * (bench/decode.c has both ways' figures).
 */


#ifndef _QOE_RECORD_H_INCLUDED_
#define _QOE_RECORD_H_INCLUDED_


#include "qoe_event.h"
#include "qoe_source.h"
#include "qoe_arena.h"


#define QOE_RECORD_MAX       (128 * 1024)    /* bytes of a packed record */

/*
 * Bytes of a text that is packed beside the body; longer ones are cut at a
 * character.  With these, what decoding lets through always fits in a record.
 */
#define QOE_RECORD_TEXT_MAX  512
#define QOE_ATTRIBUTES_MAX   32              /* later ones are left out */
#define QOE_ATTRIBUTE_LEN    1024            /* of a value */


/* What the server adds to an event. */

typedef struct {
    uint64_t            received_ns; /* Unix */
    uint8_t             uid[16];     /* unique: log.record.uid */
    qoe_span_t          marker;      /* the device cookie; empty when off */
    const qoe_named_t  *attrs;       /* of openqoe_attribute */
    size_t              nattrs;
} qoe_record_meta_t;


/* A record in place: spans point into its bytes. */

#define QOE_RECORD_UID_LEN   16
#define QOE_RECORD_NAMED_MAX QOE_ATTRIBUTES_MAX

typedef struct {
    uint64_t            received_ns; /* Unix */
    uint64_t            event_ns;    /* Unix, the client's clock */
    uint32_t            severity;    /* SeverityNumber */
    qoe_span_t          type_name;
    qoe_span_t          uid;         /* 16 bytes */
    qoe_span_t          body;        /* JSON */
    qoe_span_t          text[QOE_TEXTS];
    uint64_t            set;         /* a bit a number */
    qoe_span_t          numbers;     /* packed doubles */

    size_t              nattrs;
    size_t              ndims;
    qoe_named_t         attrs[QOE_RECORD_NAMED_MAX];
    qoe_named_t         dims[QOE_RECORD_NAMED_MAX];
} qoe_record_t;

_Static_assert(QOE_SOURCES_MAX <= QOE_RECORD_NAMED_MAX,
               "a record has room for all dimensions");


/*
 * Packs ev into memory of the arena, but for its body: the record is *head
 * and ev->raw behind it, so that a body is copied once, into the queue.  A
 * field that qoe_event_fill() has filled is an attribute too, under its path.
 * QOE_NOMEM, or QOE_TOO_LARGE when both are more than QOE_RECORD_MAX.
 */
qoe_status_t qoe_record_pack(qoe_span_t *head, const qoe_event_t *ev,
    const qoe_record_meta_t *meta, qoe_arena_t *arena);

/*
 * Reads a record in place; allocates nothing.  Any bytes may be given.
 * QOE_INVALID for what is no record.  Of repeated attributes those that would
 * be too many, and empty ones, are left out.
 */
qoe_status_t qoe_record_open(qoe_record_t *r, qoe_span_t packed);

/*
 * The part of a record that metrics are made of.  s points into the record's
 * bytes and into r.  A record of older code lacks some of it, one of later
 * code has more, and neither does harm.
 */
void qoe_record_sample(qoe_sample_t *s, const qoe_record_t *r);


#endif /* _QOE_RECORD_H_INCLUDED_ */
