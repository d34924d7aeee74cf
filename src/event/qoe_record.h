
/*
 * Copyright (C) OpenQoE
 *
 * The record that crosses the shared zone, from a worker's event loop to the
 * helper thread: a head, and after it the body, which is the event's JSON as it
 * was sent.
 *
 *   head: fixed part | numbers, a double each | names and values of attributes
 *         and dimensions, a reference each | texts that the body does not have
 *   body
 *
 * A text is a reference.  Nearly all texts stand in the body as they are, so
 * packing copies none of them, and the queue takes the bytes of the request as
 * the body.  Only texts with escapes, texts made of numbers, and those that the
 * server has filled in or added are in the head.
 *
 * Why this format: the CPU time in ns that an event of the benchmark's mix
 * (1.1 kB, batches of 10) takes to be packed and copied into the queue, to be
 * read for the metrics, and to be made a log record, all in the same run:
 *
 *   format                            pack   read    log   bytes
 *   protobuf, by protobuf-c          1,720    531  2,144   1,577
 *   the same, written directly         290    196    525   1,577
 *   flat, texts refer to the body      255     59    189   1,352
 *
 * A record stays on its machine and is read by the code that wrote it
 * (QOE_ZONE_VERSION); nevertheless the reader trusts no byte of it.  Records
 * are in the machine's byte order and need no alignment.
 */


#ifndef _QOE_RECORD_H_INCLUDED_
#define _QOE_RECORD_H_INCLUDED_


#include "qoe_event.h"
#include "qoe_arena.h"


#define QOE_RECORD_MAX       (128 * 1024)    /* bytes */

/*
 * The longest text that is packed into the head; longer ones are cut at a
 * character.  With these limits, every event that decoding accepts fits into a
 * record.
 */
#define QOE_RECORD_TEXT_MAX  512
#define QOE_ATTRIBUTES_MAX   32              /* the rest is dropped */
#define QOE_ATTRIBUTE_LEN    1024            /* bytes of a name, of a value */


/*
 * The first bytes of a record.  Change them, and raise QOE_ZONE_VERSION, with
 * every change of the format, or of the numbers of qoe_event_type_t, qoe_text_t
 * or qoe_number_t.
 */
#define QOE_RECORD_FORMAT    0x33434552

#define QOE_RECORD_UID_LEN   16

/*
 * A reference: where a text begins, in the head or in the body, and its length
 * in the low bits.
 */
#define QOE_RECORD_IN_HEAD   0x80000000
#define QOE_RECORD_LEN_BITS  12


typedef struct {
    uint32_t            format;
    uint32_t            head_len;    /* bytes before the body */
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
    uint32_t            type_name;   /* for custom types; else 0 */
    uint32_t            text[QOE_TEXTS];     /* 0: absent */
} __attribute__((packed, may_alias)) qoe_record_head_t;


/* What the server knows about an event. */

typedef struct {
    uint64_t            received_ns; /* Unix */
    uint8_t             uid[16];     /* unique: log.record.uid */
    qoe_span_t          marker;      /* the device cookie; empty when off */
    const qoe_named_t  *attrs;       /* of openqoe_attribute */
    size_t              nattrs;
} qoe_record_meta_t;


/* A packed record in two parts, as the queue takes it. */

typedef struct {
    qoe_span_t          head;        /* allocated in the arena */
    qoe_span_t          body;        /* ev->raw itself */
} qoe_record_parts_t;


/* A record that was opened; it points into the packed bytes. */

typedef struct {
    const qoe_record_head_t  *head;
    qoe_span_t                type_name;
    qoe_span_t                body;
    const char               *numbers;
    const char               *named; /* attributes, then dimensions */
} qoe_record_t;


/*
 * Packs ev.  A field that qoe_event_fill() has filled also becomes an attribute
 * named by its path.  QOE_NOMEM, or QOE_TOO_LARGE past QOE_RECORD_MAX.
 */
qoe_status_t qoe_record_pack(qoe_record_parts_t *out, const qoe_event_t *ev,
    const qoe_record_meta_t *meta, qoe_arena_t *arena);

/* Copies head and body into a single piece of the arena.  QOE_NOMEM. */
qoe_status_t qoe_record_join(qoe_span_t *packed,
    const qoe_record_parts_t *parts, qoe_arena_t *arena);

/*
 * Checks a record and opens it without copying or allocating: afterwards every
 * reference stays within packed, which must outlive *r.  QOE_INVALID if the
 * bytes are not a record.
 */
qoe_status_t qoe_record_open(qoe_record_t *r, qoe_span_t packed);

/* When the event was received, Unix ns; 0 if the bytes are not a record. */
uint64_t qoe_record_received(qoe_span_t packed);

/*
 * Reads the part of a record that metrics use.  s points into the record; the
 * arena is only needed for attributes and dimensions.  QOE_NOMEM.
 */
qoe_status_t qoe_record_sample(qoe_sample_t *s, const qoe_record_t *r,
    qoe_arena_t *arena);


/* The text of a reference, which points into the record. */

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


/* The text with that id; empty if absent. */

static inline qoe_span_t
qoe_record_text(const qoe_record_t *r, qoe_text_t id)
{
    return qoe_record_span(r, r->head->text[id]);
}


/*
 * Attribute i; the dimensions follow the attributes.  In a damaged record its
 * name or its value may be empty.
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
