
/*
 * Copyright (C) OpenQoE
 *
 * What libcurl is asked for with each request: trust, times, versions and
 * connections; and which failures make a request start once more.  libcurl
 * itself makes no connection here, and its options are written down.
 */


#include "tap.h"

#include "qoe_http_client.h"

#include <fcntl.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <unistd.h>


#define OPTIONS   64

#define HTTP      QOE_PROTOCOL_HTTP_PROTOBUF
#define GRPC      QOE_PROTOCOL_GRPC


/* An option that was set: a number, a text or a block of bytes. */

typedef struct {
    CURLoption       option;
    long long        number;
    const void      *pointer;
    struct curl_blob blob;
} option_t;


CURLcode (curl_easy_setopt)(CURL *easy, CURLoption option, ...);


static option_t        options[OPTIONS];
static int             noptions;
static int             fail_at = -1;         /* the index of an option */
static CURLcode        fail_as;

static int             logged;
static int             ended;                /* requests */
static qoe_outcome_t   outcome;
static qoe_net_t      *net;

static const qoe_log_t  test_log = { tap_log_write, &logged, QOE_LOG_ERR };


/* libqoe.a calls this function instead of that of libcurl. */

CURLcode
(curl_easy_setopt)(CURL *easy, CURLoption option, ...)
{
    va_list    args;
    option_t  *o;

    (void) easy;

    if (noptions == fail_at) {
        return fail_as;
    }

    if (noptions == OPTIONS) {
        abort();
    }

    o = &options[noptions++];
    memset(o, 0, sizeof(option_t));
    o->option = option;

    va_start(args, option);

    if (option < CURLOPTTYPE_OBJECTPOINT) {
        o->number = va_arg(args, long);

    } else if (option < CURLOPTTYPE_OFF_T) {
        o->pointer = va_arg(args, const void *);

    } else if (option < CURLOPTTYPE_BLOB) {
        o->number = va_arg(args, curl_off_t);

    } else {
        o->blob = *va_arg(args, struct curl_blob *);
    }

    va_end(args);

    return CURLE_OK;
}


/* The last value of an option; NULL: it was not set. */

static const option_t *
set(CURLoption option)
{
    int  i;

    for (i = noptions - 1; i >= 0; i--) {
        if (options[i].option == option) {
            return &options[i];
        }
    }

    return NULL;
}


static bool
number(CURLoption option, long long n)
{
    const option_t  *o;

    o = set(option);

    return o != NULL && o->number == n;
}


static bool
text(CURLoption option, const char *s)
{
    const option_t  *o;

    o = set(option);

    return o != NULL && o->pointer != NULL && strcmp(o->pointer, s) == 0;
}


static bool
bytes(CURLoption option, const char *s)
{
    const option_t  *o;

    o = set(option);

    return o != NULL && o->blob.len == strlen(s)
           && memcmp(o->blob.data, s, o->blob.len) == 0
           && o->blob.flags == CURL_BLOB_NOCOPY;
}


static void
done(void *data, const qoe_outcome_t *o)
{
    (void) data;
    ended++;
    outcome = *o;
}


static qoe_transport_conf_t
configuration(qoe_protocol_t protocol, const char *url)
{
    qoe_transport_conf_t  conf;

    memset(&conf, 0, sizeof(conf));
    conf.protocol = protocol;
    conf.url[QOE_SIGNAL_LOGS] = qoe_span_str(url);
    conf.timeout_ms = 10000;
    conf.connect_timeout_ms = 3000;
    conf.gzip_level = 1;
    conf.user_agent = qoe_span("unit/1");

    return conf;
}


static qoe_transport_t *
transport(const qoe_transport_conf_t *conf)
{
    qoe_transport_t  *t;

    if (qoe_transport_create(&t, net, conf, &test_log) != QOE_OK) {
        abort();
    }

    noptions = 0;
    fail_at = -1;
    logged = 0;
    ended = 0;

    return t;
}


static qoe_status_t
send_bytes(qoe_transport_t *t, const char *data, size_t len)
{
    return qoe_transport_send(t, QOE_SIGNAL_LOGS, (qoe_span_t) { data, len },
                              done, NULL);
}


static qoe_http_io_t *
send_text(qoe_transport_t *t)
{
    if (send_bytes(t, "payload", 7) != QOE_OK) {
        abort();
    }

    return t->active->io;
}


/* The transfer ends, as the event loop reports it. */

static void
end(qoe_http_io_t *io, CURLcode rc)
{
    noptions = 0;
    qoe_net_detach(net, &io->transfer);
    io->transfer.done(&io->transfer, rc);
}


static void
test_trust(void)
{
    qoe_transport_t       *t;
    qoe_transport_conf_t   conf;

    conf = configuration(HTTP, "https://h/v1/logs");
    conf.ssl_verify = true;
    t = transport(&conf);
    (void) send_text(t);
    ok(number(CURLOPT_SSL_VERIFYPEER, 1) && number(CURLOPT_SSL_VERIFYHOST, 2),
       "the certificate of a server is verified, and that it is the server's");
    ok(number(CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2),
       "TLS is of version 1.2 at least");
    ok(set(CURLOPT_CAINFO_BLOB) == NULL && set(CURLOPT_CAPATH) == NULL
       && set(CURLOPT_SSLCERT_BLOB) == NULL && set(CURLOPT_SSLKEY_BLOB) == NULL,
       "without files of the operator the system's authorities are trusted, "
       "and no certificate is shown");
    qoe_transport_destroy(t);

    conf.ssl_verify = false;
    t = transport(&conf);
    (void) send_text(t);
    ok(number(CURLOPT_SSL_VERIFYPEER, 0) && number(CURLOPT_SSL_VERIFYHOST, 0),
       "an operator can turn the verification off");
    qoe_transport_destroy(t);

    conf.ca_pem = qoe_span("the authorities");
    conf.certificate_pem = qoe_span("a certificate");
    conf.key_pem = qoe_span("its key");
    t = transport(&conf);
    (void) send_text(t);
    ok(bytes(CURLOPT_CAINFO_BLOB, "the authorities")
       && set(CURLOPT_CAPATH) != NULL
       && set(CURLOPT_CAPATH)->pointer == NULL,
       "authorities of the operator are trusted in place of the system's");
    ok(bytes(CURLOPT_SSLCERT_BLOB, "a certificate")
       && bytes(CURLOPT_SSLKEY_BLOB, "its key"),
       "the operator's certificate is shown, and its key used");
    qoe_transport_destroy(t);
}


static void
test_limits(void)
{
    qoe_transport_t       *t;
    qoe_transport_conf_t   conf;

    conf = configuration(HTTP, "http://h/v1/logs");
    t = transport(&conf);
    (void) send_text(t);
    ok(number(CURLOPT_TIMEOUT_MS, 11000),
       "libcurl's own timeout is a second later than that of the request");
    ok(number(CURLOPT_DNS_CACHE_TIMEOUT, 10)
       && number(CURLOPT_MAXLIFETIME_CONN, 20),
       "a name is kept for 10 s and a connection for 20 s");
    ok(number(CURLOPT_FOLLOWLOCATION, 0) && text(CURLOPT_PROXY, "")
       && text(CURLOPT_PROTOCOLS_STR, "http,https")
       && number(CURLOPT_NOSIGNAL, 1),
       "no redirection is followed, no proxy of the environment is used, and "
       "no signal is set up");
    ok(number(CURLOPT_POST, 1) && text(CURLOPT_USERAGENT, "unit/1")
       && text(CURLOPT_URL, "http://h/v1/logs")
       && number(CURLOPT_POSTFIELDSIZE_LARGE, 7),
       "a request is a POST of the payload's length");
    qoe_transport_destroy(t);

    conf.timeout_ms = (uint64_t) INT32_MAX + 5;
    conf.connect_timeout_ms = conf.timeout_ms;
    t = transport(&conf);
    (void) send_text(t);
    ok(number(CURLOPT_TIMEOUT_MS, INT32_MAX)
       && number(CURLOPT_CONNECTTIMEOUT_MS, INT32_MAX),
       "a time that is too long for libcurl is cut");
    qoe_transport_destroy(t);
}


/* The first start has no permission to connect; see qoe_http_io.c. */

static void
test_connect(void)
{
    int                    fd;
    qoe_transport_t       *t;
    qoe_http_io_t         *io;
    struct curl_sockaddr   addr;
    qoe_transport_conf_t   conf;
    curl_socket_t        (*open_socket)(void *data, curlsocktype purpose,
                               struct curl_sockaddr *addr);

    memset(&addr, 0, sizeof(addr));
    addr.family = AF_INET;
    addr.socktype = SOCK_STREAM;

    conf = configuration(HTTP, "http://h/v1/logs");
    t = transport(&conf);
    io = send_text(t);
    memcpy(&open_socket, &set(CURLOPT_OPENSOCKETFUNCTION)->pointer,
           sizeof(open_socket));

    ok(number(CURLOPT_CONNECTTIMEOUT_MS, 10000),
       "the name may take the whole time of the request");
    ok(!io->refused
       && open_socket(io, CURLSOCKTYPE_IPCXN, &addr) == CURL_SOCKET_BAD
       && io->refused, "the first start gets no socket");

    end(io, CURLE_COULDNT_CONNECT);
    ok(ended == 0 && io->transfer.attached && io->fresh && !io->again
       && !io->refused && number(CURLOPT_CONNECTTIMEOUT_MS, 3000)
       && number(CURLOPT_FRESH_CONNECT, 0),
       "so the request starts once more, with the time to connect");

    fd = open_socket(io, CURLSOCKTYPE_IPCXN, &addr);
    ok(fd != -1 && !io->refused
       && (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0,
       "that start gets a socket, which no program inherits");
    (void) close(fd);

    end(io, CURLE_COULDNT_CONNECT);
    ok(ended == 1 && outcome.kind == QOE_OUTCOME_RETRY
       && !io->transfer.attached, "a server that cannot be reached ends it");

    io = send_text(t);
    ok(!io->fresh && !io->again && number(CURLOPT_CONNECTTIMEOUT_MS, 10000),
       "the next request looks for a kept connection first");
    qoe_transport_destroy(t);
}


/* A kept connection that is dead is no failure of the collector. */

static void
test_dead(void)
{
    size_t                 i;
    qoe_transport_t       *t;
    qoe_http_io_t         *io;
    qoe_transport_conf_t   conf;

    static const struct {
        CURLcode     rc;
        bool         again;
        const char  *name;
    } rows[] = {
        { CURLE_HTTP2, true, "an error of HTTP/2" },
        { CURLE_SEND_ERROR, true, "a failed send" },
        { CURLE_RECV_ERROR, true, "a failed receive" },
        { CURLE_GOT_NOTHING, true, "an empty answer" },
        { CURLE_PARTIAL_FILE, true, "an end before the answer" },
        { CURLE_HTTP2_STREAM, false, "a stream that was reset" },
        { CURLE_COULDNT_RESOLVE_HOST, false, "a name that is not known" },
        { CURLE_OPERATION_TIMEDOUT, false, "a timeout" }
    };

    conf = configuration(GRPC, "http://h:4317");
    t = transport(&conf);

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ended = 0;
        io = send_text(t);
        end(io, rows[i].rc);
        ok(rows[i].again
           ? ended == 0 && io->again && !io->fresh
             && number(CURLOPT_FRESH_CONNECT, 1) && io->transfer.attached
           : ended == 1 && outcome.kind == QOE_OUTCOME_RETRY,
           "%s on a kept connection %s", rows[i].name,
           rows[i].again ? "starts the request again, on a new one"
                         : "is a failure");

        if (rows[i].again) {
            end(io, rows[i].rc);
            ok(ended == 1 && outcome.kind == QOE_OUTCOME_RETRY,
               "%s is a failure the second time", rows[i].name);
        }
    }

    ended = 0;
    io = send_text(t);
    io->heard = true;
    end(io, CURLE_RECV_ERROR);
    ok(ended == 1, "a connection that broke within the answer is a failure");

    ended = 0;
    io = send_text(t);
    io->refused = true;
    end(io, CURLE_COULDNT_CONNECT);
    end(io, CURLE_RECV_ERROR);
    ok(ended == 1, "a new connection that breaks is a failure");
    qoe_transport_destroy(t);
}


/* HTTP/2 without TLS is used by prior knowledge: no server upgrades to it. */

static void
test_versions(void)
{
    bool                   before;
    size_t                 i;
    qoe_transport_t       *t;
    qoe_http_io_t         *io;
    qoe_transport_conf_t   conf;

    static const struct {
        qoe_protocol_t  protocol;
        const char     *url;
        bool            broken;              /* libcurl's reuse of h2c */
        long            first, second;
        long            fresh;               /* the second needs a new one */
    } rows[] = {
        { HTTP, "http://h/v1/logs", false, CURL_HTTP_VERSION_1_1,
          CURL_HTTP_VERSION_1_1, 0 },
        { HTTP, "https://h/v1/logs", true, CURL_HTTP_VERSION_1_1,
          CURL_HTTP_VERSION_1_1, 0 },
        { GRPC, "https://h:4317", false, CURL_HTTP_VERSION_2TLS,
          CURL_HTTP_VERSION_2TLS, 0 },
        { GRPC, "HTTPS://h:4317", true, CURL_HTTP_VERSION_2TLS,
          CURL_HTTP_VERSION_2TLS, 0 },
        { GRPC, "HTTP://h:4317", false, CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE,
          CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE, 0 },
        { GRPC, "http://h:4317", true, CURL_HTTP_VERSION_2_0,
          CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE, 1 }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        conf = configuration(rows[i].protocol, rows[i].url);
        t = transport(&conf);
        qoe_http_client_of(t)->reuse_broken = rows[i].broken;
        io = send_text(t);
        before = number(CURLOPT_HTTP_VERSION, rows[i].first)
                 && number(CURLOPT_FRESH_CONNECT, 0);
        io->refused = true;
        end(io, CURLE_COULDNT_CONNECT);
        ok(before && number(CURLOPT_HTTP_VERSION, rows[i].second)
           && number(CURLOPT_FRESH_CONNECT, rows[i].fresh),
           "%s to %s%s has its version on a kept connection and on a new one",
           rows[i].protocol == GRPC ? "gRPC" : "HTTP", rows[i].url,
           rows[i].broken ? " by a libcurl that cannot reuse h2c" : "");
        qoe_transport_destroy(t);
    }
}


/* libcurl refuses an option. */

static void
test_refused(void)
{
    int                    n, wrong;
    char                  *noise;
    size_t                 i, size;
    uint32_t               random;
    qoe_status_t           rc;
    qoe_http_io_t         *io;
    qoe_transport_t       *t;
    qoe_transport_conf_t   conf;

    conf = configuration(HTTP, "https://h/v1/logs");
    conf.ca_pem = conf.certificate_pem = conf.key_pem = qoe_span("x");
    wrong = 0;

    for (n = 0; /* void */; n++) {
        t = transport(&conf);
        fail_at = n;
        fail_as = CURLE_UNKNOWN_OPTION;
        rc = send_bytes(t, "payload", 7);

        if (rc == QOE_OK) {
            qoe_transport_destroy(t);
            break;
        }

        wrong += rc != QOE_ERROR || t->active != NULL || t->idle == NULL;

        /* without a handle this is logged, and the next request makes one */

        wrong += (t->idle->io == NULL) != (logged == 1);
        fail_at = -1;
        noptions = 0;
        wrong += send_bytes(t, "payload", 7) != QOE_OK;
        qoe_transport_destroy(t);
    }

    ok(wrong == 0 && n > 30, "a request for which libcurl refuses any of %d "
       "options is not sent, and the next one is", n);

    /* 3 MiB that cannot be compressed */

    size = 3 * 1024 * 1024;
    noise = malloc(size);

    if (noise == NULL) {
        abort();
    }

    for (i = 0, random = 1; i < size; i++) {
        random = random * 1664525 + 1013904223;
        noise[i] = (char) (random >> 24);
    }

    conf = configuration(HTTP, "http://h/v1/logs");
    conf.gzip = true;
    t = transport(&conf);
    io = send_text(t);
    ok(io->body.data == io->packed.data && io->packed.data != NULL,
       "what is sent is compressed");
    end(io, CURLE_RECV_ERROR);
    end(io, CURLE_OPERATION_TIMEDOUT);
    ok(ended == 1 && io->body.len == 0 && io->packed.data != NULL,
       "its buffer is kept for the next request");

    fail_at = 0;
    fail_as = CURLE_OUT_OF_MEMORY;
    noptions = 0;
    ok(send_bytes(t, noise, size) == QOE_NOMEM && t->idle->io == io
       && io->body.data == NULL && io->body.len == 0
       && io->packed.data == NULL,
       "a request that could not start keeps neither its payload nor a large "
       "buffer");

    fail_at = -1;
    (void) send_bytes(t, noise, size);
    qoe_net_detach(net, &io->transfer);
    qoe_transport_deadline(t, 0);
    t->client.run(t, qoe_mono_ms() + 1);
    ok(ended == 2 && io->body.data == NULL && io->packed.data == NULL,
       "nor does a request that ended at its deadline");
    qoe_transport_destroy(t);
    free(noise);
}


/* A start that fails for want of memory after one that was refused a socket. */

static void
test_second_start(void)
{
    qoe_transport_t       *t;
    qoe_http_io_t         *io;
    qoe_transport_conf_t   conf;

    conf = configuration(HTTP, "http://h/v1/logs");
    t = transport(&conf);
    io = send_text(t);
    io->refused = true;
    fail_at = 0;
    fail_as = CURLE_OUT_OF_MEMORY;
    end(io, CURLE_COULDNT_CONNECT);
    fail_at = -1;
    ok(ended == 1 && outcome.kind == QOE_OUTCOME_RETRY
       && strstr(outcome.message, "emory") != NULL && io->body.len == 0,
       "a request that cannot start again ends, and says why: %s",
       outcome.message);
    qoe_transport_destroy(t);
}


int
main(void)
{
    curl_global_init(CURL_GLOBAL_ALL);
    net = qoe_net_create(&test_log);

    if (net == NULL) {
        abort();
    }

    test_trust();
    test_limits();
    test_connect();
    test_dead();
    test_versions();
    test_refused();
    test_second_start();

    qoe_net_destroy(net);
    curl_global_cleanup();

    return tap_end();
}
