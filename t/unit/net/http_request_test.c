
/*
 * Copyright (C) OpenQoE
 *
 * What a request to a collector consists of: the headers of each protocol and
 * those of an operator, and the body, compressed or not, as a message of gRPC
 * or by itself.
 */


#include "tap.h"

#include "qoe_http_client.h"


#define MANY  70000


static qoe_net_t  *net;
static char        payload[MANY];
static char        logged[4096];


static void
log_write(void *ctx, qoe_log_level_t level, const char *text, size_t len)
{
    size_t  n;

    (void) ctx;
    (void) level;

    n = strlen(logged);
    snprintf(logged + n, sizeof(logged) - n, "%.*s\n", (int) len, text);
}


static const qoe_log_t  test_log = { log_write, NULL, QOE_LOG_WARN };


static void
done(void *data, const qoe_outcome_t *o)
{
    (void) data;
    (void) o;
}


static void
conf_init(qoe_transport_conf_t *conf, qoe_protocol_t protocol)
{
    memset(conf, 0, sizeof(qoe_transport_conf_t));
    conf->protocol = protocol;
    conf->url[QOE_SIGNAL_LOGS] = (protocol == QOE_PROTOCOL_GRPC)
                                 ? qoe_span("http://127.0.0.1:1")
                                 : qoe_span("http://127.0.0.1:1/v1/logs");
    conf->timeout_ms = 10000;
    conf->connect_timeout_ms = 5000;
    conf->gzip_level = 1;
    conf->user_agent = qoe_span("unit");
    logged[0] = '\0';
}


static qoe_transport_t *
transport(const qoe_transport_conf_t *conf)
{
    qoe_transport_t  *t;

    if (qoe_transport_create(&t, net, conf, &test_log) != QOE_OK) {
        abort();
    }

    return t;
}


/* "name: value|name: value" in the order in which curl sends them. */

static int
headers_are(const qoe_transport_conf_t *conf, const char *expected)
{
    int                       same;
    char                      text[2048];
    size_t                    n;
    qoe_transport_t          *t;
    const struct curl_slist  *h;

    t = transport(conf);
    text[0] = '\0';

    for (h = qoe_http_client_of(t)->headers, n = 0; h != NULL; h = h->next) {
        n += (size_t) snprintf(text + n, sizeof(text) - n, "%s%s",
                               n ? "|" : "", h->data);
    }

    qoe_transport_destroy(t);
    same = (strcmp(text, expected) == 0);

    if (!same) {
        printf("# %s\n", text);
    }

    return same;
}


static void
test_protocols(void)
{
    qoe_transport_conf_t  conf;

    conf_init(&conf, QOE_PROTOCOL_HTTP_PROTOBUF);
    ok(headers_are(&conf, "Expect:|Accept:|"
                          "Content-Type: application/x-protobuf"),
       "protobuf over HTTP has its type, and neither Expect nor Accept");
    conf.gzip = true;
    ok(headers_are(&conf, "Expect:|Accept:|"
                          "Content-Type: application/x-protobuf|"
                          "Content-Encoding: gzip"),
       "what is compressed says so");

    conf_init(&conf, QOE_PROTOCOL_HTTP_JSON);
    ok(headers_are(&conf, "Expect:|Accept:|Content-Type: application/json"),
       "JSON has its type");

    conf_init(&conf, QOE_PROTOCOL_GRPC);
    ok(headers_are(&conf, "Expect:|Accept:|Content-Type: application/grpc|"
                          "TE: trailers|grpc-timeout: 10000m"),
       "gRPC has its type and its timeout, and takes trailers");
    conf.gzip = true;
    ok(headers_are(&conf, "Expect:|Accept:|Content-Type: application/grpc|"
                          "TE: trailers|grpc-timeout: 10000m|"
                          "grpc-encoding: gzip"),
       "gRPC names the encoding of messages only if there is one");
}


/* A timeout of gRPC has eight digits at most. */

static void
test_timeouts(void)
{
    size_t                 i;
    char                   text[256];
    qoe_transport_conf_t   conf;
    static const struct {
        uint64_t     ms;
        const char  *shown;
    } rows[] = {
        { 1, "1m" }, { 99999999, "99999999m" }, { 100000000, "100000S" },
        { 99999999999, "99999999S" }, { 100000000000, "99999999S" }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        conf_init(&conf, QOE_PROTOCOL_GRPC);
        conf.timeout_ms = rows[i].ms;
        snprintf(text, sizeof(text), "Expect:|Accept:|Content-Type: "
                 "application/grpc|TE: trailers|grpc-timeout: %s",
                 rows[i].shown);
        ok(headers_are(&conf, text), "%llu ms are the timeout %s",
           (unsigned long long) rows[i].ms, rows[i].shown);
    }
}


static void
test_custom(void)
{
    size_t                 i;
    char                   text[256];
    qoe_header_t           header;
    qoe_transport_conf_t   conf;
    static const struct {
        qoe_span_t    name;
        qoe_span_t    value;
        const char   *shown;                 /* NULL: refused, and why */
        const char   *why;
    } rows[] = {
        { qoe_span("X-Key"), qoe_span("a b"), "X-Key: a b", NULL },
        { qoe_span("!#$%&'*+-.^_`|~09azAZ"), qoe_span("1"),
          "!#$%&'*+-.^_`|~09azAZ: 1", NULL },
        { qoe_span("X-Empty"), qoe_span(""), "X-Empty;", NULL },
        { qoe_span("X-Tab"), qoe_span("a\tb"), "X-Tab: a\tb", NULL },
        { qoe_span(""), qoe_span("x"), NULL, "it has no name" },
        { qoe_span("a b"), qoe_span("x"), NULL, "its name is not a token" },
        { qoe_span("a:"), qoe_span("x"), NULL, "its name is not a token" },
        { qoe_span("a\0"), qoe_span("x"), NULL, "its name is not a token" },
        { qoe_span("a"), qoe_span("x\ry"), NULL, "a line break or a NUL" },
        { qoe_span("a"), qoe_span("x\n"), NULL, "a line break or a NUL" },
        { qoe_span("a"), qoe_span("\0x"), NULL, "a line break or a NUL" },
        { qoe_span("Content-Type"), qoe_span("x"), NULL,
          "the protocol itself sets it" },
        { qoe_span("grpc-timeout"), qoe_span("x"), NULL,
          "the protocol itself sets it" },
        { qoe_span("USER-AGENT"), qoe_span("x"), NULL,
          "the protocol itself sets it" },
        { qoe_span("user-agents"), qoe_span("x"), "user-agents: x", NULL }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        conf_init(&conf, QOE_PROTOCOL_HTTP_JSON);
        header = (qoe_header_t) { rows[i].name, rows[i].value };
        conf.headers = &header;
        conf.nheaders = 1;

        snprintf(text, sizeof(text), "%s%sExpect:|Accept:|"
                 "Content-Type: application/json",
                 rows[i].shown != NULL ? rows[i].shown : "",
                 rows[i].shown != NULL ? "|" : "");

        ok(headers_are(&conf, text)
           && (rows[i].why == NULL ? logged[0] == '\0'
                                   : strstr(logged, rows[i].why) != NULL),
           "header %zu of an operator is %s", i,
           rows[i].shown != NULL ? "sent" : "left out, which is logged");
    }
}


/* Where requests go, and what the peer is called in messages. */

static void
test_urls(void)
{
    size_t                     i;
    qoe_transport_t           *t;
    const qoe_http_client_t   *c;
    qoe_transport_conf_t       conf;
    static const struct {
        qoe_protocol_t  protocol;
        const char     *given;
        const char     *url;
        const char     *host;
    } rows[] = {
        { QOE_PROTOCOL_GRPC, "http://h:4317", "http://h:4317"
          "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
          "h:4317" },
        { QOE_PROTOCOL_GRPC, "https://h//", "https://h"
          "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
          "h:443" },
        { QOE_PROTOCOL_HTTP_JSON, "http://h/v1/logs", "http://h/v1/logs",
          "h:80" },
        { QOE_PROTOCOL_HTTP_PROTOBUF, "https://h/v1/logs//",
          "https://h/v1/logs//", "h:443" },
        { QOE_PROTOCOL_HTTP_PROTOBUF, "http://[::1]:1/", "http://[::1]:1/",
          "[::1]:1" }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        conf_init(&conf, rows[i].protocol);
        conf.url[QOE_SIGNAL_LOGS] = qoe_span_str(rows[i].given);
        t = transport(&conf);
        c = qoe_http_client_of(t);

        ok(strcmp(c->url[QOE_SIGNAL_LOGS], rows[i].url) == 0
           && strcmp(c->host[QOE_SIGNAL_LOGS], rows[i].host) == 0
           && c->url[QOE_SIGNAL_TRACES] == NULL,
           "requests for %s go to %s of %s", rows[i].given, rows[i].url,
           rows[i].host);
        qoe_transport_destroy(t);
    }
}


/* A transport keeps copies of what it was configured with. */

static void
test_copies(void)
{
    size_t                     i, k, good;
    char                       text[4][8];
    qoe_transport_t           *t;
    const qoe_http_client_t   *c;
    qoe_transport_conf_t       conf;

    for (i = 0, good = 0; i < 8; i++) {
        for (k = 0; k < 4; k++) {
            snprintf(text[k], sizeof(text[k]), "text %zu", k);
        }

        conf_init(&conf, QOE_PROTOCOL_HTTP_JSON);
        conf.user_agent = qoe_span_str(text[3]);
        conf.ca_pem = i & 1 ? qoe_span_str(text[0]) : qoe_span_null;
        conf.certificate_pem = i & 2 ? qoe_span_str(text[1]) : qoe_span_null;
        conf.key_pem = i & 4 ? qoe_span_str(text[2]) : qoe_span_null;
        conf.ssl_verify = i & 1;

        t = transport(&conf);
        c = qoe_http_client_of(t);
        memset(text, 'x', sizeof(text));

        good += qoe_span_eq(c->ca_pem, i & 1 ? qoe_span("text 0")
                                             : qoe_span(""))
                && qoe_span_eq(c->certificate_pem, i & 2 ? qoe_span("text 1")
                                                         : qoe_span(""))
                && qoe_span_eq(c->key_pem, i & 4 ? qoe_span("text 2")
                                                 : qoe_span(""))
                && strcmp(c->user_agent, "text 3") == 0
                && c->ssl_verify == (i & 1)
                && c->connect_timeout_ms == 5000 && !c->gzip && !c->grpc;
        qoe_transport_destroy(t);
    }

    ok(good == 8, "certificates, keys and the name of the client are copies "
       "(%zu of 8)", good);
}


/* What curl is given to send. */

static void
test_bodies(void)
{
    size_t                i, k;
    const unsigned char  *head;
    qoe_transfer_t       *r;
    qoe_http_io_t        *io;
    qoe_transport_t      *t;
    qoe_transport_conf_t  conf;

    static const size_t  sizes[] = { 1, 255, 256, 65535, 65536, MANY };

    for (i = 0; i < 4; i++) {
        conf_init(&conf, i < 2 ? QOE_PROTOCOL_GRPC
                               : QOE_PROTOCOL_HTTP_PROTOBUF);
        conf.gzip = i % 2;
        t = transport(&conf);

        for (k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
            if (qoe_transport_send(t, QOE_SIGNAL_LOGS,
                                   (qoe_span_t) { payload, sizes[k] }, done,
                                   NULL)
                != QOE_OK)
            {
                abort();
            }

            for (r = t->active; r->next != NULL; r = r->next) { /* void */ }

            io = r->io;
            head = (const unsigned char *) io->head;

            if (conf.gzip ? io->body.data != io->packed.data
                            || io->body.len != io->packed.len
                            || memcmp(io->body.data, "\x1f\x8b", 2) != 0
                          : io->body.data != payload
                            || io->body.len != sizes[k])
            {
                break;
            }

            if (i < 2 ? io->head_len != 5 || head[0] != conf.gzip
                        || (size_t) head[1] << 24 != 0
                        || ((size_t) head[2] << 16 | (size_t) head[3] << 8
                            | head[4]) != io->body.len
                      : io->head_len != 0)
            {
                break;
            }

            if (io->sent != 0 || io->heard || io->refused
                || io->error[0] != '\0')
            {
                break;
            }
        }

        ok(k == sizeof(sizes) / sizeof(sizes[0]),
           "%s sends the payload %s%s",
           i < 2 ? "gRPC" : "HTTP", conf.gzip ? "compressed" : "as it is",
           i < 2 ? ", after five bytes that say whether it is, and its length"
                 : "");
        qoe_transport_destroy(t);
    }
}


int
main(void)
{
    size_t  i;

    curl_global_init(CURL_GLOBAL_ALL);

    for (i = 0; i < MANY; i++) {
        payload[i] = (char) (i * i >> 3);
    }

    net = qoe_net_create(&test_log);

    if (net == NULL) {
        abort();
    }

    test_protocols();
    test_timeouts();
    test_custom();
    test_urls();
    test_copies();
    test_bodies();

    qoe_net_destroy(net);
    curl_global_cleanup();

    return tap_end();
}
