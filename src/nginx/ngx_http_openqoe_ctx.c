
/*
 * Copyright (C) OpenQoE
 *
 * The context of a request, and what is counted for it.
 */


#include "ngx_http_openqoe.h"


/* The counter of each status; other statuses are not counted. */

static const struct {
    ngx_uint_t     status;
    qoe_counter_t  counter;
} ngx_http_openqoe_status_counters[] = {
    { NGX_HTTP_ACCEPTED, QOE_COUNT_REQUESTS_ACCEPTED },
    { NGX_HTTP_BAD_REQUEST, QOE_COUNT_REQUESTS_INVALID },
    { NGX_HTTP_UNAUTHORIZED, QOE_COUNT_REQUESTS_UNAUTHORIZED },
    { NGX_HTTP_NOT_ALLOWED, QOE_COUNT_REQUESTS_METHOD },
    { NGX_HTTP_REQUEST_ENTITY_TOO_LARGE, QOE_COUNT_REQUESTS_TOO_LARGE },
    { NGX_HTTP_UNSUPPORTED_MEDIA_TYPE, QOE_COUNT_REQUESTS_MEDIA_TYPE },
    { NGX_HTTP_SERVICE_UNAVAILABLE, QOE_COUNT_REQUESTS_OVERLOAD },
    { NGX_HTTP_TOO_MANY_REQUESTS, QOE_COUNT_REQUESTS_OVERLOAD },
    { NGX_HTTP_INTERNAL_SERVER_ERROR, QOE_COUNT_REQUESTS_ERROR }
};


ngx_http_openqoe_ctx_t *
ngx_http_openqoe_get_ctx(ngx_http_request_t *r)
{
    ngx_http_openqoe_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_openqoe_module);

    if (ctx == NULL) {
        ctx = ngx_pcalloc(r->pool, sizeof(ngx_http_openqoe_ctx_t));

        if (ctx != NULL) {
            ngx_http_set_ctx(r, ctx, ngx_http_openqoe_module);
        }
    }

    return ctx;
}


void
ngx_http_openqoe_count(ngx_http_request_t *r, qoe_counter_t c, uint64_t n)
{
    ngx_http_openqoe_zone_t       *z;
    ngx_http_openqoe_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(r, ngx_http_openqoe_module);
    z = ngx_http_openqoe_get_zone(mcf);

    qoe_zone_count(z->zone, (uint32_t) ngx_worker, c, n);
}


/*
 * Counts a request to an events location once, and its status unless that is
 * 0, not known yet.  Requests to other locations are not counted.
 */

void
ngx_http_openqoe_count_request(ngx_http_request_t *r,
    ngx_http_openqoe_ctx_t *ctx, ngx_uint_t status)
{
    ngx_uint_t                    i;
    ngx_http_openqoe_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_openqoe_module);

    if (lcf->input == NULL) {
        return;
    }

    if (!ctx->counted) {
        ctx->counted = 1;
        ngx_http_openqoe_count(r, QOE_COUNT_REQUESTS, 1);
    }

    if (status != 0) {
        ngx_http_openqoe_metrics_answer(r, ctx, status);
    }

    for (i = 0; i < sizeof(ngx_http_openqoe_status_counters)
                    / sizeof(ngx_http_openqoe_status_counters[0]); i++)
    {
        if (ngx_http_openqoe_status_counters[i].status == status) {
            ngx_http_openqoe_count(r,
                ngx_http_openqoe_status_counters[i].counter, 1);
        }
    }
}
