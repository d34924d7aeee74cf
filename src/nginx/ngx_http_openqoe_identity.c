
/*
 * Copyright (C) OpenQoE
 *
 * Who exports: the service.instance.id of the resource.  It stays over
 * restarts, so that a restart is a reset of the series that there are, and not
 * as many new ones beside them.  The UUID of the zone is another thing: it is
 * new with each zone, for two nginx of one host may live at a time, and each
 * needs a directory of its own in the spool.
 */


#include "ngx_http_openqoe.h"

#include <ngx_sha1.h>


/* Of names like ours: made once, at random. */

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
