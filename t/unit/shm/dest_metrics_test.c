
/*
 * Copyright (C) OpenQoE
 *
 * Slots of exporters that get only metrics: they hold their health, and take
 * part in no lane.
 */


#include "tap.h"
#include "zone_unit.h"


static qoe_zone_t  *zone;


static bool
healthy(uint32_t dest, uint64_t failures, uint64_t success_ms,
    const char *error)
{
    qoe_dest_info_t  info;

    qoe_dest_info(zone, dest, &info);

    return info.health.consecutive_failures == failures
           && info.health.last_success_ms == success_ms
           && strcmp(info.health.last_error, error) == 0;
}


int
main(void)
{
    uint32_t    a[2], b[2], logs[1];
    qoe_span_t  names[2] = { { "m", 1 }, { "n", 1 } };

    self = qoe_proc_self();
    zone = zone_new(2);

    qoe_dests_set_metrics(zone, names, 2, a);
    configure(zone, "l", logs);
    put(zone, 0, 3);
    (void) qoe_lane_dests(zone, 0);
    ok(a[0] != UINT32_MAX && a[1] != UINT32_MAX && a[0] != a[1]
       && logs[0] != a[0] && logs[0] != a[1],
       "exporters of metrics have slots of their own");
    ok(!qoe_lane_dest_in(zone, 0, a[0]) && qoe_lane_dest_in(zone, 0, logs[0])
       && is(zone, a[0], "0 0 0 0 0"), "they take part in no lane");

    qoe_dest_report(zone, a[0], 5, "refused", true);
    qoe_dest_report(zone, a[0], 6, "reset", true);
    ok(healthy(a[0], 2, 0, "reset") && healthy(a[1], 0, 0, ""),
       "failures of each are counted");
    qoe_dest_report(zone, a[0], 7, NULL, false);
    ok(healthy(a[0], 0, 7, "reset"), "a success ends them");

    qoe_dest_report(zone, logs[0], 8, "reset", true);
    ok(healthy(logs[0], 0, 0, ""),
       "the health of an exporter of events is not that of its metrics");

    qoe_dests_set_metrics(zone, names + 1, 1, b);
    configure(zone, "l", logs);
    ok(b[0] == a[1], "an exporter that stays keeps its slot");
    qoe_dest_report(zone, a[0], 9, "late", true);
    qoe_dest_report(zone, b[0], 9, "late", true);
    ok(healthy(b[0], 1, 0, "late"), "and its health");
    qoe_dests_set_metrics(zone, names, 1, b);
    ok(b[0] == a[0] && !healthy(a[0], 1, 0, "late"),
       "reports of an exporter that was removed are ignored");

    return tap_end();
}
