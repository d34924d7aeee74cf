
/*
 * Copyright (C) OpenQoE
 *
 * The marker cookie: a UUID that identifies a device across views and sites.
 */


#include "ngx_http_openqoe.h"


static ngx_uint_t ngx_http_openqoe_cookie(ngx_http_request_t *r,
    ngx_str_t *value);
static ngx_uint_t ngx_http_openqoe_cookie_line(ngx_str_t *line,
    ngx_str_t *value);


char *
ngx_http_openqoe_marker_domain(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t                    *value;
    const char                   *expected;
    ngx_http_openqoe_loc_conf_t  *lcf = conf;

    value = cf->args->elts;

    if (lcf->marker_domain.data != NULL) {
        return "is duplicate";
    }

    expected = ngx_http_openqoe_check_domain(&value[1]);

    if (expected != NULL) {
        return ngx_http_openqoe_bad_value(cf, (char *) cmd->name.data,
                                          &value[1], expected);
    }

    lcf->marker_domain = value[1];

    return NGX_CONF_OK;
}


const char *
ngx_http_openqoe_check_domain(ngx_str_t *domain)
{
    size_t  i;

    for (i = 0; i < domain->len; i++) {
        if (!ngx_http_openqoe_in("-.", domain->data[i])
            && (domain->data[i] < '0' || domain->data[i] > '9')
            && ((domain->data[i] | 0x20) < 'a'
                || (domain->data[i] | 0x20) > 'z'))
        {
            return "a domain name";
        }
    }

    return domain->len == 0 || domain->len > 253 ? "a domain name" : NULL;
}


/*
 * The cookie's Path is that of the location, or "/" if the location has no
 * plain path (a regex, a named location) or its path has a byte that would end
 * the attribute.
 */

void
ngx_http_openqoe_marker_path(ngx_conf_t *cf, ngx_http_openqoe_loc_conf_t *lcf)
{
    size_t                     i;
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    ngx_str_set(&lcf->marker_path, "/");

#if (NGX_PCRE)
    if (clcf->regex != NULL) {
        return;
    }
#endif

    if (clcf->named || clcf->name.len == 0 || clcf->name.data[0] != '/') {
        return;
    }

    for (i = 0; i < clcf->name.len; i++) {
        if (clcf->name.data[i] <= ' ' || clcf->name.data[i] >= 0x7f
            || clcf->name.data[i] == ';')
        {
            return;
        }
    }

    lcf->marker_path = clcf->name;
}


/* The marker of the request, or a new one if it is missing or invalid. */

void
ngx_http_openqoe_marker_get(ngx_http_request_t *r, uint64_t now_ms,
    char text[QOE_UUID_TEXT_LEN])
{
    uint8_t  id[16];

    if (!ngx_http_openqoe_marker_find(r, id)) {
        ngx_http_openqoe_uuid(id, now_ms);
    }

    qoe_uuid_format(text, id);
}


/* The marker of the request, if it is there and valid. */

ngx_uint_t
ngx_http_openqoe_marker_find(ngx_http_request_t *r, uint8_t id[16])
{
    ngx_str_t  value;

    static const uint8_t  nil[16];           /* identifies no device */

    return ngx_http_openqoe_cookie(r, &value)
           && qoe_uuid_parse(id, ngx_http_openqoe_span(value)) == QOE_OK
           && ngx_memcmp(id, nil, sizeof(nil)) != 0;
}


/*
 * nginx's own function for headers of many values takes commas only since 1.29,
 * and the one for cookies is not in older versions.
 */

static ngx_uint_t
ngx_http_openqoe_cookie(ngx_http_request_t *r, ngx_str_t *value)
{
#if (nginx_version >= 1023000)

    ngx_table_elt_t  *h;

    for (h = r->headers_in.cookie; h; h = h->next) {
        if (ngx_http_openqoe_cookie_line(&h->value, value)) {
            return 1;
        }
    }

#else

    ngx_uint_t         i;
    ngx_table_elt_t  **h;

    h = r->headers_in.cookies.elts;

    for (i = 0; i < r->headers_in.cookies.nelts; i++) {
        if (ngx_http_openqoe_cookie_line(&h[i]->value, value)) {
            return 1;
        }
    }

#endif

    return 0;
}


/* Looks for the marker among the pairs of "name=value; name=value". */

static ngx_uint_t
ngx_http_openqoe_cookie_line(ngx_str_t *line, ngx_str_t *value)
{
    u_char  *p, *end, *last;

    static const char  name[] = "marker=";

    p = line->data;
    last = line->data + line->len;

    while (p < last) {

        if (*p == ' ' || *p == ';') {
            p++;
            continue;
        }

        end = ngx_strlchr(p, last, ';');
        if (end == NULL) {
            end = last;
        }

        if ((size_t) (end - p) >= sizeof(name) - 1
            && ngx_strncmp(p, name, sizeof(name) - 1) == 0)
        {
            value->data = p + sizeof(name) - 1;
            value->len = (size_t) (end - value->data);
            return 1;
        }

        p = end;
    }

    return 0;
}


/* Sent with each accepted request, so that its year begins anew. */

ngx_int_t
ngx_http_openqoe_marker_set(ngx_http_request_t *r,
    const char text[QOE_UUID_TEXT_LEN])
{
    u_char                       *p;
    size_t                        len;
    ngx_str_t                     cookie;
    ngx_http_openqoe_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_openqoe_module);

    len = sizeof("marker=; Path=; Domain=; Max-Age=31536000; HttpOnly; "
                 "Secure; SameSite=None") + QOE_UUID_TEXT_LEN
          + lcf->marker_path.len + lcf->marker_domain.len;

    cookie.data = ngx_pnalloc(r->pool, len);
    if (cookie.data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_sprintf(cookie.data, "marker=%*s; Path=%V",
                    (size_t) QOE_UUID_TEXT_LEN, text, &lcf->marker_path);

    if (lcf->marker_domain.len != 0) {
        p = ngx_sprintf(p, "; Domain=%V", &lcf->marker_domain);
    }

    p = ngx_sprintf(p, "; Max-Age=31536000; HttpOnly; Secure; "
                    "SameSite=None");

    cookie.len = (size_t) (p - cookie.data);

    return ngx_http_openqoe_header(r, "Set-Cookie", cookie);
}
