
/*
 * Copyright (C) OpenQoE
 *
 * The exporter's endpoints: makes the URL of each signal, or the path of the
 * file, from what was configured (specification of the OTLP exporter,
 * "Endpoint URLs").
 */


#include "ngx_http_openqoe.h"


typedef struct {
    ngx_str_t  scheme;           /* without "://" */
    ngx_str_t  authority;
    ngx_str_t  path;             /* from the first slash, or empty */
} ngx_http_openqoe_url_t;


static ngx_int_t ngx_http_openqoe_bad_endpoint(ngx_conf_t *cf,
    ngx_str_t *value, const char *name, const char *expected);
static void ngx_http_openqoe_default_endpoint(ngx_http_openqoe_exporter_t *e,
    ngx_http_openqoe_endpoint_t *endpoint);
static ngx_int_t ngx_http_openqoe_target(ngx_conf_t *cf,
    ngx_http_openqoe_exporter_t *e, ngx_uint_t signal,
    ngx_http_openqoe_endpoint_t *t);
static const char *ngx_http_openqoe_file_path(ngx_str_t *url,
    ngx_str_t *path);
static ngx_int_t ngx_http_openqoe_file_endpoint(ngx_conf_t *cf,
    ngx_http_openqoe_exporter_t *e);
static const char *ngx_http_openqoe_split(ngx_str_t *s,
    ngx_http_openqoe_url_t *url);
static const char *ngx_http_openqoe_authority(ngx_str_t *s);
static ngx_int_t ngx_http_openqoe_bare_host(ngx_conf_t *cf,
    ngx_http_openqoe_exporter_t *e, ngx_http_openqoe_endpoint_t *t);
static ngx_int_t ngx_http_openqoe_signal_url(ngx_conf_t *cf,
    ngx_http_openqoe_exporter_t *e, ngx_uint_t signal,
    ngx_http_openqoe_endpoint_t *t, ngx_http_openqoe_url_t *url);


/* What is appended to an endpoint of HTTP that is not the signal's own. */

static const char *const  ngx_http_openqoe_paths[QOE_SIGNALS] = {
    [QOE_SIGNAL_LOGS] = "/v1/logs",
    [QOE_SIGNAL_METRICS] = "/v1/metrics",
    [QOE_SIGNAL_TRACES] = "/v1/traces"
};


ngx_int_t
ngx_http_openqoe_endpoint(ngx_conf_t *cf, ngx_http_openqoe_exporter_t *e)
{
    ngx_uint_t                    i;
    ngx_http_openqoe_endpoint_t  *t, *logs;

    logs = &e->endpoint[QOE_SIGNAL_LOGS];
    ngx_http_openqoe_default_endpoint(e, logs);

    if (ngx_strncmp(logs->url.data, "file:", 5) == 0) {
        return ngx_http_openqoe_file_endpoint(cf, e);
    }

    ngx_conf_init_uint_value(e->protocol, QOE_PROTOCOL_GRPC);

    for (i = 0; i < QOE_SIGNALS; i++) {

        t = &e->endpoint[i];

        if (t->url.data == NULL && !logs->verbatim) {
            *t = *logs;
        }

        ngx_http_openqoe_default_endpoint(e, t);

        if (ngx_http_openqoe_target(cf, e, i, t) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static void
ngx_http_openqoe_default_endpoint(ngx_http_openqoe_exporter_t *e,
    ngx_http_openqoe_endpoint_t *endpoint)
{
    const qoe_span_t  *url;

    if (endpoint->url.data != NULL) {
        return;
    }

    endpoint->name = "endpoint";

    url = &qoe_protocols[e->protocol != NGX_CONF_UNSET_UINT
                         ? e->protocol : QOE_PROTOCOL_GRPC].endpoint;

    endpoint->url.data = (u_char *) (uintptr_t) url->data;
    endpoint->url.len = url->len;
}


static ngx_int_t
ngx_http_openqoe_target(ngx_conf_t *cf, ngx_http_openqoe_exporter_t *e,
    ngx_uint_t signal, ngx_http_openqoe_endpoint_t *t)
{
    const char              *expected;
    ngx_http_openqoe_url_t   url;

    if (ngx_http_openqoe_bare_host(cf, e, t) != NGX_OK) {
        return NGX_ERROR;
    }

    expected = ngx_http_openqoe_split(&t->url, &url);

    if (expected == NULL
        && !qoe_protocols[e->protocol].has_path && url.path.len > 1)
    {
        expected = "without a path, the protocol being grpc";
    }

    if (expected != NULL) {
        return ngx_http_openqoe_bad_endpoint(cf, &t->url, t->name, expected);
    }

    return ngx_http_openqoe_signal_url(cf, e, signal, t, &url);
}


static ngx_int_t
ngx_http_openqoe_bad_endpoint(ngx_conf_t *cf, ngx_str_t *value,
    const char *name, const char *expected)
{
    ngx_http_openqoe_bad_value(cf, name, value, expected);
    return NGX_ERROR;
}


/* NULL, and the path of a "file:" URL; or what the URL must be. */

static const char *
ngx_http_openqoe_file_path(ngx_str_t *url, ngx_str_t *path)
{
    size_t  i;

    if (url->len < sizeof("file:///x") - 1
        || ngx_strncmp(url->data, "file:///", 8) != 0
        || url->data[url->len - 1] == '/')
    {
        return "file:///path with the absolute path of a file";
    }

    path->data = url->data + 7;
    path->len = url->len - 7;

    for (i = 0; i < path->len; i++) {
        if (path->data[i] < 0x20 || path->data[i] == 0x7f) {
            return "without control characters";
        }
    }

    return NULL;
}


/*
 * Opens the file of a "file:" URL now, to name the line if that fails: nginx
 * itself opens it only after the whole configuration is read.
 */

ngx_int_t
ngx_http_openqoe_file_check(ngx_conf_t *cf, const char *name, ngx_str_t *url,
    ngx_str_t *path)
{
    ngx_fd_t     fd;
    const char  *expected;

    expected = ngx_http_openqoe_file_path(url, path);

    if (expected != NULL) {
        return ngx_http_openqoe_bad_endpoint(cf, url, name, expected);
    }

    /* ENXIO is no failure: it is a pipe without a reader yet */

    fd = open((char *) path->data,
              O_WRONLY|O_APPEND|O_CREAT|O_NONBLOCK|O_CLOEXEC,
              NGX_FILE_DEFAULT_ACCESS);

    if (fd != NGX_INVALID_FILE) {
        (void) ngx_close_file(fd);

    } else if (ngx_errno != ENXIO) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "\"%s\" cannot open the file \"%V\"", name, path);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/*
 * nginx creates the file, and reopens it at USR1 like its logs.  The helper
 * opens the file by its name; the flush callback makes it reopen the file.
 */

static ngx_int_t
ngx_http_openqoe_file_endpoint(ngx_conf_t *cf, ngx_http_openqoe_exporter_t *e)
{
    ngx_str_t                     path;
    ngx_uint_t                    i;
    ngx_http_openqoe_endpoint_t  *own, *logs;

    logs = &e->endpoint[QOE_SIGNAL_LOGS];

    if (ngx_http_openqoe_file_check(cf, logs->name, &logs->url, &path)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* all signals go to one file, because each line shows which it is */

    for (i = 0; i < QOE_SIGNALS; i++) {

        own = &e->endpoint[i];

        if (own->verbatim
            && !qoe_span_eq(ngx_http_openqoe_span(own->url),
                            ngx_http_openqoe_span(logs->url)))
        {
            return ngx_http_openqoe_bad_endpoint(cf, &own->url, own->name,
                                                 "the file of the logs");
        }
    }

    e->file = ngx_conf_open_file(cf->cycle, &path);
    if (e->file == NULL) {
        return NGX_ERROR;
    }

    if (e->file->flush == ngx_http_openqoe_reopen) {
        return ngx_http_openqoe_bad_endpoint(cf, &logs->url, logs->name,
                   "a file of its own, another exporter has this one");
    }

    if (e->file->flush != NULL) {
        return ngx_http_openqoe_bad_endpoint(cf, &logs->url, logs->name,
                   "a file that is not a log of nginx");
    }

    e->file->flush = ngx_http_openqoe_reopen;

    e->protocol = QOE_PROTOCOL_FILE;

    for (i = 0; i < QOE_SIGNALS; i++) {
        e->transport.url[i] = ngx_http_openqoe_span(e->file->name);
    }

    return NGX_OK;
}


/*
 * In the environment a gRPC endpoint may be just host:port; then
 * OTEL_EXPORTER_OTLP_INSECURE decides the scheme.
 */

static ngx_int_t
ngx_http_openqoe_bare_host(ngx_conf_t *cf, ngx_http_openqoe_exporter_t *e,
    ngx_http_openqoe_endpoint_t *t)
{
    u_char     *p;
    ngx_str_t   scheme;

    if (e->protocol != QOE_PROTOCOL_GRPC
        || ngx_strncmp(t->name, "OTEL_EXPORTER_", 14) != 0
        || ngx_strstr(t->url.data, "://") != NULL)
    {
        return NGX_OK;
    }

    if (e->insecure) {
        ngx_str_set(&scheme, "http://");
    } else {
        ngx_str_set(&scheme, "https://");
    }

    p = ngx_pnalloc(cf->pool, scheme.len + t->url.len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    t->url.len = (size_t) (ngx_sprintf(p, "%V%V%Z", &scheme, &t->url)
                           - p - 1);
    t->url.data = p;

    return NGX_OK;
}


/* NULL, or what the URL must be. */

static const char *
ngx_http_openqoe_split(ngx_str_t *s, ngx_http_openqoe_url_t *url)
{
    size_t   i;
    u_char  *p, *end, *slash;

    for (i = 0; i < s->len; i++) {
        if (s->data[i] <= ' ' || s->data[i] >= 0x7f
            || ngx_http_openqoe_in("\"<>\\^`{|}", s->data[i]))
        {
            return "a URL without spaces and other characters that must be "
                   "percent-encoded";
        }

        if (s->data[i] == '?' || s->data[i] == '#') {
            return "a URL without query and fragment";
        }
    }

    end = s->data + s->len;
    url->scheme.data = s->data;

    if (ngx_strncmp(s->data, "http://", 7) == 0) {
        url->scheme.len = 4;

    } else if (ngx_strncmp(s->data, "https://", 8) == 0) {
        url->scheme.len = 5;

    } else {
        return "a URL that begins with http://, https:// or file:///";
    }

    p = s->data + url->scheme.len + 3;
    slash = ngx_strlchr(p, end, '/');
    slash = slash ? slash : end;

    url->authority.data = p;
    url->authority.len = (size_t) (slash - p);
    url->path.data = slash;
    url->path.len = (size_t) (end - slash);

    return ngx_http_openqoe_authority(&url->authority);
}


static const char *
ngx_http_openqoe_authority(ngx_str_t *s)
{
    u_char     *p, *end, *host;
    ngx_int_t   port;

    p = s->data;
    end = p + s->len;

    if (ngx_strlchr(p, end, '@') != NULL) {
        return "a URL without user and password, a header can carry them";
    }

    host = p;

    if (p < end && *p == '[') {

        for (p++; p < end && ngx_http_openqoe_in("0123456789abcdefABCDEF:.",
                                                 *p); p++)
        {
            /* void */
        }

        if (p == end || *p != ']') {
            return "a URL with a valid host";
        }

        p++;

    } else {
        for ( /* void */ ; p < end && *p != ':'; p++) {
            if (!((*p >= '0' && *p <= '9')
                  || ((*p | 0x20) >= 'a' && (*p | 0x20) <= 'z')
                  || ngx_http_openqoe_in("-._", *p)))
            {
                return "a URL with a valid host";
            }
        }
    }

    if (p == host) {
        return "a URL with a host";
    }

    if (p == end) {
        return NULL;
    }

    port = ngx_atoi(p + 1, (size_t) (end - p - 1));

    return *p == ':' && port >= 1 && port <= 65535
           ? NULL : "a URL with a port from 1 to 65535";
}


static ngx_int_t
ngx_http_openqoe_signal_url(ngx_conf_t *cf, ngx_http_openqoe_exporter_t *e,
    ngx_uint_t signal, ngx_http_openqoe_endpoint_t *t,
    ngx_http_openqoe_url_t *url)
{
    u_char      *p;
    ngx_str_t    base, path;
    qoe_span_t  *out;

    out = &e->transport.url[signal];

    base.data = t->url.data;
    base.len = (size_t) (url->path.data - t->url.data);

    if (!qoe_protocols[e->protocol].has_path) {
        *out = ngx_http_openqoe_span(base);
        return NGX_OK;
    }

    if (t->verbatim) {
        *out = ngx_http_openqoe_span(t->url);
        return NGX_OK;
    }

    path = url->path;

    while (path.len != 0 && path.data[path.len - 1] == '/') {
        path.len--;
    }

    p = ngx_pnalloc(cf->pool, base.len + path.len
                              + ngx_strlen(ngx_http_openqoe_paths[signal]));
    if (p == NULL) {
        return NGX_ERROR;
    }

    out->data = (char *) p;
    p = ngx_sprintf(p, "%V%V%s", &base, &path, ngx_http_openqoe_paths[signal]);
    out->len = (size_t) ((char *) p - out->data);

    return NGX_OK;
}
