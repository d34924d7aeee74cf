
/*
 * Copyright (C) OpenQoE
 */


#include "qoe_apply_priv.h"
#include "qoe_base.h"
#include "qoe_hash_quick.h"

#include <stdlib.h>


/* The number of series slots that one tick looks at. */
#define QOE_APPLY_SWEEP        2048


static void qoe_apply_recover(qoe_apply_t *a);
static void qoe_apply_event(qoe_apply_t *a, qoe_apply_event_t *e);
static void qoe_apply_follow(qoe_apply_t *a, qoe_session_t *session,
    qoe_view_t *v, uint64_t at_ms, uint64_t now_ns);
static void qoe_apply_base(qoe_apply_t *a, qoe_view_t *v,
    const qoe_sample_t *s, uint32_t now_s);
static void qoe_apply_base_adopt(qoe_apply_t *a, qoe_view_t *v);
static void qoe_apply_source(qoe_points_t *points);
static void qoe_apply_sweep(qoe_apply_t *a);


const qoe_blocks_t  qoe_apply_no_blocks;


qoe_apply_t *
qoe_apply_create(const qoe_state_t *st, const qoe_conf_t *conf,
    qoe_governor_t *governor, uint32_t lane, uint32_t slot, bool adopted)
{
    size_t        i;
    qoe_apply_t  *a;

    a = calloc(1, sizeof(qoe_apply_t));
    if (a == NULL) {
        return NULL;
    }

    a->st = st;
    a->conf = conf;
    a->governor = governor;
    a->slot = slot;
    a->lane = lane;
    a->self = qoe_proc_self();
    a->moved = true;
    a->stands_ms = UINT64_MAX;
    a->sessions = st->sessions[lane];
    a->timelines = st->timelines[lane];
    a->seen = st->seen[lane];
    a->deliveries = st->deliveries[lane];
    a->store = st->store[lane];
    a->key = st->key;

    a->env.key = st->key;
    a->env.count = &st->shared->series;
    a->env.max = conf->series_max;

    for (i = 0; i < conf->dims->n; i++) {
        if (conf->dims->dim[i].roster != NULL) {
            a->roster[a->nrosters++] = conf->dims->dim[i].roster;
        }
    }

    if (adopted) {
        qoe_apply_recover(a);
    }

    return a;
}


void
qoe_apply_destroy(qoe_apply_t *a)
{
    size_t  i;

    for (i = 0; i < QOE_APPLY_EXTRAS; i++) {
        qoe_store_unref(a->store, a->extra[i].block);
    }

    qoe_apply_requests_free(a);
    free(a);
}


/*
 * The consumer before may have been killed between any two stores: rebuild the
 * indexes of the lane's tables, and count the references again.
 */

static void
qoe_apply_recover(qoe_apply_t *a)
{
    uint32_t     i;
    qoe_view_t  *v;

    qoe_sessions_rebuild(a->sessions);
    qoe_timelines_rebuild(a->timelines, a->sessions);
    qoe_store_rebuild(a->store, &a->env);

    for (i = 0; i < qoe_sessions_slots(a->sessions); i++) {
        v = qoe_sessions_slot(a->sessions, i);

        if (v->view_key != 0) {
            qoe_apply_base_adopt(a, v);
            qoe_apply_record_adopt(a, v);
        }
    }

    qoe_apply_requests_recover(a);
    qoe_store_rebuilt(a->store);
}


void
qoe_apply_count(qoe_apply_t *a, qoe_counter_t c, uint64_t n)
{
    if (n != 0) {
        qoe_zone_count(a->st->zone, a->slot, c, n);
    }
}


void
qoe_apply_sample(qoe_apply_t *a, const qoe_sample_t *s, uint64_t now_ns)
{
    bool                stepped;
    uint64_t            hash, key[2];
    qoe_apply_event_t   e;

    /* the session's memory lies anywhere in the zone: prefetch it meanwhile */

    qoe_apply_session_key(a, s->text, key);
    qoe_sessions_fetch(a->sessions, key, true);

    memset(&e, 0, sizeof(e));
    e.s = s;
    e.now_ns = now_ns;
    e.birth.view_key = qoe_apply_view_key(&a->key, s->text[QOE_TEXT_VIEW_ID]);
    e.birth.video_key = qoe_apply_key(a, s->text[QOE_TEXT_VIDEO_ID]);
    qoe_sessions_fetch(a->sessions, key, false);

    hash = qoe_seen_hash(&a->key, key[0], e.birth.view_key, e.birth.video_key,
                         s);
    qoe_seen_fetch(a->seen, hash);

    qoe_govern_from(a->governor, key[0] | 1, s->received_ns, false);

    e.session = qoe_apply_session(a, key, now_ns);
    qoe_sessions_fetch_view(a->sessions, e.session);

    e.seen = qoe_seen(a->seen, hash);

    e.birth.at_ms = qoe_session_clock(e.session, s, &stepped);
    qoe_apply_count(a, QOE_COUNT_CLOCKS_SET, stepped);

    if (qoe_sample_has(s, REPORT)) {
        qoe_apply_report(a, &e);

    } else {
        qoe_apply_event(a, &e);
    }
}


static void
qoe_apply_event(qoe_apply_t *a, qoe_apply_event_t *e)
{
    qoe_view_t         *v;
    qoe_view_result_t   rc;

    qoe_apply_adopt_reported(a, e);

    v = qoe_apply_view(a, e->session, e->s, &e->birth, e->seen, e->now_ns);
    qoe_sessions_touch(a->sessions, e->session);

    qoe_apply_fetch(a, v);

    rc = qoe_view_apply(v, e->seen, e->birth.at_ms, e->s, &a->conf->view,
                        &a->points);

    qoe_apply_done(a, e, v, rc);
}


void
qoe_apply_done(qoe_apply_t *a, const qoe_apply_event_t *e, qoe_view_t *v,
    qoe_view_result_t rc)
{
    uint32_t             now_s;
    qoe_blocks_t         b;
    const qoe_sample_t  *s;

    s = e->s;
    now_s = (uint32_t) (e->now_ns / 1000000000);

    if (v != NULL) {

        if (!e->guest) {
            qoe_apply_base(a, v, s, now_s);
        }

        qoe_apply_view_points(a, v, e->now_ns);

    } else {
        if (qoe_sample_has(s, REPORT)) {
            qoe_apply_source(&a->points);
        }

        b = qoe_apply_base_blocks(a, s, now_s, NULL);
        qoe_apply_points(a, b, e->now_ns);
        qoe_apply_base_free(a, b);
    }

    /*
     * Video that played is what makes a session a known one.  A frame alone
     * would be no proof: a client that invents sessions invents frames as
     * well.
     */

    if (qoe_session_known(e->session)) {
        qoe_sessions_know(a->sessions, e->session);
    }

    qoe_apply_count(a, QOE_COUNT_EVENTS_DUPLICATE, rc == QOE_VIEW_DUPLICATE);
    qoe_apply_count(a, QOE_COUNT_EVENTS_LATE,
                    rc == QOE_VIEW_LATE || rc == QOE_VIEW_OLD);

    if (v == NULL) {
        return;
    }

    if (rc == QOE_VIEW_EVENT) {
        qoe_apply_noted(a, v, e->session, s);
    }

    qoe_apply_follow(a, e->session, v, e->birth.at_ms, e->now_ns);
}


/* What follows for a view, and for others, from an event that it has seen. */

static void
qoe_apply_follow(qoe_apply_t *a, qoe_session_t *session, qoe_view_t *v,
    uint64_t at_ms, uint64_t now_ns)
{
    /*
     * The `playing` that would have replaced the video before was lost: this
     * view proves now that it plays, so replace that one here.
     */

    if (qoe_view_found(v) && session->nviews > 1 && !qoe_view_reported(v)) {
        qoe_apply_replace(a, session, v, v->born_ms, now_ns);
    }

    if (qoe_view_ending(v)) {
        qoe_apply_end(a, v, QOE_VIEW_ENDED, at_ms, now_ns);

    } else {
        qoe_sessions_list(a->sessions, v, QOE_SILENCE_FRESH);
        qoe_apply_interim(a, v, now_ns);
    }
}


/* Prefetches what a view needs after its event. */

void
qoe_apply_fetch(const qoe_apply_t *a, const qoe_view_t *v)
{
    if (v != NULL) {
        qoe_sessions_fetch_list(a->sessions, v);
    }
}


/*
 * A hash of an id; 0 stands for an empty id.  Keys are compared within one
 * session only, so a collision can only confuse the views of the client that
 * made it.
 */

uint64_t
qoe_apply_key(const qoe_apply_t *a, qoe_span_t id)
{
    return id.len != 0 ? qoe_hash_quick(&a->key, a->key.k0, id) | 1 : 0;
}


uint64_t
qoe_apply_view_key(const qoe_hash_key_t *key, qoe_span_t view_id)
{
    return qoe_hash_quick(key, key->k0, view_id) | 1;
}


uint32_t
qoe_apply_org_hash(const qoe_hash_key_t *key, qoe_span_t org_id)
{
    return (uint32_t) (qoe_hash_quick(key, key->k0, org_id) >> 32) | 1;
}


/* 128 bits, because nothing else distinguishes sessions. */

void
qoe_apply_session_key(const qoe_apply_t *a, const qoe_span_t text[QOE_TEXTS],
    uint64_t session[2])
{
    qoe_hasher_t  h;

    qoe_hash_begin(&h, &a->key);
    qoe_hash_add(&h, text[QOE_TEXT_ORG_ID]);
    qoe_hash_add(&h, text[QOE_TEXT_SESSION_ID]);

    /* a key of two zeros means a free slot: the second half is never 0 */

    session[0] = qoe_hash_end(&h);
    session[1] = qoe_hash_more(&h) | 1;
}


/* Makes the view's blocks hold the attributes of this event. */

static void
qoe_apply_base(qoe_apply_t *a, qoe_view_t *v, const qoe_sample_t *s,
    uint32_t now_s)
{
    uint64_t      key;
    qoe_blocks_t  b, old;

    key = qoe_base_hash(s, a->conf->dims, &a->key);

    if (v->base != 0 && v->titled != 0 && v->fine != 0 && v->base_key == key
        && now_s - v->base_s < QOE_APPLY_FRESH_S)
    {
        return;
    }

    a->sent.len = 0;

    (void) qoe_govern_deferred(a->governor);
    b = qoe_apply_base_blocks(a, s, now_s, a->conf->records ? &a->sent : NULL);
    old = qoe_sessions_base(v);

    qoe_sessions_set_base(v, &b, key, qoe_apply_asked_s(a, now_s));
    qoe_apply_base_free(a, old);

    if (a->conf->records) {
        qoe_apply_sent(a, v, s);
    }
}


uint32_t
qoe_apply_asked_s(const qoe_apply_t *a, uint32_t now_s)
{
    return qoe_govern_deferred(a->governor) ? now_s - QOE_APPLY_FRESH_S
                                            : now_s;
}


qoe_blocks_t
qoe_apply_base_blocks(qoe_apply_t *a, const qoe_sample_t *s, uint32_t now_s,
    qoe_labels_t *sent)
{
    bool          known[QOE_GRAINS];
    size_t        i;
    uint32_t      dropped;
    qoe_blocks_t  b;

    b = qoe_apply_no_blocks;

    dropped = qoe_base_labels(a->base, known, s, a->governor, now_s, sent);
    qoe_apply_count(a, QOE_COUNT_VALUES_IGNORED, dropped);

    for (i = 0; i < QOE_GRAINS; i++) {
        b.grain[i] = qoe_apply_block(a, &a->base[i], known[i]);
    }

    return b;
}


uint32_t
qoe_apply_block(qoe_apply_t *a, const qoe_labels_t *l, bool known)
{
    return known ? qoe_store_block(a->store, &a->env, qoe_labels_span(l))
                 : qoe_store_block_new(a->store, &a->env, qoe_labels_span(l));
}


/*
 * Counts the references of an adopted view again, and drops those to blocks
 * that no longer exist.
 */

static void
qoe_apply_base_adopt(qoe_apply_t *a, qoe_view_t *v)
{
    bool          gone;
    size_t        i;
    qoe_blocks_t  b;

    b = qoe_sessions_base(v);
    gone = false;

    for (i = 0; i < QOE_GRAINS; i++) {
        if (b.grain[i] != 0 && !qoe_store_adopt(a->store, b.grain[i])) {
            b.grain[i] = 0;
            gone = true;
        }
    }

    if (gone) {
        qoe_sessions_set_base(v, &b, 0, v->base_s);
    }
}


void
qoe_apply_base_free(qoe_apply_t *a, qoe_blocks_t b)
{
    size_t  i;

    for (i = 0; i < QOE_GRAINS; i++) {
        qoe_store_unref(a->store, b.grain[i]);
    }
}


void
qoe_apply_view_points(qoe_apply_t *a, qoe_view_t *v, uint64_t now_ns)
{
    /* the timeline comes from memory while the points are recorded */

    qoe_timelines_fetch(a->timelines, v, &a->points);

    if (qoe_view_reported(v)) {
        qoe_apply_source(&a->points);
    }

    qoe_apply_points(a, qoe_sessions_base(v), now_ns);

    qoe_timelines_add(a->timelines, a->sessions, v, &a->points);
    a->points.nstretches = 0;
}


/*
 * What reports of CMCD say of a view has an attribute of its own, so that it
 * never mixes with what events of an SDK say.
 */

static void
qoe_apply_source(qoe_points_t *points)
{
    size_t  i;

    for (i = 0; i < points->n; i++) {
        if (qoe_metrics[points->point[i].metric].group != QOE_GROUP_CMCD) {
            qoe_point_extra(&points->point[i], QOE_DIM_SOURCE,
                            qoe_span("event"));
        }
    }
}


void
qoe_apply_tick(qoe_apply_t *a, uint64_t now_ns)
{
    qoe_apply_silence(a, now_ns);
    qoe_apply_requests_silence(a, now_ns);
    qoe_apply_parted(a, now_ns);
    qoe_apply_sweep(a);
    qoe_apply_watched(a, now_ns);
}


bool
qoe_apply_busy(const qoe_apply_t *a)
{
    return a->silent || a->hushed || a->sweeping || a->parting || a->counting;
}


/*
 * An export collection condemns series; walk once through all slots after each
 * to free them.
 */

static void
qoe_apply_sweep(qoe_apply_t *a)
{
    uint64_t  collected_ns;

    collected_ns = qoe_acquire(&a->st->shared->collected_ns);

    if (!a->sweeping) {

        if (a->swept_ns == collected_ns) {
            return;
        }

        a->swept_ns = collected_ns;
        a->sweeping = true;
        a->sweep = 0;
    }

    if (qoe_store_sweep(a->store, &a->env, &a->sweep, QOE_APPLY_SWEEP)) {
        memset(a->kept, 0, sizeof(a->kept));
    }

    a->sweeping = (a->sweep != 0);
}
