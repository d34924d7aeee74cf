
/*
 * Copyright (C) OpenQoE
 *
 * A session that plays, and how it goes on, for tests of estimated stalls.
 */


#ifndef _DELIVERY_PLAY_H_INCLUDED_
#define _DELIVERY_PLAY_H_INCLUDED_


#include "delivery_unit.h"


#define VIDEO     QOE_CMCD_OT_VIDEO
#define AUDIO     QOE_CMCD_OT_AUDIO
#define MANIFEST  QOE_CMCD_OT_MANIFEST


/* Video, and audio if wanted, that plays until at: segments 1 to 5. */

static inline double
play(bool audio)
{
    unsigned       i;
    qoe_request_t  r;

    begin();

    r = response(0, 20, MANIFEST);
    apply(&r);

    for (i = 0; i < 5; i++) {
        r = segment(i * 2000.0, 100, VIDEO, i + 1, i ? 3000 : 0);
        apply(&r);

        if (audio) {
            r = segment(i * 2000.0 + 50, 50, AUDIO, i + 1, i ? 3000 : 0);
            apply(&r);
        }
    }

    return 10000;
}


static inline void
goes_on(double at, unsigned number, bool audio)
{
    unsigned       i;
    qoe_request_t  r;

    for (i = 0; i < 4; i++) {
        r = segment(at + i * 2000.0, 100, VIDEO, number + i, 2000);
        apply(&r);

        if (audio) {
            r = segment(at + i * 2000.0 + 50, 50, AUDIO, number + i, 2000);
            apply(&r);
        }
    }
}


static inline bool
stalled(double ms, const char *cause, const char *reason)
{
    return COUNT(EXPERIENCE_REBUFFERS, NULL) == 1
           && COUNT(EXPERIENCE_REBUFFERS, cause) == 1
           && COUNT(EXPERIENCE_REBUFFERS, reason) == 1
           && COUNT(EXPERIENCE_REBUFFERS, "request") == 1
           && COUNT(EXPERIENCE_REBUFFER_TIME, cause) == !isnan(ms)
           && (isnan(ms) || fabs(SUM(EXPERIENCE_REBUFFER_TIME, NULL) - ms)
                            <= 20);
}


#endif /* _DELIVERY_PLAY_H_INCLUDED_ */
