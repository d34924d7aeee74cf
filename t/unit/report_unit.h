
/*
 * Copyright (C) OpenQoE
 *
 * Reports of CMCD, with a sequence number each, for a lane of apply_unit.h.
 */


#ifndef _REPORT_UNIT_H_INCLUDED_
#define _REPORT_UNIT_H_INCLUDED_


#include "apply_unit.h"


#define MB                 (1024 * 1024)


static double  sn;                           /* of the next report */


/* A report of a session and a video, as "session//video". */

static inline void
report(lane_t *l, int64_t ms, const char *of, qoe_report_event_t event,
    qoe_player_state_t state)
{
    char          ids[128], none[1], *video;
    uint64_t      at;
    qoe_sample_t  s;

    snprintf(ids, sizeof(ids), "%s", of);
    video = strstr(ids, "//");
    *video = '\0';
    none[0] = '\0';

    at = LOG_START + (uint64_t) ms;
    make_sample(&s, "heartbeat", at, at, none);

    if (event == QOE_REPORT_RESPONSE) {
        s.number[QOE_NUMBER_TTLB] = 3000;
        s.set |= (uint64_t) 1 << QOE_NUMBER_TTLB;
    }

    s.number[QOE_NUMBER_REPORT] = event;
    s.number[QOE_NUMBER_PLAYER_STATE] = state;
    s.number[QOE_NUMBER_SEQUENCE] = sn++;
    s.set |= (uint64_t) 1 << QOE_NUMBER_REPORT
             | (uint64_t) 1 << QOE_NUMBER_PLAYER_STATE
             | (uint64_t) 1 << QOE_NUMBER_SEQUENCE;

    s.text[QOE_TEXT_ORG_ID] = qoe_span("acme");
    s.text[QOE_TEXT_PLAYER_ID] = qoe_span("web");
    s.text[QOE_TEXT_SESSION_ID] = qoe_span_str(ids);
    s.text[QOE_TEXT_VIEW_ID] = qoe_span_str(ids);
    s.text[QOE_TEXT_VIDEO_ID] = qoe_span_str(video + 2);

    l->now_ms = (uint64_t) ms;
    lane_apply(l, &s);
}


/* A report of any data, "e=t sta=p country=DE" (view_events.h). */

static inline void
report_of(lane_t *l, int64_t ms, const char *of, const char *data)
{
    char          ids[128], buf[256], *video;
    uint64_t      at;
    qoe_sample_t  s;

    snprintf(ids, sizeof(ids), "%s", of);
    snprintf(buf, sizeof(buf), "%s", data);
    video = strstr(ids, "//");
    *video = '\0';

    at = LOG_START + (uint64_t) ms;
    make_sample(&s, "report", at, at, buf);

    s.number[QOE_NUMBER_SEQUENCE] = sn++;
    s.set |= (uint64_t) 1 << QOE_NUMBER_SEQUENCE;

    s.text[QOE_TEXT_ORG_ID] = qoe_span("acme");
    s.text[QOE_TEXT_PLAYER_ID] = qoe_span("web");
    s.text[QOE_TEXT_SESSION_ID] = qoe_span_str(ids);
    s.text[QOE_TEXT_VIEW_ID] = qoe_span_str(ids);
    s.text[QOE_TEXT_VIDEO_ID] = qoe_span_str(video + 2);

    l->now_ms = (uint64_t) ms;
    lane_apply(l, &s);
}


static inline void
state(lane_t *l, int64_t ms, const char *of, qoe_player_state_t state)
{
    report(l, ms, of, QOE_REPORT_STATE, state);
}


/* An interval's reports of a player that plays, every 10 s. */

static inline void
plays(lane_t *l, int64_t from, int64_t until, const char *of)
{
    for (; from <= until; from += 10000) {
        report(l, from, of, QOE_REPORT_INTERVAL, QOE_PLAYER_PLAYING);
    }
}


static inline lane_t *
begin(void)
{
    sn = 0;

    return lane_new(16 * MB);
}


#endif /* _REPORT_UNIT_H_INCLUDED_ */
