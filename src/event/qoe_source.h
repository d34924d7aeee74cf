
/*
 * Copyright (C) OpenQoE
 *
 * Where the value of a custom dimension comes from: the source= of
 * openqoe_dimension.
 *
 *   data.KEY, data.KEY.KEY    the free-form part of the event; no dots in keys
 *   a field of an event       a path of QOE_EVENT_FIELDS, such as network.city
 *   attribute.NAME            an attribute that openqoe_attribute declares
 *
 * A value is a text, a number or a boolean, and is used as text.  Values of
 * other types and the empty text are ignored.
 */


#ifndef _QOE_SOURCE_H_INCLUDED_
#define _QOE_SOURCE_H_INCLUDED_


#include "qoe_event.h"


/* Only this many sources of an event have values; the others are ignored. */
#define QOE_SOURCES_MAX      32

/* The longest value in bytes; longer ones are cut at a character. */
#define QOE_SOURCE_LEN       256


/* The kinds of sources: an id, and the prefix of their texts. */

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
    qoe_span_t         name;         /* the dimension's name */
    qoe_source_kind_t  kind;
    qoe_event_field_t  field;        /* for kind FIELD */
    qoe_span_t         key;          /* key of data, or attribute's name */
    qoe_span_t         sub;          /* key below it; empty: key's own value */
};


/*
 * Parses the text of a source for the dimension called name.  name and text are
 * not copied and must outlive every decode.  QOE_INVALID for an unknown field
 * or bad syntax.
 */
qoe_status_t qoe_source_parse(qoe_source_t *out, qoe_span_t name,
    qoe_span_t text);


/*
 * Lists all dimensions of the event: first those that decoding has read below
 * data, then those of fields and attributes.  Call it after the fields have
 * been filled, for qoe_record_pack().  *dims points into the event or the
 * arena.  QOE_NOMEM.
 */
qoe_status_t qoe_source_dims(const qoe_named_t **dims, size_t *ndims,
    const qoe_event_t *ev, const qoe_named_t *attrs, size_t nattrs,
    qoe_arena_t *arena);


#endif /* _QOE_SOURCE_H_INCLUDED_ */
