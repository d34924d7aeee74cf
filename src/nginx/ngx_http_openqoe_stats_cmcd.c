
/*
 * Copyright (C) OpenQoE
 *
 * The part of /v2/stats about requests for media and their CMCD.
 */


#include "ngx_http_openqoe_stats.h"

#include "qoe_deliveries.h"
#include "qoe_tap.h"


static void ngx_http_openqoe_stats_sessions(qoe_buf_t *b,
    const qoe_state_t *st);


/* Writes a member of the document with a comma before it. */

void
ngx_http_openqoe_stats_cmcd(qoe_buf_t *b, ngx_http_openqoe_main_conf_t *mcf)
{
    uint32_t      i;
    uint64_t      used;
    qoe_zone_t   *zone;
    qoe_state_t  *st;

    st = &ngx_http_openqoe_get_zone(mcf)->state;
    zone = st->zone;

    qoe_buf_literal(b, ",\"cmcd\":{");
    ngx_http_openqoe_counters(b, zone, QOE_PLACE_CMCD);
    qoe_buf_literal(b, ",\"ignored\":{");
    ngx_http_openqoe_counters(b, zone, QOE_PLACE_CMCD_IGNORED);
    qoe_buf_literal(b, "},");
    ngx_http_openqoe_stats_sessions(b, st);

    used = 0;

    for (i = 0; i < st->lanes; i++) {
        used += qoe_tap_used(zone, i);
    }

    qoe_buf_printf(b, "\"small\":%s,\"tap\":{\"used\":%llu,\"size\":%llu},"
                   "\"logs\":{",
        qoe_zone_requests(zone) ? "false" : "true",
        (unsigned long long) used,
        (unsigned long long) (qoe_tap_size(zone) * st->lanes));
    ngx_http_openqoe_counters(b, zone, QOE_PLACE_CMCD_LOGS);
    qoe_buf_literal(b, "}}");
}


static void
ngx_http_openqoe_stats_sessions(qoe_buf_t *b, const qoe_state_t *st)
{
    size_t                 kind, sf;
    uint32_t               i;
    uint64_t               active, capacity;
    qoe_deliveries_info_t  info;

    active = 0;
    capacity = 0;

    for (i = 0; i < st->lanes; i++) {
        qoe_deliveries_info(st->deliveries[i], &info);
        capacity += info.max;

        for (kind = 0; kind < QOE_CMCD_STS; kind++) {
            for (sf = 0; sf < QOE_CMCD_SFS; sf++) {
                active += info.alive[kind][sf];
            }
        }
    }

    qoe_buf_printf(b, "\"sessions\":{\"active\":%llu,\"capacity\":%llu,",
                   (unsigned long long) active,
                   (unsigned long long) capacity);
    ngx_http_openqoe_counters(b, st->zone, QOE_PLACE_CMCD_SESSIONS);
    qoe_buf_literal(b, "},");
}
