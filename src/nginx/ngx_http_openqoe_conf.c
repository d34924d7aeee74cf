
/*
 * Copyright (C) OpenQoE
 *
 * The life of the configuration structures: creation, defaults and merging.
 */


#include "ngx_http_openqoe_cmcd.h"
#include "ngx_http_openqoe_fleet.h"


static char *ngx_http_openqoe_location(ngx_http_openqoe_main_conf_t *mcf,
    ngx_http_openqoe_loc_conf_t *lcf);
static char *ngx_http_openqoe_ack_check(ngx_conf_t *cf,
    ngx_http_openqoe_main_conf_t *mcf, ngx_http_openqoe_loc_conf_t *lcf);


void *
ngx_http_openqoe_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_openqoe_main_conf_t  *mcf;

    mcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_openqoe_main_conf_t));
    if (mcf == NULL) {
        return NULL;
    }

    mcf->cycle = cf->cycle;
    mcf->drain_timeout = NGX_CONF_UNSET_MSEC;
    mcf->helper_nice = NGX_CONF_UNSET_SIZE;
    mcf->max_age = NGX_CONF_UNSET_MSEC;
    mcf->max_ahead = NGX_CONF_UNSET_MSEC;
    mcf->log_level = QOE_LOG_DEBUG;

    if (ngx_array_init(&mcf->types, cf->pool, 4, sizeof(qoe_custom_type_t))
        != NGX_OK
        || ngx_array_init(&mcf->exporters, cf->pool, QOE_DESTS_CONF,
                          sizeof(ngx_http_openqoe_exporter_t))
           != NGX_OK
        || ngx_array_init(&mcf->locations, cf->pool, 4,
                          sizeof(ngx_http_openqoe_loc_conf_t *))
           != NGX_OK
        || ngx_http_openqoe_qoe_init(cf, mcf) != NGX_OK)
    {
        return NULL;
    }

    return mcf;
}


/* Runs before the locations are merged, which take defaults from here. */

char *
ngx_http_openqoe_init_main_conf(ngx_conf_t *cf, void *conf)
{
    ngx_http_openqoe_main_conf_t  *mcf = conf;

    ngx_conf_init_msec_value(mcf->drain_timeout, 2000);
    ngx_conf_init_size_value(mcf->helper_nice, 5);
    ngx_conf_init_msec_value(mcf->max_age, 24 * 3600 * 1000);
    ngx_conf_init_msec_value(mcf->max_ahead, 5 * 60 * 1000);
    ngx_http_openqoe_qoe_complete(mcf);

    if (mcf->shm_zone == NULL) {

        if (mcf->used_by != NULL) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%s\" needs the \"openqoe_zone\" directive",
                               mcf->used_by);
            return NGX_CONF_ERROR;
        }

        /* the module is loaded but not used: do not read the environment */

        return NGX_CONF_OK;
    }

    if (ngx_http_openqoe_exporters_init(cf, mcf) != NGX_OK
        || ngx_http_openqoe_env(cf, mcf) != NGX_OK
        || ngx_http_openqoe_dimensions_check(cf, mcf) != NGX_OK
        || ngx_http_openqoe_exporters_complete(cf, mcf) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    ngx_http_openqoe_edge_complete(mcf);

    return NGX_CONF_OK;
}


ngx_int_t
ngx_http_openqoe_preconfiguration(ngx_conf_t *cf)
{
    if (ngx_http_openqoe_session_variable(cf) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_openqoe_cmcd_variables(cf);
}


/* All locations are merged: installs filters and handlers. */

ngx_int_t
ngx_http_openqoe_postconfiguration(ngx_conf_t *cf)
{
    ngx_http_openqoe_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_openqoe_module);

    if (ngx_http_openqoe_config_hash(cf) != NGX_OK
        || ngx_http_openqoe_filter_init(cf) != NGX_OK
        || ngx_http_openqoe_cmsd_init(cf, mcf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_openqoe_cmcd_init(cf, mcf);
}


void *
ngx_http_openqoe_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_openqoe_loc_conf_t  *lcf;

    lcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_openqoe_loc_conf_t));
    if (lcf == NULL) {
        return NULL;
    }

    lcf->keys = NGX_CONF_UNSET_PTR;
    lcf->origins = NGX_CONF_UNSET_PTR;
    lcf->attributes = NGX_CONF_UNSET_PTR;
    lcf->marker = NGX_CONF_UNSET;
    lcf->strict = NGX_CONF_UNSET_UINT;
    lcf->overload_status = NGX_CONF_UNSET_UINT;
    lcf->max_events = NGX_CONF_UNSET_SIZE;
    lcf->max_sessions = NGX_CONF_UNSET_SIZE;
    lcf->max_inflated_size = NGX_CONF_UNSET_SIZE;
    lcf->ack = NGX_CONF_UNSET_UINT;
    lcf->ack_timeout = NGX_CONF_UNSET_MSEC;
    lcf->overload_wait = NGX_CONF_UNSET_MSEC;
    lcf->cmcd = NGX_CONF_UNSET_UINT;
    lcf->cmcd_log = NGX_CONF_UNSET_UINT;
    lcf->cmsd = NGX_CONF_UNSET_UINT;

    return lcf;
}


char *
ngx_http_openqoe_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_openqoe_loc_conf_t   *prev = parent;
    ngx_http_openqoe_loc_conf_t   *conf = child;
    ngx_http_core_loc_conf_t      *clcf;
    ngx_http_openqoe_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_openqoe_module);
    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    ngx_conf_merge_ptr_value(conf->keys, prev->keys, mcf->env_keys);
    ngx_conf_merge_ptr_value(conf->origins, prev->origins, mcf->env_origins);
    ngx_conf_merge_ptr_value(conf->attributes, prev->attributes, NULL);
    ngx_conf_merge_value(conf->marker, prev->marker, 0);
    ngx_conf_merge_uint_value(conf->strict, prev->strict, 0);
    ngx_conf_merge_uint_value(conf->overload_status, prev->overload_status,
                              NGX_CONF_UNSET_UINT);
    ngx_conf_merge_size_value(conf->max_events, prev->max_events,
                              QOE_EVENTS_MAX);
    ngx_conf_merge_size_value(conf->max_sessions, prev->max_sessions,
                              QOE_SESSIONS_MAX);
    ngx_conf_merge_size_value(conf->max_inflated_size,
                              prev->max_inflated_size, 8 * 1024 * 1024);
    ngx_conf_merge_uint_value(conf->ack, prev->ack, QOE_ACK_MEMORY);
    ngx_conf_merge_msec_value(conf->ack_timeout, prev->ack_timeout, 5000);
    ngx_conf_merge_msec_value(conf->overload_wait, prev->overload_wait, 400);

    if (conf->marker_domain.data == NULL) {
        conf->marker_domain = prev->marker_domain.data ? prev->marker_domain
                                                       : mcf->env_domain;
    }

    if (ngx_http_openqoe_cmcd_merge(cf, mcf, prev, conf) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    if (clcf->noname && conf->kind == NGX_HTTP_OPENQOE_NONE) {

        /* "if" and "limit_except" run the handler of their location */

        conf->kind = prev->kind;
        conf->input = prev->input;
        conf->gone = prev->gone;
        conf->marker_path = prev->marker_path;

    } else {
        ngx_http_openqoe_marker_path(cf, conf);
    }

    if (conf->input != NULL
        && ngx_http_openqoe_location(mcf, conf) != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (conf->overload_status == NGX_HTTP_NO_CONTENT
        && conf->input == &ngx_http_openqoe_json_input)
    {
        return "has \"openqoe_overload_status 204\" in a location with "
               "\"openqoe_events\", whose clients would take it for success";
    }

    return ngx_http_openqoe_ack_check(cf, mcf, conf);
}


/* Notes a location of events. */

static char *
ngx_http_openqoe_location(ngx_http_openqoe_main_conf_t *mcf,
    ngx_http_openqoe_loc_conf_t *lcf)
{
    ngx_http_openqoe_loc_conf_t  **slot;

    if (lcf->overload_wait != 0) {
        mcf->overload_used = 1;
    }

    slot = ngx_array_push(&mcf->locations);
    if (slot == NULL) {
        return NGX_CONF_ERROR;
    }

    *slot = lcf;

    return NGX_CONF_OK;
}


/* openqoe_ack spool and fsync need a spool for the events. */

static char *
ngx_http_openqoe_ack_check(ngx_conf_t *cf, ngx_http_openqoe_main_conf_t *mcf,
    ngx_http_openqoe_loc_conf_t *lcf)
{
    ngx_uint_t                    i;
    ngx_http_openqoe_exporter_t  *e;

    if (lcf->ack == QOE_ACK_MEMORY) {
        return NGX_CONF_OK;
    }

    if (lcf->input != NULL) {
        mcf->ack_used = 1;
    }

    e = mcf->exporters.elts;

    for (i = 0; i < mcf->exporters.nelts; i++) {
        if (mcf->shm_zone != NULL && e[i].spool
            && (e[i].signals & NGX_HTTP_OPENQOE_LOGS))
        {
            return NGX_CONF_OK;
        }
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "\"openqoe_ack %s\" needs an \"openqoe_exporter\" with "
                       "logs and a spool (\"openqoe_spool\")",
                       lcf->ack == QOE_ACK_FSYNC ? "fsync" : "spool");

    return NGX_CONF_ERROR;
}


/* openqoe_events, openqoe_cmcd_events, openqoe_health, openqoe_stats, ... */

char *
ngx_http_openqoe_set_handler(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_core_loc_conf_t      *clcf;
    ngx_http_openqoe_loc_conf_t   *lcf = conf;
    ngx_http_openqoe_main_conf_t  *mcf;

    if (lcf->kind == cmd->offset) {
        return "is duplicate";
    }

    if (lcf->kind != NGX_HTTP_OPENQOE_NONE) {
        return "conflicts with another openqoe handler of this location";
    }

    lcf->kind = cmd->offset;

    if (lcf->kind == NGX_HTTP_OPENQOE_EVENTS) {
        lcf->input = &ngx_http_openqoe_json_input;

    } else if (lcf->kind == NGX_HTTP_OPENQOE_CMCD_EVENTS) {
        lcf->input = &ngx_http_openqoe_cmcd_input;
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = (ngx_http_handler_pt) cmd->post;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_openqoe_module);

    if (mcf->used_by == NULL) {
        mcf->used_by = (const char *) cmd->name.data;
    }

    return NGX_CONF_OK;
}
