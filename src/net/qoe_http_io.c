
/*
 * Copyright (C) OpenQoE
 *
 * One HTTP request from its start to its end.
 *
 * A request first starts without permission to open a socket.  If there is no
 * idle connection, that start only resolves the name, and the request starts
 * again with the permission.  There are two reasons for this:
 *
 * libcurl's connect timeout includes the time to resolve the name.  If the
 * first nameserver is dead that alone takes five seconds, and the answer that
 * then comes would be thrown away each time.  So the first start has the whole
 * time of the request to resolve the name, and the second has all of the
 * connect timeout for connecting.
 *
 * libcurl before 8.0.0 fails with error 16 when HTTP/2 by prior knowledge uses
 * a connection that exists already.  CURL_HTTP_VERSION_2_0 does use such a
 * connection, but on a new one it would upgrade from HTTP/1.1.  So the first
 * start uses CURL_HTTP_VERSION_2_0, and the second prior knowledge.
 *
 * If the first start did send something, it was over a kept connection.  If
 * the collector restarted meanwhile, that connection dies before a byte of the
 * answer comes.  libcurl handles this itself over HTTP/1.1, but over HTTP/2 it
 * may report an error (16 in 8.14).  Then the request starts again on a new
 * connection, and only the result of that start is reported.
 */


#include "qoe_http_client.h"

#include <stdlib.h>
#include <strings.h>


/* a larger buffer is not kept for the next request */
#define QOE_HTTP_KEEP          (1024 * 1024)


static const char *qoe_http_io_error(const qoe_http_io_t *io, CURLcode rc);
static qoe_status_t qoe_http_body(qoe_http_client_t *c, qoe_http_io_t *io);
static qoe_status_t qoe_http_start(qoe_http_client_t *c, qoe_http_io_t *io);
static bool qoe_http_was_dead(const qoe_http_io_t *io, CURLcode rc);
static void qoe_http_done(qoe_net_transfer_t *x, CURLcode rc);
static void qoe_http_clean(qoe_http_io_t *io);


qoe_status_t
qoe_http_client_send(qoe_transfer_t *r)
{
    qoe_status_t        status;
    qoe_http_io_t      *io;
    qoe_http_client_t  *c;

    c = r->t->state;

    if (c->url[r->signal] == NULL) {
        return QOE_ERROR;
    }

    if (r->io == NULL) {
        status = qoe_http_io_create(c, &io, qoe_http_done);
        if (status != QOE_OK) {
            return status;
        }

        r->io = io;
    }

    io = r->io;
    io->r = r;
    io->fresh = false;
    io->again = false;

    status = qoe_http_body(c, io);

    if (status == QOE_OK) {
        status = qoe_http_start(c, io);
    }

    if (status != QOE_OK) {
        qoe_http_clean(io);
    }

    return status;
}


/* The answer has arrived, although the transfer has not ended. */

void
qoe_http_client_settle(qoe_transfer_t *r)
{
    qoe_http_io_t  *io = r->io;

    qoe_net_detach(r->t->net, &io->transfer);
    qoe_http_client_of(r->t)->hooks->outcome(io, CURLE_OPERATION_TIMEDOUT);
    qoe_http_clean(io);
}


void
qoe_http_client_stop(qoe_transfer_t *r)
{
    qoe_http_io_t  *io = r->io;

    qoe_net_detach(r->t->net, &io->transfer);
    qoe_http_clean(io);
}


void
qoe_http_client_free(qoe_transfer_t *r)
{
    qoe_http_io_t  *io = r->io;

    if (io == NULL) {
        return;
    }

    curl_easy_cleanup(io->transfer.easy);
    qoe_buf_free(&io->packed);
    qoe_buf_free(&io->answer);
    free(io);

    r->io = NULL;
}


const char *
qoe_http_client_peer(const qoe_transfer_t *r)
{
    return qoe_http_client_of(r->t)->host[r->signal];
}


void
qoe_http_io_failed(qoe_http_io_t *io, CURLcode rc)
{
    const char     *host;
    qoe_outcome_t  *o;

    o = &io->r->outcome;
    host = qoe_http_client_peer(io->r);

    if (io->no_memory) {
        qoe_outcome_fail(o, QOE_OUTCOME_RETRY, "memory");
        qoe_outcome_message(o, "%s: no memory for the answer", host);
        return;
    }

    qoe_outcome_curl(o, rc);
    qoe_outcome_message(o, "%s: %s", host, qoe_http_io_error(io, rc));
}


/*
 * libcurl keeps the first of its error messages.  If a peer hangs up at once,
 * as a server that requires a client certificate does, that may only be that
 * the socket has no peer whose name could be looked up.
 */

static const char *
qoe_http_io_error(const qoe_http_io_t *io, CURLcode rc)
{
    if (io->error[0] == '\0') {
        return curl_easy_strerror(rc);
    }

    if (strncmp(io->error, "getpeername()", 13) == 0
        || strncmp(io->error, "getsockname()", 13) == 0)
    {
        return "the peer closed the connection at once";
    }

    return io->error;
}


void
qoe_http_io_too_large(qoe_http_io_t *io)
{
    qoe_outcome_message(&io->r->outcome, "%s: the answer is larger than %d "
                        "bytes and was not read",
                        qoe_http_client_peer(io->r), QOE_HTTP_ANSWER_MAX);
}


static qoe_status_t
qoe_http_body(qoe_http_client_t *c, qoe_http_io_t *io)
{
    qoe_status_t  status;

    io->body = io->r->payload;

    if (c->gzip) {
        qoe_buf_reset(&io->packed);

        status = qoe_gzip(&c->gz, &io->packed, io->body);
        if (status != QOE_OK) {
            return status == QOE_NOMEM ? QOE_NOMEM : QOE_ERROR;
        }

        io->body = (qoe_span_t) { io->packed.data, io->packed.len };
    }

    io->head_len = 0;

    if (c->grpc) {
        if (io->body.len > UINT32_MAX) {
            return QOE_ERROR;
        }

        /* a gRPC message: whether it is compressed, its length, its bytes */

        io->head_len = sizeof(io->head);
        io->head[0] = c->gzip ? 1 : 0;
        io->head[1] = (char) (io->body.len >> 24);
        io->head[2] = (char) (io->body.len >> 16);
        io->head[3] = (char) (io->body.len >> 8);
        io->head[4] = (char) io->body.len;
    }

    return QOE_OK;
}


static qoe_status_t
qoe_http_start(qoe_http_client_t *c, qoe_http_io_t *io)
{
    bool       h2c;
    char      *url = c->url[io->r->signal];
    long       version;
    CURLcode   rc;

    io->sent = 0;
    io->refused = false;
    io->heard = false;
    io->error[0] = '\0';

    qoe_http_io_reset(io);

    h2c = c->grpc && strncasecmp(url, "http:", 5) == 0;

    version = !c->grpc ? CURL_HTTP_VERSION_1_1
              : !h2c ? CURL_HTTP_VERSION_2TLS
              : io->fresh || !c->reuse_broken
                ? CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE
              : CURL_HTTP_VERSION_2_0;

    rc = qoe_http_io_target(io, url, version,
                            io->again
                            || (h2c && c->reuse_broken && io->fresh));

    if (rc != CURLE_OK) {
        return rc == CURLE_OUT_OF_MEMORY ? QOE_NOMEM : QOE_ERROR;
    }

    return qoe_net_attach(c->t->net, &io->transfer);
}


static void
qoe_http_done(qoe_net_transfer_t *x, CURLcode rc)
{
    qoe_transfer_t     *r;
    qoe_http_io_t      *io = (qoe_http_io_t *) x;
    qoe_http_client_t  *c;

    r = io->r;
    c = r->t->state;

    if (rc != CURLE_OK && (io->refused || qoe_http_was_dead(io, rc))) {

        /* the socket was refused, so nothing has been sent */

        if (io->refused) {
            io->fresh = true;

        } else {
            io->again = true;
        }

        if (qoe_http_start(c, io) == QOE_OK) {
            return;
        }

        rc = CURLE_OUT_OF_MEMORY;
    }

    c->hooks->outcome(io, rc);
    qoe_http_clean(io);

    qoe_transport_finish(r);
}


/*
 * Whether the kept connection died before a byte of the answer.  A stream that
 * was reset (CURLE_HTTP2_STREAM) is the answer of a living server.
 */

static bool
qoe_http_was_dead(const qoe_http_io_t *io, CURLcode rc)
{
    if (io->fresh || io->again || io->heard) {
        return false;
    }

    return rc == CURLE_HTTP2 || rc == CURLE_SEND_ERROR
           || rc == CURLE_RECV_ERROR || rc == CURLE_GOT_NOTHING
           || rc == CURLE_PARTIAL_FILE;
}


/* Forgets the payload, and frees buffers that became large. */

static void
qoe_http_clean(qoe_http_io_t *io)
{
    io->body = qoe_span_null;

    if (io->packed.cap > QOE_HTTP_KEEP) {
        qoe_buf_free(&io->packed);
    }

    if (io->answer.cap > QOE_HTTP_KEEP) {
        qoe_buf_free(&io->answer);
    }

    qoe_arena_reset(&io->r->t->arena);
}
