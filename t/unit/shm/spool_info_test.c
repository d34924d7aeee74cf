
/*
 * Copyright (C) OpenQoE
 *
 * What the zone knows of spools: sums of all lanes, the rate, failing spools.
 */


#include "tap.h"
#include "zone_unit.h"


static void
test_sums(void)
{
    uint32_t           d[4];
    qoe_zone_t        *zone;
    qoe_spool_info_t   info;
    qoe_spool_part_t  *p, *q;

    zone = zone_new(3);
    configure(zone, "Ab", d);

    qoe_spool_info(zone, d[0], &info);
    ok(info.segments == 0 && info.events == 0 && info.oldest_ns == 0,
       "a spool is empty at first");

    p = qoe_spool_part(zone, 0, d[0]);
    q = qoe_spool_part(zone, 2, d[0]);

    qoe_publish(&p->events, 6);
    qoe_publish(&p->bytes, 100);
    qoe_publish(&p->segments, 2);
    qoe_publish(&p->oldest_ns, 77);
    qoe_publish(&q->bytes, 50);
    qoe_publish(&q->segments, 1);
    qoe_publish(&q->oldest_ns, 55);
    qoe_spool_info(zone, d[0], &info);
    ok(info.events == 6 && info.bytes == 150 && info.segments == 3
       && info.oldest_ns == 77 && qoe_spool_bytes(zone, d[0]) == 150,
       "the sums are those of all lanes, the oldest of a lane with events");
    qoe_publish(&q->events, 1);
    qoe_spool_info(zone, d[0], &info);
    ok(info.events == 7 && info.oldest_ns == 55,
       "the oldest is that of any lane");
    qoe_spool_info(zone, d[1], &info);
    ok(info.segments == 0 && info.events == 0,
       "another destination has sums of its own");
}


static void
test_rate(void)
{
    int          i;
    uint32_t     d[4];
    uint64_t     at;
    qoe_zone_t  *zone;

    zone = zone_new(1);
    configure(zone, "AB", d);

    ok(qoe_spool_paid_ms(zone, d[0], 5000) == 0, "the first request may go");
    qoe_spool_pay(zone, d[0], 1000, 5000, 999);
    ok(qoe_spool_paid_ms(zone, d[0], 5000) == 0,
       "within a second's bytes the next may go at once");
    qoe_spool_pay(zone, d[0], 1000, 5000, 4000);
    at = qoe_spool_paid_ms(zone, d[0], 5000);
    ok(at == 5000 + 4000 && qoe_spool_paid_ms(zone, d[0], at) == 0,
       "a request that overdraws the rate delays the next");
    ok(qoe_spool_paid_ms(zone, d[1], 5000) == 0,
       "another destination has a rate of its own");
    qoe_spool_pay(zone, d[0], 1000, 60000, 10);
    ok(qoe_spool_paid_ms(zone, d[0], 60000) == 0,
       "a pause saves no more than a second's bytes");

    for (i = 0, at = 60000; i < 1000; i++) {
        at = qoe_max(at, qoe_spool_paid_ms(zone, d[0], at));
        qoe_spool_pay(zone, d[0], 50000, at, 300);
    }

    ok(at >= 64990 && at <= 65010, "1,000 requests of 300 bytes take 5 s at "
       "50,000 a second and a second's bytes at once: %llu ms",
       (unsigned long long) (at - 60000));

    qoe_spool_pay(zone, d[1], 0, 60000, 1000);
    ok(qoe_spool_paid_ms(zone, d[1], 60000) == 0,
       "without a rate nothing is delayed");
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


/* The price of a request, to the microsecond, from one to millions of bytes. */

static void
test_price(void)
{
    int          i;
    uint32_t     d[2];
    uint64_t     us;
    qoe_zone_t  *zone;

    static const struct { uint64_t rate, bytes, us; }  rows[] = {
        { 3, 10, 3333333 }, { 1000, 1, 1000 }, { 1000, 123456, 123456000 },
        { 1, 4194304, 4194304000000 }, { 1073741824, 4194304, 3906 },
        { 4194304, 4194304, 1000000 }, { 4194304, 4194303, 999999 }
    };

    zone = zone_new(1);
    configure(zone, "a", d);

    for (i = 0; i < (int) (sizeof(rows) / sizeof(rows[0])); i++) {
        qoe_zone_dest(zone, d[0])->replay_us = 5000;
        qoe_spool_pay(zone, d[0], rows[i].rate, 7, rows[i].bytes);
        us = qoe_zone_dest(zone, d[0])->replay_us;
        ok(us == 7000 + rows[i].us,
           "%llu bytes at %llu a second take %llu us from now",
           (unsigned long long) rows[i].bytes,
           (unsigned long long) rows[i].rate, (unsigned long long) rows[i].us);
        qoe_spool_pay(zone, d[0], rows[i].rate, 7, rows[i].bytes);
        ok(qoe_zone_dest(zone, d[0])->replay_us == us + rows[i].us,
           "and as much from the end of what was paid before");
    }
}


int
main(void)
{
    self = qoe_proc_self();

    test_sums();
    test_rate();
    test_price();
    test_failing();

    return tap_end();
}
