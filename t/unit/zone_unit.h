
/*
 * Copyright (C) OpenQoE
 *
 * A zone with destinations, for the tests of destinations.
 */


#ifndef _ZONE_UNIT_H_INCLUDED_
#define _ZONE_UNIT_H_INCLUDED_


#include "qoe_zone_layout.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>


static qoe_proc_t  self;


static inline void *
shared(size_t size)
{
    void  *mem;

    mem = mmap(NULL, size, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS, -1,
               0);

    if (mem == MAP_FAILED) {
        abort();
    }

    return mem;
}


static inline qoe_zone_t *
zone_new(uint32_t lanes)
{
    size_t       size;
    qoe_zone_t  *zone;

    size = qoe_zone_size_min(lanes);

    if (qoe_zone_create(&zone, shared(size), size, lanes, true) != QOE_OK) {
        abort();
    }

    return zone;
}


/*
 * A configuration: names in one string, a letter each; an upper-case letter
 * has a spool.
 */

static inline void
configure(qoe_zone_t *zone, const char *names, uint32_t *slots)
{
    bool        spooled[QOE_DESTS_CONF];
    size_t      n;
    qoe_span_t  span[QOE_DESTS_CONF];

    for (n = 0; names[n] != '\0'; n++) {
        span[n] = (qoe_span_t) { &names[n], 1 };
        spooled[n] = names[n] < 'a';
    }

    qoe_dests_set(zone, span, NULL, spooled, n, slots);
}


/* Puts n records of 8 bytes, which take 16 bytes of the ring each. */

static inline void
put(qoe_zone_t *zone, uint32_t lane, int n)
{
    uint64_t   wake[QOE_LANES_MAX / 64];
    qoe_put_t  p;

    p = (qoe_put_t) { lane, qoe_span("12345678"), qoe_span_null, 0 };

    while (n-- != 0) {
        if (qoe_zone_put(zone, self, 0, &p, 1, QOE_ACK_MEMORY, NULL, wake)
            != QOE_OK)
        {
            abort();
        }
    }
}


/* Releases n of those records. */

static inline void
take(qoe_zone_t *zone, uint32_t lane, uint32_t dest, uint64_t n, bool durable)
{
    qoe_lane_dest_release(zone, lane, dest,
                          qoe_lane_dest_head(zone, lane, dest) + 16 * n,
                          qoe_events(n), durable);
}


/*
 * The counts "accepted exported queued spooled dropped" of dest, which must
 * add up.
 */

static inline bool
is(qoe_zone_t *zone, uint32_t dest, const char *expected)
{
    char             text[128];
    bool             good;
    qoe_dest_info_t  i;

    qoe_dest_info(zone, dest, &i);

    good = i.accepted + i.recovered == i.exported + i.rejected + i.dropped
                                       + i.queued + i.spooled;

    snprintf(text, sizeof(text), "%llu %llu %llu %llu %llu",
             (unsigned long long) i.accepted, (unsigned long long) i.exported,
             (unsigned long long) i.queued, (unsigned long long) i.spooled,
             (unsigned long long) i.dropped);

    if (strcmp(text, expected) != 0) {
        printf("# %s, expected %s\n", text, expected);
    }

    return good && strcmp(text, expected) == 0;
}


#endif /* _ZONE_UNIT_H_INCLUDED_ */
