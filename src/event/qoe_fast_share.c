
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


/* Marks of the event that begins now. */

void
qoe_fast_marks_begin(qoe_fast_t *f)
{
    f->now = (f->before == &f->marks[0]) ? &f->marks[1] : &f->marks[0];
    f->now->n = 0;
    f->now->event = f->nevents - 1;
}


/*
 * An event that has shared nothing is the one that the next ones are compared
 * with.
 */

void
qoe_fast_marks_end(qoe_fast_t *f)
{
    if (f->now != NULL) {
        f->before = f->now;
    }
}


/*
 * There is the member that m marks in the earlier event, and n bytes from its
 * beginning on are the same.  The mark of the first member there that is not
 * shared, or NULL if that is not worth while; *names gets the bits of those
 * before.
 */

const qoe_fast_mark_t *
qoe_fast_share(qoe_fast_t *f, size_t n, const qoe_fast_mark_t *m,
    uint64_t *names)
{
    size_t                  first, end;
    uint64_t                bits;
    const char             *same;
    const qoe_event_t      *from;
    const qoe_fast_mark_t  *last, *behind;

    same = m->start + n;

    /* a member is the same if all is up to where the next one begins */

    behind = &f->before->mark[f->before->n];
    bits = 0;

    for (last = m;
         last + 1 != behind && last->name != NULL && last[1].start <= same;
         last++)
    {
        bits |= last->name->bit;
    }

    if (last - m < QOE_FAST_SHARE_MIN || (*names & bits) != 0) {
        return NULL;
    }

    *names |= bits;
    f->unknown += last->unknown - m->unknown;
    f->containers += last->containers - m->containers;
    f->commas += last->commas - m->commas;
    f->now = NULL;

    from = &f->events[f->before->event];

    while (m != last) {
        first = m->name->first;
        end = m->name->end;

        for (m++; m != last && m->name->first == end; m++) {
            end = m->name->end;
        }

        memcpy(&f->ev->field[first], &from->field[first],
               (end - first) * sizeof(qoe_value_t));
    }

    return last;
}
