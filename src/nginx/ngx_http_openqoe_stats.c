
/*
 * Copyright (C) OpenQoE
 *
 * GET in a stats location: the zone's counters as JSON, of all workers, or
 * another form that the client asks for.  A table describes each object of
 * counters.
 */


#include "ngx_http_openqoe_stats.h"


typedef struct {
    const char     *name;
    qoe_counter_t   counter;
} ngx_http_openqoe_stat_t;


static ngx_int_t ngx_http_openqoe_stats_form(ngx_http_request_t *r);
static ngx_int_t ngx_http_openqoe_stats_json(ngx_http_request_t *r);
static void ngx_http_openqoe_stats_exporters(qoe_buf_t *b,
    ngx_http_openqoe_main_conf_t *mcf, const ngx_http_openqoe_state_t *s);
static void ngx_http_openqoe_counters(qoe_buf_t *b, const qoe_zone_t *zone,
    const char *name, const ngx_http_openqoe_stat_t *stats);
static void ngx_http_openqoe_queue(qoe_buf_t *b, const qoe_zone_t *zone,
    const ngx_http_openqoe_state_t *s);


static const ngx_http_openqoe_stat_t  ngx_http_openqoe_rejected[] = {
    { "invalid", QOE_COUNT_EVENTS_INVALID },
    { "sessions", QOE_COUNT_EVENTS_SESSIONS },
    { "strict", QOE_COUNT_EVENTS_STRICT },
    { "overload", QOE_COUNT_EVENTS_OVERLOAD },
    { "unstorable", QOE_COUNT_EVENTS_UNSTORABLE },
    { "error", QOE_COUNT_EVENTS_ERROR },
    { NULL, 0 }
};


static const ngx_http_openqoe_stat_t  ngx_http_openqoe_requests[] = {
    { "received", QOE_COUNT_REQUESTS },
    { "202", QOE_COUNT_REQUESTS_ACCEPTED },
    { "400", QOE_COUNT_REQUESTS_INVALID },
    { "401", QOE_COUNT_REQUESTS_UNAUTHORIZED },
    { "405", QOE_COUNT_REQUESTS_METHOD },
    { "413", QOE_COUNT_REQUESTS_TOO_LARGE },
    { "415", QOE_COUNT_REQUESTS_MEDIA_TYPE },
    { "500", QOE_COUNT_REQUESTS_ERROR },
    { "503", QOE_COUNT_REQUESTS_OVERLOAD },
    { "unconfirmed", QOE_COUNT_REQUESTS_UNCONFIRMED },
    { "delayed", QOE_COUNT_REQUESTS_DELAYED },
    { "delay_ms", QOE_COUNT_REQUESTS_DELAY_MS },
    { "undecoded", QOE_COUNT_REQUESTS_UNDECODED },
    { NULL, 0 }
};


ngx_int_t
ngx_http_openqoe_stats_handler(ngx_http_request_t *r)
{
    ngx_int_t  rc;

    rc = ngx_http_openqoe_method(r, NGX_HTTP_GET|NGX_HTTP_HEAD,
                                 "GET, HEAD, OPTIONS");
    if (rc != NGX_DECLINED) {
        return rc;
    }

    if (ngx_http_openqoe_authorized(r) != NGX_OK) {
        return ngx_http_openqoe_unauthorized(r);
    }

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    return ngx_http_openqoe_stats_form(r);
}


static ngx_int_t
ngx_http_openqoe_stats_form(ngx_http_request_t *r)
{
    ngx_int_t  rc;
    ngx_str_t  name;

    rc = ngx_http_openqoe_arg(r, "dimension", 0, &name);

    if (rc == NGX_OK) {
        return ngx_http_openqoe_stats_dimension(r, &name);
    }

    if (rc == NGX_DECLINED) {
        rc = ngx_http_openqoe_arg(r, "view", 0, &name);

        if (rc == NGX_OK && ngx_http_openqoe_str_is(&name, "live")) {
            return ngx_http_openqoe_live(r);
        }

        if (rc == NGX_OK) {
            return ngx_http_openqoe_stats_view(r, &name);
        }
    }

    if (rc == NGX_DECLINED) {
        rc = ngx_http_openqoe_arg(r, "sketch", 0, &name);

        if (rc == NGX_OK) {
            return ngx_http_openqoe_stats_sketch(r, &name);
        }
    }

    if (rc == NGX_ERROR) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    switch (ngx_http_openqoe_format(r)) {

    case NGX_HTTP_OPENQOE_AS_TEXT:
        return ngx_http_openqoe_scrape(r, QOE_PROM_TEXT);

    case NGX_HTTP_OPENQOE_AS_OPENMETRICS:
        return ngx_http_openqoe_scrape(r, QOE_PROM_OPENMETRICS);

    default: /* NGX_HTTP_OPENQOE_AS_JSON */
        return ngx_http_openqoe_stats_json(r);
    }
}


static ngx_int_t
ngx_http_openqoe_stats_json(ngx_http_request_t *r)
{
    char                           text[QOE_UUID_TEXT_LEN];
    uint8_t                        id[16];
    qoe_buf_t                      b;
    qoe_mem_t                      mem;
    qoe_zone_t                    *zone;
    ngx_http_openqoe_state_t       s;
    ngx_http_openqoe_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(r, ngx_http_openqoe_module);
    zone = ngx_http_openqoe_get_zone(mcf)->zone;

    ngx_http_openqoe_state(mcf, &s);

    qoe_zone_instance_id(zone, id);
    qoe_uuid_format(text, id);

    ngx_http_openqoe_json_init(&b, &mem, r);

    qoe_buf_printf(&b, "{\"worker_version\":\"%s\",\"instance_id\":\"%.*s\","
                   "\"start_time\":", NGX_HTTP_OPENQOE_VERSION,
                   QOE_UUID_TEXT_LEN, text);
    ngx_http_openqoe_rfc3339(&b, qoe_zone_start_ns(zone) / 1000000);

    qoe_buf_printf(&b, ",\"events\":{\"received\":%llu,\"accepted\":%llu,",
        (unsigned long long) qoe_zone_counter(zone,
                                              QOE_COUNT_EVENTS_RECEIVED),
        (unsigned long long) s.produced);
    ngx_http_openqoe_counters(&b, zone, "rejected", ngx_http_openqoe_rejected);
    qoe_buf_printf(&b, ",\"unconfirmed\":%llu,\"lost_at_exit\":%llu,"
                   "\"unknown_keys\":%llu},",
        (unsigned long long) qoe_zone_counter(zone,
                                              QOE_COUNT_EVENTS_UNCONFIRMED),
        (unsigned long long) qoe_peek(mcf->lost),
        (unsigned long long) qoe_zone_counter(zone, QOE_COUNT_UNKNOWN_KEYS));

    ngx_http_openqoe_counters(&b, zone, "requests", ngx_http_openqoe_requests);
    qoe_buf_printf(&b, ",\"waiting\":{\"room\":%llu,\"ack\":%llu}",
        (unsigned long long) qoe_zone_waiting(zone, QOE_WAIT_ROOM),
        (unsigned long long) qoe_zone_waiting(zone, QOE_WAIT_ACK));
    ngx_http_openqoe_queue(&b, zone, &s);
    ngx_http_openqoe_stats_exporters(&b, mcf, &s);
    ngx_http_openqoe_stats_qoe(&b, mcf);
    ngx_http_openqoe_stats_cmcd(&b, mcf);
    qoe_buf_literal(&b, "}");

    return ngx_http_openqoe_send(r, NGX_HTTP_OK, &b);
}


/* Also shows the first exporter by itself, for clients that know only one. */

static void
ngx_http_openqoe_stats_exporters(qoe_buf_t *b,
    ngx_http_openqoe_main_conf_t *mcf, const ngx_http_openqoe_state_t *s)
{
    ngx_uint_t                    i;
    ngx_http_openqoe_exporter_t  *e;

    qoe_buf_literal(b, ",\"exporter\":");
    ngx_http_openqoe_stats_exporter(b, mcf, mcf->exporter, s);
    qoe_buf_literal(b, ",\"exporters\":{");

    e = mcf->exporters.elts;

    for (i = 0; i < mcf->exporters.nelts; i++) {
        qoe_buf_printf(b, "%s\"%.*s\":", i ? "," : "", (int) e[i].name.len,
                       (char *) e[i].name.data);
        ngx_http_openqoe_stats_exporter(b, mcf, &e[i], s);
    }

    qoe_buf_literal(b, "},");
}


static void
ngx_http_openqoe_counters(qoe_buf_t *b, const qoe_zone_t *zone,
    const char *name, const ngx_http_openqoe_stat_t *stats)
{
    ngx_uint_t  i;

    qoe_buf_printf(b, "\"%s\":{", name);

    for (i = 0; stats[i].name != NULL; i++) {
        qoe_buf_printf(b, "%s\"%s\":%llu", i ? "," : "", stats[i].name,
            (unsigned long long) qoe_zone_counter(zone, stats[i].counter));
    }

    qoe_buf_literal(b, "}");
}


static void
ngx_http_openqoe_queue(qoe_buf_t *b, const qoe_zone_t *zone,
    const ngx_http_openqoe_state_t *s)
{
    uint32_t         i;
    qoe_lane_info_t  info;

    qoe_buf_printf(b, ",\"queue\":{\"events\":%llu,\"used\":%llu,"
                   "\"size\":%llu,"
                   "\"locks_stolen\":%llu,\"lanes_adopted\":%llu,"
                   "\"lanes\":[",
        (unsigned long long) (s->produced - s->consumed),
        (unsigned long long) s->used, (unsigned long long) s->size,
        (unsigned long long) qoe_zone_counter(zone, QOE_COUNT_LOCKS_STOLEN),
        (unsigned long long) qoe_zone_counter(zone,
                                              QOE_COUNT_LANES_ADOPTED));

    for (i = 0; i < qoe_zone_lanes(zone); i++) {

        qoe_zone_lane_info(zone, i, &info);

        qoe_buf_printf(b, "%s{\"used\":%llu,\"size\":%llu,\"produced\":%llu,"
                       "\"consumed\":%llu,\"owner_pid\":%ld}", i ? "," : "",
                       (unsigned long long) info.used,
                       (unsigned long long) info.size,
                       (unsigned long long) info.produced,
                       (unsigned long long) info.consumed,
                       (long) qoe_proc_pid(info.owner));
    }

    qoe_buf_literal(b, "]}");
}
