
/*
 * Copyright (C) OpenQoE
 *
 * The easy handle of a request: its options and callbacks.
 */


#include "qoe_http_client.h"

#include <stdlib.h>
#include <sys/socket.h>


/* libcurl's own timeout comes this much later, in case the helper's fails */
#define QOE_HTTP_GRACE_MS      1000


/*
 * A name is resolved again at this age, in seconds, whatever its TTL: libcurl
 * does not know the TTL.
 */
#define QOE_HTTP_NAME_S        10L

/*
 * No connection is used longer than this, in seconds, so that a collector that
 * moves to another address is followed.
 */
#define QOE_HTTP_CONNECTION_S  20L


/* for functions with easy and rc: sets nothing after the first error */

#define qoe_http_set(option, value)                                           \
    if (rc == CURLE_OK) {                                                     \
        rc = curl_easy_setopt(easy, option, value);                           \
    }


static CURLcode qoe_http_options(qoe_http_client_t *c, qoe_http_io_t *io);
static CURLcode qoe_http_tls_options(qoe_http_client_t *c, CURL *easy);
static size_t qoe_http_read(char *dst, size_t size, size_t n, void *data);
static int qoe_http_seek(void *data, curl_off_t offset, int origin);
static size_t qoe_http_write(char *src, size_t size, size_t n, void *data);
static size_t qoe_http_header(char *src, size_t size, size_t n, void *data);
static bool qoe_http_status_line(const char *line, const char *end);
static curl_socket_t qoe_http_socket(void *data, curlsocktype purpose,
    struct curl_sockaddr *addr);


qoe_status_t
qoe_http_io_create(qoe_http_client_t *c, qoe_http_io_t **iop,
    void (*done)(qoe_net_transfer_t *x, CURLcode rc))
{
    qoe_http_io_t  *io;

    io = calloc(1, sizeof(qoe_http_io_t));
    if (io == NULL) {
        return QOE_NOMEM;
    }

    qoe_buf_init(&io->packed, &qoe_mem_heap, SIZE_MAX / 4);
    qoe_buf_init(&io->answer, &qoe_mem_heap, QOE_HTTP_ANSWER_MAX);

    io->transfer.done = done;
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


CURLcode
qoe_http_io_target(qoe_http_io_t *io, const char *url, long version,
    bool new_connection)
{
    CURL      *easy = io->transfer.easy;
    uint64_t   ms;
    CURLcode   rc = CURLE_OK;

    /* without permission to connect, this time is for the name alone */

    ms = io->fresh ? qoe_http_client_of(io->r->t)->connect_timeout_ms
                   : io->r->t->timeout_ms;

    qoe_http_set(CURLOPT_CONNECTTIMEOUT_MS,
                 (long) qoe_min(ms, (uint64_t) INT32_MAX));
    qoe_http_set(CURLOPT_URL, url);
    qoe_http_set(CURLOPT_HTTP_VERSION, version);
    qoe_http_set(CURLOPT_FRESH_CONNECT, (long) new_connection);
    qoe_http_set(CURLOPT_POSTFIELDSIZE_LARGE,
                 (curl_off_t) (io->head_len + io->body.len));

    return rc;
}


void
qoe_http_io_reset(qoe_http_io_t *io)
{
    qoe_buf_reset(&io->answer);

    io->garbled = false;
    io->too_large = false;
    io->no_memory = false;
    io->grpc_status = -1;
    io->retry_info_ms = -1;
    io->retry_after_ms = -1;
    io->grpc_message[0] = '\0';
    io->content_type[0] = '\0';
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
    qoe_http_set(CURLOPT_DNS_CACHE_TIMEOUT, QOE_HTTP_NAME_S);
    qoe_http_set(CURLOPT_MAXLIFETIME_CONN, QOE_HTTP_CONNECTION_S);

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


/* curl need not copy the certificates: the client's outlive its handles. */

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

        /* or the system's directory would be trusted as well */

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


/* curl reads the body again from the start if a reused connection was dead. */

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
    io->heard = true;

    end = src + n;

    while (end > src && (end[-1] == '\n' || end[-1] == '\r'
                         || end[-1] == ' ' || end[-1] == '\t'))
    {
        end--;
    }

    if (end == src) {
        qoe_http_client_of(io->r->t)->hooks->headers_end(io);
        return n;
    }

    /* a status line: discard an interim answer, or a dead one */

    if (n > 5 && memcmp(src, "HTTP/", 5) == 0) {
        qoe_http_io_reset(io);
        io->garbled = !qoe_http_status_line(src, end);
        return n;
    }

    colon = memchr(src, ':', (size_t) (end - src));

    if (colon != NULL) {
        name = (qoe_span_t) { src, (size_t) (colon - src) };

        do {
            colon++;
        } while (colon < end && (*colon == ' ' || *colon == '\t'));

        value = (qoe_span_t) { colon, (size_t) (end - colon) };
        qoe_http_client_of(io->r->t)->hooks->header(io, name, value);
    }

    return n;
}


/*
 * Whether the status is a number of three digits.  libcurl 8.23 takes
 * "HTTP/1.1 2000 OK" for the status 200, which earlier ones refuse.
 */

static bool
qoe_http_status_line(const char *line, const char *end)
{
    int          i;
    const char  *p;

    p = memchr(line, ' ', (size_t) (end - line));

    if (p == NULL || end - ++p < 3) {
        return false;
    }

    for (i = 0; i < 3; i++) {
        if (p[i] < '0' || p[i] > '9') {
            return false;
        }
    }

    return end - p == 3 || p[3] == ' ';
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
