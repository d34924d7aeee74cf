
/*
 * Copyright (C) OpenQoE
 */


#include "qoe_dimension.h"


#define QOE_DIMENSION_TTL  86400             /* seconds */
#define QOE_DIMENSION_SIZE 100               /* buckets, or width of a range */


#define QOE_TEXT(s)        { s, sizeof(s) - 1 }


static bool qoe_dimension_same(qoe_span_t a, qoe_span_t b);


static const qoe_dimension_t  qoe_dimension_rows[QOE_DIMS_BUILTIN] = {
#define QOE_DIMENSION_ROW(id, name, role, action, max, maxlen)                \
    { QOE_TEXT(name), { NULL, 0 }, QOE_ROLE_##role, QOE_ACTION_##action,      \
      QOE_OVERFLOW_OTHER, max, QOE_DIMENSION_TTL, QOE_DIMENSION_SIZE,         \
      maxlen, NULL, 0, NULL },
    QOE_DIMENSIONS(QOE_DIMENSION_ROW, QOE_DIMENSION_ROW)
#undef QOE_DIMENSION_ROW
};

_Static_assert(QOE_DIMS_BUILTIN < QOE_DIMENSIONS_MAX, "room for custom ones");


static const qoe_span_t  qoe_content_types[] = {
    QOE_TEXT("vod"), QOE_TEXT("live")
};


static const qoe_span_t  qoe_actions[] = {
    QOE_TEXT("allow"),
    QOE_TEXT("topk"),
    QOE_TEXT("hash"),
    QOE_TEXT("bucket"),
    QOE_TEXT("drop")
};


/*
 * Labels that Prometheus itself or its translation of OTLP sets.  Names that
 * begin with "__" are reserved, too.
 */

static const qoe_span_t  qoe_dimension_reserved[] = {
    QOE_TEXT("le"),
    QOE_TEXT("quantile"),
    QOE_TEXT("job"),
    QOE_TEXT("instance"),
    QOE_TEXT("otel_scope_name"),
    QOE_TEXT("otel_scope_version"),
    QOE_TEXT("otel_scope_schema_url"),
    QOE_TEXT("otel_metric_overflow")
};


void
qoe_dimensions_init(qoe_dimensions_t *d)
{
    memset(d, 0, sizeof(*d));
    memcpy(d->dim, qoe_dimension_rows, sizeof(qoe_dimension_rows));
    d->n = QOE_DIMS_BUILTIN;
}


size_t
qoe_dimension_find(const qoe_dimensions_t *d, qoe_span_t name)
{
    size_t  i;

    for (i = 0; i < d->n; i++) {
        if (qoe_span_eq(d->dim[i].name, name)) {
            return i;
        }
    }

    return d->n;
}


bool
qoe_dimension_made(size_t dim, qoe_span_t value)
{
    uint32_t           i, n;
    const qoe_span_t  *own;

    switch (dim) {

    case QOE_DIM_EVENT_TYPE:
    case QOE_DIM_RESOLUTION:
    case QOE_DIM_IS_OUTLIER:
    case QOE_DIM_QUARTILE:
    case QOE_DIM_DIRECTION:
    case QOE_DIM_CHANGE_DIRECTION:
    case QOE_DIM_OUTCOME:
    case QOE_DIM_VERSION:
    case QOE_DIM_OT:
    case QOE_DIM_CACHE_STATUS:
    case QOE_DIM_STATUS_CLASS:
    case QOE_DIM_CAUSE:
    case QOE_DIM_SOURCE:
    case QOE_DIM_SF:
    case QOE_DIM_ST:
    case QOE_DIM_REASON:
    case QOE_DIM_STAGE:
        return true;

    default:
        break;
    }

    own = qoe_dimension_own(dim, &n);

    for (i = 0; i < n; i++) {
        if (qoe_span_eq(own[i], value)) {
            return true;
        }
    }

    return false;
}


const qoe_span_t *
qoe_dimension_own(size_t dim, uint32_t *n)
{
    if (dim != QOE_DIM_CONTENT_TYPE) {
        *n = 0;
        return NULL;
    }

    *n = sizeof(qoe_content_types) / sizeof(qoe_content_types[0]);

    return qoe_content_types;
}


bool
qoe_dimension_pinned(const qoe_dimension_t *d, qoe_span_t value)
{
    uint32_t  i;

    for (i = 0; i < d->npins; i++) {
        if (qoe_span_eq(d->pins[i], value)) {
            return true;
        }
    }

    return false;
}


qoe_status_t
qoe_dimension_name_valid(qoe_span_t name)
{
    char    c;
    size_t  i;

    if (name.len == 0 || name.len > QOE_DIMENSION_NAME_MAX) {
        return QOE_INVALID;
    }

    for (i = 0; i < name.len; i++) {
        c = name.data[i];

        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_') {
            continue;
        }

        if (i == 0 || !((c >= '0' && c <= '9') || c == '.')) {
            return QOE_INVALID;
        }
    }

    if (name.len >= 2 && qoe_dimension_same((qoe_span_t) { name.data, 2 },
                                            qoe_span("__")))
    {
        return QOE_INVALID;
    }

    for (i = 0; i < QOE_DIMS_BUILTIN; i++) {
        if (qoe_dimension_same(name, qoe_dimension_rows[i].name)) {
            return QOE_INVALID;
        }
    }

    for (i = 0; i < sizeof(qoe_dimension_reserved) / sizeof(qoe_span_t); i++) {
        if (qoe_dimension_same(name, qoe_dimension_reserved[i])) {
            return QOE_INVALID;
        }
    }

    return QOE_OK;
}


/* Compares names as Prometheus does, which turns dots into underscores. */

static bool
qoe_dimension_same(qoe_span_t a, qoe_span_t b)
{
    char    x, y;
    size_t  i;

    if (a.len != b.len) {
        return false;
    }

    for (i = 0; i < a.len; i++) {
        x = (a.data[i] == '.') ? '_' : a.data[i];
        y = (b.data[i] == '.') ? '_' : b.data[i];

        if (x != y) {
            return false;
        }
    }

    return true;
}


qoe_status_t
qoe_action_find(qoe_span_t text, qoe_action_t *action)
{
    size_t  i;

    for (i = 0; i < sizeof(qoe_actions) / sizeof(qoe_actions[0]); i++) {
        if (qoe_span_eq(text, qoe_actions[i])) {
            *action = (qoe_action_t) i;
            return QOE_OK;
        }
    }

    return QOE_INVALID;
}


qoe_span_t
qoe_action_name(qoe_action_t action)
{
    if ((size_t) action >= sizeof(qoe_actions) / sizeof(qoe_actions[0])) {
        return qoe_span_null;
    }

    return qoe_actions[action];
}
