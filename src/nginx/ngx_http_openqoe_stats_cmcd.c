
/*
 * Copyright (C) OpenQoE
 *
 * The part of /v2/stats about requests for media and their CMCD.
 */


#include "ngx_http_openqoe_stats.h"

#include "qoe_deliveries.h"
#include "qoe_tap.h"


static void ngx_http_openqoe_stats_ignored(qoe_buf_t *b,
    const qoe_zone_t *zone);
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

    qoe_buf_printf(b, ",\"cmcd\":{\"reports\":%llu,\"requests\":%llu,"
                   "\"sets\":%llu,\"without\":%llu,\"dropped\":%llu,",
        (unsigned long long) qoe_zone_counter(zone,
                                              QOE_COUNT_CMCD_REPORTS),
        (unsigned long long) qoe_zone_counter(zone,
                                              QOE_COUNT_CMCD_REQUESTS),
        (unsigned long long) qoe_zone_counter(zone,
                                              QOE_COUNT_CMCD_SETS),
        (unsigned long long) qoe_zone_counter(zone,
                                              QOE_COUNT_CMCD_MEDIA),
        (unsigned long long) qoe_zone_counter(zone,
                                              QOE_COUNT_CMCD_DROPPED));

    ngx_http_openqoe_stats_ignored(b, zone);
    ngx_http_openqoe_stats_sessions(b, st);

    used = 0;

    for (i = 0; i < st->lanes; i++) {
        used += qoe_tap_used(zone, i);
    }

    qoe_buf_printf(b, "\"small\":%s,\"tap\":{\"used\":%llu,\"size\":%llu},"
                   "\"logs\":{\"queued\":%llu,\"dropped\":%llu}}",
        qoe_zone_requests(zone) ? "false" : "true",
        (unsigned long long) used,
        (unsigned long long) (qoe_tap_size(zone) * st->lanes),
        (unsigned long long) qoe_zone_counter(zone,
                                              QOE_COUNT_CMCD_LOGS),
        (unsigned long long) qoe_zone_counter(zone,
                                              QOE_COUNT_CMCD_LOGS_DROPPED));
}


static void
ngx_http_openqoe_stats_ignored(qoe_buf_t *b, const qoe_zone_t *zone)
{
    ngx_uint_t  i;

    static const struct {
        const char     *name;
        qoe_counter_t   counter;
    } reasons[] = {
#define NGX_HTTP_OPENQOE_REASON(id, name)  { name, QOE_COUNT_CMCD_##id },
        QOE_CMCD_REASONS(NGX_HTTP_OPENQOE_REASON)
    };

    qoe_buf_literal(b, "\"ignored\":{");

    for (i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        qoe_buf_printf(b, "%s\"%s\":%llu", i ? "," : "", reasons[i].name,
            (unsigned long long) qoe_zone_counter(zone, reasons[i].counter));
    }

    qoe_buf_literal(b, "},");
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

    qoe_buf_printf(b, "\"sessions\":{\"active\":%llu,\"capacity\":%llu,"
                   "\"begun\":%llu,\"evicted\":%llu},",
        (unsigned long long) active, (unsigned long long) capacity,
        (unsigned long long) qoe_zone_counter(st->zone,
                                              QOE_COUNT_CMCD_SESSIONS),
        (unsigned long long) qoe_zone_counter(st->zone,
                                              QOE_COUNT_CMCD_EVICTED));
}
