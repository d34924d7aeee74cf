
/*
 * Copyright (C) OpenQoE
 *
 * DESTINATION_TYPE=GrafanaCloud: the OTLP gateway of a Grafana Cloud stack
 * with basic authentication, made from its three variables.
 */


#include "ngx_http_openqoe.h"

#include <stdlib.h>


static const char  ngx_http_openqoe_gateway[] =
    "https://otlp-gateway-%V.grafana.net/otlp";


static ngx_int_t ngx_http_openqoe_need(ngx_conf_t *cf, const char *name,
    ngx_str_t *value);
static ngx_int_t ngx_http_openqoe_basic(ngx_conf_t *cf, ngx_str_t *user,
    ngx_str_t *password, ngx_str_t *out);


/* Like a setter of the environment: NULL or NGX_CONF_ERROR. */

const char *
ngx_http_openqoe_grafana(ngx_conf_t *cf, ngx_http_openqoe_exporter_t *e)
{
    size_t                        i;
    u_char                       *p;
    ngx_str_t                     id, key, region, basic;
    ngx_uint_t                    duplicate;
    const char                   *expected;
    ngx_http_openqoe_endpoint_t  *logs;

    static ngx_str_t  authorization = ngx_string("Authorization");

    if (ngx_http_openqoe_need(cf, "GRAFANA_CLOUD_INSTANCE_ID", &id) != NGX_OK
        || ngx_http_openqoe_need(cf, "GRAFANA_CLOUD_API_KEY", &key) != NGX_OK
        || ngx_http_openqoe_need(cf, "GRAFANA_CLOUD_REGION", &region)
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    /* they become part of a host name and of "user:password" */

    for (i = 0; i < region.len; i++) {
        if (!((region.data[i] >= 'a' && region.data[i] <= 'z')
              || (region.data[i] >= '0' && region.data[i] <= '9')
              || region.data[i] == '-'))
        {
            return ngx_http_openqoe_bad_value(cf, "GRAFANA_CLOUD_REGION",
                       &region, "a region such as \"prod-eu-west-2\"");
        }
    }

    if (ngx_strlchr(id.data, id.data + id.len, ':') != NULL) {
        return ngx_http_openqoe_bad_value(cf, "GRAFANA_CLOUD_INSTANCE_ID",
                                          &id, "without a colon");
    }

    p = ngx_pnalloc(cf->pool, sizeof(ngx_http_openqoe_gateway) + region.len);

    if (p == NULL
        || ngx_http_openqoe_basic(cf, &id, &key, &basic) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    logs = &e->endpoint[QOE_SIGNAL_LOGS];
    logs->url.data = p;
    p = ngx_sprintf(p, ngx_http_openqoe_gateway, &region);
    logs->url.len = (size_t) (p - logs->url.data);
    *p = '\0';

    logs->name = "DESTINATION_TYPE";
    ngx_conf_init_uint_value(e->protocol, QOE_PROTOCOL_HTTP_PROTOBUF);

    expected = ngx_http_openqoe_add_header(e, &authorization, &basic,
                                           &duplicate);

    return expected ? NGX_CONF_ERROR : NULL;
}


static ngx_int_t
ngx_http_openqoe_need(ngx_conf_t *cf, const char *name, ngx_str_t *value)
{
    value->data = (u_char *) getenv(name);

    if (value->data == NULL || value->data[0] == '\0') {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"DESTINATION_TYPE\" GrafanaCloud needs \"%s\"",
                           name);
        return NGX_ERROR;
    }

    value->len = ngx_strlen(value->data);

    return NGX_OK;
}


static ngx_int_t
ngx_http_openqoe_basic(ngx_conf_t *cf, ngx_str_t *user, ngx_str_t *password,
    ngx_str_t *out)
{
    ngx_str_t  plain, encoded;

    plain.len = user->len + 1 + password->len;
    plain.data = ngx_pnalloc(cf->pool, plain.len);
    out->data = ngx_pnalloc(cf->pool, sizeof("Basic ")
                                      + ngx_base64_encoded_length(plain.len));

    if (plain.data == NULL || out->data == NULL) {
        return NGX_ERROR;
    }

    ngx_sprintf(plain.data, "%V:%V", user, password);

    ngx_memcpy(out->data, "Basic ", 6);
    encoded.data = out->data + 6;

    ngx_encode_base64(&encoded, &plain);

    out->len = 6 + encoded.len;

    ngx_explicit_memzero(plain.data, plain.len);

    return NGX_OK;
}
