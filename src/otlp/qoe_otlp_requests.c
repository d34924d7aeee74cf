
/*
 * Copyright (C) OpenQoE
 *
 * Logs of requests are written in one pass (qoe_otlp_write.h).
 */


#include "qoe_otlp_requests.h"
#include "qoe_otlp_write.h"
#include "qoe_otlp_pb.h"
#include "qoe_tapped.h"

#include <math.h>


#define QOE_REQUEST_EVENT      qoe_span("openqoe.request")

/*
 * The most bytes of an attribute of the set, which takes four bytes or more
 * there, per byte; and of all of a record beside its attributes.
 */
#define QOE_REQUEST_FACTOR     8
#define QOE_REQUEST_LOG_MAX    2048


static size_t qoe_request_log_bound(const qoe_request_t *r, qoe_span_t attrs);
static void qoe_request_log_write(qoe_otlp_item_t *item, qoe_span_t edge,
    const qoe_request_t *r, qoe_span_t attrs, uint64_t received_ns);
static char *qoe_request_log_head(char *p, const qoe_request_t *r);
static void qoe_request_log_facts(qoe_otlp_item_t *item,
    const qoe_request_t *r);
static void qoe_request_log_attrs(qoe_otlp_item_t *item, qoe_span_t attrs);


qoe_status_t
qoe_otlp_requests(qoe_buf_t *out, const qoe_otlp_identity_t *id,
    const qoe_span_t *records, size_t n, size_t *nbad, qoe_arena_t *arena)
{
    char                *p;
    size_t               i;
    uint64_t             received_ns;
    qoe_span_t           edge, attrs;
    qoe_status_t         rc;
    qoe_request_t        r;
    qoe_otlp_item_t      item;
    qoe_otlp_export_t    export;

    *nbad = 0;

    if (out->status != QOE_OK) {
        return out->status;
    }

    rc = qoe_otlp_export_open(out, &export, id, arena);
    edge = qoe_otlp_edge(id);
    item.field = QOE_LOG_ATTRIBUTES;

    for (i = 0; i < n && rc == QOE_OK; i++) {

        if (qoe_logged_open(&received_ns, &r, &attrs, records[i]) != QOE_OK) {
            (*nbad)++;
            continue;
        }

        p = qoe_buf_reserve(out, edge.len + qoe_request_log_bound(&r, attrs));

        if (p == NULL) {
            rc = out->status;
            break;
        }

        item.p = p;
        qoe_request_log_write(&item, edge, &r, attrs, received_ns);
        out->len = (size_t) (item.p - out->data);
    }

    return qoe_otlp_export_close(out, &export, rc);
}


/* More bytes than the record can take. */

static size_t
qoe_request_log_bound(const qoe_request_t *r, qoe_span_t attrs)
{
    size_t  i, size;

    size = QOE_REQUEST_LOG_MAX + attrs.len * QOE_REQUEST_FACTOR;

    for (i = 0; i < QOE_TEXTS; i++) {
        size += r->text[i].len;
    }

    for (i = 0; i < r->nattrs; i++) {
        size += QOE_OTLP_ATTR_MAX + r->named[i].name.len
                + r->named[i].value.len;
    }

    return size;
}


static void
qoe_request_log_write(qoe_otlp_item_t *item, qoe_span_t edge,
    const qoe_request_t *r, qoe_span_t attrs, uint64_t received_ns)
{
    char    *at;
    size_t   i;

    at = qoe_otlp_item_open(item, QOE_SCOPE_ITEMS);

    item->p = qoe_request_log_head(item->p, r);

    qoe_otlp_item_text(item, qoe_span("openqoe.edge"), edge);
    qoe_request_log_facts(item, r);
    qoe_request_log_attrs(item, attrs);

    for (i = 0; i < r->nattrs; i++) {
        qoe_otlp_item_text(item, r->named[i].name, r->named[i].value);
    }

    item->p = qoe_wire_fixed64(item->p, QOE_LOG_OBSERVED, received_ns);
    item->p = qoe_wire_bytes(item->p, QOE_LOG_EVENT_NAME, QOE_REQUEST_EVENT);

    qoe_otlp_item_close(item, at);
}


/* What stands before the attributes. */

static char *
qoe_request_log_head(char *p, const qoe_request_t *r)
{
    int         severity;
    qoe_span_t  text, body;

    severity = QOE_LOG_INFO;
    text = qoe_span("INFO");

    if (r->status >= 500) {
        severity = QOE_LOG_ERROR;
        text = qoe_span("ERROR");

    } else if (r->status >= 400) {
        severity = QOE_LOG_WARN;
        text = qoe_span("WARN");
    }

    body = r->aborted ? qoe_span("aborted") : qoe_span("served");

    p = qoe_wire_fixed64(p, QOE_LOG_TIME, r->start_ms * 1000000);
    p = qoe_wire_small(p, QOE_LOG_SEVERITY, (uint8_t) severity);
    p = qoe_wire_bytes(p, QOE_LOG_SEVERITY_TEXT, text);
    p = qoe_wire_head(p, QOE_LOG_BODY, qoe_wire_bytes_size(body.len));
    p = qoe_wire_head(p, QOE_VALUE_STRING, body.len);

    return qoe_pb_put(p, body);
}


/* What the edge knows, by the names of semantic conventions if there is one. */

static void
qoe_request_log_facts(qoe_otlp_item_t *item, const qoe_request_t *r)
{
    static const char *const  caches[] = {
#define QOE_REQUEST_CACHE(id, name)  name,
        QOE_CACHE_STATUSES(QOE_REQUEST_CACHE)
    };

    qoe_otlp_item_text(item, qoe_span("org_id"), r->text[QOE_TEXT_ORG_ID]);
    qoe_otlp_item_text(item, qoe_span("session_id"), qoe_request_sid(r));
    qoe_otlp_item_text(item, qoe_span("env"), r->text[QOE_TEXT_ENV]);
    qoe_otlp_item_text(item, qoe_span("app_name"), r->text[QOE_TEXT_APP_NAME]);
    qoe_otlp_item_text(item, qoe_span("player.name"),
                       r->text[QOE_TEXT_PLAYER_NAME]);

    qoe_otlp_item_count(item, qoe_span("http.response.status_code"), r->status);
    qoe_otlp_item_count(item, qoe_span("http.response.body.size"), r->bytes);

    qoe_otlp_item_real(item, qoe_span("openqoe.request.duration_ms"),
                       r->duration_ms);
    qoe_otlp_item_real(item, qoe_span("openqoe.request.ttfb_ms"), r->ttfb_ms);
    qoe_otlp_item_real(item, qoe_span("openqoe.request.upstream_header_ms"),
                       r->upstream_header_ms);
    qoe_otlp_item_real(item, qoe_span("openqoe.request.upstream_ms"),
                       r->upstream_ms);
    qoe_otlp_item_real(item, qoe_span("openqoe.request.rtt_ms"), r->rtt_ms);

    /* where the kernel was not asked, or knows nothing, there are no numbers */

    if (!isnan(r->rtt_ms)) {
        qoe_otlp_item_count(item, qoe_span("openqoe.request.retransmits"),
                            r->retransmits);
    }

    if (r->cache != QOE_CACHE_NONE && r->cache < QOE_CACHE_N) {
        qoe_otlp_item_text(item, qoe_span("openqoe.request.cache_status"),
                           qoe_span_str(caches[r->cache]));
    }

    if (r->aborted) {
        qoe_otlp_item_flag(item, qoe_span("openqoe.request.aborted"));
    }
}


static void
qoe_request_log_attrs(qoe_otlp_item_t *item, qoe_span_t attrs)
{
    double             real;
    int64_t            count;
    qoe_span_t         name, value;
    qoe_labels_iter_t  it;

    qoe_labels_iter(&it, attrs);

    while (qoe_labels_next(&it, &name, &value)) {

        if (name.len == 0 || value.len == 0) {
            continue;
        }

        switch (value.data[0]) {

        case QOE_LOGGED_TEXT:
            qoe_otlp_item_text(item, name, (qoe_span_t) { value.data + 1,
                                                         value.len - 1 });
            break;

        case QOE_LOGGED_FLAG:
            qoe_otlp_item_flag(item, name);
            break;

        case QOE_LOGGED_COUNT:
            if (value.len == 1 + sizeof(count)) {
                memcpy(&count, value.data + 1, sizeof(count));
                qoe_otlp_item_count(item, name, (uint64_t) qoe_max(count, 0));
            }

            break;

        case QOE_LOGGED_REAL:
            if (value.len == 1 + sizeof(real)) {
                memcpy(&real, value.data + 1, sizeof(real));
                qoe_otlp_item_real(item, name, real);
            }

            break;
        }
    }
}
