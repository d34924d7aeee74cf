
/*
 * Copyright (C) OpenQoE
 *
 * The part of /v2/stats about an exporter: where its events are.
 */


#include "ngx_http_openqoe_stats.h"


static void ngx_http_openqoe_stats_dest(qoe_buf_t *b,
    ngx_http_openqoe_main_conf_t *mcf, const ngx_http_openqoe_exporter_t *e,
    ngx_uint_t stream);
static void ngx_http_openqoe_dest_counters(qoe_buf_t *b,
    qoe_dest_place_t place, const uint64_t *counters);
static void ngx_http_openqoe_stats_spool(qoe_buf_t *b,
    ngx_http_openqoe_main_conf_t *mcf, uint32_t dest,
    const uint64_t *counters);


/* The stream of events stands for the exporter, and has the others in it. */

void
ngx_http_openqoe_stats_exporter(qoe_buf_t *b,
    ngx_http_openqoe_main_conf_t *mcf, const ngx_http_openqoe_exporter_t *e,
    const ngx_http_openqoe_state_t *s)
{
    ngx_uint_t  i;

    qoe_buf_literal(b, "{");
    ngx_http_openqoe_stats_dest(b, mcf, e, QOE_STREAM_LOGS);
    qoe_buf_literal(b, ",\"health\":");
    ngx_http_openqoe_exporter_health(b, mcf, e, s);

    for (i = QOE_STREAM_LOGS + 1; i < QOE_STREAMS; i++) {
        qoe_buf_printf(b, ",\"%.*s\":", (int) qoe_streams[i].name.len,
                       qoe_streams[i].name.data);

        if ((e->signals >> i & 1) == 0) {
            qoe_buf_literal(b, "null");
            continue;
        }

        qoe_buf_literal(b, "{");
        ngx_http_openqoe_stats_dest(b, mcf, e, i);
        qoe_buf_literal(b, "}");
    }

    qoe_buf_literal(b, "}");
}


static void
ngx_http_openqoe_stats_dest(qoe_buf_t *b, ngx_http_openqoe_main_conf_t *mcf,
    const ngx_http_openqoe_exporter_t *e, ngx_uint_t stream)
{
    uint32_t          dest;
    ngx_uint_t        i;
    qoe_dest_info_t   info;

    dest = e->dest[stream];

    ngx_memzero(&info, sizeof(qoe_dest_info_t));

    if (dest != UINT32_MAX) {
        qoe_dest_info(ngx_http_openqoe_get_zone(mcf)->zone, dest, &info);
    }

    for (i = 0; i < QOE_DEST_STATES_N; i++) {

        qoe_buf_printf(b, "\"%s\":", qoe_dest_state_name(i));

        if (i == QOE_DEST_STATE_DROPPED) {
            qoe_buf_literal(b, "{");
            ngx_http_openqoe_dest_counters(b, QOE_DEST_PLACE_DROPPED,
                                           info.counter);
            qoe_buf_literal(b, "},");

        } else {
            qoe_buf_printf(b, "%llu,",
                           (unsigned long long) qoe_dest_state(&info, i));
        }
    }

    qoe_buf_literal(b, "\"batches\":{");
    ngx_http_openqoe_dest_counters(b, QOE_DEST_PLACE_BATCHES, info.counter);

    qoe_buf_literal(b, "},\"spool\":");
    ngx_http_openqoe_stats_spool(b, mcf, e->spool ? dest : UINT32_MAX,
                                 info.counter);
}


static void
ngx_http_openqoe_dest_counters(qoe_buf_t *b, qoe_dest_place_t place,
    const uint64_t *counters)
{
    ngx_uint_t   i;
    const char  *comma;

    comma = "";

    for (i = 0; i < QOE_DEST_COUNTERS_N; i++) {

        if (qoe_dest_counters[i].place == place) {
            qoe_buf_printf(b, "%s\"%s\":%llu", comma,
                           qoe_dest_counters[i].name,
                           (unsigned long long) counters[i]);
            comma = ",";
        }
    }
}


static void
ngx_http_openqoe_stats_spool(qoe_buf_t *b, ngx_http_openqoe_main_conf_t *mcf,
    uint32_t dest, const uint64_t *counters)
{
    qoe_spool_info_t  info;

    if (dest == UINT32_MAX) {
        qoe_buf_literal(b, "null");
        return;
    }

    qoe_spool_info(ngx_http_openqoe_get_zone(mcf)->zone, dest, &info);

    qoe_buf_printf(b, "{\"bytes\":%llu,\"max_size\":%llu,\"segments\":%llu,"
                   "\"events\":%llu,\"oldest\":",
                   (unsigned long long) info.bytes,
                   (unsigned long long) mcf->spool_conf.max_size,
                   (unsigned long long) info.segments,
                   (unsigned long long) info.events);

    if (info.oldest_ns != 0) {
        ngx_http_openqoe_rfc3339(b, info.oldest_ns / 1000000);
    } else {
        qoe_buf_literal(b, "null");
    }

    qoe_buf_literal(b, ",");
    ngx_http_openqoe_dest_counters(b, QOE_DEST_PLACE_SPOOL, counters);
    qoe_buf_printf(b, ",\"failing\":%s,\"last_error\":",
                   info.failed_ms != 0 ? "true" : "false");

    if (info.error[0] != '\0') {
        qoe_buf_json_string(b, qoe_span_str(info.error));
    } else {
        qoe_buf_literal(b, "null");
    }

    qoe_buf_literal(b, "}");
}
