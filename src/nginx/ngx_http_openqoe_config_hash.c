
/*
 * Copyright (C) OpenQoE
 *
 * The hash of the configuration: equal on edges whose directives make the same
 * numbers of the same events, so that a centre sees an edge that differs.
 *
 * It is made of the effective values, so that a default that is written down is
 * no difference, and neither is the order of directives.  Left out is what
 * names or places an edge (its name, the zone's name, endpoints, headers,
 * attributes of resources, paths), what is secret (keys and the key of the
 * fleet), and what has no part in the numbers, such as logs and timeouts.
 *
 * Each setting is a line, which is hashed by itself; the digests are sorted and
 * hashed again.
 */


#include "ngx_http_openqoe_fleet.h"

#include <openssl/sha.h>


#define NGX_HTTP_OPENQOE_LINE_MAX  (64 * 1024)


typedef struct {
    u_char             digest[SHA256_DIGEST_LENGTH];
} ngx_http_openqoe_digest_t;


typedef struct {
    ngx_array_t        digests;              /* ngx_http_openqoe_digest_t */
    qoe_buf_t          line;
    ngx_int_t          rc;
} ngx_http_openqoe_digests_t;


static ngx_int_t ngx_http_openqoe_digests(ngx_conf_t *cf,
    ngx_http_openqoe_digests_t *d);
static void ngx_http_openqoe_digests_end(ngx_http_openqoe_digests_t *d,
    ngx_http_openqoe_digest_t *all);
static int ngx_libc_cdecl ngx_http_openqoe_digest_cmp(const void *one,
    const void *two);
static void ngx_http_openqoe_digest_text(ngx_http_openqoe_digests_t *d,
    qoe_span_t text);
static void ngx_http_openqoe_digest_line(ngx_http_openqoe_digests_t *d);
static void ngx_http_openqoe_digest_main(ngx_http_openqoe_digests_t *d,
    ngx_http_openqoe_main_conf_t *mcf);
static void ngx_http_openqoe_digest_exporters(ngx_http_openqoe_digests_t *d,
    ngx_http_openqoe_main_conf_t *mcf);
static void ngx_http_openqoe_digest_types(ngx_http_openqoe_digests_t *d,
    ngx_http_openqoe_main_conf_t *mcf);
static void ngx_http_openqoe_digest_dimension(ngx_http_openqoe_digests_t *d,
    const qoe_dimension_t *dim);
static void ngx_http_openqoe_digest_location(ngx_conf_t *cf,
    ngx_http_openqoe_digests_t *d, ngx_http_openqoe_loc_conf_t *lcf);


/* Runs when all is read and merged. */

ngx_int_t
ngx_http_openqoe_config_hash(ngx_conf_t *cf)
{
    size_t                         i;
    ngx_http_openqoe_digest_t      all;
    ngx_http_openqoe_digests_t     d;
    ngx_http_openqoe_loc_conf_t  **lcf;
    ngx_http_openqoe_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_openqoe_module);

    if (mcf->shm_zone == NULL) {
        return NGX_OK;
    }

    if (ngx_http_openqoe_digests(cf, &d) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_http_openqoe_digest_main(&d, mcf);
    ngx_http_openqoe_digest_exporters(&d, mcf);
    ngx_http_openqoe_digest_types(&d, mcf);

    for (i = 0; i < mcf->dimensions.n; i++) {
        ngx_http_openqoe_digest_dimension(&d, &mcf->dimensions.dim[i]);
    }

    lcf = mcf->locations.elts;

    for (i = 0; i < mcf->locations.nelts; i++) {
        ngx_http_openqoe_digest_location(cf, &d, lcf[i]);
    }

    ngx_http_openqoe_digests_end(&d, &all);
    ngx_hex_dump(mcf->config_hash, all.digest, sizeof(mcf->config_hash) / 2);

    return d.rc;
}


static ngx_int_t
ngx_http_openqoe_digests(ngx_conf_t *cf, ngx_http_openqoe_digests_t *d)
{
    d->rc = ngx_array_init(&d->digests, cf->temp_pool, 64,
                           sizeof(ngx_http_openqoe_digest_t));
    qoe_buf_init(&d->line, &qoe_mem_heap, NGX_HTTP_OPENQOE_LINE_MAX);

    return d->rc;
}


/* Sorts the digests and makes one of them. */

static void
ngx_http_openqoe_digests_end(ngx_http_openqoe_digests_t *d,
    ngx_http_openqoe_digest_t *all)
{
    ngx_qsort(d->digests.elts, d->digests.nelts,
              sizeof(ngx_http_openqoe_digest_t), ngx_http_openqoe_digest_cmp);
    SHA256(d->digests.elts,
           d->digests.nelts * sizeof(ngx_http_openqoe_digest_t), all->digest);
    qoe_buf_free(&d->line);
}


static int ngx_libc_cdecl
ngx_http_openqoe_digest_cmp(const void *one, const void *two)
{
    return ngx_memcmp(one, two, sizeof(ngx_http_openqoe_digest_t));
}


/* With its length, so that no two lists of texts are the same line. */

static void
ngx_http_openqoe_digest_text(ngx_http_openqoe_digests_t *d, qoe_span_t text)
{
    qoe_buf_printf(&d->line, " %zu:", text.len);
    qoe_buf_append(&d->line, text.data, text.len);
}


static void
ngx_http_openqoe_digest_line(ngx_http_openqoe_digests_t *d)
{
    ngx_http_openqoe_digest_t  *digest;

    digest = ngx_array_push(&d->digests);

    if (digest == NULL || d->line.status != QOE_OK) {
        d->rc = NGX_ERROR;
        return;
    }

    SHA256((u_char *) d->line.data, d->line.len, digest->digest);
    qoe_buf_reset(&d->line);
}


static void
ngx_http_openqoe_digest_main(ngx_http_openqoe_digests_t *d,
    ngx_http_openqoe_main_conf_t *mcf)
{
    const qoe_conf_t  *q = &mcf->qoe;

    qoe_buf_printf(&d->line, "openqoe_zone %zu", mcf->shm_zone->shm.size);
    ngx_http_openqoe_digest_line(d);
    qoe_buf_printf(&d->line, "openqoe_event_time %llu %llu",
                   (unsigned long long) mcf->max_age,
                   (unsigned long long) mcf->max_ahead);
    ngx_http_openqoe_digest_line(d);
    qoe_buf_printf(&d->line, "openqoe_metrics %lu", (u_long) q->groups);
    ngx_http_openqoe_digest_line(d);
    qoe_buf_printf(&d->line, "openqoe_view_timeout %llu %llu %llu",
                   (unsigned long long) mcf->view_timeout,
                   (unsigned long long) mcf->paused_timeout,
                   (unsigned long long) mcf->hidden_timeout);
    ngx_http_openqoe_digest_line(d);
    qoe_buf_printf(&d->line, "openqoe_view_record %llu",
                   (unsigned long long) mcf->view_record);
    ngx_http_openqoe_digest_line(d);
    qoe_buf_printf(&d->line, "openqoe_traces %d %.9f", (int) q->traces.mode,
                   q->traces.sample);
    ngx_http_openqoe_digest_line(d);
    qoe_buf_printf(&d->line, "openqoe_series %zu %llu %llu", mcf->series_max,
                   (unsigned long long) mcf->series_ttl,
                   (unsigned long long) mcf->series_birth);
    ngx_http_openqoe_digest_line(d);
    qoe_buf_printf(&d->line, "openqoe_max_new_values %zu",
                   mcf->max_new_values);
    ngx_http_openqoe_digest_line(d);
    qoe_buf_printf(&d->line, "openqoe_fleet_key %d", q->fleet.id != 0);
    ngx_http_openqoe_digest_line(d);
}


/* What is exported at all, and what of it may be lost. */

static void
ngx_http_openqoe_digest_exporters(ngx_http_openqoe_digests_t *d,
    ngx_http_openqoe_main_conf_t *mcf)
{
    ngx_uint_t                    i;
    ngx_http_openqoe_exporter_t  *e;

    e = mcf->exporters.elts;

    for (i = 0; i < mcf->exporters.nelts; i++) {
        qoe_buf_literal(&d->line, "openqoe_exporter");
        ngx_http_openqoe_digest_text(d, ngx_http_openqoe_span(e[i].name));
        qoe_buf_printf(&d->line, " %lu %llu %d %d", (u_long) e[i].signals,
                       (unsigned long long) e[i].metric_interval,
                       e[i].spool != 0, e[i].drop_refused != 0);
        ngx_http_openqoe_digest_line(d);
    }

    if (mcf->spool.len != 0) {
        qoe_buf_printf(&d->line, "openqoe_spool %llu %d",
                       (unsigned long long) mcf->spool_conf.max_size,
                       mcf->spool_conf.reject);
        ngx_http_openqoe_digest_line(d);
    }
}


static void
ngx_http_openqoe_digest_types(ngx_http_openqoe_digests_t *d,
    ngx_http_openqoe_main_conf_t *mcf)
{
    ngx_uint_t          i;
    qoe_custom_type_t  *type;

    type = mcf->types.elts;

    for (i = 0; i < mcf->types.nelts; i++) {
        qoe_buf_literal(&d->line, "openqoe_event_type");
        ngx_http_openqoe_digest_text(d, type[i].name);
        qoe_buf_printf(&d->line, " %d", (int) type[i].severity);
        ngx_http_openqoe_digest_line(d);
    }
}


/* Only what the action uses; the order of values= has no meaning. */

static void
ngx_http_openqoe_digest_dimension(ngx_http_openqoe_digests_t *d,
    const qoe_dimension_t *dim)
{
    uint32_t  i;

    qoe_buf_literal(&d->line, "openqoe_dimension");
    ngx_http_openqoe_digest_text(d, dim->name);
    ngx_http_openqoe_digest_text(d, dim->source);
    qoe_buf_printf(&d->line, " %d %d", (int) dim->role, (int) dim->action);

    switch (dim->action) {

    case QOE_ACTION_ALLOW:
        qoe_buf_printf(&d->line, " %d %u %u %u", (int) dim->overflow,
                       dim->max, dim->ttl_s, dim->maxlen);
        break;

    case QOE_ACTION_TOPK:
        qoe_buf_printf(&d->line, " %d %u %u", (int) dim->overflow, dim->max,
                       dim->maxlen);
        break;

    case QOE_ACTION_BUCKET:
        qoe_buf_printf(&d->line, " %u", dim->size);
        break;

    default:
        break;
    }

    if (dim->roster != NULL) {
        ngx_http_openqoe_digest_text(d, dim->roster->text);
    }

    ngx_http_openqoe_digest_line(d);

    for (i = 0; i < dim->npins; i++) {
        qoe_buf_literal(&d->line, "values");
        ngx_http_openqoe_digest_text(d, dim->name);
        ngx_http_openqoe_digest_text(d, dim->pins[i]);
        ngx_http_openqoe_digest_line(d);
    }
}


/* Its path and its server have no part in it, and its keys are secret. */

static void
ngx_http_openqoe_digest_location(ngx_conf_t *cf,
    ngx_http_openqoe_digests_t *d, ngx_http_openqoe_loc_conf_t *lcf)
{
    ngx_uint_t                   i;
    ngx_str_t                    name, value;
    ngx_http_openqoe_digest_t    all;
    ngx_http_openqoe_digests_t   attributes;

    if (ngx_http_openqoe_digests(cf, &attributes) != NGX_OK) {
        d->rc = NGX_ERROR;
        return;
    }

    for (i = 0;
         ngx_http_openqoe_attribute_at(lcf->attributes, i, &name, &value)
         == NGX_OK;
         i++)
    {
        ngx_http_openqoe_digest_text(&attributes, ngx_http_openqoe_span(name));
        ngx_http_openqoe_digest_text(&attributes,
                                     ngx_http_openqoe_span(value));
        ngx_http_openqoe_digest_line(&attributes);
    }

    ngx_http_openqoe_digests_end(&attributes, &all);

    if (attributes.rc != NGX_OK) {
        d->rc = NGX_ERROR;
    }

    qoe_buf_printf(&d->line, "openqoe_events %d %d %d %lu %zu %zu %zu %lu %lu",
                   lcf->keys != NULL, (int) lcf->marker, (int) lcf->strict,
                   (u_long) lcf->overload_status, lcf->max_events,
                   lcf->max_sessions, lcf->max_inflated_size,
                   (u_long) lcf->ack, (u_long) lcf->overload_wait);
    qoe_buf_append(&d->line, all.digest, sizeof(all.digest));
    ngx_http_openqoe_digest_line(d);
}
