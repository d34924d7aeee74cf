
/*
 * Copyright (C) OpenQoE
 *
 * The writer of timelines.
 */


#include "qoe_timelines_layout.h"
#include "qoe_uuid.h"


static qoe_timelines_slot_t *qoe_timelines_of_view(qoe_timelines_t *t,
    qoe_sessions_t *sessions, const qoe_view_t *v);
static uint32_t qoe_timelines_view_link(qoe_sessions_t *sessions,
    const qoe_view_t *v);
static bool qoe_timelines_keeps(const qoe_view_t *v, const qoe_stretch_t *s);
static bool qoe_timelines_keep(qoe_view_t *v, const qoe_stretch_t *s);
static bool qoe_timelines_ends(uint32_t kind);
static void qoe_timelines_settle(qoe_timelines_slot_t *s, qoe_view_t *v);
static void qoe_timelines_mend(const qoe_timelines_slot_t *s, qoe_view_t *v);
static uint32_t qoe_timelines_take(qoe_timelines_t *t);
static void qoe_timelines_chain(qoe_timelines_t *t, uint32_t link);
static void qoe_timelines_unchain(qoe_timelines_t *t, uint32_t link);
static void qoe_timelines_open(qoe_timelines_slot_t *s);
static void qoe_timelines_close(qoe_timelines_slot_t *s);
static void qoe_timelines_ids(uint8_t *p, const qoe_timeline_ids_t *ids);
static uint8_t *qoe_timelines_id(uint8_t *p, const uint8_t *end,
    qoe_span_t id);


void
qoe_timelines_create(qoe_timelines_t *t, size_t size)
{
    size_t    left;
    uint32_t  buckets;

    if (size < QOE_TIMELINES_HEADER) {
        return;
    }

    left = size - QOE_TIMELINES_HEADER;
    buckets = 16;

    /* at least half as many buckets as slots */

    while (buckets * 2 * sizeof(qoe_timelines_slot_t) < left) {
        buckets *= 2;
    }

    t->buckets = buckets;
    left -= qoe_min(left, buckets * sizeof(uint32_t));
    t->capacity = (uint32_t) (left / sizeof(qoe_timelines_slot_t));
}


static uint32_t
qoe_timelines_view_link(qoe_sessions_t *sessions, const qoe_view_t *v)
{
    return (uint32_t) (v - qoe_sessions_slot(sessions, 0)) + 1;
}


/* The slot of a live view; NULL if the two do not name each other. */

static qoe_timelines_slot_t *
qoe_timelines_of_view(qoe_timelines_t *t, qoe_sessions_t *sessions,
    const qoe_view_t *v)
{
    qoe_timelines_slot_t  *s;

    s = qoe_timelines_slot(t, v->timeline);

    return s != NULL && s->view_key == v->view_key
           && s->view == qoe_timelines_view_link(sessions, v) ? s : NULL;
}


void
qoe_timelines_fetch(const qoe_timelines_t *t, const qoe_view_t *v,
    const qoe_points_t *points)
{
    const qoe_timelines_slot_t  *s;

    if (points->nstretches == 0
        || (points->nstretches == 1
            && qoe_timelines_keeps(v, &points->stretch[0])))
    {
        return;
    }

    s = qoe_timelines_slot(t, v->timeline);

    if (s != NULL) {
        __builtin_prefetch(s, 1);
        __builtin_prefetch((const char *) s + 64, 1);
    }
}


static void
qoe_timelines_open(qoe_timelines_slot_t *s)
{
    qoe_poke(&s->seq, s->seq | 1);
    __atomic_thread_fence(__ATOMIC_RELEASE);
}


static void
qoe_timelines_close(qoe_timelines_slot_t *s)
{
    qoe_publish(&s->seq, (s->seq | 1) + 1);
}


/* A slot that is in no chain and no list; 0: all others are of live views. */

static uint32_t
qoe_timelines_take(qoe_timelines_t *t)
{
    uint32_t               link;
    qoe_slots_t            slots;
    qoe_timelines_slot_t  *s;

    link = t->free;
    s = qoe_timelines_slot(t, link);

    if (s != NULL) {
        t->free = s->next;
        return link;
    }

    if (t->unused < t->capacity) {
        return ++t->unused;
    }

    link = t->over.oldest;

    if (qoe_timelines_slot(t, link) == NULL) {
        return 0;
    }

    slots = qoe_timelines_links(t);
    qoe_links_remove(&t->over, &slots, link);
    qoe_timelines_unchain(t, link);

    return link;
}


static void
qoe_timelines_chain(qoe_timelines_t *t, uint32_t link)
{
    uint32_t              *bucket;
    qoe_timelines_slot_t  *s, *first;

    s = qoe_timelines_slot(t, link);
    bucket = qoe_timelines_bucket(t, s->view_key);
    first = qoe_timelines_slot(t, *bucket);

    s->prev = 0;
    s->next = *bucket;

    if (first != NULL) {
        first->prev = link;
    }

    qoe_publish(bucket, link);
    qoe_publish(&t->moves, t->moves + 1);
}


static void
qoe_timelines_unchain(qoe_timelines_t *t, uint32_t link)
{
    qoe_timelines_slot_t  *s, *prev, *next;

    s = qoe_timelines_slot(t, link);
    prev = qoe_timelines_slot(t, s->prev);
    next = qoe_timelines_slot(t, s->next);

    if (prev != NULL) {
        qoe_publish(&prev->next, s->next);

    } else {
        qoe_publish(qoe_timelines_bucket(t, s->view_key), s->next);
    }

    if (next != NULL) {
        next->prev = s->prev;
    }

    qoe_publish(&t->moves, t->moves + 1);
}


bool
qoe_timelines_begin(qoe_timelines_t *t, qoe_sessions_t *sessions,
    qoe_view_t *v, const qoe_timeline_ids_t *ids)
{
    uint32_t               link;
    qoe_timelines_slot_t  *s;

    link = qoe_timelines_take(t);
    s = qoe_timelines_slot(t, link);

    if (s == NULL) {
        v->timeline = 0;
        return false;
    }

    qoe_timelines_open(s);

    /* first, so that a killed writer leaves none that seems to be over */

    s->view = qoe_timelines_view_link(sessions, v);
    s->view_key = v->view_key;
    s->start_ms = v->born_ms;
    s->end_ms = 0;
    s->org_hash = ids->org_hash;
    s->outcome = 0;
    qoe_timelines_ids(s->ids, ids);
    qoe_timeline_begin(&s->timeline, v->born_ms);

    qoe_timelines_close(s);

    v->timeline = link;
    qoe_timelines_chain(t, link);

    return true;
}


qoe_timeline_t *
qoe_timelines_of(qoe_timelines_t *t, qoe_sessions_t *sessions, qoe_view_t *v)
{
    qoe_timelines_slot_t  *s;

    s = qoe_timelines_of_view(t, sessions, v);

    if (s == NULL) {
        return NULL;
    }

    qoe_timelines_open(s);
    qoe_timelines_settle(s, v);
    qoe_timelines_close(s);

    return &s->timeline;
}


void
qoe_timelines_add(qoe_timelines_t *t, qoe_sessions_t *sessions, qoe_view_t *v,
    const qoe_points_t *points)
{
    size_t                 i;
    const qoe_stretch_t   *p;
    qoe_timelines_slot_t  *s;

    if (v->timeline == 0) {
        return;
    }

    /* nearly always that is all */

    for (i = 0; i < points->nstretches; i++) {
        if (!qoe_timelines_keep(v, &points->stretch[i])) {
            break;
        }
    }

    if (i == points->nstretches) {
        return;
    }

    s = qoe_timelines_of_view(t, sessions, v);

    if (s == NULL) {
        return;
    }

    qoe_timelines_open(s);

    for ( /* void */ ; i < points->nstretches; i++) {
        p = &points->stretch[i];

        if (qoe_timelines_keep(v, p)) {
            continue;
        }

        if (qoe_timelines_ends(p->kind)) {
            qoe_timelines_settle(s, v);
        }

        if (!qoe_timelines_keep(v, p)) {
            qoe_timeline_add(&s->timeline, p);
        }
    }

    qoe_timelines_close(s);
}


/* Can the stretch stay in the view? */

static bool
qoe_timelines_keeps(const qoe_view_t *v, const qoe_stretch_t *s)
{
    uint64_t  end;

    if (s->kind != QOE_STRETCH_PLAYING || s->ms > UINT32_MAX - v->open_ms) {
        return false;
    }

    if (v->open_ms == 0) {
        return s->start_ms >= v->born_ms
               && s->start_ms - v->born_ms <= UINT32_MAX;
    }

    end = v->born_ms + v->open_at_ms + v->open_ms;

    return qoe_timeline_plays_on(end, s->start_ms);
}


static bool
qoe_timelines_keep(qoe_view_t *v, const qoe_stretch_t *s)
{
    if (!qoe_timelines_keeps(v, s)) {
        return false;
    }

    if (v->open_ms == 0) {
        v->open_at_ms = (uint32_t) (s->start_ms - v->born_ms);
    }

    /* its start comes first: a length says that there is a stretch */

    qoe_publish(&v->open_ms, v->open_ms + (uint32_t) s->ms);

    return true;
}


/* Does a stretch of that kind end one of playing? */

static bool
qoe_timelines_ends(uint32_t kind)
{
    return kind == QOE_STRETCH_PLAYING || kind == QOE_STRETCH_STALL
           || kind == QOE_STRETCH_SEEK || kind == QOE_STRETCH_PAUSE;
}


/*
 * Moves the stretch that is kept in the view into its timeline; within a change
 * of the slot, so that readers see it in one of the two.
 */

static void
qoe_timelines_settle(qoe_timelines_slot_t *s, qoe_view_t *v)
{
    qoe_stretch_t  kept;

    if (qoe_timelines_kept(v, &kept)) {
        qoe_timeline_add(&s->timeline, &kept);
        qoe_publish(&v->open_ms, 0);
    }
}


void
qoe_timelines_part(qoe_timelines_t *t, qoe_sessions_t *sessions,
    qoe_view_t *v, uint16_t parts, bool sent)
{
    qoe_timelines_slot_t  *s;

    v->parts = parts;
    s = qoe_timelines_of_view(t, sessions, v);

    if (s != NULL) {
        qoe_timelines_open(s);
        qoe_timelines_settle(s, v);
        if (sent) {
            qoe_timeline_part(&s->timeline, v->seen_ms);
        }

        qoe_timelines_close(s);
    }
}


void
qoe_timelines_end(qoe_timelines_t *t, qoe_sessions_t *sessions, qoe_view_t *v)
{
    qoe_slots_t            slots;
    qoe_timelines_slot_t  *s;

    s = qoe_timelines_of_view(t, sessions, v);

    if (s == NULL) {
        return;
    }

    qoe_timelines_open(s);
    qoe_timelines_settle(s, v);

    s->end_ms = v->seen_ms;
    s->outcome = v->outcome;
    s->view = 0;

    qoe_timelines_close(s);

    slots = qoe_timelines_links(t);
    qoe_links_add(&t->over, &slots, v->timeline);
    v->timeline = 0;
}


static void
qoe_timelines_ids(uint8_t *p, const qoe_timeline_ids_t *ids)
{
    const uint8_t  *end;

    end = p + QOE_TIMELINE_IDS;

    /* the session first, because the query may name the organization */

    p = qoe_timelines_id(p, end, ids->session_id);
    (void) qoe_timelines_id(p, end, ids->org_id);
}


/* An id that does not fit is left out. */

static uint8_t *
qoe_timelines_id(uint8_t *p, const uint8_t *end, qoe_span_t id)
{
    char     text[QOE_UUID_TEXT_LEN];
    uint8_t  uuid[16];

    if (qoe_uuid_parse(uuid, id) == QOE_OK) {
        qoe_uuid_format(text, uuid);

        if (qoe_span_eq(id, (qoe_span_t) { text, sizeof(text) })
            && (size_t) (end - p) > sizeof(uuid))
        {
            *p++ = QOE_TIMELINES_UUID;
            memcpy(p, uuid, sizeof(uuid));
            return p + sizeof(uuid);
        }
    }

    if (p < end && id.len < (size_t) (end - p)) {
        *p++ = (uint8_t) id.len;
        memcpy(p, id.data, id.len);
        return p + id.len;
    }

    if (p < end) {
        *p++ = 0;
    }

    return p;
}


void
qoe_timelines_rebuild(qoe_timelines_t *t, qoe_sessions_t *sessions)
{
    uint32_t               i;
    qoe_view_t            *v;
    qoe_slots_t            slots;
    qoe_timelines_slot_t  *s;

    t->unused = qoe_min(t->unused, t->capacity);
    t->free = 0;
    t->over = (qoe_ends_t) { 0, 0 };

    if (t->capacity == 0) {
        return;
    }

    memset((char *) t + QOE_TIMELINES_HEADER, 0,
           t->buckets * sizeof(uint32_t));
    slots = qoe_timelines_links(t);

    for (i = 1; i <= t->unused; i++) {
        s = qoe_timelines_slot(t, i);

        if (s->view != 0) {
            v = s->view <= qoe_sessions_slots(sessions)
                ? qoe_sessions_slot(sessions, s->view - 1) : NULL;

            /* the view has gone, or never got its timeline */

            if (v == NULL || v->view_key != s->view_key || v->timeline != i) {
                qoe_poke(&s->view_key, 0);

            } else {
                qoe_timelines_mend(s, v);
            }
        }

        qoe_timelines_close(s);

        if (s->view_key == 0) {
            s->view = 0;
            s->next = t->free;
            t->free = i;
            continue;
        }

        qoe_timelines_chain(t, i);

        if (s->view == 0) {
            qoe_links_add(&t->over, &slots, i);
        }
    }
}


/*
 * A writer that died while it moved the stretch that is kept in the view into
 * the timeline may have left it in both.
 */

static void
qoe_timelines_mend(const qoe_timelines_slot_t *s, qoe_view_t *v)
{
    qoe_stretch_t  kept;

    if ((s->seq & 1) != 0 && qoe_timelines_kept(v, &kept)
        && qoe_timeline_end(&s->timeline, QOE_STRETCH_PLAYING) > kept.start_ms)
    {
        v->open_ms = 0;
    }
}


uint32_t
qoe_timelines_slots(const qoe_timelines_t *t)
{
    return t->capacity;
}
