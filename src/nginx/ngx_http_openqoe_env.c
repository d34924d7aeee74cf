
/*
 * Copyright (C) OpenQoE
 *
 * Environment variables, read in the master with the configuration.  A
 * directive takes precedence over them, and a standard name over an older one:
 * each row fills what is still unset, in the order of the table.
 *
 * nginx gives its workers, and a new binary, an empty environment.  Those of
 * these variables that are set are kept, as "env NAME;" does, so that an
 * upgrade of the binary does not turn API_KEY off.
 */


#include "ngx_http_openqoe_fleet.h"

#include <stdlib.h>


/* NULL; what the value must be; or NGX_CONF_ERROR: the error was logged. */

typedef const char *ngx_http_openqoe_env_set_t(ngx_conf_t *cf,
    ngx_http_openqoe_main_conf_t *mcf, const char *name, ngx_str_t *value);


typedef const char *ngx_http_openqoe_env_set_ms_t(
    ngx_http_openqoe_exporter_t *e, uint64_t ms);

typedef const char *ngx_http_openqoe_env_set_word_t(
    ngx_http_openqoe_exporter_t *e, ngx_str_t *value);


typedef struct {
    const char                  *name;
    ngx_http_openqoe_env_set_t  *set;        /* NULL: another row reads it */
    ngx_uint_t                   secret;     /* never log its value */
} ngx_http_openqoe_env_t;


static ngx_int_t ngx_http_openqoe_env_keep(ngx_conf_t *cf, const char *name);
static ngx_http_openqoe_env_set_t  ngx_http_openqoe_env_endpoint;
static ngx_http_openqoe_env_set_t  ngx_http_openqoe_env_protocol;
static ngx_http_openqoe_env_set_t  ngx_http_openqoe_env_headers;
static ngx_http_openqoe_env_set_t  ngx_http_openqoe_env_compression;
static ngx_http_openqoe_env_set_t  ngx_http_openqoe_env_timeout;
static ngx_http_openqoe_env_set_t  ngx_http_openqoe_env_signal;
static ngx_http_openqoe_env_set_t  ngx_http_openqoe_env_metric_interval;
static ngx_http_openqoe_env_set_t  ngx_http_openqoe_env_limits;
static ngx_http_openqoe_env_set_t  ngx_http_openqoe_env_insecure;
static ngx_http_openqoe_env_set_t  ngx_http_openqoe_env_ca;
static ngx_http_openqoe_env_set_t  ngx_http_openqoe_env_certificate;
static ngx_http_openqoe_env_set_t  ngx_http_openqoe_env_certificate_key;
static ngx_http_openqoe_env_set_t  ngx_http_openqoe_env_service;
static ngx_http_openqoe_env_set_t  ngx_http_openqoe_env_resource;
static ngx_http_openqoe_env_set_t  ngx_http_openqoe_env_destination;
static ngx_http_openqoe_env_set_t  ngx_http_openqoe_env_key;
static ngx_http_openqoe_env_set_t  ngx_http_openqoe_env_origins;
static ngx_http_openqoe_env_set_t  ngx_http_openqoe_env_domain;
static ngx_http_openqoe_env_set_t  ngx_http_openqoe_env_level;
static const char *ngx_http_openqoe_env_ms(ngx_http_openqoe_exporter_t *e,
    ngx_msec_t *field, ngx_str_t *value, ngx_http_openqoe_env_set_ms_t *set);
static const char *ngx_http_openqoe_env_word(ngx_http_openqoe_exporter_t *e,
    ngx_uint_t *field, ngx_str_t *value, ngx_http_openqoe_env_set_word_t *set);


static const ngx_http_openqoe_env_t  ngx_http_openqoe_env_vars[] = {
    { "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", ngx_http_openqoe_env_signal, 0 },
    { "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", ngx_http_openqoe_env_signal, 0 },
    { "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", ngx_http_openqoe_env_signal, 0 },
    { "OTEL_EXPORTER_OTLP_ENDPOINT",
      ngx_http_openqoe_env_endpoint, 0 },
    { "OTEL_EXPORTER_OTLP_LOGS_PROTOCOL",
      ngx_http_openqoe_env_protocol, 0 },
    { "OTEL_EXPORTER_OTLP_PROTOCOL",
      ngx_http_openqoe_env_protocol, 0 },
    { "OTEL_EXPORTER_OTLP_LOGS_HEADERS",
      ngx_http_openqoe_env_headers, 1 },
    { "OTEL_EXPORTER_OTLP_HEADERS",
      ngx_http_openqoe_env_headers, 1 },
    { "OTEL_EXPORTER_OTLP_LOGS_COMPRESSION",
      ngx_http_openqoe_env_compression, 0 },
    { "OTEL_EXPORTER_OTLP_COMPRESSION",
      ngx_http_openqoe_env_compression, 0 },
    { "OTEL_EXPORTER_OTLP_LOGS_TIMEOUT",
      ngx_http_openqoe_env_timeout, 0 },
    { "OTEL_EXPORTER_OTLP_TIMEOUT",
      ngx_http_openqoe_env_timeout, 0 },
    { "OTEL_EXPORTER_OTLP_LOGS_INSECURE",
      ngx_http_openqoe_env_insecure, 0 },
    { "OTEL_EXPORTER_OTLP_INSECURE",
      ngx_http_openqoe_env_insecure, 0 },
    { "OTEL_EXPORTER_OTLP_LOGS_CERTIFICATE",
      ngx_http_openqoe_env_ca, 0 },
    { "OTEL_EXPORTER_OTLP_CERTIFICATE",
      ngx_http_openqoe_env_ca, 0 },
    { "OTEL_EXPORTER_OTLP_LOGS_CLIENT_CERTIFICATE",
      ngx_http_openqoe_env_certificate, 0 },
    { "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE",
      ngx_http_openqoe_env_certificate, 0 },
    { "OTEL_EXPORTER_OTLP_LOGS_CLIENT_KEY",
      ngx_http_openqoe_env_certificate_key, 0 },
    { "OTEL_EXPORTER_OTLP_CLIENT_KEY",
      ngx_http_openqoe_env_certificate_key, 0 },
    { "OTEL_METRIC_EXPORT_INTERVAL",
      ngx_http_openqoe_env_metric_interval, 0 },
    { "OTEL_SERVICE_NAME", ngx_http_openqoe_env_service, 0 },
    { "OTEL_RESOURCE_ATTRIBUTES", ngx_http_openqoe_env_resource, 0 },
    { "DESTINATION_TYPE", ngx_http_openqoe_env_destination, 0 },
    { "GRAFANA_CLOUD_INSTANCE_ID", NULL, 0 },
    { "GRAFANA_CLOUD_API_KEY", NULL, 1 },
    { "GRAFANA_CLOUD_REGION", NULL, 0 },
    { "OTEL_URL", ngx_http_openqoe_env_endpoint, 0 },
    { "API_KEY", ngx_http_openqoe_env_key, 1 },
    { "CARDINALITY_LIMITS", ngx_http_openqoe_env_limits, 0 },
    { "CORS_ALLOWED_ORIGINS", ngx_http_openqoe_env_origins, 0 },
    { "OWN_DOMAIN", ngx_http_openqoe_env_domain, 0 },
    { "LOG_LEVEL", ngx_http_openqoe_env_level, 0 },
    { NULL, NULL, 0 }
};


static const struct {
    ngx_str_t        name;
    qoe_log_level_t  level;
} ngx_http_openqoe_log_levels[] = {
    { ngx_string("error"), QOE_LOG_ERR },
    { ngx_string("warn"), QOE_LOG_WARN },
    { ngx_string("info"), QOE_LOG_INFO },
    { ngx_string("debug"), QOE_LOG_DEBUG }
};


ngx_int_t
ngx_http_openqoe_env(ngx_conf_t *cf, ngx_http_openqoe_main_conf_t *mcf)
{
    char                          *p;
    ngx_str_t                      value, hidden;
    const char                    *expected;
    const ngx_http_openqoe_env_t  *var;

    ngx_str_set(&hidden, "...");

    for (var = ngx_http_openqoe_env_vars; var->name != NULL; var++) {

        p = getenv(var->name);

        if (p == NULL) {
            continue;
        }

        if (ngx_http_openqoe_env_keep(cf, var->name) != NGX_OK) {
            return NGX_ERROR;
        }

        /* OpenTelemetry: empty is unset; but an empty key is a mistake */

        if (var->set == NULL
            || (*p == '\0' && var->set != ngx_http_openqoe_env_key))
        {
            continue;
        }

        /* a copy: setters change it, and it outlives the environment */

        value.len = ngx_strlen(p);
        value.data = ngx_pnalloc(cf->pool, value.len + 1);

        if (value.data == NULL) {
            return NGX_ERROR;
        }

        ngx_memcpy(value.data, p, value.len + 1);

        expected = var->set(cf, mcf, var->name, &value);

        if (expected == NULL) {
            continue;
        }

        if (expected != NGX_CONF_ERROR) {
            value.data = (u_char *) p;
            value.len = ngx_strlen(p);
            ngx_http_openqoe_bad_value(cf, var->name,
                                       var->secret ? &hidden : &value,
                                       expected);
        }

        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_openqoe_env_keep(ngx_conf_t *cf, const char *name)
{
    ngx_str_t        *env;
    ngx_uint_t        i;
    ngx_core_conf_t  *ccf;

    ccf = (ngx_core_conf_t *) ngx_get_conf(cf->cycle->conf_ctx,
                                           ngx_core_module);
    env = ccf->env.elts;

    for (i = 0; i < ccf->env.nelts; i++) {
        if (env[i].len == ngx_strlen(name)
            && ngx_strncmp(env[i].data, name, env[i].len) == 0)
        {
            return NGX_OK;
        }
    }

    env = ngx_array_push(&ccf->env);
    if (env == NULL) {
        return NGX_ERROR;
    }

    env->data = (u_char *) name;
    env->len = ngx_strlen(name);

    return NGX_OK;
}


/* The endpoint of all signals; those that have one of their own keep it. */

static const char *
ngx_http_openqoe_env_endpoint(ngx_conf_t *cf,
    ngx_http_openqoe_main_conf_t *mcf, const char *name, ngx_str_t *value)
{
    ngx_uint_t                    i;
    ngx_http_openqoe_endpoint_t  *e;

    (void) cf;

    e = mcf->exporter->endpoint;

    for (i = 0; i < QOE_SIGNALS; i++) {
        if (e[i].url.data == NULL
            && (i == QOE_SIGNAL_LOGS || e[QOE_SIGNAL_LOGS].verbatim))
        {
            e[i].url = *value;
            e[i].name = name;
        }
    }

    return NULL;
}


static const char *
ngx_http_openqoe_env_signal(ngx_conf_t *cf,
    ngx_http_openqoe_main_conf_t *mcf, const char *name, ngx_str_t *value)
{
    ngx_uint_t                    i;
    ngx_http_openqoe_endpoint_t  *e;

    static const char *const  names[QOE_SIGNALS] = {
        [QOE_SIGNAL_LOGS] = "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT",
        [QOE_SIGNAL_METRICS] = "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
        [QOE_SIGNAL_TRACES] = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
    };

    (void) cf;

    e = mcf->exporter->endpoint;

    /* a directive is for all signals, and wins */

    if (e[QOE_SIGNAL_LOGS].url.data != NULL && !e[QOE_SIGNAL_LOGS].verbatim) {
        return NULL;
    }

    for (i = 0; ngx_strcmp(name, names[i]) != 0; i++) { /* void */ }

    e[i] = (ngx_http_openqoe_endpoint_t) { *value, name, 1 };

    return NULL;
}


static const char *
ngx_http_openqoe_env_metric_interval(ngx_conf_t *cf,
    ngx_http_openqoe_main_conf_t *mcf, const char *name, ngx_str_t *value)
{
    (void) cf;
    (void) name;

    return ngx_http_openqoe_env_ms(mcf->exporter,
                                   &mcf->exporter->metric_interval, value,
                                   ngx_http_openqoe_set_metric_interval);
}


/* Keeps a value that is set already, but rejects a wrong one all the same. */

static const char *
ngx_http_openqoe_env_ms(ngx_http_openqoe_exporter_t *e, ngx_msec_t *field,
    ngx_str_t *value, ngx_http_openqoe_env_set_ms_t *set)
{
    ngx_int_t    ms;
    ngx_msec_t   before;
    const char  *expected;

    ms = ngx_atoi(value->data, value->len);

    if (ms == NGX_ERROR) {
        return "a number of milliseconds";
    }

    before = *field;
    expected = set(e, (uint64_t) ms);

    if (before != NGX_CONF_UNSET_MSEC) {
        *field = before;
    }

    return expected;
}


static const char *
ngx_http_openqoe_env_word(ngx_http_openqoe_exporter_t *e, ngx_uint_t *field,
    ngx_str_t *value, ngx_http_openqoe_env_set_word_t *set)
{
    ngx_uint_t   before;
    const char  *expected;

    before = *field;
    expected = set(e, value);

    if (before != NGX_CONF_UNSET_UINT) {
        *field = before;
    }

    return expected;
}


static const char *
ngx_http_openqoe_env_limits(ngx_conf_t *cf,
    ngx_http_openqoe_main_conf_t *mcf, const char *name, ngx_str_t *value)
{
    (void) name;
    return ngx_http_openqoe_cardinality_limits(cf, mcf, value);
}


static const char *
ngx_http_openqoe_env_protocol(ngx_conf_t *cf,
    ngx_http_openqoe_main_conf_t *mcf, const char *name, ngx_str_t *value)
{
    (void) cf;
    (void) name;

    return ngx_http_openqoe_env_word(mcf->exporter, &mcf->exporter->protocol,
                                     value, ngx_http_openqoe_set_protocol);
}


static const char *
ngx_http_openqoe_env_compression(ngx_conf_t *cf,
    ngx_http_openqoe_main_conf_t *mcf, const char *name, ngx_str_t *value)
{
    (void) cf;
    (void) name;

    return ngx_http_openqoe_env_word(mcf->exporter, &mcf->exporter->gzip,
                                     value, ngx_http_openqoe_set_compression);
}


static const char *
ngx_http_openqoe_env_timeout(ngx_conf_t *cf,
    ngx_http_openqoe_main_conf_t *mcf, const char *name, ngx_str_t *value)
{
    (void) cf;
    (void) name;

    return ngx_http_openqoe_env_ms(mcf->exporter, &mcf->exporter->timeout,
                                   value, ngx_http_openqoe_set_timeout);
}


static const char *
ngx_http_openqoe_env_headers(ngx_conf_t *cf,
    ngx_http_openqoe_main_conf_t *mcf, const char *name, ngx_str_t *value)
{
    (void) name;

    /* the variable of the signal replaces the general one */

    if (mcf->exporter->env_headers) {
        return NULL;
    }

    mcf->exporter->env_headers = 1;

    return ngx_http_openqoe_pairs(mcf->exporter, value,
                                  ngx_http_openqoe_add_header, 0);
}


static const char *
ngx_http_openqoe_env_insecure(ngx_conf_t *cf,
    ngx_http_openqoe_main_conf_t *mcf, const char *name, ngx_str_t *value)
{
    ngx_uint_t  insecure;

    (void) cf;
    (void) name;

    if (ngx_strcasecmp(value->data, (u_char *) "true") == 0) {
        insecure = 1;

    } else if (ngx_strcasecmp(value->data, (u_char *) "false") == 0) {
        insecure = 0;

    } else {
        return "\"true\" or \"false\"";
    }

    ngx_conf_init_uint_value(mcf->exporter->insecure, insecure);

    return NULL;
}


static const char *
ngx_http_openqoe_env_ca(ngx_conf_t *cf, ngx_http_openqoe_main_conf_t *mcf,
    const char *name, ngx_str_t *value)
{
    if (mcf->exporter->ca_pem.len != 0) {
        return NULL;
    }

    return ngx_http_openqoe_pem(cf, name, value,
                                NGX_HTTP_OPENQOE_PEM_CERTIFICATES,
                                &mcf->exporter->ca_pem)
           == NGX_OK ? NULL : NGX_CONF_ERROR;
}


static const char *
ngx_http_openqoe_env_certificate(ngx_conf_t *cf,
    ngx_http_openqoe_main_conf_t *mcf, const char *name, ngx_str_t *value)
{
    if (mcf->exporter->certificate_pem.len != 0) {
        return NULL;
    }

    return ngx_http_openqoe_pem(cf, name, value,
                                NGX_HTTP_OPENQOE_PEM_CERTIFICATES,
                                &mcf->exporter->certificate_pem)
           == NGX_OK ? NULL : NGX_CONF_ERROR;
}


static const char *
ngx_http_openqoe_env_certificate_key(ngx_conf_t *cf,
    ngx_http_openqoe_main_conf_t *mcf, const char *name, ngx_str_t *value)
{
    if (mcf->exporter->key_pem.len != 0) {
        return NULL;
    }

    return ngx_http_openqoe_pem(cf, name, value, NGX_HTTP_OPENQOE_PEM_KEY,
                                &mcf->exporter->key_pem)
           == NGX_OK ? NULL : NGX_CONF_ERROR;
}


static const char *
ngx_http_openqoe_env_service(ngx_conf_t *cf,
    ngx_http_openqoe_main_conf_t *mcf, const char *name, ngx_str_t *value)
{
    ngx_uint_t  duplicate;

    static ngx_str_t  service = ngx_string("service.name");

    (void) cf;
    (void) name;

    return ngx_http_openqoe_add_resource(mcf->exporter, &service, value,
                                         &duplicate);
}


/* The instance is that of all exporters, the other attributes of the first. */

static const char *
ngx_http_openqoe_env_resource(ngx_conf_t *cf,
    ngx_http_openqoe_main_conf_t *mcf, const char *name, ngx_str_t *value)
{
    size_t                        i;
    ngx_str_t                     key, text;
    ngx_uint_t                    duplicate;
    qoe_attr_t                   *attr;
    const char                   *expected;
    ngx_http_openqoe_exporter_t   list;

    (void) name;

    ngx_memzero(&list, sizeof(ngx_http_openqoe_exporter_t));

    if (ngx_array_init(&list.resource, cf->pool, 4, sizeof(qoe_attr_t))
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    expected = ngx_http_openqoe_pairs(&list, value,
                                      ngx_http_openqoe_add_resource, 1);
    attr = list.resource.elts;

    for (i = 0; i < list.resource.nelts && expected == NULL; i++) {

        key.data = (u_char *) attr[i].key.data;
        key.len = attr[i].key.len;
        text.data = (u_char *) attr[i].value.data;
        text.len = attr[i].value.len;

        if (qoe_span_eq(attr[i].key, qoe_span("service.instance.id"))) {
            expected = ngx_http_openqoe_edge_env(mcf, &text);

        } else {
            expected = ngx_http_openqoe_add_resource(mcf->exporter, &key,
                                                     &text, &duplicate);
        }
    }

    return expected;
}


static const char *
ngx_http_openqoe_env_destination(ngx_conf_t *cf,
    ngx_http_openqoe_main_conf_t *mcf, const char *name, ngx_str_t *value)
{
    ngx_uint_t  i;

    (void) name;

    if (ngx_strcmp(value->data, "SelfHosted") == 0) {
        return NULL;
    }

    if (ngx_strcmp(value->data, "GrafanaCloud") != 0) {
        return "\"SelfHosted\" or \"GrafanaCloud\"";
    }

    /* the credentials must go to Grafana Cloud's own endpoint only */

    for (i = 0; i < QOE_SIGNALS; i++) {
        if (mcf->exporter->endpoint[i].url.data != NULL) {
            return NULL;
        }
    }

    return ngx_http_openqoe_grafana(cf, mcf->exporter);
}


static const char *
ngx_http_openqoe_env_key(ngx_conf_t *cf, ngx_http_openqoe_main_conf_t *mcf,
    const char *name, ngx_str_t *value)
{
    (void) name;

    if (value->len == 0) {
        return "a key: unset the variable to have no authentication";
    }

    return ngx_http_openqoe_add_key(cf, &mcf->env_keys, value) == NGX_OK
           ? NULL : "kept in memory, which is exhausted";
}


static const char *
ngx_http_openqoe_env_origins(ngx_conf_t *cf,
    ngx_http_openqoe_main_conf_t *mcf, const char *name, ngx_str_t *value)
{
    u_char      *p, *end, *next;
    ngx_str_t    origin;
    const char  *expected;

    (void) name;

    end = value->data + value->len;

    for (p = value->data; p < end; p = next + 1) {

        next = ngx_strlchr(p, end, ',');
        next = next ? next : end;

        origin.data = p;
        origin.len = (size_t) (next - p);
        ngx_http_openqoe_trim(&origin);

        if (origin.len == 0) {
            continue;
        }

        expected = ngx_http_openqoe_add_origin(cf->pool, &mcf->env_origins,
                                               &origin);
        if (expected != NULL) {
            return expected;
        }
    }

    return NULL;
}


static const char *
ngx_http_openqoe_env_domain(ngx_conf_t *cf,
    ngx_http_openqoe_main_conf_t *mcf, const char *name, ngx_str_t *value)
{
    (void) cf;
    (void) name;

    mcf->env_domain = *value;

    return ngx_http_openqoe_check_domain(value);
}


static const char *
ngx_http_openqoe_env_level(ngx_conf_t *cf, ngx_http_openqoe_main_conf_t *mcf,
    const char *name, ngx_str_t *value)
{
    ngx_uint_t  i;

    (void) cf;
    (void) name;

    for (i = 0; i < 4; i++) {
        if (ngx_strcasecmp(value->data,
                           ngx_http_openqoe_log_levels[i].name.data)
            == 0)
        {
            mcf->log_level = ngx_http_openqoe_log_levels[i].level;
            return NULL;
        }
    }

    return "\"error\", \"warn\", \"info\" or \"debug\"";
}
