
/*
 * Copyright (C) OpenQoE
 *
 * Cross-origin requests (the Fetch standard): which origins may read the
 * answers.
 */


#include "ngx_http_openqoe.h"


static ngx_uint_t ngx_http_openqoe_origin_valid(ngx_str_t *s);
static ngx_table_elt_t *ngx_http_openqoe_find_origin(ngx_http_request_t *r);
static ngx_str_t *ngx_http_openqoe_listed(ngx_http_openqoe_loc_conf_t *lcf,
    ngx_table_elt_t *origin);


/* seconds between two log messages of a worker about refused preflights */
#define NGX_HTTP_OPENQOE_REFUSED_S   10


/* openqoe_cors_origin origin ... | * | off */

char *
ngx_http_openqoe_cors_origin(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t                    *value;
    ngx_uint_t                    i;
    const char                   *expected;
    ngx_http_openqoe_loc_conf_t  *lcf = conf;

    value = cf->args->elts;

    if (lcf->origins == NULL) {
        return "is used after \"off\"";
    }

    if (ngx_strcmp(value[1].data, "off") == 0) {

        if (lcf->origins != NGX_CONF_UNSET_PTR || cf->args->nelts != 2) {
            return "\"off\" cannot be combined with origins";
        }

        lcf->origins = NULL;
        return NGX_CONF_OK;
    }

    if (lcf->origins == NGX_CONF_UNSET_PTR) {
        lcf->origins = NULL;
    }

    for (i = 1; i < cf->args->nelts; i++) {

        expected = ngx_http_openqoe_add_origin(cf->pool, &lcf->origins,
                                               &value[i]);
        if (expected != NULL) {
            return ngx_http_openqoe_bad_value(cf, (char *) cmd->name.data,
                                              &value[i], expected);
        }
    }

    return NGX_CONF_OK;
}


/* NULL, or what the origin must be. */

const char *
ngx_http_openqoe_add_origin(ngx_pool_t *pool, ngx_array_t **origins,
    ngx_str_t *origin)
{
    ngx_str_t   *o;
    ngx_uint_t   i, any;

    any = (origin->len == 1 && origin->data[0] == '*');

    if (!any && !ngx_http_openqoe_origin_valid(origin)) {
        return "scheme://host[:port] in lower case without a path, or \"*\"";
    }

    if (*origins == NULL) {
        *origins = ngx_array_create(pool, 4, sizeof(ngx_str_t));

        if (*origins == NULL) {
            return "kept in memory, which is exhausted";
        }
    }

    o = (*origins)->elts;

    for (i = 0; i < (*origins)->nelts; i++) {

        if (any || (o[i].len == 1 && o[i].data[0] == '*')) {
            return "given alone when \"*\" is used";
        }

        if (o[i].len == origin->len
            && ngx_strncmp(o[i].data, origin->data, o[i].len) == 0)
        {
            return "given once";
        }
    }

    o = ngx_array_push(*origins);
    if (o == NULL) {
        return "kept in memory, which is exhausted";
    }

    *o = *origin;

    return NULL;
}


/* Accepts origins only as browsers write them, to compare their bytes. */

static ngx_uint_t
ngx_http_openqoe_origin_valid(ngx_str_t *s)
{
    size_t  i, host, port;

    for (i = 0; i < s->len; i++) {
        if (!((s->data[i] >= 'a' && s->data[i] <= 'z')
              || (i > 0 && ((s->data[i] >= '0' && s->data[i] <= '9')
                            || ngx_http_openqoe_in("+-.", s->data[i])))))
        {
            break;
        }
    }

    if (i == 0 || s->len - i < 4 || ngx_strncmp(s->data + i, "://", 3) != 0) {
        return 0;
    }

    host = i + 3;
    i = host;

    if (s->data[i] == '[') {
        for (i++; i < s->len && s->data[i] != ']'; i++) {
            if (!ngx_http_openqoe_in("0123456789abcdef:.", s->data[i])) {
                return 0;
            }
        }

        if (i++ == s->len) {
            return 0;
        }
    }

    for ( /* void */ ; i < s->len && s->data[i] != ':'; i++) {
        if (!((s->data[i] >= 'a' && s->data[i] <= 'z')
              || (s->data[i] >= '0' && s->data[i] <= '9')
              || s->data[i] == '-' || s->data[i] == '.'
              || s->data[i] == '_'))
        {
            return 0;
        }
    }

    if (i == host) {
        return 0;
    }

    if (i == s->len) {
        return 1;
    }

    port = i + 1;

    return s->len - port <= 5 && ngx_atoi(s->data + port, s->len - port) > 0
           && ngx_atoi(s->data + port, s->len - port) <= 65535;
}


static ngx_table_elt_t *
ngx_http_openqoe_find_origin(ngx_http_request_t *r)
{
    ngx_table_elt_t             *h;
    ngx_http_openqoe_headers_t   it;

    ngx_http_openqoe_headers_in(r, &it);

    do {
        h = ngx_http_openqoe_next_header(&it);
    } while (h != NULL && !ngx_http_openqoe_header_is(h, "Origin"));

    return h;
}


/* The entry of the location's list that equals this origin, or NULL. */

static ngx_str_t *
ngx_http_openqoe_listed(ngx_http_openqoe_loc_conf_t *lcf,
    ngx_table_elt_t *origin)
{
    ngx_str_t   *o;
    ngx_uint_t   i;

    if (origin == NULL || lcf->origins == NULL) {
        return NULL;
    }

    o = lcf->origins->elts;

    for (i = 0; i < lcf->origins->nelts; i++) {

        if (o[i].len == origin->value.len
            && ngx_strncmp(o[i].data, origin->value.data, o[i].len) == 0)
        {
            return &o[i];
        }
    }

    return NULL;
}


/* Adds the headers to an answer of a location with origins. */

ngx_int_t
ngx_http_openqoe_cors_headers(ngx_http_request_t *r)
{
    ngx_str_t                    *o;
    ngx_http_openqoe_loc_conf_t  *lcf;

    static ngx_str_t  any = ngx_string("*");
    static ngx_str_t  yes = ngx_string("true");
    static ngx_str_t  vary = ngx_string("Origin");
    static ngx_str_t  expose = ngx_string("Retry-After");

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_openqoe_module);

    if (lcf->origins == NULL) {
        return NGX_OK;
    }

    o = lcf->origins->elts;

    if (o[0].len == 1) {

        if (ngx_http_openqoe_header(r, "Access-Control-Allow-Origin", any)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        return ngx_http_openqoe_header(r, "Access-Control-Expose-Headers",
                                       expose);
    }

    /* caches need this even if the answer has no headers for this origin */

    if (ngx_http_openqoe_header(r, "Vary", vary) != NGX_OK) {
        return NGX_ERROR;
    }

    o = ngx_http_openqoe_listed(lcf, ngx_http_openqoe_find_origin(r));

    if (o == NULL) {
        return NGX_OK;
    }

    if (ngx_http_openqoe_header(r, "Access-Control-Allow-Origin", *o) != NGX_OK
        || ngx_http_openqoe_header(r, "Access-Control-Allow-Credentials", yes)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_openqoe_header(r, "Access-Control-Expose-Headers", expose);
}


/*
 * Adds the reason to the answer to a preflight that is refused.  A browser only
 * reports that a header is missing, so the reason is in the log, too.
 */

ngx_int_t
ngx_http_openqoe_cors_refusal(ngx_http_request_t *r)
{
    ngx_str_t                    *o, reason;
    ngx_table_elt_t              *origin;
    ngx_http_openqoe_loc_conf_t  *lcf;

    static time_t  logged;

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_openqoe_module);
    origin = ngx_http_openqoe_find_origin(r);

    if (origin == NULL || ngx_http_openqoe_listed(lcf, origin) != NULL) {
        return NGX_OK;
    }

    if (lcf->origins == NULL) {
        ngx_str_set(&reason, "openqoe_cors_origin is not set here");

    } else {
        o = lcf->origins->elts;

        if (o[0].len == 1) {
            return NGX_OK;           /* "*" */
        }

        ngx_str_set(&reason, "the origin is not in openqoe_cors_origin");
    }

    if (ngx_time() - logged >= NGX_HTTP_OPENQOE_REFUSED_S) {
        logged = ngx_time();
        ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                      "openqoe: preflight of origin \"%V\" refused: %V",
                      &origin->value, &reason);
    }

    return ngx_http_openqoe_header(r, "X-Preflight-Refused", reason);
}
