
/*
 * Copyright (C) OpenQoE
 *
 * The events of a request mostly come from one player, and then most of their
 * members are the same, byte by byte: the session, the device, the video.  A
 * run of such members is not read again, but its fields copied from the event
 * before.  The same text at the same place of an event has the same meaning.
 */


#include "qoe_fast_priv.h"


/* Fewer members are sooner read than looked for. */
#define QOE_FAST_SHARE_MIN 4


static void qoe_fast_run(qoe_fast_marks_t *marks, const qoe_fast_mark_t *m,
    const char *same);
static void qoe_fast_copy(qoe_event_t *to, const qoe_event_t *from,
    const char *p, const qoe_fast_mark_t *m, const qoe_fast_mark_t *last);


/* Marks of the event that begins at p, unless it seems to be the only one. */

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
 * An event that has shared nothing is the one that the next ones are compared
 * with.
 */

void
qoe_fast_marks_end(qoe_fast_t *f)
{
    qoe_fast_mark_t  *m;

    if (f->now == NULL) {
        return;
    }

    /* behind the last one there is no comma: it is never shared */

    m = &f->now->mark[f->now->n];
    m->start = f->end;
    m->name = NULL;

    f->before = f->now;
}


/*
 * At p is the member that m marks in the earlier event, and n bytes from its
 * beginning on are the same.  The mark of the first member there that is not
 * shared, or NULL if that is not worth while; *names gets the bits of those
 * before.
 */

const qoe_fast_mark_t *
qoe_fast_share(qoe_fast_t *f, const char *p, size_t n,
    const qoe_fast_mark_t *m, uint64_t *names)
{
    const char             *same;
    qoe_fast_run_t         *run;
    const qoe_fast_mark_t  *last;

    /* a member is the same if all is up to where the next one begins */

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

    /* no more keys than that: each has a comma, or is its object's first */

    f->keys += last->commas - m->commas + last->containers - m->containers;

    f->now = NULL;

    qoe_fast_copy(f->ev, &f->events[f->before->event], p, m, last);

    return last;
}


/* The members from m on that are the same. */

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


/* Their fields; most often they are all that stand in a row. */

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

        /* a record finds its texts in its own body; the escaped are not */

        for (i = first; i < end; i++) {
            at = (uintptr_t) to->field[i].v.string.data - (uintptr_t) base;

            if (to->field[i].type == QOE_VALUE_STRING && at < len) {
                to->field[i].v.string.data = p + at;
            }
        }
    }
}
