
/*
 * Copyright (C) OpenQoE
 *
 * openqoe_metrics, openqoe_view_timeout, openqoe_view_record,
 * openqoe_series_birth, and the defaults of all that metrics and records of
 * views depend on.
 */


#include "ngx_http_openqoe.h"


#define NGX_HTTP_OPENQOE_METRICS_OFF  0x80000000     /* given, but no group */


static const struct {
    ngx_str_t  name;
    uint32_t   groups;
    unsigned   alone:1;                      /* must be the only value */
} ngx_http_openqoe_groups[] = {
    { ngx_string("core"), QOE_GROUP_CORE, 0 },
    { ngx_string("rules"), QOE_GROUP_RULES, 0 },
    { ngx_string("view"), QOE_GROUP_VIEW, 0 },
    { ngx_string("self"), QOE_GROUP_SELF, 0 },
    { ngx_string("cmcd"), QOE_GROUP_CMCD, 0 },
    { ngx_string("all"), QOE_GROUPS_ALL, 1 },
    { ngx_string("off"), NGX_HTTP_OPENQOE_METRICS_OFF, 1 }
};

#define NGX_HTTP_OPENQOE_GROUPS                                               \
    (sizeof(ngx_http_openqoe_groups) / sizeof(ngx_http_openqoe_groups[0]))


static char *ngx_http_openqoe_silence(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_str_t *value, ngx_http_openqoe_main_conf_t *mcf);


static const ngx_http_openqoe_range_t  ngx_http_openqoe_silence_range = {
    1000, 24 * 3600 * 1000, "a time from 1s to 24h"
};

static const ngx_http_openqoe_range_t  ngx_http_openqoe_record_range = {
    1000, 24 * 3600 * 1000, "\"interval=\" and a time from 1s to 24h or off"
};

static const ngx_http_openqoe_range_t  ngx_http_openqoe_birth_range = {
    1000, 10 * 60 * 1000, "a time from 1s to 10m or off"
};


ngx_int_t
ngx_http_openqoe_qoe_init(ngx_conf_t *cf, ngx_http_openqoe_main_conf_t *mcf)
{
    mcf->view_timeout = NGX_CONF_UNSET_MSEC;
    mcf->paused_timeout = NGX_CONF_UNSET_MSEC;
    mcf->hidden_timeout = NGX_CONF_UNSET_MSEC;
    mcf->view_record = NGX_CONF_UNSET_MSEC;
    mcf->max_new_values = NGX_CONF_UNSET_SIZE;
    mcf->series_max = NGX_CONF_UNSET_SIZE;
    mcf->series_ttl = NGX_CONF_UNSET_MSEC;
    mcf->series_birth = NGX_CONF_UNSET_MSEC;

    qoe_dimensions_init(&mcf->dimensions);

    if (ngx_array_init(&mcf->sources, cf->pool, 4, sizeof(qoe_source_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_array_init(&mcf->attributes, cf->pool, 4, sizeof(ngx_str_t));
}


void
ngx_http_openqoe_qoe_complete(ngx_http_openqoe_main_conf_t *mcf)
{
    qoe_conf_t  *q;

    ngx_conf_init_msec_value(mcf->view_timeout, 10 * 60 * 1000);
    ngx_conf_init_msec_value(mcf->paused_timeout,
                             ngx_max(mcf->view_timeout, 60 * 60 * 1000));
    ngx_conf_init_msec_value(mcf->hidden_timeout,
                             ngx_min(mcf->view_timeout, 3 * 60 * 1000));
    ngx_conf_init_msec_value(mcf->view_record, 5 * 60 * 1000);
    ngx_conf_init_size_value(mcf->max_new_values, 8);
    ngx_conf_init_size_value(mcf->series_max, 100000);
    ngx_conf_init_msec_value(mcf->series_ttl, 3600 * 1000);
    ngx_conf_init_msec_value(mcf->series_birth, 15 * 1000);

    q = &mcf->qoe;

    q->groups = q->groups ? q->groups & QOE_GROUPS_ALL : QOE_GROUPS_ALL;
    q->view.timeout_ms = mcf->view_timeout;
    q->view.paused_timeout_ms = mcf->paused_timeout;
    q->view.hidden_timeout_ms = mcf->hidden_timeout;
    q->record_ms = mcf->view_record;
    ngx_http_openqoe_traces_complete(mcf);
    q->series_max = (uint32_t) mcf->series_max;
    mcf->dimensions.fresh = (uint32_t) mcf->max_new_values;
    q->series_ttl_ms = mcf->series_ttl;
    q->series_birth_ms = mcf->series_birth;
    q->spool_max = mcf->spool.len != 0 ? mcf->spool_conf.max_size : 0;
    q->dims = &mcf->dimensions;
}


char *
ngx_http_openqoe_metrics(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t                     *value;
    ngx_uint_t                     i, n;
    ngx_http_openqoe_main_conf_t  *mcf = conf;

    if (mcf->qoe.groups != 0) {
        return "is duplicate";
    }

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        for (n = 0; n < NGX_HTTP_OPENQOE_GROUPS; n++) {
            if (value[i].len == ngx_http_openqoe_groups[n].name.len
                && ngx_strncmp(value[i].data,
                               ngx_http_openqoe_groups[n].name.data,
                               value[i].len)
                   == 0)
            {
                break;
            }
        }

        if (n == NGX_HTTP_OPENQOE_GROUPS) {
            return ngx_http_openqoe_bad_value(cf, (char *) cmd->name.data,
                       &value[i], "\"core\", \"rules\", \"view\", \"self\", "
                       "\"all\" or \"off\"");
        }

        if (ngx_http_openqoe_groups[n].alone && cf->args->nelts != 2) {
            return ngx_http_openqoe_bad_value(cf, (char *) cmd->name.data,
                                              &value[i], "the only one");
        }

        if (mcf->qoe.groups & ngx_http_openqoe_groups[n].groups) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "duplicate value \"%V\" in \"%V\"", &value[i],
                               &cmd->name);
            return NGX_CONF_ERROR;
        }

        mcf->qoe.groups |= ngx_http_openqoe_groups[n].groups;
    }

    return NGX_CONF_OK;
}


/* openqoe_view_timeout time [paused=time] [hidden=time] */

char *
ngx_http_openqoe_view_timeout(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t                     *value;
    ngx_uint_t                     i;
    ngx_http_openqoe_main_conf_t  *mcf = conf;

    value = cf->args->elts;

    if (mcf->view_timeout != NGX_CONF_UNSET_MSEC) {
        return "is duplicate";
    }

    if (ngx_http_openqoe_time(&value[1], &ngx_http_openqoe_silence_range,
                              &mcf->view_timeout)
        != NGX_OK)
    {
        return ngx_http_openqoe_bad_value(cf, (char *) cmd->name.data,
                   &value[1], ngx_http_openqoe_silence_range.text);
    }

    for (i = 2; i < cf->args->nelts; i++) {
        if (ngx_http_openqoe_silence(cf, cmd, &value[i], mcf) != NGX_CONF_OK) {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


/* Parses "paused=time" or "hidden=time". */

static char *
ngx_http_openqoe_silence(ngx_conf_t *cf, ngx_command_t *cmd, ngx_str_t *value,
    ngx_http_openqoe_main_conf_t *mcf)
{
    ngx_str_t    s;
    ngx_msec_t  *to;

    if (ngx_strncmp(value->data, "paused=", 7) == 0) {
        to = &mcf->paused_timeout;

    } else if (ngx_strncmp(value->data, "hidden=", 7) == 0) {
        to = &mcf->hidden_timeout;

    } else {
        return ngx_http_openqoe_bad_value(cf, (char *) cmd->name.data, value,
                                          "\"paused=time\" or "
                                          "\"hidden=time\"");
    }

    if (*to != NGX_CONF_UNSET_MSEC) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "duplicate parameter \"%V\" in \"%V\"", value,
                           &cmd->name);
        return NGX_CONF_ERROR;
    }

    s.data = value->data + 7;
    s.len = value->len - 7;

    if (ngx_http_openqoe_time(&s, &ngx_http_openqoe_silence_range, to)
        != NGX_OK)
    {
        return ngx_http_openqoe_bad_value(cf, (char *) cmd->name.data, value,
                                          ngx_http_openqoe_silence_range.text);
    }

    return NGX_CONF_OK;
}


/* openqoe_view_record interval=time | interval=off */

char *
ngx_http_openqoe_view_record(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t                     *value, s;
    ngx_http_openqoe_main_conf_t  *mcf = conf;

    value = cf->args->elts;

    if (mcf->view_record != NGX_CONF_UNSET_MSEC) {
        return "is duplicate";
    }

    if (ngx_strcmp(value[1].data, "interval=off") == 0) {
        mcf->view_record = 0;
        return NGX_CONF_OK;
    }

    s.data = value[1].data + 9;
    s.len = value[1].len - 9;

    if (ngx_strncmp(value[1].data, "interval=", 9) != 0
        || ngx_http_openqoe_time(&s, &ngx_http_openqoe_record_range,
                                 &mcf->view_record)
           != NGX_OK)
    {
        return ngx_http_openqoe_bad_value(cf, (char *) cmd->name.data,
                   &value[1], ngx_http_openqoe_record_range.text);
    }

    return NGX_CONF_OK;
}


/* openqoe_series_birth time | off */

char *
ngx_http_openqoe_series_birth(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t                     *value;
    ngx_http_openqoe_main_conf_t  *mcf = conf;

    value = cf->args->elts;

    if (mcf->series_birth != NGX_CONF_UNSET_MSEC) {
        return "is duplicate";
    }

    if (ngx_strcmp(value[1].data, "off") == 0) {
        mcf->series_birth = 0;
        return NGX_CONF_OK;
    }

    if (ngx_http_openqoe_time(&value[1], &ngx_http_openqoe_birth_range,
                              &mcf->series_birth)
        != NGX_OK)
    {
        return ngx_http_openqoe_bad_value(cf, (char *) cmd->name.data,
                   &value[1], ngx_http_openqoe_birth_range.text);
    }

    return NGX_CONF_OK;
}
