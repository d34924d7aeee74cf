
/*
 * Copyright (C) OpenQoE
 *
 * The part of /v2/stats about an exporter: where its events are.
 */


#include "ngx_http_openqoe_stats.h"


typedef struct {
    const char          *name;
    qoe_dest_counter_t   counter;
} ngx_http_openqoe_dest_stat_t;


static void ngx_http_openqoe_stats_dest(qoe_buf_t *b,
    ngx_http_openqoe_main_conf_t *mcf, const ngx_http_openqoe_exporter_t *e,
    ngx_uint_t stream);
static void ngx_http_openqoe_dest_counters(qoe_buf_t *b,
    const char *name, const ngx_http_openqoe_dest_stat_t *stats,
    const uint64_t *counters);
static void ngx_http_openqoe_stats_spool(qoe_buf_t *b,
    ngx_http_openqoe_main_conf_t *mcf, uint32_t dest,
    const uint64_t *counters);


static const ngx_http_openqoe_dest_stat_t  ngx_http_openqoe_dropped[] = {
    { "refused", QOE_DEST_DROPPED_REFUSED },
    { "corrupt", QOE_DEST_DROPPED_CORRUPT },
    { "spool", QOE_DEST_DROPPED_SPOOL },
    { "behind", QOE_DEST_DROPPED_BEHIND },
    { "removed", QOE_DEST_DROPPED_REMOVED },
    { "lost", QOE_DEST_DROPPED_LOST },
    { NULL, 0 }
};


static const ngx_http_openqoe_dest_stat_t  ngx_http_openqoe_batches[] = {
    { "sent", QOE_DEST_BATCHES_SENT },
    { "retried", QOE_DEST_BATCHES_RETRIED },
    { "failed", QOE_DEST_BATCHES_FAILED },
    { "quarantined", QOE_DEST_BATCHES_QUARANTINED },
    { "unfinished", QOE_DEST_BATCHES_UNFINISHED },
    { NULL, 0 }
};


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
    qoe_dest_info_t   info;

    dest = e->dest[stream];

    ngx_memzero(&info, sizeof(qoe_dest_info_t));

    if (dest != UINT32_MAX) {
        qoe_dest_info(ngx_http_openqoe_get_zone(mcf)->zone, dest, &info);
    }

    qoe_buf_printf(b, "\"accepted\":%llu,\"recovered\":%llu,"
                   "\"exported\":%llu,\"rejected\":%llu,",
                   (unsigned long long) info.accepted,
                   (unsigned long long) info.recovered,
                   (unsigned long long) info.exported,
                   (unsigned long long) info.rejected);
    ngx_http_openqoe_dest_counters(b, "dropped", ngx_http_openqoe_dropped,
                                   info.counter);
    qoe_buf_printf(b, ",\"queued\":%llu,\"spooled\":%llu,",
                   (unsigned long long) info.queued,
                   (unsigned long long) info.spooled);
    ngx_http_openqoe_dest_counters(b, "batches", ngx_http_openqoe_batches,
                                   info.counter);

    qoe_buf_literal(b, ",\"spool\":");
    ngx_http_openqoe_stats_spool(b, mcf, e->spool ? dest : UINT32_MAX,
                                 info.counter);
}


static void
ngx_http_openqoe_dest_counters(qoe_buf_t *b, const char *name,
    const ngx_http_openqoe_dest_stat_t *stats, const uint64_t *counters)
{
    ngx_uint_t  i;

    qoe_buf_printf(b, "\"%s\":{", name);

    for (i = 0; stats[i].name != NULL; i++) {
        qoe_buf_printf(b, "%s\"%s\":%llu", i ? "," : "", stats[i].name,
                       (unsigned long long) counters[stats[i].counter]);
    }

    qoe_buf_literal(b, "}");
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

    qoe_buf_printf(b, ",\"written\":%llu,\"replayed\":%llu,\"damaged\":%llu,"
                   "\"strangers\":%llu,\"syncs\":%llu,\"errors\":%llu,"
                   "\"failing\":%s,"
                   "\"last_error\":",
                   (unsigned long long) counters[QOE_DEST_SPOOLED],
                   (unsigned long long) counters[QOE_DEST_REPLAYED],
                   (unsigned long long) counters[QOE_DEST_SEGMENTS_DAMAGED],
                   (unsigned long long) counters[QOE_DEST_SPOOL_STRANGERS],
                   (unsigned long long) counters[QOE_DEST_SPOOL_SYNCS],
                   (unsigned long long) counters[QOE_DEST_SPOOL_ERRORS],
                   info.failed_ms != 0 ? "true" : "false");

    if (info.error[0] != '\0') {
        qoe_buf_json_string(b, qoe_span_str(info.error));
    } else {
        qoe_buf_literal(b, "null");
    }

    qoe_buf_literal(b, "}");
}
