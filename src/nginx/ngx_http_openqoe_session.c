
/*
 * Copyright (C) OpenQoE
 *
 * $openqoe_session: the session of any request, for routing all requests of a
 * session to one edge ("hash $openqoe_session consistent").  It is known
 * without reading the body, and without openqoe_events in the location.
 */


#include "ngx_http_openqoe_fleet.h"


static ngx_int_t ngx_http_openqoe_session_get(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_openqoe_session_argument(ngx_http_request_t *r,
    ngx_str_t *value);
static ngx_uint_t ngx_http_openqoe_session_header(ngx_http_request_t *r,
    ngx_str_t *value);
static ngx_int_t ngx_http_openqoe_session_marker(ngx_http_request_t *r,
    ngx_str_t *value);
static ngx_uint_t ngx_http_openqoe_session_valid(const ngx_str_t *value);


/* The query may be changed by "set $args", so the value is not kept. */

ngx_int_t
ngx_http_openqoe_session_variable(ngx_conf_t *cf)
{
    ngx_http_variable_t  *var;

    static ngx_str_t  name = ngx_string("openqoe_session");

    var = ngx_http_add_variable(cf, &name, NGX_HTTP_VAR_NOCACHEABLE);
    if (var == NULL) {
        return NGX_ERROR;
    }

    var->get_handler = ngx_http_openqoe_session_get;

    return NGX_OK;
}


static ngx_int_t
ngx_http_openqoe_session_get(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_int_t  rc;
    ngx_str_t  value;

    (void) data;

    rc = ngx_http_openqoe_session_argument(r, &value);

    if (rc == NGX_DECLINED && ngx_http_openqoe_session_header(r, &value)) {
        rc = NGX_OK;
    }

    if (rc == NGX_DECLINED) {
        rc = ngx_http_openqoe_session_marker(r, &value);
    }

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_DECLINED) {
        ngx_str_set(&value, "");
    }

    v->data = value.data;
    v->len = (unsigned) value.len;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;

    return NGX_OK;
}


/* The argument session_id of the query, decoded.  NGX_DECLINED: none. */

static ngx_int_t
ngx_http_openqoe_session_argument(ngx_http_request_t *r, ngx_str_t *value)
{
    ngx_int_t  rc;

    /* a decoded byte takes three at most */

    rc = ngx_http_openqoe_arg(r, "session_id", 3 * QOE_ID_MAX, value);

    if (rc != NGX_OK) {
        return rc;
    }

    return ngx_http_openqoe_session_valid(value) ? NGX_OK : NGX_DECLINED;
}


static ngx_uint_t
ngx_http_openqoe_session_header(ngx_http_request_t *r, ngx_str_t *value)
{
    ngx_table_elt_t             *h;
    ngx_http_openqoe_headers_t   it;

    ngx_http_openqoe_headers_in(r, &it);

    while ((h = ngx_http_openqoe_next_header(&it)) != NULL) {

        if (ngx_http_openqoe_header_is(h, "X-OpenQoE-Session")
            && ngx_http_openqoe_session_valid(&h->value))
        {
            *value = h->value;
            return 1;
        }
    }

    return 0;
}


/* The device, which mostly has one session at a time. */

static ngx_int_t
ngx_http_openqoe_session_marker(ngx_http_request_t *r, ngx_str_t *value)
{
    uint8_t  id[16];

    if (!ngx_http_openqoe_marker_find(r, id)) {
        return NGX_DECLINED;
    }

    value->data = ngx_pnalloc(r->pool, QOE_UUID_TEXT_LEN);
    if (value->data == NULL) {
        return NGX_ERROR;
    }

    qoe_uuid_format((char *) value->data, id);
    value->len = QOE_UUID_TEXT_LEN;

    return NGX_OK;
}


/*
 * A decoded control character could end the line of a header that is made of
 * the variable, and a longer id is that of no event.
 */

static ngx_uint_t
ngx_http_openqoe_session_valid(const ngx_str_t *value)
{
    size_t  i;

    for (i = 0; i < value->len; i++) {
        if (value->data[i] < 0x20 || value->data[i] == 0x7f) {
            return 0;
        }
    }

    return value->len != 0 && value->len <= QOE_ID_MAX;
}
