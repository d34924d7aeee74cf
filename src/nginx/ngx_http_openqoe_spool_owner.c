
/*
 * Copyright (C) OpenQoE
 *
 * If the workers run as another user than before, the master gives them the
 * spool, as nginx itself does with its directories of temporary files.  It
 * follows no link, and gives away nothing that did not belong to the
 * directory's owner: so a user who could write there can give away only files
 * of its own.
 */


#include "ngx_http_openqoe.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>


/* DIR/INSTANCE/NAME/LANE/FILE, DIR/quarantine/NAME/FILE */
#define NGX_HTTP_OPENQOE_SPOOL_DEPTH  4


typedef struct {
    uid_t                          from;
    uid_t                          user;
    gid_t                          group;
    ngx_uint_t                     given;
    ngx_err_t                      err;      /* the first error */
} ngx_http_openqoe_owner_t;


static ngx_uint_t ngx_http_openqoe_owner_spool(int fd);
static void ngx_http_openqoe_owner_below(ngx_http_openqoe_owner_t *o, int fd,
    ngx_uint_t depth);
static void ngx_http_openqoe_owner_entry(ngx_http_openqoe_owner_t *o, int at,
    const char *name, ngx_uint_t depth);
static DIR *ngx_http_openqoe_owner_list(int fd);


/*
 * A directory is given away before its files, so that the old workers create
 * no more files there afterwards.  DIR itself comes last, so that the next
 * master starts again if this one dies meanwhile.
 */

void
ngx_http_openqoe_spool_owner(ngx_cycle_t *cycle, ngx_str_t *dir, int fd,
    const struct stat *st)
{
    ngx_core_conf_t           *ccf;
    ngx_http_openqoe_owner_t   o;

    ccf = (ngx_core_conf_t *) ngx_get_conf(cycle->conf_ctx, ngx_core_module);

    if ((st->st_uid == 0 && (st->st_mode & (S_IWGRP|S_IWOTH)))
        || !ngx_http_openqoe_owner_spool(fd))
    {
        ngx_log_error(NGX_LOG_ERR, cycle->log, 0,
                      "openqoe: the spool's directory \"%V\" belongs to "
                      "another user than the workers' (%d), and stays so: "
                      "other users may write there, or it holds more than a "
                      "spool", dir, (int) st->st_uid);
        return;
    }

    ngx_memzero(&o, sizeof(ngx_http_openqoe_owner_t));
    o.from = st->st_uid;
    o.user = ccf->user;
    o.group = ccf->group;

    ngx_http_openqoe_owner_below(&o, fd, NGX_HTTP_OPENQOE_SPOOL_DEPTH);

    if (o.err == 0 && fchown(fd, o.user, o.group) == -1) {
        o.err = ngx_errno;
    }

    if (o.err != 0) {
        ngx_log_error(NGX_LOG_ERR, cycle->log, o.err,
                      "openqoe: cannot give the spool \"%V\" to the workers' "
                      "user (%d)", dir, (int) o.user);
        return;
    }

    ngx_log_error(NGX_LOG_NOTICE, cycle->log, 0,
                  "openqoe: the spool \"%V\" of user %d, %ui files, now "
                  "belongs to the workers' user (%d)", dir, (int) o.from,
                  o.given, (int) o.user);
}


/* Whether there is nothing but directories of instances and the quarantine. */

static ngx_uint_t
ngx_http_openqoe_owner_spool(int fd)
{
    DIR            *d;
    uint8_t         id[16];
    ngx_uint_t      ours;
    const char     *name;
    struct dirent  *e;

    d = ngx_http_openqoe_owner_list(fd);
    if (d == NULL) {
        return 0;
    }

    ours = 1;

    while (ours && (e = readdir(d)) != NULL) {
        name = e->d_name;
        ours = ngx_strcmp(name, ".") == 0 || ngx_strcmp(name, "..") == 0
               || ngx_strcmp(name, "quarantine") == 0
               || qoe_uuid_parse(id, qoe_span_str(name)) == QOE_OK;
    }

    closedir(d);

    return ours;
}


static void
ngx_http_openqoe_owner_below(ngx_http_openqoe_owner_t *o, int fd,
    ngx_uint_t depth)
{
    DIR            *d;
    struct dirent  *e;

    d = ngx_http_openqoe_owner_list(fd);

    if (d == NULL) {
        o->err = o->err ? o->err : ngx_errno;
        return;
    }

    while ((e = readdir(d)) != NULL) {
        if (ngx_strcmp(e->d_name, ".") != 0
            && ngx_strcmp(e->d_name, "..") != 0)
        {
            ngx_http_openqoe_owner_entry(o, fd, e->d_name, depth);
        }
    }

    closedir(d);
}


/* Opens the entry with O_PATH, which neither opens nor follows anything. */

static void
ngx_http_openqoe_owner_entry(ngx_http_openqoe_owner_t *o, int at,
    const char *name, ngx_uint_t depth)
{
    int          fd;
    struct stat  st;

    fd = openat(at, name, O_PATH|O_NOFOLLOW|O_CLOEXEC);
    if (fd == -1) {

        /* the old workers still delete segments that were delivered */

        o->err = (o->err || ngx_errno == NGX_ENOENT) ? o->err : ngx_errno;
        return;
    }

    if (fstat(fd, &st) == -1
        || (st.st_uid != o->from && st.st_uid != o->user)
        || (!S_ISDIR(st.st_mode)
            && (!S_ISREG(st.st_mode) || st.st_nlink > 1)))
    {
        (void) close(fd);
        return;
    }

    if (st.st_uid != o->user) {

        if (fchownat(fd, "", o->user, o->group, AT_EMPTY_PATH) == -1) {
            o->err = o->err ? o->err : ngx_errno;

        } else {
            o->given += S_ISREG(st.st_mode);
        }
    }

    if (S_ISDIR(st.st_mode) && depth > 1) {
        ngx_http_openqoe_owner_below(o, fd, depth - 1);
    }

    (void) close(fd);
}


static DIR *
ngx_http_openqoe_owner_list(int fd)
{
    int   own;
    DIR  *d;

    own = openat(fd, ".", O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC);
    if (own == -1) {
        return NULL;
    }

    d = fdopendir(own);
    if (d == NULL) {
        (void) close(own);
    }

    return d;
}
