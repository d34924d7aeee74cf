
/*
 * Copyright (C) OpenQoE
 */


#include "qoe_record_priv.h"
#include "qoe_number.h"
#include "qoe_source.h"
#include "qoe_wire.h"

#include <math.h>


/* A key of two bytes and a length of up to 2^21. */
#define QOE_RECORD_HEAD_MAX  (2 + 3)

/* Everything but texts: 7 heads, 3 fixed numbers, severity, the uid. */
#define QOE_RECORD_FIXED_MAX                                                  \
    (7 * QOE_RECORD_HEAD_MAX + 3 * 8 + 5 + QOE_RECORD_UID_LEN)


/* What a record is made of, before it is written. */

typedef struct {
    qoe_span_t          text[QOE_TEXTS];
    const qoe_named_t  *attrs;
    size_t              nattrs;
    const qoe_named_t  *dims;
    size_t              ndims;
} qoe_record_content_t;


static qoe_status_t qoe_record_texts(qoe_span_t text[QOE_TEXTS],
    const qoe_event_t *ev, qoe_arena_t *arena);
static qoe_status_t qoe_record_field(qoe_span_t *text, const qoe_event_t *ev,
    qoe_event_field_t field, qoe_arena_t *arena);
static qoe_status_t qoe_record_attributes(const qoe_named_t **attrs,
    size_t *nattrs, const qoe_event_t *ev, const qoe_record_meta_t *meta,
    qoe_arena_t *arena);
static size_t qoe_record_size(const qoe_record_content_t *c,
    const qoe_event_t *ev);
static size_t qoe_record_named_size(const qoe_named_t *named, size_t n);
static char *qoe_record_write(char *p, const qoe_record_content_t *c,
    const qoe_event_t *ev, const qoe_record_meta_t *meta);
static char *qoe_record_numbers(char *p, const qoe_event_t *ev);
static char *qoe_record_named(char *p, unsigned field,
    const qoe_named_t *named, size_t n);


static const uint8_t  qoe_record_numbering[QOE_TEXTS] = {
#define QOE_RECORD_NUMBERING(id, number)  [QOE_TEXT_##id] = number,
    QOE_RECORD_TEXTS(QOE_RECORD_NUMBERING)
#undef QOE_RECORD_NUMBERING
};

#define QOE_RECORD_COUNT(id, number)  + 1
_Static_assert(QOE_RECORD_TEXTS(QOE_RECORD_COUNT) == QOE_TEXTS,
               "each text of the sample has its place in the record");
#undef QOE_RECORD_COUNT


/* Where the texts come from: a field, or behind them one below data. */

static const uint8_t  qoe_record_sources[] = {
#define QOE_RECORD_FIELD(id)       [QOE_TEXT_##id] = QOE_FIELD_##id,
#define QOE_RECORD_DATA(id, path)                                             \
    [QOE_TEXT_##id] = QOE_FIELDS + QOE_DATA_TEXT_##id,
    QOE_SAMPLE_TEXTS(QOE_RECORD_FIELD, QOE_RECORD_DATA)
#undef QOE_RECORD_FIELD
#undef QOE_RECORD_DATA
};

_Static_assert(QOE_NUMBERS <= 64, "number_set has a bit a number");


qoe_status_t
qoe_record_pack(qoe_span_t *head, const qoe_event_t *ev,
    const qoe_record_meta_t *meta, qoe_arena_t *arena)
{
    char                  *p, *end;
    size_t                 size;
    qoe_record_content_t   c;

    c.text[QOE_TEXT_MARKER] = qoe_text_cut(meta->marker, QOE_RECORD_TEXT_MAX);

    if (qoe_record_texts(c.text, ev, arena) != QOE_OK
        || qoe_record_attributes(&c.attrs, &c.nattrs, ev, meta, arena)
           != QOE_OK
        || qoe_source_dims(&c.dims, &c.ndims, ev, c.attrs, c.nattrs, arena)
           != QOE_OK)
    {
        return QOE_NOMEM;
    }

    /* no less than it takes: what is left of the arena is lost */

    size = qoe_record_size(&c, ev);

    if (size > QOE_RECORD_MAX || ev->raw.len > QOE_RECORD_MAX - size) {
        return QOE_TOO_LARGE;
    }

    p = qoe_arena_alloc(arena, size);

    if (p == NULL) {
        return QOE_NOMEM;
    }

    end = qoe_record_write(p, &c, ev, meta);
    *head = (qoe_span_t) { p, (size_t) (end - p) };

    return QOE_OK;
}


static qoe_status_t
qoe_record_texts(qoe_span_t text[QOE_TEXTS], const qoe_event_t *ev,
    qoe_arena_t *arena)
{
    size_t              i, from;
    qoe_span_t          t;
    const qoe_value_t  *value;

    for (i = 0; i < sizeof(qoe_record_sources); i++) {
        from = qoe_record_sources[i];

        if (from >= QOE_FIELDS) {
            t = ev->data[from - QOE_FIELDS];

        } else {
            value = &ev->field[from];

            if (value->type == QOE_VALUE_NONE) {
                text[i].len = 0;
                continue;
            }

            t = value->v.string;

            if (value->type != QOE_VALUE_STRING
                && qoe_record_field(&t, ev, (qoe_event_field_t) from, arena)
                   != QOE_OK)
            {
                return QOE_NOMEM;
            }
        }

        text[i] = (t.len > QOE_RECORD_TEXT_MAX)
                  ? qoe_text_cut(t, QOE_RECORD_TEXT_MAX) : t;
    }

    return QOE_OK;
}


/* A number that is text to metrics is one that names something: the ASN. */

static qoe_status_t
qoe_record_field(qoe_span_t *text, const qoe_event_t *ev,
    qoe_event_field_t field, qoe_arena_t *arena)
{
    const qoe_value_t  *value;

    value = &ev->field[field];

    if (value->type == QOE_VALUE_NUMBER
        && (value->v.number == 0 || value->v.number != floor(value->v.number)))
    {
        *text = qoe_span_null;
        return QOE_OK;
    }

    return qoe_event_field_text(text, ev, field, arena);
}


/* Those of the request, and the fields of the event that were filled. */

static qoe_status_t
qoe_record_attributes(const qoe_named_t **attrs, size_t *nattrs,
    const qoe_event_t *ev, const qoe_record_meta_t *meta, qoe_arena_t *arena)
{
    size_t              n;
    uint64_t            left;
    qoe_named_t        *list;
    qoe_event_field_t   field;

    n = qoe_min(meta->nattrs, (size_t) QOE_ATTRIBUTES_MAX);

    *attrs = meta->attrs;
    *nattrs = n;

    if (ev->filled == 0) {
        return QOE_OK;
    }

    list = qoe_arena_alloc(arena, QOE_ATTRIBUTES_MAX * sizeof(qoe_named_t));

    if (list == NULL) {
        return QOE_NOMEM;
    }

    if (n != 0) {
        memcpy(list, meta->attrs, n * sizeof(qoe_named_t));
    }

    for (left = ev->filled;
         left != 0 && n < QOE_ATTRIBUTES_MAX;
         left &= left - 1)
    {
        field = (qoe_event_field_t) __builtin_ctzll(left);
        list[n].name = qoe_event_field_path(field, arena);

        if (list[n].name.data == NULL
            || qoe_event_field_text(&list[n].value, ev, field, arena)
               != QOE_OK)
        {
            return QOE_NOMEM;
        }

        n++;
    }

    *attrs = list;
    *nattrs = n;

    return QOE_OK;
}


/* At most. */

static size_t
qoe_record_size(const qoe_record_content_t *c, const qoe_event_t *ev)
{
    size_t  i, size;

    size = QOE_RECORD_FIXED_MAX + ev->type_name.len
           + (size_t) __builtin_popcountll(ev->set) * sizeof(double)
           + QOE_TEXTS * QOE_RECORD_HEAD_MAX
           + qoe_record_named_size(c->attrs, c->nattrs)
           + qoe_record_named_size(c->dims, c->ndims);

    for (i = 0; i < QOE_TEXTS; i++) {
        size += c->text[i].len;
    }

    return size;
}


static size_t
qoe_record_named_size(const qoe_named_t *named, size_t n)
{
    size_t  i, size;

    size = 3 * QOE_RECORD_HEAD_MAX * n;

    for (i = 0; i < n; i++) {
        size += named[i].name.len + qoe_min(named[i].value.len,
                                            (size_t) QOE_ATTRIBUTE_LEN);
    }

    return size;
}


/* As protobuf-c would, but for the body, which comes last. */

static char *
qoe_record_write(char *p, const qoe_record_content_t *c,
    const qoe_event_t *ev, const qoe_record_meta_t *meta)
{
    size_t  i;

    p = qoe_wire_fixed64(p, QOE_RECORD_RECEIVED, meta->received_ns);
    p = qoe_wire_fixed64(p, QOE_RECORD_EVENT, (uint64_t) ev->time_ms
                                              * 1000000);
    p = qoe_wire_bytes(p, QOE_RECORD_TYPE, ev->type_name);
    p = qoe_wire_small(p, QOE_RECORD_SEVERITY, (unsigned) ev->severity);
    p = qoe_wire_bytes(p, QOE_RECORD_UID,
                       (qoe_span_t) { (const char *) meta->uid,
                                      QOE_RECORD_UID_LEN });

    for (i = 0; i < QOE_TEXTS; i++) {
        if (c->text[i].len != 0) {
            p = qoe_wire_wide_head(p, qoe_record_numbering[i],
                                   c->text[i].len);
            p = qoe_wire_text(p, c->text[i]);
        }
    }

    p = qoe_record_numbers(p, ev);
    p = qoe_record_named(p, QOE_RECORD_ATTRIBUTES, c->attrs, c->nattrs);
    p = qoe_record_named(p, QOE_RECORD_DIMENSIONS, c->dims, c->ndims);

    return qoe_wire_head(p, QOE_RECORD_BODY, ev->raw.len);
}


static char *
qoe_record_numbers(char *p, const qoe_event_t *ev)
{
    uint64_t  left;

    if (ev->set == 0) {
        return p;
    }

    p = qoe_wire_varint(p, QOE_RECORD_SET << 3 | QOE_WIRE_FIXED64);
    p = qoe_wire_put64(p, ev->set);
    p = qoe_wire_wide_head(p, QOE_RECORD_NUMBERS,
                           (size_t) __builtin_popcountll(ev->set)
                           * sizeof(double));

    for (left = ev->set; left != 0; left &= left - 1) {
        p = qoe_wire_put_double(p, ev->number[__builtin_ctzll(left)]);
    }

    return p;
}


static char *
qoe_record_named(char *p, unsigned field, const qoe_named_t *named, size_t n)
{
    size_t      i;
    qoe_span_t  value;

    for (i = 0; i < n; i++) {
        value = qoe_text_cut(named[i].value, QOE_ATTRIBUTE_LEN);

        p = qoe_wire_wide_head(p, field,
                               qoe_wire_bytes_size(named[i].name.len)
                               + qoe_wire_bytes_size(value.len));
        p = qoe_wire_bytes(p, QOE_NAMED_NAME, named[i].name);
        p = qoe_wire_bytes(p, QOE_NAMED_VALUE, value);
    }

    return p;
}
