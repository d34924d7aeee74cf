
/*
 * Copyright (C) OpenQoE
 *
 * The openqoe_exporter { } blocks: a row for each line that a block may have,
 * and the checks of all blocks together.
 */


#include "ngx_http_openqoe.h"


/*
 * Sets a value.  args[0] is the name of the line.  NULL; what the last
 * argument must be; or NGX_CONF_ERROR: the error was logged.
 */
typedef const char *ngx_http_openqoe_line_set_t(ngx_conf_t *cf,
    ngx_http_openqoe_exporter_t *e, ngx_str_t *args);


typedef struct {
    ngx_str_t                     name;
    ngx_uint_t                    nargs;     /* including the name; 0: the
                                                name and one or more */
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
static ngx_http_openqoe_line_set_t  ngx_http_openqoe_level_line;
static ngx_http_openqoe_line_set_t  ngx_http_openqoe_batch_line;
static ngx_http_openqoe_line_set_t  ngx_http_openqoe_timeout_line;
static ngx_http_openqoe_line_set_t  ngx_http_openqoe_ca_line;
static ngx_http_openqoe_line_set_t  ngx_http_openqoe_certificate_line;
static ngx_http_openqoe_line_set_t  ngx_http_openqoe_key_line;
static ngx_http_openqoe_line_set_t  ngx_http_openqoe_verify_line;
static ngx_http_openqoe_line_set_t  ngx_http_openqoe_resource_line;
static ngx_http_openqoe_line_set_t  ngx_http_openqoe_signals_line;
static ngx_http_openqoe_line_set_t  ngx_http_openqoe_spool_line;
static ngx_http_openqoe_line_set_t  ngx_http_openqoe_refused_line;
static ngx_http_openqoe_exporter_t *ngx_http_openqoe_exporter_new(
    ngx_conf_t *cf, ngx_http_openqoe_main_conf_t *mcf, ngx_str_t *name);
static ngx_int_t ngx_http_openqoe_exporter_intervals(ngx_conf_t *cf,
    ngx_http_openqoe_main_conf_t *mcf);
static ngx_int_t ngx_http_openqoe_exporter_spool(ngx_conf_t *cf,
    ngx_http_openqoe_main_conf_t *mcf, ngx_http_openqoe_exporter_t *e);
static const char *ngx_http_openqoe_exporter_name(ngx_str_t *name);
static const char *ngx_http_openqoe_on_off(ngx_str_t *value, ngx_uint_t *on);
static const char *ngx_http_openqoe_duplicate(ngx_conf_t *cf,
    ngx_str_t *args);


static const ngx_http_openqoe_line_t  ngx_http_openqoe_lines[] = {
    { ngx_string("endpoint"), 2, ngx_http_openqoe_endpoint_line, 0 },
    { ngx_string("protocol"), 2, ngx_http_openqoe_protocol_line, 0 },
    { ngx_string("header"), 3, ngx_http_openqoe_header_line, 1 },
    { ngx_string("compression"), 2, ngx_http_openqoe_compression_line, 0 },
    { ngx_string("compression_level"), 2, ngx_http_openqoe_level_line, 0 },
    { ngx_string("interval"), 2, ngx_http_openqoe_interval_line, 0 },
    { ngx_string("metric_interval"), 2, ngx_http_openqoe_metric_line, 0 },
    { ngx_string("batch_size"), 2, ngx_http_openqoe_batch_line, 0 },
    { ngx_string("timeout"), 2, ngx_http_openqoe_timeout_line, 0 },
    { ngx_string("trusted_certificate"), 2, ngx_http_openqoe_ca_line, 0 },
    { ngx_string("certificate"), 2, ngx_http_openqoe_certificate_line, 0 },
    { ngx_string("certificate_key"), 2, ngx_http_openqoe_key_line, 0 },
    { ngx_string("ssl_verify"), 2, ngx_http_openqoe_verify_line, 0 },
    { ngx_string("resource"), 3, ngx_http_openqoe_resource_line, 1 },
    { ngx_string("signals"), 0, ngx_http_openqoe_signals_line, 0 },
    { ngx_string("spool"), 2, ngx_http_openqoe_spool_line, 0 },
    { ngx_string("refused"), 2, ngx_http_openqoe_refused_line, 0 },
    { ngx_null_string, 0, NULL, 0 }
};


/* Names in the spool's directory that no exporter may have. */

static const ngx_str_t  ngx_http_openqoe_taken_names[] = {
    ngx_string("lock"),
    ngx_string("quarantine")
};


static const ngx_http_openqoe_range_t  ngx_http_openqoe_interval_range = {
    10, 3600000, "a time from 10ms to 1h"
};


static const ngx_http_openqoe_range_t  ngx_http_openqoe_batch_range = {
    1, 10000, "a number from 1 to 10000"
};


static const ngx_http_openqoe_range_t  ngx_http_openqoe_level_range = {
    1, 9, "a number from 1 to 9"
};


static const ngx_http_openqoe_range_t  ngx_http_openqoe_any_time = {
    0, NGX_MAX_INT_T_VALUE, NULL
};


char *
ngx_http_openqoe_exporter_block(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    char                          *rv;
    ngx_str_t                      name, *value;
    ngx_uint_t                     i;
    ngx_conf_t                     save;
    const char                    *expected;
    ngx_http_openqoe_exporter_t   *e;
    ngx_http_openqoe_main_conf_t  *mcf = conf;

    ngx_str_set(&name, "default");

    if (cf->args->nelts == 2) {
        value = cf->args->elts;
        name = value[1];
        expected = ngx_http_openqoe_exporter_name(&name);

        if (expected != NULL) {
            return ngx_http_openqoe_bad_value(cf, (char *) cmd->name.data,
                                              &name, expected);
        }
    }

    e = mcf->exporters.elts;

    for (i = 0; i < mcf->exporters.nelts; i++) {
        if (qoe_span_eq(ngx_http_openqoe_span(e[i].name),
                        ngx_http_openqoe_span(name)))
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V\" \"%V\" is duplicate", &cmd->name,
                               &name);
            return NGX_CONF_ERROR;
        }
    }

    if (mcf->exporters.nelts == QOE_DESTS_CONF) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" \"%V\" is one too many, there can be %d",
                           &cmd->name, &name, QOE_DESTS_CONF);
        return NGX_CONF_ERROR;
    }

    e = ngx_http_openqoe_exporter_new(cf, mcf, &name);
    if (e == NULL) {
        return NGX_CONF_ERROR;
    }

    save = *cf;
    cf->handler = ngx_http_openqoe_line;
    cf->handler_conf = (char *) e;

    rv = ngx_conf_parse(cf, NULL);

    *cf = save;

    return rv;
}


/* NULL, or what the name must be: it becomes a directory in the spool. */

static const char *
ngx_http_openqoe_exporter_name(ngx_str_t *name)
{
    size_t  i;
    u_char  c;

    static const char  expected[] =
        "a name of 1 to 32 of a-z, 0-9, \"_\" and \"-\" that begins with a "
        "letter or a digit, not \"lock\" or \"quarantine\"";

    if (name->len == 0 || name->len > QOE_EXPORTER_NAME) {
        return expected;
    }

    for (i = 0; i < name->len; i++) {
        c = name->data[i];

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')
              || (i != 0 && (c == '_' || c == '-'))))
        {
            return expected;
        }
    }

    for (i = 0; i < sizeof(ngx_http_openqoe_taken_names) / sizeof(ngx_str_t);
         i++)
    {
        if (qoe_span_eq(ngx_http_openqoe_span(*name),
                ngx_http_openqoe_span(ngx_http_openqoe_taken_names[i])))
        {
            return expected;
        }
    }

    return NULL;
}


/* The array has room for the most there may be: elements never move. */

static ngx_http_openqoe_exporter_t *
ngx_http_openqoe_exporter_new(ngx_conf_t *cf,
    ngx_http_openqoe_main_conf_t *mcf, ngx_str_t *name)
{
    ngx_http_openqoe_exporter_t  *e;

    e = ngx_array_push(&mcf->exporters);
    if (e == NULL) {
        return NULL;
    }

    ngx_memzero(e, sizeof(ngx_http_openqoe_exporter_t));
    e->name = *name;
    mcf->exporter = mcf->exporters.elts;

    return ngx_http_openqoe_exporter_init(cf, e) == NGX_OK ? e : NULL;
}


/*
 * Runs after the blocks and before the environment, which configures the first
 * exporter: so there must be at least one.
 */

ngx_int_t
ngx_http_openqoe_exporters_init(ngx_conf_t *cf,
    ngx_http_openqoe_main_conf_t *mcf)
{
    static ngx_str_t  name = ngx_string("default");

    if (mcf->exporters.nelts == 0
        && ngx_http_openqoe_exporter_new(cf, mcf, &name) == NULL)
    {
        return NGX_ERROR;
    }

    return ngx_http_openqoe_exporter_intervals(cf, mcf);
}


/* Runs after the environment. */

ngx_int_t
ngx_http_openqoe_exporters_complete(ngx_conf_t *cf,
    ngx_http_openqoe_main_conf_t *mcf)
{
    ngx_uint_t                    i;
    ngx_http_openqoe_exporter_t  *e;

    e = mcf->exporters.elts;

    for (i = 0; i < mcf->exporters.nelts; i++) {

        if (e[i].metric_interval == NGX_CONF_UNSET_MSEC) {
            e[i].metric_interval = e[0].metric_interval;
        }

        if (ngx_http_openqoe_exporter_spool(cf, mcf, &e[i]) != NGX_OK
            || ngx_http_openqoe_exporter_complete(cf, &e[i]) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* Exporters share one collection, so they need one metric_interval. */

static ngx_int_t
ngx_http_openqoe_exporter_intervals(ngx_conf_t *cf,
    ngx_http_openqoe_main_conf_t *mcf)
{
    ngx_uint_t                    i;
    ngx_http_openqoe_exporter_t  *e, *given;

    given = NULL;
    e = mcf->exporters.elts;

    for (i = 0; i < mcf->exporters.nelts; i++) {

        if (e[i].metric_interval == NGX_CONF_UNSET_MSEC) {
            continue;
        }

        if (given == NULL) {
            given = &e[i];

        } else if (given->metric_interval != e[i].metric_interval) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"metric_interval\" of \"openqoe_exporter\" "
                               "\"%V\" is not that of \"%V\": it must be the "
                               "same", &e[i].name, &given->name);
            return NGX_ERROR;
        }
    }

    if (given != NULL) {
        e[0].metric_interval = given->metric_interval;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_openqoe_exporter_spool(ngx_conf_t *cf,
    ngx_http_openqoe_main_conf_t *mcf, ngx_http_openqoe_exporter_t *e)
{
    ngx_uint_t  records;

    records = e->signals == NGX_CONF_UNSET_UINT
              || (e->signals & NGX_HTTP_OPENQOE_RECORDS);

    if (e->spool == NGX_CONF_UNSET_UINT) {
        e->spool = mcf->spool.data != NULL && records;
        return NGX_OK;
    }

    if (e->spool && (mcf->spool.data == NULL || !records)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"spool on\" of \"openqoe_exporter\" \"%V\" needs "
                           "%s", &e->name,
                           records ? "the \"openqoe_spool\" directive"
                                   : "\"logs\", \"views\", \"traces\" or "
                                     "\"requests\" among its \"signals\"");
        return NGX_ERROR;
    }

    return NGX_OK;
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

    if (line->nargs == 0 ? cf->args->nelts == 1
                         : cf->args->nelts != line->nargs)
    {
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


/* Other endpoints than files are checked later, when the protocol is known. */

static const char *
ngx_http_openqoe_endpoint_line(ngx_conf_t *cf, ngx_http_openqoe_exporter_t *e,
    ngx_str_t *args)
{
    ngx_str_t  path;

    if (args[1].len == 0) {
        return "a URL";
    }

    if (ngx_strncmp(args[1].data, "file:", 5) == 0
        && ngx_http_openqoe_file_check(cf, "endpoint", &args[1], &path)
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    e->endpoint[QOE_SIGNAL_LOGS].url = args[1];
    e->endpoint[QOE_SIGNAL_LOGS].name = "endpoint";

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

        /* the value may be a secret, so the message names the header only */

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
ngx_http_openqoe_level_line(ngx_conf_t *cf, ngx_http_openqoe_exporter_t *e,
    ngx_str_t *args)
{
    (void) cf;

    return ngx_http_openqoe_number(&args[1], &ngx_http_openqoe_level_range,
                                   &e->gzip_level)
           == NGX_OK ? NULL : ngx_http_openqoe_level_range.text;
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
ngx_http_openqoe_on_off(ngx_str_t *value, ngx_uint_t *on)
{
    if (ngx_strcmp(value->data, "on") == 0) {
        *on = 1;

    } else if (ngx_strcmp(value->data, "off") == 0) {
        *on = 0;

    } else {
        return "\"on\" or \"off\"";
    }

    return NULL;
}


static const char *
ngx_http_openqoe_verify_line(ngx_conf_t *cf, ngx_http_openqoe_exporter_t *e,
    ngx_str_t *args)
{
    (void) cf;

    return ngx_http_openqoe_on_off(&args[1], &e->ssl_verify);
}


static const char *
ngx_http_openqoe_signals_line(ngx_conf_t *cf, ngx_http_openqoe_exporter_t *e,
    ngx_str_t *args)
{
    ngx_uint_t  i, n, bit;

    static const char  expected[] =
        "\"logs\", \"metrics\", \"views\", \"traces\" or \"requests\", each "
        "once";

    e->signals = 0;

    for (i = 1; i < cf->args->nelts; i++) {

        bit = ngx_strcmp(args[i].data, "metrics") == 0
              ? NGX_HTTP_OPENQOE_METRICS : 0;

        for (n = 0; n < QOE_STREAMS; n++) {
            if (qoe_span_eq(ngx_http_openqoe_span(args[i]),
                            qoe_streams[n].name))
            {
                bit = (ngx_uint_t) 1 << n;
            }
        }

        if (bit == 0 || (e->signals & bit)) {
            return ngx_http_openqoe_bad_value(cf, "signals", &args[i],
                                              expected);
        }

        e->signals |= bit;
    }

    return NULL;
}


static const char *
ngx_http_openqoe_spool_line(ngx_conf_t *cf, ngx_http_openqoe_exporter_t *e,
    ngx_str_t *args)
{
    (void) cf;
    return ngx_http_openqoe_on_off(&args[1], &e->spool);
}


static const char *
ngx_http_openqoe_refused_line(ngx_conf_t *cf, ngx_http_openqoe_exporter_t *e,
    ngx_str_t *args)
{
    (void) cf;

    if (ngx_strcmp(args[1].data, "hold") == 0) {
        e->drop_refused = 0;

    } else if (ngx_strcmp(args[1].data, "drop") == 0) {
        e->drop_refused = 1;

    } else {
        return "\"hold\" or \"drop\"";
    }

    return NULL;
}
