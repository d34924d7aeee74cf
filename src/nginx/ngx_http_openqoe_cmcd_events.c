
/*
 * Copyright (C) OpenQoE
 *
 * openqoe_cmcd_events: reports of CMCD (CTA-5004-B, event mode), which players
 * post by themselves.  They are events in another notation, so all that this
 * input has of its own is here; the rest is ngx_http_openqoe_events.c.
 *
 * The answer is 204 whenever a report is read, also where the queue is full:
 * after another status players post the same reports again without any delay,
 * so a refusal would raise the load that it is meant to lower.
 */


#include "ngx_http_openqoe_cmcd.h"


static qoe_status_t ngx_http_openqoe_cmcd_events_decode(
    ngx_http_openqoe_submit_t *s, qoe_span_t body,
    const qoe_decode_conf_t *conf);
static void ngx_http_openqoe_cmcd_events_judged(
    ngx_http_openqoe_submit_t *s);
static void ngx_http_openqoe_cmcd_events_tap(ngx_http_openqoe_submit_t *s);


const ngx_http_openqoe_input_t  ngx_http_openqoe_cmcd_input = {
    .types = { "application/cmcd", "text/cmcd" },
    .expected = "Content-Type must be application/cmcd or text/cmcd",
    .in_order = 1,
    .empty = 1,
    .overload_status = NGX_HTTP_NO_CONTENT,
    .key = "api_key",
    .decode = ngx_http_openqoe_cmcd_events_decode,
    .judged = ngx_http_openqoe_cmcd_events_judged
};


/* openqoe_cmcd_events [gone] */

char *
ngx_http_openqoe_cmcd_events(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t                    *value;
    ngx_http_openqoe_loc_conf_t  *lcf = conf;

    value = cf->args->elts;

    if (cf->args->nelts == 2) {

        if (!ngx_http_openqoe_str_is(&value[1], "gone")) {
            return ngx_http_openqoe_bad_value(cf, (char *) cmd->name.data,
                                              &value[1], "\"gone\" or nothing");
        }

        lcf->gone = 1;
    }

    return ngx_http_openqoe_set_handler(cf, cmd, conf);
}


static qoe_status_t
ngx_http_openqoe_cmcd_events_decode(ngx_http_openqoe_submit_t *s,
    qoe_span_t body, const qoe_decode_conf_t *conf)
{
    ngx_str_t  value;

    if (s->lcf->cmcd_org != NULL) {

        if (ngx_http_complex_value(s->r, s->lcf->cmcd_org, &value) != NGX_OK
            || ngx_http_openqoe_attribute_text(&s->org, &value, s->arena)
               != QOE_OK)
        {
            return QOE_NOMEM;
        }
    }

    return qoe_cmcd_events(&s->batch, &s->reports, body, s->org, conf,
                           (int64_t) (s->received_ns / 1000000), s->arena);
}


/* Counts what was left out of the reports, and the reports of no session. */

static void
ngx_http_openqoe_cmcd_events_judged(ngx_http_openqoe_submit_t *s)
{
    ngx_http_openqoe_count(s->r, QOE_COUNT_CMCD_REPORTS,
                           s->batch.total + s->reports.no_sid);

    if (ngx_http_openqoe_tap_ignored(s->zone, s->reports.ignored) != 0) {
        ngx_http_openqoe_cmcd_events_tap(s);
    }
}


/*
 * openqoe.cmcd.ignored is made by the helper, of what the tap has: a request
 * for no media, with what was left out of all reports.
 */

static void
ngx_http_openqoe_cmcd_events_tap(ngx_http_openqoe_submit_t *s)
{
    qoe_request_t  q;

    ngx_memzero(&q, sizeof(qoe_request_t));

    q.text[QOE_TEXT_ORG_ID] = s->org;
    q.start_ms = s->received_ns / 1000000;

    ngx_http_openqoe_tap(ngx_http_openqoe_get_zone(s->mcf),
                         ngx_http_openqoe_tap_lane(s->zone), &q, 0,
                         s->reports.ignored, qoe_span_null);
}
