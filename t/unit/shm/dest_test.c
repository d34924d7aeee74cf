
/*
 * Copyright (C) OpenQoE
 *
 * Destinations: their slots and positions, what became of the events, and
 * consumers that are killed at any moment.
 */


#include "tap.h"
#include "zone_unit.h"

#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>


/* Leaves n slots to exporters of events: others hold the rest. */

static void
leave_slots(qoe_zone_t *zone, uint32_t n)
{
    for (/* void */; n < QOE_DESTS_MAX; n++) {
        qoe_publish(&qoe_zone_dest(zone, n)->flags, QOE_DEST_METRICS);
    }
}


static void
test_names(void)
{
    uint32_t             a[4], b[4], c[4], d[4];
    qoe_zone_t          *zone;
    qoe_spool_part_t    *part;

    zone = zone_new(2);
    leave_slots(zone, 8);

    configure(zone, "ab", a);
    ok(a[0] != UINT32_MAX && a[1] != UINT32_MAX && a[0] != a[1]
       && qoe_dest_wanted(zone, a[0]) && qoe_dest_wanted(zone, a[1]),
       "two destinations get two slots");
    qoe_lane_dests(zone, 0);
    qoe_lane_dests(zone, 1);

    configure(zone, "bXa", b);
    ok(b[0] == a[1] && b[2] == a[0] && b[1] != a[0] && b[1] != a[1],
       "destinations are found again by their names, in whatever order");

    qoe_dest_count(zone, b[1], QOE_DEST_REJECTED, 5);
    configure(zone, "cdef", c);
    ok(c[0] == b[1] && c[3] != UINT32_MAX && !qoe_dest_wanted(zone, a[0])
       && qoe_dest_counter(zone, b[1], QOE_DEST_REJECTED) == 0,
       "a slot that no lane uses goes to another destination, with its "
       "counters at zero");
    qoe_lane_dests(zone, 0);

    /* Destinations a and b are still in lane 1. */

    configure(zone, "ghij", d);
    ok(d[0] != UINT32_MAX && d[1] != UINT32_MAX && d[2] == UINT32_MAX
       && d[3] == UINT32_MAX,
       "no more destinations are admitted than there are slots");
    qoe_lane_dests(zone, 1);

    part = qoe_spool_part(zone, 1, a[0]);
    qoe_publish(&part->segments, 1);
    qoe_publish(&part->events, 7);
    configure(zone, "ghi", d);
    ok(d[2] == a[1],
       "once the lanes' owners have seen that a destination went, its slot is "
       "free");
    qoe_lane_dests(zone, 0);
    qoe_lane_dests(zone, 1);

    configure(zone, "klmn", c);
    ok(c[3] != UINT32_MAX && qoe_acquire(&part->segments) == 1,
       "a slot with segments is not taken while there is another");
    qoe_lane_dests(zone, 0);
    qoe_lane_dests(zone, 1);
    configure(zone, "opqr", d);
    ok(d[3] == a[0] && qoe_acquire(&part->segments) == 0
       && qoe_acquire(&part->events) == 0,
       "a slot with segments is taken last of all, with its sums at zero");
}


static void
test_name_length(void)
{
    bool         spooled[2] = { false, false };
    char         text[QOE_DEST_NAME + 1];
    uint32_t     a[2], b[2];
    qoe_zone_t  *zone;
    qoe_span_t   name[2];

    zone = zone_new(1);
    memset(text, 'n', sizeof(text));
    name[0] = (qoe_span_t) { text, QOE_DEST_NAME };
    name[1] = (qoe_span_t) { text, QOE_DEST_NAME + 1 };

    qoe_dests_set(zone, name, NULL, spooled, 2, a);
    qoe_dests_set(zone, name, NULL, spooled, 1, b);
    ok(a[0] == b[0] && a[1] == UINT32_MAX,
       "a name that is longer than its place gets no slot");
}


static void
test_floor(void)
{
    int              n;
    char             big[60000];
    uint32_t         d[4];
    uint64_t         wake[QOE_LANES_MAX / 64], ends[QOE_LANES_MAX], first;
    qoe_put_t        p;
    qoe_zone_t      *zone;
    qoe_lane_info_t  info;

    zone = zone_new(1);
    configure(zone, "abc", d);
    qoe_lane_dests(zone, 0);
    memset(big, 'x', sizeof(big));
    p = (qoe_put_t) { 0, { big, sizeof(big) }, qoe_span_null, 0 };
    first = 0;

    for (n = 0; qoe_zone_put(zone, self, 0, &p, 1, QOE_ACK_MEMORY, ends, wake)
                == QOE_OK; n++)
    {
        first = n ? first : ends[0];
    }

    ok(n == 4, "the lane is full with %d records", n);

    qoe_lane_dest_release(zone, 0, d[0], first, qoe_events(1), true);
    qoe_lane_dest_release(zone, 0, d[1], first, qoe_events(1), true);
    qoe_zone_lane_info(zone, 0, &info);
    ok(info.consumed == 0 && qoe_lane_floor(zone, 0) == 0
       && qoe_zone_put(zone, self, 0, &p, 1, QOE_ACK_MEMORY, NULL, wake)
          == QOE_FULL,
       "while one of three destinations still needs the first record the lane "
       "is full");

    qoe_lane_dest_release(zone, 0, d[2], first, qoe_events(1), true);
    qoe_zone_lane_info(zone, 0, &info);
    p.head.len -= 10000;         /* the pad before it needs room, too */
    ok(info.consumed == 1 && info.used == 3 * first
       && qoe_lane_floor(zone, 0) == first
       && qoe_zone_put(zone, self, 0, &p, 1, QOE_ACK_MEMORY, NULL, wake)
          == QOE_OK, "once all three have the first record there is room");

    /* What a kill between the head and the floor leaves. */

    qoe_mark_set(&qoe_zone_lane(zone, 0)->floor, 0, qoe_events(0));
    qoe_lane_dests(zone, 0);
    ok(qoe_lane_floor(zone, 0) == first,
       "a floor that is too low is computed anew");

    configure(zone, "", d);
    qoe_lane_dests(zone, 0);
    ok(qoe_lane_floor(zone, 0) == first,
       "without destinations in the lane its floor stays");
}


static void
test_identity(void)
{
    uint32_t              d[4], e[4];
    qoe_zone_t           *zone;
    qoe_spool_part_t    *part;

    zone = zone_new(2);
    configure(zone, "Ab", d);

    put(zone, 0, 10);
    ok(is(zone, d[0], "0 0 0 0 0"),
       "before a process has the lane nothing is queued");
    qoe_lane_dests(zone, 0);
    ok(is(zone, d[0], "10 0 10 0 0") && is(zone, d[1], "10 0 10 0 0"),
       "a destination that joins has all that is in the lane queued");

    qoe_lane_dests(zone, 1);
    put(zone, 1, 5);
    take(zone, 0, d[1], 4, true);
    ok(is(zone, d[0], "15 0 15 0 0") && is(zone, d[1], "15 4 11 0 0"),
       "what a destination exports does not count for the other");

    qoe_dest_count(zone, d[1], QOE_DEST_REJECTED, 1);
    qoe_dest_count(zone, d[1], QOE_DEST_DROPPED_REFUSED, 2);
    take(zone, 0, d[1], 3, true);
    ok(is(zone, d[1], "15 4 8 0 2"),
       "rejected and refused records are not exported");

    part = qoe_spool_part(zone, 0, d[0]);
    qoe_publish(&part->events, 6);
    qoe_lane_dest_stored(zone, 0, d[0], 6 * 16, qoe_events(6));
    ok(is(zone, d[0], "15 0 9 6 0"),
       "six records are in the spool and kept in the lane");
    qoe_publish(&part->events, 4);
    take(zone, 0, d[0], 2, true);
    ok(is(zone, d[0], "15 2 9 4 0"),
       "two of these were exported from the lane");
    ok(qoe_lane_dest_head(zone, 0, d[0]) == 2 * 16,
       "the destination's head is after them");

    /* The owner dies, and another process takes the lane. */

    ok(qoe_lane_dests(zone, 0) == 0
       && qoe_lane_dest_head(zone, 0, d[0]) == 6 * 16
       && is(zone, d[0], "15 2 9 4 0"),
       "the next owner does not read again what is in the spool");

    qoe_publish(&part->events, 0);
    qoe_dest_count(zone, d[0], QOE_DEST_DROPPED_SPOOL, 1);
    ok(is(zone, d[0], "15 5 9 0 1"),
       "replayed records count as exported, but for one that was dropped");
    qoe_dest_count(zone, d[0], QOE_DEST_RECOVERED, 7);
    qoe_publish(&part->events, 7);
    ok(is(zone, d[0], "15 5 9 7 1"),
       "records of another instance count as recovered");

    /* c comes, b goes: the floor of lane 0 is 6, that of lane 1 is 0. */

    configure(zone, "Ac", e);
    ok(qoe_lane_dest_in(zone, 0, d[1]) && !qoe_lane_dest_in(zone, 0, e[1]),
       "before the lane's owner sees the change the lane has the old "
       "destinations");
    ok(qoe_lane_dests(zone, 0) == 3 && is(zone, d[1], "15 4 5 0 5")
       && qoe_dest_counter(zone, d[1], QOE_DEST_DROPPED_REMOVED) == 3,
       "what was queued for a destination that went is given up and counted");
    ok(is(zone, e[1], "4 0 4 0 0") && qoe_lane_dest_in(zone, 0, e[1])
       && qoe_lane_dest_head(zone, 0, e[1]) == 6 * 16,
       "a new destination gets what is in the lane");
    put(zone, 0, 2);
    take(zone, 0, d[0], 6, true);
    ok(qoe_lane_floor(zone, 0) == 6 * 16, "a new destination holds the floor");
    take(zone, 0, e[1], 5, true);
    ok(qoe_lane_floor(zone, 0) == 11 * 16 && is(zone, e[1], "6 5 1 0 0")
       && is(zone, d[1], "15 4 5 0 5"),
       "a destination that went holds the floor no more");

    /* b comes back, in lane 0 alone; lane 1 never noticed that it was away. */

    configure(zone, "Acb", e);
    qoe_lane_dests(zone, 0);
    ok(e[2] == d[1] && qoe_lane_dest_head(zone, 0, d[1]) == 11 * 16
       && is(zone, d[1], "16 4 6 0 5"),
       "a destination that comes back begins at the floor");
    take(zone, 0, d[1], 1, true);
    take(zone, 1, d[1], 5, true);
    ok(is(zone, d[1], "16 10 0 0 5"),
       "in the sums of a destination that came back nothing is missing");
}


/*
 * A destination that comes back must not see again what it had, were the floor
 * below that.
 */

static void
test_back(void)
{
    uint32_t     d[4];
    qoe_zone_t  *zone;

    zone = zone_new(1);
    configure(zone, "ab", d);
    qoe_lane_dests(zone, 0);
    put(zone, 0, 10);
    take(zone, 0, d[0], 6, true);

    configure(zone, "b", d + 1);
    ok(qoe_lane_dests(zone, 0) == 4 && is(zone, d[0], "10 6 0 0 4"),
       "a destination is removed six records on, and four are given up");
    ok(qoe_lane_dests(zone, 0) == 0 && is(zone, d[0], "10 6 0 0 4"),
       "records are given up once");
    put(zone, 0, 1);
    configure(zone, "ab", d);
    qoe_lane_dests(zone, 0);
    ok(qoe_lane_dest_head(zone, 0, d[0]) == 6 * 16
       && is(zone, d[0], "15 6 5 0 4"),
       "a destination that comes back gets what was given up and is still "
       "there");
    ok(qoe_lane_dests(zone, 0) == 0 && is(zone, d[0], "15 6 5 0 4"),
       "another owner of the lane changes nothing");
}


/*
 * A consumer of three destinations, each at its own pace, d[2] by way of the
 * spool.  Every record holds its number: what a head says of the records
 * before it is checked against what is there.
 */

static bool
head_right(qoe_zone_t *zone, const qoe_mark_t *mark)
{
    uint64_t      pos, number;
    qoe_span_t    r;
    qoe_counts_t  records;

    qoe_mark_get(mark, &pos, &records);

    if (qoe_lane_read(zone, 0, UINT64_MAX, &pos, &r) != QOE_OK) {
        return true;                         /* all was consumed */
    }

    memcpy(&number, r.data, sizeof(number));

    return number == records.n[QOE_KIND_EVENT];
}


static void
consume(qoe_zone_t *zone, const uint32_t *d, uint32_t seed)
{
    bool         adopted;
    uint32_t     i, step;
    uint64_t     pos, n, number, tail;
    qoe_lane_t  *l;
    qoe_proc_t   me;
    qoe_span_t   r;

    me = qoe_proc_self();
    l = qoe_zone_lane(zone, 0);

    if (qoe_lane_take(zone, 0, me, &adopted) != QOE_OK) {
        _exit(2);
    }

    qoe_lane_dests(zone, 0);

    for (i = 0; i < 3; i++) {
        if (!head_right(zone, &l->dest[d[i]].head)) {
            _exit(3);
        }
    }

    if (!head_right(zone, &l->floor)) {
        _exit(4);
    }

    for (i = 0; /* void */; i = (i + 1) % 3) {
        seed = seed * 1103515245 + 12345;
        step = (seed >> 16) % 50;
        tail = qoe_lane_tail(zone, 0);
        pos = qoe_lane_dest_head(zone, 0, d[i]);

        for (n = 0; n < step; n++) {
            if (qoe_lane_read(zone, 0, tail, &pos, &r) != QOE_OK) {
                break;
            }

            memcpy(&number, r.data, sizeof(number));

            if (r.len < 10 || number % 1000 != (uint8_t) r.data[8]
                                               + 250u * (uint8_t) r.data[9])
            {
                _exit(5);
            }
        }

        if (n == 0) {
            sched_yield();
            continue;
        }

        if (i == 2) {
            qoe_lane_dest_stored(zone, 0, d[i], pos, qoe_events(n));
        }

        qoe_lane_dest_release(zone, 0, d[i], pos, qoe_events(n), i != 2);
    }
}


/* What is left when all of them are dead. */

static void
kill_end(qoe_zone_t *zone, const uint32_t *d, uint64_t number)
{
    bool             adopted;
    uint32_t         i;
    uint64_t         pos;
    qoe_lane_info_t  lane;
    qoe_dest_info_t  info;

    if (qoe_lane_take(zone, 0, self, &adopted) != QOE_OK) {
        abort();
    }

    qoe_lane_dests(zone, 0);

    for (i = 0; i < 3; i++) {
        number -= qoe_lane_dest_queued(zone, 0, d[i], &pos).n[0];
        qoe_dest_info(zone, d[i], &info);
        ok(info.exported == number,
           "the counts of destination %u are exact", i);
        number += info.queued;
        qoe_lane_dest_release(zone, 0, d[i], pos, qoe_events(info.queued),
                              true);
    }

    qoe_zone_lane_info(zone, 0, &lane);
    ok(lane.produced == number && lane.consumed == number && lane.used == 0,
       "the lane is empty at the end");
}


static void
test_kill(void)
{
    int               status, bad;
    char              buf[200];
    bool              good;
    pid_t             pid;
    uint32_t          kills, d[4];
    uint64_t          wake[QOE_LANES_MAX / 64], number, end, next, last, now;
    qoe_put_t         p;
    qoe_zone_t       *zone;
    qoe_dest_info_t   info;

    zone = zone_new(1);
    configure(zone, "abC", d);
    memset(buf, 0, sizeof(buf));
    number = 0;
    kills = 0;
    bad = 0;
    pid = -1;
    good = true;
    last = 0;
    end = qoe_mono_ms() + 3000;
    next = 0;

    /* a busy machine takes longer for as many */

    while ((now = qoe_mono_ms()) < end
           || (now < end + 57000 && (kills <= 100 || last <= 10000)))
    {
        if (now >= next) {

            if (pid != -1) {
                kill(pid, SIGKILL);
                waitpid(pid, &status, 0);
                bad += !WIFSIGNALED(status);
                kills++;
            }

            pid = fork();

            if (pid == 0) {
                consume(zone, d, kills);
            }

            next = qoe_mono_ms() + 5 + kills % 7;
        }

        memcpy(buf, &number, sizeof(number));
        buf[8] = (char) (number % 1000 % 250);
        buf[9] = (char) (number % 1000 / 250);
        p = (qoe_put_t) { 0, { buf, 10 + number % 180 }, qoe_span_null, 0 };

        if (qoe_zone_put(zone, self, 0, &p, 1, QOE_ACK_MEMORY, NULL, wake)
            == QOE_OK)
        {
            number++;

        } else {
            sched_yield();
        }

        if (number % 64 == 0) {
            qoe_dest_info(zone, d[0], &info);
            good = good && info.exported >= last && info.exported <= number
                   && info.accepted == info.exported + info.queued;
            last = info.exported;
        }
    }

    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    bad += !WIFSIGNALED(status);

    ok(bad == 0, "%u consumers were killed, and none saw a wrong count", kills);
    ok(kills > 100 && last > 10000,
       "they consumed %llu records", (unsigned long long) last);
    ok(good,
       "the counts added up at every moment, and the exported ones never fell");

    kill_end(zone, d, number);
}


/* Puts n records of a kind, of 16 bytes in the ring each. */

static void
put_kind(qoe_zone_t *zone, qoe_kind_t kind, int n)
{
    uint64_t   wake[QOE_LANES_MAX / 64];
    qoe_put_t  p;

    p = (qoe_put_t) { 0, qoe_span("12345678"), qoe_span_null, kind };

    while (n-- > 0) {
        if (qoe_zone_put(zone, self, 0, &p, 1, QOE_ACK_MEMORY, NULL, wake)
            != QOE_OK)
        {
            abort();
        }
    }
}


static void
test_kinds(void)
{
    bool              spooled[2] = { false, true };
    uint32_t          d[2];
    uint64_t          pos;
    qoe_kind_t        kind, kinds[2] = { QOE_KIND_EVENT, QOE_KIND_VIEW };
    qoe_span_t        r, names[2] = { qoe_span("a"), qoe_span("a.views") };
    qoe_zone_t       *zone;
    qoe_counts_t      queued;
    qoe_lane_info_t   info;

    zone = zone_new(1);
    qoe_dests_set(zone, names, kinds, spooled, 2, d);
    qoe_lane_dests(zone, 0);
    put_kind(zone, QOE_KIND_EVENT, 3);
    put_kind(zone, QOE_KIND_VIEW, 2);
    put_kind(zone, QOE_KIND_EVENT, 1);

    ok(is(zone, d[0], "4 0 4 0 0") && is(zone, d[1], "2 0 2 0 0"),
       "each exporter accepts the records of its kind");

    pos = 3 * 16;
    ok(qoe_lane_read(zone, 0, UINT64_MAX, &pos, &r) == QOE_OK && pos == 6 * 16,
       "who reads events passes over records of views");
    pos = 3 * 16;
    ok(qoe_lane_next(zone, 0, UINT64_MAX, &pos, &r, &kind) == QOE_OK
       && kind == QOE_KIND_VIEW && pos == 4 * 16,
       "who reads all learns the kind of each");

    qoe_lane_dest_release(zone, 0, d[0], 6 * 16, (qoe_counts_t) { { 4, 2 } },
                          true);
    qoe_zone_lane_info(zone, 0, &info);
    ok(is(zone, d[0], "4 4 0 0 0") && is(zone, d[1], "2 0 2 0 0")
       && qoe_lane_floor(zone, 0) == 0 && info.used == 6 * 16,
       "the space of events is kept for who has not passed over them");
    ok(info.produced == 4 && info.consumed == 4 && info.views_produced == 2
       && info.views_consumed == 0,
       "events are consumed when all who take events have released them");
    ok(qoe_lane_acked(zone, 0, 6 * 16, QOE_ACK_FSYNC)
       && !qoe_lane_acked(zone, 0, 7 * 16, QOE_ACK_FSYNC),
       "no request waits until records of views are in a spool");

    queued = qoe_lane_dest_queued(zone, 0, d[1], &pos);
    ok(queued.n[QOE_KIND_EVENT] == 4 && queued.n[QOE_KIND_VIEW] == 2
       && pos == 6 * 16, "what an exporter has before it counts by kind");
    qoe_lane_dest_release(zone, 0, d[1], 4 * 16, (qoe_counts_t) { { 3, 1 } },
                          true);
    ok(is(zone, d[1], "2 1 1 0 0") && qoe_lane_floor(zone, 0) == 4 * 16,
       "the floor follows the slower of the two");

    qoe_dests_set(zone, names, kinds, spooled, 1, d);
    ok(qoe_lane_dests(zone, 0) == 1 && is(zone, d[1], "2 1 0 0 1")
       && is(zone, d[0], "4 4 0 0 0") && qoe_lane_floor(zone, 0) == 6 * 16,
       "when records are turned off, those queued are given up, no event is");
    put_kind(zone, QOE_KIND_VIEW, 1);
    qoe_dests_set(zone, names, kinds, spooled, 2, d);
    qoe_lane_dests(zone, 0);
    ok(is(zone, d[1], "3 1 1 0 1"),
       "when they are turned on again, what still is there is accepted");
    qoe_dests_set(zone, names, kinds, spooled, 0, d);
    qoe_lane_dests(zone, 0);
    qoe_lane_free(zone, 0, 7 * 16);
    qoe_zone_lane_info(zone, 0, &info);
    ok(info.used == 0 && info.views_consumed == 3 && info.consumed == 4,
       "without exporters, what is passed is counted by kind");
}


/* Events never take the last part of a ring. */

static void
test_reserve(void)
{
    char              text[1000];
    uint32_t          d[4];
    uint64_t          wake[QOE_LANES_MAX / 64];
    qoe_put_t         p;
    qoe_zone_t       *zone;
    qoe_lane_info_t   info;

    zone = zone_new(1);
    configure(zone, "a", d);
    qoe_lane_dests(zone, 0);
    memset(text, 'x', sizeof(text));
    p = (qoe_put_t) { 0, { text, sizeof(text) }, qoe_span_null, 0 };

    while (qoe_zone_put(zone, self, 0, &p, 1, QOE_ACK_MEMORY, NULL, wake)
           == QOE_OK)
    {
        /* void */
    }

    qoe_zone_lane_info(zone, 0, &info);
    ok(info.size - info.used >= info.size / 32 && qoe_lane_room(zone, 0) < 1008,
       "a ring that is full of events has room left that events do not see");
    put_kind(zone, QOE_KIND_VIEW, 100);
    p.kind = QOE_KIND_VIEW;

    while (qoe_zone_put(zone, self, 0, &p, 1, QOE_ACK_MEMORY, NULL, wake)
           == QOE_OK)
    {
        /* void */
    }

    qoe_zone_lane_info(zone, 0, &info);
    ok(info.views_produced > 100 && info.size - info.used < 1008,
       "records of views fill it to the end");
    ok(qoe_lane_room(zone, 0) == 0, "then there is no room for events");
}


int
main(void)
{
    test_kinds();
    test_reserve();
    self = qoe_proc_self();

    test_names();
    test_name_length();
    test_floor();
    test_identity();
    test_back();
    test_kill();

    return tap_end();
}
