
/*
 * Copyright (C) OpenQoE
 */


#include "qoe_labels.h"


#define QOE_LABEL_NAME_MAX   255
#define QOE_LABEL_VALUE_MAX  65535


qoe_status_t
qoe_labels_add(qoe_labels_t *l, qoe_span_t name, qoe_span_t value)
{
    char   *p;
    size_t  need;

    if (name.len > QOE_LABEL_NAME_MAX || value.len > QOE_LABEL_VALUE_MAX) {
        return QOE_TOO_LARGE;
    }

    need = 1 + name.len + 2 + value.len;

    if (l->len > sizeof(l->data) || need > sizeof(l->data) - l->len) {
        return QOE_TOO_LARGE;
    }

    p = l->data + l->len;

    *p++ = (char) name.len;

    if (name.len != 0) {
        memcpy(p, name.data, name.len);
        p += name.len;
    }

    *p++ = (char) (value.len & 0xff);
    *p++ = (char) (value.len >> 8);

    if (value.len != 0) {
        memcpy(p, value.data, value.len);
    }

    l->len += need;

    return QOE_OK;
}


void
qoe_labels_iter(qoe_labels_iter_t *it, qoe_span_t packed)
{
    it->p = packed.data;
    it->end = packed.len ? packed.data + packed.len : packed.data;
}


bool
qoe_labels_next(qoe_labels_iter_t *it, qoe_span_t *name, qoe_span_t *value)
{
    size_t                len, left;
    const unsigned char  *p;

    p = (const unsigned char *) it->p;
    left = (size_t) (it->end - it->p);

    if (left == 0 || left - 1 < *p) {
        return false;
    }

    len = *p++;
    left -= 1 + len;

    name->data = (const char *) p;
    name->len = len;

    p += len;

    if (left < 2) {
        return false;
    }

    len = (size_t) p[0] | (size_t) p[1] << 8;
    left -= 2;

    if (left < len) {
        return false;
    }

    value->data = (const char *) p + 2;
    value->len = len;

    it->p = (const char *) p + 2 + len;

    return true;
}


qoe_span_t
qoe_labels_get(qoe_span_t packed, qoe_span_t name)
{
    qoe_span_t         key, value;
    qoe_labels_iter_t  it;

    qoe_labels_iter(&it, packed);

    while (qoe_labels_next(&it, &key, &value)) {
        if (qoe_span_eq(key, name)) {
            return value;
        }
    }

    return qoe_span_null;
}
