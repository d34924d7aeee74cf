
/*
 * Copyright (C) OpenQoE
 *
 * The directives about requests for media: openqoe_cmcd, openqoe_cmcd_org,
 * openqoe_cmcd_log and openqoe_cmsd.
 */


#include "ngx_http_openqoe_cmcd.h"


static void ngx_http_openqoe_cmcd_needs_zone(ngx_conf_t *cf,
    ngx_command_t *cmd);
static char *ngx_http_openqoe_cmcd_logged(ngx_conf_t *cf,
    ngx_http_openqoe_main_conf_t *mcf);


/* openqoe_cmcd off | on | query | headers */

char *
ngx_http_openqoe_cmcd(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t                    *value;
    ngx_uint_t                    i;
    ngx_http_openqoe_loc_conf_t  *lcf = conf;

    static const struct {
        const char   *name;
        ngx_uint_t    where;
    } modes[] = {
        { "off", 0 },
        { "on", NGX_HTTP_OPENQOE_CMCD_QUERY|NGX_HTTP_OPENQOE_CMCD_HEADERS },
        { "query", NGX_HTTP_OPENQOE_CMCD_QUERY },
        { "headers", NGX_HTTP_OPENQOE_CMCD_HEADERS }
    };

    value = cf->args->elts;

    if (lcf->cmcd != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        if (ngx_http_openqoe_str_is(&value[1], modes[i].name)) {
            lcf->cmcd = modes[i].where;
            break;
        }
    }

    if (lcf->cmcd == NGX_CONF_UNSET_UINT) {
        return ngx_http_openqoe_bad_value(cf, (char *) cmd->name.data,
                                          &value[1], "\"off\", \"on\", "
                                          "\"query\" or \"headers\"");
    }

    if (lcf->cmcd != 0) {
        ngx_http_openqoe_cmcd_needs_zone(cf, cmd);
    }

    return NGX_CONF_OK;
}


/* openqoe_cmcd_log off | on | sample=SHARE% */

char *
ngx_http_openqoe_cmcd_log(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t                    *value, share;
    ngx_http_openqoe_loc_conf_t  *lcf = conf;

    value = cf->args->elts;

    if (lcf->cmcd_log != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    if (ngx_http_openqoe_str_is(&value[1], "off")) {
        lcf->cmcd_log = 0;

    } else if (ngx_http_openqoe_str_is(&value[1], "on")) {
        lcf->cmcd_log = NGX_HTTP_OPENQOE_WHOLE;

    } else if (value[1].len > 7
               && ngx_strncmp(value[1].data, "sample=", 7) == 0)
    {
        share.data = value[1].data + 7;
        share.len = value[1].len - 7;

        if (ngx_http_openqoe_percent(&share, &lcf->cmcd_log) != NGX_OK) {
            lcf->cmcd_log = NGX_CONF_UNSET_UINT;
        }
    }

    if (lcf->cmcd_log == NGX_CONF_UNSET_UINT) {
        return ngx_http_openqoe_bad_value(cf, (char *) cmd->name.data,
                                          &value[1], "\"off\", \"on\" or "
                                          "\"sample=\" with a share from "
                                          "0% to 100%");
    }

    return NGX_CONF_OK;
}


/* openqoe_cmsd off | on [name=TEXT] */

char *
ngx_http_openqoe_cmsd(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    size_t                        i;
    ngx_str_t                    *value, *name;
    ngx_http_openqoe_loc_conf_t  *lcf = conf;

    value = cf->args->elts;

    if (lcf->cmsd != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    if (ngx_http_openqoe_str_is(&value[1], "on")) {
        lcf->cmsd = 1;

    } else if (ngx_http_openqoe_str_is(&value[1], "off")) {
        lcf->cmsd = 0;

    } else {
        return ngx_http_openqoe_bad_value(cf, (char *) cmd->name.data,
                                          &value[1], "\"on\" or \"off\"");
    }

    if (cf->args->nelts == 2) {
        return NGX_CONF_OK;
    }

    name = &lcf->cmsd_name;

    if (value[2].len > 5 && ngx_strncmp(value[2].data, "name=", 5) == 0) {
        name->data = value[2].data + 5;
        name->len = value[2].len - 5;
    }

    /* the name becomes a string of a structured field as it is */

    for (i = 0; i < name->len; i++) {
        if (name->data[i] < 0x20 || name->data[i] > 0x7e
            || ngx_http_openqoe_in("\"\\", name->data[i]))
        {
            name->len = 0;
        }
    }

    if (name->len == 0 || name->len > 64) {
        return ngx_http_openqoe_bad_value(cf, (char *) cmd->name.data,
                                          &value[2], "\"name=\" with 1 to 64 "
                                          "characters of ASCII, no quotation "
                                          "mark and no backslash");
    }

    return NGX_CONF_OK;
}


static void
ngx_http_openqoe_cmcd_needs_zone(ngx_conf_t *cf, ngx_command_t *cmd)
{
    ngx_http_openqoe_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_openqoe_module);

    if (mcf->used_by == NULL) {
        mcf->used_by = (const char *) cmd->name.data;
    }
}


char *
ngx_http_openqoe_cmcd_merge(ngx_conf_t *cf, ngx_http_openqoe_main_conf_t *mcf,
    ngx_http_openqoe_loc_conf_t *prev, ngx_http_openqoe_loc_conf_t *conf)
{
    ngx_conf_merge_uint_value(conf->cmcd, prev->cmcd, 0);
    ngx_conf_merge_uint_value(conf->cmcd_log, prev->cmcd_log, 0);
    ngx_conf_merge_uint_value(conf->cmsd, prev->cmsd, 0);
    ngx_conf_merge_str_value(conf->cmsd_name, prev->cmsd_name, "");

    if (conf->cmsd_name.len == 0) {
        conf->cmsd_name = cf->cycle->hostname;
    }

    if (conf->cmcd_org == NULL) {
        conf->cmcd_org = prev->cmcd_org;
    }

    mcf->cmcd_used |= (conf->cmcd != 0);
    mcf->cmsd_used |= (conf->cmsd != 0);

    return (conf->cmcd != 0 && conf->cmcd_log != 0)
           ? ngx_http_openqoe_cmcd_logged(cf, mcf) : NGX_CONF_OK;
}


/* A location logs requests: then an exporter must take them. */

static char *
ngx_http_openqoe_cmcd_logged(ngx_conf_t *cf,
    ngx_http_openqoe_main_conf_t *mcf)
{
    ngx_uint_t                    i;
    ngx_http_openqoe_exporter_t  *e;

    mcf->cmcd_logged = 1;
    e = mcf->exporters.elts;

    for (i = 0; i < mcf->exporters.nelts; i++) {
        if (e[i].signals >> QOE_STREAM_REQUESTS & 1) {
            return NGX_CONF_OK;
        }
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "\"openqoe_cmcd_log\" needs an \"openqoe_exporter\" "
                       "with \"requests\" among its \"signals\"");

    return NGX_CONF_ERROR;
}
