
/*
 * Copyright (C) OpenQoE
 *
 * An exit while the disk holds the helper thread in a write: the worker leaves
 * without the thread, and what the thread leaves in the lanes has a number.
 */


#include "helper_bench.h"

#include <sys/syscall.h>
#include <sys/uio.h>


#define EVENTS         1000
#define EXIT_MS        300


static bool  stuck, entered;


/* Replaces the function of libc: the disk does not answer. */

ssize_t
pwritev(int fd, const struct iovec *iov, int n, off_t offset)
{
    while (__atomic_load_n(&stuck, __ATOMIC_ACQUIRE)) {
        __atomic_store_n(&entered, true, __ATOMIC_RELEASE);
        usleep(1000);
    }

    return syscall(SYS_pwritev, fd, iov, n, (long) offset, 0L);
}


/* There is no collector, so the spool is all that is left. */

static void
dead_collector(bench_t *t)
{
    t->exporter[0].transport.protocol = QOE_PROTOCOL_HTTP_PROTOBUF;
    t->exporter[0].transport.url[QOE_SIGNAL_LOGS] =
        qoe_span("http://127.0.0.1:9/v1/logs");
    spool(t, 0);
    t->conf.qoe.groups = 0;
    configure(t, 1);
}


int
main(void)
{
    int               rc;
    char              cmd[128];
    bench_t           t;
    uint64_t          lost, left;
    uint32_t          lane;
    qoe_helper_t     *h;
    qoe_lane_info_t   info;

    curl_global_init(CURL_GLOBAL_ALL);
    setup(&t);
    dead_collector(&t);

    if (qoe_helper_start(&h, &t.conf) != QOE_OK) {
        abort();
    }

    __atomic_store_n(&stuck, true, __ATOMIC_RELEASE);
    put(&t, EVENTS);

    ok(qoe_helper_stop(h, EXIT_MS) == QOE_BUSY
       && __atomic_load_n(&entered, __ATOMIC_ACQUIRE),
       "a helper that hangs on its disk does not end in time");

    left = 0;

    for (lane = 0; lane < LANES; lane++) {
        qoe_zone_lane_info(t.zone, lane, &info);
        left += info.produced - info.consumed;
    }

    lost = __atomic_load_n(t.conf.lost, __ATOMIC_RELAXED);
    ok(left == EVENTS && lost == EVENTS,
       "what the lanes still hold is counted as lost at the exit (%llu)",
       (unsigned long long) lost);
    ok(strstr(log_text, "1000 events were not exported") != NULL,
       "the lost events are reported with their number");

    for (lane = 0, left = 0; lane < LANES; lane++) {
        left += qoe_lane_lost(t.zone, lane);
    }

    ok(left == 0,
       "another worker that exits does not count the same events again");

    put(&t, 2);

    for (lane = 0, left = 0; lane < LANES; lane++) {
        left += qoe_lane_lost(t.zone, lane);
    }

    ok(left == 2,
       "events that came since are counted when the next worker exits");

    /* The thread is still there, as in a worker that exits by _exit(). */

    snprintf(cmd, sizeof(cmd), "rm -rf '%s'", t.dir);
    rc = system(cmd);

    rc |= tap_end();
    fflush(stdout);
    _exit(rc);
}
