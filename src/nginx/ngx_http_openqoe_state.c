
/*
 * Copyright (C) OpenQoE
 *
 * The state of the zone's lanes, of the exporters and of their spools, as the
 * health location shows it.
 */


#include "ngx_http_openqoe_stats.h"


#define NGX_HTTP_OPENQOE_ORPHAN_MS   5000
#define NGX_HTTP_OPENQOE_LATELY_MS   15000   /* a helper reports every 5 s */


static void ngx_http_openqoe_exporter_worst(const qoe_zone_t *zone,
    const ngx_http_openqoe_exporter_t *e, qoe_lane_health_t *h);
static ngx_uint_t ngx_http_openqoe_orphaned(uint64_t orphan_id);


void
ngx_http_openqoe_state(ngx_http_openqoe_main_conf_t *mcf,
    ngx_http_openqoe_state_t *s)
{
    uint32_t                      i, k;
    uint64_t                      orphan_id;
    qoe_workers_t                 workers;
    qoe_lane_info_t               info;
    qoe_spool_info_t              spool;
    qoe_lane_health_t             health;
    ngx_http_openqoe_zone_t      *z;
    ngx_http_openqoe_exporter_t  *e;

    ngx_memzero(s, sizeof(ngx_http_openqoe_state_t));

    z = ngx_http_openqoe_get_zone(mcf);

    qoe_self_workers(z->state.self, qoe_mono_ms(), NGX_HTTP_OPENQOE_LATELY_MS,
                     &workers);

    /* identifies the lanes without a live owner, and whether a helper lives */

    orphan_id = (workers.helpers == 0);

    for (i = 0; i < z->lanes; i++) {

        qoe_zone_lane_info(z->zone, i, &info);

        s->used += info.used;
        s->size += info.size;
        s->produced += info.produced;
        s->consumed += info.consumed;

        if (info.owner == 0 || !qoe_proc_alive(info.owner)) {
            orphan_id = orphan_id * 31 + info.owner + i + 1;
        }
    }

    s->orphaned = ngx_http_openqoe_orphaned(orphan_id);

    e = mcf->exporters.elts;

    for (i = 0; i < mcf->exporters.nelts; i++) {

        ngx_http_openqoe_exporter_worst(z->zone, &e[i], &health);
        s->failures = qoe_max(s->failures, health.consecutive_failures);

        for (k = 0; k < QOE_STREAMS; k++) {
            if (e[i].spool && e[i].dest[k] != UINT32_MAX) {
                qoe_spool_info(z->zone, e[i].dest[k], &spool);
                s->spool_failing |= (spool.failed_ms != 0);
            }
        }
    }
}


/* The health of an exporter: the worst and the latest of its streams. */

static void
ngx_http_openqoe_exporter_worst(const qoe_zone_t *zone,
    const ngx_http_openqoe_exporter_t *e, qoe_lane_health_t *h)
{
    uint32_t         i, dest;
    qoe_dest_info_t  info;

    ngx_memzero(h, sizeof(qoe_lane_health_t));

    for (i = 0; i <= QOE_STREAMS; i++) {
        dest = (i != QOE_STREAMS) ? e->dest[i] : e->metrics_dest;

        if (dest == UINT32_MAX) {
            continue;
        }

        qoe_dest_info(zone, dest, &info);

        h->consecutive_failures = qoe_max(h->consecutive_failures,
                                          info.health.consecutive_failures);
        h->last_success_ms = qoe_max(h->last_success_ms,
                                     info.health.last_success_ms);

        if (info.health.last_failure_ms > h->last_failure_ms) {
            h->last_failure_ms = info.health.last_failure_ms;
            ngx_memcpy(h->last_error, info.health.last_error,
                       sizeof(h->last_error));
        }
    }
}


/*
 * true once the same lanes have had no live owner, or no helper has reported,
 * at every call in this process for longer than a start or a hand-over takes.
 */

static ngx_uint_t
ngx_http_openqoe_orphaned(uint64_t orphan_id)
{
    uint64_t  now;

    static uint64_t  since;                  /* monotonic ms */
    static uint64_t  seen;                   /* orphan_id at that time */

    now = qoe_mono_ms();

    if (orphan_id != seen) {
        seen = orphan_id;
        since = now;
    }

    return orphan_id != 0 && now - since >= NGX_HTTP_OPENQOE_ORPHAN_MS;
}


void
ngx_http_openqoe_exporter_health(qoe_buf_t *b,
    ngx_http_openqoe_main_conf_t *mcf, const ngx_http_openqoe_exporter_t *e,
    const ngx_http_openqoe_state_t *s)
{
    const char          *status;
    qoe_lane_health_t    health, *h;

    h = &health;
    ngx_http_openqoe_exporter_worst(ngx_http_openqoe_get_zone(mcf)->zone, e,
                                    h);

    status = h->consecutive_failures ? "degraded"
             : s->orphaned ? "unhealthy" : "healthy";

    qoe_buf_printf(b, "{\"status\":\"%s\",\"endpoint\":", status);
    qoe_buf_json_string(b, ngx_http_openqoe_span(
                               e->endpoint[QOE_SIGNAL_LOGS].url));
    qoe_buf_literal(b, ",\"last_success\":");

    if (h->last_success_ms != 0) {
        ngx_http_openqoe_rfc3339(b, h->last_success_ms);
    } else {
        qoe_buf_literal(b, "null");
    }

    qoe_buf_literal(b, ",\"last_error\":");

    if (h->last_error[0] != '\0') {
        qoe_buf_json_string(b, qoe_span_str(h->last_error));
    } else {
        qoe_buf_literal(b, "null");
    }

    qoe_buf_printf(b, ",\"consecutive_failures\":%llu}",
                   (unsigned long long) h->consecutive_failures);
}


/* The spools of all exporters, as if they were one. */

void
ngx_http_openqoe_spool_health(qoe_buf_t *b, ngx_http_openqoe_main_conf_t *mcf)
{
    uint64_t                      bytes, events, max;
    ngx_uint_t                    i, failing, used;
    const uint32_t               *dest;
    qoe_spool_info_t              info, last;
    ngx_http_openqoe_exporter_t  *e;

    bytes = 0;
    events = 0;
    max = 0;
    failing = 0;
    used = 0;
    last.error[0] = '\0';

    e = mcf->exporters.elts;

    for (i = 0; i < mcf->exporters.nelts * QOE_STREAMS; i++) {
        dest = &e[i / QOE_STREAMS].dest[i % QOE_STREAMS];

        if (!e[i / QOE_STREAMS].spool || *dest == UINT32_MAX) {
            continue;
        }

        qoe_spool_info(ngx_http_openqoe_get_zone(mcf)->zone, *dest, &info);
        used = 1;
        bytes += info.bytes;
        events += info.events;
        max += mcf->spool_conf.max_size;

        if (info.failed_ms != 0 || (!failing && info.error[0] != '\0')) {
            last = info;
        }

        failing |= (info.failed_ms != 0);
    }

    if (!used) {
        qoe_buf_literal(b, "{\"status\":\"disabled\"}");
        return;
    }

    qoe_buf_printf(b, "{\"status\":\"%s\",\"path\":",
                   !failing ? "healthy"
                   : mcf->ack_used ? "unhealthy" : "degraded");
    qoe_buf_json_string(b, ngx_http_openqoe_span(mcf->spool));
    qoe_buf_printf(b, ",\"events\":%llu,\"used\":%llu,\"size\":%llu,"
                   "\"last_error\":", (unsigned long long) events,
                   (unsigned long long) bytes, (unsigned long long) max);

    if (last.error[0] != '\0') {
        qoe_buf_json_string(b, qoe_span_str(last.error));
    } else {
        qoe_buf_literal(b, "null");
    }

    qoe_buf_literal(b, "}");
}
