
/*
 * Copyright (C) OpenQoE
 *
 * The files of the live page, which ui/embed.sh makes a table of when the
 * module is built.
 */


#ifndef _NGX_HTTP_OPENQOE_PAGE_H_INCLUDED_
#define _NGX_HTTP_OPENQOE_PAGE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


typedef struct {
    ngx_str_t       name;                    /* empty after the last one */
    const char     *type;                    /* with its parameter */
    const char     *tag;                     /* changes with the content */
    const u_char   *plain;
    size_t          plain_len;
    const u_char   *packed;                  /* by gzip */
    size_t          packed_len;
} ngx_http_openqoe_asset_t;


/* The first one is the page itself. */
extern const ngx_http_openqoe_asset_t  ngx_http_openqoe_assets[];


#endif /* _NGX_HTTP_OPENQOE_PAGE_H_INCLUDED_ */
