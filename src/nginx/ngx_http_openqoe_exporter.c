
/*
 * Copyright (C) OpenQoE
 *
 * The values of an exporter, whether directives or the environment give them,
 * and their defaults.
 */


#include "ngx_http_openqoe.h"


#define NGX_HTTP_OPENQOE_CONNECT_MS  5000
#define NGX_HTTP_OPENQOE_TIMEOUT_MIN 10
#define NGX_HTTP_OPENQOE_TIMEOUT_MAX 600000
#define NGX_HTTP_OPENQOE_METRIC_MIN  100
#define NGX_HTTP_OPENQOE_METRIC_MAX  3600000


/* Header fields that the transport sets itself. */

static const ngx_str_t  ngx_http_openqoe_reserved[] = {
    ngx_string("accept-encoding"),
    ngx_string("connection"),
    ngx_string("content-encoding"),
    ngx_string("content-length"),
    ngx_string("content-type"),
    ngx_string("expect"),
    ngx_string("grpc-encoding"),
    ngx_string("grpc-timeout"),
    ngx_string("host"),
    ngx_string("te"),
    ngx_string("transfer-encoding"),
    ngx_string("user-agent")
};


ngx_int_t
ngx_http_openqoe_exporter_init(ngx_conf_t *cf, ngx_http_openqoe_exporter_t *e)
{
    ngx_memset(e->dest, 0xff, sizeof(e->dest));
    e->metrics_dest = UINT32_MAX;
    e->signals = NGX_CONF_UNSET_UINT;
    e->spool = NGX_CONF_UNSET_UINT;
    e->protocol = NGX_CONF_UNSET_UINT;
    e->gzip = NGX_CONF_UNSET_UINT;
    e->gzip_level = NGX_CONF_UNSET_SIZE;
    e->interval = NGX_CONF_UNSET_MSEC;
    e->metric_interval = NGX_CONF_UNSET_MSEC;
    e->timeout = NGX_CONF_UNSET_MSEC;
    e->batch_size = NGX_CONF_UNSET_SIZE;
    e->ssl_verify = NGX_CONF_UNSET_UINT;
    e->drop_refused = NGX_CONF_UNSET_UINT;
    e->insecure = NGX_CONF_UNSET_UINT;

    if (ngx_array_init(&e->headers, cf->pool, 4, sizeof(qoe_header_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_array_init(&e->resource, cf->pool, 4, sizeof(qoe_attr_t));
}


/* After block and environment: sets defaults, configures the transport. */

ngx_int_t
ngx_http_openqoe_exporter_complete(ngx_conf_t *cf,
    ngx_http_openqoe_exporter_t *e)
{
    ngx_uint_t             i, used;
    qoe_transport_conf_t  *t;

    ngx_conf_init_uint_value(e->signals, NGX_HTTP_OPENQOE_LOGS
                                         |NGX_HTTP_OPENQOE_METRICS);
    ngx_conf_init_uint_value(e->gzip, 1);
    ngx_conf_init_size_value(e->gzip_level, 1);
    ngx_conf_init_msec_value(e->interval, 1000);
    ngx_conf_init_msec_value(e->metric_interval, 60000);
    ngx_conf_init_msec_value(e->timeout, 10000);
    ngx_conf_init_size_value(e->batch_size, 512);
    ngx_conf_init_uint_value(e->ssl_verify, 1);
    ngx_conf_init_uint_value(e->drop_refused, 0);
    ngx_conf_init_uint_value(e->insecure, 0);

    if (ngx_http_openqoe_endpoint(cf, e) != NGX_OK
        || ngx_http_openqoe_tls_check(cf, e) != NGX_OK)
    {
        return NGX_ERROR;
    }

    t = &e->transport;

    used = 0;

    for (i = 0; i < QOE_STREAMS; i++) {
        used |= (e->signals >> i & 1) << qoe_streams[i].signal;
    }

    for (i = 0; i < QOE_SIGNALS; i++) {
        if (i != QOE_SIGNAL_METRICS && (used >> i & 1) == 0) {
            t->url[i] = qoe_span_null;
        }
    }

    if ((e->signals & NGX_HTTP_OPENQOE_METRICS) == 0) {
        t->url[QOE_SIGNAL_METRICS] = qoe_span_null;
    }

    t->protocol = e->protocol;
    t->headers = e->headers.elts;
    t->nheaders = e->headers.nelts;
    t->gzip = e->gzip;
    t->gzip_level = (int) e->gzip_level;
    t->timeout_ms = e->timeout;
    t->connect_timeout_ms = qoe_min(e->timeout, NGX_HTTP_OPENQOE_CONNECT_MS);
    t->drop_refused = e->drop_refused;
    t->ssl_verify = e->ssl_verify;
    t->ca_pem = ngx_http_openqoe_span(e->ca_pem);
    t->certificate_pem = ngx_http_openqoe_span(e->certificate_pem);
    t->key_pem = ngx_http_openqoe_span(e->key_pem);
    t->user_agent = qoe_span("OTel-OTLP-Exporter-openqoe-nginx/"
                             NGX_HTTP_OPENQOE_VERSION);

    return NGX_OK;
}


const char *
ngx_http_openqoe_set_protocol(ngx_http_openqoe_exporter_t *e,
    ngx_str_t *value)
{
    ngx_uint_t  i;

    for (i = 0; i < QOE_PROTOCOLS_N; i++) {
        if (value->len != 0
            && qoe_span_eq(ngx_http_openqoe_span(*value),
                           qoe_protocols[i].name))
        {
            e->protocol = i;
            return NULL;
        }
    }

    return "\"grpc\", \"http/protobuf\" or \"http/json\"";
}


const char *
ngx_http_openqoe_set_compression(ngx_http_openqoe_exporter_t *e,
    ngx_str_t *value)
{
    if (value->len == 4 && ngx_strncmp(value->data, "gzip", 4) == 0) {
        e->gzip = 1;
        return NULL;
    }

    if (value->len == 4 && ngx_strncmp(value->data, "none", 4) == 0) {
        e->gzip = 0;
        return NULL;
    }

    return "\"gzip\" or \"none\"";
}


const char *
ngx_http_openqoe_set_timeout(ngx_http_openqoe_exporter_t *e, uint64_t ms)
{
    if (ms < NGX_HTTP_OPENQOE_TIMEOUT_MIN
        || ms > NGX_HTTP_OPENQOE_TIMEOUT_MAX)
    {
        return "from 10 milliseconds to 10 minutes";
    }

    e->timeout = (ngx_msec_t) ms;

    return NULL;
}


const char *
ngx_http_openqoe_set_metric_interval(ngx_http_openqoe_exporter_t *e,
    uint64_t ms)
{
    if (ms < NGX_HTTP_OPENQOE_METRIC_MIN || ms > NGX_HTTP_OPENQOE_METRIC_MAX) {
        return "from 100 milliseconds to 1 hour";
    }

    e->metric_interval = (ngx_msec_t) ms;

    return NULL;
}


/* The first header of a name is kept; *duplicate is set for a later one. */

const char *
ngx_http_openqoe_add_header(ngx_http_openqoe_exporter_t *e, ngx_str_t *name,
    ngx_str_t *value, ngx_uint_t *duplicate)
{
    size_t         i;
    u_char         c;
    qoe_header_t  *h;

    *duplicate = 0;

    /* a token of RFC 9110 */

    for (i = 0; i < name->len; i++) {
        c = name->data[i];

        if (!((c >= '0' && c <= '9')
              || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z')
              || ngx_http_openqoe_in("!#$%&'*+-.^_`|~", c)))
        {
            return "a header name and a value";
        }
    }

    if (name->len == 0) {
        return "a header name and a value";
    }

    for (i = 0; i < value->len; i++) {
        if ((value->data[i] < 0x20 && value->data[i] != '\t')
            || value->data[i] == 0x7f)
        {
            return "without control characters";
        }
    }

    for (i = 0; i < sizeof(ngx_http_openqoe_reserved) / sizeof(ngx_str_t);
         i++)
    {
        if (name->len == ngx_http_openqoe_reserved[i].len
            && ngx_strncasecmp(name->data, ngx_http_openqoe_reserved[i].data,
                               name->len)
               == 0)
        {
            return "another header, this one is set by the exporter";
        }
    }

    h = e->headers.elts;

    for (i = 0; i < e->headers.nelts; i++) {
        if (h[i].name.len == name->len
            && ngx_strncasecmp((u_char *) h[i].name.data, name->data,
                               name->len)
               == 0)
        {
            *duplicate = 1;
            return NULL;
        }
    }

    h = ngx_array_push(&e->headers);
    if (h == NULL) {
        return "kept in memory, which is exhausted";
    }

    h->name = ngx_http_openqoe_span(*name);
    h->value = ngx_http_openqoe_span(*value);

    return NULL;
}


ngx_uint_t
ngx_http_openqoe_utf8(ngx_str_t *s)
{
    u_char    *p, *end;
    uint32_t   c;

    p = s->data;
    end = p + s->len;

    while (p < end) {

        if (*p != '\0' && *p < 0x80) {
            p++;
            continue;
        }

        c = (*p == '\0') ? 0 : ngx_utf8_decode(&p, (size_t) (end - p));

        if (c == 0 || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) {
            return 0;
        }
    }

    return 1;
}


const char *
ngx_http_openqoe_add_resource(ngx_http_openqoe_exporter_t *e, ngx_str_t *name,
    ngx_str_t *value, ngx_uint_t *duplicate)
{
    size_t       i;
    qoe_attr_t  *attr;

    *duplicate = 0;

    if (name->len == 0) {
        return "an attribute name and a value";
    }

    if (!ngx_http_openqoe_utf8(name) || !ngx_http_openqoe_utf8(value)) {
        return "valid UTF-8 without NUL";
    }

    attr = e->resource.elts;

    for (i = 0; i < e->resource.nelts; i++) {
        if (qoe_span_eq(attr[i].key, ngx_http_openqoe_span(*name))) {
            *duplicate = 1;
            return NULL;
        }
    }

    attr = ngx_array_push(&e->resource);
    if (attr == NULL) {
        return "kept in memory, which is exhausted";
    }

    attr->key = ngx_http_openqoe_span(*name);
    attr->value = ngx_http_openqoe_span(*value);

    return NULL;
}
