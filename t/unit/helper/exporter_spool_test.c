
/*
 * Copyright (C) OpenQoE
 *
 * An exporter whose spool fails: its disk cannot be synced, or it is full.
 */


#ifndef _GNU_SOURCE
#define _GNU_SOURCE              /* syscall() */
#endif

#include "exporter_unit.h"

#include <errno.h>
#include <sys/syscall.h>


/* libqoe.a calls this function instead of that of libc. */

static int  sync_errno;                      /* the next fdatasync fails so */


int
fdatasync(int fd)
{
    if (sync_errno != 0) {
        errno = sync_errno;
        sync_errno = 0;
        return -1;
    }

    return (int) syscall(SYS_fdatasync, fd);
}


static void
ask(uint32_t lane, qoe_ack_t ack)
{
    uint64_t   wake[QOE_LANES_MAX / 64];
    qoe_put_t  p;

    p = (qoe_put_t) { lane, qoe_span("0       "), qoe_span_null, 0 };

    if (qoe_zone_put(zone, self, 0, &p, 1, ack, NULL, wake) != QOE_OK) {
        abort();
    }
}


static void
test_sync_fails(void)
{
    start(true);
    ask(0, QOE_ACK_FSYNC);
    ask(1, QOE_ACK_SPOOL);
    sync_errno = EIO;
    ok(!qoe_exporter_commit(&e, at) && spooled(zone) == 2
       && held[0].feed[0]->unsynced && held[0].feed[0]->synced == 0
       && !qoe_lane_acked(zone, 0, 16, QOE_ACK_FSYNC)
       && qoe_lane_acked(zone, 0, 16, QOE_ACK_SPOOL),
       "after a sync that failed nothing counts as durable, and no other turn "
       "is asked for at once");
    ok(e.spool_ms == at + 250 && !qoe_exporter_can_spool(&e, at + 249),
       "it is tried again in a quarter of a second");

    skew = 1100;
    qoe_spool_run(e.spool, now());
    skew = 0;
    at += 1100;
    ok(!qoe_spool_failing(e.spool) && !qoe_exporter_commit(&e, at)
       && !held[0].feed[0]->unsynced && !held[1].feed[0]->unsynced
       && held[0].feed[0]->synced == 16
       && qoe_lane_acked(zone, 0, 16, QOE_ACK_FSYNC)
       && qoe_lane_acked(zone, 1, 16, QOE_ACK_FSYNC),
       "a sync that goes well makes all lanes durable");
    end();
}


/* Nothing more fits, while the server takes nothing either. */

static void
test_full(void)
{
    max_size = 1;
    start(true);
    max_size = 0;
    ready(0, 2);
    run();
    answer(QOE_OUTCOME_HOLD, 0);
    memset(&e.log_limit, 0, sizeof(e.log_limit));
    ok(!run() && spooled(zone) == 0 && e.spool_ms == at + 250
       && strstr(logged, "the spool is full") != NULL,
       "a spool that is full is not tried again at once, and logged");
    lags = behind = true;
    ok(!run() && counter(zone, QOE_DEST_DROPPED_BEHIND) == 4,
       "meanwhile a lane that is full drops all that waits or is in flight");
    end();
}


int
main(void)
{
    self = qoe_proc_self();

    test_sync_fails();
    test_full();

    clear(dir, false);

    return tap_end();
}
