
/*
 * Copyright (C) OpenQoE
 *
 * Packs events into records.
 */


#include "qoe_record.h"
#include "qoe_number.h"
#include "qoe_source.h"

#include <math.h>


#define QOE_RECORD_NAMED  (QOE_ATTRIBUTES_MAX + QOE_SOURCES_MAX)

/*
 * The texts of a record: the name of its type, the texts of the sample, and the
 * names and values of attributes and dimensions.
 */
#define QOE_RECORD_REFS   (1 + QOE_TEXTS + 2 * QOE_RECORD_NAMED)


/* A record while it is packed. */

typedef struct {
    qoe_record_head_t     head;
    double                numbers[QOE_NUMBERS];
    uint32_t              named[2 * QOE_RECORD_NAMED];

    qoe_span_t            raw;
    size_t                len;       /* of the head so far */
    qoe_span_t            texts[QOE_RECORD_REFS];    /* those for the head */
    size_t                ntexts;
} qoe_record_packer_t;


static void qoe_record_numbers(qoe_record_packer_t *pk,
    const qoe_event_t *ev);
static qoe_status_t qoe_record_texts(qoe_record_packer_t *pk,
    const qoe_event_t *ev, qoe_arena_t *arena);
static qoe_status_t qoe_record_field(qoe_span_t *text, const qoe_event_t *ev,
    qoe_event_field_t field, qoe_arena_t *arena);
static qoe_status_t qoe_record_attributes(const qoe_named_t **attrs,
    size_t *nattrs, const qoe_event_t *ev, const qoe_record_meta_t *meta,
    qoe_arena_t *arena);
static uint32_t *qoe_record_refer(qoe_record_packer_t *pk, uint32_t *to,
    const qoe_named_t *from, size_t n);
static qoe_status_t qoe_record_write(qoe_record_parts_t *out,
    const qoe_record_packer_t *pk, qoe_arena_t *arena);


/* Where each text comes from: a field, or QOE_FIELDS plus a text of data. */

static const uint8_t  qoe_record_sources[] = {
#define QOE_RECORD_FIELD(id)       [QOE_TEXT_##id] = QOE_FIELD_##id,
#define QOE_RECORD_DATA(id, path)                                             \
    [QOE_TEXT_##id] = QOE_FIELDS + QOE_DATA_TEXT_##id,
    QOE_SAMPLE_TEXTS(QOE_RECORD_FIELD, QOE_RECORD_DATA)
#undef QOE_RECORD_FIELD
#undef QOE_RECORD_DATA
};

/*
 * The fields whose numbers are part of the sample, in the order of their ids.
 */

static const uint8_t  qoe_record_field_numbers[] = {
#define QOE_RECORD_FIELD_NUMBER(id)  QOE_FIELD_##id,
    QOE_SAMPLE_FIELD_NUMBERS(QOE_RECORD_FIELD_NUMBER)
#undef QOE_RECORD_FIELD_NUMBER
};

#define QOE_RECORD_FIELD_NUMBERS  sizeof(qoe_record_field_numbers)

_Static_assert(QOE_NUMBERS <= 64, "set has a bit a number");
_Static_assert(QOE_EVENT_CUSTOM <= UINT8_MAX, "a type is a byte");
_Static_assert(QOE_RECORD_MAX < QOE_RECORD_IN_HEAD >> QOE_RECORD_LEN_BITS
               && QOE_RECORD_TEXT_MAX < 1 << QOE_RECORD_LEN_BITS
               && QOE_ATTRIBUTE_LEN < 1 << QOE_RECORD_LEN_BITS,
               "a reference has all offsets and lengths");


/* Cuts a text; nearly all texts are short enough already. */

static inline qoe_span_t
qoe_record_cut(qoe_span_t text, size_t len)
{
    return (text.len > len) ? qoe_text_cut(text, len) : text;
}


/*
 * Makes a reference to a text.  Texts outside the body go into the head, in the
 * order of the calls.
 */

static inline uint32_t
qoe_record_ref(qoe_record_packer_t *pk, qoe_span_t text)
{
    size_t    offset;
    uint32_t  where;

    if (text.len == 0) {
        return 0;
    }

    where = 0;
    offset = (size_t) ((uintptr_t) text.data - (uintptr_t) pk->raw.data);

    if (offset >= pk->raw.len || text.len > pk->raw.len - offset) {
        where = QOE_RECORD_IN_HEAD;
        offset = pk->len;
        pk->len += text.len;
        pk->texts[pk->ntexts++] = text;
    }

    return where | (uint32_t) offset << QOE_RECORD_LEN_BITS
           | (uint32_t) text.len;
}


qoe_status_t
qoe_record_pack(qoe_record_parts_t *out, const qoe_event_t *ev,
    const qoe_record_meta_t *meta, qoe_arena_t *arena)
{
    size_t                ndims, nattrs;
    uint32_t             *ref;
    const qoe_named_t    *dims, *attrs;
    qoe_record_packer_t   pk;

    if (ev->raw.len > QOE_RECORD_MAX) {
        return QOE_TOO_LARGE;
    }

    if (qoe_record_attributes(&attrs, &nattrs, ev, meta, arena) != QOE_OK
        || qoe_source_dims(&dims, &ndims, ev, attrs, nattrs, arena) != QOE_OK)
    {
        return QOE_NOMEM;
    }

    ndims = qoe_min(ndims, (size_t) QOE_SOURCES_MAX);

    pk.head.format = QOE_RECORD_FORMAT;
    pk.head.body_len = (uint32_t) ev->raw.len;
    pk.head.received_ns = meta->received_ns;
    pk.head.time_ms = ev->time_ms;
    pk.head.type = (uint8_t) ev->type;
    pk.head.severity = (uint8_t) ev->severity;
    pk.head.nattrs = (uint8_t) nattrs;
    pk.head.ndims = (uint8_t) ndims;
    memcpy(pk.head.uid, meta->uid, QOE_RECORD_UID_LEN);

    qoe_record_numbers(&pk, ev);

    pk.raw = ev->raw;
    pk.ntexts = 0;
    pk.len = sizeof(qoe_record_head_t) + pk.head.nnumbers * sizeof(double)
             + (nattrs + ndims) * 2 * sizeof(uint32_t);

    /* the reader knows the names of built-in types */

    pk.head.type_name = (ev->type != QOE_EVENT_CUSTOM) ? 0
                        : qoe_record_ref(&pk,
                              qoe_record_cut(ev->type_name,
                                             QOE_RECORD_TEXT_MAX));

    if (qoe_record_texts(&pk, ev, arena) != QOE_OK) {
        return QOE_NOMEM;
    }

    pk.head.text[QOE_TEXT_MARKER] =
        qoe_record_ref(&pk, qoe_record_cut(meta->marker,
                                           QOE_RECORD_TEXT_MAX));

    ref = qoe_record_refer(&pk, pk.named, attrs, nattrs);
    (void) qoe_record_refer(&pk, ref, dims, ndims);

    return qoe_record_write(out, &pk, arena);
}


static void
qoe_record_numbers(qoe_record_packer_t *pk, const qoe_event_t *ev)
{
    size_t              i, n;
    uint64_t            left;
    const qoe_value_t  *value;

    n = 0;

    for (left = ev->set; left != 0; left &= left - 1) {
        pk->numbers[n++] = ev->number[__builtin_ctzll(left)];
    }

    pk->head.set = ev->set;

    /* The numbers of fields follow those of "data", as their bits do in set. */

    for (i = 0; i < QOE_RECORD_FIELD_NUMBERS; i++) {
        value = &ev->field[qoe_record_field_numbers[i]];

        if (value->type == QOE_VALUE_NUMBER) {
            pk->numbers[n++] = value->v.number;
            pk->head.set |= (uint64_t) 1 << (QOE_DATA_NUMBERS + i);
        }
    }

    /* and after them come those of reports */

    for (left = ev->reported; left != 0; left &= left - 1) {
        i = (size_t) __builtin_ctzll(left);
        pk->numbers[n++] = ev->report[i];
        pk->head.set |= (uint64_t) 1 << (QOE_NUMBERS_OF_EVENTS + i);
    }

    pk->head.nnumbers = (uint32_t) n;
}


static qoe_status_t
qoe_record_texts(qoe_record_packer_t *pk, const qoe_event_t *ev,
    qoe_arena_t *arena)
{
    size_t      i, from;
    qoe_span_t  text;

    for (i = 0; i < sizeof(qoe_record_sources); i++) {
        from = qoe_record_sources[i];

        if (from >= QOE_FIELDS) {
            text = ev->data[from - QOE_FIELDS];

        } else if (ev->field[from].type == QOE_VALUE_STRING) {
            text = ev->field[from].v.string;

        } else if (qoe_record_field(&text, ev, (qoe_event_field_t) from, arena)
                   != QOE_OK)
        {
            return QOE_NOMEM;
        }

        pk->head.text[i] =
            qoe_record_ref(pk, qoe_record_cut(text, QOE_RECORD_TEXT_MAX));
    }

    return QOE_OK;
}


/*
 * A text that metrics use may be a number in the event.  Such a number
 * identifies something, for example the ASN, so zero and fractions are ignored.
 */

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


/*
 * Collects the attributes of the request, and the fields that the server has
 * filled.
 */

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


/* Writes references to names and values; returns the place after them. */

static uint32_t *
qoe_record_refer(qoe_record_packer_t *pk, uint32_t *to,
    const qoe_named_t *from, size_t n)
{
    for ( /* void */ ; n != 0; n--, from++) {
        *to++ = qoe_record_ref(pk, qoe_record_cut(from->name,
                                                  QOE_ATTRIBUTE_LEN));
        *to++ = qoe_record_ref(pk, qoe_record_cut(from->value,
                                                  QOE_ATTRIBUTE_LEN));
    }

    return to;
}


static qoe_status_t
qoe_record_write(qoe_record_parts_t *out, const qoe_record_packer_t *pk,
    qoe_arena_t *arena)
{
    char               *p;
    size_t              i, n;
    qoe_record_head_t  *head;

    if (pk->len > QOE_RECORD_MAX - pk->raw.len) {
        return QOE_TOO_LARGE;
    }

    p = qoe_arena_alloc(arena, pk->len);

    if (p == NULL) {
        return QOE_NOMEM;
    }

    out->head = (qoe_span_t) { p, pk->len };
    out->body = pk->raw;

    head = (qoe_record_head_t *) p;
    memcpy(head, &pk->head, sizeof(qoe_record_head_t));
    head->head_len = (uint32_t) pk->len;
    p += sizeof(qoe_record_head_t);

    n = pk->head.nnumbers * sizeof(double);
    memcpy(p, pk->numbers, n);
    p += n;

    n = (size_t) (pk->head.nattrs + pk->head.ndims) * 2 * sizeof(uint32_t);
    memcpy(p, pk->named, n);
    p += n;

    for (i = 0; i < pk->ntexts; i++) {
        memcpy(p, pk->texts[i].data, pk->texts[i].len);
        p += pk->texts[i].len;
    }

    return QOE_OK;
}


qoe_status_t
qoe_record_join(qoe_span_t *packed, const qoe_record_parts_t *parts,
    qoe_arena_t *arena)
{
    char  *p;

    p = qoe_arena_alloc(arena, parts->head.len + parts->body.len);

    if (p == NULL) {
        return QOE_NOMEM;
    }

    memcpy(p, parts->head.data, parts->head.len);

    if (parts->body.len != 0) {
        memcpy(p + parts->head.len, parts->body.data, parts->body.len);
    }

    *packed = (qoe_span_t) { p, parts->head.len + parts->body.len };

    return QOE_OK;
}
