
/*
 * Copyright (C) OpenQoE
 *
 * The health of a destination: what its lanes report, and readers that meet a
 * writer.
 */


#include "tap.h"
#include "zone_unit.h"

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>


static void
test_health(void)
{
    char             text[600];
    uint32_t         d[4];
    qoe_zone_t      *zone;
    qoe_dest_info_t  info;

    zone = zone_new(2);
    configure(zone, "ab", d);
    qoe_lane_dests(zone, 0);
    qoe_lane_dests(zone, 1);
    memset(text, 'e', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';

    qoe_lane_dest_report(zone, 0, d[0], 5, text, true);
    qoe_lane_dest_report(zone, 0, d[0], 6, "refused", true);
    qoe_dest_info(zone, d[0], &info);
    ok(info.health.consecutive_failures == 2
       && info.health.last_failure_ms == 6
       && strcmp(info.health.last_error, "refused") == 0,
       "failures of a destination are counted, with their text");
    qoe_dest_info(zone, d[1], &info);
    ok(info.health.consecutive_failures == 0
       && info.health.last_failure_ms == 0,
       "failures of a destination are not the other's");

    qoe_lane_dest_report(zone, 1, d[0], 7, "reset", true);
    qoe_lane_dest_report(zone, 1, d[0], 8, NULL, false);
    qoe_dest_info(zone, d[0], &info);
    ok(info.health.consecutive_failures == 2
       && info.health.last_success_ms == 8
       && strcmp(info.health.last_error, "reset") == 0,
       "two lanes give the worse count, the latest text and the latest "
       "success");

    qoe_lane_dest_report(zone, 0, d[0], 9, "a poison batch", false);
    qoe_dest_info(zone, d[0], &info);
    ok(info.health.consecutive_failures == 0
       && strcmp(info.health.last_error, "a poison batch") == 0,
       "a refusal is an answer, which ends a series of failures");

    qoe_lane_dest_report(zone, 0, d[0], 9, text, true);
    qoe_zone_lane_dest(zone, 0, d[0])->health_seq |= 1;
    qoe_lane_dest_report(zone, 0, d[0], 11, NULL, false);
    qoe_dest_info(zone, d[0], &info);
    ok(info.health.consecutive_failures == 0
       && info.health.last_success_ms == 11
       && strlen(info.health.last_error)
          == sizeof(info.health.last_error) - 1,
       "a writer that died within an update does not keep the next from "
       "writing");
}


/*
 * A reader is interrupted by a writer: the second half of what it reads is on a
 * page that it cannot read, and the signal's handler writes.
 */

static uint8_t            *half;             /* the page of the second half */
static size_t              page;
static uint64_t            read_seq;
static qoe_lane_health_t  *torn;


static void
write_within(int signo)
{
    (void) signo;

    mprotect(half, page, PROT_READ|PROT_WRITE);
    torn->last_failure_ms = 2;
    memset(torn->last_error, 'b', sizeof(torn->last_error) - 1);
    read_seq = (read_seq | 1) + 1;
}


static bool
read_torn(uint64_t seq)
{
    char               text[256];
    qoe_lane_health_t  health;

    mprotect(half, page, PROT_READ|PROT_WRITE);
    memset(torn, 0, sizeof(qoe_lane_health_t));
    torn->last_failure_ms = 1;
    memset(torn->last_error, 'a', sizeof(torn->last_error) - 1);
    mprotect(half, page, PROT_NONE);
    read_seq = seq;

    qoe_health_read(torn, &read_seq, &health);

    memset(text, 'b', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';

    return read_seq == (seq | 1) + 1 && health.last_failure_ms == 2
           && strcmp(health.last_error, text) == 0;
}


static void
test_health_torn(void)
{
    void              *mem;
    struct sigaction   sa, before;

    page = (size_t) sysconf(_SC_PAGESIZE);
    mem = mmap(NULL, 2 * page, PROT_READ|PROT_WRITE,
               MAP_PRIVATE|MAP_ANONYMOUS, -1, 0);

    if (mem == MAP_FAILED) {
        abort();
    }

    half = (uint8_t *) mem + page;
    torn = (qoe_lane_health_t *) (half - sizeof(qoe_lane_health_t) / 2 / 8 * 8);

    memset(&sa, 0, sizeof(sa));
    sa.sa_handler = write_within;
    sigaction(SIGSEGV, &sa, &before);

    ok(read_torn(4), "a reader during whose copy a writer wrote reads again");
    ok(read_torn(5), "a reader that began while a writer wrote reads again");

    sigaction(SIGSEGV, &before, NULL);
    munmap(mem, 2 * page);
}


/* What an exporter of metrics reports for itself, and others do not. */

static void
test_metrics(void)
{
    uint32_t         d[4], slot;
    qoe_span_t       name;
    qoe_zone_t      *zone;
    qoe_dest_info_t  info;

    zone = zone_new(2);
    configure(zone, "aB", d);
    name = qoe_span("m");
    qoe_dests_set_metrics(zone, &name, 1, &slot);

    ok(!qoe_dest_spooled(zone, d[0]) && qoe_dest_spooled(zone, d[1])
       && !qoe_dest_spooled(zone, slot) && qoe_dest_wanted(zone, d[0])
       && qoe_dest_wanted(zone, d[1]) && !qoe_dest_wanted(zone, 7),
       "a destination has a spool if it was configured with one");

    qoe_dest_report(zone, d[0], 5, "refused", true);
    ok(qoe_zone_dest(zone, d[0])->health.consecutive_failures == 0
       && qoe_zone_dest(zone, d[0])->health_seq == 0,
       "an exporter that gets events reports through its lanes alone");

    qoe_dest_report(zone, slot, 6, "refused", true);
    qoe_dest_info(zone, slot, &info);
    ok(info.health.consecutive_failures == 1
       && strcmp(info.health.last_error, "refused") == 0
       && info.health.last_failure_ms == 6,
       "one that gets metrics alone reports for itself");

    qoe_zone_dest(zone, slot)->health_lock = (qoe_proc_t) 1 << 32;
    qoe_dest_report(zone, slot, 7, "reset", true);
    qoe_dest_info(zone, slot, &info);
    ok(info.health.consecutive_failures == 1
       && info.health.last_failure_ms == 6,
       "without the lock nothing is reported");
    qoe_zone_dest(zone, slot)->health_lock = 0;
    qoe_dest_report(zone, slot, 8, NULL, false);
    qoe_dest_info(zone, slot, &info);
    ok(info.health.consecutive_failures == 0
       && info.health.last_success_ms == 8
       && qoe_zone_dest(zone, slot)->health_lock == 0,
       "with it success is, and the lock is free again");
}


int
main(void)
{
    test_health();
    test_metrics();
    test_health_torn();

    return tap_end();
}
