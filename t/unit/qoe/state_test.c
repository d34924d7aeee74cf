
/*
 * Copyright (C) OpenQoE
 *
 * The layout of a zone: which part of a region each table has, that no two of
 * them overlap, and which zones a process attaches to.
 */


#include "tap.h"
#include "qoe_state.h"
#include "qoe_sessions.h"
#include "qoe_store.h"
#include "qoe_timelines.h"

#include <sys/mman.h>


#define MB  ((size_t) 1024 * 1024)


typedef struct {
    const char   *name;
    size_t        size;
    uint32_t      lanes;
    bool          requests;
    unsigned      sessions;          /* per cent of a lane's region */
    unsigned      deliveries;
} zone_case_t;

static const zone_case_t  cases[] = {
    { "16 MB, a lane", 16 * MB, 1, true, 45, 6 },
    { "16 MB, a lane, no requests", 16 * MB, 1, false, 47, 1 },
    { "128 MB, a lane", 128 * MB, 1, true, 45, 6 },
    { "64 MB, four lanes, no requests", 64 * MB, 4, false, 47, 1 }
};


static qoe_zone_t *
zone_of(const zone_case_t *c)
{
    void        *mem;
    qoe_zone_t  *zone;

    mem = mmap(NULL, c->size, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS,
               -1, 0);

    if (mem == MAP_FAILED
        || qoe_zone_create(&zone, mem, c->size, c->lanes, c->requests)
           != QOE_OK)
    {
        abort();
    }

    return zone;
}


/* Is the table from `from` to `to` so many bytes, rounded down to 64? */

static bool
has(const void *from, const void *to, size_t bytes)
{
    return (const char *) to - (const char *) from
           == (ptrdiff_t) (bytes / 64 * 64);
}


/* Does the table lie at the end of the region, with less than 64 after it? */

static bool
is_last(const void *table, size_t table_size, const void *region, size_t size)
{
    size_t  end;

    end = (size_t) ((const char *) table - (const char *) region) + table_size;

    return end <= size && size - end < 64;
}


static bool
lane_is(const qoe_state_t *st, uint32_t lane, const zone_case_t *c)
{
    char    *region;
    size_t   size, seen;

    region = qoe_zone_state(st->zone, lane, &size);

    seen = size * 3 / 100;
    seen = seen < 16 * 1024 ? 16 * 1024 : seen > MB ? MB : seen;

    return (char *) st->sessions[lane] == region
           && has(region, st->timelines[lane], size * c->sessions / 100)
           && has(st->timelines[lane], st->seen[lane], size * 8 / 100)
           && has(st->seen[lane], st->deliveries[lane], seen)
           && has(st->deliveries[lane], st->store[lane],
                  size * c->deliveries / 100)
           && is_last(st->live_lane[lane], sizeof(qoe_live_lane_t), region,
                      size)
           && (char *) st->live_lane[lane] - (char *) st->store[lane]
              > (ptrdiff_t) (size / 3)
           && qoe_sessions_slots(st->sessions[lane]) != 0
           && qoe_timelines_slots(st->timelines[lane]) != 0
           && qoe_store_slots(st->store[lane]) != 0;
}


/* The same of the shared region. */

static bool
shared_is(const qoe_state_t *st)
{
    char    *region;
    size_t   size, self;

    region = qoe_zone_shared(st->zone, &size);
    self = size / 8 > 256 * 1024 ? size / 8 : 256 * 1024;

    return (char *) st->shared == region
           && has(st->self, st->govern, self)
           && (char *) st->self >= region + sizeof(qoe_state_shared_t)
           && (char *) st->self < region + sizeof(qoe_state_shared_t) + 64
           && is_last(st->live, sizeof(qoe_live_t), region, size)
           && qoe_self_slots(st->self) != 0;
}


static void
test_layout(void)
{
    bool                 lanes;
    size_t               i;
    uint32_t             lane;
    qoe_zone_t          *zone;
    qoe_state_t          st;
    const zone_case_t   *c;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        c = &cases[i];
        zone = zone_of(c);
        qoe_state_create(zone);

        ok(qoe_state_attach(&st, zone) == QOE_OK && st.zone == zone
           && st.lanes == c->lanes && st.shared->version == QOE_STATE_VERSION,
           "%s: a process attaches to it", c->name);

        ok(shared_is(&st),
           "%s: the module's own metrics have an eighth of the shared region, "
           "and at least 256 KB", c->name);

        lanes = st.sessions[c->lanes] == NULL && st.store[c->lanes] == NULL;

        for (lane = 0; lane < c->lanes; lane++) {
            lanes = lanes && lane_is(&st, lane, c);
        }

        ok(lanes, "%s: sessions have %u %% of a lane, timelines 8 %%, the "
           "events seen 3 %% from 16 KB to 1 MB, sessions of requests %u %%, "
           "and series the rest", c->name, c->sessions, c->deliveries);

        munmap(zone, c->size);
    }
}


/* Zones whose parts are no whole numbers of bytes. */

static void
test_sizes(void)
{
    size_t        i, wrong;
    uint32_t      lane;
    qoe_zone_t   *zone;
    qoe_state_t   st;
    zone_case_t   c;

    wrong = 0;

    for (i = 0; i < 40; i++) {
        c = cases[i % 2];
        c.lanes = 3;
        c.size += i * 4096 + 64;
        zone = zone_of(&c);
        qoe_state_create(zone);
        wrong += qoe_state_attach(&st, zone) != QOE_OK || !shared_is(&st);

        for (lane = 0; lane < 3; lane++) {
            wrong += !lane_is(&st, lane, &c);
        }

        munmap(zone, c.size);
    }

    ok(wrong == 0, "in a zone of any size each table begins at a multiple of "
       "64 bytes");
}


static void
test_attach(void)
{
    uint64_t      magic;
    qoe_zone_t   *zone;
    qoe_state_t   st;

    zone = zone_of(&cases[0]);
    ok(qoe_state_attach(&st, zone) == QOE_INVALID,
       "no process attaches to a zone whose layout is not made yet");

    qoe_state_create(zone);
    (void) qoe_state_attach(&st, zone);
    magic = st.shared->magic;

    st.shared->version = QOE_STATE_VERSION - 1;
    ok(qoe_state_attach(&st, zone) == QOE_INVALID,
       "no process attaches to a zone of another version");

    st.shared->version = QOE_STATE_VERSION;
    st.shared->magic = magic ^ 1;
    ok(qoe_state_attach(&st, zone) == QOE_INVALID,
       "no process attaches to a zone of which only the version is right");

    munmap(zone, cases[0].size);
}


int
main(void)
{
    test_layout();
    test_sizes();
    test_attach();

    return tap_end();
}
