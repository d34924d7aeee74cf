
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

#define QOE_SESSION_WINDOW     64            /* bits of report_window */


static uint64_t qoe_session_ahead_by(qoe_session_t *s, uint64_t step);
static uint64_t qoe_session_zeros(uint64_t window);


uint64_t
qoe_session_sequence(qoe_session_t *s, const qoe_sample_t *sample, bool *lost)
{
    double    number;
    uint64_t  next, step, missing;

    *lost = false;
    number = sample->number[QOE_NUMBER_SEQUENCE];

    if (!qoe_sample_has(sample, SEQUENCE) || !(number >= 0 && number < 1e15)) {
        return 0;
    }

    next = (uint64_t) number + 1;
    missing = 0;

    if (s->report_last != 0 && next <= s->report_last
        && s->report_last - next < QOE_SESSION_WINDOW)
    {
        s->report_window |= (uint64_t) 1 << (s->report_last - next);

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
        s->report_window = UINT64_MAX;
        s->report_last = next;
    }

    return missing;
}


/* Moves the window; returns the reports missing among those that leave it. */

static uint64_t
qoe_session_ahead_by(qoe_session_t *s, uint64_t step)
{
    uint64_t  missing, left;

    if (step >= QOE_SESSION_WINDOW) {
        missing = qoe_session_zeros(s->report_window)
                  + step - QOE_SESSION_WINDOW;
        s->report_window = 1;
        return missing;
    }

    left = s->report_window >> (QOE_SESSION_WINDOW - step);
    missing = step - (uint64_t) __builtin_popcountll(left);

    s->report_window = s->report_window << step | 1;

    return missing;
}


static uint64_t
qoe_session_zeros(uint64_t window)
{
    return QOE_SESSION_WINDOW - (uint64_t) __builtin_popcountll(window);
}


uint64_t
qoe_session_missing(qoe_session_t *s)
{
    uint64_t  missing;

    if (s->report_last == 0) {
        return 0;
    }

    missing = qoe_session_zeros(s->report_window);
    s->report_window = UINT64_MAX;

    return missing;
}


uint64_t
qoe_session_video(qoe_session_t *s, const qoe_sample_t *sample,
    uint64_t video_key)
{
    uint64_t  key;

    switch ((int) sample->number[QOE_NUMBER_REPORT]) {

    case QOE_REPORT_AD_START:
    case QOE_REPORT_AD_BREAK_START:

        if (s->ad_key == 0) {
            s->ad_key = s->report_video;
        }

        break;

    case QOE_REPORT_AD_BREAK_END:
    case QOE_REPORT_CONTENT:
        s->ad_key = 0;
        break;

    case QOE_REPORT_AD_END:
        key = s->ad_key;
        s->ad_key = 0;
        return key != 0 ? key : video_key;

    default:
        break;
    }

    if (s->ad_key != 0) {
        return s->ad_key;
    }

    s->report_video = video_key != 0 ? video_key : s->report_video;

    return video_key;
}
