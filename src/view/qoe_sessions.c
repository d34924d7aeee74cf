
/*
 * Copyright (C) OpenQoE
 */


#include "qoe_sessions_layout.h"


/* The ratio of sessions to views that live at the same time. */
#define QOE_SESSIONS_RATIO_SESSIONS  3
#define QOE_SESSIONS_RATIO_VIEWS     2

#define QOE_SESSIONS_READS     100

/* The leading bytes of a session and of a view that an event needs. */
#define QOE_SESSIONS_FETCH_SESSION   128
#define QOE_SESSIONS_FETCH_VIEW      (offsetof(qoe_view_t, moment) + 96)


static uint32_t qoe_sessions_take(qoe_sessions_pool_t *p, uint32_t next);
static void qoe_sessions_unlist_session(qoe_sessions_t *t, qoe_session_t *s);
static void qoe_sessions_unlist(qoe_sessions_t *t, qoe_view_t *v);
static void qoe_sessions_count(uint32_t *count, uint32_t n);
static void qoe_sessions_clear_view(qoe_view_t *v);
static void qoe_sessions_leave(qoe_sessions_t *t, qoe_view_t *v);


void
qoe_sessions_create(qoe_sessions_t *t, size_t size)
{
    size_t    left, unit, n;
    uint32_t  buckets;

    unit = QOE_SESSIONS_RATIO_SESSIONS * sizeof(qoe_session_t)
           + QOE_SESSIONS_RATIO_VIEWS * sizeof(qoe_view_t);

    left = size - QOE_SESSIONS_HEADER;
    buckets = 16;

    /* at least half as many buckets as sessions */

    while (buckets * 2 * unit < QOE_SESSIONS_RATIO_SESSIONS * left) {
        buckets *= 2;
    }

    left -= (size_t) buckets * sizeof(uint32_t);
    n = left / unit;

    t->buckets = buckets;
    t->sessions.capacity = (uint32_t) n * QOE_SESSIONS_RATIO_SESSIONS;
    t->views.capacity = (uint32_t) n * QOE_SESSIONS_RATIO_VIEWS;

    t->sessions_offset = QOE_SESSIONS_HEADER + buckets * sizeof(uint32_t);
    t->views_offset = t->sessions_offset
                      + t->sessions.capacity * sizeof(qoe_session_t);
}


qoe_session_t *
qoe_sessions_find(qoe_sessions_t *t, const uint64_t key[2])
{
    uint32_t        n;
    qoe_session_t  *s;

    s = qoe_sessions_session_at(t, *qoe_sessions_bucket(t, key));

    for (n = 0; s != NULL && n < t->sessions.capacity; n++) {

        if (s->key[0] == key[0] && s->key[1] == key[1]) {
            return s;
        }

        s = qoe_sessions_session_at(t, s->next);
    }

    return NULL;
}


void
qoe_sessions_fetch(const qoe_sessions_t *t, const uint64_t key[2], bool far)
{
    size_t                off;
    const uint32_t       *bucket;
    const qoe_session_t  *s;

    bucket = qoe_sessions_bucket((qoe_sessions_t *) (uintptr_t) t, key);

    if (far) {
        __builtin_prefetch(bucket);
        return;
    }

    s = qoe_sessions_session_at(t, *bucket);

    for (off = 0; s != NULL && off < QOE_SESSIONS_FETCH_SESSION; off += 64) {
        __builtin_prefetch((const char *) s + off, 1);
    }
}


void
qoe_sessions_fetch_view(const qoe_sessions_t *t, const qoe_session_t *s)
{
    size_t             off;
    const qoe_view_t  *v;

    v = qoe_sessions_view_at(t, s->views);

    for (off = 0; v != NULL && off < QOE_SESSIONS_FETCH_VIEW; off += 64) {
        __builtin_prefetch((const char *) v + off, 1);
    }

    __builtin_prefetch(qoe_sessions_session_at(t, s->links.newer), 1);
    __builtin_prefetch(qoe_sessions_session_at(t, s->links.older), 1);
}


void
qoe_sessions_fetch_list(const qoe_sessions_t *t, const qoe_view_t *v)
{
    __builtin_prefetch(qoe_sessions_view_at(t, v->links.newer), 1);
    __builtin_prefetch(qoe_sessions_view_at(t, v->links.older), 1);
}


/*
 * Returns the link of a free slot, or 0.  next is the link that the first free
 * slot holds.
 */

static uint32_t
qoe_sessions_take(qoe_sessions_pool_t *p, uint32_t next)
{
    uint32_t  link;

    link = p->free;

    if (link != 0 && link <= p->capacity) {
        p->free = next;
        return link;
    }

    return p->unused < p->capacity ? ++p->unused : 0;
}


static void
qoe_sessions_count(uint32_t *count, uint32_t n)
{
    qoe_poke(count, n);
}


qoe_session_t *
qoe_sessions_add(qoe_sessions_t *t, const uint64_t key[2])
{
    uint32_t        link, *bucket;
    qoe_session_t  *s;

    s = qoe_sessions_session_at(t, t->sessions.free);
    link = qoe_sessions_take(&t->sessions, s != NULL ? s->next : 0);

    if (link == 0) {
        return NULL;
    }

    s = qoe_sessions_session_at(t, link);
    memset(s, 0, sizeof(qoe_session_t));

    bucket = qoe_sessions_bucket(t, key);

    s->key[0] = key[0];
    s->key[1] = key[1];
    s->next = *bucket;
    *bucket = link;

    qoe_sessions_enlist(t, s);
    qoe_sessions_count(&t->sessions.count, t->sessions.count + 1);

    return s;
}


void
qoe_sessions_touch(qoe_sessions_t *t, qoe_session_t *s)
{
    uint32_t     link;
    qoe_slots_t  slots;

    link = qoe_sessions_session_link(t, s);

    if (s->listed && t->list.newest == link) {
        return;
    }

    qoe_sessions_unlist_session(t, s);

    slots = qoe_sessions_session_slots(t);
    qoe_links_add(&t->list, &slots, link);
    s->listed = 1;
}


static void
qoe_sessions_unlist_session(qoe_sessions_t *t, qoe_session_t *s)
{
    qoe_slots_t  slots;

    if (s->listed) {
        slots = qoe_sessions_session_slots(t);
        qoe_links_remove(&t->list, &slots, qoe_sessions_session_link(t, s));
        s->listed = 0;
    }
}


qoe_session_t *
qoe_sessions_oldest(qoe_sessions_t *t)
{
    return qoe_sessions_session_at(t, t->list.oldest);
}


qoe_session_t *
qoe_sessions_newer(qoe_sessions_t *t, const qoe_session_t *s)
{
    return qoe_sessions_session_at(t, s->links.newer);
}


void
qoe_sessions_remove(qoe_sessions_t *t, qoe_session_t *s)
{
    uint32_t        n, link, *place;
    qoe_session_t  *before;

    qoe_sessions_unlist_session(t, s);
    qoe_sessions_know(t, s);

    link = qoe_sessions_session_link(t, s);
    place = qoe_sessions_bucket(t, s->key);

    before = qoe_sessions_session_at(t, *place);

    for (n = 0; before != NULL && n < t->sessions.capacity; n++) {

        if (before == s) {
            *place = s->next;
            break;
        }

        place = &before->next;
        before = qoe_sessions_session_at(t, *place);
    }

    s->key[0] = 0;
    s->key[1] = 0;

    s->next = t->sessions.free;
    t->sessions.free = link;

    qoe_sessions_count(&t->sessions.count, t->sessions.count - 1);
}


qoe_view_t *
qoe_sessions_view(qoe_sessions_t *t, const qoe_session_t *s)
{
    return qoe_sessions_view_at(t, s->views);
}


qoe_view_t *
qoe_sessions_next_view(qoe_sessions_t *t, const qoe_view_t *v)
{
    return qoe_sessions_view_at(t, v->next);
}


qoe_session_t *
qoe_sessions_of(qoe_sessions_t *t, const qoe_view_t *v)
{
    return qoe_sessions_session_at(t, v->session);
}


qoe_view_t *
qoe_sessions_add_view(qoe_sessions_t *t, qoe_session_t *s, uint64_t view_key)
{
    uint32_t     link;
    qoe_view_t  *v;

    v = qoe_sessions_view_at(t, t->views.free);
    link = qoe_sessions_take(&t->views, v != NULL ? v->next : 0);

    v = qoe_sessions_view_at(t, link);

    if (v == NULL) {
        return NULL;
    }

    qoe_sessions_clear_view(v);

    v->session = qoe_sessions_session_link(t, s);
    v->session_tag = (uint32_t) s->key[1];
    v->next = s->views;
    v->view_key = view_key;

    qoe_publish(&v->seq, v->seq + 1);

    s->views = link;
    s->nviews++;
    qoe_sessions_relist(t, s);

    qoe_sessions_count(&t->views.count, t->views.count + 1);

    return v;
}


/*
 * Clears everything except the sequence number, which becomes odd: a reader in
 * another process must not combine parts of the old view and the new one.
 */

static void
qoe_sessions_clear_view(qoe_view_t *v)
{
    size_t  after;

    qoe_poke(&v->seq, v->seq | 1);
    __atomic_thread_fence(__ATOMIC_RELEASE);

    after = offsetof(qoe_view_t, seq) + sizeof(v->seq);

    memset(v, 0, offsetof(qoe_view_t, seq));
    memset((char *) v + after, 0, sizeof(qoe_view_t) - after);
}


void
qoe_sessions_list(qoe_sessions_t *t, qoe_view_t *v, qoe_silence_t silence)
{
    uint32_t     link;
    qoe_slots_t  slots;

    link = qoe_sessions_view_link(t, v);

    if (v->list == (uint32_t) silence + 1
        && t->silent[silence].newest == link)
    {
        return;
    }

    qoe_sessions_unlist(t, v);

    slots = qoe_sessions_view_slots(t);
    qoe_links_add(&t->silent[silence], &slots, link);
    v->list = (uint32_t) silence + 1;
}


static void
qoe_sessions_unlist(qoe_sessions_t *t, qoe_view_t *v)
{
    qoe_slots_t  slots;

    if (v->list != 0 && v->list <= QOE_SESSIONS_OVER + 1) {
        slots = qoe_sessions_view_slots(t);
        qoe_links_remove(&t->silent[v->list - 1], &slots,
                        qoe_sessions_view_link(t, v));
        v->list = 0;
    }
}


qoe_view_t *
qoe_sessions_silent(qoe_sessions_t *t, qoe_silence_t silence)
{
    return qoe_sessions_view_at(t, t->silent[silence].oldest);
}


/* Takes the view out of its lists, and its session. */

static void
qoe_sessions_leave(qoe_sessions_t *t, qoe_view_t *v)
{
    uint32_t        n, *place;
    qoe_view_t     *before;
    qoe_session_t  *s;

    qoe_sessions_unlist(t, v);

    s = qoe_sessions_of(t, v);

    if (s != NULL) {
        place = &s->views;
        before = qoe_sessions_view_at(t, *place);

        for (n = 0; before != NULL && n < t->views.capacity; n++) {

            if (before == v) {
                *place = v->next;
                break;
            }

            place = &before->next;
            before = qoe_sessions_view_at(t, *place);
        }

        s->nviews -= (s->nviews != 0);
        qoe_sessions_relist(t, s);
    }

    qoe_sessions_count(&t->views.count, t->views.count - 1);
}


void
qoe_sessions_part(qoe_sessions_t *t, qoe_view_t *v, qoe_view_end_t why)
{
    qoe_sessions_leave(t, v);

    v->next = 0;
    __atomic_store_n(&v->over, (uint8_t) (why + 1), __ATOMIC_RELEASE);

    qoe_sessions_list(t, v, QOE_SESSIONS_OVER);
    qoe_sessions_count(&t->over, t->over + 1);
}


qoe_view_t *
qoe_sessions_parted(qoe_sessions_t *t)
{
    return qoe_sessions_silent(t, QOE_SESSIONS_OVER);
}


void
qoe_sessions_remove_view(qoe_sessions_t *t, qoe_view_t *v)
{
    if (v->over != 0) {
        qoe_sessions_unlist(t, v);
        qoe_sessions_count(&t->over, t->over - 1);

    } else {
        qoe_sessions_leave(t, v);
    }

    qoe_publish(&v->view_key, 0);

    v->next = t->views.free;
    t->views.free = qoe_sessions_view_link(t, v);
}


void
qoe_sessions_set_base(qoe_view_t *v, const qoe_blocks_t *blocks,
    uint64_t key, uint32_t now_s)
{
    /*
     * odd only briefly; if the writer dies here, readers accept what is there
     */

    qoe_poke(&v->seq, v->seq | 1);
    __atomic_thread_fence(__ATOMIC_RELEASE);

    qoe_poke(&v->base, blocks->grain[QOE_GRAIN_COARSE]);
    qoe_poke(&v->titled, blocks->grain[QOE_GRAIN_TITLED]);
    qoe_poke(&v->fine, blocks->grain[QOE_GRAIN_HEADLINE]);
    qoe_poke(&v->base_key, key);
    qoe_poke(&v->base_s, now_s);

    qoe_publish(&v->seq, (v->seq | 1) + 1);
}


qoe_blocks_t
qoe_sessions_base(const qoe_view_t *v)
{
    return (qoe_blocks_t) { { v->base, v->titled, v->fine } };
}


void
qoe_sessions_info(const qoe_sessions_t *t, qoe_sessions_info_t *info)
{
    info->sessions = qoe_peek(&t->sessions.count);
    info->sessions_max = t->sessions.capacity;
    info->views = qoe_peek(&t->views.count);
    info->views_max = t->views.capacity;
    info->over = qoe_peek(&t->over);
}


uint32_t
qoe_sessions_slots(const qoe_sessions_t *t)
{
    return t->views.capacity;
}


uint32_t
qoe_sessions_touched(const qoe_sessions_t *t)
{
    return qoe_min(qoe_acquire(&t->views.unused), t->views.capacity);
}


bool
qoe_sessions_read(const qoe_sessions_t *t, uint32_t i, qoe_view_t *copy)
{
    int                n;
    uint32_t           seq;
    const qoe_view_t  *v;

    if (i >= qoe_sessions_touched(t)) {
        return false;
    }

    v = qoe_sessions_view_slot(t, i);

    for (n = 0; n < QOE_SESSIONS_READS; n++) {
        seq = qoe_acquire(&v->seq);

        *copy = *v;

        __atomic_thread_fence(__ATOMIC_ACQUIRE);

        if ((seq & 1) == 0
            && seq == qoe_peek(&v->seq))
        {
            break;
        }
    }

    if (n == QOE_SESSIONS_READS) {
        copy->seq |= 1;
    }

    return copy->view_key != 0 && copy->over == 0;
}


qoe_view_t *
qoe_sessions_slot(qoe_sessions_t *t, uint32_t i)
{
    return qoe_sessions_view_slot(t, i);
}
