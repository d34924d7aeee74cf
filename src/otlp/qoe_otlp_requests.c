
/*
 * Copyright (C) OpenQoE
 *
 * Written as records of views are (qoe_otlp_views.c), with the same messages
 * around the log records.
 */


#include "qoe_otlp_requests.h"
#include "qoe_otlp_views_priv.h"
#include "qoe_otlp_pb.h"
#include "qoe_tapped.h"

#include <math.h>


#define QOE_REQUEST_EVENT      qoe_span("openqoe.request")

/* Fields of LogRecord and AnyValue. */

#define QOE_LOG_TIME           1
#define QOE_LOG_SEVERITY       2
#define QOE_LOG_SEVERITY_TEXT  3
#define QOE_LOG_BODY           5
#define QOE_LOG_ATTRIBUTES     6
#define QOE_LOG_OBSERVED       11
#define QOE_LOG_EVENT_NAME     12

#define QOE_VALUE_STRING       1

#define QOE_LOG_INFO           9
#define QOE_LOG_WARN           13
#define QOE_LOG_ERROR          17

/*
 * The most bytes of an attribute without its key and its text; of an attribute
 * of the set, which takes four bytes or more there, per byte; and of the rest
 * of a record.
 */
#define QOE_REQUEST_ATTR_MAX   32
#define QOE_REQUEST_FACTOR     8
#define QOE_REQUEST_LOG_MAX    2048


static size_t qoe_request_log_bound(const qoe_request_t *r, qoe_span_t attrs);
static char *qoe_request_log_write(qoe_view_log_t *log,
    const qoe_request_t *r, qoe_span_t attrs, uint64_t received_ns);
static char *qoe_request_log_head(char *p, const qoe_request_t *r);
static void qoe_request_log_facts(qoe_view_log_t *log,
    const qoe_request_t *r);
static void qoe_request_log_attrs(qoe_view_log_t *log, qoe_span_t attrs);


qoe_status_t
qoe_otlp_requests(qoe_buf_t *out, const qoe_otlp_identity_t *id,
    const qoe_span_t *records, size_t n, size_t *nbad, qoe_arena_t *arena)
{
    char                *p;
    size_t               i;
    uint64_t             received_ns;
    qoe_span_t           attrs;
    qoe_status_t         rc;
    qoe_request_t        r;
    qoe_view_log_t       log;
    qoe_view_request_t   request;

    *nbad = 0;

    if (out->status != QOE_OK) {
        return out->status;
    }

    rc = qoe_views_open(out, &request, id, arena);
    log.edge = qoe_views_edge(id);
    log.field = QOE_LOG_ATTRIBUTES;

    for (i = 0; i < n && rc == QOE_OK; i++) {

        if (qoe_logged_open(&received_ns, &r, &attrs, records[i]) != QOE_OK) {
            (*nbad)++;
            continue;
        }

        p = qoe_buf_reserve(out, log.edge.len
                                 + qoe_request_log_bound(&r, attrs));

        if (p == NULL) {
            rc = out->status;
            break;
        }

        log.p = p;
        p = qoe_request_log_write(&log, &r, attrs, received_ns);
        out->len = (size_t) (p - out->data);
    }

    return qoe_views_close(out, &request, rc);
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
        size += QOE_REQUEST_ATTR_MAX + r->named[i].name.len
                + r->named[i].value.len;
    }

    return size;
}


static char *
qoe_request_log_write(qoe_view_log_t *log, const qoe_request_t *r,
    qoe_span_t attrs, uint64_t received_ns)
{
    char    *start;
    size_t   i;

    *log->p++ = qoe_wire_key(2, QOE_WIRE_BYTES);
    log->p += QOE_WIRE_LEN_SIZE;
    start = log->p;

    log->p = qoe_request_log_head(log->p, r);

    qoe_view_log_text(log, qoe_span("openqoe.edge"), log->edge);
    qoe_request_log_facts(log, r);
    qoe_request_log_attrs(log, attrs);

    for (i = 0; i < r->nattrs; i++) {
        qoe_view_log_text(log, r->named[i].name, r->named[i].value);
    }

    log->p = qoe_wire_fixed64(log->p, QOE_LOG_OBSERVED, received_ns);
    log->p = qoe_wire_bytes(log->p, QOE_LOG_EVENT_NAME, QOE_REQUEST_EVENT);

    qoe_wire_len(start - QOE_WIRE_LEN_SIZE, (size_t) (log->p - start));

    return log->p;
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
qoe_request_log_facts(qoe_view_log_t *log, const qoe_request_t *r)
{
    static const char *const  caches[] = {
#define QOE_REQUEST_CACHE(id, name)  name,
        QOE_CACHE_STATUSES(QOE_REQUEST_CACHE)
    };

    qoe_view_log_text(log, qoe_span("org_id"), r->text[QOE_TEXT_ORG_ID]);
    qoe_view_log_text(log, qoe_span("session_id"), qoe_request_sid(r));
    qoe_view_log_text(log, qoe_span("env"), r->text[QOE_TEXT_ENV]);
    qoe_view_log_text(log, qoe_span("app_name"), r->text[QOE_TEXT_APP_NAME]);
    qoe_view_log_text(log, qoe_span("player.name"),
                      r->text[QOE_TEXT_PLAYER_NAME]);

    qoe_view_log_count(log, qoe_span("http.response.status_code"), r->status);
    qoe_view_log_count(log, qoe_span("http.response.body.size"), r->bytes);

    qoe_view_log_real(log, qoe_span("openqoe.request.duration_ms"),
                      r->duration_ms);
    qoe_view_log_real(log, qoe_span("openqoe.request.ttfb_ms"), r->ttfb_ms);
    qoe_view_log_real(log, qoe_span("openqoe.request.upstream_header_ms"),
                      r->upstream_header_ms);
    qoe_view_log_real(log, qoe_span("openqoe.request.upstream_ms"),
                      r->upstream_ms);
    qoe_view_log_real(log, qoe_span("openqoe.request.rtt_ms"), r->rtt_ms);

    /* where the kernel was not asked, or knows nothing, there are no numbers */

    if (!isnan(r->rtt_ms)) {
        qoe_view_log_count(log, qoe_span("openqoe.request.retransmits"),
                           r->retransmits);
    }

    if (r->cache != QOE_CACHE_NONE && r->cache < QOE_CACHE_N) {
        qoe_view_log_text(log, qoe_span("openqoe.request.cache_status"),
                          qoe_span_str(caches[r->cache]));
    }

    if (r->aborted) {
        qoe_view_log_flag(log, qoe_span("openqoe.request.aborted"));
    }
}


static void
qoe_request_log_attrs(qoe_view_log_t *log, qoe_span_t attrs)
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
            qoe_view_log_text(log, name, (qoe_span_t) { value.data + 1,
                                                        value.len - 1 });
            break;

        case QOE_LOGGED_FLAG:
            qoe_view_log_flag(log, name);
            break;

        case QOE_LOGGED_COUNT:
            if (value.len == 1 + sizeof(count)) {
                memcpy(&count, value.data + 1, sizeof(count));
                qoe_view_log_count(log, name, (uint64_t) qoe_max(count, 0));
            }

            break;

        case QOE_LOGGED_REAL:
            if (value.len == 1 + sizeof(real)) {
                memcpy(&real, value.data + 1, sizeof(real));
                qoe_view_log_real(log, name, real);
            }

            break;
        }
    }
}
