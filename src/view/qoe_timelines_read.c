
/*
 * Copyright (C) OpenQoE
 *
 * The readers of timelines, in any thread of any process.
 */


#include "qoe_timelines_layout.h"
#include "qoe_uuid.h"


#define QOE_TIMELINES_READS    100

/* Views of one view_id, and of the same bucket, that a reader looks at. */
#define QOE_TIMELINES_STEPS    256


static const uint8_t *qoe_timelines_id_text(qoe_timeline_id_t *id,
    const uint8_t *p, const uint8_t *end);
static bool qoe_timelines_read(const qoe_timelines_slot_t *s,
    qoe_timelines_slot_t *copy);
static bool qoe_timelines_search(const qoe_timelines_t *t, uint64_t view_key,
    uint32_t org_hash, uint32_t *link, qoe_timelines_slot_t *found);
static bool qoe_timelines_read_view(const qoe_timelines_t *t,
    const qoe_sessions_t *sessions, uint32_t link,
    const qoe_timelines_slot_t *s, qoe_timeline_info_t *info);
static void qoe_timelines_info(qoe_timeline_info_t *info,
    const qoe_timelines_slot_t *s);


static bool
qoe_timelines_read(const qoe_timelines_slot_t *s, qoe_timelines_slot_t *copy)
{
    int       n;
    uint32_t  seq;

    /* a writer that has died within a change is followed by a rebuild */

    for (n = 0; n < QOE_TIMELINES_READS; n++) {
        seq = qoe_acquire(&s->seq);

        *copy = *s;

        __atomic_thread_fence(__ATOMIC_ACQUIRE);

        if ((seq & 1) == 0 && seq == qoe_peek(&s->seq)) {
            return copy->view_key != 0;
        }
    }

    return false;
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
    *link = 0;
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

            if (s.view == 0
                || qoe_timelines_read_view(t, sessions, link, &s, info))
            {
                return true;
            }

            /* its writer waits for a core, or is dead: not found for now */

            if (info->view.seq & 1) {
                return false;
            }

        } else if (moves == qoe_acquire(&t->moves)) {
            break;
        }
    }

    return false;
}


/*
 * Reads the view of a timeline, s, that is not over.  false: one of the two has
 * changed meanwhile, so that they do not fit together.
 */

static bool
qoe_timelines_read_view(const qoe_timelines_t *t,
    const qoe_sessions_t *sessions, uint32_t link,
    const qoe_timelines_slot_t *s, qoe_timeline_info_t *info)
{
    qoe_stretch_t  kept;

    info->alive = qoe_sessions_read(sessions, s->view - 1, &info->view);
    info->end_ms = info->view.seen_ms;
    info->outcome = info->view.outcome;

    if ((info->view.seq & 1) != 0 || info->view.view_key != s->view_key
        || info->view.timeline != link
        || qoe_acquire(&qoe_timelines_slot(t, link)->seq) != s->seq)
    {
        return false;
    }

    if (qoe_timelines_kept(&info->view, &kept)) {
        qoe_timeline_add(&info->timeline, &kept);
    }

    return true;
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
