
/*
 * Copyright (C) OpenQoE
 *
 * Answers ?sketch=unique_viewers of the stats: the registers of HyperLogLog of
 * today, for a centre that merges those of many edges.  The maximum of each
 * register over edges is the sketch of all their viewers, if they hash them by
 * the same key; a sum of the edges' numbers counts a viewer of two edges twice.
 */


#include "ngx_http_openqoe_stats.h"


/* The most sketches in an answer, so that it has less than 1 MB. */
#define NGX_HTTP_OPENQOE_SKETCHES    16

#define NGX_HTTP_OPENQOE_SKETCH_HASH                                          \
    "the first 15 bits of SipHash-1-3 of viewer_id choose the register, which "\
    "has 1 and the number of zeros that follow them, 50 at most"


static size_t ngx_http_openqoe_sketch_from(ngx_http_request_t *r);
static void ngx_http_openqoe_sketch_head(qoe_buf_t *b,
    ngx_http_openqoe_main_conf_t *mcf, uint64_t now_ms);
static void ngx_http_openqoe_sketch_key(qoe_buf_t *b, const qoe_zone_t *zone,
    uint64_t id);
static void ngx_http_openqoe_sketch_json(qoe_buf_t *b, const qoe_zone_t *zone,
    const qoe_govern_sketch_t *s);


ngx_int_t
ngx_http_openqoe_stats_sketch(ngx_http_request_t *r, ngx_str_t *name)
{
    size_t                         i, n;
    uint64_t                       now_ms;
    qoe_buf_t                      b;
    qoe_mem_t                      mem;
    qoe_governor_t                 governor;
    qoe_govern_sketch_t           *s;
    ngx_http_openqoe_zone_t       *z;
    ngx_http_openqoe_main_conf_t  *mcf;

    if (!ngx_http_openqoe_str_is(name, "unique_viewers")) {
        return ngx_http_openqoe_fail(r, NGX_HTTP_NOT_FOUND, "No such sketch",
                                     NULL);
    }

    s = ngx_palloc(r->pool, sizeof(qoe_govern_sketch_t));
    if (s == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    mcf = ngx_http_get_module_main_conf(r, ngx_http_openqoe_module);
    z = ngx_http_openqoe_get_zone(mcf);
    now_ms = qoe_unix_ns() / 1000000;

    qoe_governor_init(&governor, z->state.govern, mcf->qoe.dims,
                      ngx_http_openqoe_self());
    ngx_http_openqoe_json_init(&b, &mem, r);
    ngx_http_openqoe_sketch_head(&b, mcf, now_ms);

    n = 0;

    for (i = ngx_http_openqoe_sketch_from(r);
         n < NGX_HTTP_OPENQOE_SKETCHES
         && qoe_govern_sketch(&governor, i, (uint32_t) (now_ms / 1000), s);
         i++)
    {
        if (s->begun_s != 0) {
            qoe_buf_printf(&b, "%s", n++ ? "," : "");
            ngx_http_openqoe_sketch_json(&b, z->zone, s);
        }
    }

    if (n < NGX_HTTP_OPENQOE_SKETCHES) {
        qoe_buf_literal(&b, "],\"next\":null}");

    } else {
        qoe_buf_printf(&b, "],\"next\":%zu}", i);
    }

    return ngx_http_openqoe_send(r, NGX_HTTP_OK, &b);
}


/* The argument "from", where the answer before ended. */

static size_t
ngx_http_openqoe_sketch_from(ngx_http_request_t *r)
{
    ngx_int_t  n;
    ngx_str_t  from;

    if (ngx_http_openqoe_arg(r, "from", 0, &from) != NGX_OK) {
        return 0;
    }

    n = ngx_atoi(from.data, from.len);

    return n > 0 ? (size_t) n : 0;
}


static void
ngx_http_openqoe_sketch_head(qoe_buf_t *b, ngx_http_openqoe_main_conf_t *mcf,
    uint64_t now_ms)
{
    qoe_buf_literal(b, "{\"sketch\":\"unique_viewers\",\"edge\":");
    qoe_buf_json_string(b, ngx_http_openqoe_span(mcf->edge));
    qoe_buf_literal(b, ",\"until\":");
    ngx_http_openqoe_rfc3339(b, now_ms);
    qoe_buf_printf(b, ",\"precision\":%d,\"encoding\":\"base64, a byte a "
                   "register\",\"hash\":\"" NGX_HTTP_OPENQOE_SKETCH_HASH
                   "\",\"sketches\":[", QOE_HLL_BITS);
}


static void
ngx_http_openqoe_sketch_json(qoe_buf_t *b, const qoe_zone_t *zone,
    const qoe_govern_sketch_t *s)
{
    ngx_str_t  src, dst;

    if (s->overflow) {
        qoe_buf_literal(b, "{\"org_id\":null,\"player_id\":null");

    } else {
        qoe_buf_literal(b, "{\"org_id\":");
        qoe_buf_json_string(b, s->org);
        qoe_buf_literal(b, ",\"player_id\":");
        qoe_buf_json_string(b, s->player);
    }

    qoe_buf_literal(b, ",\"key\":");
    ngx_http_openqoe_sketch_key(b, zone, s->key_id);
    qoe_buf_literal(b, ",\"since\":");
    ngx_http_openqoe_rfc3339(b, s->begun_s * 1000ULL);
    qoe_buf_printf(b, ",\"viewers\":%.1f,\"registers\":\"", s->viewers);

    src.data = (u_char *) s->hll.reg;
    src.len = QOE_HLL_SIZE;
    dst.data = (u_char *) qoe_buf_reserve(b, ngx_base64_encoded_length(
                                                 QOE_HLL_SIZE));
    if (dst.data != NULL) {
        ngx_encode_base64(&dst, &src);
        b->len += dst.len;
    }

    qoe_buf_literal(b, "\"}");
}


/* Sketches under the key of a zone can be merged with none of another zone. */

static void
ngx_http_openqoe_sketch_key(qoe_buf_t *b, const qoe_zone_t *zone, uint64_t id)
{
    char     text[QOE_UUID_TEXT_LEN];
    uint8_t  uuid[16];

    if (id != 0) {
        qoe_buf_printf(b, "\"%016llx\"", (unsigned long long) id);
        return;
    }

    qoe_zone_instance_id(zone, uuid);
    qoe_uuid_format(text, uuid);
    qoe_buf_printf(b, "\"zone:%.*s\"", QOE_UUID_TEXT_LEN, text);
}
