
/*
 * Copyright (C) OpenQoE
 */


#include "qoe_otlp_write.h"
#include "qoe_otlp_pb.h"

#include <math.h>


/* The most bytes of a request without its items, its resource and its scope. */
#define QOE_OTLP_EXPORT_MAX    64


static void qoe_otlp_item_key(qoe_otlp_item_t *item, qoe_span_t key,
    size_t value);


qoe_status_t
qoe_otlp_export_open(qoe_buf_t *out, qoe_otlp_export_t *export,
    const qoe_otlp_identity_t *id, qoe_arena_t *arena)
{
    char               *p;
    size_t              resource_size, scope_size;
    qoe_pb_scope_t      scope;
    qoe_pb_resource_t   resource;

    export->start = out->len;

    if (qoe_pb_identity(&resource, &scope, id, arena) != QOE_OK) {
        return QOE_NOMEM;
    }

    resource_size = protobuf_c_message_get_packed_size(&resource.base);
    scope_size = protobuf_c_message_get_packed_size(&scope.base);

    p = qoe_buf_reserve(out, QOE_OTLP_EXPORT_MAX + resource_size + scope_size);
    if (p == NULL) {
        return out->status;
    }

    *p++ = qoe_wire_key(1, QOE_WIRE_BYTES);
    p += QOE_WIRE_LEN_SIZE;
    export->at[0] = (size_t) (p - out->data);

    p = qoe_wire_head(p, 1, resource_size);
    p += protobuf_c_message_pack(&resource.base, (uint8_t *) p);

    *p++ = qoe_wire_key(2, QOE_WIRE_BYTES);
    p += QOE_WIRE_LEN_SIZE;
    export->at[1] = (size_t) (p - out->data);

    p = qoe_wire_head(p, 1, scope_size);
    p += protobuf_c_message_pack(&scope.base, (uint8_t *) p);

    out->len = (size_t) (p - out->data);
    export->items = out->len;

    return QOE_OK;
}


qoe_status_t
qoe_otlp_export_close(qoe_buf_t *out, const qoe_otlp_export_t *export,
    qoe_status_t rc)
{
    size_t  i;

    if (rc == QOE_OK && out->len == export->items) {
        rc = QOE_DONE;
    }

    if (rc != QOE_OK) {
        out->len = export->start;
        out->status = QOE_OK;
        return rc;
    }

    for (i = 0; i < 2; i++) {
        qoe_wire_len(out->data + export->at[i] - QOE_WIRE_LEN_SIZE,
                     out->len - export->at[i]);
    }

    return QOE_OK;
}


qoe_span_t
qoe_otlp_edge(const qoe_otlp_identity_t *id)
{
    size_t  i;

    for (i = 0; i < id->nattrs; i++) {
        if (qoe_span_eq(id->attrs[i].key, qoe_span("service.instance.id"))) {
            return id->attrs[i].value;
        }
    }

    return qoe_span_null;
}


char *
qoe_otlp_item_open(qoe_otlp_item_t *item, unsigned field)
{
    *item->p++ = qoe_wire_key(field, QOE_WIRE_BYTES);
    item->p += QOE_WIRE_LEN_SIZE;

    return item->p;
}


void
qoe_otlp_item_close(qoe_otlp_item_t *item, char *at)
{
    qoe_wire_len(at - QOE_WIRE_LEN_SIZE, (size_t) (item->p - at));
}


void
qoe_otlp_item_text(qoe_otlp_item_t *item, qoe_span_t key, qoe_span_t text)
{
    if (text.len == 0) {
        return;
    }

    qoe_otlp_item_key(item, key, qoe_wire_bytes_size(text.len));

    item->p = qoe_wire_head(item->p, QOE_VALUE_STRING, text.len);
    item->p = qoe_pb_put(item->p, text);
}


void
qoe_otlp_item_count(qoe_otlp_item_t *item, qoe_span_t key, uint64_t value)
{
    /* int_value is signed */

    value = qoe_min(value, (uint64_t) INT64_MAX);

    qoe_otlp_item_key(item, key, 1 + qoe_wire_varint_size(value));

    *item->p++ = qoe_wire_key(QOE_VALUE_INT, QOE_WIRE_VARINT);
    item->p = qoe_wire_varint(item->p, value);
}


void
qoe_otlp_item_real(qoe_otlp_item_t *item, qoe_span_t key, double value)
{
    if (!isfinite(value)) {
        return;
    }

    qoe_otlp_item_key(item, key, QOE_WIRE_FIXED64_SIZE);

    item->p = qoe_wire_double(item->p, QOE_VALUE_DOUBLE, value);
}


void
qoe_otlp_item_flag(qoe_otlp_item_t *item, qoe_span_t key)
{
    qoe_otlp_item_key(item, key, 2);

    item->p = qoe_wire_small(item->p, QOE_VALUE_BOOL, 1);
}


/* Writes an attribute up to its value, which takes that many bytes. */

static void
qoe_otlp_item_key(qoe_otlp_item_t *item, qoe_span_t key, size_t value)
{
    item->p = qoe_wire_head(item->p, item->field,
                            qoe_wire_bytes_size(key.len)
                            + qoe_wire_bytes_size(value));
    item->p = qoe_wire_head(item->p, 1, key.len);
    item->p = qoe_pb_put(item->p, key);
    item->p = qoe_wire_head(item->p, 2, value);
}
