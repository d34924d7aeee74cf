
/*
 * Copyright (C) OpenQoE
 *
 * The lane of a session: the same for all its events, and as many sessions in
 * each lane.
 */


#include "tap.h"
#include "zone_unit.h"


#define SESSIONS  8000


static uint32_t
lane_of(const qoe_zone_t *zone, const char *org, const char *session)
{
    return qoe_zone_lane_of(zone, qoe_span_str(org), qoe_span_str(session));
}


static void
test_spread(uint32_t lanes)
{
    char         text[32];
    int          i, n[8] = { 0 }, same, least, most;
    uint32_t     lane;
    qoe_zone_t  *zone;

    zone = zone_new(lanes);

    for (i = 0, same = 0; i < SESSIONS; i++) {
        snprintf(text, sizeof(text), "session %d", i);
        lane = lane_of(zone, "org", text);

        if (lane >= lanes) {
            break;
        }

        n[lane]++;
        same += lane == lane_of(zone, "org", text);
    }

    for (lane = 1, least = most = n[0]; lane < lanes; lane++) {
        least = qoe_min(least, n[lane]);
        most = qoe_max(most, n[lane]);
    }

    /* 1000 a lane have a deviation of 31 */

    ok(i == SESSIONS && same == SESSIONS,
       "each session has one of %u lanes, and the same each time", lanes);
    ok(least * (int) lanes > SESSIONS * 3 / 4
       && most * (int) lanes < SESSIONS * 5 / 4,
       "each of %u lanes has as many sessions: %d to %d", lanes, least, most);
}


static void
test_ids(void)
{
    int          i, orgs, cuts, zones;
    char         a[32], b[32], c[32];
    qoe_zone_t  *zone, *other;

    zone = zone_new(8);
    other = zone_new(8);

    for (i = 0, orgs = 0, cuts = 0, zones = 0; i < SESSIONS; i++) {
        snprintf(a, sizeof(a), "%dx", i);
        snprintf(b, sizeof(b), "%d", i);
        snprintf(c, sizeof(c), "x%d", i);

        orgs += lane_of(zone, a, "session") != lane_of(zone, b, "session");
        cuts += lane_of(zone, a, b) != lane_of(zone, b, c);
        zones += lane_of(zone, a, b) != lane_of(other, a, b);
    }

    /* two lanes of eight differ seven times of eight if they are unrelated */

    ok(orgs > SESSIONS * 3 / 4,
       "the sessions of two organizations with the same id are unrelated");
    ok(cuts > SESSIONS * 3 / 4,
       "ids that are the same text together are unrelated");
    ok(zones > SESSIONS * 3 / 4, "no client can know the lane of its id");
}


int
main(void)
{
    test_spread(1);
    test_spread(3);
    test_spread(8);
    test_ids();

    return tap_end();
}
