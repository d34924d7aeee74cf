
/*
 * Copyright (C) OpenQoE
 *
 * The helper thread when a destination is down: the spool, requests that wait
 * for it, several destinations, exits and kills.
 */


#include "helper_bench.h"
#include "qoe_spool_info.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>


/* A destination that takes connections and never answers. */

static int
black_hole(bench_t *t, size_t i)
{
    int                   fd;
    socklen_t             len;
    static char           url[DESTS][64];
    struct sockaddr_in    sin;
    qoe_exporter_conf_t  *e;

    memset(&sin, 0, sizeof(sin));
    sin.sin_family = AF_INET;
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    len = sizeof(sin);
    fd = socket(AF_INET, SOCK_STREAM, 0);

    if (fd == -1 || bind(fd, (struct sockaddr *) &sin, len) == -1
        || listen(fd, 64) == -1
        || getsockname(fd, (struct sockaddr *) &sin, &len) == -1)
    {
        abort();
    }

    snprintf(url[i], sizeof(url[i]), "http://127.0.0.1:%d/v1/logs",
             ntohs(sin.sin_port));

    e = &t->exporter[i];
    e->transport.protocol = QOE_PROTOCOL_HTTP_PROTOBUF;
    e->transport.url[QOE_SIGNAL_LOGS] = qoe_span_str(url[i]);

    return fd;
}


/* A destination that works: a file. */

static void
file(bench_t *t, size_t i)
{
    t->exporter[i].transport.protocol = QOE_PROTOCOL_FILE;
    t->exporter[i].transport.url[QOE_SIGNAL_LOGS] = qoe_span_str(t->path[i]);
}


/* A destination that fails at once, until its directory is made. */

static const char *
missing(bench_t *t, size_t i)
{
    static char  dir[DESTS][160];

    snprintf(dir[i], sizeof(dir[i]), "%s/missing%zu", t->dir, i);
    snprintf(t->path[i], sizeof(t->path[i]), "%.100s/out", dir[i]);
    file(t, i);

    return dir[i];
}


static bool
wait_spooled(bench_t *t, size_t i, uint64_t n)
{
    int  ms;

    for (ms = 0; ms < 10000 && info_of(t, i).spooled != n; ms += 10) {
        usleep(10000);
    }

    return info_of(t, i).spooled == n;
}


static bool
wait_acked(bench_t *t, qoe_ack_t ack)
{
    int  ms;

    for (ms = 0; ms < 5000; ms += 5) {
        if (qoe_lane_acked(t->zone, 0, t->end[0], ack)
            && qoe_lane_acked(t->zone, 1, t->end[1], ack))
        {
            return true;
        }

        usleep(5000);
    }

    return false;
}


/*
 * The sum: accepted + recovered = exported + rejected + dropped + queued +
 * spooled.
 */

static bool
balanced(bench_t *t, size_t i, uint64_t exported, uint64_t dropped)
{
    qoe_dest_info_t  info;

    info = info_of(t, i);

    return info.exported == exported && info.dropped == dropped
           && info.accepted + info.recovered
              == info.exported + info.rejected + info.dropped + info.queued
                 + info.spooled;
}


static void
test_replay(void)
{
    bench_t        t;
    const char    *dir;
    qoe_helper_t  *h;

    setup(&t);
    dir = missing(&t, 0);
    spool(&t, 0);
    configure(&t, 1);
    qoe_helper_start(&h, &t.conf);
    put(&t, 1000);

    ok(wait_spooled(&t, 0, 1000),
       "all events are spooled while a destination fails");
    ok(wait_empty(&t), "the lanes are empty although a destination fails");
    ok(balanced(&t, 0, 0, 0), "the counters of a failing destination add up");

    mkdir(dir, 0700);
    put(&t, 100);
    ok(wait_delivered(&t, 1100),
       "once the destination is back, live events and backlog arrive, each "
       "once");
    ok(wait_spooled(&t, 0, 0) && balanced(&t, 0, 1100, 0),
       "the spool is empty after its replay, and the counters add up");
    ok(counter(&t, 0, QOE_DEST_REPLAYED) >= 900,
       "events from the spool are counted as replayed");
    ok(qoe_helper_stop(h, DRAIN_MS) == QOE_OK,
       "the helper stops after the replay");
    ok(*t.conf.lost == 0, "no event was counted as lost");
    teardown(&t);
}


static void
test_two(void)
{
    int            fd;
    bench_t        t;
    qoe_helper_t  *h;

    setup(&t);
    fd = black_hole(&t, 1);
    t.exporter[1].transport.timeout_ms = 1000;
    spool(&t, 1);
    configure(&t, 2);
    qoe_helper_start(&h, &t.conf);
    put(&t, 2000);
    ok(wait_delivered(&t, 2000),
       "while a destination hangs, the other destination gets all events");
    ok(wait_spooled(&t, 1, 2000),
       "events for the destination that hangs are in its spool");
    ok(wait_empty(&t) && balanced(&t, 0, 2000, 0) && balanced(&t, 1, 0, 0),
       "the counters of both destinations add up");
    ok(info_of(&t, 0).health.consecutive_failures == 0
       && info_of(&t, 1).health.consecutive_failures != 0,
       "a destination that hangs counts failures, and the other counts none");
    ok(qoe_helper_stop(h, DRAIN_MS) == QOE_OK,
       "the helper stops although a destination hangs");

    /* The exporter of the same name gets another address. */

    file(&t, 1);
    configure(&t, 2);
    qoe_helper_start(&h, &t.conf);
    ok(wait_delivered_to(&t, 1, 2000),
       "the backlog goes to the destination's new address");
    ok(delivered(&t) == 2000, "no event goes to the other destination again");
    qoe_helper_stop(h, DRAIN_MS);
    teardown(&t);
    close(fd);
}


/*
 * More than a quarter of the zone, so that the destination lags by half a
 * ring.
 */

static void
test_behind(void)
{
    int            fd, n, ms;
    bench_t        t;
    uint64_t       dropped;
    qoe_helper_t  *h;

    setup(&t);
    fd = black_hole(&t, 1);
    t.exporter[1].transport.timeout_ms = 60000;
    configure(&t, 2);
    qoe_helper_start(&h, &t.conf);

    for (n = 0; n < 30; n++) {
        put(&t, 1000);

        for (ms = 0; ms < 10000 && info_of(&t, 0).exported != t.next; ms++) {
            usleep(1000);
        }
    }

    ok(delivered(&t) == 30000,
       "without a spool a destination gets all events while another hangs");
    dropped = counter(&t, 1, QOE_DEST_DROPPED_BEHIND);
    ok(dropped != 0,
       "the oldest events for the destination that hangs are dropped: %llu",
       (unsigned long long) dropped);
    ok(balanced(&t, 1, 0, dropped),
       "dropped events are counted, and the counters add up");
    ok(counter(&t, 0, QOE_DEST_DROPPED_BEHIND) == 0,
       "the other destination drops nothing");
    ok(qoe_helper_stop(h, DRAIN_MS) == QOE_OK,
       "the helper stops while a destination without a spool hangs");
    teardown(&t);
    close(fd);
}


static void
test_ack(qoe_ack_t ack, const char *name)
{
    bench_t         t;
    uint32_t        w;
    uint64_t        synced;
    qoe_helper_t   *h;
    struct pollfd   pfd;

    setup(&t);
    spool(&t, 0);
    configure(&t, 1);
    t.exporter[0].interval_ms = 3600000;
    t.exporter[0].batch_size = 10000;
    t.ack = ack;
    qoe_helper_start(&h, &t.conf);
    usleep(100000);

    w = qoe_waiter_take(t.zone, qoe_proc_self(), 1);
    synced = counter(&t, 0, QOE_DEST_SPOOL_SYNCS);
    put(&t, 500);
    qoe_lane_wait(t.zone, 0, w);
    qoe_lane_wait(t.zone, 1, w);
    pfd = (struct pollfd) { t.waiter[w], POLLIN, 0 };

    ok(qoe_lane_acked(t.zone, 0, t.end[0], ack) || poll(&pfd, 1, 5000) == 1,
       "%s: a worker that waits for the acknowledgement is woken", name);
    ok(wait_acked(&t, ack),
       "every record that waits in the lanes is acknowledged");
    ok(delivered(&t) == 0,
       "records are acknowledged although nothing was sent");
    ok(info_of(&t, 0).spooled + info_of(&t, 0).queued == 500
       && balanced(&t, 0, 0, 0),
       "the counters add up before anything was sent");
    ok((counter(&t, 0, QOE_DEST_SPOOL_SYNCS) != synced)
       == (ack == QOE_ACK_FSYNC),
       "the spool is synced if and only if the acknowledgement needs that");

    ok(qoe_helper_stop(h, DRAIN_MS) == QOE_OK && delivered(&t) == 500,
       "at the exit everything is sent");
    ok(info_of(&t, 0).spooled == 0 && balanced(&t, 0, 500, 0),
       "what is sent from memory leaves nothing in the spool");
    qoe_waiter_give(t.zone, w);
    teardown(&t);
}


/*
 * Records of more parts than a batch may have, then a batch closed by its
 * size.
 */

static void
test_parts(void)
{
    int            i;
    bench_t        t;
    qoe_helper_t  *h;

    setup(&t);
    spool(&t, 0);
    configure(&t, 1);
    t.exporter[0].interval_ms = 3600000;
    t.exporter[0].batch_size = 1000;
    t.ack = QOE_ACK_SPOOL;
    qoe_helper_start(&h, &t.conf);

    for (i = 0; i < 150; i++) {
        put(&t, 2);

        if (!wait_acked(&t, QOE_ACK_SPOOL)) {
            break;
        }
    }

    ok(i == 150, "150 requests, one after another, are acknowledged");
    ok(wait_delivered(&t, 252), "a batch is closed when it has 63 parts");
    put(&t, 4000);
    ok(wait_acked(&t, QOE_ACK_SPOOL),
       "4,000 records put at once are acknowledged");
    t.ack = QOE_ACK_MEMORY;
    put(&t, 100);
    ok(qoe_helper_stop(h, DRAIN_MS) == QOE_OK && delivered(&t) == 4400,
       "each record is sent once, whether it went through the spool or not");
    ok(balanced(&t, 0, 4400, 0), "the counters add up after the exit");
    teardown(&t);
}


static void
test_exit(void)
{
    int            fd;
    bench_t        t;
    uint64_t       start, took;
    qoe_helper_t  *h;
    qoe_status_t   rc;

    setup(&t);
    fd = black_hole(&t, 0);
    spool(&t, 0);
    configure(&t, 1);
    qoe_helper_start(&h, &t.conf);
    put(&t, 3000);
    usleep(100000);
    start = qoe_mono_ms();
    rc = qoe_helper_stop(h, DRAIN_MS);
    took = qoe_mono_ms() - start;
    ok(rc == QOE_OK && took < DRAIN_MS + 300,
       "the exit ends in time while the collector hangs: %llu ms",
       (unsigned long long) took);
    ok(info_of(&t, 0).spooled == 3000 && info_of(&t, 0).queued == 0,
       "after such an exit all records are in the spool");
    ok(*t.conf.lost == 0 && balanced(&t, 0, 0, 0),
       "nothing was lost, and the counters add up");

    file(&t, 0);
    qoe_helper_start(&h, &t.conf);
    ok(wait_delivered(&t, 3000),
       "the next helper delivers what the spool holds, each record once");
    qoe_helper_stop(h, DRAIN_MS);
    teardown(&t);
    close(fd);
}


/*
 * The destination is known to be dead, so neither events nor metrics wait for
 * it.
 */

static void
test_exit_open(bool hangs)
{
    int            fd;
    char           url[80];
    bench_t        t;
    uint64_t       start, took;
    qoe_helper_t  *h;
    qoe_status_t   rc;

    setup(&t);
    fd = -1;

    if (hangs) {
        fd = black_hole(&t, 0);
        t.exporter[0].transport.timeout_ms = 1200;

    } else {
        (void) missing(&t, 0);
    }

    snprintf(url, sizeof(url), "%.*s",
             (int) t.exporter[0].transport.url[QOE_SIGNAL_LOGS].len,
             t.exporter[0].transport.url[QOE_SIGNAL_LOGS].data);
    t.exporter[0].transport.url[QOE_SIGNAL_METRICS] = qoe_span_str(url);
    spool(&t, 0);
    configure(&t, 1);
    qoe_helper_start(&h, &t.conf);
    put(&t, 100);
    ok(wait_spooled(&t, 0, 100),
       "while the collector %s, all events go to the spool",
       hangs ? "hangs" : "is down");
    put(&t, 100);

    start = qoe_mono_ms();
    rc = qoe_helper_stop(h, 3 * DRAIN_MS);
    took = qoe_mono_ms() - start;
    ok(rc == QOE_OK && took < 2 * DRAIN_MS && info_of(&t, 0).spooled == 200,
       "an exit does not wait for a collector known to be dead: %llu ms",
       (unsigned long long) took);
    ok(strstr(log_text, "metrics failed") != NULL,
       "an export of the last metrics was tried");

    teardown(&t);

    if (fd != -1) {
        close(fd);
    }
}


static void
test_hand_over(void)
{
    int            fd;
    bench_t        t;
    qoe_helper_t  *old, *new;

    setup(&t);
    fd = black_hole(&t, 0);
    spool(&t, 0);
    configure(&t, 1);
    t.exporter[0].interval_ms = 3600000;
    t.ack = QOE_ACK_SPOOL;
    qoe_helper_start(&old, &t.conf);
    put(&t, 150);
    ok(wait_acked(&t, QOE_ACK_SPOOL),
       "a helper has stored some records in the spool");

    file(&t, 0);
    qoe_zone_generation_raise(t.zone);
    t.conf.generation = qoe_zone_generation(t.zone);
    t.ack = QOE_ACK_MEMORY;
    put(&t, 50);
    qoe_helper_start(&new, &t.conf);
    put(&t, 300);
    ok(wait_spooled(&t, 0, 0),
       "a new helper takes over the spool of the old one");
    ok(qoe_helper_stop(old, DRAIN_MS) == QOE_OK, "the old helper stops");
    ok(qoe_helper_stop(new, DRAIN_MS) == QOE_OK && delivered(&t) == 500,
       "the backlog of the old helper was delivered, each record once");
    ok(balanced(&t, 0, 500, 0), "the counters add up after the takeover");
    teardown(&t);
    close(fd);
}


/*
 * The process is killed with events that are stored and sent but not answered.
 */

static void
test_kill(void)
{
    int            fd, status;
    pid_t          pid;
    bench_t        t;
    qoe_helper_t  *h;

    setup(&t);
    fd = black_hole(&t, 0);
    spool(&t, 0);
    configure(&t, 1);
    t.ack = QOE_ACK_SPOOL;
    pid = fork();

    if (pid == 0) {
        curl_global_init(CURL_GLOBAL_DEFAULT);

        if (qoe_helper_start(&h, &t.conf) != QOE_OK) {
            _exit(1);
        }

        for ( ;; ) {
            pause();
        }
    }

    put(&t, 700);
    ok(wait_acked(&t, QOE_ACK_SPOOL), "another process stores some records");
    ok(qoe_lane_dest_head(t.zone, 0, t.slots[0]) != t.end[0],
       "that process has not released the records in the lane");
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);

    file(&t, 0);
    t.ack = QOE_ACK_MEMORY;
    put(&t, 100);
    qoe_helper_start(&h, &t.conf);
    ok(wait_delivered(&t, 800),
       "after that process was killed all records are delivered, each once");
    ok(wait_spooled(&t, 0, 0) && balanced(&t, 0, 800, 0),
       "the counters add up after a kill");
    qoe_helper_stop(h, DRAIN_MS);
    teardown(&t);
    close(fd);
}


static void
test_removed(void)
{
    int            fd;
    bench_t        t;
    uint64_t       removed;
    qoe_helper_t  *old, *new;

    setup(&t);
    fd = black_hole(&t, 1);
    configure(&t, 2);
    qoe_helper_start(&old, &t.conf);
    put(&t, 400);
    ok(wait_delivered(&t, 400),
       "with two destinations, one of them hanging, the other gets all "
       "records");

    configure(&t, 1);
    qoe_zone_generation_raise(t.zone);
    t.conf.generation = qoe_zone_generation(t.zone);
    qoe_helper_start(&new, &t.conf);
    put(&t, 100);
    ok(wait_delivered(&t, 500),
       "when the destination that hangs is removed, the other goes on");
    ok(wait_empty(&t), "without the destination that hung the lanes are empty");
    removed = counter(&t, 1, QOE_DEST_DROPPED_REMOVED);
    ok(removed >= 400 && removed == info_of(&t, 1).accepted
       && balanced(&t, 1, 0, removed),
       "what was queued for a removed destination is counted as dropped");
    qoe_helper_stop(old, DRAIN_MS);
    qoe_helper_stop(new, DRAIN_MS);
    teardown(&t);
    close(fd);
}


static void
test_metrics_alone(void)
{
    bench_t        t;
    qoe_helper_t  *h;

    setup(&t);
    configure(&t, 0);
    t.conf.nexporters = 1;
    t.exporter[0].dest[QOE_STREAM_LOGS] = UINT32_MAX;
    t.exporter[0].transport.url[QOE_SIGNAL_LOGS] = qoe_span_null;
    t.exporter[0].transport.url[QOE_SIGNAL_METRICS] = qoe_span_str(t.path[0]);
    t.conf.metric_interval_ms = 300;
    qoe_helper_start(&h, &t.conf);
    put(&t, 20000);
    ok(wait_empty(&t), "with metrics alone the lanes are emptied");
    ok(qoe_helper_stop(h, DRAIN_MS) == QOE_OK && delivered(&t) == 0
       && access(t.path[0], F_OK) == 0,
       "with metrics alone the metrics are exported and no event is");
    teardown(&t);
}


int
main(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);

    test_replay();
    test_two();
    test_behind();
    test_ack(QOE_ACK_SPOOL, "spool");
    test_ack(QOE_ACK_FSYNC, "fsync");
    test_parts();
    test_exit();
    test_exit_open(false);
    test_exit_open(true);
    test_hand_over();
    test_kill();
    test_removed();
    test_metrics_alone();

    return tap_end();
}
