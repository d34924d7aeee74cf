
/*
 * Copyright (C) OpenQoE
 *
 * Values of directives: numbers, sizes and times within a range, enumerations,
 * and files.  Every error names the directive and the token.
 */


#include "ngx_http_openqoe.h"


char *
ngx_http_openqoe_bad_value(ngx_conf_t *cf, const char *name, ngx_str_t *token,
    const char *expected)
{
    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid value \"%V\" in \"%s\", it must be %s", token,
                       name, expected);
    return NGX_CONF_ERROR;
}


ngx_int_t
ngx_http_openqoe_time(ngx_str_t *s, const ngx_http_openqoe_range_t *range,
    ngx_msec_t *out)
{
    ngx_int_t  ms;

    ms = ngx_parse_time(s, 0);

    if (ms < 0 || (uint64_t) ms < range->min || (uint64_t) ms > range->max) {
        return NGX_ERROR;
    }

    *out = (ngx_msec_t) ms;

    return NGX_OK;
}


ngx_int_t
ngx_http_openqoe_number(ngx_str_t *s, const ngx_http_openqoe_range_t *range,
    size_t *out)
{
    ngx_int_t  n;

    n = ngx_atoi(s->data, s->len);

    if (n < 0 || (uint64_t) n < range->min || (uint64_t) n > range->max) {
        return NGX_ERROR;
    }

    *out = (size_t) n;

    return NGX_OK;
}


char *
ngx_http_openqoe_set_number(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    size_t     *field;
    ngx_str_t  *value;

    const ngx_http_openqoe_range_t  *range = cmd->post;

    field = (size_t *) ((char *) conf + cmd->offset);
    value = cf->args->elts;

    if (*field != NGX_CONF_UNSET_SIZE) {
        return "is duplicate";
    }

    if (ngx_http_openqoe_number(&value[1], range, field) != NGX_OK) {
        return ngx_http_openqoe_bad_value(cf, (char *) cmd->name.data,
                                          &value[1], range->text);
    }

    return NGX_CONF_OK;
}


char *
ngx_http_openqoe_set_size(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    size_t     *field;
    ssize_t     size;
    ngx_str_t  *value;

    const ngx_http_openqoe_range_t  *range = cmd->post;

    field = (size_t *) ((char *) conf + cmd->offset);
    value = cf->args->elts;

    if (*field != NGX_CONF_UNSET_SIZE) {
        return "is duplicate";
    }

    /* nginx parses "1g" only as an offset, not as a size */

    size = (ssize_t) ngx_parse_offset(&value[1]);

    if (size < 0 || (uint64_t) size < range->min
        || (uint64_t) size > range->max)
    {
        return ngx_http_openqoe_bad_value(cf, (char *) cmd->name.data,
                                          &value[1], range->text);
    }

    *field = (size_t) size;

    return NGX_CONF_OK;
}


char *
ngx_http_openqoe_set_time(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t   *value;
    ngx_msec_t  *field;

    const ngx_http_openqoe_range_t  *range = cmd->post;

    field = (ngx_msec_t *) ((char *) conf + cmd->offset);
    value = cf->args->elts;

    if (*field != NGX_CONF_UNSET_MSEC) {
        return "is duplicate";
    }

    if (ngx_http_openqoe_time(&value[1], range, field) != NGX_OK) {
        return ngx_http_openqoe_bad_value(cf, (char *) cmd->name.data,
                                          &value[1], range->text);
    }

    return NGX_CONF_OK;
}


char *
ngx_http_openqoe_set_enum(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    u_char           *p, expected[128];
    ngx_str_t        *value;
    ngx_uint_t       *field, i;
    ngx_conf_enum_t  *e;

    e = cmd->post;
    field = (ngx_uint_t *) ((char *) conf + cmd->offset);
    value = cf->args->elts;

    if (*field != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    p = expected;

    for (i = 0; e[i].name.len != 0; i++) {

        if (value[1].len == e[i].name.len
            && ngx_strncmp(value[1].data, e[i].name.data, value[1].len) == 0)
        {
            *field = e[i].value;
            return NGX_CONF_OK;
        }

        p = ngx_slprintf(p, expected + sizeof(expected) - 1, "%s\"%V\"",
                         i ? " or " : "", &e[i].name);
    }

    *p = '\0';

    return ngx_http_openqoe_bad_value(cf, (char *) cmd->name.data, &value[1],
                                      (char *) expected);
}


/*
 * Reads a file into the configuration's memory now, because a worker could not
 * read it.  path becomes absolute.
 */

ngx_int_t
ngx_http_openqoe_read_file(ngx_conf_t *cf, const char *name, ngx_str_t *path,
    size_t max, ngx_str_t *out)
{
    off_t       size;
    ssize_t     n;
    ngx_file_t  file;

    if (ngx_conf_full_name(cf->cycle, path, 1) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_memzero(&file, sizeof(ngx_file_t));
    file.name = *path;
    file.log = cf->log;

    file.fd = ngx_open_file(path->data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);

    if (file.fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "cannot open \"%V\" of \"%s\"", path, name);
        return NGX_ERROR;
    }

    n = NGX_ERROR;

    if (ngx_fd_info(file.fd, &file.info) == NGX_FILE_ERROR
        || !ngx_is_file(&file.info))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" of \"%s\" is not a regular file", path,
                           name);
        goto done;
    }

    size = ngx_file_size(&file.info);

    if (size > (off_t) max) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" of \"%s\" is larger than %uz bytes", path,
                           name, max);
        goto done;
    }

    out->data = ngx_pnalloc(cf->pool, (size_t) size + 1);

    if (out->data == NULL) {
        goto done;
    }

    n = ngx_read_file(&file, out->data, (size_t) size, 0);

    if (n == NGX_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "cannot read \"%V\" of \"%s\"", path, name);
        goto done;
    }

    out->data[n] = '\0';
    out->len = (size_t) n;

done:

    ngx_close_file(file.fd);

    return n == NGX_ERROR ? NGX_ERROR : NGX_OK;
}
