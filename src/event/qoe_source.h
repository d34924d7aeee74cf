
/*
 * Copyright (C) OpenQoE
 *
 * Where the values of a custom dimension come from: the source= of
 * openqoe_dimension.
 *
 *   data.KEY, data.KEY.KEY    of the event's free part; keys have no dot
 *   a field of an event       a path of QOE_EVENT_FIELDS: network.city
 *   attribute.NAME            an attribute that openqoe_attribute gives
 *
 * A value is a text, or a number or a boolean as text; anything else, and
 * the empty text, is none.
 */


#ifndef _QOE_SOURCE_H_INCLUDED_
#define _QOE_SOURCE_H_INCLUDED_


#include "qoe_event.h"


/* An event has values of so many sources at most; later ones have none. */
#define QOE_SOURCES_MAX      32

/* Bytes of a value; it is cut at a character. */
#define QOE_SOURCE_LEN       256


/* Kinds of sources: id, what the text starts with. */

#define QOE_SOURCE_KINDS(X)                                                   \
    X(DATA,      "data.")                                                     \
    X(ATTRIBUTE, "attribute.")                                                \
    X(FIELD,     "")

typedef enum {
#define QOE_SOURCE_KIND_ENUM(id, prefix)  QOE_SOURCE_##id,
    QOE_SOURCE_KINDS(QOE_SOURCE_KIND_ENUM)
#undef QOE_SOURCE_KIND_ENUM
    QOE_SOURCE_N
} qoe_source_kind_t;


struct qoe_source_s {
    qoe_span_t         name;         /* of the dimension */
    qoe_source_kind_t  kind;
    qoe_event_field_t  field;        /* of kind FIELD */
    qoe_span_t         key;          /* below data; the attribute's name */
    qoe_span_t         sub;          /* below key; empty: key's own value */
};


/*
 * Reads the text of a source for the dimension of that name, which is taken
 * as it is.  Both are kept, not copied: they must outlive every decode.
 * QOE_INVALID for an unknown field or bad syntax.
 */
qoe_status_t qoe_source_parse(qoe_source_t *out, qoe_span_t name,
    qoe_span_t text);


/*
 * All dimensions of the event: those that decoding found below data, then
 * those of its fields and of the attributes.  For qoe_record_pack(), which
 * comes when the fields are filled.  QOE_NOMEM.
 */
qoe_status_t qoe_source_dims(const qoe_named_t **dims, size_t *ndims,
    const qoe_event_t *ev, const qoe_named_t *attrs, size_t nattrs,
    qoe_arena_t *arena);


#endif /* _QOE_SOURCE_H_INCLUDED_ */
