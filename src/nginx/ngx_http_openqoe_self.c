
/*
 * Copyright (C) OpenQoE
 *
 * What every part of the glue needs of the process that it runs in: its
 * identity, whether it has a helper, and UUIDs.
 */


#include "ngx_http_openqoe.h"


#define NGX_HTTP_OPENQOE_RANDOM  10          /* bytes of a UUIDv7 */


/* Used by the thread of the event loop alone. */

static struct {
    qoe_proc_t     self;
    ngx_uint_t     failed;                   /* there is no helper */

    size_t         unused;                   /* random bytes left */
    uint8_t        random[NGX_HTTP_OPENQOE_RANDOM * 256];
} ngx_http_openqoe_me;


void
ngx_http_openqoe_self_init(void)
{
    ngx_http_openqoe_me.self = qoe_proc_self();
}


qoe_proc_t
ngx_http_openqoe_self(void)
{
    return ngx_http_openqoe_me.self;
}


void
ngx_http_openqoe_helper_fail(ngx_uint_t failed)
{
    ngx_http_openqoe_me.failed = failed;
}


ngx_uint_t
ngx_http_openqoe_helper_failed(void)
{
    return ngx_http_openqoe_me.failed;
}


/* Makes a UUID of version 7; the kernel is asked for random bytes in blocks. */

void
ngx_http_openqoe_uuid(uint8_t id[16], uint64_t now_ms)
{
    uint8_t  *p;

    if (ngx_http_openqoe_me.unused == 0) {

        if (qoe_random(ngx_http_openqoe_me.random,
                       sizeof(ngx_http_openqoe_me.random))
            != QOE_OK)
        {
            /* these UUIDs must be unique, but need not be secret */

            for (p = ngx_http_openqoe_me.random;
                 p < ngx_http_openqoe_me.random
                     + sizeof(ngx_http_openqoe_me.random);
                 p++)
            {
                *p = (uint8_t) ngx_random();
            }
        }

        ngx_http_openqoe_me.unused =
            sizeof(ngx_http_openqoe_me.random);
    }

    ngx_http_openqoe_me.unused -= NGX_HTTP_OPENQOE_RANDOM;

    qoe_uuid_v7(id, now_ms, ngx_http_openqoe_me.random
                            + ngx_http_openqoe_me.unused);
}
