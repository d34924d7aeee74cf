
/*
 * Copyright (C) OpenQoE
 *
 * OTLP/gRPC: unary calls over HTTP/2 ("gRPC over HTTP2" of the gRPC project).
 */


#include "qoe_http_client.h"
#include "qoe_grpc_text.h"

#include <stdio.h>


#define QOE_GRPC_FRAME         5
#define QOE_GRPC_GRACE_MS      100
#define QOE_GRPC_SERVICE       "/opentelemetry.proto.collector."


static qoe_status_t qoe_grpc_create(qoe_transport_t *t,
    const qoe_transport_conf_t *conf);
static void qoe_grpc_header(qoe_http_io_t *io, qoe_span_t name,
    qoe_span_t value);
static void qoe_grpc_details(qoe_http_io_t *io, qoe_span_t value);
static void qoe_grpc_headers_end(qoe_http_io_t *io);
static void qoe_grpc_outcome(qoe_http_io_t *io, CURLcode rc);
static void qoe_grpc_no_status(qoe_http_io_t *io, CURLcode rc, long status);
static bool qoe_grpc_is_grpc(const qoe_http_io_t *io);
static bool qoe_grpc_message(const qoe_http_io_t *io, qoe_span_t *msg);
static void qoe_grpc_taken(qoe_http_io_t *io);


static const char *const  qoe_grpc_path[QOE_SIGNALS] = {
    [QOE_SIGNAL_LOGS] = QOE_GRPC_SERVICE "logs.v1.LogsService/Export",
    [QOE_SIGNAL_TRACES] = QOE_GRPC_SERVICE "trace.v1.TraceService/Export",
    [QOE_SIGNAL_METRICS] = QOE_GRPC_SERVICE "metrics.v1.MetricsService/Export"
};


static const qoe_http_hooks_t  qoe_grpc_hooks = {
    qoe_grpc_header,
    qoe_grpc_headers_end,
    qoe_grpc_outcome
};


const qoe_transport_ops_t  qoe_grpc_ops = {
    .create = qoe_grpc_create,
    QOE_HTTP_CLIENT_OPS
};


static qoe_status_t
qoe_grpc_create(qoe_transport_t *t, const qoe_transport_conf_t *conf)
{
    char           timeout[32];
    size_t         i, n;
    qoe_status_t   status;

    const char *const  header[][2] = {
        { "Content-Type", "application/grpc" },
        { "TE", "trailers" },
        { "grpc-timeout", timeout },
        { "grpc-encoding", "gzip" }
    };

    status = qoe_http_client_create(t, conf, &qoe_grpc_hooks, qoe_grpc_path);

    /* gRPC allows at most eight digits, and a unit */

    snprintf(timeout, sizeof(timeout), "%llu%c",
             (unsigned long long) (conf->timeout_ms < 100000000
                                   ? conf->timeout_ms
                                   : qoe_min(conf->timeout_ms / 1000,
                                             99999999)),
             conf->timeout_ms < 100000000 ? 'm' : 'S');

    n = sizeof(header) / sizeof(header[0]) - (conf->gzip ? 0 : 1);

    for (i = 0; i < n && status == QOE_OK; i++) {
        status = qoe_http_client_header(qoe_http_client_of(t), header[i][0],
                                        header[i][1]);
    }

    return status;
}


static void
qoe_grpc_header(qoe_http_io_t *io, qoe_span_t name, qoe_span_t value)
{
    if (qoe_http_name_eq(name, "grpc-status")) {
        io->grpc_status = qoe_max(qoe_grpc_status(value), 0);

        if (qoe_grpc_status(value) < 0) {
            io->grpc_status = QOE_GRPC_UNKNOWN;
        }

    } else if (qoe_http_name_eq(name, "grpc-message")) {
        qoe_grpc_percent_decode(io->grpc_message, sizeof(io->grpc_message),
                                value);

    } else if (qoe_http_name_eq(name, "grpc-status-details-bin")) {
        qoe_grpc_details(io, value);

    } else if (qoe_http_name_eq(name, "content-type")) {
        snprintf(io->content_type, sizeof(io->content_type), "%.*s",
                 (int) qoe_min(value.len, sizeof(io->content_type)),
                 value.data);

    } else if (qoe_http_name_eq(name, "retry-after")) {
        io->retry_after_ms = qoe_retry_after(value, (int64_t)
                                             (qoe_unix_ns() / 1000000000));
    }
}


/* The details do not change the status, so what cannot be read is ignored. */

static void
qoe_grpc_details(qoe_http_io_t *io, qoe_span_t value)
{
    char          *dst;
    size_t         len;
    qoe_arena_t   *arena;

    arena = &io->r->t->arena;

    dst = qoe_arena_alloc(arena, QOE_BASE64_MAX(value.len));

    if (dst == NULL
        || qoe_grpc_base64_decode(dst, &len, value) != QOE_OK
        || qoe_otlp_retry_info((qoe_span_t) { dst, len }, &io->retry_info_ms,
                               arena)
           != QOE_OK)
    {
        io->retry_info_ms = -1;
    }

    if (io->retry_info_ms > QOE_RETRY_AFTER_MAX_MS) {
        io->retry_info_ms = QOE_RETRY_AFTER_MAX_MS;
    }
}


/*
 * A server may send its status before it has read the whole request.  It will
 * not read the rest, and the transfer would stand still until its timeout, so
 * end it now.  If all has been sent, curl may only not know it yet: allow a
 * moment, because as a rule the stream ends with this header, and its
 * connection can be kept.
 */

static void
qoe_grpc_headers_end(qoe_http_io_t *io)
{
    uint64_t         now;
    qoe_transfer_t  *r;

    r = io->r;

    /* a whole message without a trailer is judged at the timeout */

    if (io->grpc_status < 0) {
        r->answered = qoe_grpc_is_grpc(io);
        return;
    }

    now = qoe_mono_ms();

    if (io->sent == io->head_len + io->body.len) {
        now += QOE_GRPC_GRACE_MS;
    }

    r->answered = true;
    r->expires_ms = qoe_min(r->expires_ms, now);
}


static void
qoe_grpc_outcome(qoe_http_io_t *io, CURLcode rc)
{
    long            status;
    const char     *host;
    qoe_outcome_t  *o;

    o = &io->r->outcome;
    host = qoe_http_client_peer(io->r);

    status = 0;
    curl_easy_getinfo(io->transfer.easy, CURLINFO_RESPONSE_CODE, &status);
    o->http_status = (int) status;

    if (io->grpc_status < 0) {
        qoe_grpc_no_status(io, rc, status);
        return;
    }

    /* the status is valid whatever happened to the connection after it */

    o->retry_after_ms = io->retry_info_ms;
    qoe_outcome_grpc(o, io->grpc_status);

    if (o->kind == QOE_OUTCOME_OK) {
        qoe_grpc_taken(io);
        return;
    }

    qoe_outcome_message(o, "%s: gRPC status %d %s%s%s", host, io->grpc_status,
                        qoe_grpc_status_name(io->grpc_status),
                        io->grpc_message[0] ? ": " : "", io->grpc_message);
}


static void
qoe_grpc_no_status(qoe_http_io_t *io, CURLcode rc, long status)
{
    long            version;
    const char     *host;
    qoe_span_t      msg;
    qoe_outcome_t  *o;

    o = &io->r->outcome;
    host = qoe_http_client_peer(io->r);

    /*
     * libcurl loses the trailers of a call that was in flight when the server
     * sent GOAWAY.  A server sends a whole message only with success.
     */

    if (status == 200 && qoe_grpc_message(io, &msg)) {
        qoe_grpc_taken(io);
        return;
    }

    version = 0;
    curl_easy_getinfo(io->transfer.easy, CURLINFO_HTTP_VERSION, &version);

    /* cut here for its length, but only success has a message */

    if (status == 200 && io->too_large && qoe_grpc_is_grpc(io)) {
        o->kind = QOE_OUTCOME_OK;
        qoe_http_io_too_large(io);
        return;
    }

    if (rc != CURLE_OK && !io->too_large) {
        qoe_http_io_failed(io, rc);
        return;
    }

    if (version != CURL_HTTP_VERSION_2_0) {
        qoe_outcome_fail(o, QOE_OUTCOME_RETRY, "no_http2");
        qoe_outcome_message(o, "%s: not a gRPC server: it answered %ld "
                            "without HTTP/2", host, status);
        return;
    }

    if (status != 200) {
        o->retry_after_ms = io->retry_after_ms;
        qoe_outcome_http(o, (int) status);

        if (o->kind != QOE_OUTCOME_OK) {
            qoe_outcome_message(o, "%s: HTTP status %ld without grpc-status",
                                host, status);
            return;
        }
    }

    /* gRPC reads a missing status as UNKNOWN, so it has the outcome of that */

    qoe_outcome_fail(o, QOE_OUTCOME_HOLD, "no_grpc_status");
    qoe_outcome_message(o, "%s: HTTP status %ld without grpc-status", host,
                        status);
}


static bool
qoe_grpc_is_grpc(const qoe_http_io_t *io)
{
    return strncmp(io->content_type, "application/grpc", 16) == 0;
}


/* The message of a unary answer; false: missing, incomplete or compressed. */

static bool
qoe_grpc_message(const qoe_http_io_t *io, qoe_span_t *msg)
{
    size_t                len;
    const unsigned char  *p = (const unsigned char *) io->answer.data;

    if (!qoe_grpc_is_grpc(io) || io->answer.len < QOE_GRPC_FRAME || p[0] != 0)
    {
        return false;
    }

    len = (size_t) p[1] << 24 | (size_t) p[2] << 16 | (size_t) p[3] << 8
          | p[4];

    *msg = (qoe_span_t) { io->answer.data + QOE_GRPC_FRAME, len };

    return len == io->answer.len - QOE_GRPC_FRAME;
}


static void
qoe_grpc_taken(qoe_http_io_t *io)
{
    qoe_span_t      msg, error;
    qoe_outcome_t  *o;

    o = &io->r->outcome;
    error = qoe_span_null;

    o->kind = QOE_OUTCOME_OK;

    if (!qoe_grpc_message(io, &msg)
        || qoe_otlp_response(io->r->signal, QOE_ENCODING_PROTOBUF, msg,
                             &o->rejected, &error, &io->r->t->arena)
           != QOE_OK)
    {
        o->rejected = 0;
        return;
    }

    if (error.len != 0) {
        qoe_outcome_message(o, "%s: %.*s", qoe_http_client_peer(io->r),
                            (int) qoe_min(error.len, QOE_HTTP_TEXT),
                            error.data);
    }
}
