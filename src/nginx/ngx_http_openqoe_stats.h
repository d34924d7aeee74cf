
/*
 * Copyright (C) OpenQoE
 *
 * What /v2/stats and /v2/health say, and how a client wants to have it.
 */


#ifndef _NGX_HTTP_OPENQOE_STATS_H_INCLUDED_
#define _NGX_HTTP_OPENQOE_STATS_H_INCLUDED_


#include "ngx_http_openqoe.h"


/* _accept.c: what a client wants of the stats */
typedef enum {
    NGX_HTTP_OPENQOE_AS_JSON = 0,
    NGX_HTTP_OPENQOE_AS_OPENMETRICS,
    NGX_HTTP_OPENQOE_AS_TEXT
} ngx_http_openqoe_format_e;

ngx_http_openqoe_format_e ngx_http_openqoe_format(ngx_http_request_t *r);

/* _scrape.c: the stats as Prometheus reads them */
ngx_int_t ngx_http_openqoe_scrape(ngx_http_request_t *r,
    qoe_prom_format_t format);

/* _stats.c: the counters that have this place, with commas between them */
void ngx_http_openqoe_counters(qoe_buf_t *b, const qoe_zone_t *zone,
    qoe_counter_place_t place);

/* _stats_view.c: answers ?view=id */
ngx_int_t ngx_http_openqoe_stats_view(ngx_http_request_t *r, ngx_str_t *id);

/* _stats_cmcd.c: what it says about requests for media */
void ngx_http_openqoe_stats_cmcd(qoe_buf_t *b,
    ngx_http_openqoe_main_conf_t *mcf);

/* _stats_qoe.c: what /v2/stats says about the metrics */
void ngx_http_openqoe_stats_qoe(qoe_buf_t *b,
    ngx_http_openqoe_main_conf_t *mcf);
ngx_int_t ngx_http_openqoe_stats_dimension(ngx_http_request_t *r,
    ngx_str_t *name);

/* _stats_sketch.c: answers ?sketch=name */
ngx_int_t ngx_http_openqoe_stats_sketch(ngx_http_request_t *r,
    ngx_str_t *name);

/* _live.c, _top.c: the numbers of the live page, ?view=live of the stats */
ngx_int_t ngx_http_openqoe_live(ngx_http_request_t *r);
/* A client looks: begins new lists if it is time. */
void ngx_http_openqoe_top_look(ngx_http_openqoe_main_conf_t *mcf);
/* The last complete lists, or NULL; how often there were new ones. */
const qoe_top_t *ngx_http_openqoe_top(ngx_http_openqoe_main_conf_t *mcf);
ngx_uint_t ngx_http_openqoe_top_made(void);

/* _state.c: the state of the lanes and of the exporters */
typedef struct {
    uint64_t                  used;          /* bytes */
    uint64_t                  size;
    uint64_t                  produced;      /* events accepted, ever */
    uint64_t                  consumed;      /* those no longer queued */
    uint64_t                  failures;      /* in a row, at most */
    ngx_uint_t                spool_failing;
    ngx_uint_t                orphaned;      /* no process exports */
} ngx_http_openqoe_state_t;

void ngx_http_openqoe_state(ngx_http_openqoe_main_conf_t *mcf,
    ngx_http_openqoe_state_t *s);
/* "healthy", "degraded" or "unhealthy" */
const char *ngx_http_openqoe_health_name(ngx_http_openqoe_main_conf_t *mcf,
    const ngx_http_openqoe_state_t *s);
void ngx_http_openqoe_exporter_health(qoe_buf_t *b,
    ngx_http_openqoe_main_conf_t *mcf, const ngx_http_openqoe_exporter_t *e,
    const ngx_http_openqoe_state_t *s);
void ngx_http_openqoe_spool_health(qoe_buf_t *b,
    ngx_http_openqoe_main_conf_t *mcf);

/* _stats_dest.c: the same for the stats, with numbers */
void ngx_http_openqoe_stats_exporter(qoe_buf_t *b,
    ngx_http_openqoe_main_conf_t *mcf, const ngx_http_openqoe_exporter_t *e,
    const ngx_http_openqoe_state_t *s);


#endif /* _NGX_HTTP_OPENQOE_STATS_H_INCLUDED_ */
