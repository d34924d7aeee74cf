
/*
 * Copyright (C) OpenQoE
 *
 * GET /v2/stats?view=ID: the state and the timeline of one view that is alive,
 * or is over and whose place in the zone no other view has needed yet.  Each
 * lane has an index of them.
 */


#include "ngx_http_openqoe_stats.h"

#include "qoe_apply.h"
#include "qoe_delivery.h"
#include "qoe_timelines.h"


static ngx_uint_t ngx_http_openqoe_view_find(const qoe_state_t *st,
    ngx_str_t *id, ngx_str_t *org, qoe_timeline_info_t *info);
static void ngx_http_openqoe_view_json(qoe_buf_t *b, ngx_str_t *id,
    const qoe_timeline_info_t *info);
static void ngx_http_openqoe_view_requests(qoe_buf_t *b,
    const qoe_timeline_info_t *info);
static void ngx_http_openqoe_view_id(qoe_buf_t *b, const char *name,
    const char *id, size_t len);
static void ngx_http_openqoe_view_outcome(qoe_buf_t *b,
    const qoe_timeline_info_t *info);
static void ngx_http_openqoe_view_timeline(qoe_buf_t *b,
    const qoe_timeline_info_t *info);
static void ngx_http_openqoe_view_stretch(qoe_buf_t *b,
    const qoe_stretch_t *s, ngx_uint_t first, ngx_uint_t open);


ngx_int_t
ngx_http_openqoe_stats_view(ngx_http_request_t *r, ngx_str_t *id)
{
    ngx_int_t                      rc;
    ngx_str_t                      org;
    qoe_buf_t                      b;
    qoe_mem_t                      mem;
    qoe_state_t                   *st;
    qoe_timeline_info_t            info;
    ngx_http_openqoe_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(r, ngx_http_openqoe_module);
    st = &ngx_http_openqoe_get_zone(mcf)->state;

    rc = ngx_http_openqoe_arg(r, "org", 0, &org);

    if (rc == NGX_ERROR) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (!ngx_http_openqoe_view_find(st, id, rc == NGX_OK ? &org : NULL,
                                    &info))
    {
        return ngx_http_openqoe_fail(r, NGX_HTTP_NOT_FOUND,
                                     "This view is not known, or no longer",
                                     NULL);
    }

    ngx_http_openqoe_json_init(&b, &mem, r);
    ngx_http_openqoe_view_json(&b, id, &info);

    return ngx_http_openqoe_send(r, NGX_HTTP_OK, &b);
}


/* A view_id may be in several lanes: the view that began last is meant. */

static ngx_uint_t
ngx_http_openqoe_view_find(const qoe_state_t *st, ngx_str_t *id,
    ngx_str_t *org, qoe_timeline_info_t *info)
{
    uint32_t              i, org_hash;
    uint64_t              key;
    ngx_uint_t            found;
    qoe_timeline_info_t   next;

    found = 0;
    key = qoe_apply_view_key(&st->key, ngx_http_openqoe_span(*id));
    org_hash = org != NULL
               ? qoe_apply_org_hash(&st->key, ngx_http_openqoe_span(*org)) : 0;

    for (i = 0; i < st->lanes; i++) {

        if (qoe_timelines_find(st->timelines[i], st->sessions[i], key,
                               org_hash, &next)
            && (!found || next.start_ms > info->start_ms))
        {
            *info = next;
            found = 1;
        }
    }

    return found;
}


static void
ngx_http_openqoe_view_json(qoe_buf_t *b, ngx_str_t *id,
    const qoe_timeline_info_t *info)
{
    qoe_span_t  state;

    state = info->alive ? qoe_view_state_name(&info->view) : qoe_span("over");

    qoe_buf_literal(b, "{\"view\":{");
    ngx_http_openqoe_view_id(b, "org_id", info->org_id.text,
                             info->org_id.len);
    ngx_http_openqoe_view_id(b, "session_id", info->session_id.text,
                             info->session_id.len);
    ngx_http_openqoe_view_id(b, "view_id", (char *) id->data, id->len);

    qoe_buf_printf(b, "\"state\":\"%.*s\",", (int) state.len, state.data);
    ngx_http_openqoe_view_outcome(b, info);
    qoe_buf_printf(b, "\"start_ms\":%llu,\"end_ms\":%llu,\"playing_ms\":%llu,"
                   "\"stalled_ms\":%llu,",
        (unsigned long long) info->start_ms,
        (unsigned long long) info->end_ms,
        (unsigned long long) qoe_timeline_sum(&info->timeline,
                                              QOE_STRETCH_PLAYING),
        (unsigned long long) qoe_timeline_sum(&info->timeline,
                                              QOE_STRETCH_STALL));
    ngx_http_openqoe_view_timeline(b, info);
    qoe_buf_printf(b, ",\"merged\":%u,", info->timeline.merged);
    ngx_http_openqoe_view_requests(b, info);
    qoe_buf_literal(b, "}}");
}


/* What the requests of the session amount to, while the view is alive. */

static void
ngx_http_openqoe_view_requests(qoe_buf_t *b, const qoe_timeline_info_t *info)
{
    qoe_span_t                  cause;
    const qoe_view_requests_t  *r;

    r = &info->view.requests;

    if (!info->alive || r->requests == 0) {
        qoe_buf_literal(b, "\"requests\":null");
        return;
    }

    qoe_buf_printf(b, "\"requests\":{\"count\":%u,\"bytes\":%llu,"
                   "\"errors\":%u,\"aborted\":%u,\"deadline_misses\":%u,"
                   "\"stalls\":%u,\"stall_cause\":",
                   r->requests, (unsigned long long) r->bytes, r->errors,
                   r->aborted, r->misses, r->stalls);

    cause = (r->cause != 0) ? qoe_cause_name((qoe_cause_t) (r->cause - 1))
                            : qoe_span_null;

    if (cause.len != 0) {
        qoe_buf_printf(b, "\"%.*s\"}", (int) cause.len, cause.data);

    } else {
        qoe_buf_literal(b, "null}");
    }
}


/* An id that is too long for the zone is null. */

static void
ngx_http_openqoe_view_id(qoe_buf_t *b, const char *name, const char *id,
    size_t len)
{
    qoe_buf_printf(b, "\"%s\":", name);

    if (len != 0) {
        qoe_buf_json_string(b, (qoe_span_t) { id, len });

    } else {
        qoe_buf_literal(b, "null");
    }

    qoe_buf_literal(b, ",");
}


static void
ngx_http_openqoe_view_outcome(qoe_buf_t *b, const qoe_timeline_info_t *info)
{
    ngx_uint_t  started;
    qoe_span_t  outcome;

    if (info->alive) {
        qoe_buf_printf(b, "\"started\":%s,\"outcome\":null,",
                       qoe_view_started(&info->view) ? "true" : "false");
        return;
    }

    started = info->outcome != QOE_VIEW_WAS_LEFT
              && info->outcome != QOE_VIEW_FAILED_START;
    outcome = qoe_view_outcome_name((qoe_view_outcome_t) info->outcome);

    qoe_buf_printf(b, "\"started\":%s,\"outcome\":\"%.*s\",",
                   started ? "true" : "false", (int) outcome.len,
                   outcome.data);
}


static void
ngx_http_openqoe_view_timeline(qoe_buf_t *b, const qoe_timeline_info_t *info)
{
    size_t         i, n, nopen;
    qoe_stretch_t  s[QOE_TIMELINE_ENTRIES], open[2];

    n = qoe_timeline_stretches(&info->timeline, 0, info->end_ms, s);
    nopen = info->alive ? qoe_view_open_stretches(&info->view, open) : 0;

    qoe_buf_literal(b, "\"timeline\":[");

    for (i = 0; i < n; i++) {
        ngx_http_openqoe_view_stretch(b, &s[i], i == 0, 0);
    }

    for (i = 0; i < nopen; i++) {
        ngx_http_openqoe_view_stretch(b, &open[i], n + i == 0, 1);
    }

    qoe_buf_literal(b, "]");
}


static void
ngx_http_openqoe_view_stretch(qoe_buf_t *b, const qoe_stretch_t *s,
    ngx_uint_t first, ngx_uint_t open)
{
    qoe_span_t  name, codec;

    name = qoe_stretch_name(s->kind);
    codec = qoe_codec_name(s->codec);

    qoe_buf_printf(b, "%s{\"name\":\"%.*s\",\"start_ms\":%llu,"
                   "\"duration_ms\":%llu", first ? "" : ",", (int) name.len,
                   name.data, (unsigned long long) s->start_ms,
                   (unsigned long long) s->ms);

    if (s->kind == QOE_STRETCH_RENDITION) {
        qoe_buf_printf(b, ",\"bitrate\":%llu,\"height\":%u",
                       (unsigned long long) s->bitrate, s->height);

        if (codec.len != 0) {
            qoe_buf_printf(b, ",\"codec\":\"%.*s\"", (int) codec.len,
                           codec.data);
        } else {
            qoe_buf_literal(b, ",\"codec\":null");
        }

    } else if (s->kind == QOE_STRETCH_ERROR) {
        qoe_buf_printf(b, ",\"count\":%u,\"fatal\":%s", s->errors,
                       s->fatal ? "true" : "false");
    }

    qoe_buf_printf(b, "%s}", open ? ",\"open\":true" : "");
}
