
/*
 * Copyright (C) OpenQoE
 *
 *   header | hash buckets by the key of the view | timelines
 *
 * Links are 1 + index, and 0 is none.  A link that is read from the zone is
 * checked before it is followed, and no walk takes more steps than there are
 * slots.
 */


#include "qoe_timelines.h"
#include "qoe_atomic.h"
#include "qoe_uuid.h"


#define QOE_TIMELINES_READS    100
#define QOE_TIMELINES_HEADER   64

/* Views of one view_id, and of the same bucket, that a reader looks at. */
#define QOE_TIMELINES_STEPS    256

/* The length of an id that is stored as the 16 bytes of a UUID. */
#define QOE_TIMELINES_UUID     0xff


/* A change of meaning raises QOE_STATE_VERSION. */

typedef struct {

    /* what an event needs comes first, to use few cache lines */

    uint64_t        view_key;        /* 0: free */
    uint32_t        seq;             /* odd while the slot changes */
    uint32_t        view;            /* 1 + index of the view; 0: it is over */
    qoe_timeline_t  timeline;

    uint64_t        start_ms;
    uint64_t        end_ms;          /* of a view that is over */
    uint32_t        next;            /* in the bucket, or next free slot */
    uint32_t        prev;            /* 0: the first of its bucket */
    qoe_links_t     links;           /* in the list of those that are over,
                                        by their end */
    uint32_t        org_hash;
    uint8_t         outcome;
    uint8_t         spare[3];
    uint8_t         ids[QOE_TIMELINE_IDS];   /* a length and a text each */
} __attribute__((aligned(64))) qoe_timelines_slot_t;

struct qoe_timelines_s {
    uint32_t        buckets;         /* a power of two */
    uint32_t        capacity;
    uint32_t        unused;          /* the first slot never used */
    uint32_t        free;
    qoe_ends_t      over;
    uint32_t        moves;           /* changes of the chains */
};

_Static_assert(sizeof(qoe_timelines_slot_t) == 384, "six cache lines");
_Static_assert(sizeof(struct qoe_timelines_s) <= QOE_TIMELINES_HEADER,
               "the header's place");


static qoe_timelines_slot_t *qoe_timelines_slot(const qoe_timelines_t *t,
    uint32_t link);
static qoe_slots_t qoe_timelines_links(const qoe_timelines_t *t);
static uint32_t *qoe_timelines_bucket(qoe_timelines_t *t, uint64_t view_key);
static qoe_timelines_slot_t *qoe_timelines_of_view(qoe_timelines_t *t,
    qoe_sessions_t *sessions, const qoe_view_t *v);
static uint32_t qoe_timelines_view_link(qoe_sessions_t *sessions,
    const qoe_view_t *v);
static uint32_t qoe_timelines_take(qoe_timelines_t *t);
static void qoe_timelines_chain(qoe_timelines_t *t, uint32_t link);
static void qoe_timelines_unchain(qoe_timelines_t *t, uint32_t link);
static void qoe_timelines_open(qoe_timelines_slot_t *s);
static void qoe_timelines_close(qoe_timelines_slot_t *s);
static void qoe_timelines_ids(uint8_t *p, const qoe_timeline_ids_t *ids);
static uint8_t *qoe_timelines_id(uint8_t *p, const uint8_t *end,
    qoe_span_t id);
static const uint8_t *qoe_timelines_id_text(qoe_timeline_id_t *id,
    const uint8_t *p, const uint8_t *end);
static bool qoe_timelines_read(const qoe_timelines_slot_t *s,
    qoe_timelines_slot_t *copy);
static bool qoe_timelines_search(const qoe_timelines_t *t, uint64_t view_key,
    uint32_t org_hash, uint32_t *link, qoe_timelines_slot_t *found);
static void qoe_timelines_info(qoe_timeline_info_t *info,
    const qoe_timelines_slot_t *s);


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


static qoe_timelines_slot_t *
qoe_timelines_slot(const qoe_timelines_t *t, uint32_t link)
{
    if (link == 0 || link > t->capacity) {
        return NULL;
    }

    return (qoe_timelines_slot_t *) ((uintptr_t) t + QOE_TIMELINES_HEADER
                                     + t->buckets * sizeof(uint32_t))
           + (link - 1);
}


static qoe_slots_t
qoe_timelines_links(const qoe_timelines_t *t)
{
    return (qoe_slots_t) { t->capacity != 0 ? &qoe_timelines_slot(t, 1)->links
                                            : NULL,
                           sizeof(qoe_timelines_slot_t), t->capacity };
}


static uint32_t *
qoe_timelines_bucket(qoe_timelines_t *t, uint64_t view_key)
{
    return (uint32_t *) ((char *) t + QOE_TIMELINES_HEADER)
           + (view_key >> 32 & (t->buckets - 1));
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
qoe_timelines_fetch(const qoe_timelines_t *t, const qoe_view_t *v)
{
    const qoe_timelines_slot_t  *s;

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
qoe_timelines_of(qoe_timelines_t *t, qoe_sessions_t *sessions,
    const qoe_view_t *v)
{
    qoe_timelines_slot_t  *s;

    s = qoe_timelines_of_view(t, sessions, v);

    return s != NULL ? &s->timeline : NULL;
}


void
qoe_timelines_add(qoe_timelines_t *t, qoe_sessions_t *sessions,
    const qoe_view_t *v, const qoe_points_t *points)
{
    size_t                 i;
    qoe_timelines_slot_t  *s;

    if (points->nstretches == 0) {
        return;
    }

    s = qoe_timelines_of_view(t, sessions, v);

    if (s == NULL) {
        return;
    }

    qoe_timelines_open(s);

    for (i = 0; i < points->nstretches; i++) {
        qoe_timeline_add(&s->timeline, &points->stretch[i]);
    }

    qoe_timelines_close(s);
}


void
qoe_timelines_part(qoe_timelines_t *t, qoe_sessions_t *sessions,
    const qoe_view_t *v, uint16_t parts, bool sent)
{
    qoe_timelines_slot_t  *s;

    s = qoe_timelines_of_view(t, sessions, v);

    if (s != NULL) {
        qoe_timelines_open(s);
        s->timeline.parts = parts;

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


static const uint8_t *
qoe_timelines_id_text(qoe_timeline_id_t *id, const uint8_t *p,
    const uint8_t *end)
{
    size_t  len;

    id->len = 0;

    if (p >= end) {
        return p;
    }

    len = *p++;

    if (len == QOE_TIMELINES_UUID && end - p >= 16) {
        qoe_uuid_format(id->text, p);
        id->len = QOE_UUID_TEXT_LEN;
        return p + 16;
    }

    if (len == 0 || len > (size_t) (end - p)) {
        return p;
    }

    memcpy(id->text, p, len);
    id->len = len;

    return p + len;
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


uint32_t
qoe_timelines_slots(const qoe_timelines_t *t)
{
    return t->capacity;
}


static bool
qoe_timelines_read(const qoe_timelines_slot_t *s, qoe_timelines_slot_t *copy)
{
    int       n;
    uint32_t  seq;

    /* after a writer has died within a change, what is there has to do */

    for (n = 0; n < QOE_TIMELINES_READS; n++) {
        seq = qoe_acquire(&s->seq);

        *copy = *s;

        __atomic_thread_fence(__ATOMIC_ACQUIRE);

        if ((seq & 1) == 0 && seq == qoe_peek(&s->seq)) {
            break;
        }
    }

    return copy->view_key != 0;
}


static bool
qoe_timelines_search(const qoe_timelines_t *t, uint64_t view_key,
    uint32_t org_hash, uint32_t *link, qoe_timelines_slot_t *found)
{
    bool                         is_found;
    uint32_t                     at, n;
    qoe_timelines_slot_t         copy;
    const qoe_timelines_slot_t  *s;

    is_found = false;
    at = qoe_acquire(qoe_timelines_bucket((qoe_timelines_t *) (uintptr_t) t,
                                          view_key));

    for (n = 0; n < QOE_TIMELINES_STEPS; n++) {
        s = qoe_timelines_slot(t, at);

        if (s == NULL) {
            break;
        }

        if (qoe_peek(&s->view_key) == view_key
            && qoe_timelines_read(s, &copy) && copy.view_key == view_key
            && (org_hash == 0 || copy.org_hash == org_hash)
            && (!is_found || copy.start_ms > found->start_ms))
        {
            *found = copy;
            *link = at;
            is_found = true;
        }

        at = qoe_acquire(&s->next);
    }

    return is_found;
}


bool
qoe_timelines_find(const qoe_timelines_t *t, const qoe_sessions_t *sessions,
    uint64_t view_key, uint32_t org_hash, qoe_timeline_info_t *info)
{
    int                    n;
    bool                   found;
    uint32_t               moves, link;
    qoe_timelines_slot_t   s;

    if (t->capacity == 0) {
        return false;
    }

    /*
     * a chain that changes meanwhile may lead the reader into another one, and
     * a view may end between the two reads
     */

    for (n = 0; n < QOE_TIMELINES_READS; n++) {
        moves = qoe_acquire(&t->moves);
        found = qoe_timelines_search(t, view_key, org_hash, &link, &s);

        if (found) {
            qoe_timelines_info(info, &s);

            if (s.view == 0) {
                return true;
            }

            info->alive = qoe_sessions_read(sessions, s.view - 1,
                                            &info->view);
            info->end_ms = info->view.seen_ms;
            info->outcome = info->view.outcome;

            if (info->view.view_key == view_key
                && info->view.timeline == link)
            {
                return true;
            }

        } else if (moves == qoe_acquire(&t->moves)) {
            break;
        }
    }

    return false;
}


static void
qoe_timelines_info(qoe_timeline_info_t *info, const qoe_timelines_slot_t *s)
{
    const uint8_t  *p, *end;

    memset(info, 0, sizeof(qoe_timeline_info_t));

    info->start_ms = s->start_ms;
    info->end_ms = s->end_ms;
    info->outcome = s->outcome;
    info->timeline = s->timeline;

    end = s->ids + QOE_TIMELINE_IDS;
    p = qoe_timelines_id_text(&info->session_id, s->ids, end);
    (void) qoe_timelines_id_text(&info->org_id, p, end);
}
