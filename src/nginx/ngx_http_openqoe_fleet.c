
/*
 * Copyright (C) OpenQoE
 *
 * openqoe_fleet_key: a key that all edges share, so that a viewer has the same
 * hash on all of them, and their sketches can be merged.
 *
 * The text of the file is never used as a key itself: SHA-256 makes of it the
 * key of the hashes and a number that names it, neither of which leads back to
 * the other or to the text.
 */


#include "ngx_http_openqoe_fleet.h"

#include <openssl/sha.h>


#define NGX_HTTP_OPENQOE_FLEET_FILE_MAX  4096
#define NGX_HTTP_OPENQOE_FLEET_MIN       16
#define NGX_HTTP_OPENQOE_FLEET_MAX       64

#define NGX_HTTP_OPENQOE_FLEET_TEXT                                           \
    "a line of 32 to 128 hexadecimal digits"


static ngx_int_t ngx_http_openqoe_fleet_read(ngx_conf_t *cf, const char *name,
    ngx_str_t *path, u_char *key, size_t *len);
static void ngx_http_openqoe_fleet_readable(ngx_conf_t *cf, const char *name,
    ngx_str_t *path);
static uint64_t ngx_http_openqoe_fleet_derive(const char *purpose,
    const u_char *key, size_t len, uint64_t *more);
static const char *ngx_http_openqoe_fleet_name(u_char *text, uint64_t id);


/* openqoe_fleet_key file */

char *
ngx_http_openqoe_fleet_key(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    size_t                         len;
    u_char                         key[NGX_HTTP_OPENQOE_FLEET_MAX];
    uint64_t                       unused;
    ngx_str_t                     *value;
    qoe_fleet_key_t               *fleet;
    ngx_http_openqoe_main_conf_t  *mcf = conf;

    fleet = &mcf->qoe.fleet;

    if (fleet->id != 0) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (value[1].len == 0) {
        return "must not be an empty path";
    }

    if (ngx_http_openqoe_fleet_read(cf, (char *) cmd->name.data, &value[1],
                                    key, &len)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    ngx_http_openqoe_fleet_readable(cf, (char *) cmd->name.data, &value[1]);

    fleet->key.k0 = ngx_http_openqoe_fleet_derive("openqoe fleet key", key,
                                                  len, &fleet->key.k1);
    fleet->id = ngx_http_openqoe_fleet_derive("openqoe fleet key id", key, len,
                                              &unused);
    fleet->id += (fleet->id == 0);

    ngx_explicit_memzero(key, sizeof(key));

    return NGX_CONF_OK;
}


/* No message has a part of the text in it, because the text is secret. */

static ngx_int_t
ngx_http_openqoe_fleet_read(ngx_conf_t *cf, const char *name, ngx_str_t *path,
    u_char *key, size_t *len)
{
    size_t      i;
    ngx_int_t   n;
    ngx_str_t   content, text;

    if (ngx_http_openqoe_read_file(cf, name, path,
                                   NGX_HTTP_OPENQOE_FLEET_FILE_MAX, &content)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    text = content;

    while (text.len && isspace(text.data[0])) {
        text.data++;
        text.len--;
    }

    while (text.len && isspace(text.data[text.len - 1])) {
        text.len--;
    }

    *len = text.len / 2;
    n = (text.len & 1) ? NGX_ERROR : NGX_OK;

    for (i = 0; i < *len && i < NGX_HTTP_OPENQOE_FLEET_MAX && n != NGX_ERROR;
         i++)
    {
        n = ngx_hextoi(text.data + 2 * i, 2);
        key[i] = (u_char) n;
    }

    ngx_explicit_memzero(content.data, content.len);

    if (n != NGX_ERROR && *len >= NGX_HTTP_OPENQOE_FLEET_MIN
        && *len <= NGX_HTTP_OPENQOE_FLEET_MAX)
    {
        return NGX_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "\"%V\" of \"%s\" must have "
                       NGX_HTTP_OPENQOE_FLEET_TEXT " and nothing else, "
                       "but it has %uz %s", path, name, text.len,
                       n == NGX_ERROR ? "bytes that are no such line"
                                      : "digits");
    return NGX_ERROR;
}


static void
ngx_http_openqoe_fleet_readable(ngx_conf_t *cf, const char *name,
    ngx_str_t *path)
{
    ngx_file_info_t  fi;

    if (ngx_file_info(path->data, &fi) == NGX_FILE_ERROR
        || (fi.st_mode & (S_IROTH|S_IWOTH)) == 0)
    {
        return;
    }

    ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                       "\"%V\" of \"%s\" can be %s by all users of this "
                       "machine, its mode should be 0600", path, name,
                       (fi.st_mode & S_IWOTH) ? "changed" : "read");
}


/* Two words, each of 8 bytes, of SHA-256 over the purpose and the key. */

static uint64_t
ngx_http_openqoe_fleet_derive(const char *purpose, const u_char *key,
    size_t len, uint64_t *more)
{
    size_t    i, n;
    u_char    text[64 + NGX_HTTP_OPENQOE_FLEET_MAX];
    u_char    digest[SHA256_DIGEST_LENGTH];
    uint64_t  word[2];

    n = ngx_strlen(purpose) + 1;

    ngx_memcpy(text, purpose, n);
    ngx_memcpy(text + n, key, len);
    SHA256(text, n + len, digest);
    ngx_explicit_memzero(text, sizeof(text));

    word[0] = 0;
    word[1] = 0;

    for (i = 0; i < 16; i++) {
        word[i / 8] = word[i / 8] << 8 | digest[i];
    }

    *more = word[1];

    return word[0];
}


/* Makes the key of a new configuration that of the zone. */

void
ngx_http_openqoe_fleet_init(ngx_cycle_t *cycle,
    ngx_http_openqoe_main_conf_t *mcf)
{
    u_char                    text[2][32];
    uint64_t                  id, old;
    ngx_http_openqoe_zone_t  *z;

    z = ngx_http_openqoe_get_zone(mcf);
    id = mcf->qoe.fleet.id;
    old = qoe_govern_fleet(z->state.govern, id);

    if (old == id || qoe_zone_generation(z->zone) == 0) {
        return;
    }

    ngx_log_error(NGX_LOG_NOTICE, cycle->log, 0,
                  "openqoe: the key of viewers changes from %s to %s: "
                  "viewer_hash is another from now on, and unique viewers are "
                  "counted anew",
                  ngx_http_openqoe_fleet_name(text[0], old),
                  ngx_http_openqoe_fleet_name(text[1], id));
}


/* The name of a key, in text of 32 bytes or a literal. */

static const char *
ngx_http_openqoe_fleet_name(u_char *text, uint64_t id)
{
    if (id == 0) {
        return "that of the zone";
    }

    *ngx_sprintf(text, "%016xL", id) = '\0';

    return (const char *) text;
}
