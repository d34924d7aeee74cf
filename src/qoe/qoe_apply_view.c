
/*
 * Copyright (C) OpenQoE
 *
 * Decides which view an event belongs to, and when a view is over.
 *
 * An event belongs to the view that it names by view_id and video.id.  Up to
 * QOE_APPLY_VIEWS views of a session live at once; the next one evicts the
 * view that has been silent longest.
 */


#include "qoe_apply_priv.h"

#include <math.h>


/* The views and sessions that one tick may end. */
#define QOE_APPLY_ENDS         64

/* How many old sessions are examined for one without a live view. */
#define QOE_APPLY_SPARE        8

/* Newcomers may take this part (1 / n) of a full table from others. */
#define QOE_APPLY_NEWCOMERS    8

/* A session is kept for this many times the longest silence of a view. */
#define QOE_APPLY_REMEMBER     2

/*
 * A wait that ended at most so long before a `playing` belongs to the view
 * that the `playing` begins.
 */
#define QOE_APPLY_NEAR_MS      250


static qoe_view_t *qoe_apply_find(qoe_apply_t *a, qoe_session_t *session,
    uint64_t view_key, uint64_t video_key);
static bool qoe_apply_goes_on(qoe_apply_t *a, qoe_view_t *v, uint64_t at_ms,
    uint64_t now_ns);
static void qoe_apply_aside(qoe_apply_t *a, qoe_session_t *session,
    const qoe_view_t *by, uint64_t at_ms, uint64_t now_ns);
static bool qoe_apply_birth(qoe_view_birth_t *birth, qoe_session_t *session,
    const qoe_sample_t *s);
static qoe_view_t *qoe_apply_begin(qoe_apply_t *a, qoe_session_t *session,
    const qoe_sample_t *s, const qoe_view_birth_t *birth, uint64_t now_ns);
static void qoe_apply_timeline(qoe_apply_t *a, qoe_view_t *v,
    const qoe_sample_t *s);
static qoe_view_t *qoe_apply_quiet(qoe_apply_t *a,
    const qoe_session_t *session);
static qoe_view_t *qoe_apply_least(qoe_apply_t *a,
    const qoe_session_t *session);
static qoe_session_t *qoe_apply_newcomer(qoe_apply_t *a,
    const qoe_session_t *session, uint32_t places);
static qoe_view_t *qoe_apply_silent_longest(qoe_apply_t *a);
static qoe_session_t *qoe_apply_spare(qoe_apply_t *a);
static void qoe_apply_evict(qoe_apply_t *a, qoe_view_t *v, uint64_t now_ns);
static void qoe_apply_forget(qoe_apply_t *a, qoe_session_t *session,
    uint64_t now_ns);
static bool qoe_apply_silence_one(qoe_apply_t *a, qoe_silence_t silence,
    uint64_t now_ns);
static uint64_t qoe_apply_forget_ms(const qoe_apply_t *a,
    const qoe_session_t *session);


qoe_view_t *
qoe_apply_view(qoe_apply_t *a, qoe_session_t *session, const qoe_sample_t *s,
    qoe_view_birth_t *birth, bool seen, uint64_t now_ns)
{
    uint64_t     at_ms;
    qoe_view_t  *v;

    a->moved = true;
    at_ms = birth->at_ms;
    v = qoe_apply_find(a, session, birth->view_key, birth->video_key);

    if (seen || (v != NULL && at_ms < v->seen_ms)) {
        return v;
    }

    if (v != NULL && !qoe_apply_goes_on(a, v, at_ms, now_ns)) {
        v = NULL;
    }

    if (v == NULL) {
        if (!qoe_apply_birth(birth, session, s)) {
            return NULL;
        }

        v = qoe_apply_begin(a, session, s, birth, now_ns);

    } else if (v->video_key == 0) {
        v->video_key = birth->video_key;
    }

    if (s->type == QOE_EVENT_PLAYING && v != NULL) {
        if (qoe_report_leaves(s)) {
            qoe_apply_aside(a, session, v, at_ms, now_ns);
        } else {
            qoe_apply_replace(a, session, v, at_ms, now_ns);
        }
    }

    return v;
}


uint64_t
qoe_apply_name(const qoe_view_t *v)
{
    return v->other_key != 0 ? v->other_key : v->view_key;
}


/*
 * The live view with both keys.  An event without a video belongs to the view
 * that began last, and a view that was never named takes the first name that
 * comes.
 */

static qoe_view_t *
qoe_apply_find(qoe_apply_t *a, qoe_session_t *session, uint64_t view_key,
    uint64_t video_key)
{
    uint32_t     n;
    qoe_view_t  *v, *found;

    found = NULL;
    v = qoe_sessions_view(a->sessions, session);

    for (n = 0; v != NULL && n <= QOE_APPLY_VIEWS; n++) {

        if (qoe_apply_name(v) == view_key) {

            if (video_key != 0 && v->video_key == video_key) {
                return v;
            }

            if ((video_key == 0 || v->video_key == 0)
                && (found == NULL || v->born_ms > found->born_ms))
            {
                found = v;
            }
        }

        v = qoe_sessions_next_view(a->sessions, v);
    }

    return found;
}


/* false: the view is over, suspended for too long. */

static bool
qoe_apply_goes_on(qoe_apply_t *a, qoe_view_t *v, uint64_t at_ms,
    uint64_t now_ns)
{
    if (!qoe_view_quiet(v, at_ms)) {
        return true;
    }

    qoe_view_judge(v, at_ms, &a->conf->view, &a->points);
    qoe_apply_view_points(a, v, now_ns);

    if (!qoe_view_lapsed(v, at_ms)) {
        return true;
    }

    qoe_apply_end(a, v, QOE_VIEW_DETACHED, at_ms, now_ns);

    return false;
}


/*
 * One view_id plays one video at a time, but the next one may have been
 * loading while the last still played.
 */

void
qoe_apply_replace(qoe_apply_t *a, qoe_session_t *session,
    const qoe_view_t *by, uint64_t at_ms, uint64_t now_ns)
{
    uint32_t     n;
    qoe_view_t  *v, *next;

    v = qoe_sessions_view(a->sessions, session);

    for (n = 0; v != NULL && n <= QOE_APPLY_VIEWS; n++) {
        next = qoe_sessions_next_view(a->sessions, v);

        if (v != by && qoe_apply_name(v) == qoe_apply_name(by)) {
            qoe_view_judge(v, UINT64_MAX, &a->conf->view, &a->points);
            qoe_apply_view_points(a, v, now_ns);

            if (qoe_view_attempted(v) && v->seen_ms <= at_ms) {
                qoe_apply_end(a, v, QOE_VIEW_REPLACED, at_ms, now_ns);
            }
        }

        v = next;
    }
}


/*
 * The same for a report, which names another video also during an ad that it
 * does not announce: the video before may go on.  If it does not, silence ends
 * its view.
 */

static void
qoe_apply_aside(qoe_apply_t *a, qoe_session_t *session, const qoe_view_t *by,
    uint64_t at_ms, uint64_t now_ns)
{
    uint32_t     n;
    qoe_view_t  *v, *next;

    v = qoe_sessions_view(a->sessions, session);

    for (n = 0; v != NULL && n <= QOE_APPLY_VIEWS; n++) {
        next = qoe_sessions_next_view(a->sessions, v);

        if (v != by && qoe_view_reported(v)) {
            qoe_view_aside(v, at_ms, &a->conf->view, &a->points);
            qoe_apply_view_points(a, v, now_ns);
        }

        v = next;
    }
}


/*
 * Whether the event may begin a view.  If its view has ended, only `playing`
 * begins another; if only silence ended it, any event does.
 */

static bool
qoe_apply_birth(qoe_view_birth_t *birth, qoe_session_t *session,
    const qoe_sample_t *s)
{
    bool         silent;
    qoe_past_t  *past;

    birth->told = NAN;
    past = qoe_session_past(session, birth->view_key, birth->video_key);

    if (past != NULL) {

        if (birth->at_ms <= past->end_ms) {
            return false;
        }

        silent = (past->why == QOE_VIEW_SILENT
                  || past->why == QOE_VIEW_EVICTED);

        if (!silent && s->type != QOE_EVENT_PLAYING) {

            if (s->type == QOE_EVENT_STALLSTART
                || s->type == QOE_EVENT_WAITSTART)
            {
                past->wait_ms = birth->at_ms;
            }

            return false;
        }

        birth->told = past->told;
        birth->continued = silent;

        if (qoe_view_since(birth->at_ms, past->wait_ms) <= QOE_APPLY_NEAR_MS) {
            birth->wait_ms = past->wait_ms;
        }
    }

    birth->first = qoe_session_first(session);
    birth->again = qoe_session_past(session, birth->view_key, 0) != NULL;

    return true;
}


/* NULL: there is no room, and the events make no view. */

static qoe_view_t *
qoe_apply_begin(qoe_apply_t *a, qoe_session_t *session,
    const qoe_sample_t *s, const qoe_view_birth_t *birth, uint64_t now_ns)
{
    qoe_view_t  *v;

    if (session->nviews >= QOE_APPLY_VIEWS) {
        qoe_apply_evict(a, qoe_apply_quiet(a, session), now_ns);
    }

    v = qoe_sessions_add_view(a->sessions, session, birth->view_key);

    /* a view that is over gives up its place before a live one does */

    if (v == NULL) {
        if (!qoe_apply_give_up(a)) {
            qoe_apply_evict(a, qoe_apply_least(a, session), now_ns);
        }

        v = qoe_sessions_add_view(a->sessions, session, birth->view_key);
    }

    if (v == NULL && qoe_apply_give_up(a)) {
        v = qoe_sessions_add_view(a->sessions, session, birth->view_key);
    }

    if (v != NULL) {
        qoe_view_begin(v, birth);
        qoe_apply_timeline(a, v, s);
        qoe_apply_count(a, QOE_COUNT_VIEWS_STARTED, 1);
    }

    return v;
}


static void
qoe_apply_timeline(qoe_apply_t *a, qoe_view_t *v, const qoe_sample_t *s)
{
    bool                begun;
    qoe_timeline_ids_t  ids;

    ids.org_id = s->text[QOE_TEXT_ORG_ID];
    ids.session_id = s->text[QOE_TEXT_SESSION_ID];
    ids.org_hash = qoe_apply_org_hash(&a->key, ids.org_id);

    begun = qoe_timelines_begin(a->timelines, a->sessions, v, &ids);
    qoe_apply_count(a, QOE_COUNT_VIEWS_NO_TIMELINE, !begun);
}


/* The view of a session that has been silent longest. */

static qoe_view_t *
qoe_apply_quiet(qoe_apply_t *a, const qoe_session_t *session)
{
    uint32_t     n;
    qoe_view_t  *v, *oldest;

    oldest = qoe_sessions_view(a->sessions, session);

    for (v = oldest, n = 0; v != NULL && n <= QOE_APPLY_VIEWS; n++) {
        oldest = v->received_ms <= oldest->received_ms ? v : oldest;
        v = qoe_sessions_next_view(a->sessions, v);
    }

    return oldest;
}


/*
 * The view of a full table that is missed least, but none of the session that
 * needs the room.  NULL: there is no such view.
 */

static qoe_view_t *
qoe_apply_least(qoe_apply_t *a, const qoe_session_t *session)
{
    qoe_session_t        *newcomer;
    qoe_sessions_info_t   info;

    qoe_sessions_info(a->sessions, &info);
    newcomer = qoe_apply_newcomer(a, session, info.views_max);

    return newcomer != NULL ? qoe_sessions_view(a->sessions, newcomer)
                            : qoe_apply_silent_longest(a);
}


/*
 * The newcomer whose view began first, but not the session that needs the room
 * (NULL: that session is new).  So invented sessions evict one another, not
 * the viewers who are known.
 *
 * NULL: there is none; or another newcomer needs the room while newcomers hold
 * only the small part of the table that is always theirs: without it no
 * session could become known while the table is full.
 */

static qoe_session_t *
qoe_apply_newcomer(qoe_apply_t *a, const qoe_session_t *session,
    uint32_t places)
{
    if ((session == NULL || session->newcomer)
        && qoe_sessions_newcomers(a->sessions)
           <= places / QOE_APPLY_NEWCOMERS)
    {
        return NULL;
    }

    return qoe_sessions_newcomer(a->sessions, true, session);
}


/* The view of all that has been silent longest.  NULL: there is none. */

static qoe_view_t *
qoe_apply_silent_longest(qoe_apply_t *a)
{
    uint32_t     i;
    qoe_view_t  *v, *oldest;

    oldest = NULL;

    for (i = 0; i < QOE_SILENCES; i++) {
        v = qoe_sessions_silent(a->sessions, (qoe_silence_t) i);

        if (v != NULL
            && (oldest == NULL || v->received_ms < oldest->received_ms))
        {
            oldest = v;
        }
    }

    return oldest;
}


static void
qoe_apply_evict(qoe_apply_t *a, qoe_view_t *v, uint64_t now_ns)
{
    if (v != NULL) {
        qoe_apply_end(a, v, QOE_VIEW_EVICTED, 0, now_ns);
        qoe_apply_count(a, QOE_COUNT_VIEWS_EVICTED, 1);
    }
}


qoe_session_t *
qoe_apply_session(qoe_apply_t *a, const uint64_t key[2], uint64_t now_ns)
{
    qoe_session_t  *session;

    session = qoe_sessions_find(a->sessions, key);

    if (session == NULL) {
        session = qoe_sessions_add(a->sessions, key);
    }

    if (session != NULL) {
        return session;
    }

    qoe_apply_forget(a, qoe_apply_spare(a), now_ns);

    return qoe_sessions_add(a->sessions, key);
}


/*
 * The session of a full table that is missed least: a newcomer without a live
 * view, else another session without one, else a newcomer, else the oldest.
 */

static qoe_session_t *
qoe_apply_spare(qoe_apply_t *a)
{
    int                   n;
    qoe_session_t        *s;
    qoe_sessions_info_t   info;

    s = qoe_sessions_newcomer(a->sessions, false, NULL);

    if (s != NULL) {
        return s;
    }

    s = qoe_sessions_oldest(a->sessions);

    for (n = 0; s != NULL && n < QOE_APPLY_SPARE; n++) {

        if (s->nviews == 0) {
            return s;
        }

        s = qoe_sessions_newer(a->sessions, s);
    }

    qoe_sessions_info(a->sessions, &info);
    s = qoe_apply_newcomer(a, NULL, info.sessions_max);

    return s != NULL ? s : qoe_sessions_oldest(a->sessions);
}


static void
qoe_apply_forget(qoe_apply_t *a, qoe_session_t *session, uint64_t now_ns)
{
    uint32_t     n;
    qoe_view_t  *v;

    for (n = 0; n <= QOE_APPLY_VIEWS; n++) {
        v = qoe_sessions_view(a->sessions, session);

        if (v == NULL) {
            break;
        }

        qoe_apply_evict(a, v, now_ns);
    }

    qoe_sessions_remove(a->sessions, session);
}


void
qoe_apply_end(qoe_apply_t *a, qoe_view_t *v, qoe_view_end_t why,
    uint64_t at_ms, uint64_t now_ns)
{
    qoe_session_t  *session;

    qoe_view_end(v, why, at_ms, &a->conf->view, &a->points);
    qoe_apply_bad(a, v, now_ns);
    a->moved = true;
    qoe_apply_view_points(a, v, now_ns);
    qoe_apply_count(a, QOE_COUNT_VIEWS_ENDED, 1);
    qoe_apply_count(a, QOE_COUNT_VIEWS_SILENT, why == QOE_VIEW_SILENT);

    session = qoe_sessions_of(a->sessions, v);

    if (session != NULL) {
        qoe_apply_missing(a, v, session, now_ns);
        qoe_session_remember(session, v, why);
    }

    qoe_apply_final(a, v, why, now_ns);
}


void
qoe_apply_silence(qoe_apply_t *a, uint64_t now_ns)
{
    uint32_t        i, n;
    qoe_session_t  *session;

    n = 0;

    for (i = 0; i < QOE_SILENCES; i++) {
        while (n < QOE_APPLY_ENDS
               && qoe_apply_silence_one(a, (qoe_silence_t) i, now_ns))
        {
            n++;
        }
    }

    for (/* void */; n < QOE_APPLY_ENDS; n++) {
        session = qoe_sessions_oldest(a->sessions);

        if (session == NULL
            || qoe_apply_forget_ms(a, session) > now_ns / 1000000)
        {
            break;
        }

        qoe_apply_forget(a, session, now_ns);
    }

    a->silent = (n == QOE_APPLY_ENDS);
}


/* Ends the oldest view of a list.  false: it may stay, or there is none. */

static bool
qoe_apply_silence_one(qoe_apply_t *a, qoe_silence_t silence, uint64_t now_ns)
{
    qoe_view_t     *v;
    qoe_silence_t   next;

    v = qoe_sessions_silent(a->sessions, silence);

    if (v == NULL
        || qoe_view_due_ms(v, silence, &a->conf->view) > now_ns / 1000000)
    {
        return false;
    }

    if (silence != QOE_SILENCE_FRESH) {
        qoe_apply_end(a, v, QOE_VIEW_SILENT, 0, now_ns);
        return true;
    }

    /* no event comes any more that could change what the last ones meant */

    qoe_view_judge(v, UINT64_MAX, &a->conf->view, &a->points);
    qoe_apply_view_points(a, v, now_ns);

    next = qoe_view_silence(v, &a->conf->view);

    if (next == QOE_SILENCE_FRESH) {
        qoe_apply_end(a, v, QOE_VIEW_DETACHED, 0, now_ns);

    } else {
        qoe_sessions_list(a->sessions, v, next);
    }

    return true;
}


static uint64_t
qoe_apply_forget_ms(const qoe_apply_t *a, const qoe_session_t *session)
{
    uint64_t                ms;
    const qoe_view_conf_t  *conf;

    conf = &a->conf->view;
    ms = qoe_max(conf->timeout_ms, conf->paused_timeout_ms);
    ms = qoe_max(ms, conf->hidden_timeout_ms);

    return session->received_ms + QOE_APPLY_REMEMBER * ms;
}


uint64_t
qoe_apply_due_ms(const qoe_apply_t *a)
{
    uint32_t        i;
    uint64_t        due;
    qoe_view_t     *v;
    qoe_session_t  *session;

    due = qoe_min(qoe_apply_watched_ms(a), qoe_apply_requests_due_ms(a));

    for (i = 0; i < QOE_SILENCES; i++) {
        v = qoe_sessions_silent(a->sessions, (qoe_silence_t) i);

        if (v != NULL) {
            due = qoe_min(due, qoe_view_due_ms(v, (qoe_silence_t) i,
                                               &a->conf->view));
        }
    }

    if (qoe_sessions_parted(a->sessions) != NULL) {
        due = qoe_min(due, a->retry_ms);
    }

    session = qoe_sessions_oldest(a->sessions);

    return session != NULL ? qoe_min(due, qoe_apply_forget_ms(a, session))
                           : due;
}
