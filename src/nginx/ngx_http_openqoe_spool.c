
/*
 * Copyright (C) OpenQoE
 *
 * openqoe_spool: its parameters, and its directory, which the master creates.
 */


#include "ngx_http_openqoe.h"

#include <fcntl.h>
#include <sys/stat.h>


#define NGX_HTTP_OPENQOE_MB          ((uint64_t) 1024 * 1024)
#define NGX_HTTP_OPENQOE_GB          (1024 * NGX_HTTP_OPENQOE_MB)

/* The fewest and the most segments of a full spool. */
#define NGX_HTTP_OPENQOE_SEGMENTS_MIN  4
#define NGX_HTTP_OPENQOE_SEGMENTS    96


/* NULL, or what the value must be. */

typedef const char *ngx_http_openqoe_spool_set_t(qoe_spool_conf_t *conf,
    ngx_str_t *value);


typedef struct {
    ngx_str_t                      name;     /* including the "=" */
    ngx_http_openqoe_spool_set_t  *set;
} ngx_http_openqoe_spool_param_t;


static ngx_http_openqoe_spool_set_t  ngx_http_openqoe_spool_max_size;
static ngx_http_openqoe_spool_set_t  ngx_http_openqoe_spool_segment_size;
static ngx_http_openqoe_spool_set_t  ngx_http_openqoe_spool_sync;
static ngx_http_openqoe_spool_set_t  ngx_http_openqoe_spool_full;
static ngx_http_openqoe_spool_set_t  ngx_http_openqoe_spool_rate;
static ngx_http_openqoe_spool_set_t  ngx_http_openqoe_spool_quarantine;
static ngx_int_t ngx_http_openqoe_spool_size(ngx_str_t *value, uint64_t min,
    uint64_t max, uint64_t *out);
static const char *ngx_http_openqoe_spool_param(qoe_spool_conf_t *conf,
    ngx_str_t *value, uint32_t *seen);
static char *ngx_http_openqoe_spool_sizes(ngx_conf_t *cf, ngx_command_t *cmd,
    qoe_spool_conf_t *conf, ngx_str_t *last);
static char *ngx_http_openqoe_spool_dir(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_http_openqoe_main_conf_t *mcf, ngx_str_t *value);
static void ngx_http_openqoe_spool_look(ngx_cycle_t *cycle, ngx_str_t *dir,
    int fd, ngx_uint_t made);


static const ngx_http_openqoe_spool_param_t  ngx_http_openqoe_spool_params[] =
{
    { ngx_string("max_size="), ngx_http_openqoe_spool_max_size },
    { ngx_string("segment_size="), ngx_http_openqoe_spool_segment_size },
    { ngx_string("sync="), ngx_http_openqoe_spool_sync },
    { ngx_string("full="), ngx_http_openqoe_spool_full },
    { ngx_string("replay_rate="), ngx_http_openqoe_spool_rate },
    { ngx_string("quarantine="), ngx_http_openqoe_spool_quarantine }
};

#define NGX_HTTP_OPENQOE_SPOOL_PARAMS                                         \
    (sizeof(ngx_http_openqoe_spool_params)                                    \
     / sizeof(ngx_http_openqoe_spool_params[0]))


static const ngx_http_openqoe_range_t  ngx_http_openqoe_sync_range = {
    10, 60000, "a time from 10ms to 60s"
};


/* openqoe_spool DIR [parameter=value] ... */

char *
ngx_http_openqoe_spool(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char                          *rv;
    uint32_t                       seen;
    ngx_str_t                     *value, *last;
    ngx_uint_t                     i;
    const char                    *expected;
    qoe_spool_conf_t              *c;
    ngx_http_openqoe_main_conf_t  *mcf = conf;

    if (mcf->spool.data != NULL) {
        return "is duplicate";
    }

    c = &mcf->spool_conf;

    c->max_size = NGX_HTTP_OPENQOE_GB;
    c->segment_size = 0;
    c->sync_ms = 1000;
    c->replay_rate = 8 * NGX_HTTP_OPENQOE_MB;
    c->quarantine_size = 64 * NGX_HTTP_OPENQOE_MB;

    value = cf->args->elts;
    last = NULL;
    seen = 0;

    for (i = 2; i < cf->args->nelts; i++) {

        expected = ngx_http_openqoe_spool_param(c, &value[i], &seen);

        if (expected != NULL) {
            return ngx_http_openqoe_bad_value(cf, (char *) cmd->name.data,
                                              &value[i], expected);
        }

        if (ngx_strstr(value[i].data, "_size=") != NULL) {
            last = &value[i];
        }
    }

    rv = ngx_http_openqoe_spool_sizes(cf, cmd, c, last);

    return rv != NGX_CONF_OK
           ? rv : ngx_http_openqoe_spool_dir(cf, cmd, mcf, &value[1]);
}


/* NULL, or what value must be.  seen has a bit for each parameter. */

static const char *
ngx_http_openqoe_spool_param(qoe_spool_conf_t *conf, ngx_str_t *value,
    uint32_t *seen)
{
    ngx_str_t                              s;
    ngx_uint_t                             i;
    const ngx_http_openqoe_spool_param_t  *p;

    for (i = 0; i < NGX_HTTP_OPENQOE_SPOOL_PARAMS; i++) {

        p = &ngx_http_openqoe_spool_params[i];

        if (ngx_strncmp(value->data, p->name.data, p->name.len) != 0) {
            continue;
        }

        if (*seen & (1U << i)) {
            return "given once";
        }

        *seen |= 1U << i;

        s.data = value->data + p->name.len;
        s.len = value->len - p->name.len;

        return p->set(conf, &s);
    }

    return "max_size=, segment_size=, sync=, full=, replay_rate= or "
           "quarantine=";
}


static ngx_int_t
ngx_http_openqoe_spool_size(ngx_str_t *value, uint64_t min, uint64_t max,
    uint64_t *out)
{
    off_t  size;

    size = ngx_parse_offset(value);

    if (size < 0 || (uint64_t) size < min || (uint64_t) size > max) {
        return NGX_ERROR;
    }

    *out = (uint64_t) size;

    return NGX_OK;
}


static const char *
ngx_http_openqoe_spool_max_size(qoe_spool_conf_t *conf, ngx_str_t *value)
{
    return ngx_http_openqoe_spool_size(value, 256 * 1024,
                                       96 * NGX_HTTP_OPENQOE_GB,
                                       &conf->max_size)
           == NGX_OK ? NULL : "a size from 256k to 96g";
}


static const char *
ngx_http_openqoe_spool_segment_size(qoe_spool_conf_t *conf, ngx_str_t *value)
{
    return ngx_http_openqoe_spool_size(value, 64 * 1024, NGX_HTTP_OPENQOE_GB,
                                       &conf->segment_size)
           == NGX_OK ? NULL : "a size from 64k to 1g";
}


static const char *
ngx_http_openqoe_spool_sync(qoe_spool_conf_t *conf, ngx_str_t *value)
{
    ngx_msec_t  ms;

    if (ngx_http_openqoe_time(value, &ngx_http_openqoe_sync_range, &ms)
        != NGX_OK)
    {
        return ngx_http_openqoe_sync_range.text;
    }

    conf->sync_ms = ms;

    return NULL;
}


static const char *
ngx_http_openqoe_spool_full(qoe_spool_conf_t *conf, ngx_str_t *value)
{
    conf->reject = (ngx_strcmp(value->data, "reject") == 0);

    return conf->reject || ngx_strcmp(value->data, "drop_oldest") == 0
           ? NULL : "full=drop_oldest or full=reject";
}


static const char *
ngx_http_openqoe_spool_rate(qoe_spool_conf_t *conf, ngx_str_t *value)
{
    return ngx_http_openqoe_spool_size(value, 0, 4 * NGX_HTTP_OPENQOE_GB,
                                       &conf->replay_rate)
           == NGX_OK
           && (conf->replay_rate == 0 || conf->replay_rate >= 64 * 1024)
           ? NULL : "a size from 64k to 4g, or 0";
}


static const char *
ngx_http_openqoe_spool_quarantine(qoe_spool_conf_t *conf, ngx_str_t *value)
{
    return ngx_http_openqoe_spool_size(value, 0, 96 * NGX_HTTP_OPENQOE_GB,
                                       &conf->quarantine_size)
           == NGX_OK ? NULL : "a size from 0 to 96g";
}


/* Checks both sizes together; last is the parameter that was read last. */

static char *
ngx_http_openqoe_spool_sizes(ngx_conf_t *cf, ngx_command_t *cmd,
    qoe_spool_conf_t *conf, ngx_str_t *last)
{
    uint64_t  least;

    least = (conf->max_size + NGX_HTTP_OPENQOE_SEGMENTS - 1)
            / NGX_HTTP_OPENQOE_SEGMENTS;

    if (conf->segment_size == 0) {
        conf->segment_size = qoe_min(qoe_max(conf->max_size / 32,
                                             NGX_HTTP_OPENQOE_MB),
                                     64 * NGX_HTTP_OPENQOE_MB);
        conf->segment_size = qoe_max(conf->segment_size, least);
    }

    if (last == NULL) {
        return NGX_CONF_OK;
    }

    if (conf->max_size < NGX_HTTP_OPENQOE_SEGMENTS_MIN * conf->segment_size) {
        return ngx_http_openqoe_bad_value(cf, (char *) cmd->name.data, last,
                   "such that max_size is at least 4 times segment_size "
                   "(1m by default)");
    }

    if (conf->segment_size < least) {
        return ngx_http_openqoe_bad_value(cf, (char *) cmd->name.data, last,
                   "such that max_size is at most 96 times segment_size");
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_openqoe_spool_dir(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_http_openqoe_main_conf_t *mcf, ngx_str_t *value)
{
    u_char       *p, c;
    ngx_str_t     dir;
    struct stat   st;

    if (value->len == 0) {
        return ngx_http_openqoe_bad_value(cf, (char *) cmd->name.data, value,
                                          "a directory");
    }

    dir = *value;

    if (ngx_conf_full_name(cf->cycle, &dir, 0) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    while (dir.len > 1 && dir.data[dir.len - 1] == '/') {
        dir.len--;
    }

    p = ngx_pnalloc(cf->pool, dir.len + 1);
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    *ngx_cpymem(p, dir.data, dir.len) = '\0';
    dir.data = p;

    if (lstat((char *) p, &st) == 0) {

        if (!S_ISDIR(st.st_mode)) {
            return ngx_http_openqoe_bad_value(cf, (char *) cmd->name.data,
                       value, "a directory, and not a link to one");
        }

    } else {

        if (ngx_errno != NGX_ENOENT) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                               "cannot stat \"%V\" of \"%V\"", value,
                               &cmd->name);
            return NGX_CONF_ERROR;
        }

        for (p = dir.data + dir.len; p > dir.data + 1 && *p != '/'; p--) {
            /* void */
        }

        c = *p;
        *p = '\0';

        if (stat((char *) dir.data, &st) != 0 || !S_ISDIR(st.st_mode)) {
            return ngx_http_openqoe_bad_value(cf, (char *) cmd->name.data,
                       value, "in an existing directory");
        }

        *p = c;
    }

    mcf->spool = dir;
    mcf->spool_conf.dir = ngx_http_openqoe_span(dir);

    return NGX_CONF_OK;
}


/*
 * A new configuration is in force: creates the directory.  No error here is
 * fatal, because the helpers try again, and /v2/health reports it.
 */

void
ngx_http_openqoe_spool_init(ngx_cycle_t *cycle,
    ngx_http_openqoe_main_conf_t *mcf)
{
    int         fd;
    ngx_str_t  *dir;
    ngx_uint_t  made;

    dir = &mcf->spool;

    if (dir->data == NULL || ngx_test_config) {
        return;
    }

    made = (mkdir((char *) dir->data, 0700) == 0);

    if (!made && ngx_errno != NGX_EEXIST) {
        ngx_log_error(NGX_LOG_ERR, cycle->log, ngx_errno,
                      "openqoe: cannot create the spool's directory \"%V\"",
                      dir);
        return;
    }

    fd = open((char *) dir->data, O_RDONLY|O_NOFOLLOW|O_DIRECTORY|O_CLOEXEC);

    if (fd == -1) {
        ngx_log_error(NGX_LOG_ERR, cycle->log, ngx_errno,
                      "openqoe: cannot open the spool's directory \"%V\"",
                      dir);
        return;
    }

    ngx_http_openqoe_spool_look(cycle, dir, fd, made);

    (void) close(fd);
}


static void
ngx_http_openqoe_spool_look(ngx_cycle_t *cycle, ngx_str_t *dir, int fd,
    ngx_uint_t made)
{
    ngx_uint_t        root;
    struct stat       st;
    ngx_core_conf_t  *ccf;

    ccf = (ngx_core_conf_t *) ngx_get_conf(cycle->conf_ctx, ngx_core_module);
    root = (geteuid() == 0);

    if (made) {

        if (root && fchown(fd, ccf->user, ccf->group) == -1) {
            ngx_log_error(NGX_LOG_ERR, cycle->log, ngx_errno,
                          "openqoe: fchown(\"%V\", %d) failed", dir,
                          (int) ccf->user);
        }

        return;
    }

    if (fstat(fd, &st) == -1) {
        ngx_log_error(NGX_LOG_ERR, cycle->log, ngx_errno,
                      "openqoe: fstat(\"%V\") failed", dir);
        return;
    }

    if (st.st_mode & (S_IRWXG|S_IRWXO)) {
        ngx_log_error(NGX_LOG_WARN, cycle->log, 0,
                      "openqoe: the spool's directory \"%V\" is accessible "
                      "to other users, and holds the events of all players",
                      dir);
    }

    if (root && st.st_uid != ccf->user) {
        ngx_http_openqoe_spool_owner(cycle, dir, fd, &st);
    }
}
