
/*
 * Copyright (C) OpenQoE
 *
 * What must hold for the timeline of any view.
 */


#ifndef _TIMELINE_CHECK_H_INCLUDED_
#define _TIMELINE_CHECK_H_INCLUDED_


#include "qoe_view.h"


static inline void
timeline_take(qoe_timeline_t *t, const qoe_points_t *points)
{
    size_t  i;

    for (i = 0; i < points->nstretches; i++) {
        qoe_timeline_add(t, &points->stretch[i]);
    }
}


/* Returns what is wrong, or NULL. */

static inline const char *
timeline_wrong(const qoe_timeline_t *t, const qoe_view_t *v)
{
    size_t         i, n;
    uint64_t       end[QOE_STRETCH_KINDS];
    qoe_stretch_t  s[QOE_TIMELINE_ENTRIES];

    if (t->n > QOE_TIMELINE_ENTRIES || t->sent > t->n) {
        return "there are more entries than places";
    }

    if (qoe_timeline_sum(t, QOE_STRETCH_PLAYING) != v->playing_ms) {
        return "its playing is not the playing time of the view";
    }

    if (qoe_timeline_sum(t, QOE_STRETCH_STALL) != v->stalled_ms) {
        return "its stalls are not the stalled time of the view";
    }

    n = qoe_timeline_stretches(t, 0, v->seen_ms, s);
    memset(end, 0, sizeof(end));

    if (n != t->n) {
        return "a stretch is missing";
    }

    for (i = 0; i < n; i++) {

        if (s[i].kind >= QOE_STRETCH_KINDS
            || (i > 0 && s[i].start_ms < s[i - 1].start_ms))
        {
            return "the stretches are not in order";
        }

        if (s[i].start_ms < end[s[i].kind]) {
            return "two stretches of a kind overlap";
        }

        end[s[i].kind] = s[i].start_ms + s[i].ms;
    }

    return NULL;
}


static inline void
timeline_print(const qoe_timeline_t *t, uint64_t from, uint64_t end_ms)
{
    size_t         i, n;
    qoe_span_t     name;
    qoe_stretch_t  s[QOE_TIMELINE_ENTRIES];

    n = qoe_timeline_stretches(t, 0, end_ms, s);

    for (i = 0; i < n; i++) {
        name = qoe_stretch_name(s[i].kind);
        printf("# %lld %.*s %llu\n", (long long) (s[i].start_ms - from),
               (int) name.len, name.data, (unsigned long long) s[i].ms);
    }
}


#endif /* _TIMELINE_CHECK_H_INCLUDED_ */
