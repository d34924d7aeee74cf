
/*
 * Copyright (C) OpenQoE
 *
 * What a session knows from its reports of CMCD: which sequence numbers are
 * missing, and which video an ad interrupts.
 */


#include "tap.h"

#include "qoe_view_report.h"


static qoe_session_t  s;
static bool           lost;


static qoe_sample_t
report(qoe_report_event_t event, double sn)
{
    qoe_sample_t  r;

    memset(&r, 0, sizeof(r));
    r.number[QOE_NUMBER_REPORT] = event;
    r.number[QOE_NUMBER_SEQUENCE] = sn;
    r.set = (uint64_t) 1 << QOE_NUMBER_REPORT
            | (uint64_t) 1 << QOE_NUMBER_SEQUENCE;

    return r;
}


static uint32_t
arrive(double sn)
{
    qoe_sample_t  r = report(QOE_REPORT_INTERVAL, sn);

    return qoe_session_sequence(&s, &r, &lost);
}


static uint32_t
arrive_all(unsigned from, unsigned to)
{
    uint32_t  n;

    for (n = 0; from <= to; from++) {
        n += arrive(from);
    }

    return n;
}


static void
test_sequence(void)
{
    memset(&s, 0, sizeof(s));

    ok(arrive(7) == 0 && !lost && qoe_session_missing(&s) == 0,
       "nothing is known of reports before the first one");
    ok(arrive_all(8, 200) == 0 && !lost && qoe_session_missing(&s) == 0,
       "reports in a row miss none");
    ok(arrive(203) == 0 && lost,
       "a jump is noted at once, but may be a matter of the order");
    ok(arrive(202) == 0 && arrive(201) == 0 && !lost
       && qoe_session_missing(&s) == 0,
       "reports that come late fill it");
    ok(arrive(205) == 0 && arrive_all(206, 235) == 0
       && arrive_all(236, 237) == 1,
       "a report is missing once 32 others came after it");
    ok(arrive(240) == 0 && qoe_session_missing(&s) == 2
       && qoe_session_missing(&s) == 0,
       "those that are missing at the end of a view count once");
    ok(arrive(340) == 99 - 31 && qoe_session_missing(&s) == 31,
       "a jump beyond what is remembered counts whole");
    ok(arrive(340) == 0 && arrive(339) == 0 && arrive(5000) == 0
       && qoe_session_missing(&s) == 0,
       "a leap is a new count, and no loss");
    ok(arrive(0) == 0 && arrive(1) == 0 && qoe_session_missing(&s) == 0,
       "so is a count that begins again");
    ok(arrive(-1) == 0 && arrive(1e18) == 0 && arrive(2) == 0 && !lost,
       "numbers that no player sends are no numbers");
}


static uint32_t
ad(qoe_report_event_t event, uint64_t playing)
{
    qoe_sample_t  r = report(event, 0);

    return qoe_session_ad(&s, &r, playing);
}


static void
test_ad(void)
{
    uint32_t        tag;
    const uint64_t  film = 0x1234567800000001;

    memset(&s, 0, sizeof(s));
    tag = qoe_session_ad_tag(film);

    ok(ad(QOE_REPORT_STATE, film) == 0 && ad(QOE_REPORT_AD_END, film) == 0,
       "without an ad each report is about its own video");
    ok(ad(QOE_REPORT_AD_BREAK_START, film) == tag
       && ad(QOE_REPORT_AD_START, 99) == tag
       && ad(QOE_REPORT_STATE, 99) == tag
       && ad(QOE_REPORT_AD_END, 99) == tag
       && ad(QOE_REPORT_STATE, film) == 0,
       "from the begin of an ad to its end all belongs to the video around it");
    ok(ad(QOE_REPORT_AD_START, film) == tag && ad(QOE_REPORT_CONTENT, 99) == 0
       && ad(QOE_REPORT_STATE, 99) == 0,
       "another content ends it, too");
}


int
main(void)
{
    test_sequence();
    test_ad();

    return tap_end();
}
