
/*
 * Copyright (C) OpenQoE
 *
 * openqoe_cmsd: adds CMSD-Dynamic (CTA-5006) to answers: the round trip time
 * and the throughput that the connection allows by TCP_INFO, and how long the
 * answer took to begin.  Never mb: a player that honours it caps its quality.
 */


#include "ngx_http_openqoe_cmcd.h"

#include <math.h>


static ngx_int_t ngx_http_openqoe_cmsd_header_filter(ngx_http_request_t *r);
static ngx_int_t ngx_http_openqoe_cmsd_add(ngx_http_request_t *r,
    const ngx_str_t *name);
static ngx_table_elt_t *ngx_http_openqoe_cmsd_earlier(ngx_http_request_t *r);
static ngx_uint_t ngx_http_openqoe_cmsd_cached(ngx_http_request_t *r);


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;


ngx_int_t
ngx_http_openqoe_cmsd_init(ngx_conf_t *cf, ngx_http_openqoe_main_conf_t *mcf)
{
    (void) cf;

    if (mcf->cmsd_used) {
        ngx_http_next_header_filter = ngx_http_top_header_filter;
        ngx_http_top_header_filter = ngx_http_openqoe_cmsd_header_filter;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_openqoe_cmsd_header_filter(ngx_http_request_t *r)
{
    ngx_http_openqoe_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_openqoe_module);

    if (lcf->cmsd != 0 && r == r->main && r->method == NGX_HTTP_GET
        && (r->headers_out.status == NGX_HTTP_OK
            || r->headers_out.status == NGX_HTTP_PARTIAL_CONTENT)
        && ngx_http_openqoe_cmsd_add(r, &lcf->cmsd_name) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_next_header_filter(r);
}


/*
 * A list with an entry for each hop; this one is the last.  A number that is
 * not known is left out.
 */

static ngx_int_t
ngx_http_openqoe_cmsd_add(ngx_http_request_t *r, const ngx_str_t *name)
{
    u_char                  *p;
    ngx_str_t                value;
    ngx_table_elt_t         *earlier;
    ngx_http_openqoe_tcp_t   tcp;

    earlier = ngx_http_openqoe_cmsd_earlier(r);

    value.data = ngx_pnalloc(r->pool, name->len + 3 * NGX_INT64_LEN
                             + sizeof(", \"\";etp=;rd=;rtt=")
                             + (earlier != NULL ? earlier->value.len : 0));
    if (value.data == NULL) {
        return NGX_ERROR;
    }

    p = value.data;

    if (earlier != NULL) {
        p = ngx_sprintf(p, "%V, ", &earlier->value);
    }

    p = ngx_sprintf(p, "\"%V\"", name);

    if (ngx_http_openqoe_tcp(r, &tcp) != NGX_OK) {
        tcp.rtt_ms = NAN;
        tcp.etp_kbps = NAN;
    }

    if (!isnan(tcp.etp_kbps)) {
        p = ngx_sprintf(p, ";etp=%uL", (uint64_t) tcp.etp_kbps);
    }

    p = ngx_sprintf(p, ";rd=%M", ngx_http_openqoe_cmcd_elapsed(r));

    if (!isnan(tcp.rtt_ms)) {
        p = ngx_sprintf(p, ";rtt=%uL", (uint64_t) ceil(tcp.rtt_ms));
    }

    value.len = (size_t) (p - value.data);

    if (earlier != NULL) {
        earlier->value = value;
        return NGX_OK;
    }

    return ngx_http_openqoe_header(r, "CMSD-Dynamic", value);
}


/*
 * The last line of the hops before; all of them are dropped if they come from
 * the cache, because they are about another answer.
 */

static ngx_table_elt_t *
ngx_http_openqoe_cmsd_earlier(ngx_http_request_t *r)
{
    ngx_uint_t        i, cached;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h, *last;

    cached = ngx_http_openqoe_cmsd_cached(r);
    last = NULL;

    for (part = &r->headers_out.headers.part; part != NULL; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (h[i].hash == 0
                || !ngx_http_openqoe_header_is(&h[i], "CMSD-Dynamic"))
            {
                continue;
            }

            if (cached) {
                h[i].hash = 0;

            } else {
                last = &h[i];
            }
        }
    }

    return last;
}


static ngx_uint_t
ngx_http_openqoe_cmsd_cached(ngx_http_request_t *r)
{
#if (NGX_HTTP_CACHE)

    return r->upstream != NULL
           && (r->upstream->cache_status == NGX_HTTP_CACHE_HIT
               || r->upstream->cache_status == NGX_HTTP_CACHE_STALE
               || r->upstream->cache_status == NGX_HTTP_CACHE_UPDATING
               || r->upstream->cache_status == NGX_HTTP_CACHE_REVALIDATED);

#else

    (void) r;

    return 0;

#endif
}
