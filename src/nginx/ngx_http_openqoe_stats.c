
/*
 * Copyright (C) OpenQoE
 *
 * GET in a stats location: the zone's counters as JSON, of all workers, or
 * another form that the client asks for.  Counters are written by their table
 * (qoe_counters.h).
 */


#include "ngx_http_openqoe_stats.h"


static ngx_int_t ngx_http_openqoe_stats_form(ngx_http_request_t *r);
static ngx_int_t ngx_http_openqoe_stats_json(ngx_http_request_t *r);
static void ngx_http_openqoe_stats_exporters(qoe_buf_t *b,
    ngx_http_openqoe_main_conf_t *mcf, const ngx_http_openqoe_state_t *s);
static void ngx_http_openqoe_queue(qoe_buf_t *b, const qoe_zone_t *zone,
    const ngx_http_openqoe_state_t *s);


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

    qoe_buf_literal(&b, ",\"events\":{");
    ngx_http_openqoe_counters(&b, zone, QOE_PLACE_EVENTS);
    qoe_buf_printf(&b, ",\"accepted\":%llu,\"rejected\":{",
                   (unsigned long long) s.produced);
    ngx_http_openqoe_counters(&b, zone, QOE_PLACE_REJECTED);
    qoe_buf_literal(&b, "},");
    ngx_http_openqoe_counters(&b, zone, QOE_PLACE_STORED);
    qoe_buf_printf(&b, ",\"lost_at_exit\":%llu,",
                   (unsigned long long) qoe_peek(mcf->lost));
    ngx_http_openqoe_counters(&b, zone, QOE_PLACE_KEYS);
    qoe_buf_literal(&b, "},\"requests\":{");
    ngx_http_openqoe_counters(&b, zone, QOE_PLACE_REQUESTS);
    qoe_buf_printf(&b, "},\"waiting\":{\"room\":%llu,\"ack\":%llu}",
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


void
ngx_http_openqoe_counters(qoe_buf_t *b, const qoe_zone_t *zone,
    qoe_counter_place_t place)
{
    ngx_uint_t   i;
    const char  *comma;

    comma = "";

    for (i = 0; i < QOE_COUNTERS_N; i++) {

        if (qoe_counters[i].place == place) {
            qoe_buf_printf(b, "%s\"%s\":%llu", comma, qoe_counters[i].name,
                (unsigned long long) qoe_zone_counter(zone, i));
            comma = ",";
        }
    }
}


static void
ngx_http_openqoe_queue(qoe_buf_t *b, const qoe_zone_t *zone,
    const ngx_http_openqoe_state_t *s)
{
    uint32_t         i;
    qoe_lane_info_t  info;

    qoe_buf_printf(b, ",\"queue\":{\"events\":%llu,\"used\":%llu,"
                   "\"size\":%llu,",
        (unsigned long long) (s->produced - s->consumed),
        (unsigned long long) s->used, (unsigned long long) s->size);
    ngx_http_openqoe_counters(b, zone, QOE_PLACE_QUEUE);
    qoe_buf_literal(b, ",\"lanes\":[");

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
