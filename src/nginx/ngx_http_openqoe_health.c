
/*
 * Copyright (C) OpenQoE
 *
 * GET in a health location.
 *
 * healthy: events are accepted and delivered.  degraded: a collector fails,
 * but queue and spool hold the events; or the spool fails, but the queue holds
 * them.  unhealthy: events are refused (the queue is full, or they cannot be
 * stored as openqoe_ack requires) or lost (the collector rejects them), or no
 * helper exports.
 */


#include "ngx_http_openqoe_stats.h"


#define NGX_HTTP_OPENQOE_REFUSED_MS  10000


typedef enum {
    NGX_HTTP_OPENQOE_HEALTHY = 0,
    NGX_HTTP_OPENQOE_DEGRADED,
    NGX_HTTP_OPENQOE_UNHEALTHY
} ngx_http_openqoe_health_e;


static ngx_http_openqoe_health_e ngx_http_openqoe_judge(
    ngx_http_openqoe_main_conf_t *mcf, const ngx_http_openqoe_state_t *s);
static void ngx_http_openqoe_fleet_json(qoe_buf_t *b,
    ngx_http_openqoe_main_conf_t *mcf);
static ngx_uint_t ngx_http_openqoe_ready(ngx_str_t *args);


static const char  *ngx_http_openqoe_healths[] = {
    "healthy", "degraded", "unhealthy"
};


ngx_int_t
ngx_http_openqoe_health_handler(ngx_http_request_t *r)
{
    uint64_t                            now_ms;
    ngx_int_t                           rc;
    qoe_buf_t                           b;
    qoe_mem_t                           mem;
    qoe_zone_t                         *zone;
    ngx_uint_t                          status, i;
    ngx_http_openqoe_state_t            s;
    ngx_http_openqoe_health_e           health;
    ngx_http_openqoe_exporter_t        *e;
    ngx_http_openqoe_main_conf_t       *mcf;

    rc = ngx_http_openqoe_method(r, NGX_HTTP_GET|NGX_HTTP_HEAD,
                                 "GET, HEAD, OPTIONS");
    if (rc != NGX_DECLINED) {
        return rc;
    }

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    mcf = ngx_http_get_module_main_conf(r, ngx_http_openqoe_module);
    zone = ngx_http_openqoe_get_zone(mcf)->zone;
    now_ms = qoe_unix_ns() / 1000000;

    ngx_http_openqoe_state(mcf, &s);
    health = ngx_http_openqoe_judge(mcf, &s);

    status = NGX_HTTP_OK;

    if (health == NGX_HTTP_OPENQOE_UNHEALTHY
        || (health == NGX_HTTP_OPENQOE_DEGRADED
            && ngx_http_openqoe_ready(&r->args)))
    {
        status = NGX_HTTP_SERVICE_UNAVAILABLE;
    }

    ngx_http_openqoe_json_init(&b, &mem, r);

    qoe_buf_printf(&b, "{\"status\":\"%s\",\"timestamp\":",
                   ngx_http_openqoe_healths[health]);
    ngx_http_openqoe_rfc3339(&b, now_ms);
    qoe_buf_printf(&b, ",\"service\":\"openqoe-worker\",\"version\":\"%s\","
                   "\"edge\":", NGX_HTTP_OPENQOE_VERSION);
    qoe_buf_json_string(&b, ngx_http_openqoe_span(mcf->edge));
    ngx_http_openqoe_fleet_json(&b, mcf);
    qoe_buf_printf(&b, ",\"uptime\":%llu,\"dependencies\":{\"exporter\":",
                   (unsigned long long) (now_ms / 1000
                   - qoe_min(now_ms / 1000,
                             qoe_zone_start_ns(zone) / 1000000000)));
    ngx_http_openqoe_exporter_health(&b, mcf, mcf->exporter, &s);
    qoe_buf_literal(&b, ",\"exporters\":{");

    e = mcf->exporters.elts;

    for (i = 0; i < mcf->exporters.nelts; i++) {
        qoe_buf_printf(&b, "%s\"%.*s\":", i ? "," : "", (int) e[i].name.len,
                       (char *) e[i].name.data);
        ngx_http_openqoe_exporter_health(&b, mcf, &e[i], &s);
    }

    qoe_buf_printf(&b, "},\"queue\":{\"used\":%llu,\"size\":%llu},"
                   "\"spool\":", (unsigned long long) s.used,
                   (unsigned long long) s.size);
    ngx_http_openqoe_spool_health(&b, mcf);
    qoe_buf_literal(&b, "}}");

    return ngx_http_openqoe_send(r, status, &b);
}


const char *
ngx_http_openqoe_health_name(ngx_http_openqoe_main_conf_t *mcf,
    const ngx_http_openqoe_state_t *s)
{
    return ngx_http_openqoe_healths[ngx_http_openqoe_judge(mcf, s)];
}


static ngx_http_openqoe_health_e
ngx_http_openqoe_judge(ngx_http_openqoe_main_conf_t *mcf,
    const ngx_http_openqoe_state_t *s)
{
    uint64_t  refused_ms;

    refused_ms = qoe_zone_refused_ms(ngx_http_openqoe_get_zone(mcf)->zone);

    if ((refused_ms != 0
         && qoe_mono_ms() < refused_ms + NGX_HTTP_OPENQOE_REFUSED_MS)
        || ngx_http_openqoe_helper_failed()
        || s->orphaned
        || (s->spool_failing && mcf->ack_used))
    {
        return NGX_HTTP_OPENQOE_UNHEALTHY;
    }

    return s->failures != 0 || s->spool_failing ? NGX_HTTP_OPENQOE_DEGRADED
                                                : NGX_HTTP_OPENQOE_HEALTHY;
}


/* What must be the same on all edges of a fleet. */

static void
ngx_http_openqoe_fleet_json(qoe_buf_t *b, ngx_http_openqoe_main_conf_t *mcf)
{
    qoe_buf_printf(b, ",\"config_hash\":\"%.*s\"", NGX_HTTP_OPENQOE_HASH_LEN,
                   (char *) mcf->config_hash);

    if (mcf->qoe.fleet.id == 0) {
        qoe_buf_literal(b, ",\"fleet_key\":null");
        return;
    }

    qoe_buf_printf(b, ",\"fleet_key\":\"%016llx\"",
                   (unsigned long long) mcf->qoe.fleet.id);
}


/* Finds ?ready, with or without a value. */

static ngx_uint_t
ngx_http_openqoe_ready(ngx_str_t *args)
{
    u_char  *p, *end, *next;
    size_t   len;

    end = args->data + args->len;

    for (p = args->data; p < end; p = next + 1) {

        next = ngx_strlchr(p, end, '&');
        next = next ? next : end;
        len = (size_t) (next - p);

        if (len >= 5 && ngx_strncmp(p, "ready", 5) == 0
            && (len == 5 || p[5] == '='))
        {
            return 1;
        }
    }

    return 0;
}
