
/*
 * Copyright (C) OpenQoE
 *
 * The compact record that crosses the shared zone: openqoe.v1.Record of
 * proto/openqoe/v1/record.proto, packed by protobuf-c.
 */


#ifndef _QOE_RECORD_H_INCLUDED_
#define _QOE_RECORD_H_INCLUDED_


#include "qoe_event.h"
#include "qoe_arena.h"
#include "openqoe/v1/record.pb-c.h"


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


/*
 * Packs ev into memory of the arena.  A field that qoe_event_fill() has filled
 * is an attribute too, under its path.  QOE_NOMEM, or QOE_TOO_LARGE past
 * QOE_RECORD_MAX.
 */
qoe_status_t qoe_record_pack(qoe_span_t *out, const qoe_event_t *ev,
    const qoe_record_meta_t *meta, qoe_arena_t *arena);

/*
 * Unpacks into memory of the arena; strings are copies.  QOE_INVALID for
 * bytes that are no record, QOE_NOMEM.
 */
qoe_status_t qoe_record_unpack(Openqoe__V1__Record **out, qoe_span_t packed,
    qoe_arena_t *arena);

/*
 * The part of an unpacked record that metrics are made of.  s points into the
 * record and the arena.  A record of older code lacks some of it, one of later
 * code has more, and neither does harm.  QOE_NOMEM.
 */
qoe_status_t qoe_record_sample(qoe_sample_t *s, const Openqoe__V1__Record *r,
    qoe_arena_t *arena);


#endif /* _QOE_RECORD_H_INCLUDED_ */
