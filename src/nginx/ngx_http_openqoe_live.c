
/*
 * Copyright (C) OpenQoE
 *
 * GET /v2/stats?view=live: what the live page shows, as JSON.  The answer is
 * made once a second at most, whoever asks, and not at all while no client
 * asks.  Its ETag is a hash of it, so a page that has it already gets 304.
 */


#include "ngx_http_openqoe_stats.h"

#include "qoe_sessions.h"

#include <math.h>


#define NGX_HTTP_OPENQOE_LIVE_LATELY 60      /* steps: of the quantiles */


typedef struct {
    const char       *name;
    qoe_live_word_t   word;
} ngx_http_openqoe_live_word_t;


/* The answer of this second. */

typedef struct {
    qoe_zone_t       *zone;                  /* NULL: there is none yet */
    time_t            made;
    ngx_uint_t        tops;                  /* lists that were made by then */
    qoe_buf_t         body;
    uint64_t          hash;
} ngx_http_openqoe_live_t;


static void ngx_http_openqoe_live_make(ngx_http_openqoe_main_conf_t *mcf);
static void ngx_http_openqoe_live_module(qoe_buf_t *b,
    ngx_http_openqoe_main_conf_t *mcf);
static void ngx_http_openqoe_live_fill(qoe_buf_t *b, const qoe_state_t *st,
    const qoe_conf_t *conf);
static void ngx_http_openqoe_live_history(qoe_buf_t *b,
    const qoe_live_read_t *read);
static uint32_t ngx_http_openqoe_live_sum(const qoe_live_read_t *read,
    size_t at, size_t from);
static void ngx_http_openqoe_live_quantiles(qoe_buf_t *b,
    const qoe_live_read_t *read, const char *name, double q);
static void ngx_http_openqoe_live_quantile(qoe_buf_t *b, double ms);
static void ngx_http_openqoe_live_lists(qoe_buf_t *b, const qoe_top_t *top);
static void ngx_http_openqoe_live_row(qoe_buf_t *b, const qoe_top_row_t *row);
static void ngx_http_openqoe_live_bad(qoe_buf_t *b, const qoe_live_t *live);
static void ngx_http_openqoe_live_bad_view(qoe_buf_t *b,
    const qoe_live_bad_t *bad);
static ngx_int_t ngx_http_openqoe_live_send(ngx_http_request_t *r);


static const ngx_http_openqoe_live_word_t  ngx_http_openqoe_live_words[] = {
    { "errors", QOE_LIVE_ERRORS },
    { "started", QOE_LIVE_STARTED },
    { "completed", QOE_LIVE_COMPLETED },
    { "played", QOE_LIVE_PLAYED },
    { "exits", QOE_LIVE_EXITS },
    { "start_failures", QOE_LIVE_START_FAILURES },
    { "playback_failures", QOE_LIVE_FAILURES },
    { "playing_ms", QOE_LIVE_PLAYING_MS },
    { "stalled_ms", QOE_LIVE_STALLED_MS },
    { "stalls", QOE_LIVE_STALLS },
    { "rated", QOE_LIVE_RATED },
    { "rebuffered", QOE_LIVE_REBUFFERED }
};


static const struct {
    const char  *name;
    uint32_t     why;
} ngx_http_openqoe_live_whys[] = {
    { "start_failure", QOE_LIVE_START_FAILURE },
    { "playback_failure", QOE_LIVE_FAILURE },
    { "exit_before_start", QOE_LIVE_EXIT },
    { "slow_start", QOE_LIVE_SLOW },
    { "rebuffering", QOE_LIVE_REBUFFER }
};


static const char  *ngx_http_openqoe_live_names[QOE_TOP_LISTS] = {
    "titles", "cdns", "countries", "devices"
};


static ngx_http_openqoe_live_t  ngx_http_openqoe_lives;


ngx_int_t
ngx_http_openqoe_live(ngx_http_request_t *r)
{
    ngx_http_openqoe_live_t       *l;
    ngx_http_openqoe_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(r, ngx_http_openqoe_module);
    l = &ngx_http_openqoe_lives;

    ngx_http_openqoe_top_look(mcf);

    if (l->zone != ngx_http_openqoe_get_zone(mcf)->zone
        || l->made != ngx_time() || l->tops != ngx_http_openqoe_top_made())
    {
        ngx_http_openqoe_live_make(mcf);
    }

    return ngx_http_openqoe_live_send(r);
}


static void
ngx_http_openqoe_live_make(ngx_http_openqoe_main_conf_t *mcf)
{
    qoe_buf_t                *b;
    qoe_state_t              *st;
    qoe_live_read_t           read;
    ngx_http_openqoe_live_t  *l;

    l = &ngx_http_openqoe_lives;
    st = &ngx_http_openqoe_get_zone(mcf)->state;
    b = &l->body;

    if (b->mem == NULL) {
        qoe_buf_init(b, &qoe_mem_heap, NGX_HTTP_OPENQOE_JSON_MAX);
    }

    qoe_buf_reset(b);
    qoe_live_read(&read, st->live, st->live_lane, st->lanes, qoe_unix_ns());

    qoe_buf_literal(b, "{");
    ngx_http_openqoe_live_module(b, mcf);
    ngx_http_openqoe_live_fill(b, st, &mcf->qoe);
    ngx_http_openqoe_live_history(b, &read);
    ngx_http_openqoe_live_lists(b, ngx_http_openqoe_top(mcf));
    ngx_http_openqoe_live_bad(b, st->live);
    qoe_buf_literal(b, "}");

    l->zone = ngx_http_openqoe_get_zone(mcf)->zone;
    l->made = ngx_time();
    l->tops = ngx_http_openqoe_top_made();
    l->hash = qoe_hash(&st->key, b->data, b->len);
}


/* The module: who it is, how it is, and where its events are. */

static void
ngx_http_openqoe_live_module(qoe_buf_t *b, ngx_http_openqoe_main_conf_t *mcf)
{
    char                           text[QOE_UUID_TEXT_LEN];
    uint8_t                        id[16];
    qoe_zone_t                    *zone;
    ngx_uint_t                     i;
    ngx_http_openqoe_state_t       s;
    ngx_http_openqoe_exporter_t   *e;

    zone = ngx_http_openqoe_get_zone(mcf)->zone;

    ngx_http_openqoe_state(mcf, &s);
    qoe_zone_instance_id(zone, id);
    qoe_uuid_format(text, id);

    qoe_buf_printf(b, "\"version\":\"%s\",\"instance_id\":\"%.*s\",\"edge\":",
                   NGX_HTTP_OPENQOE_VERSION, QOE_UUID_TEXT_LEN, text);
    qoe_buf_json_string(b, ngx_http_openqoe_span(mcf->edge));
    qoe_buf_printf(b, ",\"start_ms\":%llu,\"status\":\"%s\",\"metrics\":%s,"
                   "\"events\":{\"received\":%llu,\"accepted\":%llu,"
                   "\"overload\":%llu,\"lost\":%llu},"
                   "\"queue\":{\"events\":%llu,\"used\":%llu,\"size\":%llu,"
                   "\"waiting\":%llu},\"exporters\":{",
                   (unsigned long long) (qoe_zone_start_ns(zone) / 1000000),
                   ngx_http_openqoe_health_name(mcf, &s),
                   mcf->qoe.groups != 0 ? "true" : "false",
        (unsigned long long) qoe_zone_counter(zone,
                                              QOE_COUNT_EVENTS_RECEIVED),
                   (unsigned long long) s.produced,
        (unsigned long long) qoe_zone_counter(zone,
                                              QOE_COUNT_EVENTS_OVERLOAD),
        (unsigned long long) __atomic_load_n(mcf->lost, __ATOMIC_RELAXED),
                   (unsigned long long) (s.produced - s.consumed),
                   (unsigned long long) s.used, (unsigned long long) s.size,
        (unsigned long long) (qoe_zone_waiting(zone, QOE_WAIT_ROOM)
                              + qoe_zone_waiting(zone, QOE_WAIT_ACK)));

    e = mcf->exporters.elts;

    for (i = 0; i < mcf->exporters.nelts; i++) {
        qoe_buf_printf(b, "%s\"%.*s\":", i ? "," : "", (int) e[i].name.len,
                       (char *) e[i].name.data);
        ngx_http_openqoe_stats_exporter(b, mcf, &e[i], &s);
    }

    qoe_buf_literal(b, "},");
}


/* How full the tables of the zone are. */

static void
ngx_http_openqoe_live_fill(qoe_buf_t *b, const qoe_state_t *st,
    const qoe_conf_t *conf)
{
    uint32_t             i;
    uint64_t             views, views_max, sessions, sessions_max, series,
                         places, overflow;
    qoe_store_info_t     store;
    qoe_sessions_info_t  info;

    views = views_max = sessions = sessions_max = 0;
    series = places = overflow = 0;

    for (i = 0; i < st->lanes; i++) {

        qoe_sessions_info(st->sessions[i], &info);
        views += info.views;
        views_max += info.views_max;
        sessions += info.sessions;
        sessions_max += info.sessions_max;

        qoe_store_info(st->store[i], &store);
        series += store.series;
        places += (uint64_t) store.numbers + store.histograms;
        overflow += store.overflowed;
    }

    qoe_buf_printf(b, "\"views\":{\"count\":%llu,\"max\":%llu},"
                   "\"sessions\":{\"count\":%llu,\"max\":%llu},"
                   "\"series\":{\"count\":%llu,\"max\":%llu,"
                   "\"overflow\":%llu},",
                   (unsigned long long) views,
                   (unsigned long long) views_max,
                   (unsigned long long) sessions,
                   (unsigned long long) sessions_max,
                   (unsigned long long) series,
                   (unsigned long long) qoe_min(places,
                                               (uint64_t) conf->series_max),
                   (unsigned long long) overflow);
}


/* Arrays, the oldest step first; the last step is not over yet. */

static void
ngx_http_openqoe_live_history(qoe_buf_t *b, const qoe_live_read_t *read)
{
    size_t  i, k;

    qoe_buf_printf(b, "\"step_s\":%d,\"shown\":%d,\"until\":%llu,"
                   "\"history\":{\"watched\":[", QOE_LIVE_STEP_S,
                   QOE_LIVE_SHOWN,
                   ((unsigned long long) read->step + 1) * QOE_LIVE_STEP_S);

    for (i = 0; i < QOE_LIVE_KEPT; i++) {
        qoe_buf_printf(b, "%s%u", i ? "," : "", read->watched[i]);
    }

    for (k = 0; k < sizeof(ngx_http_openqoe_live_words)
                    / sizeof(ngx_http_openqoe_live_words[0]); k++)
    {
        qoe_buf_printf(b, "],\"%s\":[", ngx_http_openqoe_live_words[k].name);

        for (i = 0; i < QOE_LIVE_KEPT; i++) {
            qoe_buf_printf(b, "%s%u", i ? "," : "",
                read->count[i][ngx_http_openqoe_live_words[k].word]);
        }
    }

    qoe_buf_literal(b, "],\"startups\":[");

    for (i = 0; i < QOE_LIVE_KEPT; i++) {
        qoe_buf_printf(b, "%s%u", i ? "," : "",
                       ngx_http_openqoe_live_sum(read, i, 0));
    }

    qoe_buf_literal(b, "],\"slow\":[");

    for (i = 0; i < QOE_LIVE_KEPT; i++) {
        qoe_buf_printf(b, "%s%u", i ? "," : "",
                       ngx_http_openqoe_live_sum(read, i, QOE_LIVE_SLOW_MS));
    }

    qoe_buf_literal(b, "],");
    ngx_http_openqoe_live_quantiles(b, read, "p50", 0.5);
    qoe_buf_literal(b, ",");
    ngx_http_openqoe_live_quantiles(b, read, "p95", 0.95);

    i = QOE_LIVE_KEPT - NGX_HTTP_OPENQOE_LIVE_LATELY;

    qoe_buf_literal(b, "},\"startup\":{\"p50\":");
    ngx_http_openqoe_live_quantile(b,
        qoe_live_startup(read, i, NGX_HTTP_OPENQOE_LIVE_LATELY, 0.5));
    qoe_buf_literal(b, ",\"p95\":");
    ngx_http_openqoe_live_quantile(b,
        qoe_live_startup(read, i, NGX_HTTP_OPENQOE_LIVE_LATELY, 0.95));
    qoe_buf_literal(b, "},");
}


/* The startups of a step that took more than so many ms, a bound. */

static uint32_t
ngx_http_openqoe_live_sum(const qoe_live_read_t *read, size_t at, size_t from)
{
    size_t    k;
    uint32_t  n;

    n = 0;

    for (k = 0; k < QOE_LIVE_BUCKETS; k++) {
        if (from == 0 || (k != 0 && qoe_live_bounds[k - 1] >= from)) {
            n += read->count[at][QOE_LIVE_STARTUP + k];
        }
    }

    return n;
}


/* Of the minute that ends with each step; those before the first are null. */

static void
ngx_http_openqoe_live_quantiles(qoe_buf_t *b, const qoe_live_read_t *read,
    const char *name, double q)
{
    size_t  i;

    qoe_buf_printf(b, "\"%s\":[", name);

    for (i = 0; i < QOE_LIVE_KEPT; i++) {
        qoe_buf_printf(b, "%s", i ? "," : "");
        ngx_http_openqoe_live_quantile(b, i < QOE_LIVE_MINUTE - 1 ? NAN
            : qoe_live_startup(read, i - (QOE_LIVE_MINUTE - 1),
                               QOE_LIVE_MINUTE, q));
    }

    qoe_buf_literal(b, "]");
}


static void
ngx_http_openqoe_live_quantile(qoe_buf_t *b, double ms)
{
    if (isnan(ms)) {
        qoe_buf_literal(b, "null");
    } else {
        qoe_buf_printf(b, "%.0f", ms);
    }
}


/* null: the first lists of this process are being made. */

static void
ngx_http_openqoe_live_lists(qoe_buf_t *b, const qoe_top_t *top)
{
    bool                  more;
    size_t                i, n, rows;
    const double         *bounds;
    const qoe_top_row_t  *row;

    qoe_buf_literal(b, "\"top\":");

    if (top == NULL) {
        qoe_buf_literal(b, "null,");
        return;
    }

    bounds = qoe_metrics[QOE_METRIC_VIDEO_STARTUP_TIME].bounds;
    qoe_buf_literal(b, "{\"bounds\":[");

    for (i = 0; i < QOE_TOP_BUCKETS - 1; i++) {
        qoe_buf_printf(b, "%s%.0f", i ? "," : "", bounds[i]);
    }

    qoe_buf_literal(b, "]");

    for (i = 0; i < QOE_TOP_LISTS; i++) {

        rows = qoe_top_rows(top, i, &more);
        qoe_buf_printf(b, ",\"%s\":{\"count\":%llu,\"more\":%s,\"rows\":[",
                       ngx_http_openqoe_live_names[i],
                       (unsigned long long) rows, more ? "true" : "false");

        for (n = 0; (row = qoe_top_row(top, i, n)) != NULL; n++) {
            qoe_buf_printf(b, "%s", n ? "," : "");
            ngx_http_openqoe_live_row(b, row);
        }

        qoe_buf_literal(b, "]}");
    }

    qoe_buf_literal(b, "},");
}


static void
ngx_http_openqoe_live_row(qoe_buf_t *b, const qoe_top_row_t *row)
{
    size_t  i;

    qoe_buf_literal(b, "{\"name\":");
    qoe_buf_json_string(b, row->name);
    qoe_buf_printf(b, ",\"started\":%llu,\"over\":%llu,\"failures\":%llu,"
                   "\"exits\":%llu,\"stalls\":%llu,\"stalled_ms\":%.0f,"
                   "\"playing_ms\":%.0f,\"startup\":[",
                   (unsigned long long) row->started,
                   (unsigned long long) row->over,
                   (unsigned long long) row->failures,
                   (unsigned long long) row->exits,
                   (unsigned long long) row->stalls, row->stalled_ms,
                   row->playing_ms);

    for (i = 0; i < QOE_TOP_BUCKETS; i++) {
        qoe_buf_printf(b, "%s%llu", i ? "," : "",
                       (unsigned long long) row->startup[i]);
    }

    qoe_buf_literal(b, "]}");
}


static void
ngx_http_openqoe_live_bad(qoe_buf_t *b, const qoe_live_t *live)
{
    size_t          i, n;
    qoe_live_bad_t  bad[QOE_LIVE_BAD_SHOWN];

    n = qoe_live_read_bad(live, bad, QOE_LIVE_BAD_SHOWN);

    qoe_buf_literal(b, "\"bad\":[");

    for (i = 0; i < n; i++) {
        qoe_buf_printf(b, "%s", i ? "," : "");
        ngx_http_openqoe_live_bad_view(b, &bad[i]);
    }

    qoe_buf_literal(b, "]");
}


static void
ngx_http_openqoe_live_bad_view(qoe_buf_t *b, const qoe_live_bad_t *bad)
{
    size_t             i;
    ngx_uint_t         n;
    qoe_span_t         name, value;
    qoe_labels_iter_t  it;

    qoe_buf_printf(b, "{\"number\":%llu,\"at_ms\":%llu,\"view_id\":",
                   (unsigned long long) bad->number,
                   (unsigned long long) bad->at_ms);
    qoe_buf_json_string(b, (qoe_span_t) { bad->view_id,
                                          strnlen(bad->view_id,
                                                  QOE_VIEW_ID) });
    qoe_buf_literal(b, ",\"error\":");
    qoe_buf_json_string(b, (qoe_span_t) { bad->error,
                                          strnlen(bad->error,
                                                  QOE_VIEW_ERROR) });
    qoe_buf_literal(b, ",\"why\":[");

    n = 0;

    for (i = 0; i < sizeof(ngx_http_openqoe_live_whys)
                    / sizeof(ngx_http_openqoe_live_whys[0]); i++)
    {
        if (bad->why & ngx_http_openqoe_live_whys[i].why) {
            qoe_buf_printf(b, "%s\"%s\"", n++ ? "," : "",
                           ngx_http_openqoe_live_whys[i].name);
        }
    }

    qoe_buf_literal(b, "],\"startup_ms\":");
    ngx_http_openqoe_live_quantile(b, bad->startup_ms == UINT32_MAX
                                      ? NAN : (double) bad->startup_ms);
    qoe_buf_printf(b, ",\"playing_ms\":%u,\"stalled_ms\":%u,\"stalls\":%u,"
                   "\"labels\":{", bad->playing_ms, bad->stalled_ms,
                   bad->stalls);

    n = 0;
    qoe_labels_iter(&it, (qoe_span_t) { bad->labels, bad->labels_len });

    while (qoe_labels_next(&it, &name, &value)) {
        qoe_buf_printf(b, "%s", n++ ? "," : "");
        qoe_buf_json_string(b, name);
        qoe_buf_literal(b, ":");
        qoe_buf_json_string(b, value);
    }

    qoe_buf_literal(b, "}}");
}


/* The answer is copied, for a slow client may outlive it. */

static ngx_int_t
ngx_http_openqoe_live_send(ngx_http_request_t *r)
{
    u_char                   *p;
    ngx_str_t                 text, etag;
    ngx_http_openqoe_live_t  *l;

    l = &ngx_http_openqoe_lives;

    if (l->body.status != QOE_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    p = ngx_pnalloc(r->pool, 2 + 16);
    text.data = ngx_pnalloc(r->pool, l->body.len);

    if (p == NULL || text.data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    etag.data = p;
    etag.len = (size_t) (ngx_sprintf(p, "\"%016xL\"", l->hash) - p);

    text.len = l->body.len;
    ngx_memcpy(text.data, l->body.data, text.len);

    if (ngx_http_openqoe_etag(r, etag) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_openqoe_send_text(r, NGX_HTTP_OK, &text);
}
