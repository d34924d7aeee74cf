
/*
 * Copyright (C) OpenQoE
 *
 * API keys.  Only their SHA-256 digests are kept, and a key is compared with
 * all of them in constant time, so that timing reveals nothing about a key.
 */


#include "ngx_http_openqoe.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>


#define NGX_HTTP_OPENQOE_KEY_FILE_MAX  (1024 * 1024)


static ngx_uint_t ngx_http_openqoe_key_known(ngx_array_t *keys, u_char *data,
    size_t len);
static ngx_uint_t ngx_http_openqoe_header_key(ngx_table_elt_t *h,
    ngx_str_t *key);


/* openqoe_api_key key | off */

char *
ngx_http_openqoe_api_key(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t                    *value;
    ngx_http_openqoe_loc_conf_t  *lcf = conf;

    value = cf->args->elts;

    if (lcf->keys == NULL) {
        return "is used after \"off\"";
    }

    if (ngx_strcmp(value[1].data, "off") == 0) {

        if (lcf->keys != NGX_CONF_UNSET_PTR) {
            return "\"off\" cannot be combined with keys";
        }

        lcf->keys = NULL;
        return NGX_CONF_OK;
    }

    if (value[1].len == 0) {
        return "must not be an empty key";
    }

    if (lcf->keys == NGX_CONF_UNSET_PTR) {
        lcf->keys = NULL;
    }

    if (ngx_http_openqoe_add_key(cf, &lcf->keys, &value[1]) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "duplicate key in \"%V\"", &cmd->name);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/*
 * Reads a file with a key in each line; blank lines and those that begin with
 * # are skipped.
 */

char *
ngx_http_openqoe_api_key_file(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    u_char                       *p, *eol, *end;
    ngx_str_t                    *value, content, key;
    ngx_uint_t                    n;
    ngx_http_openqoe_loc_conf_t  *lcf = conf;

    value = cf->args->elts;

    if (lcf->keys == NULL) {
        return "is used after \"openqoe_api_key off\"";
    }

    if (value[1].len == 0) {
        return "must not be an empty path";
    }

    if (ngx_http_openqoe_read_file(cf, (char *) cmd->name.data, &value[1],
                                   NGX_HTTP_OPENQOE_KEY_FILE_MAX, &content)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (lcf->keys == NGX_CONF_UNSET_PTR) {
        lcf->keys = NULL;
    }

    n = 0;
    end = content.data + content.len;

    for (p = content.data; p < end; p = eol + 1) {

        eol = ngx_strlchr(p, end, '\n');
        eol = eol ? eol : end;

        key.data = p;
        key.len = (size_t) (eol - p);

        while (key.len && (key.data[0] == ' ' || key.data[0] == '\t')) {
            key.data++;
            key.len--;
        }

        while (key.len && (key.data[key.len - 1] == ' '
                           || key.data[key.len - 1] == '\t'
                           || key.data[key.len - 1] == '\r'))
        {
            key.len--;
        }

        if (key.len == 0 || key.data[0] == '#') {
            continue;
        }

        n++;

        if (ngx_http_openqoe_add_key(cf, &lcf->keys, &key) == NGX_ERROR
            && lcf->keys == NULL)
        {
            return NGX_CONF_ERROR;
        }
    }

    /* the text is secret, and not needed any more */

    ngx_explicit_memzero(content.data, content.len);

    if (n == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "no key in file \"%V\" of \"%V\"", &value[1],
                           &cmd->name);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* NGX_OK; NGX_DECLINED: the key is in the list already; NGX_ERROR. */

ngx_int_t
ngx_http_openqoe_add_key(ngx_conf_t *cf, ngx_array_t **keys, ngx_str_t *key)
{
    ngx_http_openqoe_key_t  *k;

    if (*keys == NULL) {
        *keys = ngx_array_create(cf->pool, 4, sizeof(ngx_http_openqoe_key_t));

        if (*keys == NULL) {
            return NGX_ERROR;
        }
    }

    if (ngx_http_openqoe_key_known(*keys, key->data, key->len)) {
        return NGX_DECLINED;
    }

    k = ngx_array_push(*keys);
    if (k == NULL) {
        return NGX_ERROR;
    }

    SHA256(key->data, key->len, k->digest);

    return NGX_OK;
}


/*
 * NGX_OK: the location needs no key, or a header has one of its keys, or an
 * argument of the query where the input allows that.
 */

ngx_int_t
ngx_http_openqoe_authorized(ngx_http_request_t *r)
{
    ngx_str_t                     key;
    ngx_table_elt_t              *h;
    ngx_http_openqoe_headers_t    it;
    ngx_http_openqoe_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_openqoe_module);

    if (lcf->keys == NULL) {
        return NGX_OK;
    }

    ngx_http_openqoe_headers_in(r, &it);

    while ((h = ngx_http_openqoe_next_header(&it)) != NULL) {

        if (ngx_http_openqoe_header_key(h, &key)
            && ngx_http_openqoe_key_known(lcf->keys, key.data, key.len))
        {
            return NGX_OK;
        }
    }

    /* players can send no headers with their reports */

    if (lcf->input != NULL && lcf->input->key != NULL
        && ngx_http_openqoe_arg(r, lcf->input->key, 0, &key) == NGX_OK
        && ngx_http_openqoe_key_known(lcf->keys, key.data, key.len))
    {
        return NGX_OK;
    }

    return NGX_DECLINED;
}


/* Finds the key that a header may hold in one of four forms. */

static ngx_uint_t
ngx_http_openqoe_header_key(ngx_table_elt_t *h, ngx_str_t *key)
{
    static const ngx_str_t  bearer = ngx_string("bearer ");

    *key = h->value;

    if (ngx_http_openqoe_header_is(h, "X-API-Key")
        || ngx_http_openqoe_header_is(h, "X-API-Token"))
    {
        return 1;
    }

    if (!ngx_http_openqoe_header_is(h, "Authorization")) {
        return 0;
    }

    if (key->len > bearer.len
        && ngx_strncasecmp(key->data, bearer.data, bearer.len) == 0)
    {
        key->data += bearer.len;
        key->len -= bearer.len;

        while (key->len && key->data[0] == ' ') {
            key->data++;
            key->len--;
        }
    }

    return 1;
}


static ngx_uint_t
ngx_http_openqoe_key_known(ngx_array_t *keys, u_char *data, size_t len)
{
    u_char                   digest[NGX_HTTP_OPENQOE_KEY_LEN];
    ngx_uint_t               i, found;
    ngx_http_openqoe_key_t  *key;

    SHA256(data, len, digest);

    key = keys->elts;
    found = 0;

    for (i = 0; i < keys->nelts; i++) {
        found |= CRYPTO_memcmp(key[i].digest, digest, sizeof(digest)) == 0;
    }

    return found;
}
