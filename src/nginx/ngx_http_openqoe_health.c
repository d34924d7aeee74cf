
/*
 * Copyright (C) OpenQoE
 *
 * GET of a health location.
 *
 * healthy: events are taken and delivered; degraded: the collector fails, the
 * queue holds them; unhealthy: events are refused (the queue is full) or lost
 * (the collector will not have them), or nobody exports.
 */


#include "ngx_http_openqoe.h"


#define NGX_HTTP_OPENQOE_REFUSED_MS  10000
#define NGX_HTTP_OPENQOE_ORPHAN_MS   5000
#define NGX_HTTP_OPENQOE_LATELY_MS   15000   /* a helper tells every 5 s */


typedef enum {
    NGX_HTTP_OPENQOE_HEALTHY = 0,
    NGX_HTTP_OPENQOE_DEGRADED,
    NGX_HTTP_OPENQOE_UNHEALTHY
} ngx_http_openqoe_health_e;


static ngx_http_openqoe_health_e ngx_http_openqoe_judge(qoe_zone_t *zone,
    const ngx_http_openqoe_exporter_state_t *s);
static ngx_uint_t ngx_http_openqoe_orphaned(
    const ngx_http_openqoe_exporter_state_t *s);
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
    ngx_uint_t                          status;
    ngx_http_openqoe_health_e           health;
    ngx_http_openqoe_main_conf_t       *mcf;
    ngx_http_openqoe_exporter_state_t   s;

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

    ngx_http_openqoe_exporter_state(ngx_http_openqoe_get_zone(mcf), &s);
    health = ngx_http_openqoe_judge(zone, &s);

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
                   "\"uptime\":%llu,\"dependencies\":{\"exporter\":",
                   NGX_HTTP_OPENQOE_VERSION,
                   (unsigned long long) (now_ms / 1000
                   - qoe_min(now_ms / 1000,
                             qoe_zone_start_ns(zone) / 1000000000)));
    ngx_http_openqoe_exporter_json(&b, mcf, &s);
    qoe_buf_printf(&b, ",\"queue\":{\"used\":%llu,\"size\":%llu},"
                   "\"spool\":{\"status\":\"disabled\"}}}",
                   (unsigned long long) s.used, (unsigned long long) s.size);

    return ngx_http_openqoe_send(r, status, &b);
}


static ngx_http_openqoe_health_e
ngx_http_openqoe_judge(qoe_zone_t *zone,
    const ngx_http_openqoe_exporter_state_t *s)
{
    uint64_t  refused_ms;

    refused_ms = qoe_zone_refused_ms(zone);

    if ((refused_ms != 0
         && qoe_mono_ms() < refused_ms + NGX_HTTP_OPENQOE_REFUSED_MS)
        || ngx_http_openqoe_helper_failed()
        || ngx_http_openqoe_orphaned(s))
    {
        return NGX_HTTP_OPENQOE_UNHEALTHY;
    }

    return s->failures != 0 ? NGX_HTTP_OPENQOE_DEGRADED
                            : NGX_HTTP_OPENQOE_HEALTHY;
}


/*
 * True once the same lanes have been without a live owner, or no helper has
 * told of itself, each time this process was asked, for longer than a start or
 * a hand-over takes.
 */

static ngx_uint_t
ngx_http_openqoe_orphaned(const ngx_http_openqoe_exporter_state_t *s)
{
    uint64_t  now;

    static uint64_t  since;                  /* monotonic ms */
    static uint64_t  seen;                   /* orphan_id then */

    now = qoe_mono_ms();

    if (s->orphan_id != seen) {
        seen = s->orphan_id;
        since = now;
    }

    return s->orphan_id != 0 && now - since >= NGX_HTTP_OPENQOE_ORPHAN_MS;
}


/* ?ready, with or without a value */

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


void
ngx_http_openqoe_exporter_state(const ngx_http_openqoe_zone_t *z,
    ngx_http_openqoe_exporter_state_t *s)
{
    uint32_t         i;
    qoe_workers_t    workers;
    qoe_lane_info_t  info;

    ngx_memzero(s, sizeof(ngx_http_openqoe_exporter_state_t));

    qoe_self_workers(z->state.self, qoe_mono_ms(), NGX_HTTP_OPENQOE_LATELY_MS,
                     &workers);

    if (workers.helpers == 0) {
        s->orphan_id = 1;
    }

    for (i = 0; i < qoe_zone_lanes(z->zone); i++) {

        qoe_zone_lane_info(z->zone, i, &info);

        s->used += info.used;
        s->size += info.size;
        s->produced += info.produced;
        s->consumed += info.consumed;
        s->failures = qoe_max(s->failures, info.health.consecutive_failures);
        s->last_success_ms = qoe_max(s->last_success_ms,
                                     info.health.last_success_ms);

        if (info.owner == 0 || !qoe_proc_alive(info.owner)) {
            s->orphan_id = s->orphan_id * 31 + info.owner + i + 1;
        }

        if (info.health.last_failure_ms > s->last_failure_ms) {
            s->last_failure_ms = info.health.last_failure_ms;
            ngx_memcpy(s->last_error, info.health.last_error,
                       sizeof(s->last_error));
            s->last_error[sizeof(s->last_error) - 1] = '\0';
        }
    }
}


void
ngx_http_openqoe_exporter_json(qoe_buf_t *b,
    ngx_http_openqoe_main_conf_t *mcf,
    const ngx_http_openqoe_exporter_state_t *s)
{
    const char  *status;

    status = s->failures ? "degraded"
             : ngx_http_openqoe_orphaned(s) ? "unhealthy" : "healthy";

    qoe_buf_printf(b, "{\"status\":\"%s\",\"endpoint\":", status);
    qoe_buf_json_string(b, ngx_http_openqoe_span(mcf->exporter.endpoint));
    qoe_buf_literal(b, ",\"last_success\":");

    if (s->last_success_ms != 0) {
        ngx_http_openqoe_rfc3339(b, s->last_success_ms);
    } else {
        qoe_buf_literal(b, "null");
    }

    qoe_buf_literal(b, ",\"last_error\":");

    if (s->last_error[0] != '\0') {
        qoe_buf_json_string(b, qoe_span_str(s->last_error));
    } else {
        qoe_buf_literal(b, "null");
    }

    qoe_buf_printf(b, ",\"consecutive_failures\":%llu}",
                   (unsigned long long) s->failures);
}
