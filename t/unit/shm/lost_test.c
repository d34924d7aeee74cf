
/*
 * Copyright (C) OpenQoE
 *
 * Which counts of an exporter make the health say that events were lost.
 */


#include "tap.h"
#include "zone_unit.h"


int
main(void)
{
    uint32_t            d[1];
    qoe_zone_t         *zone;
    qoe_dest_counter_t  c;

    self = qoe_proc_self();
    zone = zone_new(1);
    configure(zone, "a", d);

    for (c = 0; c < QOE_DEST_COUNTERS_N; c++) {
        qoe_dest_count(zone, d[0], c,
                       c < QOE_DEST_DROPPED_REFUSED
                       || c > QOE_DEST_DROPPED_LOST);
    }

    ok(qoe_zone_refused_ms(zone) == 0,
       "what was not dropped, and drops of nothing, are no loss");

    for (c = QOE_DEST_DROPPED_REFUSED; c <= QOE_DEST_DROPPED_LOST; c++) {
        zone->refused_ms = 0;
        qoe_dest_count(zone, d[0], c, 1);

        if (qoe_zone_refused_ms(zone) == 0) {
            break;
        }
    }

    ok(c == QOE_DEST_DROPPED_LOST + 1,
       "events that were dropped, for whatever reason, are a loss");

    return tap_end();
}
