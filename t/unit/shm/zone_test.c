
/*
 * Copyright (C) OpenQoE
 *
 * The zone: layout, all-or-none, wrap, leases, and producers that are killed
 * at any moment.
 */


#include "tap.h"
#include "qoe_tap.h"
#include "qoe_zone_layout.h"

#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>


#define MB                 (1024 * 1024)
#define KILLS              200


static qoe_zone_t *
zone_new(size_t size, uint32_t lanes)
{
    void        *mem;
    qoe_zone_t  *zone;

    mem = mmap(NULL, size, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS, -1,
               0);

    if (mem == MAP_FAILED
        || qoe_zone_create(&zone, mem, size, lanes, true) != QOE_OK)
    {
        abort();
    }

    return zone;
}


static qoe_status_t
put_in(qoe_zone_t *zone, qoe_proc_t self, uint32_t slot,
    const qoe_put_t *puts, size_t n, uint64_t *wake)
{
    return qoe_zone_put(zone, self, slot, puts, n, QOE_ACK_MEMORY, NULL,
                        wake);
}


/* A zone with one destination, in lane 0. */

static void
dest_in(qoe_zone_t *zone)
{
    bool        spooled;
    uint32_t    slot;
    qoe_span_t  name;

    name = qoe_span("default");
    spooled = false;

    qoe_dests_set(zone, &name, NULL, &spooled, 1, &slot);
    (void) qoe_lane_dests(zone, 0);

    if (slot != 0) {
        abort();
    }
}


/* Without requests, their taps are small, and the rest of a lane is larger. */

static void
test_share(void)
{
    void        *mem;
    size_t       with, without;
    uint64_t     tap;
    qoe_zone_t  *zone;

    mem = mmap(NULL, 64 * MB, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS,
               -1, 0);

    (void) qoe_zone_create(&zone, mem, 64 * MB, 2, true);
    (void) qoe_zone_state(zone, 0, &with);
    tap = qoe_tap_size(zone);

    ok(qoe_zone_requests(zone), "a zone for requests says so");

    (void) qoe_zone_create(&zone, mem, 64 * MB, 2, false);
    (void) qoe_zone_state(zone, 0, &without);

    ok(!qoe_zone_requests(zone) && qoe_tap_size(zone) == QOE_TAP_MIN
       && tap > 8 * QOE_TAP_MIN && without > with,
       "another has small taps, and more room for the state");

    (void) munmap(mem, 64 * MB);
}


static void
test_create(void)
{
    void             *mem;
    size_t            min;
    uint8_t           id[16];
    uint64_t          start, wake[QOE_LANES_MAX / 64];
    qoe_put_t         put;
    qoe_zone_t       *zone, *again;
    qoe_lane_info_t   info;

    start = qoe_mono_ms();
    min = qoe_zone_size_min(4);
    mem = mmap(NULL, 4 * MB, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS,
               -1, 0);

    ok(qoe_zone_create(&zone, mem, min - 1, 4, true) == QOE_TOO_LARGE,
       "a size below the minimum is refused");
    ok(qoe_zone_create(&zone, mem, min, 0, true) == QOE_INVALID,
       "a zone without lanes is refused");
    ok(qoe_zone_create(&zone, mem, min, QOE_LANES_MAX + 1, true)
       == QOE_INVALID,
       "a zone with too many lanes is refused");
    ok(qoe_zone_attach(&again, mem, min) == QOE_INVALID,
       "memory without a zone cannot be attached to");
    ok(qoe_zone_create(&zone, mem, min, 4, true) == QOE_OK,
       "a zone of the minimum size is made");
    ok(qoe_zone_attach(&again, mem, min) == QOE_OK && again == zone,
       "a process attaches to an existing zone");
    ok(qoe_zone_attach(&again, mem, min + 1) == QOE_INVALID,
       "attaching with another size is refused");
    ok(qoe_zone_lanes(zone) == 4, "the zone has the lanes that were asked for");

    qoe_zone_lane_info(zone, 3, &info);
    ok(info.owner == 0 && info.lease_ms >= start
       && info.lease_ms <= qoe_mono_ms(),
       "a new lane has been without an owner since the zone was made");

    qoe_zone_instance_id(zone, id);
    ok(id[6] >> 4 == 7 && id[8] >> 6 == 2, "the instance id is a UUIDv7");

    qoe_zone_count(zone, 0, QOE_COUNT_EVENTS_LATE, 5);
    qoe_zone_count(zone, 17, QOE_COUNT_EVENTS_LATE, 7);
    ok(qoe_zone_counter(zone, QOE_COUNT_EVENTS_LATE) == 12,
       "counters sum over the slots");

    put = (qoe_put_t) { 4, qoe_span("x"), qoe_span_null, 0 };
    ok(put_in(zone, 1, 0, &put, 1, wake) == QOE_TOO_LARGE,
       "a put into a lane that does not exist is refused");

    put.lane = 0;
    put.head.len = QOE_RING_RECORD_MAX + 1;
    ok(put_in(zone, 1, 0, &put, 1, wake) == QOE_TOO_LARGE,
       "a record that can never fit is refused");

    put.head.len = 1;
    put.body.len = QOE_RING_RECORD_MAX;
    ok(put_in(zone, 1, 0, &put, 1, wake) == QOE_TOO_LARGE,
       "a record that can never fit with its second part is refused");

    munmap(mem, 4 * MB);
}


/* Fills record i of len bytes so that a reader can check every byte. */

static void
pattern(char *p, size_t len, uint32_t i)
{
    size_t  n;

    memcpy(p, &i, sizeof(i));

    for (n = sizeof(i); n < len; n++) {
        p[n] = (char) (i * 31 + n);
    }
}


static bool
pattern_ok(qoe_span_t r, uint32_t *i)
{
    size_t  n;

    if (r.len < sizeof(*i)) {
        return false;
    }

    memcpy(i, r.data, sizeof(*i));

    for (n = sizeof(*i); n < r.len; n++) {
        if (r.data[n] != (char) (*i * 31 + n)) {
            return false;
        }
    }

    return true;
}


static void
test_ring(void)
{
    char         buf[3000];
    bool         good;
    size_t       len, part;
    uint32_t     in, out, seen, fulls;
    uint64_t     pos, wake[QOE_LANES_MAX / 64];
    qoe_put_t    put;
    qoe_zone_t  *zone;
    qoe_span_t   r;

    zone = zone_new(qoe_zone_size_min(1), 1);
    dest_in(zone);
    good = true;
    out = 0;
    fulls = 0;
    pos = qoe_lane_dest_head(zone, 0, 0);
    memset(&put, 0, sizeof(put));

    /*
     * The records go around the ring many times, with the lane nearly always
     * full.
     */

    for (in = 0; in < 20000; /* void */) {
        len = 4 + (in * 7919) % (sizeof(buf) - 4);
        pattern(buf, len, in);
        part = in % 5 * len / 4;
        part = qoe_min(part, len);
        put.head = (qoe_span_t) { buf, part };
        put.body = (qoe_span_t) { buf + part, len - part };

        if (put_in(zone, 1, 0, &put, 1, wake) == QOE_OK) {
            in++;
            continue;
        }

        fulls++;

        if (qoe_lane_read(zone, 0, UINT64_MAX, &pos, &r) != QOE_OK
            || !pattern_ok(r, &seen) || seen != out++)
        {
            good = false;
            break;
        }

        qoe_lane_dest_release(zone, 0, 0, pos, qoe_events(1), true);
    }

    while (qoe_lane_read(zone, 0, UINT64_MAX, &pos, &r) == QOE_OK) {
        good = good && pattern_ok(r, &seen) && seen == out++;
        qoe_lane_dest_release(zone, 0, 0, pos, qoe_events(1), true);
    }

    ok(good && out == in, "%u records came out whole and in order", in);
    ok(fulls > 1000, "a full lane refused %u times", fulls);
    ok(qoe_lane_floor(zone, 0) == qoe_lane_tail(zone, 0),
       "the lane is empty at the end");
}


static void
test_all_or_none(void)
{
    int               i;
    char              big[100000];
    uint64_t          wake[QOE_LANES_MAX / 64], ends[QOE_LANES_MAX], tail;
    qoe_put_t         put[2], four[4];
    qoe_zone_t       *zone;
    qoe_lane_info_t   info;

    zone = zone_new(qoe_zone_size_min(2), 2);
    memset(big, 'x', sizeof(big));

    put[0] = (qoe_put_t) { 1, { big, sizeof(big) }, qoe_span_null, 0 };
    put[1] = (qoe_put_t) { 0, { big, sizeof(big) }, qoe_span_null, 0 };

    for (i = 0; i < 4; i++) {
        four[i] = put[1];
    }

    for (i = 0; put_in(zone, 1, 0, put, 1, wake) == QOE_OK; i++) {
        /* void */
    }

    ok(i == 2, "lane 1 took %d records", i);

    tail = qoe_lane_tail(zone, 0);
    ok(put_in(zone, 1, 0, put, 2, wake) == QOE_FULL,
       "a put into two lanes, of which one is full, is refused");
    ok(qoe_zone_put(zone, 1, 0, put, 2, QOE_ACK_MEMORY, ends, wake) == QOE_FULL
       && ends[0] >= sizeof(big) && qoe_lane_room(zone, 0) >= ends[0]
       && ends[1] >= sizeof(big) && qoe_lane_room(zone, 1) < ends[1],
       "the refusal says how much room is needed in each lane, and one lane "
       "has it");
    ok(put_in(zone, 1, 0, four, 4, wake) == QOE_TOO_LARGE,
       "a put of more than an empty lane holds is refused for good");
    ok(qoe_lane_tail(zone, 0) == tail,
       "a refused put leaves the other lane unchanged");
    ok(put_in(zone, 1, 0, put + 1, 1, wake) == QOE_OK,
       "a refused put leaves the lane unlocked");

    qoe_zone_lane_info(zone, 0, &info);
    ok(info.produced == 1 && info.consumed == 0 && info.used > sizeof(big),
       "the lane's record is counted");
}


/* The sets of lanes are of more than one word. */

static void
test_many_lanes(void)
{
    int                    wrong;
    size_t                 i, n;
    uint64_t               wake[QOE_LANES_MAX / 64], ends[QOE_LANES_MAX];
    uint64_t               before[QOE_LANES_MAX];
    qoe_put_t              put[QOE_LANES_MAX], full;
    qoe_zone_t            *zone;
    static const uint32_t  lane[] = { 127, 1, 63, 64, 100, 0, 65 };
    static char            big[100000];

    zone = zone_new(qoe_zone_size_min(QOE_LANES_MAX), QOE_LANES_MAX);
    n = sizeof(lane) / sizeof(lane[0]);

    for (i = 0; i < n; i++) {
        put[i] = (qoe_put_t) { lane[i], qoe_span("12345678"),
                               qoe_span_null, 0 };
        qoe_lane_arm(zone, lane[i], 0, 0);
    }

    ok(qoe_zone_put(zone, 1, 0, put, n, QOE_ACK_MEMORY, ends, wake) == QOE_OK
       && wake[0] == (3 | 1ULL << 63) && wake[1] == (3 | 1ULL << 36
                                                     | 1ULL << 63),
       "a put into lanes below and above the 64th wakes no other lanes");

    for (i = 0, wrong = 0; i < QOE_LANES_MAX; i++) {
        wrong += ends[i] != qoe_lane_tail(zone, (uint32_t) i);
        wrong += ends[i] != (i < 2 || i == 63 || i == 64 || i == 65
                             || i == 100 || i == 127 ? 16 : 0);
    }

    ok(wrong == 0,
       "each of these lanes has its record, and the others have none");

    for (i = 0; i < QOE_LANES_MAX; i++) {
        put[i] = (qoe_put_t) { QOE_LANES_MAX - 1 - (uint32_t) i,
                               qoe_span("12345678"), qoe_span_null, 0 };
    }

    ok(put_in(zone, 1, 0, put, QOE_LANES_MAX, wake) == QOE_OK
       && put_in(zone, 1, 0, put, QOE_LANES_MAX, wake) == QOE_OK,
       "all lanes are written at once, and their locks are free then");

    full = (qoe_put_t) { 100, { big, sizeof(big) }, qoe_span_null, 0 };

    while (put_in(zone, 1, 0, &full, 1, wake) == QOE_OK) { /* void */ }

    for (i = 0; i < QOE_LANES_MAX; i++) {
        before[i] = qoe_lane_tail(zone, (uint32_t) i);
    }

    put[QOE_LANES_MAX - 1 - 100] = full;
    wrong = (put_in(zone, 1, 0, put, QOE_LANES_MAX, wake) != QOE_FULL);

    for (i = 0; i < QOE_LANES_MAX; i++) {
        wrong += before[i] != qoe_lane_tail(zone, (uint32_t) i);
        wrong += qoe_zone_lane(zone, (uint32_t) i)->lock != 0;
    }

    ok(wrong == 0, "with one lane of all full nothing is written, and no lock "
       "stays taken");
}


static void
test_crowded(void)
{
    uint32_t      lane;
    uint64_t      wake[QOE_LANES_MAX / 64];
    qoe_put_t     p;
    qoe_zone_t   *zone;
    static char   some[20000];

    zone = zone_new(qoe_zone_size_min(3), 3);

    ok(!qoe_zone_crowded(zone), "an empty zone is not crowded");

    for (lane = 0; lane < 3; lane++) {
        p = (qoe_put_t) { (lane + 1) % 3, { some, sizeof(some) },
                          qoe_span_null, 0 };

        while (put_in(zone, 1, 0, &p, 1, wake) == QOE_OK) { /* void */ }

        p.head.len = 100;

        while (put_in(zone, 1, 0, &p, 1, wake) == QOE_OK) { /* void */ }

        ok(qoe_zone_crowded(zone) == (lane == 2),
           "a zone of three lanes of which %u are full is %scrowded", lane + 1,
           lane == 2 ? "" : "not ");
    }
}


static void
test_wake(void)
{
    uint64_t     wake[QOE_LANES_MAX / 64], pos;
    qoe_put_t    put;
    qoe_zone_t  *zone;

    zone = zone_new(qoe_zone_size_min(1), 1);
    put = (qoe_put_t) { 0, qoe_span("0123456789"), qoe_span_null, 0 };

    put_in(zone, 1, 0, &put, 1, wake);
    ok(wake[0] == 0, "a put without an armed consumer wakes none");

    pos = qoe_lane_tail(zone, 0);
    ok(!qoe_lane_arm(zone, 0, pos, 0), "a consumer can arm at the tail");
    put_in(zone, 1, 0, &put, 1, wake);
    ok(wake[0] == 1,
       "the first record after the armed position wakes the consumer");
    put_in(zone, 1, 0, &put, 1, wake);
    ok(wake[0] == 1,
       "the next record wakes the consumer as well, in case the first producer "
       "was killed");
    qoe_lane_arm(zone, 0, QOE_LANE_AWAKE, 0);
    put_in(zone, 1, 0, &put, 1, wake);
    ok(wake[0] == 0, "a record wakes no consumer that is awake");
    ok(qoe_lane_arm(zone, 0, pos, 0),
       "a consumer that arms below the tail is woken at once");

    pos = qoe_lane_tail(zone, 0) + 30;
    qoe_lane_arm(zone, 0, pos, 0);
    put_in(zone, 1, 0, &put, 1, wake);
    ok(wake[0] == 0,
       "a record that ends below the armed position wakes no consumer");
    put_in(zone, 1, 0, &put, 1, wake);
    ok(wake[0] == 1,
       "a record that passes the armed position wakes the consumer");
}


static void
test_lease(void)
{
    bool         adopted;
    pid_t        pid;
    qoe_proc_t   self;
    qoe_zone_t  *zone;

    zone = zone_new(qoe_zone_size_min(1), 1);
    self = qoe_proc_self();

    ok(qoe_proc_alive(self), "this process is alive");
    ok(!qoe_proc_alive(0), "the identity 0 is no process's");
    ok(!qoe_proc_alive(self ^ 1),
       "a process of another start time is not alive");

    pid = fork();

    if (pid == 0) {
        _exit(qoe_lane_take(zone, 0, qoe_proc_self(), &adopted) != QOE_OK
              || adopted);
    }

    usleep(50000);

    /* The child is a zombie: its pid exists, but the process does not. */

    ok(qoe_lane_take(zone, 0, self, &adopted) == QOE_OK && adopted,
       "the lane of a zombie is adopted");
    waitpid(pid, NULL, 0);

    ok(qoe_lane_take(zone, 0, self + (1ULL << 32), &adopted) == QOE_BUSY,
       "a live owner keeps the lane");
    qoe_lane_give(zone, 0, self);
    ok(qoe_lane_take(zone, 0, self, &adopted) == QOE_OK && !adopted,
       "a lane that was given back is free");
}


/* A producer that never stops; its own counter says what it has put. */

static void
produce(qoe_zone_t *zone, uint64_t *put_count, uint32_t id)
{
    char         buf[400];
    uint32_t     i;
    uint64_t     wake[QOE_LANES_MAX / 64];
    qoe_put_t    put;
    qoe_proc_t   self;

    self = qoe_proc_self();
    memset(&put, 0, sizeof(put));

    for (i = id << 24; /* void */; i++) {
        pattern(buf, 100 + i % 300, i);
        put.head = (qoe_span_t) { buf, 100 + i % 300 };

        while (put_in(zone, self, id, &put, 1, wake) != QOE_OK) {
            sched_yield();
        }

        __atomic_fetch_add(put_count, 1, __ATOMIC_RELAXED);
    }
}


/*
 * Four producers, killed at random and replaced, and a consumer: every record
 * that was put comes out once and whole, and no lock stays held.
 */

static void
test_kill(void)
{
    bool         good;
    pid_t        pid[4];
    uint32_t     i, kills, seen, last[256], id;
    uint64_t     pos, *counts, got, put, end, next_kill;
    qoe_zone_t  *zone;
    qoe_span_t   r;
    qoe_lane_info_t  info;

    zone = zone_new(qoe_zone_size_min(1), 1);
    dest_in(zone);
    counts = mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS,
                  -1, 0);
    memset(last, 0, sizeof(last));
    good = true;
    got = 0;
    seen = 0;
    kills = 0;
    pos = qoe_lane_dest_head(zone, 0, 0);

    for (i = 0; i < 4; i++) {
        pid[i] = fork();

        if (pid[i] == 0) {
            produce(zone, &counts[i], i + 1);
        }
    }

    /*
     * The loop lasts as long as the kills take, on a machine that is busy with
     * others too.
     */

    end = qoe_mono_ms() + 60000;
    next_kill = 0;

    while (kills < KILLS && qoe_mono_ms() < end) {

        if (qoe_mono_ms() >= next_kill) {
            i = kills++ % 4;
            kill(pid[i], SIGKILL);
            waitpid(pid[i], NULL, 0);
            pid[i] = fork();

            if (pid[i] == 0) {
                produce(zone, &counts[i], kills + 4);
            }

            next_kill = qoe_mono_ms() + 11;
        }

        while (qoe_mono_ms() < next_kill
               && qoe_lane_read(zone, 0, UINT64_MAX, &pos, &r) == QOE_OK)
        {
            good = good && pattern_ok(r, &seen);
            id = seen >> 24;

            /* A producer's records are in order, and none is left out. */
            good = good && (seen & 0xffffff) == last[id];
            last[id]++;
            got++;
            qoe_lane_dest_release(zone, 0, 0, pos, qoe_events(1), true);
        }
    }

    for (i = 0; i < 4; i++) {
        kill(pid[i], SIGKILL);
        waitpid(pid[i], NULL, 0);
    }

    while (qoe_lane_read(zone, 0, UINT64_MAX, &pos, &r) == QOE_OK) {
        good = good && pattern_ok(r, &seen);
        got++;
        qoe_lane_dest_release(zone, 0, 0, pos, qoe_events(1), true);
    }

    put = counts[0] + counts[1] + counts[2] + counts[3];

    ok(good,
       "%llu records came out whole and in order, and none is missing",
       (unsigned long long) got);
    ok(got >= put && got - put <= kills + 4,
       "what %u killed producers had put came out (%llu, %llu in doubt)",
       kills, (unsigned long long) put, (unsigned long long) (got - put));
    qoe_zone_lane_info(zone, 0, &info);
    ok(info.produced == got && info.consumed == got && info.used == 0,
       "the lane's own counts are exact");
    ok(kills == KILLS, "%u producers were killed, %llu of their locks stolen",
       kills,
       (unsigned long long) qoe_zone_counter(zone, QOE_COUNT_LOCKS_STOLEN));
}


/* A lock whose owner was killed while it held it is taken. */

static void
test_steal(void)
{
    pid_t        pid;
    uint64_t     wake[QOE_LANES_MAX / 64], *lock, start;
    qoe_put_t    put;
    qoe_zone_t  *zone;

    zone = zone_new(qoe_zone_size_min(1), 1);
    put = (qoe_put_t) { 0, qoe_span("record"), qoe_span_null, 0 };

    lock = &qoe_zone_lane(zone, 0)->lock;
    *lock = qoe_proc_self();
    start = qoe_mono_ms();

    ok(put_in(zone, 1, 0, &put, 1, wake) == QOE_BUSY,
       "a lock held by a live process makes a put busy");
    ok(qoe_mono_ms() - start < 1000, "a put waits for a lock within its bound");

    pid = fork();

    if (pid == 0) {
        *lock = qoe_proc_self();
        raise(SIGKILL);
    }

    waitpid(pid, NULL, 0);

    ok(put_in(zone, 1, 0, &put, 1, wake) == QOE_OK
       && qoe_zone_counter(zone, QOE_COUNT_LOCKS_STOLEN) == 1
       && *lock == 0, "a dead owner's lock is stolen, counted and released");
}


int
main(void)
{
    test_create();
    test_share();
    test_ring();
    test_all_or_none();
    test_many_lanes();
    test_crowded();
    test_wake();
    test_lease();
    test_steal();
    test_kill();

    return tap_end();
}
