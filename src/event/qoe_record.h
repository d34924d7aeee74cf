
/*
 * Copyright (C) OpenQoE
 *
 * The record that crosses the shared zone, from an event loop to the helper's
 * thread: a head, and behind it the body, the event's JSON as it was sent.
 *
 *   head: fixed part | numbers, a double each | names and values of attributes
 *         and dimensions, a reference each | texts that the body does not have
 *   body
 *
 * A text is a reference: nearly all of them stand in the body as they are, so
 * packing copies none of these, and the queue is handed the request's own
 * bytes as the body.  What was escaped, made of a number, filled in or added
 * by the server is in the head.
 *
 * Why this form: ns of CPU an event of the benchmark's mix (1.1 kB, batches of
 * 10), all three in one run on one machine; to pack it, with the copy into the
 * queue, to read it for the metrics, and to make the log record of it:
 *
 *   form                              pack   read    log   bytes
 *   protobuf, by protobuf-c          1,720    531  2,144   1,577
 *   the same, written directly         290    196    525   1,577
 *   flat, texts refer to the body      255     59    189   1,352
 *
 * The record lives in memory of one machine and is read by the code that
 * wrote it (QOE_ZONE_VERSION); all the same no byte of it is trusted.  It is
 * in the machine's byte order and needs no alignment.
 */


#ifndef _QOE_RECORD_H_INCLUDED_
#define _QOE_RECORD_H_INCLUDED_


#include "qoe_event.h"
#include "qoe_arena.h"


#define QOE_RECORD_MAX       (128 * 1024)    /* bytes of a packed record */

/*
 * Bytes of a text that is packed beside the body; longer ones are cut at a
 * character.  With these, what decoding lets through always fits in a record.
 */
#define QOE_RECORD_TEXT_MAX  512
#define QOE_ATTRIBUTES_MAX   32              /* later ones are left out */
#define QOE_ATTRIBUTE_LEN    1024            /* of a value, of a name */


/*
 * The first bytes of a record.  A change of what follows, or of the numbers of
 * qoe_event_type_t, qoe_text_t or qoe_number_t, changes them, and raises
 * QOE_ZONE_VERSION.
 */
#define QOE_RECORD_FORMAT    0x32434552

#define QOE_RECORD_UID_LEN   16

/* A reference: where a text begins, in the head or in the body, its length. */
#define QOE_RECORD_IN_HEAD   0x80000000
#define QOE_RECORD_LEN_BITS  12


typedef struct {
    uint32_t            format;
    uint32_t            head_len;    /* of all before the body */
    uint32_t            body_len;
    uint8_t             type;        /* qoe_event_type_t */
    uint8_t             severity;    /* OpenTelemetry; 0: unspecified */
    uint8_t             nattrs;
    uint8_t             ndims;
    uint64_t            received_ns; /* Unix */
    int64_t             time_ms;     /* Unix, the client's clock */
    uint8_t             uid[QOE_RECORD_UID_LEN];
    uint64_t            set;         /* a bit a number */
    uint32_t            nnumbers;
    uint32_t            type_name;   /* 0, but of a custom type */
    uint32_t            text[QOE_TEXTS];     /* 0: absent */
} __attribute__((packed, may_alias)) qoe_record_head_t;


/* What the server adds to an event. */

typedef struct {
    uint64_t            received_ns; /* Unix */
    uint8_t             uid[16];     /* unique: log.record.uid */
    qoe_span_t          marker;      /* the device cookie; empty when off */
    const qoe_named_t  *attrs;       /* of openqoe_attribute */
    size_t              nattrs;
} qoe_record_meta_t;


/* A packed record; what the queue takes. */

typedef struct {
    qoe_span_t          head;        /* in the arena */
    qoe_span_t          body;        /* ev->raw itself */
} qoe_record_parts_t;


/* A record that was opened; points into it. */

typedef struct {
    const qoe_record_head_t  *head;
    qoe_span_t                type_name;
    qoe_span_t                body;
    const char               *numbers;
    const char               *named; /* attributes, then dimensions */
} qoe_record_t;


/*
 * Packs ev.  A field that qoe_event_fill() has filled is an attribute too,
 * under its path.  QOE_NOMEM, or QOE_TOO_LARGE past QOE_RECORD_MAX.
 */
qoe_status_t qoe_record_pack(qoe_record_parts_t *out, const qoe_event_t *ev,
    const qoe_record_meta_t *meta, qoe_arena_t *arena);

/* Head and body in one piece of the arena.  QOE_NOMEM. */
qoe_status_t qoe_record_join(qoe_span_t *packed,
    const qoe_record_parts_t *parts, qoe_arena_t *arena);

/*
 * QOE_INVALID for bytes that are no record: afterwards every reference is
 * known to stay within packed.  Copies and allocates nothing.
 */
qoe_status_t qoe_record_open(qoe_record_t *r, qoe_span_t packed);

/* When it was received, Unix ns; 0 for bytes that are no record. */
uint64_t qoe_record_received(qoe_span_t packed);

/*
 * The part of a record that metrics are made of.  s points into the record;
 * the arena is asked for memory where there are attributes or dimensions.
 * QOE_NOMEM.
 */
qoe_status_t qoe_record_sample(qoe_sample_t *s, const qoe_record_t *r,
    qoe_arena_t *arena);


static inline qoe_span_t
qoe_record_span(const qoe_record_t *r, uint32_t ref)
{
    const char  *base;

    base = (ref & QOE_RECORD_IN_HEAD) ? (const char *) r->head : r->body.data;

    return (qoe_span_t) {
        base + ((ref & ~QOE_RECORD_IN_HEAD) >> QOE_RECORD_LEN_BITS),
        ref & ((1u << QOE_RECORD_LEN_BITS) - 1)
    };
}


/* Empty: absent. */

static inline qoe_span_t
qoe_record_text(const qoe_record_t *r, qoe_text_t id)
{
    return qoe_record_span(r, r->head->text[id]);
}


/*
 * Attribute or, behind them, dimension i.  In a damaged record its name or its
 * value may be empty.
 */

static inline qoe_named_t
qoe_record_named(const qoe_record_t *r, size_t i)
{
    uint32_t  ref[2];

    memcpy(ref, r->named + i * sizeof(ref), sizeof(ref));

    return (qoe_named_t) { qoe_record_span(r, ref[0]),
                           qoe_record_span(r, ref[1]) };
}


#endif /* _QOE_RECORD_H_INCLUDED_ */
