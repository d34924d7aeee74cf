
/*
 * Copyright (C) OpenQoE
 *
 * A collector that takes connections and says nothing: what becomes of requests
 * at their timeout, at a deadline, and when the transport is destroyed.
 */


#include "tap.h"
#include "qoe_transport.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <sys/socket.h>
#include <unistd.h>


typedef struct {
    int            n;
    qoe_outcome_t  last;
} got_t;


static qoe_net_t  *net;
static int         logged;
static char        url[64];


static const qoe_log_t  quiet = { tap_log_write, &logged, QOE_LOG_ERR };


static void
done(void *data, const qoe_outcome_t *o)
{
    got_t  *got = data;

    got->n++;
    got->last = *o;
}


/* Connections wait in its backlog. */

static int
silent(void)
{
    int                 fd;
    socklen_t           len;
    struct sockaddr_in  sin;

    memset(&sin, 0, sizeof(sin));
    sin.sin_family = AF_INET;
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    len = sizeof(sin);

    fd = socket(AF_INET, SOCK_STREAM|SOCK_CLOEXEC, 0);

    if (fd == -1 || bind(fd, (struct sockaddr *) &sin, sizeof(sin)) == -1
        || listen(fd, 16) == -1
        || getsockname(fd, (struct sockaddr *) &sin, &len) == -1)
    {
        abort();
    }

    snprintf(url, sizeof(url), "http://127.0.0.1:%d", ntohs(sin.sin_port));

    return fd;
}


static qoe_transport_t *
transport(qoe_protocol_t protocol, uint64_t timeout_ms)
{
    qoe_transport_t       *t;
    qoe_transport_conf_t   conf;

    memset(&conf, 0, sizeof(conf));
    conf.protocol = protocol;
    conf.url[QOE_SIGNAL_LOGS] = qoe_span_str(url);
    conf.timeout_ms = timeout_ms;
    conf.connect_timeout_ms = 60000;
    conf.user_agent = qoe_span("unit");

    if (qoe_transport_create(&t, net, &conf, &quiet) != QOE_OK) {
        abort();
    }

    return t;
}


static void
wait_for(const got_t *got, int n)
{
    uint64_t  end;

    end = qoe_mono_ms() + 60000;

    while (got->n < n && qoe_mono_ms() < end) {
        qoe_net_wait(net, NULL, 0, 1000);
    }
}


/* A timeout is counted in whole milliseconds: it may come up to one early. */

static bool
timed_out(const qoe_outcome_t *o, unsigned long long least)
{
    char                 peer[96];
    const char          *p;
    unsigned long long   ms;

    snprintf(peer, sizeof(peer), "%s: no answer within ", url + 7);
    p = strncmp(o->message, peer, strlen(peer)) == 0
        ? o->message + strlen(peer) : "";
    ms = strtoull(p, NULL, 10);

    if (o->kind == QOE_OUTCOME_RETRY && strcmp(o->error_type, "timeout") == 0
        && ms >= least && ms < 60000 && strstr(p, " ms") != NULL
        && o->http_status == 0 && o->grpc_status == -1
        && o->retry_after_ms == -1 && o->rejected == 0
        && o->seconds * 1000 >= (double) least)
    {
        return true;
    }

    printf("# %d %s \"%s\", %g s\n", (int) o->kind, o->error_type, o->message,
           o->seconds);

    return false;
}


/* What the next connection that waits has sent first. */

static bool
began_with(int fd, const char *text)
{
    int      peer;
    char     buf[16];
    ssize_t  n;

    peer = accept(fd, NULL, NULL);
    n = (peer == -1) ? -1 : recv(peer, buf, strlen(text), MSG_WAITALL);

    if (peer != -1) {
        close(peer);
    }

    return n == (ssize_t) strlen(text) && memcmp(buf, text, (size_t) n) == 0;
}


static void
test_protocol(qoe_protocol_t protocol, const char *name, int fd)
{
    got_t             got;
    qoe_transport_t  *t;

    memset(&got, 0, sizeof(got));
    t = transport(protocol, 30);

    ok(qoe_transport_send(t, QOE_SIGNAL_LOGS, qoe_span("x"), done, &got)
       == QOE_OK && got.n == 0, "%s: a request is sent", name);
    wait_for(&got, 1);
    ok(got.n == 1 && timed_out(&got.last, 29),
       "%s: without an answer it is to be retried after its timeout", name);
    ok(began_with(fd, protocol == QOE_PROTOCOL_GRPC ? "PRI * HTTP/2.0"
                                                    : "POST / HTTP/1.1"),
       "%s: it was sent by that protocol", name);

    (void) qoe_transport_send(t, QOE_SIGNAL_LOGS, qoe_span("x"), done, &got);
    wait_for(&got, 2);
    ok(got.n == 2 && timed_out(&got.last, 29), "%s: so is the next one", name);
    qoe_transport_destroy(t);

    memset(&got, 0, sizeof(got));
    t = transport(protocol, 60000);
    (void) qoe_transport_send(t, QOE_SIGNAL_LOGS, qoe_span("x"), done, &got);
    (void) qoe_transport_send(t, QOE_SIGNAL_LOGS, qoe_span("y"), done, &got);
    qoe_transport_deadline(t, 20);
    wait_for(&got, 2);
    ok(got.n == 2 && timed_out(&got.last, 0),
       "%s: a deadline ends all requests in flight before their timeout", name);

    (void) qoe_transport_send(t, QOE_SIGNAL_LOGS, qoe_span("z"), done, &got);
    qoe_net_wait(net, NULL, 0, 50);
    ok(got.n == 2, "%s: a later request is not affected by it", name);

    qoe_transport_destroy(t);
    qoe_net_wait(net, NULL, 0, 0);
    ok(got.n == 2, "%s: nor is it ended when the transport is destroyed", name);
}


int
main(void)
{
    int  fd;

    curl_global_init(CURL_GLOBAL_ALL);
    net = qoe_net_create(&quiet);

    if (net == NULL) {
        abort();
    }

    fd = silent();
    test_protocol(QOE_PROTOCOL_HTTP_PROTOBUF, "HTTP", fd);
    close(fd);

    fd = silent();
    test_protocol(QOE_PROTOCOL_GRPC, "gRPC", fd);
    close(fd);

    qoe_net_destroy(net);
    curl_global_cleanup();

    return tap_end();
}
