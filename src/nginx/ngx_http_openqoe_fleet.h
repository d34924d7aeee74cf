
/*
 * Copyright (C) OpenQoE
 *
 * What an edge of a fleet needs: a name, the key that all edges share, the hash
 * of its configuration, and the session by which requests are routed.
 */


#ifndef _NGX_HTTP_OPENQOE_FLEET_H_INCLUDED_
#define _NGX_HTTP_OPENQOE_FLEET_H_INCLUDED_


#include "ngx_http_openqoe.h"


/* _identity.c: the name of this edge */
char *ngx_http_openqoe_edge(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
const char *ngx_http_openqoe_edge_env(ngx_http_openqoe_main_conf_t *mcf,
    ngx_str_t *name);
void ngx_http_openqoe_edge_complete(ngx_http_openqoe_main_conf_t *mcf);
void ngx_http_openqoe_edge_renamed(ngx_cycle_t *cycle,
    ngx_http_openqoe_main_conf_t *mcf);

/* _dimension_file.c: reads file= of a dimension */
char *ngx_http_openqoe_dimension_file(ngx_conf_t *cf, const char *directive,
    ngx_str_t *text, qoe_dimension_t *dim);

/* _session.c: $openqoe_session */
ngx_int_t ngx_http_openqoe_session_variable(ngx_conf_t *cf);

/* _config_hash.c */
ngx_int_t ngx_http_openqoe_config_hash(ngx_conf_t *cf);

/* _fleet.c: the key that all edges share */
char *ngx_http_openqoe_fleet_key(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
void ngx_http_openqoe_fleet_init(ngx_cycle_t *cycle,
    ngx_http_openqoe_main_conf_t *mcf);


#endif /* _NGX_HTTP_OPENQOE_FLEET_H_INCLUDED_ */
