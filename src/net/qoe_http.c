
/*
 * Copyright (C) OpenQoE
 *
 * OTLP/HTTP, with binary protobuf or JSON bodies.
 */


#include "qoe_http_client.h"

#include <stdio.h>
#include <strings.h>


static qoe_status_t qoe_http_create(qoe_transport_t *t,
    const qoe_transport_conf_t *conf);
static void qoe_http_header(qoe_http_io_t *io, qoe_span_t name,
    qoe_span_t value);
static void qoe_http_headers_end(qoe_http_io_t *io);
static void qoe_http_outcome(qoe_http_io_t *io, CURLcode rc);
static void qoe_http_unfinished(qoe_http_io_t *io, CURLcode rc, long status);
static void qoe_http_taken(qoe_http_io_t *io);
static qoe_span_t qoe_http_reason(const qoe_http_io_t *io);
static bool qoe_http_type(const qoe_http_io_t *io, const char *type);


#define QOE_HTTP_PROTOBUF      "application/x-protobuf"
#define QOE_HTTP_JSON          "application/json"


static const qoe_http_hooks_t  qoe_http_hooks = {
    qoe_http_header,
    qoe_http_headers_end,
    qoe_http_outcome
};


const qoe_transport_ops_t  qoe_http_ops = {
    .create = qoe_http_create,
    QOE_HTTP_CLIENT_OPS
};


static qoe_status_t
qoe_http_create(qoe_transport_t *t, const qoe_transport_conf_t *conf)
{
    qoe_status_t  status;

    status = qoe_http_client_create(t, conf, &qoe_http_hooks, NULL);

    if (status == QOE_OK) {
        status = qoe_http_client_header(qoe_http_client_of(t), "Content-Type",
                              qoe_transport_encoding(t) == QOE_ENCODING_JSON
                              ? QOE_HTTP_JSON : QOE_HTTP_PROTOBUF);
    }

    if (status == QOE_OK && conf->gzip) {
        status = qoe_http_client_header(qoe_http_client_of(t),
                                        "Content-Encoding", "gzip");
    }

    return status;
}


static void
qoe_http_header(qoe_http_io_t *io, qoe_span_t name, qoe_span_t value)
{
    if (qoe_http_name_eq(name, "content-type")) {
        snprintf(io->content_type, sizeof(io->content_type), "%.*s",
                 (int) qoe_min(value.len, sizeof(io->content_type)),
                 value.data);

    } else if (qoe_http_name_eq(name, "retry-after")) {
        io->retry_after_ms = qoe_retry_after(value, (int64_t)
                                             (qoe_unix_ns() / 1000000000));
    }
}


/* At the timeout the status is final, even if the body has not ended. */

static void
qoe_http_headers_end(qoe_http_io_t *io)
{
    long  status;

    status = 0;
    curl_easy_getinfo(io->transfer.easy, CURLINFO_RESPONSE_CODE, &status);

    io->r->answered = (status >= 200);
}


static void
qoe_http_outcome(qoe_http_io_t *io, CURLcode rc)
{
    long            status;
    qoe_span_t      reason;
    qoe_outcome_t  *o;

    o = &io->r->outcome;

    status = 0;
    curl_easy_getinfo(io->transfer.easy, CURLINFO_RESPONSE_CODE, &status);

    if (io->garbled) {
        qoe_http_io_failed(io, CURLE_WEIRD_SERVER_REPLY);
        return;
    }

    o->http_status = (int) status;

    /* to libcurl, a connection that ends among the headers ends the answer */

    if (rc == CURLE_OK && status >= 200 && !io->r->answered) {
        rc = CURLE_PARTIAL_FILE;
    }

    /*
     * A refusal is valid even if its text broke off.  A success must be
     * complete, unless it was cut here for its length: the request arrived,
     * and sending it again would end the same way.
     */

    if (rc != CURLE_OK && status < 300 && !io->too_large) {
        qoe_http_unfinished(io, rc, status);
        return;
    }

    qoe_http_client_of(io->r->t)->unfinished = 0;
    qoe_outcome_http(o, (int) status);

    if (o->kind == QOE_OUTCOME_OK) {
        qoe_http_taken(io);
        return;
    }

    if (o->kind != QOE_OUTCOME_FINAL) {
        o->retry_after_ms = io->retry_after_ms;
    }

    reason = qoe_http_reason(io);

    qoe_outcome_message(o, "%s: HTTP status %ld%s%.*s",
                        qoe_http_client_peer(io->r), status,
                        reason.len ? ": " : "", (int) reason.len, reason.data);
}


/*
 * No answer, or an incomplete success; its count of rejects is lost.  What ends
 * among its headers is no answer, however often it comes.
 */

static void
qoe_http_unfinished(qoe_http_io_t *io, CURLcode rc, long status)
{
    qoe_http_client_t  *c;

    c = io->r->t->state;

    if (!io->r->answered || c->unfinished < QOE_HTTP_UNFINISHED) {

        c->unfinished += io->r->answered;
        qoe_http_io_failed(io, rc);

        return;
    }

    qoe_outcome_http(&io->r->outcome, (int) status);

    io->r->outcome.unfinished = true;
    qoe_outcome_message(&io->r->outcome, "%s: HTTP status %ld, but %u answers "
                        "in a row did not end",
                        qoe_http_client_peer(io->r), status,
                        c->unfinished + 1);
}


static void
qoe_http_taken(qoe_http_io_t *io)
{
    qoe_span_t       body, error;
    qoe_outcome_t   *o;
    qoe_encoding_t   encoding;

    o = &io->r->outcome;
    error = qoe_span_null;
    body = (qoe_span_t) { io->answer.data, io->answer.len };

    if (body.len == 0) {
        return;
    }

    if (io->too_large) {
        qoe_http_io_too_large(io);
        return;
    }

    /* the answer should be encoded like the request, but its type decides */

    encoding = qoe_http_type(io, QOE_HTTP_JSON) ? QOE_ENCODING_JSON
               : qoe_http_type(io, QOE_HTTP_PROTOBUF) ? QOE_ENCODING_PROTOBUF
               : qoe_transport_encoding(io->r->t);

    if (qoe_otlp_response(io->r->signal, encoding, body, &o->rejected, &error,
                          &io->r->t->arena)
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


/*
 * Why a server refused the request, if it said so: the text of the body, or
 * the message (field 2) of a google.rpc.Status in protobuf, whose field 1 is
 * the code.
 */

static qoe_span_t
qoe_http_reason(const qoe_http_io_t *io)
{
    size_t                i, n, len;
    qoe_span_t            s;
    const unsigned char  *p = (const unsigned char *) io->answer.data;

    len = io->answer.len;
    s = (qoe_span_t) { len ? io->answer.data : "", len };

    if (qoe_http_type(io, QOE_HTTP_PROTOBUF)) {

        i = 0;

        if (len > 1 && p[0] == 0x08) {
            for (i = 1; i < len && p[i] & 0x80; i++) { /* void */ }
            i++;
        }

        /* two bytes of length are enough: longer texts are cut anyway */

        if (len > i && len - i > 2 && p[i] == 0x12) {
            n = p[i + 1];
            i += 2;

            if (n & 0x80) {
                n = (n & 0x7f) | (size_t) p[i++] << 7;
            }

            s = (qoe_span_t) { io->answer.data + i, qoe_min(n, len - i) };
        }
    }

    s.len = qoe_min(s.len, QOE_HTTP_TEXT);

    return s;
}


static bool
qoe_http_type(const qoe_http_io_t *io, const char *type)
{
    return strncasecmp(io->content_type, type, strlen(type)) == 0;
}
