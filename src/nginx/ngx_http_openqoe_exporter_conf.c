
/*
 * Copyright (C) OpenQoE
 *
 * The openqoe_exporter { } block: one row a line that may stand in it.
 */


#include "ngx_http_openqoe.h"


/*
 * NULL; what the last argument must be; or NGX_CONF_ERROR after the error was
 * logged.  args[0] is the line's name.
 */
typedef const char *ngx_http_openqoe_line_set_t(ngx_conf_t *cf,
    ngx_http_openqoe_exporter_t *e, ngx_str_t *args);


typedef struct {
    ngx_str_t                     name;
    ngx_uint_t                    nargs;     /* with the name */
    ngx_http_openqoe_line_set_t  *set;
    ngx_uint_t                    many;      /* may be repeated */
} ngx_http_openqoe_line_t;


static char *ngx_http_openqoe_line(ngx_conf_t *cf, ngx_command_t *dummy,
    void *conf);
static ngx_http_openqoe_line_set_t  ngx_http_openqoe_endpoint_line;
static ngx_http_openqoe_line_set_t  ngx_http_openqoe_protocol_line;
static ngx_http_openqoe_line_set_t  ngx_http_openqoe_header_line;
static ngx_http_openqoe_line_set_t  ngx_http_openqoe_compression_line;
static ngx_http_openqoe_line_set_t  ngx_http_openqoe_interval_line;
static ngx_http_openqoe_line_set_t  ngx_http_openqoe_metric_line;
static ngx_http_openqoe_line_set_t  ngx_http_openqoe_batch_line;
static ngx_http_openqoe_line_set_t  ngx_http_openqoe_timeout_line;
static ngx_http_openqoe_line_set_t  ngx_http_openqoe_ca_line;
static ngx_http_openqoe_line_set_t  ngx_http_openqoe_certificate_line;
static ngx_http_openqoe_line_set_t  ngx_http_openqoe_key_line;
static ngx_http_openqoe_line_set_t  ngx_http_openqoe_verify_line;
static ngx_http_openqoe_line_set_t  ngx_http_openqoe_resource_line;
static const char *ngx_http_openqoe_duplicate(ngx_conf_t *cf,
    ngx_str_t *args);


static const ngx_http_openqoe_line_t  ngx_http_openqoe_lines[] = {
    { ngx_string("endpoint"), 2, ngx_http_openqoe_endpoint_line, 0 },
    { ngx_string("protocol"), 2, ngx_http_openqoe_protocol_line, 0 },
    { ngx_string("header"), 3, ngx_http_openqoe_header_line, 1 },
    { ngx_string("compression"), 2, ngx_http_openqoe_compression_line, 0 },
    { ngx_string("interval"), 2, ngx_http_openqoe_interval_line, 0 },
    { ngx_string("metric_interval"), 2, ngx_http_openqoe_metric_line, 0 },
    { ngx_string("batch_size"), 2, ngx_http_openqoe_batch_line, 0 },
    { ngx_string("timeout"), 2, ngx_http_openqoe_timeout_line, 0 },
    { ngx_string("trusted_certificate"), 2, ngx_http_openqoe_ca_line, 0 },
    { ngx_string("certificate"), 2, ngx_http_openqoe_certificate_line, 0 },
    { ngx_string("certificate_key"), 2, ngx_http_openqoe_key_line, 0 },
    { ngx_string("ssl_verify"), 2, ngx_http_openqoe_verify_line, 0 },
    { ngx_string("resource"), 3, ngx_http_openqoe_resource_line, 1 },
    { ngx_null_string, 0, NULL, 0 }
};


static const ngx_http_openqoe_range_t  ngx_http_openqoe_interval_range = {
    10, 3600000, "a time from 10ms to 1h"
};


static const ngx_http_openqoe_range_t  ngx_http_openqoe_batch_range = {
    1, 10000, "a number from 1 to 10000"
};


static const ngx_http_openqoe_range_t  ngx_http_openqoe_any_time = {
    0, NGX_MAX_INT_T_VALUE, NULL
};


char *
ngx_http_openqoe_exporter_block(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    char                          *rv;
    ngx_conf_t                     save;
    ngx_http_openqoe_main_conf_t  *mcf = conf;

    (void) cmd;

    if (mcf->exporter.defined) {
        return "is duplicate";
    }

    mcf->exporter.defined = 1;

    save = *cf;
    cf->handler = ngx_http_openqoe_line;
    cf->handler_conf = (char *) &mcf->exporter;

    rv = ngx_conf_parse(cf, NULL);

    *cf = save;

    return rv;
}


static char *
ngx_http_openqoe_line(ngx_conf_t *cf, ngx_command_t *dummy, void *conf)
{
    ngx_str_t                      *args;
    ngx_uint_t                      i;
    const char                     *expected;
    const ngx_http_openqoe_line_t  *line;
    ngx_http_openqoe_exporter_t    *e = conf;

    args = cf->args->elts;

    if (ngx_strcmp(args[0].data, "include") == 0 && cf->args->nelts == 2) {
        return ngx_conf_include(cf, dummy, conf);
    }

    for (i = 0; /* void */ ; i++) {

        line = &ngx_http_openqoe_lines[i];

        if (line->name.len == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "unknown directive \"%V\" in "
                               "\"openqoe_exporter\"", &args[0]);
            return NGX_CONF_ERROR;
        }

        if (line->name.len == args[0].len
            && ngx_strncmp(line->name.data, args[0].data, args[0].len) == 0)
        {
            break;
        }
    }

    if (cf->args->nelts != line->nargs) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid number of arguments in \"%V\" of "
                           "\"openqoe_exporter\"", &args[0]);
        return NGX_CONF_ERROR;
    }

    if (!line->many && (e->set & (1U << i))) {
        return (char *) ngx_http_openqoe_duplicate(cf, args);
    }

    e->set |= 1U << i;

    expected = line->set(cf, e, args);

    if (expected == NULL || expected == NGX_CONF_ERROR) {
        return (char *) expected;
    }

    return ngx_http_openqoe_bad_value(cf, (char *) args[0].data,
                                      &args[line->nargs - 1], expected);
}


static const char *
ngx_http_openqoe_duplicate(ngx_conf_t *cf, ngx_str_t *args)
{
    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "\"%V\" directive is duplicate in "
                       "\"openqoe_exporter\"", &args[0]);
    return NGX_CONF_ERROR;
}


/* Judged when the protocol is known, too. */

static const char *
ngx_http_openqoe_endpoint_line(ngx_conf_t *cf, ngx_http_openqoe_exporter_t *e,
    ngx_str_t *args)
{
    (void) cf;

    if (args[1].len == 0) {
        return "a URL";
    }

    e->endpoint = args[1];
    e->endpoint_name = "endpoint";

    return NULL;
}


static const char *
ngx_http_openqoe_protocol_line(ngx_conf_t *cf, ngx_http_openqoe_exporter_t *e,
    ngx_str_t *args)
{
    (void) cf;
    return ngx_http_openqoe_set_protocol(e, &args[1]);
}


static const char *
ngx_http_openqoe_compression_line(ngx_conf_t *cf,
    ngx_http_openqoe_exporter_t *e, ngx_str_t *args)
{
    (void) cf;
    return ngx_http_openqoe_set_compression(e, &args[1]);
}


static const char *
ngx_http_openqoe_header_line(ngx_conf_t *cf, ngx_http_openqoe_exporter_t *e,
    ngx_str_t *args)
{
    ngx_uint_t   duplicate;
    const char  *expected;

    expected = ngx_http_openqoe_add_header(e, &args[1], &args[2], &duplicate);

    if (expected != NULL) {

        /* the value may be a secret: the name is the token to show */

        return ngx_http_openqoe_bad_value(cf, "header", &args[1], expected);
    }

    if (duplicate) {
        return ngx_http_openqoe_bad_value(cf, "header", &args[1],
                                          "given once");
    }

    return NULL;
}


static const char *
ngx_http_openqoe_resource_line(ngx_conf_t *cf, ngx_http_openqoe_exporter_t *e,
    ngx_str_t *args)
{
    ngx_uint_t   duplicate;
    const char  *expected;

    expected = ngx_http_openqoe_add_resource(e, &args[1], &args[2],
                                             &duplicate);
    if (expected == NULL && duplicate) {
        return ngx_http_openqoe_bad_value(cf, "resource", &args[1],
                                          "given once");
    }

    return expected;
}


static const char *
ngx_http_openqoe_interval_line(ngx_conf_t *cf, ngx_http_openqoe_exporter_t *e,
    ngx_str_t *args)
{
    (void) cf;

    return ngx_http_openqoe_time(&args[1], &ngx_http_openqoe_interval_range,
                                 &e->interval)
           == NGX_OK ? NULL : ngx_http_openqoe_interval_range.text;
}


static const char *
ngx_http_openqoe_metric_line(ngx_conf_t *cf, ngx_http_openqoe_exporter_t *e,
    ngx_str_t *args)
{
    ngx_msec_t  ms;

    (void) cf;

    if (ngx_http_openqoe_time(&args[1], &ngx_http_openqoe_any_time, &ms)
        != NGX_OK
        || ngx_http_openqoe_set_metric_interval(e, ms) != NULL)
    {
        return "a time from 100ms to 1h";
    }

    return NULL;
}


static const char *
ngx_http_openqoe_batch_line(ngx_conf_t *cf, ngx_http_openqoe_exporter_t *e,
    ngx_str_t *args)
{
    (void) cf;

    return ngx_http_openqoe_number(&args[1], &ngx_http_openqoe_batch_range,
                                   &e->batch_size)
           == NGX_OK ? NULL : ngx_http_openqoe_batch_range.text;
}


static const char *
ngx_http_openqoe_timeout_line(ngx_conf_t *cf, ngx_http_openqoe_exporter_t *e,
    ngx_str_t *args)
{
    ngx_msec_t  ms;

    (void) cf;

    if (ngx_http_openqoe_time(&args[1], &ngx_http_openqoe_any_time, &ms)
        != NGX_OK)
    {
        return "a time from 10ms to 10m";
    }

    return ngx_http_openqoe_set_timeout(e, ms);
}


static const char *
ngx_http_openqoe_ca_line(ngx_conf_t *cf, ngx_http_openqoe_exporter_t *e,
    ngx_str_t *args)
{
    return ngx_http_openqoe_pem(cf, "trusted_certificate", &args[1],
                                NGX_HTTP_OPENQOE_PEM_CERTIFICATES, &e->ca_pem)
           == NGX_OK ? NULL : NGX_CONF_ERROR;
}


static const char *
ngx_http_openqoe_certificate_line(ngx_conf_t *cf,
    ngx_http_openqoe_exporter_t *e, ngx_str_t *args)
{
    return ngx_http_openqoe_pem(cf, "certificate", &args[1],
                                NGX_HTTP_OPENQOE_PEM_CERTIFICATES,
                                &e->certificate_pem)
           == NGX_OK ? NULL : NGX_CONF_ERROR;
}


static const char *
ngx_http_openqoe_key_line(ngx_conf_t *cf, ngx_http_openqoe_exporter_t *e,
    ngx_str_t *args)
{
    return ngx_http_openqoe_pem(cf, "certificate_key", &args[1],
                                NGX_HTTP_OPENQOE_PEM_KEY, &e->key_pem)
           == NGX_OK ? NULL : NGX_CONF_ERROR;
}


static const char *
ngx_http_openqoe_verify_line(ngx_conf_t *cf, ngx_http_openqoe_exporter_t *e,
    ngx_str_t *args)
{
    (void) cf;

    if (ngx_strcmp(args[1].data, "on") == 0) {
        e->ssl_verify = 1;

    } else if (ngx_strcmp(args[1].data, "off") == 0) {
        e->ssl_verify = 0;

    } else {
        return "\"on\" or \"off\"";
    }

    return NULL;
}
