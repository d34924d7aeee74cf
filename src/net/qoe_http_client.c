
/*
 * Copyright (C) OpenQoE
 */


#include "qoe_http_client.h"

#include <ctype.h>
#include <stdlib.h>
#include <strings.h>


/* for URLs, headers and certificates; a large store of authorities is 1 MiB */
#define QOE_HTTP_CONF_BLOCK    4096
#define QOE_HTTP_CONF_MAX      (16 * 1024 * 1024)

/* libcurl 8.0.0 repaired the reuse of h2c connections */
#define QOE_HTTP_REUSE_FIXED   0x080000


static qoe_status_t qoe_http_copy(qoe_http_client_t *c,
    const qoe_transport_conf_t *conf);
static qoe_status_t qoe_http_url(qoe_http_client_t *c, qoe_signal_t signal,
    qoe_span_t url, const char *path);
static qoe_status_t qoe_http_url_check(qoe_http_client_t *c, CURLU *u,
    qoe_signal_t signal, bool bare);
static qoe_status_t qoe_http_custom(qoe_http_client_t *c,
    const qoe_header_t *h);
static const char *qoe_http_custom_bad(const qoe_header_t *h);


/* Headers of the protocol, which an operator's header must not change. */

static const char *const  qoe_http_reserved[] = {
    "accept-encoding", "connection", "content-encoding", "content-length",
    "content-type", "expect", "grpc-accept-encoding", "grpc-encoding",
    "grpc-timeout", "http2-settings", "keep-alive", "proxy-connection", "te",
    "trailer", "transfer-encoding", "upgrade", "user-agent"
};


qoe_status_t
qoe_http_client_create(qoe_transport_t *t, const qoe_transport_conf_t *conf,
    const qoe_http_hooks_t *hooks, const char *const *path)
{
    size_t              i;
    qoe_status_t        status;
    qoe_http_client_t  *c;

    c = calloc(1, sizeof(qoe_http_client_t));
    if (c == NULL) {
        return QOE_NOMEM;
    }

    t->state = c;
    c->t = t;
    c->hooks = hooks;
    c->grpc = (path != NULL);
    c->reuse_broken = curl_version_info(CURLVERSION_NOW)->version_num
                      < QOE_HTTP_REUSE_FIXED;

    qoe_arena_init(&c->arena, &qoe_mem_heap, QOE_HTTP_CONF_BLOCK,
                   QOE_HTTP_CONF_MAX);

    status = qoe_http_copy(c, conf);

    for (i = 0; i < QOE_SIGNALS && status == QOE_OK; i++) {
        if (conf->url[i].len != 0) {
            status = qoe_http_url(c, i, conf->url[i], path ? path[i] : "");
        }
    }

    for (i = 0; i < conf->nheaders && status == QOE_OK; i++) {
        status = qoe_http_custom(c, &conf->headers[i]);
    }

    /* "Expect: 100-continue" would cost a round trip, or wait a second */

    if (status == QOE_OK) {
        status = qoe_http_client_header(c, "Expect", "");
    }

    if (status == QOE_OK) {
        status = qoe_http_client_header(c, "Accept", "");
    }

    if (status == QOE_OK && conf->gzip) {
        c->gzip = true;
        status = qoe_gzip_init(&c->gz, &qoe_mem_heap, conf->gzip_level);
    }

    return status;
}


void
qoe_http_client_destroy(qoe_transport_t *t)
{
    qoe_http_client_t  *c;

    c = t->state;

    if (c == NULL) {
        return;
    }

    qoe_gzip_free(&c->gz);
    curl_slist_free_all(c->headers);
    qoe_arena_free(&c->arena);
    free(c);

    t->state = NULL;
}


qoe_status_t
qoe_http_client_header(qoe_http_client_t *c, const char *name,
    const char *value)
{
    qoe_buf_t           line;
    struct curl_slist  *list;

    qoe_buf_init(&line, &qoe_mem_heap, QOE_HTTP_CONF_MAX);
    qoe_buf_printf(&line, "%s: %s", name, value);

    if (line.status != QOE_OK) {
        qoe_buf_free(&line);
        return line.status;
    }

    if (value[0] == '\0') {
        line.data[line.len - 1] = '\0';
    }

    list = curl_slist_append(c->headers, line.data);
    qoe_buf_free(&line);

    if (list == NULL) {
        return QOE_NOMEM;
    }

    c->headers = list;

    return QOE_OK;
}


bool
qoe_http_name_eq(qoe_span_t name, const char *s)
{
    return name.len == strlen(s) && strncasecmp(name.data, s, name.len) == 0;
}


static qoe_status_t
qoe_http_copy(qoe_http_client_t *c, const qoe_transport_conf_t *conf)
{
    size_t       i;
    qoe_span_t   copy;

    const struct {
        qoe_span_t   from;
        qoe_span_t  *to;
    } spans[] = {
        { conf->ca_pem, &c->ca_pem },
        { conf->certificate_pem, &c->certificate_pem },
        { conf->key_pem, &c->key_pem }
    };

    c->ssl_verify = conf->ssl_verify;
    c->connect_timeout_ms = conf->connect_timeout_ms;

    for (i = 0; i < sizeof(spans) / sizeof(spans[0]); i++) {

        if (spans[i].from.len == 0) {
            continue;
        }

        *spans[i].to = qoe_arena_copy(&c->arena, spans[i].from);

        if (spans[i].to->data == NULL) {
            return QOE_NOMEM;
        }
    }

    copy = qoe_arena_copy(&c->arena, conf->user_agent);
    c->user_agent = (char *) copy.data;

    return copy.data == NULL ? QOE_NOMEM : QOE_OK;
}


static qoe_status_t
qoe_http_url(qoe_http_client_t *c, qoe_signal_t signal, qoe_span_t url,
    const char *path)
{
    CURLU         *u;
    size_t         len;
    qoe_span_t     copy;
    qoe_status_t   status;

    len = url.len;

    if (c->grpc) {
        while (len > 0 && url.data[len - 1] == '/') {
            len--;
        }
    }

    copy.len = len + strlen(path);
    copy.data = qoe_arena_calloc(&c->arena, copy.len + 1);

    if (copy.data == NULL) {
        return QOE_NOMEM;
    }

    c->url[signal] = (char *) copy.data;
    memcpy(c->url[signal], url.data, len);

    u = curl_url();
    if (u == NULL) {
        return QOE_NOMEM;
    }

    if (curl_url_set(u, CURLUPART_URL, copy.data, 0) == CURLUE_OK) {
        status = qoe_http_url_check(c, u, signal, c->grpc);

    } else {
        qoe_log(&c->t->log, QOE_LOG_ERR, "\"%s\" is not a URL", copy.data);
        status = QOE_ERROR;
    }

    curl_url_cleanup(u);

    memcpy(c->url[signal] + len, path, copy.len - len);

    return status;
}


/* bare: the URL must not have a path.  Keeps "host:port" for messages. */

static qoe_status_t
qoe_http_url_check(qoe_http_client_t *c, CURLU *u, qoe_signal_t signal,
    bool bare)
{
    char          *scheme, *host, *port, *path;
    size_t         size;
    qoe_status_t   status;

    scheme = host = port = path = NULL;
    status = QOE_ERROR;

    if (curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK
        || curl_url_get(u, CURLUPART_HOST, &host, 0) != CURLUE_OK
        || curl_url_get(u, CURLUPART_PATH, &path, 0) != CURLUE_OK
        || curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT)
           != CURLUE_OK
        || (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0)
        || (bare && strcmp(path, "/") != 0))
    {
        qoe_log(&c->t->log, QOE_LOG_ERR, "\"%s\" is not the URL of %s",
                c->url[signal], bare ? "a gRPC server" : "an HTTP server");
        goto done;
    }

    size = strlen(host) + strlen(port) + 2;
    c->host[signal] = qoe_arena_calloc(&c->arena, size);
    status = QOE_NOMEM;

    if (c->host[signal] != NULL) {
        strcpy(c->host[signal], host);
        strcat(c->host[signal], ":");
        strcat(c->host[signal], port);
        status = QOE_OK;
    }

done:

    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    curl_free(path);

    return status;
}


/* Adds an operator's header; an invalid header is logged and left out. */

static qoe_status_t
qoe_http_custom(qoe_http_client_t *c, const qoe_header_t *h)
{
    qoe_buf_t           line;
    const char         *why;
    struct curl_slist  *list;

    why = qoe_http_custom_bad(h);

    if (why != NULL) {
        qoe_log(&c->t->log, QOE_LOG_WARN,
                "header \"%.*s\" is not sent to the collector: %s",
                (int) qoe_min(h->name.len, 64), h->name.data, why);
        return QOE_OK;
    }

    qoe_buf_init(&line, &qoe_mem_heap, QOE_HTTP_CONF_MAX);
    qoe_buf_append(&line, h->name.data, h->name.len);

    /* curl's notation for a header without a value is "name;" */

    if (h->value.len == 0) {
        qoe_buf_literal(&line, ";");

    } else {
        qoe_buf_literal(&line, ": ");
        qoe_buf_append(&line, h->value.data, h->value.len);
    }

    qoe_buf_append(&line, "", 1);

    list = (line.status == QOE_OK)
           ? curl_slist_append(c->headers, line.data) : NULL;
    qoe_buf_free(&line);

    if (list == NULL) {
        return QOE_NOMEM;
    }

    c->headers = list;

    return QOE_OK;
}


/* The reason why a header is invalid, or NULL. */

static const char *
qoe_http_custom_bad(const qoe_header_t *h)
{
    size_t         i;
    unsigned char  ch;

    if (h->name.len == 0) {
        return "it has no name";
    }

    for (i = 0; i < h->name.len; i++) {
        ch = (unsigned char) h->name.data[i];

        if (!isalnum(ch)
            && (ch == '\0' || strchr("!#$%&'*+-.^_`|~", ch) == NULL))
        {
            return "its name is not a token";
        }
    }

    for (i = 0; i < h->value.len; i++) {
        ch = (unsigned char) h->value.data[i];

        if (ch == '\r' || ch == '\n' || ch == '\0') {
            return "its value has a line break or a NUL";
        }
    }

    for (i = 0; i < sizeof(qoe_http_reserved) / sizeof(char *); i++) {
        if (qoe_http_name_eq(h->name, qoe_http_reserved[i])) {
            return "the protocol itself sets it";
        }
    }

    return NULL;
}
