
/*
 * Copyright (C) OpenQoE
 *
 * Records of views are written in one pass (qoe_otlp_write.h).
 */


#include "qoe_otlp_views.h"
#include "qoe_otlp_views_priv.h"
#include "qoe_otlp_pb.h"

#include "qoe_uuid.h"


#define QOE_VIEW_EVENT         qoe_span("openqoe.view")
#define QOE_VIEW_EDGE          qoe_span("openqoe.edge")

/* Names of attributes that begin so are those of the record. */
#define QOE_VIEW_PREFIX        qoe_span("openqoe.view.")

/* The most bytes of all of a record beside its attributes. */
#define QOE_VIEW_LOG_MAX       256

/* An attribute of the dimensions takes three bytes or more there. */
#define QOE_VIEW_DIMS_FACTOR   4


static char *qoe_view_log_write(qoe_view_log_t *log);


qoe_status_t
qoe_otlp_views(qoe_buf_t *out, const qoe_otlp_identity_t *id,
    const qoe_span_t *records, size_t n, size_t *nbad, qoe_arena_t *arena)
{
    char                *p;
    size_t               i;
    qoe_status_t         rc;
    qoe_view_log_t       log;
    qoe_otlp_export_t    export;

    *nbad = 0;

    if (out->status != QOE_OK) {
        return out->status;
    }

    rc = qoe_otlp_export_open(out, &export, id, arena);
    log.edge = qoe_otlp_edge(id);
    log.item.field = QOE_LOG_ATTRIBUTES;

    for (i = 0; i < n && rc == QOE_OK; i++) {

        if (qoe_view_record_unpack(&log.r, records[i]) != QOE_OK) {
            (*nbad)++;
            continue;
        }

        p = qoe_buf_reserve(out, qoe_view_log_bound(&log));

        if (p == NULL) {
            rc = out->status;
            break;
        }

        log.item.p = p;
        out->len += (size_t) (qoe_view_log_write(&log) - p);
    }

    return qoe_otlp_export_close(out, &export, rc);
}


size_t
qoe_view_log_bound(const qoe_view_log_t *log)
{
    size_t  size;

    size = QOE_VIEW_LOG_MAX + log->r.dims.len * QOE_VIEW_DIMS_FACTOR
           + log->edge.len + 2 * QOE_OTLP_ATTR_MAX + QOE_VIEW_EDGE.len
           + log->r.outcome.len;

#define QOE_VIEW_TEXT_BOUND(member, name, text)                               \
    size += QOE_OTLP_ATTR_MAX + sizeof(name) + log->r.member.len;
#define QOE_VIEW_NUMBER_BOUND(member, name, text)                             \
    size += QOE_OTLP_ATTR_MAX + sizeof(name);

    QOE_VIEW_ATTRIBUTES(QOE_VIEW_TEXT_BOUND, QOE_VIEW_NUMBER_BOUND,
                        QOE_VIEW_NUMBER_BOUND, QOE_VIEW_NUMBER_BOUND,
                        QOE_VIEW_NUMBER_BOUND)

#undef QOE_VIEW_TEXT_BOUND
#undef QOE_VIEW_NUMBER_BOUND

    return size;
}


static char *
qoe_view_log_write(qoe_view_log_t *log)
{
    char                     *at;
    uint8_t                   id[16];
    qoe_span_t                body;
    qoe_otlp_item_t          *item;
    const qoe_view_record_t  *r;

    static const uint8_t  zero[16];

    r = &log->r;
    item = &log->item;
    body = r->final ? r->outcome : qoe_span("alive");

    at = qoe_otlp_item_open(item, QOE_SCOPE_ITEMS);

    item->p = qoe_wire_fixed64(item->p, QOE_LOG_TIME, r->end_ms * 1000000);
    item->p = qoe_wire_small(item->p, QOE_LOG_SEVERITY,
                             r->failed ? QOE_LOG_ERROR : QOE_LOG_INFO);
    item->p = qoe_wire_bytes(item->p, QOE_LOG_SEVERITY_TEXT,
                             r->failed ? qoe_span("ERROR") : qoe_span("INFO"));

    item->p = qoe_wire_head(item->p, QOE_LOG_BODY,
                            qoe_wire_bytes_size(body.len));
    item->p = qoe_wire_head(item->p, QOE_VALUE_STRING, body.len);
    item->p = qoe_pb_put(item->p, body);

    qoe_view_log_attributes(log);
    qoe_view_log_dims(log);

    if (qoe_uuid_parse(id, r->view_id) == QOE_OK
        && memcmp(id, zero, sizeof(zero)) != 0)
    {
        item->p = qoe_wire_bytes(item->p, QOE_LOG_TRACE_ID,
                                 (qoe_span_t) { (const char *) id,
                                                sizeof(id) });
    }

    item->p = qoe_wire_fixed64(item->p, QOE_LOG_OBSERVED, r->made_ns);
    item->p = qoe_wire_bytes(item->p, QOE_LOG_EVENT_NAME, QOE_VIEW_EVENT);

    qoe_otlp_item_close(item, at);

    return item->p;
}


void
qoe_view_log_attributes(qoe_view_log_t *log)
{
    qoe_otlp_item_t          *item;
    const qoe_view_record_t  *r;

    r = &log->r;
    item = &log->item;

    qoe_otlp_item_text(item, QOE_VIEW_EDGE, log->edge);

#define QOE_VIEW_TEXT_WRITE(member, name, text)                               \
    qoe_otlp_item_text(item, qoe_span(name), r->member);
#define QOE_VIEW_COUNT_WRITE(member, name, text)                              \
    qoe_otlp_item_count(item, qoe_span(name), r->member);
#define QOE_VIEW_PLAYED_WRITE(member, name, text)                             \
    if (r->started) {                                                         \
        qoe_otlp_item_count(item, qoe_span(name), r->member);                 \
    }
#define QOE_VIEW_REAL_WRITE(member, name, text)                               \
    qoe_otlp_item_real(item, qoe_span(name), r->member);
#define QOE_VIEW_FLAG_WRITE(member, name, text)                               \
    if (r->member) {                                                          \
        qoe_otlp_item_flag(item, qoe_span(name));                             \
    }

    QOE_VIEW_ATTRIBUTES(QOE_VIEW_TEXT_WRITE, QOE_VIEW_COUNT_WRITE,
                        QOE_VIEW_PLAYED_WRITE, QOE_VIEW_REAL_WRITE,
                        QOE_VIEW_FLAG_WRITE)

#undef QOE_VIEW_TEXT_WRITE
#undef QOE_VIEW_COUNT_WRITE
#undef QOE_VIEW_PLAYED_WRITE
#undef QOE_VIEW_REAL_WRITE
#undef QOE_VIEW_FLAG_WRITE
}


/* No key may appear twice: the record's own win over a custom dimension. */

void
qoe_view_log_dims(qoe_view_log_t *log)
{
    qoe_span_t         name, value;
    qoe_labels_iter_t  it;

    qoe_labels_iter(&it, log->r.dims);

    while (qoe_labels_next(&it, &name, &value)) {

        if (name.len == 0
            || qoe_span_eq(name, QOE_VIEW_EDGE)
            || qoe_span_eq(name, qoe_span("error.type"))
            || qoe_span_eq(name, qoe_span("viewer_hash"))
            || (name.len > QOE_VIEW_PREFIX.len
                && memcmp(name.data, QOE_VIEW_PREFIX.data,
                          QOE_VIEW_PREFIX.len)
                   == 0))
        {
            continue;
        }

        qoe_otlp_item_text(&log->item, name, value);
    }
}
