
/*
 * Copyright (C) OpenQoE
 *
 * The owner of a lane: what it finds of the last owner, and that it touches no
 * other lane.
 */


#include "tap.h"
#include "zone_unit.h"


/* An owner that died after it had moved a head, and before the floor. */

static void
test_floor_left(void)
{
    uint32_t     d[2];
    qoe_mark_t   floor;
    qoe_zone_t  *zone;

    zone = zone_new(1);
    configure(zone, "a", d);
    (void) qoe_lane_dests(zone, 0);
    put(zone, 0, 5);
    floor = qoe_zone_lane(zone, 0)->floor;
    take(zone, 0, d[0], 3, true);
    ok(qoe_lane_floor(zone, 0) == 48, "the floor follows the only head");
    qoe_zone_lane(zone, 0)->floor = floor;
    ok(qoe_lane_floor(zone, 0) == 0 && qoe_lane_dests(zone, 0) == 0
       && qoe_lane_floor(zone, 0) == 48,
       "the next owner moves a floor that was left");
}


/* What an exporter finds of the one that had its slot before it. */

static void
test_join(void)
{
    uint32_t     d[2], e[2];
    qoe_zone_t  *zone;

    zone = zone_new(1);
    configure(zone, "aB", d);
    (void) qoe_lane_dests(zone, 0);
    put(zone, 0, 5);
    take(zone, 0, d[0], 5, true);
    take(zone, 0, d[1], 3, true);
    ok(!qoe_lane_dest_unsynced(zone, 0, d[1]),
       "an exporter is three records on, and owes no sync");

    configure(zone, "aC", e);
    (void) qoe_lane_dests(zone, 0);
    ok(qoe_lane_dest_head(zone, 0, e[1]) == 48
       && !qoe_lane_dest_unsynced(zone, 0, e[1])
       && qoe_zone_lane_dest(zone, 0, e[1])->synced == 48
       && is(zone, e[1], "2 0 2 0 0"),
       "another one begins where the lane does, with nothing to sync");

    take(zone, 0, e[1], 1, false);
    ok(qoe_lane_dest_unsynced(zone, 0, e[1]), "until it stores a record");
    qoe_lane_dest_synced(zone, 0, e[1]);
    ok(!qoe_lane_dest_unsynced(zone, 0, e[1]), "and syncs it");
}


/* A text in the zone that has no end is cut. */

static void
test_error_text(void)
{
    uint64_t           seq;
    qoe_lane_health_t  kept, read;

    memset(&kept, 'x', sizeof(kept));
    seq = 2;
    qoe_health_read(&kept, &seq, &read);
    ok(strlen(read.last_error) == sizeof(read.last_error) - 1,
       "an error's text is never read beyond its place");
    seq = 3;
    qoe_health_read(&kept, &seq, &read);
    ok(strlen(read.last_error) == sizeof(read.last_error) - 1,
       "nor is that of a writer that died");
}


/* Records that no exporter takes are released by position. */

static void
test_free(void)
{
    uint32_t         d[2];
    qoe_zone_t      *zone;
    qoe_lane_info_t  info;

    zone = zone_new(1);
    configure(zone, "a", d);
    (void) qoe_lane_dests(zone, 0);
    put(zone, 0, 5);
    qoe_lane_free(zone, 0, 80);
    qoe_zone_lane_info(zone, 0, &info);
    ok(qoe_lane_floor(zone, 0) == 0 && info.used == 80
       && is(zone, d[0], "5 0 5 0 0"),
       "what an exporter is to get is not freed");

    configure(zone, "", d);
    (void) qoe_lane_dests(zone, 0);
    qoe_lane_free(zone, 0, 48);
    qoe_zone_lane_info(zone, 0, &info);
    ok(qoe_lane_floor(zone, 0) == 48 && info.used == 32 && info.consumed == 3,
       "without exporters, records up to a position are freed and count as "
       "consumed");
    qoe_lane_free(zone, 0, 48);
    ok(qoe_lane_floor(zone, 0) == 48, "the same position frees no more");

    /* a record whose frame is damaged hides what is after it */

    memset(qoe_zone_ring(zone, 0) + 48, 0xff, 8);
    qoe_lane_free(zone, 0, 64);
    qoe_zone_lane_info(zone, 0, &info);
    ok(qoe_lane_floor(zone, 0) == 80 && info.used == 0 && info.consumed == 5,
       "a ring that cannot be read is freed as a whole");
}


/*
 * Other lanes, the counters and what is after the lanes may hold any bytes; an
 * owner neither writes there, nor is misled by what it finds.
 */

static bool
keeps_to_lane(uint32_t lane, int counters, int others)
{
    bool         good;
    char        *z, *copy;
    size_t       size, from, to;
    uint32_t     d[4];
    qoe_zone_t  *zone;

    zone = zone_new(2);
    size = qoe_zone_size_min(2);
    z = (char *) zone;
    copy = malloc(size);

    if (copy == NULL) {
        abort();
    }

    configure(zone, "ab", d);
    (void) qoe_lane_dests(zone, lane);
    put(zone, lane, 5);

    from = (size_t) ((char *) qoe_zone_lane(zone, lane) - z);
    to = from + sizeof(qoe_lane_t);
    memset(z + zone->slots_offset, counters,
           zone->lanes_offset - zone->slots_offset);
    memset(qoe_zone_lane(zone, 1 - lane), others, sizeof(qoe_lane_t));
    memset(z + zone->shared_offset, others, zone->shared_size);
    memcpy(copy, z, size);

    configure(zone, "b", d);
    good = qoe_lane_dests(zone, lane) == 5 && qoe_lane_floor(zone, lane) == 0;
    take(zone, lane, d[0], 3, true);
    good = good && qoe_lane_floor(zone, lane) == 48;

    configure(zone, "", d);
    good = good && qoe_lane_dests(zone, lane) == 2
           && qoe_lane_floor(zone, lane) == 48;
    qoe_lane_free(zone, lane, 80);
    good = good && qoe_lane_floor(zone, lane) == 80;

    good = good && memcmp(z + zone->slots_offset, copy + zone->slots_offset,
                          from - zone->slots_offset) == 0
           && memcmp(z + to, copy + to, size - to) == 0;
    free(copy);

    return good;
}


static void
test_alone(void)
{
    uint32_t  lane;

    for (lane = 0; lane < 2; lane++) {
        ok(keeps_to_lane(lane, 4, 4) && keeps_to_lane(lane, 1, 0),
           "the owner of lane %u writes nothing outside of that lane, and no "
           "byte there counts for it", lane);
    }
}


int
main(void)
{
    self = qoe_proc_self();

    test_floor_left();
    test_join();
    test_error_text();
    test_free();
    test_alone();

    return tap_end();
}
