
/*
 * Copyright (C) OpenQoE
 *
 * Applies a report of CMCD: finds its view, which may be one that an SDK
 * describes as well.
 *
 * What joins both is the session: a player that gives its session_id to CMCD
 * as sid.  From its first event on, the views of such a session are those of
 * the SDK, and reports only add what the SDK does not know.  So each second of
 * playing is in one view, and counted once.
 */


#include "qoe_apply_priv.h"


static uint64_t qoe_apply_video(qoe_apply_t *a, const qoe_apply_event_t *e);
static qoe_view_t *qoe_apply_current(qoe_apply_t *a,
    const qoe_session_t *session, uint64_t video_key);


void
qoe_apply_report(qoe_apply_t *a, qoe_apply_event_t *e)
{
    bool                lacks;
    uint32_t            missing;
    uint64_t            video_key;
    qoe_view_t         *v;
    qoe_sample_t        as;
    qoe_view_report_t   r;
    qoe_view_result_t   rc;

    memset(&r, 0, sizeof(r));
    r.seen = e->seen;
    missing = 0;

    if (!e->seen) {
        missing = qoe_session_sequence(e->session, e->s, &r.lost);
        e->birth.at_ms = qoe_report_time(e->s, e->birth.at_ms);
    }

    r.at_ms = e->birth.at_ms;
    video_key = e->birth.video_key;
    e->birth.video_key = qoe_apply_video(a, e);
    e->guest = (e->birth.video_key != video_key);

    v = qoe_apply_current(a, e->session, e->birth.video_key);
    r.state = qoe_report_tells(v, qoe_session_past(e->session,
                                                   e->birth.view_key,
                                                   e->birth.video_key),
                               e->s, r.lost);

    if (qoe_session_of_events(e->session)) {
        r.state = false;

    } else if (v != NULL || (r.state && qoe_report_begins(e->s))) {
        as = *e->s;
        as.type = r.state ? qoe_report_type(e->s) : e->s->type;
        v = qoe_apply_view(a, e->session, &as, &e->birth, e->seen, e->now_ns);
    }

    qoe_sessions_touch(a->sessions, e->session);
    qoe_apply_fetch(a, v);

    /*
     * what an SDK says of its view is not replaced, nor is it by an ad, or by a
     * report that says less
     */

    lacks = v != NULL && !e->guest && qoe_report_lacks(v, e->s);
    e->guest = v != NULL && v->base != 0
               && (!qoe_view_reported(v) || e->guest || lacks);

    rc = qoe_view_report(v, &r, e->s, &a->conf->view, &a->points);
    qoe_report_missing(&a->points, missing);

    qoe_apply_done(a, e, v, rc);
}


/* The video of a report; during an ad, the one that the ad interrupts. */

static uint64_t
qoe_apply_video(qoe_apply_t *a, const qoe_apply_event_t *e)
{
    uint32_t     ad, n;
    qoe_view_t  *v;

    v = qoe_apply_current(a, e->session, 0);
    ad = qoe_session_ad(e->session, e->s,
                        v != NULL ? v->video_key : e->birth.video_key);
    if (ad == 0) {
        return e->birth.video_key;
    }

    v = qoe_sessions_view(a->sessions, e->session);

    for (n = 0; v != NULL && n <= QOE_APPLY_VIEWS; n++) {

        if (qoe_session_ad_tag(v->video_key) == ad) {
            return v->video_key;
        }

        v = qoe_sessions_next_view(a->sessions, v);
    }

    return e->birth.video_key;
}


/*
 * The live view of the session with that video; else the one that began last,
 * but in a session of reports alone only if one of both names no video.
 */

static qoe_view_t *
qoe_apply_current(qoe_apply_t *a, const qoe_session_t *session,
    uint64_t video_key)
{
    bool         any;
    uint32_t     n;
    qoe_view_t  *v, *found;

    found = NULL;
    any = qoe_session_of_events(session) || video_key == 0;
    v = qoe_sessions_view(a->sessions, session);

    for (n = 0; v != NULL && n <= QOE_APPLY_VIEWS; n++) {

        if (video_key != 0 && v->video_key == video_key) {
            return v;
        }

        if ((any || v->video_key == 0)
            && (found == NULL || v->born_ms > found->born_ms))
        {
            found = v;
        }

        v = qoe_sessions_next_view(a->sessions, v);
    }

    return found;
}


void
qoe_apply_adopt_reported(qoe_apply_t *a, const qoe_apply_event_t *e)
{
    qoe_view_t  *v;

    if (qoe_session_of_events(e->session)) {
        return;
    }

    v = qoe_apply_current(a, e->session, e->birth.video_key);

    if (v == NULL && e->session->nviews != 0) {
        v = qoe_apply_current(a, e->session, 0);
    }

    qoe_session_note_events(e->session);

    if (v == NULL) {
        return;
    }

    v->other_key = e->birth.view_key;

    if (e->birth.video_key != 0) {
        v->video_key = e->birth.video_key;
    }

    qoe_apply_ids(a, v, e->s);
}


void
qoe_apply_missing(qoe_apply_t *a, qoe_view_t *v,
    qoe_session_t *session, uint64_t now_ns)
{
    if (session == NULL || session->report_last == 0) {
        return;
    }

    qoe_report_missing(&a->points, qoe_session_missing(session));
    qoe_apply_view_points(a, v, now_ns);
}
