
/*
 * Copyright (C) OpenQoE
 *
 * Acknowledgement: what is stored and durable, what is asked for, and that no
 * process that waits misses a wake-up.
 */


#include "tap.h"
#include "zone_unit.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>


#define ROUNDS             4000
#define LOST_MS            3000


static void
test_acked(void)
{
    uint32_t     d[4];
    qoe_zone_t  *zone;

    zone = zone_new(1);
    put(zone, 0, 10);

    ok(qoe_lane_acked(zone, 0, 160, QOE_ACK_MEMORY),
       "with ack=memory a record is acknowledged at once");
    configure(zone, "b", d);
    qoe_lane_dests(zone, 0);
    ok(!qoe_lane_acked(zone, 0, 160, QOE_ACK_SPOOL),
       "without any spool a record is acknowledged once it is released");
    configure(zone, "ABc", d);
    ok(!qoe_lane_acked(zone, 0, 16, QOE_ACK_SPOOL),
       "a record is not acknowledged while a destination has not joined the "
       "lane");
    qoe_lane_dests(zone, 0);

    qoe_lane_dest_stored(zone, 0, d[0], 64, qoe_events(4));
    ok(!qoe_lane_acked(zone, 0, 64, QOE_ACK_SPOOL),
       "a record stored in one of two spools is not acknowledged");
    qoe_lane_dest_stored(zone, 0, d[1], 48, qoe_events(3));
    ok(qoe_lane_acked(zone, 0, 48, QOE_ACK_SPOOL)
       && !qoe_lane_acked(zone, 0, 64, QOE_ACK_SPOOL)
       && !qoe_lane_acked(zone, 0, 16, QOE_ACK_FSYNC),
       "records stored in both spools are acknowledged, as far as the slower "
       "one has them");
    ok(qoe_lane_dest_unsynced(zone, 0, d[0]),
       "a record that is stored but not synced is reported as unsynced");
    qoe_lane_dest_synced(zone, 0, d[0]);
    qoe_lane_dest_synced(zone, 0, d[1]);
    ok(qoe_lane_acked(zone, 0, 48, QOE_ACK_FSYNC)
       && !qoe_lane_acked(zone, 0, 64, QOE_ACK_FSYNC)
       && !qoe_lane_dest_unsynced(zone, 0, d[0]),
       "records synced in both spools are acknowledged with ack=fsync");

    /* The rest goes into A's spool and to the collector of B. */

    take(zone, 0, d[0], 4, true);
    take(zone, 0, d[0], 2, false);
    take(zone, 0, d[1], 6, true);
    ok(qoe_lane_acked(zone, 0, 96, QOE_ACK_SPOOL)
       && !qoe_lane_acked(zone, 0, 80, QOE_ACK_FSYNC),
       "a record released to the spool is not durable yet");
    take(zone, 0, d[0], 1, true);
    ok(!qoe_lane_acked(zone, 0, 80, QOE_ACK_FSYNC)
       && qoe_lane_dest_unsynced(zone, 0, d[0]),
       "a record in the spool does not become durable by a later one that was "
       "sent");
    qoe_lane_dest_synced(zone, 0, d[0]);
    take(zone, 0, d[1], 1, true);
    ok(qoe_lane_acked(zone, 0, 112, QOE_ACK_FSYNC),
       "a sync makes records in the spool durable");
    take(zone, 0, d[0], 1, true);
    take(zone, 0, d[1], 1, true);
    ok(qoe_lane_acked(zone, 0, 128, QOE_ACK_FSYNC),
       "a record that the collector took is durable");

    qoe_lane_dest_stored(zone, 0, d[0], 160, qoe_events(2));
    ok(is(zone, d[0], "10 10 0 0 0"),
       "records are counted as stored from the head, where the head is further "
       "on");
}


/* Without a spool, and without a destination: what has left the ring. */

static void
test_acked_by_release(void)
{
    uint32_t     d[4];
    qoe_zone_t  *zone;

    zone = zone_new(1);
    put(zone, 0, 4);
    ok(!qoe_lane_acked(zone, 0, 16, QOE_ACK_SPOOL)
       && !qoe_lane_acked(zone, 0, 16, QOE_ACK_FSYNC)
       && qoe_lane_acked(zone, 0, 16, QOE_ACK_MEMORY),
       "without a destination queued records are in memory alone");

    configure(zone, "b", d);
    qoe_lane_dests(zone, 0);
    take(zone, 0, d[0], 2, true);
    ok(qoe_lane_acked(zone, 0, 32, QOE_ACK_SPOOL)
       && qoe_lane_acked(zone, 0, 32, QOE_ACK_FSYNC),
       "without a spool records that a collector took are acknowledged");
    ok(!qoe_lane_acked(zone, 0, 33, QOE_ACK_SPOOL)
       && !qoe_lane_acked(zone, 0, 48, QOE_ACK_FSYNC),
       "records after those are not acknowledged");
}


/* Given up is not stored: who waits for it gets no answer but a late one. */

static void
test_unkept(void)
{
    uint32_t     d[4];
    qoe_zone_t  *zone;

    zone = zone_new(1);
    configure(zone, "AB", d);
    qoe_lane_dests(zone, 0);
    put(zone, 0, 4);
    qoe_lane_dest_stored(zone, 0, d[1], 64, qoe_events(4));
    qoe_lane_dest_synced(zone, 0, d[1]);
    take(zone, 0, d[0], 1, true);
    ok(qoe_lane_acked(zone, 0, 16, QOE_ACK_FSYNC),
       "a record that the collector took is acknowledged");

    qoe_lane_dest_unkept(zone, 0, d[0]);
    take(zone, 0, d[0], 2, true);
    ok(!qoe_lane_acked(zone, 0, 48, QOE_ACK_SPOOL)
       && !qoe_lane_acked(zone, 0, 48, QOE_ACK_FSYNC)
       && qoe_lane_acked(zone, 0, 48, QOE_ACK_MEMORY),
       "a record that was given up is not acknowledged");

    /* A request may begin among these records and end after them. */

    take(zone, 0, d[0], 1, true);
    ok(!qoe_lane_acked(zone, 0, 64, QOE_ACK_SPOOL),
       "a record that was queued when one was given up is not acknowledged");

    put(zone, 0, 1);
    qoe_lane_dest_stored(zone, 0, d[1], 80, qoe_events(1));
    ok(!qoe_lane_acked(zone, 0, 80, QOE_ACK_SPOOL),
       "a record that came later is not acknowledged before it is stored");
    take(zone, 0, d[0], 1, true);
    ok(qoe_lane_acked(zone, 0, 80, QOE_ACK_SPOOL),
       "a record that came later is acknowledged once it is stored");
}


static void
test_asked(void)
{
    uint64_t      wake[QOE_LANES_MAX / 64], ends[QOE_LANES_MAX];
    qoe_put_t     p[3];
    qoe_zone_t   *zone;
    uint32_t      i, others;

    zone = zone_new(4);
    p[0] = (qoe_put_t) { 2, qoe_span("12345678"), qoe_span_null, 0 };
    p[1] = (qoe_put_t) { 0, qoe_span("12345678"), qoe_span_null, 0 };
    p[2] = p[0];

    ok(qoe_zone_put(zone, self, 0, p, 3, QOE_ACK_SPOOL, ends, wake) == QOE_OK
       && ends[0] == 16 && ends[1] == 0 && ends[2] == 32,
       "a put returns the end of its records in each lane");

    for (others = 0, i = 3; i < QOE_LANES_MAX; i++) {
        others += ends[i] != 0;
    }

    ok(others == 0 && wake[0] == 0,
       "a put does not wake consumers that are awake");
    ok(qoe_lane_asked(zone, 2, QOE_ACK_SPOOL) == 32
       && qoe_lane_asked(zone, 2, QOE_ACK_FSYNC) == 0
       && qoe_lane_asked(zone, 1, QOE_ACK_SPOOL) == 0,
       "a put with ack=spool asks the lane's consumer to store");

    ok(qoe_lane_arm(zone, 0, 16, 0) && qoe_lane_arm(zone, 0, QOE_LANE_ASKED, 0),
       "a consumer that arms without having seen that request is woken at "
       "once");
    ok(!qoe_lane_arm(zone, 0, 16, 16)
       && !qoe_lane_arm(zone, 0, QOE_LANE_ASKED, 16),
       "a consumer that has seen that request is not");

    qoe_zone_put(zone, self, 0, p + 1, 1, QOE_ACK_MEMORY, ends, wake);
    ok(wake[0] == 0 && qoe_lane_asked(zone, 0, QOE_ACK_SPOOL) == 16,
       "a consumer armed for requests is not woken by a put without one");
    qoe_zone_put(zone, self, 0, p + 1, 1, QOE_ACK_FSYNC, ends, wake);
    ok(wake[0] == 1 && qoe_lane_asked(zone, 0, QOE_ACK_SPOOL) == 48
       && qoe_lane_asked(zone, 0, QOE_ACK_FSYNC) == 48,
       "a put with ack=fsync wakes such a consumer, and asks for spool and "
       "fsync");
    ok(!qoe_lane_arm(zone, 0, 1000, 48),
       "a consumer arms far ahead of the tail");
    qoe_zone_put(zone, self, 0, p + 1, 1, QOE_ACK_SPOOL, ends, wake);
    ok(wake[0] == 1 && qoe_lane_asked(zone, 0, QOE_ACK_FSYNC) == 48,
       "a put that asks wakes a consumer that is armed further ahead");
    ok(!qoe_lane_arm(zone, 0, QOE_LANE_AWAKE, 0), "a consumer disarms");

    /* A producer was killed between its request and the tail. */

    qoe_zone_lane(zone, 0)->asked[0] = 1000;
    ok(qoe_lane_asked(zone, 0, QOE_ACK_SPOOL) == 64
       && !qoe_lane_arm(zone, 0, QOE_LANE_ASKED, 64),
       "a lane without the position asked for keeps its old request");
}


static void
test_waiters(void)
{
    int          status;
    pid_t        pid;
    uint32_t     i, w, d[4];
    qoe_zone_t  *zone;

    zone = zone_new(1);
    configure(zone, "A", d);

    w = qoe_waiter_take(zone, self, QOE_WAITERS_MAX);
    ok(w == 0 && qoe_waiter_take(zone, self, QOE_WAITERS_MAX) == 1,
       "two workers get two slots of waiters");
    ok(qoe_lane_waiters(zone, 0) == 0, "a new lane has no waiters");
    qoe_lane_wait(zone, 0, 1);
    qoe_lane_wait(zone, 0, 63);
    ok(qoe_lane_waiters(zone, 0) == (2 | 1ULL << 63)
       && qoe_lane_waiters(zone, 0) == 0,
       "each waiter of a lane is reported once");

    qoe_lane_dests(zone, 0);
    ok(qoe_lane_waiters(zone, 0) == 3,
       "the next owner of the lane wakes all workers that wait");

    qoe_waiter_give(zone, 0);
    ok(qoe_waiter_take(zone, self, 3) == 0,
       "a slot that was given back is taken again");

    qoe_waiter_waiting(zone, 1, QOE_WAIT_ROOM, 2);
    pid = fork();

    if (pid == 0) {
        w = qoe_waiter_take(zone, qoe_proc_self(), 3);
        qoe_waiter_waiting(zone, w, QOE_WAIT_ROOM, 7);
        _exit(qoe_zone_waiting(zone, QOE_WAIT_ROOM) == 9 ? 0 : 1);
    }

    waitpid(pid, &status, 0);

    ok(status == 0, "requests that wait are counted over all processes");
    ok(qoe_zone_waiting(zone, QOE_WAIT_ROOM) == 2
       && qoe_zone_waiting(zone, QOE_WAIT_ACK) == 0,
       "requests of a process that ended wait no more");

    ok(qoe_waiter_take(zone, self, 2) == UINT32_MAX
       && qoe_waiter_take(zone, self, 3) == 2
       && qoe_zone_waiting(zone, QOE_WAIT_ROOM) == 2,
       "with few slots the slot of a process that ended is taken");
    qoe_waiter_give(zone, 2);

    pid = fork();

    if (pid == 0) {
        qoe_waiter_take(zone, qoe_proc_self(), QOE_WAITERS_MAX);
        _exit(0);
    }

    waitpid(pid, NULL, 0);

    for (i = 3; i < QOE_WAITERS_MAX; i++) {
        if (qoe_waiter_take(zone, self, 2 * QOE_WAITERS_MAX) != i) {
            break;
        }
    }

    ok(i == QOE_WAITERS_MAX
       && qoe_waiter_take(zone, self, QOE_WAITERS_MAX) == 2,
       "the slot of a process that ended goes to another, last of all");
    ok(qoe_waiter_take(zone, self, QOE_WAITERS_MAX) == UINT32_MAX,
       "no more slots are given than there are");
}


/*
 * Two event loops that put and wait, and a helper that stores and sleeps.  A
 * wake-up that is lost shows as a sleep that lasts to its end.
 */

typedef struct {
    qoe_zone_t  *zone;
    uint32_t     dest;
    qoe_ack_t    ack;
    int          helper_fd;
    int          fd[2];
    uint32_t     w;              /* of a loop */
    int          lost;
    int          slept;
    int         *stop;
} party_t;


static bool
sleep_on(int fd)
{
    uint64_t       n;
    struct pollfd  p;

    p = (struct pollfd) { fd, POLLIN, 0 };

    if (poll(&p, 1, LOST_MS) != 1) {
        return false;
    }

    return read(fd, &n, sizeof(n)) == sizeof(n);
}


static void
wake_up(int fd)
{
    uint64_t  one;

    one = 1;

    if (write(fd, &one, sizeof(one)) != sizeof(one)) {
        abort();
    }
}


static void *
loop_run(void *data)
{
    int         i;
    party_t    *p = data;
    uint64_t    wake[QOE_LANES_MAX / 64], ends[QOE_LANES_MAX];
    qoe_ack_t   ack;
    qoe_put_t   put1;

    put1 = (qoe_put_t) { 0, qoe_span("12345678"), qoe_span_null, 0 };

    for (i = 0; i < ROUNDS && p->lost == 0; i++) {
        ack = (i % 3) ? QOE_ACK_SPOOL : QOE_ACK_FSYNC;

        while (qoe_zone_put(p->zone, self, 0, &put1, 1, ack, ends, wake)
               != QOE_OK)
        {
            sched_yield();
        }

        if (wake[0] != 0) {
            wake_up(p->helper_fd);
        }

        while (!qoe_lane_acked(p->zone, 0, ends[0], ack)) {
            qoe_lane_wait(p->zone, 0, p->w);

            if (qoe_lane_acked(p->zone, 0, ends[0], ack)) {
                break;
            }

            p->slept++;

            if (!sleep_on(p->fd[p->w])) {
                p->lost++;
                break;
            }
        }
    }

    return NULL;
}


static void *
helper_run(void *data)
{
    int          w;
    party_t     *p = data;
    uint64_t     asked, pos, tail, n, set, turn;
    qoe_span_t   record;
    qoe_zone_t  *zone;

    zone = p->zone;
    turn = 0;
    pos = 0;

    while (!qoe_acquire(p->stop)) {
        asked = qoe_lane_asked(zone, 0, QOE_ACK_SPOOL);
        tail = qoe_lane_tail(zone, 0);

        for (n = 0; qoe_lane_read(zone, 0, tail, &pos, &record) == QOE_OK;
             n++)
        {
            /* void */
        }

        if (n != 0) {
            qoe_lane_dest_stored(zone, 0, p->dest, pos, qoe_events(n));
        }

        if (!qoe_lane_acked(zone, 0, qoe_lane_asked(zone, 0, QOE_ACK_FSYNC),
                            QOE_ACK_FSYNC))
        {
            qoe_lane_dest_synced(zone, 0, p->dest);
        }

        if (++turn % 2) {
            qoe_lane_dests(zone, 0);         /* releases to the spool */
        }

        set = qoe_lane_waiters(zone, 0);

        for (w = 0; w < 2; w++) {
            if (set >> w & 1) {
                wake_up(p->fd[w]);
            }
        }

        if (qoe_lane_arm(zone, 0, turn % 4 ? QOE_LANE_ASKED : pos, asked)) {
            qoe_lane_arm(zone, 0, QOE_LANE_AWAKE, 0);
            continue;
        }

        p->slept++;

        if (!sleep_on(p->helper_fd)
            && !qoe_acquire(p->stop))
        {
            p->lost++;
        }

        qoe_lane_arm(zone, 0, QOE_LANE_AWAKE, 0);
    }

    return NULL;
}


static void
test_race(void)
{
    int               stop;
    party_t           p[3];
    uint32_t          i, d[4];
    pthread_t         t[3];
    qoe_dest_info_t   info;

    stop = 0;
    memset(p, 0, sizeof(p));
    p[0].zone = zone_new(1);
    configure(p[0].zone, "A", d);
    qoe_lane_dests(p[0].zone, 0);

    p[0].dest = d[0];
    p[0].helper_fd = eventfd(0, EFD_NONBLOCK);
    p[0].fd[0] = eventfd(0, EFD_NONBLOCK);
    p[0].fd[1] = eventfd(0, EFD_NONBLOCK);
    p[0].stop = &stop;
    p[1] = p[0];
    p[2] = p[0];
    p[1].w = qoe_waiter_take(p[0].zone, self, 2);
    p[2].w = qoe_waiter_take(p[0].zone, self, 2);

    for (i = 0; i < 3; i++) {
        if (pthread_create(&t[i], NULL, i ? loop_run : helper_run, &p[i])
            != 0)
        {
            abort();
        }
    }

    pthread_join(t[1], NULL);
    pthread_join(t[2], NULL);
    qoe_publish(&stop, 1);
    wake_up(p[0].helper_fd);
    pthread_join(t[0], NULL);

    ok(p[1].lost + p[2].lost == 0,
       "no event loop missed a wake-up, in %d sleeps", p[1].slept + p[2].slept);
    ok(p[0].lost == 0,
       "the helper missed no wake-up, in %d sleeps", p[0].slept);

    qoe_dest_info(p[0].zone, d[0], &info);
    ok(info.accepted == 2 * ROUNDS && info.queued == 0,
       "all records were stored");
}


int
main(void)
{
    self = qoe_proc_self();

    test_acked();
    test_acked_by_release();
    test_unkept();
    test_asked();
    test_waiters();
    test_race();

    return tap_end();
}
