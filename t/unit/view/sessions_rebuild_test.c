
/*
 * Copyright (C) OpenQoE
 *
 * The table of sessions after a writer that was killed between two stores: it
 * may have filled slots without having counted them, and sessions may be gone
 * whose views are there, or views over.
 */


#include "tap.h"
#include "qoe_sessions.h"
#include "qoe_sessions_layout.h"


#define SIZE   (1024 * 1024)
#define COUNT  5


static qoe_sessions_t  *t;
static qoe_session_t   *s[COUNT];
static qoe_view_t      *v[COUNT];


/* Sessions 0 to 4 with a view each, heard of in the order 2, 3, 4, 0, 1. */

static void
make(void)
{
    uint64_t  i, key[2];

    free(t);
    t = aligned_alloc(64, SIZE);
    memset(t, 0, SIZE);
    qoe_sessions_create(t, SIZE);

    for (i = 0; i < COUNT; i++) {
        key[0] = key[1] = i + 1;
        s[i] = qoe_sessions_add(t, key);
        s[i]->received_ms = 1000 + (i + 3) % COUNT;
        v[i] = qoe_sessions_add_view(t, s[i], 100 + i);
        v[i]->received_ms = 1000 + (i + 3) % COUNT;
        qoe_sessions_list(t, v[i], QOE_SILENCE_PAUSED);
    }
}


static bool
counts(uint32_t sessions, uint32_t views, uint32_t over)
{
    qoe_sessions_info_t  info;

    qoe_sessions_info(t, &info);

    return info.sessions == sessions && info.views == views
           && info.over == over;
}


/* Is each session found by its key, with its view, and in the right order? */

static bool
sound(void)
{
    uint64_t        i, key[2];
    qoe_view_t     *next;
    qoe_session_t  *old;

    for (i = 0; i < COUNT; i++) {
        key[0] = key[1] = i + 1;

        if (qoe_sessions_find(t, key) != s[i]
            || qoe_sessions_view(t, s[i]) != v[i] || s[i]->nviews != 1
            || qoe_sessions_next_view(t, v[i]) != NULL
            || qoe_sessions_of(t, v[i]) != s[i])
        {
            return false;
        }
    }

    for (i = 0, old = qoe_sessions_oldest(t); i < COUNT; i++) {
        if (old != s[(i + 2) % COUNT]) {
            return false;
        }

        old = qoe_sessions_newer(t, old);
    }

    /* views are fresh, the one that was silent longest first */

    for (i = 0; i < COUNT; i++) {
        next = qoe_sessions_silent(t, QOE_SILENCE_FRESH);

        if (next != v[(i + 2) % COUNT]) {
            return false;
        }

        qoe_sessions_list(t, next, QOE_SILENCE_ACTIVE);
    }

    return old == NULL && qoe_sessions_silent(t, QOE_SILENCE_PAUSED) == NULL;
}


static void
test_order(void)
{
    make();
    qoe_sessions_rebuild(t);
    ok(sound() && counts(COUNT, COUNT, 0),
       "sessions and views are listed again by their last receipt");

    make();
    t->sessions.unused -= 2;
    t->views.unused -= 3;
    qoe_sessions_rebuild(t);
    ok(sound() && counts(COUNT, COUNT, 0) && t->sessions.unused == COUNT
       && t->views.unused == COUNT,
       "slots that were filled and not counted are counted");

    make();
    t->sessions.unused = t->views.unused = UINT32_MAX;
    qoe_sessions_rebuild(t);
    ok(sound() && counts(COUNT, COUNT, 0)
       && t->sessions.unused == t->sessions.capacity
       && t->views.unused == t->views.capacity,
       "no more slots are counted than there are");
}


static void
test_lost(void)
{
    uint64_t      key[2] = { 3, 3 };
    qoe_view_t   *again;

    make();
    memset(s[2]->key, 0, sizeof(s[2]->key));
    v[4]->session_tag++;
    v[0]->session = UINT32_MAX;
    qoe_sessions_rebuild(t);

    ok(counts(COUNT - 1, COUNT - 3, 0) && v[2]->view_key == 0
       && v[4]->view_key == 0 && v[0]->view_key == 0
       && v[1]->view_key == 101 && v[3]->view_key == 103,
       "a view whose session is gone, or is another one, is gone as well");
    ok(qoe_sessions_find(t, key) == NULL && qoe_sessions_view(t, s[0]) == NULL
       && s[0]->nviews == 0 && s[4]->nviews == 0 && s[1]->nviews == 1,
       "no session has such a view");

    ok(qoe_sessions_add(t, key) == s[2], "the slot of a session is used again");
    again = qoe_sessions_add_view(t, s[2], 7);
    ok((again == v[0] || again == v[2] || again == v[4])
       && qoe_sessions_view(t, s[2]) == again
       && counts(COUNT, COUNT - 2, 0), "so is that of a view");
}


static void
test_over(void)
{
    make();
    qoe_sessions_part(t, v[1], QOE_VIEW_ENDED);
    qoe_sessions_part(t, v[3], QOE_VIEW_SILENT);
    v[1]->seq |= 1;
    qoe_sessions_rebuild(t);

    ok(counts(COUNT, COUNT - 2, 2) && qoe_sessions_parted(t) == v[1]
       && v[1]->over == 1 + QOE_VIEW_ENDED && v[1]->view_key == 101
       && (v[1]->seq & 1) == 0,
       "views that are over stay so, and can be read");

    qoe_sessions_remove_view(t, v[1]);
    ok(qoe_sessions_parted(t) == v[3] && counts(COUNT, COUNT - 2, 1),
       "and leave one by one");
    qoe_sessions_remove_view(t, v[3]);
    ok(qoe_sessions_parted(t) == NULL && counts(COUNT, COUNT - 2, 0),
       "until none is left");
}


static void
test_newcomers(void)
{
    make();
    qoe_sessions_know(t, s[2]);
    qoe_sessions_rebuild(t);

    ok(qoe_sessions_newcomers(t) == COUNT - 1
       && qoe_sessions_newcomer(t, true, NULL) == s[3]
       && qoe_sessions_newcomer(t, true, s[3]) == s[4]
       && qoe_sessions_newcomer(t, false, NULL) == NULL,
       "newcomers stay newcomers, by their last receipt, and those who are "
       "known are none");
}


int
main(void)
{
    test_order();
    test_lost();
    test_over();
    test_newcomers();

    free(t);

    return tap_end();
}
