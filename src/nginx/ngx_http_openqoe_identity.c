
/*
 * Copyright (C) OpenQoE
 *
 * The service.instance.id of the resource.  It is the same after a restart, so
 * that a restart resets the existing series instead of beginning as many new
 * ones.  The UUID of the zone is different: it is new for each zone, because
 * two nginx may run on one host at a time, and each needs its own directory in
 * the spool.
 */


#include "ngx_http_openqoe.h"

#include <ngx_sha1.h>


/* The UUID namespace of such names, made once at random. */

static const u_char  ngx_http_openqoe_namespace[16] = {
    0x6f, 0x1d, 0x0a, 0x52, 0x3c, 0x8e, 0x4b, 0x7f,
    0x9a, 0x24, 0xd1, 0x5b, 0x77, 0x03, 0xe6, 0x98
};


/* A UUIDv5 (RFC 9562) of "HOST/ZONE". */

void
ngx_http_openqoe_identity(const ngx_str_t *host, const ngx_str_t *zone,
    char text[QOE_UUID_TEXT_LEN])
{
    u_char      hash[20];
    ngx_sha1_t  sha1;

    ngx_sha1_init(&sha1);
    ngx_sha1_update(&sha1, ngx_http_openqoe_namespace, 16);
    ngx_sha1_update(&sha1, host->data, host->len);
    ngx_sha1_update(&sha1, "/", 1);
    ngx_sha1_update(&sha1, zone->data, zone->len);
    ngx_sha1_final(hash, &sha1);

    hash[6] = (hash[6] & 0x0f) | 0x50;
    hash[8] = (hash[8] & 0x3f) | 0x80;

    qoe_uuid_format(text, hash);
}
