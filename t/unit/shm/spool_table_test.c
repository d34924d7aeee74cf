
/*
 * Copyright (C) OpenQoE
 *
 * The table of segments, who reads a backlog, and which spools fail.
 */


#include "tap.h"
#include "zone_unit.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>


static void
test_table(void)
{
    bool                  adopted;
    pid_t                 pid;
    uint32_t              i, d[4];
    qoe_zone_t           *zone;
    qoe_spool_info_t      info;
    qoe_segment_entry_t  *e, *f;

    zone = zone_new(1);
    configure(zone, "Ab", d);

    e = qoe_spool_entry_new(zone, d[0], self);
    f = qoe_spool_entry_new(zone, d[0], self);
    ok(e != NULL && f != NULL && e != f && e->owner == self
       && e->state == QOE_SEGMENT_OPEN,
       "two entries are given to their writer, open");

    qoe_publish(&e->events, 10);
    qoe_publish(&e->done, 4);
    qoe_publish(&e->bytes, 100);
    qoe_publish(&e->oldest_ns, 77);
    qoe_publish(&f->events, 3);
    qoe_publish(&f->done, 3);
    qoe_publish(&f->bytes, 50);
    qoe_publish(&f->oldest_ns, 55);
    qoe_spool_info(zone, d[0], &info);
    ok(info.events == 6 && info.bytes == 150 && info.segments == 2
       && info.oldest_ns == 77,
       "the table sums what waits, and gives the oldest");
    qoe_spool_info(zone, d[1], &info);
    ok(info.segments == 0 && info.events == 0,
       "another destination has sums of its own");

    ok(qoe_spool_entry_claim(e, self, &adopted) == QOE_BUSY
       && qoe_spool_entry_claim(e, self ^ (1ULL << 40), &adopted) == QOE_BUSY,
       "a segment that is being written cannot be claimed");
    qoe_spool_entry_seal(e);
    ok(e->state == QOE_SEGMENT_SEALED
       && qoe_spool_entry_claim(e, self, &adopted) == QOE_OK && !adopted,
       "a sealed segment can be claimed");
    qoe_spool_entry_free(e);
    ok(qoe_spool_entry_claim(e, self, &adopted) == QOE_BUSY && e->owner == 0,
       "a segment that is gone cannot be claimed");
    qoe_spool_info(zone, d[0], &info);
    ok(info.segments == 1 && info.oldest_ns == 0,
       "a segment that is gone is not counted");

    /*
     * A process that is killed with an open entry, and while it takes another.
     */

    pid = fork();

    if (pid == 0) {
        e = qoe_spool_entry_new(zone, d[0], qoe_proc_self());
        qoe_publish(&e->events, 9);
        qoe_publish(&qoe_spool_table(zone, d[0])[2].owner, qoe_proc_self());
        (void) qoe_spool_backlog_take(zone, d[0], qoe_proc_self());
        raise(SIGKILL);
    }

    waitpid(pid, NULL, 0);

    ok(qoe_spool_entry_claim(e, self, &adopted) == QOE_OK && adopted
       && e->events == 9 && e->state == QOE_SEGMENT_OPEN && e->owner == self,
       "a segment that a killed process wrote is adopted");
    ok(qoe_spool_backlog_take(zone, d[0], self)
       && qoe_spool_backlog_take(zone, d[0], self)
       && !qoe_spool_backlog_take(zone, d[0], qoe_proc_self() ^ 1),
       "the backlog of a killed process is adopted, by a single process");
    qoe_spool_backlog_give(zone, d[0], self ^ 1);
    ok(qoe_acquire(&qoe_zone_dest(zone, d[0])->backlog) == self,
       "the backlog is given away only by its reader");
    qoe_spool_backlog_give(zone, d[0], self);
    ok(qoe_spool_backlog_take(zone, d[0], self ^ (1ULL << 40)),
       "another process takes the backlog that was given away");

    for (i = 2; qoe_spool_entry_new(zone, d[0], self) != NULL; i++) {
        /* void */
    }

    ok(i == QOE_SEGMENTS_MAX,
       "all entries can be used, including the half-taken one");
}


static void
test_failing(void)
{
    char              text[600];
    uint32_t          d[4];
    qoe_zone_t       *zone;
    qoe_spool_info_t  info;

    zone = zone_new(1);
    configure(zone, "Ab", d);
    memset(text, 'e', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';

    ok(!qoe_spool_any_failing(zone), "at first no spool fails");
    qoe_spool_report(zone, d[1], "an error");
    ok(!qoe_spool_any_failing(zone),
       "a destination without a spool does not fail");
    qoe_spool_report(zone, d[0], "no space left");
    qoe_spool_info(zone, d[0], &info);
    ok(qoe_spool_any_failing(zone) && info.failed_ms != 0
       && strcmp(info.error, "no space left") == 0,
       "a failure is reported with its time and text");
    qoe_spool_report(zone, d[0], text);
    qoe_spool_info(zone, d[0], &info);
    ok(strlen(info.error) == sizeof(info.error) - 1,
       "a long error text is cut");

    qoe_zone_dest(zone, d[0])->error_lock = self ^ 1;
    qoe_zone_dest(zone, d[0])->error_seq |= 1;
    qoe_spool_report(zone, d[0], "read-only");
    qoe_spool_info(zone, d[0], &info);
    ok(strcmp(info.error, "read-only") == 0,
       "a writer that died within its text keeps no other from writing");

    qoe_spool_report(zone, d[0], NULL);
    qoe_spool_info(zone, d[0], &info);
    ok(!qoe_spool_any_failing(zone) && info.failed_ms == 0
       && strcmp(info.error, "read-only") == 0,
       "a spool that is healed keeps its last error's text");

    qoe_spool_report(zone, d[0], "again");
    configure(zone, "b", d + 1);
    ok(!qoe_spool_any_failing(zone), "a destination that went does not fail");
}


int
main(void)
{
    self = qoe_proc_self();

    test_table();
    test_failing();

    return tap_end();
}
