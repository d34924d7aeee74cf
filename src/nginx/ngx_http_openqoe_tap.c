
/*
 * Copyright (C) OpenQoE
 *
 * Puts requests, and what was left out of CMCD, into the tap of a lane.
 */


#include "ngx_http_openqoe_cmcd.h"

#include "qoe_tap.h"
#include "qoe_tapped.h"


_Static_assert(sizeof(qoe_tapped_t) + QOE_REQUEST_MAX + QOE_LABELS_MAX
               <= QOE_TAP_RECORD_MAX, "every record fits into the tap");


void
ngx_http_openqoe_tap(ngx_http_openqoe_zone_t *z, uint32_t lane,
    const qoe_request_t *q, ngx_uint_t media, const uint32_t *ignored,
    qoe_span_t log)
{
    bool          wake;
    uint64_t      set[QOE_LANES_MAX / 64];
    ngx_uint_t    i;
    qoe_span_t    part[3];
    qoe_tapped_t  head;

    /* only one request at a time is put, from the event loop */

    static char  packed[QOE_REQUEST_MAX];

    ngx_memzero(&head, sizeof(qoe_tapped_t));

    head.request = (uint32_t) qoe_request_pack(packed, q);
    head.media = (media != 0);
    head.log = (uint32_t) log.len;

    for (i = 0; ignored != NULL && i < QOE_CMCD_IGNORED; i++) {
        head.ignored[i] = (uint16_t) ngx_min(ignored[i], UINT16_MAX);
    }

    part[0] = (qoe_span_t) { (char *) &head, sizeof(qoe_tapped_t) };
    part[1] = (qoe_span_t) { packed, head.request };
    part[2] = log;

    if (qoe_tap_put(z->zone, ngx_http_openqoe_self(), (uint32_t) ngx_worker,
                    lane, part, 3, &wake)
        != QOE_OK)
    {
        qoe_zone_count(z->zone, (uint32_t) ngx_worker,
                       QOE_COUNT_CMCD_DROPPED, 1);
        return;
    }

    if (wake) {
        ngx_memzero(set, sizeof(set));
        set[lane / 64] = (uint64_t) 1 << lane % 64;
        ngx_http_openqoe_zone_wake(z, set);
    }
}


uint32_t
ngx_http_openqoe_tap_lane(const qoe_zone_t *zone)
{
    return (uint32_t) ngx_worker % qoe_zone_lanes(zone);
}


uint64_t
ngx_http_openqoe_tap_ignored(qoe_zone_t *zone, const uint32_t *ignored)
{
    uint64_t    n;
    ngx_uint_t  i;

    static const qoe_counter_t  counters[] = {
#define NGX_HTTP_OPENQOE_REASON(id, name)  QOE_COUNT_CMCD_##id,
        QOE_CMCD_REASONS(NGX_HTTP_OPENQOE_REASON)
#undef NGX_HTTP_OPENQOE_REASON
    };

    n = 0;

    for (i = 0; i < QOE_CMCD_IGNORED; i++) {
        if (ignored[i] != 0) {
            qoe_zone_count(zone, (uint32_t) ngx_worker, counters[i],
                           ignored[i]);
            n += ignored[i];
        }
    }

    return n;
}
