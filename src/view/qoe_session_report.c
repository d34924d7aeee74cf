
/*
 * Copyright (C) OpenQoE
 *
 * What a session knows from its reports of CMCD.
 */


#include "qoe_view_report.h"


/*
 * A jump of the sequence numbers by more is a new count, and no loss: another
 * player of the session, or a forged report.
 */
#define QOE_SESSION_JUMP       1000

#define QOE_SESSION_WINDOW     32            /* bits of report_window */


static uint32_t qoe_session_ahead_by(qoe_session_t *s, uint32_t step);
static uint32_t qoe_session_zeros(uint32_t window);


uint32_t
qoe_session_sequence(qoe_session_t *s, const qoe_sample_t *sample, bool *lost)
{
    double    number;
    uint32_t  next, step, missing;

    *lost = false;
    number = sample->number[QOE_NUMBER_SEQUENCE];

    if (!qoe_sample_has(sample, SEQUENCE)
        || !(number >= 0 && number < UINT32_MAX))
    {
        return 0;
    }

    next = (uint32_t) number + 1;
    missing = 0;

    if (s->report_last != 0 && next <= s->report_last
        && s->report_last - next < QOE_SESSION_WINDOW)
    {
        s->report_window |= (uint32_t) 1 << (s->report_last - next);

    } else if (s->report_last != 0 && next > s->report_last
               && next - s->report_last <= QOE_SESSION_JUMP)
    {
        step = next - s->report_last;
        missing = qoe_session_ahead_by(s, step);
        s->report_last = next;
        *lost = (step > 1);

    } else {

        /* the first report, or a new count: nothing is known of those before */

        missing = s->report_last != 0 ? qoe_session_missing(s) : 0;
        s->report_window = UINT32_MAX;
        s->report_last = next;
    }

    return missing;
}


/* Moves the window; returns the reports missing among those that leave it. */

static uint32_t
qoe_session_ahead_by(qoe_session_t *s, uint32_t step)
{
    uint32_t  missing, left;

    if (step >= QOE_SESSION_WINDOW) {
        missing = qoe_session_zeros(s->report_window)
                  + step - QOE_SESSION_WINDOW;
        s->report_window = 1;
        return missing;
    }

    left = s->report_window >> (QOE_SESSION_WINDOW - step);
    missing = step - (uint32_t) __builtin_popcount(left);

    s->report_window = s->report_window << step | 1;

    return missing;
}


static uint32_t
qoe_session_zeros(uint32_t window)
{
    return QOE_SESSION_WINDOW - (uint32_t) __builtin_popcount(window);
}


uint32_t
qoe_session_missing(qoe_session_t *s)
{
    uint32_t  missing;

    if (s->report_last == 0) {
        return 0;
    }

    missing = qoe_session_zeros(s->report_window);
    s->report_window = UINT32_MAX;

    return missing;
}


uint32_t
qoe_session_ad(qoe_session_t *s, const qoe_sample_t *sample,
    uint64_t video_key)
{
    uint32_t  ad;

    ad = s->ad;

    switch ((int) sample->number[QOE_NUMBER_REPORT]) {

    case QOE_REPORT_AD_START:
    case QOE_REPORT_AD_BREAK_START:

        if (ad == 0) {
            s->ad = qoe_session_ad_tag(video_key);
        }

        return s->ad;

    case QOE_REPORT_AD_END:
    case QOE_REPORT_AD_BREAK_END:
        s->ad = 0;
        return ad;

    case QOE_REPORT_CONTENT:
        s->ad = 0;
        return 0;

    default:
        return ad;
    }
}


uint32_t
qoe_session_ad_tag(uint64_t video_key)
{
    return (uint32_t) (video_key >> 32) | 1;
}
