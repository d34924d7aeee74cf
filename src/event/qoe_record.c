
/*
 * Copyright (C) OpenQoE
 */


#include "qoe_record_priv.h"
#include "qoe_number.h"
#include "qoe_source.h"

#include <math.h>


static qoe_status_t qoe_record_texts(Openqoe__V1__Record *record,
    const qoe_event_t *ev, qoe_arena_t *arena);
static qoe_status_t qoe_record_field(qoe_span_t *text, const qoe_event_t *ev,
    qoe_event_field_t field, qoe_arena_t *arena);
static void qoe_record_numbers(Openqoe__V1__Record *record,
    const qoe_event_t *ev, double numbers[QOE_NUMBERS]);
static qoe_status_t qoe_record_named(qoe_record_named_t ***list, size_t *n,
    const qoe_named_t *from, size_t nfrom, qoe_arena_t *arena);
static qoe_status_t qoe_record_attributes(const qoe_named_t **attrs,
    size_t *nattrs, const qoe_event_t *ev, const qoe_record_meta_t *meta,
    qoe_arena_t *arena);
static qoe_status_t qoe_record_write(qoe_span_t *out,
    const Openqoe__V1__Record *record, qoe_arena_t *arena);
static ProtobufCBinaryData qoe_record_bytes(qoe_span_t s);


const size_t  qoe_record_offsets[QOE_TEXTS] = {
#define QOE_RECORD_OFFSET(id, name)                                           \
    [QOE_TEXT_##id] = offsetof(Openqoe__V1__Record, name),
    QOE_RECORD_TEXTS(QOE_RECORD_OFFSET)
#undef QOE_RECORD_OFFSET
};

#define QOE_RECORD_COUNT(id, name)  + 1
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
qoe_record_pack(qoe_span_t *out, const qoe_event_t *ev,
    const qoe_record_meta_t *meta, qoe_arena_t *arena)
{
    double                numbers[QOE_NUMBERS];
    size_t                ndims, nattrs;
    const qoe_named_t    *dims, *attrs;
    Openqoe__V1__Record   record;

    openqoe__v1__record__init(&record);

    record.received_unix_nano = meta->received_ns;
    record.event_unix_nano = (uint64_t) ev->time_ms * 1000000;
    record.severity_number = (uint32_t) ev->severity;
    record.event_type = qoe_record_bytes(ev->type_name);
    record.uid = qoe_record_bytes((qoe_span_t) { (const char *) meta->uid,
                                                 QOE_RECORD_UID_LEN });
    record.marker = qoe_record_bytes(meta->marker);
    record.body = qoe_record_bytes(ev->raw);

    qoe_record_numbers(&record, ev, numbers);

    if (qoe_record_texts(&record, ev, arena) != QOE_OK
        || qoe_record_attributes(&attrs, &nattrs, ev, meta, arena) != QOE_OK
        || qoe_source_dims(&dims, &ndims, ev, attrs, nattrs, arena) != QOE_OK
        || qoe_record_named(&record.attributes, &record.n_attributes, attrs,
                            nattrs, arena)
           != QOE_OK
        || qoe_record_named(&record.dimensions, &record.n_dimensions, dims,
                            ndims, arena)
           != QOE_OK)
    {
        return QOE_NOMEM;
    }

    return qoe_record_write(out, &record, arena);
}


static qoe_status_t
qoe_record_texts(Openqoe__V1__Record *record, const qoe_event_t *ev,
    qoe_arena_t *arena)
{
    size_t                i, from;
    qoe_span_t            text;
    ProtobufCBinaryData  *bytes;

    for (i = 0; i < sizeof(qoe_record_sources); i++) {
        from = qoe_record_sources[i];

        if (from >= QOE_FIELDS) {
            text = ev->data[from - QOE_FIELDS];

        } else if (qoe_record_field(&text, ev, (qoe_event_field_t) from, arena)
                   != QOE_OK)
        {
            return QOE_NOMEM;
        }

        bytes = (ProtobufCBinaryData *) ((char *) record
                                         + qoe_record_offsets[i]);
        *bytes = qoe_record_bytes(qoe_text_cut(text, QOE_RECORD_TEXT_MAX));
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


static void
qoe_record_numbers(Openqoe__V1__Record *record, const qoe_event_t *ev,
    double numbers[QOE_NUMBERS])
{
    size_t    n;
    uint64_t  left;

    n = 0;

    for (left = ev->set; left != 0; left &= left - 1) {
        numbers[n++] = ev->number[__builtin_ctzll(left)];
    }

    record->number_set = ev->set;
    record->numbers = numbers;
    record->n_numbers = n;
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


static qoe_status_t
qoe_record_named(qoe_record_named_t ***list, size_t *n,
    const qoe_named_t *from, size_t nfrom, qoe_arena_t *arena)
{
    size_t               i;
    qoe_record_named_t  *named, **p;

    if (nfrom == 0) {
        return QOE_OK;
    }

    p = qoe_arena_alloc(arena, nfrom * sizeof(qoe_record_named_t *));
    named = qoe_arena_alloc(arena, nfrom * sizeof(qoe_record_named_t));

    if (p == NULL || named == NULL) {
        return QOE_NOMEM;
    }

    for (i = 0; i < nfrom; i++) {
        openqoe__v1__named__init(&named[i]);

        named[i].name = qoe_record_bytes(from[i].name);
        named[i].value = qoe_record_bytes(qoe_text_cut(from[i].value,
                                                       QOE_ATTRIBUTE_LEN));
        p[i] = &named[i];
    }

    *list = p;
    *n = nfrom;

    return QOE_OK;
}


static qoe_status_t
qoe_record_write(qoe_span_t *out, const Openqoe__V1__Record *record,
    qoe_arena_t *arena)
{
    size_t    len;
    uint8_t  *p;

    len = openqoe__v1__record__get_packed_size(record);

    if (len > QOE_RECORD_MAX) {
        return QOE_TOO_LARGE;
    }

    p = qoe_arena_alloc(arena, len);

    if (p == NULL) {
        return QOE_NOMEM;
    }

    openqoe__v1__record__pack(record, p);

    *out = (qoe_span_t) { (const char *) p, len };

    return QOE_OK;
}


/* protobuf-c only reads what it packs; its type has no const. */

static ProtobufCBinaryData
qoe_record_bytes(qoe_span_t s)
{
    ProtobufCBinaryData  bytes;

    bytes.len = s.len;
    bytes.data = (uint8_t *) (uintptr_t) s.data;

    return bytes;
}
