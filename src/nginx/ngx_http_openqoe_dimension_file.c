
/*
 * Copyright (C) OpenQoE
 *
 * file= of openqoe_dimension: a list of values that the helper threads read
 * again when it changes.  The first one is read by the master, so that a wrong
 * file stops the test of the configuration, and a new worker begins with it.
 */


#include "ngx_http_openqoe_fleet.h"


static void ngx_http_openqoe_roster_cleanup(void *data);


char *
ngx_http_openqoe_dimension_file(ngx_conf_t *cf, const char *directive,
    ngx_str_t *text, qoe_dimension_t *dim)
{
    char                 err[256];
    ngx_str_t            path, content;
    qoe_status_t         rc;
    ngx_file_info_t      fi;
    qoe_roster_slot_t   *slot;
    ngx_pool_cleanup_t  *cln;

    slot = ngx_pcalloc(cf->pool, sizeof(qoe_roster_slot_t));
    cln = ngx_pool_cleanup_add(cf->pool, 0);

    if (slot == NULL || cln == NULL) {
        return NGX_CONF_ERROR;
    }

    path = *text;

    /* before it is read: a change meanwhile is found by the helpers */

    if (ngx_conf_full_name(cf->cycle, &path, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (ngx_file_info(path.data, &fi) != NGX_FILE_ERROR) {
        slot->stamp.mtime_ns = (uint64_t) fi.st_mtim.tv_sec * 1000000000
                               + (uint64_t) fi.st_mtim.tv_nsec;
        slot->stamp.inode = fi.st_ino;
        slot->stamp.size = (uint64_t) fi.st_size;
    }

    if (ngx_http_openqoe_read_file(cf, directive, &path, QOE_ROSTER_BYTES,
                                   &content)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    slot->path = (char *) path.data;
    slot->text = ngx_http_openqoe_span(*text);
    slot->maxlen = dim->maxlen;

    rc = qoe_roster_make(&slot->roster, ngx_http_openqoe_span(content),
                         slot->maxlen, err, sizeof(err));

    if (rc != QOE_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" of \"%s\" is no list of values: %s", &path,
                           directive, rc == QOE_INVALID ? err : "no memory");
        return NGX_CONF_ERROR;
    }

    (void) ngx_pfree(cf->pool, content.data);

    cln->handler = ngx_http_openqoe_roster_cleanup;
    cln->data = slot;
    dim->roster = slot;

    return NGX_CONF_OK;
}


/* No helper of this configuration runs any more. */

static void
ngx_http_openqoe_roster_cleanup(void *data)
{
    qoe_roster_slot_t  *slot = data;

    qoe_roster_free(slot->old);
    qoe_roster_free(slot->roster);
}
