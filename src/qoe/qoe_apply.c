
/*
 * Copyright (C) OpenQoE
 */


#include "qoe_apply.h"
#include "qoe_base.h"
#include "qoe_sessions.h"

#include <stdlib.h>


/* How long a governed set is used before the rules are asked again. */
#define QOE_APPLY_FRESH_S      60

/* Sets of extra attributes that are kept at hand. */
#define QOE_APPLY_EXTRAS       256

/* Of one tick. */
#define QOE_APPLY_VIEWS        64
#define QOE_APPLY_SWEEP        2048

/* Hidden sessions that are looked at for one whose view is over. */
#define QOE_APPLY_SPARE        8


typedef struct {
    uint64_t             key;                /* of the raw values */
    uint32_t             block;              /* with a reference */
    uint32_t             at_s;
} qoe_apply_extra_t;


struct qoe_apply_s {
    const qoe_state_t   *st;
    const qoe_conf_t    *conf;
    qoe_governor_t      *governor;
    uint32_t             slot;

    qoe_sessions_t      *sessions;
    qoe_seen_t          *seen;
    qoe_store_t         *store;
    qoe_store_env_t      env;
    qoe_hash_key_t       key;

    uint64_t             swept_ns;           /* the collection swept behind */
    uint32_t             sweep;
    bool                 sweeping;
    bool                 silent;             /* more views are due */

    qoe_points_t         points;
    qoe_labels_t         labels;
    qoe_labels_t         base[QOE_GRAINS];
    qoe_apply_extra_t    extra[QOE_APPLY_EXTRAS];
};


static void qoe_apply_recover(qoe_apply_t *a);
static void qoe_apply_count(qoe_apply_t *a, qoe_counter_t c, uint64_t n);
static void qoe_apply_session_key(const qoe_apply_t *a,
    const qoe_sample_t *s, uint64_t session[2]);
static qoe_view_t *qoe_apply_view(qoe_apply_t *a, const qoe_sample_t *s,
    uint64_t view_key, bool *seen, uint64_t now_ns);
static void qoe_apply_touch(qoe_apply_t *a, qoe_view_t *v);
static qoe_view_t *qoe_apply_add(qoe_apply_t *a, const uint64_t session[2],
    uint64_t now_ns);
static qoe_view_t *qoe_apply_spare(qoe_apply_t *a);
static void qoe_apply_end(qoe_apply_t *a, qoe_view_t *v, uint64_t now_ns);
static void qoe_apply_drop(qoe_apply_t *a, qoe_view_t *v, uint64_t now_ns);
static void qoe_apply_base(qoe_apply_t *a, qoe_view_t *v,
    const qoe_sample_t *s, uint32_t now_s);
static qoe_blocks_t qoe_apply_base_blocks(qoe_apply_t *a,
    const qoe_sample_t *s, uint32_t now_s);
static void qoe_apply_base_adopt(qoe_apply_t *a, qoe_view_t *v);
static void qoe_apply_base_free(qoe_apply_t *a, qoe_blocks_t b);
static void qoe_apply_points(qoe_apply_t *a, qoe_blocks_t b,
    uint64_t now_ns);
static uint32_t qoe_apply_extra(qoe_apply_t *a, const qoe_point_t *p,
    uint32_t now_s);
static uint64_t qoe_apply_extra_key(const qoe_apply_t *a,
    const qoe_point_t *p);
static uint64_t qoe_apply_due(const qoe_apply_t *a, const qoe_view_t *v);
static qoe_view_t *qoe_apply_silent(qoe_apply_t *a, uint64_t now_ms);
static void qoe_apply_sweep(qoe_apply_t *a);


static const qoe_blocks_t  qoe_apply_no_blocks;


qoe_apply_t *
qoe_apply_create(const qoe_state_t *st, const qoe_conf_t *conf,
    qoe_governor_t *governor, uint32_t lane, uint32_t slot, bool adopted)
{
    qoe_apply_t  *a;

    a = calloc(1, sizeof(qoe_apply_t));
    if (a == NULL) {
        return NULL;
    }

    a->st = st;
    a->conf = conf;
    a->governor = governor;
    a->slot = slot;
    a->sessions = st->sessions[lane];
    a->seen = st->seen[lane];
    a->store = st->store[lane];
    a->key = st->key;

    a->env.key = st->key;
    a->env.count = &st->shared->series;
    a->env.max = conf->series_max;

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

    free(a);
}


/* The last owner may have been killed at any store. */

static void
qoe_apply_recover(qoe_apply_t *a)
{
    uint32_t     i;
    qoe_view_t  *v;

    qoe_sessions_rebuild(a->sessions);
    qoe_store_rebuild(a->store, &a->env);

    for (i = 0; i < qoe_sessions_slots(a->sessions); i++) {
        v = qoe_sessions_slot(a->sessions, i);

        if (v->session[0] != 0 || v->session[1] != 0) {
            qoe_apply_base_adopt(a, v);
        }
    }

    qoe_store_rebuilt(a->store);
}


static void
qoe_apply_count(qoe_apply_t *a, qoe_counter_t c, uint64_t n)
{
    if (n != 0) {
        qoe_zone_count(a->st->zone, a->slot, c, n);
    }
}


void
qoe_apply_sample(qoe_apply_t *a, const qoe_sample_t *s, uint64_t now_ns)
{
    bool                seen;
    uint32_t            now_s;
    uint64_t            view_key;
    qoe_view_t         *v;
    qoe_blocks_t        b;
    qoe_view_result_t   rc;

    now_s = (uint32_t) (now_ns / 1000000000);

    view_key = qoe_hash(&a->key, s->text[QOE_TEXT_VIEW_ID].data,
                        s->text[QOE_TEXT_VIEW_ID].len) | 1;

    v = qoe_apply_view(a, s, view_key, &seen, now_ns);

    rc = qoe_view_apply(v, view_key, seen, s, &a->conf->view, &a->points);

    if (rc == QOE_VIEW_LATE) {
        b = qoe_apply_base_blocks(a, s, now_s);
        qoe_apply_points(a, b, now_ns);
        qoe_apply_base_free(a, b);

        qoe_apply_count(a, QOE_COUNT_EVENTS_LATE, 1);

    } else {
        qoe_apply_base(a, v, s, now_s);
        qoe_apply_points(a, qoe_sessions_base(v), now_ns);

        if (rc == QOE_VIEW_DUPLICATE) {
            qoe_apply_count(a, QOE_COUNT_EVENTS_DUPLICATE, 1);
        }
    }

    if (qoe_view_ending(v)) {
        qoe_apply_end(a, v, now_ns);
    }

    qoe_apply_touch(a, v);
}


/* Where the hidden timeout counts is the hidden list. */

static void
qoe_apply_touch(qoe_apply_t *a, qoe_view_t *v)
{
    qoe_sessions_touch(a->sessions, v,
                       qoe_view_over(v) || qoe_view_hidden(v)
                       ? QOE_SESSIONS_HIDDEN : QOE_SESSIONS_VISIBLE);
}


/*
 * The session of an event, with the event's view begun or known to be over.
 * An event that is sent again begins none: its view may be forgotten.
 */

static qoe_view_t *
qoe_apply_view(qoe_apply_t *a, const qoe_sample_t *s, uint64_t view_key,
    bool *seen, uint64_t now_ns)
{
    uint64_t     hash, session[2];
    qoe_view_t  *v;

    qoe_apply_session_key(a, s, session);

    hash = qoe_seen_hash(&a->key, session[0], view_key, s);
    qoe_seen_fetch(a->seen, hash);

    v = qoe_sessions_find(a->sessions, session);
    *seen = qoe_seen(a->seen, hash);

    if (v == NULL) {
        v = qoe_apply_add(a, session, now_ns);

    } else if (qoe_view_knows(v, view_key)) {
        return v;
    }

    if (*seen) {
        return v;
    }

    qoe_apply_end(a, v, now_ns);

    qoe_view_begin(v, view_key, s);
    qoe_apply_count(a, QOE_COUNT_VIEWS_STARTED, 1);

    return v;
}


/* A full table closes a session whose view is over, or was silent longest. */

static qoe_view_t *
qoe_apply_add(qoe_apply_t *a, const uint64_t session[2], uint64_t now_ns)
{
    uint64_t     ended;
    qoe_view_t  *v;

    v = qoe_sessions_add(a->sessions, session);

    if (v != NULL) {
        return v;
    }

    v = qoe_apply_spare(a);
    ended = !qoe_view_over(v);

    qoe_apply_drop(a, v, now_ns);
    qoe_apply_count(a, QOE_COUNT_VIEWS_EVICTED, ended);

    return qoe_sessions_add(a->sessions, session);
}


static qoe_view_t *
qoe_apply_spare(qoe_apply_t *a)
{
    int          n;
    qoe_view_t  *v, *hidden, *visible;

    visible = qoe_sessions_oldest(a->sessions, QOE_SESSIONS_VISIBLE);
    hidden = qoe_sessions_oldest(a->sessions, QOE_SESSIONS_HIDDEN);

    for (v = hidden, n = 0; v != NULL && n < QOE_APPLY_SPARE; n++) {

        if (qoe_view_over(v)) {
            return v;
        }

        v = qoe_sessions_newer(a->sessions, v);
    }

    if (visible == NULL
        || (hidden != NULL && hidden->received_ms < visible->received_ms))
    {
        return hidden;
    }

    return visible;
}


static void
qoe_apply_end(qoe_apply_t *a, qoe_view_t *v, uint64_t now_ns)
{
    if (qoe_view_over(v)) {
        return;
    }

    qoe_view_end(v, &a->conf->view, &a->points);
    qoe_apply_points(a, qoe_sessions_base(v), now_ns);
    qoe_apply_count(a, QOE_COUNT_VIEWS_ENDED, 1);
}


static void
qoe_apply_drop(qoe_apply_t *a, qoe_view_t *v, uint64_t now_ns)
{
    qoe_blocks_t  b;

    qoe_apply_end(a, v, now_ns);

    b = qoe_sessions_base(v);
    qoe_sessions_set_base(v, &qoe_apply_no_blocks, 0, 0);
    qoe_apply_base_free(a, b);

    qoe_sessions_remove(a->sessions, v);
}


/* 128 bits: sessions are told apart by nothing else. */

static void
qoe_apply_session_key(const qoe_apply_t *a, const qoe_sample_t *s,
    uint64_t session[2])
{
    qoe_hasher_t  h;

    qoe_hash_begin(&h, &a->key);
    qoe_hash_add(&h, s->text[QOE_TEXT_ORG_ID]);
    qoe_hash_add(&h, s->text[QOE_TEXT_SESSION_ID]);

    /* never 0, 0: that is a free slot */

    session[0] = qoe_hash_end(&h);
    session[1] = qoe_hash_more(&h) | 1;
}


/* Keeps the view's blocks those of the event's attributes. */

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

    b = qoe_apply_base_blocks(a, s, now_s);
    old = qoe_sessions_base(v);

    qoe_sessions_set_base(v, &b, key, now_s);
    qoe_apply_base_free(a, old);
}


static qoe_blocks_t
qoe_apply_base_blocks(qoe_apply_t *a, const qoe_sample_t *s, uint32_t now_s)
{
    size_t        i;
    uint32_t      dropped;
    qoe_blocks_t  b;

    dropped = qoe_base_labels(a->base, s, a->governor, now_s);
    qoe_apply_count(a, QOE_COUNT_VALUES_IGNORED, dropped);

    for (i = 0; i < QOE_GRAINS; i++) {
        b.grain[i] = qoe_store_block(a->store, &a->env,
                                     qoe_labels_span(&a->base[i]));
    }

    return b;
}


/* The references of a slot again; a block that is none any more is given up. */

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


static void
qoe_apply_base_free(qoe_apply_t *a, qoe_blocks_t b)
{
    size_t  i;

    for (i = 0; i < QOE_GRAINS; i++) {
        qoe_store_unref(a->store, b.grain[i]);
    }
}


/*
 * Series are all over the zone: what an event needs of them is fetched
 * together, or every value waits for memory on its own.
 */

static void
qoe_apply_points(qoe_apply_t *a, qoe_blocks_t b, uint64_t now_ns)
{
    size_t        i, n;
    uint32_t      extra[QOE_POINTS_MAX], set[QOE_POINTS_MAX];
    qoe_point_t  *p;

    qoe_apply_count(a, QOE_COUNT_VALUES_IGNORED, a->points.ignored);

    p = a->points.point;

    for (i = 0, n = 0; i < a->points.n; i++) {

        if ((qoe_metrics[p[i].metric].group & a->conf->groups) == 0) {
            continue;
        }

        p[n] = p[i];
        extra[n] = 0;
        set[n] = b.grain[qoe_metrics[p[n].metric].grain];

        if (p[n].nextra != 0) {
            extra[n] = qoe_apply_extra(a, &p[n],
                                       (uint32_t) (now_ns / 1000000000));

            /* the next point may put another one in its place */
            qoe_store_ref(a->store, extra[n]);
        }

        if (set[n] == 0 || (p[n].nextra != 0 && extra[n] == 0)) {
            set[n] = QOE_STORE_OVERFLOW;
        }

        qoe_store_fetch(a->store, &a->env, p[n].metric, set[n], extra[n],
                        true);
        n++;
    }

    for (i = 0; i < n; i++) {
        qoe_store_fetch(a->store, &a->env, p[i].metric, set[i], extra[i],
                        false);
    }

    for (i = 0; i < n; i++) {
        (void) qoe_store_record(a->store, &a->env, p[i].metric, set[i],
                                extra[i], p[i].value, now_ns);
        qoe_store_unref(a->store, extra[i]);
    }

    a->points.n = 0;
    a->points.ignored = 0;
}


/* The block of a point's own attributes; 0: no memory for it. */

static uint32_t
qoe_apply_extra(qoe_apply_t *a, const qoe_point_t *p, uint32_t now_s)
{
    char                buf[QOE_GOVERN_BUF];
    size_t              i, dim;
    uint64_t            key;
    qoe_span_t          text;
    qoe_apply_extra_t  *e;

    key = qoe_apply_extra_key(a, p);
    e = &a->extra[key % QOE_APPLY_EXTRAS];

    if (e->key == key && e->block != 0
        && now_s - e->at_s < QOE_APPLY_FRESH_S)
    {
        return e->block;
    }

    a->labels.len = 0;

    for (i = 0; i < p->nextra; i++) {
        dim = p->extra[i].dim;
        text = qoe_govern(a->governor, dim, p->extra[i].text, now_s, buf);

        if (text.len != 0) {
            (void) qoe_labels_add(&a->labels, a->conf->dims->dim[dim].name,
                                  text);
        }
    }

    qoe_store_unref(a->store, e->block);

    e->key = key;
    e->at_s = now_s;
    e->block = qoe_store_block(a->store, &a->env,
                               qoe_labels_span(&a->labels));

    return e->block;
}


static uint64_t
qoe_apply_extra_key(const qoe_apply_t *a, const qoe_point_t *p)
{
    size_t        i;
    qoe_hasher_t  h;

    qoe_hash_begin(&h, &a->key);

    for (i = 0; i < p->nextra; i++) {
        qoe_hash_word(&h, p->extra[i].dim);
        qoe_hash_add(&h, p->extra[i].text);
    }

    return qoe_hash_end(&h);
}


void
qoe_apply_tick(qoe_apply_t *a, uint64_t now_ns)
{
    int          n;
    uint64_t     silent;
    qoe_view_t  *v;

    for (n = 0; n < QOE_APPLY_VIEWS; n++) {
        v = qoe_apply_silent(a, now_ns / 1000000);

        if (v == NULL) {
            break;
        }

        silent = !qoe_view_over(v);

        qoe_apply_end(a, v, now_ns);
        qoe_apply_count(a, QOE_COUNT_VIEWS_SILENT, silent);

        /* the session stays known for a while behind its view */

        if (qoe_view_due_ms(v, &a->conf->view) <= now_ns / 1000000) {
            qoe_apply_drop(a, v, now_ns);

        } else {
            qoe_apply_touch(a, v);
        }
    }

    a->silent = (n == QOE_APPLY_VIEWS);

    qoe_apply_sweep(a);
}


bool
qoe_apply_busy(const qoe_apply_t *a)
{
    return a->silent || a->sweeping;
}


uint64_t
qoe_apply_due_ms(const qoe_apply_t *a)
{
    uint32_t     i;
    uint64_t     due;
    qoe_view_t  *v;

    due = UINT64_MAX;

    for (i = 0; i < QOE_SESSIONS_LISTS; i++) {
        v = qoe_sessions_oldest(a->sessions, i);

        if (v != NULL) {
            due = qoe_min(due, qoe_apply_due(a, v));
        }
    }

    return due;
}


/* One that is over is in the wrong list when its writer died at its end. */

static uint64_t
qoe_apply_due(const qoe_apply_t *a, const qoe_view_t *v)
{
    if (qoe_view_over(v) && v->list != QOE_SESSIONS_HIDDEN + 1) {
        return 0;
    }

    return qoe_view_due_ms(v, &a->conf->view);
}


/* A session whose time is over. */

static qoe_view_t *
qoe_apply_silent(qoe_apply_t *a, uint64_t now_ms)
{
    uint32_t     i;
    qoe_view_t  *v;

    for (i = 0; i < QOE_SESSIONS_LISTS; i++) {
        v = qoe_sessions_oldest(a->sessions, i);

        if (v != NULL && qoe_apply_due(a, v) <= now_ms) {
            return v;
        }
    }

    return NULL;
}


/* Behind a collection, which condemns, once through the slots. */

static void
qoe_apply_sweep(qoe_apply_t *a)
{
    uint64_t  collected_ns;

    collected_ns = __atomic_load_n(&a->st->shared->collected_ns,
                                   __ATOMIC_ACQUIRE);

    if (!a->sweeping) {

        if (a->swept_ns == collected_ns) {
            return;
        }

        a->swept_ns = collected_ns;
        a->sweeping = true;
        a->sweep = 0;
    }

    qoe_store_sweep(a->store, &a->env, &a->sweep, QOE_APPLY_SWEEP);

    a->sweeping = (a->sweep != 0);
}
