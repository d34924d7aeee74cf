
/*
 * Copyright (C) OpenQoE
 *
 * The events of a request mostly come from the same player, and then most of
 * their members are equal byte by byte: the session, the device, the video.  A
 * run of such members is not read again; its fields are copied from the earlier
 * event.  That is safe because equal text in the same place has the same
 * meaning.
 */


#include "qoe_fast_priv.h"


/* Reading fewer members than this is cheaper than comparing them. */
#define QOE_FAST_SHARE_MIN 4


static void qoe_fast_run(qoe_fast_marks_t *marks, const qoe_fast_mark_t *m,
    const char *same);
static void qoe_fast_copy(qoe_event_t *to, const qoe_event_t *from,
    const char *p, const qoe_fast_mark_t *m, const qoe_fast_mark_t *last);


/*
 * Starts to record the members of the event that begins at p, unless the event
 * seems to be the only one.
 */

void
qoe_fast_marks_begin(qoe_fast_t *f, const char *p)
{
    if (f->nevents == 1 && f->end - p < QOE_FAST_EVENT * 2) {
        f->now = NULL;
        return;
    }

    f->now = (f->before == &f->marks[0]) ? &f->marks[1] : &f->marks[0];
    f->now->n = 0;
    f->now->event = f->nevents - 1;
    f->now->run.first = NULL;
}


/*
 * Makes this event the one to compare the next ones with, unless it has shared
 * members itself.
 */

void
qoe_fast_marks_end(qoe_fast_t *f)
{
    qoe_fast_mark_t  *m;

    if (f->now == NULL) {
        return;
    }

    /* no comma follows the last member, so it must never be shared */

    m = &f->now->mark[f->now->n];
    m->start = f->end;
    m->name = NULL;

    f->before = f->now;
}


/*
 * Shares members of the earlier event, from its member m on; the event at p
 * equals it for n bytes.  Returns the mark of the first member that is not
 * shared, or NULL if too few are equal.  Adds the bits of the shared members to
 * *names.
 */

const qoe_fast_mark_t *
qoe_fast_share(qoe_fast_t *f, const char *p, size_t n,
    const qoe_fast_mark_t *m, uint64_t *names)
{
    const char             *same;
    qoe_fast_run_t         *run;
    const qoe_fast_mark_t  *last;

    /* a member is equal only if all bytes up to the next member are */

    same = m->start + n;
    run = &f->before->run;

    if (run->first != m || run->end->start > same
        || (run->end->name != NULL && run->end[1].start <= same))
    {
        qoe_fast_run(f->before, m, same);
    }

    last = run->end;

    if (last - m < QOE_FAST_SHARE_MIN || (*names & run->names) != 0) {
        return NULL;
    }

    *names |= run->names;
    f->unknown += last->unknown - m->unknown;
    f->containers += last->containers - m->containers;
    f->commas += last->commas - m->commas;

    /* an upper limit of the keys: each follows a comma or an opening brace */

    f->keys += last->commas - m->commas + last->containers - m->containers;

    f->now = NULL;

    qoe_fast_copy(f->ev, &f->events[f->before->event], p, m, last);

    return last;
}


/* Finds the run of equal members that begins with m. */

static void
qoe_fast_run(qoe_fast_marks_t *marks, const qoe_fast_mark_t *m,
    const char *same)
{
    qoe_fast_run_t  *run;

    run = &marks->run;
    run->first = m;
    run->names = 0;

    while (m->name != NULL && m[1].start <= same) {
        run->names |= m->name->bit;
        m++;
    }

    run->end = m;
}


/*
 * Copies the fields of the shared members.  Most of them are adjacent, so a
 * single memcpy() copies several.
 */

static void
qoe_fast_copy(qoe_event_t *to, const qoe_event_t *from, const char *p,
    const qoe_fast_mark_t *m, const qoe_fast_mark_t *last)
{
    size_t       i, first, end, len;
    uintptr_t    at;
    const char  *base;

    base = m->start;
    len = (size_t) (last->start - base);

    while (m != last) {
        first = m->name->first;
        end = m->name->end;

        for (m++; m != last && m->name->first == end; m++) {
            end = m->name->end;
        }

        memcpy(&to->field[first], &from->field[first],
               (end - first) * sizeof(qoe_value_t));

        /*
         * let strings point into this event's own text, where the record looks
         * for them; those that had escapes are in the arena
         */

        for (i = first; i < end; i++) {
            at = (uintptr_t) to->field[i].v.string.data - (uintptr_t) base;

            if (to->field[i].type == QOE_VALUE_STRING && at < len) {
                to->field[i].v.string.data = p + at;
            }
        }
    }
}
