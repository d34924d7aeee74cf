
/*
 * Copyright (C) OpenQoE
 *
 * One HTTP request: the easy handle, its callbacks, its start and its end.
 *
 * libcurl before 8.0.0 fails with error 16 when HTTP/2 by prior knowledge
 * goes over a connection that it has already.  What does work there is
 * CURL_HTTP_VERSION_2_0, which uses such a connection but would upgrade from
 * HTTP/1.1 on a new one.  So a request first goes without the permission to
 * open a socket, and when there was no idle connection, once more by prior
 * knowledge over a new one.
 */


#include "qoe_http_client.h"

#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>


/* a buffer larger than this is not kept for the next request */
#define QOE_HTTP_KEEP          (1024 * 1024)

/* libcurl's own timeout is behind ours, in case that fails */
#define QOE_HTTP_GRACE_MS      1000


static CURLcode qoe_http_options(qoe_http_client_t *c, qoe_http_io_t *io);
static CURLcode qoe_http_tls_options(qoe_http_client_t *c, CURL *easy);
static qoe_status_t qoe_http_body(qoe_http_client_t *c, qoe_http_io_t *io);
static qoe_status_t qoe_http_start(qoe_http_client_t *c, qoe_http_io_t *io);
static void qoe_http_restart_answer(qoe_http_io_t *io);
static void qoe_http_done(qoe_net_transfer_t *x, CURLcode rc);
static void qoe_http_clean(qoe_http_io_t *io);
static size_t qoe_http_read(char *dst, size_t size, size_t n, void *data);
static int qoe_http_seek(void *data, curl_off_t offset, int origin);
static size_t qoe_http_write(char *src, size_t size, size_t n, void *data);
static size_t qoe_http_header(char *src, size_t size, size_t n, void *data);
static curl_socket_t qoe_http_socket(void *data, curlsocktype purpose,
    struct curl_sockaddr *addr);


qoe_status_t
qoe_http_io_create(qoe_http_client_t *c, qoe_http_io_t **iop)
{
    qoe_http_io_t  *io;

    io = calloc(1, sizeof(qoe_http_io_t));
    if (io == NULL) {
        return QOE_NOMEM;
    }

    qoe_buf_init(&io->packed, &qoe_mem_heap, SIZE_MAX / 4);
    qoe_buf_init(&io->answer, &qoe_mem_heap, QOE_HTTP_ANSWER_MAX);

    io->transfer.done = qoe_http_done;
    io->transfer.easy = curl_easy_init();

    if (io->transfer.easy == NULL) {
        free(io);
        return QOE_NOMEM;
    }

    if (qoe_http_options(c, io) != CURLE_OK
        || qoe_http_tls_options(c, io->transfer.easy) != CURLE_OK)
    {
        qoe_log(&c->t->log, QOE_LOG_ERR, "curl_easy_setopt() failed");
        curl_easy_cleanup(io->transfer.easy);
        free(io);
        return QOE_ERROR;
    }

    *iop = io;

    return QOE_OK;
}


qoe_status_t
qoe_http_client_send(qoe_request_t *r)
{
    qoe_status_t        status;
    qoe_http_io_t      *io;
    qoe_http_client_t  *c;

    c = r->t->http;

    if (c->url[r->signal] == NULL) {
        return QOE_ERROR;
    }

    if (r->io == NULL) {
        status = qoe_http_io_create(c, &io);
        if (status != QOE_OK) {
            return status;
        }

        r->io = io;
    }

    io = r->io;
    io->r = r;
    io->fresh = !c->connected;

    status = qoe_http_body(c, io);

    if (status == QOE_OK) {
        status = qoe_http_start(c, io);
    }

    if (status != QOE_OK) {
        qoe_http_clean(io);
    }

    return status;
}


/* The answer is here although the transfer is not over. */

void
qoe_http_client_settle(qoe_request_t *r)
{
    qoe_http_io_t  *io = r->io;

    qoe_net_detach(r->t->net, &io->transfer);
    r->t->http->hooks->outcome(io, CURLE_OK);
    qoe_http_clean(io);
}


void
qoe_http_client_stop(qoe_request_t *r)
{
    qoe_http_io_t  *io = r->io;

    qoe_net_detach(r->t->net, &io->transfer);
    qoe_http_clean(io);
}


void
qoe_http_client_free(qoe_request_t *r)
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
qoe_http_client_peer(const qoe_request_t *r)
{
    return r->t->http->host[r->signal];
}


void
qoe_http_io_failed(qoe_http_io_t *io, CURLcode rc)
{
    const char     *host;
    qoe_outcome_t  *o;

    o = &io->r->outcome;
    host = qoe_http_client_peer(io->r);

    if (io->too_large) {
        qoe_outcome_fail(o, QOE_OUTCOME_RETRY, "answer_too_large");
        qoe_outcome_message(o, "%s: the answer is larger than %d bytes",
                            host, QOE_HTTP_ANSWER_MAX);
        return;
    }

    if (io->no_memory) {
        qoe_outcome_fail(o, QOE_OUTCOME_RETRY, "memory");
        qoe_outcome_message(o, "%s: no memory for the answer", host);
        return;
    }

    qoe_outcome_curl(o, rc);
    qoe_outcome_message(o, "%s: %s", host,
                        io->error[0] ? io->error : curl_easy_strerror(rc));
}


#define qoe_http_set(option, value)                                           \
    if (rc == CURLE_OK) {                                                     \
        rc = curl_easy_setopt(easy, option, value);                           \
    }


static CURLcode
qoe_http_options(qoe_http_client_t *c, qoe_http_io_t *io)
{
    CURL      *easy = io->transfer.easy;
    CURLcode   rc = CURLE_OK;

    qoe_http_set(CURLOPT_NOSIGNAL, 1L);
    qoe_http_set(CURLOPT_QUICK_EXIT, 1L);
    qoe_http_set(CURLOPT_PROXY, "");
    qoe_http_set(CURLOPT_PROTOCOLS_STR, "http,https");
    qoe_http_set(CURLOPT_FOLLOWLOCATION, 0L);
    qoe_http_set(CURLOPT_TCP_KEEPALIVE, 1L);
    qoe_http_set(CURLOPT_POST, 1L);
    qoe_http_set(CURLOPT_HTTPHEADER, c->headers);
    qoe_http_set(CURLOPT_USERAGENT, c->user_agent);
    qoe_http_set(CURLOPT_ERRORBUFFER, io->error);
    qoe_http_set(CURLOPT_TIMEOUT_MS,
                 (long) qoe_min(c->t->timeout_ms + QOE_HTTP_GRACE_MS,
                                (uint64_t) INT32_MAX));
    qoe_http_set(CURLOPT_CONNECTTIMEOUT_MS,
                 (long) qoe_min(c->connect_timeout_ms, (uint64_t) INT32_MAX));

    qoe_http_set(CURLOPT_READFUNCTION, qoe_http_read);
    qoe_http_set(CURLOPT_READDATA, io);
    qoe_http_set(CURLOPT_SEEKFUNCTION, qoe_http_seek);
    qoe_http_set(CURLOPT_SEEKDATA, io);
    qoe_http_set(CURLOPT_WRITEFUNCTION, qoe_http_write);
    qoe_http_set(CURLOPT_WRITEDATA, io);
    qoe_http_set(CURLOPT_HEADERFUNCTION, qoe_http_header);
    qoe_http_set(CURLOPT_HEADERDATA, io);
    qoe_http_set(CURLOPT_OPENSOCKETFUNCTION, qoe_http_socket);
    qoe_http_set(CURLOPT_OPENSOCKETDATA, io);

    return rc;
}


/* The copies of the client outlive its handles: curl need not copy. */

static CURLcode
qoe_http_tls_options(qoe_http_client_t *c, CURL *easy)
{
    CURLcode          rc = CURLE_OK;
    struct curl_blob  blob;

    qoe_http_set(CURLOPT_SSL_VERIFYPEER, c->ssl_verify ? 1L : 0L);
    qoe_http_set(CURLOPT_SSL_VERIFYHOST, c->ssl_verify ? 2L : 0L);
    qoe_http_set(CURLOPT_SSLVERSION, (long) CURL_SSLVERSION_TLSv1_2);

    blob.flags = CURL_BLOB_NOCOPY;

    if (c->ca_pem.len != 0) {
        blob.data = (char *) c->ca_pem.data;
        blob.len = c->ca_pem.len;

        /* or the directory of the system would be trusted too */

        qoe_http_set(CURLOPT_CAPATH, NULL);
        qoe_http_set(CURLOPT_CAINFO_BLOB, &blob);
    }

    if (c->certificate_pem.len != 0) {
        blob.data = (char *) c->certificate_pem.data;
        blob.len = c->certificate_pem.len;
        qoe_http_set(CURLOPT_SSLCERT_BLOB, &blob);
    }

    if (c->key_pem.len != 0) {
        blob.data = (char *) c->key_pem.data;
        blob.len = c->key_pem.len;
        qoe_http_set(CURLOPT_SSLKEY_BLOB, &blob);
    }

    return rc;
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

        /* a message in gRPC: is it compressed, its length, its bytes */

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
    bool         h2c;
    char        *url = c->url[io->r->signal];
    long         version;
    CURL        *easy = io->transfer.easy;
    CURLcode     rc = CURLE_OK;

    io->sent = 0;
    io->refused = false;
    io->error[0] = '\0';

    qoe_http_restart_answer(io);

    h2c = c->grpc && strncasecmp(url, "http:", 5) == 0;

    if (!c->reuse_broken || !h2c) {
        io->fresh = true;
    }

    version = !c->grpc ? CURL_HTTP_VERSION_1_1
              : !h2c ? CURL_HTTP_VERSION_2TLS
              : io->fresh ? CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE
              : CURL_HTTP_VERSION_2_0;

    qoe_http_set(CURLOPT_URL, url);
    qoe_http_set(CURLOPT_HTTP_VERSION, version);
    qoe_http_set(CURLOPT_FRESH_CONNECT,
                 (long) (h2c && c->reuse_broken && io->fresh));
    qoe_http_set(CURLOPT_POSTFIELDSIZE_LARGE,
                 (curl_off_t) (io->head_len + io->body.len));

    if (rc != CURLE_OK) {
        return rc == CURLE_OUT_OF_MEMORY ? QOE_NOMEM : QOE_ERROR;
    }

    return qoe_net_attach(c->t->net, &io->transfer);
}


static void
qoe_http_restart_answer(qoe_http_io_t *io)
{
    qoe_buf_reset(&io->answer);

    io->too_large = false;
    io->no_memory = false;
    io->grpc_status = -1;
    io->retry_info_ms = -1;
    io->retry_after_ms = -1;
    io->grpc_message[0] = '\0';
    io->content_type[0] = '\0';
}


static void
qoe_http_done(qoe_net_transfer_t *x, CURLcode rc)
{
    qoe_request_t      *r;
    qoe_http_io_t      *io = (qoe_http_io_t *) x;
    qoe_http_client_t  *c;

    r = io->r;
    c = r->t->http;

    if (rc == CURLE_COULDNT_CONNECT && io->refused) {

        io->fresh = true;

        if (qoe_http_start(c, io) == QOE_OK) {
            return;
        }

        rc = CURLE_OUT_OF_MEMORY;
    }

    if (rc == CURLE_OK) {
        c->connected = true;
    }

    c->hooks->outcome(io, rc);
    qoe_http_clean(io);

    qoe_transport_finish(r);
}


/* Forgets the payload, and buffers that had to be large. */

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


static size_t
qoe_http_read(char *dst, size_t size, size_t n, void *data)
{
    size_t          len, part;
    qoe_http_io_t  *io = data;

    n *= size;
    len = 0;

    if (io->sent < io->head_len) {
        len = qoe_min(io->head_len - io->sent, n);
        memcpy(dst, io->head + io->sent, len);
    }

    if (io->sent + len >= io->head_len) {
        part = io->sent + len - io->head_len;
        n = qoe_min(io->body.len - part, n - len);

        memcpy(dst + len, io->body.data + part, n);
        len += n;
    }

    io->sent += len;

    return len;
}


/* curl sends again from the start when a reused connection was dead. */

static int
qoe_http_seek(void *data, curl_off_t offset, int origin)
{
    qoe_http_io_t  *io = data;

    if (origin != SEEK_SET || offset < 0
        || (uint64_t) offset > io->head_len + io->body.len)
    {
        return CURL_SEEKFUNC_FAIL;
    }

    io->sent = (size_t) offset;

    return CURL_SEEKFUNC_OK;
}


static size_t
qoe_http_write(char *src, size_t size, size_t n, void *data)
{
    qoe_http_io_t  *io = data;

    qoe_buf_append(&io->answer, src, size * n);

    io->too_large = (io->answer.status == QOE_TOO_LARGE);
    io->no_memory = (io->answer.status == QOE_NOMEM);

    return io->answer.status == QOE_OK ? size * n : 0;
}


static size_t
qoe_http_header(char *src, size_t size, size_t n, void *data)
{
    char            *colon, *end;
    qoe_span_t       name, value;
    qoe_http_io_t   *io = data;

    n *= size;

    end = src + n;

    while (end > src && (end[-1] == '\n' || end[-1] == '\r'
                         || end[-1] == ' ' || end[-1] == '\t'))
    {
        end--;
    }

    if (end == src) {
        io->r->t->http->hooks->headers_end(io);
        return n;
    }

    /* a status line: what came before was an interim answer, or a dead one */

    if (n > 5 && memcmp(src, "HTTP/", 5) == 0) {
        qoe_http_restart_answer(io);
        return n;
    }

    colon = memchr(src, ':', (size_t) (end - src));

    if (colon != NULL) {
        name = (qoe_span_t) { src, (size_t) (colon - src) };

        do {
            colon++;
        } while (colon < end && (*colon == ' ' || *colon == '\t'));

        value = (qoe_span_t) { colon, (size_t) (end - colon) };
        io->r->t->http->hooks->header(io, name, value);
    }

    return n;
}


static curl_socket_t
qoe_http_socket(void *data, curlsocktype purpose, struct curl_sockaddr *addr)
{
    qoe_http_io_t  *io = data;

    (void) purpose;

    if (!io->fresh) {
        io->refused = true;
        return CURL_SOCKET_BAD;
    }

    return socket(addr->family, addr->socktype | SOCK_CLOEXEC, addr->protocol);
}
