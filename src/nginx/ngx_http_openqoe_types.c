
/*
 * Copyright (C) OpenQoE
 *
 * openqoe_event_type and openqoe_event_time.
 */


#include "ngx_http_openqoe.h"


static const struct {
    ngx_str_t       name;
    qoe_severity_t  severity;
} ngx_http_openqoe_severities[] = {
    { ngx_string("info"), QOE_SEVERITY_INFO },
    { ngx_string("warn"), QOE_SEVERITY_WARN },
    { ngx_string("error"), QOE_SEVERITY_ERROR }
};


static const ngx_http_openqoe_range_t  ngx_http_openqoe_time_range = {
    1000, 366ULL * 86400 * 1000, "a time from 1s to 366d"
};


static ngx_int_t
ngx_http_openqoe_severity(ngx_str_t *token, qoe_severity_t *severity)
{
    size_t      len;
    u_char     *p;
    ngx_uint_t  i;

    if (ngx_strncmp(token->data, "severity=", sizeof("severity=") - 1) != 0) {
        return NGX_ERROR;
    }

    p = token->data + sizeof("severity=") - 1;
    len = token->len - (sizeof("severity=") - 1);

    for (i = 0; i < 3; i++) {
        if (len == ngx_http_openqoe_severities[i].name.len
            && ngx_strncmp(p, ngx_http_openqoe_severities[i].name.data, len)
               == 0)
        {
            *severity = ngx_http_openqoe_severities[i].severity;
            return NGX_OK;
        }
    }

    return NGX_ERROR;
}


char *
ngx_http_openqoe_event_type(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t                     *value;
    ngx_uint_t                     i;
    qoe_severity_t                 severity;
    qoe_custom_type_t             *types, *type;
    ngx_http_openqoe_main_conf_t  *mcf = conf;

    value = cf->args->elts;
    severity = QOE_SEVERITY_INFO;

    if (qoe_event_type_valid(ngx_http_openqoe_span(value[1])) != QOE_OK) {
        return ngx_http_openqoe_bad_value(cf, (char *) cmd->name.data,
                   &value[1], "[a-z][a-z0-9_]{0,63} and no built-in type");
    }

    types = mcf->types.elts;

    for (i = 0; i < mcf->types.nelts; i++) {
        if (qoe_span_eq(types[i].name, ngx_http_openqoe_span(value[1]))) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "duplicate value \"%V\" in \"%V\"", &value[1],
                               &cmd->name);
            return NGX_CONF_ERROR;
        }
    }

    if (cf->args->nelts == 3
        && ngx_http_openqoe_severity(&value[2], &severity) != NGX_OK)
    {
        return ngx_http_openqoe_bad_value(cf, (char *) cmd->name.data,
                   &value[2], "\"severity=info\", \"severity=warn\" or "
                   "\"severity=error\"");
    }

    type = ngx_array_push(&mcf->types);
    if (type == NULL) {
        return NGX_CONF_ERROR;
    }

    type->name = ngx_http_openqoe_span(value[1]);
    type->severity = severity;

    return NGX_CONF_OK;
}


char *
ngx_http_openqoe_event_time(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t                     *value, s;
    ngx_msec_t                    *field;
    ngx_uint_t                     i;
    ngx_http_openqoe_main_conf_t  *mcf = conf;

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "max_age=", 8) == 0) {
            field = &mcf->max_age;
            s.data = value[i].data + 8;
            s.len = value[i].len - 8;

        } else if (ngx_strncmp(value[i].data, "max_ahead=", 10) == 0) {
            field = &mcf->max_ahead;
            s.data = value[i].data + 10;
            s.len = value[i].len - 10;

        } else {
            return ngx_http_openqoe_bad_value(cf, (char *) cmd->name.data,
                       &value[i], "\"max_age=time\" or \"max_ahead=time\"");
        }

        if (*field != NGX_CONF_UNSET_MSEC) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "duplicate parameter \"%V\" in \"%V\"",
                               &value[i], &cmd->name);
            return NGX_CONF_ERROR;
        }

        if (ngx_http_openqoe_time(&s, &ngx_http_openqoe_time_range, field)
            != NGX_OK)
        {
            return ngx_http_openqoe_bad_value(cf, (char *) cmd->name.data,
                       &value[i], ngx_http_openqoe_time_range.text);
        }
    }

    return NGX_CONF_OK;
}
