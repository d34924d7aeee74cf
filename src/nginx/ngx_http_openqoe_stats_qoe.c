
/*
 * Copyright (C) OpenQoE
 *
 * The part of /v2/stats about the metrics: the limits of dimensions and the
 * number of their values, views, series, and what was exported.  Also the
 * values of one dimension.
 */


#include "ngx_http_openqoe_stats.h"

#include "qoe_timelines.h"


#define NGX_HTTP_OPENQOE_VALUES      100     /* shown */
#define NGX_HTTP_OPENQOE_ARENA       65536


static void ngx_http_openqoe_limits(qoe_buf_t *b,
    const qoe_dimensions_t *dims);
static void ngx_http_openqoe_dimensions(qoe_buf_t *b,
    const qoe_governor_t *gv);
static void ngx_http_openqoe_distinct(qoe_buf_t *b,
    const qoe_govern_info_t *info);
static void ngx_http_openqoe_views(qoe_buf_t *b, const qoe_state_t *st);
static void ngx_http_openqoe_series(qoe_buf_t *b, const qoe_state_t *st,
    const qoe_conf_t *conf);
static void ngx_http_openqoe_exports(qoe_buf_t *b, const qoe_state_t *st);
static ngx_uint_t ngx_http_openqoe_private(const qoe_dimensions_t *dims,
    size_t dim);


/* Writes members of the document, each but the last with a comma after it. */

void
ngx_http_openqoe_stats_qoe(qoe_buf_t *b, ngx_http_openqoe_main_conf_t *mcf)
{
    qoe_state_t     *st;
    qoe_governor_t   governor;

    st = &ngx_http_openqoe_get_zone(mcf)->state;

    qoe_governor_init(&governor, st->govern, mcf->qoe.dims,
                      ngx_http_openqoe_self());

    ngx_http_openqoe_limits(b, mcf->qoe.dims);
    ngx_http_openqoe_dimensions(b, &governor);
    qoe_buf_literal(b, "\"lists\":{");
    ngx_http_openqoe_counters(b, st->zone, QOE_PLACE_LISTS);
    qoe_buf_literal(b, "},");
    ngx_http_openqoe_views(b, st);
    ngx_http_openqoe_series(b, st, &mcf->qoe);
    ngx_http_openqoe_exports(b, st);
}


static void
ngx_http_openqoe_limits(qoe_buf_t *b, const qoe_dimensions_t *dims)
{
    size_t                  i;
    qoe_span_t              action;
    const char             *overflow;
    const qoe_dimension_t  *d;

    qoe_buf_literal(b, "\"cardinality_limits\":{");

    for (i = 0; i < dims->n; i++) {

        d = &dims->dim[i];
        action = qoe_action_name(d->action);

        overflow = "null";

        if (d->action == QOE_ACTION_ALLOW || d->action == QOE_ACTION_TOPK) {
            overflow = (d->overflow == QOE_OVERFLOW_HASH) ? "\"hash\""
                                                          : "\"other\"";
        }

        qoe_buf_printf(b, "%s", i ? "," : "");
        qoe_buf_json_string(b, d->name);
        qoe_buf_printf(b, ":{\"max_cardinality\":%u,\"action\":\"%.*s\","
                       "\"overflow\":%s", d->max, (int) action.len,
                       action.data, overflow);

        if (d->action == QOE_ACTION_BUCKET) {
            qoe_buf_printf(b, ",\"bucket_size\":%u", d->size);
        }

        qoe_buf_literal(b, "}");
    }

    qoe_buf_literal(b, "},");
}


static void
ngx_http_openqoe_dimensions(qoe_buf_t *b, const qoe_governor_t *gv)
{
    size_t             i;
    qoe_govern_info_t  info;

    qoe_buf_literal(b, "\"dimensions\":{");

    for (i = 0; i < gv->dims->n; i++) {

        qoe_govern_info(gv, i, &info);

        qoe_buf_printf(b, "%s", i ? "," : "");
        qoe_buf_json_string(b, gv->dims->dim[i].name);
        qoe_buf_literal(b, ":{\"count\":");
        ngx_http_openqoe_distinct(b, &info);
        qoe_buf_printf(b, ",\"overflow\":%llu}",
                       (unsigned long long) info.overflow);
    }

    qoe_buf_literal(b, "},");
}


/* Writes null if there was no room to count. */

static void
ngx_http_openqoe_distinct(qoe_buf_t *b, const qoe_govern_info_t *info)
{
    if (info->unknown) {
        qoe_buf_literal(b, "null");

    } else {
        qoe_buf_printf(b, "%llu", (unsigned long long) info->count);
    }
}


static void
ngx_http_openqoe_views(qoe_buf_t *b, const qoe_state_t *st)
{
    uint32_t             i;
    uint64_t             ended, started, sessions, capacity, timelines, over;
    qoe_sessions_info_t  info;

    sessions = 0;
    capacity = 0;
    timelines = 0;
    over = 0;

    for (i = 0; i < st->lanes; i++) {
        qoe_sessions_info(st->sessions[i], &info);

        sessions += info.sessions;
        capacity += info.views_max;
        timelines += qoe_timelines_slots(st->timelines[i]);
        over += info.over;
    }

    /* in this order, so that a view that ends meanwhile is not missing */

    ended = qoe_zone_counter(st->zone, QOE_COUNT_VIEWS_ENDED);
    started = qoe_zone_counter(st->zone, QOE_COUNT_VIEWS_STARTED);

    qoe_buf_printf(b, "\"views\":{\"active\":%llu,\"sessions\":%llu,"
                   "\"capacity\":%llu,\"timelines\":%llu,"
                   "\"records_waiting\":%llu,",
                   (unsigned long long) (started - ngx_min(ended, started)),
                   (unsigned long long) sessions,
                   (unsigned long long) capacity,
                   (unsigned long long) timelines, (unsigned long long) over);
    ngx_http_openqoe_counters(b, st->zone, QOE_PLACE_VIEWS);
    qoe_buf_literal(b, "},");
}


static void
ngx_http_openqoe_series(qoe_buf_t *b, const qoe_state_t *st,
    const qoe_conf_t *conf)
{
    uint32_t          i;
    uint64_t          count, capacity, overflow;
    qoe_store_info_t  info;

    count = 0;
    capacity = 0;
    overflow = 0;

    for (i = 0; i < st->lanes; i++) {

        qoe_store_info(st->store[i], &info);

        count += info.series;
        capacity += (uint64_t) info.numbers + info.histograms;
        overflow += info.overflowed;
    }

    qoe_buf_printf(b, "\"series\":{\"count\":%llu,\"max\":%u,"
                   "\"capacity\":%llu,\"overflow\":%llu},",
                   (unsigned long long) count, conf->series_max,
                   (unsigned long long) capacity,
                   (unsigned long long) overflow);
}


static void
ngx_http_openqoe_exports(qoe_buf_t *b, const qoe_state_t *st)
{
    uint64_t  ns;

    ns = qoe_peek(&st->shared->collected_ns);

    qoe_buf_literal(b, "\"metrics\":{");
    ngx_http_openqoe_counters(b, st->zone, QOE_PLACE_METRICS);
    qoe_buf_literal(b, ",\"last_collection\":");

    if (ns != 0) {
        ngx_http_openqoe_rfc3339(b, ns / 1000000);
    } else {
        qoe_buf_literal(b, "null");
    }

    qoe_buf_literal(b, ",\"points\":{");
    ngx_http_openqoe_counters(b, st->zone, QOE_PLACE_POINTS);
    qoe_buf_literal(b, "},\"batches\":{");
    ngx_http_openqoe_counters(b, st->zone, QOE_PLACE_BATCHES);
    qoe_buf_literal(b, "}}");
}


/* Answers ?dimension=name. */

ngx_int_t
ngx_http_openqoe_stats_dimension(ngx_http_request_t *r, ngx_str_t *name)
{
    size_t                         i, n, dim;
    qoe_buf_t                      b;
    qoe_mem_t                      mem;
    qoe_span_t                     values[NGX_HTTP_OPENQOE_VALUES];
    qoe_arena_t                    arena;
    qoe_state_t                   *st;
    qoe_status_t                   rc;
    qoe_governor_t                 governor;
    qoe_govern_info_t              info;
    ngx_http_openqoe_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(r, ngx_http_openqoe_module);
    st = &ngx_http_openqoe_get_zone(mcf)->state;

    qoe_governor_init(&governor, st->govern, mcf->qoe.dims,
                      ngx_http_openqoe_self());

    n = 0;
    rc = QOE_OK;
    ngx_memzero(&info, sizeof(qoe_govern_info_t));
    qoe_arena_init(&arena, &qoe_mem_heap, NGX_HTTP_OPENQOE_ARENA,
                   NGX_HTTP_OPENQOE_JSON_MAX);

    dim = qoe_dimension_find(mcf->qoe.dims, ngx_http_openqoe_span(*name));

    if (dim < mcf->qoe.dims->n) {

        qoe_govern_info(&governor, dim, &info);

        if (!ngx_http_openqoe_private(mcf->qoe.dims, dim)) {
            n = NGX_HTTP_OPENQOE_VALUES;
            rc = qoe_govern_values(&governor, dim, values, &n, &arena);
        }
    }

    ngx_http_openqoe_json_init(&b, &mem, r);

    qoe_buf_literal(&b, "{\"dimension\":");
    qoe_buf_json_string(&b, ngx_http_openqoe_span(*name));
    qoe_buf_literal(&b, ",\"count\":");
    ngx_http_openqoe_distinct(&b, &info);
    qoe_buf_literal(&b, ",\"values\":[");

    for (i = 0; rc == QOE_OK && i < n; i++) {
        qoe_buf_printf(&b, "%s", i ? "," : "");
        qoe_buf_json_string(&b, values[i]);
    }

    qoe_buf_literal(&b, "]}");

    qoe_arena_free(&arena);

    return rc == QOE_OK ? ngx_http_openqoe_send(r, NGX_HTTP_OK, &b)
                        : NGX_HTTP_INTERNAL_SERVER_ERROR;
}


/* Values that identify a person or a device are never shown. */

static ngx_uint_t
ngx_http_openqoe_private(const qoe_dimensions_t *dims, size_t dim)
{
    return dims->dim[dim].role == QOE_ROLE_NEVER || dim == QOE_DIM_MARKER;
}
