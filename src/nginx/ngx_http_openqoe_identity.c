
/*
 * Copyright (C) OpenQoE
 *
 * The name of this edge: service.instance.id of all resources, and openqoe.edge
 * of records of views.  It is the same after a reload and a restart, so that
 * both reset the existing series instead of beginning as many new ones.  The
 * UUID of the zone is different: it is new for each zone, because two nginx may
 * run on one host at a time, and each needs its own directory in the spool.
 */


#include "ngx_http_openqoe_fleet.h"


#define NGX_HTTP_OPENQOE_EDGE_MAX   255
#define NGX_HTTP_OPENQOE_EDGE_TEXT  "1 to 255 bytes of UTF-8 without control " \
                                    "characters"


static ngx_uint_t ngx_http_openqoe_edge_valid(ngx_str_t *name);


/* openqoe_edge name */

char *
ngx_http_openqoe_edge(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t                     *value;
    ngx_http_openqoe_main_conf_t  *mcf = conf;

    if (mcf->edge.data != NULL) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (!ngx_http_openqoe_edge_valid(&value[1])) {
        return ngx_http_openqoe_bad_value(cf, (char *) cmd->name.data,
                                          &value[1],
                                          NGX_HTTP_OPENQOE_EDGE_TEXT);
    }

    mcf->edge = value[1];

    return NGX_CONF_OK;
}


/*
 * Takes service.instance.id of OTEL_RESOURCE_ATTRIBUTES, which by OpenTelemetry
 * yields to what the user has configured, and has precedence over a default.
 */

const char *
ngx_http_openqoe_edge_env(ngx_http_openqoe_main_conf_t *mcf, ngx_str_t *name)
{
    if (!ngx_http_openqoe_edge_valid(name)) {
        return "with a service.instance.id of " NGX_HTTP_OPENQOE_EDGE_TEXT;
    }

    if (mcf->edge.data == NULL) {
        mcf->edge = *name;
    }

    return NULL;
}


/*
 * The default is the host name as it was when this nginx started: the host may
 * get another name while nginx runs, and then a reload must not rename the
 * edge.
 */

void
ngx_http_openqoe_edge_complete(ngx_http_openqoe_main_conf_t *mcf)
{
    size_t         len;
    static u_char  host[NGX_HTTP_OPENQOE_EDGE_MAX];
    static size_t  host_len;

    if (mcf->edge.data != NULL) {
        return;
    }

    if (host_len == 0) {
        len = ngx_min(mcf->cycle->hostname.len, NGX_HTTP_OPENQOE_EDGE_MAX);
        ngx_memcpy(host, mcf->cycle->hostname.data, len);
        host_len = len;
    }

    mcf->edge.data = host;
    mcf->edge.len = host_len;

    if (!ngx_http_openqoe_edge_valid(&mcf->edge)) {
        ngx_str_set(&mcf->edge, "localhost");
    }
}


/*
 * Warns if a reload renames the edge: the numbers of records of views are
 * cumulative for a view and an edge, so those of a view that is alive now
 * arrive under both names.
 */

void
ngx_http_openqoe_edge_renamed(ngx_cycle_t *cycle,
    ngx_http_openqoe_main_conf_t *mcf)
{
    ngx_http_openqoe_main_conf_t  *old;

    if (ngx_is_init_cycle(cycle->old_cycle)) {
        return;
    }

    old = ngx_http_cycle_get_module_main_conf(cycle->old_cycle,
                                              ngx_http_openqoe_module);

    if (old == NULL || old->shm_zone == NULL
        || (old->edge.len == mcf->edge.len
            && ngx_memcmp(old->edge.data, mcf->edge.data, mcf->edge.len)
               == 0))
    {
        return;
    }

    ngx_log_error(NGX_LOG_WARN, cycle->log, 0,
                  "openqoe: the edge \"%V\" is renamed to \"%V\": the records "
                  "of views that are alive arrive under both names",
                  &old->edge, &mcf->edge);
}


static ngx_uint_t
ngx_http_openqoe_edge_valid(ngx_str_t *name)
{
    size_t  i;

    if (name->len == 0 || name->len > NGX_HTTP_OPENQOE_EDGE_MAX
        || !ngx_http_openqoe_utf8(name))
    {
        return 0;
    }

    for (i = 0; i < name->len; i++) {
        if (name->data[i] < 0x20 || name->data[i] == 0x7f) {
            return 0;
        }
    }

    return 1;
}
