
/*
 * Copyright (C) OpenQoE
 *
 * The tap of a lane: where records are, what a full tap refuses, who is woken,
 * what a new holder finds, and producers and consumers that are killed.
 */


#include "tap.h"
#include "zone_unit.h"
#include "qoe_tap.h"

#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>


#define KILLS              60
#define PRODUCERS          3


static char  bytes[QOE_TAP_RECORD_MAX + 8];


static qoe_status_t
put_text(qoe_zone_t *zone, uint32_t lane, const char *text, bool *wake)
{
    qoe_span_t  part;

    part = qoe_span_str(text);

    return qoe_tap_put(zone, self, 0, lane, &part, 1, wake);
}


/* Puts a record that takes size bytes of the tap of lane 0. */

static qoe_status_t
put_size(qoe_zone_t *zone, size_t size)
{
    bool        wake;
    qoe_span_t  part;

    part = (qoe_span_t) { bytes, size - sizeof(qoe_frame_t) };

    return qoe_tap_put(zone, self, 0, 0, &part, 1, &wake);
}


static bool
next_is(qoe_zone_t *zone, uint32_t lane, uint64_t *pos, const char *text)
{
    qoe_span_t  record;

    return qoe_tap_next(zone, lane, pos, &record) == QOE_OK
           && qoe_span_eq(record, qoe_span_str(text));
}


static void
test_records(void)
{
    bool         wake;
    uint64_t     pos, tail;
    qoe_span_t   part[3], record;
    qoe_zone_t  *zone;

    zone = zone_new(2);
    tail = qoe_lane_tail(zone, 1);

    part[0] = qoe_span("one ");
    part[1] = qoe_span_null;
    part[2] = qoe_span("record");

    ok(qoe_tap_put(zone, self, 0, 1, part, 3, &wake) == QOE_OK && !wake,
       "a put wakes no consumer that has not asked for it");
    ok(put_text(zone, 1, "another", &wake) == QOE_OK,
       "a second record is put after the first");

    pos = qoe_tap_start(zone, 1);
    ok(next_is(zone, 1, &pos, "one record"), "the parts become one record");
    ok(next_is(zone, 1, &pos, "another")
       && qoe_tap_next(zone, 1, &pos, &record) == QOE_DONE,
       "records come in their order, and then none");

    ok(qoe_tap_used(zone, 1) == pos, "what was read uses room");
    qoe_tap_release(zone, 1, pos);
    ok(qoe_tap_used(zone, 1) == 0, "what was released uses none");

    pos = qoe_tap_start(zone, 0);
    ok(qoe_tap_next(zone, 0, &pos, &record) == QOE_DONE
       && qoe_lane_tail(zone, 1) == tail,
       "neither the tap of another lane nor the queue has a record");

    ok(put_text(zone, 2, "x", &wake) == QOE_TOO_LARGE,
       "there is no lane after the last one");
    part[0] = (qoe_span_t) { bytes, QOE_TAP_RECORD_MAX };
    part[1] = (qoe_span_t) { bytes, 1 };
    ok(qoe_tap_put(zone, self, 0, 0, part, 2, &wake) == QOE_TOO_LARGE,
       "a record that is a byte too long is refused");
    ok(qoe_tap_put(zone, self, 0, 0, part, 1, &wake) == QOE_OK,
       "a record of the greatest length is taken");
}


static void
test_full(void)
{
    size_t       n;
    uint64_t     pos, size;
    qoe_span_t   record;
    qoe_zone_t  *zone;

    zone = zone_new(1);
    size = qoe_tap_size(zone);

    for (n = 0; put_size(zone, 1024) == QOE_OK; n++) {
        /* void */
    }

    ok(n == size / 1024, "a tap takes records until not a byte is left");
    ok(put_size(zone, 16) == QOE_FULL && qoe_tap_used(zone, 0) == size,
       "a full tap refuses a record and keeps those that it has");

    pos = qoe_tap_start(zone, 0);
    (void) qoe_tap_next(zone, 0, &pos, &record);
    ok(put_size(zone, 1024) == QOE_FULL,
       "a record that was read but not released leaves no room");

    qoe_tap_release(zone, 0, pos);
    ok(put_size(zone, 1032) == QOE_FULL && put_size(zone, 1024) == QOE_OK,
       "a record that was released leaves its room and not a byte more");

    for (n = 0; qoe_tap_next(zone, 0, &pos, &record) == QOE_OK; n++) {
        /* void */
    }

    ok(n == size / 1024, "all records of a full tap are read");
}


/* Records of every length come out whole at every place of the tap's end. */

static void
test_wrap(void)
{
    bool         good, wake;
    char         buf[200];
    size_t       len;
    uint64_t     pos, i;
    qoe_span_t   part, record;
    qoe_zone_t  *zone;

    zone = zone_new(1);
    pos = qoe_tap_start(zone, 0);
    good = true;

    for (i = 0; i < 20000; i++) {
        len = (size_t) (i * 7 % sizeof(buf));
        memset(buf, (int) (i % 251), len);
        part = (qoe_span_t) { buf, len };

        good = good
               && qoe_tap_put(zone, self, 0, 0, &part, 1, &wake) == QOE_OK
               && qoe_tap_next(zone, 0, &pos, &record) == QOE_OK
               && qoe_span_eq(record, part)
               && ((uintptr_t) record.data & 7) == 0;
        qoe_tap_release(zone, 0, pos);
    }

    ok(good && pos > 10 * qoe_tap_size(zone),
       "records are whole and aligned wherever the tap ends");
}


/* Changes the frame at pos; kind 0: none but its length. */

static void
damage(qoe_zone_t *zone, uint64_t pos, uint32_t kind, uint32_t len)
{
    char         *at;
    qoe_frame_t   frame;

    at = qoe_zone_tap(zone, 0) + pos % qoe_tap_size(zone);

    memcpy(&frame, at, sizeof(frame));
    frame.kind = kind != 0 ? kind : frame.kind;
    frame.len = len;
    memcpy(at, &frame, sizeof(frame));
}


static void
test_damage(void)
{
    bool         wake;
    uint64_t     pos;
    qoe_span_t   record;
    qoe_zone_t  *zone;

    zone = zone_new(1);

    (void) put_text(zone, 0, "first", &wake);
    (void) put_text(zone, 0, "second", &wake);
    memset(qoe_zone_tap(zone, 0), 0xff, sizeof(qoe_frame_t));

    pos = qoe_tap_start(zone, 0);
    ok(qoe_tap_next(zone, 0, &pos, &record) == QOE_INVALID,
       "a frame that is damaged is seen");
    qoe_tap_release(zone, 0, pos);
    ok(put_text(zone, 0, "third", &wake) == QOE_OK
       && next_is(zone, 0, &pos, "third"),
       "what is put after the damage is read");

    (void) put_text(zone, 0, "fourth", &wake);
    damage(zone, pos, 0x12345678, 6);
    ok(qoe_tap_next(zone, 0, &pos, &record) == QOE_INVALID,
       "a frame of another kind is damage, whatever its length");

    (void) put_text(zone, 0, "fifth", &wake);
    damage(zone, pos, 0, 16);
    ok(qoe_tap_next(zone, 0, &pos, &record) == QOE_INVALID,
       "so is a frame that ends after the last record, though within the tap");
}


static void
test_wake(void)
{
    bool         wake, again;
    size_t       n;
    uint64_t     pos;
    qoe_zone_t  *zone;

    zone = zone_new(1);
    pos = qoe_tap_start(zone, 0);

    ok(!qoe_tap_arm(zone, 0, pos), "an empty tap lets the consumer sleep");
    (void) put_text(zone, 0, "12345678", &wake);
    (void) put_text(zone, 0, "12345678", &again);
    ok(wake && !again,
       "the record that passes the armed position wakes, the next does not");

    for (n = 0, wake = false; n < qoe_tap_size(zone) / 16 && !wake; n++) {
        (void) put_text(zone, 0, "12345678", &wake);
    }

    ok(wake && n <= qoe_tap_size(zone) / 8 / 16 + 1,
       "a consumer that has not come by an eighth of the tap is woken again");
    ok(qoe_tap_arm(zone, 0, pos),
       "a consumer that arms before the tail is woken at once");

    (void) qoe_tap_arm(zone, 0, QOE_LANE_AWAKE);
    (void) put_text(zone, 0, "12345678", &wake);
    ok(!wake, "a consumer that is awake is not woken");

    pos = qoe_tap_used(zone, 0);
    (void) qoe_tap_arm(zone, 0, pos + 16);
    (void) put_text(zone, 0, "12345678", &wake);
    (void) put_text(zone, 0, "12345678", &again);
    ok(!wake && again, "a position further on lets records wait until then");
}


static void
test_holders(void)
{
    bool         wake, adopted;
    uint64_t     pos, used;
    qoe_zone_t  *zone;

    zone = zone_new(1);

    (void) put_text(zone, 0, "first", &wake);
    (void) put_text(zone, 0, "second", &wake);

    pos = qoe_tap_start(zone, 0);
    (void) next_is(zone, 0, &pos, "first");

    /* a consumer is killed here, which has released nothing */

    used = qoe_tap_used(zone, 0);
    pos = qoe_tap_start(zone, 0);
    ok(qoe_tap_used(zone, 0) < used,
       "the next holder releases the record that was in hand");
    ok(next_is(zone, 0, &pos, "second"),
       "the next holder goes on after the record that was in hand");
    qoe_tap_release(zone, 0, pos);

    (void) put_text(zone, 0, "third", &wake);
    pos = qoe_tap_start(zone, 0);
    ok(next_is(zone, 0, &pos, "third"),
       "a holder that takes over from one that left finds what was put since");

    (void) qoe_lane_take(zone, 0, self, &adopted);
    (void) qoe_tap_arm(zone, 0, 0);
    qoe_lane_give(zone, 0, self);
    (void) put_text(zone, 0, "fourth", &wake);
    ok(!wake, "a lane that was given back has no consumer to wake");
}


/* A producer that never stops; its records have its number and a count. */

static void
produce(qoe_zone_t *zone, uint32_t id)
{
    bool         wake;
    char         buf[300];
    uint32_t     i, head[2];
    qoe_proc_t   me;
    qoe_span_t   part[2];

    me = qoe_proc_self();

    for (i = 0; /* void */; i++) {
        head[0] = id;
        head[1] = i;
        memset(buf, (int) (i % 251), sizeof(buf));

        part[0] = (qoe_span_t) { (char *) head, sizeof(head) };
        part[1] = (qoe_span_t) { buf, i % sizeof(buf) };

        while (qoe_tap_put(zone, me, id, 0, part, 2, &wake) != QOE_OK) {
            sched_yield();
        }
    }
}


/* The records of a producer are whole, in their order, and none is missing. */

static bool
produced(qoe_span_t record, uint32_t *next)
{
    size_t    i;
    uint32_t  head[2];

    memcpy(head, record.data, sizeof(head));

    if (head[0] >= KILLS + PRODUCERS || head[1] != next[head[0]]++
        || record.len != sizeof(head) + head[1] % 300)
    {
        return false;
    }

    for (i = sizeof(head); i < record.len; i++) {
        if ((uint8_t) record.data[i] != head[1] % 251) {
            return false;
        }
    }

    return true;
}


static pid_t
producer(qoe_zone_t *zone, uint32_t id)
{
    pid_t  pid;

    pid = fork();

    if (pid == 0) {
        produce(zone, id);
    }

    return pid;
}


/* Producers, killed at random and replaced, beside a consumer. */

static void
test_kill(void)
{
    bool         good;
    pid_t        pid[PRODUCERS];
    uint32_t     i, kills, next[KILLS + PRODUCERS];
    uint64_t     pos, got, until, end;
    qoe_span_t   record;
    qoe_zone_t  *zone;

    zone = zone_new(1);
    memset(next, 0, sizeof(next));
    good = true;
    got = 0;

    for (i = 0; i < PRODUCERS; i++) {
        pid[i] = producer(zone, i);
    }

    pos = qoe_tap_start(zone, 0);
    end = qoe_mono_ms() + 60000;

    for (kills = 0; kills < KILLS && qoe_mono_ms() < end; kills++) {
        until = qoe_mono_ms() + 7;

        while (qoe_mono_ms() < until) {
            if (qoe_tap_next(zone, 0, &pos, &record) == QOE_OK) {
                good = good && produced(record, next);
                got++;
                qoe_tap_release(zone, 0, pos);
            }
        }

        i = kills % PRODUCERS;
        kill(pid[i], SIGKILL);
        waitpid(pid[i], NULL, 0);
        pid[i] = producer(zone, kills + PRODUCERS);
    }

    for (i = 0; i < PRODUCERS; i++) {
        kill(pid[i], SIGKILL);
        waitpid(pid[i], NULL, 0);
    }

    while (qoe_tap_next(zone, 0, &pos, &record) == QOE_OK) {
        good = good && produced(record, next);
        got++;
    }

    qoe_tap_release(zone, 0, pos);

    ok(good && got > 1000,
       "%llu records of %u killed producers are whole, in order, and none is "
       "missing", (unsigned long long) got, kills);
    ok(put_size(zone, 1024) == QOE_OK,
       "after the kills the tap takes records (%llu locks were stolen)",
       (unsigned long long) qoe_zone_counter(zone, QOE_COUNT_LOCKS_STOLEN));
}


/* A lock whose owner died is taken; that of one who lives is not waited for. */

static void
test_lock(void)
{
    bool         wake;
    pid_t        pid;
    uint64_t    *lock, start;
    qoe_zone_t  *zone;

    zone = zone_new(1);
    lock = &qoe_zone_lane(zone, 0)->tap.lock;
    *lock = self;
    start = qoe_mono_ms();

    ok(put_text(zone, 0, "x", &wake) == QOE_BUSY
       && qoe_mono_ms() - start < 1000,
       "a lock that a live process holds makes a put busy at once");

    pid = fork();

    if (pid == 0) {
        *lock = qoe_proc_self();
        _exit(0);
    }

    waitpid(pid, NULL, 0);

    ok(put_text(zone, 0, "x", &wake) == QOE_OK
       && qoe_zone_counter(zone, QOE_COUNT_LOCKS_STOLEN) == 1,
       "the lock of a dead process is taken over and counted");
}


/* A tail that is torn: less than a frame before it. */

static void
test_torn(void)
{
    bool         wake;
    uint64_t     pos, at;
    qoe_span_t   record;
    qoe_zone_t  *zone;
    qoe_frame_t  pad;

    zone = zone_new(1);
    (void) put_text(zone, 0, "one", &wake);
    pos = qoe_tap_start(zone, 0);
    (void) qoe_tap_next(zone, 0, &pos, &record);

    /* what would be the frame of a pad, if all of it were there */

    at = pos;
    memset(&pad, 0, sizeof(pad));
    pad.kind = QOE_FRAME_PAD;
    memcpy(qoe_zone_tap(zone, 0) + at, &pad, sizeof(pad));
    qoe_zone_lane(zone, 0)->tap.tail = at + sizeof(pad) - 1;
    ok(qoe_tap_next(zone, 0, &pos, &record) == QOE_INVALID
       && pos == at + sizeof(pad) - 1
       && qoe_tap_next(zone, 0, &pos, &record) == QOE_DONE,
       "less than a frame is no record, and is passed over");

    pos = at;
    qoe_zone_lane(zone, 0)->tap.tail = at + sizeof(pad);
    ok(qoe_tap_next(zone, 0, &pos, &record) == QOE_DONE
       && pos == at + sizeof(pad), "a pad alone is none either");
}


int
main(void)
{
    self = qoe_proc_self();

    test_records();
    test_full();
    test_wrap();
    test_damage();
    test_wake();
    test_holders();
    test_lock();
    test_torn();
    test_kill();

    return tap_end();
}
