
/*
 * Copyright (C) OpenQoE
 *
 * openqoe_traces: which views have a trace, where an exporter takes them.
 */


#include "ngx_http_openqoe.h"


#define NGX_HTTP_OPENQOE_SAMPLE  0.01


/* openqoe_traces off | bad [sample=1%] | all */

char *
ngx_http_openqoe_traces(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_uint_t                     i, share;
    ngx_str_t                     *value, s;
    qoe_traces_conf_t             *t;
    ngx_http_openqoe_main_conf_t  *mcf = conf;

    static const char *const  modes[] = { "off", "bad", "all" };

    if (mcf->traces_set) {
        return "is duplicate";
    }

    mcf->traces_set = 1;
    value = cf->args->elts;
    t = &mcf->qoe.traces;
    t->sample = NGX_HTTP_OPENQOE_SAMPLE;

    for (i = 0; i < 3 && ngx_strcmp(value[1].data, modes[i]) != 0; i++) {
        /* void */
    }

    if (i == 3) {
        return ngx_http_openqoe_bad_value(cf, (char *) cmd->name.data,
                                          &value[1],
                                          "\"off\", \"bad\" or \"all\"");
    }

    t->mode = (qoe_traces_t) i;

    if (cf->args->nelts == 2) {
        return NGX_CONF_OK;
    }

    s.data = value[2].data + 7;
    s.len = value[2].len - 7;

    if (t->mode != QOE_TRACES_BAD
        || ngx_strncmp(value[2].data, "sample=", 7) != 0
        || ngx_http_openqoe_percent(&s, &share) != NGX_OK)
    {
        return ngx_http_openqoe_bad_value(cf, (char *) cmd->name.data,
                   &value[2], "\"sample=\" and a percentage from 0% to 100% "
                   "with at most four decimals, after \"bad\"");
    }

    t->sample = (double) share / NGX_HTTP_OPENQOE_WHOLE;

    return NGX_CONF_OK;
}


ngx_int_t
ngx_http_openqoe_percent(ngx_str_t *value, ngx_uint_t *share)
{
    ngx_int_t  n;

    if (value->len < 2 || value->data[value->len - 1] != '%') {
        return NGX_ERROR;
    }

    n = ngx_atofp(value->data, value->len - 1, 4);

    if (n == NGX_ERROR || n > NGX_HTTP_OPENQOE_WHOLE) {
        return NGX_ERROR;
    }

    *share = (ngx_uint_t) n;

    return NGX_OK;
}


void
ngx_http_openqoe_traces_complete(ngx_http_openqoe_main_conf_t *mcf)
{
    if (!mcf->traces_set) {
        mcf->qoe.traces.mode = QOE_TRACES_BAD;
        mcf->qoe.traces.sample = NGX_HTTP_OPENQOE_SAMPLE;
    }
}
