
/*
 * Copyright (C) OpenQoE
 */


#include "qoe_record_priv.h"
#include "qoe_wire.h"

#include <math.h>


static bool qoe_record_item(qoe_record_t *r, const qoe_wire_item_t *item);
static bool qoe_record_named_item(qoe_named_t *list, size_t *n,
    size_t *seen, qoe_span_t message);
static void qoe_sample_numbers(qoe_sample_t *s, const qoe_record_t *r);


/* By field number: one more than the qoe_text_t; 0: none. */

static const uint8_t  qoe_record_text[QOE_RECORD_FIELDS] = {
#define QOE_RECORD_TEXT(id, number)  [number] = QOE_TEXT_##id + 1,
    QOE_RECORD_TEXTS(QOE_RECORD_TEXT)
#undef QOE_RECORD_TEXT
};


qoe_status_t
qoe_record_open(qoe_record_t *r, qoe_span_t packed)
{
    size_t            attrs, dims;
    const char       *p, *end;
    qoe_wire_item_t   item;

    if (packed.len == 0 || packed.len > QOE_RECORD_MAX) {
        return QOE_INVALID;
    }

    memset(r, 0, offsetof(qoe_record_t, attrs));

    memset(&item, 0, sizeof(qoe_wire_item_t));

    attrs = 0;
    dims = 0;
    end = packed.data + packed.len;

    for (p = packed.data; p < end; /* void */) {
        p = qoe_wire_next(p, end, &item);

        if (p == NULL) {
            return QOE_INVALID;
        }

        if (item.field == QOE_RECORD_ATTRIBUTES
            || item.field == QOE_RECORD_DIMENSIONS)
        {
            if (item.type != QOE_WIRE_BYTES
                || !(item.field == QOE_RECORD_ATTRIBUTES
                     ? qoe_record_named_item(r->attrs, &r->nattrs, &attrs,
                                             item.bytes)
                     : qoe_record_named_item(r->dims, &r->ndims, &dims,
                                             item.bytes)))
            {
                return QOE_INVALID;
            }

        } else if (item.field < QOE_RECORD_FIELDS
                   && !qoe_record_item(r, &item))
        {
            return QOE_INVALID;
        }
    }

    /* any bytes without a tag of ours are a message too, but no record */

    if (r->type_name.len == 0 || r->uid.len != QOE_RECORD_UID_LEN) {
        return QOE_INVALID;
    }

    return QOE_OK;
}


/* A field that is there once; a later one of its kind replaces it. */

static bool
qoe_record_item(qoe_record_t *r, const qoe_wire_item_t *item)
{
    switch (item->field) {

    case QOE_RECORD_RECEIVED:
        r->received_ns = item->number;
        return item->type == QOE_WIRE_FIXED64;

    case QOE_RECORD_EVENT:
        r->event_ns = item->number;
        return item->type == QOE_WIRE_FIXED64;

    case QOE_RECORD_SEVERITY:
        r->severity = (uint32_t) item->number;
        return item->type == QOE_WIRE_VARINT;

    case QOE_RECORD_SET:
        r->set = item->number;
        return item->type == QOE_WIRE_FIXED64;

    case QOE_RECORD_TYPE:
        r->type_name = item->bytes;
        break;

    case QOE_RECORD_UID:
        r->uid = item->bytes;
        break;

    case QOE_RECORD_BODY:
        r->body = item->bytes;
        break;

    case QOE_RECORD_NUMBERS:

        /* in one piece, as we write them */

        if (r->numbers.len != 0 || item->bytes.len % sizeof(double) != 0) {
            return false;
        }

        r->numbers = item->bytes;
        break;

    default:
        r->text[qoe_record_text[item->field] - 1] = item->bytes;
        break;
    }

    return item->type == QOE_WIRE_BYTES;
}


static bool
qoe_record_named_item(qoe_named_t *list, size_t *n, size_t *seen,
    qoe_span_t message)
{
    const char       *p, *end;
    qoe_named_t       named;
    qoe_wire_item_t   item;

    memset(&item, 0, sizeof(qoe_wire_item_t));

    named.name = qoe_span_null;
    named.value = qoe_span_null;
    end = message.data + message.len;

    for (p = message.data; p < end; /* void */) {
        p = qoe_wire_next(p, end, &item);

        if (p == NULL) {
            return false;
        }

        if (item.field != QOE_NAMED_NAME && item.field != QOE_NAMED_VALUE) {
            continue;
        }

        if (item.type != QOE_WIRE_BYTES) {
            return false;
        }

        if (item.field == QOE_NAMED_NAME) {
            named.name = item.bytes;

        } else {
            named.value = item.bytes;
        }
    }

    if ((*seen)++ < QOE_RECORD_NAMED_MAX && named.name.len != 0
        && named.value.len != 0)
    {
        list[(*n)++] = named;
    }

    return true;
}


void
qoe_record_sample(qoe_sample_t *s, const qoe_record_t *r)
{
    qoe_severity_t  severity;

    s->type_name = r->type_name;
    s->received_ns = r->received_ns;
    s->time_ms = (int64_t) (r->event_ns / 1000000);

    if (qoe_event_type_find(s->type_name, NULL, 0, &s->type, &severity)
        != QOE_OK)
    {
        s->type = QOE_EVENT_CUSTOM;
    }

    memcpy(s->text, r->text, sizeof(s->text));

    qoe_sample_numbers(s, r);

    s->attrs = r->attrs;
    s->nattrs = r->nattrs;
    s->dims = r->dims;
    s->ndims = r->ndims;
}


static void
qoe_sample_numbers(qoe_sample_t *s, const qoe_record_t *r)
{
    size_t    i;
    double    number;
    uint64_t  left, bits;
    unsigned  id;

    s->set = 0;
    left = r->set;

    for (i = 0; i < r->numbers.len && left != 0; i += sizeof(double)) {
        id = (unsigned) __builtin_ctzll(left);
        left &= left - 1;

        bits = qoe_wire_get64(r->numbers.data + i);
        memcpy(&number, &bits, sizeof(number));

        if (id < QOE_NUMBERS && isfinite(number)) {
            s->set |= (uint64_t) 1 << id;
            s->number[id] = number;
        }
    }
}
