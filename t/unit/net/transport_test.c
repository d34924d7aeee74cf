
/*
 * Copyright (C) OpenQoE
 *
 * The transports without a peer: what is refused, and every allocation of
 * creating, sending and destroying failing once, those of libcurl as well.
 * malloc() is replaced for that, which a sanitizer would not have.
 */


#include "tap.h"
#include "qoe_transport.h"

#include <curl/curl.h>
#include <errno.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <sys/socket.h>


#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer)       \
    || __has_feature(thread_sanitizer)
#define SANITIZED  1
#endif
#endif

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED  1
#endif


#ifndef SANITIZED

static long  fail_at = -1, count, failed, live;

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t size);
extern void __libc_free(void *p);


static bool
fails(void)
{
    if (fail_at < 0 || count++ != fail_at) {
        return false;
    }

    failed++;
    errno = ENOMEM;

    return true;
}


void *
malloc(size_t size)
{
    void  *p;

    p = fails() ? NULL : __libc_malloc(size);
    live += (p != NULL);

    return p;
}


void *
calloc(size_t n, size_t size)
{
    void  *p;

    p = fails() ? NULL : __libc_calloc(n, size);
    live += (p != NULL);

    return p;
}


void *
realloc(void *old, size_t size)
{
    void  *p;

    p = fails() ? NULL : __libc_realloc(old, size);
    live += (p != NULL && old == NULL);

    return p;
}


void
free(void *p)
{
    live -= (p != NULL);
    __libc_free(p);
}


#endif


static const qoe_header_t  headers[] = {
    { qoe_span("x-scope-orgid"), qoe_span("1") },
    { qoe_span("TE"), qoe_span("gzip") },
};

static char  url[64];
static int   logged;


static const qoe_log_t  quiet = { tap_log_write, &logged, QOE_LOG_DEBUG };


static void
conf_init(qoe_transport_conf_t *conf, qoe_protocol_t protocol)
{
    size_t  i;

    memset(conf, 0, sizeof(qoe_transport_conf_t));

    for (i = 0; i < QOE_SIGNALS; i++) {
        conf->url[i] = qoe_span_str(url);
    }

    conf->protocol = protocol;
    conf->headers = headers;
    conf->nheaders = 2;
    conf->gzip = true;
    conf->gzip_level = 1;
    conf->timeout_ms = 2000;
    conf->connect_timeout_ms = 1000;
    conf->ssl_verify = true;
    conf->user_agent = qoe_span("test");
}


static void
done(void *data, const qoe_outcome_t *o)
{
    *(qoe_outcome_t *) data = *o;
}


/*
 * The whole life of a transport; the outcome has no message without memory for
 * it.
 */

static void
run(qoe_protocol_t protocol, qoe_status_t *created, qoe_status_t *sent,
    qoe_outcome_t *o)
{
    uint64_t               end;
    qoe_net_t             *net;
    qoe_transport_t       *t;
    qoe_transport_conf_t   conf;

    *created = QOE_NOMEM;
    *sent = QOE_NOMEM;
    o->kind = QOE_OUTCOME_OK;
    o->message[0] = '\0';

    conf_init(&conf, protocol);

    net = qoe_net_create(&quiet);
    if (net == NULL) {
        return;
    }

    *created = qoe_transport_create(&t, net, &conf, &quiet);

    if (*created == QOE_OK) {
        *sent = qoe_transport_send(t, QOE_SIGNAL_LOGS, qoe_span("payload"),
                                   done, o);
        end = qoe_mono_ms() + 5000;

        while (*sent == QOE_OK && o->message[0] == '\0'
               && qoe_mono_ms() < end)
        {
            qoe_net_wait(net, NULL, 0, 1000);
        }

        qoe_transport_destroy(t);
    }

    qoe_net_destroy(net);
}


/* A port where no process listens: connections are refused at once. */

static void
closed_port(void)
{
    int                 fd;
    socklen_t           len;
    struct sockaddr_in  sin;

    memset(&sin, 0, sizeof(sin));
    sin.sin_family = AF_INET;
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    len = sizeof(sin);

    fd = socket(AF_INET, SOCK_STREAM, 0);
    bind(fd, (struct sockaddr *) &sin, sizeof(sin));
    getsockname(fd, (struct sockaddr *) &sin, &len);
    close(fd);

    snprintf(url, sizeof(url), "http://127.0.0.1:%d", ntohs(sin.sin_port));
}


static void
test_nobody(qoe_protocol_t protocol, const char *name)
{
    qoe_outcome_t  o;
    qoe_status_t   created, sent;

    run(protocol, &created, &sent, &o);
    ok(created == QOE_OK && sent == QOE_OK && o.kind == QOE_OUTCOME_RETRY
       && strcmp(o.error_type, "connect") == 0,
       "%s: a request that cannot connect is to be retried: %s",
       name, o.message);
}


#ifndef SANITIZED

static void
test_nomem(qoe_protocol_t protocol, const char *name)
{
    long           n, before, leaks, wrong;
    qoe_outcome_t  o;
    qoe_status_t   created, sent;

    leaks = wrong = 0;

    for (n = 0; n < 2000; n++) {

        before = live;
        count = 0;
        failed = 0;
        fail_at = n;

        run(protocol, &created, &sent, &o);

        fail_at = -1;

        /*
         * An allocation that fails within a transfer is libcurl's: 7.88.1
         * loses a block.
         */

        leaks += (live != before && sent != QOE_OK);

        /*
         * The failure was reported by a status or by the outcome, or it did
         * not matter.
         */

        wrong += (sent == QOE_OK && o.kind != QOE_OUTCOME_RETRY);
        wrong += (sent == QOE_OK && o.message[0] == '\0');

        if (failed == 0) {
            break;
        }
    }

    ok(n > 20 && n < 2000, "%s: each of %ld allocations failed once", name, n);
    ok(leaks == 0,
       "%s: after a failed allocation nothing leaks (%ld)", name, leaks);
    ok(wrong == 0,
       "%s: each failed allocation is reported (%ld are not)", name, wrong);
}


#endif


static void
test_refused(void)
{
    size_t                 i;
    qoe_net_t             *net;
    qoe_transport_t       *t;
    qoe_transport_conf_t   conf;

    static const char *const  bad[] = {
        "ftp://127.0.0.1/", "http://", "//", "http://h:99999",
        "http://127.0.0.1/path", "file:///etc/passwd"
    };

    net = qoe_net_create(&quiet);
    conf_init(&conf, QOE_PROTOCOL_GRPC);

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        logged = 0;
        conf.url[QOE_SIGNAL_LOGS] = qoe_span_str(bad[i]);
        ok(qoe_transport_create(&t, net, &conf, &quiet) == QOE_ERROR
           && t == NULL && logged > 0, "the URL \"%s\" is refused", bad[i]);
    }

    conf_init(&conf, QOE_PROTOCOL_GRPC);
    conf.gzip_level = 10;
    ok(qoe_transport_create(&t, net, &conf, &quiet) != QOE_OK,
       "gzip level 10 is refused");

    conf_init(&conf, QOE_PROTOCOL_GRPC);
    conf.url[QOE_SIGNAL_TRACES] = qoe_span_null;
    ok(qoe_transport_create(&t, net, &conf, &quiet) == QOE_OK,
       "a good configuration is accepted");
    ok(qoe_transport_encoding(t) == QOE_ENCODING_PROTOBUF,
       "a transport over HTTP takes protobuf");
    ok(qoe_transport_send(t, QOE_SIGNAL_TRACES, qoe_span("x"), done, NULL)
       == QOE_ERROR, "a signal without a URL is refused");
    ok(qoe_transport_send(t, QOE_SIGNAL_LOGS, qoe_span_null, done, NULL)
       == QOE_ERROR, "an empty request is refused");

    qoe_transport_reopen(t);
    qoe_transport_destroy(t);
    qoe_transport_destroy(NULL);
    qoe_net_destroy(net);
}


int
main(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
    closed_port();

    test_refused();
    test_nobody(QOE_PROTOCOL_GRPC, "gRPC");
    test_nobody(QOE_PROTOCOL_HTTP_JSON, "HTTP");

#ifndef SANITIZED
    test_nomem(QOE_PROTOCOL_GRPC, "gRPC");
    test_nomem(QOE_PROTOCOL_HTTP_JSON, "HTTP");
#endif

    curl_global_cleanup();

    return tap_end();
}
